/* SPDX-License-Identifier: Apache-2.0
 *
 * buffers.c - see buffers.h. Two sizes are enough: a head, or a whole read.
 */
#include "node/base/buffers/buffers.h"

#include <string.h>

#define SMALL_PER_SLAB 32
#define LARGE_PER_SLAB 4
#define SMALL_OBJECT   (sizeof(struct weir_stash) + WEIR_SMALL_LEN)
#define LARGE_OBJECT   (sizeof(struct weir_stash) + WEIR_LARGE_LEN)

_Static_assert(WEIR_LARGE_LEN >= WEIR_HEAD_MAX, "a whole head fits a large stash");

void weir_buffers_init(struct weir_buffers *b, size_t max_bytes)
{
    weir_pool_init(&b->small, SMALL_OBJECT, SMALL_PER_SLAB, 0);
    weir_pool_init(&b->large, LARGE_OBJECT, LARGE_PER_SLAB, 0);
    weir_budget_init(&b->budget, 0);
    weir_buffers_charge(b, &b->budget.accounts[0], WEIR_MEMORY_REQUESTS);
    weir_buffers_set_max(b, max_bytes);
}

void weir_buffers_set_max(struct weir_buffers *b, size_t max_bytes)
{
    weir_pool_set_max(&b->small, max_bytes / 2 / SMALL_OBJECT + 1);
    weir_pool_set_max(&b->large, max_bytes / 2 / LARGE_OBJECT + 1);
    /* As much as either pool may have, so that neither is at its cap before the budget is. */
    weir_budget_set_max(&b->budget, max_bytes / 2);
}

void weir_buffers_deinit(struct weir_buffers *b)
{
    weir_pool_deinit(&b->large);
    weir_pool_deinit(&b->small);
}

static size_t object_len(bool large)
{
    return large ? LARGE_OBJECT : SMALL_OBJECT;
}

struct weir_stash *weir_stash_get(struct weir_buffers *b, size_t cap)
{
    bool large = cap > WEIR_SMALL_LEN;
    if (cap > WEIR_LARGE_LEN)
        return NULL;
    struct weir_stash *s = weir_pool_get(large ? &b->large : &b->small);
    if (s == NULL)
        return NULL;
    s->next = NULL;
    s->account = b->charged;
    s->use = b->charged_use;
    weir_budget_take(&b->budget, s->account, (enum weir_memory_use)s->use, object_len(large));
    s->at = 0;
    s->len = 0;
    s->large = large;
    s->cap = large ? WEIR_LARGE_LEN : WEIR_SMALL_LEN;
    return s;
}

void weir_stash_release(struct weir_buffers *b, struct weir_stash *s)
{
    if (s == NULL)
        return;
    weir_budget_leave(&b->budget, s->account, (enum weir_memory_use)s->use, object_len(s->large));
    weir_pool_release(s->large ? &b->large : &b->small, s);
}

enum weir_err weir_stash_append(struct weir_buffers *b, struct weir_stash **sp,
                                struct weir_span bytes)
{
    struct weir_stash *s = *sp;
    size_t used = s ? s->len - s->at : 0;

    if (s != NULL && s->cap - s->len < bytes.len && s->cap - used >= bytes.len) {
        memmove(s->bytes, s->bytes + s->at, used);
        s->at = 0;
        s->len = (uint32_t)used;
    }
    if (s == NULL || s->cap - s->len < bytes.len) {
        struct weir_stash *bigger = weir_stash_get(b, used + bytes.len);
        if (bigger == NULL)
            return WEIR_ENOMEM;
        if (used > 0)
            memcpy(bigger->bytes, s->bytes + s->at, used);
        bigger->len = (uint32_t)used;
        weir_stash_release(b, s);
        *sp = s = bigger;
    }
    if (bytes.len > 0)
        memcpy(s->bytes + s->len, bytes.at, bytes.len);
    s->len += (uint32_t)bytes.len;
    return WEIR_OK;
}

void weir_stash_use(struct weir_buffers *b, struct weir_stash **sp, size_t n)
{
    struct weir_stash *s = *sp;
    WEIR_ASSERT(n == 0 || (s != NULL && n <= s->len - s->at));
    if (s == NULL)
        return;
    s->at += (uint32_t)n;
    if (s->at == s->len) {
        weir_stash_release(b, s);
        *sp = NULL;
    }
}

enum weir_err weir_outq_append(struct weir_buffers *b, struct weir_outq *q, struct weir_span run)
{
    if (run.len > UINT32_MAX - q->len)
        return WEIR_ENOMEM;
    while (run.len > 0) {
        if (q->last == NULL || q->last->len == q->last->cap) {
            struct weir_stash *s =
                weir_stash_get(b, run.len < WEIR_LARGE_LEN ? run.len : WEIR_LARGE_LEN);
            if (s == NULL)
                return WEIR_ENOMEM;
            s->next = s;
            if (q->last != NULL) {
                s->next = q->last->next;
                q->last->next = s;
            }
            q->last = s;
        }
        size_t room = q->last->cap - q->last->len;
        size_t n = run.len < room ? run.len : room;
        memcpy(q->last->bytes + q->last->len, run.at, n);
        q->last->len += (uint32_t)n;
        q->len += (uint32_t)n;
        run = weir_span_from(run, n);
    }
    return WEIR_OK;
}

enum weir_err weir_outq_add(struct weir_buffers *b, struct weir_outq *q,
                            const struct weir_pieces *p, size_t sent)
{
    WEIR_ASSERT(sent <= p->len);
    if (p->len - sent > UINT32_MAX - q->len)
        return WEIR_ENOMEM;
    for (int i = 0; i < p->num; i++) {
        struct weir_span run = weir_span(p->iov[i].iov_base, p->iov[i].iov_len);
        size_t skip = sent < run.len ? sent : run.len;
        sent -= skip;
        enum weir_err err = weir_outq_append(b, q, weir_span_from(run, skip));
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

static void drop_first(struct weir_buffers *b, struct weir_outq *q)
{
    struct weir_stash *s = q->last->next;
    if (s == q->last)
        q->last = NULL;
    else
        q->last->next = s->next;
    weir_stash_release(b, s);
}

void weir_outq_use(struct weir_buffers *b, struct weir_outq *q, size_t n)
{
    WEIR_ASSERT(n <= q->len);
    q->len -= (uint32_t)n;
    while (n > 0) {
        struct weir_stash *s = weir_outq_first(q);
        size_t have = s->len - s->at;
        size_t take = n < have ? n : have;
        s->at += (uint32_t)take;
        n -= take;
        if (s->at == s->len) {
            drop_first(b, q);
        }
    }
}

void weir_outq_clear(struct weir_buffers *b, struct weir_outq *q)
{
    while (q->last != NULL)
        drop_first(b, q);
    q->len = 0;
}
