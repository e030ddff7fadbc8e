/* SPDX-License-Identifier: Apache-2.0
 *
 * active_test.c - what a node reports of its records is never more than what is true: against a
 * twin that knows of each key what the node serves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "sync/activation/active.h"
#include "tests/support/failalloc.h"

#define S        UINT64_C(1000000)
#define READER   5
#define COMPILED (1u << WEIR_CLASS_TENANT | 1u << WEIR_CLASS_CERT)

static const uint8_t *lane_of(unsigned n)
{
    static uint8_t lanes[4][WEIR_LANE_LEN];
    static unsigned next;
    uint8_t *lane = lanes[next++ % 4];

    memset(lane, 0, WEIR_LANE_LEN);
    lane[0] = (uint8_t)(n * 37);
    lane[1] = (uint8_t)(n >> 8);
    lane[15] = (uint8_t)n;
    return lane;
}

static struct weir_active *active_new(void)
{
    struct weir_active_config cfg = { .compiled = COMPILED, .reader = READER, .mono_us = S };
    struct weir_active *a;

    assert_int_equal(weir_active_new(&cfg, &a), WEIR_OK);
    return a;
}

static struct weir_active *active_loaded(void)
{
    struct weir_active *a = active_new();

    weir_active_loaded(a);
    return a;
}

static void stored(struct weir_active *a, unsigned lane, uint64_t seq)
{
    weir_active_stored(a, lane_of(lane), seq, WEIR_CLASS_TENANT, 0);
}

static bool report(struct weir_active *a, unsigned lane, uint64_t seq, enum weir_active_state state)
{
    return weir_active_report(a, lane_of(lane), seq, state, WEIR_SPAN_LIT("because"));
}

static enum weir_ack_state state_of(const struct weir_active *a, unsigned lane, uint64_t durable,
                                    uint64_t seq)
{
    struct weir_ack ack;

    weir_active_lane(a, lane_of(lane), durable, &ack);
    return weir_ack_of(&ack, seq);
}

static void record_is_active_when_it_is_durable_and_live(void **state)
{
    struct weir_active *a = active_loaded();

    stored(a, 1, 1);
    assert_int_equal(state_of(a, 1, 0, 1), WEIR_ACK_ABSENT);
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_WAITING);
    assert_false(weir_active_is_final(a));
    assert_true(report(a, 1, 1, WEIR_ACTIVE_COMPILED));
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_WAITING);
    assert_true(report(a, 1, 1, WEIR_ACTIVE_STAGED));
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_WAITING);
    assert_int_equal(weir_active_count(a, WEIR_ACTIVE_STAGED), 1);
    assert_true(report(a, 1, 1, WEIR_ACTIVE_LIVE));
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_ACTIVE);
    assert_int_equal(weir_active_count(a, WEIR_ACTIVE_STAGED), 0);
    assert_true(weir_active_is_final(a));
    assert_false(report(a, 1, 1, WEIR_ACTIVE_REJECTED)); /* too late */
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_ACTIVE);
    weir_active_free(&a);
}

static void rejected_or_held_record_does_not_stop_those_behind_it(void **state)
{
    struct weir_active *a = active_loaded();
    struct weir_ack ack;

    for (uint64_t seq = 1; seq <= 6; seq++)
        stored(a, 1, seq);
    weir_active_stored(a, lane_of(1), 7, WEIR_CLASS_TENANT, READER + 1);
    assert_true(report(a, 1, 2, WEIR_ACTIVE_REJECTED));
    assert_true(report(a, 1, 3, WEIR_ACTIVE_HELD));
    assert_true(report(a, 1, 4, WEIR_ACTIVE_LIVE));
    assert_true(report(a, 1, 5, WEIR_ACTIVE_REJECTED));
    weir_active_lane(a, lane_of(1), 7, &ack);
    assert_int_equal(ack.active, 0); /* the first one is still on its way */
    assert_int_equal(ack.rejected, 5);
    assert_true(weir_span_eq(ack.why, WEIR_SPAN_LIT("because")));
    assert_int_equal(weir_ack_of(&ack, 4), WEIR_ACK_WAITING);

    assert_true(report(a, 1, 1, WEIR_ACTIVE_LIVE));
    weir_active_lane(a, lane_of(1), 7, &ack);
    assert_int_equal(ack.active, 5);
    assert_int_equal(weir_ack_of(&ack, 2), WEIR_ACK_REJECTED);
    assert_int_equal(weir_ack_of(&ack, 3), WEIR_ACK_WAITING);
    assert_int_equal(weir_ack_of(&ack, 4), WEIR_ACK_ACTIVE);
    assert_int_equal(weir_ack_of(&ack, 5), WEIR_ACK_REJECTED);
    assert_true(report(a, 1, 6, WEIR_ACTIVE_LIVE));
    assert_int_equal(state_of(a, 1, 7, 7), WEIR_ACK_WAITING); /* for a later weir */
    assert_false(report(a, 1, 7, WEIR_ACTIVE_LIVE));
    assert_true(report(a, 1, 2, WEIR_ACTIVE_LIVE)); /* what it named has come */
    assert_true(report(a, 1, 5, WEIR_ACTIVE_HELD));
    weir_active_lane(a, lane_of(1), 7, &ack);
    assert_int_equal(ack.rejected, 0);
    assert_int_equal(ack.why.len, 0);
    assert_int_equal(ack.active, 7);
    assert_true(weir_active_is_final(a));
    weir_active_free(&a);
}

static void states_move_only_along_their_ways(void **state)
{
    /* For each state that is tracked: the way to it, and the moves out of it. */
    static const struct {
        enum weir_active_state way[2];
        unsigned to;
    } table[] = {
        { { 0, 0 },
          1u << WEIR_ACTIVE_COMPILED | 1u << WEIR_ACTIVE_LIVE | 1u << WEIR_ACTIVE_REJECTED |
              1u << WEIR_ACTIVE_HELD },
        { { WEIR_ACTIVE_COMPILED, 0 },
          1u << WEIR_ACTIVE_STAGED | 1u << WEIR_ACTIVE_LIVE | 1u << WEIR_ACTIVE_REJECTED |
              1u << WEIR_ACTIVE_HELD },
        { { WEIR_ACTIVE_COMPILED, WEIR_ACTIVE_STAGED },
          1u << WEIR_ACTIVE_LIVE | 1u << WEIR_ACTIVE_REJECTED | 1u << WEIR_ACTIVE_HELD },
        { { WEIR_ACTIVE_HELD, 0 },
          1u << WEIR_ACTIVE_COMPILED | 1u << WEIR_ACTIVE_LIVE | 1u << WEIR_ACTIVE_REJECTED |
              1u << WEIR_ACTIVE_HELD },
        { { WEIR_ACTIVE_REJECTED, 0 },
          1u << WEIR_ACTIVE_COMPILED | 1u << WEIR_ACTIVE_LIVE | 1u << WEIR_ACTIVE_REJECTED |
              1u << WEIR_ACTIVE_HELD },
    };
    static const enum weir_active_state reports[] = {
        WEIR_ACTIVE_COMPILED, WEIR_ACTIVE_STAGED,   WEIR_ACTIVE_LIVE,
        WEIR_ACTIVE_HELD,     WEIR_ACTIVE_REJECTED,
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++)
        for (size_t j = 0; j < WEIR_ARRAY_LEN(reports); j++) {
            struct weir_active *a = active_loaded();
            stored(a, 1, 1);
            for (size_t k = 0; k < 2; k++)
                if (table[i].way[k] != 0)
                    assert_true(report(a, 1, 1, table[i].way[k]));
            bool may = (table[i].to >> reports[j] & 1) != 0;
            assert_int_equal(report(a, 1, 1, reports[j]), may);
            if (may && reports[j] != WEIR_ACTIVE_LIVE)
                assert_int_equal(weir_active_count(a, reports[j]), 1);
            weir_active_free(&a);
        }
}

static void replaced_record_has_the_fate_of_the_newer_one(void **state)
{
    struct weir_active *a = active_loaded();

    stored(a, 1, 1);
    stored(a, 2, 8);
    weir_active_superseded(a, lane_of(1), 1, lane_of(2), 8);
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_WAITING);
    assert_false(report(a, 1, 1, WEIR_ACTIVE_LIVE)); /* late */
    assert_true(report(a, 2, 8, WEIR_ACTIVE_REJECTED));
    assert_int_equal(state_of(a, 1, 1, 1), WEIR_ACK_WAITING); /* it was never served */
    stored(a, 1, 2);
    weir_active_superseded(a, lane_of(2), 8, lane_of(1), 2);
    assert_int_equal(state_of(a, 2, 8, 8), WEIR_ACK_WAITING);
    assert_int_equal(weir_active_count(a, WEIR_ACTIVE_REPLACED), 2);
    weir_active_superseded(a, lane_of(2), 8, lane_of(1), 2); /* reported twice */
    assert_true(report(a, 1, 2, WEIR_ACTIVE_LIVE));
    assert_int_equal(state_of(a, 1, 2, 1), WEIR_ACK_ACTIVE);
    assert_int_equal(state_of(a, 2, 8, 8), WEIR_ACK_ACTIVE);
    assert_int_equal(weir_active_count(a, WEIR_ACTIVE_REPLACED), 0);

    stored(a, 1, 3); /* replaced by one that needs no report */
    weir_active_superseded(a, lane_of(1), 3, lane_of(3), 1);
    assert_int_equal(state_of(a, 1, 3, 3), WEIR_ACK_ACTIVE);
    weir_active_superseded(a, lane_of(1), 3, lane_of(3), 1);
    weir_active_superseded(a, lane_of(9), 3, lane_of(3), 1);
    weir_active_free(&a);
}

static void live_record_stays_active_while_the_newer_one_waits(void **state)
{
    struct weir_active *a = active_loaded();

    stored(a, 1, 1);
    assert_true(report(a, 1, 1, WEIR_ACTIVE_LIVE));
    stored(a, 1, 2);
    weir_active_superseded(a, lane_of(1), 1, lane_of(1), 2);
    assert_true(report(a, 1, 2, WEIR_ACTIVE_REJECTED));
    assert_int_equal(state_of(a, 1, 2, 1), WEIR_ACK_ACTIVE);
    assert_int_equal(state_of(a, 1, 2, 2), WEIR_ACK_REJECTED);
    weir_active_free(&a);
}

static void classes_without_compiler_are_active_when_durable(void **state)
{
    struct weir_active *a = active_loaded();

    weir_active_stored(a, lane_of(1), 1, WEIR_CLASS_MEMBER, READER + 1);
    weir_active_stored(a, lane_of(1), 2, WEIR_CLASS_BAN, 0);
    weir_active_stored(a, lane_of(1), 3, (enum weir_class)77, 0);
    assert_int_equal(state_of(a, 1, 3, 3), WEIR_ACK_ACTIVE);
    assert_false(report(a, 1, 1, WEIR_ACTIVE_LIVE));
    weir_active_free(&a);
}

static void nothing_is_active_before_it_is_noted_as_stored(void **state)
{
    struct weir_active *a = active_new();

    stored(a, 1, 1);
    assert_true(report(a, 1, 1, WEIR_ACTIVE_LIVE));
    assert_int_equal(state_of(a, 1, 9, 1), WEIR_ACK_WAITING);
    assert_int_equal(state_of(a, 2, 9, 9), WEIR_ACK_WAITING);
    assert_false(weir_active_is_final(a));
    weir_active_loaded(a);
    assert_int_equal(state_of(a, 1, 9, 1), WEIR_ACK_ACTIVE);
    assert_int_equal(state_of(a, 2, 9, 9), WEIR_ACK_ACTIVE);
    stored(a, 1, 2);
    assert_true(report(a, 1, 2, WEIR_ACTIVE_REJECTED));
    weir_active_load(a);
    assert_int_equal(weir_active_count(a, WEIR_ACTIVE_REJECTED), 0);
    assert_int_equal(state_of(a, 1, 9, 1), WEIR_ACK_WAITING);
    weir_active_free(&a);
    weir_active_free(&a);
}

static void acks_report_changes_first_and_again_for_a_minute(void **state)
{
    struct weir_active *a = active_loaded();
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_ack out[40];
    unsigned reported[30] = { 0 };

    for (unsigned n = 0; n < 30; n++) {
        weir_active_durable(a, lane_of(n));
        if (n != 7)
            assert_int_equal(weir_vector_raise(&vv, lane_of(n), n + 1), WEIR_OK);
    }
    for (unsigned i = 0; i < 6; i++) { /* 29 of them, five a time */
        size_t num = weir_active_acks(a, &vv, out, 5);
        assert_int_equal(num, 5);
        for (size_t j = 0; j < num; j++) {
            reported[out[j].lane[15]]++;
            assert_int_equal(out[j].durable, out[j].lane[15] + 1);
            assert_int_equal(out[j].active, out[j].durable);
        }
    }
    unsigned num_twice = 0;
    for (unsigned n = 0; n < 30; n++) {
        assert_in_range(reported[n], n != 7, n == 7 ? 0 : 2);
        num_twice += reported[n] == 2;
    }
    assert_int_equal(num_twice, 1);
    weir_active_tick(a, 31 * S);
    stored(a, 21, 22);
    assert_int_equal(weir_active_acks(a, &vv, out, 3), 3);
    assert_int_equal(out[0].lane[15], 21);
    assert_int_equal(weir_ack_of(&out[0], 22), WEIR_ACK_WAITING);
    assert_int_equal(weir_active_acks(a, &vv, out, 40), 29);
    weir_active_tick(a, 61 * S);
    assert_int_equal(weir_active_acks(a, &vv, out, 40), 29);
    weir_active_tick(a, 61 * S + 1);
    assert_int_equal(weir_active_acks(a, &vv, out, 40), 1);
    weir_active_tick(a, 100 * S);
    assert_int_equal(weir_active_acks(a, &vv, out, 40), 0);
    assert_true(report(a, 21, 22, WEIR_ACTIVE_LIVE)); /* what waited was not forgotten */
    assert_int_equal(weir_active_acks(a, &vv, out, 40), 1);
    weir_vector_deinit(&vv);
    weir_active_free(&a);
}

static void holes_over_the_limit_end_what_is_active(void **state)
{
    struct weir_active *a = active_loaded();
    struct weir_ack ack;

    for (uint64_t seq = 1; seq <= 200; seq++) {
        stored(a, 1, seq);
        assert_true(report(a, 1, seq,
                           seq % 2   ? WEIR_ACTIVE_LIVE
                           : seq % 4 ? WEIR_ACTIVE_HELD
                                     : WEIR_ACTIVE_REJECTED));
    }
    weir_active_lane(a, lane_of(1), 200, &ack);
    assert_int_equal(ack.num_held, WEIR_ACK_HOLES_MAX);
    assert_int_equal(ack.num_refused, WEIR_ACK_HOLES_MAX);
    assert_int_equal(ack.active, 129);
    assert_int_equal(ack.rejected, 200);
    for (uint64_t seq = 1; seq <= 200; seq++)
        if (weir_ack_of(&ack, seq) == WEIR_ACK_ACTIVE)
            assert_int_equal(seq % 2, 1);
    weir_active_free(&a);
}

static void reason_is_cut_and_made_text(void **state)
{
    struct weir_active *a = active_loaded();
    char text[300];
    struct weir_ack ack;

    stored(a, 1, 1);
    memset(text, 'x', sizeof(text));
    memcpy(text, "a\nb\x7f", 4);
    memcpy(text + WEIR_ACK_WHY_MAX - 2, "\xe2\x82\xac", 3); /* a euro sign across the limit */
    assert_true(
        weir_active_report(a, lane_of(1), 1, WEIR_ACTIVE_REJECTED, weir_span(text, sizeof(text))));
    weir_active_lane(a, lane_of(1), 1, &ack);
    assert_int_equal(ack.why.len, WEIR_ACK_WHY_MAX - 2);
    assert_memory_equal(ack.why.at, "a b xxx", 7);
    assert_true(weir_active_report(a, lane_of(1), 1, WEIR_ACTIVE_REJECTED, WEIR_SPAN_EMPTY));
    weir_active_lane(a, lane_of(1), 1, &ack);
    assert_int_equal(ack.why.len, 0);
    assert_int_equal(ack.rejected, 1);
    weir_active_free(&a);
}

static void reasons_are_bounded(void **state)
{
    struct weir_active *a = active_loaded();
    struct weir_ack ack;

    for (uint64_t seq = 1; seq <= WEIR_ACTIVE_WHYS_MAX + 1; seq++) {
        stored(a, 1, seq);
        assert_true(report(a, 1, seq, WEIR_ACTIVE_REJECTED));
    }
    weir_active_lane(a, lane_of(1), WEIR_ACTIVE_WHYS_MAX + 1, &ack);
    assert_int_equal(ack.why.len, 0);
    weir_active_lane(a, lane_of(1), WEIR_ACTIVE_WHYS_MAX, &ack);
    assert_int_equal(ack.why.len, 7);
    assert_true(report(a, 1, 1, WEIR_ACTIVE_LIVE)); /* gives its place back */
    assert_true(report(a, 1, WEIR_ACTIVE_WHYS_MAX + 1, WEIR_ACTIVE_REJECTED));
    weir_active_lane(a, lane_of(1), WEIR_ACTIVE_WHYS_MAX + 1, &ack);
    assert_int_equal(ack.why.len, 7);
    weir_active_free(&a);
}

static void lane_stays_back_behind_what_there_was_no_room_for(void **state)
{
    struct weir_active *a = active_loaded();
    const uint64_t full = WEIR_ACTIVE_MAX;
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_ack ack;

    for (uint64_t seq = 1; seq <= full; seq++)
        stored(a, 1, seq);
    assert_int_equal(weir_active_dropped(a), 0);
    stored(a, 2, 9);
    stored(a, 2, 6);
    stored(a, 1, full + 1);
    assert_int_equal(weir_active_dropped(a), 3);
    for (uint64_t seq = 1; seq <= full; seq++)
        assert_true(report(a, 1, seq, WEIR_ACTIVE_LIVE));
    assert_false(report(a, 2, 6, WEIR_ACTIVE_LIVE)); /* it is not known what else was lost */
    assert_int_equal(state_of(a, 2, 20, 5), WEIR_ACK_ACTIVE);
    assert_int_equal(state_of(a, 2, 20, 6), WEIR_ACK_WAITING);
    weir_active_tick(a, 1000 * S);
    assert_int_equal(weir_active_acks(a, &vv, &ack, 1), 0);
    assert_int_equal(state_of(a, 2, 20, 20), WEIR_ACK_WAITING); /* and this is not forgotten */
    assert_int_equal(state_of(a, 1, full + 1, full), WEIR_ACK_ACTIVE);
    assert_int_equal(state_of(a, 1, full + 1, full + 1), WEIR_ACK_WAITING);
    assert_int_equal(state_of(a, 3, 5, 5), WEIR_ACK_ACTIVE);
    stored(a, 3, 6);
    weir_active_superseded(a, lane_of(3), 6, lane_of(2), 9); /* by one that was lost */
    assert_int_equal(state_of(a, 3, 6, 6), WEIR_ACK_WAITING);
    assert_false(weir_active_is_final(a));
    assert_true(weir_active_wants_load(a));
    weir_active_load(a);
    weir_active_loaded(a);
    assert_int_equal(state_of(a, 2, 20, 20), WEIR_ACK_ACTIVE);
    assert_false(weir_active_wants_load(a));
    weir_active_free(&a);
}

/* What one node serves of each key, and where each revision stands. */
#define TWIN_LANES 3
#define TWIN_KEYS  5
#define TWIN_SEQS  60

struct twin_rev {
    unsigned lane;
    uint64_t seq;
    unsigned version; /* of its key; the larger is the newer; 0: none */
    enum weir_active_state state;
    unsigned key;
};

struct twin {
    struct twin_rev rev[TWIN_LANES][TWIN_SEQS + 1];
    uint64_t num[TWIN_LANES];
    struct twin_rev *newest[TWIN_KEYS];
    unsigned serves[TWIN_KEYS]; /* version */
    unsigned versions;
};

static void twin_write(struct weir_active *a, struct twin *t, struct weir_rng *rng)
{
    unsigned lane = (unsigned)weir_rng_below(rng, TWIN_LANES);
    unsigned key = (unsigned)weir_rng_below(rng, TWIN_KEYS);

    if (t->num[lane] == TWIN_SEQS)
        return;
    struct twin_rev *r = &t->rev[lane][++t->num[lane]];
    *r = (struct twin_rev){ lane, t->num[lane], ++t->versions, WEIR_ACTIVE_STORED, key };
    uint16_t min_reader = weir_rng_below(rng, 10) == 0 ? READER + 1 : READER;
    if (min_reader > READER)
        r->state = WEIR_ACTIVE_HELD_SCHEMA;
    weir_active_stored(a, lane_of(lane), r->seq, WEIR_CLASS_TENANT, min_reader);
    struct twin_rev *old = t->newest[key];
    if (old != NULL)
        weir_active_superseded(a, lane_of(old->lane), old->seq, lane_of(lane), r->seq);
    t->newest[key] = r;
}

/* The data plane judges a revision, perhaps one that is no longer the newest. */
static void twin_judge(struct weir_active *a, struct twin *t, struct weir_rng *rng)
{
    static const enum weir_active_state reports[] = { WEIR_ACTIVE_LIVE, WEIR_ACTIVE_LIVE,
                                                      WEIR_ACTIVE_REJECTED, WEIR_ACTIVE_HELD };
    unsigned lane = (unsigned)weir_rng_below(rng, TWIN_LANES);
    struct twin_rev *r = &t->rev[lane][1 + weir_rng_below(rng, t->num[lane] + 1)];
    enum weir_active_state v = reports[weir_rng_below(rng, 4)];
    bool may = r->version > 0 && t->newest[r->key] == r && r->state != WEIR_ACTIVE_LIVE &&
               r->state != WEIR_ACTIVE_HELD_SCHEMA;

    if (r->version == 0)
        return;
    assert_int_equal(weir_active_report(a, lane_of(lane), r->seq, v, WEIR_SPAN_EMPTY), may);
    if (!may)
        return;
    r->state = v;
    if (v == WEIR_ACTIVE_LIVE)
        t->serves[r->key] = r->version;
}

/* Never more than is so; and no less, but behind what is on its way. */
static void twin_compare(const struct weir_active *a, const struct twin *t, struct weir_rng *rng,
                         size_t *seen)
{
    for (unsigned lane = 0; lane < TWIN_LANES; lane++) {
        uint64_t durable = weir_rng_below(rng, t->num[lane] + 1);
        bool is_behind = false;
        struct weir_ack ack;
        weir_active_lane(a, lane_of(lane), durable, &ack);
        for (uint64_t seq = 1; seq <= t->num[lane]; seq++) {
            const struct twin_rev *r = &t->rev[lane][seq];
            enum weir_ack_state got = weir_ack_of(&ack, seq);
            bool is_newest = t->newest[r->key] == r;
            bool is_served = t->serves[r->key] >= r->version;
            seen[got]++;
            assert_int_equal(got == WEIR_ACK_ABSENT, seq > durable);
            if (got == WEIR_ACK_ACTIVE)
                assert_true(is_served); /* it, or a newer one of its key */
            if (got == WEIR_ACK_REJECTED)
                assert_true(is_newest && r->state == WEIR_ACTIVE_REJECTED);
            is_behind |= is_newest && r->state == WEIR_ACTIVE_STORED;
            if (is_served && seq <= durable && !is_behind)
                assert_int_equal(got, WEIR_ACK_ACTIVE);
        }
    }
}

static void node_never_reports_as_active_what_it_does_not_serve(void **state)
{
    static struct twin t;
    size_t seen[WEIR_ACK_NUM_STATES] = { 0 };
    struct weir_rng rng;

    weir_rng_init(&rng, 20261205);
    for (int round = 0; round < 1000; round++) {
        struct weir_active *a = active_loaded();
        memset(&t, 0, sizeof(t));
        for (int step = 0; step < 150; step++) {
            if (weir_rng_below(&rng, 3) == 0)
                twin_write(a, &t, &rng);
            else
                twin_judge(a, &t, &rng);
            if (step % 5 == 0)
                twin_compare(a, &t, &rng, seen);
        }
        weir_active_free(&a);
    }
    for (unsigned s = 0; s < WEIR_ACK_NUM_STATES; s++)
        assert_true(seen[s] > 1000);
}

/* Holes of one lane in random order, against a table. */
static void tracked_records_agree_with_a_naive_twin(void **state)
{
    static bool stored_record[2001];
    struct weir_rng rng;
    size_t num = 0;
    struct weir_active *a = active_loaded();

    weir_rng_init(&rng, 20261206);
    for (int step = 0; step < 30000; step++) {
        uint64_t seq = 1 + weir_rng_below(&rng, step < 20000 ? 2000 : 20);
        if (weir_rng_below(&rng, 2)) {
            stored(a, 1, seq);
            num += !stored_record[seq];
            stored_record[seq] = true;
        } else {
            assert_int_equal(report(a, 1, seq, WEIR_ACTIVE_LIVE), stored_record[seq]);
            num -= stored_record[seq];
            stored_record[seq] = false;
        }
        assert_int_equal(weir_active_count(a, WEIR_ACTIVE_STORED), num);
        if (step % 100 == 0) {
            struct weir_ack ack;
            uint64_t first = 1;
            while (first <= 2000 && !stored_record[first])
                first++;
            weir_active_lane(a, lane_of(1), 2000, &ack);
            assert_int_equal(ack.active, first - 1);
        }
    }
    weir_active_free(&a);
}

static void node_without_memory_reports_less(void **state)
{
    bool done = false;

    for (long n = 1; !done; n++) {
        struct weir_active_config cfg = { .compiled = COMPILED, .reader = READER };
        struct weir_active *a = NULL;
        weir_failalloc_once(n);
        if (weir_active_new(&cfg, &a) == WEIR_OK) {
            weir_active_loaded(a);
            for (uint64_t seq = 1; seq <= 12; seq++) {
                unsigned lane = (unsigned)seq % 3;
                stored(a, lane, seq);
                if (seq % 4 == 0)
                    report(a, lane, seq, WEIR_ACTIVE_REJECTED);
                if (seq > 9)
                    weir_active_superseded(a, lane_of(lane), seq - 3, lane_of(lane), seq);
            }
        }
        done = (unsigned long)n > weir_failalloc_count();
        weir_failalloc_once(-1);
        for (uint64_t seq = 1; a != NULL && seq <= 12; seq++)
            assert_int_not_equal(state_of(a, (unsigned)seq % 3, 12, seq), WEIR_ACK_ACTIVE);
        for (uint64_t seq = 1; a != NULL && seq <= 12; seq++)
            report(a, (unsigned)seq % 3, seq, WEIR_ACTIVE_LIVE);
        for (uint64_t seq = 1; a != NULL && !weir_active_wants_load(a) && seq <= 12; seq++)
            assert_int_equal(state_of(a, (unsigned)seq % 3, 12, seq), WEIR_ACK_ACTIVE);
        weir_active_free(&a);
    }
}

static void states_have_names(void **state)
{
    for (unsigned a = 0; a < WEIR_ACTIVE_NUM_STATES; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(weir_active_state_name((enum weir_active_state)a),
                                    weir_active_state_name((enum weir_active_state)b));
    assert_string_equal(weir_active_state_name(WEIR_ACTIVE_NUM_STATES), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_is_active_when_it_is_durable_and_live),
        cmocka_unit_test(rejected_or_held_record_does_not_stop_those_behind_it),
        cmocka_unit_test(states_move_only_along_their_ways),
        cmocka_unit_test(replaced_record_has_the_fate_of_the_newer_one),
        cmocka_unit_test(live_record_stays_active_while_the_newer_one_waits),
        cmocka_unit_test(classes_without_compiler_are_active_when_durable),
        cmocka_unit_test(nothing_is_active_before_it_is_noted_as_stored),
        cmocka_unit_test(acks_report_changes_first_and_again_for_a_minute),
        cmocka_unit_test(holes_over_the_limit_end_what_is_active),
        cmocka_unit_test(reason_is_cut_and_made_text),
        cmocka_unit_test(reasons_are_bounded),
        cmocka_unit_test(lane_stays_back_behind_what_there_was_no_room_for),
        cmocka_unit_test(node_never_reports_as_active_what_it_does_not_serve),
        cmocka_unit_test(tracked_records_agree_with_a_naive_twin),
        cmocka_unit_test(node_without_memory_reports_less),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
