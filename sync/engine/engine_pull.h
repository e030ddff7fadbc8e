/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_pull.h - private to the engine: pull sessions, as puller (R4, R5, R8).
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_PULL_H
#define WEIR_SYNC_ENGINE_ENGINE_PULL_H

#include "sync/engine/engine_state.h"

/** Begin the sessions whose time has come. */
void weir_engine_pull_run(struct weir_engine *e);

/**
 * Give up sessions without a response, go on with those that waited for
 * the budget, and from time to time want a pull from a random peer.
 */
void weir_engine_pull_tick(struct weir_engine *e);
/** When one of these two has something to do. */
uint64_t weir_engine_pull_deadline(const struct weir_engine *e);

/** A response came. @param len  bytes of its frame, for the byte budget */
void weir_engine_on_pull_rep(struct weir_engine *e, uint32_t link, const Weir__V1__PullRep *m,
                             size_t len);

/**
 * Fetch records by key from a link, whatever the vector covers.
 * @param keys  as weir_engine_key_name, all of one group
 */
void weir_engine_force(struct weir_engine *e, uint32_t link, ProtobufCBinaryData *keys, size_t num);

/* -- engine_vouch.c -- */

/** All that the peer of a link has up to `vv` was received and stored here. */
void weir_engine_note_given(struct weir_engine *e, uint32_t link, enum weir_group g,
                            const struct weir_vector *vv);

/** Is a member not connected that may come back? It may have more of a lane than any other. */
bool weir_engine_is_member_away(const struct weir_engine *e);

/** Raise the vector as far as it is vouched for, and want pulls from peers that could vouch for the
 * rest. Once a turn; does nothing unless a session has ended. */
void weir_engine_vouch(struct weir_engine *e, enum weir_group g);

#endif
