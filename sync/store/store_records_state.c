/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_state.c - what each operation of a record store needs: its state behind the
 * interface, how it ends, and a record as the caller sees it.
 */
#include "sync/store/store_records_state.h"

#include <stdlib.h>
#include <string.h>

enum weir_err weir_store_records_err(enum weir_err err)
{
    return err == WEIR_OK || err == WEIR_ENOTFOUND || err == WEIR_EFULL ? err : WEIR_EIO;
}

struct store_records *weir_store_records_of(struct weir_record_store *k, bool open)
{
    struct store_records *kp = (struct store_records *)k;

    WEIR_ASSERT(kp->s->magic == STORE_MAGIC);
    WEIR_ASSERT(kp->s->records == kp);
    WEIR_ASSERT(kp->open == open);
    return kp;
}

void weir_store_records_change(struct store_records *kp)
{
    kp->found_valid = false;
    kp->touched = kp->touched || kp->t.touched;
    kp->t.touched = false;
}

enum weir_err weir_store_records_changed(struct store_records *kp, enum weir_err err)
{
    if (err == WEIR_OK || (err == WEIR_ENOMEM && !kp->t.broken && !kp->t.touched))
        return err;
    kp->t.broken = true;
    return weir_store_records_err(err);
}

enum weir_err weir_store_records_copy(struct store_records *kp,
                                      const struct weir_stored_record *rec,
                                      struct weir_record_parts *parts)
{
    size_t len = rec->sig.len + rec->extra.len + rec->rec.value.len;
    size_t cap = kp->cap_scratch > 0 ? kp->cap_scratch : 4096;

    while (cap < len)
        cap *= 2;
    if (cap != kp->cap_scratch) {
        uint8_t *more = realloc(kp->scratch, cap);
        if (more == NULL)
            return WEIR_ENOMEM;
        kp->scratch = more;
        kp->cap_scratch = cap;
    }
    uint8_t *at = kp->scratch;
    struct weir_span *spans[] = { &parts->sig, &parts->extra, &parts->value };
    const struct weir_span from[] = { rec->sig, rec->extra, rec->rec.value };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(from); i++) {
        if (from[i].len > 0)
            memcpy(at, from[i].at, from[i].len);
        *spans[i] = weir_span(at, from[i].len);
        at += from[i].len;
    }
    return WEIR_OK;
}

bool weir_store_stored_record(const struct weir_store *s, struct weir_span rec_key,
                              const struct weir_record_parts *parts, struct weir_stored_record *ret)
{
    const struct weir_record_head *head = &parts->head;

    if (head->lane_idx >= s->num_lanes)
        return false;
    *ret = (struct weir_stored_record){
        .rec = {
            .class = (enum weir_class)rec_key.at[0],
            .key = weir_span_from(rec_key, 1),
            .version = { .hlc = head->hlc, .seq = head->seq },
            .tombstone = head->tombstone,
            .schema = head->schema,
            .min_reader = head->min_reader,
            .expires = head->expires,
            .value = parts->value,
        },
        .sig = parts->sig,
        .extra = parts->extra,
        .stored_ms = weir_store_stored_ms(s, head),
    };
    memcpy(ret->rec.version.lane, s->lanes[head->lane_idx].id, WEIR_LANE_LEN);
    for (unsigned i = 0; i < head->num_ctx; i++) {
        if (head->ctx[i].lane_idx >= s->num_lanes)
            return false;
        struct weir_record_context *ctx = &ret->ctx[ret->num_ctx++];
        memcpy(ctx->tail, s->lanes[head->ctx[i].lane_idx].id + WEIR_LANE_LEN - WEIR_LANE_TAIL_LEN,
               WEIR_LANE_TAIL_LEN);
        ctx->seq = head->ctx[i].seq;
    }
    return true;
}
