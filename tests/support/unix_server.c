/* SPDX-License-Identifier: Apache-2.0
 *
 * unix_server.c - one connection after the other, blocking; a pipe of the test's end wakes accept.
 */
#include "tests/support/unix_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST_MAX (4u << 20)

static const struct unix_response out_of_responses = {
    .bytes = "HTTP/1.1 500 Script\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", .close = true
};

/* The response to the request of this number. */
static const struct unix_response *response_at(const struct unix_server *s, size_t number)
{
    for (size_t i = 0; i < s->num_responses; i++) {
        if (number <= s->responses[i].repeat)
            return &s->responses[i];
        number -= s->responses[i].repeat + 1;
    }
    return &out_of_responses;
}

static void send_pieces(int fd, const struct unix_response *a)
{
    size_t len = a->len > 0 ? a->len : strlen(a->bytes);
    size_t split = a->split > 0 ? a->split : len;
    for (size_t at = 0; at < len; at += split) {
        size_t piece = len - at < split ? len - at : split;
        if (send(fd, a->bytes + at, piece, MSG_NOSIGNAL) != (ssize_t)piece)
            return; /* the client has had enough */
        if (split < len)
            nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
    }
}

static size_t body_len(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at != NULL ? strtoul(at + 17, NULL, 10) : 0;
}

/* Reads one request; NULL when the client has closed. */
static char *request_read(int fd, bool early)
{
    char *text = malloc(REQUEST_MAX + 1);
    size_t len = 0;
    size_t want = REQUEST_MAX;
    while (text != NULL && len < want) {
        ssize_t n = recv(fd, text + len, want - len > 65536 ? 65536 : want - len, 0);
        if (n <= 0) {
            free(text);
            return NULL;
        }
        len += (size_t)n;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL && want == REQUEST_MAX)
            want = early ? len : (size_t)(end - text) + 4 + body_len(text);
    }
    return text;
}

static void connection_serve(struct unix_server *s, int fd)
{
    while (s->num_requests < UNIX_SERVER_REQUESTS_MAX) {
        const struct unix_response *a = response_at(s, s->num_requests);
        char *request = request_read(fd, a->early);
        if (request == NULL)
            return;
        s->requests[s->num_requests++] = request;
        send_pieces(fd, a);
        if (a->hold) {
            char byte;
            while (recv(fd, &byte, 1, 0) > 0)
                continue;
        }
        if (a->close || a->early || a->hold)
            return;
    }
}

static void *serve(void *arg)
{
    struct unix_server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL; /* shut down by unix_server_stop */
        s->num_connections++;
        connection_serve(s, fd);
        close(fd);
    }
}

void unix_server_start(struct unix_server *s, const struct unix_response *responses,
                       size_t num_responses)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memset(s, 0, sizeof(*s));
    s->responses = responses;
    s->num_responses = num_responses;
    snprintf(s->folder, sizeof(s->folder), "/tmp/weir_unix_server_XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/socket", s->folder);
    snprintf(s->node, sizeof(s->node), "unix:%s", s->path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void unix_server_stop(struct unix_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
}

void unix_server_remove(struct unix_server *s)
{
    for (size_t i = 0; i < s->num_requests; i++)
        free(s->requests[i]);
    unlink(s->path);
    assert_int_equal(rmdir(s->folder), 0);
}
