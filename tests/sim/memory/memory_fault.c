/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_fault.c - see memory.h: what goes wrong between and around transactions.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory/memory_conflicts.h"
#include "tests/sim/memory/memory_log.h"

#define BITS 8 /* of a byte */

static void check_err(enum weir_err err)
{
    WEIR_ASSERT(err == WEIR_EIO || err == WEIR_EFULL || err == WEIR_ENOMEM);
}

void weir_memory_fail_op(struct weir_memory *m, uint64_t n, enum weir_err err)
{
    check_err(err);
    m->op_fails_in = n;
    m->op_err = err;
}

void weir_memory_fail_commit(struct weir_memory *m, uint64_t n, enum weir_err err)
{
    check_err(err);
    m->commit_fails_in = n;
    m->commit_err = err;
}

void weir_memory_set_trouble(struct weir_memory *m, enum weir_memory_trouble trouble)
{
    m->trouble = trouble;
}

/* -- damage -- */

struct count {
    size_t left;
    struct memory_record *found;
};

static bool count_down(void *arg, struct memory_link *link)
{
    struct count *c = arg;

    if (c->left-- > 0)
        return true;
    c->found = weir_container_of(link, struct memory_record, by_key);
    return false;
}

/* The bytes of a part. @param ret_len  0: there are none */
static uint8_t *part_of(struct memory_record *r, enum weir_memory_part part, size_t *ret_len)
{
    switch (part) {
    case WEIR_MEMORY_HEADER:
        *ret_len = offsetof(struct memory_head, tombstone) + 1;
        return (uint8_t *)&r->head;
    case WEIR_MEMORY_VALUE:
        *ret_len = memory_record_body_len(r);
        return (uint8_t *)r->bytes;
    case WEIR_MEMORY_KEY:
        /* The bytes of the key are the index's too. To the sum a flip in the one or in the other is
         * the same: they do not fit each other by one bit. */
        *ret_len = sizeof(r->sum);
        return (uint8_t *)&r->sum;
    }
    WEIR_UNREACHABLE();
}

bool weir_memory_flip(struct weir_memory *m, size_t at, enum weir_memory_part part, uint64_t bit)
{
    struct count count = { .left = at };
    size_t len = 0;

    WEIR_ASSERT(!m->is_open);
    if (memory_tree_each(&m->s.records, count_down, &count))
        return false;
    struct memory_record *r = count.found;
    uint8_t *bytes = part_of(r, part, &len);
    if (len == 0)
        return false;
    bit %= (uint64_t)len * BITS;
    m->s.hash -= memory_record_hash(r);
    bytes[bit / BITS] ^= (uint8_t)(1u << bit % BITS);
    r->is_touched = true;
    m->s.hash += memory_record_hash(r);
    return true;
}

/* -- crashes -- */

void weir_memory_sync(struct weir_memory *m)
{
    WEIR_ASSERT(!m->is_open);
    memory_log_drop(m);
}

void weir_memory_crash(struct weir_memory *m)
{
    memory_log_abort(m);
    memory_log_undo(m, 0);
    memory_log_drop(m);
}

void weir_memory_lose(struct weir_memory *m)
{
    memory_log_abort(m);
    memory_log_drop(m);
    memory_state_deinit(&m->s);
    memory_conflicts_deinit(m);
}

/* -- copies -- */

/* Its parts are filled one by one. */
struct copy {
    struct weir_memory *to;
    bool failed;
};

static bool copy_lane(void *arg, struct memory_link *link)
{
    struct copy *c = arg;
    const struct memory_lane *from = weir_container_of(link, struct memory_lane, by_name);
    struct memory_lane *lane = memory_lane_new(from->name);

    c->failed = lane == NULL;
    if (c->failed)
        return false;
    lane->is = from->is;
    memory_lane_add(&c->to->s, lane);
    return true;
}

static bool copy_record(void *arg, struct memory_link *link)
{
    struct copy *c = arg;
    const struct memory_record *from = weir_container_of(link, struct memory_record, by_key);
    struct memory_record *r = memory_record_copy(from);

    c->failed = r == NULL;
    if (c->failed)
        return false;
    r->lane = memory_lane_find(&c->to->s, from->lane->name);
    (void)memory_record_add(&c->to->s, r);
    return true;
}

static bool copy_conflict(void *arg, struct memory_link *link)
{
    struct copy *c = arg;
    const struct memory_conflict *from = weir_container_of(link, struct memory_conflict, by_number);
    struct memory_conflict *conflict = memory_conflict_copy(from);

    c->failed = conflict == NULL;
    if (c->failed)
        return false;
    memory_conflict_add(c->to, conflict, from->by_number.rank);
    return true;
}

enum weir_err weir_memory_clone(const struct weir_memory *from, struct weir_memory **ret)
{
    struct copy c = { .to = NULL };

    WEIR_ASSERT(!from->is_open);
    enum weir_err err = weir_memory_new(from->group, &c.to);
    if (err < 0)
        return err;
    (void)(memory_tree_each(&from->s.lanes, copy_lane, &c) &&
           memory_tree_each(&from->s.records, copy_record, &c) &&
           memory_tree_each(&from->conflicts, copy_conflict, &c));
    if (c.failed) {
        weir_memory_free(&c.to);
        return WEIR_ENOMEM;
    }
    c.to->s.meta = from->s.meta;
    c.to->last_number = from->last_number;
    *ret = c.to;
    return WEIR_OK;
}

enum weir_err weir_memory_restore(struct weir_memory *m, const struct weir_memory *from)
{
    struct weir_memory *copy = NULL;

    WEIR_ASSERT(!m->is_open);
    WEIR_ASSERT(m->group == from->group);
    enum weir_err err = weir_memory_clone(from, &copy);
    if (err < 0)
        return err;
    weir_memory_lose(m);
    m->s = copy->s;
    m->conflicts = copy->conflicts;
    m->losers = copy->losers;
    m->conflicts_hash = copy->conflicts_hash;
    m->last_number = copy->last_number;
    memory_state_init(&copy->s);
    memory_conflicts_init(copy);
    weir_memory_free(&copy);
    return WEIR_OK;
}
