/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_text_test.c - UTF-8, values in messages, "did you mean", base64.
 * Ref: RFC 3629 section 4 (what is UTF-8), RFC 4648 section 10 (examples).
 */
#include "node/base/rng.h"
#include "tenants/base64.h"
#include "tenants/schema/schema_text.h"
#include "tests/support/schemas.h"

static void every_code_point_comes_back_from_its_bytes(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        uint8_t bytes[4];
        uint32_t back = 0;
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        size_t len = weir_schema_text_encode(point, bytes);
        assert_int_equal(weir_schema_text_next(weir_span(bytes, len), &back), len);
        assert_int_equal(back, point);
        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(weir_schema_text_next(weir_span(bytes, cut), &back), 0);
    }
}

static void what_is_no_utf8_is_refused(void **state)
{
    static const struct weir_span bad[] = {
        WEIR_SPAN_LIT("\x80"),
        WEIR_SPAN_LIT("\xbf"),
        WEIR_SPAN_LIT("\xc0\x80"),
        WEIR_SPAN_LIT("\xc1\xbf"),
        WEIR_SPAN_LIT("\xe0\x9f\xbf"),
        WEIR_SPAN_LIT("\xed\xa0\x80"),
        WEIR_SPAN_LIT("\xed\xbf\xbf"),
        WEIR_SPAN_LIT("\xf0\x8f\xbf\xbf"),
        WEIR_SPAN_LIT("\xf4\x90\x80\x80"),
        WEIR_SPAN_LIT("\xf5\x80\x80\x80"),
        WEIR_SPAN_LIT("\xff"),
        WEIR_SPAN_LIT("\xc3("),
        WEIR_SPAN_LIT("a\xc3"),
        WEIR_SPAN_LIT("ok\xe2\x82"),
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_false(weir_schema_text_is_utf8(bad[i]));
    assert_true(
        weir_schema_text_is_utf8(WEIR_SPAN_LIT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")));
    assert_true(weir_schema_text_is_utf8(WEIR_SPAN_EMPTY));
}

static void a_shown_value_is_one_line_of_bounded_length(void **state)
{
    static const struct {
        struct weir_span value;
        const char *shown;
    } examples[] = {
        { WEIR_SPAN_LIT("shop"), "\"shop\"" },
        { WEIR_SPAN_LIT("a\nb: c\r\t\0"), "\"a\\u000ab: c\\u000d\\u0009\\u0000\"" },
        { WEIR_SPAN_LIT("say \"\\\""), "\"say \\\"\\\\\\\"\"" },
        { WEIR_SPAN_LIT("\xff caf\xc3\xa9"), "\"\\xff caf\xc3\xa9\"" },
        { WEIR_SPAN_LIT("\xe2\x80\xae"), "\"\\u202e\"" },
        { WEIR_SPAN_LIT(""), "\"\"" },
    };
    uint8_t noise[256];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(examples); i++)
        assert_string_equal(weir_schema_text_show(examples[i].value).text, examples[i].shown);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof(noise); len++) {
        struct weir_shown s = weir_schema_text_show(weir_span(noise, len));
        assert_true(strlen(s.text) < WEIR_SHOWN_MAX);
        assert_null(strpbrk(s.text, "\r\n\t"));
        assert_int_equal(s.text[strlen(s.text) - 1], '"');
    }
}

static const char *suggested(const char *word, const char *const *names, size_t num)
{
    static struct weir_shown shown;
    struct weir_suggest s = weir_suggest_begin(weir_span_cstr(word));

    for (size_t i = 0; i < num; i++)
        weir_suggest_offer(&s, weir_span_cstr(names[i]));
    shown = weir_suggest_text(&s);
    return shown.text;
}

static void one_slip_is_found_and_another_word_is_not(void **state)
{
    static const char *const names[] = { "hosts",     "addresses",  "upstreams", "routes",
                                         "redirects", "headers",    "http",      "tcp",
                                         "limits",    "error_pages" };
    static const struct {
        const char *word, *meant;
    } examples[] = {
        { "host", "hosts" },
        { "hsots", "hosts" },
        { "adresses", "addresses" },
        { "upstream", "upstreams" },
        { "Routes", "routes" },
        { "error-pages", "error_pages" },
        { "errorpages", "error_pages" },
        { "redirect", "redirects" },
        { "hedders", "headers" },
        { "htpt", "http" },
        { "limit", "limits" },
    };
    static const char *const strange[] = { "", "x", "foo", "certificate", "zz", "balance" };
    char wide[200];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(examples); i++) {
        char text[64];
        snprintf(text, sizeof(text), ", did you mean \"%s\"?", examples[i].meant);
        assert_string_equal(suggested(examples[i].word, names, WEIR_ARRAY_LEN(names)), text);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(strange); i++)
        assert_string_equal(suggested(strange[i], names, WEIR_ARRAY_LEN(names)), "");
    memset(wide, 'h', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    assert_string_equal(suggested(wide, names, WEIR_ARRAY_LEN(names)), "");
}

static void base64_is_what_the_rfc_shows(void **state)
{
    static const struct {
        const char *bytes, *text;
    } examples[] = { { "", "" },
                     { "f", "Zg==" },
                     { "fo", "Zm8=" },
                     { "foo", "Zm9v" },
                     { "foob", "Zm9vYg==" },
                     { "fooba", "Zm9vYmE=" },
                     { "foobar", "Zm9vYmFy" } };
    static const char *const bad[] = {
        "Z",     "Zg",   "Zg=",    "Zg==Zg==", "Zh==", "Zm9=",
        "Zm 9v", "====", "Zm9v\n", "=m9v",     "Z===", "Zm\xc3\xa9="
    };
    uint8_t out[64];
    char text[64];
    size_t len;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(examples); i++) {
        struct weir_span bytes = weir_span_cstr(examples[i].bytes);
        weir_base64_encode(bytes, text);
        assert_int_equal(weir_base64_len(bytes.len), strlen(examples[i].text));
        assert_memory_equal(text, examples[i].text, strlen(examples[i].text));
        assert_true(weir_base64_decode(weir_span_cstr(examples[i].text), out, &len));
        assert_true(weir_span_eq(weir_span(out, len), bytes));
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_false(weir_base64_decode(weir_span_cstr(bad[i]), out, &len));
}

static void any_bytes_come_back_from_base64(void **state)
{
    struct weir_rng rng;
    uint8_t bytes[48], back[64];
    char text[64];

    (void)state;
    weir_rng_init(&rng, 2);
    for (int round = 0; round < 2000; round++) {
        size_t len = (size_t)weir_rng_below(&rng, sizeof(bytes) + 1), back_len = 0;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)weir_rng_next(&rng);
        weir_base64_encode(weir_span(bytes, len), text);
        assert_true(weir_base64_decode(weir_span(text, weir_base64_len(len)), back, &back_len));
        assert_true(weir_span_eq(weir_span(bytes, len), weir_span(back, back_len)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_comes_back_from_its_bytes),
        cmocka_unit_test(what_is_no_utf8_is_refused),
        cmocka_unit_test(a_shown_value_is_one_line_of_bounded_length),
        cmocka_unit_test(one_slip_is_found_and_another_word_is_not),
        cmocka_unit_test(base64_is_what_the_rfc_shows),
        cmocka_unit_test(any_bytes_come_back_from_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
