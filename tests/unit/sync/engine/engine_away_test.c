/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_away_test.c - what is remembered of nodes that go away and come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/activation/acks.h"
#include "sync/frame/member.h"
#include "tests/support/engine/engine_suite_bed.h"
#include "tests/support/record_store_kit.h"

#define MINUTE (60 * SECOND)

static void init(struct bed *b, unsigned num)
{
    bed_init(b, num);
    for (unsigned i = 0; i < num; i++)
        cluster_member(&b->c, 0, i, WEIR_MEMBER_JOINED);
    cluster_run(&b->c, 3 * SECOND);
}

/* Its acks were forgotten with the link, and the lane had not changed for long. */
static void a_node_that_comes_back_tells_again_what_is_active(void **state)
{
    struct weir_acks_count n;
    struct bed b;

    init(&b, 2);
    write_key(&b, 0, "a");
    struct weir_version v = b.c.node[0].last_version;
    cluster_run(&b.c, 3 * MINUTE);
    assert_true(weir_engine_acks(b.c.node[0].engine, &v, &n));
    assert_int_equal(n.active, 2);
    cluster_cut(&b.c, 0, 1, true);
    cluster_run(&b.c, SECOND);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, 3 * SECOND);
    assert_true(weir_engine_acks(b.c.node[0].engine, &v, &n));
    assert_int_equal(n.durable, 2);
    assert_int_equal(n.active, 2);
    bed_deinit(&b);
}

static void a_node_that_resets_does_not_forget_who_was_evicted(void **state)
{
    struct bed b;

    init(&b, 3);
    b.c.exports = true;
    write_key(&b, 0, "a");
    cluster_cut(&b.c, 2, 0, true); /* it does not learn of it */
    cluster_cut(&b.c, 2, 1, true);
    cluster_member(&b.c, 0, 2, WEIR_MEMBER_EVICTED);
    cluster_run(&b.c, 3 * SECOND);
    cluster_cut(&b.c, 0, 1, true);
    weir_engine_give_up(b.c.node[1].engine);
    cluster_run(&b.c, SECOND);
    cluster_cut(&b.c, 2, 1, false);
    cluster_run(&b.c, 10 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[1].engine), WEIR_ENGINE_JOINING);
    assert_true(has(&b, 1, "a", NULL));
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, 10 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[1].engine), WEIR_ENGINE_LIVE);
    assert_true(has(&b, 1, "a", "v"));
    bed_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_comes_back_tells_again_what_is_active),
        cmocka_unit_test(a_node_that_resets_does_not_forget_who_was_evicted),
    };

    engine_suite_maker = &record_store_kit_maker;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
