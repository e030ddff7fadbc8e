/* SPDX-License-Identifier: Apache-2.0
 *
 * plane.h - the data plane of a simulated node: it is told of each new record and after a while
 * serves it, or rejects it, or holds it back, and reports that; reports come late, twice, or for a
 * record that is no longer current. While its engine knows of records that wait, it repeats what it
 * reported. What it serves is the truth that activation.h compares acknowledgements with.
 * Owner: one thread.   Limits: memory, which is asserted. Keys and writes are those of the checks,
 * so without checks there is none.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_PLANE_H
#define WEIR_TESTS_SIM_CLUSTER_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** What a data plane makes of a record, drawn from the record and the node. */
enum weir_sim_fate {
    WEIR_SIM_SERVES,
    WEIR_SIM_REJECTS,
    WEIR_SIM_HOLDS_BACK, /* for ever */
    WEIR_SIM_HOLDS_ONCE, /* serves it later */
    WEIR_SIM_DAWDLES,    /* reports nothing before the healing, and then serves it */
    WEIR_SIM_CANNOT_READ /* its min_reader is above the node's: the engine knows by itself */
};

/** Free; it is zero again. */
void weir_sim_plane_deinit(struct weir_sim_plane *p);
/** A turn of its engine was committed. If a new incarnation has begun, or the store was wiped, it
 * serves nothing, and begins with what the store has. */
void weir_sim_plane_turned(struct weir_sim *s, struct weir_sim_node *n);
/** The turn stored this record. @param out  a CHANGED */
void weir_sim_plane_stored(struct weir_sim *s, struct weir_sim_node *n,
                           const struct weir_engine_out *out);
/** The output has come: the record is to be activated. @param out  a CHANGED */
void weir_sim_plane_changed(struct weir_sim *s, struct weir_sim_node *n,
                            const struct weir_engine_out *out);
/** WEIR_SIM_EVENT_PLANE. */
void weir_sim_plane_on_event(struct weir_sim *s, struct weir_sim_node *n, uint64_t arg);
/** Repeat reports of keys that the engine has no final state of. Once a second or so. */
void weir_sim_plane_repeat(struct weir_sim *s, struct weir_sim_node *n);

/** Is a record with this class reported at all? */
bool weir_sim_plane_compiles(const struct weir_sim *s, enum weir_class class);
enum weir_sim_fate weir_sim_plane_fate(const struct weir_sim *s, const struct weir_sim_node *n,
                                       uint32_t write);
/** Has the engine of this life had the record as one that is not yet active? */
bool weir_sim_plane_knows(const struct weir_sim_node *n, uint32_t write);
/** The write of a key that is served, plus 1; 0: none */
uint32_t weir_sim_plane_served(const struct weir_sim_node *n, uint32_t key);

#endif
