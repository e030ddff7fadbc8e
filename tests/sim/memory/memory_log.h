/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_log.h - private to tests/sim/memory/: the changes of a store in memory, so that they can
 * be undone and reported to the hooks.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_LOG_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_LOG_H

#include "tests/sim/memory/memory_struct.h"

struct memory_conflict;

enum memory_change {
    MEMORY_PUT,
    MEMORY_DROP,
    MEMORY_LANE_ADD,
    MEMORY_LANE_SET,
    MEMORY_LANE_DROP,
    MEMORY_META,
    MEMORY_CONFLICT_ADD,
    MEMORY_CONFLICT_DROP,
    MEMORY_WIPE,
};

/** One change, and how to undo it. */
struct memory_undo {
    enum memory_change what;
    union {
        struct {
            struct memory_record *is;  /* MEMORY_PUT; not owned */
            struct memory_record *was; /* owns; may be NULL in MEMORY_PUT */
        } record;
        struct {
            struct memory_lane *lane; /* owned in MEMORY_LANE_DROP */
            struct memory_numbers before, after;
        } lane;
        struct {
            struct weir_store_meta before, after;
        } meta;
        struct memory_conflict *conflict; /* owned in MEMORY_CONFLICT_DROP */
        struct memory_state *wiped;       /* owns */
    } of;
};

/** Room for so many changes. @return false: no memory */
bool memory_log_reserve(struct weir_memory *m, size_t num);
/** Add a change; there is room (contract). */
void memory_log_add(struct weir_memory *m, const struct memory_undo *u);
/** Undo all changes from `at` on. */
void memory_log_undo(struct weir_memory *m, size_t at);
/** Forget all changes: none can be undone any more. */
void memory_log_drop(struct weir_memory *m);
/** Call the hooks for all from `at` on. */
void memory_log_report(struct weir_memory *m, size_t at);

/** Undo the open transaction, if there is one, and end the life of what was lent. */
void memory_log_abort(struct weir_memory *m);

#endif
