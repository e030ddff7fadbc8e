/* SPDX-License-Identifier: Apache-2.0
 *
 * counted.c - counters, turn by turn.
 */
#include "tests/sim/oracle/counted.h"

#include <string.h>

#include "tests/sim/cluster/sim_state.h"

/* Counted once each time that the note is made; the others have causes that are not seen here. */
static const enum weir_engine_count exact[] = {
    WEIR_COUNT_FRAMES, WEIR_COUNT_WRITES_REFUSED, WEIR_COUNT_RESETS,
    WEIR_COUNT_AUDITS, WEIR_COUNT_BUSY,           WEIR_COUNT_SERVED,
};

void weir_sim_counted_turn(struct weir_sim_node *n)
{
    struct weir_sim_counted *c = &n->counted;

    memset(c->seen, 0, sizeof(c->seen));
    for (unsigned i = 0; i < WEIR_COUNT_COUNT; i++)
        c->before[i] = weir_engine_counter(n->engine, (enum weir_engine_count)i);
}

void weir_sim_counted_note(struct weir_sim_node *n, enum weir_engine_count counter)
{
    n->counted.seen[counter]++;
}

/* A response to a request by key, and that of another life, has no end that could be complete. */
static void note_response(struct weir_sim_node *n, const Weir__V1__PullRep *m)
{
    if (m->st == WEIR__V1__PULL_REP__STATUS__BUSY)
        weir_sim_counted_note(n, WEIR_COUNT_BUSY);
    else if (m->st == WEIR__V1__PULL_REP__STATUS__OK && m->has_complete)
        weir_sim_counted_note(n, WEIR_COUNT_SERVED);
    else if (m->st == WEIR__V1__PULL_REP__STATUS__OK)
        n->counted.before[WEIR_COUNT_SERVED] = UINT64_MAX; /* not known of this turn */
}

void weir_sim_counted_frame(struct weir_sim_node *n, const struct weir_frame *f)
{
    if (f->topic == WEIR_FRAME_PULL_REP)
        note_response(n, f->msg.pull_rep);
    else if (f->topic == WEIR_FRAME_AUDIT && f->msg.audit->has_buckets)
        weir_sim_counted_note(n, WEIR_COUNT_AUDITS);
}

static uint64_t grown(const struct weir_sim_node *n, enum weir_engine_count counter)
{
    return weir_engine_counter(n->engine, counter) - n->counted.before[counter];
}

/* A ban that has expired when it comes also ends the tombstone that it replaces. */
static bool is_purged_exact(const struct weir_sim_node *n, const struct weir_sim_told *told)
{
    uint64_t num = grown(n, WEIR_COUNT_PURGED);
    uint64_t least = told->num_purged[WEIR_GROUP_C];

    return num >= least && num <= least + told->num_purged[WEIR_GROUP_E] &&
           num + grown(n, WEIR_COUNT_EXPIRED) >= least + told->num_purged[WEIR_GROUP_E];
}

void weir_sim_counted_end(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    const struct weir_sim_counted *c = &n->counted;
    const struct weir_sim_told *told = &s->check.views[n->index].told;
    bool holds = true;

    if (err < 0 || n->was_scarce)
        return;
    if (n->state_before == WEIR_ENGINE_READONLY) /* over whatever state */
        n->counted.before[WEIR_COUNT_RESETS] = UINT64_MAX;
    if (n->state_before == WEIR_ENGINE_STALE && n->state == WEIR_ENGINE_JOINING)
        weir_sim_counted_note(n, WEIR_COUNT_RESETS);
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(exact) && holds; i++)
        holds = c->before[exact[i]] == UINT64_MAX || grown(n, exact[i]) == c->seen[exact[i]];
    holds = holds && grown(n, WEIR_COUNT_WRITES) + grown(n, WEIR_COUNT_APPLIED) == told->num_puts;
    holds = holds && (told->is_blurred || is_purged_exact(n, told));
    if (!holds)
        weir_sim_check_found(&s->check, WEIR_SIM_COUNTED, n->index, WEIR_SIM_NO_NAME);
}
