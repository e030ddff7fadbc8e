/* SPDX-License-Identifier: Apache-2.0
 *
 * buffers.h - bytes that must outlive a turn of the loop: what a peer did not take yet, and input
 * that cannot be used yet. Owner: one worker. All memory comes from the worker's pools, which are
 * capped; running out refuses the work. An idle connection holds none of these.
 */
#ifndef WEIR_NODE_BASE_BUFFERS_BUFFERS_H
#define WEIR_NODE_BASE_BUFFERS_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/budget.h"
#include "node/base/buffers/pieces.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/pool.h"
#include "node/base/span.h"

#define WEIR_SMALL_LEN 4096
#define WEIR_LARGE_LEN (WEIR_IO_CHUNK + 16384)

/** The worker's byte pools. */
struct weir_buffers {
    struct weir_pool small; /* stashes of WEIR_SMALL_LEN bytes */
    struct weir_pool large; /* stashes of WEIR_LARGE_LEN bytes */
    struct weir_budget budget;
    struct weir_account *charged; /* whose the next stashes are */
    uint8_t charged_use;          /* enum weir_memory_use */
};

/** One run of bytes with what is in use of it. */
struct weir_stash {
    struct weir_stash *next;      /* in an outq; the first one's after the last */
    struct weir_account *account; /* that it is charged to */
    uint32_t at;                  /* first byte in use */
    uint32_t len;                 /* end of the bytes in use */
    uint32_t cap;
    bool large;
    uint8_t use; /* enum weir_memory_use */
    uint8_t bytes[];
};

/** @param max_bytes of all buffers together */
void weir_buffers_init(struct weir_buffers *b, size_t max_bytes);
/** Change the cap: as weir_pool_set_max. */
void weir_buffers_set_max(struct weir_buffers *b, size_t max_bytes);
void weir_buffers_deinit(struct weir_buffers *b);

/** Whose account the stashes are charged to from now on: that of connections without a tenant until
 * the first call. */
static inline void weir_buffers_charge(struct weir_buffers *b, struct weir_account *a,
                                       enum weir_memory_use use)
{
    b->charged = a;
    b->charged_use = (uint8_t)use;
}
/** How many of `want` bytes may be read for an account, since all of them may have to be held. 0:
 * wait until others have given memory back. */
static inline size_t weir_buffers_room(const struct weir_buffers *b, const struct weir_account *a,
                                       size_t want)
{
    return weir_budget_room(&b->budget, a, want, WEIR_SMALL_LEN);
}

/** An empty stash with room for at least `cap` bytes (0..WEIR_LARGE_LEN). NULL: at the cap. */
WEIR_MUST_USE struct weir_stash *weir_stash_get(struct weir_buffers *b, size_t cap);
/** NULL is legal. */
void weir_stash_release(struct weir_buffers *b, struct weir_stash *s);
/**
 * Append, moving to a larger stash when needed. *s may be NULL. The bytes may not overlap the
 * stash.
 * @return WEIR_OK | WEIR_ENOMEM (at the cap, or more than WEIR_LARGE_LEN bytes)
 */
WEIR_MUST_USE enum weir_err weir_stash_append(struct weir_buffers *b, struct weir_stash **s,
                                              struct weir_span bytes);
/** Drop `n` bytes in front; gives the stash back and sets NULL when none is left. */
void weir_stash_use(struct weir_buffers *b, struct weir_stash **s, size_t n);

static inline struct weir_span weir_stash_span(const struct weir_stash *s)
{
    return s ? weir_span(s->bytes + s->at, s->len - s->at) : WEIR_SPAN_EMPTY;
}

/** Bytes that wait to be sent: the socket did not take them yet. */
struct weir_outq {
    struct weir_stash *last; /* leads to the first; NULL: empty */
    uint32_t len;
};

/** What is sent next. NULL: the queue is empty. */
static inline struct weir_stash *weir_outq_first(const struct weir_outq *q)
{
    return q->last != NULL ? q->last->next : NULL;
}

/** Copy the part of the pieces behind the first `sent` bytes. @return WEIR_OK | WEIR_ENOMEM (at the
 * cap, or 4 GiB) */
WEIR_MUST_USE enum weir_err weir_outq_add(struct weir_buffers *b, struct weir_outq *q,
                                          const struct weir_pieces *p, size_t sent);
/** Copy a run of bytes behind the queue. @return as weir_outq_add */
WEIR_MUST_USE enum weir_err weir_outq_append(struct weir_buffers *b, struct weir_outq *q,
                                             struct weir_span run);
void weir_outq_clear(struct weir_buffers *b, struct weir_outq *q);
/** Drop `n` sent bytes in front. */
void weir_outq_use(struct weir_buffers *b, struct weir_outq *q, size_t n);

#endif
