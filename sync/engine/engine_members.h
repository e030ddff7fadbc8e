/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_members.h - private to the engine: the engine's side of sync/members/.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_MEMBERS_H
#define WEIR_SYNC_ENGINE_ENGINE_MEMBERS_H

#include "sync/engine/engine_state.h"

/** Apply the time and the records of class MEMBER; once a turn. */
void weir_engine_members_tick(struct weir_engine *e);

/** The handshake of a link is done. @return false: the link was refused */
WEIR_MUST_USE bool weir_engine_members_up(struct weir_engine *e, uint32_t link);

/** A peer's heartbeat came. @return false: its link was refused */
WEIR_MUST_USE bool weir_engine_members_heard(struct weir_engine *e, uint32_t link,
                                             const Weir__V1__Heartbeat *h);

/** Add to a heartbeat when others were heard. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_members_gossip(struct weir_engine *e, Weir__V1__Heartbeat *m);

/** Does an earlier link lead to the same node, with its handshake done? The two have one vote. */
bool weir_engine_is_repeated(const struct weir_engine *e, uint32_t link);

/** Members beside this node that neither left nor were evicted; without their records, the nodes
 * that are connected. */
unsigned weir_engine_members_others(const struct weir_engine *e);

/** Is the peer one of those? A node without a record has no vote where members have some. */
bool weir_engine_members_votes(const struct weir_engine *e, const struct engine_link *l);

/**
 * R10: has every other member confirmed that it has nothing of this node's lane that the node
 * lacks?
 */
WEIR_MUST_USE bool weir_engine_members_confirm(const struct weir_engine *e);

/** Are the links an overlay, in which new batches are published once more? */
bool weir_engine_relays(const struct weir_engine *e);

#endif
