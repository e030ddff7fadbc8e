/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_votes.c - sync/engine/engine_audit.c: which side of a difference is to mend itself, and
 * when a node that others outvote gives up its records.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"

#define SECOND   UINT64_C(1000000)
#define NEVER    (UINT64_C(1) << 50)
#define OUTVOTED (20 * SECOND)

#define TENANT (UINT32_C(1) << WEIR_CLASS_TENANT)
#define CERT   (UINT32_C(1) << WEIR_CLASS_CERT)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* A node and its peers, link 1 first: 'b' has other tenants, 'c' others again, 's' the same, 'x' no
 * heartbeat, 'r' is the node of link 1 once more, with its tenants. */
struct scene {
    const char *peers;
    uint32_t num;
};

static void start(struct scene *s, struct weir_drill *d, const char *peers)
{
    uint8_t lane[WEIR_LANE_LEN];

    *s = (struct scene){ .peers = peers, .num = (uint32_t)strlen(peers) };
    d->cfg.intervals.heartbeat_us = d->cfg.intervals.pull_us = NEVER;
    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    weir_drill_stock_put(
        d,
        &(struct weir_drill_rec){ .key = WEIR_SPAN_LIT("a"), .value = "1", .lane = lane, .seq = 1 },
        d->wall_ms);
    weir_drill_stock_put(d,
                         &(struct weir_drill_rec){ .class = WEIR_CLASS_CERT,
                                                   .key = WEIR_SPAN_LIT("a"),
                                                   .value = "1",
                                                   .lane = lane,
                                                   .seq = 2 },
                         d->wall_ms);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    for (uint32_t i = 0; i < s->num; i++)
        if (peers[i] == 'r') {
            memcpy(d->peer[1 + i].node, d->peer[1].node, WEIR_NODE_ID_LEN);
            memcpy(d->peer[1 + i].incarnation, d->peer[1].incarnation, WEIR_INCARNATION_LEN);
        }
    weir_drill_start(d);
    weir_drill_meet_level(d, s->num);
}

static void beat(struct scene *s, struct weir_drill *d, uint32_t link, uint32_t classes)
{
    char is = s->peers[link - 1];

    if (is == 'r')
        d->peer[link].beat_n = d->peer[1].beat_n;
    if (is != 'x')
        weir_drill_beat_sums(d, link, is == 's' ? 0 : classes, is == 'c' ? 2 : 1);
    if (is == 'r')
        d->peer[1].beat_n = d->peer[link].beat_n;
}

static void beat_all(struct scene *s, struct weir_drill *d, uint32_t classes)
{
    for (uint32_t link = s->num; link >= 1; link--)
        beat(s, d, link, classes);
}

static size_t num_asked(const struct weir_drill *d)
{
    return weir_drill_num_sent(d, WEIR_FRAME_AUDIT, WEIR_DRILL_ANY);
}

/* -- who mends itself -- */

struct vote {
    const char *peers;
    bool asks; /* this node does */
};

/* Peer 1 differs in a second heartbeat, when all others have said where they are. */
static void vote(struct weir_drill *d, const struct vote *v, uint32_t lossy)
{
    struct scene s;

    start(&s, d, v->peers);
    d->e->lossy = lossy;
    d->e->audit_at = NEVER;
    beat_all(&s, d, TENANT);
    beat_all(&s, d, TENANT);
    d->e->audit_at = 0;
    beat(&s, d, 1, TENANT);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 1);
    CLAIM(num_asked(d) == v->asks && weir_drill_alarms(d, WEIR_ALARM_AUDIT, 1) == v->asks);
    CLAIM((d->e->audit_at > 0) == v->asks && d->e->links[1]->audit_asked == v->asks);
}

/* A drill of its own for each row. */
static void each_vote(struct weir_drill *outer, const struct vote *votes, size_t num,
                      uint32_t lossy, bool relay)
{
    for (size_t i = 0; i < num && outer->x->claim == NULL; i++) {
        struct weir_drill d;
        weir_drill_init(&d, outer->x);
        d.cfg.relay = relay;
        vote(&d, &votes[i], lossy);
        weir_drill_deinit(&d);
    }
}

static void majorities(struct weir_drill *d)
{
    static const struct vote votes[] = {
        { "b", true },    { "bs", false },   { "bb", true },   { "bc", true },
        { "bx", false },  { "bxx", false },  { "bbs", true },  { "bbss", false },
        { "bbx", true },  { "bbsx", true },  { "bbbs", true }, { "bsss", false },
        { "bsr", false }, { "brsx", false }, { "br", true },   { "bbsss", false },
    };

    each_vote(d, votes, WEIR_ARRAY_LEN(votes), CERT, false);
}

/* A node that found damage in the class has no say, nor have neighbours in an overlay. */
static void no_majority(struct weir_drill *d)
{
    static const struct vote votes[] = { { "bs", true }, { "bxx", true }, { "bbss", true } };

    each_vote(d, votes, WEIR_ARRAY_LEN(votes), TENANT, false);
    each_vote(d, votes, WEIR_ARRAY_LEN(votes), 0, true);
}

/* -- who gives up -- */

struct reset {
    const char *peers;
    bool resets;
};

/* All that was repaired did not help, for 20 s. */
static void wait_for_reset(struct weir_drill *d, const struct reset *r)
{
    struct scene s;

    start(&s, d, r->peers);
    beat_all(&s, d, TENANT);
    d->e->links[1]->audit_asked = true;
    beat(&s, d, 1, TENANT);
    CLAIM(d->e->tried_us == d->mono_us);
    uint64_t since = d->mono_us;
    Weir__V1__Audit m;
    weir__v1__audit__init(&m);
    m.has_class_ = 1;
    m.class_ = WEIR_CLASS_TENANT;
    d->e->links[1]->audit_asked = true;
    weir_drill_wait(d, SECOND / 2);
    weir_drill_receive(d, 1, WEIR_FRAME_AUDIT, &m.base);
    CLAIM(d->e->audit_tried == TENANT);
    beat_all(&s, d, TENANT);
    CLAIM(d->e->tried_us == since && d->e->audit_tried == TENANT);
    weir_drill_wait(d, OUTVOTED - SECOND / 2 - 1);
    beat_all(&s, d, TENANT);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    weir_drill_wait(d, 1);
    beat(&s, d, 1, TENANT);
    CLAIM((weir_engine_state(d->e) == WEIR_ENGINE_STALE) == r->resets);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 1);
    if (!r->resets)
        return;
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 1 && weir_drill_alarms(d, WEIR_ALARM_AUDIT, 1) == 1);
    CLAIM(num_asked(d) == 0);
}

static void outvoted(struct weir_drill *outer)
{
    static const struct reset resets[] = {
        { "b", false },   { "bb", true },    { "bc", false }, { "br", false }, { "bbs", false },
        { "bbbs", true }, { "bbss", false }, { "bbx", true }, { "bcb", true }, { "bccs", false },
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(resets) && outer->x->claim == NULL; i++) {
        struct weir_drill d;
        weir_drill_init(&d, outer->x);
        wait_for_reset(&d, &resets[i]);
        weir_drill_deinit(&d);
    }
}

/* The time counts from when no class was tried in vain; a class that nobody disputes any more is
 * not; another class's trial is none. */
static void what_was_tried(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, "bb");
    beat_all(&s, d, TENANT | CERT);
    d->e->audit_tried = TENANT | CERT;
    weir_drill_wait(d, SECOND);
    beat_all(&s, d, CERT);
    CLAIM(d->e->audit_tried == CERT && d->e->tried_us == d->mono_us - SECOND);
    weir_drill_wait(d, SECOND);
    beat(&s, d, 1, 0);
    CLAIM(d->e->audit_tried == CERT);
    beat(&s, d, 2, 0);
    CLAIM(d->e->audit_tried == 0 && d->e->tried_us == d->mono_us);
    d->e->audit_tried = CERT;
    weir_drill_wait(d, OUTVOTED);
    d->e->links[1]->audit_bad = d->e->links[2]->audit_bad = TENANT | CERT;
    beat_all(&s, d, TENANT | CERT);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE && d->e->audit_tried == CERT);
    d->e->audit_tried = TENANT | CERT;
    beat(&s, d, 1, TENANT | CERT);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_STALE);
}

/* A peer whose last heartbeat had another vector has no vote. */
static void other_vectors_do_not_vote(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, "bs");
    beat_all(&s, d, TENANT);
    d->e->links[2]->sums_hash++;
    CLAIM(weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    d->e->links[2]->audit_bad = TENANT;
    beat(&s, d, 1, TENANT);
    CLAIM(num_asked(d) == 0); /* one of two, and neither agrees */
    d->e->links[2]->sums_hash--;
    beat(&s, d, 1, TENANT);
    CLAIM(num_asked(d) == 1); /* two against this node */
    d->e->audit_tried = CERT;
    d->e->links[2]->audit_bad = CERT;
    d->e->links[2]->sums_hash++;
    beat(&s, d, 1, TENANT);
    CLAIM(d->e->audit_tried == 0);
}

/* A sum that is not there is none, whatever the heartbeat before it had. */
static void sums_are_of_the_last_heartbeat(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, "b");
    weir_drill_beat_sums(d, 1, 0, 1);
    CLAIM(weir_sum_eq(d->e->links[1]->sum[WEIR_CLASS_CERT], d->e->sums[WEIR_CLASS_CERT]->total));
    CLAIM(d->e->links[1]->sums_hash == weir_vector_hash(weir_engine_vv(d->e, WEIR_GROUP_C)));
    weir_drill_beat_sums(d, 1, CERT, 0);
    CLAIM(d->e->links[1]->audit_bad == CERT);
    CLAIM(d->e->links[1]->sum[WEIR_CLASS_CERT].lo == 0);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    majorities,
    no_majority,
    outvoted,
    what_was_tried,
    other_vectors_do_not_vote,
    sums_are_of_the_last_heartbeat,
};

void weir_drill_votes(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
