/* SPDX-License-Identifier: Apache-2.0
 *
 * uri_test.c - authorities, host names and paths: every form that routes elsewhere in another
 * reader is refused or made one. Ref: RFC 3986 3.2, 5.2.4, 5.4, 6.2.2; RFC 9110 4.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/wire/bytes.h"
#include "node/wire/uri.h"

#define BYTES(literal) WEIR_SPAN_LIT(literal)

static enum weir_err authority_parse(struct weir_span text, struct weir_authority *ret)
{
    uint8_t *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    enum weir_err err = weir_authority_parse(weir_span(copy, text.len), ret);
    free(copy);
    return err;
}

static void authorities_are_read_into_host_and_port(void **state)
{
    static const struct {
        struct weir_span text;
        const char *host;
        uint16_t port;
        bool is_ip;
    } good[] = {
        { BYTES("a"), "a", 0, false },
        { BYTES("Shop.EXAMPLE.com:8080"), "shop.example.com", 8080, false },
        { BYTES("a.b."), "a.b", 0, false },
        { BYTES("a.b.:1"), "a.b", 1, false },
        { BYTES("_x-y.-a-"), "_x-y.-a-", 0, false },
        { BYTES("1a"), "1a", 0, false },
        { BYTES("1.2.3.4a"), "1.2.3.4a", 0, false },
        { BYTES("3com"), "3com", 0, false },
        { BYTES("xn--caf-dma.example:65535"), "xn--caf-dma.example", 65535, false },
        { BYTES("1.2.3.4"), "1.2.3.4", 0, true },
        { BYTES("255.255.255.255:80"), "255.255.255.255", 80, true },
        { BYTES("1.2.3.4."), "1.2.3.4", 0, true },
        { BYTES("[::1]"), "[::1]", 0, true },
        { BYTES("[2001:DB8::A]:443"), "[2001:db8::a]", 443, true },
        { BYTES("[::ffff:1.2.3.4]"), "[::ffff:1.2.3.4]", 0, true },
        /* RFC 3986 3.2.3: a port may be empty. */
        { BYTES("a:"), "a", 0, false },
        { BYTES("a.b.:"), "a.b", 0, false },
        { BYTES("1.2.3.4:"), "1.2.3.4", 0, true },
        { BYTES("[::1]:"), "[::1]", 0, true },
        /* Every spelling of an address is one host (RFC 5952). */
        { BYTES("[0:0:0:0:0:0:0:1]:80"), "[::1]", 80, true },
        { BYTES("[0000:0000:0000:0000:0000:0000:0000:0001]"), "[::1]", 0, true },
        { BYTES("[2001:0DB8:0:0:0:0:0:1]"), "[2001:db8::1]", 0, true },
        { BYTES("[2001:db8::0:1]"), "[2001:db8::1]", 0, true },
        { BYTES("[1::2:3:4:5:6:7]"), "[1:0:2:3:4:5:6:7]", 0, true },
        { BYTES("[1:0:0:2:3:0:0:4]"), "[1::2:3:0:0:4]", 0, true },
        { BYTES("[::FFFF:0102:0304]"), "[::ffff:1.2.3.4]", 0, true },
        { BYTES("[0000:0000:0000:0000:0000:ffff:255.255.255.255]:1"), "[::ffff:255.255.255.255]", 1,
          true },
        { BYTES("[64:ff9b::192.0.2.1]"), "[64:ff9b::c000:201]", 0, true },
        { BYTES("[::]"), "[::]", 0, true },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct weir_authority a;
        assert_int_equal(authority_parse(good[i].text, &a), WEIR_OK);
        assert_int_equal(a.host_len, strlen(good[i].host));
        assert_memory_equal(a.host, good[i].host, a.host_len);
        assert_int_equal(a.port, good[i].port);
        assert_int_equal(a.is_ip, good[i].is_ip);
        if (!a.is_ip)
            continue;
        struct weir_addr addr;
        bool v6 = a.host[0] == '[';
        struct weir_span inner =
            v6 ? weir_span(a.host + 1, a.host_len - 2U) : weir_span(a.host, a.host_len);
        assert_int_equal(weir_addr_parse_ip(inner, &addr), WEIR_OK);
        assert_memory_equal(a.addr.ip, addr.ip, sizeof(addr.ip));
        assert_int_equal(a.addr.port, a.port);
    }
}

static void authorities_of_two_readings_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES(""),          BYTES("."),         BYTES(".."),          BYTES("a..b"),
        BYTES(".a"),        BYTES("a.."),       BYTES(":80"),         BYTES(":"),
        BYTES("a:0"),       BYTES("a:00"),      BYTES("a:080"),       BYTES("a:65536"),
        BYTES("a:99999"),   BYTES("a:100000"),  BYTES("a:-1"),        BYTES("a:+1"),
        BYTES("a: 1"),      BYTES("a:1 "),      BYTES("a:0x50"),      BYTES("a:8a"),
        BYTES("a:80:80"),   BYTES("a,b"),       BYTES("a, b"),        BYTES("a b"),
        BYTES(" a"),        BYTES("a "),        BYTES("a\tb"),        BYTES("a\0"),
        BYTES("\0"),        BYTES("a\r"),       BYTES("a\n"),         BYTES("a\x7f"),
        BYTES("u@a"),       BYTES("u:p@a"),     BYTES("@"),           BYTES("a/b"),
        BYTES("a\\b"),      BYTES("a?b"),       BYTES("a#b"),         BYTES("a%41"),
        BYTES("%61"),       BYTES("a;b"),       BYTES("a'b"),         BYTES("a*b"),
        BYTES("*"),         BYTES("*.a"),       BYTES("caf\xc3\xa9"), BYTES("\x80"),
        BYTES("::1"),       BYTES("1:2:3"),     BYTES("[::1"),        BYTES("::1]"),
        BYTES("[]"),        BYTES("[]:80"),     BYTES("["),           BYTES("]"),
        BYTES("[::1]x"),    BYTES("[::1]80"),   BYTES("[::1]::"),     BYTES("[::1]:0"),
        BYTES("[::1]]"),    BYTES("[[::1]]"),   BYTES("[fe80::1%1]"), BYTES("[fe80::1%25en0]"),
        BYTES("[1.2.3.4]"), BYTES("[a]"),       BYTES("[v1.a]"),      BYTES("[::g]"),
        BYTES("[::1 ]"),    BYTES("[::1\0]"),   BYTES("[:::]"),       BYTES("[1:2:3:4:5:6:7:8:9]"),
        BYTES("1.2.3"),     BYTES("1.2.3.4.5"), BYTES("256.1.1.1"),   BYTES("1"),
        BYTES("01.2.3.4"),  BYTES("1.2.3.04"),  BYTES("2130706433"),  BYTES("a.1"),
        BYTES("0x7f.1"),    BYTES("1.2..4"),    BYTES("1.2.3.4.."),   BYTES("a.b.123."),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_authority a;
        memset(&a, 0x5a, sizeof(a));
        struct weir_authority was = a;
        if (authority_parse(bad[i], &a) != WEIR_EPROTO)
            print_error("accepted: %.*s\n", (int)bad[i].len, (const char *)bad[i].at);
        assert_int_equal(authority_parse(bad[i], &a), WEIR_EPROTO);
        assert_memory_equal(&a, &was, sizeof(a));
    }
}

static void every_byte_but_those_of_names_is_refused_in_a_host(void **state)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[] = "shop.example.com";
        struct weir_authority a;
        text[6] = (char)byte;
        bool good = weir_byte_is((uint8_t)byte, WEIR_BYTE_HOST);
        assert_int_equal(authority_parse(weir_span(text, strlen("shop.example.com")), &a),
                         good ? WEIR_OK : WEIR_EPROTO);
    }
}

static void labels_and_names_may_fill_their_limits_but_not_pass_them(void **state)
{
    char text[300];
    struct weir_authority a;
    memset(text, 'a', sizeof(text));
    assert_int_equal(authority_parse(weir_span(text, 63), &a), WEIR_OK);
    assert_int_equal(authority_parse(weir_span(text, 64), &a), WEIR_EPROTO);
    text[63] = '.';
    assert_int_equal(authority_parse(weir_span(text, 65), &a), WEIR_OK);
    text[63] = 'a';
    text[64] = '.';
    assert_int_equal(authority_parse(weir_span(text, 66), &a), WEIR_EPROTO);

    memset(text, 'a', sizeof(text));
    for (size_t i = 63; i < sizeof(text); i += 64)
        text[i] = '.';
    text[WEIR_HOST_MAX] = '.';
    assert_int_equal(authority_parse(weir_span(text, WEIR_HOST_MAX), &a), WEIR_OK);
    assert_int_equal(a.host_len, WEIR_HOST_MAX);
    assert_int_equal(authority_parse(weir_span(text, WEIR_HOST_MAX + 1), &a), WEIR_OK);
    assert_int_equal(a.host_len, WEIR_HOST_MAX);
    text[WEIR_HOST_MAX] = 'a';
    assert_int_equal(authority_parse(weir_span(text, WEIR_HOST_MAX + 1), &a), WEIR_EPROTO);
}

static void host_names_are_made_lower_case(void **state)
{
    uint8_t out[WEIR_HOST_MAX];
    size_t len = 0;
    assert_int_equal(weir_host_normalise(BYTES("Shop.Example.COM."), out, &len), WEIR_OK);
    assert_true(weir_span_eq(weir_span(out, len), BYTES("shop.example.com")));

    /* An address, as a Host shows it, may be a tenant's too. */
    assert_int_equal(weir_host_normalise(BYTES("1.2.3.4"), out, &len), WEIR_OK);
    assert_true(weir_span_eq(weir_span(out, len), BYTES("1.2.3.4")));
    assert_int_equal(weir_host_normalise(BYTES("[2001:DB8::1]"), out, &len), WEIR_OK);
    assert_true(weir_span_eq(weir_span(out, len), BYTES("[2001:db8::1]")));
    assert_int_equal(weir_host_normalise(BYTES("[2001:0db8:0:0::0001]"), out, &len), WEIR_OK);
    assert_true(weir_span_eq(weir_span(out, len), BYTES("[2001:db8::1]")));

    static const struct weir_span bad[] = {
        BYTES(""),    BYTES("."),      BYTES("a:80"),     BYTES("*.a"),     BYTES("1.2.3.4:80"),
        BYTES("::1"), BYTES("a..b"),   BYTES("a b"),      BYTES("a,b"),     BYTES("1"),
        BYTES("a/"),  BYTES("a\0"),    BYTES("\xc3\xa9"), BYTES("[::1]:8"), BYTES("1.2.3.256"),
        BYTES("a:"),  BYTES("[::1]:"), BYTES("1.2.3.4:"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        memset(out, 0x5a, sizeof(out));
        len = 7;
        assert_int_equal(weir_host_normalise(bad[i], out, &len), WEIR_EINVAL);
        assert_int_equal(len, 7);
        assert_int_equal(out[0], 0x5a);
    }
}

/* Normalise heap copies of exactly the right length; checks that what need not change is borrowed.
 */
static enum weir_err path_normalise(struct weir_span path, uint8_t *ret_text, size_t *ret_len)
{
    uint8_t *copy = malloc(path.len > 0 ? path.len : 1);
    uint8_t *out = malloc(path.len > 0 ? WEIR_PATH_NORMAL_MAX(path.len) : 1);
    struct weir_span result = WEIR_SPAN_EMPTY;
    assert_non_null(copy);
    assert_non_null(out);
    if (path.len > 0)
        memcpy(copy, path.at, path.len);
    enum weir_err err = weir_path_normalise(weir_span(copy, path.len), out, &result);
    if (err == WEIR_OK) {
        assert_in_range(result.len, 1, WEIR_PATH_NORMAL_MAX(path.len));
        assert_true(result.at == copy || result.at == out);
        memcpy(ret_text, result.at, result.len);
        *ret_len = result.len;
        bool same = result.len <= path.len && memcmp(path.at, result.at, result.len) == 0 &&
                    (result.len == path.len || path.at[result.len] == '?');
        assert_int_equal(same, result.at == copy);
    }
    free(copy);
    free(out);
    return err;
}

static void paths_become_their_one_form(void **state)
{
    static const struct {
        const char *path;
        const char *normal;
    } good[] = {
        { "/", "/" },
        { "/a/b", "/a/b" },
        { "/a?b/../c%zz", "/a" },
        { "/?", "/" },
        { "//a//b/", "//a//b/" },
        { "/a.b/c..d/..e/f../.g/...", "/a.b/c..d/..e/f../.g/..." },
        { "/.", "/" },
        { "/./", "/" },
        { "/a/.", "/a/" },
        { "/a/./b", "/a/b" },
        { "/a/..", "/" },
        { "/a/../", "/" },
        { "/a/../b", "/b" },
        { "/a/b/../../c", "/c" },
        { "/a/b/..?x", "/a/" },
        { "/a//../b", "/a/b" },
        { "//../b", "/b" },
        { "/mid/content=5/../6", "/mid/6" },
        { "/a/b/c/./../../g", "/a/g" },
        { "/%41%7a%30%2d%2E%5f%7E", "/Az0-._~" },
        { "/%2f%2F%e4%3a", "/%2F%2F%E4%3A" },
        { "/%25%32%65", "/%252e" }, /* one pass: what comes out is not decoded again */
        { "/%252e%252e/a", "/%252e%252e/a" },
        { "/a/%2e%2E/b", "/b" },
        { "/a/.%2e/b", "/b" },
        { "/a/%2e", "/a/" },
        { "/a%2f..%2fb", "/a%2F..%2Fb" },
        { "/a;b/..;/c", "/a;b/..;/c" },
        { "/a/..%3b/c", "/a/..%3B/c" },
        { "/a\\..\\b", "/a\\..\\b" },
        { "/\\/a", "/\\/a" },
        { "/\\./a", "/\\./a" },
        /* A byte that may come raw or escaped has one form, so that no rule is passed by spelling.
         */
        { "/[a]^|", "/%5Ba%5D%5E%7C" },
        { "/%5ba%5d%5e%7c", "/%5Ba%5D%5E%7C" },
        { "/caf\xc3\xa9/x", "/caf%C3%A9/x" },
        { "/caf%c3%a9/x", "/caf%C3%A9/x" },
        { "/\xe4\xb8\xad/../\xf0\x9f\x98\x80?\xc3\xa9", "/%F0%9F%98%80" },
        { "/a-long-segment-of-many-bytes/\xc3\xa9", "/a-long-segment-of-many-bytes/%C3%A9" },
        { "/a-long-segment-of-many-bytes/|", "/a-long-segment-of-many-bytes/%7C" },
        { "/a-long-segment-of-many-bytes/and.one/%7e/..",
          "/a-long-segment-of-many-bytes/and.one/" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        uint8_t text[200];
        size_t len = 0;
        assert_int_equal(path_normalise(weir_span_cstr(good[i].path), text, &len), WEIR_OK);
        if (!weir_span_eq(weir_span(text, len), weir_span_cstr(good[i].normal)))
            print_error("%s became %.*s\n", good[i].path, (int)len, (char *)text);
        assert_true(weir_span_eq(weir_span(text, len), weir_span_cstr(good[i].normal)));
    }
}

static void paths_above_the_root_or_with_bad_escapes_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES(""),         BYTES("a"),       BYTES("*"),       BYTES("?a"),
        BYTES("/.."),      BYTES("/../"),    BYTES("/../a"),   BYTES("/a/../.."),
        BYTES("/./.."),    BYTES("/%2e%2e"), BYTES("/.%2E/a"), BYTES("/a/b/../../../c"),
        BYTES("/%"),       BYTES("/%4"),     BYTES("/%zz"),    BYTES("/%4z"),
        BYTES("/%00"),     BYTES("/a%00b"),  BYTES("/%?41"),   BYTES("/%4?1"),
        BYTES("/a/../%0"), BYTES("/%C3%00"), BYTES("/%-1"),    BYTES("/%+1"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        uint8_t text[200];
        size_t len = 0;
        assert_int_equal(path_normalise(bad[i], text, &len), WEIR_EPROTO);
    }
}

/* RFC 3986 5.2.4 implemented literally, for comparison: one string is the input, one the output,
 * prefixes move. */
static bool naive_remove_dots(const char *in, char *out)
{
    out[0] = '\0';
    while (in[0] != '\0') {
        if (strncmp(in, "/./", 3) == 0) {
            in += 2;
        } else if (strcmp(in, "/.") == 0) {
            in = "/";
        } else if (strncmp(in, "/../", 4) == 0 || strcmp(in, "/..") == 0) {
            char *last = strrchr(out, '/');
            if (last == NULL)
                return false;
            *last = '\0';
            in = in[3] == '/' ? in + 3 : "/";
        } else {
            size_t len = 1 + strcspn(in + 1, "/");
            size_t had = strlen(out);
            memcpy(out + had, in, len);
            out[had + len] = '\0';
            in += len;
        }
    }
    return true;
}

static void random_paths_agree_with_the_words_of_the_rfc(void **state)
{
    static const char *const pieces[] = { "/", ".", "a", "/..", "/.", "/b", "longer-segment" };
    struct weir_rng rng;
    weir_rng_init(&rng, 5);
    for (size_t round = 0; round < 20000; round++) {
        char path[200] = "/";
        char naive[200];
        uint8_t text[200];
        size_t path_len = 1;
        size_t len = 0;
        for (uint64_t num = weir_rng_below(&rng, 12); num > 0; num--) {
            const char *piece = pieces[weir_rng_below(&rng, WEIR_ARRAY_LEN(pieces))];
            memcpy(path + path_len, piece, strlen(piece) + 1);
            path_len += strlen(piece);
        }
        enum weir_err err = path_normalise(weir_span(path, path_len), text, &len);
        assert_int_equal(err == WEIR_OK, naive_remove_dots(path, naive));
        if (err == WEIR_OK) {
            uint8_t again[200];
            size_t again_len = 0;
            assert_true(weir_span_eq(weir_span(text, len), weir_span_cstr(naive)));
            assert_int_equal(path_normalise(weir_span(text, len), again, &again_len), WEIR_OK);
            assert_true(weir_span_eq(weir_span(text, len), weir_span(again, again_len)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities_are_read_into_host_and_port),
        cmocka_unit_test(authorities_of_two_readings_are_refused),
        cmocka_unit_test(every_byte_but_those_of_names_is_refused_in_a_host),
        cmocka_unit_test(labels_and_names_may_fill_their_limits_but_not_pass_them),
        cmocka_unit_test(host_names_are_made_lower_case),
        cmocka_unit_test(paths_become_their_one_form),
        cmocka_unit_test(paths_above_the_root_or_with_bad_escapes_are_refused),
        cmocka_unit_test(random_paths_agree_with_the_words_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
