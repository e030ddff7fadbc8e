/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c - invariants while a cluster runs.
 */
#include "tests/sim/oracle/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "sync/version/hlc.h"

#define DOT_LEN (WEIR_LANE_LEN + 8)

static const char *const texts[] = {
    [WEIR_SIM_HOLDS] = "holds",
    [WEIR_SIM_FORGED] = "a record that no node has written",
    [WEIR_SIM_REUSED] = "I3: one dot names two records",
    [WEIR_SIM_STAMP] = "I9, I10: a stamp that is neither the wall clock nor just above",
    [WEIR_SIM_SMALLER] = "R3: a smaller version replaced a larger one",
    [WEIR_SIM_UNDONE] = "R3: a store holds again what it purged",
    [WEIR_SIM_BACKWARDS] = "I6: a vector, a floor or a sequence went back",
    [WEIR_SIM_NO_FLOOR] = "R9: a purge left no floor behind",
    [WEIR_SIM_EXPIRED] = "an expired ban was accepted or held",
    [WEIR_SIM_ACKED] = "I4: acknowledged, and not in the store",
    [WEIR_SIM_RESULT] = "I4: a write has another's result, two, or none",
    [WEIR_SIM_TOLD] = "R1: outputs are not what the turn did",
    [WEIR_SIM_MIRROR] = "what the engine has is not what its stores have",
    [WEIR_SIM_MISSING] = "I2: a covered write is missing",
    [WEIR_SIM_MEMORY] = "I13: more memory than the bound",
    [WEIR_SIM_BUSY] = "nodes keep one another busy",
    [WEIR_SIM_SLOW] = "I16: healed, and not equal in time",
    [WEIR_SIM_BANS] = "I1: bans differ",
    [WEIR_SIM_SUMS] = "I8: sums are not those of the records",
    [WEIR_SIM_CONFLICT] = "I11: a concurrent loser is in no list",
    [WEIR_SIM_DAMAGED] = "R11: a damaged record stayed",
    [WEIR_SIM_MALFORMED] = "a malformed frame was not rejected",
    [WEIR_SIM_MISTAKEN] = "a write was accepted that no node may accept",
    [WEIR_SIM_ACTIVE] = "I12: more is reported than is true",
    [WEIR_SIM_FRAME] = "a frame that the node must not send",
    [WEIR_SIM_SAID] = "a frame that says what is not so, or none at all",
    [WEIR_SIM_COUNTED] = "a counter is not what happened",
    [WEIR_SIM_BARRED] = "I14: a link with a node that was evicted",
    [WEIR_SIM_CLOCK] = "a write that the clock allows was refused, or the other way round",
    [WEIR_SIM_RESTLESS] = "a node asks for turn after turn without a pause",
    [WEIR_SIM_LATE] = "a change of what is active waits for the next full heartbeat",
    [WEIR_SIM_WAIT] = "I12: healed, and not known to be active or not",
    [WEIR_SIM_ACCUSED] = "R15: an honest peer was cut off for a false claim",
    [WEIR_SIM_MISLED] = "R15: a node gave its records up for a false claim",
    [WEIR_SIM_LANES] = "R15: a node draws lane after lane",
    [WEIR_SIM_KNOWN] = "a node shows of a member what is not so",
    [WEIR_SIM_LEAK] = "memory that nobody gave back",
    [WEIR_SIM_MODEL] = "not what its contract says",
    [WEIR_SIM_ORACLE] = "the oracle",
};
_Static_assert(WEIR_ARRAY_LEN(texts) == WEIR_SIM_BROKEN_COUNT, "each finding has a text");

const char *weir_sim_broken_text(enum weir_sim_broken broken)
{
    WEIR_ASSERT((unsigned)broken < WEIR_SIM_BROKEN_COUNT);
    return texts[broken];
}

void weir_sim_check_init(struct weir_sim_check *c, uint32_t num_nodes, struct weir_sim_trace *trace)
{
    *c = (struct weir_sim_check){ .num_nodes = num_nodes, .trace = trace };
    c->views = calloc(num_nodes, sizeof(*c->views));
    WEIR_ASSERT(c->views != NULL);
    for (uint32_t i = 0; i < num_nodes; i++) {
        c->views[i].check = c;
        c->views[i].node = i;
    }
}

void weir_sim_check_deinit(struct weir_sim_check *c)
{
    for (uint32_t i = 0; i < c->num_nodes; i++) {
        free(c->views[i].cur);
        free(c->views[i].purged);
        free(c->views[i].spoilt);
        free(c->views[i].raised);
        free(c->views[i].seen);
        free(c->views[i].told.asked);
    }
    free(c->views);
    free(c->asides);
    free(c->writes);
    free(c->gone);
    free(c->hit);
    weir_vector_deinit(&c->floor);
    weir_sim_names_deinit(&c->lanes);
    weir_sim_names_deinit(&c->keys);
    weir_sim_names_deinit(&c->dots);
    *c = (struct weir_sim_check){ 0 };
}

void weir_sim_check_found(struct weir_sim_check *c, enum weir_sim_broken broken, uint32_t node,
                          uint32_t write)
{
    if (c->found.broken != WEIR_SIM_HOLDS)
        return;
    c->found = (struct weir_sim_finding){ .broken = broken, .at_us = c->now_us, .node = node };
    if (write == WEIR_SIM_NO_NAME)
        return;
    if (c->trace->out != NULL)
        fprintf(c->trace->out, "found: %s, write %" PRIu32 "\n", texts[broken], write);
    c->found.key = c->writes[write].key;
    c->found.seq = c->writes[write].seq;
}

/* -- names -- */

static void *grown(void *at, uint32_t num, uint32_t cap, size_t size)
{
    uint8_t *more = realloc(at, cap * size);

    WEIR_ASSERT(more != NULL);
    memset(more + num * size, 0, (cap - num) * size);
    return more;
}

static uint32_t key_of(struct weir_sim_check *c, enum weir_class class, struct weir_span key)
{
    uint8_t name[1 + WEIR_KEY_MAX];

    WEIR_ASSERT(key.len <= WEIR_KEY_MAX);
    name[0] = (uint8_t) class;
    memcpy(name + 1, key.at, key.len);
    uint32_t number = weir_sim_names_add(&c->keys, weir_span(name, 1 + key.len));
    if (number >= c->cap_keys) {
        uint32_t cap = c->cap_keys == 0 ? 64 : 2 * c->cap_keys;
        c->gone = grown(c->gone, c->cap_keys, cap, sizeof(*c->gone));
        c->hit = grown(c->hit, c->cap_keys, cap, sizeof(*c->hit));
        c->cap_keys = cap;
    }
    return number;
}

static void view_reserve(struct weir_sim_view *v)
{
    uint32_t cap = v->check->cap_keys;

    if (v->num_keys == cap)
        return;
    v->cur = grown(v->cur, v->num_keys, cap, sizeof(*v->cur));
    v->purged = grown(v->purged, v->num_keys, cap, sizeof(*v->purged));
    v->spoilt = grown(v->spoilt, v->num_keys, cap, sizeof(*v->spoilt));
    v->num_keys = cap;
}

static struct weir_span dot_name(const struct weir_version *v, uint8_t out[DOT_LEN])
{
    memcpy(out, v->lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < 8; i++)
        out[WEIR_LANE_LEN + i] = (uint8_t)(v->seq >> (8 * i));
    return weir_span(out, DOT_LEN);
}

static uint64_t add_bytes(uint64_t digest, struct weir_span s)
{
    return weir_hash64(digest ^ s.len, s.at, s.len);
}

/* Of all that travels with a record. */
static uint64_t digest_of(const struct weir_stored_record *rec)
{
    const struct weir_record *r = &rec->rec;
    const uint64_t numbers[] = {
        (uint64_t)r->class, r->version.hlc, r->version.seq, r->tombstone,
        r->schema,          r->min_reader,  r->expires,     rec->num_ctx,
    };
    uint64_t digest = weir_hash64(0, numbers, sizeof(numbers));

    digest = add_bytes(digest, weir_span(r->version.lane, WEIR_LANE_LEN));
    digest = add_bytes(digest, r->key);
    digest = add_bytes(digest, r->value);
    digest = add_bytes(digest, rec->sig);
    digest = add_bytes(digest, rec->extra);
    for (unsigned i = 0; i < rec->num_ctx; i++) {
        digest = add_bytes(digest, weir_span(rec->ctx[i].tail, WEIR_LANE_TAIL_LEN));
        digest = weir_mix64(digest ^ rec->ctx[i].seq);
    }
    return digest;
}

uint32_t weir_sim_check_find(const struct weir_sim_check *c, const struct weir_version *version)
{
    uint8_t name[DOT_LEN];

    return weir_sim_names_find(&c->dots, dot_name(version, name));
}

uint32_t weir_sim_check_find_key(const struct weir_sim_check *c, enum weir_class class,
                                 struct weir_span key)
{
    uint8_t name[1 + WEIR_KEY_MAX];

    WEIR_ASSERT(key.len <= WEIR_KEY_MAX);
    name[0] = (uint8_t) class;
    memcpy(name + 1, key.at, key.len);
    return weir_sim_names_find(&c->keys, weir_span(name, 1 + key.len));
}

bool weir_sim_check_is_larger(const struct weir_sim_check *c, const struct weir_sim_write *a,
                              const struct weir_sim_write *b)
{
    int order = weir_hlc_cmp(a->hlc, weir_sim_names_at(&c->lanes, a->lane).at, b->hlc,
                             weir_sim_names_at(&c->lanes, b->lane).at);

    return order != 0 ? order > 0 : a->seq > b->seq;
}

bool weir_sim_check_is_hit(const struct weir_sim_check *c, const struct weir_sim_write *w)
{
    uint32_t hit = c->hit[w->key];

    return hit != 0 && !weir_sim_check_is_larger(c, w, &c->writes[hit - 1]);
}

/* -- writes -- */

static uint32_t writer_of(const struct weir_sim_check *c, const uint8_t lane[WEIR_LANE_LEN])
{
    for (uint32_t i = 0; i < c->num_nodes; i++)
        if (memcmp(c->views[i].id, lane, WEIR_NODE_ID_LEN) == 0)
            return i;
    return UINT32_MAX;
}

static void reserve_writes(struct weir_sim_check *c, uint32_t w)
{
    while (w >= c->cap_writes) {
        uint32_t cap = c->cap_writes == 0 ? 256 : 2 * c->cap_writes;
        c->writes = grown(c->writes, c->cap_writes, cap, sizeof(*c->writes));
        c->cap_writes = cap;
    }
}

/* Fill a write in; its place may be new, or that of one that was set aside. */
static void note(struct weir_sim_check *c, uint32_t w, uint32_t node,
                 const struct weir_stored_record *rec)
{
    uint32_t key = key_of(c, rec->rec.class, rec->rec.key);

    reserve_writes(c, w);
    c->writes[w] = (struct weir_sim_write){
        .lane = weir_sim_names_add(&c->lanes, weir_span(rec->rec.version.lane, WEIR_LANE_LEN)),
        .key = key,
        .origin = node,
        .seq = rec->rec.version.seq,
        .hlc = rec->rec.version.hlc,
        .digest = digest_of(rec),
        .expires = rec->rec.expires,
        .at_us = c->now_us,
        .min_reader = rec->rec.min_reader,
        .deleted = rec->rec.tombstone,
        .is_ban = rec->rec.class == WEIR_CLASS_BAN,
    };
}

static uint64_t above(uint64_t wall_ms, uint64_t hlc)
{
    uint64_t wall = weir_hlc_of_ms(wall_ms);

    return wall > hlc ? wall : hlc + 1;
}

/* I9, I10: exactly the wall clock, or one more than what it follows. */
static void check_stamp(struct weir_sim_view *v, uint32_t w)
{
    struct weir_sim_check *c = v->check;
    const struct weir_sim_write *write = &c->writes[w];
    uint32_t cur = v->cur[write->key];

    if (cur != 0)
        c->writes[cur - 1].followed = true;
    uint64_t floor = cur != 0 ? c->writes[cur - 1].hlc : write->is_ban ? 0 : v->hlc_floor;
    if (write->hlc == above(v->wall_ms, floor))
        return;
    if (cur == 0 && !write->is_ban)
        v->unsettled = w + 1; /* a pull of the same turn may have raised the floor */
    else
        weir_sim_check_found(c, WEIR_SIM_STAMP, v->node, w);
}

/* Was the write lost with every store that had met it? Then its number may be given out again. */
static bool is_gone(const struct weir_sim_check *c, uint32_t w)
{
    const struct weir_sim_write *write = &c->writes[w];

    for (uint32_t i = 0; i < c->num_nodes; i++)
        if (i != write->origin && write->lane < c->views[i].num_seen &&
            c->views[i].seen[write->lane] >= write->seq)
            return false;
    return true;
}

static void rename_write(uint32_t *at, uint32_t from, uint32_t to)
{
    if (*at == from + 1)
        *at = to + 1;
}

/* The dot of a write that is gone is given out again. What was learnt from the old write, such as
 * that it was purged, stays true of it: it moves to a number of its own, under no dot's name. */
static void set_aside(struct weir_sim_check *c, uint32_t w)
{
    const struct weir_sim_write old = c->writes[w];
    uint8_t name[DOT_LEN + 4];

    memset(name, 0, DOT_LEN);
    memcpy(name + DOT_LEN, &c->dots.num, sizeof(c->dots.num));
    uint32_t aside = weir_sim_names_add(&c->dots, weir_span(name, sizeof(name)));
    reserve_writes(c, aside);
    c->writes[aside] = old;
    c->writes[aside].is_lost = true;
    c->asides = realloc(c->asides, (c->num_asides + 1) * sizeof(*c->asides));
    WEIR_ASSERT(c->asides != NULL);
    c->asides[c->num_asides][0] = w;
    c->asides[c->num_asides++][1] = aside;
    rename_write(&c->gone[old.key], w, aside);
    rename_write(&c->hit[old.key], w, aside);
    for (uint32_t i = 0; i < c->num_nodes; i++) {
        struct weir_sim_view *v = &c->views[i];
        if (old.key >= v->num_keys)
            continue;
        rename_write(&v->cur[old.key], w, aside);
        rename_write(&v->purged[old.key], w, aside);
        rename_write(&v->spoilt[old.key], w, aside);
    }
}

/* A record that this store has not had: written here, or a copy. @return its number */
static uint32_t note_record(struct weir_sim_view *v, const struct weir_stored_record *rec)
{
    struct weir_sim_check *c = v->check;
    const uint8_t *lane = rec->rec.version.lane;
    uint8_t name[DOT_LEN];
    uint32_t num = c->dots.num;
    uint32_t w = weir_sim_names_add(&c->dots, dot_name(&rec->rec.version, name));
    bool is_own = memcmp(lane, v->id, WEIR_NODE_ID_LEN) == 0;
    bool is_new = c->dots.num > num;

    if (!is_new && c->writes[w].digest == digest_of(rec))
        return w;
    if (!is_new && !(is_own && is_gone(c, w))) {
        weir_sim_check_found(c, WEIR_SIM_REUSED, v->node, w);
        return w;
    }
    if (!is_new)
        set_aside(c, w);
    bool is_foreign = !is_own && memcmp(lane, c->foreign, WEIR_NODE_ID_LEN) == 0;
    note(c, w, is_foreign ? c->foreign_node : is_own ? v->node : writer_of(c, lane), rec);
    view_reserve(v);
    c->writes[w].is_foreign = is_foreign;
    if (is_own)
        check_stamp(v, w);
    else if (!is_foreign)
        weir_sim_check_found(c, WEIR_SIM_FORGED, v->node, w);
    return w;
}

/* -- hooks -- */

static void trace_write(const struct weir_sim_view *v, enum weir_sim_line line, uint32_t key,
                        uint32_t w)
{
    weir_sim_trace(v->check->trace, v->check->now_us, line, v->node, (uint64_t)key << 32 | w);
}

static void on_put(void *arg, const struct weir_stored_record *rec)
{
    struct weir_sim_view *v = arg;
    struct weir_sim_check *c = v->check;
    uint32_t w = note_record(v, rec);
    const struct weir_sim_write *write = &c->writes[w];

    view_reserve(v);
    uint32_t cur = v->cur[write->key];
    bool was_spoilt = v->spoilt[write->key] != 0;
    if (cur != 0 && cur != w + 1 && !was_spoilt &&
        !weir_sim_check_is_larger(c, write, &c->writes[cur - 1]))
        weir_sim_check_found(c, WEIR_SIM_SMALLER, v->node, w);
    /* Lanes of bans are forgotten, and what was purged from them may come once more. */
    if (v->purged[write->key] == w + 1 && !was_spoilt && !write->is_ban)
        weir_sim_check_found(c, WEIR_SIM_UNDONE, v->node, w);
    if (write->is_ban && !write->deleted && write->expires <= v->wall_ms / 1000)
        weir_sim_check_found(c, WEIR_SIM_EXPIRED, v->node, w);
    v->cur[write->key] = w + 1;
    v->spoilt[write->key] = 0;
    v->told.num_puts++;
    v->told.changed[write->is_ban ? WEIR_GROUP_E : WEIR_GROUP_C] += weir_mix64(w + UINT64_C(1));
    trace_write(v, WEIR_SIM_LINE_PUT, write->key, w);
}

static void rs_larger(const struct weir_sim_check *c, uint32_t *largest, uint32_t w)
{
    if (*largest == 0 || weir_sim_check_is_larger(c, &c->writes[w], &c->writes[*largest - 1]))
        *largest = w + 1;
}

static void note_purged(struct weir_sim_view *v, uint32_t w)
{
    struct weir_sim_check *c = v->check;
    struct weir_sim_write *write = &c->writes[w];

    write->purged = true;
    v->purged[write->key] = w + 1;
    if (!write->is_ban && write->hlc > v->hlc_floor)
        v->hlc_floor = write->hlc;
    v->told.purged += write->is_ban ? 0 : weir_mix64(w + UINT64_C(1));
    rs_larger(c, &c->gone[write->key], w);
}

static void on_drop(void *arg, const struct weir_stored_record *rec)
{
    struct weir_sim_view *v = arg;
    struct weir_sim_check *c = v->check;

    uint32_t key = weir_sim_check_find_key(c, rec->rec.class, rec->rec.key);
    if (key == WEIR_SIM_NO_NAME || key >= v->num_keys || v->cur[key] == 0) {
        v->is_torn = true; /* the bit was in the key */
        return;
    }
    uint32_t w = v->cur[key] - 1;
    v->cur[key] = 0;
    trace_write(v, WEIR_SIM_LINE_DROP, key, w);
    if (v->spoilt[key] == 0 && c->writes[w].deleted) {
        note_purged(v, w);
        v->told.num_purged[c->writes[w].is_ban ? WEIR_GROUP_E : WEIR_GROUP_C]++;
    }
    v->told.is_blurred = v->told.is_blurred || v->spoilt[key] != 0;
}

static void note_seen(struct weir_sim_view *v, uint32_t lane, uint64_t seen)
{
    if (lane >= v->num_seen) {
        uint32_t cap = v->num_seen == 0 ? 32 : v->num_seen;
        while (cap <= lane)
            cap *= 2;
        v->seen = grown(v->seen, v->num_seen, cap, sizeof(*v->seen));
        v->num_seen = cap;
    }
    v->seen[lane] = seen;
}

static bool read_seen(void *arg, const struct weir_lane_row *lane)
{
    struct weir_sim_view *v = arg;

    note_seen(v, weir_sim_names_add(&v->check->lanes, weir_span(lane->lane, WEIR_LANE_LEN)),
              lane->seen);
    return true;
}

static void note_raised(struct weir_sim_view *v, const struct weir_sim_raised *raised)
{
    if (v->num_raised == v->cap_raised) {
        uint32_t cap = v->cap_raised == 0 ? 16 : 2 * v->cap_raised;
        v->raised = grown(v->raised, v->cap_raised, cap, sizeof(*v->raised));
        v->cap_raised = cap;
    }
    v->raised[v->num_raised++] = *raised;
}

static void on_lane(void *arg, const struct weir_lane_row *before,
                    const struct weir_lane_row *after)
{
    static const struct weir_lane_row none;
    struct weir_sim_view *v = arg;
    const uint8_t *lane = before != NULL ? before->lane : after->lane;

    uint32_t number = weir_sim_names_add(&v->check->lanes, weir_span(lane, WEIR_LANE_LEN));
    note_seen(v, number, after != NULL ? after->seen : 0);
    uint64_t from = before != NULL ? before->vv : 0;
    uint64_t to = after != NULL ? after->vv : 0;
    if (from != to)
        trace_write(v, WEIR_SIM_LINE_LANE, number, (uint32_t)to);
    if (to > from && lane[WEIR_NODE_ID_LEN] != 'E')
        note_raised(v, &(struct weir_sim_raised){ number, from, to });
    if (before == NULL || (after == NULL && lane[WEIR_NODE_ID_LEN] == 'E'))
        return;        /* a lane of bans of which nothing is left may be forgotten */
    if (after == NULL) /* it stated no more than where the lane ends */
        after = &none;
    if (after->vv < before->vv || after->floor < before->floor || after->seen < before->seen)
        weir_sim_check_found(v->check, WEIR_SIM_BACKWARDS, v->node, WEIR_SIM_NO_NAME);
}

static void on_meta(void *arg, const struct weir_store_meta *before,
                    const struct weir_store_meta *after)
{
    struct weir_sim_view *v = arg;
    bool is_same = memcmp(before->lane, after->lane, WEIR_LANE_LEN) == 0;

    if ((is_same && after->seq < before->seq) || after->hlc_floor < before->hlc_floor)
        weir_sim_check_found(v->check, WEIR_SIM_BACKWARDS, v->node, WEIR_SIM_NO_NAME);
}

static void forget_seen(struct weir_sim_view *v, enum weir_group group)
{
    const struct weir_sim_names *lanes = &v->check->lanes;

    for (uint32_t lane = 0; lane < lanes->num && lane < v->num_seen; lane++)
        if ((weir_sim_names_at(lanes, lane).at[WEIR_NODE_ID_LEN] == 'E') == (group == WEIR_GROUP_E))
            v->seen[lane] = 0;
}

/* A new life of the store of one group. */
static void forget(struct weir_sim_view *v, enum weir_group group)
{
    const struct weir_sim_names *keys = &v->check->keys;

    for (uint32_t key = 0; key < keys->num && key < v->num_keys; key++) {
        bool is_ban = weir_sim_names_at(keys, key).at[0] == WEIR_CLASS_BAN;
        if (is_ban != (group == WEIR_GROUP_E))
            continue;
        v->cur[key] = 0;
        v->purged[key] = 0;
        v->spoilt[key] = 0;
    }
    if (group == WEIR_GROUP_C)
        v->hlc_floor = 0;
}

static void on_wipe(void *arg)
{
    struct weir_sim_view *v = arg;

    v->num_wipes++;
    v->wiped_us = v->check->now_us;
    forget(arg, WEIR_GROUP_C); /* the engine wipes no other */
    forget_seen(arg, WEIR_GROUP_C);
    trace_write(arg, WEIR_SIM_LINE_WIPE, 0, 0);
}

struct weir_memory_hooks weir_sim_check_hooks(struct weir_sim_check *c, uint32_t node)
{
    WEIR_ASSERT(node < c->num_nodes);
    return (struct weir_memory_hooks){
        .arg = &c->views[node],
        .on_put = on_put,
        .on_drop = on_drop,
        .on_lane = on_lane,
        .on_meta = on_meta,
        .on_wipe = on_wipe,
    };
}

/* -- turns -- */

void weir_sim_check_turn(struct weir_sim_check *c, uint32_t node, uint64_t wall_ms)
{
    struct weir_sim_told *t = &c->views[node].told;

    c->views[node].wall_ms = wall_ms;
    c->views[node].unsettled = 0;
    c->views[node].num_raised = 0;
    t->changed[WEIR_GROUP_C] = t->changed[WEIR_GROUP_E] = 0;
    t->purged = 0;
    t->num_puts = t->num_purged[WEIR_GROUP_C] = t->num_purged[WEIR_GROUP_E] = 0;
    t->is_blurred = false;
    t->num_asked = t->num_acked = 0;
}

static bool check_record_again(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct weir_sim_view *v = arg;

    if (damaged)
        return true;
    uint32_t w = weir_sim_check_find(v->check, &rec->rec.version);
    if (w == WEIR_SIM_NO_NAME) {
        weir_sim_check_found(v->check, WEIR_SIM_FORGED, v->node, WEIR_SIM_NO_NAME);
        return false;
    }
    v->cur[v->check->writes[w].key] = w + 1;
    return true;
}

static void read_again(struct weir_sim_view *v, enum weir_group group,
                       const struct weir_memory *store)
{
    const struct weir_sim_names *keys = &v->check->keys;

    for (uint32_t key = 0; key < keys->num && key < v->num_keys; key++)
        if ((weir_sim_names_at(keys, key).at[0] == WEIR_CLASS_BAN) == (group == WEIR_GROUP_E))
            v->cur[key] = 0;
    view_reserve(v);
    weir_memory_each_record(store, check_record_again, v);
}

void weir_sim_check_turned(struct weir_sim_check *c, uint32_t node,
                           const struct weir_memory *c_store)
{
    struct weir_sim_view *v = &c->views[node];
    uint64_t floor = weir_memory_meta(c_store).hlc_floor;

    if (v->hlc_floor > floor)
        weir_sim_check_found(c, WEIR_SIM_NO_FLOOR, node, WEIR_SIM_NO_NAME);
    v->hlc_floor = floor;
    if (v->unsettled != 0 && c->writes[v->unsettled - 1].hlc != above(v->wall_ms, floor))
        weir_sim_check_found(c, WEIR_SIM_STAMP, node, v->unsettled - 1);
    if (v->is_torn)
        read_again(v, WEIR_GROUP_C, c_store);
    v->is_torn = false;
}

void weir_sim_check_reload(struct weir_sim_check *c, uint32_t node, enum weir_group group,
                           const struct weir_memory *store)
{
    struct weir_sim_view *v = &c->views[node];
    struct weir_store_meta meta = weir_memory_meta(store);

    forget(v, group);
    forget_seen(v, group);
    read_again(v, group, store);
    v->is_torn = false;
    if (group == WEIR_GROUP_C) {
        v->hlc_floor = meta.hlc_floor;
        v->lost_us = c->now_us;
    }
    weir_memory_each_lane(store, read_seen, v);
}

void weir_sim_check_acked(struct weir_sim_check *c, uint32_t node,
                          const struct weir_engine_out *out)
{
    uint32_t w = weir_sim_check_find(c, &out->version);

    if (w == WEIR_SIM_NO_NAME || c->writes[w].origin != node ||
        c->writes[w].key != key_of(c, out->class, out->key) || c->writes[w].hlc != out->version.hlc)
        weir_sim_check_found(c, WEIR_SIM_ACKED, node, WEIR_SIM_NO_NAME);
}

void weir_sim_check_exported(struct weir_sim_check *c, uint32_t node)
{
    const struct weir_sim_view *v = &c->views[node];

    for (uint32_t key = 0; key < v->num_keys; key++)
        if (v->cur[key] != 0)
            c->writes[v->cur[key] - 1].exported = true;
}

void weir_sim_check_floor(struct weir_sim_check *c, const struct weir_vector *floor)
{
    enum weir_err err = weir_vector_merge(&c->floor, floor);

    WEIR_ASSERT(err == WEIR_OK);
}

void weir_sim_check_stale(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e)
{
    for (size_t i = 0; i < c->floor.num; i++)
        if (weir_engine_durable(e, WEIR_GROUP_C, c->floor.items[i].lane) < c->floor.items[i].seq)
            return;
    weir_sim_check_found(c, WEIR_SIM_MISLED, node, WEIR_SIM_NO_NAME);
}

void weir_sim_check_spoilt(struct weir_sim_check *c, uint32_t node,
                           const struct weir_stored_record *rec)
{
    struct weir_sim_view *v = &c->views[node];
    uint32_t w = weir_sim_check_find(c, &rec->rec.version);

    if (w == WEIR_SIM_NO_NAME)
        return; /* its dot was hit before */
    c->writes[w].damaged = true;
    rs_larger(c, &c->hit[c->writes[w].key], w);
    view_reserve(v);
    v->spoilt[c->writes[w].key] = w + 1;
}

void weir_sim_check_wrote(struct weir_sim_check *c, uint32_t node,
                          const struct weir_stored_record *rec)
{
    uint8_t name[DOT_LEN];
    uint32_t num = c->dots.num;
    uint32_t w = weir_sim_names_add(&c->dots, dot_name(&rec->rec.version, name));

    WEIR_ASSERT(c->dots.num > num);
    note(c, w, node, rec);
    c->writes[w].is_foreign = true;
}

/* -- now and then -- */

void weir_sim_check_memory(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e,
                           uint32_t num_links)
{
    size_t vectors = 3 * (size_t)num_links + 3 * (size_t)WEIR_ENGINE_PULLS_MAX;
    size_t lanes = 2 * ((size_t)c->lanes.num + 16); /* arrays grow by doubling */

    if (weir_engine_memory(e) >
        WEIR_ENGINE_WAITING_MAX + vectors * lanes * sizeof(struct weir_vector_entry))
        weir_sim_check_found(c, WEIR_SIM_MEMORY, node, WEIR_SIM_NO_NAME);
}
