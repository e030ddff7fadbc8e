/* SPDX-License-Identifier: Apache-2.0
 *
 * scarce.h - memory that runs out within an engine. The allocations of an engine and of its stores
 * are counted over its turns, those from an arena too; one of them fails, or it and all that follow
 * in that turn. The same ones fail in every build.   Owner: one thread, one node at a time.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SCARCE_H
#define WEIR_TESTS_SIM_CLUSTER_SCARCE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/rng.h"

/** Of a node. Zero state: no allocation fails. */
struct weir_sim_scarce {
    uint32_t fails_in; /* allocations from now; 0: none fails */
    bool once;         /* else all that follow in the turn fail too */
};

/** One will fail soon. */
void weir_sim_scarce_draw(struct weir_sim_scarce *s, struct weir_rng *rng);
/** The engine's part of a turn begins. */
void weir_sim_scarce_begin(const struct weir_sim_scarce *s);
/** Has an allocation of this turn failed? */
bool weir_sim_scarce_has_struck(const struct weir_sim_scarce *s);
/** It ends. */
void weir_sim_scarce_end(struct weir_sim_scarce *s);

#endif
