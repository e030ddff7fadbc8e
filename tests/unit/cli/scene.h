/* SPDX-License-Identifier: Apache-2.0
 *
 * scene.h - for the tests of subcommands: one server with its responses, runs against it, and
 * tables of what a run must send, print and return.
 */
#ifndef WEIR_TESTS_UNIT_CLI_SCENE_H
#define WEIR_TESTS_UNIT_CLI_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

static inline void scene_begin(struct scene *s, const struct unix_response *responses, size_t num)
{
    unix_server_start(&s->server, responses, num);
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

/** A run against one response, and what it must give. NULL: not checked. */
struct expected {
    const char *line;
    struct unix_response response;
    int code;
    const char *request; /* its first line */
    const char *out;
    const char *err;
};

static inline void check(const struct expected *e, const char *stdin_text)
{
    struct scene s;
    scene_begin(&s, &e->response, 1);
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

/**
 * Run with every single allocation failing in turn: each run ends with an error or, where the
 * memory was not missed, with what it would have done; never with a crash or a leak.
 */
static inline void check_without_memory(const char *line, struct unix_response response,
                                        const char *stdin_text)
{
    struct scene s;
    unsigned num_failed = 0;
    unsigned num_same = 0; /* in a row: the run needs no more allocations */
    response.repeat = UNIX_SERVER_REQUESTS_MAX;
    scene_begin(&s, &response, 1);
    run_file_put(&s.server, "shop.yaml", SHOP);
    scene_run(&s, line, stdin_text);
    int code = s.run.code;
    char *out = strdup(s.run.out);
    assert_non_null(out);
    for (unsigned n = 1; num_same < 8; n++) {
        run_result_free(&s.run);
        s.run = run_cli_failing(&s.server, line, stdin_text, n);
        bool same = s.run.code == code && s.run.err[0] == '\0' && strcmp(s.run.out, out) == 0;
        num_same = same ? num_same + 1 : 0;
        num_failed += !same;
        if (!same && s.run.err[0] == '\0')
            print_error("%s: allocation %u: nothing is reported\n%s\n", line, n, s.run.out);
        assert_true(same || s.run.err[0] != '\0');
        assert_in_range(s.run.code, 0, 5);
        assert_in_range(n, 1, UNIX_SERVER_REQUESTS_MAX - 2);
    }
    assert_true(num_failed > 3);
    free(out);
    scene_end(&s);
}

#endif
