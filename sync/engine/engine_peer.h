/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_peer.h - private to the engine: what every file may do to a link or a pull session of it.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_PEER_H
#define WEIR_SYNC_ENGINE_ENGINE_PEER_H

#include "sync/engine/engine_state.h"

/**
 * Send a Hello to this link at the next commit. A link that is not up, or was refused: nothing
 * happens.
 */
void weir_engine_want_hello(struct weir_engine *e, uint32_t link);

/** Begin a pull of the group from this link at `at_us`, or earlier if one is wanted earlier. */
void weir_engine_want_pull(struct weir_engine *e, uint32_t link, enum weir_group g, uint64_t at_us);

/** When to try again a pull that did not succeed: at a random moment soon. */
uint64_t weir_engine_retry_at(struct weir_engine *e);
/** The session is over; its vectors are empty. */
void weir_engine_close_pull(struct engine_pull *p);
/** The session did not succeed: count it, close it, and try again later. */
void weir_engine_pull_lost(struct weir_engine *e, struct engine_pull *p);

/** The same for all sessions of a link, or of every link with WEIR_ENGINE_NO_LINK. */
void weir_engine_pulls_lost(struct weir_engine *e, uint32_t link);

/** Free what is known of a peer. */
void weir_engine_link_deinit(struct engine_link *l);

/** R15: forget what was received of all peers: the store lost it. */
void weir_engine_forget_given(struct weir_engine *e);

/** members.h counts one link less to the peer. */
void weir_engine_members_down(struct weir_engine *e, uint32_t link);

/** R15: the peer stated what cannot be true: count it, and refuse the link. */
void weir_engine_false_claim(struct weir_engine *e, uint32_t link);

/** Accept nothing more from this link: raise an alarm, and CUT it. Again: nothing happens. */
void weir_engine_refuse(struct weir_engine *e, uint32_t link, enum weir_alarm alarm);

#endif
