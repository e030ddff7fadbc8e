/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_write.c - a write of this node: stamped, numbered, stored, and then published in batches.
 */
#include "sync/engine/engine_write.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/hlc.h"

#define PUB_BLOCK    16384
#define PUB_MEMORY   (64 * (size_t)1048576)
#define RECORD_FIXED 160 /* bytes of a packed record beside key and value */

void weir_engine_pub_init(struct engine_pub *p)
{
    weir_arena_init(&p->arena, PUB_BLOCK, PUB_MEMORY);
}

void weir_engine_pub_deinit(struct engine_pub *p)
{
    weir_arena_deinit(&p->arena);
    free(p->recs);
}

void weir_engine_pub_undo(struct weir_engine *e, enum weir_group g)
{
    struct engine_pub *p = &e->group[g].pub;

    p->num = p->durable;
    if (p->num == 0)
        weir_arena_reset(&p->arena);
}

/* Copy a written record for its publication. */
static enum weir_err add_pending_record(struct engine_pub *p, const struct weir_stored_record *rec)
{
    if (p->num == p->cap) {
        size_t cap = p->cap > 0 ? 2 * p->cap : 16;
        struct weir_stored_record **recs =
            realloc(p->recs, cap * sizeof(struct weir_stored_record *));
        if (recs == NULL)
            return WEIR_ENOMEM;
        p->recs = recs;
        p->cap = cap;
    }
    struct weir_stored_record *copy = weir_engine_copy_record(&p->arena, rec);
    if (copy == NULL)
        return WEIR_ENOMEM;
    p->recs[p->num++] = copy;
    return WEIR_OK;
}

/* -- this node's lane -- */

static void ensure_own_lane(struct weir_engine *e, enum weir_group g)
{
    static const uint8_t none[WEIR_LANE_LEN];
    struct engine_group *group = &e->group[g];
    bool may_stay =
        memcmp(group->meta.lane, none, WEIR_LANE_LEN) != 0 && group->meta.seq < WEIR_RECORD_SEQ_MAX;

    if (e->lane_drawn[g] && may_stay)
        return;
    /* A store of bans may have lost the end of its lane when the host stopped, so such a lane
     * is never written on again. */
    if (may_stay && (!engine_has(e, WEIR_RULE_NEW_LANE) ||
                     (g == WEIR_GROUP_C && weir_engine_members_confirm(e))))
        e->lane_drawn[g] = true;
    else
        weir_engine_draw_lane(e, g);
}

/* -- a write -- */

static enum weir_err check_write(const struct weir_engine *e, const struct weir_engine_write *w)
{
    uint64_t now_s = e->wall_ms / 1000;
    unsigned class = (unsigned)w->class;

    if (weir_frame_group(class) == 0 || w->key.len < 1 || w->key.len > WEIR_KEY_MAX ||
        w->value.len > WEIR_RECORD_MAX || (w->delete &&w->value.len > 0) ||
        w->expires > WEIR_RECORD_EXPIRES_MAX)
        return WEIR_EINVAL;
    if (w->class == WEIR_CLASS_BAN &&
        !w->delete &&(w->expires <= now_s || w->expires - now_s > WEIR_BAN_TTL_MAX))
        return WEIR_EINVAL;
    return WEIR_OK;
}

/* What a write gets when the turn has failed, by it or before it. */
static enum weir_err failed_write(const struct weir_engine *e)
{
    return e->turn_err == WEIR_ENOMEM ? WEIR_ENOMEM : WEIR_EIO;
}

static enum weir_err may_write(const struct weir_engine *e, enum weir_group g)
{
    const struct engine_pub *p = &e->group[g].pub;

    if (e->readonly)
        return WEIR_EIO;
    if (e->turn_err < 0)
        return failed_write(e);
    if (!engine_is_live(e))
        return WEIR_EBUSY;
    if (g == WEIR_GROUP_C && e->members != NULL && weir_members_clock_off(e->members))
        return WEIR_EPERM;
    if (p->num - p->durable >= WEIR_WRITE_GROUP_MAX)
        return WEIR_ELIMIT;
    return WEIR_OK;
}

/* The context of a write: that of the record it replaces, and that record itself. Its own lane
 * needs no entry. */
static void set_ctx(struct weir_stored_record *rec, const struct weir_stored_record *old)
{
    const uint8_t *own = rec->rec.version.lane + WEIR_LANE_LEN - WEIR_LANE_TAIL_LEN;
    const uint8_t *last = old->rec.version.lane + WEIR_LANE_LEN - WEIR_LANE_TAIL_LEN;

    for (unsigned i = 0; i < old->num_ctx; i++)
        if (memcmp(old->ctx[i].tail, own, WEIR_LANE_TAIL_LEN) != 0 &&
            memcmp(old->ctx[i].tail, last, WEIR_LANE_TAIL_LEN) != 0)
            rec->ctx[rec->num_ctx++] = old->ctx[i];
    if (memcmp(last, own, WEIR_LANE_TAIL_LEN) == 0)
        return;
    if (rec->num_ctx == WEIR_RECORD_CTX_MAX) {
        memmove(&rec->ctx[0], &rec->ctx[1], sizeof(rec->ctx) - sizeof(rec->ctx[0]));
        rec->num_ctx--;
    }
    memcpy(rec->ctx[rec->num_ctx].tail, last, WEIR_LANE_TAIL_LEN);
    rec->ctx[rec->num_ctx++].seq = old->rec.version.seq;
}

static enum weir_err stamp_write(const struct weir_engine *e, const struct weir_stored_record *old,
                                 uint64_t hlc_floor, uint64_t *ret_hlc)
{
    uint64_t above = 0;

    if (old != NULL && engine_has(e, WEIR_RULE_HLC_BUMP))
        above = old->rec.version.hlc;
    if (old == NULL && engine_has(e, WEIR_RULE_HLC_BUMP) && engine_has(e, WEIR_RULE_HLC_FLOOR))
        above = hlc_floor;
    return weir_hlc_next(e->clock_ms, above, ret_hlc);
}

static void emit_acked(struct weir_engine *e, const struct weir_engine_write *w,
                       const struct weir_stored_record *rec)
{
    struct weir_engine_out out = {
        .what = WEIR_OUT_ACKED,
        .link = WEIR_ENGINE_NO_LINK,
        .cookie = w->cookie,
        .class = w->class,
        .key = w->key,
        .version = rec->rec.version,
        .tombstone = w->delete,
    };

    weir_engine_emit(e, &out, engine_group_of(w->class));
}

/* @param old  NULL: the key is absent */
static enum weir_err write_own_record(struct weir_engine *e, const struct weir_engine_write *w,
                                      const struct weir_stored_record *old, bool is_asked)
{
    enum weir_group g = engine_group_of(w->class);
    struct engine_group *group = &e->group[g];
    struct weir_stored_record rec = {
        .rec = {
            .class = w->class,
            .key = w->key,
            .tombstone = w->delete,
            .schema = w->schema,
            .min_reader = w->min_reader,
            .expires = w->delete ? 0 : w->expires,
            .value = w->value,
        },
        .stored_ms = e->wall_ms,
    };
    struct weir_version *v = &rec.rec.version;

    enum weir_err err = stamp_write(e, old, group->meta.hlc_floor, &v->hlc);
    if (err < 0)
        return err;
    ensure_own_lane(e, g);
    if (!weir_engine_has_room(e, g, group->meta.lane))
        return WEIR_ELIMIT;
    memcpy(v->lane, group->meta.lane, WEIR_LANE_LEN);
    v->seq = group->meta.seq + 1;
    if (old != NULL && g == WEIR_GROUP_C)
        set_ctx(&rec, old);
    err = add_pending_record(&group->pub, &rec);
    if (err < 0)
        return err;
    group->meta.seq++;
    group->meta_dirty = true;
    if (g == WEIR_GROUP_E && group->pub.num == 1)
        e->bans_at = e->mono_us + e->cfg.intervals.bans_us;
    weir_engine_date_tombstone(&rec);
    weir_engine_store_record(e, &rec, old);
    weir_engine_raise(e, g, v->lane, v->seq);
    if (is_asked)
        emit_acked(e, w, &rec);
    if (e->turn_err < 0)
        return failed_write(e); /* there is no output for it */
    engine_count(e, WEIR_COUNT_WRITES, 1);
    return WEIR_OK;
}

static enum weir_err write_one(struct weir_engine *e, const struct weir_engine_write *w,
                               bool is_asked)
{
    enum weir_group g = engine_group_of(w->class);
    struct weir_record_store *records = e->group[g].records;
    struct weir_stored_record old;

    enum weir_err err = check_write(e, w);
    if (err == WEIR_OK)
        err = may_write(e, g);
    if (err < 0)
        return err;
    if (!weir_engine_begin(e, g))
        return failed_write(e);
    err = records->ops->get(records, w->class, w->key, &old);
    if (err == WEIR_ECORRUPT) {
        /* Its stamp is not known, so nothing can be stamped above it before it has been fetched
         * again. */
        weir_engine_drop_damaged(e, w->class, w->key);
        return WEIR_EBUSY;
    }
    if (err < 0 && err != WEIR_ENOTFOUND) {
        weir_engine_fail(e, err);
        return failed_write(e);
    }
    return write_own_record(e, w, err == WEIR_OK ? &old : NULL, is_asked);
}

enum weir_err weir_engine_write(struct weir_engine *e, const struct weir_engine_write *w)
{
    WEIR_ASSERT(w->key.at != NULL || w->key.len == 0);
    WEIR_ASSERT(w->value.at != NULL || w->value.len == 0);
    weir_engine_turn(e);
    enum weir_err err = write_one(e, w, true);
    if (err < 0)
        engine_count(e, WEIR_COUNT_WRITES_REFUSED, 1);
    return err;
}

enum weir_err weir_engine_write_own(struct weir_engine *e, const struct weir_engine_write *w)
{
    return write_one(e, w, false);
}

/* -- publishing -- */

static size_t packed_bound(const struct weir_stored_record *rec)
{
    return RECORD_FIXED + rec->rec.key.len + rec->rec.value.len;
}

static void batch_init(struct weir_engine *e, Weir__V1__Batch *b, enum weir_group g,
                       const struct weir_stored_record *first)
{
    weir__v1__batch__init(b);
    b->has_lane = 1;
    b->lane.len = WEIR_LANE_LEN;
    b->lane.data = (uint8_t *)(uintptr_t)first->rec.version.lane;
    b->has_first = 1;
    b->first = first->rec.version.seq;
    b->has_group = 1;
    b->group = g == WEIR_GROUP_C ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E;
    b->has_incarnation = 1;
    b->incarnation.len = WEIR_INCARNATION_LEN;
    b->incarnation.data = e->incarnation;
    b->has_sent_ms = 1;
    b->sent_ms = weir_hlc_ms(weir_hlc_of_ms(e->wall_ms));
}

/* Is record i the next of its lane after record i-1? Of one lane, none was left out. */
static bool is_next_in_lane(const struct engine_pub *p, size_t i)
{
    return memcmp(p->recs[i - 1]->rec.version.lane, p->recs[i]->rec.version.lane, WEIR_LANE_LEN) ==
           0;
}

/* Publish bans from `at` on as columns. @return how many; 0: the first cannot be a column */
static size_t publish_bans(struct weir_engine *e, const struct engine_pub *p, size_t at)
{
    Weir__V1__Batch b;
    size_t end = at;

    if (e->cols == NULL && weir_frame_cols_new(ENGINE_COLS, &e->cols) < 0)
        return 0;
    batch_init(e, &b, WEIR_GROUP_E, p->recs[at]);
    weir_frame_cols_reset(e->cols, b.sent_ms);
    while (end < p->num && (end == at || is_next_in_lane(p, end)) &&
           weir_frame_cols_add(e->cols, &p->recs[end]->rec) == WEIR_OK)
        end++;
    if (end == at)
        return 0;
    b.bans = weir_frame_cols_msg(e->cols);
    weir_engine_send(e, WEIR_ENGINE_NO_LINK, WEIR_FRAME_BATCH_E, &b.base);
    return end - at;
}

/* Publish records from `at` on, or announce one that is too large. @return how many */
static size_t publish_records(struct weir_engine *e, enum weir_group g, const struct engine_pub *p,
                              size_t at)
{
    Weir__V1__Batch b;
    size_t end = at;
    size_t len = 0;

    batch_init(e, &b, g, p->recs[at]);
    while (end < p->num && (end == at || is_next_in_lane(p, end))) {
        len += packed_bound(p->recs[end]);
        if (len > WEIR_ENGINE_BATCH_MAX)
            break;
        end++;
    }
    b.r = weir_engine_alloc(e, (end - at) * sizeof(Weir__V1__Record *));
    for (size_t i = at; b.r != NULL && i < end; i++)
        b.r[b.n_r++] = weir_engine_message(e, p->recs[i], false);
    weir_engine_send(e, WEIR_ENGINE_NO_LINK,
                     g == WEIR_GROUP_C ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E, &b.base);
    return end > at ? end - at : 1;
}

static void publish_group(struct weir_engine *e, enum weir_group g)
{
    struct engine_pub *p = &e->group[g].pub;
    size_t at = 0;

    while (at < p->num) {
        size_t num = g == WEIR_GROUP_E ? publish_bans(e, p, at) : 0;
        at += num > 0 ? num : publish_records(e, g, p, at);
    }
    p->num = 0;
    p->durable = 0;
    weir_arena_reset(&p->arena);
}

void weir_engine_publish(struct weir_engine *e)
{
    publish_group(e, WEIR_GROUP_C);
    if (e->mono_us >= e->bans_at || e->group[WEIR_GROUP_E].pub.num >= ENGINE_COLS)
        publish_group(e, WEIR_GROUP_E);
}
