/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_faults.c - a turn in which each allocation and each operation fails once.
 */
#include "tests/sim/drills/bed/drill_faults.h"

#include "tests/support/failalloc.h"

#define FAULTS_MAX 400 /* of one turn: a scene has fewer */

/* @return whether the fault was met */
typedef bool (*fault_fn)(struct weir_drill *d, const struct weir_drill_scene *scene, uint64_t n);

static bool fail_alloc(struct weir_drill *d, const struct weir_drill_scene *scene, uint64_t n)
{
    weir_drill_begin(d);
    weir_failalloc_once((long)n);
    scene->act(d);
    (void)weir_drill_end(d);
    return weir_sim_plenty();
}

static bool fail_op(struct weir_drill *d, enum weir_group g, const struct weir_drill_scene *scene,
                    uint64_t n)
{
    weir_drill_begin(d);
    uint64_t before = weir_memory_counts(d->store[g]).num_ops;
    weir_memory_fail_op(d->store[g], n, WEIR_EIO);
    scene->act(d);
    (void)weir_drill_end(d);
    return weir_memory_counts(d->store[g]).num_ops - before >= n;
}

static bool fail_op_c(struct weir_drill *d, const struct weir_drill_scene *scene, uint64_t n)
{
    return fail_op(d, WEIR_GROUP_C, scene, n);
}

static bool fail_op_e(struct weir_drill *d, const struct weir_drill_scene *scene, uint64_t n)
{
    return fail_op(d, WEIR_GROUP_E, scene, n);
}

static void fail_each(struct weir_sim_exam *x, fault_fn fault, const struct weir_drill_scene *scene)
{
    bool failed = true;

    for (uint64_t n = 1; failed && x->claim == NULL; n++) {
        struct weir_drill d;
        long live = weir_failalloc_live();
        weir_drill_init(&d, x);
        scene->prepare(&d);
        failed = fault(&d, scene, n);
        scene->check(&d, failed);
        weir_drill_deinit(&d);
        WEIR_SIM_CLAIM(x, weir_failalloc_live() == live);
        WEIR_SIM_CLAIM(x, n < FAULTS_MAX);
    }
}

void weir_drill_fail_allocs(struct weir_sim_exam *x, const struct weir_drill_scene *scene)
{
    fail_each(x, fail_alloc, scene);
}

void weir_drill_fail_ops(struct weir_sim_exam *x, enum weir_group g,
                         const struct weir_drill_scene *scene)
{
    fail_each(x, g == WEIR_GROUP_C ? fail_op_c : fail_op_e, scene);
}
