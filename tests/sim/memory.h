/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - a store in memory that fails on demand: the keep of a simulated node. Nothing in it is
 * drawn or timed; who uses it says what fails and when. Records stand in four ordered trees, and
 * what a transaction changes is logged, so that it can be undone: at abort, and in group E at a
 * crash back to the last sync.   Owner: one thread.   Limits: memory; those of keep.h.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_H
#define WEIR_TESTS_SIM_MEMORY_H

#include "sync/keep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_memory;

/** Told of what a commit made true, in the order of its making, before commit returns. */
struct weir_memory_watch {
    void (*on_put)(void *arg, const struct weir_kept *rec); /* may be NULL, as all of these */
    void (*on_drop)(void *arg, const struct weir_kept *rec);
    void (*on_lane)(void *arg, const struct weir_keep_lane *before,
                    const struct weir_keep_lane *after);
    void (*on_wipe)(void *arg);
    void *arg; /* borrowed until the watch is replaced */
};

/**
 * @param is_synced  every commit is durable (group C); else only what weir_memory_sync has seen
 * @return NULL: no memory
 */
struct weir_memory *weir_memory_new(bool is_synced);
/** Sets *m NULL. An open transaction is forgotten. */
void weir_memory_free(struct weir_memory **m);
/** Borrowed until free. */
struct weir_keep *weir_memory_keep(struct weir_memory *m);
/** Copied; NULL: nobody watches. */
void weir_memory_watch(struct weir_memory *m, const struct weir_memory_watch *watch);

/* -- faults -- */

/** The operation after `num` more fails once with `err` (EIO, EFULL, ENOMEM), and what the
 * transaction did is lost; begin and commit count as operations. 0: the next. */
void weir_memory_fail_after(struct weir_memory *m, uint64_t num, enum weir_err err);
/** From now on every change and every commit with changes fails with `err`, until WEIR_OK. */
void weir_memory_break(struct weir_memory *m, enum weir_err err);
/** Everything committed is durable now. Not in a transaction (contract). */
void weir_memory_sync(struct weir_memory *m);
/** The machine dies: an open transaction, and what was not durable, is gone. */
void weir_memory_crash(struct weir_memory *m);
/** Flip bit `bit` (mod the record's bytes) of the `at`-th record in order of keys (mod their
 * number). @return false: there is none */
bool weir_memory_flip(struct weir_memory *m, uint64_t at, uint64_t bit);
/** Everything in `from` replaces what `m` has, checksums and damage included: a snapshot, a roll
 * back, a clone. Neither may be in a transaction (contract). @return WEIR_OK | WEIR_ENOMEM: m is
 * empty */
WEIR_MUST_USE enum weir_err weir_memory_copy(struct weir_memory *m, const struct weir_memory *from);
/** The disk is gone: records, lanes, numbers and conflicts. */
void weir_memory_erase(struct weir_memory *m);

/* -- looking, outside transactions -- */

/** The record after class and key in order (class 0: the first). Damaged ones are given as they
 * are. @return false: no more */
bool weir_memory_next(const struct weir_memory *m, enum weir_class class, struct weir_span key,
                      struct weir_kept *ret);
/** @return false: absent */
bool weir_memory_get(const struct weir_memory *m, enum weir_class class, struct weir_span key,
                     struct weir_kept *ret);
/** Ascending; borrowed until the next change. */
const struct weir_keep_lane *weir_memory_lanes(const struct weir_memory *m, size_t *ret_num);
const struct weir_keep_meta *weir_memory_meta(const struct weir_memory *m);
/** In the order of noting. @return NULL: no more */
const struct weir_keep_conflict *weir_memory_conflict(const struct weir_memory *m, size_t at);
size_t weir_memory_num(const struct weir_memory *m);

#endif
