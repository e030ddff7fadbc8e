/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_rig.h - a running worker whose clients speak HTTP/2 from the first byte, as they do after TLS,
 * and one client of it.
 */
#ifndef WEIR_TESTS_UNIT_LOOP_H2_RIG_H
#define WEIR_TESTS_UNIT_LOOP_H2_RIG_H

#include <pthread.h>

#include "node/loop/group.h"
#include "node/loop/listener.h"
#include "node/loop/loop.h"
#include "node/loop/session/session_h2.h"
#include "tests/support/h2/h2_client.h"
#include "tests/unit/loop/loop_rig.h"

struct h2_rig {
    struct rig *rig;
    struct h2_client c;
    uint32_t window;
    pthread_t thread;
    int fd;
    const char *bytes;
    size_t len;
};

/** Before any client connects. */
static inline void rig_speak_h2(struct rig *r)
{
    for (uint32_t i = 0; i < r->workers->num; i++)
        for (struct weir_list *l = r->workers->workers[i]->listeners.next;
             l != &r->workers->workers[i]->listeners; l = l->next)
            weir_container_of(l, struct weir_listener, link)->kind = &weir_session_h2;
}

/** Running, without a client. @param window  of each of its streams */
static inline struct h2_rig *h2_rig_new(uint32_t window)
{
    struct h2_rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->rig = rig_new();
    r->window = window;
    rig_start(r->rig);
    rig_speak_h2(r->rig);
    return r;
}

static inline void h2_rig_connect(struct h2_rig *r)
{
    h2_begin(&r->c, &r->rig->at, r->window);
}

/** Running, with a client. */
static inline struct h2_rig *h2_rig_running(void)
{
    struct h2_rig *r = h2_rig_new(65535);
    h2_rig_connect(r);
    return r;
}

static inline void h2_rig_free(struct h2_rig *r)
{
    h2_end(&r->c);
    rig_free(r->rig);
    free(r);
}

static inline void h2_rig_accept(struct h2_rig *r)
{
    if (r->rig->server.fd < 0)
        peer_accept(&r->rig->server, r->rig->origin);
}

static inline void h2_rig_read_request(struct h2_rig *r)
{
    h2_rig_accept(r);
    peer_read_request(&r->rig->server, &r->rig->request);
}

static inline void h2_rig_respond(struct h2_rig *r, const char *response)
{
    h2_rig_read_request(r);
    peer_send(&r->rig->server, response);
}

/** The first line of the request that the origin has read; until the next call. */
static inline const char *h2_rig_request_line(const struct h2_rig *r)
{
    static char line[1024];
    const uint8_t *end = memmem(r->rig->request.head, r->rig->request.h.head_len, "\r\n", 2);
    (void)snprintf(line, sizeof(line), "%.*s", (int)(end - r->rig->request.head),
                   (const char *)r->rig->request.head);
    return line;
}

static inline void *h2_rig_send_all(void *arg)
{
    struct h2_rig *r = arg;
    for (size_t at = 0; at < r->len;) {
        ssize_t n = send(r->fd, r->bytes + at, r->len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return NULL;
}

/** The origin sends more than sockets take at once, while the test goes on; h2_rig_sent waits. */
static inline void h2_rig_send_beside(struct h2_rig *r, const char *bytes, size_t len)
{
    r->fd = r->rig->server.fd;
    r->bytes = bytes;
    r->len = len;
    assert_int_equal(pthread_create(&r->thread, NULL, h2_rig_send_all, r), 0);
}

static inline void h2_rig_sent(struct h2_rig *r)
{
    assert_int_equal(pthread_join(r->thread, NULL), 0);
}

/** Another thread that reads a request's body. */
struct h2_rig_reader {
    pthread_t thread;
    struct h2_rig *r;
};

static inline void *h2_rig_read_all(void *arg)
{
    struct h2_rig *r = arg;
    static const char end[] = "0\r\n\r\n";
    char bytes[65536], tail[5] = { 0 };
    ssize_t n;
    while ((n = recv(r->rig->server.fd, bytes, sizeof(bytes), 0)) > 0) {
        size_t len = (size_t)n < 5 ? (size_t)n : 5;
        memmove(tail, tail + len, 5 - len);
        memcpy(tail + 5 - len, bytes + n - len, len);
        if (memcmp(tail, end, 5) == 0)
            break;
    }
    return NULL;
}

static inline struct h2_rig_reader h2_rig_read_beside(struct h2_rig *r)
{
    struct h2_rig_reader reader = { .r = r };
    assert_int_equal(pthread_create(&reader.thread, NULL, h2_rig_read_all, r), 0);
    return reader;
}

static inline void h2_rig_read(struct h2_rig_reader *reader)
{
    assert_int_equal(pthread_join(reader->thread, NULL), 0);
}

#endif
