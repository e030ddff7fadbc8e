/* SPDX-License-Identifier: Apache-2.0
 *
 * addr_test.c - what parses and what does not; round trips; prefixes against bit by bit comparison.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "node/base/addr.h"
#include "node/base/rng.h"

static struct weir_addr ip_of(const char *text)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

static struct weir_prefix prefix_of(const char *text)
{
    struct weir_prefix p;
    assert_int_equal(weir_prefix_parse(weir_span_cstr(text), &p), WEIR_OK);
    return p;
}

/* The text is copied to the end of its own memory, so that the sanitizer sees a read beyond it. */
static enum weir_err parse_exact(struct weir_span text, int form, void *ret)
{
    uint8_t *exact = malloc(text.len ? text.len : 1);
    enum weir_err err = WEIR_EINVAL;
    assert_non_null(exact);
    if (text.len > 0)
        memcpy(exact, text.at, text.len);
    if (form == 0)
        err = weir_addr_parse_ip(weir_span(exact, text.len), ret);
    else if (form == 1)
        err = weir_addr_parse(weir_span(exact, text.len), ret);
    else
        err = weir_prefix_parse(weir_span(exact, text.len), ret);
    free(exact);
    return err;
}

static void assert_refused(const char *const *texts, size_t num, int form)
{
    for (size_t i = 0; i < num; i++) {
        union {
            struct weir_addr a;
            struct weir_prefix p;
            uint8_t bytes[32];
        } ret;
        uint8_t before[32];
        memset(&ret, 0x5a, sizeof(ret));
        memset(before, 0x5a, sizeof(before));
        if (parse_exact(weir_span_cstr(texts[i]), form, &ret) != WEIR_EINVAL)
            fail_msg("taken: \"%s\"", texts[i]);
        assert_memory_equal(&ret, before, sizeof(before));
    }
}

static void ipv4_is_stored_mapped(void **state)
{
    static const uint8_t expected[16] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 255
    };
    struct weir_addr a = ip_of("192.0.2.255");
    assert_memory_equal(a.ip, expected, 16);
    assert_int_equal(a.port, 0);
    assert_true(weir_addr_is_v4(&a));
}

static void mapped_text_is_the_same_address(void **state)
{
    static const char *const same[] = { "::ffff:10.1.2.3", "::FFFF:a01:203",
                                        "0:0:0:0:0:ffff:10.1.2.3" };
    struct weir_addr a = ip_of("10.1.2.3");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(same); i++) {
        struct weir_addr b = ip_of(same[i]);
        assert_true(weir_addr_eq(&a, &b));
    }
}

static void lax_addresses_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "1",
        "1.2",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "1.2.3.4.",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.00",
        "256.1.1.1",
        "1.2.3.256",
        "1.2.3.999999999999",
        "0x7f.0.0.1",
        "127.1",
        "2130706433",
        "1.2.3.4 ",
        " 1.2.3.4",
        "+1.2.3.4",
        "-1.2.3.4",
        "1.2.3.a",
        "1,2.3.4",
        "1.2.3.4/8",
        "1.2.3.4:80",
        ":",
        ":::",
        "::1%lo",
        "::1%25lo",
        "[::1]",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1 ",
        " ::1",
        "::1\n",
        "::1.2.3",
        "::1.2.3.04",
        "::1.2.3.256",
        "::1.2.3.4.5",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "::ffff:010.1.2.3",
        "::ffff:0x1.1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:",
        "localhost",
        "shop.example",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
    };
    static const uint8_t with_nul[] = "1.2.3.4\0";
    struct weir_addr a;
    assert_refused(texts, WEIR_ARRAY_LEN(texts), 0);
    assert_int_equal(weir_addr_parse_ip(weir_span(with_nul, 8), &a), WEIR_EINVAL);
    assert_int_equal(weir_addr_parse_ip(weir_span("::1\0", 4), &a), WEIR_EINVAL);
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_EMPTY, &a), WEIR_EINVAL);
}

static void full_ipv6_is_taken_in_all_its_spellings(void **state)
{
    static const char *const same[] = {
        "2001:db8::1",           "2001:DB8::1",
        "2001:0db8:0:0:0:0:0:1", "2001:0db8:0000:0000:0000:0000:0000:0001",
        "2001:db8::0.0.0.1",     "2001:db8:0:0:0::1"
    };
    struct weir_addr a = ip_of(same[0]);
    assert_false(weir_addr_is_v4(&a));
    for (size_t i = 1; i < WEIR_ARRAY_LEN(same); i++) {
        struct weir_addr b = ip_of(same[i]);
        assert_true(weir_addr_eq(&a, &b));
    }
}

static void address_with_port_parses_both_families(void **state)
{
    struct weir_addr a;
    struct weir_addr ip = ip_of("10.0.0.1");
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("10.0.0.1:1"), &a), WEIR_OK);
    assert_int_equal(a.port, 1);
    assert_memory_equal(a.ip, ip.ip, 16);
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("[2001:db8::1]:65535"), &a), WEIR_OK);
    assert_int_equal(a.port, 65535);
    ip = ip_of("2001:db8::1");
    assert_memory_equal(a.ip, ip.ip, 16);
}

static void lax_addresses_with_port_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        ":80",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:65536",
        "1.2.3.4:080",
        "1.2.3.4:00",
        "1.2.3.4:+80",
        "1.2.3.4:-1",
        "1.2.3.4:80 ",
        "1.2.3.4: 80",
        "1.2.3.4:8o",
        "1.2.3.4:80:80",
        "1.2.3.4:99999999999",
        "[1.2.3.4]:80",
        "::1:80",
        "2001:db8::1:80",
        "[::1]",
        "[::1]:",
        "[::1]80",
        "[::1",
        "[]:80",
        "[",
        "]",
        "[:",
        "[]",
        "[::1]]:80",
        "[[::1]]:80",
        "[::1%1]:80",
        "[::1]:0",
        "[::1]:065",
        "::1]:80",
        "1.2.3:80",
        "host:80",
        "*:80",
    };
    assert_refused(texts, WEIR_ARRAY_LEN(texts), 1);
}

static void every_cut_of_an_address_with_port_is_refused_or_a_shorter_port(void **state)
{
    static const char text[] = "[2001:db8::192.0.2.1]:8080";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        struct weir_addr a;
        enum weir_err err = parse_exact(weir_span(text, len), 1, &a);
        assert_int_equal(err, len > strlen("[2001:db8::192.0.2.1]:") ? WEIR_OK : WEIR_EINVAL);
    }
}

static void text_round_trips(void **state)
{
    struct weir_rng rng;
    char text[WEIR_ADDR_TEXT_MAX];

    weir_rng_init(&rng, 12);
    for (int round = 0; round < 50000; round++) {
        struct weir_addr a = { .port = (uint16_t)(1 + weir_rng_below(&rng, 65535)) };
        struct weir_addr b;
        struct weir_addr ip;
        bool v4 = weir_rng_below(&rng, 2) == 0;
        for (size_t i = 0; i < 16; i++)
            a.ip[i] = weir_rng_below(&rng, 3) == 0 ? (uint8_t)weir_rng_next(&rng) : 0;
        if (v4) {
            memset(a.ip, 0, 10);
            memset(a.ip + 10, 0xff, 2);
        }
        memset(text, '#', sizeof(text));
        size_t len = weir_addr_text(&a, text);
        assert_int_equal(strlen(text), len);
        assert_int_equal(weir_addr_parse(weir_span(text, len), &b), WEIR_OK);
        assert_true(weir_addr_eq(&a, &b));
        len = weir_addr_ip_text(&a, text);
        assert_int_equal(strlen(text), len);
        assert_int_equal(strchr(text, ':') == NULL, v4);
        assert_int_equal(weir_addr_parse_ip(weir_span(text, len), &ip), WEIR_OK);
        assert_memory_equal(ip.ip, a.ip, 16);
    }
}

static void longest_text_fits(void **state)
{
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_addr a;
    memset(&a, 0xff, sizeof(a));
    assert_int_equal(weir_addr_text(&a, text), 47);
    assert_string_equal(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    a = ip_of("255.255.255.255");
    a.port = 65535;
    assert_int_equal(weir_addr_text(&a, text), 21);
    assert_string_equal(text, "255.255.255.255:65535");
    a = ip_of("::");
    assert_int_equal(weir_addr_text(&a, text), 6);
    assert_string_equal(text, "[::]:0");
}

/* Random strings of the right letters: whatever is taken must mean to us what it means to the C
 * library. */
static void random_texts_are_refused_or_mean_what_the_c_library_reads(void **state)
{
    static const char letters[] = "0123456789abcf:.:.:/[]% ";
    struct weir_rng rng;
    unsigned num_taken = 0;

    weir_rng_init(&rng, 13);
    for (int round = 0; round < 300000; round++) {
        char text[24];
        uint8_t expected[16] = { [10] = 0xff, [11] = 0xff };
        size_t range = weir_rng_below(&rng, 2) ? 3 : sizeof(letters) - 1;
        size_t len = weir_rng_below(&rng, sizeof(text));
        struct weir_addr a;
        struct weir_prefix p;
        for (size_t i = 0; i < len; i++)
            text[i] = weir_rng_below(&rng, 3) == 0 ? letters[16 + weir_rng_below(&rng, 2)]
                                                   : letters[weir_rng_below(&rng, range)];
        text[len] = '\0';
        bool known = inet_pton(AF_INET, text, expected + 12) == 1 ||
                     inet_pton(AF_INET6, text, expected) == 1;
        if (parse_exact(weir_span(text, len), 0, &a) == WEIR_OK) {
            assert_true(known);
            assert_memory_equal(a.ip, expected, 16);
            num_taken++;
        }
        (void)!parse_exact(weir_span(text, len), 1, &a);
        if (parse_exact(weir_span(text, len), 2, &p) == WEIR_OK)
            assert_true(p.len <= 128);
    }
    assert_true(num_taken > 100);
}

static void prefixes_parse_with_their_length(void **state)
{
    assert_int_equal(prefix_of("0.0.0.0/0").len, 96);
    assert_int_equal(prefix_of("10.0.0.0/8").len, 104);
    assert_int_equal(prefix_of("10.1.2.3").len, 128);
    assert_int_equal(prefix_of("10.1.2.3/32").len, 128);
    assert_int_equal(prefix_of("::/0").len, 0);
    assert_int_equal(prefix_of("fe80::/10").len, 10);
    assert_int_equal(prefix_of("2001:db8::1").len, 128);
    assert_int_equal(prefix_of("::ffff:10.0.0.0/104").len, 104);
}

static void lax_prefixes_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8 ",
        "10.0.0.0/8/8",
        "10.0.0.1/8",
        "10.0.0.0/6",
        "0.0.0.1/0",
        "10.0.0/8",
        "10/8",
        "::/129",
        "::1/127",
        "::1/0",
        "8000::/0",
        "fe80::/8",
        "::/",
        "::/00",
        "::ffff:10.0.0.0/95",
        "10.0.0.0/99999999999",
        "10.0.0.0/0x8",
        "10.0.0.0/255.0.0.0",
        "[::]/0",
        "1.2.3.4:80",
    };
    assert_refused(texts, WEIR_ARRAY_LEN(texts), 2);
}

static bool contains_bit_by_bit(const struct weir_prefix *p, const struct weir_addr *a)
{
    for (unsigned i = 0; i < p->len; i++)
        if (((p->ip[i / 8] ^ a->ip[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

static void prefix_contains_what_agrees_in_its_bits(void **state)
{
    struct weir_rng rng;
    weir_rng_init(&rng, 14);
    for (int round = 0; round < 100000; round++) {
        struct weir_prefix p = { .len = (uint8_t)weir_rng_below(&rng, 129) };
        struct weir_addr a = { .port = 0 };
        for (size_t i = 0; i < 16; i++)
            a.ip[i] = (uint8_t)weir_rng_next(&rng);
        for (unsigned i = 0; i < p.len; i++)
            p.ip[i / 8] |= (uint8_t)(a.ip[i / 8] & 0x80u >> i % 8);
        assert_true(weir_prefix_contains(&p, &a));
        unsigned flip = (unsigned)weir_rng_below(&rng, 128);
        a.ip[flip / 8] ^= (uint8_t)(0x80u >> flip % 8);
        assert_int_equal(weir_prefix_contains(&p, &a), contains_bit_by_bit(&p, &a));
    }
}

static void families_do_not_contain_each_other(void **state)
{
    struct weir_prefix all_v4 = prefix_of("0.0.0.0/0");
    struct weir_prefix all_v6 = prefix_of("::/0");
    struct weir_prefix ten = prefix_of("10.0.0.0/8");
    struct weir_addr v4 = ip_of("10.255.0.1");
    struct weir_addr v6 = ip_of("2001:db8::1");
    assert_true(weir_prefix_contains(&all_v4, &v4));
    assert_false(weir_prefix_contains(&all_v4, &v6));
    assert_true(weir_prefix_contains(&all_v6, &v6));
    assert_false(weir_prefix_contains(&all_v6, &v4));
    assert_true(weir_prefix_contains(&ten, &v4));
    v4 = ip_of("11.0.0.0");
    assert_false(weir_prefix_contains(&ten, &v4));
}

static void loopback_is_127_and_colon_colon_one(void **state)
{
    static const char *const yes[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
    static const char *const no[] = { "128.0.0.1", "126.255.255.255", "::2", "::",
                                      "1::1",      "::127.0.0.1" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(yes); i++) {
        struct weir_addr a = ip_of(yes[i]);
        assert_true(weir_addr_is_loopback(&a));
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(no); i++) {
        struct weir_addr a = ip_of(no[i]);
        assert_false(weir_addr_is_loopback(&a));
    }
}

static void equality_is_of_address_and_port(void **state)
{
    struct weir_addr a = ip_of("10.0.0.1");
    struct weir_addr b = a;
    assert_true(weir_addr_eq(&a, &b));
    b.port = 80;
    assert_false(weir_addr_eq(&a, &b));
    b = ip_of("10.0.0.2");
    assert_false(weir_addr_eq(&a, &b));
}

static void sockaddr_round_trips_in_its_own_family(void **state)
{
    struct weir_addr a;
    struct weir_addr b;
    struct sockaddr_storage ss;

    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.7:8080"), &a), WEIR_OK);
    assert_int_equal(weir_addr_to_sockaddr(&a, &ss), sizeof(struct sockaddr_in));
    assert_int_equal(ss.ss_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&ss)->sin_port, htons(8080));
    assert_int_equal(((struct sockaddr_in *)&ss)->sin_addr.s_addr, inet_addr("192.0.2.7"));
    weir_addr_from_sockaddr((struct sockaddr *)&ss, &b);
    assert_true(weir_addr_eq(&a, &b));

    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("[2001:db8::7]:443"), &a), WEIR_OK);
    assert_int_equal(weir_addr_to_sockaddr(&a, &ss), sizeof(struct sockaddr_in6));
    assert_int_equal(ss.ss_family, AF_INET6);
    weir_addr_from_sockaddr((struct sockaddr *)&ss, &b);
    assert_true(weir_addr_eq(&a, &b));
}

static void mapped_and_unknown_sockaddrs_are_read(void **state)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct weir_addr expected = ip_of("192.0.2.1");
    struct weir_addr a;

    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
    weir_addr_from_sockaddr((struct sockaddr *)&in6, &a);
    expected.port = 9;
    assert_true(weir_addr_eq(&a, &expected));
    weir_addr_from_sockaddr((struct sockaddr *)&un, &a);
    expected = ip_of("::");
    assert_true(weir_addr_eq(&a, &expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_is_stored_mapped),
        cmocka_unit_test(mapped_text_is_the_same_address),
        cmocka_unit_test(lax_addresses_are_refused),
        cmocka_unit_test(full_ipv6_is_taken_in_all_its_spellings),
        cmocka_unit_test(address_with_port_parses_both_families),
        cmocka_unit_test(lax_addresses_with_port_are_refused),
        cmocka_unit_test(every_cut_of_an_address_with_port_is_refused_or_a_shorter_port),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(random_texts_are_refused_or_mean_what_the_c_library_reads),
        cmocka_unit_test(prefixes_parse_with_their_length),
        cmocka_unit_test(lax_prefixes_are_refused),
        cmocka_unit_test(prefix_contains_what_agrees_in_its_bits),
        cmocka_unit_test(families_do_not_contain_each_other),
        cmocka_unit_test(loopback_is_127_and_colon_colon_one),
        cmocka_unit_test(equality_is_of_address_and_port),
        cmocka_unit_test(sockaddr_round_trips_in_its_own_family),
        cmocka_unit_test(mapped_and_unknown_sockaddrs_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
