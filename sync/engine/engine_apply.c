/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_apply.c - applies a record of a peer: the larger version stays, in whatever order the
 * records come, and however often or late.
 */
#include "sync/engine/engine_apply.h"

#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/hlc.h"

#define FLAG_TOMBSTONE 1
#define VARINT_MAX     5

/* -- records of messages -- */

/* Unknown fields as they were on the wire: number and type, then what followed. */
static size_t pack_extra(const ProtobufCMessage *msg, uint8_t out[WEIR_STORED_EXTRA_MAX])
{
    size_t len = 0;

    for (unsigned i = 0; i < msg->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *f = &msg->unknown_fields[i];
        uint32_t head = f->tag << 3 | (uint32_t)f->wire_type;
        WEIR_ASSERT(len + VARINT_MAX + f->len <= WEIR_STORED_EXTRA_MAX); /* weir_frame_decode */
        for (; head >= 0x80; head >>= 7)
            out[len++] = (uint8_t)(head | 0x80);
        out[len++] = (uint8_t)head;
        if (f->len > 0)
            memcpy(out + len, f->data, f->len);
        len += f->len;
    }
    return len;
}

bool weir_engine_record(struct weir_engine *e, const Weir__V1__Record *m, const uint8_t *lane,
                        struct weir_stored_record *ret)
{
    enum weir_class class = (enum weir_class)m->class_;

    if (lane == NULL)
        lane = m->lane.data;
    if (engine_lane_group(lane) != engine_group_of(class))
        return false;
    *ret = (struct weir_stored_record){
        .rec = {
            .class = class,
            .key = weir_span(m->key.data, m->key.len),
            .version = { .hlc = m->hlc, .seq = m->seq },
            .tombstone = (m->flags & FLAG_TOMBSTONE) != 0,
            .schema = (uint16_t)m->schema,
            .min_reader = (uint16_t)m->min_reader,
            .expires = m->expires,
            .value = weir_span(m->value.data, m->value.len),
        },
        .num_ctx = (uint8_t)m->n_ctx,
        .sig = m->has_sig ? weir_span(m->sig.data, m->sig.len) : WEIR_SPAN_EMPTY,
        .stored_ms = e->wall_ms,
    };
    memcpy(ret->rec.version.lane, lane, WEIR_LANE_LEN);
    for (size_t i = 0; i < m->n_ctx; i++) {
        memcpy(ret->ctx[i].tail, m->ctx[i]->lane8.data, WEIR_LANE_TAIL_LEN);
        ret->ctx[i].seq = m->ctx[i]->seq;
    }
    if (m->base.n_unknown_fields > 0 && engine_has(e, WEIR_RULE_EXTRA))
        ret->extra = weir_span(e->extra, pack_extra(&m->base, e->extra));
    return true;
}

/* -- changes of the store -- */

static void emit_changed(struct weir_engine *e, const struct weir_stored_record *rec)
{
    struct weir_engine_out out = {
        .what = WEIR_OUT_CHANGED,
        .link = WEIR_ENGINE_NO_LINK,
        .class = rec->rec.class,
        .key = rec->rec.key,
        .version = rec->rec.version,
        .tombstone = rec->rec.tombstone,
    };

    weir_engine_emit(e, &out, engine_group_of(rec->rec.class));
}

void weir_engine_store_record(struct weir_engine *e, const struct weir_stored_record *rec,
                              const struct weir_stored_record *old)
{
    enum weir_group g = engine_group_of(rec->rec.class);
    const struct weir_version *v = &rec->rec.version;
    struct weir_record_store *records = e->group[g].records;
    uint64_t was = old != NULL ? weir_engine_end_of(old) : 0; /* the put may move it */

    if (old != NULL && weir_engine_is_summed(e, old))
        weir_engine_sum(e, old, false);
    enum weir_err err = records->ops->put(records, rec);
    if (err < 0) {
        weir_engine_fail(e, err);
        return;
    }
    /* Only a stored record can have been missed by a session that had already passed its
     * position. Copies that come again and lose again do not count, or every session among three
     * nodes would start over. */
    if (v->seq < weir_vector_get(&e->group[g].seen, v->lane) ||
        weir_vector_get(&e->group[g].folded, v->lane) > 0)
        e->group[g].gen++;
    weir_engine_note_seen(e, g, v->lane, v->seq);
    if (weir_engine_is_summed(e, rec))
        weir_engine_sum(e, rec, true);
    emit_changed(e, rec);
    weir_engine_active_stored(e, rec, old);
    weir_engine_end_stored(e, rec, was, was > 0 ? &old->rec.version : NULL);
    if (rec->rec.class == WEIR_CLASS_MEMBER)
        e->members_changed = true;
}

void weir_engine_drop(struct weir_engine *e, const struct weir_stored_record *old)
{
    struct weir_record_store *records = e->group[engine_group_of(old->rec.class)].records;

    enum weir_err err = records->ops->drop(records, old->rec.class, old->rec.key);
    if (err < 0)
        weir_engine_fail(e, err);
}

/* -- merging -- */

/* Two records with the same stamp and lane differ in seq only if their writer lied. They get an
 * order all the same. */
int weir_engine_compare(const struct weir_version *a, const struct weir_version *b)
{
    int order = weir_hlc_cmp(a->hlc, a->lane, b->hlc, b->lane);

    return order != 0 ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

/* Had the writer of `rec` seen this version of its key? */
static bool has_seen_version(const struct weir_stored_record *rec, const struct weir_version *v)
{
    if (memcmp(rec->rec.version.lane, v->lane, WEIR_LANE_LEN) == 0)
        return rec->rec.version.seq >= v->seq;
    for (unsigned i = 0; i < rec->num_ctx; i++)
        if (memcmp(rec->ctx[i].tail, v->lane + WEIR_LANE_LEN - WEIR_LANE_TAIL_LEN,
                   WEIR_LANE_TAIL_LEN) == 0)
            return rec->ctx[i].seq >= v->seq;
    return false;
}

static void note_conflict(struct weir_engine *e, const struct weir_stored_record *loser,
                          const struct weir_stored_record *winner)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_C].records;
    struct weir_conflict c = {
        .noted_ms = e->wall_ms,
        .loser = *loser,
        .winner = winner->rec.version,
    };

    if (loser->rec.class == WEIR_CLASS_BAN || !engine_has(e, WEIR_RULE_CONFLICTS) ||
        has_seen_version(winner, &loser->rec.version))
        return;
    engine_count(e, WEIR_COUNT_CONFLICTS, 1);
    enum weir_err err = records->ops->put_conflict(records, &c);
    if (err < 0)
        weir_engine_fail(e, err);
}

/* The end of a ban is part of its value. Its tombstone ends with the last ban that it could hide,
 * counted from when the tombstone was written. Counted from when it came, it would never end:
 * each node would hand it on as new. */
bool weir_engine_is_expired(const struct weir_engine *e, const struct weir_record *r)
{
    if (r->class != WEIR_CLASS_BAN || !engine_has(e, WEIR_RULE_TTL))
        return false;
    if (r->tombstone)
        return weir_hlc_ms(r->version.hlc) + e->cfg.intervals.ban_tombstone_ms <= e->wall_ms;
    return r->expires > 0 && r->expires <= e->wall_ms / 1000;
}

void weir_engine_date_tombstone(struct weir_stored_record *rec)
{
    uint64_t written_s = weir_hlc_ms(rec->rec.version.hlc) / 1000;

    if (rec->rec.class == WEIR_CLASS_BAN && rec->rec.tombstone)
        rec->rec.expires = written_s > 0 ? written_s : 1;
}

static void replace_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                           const struct weir_stored_record *old)
{
    if (weir_engine_is_expired(e, &rec->rec)) { /* as if it had been stored and had expired since */
        engine_count(e, WEIR_COUNT_EXPIRED, 1);
        if (old != NULL)
            weir_engine_drop(e, old);
        weir_engine_note_seen(e, WEIR_GROUP_E, rec->rec.version.lane, rec->rec.version.seq);
        return;
    }
    weir_engine_store_record(e, rec, old);
    engine_count(e, WEIR_COUNT_APPLIED, 1);
}

enum weir_err weir_engine_apply(struct weir_engine *e, struct weir_stored_record *rec,
                                enum engine_how how)
{
    enum weir_group g = engine_group_of(rec->rec.class);
    struct engine_group *group = &e->group[g];
    const struct weir_version *v = &rec->rec.version;
    struct weir_stored_record old;

    weir_engine_date_tombstone(rec);
    if (!weir_engine_begin(e, g))
        return e->turn_err;
    if (how != ENGINE_FORCED && engine_has(e, WEIR_RULE_DOT_GATE) &&
        weir_engine_covers(e, g, v->lane, v->seq)) {
        engine_count(e, WEIR_COUNT_COVERED, 1);
        return WEIR_OK;
    }
    if (!weir_engine_has_room(e, g, v->lane))
        return WEIR_OK;
    if (!engine_has(e, WEIR_RULE_CLOCK_ALONE) && weir_hlc_ms(v->hlc) > e->clock_ms)
        e->clock_ms = weir_hlc_ms(v->hlc);
    enum weir_err err =
        group->records->ops->get(group->records, rec->rec.class, rec->rec.key, &old);
    if (err == WEIR_ECORRUPT) {
        weir_engine_drop_damaged(e, rec->rec.class, rec->rec.key);
        err = WEIR_ENOTFOUND;
    }
    if (err == WEIR_ENOTFOUND) {
        if (how == ENGINE_LIVE && g == WEIR_GROUP_C && v->hlc <= group->meta.hlc_floor)
            return WEIR_EBUSY;
        if (how == ENGINE_FORCED && rec->rec.tombstone &&
            (weir_vector_covers(&group->floor, v->lane, v->seq) ||
             weir_vector_get(&group->folded, v->lane) > 0))
            return WEIR_OK; /* purged here, but not yet there */
        replace_stored(e, rec, NULL);
    } else if (err < 0) {
        weir_engine_fail(e, err);
    } else {
        int order = weir_engine_compare(v, &old.rec.version);
        if (order > 0 || !engine_has(e, WEIR_RULE_LARGER_WINS)) {
            uint8_t end[ENGINE_FINAL_LEN];
            bool may_end = old.rec.value.len == sizeof(end);
            if (may_end)
                memcpy(end, old.rec.value.at, sizeof(end));
            note_conflict(e, &old, rec);
            old.rec.key = rec->rec.key; /* the store's copy may have moved */
            old.rec.value = may_end ? weir_span(end, sizeof(end)) : WEIR_SPAN_EMPTY;
            replace_stored(e, rec, &old);
        } else if (order < 0) {
            engine_count(e, WEIR_COUNT_OLDER, 1);
            note_conflict(e, rec, &old);
            weir_engine_note_seen(e, g, v->lane, v->seq);
        }
    }
    return e->turn_err;
}
