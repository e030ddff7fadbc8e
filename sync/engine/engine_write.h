/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_write.h - private to the engine: writes of this node, and their publication.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_WRITE_H
#define WEIR_SYNC_ENGINE_ENGINE_WRITE_H

#include "sync/engine/engine_state.h"

/**
 * As weir_engine_write, for a write of the engine itself: in the open turn, without an ACKED
 * output.
 */
WEIR_MUST_USE enum weir_err weir_engine_write_own(struct weir_engine *e,
                                                  const struct weir_engine_write *w);

/** No records wait to be published. */
void weir_engine_pub_init(struct engine_pub *p);

/** Free the records that wait. */
void weir_engine_pub_deinit(struct engine_pub *p);

/**
 * Publish what was written: group C at each commit, group E at its interval or when a batch is
 * full.
 */
void weir_engine_publish(struct weir_engine *e);

/** The commit failed: drop the records that it would have made durable. */
void weir_engine_pub_undo(struct weir_engine *e, enum weir_group g);

#endif
