/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_vouch.h - private to the engine: rule R15: how far the vector may be raised after pulls.
 * A peer that is wrong can state a vector beyond the records that it sent, for a lane of any node.
 * So a lane is raised on the word of its own node, or of two peers that each sent all they have.
 * One peer's word is enough only while the lane's node is neither connected nor a member that may
 * come back, and when every other peer was asked since. In an overlay it always is: its nodes are
 * not linked to most of the others.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_VOUCH_H
#define WEIR_SYNC_ENGINE_ENGINE_VOUCH_H

#include "sync/engine/engine_state.h"

/** All that the peer of a link has up to `vv` was received and stored here. */
void weir_engine_note_given(struct weir_engine *e, uint32_t link, enum weir_group g,
                            const struct weir_vector *vv);

/** Raise the vector as far as it is vouched for, and want pulls from peers that could vouch for the
 * rest. Once a turn; does nothing unless a session has ended. */
void weir_engine_vouch(struct weir_engine *e, enum weir_group g);

/** Forget what was received: the store lost it. */
void weir_engine_forget_given(struct weir_engine *e);

#endif
