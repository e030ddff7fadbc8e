/* SPDX-License-Identifier: Apache-2.0
 *
 * scene.h - for the tests of subcommands: one server with its answers, runs against it, and tables
 * of what a run must send, print and return.
 */
#ifndef WEIR_TESTS_UNIT_CLI_SCENE_H
#define WEIR_TESTS_UNIT_CLI_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/run_cli.h"

#define OK(body)                                                                                   \
    {                                                                                              \
        .bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body "\n", .close = true           \
    }
#define STATUS(line, body)                                                                         \
    {                                                                                              \
        .bytes = "HTTP/1.1 " line "\r\nConnection: close\r\n\r\n" body "\n", .close = true         \
    }

#define SHOP                                                                                       \
    "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: [shop.example.com]\n"                   \
    "upstreams:\n  web:\n    endpoints:\n      - { address: \"10.0.0.1:8080\" }\n"
#define OTHER "apiVersion: weir/v1\nkind: Tenant\nname: b\nhosts: [b.example.com]\n"
#define SHOP_JSON                                                                                  \
    "{\"name\":\"shop\",\"hosts\":[\"shop.example.com\"],\"upstreams\":{\"web\":{\"endpoints\":"   \
    "[{\"address\":\"10.0.0.1:8080\"}]}}}"
#define CREATED                                                                                    \
    "{\"results\":[{\"kind\":\"Tenant\",\"name\":\"shop\",\"outcome\":\"created\",\"revision\":1}" \
    "],"                                                                                           \
    "\"nodes_durable\":1,\"nodes_total\":1}"

/** A server and one run. */
struct scene {
    struct unix_server server;
    struct run_result run;
};

static inline void scene_begin(struct scene *s, const struct unix_answer *answers, size_t num)
{
    unix_server_start(&s->server, answers, num);
    s->run = (struct run_result){ 0 };
}

static inline void scene_run(struct scene *s, const char *line, const char *stdin_text)
{
    run_result_free(&s->run);
    s->run = run_cli(&s->server, line, stdin_text);
}

static inline void scene_end(struct scene *s)
{
    run_result_free(&s->run);
    unix_server_stop(&s->server);
    run_files_remove(&s->server);
    unix_server_remove(&s->server);
}

static inline void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("\"%s\" is not in:\n%s\n", part, text);
    assert_non_null(strstr(text, part));
}

/** A run against one answer, and what it must give. NULL: not looked at. */
struct expected {
    const char *line;
    struct unix_answer answer;
    int code;
    const char *request; /* its first line */
    const char *out;
    const char *err;
};

static inline void check(const struct expected *e, const char *stdin_text)
{
    struct scene s;
    scene_begin(&s, &e->answer, 1);
    scene_run(&s, e->line, stdin_text);
    if (s.run.code != e->code)
        print_error("%s: %s\n", e->line, s.run.err);
    assert_int_equal(s.run.code, e->code);
    if (e->out != NULL)
        assert_string_equal(s.run.out, e->out);
    if (e->err != NULL)
        assert_string_equal(s.run.err, e->err);
    if (e->request != NULL) {
        assert_int_equal(s.server.num_requests, 1);
        assert_memory_equal(s.server.requests[0], e->request, strlen(e->request));
    }
    scene_end(&s);
}

static inline void check_all(const struct expected *cases, size_t num, const char *stdin_text)
{
    for (size_t i = 0; i < num; i++)
        check(&cases[i], stdin_text);
}

#endif
