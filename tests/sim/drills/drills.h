/* SPDX-License-Identifier: Apache-2.0
 *
 * drills.h - private to tests/sim/drills/: all drills. Each function goes through those of its
 * file.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_DRILLS_H
#define WEIR_TESTS_SIM_DRILLS_DRILLS_H

#include "tests/sim/models/model.h"

/** sync/engine/engine_pull.c: sessions as puller; the bootstrap */
void weir_drill_pull(struct weir_sim_exam *x);
void weir_drill_boot(struct weir_sim_exam *x);
void weir_drill_budget(struct weir_sim_exam *x);
/** sync/engine/engine_pull.c: without memory, or over a failing store; one of four scenes */
void weir_drill_pull_faults(struct weir_sim_exam *x);
/** sync/engine/engine_group.c: stores, limits, failures */
void weir_drill_group(struct weir_sim_exam *x);
/** sync/engine/engine_group.c: against a second one */
void weir_drill_group_twin(struct weir_sim_exam *x);
/** sync/engine/engine_retire.c: lanes that end and are folded */
void weir_drill_retire(struct weir_sim_exam *x);
/** sync/engine/engine_retire.c: the alarm of too many lanes */
void weir_drill_lanes_alarm(struct weir_sim_exam *x);
/** sync/engine/engine_serve.c: sessions as source */
void weir_drill_serve(struct weir_sim_exam *x);
/** sync/engine/engine_serve.c: sessions as source, against a second implementation */
void weir_drill_serve_twin(struct weir_sim_exam *x);
/** sync/engine/engine_apply.c: records of peers */
void weir_drill_apply(struct weir_sim_exam *x);
/** sync/engine/engine_apply.c: records of peers, against a second implementation */
void weir_drill_apply_twin(struct weir_sim_exam *x);
/** sync/engine/engine_live.c: batches */
void weir_drill_live(struct weir_sim_exam *x);
/** sync/engine/engine_vouch.c: on whose word the vector is raised */
void weir_drill_vouch(struct weir_sim_exam *x);
/** sync/engine/engine_purge.c: tombstones, bans and conflicts */
void weir_drill_purge(struct weir_sim_exam *x);
/** sync/engine/engine_audit.c, engine_sums.c: the walk over all records */
void weir_drill_walk(struct weir_sim_exam *x);
/** sync/engine/engine_audit.c, engine_sums.c: damaged records */
void weir_drill_repair(struct weir_sim_exam *x);
/** sync/engine/engine_audit.c: questions and keys */
void weir_drill_audit(struct weir_sim_exam *x);
/** sync/engine/engine_audit.c: which side mends itself */
void weir_drill_votes(struct weir_sim_exam *x);
/** sync/engine/engine_purge.c: empty lanes of bans */
void weir_drill_forget(struct weir_sim_exam *x);

/** sync/engine/engine_write.c: what a write is refused for, and what is stored of it */
void weir_drill_write_checks(struct weir_sim_exam *x);

/** sync/engine/engine_write.c: stamps, lanes, contexts, and failures */
void weir_drill_write_records(struct weir_sim_exam *x);

/** sync/engine/engine_write.c: batches */
void weir_drill_publish(struct weir_sim_exam *x);

/** sync/engine/engine_turn.c, engine_commit.c: turns that fail, READONLY, STALE */
void weir_drill_turn(struct weir_sim_exam *x);

/** sync/engine/engine_out.c: outputs, and pieces of messages */
void weir_drill_out_pieces(struct weir_sim_exam *x);

/** sync/engine/engine_commit.c: links, frames, time, getters */
void weir_drill_inputs(struct weir_sim_exam *x);

/** sync/engine/engine_new.c: the start over any store, and the end */
void weir_drill_new(struct weir_sim_exam *x);

/** sync/engine/engine_active.c: what is not active yet, and what is reported of it */
void weir_drill_active(struct weir_sim_exam *x);

/** sync/engine/engine_link.c: what a Hello says, and when one is sent */
void weir_drill_hellos(struct weir_sim_exam *x);

/** sync/engine/engine_link.c: which Hellos are accepted, and what follows from them */
void weir_drill_handshake(struct weir_sim_exam *x);

/** sync/engine/engine_link.c: either side missed purges of the other */
void weir_drill_floors(struct weir_sim_exam *x);

/** sync/engine/engine_heartbeat.c */
void weir_drill_heartbeat(struct weir_sim_exam *x);

/** sync/engine/engine_members.c: two lives of a node, eviction, records */
void weir_drill_members(struct weir_sim_exam *x);

/** sync/engine/engine_life.c, engine_peer.c: resets, sessions and links that end; echoes */
void weir_drill_life(struct weir_sim_exam *x);

#endif
