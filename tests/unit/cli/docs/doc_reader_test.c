/* SPDX-License-Identifier: Apache-2.0
 *
 * doc_reader_test.c - files cut into documents, whatever the blocks in which they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/cli/docs/doc_reader.h"

/* Documents of a text as "LINE:document|", with "!error" at the end when there is one. */
static char *documents(const char *name, const char *text, size_t len)
{
    struct weir_doc_reader r;
    struct weir_doc_text doc;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    FILE *file = fmemopen((void *)(uintptr_t)text, len, "r");
    enum weir_err err = WEIR_OK;
    assert_non_null(file);
    weir_doc_reader_init(&r, file, name);
    while ((err = weir_doc_reader_next(&r, &doc)) == WEIR_OK)
        weir_strbuf_printf(&out, "%u:%.*s|", doc.line, (int)doc.text.len,
                           (const char *)doc.text.at);
    if (err != WEIR_ENOTFOUND)
        weir_strbuf_printf(&out, "!%s at %u", weir_err_name(err), r.line);
    weir_doc_reader_deinit(&r);
    fclose(file);
    char *copy = strdup(out.at != NULL ? out.at : "");
    weir_strbuf_deinit(&out);
    return copy;
}

static void expect(const char *name, const char *text, const char *want)
{
    char *got = documents(name, text, strlen(text));
    assert_string_equal(got, want);
    free(got);
}

static void yaml_ends_at_its_markers_alone(void **state)
{
    expect("a.yaml", "a: 1\n---\nb: 2\n", "1:a: 1\n|2:---\nb: 2\n|");
    expect("a.yaml", "---\na: 1\n--- # two\nb: 2\n---", "1:---\na: 1\n|3:--- # two\nb: 2\n|5:---|");
    expect("a.yaml", "a: |\n  ---\n ---\n----\n---x\n", "1:a: |\n  ---\n ---\n----\n---x\n|");
    expect("a.yaml", "a: 1", "1:a: 1|");
}

static void json_objects_follow_one_another_in_any_layout(void **state)
{
    expect("a.jsonl", "{\"a\":1}\n{\"b\":2}", "1:{\"a\":1}|2:{\"b\":2}|");
    expect("a.json", "\n{\n \"a\": [ {} ]\n}\n\n{\"b\":\"}\\\"{\"}",
           "2:{\n \"a\": [ {} ]\n}|6:{\"b\":\"}\\\"{\"}|");
    expect("-", "{\"a\":1}{\"b\":2}", "1:{\"a\":1}|1:{\"b\":2}|");
}

static void what_is_no_object_is_an_error_at_its_line(void **state)
{
    expect("a.json", "{\"a\":1}\n\n[]", "1:{\"a\":1}|!invalid at 3");
    expect("a.json", "{\"a\":1}\n{\"b\":", "1:{\"a\":1}|!invalid at 2");
    expect("a.json", "{\"a\":\"}", "!invalid at 1");
}

static void a_mark_of_byte_order_belongs_to_no_document(void **state)
{
    expect("a.json", "\xEF\xBB\xBF{\"a\":1}", "1:{\"a\":1}|");
    expect("a.yaml",
           "\xEF\xBB\xBF"
           "a: 1\n",
           "1:a: 1\n|");
}

static void a_byte_order_mark_in_front_of_a_marker_begins_the_next_document(void **state)
{
    expect("a.yaml", "a: 1\n\xEF\xBB\xBF---\nb: 2\n", "1:a: 1\n|2:\xEF\xBB\xBF---\nb: 2\n|");
    expect("a.yaml", "a: 1\n\xEF\xBB\xBF---", "1:a: 1\n|2:\xEF\xBB\xBF---|");
}

/* Documents of every length around the size of a block: each border falls into a marker once. */
static void borders_of_blocks_cut_no_document(void **state)
{
    enum { BLOCK = 65536 };
    for (size_t pad = BLOCK - 12; pad < BLOCK + 12; pad++) {
        struct weir_strbuf text = WEIR_STRBUF_ZERO;
        struct weir_doc_reader r;
        struct weir_doc_text doc;
        weir_strbuf_puts(&text, "a: ");
        for (size_t i = 0; i < pad; i++)
            weir_strbuf_putc(&text, 'x');
        weir_strbuf_puts(&text, "\n---\nb: 2\n");
        FILE *file = fmemopen(text.at, text.len, "r");
        weir_doc_reader_init(&r, file, "a.yaml");
        assert_int_equal(weir_doc_reader_next(&r, &doc), WEIR_OK);
        assert_int_equal(doc.text.len, pad + 4);
        assert_int_equal(weir_doc_reader_next(&r, &doc), WEIR_OK);
        assert_true(weir_span_eq(doc.text, WEIR_SPAN_LIT("---\nb: 2\n")));
        assert_int_equal(doc.line, 2);
        assert_int_equal(weir_doc_reader_next(&r, &doc), WEIR_ENOTFOUND);
        weir_doc_reader_deinit(&r);
        fclose(file);
        weir_strbuf_deinit(&text);
    }
}

static void a_document_longer_than_the_limit_is_refused(void **state)
{
    size_t len = WEIR_DOC_BYTES_MAX + 200000;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    char *got = documents("a.yaml", text, len);
    assert_non_null(strstr(got, "!"));
    free(got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_ends_at_its_markers_alone),
        cmocka_unit_test(json_objects_follow_one_another_in_any_layout),
        cmocka_unit_test(what_is_no_object_is_an_error_at_its_line),
        cmocka_unit_test(a_mark_of_byte_order_belongs_to_no_document),
        cmocka_unit_test(a_byte_order_mark_in_front_of_a_marker_begins_the_next_document),
        cmocka_unit_test(borders_of_blocks_cut_no_document),
        cmocka_unit_test(a_document_longer_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
