/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_test.c - heads as a whole: the results of a good one, field lines and their ends, limits,
 * resumption, body and reuse. Ref: RFC 9112 sections 2, 5, 6.3, 9.3.
 */
#include <stdio.h>
#include <time.h>

#include "node/base/rng.h"
#include "tests/support/death.h"
#include "tests/support/heads.h"

#define REQUEST  WEIR_H1_REQUEST
#define RESPONSE WEIR_H1_RESPONSE
#define GET      "GET / HTTP/1.1\r\nHost: a\r\n"

struct bad_head {
    struct weir_span bytes;
    enum weir_h1_fault fault;
};

static void request_has_the_positions_of_its_parts(void **state)
{
    struct weir_span bytes = BYTES("POST /a/b?c=d HTTP/1.1\r\n"
                                   "Host: shop.example.com:8080\r\n"
                                   "Content-Length:12\r\n"
                                   "X_Odd: \t two words \t \r\n"
                                   "Empty:\r\n"
                                   "Blank:   \r\n"
                                   "\r\n"
                                   "hello, world");
    struct weir_h1_head h;
    heads_good(&h, REQUEST, bytes);
    assert_int_equal(h.method, WEIR_METHOD_POST);
    heads_assert_text(bytes, h.method_at, h.method_len, "POST");
    heads_assert_text(bytes, h.target_at, h.target_len, "/a/b?c=d");
    heads_assert_text(bytes, h.path_at, h.path_len, "/a/b?c=d");
    heads_assert_text(bytes, h.query_at, 4, "?c=d");
    heads_assert_text(bytes, h.authority_at, h.authority_len, "shop.example.com:8080");
    assert_int_equal(h.form, WEIR_TARGET_ORIGIN);
    assert_int_equal(h.minor, 1);
    assert_int_equal(h.head_len, bytes.len - 12);
    assert_true(h.has_content_length);
    assert_int_equal(h.content_length, 12);
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_OTHER), WEIR_BODY_LENGTH);

    assert_int_equal(h.num_fields, 5);
    static const char *const names[] = { "Host", "Content-Length", "X_Odd", "Empty", "Blank" };
    static const char *const values[] = { "shop.example.com:8080", "12", "two words", "", "" };
    for (size_t i = 0; i < 5; i++) {
        heads_assert_text(bytes, h.fields[i].name_at, h.fields[i].name_len, names[i]);
        heads_assert_text(bytes, h.fields[i].value_at, h.fields[i].value_len, values[i]);
        assert_int_equal(h.fields[i].underscore, i == 2);
        assert_false(h.fields[i].hop);
    }
    assert_int_equal(h.fields[0].id, WEIR_FIELD_HOST);
    assert_int_equal(h.fields[1].id, WEIR_FIELD_CONTENT_LENGTH);
    assert_int_equal(h.fields[2].id, WEIR_FIELD_OTHER);
    assert_ptr_equal(weir_h1_find(&h, WEIR_FIELD_CONTENT_LENGTH), &h.fields[1]);
    assert_null(weir_h1_find(&h, WEIR_FIELD_VIA));
}

static void response_has_the_positions_of_its_parts(void **state)
{
    struct weir_span bytes = BYTES("HTTP/1.0 404 Not \xe9t\xe9\r\nServer: x\r\n\r\nbody");
    struct weir_h1_head h;
    heads_good(&h, RESPONSE, bytes);
    assert_int_equal(h.status, 404);
    assert_int_equal(h.minor, 0);
    heads_assert_text(bytes, h.reason_at, h.reason_len, "Not \xe9t\xe9");
    assert_int_equal(h.head_len, bytes.len - 4);
    assert_int_equal(h.num_fields, 1);
}

static void done_stays_done_and_leaves_what_follows(void **state)
{
    struct weir_span two = BYTES(GET "\r\nGET /next HTTP/1.1\r\nbroken");
    struct weir_h1_head h;
    heads_good(&h, REQUEST, two);
    assert_int_equal(h.head_len, sizeof(GET "\r\n") - 1);
    assert_int_equal(weir_h1_head_feed(&h, two), WEIR_STEP_DONE);
    assert_int_equal(h.head_len, sizeof(GET "\r\n") - 1);
}

static void field_lines_end_with_crlf_and_nothing_else(void **state)
{
    static const struct bad_head bad[] = {
        { BYTES("GET / HTTP/1.1\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES("GET / HTTP/1.1\rHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A: b\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A: b\rC: d\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A: b\r\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A: b\r \r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A\n: b\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A\r: b\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "A: b\r\n\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "\r\r\n"), WEIR_FAULT_LINE_END },
        { BYTES(GET "\rX"), WEIR_FAULT_LINE_END },
        { BYTES("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES("\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES("GET\n / HTTP/1.1\r\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
        { BYTES("GET /\n HTTP/1.1\r\nHost: a\r\n\r\n"), WEIR_FAULT_LINE_END },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i].bytes, bad[i].fault);

    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\n\r\n"), WEIR_FAULT_LINE_END);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200\n\r\n"), WEIR_FAULT_LINE_END);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\rSet-Cookie: a\r\n\r\n"), WEIR_FAULT_LINE_END);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"), WEIR_FAULT_LINE_END);
}

static void folded_lines_are_refused(void **state)
{
    heads_bad(REQUEST, BYTES(GET "A: b\r\n c\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(REQUEST, BYTES(GET "A: b\r\n\tc\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(REQUEST, BYTES(GET "A:\r\n b\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(REQUEST, BYTES(GET " \r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(REQUEST, BYTES("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\n X: a\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\n\r\n"), WEIR_FAULT_OBS_FOLD);
}

static void field_names_are_tokens(void **state)
{
    static const struct weir_span bad[] = {
        BYTES(GET ": b\r\n\r\n"),
        BYTES(GET "A : b\r\n\r\n"),
        BYTES(GET "A\t: b\r\n\r\n"),
        BYTES(GET "A b: c\r\n\r\n"),
        BYTES(GET "A\0: b\r\n\r\n"),
        BYTES(GET "\0A: b\r\n\r\n"),
        BYTES(GET "A\x85: b\r\n\r\n"),
        BYTES(GET "A\xa0: b\r\n\r\n"),
        BYTES(GET "A\x0b: b\r\n\r\n"),
        BYTES(GET "A\x7f: b\r\n\r\n"),
        BYTES(GET "A\"B\": b\r\n\r\n"),
        BYTES(GET "A(b): c\r\n\r\n"),
        BYTES(GET "A,B: c\r\n\r\n"),
        BYTES(GET "A/B: c\r\n\r\n"),
        BYTES(GET "A;B: c\r\n\r\n"),
        BYTES(GET "A=B: c\r\n\r\n"),
        BYTES(GET "A@B: c\r\n\r\n"),
        BYTES(GET "[A]: c\r\n\r\n"),
        BYTES(GET "{A}: c\r\n\r\n"),
        BYTES(GET "<A>: c\r\n\r\n"),
        BYTES(GET "A\\B: c\r\n\r\n"),
        BYTES(GET "A?: c\r\n\r\n"),
        BYTES(GET "no colon\r\n\r\n"),
        BYTES(GET "nocolon\r\n\r\n"),
        BYTES(GET "a-name-longer-than-one-vector \x01: c\r\n\r\n"),
        BYTES(GET "Content-Length : 5\r\n\r\n"),
        BYTES(GET "Transfer-Encoding\x0b: chunked\r\n\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i], WEIR_FAULT_FIELD_NAME);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\n: b\r\n\r\n"), WEIR_FAULT_FIELD_NAME);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\nSet-Cookie : b\r\n\r\n"), WEIR_FAULT_FIELD_NAME);

    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(GET "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n"));
    assert_int_equal(h.fields[1].name_len, 21);
    assert_true(h.fields[1].underscore);
}

static void field_values_hold_no_control_bytes(void **state)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t text[] = GET "A: long enough for a vector x tail\r\n\r\n";
        size_t len = sizeof(text) - 1;
        text[len - 10] = (uint8_t)byte;
        struct weir_span bytes = weir_span(text, len);
        bool good = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        if (good) {
            struct weir_h1_head h;
            heads_good(&h, REQUEST, bytes);
            char value[] = "long enough for a vector x tail";
            value[25] = (char)byte;
            heads_assert_text(bytes, h.fields[1].value_at, h.fields[1].value_len, value);
        } else {
            bool line_end = byte == '\r' || byte == '\n';
            heads_bad(REQUEST, bytes, line_end ? WEIR_FAULT_LINE_END : WEIR_FAULT_FIELD_VALUE);
        }
    }
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"), WEIR_FAULT_FIELD_VALUE);
    heads_bad(RESPONSE, BYTES("HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n"), WEIR_FAULT_FIELD_VALUE);
}

static void truncated_heads_wait_for_more(void **state)
{
    struct weir_span request = BYTES("\r\nGET http://a.example/%41?b HTTP/1.1\r\nHost: a\r\n\r\n");
    struct weir_span response = BYTES("HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
    for (size_t len = 0; len < request.len; len++) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, REQUEST, WEIR_HEAD_MAX);
        assert_int_equal(heads_feed(&h, request, len), WEIR_STEP_MORE);
    }
    for (size_t len = 0; len < response.len; len++) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, RESPONSE, WEIR_HEAD_MAX);
        assert_int_equal(heads_feed(&h, response, len), WEIR_STEP_MORE);
    }
}

static void faults_are_found_with_their_first_byte(void **state)
{
    static const struct bad_head early[] = {
        { BYTES("G@"), WEIR_FAULT_METHOD },
        { BYTES("\x16"), WEIR_FAULT_METHOD }, /* the start of a TLS handshake */
        { BYTES("GET  "), WEIR_FAULT_TARGET },
        { BYTES("GET /a#"), WEIR_FAULT_TARGET },
        { BYTES("GET /%g"), WEIR_FAULT_TARGET },
        { BYTES("GET /%1g"), WEIR_FAULT_TARGET },
        { BYTES("GET / X"), WEIR_FAULT_VERSION },
        { BYTES("GET / HTTP/1.1x"), WEIR_FAULT_VERSION },
        { BYTES(GET "A "), WEIR_FAULT_FIELD_NAME },
        { BYTES(GET ":"), WEIR_FAULT_FIELD_NAME },
        { BYTES(GET " "), WEIR_FAULT_OBS_FOLD },
        { BYTES(GET "A: \0"), WEIR_FAULT_FIELD_VALUE },
        { BYTES(GET "A: \n"), WEIR_FAULT_LINE_END },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(early); i++) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, REQUEST, WEIR_HEAD_MAX);
        assert_int_equal(heads_feed(&h, early[i].bytes, early[i].bytes.len - 1), WEIR_STEP_MORE);
        heads_bad(REQUEST, early[i].bytes, early[i].fault);
    }
}

/* A head of exactly `len` bytes: a request line, Host, and a field that fills it up. */
static struct weir_span head_of_len(uint8_t *out, size_t len)
{
    static const char start[] = GET "A: ";
    memset(out, 'x', len);
    memcpy(out, start, sizeof(start) - 1);
    memcpy(out + len - 4, "\r\n\r\n", 4);
    return weir_span(out, len);
}

static void head_may_fill_its_limit_but_not_pass_it(void **state)
{
    static uint8_t out[WEIR_HEAD_MAX + 1];
    struct weir_h1_head h;
    assert_int_equal(heads_read_max(&h, REQUEST, head_of_len(out, 64), 64), WEIR_STEP_DONE);
    assert_int_equal(h.head_len, 64);
    assert_int_equal(heads_read_max(&h, REQUEST, head_of_len(out, 65), 64), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_HEAD_TOO_BIG);

    struct weir_span most = head_of_len(out, WEIR_HEAD_MAX);
    weir_h1_head_init(&h, REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(heads_feed(&h, most, most.len), WEIR_STEP_DONE);
    assert_int_equal(h.head_len, WEIR_HEAD_MAX);
    assert_int_equal(h.fields[1].value_at + h.fields[1].value_len, WEIR_HEAD_MAX - 4);

    struct weir_span more = head_of_len(out, WEIR_HEAD_MAX + 1);
    weir_h1_head_init(&h, REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(heads_feed(&h, more, more.len), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_HEAD_TOO_BIG);
}

static void head_over_its_limit_is_refused_at_the_limit(void **state)
{
    uint8_t out[100];
    struct weir_span head = head_of_len(out, sizeof(out));
    struct weir_h1_head h;
    weir_h1_head_init(&h, REQUEST, 64);
    assert_int_equal(heads_feed(&h, head, 63), WEIR_STEP_MORE);
    assert_int_equal(heads_feed(&h, head, 64), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_HEAD_TOO_BIG);
}

static void leading_empty_line_counts_towards_the_limit(void **state)
{
    uint8_t out[66] = "\r\n";
    head_of_len(out + 2, 62);
    struct weir_h1_head h;
    assert_int_equal(heads_read_max(&h, REQUEST, weir_span(out, 64), 64), WEIR_STEP_DONE);
    assert_int_equal(h.head_len, 64);
    head_of_len(out + 2, 63);
    assert_int_equal(heads_read_max(&h, REQUEST, weir_span(out, 65), 64), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_HEAD_TOO_BIG);
}

static void request_line_over_the_limit_is_a_long_target(void **state)
{
    uint8_t out[200];
    memset(out, 'x', sizeof(out));
    struct weir_h1_head h;
    memcpy(out, "GET /", 5);
    assert_int_equal(heads_read_max(&h, REQUEST, weir_span(out, 200), 100), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_TARGET_TOO_LONG);
    memcpy(out + 92, " HTTP/1.1\r\n", 11);
    assert_int_equal(heads_read_max(&h, REQUEST, weir_span(out, 200), 100), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_TARGET_TOO_LONG);

    memset(out, 'x', sizeof(out));
    memcpy(out, "HTTP/1.1 200 ", 13);
    assert_int_equal(heads_read_max(&h, RESPONSE, weir_span(out, 200), 100), WEIR_STEP_FAIL);
    assert_int_equal(h.fault, WEIR_FAULT_HEAD_TOO_BIG);
}

static void fields_may_fill_their_limit_but_not_pass_it(void **state)
{
    char out[8192];
    for (size_t num = WEIR_FIELDS_MAX; num <= WEIR_FIELDS_MAX + 1; num++) {
        int len = snprintf(out, sizeof(out), "%s", GET);
        for (size_t i = 1; i < num; i++)
            len += snprintf(out + len, sizeof(out) - (size_t)len, "F%zu: v\r\n", i);
        len += snprintf(out + len, sizeof(out) - (size_t)len, "\r\n");
        struct weir_span bytes = weir_span(out, (size_t)len);
        if (num == WEIR_FIELDS_MAX) {
            struct weir_h1_head h;
            heads_good(&h, REQUEST, bytes);
            assert_int_equal(h.num_fields, WEIR_FIELDS_MAX);
        } else {
            heads_bad(REQUEST, bytes, WEIR_FAULT_TOO_MANY_FIELDS);
        }
    }
}

/* The caller may know a lower limit, such as that of the tenant whose origin responds. */
static void fields_may_fill_a_chosen_limit_but_not_pass_it(void **state)
{
    static const struct weir_span bytes = BYTES("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    for (uint16_t max = 2; max <= 3; max++) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
        assert_int_equal(h.max_fields, WEIR_FIELDS_MAX);
        h.max_fields = max;
        assert_int_equal(heads_feed(&h, bytes, bytes.len),
                         max == 3 ? WEIR_STEP_DONE : WEIR_STEP_FAIL);
        assert_int_equal(h.fault, max == 3 ? WEIR_FAULT_NONE : WEIR_FAULT_TOO_MANY_FIELDS);
    }
}

/* RFC 9110 5.4: a field line that is larger than is wished for gets a 4xx; RFC 6585 5 has one. */
static void a_field_name_longer_than_256_bytes_is_refused(void **state)
{
    char out[600];
    struct weir_h1_head h;
    for (size_t name_len = WEIR_FIELD_NAME_MAX; name_len <= WEIR_FIELD_NAME_MAX + 1; name_len++) {
        size_t len = sizeof(GET) - 1;
        memcpy(out, GET, len);
        memset(out + len, 'n', name_len);
        memcpy(out + len + name_len, ": v\r\n\r\n", 7);
        struct weir_span bytes = weir_span(out, len + name_len + 7);
        if (name_len == WEIR_FIELD_NAME_MAX) {
            heads_good(&h, REQUEST, bytes);
            assert_int_equal(h.fields[1].name_len, WEIR_FIELD_NAME_MAX);
        } else {
            heads_bad(REQUEST, bytes, WEIR_FAULT_FIELD_NAME_TOO_LONG);
        }
    }
    /* The name is too long before it is known whether it is one. */
    out[sizeof(GET) - 1 + WEIR_FIELD_NAME_MAX + 1] = ' ';
    heads_bad(REQUEST, weir_span(out, sizeof(GET) + WEIR_FIELD_NAME_MAX + 8),
              WEIR_FAULT_FIELD_NAME_TOO_LONG);
    memcpy(out, "HTTP/1.1 200 OK\r\n", 17);
    memset(out + 17, 'n', 300);
    heads_bad(WEIR_H1_RESPONSE, weir_span(out, 317), WEIR_FAULT_FIELD_NAME_TOO_LONG);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_FIELD_NAME_TOO_LONG), 431);
}

static uint64_t cpu_ms(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/*
 * Where the next scan begins is at most a version or a status line behind what was given, at every
 * byte of a head that never ends: so no piece is scanned twice. The time is bounded as well, with
 * room for sanitizers and a busy host, because a second scan could also be elsewhere.
 */
static void work_is_linear_when_bytes_come_one_at_a_time(void **state)
{
    static const char *const starts[] = {
        GET "A: ", GET "A:", "GET /", "GET /?", "GET http://a/", "GET /%41", "GET /\xc3\xa9",
    };
    static const char fills[] = { 'x', ' ', 'p', '|', '%', '%', '\xa9' };
    static uint8_t out[WEIR_HEAD_MAX];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(starts); i++) {
        memset(out, fills[i] == '%' ? '2' : fills[i], sizeof(out));
        for (size_t at = 1; fills[i] == '%' && at < sizeof(out); at += 3)
            out[at] = '%';
        for (size_t at = 1; fills[i] == '\xa9' && at < sizeof(out); at += 2)
            out[at] = 0xc3;
        memcpy(out, starts[i], strlen(starts[i]));
        struct weir_h1_head h;
        weir_h1_head_init(&h, REQUEST, WEIR_HEAD_MAX);
        uint64_t start = cpu_ms();
        for (size_t len = 0; len < sizeof(out); len++) {
            assert_int_equal(weir_h1_head_feed(&h, weir_span(out, len)), WEIR_STEP_MORE);
            assert_true(h.scan_at + 12 >= len);
        }
        assert_in_range(cpu_ms() - start, 0, 500);
    }
}

static void body_of_a_request_is_chunked_or_counted_or_none(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES(GET "\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_OTHER), WEIR_BODY_NONE);
    heads_good(&h, REQUEST, BYTES(GET "Content-Length: 0\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_OTHER), WEIR_BODY_NONE);
    heads_good(&h, REQUEST, BYTES("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_HEAD), WEIR_BODY_LENGTH);
    heads_good(&h, REQUEST, BYTES(GET "Transfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_OTHER), WEIR_BODY_CHUNKED);
}

/* RFC 9112 6.3, rules 1, 3, 6 and 8. */
static void body_of_a_response_depends_on_status_and_method(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 200 OK\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_CLOSE);
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_HEAD), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_LENGTH);
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_HEAD), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_CHUNKED);
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_HEAD), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_GET), WEIR_BODY_NONE);
    heads_good(&h, RESPONSE, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(weir_h1_body_of(&h, WEIR_METHOD_POST), WEIR_BODY_NONE);
}

/* RFC 9112 9.3. */
static void connection_stays_open_by_version_and_option(void **state)
{
    static const struct {
        struct weir_span bytes;
        bool keeps;
    } cases[] = {
        { BYTES(GET "\r\n"), true },
        { BYTES(GET "Connection: close\r\n\r\n"), false },
        { BYTES(GET "Connection: keep-alive, CLOSE\r\n\r\n"), false },
        { BYTES(GET "Connection: Keep-Alive\r\n\r\n"), true },
        { BYTES("GET / HTTP/1.0\r\n\r\n"), false },
        { BYTES("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), true },
        { BYTES("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), false },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_h1_head h;
        heads_good(&h, REQUEST, cases[i].bytes);
        assert_int_equal(weir_h1_keeps_alive(&h), cases[i].keeps);
    }
}

/* Changed heads, fed in random pieces: the result is that of the whole. */
static void random_mutations_read_the_same_in_any_pieces(void **state)
{
    static const struct weir_span seeds[] = {
        BYTES("POST http://h.example:81/%7e?q=%20 HTTP/1.1\r\nHost: h\r\nConnection: a, close\r\n"
              "Transfer-Encoding: chunked\r\nA: 0123456789abcdef0123456789\r\n\r\n"),
        BYTES("\r\nGET /a?b=[c] HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"),
        BYTES("HTTP/1.1 200 OK\r\nConnection: x-a\r\nX-A: b\r\nContent-Length: 0\r\n\r\n"),
    };
    static const char marks[] = "\r\n\t :/,%?#\0\x7f\x80_[]@0aZ";
    struct weir_rng rng;
    weir_rng_init(&rng, 20);
    for (size_t round = 0; round < 3000; round++) {
        uint8_t text[256];
        struct weir_span seed = seeds[round % WEIR_ARRAY_LEN(seeds)];
        enum weir_h1_kind kind = round % WEIR_ARRAY_LEN(seeds) == 2 ? RESPONSE : REQUEST;
        memcpy(text, seed.at, seed.len);
        for (uint64_t num = weir_rng_below(&rng, 4); num > 0; num--)
            text[weir_rng_below(&rng, seed.len)] =
                (uint8_t)marks[weir_rng_below(&rng, sizeof(marks) - 1)];
        struct weir_h1_head whole;
        struct weir_h1_head parts;
        weir_h1_head_init(&whole, kind, 200);
        weir_h1_head_init(&parts, kind, 200);
        enum weir_step expect = heads_feed(&whole, weir_span(text, seed.len), seed.len);
        enum weir_step step = WEIR_STEP_MORE;
        for (size_t len = 0; step == WEIR_STEP_MORE && len < seed.len;) {
            len += 1 + weir_rng_below(&rng, 40);
            if (len > seed.len)
                len = seed.len;
            step = heads_feed(&parts, weir_span(text, seed.len), len);
        }
        assert_int_equal(step, expect);
        heads_assert_same(&parts, &whole);
    }
}

static void feed_fewer_bytes_than_before(void *arg)
{
    struct weir_h1_head h;
    (void)arg;
    weir_h1_head_init(&h, WEIR_H1_REQUEST, 1024);
    (void)!weir_h1_head_feed(&h, WEIR_SPAN_LIT("GET / HT"));
    (void)!weir_h1_head_feed(&h, WEIR_SPAN_LIT("GET"));
}

static void feed_unset_head(void *arg)
{
    static struct weir_h1_head h;
    (void)arg;
    memset(&h, 0xa5, sizeof(h));
    (void)!weir_h1_head_feed(&h, WEIR_SPAN_LIT("GET"));
}

static void move_head_onto_itself(void *arg)
{
    weir_h1_head_move(arg, arg);
}

static void misuse_of_a_head_breaks_the_contract(void **state)
{
    static struct weir_h1_head h;
    weir_h1_head_init(&h, WEIR_H1_REQUEST, 1024);
    assert_true(weir_death_by_contract(feed_fewer_bytes_than_before, NULL, "left=3 right=6"));
    assert_true(weir_death_by_contract(feed_unset_head, NULL, "h->state <= WEIR_H1_AT_FAULT"));
    assert_true(weir_death_by_contract(move_head_onto_itself, &h, "to != from"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_the_positions_of_its_parts),
        cmocka_unit_test(response_has_the_positions_of_its_parts),
        cmocka_unit_test(done_stays_done_and_leaves_what_follows),
        cmocka_unit_test(field_lines_end_with_crlf_and_nothing_else),
        cmocka_unit_test(folded_lines_are_refused),
        cmocka_unit_test(field_names_are_tokens),
        cmocka_unit_test(field_values_hold_no_control_bytes),
        cmocka_unit_test(truncated_heads_wait_for_more),
        cmocka_unit_test(faults_are_found_with_their_first_byte),
        cmocka_unit_test(head_may_fill_its_limit_but_not_pass_it),
        cmocka_unit_test(head_over_its_limit_is_refused_at_the_limit),
        cmocka_unit_test(leading_empty_line_counts_towards_the_limit),
        cmocka_unit_test(request_line_over_the_limit_is_a_long_target),
        cmocka_unit_test(fields_may_fill_their_limit_but_not_pass_it),
        cmocka_unit_test(fields_may_fill_a_chosen_limit_but_not_pass_it),
        cmocka_unit_test(a_field_name_longer_than_256_bytes_is_refused),
        cmocka_unit_test(work_is_linear_when_bytes_come_one_at_a_time),
        cmocka_unit_test(body_of_a_request_is_chunked_or_counted_or_none),
        cmocka_unit_test(body_of_a_response_depends_on_status_and_method),
        cmocka_unit_test(connection_stays_open_by_version_and_option),
        cmocka_unit_test(misuse_of_a_head_breaks_the_contract),
        cmocka_unit_test(random_mutations_read_the_same_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
