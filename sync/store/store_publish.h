/* SPDX-License-Identifier: Apache-2.0
 *
 * store_publish.h - private to the store: what the writer lets other threads see.
 */
#ifndef WEIR_SYNC_STORE_STORE_PUBLISH_H
#define WEIR_SYNC_STORE_STORE_PUBLISH_H

#include "sync/store/store_lmdb.h"

/** Let other threads see the figures of the last commit. */
void weir_store_publish(struct weir_store *s);

/** Let other threads see that the disk failed. */
void weir_store_publish_failure(struct weir_store *s);

/**
 * When a damaged page was found: leave a mark for the next start, which then repairs the file.
 */
void weir_store_mark_suspect(struct weir_store *s);

/** Add to a metric of the writer's block, if there is one. */
void weir_store_count_metric(const struct weir_store *s, enum weir_metric which, uint64_t num);
/**
 * Count a write that wrote nothing: as a refusal by its reason, or as a fault of disk, memory or
 * data. A success, and a record that has the wanted content already, count as neither.
 */
void weir_store_count_unwritten(const struct weir_store *s, const struct weir_write *w);

#endif
