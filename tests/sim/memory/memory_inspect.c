/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_inspect.c - see memory.h: what a checker sees, without transactions and without faults.
 */
#include "node/base/hash.h"
#include "tests/sim/memory/memory_conflicts.h"

void weir_memory_watch(struct weir_memory *m, const struct weir_memory_hooks *hooks)
{
    m->hooks = hooks != NULL ? *hooks : (struct weir_memory_hooks){ .arg = NULL };
}

struct weir_memory_counts weir_memory_counts(const struct weir_memory *m)
{
    return (struct weir_memory_counts){
        .num_records = m->s.records.num,
        .num_tombstones = m->s.tombstones.num,
        .num_lanes = m->s.lanes.num,
        .num_conflicts = m->conflicts.num,
        .num_unsynced = m->is_open ? m->open_at : m->log_num,
        .num_ops = m->num_ops,
        .num_commits = m->num_commits,
    };
}

struct weir_store_meta weir_memory_meta(const struct weir_memory *m)
{
    return m->s.meta;
}

/* -- hash -- */

static uint64_t add_lane(uint64_t hash, const uint8_t lane[WEIR_LANE_LEN])
{
    return weir_hash64(hash, lane, WEIR_LANE_LEN);
}

static bool hash_lane(void *arg, struct memory_link *link)
{
    const struct memory_lane *lane = weir_container_of(link, struct memory_lane, by_name);
    const struct memory_numbers *is = &lane->is;
    uint64_t *hash = arg;

    *hash = add_lane(*hash, lane->name);
    *hash = weir_mix64(*hash + is->vv);
    *hash = weir_mix64(*hash + is->seen);
    *hash = weir_mix64(*hash + is->floor);
    *hash = weir_mix64(*hash + is->final);
    return true;
}

uint64_t weir_memory_hash(const struct weir_memory *m)
{
    const struct weir_store_meta *meta = &m->s.meta;
    uint64_t hash = weir_mix64(m->s.hash);

    (void)memory_tree_each(&m->s.lanes, hash_lane, &hash);
    hash = weir_mix64(hash + m->conflicts_hash);
    hash = add_lane(hash, meta->lane);
    hash = weir_mix64(hash + meta->seq);
    hash = weir_mix64(hash + meta->hlc_floor);
    return weir_mix64(hash + meta->live);
}

/* -- walks -- */

struct walk {
    weir_memory_record_fn record;
    weir_memory_lane_fn lane;
    weir_memory_conflict_fn conflict;
    void *arg;
};

static bool visit_record(void *arg, struct memory_link *link)
{
    const struct memory_record *r = weir_container_of(link, struct memory_record, by_key);
    const struct walk *walk = arg;
    struct weir_stored_record rec;

    memory_record_show(r, r->bytes, &rec);
    return walk->record(walk->arg, &rec, !memory_record_holds(r));
}

void weir_memory_each_record(const struct weir_memory *m, weir_memory_record_fn fn, void *arg)
{
    struct walk walk = { .record = fn, .arg = arg };

    (void)memory_tree_each(&m->s.records, visit_record, &walk);
}

static bool visit_lane(void *arg, struct memory_link *link)
{
    const struct memory_lane *lane = weir_container_of(link, struct memory_lane, by_name);
    const struct walk *walk = arg;
    struct weir_lane_row shown = memory_lane_show(lane, &lane->is);

    return walk->lane(walk->arg, &shown);
}

void weir_memory_each_lane(const struct weir_memory *m, weir_memory_lane_fn fn, void *arg)
{
    struct walk walk = { .lane = fn, .arg = arg };

    (void)memory_tree_each(&m->s.lanes, visit_lane, &walk);
}

static bool visit_conflict(void *arg, struct memory_link *link)
{
    const struct memory_conflict *c = weir_container_of(link, struct memory_conflict, by_number);
    const struct walk *walk = arg;
    struct weir_conflict shown;

    memory_conflict_show(c, c->loser->bytes, &shown);
    return walk->conflict(walk->arg, &shown);
}

void weir_memory_each_conflict(const struct weir_memory *m, weir_memory_conflict_fn fn, void *arg)
{
    struct walk walk = { .conflict = fn, .arg = arg };

    (void)memory_tree_each(&m->conflicts, visit_conflict, &walk);
}

enum weir_err weir_memory_find(const struct weir_memory *m, enum weir_class class,
                               struct weir_span key, struct weir_stored_record *ret)
{
    const struct memory_record *r = memory_record_find(&m->s, class, key);

    if (r == NULL)
        return WEIR_ENOTFOUND;
    memory_record_show(r, r->bytes, ret);
    return memory_record_holds(r) ? WEIR_OK : WEIR_ECORRUPT;
}
