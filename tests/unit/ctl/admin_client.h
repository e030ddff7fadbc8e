/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_client.h - a client of the rig's admin server, in the same thread: each call turns the loop
 * until its response is there.
 */
#ifndef WEIR_TESTS_UNIT_CTL_ADMIN_CLIENT_H
#define WEIR_TESTS_UNIT_CTL_ADMIN_CLIENT_H

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/ctl/ctl_rig.h"

static inline int client_open_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static inline int client_open(void)
{
    return client_open_at(rig.path);
}

static inline int client_open_at_listener(const struct weir_admin_listener *l)
{
    struct weir_addr at;
    struct sockaddr_storage ss;
    weir_admin_bound(l, &at);
    socklen_t len = weir_addr_to_sockaddr(&at, &ss);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

static inline int client_open_tcp(void)
{
    return client_open_at_listener(rig.health);
}

static inline void client_send(int fd, const char *bytes, size_t len)
{
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
}

/** What came back. */
struct response {
    int status;
    struct weir_strbuf all; /* head and body */
    const char *head;
    const char *body;
    bool closed; /* the server ended the connection behind it */
};

/* Whether `all` holds a whole response, by Content-Length. */
static inline bool response_whole(struct response *a, bool head_only)
{
    unsigned long long len = 0;
    if (a->all.len == 0)
        return false;
    char *end = strstr(a->all.at, "\r\n\r\n");
    char *field = strstr(a->all.at, "Content-Length: ");
    if (end == NULL || field == NULL || field > end)
        return false;
    assert_int_equal(sscanf(field, "Content-Length: %llu", &len), 1);
    a->head = a->all.at;
    a->body = end + 4;
    a->status = (int)strtol(a->all.at + 9, NULL, 10);
    return head_only || a->all.len >= (size_t)(a->body - a->all.at) + len;
}

/* Read what is there. @return false: the connection has ended */
static inline bool client_recv(int fd, struct weir_strbuf *out)
{
    char chunk[65536];
    ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (n > 0)
        weir_strbuf_add(out, weir_span(chunk, (size_t)n));
    return n != 0;
}

static inline void response_read(int fd, struct response *a, bool head_only)
{
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    *a = (struct response){ .all = WEIR_STRBUF_ZERO };
    while (!response_whole(a, head_only) && !a->closed) {
        rig_turn();
        a->closed = !client_recv(fd, &a->all);
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_true(response_whole(a, head_only));
}

/* Whether the server has ended the connection. */
static inline bool client_ended(int fd)
{
    struct weir_strbuf rest = WEIR_STRBUF_ZERO;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    bool open = true;
    while (open && weir_clock_mono_ns() < until) {
        rig_turn();
        open = client_recv(fd, &rest);
    }
    weir_strbuf_deinit(&rest);
    return !open;
}

/** One request on a connection of its own; `fields` is whole lines with CRLF, body NULL: none. */
static inline struct response ask_on(int fd, const char *method, const char *target,
                                     const char *fields, const char *body)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct response a;
    weir_strbuf_printf(&text, "%s %s HTTP/1.1\r\nHost: weir\r\n%s", method, target, fields);
    if (body != NULL)
        weir_strbuf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    weir_strbuf_printf(&text, "\r\n%s", body != NULL ? body : "");
    client_send(fd, text.at, text.len);
    weir_strbuf_deinit(&text);
    response_read(fd, &a, strcmp(method, "HEAD") == 0);
    close(fd);
    rig_turn();
    return a;
}

static inline struct response ask(const char *method, const char *target, const char *fields,
                                  const char *body)
{
    return ask_on(client_open(), method, target, fields, body);
}

static inline void response_free(struct response *a)
{
    weir_strbuf_deinit(&a->all);
}

/** What a response must be: this status and, in its body, this text (NULL: whatever). */
struct want {
    int status;
    const char *text;
};

static inline void expect(const char *method, const char *target, const char *fields,
                          const char *body, struct want want)
{
    struct response a = ask(method, target, fields, body);
    bool found = want.text == NULL || strstr(a.body, want.text) != NULL;
    if (a.status != want.status || !found)
        print_message("%s %s: %s\n", method, target, a.all.at);
    assert_int_equal(a.status, want.status);
    assert_true(found);
    response_free(&a);
}

#define YAML "Content-Type: application/yaml\r\n"

/** A tenant as YAML, in a static buffer. */
static inline const char *yaml_tenant(const char *name, const char *hosts)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "apiVersion: weir/v1\nkind: Tenant\nname: %s\nhosts: [%s]\n"
             "upstreams: { web: { endpoints: [ { address: \"127.0.0.1:1\" } ] } }\n",
             name, hosts);
    return text;
}

#endif
