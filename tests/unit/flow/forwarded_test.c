/* SPDX-License-Identifier: Apache-2.0
 *
 * forwarded_test.c - what trusted proxies say of a client and its scheme, in the old fields and in
 * that of RFC 7239.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/forwarded.h"

#define PEER "192.0.2.7"

/* The head of a request with these fields, one a line, in a block of exactly its length. */
static uint8_t *head_of(const char *fields, size_t fields_len, struct weir_h1_head *h)
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t num_lines = 1, len = sizeof(begin) - 1;
    for (size_t i = 0; i < fields_len; i++)
        num_lines += fields[i] == '\n';
    uint8_t *out = malloc(len + fields_len + num_lines + 3);
    assert_non_null(out);
    memcpy(out, begin, len);
    for (size_t i = 0; i < fields_len; i++) {
        if (fields[i] == '\n')
            out[len++] = '\r';
        out[len++] = (uint8_t)fields[i];
    }
    memcpy(out + len, fields_len > 0 ? "\r\n\r\n" : "\r\n", fields_len > 0 ? 4 : 2);
    len += fields_len > 0 ? 4 : 2;
    weir_h1_head_init(h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(h, weir_span(out, len)), WEIR_STEP_DONE);
    return out;
}

static struct weir_forwarded read_bytes(const char *peer_text, const char *fields, size_t len)
{
    static const char *const trusted_text[] = { "192.0.2.0/24", "2001:db8::/32" };
    struct weir_prefix trusted[WEIR_ARRAY_LEN(trusted_text)];
    struct weir_h1_head h;
    struct weir_addr peer;
    struct weir_forwarded ret;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(trusted); i++)
        assert_int_equal(weir_prefix_parse(weir_span_cstr(trusted_text[i]), &trusted[i]), WEIR_OK);
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(peer_text), &peer), WEIR_OK);
    peer.port = 4000;
    uint8_t *bytes = head_of(fields, len, &h);
    weir_forwarded_read(&h, bytes, (struct weir_prefixes){ trusted, WEIR_ARRAY_LEN(trusted) },
                        &peer, &ret);
    free(bytes);
    return ret;
}

/* As "client scheme": "-" is a scheme that nobody states. */
static const char *read_text(const char *peer, const char *fields)
{
    static const char *const schemes[] = { "-", "http", "https" };
    static char out[128];
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_forwarded f = read_bytes(peer, fields, strlen(fields));
    size_t len =
        f.client.port != 0 ? weir_addr_text(&f.client, text) : weir_addr_ip_text(&f.client, text);
    snprintf(out, sizeof(out), "%.*s %s%s", (int)len, text, schemes[f.scheme],
             f.malformed ? " malformed" : "");
    return out;
}

struct said {
    const char *fields;
    const char *expected;
};

static void check_table(const struct said *table, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        const char *got = read_text(PEER, table[i].fields);
        if (strcmp(got, table[i].expected) != 0)
            fail_msg("of \"%s\": \"%s\" instead of \"%s\"", table[i].fields, got,
                     table[i].expected);
    }
}

#define FOR   "X-Forwarded-For: "
#define PROTO "X-Forwarded-Proto: "

static void the_client_is_the_last_address_that_is_not_trusted(void **state)
{
    static const struct said table[] = {
        { "", PEER ":4000 -" },
        { FOR "1.1.1.1", "1.1.1.1 -" },
        { FOR "9.9.9.9, 1.1.1.1", "1.1.1.1 -" },
        { FOR "9.9.9.9,1.1.1.1, 192.0.2.8 ,\t2001:db8::5", "1.1.1.1 -" },
        { FOR "192.0.2.8", "192.0.2.8 -" },
        { FOR "192.0.2.9, 192.0.2.8", "192.0.2.9 -" },
        /* What is not an address ends the walk: its writer did not name a client. */
        { FOR "1.1.1.1, unknown", PEER ":4000 -" },
        { FOR "1.1.1.1, unknown, 192.0.2.8", "192.0.2.8 -" },
        { FOR "1.1.1.1, ", PEER ":4000 -" },
        { FOR "01.1.1.1", PEER ":4000 -" },
        { FOR ",", PEER ":4000 -" },
        { FOR "", PEER ":4000 -" },
        /* Fields are one list, the last field at its end. */
        { FOR "9.9.9.9\n" FOR "1.1.1.1", "1.1.1.1 -" },
        { FOR "1.1.1.1\n" FOR "192.0.2.8\n" FOR "192.0.2.9, 192.0.2.10", "1.1.1.1 -" },
        { FOR "1.1.1.1\n" FOR "\n" FOR "192.0.2.8", "192.0.2.8 -" },
        { FOR "9.9.9.9\n" FOR "unknown\n" FOR "192.0.2.8", "192.0.2.8 -" },
        { FOR "::ffff:1.2.3.4", "1.2.3.4 -" },
        /* Fault 19: with a port, and IPv6 in brackets, as load balancers write them. */
        { FOR "1.1.1.1:80", "1.1.1.1:80 -" },
        { FOR "1.1.1.1, 192.0.2.8:80", "1.1.1.1 -" },
        { FOR "1.1.1.1, [2001:db8::7]", "1.1.1.1 -" },
        { FOR "[2001:db9::7]:65535, [2001:db8::7]:1", "[2001:db9::7]:65535 -" },
        { FOR "[2001:db9::7]", "2001:db9::7 -" },
        { FOR "2001:db9::7", "2001:db9::7 -" },
        { FOR "[1.1.1.1]", PEER ":4000 -" },
        { FOR "1.1.1.1:65536", PEER ":4000 -" },
        { FOR "1.1.1.1:", PEER ":4000 -" },
        { FOR "[]:80", PEER ":4000 -" },
        { FOR "[2001:db9::7", PEER ":4000 -" },
    };
    (void)state;
    check_table(table, WEIR_ARRAY_LEN(table));
}

static void the_scheme_is_that_of_the_hop_nearest_to_the_client(void **state)
{
    static const struct said table[] = {
        { PROTO "https", PEER ":4000 https" },
        { PROTO "HTTP", PEER ":4000 http" },
        { PROTO "wss", PEER ":4000 -" },
        { PROTO "", PEER ":4000 -" },
        /* Without addresses only the peer speaks. */
        { PROTO "https, http", PEER ":4000 http" },
        /* One for each address; what stands before the client's was sent by the client. */
        { FOR "1.1.1.1, 192.0.2.8\n" PROTO "https, http", "1.1.1.1 https" },
        { FOR "1.1.1.1\n" PROTO "https, http", "1.1.1.1 http" },
        { FOR "1.1.1.1, 192.0.2.8\n" PROTO "http\n" PROTO "https\n" PROTO "http", "1.1.1.1 https" },
        /* One for all. */
        { FOR "1.1.1.1, 192.0.2.8, 192.0.2.9\n" PROTO "https", "1.1.1.1 https" },
        { FOR "unknown\n" PROTO "https", PEER ":4000 https" },
    };
    (void)state;
    check_table(table, WEIR_ARRAY_LEN(table));
}

/* RFC 7239 4, 6. */
static void forwarded_is_read_by_its_grammar(void **state)
{
    static const struct said table[] = {
        { "Forwarded: for=1.1.1.1", "1.1.1.1 -" },
        { "forwarded: FOR=\"1.1.1.1\";Proto=HTTPS", "1.1.1.1 https" },
        { "Forwarded: for=\"1.1.1.1:4711\"", "1.1.1.1:4711 -" },
        { "Forwarded: For=\"[2001:db9:cafe::17]:4711\"", "[2001:db9:cafe::17]:4711 -" },
        { "Forwarded: for=\"[2001:db9::1]\";by=203.0.113.43;host=a.test", "2001:db9::1 -" },
        { "Forwarded: for=\"1.1.1.1:_port\"", "1.1.1.1 -" },
        { "Forwarded: for=\"1\\.1.1\\.1\"", "1.1.1.1 -" },
        { "Forwarded: proto=https;ext=\"a,b;c\\\"d\";for=1.1.1.1", "1.1.1.1 https" },
        { "Forwarded: for=9.9.9.9, for=1.1.1.1, for=192.0.2.9", "1.1.1.1 -" },
        { "Forwarded: for=1.1.1.1\nForwarded: for=192.0.2.9, for=192.0.2.8", "1.1.1.1 -" },
        /* Whom a proxy does not name. */
        { "Forwarded: for=1.1.1.1, for=_hidden", PEER ":4000 -" },
        { "Forwarded: for=1.1.1.1, for=unknown;proto=https", PEER ":4000 https" },
        { "Forwarded: for=1.1.1.1, proto=https", PEER ":4000 https" },
        { "Forwarded: for=1.1.1.1, for=\"_SEVKISEK:80\", for=192.0.2.8", "192.0.2.8 -" },
        { "Forwarded: for=\"\"", PEER ":4000 -" },
        { "Forwarded: for=\"0000000000000000000000000000000000000000000000000000000000001.1.1.1\"",
          PEER ":4000 -" },
        /* The scheme nearest to the client. */
        { "Forwarded: proto=https;for=1.1.1.1, for=192.0.2.8;proto=http", "1.1.1.1 https" },
        { "Forwarded: for=1.1.1.1, for=192.0.2.8;proto=http", "1.1.1.1 http" },
        { "Forwarded: for=9.9.9.9;proto=https, for=1.1.1.1;proto=http", "1.1.1.1 http" },
        /* Empty elements and pairs, white space beside the separators. */
        { "Forwarded: ,, for=1.1.1.1 ,\t,", "1.1.1.1 -" },
        { "Forwarded: ;for=1.1.1.1; ;proto=https;", "1.1.1.1 https" },
        { "Forwarded: ", PEER ":4000 -" },
    };
    (void)state;
    check_table(table, WEIR_ARRAY_LEN(table));
}

static void nothing_is_believed_of_a_forwarded_that_is_malformed(void **state)
{
    static const char *const bad[] = {
        "for",
        "for=",
        "=1.1.1.1",
        "for = 1.1.1.1",
        "for=1.1.1.1:80", /* ":" needs quotes */
        "for=[2001:db9::1]",
        "for=\"1.1.1.1",
        "for=\"1.1.1.1\\",
        "for=\"1.1.1.1\"x",
        "for=1.1.1.1 proto=https",
        "for=1.1.1.1;for=2.2.2.2",
        "proto=https;PROTO=http",
        "for=\xc3\xa9",
        /* A client's open quote must not swallow what the proxy appends. */
        "x=\", for=1.1.1.1",
        "x=\"a\nForwarded: for=\"1.1.1.1\"",
    };
    char fields[128];
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        snprintf(fields, sizeof(fields), "Forwarded: %s", bad[i]);
        const char *got = read_text(PEER, fields);
        if (strcmp(got, PEER ":4000 - malformed") != 0)
            fail_msg("of \"%s\": \"%s\"", fields, got);
    }
}

static void the_old_fields_go_before_forwarded(void **state)
{
    static const struct said table[] = {
        { FOR "1.1.1.1\nForwarded: for=2.2.2.2;proto=https", "1.1.1.1 -" },
        { "Forwarded: for=2.2.2.2;proto=https\n" PROTO "http", PEER ":4000 http" },
        { "Forwarded: \"\n" FOR "1.1.1.1", "1.1.1.1 -" },
    };
    (void)state;
    check_table(table, WEIR_ARRAY_LEN(table));
}

static void nothing_is_read_of_a_peer_that_is_not_trusted(void **state)
{
    (void)state;
    assert_string_equal(read_text("198.51.100.1", FOR "1.1.1.1\n" PROTO "https"),
                        "198.51.100.1:4000 -");
    assert_string_equal(read_text("198.51.100.1", "Forwarded: for=1.1.1.1;proto=https"),
                        "198.51.100.1:4000 -");
    assert_false(read_bytes("198.51.100.1", "", 0).trusted);
    assert_true(read_bytes(PEER, "", 0).trusted);
}

static void a_long_chain_is_followed_to_its_limit(void **state)
{
    char fields[2048];
    (void)state;
    for (size_t num = WEIR_FORWARDED_MAX - 1; num <= WEIR_FORWARDED_MAX + 1; num++) {
        size_t len = (size_t)snprintf(fields, sizeof(fields), "Forwarded: for=1.1.1.1");
        for (size_t i = 1; i < num; i++)
            len += (size_t)snprintf(fields + len, sizeof(fields) - len, ", for=192.0.2.%zu", i);
        assert_string_equal(read_text(PEER, fields),
                            num > WEIR_FORWARDED_MAX ? "192.0.2.1 -" : "1.1.1.1 -");
    }
}

/* Any prefix of a field is read without a byte beyond it, and names no other client. */
static void a_field_may_end_at_any_byte(void **state)
{
    static const char whole[] =
        "Forwarded: for=\"[2001:db9::1]:80\";proto=https;x=\"a\\\"\", by=_x;for=192.0.2.8";
    (void)state;
    for (size_t len = 12; len < sizeof(whole); len++) {
        struct weir_forwarded f = read_bytes(PEER, whole, len);
        assert_true(f.trusted);
        if (f.malformed)
            assert_int_equal(f.client.port, 4000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_last_address_that_is_not_trusted),
        cmocka_unit_test(the_scheme_is_that_of_the_hop_nearest_to_the_client),
        cmocka_unit_test(forwarded_is_read_by_its_grammar),
        cmocka_unit_test(nothing_is_believed_of_a_forwarded_that_is_malformed),
        cmocka_unit_test(the_old_fields_go_before_forwarded),
        cmocka_unit_test(nothing_is_read_of_a_peer_that_is_not_trusted),
        cmocka_unit_test(a_long_chain_is_followed_to_its_limit),
        cmocka_unit_test(a_field_may_end_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
