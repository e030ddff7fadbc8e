/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_write_test.c - what is written reads back as the same, for samples and for random tenants.
 */
#include "node/base/rng.h"
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"

static void the_samples_are_written_as_they_stand(void **state)
{
    static const char *const samples[] = { schemas_full_tenant, schemas_full_node };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(samples); i++) {
        struct weir_strbuf yaml = WEIR_STRBUF_ZERO, json = WEIR_STRBUF_ZERO;
        struct schemas s;

        schemas_read(&s, weir_span_cstr(samples[i]), WEIR_FORMAT_YAML);
        schemas_round(&s.docs.items[0], WEIR_FORMAT_YAML, &yaml);
        assert_string_equal(yaml.at, samples[i]);
        schemas_round(&s.docs.items[0], WEIR_FORMAT_JSON, &json);
        weir_strbuf_deinit(&yaml);
        weir_strbuf_deinit(&json);
        schemas_end(&s);
    }
}

static void json_is_written_a_line_a_value(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    schemas_read(
        &s, weir_span_cstr(SCHEMAS_TENANT "http: { max_body: 0, min_rate: 1KiB/s }\nheaders: {}\n"),
        WEIR_FORMAT_YAML);
    schemas_round(&s.docs.items[0], WEIR_FORMAT_JSON, &out);
    assert_string_equal(out.at, "{\n"
                                "  \"apiVersion\": \"weir/v1\",\n"
                                "  \"kind\": \"Tenant\",\n"
                                "  \"name\": \"shop\",\n"
                                "  \"hosts\": [\n"
                                "    \"shop.example.com\"\n"
                                "  ],\n"
                                "  \"headers\": {},\n"
                                "  \"http\": {\n"
                                "    \"max_body\": 0,\n"
                                "    \"min_rate\": \"1KiB/s\"\n"
                                "  }\n"
                                "}\n");
    weir_strbuf_deinit(&out);
    schemas_end(&s);
}

/** Bodies that a block, a quoted text or neither could spoil. */
static void every_text_survives_both_formats(void **state)
{
    static const struct weir_span bodies[] = {
        WEIR_SPAN_LIT(""),
        WEIR_SPAN_LIT("a"),
        WEIR_SPAN_LIT("\n"),
        WEIR_SPAN_LIT("a\n"),
        WEIR_SPAN_LIT("a\n\n\n"),
        WEIR_SPAN_LIT("\na"),
        WEIR_SPAN_LIT(" a\nb"),
        WEIR_SPAN_LIT("\ta\nb"),
        WEIR_SPAN_LIT("a\n  b\n c\n"),
        WEIR_SPAN_LIT("a\n\tb\n"),
        WEIR_SPAN_LIT("a\n   \nb"),
        WEIR_SPAN_LIT("a \nb \n"),
        WEIR_SPAN_LIT("a\r\nb"),
        WEIR_SPAN_LIT("a\x01\nb"),
        WEIR_SPAN_LIT("a\0b\n"),
        WEIR_SPAN_LIT("---\n...\n# x\n"),
        WEIR_SPAN_LIT("a: b\n- c\n"),
        WEIR_SPAN_LIT("caf\xc3\xa9\n\xf0\x9f\x98\x80"),
        WEIR_SPAN_LIT("\xc2\x85\n"),
        WEIR_SPAN_LIT("\xe2\x80\xa8\n"),
        WEIR_SPAN_LIT("\xef\xbb\xbf"
                      "a\n"),
        WEIR_SPAN_LIT("\xef\xbf\xbe\n"),
        WEIR_SPAN_LIT("\"\\\n'"),
        WEIR_SPAN_LIT("a\n---\n"),
        WEIR_SPAN_LIT("\x7f\x1b"),
        WEIR_SPAN_LIT("null"),
        WEIR_SPAN_LIT("~"),
        WEIR_SPAN_LIT("true"),
        WEIR_SPAN_LIT("|"),
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bodies); i++) {
        for (int format = WEIR_FORMAT_YAML; format <= WEIR_FORMAT_JSON; format++) {
            struct weir_strbuf out = WEIR_STRBUF_ZERO;
            struct schemas s;
            schemas_read(&s, weir_span_cstr(SCHEMAS_TENANT "error_pages: { 404: { body: x } }\n"),
                         WEIR_FORMAT_YAML);
            Weir__V1__ErrorPage *p = s.docs.items[0].tenant->error_pages[0]->value;
            p->body = (ProtobufCBinaryData){ .len = bodies[i].len,
                                             .data = (uint8_t *)(uintptr_t)bodies[i].at };
            schemas_round(&s.docs.items[0], (enum weir_format)format, &out);
            weir_strbuf_deinit(&out);
            schemas_end(&s);
        }
    }
}

static void words_that_yaml_reads_as_other_types_are_quoted(void **state)
{
    static const char *const words[] = {
        "true", "FALSE", "null", "yes",        "No",    "on",   "off", "y",    "N",    "1",
        "010",  "1e3",   "0x1f", ".5",         "1.5",   "-",    "- a", "a: b", "a #b", "#a",
        "&a",   "*a",    "!a",   "%a",         "@a",    "`a",   "[a",  "{a",   "a,b",  "",
        "=",    "<<",    "?",    "2001-01-01", "12:30", ".inf", "~",   "'a'",  "\"a\""
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        struct schemas s;
        schemas_read(&s, weir_span_cstr(SCHEMAS_TENANT "headers: { add_request: { X-A: x } }\n"),
                     WEIR_FORMAT_YAML);
        s.docs.items[0].tenant->headers->add_request[0]->value = (char *)(uintptr_t)words[i];
        schemas_round(&s.docs.items[0], WEIR_FORMAT_YAML, &out);
        assert_non_null(strstr(out.at, "X-A: \""));
        weir_strbuf_deinit(&out);
        schemas_end(&s);
    }
}

static void long_lists_are_broken_and_short_ones_are_not(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO, out = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts:\n");
    for (int i = 0; i < 9; i++)
        weir_strbuf_printf(&text, "  - h%d.example.com\n", i);
    weir_strbuf_puts(&text, "redirects:\n"
                            "  - host: a-rather-long-name.example.com\n"
                            "    port: 80\n"
                            "    path: /a/rather/long/path/as/well\n"
                            "    to: { host: another-long-name.example.com }\n");
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    schemas_round(&s.docs.items[0], WEIR_FORMAT_YAML, &out);
    assert_string_equal(out.at, text.at);
    s.docs.items[0].tenant->n_hosts = 5;
    weir_strbuf_reset(&out);
    schemas_round(&s.docs.items[0], WEIR_FORMAT_YAML, &out);
    assert_non_null(strstr(out.at, "\nhosts: [h0.example.com, h1.example.com, h2.example.com, "
                                   "h3.example.com, h4.example.com]\n"));
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&out);
    schemas_end(&s);
}

/* -- random tenants -- */

static bool coin(struct weir_rng *rng)
{
    return weir_rng_below(rng, 2) != 0;
}

/** A text of any code points but NUL at random, sometimes of several lines. */
static char *any_text(struct weir_rng *rng, struct weir_arena *arena, bool lines, size_t *ret_len)
{
    static const char *const pieces[] = { "a",        " ",
                                          "\"",       "\\",
                                          "'",        ":",
                                          "#",        "-",
                                          "\xc3\xa9", "{",
                                          ",",        "\xf0\x9f\x98\x80",
                                          "0",        "true",
                                          "%",        "@",
                                          "\n",       "\n\n",
                                          "\t",       "\r",
                                          "\x01",     "\xe2\x80\xa8",
                                          "  " };
    size_t num = (size_t)weir_rng_below(rng, 12), len = 0;
    char *text = weir_arena_calloc(arena, 64, 1);

    text[len++] = 'x'; /* header values neither begin nor end with a space */
    for (size_t i = 0; i < num; i++) {
        const char *piece = pieces[weir_rng_below(rng, lines ? WEIR_ARRAY_LEN(pieces) : 16)];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    if (!lines)
        text[len++] = 'x';
    *ret_len = len;
    return text;
}

/** As text: the random parts that a reader accepts. Everything else of the tenant is fixed by `i`.
 */
static void random_tenant(struct weir_rng *rng, struct weir_strbuf *out)
{
    weir_strbuf_puts(out, SCHEMAS_TENANT "upstreams:\n");
    size_t num = 1 + (size_t)weir_rng_below(rng, 3);
    for (size_t i = 0; i < num; i++) {
        weir_strbuf_printf(out, "  u%zu:\n    endpoints:\n", i);
        for (size_t k = 0; k <= weir_rng_below(rng, 4); k++)
            weir_strbuf_printf(out,
                               "    - { address: \"10.0.%zu.%zu:%u\", weight: %u, backup: %s }\n",
                               i, k, 1 + (unsigned)weir_rng_below(rng, 65535),
                               (unsigned)weir_rng_below(rng, 65536), coin(rng) ? "true" : "false");
        if (coin(rng))
            weir_strbuf_printf(out, "    connect_timeout: %ums\n",
                               10 + (unsigned)weir_rng_below(rng, 600000 - 10));
        if (coin(rng))
            weir_strbuf_printf(out, "    balance: %s\n", coin(rng) ? "ip_hash" : "round_robin");
        if (coin(rng))
            weir_strbuf_printf(out, "    pool: { max: %u }\n",
                               1 + (unsigned)weir_rng_below(rng, 65536));
    }
    weir_strbuf_puts(out, "routes:\n");
    for (size_t i = 0; i <= weir_rng_below(rng, 5); i++)
        weir_strbuf_printf(out, "- { path: \"%s/r%zu\", upstream: u%zu }\n", coin(rng) ? "=" : "",
                           i, (size_t)weir_rng_below(rng, num));
    weir_strbuf_puts(out, "http:\n");
    if (coin(rng))
        weir_strbuf_printf(out, "  max_header: %u\n",
                           1024 + (unsigned)weir_rng_below(rng, 63 * 1024 - 1024));
    if (coin(rng))
        weir_strbuf_printf(out, "  max_body: %llu\n",
                           (unsigned long long)weir_rng_below(rng, 1ull << 40));
    weir_strbuf_printf(out, "  min_rate: %uB/s\nheaders: { add_request: { X-A: x } }\n",
                       (unsigned)weir_rng_below(rng, 1u << 30));
    weir_strbuf_puts(out, "error_pages: { 404: { body: x } }\n");
}

static void random_tenants_read_back_as_they_were(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO, out = WEIR_STRBUF_ZERO;
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 3);
    for (int round = 0; round < 1000; round++) {
        struct schemas s;
        size_t len;

        weir_strbuf_reset(&text);
        random_tenant(&rng, &text);
        schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
        if (s.err != WEIR_OK)
            fail_msg("%s%s", text.at, s.reported.at);
        Weir__V1__Tenant *t = s.docs.items[0].tenant;
        t->headers->add_request[0]->value = any_text(&rng, &s.docs.arena, false, &len);
        t->error_pages[0]->value->body.data = (uint8_t *)any_text(&rng, &s.docs.arena, true, &len);
        t->error_pages[0]->value->body.len = len;
        for (int format = WEIR_FORMAT_YAML; format <= WEIR_FORMAT_JSON; format++) {
            weir_strbuf_reset(&out);
            schemas_round(&s.docs.items[0], (enum weir_format)format, &out);
        }
        schemas_end(&s);
    }
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&out);
}

static void no_memory_while_writing_is_reported(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s, weir_span_cstr(schemas_full_tenant), WEIR_FORMAT_YAML);
    for (int format = WEIR_FORMAT_YAML; format <= WEIR_FORMAT_JSON; format++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        weir_failalloc_after(-1);
        assert_int_equal(weir_schema_write(WEIR_KIND_TENANT, s.docs.items[0].message,
                                           (enum weir_format)format, &out),
                         WEIR_OK);
        unsigned long num = weir_failalloc_count();
        weir_strbuf_deinit(&out);
        for (unsigned long n = 1; n <= num; n++) {
            weir_failalloc_after((long)n);
            enum weir_err err = weir_schema_write(WEIR_KIND_TENANT, s.docs.items[0].message,
                                                  (enum weir_format)format, &out);
            weir_failalloc_after(-1);
            assert_int_equal(err, WEIR_ENOMEM);
            weir_strbuf_deinit(&out);
        }
    }
    schemas_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_are_written_as_they_stand),
        cmocka_unit_test(json_is_written_a_line_a_value),
        cmocka_unit_test(every_text_survives_both_formats),
        cmocka_unit_test(words_that_yaml_reads_as_other_types_are_quoted),
        cmocka_unit_test(long_lists_are_broken_and_short_ones_are_not),
        cmocka_unit_test(random_tenants_read_back_as_they_were),
        cmocka_unit_test(no_memory_while_writing_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
