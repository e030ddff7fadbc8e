/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - a run: the plan, the trouble, the healing, the finding.
 */
#include "tests/sim/runner/run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/drills/bed/drill.h"
#include "tests/sim/models/model.h"
#include "tests/sim/oracle/heal.h"
#include "tests/support/failalloc.h"

static void add_counters(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        s->tally.num_writes += n->num_acked;
        s->tally.num_refused += n->num_refused;
        if (n->engine == NULL)
            continue;
        s->tally.num_resets += weir_engine_counter(n->engine, WEIR_COUNT_RESETS);
        s->tally.num_purged += weir_engine_counter(n->engine, WEIR_COUNT_PURGED);
        s->tally.num_conflicts += weir_engine_counter(n->engine, WEIR_COUNT_CONFLICTS);
        s->tally.num_repaired += weir_engine_counter(n->engine, WEIR_COUNT_REPAIRED);
    }
}

static void write_place(const struct weir_sim *s, struct weir_sim_result *r)
{
    const struct weir_sim_finding *f = &r->finding;
    const struct weir_sim_names *keys = &s->check.keys;
    struct weir_span key = f->key < keys->num ? weir_sim_names_at(keys, f->key) : WEIR_SPAN_EMPTY;
    const char *more = f->kind != WEIR_FINDING_OK ? weir_finding_text(f->kind) : "";

    if (f->broken == WEIR_SIM_HOLDS)
        return;
    snprintf(r->where, sizeof(r->where),
             "%s%s at %" PRIu64 " ms (node %" PRId32 ", class %u, key %" PRIu32 ", seq %" PRIu64
             ")",
             more[0] != 0 ? ": " : "", more, f->at_us / 1000, (int32_t)f->node,
             key.len > 0 ? key.at[0] : 0, f->key, f->seq);
}

static struct weir_sim_result run(const struct weir_sim_wish *wish, FILE *trace)
{
    struct weir_sim_plan plan;
    struct weir_sim_result result = { 0 };
    struct weir_sim *s = calloc(1, sizeof(*s));

    WEIR_ASSERT(s != NULL);
    if (!weir_sim_models_hold(wish->seed, result.where, sizeof(result.where)) ||
        !weir_drills_hold(wish->seed, result.where, sizeof(result.where))) {
        result.finding = (struct weir_sim_finding){ .broken = WEIR_SIM_MODEL };
        free(s);
        return result;
    }
    weir_sim_plan_draw(wish, &plan);
    if (trace != NULL)
        weir_sim_plan_print(&plan, trace);
    weir_sim_init(s, &plan, trace);
    weir_sim_begin(s);
    weir_sim_play(s, plan.seconds * WEIR_SIM_SECOND_US);
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        weir_sim_heal(s);
    add_counters(s);
    result.finding = s->check.found;
    result.trace_hash = s->trace.hash;
    result.tally = s->tally;
    write_place(s, &result);
    weir_sim_deinit(s);
    free(s);
    return result;
}

struct weir_sim_result weir_sim_run(const struct weir_sim_wish *wish, FILE *trace)
{
    long num_live = weir_failalloc_live();
    struct weir_sim_result result = run(wish, trace);

    if (result.finding.broken == WEIR_SIM_HOLDS && weir_failalloc_live() != num_live) {
        result.finding.broken = WEIR_SIM_LEAK;
        snprintf(result.where, sizeof(result.where), ": %ld allocations",
                 weir_failalloc_live() - num_live);
    }
    return result;
}
