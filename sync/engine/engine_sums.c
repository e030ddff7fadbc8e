/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_sums.c - audit sums follow the commits; records with a wrong checksum are dropped, and
 * noted so that engine_audit.c fetches them again.
 */
#include "sync/engine/engine_sums.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_turn.h"

#define REPAIR_US 250000 /* until a peer that was behind is asked again */

/* -- sums -- */

bool weir_engine_is_summed(const struct weir_engine *e, const struct weir_stored_record *rec)
{
    const struct engine_scan *s = &e->scan;
    unsigned class = (unsigned)rec->rec.class;

    if (rec->rec.tombstone || class >= ENGINE_CLASS_NUM)
        return false;
    if (s->summed || class != s->class_at)
        return s->summed || class < s->class_at;
    return weir_span_cmp(rec->rec.key, weir_span(s->key, s->key_len)) <= 0;
}

void weir_engine_sum(struct weir_engine *e, const struct weir_stored_record *rec, bool add)
{
    if (e->num_sum_ops == e->cap_sum_ops) {
        size_t cap = e->cap_sum_ops > 0 ? 2 * e->cap_sum_ops : 64;
        struct engine_sum_op *ops = realloc(e->sum_ops, cap * sizeof(*ops));
        if (ops == NULL) {
            weir_engine_fail(e, WEIR_ENOMEM);
            return;
        }
        e->sum_ops = ops;
        e->cap_sum_ops = cap;
    }
    struct weir_sums_item item = { rec->rec.class, rec->rec.key, rec->rec.version };
    e->sum_ops[e->num_sum_ops++] = (struct engine_sum_op){
        .add = add,
        .class = (uint8_t)rec->rec.class,
        .part = weir_sums_part(&e->cfg.audit_key, &item),
    };
}

static struct weir_sums *sums_of(struct weir_engine *e, unsigned class)
{
    if (e->sums[class] == NULL)
        e->sums[class] = calloc(1, sizeof(*e->sums[class]));
    return e->sums[class];
}

void weir_engine_sums_end(struct weir_engine *e)
{
    for (size_t i = 0; i < e->num_sum_ops; i++) {
        const struct engine_sum_op *op = &e->sum_ops[i];
        struct weir_sums *sums = sums_of(e, op->class);
        if (sums == NULL) { /* no memory: start over later */
            weir_engine_sums_restart(e);
            return;
        }
        weir_sums_change(sums, &op->part, op->add);
    }
    e->num_sum_ops = 0;
}

void weir_engine_sums_restart(struct weir_engine *e)
{
    e->num_sum_ops = 0;
    for (unsigned i = 0; i < ENGINE_CLASS_NUM; i++)
        if (e->sums[i] != NULL)
            memset(e->sums[i], 0, sizeof(*e->sums[i]));
    e->scan = (struct engine_scan){ .class_at = WEIR_CLASS_SETTING, .next_us = e->mono_us };
}

/* -- damaged records -- */

static bool is_noted_damaged(const struct weir_engine *e, enum weir_class class,
                             struct weir_span key)
{
    for (size_t i = 0; i < e->num_damaged; i++)
        if (e->damaged[i].class == (uint8_t) class &&
            weir_span_eq(weir_span(e->damaged[i].key, e->damaged[i].key_len), key))
            return true;
    return false;
}

void weir_engine_drop_damaged(struct weir_engine *e, enum weir_class class, struct weir_span key)
{
    struct weir_record_store *records = e->group[engine_group_of(class)].records;

    engine_count(e, WEIR_COUNT_CORRUPT, 1);
    if (e->damaged == NULL)
        e->damaged = calloc(ENGINE_DAMAGED_MAX, sizeof(*e->damaged));
    if (e->damaged == NULL) {
        weir_engine_fail(e, WEIR_ENOMEM);
        return;
    }
    if (e->num_damaged < ENGINE_DAMAGED_MAX && key.len <= WEIR_KEY_MAX &&
        !is_noted_damaged(e, class, key)) {
        if (e->num_damaged == 0)
            e->damaged_us = e->mono_us;
        struct engine_damaged *d = &e->damaged[e->num_damaged++];
        *d = (struct engine_damaged){ .class = (uint8_t) class, .key_len = (uint16_t)key.len };
        memcpy(d->key, key.at, key.len);
    }
    e->lossy |= UINT32_C(1) << class;
    enum weir_err err = records->ops->drop(records, class, key);
    if (err < 0)
        weir_engine_fail(e, err);
    weir_engine_sums_restart(e); /* it is not known which version of it the sums contain */
}

bool weir_engine_was_asked(const struct engine_damaged *d, uint32_t link)
{
    return (d->asked > 0 && d->links[0] == link) || (d->asked > 1 && d->links[1] == link);
}

void weir_engine_ask_again(struct weir_engine *e, uint32_t link)
{
    for (size_t i = 0; i < e->num_damaged; i++) {
        struct engine_damaged *d = &e->damaged[i];
        if (!weir_engine_was_asked(d, link))
            continue;
        if (d->links[0] == link)
            d->links[0] = d->links[1];
        d->asked--;
    }
    e->repair_us = e->mono_us + REPAIR_US;
}
