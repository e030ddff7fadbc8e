/* SPDX-License-Identifier: Apache-2.0
 *
 * swarm.c - from a seed to the plan of a run. No two numbers are drawn in one expression: C does
 * not order them.
 */
#include "tests/sim/cluster/swarm.h"

#include <inttypes.h>

#include "node/base/hash.h"
#include "node/base/rng.h"
#include "node/base/span.h"

#define NODES_MIN  3
#define NODES_FEW  5
#define NODES_MANY 9

/* In how many seeds of a hundred a feature is on. */
static const struct {
    const char *name;
    uint32_t share;
} features[] = {
    [WEIR_SIM_WITH_LOSS] = { "loss", 60 },
    [WEIR_SIM_WITH_UNANSWERED] = { "unanswered", 25 },
    [WEIR_SIM_WITH_DOUBLED] = { "doubled", 30 },
    [WEIR_SIM_WITH_NARROW] = { "narrow", 12 },
    [WEIR_SIM_WITH_HEAVY] = { "heavy", 25 },
    [WEIR_SIM_WITH_BREAKS] = { "breaks", 35 },
    [WEIR_SIM_WITH_CUTS] = { "cuts", 20 },
    [WEIR_SIM_WITH_PARTS] = { "parts", 45 },
    [WEIR_SIM_WITH_SKEW] = { "skew", 45 },
    [WEIR_SIM_WITH_DRIFT] = { "drift", 20 },
    [WEIR_SIM_WITH_JUMPS] = { "jumps", 12 },
    [WEIR_SIM_WITH_AHEAD] = { "ahead", 8 },
    [WEIR_SIM_WITH_LATENCY] = { "latency", 35 },
    [WEIR_SIM_WITH_FULL] = { "full", 12 },
    [WEIR_SIM_WITH_EIO] = { "eio", 25 },
    [WEIR_SIM_WITH_FLIPS] = { "flips", 15 },
    [WEIR_SIM_WITH_CRASHES] = { "crashes", 40 },
    [WEIR_SIM_WITH_WIPES] = { "wipes", 25 },
    [WEIR_SIM_WITH_ROLLBACKS] = { "rollbacks", 25 },
    [WEIR_SIM_WITH_PAUSES] = { "pauses", 25 },
    [WEIR_SIM_WITH_PURGES] = { "purges", 60 },
    [WEIR_SIM_WITH_TINY] = { "tiny", 45 },
    [WEIR_SIM_WITH_BANS] = { "bans", 45 },
    [WEIR_SIM_WITH_DELETES] = { "deletes", 75 },
    [WEIR_SIM_WITH_FIGHTS] = { "fights", 30 },
    [WEIR_SIM_WITH_BURSTS] = { "bursts", 12 },
    [WEIR_SIM_WITH_BIG] = { "big", 8 },
    [WEIR_SIM_WITH_JOINS] = { "joins", 20 },
    [WEIR_SIM_WITH_LEAVES] = { "leaves", 12 },
    [WEIR_SIM_WITH_UPGRADES] = { "upgrades", 10 },
    [WEIR_SIM_WITH_LATER] = { "later", 15 },
    [WEIR_SIM_WITH_HOSTILE] = { "hostile", 25 },
    [WEIR_SIM_WITH_LIES] = { "lies", 60 },
    [WEIR_SIM_WITH_OVERLAY] = { "overlay", 10 },
    [WEIR_SIM_WITH_ALL_BOOT] = { "allboot", 35 },
    [WEIR_SIM_WITH_MISTAKES] = { "mistakes", 20 },
    [WEIR_SIM_WITH_MOVES] = { "moves", 20 },
    [WEIR_SIM_WITH_STRAYS] = { "strays", 20 },
    [WEIR_SIM_WITH_EXPORTS] = { "exports", 20 },
    [WEIR_SIM_WITH_PLANE] = { "plane", 20 },
    [WEIR_SIM_WITH_EVICTS] = { "evicts", 15 },
    [WEIR_SIM_WITH_MEMORY] = { "memory", 20 },
    [WEIR_SIM_LIE_FLOOR] = { "liefloor", 40 },
    [WEIR_SIM_LIE_VECTOR] = { "lievector", 40 },
    [WEIR_SIM_LIE_OWN] = { "lieown", 30 },
    [WEIR_SIM_LIE_CURSOR] = { "liecursor", 20 },
    [WEIR_SIM_LIE_HEADS] = { "lieheads", 20 },
    [WEIR_SIM_LIE_HASH] = { "liehash", 30 },
    [WEIR_SIM_LIE_STATE] = { "liestate", 30 },
    [WEIR_SIM_LIE_STAMP] = { "liestamp", 20 },
    [WEIR_SIM_LIE_ACKS] = { "lieacks", 20 },
    [WEIR_SIM_LIE_AUDIT] = { "lieaudit", 30 },
    [WEIR_SIM_LIE_LANES] = { "lielanes", 30 },
    [WEIR_SIM_LIE_FORGE] = { "lieforge", 30 },
};
_Static_assert(WEIR_ARRAY_LEN(features) == WEIR_SIM_FEATURES, "each feature has a name");
_Static_assert(WEIR_SIM_FEATURES <= 64, "a feature is a bit of 64");

#define FEW  4000 /* ms between faults that a node needs some time to get over */
#define RARE 12000

static const struct {
    const char *name;
    enum weir_sim_feature feature;
    uint32_t least_ms; /* the mean time between two is drawn between this and eight times this */
} faults[] = {
    [WEIR_SIM_FAULT_BREAK] = { "break", WEIR_SIM_WITH_BREAKS, 400 },
    [WEIR_SIM_FAULT_CUT] = { "cut", WEIR_SIM_WITH_CUTS, 2000 },
    [WEIR_SIM_FAULT_PART] = { "part", WEIR_SIM_WITH_PARTS, 2500 },
    [WEIR_SIM_FAULT_JUMP] = { "jump", WEIR_SIM_WITH_JUMPS, FEW },
    [WEIR_SIM_FAULT_FULL] = { "full", WEIR_SIM_WITH_FULL, FEW },
    [WEIR_SIM_FAULT_EIO] = { "eio", WEIR_SIM_WITH_EIO, 800 },
    [WEIR_SIM_FAULT_FLIP] = { "flip", WEIR_SIM_WITH_FLIPS, 2000 },
    [WEIR_SIM_FAULT_CRASH] = { "crash", WEIR_SIM_WITH_CRASHES, 2000 },
    [WEIR_SIM_FAULT_WIPE] = { "wipe", WEIR_SIM_WITH_WIPES, FEW },
    [WEIR_SIM_FAULT_BACKUP] = { "backup", WEIR_SIM_WITH_ROLLBACKS, 1500 },
    [WEIR_SIM_FAULT_ROLLBACK] = { "rollback", WEIR_SIM_WITH_ROLLBACKS, FEW },
    [WEIR_SIM_FAULT_PAUSE] = { "pause", WEIR_SIM_WITH_PAUSES, 2000 },
    [WEIR_SIM_FAULT_FIGHT] = { "fight", WEIR_SIM_WITH_FIGHTS, 500 },
    [WEIR_SIM_FAULT_BURST] = { "burst", WEIR_SIM_WITH_BURSTS, RARE },
    [WEIR_SIM_FAULT_JOIN] = { "join", WEIR_SIM_WITH_JOINS, FEW },
    [WEIR_SIM_FAULT_LEAVE] = { "leave", WEIR_SIM_WITH_LEAVES, RARE },
    [WEIR_SIM_FAULT_UPGRADE] = { "upgrade", WEIR_SIM_WITH_UPGRADES, FEW },
    [WEIR_SIM_FAULT_LATER] = { "later", WEIR_SIM_WITH_LATER, 300 },
    [WEIR_SIM_FAULT_HOSTILE] = { "hostile", WEIR_SIM_WITH_HOSTILE, 200 },
    [WEIR_SIM_FAULT_MISTAKE] = { "mistake", WEIR_SIM_WITH_MISTAKES, 500 },
    [WEIR_SIM_FAULT_MOVE] = { "move", WEIR_SIM_WITH_MOVES, FEW },
    [WEIR_SIM_FAULT_EVICT] = { "evict", WEIR_SIM_WITH_EVICTS, RARE },
    [WEIR_SIM_FAULT_MEMORY] = { "memory", WEIR_SIM_WITH_MEMORY, 400 },
};
_Static_assert(WEIR_ARRAY_LEN(faults) == WEIR_SIM_FAULTS, "each fault has a name");

const char *weir_sim_feature_name(enum weir_sim_feature f)
{
    WEIR_ASSERT((unsigned)f < WEIR_SIM_FEATURES);
    return features[f].name;
}

const char *weir_sim_fault_name(enum weir_sim_fault f)
{
    WEIR_ASSERT((unsigned)f < WEIR_SIM_FAULTS);
    return faults[f].name;
}

bool weir_sim_feature_by_name(struct weir_span name, enum weir_sim_feature *ret)
{
    for (unsigned i = 0; i < WEIR_SIM_FEATURES; i++) {
        if (!weir_span_eq(weir_span_cstr(features[i].name), name))
            continue;
        *ret = (enum weir_sim_feature)i;
        return true;
    }
    return false;
}

static uint32_t draw(struct weir_rng *rng, uint32_t least, uint32_t most)
{
    return least + (uint32_t)weir_rng_below(rng, (uint64_t)most - least + 1);
}

/* Between the two, small ones as likely as large ones. */
static uint32_t draw_scale(struct weir_rng *rng, uint32_t least, uint32_t most)
{
    uint32_t top = most;

    while (top > 2 * least && weir_rng_below(rng, 3) > 0)
        top /= 2;
    return draw(rng, least, top);
}

/* Ways to lie have numbers of their own, so that a new one changes no seed that does without. */
static uint64_t draw_lies(uint64_t seed)
{
    struct weir_rng rng;
    uint64_t on = 0;

    weir_rng_init(&rng, weir_mix64(seed ^ 0x6c696573));
    for (unsigned i = WEIR_SIM_LIE_FIRST; i < WEIR_SIM_FEATURES; i++)
        if (weir_rng_below(&rng, 100) < features[i].share)
            on |= UINT64_C(1) << i;
    return on;
}

/* Each from a stream of its own: a new one does not change those before it. */
static uint64_t draw_features(struct weir_rng *rng, uint64_t seed)
{
    uint64_t on = 0;
    bool calm = weir_rng_below(rng, 12) == 0;

    for (unsigned i = 0; i < WEIR_SIM_LIE_FIRST; i++) {
        uint32_t share = calm ? features[i].share / 4 : features[i].share;
        struct weir_rng own;
        weir_rng_init(&own, weir_mix64(seed ^ weir_mix64(0x66656174 + i)));
        if (weir_rng_below(&own, 100) < share)
            on |= UINT64_C(1) << i;
    }
    return on;
}

/* A number below 100 that depends on the seed and on what it is for, and on nothing that was drawn
 * before: so a new feature leaves all seeds as they were, but for itself. */
static uint32_t percent(uint64_t seed, uint64_t of)
{
    return (uint32_t)(weir_mix64(seed ^ weir_mix64(of)) % 100);
}

static void draw_plane(struct weir_sim_plan *p)
{
    static const enum weir_class some[] = { WEIR_CLASS_SETTING, WEIR_CLASS_LIST,
                                            WEIR_CLASS_MEMBER };

    if (!weir_sim_plan_has(p, WEIR_SIM_WITH_PLANE))
        return;
    p->compiled = 1u << WEIR_CLASS_TENANT;
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(some); i++)
        if (percent(p->seed, UINT64_C(0x706c616e65) << 8 | i) < 50)
            p->compiled |= 1u << some[i];
}

static void draw_net(struct weir_rng *rng, struct weir_sim_plan *p)
{
    struct weir_sim_net_config *n = &p->net;
    uint32_t base_us = draw_scale(rng, 200, 40000);
    uint32_t spread_us = draw_scale(rng, 200, 60000);
    uint32_t law = draw(rng, WEIR_SIM_LAW_FIXED, WEIR_SIM_LAW_LOGNORMAL);
    uint32_t loss = draw_scale(rng, 5000, 500000);
    uint32_t loss_run = draw_scale(rng, 1, 60);
    uint32_t unanswered = draw_scale(rng, 2000, 150000);
    uint32_t doubled = draw_scale(rng, 10000, 300000);
    uint32_t bytes_per_s = draw_scale(rng, 20000, 400000);
    uint32_t queue = draw_scale(rng, 16, 1024);
    uint32_t notice_us = draw_scale(rng, 10000, 8000000);

    if (weir_sim_plan_has(p, WEIR_SIM_WITH_HEAVY))
        law = WEIR_SIM_LAW_HEAVY;
    n->delay = (struct weir_sim_delay){ (enum weir_sim_law)law, base_us, spread_us };
    n->dial = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 2 * base_us, 2 * spread_us };
    n->notice = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 0, notice_us };
    n->redial = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 100000, 900000 };
    n->loss_run = 1;
    n->queue = 1024;
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_LOSS)) {
        n->loss = loss;
        n->loss_run = loss_run;
    }
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_UNANSWERED))
        n->unanswered = unanswered;
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_DOUBLED))
        n->doubled = doubled;
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_NARROW)) {
        n->bytes_per_s = bytes_per_s;
        n->queue = queue;
    }
}

static void draw_work(struct weir_rng *rng, struct weir_sim_plan *p)
{
    uint32_t bans = draw(rng, 5, 60);
    uint32_t deletes = draw(rng, 5, 50);
    uint32_t big = draw(rng, 2, 30);

    p->writes_per_s = draw_scale(rng, 2, 40);
    p->num_keys = draw_scale(rng, 2, 120);
    p->num_bans = draw_scale(rng, 2, 200);
    p->ban_ttl_s = draw(rng, 3, 15);
    p->value_max = draw_scale(rng, 0, 800);
    p->bans = weir_sim_plan_has(p, WEIR_SIM_WITH_BANS) ? bans : 0;
    p->deletes = weir_sim_plan_has(p, WEIR_SIM_WITH_DELETES) ? deletes : 0;
    p->big = weir_sim_plan_has(p, WEIR_SIM_WITH_BIG) ? big : 0;
}

static void draw_intervals(struct weir_rng *rng, struct weir_sim_plan *p)
{
    static const uint64_t ages_ms[] = { 5, 50, 300, 300, 2000, 8000 };
    uint64_t age_ms = ages_ms[weir_rng_below(rng, WEIR_ARRAY_LEN(ages_ms))];
    uint32_t purge_us = draw_scale(rng, 20000, 1000000);
    uint32_t chunk = draw_scale(rng, 1, 4000);
    struct weir_engine_intervals *intervals = &p->intervals;

    intervals->heartbeat_us = draw(rng, 400000, 1200000);
    intervals->pull_us = draw_scale(rng, 500000, 8000000);
    intervals->pull_timeout_us = draw_scale(rng, 300000, 3000000);
    intervals->bans_us = draw(rng, 5000, 40000);
    /* Nothing may hide a ban for longer than it lives, by any of the clocks. */
    intervals->ban_tombstone_ms = (uint64_t)p->ban_ttl_s * 1000 + 4 * (uint64_t)p->skew_ms + 10000;
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_PURGES)) {
        intervals->tombstone_ms = age_ms;
        intervals->purge_us = purge_us;
    }
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_TINY))
        intervals->chunk_bytes = chunk;
}

static void draw_rest(struct weir_rng *rng, struct weir_sim_plan *p)
{
    uint32_t skew_ms = draw_scale(rng, 50, 8000);
    uint32_t drift_ppm = draw_scale(rng, 10, 2000);
    uint32_t commit_us = draw_scale(rng, 100, 60000);
    uint32_t law = draw(rng, WEIR_SIM_LAW_FIXED, WEIR_SIM_LAW_HEAVY);

    p->skew_ms = weir_sim_plan_has(p, WEIR_SIM_WITH_SKEW) ? skew_ms : 0;
    p->drift_ppm = weir_sim_plan_has(p, WEIR_SIM_WITH_DRIFT) ? drift_ppm : 0;
    p->sync_ms = draw(rng, 500, 5000);
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_LATENCY))
        p->commit = (struct weir_sim_delay){ (enum weir_sim_law)law, commit_us / 2, commit_us };
}

static void draw_faults(struct weir_rng *rng, struct weir_sim_plan *p)
{
    for (unsigned i = 0; i < WEIR_SIM_FAULTS; i++) {
        uint32_t ms = draw_scale(rng, faults[i].least_ms, 8 * faults[i].least_ms);
        p->every_ms[i] = weir_sim_plan_has(p, faults[i].feature) ? ms : 0;
    }
}

static uint32_t draw_nodes(struct weir_rng *rng)
{
    if (weir_rng_below(rng, 3) > 0)
        return draw(rng, NODES_MIN, NODES_FEW);
    return draw(rng, NODES_MIN, NODES_MANY);
}

void weir_sim_plan_draw(const struct weir_sim_wish *wish, struct weir_sim_plan *ret)
{
    struct weir_rng rng;

    weir_rng_init(&rng, weir_mix64(wish->seed ^ 0x706c616e));
    *ret = (struct weir_sim_plan){
        .seed = wish->seed,
        .seconds = wish->seconds,
        .without = wish->without,
    };
    ret->features = draw_features(&rng, wish->seed) & ~wish->off;
    if (weir_sim_plan_has(ret, WEIR_SIM_WITH_HOSTILE) && weir_sim_plan_has(ret, WEIR_SIM_WITH_LIES))
        ret->features |= draw_lies(wish->seed) & ~wish->off;
    /* The links of an overlay stay as they are. In it a node relays what it cannot verify. */
    if (weir_sim_plan_has(ret, WEIR_SIM_WITH_OVERLAY))
        ret->features &=
            ~(UINT64_C(1) << WEIR_SIM_WITH_LEAVES | UINT64_C(1) << WEIR_SIM_WITH_EVICTS |
              UINT64_C(1) << WEIR_SIM_LIE_VECTOR | UINT64_C(1) << WEIR_SIM_LIE_OWN |
              UINT64_C(1) << WEIR_SIM_LIE_FORGE);
    uint32_t num_nodes = draw_nodes(&rng);
    ret->num_nodes = wish->num_nodes > 0 ? wish->num_nodes : num_nodes;
    draw_net(&rng, ret);
    draw_work(&rng, ret);
    draw_rest(&rng, ret);
    draw_intervals(&rng, ret);
    draw_faults(&rng, ret);
    draw_plane(ret);
}

void weir_sim_plan_print(const struct weir_sim_plan *p, FILE *out)
{
    fprintf(out, "seed %" PRIu64 ": %" PRIu32 " nodes, %" PRIu32 " s;", p->seed, p->num_nodes,
            p->seconds);
    for (unsigned i = 0; i < WEIR_SIM_FEATURES; i++)
        if (weir_sim_plan_has(p, (enum weir_sim_feature)i))
            fprintf(out, " %s", features[i].name);
    fprintf(out,
            "\nnet: law %d, %" PRIu32 "+%" PRIu32 " us; lost %" PRIu32 " x%" PRIu32
            ", unanswered %" PRIu32 ", doubled %" PRIu32 " of a million; %" PRIu32
            " B/s, queue %" PRIu32 "\n",
            (int)p->net.delay.law, p->net.delay.base_us, p->net.delay.spread_us, p->net.loss,
            p->net.loss_run, p->net.unanswered, p->net.doubled, p->net.bytes_per_s, p->net.queue);
    fprintf(out,
            "work: %" PRIu32 "/s, %" PRIu32 " keys, %" PRIu32 " bans (%" PRIu32 " %%, %" PRIu32
            " s), %" PRIu32 " %% deletes, values to %" PRIu32 "\n",
            p->writes_per_s, p->num_keys, p->num_bans, p->bans, p->ban_ttl_s, p->deletes,
            p->value_max);
    fprintf(out,
            "intervals: heartbeat %" PRIu64 ", pull %" PRIu64 ", timeout %" PRIu64
            ", purge %" PRIu64 " us; tombstones %" PRIu64 ", of bans %" PRIu64 " ms; chunk %" PRIu32
            "\n",
            p->intervals.heartbeat_us, p->intervals.pull_us, p->intervals.pull_timeout_us,
            p->intervals.purge_us, p->intervals.tombstone_ms, p->intervals.ban_tombstone_ms,
            p->intervals.chunk_bytes);
    fprintf(out, "skew %" PRIu32 " ms, drift %" PRIu32 " ppm, commit %" PRIu32 " us; every ms:",
            p->skew_ms, p->drift_ppm, p->commit.spread_us);
    for (unsigned i = 0; i < WEIR_SIM_FAULTS; i++)
        if (p->every_ms[i] > 0)
            fprintf(out, " %s %" PRIu32, faults[i].name, p->every_ms[i]);
    fputc('\n', out);
}
