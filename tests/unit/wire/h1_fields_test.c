/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_fields_test.c - the fields that frame, route and forward a message, in every spelling that has
 * fooled a proxy. Ref: RFC 9110 7.2, 7.6.1, 8.6, 10.1.1; RFC 9112 3.2, 6.1, 6.2.
 */
#include <stdio.h>

#include "tests/support/heads.h"

#define REQUEST  WEIR_H1_REQUEST
#define RESPONSE WEIR_H1_RESPONSE
#define POST     "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK       "HTTP/1.1 200 OK\r\n"

/* RFC 9112 3.2: exactly one Host in HTTP/1.1. */
static void host_comes_once(void **state)
{
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\n\r\n"), WEIR_FAULT_HOST_MISSING);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\nHosts: a\r\n\r\n"), WEIR_FAULT_HOST_MISSING);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
              WEIR_FAULT_HOST_REPEATED);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: a\r\n\r\n"),
              WEIR_FAULT_HOST_REPEATED);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
              WEIR_FAULT_HOST_REPEATED);
    heads_bad(REQUEST, BYTES("OPTIONS * HTTP/1.1\r\n\r\n"), WEIR_FAULT_HOST_MISSING);

    struct weir_h1_head h;
    struct weir_span bytes = BYTES("GET / HTTP/1.0\r\nHOST: \tA.b:1 \r\n\r\n");
    heads_good(&h, REQUEST, bytes);
    heads_assert_text(bytes, h.authority_at, h.authority_len, "A.b:1");
    heads_good(&h, REQUEST, BYTES("GET / HTTP/1.0\r\n\r\n"));
    assert_int_equal(h.authority_len, 0);
}

static void host_is_one_authority(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: \t \r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a::\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: :\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a:0\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: .\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: a%00\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: \xc3\xa9.example\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\nHost: 1.2.3\r\n\r\n"),
        BYTES("GET / HTTP/1.0\r\nHost: a,b\r\n\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i], WEIR_FAULT_HOST_INVALID);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), WEIR_FAULT_FIELD_VALUE);
}

static void content_length_is_digits_once(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(POST "content-LENGTH:\t 0042 \r\n\r\n"));
    assert_int_equal(h.content_length, 42);
    heads_good(&h, REQUEST, BYTES(POST "Content-Length: 999999999999999999\r\n\r\n"));
    assert_int_equal(h.content_length, 999999999999999999);

    static const char *const bad[] = {
        "",
        " ",
        "+5",
        "-5",
        "0x5",
        "5_0",
        "5,5",
        "5, 5",
        "5,",
        ",5",
        "5 5",
        "5;",
        "5.0",
        "1e3",
        "five",
        "\"5\"",
        "5\xa0",
        ("\xa0"
         "5"),
        "0b1",
        "1000000000000000000",  /* 19 digits */
        "9223372036854775808",  /* 2^63 */
        "18446744073709551616", /* 2^64 */
        "18446744073709551621", /* 2^64 + 5 */
        "00000000000000000005",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "Content-Length: %s\r\n\r\n", bad[i]);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_CONTENT_LENGTH);
        len = snprintf(text, sizeof(text), OK "Content-Length: %s\r\n\r\n", bad[i]);
        heads_bad(RESPONSE, weir_span(text, (size_t)len), WEIR_FAULT_CONTENT_LENGTH);
    }

    static const struct weir_span repeated[] = {
        BYTES(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        BYTES(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        BYTES(POST "Content-Length: 0\r\nX: y\r\ncontent-length: 0\r\n\r\n"),
        BYTES(POST "Content-Length:\r\nContent-Length: 5\r\n\r\n"),
        BYTES(POST "Content-Length: 5\r\nContent-Length:\r\n\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(repeated); i++)
        heads_bad(REQUEST, repeated[i], WEIR_FAULT_CONTENT_LENGTH);
    heads_bad(RESPONSE, BYTES(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
              WEIR_FAULT_CONTENT_LENGTH);
}

static void length_and_coding_together_are_refused(void **state)
{
    heads_bad(REQUEST, BYTES(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
    heads_bad(REQUEST, BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
    heads_bad(REQUEST, BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
    heads_bad(RESPONSE, BYTES(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
    heads_bad(RESPONSE, BYTES(OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
}

static void transfer_encoding_is_chunked_alone(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(POST "Transfer-Encoding: chunked\r\n\r\n"));
    assert_true(h.chunked);
    assert_true(h.fields[1].hop);
    heads_good(&h, REQUEST, BYTES(POST "TRANSFER-ENCODING:\t cHUNKED \t\r\n\r\n"));
    assert_true(h.chunked);

    static const struct weir_span bad[] = {
        BYTES(""),
        BYTES(" "),
        BYTES("chunked,"),
        BYTES(",chunked"),
        BYTES(" , chunked"),
        BYTES("chunked, chunked"),
        BYTES("gzip, chunked"),
        BYTES("chunked, identity"),
        BYTES("identity"),
        BYTES("gzip"),
        BYTES("xchunked"),
        BYTES("chunkedx"),
        BYTES("chunked x"),
        BYTES("\"chunked\""),
        BYTES("'chunked'"),
        BYTES("chunked;q=1"),
        BYTES("chun\tked"),
        BYTES("\xa0"
              "chunked"),
        BYTES("chunked\xa0"),
        BYTES("chunked\x85"),
        BYTES("chunk"),
        BYTES("chunke\xc4\x91"),
        BYTES("[chunked]"),
        BYTES("\xef\xbb\xbf"
              "chunked"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "Transfer-Encoding: %s\r\n\r\n",
                           (const char *)bad[i].at);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_TRANSFER_ENCODING);
        len = snprintf(text, sizeof(text), OK "Transfer-Encoding: %s\r\n\r\n",
                       (const char *)bad[i].at);
        heads_bad(RESPONSE, weir_span(text, (size_t)len), WEIR_FAULT_TRANSFER_ENCODING);
    }
}

static void transfer_encoding_is_neither_repeated_nor_disguised(void **state)
{
    static const struct {
        struct weir_span bytes;
        enum weir_h1_fault fault;
    } odd[] = {
        { BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
          WEIR_FAULT_TRANSFER_ENCODING },
        { BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
          WEIR_FAULT_TRANSFER_ENCODING },
        { BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n"),
          WEIR_FAULT_TRANSFER_ENCODING },
        { BYTES(POST "Transfer-Encoding: \x0b"
                     "chunked\r\n\r\n"),
          WEIR_FAULT_FIELD_VALUE },
        { BYTES(POST "Transfer-Encoding: chunked\0\r\n\r\n"), WEIR_FAULT_FIELD_VALUE },
        { BYTES(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), WEIR_FAULT_TRANSFER_ENCODING },
        { BYTES(POST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n"), WEIR_FAULT_OBS_FOLD },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(odd); i++)
        heads_bad(REQUEST, odd[i].bytes, odd[i].fault);

    /* A name that only some readers take for it is another field, and marked as one. */
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(POST "Transfer_Encoding: chunked\r\n\r\n"));
    assert_false(h.chunked);
    assert_true(h.fields[1].underscore);
}

/* RFC 9112 6.1: no Transfer-Encoding in HTTP/1.0 or in 1xx. */
static void transfer_encoding_has_no_place_where_it_cannot_be_read(void **state)
{
    heads_bad(REQUEST, BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_TRANSFER_ENCODING);
    heads_bad(RESPONSE, BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_TRANSFER_ENCODING);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 100 Go\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_TRANSFER_ENCODING);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 101 Go\r\nTransfer-Encoding: chunked\r\n\r\n"),
              WEIR_FAULT_TRANSFER_ENCODING);
}

/* RFC 9112 6.1: a server must not send it; 6.3 point 1: a 204 ends with its head "regardless of the
 * header fields present". So it is read, and nothing behind it on the connection is trusted. */
static void a_204_that_claims_to_be_chunked_ends_with_its_head(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_NONE);
    assert_false(weir_h1_keeps_alive(&h));
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n"));
    assert_true(weir_h1_keeps_alive(&h));
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_true(weir_h1_keeps_alive(&h));
    heads_bad(RESPONSE, BYTES("HTTP/1.1 204 No\r\nTransfer-Encoding: gzip\r\n\r\n"),
              WEIR_FAULT_TRANSFER_ENCODING);
    heads_bad(RESPONSE,
              BYTES("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
              WEIR_FAULT_LENGTH_AND_CODING);
}

/* RFC 9110 8.6: no Content-Length in 1xx and 204; a 0 is let through, as it cannot be misread. */
static void responses_without_body_declare_none(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n"));
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 103 Hint\r\nContent-Length: 0\r\n\r\n"));
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 304 Not\r\nContent-Length: 500\r\n\r\n"));
    heads_bad(RESPONSE, BYTES("HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\n"),
              WEIR_FAULT_CONTENT_LENGTH);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 101 Go\r\nContent-Length: 1\r\n\r\n"),
              WEIR_FAULT_CONTENT_LENGTH);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n"),
              WEIR_FAULT_CONTENT_LENGTH);
}

static void connection_options_become_flags_and_marks(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST,
               BYTES(POST "X-A: 1\r\nConnection: CLOSE ,, x-a\t,Upgrade,\r\nX-B: 2\r\nX-AA: 3\r\n"
                          "Connection: keep-alive, X-B\r\nx-a: 4\r\n\r\n"));
    assert_true(h.connection_close);
    assert_true(h.connection_keep_alive);
    assert_true(h.connection_upgrade);
    static const bool hops[] = { false, true, true, true, false, true, true };
    assert_int_equal(h.num_fields, WEIR_ARRAY_LEN(hops));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(hops); i++)
        assert_int_equal(h.fields[i].hop, hops[i]);

    heads_good(&h, REQUEST, BYTES(POST "Connection:\r\n\r\n"));
    assert_false(h.connection_close || h.connection_keep_alive || h.connection_upgrade);
    heads_good(&h, REQUEST, BYTES(POST "Connection: connection, TE\r\nTE: trailers\r\n\r\n"));
    assert_true(h.fields[2].hop);
}

static void fields_of_one_hop_are_marked_by_nature(void **state)
{
    static const char *const names[] = {
        "Connection",     "Keep-Alive",         "Proxy-Connection",    "Upgrade", "TE", "Trailer",
        "HTTP2-Settings", "Proxy-Authenticate", "Proxy-Authorization",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "%s: x\r\nOther: y\r\n\r\n", names[i]);
        struct weir_h1_head h;
        heads_good(&h, REQUEST, weir_span(text, (size_t)len));
        assert_true(h.fields[1].hop);
        assert_false(h.fields[0].hop);
        assert_false(h.fields[2].hop);
    }
}

static void connection_may_not_name_what_must_arrive(void **state)
{
    static const char *const names[] = {
        "Host",
        "content-length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "x-forwarded-proto",
        "X-Real-IP",
        "x-request-id",
        "X-Forwarded-Host",
        "Forwarded",
        "X-Forwarded-Port",
        "Via",
        "Authorization",
        "COOKIE",
        "x-forwarded-",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "Connection: close, %s\r\n\r\n", names[i]);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_CONNECTION);
        len = snprintf(text, sizeof(text), OK "Connection: %s\r\n\r\n", names[i]);
        heads_bad(RESPONSE, weir_span(text, (size_t)len), WEIR_FAULT_CONNECTION);
    }
}

static void connection_is_a_list_of_tokens(void **state)
{
    static const char *const lists[] = {
        "a b", "close;q=1", "\"close\"", "a, b c", "close\xa0", "a/b", "(x)", "a, @",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lists); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "Connection: %s\r\n\r\n", lists[i]);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_CONNECTION);
    }
}

static void connection_options_may_fill_their_limit_but_not_pass_it(void **state)
{
    for (size_t num = 32; num <= 33; num++) {
        for (size_t per_field = 1; per_field <= 33; per_field += 8) {
            char text[2000];
            int len = snprintf(text, sizeof(text), "%s", POST);
            for (size_t i = 0; i < num; i++)
                len += snprintf(text + len, sizeof(text) - (size_t)len, "%s x%zu",
                                i % per_field > 0 ? ","
                                : i > 0           ? "\r\nConnection:"
                                                  : "Connection:",
                                i);
            len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n\r\n");
            struct weir_h1_head h;
            if (num == 32)
                heads_good(&h, REQUEST, weir_span(text, (size_t)len));
            else
                heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_CONNECTION);
        }
    }
}

/* RFC 9110 10.1.1. */
static void expect_is_continue_or_refused(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(POST "Expect: 100-Continue\r\n\r\n"));
    assert_true(h.expect_continue);
    heads_good(&h, REQUEST, BYTES("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"));
    assert_false(h.expect_continue);
    heads_good(&h, REQUEST, BYTES("POST / HTTP/1.0\r\nExpect: x\r\n\r\n"));
    heads_good(&h, RESPONSE, BYTES(OK "Expect: x\r\nHost: a,b\r\nHost:\r\n\r\n"));

    static const char *const bad[] = {
        "",       "100",           "100-continue, x", "100-continue,", "\"100-continue\"",
        "200-ok", "100-continue;x"
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char text[200];
        int len = snprintf(text, sizeof(text), POST "Expect: %s\r\n\r\n", bad[i]);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_EXPECT);
    }
    heads_bad(REQUEST, BYTES(POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
              WEIR_FAULT_EXPECT);
}

/* RFC 9110 7.6.2: for OPTIONS and TRACE. Whoever reads another number than we do, or another field
 * of two, ends the chain elsewhere. */
static void max_forwards_is_read_for_options_and_trace_alone(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 12\r\n\r\n"));
    assert_true(h.has_max_forwards);
    assert_int_equal(h.max_forwards, 12);
    heads_good(&h, REQUEST, BYTES("TRACE / HTTP/1.1\r\nHost: a\r\nMAX-forwards:\t 00 \r\n\r\n"));
    assert_true(h.has_max_forwards);
    assert_int_equal(h.max_forwards, 0);
    heads_good(&h, REQUEST, BYTES("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_false(h.has_max_forwards);
    heads_good(&h, REQUEST, BYTES(POST "Max-Forwards: x\r\nMax-Forwards: 1\r\n\r\n"));
    assert_false(h.has_max_forwards);
    heads_good(&h, RESPONSE, BYTES(OK "Max-Forwards: x\r\n\r\n"));
    assert_false(h.has_max_forwards);

    static const char *const bad[] = { "",     "-1", "+1",  "1.0", "0x1",
                                       "1, 1", "1;", "one", "1 0", "1000000000000000000" };
    static const char *const methods[] = { "OPTIONS", "TRACE" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad) * 2; i++) {
        char text[200];
        int len =
            snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\nMax-Forwards: %s\r\n\r\n",
                     methods[i % 2], bad[i / 2]);
        heads_bad(REQUEST, weir_span(text, (size_t)len), WEIR_FAULT_MAX_FORWARDS);
    }
    heads_bad(REQUEST,
              BYTES("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nmax-forwards: 1\r\n\r\n"),
              WEIR_FAULT_MAX_FORWARDS);
    heads_bad(REQUEST, BYTES("TRACE / HTTP/1.1\r\nHost: a\r\nConnection: max-forwards\r\n\r\n"),
              WEIR_FAULT_CONNECTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_comes_once),
        cmocka_unit_test(host_is_one_authority),
        cmocka_unit_test(content_length_is_digits_once),
        cmocka_unit_test(length_and_coding_together_are_refused),
        cmocka_unit_test(transfer_encoding_is_chunked_alone),
        cmocka_unit_test(transfer_encoding_is_neither_repeated_nor_disguised),
        cmocka_unit_test(transfer_encoding_has_no_place_where_it_cannot_be_read),
        cmocka_unit_test(a_204_that_claims_to_be_chunked_ends_with_its_head),
        cmocka_unit_test(responses_without_body_declare_none),
        cmocka_unit_test(connection_options_become_flags_and_marks),
        cmocka_unit_test(fields_of_one_hop_are_marked_by_nature),
        cmocka_unit_test(connection_may_not_name_what_must_arrive),
        cmocka_unit_test(connection_is_a_list_of_tokens),
        cmocka_unit_test(connection_options_may_fill_their_limit_but_not_pass_it),
        cmocka_unit_test(expect_is_continue_or_refused),
        cmocka_unit_test(max_forwards_is_read_for_options_and_trace_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
