/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_trace.c - hash and lines of a run.
 */
#include "tests/sim/cluster/sim_trace.h"

#include <inttypes.h>

#include "node/base/contract.h"
#include "node/base/hash.h"

#define SECOND_US UINT64_C(1000000)

static const char *const names[] = {
    [WEIR_SIM_LINE_START] = "start",   [WEIR_SIM_LINE_CRASH] = "crash",
    [WEIR_SIM_LINE_STATE] = "state",   [WEIR_SIM_LINE_UP] = "up",
    [WEIR_SIM_LINE_DOWN] = "down",     [WEIR_SIM_LINE_FRAME] = "frame",
    [WEIR_SIM_LINE_WRITE] = "write",   [WEIR_SIM_LINE_ACK] = "ack",
    [WEIR_SIM_LINE_PUT] = "put",       [WEIR_SIM_LINE_DROP] = "drop",
    [WEIR_SIM_LINE_WIPE] = "wipe",     [WEIR_SIM_LINE_LANE] = "lane",
    [WEIR_SIM_LINE_COMMIT] = "commit", [WEIR_SIM_LINE_ALARM] = "alarm",
    [WEIR_SIM_LINE_FAULT] = "fault",   [WEIR_SIM_LINE_OVER] = "over",
    [WEIR_SIM_LINE_EXPORT] = "export", [WEIR_SIM_LINE_HOSTILE] = "hostile",
    [WEIR_SIM_LINE_HEAL] = "heal",     [WEIR_SIM_LINE_EQUAL] = "equal",
};
_Static_assert(WEIR_ARRAY_LEN(names) == WEIR_SIM_LINE_COUNT, "each line has a name");

static void mix(struct weir_sim_trace *t, uint64_t value)
{
    t->hash = weir_mix64(t->hash + 0x9e3779b97f4a7c15ull) ^ weir_mix64(value);
}

void weir_sim_trace(struct weir_sim_trace *t, uint64_t at_us, enum weir_sim_line line,
                    uint32_t node, uint64_t value)
{
    WEIR_ASSERT(line < WEIR_SIM_LINE_COUNT);
    mix(t, at_us);
    mix(t, (uint64_t)line << 32 | node);
    mix(t, value);
    t->num++;
    if (t->out == NULL)
        return;
    fprintf(t->out, "%4" PRIu64 ".%06" PRIu64 " ", at_us / SECOND_US, at_us % SECOND_US);
    if (node == UINT32_MAX)
        fprintf(t->out, "   - ");
    else
        fprintf(t->out, "%4" PRIu32 " ", node);
    if (line == WEIR_SIM_LINE_FRAME)
        fprintf(t->out, "%s %c %" PRIu64 "\n", names[line], (int)(value & 0x7f), value >> 8);
    else if (line >= WEIR_SIM_LINE_PUT && line <= WEIR_SIM_LINE_LANE)
        fprintf(t->out, "%s %" PRIu64 " %" PRIu64 "\n", names[line], value >> 32,
                value & UINT32_MAX);
    else
        fprintf(t->out, "%s %" PRId64 "\n", names[line], (int64_t)value);
}

void weir_sim_trace_bytes(struct weir_sim_trace *t, struct weir_span bytes)
{
    mix(t, weir_hash64(bytes.len, bytes.at, bytes.len));
}
