/* SPDX-License-Identifier: Apache-2.0
 *
 * access_log.h - where access records go: bounded buffers per worker, one thread that writes them,
 * a tail for `weir logs`.
 * A worker never blocks and never makes a system call for a record: it formats into its current
 * buffer and hands full or old buffers to the log thread. When the disk is too slow, records are
 * dropped and counted (WEIR_M_ACCESS_LOG_DROPPED); a worker never waits.
 * Each record is one line (JSON with "\n"), at most WEIR_ACCESS_LINE_MAX bytes.
 */
#ifndef WEIR_NODE_LOOP_ACCESS_LOG_H
#define WEIR_NODE_LOOP_ACCESS_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"

#define WEIR_ACCESS_LINE_MAX 4096    /* a record of any content, flow/access.h */
#define WEIR_ACCESS_BUFFER   65536   /* bytes of one buffer */
#define WEIR_ACCESS_BUFFERS  8       /* per worker */
#define WEIR_ACCESS_TAIL_MAX 1048576 /* bytes of records, for weir logs */

struct weir_access_log;
struct weir_access_writer;
struct weir_access_target;

/**
 * @param target "stdout", "off" or a file path (created 0640, appended to)   @param
 * num_writers 1..WEIR_WORKERS_MAX
 * @return WEIR_OK | WEIR_EPERM | WEIR_EIO (on both, errno is that of open(2)) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_access_log_open(const char *target, uint32_t num_writers,
                                                 struct weir_access_log **ret);
/** Writes what was handed over, joins the thread, closes. All writers must have flushed (contract).
 * Waits up to 2 s for a reader of stdout that does not read. Sets *l NULL; NULL is legal. */
void weir_access_log_close(struct weir_access_log **l);
/** Control thread: open the file again (after logrotate moved it). On failure the old file stays in
 * use. */
WEIR_MUST_USE enum weir_err weir_access_log_reopen(struct weir_access_log *l);

/**
 * Control thread: open a target without using it yet, so that its failure is known before anything
 * changes.
 *
 * @param target  as weir_access_log_open   @param ret  owns it until it is switched to or discarded
 * @return as weir_access_log_open
 */
WEIR_MUST_USE enum weir_err weir_access_target_open(const char *target,
                                                    struct weir_access_target **ret);
/** Close a target that was not used. Sets *t NULL; NULL is legal. */
void weir_access_target_discard(struct weir_access_target **t);
/** Control thread: records go to this target from now on. Takes it, and sets *t NULL. */
void weir_access_log_switch(struct weir_access_log *l, struct weir_access_target **t);

/** The writer of worker i; its counters go to `metrics`. Call once per worker before its thread
 * starts. */
struct weir_access_writer *weir_access_log_writer(struct weir_access_log *l, uint32_t i,
                                                  struct weir_metrics *metrics);

/* -- the worker's side: one thread per writer -- */

/** Whether records are wanted. False ("off" and no tail reader, or w is NULL): skip the formatting.
 * Costs one relaxed load. */
bool weir_access_wanted(const struct weir_access_writer *w);
/** The same as a flag that changes by itself, relaxed, as long as the log is open; NULL if w is. */
const _Atomic bool *weir_access_wanted_flag(const struct weir_access_writer *w);
/** Room for one line of up to WEIR_ACCESS_LINE_MAX bytes, or NULL: dropped and counted. */
uint8_t *weir_access_reserve(struct weir_access_writer *w);
/** The first `len` bytes of the reserved room are the record. */
void weir_access_commit(struct weir_access_writer *w, size_t len);
/** Hand over what is there. Called by the worker some times a second, at drain and at stop. NULL is
 * legal. */
void weir_access_flush(struct weir_access_writer *w);

/* -- the control thread's side: weir logs -- */

/** Begin to read the tail. Records go to the tail while there is a file or a reader; readers are
 * counted. */
void weir_access_tail_begin(struct weir_access_log *l);
void weir_access_tail_end(struct weir_access_log *l);
/** Append to `out` the whole lines since *cursor (0 at first: all that the tail holds), move it on.
 * @return number of bytes that were lost because the reader was slower than the ring
 */
uint64_t weir_access_tail_read(struct weir_access_log *l, uint64_t *cursor,
                               struct weir_strbuf *out);

#endif
