/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c - what nodes hold in the end, against what was written.
 */
#include "tests/sim/oracle/judge.h"

#include <stdlib.h>
#include <string.h>

#include "sync/frame/frame.h"
#include "sync/version/sums.h"
#include "tests/sim/oracle/behind.h"
#include "tests/sim/oracle/covered.h"
#include "tests/sim/oracle/history.h"

#define CLASSES      16 /* classes with sums are below */
#define STATE_MOTION 0x100
#define EXPIRED_S    5 /* a held ban may be older than its expiry by what a purge needs */
#define WRITES_LOG2  20

static bool counts(const struct weir_sim_node *n)
{
    return n->has_joined && !n->has_left;
}

/* -- sums -- */

struct totals {
    const struct weir_siphash_key *key;
    struct weir_sums *sums; /* of one class at a time would be enough; only totals are used */
    struct weir_sum total[CLASSES];
    bool is_damaged;
};

static bool add_record(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct totals *t = arg;
    const struct weir_record *r = &rec->rec;

    t->is_damaged = t->is_damaged || damaged;
    if (damaged || r->tombstone)
        return true;
    struct weir_sums_item item = { r->class, r->key, r->version };
    t->sums->total = t->total[r->class];
    weir_sums_add(t->sums, t->key, &item);
    t->total[r->class] = t->sums->total;
    return true;
}

/* The sums that a heartbeat bears; of classes that it does not name zero. */
static bool read_heartbeat(const struct weir_sim_parcel *p, struct weir_sum ret[CLASSES])
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    if (p == NULL || weir_frame_decode(weir_span(p->bytes, p->len), &f, &fault) < 0)
        return false;
    const Weir__V1__Heartbeat *h = f.msg.heartbeat;
    bool in_motion = (h->state & STATE_MOTION) != 0;
    for (size_t i = 0; i < h->n_sum; i++)
        if (h->sum[i].data[0] < CLASSES)
            ret[h->sum[i].data[0]] = weir_sum_unpack(h->sum[i].data + 1);
    weir_frame_deinit(&f);
    return !in_motion;
}

enum sums {
    SUMS_HOLD,
    SUMS_DIFFER,
    SUMS_UNTOLD, /* its last heartbeat has none */
};

static enum sums compare_sums(struct weir_sim *s, const struct weir_sim_node *n,
                              struct weir_sums *room)
{
    struct totals t = { .key = &s->audit_key, .sums = room };
    struct weir_sum sums[CLASSES];

    memset(sums, 0, sizeof(sums));
    weir_memory_each_record(n->store[WEIR_GROUP_C], add_record, &t);
    if (t.is_damaged)
        return SUMS_DIFFER;
    if (!read_heartbeat(n->heartbeat, sums))
        return SUMS_UNTOLD;
    for (unsigned i = 0; i < CLASSES; i++)
        if (!weir_sum_eq(sums[i], t.total[i]))
            return SUMS_DIFFER;
    return SUMS_HOLD;
}

bool weir_sim_sums_hold(struct weir_sim *s)
{
    struct weir_sums *room = calloc(1, sizeof(*room));
    bool hold = true;

    WEIR_ASSERT(room != NULL);
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        enum sums sums = counts(n) ? compare_sums(s, n, room) : SUMS_HOLD;
        n->sums_held = n->sums_held || sums == SUMS_HOLD;
        hold = hold && n->sums_held && sums != SUMS_DIFFER;
    }
    free(room);
    return hold;
}

/* -- the oracle -- */

struct final {
    struct weir_history_record *records; /* num_nodes * num_keys */
    uint64_t *vv;                        /* num_nodes * num_lanes */
    struct weir_history_node *nodes;
    uint32_t num_nodes;
    uint64_t *ranks; /* of lanes, by their bytes */
};

static void *array(size_t num, size_t size)
{
    void *at = calloc(num + 1, size);

    WEIR_ASSERT(at != NULL);
    return at;
}

static void rank_lanes(const struct weir_sim_check *c, uint64_t *ranks)
{
    for (uint32_t a = 0; a < c->lanes.num; a++)
        for (uint32_t b = 0; b < c->lanes.num; b++)
            ranks[a] +=
                weir_span_cmp(weir_sim_names_at(&c->lanes, b), weir_sim_names_at(&c->lanes, a)) < 0;
}

static struct weir_history_version version_of(const struct final *f, const struct weir_sim_write *w)
{
    return (struct weir_history_version){ .hlc = (int64_t)w->hlc, .tie = f->ranks[w->lane] };
}

static void fill_records(const struct weir_sim_check *c, const struct final *f, uint32_t node,
                         struct weir_history_record *ret)
{
    const struct weir_sim_view *v = &c->views[node];

    for (uint32_t key = 0; key < c->keys.num; key++) {
        uint32_t cur = key < v->num_keys ? v->cur[key] : 0;
        if (cur == 0 || c->writes[cur - 1].is_ban)
            continue;
        const struct weir_sim_write *w = &c->writes[cur - 1];
        ret[key] = (struct weir_history_record){
            .present = true,
            .deleted = w->deleted,
            .key = key,
            .dot = { w->lane, w->seq },
            .version = version_of(f, w),
            .value = w->digest,
        };
    }
}

struct numbers {
    const struct weir_sim_check *check;
    uint64_t *vv;
};

static bool read_number(void *arg, const struct weir_lane_row *lane)
{
    const struct numbers *n = arg;
    uint32_t at = weir_sim_names_find(&n->check->lanes, weir_span(lane->lane, WEIR_LANE_LEN));

    if (at != WEIR_SIM_NO_NAME)
        n->vv[at] = lane->vv;
    return true;
}

static void final_init(const struct weir_sim *s, struct final *f)
{
    const struct weir_sim_check *c = &s->check;

    f->records = array((size_t)s->num_nodes * c->keys.num, sizeof(*f->records));
    f->vv = array((size_t)s->num_nodes * c->lanes.num, sizeof(*f->vv));
    f->nodes = array(s->num_nodes, sizeof(*f->nodes));
    f->ranks = array(c->lanes.num, sizeof(*f->ranks));
    f->num_nodes = 0;
    rank_lanes(c, f->ranks);
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        if (!counts(&s->nodes[i]))
            continue;
        struct numbers n = { c, f->vv + (size_t)f->num_nodes * c->lanes.num };
        struct weir_history_record *records = f->records + (size_t)f->num_nodes * c->keys.num;
        weir_memory_each_lane(s->nodes[i].store[WEIR_GROUP_C], read_number, &n);
        fill_records(c, f, i, records);
        f->nodes[f->num_nodes++] = (struct weir_history_node){ records, n.vv, c->lanes.num };
    }
}

static void final_deinit(struct final *f)
{
    free(f->records);
    free(f->vv);
    free(f->nodes);
    free(f->ranks);
}

static unsigned log2_of(uint32_t num)
{
    unsigned log2 = 4;

    while ((UINT32_C(1) << log2) < num)
        log2++;
    WEIR_ASSERT(log2 <= WRITES_LOG2);
    return log2;
}

/* What happened, for the oracle. A damaged copy may have been the only one: the value as if it had
 * been exported, the deletion as if it had never been. What is hidden may have won, or not. */
static void fill_history(const struct weir_sim_check *c, const struct final *f,
                         struct weir_history *h)
{
    for (uint32_t w = 0; w < c->dots.num; w++) {
        const struct weir_sim_write *write = &c->writes[w];
        struct weir_history_dot dot = { write->lane, write->seq };
        bool is_hit = weir_sim_check_is_hit(c, write);
        if (write->is_ban || write->is_lost || (is_hit && write->deleted))
            continue;
        weir_history_note_write(h, dot, write->key, version_of(f, write), write->deleted);
        if ((write->exported && !write->deleted) || write->is_hidden || is_hit)
            weir_history_note_exported(h, dot);
        if (write->purged)
            weir_history_note_purged(h, dot);
    }
}

static void judge_history(struct weir_sim *s, const struct final *f)
{
    struct weir_sim_check *c = &s->check;
    struct weir_history h;
    unsigned log2 = log2_of(c->dots.num);
    struct weir_history_write *writes = array((size_t)1 << log2, sizeof(*writes));
    uint32_t *slots = array(WEIR_HISTORY_SLOTS(log2), sizeof(*slots));
    struct weir_history_final final = { f->nodes, f->num_nodes, c->keys.num };

    weir_history_init(&h, writes, slots, log2);
    fill_history(c, f, &h);
    struct weir_finding found = weir_history_judge(&h, &final);
    if (found.kind != WEIR_FINDING_OK) {
        weir_sim_check_found(c, WEIR_SIM_ORACLE, (uint32_t)found.node, WEIR_SIM_NO_NAME);
        c->found.kind = found.kind;
        c->found.key = found.key;
        c->found.seq = found.dot.seq;
    }
    free(slots);
    free(writes);
}

/* -- conflicts -- */

static bool note_listed(void *arg, const struct weir_conflict *conflict)
{
    struct weir_sim_check *c = arg;
    const struct weir_version *v = &conflict->loser.rec.version;
    uint8_t name[WEIR_LANE_LEN + 8];

    memcpy(name, v->lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < 8; i++)
        name[WEIR_LANE_LEN + i] = (uint8_t)(v->seq >> (8 * i));
    uint32_t w = weir_sim_names_find(&c->dots, weir_span(name, sizeof(name)));
    if (w != WEIR_SIM_NO_NAME)
        c->writes[w].listed = true;
    return true;
}

/* Was this write replaced by one that had not seen it, on a node that could list it? Nobody wrote
 * over it, it is not what stayed, and nothing else explains where it went. */
static bool must_be_listed(const struct weir_sim *s, const struct final *f, uint32_t w)
{
    const struct weir_sim_check *c = &s->check;
    const struct weir_sim_write *write = &c->writes[w];
    const struct weir_history_record *left = &f->records[write->key];

    if (write->is_ban || write->is_foreign || write->is_lost || write->followed ||
        write->exported || write->is_hidden || write->purged || weir_sim_check_is_hit(c, write))
        return false;
    if (f->vv[write->lane] < write->seq) /* no node has it */
        return false;
    if (left->present && left->dot.lane == write->lane && left->dot.seq == write->seq)
        return false;
    /* Its writer is still there, and has seen it lose; lists of others may have gone with them. */
    return counts(&s->nodes[write->origin]) && c->views[write->origin].lost_us <= write->at_us;
}

static void judge_conflicts(struct weir_sim *s, const struct final *f)
{
    struct weir_sim_check *c = &s->check;

    /* A clock that is set may age the lists beyond their time. */
    if (weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_JUMPS) ||
        weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_AHEAD))
        return;
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_memory_each_conflict(s->nodes[i].store[WEIR_GROUP_C], note_listed, c);
    for (uint32_t w = 0; w < c->dots.num; w++)
        if (!c->writes[w].listed && must_be_listed(s, f, w))
            weir_sim_check_found(c, WEIR_SIM_CONFLICT, c->writes[w].origin, w);
}

static void judge_bans(struct weir_sim *s)
{
    struct weir_sim_check *c = &s->check;

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        const struct weir_sim_view *v = &c->views[i];
        uint64_t wall_s = weir_sim_node_wall(s, &s->nodes[i]) / 1000;
        for (uint32_t key = 0; key < v->num_keys && counts(&s->nodes[i]); key++) {
            const struct weir_sim_write *w = v->cur[key] != 0 ? &c->writes[v->cur[key] - 1] : NULL;
            if (w != NULL && w->is_ban && !w->deleted && !w->damaged &&
                w->expires + EXPIRED_S < wall_s)
                weir_sim_check_found(c, WEIR_SIM_EXPIRED, i, v->cur[key] - 1);
        }
    }
}

void weir_sim_judge(struct weir_sim *s)
{
    struct final f;

    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (counts(&s->nodes[i])) {
            weir_sim_behind_note(s, &s->nodes[i]);
            weir_sim_covered_all(&s->check, i, s->nodes[i].store[WEIR_GROUP_C]);
        }
    final_init(s, &f);
    judge_history(s, &f);
    judge_conflicts(s, &f);
    judge_bans(s);
    final_deinit(&f);
}
