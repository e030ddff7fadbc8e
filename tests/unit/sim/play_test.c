/* SPDX-License-Identifier: Apache-2.0
 *
 * play_test.c - random histories: the rules hold, each mutant is caught, and a seed is the same run
 * everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "node/base/contract.h"
#include "tests/sim/play.h"

#define SEEDS_MAX 3000 /* within which each mutant has to be caught */

static int make_play(void **state)
{
    *state = weir_play_new();
    return *state == NULL;
}

static int free_play(void **state)
{
    struct weir_play *play = *state;
    weir_play_free(&play);
    return 0;
}

/* The first seed of 1..last whose run breaks something; 0: none. */
static uint64_t first_broken(struct weir_play *play, enum weir_mutant mutant, const char *regime,
                             uint64_t last)
{
    for (uint64_t seed = 1; seed <= last; seed++) {
        struct weir_play_result result =
            weir_play_run(play, seed, mutant, weir_regime_by_name(regime));
        if (result.finding.kind != WEIR_FINDING_OK) {
            print_message("%s, %s: seed %" PRIu64 ": %s\n", weir_mutant_name(mutant), regime, seed,
                          weir_finding_text(result.finding.kind));
            return seed;
        }
    }
    return 0;
}

static void the_rules_hold_with_tombstones_purged_far_too_early(void **state)
{
    assert_int_equal(first_broken(*state, WEIR_MUTANT_NONE, "aggressive", 2000), 0);
}

static void the_rules_hold_within_the_horizon(void **state)
{
    assert_int_equal(first_broken(*state, WEIR_MUTANT_NONE, "horizon", 1000), 0);
}

/* So that no mutant is caught by a fault that the rules have in its regime too. */
static void the_rules_hold_in_the_regimes_made_for_single_mutants(void **state)
{
    static const char *const regimes[] = { "trickle", "instant", "wipes" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(regimes); i++)
        assert_int_equal(first_broken(*state, WEIR_MUTANT_NONE, regimes[i], 300), 0);
}

static void stale_nodes_reset_only_if_tombstones_are_purged(void **state)
{
    static const struct {
        const char *regime;
        bool resets;
    } cases[] = { { "aggressive", true }, { "horizon", false } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        uint32_t num_resets = 0;
        for (uint64_t seed = 1; seed <= 20; seed++)
            num_resets +=
                weir_play_run(*state, seed, WEIR_MUTANT_NONE, weir_regime_by_name(cases[i].regime))
                    .num_resets;
        assert_int_equal(num_resets > 0, cases[i].resets);
    }
}

static void every_mutant_is_caught(void **state)
{
    for (int i = WEIR_MUTANT_NONE + 1; i < WEIR_MUTANT_COUNT; i++) {
        enum weir_mutant mutant = (enum weir_mutant)i;
        const char *regime = weir_trial_of(mutant)->regime;
        uint64_t seed = first_broken(*state, mutant, regime, SEEDS_MAX);
        if (seed == 0)
            fail_msg("%s survives %d seeds", weir_mutant_name(mutant), SEEDS_MAX);
    }
}

/* A value that changes means that old seeds replay nothing any more: change it on purpose only. */
static void a_seed_is_the_same_run_with_every_compiler(void **state)
{
    static const struct {
        const char *regime;
        uint64_t seed;
        uint64_t trace_hash;
    } cases[] = {
        { "aggressive", 1, 0x74c8bb140ce436b8ull },
        { "horizon", 2, 0x4347b94d021747ecull },
        { "instant", 18446744073709551615u, 0xff45e8b32dd1fd39ull },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        const struct weir_regime *regime = weir_regime_by_name(cases[i].regime);
        for (int round = 0; round < 2; round++) {
            struct weir_play_result result =
                weir_play_run(*state, cases[i].seed, WEIR_MUTANT_NONE, regime);
            assert_int_equal(result.trace_hash, cases[i].trace_hash);
        }
    }
}

static void what_was_played_before_leaves_no_trace(void **state)
{
    const struct weir_regime *regime = weir_regime_by_name("instant");
    struct weir_play *other = weir_play_new();
    assert_non_null(other);
    uint64_t fresh = weir_play_run(other, 7, WEIR_MUTANT_NONE, regime).trace_hash;
    weir_play_free(&other);
    assert_null(other);
    weir_play_run(*state, 8, WEIR_MUTANT_LANEREUSE, weir_regime_by_name("trickle"));
    assert_int_equal(weir_play_run(*state, 7, WEIR_MUTANT_NONE, regime).trace_hash, fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_hold_with_tombstones_purged_far_too_early),
        cmocka_unit_test(the_rules_hold_within_the_horizon),
        cmocka_unit_test(the_rules_hold_in_the_regimes_made_for_single_mutants),
        cmocka_unit_test(stale_nodes_reset_only_if_tombstones_are_purged),
        cmocka_unit_test(every_mutant_is_caught),
        cmocka_unit_test(a_seed_is_the_same_run_with_every_compiler),
        cmocka_unit_test(what_was_played_before_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, make_play, free_play);
}
