/* SPDX-License-Identifier: Apache-2.0
 *
 * drills.c - all drills, one after another.
 */
#include "tests/sim/drills/drills.h"

#include "tests/sim/drills/bed/drill.h"

static const struct weir_sim_model drills[] = {
    { "pull", weir_drill_pull },
    { "boot", weir_drill_boot },
    { "budget", weir_drill_budget },
    { "pull_faults", weir_drill_pull_faults },
    { "group", weir_drill_group },
    { "group_twin", weir_drill_group_twin },
    { "retire", weir_drill_retire },
    { "lanes_alarm", weir_drill_lanes_alarm },
    { "serve", weir_drill_serve },
    { "serve_twin", weir_drill_serve_twin },
    { "apply", weir_drill_apply },
    { "apply_twin", weir_drill_apply_twin },
    { "live", weir_drill_live },
    { "vouch", weir_drill_vouch },
    { "purge", weir_drill_purge },
    { "forget", weir_drill_forget },
    { "walk", weir_drill_walk },
    { "repair", weir_drill_repair },
    { "audit", weir_drill_audit },
    { "votes", weir_drill_votes },
    { "write_checks", weir_drill_write_checks },
    { "write_records", weir_drill_write_records },
    { "publish", weir_drill_publish },
    { "turn", weir_drill_turn },
    { "out_pieces", weir_drill_out_pieces },
    { "inputs", weir_drill_inputs },
    { "new", weir_drill_new },
    { "active", weir_drill_active },
    { "hellos", weir_drill_hellos },
    { "handshake", weir_drill_handshake },
    { "floors", weir_drill_floors },
    { "heartbeat", weir_drill_heartbeat },
    { "members", weir_drill_members },
    { "life", weir_drill_life },
};

bool weir_drills_hold(uint64_t seed, char *ret, size_t len)
{
    return weir_sim_exams_hold(drills, WEIR_ARRAY_LEN(drills), seed, ret, len);
}
