/* SPDX-License-Identifier: Apache-2.0
 *
 * play.c - random histories of the model. No two numbers are drawn in one expression: C does not
 * order them.
 */
#include "tests/sim/play.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/base/hash.h"
#include "node/base/rng.h"

#define MESSAGES_MAX 256
#define HEAL_ROUNDS  80
#define WRITES_LOG2  9

/* The first two are those in which the rules were found; in the others single mutants show far
 * sooner. */
static const struct weir_regime regimes[] = {
    { "aggressive", 500, 4, 99, 15, 3, { 5, 50, 300 } },
    { "horizon", 500, 4, 99, 15, 0, { 0 } },
    { "trickle", 500, 8, 2, 0, 0, { 0 } },
    { "instant", 500, 8, 3, 5, 1, { 5 } },
    { "wipes", 500, 8, 3, 15, 0, { 0 } },
};

static const struct weir_mutant_trial trials[] = {
    { WEIR_MUTANT_NONE, "aggressive" },       { WEIR_MUTANT_NODOTGATE, "aggressive" },
    { WEIR_MUTANT_NOFLOOR, "instant" },       { WEIR_MUTANT_ONEWAYFLOOR, "aggressive" },
    { WEIR_MUTANT_CURSORSHARE, "trickle" },   { WEIR_MUTANT_GAPADVANCE, "horizon" },
    { WEIR_MUTANT_LANEREUSE, "horizon" },     { WEIR_MUTANT_NOHLCBUMP, "horizon" },
    { WEIR_MUTANT_NOHLCFLOOR, "aggressive" }, { WEIR_MUTANT_WRITEUNBOOT, "instant" },
    { WEIR_MUTANT_BOOTMOVE, "instant" },      { WEIR_MUTANT_EARLYVV, "wipes" },
};
_Static_assert(WEIR_ARRAY_LEN(trials) == WEIR_MUTANT_COUNT, "each mutant has a trial");

/* A lane and a place in the history cost a write each, and a step makes one at most. */
_Static_assert(WEIR_PLAY_STEPS_MAX < WEIR_MODEL_LANES_MAX, "lanes are numbered from 1");
_Static_assert(WEIR_PLAY_STEPS_MAX <= 1 << WRITES_LOG2, "no history is full");

/* A live message on its way. */
struct flight {
    int64_t due_ms;
    uint32_t from;
    uint32_t to;
    struct weir_model_message message;
};

/* What a node has purged last of each key, while its store is the same. */
struct purges {
    uint64_t incarnation;
    struct weir_dot dots[WEIR_MODEL_KEYS_MAX]; /* seq 0: nothing */
};

struct weir_play {
    struct weir_rng rng;
    const struct weir_regime *regime;
    struct weir_model model;
    struct weir_model_node nodes[WEIR_PLAY_NODES];
    int64_t skew_ms[WEIR_PLAY_NODES];
    int64_t now_ms;
    uint32_t side; /* bit i: node i is on the second side of the partition */
    struct flight flights[MESSAGES_MAX];
    size_t num_flights;
    struct weir_history history;
    struct weir_history_write writes[1 << WRITES_LOG2];
    uint32_t slots[WEIR_HISTORY_SLOTS(WRITES_LOG2)];
    struct purges purges[WEIR_PLAY_NODES];
    struct weir_finding undone;
    uint64_t hash;
    uint32_t num_resets;
};

struct weir_play *weir_play_new(void)
{
    return calloc(1, sizeof(struct weir_play));
}

void weir_play_free(struct weir_play **p)
{
    free(*p);
    *p = NULL;
}

const struct weir_regime *weir_regime_by_name(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(regimes); i++) {
        if (strcmp(regimes[i].name, name) == 0)
            return &regimes[i];
    }
    return NULL;
}

const struct weir_mutant_trial *weir_trial_of(enum weir_mutant mutant)
{
    WEIR_ASSERT(mutant < WEIR_MUTANT_COUNT);
    WEIR_ASSERT(trials[mutant].mutant == mutant);
    return &trials[mutant];
}

static void trace(struct weir_play *p, uint64_t what)
{
    p->hash = weir_mix64(p->hash + 0x9e3779b97f4a7c15ull) ^ weir_mix64(what);
}

static void trace_record(struct weir_play *p, const struct weir_model_record *r)
{
    trace(p, r->key << 2 | (uint32_t)r->deleted << 1 | (uint32_t)r->present);
    trace(p, r->dot.lane);
    trace(p, r->dot.seq);
    trace(p, (uint64_t)r->version.hlc);
    trace(p, r->value);
}

static void trace_node(struct weir_play *p, const struct weir_model_node *n)
{
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++)
        trace_record(p, &n->store.records[key]);
    for (uint32_t lane = 0; lane < n->store.vv.num_lanes; lane++)
        trace(p, n->store.vv.seq[lane]);
    for (uint32_t lane = 0; lane < n->store.floor.num_lanes; lane++)
        trace(p, n->store.floor.seq[lane]);
    trace(p, (uint64_t)n->store.hlc_floor);
    trace(p, n->incarnation);
    trace(p, n->store.boot);
}

static bool is_connected(const struct weir_play *p, uint32_t a, uint32_t b)
{
    return (p->side >> a & 1) == (p->side >> b & 1);
}

static int64_t wall_of(const struct weir_play *p, uint32_t node)
{
    return p->now_ms + p->skew_ms[node];
}

static uint32_t draw(struct weir_play *p, uint32_t below)
{
    return (uint32_t)weir_rng_below(&p->rng, below);
}

static uint32_t draw_node(struct weir_play *p)
{
    return draw(p, WEIR_PLAY_NODES);
}

static void send_one(struct weir_play *p, uint32_t from, uint32_t to,
                     const struct weir_model_record *r)
{
    static const int64_t delays_ms[] = { 1, 1, 5, 50 };
    int64_t delay_ms = delays_ms[draw(p, WEIR_ARRAY_LEN(delays_ms))];

    if (p->num_flights == MESSAGES_MAX)
        return; /* the network may lose it */
    struct flight *f = &p->flights[p->num_flights++];
    f->due_ms = p->now_ms + delay_ms;
    f->from = from;
    f->to = to;
    f->message.record = *r;
    weir_model_vector_copy(&f->message.vv, &p->nodes[from].store.vv);
}

/* Forty messages of a hundred are lost, ten of those that arrive do so twice. */
static void publish(struct weir_play *p, uint32_t from, const struct weir_model_record *r)
{
    for (uint32_t to = 0; to < WEIR_PLAY_NODES; to++) {
        if (to == from || !is_connected(p, from, to))
            continue;
        if (draw(p, 100) >= 60)
            continue;
        uint32_t copies = draw(p, 100) < 90 ? 1 : 2;
        for (uint32_t i = 0; i < copies; i++)
            send_one(p, from, to, r);
    }
}

static void note_write(struct weir_play *p, uint32_t node, const struct weir_model_record *r)
{
    if (r == NULL)
        return; /* refused */
    trace_record(p, r);
    weir_history_note_write(&p->history, r->dot, r->key, r->version, r->deleted);
    publish(p, node, r);
}

static void flight_move(struct flight *to, const struct flight *from)
{
    if (to == from)
        return;
    to->due_ms = from->due_ms;
    to->from = from->from;
    to->to = from->to;
    to->message.record = from->message.record;
    weir_model_vector_copy(&to->message.vv, &from->message.vv);
}

static void deliver(struct weir_play *p)
{
    size_t stored_record = 0;

    for (size_t i = 0; i < p->num_flights; i++) {
        struct flight *f = &p->flights[i];
        if (f->due_ms > p->now_ms) {
            flight_move(&p->flights[stored_record++], f);
            continue;
        }
        if (!is_connected(p, f->from, f->to))
            continue;
        bool taken = weir_model_receive(&p->nodes[f->to], &f->message, wall_of(p, f->to));
        trace(p, f->message.record.dot.seq << 1 | (uint64_t)taken);
    }
    p->num_flights = stored_record;
}

static void pull(struct weir_play *p, uint32_t node, uint32_t source, uint32_t chunk)
{
    struct weir_model_list exported;
    enum weir_model_pulled pulled =
        weir_model_pull(&p->nodes[node], &p->nodes[source], chunk, wall_of(p, node), &exported);

    trace(p, pulled);
    for (uint32_t i = 0; i < exported.num_records; i++)
        weir_history_note_exported(&p->history, exported.at[i].dot);
    p->num_resets += exported.num_records > 0;
}

static void step_write(struct weir_play *p, uint32_t node)
{
    uint32_t key = draw(p, p->regime->num_keys);
    uint64_t value = weir_rng_below(&p->rng, 1000000);

    note_write(p, node, weir_model_write(&p->nodes[node], key, value, wall_of(p, node)));
}

static void step_delete(struct weir_play *p, uint32_t node)
{
    uint32_t key = draw(p, p->regime->num_keys);
    const struct weir_model_record *held = &p->nodes[node].store.records[key];

    if (held->present && !held->deleted)
        note_write(p, node, weir_model_delete(&p->nodes[node], key, wall_of(p, node)));
}

static void step_pull(struct weir_play *p, uint32_t node)
{
    const uint32_t chunks[] = { 1, 1, 2, p->regime->chunk_most };
    uint32_t source = draw_node(p);
    uint32_t chunk = chunks[draw(p, WEIR_ARRAY_LEN(chunks))];

    if (source != node && is_connected(p, node, source))
        pull(p, node, source, chunk);
}

static void step_purge(struct weir_play *p, uint32_t node)
{
    struct weir_model_list purged;

    if (p->regime->num_ages == 0)
        return;
    int64_t age_ms = p->regime->ages_ms[draw(p, p->regime->num_ages)];
    weir_model_purge(&p->nodes[node], wall_of(p, node), age_ms, &purged);
    for (uint32_t i = 0; i < purged.num_records; i++) {
        weir_history_note_purged(&p->history, purged.at[i].dot);
        p->purges[node].dots[purged.at[i].key] = purged.at[i].dot;
    }
    trace(p, purged.num_records);
}

/* Split in two at random, never all on one side; or heal. */
static void step_partition(struct weir_play *p, uint32_t node)
{
    uint32_t all = (1u << WEIR_PLAY_NODES) - 1;

    p->side = p->side == 0 ? 1 + draw(p, all - 1) : 0;
    trace(p, p->side);
}

static void step_drop_session(struct weir_play *p, uint32_t node)
{
    weir_model_drop_session(&p->nodes[node]);
}

static void step_wipe(struct weir_play *p, uint32_t node)
{
    size_t stored_record = 0;

    weir_model_wipe(&p->nodes[node]);
    for (size_t i = 0; i < p->num_flights; i++) {
        if (p->flights[i].to != node)
            flight_move(&p->flights[stored_record++], &p->flights[i]);
    }
    p->num_flights = stored_record;
}

static void step_backup(struct weir_play *p, uint32_t node)
{
    weir_model_backup(&p->nodes[node]);
}

static void step_restore(struct weir_play *p, uint32_t node)
{
    weir_model_restore(&p->nodes[node]);
}

/* Shares of a thousand steps; what is left does nothing but let time pass. */
static const struct {
    uint32_t share;
    void (*step)(struct weir_play *p, uint32_t node);
} steps[] = {
    { 300, step_write }, { 150, step_delete },   { 300, step_pull },
    { 100, step_purge }, { 30, step_partition }, { 20, step_drop_session },
    { 0, step_wipe },    { 20, step_backup },    { 10, step_restore },
};

/* R3: what a store has purged never comes back to it. */
static void check_purges(struct weir_play *p, uint32_t node)
{
    const struct weir_model_node *n = &p->nodes[node];
    struct purges *purges = &p->purges[node];

    if (purges->incarnation != n->incarnation)
        *purges = (struct purges){ .incarnation = n->incarnation };
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
        struct weir_dot gone = purges->dots[key];
        struct weir_dot held = n->store.records[key].dot;
        if (gone.seq == 0 || gone.seq != held.seq || gone.lane != held.lane)
            continue;
        p->undone = (struct weir_finding){
            .kind = WEIR_FINDING_UNDONE,
            .node = node,
            .key = key,
            .dot = gone,
        };
    }
}

static void one_step(struct weir_play *p)
{
    uint32_t past_ms = draw(p, 4) < 3 ? 1 : 10;
    uint32_t node = draw_node(p);
    uint32_t at = draw(p, 1000);

    p->now_ms += past_ms;
    deliver(p);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(steps); i++) {
        uint32_t share = steps[i].step == step_wipe ? p->regime->num_wipes : steps[i].share;
        if (at < share) {
            trace(p, i);
            steps[i].step(p, node);
            break;
        }
        at -= share;
    }
    trace_node(p, &p->nodes[node]);
    for (uint32_t i = 0; i < WEIR_PLAY_NODES; i++)
        check_purges(p, i);
}

static bool is_settled(const struct weir_play *p)
{
    const struct weir_model_store *first = &p->nodes[0].store;

    for (uint32_t i = 0; i < WEIR_PLAY_NODES; i++) {
        const struct weir_model_store *s = &p->nodes[i].store;
        if (!s->boot || !weir_model_vector_equal(&s->vv, &first->vv) ||
            !weir_model_vector_equal(&s->floor, &first->floor))
            return false;
        for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
            if (s->records[key].present != first->records[key].present ||
                weir_model_version_compare(s->records[key].version, first->records[key].version) !=
                    0)
                return false;
        }
    }
    return true;
}

/* No loss, no partition, no new writes: all pull from all until nothing moves any more. */
static void heal(struct weir_play *p)
{
    bool any_boot = false;

    p->side = 0;
    p->num_flights = 0;
    for (uint32_t i = 0; i < WEIR_PLAY_NODES; i++)
        any_boot = any_boot || p->nodes[i].store.boot;
    if (!any_boot)
        weir_model_bootstrap(&p->nodes[0]); /* an operator forces one */
    for (uint32_t round = 0; round < HEAL_ROUNDS && !is_settled(p); round++) {
        for (uint32_t to = 0; to < WEIR_PLAY_NODES; to++) {
            for (uint32_t from = 0; from < WEIR_PLAY_NODES; from++) {
                if (to != from)
                    pull(p, to, from, 99);
            }
        }
    }
}

static struct weir_finding judge(struct weir_play *p)
{
    struct weir_history_node nodes[WEIR_PLAY_NODES];
    struct weir_history_final final = { nodes, WEIR_PLAY_NODES, WEIR_MODEL_KEYS_MAX };

    for (uint32_t i = 0; i < WEIR_PLAY_NODES; i++) {
        const struct weir_model_store *s = &p->nodes[i].store;
        nodes[i] = (struct weir_history_node){ s->records, s->vv.seq, s->vv.num_lanes };
        trace_node(p, &p->nodes[i]);
    }
    struct weir_finding found = weir_history_judge(&p->history, &final);
    return found.kind != WEIR_FINDING_OK ? found : p->undone;
}

static void begin(struct weir_play *p, uint64_t seed, enum weir_mutant mutant,
                  const struct weir_regime *regime)
{
    static const int64_t skews_ms[] = { 0, 0, 0, -300, 300, 5000 };

    WEIR_ASSERT(regime->steps > 0 && regime->steps <= WEIR_PLAY_STEPS_MAX);
    WEIR_ASSERT(regime->num_ages <= WEIR_PLAY_AGES_MAX);
    weir_rng_init(&p->rng, seed);
    weir_model_init(&p->model, mutant);
    p->regime = regime;
    p->now_ms = 1000;
    p->side = 0;
    p->num_flights = 0;
    p->num_resets = 0;
    p->hash = seed;
    p->undone = (struct weir_finding){ .kind = WEIR_FINDING_OK };
    weir_history_init(&p->history, p->writes, p->slots, WRITES_LOG2);
    for (uint32_t i = 0; i < WEIR_PLAY_NODES; i++) {
        weir_model_node_init(&p->nodes[i], &p->model, i);
        weir_model_bootstrap(&p->nodes[i]);
        p->purges[i] = (struct purges){ 0 };
        p->skew_ms[i] = skews_ms[draw(p, WEIR_ARRAY_LEN(skews_ms))];
    }
}

struct weir_play_result weir_play_run(struct weir_play *p, uint64_t seed, enum weir_mutant mutant,
                                      const struct weir_regime *regime)
{
    struct weir_play_result result;

    begin(p, seed, mutant, regime);
    for (uint32_t i = 0; i < regime->steps; i++)
        one_step(p);
    heal(p);
    result.finding = judge(p);
    trace(p, result.finding.kind);
    result.trace_hash = p->hash;
    result.num_resets = p->num_resets;
    return result;
}
