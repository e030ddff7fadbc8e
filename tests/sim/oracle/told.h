/* SPDX-License-Identifier: Apache-2.0
 *
 * told.h - what an engine tells in the outputs of a turn, against what the turn did: each accepted
 * write is acknowledged once, in order, with its own result; each record that was stored is told as
 * CHANGED, each tombstone of group C that was purged as PURGED, and nothing that was undone is told
 * at all. And what the engine has in memory is what its stores have.
 * Owner: one thread.   Limits: memory, which is asserted.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_TOLD_H
#define WEIR_TESTS_SIM_ORACLE_TOLD_H

#include "tests/sim/oracle/check.h"

/** The node accepted a write in this turn. */
void weir_sim_told_asked(struct weir_sim_check *c, uint32_t node,
                         const struct weir_engine_write *w);
/** An output of the turn. @param err  what weir_engine_commit returned */
void weir_sim_told_output(struct weir_sim_check *c, uint32_t node,
                          const struct weir_engine_out *out, enum weir_err err);
/** There are no more outputs. */
void weir_sim_told_end(struct weir_sim_check *c, uint32_t node);
/** Between turns, while the node's disk works: vectors and floors are those of the stores. */
void weir_sim_told_mirror(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e,
                          struct weir_memory *const stores[WEIR_GROUP_COUNT]);

#endif
