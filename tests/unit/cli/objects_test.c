/* SPDX-License-Identifier: Apache-2.0
 *
 * objects_test.c - how tenants are named, listed and deleted in numbers.
 */
#include <unistd.h>

#include "node/cli/cli.h"
#include "tests/unit/cli/scene.h"

#define ITEM(name, revision, hosts)                                                                \
    "{\"name\":\"" name "\",\"revision\":" #revision ",\"hosts\":" #hosts ",\"upstreams\":1}"
#define LIST                                                                                       \
    OK("{\"items\":[" ITEM("old-a", 3, 2) "," ITEM("old-b", 9, 1) "," ITEM("old-c", 3,             \
                                                                           7) "],"                 \
                                                                              "\"total\":5}")
#define DELETED OK("{\"outcome\":\"deleted\"}")
#define MISSING(name)                                                                              \
    STATUS("404 X", "{\"error\":{\"message\":\"tenant " name ": does not exist\"}}")

static void assert_requests(const struct scene *s, const char *const *lines, size_t num)
{
    assert_int_equal(s->server.num_requests, num);
    for (size_t i = 0; i < num; i++)
        assert_memory_equal(s->server.requests[i], lines[i], strlen(lines[i]));
}

static void names_that_output_prints_can_be_given_back(void **state)
{
    static const char *const lines[] = {
        "delete tenant a b",  "delete tenant/a tenant/b",           "delete tenant a tenant/b",
        "delete tenants a b", "delete Tenant/a tenants/b tenant/a", /* each once */
    };
    static const char *const requests[] = { "DELETE /v1/tenants/a ", "DELETE /v1/tenants/b " };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct unix_response responses[] = { DELETED, DELETED };
        struct scene s;
        scene_begin(&s, responses, 2);
        scene_run(&s, lines[i], NULL);
        assert_string_equal(s.run.err, "");
        assert_int_equal(s.run.code, 0);
        assert_string_equal(s.run.out, "tenant/a deleted\ntenant/b deleted\n");
        assert_requests(&s, requests, 2);
        scene_end(&s);
    }
    static const struct expected cases[] = {
        { "history tenant/shop", OK("{}"), 0, "GET /v1/tenants/shop/history ", NULL, "" },
        { "rollback tenant/shop 3", OK("{\"outcome\":\"changed\"}"), 0,
          "POST /v1/tenants/shop/rollback?revision=3 ", "tenant/shop changed\n", "" },
        { "get tenant/shop -o name", OK("{\"revision\":3,\"tenant\":" SHOP_JSON "}"), 0,
          "GET /v1/tenants/shop ", "tenant/shop\n", "" },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void names_that_cannot_be_are_refused_before_anything_is_deleted(void **state)
{
    static const char *const lines[] = {
        "delete tenant/",
        "delete tenant/a tenant/B",
        "delete upstream/web",
        "delete /a",
        "delete a",
        "delete",
        "delete tenant",
        "history tenant",
        "history tenant/a tenant/b",
        "rollback tenant/a",
        "rollback tenant 3",
        "rollback tenant/a/b 3",
        "get tenant/a --prefix x",
        "get tenant/a --sort hosts",
        "get tenant a --limit 3",
        "get -w -o yaml",
        "get -w --limit 3",
        "delete tenant a --yes",
        "delete --prefix= --yes",
        "delete tenant a --prefix x -y",
        "delete --prefix x",
        "delete --prefix x --yes --if-revision 3",
        "delete tenant/a tenant/b --if-revision 3",
    };
    struct scene s;
    scene_begin(&s, NULL, 0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        scene_run(&s, lines[i], NULL);
        if (s.run.code != 2)
            print_error("%s: %d %s\n", lines[i], s.run.code, s.run.err);
        assert_int_equal(s.run.code, 2);
        assert_string_equal(s.run.out, "");
        assert_has(s.run.err, "--help\n");
    }
    scene_end(&s);
}

static void names_come_from_documents_of_a_file(void **state)
{
    const struct unix_response responses[] = { DELETED, DELETED };
    static const char *const requests[] = { "DELETE /v1/tenants/shop ", "DELETE /v1/tenants/b " };
    struct scene s;
    scene_begin(&s, responses, 2);
    /* What is deleted need not have its pages at hand. */
    run_file_put(&s.server, "two.yaml",
                 SHOP "error_pages: { \"502\": { file: none.html } }\n---\n" OTHER);
    scene_run(&s, "delete -f $/two.yaml", NULL);
    assert_string_equal(s.run.err, "");
    assert_int_equal(s.run.code, 0);
    assert_requests(&s, requests, 2);
    scene_run(&s, "delete -f $/none.yaml", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "no such file");
    scene_end(&s);
}

static void each_failure_among_several_is_one_line_and_the_others_go_on(void **state)
{
    const struct unix_response responses[] = { MISSING("a"), DELETED, MISSING("c") };
    struct scene s;
    scene_begin(&s, responses, 3);
    scene_run(&s, "delete tenant a b c", NULL);
    assert_int_equal(s.run.code, 1);
    assert_string_equal(s.run.out, "tenant/b deleted\n");
    assert_string_equal(s.run.err, "weir delete: tenant a: does not exist\n"
                                   "weir delete: tenant c: does not exist\n");
    scene_end(&s);
}

static void node_that_is_away_is_reported_once_for_many_names(void **state)
{
    static const char *const lines[] = { "delete tenant a b c", "get tenant a b c" };
    struct scene s;
    scene_begin(&s, NULL, 0);
    assert_int_equal(unlink(s.server.path), 0);
    for (size_t i = 0; i < 2; i++) {
        scene_run(&s, lines[i], NULL);
        assert_int_equal(s.run.code, 1);
        const char *first = strstr(s.run.err, "cannot reach the node");
        assert_non_null(first);
        assert_null(strstr(first + 1, "cannot reach the node"));
    }
    assert_has(s.run.err, "weir get");
    scene_end(&s);
}

static void deletion_by_prefix_counts_and_wants_a_yes(void **state)
{
    const struct unix_response responses[] = { LIST, DELETED, MISSING("old-b"), DELETED };
    struct scene s;
    scene_begin(&s, responses, 4);
    scene_run(&s, "delete --prefix old-", NULL);
    assert_int_equal(s.run.code, 2);
    assert_has(s.run.err, "standard input is no terminal. Give --yes, or check first with "
                          "--dry-run");
    assert_int_equal(s.server.num_requests, 0);
    scene_run(&s, "delete tenant --prefix old- --yes", NULL);
    assert_int_equal(s.run.code, 1);
    assert_string_equal(s.run.out, "tenant/old-a deleted\ntenant/old-c deleted\n");
    assert_string_equal(s.run.err, "3 tenants begin with \"old-\": old-a, old-b, old-c\n"
                                   "weir delete: tenant old-b: does not exist\n");
    assert_has(s.server.requests[0], "GET /v1/tenants?limit=1000&after=&prefix=old- ");
    scene_end(&s);
}

static void deletion_by_prefix_on_a_terminal_wants_the_number_typed(void **state)
{
    static const struct {
        const char *typed;
        int code;
    } cases[] = { { "y\n", 1 },  { "\n", 1 },   { "33\n", 1 },
                  { "3x\n", 1 }, { "\004", 1 }, { "3\n", 0 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct unix_response responses[] = { LIST, DELETED, DELETED, DELETED };
        struct scene s;
        scene_begin(&s, responses, 4);
        s.run = run_cli_on_terminal(&s.server, "delete --prefix old-",
                                    "Type their number to delete them: ", cases[i].typed);
        assert_int_equal(s.run.code, cases[i].code);
        if (cases[i].code != 0)
            assert_has(s.run.out, "that is not their number; nothing was deleted");
        assert_int_equal(s.server.num_requests, cases[i].code == 0 ? 4 : 1);
        scene_end(&s);
    }
}

static void list_is_sorted_by_a_field_and_cut_at_the_limit(void **state)
{
    static const struct {
        const char *line, *out, *err;
    } cases[] = {
        { "get -o name --sort hosts", "tenant/old-b\ntenant/old-a\ntenant/old-c\n", "" },
        { "get -o name --sort -hosts --limit 1", "tenant/old-c\n",
          "more tenants follow: --limit 1 is reached\n" },
        { "get -o name --sort -revision", "tenant/old-b\ntenant/old-a\ntenant/old-c\n", "" },
        { "get -o name --sort -name", "tenant/old-c\ntenant/old-b\ntenant/old-a\n", "" },
        { "get -o name --limit 2", "tenant/old-a\ntenant/old-b\n",
          "more tenants follow: --limit 2 is reached\n" },
        { "get -o name --limit 3", "tenant/old-a\ntenant/old-b\ntenant/old-c\n", "" },
        { "get --sort hosts --limit 1 --no-headers", "old-b  9  1  1  -\n", NULL },
        { "get --sort hosts --limit 1 -o json",
          "{\"items\":[\n" ITEM("old-b", 9, 1) "\n],\"total\":5}\n", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct unix_response response = LIST;
        struct scene s;
        scene_begin(&s, &response, 1);
        scene_run(&s, cases[i].line, NULL);
        assert_int_equal(s.run.code, 0);
        assert_string_equal(s.run.out, cases[i].out);
        if (cases[i].err != NULL)
            assert_string_equal(s.run.err, cases[i].err);
        scene_end(&s);
    }
}

static void limit_asks_for_no_page_that_is_not_needed(void **state)
{
    const struct unix_response page =
        OK("{\"items\":[" ITEM("a", 1, 1) "," ITEM("b", 1, 1) "],\"next\":\"b\",\"total\":9}");
    struct scene s;
    scene_begin(&s, &page, 1);
    scene_run(&s, "get -o name --limit 2", NULL);
    assert_int_equal(s.run.code, 0);
    assert_string_equal(s.run.out, "tenant/a\ntenant/b\n");
    assert_has(s.run.err, "more tenants follow");
    assert_int_equal(s.server.num_requests, 1);
    scene_end(&s);
}

static void word_at_the_cursor_is_completed_from_the_line_before_it(void **state)
{
    static const struct expected cases[] = {
        { "__complete ap", OK("{}"), 0, NULL, "words\napply\n", "" },
        { "__complete --node unix:/x ap", OK("{}"), 0, NULL, "words\napply\n", "" },
        { "__complete --no-headers -o json rollb", OK("{}"), 0, NULL, "words\nrollback\n", "" },
        { "__complete get --output=y", OK("{}"), 0, NULL, "words\n--output=yaml\n", "" },
        { "__complete apply --file x", OK("{}"), 0, NULL, "files\n", "" },
        { "__complete apply --file=x", OK("{}"), 0, NULL, "files\n", "" },
        { "__complete apply --allow-files x", OK("{}"), 0, NULL, "folders\n", "" },
        { "__complete get -- --o", OK("{}"), 0, NULL, "words\n", "" }, /* no flag behind -- */
        { "__complete nosuch x", OK("{}"), 0, NULL, "words\n", "" },
        { "__complete node --co", OK("{}"), 0, NULL, "words\n--config\n", "" },
        { "__complete node --config x", OK("{}"), 0, NULL, "files\n", "" },
        { "__complete delete tenant old-a old-", LIST, 0,
          "GET /v1/tenants?limit=1000&after=&prefix=old- ", "words\nold-b\nold-c\n", "" },
        { "__complete get tenant/old-b tenant/", LIST, 0,
          "GET /v1/tenants?limit=1000&after=&prefix= ", "words\ntenant/old-a\ntenant/old-c\n", "" },
        { "__complete history tenant old-a o", OK("{}"), 0, NULL, "words\n", "" }, /* one name */
        { "__complete logs --tenant old-b", LIST, 0, NULL, "words\nold-b\n", "" },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void no_memory_at_any_point_is_reported_without_a_leak(void **state)
{
    check_without_memory("get --sort hosts", (struct unix_response)LIST, NULL);
    check_without_memory("delete tenant/a tenant/b", (struct unix_response)DELETED, NULL);
    check_without_memory("__complete get tenant old-", (struct unix_response)LIST, NULL);
    check_without_memory("history tenant/a", (struct unix_response)OK("{}"), NULL);
}

int main(int argc, char **argv)
{
    int code = 0;
    if (run_cli_is_run(weir_cli_main, argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_output_prints_can_be_given_back),
        cmocka_unit_test(names_that_cannot_be_are_refused_before_anything_is_deleted),
        cmocka_unit_test(names_come_from_documents_of_a_file),
        cmocka_unit_test(each_failure_among_several_is_one_line_and_the_others_go_on),
        cmocka_unit_test(node_that_is_away_is_reported_once_for_many_names),
        cmocka_unit_test(deletion_by_prefix_counts_and_wants_a_yes),
        cmocka_unit_test(deletion_by_prefix_on_a_terminal_wants_the_number_typed),
        cmocka_unit_test(list_is_sorted_by_a_field_and_cut_at_the_limit),
        cmocka_unit_test(limit_asks_for_no_page_that_is_not_needed),
        cmocka_unit_test(word_at_the_cursor_is_completed_from_the_line_before_it),
        cmocka_unit_test(no_memory_at_any_point_is_reported_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
