/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_layer.c - see tls_layer.h.
 */
#include "node/conn/tls_layer.h"

#include <string.h>

#include "node/base/clock.h"

static struct weir_tls_layer *layer_of(const struct weir_conn_layer *l)
{
    struct weir_tls_layer *t =
        weir_container_of((struct weir_conn_layer *)(uintptr_t)l, struct weir_tls_layer, layer);
    WEIR_ASSERT(t->magic == WEIR_TLS_LAYER_MAGIC);
    return t;
}

static void charge_budget(struct weir_tls_layer *t, uint32_t bytes)
{
    struct weir_budget *b = &t->env->buffers->budget;
    weir_budget_leave_common(b, t->charged);
    weir_budget_take_common(b, bytes);
    t->charged = bytes;
}

/* -- the socket -- */

static struct weir_tls_io begin_output(const struct weir_tls_layer *t)
{
    return (struct weir_tls_io){ .out = t->env->tls->out, .out_max = sizeof(t->env->tls->out) };
}

/* Send what is encrypted, behind what waits already; the rest waits.
 * @return DONE | BLOCKED: some of it waits | FAILED */
static enum weir_io send_output(struct weir_tls_layer *t, int fd, struct weir_tls_io *io, bool hold)
{
    size_t sent = 0;
    enum weir_io result = WEIR_IO_BLOCKED;
    if (t->out.len == 0)
        result = weir_sock_send(fd, weir_span(io->out, io->out_len), hold, &sent);
    struct weir_span rest = weir_span(io->out + sent, io->out_len - sent);
    io->out_len = 0;
    if (result == WEIR_IO_BLOCKED && weir_outq_append(t->env->buffers, &t->out, rest) < 0)
        return WEIR_IO_FAILED;
    return result;
}

static enum weir_io flush_output(struct weir_tls_layer *t, int fd)
{
    size_t sent = 0;
    return t->out.len == 0 ? WEIR_IO_DONE : weir_sock_flush(fd, t->env->buffers, &t->out, &sent);
}

/* -- input -- */

/* The bytes that wait, or what one read brings. They are in the scratch buffer: store what is left
 * of them. @return DONE | BLOCKED | END | FAILED */
static enum weir_io take_input(struct weir_tls_layer *t, int fd, size_t max, struct weir_span *ret)
{
    uint8_t *in = t->env->tls->in;
    struct weir_span stored = weir_stash_span(t->in);
    size_t n = 0;
    if (stored.len > 0) {
        n = stored.len < sizeof(t->env->tls->in) ? stored.len : sizeof(t->env->tls->in);
        memcpy(in, stored.at, n);
        weir_stash_use(t->env->buffers, &t->in, n);
        *ret = weir_span(in, n);
        return WEIR_IO_DONE;
    }
    if (max > sizeof(t->env->tls->in))
        max = sizeof(t->env->tls->in);
    if (max < WEIR_TLS_READ_MIN)
        max = WEIR_TLS_READ_MIN;
    enum weir_io io = weir_sock_read(fd, in, max, &n);
    *ret = weir_span(in, n);
    return io;
}

/* What was taken and not decrypted goes in front of what is stored: taken is taken whole, so
 * nothing is stored then, but for more than a scratch buffer of it. */
static bool store_input(struct weir_tls_layer *t, struct weir_span rest)
{
    if (rest.len == 0)
        return true;
    struct weir_stash *behind = t->in;
    t->in = NULL;
    bool ok = weir_stash_append(t->env->buffers, &t->in, rest) == WEIR_OK &&
              weir_stash_append(t->env->buffers, &t->in, weir_stash_span(behind)) == WEIR_OK;
    weir_stash_release(t->env->buffers, behind);
    return ok;
}

static bool layer_holds_input(const struct weir_conn_layer *l)
{
    const struct weir_tls_layer *t = layer_of(l);
    return t->in != NULL || t->over != WEIR_TLS_DONE ||
           (t->tls.established && weir_tls_holds_input(&t->tls));
}

/* Decrypt into `at` until it is full or the input is used. */
static enum weir_tls_step decrypt(struct weir_tls_layer *t, struct weir_tls_io *io, uint8_t *at,
                                  size_t len, size_t *ret_len)
{
    enum weir_tls_step step = WEIR_TLS_DONE;
    size_t got = 0;
    while (got < len && step == WEIR_TLS_DONE) {
        size_t n = 0;
        step = weir_tls_read(&t->tls, io, at + got, len - got, &n);
        got += n;
        if (step == WEIR_TLS_DONE && io->in.len == 0 && !weir_tls_holds_input(&t->tls))
            break;
    }
    *ret_len = got;
    return step;
}

/* What a read is, when it brought no clear byte. */
static enum weir_io io_of_step(enum weir_tls_step step)
{
    switch (step) {
    case WEIR_TLS_END:
        return WEIR_IO_END;
    case WEIR_TLS_FAILED:
        return WEIR_IO_FAILED;
    case WEIR_TLS_DONE:
    case WEIR_TLS_WANTS_INPUT:
    case WEIR_TLS_WANTS_ROOM:
    case WEIR_TLS_SIGNS:
        return WEIR_IO_BLOCKED;
    }
    WEIR_UNREACHABLE();
}

static enum weir_io layer_read(struct weir_conn_layer *l, int fd, uint8_t *at, size_t len,
                               size_t *ret_len)
{
    struct weir_tls_layer *t = layer_of(l);
    struct weir_tls_io io = begin_output(t);
    *ret_len = 0;
    if (t->over != WEIR_TLS_DONE)
        return t->over == WEIR_TLS_END ? WEIR_IO_END : WEIR_IO_FAILED;
    if (!weir_tls_holds_input(&t->tls)) {
        enum weir_io result = take_input(t, fd, len, &io.in);
        if (result == WEIR_IO_END)
            return t->strict_end ? WEIR_IO_FAILED : WEIR_IO_END;
        if (result != WEIR_IO_DONE)
            return result;
    }
    enum weir_tls_step step = decrypt(t, &io, at, len, ret_len);
    /* An alert, or a key update, goes out; a socket that is lost shows it at the next call. */
    if (io.out_len > 0)
        (void)send_output(t, fd, &io, false);
    if (step == WEIR_TLS_END || step == WEIR_TLS_FAILED)
        t->over = (uint8_t)step; /* what stands behind is of no use */
    else if (!store_input(t, io.in))
        return WEIR_IO_FAILED;
    return *ret_len > 0 ? WEIR_IO_DONE : io_of_step(step);
}

/* -- output -- */

static size_t choose_record_len(struct weir_tls_layer *t)
{
    uint32_t now = (uint32_t)t->env->now->ms;
    if (now - t->sent_ms >= WEIR_TLS_PAUSE_MS)
        t->burst = 0;
    t->sent_ms = now;
    bool small = t->burst < WEIR_TLS_SMALL_BURST;
    if (small != t->small)
        weir_tls_set_record_len(&t->tls, small ? WEIR_TLS_SMALL : WEIR_TLS_RECORD_MAX);
    t->small = small;
    return small ? WEIR_TLS_SMALL : WEIR_TLS_RECORD_MAX;
}

/* Where a write stands in its pieces. */
struct place {
    const struct weir_pieces *p;
    int num;   /* of the piece */
    size_t at; /* in it */
};

static struct weir_span rest_of_piece(const struct place *w)
{
    const struct iovec *v = &w->p->iov[w->num];
    return weir_span((const uint8_t *)v->iov_base + w->at, v->iov_len - w->at);
}

static void advance(struct place *w, size_t n)
{
    w->at += n;
    while (w->num < w->p->num && w->at >= w->p->iov[w->num].iov_len) {
        w->at -= w->p->iov[w->num].iov_len;
        w->num++;
    }
}

/* The next bytes to encrypt: whole records of a long piece where they are, or short pieces copied
 * together into one record. */
static struct weir_span next_run(struct weir_tls_layer *t, const struct place *w, size_t record)
{
    struct weir_span run = rest_of_piece(w);
    if (w->num + 1 == w->p->num)
        return run;
    if (run.len >= record)
        return weir_span(run.at, run.len - run.len % record);
    uint8_t *out = t->env->tls->gather;
    size_t len = 0;
    struct place at = *w;
    while (len < record && at.num < at.p->num) {
        run = rest_of_piece(&at);
        size_t n = run.len < record - len ? run.len : record - len;
        memcpy(out + len, run.at, n);
        len += n;
        advance(&at, n);
    }
    return weir_span(out, len);
}

static void count_burst(struct weir_tls_layer *t, size_t n)
{
    uint32_t left = WEIR_TLS_SMALL_BURST - t->burst;
    t->burst += n < left ? (uint32_t)n : left;
}

static enum weir_io layer_write(struct weir_conn_layer *l, int fd, const struct weir_pieces *p,
                                size_t *ret_sent)
{
    struct weir_tls_layer *t = layer_of(l);
    struct weir_tls_io io = begin_output(t);
    struct place w = { .p = p };
    *ret_sent = 0;
    enum weir_io result = flush_output(t, fd);
    while (result == WEIR_IO_DONE && *ret_sent < p->len) {
        size_t used = 0;
        struct weir_span run = next_run(t, &w, choose_record_len(t));
        if (t->small && run.len > WEIR_TLS_SMALL_BURST - t->burst)
            run.len = WEIR_TLS_SMALL_BURST - t->burst;
        enum weir_tls_step step = weir_tls_write(&t->tls, &io, run, &used);
        if (step == WEIR_TLS_FAILED) {
            t->over = WEIR_TLS_FAILED; /* nothing can be read either: who waits for it is told */
            return WEIR_IO_FAILED;
        }
        count_burst(t, used);
        advance(&w, used);
        *ret_sent += used;
        if (step == WEIR_TLS_WANTS_ROOM || *ret_sent == p->len)
            result = send_output(t, fd, &io, p->hold && *ret_sent == p->len);
    }
    return result;
}

static enum weir_io layer_flush(struct weir_conn_layer *l, int fd)
{
    return flush_output(layer_of(l), fd);
}

static bool layer_holds_output(const struct weir_conn_layer *l)
{
    return layer_of(l)->out.len > 0;
}

static void layer_shut(struct weir_conn_layer *l, int fd)
{
    struct weir_tls_layer *t = layer_of(l);
    struct weir_tls_io io = begin_output(t);
    weir_tls_shut(&t->tls, &io);
    if (io.out_len > 0)
        (void)send_output(t, fd, &io, true);
}

/* -- life -- */

static void layer_end(struct weir_conn_layer *l)
{
    struct weir_tls_layer *t = layer_of(l);
    weir_outq_clear(t->env->buffers, &t->out);
    weir_stash_release(t->env->buffers, t->in);
    weir_tls_layer_discard(t);
}

static const struct weir_conn_layer_ops layer_ops = {
    .read = layer_read,
    .write = layer_write,
    .flush = layer_flush,
    .holds_input = layer_holds_input,
    .holds_output = layer_holds_output,
    .shut = layer_shut,
    .end = layer_end,
};

struct weir_tls_layer *weir_tls_layer_new(struct weir_conn_env *env, struct weir_pool *pool)
{
    WEIR_ASSERT(env->tls != NULL);
    WEIR_ASSERT(pool->object_len >= sizeof(struct weir_tls_layer));
    struct weir_tls_layer *t = weir_pool_get(pool);
    if (t == NULL)
        return NULL;
    memset(t, 0, sizeof(*t));
    t->magic = WEIR_TLS_LAYER_MAGIC;
    t->layer.ops = &layer_ops;
    t->env = env;
    t->pool = pool;
    charge_budget(t, WEIR_TLS_HANDSHAKE_BYTES);
    return t;
}

void weir_tls_layer_discard(struct weir_tls_layer *l)
{
    if (l == NULL)
        return;
    WEIR_ASSERT(l->magic == WEIR_TLS_LAYER_MAGIC);
    weir_tls_end(&l->tls);
    charge_budget(l, 0);
    l->magic = 0;
    weir_pool_release(l->pool, l);
}

struct weir_tls_layer *weir_tls_layer_of(const struct weir_conn *c)
{
    return c->layer != NULL && c->layer->ops == &layer_ops ? layer_of(c->layer) : NULL;
}

/* -- the handshake -- */

static enum weir_tls_progress progress_of(enum weir_tls_step step)
{
    switch (step) {
    case WEIR_TLS_DONE:
        return WEIR_TLS_PROGRESS_DONE;
    case WEIR_TLS_WANTS_INPUT:
    case WEIR_TLS_WANTS_ROOM:
        return WEIR_TLS_PROGRESS_BLOCKED;
    case WEIR_TLS_SIGNS:
        return WEIR_TLS_PROGRESS_SIGNS;
    case WEIR_TLS_END:
        return WEIR_TLS_PROGRESS_END;
    case WEIR_TLS_FAILED:
        return WEIR_TLS_PROGRESS_FAILED;
    }
    WEIR_UNREACHABLE();
}

/* One step, and again as long as only the scratch buffer was in the way. */
static enum weir_tls_step step_handshake(struct weir_tls_layer *t, int fd, struct weir_tls_io *io,
                                         enum weir_io *ret_sent)
{
    enum weir_tls_step step = WEIR_TLS_WANTS_ROOM;
    *ret_sent = WEIR_IO_DONE;
    while (step == WEIR_TLS_WANTS_ROOM && *ret_sent != WEIR_IO_FAILED) {
        step = weir_tls_handshake(&t->tls, io);
        if (io->out_len > 0)
            *ret_sent = send_output(t, fd, io, false);
    }
    return step;
}

enum weir_tls_progress weir_tls_layer_handshake(struct weir_conn *c)
{
    struct weir_tls_layer *t = weir_tls_layer_of(c);
    WEIR_ASSERT(t != NULL);
    struct weir_tls_io io = begin_output(t);
    enum weir_io sent = WEIR_IO_DONE;
    enum weir_io result = take_input(t, c->watch.fd, sizeof(t->env->tls->in), &io.in);
    if (result == WEIR_IO_END)
        return WEIR_TLS_PROGRESS_END;
    if (result == WEIR_IO_FAILED)
        return WEIR_TLS_PROGRESS_FAILED;
    c->received += io.in.len;
    enum weir_tls_step step = step_handshake(t, c->watch.fd, &io, &sent);
    if (step == WEIR_TLS_FAILED)
        return WEIR_TLS_PROGRESS_FAILED;
    if (sent == WEIR_IO_FAILED || !store_input(t, io.in))
        return WEIR_TLS_PROGRESS_FAILED;
    if (step == WEIR_TLS_DONE)
        charge_budget(t, WEIR_TLS_ESTABLISHED_BYTES);
    return progress_of(step);
}
