/* SPDX-License-Identifier: Apache-2.0
 *
 * client_test.c - responses whole, split at every size and cut at every byte; hostile ones;
 * connections that are used again; limits of time and size; errors with what to do.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/cli/link/client.h"
#include "tests/support/failalloc.h"
#include "tests/support/unix_server.h"

static const struct weir_client_request get = { .method = "GET", .target = "/v1/status" };

/* One call against one response. */
struct outcome {
    enum weir_err err;
    uint16_t status;
    struct weir_strbuf body;
    char why[WEIR_CLIENT_WHY_MAX];
};

static void outcome_free(struct outcome *o)
{
    weir_strbuf_deinit(&o->body);
}

static struct outcome call_once(const struct unix_response *response, uint64_t timeout_ms)
{
    struct unix_server s;
    struct weir_client c;
    struct outcome o = { .body = WEIR_STRBUF_ZERO };
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, response, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, timeout_ms), WEIR_OK);
    o.err = weir_client_call(&c, &get, &ret);
    o.status = ret.status;
    o.body = ret.body;
    memcpy(o.why, c.why, sizeof(o.why));
    weir_client_deinit(&c);
    unix_server_stop(&s);
    unix_server_remove(&s);
    return o;
}

static void assert_body(const struct outcome *o, const char *text)
{
    assert_int_equal(o->err, WEIR_OK);
    assert_int_equal(o->body.len, strlen(text));
    if (o->body.len > 0)
        assert_memory_equal(o->body.at, text, o->body.len);
}

#define LENGTH_RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED_RESPONSE                                                                           \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
#define CLOSE_RESPONSE "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
#define INTERIM_RESPONSE                                                                           \
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" LENGTH_RESPONSE

static void responses_are_the_same_however_they_are_split(void **state)
{
    static const char *const responses[] = { LENGTH_RESPONSE, CHUNKED_RESPONSE, CLOSE_RESPONSE,
                                             INTERIM_RESPONSE };
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        size_t len = strlen(responses[i]);
        for (size_t split = 0; split < len; split += split < 8 ? 1 : 7) {
            struct unix_response a = { .bytes = responses[i], .split = split, .close = true };
            struct outcome o = call_once(&a, 10000);
            assert_int_equal(o.status, 200);
            assert_body(&o, "hello");
            outcome_free(&o);
        }
    }
}

static void response_cut_at_any_byte_is_an_error_and_not_a_shorter_response(void **state)
{
    static const char *const responses[] = { LENGTH_RESPONSE, CHUNKED_RESPONSE, INTERIM_RESPONSE };
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        for (size_t len = 1; len < strlen(responses[i]); len++) {
            struct unix_response a = { .bytes = responses[i], .len = len, .close = true };
            struct outcome o = call_once(&a, 10000);
            assert_int_equal(o.err, WEIR_ECLOSED);
            assert_non_null(strstr(o.why, "in the middle of its response"));
            outcome_free(&o);
        }
    }
}

static void hostile_responses_are_rejected(void **state)
{
    static const char *const responses[] = {
        "HELO\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        struct unix_response a = { .bytes = responses[i], .close = true };
        struct outcome o = call_once(&a, 10000);
        if (o.err != WEIR_EPROTO)
            print_error("%s: %s\n", responses[i], weir_err_name(o.err));
        assert_int_equal(o.err, WEIR_EPROTO);
        assert_non_null(strstr(o.why, "is no weir node"));
        assert_non_null(strstr(o.why, "--node"));
        outcome_free(&o);
    }
}

static void interim_responses_without_end_are_refused(void **state)
{
    char bytes[4096] = "";
    size_t len = 0;
    for (unsigned i = 0; i < 40; i++)
        len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "HTTP/1.1 100 Continue\r\n\r\n");
    snprintf(bytes + len, sizeof(bytes) - len, LENGTH_RESPONSE);
    struct unix_response a = { .bytes = bytes, .close = true };
    struct outcome o = call_once(&a, 10000);
    assert_int_equal(o.err, WEIR_EPROTO);
    assert_non_null(strstr(o.why, "interim"));
    outcome_free(&o);
}

static void head_over_the_limit_is_refused(void **state)
{
    size_t len = WEIR_CLIENT_HEAD_MAX + 100;
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    int begin = snprintf(bytes, len, "HTTP/1.1 200 OK\r\nX: ");
    memset(bytes + begin, 'x', len - (size_t)begin);
    bytes[len] = '\0';
    struct unix_response a = { .bytes = bytes, .close = true };
    struct outcome o = call_once(&a, 10000);
    assert_int_equal(o.err, WEIR_EPROTO);
    outcome_free(&o);
    free(bytes);
}

static void body_over_the_limit_is_refused_before_it_is_read(void **state)
{
    struct unix_response a = { .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n" };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    size_t head_len = strlen(a.bytes);
    size_t len = head_len + WEIR_CLIENT_BODY_MAX + 1;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, a.bytes, head_len);
    memset(bytes + head_len, 'x', len - head_len);
    a.bytes = bytes;
    a.len = len;
    a.close = true;
    unix_server_start(&s, &a, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 30000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_ELIMIT);
    assert_non_null(strstr(c.why, "64 MiB"));
    assert_null(ret.body.at);
    assert_int_equal(c.fd, -1);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    unix_server_remove(&s);
    free(bytes);
}

static void silence_ends_at_the_limit_of_time(void **state)
{
    static const char *const responses[] = { "H", LENGTH_RESPONSE };
    for (size_t i = 0; i < 2; i++) {
        struct unix_response a = { .bytes = responses[i],
                                   .len = strlen(responses[i]) - i,
                                   .hold = true };
        uint64_t start_ns = weir_clock_mono_ns();
        struct outcome o = call_once(&a, 100);
        uint64_t took_ms = (weir_clock_mono_ns() - start_ns) / 1000000;
        assert_int_equal(o.err, WEIR_ETIMEOUT);
        assert_in_range(took_ms, 99, 5000);
        assert_non_null(strstr(o.why, "within 100 ms"));
        assert_non_null(strstr(o.why, "--timeout"));
        outcome_free(&o);
    }
}

static void signal_ends_the_wait(void **state)
{
    static volatile sig_atomic_t interrupted = 1;
    struct unix_response a = { .bytes = "H", .hold = true };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, &a, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 30000), WEIR_OK);
    c.interrupted = &interrupted;
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_EBUSY);
    assert_string_equal(c.why, "interrupted");
    weir_client_deinit(&c);
    unix_server_stop(&s);
    unix_server_remove(&s);
}

/* -- requests and connections -- */

static void connection_is_used_by_the_next_call(void **state)
{
    const struct unix_response a[] = { { .bytes = LENGTH_RESPONSE, .repeat = 1 },
                                       { .bytes = CHUNKED_RESPONSE },
                                       { .bytes = "HTTP/1.1 204 No Content\r\n\r\n" },
                                       { .bytes = LENGTH_RESPONSE } };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, a, 4);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_OK);
        assert_int_equal(ret.status, i == 3 ? 204 : 200);
        assert_int_equal(ret.body.len, i == 3 ? 0 : 5);
    }
    weir_strbuf_deinit(&ret.body);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    assert_int_equal(s.num_connections, 1);
    assert_int_equal(s.num_requests, 5);
    unix_server_remove(&s);
}

static void closed_connection_is_replaced(void **state)
{
    const struct unix_response a[] = { { .bytes = LENGTH_RESPONSE, .close = true },
                                       { .bytes = CLOSE_RESPONSE, .close = true },
                                       { .bytes = LENGTH_RESPONSE } };
    const struct weir_client_request post = { .method = "POST", .target = "/v1/drain" };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, a, 3);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_OK);
    usleep(20000); /* the close has arrived: also a POST goes to a new connection */
    assert_int_equal(weir_client_call(&c, &post, &ret), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_OK);
    assert_int_equal(ret.body.len, 5);
    weir_strbuf_deinit(&ret.body);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    assert_int_equal(s.num_connections, 3);
    unix_server_remove(&s);
}

/* There is no second response: the node closes the connection when the next request arrives. */
static void only_a_get_is_sent_again_on_a_connection_that_ends(void **state)
{
    const struct unix_response a[] = { { .bytes = LENGTH_RESPONSE },
                                       { .bytes = "", .close = true },
                                       { .bytes = LENGTH_RESPONSE },
                                       { .bytes = "", .close = true } };
    const struct weir_client_request post = { .method = "POST", .target = "/v1/apply" };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, a, 4);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &post, &ret), WEIR_ECLOSED);
    assert_non_null(strstr(c.why, "without a response"));
    weir_strbuf_deinit(&ret.body);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    assert_int_equal(s.num_requests, 4);
    assert_int_equal(s.num_connections, 2);
    unix_server_remove(&s);
}

static void request_has_its_fields_and_its_body(void **state)
{
    const struct unix_response a = { .bytes = LENGTH_RESPONSE };
    const struct weir_client_request put = { .method = "PUT",
                                             .target = "/v1/tenants/shop",
                                             .content_type = "application/json",
                                             .if_match = "\"3\"",
                                             .body = WEIR_SPAN_LIT("{\"name\":\"shop\"}") };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, &a, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &put, &ret), WEIR_OK);
    weir_strbuf_deinit(&ret.body);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    assert_string_equal(s.requests[0],
                        "PUT /v1/tenants/shop HTTP/1.1\r\nHost: localhost\r\nUser-Agent: "
                        "weir/" WEIR_VERSION "\r\nIf-Match: \"3\"\r\nContent-Type: "
                        "application/json\r\nContent-Length: 15\r\n\r\n{\"name\":\"shop\"}");
    unix_server_remove(&s);
}

/* A node refuses a body that is too long before it has read it. */
static void early_response_is_read_while_the_body_is_sent(void **state)
{
    const struct unix_response a = {
        .bytes =
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno"
            "\n",
        .early = true
    };
    size_t len = 8u << 20;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    const struct weir_client_request post = { .method = "POST",
                                              .target = "/v1/apply",
                                              .content_type = "application/json",
                                              .body = weir_span(body, len) };
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, &a, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &post, &ret), WEIR_OK);
    assert_int_equal(ret.status, 413);
    assert_int_equal(c.fd, -1);
    weir_strbuf_deinit(&ret.body);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    unix_server_remove(&s);
    free(body);
}

/* -- streams -- */

struct pieces {
    struct weir_strbuf text;
    size_t max; /* bytes after which it is enough */
};

static bool piece_keep(void *arg, struct weir_span piece)
{
    struct pieces *p = arg;
    weir_strbuf_add(&p->text, piece);
    return p->text.len < p->max;
}

static enum weir_err stream_once(const struct unix_response *a, struct pieces *p,
                                 struct weir_client_response *ret)
{
    struct unix_server s;
    struct weir_client c;
    unix_server_start(&s, a, 1);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
    enum weir_err err = weir_client_stream(&c, &get, ret, piece_keep, p);
    weir_client_deinit(&c);
    unix_server_stop(&s);
    unix_server_remove(&s);
    return err;
}

static void stream_gives_its_pieces_and_ends_when_the_sink_has_enough(void **state)
{
    const struct unix_response a = { .bytes = CHUNKED_RESPONSE, .split = 3, .hold = true };
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    struct pieces all = { WEIR_STRBUF_ZERO, 100 };
    struct pieces some = { WEIR_STRBUF_ZERO, 2 };
    assert_int_equal(stream_once(&a, &all, &ret), WEIR_OK);
    assert_string_equal(all.text.at, "hello");
    assert_int_equal(stream_once(&a, &some, &ret), WEIR_OK);
    assert_string_equal(some.text.at, "he");
    assert_int_equal(ret.body.len, 0);
    weir_strbuf_deinit(&all.text);
    weir_strbuf_deinit(&some.text);
}

static void stream_of_a_refusal_keeps_its_body_out_of_the_sink(void **state)
{
    const struct unix_response a = {
        .bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"
    };
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    struct pieces p = { WEIR_STRBUF_ZERO, 100 };
    assert_int_equal(stream_once(&a, &p, &ret), WEIR_OK);
    assert_int_equal(ret.status, 404);
    assert_string_equal(ret.body.at, "none");
    assert_int_equal(p.text.len, 0);
    weir_strbuf_deinit(&ret.body);
}

/* -- names of nodes -- */

static void names_of_nodes_are_checked(void **state)
{
    static const struct {
        const char *node;
        enum weir_err err;
        const char *why;
    } cases[] = {
        { "unix:/x", WEIR_OK, "" },
        { "unix:", WEIR_EINVAL, "unix:PATH" },
        { "/run/weir/admin.sock", WEIR_EINVAL, "unix:PATH" },
        { "", WEIR_EINVAL, "unix:PATH" },
        { "http://localhost:7400", WEIR_EINVAL, "unix:PATH" },
        { "https://edge:7400", WEIR_OK, "" },
        { "https://edge:74000", WEIR_EINVAL, "https://HOST:PORT" },
        { "unix:/\033[2J", WEIR_OK, "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_client c;
        assert_int_equal(weir_client_init(&c, "--node", cases[i].node, 1000), cases[i].err);
        assert_non_null(strstr(c.why, cases[i].why));
        assert_null(strchr(c.name, '\033'));
        assert_null(strchr(c.why, '\033'));
        weir_client_deinit(&c);
    }
    struct weir_client c;
    char longest[120] = "unix:";
    memset(longest + 5, 'x', 107);
    assert_int_equal(weir_client_init(&c, "--node", longest, 1000), WEIR_OK);
    longest[5 + 107] = 'x';
    assert_int_equal(weir_client_init(&c, "--node", longest, 1000), WEIR_EINVAL);
    assert_non_null(strstr(c.why, "at most 107 bytes"));
}

static void node_that_is_not_there_is_reported_with_what_to_do(void **state)
{
    struct unix_server s;
    struct weir_client c;
    struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
    unix_server_start(&s, NULL, 0);
    unix_server_stop(&s);

    assert_int_equal(weir_client_init(&c, "--node", s.node, 1000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_ECLOSED);
    assert_non_null(strstr(c.why, "connection refused. Is it running?"));
    weir_client_deinit(&c);

    assert_int_equal(unlink(s.path), 0);
    assert_int_equal(weir_client_init(&c, "--node", s.node, 1000), WEIR_OK);
    assert_int_equal(weir_client_call(&c, &get, &ret), WEIR_ENOTFOUND);
    assert_non_null(strstr(c.why, "no such socket"));
    assert_non_null(strstr(c.why, "--node"));
    weir_client_deinit(&c);
    unix_server_remove(&s);
}

static void no_memory_at_any_point_is_an_error_without_a_leak(void **state)
{
    const struct unix_response a[] = { { .bytes = CHUNKED_RESPONSE, .repeat = 20 } };
    struct unix_server s;
    struct weir_client c;
    bool succeeded = false;
    unix_server_start(&s, a, 1);
    for (long n = 1; n < 20 && !succeeded; n++) {
        struct weir_client_response ret = { .status = 0, .body = WEIR_STRBUF_ZERO };
        assert_int_equal(weir_client_init(&c, "--node", s.node, 10000), WEIR_OK);
        weir_failalloc_once(n);
        enum weir_err err = weir_client_call(&c, &get, &ret);
        weir_failalloc_once(-1);
        /* The server allocates as well; then it closes the connection. */
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM || err == WEIR_ECLOSED);
        succeeded = err == WEIR_OK && n > 4;
        weir_strbuf_deinit(&ret.body);
        weir_client_deinit(&c);
    }
    assert_true(succeeded);
    unix_server_stop(&s);
    unix_server_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_the_same_however_they_are_split),
        cmocka_unit_test(response_cut_at_any_byte_is_an_error_and_not_a_shorter_response),
        cmocka_unit_test(hostile_responses_are_rejected),
        cmocka_unit_test(interim_responses_without_end_are_refused),
        cmocka_unit_test(head_over_the_limit_is_refused),
        cmocka_unit_test(body_over_the_limit_is_refused_before_it_is_read),
        cmocka_unit_test(silence_ends_at_the_limit_of_time),
        cmocka_unit_test(signal_ends_the_wait),
        cmocka_unit_test(connection_is_used_by_the_next_call),
        cmocka_unit_test(closed_connection_is_replaced),
        cmocka_unit_test(only_a_get_is_sent_again_on_a_connection_that_ends),
        cmocka_unit_test(request_has_its_fields_and_its_body),
        cmocka_unit_test(early_response_is_read_while_the_body_is_sent),
        cmocka_unit_test(stream_gives_its_pieces_and_ends_when_the_sink_has_enough),
        cmocka_unit_test(stream_of_a_refusal_keeps_its_body_out_of_the_sink),
        cmocka_unit_test(names_of_nodes_are_checked),
        cmocka_unit_test(node_that_is_not_there_is_reported_with_what_to_do),
        cmocka_unit_test(no_memory_at_any_point_is_an_error_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
