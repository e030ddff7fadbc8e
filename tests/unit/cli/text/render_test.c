/* SPDX-License-Identifier: Apache-2.0
 *
 * render_test.c - JSON as YAML: shapes, keys that some YAML would take for something else, texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/cli/text/render.h"

static void json_becomes_block_yaml(void **state)
{
    static const struct {
        const char *json, *yaml;
    } cases[] = {
        { "{}", "" },
        { "[]", "" },
        { "{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":null,\"e\":1.5}",
          "a: 1\nb: \"x\"\nc: true\nd: null\ne: 1.5\n" },
        { "{\"a\":{},\"b\":[]}", "a: {}\nb: []\n" },
        { "{\"a\":{\"b\":{\"c\":1}}}", "a:\n  b:\n    c: 1\n" },
        { "{\"a\":[1,{\"b\":2,\"c\":[3]},[4,5]]}",
          "a:\n  - 1\n  - b: 2\n    c:\n      - 3\n  -\n    - 4\n    - 5\n" },
        { "[{\"a\":1},{\"a\":2}]", "- a: 1\n- a: 2\n" },
        { "{\"502\":1,\"no\":2,\"Y\":3,\"NULL\":4,\"\":5,\"x-y\":6,\"a b\":7}",
          "\"502\": 1\n\"no\": 2\n\"Y\": 3\n\"NULL\": 4\n\"\": 5\n\"x-y\": 6\n\"a b\": 7\n" },
        { "{\"a\":\"\\u001b[2J\\n\\\"\"}", "a: \"\\u001b[2J\\n\\\"\"\n" },
        { "{\"\\ud83d\\ude00\":\"\xf0\x9f\x98\x80 \\u00e9\"}",
          "\"\\U0001f600\": \"\\U0001f600 \\u00e9\"\n" },
        { "{\"a\":18014398509481985}", "a: 18014398509481985\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        assert_int_equal(weir_render_yaml(weir_span_cstr(cases[i].json), &out), WEIR_OK);
        assert_string_equal(out.at != NULL ? out.at : "", cases[i].yaml);
        weir_strbuf_deinit(&out);
    }
}

static void text_that_is_no_json_is_refused(void **state)
{
    static const char whole[] = "{\"a\":[1,{\"b\":\"x\"}]}";
    for (size_t len = 0; len < strlen(whole); len++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        assert_int_equal(weir_render_yaml(weir_span(whole, len), &out), WEIR_EINVAL);
        assert_int_equal(out.len, 0);
        weir_strbuf_deinit(&out);
    }
}

static void depth_is_bounded(void **state)
{
    char json[256];
    for (size_t depth = 32; depth <= 34; depth++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        memset(json, '[', depth);
        memset(json + depth, ']', depth);
        assert_int_equal(weir_render_yaml(weir_span(json, 2 * depth), &out),
                         depth <= 33 ? WEIR_OK : WEIR_EINVAL);
        weir_strbuf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_becomes_block_yaml),
        cmocka_unit_test(text_that_is_no_json_is_refused),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
