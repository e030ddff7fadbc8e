/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_active.c - the engine's side of sync/activation/: a replicated record is not yet an
 * active one. active.h learns what became durable and what the data plane made of it, acks.h what
 * all nodes report.
 */
#include "sync/engine/engine_active.h"

#include <stdlib.h>
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define ACKS_TOLD 8     /* lanes of one heartbeat; the others follow in the next ones */
#define SOON_US   20000 /* changes do not wait for the next full second */

void weir_engine_active_load(struct weir_engine *e)
{
    if (e->active == NULL)
        return;
    weir_active_load(e->active);
    e->active_loading = true;
    weir_engine_sums_restart(e); /* the walk that fills the sums feeds active.h too */
}

void weir_engine_active_tick(struct weir_engine *e)
{
    struct weir_active_config cfg = {
        .compiled = e->cfg.compiled,
        .reader = e->cfg.schema_max,
        .mono_us = e->mono_us,
    };

    if (e->acks == NULL && weir_acks_new(&e->acks) < 0)
        return;
    if (e->active == NULL) {
        if (weir_active_new(&cfg, &e->active) == WEIR_OK)
            weir_engine_active_load(e);
        return;
    }
    weir_active_tick(e->active, e->mono_us);
    if (!e->active_loading && weir_active_wants_load(e->active))
        weir_engine_active_load(e);
}

void weir_engine_active_deinit(struct weir_engine *e)
{
    weir_active_free(&e->active);
    weir_acks_free(&e->acks);
    free(e->stored_ops);
}

static bool reports_activation(const struct weir_engine *e)
{
    return e->cfg.compiled != 0;
}

static void hasten_heartbeat(struct weir_engine *e)
{
    if (e->heartbeat_at > e->mono_us + SOON_US)
        e->heartbeat_at = e->mono_us + SOON_US;
}

/* @return NULL: it is not reported, or the turn has failed */
static struct engine_stored_op *add_op(struct weir_engine *e, const struct weir_stored_record *rec)
{
    if (!reports_activation(e) || rec->rec.class == WEIR_CLASS_BAN)
        return NULL;
    if (e->num_stored_ops == e->cap_stored_ops) {
        size_t cap = e->cap_stored_ops > 0 ? 2 * e->cap_stored_ops : 64;
        struct engine_stored_op *stored_ops = realloc(e->stored_ops, cap * sizeof(*stored_ops));
        if (stored_ops == NULL) {
            weir_engine_fail(e, WEIR_ENOMEM);
            return NULL;
        }
        e->stored_ops = stored_ops;
        e->cap_stored_ops = cap;
    }
    struct engine_stored_op *op = &e->stored_ops[e->num_stored_ops++];
    *op = (struct engine_stored_op){
        .version = rec->rec.version,
        .class = rec->rec.class,
        .min_reader = rec->rec.min_reader,
    };
    return op;
}

void weir_engine_active_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                               const struct weir_stored_record *old)
{
    struct engine_stored_op *op = add_op(e, rec);

    if (op == NULL || old == NULL)
        return;
    op->has_old = true;
    op->old = old->rec.version;
}

void weir_engine_active_purged(struct weir_engine *e, const struct weir_stored_record *rec)
{
    struct engine_stored_op *op = add_op(e, rec);

    if (op != NULL)
        op->is_purged = true;
}

void weir_engine_active_end(struct weir_engine *e, bool done)
{
    for (size_t i = 0; done && e->active != NULL && i < e->num_stored_ops; i++) {
        const struct engine_stored_op *op = &e->stored_ops[i];
        if (op->is_purged) {
            (void)weir_active_report(e->active, op->version.lane, op->version.seq, WEIR_ACTIVE_LIVE,
                                     WEIR_SPAN_EMPTY);
            continue;
        }
        weir_active_stored(e->active, op->version.lane, op->version.seq, op->class, op->min_reader);
        if (op->has_old)
            weir_active_superseded(e->active, op->old.lane, op->old.seq, op->version.lane,
                                   op->version.seq);
    }
    if (done && e->num_stored_ops > 0)
        hasten_heartbeat(e);
    e->num_stored_ops = 0;
    if (e->active_walked && !done)
        weir_engine_active_load(e); /* it passed over records that are there again */
    e->active_walked = false;
}

void weir_engine_active_walk(struct weir_engine *e, const struct weir_stored_record *rec)
{
    if (!e->active_loading)
        return;
    e->active_walked = true;
    weir_active_stored(e->active, rec->rec.version.lane, rec->rec.version.seq, rec->rec.class,
                       rec->rec.min_reader);
}

void weir_engine_active_walked(struct weir_engine *e)
{
    if (!e->active_loading)
        return;
    e->active_loading = false;
    e->active_walked = true;
    weir_active_loaded(e->active);
}

void weir_engine_activated(struct weir_engine *e, const struct weir_version *version,
                           enum weir_active_state state, struct weir_span why)
{
    WEIR_ASSERT(version->seq >= 1);
    weir_engine_turn(e);
    if (e->active != NULL && weir_active_report(e->active, version->lane, version->seq, state, why))
        hasten_heartbeat(e);
}

bool weir_engine_active_publish(struct weir_engine *e, Weir__V1__Heartbeat *m)
{
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    if (e->active == NULL || e->acks == NULL)
        return true;
    struct weir_ack *acks = weir_engine_alloc(e, ACKS_TOLD * sizeof(*acks));
    if (acks == NULL || !weir_engine_show(e, &e->group[WEIR_GROUP_C].vv, NULL, &vv))
        return false;
    size_t num = weir_active_acks(e->active, &vv, acks, ACKS_TOLD);
    weir_vector_deinit(&vv);
    struct weir_ack_message *msg = weir_engine_alloc(e, (num + 1) * sizeof(*msg));
    m->ack = weir_engine_alloc(e, (num + 1) * sizeof(Weir__V1__Ack *));
    if (msg == NULL || m->ack == NULL)
        return false;
    for (size_t i = 0; i < num; i++) {
        weir_acks_note(e->acks, e->cfg.node, &acks[i]);
        weir_ack_pack(&acks[i], &msg[i]);
        m->ack[i] = &msg[i].msg;
    }
    m->n_ack = num;
    return true;
}

void weir_engine_active_repeat(struct weir_engine *e)
{
    const struct weir_vector *vv = &e->group[WEIR_GROUP_C].vv;

    for (size_t i = 0; e->active != NULL && i < vv->num; i++)
        weir_active_repeat(e->active, vv->items[i].lane);
}

void weir_engine_active_heard(struct weir_engine *e, const Weir__V1__Heartbeat *h)
{
    struct weir_ack ack;

    for (size_t i = 0; e->acks != NULL && i < h->n_ack; i++) {
        if (weir_ack_unpack(h->ack[i], &ack) == WEIR_OK)
            weir_acks_note(e->acks, h->node.data, &ack);
        else
            engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
    }
}

const struct weir_active *weir_engine_active(const struct weir_engine *e)
{
    return e->active;
}

bool weir_engine_acks(struct weir_engine *e, const struct weir_version *version,
                      struct weir_acks_count *ret)
{
    if (e->acks == NULL || e->members == NULL)
        return false;
    weir_acks_count(e->acks, e->members, version->lane, version->seq, ret);
    return true;
}
