/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_file_test.c - validate, fmt and diff: files and their canonical form.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "tests/unit/cli/scene.h"

/* -- validate, fmt, diff -- */

static void validate_takes_documents_of_both_kinds(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(
        &s.server, "n.yaml",
        "apiVersion: weir/v1\nkind: Node\nname: n1\nlisten: { http: [\"127.0.0.1:80\"] }\n");
    scene_run(&s, "validate -f $/n.yaml -f -", SHOP);
    assert_string_equal(s.run.err, "");
    assert_string_equal(s.run.out, "2 documents are valid\n");
    assert_int_equal(s.run.code, 0);
    scene_end(&s);
}

static void fmt_is_its_own_fixed_point(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    scene_run(&s, "fmt -", SHOP "---\n" OTHER);
    assert_int_equal(s.run.code, 0);
    char *first = strdup(s.run.out);
    assert_non_null(first);
    assert_has(first, "\n---\n");
    scene_run(&s, "fmt -", first);
    assert_string_equal(s.run.out, first);
    free(first);
    scene_end(&s);
}

static void fmt_replaces_only_what_loses_nothing(void **state)
{
    static const char odd[] = "kind: Tenant\napiVersion: weir/v1\nhosts: [\"shop.example.com\"]\n"
                              "name:   shop\n";
    struct scene s;
    struct stat st;
    char path[128];
    scene_begin(&s, NULL, 0);
    snprintf(path, sizeof(path), "%s/a.yaml", s.server.folder);
    run_file_put(&s.server, "a.yaml", odd);
    assert_int_equal(chmod(path, 0640), 0);
    scene_run(&s, "fmt -w $/a.yaml", NULL);
    assert_string_equal(s.run.err, "");
    assert_has(s.run.out, "/a.yaml\n");
    char *text = run_file_get(&s.server, "a.yaml");
    assert_string_equal(text, "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: "
                              "[shop.example.com]\n");
    free(text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    scene_run(&s, "fmt -w $/a.yaml", NULL); /* nothing to do */
    assert_string_equal(s.run.out, "");

    run_file_put(&s.server, "b.yaml",
                 "apiVersion: weir/v1 # \"why\nkind: Tenant\nname: b\nhosts: [b.example.com]\n");
    scene_run(&s, "fmt -w $/b.yaml $/a.yaml", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "/b.yaml: has comments, which the canonical form cannot have");
    scene_run(&s, "fmt -w --drop-comments $/b.yaml", NULL);
    assert_int_equal(s.run.code, 0);
    text = run_file_get(&s.server, "b.yaml");
    assert_string_equal(text, "apiVersion: weir/v1\nkind: Tenant\nname: b\nhosts: "
                              "[b.example.com]\n");
    free(text);

    scene_run(&s, "fmt $/none.yaml", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "/none.yaml: cannot be read: no such file\n");
    scene_run(&s, "fmt -", "name: [\n");
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "standard input:");
    scene_end(&s);
}

static void comments_are_seen_where_yaml_sees_them(void **state)
{
    static const struct {
        const char *hosts;
        bool comment;
    } cases[] = {
        { "[a.example.com] # c", true },     { "[\"a.example.com\"]", false },
        { "[ 'a.example.com' ] # c", true }, { "[\"a.example.com\", # c\n  b.example.com]", true },
        { "# c\n  - a.example.com", true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        char text[256];
        snprintf(text, sizeof(text), "kind: Tenant\napiVersion: weir/v1\nname: a\nhosts: %s\n",
                 cases[i].hosts);
        scene_begin(&s, NULL, 0);
        run_file_put(&s.server, "a.yaml", text);
        scene_run(&s, "fmt -w $/a.yaml", NULL);
        assert_int_equal(s.run.code, cases[i].comment ? 1 : 0);
        scene_end(&s);
    }
}

static void diff_shows_what_would_change(void **state)
{
    const struct unix_response same = OK("{\"revision\":3,\"tenant\":" SHOP_JSON "}");
    const struct unix_response other =
        OK("{\"revision\":3,\"tenant\":{\"name\":\"shop\",\"hosts\":[\"old.example.com\"]}}");
    const struct unix_response none = STATUS("404 X", "{}");
    const struct unix_response broken = OK("{\"revision\":3}");
    struct scene s;
    scene_begin(&s, &same, 1);
    scene_run(&s, "diff -f -", SHOP);
    assert_string_equal(s.run.err, "");
    assert_string_equal(s.run.out, "");
    assert_int_equal(s.run.code, 0);
    assert_memory_equal(s.server.requests[0], "GET /v1/tenants/shop HTTP/1.1\r\n", 31);
    scene_end(&s);

    scene_begin(&s, &other, 1);
    scene_run(&s, "diff -f -", SHOP);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.out, "--- tenant/shop (revision 3)\n+++ tenant/shop (standard input:1)\n");
    assert_has(s.run.out, "-hosts: [old.example.com]\n+hosts: [shop.example.com]\n");
    scene_end(&s);

    scene_begin(&s, &none, 1);
    scene_run(&s, "diff -f -", SHOP);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.out, "--- /dev/null\n");
    assert_has(s.run.out, "\n+name: shop\n");
    scene_end(&s);

    scene_begin(&s, &broken, 1);
    scene_run(&s, "diff -f -", SHOP);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "cannot be read");
    scene_end(&s);
}

static void no_memory_at_any_point_is_reported_without_a_leak(void **state)
{
    check_without_memory("diff -f -", (struct unix_response)STATUS("404 X", "{}"), SHOP);
    check_without_memory("fmt -", (struct unix_response)OK(""), SHOP);
    check_without_memory("validate -f $", (struct unix_response)OK(""), NULL);
}

int main(int argc, char **argv)
{
    int code = 0;
    if (run_cli_is_run(weir_cli_main, argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validate_takes_documents_of_both_kinds),
        cmocka_unit_test(fmt_is_its_own_fixed_point),
        cmocka_unit_test(fmt_replaces_only_what_loses_nothing),
        cmocka_unit_test(comments_are_seen_where_yaml_sees_them),
        cmocka_unit_test(no_memory_at_any_point_is_reported_without_a_leak),
        cmocka_unit_test(diff_shows_what_would_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
