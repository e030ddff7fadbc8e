/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello_test.c - hellos put together from their parts, whole, cut and malformed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/wire/client_hello.h"
#include "node/wire/tls_identity.h"

/* A hello in the making. */
struct hello {
    uint8_t at[2048];
    size_t len;
    size_t extensions_at; /* of their length; 0: none yet */
};

static void put_bytes(struct hello *h, const void *at, size_t len)
{
    assert_true(h->len + len <= sizeof(h->at));
    memcpy(h->at + h->len, at, len);
    h->len += len;
}

static void put_u8(struct hello *h, unsigned n)
{
    put_bytes(h, &(uint8_t){ (uint8_t)n }, 1);
}

static void put_u16(struct hello *h, unsigned n)
{
    put_u8(h, n >> 8);
    put_u8(h, n & 0xff);
}

/* @param suites  ended by 0 */
static void begin_hello(struct hello *h, unsigned version, const uint16_t *suites)
{
    size_t num = 0;
    static const uint8_t random[32];
    memset(h, 0, sizeof(*h));
    put_u16(h, version);
    put_bytes(h, random, sizeof(random));
    put_u8(h, 0);
    while (suites[num] != 0)
        num++;
    put_u16(h, (unsigned)(2 * num));
    for (size_t i = 0; i < num; i++)
        put_u16(h, suites[i]);
    put_u8(h, 1);
    put_u8(h, 0);
}

static void extension(struct hello *h, unsigned type, const void *body, size_t len)
{
    if (h->extensions_at == 0) {
        h->extensions_at = h->len;
        put_u16(h, 0);
    }
    put_u16(h, type);
    put_u16(h, (unsigned)len);
    put_bytes(h, body, len);
    size_t all = h->len - h->extensions_at - 2;
    h->at[h->extensions_at] = (uint8_t)(all >> 8);
    h->at[h->extensions_at + 1] = (uint8_t)all;
}

static void server_name(struct hello *h, const char *name)
{
    uint8_t body[300];
    size_t len = strlen(name);
    body[0] = (uint8_t)((len + 3) >> 8);
    body[1] = (uint8_t)(len + 3);
    body[2] = 0;
    body[3] = (uint8_t)(len >> 8);
    body[4] = (uint8_t)len;
    memcpy(body + 5, name, len);
    extension(h, 0, body, len + 5);
}

/* A list of numbers with its length in front. */
static void numbers(struct hello *h, unsigned type, const uint16_t *list)
{
    uint8_t body[64];
    size_t len = 0;
    for (; list[len / 2] != 0; len += 2) {
        body[2 + len] = (uint8_t)(list[len / 2] >> 8);
        body[3 + len] = (uint8_t)list[len / 2];
    }
    body[0] = 0;
    body[1] = (uint8_t)len;
    extension(h, type, body, len + 2);
}

static bool reads(const struct hello *h, struct weir_client_hello *ret)
{
    /* Of its exact size: ASan sees a read beyond it. */
    uint8_t *exact = malloc(h->len);
    assert_non_null(exact);
    memcpy(exact, h->at, h->len);
    bool ok = weir_client_hello_read(weir_span(exact, h->len), ret);
    free(exact);
    return ok;
}

static const uint16_t rsa_suites[] = { 0xc02f, 0x009c, 0 };
static const uint16_t ecdsa_suites[] = { 0x1301, 0xc02b, 0xc02f, 0 };

static void a_modern_hello_is_read(void **state)
{
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0303, ecdsa_suites);
    server_name(&h, "WWW.Shop.Example");
    numbers(&h, 13, (const uint16_t[]){ 0x0403, 0x0804, 0 });
    numbers(&h, 10, (const uint16_t[]){ 29, 23, 0 });
    extension(&h, 43, "\x04\x03\x04\x03\x03", 5);
    extension(&h, 16, "\x00\x0c\x02h2\x08http/1.1", 14);
    assert_true(reads(&h, &r));
    assert_int_equal(r.sni, WEIR_SNI_NAME);
    assert_int_equal(r.name_len, 16);
    assert_memory_equal(r.name, "www.shop.example", 16);
    assert_int_equal(r.versions, WEIR_TLS_1_2 | WEIR_TLS_1_3);
    assert_int_equal(r.alpn, WEIR_ALPN_H2 | WEIR_ALPN_HTTP11);
    assert_int_equal(r.keys_13, WEIR_TLS_KEY_P256 | WEIR_TLS_KEY_RSA);
    assert_int_equal(r.keys_12, WEIR_TLS_KEY_P256 | WEIR_TLS_KEY_RSA);
}

static void a_hello_without_extensions_is_an_old_client(void **state)
{
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0301, rsa_suites);
    assert_true(reads(&h, &r));
    assert_int_equal(r.versions, WEIR_TLS_1_0);
    assert_int_equal(r.keys_12, WEIR_TLS_KEY_RSA);
    assert_int_equal(r.sni, WEIR_SNI_NONE);
    assert_false(r.has_alpn);
    begin_hello(&h, 0x0303, rsa_suites);
    assert_true(reads(&h, &r));
    assert_int_equal(r.versions, WEIR_TLS_1_0 | WEIR_TLS_1_1 | WEIR_TLS_1_2);
    begin_hello(&h, 0x0300, rsa_suites);
    assert_true(reads(&h, &r));
    assert_int_equal(r.versions, 0);
}

static void keys_follow_suites_curves_and_schemes(void **state)
{
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0303, rsa_suites); /* no ECDSA suite */
    numbers(&h, 13, (const uint16_t[]){ 0x0403, 0x0401, 0 });
    assert_true(reads(&h, &r));
    assert_int_equal(r.keys_12, WEIR_TLS_KEY_RSA);
    begin_hello(&h, 0x0303, ecdsa_suites); /* no P-256 */
    numbers(&h, 13, (const uint16_t[]){ 0x0403, 0x0401, 0 });
    numbers(&h, 10, (const uint16_t[]){ 24, 0 });
    assert_true(reads(&h, &r));
    assert_int_equal(r.keys_12, WEIR_TLS_KEY_P384 | WEIR_TLS_KEY_RSA);
    begin_hello(&h, 0x0303, ecdsa_suites); /* no ECDSA signature */
    numbers(&h, 13, (const uint16_t[]){ 0x0401, 0 });
    assert_true(reads(&h, &r));
    assert_int_equal(r.keys_12, WEIR_TLS_KEY_RSA);
    begin_hello(&h, 0x0303, ecdsa_suites); /* PKCS #1 alone is no RSA of TLS 1.3 */
    numbers(&h, 13, (const uint16_t[]){ 0x0401, 0x0503, 0 });
    assert_true(reads(&h, &r));
    assert_int_equal(r.keys_13, WEIR_TLS_KEY_P384);
}

static void suites_are_a_set_of_what_weir_speaks(void **state)
{
    static const uint16_t offered[] = { 0x1301, 0xc009, 0xc02f, 0x0005, 0xc02f, 0x00ff, 0 };
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0303, offered);
    assert_true(reads(&h, &r));
    assert_int_equal(r.suites, weir_tls_suite_bit(0xc009) | weir_tls_suite_bit(0xc02f));
    assert_int_equal(weir_tls_suite_bit(0x1301), 0);
    assert_int_equal(weir_tls_suites_keys(r.suites, WEIR_TLS_1_2),
                     WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_ED25519 | WEIR_TLS_KEY_RSA);
    assert_int_equal(weir_tls_suites_keys(r.suites, WEIR_TLS_1_1),
                     WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_ED25519);
    assert_int_equal(weir_tls_suites_keys(r.suites & WEIR_TLS_SUITES_STRONG, WEIR_TLS_1_2),
                     WEIR_TLS_KEY_RSA);
    assert_int_equal(weir_tls_suites_keys(0, WEIR_TLS_1_2), 0);
}

static void names_that_no_host_has_are_invalid(void **state)
{
    static const char *const bad[] = { "",           "10.0.0.1",    "[::1]",      "a.example:443",
                                       "a..example", "a example",   "a,b",        "user@a.example",
                                       "a.example/", "caf\xc3\xa9", "*.a.example" };
    struct hello h;
    struct weir_client_hello r;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        begin_hello(&h, 0x0303, rsa_suites);
        server_name(&h, bad[i]);
        assert_true(reads(&h, &r));
        assert_int_equal(r.sni, WEIR_SNI_INVALID);
        assert_int_equal(r.name_len, 0);
    }
    char longest[260];
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 60; i < 250; i += 60)
        longest[i] = '.';
    longest[253] = '\0';
    begin_hello(&h, 0x0303, rsa_suites);
    server_name(&h, longest);
    assert_true(reads(&h, &r));
    assert_int_equal(r.sni, WEIR_SNI_NAME);
    assert_int_equal(r.name_len, 253);
    longest[253] = 'a';
    longest[254] = '\0';
    begin_hello(&h, 0x0303, rsa_suites);
    server_name(&h, longest);
    assert_true(reads(&h, &r));
    assert_int_equal(r.sni, WEIR_SNI_INVALID);
}

static void malformed_extensions_are_refused(void **state)
{
    static const struct {
        unsigned type;
        const char *body;
        size_t len;
    } bad[] = {
        { 0, "", 0 },
        { 0, "\x00\x04\x00\x00\x01", 5 },   /* shorter than it says */
        { 0, "\x00\x04\x00\x00\x01xx", 7 }, /* longer */
        { 0, "\x00\x04\x01\x00\x01x", 6 },  /* not a host name */
        { 0,
          "\x00\x08\x00\x00\x01"
          "a\x00\x00\x01"
          "b",
          10 },                            /* two names */
        { 10, "\x00\x03\x00\x17\x00", 5 }, /* half a number */
        { 10, "\x00\x02\x00\x17\x00", 5 },
        { 13, "\x00", 1 },
        { 16, "\x00\x03\x03h2", 5 }, /* a name beyond the list */
        { 16, "\x00\x03\x02h2x", 6 },
        { 43, "\x03\x03\x04\x03", 4 },
        { 43, "", 0 },
    };
    struct hello h;
    struct weir_client_hello r;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        begin_hello(&h, 0x0303, rsa_suites);
        extension(&h, bad[i].type, bad[i].body, bad[i].len);
        assert_false(reads(&h, &r));
    }
}

static void an_extension_twice_is_refused(void **state)
{
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0303, rsa_suites);
    server_name(&h, "a.example");
    server_name(&h, "b.example");
    assert_false(reads(&h, &r));
    begin_hello(&h, 0x0303, rsa_suites);
    extension(&h, 43, "\x02\x03\x04", 3);
    extension(&h, 43, "\x02\x03\x03", 3);
    assert_false(reads(&h, &r));
}

static void no_prefix_is_a_hello_but_the_one_without_extensions(void **state)
{
    struct hello h;
    struct weir_client_hello r;
    begin_hello(&h, 0x0303, ecdsa_suites);
    server_name(&h, "a.example");
    extension(&h, 16, "\x00\x03\x02h2", 5);
    size_t len = h.len;
    for (size_t cut = 0; cut < len; cut++) {
        h.len = cut;
        assert_int_equal(reads(&h, &r), cut == h.extensions_at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_modern_hello_is_read),
        cmocka_unit_test(a_hello_without_extensions_is_an_old_client),
        cmocka_unit_test(keys_follow_suites_curves_and_schemes),
        cmocka_unit_test(suites_are_a_set_of_what_weir_speaks),
        cmocka_unit_test(names_that_no_host_has_are_invalid),
        cmocka_unit_test(malformed_extensions_are_refused),
        cmocka_unit_test(an_extension_twice_is_refused),
        cmocka_unit_test(no_prefix_is_a_hello_but_the_one_without_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
