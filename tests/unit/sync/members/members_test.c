/* SPDX-License-Identifier: Apache-2.0
 *
 * members_test.c - records, links, heartbeats of one node twice, gossip, limits and memory.
 */
#include "node/base/rng.h"
#include "tests/support/failalloc.h"
#include "tests/unit/sync/members/members_rig.h"

static void record_makes_a_member_and_its_state_a_life(void **state)
{
    struct rig r = rig_new();
    struct weir_member rec = rig_record(1);

    assert_null(weir_members_find(r.m, rig_id(1)));
    rec.zone = WEIR_SPAN_LIT("fra1");
    rec.roles = 6;
    rec.key_hash[31] = 9;
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK);
    const struct weir_members_item *item = weir_members_find(r.m, rig_id(1));
    assert_int_equal(item->life, WEIR_MEMBERS_SUSPECT);
    assert_false(item->heard);
    assert_true(weir_span_eq(weir_span(item->zone, item->zone_len), rec.zone));
    assert_int_equal(item->roles, 6);
    assert_memory_equal(item->key_hash, rec.key_hash, sizeof(rec.key_hash));

    rig_put(&r, 0, WEIR_MEMBER_JOINED);
    assert_int_equal(rig_life(&r, 0), WEIR_MEMBERS_ALIVE);
    assert_int_equal(weir_members_joined(r.m), 2);
    rig_hear(&r, 1);
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_ALIVE);
    assert_true(weir_members_find(r.m, rig_id(1))->heard);
    rig_put(&r, 1, WEIR_MEMBER_LEFT);
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_LEFT);
    assert_int_equal(weir_members_find(r.m, rig_id(1))->zone_len, 0);
    rig_hear(&r, 1); /* its last words */
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_LEFT);
    rig_put(&r, 1, WEIR_MEMBER_EVICTED);
    assert_int_equal(rig_heartbeat(&r, 1, 1), WEIR_MEMBERS_BARRED);
    assert_int_equal(weir_members_joined(r.m), 1);
    rig_put(&r, 1, WEIR_MEMBER_JOINED); /* it was a mistake */
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_ALIVE);
    weir_members_remove(r.m, rig_key(1));
    assert_null(weir_members_find(r.m, rig_id(1)));
    weir_members_remove(r.m, rig_key(1));
    weir_members_remove(r.m, WEIR_SPAN_LIT("short"));
    assert_int_equal(weir_members_num(r.m), 1);
    weir_members_free(&r.m);
}

static void bytes_that_are_no_member_change_nothing(void **state)
{
    struct rig r = rig_of(2);

    rig_hear(&r, 1);
    assert_int_equal(weir_members_put(r.m, rig_key(1), WEIR_SPAN_LIT("\x0a\x08garbage!")),
                     WEIR_EPROTO);
    assert_int_equal(weir_members_put(r.m, rig_key(7), WEIR_SPAN_EMPTY), WEIR_EPROTO);
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_ALIVE);
    assert_int_equal(weir_members_num(r.m), 2);
    weir_members_free(&r.m);
}

static void stranger_is_no_member_and_is_forgotten_when_it_goes(void **state)
{
    struct rig r = rig_of(1);
    uint8_t incarnation[WEIR_INCARNATION_LEN] = { 1 };

    assert_int_equal(weir_members_link_up(r.m, rig_id(5), incarnation, r.younger),
                     WEIR_MEMBERS_FINE);
    assert_int_equal(rig_life(&r, 5), WEIR_MEMBERS_STRANGER);
    assert_int_equal(weir_members_joined(r.m), 1);
    rig_pass(&r, 100 * S); /* silent, but there */
    assert_int_equal(weir_members_find(r.m, rig_id(5))->num_links, 1);
    rig_put(&r, 5, WEIR_MEMBER_JOINED);
    assert_int_equal(weir_members_find(r.m, rig_id(5))->num_links, 1);
    assert_int_equal(rig_life(&r, 5), WEIR_MEMBERS_SUSPECT);
    rig_hear(&r, 5);
    weir_members_remove(r.m, rig_key(5)); /* it is linked: a stranger again */
    assert_int_equal(rig_life(&r, 5), WEIR_MEMBERS_STRANGER);
    rig_put(&r, 5, WEIR_MEMBER_JOINED);
    assert_int_equal(rig_life(&r, 5), WEIR_MEMBERS_ALIVE);
    weir_members_remove(r.m, rig_key(5));
    weir_members_link_down(r.m, rig_id(5));
    weir_members_link_down(r.m, rig_id(5)); /* one too many */
    weir_members_link_down(r.m, rig_id(6));
    rig_pass(&r, 14 * S);
    assert_non_null(weir_members_find(r.m, rig_id(5)));
    rig_pass(&r, S);
    assert_null(weir_members_find(r.m, rig_id(5)));
    assert_int_equal(weir_members_num(r.m), 1);
    weir_members_free(&r.m);
}

static void members_are_listed_by_id(void **state)
{
    struct rig r = rig_of(200);

    for (unsigned n = 0; n < 200; n += 3)
        weir_members_remove(r.m, rig_key(n));
    assert_int_equal(weir_members_num(r.m), 133);
    for (size_t i = 1; i < weir_members_num(r.m); i++)
        assert_true(memcmp(weir_members_at(r.m, i - 1)->node, weir_members_at(r.m, i)->node,
                           WEIR_NODE_ID_LEN) < 0);
    for (unsigned n = 0; n < 200; n++)
        assert_int_equal(weir_members_find(r.m, rig_id(n)) == NULL, n % 3 == 0);
    weir_members_free(&r.m);
}

static void restart_is_not_taken_for_a_duplicate(void **state)
{
    struct rig r = rig_of(2);

    for (uint8_t life = 1; life < 60; life++) { /* some hearts of each, none of the one before */
        for (unsigned i = 0; i < life % 7u; i++) {
            rig_pass(&r, S);
            assert_int_equal(rig_heartbeat(&r, 1, life), WEIR_MEMBERS_FINE);
        }
        if (life % 3 == 0) {
            rig_pass(
                &r, S); /* a heartbeat of this life still under way, behind the first of the next */
            assert_int_equal(rig_heartbeat(&r, 1, life + 1), WEIR_MEMBERS_FINE);
            rig_pass(&r, S);
            assert_int_equal(rig_heartbeat(&r, 1, life), WEIR_MEMBERS_FINE);
        }
    }
    weir_members_free(&r.m);
}

static void older_of_two_lives_stays_and_the_younger_is_reported(void **state)
{
    static const uint8_t second[WEIR_INCARNATION_LEN] = { 2 };
    struct rig r = rig_of(2);
    unsigned num_found = 0;

    rig_hear(&r, 1);
    for (unsigned i = 0; i < 40; i++) {
        rig_pass(&r, S / 2);
        enum weir_members_admission v = rig_heartbeat(&r, 1, i % 2 ? 1 : 2);
        assert_true(v == WEIR_MEMBERS_FINE || v == WEIR_MEMBERS_DUPLICATE);
        assert_true(v == WEIR_MEMBERS_FINE || i >= 4);     /* 2 s */
        assert_true(v == WEIR_MEMBERS_DUPLICATE || i < 6); /* 3 s */
        if (v == WEIR_MEMBERS_DUPLICATE) {                 /* whichever was heard */
            num_found++;
            assert_memory_equal(r.younger, second, sizeof(second));
        }
    }
    assert_in_range(num_found, 34, 36);
    assert_int_equal(weir_members_find(r.m, rig_id(1))->incarnation[0], 1);
    assert_int_equal(rig_heartbeat(&r, 1, 3), WEIR_MEMBERS_DUPLICATE); /* a third */
    assert_int_equal(r.younger[0], 3);

    /* The older one goes: the younger is the node now, and what comes then is a restart of it. */
    for (unsigned i = 0; i < 8; i++) {
        rig_pass(&r, S);
        (void)rig_heartbeat(&r, 1, 2);
    }
    assert_int_equal(rig_heartbeat(&r, 1, 2), WEIR_MEMBERS_FINE);
    for (unsigned i = 0; i < 8; i++) {
        rig_pass(&r, S);
        assert_int_equal(rig_heartbeat(&r, 1, 4), WEIR_MEMBERS_FINE);
    }
    assert_int_equal(weir_members_find(r.m, rig_id(1))->incarnation[0], 4);
    weir_members_free(&r.m);
}

static void older_life_that_was_silent_for_long_comes_back_as_the_younger(void **state)
{
    struct rig r = rig_of(2);
    enum weir_members_admission v = WEIR_MEMBERS_FINE;

    for (unsigned i = 0; i < 4; i++) { /* two lives, as a clone has them */
        rig_pass(&r, S);
        (void)rig_heartbeat(&r, 1, 1);
        v = rig_heartbeat(&r, 1, 2);
    }
    assert_int_equal(v, WEIR_MEMBERS_DUPLICATE);
    assert_int_equal(r.younger[0], 2);
    for (unsigned i = 0; i < 7; i++) { /* the first is stopped */
        rig_pass(&r, S);
        v = rig_heartbeat(&r, 1, 2);
    }
    assert_int_equal(v, WEIR_MEMBERS_FINE);
    for (unsigned i = 0; i < 4; i++) { /* and goes on */
        rig_pass(&r, S);
        (void)rig_heartbeat(&r, 1, 2);
        v = rig_heartbeat(&r, 1, 1);
    }
    assert_int_equal(v, WEIR_MEMBERS_DUPLICATE);
    assert_int_equal(r.younger[0], 1);
    weir_members_free(&r.m);
}

static void duplicate_is_found_by_its_links_alone(void **state)
{
    static const uint8_t lives[2][WEIR_INCARNATION_LEN] = { { 1 }, { 2 } };
    struct rig r = rig_of(2);
    enum weir_members_admission v = WEIR_MEMBERS_FINE;

    for (unsigned i = 0; i < 8; i++) {
        v = weir_members_link_up(r.m, rig_id(1), lives[i % 2], r.younger);
        rig_pass(&r, S);
    }
    assert_int_equal(v, WEIR_MEMBERS_DUPLICATE);
    assert_memory_equal(r.younger, lives[1], WEIR_INCARNATION_LEN);
    assert_int_equal(weir_members_find(r.m, rig_id(1))->num_links, 8);
    weir_members_free(&r.m);
}

static void other_node_with_this_ones_id_is_refused_at_once(void **state)
{
    struct rig r = rig_of(1);
    uint8_t other[WEIR_INCARNATION_LEN] = { 9 };

    assert_int_equal(rig_heartbeat(&r, 0, 1), WEIR_MEMBERS_FINE); /* its own words came back */
    assert_int_equal(rig_heartbeat(&r, 0, 9), WEIR_MEMBERS_MYSELF);
    assert_int_equal(weir_members_link_up(r.m, rig_id(0), other, r.younger), WEIR_MEMBERS_MYSELF);
    assert_int_equal(weir_members_find(r.m, rig_id(0))->num_links, 0);
    weir_members_free(&r.m);
}

static void heartbeat_that_came_before_changes_nothing(void **state)
{
    struct rig r = rig_of(2);
    uint8_t incarnation[WEIR_INCARNATION_LEN] = { 1 };
    struct weir_members_heartbeat h = { .node = rig_id(1), .incarnation = incarnation, .n = 7 };

    h.load = 40;
    assert_int_equal(weir_members_heard(r.m, &h, r.younger), WEIR_MEMBERS_FINE);
    rig_pass(&r, 6 * S);
    h.load = 50;
    h.node = rig_id(1);
    assert_int_equal(weir_members_heard(r.m, &h, r.younger), WEIR_MEMBERS_FINE);
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_SUSPECT);
    assert_int_equal(weir_members_find(r.m, rig_id(1))->load, 40);
    h.n = 8;
    h.node = rig_id(1);
    assert_int_equal(weir_members_heard(r.m, &h, r.younger), WEIR_MEMBERS_FINE);
    assert_int_equal(rig_life(&r, 1), WEIR_MEMBERS_ALIVE);
    assert_int_equal(weir_members_find(r.m, rig_id(1))->load, 50);
    weir_members_free(&r.m);
}

static void digest_gives_new_heartbeats_in_turn_and_only_once(void **state)
{
    struct rig r = rig_of(11);
    struct weir_members_echo e[11];
    unsigned given[11] = { 0 };

    assert_int_equal(weir_members_digest(r.m, e, 11), 0);
    for (unsigned n = 1; n < 11; n++)
        rig_hear(&r, n);
    rig_pass(&r, S);
    for (unsigned i = 0; i < 4; i++) {
        size_t num = weir_members_digest(r.m, e, 3);
        assert_int_equal(num, i < 3 ? 3 : 1);
        for (size_t j = 0; j < num; j++) {
            assert_int_equal(e[j].held_us, S);
            assert_int_equal(e[j].n, RIG_START_US);
            for (unsigned n = 0; n < 11; n++)
                given[n] += memcmp(e[j].node, rig_id(n), WEIR_NODE_ID_LEN) == 0;
        }
    }
    assert_int_equal(weir_members_digest(r.m, e, 11), 0);
    assert_int_equal(given[0], 0);
    for (unsigned n = 1; n < 11; n++)
        assert_int_equal(given[n], 1);
    rig_hear(&r, 4);
    weir_members_remove(r.m, rig_key(5));
    assert_int_equal(weir_members_digest(r.m, e, 11), 1);
    assert_memory_equal(e[0].node, rig_id(4), WEIR_NODE_ID_LEN);
    weir_members_free(&r.m);
}

static void digest_too_small_for_all_leaves_nobody_out(void **state)
{
    struct rig r = rig_of(11);
    struct weir_members_echo e[3];
    unsigned given[11] = { 0 };

    for (unsigned i = 0; i < 10;
         i++) { /* each second all ten are newer, and there is room for three */
        rig_pass(&r, S);
        for (unsigned n = 1; n < 11; n++)
            rig_hear(&r, n);
        assert_int_equal(weir_members_digest(r.m, e, 3), 3);
        for (size_t j = 0; j < 3; j++)
            for (unsigned n = 0; n < 11; n++)
                given[n] += memcmp(e[j].node, rig_id(n), WEIR_NODE_ID_LEN) == 0;
    }
    for (unsigned n = 1; n < 11; n++)
        assert_int_equal(given[n], 3);
    weir_members_free(&r.m);
}

static void above_64_members_a_larger_counter_is_hearing(void **state)
{
    struct rig r = rig_of(WEIR_OVERLAY_MESH + 1);
    struct weir_members_echo e = { .n = 5, .held_us = 0 };

    rig_hear(&r, 1);
    memcpy(e.node, rig_id(2), WEIR_NODE_ID_LEN);
    weir_members_vouched(r.m, rig_id(1), &e);
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_ALIVE);
    rig_pass(&r, 50 * S); /* most are silent: eight times five seconds */
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_SUSPECT);
    weir_members_vouched(r.m, rig_id(1), &e); /* the same again is old */
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_SUSPECT);
    e.n = 6;
    weir_members_vouched(r.m, rig_id(2), &e);  /* of itself: no */
    weir_members_vouched(r.m, rig_id(99), &e); /* from no member */
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_SUSPECT);
    weir_members_vouched(r.m, rig_id(1), &e);
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_ALIVE);
    assert_int_equal(weir_members_digest(r.m, &e, 1), 1);

    e.n = 2 * r.us; /* gossip was quicker than the node's own heartbeat */
    memcpy(e.node, rig_id(2), WEIR_NODE_ID_LEN);
    weir_members_vouched(r.m, rig_id(1), &e);
    rig_hear(&r, 2);
    assert_int_equal(weir_members_find(r.m, rig_id(2))->n, e.n);
    weir_members_free(&r.m);
}

#define GOSSIP_NODES 100

/* Each reports all that is newer to four others, once a second; one of them falls silent after 60
 * s. */
static void gossip_reaches_all_and_a_silent_node_is_missed_by_all(void **state)
{
    static const unsigned to[] = { 1, 10, GOSSIP_NODES - 10, GOSSIP_NODES - 1 };
    static struct rig r[GOSSIP_NODES];
    static struct weir_members_echo echoes[GOSSIP_NODES][GOSSIP_NODES];
    size_t num_echoes[GOSSIP_NODES];

    for (unsigned n = 0; n < GOSSIP_NODES; n++) {
        r[n] = (struct rig){ .us = RIG_START_US };
        struct weir_members_config cfg = { .mono_us = RIG_START_US };
        memcpy(cfg.node, rig_id(n), WEIR_NODE_ID_LEN);
        assert_int_equal(weir_members_new(&cfg, &r[n].m), WEIR_OK);
        for (unsigned i = 0; i < GOSSIP_NODES; i++)
            rig_put(&r[n], i, WEIR_MEMBER_JOINED);
    }
    for (unsigned t = 0; t < 120; t++) {
        for (unsigned n = 0; n < GOSSIP_NODES; n++) {
            rig_pass(&r[n], S);
            num_echoes[n] = weir_members_digest(r[n].m, echoes[n], GOSSIP_NODES);
        }
        for (unsigned n = 0; n < GOSSIP_NODES; n++)
            for (unsigned side = 0; side < WEIR_ARRAY_LEN(to); side++) {
                unsigned from = (n + to[side]) % GOSSIP_NODES;
                if (from == 7 && t >= 60)
                    continue;
                rig_hear(&r[n], from);
                for (size_t i = 0; i < num_echoes[from]; i++)
                    weir_members_vouched(r[n].m, rig_id(from), &echoes[from][i]);
            }
        for (unsigned n = 0; t == 59 && n < GOSSIP_NODES; n++)
            assert_int_equal(weir_members_count(r[n].m, WEIR_MEMBERS_ALIVE), GOSSIP_NODES);
    }
    for (unsigned n = 0; n < GOSSIP_NODES; n++) {
        if (n != 7) {
            assert_int_equal(rig_life(&r[n], 7), WEIR_MEMBERS_DOWN);
            assert_int_equal(weir_members_count(r[n].m, WEIR_MEMBERS_ALIVE), GOSSIP_NODES - 1);
        }
        weir_members_free(&r[n].m);
    }
}

static void members_and_strangers_are_bounded(void **state)
{
    struct rig r = rig_of(WEIR_MEMBERS_MAX);
    struct weir_member rec = rig_record(WEIR_MEMBERS_MAX);
    unsigned n = WEIR_MEMBERS_MAX;

    assert_int_equal(rig_put_record(&r, &rec), WEIR_ELIMIT);
    for (unsigned i = 0; i < WEIR_STRANGERS_MAX; i++)
        rig_hear(&r, n + i);
    assert_int_equal(rig_heartbeat(&r, n + WEIR_STRANGERS_MAX, 1), WEIR_MEMBERS_FULL);
    assert_int_equal(rig_put_record(&r, &rec), WEIR_ELIMIT); /* known as a stranger now */
    assert_int_equal(weir_members_num(r.m), WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX);
    rig_hear(&r, 1);
    rig_put(&r, 1, WEIR_MEMBER_LEFT); /* the members may change */
    weir_members_remove(r.m, rig_key(1));
    assert_int_equal(rig_put_record(&r, &rec), WEIR_OK);
    assert_int_equal(rig_life(&r, n), WEIR_MEMBERS_ALIVE);
    weir_members_free(&r.m);
}

static void member_without_memory_is_not_there(void **state)
{
    bool done = false;

    for (long n = 1; !done; n++) {
        struct rig r = { .us = RIG_START_US };
        struct weir_members_config cfg = { .mono_us = RIG_START_US };
        weir_failalloc_once(n);
        enum weir_err err = weir_members_new(&cfg, &r.m);
        assert_true(err == WEIR_OK || (err == WEIR_ENOMEM && r.m == NULL));
        for (unsigned i = 1; r.m != NULL && i < 20; i++) {
            struct weir_member rec = rig_record(i);
            size_t num = weir_members_num(r.m);
            enum weir_err step = rig_put_record(&r, &rec);
            assert_true(step == WEIR_OK || step == WEIR_ENOMEM);
            assert_int_equal(weir_members_num(r.m), num + (step == WEIR_OK));
            err = step < 0 ? step : err;
        }
        done = (unsigned long)n > weir_failalloc_count();
        weir_failalloc_once(-1);
        assert_int_equal(err, done ? WEIR_OK : WEIR_ENOMEM);
        weir_members_free(&r.m);
    }
    struct rig r = rig_new();
    weir_failalloc_after(1);
    enum weir_members_admission v = rig_heartbeat(&r, 1, 1);
    weir_failalloc_after(-1);
    assert_int_equal(v, WEIR_MEMBERS_FULL);
    assert_int_equal(weir_members_num(r.m), 0);
    weir_members_free(&r.m);
    weir_members_free(&r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_makes_a_member_and_its_state_a_life),
        cmocka_unit_test(bytes_that_are_no_member_change_nothing),
        cmocka_unit_test(stranger_is_no_member_and_is_forgotten_when_it_goes),
        cmocka_unit_test(members_are_listed_by_id),
        cmocka_unit_test(restart_is_not_taken_for_a_duplicate),
        cmocka_unit_test(older_of_two_lives_stays_and_the_younger_is_reported),
        cmocka_unit_test(older_life_that_was_silent_for_long_comes_back_as_the_younger),
        cmocka_unit_test(duplicate_is_found_by_its_links_alone),
        cmocka_unit_test(other_node_with_this_ones_id_is_refused_at_once),
        cmocka_unit_test(heartbeat_that_came_before_changes_nothing),
        cmocka_unit_test(digest_gives_new_heartbeats_in_turn_and_only_once),
        cmocka_unit_test(digest_too_small_for_all_leaves_nobody_out),
        cmocka_unit_test(above_64_members_a_larger_counter_is_hearing),
        cmocka_unit_test(gossip_reaches_all_and_a_silent_node_is_missed_by_all),
        cmocka_unit_test(members_and_strangers_are_bounded),
        cmocka_unit_test(member_without_memory_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
