/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs.h - many runs of the simulator, in processes of their own: a run that ends its process is a
 * failed run with a seed, like any other. Also makes a failing run smaller.
 * Owner: the program's only thread.   Limits: WEIR_SIM_JOBS_MAX processes.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_JOBS_H
#define WEIR_TESTS_SIM_RUNNER_JOBS_H

#include "tests/sim/runner/run.h"

#define WEIR_SIM_JOBS_MAX 64

/** What seeds to run, and how. */
struct weir_sim_series {
    struct weir_sim_wish wish; /* its seed is not used */
    uint64_t first;
    uint64_t last;
    uint32_t jobs;
    bool until_failure;
    bool shows_progress; /* on standard error */
};

/** What came of it. */
struct weir_sim_score {
    uint64_t num_runs;
    uint64_t num_broken;
    uint64_t num_kinds[WEIR_SIM_BROKEN_COUNT];
    struct weir_sim_tally tally; /* the sum */
    uint64_t broken_seed;        /* the smallest; meaningful if num_broken > 0 */
    bool has_died;               /* its process did */
    struct weir_sim_finding finding;
    char where[160];
};

/** Run all seeds. Ends the program when there are no resources for it. */
void weir_sim_jobs_run(const struct weir_sim_series *series, struct weir_sim_score *ret);
/** The command that runs one seed of a wish again, without its end of line. */
void weir_sim_jobs_command(const struct weir_sim_wish *wish, FILE *out);
/** The last line about a broken seed: what, where, and the command. */
void weir_sim_jobs_print_broken(const struct weir_sim_wish *wish,
                                const struct weir_sim_score *score);
/**
 * Take nodes, seconds and features away while the seed still fails, printing each step.
 * @return whether it fails at all; then *wish is the smallest that does
 */
bool weir_sim_jobs_shrink(struct weir_sim_wish *wish);

#endif
