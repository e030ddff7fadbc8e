/* SPDX-License-Identifier: Apache-2.0
 *
 * members_judge_test.c - what follows from silence, from the words of others, and from their
 * clocks.
 */
#include "node/base/rng.h"
#include "tests/unit/sync/members/members_rig.h"

#define ALIVE   WEIR_MEMBERS_ALIVE
#define SUSPECT WEIR_MEMBERS_SUSPECT
#define DOWN    WEIR_MEMBERS_DOWN
#define LOST    WEIR_MEMBERS_LOST

static void hear_range(struct rig *r, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++)
        rig_hear(r, n);
}

static void silent_member_is_suspect_then_down_then_lost(void **state)
{
    struct rig r = rig_of(6);

    hear_range(&r, 1, 6);
    for (unsigned s = 1; s <= 16; s++) {
        rig_pass(&r, S);
        hear_range(&r, 2, 6);
        assert_int_equal(rig_life(&r, 1), s < 5 ? ALIVE : s < 15 ? SUSPECT : DOWN);
        assert_int_equal(weir_members_factor(r.m), 1);
    }
    rig_pass(&r, 86400 * S - 16 * S - 1);
    assert_int_equal(rig_life(&r, 1), DOWN);
    rig_pass(&r, S);
    assert_int_equal(rig_life(&r, 1), LOST);
    assert_int_equal(weir_members_count(r.m, LOST), 1);
    assert_int_equal(weir_members_joined(r.m), 6);
    rig_hear(&r, 1);
    assert_int_equal(rig_life(&r, 1), ALIVE);
    weir_members_free(&r.m);
}

static void member_never_heard_is_suspect_from_the_start(void **state)
{
    struct rig r = rig_of(4);

    for (unsigned s = 0; s < 20; s++) {
        assert_int_equal(rig_life(&r, 1), s < 15 ? SUSPECT : DOWN);
        hear_range(&r, 2, 4);
        rig_pass(&r, S);
    }
    weir_members_free(&r.m);
}

static void word_of_two_keeps_a_silent_member_alive(void **state)
{
    struct rig r = rig_of(6);

    hear_range(&r, 1, 6);
    for (unsigned s = 1; s <= 60; s++) {
        rig_pass(&r, S);
        hear_range(&r, 2, 6);
        rig_vouch(&r, 2, 1, S);
        if (s <= 20) {
            rig_vouch(&r, 3 + s % 3, 1, S / 2);
        } else { /* one alone, twice; itself; a stranger; this node */
            rig_vouch(&r, 2, 1, 0);
            rig_vouch(&r, 1, 1, 0);
            rig_vouch(&r, 77, 1, 0);
            rig_vouch(&r, 0, 1, 0);
        }
        if (s < 20 + 4)
            assert_int_equal(rig_life(&r, 1), ALIVE);
        if (s > 20 + 5)
            assert_int_equal(rig_life(&r, 1), s < 20 + 15 ? SUSPECT : DOWN);
    }
    rig_vouch(&r, 3, 1, 6 * S); /* too long ago to count */
    rig_pass(&r, S);
    assert_int_equal(rig_life(&r, 1), SUSPECT);
    rig_vouch(&r, 3, 1, 0);
    rig_pass(&r, S);
    assert_int_equal(rig_life(&r, 1), ALIVE);
    weir_members_free(&r.m);
}

static void word_of_the_only_other_is_enough(void **state)
{
    struct rig r = rig_of(3);

    hear_range(&r, 1, 3);
    for (unsigned s = 1; s <= 30; s++) {
        rig_pass(&r, S);
        rig_hear(&r, 2);
        rig_vouch(&r, 2, 1, S);
        assert_int_equal(rig_life(&r, 1), ALIVE);
    }
    weir_members_free(&r.m);
}

static void times_stretch_while_most_are_silent(void **state)
{
    static const struct {
        unsigned num_heard; /* of 8 */
        unsigned factor;
    } table[] = { { 8, 1 }, { 4, 1 }, { 3, 2 }, { 2, 2 }, { 1, 4 }, { 0, 8 } };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++) {
        struct rig r = rig_of(9);
        unsigned num = table[i].num_heard;
        unsigned factor = table[i].factor;
        hear_range(&r, 1, 9);
        for (unsigned s = 1; s <= 15 * factor; s++) {
            rig_pass(&r, S);
            hear_range(&r, 1, 1 + num);
            if (s >= 5 && s < 15 * factor)
                assert_int_equal(weir_members_factor(r.m), factor);
            if (num < 8)
                assert_int_equal(rig_life(&r, 8), s < 5 * factor    ? ALIVE
                                                  : s < 15 * factor ? SUSPECT
                                                                    : DOWN);
        }
        assert_int_equal(weir_members_count(r.m, ALIVE), 1 + num);
        rig_pass(&r, S); /* those that are down do not count any more */
        assert_int_equal(weir_members_factor(r.m), 1);
        weir_members_free(&r.m);
    }
}

static void longer_times_make_nobody_alive_again(void **state)
{
    struct rig r = rig_of(9);

    hear_range(&r, 1, 9);
    for (unsigned s = 1; s <= 6; s++) {
        rig_pass(&r, S);
        hear_range(&r, 2, 9);
    }
    assert_int_equal(rig_life(&r, 1), SUSPECT);
    for (unsigned s = 1; s <= 6; s++)
        rig_pass(&r, S);
    assert_int_equal(weir_members_factor(r.m), 8);
    assert_int_equal(rig_life(&r, 1), SUSPECT);
    assert_int_equal(rig_life(&r, 2), ALIVE);
    weir_members_free(&r.m);
}

static void only_peer_that_is_silent_is_suspect_in_time(void **state)
{
    struct rig r = rig_of(2);

    rig_hear(&r, 1);
    rig_pass(&r, 5 * S);
    assert_int_equal(rig_life(&r, 1), SUSPECT);
    rig_pass(&r, 10 * S);
    assert_int_equal(rig_life(&r, 1), DOWN);
    weir_members_free(&r.m);
}

static void silence_is_checked_four_times_a_second(void **state)
{
    struct rig r = rig_of(2);

    rig_hear(&r, 1);
    assert_int_equal(weir_members_deadline(r.m), r.us + WEIR_MEMBERS_SCAN_US);
    rig_pass(&r, 5 * S - 1);
    rig_pass(&r, 1);
    assert_int_equal(rig_life(&r, 1), ALIVE); /* checked a moment ago */
    assert_int_equal(weir_members_deadline(r.m), r.us - 1 + WEIR_MEMBERS_SCAN_US);
    rig_pass(&r, WEIR_MEMBERS_SCAN_US);
    assert_int_equal(rig_life(&r, 1), SUSPECT);
    weir_members_free(&r.m);
}

/* Naive twin: everything that was ever heard or reported is in a log, and is searched anew. */
#define TWIN_NODES 7
#define TWIN_LOG   4096

struct twin {
    struct {
        unsigned from; /* 0: by this node itself */
        unsigned of;
        uint64_t heard_us;
    } log[TWIN_LOG];
    size_t num;
    uint64_t latest_us[TWIN_NODES]; /* at the last twin_judge */
    unsigned factor;
    enum weir_members_life life[TWIN_NODES];
};

static uint64_t twin_latest(const struct twin *t, unsigned of, unsigned from)
{
    uint64_t us = from == 0 ? RIG_START_US : 0;

    for (size_t i = 0; i < t->num; i++)
        if (t->log[i].of == of && t->log[i].from == from && t->log[i].heard_us > us)
            us = t->log[i].heard_us;
    return us;
}

/* The latest time that `need` nodes agree on. */
static uint64_t twin_agreed(const struct twin *t, unsigned of, unsigned need)
{
    uint64_t first = 0;
    uint64_t second = 0;

    for (unsigned from = 1; from < TWIN_NODES; from++) {
        uint64_t us = twin_latest(t, of, from);
        if (us > first) {
            second = first;
            first = us;
        } else if (us > second) {
            second = us;
        }
    }
    return need > 1 ? second : first;
}

static unsigned twin_factor(const struct twin *t, uint64_t now_us)
{
    unsigned num = 0;
    unsigned silent = 0;

    for (unsigned n = 1; n < TWIN_NODES; n++) {
        if (t->life[n] == DOWN)
            continue;
        num++;
        silent += now_us - twin_latest(t, n, 0) >= 5 * S;
    }
    return num < 2 || 2 * silent <= num ? 1 : silent == num ? 8 : 4 * silent > 3 * num ? 4 : 2;
}

static void twin_judge(struct twin *t, uint64_t now_us)
{
    unsigned factor = twin_factor(t, now_us);

    t->factor = factor;
    /* In the order of ids, as one that falls is not asked about the next. */
    bool done[TWIN_NODES] = { true };
    for (unsigned i = 1; i < TWIN_NODES; i++) {
        unsigned n = 0;
        unsigned others = 0;
        for (unsigned j = 1; j < TWIN_NODES; j++)
            if (!done[j] && (n == 0 || memcmp(rig_id(j), rig_id(n), WEIR_NODE_ID_LEN) < 0))
                n = j;
        done[n] = true;
        for (unsigned j = 1; j < TWIN_NODES; j++)
            others += j != n && t->life[j] == ALIVE;
        uint64_t us = twin_agreed(t, n, others > 1 ? 2 : 1);
        uint64_t direct_us = twin_latest(t, n, 0);
        us = direct_us > us ? direct_us : us;
        us = t->latest_us[n] > us ? t->latest_us[n] : us;
        uint64_t silent = now_us - us;
        enum weir_members_life life = silent >= 15 * S * factor  ? DOWN
                                      : silent >= 5 * S * factor ? SUSPECT
                                                                 : ALIVE;
        if (us > t->latest_us[n] || life > t->life[n])
            t->life[n] = life;
        t->latest_us[n] = us;
    }
}

static void members_agree_with_a_naive_twin(void **state)
{
    static struct twin t;
    struct weir_rng rng;
    unsigned seen[WEIR_MEMBERS_NUM_LIVES] = { 0 };

    weir_rng_init(&rng, 20261201);
    for (unsigned round = 0; round < 40; round++) {
        struct rig r = rig_of(TWIN_NODES);
        memset(&t, 0, sizeof(t));
        for (unsigned n = 1; n < TWIN_NODES; n++) {
            t.life[n] = SUSPECT;
            t.latest_us[n] = RIG_START_US;
        }
        uint64_t num_calls_max = 1 + weir_rng_below(&rng, 12);
        for (unsigned step = 0; step < 120 && t.num + 20 < TWIN_LOG; step++) {
            rig_pass(&r, WEIR_MEMBERS_SCAN_US * (1 + weir_rng_below(&rng, 12)));
            twin_judge(&t, r.us);
            for (unsigned n = 1; n < TWIN_NODES; n++) {
                assert_int_equal(rig_life(&r, n), t.life[n]);
                seen[t.life[n]]++;
            }
            assert_int_equal(weir_members_factor(r.m), t.factor);
            for (uint64_t i = weir_rng_below(&rng, num_calls_max); i > 0; i--) {
                unsigned from = (unsigned)weir_rng_below(&rng, TWIN_NODES);
                unsigned of = 1 + (unsigned)weir_rng_below(&rng, 2 + round % (TWIN_NODES - 2));
                uint64_t held_us = weir_rng_below(&rng, 4 * S);
                if (from == 0) {
                    rig_hear(&r, of);
                    t.life[of] = ALIVE;
                    t.latest_us[of] = r.us;
                    held_us = 0;
                } else {
                    rig_vouch(&r, from, of, held_us);
                }
                t.log[t.num].from = from == of ? TWIN_NODES : from; /* of itself: no report */
                t.log[t.num].of = of;
                t.log[t.num++].heard_us = r.us - held_us;
            }
        }
        weir_members_free(&r.m);
    }
    assert_true(seen[ALIVE] > 500 && seen[SUSPECT] > 500 && seen[DOWN] > 500);
}

/* The peer's clock is `ahead_ms` ahead of true time; its echo took `out_us` there and `back_us`. */
static void measure(struct rig *r, unsigned peer, int64_t ahead_ms, uint64_t out_us,
                    uint64_t back_us)
{
    struct weir_members_echo e = { .n = r->us, .held_us = 300000 };

    memcpy(e.node, rig_id(0), WEIR_NODE_ID_LEN);
    weir_members_sent(r->m, e.n);
    rig_pass(r, out_us + e.held_us);
    uint64_t wall_ms = (uint64_t)((int64_t)rig_true_ms(r) + ahead_ms);
    rig_pass(r, back_us);
    rig_hear(r, peer);
    weir_members_echoed(r->m, rig_id(peer), &e, wall_ms);
}

static int64_t offset_of(struct rig *r)
{
    int64_t ms = -77;

    rig_pass(r, WEIR_MEMBERS_SCAN_US);
    assert_true(weir_members_clock_offset(r->m, &ms));
    return ms;
}

static void offset_is_measured_by_half_a_round_trip(void **state)
{
    struct rig r = rig_of(4);
    int64_t ms = -77;

    assert_false(weir_members_clock_offset(r.m, &ms));
    assert_int_equal(ms, -77);
    measure(&r, 1, 0, 40000, 40000);
    assert_int_equal(offset_of(&r), 0);
    measure(&r, 1, 1234, 900000, 900000);
    assert_int_equal(offset_of(&r), -1234);
    measure(&r, 1, -500, 0, 1000000); /* as wrong as it gets: half a round trip */
    assert_int_equal(offset_of(&r), 1000);
    r.wall_ahead_ms = 7000;
    measure(&r, 1, 0, 5000, 5000);
    assert_int_equal(offset_of(&r), 7000);
    weir_members_free(&r.m);
}

static void echo_that_does_not_fit_measures_nothing(void **state)
{
    struct rig r = rig_of(3);
    struct weir_members_echo e = { .n = 9, .held_us = 0 };
    int64_t ms;

    rig_hear(&r, 1);
    weir_members_sent(r.m, 9);
    rig_pass(&r, S);
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS); /* of another node's heartbeat */
    memcpy(e.node, rig_id(0), WEIR_NODE_ID_LEN);
    weir_members_echoed(r.m, rig_id(0), &e, RIG_WALL_MS); /* by this node */
    weir_members_echoed(r.m, rig_id(8), &e, RIG_WALL_MS); /* by no member */
    weir_members_echoed(r.m, rig_id(1), &e, UINT64_MAX);  /* at no time */
    e.n = 9 + 64;
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS); /* never sent */
    e.n = 9;
    e.held_us = S + 1;
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS); /* longer than it was under way */
    e.held_us = UINT64_MAX;
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS);
    for (uint64_t n = 10; n < 10 + 64; n++)
        weir_members_sent(r.m, n);
    e.held_us = 0;
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS); /* sent too long ago */
    weir_members_sent(r.m, 200);
    e.n = 200;
    rig_pass(&r, WEIR_CLOCK_RTT_US + 1);
    weir_members_echoed(r.m, rig_id(1), &e, RIG_WALL_MS); /* too slow */
    rig_pass(&r, WEIR_MEMBERS_SCAN_US);
    assert_false(weir_members_clock_offset(r.m, &ms));
    assert_false(weir_members_clock_off(r.m));
    weir_members_free(&r.m);
}

static void median_of_the_offsets_is_taken(void **state)
{
    static const struct {
        int64_t ahead_ms[5];
        unsigned num;
        int64_t offset_ms;
    } table[] = {
        { { 100, -9000000, 50, 8000, -20 }, 5, -50 },
        { { 3000, 2500, 9000, 2100 }, 4, -2500 },
        { { -3000, -2500, -9000, -2100 }, 4, 2500 },
        { { -5000, 5000 }, 2, 0 },
        { { 0, 5000 }, 2, 0 },
        { { 4000, 5000, 6000 }, 3, -5000 },
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++) {
        struct rig r = rig_of(7);
        for (unsigned p = 0; p < table[i].num; p++)
            measure(&r, 1 + p, table[i].ahead_ms[p], 1000, 1000);
        hear_range(&r, 1, 7);
        assert_int_equal(offset_of(&r), table[i].offset_ms);
        weir_members_free(&r.m);
    }
}

static void clock_is_off_by_the_word_of_two_or_of_the_only_one(void **state)
{
    struct rig r = rig_of(3);

    hear_range(&r, 1, 3);
    measure(&r, 1, 2001, 0, 0);
    assert_int_equal(offset_of(&r), -2001);
    assert_false(weir_members_clock_off(r.m)); /* the other may report otherwise */
    measure(&r, 2, 2000, 0, 0);
    assert_int_equal(offset_of(&r), -2000);
    assert_false(weir_members_clock_off(r.m)); /* not beyond the limit */
    measure(&r, 2, 90000, 0, 0);
    assert_int_equal(offset_of(&r), -2001);
    assert_true(weir_members_clock_off(r.m));
    rig_pass(&r, 30 * S);
    rig_hear(&r, 1);
    rig_pass(&r, 20 * S);
    rig_hear(&r, 1);
    rig_pass(&r, WEIR_MEMBERS_SCAN_US);
    assert_int_equal(rig_life(&r, 2), DOWN);
    assert_true(weir_members_clock_off(r.m)); /* one is left */
    rig_pass(&r, 12 * S);
    rig_hear(&r, 1);
    int64_t ms;
    rig_pass(&r, WEIR_MEMBERS_SCAN_US);
    assert_false(weir_members_clock_offset(r.m, &ms)); /* measured too long ago */
    assert_false(weir_members_clock_off(r.m));
    weir_members_free(&r.m);
}

static void clock_ahead_is_as_off_as_one_behind(void **state)
{
    struct rig r = rig_of(2);

    measure(&r, 1, -2001, 0, 0);
    assert_int_equal(offset_of(&r), 2001);
    assert_true(weir_members_clock_off(r.m));
    weir_members_free(&r.m);
}

static void level_is_the_least_that_any_member_reads(void **state)
{
    struct rig r = rig_new();
    struct weir_member rec = rig_record(1);
    uint8_t incarnation[WEIR_INCARNATION_LEN] = { 1 };
    struct weir_members_heartbeat h = { .incarnation = incarnation, .n = 1 };
    uint16_t level = 77;

    assert_true(weir_members_level(r.m, &level)); /* alone */
    assert_int_equal(level, RIG_SCHEMA);
    rec.schema_max = 0;
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK);
    level = 77;
    assert_false(weir_members_level(r.m, &level)); /* it did not report it */
    assert_int_equal(level, 77);
    rec.schema_max = 1;
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK);
    assert_true(weir_members_level(r.m, &level));
    assert_int_equal(level, 1);
    h.node = rig_id(1);
    h.schema_max = 2;
    assert_int_equal(weir_members_heard(r.m, &h, r.younger), WEIR_MEMBERS_FINE);
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK); /* an old record does not undo that */
    assert_true(weir_members_level(r.m, &level));
    assert_int_equal(level, 2);
    rig_put(&r, 2, WEIR_MEMBER_LEFT);
    rec = rig_record(3);
    rec.schema_max = 1;
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK);
    assert_true(weir_members_level(r.m, &level));
    assert_int_equal(level, 1);
    rig_pass(&r, 86400 * S);
    assert_int_equal(rig_life(&r, 3), LOST);
    assert_true(weir_members_level(r.m, &level)); /* no node is waited for for ever */
    assert_int_equal(level, RIG_SCHEMA);
    weir_members_free(&r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_member_is_suspect_then_down_then_lost),
        cmocka_unit_test(member_never_heard_is_suspect_from_the_start),
        cmocka_unit_test(word_of_two_keeps_a_silent_member_alive),
        cmocka_unit_test(word_of_the_only_other_is_enough),
        cmocka_unit_test(times_stretch_while_most_are_silent),
        cmocka_unit_test(longer_times_make_nobody_alive_again),
        cmocka_unit_test(only_peer_that_is_silent_is_suspect_in_time),
        cmocka_unit_test(silence_is_checked_four_times_a_second),
        cmocka_unit_test(members_agree_with_a_naive_twin),
        cmocka_unit_test(offset_is_measured_by_half_a_round_trip),
        cmocka_unit_test(echo_that_does_not_fit_measures_nothing),
        cmocka_unit_test(median_of_the_offsets_is_taken),
        cmocka_unit_test(clock_is_off_by_the_word_of_two_or_of_the_only_one),
        cmocka_unit_test(clock_ahead_is_as_off_as_one_behind),
        cmocka_unit_test(level_is_the_least_that_any_member_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
