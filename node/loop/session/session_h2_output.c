/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h2_output.c - what an HTTP/2 connection writes: frames of all its streams are gathered
 * into a batch, which leaves with one write. Bytes of bodies stay where they wait until then.
 */
#include "node/loop/loop.h"
#include "node/loop/memory_ladder.h"
#include "node/loop/session/session_h2.h"

#define SHORT_RUN                                                                                  \
    1400 /* bytes that are copied behind each other rather than a piece of their own */
/* Pieces of one DATA frame: its head, and stashes of 4 KiB for 16 KiB of body. */
#define FRAME_PIECES 8

void weir_h2_output_account(struct weir_h2_link *l)
{
    struct weir_session_h2 *h = l->h;
    uint32_t given = (uint32_t)h->s.conn.given;
    weir_metric_add(weir_worker_of(&h->s.conn)->metrics, WEIR_M_DOWNSTREAM_BYTES_OUT,
                    given - h->counted_given);
    h->counted_given = given;
}

/* -- the batch -- */

/* Copies; runs behind each other become one piece. There must be room. */
static void add_copy(struct weir_pieces *p, struct weir_span s)
{
    uint8_t *copy = p->flat + p->flat_len;
    struct iovec *last = p->num > 0 ? &p->iov[p->num - 1] : NULL;
    WEIR_ASSERT_CMP(s.len, <=, sizeof(p->flat) - p->flat_len);
    memcpy(copy, s.at, s.len);
    p->flat_len += s.len;
    if (last == NULL || (uint8_t *)last->iov_base + last->iov_len != copy) {
        weir_pieces_add(p, weir_span(copy, s.len));
        return;
    }
    last->iov_len += s.len;
    p->len += s.len;
}

/* Whether another frame, of any length, has room. */
static bool has_room(const struct weir_pieces *p)
{
    return p->len < WEIR_H2_BATCH_LEN && p->num <= WEIR_PIECES_MAX - FRAME_PIECES &&
           sizeof(p->flat) - p->flat_len >= WEIR_H2_FRAME_HEAD + SHORT_RUN;
}

static void drop_batched(struct weir_h2_link *l)
{
    struct weir_buffers *b = weir_h2_conn_of(l)->env->buffers;
    while (!weir_list_empty(&l->batched)) {
        struct weir_h2_stream *s =
            weir_container_of(l->batched.next, struct weir_h2_stream, batch_link);
        weir_list_remove(&s->batch_link);
        weir_outq_use(b, &s->out, s->batched);
        s->given += s->batched;
        s->batched = 0;
        if (s->out.len == 0 && !s->dead && weir_list_empty(&s->sent_link))
            weir_list_append(&l->sent, &s->sent_link);
    }
}

static void flush_batch(struct weir_h2_link *l)
{
    struct weir_pieces *p = &l->common->batch;
    struct weir_conn *c = weir_h2_conn_of(l);
    if (p->len == 0)
        return;
    enum weir_conn_sent sent = weir_conn_send(c, p);
    if (sent == WEIR_CONN_NO_MEMORY)
        weir_metric_add(weir_worker_of(c)->metrics, WEIR_M_POOL_EXHAUSTED, 1);
    l->lost = l->lost || sent != WEIR_CONN_SENT;
    weir_h2_output_account(l);
    weir_pieces_reset(p);
    drop_batched(l);
    if (!weir_conn_blocked(c))
        l->blocked_ms = 0;
    else if (l->blocked_ms == 0)
        l->blocked_ms = c->env->now->ms;
}

/* Bytes that wait, behind those that are in the batch already. */
static void add_waiting(struct weir_pieces *p, const struct weir_h2_stream *s, size_t len)
{
    const struct weir_stash *stash = weir_outq_first(&s->out);
    size_t skip = s->batched;
    bool copy = len <= SHORT_RUN;
    while (len > 0) {
        WEIR_ASSERT(stash != NULL);
        struct weir_span run = weir_stash_span(stash);
        stash = stash->next;
        if (skip >= run.len) {
            skip -= run.len;
            continue;
        }
        run = weir_span_from(run, skip);
        skip = 0;
        if (run.len > len)
            run.len = len;
        if (copy)
            add_copy(p, run);
        else
            weir_pieces_add(p, run);
        len -= run.len;
    }
}

bool weir_h2_output_frame(struct weir_h2_stream *s, struct weir_span head, size_t len)
{
    struct weir_h2_link *l = s->l;
    struct weir_pieces *p = &l->common->batch;
    WEIR_ASSERT_CMP(s->batched + len, <=, s->out.len);
    add_copy(p, head);
    add_waiting(p, s, len);
    s->batched += (uint32_t)len;
    if (len > 0 && weir_list_empty(&s->batch_link))
        weir_list_append(&l->batched, &s->batch_link);
    return has_room(p);
}

bool weir_h2_output_write(struct weir_h2_link *l)
{
    struct weir_conn *c = weir_h2_conn_of(l);
    struct weir_pieces *p = &l->common->batch;
    uint64_t before = c->given + c->out.len;
    weir_pieces_reset(p);
    while (!l->lost && !weir_conn_blocked(c)) {
        struct weir_span bytes = WEIR_SPAN_EMPTY;
        enum weir_step step = weir_h2_next(l->codec, &bytes);
        if (step == WEIR_STEP_FAIL)
            l->lost = true;
        if (step != WEIR_STEP_SOME)
            break;
        if (bytes.len > sizeof(p->flat) - p->flat_len)
            flush_batch(l);
        if (bytes.len > 0)
            add_copy(p, bytes);
        if (!has_room(p))
            flush_batch(l);
    }
    flush_batch(l);
    weir_memory_freed(weir_worker_of(c));
    return c->given + c->out.len != before;
}
