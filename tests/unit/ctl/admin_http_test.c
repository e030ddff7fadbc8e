/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_http_test.c - one admin connection without I/O: the same requests come out however the
 * bytes are cut, and what is malformed or too large is refused by the right status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/ctl/admin/admin_http.h"
#include "tests/support/failalloc.h"

#define BODY_MAX 64

static struct weir_admin_http http;

static int setup(void **state)
{
    weir_admin_http_init(&http, BODY_MAX);
    return 0;
}

static int teardown(void **state)
{
    weir_failalloc_after(-1);
    weir_admin_http_deinit(&http);
    return 0;
}

static void feed(const char *bytes, size_t len)
{
    assert_int_equal(weir_admin_http_feed(&http, weir_span(bytes, len)), WEIR_OK);
}

static void feed_text(const char *text)
{
    feed(text, strlen(text));
}

static struct weir_admin_message *take_request(void)
{
    assert_int_equal(weir_admin_http_next(&http), WEIR_ADMIN_HEAD);
    assert_int_equal(weir_admin_http_next(&http), WEIR_ADMIN_REQUEST);
    return weir_admin_http_take(&http);
}

static void assert_span(struct weir_span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at, text, s.len);
}

static void a_request_without_body_is_whole_after_its_head(void **state)
{
    feed_text("GET /v1/tenants?after=a&limit=2 HTTP/1.1\r\nHost: weir\r\n\r\n");
    struct weir_admin_message *m = take_request();
    assert_span(m->method, "GET");
    assert_span(m->path, "/v1/tenants");
    assert_span(m->query, "after=a&limit=2");
    assert_false(m->has_body);
    assert_true(m->keep_alive);
    assert_int_equal(m->body.len, 0);
    assert_true(weir_admin_http_idle(&http));
    weir_admin_message_free(&m);
    assert_null(m);
}

static void an_absolute_target_has_the_same_path(void **state)
{
    feed_text("GET http://weir/healthz HTTP/1.1\r\nHost: weir\r\n\r\n");
    struct weir_admin_message *m = take_request();
    assert_span(m->path, "/healthz");
    assert_span(m->query, "");
    weir_admin_message_free(&m);
}

static void a_length_of_zero_is_a_body_that_is_there(void **state)
{
    feed_text("PUT /v1/tenants/a HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\n\r\n");
    struct weir_admin_message *m = take_request();
    assert_true(m->has_body);
    assert_int_equal(m->body.len, 0);
    weir_admin_message_free(&m);
}

/* Three requests of every framing on one connection. */
static const char three[] = "PUT /a HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\n\r\nhello"
                            "POST /b HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nT: v\r\n\r\n"
                            "GET /c HTTP/1.0\r\n\r\n";

static void take_three(const char *bytes, size_t len, size_t first_len)
{
    static const char *const paths[] = { "/a", "/b", "/c" };
    static const char *const bodies[] = { "hello", "abcdefg", "" };
    size_t num = 0;
    size_t at = 0;
    while (num < 3) {
        enum weir_admin_event event = weir_admin_http_next(&http);
        assert_int_not_equal(event, WEIR_ADMIN_FAULT);
        if (event == WEIR_ADMIN_MORE) {
            size_t piece = at == 0 ? first_len : len - at;
            assert_true(at < len);
            feed(bytes + at, piece);
            at += piece;
        }
        if (event != WEIR_ADMIN_REQUEST)
            continue;
        struct weir_admin_message *m = weir_admin_http_take(&http);
        assert_span(m->path, paths[num]);
        assert_int_equal(m->body.len, strlen(bodies[num]));
        if (m->body.len > 0)
            assert_memory_equal(m->body.at, bodies[num], m->body.len);
        assert_int_equal(m->keep_alive, num < 2);
        weir_admin_message_free(&m);
        num++;
    }
    assert_true(weir_admin_http_idle(&http));
}

static void requests_come_out_the_same_when_split_at_each_byte(void **state)
{
    for (size_t cut = 1; cut < sizeof(three) - 1; cut++) {
        take_three(three, sizeof(three) - 1, cut);
        weir_admin_http_deinit(&http);
        weir_admin_http_init(&http, BODY_MAX);
    }
}

static void requests_come_out_the_same_byte_by_byte(void **state)
{
    size_t num = 0;
    for (size_t i = 0; i < sizeof(three) - 1; i++) {
        feed(three + i, 1);
        enum weir_admin_event event = weir_admin_http_next(&http);
        if (event == WEIR_ADMIN_HEAD)
            event = weir_admin_http_next(&http);
        assert_int_not_equal(event, WEIR_ADMIN_FAULT);
        if (event != WEIR_ADMIN_REQUEST)
            continue;
        struct weir_admin_message *m = weir_admin_http_take(&http);
        weir_admin_message_free(&m);
        num++;
    }
    assert_int_equal(num, 3);
}

static void a_request_cut_at_any_byte_only_waits(void **state)
{
    static const char one[] = "PUT /a HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\n\r\nhello";
    for (size_t len = 0; len < sizeof(one) - 1; len++) {
        feed(one, len);
        enum weir_admin_event event = weir_admin_http_next(&http);
        if (event == WEIR_ADMIN_HEAD)
            event = weir_admin_http_next(&http);
        assert_int_equal(event, WEIR_ADMIN_MORE);
        assert_int_equal(weir_admin_http_idle(&http), len == 0);
        weir_admin_http_deinit(&http);
        weir_admin_http_init(&http, BODY_MAX);
    }
}

static void assert_fault(const char *text, uint16_t status)
{
    feed_text(text);
    enum weir_admin_event event = weir_admin_http_next(&http);
    if (event == WEIR_ADMIN_HEAD)
        event = weir_admin_http_next(&http);
    assert_int_equal(event, WEIR_ADMIN_FAULT);
    assert_int_equal(http.status, status);
    assert_non_null(http.why);
    assert_null(http.message);
    assert_int_equal(weir_admin_http_next(&http), WEIR_ADMIN_FAULT);
    weir_admin_http_deinit(&http);
    weir_admin_http_init(&http, BODY_MAX);
}

static void malformed_requests_are_refused(void **state)
{
    assert_fault("GET\r\n\r\n", 400);
    assert_fault("GET / HTTP/1.1\r\n\r\n", 400); /* no Host */
    assert_fault("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    assert_fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    assert_fault("GET / HTTP/1.1\nHost: a\n\n", 400);
    assert_fault("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
                 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n",
                 400);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417);
}

static void a_body_may_reach_the_limit_and_not_pass_it(void **state)
{
    char text[256];
    snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%0*d",
             BODY_MAX, BODY_MAX, 1);
    feed_text(text);
    struct weir_admin_message *m = take_request();
    assert_int_equal(m->body.len, BODY_MAX);
    weir_admin_message_free(&m);
    snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
             BODY_MAX + 1);
    assert_fault(text, 413);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n", 413);
    snprintf(text, sizeof(text),
             "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", BODY_MAX + 1);
    assert_fault(text, 413);
    assert_fault("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "ffffffffffffffff\r\n",
                 413);
    snprintf(text, sizeof(text),
             "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%0*d\r\n1\r\nx",
             BODY_MAX, BODY_MAX, 1);
    assert_fault(text, 413);
}

static void a_head_may_reach_the_limit_and_not_pass_it(void **state)
{
    static const char front[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    char *text = malloc(WEIR_ADMIN_HEAD_MAX + 64);
    assert_non_null(text);
    memset(text, 'x', WEIR_ADMIN_HEAD_MAX + 64);
    memcpy(text, front, sizeof(front) - 1);
    memcpy(text + WEIR_ADMIN_HEAD_MAX - 4, "\r\n\r\n", 5);
    feed_text(text);
    struct weir_admin_message *m = take_request();
    weir_admin_message_free(&m);
    memset(text + WEIR_ADMIN_HEAD_MAX - 4, 'x', 5);
    memcpy(text + WEIR_ADMIN_HEAD_MAX - 3, "\r\n\r\n", 5);
    assert_fault(text, 431);
    free(text);
}

static void more_bytes_than_may_wait_are_not_accepted(void **state)
{
    static char bytes[WEIR_ADMIN_AHEAD_MAX + WEIR_IO_CHUNK];
    memset(bytes, 'x', sizeof(bytes));
    feed(bytes, sizeof(bytes));
    assert_int_equal(weir_admin_http_feed(&http, WEIR_SPAN_LIT("x")), WEIR_ELIMIT);
}

static void fields_are_found_in_any_case_and_are_empty_when_there_are_several(void **state)
{
    struct weir_span value;
    feed_text("GET / HTTP/1.1\r\nHost: a\r\nIf-MATCH:  \"3\" \r\nX-Two: 1\r\nx-two: 2\r\n\r\n");
    struct weir_admin_message *m = take_request();
    assert_true(weir_admin_message_field(m, "if-match", &value));
    assert_span(value, "\"3\"");
    assert_true(weir_admin_message_field(m, "x-two", &value));
    assert_int_equal(value.len, 0);
    assert_false(weir_admin_message_field(m, "if-none-match", &value));
    weir_admin_message_free(&m);
}

/* Each allocation that a request makes is failed once: the connection then refuses or ends, and
 * nothing leaks. */
static void no_memory_is_a_refusal_and_not_a_crash(void **state)
{
    for (long n = 0; n < 16; n++) {
        weir_admin_http_deinit(&http);
        weir_admin_http_init(&http, BODY_MAX);
        weir_failalloc_after(n);
        bool refused = weir_admin_http_feed(&http, weir_span(three, sizeof(three) - 1)) < 0;
        enum weir_admin_event event = WEIR_ADMIN_MORE;
        while (!refused) {
            event = weir_admin_http_next(&http);
            if (event == WEIR_ADMIN_REQUEST) {
                struct weir_admin_message *m = weir_admin_http_take(&http);
                weir_admin_message_free(&m);
            }
            if (event == WEIR_ADMIN_FAULT || event == WEIR_ADMIN_MORE)
                break;
        }
        weir_failalloc_after(-1);
        if (event == WEIR_ADMIN_FAULT)
            assert_int_equal(http.status, 503);
        if (n == 0)
            assert_true(refused);
    }
}

static void a_response_head_has_what_a_client_needs(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_admin_head head = { .status = 201,
                                    .content_type = "application/json",
                                    .more = WEIR_SPAN_LIT("ETag: \"7\"\r\n"),
                                    .content_length = 12,
                                    .wall_ms = 784111777000 };
    weir_admin_head_write(&head, &out);
    assert_false(out.failed);
    assert_string_equal(out.at, "HTTP/1.1 201 Created\r\n"
                                "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                "Content-Type: application/json\r\n"
                                "ETag: \"7\"\r\n"
                                "Content-Length: 12\r\n"
                                "Connection: keep-alive\r\n"
                                "Cache-Control: no-store\r\n\r\n");
    weir_strbuf_deinit(&out);
}

static void a_stream_head_names_its_coding(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_admin_head head = { .status = 200, .chunked = true, .close = true };
    weir_admin_head_write(&head, &out);
    assert_non_null(strstr(out.at, "Transfer-Encoding: chunked\r\n"));
    assert_null(strstr(out.at, "Content-Length"));
    assert_non_null(strstr(out.at, "Connection: close\r\n"));
    weir_strbuf_deinit(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_without_body_is_whole_after_its_head),
        TEST(an_absolute_target_has_the_same_path),
        TEST(a_length_of_zero_is_a_body_that_is_there),
        TEST(requests_come_out_the_same_when_split_at_each_byte),
        TEST(requests_come_out_the_same_byte_by_byte),
        TEST(a_request_cut_at_any_byte_only_waits),
        TEST(malformed_requests_are_refused),
        TEST(a_body_may_reach_the_limit_and_not_pass_it),
        TEST(a_head_may_reach_the_limit_and_not_pass_it),
        TEST(more_bytes_than_may_wait_are_not_accepted),
        TEST(fields_are_found_in_any_case_and_are_empty_when_there_are_several),
        TEST(no_memory_is_a_refusal_and_not_a_crash),
        TEST(a_response_head_has_what_a_client_needs),
        TEST(a_stream_head_names_its_coding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
