/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite_twin.c - see record_store_suite.h: random operations on a record store and on
 * arrays that are searched from end to end. Each result is compared, and all that both hold after
 * each transaction, be it committed, aborted or closed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/rng.h"
#include "tests/support/record_store_scene.h"

#define NUM_OPS       20000
#define OPS_MAX       16 /* of one transaction */
#define NUM_KEYS      24
#define NUM_LANES     5
#define CONFLICTS_MAX 24
#define CLASSES       2
#define SLOTS         (NUM_KEYS * CLASSES)
#define VALUE_MAX     64
#define SEED          20260923

/* A record as small numbers; the rest of it is derived from them. */
struct slot {
    bool used;
    bool tombstone;
    uint8_t lane; /* 1..NUM_LANES */
    uint8_t day;
    uint64_t seq;
    uint64_t expires;
};

struct twin_conflict {
    uint64_t noted_ms;
    int at; /* whose loser it is */
    struct slot loser;
};

struct twin {
    struct slot slots[SLOTS]; /* ordered by class and key */
    struct weir_lane_row lanes[NUM_LANES];
    struct weir_store_meta meta;
    struct twin_conflict conflicts[CONFLICTS_MAX];
    int num_conflicts;
};

struct pair {
    struct scene *s;
    struct twin is;
    struct twin committed;
    uint64_t next_seq[NUM_LANES];
    struct weir_rng rng;
    char keys[NUM_KEYS][8]; /* ascending */
    uint8_t value[VALUE_MAX];
};

static uint64_t below(struct pair *p, uint64_t n)
{
    return weir_rng_below(&p->rng, n);
}

/* -- what stands for what -- */

static enum weir_class class_at(const struct pair *p, int at)
{
    if (p->s->group == WEIR_GROUP_E)
        return WEIR_CLASS_BAN;
    return at < NUM_KEYS ? WEIR_CLASS_TENANT : WEIR_CLASS_CERT;
}

static struct weir_span key_at(const struct pair *p, int at)
{
    return weir_span_cstr(p->keys[at % NUM_KEYS]);
}

static int num_slots(const struct pair *p)
{
    return p->s->group == WEIR_GROUP_E ? NUM_KEYS : SLOTS;
}

static uint64_t stored_ms(const struct slot *slot)
{
    return RECORD_STORE_STORED_MS + slot->day * RECORD_STORE_DAY_MS;
}

/* The whole record. */
static struct weir_stored_record stored_of(const struct pair *p, int at, const struct slot *slot)
{
    struct weir_stored_record rec = {
        .rec = {
            .class = class_at(p, at),
            .key = key_at(p, at),
            .version = { .hlc = slot->seq << 16 | slot->lane, .seq = slot->seq },
            .tombstone = slot->tombstone,
            .schema = (uint16_t)(slot->seq % 7),
            .min_reader = (uint16_t)(slot->seq % 3),
            .expires = slot->expires,
        },
        .num_ctx = (uint8_t)(slot->seq % (WEIR_RECORD_CTX_MAX + 1)),
        .stored_ms = stored_ms(slot),
    };

    rs_lane(slot->lane, rec.rec.version.lane);
    if (!slot->tombstone)
        rec.rec.value = weir_span(p->value + slot->seq % 16, slot->seq % (VALUE_MAX - 16));
    if (slot->seq % 5 == 0)
        rec.sig = weir_span(p->value, WEIR_RECORD_SIG_LEN);
    if (slot->seq % 4 == 1)
        rec.extra = weir_span(p->value + 3, slot->seq % 32);
    for (unsigned i = 0; i < rec.num_ctx; i++) {
        memset(rec.ctx[i].tail, (int)(1 + (slot->seq + i) % NUM_LANES), WEIR_LANE_TAIL_LEN);
        rec.ctx[i].seq = 1 + i + slot->seq;
    }
    return rec;
}

/* A response is this slot's record, or nothing. @param at  < 0: nothing is expected */
static void expect(const struct pair *p, enum weir_err err, const struct weir_stored_record *got,
                   int at)
{
    if (at < 0) {
        assert_int_equal(err, WEIR_ENOTFOUND);
        return;
    }
    struct weir_stored_record want = stored_of(p, at, &p->is.slots[at]);
    assert_int_equal(err, WEIR_OK);
    rs_same(got, &want);
}

/* -- reads, and the twin's results -- */

static void ask_key(struct pair *p, int at)
{
    struct weir_stored_record got;
    enum weir_err err = p->s->k->ops->get(p->s->k, class_at(p, at), key_at(p, at), &got);

    expect(p, err, &got, p->is.slots[at].used ? at : -1);
}

/* @param from  the first slot that may be the response, in a class */
static void ask_next_key(struct pair *p, int from)
{
    int first = from / NUM_KEYS * NUM_KEYS;
    int at = from;
    struct weir_stored_record got;

    while (at < first + NUM_KEYS && !p->is.slots[at].used)
        at++;
    struct weir_span after = from > first ? key_at(p, from - 1) : WEIR_SPAN_EMPTY;
    enum weir_err err = p->s->k->ops->next_key(p->s->k, class_at(p, from), after, &got);
    expect(p, err, &got, at < first + NUM_KEYS ? at : -1);
}

/* @return the number that was found, 0: none */
static uint64_t ask_dot(struct pair *p, uint8_t lane, uint64_t after)
{
    uint8_t name[WEIR_LANE_LEN];
    struct weir_stored_record got;
    int best = -1;

    rs_lane(lane, name);
    for (int at = 0; at < num_slots(p); at++) {
        const struct slot *slot = &p->is.slots[at];
        if (slot->used && slot->lane == lane && slot->seq > after &&
            (best < 0 || slot->seq < p->is.slots[best].seq))
            best = at;
    }
    enum weir_err err = p->s->k->ops->next_dot(p->s->k, name, after, &got);
    expect(p, err, &got, best);
    return best < 0 ? 0 : p->is.slots[best].seq;
}

/* The place of a slot in a queue, in the unit of that queue; UINT64_MAX: it is not in it. */
static uint64_t rank_of(const struct pair *p, const struct slot *slot, bool tombstones)
{
    if (!slot->used || slot->tombstone != tombstones)
        return UINT64_MAX;
    if (p->s->group == WEIR_GROUP_C)
        return tombstones ? stored_ms(slot) : UINT64_MAX;
    if (!tombstones)
        return slot->expires > 0 ? slot->expires : UINT64_MAX;
    uint64_t expires_ms = slot->expires * 1000;
    return slot->expires > 0 && expires_ms < stored_ms(slot) ? expires_ms : stored_ms(slot);
}

static void ask_queue(struct pair *p, bool tombstones, uint64_t until)
{
    struct weir_record_store *k = p->s->k;
    uint64_t best_rank = UINT64_MAX;
    struct weir_stored_record got;
    int best = -1;

    for (int at = 0; at < num_slots(p); at++) {
        uint64_t rank = rank_of(p, &p->is.slots[at], tombstones);
        if (rank <= until && rank < best_rank) {
            best = at;
            best_rank = rank;
        }
    }
    enum weir_err err =
        tombstones ? k->ops->next_tombstone(k, until, &got) : k->ops->next_expired(k, until, &got);
    expect(p, err, &got, best);
}

static bool is_known(const struct weir_lane_row *lane)
{
    return (lane->vv | lane->seen | lane->floor | lane->final) != 0;
}

/* The first lane of a number of at least `from`. */
static void ask_lane(struct pair *p, uint8_t from)
{
    uint8_t after[WEIR_LANE_LEN];
    struct weir_lane_row got;
    int id = from;

    rs_lane((uint8_t)(from - 1), after);
    while (id <= NUM_LANES && !is_known(&p->is.lanes[id - 1]))
        id++;
    enum weir_err err = p->s->k->ops->next_lane(p->s->k, from > 1 ? after : NULL, &got);
    assert_int_equal(err, id <= NUM_LANES ? WEIR_OK : WEIR_ENOTFOUND);
    if (id > NUM_LANES)
        return;
    const struct weir_lane_row *want = &p->is.lanes[id - 1];
    assert_memory_equal(got.lane, want->lane, WEIR_LANE_LEN);
    assert_int_equal(got.vv, want->vv);
    assert_int_equal(got.seen, want->seen);
    assert_int_equal(got.floor, want->floor);
    assert_int_equal(got.final, want->final);
}

static void ask_meta(struct pair *p)
{
    struct weir_store_meta got;

    assert_int_equal(p->s->k->ops->get_meta(p->s->k, &got), WEIR_OK);
    assert_memory_equal(got.lane, p->is.meta.lane, WEIR_LANE_LEN);
    assert_int_equal(got.seq, p->is.meta.seq);
    assert_int_equal(got.hlc_floor, p->is.meta.hlc_floor);
    assert_int_equal(got.live, p->is.meta.live);
}

static void ask_conflict(struct pair *p, int at)
{
    struct weir_conflict got;
    enum weir_err err = p->s->k->ops->get_conflict(p->s->k, (uint64_t)at, &got);

    assert_int_equal(err, at < p->is.num_conflicts ? WEIR_OK : WEIR_ENOTFOUND);
    if (err < 0)
        return;
    const struct twin_conflict *want = &p->is.conflicts[at];
    struct weir_stored_record loser = stored_of(p, want->at, &want->loser);
    rs_same(&got.loser, &loser);
    assert_int_equal(got.noted_ms, want->noted_ms);
    assert_int_equal(got.winner.seq, want->noted_ms + 1);
}

/* All that can be asked. */
static void compare(struct pair *p)
{
    for (int at = 0; at < num_slots(p); at++) {
        ask_key(p, at);
        ask_next_key(p, at);
    }
    for (uint8_t id = 1; id <= NUM_LANES; id++) {
        ask_lane(p, id);
        for (uint64_t seq = ask_dot(p, id, 0); seq > 0; seq = ask_dot(p, id, seq))
            ;
    }
    ask_lane(p, NUM_LANES + 1);
    ask_queue(p, true, UINT64_MAX - 1);
    ask_queue(p, false, UINT64_MAX - 1);
    ask_meta(p);
    for (int at = 0; at <= p->is.num_conflicts; at++)
        ask_conflict(p, at);
}

/* -- changes -- */

static struct slot random_slot(struct pair *p)
{
    uint8_t lane = (uint8_t)(1 + below(p, NUM_LANES));
    struct slot slot = {
        .used = true,
        .tombstone = below(p, 3) == 0,
        .lane = lane,
        .day = (uint8_t)below(p, 6),
    };

    /* Numbers with holes. */
    p->next_seq[lane - 1] += 1 + (below(p, 4) == 0 ? below(p, 200) : 0);
    slot.seq = p->next_seq[lane - 1];
    if (p->s->group == WEIR_GROUP_E && below(p, 8) != 0)
        slot.expires = RECORD_STORE_STORED_MS / 1000 + below(p, 6) * (RECORD_STORE_DAY_MS / 1000);
    return slot;
}

static void do_put(struct pair *p, int at)
{
    struct slot slot = random_slot(p);
    struct weir_stored_record rec = stored_of(p, at, &slot);

    assert_int_equal(p->s->k->ops->put(p->s->k, &rec), WEIR_OK);
    p->is.slots[at] = slot;
    struct weir_lane_row *lane = &p->is.lanes[slot.lane - 1];
    if (lane->seen < slot.seq)
        lane->seen = slot.seq;
}

static void do_drop(struct pair *p, int at)
{
    assert_int_equal(p->s->k->ops->drop(p->s->k, class_at(p, at), key_at(p, at)), WEIR_OK);
    p->is.slots[at] = (struct slot){ .used = false };
}

static void do_lane(struct pair *p)
{
    struct weir_lane_row *lane = &p->is.lanes[below(p, NUM_LANES)];
    struct weir_lane_row row = *lane;

    row.vv = below(p, 3) * below(p, 1000);
    row.seen = below(p, 2) * below(p, 1000);
    row.floor = below(p, 2) * below(p, 1000);
    row.final = below(p, 8) == 0 ? below(p, 1000) : 0;
    assert_int_equal(p->s->k->ops->put_lane(p->s->k, &row), WEIR_OK);
    if (row.seen < lane->seen)
        row.seen = lane->seen;
    *lane = row;
}

static void do_drop_lane(struct pair *p)
{
    uint8_t id = (uint8_t)(1 + below(p, NUM_LANES));
    struct weir_lane_row *lane = &p->is.lanes[id - 1];

    for (int at = 0; at < num_slots(p); at++)
        if (p->is.slots[at].used && p->is.slots[at].lane == id)
            return;
    assert_int_equal(p->s->k->ops->drop_lane(p->s->k, lane->lane), WEIR_OK);
    lane->vv = lane->seen = lane->floor = lane->final = 0;
}

static void do_meta(struct pair *p)
{
    struct weir_store_meta meta = { .seq = below(p, 1000),
                                    .hlc_floor = below(p, 1000),
                                    .live = below(p, 2) == 0 };

    if (below(p, 4) != 0)
        rs_lane((uint8_t)(1 + below(p, NUM_LANES)), meta.lane);
    assert_int_equal(p->s->k->ops->put_meta(p->s->k, &meta), WEIR_OK);
    p->is.meta = meta;
}

static bool has_loser(const struct pair *p, int at, const struct slot *loser)
{
    for (int i = 0; i < p->is.num_conflicts; i++) {
        const struct twin_conflict *c = &p->is.conflicts[i];
        if (c->at == at && c->loser.lane == loser->lane && c->loser.seq == loser->seq)
            return true;
    }
    return false;
}

static void do_conflict(struct pair *p, int at)
{
    struct slot loser = p->is.slots[at].used ? p->is.slots[at] : random_slot(p);
    struct twin_conflict mine = { .noted_ms = below(p, 1000), .at = at, .loser = loser };
    struct weir_conflict c = { .noted_ms = mine.noted_ms,
                               .loser = stored_of(p, at, &loser),
                               .winner = { .hlc = 5, .seq = mine.noted_ms + 1 } };

    if (p->is.num_conflicts == CONFLICTS_MAX)
        return;
    rs_lane(1, c.winner.lane);
    assert_int_equal(p->s->k->ops->put_conflict(p->s->k, &c), WEIR_OK);
    if (!has_loser(p, at, &loser))
        p->is.conflicts[p->is.num_conflicts++] = mine;
}

static void do_drop_conflicts(struct pair *p)
{
    uint64_t until_ms = below(p, 1000);
    int num = 0;

    assert_int_equal(p->s->k->ops->drop_conflicts(p->s->k, until_ms), WEIR_OK);
    for (int i = 0; i < p->is.num_conflicts; i++)
        if (p->is.conflicts[i].noted_ms > until_ms)
            p->is.conflicts[num++] = p->is.conflicts[i];
    p->is.num_conflicts = num;
}

static void wipe_twin(struct twin *t)
{
    struct twin empty = { .num_conflicts = t->num_conflicts };

    memcpy(empty.conflicts, t->conflicts, sizeof(empty.conflicts));
    for (uint8_t id = 1; id <= NUM_LANES; id++)
        rs_lane(id, empty.lanes[id - 1].lane);
    *t = empty;
}

static void do_wipe(struct pair *p)
{
    assert_int_equal(p->s->k->ops->wipe(p->s->k), WEIR_OK);
    wipe_twin(&p->is);
}

static void ask_something(struct pair *p, int at)
{
    uint64_t until_ms = RECORD_STORE_STORED_MS + below(p, 7) * RECORD_STORE_DAY_MS;

    ask_key(p, at);
    ask_next_key(p, at);
    ask_queue(p, true, until_ms);
    ask_queue(p, false, until_ms / 1000);
    ask_lane(p, (uint8_t)(1 + below(p, NUM_LANES)));
    (void)ask_dot(p, (uint8_t)(1 + below(p, NUM_LANES)), below(p, 2000));
}

static void step(struct pair *p)
{
    int at = (int)below(p, (uint64_t)num_slots(p));
    uint64_t dice = below(p, 1000);
    bool has_conflicts = p->s->group == WEIR_GROUP_C;

    if (dice < 450)
        do_put(p, at);
    else if (dice < 600)
        do_drop(p, at);
    else if (dice < 700)
        do_lane(p);
    else if (dice < 760)
        do_drop_lane(p);
    else if (dice < 800)
        do_meta(p);
    else if (dice < 860 && has_conflicts)
        do_conflict(p, at);
    else if (dice < 875 && has_conflicts)
        do_drop_conflicts(p);
    else if (dice < 880)
        do_wipe(p);
    else
        ask_something(p, at);
}

/* -- the run -- */

static void end_transaction(struct pair *p)
{
    uint64_t dice = below(p, 100);

    if (dice < 30) {
        p->s->k->ops->abort(p->s->k);
        p->is = p->committed;
        scene_begin(p->s);
    } else if (dice < 33) {
        scene_reopen(p->s);
    } else {
        scene_commit(p->s);
        scene_begin(p->s);
    }
    p->committed = p->is;
    compare(p);
    scene_commit(p->s);
}

static struct pair *pair_new(struct scene *s)
{
    struct pair *p = calloc(1, sizeof(*p));
    const char *seed = getenv("WEIR_TWIN_SEED");

    assert_non_null(p);
    p->s = s;
    weir_rng_init(&p->rng, seed != NULL ? strtoull(seed, NULL, 10) : SEED);
    for (int i = 0; i < NUM_KEYS; i++) /* a, aa, aaa, b, bb .. : prefixes of one another */
        (void)snprintf(
            p->keys[i], sizeof(p->keys[i]), "%.*s", 1 + i % 3,
            (const char[4]){ (char)('a' + i / 3), (char)('a' + i / 3), (char)('a' + i / 3), '\0' });
    for (unsigned i = 0; i < VALUE_MAX; i++)
        p->value[i] = (uint8_t)(i * 37 + 11);
    wipe_twin(&p->is);
    p->committed = p->is;
    return p;
}

static void a_store_agrees_with_its_twin_through_random_transactions(void **state)
{
    struct pair *p = pair_new(*state);

    for (int done = 0; done < NUM_OPS;) {
        int num = (int)(1 + below(p, OPS_MAX));
        scene_begin(p->s);
        for (int i = 0; i < num; i++)
            step(p);
        done += num;
        end_transaction(p);
    }
    free(p);
}

const struct rs_test record_store_suite_twin[] = {
    RECORD_STORE_TEST(a_store_agrees_with_its_twin_through_random_transactions,
                      RECORD_STORE_IN_BOTH),
    { NULL, NULL, 0 },
};
