/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.h - the other side of a connection in tests: blocking TCP sockets with a time limit, and
 * whole HTTP/1 messages read from them by the codec of node/wire. A wait that takes longer than
 * PEER_WAIT_S fails the test.
 */
#ifndef WEIR_TESTS_SUPPORT_PEER_H
#define WEIR_TESTS_SUPPORT_PEER_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/addr.h"
#include "node/flow/body.h"
#include "node/wire/h1.h"

#define PEER_WAIT_S 20
#define PEER_BUFFER 262144
#define PEER_BODY   (4u << 20)

/** A connection and what was received on it but not used yet. */
struct peer {
    int fd;
    size_t len;
    uint8_t bytes[PEER_BUFFER];
};

/** A message as it was received. */
struct message {
    struct weir_h1_head h;
    uint8_t head[WEIR_HEAD_MAX];
    uint8_t body[PEER_BODY];
    size_t body_len;
};

static inline void peer_init(struct peer *p, int fd)
{
    struct timeval limit = { .tv_sec = PEER_WAIT_S };
    p->fd = fd;
    p->len = 0;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
}

/** Listen on a free port of 127.0.0.1. @return the descriptor */
static inline int peer_listen(struct weir_addr *ret)
{
    struct sockaddr_storage sa;
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), ret), WEIR_OK);
    ret->port = 0;
    socklen_t len = weir_addr_to_sockaddr(ret, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    weir_addr_from_sockaddr((struct sockaddr *)&sa, ret);
    return fd;
}

/** Whether something is there to be read or accepted within `ms`. */
static inline bool peer_ready(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

/** The next connection to a listener. */
static inline void peer_accept(struct peer *p, int listener)
{
    assert_true(peer_ready(listener, PEER_WAIT_S * 1000));
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    peer_init(p, fd);
}

/** Connect. */
static inline void peer_dial(struct peer *p, const struct weir_addr *to)
{
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
    peer_init(p, fd);
}

/** End it in order; legal on one that is closed. */
static inline void peer_close(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

/** End it by a reset. */
static inline void peer_reset(struct peer *p)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_close(p);
}

/** Send all. @return false: the other side is gone */
static inline bool peer_send_bytes(struct peer *p, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(p->fd, (const uint8_t *)bytes + at, len - at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return false;
        assert_true(n > 0);
        at += (size_t)n;
    }
    return true;
}

/** Send a text that must be taken. */
static inline void peer_send(struct peer *p, const char *text)
{
    assert_true(peer_send_bytes(p, text, strlen(text)));
}

/** Receive some. @return > 0: bytes; 0: the end; -1: a reset */
static inline ssize_t peer_receive(struct peer *p)
{
    assert_true(p->len < sizeof(p->bytes));
    ssize_t n = recv(p->fd, p->bytes + p->len, sizeof(p->bytes) - p->len, 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("receiving: %s", strerror(errno));
    if (n > 0)
        p->len += (size_t)n;
    return n;
}

/** Forget received bytes in front. */
static inline void peer_use(struct peer *p, size_t n)
{
    memmove(p->bytes, p->bytes + n, p->len - n);
    p->len -= n;
}

/** Read a head, one that the parser accepts. @return false: the connection ended before it */
static inline bool peer_try_head(struct peer *p, enum weir_h1_kind kind, struct message *m)
{
    enum weir_step step;
    weir_h1_head_init(&m->h, kind, WEIR_HEAD_MAX);
    while ((step = weir_h1_head_feed(&m->h, weir_span(p->bytes, p->len))) == WEIR_STEP_MORE)
        if (peer_receive(p) <= 0)
            return false;
    if (step != WEIR_STEP_DONE)
        fail_msg("%s: %.*s", weir_h1_fault_name(m->h.fault), (int)p->len, (const char *)p->bytes);
    memcpy(m->head, p->bytes, m->h.head_len);
    peer_use(p, m->h.head_len);
    m->body_len = 0;
    return true;
}

/** Read the body behind the head, whatever its framing. @return false: it was cut */
static inline bool peer_try_body(struct peer *p, struct message *m, enum weir_method method)
{
    struct weir_body b;
    struct weir_pieces pieces;
    weir_body_init(&b, weir_h1_body_of(&m->h, method), m->h.content_length, false);
    while (!b.done) {
        size_t used = 0;
        weir_pieces_reset(&pieces);
        enum weir_step step = weir_body_feed(&b, weir_span(p->bytes, p->len), &pieces, &used);
        assert_int_not_equal(step, WEIR_STEP_FAIL);
        for (int i = 0; i < pieces.num; i++) {
            assert_true(m->body_len + pieces.iov[i].iov_len <= sizeof(m->body));
            memcpy(m->body + m->body_len, pieces.iov[i].iov_base, pieces.iov[i].iov_len);
            m->body_len += pieces.iov[i].iov_len;
        }
        peer_use(p, used);
        if (step != WEIR_STEP_MORE)
            continue;
        ssize_t n = peer_receive(p);
        if (n <= 0)
            return n == 0 && weir_body_end(&b, &pieces);
    }
    return true;
}

/** Read a whole request. */
static inline void peer_read_request(struct peer *p, struct message *m)
{
    assert_true(peer_try_head(p, WEIR_H1_REQUEST, m));
    assert_true(peer_try_body(p, m, WEIR_METHOD_OTHER));
}

/** Read a whole response to a request of this method. */
static inline void peer_read_response(struct peer *p, struct message *m, enum weir_method method)
{
    assert_true(peer_try_head(p, WEIR_H1_RESPONSE, m));
    assert_true(peer_try_body(p, m, method));
}

/** Nothing but the end comes, in order. */
static inline void peer_expect_end(struct peer *p)
{
    ssize_t n = peer_receive(p);
    if (n != 0 || p->len != 0)
        fail_msg("no end but %zd: %.*s", n, (int)p->len, (const char *)p->bytes);
}

/** The value of a field by its name in lower case; empty when there is none. */
static inline struct weir_span message_field(const struct message *m, const char *name)
{
    for (size_t i = 0; i < m->h.num_fields; i++)
        if (weir_span_eq_nocase(weir_h1_name(m->head, &m->h.fields[i]), weir_span_cstr(name)))
            return weir_h1_value(m->head, &m->h.fields[i]);
    return WEIR_SPAN_EMPTY;
}

/** Whether the body is this text. */
static inline bool message_body_is(const struct message *m, const char *text)
{
    return weir_span_eq(weir_span(m->body, m->body_len), weir_span_cstr(text));
}

#endif
