/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_start_test.c - request lines and status lines: the exact grammar, the forms of a target, the
 * versions. Ref: RFC 9112 sections 2.2, 3, 4.
 */
#include "tests/support/heads.h"

#define REQUEST  WEIR_H1_REQUEST
#define RESPONSE WEIR_H1_RESPONSE
#define HOST     "Host: a\r\n\r\n"

static void one_empty_line_before_a_request_is_skipped(void **state)
{
    struct weir_h1_head h;
    struct weir_span bytes = BYTES("\r\nGET / HTTP/1.1\r\n" HOST);
    heads_good(&h, REQUEST, bytes);
    assert_int_equal(h.head_len, bytes.len);
    assert_int_equal(h.method_at, 2);
    heads_bad(REQUEST, BYTES("\r\n\r\nGET / HTTP/1.1\r\n" HOST), WEIR_FAULT_METHOD);
    heads_bad(RESPONSE, BYTES("\r\nHTTP/1.1 200 OK\r\n\r\n"), WEIR_FAULT_STATUS_LINE);
}

static void methods_are_tokens_in_their_own_case(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES("get / HTTP/1.1\r\n" HOST));
    assert_int_equal(h.method, WEIR_METHOD_OTHER);
    heads_good(&h, REQUEST, BYTES("M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1\r\n" HOST));
    assert_int_equal(h.method, WEIR_METHOD_OTHER);

    static const struct weir_span bad[] = {
        BYTES(" GET / HTTP/1.1\r\n" HOST),
        BYTES("\tGET / HTTP/1.1\r\n" HOST),
        BYTES(" / HTTP/1.1\r\n" HOST),
        BYTES("G\0ET / HTTP/1.1\r\n" HOST),
        BYTES("GE\x80 / HTTP/1.1\r\n" HOST),
        BYTES("GET\t/ HTTP/1.1\r\n" HOST),
        BYTES("GET,POST / HTTP/1.1\r\n" HOST),
        BYTES("GET:/ HTTP/1.1\r\n" HOST),
        BYTES("G\"ET / HTTP/1.1\r\n" HOST),
        BYTES("GET/ / HTTP/1.1\r\n" HOST),
        BYTES("GET\r\n" HOST),
        BYTES("{} / HTTP/1.1\r\n" HOST),
        BYTES("GET\x0b/ HTTP/1.1\r\n" HOST),
        BYTES("\x7fGET / HTTP/1.1\r\n" HOST),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i], WEIR_FAULT_METHOD);
}

/* RFC 9112 section 3: a method longer than any that is implemented gets a 501. */
static void a_method_longer_than_32_bytes_is_not_implemented(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1\r\n" HOST));
    assert_int_equal(h.method_len, WEIR_METHOD_MAX);
    heads_bad(REQUEST, BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\n" HOST),
              WEIR_FAULT_METHOD_TOO_LONG);
    heads_bad(REQUEST, BYTES("\r\nABCDEFGHIJKLMNOPQRSTUVWXYZ0123456\x01/ HTTP/1.1\r\n" HOST),
              WEIR_FAULT_METHOD_TOO_LONG);
    heads_bad(REQUEST, BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345: / HTTP/1.1\r\n" HOST),
              WEIR_FAULT_METHOD);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_METHOD_TOO_LONG), 501);
}

static void versions_are_two_and_well_formed_others_get_505(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES("GET / HTTP/1.0\r\n\r\n"));
    assert_int_equal(h.minor, 0);
    assert_int_equal(h.authority_len, 0);
    heads_good(&h, REQUEST, BYTES("GET / HTTP/1.1\r\n" HOST));
    assert_int_equal(h.minor, 1);

    static const struct weir_span other[] = {
        BYTES("GET / HTTP/2.0\r\n" HOST),
        BYTES("GET / HTTP/1.2\r\n" HOST),
        BYTES("GET / HTTP/0.9\r\n" HOST),
        BYTES("GET / HTTP/9.1\r\n" HOST),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(other); i++)
        heads_bad(REQUEST, other[i], WEIR_FAULT_VERSION_UNSUPPORTED);
    heads_bad(RESPONSE, BYTES("HTTP/2.0 200 OK\r\n\r\n"), WEIR_FAULT_VERSION_UNSUPPORTED);
    heads_bad(RESPONSE, BYTES("HTTP/0.1 200 OK\r\n\r\n"), WEIR_FAULT_VERSION_UNSUPPORTED);

    static const struct weir_span bad[] = {
        BYTES("GET / HTTP/1.10\r\n" HOST),
        BYTES("GET / HTTP/1.11\r\n" HOST),
        BYTES("GET / HTTP/11.1\r\n" HOST),
        BYTES("GET / HTTP/1.\r\n" HOST),
        BYTES("GET / HTTP/1\r\n" HOST),
        BYTES("GET / HTTP/2\r\n" HOST),
        BYTES("GET / http/1.1\r\n" HOST),
        BYTES("GET / HtTP/1.1\r\n" HOST),
        BYTES("GET / HTTP/1,1\r\n" HOST),
        BYTES("GET / HTTP 1.1\r\n" HOST),
        BYTES("GET / HTTP/1.1 \r\n" HOST),
        BYTES("GET / HTTP/1.1\t\r\n" HOST),
        BYTES("GET / HTTP/1.1 x\r\n" HOST),
        BYTES("GET /  HTTP/1.1\r\n" HOST),
        BYTES("GET / HTTP/1.x\r\n" HOST),
        BYTES("GET / HTTP/ 1.1\r\n" HOST),
        BYTES("GET / HTTP/+1.1\r\n" HOST),
        BYTES("GET / HTTPS/1.1\r\n" HOST),
        BYTES("GET / ICY/1.1\r\n" HOST),
        BYTES("GET /\r\n" HOST),
        BYTES("GET /\r\n"),
        BYTES("GET / \r\n" HOST),
        BYTES("GET / HTTP/1.1\0\r\n" HOST),
        BYTES("GET /a b HTTP/1.1\r\n" HOST),
        BYTES("GET / HTTP/1.1GET / HTTP/1.1\r\n" HOST),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i], WEIR_FAULT_VERSION);
}

static void origin_form_is_a_path_with_or_without_query(void **state)
{
    static const struct weir_span good[] = {
        BYTES("/"),
        BYTES("//"),
        BYTES("//evil.example/a"),
        BYTES("/a/../b/./c"),
        BYTES("/-._~!$&'()*+,;=:@"),
        BYTES("/%41%7e%FF%e4%B8%ad"),
        BYTES("/?"),
        BYTES("/a?b=c&d=/e?f"),
        BYTES("/a?[0]=1&x=a|b^c`d{e}"),
        /* What the URL standard leaves as it is, and so browsers send. */
        BYTES("/a[1].png"),
        BYTES("/a|b"),
        BYTES("/x^2"),
        BYTES("/[|]^"),
        BYTES("/?path=C:\\temp"),
        /* A "%" of a query that begins no escape. */
        BYTES("/sale?discount=50%"),
        BYTES("/?%"),
        BYTES("/?%4"),
        BYTES("/?%0"),
        BYTES("/?%0z"),
        BYTES("/?%zz"),
        BYTES("/?%%41"),
        BYTES("/?u=%u00e9&v=%"),
        /* Raw UTF-8: 2, 3 and 4 bytes, the first and last of each length. */
        BYTES("/caf\xc3\xa9"),
        BYTES("/?\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
        BYTES("/\xf0\x90\x80\x80\xf4\x8f\xbf\xbf?\xf0\x9f\x98\x80"),
        BYTES("/a-path-which-is-longer-than-one/vector/of-sixteen?and=so+is-its_query&%20=%0a"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        uint8_t text[200];
        size_t len = good[i].len;
        memcpy(text, "GET ", 4);
        memcpy(text + 4, good[i].at, len);
        memcpy(text + 4 + len, " HTTP/1.1\r\n" HOST, sizeof(" HTTP/1.1\r\n" HOST) - 1);
        struct weir_h1_head h;
        heads_good(&h, REQUEST, weir_span(text, 4 + len + sizeof(" HTTP/1.1\r\n" HOST) - 1));
        assert_int_equal(h.form, WEIR_TARGET_ORIGIN);
        assert_int_equal(h.path_at, 4);
        assert_int_equal(h.path_len, len);
        const uint8_t *query = memchr(good[i].at, '?', len);
        assert_int_equal(h.query_at, query == NULL ? 0 : query - good[i].at + 4);
    }
}

static void assert_target_is_refused(struct weir_span target)
{
    uint8_t text[200];
    memcpy(text, "GET ", 4);
    memcpy(text + 4, target.at, target.len);
    memcpy(text + 4 + target.len, " HTTP/1.1\r\n" HOST, sizeof(" HTTP/1.1\r\n" HOST) - 1);
    heads_bad(REQUEST, weir_span(text, 4 + target.len + sizeof(" HTTP/1.1\r\n" HOST) - 1),
              WEIR_FAULT_TARGET);
}

static void targets_with_other_bytes_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("/a#b"),
        BYTES("/#"),
        BYTES("/a?b#c"),
        BYTES("/%"),
        BYTES("/%4"),
        BYTES("/%zz"),
        BYTES("/%4z"),
        BYTES("/%z4"),
        BYTES("/%00"),
        BYTES("/a?%00"),
        BYTES("/a?%%00"),
        BYTES("/%%41"),
        BYTES("/%u00e9"),
        BYTES("/%?41"),
        BYTES("/\""),
        BYTES("/<"),
        BYTES("/>"),
        BYTES("/\\"),
        BYTES("/..\\a"),
        BYTES("/`"),
        BYTES("/{"),
        BYTES("/}"),
        BYTES("/?\""),
        BYTES("/?<"),
        BYTES("/?>"),
        BYTES("/\x01"),
        BYTES("/\x7f"),
        BYTES("/\x80"),
        BYTES("/?\xff"),
        BYTES("/\t"),
        BYTES("/\0"),
        BYTES("/?\x0b"),
        BYTES(""),
        BYTES("a"),
        BYTES("a/b"),
        BYTES("?a"),
        BYTES("*a"),
        BYTES("**"),
        BYTES("."),
        BYTES("%2f"),
        BYTES("\\"),
        BYTES("/% 1"),
        BYTES("/%+1"),
        BYTES("a:80"),
        BYTES("ftp://a/"),
        BYTES("mailto:a"),
        BYTES("/the-bad-byte-may-also-come-after-a-vector-of-good-ones/`"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_target_is_refused(bad[i]);
}

/* RFC 3629: cut, overlong, surrogates, above U+10FFFF; and the C1 controls. */
static void targets_that_are_not_utf8_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("/\xc3"),
        BYTES("/\xc3/"),
        BYTES("/?\xe4\xb8"),
        BYTES("/\xc0\xaf"),
        BYTES("/?\xc1\xbf"),
        BYTES("/\xe0\x80\xaf"),
        BYTES("/\xe0\x9f\xbf"),
        BYTES("/\xed\xa0\x80"),
        BYTES("/\xf0\x8f\xbf\xbf"),
        BYTES("/\xf4\x90\x80\x80"),
        BYTES("/\xf5\x80\x80\x80"),
        BYTES("/\xc2\x85"),
        BYTES("/?\xc2\x9f"),
        BYTES("/\xa9\xc3"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_target_is_refused(bad[i]);
}

static void absolute_form_gives_the_authority(void **state)
{
    static const struct {
        struct weir_span bytes;
        const char *authority;
        const char *path;
        bool https;
    } good[] = {
        { BYTES("GET http://b.example/c?d HTTP/1.1\r\n" HOST), "b.example", "/c?d", false },
        { BYTES("GET HTTP://B.example:81/ HTTP/1.1\r\n" HOST), "B.example:81", "/", false },
        { BYTES("GET https://b HTTP/1.1\r\n" HOST), "b", "", true },
        { BYTES("GET hTTps://[::1]:8/%41 HTTP/1.1\r\n" HOST), "[::1]:8", "/%41", true },
        { BYTES("GET http://1.2.3.4/?http://x/ HTTP/1.0\r\n\r\n"), "1.2.3.4", "/?http://x/",
          false },
        { BYTES("OPTIONS http://b:80 HTTP/1.1\r\n" HOST), "b:80", "", false },
        /* An empty path stands for "/", also before a query; an empty port for the usual one. */
        { BYTES("GET http://b?a HTTP/1.1\r\n" HOST), "b", "?a", false },
        { BYTES("GET http://b:81?a?b%\\ HTTP/1.1\r\n" HOST), "b:81", "?a?b%\\", false },
        { BYTES("GET http://b:/c HTTP/1.1\r\n" HOST), "b", "/c", false },
        { BYTES("GET http://[::1]:?x HTTP/1.1\r\n" HOST), "[::1]", "?x", false },
        { BYTES("GET http://b/[^\xc3\xa9]|?% HTTP/1.1\r\n" HOST), "b", "/[^\xc3\xa9]|?%", false },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct weir_h1_head h;
        heads_good(&h, REQUEST, good[i].bytes);
        assert_int_equal(h.form, WEIR_TARGET_ABSOLUTE);
        assert_int_equal(h.absolute_https, good[i].https);
        heads_assert_text(good[i].bytes, h.authority_at, h.authority_len, good[i].authority);
        heads_assert_text(good[i].bytes, h.path_at, h.path_len, good[i].path);
    }
    struct weir_h1_head h;
    struct weir_span bytes = good[0].bytes;
    heads_good(&h, REQUEST, bytes);
    heads_assert_text(bytes, h.query_at, 2, "?d");

    static const struct weir_span bad[] = {
        BYTES("GET http:// HTTP/1.1\r\n" HOST),
        BYTES("GET http:/// HTTP/1.1\r\n" HOST),
        BYTES("GET http:b HTTP/1.1\r\n" HOST),
        BYTES("GET http:/b HTTP/1.1\r\n" HOST),
        BYTES("GET http://?a HTTP/1.1\r\n" HOST),
        BYTES("GET http://:/a HTTP/1.1\r\n" HOST),
        BYTES("GET http://u@b/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://u:p@b/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b,c/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b/\xc3 HTTP/1.1\r\n" HOST),
        BYTES("GET http://b:0/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b:65536/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b%41/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b/%00 HTTP/1.1\r\n" HOST),
        BYTES("GET http://b/# HTTP/1.1\r\n" HOST),
        BYTES("GET http://b/\\ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b?%00 HTTP/1.1\r\n" HOST),
        BYTES("GET http://b/% HTTP/1.1\r\n" HOST),
        BYTES("GET http://\xc3\xa9/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://b\\c/ HTTP/1.1\r\n" HOST),
        BYTES("GET http://[::1/ HTTP/1.1\r\n" HOST),
        BYTES("GET ws://b/ HTTP/1.1\r\n" HOST),
        BYTES("GET httpx://b/ HTTP/1.1\r\n" HOST),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(REQUEST, bad[i], WEIR_FAULT_TARGET);
}

/* RFC 9112 3.2.2: the absolute form wins over Host, which must still be there and be good. */
static void absolute_form_wins_over_host(void **state)
{
    struct weir_span bytes = BYTES("GET http://b/ HTTP/1.1\r\nHost: c\r\n\r\n");
    struct weir_h1_head h;
    heads_good(&h, REQUEST, bytes);
    heads_assert_text(bytes, h.authority_at, h.authority_len, "b");
    heads_bad(REQUEST, BYTES("GET http://b/ HTTP/1.1\r\n\r\n"), WEIR_FAULT_HOST_MISSING);
    heads_bad(REQUEST, BYTES("GET http://b/ HTTP/1.1\r\nHost: a,b\r\n\r\n"),
              WEIR_FAULT_HOST_INVALID);
    heads_bad(REQUEST, BYTES("GET http://b/ HTTP/1.1\r\nHost: b\r\nHost: b\r\n\r\n"),
              WEIR_FAULT_HOST_REPEATED);
}

static void asterisk_is_for_options_and_connect_for_nobody(void **state)
{
    struct weir_h1_head h;
    heads_good(&h, REQUEST, BYTES("OPTIONS * HTTP/1.1\r\n" HOST));
    assert_int_equal(h.form, WEIR_TARGET_ASTERISK);
    heads_bad(REQUEST, BYTES("GET * HTTP/1.1\r\n" HOST), WEIR_FAULT_TARGET);
    heads_bad(REQUEST, BYTES("options * HTTP/1.1\r\n" HOST), WEIR_FAULT_TARGET);
    heads_bad(REQUEST, BYTES("CONNECT a:443 HTTP/1.1\r\n" HOST), WEIR_FAULT_TARGET);
    heads_bad(REQUEST, BYTES("CONNECT / HTTP/1.1\r\n" HOST), WEIR_FAULT_TARGET);
    heads_bad(REQUEST, BYTES("CONNECT http://a/ HTTP/1.1\r\n" HOST), WEIR_FAULT_TARGET);
}

static void status_lines_may_lack_their_reason(void **state)
{
    static const struct {
        struct weir_span bytes;
        uint16_t status;
        const char *reason;
    } good[] = {
        { BYTES("HTTP/1.1 200 OK\r\n\r\n"), 200, "OK" },
        { BYTES("HTTP/1.1 200 \r\n\r\n"), 200, "" },
        { BYTES("HTTP/1.1 200\r\n\r\n"), 200, "" },
        { BYTES("HTTP/1.0 599 \tOdd  one \r\n\r\n"), 599, "\tOdd  one " },
        { BYTES("HTTP/1.1 100 Continue\r\n\r\n"), 100, "Continue" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct weir_h1_head h;
        heads_good(&h, RESPONSE, good[i].bytes);
        assert_int_equal(h.status, good[i].status);
        heads_assert_text(good[i].bytes, h.reason_at, h.reason_len, good[i].reason);
    }
}

static void malformed_status_lines_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("HTTP/1.1 099 X\r\n\r\n"),     BYTES("HTTP/1.1 600 X\r\n\r\n"),
        BYTES("HTTP/1.1 20 X\r\n\r\n"),      BYTES("HTTP/1.1 2000 X\r\n\r\n"),
        BYTES("HTTP/1.1 2x0 X\r\n\r\n"),     BYTES("HTTP/1.1 20\r\n\r\n"),
        BYTES("HTTP/1.1  200 X\r\n\r\n"),    BYTES("HTTP/1.1\t200 X\r\n\r\n"),
        BYTES("HTTP/1.1 200\tX\r\n\r\n"),    BYTES("HTTP/1.1200 X\r\n\r\n"),
        BYTES("HTTP/1.1 +20 X\r\n\r\n"),     BYTES("HTTP/1.1 200 a\0b\r\n\r\n"),
        BYTES("HTTP/1.1 200 a\x7f\r\n\r\n"), BYTES("HTTP/1.1\r\n\r\n"),
        BYTES("HTTP/1.1 \r\n\r\n"),          BYTES("http/1.1 200 OK\r\n\r\n"),
        BYTES("HTTP/1.10 200 OK\r\n\r\n"),   BYTES("HTTP/1 200 OK\r\n\r\n"),
        BYTES("ICY 200 OK\r\n\r\n"),         BYTES(" HTTP/1.1 200 OK\r\n\r\n"),
        BYTES("GET / HTTP/1.1\r\n\r\n"),     BYTES("\0"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        heads_bad(RESPONSE, bad[i], WEIR_FAULT_STATUS_LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_empty_line_before_a_request_is_skipped),
        cmocka_unit_test(methods_are_tokens_in_their_own_case),
        cmocka_unit_test(a_method_longer_than_32_bytes_is_not_implemented),
        cmocka_unit_test(versions_are_two_and_well_formed_others_get_505),
        cmocka_unit_test(origin_form_is_a_path_with_or_without_query),
        cmocka_unit_test(targets_with_other_bytes_are_refused),
        cmocka_unit_test(targets_that_are_not_utf8_are_refused),
        cmocka_unit_test(absolute_form_gives_the_authority),
        cmocka_unit_test(absolute_form_wins_over_host),
        cmocka_unit_test(asterisk_is_for_options_and_connect_for_nobody),
        cmocka_unit_test(status_lines_may_lack_their_reason),
        cmocka_unit_test(malformed_status_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
