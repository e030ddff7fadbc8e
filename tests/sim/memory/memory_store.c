/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_store.c - see memory.h: life, transactions and the operations of record_store.h. Each
 * operation asks for all the memory it needs before it changes anything.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory/memory_conflicts.h"
#include "tests/sim/memory/memory_log.h"
#include "tests/support/failalloc.h"

#define LENT_BLOCK 16384 /* bytes */

#ifdef WEIR_DEBUG
#define LENDS_COPIES true
#else
#define LENDS_COPIES false
#endif

/* What an operation may return, and what it is in times of trouble. */
enum {
    OP_ENOMEM = 1,
    OP_EFULL = 2,
    OP_CHANGES = 4,
    OP_NEEDS_ROOM = 8,
    OP_NEEDS_RESERVE = 16,
};
#define OP_READ 0

static struct weir_memory *memory_of(struct weir_record_store *k)
{
    struct weir_memory *m = weir_container_of(k, struct weir_memory, base);

    WEIR_ASSERT(m->magic == MEMORY_MAGIC);
    return m;
}

/* -- faults of operations -- */

static enum weir_err trouble_of(const struct weir_memory *m, unsigned op)
{
    switch (m->trouble) {
    case WEIR_MEMORY_SOUND:
        return WEIR_OK;
    case WEIR_MEMORY_RESERVE:
        return op & OP_NEEDS_RESERVE ? WEIR_EFULL : WEIR_OK;
    case WEIR_MEMORY_FULL:
        return op & OP_NEEDS_ROOM ? WEIR_EFULL : WEIR_OK;
    case WEIR_MEMORY_NOWRITE:
        return op & OP_CHANGES ? WEIR_EIO : WEIR_OK;
    case WEIR_MEMORY_DEAD:
        return WEIR_EIO;
    }
    WEIR_UNREACHABLE();
}

static enum weir_err allowed_error(unsigned op, enum weir_err err)
{
    if ((err == WEIR_ENOMEM && !(op & OP_ENOMEM)) || (err == WEIR_EFULL && !(op & OP_EFULL)))
        return WEIR_EIO;
    return err;
}

/* An operation begins. @return WEIR_OK | what it shall fail with */
static enum weir_err meet_faults(struct weir_memory *m, unsigned op)
{
    m->num_ops++;
    enum weir_err err = trouble_of(m, op);
    if (m->op_fails_in > 0 && --m->op_fails_in == 0)
        err = m->op_err;
    return allowed_error(op, err);
}

/* An operation fails. */
static enum weir_err fail_operation(struct weir_memory *m, unsigned op, enum weir_err err)
{
    err = allowed_error(op, err);
    if (err == WEIR_EIO || err == WEIR_EFULL)
        m->spoiled = err;
    return err;
}

static enum weir_err begin_operation(struct weir_memory *m, unsigned op)
{
    WEIR_ASSERT(m->is_open);
    enum weir_err err = meet_faults(m, op);
    return err < 0 ? fail_operation(m, op, err) : WEIR_OK;
}

/* The bytes of a record for the caller. Without memory for a copy, its own. A copy, which only some
 * builds make, does not count as an allocation. */
static const struct weir_record_context *lend_bytes(struct weir_memory *m,
                                                    const struct memory_record *r)
{
    size_t len = memory_record_bytes_len(r);
    bool counted = weir_failalloc_pause();
    struct weir_record_context *copy = LENDS_COPIES ? weir_arena_alloc(&m->lent, len) : NULL;

    weir_failalloc_resume(counted);
    if (copy == NULL)
        return r->bytes;
    memcpy(copy, r->bytes, len);
    return copy;
}

/* -- transactions -- */

static enum weir_err store_begin(struct weir_record_store *k)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(!m->is_open);
    enum weir_err err = meet_faults(m, OP_ENOMEM);
    if (err < 0)
        return err;
    m->is_open = true;
    m->spoiled = WEIR_OK;
    m->open_at = m->log_num;
    return WEIR_OK;
}

static enum weir_err commit_fault(struct weir_memory *m)
{
    bool has_changes = m->log_num > m->open_at;

    if (m->spoiled < 0 || (!has_changes && m->trouble != WEIR_MEMORY_DEAD))
        return m->spoiled;
    enum weir_err err = trouble_of(m, OP_CHANGES | OP_NEEDS_ROOM);
    if (has_changes && m->commit_fails_in > 0 && --m->commit_fails_in == 0)
        err = m->commit_err;
    return err;
}

static enum weir_err store_commit(struct weir_record_store *k)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->is_open);
    enum weir_err err = commit_fault(m);
    if (err < 0) {
        memory_log_abort(m);
        return err;
    }
    memory_recall(m);
    m->is_open = false;
    if (m->log_num > m->open_at) {
        m->num_commits++;
        memory_log_report(m, m->open_at);
        if (m->group == WEIR_GROUP_C)
            memory_log_drop(m);
    }
    return WEIR_OK;
}

static void store_undo(struct weir_record_store *k)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->is_open);
    memory_log_abort(m);
}

/* -- lanes -- */

/* Give a lane other numbers, or a row; there is room in the log. */
static void set_lane(struct weir_memory *m, struct memory_lane *lane, bool is_new,
                     const struct memory_numbers *after)
{
    if (!is_new && memcmp(&lane->is, after, sizeof(*after)) == 0)
        return;
    struct memory_undo u = {
        .what = is_new ? MEMORY_LANE_ADD : MEMORY_LANE_SET,
        .of.lane = { .lane = lane, .before = lane->is, .after = *after },
    };
    lane->is = *after;
    if (is_new)
        memory_lane_add(&m->s, lane);
    memory_log_add(m, &u);
}

static void remove_lane(struct weir_memory *m, struct memory_lane *lane)
{
    struct memory_undo u = { .what = MEMORY_LANE_DROP,
                             .of.lane = { .lane = lane, .before = lane->is } };

    memory_lane_remove(&m->s, lane);
    memory_log_add(m, &u);
}

/* @param ret_is_new  it is in no tree yet, and the caller's
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT */
static enum weir_err want_lane(struct weir_memory *m, const uint8_t name[WEIR_LANE_LEN],
                               struct memory_lane **ret, bool *ret_is_new)
{
    struct memory_lane *lane = memory_lane_find(&m->s, name);

    *ret_is_new = lane == NULL;
    if (lane == NULL && m->s.lanes.num >= WEIR_LANES_MAX)
        return WEIR_ELIMIT;
    if (lane == NULL)
        lane = memory_lane_new(name);
    *ret = lane;
    return lane != NULL ? WEIR_OK : WEIR_ENOMEM;
}

static enum weir_err store_next_lane(struct weir_record_store *k, const uint8_t *after,
                                     struct weir_lane_row *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    if (err < 0)
        return err;
    const struct memory_lane *lane = memory_lane_above(&m->s, after);
    if (lane == NULL)
        return WEIR_ENOTFOUND;
    *ret = memory_lane_show(lane, &lane->is);
    return WEIR_OK;
}

static enum weir_err store_put_lane(struct weir_record_store *k, const struct weir_lane_row *l)
{
    const unsigned op = OP_CHANGES | OP_NEEDS_ROOM | OP_ENOMEM | OP_EFULL;
    struct weir_memory *m = memory_of(k);
    struct memory_numbers after = { l->vv, l->seen, l->floor, l->final };
    struct memory_lane *lane = memory_lane_find(&m->s, l->lane);
    bool is_new = lane == NULL;

    enum weir_err err = begin_operation(m, op);
    if (err < 0)
        return err;
    if (lane != NULL && lane->is.seen > after.seen)
        after.seen = lane->is.seen;
    bool is_none = (after.vv | after.seen | after.floor | after.final) == 0;
    if (!memory_log_reserve(m, 1))
        return WEIR_ENOMEM;
    if (!is_none) {
        err = want_lane(m, l->lane, &lane, &is_new);
        if (err < 0)
            return err;
        set_lane(m, lane, is_new, &after);
    } else if (lane != NULL) {
        remove_lane(m, lane);
    }
    memory_recall(m);
    return WEIR_OK;
}

static enum weir_err store_drop_lane(struct weir_record_store *k, const uint8_t name[WEIR_LANE_LEN])
{
    struct weir_memory *m = memory_of(k);
    struct memory_lane *lane = memory_lane_find(&m->s, name);

    enum weir_err err = begin_operation(m, OP_CHANGES);
    if (err < 0)
        return err;
    WEIR_ASSERT(lane == NULL || lane->dots.num == 0);
    if (!memory_log_reserve(m, 1))
        return fail_operation(m, OP_CHANGES, WEIR_EIO);
    if (lane != NULL)
        remove_lane(m, lane);
    memory_recall(m);
    return WEIR_OK;
}

/* -- records -- */

/* @param seq  by the index @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
static enum weir_err show(struct weir_memory *m, const struct memory_record *r,
                          struct weir_stored_record *ret)
{
    struct weir_stored_record rec;

    if (r == NULL)
        return WEIR_ENOTFOUND;
    memory_record_show(r, lend_bytes(m, r), &rec);
    if (memory_record_holds(r)) {
        *ret = rec;
        return WEIR_OK;
    }
    *ret = (struct weir_stored_record){
        .rec = { .class = rec.rec.class, .key = rec.rec.key, .version = { .seq = r->by_dot.rank } }
    };
    return WEIR_ECORRUPT;
}

static enum weir_err store_get(struct weir_record_store *k, enum weir_class class,
                               struct weir_span key, struct weir_stored_record *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    return err < 0 ? err : show(m, memory_record_find(&m->s, class, key), ret);
}

static enum weir_err store_next_dot(struct weir_record_store *k, const uint8_t name[WEIR_LANE_LEN],
                                    uint64_t after, struct weir_stored_record *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    if (err < 0)
        return err;
    const struct memory_lane *lane = memory_lane_find(&m->s, name);
    return show(m, lane != NULL ? memory_record_dot(lane, after) : NULL, ret);
}

static enum weir_err store_next_key(struct weir_record_store *k, enum weir_class class,
                                    struct weir_span after, struct weir_stored_record *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    return err < 0 ? err : show(m, memory_record_above(&m->s, class, after), ret);
}

/* The first of a queue, if its time is not after `until`. */
static enum weir_err next_expired(struct weir_memory *m, const struct memory_tree *queue,
                                  uint64_t until, struct weir_stored_record *ret)
{
    enum weir_err err = begin_operation(m, OP_READ);
    if (err < 0)
        return err;
    const struct memory_link *first = memory_tree_first(queue);
    if (first == NULL || first->rank > until)
        return WEIR_ENOTFOUND;
    return show(m, weir_container_of(first, struct memory_record, by_when), ret);
}

static enum weir_err store_next_tombstone(struct weir_record_store *k, uint64_t until_ms,
                                          struct weir_stored_record *ret)
{
    struct weir_memory *m = memory_of(k);

    return next_expired(m, &m->s.tombstones, until_ms, ret);
}

static enum weir_err store_next_expired(struct weir_record_store *k, uint64_t until_s,
                                        struct weir_stored_record *ret)
{
    struct weir_memory *m = memory_of(k);

    return next_expired(m, &m->s.expiries, until_s, ret);
}

static enum weir_err store_put(struct weir_record_store *k, const struct weir_stored_record *rec)
{
    const unsigned op = OP_CHANGES | OP_NEEDS_ROOM | OP_ENOMEM | OP_EFULL |
                        (rec->rec.tombstone ? 0u : OP_NEEDS_RESERVE);
    struct weir_memory *m = memory_of(k);
    struct memory_lane *lane = NULL;
    bool is_new = false;

    enum weir_err err = begin_operation(m, op);
    if (err < 0)
        return err;
    struct memory_record *r = memory_record_new(m->group, rec);
    if (r == NULL || !memory_log_reserve(m, 2)) {
        free(r);
        return WEIR_ENOMEM;
    }
    err = want_lane(m, rec->rec.version.lane, &lane, &is_new);
    if (err < 0) {
        free(r);
        return err == WEIR_ELIMIT ? fail_operation(m, op, WEIR_EFULL) : err;
    }
    struct memory_numbers after = lane->is;
    if (after.seen < r->head.seq)
        after.seen = r->head.seq;
    set_lane(m, lane, is_new, &after);
    r->lane = lane;
    struct memory_undo u = { .what = MEMORY_PUT,
                             .of.record = { .is = r, .was = memory_record_add(&m->s, r) } };
    memory_log_add(m, &u);
    memory_recall(m);
    return WEIR_OK;
}

static enum weir_err store_drop(struct weir_record_store *k, enum weir_class class,
                                struct weir_span key)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_CHANGES);
    if (err < 0)
        return err;
    struct memory_record *r = memory_record_find(&m->s, class, key);
    if (!memory_log_reserve(m, 1))
        return fail_operation(m, OP_CHANGES, WEIR_EIO);
    if (r != NULL) {
        struct memory_undo u = { .what = MEMORY_DROP, .of.record = { .was = r } };
        memory_record_remove(&m->s, r);
        memory_log_add(m, &u);
    }
    memory_recall(m);
    return WEIR_OK;
}

/* -- numbers -- */

static enum weir_err store_get_meta(struct weir_record_store *k, struct weir_store_meta *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    if (err < 0)
        return err;
    *ret = m->s.meta;
    return WEIR_OK;
}

static bool same_meta(const struct weir_store_meta *a, const struct weir_store_meta *b)
{
    return memcmp(a->lane, b->lane, WEIR_LANE_LEN) == 0 && a->seq == b->seq &&
           a->hlc_floor == b->hlc_floor && a->live == b->live;
}

static enum weir_err store_put_meta(struct weir_record_store *k, const struct weir_store_meta *meta)
{
    const unsigned op = OP_CHANGES | OP_NEEDS_ROOM | OP_EFULL;
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, op);
    if (err < 0)
        return err;
    if (!memory_log_reserve(m, 1))
        return fail_operation(m, op, WEIR_EIO);
    if (!same_meta(meta, &m->s.meta)) {
        struct memory_undo u = { .what = MEMORY_META,
                                 .of.meta = { .before = m->s.meta, .after = *meta } };
        m->s.meta = *meta;
        memory_log_add(m, &u);
    }
    memory_recall(m);
    return WEIR_OK;
}

/* -- conflicts -- */

/* There is room in the log. */
static void remove_conflict(struct weir_memory *m, struct memory_conflict *c)
{
    struct memory_undo u = { .what = MEMORY_CONFLICT_DROP, .of.conflict = c };

    memory_conflict_remove(m, c);
    memory_log_add(m, &u);
}

static enum weir_err store_put_conflict(struct weir_record_store *k, const struct weir_conflict *c)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_CHANGES | OP_NEEDS_ROOM | OP_ENOMEM | OP_EFULL);
    if (err < 0)
        return err;
    if (!memory_conflict_is_listed(m, &c->loser.rec)) {
        struct memory_conflict *stored_record = memory_conflict_new(m, c);
        if (stored_record == NULL || !memory_log_reserve(m, 2)) {
            memory_conflict_free(stored_record);
            return WEIR_ENOMEM;
        }
        if (m->conflicts.num >= WEIR_CONFLICTS_MAX)
            remove_conflict(m, memory_conflict_above(m, 0));
        memory_conflict_add(m, stored_record, ++m->last_number);
        struct memory_undo u = { .what = MEMORY_CONFLICT_ADD, .of.conflict = stored_record };
        memory_log_add(m, &u);
    }
    memory_recall(m);
    return WEIR_OK;
}

static enum weir_err store_get_conflict(struct weir_record_store *k, uint64_t at,
                                        struct weir_conflict *ret)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_READ);
    if (err < 0)
        return err;
    if (at >= m->conflicts.num)
        return WEIR_ENOTFOUND;
    const struct memory_conflict *c = memory_conflict_at(m, at);
    memory_conflict_show(c, lend_bytes(m, c->loser), ret);
    return WEIR_OK;
}

struct expired_count {
    uint64_t until_ms;
    size_t num;
};

static bool count_expired(void *arg, struct memory_link *link)
{
    struct expired_count *expired = arg;

    expired->num +=
        weir_container_of(link, struct memory_conflict, by_number)->noted_ms <= expired->until_ms;
    return true;
}

/* The clock may have jumped back, so all are visited. */
static enum weir_err store_drop_conflicts(struct weir_record_store *k, uint64_t until_ms)
{
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, OP_CHANGES);
    if (err < 0)
        return err;
    struct expired_count expired = { .until_ms = until_ms };
    (void)memory_tree_each(&m->conflicts, count_expired, &expired);
    if (!memory_log_reserve(m, expired.num))
        return fail_operation(m, OP_CHANGES, WEIR_EIO);
    struct memory_conflict *c = expired.num > 0 ? memory_conflict_above(m, 0) : NULL;
    while (c != NULL) {
        uint64_t number = c->by_number.rank;
        if (c->noted_ms <= until_ms)
            remove_conflict(m, c);
        c = memory_conflict_above(m, number);
    }
    memory_recall(m);
    return WEIR_OK;
}

static enum weir_err store_wipe(struct weir_record_store *k)
{
    const unsigned op = OP_CHANGES | OP_EFULL;
    struct weir_memory *m = memory_of(k);

    enum weir_err err = begin_operation(m, op);
    if (err < 0)
        return err;
    struct memory_state *wiped = malloc(sizeof(*wiped));
    if (wiped == NULL || !memory_log_reserve(m, 1)) {
        free(wiped);
        return fail_operation(m, op, WEIR_EIO);
    }
    struct memory_undo u = { .what = MEMORY_WIPE, .of.wiped = wiped };
    *wiped = m->s;
    memory_state_init(&m->s);
    memory_log_add(m, &u);
    memory_recall(m);
    return WEIR_OK;
}

/* -- life -- */

static const struct weir_record_store_ops ops = {
    .begin = store_begin,
    .commit = store_commit,
    .abort = store_undo,
    .get = store_get,
    .put = store_put,
    .drop = store_drop,
    .next_dot = store_next_dot,
    .next_key = store_next_key,
    .next_tombstone = store_next_tombstone,
    .next_expired = store_next_expired,
    .next_lane = store_next_lane,
    .put_lane = store_put_lane,
    .drop_lane = store_drop_lane,
    .get_meta = store_get_meta,
    .put_meta = store_put_meta,
    .put_conflict = store_put_conflict,
    .get_conflict = store_get_conflict,
    .drop_conflicts = store_drop_conflicts,
    .wipe = store_wipe,
};

enum weir_err weir_memory_new(enum weir_group group, struct weir_memory **ret)
{
    struct weir_memory *m = calloc(1, sizeof(*m));

    WEIR_ASSERT(group < WEIR_GROUP_COUNT);
    if (m == NULL)
        return WEIR_ENOMEM;
    m->base.ops = &ops;
    m->magic = MEMORY_MAGIC;
    m->group = group;
    memory_state_init(&m->s);
    memory_conflicts_init(m);
    weir_arena_init(&m->lent, LENT_BLOCK, SIZE_MAX / 2);
    *ret = m;
    return WEIR_OK;
}

void weir_memory_free(struct weir_memory **m)
{
    struct weir_memory *gone = *m;

    if (gone == NULL)
        return;
    weir_memory_lose(gone);
    weir_arena_deinit(&gone->lent);
    gone->magic = 0;
    free(gone->log);
    free(gone);
    *m = NULL;
}

struct weir_record_store *weir_memory_record_store(struct weir_memory *m)
{
    return &m->base;
}
