/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_peer.h - a client over TLS on a blocking socket, whose every byte the test decides.
 */
#ifndef WEIR_TESTS_SUPPORT_TLS_PEER_H
#define WEIR_TESTS_SUPPORT_TLS_PEER_H

#include "node/wire/tls_client.h"
#include "tests/support/peer.h"

#define TLS_PEER_BUFFER 131072

struct tls_peer {
    struct peer socket;
    struct weir_tls tls;
    struct weir_tls_client *client;
    struct weir_tls_session *session; /* the last one that the server gave */
    uint8_t in[TLS_PEER_BUFFER], out[TLS_PEER_BUFFER];
    size_t in_len;
    bool ended; /* close_notify came */
    uint8_t got[TLS_PEER_BUFFER];
    size_t num_got;
};

static inline bool tls_peer_verify(void *owner, const struct weir_span *chain, size_t num)
{
    return owner != NULL && num > 0 && chain[0].len > 0;
}

static inline void tls_peer_session(void *owner, struct weir_tls_session *s)
{
    struct tls_peer *p = owner;
    weir_tls_session_unref(p->session);
    p->session = s;
}

static inline void tls_peer_init(struct tls_peer *p)
{
    struct weir_tls_client_config cfg = { .verify = tls_peer_verify, .session = tls_peer_session };
    memset(p, 0, sizeof(*p));
    p->socket.fd = -1;
    assert_int_equal(weir_tls_client_new(&cfg, &p->client), WEIR_OK);
}

/** Close the connection; the session stays. */
static inline void tls_peer_close(struct tls_peer *p)
{
    weir_tls_end(&p->tls);
    peer_close(&p->socket);
    p->in_len = 0;
    p->num_got = 0;
    p->ended = false;
}

static inline void tls_peer_deinit(struct tls_peer *p)
{
    tls_peer_close(p);
    weir_tls_session_unref(p->session);
    weir_tls_client_free(&p->client);
}

static inline struct weir_tls_io tls_peer_io(struct tls_peer *p)
{
    return (struct weir_tls_io){ .in = weir_span(p->in, p->in_len),
                                 .out = p->out,
                                 .out_max = sizeof(p->out) };
}

/* Send what a call made, and drop what it used. @return false: the socket takes no more */
static inline bool tls_peer_done(struct tls_peer *p, const struct weir_tls_io *io)
{
    memmove(p->in, io->in.at != NULL ? io->in.at : p->in, io->in.len);
    p->in_len = io->in.len;
    return peer_send_bytes(&p->socket, p->out, io->out_len);
}

/* Wait for bytes. @return false: the end, or a reset */
static inline bool tls_peer_fill(struct tls_peer *p)
{
    ssize_t n = recv(p->socket.fd, p->in + p->in_len, sizeof(p->in) - p->in_len, 0);
    if (n > 0)
        p->in_len += (size_t)n;
    assert_true(n >= 0 || errno == ECONNRESET);
    return n > 0;
}

/** Connect to `at`, and begin the handshake: the hello is sent. */
static inline void tls_peer_begin(struct tls_peer *p, const struct weir_addr *at,
                                  const struct weir_tls_dial *dial)
{
    tls_peer_close(p);
    peer_dial(&p->socket, at);
    assert_int_equal(weir_tls_connect(&p->tls, p->client, dial, p), WEIR_OK);
    struct weir_tls_io io = tls_peer_io(p);
    assert_int_equal(weir_tls_handshake(&p->tls, &io), WEIR_TLS_WANTS_INPUT);
    assert_true(tls_peer_done(p, &io));
}

/** Go on with the handshake to its end. @param early  clear bytes that leave with the last flight
 * @return whether it succeeded; p->tls.fault and alert otherwise */
static inline bool tls_peer_handshake(struct tls_peer *p, struct weir_span early)
{
    for (;;) {
        struct weir_tls_io io = tls_peer_io(p);
        enum weir_tls_step step = weir_tls_handshake(&p->tls, &io);
        size_t used = 0;
        if (step == WEIR_TLS_DONE && early.len > 0)
            assert_int_equal(weir_tls_write(&p->tls, &io, early, &used), WEIR_TLS_DONE);
        (void)tls_peer_done(p, &io);
        if (step == WEIR_TLS_DONE)
            return true;
        if (step != WEIR_TLS_WANTS_INPUT || !tls_peer_fill(p))
            return false;
    }
}

/** A connection whose handshake is done. */
static inline void tls_peer_connect(struct tls_peer *p, const struct weir_addr *at, const char *sni)
{
    struct weir_tls_dial dial = { .sni = sni, .versions = WEIR_TLS_1_2 | WEIR_TLS_1_3 };
    tls_peer_begin(p, at, &dial);
    assert_true(tls_peer_handshake(p, WEIR_SPAN_EMPTY));
}

static inline void tls_peer_send(struct tls_peer *p, struct weir_span clear)
{
    while (clear.len > 0) {
        struct weir_tls_io io = tls_peer_io(p);
        size_t used = 0;
        assert_int_not_equal(weir_tls_write(&p->tls, &io, clear, &used), WEIR_TLS_FAILED);
        assert_true(tls_peer_done(p, &io));
        clear = weir_span_from(clear, used);
    }
}

/** Read once into p->got. @return false: the peer has ended; p->ended tells whether in order */
static inline bool tls_peer_receive(struct tls_peer *p)
{
    for (;;) {
        struct weir_tls_io io = tls_peer_io(p);
        size_t n = 0;
        assert_true(p->num_got < sizeof(p->got));
        enum weir_tls_step step =
            weir_tls_read(&p->tls, &io, p->got + p->num_got, sizeof(p->got) - p->num_got, &n);
        (void)tls_peer_done(p, &io);
        p->num_got += n;
        p->ended = step == WEIR_TLS_END;
        if (step != WEIR_TLS_WANTS_INPUT)
            return n > 0;
        if (!tls_peer_fill(p))
            return false;
    }
}

/** Read until `num` bytes are there. */
static inline void tls_peer_expect(struct tls_peer *p, size_t num)
{
    while (p->num_got < num)
        assert_true(tls_peer_receive(p));
}

/** Read until this text is there, and drop it with what is before it. */
static inline void tls_peer_await(struct tls_peer *p, const char *text)
{
    const uint8_t *at = NULL;
    while ((at = memmem(p->got, p->num_got, text, strlen(text))) == NULL)
        assert_true(tls_peer_receive(p));
    size_t used = (size_t)(at - p->got) + strlen(text);
    memmove(p->got, p->got + used, p->num_got - used);
    p->num_got -= used;
}

#endif
