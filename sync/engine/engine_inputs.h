/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_inputs.h - private to the engine: the functions that only a turn calls: each handles
 * one kind of message, or the time.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_INPUTS_H
#define WEIR_SYNC_ENGINE_ENGINE_INPUTS_H

#include "sync/engine/engine_state.h"

/* -- engine_live.c -- */

/** R2: apply a batch, let it wait for those before it, or pull what is missing. */
void weir_engine_on_batch(struct weir_engine *e, uint32_t link, const Weir__V1__Batch *b,
                          struct weir_span frame);

/** Apply the waiting batches whose predecessors have come. */
void weir_engine_apply_waiting(struct weir_engine *e);

/** Drop the waiting batches. */
void weir_engine_drop_waiting(struct weir_engine *e);

/* -- engine_serve.c -- */

/** Send the response to a pull request. */
void weir_engine_on_pull_req(struct weir_engine *e, uint32_t link, const Weir__V1__PullReq *m);

/* -- engine_link.c -- */

/** Compare what both sides have and have purged (R6, R10), and decide whether to pull. */
void weir_engine_on_hello(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h);

/**
 * Send the Hellos that are wanted. If the floor rose in this turn, ask the peers that may be
 * below it where they stand.
 */
void weir_engine_send_hello(struct weir_engine *e);

/** Send a Hello again to peers that did not respond, or that are stale, behind or not live. */
void weir_engine_link_tick(struct weir_engine *e);

/* -- engine_heartbeat.c -- */

/** Send the heartbeat, when its time has come. */
void weir_engine_heartbeat(struct weir_engine *e);

/** What a heartbeat reports of its node, of others, and of records that this node lacks. */
void weir_engine_on_heartbeat(struct weir_engine *e, uint32_t link, const Weir__V1__Heartbeat *h);

/* -- engine_purge.c -- */

/** Drop old tombstones and conflicts, expired bans, and lanes of bans that are empty. */
void weir_engine_purge(struct weir_engine *e);

/* -- engine_retire.c -- */

/** R14: end the lanes that nothing is written on any more, and fold those that all members have. */
void weir_engine_retire_tick(struct weir_engine *e);

/* -- engine_audit.c -- */

/** Go on with the walk over all records: it checks checksums, and completes the sums. */
void weir_engine_scan(struct weir_engine *e);

/** Go on with the search for the keys of a peer's differing buckets. */
void weir_engine_audit_run(struct weir_engine *e);

/** Fetch damaged records from peers. */
void weir_engine_repair(struct weir_engine *e);

/** The sums of a heartbeat of a peer whose vector is equal to this one. */
void weir_engine_audit_heartbeat(struct weir_engine *e, uint32_t link,
                                 const Weir__V1__Heartbeat *h);

/** The buckets of a peer, or the keys in the buckets that differ. */
void weir_engine_on_audit(struct weir_engine *e, uint32_t link, const Weir__V1__Audit *a);

/**
 * Are there records here that the vector does not cover, or will there be? Then the sums
 * cannot be compared.
 */
bool weir_engine_in_motion(struct weir_engine *e);

/** Free what the search holds. */
void weir_engine_audit_deinit(struct weir_engine *e);

#endif
