/* SPDX-License-Identifier: Apache-2.0
 * splice.c - moves large bodies of known length between two clear-text sockets inside the kernel.
 * Only for responses with a declared length that are passed on unchanged; all others go through the
 * codec.
 */
#include "node/loop/splice.h"

#include <errno.h>
#include <fcntl.h>

#include "node/loop/downstream.h"
#include "node/loop/exchange.h"
#include "node/loop/origin_conn.h"
#include "node/loop/pipes.h"

/* If fewer bytes are left, the two extra system calls and the pipe cost more than a copy. */
#define SPLICE_MIN   131072u
#define SPLICE_CHUNK 1048576u

bool weir_splice_begin(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->pipe[0] < 0);
    if (x->phase != WEIR_PHASE_TRANSFER || x->res_body.in != WEIR_BODY_LENGTH ||
        x->res_body.out_chunked || x->res_body.left < SPLICE_MIN || x->downstream->out.len > 0)
        return false;
    struct weir_pipe pipe;
    if (!weir_pipes_get(&x->downstream->worker->pipes, &pipe))
        return false;
    x->pipe[0] = pipe.fds[0];
    x->pipe[1] = pipe.fds[1];
    x->pipe_pages = pipe.pages;
    return true;
}

void weir_splice_end(struct weir_exchange *x)
{
    if (x->pipe[0] < 0)
        return;
    struct weir_pipe pipe = { .fds = { x->pipe[0], x->pipe[1] }, .pages = x->pipe_pages };
    weir_pipes_release(&x->downstream->worker->pipes, &pipe, x->in_pipe == 0);
    x->pipe[0] = x->pipe[1] = -1;
    x->passed_bytes = x->res_body.bytes - x->in_pipe; /* for the record, also of a cut response */
    x->in_pipe = 0;
}

static ssize_t splice_bytes(int from, int to, size_t len, unsigned flags)
{
    ssize_t n;
    do {
        n = splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | flags);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* @return false: blocked or failed; *ret is which of them */
static bool drain_pipe(struct weir_exchange *x, enum weir_splice *ret)
{
    struct weir_downstream *c = x->downstream;
    while (x->in_pipe > 0) {
        unsigned more = x->res_body.left > 0 ? SPLICE_F_MORE : 0;
        ssize_t n = splice_bytes(x->pipe[0], c->watch.fd, x->in_pipe, more);
        if (n <= 0) {
            *ret = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
                       ? WEIR_SPLICE_BLOCKED
                       : WEIR_SPLICE_DOWNSTREAM_FAILED;
            return false;
        }
        x->in_pipe -= (size_t)n;
        c->given += (uint64_t)n;
        x->window_bytes += (uint64_t)n;
        x->progress_ms = c->worker->now_ms;
        weir_metric_add(c->worker->metrics, WEIR_M_DOWNSTREAM_BYTES_OUT, (uint64_t)n);
    }
    return true;
}

enum weir_splice weir_splice_move(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->pipe[0] >= 0);
    WEIR_ASSERT(x->origin != NULL);
    enum weir_splice outcome = WEIR_SPLICE_MORE;
    for (int i = 0; i < WEIR_READ_BUDGET; i++) {
        if (!drain_pipe(x, &outcome))
            return outcome;
        if (x->res_body.left == 0)
            return WEIR_SPLICE_DONE;
        size_t want = x->res_body.left < SPLICE_CHUNK ? (size_t)x->res_body.left : SPLICE_CHUNK;
        ssize_t n = splice_bytes(x->origin->watch.fd, x->pipe[1], want, 0);
        if (n == 0)
            return WEIR_SPLICE_ORIGIN_END;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? WEIR_SPLICE_MORE
                                                           : WEIR_SPLICE_ORIGIN_END;
        x->in_pipe += (size_t)n;
        weir_body_skip(&x->res_body, (uint64_t)n);
    }
    return drain_pipe(x, &outcome) && x->res_body.left == 0 ? WEIR_SPLICE_DONE : outcome;
}
