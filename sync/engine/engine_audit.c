/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_audit.c - rules R11 and R12: a walk checks the checksum of every record, again and again;
 * nodes with equal vectors compare sums and fetch what differs; a node that others outvote resets.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_active.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_life.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_pull.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define SCAN_FAST    1000 /* records of a turn while the sums are not complete */
#define SCAN_FAST_US 5000
#define SCAN_SLOW    200 /* once they are complete */
#define SCAN_SLOW_US 1000000
#define AUDIT_STEP   2000     /* records of a turn of a search */
#define AUDIT_US     5000000  /* between two audits that this node asks for */
#define OUTVOTED_US  20000000 /* this node is outvoted for so long, and then it resets */
#define MOTION_BEATS 2        /* heartbeats */
#define AUDIT_MEMORY (16 * (size_t)1048576)
#define ASKED_MAX    2 /* peers that are asked for a damaged record */

/* Are there records beyond the vector, and did that change just now? The end of a lane may have
 * been lost with its node. Records beyond such a gap are never covered, and must be audited all
 * the same. */
static bool has_moved_beyond(struct weir_engine *e)
{
    uint64_t vv = weir_vector_hash(&e->group[WEIR_GROUP_C].vv);
    uint64_t seen = weir_vector_hash(&e->group[WEIR_GROUP_C].seen);

    if (vv == seen)
        return false;
    if (vv - seen != e->beyond_hash) {
        e->beyond_hash = vv - seen;
        e->beyond_us = e->mono_us;
    }
    return e->mono_us - e->beyond_us < MOTION_BEATS * e->cfg.intervals.heartbeat_us;
}

bool weir_engine_in_motion(struct weir_engine *e)
{
    /* After the disk failed the sums are not complete until a while after it works again. */
    if (!engine_is_live(e) || !e->scan.summed || e->num_damaged > 0)
        return true;
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        if (e->pulls[i].open && e->pulls[i].group == WEIR_GROUP_C)
            return true;
    return has_moved_beyond(e);
}

/* -- the walk over all records -- */

static void scan_step(struct weir_engine *e)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_C].records;
    struct engine_scan *s = &e->scan;
    struct weir_stored_record rec;

    enum weir_err err = records->ops->next_key(records, (enum weir_class)s->class_at,
                                               weir_span(s->key, s->key_len), &rec);
    if (err == WEIR_ENOTFOUND) {
        s->key_len = 0;
        if (++s->class_at > WEIR_CLASS_LANE) {
            s->class_at = WEIR_CLASS_SETTING;
            s->summed = true;
            weir_engine_active_walked(e);
        }
        return;
    }
    if (err == WEIR_ECORRUPT) {
        if (engine_has(e, WEIR_RULE_CRC))
            weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
        return;
    }
    if (err < 0) {
        weir_engine_fail(e, err);
        return;
    }
    s->key_len = (uint16_t)rec.rec.key.len;
    memcpy(s->key, rec.rec.key.at, rec.rec.key.len);
    weir_engine_active_walk(e, &rec);
    if (!s->summed && !rec.rec.tombstone)
        weir_engine_sum(e, &rec, true);
}

void weir_engine_scan(struct weir_engine *e)
{
    struct engine_scan *s = &e->scan;
    bool was_summed = s->summed;

    if (e->mono_us < s->next_us || !weir_engine_begin(e, WEIR_GROUP_C))
        return;
    unsigned num = was_summed ? SCAN_SLOW : SCAN_FAST;
    for (unsigned i = 0; i < num && e->turn_err == WEIR_OK; i++) {
        scan_step(e);
        if (s->summed && s->key_len == 0 && s->class_at == WEIR_CLASS_SETTING)
            break; /* once around */
    }
    s->next_us = e->mono_us + (s->summed ? SCAN_SLOW_US : SCAN_FAST_US);
}

/* -- fetching by key -- */

/* A peer that may have the first damaged record. */
static uint32_t repair_source(const struct weir_engine *e, const struct engine_damaged *d)
{
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l != NULL && l->live && !l->stale && !weir_engine_was_asked(d, i))
            return i;
    }
    return WEIR_ENGINE_NO_LINK;
}

/* One request for keys at a time, and not while all sessions are in use: it would count as asked.
 */
static bool may_force(const struct weir_engine *e)
{
    bool has_free = false;

    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        if (e->pulls[i].open && e->pulls[i].forced)
            return false;
        has_free = has_free || !e->pulls[i].open;
    }
    return has_free;
}

static void fetch_damaged(struct weir_engine *e, uint32_t link)
{
    ProtobufCBinaryData *keys = weir_engine_alloc(e, ENGINE_REPAIR_KEYS * sizeof(*keys));
    size_t num = 0;

    if (keys == NULL)
        return;
    for (size_t i = 0; i < e->num_damaged && num < ENGINE_REPAIR_KEYS; i++) {
        struct engine_damaged *d = &e->damaged[i];
        if (weir_engine_was_asked(d, link) ||
            engine_group_of((enum weir_class)d->class) !=
                engine_group_of((enum weir_class)e->damaged[0].class))
            continue;
        keys[num] = weir_engine_key_name(e, d->class, weir_span(d->key, d->key_len));
        if (keys[num].data == NULL)
            return;
        num++;
        WEIR_ASSERT(d->asked < ASKED_MAX); /* the first was asked for wherever a later one was */
        d->links[d->asked++] = link;
    }
    weir_engine_force(e, link, keys, num);
}

static bool has_no_link(const struct weir_engine *e)
{
    for (uint32_t i = 0; i < e->num_links; i++)
        if (engine_handshake_done(e, i) != NULL)
            return false;
    return true;
}

void weir_engine_repair(struct weir_engine *e)
{
    if (e->num_damaged == 0 || e->turn_err < 0 || e->mono_us < e->repair_us || !may_force(e))
        return;
    const struct engine_damaged *d = &e->damaged[0];
    uint32_t link = d->asked < ASKED_MAX ? repair_source(e, d) : WEIR_ENGINE_NO_LINK;
    if (link != WEIR_ENGINE_NO_LINK) {
        fetch_damaged(e, link);
        return;
    }
    if (d->asked == 0 && has_no_link(e))
        return; /* a peer will connect */
    /* All peers that could be asked were asked. */
    e->num_damaged--;
    memmove(&e->damaged[0], &e->damaged[1], e->num_damaged * sizeof(e->damaged[0]));
}

/* -- sums of heartbeats -- */

static uint32_t differing_classes(const struct weir_engine *e, const struct engine_link *l)
{
    static const struct weir_sum zero;
    uint32_t bad = 0;

    for (unsigned class = 0; class < ENGINE_CLASS_NUM; class ++) {
        struct weir_sum ours = e->sums[class] != NULL ? e->sums[class]->total : zero;
        if (!weir_sum_eq(ours, l->sum[class]))
            bad |= UINT32_C(1) << class;
    }
    return bad;
}

/* A link whose peer has the same vector, by its last heartbeat. NULL: it has another, or none is
 * known. */
static const struct engine_link *link_with_equal_vector(const struct weir_engine *e, uint32_t link)
{
    const struct engine_link *l = engine_handshake_done(e, link);

    return l != NULL && l->sums_hash == weir_engine_hash(e, WEIR_GROUP_C) &&
                   !weir_engine_is_repeated(e, link)
               ? l
               : NULL;
}

/* @return the number of nodes, this one included, that hold the same records of a class; and in
 * *ret_others the number of those that do not */
static unsigned count_votes(const struct weir_engine *e, unsigned class, unsigned *ret_others)
{
    unsigned num_same = 1;

    *ret_others = 0;
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = link_with_equal_vector(e, i);
        if (l == NULL)
            continue;
        if ((l->audit_bad & UINT32_C(1) << class) != 0)
            (*ret_others)++;
        else
            num_same++;
    }
    return num_same;
}

/* The number of peers that hold the same records of a class as the peer of a link. */
static unsigned count_agreeing(const struct weir_engine *e, unsigned class,
                               const struct engine_link *of)
{
    unsigned num = 0;

    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = link_with_equal_vector(e, i);
        num += l != NULL && weir_sum_eq(l->sum[class], of->sum[class]);
    }
    return num;
}

/* Do more nodes agree with this one than do not? Then the others are to repair themselves: what
 * they have and this node lacks may have been deleted. Nor is one peer alone believed where there
 * are more (R15). A node that found damage has no say: those that agree with it may have lost the
 * same record. Nor do neighbours in an overlay speak for the rest. */
static bool is_majority(const struct weir_engine *e, unsigned class)
{
    unsigned num_others;

    if ((e->lossy & UINT32_C(1) << class) != 0 || weir_engine_relays(e))
        return false;
    unsigned num_same = count_votes(e, class, &num_others);

    return num_same > num_others || (num_others < 2 && weir_engine_members_others(e) >= 2);
}

/* Do peers agree with one another against this node, at least two and more than agree with it? This
 * node is one of those that do, so that more are at least two. */
static bool is_outvoted(const struct weir_engine *e, unsigned class)
{
    unsigned num_others;
    unsigned num_same = count_votes(e, class, &num_others);

    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = link_with_equal_vector(e, i);
        if (l != NULL && count_agreeing(e, class, l) > num_same)
            return true;
    }
    return false;
}

static void ask_audit(struct weir_engine *e, uint32_t link, unsigned class)
{
    Weir__V1__Audit m;

    weir__v1__audit__init(&m);
    uint8_t *buckets = weir_engine_alloc(e, WEIR_SUMS_PACKED_LEN);
    if (buckets == NULL)
        return;
    memset(buckets, 0, WEIR_SUMS_PACKED_LEN);
    if (e->sums[class] != NULL)
        weir_sums_pack(e->sums[class], buckets);
    m.has_class_ = 1;
    m.class_ = class;
    m.has_buckets = 1;
    m.buckets = (ProtobufCBinaryData){ .len = WEIR_SUMS_PACKED_LEN, .data = buckets };
    weir_engine_send(e, link, WEIR_FRAME_AUDIT, &m.base);
    e->links[link]->audit_asked = true;
    engine_count(e, WEIR_COUNT_AUDITS, 1);
}

/* The classes in which some peer differs. */
static uint32_t disputed_classes(const struct weir_engine *e)
{
    uint32_t bad = 0;

    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = link_with_equal_vector(e, i);
        bad |= l != NULL ? l->audit_bad : 0;
    }
    return bad;
}

static void compare_sums(struct weir_engine *e, uint32_t link, uint32_t bad)
{
    struct engine_link *l = e->links[link];
    uint32_t again = bad & l->audit_bad; /* in two heartbeats in a row */

    l->audit_bad = bad;
    e->audit_tried &= disputed_classes(e);
    if (e->audit_tried == 0)
        e->tried_us = e->mono_us;
    if (again == 0)
        return;
    engine_count(e, WEIR_COUNT_AUDITS_BAD, 1);
    unsigned class = (unsigned)__builtin_ctz(again);
    if ((e->audit_tried & UINT32_C(1) << class) != 0 && is_outvoted(e, class) &&
        e->mono_us - e->tried_us >= OUTVOTED_US) {
        weir_engine_alarm(e, WEIR_ALARM_AUDIT, link);
        weir_engine_go_stale(e);
        return;
    }
    if (e->mono_us < e->audit_at || is_majority(e, class))
        return;
    e->audit_at = e->mono_us + AUDIT_US;
    weir_engine_alarm(e, WEIR_ALARM_AUDIT, link);
    ask_audit(e, link, class);
}

void weir_engine_audit_heartbeat(struct weir_engine *e, uint32_t link, const Weir__V1__Heartbeat *h)
{
    struct engine_link *l = e->links[link];

    if (!engine_has(e, WEIR_RULE_AUDIT))
        return;
    l->sums_hash = h->vv_hash;
    memset(l->sum, 0, sizeof(l->sum));
    for (size_t i = 0; i < h->n_sum; i++)
        if (h->sum[i].data[0] < ENGINE_CLASS_NUM)
            l->sum[h->sum[i].data[0]] = weir_sum_unpack(h->sum[i].data + 1);
    if (weir_engine_in_motion(e) || h->vv_hash != weir_engine_hash(e, WEIR_GROUP_C)) {
        l->audit_bad = 0;
        return;
    }
    compare_sums(e, link, differing_classes(e, l));
}

/* -- the keys of the buckets that differ, for a peer that asked -- */

void weir_engine_audit_deinit(struct weir_engine *e)
{
    weir_arena_deinit(&e->audit.arena);
    free(e->audit.found);
}

static void begin_search(struct weir_engine *e, uint32_t link, const Weir__V1__Audit *m)
{
    struct engine_audit *a = &e->audit;
    uint16_t bad[WEIR_SUMS_BUCKETS];
    size_t num = 0;
    static const struct weir_sums none;
    const struct weir_sums *sums = e->sums[m->class_] != NULL ? e->sums[m->class_] : &none;

    if (a->open || !e->scan.summed ||
        weir_sums_compare(sums, weir_span(m->buckets.data, m->buckets.len), bad, &num) < 0)
        return;
    if (a->found == NULL) {
        weir_arena_init(&a->arena, 65536, AUDIT_MEMORY);
        a->found = malloc(WEIR_FRAME_RECORDS * sizeof(Weir__V1__KeyVer *));
    }
    if (a->found == NULL)
        return;
    weir_arena_reset(&a->arena);
    a->open = true;
    a->key_len = 0;
    a->link = link;
    a->class = (enum weir_class)m->class_;
    a->num_found = 0;
    memset(a->bad, 0, sizeof(a->bad));
    for (size_t i = 0; i < num; i++)
        a->bad[bad[i] / 8] |= (uint8_t)(1 << bad[i] % 8);
}

static void add_found_key(struct engine_audit *a, const struct weir_stored_record *rec)
{
    Weir__V1__KeyVer *kv = weir_arena_alloc(&a->arena, sizeof(*kv));
    uint8_t *bytes = weir_arena_alloc(&a->arena, rec->rec.key.len + WEIR_LANE_LEN);

    if (kv == NULL || bytes == NULL)
        return; /* the rest comes with the next audit */
    memcpy(bytes, rec->rec.version.lane, WEIR_LANE_LEN);
    memcpy(bytes + WEIR_LANE_LEN, rec->rec.key.at, rec->rec.key.len);
    weir__v1__key_ver__init(kv);
    kv->has_key = kv->has_lane = kv->has_seq = kv->has_hlc = 1;
    kv->key = (ProtobufCBinaryData){ .len = rec->rec.key.len, .data = bytes + WEIR_LANE_LEN };
    kv->lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = bytes };
    kv->seq = rec->rec.version.seq;
    kv->hlc = rec->rec.version.hlc;
    a->found[a->num_found++] = kv;
}

static void end_search(struct weir_engine *e)
{
    struct engine_audit *a = &e->audit;
    Weir__V1__Audit m;

    weir__v1__audit__init(&m);
    m.has_class_ = 1;
    m.class_ = (uint32_t)a->class;
    m.kv = a->found;
    m.n_kv = a->num_found;
    weir_engine_send(e, a->link, WEIR_FRAME_AUDIT, &m.base);
    a->open = false;
}

static bool search_step(struct weir_engine *e)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_C].records;
    struct engine_audit *a = &e->audit;
    struct weir_stored_record rec;

    enum weir_err err =
        records->ops->next_key(records, a->class, weir_span(a->key, a->key_len), &rec);
    if (err == WEIR_ENOTFOUND || a->num_found == WEIR_FRAME_RECORDS) {
        end_search(e);
        return false;
    }
    if (err == WEIR_ECORRUPT) {
        weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
        a->open = false;
        return false;
    }
    if (err < 0) {
        weir_engine_fail(e, err);
        return false;
    }
    a->key_len = (uint16_t)rec.rec.key.len;
    memcpy(a->key, rec.rec.key.at, rec.rec.key.len);
    unsigned bucket = weir_sums_bucket(&e->cfg.audit_key, a->class, rec.rec.key);
    if ((a->bad[bucket / 8] >> bucket % 8 & 1) != 0)
        add_found_key(a, &rec);
    return true;
}

void weir_engine_audit_run(struct weir_engine *e)
{
    if (!e->audit.open || !weir_engine_begin(e, WEIR_GROUP_C))
        return;
    for (unsigned i = 0; i < AUDIT_STEP && search_step(e); i++)
        continue;
}

/* -- what a peer has in the buckets that differ -- */

/* Is the peer's version of a key newer than what is here? */
static bool is_newer(struct weir_engine *e, enum weir_class class, const Weir__V1__KeyVer *kv)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_C].records;
    struct weir_stored_record rec;
    struct weir_version theirs = { .hlc = kv->hlc, .seq = kv->seq };

    memcpy(theirs.lane, kv->lane.data, WEIR_LANE_LEN);
    enum weir_err err =
        records->ops->get(records, class, weir_span(kv->key.data, kv->key.len), &rec);
    /* A peer with an equal vector has seen every delete that was purged here. So this node should
     * have what the peer has, unless more nodes report otherwise (is_majority). */
    if (err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT)
        return true;
    if (err < 0) {
        weir_engine_fail(e, err);
        return false;
    }
    return weir_engine_compare(&theirs, &rec.rec.version) > 0;
}

static void fetch_newer(struct weir_engine *e, uint32_t link, const Weir__V1__Audit *m)
{
    ProtobufCBinaryData *keys = weir_engine_alloc(e, ENGINE_REPAIR_KEYS * sizeof(*keys));
    size_t num = 0;

    if (keys == NULL || !weir_engine_begin(e, WEIR_GROUP_C))
        return;
    for (size_t i = 0; i < m->n_kv && num < ENGINE_REPAIR_KEYS && e->turn_err == WEIR_OK; i++) {
        struct weir_span key = weir_span(m->kv[i]->key.data, m->kv[i]->key.len);
        if (!is_newer(e, (enum weir_class)m->class_, m->kv[i]))
            continue;
        keys[num] = weir_engine_key_name(e, (uint8_t)m->class_, key);
        if (keys[num].data == NULL)
            return;
        num++;
    }
    e->audit_tried |=
        UINT32_C(1) << m->class_; /* if that does not repair the class, nothing will */
    weir_engine_force(e, link, keys, num);
}

void weir_engine_on_audit(struct weir_engine *e, uint32_t link, const Weir__V1__Audit *m)
{
    struct engine_link *l = engine_handshake_done(e, link);

    if (l == NULL || m->class_ >= ENGINE_CLASS_NUM || l->stale || !engine_is_live(e) ||
        e->readonly || (!m->has_buckets && !l->audit_asked)) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    if (m->has_buckets)
        begin_search(e, link, m);
    else
        fetch_newer(e, link, m);
    l->audit_asked = l->audit_asked && m->has_buckets;
}
