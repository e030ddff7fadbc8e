/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_request_test.c - header lists of HTTP/2 as heads of HTTP/1.1: what is written, and that
 * nothing is which could be read in two ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/wire/h1.h"
#include "node/wire/h2/h2_request.h"

static struct weir_buffers buffers;

/* A request that passes, before the field under test. */
#define OF(method, path)                                                                           \
    { ":method", method }, { ":scheme", "https" }, { ":authority", "shop.example" },               \
    {                                                                                              \
        ":path", path                                                                              \
    }

struct field {
    const char *name, *value;
};

static enum weir_h2_request_fault read_list(struct weir_h2_request *r, const struct field *fields,
                                            bool ends, struct weir_span *ret)
{
    weir_h2_request_init(r, &buffers, WEIR_H2_LIST_MAX);
    for (size_t i = 0; fields[i].name != NULL; i++)
        weir_h2_request_add(r, weir_span_cstr(fields[i].name), weir_span_cstr(fields[i].value));
    return weir_h2_request_end(r, ends, ret);
}

static void expect_head(const struct field *fields, bool ends, const char *expected)
{
    struct weir_h2_request r = { 0 };
    struct weir_span head = WEIR_SPAN_EMPTY;
    assert_int_equal(read_list(&r, fields, ends, &head), WEIR_H2_REQUEST_OK);
    assert_int_equal(head.len, strlen(expected));
    assert_memory_equal(head.at, expected, head.len);
    weir_h2_request_deinit(&r);
}

static void expect_malformed(const struct field *fields, const char *why)
{
    struct weir_h2_request r = { 0 };
    struct weir_span head = WEIR_SPAN_EMPTY;
    if (read_list(&r, fields, true, &head) != WEIR_H2_REQUEST_MALFORMED)
        fail_msg("%s passes", why);
    weir_h2_request_deinit(&r);
}

static int setup(void **state)
{
    weir_buffers_init(&buffers, 64u << 20);
    return 0;
}

static int teardown(void **state)
{
    weir_buffers_deinit(&buffers);
    return 0;
}

static void h2_request_writes_a_head_of_http1(void **state)
{
    const struct field get[] = { OF("GET", "/a?b=c"), { "accept", "*/*" }, { 0 } };
    expect_head(get, true, "GET /a?b=c HTTP/1.1\r\nhost: shop.example\r\naccept: */*\r\n\r\n");
    const struct field bare[] = { OF("GET", "/"), { 0 } };
    expect_head(bare, true, "GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    const struct field order[] = {
        { ":path", "/x" }, { ":authority", "a" }, { ":scheme", "http" }, { ":method", "GET" }, { 0 }
    };
    expect_head(order, true, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n");
}

static void h2_request_declares_how_its_body_ends(void **state)
{
    const struct field post[] = { OF("POST", "/"), { 0 } };
    expect_head(post, true, "POST / HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 0\r\n\r\n");
    expect_head(post, false,
                "POST / HTTP/1.1\r\nhost: shop.example\r\ntransfer-encoding: chunked\r\n\r\n");
    const struct field known[] = { OF("PUT", "/"), { "content-length", "3" }, { 0 } };
    expect_head(known, false, "PUT / HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 3\r\n\r\n");
}

static void h2_request_joins_crumbs_of_cookies(void **state)
{
    const struct field crumbs[] = { OF("GET", "/"),      { "cookie", "a=1" }, { "x", "y" },
                                    { "cookie", "b=2" }, { "cookie", "" },    { 0 } };
    expect_head(crumbs, true,
                "GET / HTTP/1.1\r\nhost: shop.example\r\nx: y\r\ncookie: a=1; b=2; \r\n\r\n");
}

static void h2_request_takes_one_authority(void **state)
{
    const struct field host[] = { { ":method", "GET" },
                                  { ":scheme", "https" },
                                  { ":path", "/" },
                                  { "host", "b.example" },
                                  { 0 } };
    expect_head(host, true, "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n");
    const struct field same[] = { OF("GET", "/"), { "host", "shop.example" }, { 0 } };
    expect_head(same, true, "GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    const struct field other[] = { OF("GET", "/"), { "host", "b.example" }, { 0 } };
    expect_malformed(other, "another host");
    const struct field list[] = { OF("GET", "/"), { "host", "shop.example, b" }, { 0 } };
    expect_malformed(list, "a list of hosts");
    const struct field twice[] = { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" },
                                   { "host", "a" },      { "host", "a" },        { 0 } };
    expect_malformed(twice, "two hosts");
}

static void h2_request_drops_te_trailers(void **state)
{
    const struct field te[] = { OF("GET", "/"), { "te", "trailers" }, { 0 } };
    expect_head(te, true, "GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    const struct field gzip[] = { OF("GET", "/"), { "te", "gzip" }, { 0 } };
    expect_malformed(gzip, "te: gzip");
}

/* RFC 9113 8.2.2. */
static void h2_request_refuses_fields_of_a_connection(void **state)
{
    static const char *const names[] = { "connection", "keep-alive",     "proxy-connection",
                                         "upgrade",    "http2-settings", "transfer-encoding" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        const struct field fields[] = { OF("GET", "/"), { names[i], "chunked" }, { 0 } };
        expect_malformed(fields, names[i]);
    }
}

static void h2_request_refuses_bytes_that_end_a_field(void **state)
{
    static const struct field bad[] = {
        { "x", "a\r\nb: c" }, { "x", "a\nb" },  { "x", "a\rb" },    { "x", " a" },
        { "x", "a " },        { "x", "\ta" },   { "x", "a\x7f" },   { "x", "a\x01" },
        { "x y", "a" },       { "x:y", "a" },   { "x\r\ny", "a" },  { "", "a" },
        { "X", "a" },         { "x\xc3", "a" }, { ":x", "a" },      { "x\x01", "a" },
        { "cookie", "a\nb" }, { "te", "\n" },   { ":status", "1" }, { "x;", "a" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        const struct field fields[] = { OF("GET", "/"), bad[i], { 0 } };
        if (bad[i].name[0] == 'x' && bad[i].name[1] == ';')
            expect_malformed(fields, "a separator in a name");
        else
            expect_malformed(fields, bad[i].name);
    }
    struct weir_h2_request r = { 0 };
    struct weir_span head;
    const struct field get[] = { OF("GET", "/"), { 0 } };
    weir_h2_request_init(&r, &buffers, WEIR_H2_LIST_MAX);
    for (size_t i = 0; get[i].name != NULL; i++)
        weir_h2_request_add(&r, weir_span_cstr(get[i].name), weir_span_cstr(get[i].value));
    weir_h2_request_add(&r, WEIR_SPAN_LIT("x"), weir_span((const uint8_t *)"a\0b", 3));
    assert_int_equal(weir_h2_request_end(&r, true, &head), WEIR_H2_REQUEST_MALFORMED);
    weir_h2_request_deinit(&r);
}

static void h2_request_refuses_malformed_pseudo_fields(void **state)
{
    static const struct field bad[][6] = {
        { { ":scheme", "https" }, { ":authority", "a" }, { ":path", "/" } },
        { { ":method", "GET" }, { ":authority", "a" }, { ":path", "/" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" } },
        { { ":method", "GET" }, { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" }, { ":path", "/" } },
        { { ":method", "G T" }, { ":scheme", "https" }, { ":path", "/" }, { "host", "a" } },
        { { ":method", "GET / HTTP/1.1\r\nx: y" }, { ":scheme", "https" }, { ":path", "/" } },
        { { ":method", "" }, { ":scheme", "https" }, { ":path", "/" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/ HTTP/1.1" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/\r\nx: y" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "http://b/" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "a" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "*x" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "https://a/b?" }, { ":path", "/" } },
        { { ":method", "GET" }, { ":scheme", "" }, { ":path", "/" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "ftp" }, { ":path", "/" }, { "host", "a" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" }, { ":authority", "" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" }, { ":authority", "a b" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" }, { ":protocol", "a" } },
        { { ":method", "GET" }, { ":scheme", "https" }, { "x", "y" }, { ":path", "/" } },
        { { ":method", "CONNECT" },
          { ":scheme", "https" },
          { ":path", "/" },
          { ":authority", "a" } },
        { { ":method", "CONNECT" } },
        { { NULL } },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char why[32];
        (void)snprintf(why, sizeof(why), "list %zu", i);
        expect_malformed(bad[i], why);
    }
}

/* As over HTTP/1: the parser of heads has the last word. */
static void h2_request_leaves_connect_to_the_parser(void **state)
{
    struct weir_h2_request r = { 0 };
    struct weir_span head;
    struct weir_h1_head h;
    const struct field connect[] = { { ":method", "CONNECT" }, { ":authority", "a:443" }, { 0 } };
    assert_int_equal(read_list(&r, connect, false, &head), WEIR_H2_REQUEST_OK);
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(&h, head), WEIR_STEP_FAIL);
    weir_h2_request_deinit(&r);
}

static void h2_request_counts_what_is_decoded(void **state)
{
    struct weir_h2_request r = { 0 };
    struct weir_span head;
    static char value[WEIR_H2_LIST_MAX + 1];
    memset(value, 'a', sizeof(value) - 1);
    const struct field start[] = { OF("GET", "/"), { 0 } };
    assert_int_equal(read_list(&r, start, true, &head), WEIR_H2_REQUEST_OK);
    uint32_t base = r.decoded;
    weir_h2_request_deinit(&r);
    for (uint32_t over = 0; over < 2; over++) { /* at the limit, and one byte above it */
        char *at = value + sizeof(value) - 1 - (WEIR_H2_LIST_MAX - base - 33 + over);
        const struct field fields[] = { OF("GET", "/"), { "x", at }, { 0 } };
        assert_int_equal(read_list(&r, fields, true, &head),
                         over ? WEIR_H2_REQUEST_TOO_BIG : WEIR_H2_REQUEST_OK);
        weir_h2_request_deinit(&r);
    }
}

static void h2_request_counts_fields_and_crumbs(void **state)
{
    static const struct {
        uint32_t num;
        enum weir_h2_request_fault fault;
    } cases[] = { { WEIR_FIELDS_MAX - 4, WEIR_H2_REQUEST_OK },
                  { WEIR_FIELDS_MAX - 3, WEIR_H2_REQUEST_TOO_MANY },
                  { WEIR_H2_FIELDS_HARD_MAX - 4, WEIR_H2_REQUEST_TOO_BIG },
                  { WEIR_H2_FIELDS_HARD_MAX - 3, WEIR_H2_REQUEST_FLOOD } };
    const struct field start[] = { OF("GET", "/"), { 0 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_h2_request r = { 0 };
        struct weir_span head;
        weir_h2_request_init(&r, &buffers, WEIR_H2_LIST_MAX);
        for (size_t j = 0; start[j].name != NULL; j++)
            weir_h2_request_add(&r, weir_span_cstr(start[j].name), weir_span_cstr(start[j].value));
        for (uint32_t j = 0; j < cases[i].num; j++)
            weir_h2_request_add(&r, WEIR_SPAN_LIT("cookie"), WEIR_SPAN_EMPTY);
        enum weir_h2_request_fault fault = weir_h2_request_end(&r, true, &head);
        if (cases[i].fault == WEIR_H2_REQUEST_TOO_BIG) /* either limit may be the first */
            assert_true(fault == WEIR_H2_REQUEST_TOO_BIG || fault == WEIR_H2_REQUEST_TOO_MANY);
        else
            assert_int_equal(fault, cases[i].fault);
        weir_h2_request_deinit(&r);
    }
}

static void h2_request_counts_a_list_that_is_skipped(void **state)
{
    struct weir_h2_request r = { 0 };
    weir_h2_request_init(&r, &buffers, WEIR_H2_LIST_MAX);
    weir_h2_request_skip(&r);
    for (uint32_t i = 0; i < WEIR_H2_FIELDS_HARD_MAX; i++)
        weir_h2_request_add(&r, WEIR_SPAN_LIT("x"), WEIR_SPAN_EMPTY);
    assert_int_equal(r.fault, WEIR_H2_REQUEST_MALFORMED);
    weir_h2_request_add(&r, WEIR_SPAN_LIT("x"), WEIR_SPAN_EMPTY);
    assert_int_equal(r.fault, WEIR_H2_REQUEST_FLOOD);
    weir_h2_request_deinit(&r);
}

static void h2_request_without_memory_fails_whole(void **state)
{
    struct weir_h2_request r = { 0 };
    struct weir_span head;
    static char value[9000];
    memset(value, 'a', sizeof(value) - 1);
    const struct field fields[] = { OF("GET", "/"), { "cookie", "a" }, { "x", value }, { 0 } };
    struct weir_buffers none;
    for (size_t max = 0; max < 3; max++) {
        weir_buffers_init(&none, 0);
        weir_pool_set_max(&none.small, max);
        weir_pool_set_max(&none.large, 0);
        weir_h2_request_init(&r, &none, WEIR_H2_LIST_MAX);
        for (size_t i = 0; fields[i].name != NULL; i++)
            weir_h2_request_add(&r, weir_span_cstr(fields[i].name),
                                weir_span_cstr(fields[i].value));
        assert_int_equal(weir_h2_request_end(&r, true, &head), WEIR_H2_REQUEST_NO_MEMORY);
        weir_h2_request_deinit(&r);
        weir_buffers_deinit(&none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2_request_writes_a_head_of_http1),
        cmocka_unit_test(h2_request_declares_how_its_body_ends),
        cmocka_unit_test(h2_request_joins_crumbs_of_cookies),
        cmocka_unit_test(h2_request_takes_one_authority),
        cmocka_unit_test(h2_request_drops_te_trailers),
        cmocka_unit_test(h2_request_refuses_fields_of_a_connection),
        cmocka_unit_test(h2_request_refuses_bytes_that_end_a_field),
        cmocka_unit_test(h2_request_refuses_malformed_pseudo_fields),
        cmocka_unit_test(h2_request_leaves_connect_to_the_parser),
        cmocka_unit_test(h2_request_counts_what_is_decoded),
        cmocka_unit_test(h2_request_counts_fields_and_crumbs),
        cmocka_unit_test(h2_request_counts_a_list_that_is_skipped),
        cmocka_unit_test(h2_request_without_memory_fails_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
