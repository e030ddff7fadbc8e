/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_faults.h - one turn of a drill, again and again: each time another allocation of it fails,
 * or another operation of a store. Whatever fails, the turn is undone as a whole, or the input was
 * never there, and nothing leaks. Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_FAULTS_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_FAULTS_H

#include "tests/sim/drills/bed/drill.h"

/** A turn in which something fails. */
struct weir_drill_scene {
    /** What is before: stores, an engine, peers. */
    void (*prepare)(struct weir_drill *d);
    /** The inputs of the turn, between weir_drill_begin and weir_drill_end. */
    void (*act)(struct weir_drill *d);
    /** What must be so after the turn. @param failed  something has failed in it */
    void (*check)(struct weir_drill *d, bool failed);
};

/** Each allocation fails in turn, then none does. */
void weir_drill_fail_allocs(struct weir_sim_exam *x, const struct weir_drill_scene *scene);
/** Each operation of a group's store fails in turn with WEIR_EIO, then none does. */
void weir_drill_fail_ops(struct weir_sim_exam *x, enum weir_group g,
                         const struct weir_drill_scene *scene);

#endif
