/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - connect, send, read. The socket never blocks by itself: poll waits, up to the limit of
 * the call. A node may respond before it has read the whole request (413, 503), so sending watches
 * for bytes of the response, and the connection is not used again after that.
 */
#include "node/cli/link/client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/wire/chunked.h"
#include "node/wire/h1.h"
#include "tenants/schema/schema_text.h"

#define IN_MAX         65536 /* size of the buffer of received bytes */
#define CONNECT_NAP_NS 20000000

_Static_assert(WEIR_CLIENT_HEAD_MAX < IN_MAX, "a head fits the buffer");

/** One call on its way. */
struct call {
    struct weir_client *c;
    const struct weir_client_request *request;
    struct weir_client_response *ret;
    weir_client_sink *sink; /* NULL: collect in `body` */
    void *arg;
    struct weir_h1_head head;
    struct weir_strbuf body;
    bool sent;    /* the request went out whole */
    bool stopped; /* the sink has had enough */
};

/* -- failures -- */

static WEIR_PRINTF(3, 4) enum weir_err
    fail(struct weir_client *c, enum weir_err err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(c->why, sizeof(c->why), fmt, args) < 0)
        c->why[0] = '\0';
    va_end(args);
    return err;
}

static void connection_close(struct weir_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->in_at = 0;
    c->in_len = 0;
}

static enum weir_err fail_timeout(struct weir_client *c)
{
    return fail(c, WEIR_ETIMEOUT,
                "no response from %s within %llu ms. Try again, or give it longer with --timeout",
                c->name, (unsigned long long)c->timeout_ms);
}

static enum weir_err fail_left(struct weir_client *c)
{
    return fail(
        c, WEIR_ECLOSED,
        c->responded
            ? "the node at %s closed the connection in the middle of its response. See its log"
            : "the node at %s closed the connection without a response. See its log",
        c->name);
}

static enum weir_err fail_protocol(struct weir_client *c, const char *what)
{
    return fail(c, WEIR_EPROTO,
                "what responds at %s is no weir node: %s. Name the node's socket with --node",
                c->name, what);
}

static enum weir_err fail_connect(struct weir_client *c, int error)
{
    if (error == EACCES || error == EPERM)
        return fail(c, WEIR_EPERM,
                    "cannot reach the node at %s: permission denied. Run it as a user that may "
                    "write to that socket, for example with sudo",
                    c->name);
    const char *cause = strerrordesc_np(error);
    enum weir_err err = WEIR_EIO;
    if (error == ENOENT || error == ENOTDIR) {
        err = WEIR_ENOTFOUND;
        cause = "no such socket";
    } else if (error == ECONNREFUSED) {
        err = WEIR_ECLOSED;
        cause = "connection refused";
    }
    return fail(c, err,
                c->tls != NULL
                    ? "cannot reach the node at %s: %s. Is it running, with admin.listen on that "
                      "address?"
                    : "cannot reach the node at %s: %s. Is it running? Start it with `weir node "
                      "--config FILE`, or name another with --node",
                c->name, cause != NULL ? cause : "unknown error");
}

/* -- waiting -- */

static bool interrupted(const struct weir_client *c)
{
    return c->interrupted != NULL && *c->interrupted != 0;
}

static enum weir_err fail_interrupted(struct weir_client *c)
{
    return fail(c, WEIR_EBUSY, "interrupted");
}

/* Milliseconds for poll, rounded up so that the last turn does not spin; -1: for ever. */
static int wait_ms(const struct weir_client *c)
{
    if (c->deadline_ns == 0)
        return -1;
    uint64_t now_ns = weir_clock_mono_ns();
    if (now_ns >= c->deadline_ns)
        return 0;
    uint64_t ms = (c->deadline_ns - now_ns + 999999) / 1000000;
    return ms > 3600000 ? 3600000 : (int)ms;
}

static enum weir_err wait_for(struct weir_client *c, short events, short *ret_events)
{
    for (;;) {
        if (interrupted(c))
            return fail_interrupted(c);
        struct pollfd p = { .fd = c->fd, .events = events };
        int n = poll(&p, 1, wait_ms(c));
        if (n > 0) {
            *ret_events = p.revents;
            return WEIR_OK;
        }
        if (n < 0 && errno != EINTR)
            return fail(c, WEIR_EIO, "poll failed: %s", strerrordesc_np(errno));
        if (c->deadline_ns != 0 && weir_clock_mono_ns() >= c->deadline_ns)
            return fail_timeout(c);
    }
}

/* -- connecting -- */

enum weir_err weir_client_init(struct weir_client *c, const char *source, const char *node,
                               uint64_t timeout_ms)
{
    *c = (struct weir_client){ .fd = -1, .timeout_ms = timeout_ms };
    struct weir_shown shown = weir_schema_text_show(weir_span_cstr(node));
    enum weir_err err = weir_node_url_parse(node, &c->url);
    if (err == WEIR_ELIMIT)
        return fail(c, WEIR_EINVAL, "%s %s: the path of a socket has at most %zu bytes", source,
                    shown.text, sizeof(c->url.socket.sun_path) - 1);
    if (err < 0)
        return fail(c, WEIR_EINVAL, "%s %s is not understood. Write unix:PATH or https://HOST:PORT",
                    source, shown.text);
    snprintf(c->name, sizeof(c->name), "%s", weir_schema_text_bare(weir_span_cstr(node)).text);
    return WEIR_OK;
}

/* In a field it must not end its line, nor be another token for the node than for the user. */
static bool is_token(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] > 0x7e)
            return false;
    return len > 0 && len <= WEIR_CLIENT_TOKEN_MAX;
}

enum weir_err weir_client_authorize(struct weir_client *c, const char *token, const char *ca)
{
    const char *why = NULL;
    if (c->url.kind != WEIR_NODE_URL_HTTPS)
        return WEIR_OK;
    if (token == NULL || token[0] == '\0')
        return fail(c, WEIR_EINVAL,
                    "%s is a remote node and needs a token: give it in WEIR_TOKEN or with --token. "
                    "`weir token create` on its host makes one",
                    c->name);
    if (!is_token(token))
        return fail(c, WEIR_EINVAL, "the token has bytes that no token has");
    c->token = token;
    enum weir_err err = weir_client_tls_new(ca, &c->url, &c->tls, &why);
    if (err == WEIR_ENOMEM)
        return fail(c, err, "out of memory");
    if (err < 0)
        return fail(c, WEIR_EINVAL, "%s%s %s", ca != NULL ? "--ca " : "",
                    ca != NULL ? weir_schema_text_show(weir_span_cstr(ca)).text
                               : "the certificates that this host trusts: their file",
                    why);
    return WEIR_OK;
}

void weir_client_deinit(struct weir_client *c)
{
    connection_close(c);
    weir_client_tls_free(&c->tls);
    free(c->in);
    c->in = NULL;
}

/* With a full backlog connect fails with EAGAIN at once, and there is nothing to poll for. */
static enum weir_err dial_socket(struct weir_client *c)
{
    const struct sockaddr_un *at = &c->url.socket;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return fail(c, WEIR_EIO, "cannot make a socket: %s", strerrordesc_np(errno));
    while (connect(c->fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return fail_connect(c, errno);
        if (interrupted(c))
            return fail_interrupted(c);
        if (c->deadline_ns != 0 && weir_clock_mono_ns() >= c->deadline_ns)
            return fail_timeout(c);
        nanosleep(&(struct timespec){ .tv_nsec = CONNECT_NAP_NS }, NULL);
    }
    return WEIR_OK;
}

/* One address. @return WEIR_ECLOSED: try the next, *ret_errno is why; all else ends the search */
static enum weir_err dial_address(struct weir_client *c, const struct addrinfo *a, int *ret_errno)
{
    short events = 0;
    socklen_t len = sizeof(*ret_errno);
    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *ret_errno = errno;
    if (c->fd < 0)
        return WEIR_ECLOSED;
    if (connect(c->fd, a->ai_addr, a->ai_addrlen) != 0) {
        *ret_errno = errno;
        if (errno != EINPROGRESS)
            return WEIR_ECLOSED;
        enum weir_err err = wait_for(c, POLLOUT, &events);
        if (err < 0)
            return err;
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, ret_errno, &len) < 0)
            *ret_errno = errno;
        if (*ret_errno != 0)
            return WEIR_ECLOSED;
    }
    return WEIR_OK;
}

/* The name is looked up by the system, which takes its own time. */
static enum weir_err dial_tcp(struct weir_client *c)
{
    char port[8];
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int sys_errno = 0;
    snprintf(port, sizeof(port), "%u", c->url.port);
    int rc = getaddrinfo(c->url.host, port, &hints, &list);
    if (rc != 0)
        return fail(c, WEIR_ENOTFOUND, "cannot reach the node at %s: %s", c->name,
                    gai_strerror(rc));
    enum weir_err err = WEIR_ECLOSED;
    for (const struct addrinfo *a = list; a != NULL && err == WEIR_ECLOSED; a = a->ai_next) {
        connection_close(c);
        err = dial_address(c, a, &sys_errno);
    }
    freeaddrinfo(list);
    return err == WEIR_ECLOSED ? fail_connect(c, sys_errno) : err;
}

/* -- TLS -- */

/* Sends what TLS has for the node. With `early` it stops when bytes of the node have come. */
static enum weir_err tls_flush(struct weir_client *c, bool early, bool *ret_stopped)
{
    struct weir_span rest;
    *ret_stopped = false;
    while ((rest = weir_client_tls_output(c->tls)).len > 0) {
        short events = 0;
        enum weir_err err = wait_for(c, (short)(POLLOUT | (early ? POLLIN : 0)), &events);
        if (err < 0)
            return err;
        *ret_stopped = (events & (POLLHUP | POLLERR)) != 0 || (early && (events & POLLIN) != 0);
        if (*ret_stopped)
            return WEIR_OK;
        ssize_t n = send(c->fd, rest.at, rest.len, MSG_NOSIGNAL);
        *ret_stopped = n < 0 && (errno == EPIPE || errno == ECONNRESET);
        if (*ret_stopped)
            return WEIR_OK;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(c, WEIR_EIO, "cannot send to %s: %s", c->name, strerrordesc_np(errno));
        weir_client_tls_sent(c->tls, n > 0 ? (size_t)n : 0);
    }
    return WEIR_OK;
}

/* Receives encrypted bytes. *ret_end: the node has closed the connection. */
static enum weir_err tls_receive(struct weir_client *c, bool *ret_end)
{
    size_t room = 0;
    uint8_t *at = weir_client_tls_input(c->tls, &room);
    WEIR_ASSERT(room > 0);
    for (;;) {
        short events = 0;
        enum weir_err err = wait_for(c, POLLIN, &events);
        if (err < 0)
            return err;
        ssize_t n = recv(c->fd, at, room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0 && errno != ECONNRESET)
            return fail(c, WEIR_EIO, "cannot read from %s: %s", c->name, strerrordesc_np(errno));
        *ret_end = n <= 0;
        weir_client_tls_received(c->tls, n > 0 ? (size_t)n : 0);
        return WEIR_OK;
    }
}

static enum weir_err fail_tls(struct weir_client *c)
{
    const struct weir_client_tls *t = c->tls;
    if (t->refused != NULL)
        return fail(c, WEIR_EPERM,
                    "the certificate of %s is not trusted: %s. It presented %s: if that is what "
                    "`weir status -o yaml` shows on the node itself, give it with --ca; or give a "
                    "file with the certificate, or its issuer's",
                    c->name, t->refused, t->presented);
    if (t->tls.fault == WEIR_TLS_FAULT_ALERT)
        return fail(c, WEIR_EPROTO, "%s refused the TLS connection (alert %u). See its log",
                    c->name, t->tls.alert);
    return fail(c, WEIR_EPROTO, "no TLS connection with %s: %s. Is that its admin.listen?", c->name,
                weir_tls_fault_name((enum weir_tls_fault)t->tls.fault));
}

static enum weir_err tls_handshake(struct weir_client *c)
{
    bool stopped = false;
    enum weir_err err = weir_client_tls_begin(c->tls);
    if (err < 0)
        return err == WEIR_ENOMEM ? fail(c, err, "out of memory") : fail_tls(c);
    for (;;) {
        enum weir_tls_step step = weir_client_tls_handshake(c->tls);
        err = tls_flush(c, false, &stopped); /* an alert, too */
        if (err < 0)
            return err;
        if (step == WEIR_TLS_DONE)
            return WEIR_OK;
        if (step != WEIR_TLS_WANTS_INPUT)
            return fail_tls(c);
        bool end = stopped;
        if (!end)
            err = tls_receive(c, &end);
        if (err < 0)
            return err;
        if (end)
            return fail(c, WEIR_ECLOSED,
                        "%s closed the connection in the TLS handshake. See its log", c->name);
    }
}

static enum weir_err connection_dial(struct weir_client *c)
{
    if (c->tls == NULL)
        return dial_socket(c);
    enum weir_err err = dial_tcp(c);
    return err == WEIR_OK ? tls_handshake(c) : err;
}

/* A connection of an earlier call that has ended, or on which bytes came that nobody asked for, is
 * not used again. */
static enum weir_err connection_ensure(struct weir_client *c, bool *ret_reused)
{
    char byte;
    *ret_reused = false;
    if (c->fd >= 0) {
        ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            *ret_reused = true;
            return WEIR_OK;
        }
        connection_close(c);
    }
    return connection_dial(c);
}

/* -- the request -- */

static enum weir_err request_write(struct weir_client *c, const struct weir_client_request *r,
                                   struct weir_strbuf *out)
{
    bool v6 = c->url.is_ip && !weir_addr_is_v4(&c->url.ip);
    weir_strbuf_printf(out, "%s %s HTTP/1.1\r\n", r->method, r->target);
    if (c->tls == NULL)
        weir_strbuf_puts(out, "Host: localhost\r\n");
    else
        weir_strbuf_printf(out, "Host: %s%s%s:%u\r\nAuthorization: Bearer %s\r\n", v6 ? "[" : "",
                           c->url.host, v6 ? "]" : "", c->url.port, c->token);
    weir_strbuf_puts(out, "User-Agent: weir/" WEIR_VERSION "\r\n");
    if (r->if_match != NULL)
        weir_strbuf_printf(out, "If-Match: %s\r\n", r->if_match);
    if (r->content_type != NULL)
        weir_strbuf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", r->content_type,
                           r->body.len);
    else if (strcmp(r->method, "GET") != 0)
        weir_strbuf_puts(out, "Content-Length: 0\r\n");
    weir_strbuf_puts(out, "\r\n");
    weir_strbuf_add(out, r->body);
    return out->failed ? fail(c, WEIR_ENOMEM, "out of memory") : WEIR_OK;
}

/* As send_all. What is encrypted of a request that is not wanted goes out all the same, as far as
 * it is a record. */
static enum weir_err send_encrypted(struct call *k, struct weir_span bytes)
{
    struct weir_client *c = k->c;
    bool stopped = false;
    while (bytes.len > 0) {
        size_t used = 0;
        if (!weir_client_tls_write(c->tls, bytes, &used))
            return fail_tls(c);
        enum weir_err err = tls_flush(c, true, &stopped);
        if (err < 0 || stopped)
            return err;
        bytes = weir_span_from(bytes, used);
    }
    k->sent = true;
    return WEIR_OK;
}

/* Stops early when the node responds or closes the connection: its response gives the reason. */
static enum weir_err send_all(struct call *k, struct weir_span bytes)
{
    struct weir_client *c = k->c;
    if (c->tls != NULL)
        return send_encrypted(k, bytes);
    while (bytes.len > 0) {
        short events = 0;
        enum weir_err err = wait_for(c, POLLIN | POLLOUT, &events);
        if (err < 0)
            return err;
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
            return WEIR_OK;
        ssize_t n = send(c->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return WEIR_OK;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(c, WEIR_EIO, "cannot send to %s: %s", c->name, strerrordesc_np(errno));
        bytes = weir_span_from(bytes, n > 0 ? (size_t)n : 0);
    }
    k->sent = true;
    return WEIR_OK;
}

/* -- the response -- */

static struct weir_span input_span(const struct weir_client *c)
{
    return weir_span(c->in + c->in_at, c->in_len - c->in_at);
}

static void input_consume(struct weir_client *c, size_t len)
{
    c->in_at += len;
    if (c->in_at == c->in_len) {
        c->in_at = 0;
        c->in_len = 0;
    }
}

/* As input_receive. An end that TLS does not confirm may be a cut: it is no end of a response. */
static enum weir_err input_decrypt(struct weir_client *c, bool *ret_end)
{
    for (;;) {
        size_t n = 0;
        bool stopped = false;
        enum weir_tls_step step =
            weir_client_tls_read(c->tls, c->in + c->in_len, IN_MAX - c->in_len, &n);
        enum weir_err err = tls_flush(c, false, &stopped);
        if (err < 0)
            return err;
        c->in_len += n;
        c->responded = c->responded || n > 0;
        *ret_end = step == WEIR_TLS_END;
        if (n > 0 || *ret_end)
            return WEIR_OK;
        if (step == WEIR_TLS_FAILED)
            return fail_tls(c);
        bool end = false;
        err = tls_receive(c, &end);
        if (err < 0)
            return err;
        if (end)
            return fail_left(c);
    }
}

/* Waits for more bytes. *ret_end: the node has closed the connection. */
static enum weir_err input_receive(struct weir_client *c, bool *ret_end)
{
    short events = 0;
    if (c->in_at > 0) {
        memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
        c->in_len -= c->in_at;
        c->in_at = 0;
    }
    WEIR_ASSERT(c->in_len < IN_MAX); /* callers consume what they have, or fail */
    if (c->tls != NULL)
        return input_decrypt(c, ret_end);
    for (;;) {
        enum weir_err err = wait_for(c, POLLIN, &events);
        if (err < 0)
            return err;
        ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - c->in_len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0 && errno != ECONNRESET)
            return fail(c, WEIR_EIO, "cannot read from %s: %s", c->name, strerrordesc_np(errno));
        *ret_end = n <= 0;
        c->in_len += n > 0 ? (size_t)n : 0;
        c->responded = c->responded || n > 0;
        return WEIR_OK;
    }
}

static enum weir_err head_read(struct call *k)
{
    struct weir_client *c = k->c;
    weir_h1_head_init(&k->head, WEIR_H1_RESPONSE, WEIR_CLIENT_HEAD_MAX);
    for (;;) {
        enum weir_step step = weir_h1_head_feed(&k->head, input_span(c));
        if (step == WEIR_STEP_DONE)
            break;
        if (step == WEIR_STEP_FAIL)
            return fail_protocol(c, weir_h1_fault_name(k->head.fault));
        bool end = false;
        enum weir_err err = input_receive(c, &end);
        if (err < 0)
            return err;
        if (end)
            return fail_left(c);
    }
    input_consume(c, k->head.head_len);
    return WEIR_OK;
}

static enum weir_err final_head_read(struct call *k)
{
    for (unsigned i = 0; i <= WEIR_INTERIM_MAX; i++) {
        enum weir_err err = head_read(k);
        if (err < 0)
            return err;
        if (k->head.status >= 200)
            return WEIR_OK;
        if (k->head.status == 101)
            return fail_protocol(k->c, "it switches protocols unasked");
    }
    return fail_protocol(k->c, "too many interim responses");
}

static enum weir_err piece_consume(struct call *k, struct weir_span piece)
{
    struct weir_client *c = k->c;
    if (k->sink != NULL && k->head.status == 200) {
        k->stopped = !k->sink(k->arg, piece);
        return WEIR_OK;
    }
    if (piece.len > WEIR_CLIENT_BODY_MAX - k->body.len)
        return fail(c, WEIR_ELIMIT, "the response of %s is longer than %u MiB", c->name,
                    WEIR_CLIENT_BODY_MAX >> 20);
    weir_strbuf_add(&k->body, piece);
    return k->body.failed ? fail(c, WEIR_ENOMEM, "out of memory") : WEIR_OK;
}

/* @param left  bytes of the body; UINT64_MAX: until the connection ends */
static enum weir_err plain_read(struct call *k, uint64_t left)
{
    struct weir_client *c = k->c;
    bool until_end = left == UINT64_MAX;
    while (left > 0 && !k->stopped) {
        struct weir_span piece = input_span(c);
        bool end = false;
        if (piece.len > left)
            piece.len = (size_t)left;
        enum weir_err err = piece.len > 0 ? piece_consume(k, piece) : input_receive(c, &end);
        if (err < 0)
            return err;
        if (end)
            return until_end ? WEIR_OK : fail_left(c);
        if (!until_end)
            left -= piece.len;
        input_consume(c, piece.len);
    }
    return WEIR_OK;
}

static enum weir_err chunked_read(struct call *k)
{
    struct weir_client *c = k->c;
    struct weir_chunked chunked;
    weir_chunked_init(&chunked);
    while (!k->stopped) {
        size_t used = 0;
        struct weir_span piece = WEIR_SPAN_EMPTY;
        enum weir_step step = weir_chunked_next(&chunked, input_span(c), &used, &piece);
        if (step == WEIR_STEP_FAIL)
            return fail_protocol(c, "malformed chunks");
        enum weir_err err = step == WEIR_STEP_SOME ? piece_consume(k, piece) : WEIR_OK;
        input_consume(c, used);
        if (err < 0 || step == WEIR_STEP_DONE)
            return err;
        bool end = false;
        if (step == WEIR_STEP_MORE)
            err = input_receive(c, &end);
        if (err < 0)
            return err;
        if (end)
            return fail_left(c);
    }
    return WEIR_OK;
}

static enum weir_err body_read(struct call *k)
{
    enum weir_h1_body kind =
        weir_h1_body_of(&k->head, weir_method_of(weir_span_cstr(k->request->method)));
    if (k->sink != NULL && k->head.status == 200)
        k->c->deadline_ns = 0; /* records come when there are any */
    switch (kind) {
    case WEIR_BODY_NONE:
        return WEIR_OK;
    case WEIR_BODY_LENGTH:
        return plain_read(k, k->head.content_length);
    case WEIR_BODY_CHUNKED:
        return chunked_read(k);
    case WEIR_BODY_CLOSE:
        return plain_read(k, UINT64_MAX);
    }
    WEIR_UNREACHABLE();
}

/* -- calls -- */

static enum weir_err exchange(struct call *k, struct weir_span bytes)
{
    struct weir_client *c = k->c;
    enum weir_err err = send_all(k, bytes);
    if (err == WEIR_OK)
        err = final_head_read(k);
    if (err == WEIR_OK)
        err = body_read(k);
    if (err == WEIR_OK && !k->stopped && input_span(c).len > 0)
        err = fail_protocol(c, "bytes behind the response");
    bool reusable = err == WEIR_OK && k->sent && !k->stopped && weir_h1_keeps_alive(&k->head);
    if (!reusable)
        connection_close(c);
    return err;
}

static enum weir_err exchange_on_any(struct call *k, struct weir_span bytes)
{
    struct weir_client *c = k->c;
    bool reused = false;
    for (;;) {
        c->responded = false;
        k->sent = false;
        enum weir_err err = connection_ensure(c, &reused);
        if (err < 0) {
            connection_close(c);
            return err;
        }
        err = exchange(k, bytes);
        /* The node may close an idle connection in the moment in which we write to it. */
        if (err != WEIR_ECLOSED || !reused || c->responded ||
            strcmp(k->request->method, "GET") != 0)
            return err;
    }
}

static enum weir_err call_run(struct call *k)
{
    struct weir_client *c = k->c;
    struct weir_strbuf bytes = WEIR_STRBUF_ZERO;
    bytes.secret = c->token != NULL;
    if (c->in == NULL)
        c->in = malloc(IN_MAX);
    if (c->in == NULL)
        return fail(c, WEIR_ENOMEM, "out of memory");
    c->deadline_ns = weir_clock_mono_ns() + c->timeout_ms * UINT64_C(1000000);
    enum weir_err err = request_write(c, k->request, &bytes);
    if (err == WEIR_OK)
        err = exchange_on_any(k, weir_span(bytes.at, bytes.len));
    weir_strbuf_deinit(&bytes);
    if (err < 0) {
        weir_strbuf_deinit(&k->body);
        return err;
    }
    weir_strbuf_deinit(&k->ret->body);
    k->ret->body = k->body;
    k->ret->status = k->head.status;
    return WEIR_OK;
}

/* A line end in one of them would make two requests of one. */
static void request_assert(const struct weir_client_request *request)
{
    WEIR_ASSERT(request->method != NULL && request->method[0] != '\0');
    WEIR_ASSERT(request->target != NULL && request->target[0] == '/');
    WEIR_ASSERT(strpbrk(request->target, " \r\n") == NULL);
    WEIR_ASSERT(request->if_match == NULL || strpbrk(request->if_match, "\r\n") == NULL);
}

/* weir_client_init has succeeded, and of a remote node weir_client_authorize. */
static void assert_ready(const struct weir_client *c)
{
    WEIR_ASSERT(c->url.kind != WEIR_NODE_URL_NONE);
    WEIR_ASSERT(c->url.kind == WEIR_NODE_URL_UNIX || c->tls != NULL);
}

enum weir_err weir_client_call(struct weir_client *c, const struct weir_client_request *request,
                               struct weir_client_response *ret)
{
    struct call k = { .c = c, .request = request, .ret = ret, .body = WEIR_STRBUF_ZERO };
    request_assert(request);
    assert_ready(c);
    return call_run(&k);
}

enum weir_err weir_client_stream(struct weir_client *c, const struct weir_client_request *request,
                                 struct weir_client_response *ret, weir_client_sink *sink,
                                 void *arg)
{
    struct call k = {
        .c = c, .request = request, .ret = ret, .sink = sink, .arg = arg, .body = WEIR_STRBUF_ZERO
    };
    request_assert(request);
    assert_ready(c);
    WEIR_ASSERT(sink != NULL);
    return call_run(&k);
}
