/* SPDX-License-Identifier: Apache-2.0
 *
 * origin.h - a server in a thread of its own for tests: responds to every empty line that it reads,
 * on as many connections as come, with the same bytes. Allocates nothing, so that it does not count
 * under the failing allocator. Limits: ORIGIN_CONNS connections; more wait.
 */
#ifndef WEIR_TESTS_SUPPORT_ORIGIN_H
#define WEIR_TESTS_SUPPORT_ORIGIN_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN_CONNS 256

struct origin {
    pthread_t thread;
    int listener; /* borrowed */
    int stop[2];
    const char *response; /* borrowed; NULL: "ok" */
    size_t len;
    size_t split; /* bytes that go first, 5 ms before the rest; 0: all at once */
    _Atomic unsigned num_requests;
    struct pollfd fds[ORIGIN_CONNS + 2]; /* stop, listener, connections */
    nfds_t num;
    uint8_t seen[ORIGIN_CONNS + 2]; /* bytes of the empty line seen so far, by connection */
};

static inline bool origin_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool origin_response(const struct origin *o, int fd)
{
    if (!origin_send(fd, o->response, o->split))
        return false;
    if (o->split > 0)
        (void)usleep(5000);
    return origin_send(fd, o->response + o->split, o->len - o->split);
}

/* Count the ends of heads in what came, however it was split. @return false: it ended */
static inline bool origin_serve(struct origin *o, nfds_t i)
{
    static const char end[] = "\r\n\r\n";
    char bytes[4096];
    ssize_t n = recv(o->fds[i].fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t k = 0; k < n; k++) {
        o->seen[i] = bytes[k] == end[o->seen[i]] ? (uint8_t)(o->seen[i] + 1) : bytes[k] == '\r';
        if (o->seen[i] < 4)
            continue;
        o->seen[i] = 0;
        atomic_fetch_add(&o->num_requests, 1);
        if (!origin_response(o, o->fds[i].fd))
            return false;
    }
    return n > 0;
}

static inline void *origin_run(void *arg)
{
    struct origin *o = arg;
    for (;;) {
        (void)poll(o->fds, o->num, -1);
        if (o->fds[0].revents != 0)
            break;
        for (nfds_t i = o->num; i-- > 2;) {
            if (o->fds[i].revents == 0 || origin_serve(o, i))
                continue;
            close(o->fds[i].fd);
            o->fds[i] = o->fds[--o->num];
            o->seen[i] = o->seen[o->num];
        }
        bool room = o->num < ORIGIN_CONNS + 2;
        if ((o->fds[1].revents & POLLIN) && room) {
            int fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                int on = 1;
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
                o->seen[o->num] = 0;
                o->fds[o->num++] = (struct pollfd){ .fd = fd, .events = POLLIN };
            }
        }
        o->fds[1].events = o->num < ORIGIN_CONNS + 2 ? POLLIN : 0;
    }
    for (nfds_t i = 2; i < o->num; i++)
        close(o->fds[i].fd);
    return NULL;
}

/** Begin to serve a listener, which stays the caller's. o is zero but for its response. */
static inline void origin_start(struct origin *o, int listener)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    if (o->response == NULL) {
        o->response = ok;
        o->len = sizeof(ok) - 1;
    }
    o->listener = listener;
    assert_int_equal(pipe(o->stop), 0);
    o->fds[0] = (struct pollfd){ .fd = o->stop[0], .events = POLLIN };
    o->fds[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
    o->num = 2;
    assert_int_equal(pthread_create(&o->thread, NULL, origin_run, o), 0);
}

/** End the thread and its connections. */
static inline void origin_stop(struct origin *o)
{
    assert_int_equal(write(o->stop[1], "x", 1), 1);
    assert_int_equal(pthread_join(o->thread, NULL), 0);
    close(o->stop[0]);
    close(o->stop[1]);
}

#endif
