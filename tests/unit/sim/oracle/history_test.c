/* SPDX-License-Identifier: Apache-2.0
 *
 * history_test.c - the oracle: each finding from the smallest history that deserves it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "tests/sim/oracle/history.h"

#define KEYS        2
#define LANES       3
#define WRITES_LOG2 2
#define WRITES      (1 << WRITES_LOG2)

/* Two nodes that hold the same, unless a test sets it otherwise. */
struct scene {
    struct weir_history_write writes[WRITES];
    uint32_t slots[WEIR_HISTORY_SLOTS(WRITES_LOG2)];
    struct weir_history history;
    struct weir_history_record records[2][KEYS];
    uint64_t vv[2][LANES];
    struct weir_history_node nodes[2];
    struct weir_history_final final;
};

static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    weir_history_init(&s->history, s->writes, s->slots, WRITES_LOG2);
    for (size_t i = 0; i < 2; i++)
        s->nodes[i] = (struct weir_history_node){ s->records[i], s->vv[i], LANES };
    s->final = (struct weir_history_final){ s->nodes, 2, KEYS };
}

static const struct weir_history_dot first = { 1, 1 };
static const struct weir_history_dot second = { 1, 2 };

static void wrote(struct scene *s, struct weir_history_dot dot, int64_t hlc, bool deleted)
{
    struct weir_history_version version = { hlc, dot.lane };
    weir_history_note_write(&s->history, dot, 0, version, deleted);
}

static void holds(struct scene *s, size_t node, struct weir_history_dot dot, int64_t hlc,
                  bool deleted)
{
    s->records[node][0] = (struct weir_history_record){
        .present = true,
        .deleted = deleted,
        .dot = dot,
        .version = { hlc, dot.lane },
    };
}

static void both_hold(struct scene *s, struct weir_history_dot dot, int64_t hlc, bool deleted)
{
    holds(s, 0, dot, hlc, deleted);
    holds(s, 1, dot, hlc, deleted);
}

static void both_cover(struct scene *s, uint64_t seq)
{
    s->vv[0][1] = seq;
    s->vv[1][1] = seq;
}

static enum weir_finding_kind judge(const struct scene *s)
{
    return weir_history_judge(&s->history, &s->final).kind;
}

static void a_write_that_all_hold_is_right(void **state)
{
    struct scene s;
    scene_init(&s);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
    wrote(&s, first, 10, false);
    both_hold(&s, first, 10, false);
    both_cover(&s, 1);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
}

static void records_that_differ_have_diverged(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    holds(&s, 0, first, 10, false);
    both_cover(&s, 1);
    struct weir_finding found = weir_history_judge(&s.history, &s.final);
    assert_int_equal(found.kind, WEIR_FINDING_DIVERGED);
    assert_int_equal(found.node, 1);
    both_hold(&s, first, 10, false);
    s.records[1][0].value = 1;
    assert_int_equal(judge(&s), WEIR_FINDING_DIVERGED);
    s.records[1][0].value = 0;
    s.records[1][0].version.hlc = 11;
    assert_int_equal(judge(&s), WEIR_FINDING_DIVERGED);
}

static void a_tombstone_that_one_node_has_purged_already_is_no_difference(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, true);
    holds(&s, 0, first, 10, true);
    both_cover(&s, 1);
    weir_history_note_purged(&s.history, first);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
}

static void vectors_that_differ_are_found_beyond_the_shorter_one_too(void **state)
{
    struct scene s;
    scene_init(&s);
    s.vv[1][2] = 4;
    s.nodes[0].num_lanes = 2;
    struct weir_finding found = weir_history_judge(&s.history, &s.final);
    assert_int_equal(found.kind, WEIR_FINDING_VECTORS);
    assert_int_equal(found.dot.lane, 2);
    s.vv[1][2] = 0;
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
}

static void a_value_older_than_a_covered_delete_is_resurrected(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    wrote(&s, second, 11, true);
    both_hold(&s, first, 10, false);
    both_cover(&s, 1);
    assert_int_equal(judge(&s), WEIR_FINDING_OK); /* no node has the delete */
    both_cover(&s, 2);
    assert_int_equal(judge(&s), WEIR_FINDING_RESURRECTED);
}

static void a_covered_write_that_is_gone_is_lost(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    assert_int_equal(judge(&s), WEIR_FINDING_OK); /* its node was wiped before it was sent */
    both_cover(&s, 1);
    assert_int_equal(judge(&s), WEIR_FINDING_LOST);
    weir_history_note_exported(&s.history, first);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
}

static void a_delete_accounts_for_a_value_only_if_somebody_holds_or_purged_it(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    wrote(&s, second, 11, true);
    both_cover(&s, 2);
    assert_int_equal(judge(&s), WEIR_FINDING_LOST);
    holds(&s, 1, second, 11, true);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
    s.records[1][0] = (struct weir_history_record){ 0 };
    weir_history_note_purged(&s.history, second);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
}

static void an_older_delete_accounts_for_nothing(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, true);
    wrote(&s, second, 11, false);
    weir_history_note_purged(&s.history, first);
    both_cover(&s, 2);
    assert_int_equal(judge(&s), WEIR_FINDING_LOST);
}

static void one_dot_for_two_writes_is_found(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    wrote(&s, first, 11, false);
    both_hold(&s, first, 11, false);
    both_cover(&s, 1);
    assert_int_equal(judge(&s), WEIR_FINDING_REUSED);
}

static void what_no_write_explains_is_strange(void **state)
{
    struct scene s;
    scene_init(&s);
    wrote(&s, first, 10, false);
    both_hold(&s, first, 10, false);
    both_cover(&s, 1);
    weir_history_note_purged(&s.history, first); /* a live value */
    assert_int_equal(judge(&s), WEIR_FINDING_STRANGE);
    scene_init(&s);
    weir_history_note_exported(&s.history, first);
    assert_int_equal(judge(&s), WEIR_FINDING_STRANGE);
}

static void a_full_history_gives_no_finding(void **state)
{
    struct scene s;
    scene_init(&s);
    for (uint64_t seq = 1; seq <= WRITES; seq++)
        wrote(&s, (struct weir_history_dot){ 1, seq }, 10, false);
    assert_int_equal(judge(&s), WEIR_FINDING_OK);
    wrote(&s, (struct weir_history_dot){ 1, WRITES + 1 }, 10, false);
    assert_int_equal(judge(&s), WEIR_FINDING_FULL);
}

static void every_finding_has_a_text(void **state)
{
    for (int i = 0; i < WEIR_FINDING_COUNT; i++)
        assert_true(strlen(weir_finding_text((enum weir_finding_kind)i)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_that_all_hold_is_right),
        cmocka_unit_test(records_that_differ_have_diverged),
        cmocka_unit_test(a_tombstone_that_one_node_has_purged_already_is_no_difference),
        cmocka_unit_test(vectors_that_differ_are_found_beyond_the_shorter_one_too),
        cmocka_unit_test(a_value_older_than_a_covered_delete_is_resurrected),
        cmocka_unit_test(a_covered_write_that_is_gone_is_lost),
        cmocka_unit_test(a_delete_accounts_for_a_value_only_if_somebody_holds_or_purged_it),
        cmocka_unit_test(an_older_delete_accounts_for_nothing),
        cmocka_unit_test(one_dot_for_two_writes_is_found),
        cmocka_unit_test(what_no_write_explains_is_strange),
        cmocka_unit_test(a_full_history_gives_no_finding),
        cmocka_unit_test(every_finding_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
