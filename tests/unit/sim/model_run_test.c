/* SPDX-License-Identifier: Apache-2.0
 *
 * model_run_test.c - the program weir-sim-model: its exit status, its last line, its jobs.
 */
#include "node/base/contract.h"
#include "tests/support/run_program.h"

static struct ran run(const char *arguments)
{
    return run_program(WEIR_SIM_MODEL, arguments);
}

static void seeds_that_hold_end_with_0(void **state)
{
    struct ran ran = run("--seeds 1..20");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, "none, aggressive: 20 played, 0 broken"));
}

static void a_violation_ends_with_1_and_the_command_that_replays_it(void **state)
{
    static const char replay[] = "weir-sim-model --seed 2 --mutant gapadvance --regime horizon";
    struct ran ran = run("--seeds 1..9 --mutant gapadvance --until-failure");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.first, ": 2 played, 1 broken"));
    assert_non_null(strstr(ran.last, "seed 2: diverged"));
    assert_non_null(strstr(ran.last, replay));

    struct ran again = run(strstr(replay, "--seed"));
    assert_int_equal(again.status, 1);
    assert_string_equal(again.last, ran.last);
}

static void jobs_find_what_one_process_finds(void **state)
{
    struct ran alone = run("--seeds 1..100 --mutant gapadvance");
    struct ran jobs = run("--seeds 1..100 --mutant gapadvance --jobs 3");
    assert_int_equal(alone.status, 1);
    assert_int_equal(jobs.status, 1);
    assert_string_equal(alone.first, jobs.first);
    assert_string_equal(alone.last, jobs.last);
    jobs = run("--seeds 1..100 --mutant gapadvance --jobs 64 --until-failure");
    assert_string_equal(alone.last, jobs.last);
}

static void seeds_reach_the_last_number_there_is(void **state)
{
    struct ran ran = run("--seeds 18446744073709551614..18446744073709551615 --jobs 2");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, ": 2 played"));
}

static void the_trace_hash_is_of_one_seed(void **state)
{
    struct ran ran = run("--seed 1 --trace-hash");
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.first, "74c8bb140ce436b8");
    assert_int_equal(run("--seeds 1..2 --trace-hash").status, 2);
}

static void mutants_are_listed(void **state)
{
    struct ran ran = run("--list-mutants");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, "nodotgate"));
    assert_non_null(strstr(ran.last, "earlyvv"));
}

static void wrong_usage_ends_with_2(void **state)
{
    static const char *const wrong[] = {
        "--seeds 1",   "--seeds 2..1",     "--seeds 1..x",
        "--seeds ..2", "--seeds -1..2",    "--seed 1x",
        "--seed ''",   "--mutant nothing", "--jobs 0",
        "--jobs 65",   "--regime nowhere", "--no-such-flag",
        "more",        "--seeds",          "--seed 18446744073709551616",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(wrong); i++)
        assert_int_equal(run(wrong[i]).status, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_that_hold_end_with_0),
        cmocka_unit_test(a_violation_ends_with_1_and_the_command_that_replays_it),
        cmocka_unit_test(jobs_find_what_one_process_finds),
        cmocka_unit_test(seeds_reach_the_last_number_there_is),
        cmocka_unit_test(the_trace_hash_is_of_one_seed),
        cmocka_unit_test(mutants_are_listed),
        cmocka_unit_test(wrong_usage_ends_with_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
