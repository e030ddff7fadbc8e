/* SPDX-License-Identifier: Apache-2.0
 *
 * origin.h - a server in a thread of its own for tests: answers every request without a body, on as
 * many connections as come, with "ok". Allocates nothing, so that it does not count under the
 * failing allocator. Limits: ORIGIN_CONNS connections; more wait.
 */
#ifndef WEIR_TESTS_SUPPORT_ORIGIN_H
#define WEIR_TESTS_SUPPORT_ORIGIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ORIGIN_CONNS 256

struct origin {
    pthread_t thread;
    int listener; /* borrowed */
    int stop[2];
    _Atomic unsigned num_requests;
    struct pollfd fds[ORIGIN_CONNS + 2]; /* stop, listener, connections */
    nfds_t num;
    uint8_t seen[ORIGIN_CONNS + 2]; /* bytes of the empty line seen so far, by connection */
};

/* Count the ends of heads in what came, however it was split. @return false: the connection ended
 */
static inline bool origin_serve(struct origin *o, nfds_t i)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
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
        if (send(o->fds[i].fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
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

/** Begin to serve a listener, which stays the caller's. */
static inline void origin_start(struct origin *o, int listener)
{
    memset(o, 0, sizeof(*o));
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
