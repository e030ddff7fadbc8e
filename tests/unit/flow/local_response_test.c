/* SPDX-License-Identifier: Apache-2.0
 *
 * local_response_test.c - weir's own responses: their bytes, their bounds, and that weir's own
 * parser accepts them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/flow/local_response.h"
#include "node/wire/h1.h"

#define DATE WEIR_SPAN_LIT("Sat, 21 Nov 2026 03:55:51 GMT")

/** The response as text, in room of exactly its length. */
static char *written(const struct weir_local_response *a)
{
    size_t need = weir_local_response_len(a), len = 0;
    char *out = malloc(need + 1);

    assert_non_null(out);
    assert_int_equal(weir_local_response_write(a, (uint8_t *)out, need, &len), WEIR_OK);
    assert_int_equal(len, need);
    out[len] = '\0';
    return out;
}

/** Read the head with the parser of responses; check that the declared length is that of the body.
 */
static void assert_whole(const char *text, bool head_only)
{
    struct weir_h1_head h;

    weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(&h, weir_span_cstr(text)), WEIR_STEP_DONE);
    assert_true(h.has_content_length);
    assert_int_equal(strlen(text) - h.head_len, head_only ? 0 : h.content_length);
}

static void an_error_is_a_small_page_that_names_itself(void **state)
{
    struct weir_local_response a = {
        .status = 404,
        .reason_text = WEIR_SPAN_LIT("No site is configured here for this host name."),
        .request_id = WEIR_SPAN_LIT("0123456789abcdef"),
        .date = DATE,
        .keep_alive = true,
    };
    char *text = written(&a);

    (void)state;
    assert_string_equal(text, "HTTP/1.1 404 Not Found\r\n"
                              "Date: Sat, 21 Nov 2026 03:55:51 GMT\r\n"
                              "Content-Type: text/html; charset=utf-8\r\n"
                              "Content-Length: 246\r\n"
                              "Cache-Control: no-store\r\n"
                              "X-Request-ID: 0123456789abcdef\r\n"
                              "\r\n"
                              "<!doctype html>\n"
                              "<html lang=\"en\">\n"
                              "<head><meta charset=\"utf-8\"><title>404 Not Found</title></head>\n"
                              "<body>\n"
                              "<h1>404 Not Found</h1>\n"
                              "<p>No site is configured here for this host name.</p>\n"
                              "<p>Request ID: <code>0123456789abcdef</code></p>\n"
                              "</body>\n"
                              "</html>\n");
    assert_whole(text, false);
    free(text);
}

static void the_connection_field_is_sent_where_it_has_to_be(void **state)
{
    struct weir_local_response a = { .status = 400, .date = DATE };
    char *text = written(&a);

    (void)state;
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    free(text);
    a.minor10 = true;
    text = written(&a);
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    free(text);
    a.keep_alive = true;
    text = written(&a);
    assert_non_null(strstr(text, "\r\nConnection: keep-alive\r\n"));
    free(text);
    a.minor10 = false;
    text = written(&a);
    assert_null(strstr(text, "Connection:"));
    free(text);
}

static void a_response_to_head_is_the_head_of_a_get(void **state)
{
    struct weir_local_response a = { .status = 502,
                                     .date = DATE,
                                     .request_id = WEIR_SPAN_LIT("id") };
    char *get = written(&a);

    (void)state;
    a.head_only = true;
    char *head = written(&a);
    assert_whole(get, false);
    assert_whole(head, true);
    assert_memory_equal(head, get, strlen(head));
    free(head);
    free(get);
}

static void a_redirect_has_its_location_and_may_be_stored(void **state)
{
    struct weir_local_response a = { .status = 308,
                                     .location = WEIR_SPAN_LIT("https://a.example/x?y"),
                                     .keep_alive = true };
    char *text = written(&a);

    (void)state;
    assert_memory_equal(text, "HTTP/1.1 308 Permanent Redirect\r\n", 33);
    assert_non_null(strstr(text, "\r\nLocation: https://a.example/x?y\r\n"));
    assert_null(strstr(text, "Cache-Control"));
    assert_null(strstr(text, "Date:"));
    assert_null(strstr(text, "X-Request-ID:"));
    assert_null(
        strstr(strstr(text, "\r\n\r\n"), "a.example")); /* nothing from outside in the page */
    assert_whole(text, false);
    free(text);
}

static void retry_after_is_sent_when_given(void **state)
{
    struct weir_local_response a = { .status = 503, .retry_after_s = 4294967295u };
    char *text = written(&a);

    (void)state;
    assert_non_null(strstr(text, "\r\nRetry-After: 4294967295\r\n"));
    free(text);
    a.retry_after_s = 0;
    text = written(&a);
    assert_null(strstr(text, "Retry-After"));
    free(text);
}

static void a_tenant_s_page_stands_for_its_status_alone(void **state)
{
    const struct weir_error_page pages[] = {
        { .status = 404,
          .content_type = WEIR_SPAN_LIT("text/plain"),
          .body = WEIR_SPAN_LIT("nothing <here>") },
        { .status = 502, .content_type = WEIR_SPAN_LIT("text/html"), .body = WEIR_SPAN_EMPTY },
    };
    struct weir_tenant t = { .num_error_pages = 2, .error_pages = pages };
    struct weir_local_response a = {
        .status = 404, .tenant = &t, .reason_text = WEIR_SPAN_LIT("why"), .keep_alive = true
    };
    char *text = written(&a);

    (void)state;
    assert_string_equal(
        text, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n"
              "Cache-Control: no-store\r\n\r\nnothing <here>");
    free(text);
    a.status = 502;
    text = written(&a);
    assert_non_null(strstr(text, "\r\nContent-Length: 0\r\n"));
    assert_whole(text, false);
    free(text);
    a.status = 503;
    text = written(&a);
    assert_non_null(strstr(text, "<p>why</p>"));
    free(text);
}

static void bytes_from_outside_cannot_end_a_text_of_the_page(void **state)
{
    struct weir_local_response a = {
        .status = 400,
        .reason_text = WEIR_SPAN_LIT("<script>&\"'\x01\xff</script>"),
        .request_id = WEIR_SPAN_LIT("</code><b>\xc3\xa9"),
    };
    char *text = written(&a);

    (void)state;
    assert_non_null(strstr(text, "<p>&lt;script&gt;&amp;&quot;&#39;?\?&lt;/script&gt;</p>"));
    assert_non_null(strstr(text, "<code>&lt;/code&gt;&lt;b&gt;?\?</code>"));
    free(text);
}

static void bytes_that_would_split_the_head_are_refused(void **state)
{
    static const char *const bad[] = { "a\r\nSet-Cookie: x", "a\n", "\r", "a\x7f", "\x01" };
    uint8_t out[2048];
    size_t len = 77;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_span s = weir_span_cstr(bad[i]);
        struct weir_local_response a = { .status = 301, .location = s };
        assert_int_equal(weir_local_response_write(&a, out, sizeof(out), &len), WEIR_EPROTO);
        a = (struct weir_local_response){ .status = 400, .request_id = s };
        assert_int_equal(weir_local_response_write(&a, out, sizeof(out), &len), WEIR_EPROTO);
        struct weir_error_page page = { .status = 400, .content_type = s };
        struct weir_tenant t = { .num_error_pages = 1, .error_pages = &page };
        a = (struct weir_local_response){ .status = 400, .tenant = &t };
        assert_int_equal(weir_local_response_write(&a, out, sizeof(out), &len), WEIR_EPROTO);
    }
    assert_int_equal(len, 77);
}

static void a_response_fits_exactly_or_is_refused(void **state)
{
    struct weir_local_response a = {
        .status = 503, .date = DATE, .reason_text = WEIR_SPAN_LIT("why"), .retry_after_s = 5
    };
    size_t need = weir_local_response_len(&a);

    (void)state;
    for (size_t max = 0; max <= need; max++) {
        uint8_t *out = malloc(max + 1); /* its own block: a byte too many is seen */
        size_t len = 77;

        assert_non_null(out);
        assert_int_equal(weir_local_response_write(&a, out, max, &len),
                         max < need ? WEIR_ELIMIT : WEIR_OK);
        assert_int_equal(len, max < need ? 77 : need);
        free(out);
    }
    assert_in_range(need, 1, WEIR_LOCAL_RESPONSE_OWN_MAX);
}

/* RFC 9110 9.3.7: Content-Length: 0 when there is no content; 15.5.6: a 405 has Allow. */
static void responses_to_options_and_trace_have_allow_or_the_message(void **state)
{
    struct weir_local_response a = { .status = 200, .date = DATE, .keep_alive = true };

    (void)state;
    a.allow = WEIR_SPAN_LIT("GET, HEAD");
    char *text = written(&a);
    assert_string_equal(text, "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 03:55:51 GMT\r\n"
                              "Content-Length: 0\r\nAllow: GET, HEAD\r\n\r\n");
    assert_whole(text, false);
    free(text);

    a.message = WEIR_SPAN_LIT("TRACE / HTTP/1.1\r\n\r\n");
    a.allow = WEIR_SPAN_EMPTY;
    text = written(&a);
    assert_string_equal(text, "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 03:55:51 GMT\r\n"
                              "Content-Type: message/http\r\nContent-Length: 20\r\n\r\n"
                              "TRACE / HTTP/1.1\r\n\r\n");
    assert_whole(text, false);
    free(text);

    a = (struct weir_local_response){ .status = 405, .allow = WEIR_SPAN_LIT("GET") };
    text = written(&a);
    assert_non_null(strstr(text, "\r\nAllow: GET\r\n"));
    assert_whole(text, false);
    free(text);
}

static void every_status_of_ours_has_its_phrase(void **state)
{
    static const uint16_t statuses[] = { 301, 302, 303, 307, 308, 400, 403, 404, 405, 408, 411, 413,
                                         414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505 };
    char begin[32];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(statuses); i++) {
        struct weir_local_response a = { .status = statuses[i] };
        char *text = written(&a);

        snprintf(begin, sizeof(begin), "HTTP/1.1 %u ", statuses[i]);
        assert_memory_equal(text, begin, strlen(begin));
        assert_int_not_equal(text[strlen(begin)], '\r');
        assert_whole(text, false);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_a_small_page_that_names_itself),
        cmocka_unit_test(the_connection_field_is_sent_where_it_has_to_be),
        cmocka_unit_test(a_response_to_head_is_the_head_of_a_get),
        cmocka_unit_test(a_redirect_has_its_location_and_may_be_stored),
        cmocka_unit_test(retry_after_is_sent_when_given),
        cmocka_unit_test(a_tenant_s_page_stands_for_its_status_alone),
        cmocka_unit_test(bytes_from_outside_cannot_end_a_text_of_the_page),
        cmocka_unit_test(bytes_that_would_split_the_head_are_refused),
        cmocka_unit_test(a_response_fits_exactly_or_is_refused),
        cmocka_unit_test(responses_to_options_and_trace_have_allow_or_the_message),
        cmocka_unit_test(every_status_of_ours_has_its_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
