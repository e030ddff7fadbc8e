/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - one run of the simulator, from its seed to its finding.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_RUN_H
#define WEIR_TESTS_SIM_RUNNER_RUN_H

#include <stdio.h>

#include "tests/sim/cluster/sim.h"

/** The outcome of a run. */
struct weir_sim_result {
    struct weir_sim_finding finding;
    char where[160]; /* node, key and dot of it, in words; "" when all holds */
    uint64_t trace_hash;
    struct weir_sim_tally tally;
};

/** One run, from its seed to its finding. @param trace  NULL: no lines */
struct weir_sim_result weir_sim_run(const struct weir_sim_wish *wish, FILE *trace);

#endif
