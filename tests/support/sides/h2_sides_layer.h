/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_sides_layer.h - a layer of memory in place of a connection's socket: what the client gives is
 * read from it, what it is sent is checked and counted.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_LAYER_H
#define WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_LAYER_H

#include "node/conn/conn.h"
#include "tests/support/sides/h2_sides_check.h"

#define H2_SIDES_ALL SIZE_MAX

/** In place of the socket. */
struct h2_layer {
    struct weir_conn_layer layer;
    struct bytes in;
    size_t in_at;
    bool eof, failed;
    size_t room; /* bytes that it takes before it blocks */
    bool held;   /* it holds the last bytes */
    struct h2_seen seen;
};

static inline struct h2_layer *h2_layer_of(const struct weir_conn_layer *l)
{
    return (struct h2_layer *)(uintptr_t)l;
}

static inline enum weir_io h2_layer_read(struct weir_conn_layer *layer, int fd, uint8_t *at,
                                         size_t len, size_t *ret_len)
{
    struct h2_layer *l = h2_layer_of(layer);
    size_t n = l->in.len - l->in_at < len ? l->in.len - l->in_at : len;
    MUST(fd >= 0);
    if (l->failed)
        return WEIR_IO_FAILED;
    if (n == 0)
        return l->eof ? WEIR_IO_END : WEIR_IO_BLOCKED;
    memcpy(at, l->in.at + l->in_at, n);
    l->in_at += n;
    *ret_len = n;
    return WEIR_IO_DONE;
}

static inline enum weir_io h2_layer_write(struct weir_conn_layer *layer, int fd,
                                          const struct weir_pieces *p, size_t *ret_sent)
{
    struct h2_layer *l = h2_layer_of(layer);
    size_t sent = 0;
    MUST(fd >= 0);
    *ret_sent = 0;
    if (l->failed)
        return WEIR_IO_FAILED;
    for (int i = 0; i < p->num; i++) {
        struct weir_span run = weir_span(p->iov[i].iov_base, p->iov[i].iov_len);
        size_t n = run.len < l->room ? run.len : l->room;
        h2_seen_feed(&l->seen, weir_span(run.at, n));
        if (l->room != H2_SIDES_ALL)
            l->room -= n;
        sent += n;
        if (n < run.len)
            break;
    }
    *ret_sent = sent;
    return sent == p->len ? WEIR_IO_DONE : WEIR_IO_BLOCKED;
}

static inline enum weir_io h2_layer_flush(struct weir_conn_layer *layer, int fd)
{
    struct h2_layer *l = h2_layer_of(layer);
    MUST(fd >= 0);
    l->held = false;
    return WEIR_IO_DONE;
}

static inline bool h2_layer_holds_input(const struct weir_conn_layer *layer)
{
    const struct h2_layer *l = h2_layer_of(layer);
    return l->in_at < l->in.len || l->eof || l->failed;
}

static inline bool h2_layer_holds_output(const struct weir_conn_layer *layer)
{
    return h2_layer_of(layer)->held;
}

static inline void h2_layer_shut(struct weir_conn_layer *layer, int fd)
{
    MUST(layer != NULL && fd >= 0);
}

#endif
