/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.c - the floor of the benchmark: a relay that reads no byte of what it passes on. One
 * thread, libuv's uv_poll_t, recv and send of its own, one origin connection for each client,
 * splice once a read fills the buffer. What a proxy spends above it is what HTTP costs.
 * relay PORT ORIGIN_ADDRESS ORIGIN_PORT; run builds it: cc -O2 relay.c -luv.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#define BUFFER        139264 /* bytes of one read, as weir's */
#define PIPE_LEN      1048576
#define ACCEPT_BUDGET 64
#define READ_BUDGET   8

struct pair;

/* One end of a pair, and what waits to be sent to it. */
struct end {
    uv_poll_t poll; /* data: the end */
    struct pair *pair;
    struct end *other;
    int fd;
    int events;     /* subscribed */
    bool ended;     /* it sends nothing more */
    uint8_t *rest;  /* owns: bytes that it did not take yet */
    size_t at, len; /* in rest */
    int pipe[2];    /* to it; -1: bytes are copied */
    size_t in_pipe;
};

struct pair {
    struct end client, origin;
    int open; /* handles */
    bool closing;
};

static uv_loop_t *loop;
static struct sockaddr_in origin_at;
static uint8_t buffer[BUFFER];

/* -- life -- */

static void end_free(struct end *e)
{
    close(e->fd);
    free(e->rest);
    if (e->pipe[0] >= 0) {
        close(e->pipe[0]);
        close(e->pipe[1]);
    }
}

static void on_closed(uv_handle_t *h)
{
    struct end *e = h->data;
    struct pair *p = e->pair;
    if (--p->open > 0)
        return;
    end_free(&p->client);
    end_free(&p->origin);
    free(p);
}

static void pair_close(struct pair *p)
{
    if (p->closing)
        return;
    p->closing = true;
    uv_close((uv_handle_t *)&p->client.poll, on_closed);
    uv_close((uv_handle_t *)&p->origin.poll, on_closed);
}

static bool is_behind(const struct end *e)
{
    return e->len > 0 || e->in_pipe > 0;
}

static void on_event(uv_poll_t *poll, int status, int events);

static void subscribe(struct end *e)
{
    int events =
        (is_behind(e->other) || e->ended ? 0 : UV_READABLE) | (is_behind(e) ? UV_WRITABLE : 0);
    if (events == e->events)
        return;
    e->events = events;
    if (events == 0)
        uv_poll_stop(&e->poll);
    else
        uv_poll_start(&e->poll, events, on_event);
}

/* -- moving bytes -- */

/* @return false: the end is gone */
static bool give(struct end *to, const uint8_t *bytes, size_t len)
{
    ssize_t n = send(to->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        return false;
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent == len)
        return true;
    to->rest = malloc(len - sent);
    if (to->rest == NULL)
        return false;
    memcpy(to->rest, bytes + sent, len - sent);
    to->at = 0;
    to->len = len - sent;
    return true;
}

static bool flush_rest(struct end *to)
{
    ssize_t n = send(to->fd, to->rest + to->at, to->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    to->at += (size_t)n;
    to->len -= (size_t)n;
    if (to->len == 0) {
        free(to->rest);
        to->rest = NULL;
    }
    return true;
}

static bool flush_pipe(struct end *to)
{
    while (to->in_pipe > 0) {
        ssize_t n =
            splice(to->pipe[0], NULL, to->fd, NULL, to->in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        to->in_pipe -= (size_t)n;
    }
    return true;
}

static bool flush(struct end *to)
{
    if (to->len > 0 && !flush_rest(to))
        return false;
    return to->len > 0 || flush_pipe(to);
}

static bool splice_on(struct end *from)
{
    struct end *to = from->other;
    for (int i = 0; i < READ_BUDGET && to->in_pipe == 0; i++) {
        ssize_t n =
            splice(from->fd, NULL, to->pipe[1], NULL, PIPE_LEN, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0) {
            from->ended = true;
            return true;
        }
        to->in_pipe = (size_t)n;
        if (!flush_pipe(to))
            return false;
    }
    return true;
}

static void begin_splice(struct end *to)
{
    if (pipe2(to->pipe, O_NONBLOCK | O_CLOEXEC) == 0)
        (void)fcntl(to->pipe[1], F_SETPIPE_SZ, PIPE_LEN);
    else
        to->pipe[0] = to->pipe[1] = -1;
}

/* @return false: one of the two is gone */
static bool pass_on(struct end *from)
{
    struct end *to = from->other;
    if (to->pipe[0] >= 0)
        return splice_on(from);
    ssize_t n = recv(from->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0) {
        from->ended = true;
        return true;
    }
    if (n == (ssize_t)sizeof(buffer))
        begin_splice(to);
    return give(to, buffer, (size_t)n);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct end *e = poll->data;
    struct pair *p = e->pair;
    bool alive = status == 0;
    if (alive && (events & UV_WRITABLE) && is_behind(e))
        alive = flush(e);
    if (alive && (events & UV_READABLE) && !is_behind(e->other) && !e->ended)
        alive = pass_on(e);
    /* A client that ends waits for nothing; what an origin sent before its end is passed on. */
    if (!alive || p->client.ended || (p->origin.ended && !is_behind(&p->client))) {
        pair_close(p);
        return;
    }
    subscribe(&p->client);
    subscribe(&p->origin);
}

/* -- accepting -- */

static void end_init(struct end *e, struct pair *p, struct end *other, int fd)
{
    e->pair = p;
    e->other = other;
    e->fd = fd;
    e->pipe[0] = e->pipe[1] = -1;
    int failed = uv_poll_init(loop, &e->poll, fd);
    assert(failed == 0);
    e->poll.data = e;
    p->open++;
}

static int dial_origin(void)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&origin_at, sizeof(origin_at)) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPT_BUDGET; i++) {
        int fd = accept4(*(int *)poll->data, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int origin = dial_origin();
        struct pair *p = origin < 0 ? NULL : calloc(1, sizeof(*p));
        if (p == NULL) {
            close(fd);
            if (origin >= 0)
                close(origin);
            continue;
        }
        end_init(&p->client, p, &p->origin, fd);
        end_init(&p->origin, p, &p->client, origin);
        on_event(&p->client.poll, 0, UV_READABLE); /* its first bytes are there: deferred */
    }
}

static int listen_on(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4096) < 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    uv_poll_t poll;
    if (argc != 4) {
        fprintf(stderr, "usage: relay PORT ORIGIN_ADDRESS ORIGIN_PORT\n");
        return 2;
    }
    origin_at.sin_family = AF_INET;
    origin_at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    int fd = listen_on((int)strtoul(argv[1], NULL, 10));
    if (fd < 0 || inet_pton(AF_INET, argv[2], &origin_at.sin_addr) != 1) {
        perror("relay");
        return 1;
    }
    loop = uv_default_loop();
    poll.data = &fd;
    if (uv_poll_init(loop, &poll, fd) < 0 || uv_poll_start(&poll, UV_READABLE, on_accept) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
