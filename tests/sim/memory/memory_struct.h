/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_struct.h - private to tests/sim/memory/: the store as a whole. Changes are in its log of
 * undos until they are dropped at commit (group C) or sync (group E); a record that a put replaced
 * lives there.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_STRUCT_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_STRUCT_H

#include "node/base/arena.h"
#include "tests/sim/memory/memory.h"
#include "tests/sim/memory/memory_rows.h"

#define MEMORY_MAGIC UINT32_C(0x776d656d)

struct memory_undo;

struct weir_memory {
    struct weir_record_store base;
    uint32_t magic;
    enum weir_group group;
    struct memory_state s;
    struct memory_tree conflicts; /* owns */
    struct memory_tree losers;    /* the same ones */
    uint64_t conflicts_hash;
    uint64_t last_number;   /* of a conflict */
    uint64_t looked_at;     /* the place of the conflict that was asked for last */
    uint64_t looked_number; /* its number; 0: the place is not known */

    struct memory_undo *log; /* owns */
    size_t log_num;
    size_t log_cap;
    size_t open_at; /* of the log: where the open transaction begins */
    bool is_open;
    enum weir_err spoiled; /* what commit will return */
    struct weir_arena lent;

    enum weir_memory_trouble trouble;
    uint64_t op_fails_in; /* 0: not */
    enum weir_err op_err;
    uint64_t commit_fails_in;
    enum weir_err commit_err;
    struct weir_memory_hooks hooks;
    uint64_t num_ops;
    uint64_t num_commits;
};

/** End the life of what was lent. */
static inline void memory_recall(struct weir_memory *m)
{
    if (m->lent.used > 0)
        weir_arena_reset(&m->lent);
}

#endif
