/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_apply_test.c - what apply sends and reports; documents that are wrong in many files at once.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "tests/support/test_authority.h"
#include "tests/unit/cli/scene.h"

/* -- apply -- */

static void apply_reports_what_the_node_did(void **state)
{
    static const struct expected cases[] = {
        { "apply -f - -o name", OK(CREATED), 0, "POST /v1/apply HTTP/1.1\r\n", "tenant/shop\n",
          "" },
        { "apply -f - -o json", OK(CREATED), 0, NULL, CREATED "\n", "" },
        { "apply -f - --dry-run --if-revision 3", OK(CREATED), 0,
          "POST /v1/apply?dry_run=1&if_revision=3 HTTP/1.1\r\n",
          "tenant/shop created (revision 1)\n"
          "1 tenant: 1 created, if it were no dry run; nothing was written\n",
          "" },
        { "apply -f - --if-revision 7",
          STATUS("412 X",
                 "{\"error\":{\"code\":\"conflict\",\"message\":\"tenant shop: its revision "
                 "is another one\"}}"),
          4, "POST /v1/apply?if_revision=7 HTTP/1.1\r\n", "",
          "weir apply: tenant shop: its revision is another one\n" },
        { "apply -f -", STATUS("503 X", "{\"error\":{\"code\":\"busy\",\"message\":\"busy\"}}"), 3,
          NULL, "", "weir apply: busy\n" },
        { "apply -f -", STATUS("507 X", "{\"error\":{\"code\":\"full\",\"message\":\"full\"}}"), 1,
          NULL, "", "weir apply: full\n" },
        { "apply -f -",
          STATUS("400 X", "{\"error\":{\"code\":\"invalid\",\"message\":\"2 errors\",\"details\":["
                          "{\"field\":\"hosts[0]\",\"message\":\"is \\u001b[2J\"},{\"field\":\"\","
                          "\"message\":\"too big\"}]}}"),
          1, NULL, "", "weir apply: 2 errors\n  hosts[0]: is \\u{1B}[2J\n  too big\n" },
        { "apply -f - -o wide",
          OK("{\"results\":[{\"name\":\"shop\",\"outcome\":\"refused\",\"details\":[{\"field\":"
             "\"\","
             "\"message\":\"busy\"}],\"warnings\":[\"a\\nb\"]}],\"nodes_durable\":1,"
             "\"nodes_total\":1}"),
          1, NULL, NULL, "tenant/shop refused: busy\ntenant/shop: warning: a\\u{A}b\n" },
        { "apply -f - --wait quorum",
          OK("{\"results\":[{\"name\":\"shop\",\"outcome\":\"unchanged\",\"revision\":4}],"
             "\"nodes_durable\":2,\"nodes_total\":5}"),
          3, NULL, NULL,
          "weir apply: it is on 2 of 5 nodes, and --wait quorum asks for 3. It will reach the "
          "others "
          "when they are back; see weir status\n" },
        { "apply -f -", OK("{\"results\":[],\"nodes_durable\":1,\"nodes_total\":1}"), 1, NULL, "",
          "weir apply: 1 documents were sent, and 0 results came back. See weir get tenant\n" },
        { "apply -f - --timeout 50ms", { .bytes = "H", .hold = true }, 5, NULL, "", NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), SHOP);
}

static void responses_that_are_no_messages_are_reported(void **state)
{
    static const struct unix_response responses[] = {
        OK("<html>"),
        OK("[]"),
        OK(""),
        OK("{\"results\":5}"),
        STATUS("500 X", "<html>"),
        STATUS("500 X", "{\"error\":{}}"),
        STATUS("302 X", "{}"),
    };
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        struct scene s;
        scene_begin(&s, &responses[i], 1);
        scene_run(&s, "apply -f -", SHOP);
        assert_int_equal(s.run.code, 1);
        assert_has(s.run.err, "weir version` on both sides");
        scene_end(&s);
    }
}

static void apply_sends_canonical_documents_with_their_error_pages(void **state)
{
    const struct unix_response response = OK(CREATED);
    struct scene s;
    scene_begin(&s, &response, 1);
    run_file_put(&s.server, "conf/shop.yaml",
                 SHOP "error_pages: { \"502\": { file: pages/sorry.txt } }\n");
    run_file_put(&s.server, "conf/pages/sorry.txt", "so \"sorry\"\n");
    scene_run(&s, "apply -f $/conf", NULL);
    assert_string_equal(s.run.err, "");
    assert_int_equal(s.run.code, 0);
    assert_has(s.run.out, "tenant/shop created (revision 1)\n1 tenant: 1 created, in 0.");
    assert_has(s.run.out, " s on 1/1 nodes\n");
    assert_has(s.server.requests[0], "\r\nContent-Type: application/json\r\n");
    assert_has(s.server.requests[0], "so \\\"sorry\\\"\\n");
    assert_has(s.server.requests[0], "text/plain; charset=utf-8");
    assert_null(strstr(s.server.requests[0], "pages/sorry.txt"));
    scene_end(&s);
}

static void equal_faults_of_many_documents_are_one_line_with_their_number(void **state)
{
    struct scene s;
    struct {
        size_t len;
        char *at;
    } text = { 0 };
    FILE *f = open_memstream(&text.at, &text.len);
    assert_non_null(f);
    for (int i = 0; i < 10000; i++)
        fprintf(f,
                "---\napiVersion: weir/v1\nkind: Tenant\nname: t%d\nhosts: [t%d.test]\nbogus: %d\n",
                i, i, i);
    fprintf(f, "---\napiVersion: weir/v1\nkind: Tenant\nname: last\nhosts: [a b]\n");
    fclose(f);
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "many.yaml", text.at);
    scene_run(&s, "validate -f $/many.yaml", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "/many.yaml:6:1: bogus: ");
    assert_has(s.run.err, " (and 9999 more like it)\n");
    assert_has(s.run.err, "/many.yaml:60005:9: hosts[0]: "); /* another fault is not crowded out */
    assert_has(s.run.err, "weir validate: 10001 errors\n");
    size_t num_lines = 0;
    for (const char *at = s.run.err; *at != '\0'; at++)
        num_lines += *at == '\n';
    assert_int_equal(num_lines, 3);
    /* The same in files of their own, and documents of the wrong kind. */
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d/%03d.yaml", i);
        run_file_put(&s.server, name,
                     "apiVersion: weir/v1\nkind: Tenant\nname: b\nhosts: [b.test]\nbogus: 1\n");
        snprintf(name, sizeof(name), "n/%03d.yaml", i);
        run_file_put(&s.server, name, "apiVersion: weir/v1\nkind: Node\nname: b\n");
    }
    scene_run(&s, "validate -f $/d", NULL);
    assert_has(s.run.err, "/d/000.yaml:5:1: bogus: ");
    assert_has(s.run.err, " (and 299 more like it)\nweir validate: 300 errors\n");
    scene_run(&s, "apply -f $/n", NULL);
    assert_has(s.run.err, "/n/000.yaml:1:1: kind: ");
    assert_has(s.run.err, "not applied (and 299 more like it)\nweir apply: 1 error\n");
    scene_end(&s);
    free(text.at);
}

static void nothing_is_sent_when_anything_is_wrong(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "a.yaml", SHOP);
    run_file_put(&s.server, "b.yaml",
                 "apiVersion: weir/v1\nkind: Tenant\nname: b\nhost: [b.example.com]\n");
    run_file_put(&s.server, "c.json", "{\"apiVersion\":\"weir/v1\",\"kind\":\"Tenant\",}");
    run_file_put(&s.server, "d/e.yml", SHOP);
    run_file_put(&s.server, "d/n.yaml", "apiVersion: weir/v1\nkind: Node\nname: n1\n");
    run_file_put(&s.server, "p.yaml",
                 "apiVersion: weir/v1\nkind: Tenant\nname: p\nhosts: "
                 "[p.example.com]\nerror_pages:\n  \"502\": { file: "
                 "none.html }\n");
    run_file_put(&s.server, ".hidden.yaml", "hidden: true\n");
    run_file_put(&s.server, "notes.txt", "not: read\n");
    scene_run(&s, "apply -f $", NULL);
    assert_int_equal(s.run.code, 1);
    assert_string_equal(s.run.out, "");
    assert_has(s.run.err, "/b.yaml:4:1: host: ");
    assert_has(s.run.err, "did you mean \"hosts\"?");
    assert_has(s.run.err, "/c.json:1:");
    assert_has(s.run.err, "/d/e.yml:1:1: name: tenant shop is described twice, first at ");
    assert_has(s.run.err, "/a.yaml:1\n");
    assert_has(s.run.err,
               "/d/n.yaml:1:1: kind: a Node document is read by `weir node --config`, not applied");
    assert_has(s.run.err,
               "/p.yaml:6:12: error_pages.502.file: cannot read none.html: no such file\n");
    assert_has(s.run.err, "weir apply: 5 errors\n");
    assert_null(strstr(s.run.err, "hidden"));
    assert_null(strstr(s.run.err, "notes"));
    assert_int_equal(s.server.num_requests, 0);
    scene_end(&s);
}

#define PAGE(file) SHOP "error_pages:\n  \"502\": { file: " file " }\n"

static void folder_link(const struct unix_server *s, const char *target, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    assert_int_equal(symlink(target, path), 0);
}

/* A customer writes the document; the operator can read more and applies it. */
static void error_page_reads_no_file_outside_its_documents_folder(void **state)
{
    static const char *const files[] = {
        "/etc/passwd",   "../secret.html",     "../../../../../../etc/passwd", "out.html",
        "outdir/x.html", "/proc/self/environ", "sub/../../secret.html",
    };
    static const char *const commands[] = { "apply", "diff", "validate" };
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "secret.html", "SECRET");
    run_file_put(&s.server, "elsewhere/x.html", "SECRET");
    run_file_put(&s.server, "c/sub/y.html", "good");
    folder_link(&s.server, "../secret.html", "c/out.html");
    folder_link(&s.server, "../elsewhere", "c/outdir");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char text[512];
        char line[64];
        char expected[256];
        snprintf(text, sizeof(text), PAGE("%s"), files[i]);
        run_file_put(&s.server, "c/shop.yaml", text);
        snprintf(line, sizeof(line), "%s -f $/c", commands[i % 3]);
        scene_run(&s, line, NULL);
        assert_int_equal(s.run.code, 1);
        snprintf(
            expected, sizeof(expected),
            "/c/shop.yaml:10:12: error_pages.502.file: %s is not in the document's folder. Move "
            "it there, or allow the folder that has it with --allow-files DIR\n",
            files[i]);
        assert_has(s.run.err, expected);
        assert_null(strstr(s.run.err, "SECRET"));
    }
    assert_int_equal(s.server.num_requests, 0);
    scene_end(&s);
}

#define CA(file) SHOP "    tls: { verify: true, ca: { file: " file " } }\n"

static void authorities_are_read_from_a_file_of_the_documents_folder(void **state)
{
    struct scene s;
    const struct unix_response response = OK(CREATED);
    scene_begin(&s, &response, 1);
    run_file_put(&s.server, "c/ca.pem", TEST_AUTHORITY_PEM);
    run_file_put(&s.server, "c/empty.pem", "nothing");
    run_file_put(&s.server, "ca.pem", TEST_AUTHORITY_PEM);
    run_file_put(&s.server, "c/shop.yaml", CA("../ca.pem"));
    scene_run(&s, "apply -f $/c", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "/c/shop.yaml:9:32: upstreams.web.tls.ca.file: ../ca.pem is not in the "
                          "document's folder. ");
    run_file_put(&s.server, "c/shop.yaml", CA("none.pem"));
    scene_run(&s, "apply -f $/c", NULL);
    assert_has(s.run.err, "upstreams.web.tls.ca.file: cannot read none.pem: no such file\n");
    run_file_put(&s.server, "c/shop.yaml", CA("\"\""));
    scene_run(&s, "apply -f $/c", NULL);
    assert_has(s.run.err, "upstreams.web.tls.ca.file: the name of the file is empty: name a file, "
                          "or give the certificates as pem\n");
    run_file_put(&s.server, "c/shop.yaml", CA("empty.pem"));
    scene_run(&s, "apply -f $/c", NULL);
    assert_has(s.run.err, "upstreams.web.tls.ca.pem: holds no certificate in PEM\n");
    assert_int_equal(s.server.num_requests, 0);
    run_file_put(&s.server, "c/shop.yaml", CA("ca.pem"));
    scene_run(&s, "apply -f $/c", NULL);
    assert_int_equal(s.run.code, 0);
    assert_has(s.server.requests[0], "\"pem\": \"-----BEGIN CERTIFICATE-----\\nMII");
    assert_null(strstr(s.server.requests[0], "ca.pem"));
    scene_end(&s);
}

static void error_page_that_is_no_regular_file_is_refused_without_opening_it(void **state)
{
    struct scene s;
    char path[256];
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "shop.yaml", PAGE("fifo"));
    snprintf(path, sizeof(path), "%s/fifo", s.server.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    scene_run(&s, "validate -f $/shop.yaml", NULL); /* would wait for a writer for ever */
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "502.file: cannot read fifo: it is not a regular file\n");
    run_file_put(&s.server, "d/shop.yaml", SHOP);
    snprintf(path, sizeof(path), "%s/d/fifo.yaml", s.server.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    scene_run(&s, "validate -f $/d", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "/d/fifo.yaml: is not a regular file\n");
    scene_run(&s, "validate -f $/shop.yaml --allow-files /dev", NULL);
    assert_int_equal(s.run.code, 1);
    run_file_put(&s.server, "shop.yaml", PAGE("/dev/zero"));
    scene_run(&s, "validate -f $/shop.yaml --allow-files /dev", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "cannot read /dev/zero: it is not a regular file\n");
    scene_end(&s);
}

static void allow_files_widens_where_error_pages_come_from(void **state)
{
    struct scene s;
    char text[512];
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "pages/sorry.html", "sorry");
    run_file_put(&s.server, "pagesx/sorry.html", "SECRET");
    run_file_put(&s.server, "c/inside.html", "inside");
    folder_link(&s.server, "../pages/sorry.html", "c/link.html");
    folder_link(&s.server, "inside.html", "c/inner.html");
    run_file_put(&s.server, "c/link.yaml", PAGE("link.html"));
    run_file_put(&s.server, "c/up.yaml", PAGE("../pages/sorry.html"));
    run_file_put(&s.server, "c/near.yaml", PAGE("../pagesx/sorry.html"));
    run_file_put(&s.server, "c/inner.yaml", PAGE("inner.html"));
    snprintf(text, sizeof(text), PAGE("%s/c/inside.html"), s.server.folder);
    run_file_put(&s.server, "c/absolute.yaml", text);
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        { "validate -f $/c/link.yaml", 1 },
        { "validate -f $/c/link.yaml --allow-files $/pages", 0 },
        { "validate -f $/c/up.yaml --allow-files $/pages/", 0 },
        { "validate -f $/c/up.yaml --allow-files $/c --allow-files $/pages", 0 },
        { "validate -f $/c/near.yaml --allow-files $/pages", 1 }, /* a name that begins the same */
        { "validate -f $/c/inner.yaml", 0 },    /* a link that stays in the folder */
        { "validate -f $/c/absolute.yaml", 0 }, /* as does this name */
        { "validate -f $/c/up.yaml --allow-files $/none", 2 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene_run(&s, cases[i].line, NULL);
        if (s.run.code != cases[i].code)
            print_error("%s: %s\n", cases[i].line, s.run.err);
        assert_int_equal(s.run.code, cases[i].code);
    }
    scene_end(&s);
}

static void document_from_standard_input_reads_no_file_without_allow_files(void **state)
{
    struct scene s;
    char text[512];
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "sorry.html", "sorry");
    snprintf(text, sizeof(text), PAGE("%s/sorry.html"), s.server.folder);
    scene_run(&s, "validate -f -", PAGE("CMakeLists.txt"));
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err,
               "standard input:10:12: error_pages.502.file: CMakeLists.txt is not in an "
               "allowed folder: a document from standard input or an editor reads files only from "
               "folders that --allow-files DIR names\n");
    scene_run(&s, "validate -f -", text);
    assert_int_equal(s.run.code, 1);
    scene_run(&s, "validate -f - --allow-files $", text);
    assert_string_equal(s.run.err, "");
    assert_int_equal(s.run.code, 0);
    scene_end(&s);
}

static void fmt_reads_no_error_page(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    scene_run(&s, "fmt -", PAGE("/etc/passwd"));
    assert_int_equal(s.run.code, 0);
    assert_has(s.run.out, "file: /etc/passwd");
    assert_null(strstr(s.run.out, "root"));
    scene_end(&s);
}

static void error_page_is_reported_with_the_other_faults_at_its_own_line(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "shop.yaml",
                 "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: [\"a b\"]\nerror_pages:\n"
                 "  \"502\": { file: none.html }\n  \"503\": { file: none.txt }\nhttp: "
                 "{ max_header: 1MiB }\n");
    scene_run(&s, "validate -f $/shop.yaml", NULL);
    assert_int_equal(s.run.code, 1);
    const char *at[] = { ":4:9: hosts[0]", ":6:12: error_pages.502.file", ":7:12: error_pages.503",
                         ":8:9: http.max_header", "4 errors" };
    const char *from = s.run.err;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        assert_has(from, at[i]); /* in the order of the file */
        from = strstr(from, at[i]);
    }
    scene_end(&s);
}

#define NAMED(name, hosts) "apiVersion: weir/v1\nkind: Tenant\nname: " name "\nhosts: [" hosts "]\n"

static void host_in_two_documents_is_reported_with_both_places(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "d/a.yaml", NAMED("a", "x.test, same.test"));
    run_file_put(&s.server, "d/b.yaml", NAMED("c", "y.test") "---\n" NAMED("b", "SAME.test."));
    scene_run(&s, "validate -f $/d", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err,
               "/d/b.yaml:9:9: hosts[0]: \"same.test\" is claimed by tenant a as well, at ");
    assert_has(s.run.err, "/d/a.yaml:4:17\nweir validate: 1 error\n");
    scene_run(&s, "apply -f $/d", NULL);
    assert_int_equal(s.run.code, 1);
    assert_int_equal(s.server.num_requests, 0);
    scene_end(&s);
}

static void name_below_a_wildcard_of_another_document_is_warned_of(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "d/a.yaml", NAMED("a", "\"*.shop.test\", own.shop.test"));
    run_file_put(&s.server, "d/b.yaml", NAMED("b", "pay.shop.test"));
    scene_run(&s, "validate -f $/d", NULL);
    assert_int_equal(s.run.code, 0);
    assert_string_equal(s.run.out, "2 documents are valid\n");
    assert_has(s.run.err, "/d/b.yaml:4:9: warning: hosts[0]: \"pay.shop.test\" takes requests from "
                          "\"*.shop.test\" of tenant a, at ");
    assert_has(s.run.err, "/d/a.yaml:4:9: if that is wanted, list b in allow_overlap there\n");
    assert_null(strstr(s.run.err, "own.shop.test"));
    run_file_put(&s.server, "d/a.yaml", NAMED("a", "\"*.shop.test\"") "allow_overlap: [b]\n");
    scene_run(&s, "validate -f $/d", NULL);
    assert_int_equal(s.run.code, 0);
    assert_string_equal(s.run.err, "");
    scene_end(&s);
}

static void error_pages_have_limits(void **state)
{
    struct scene s;
    const size_t max = 65536;
    char *page = malloc(max + 2);
    assert_non_null(page);
    memset(page, 'x', max + 1);
    page[max + 1] = '\0';
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "long.html", page);
    run_file_put(&s.server, "bytes.html", "\xff\xfe");
    page[max] = '\0';
    run_file_put(&s.server, "most.html", page);
    run_file_put(&s.server, "long.yaml", SHOP "error_pages: { \"502\": { file: long.html } }\n");
    run_file_put(&s.server, "bytes.yaml", SHOP "error_pages: { \"502\": { file: bytes.html } }\n");
    run_file_put(&s.server, "folder.yaml", SHOP "error_pages: { \"502\": { file: . } }\n");
    run_file_put(&s.server, "most.yaml", SHOP "error_pages: { \"502\": { file: most.html } }\n");
    run_file_put(&s.server, "all.yaml",
                 SHOP "error_pages: { \"500\": { file: most.html }, \"501\": { file: most.html }, "
                      "\"502\": { file: most.html }, \"503\": { file: most.html }, \"504\": { "
                      "file: most.html } }\n");
    scene_run(&s, "validate -f $/long.yaml", NULL);
    assert_has(s.run.err, "error_pages.502.file: long.html is longer than 64 KiB");
    scene_run(&s, "validate -f $/bytes.yaml", NULL);
    assert_has(s.run.err, "error_pages.502.file: bytes.html is not UTF-8");
    scene_run(&s, "validate -f $/folder.yaml", NULL);
    assert_has(s.run.err, "error_pages.502.file: cannot read .: it is a folder");
    scene_run(&s, "validate -f $/all.yaml", NULL);
    assert_has(s.run.err, "/all.yaml:9:1: error_pages: ");
    assert_int_equal(s.run.code, 1);
    scene_run(&s, "validate -f $/most.yaml", NULL);
    assert_string_equal(s.run.err, "");
    assert_int_equal(s.run.code, 0);
    scene_end(&s);
    free(page);
}

/* A response to a batch of t00000, t00001... with their results. */
static char *batch_response(size_t from, size_t num)
{
    size_t max = 256 + num * 96;
    char *text = malloc(max);
    assert_non_null(text);
    size_t len =
        (size_t)snprintf(text, max, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    char *body = malloc(max);
    assert_non_null(body);
    size_t body_len = (size_t)snprintf(body, max, "{\"results\":[");
    for (size_t i = 0; i < num; i++)
        body_len += (size_t)snprintf(body + body_len, max - body_len,
                                     "%s{\"name\":\"t%05zu\",\"outcome\":\"%s\",\"revision\":1}",
                                     i > 0 ? "," : "", from + i, i == 0 ? "unchanged" : "created");
    body_len += (size_t)snprintf(body + body_len, max - body_len,
                                 "],\"nodes_durable\":1,\"nodes_total\":1}");
    snprintf(text + len, max - len, "%zx\r\n%s\r\n0\r\n\r\n", body_len, body);
    free(body);
    return text;
}

static char *many_documents(size_t num)
{
    char *text = malloc(num * 160);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < num; i++)
        len += (size_t)snprintf(text + len, 160,
                                "---\napiVersion: weir/v1\nkind: Tenant\nname: t%05zu\n"
                                "hosts: [t%05zu.example.com]\n",
                                i, i);
    return text;
}

static void many_documents_go_in_batches_over_one_connection(void **state)
{
    struct unix_response responses[3] = { { .bytes = batch_response(0, 200) },
                                          { .bytes = batch_response(200, 200) },
                                          { .bytes = batch_response(400, 50) } };
    char *text = many_documents(450);
    struct scene s;
    scene_begin(&s, responses, 3);
    scene_run(&s, "apply -f -", text);
    assert_string_equal(s.run.err, "");
    assert_int_equal(s.run.code, 0);
    assert_memory_equal(s.run.out, "450 tenants: 447 created, 3 unchanged, in ", 42);
    assert_int_equal(s.server.num_requests, 3);
    assert_int_equal(s.server.num_connections, 1);
    assert_has(s.server.requests[2], "\"t00400\"");
    assert_has(s.server.requests[2], "\"t00449\"");
    assert_null(strstr(s.server.requests[2], "\"t00399\""));
    scene_end(&s);
    for (size_t i = 0; i < 3; i++)
        free((char *)responses[i].bytes);
    free(text);
}

static void failure_in_the_middle_reports_what_is_certain(void **state)
{
    struct unix_response responses[2] = { { .bytes = batch_response(0, 200) },
                                          { .bytes = "", .close = true } };
    char *text = many_documents(450);
    struct scene s;
    scene_begin(&s, responses, 2);
    scene_run(&s, "apply -f - -o wide", text);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.out, "tenant/t00000 unchanged (revision 1)\ntenant/t00001 created");
    assert_has(s.run.out, "\n200 tenants: 199 created, 1 unchanged, in ");
    assert_has(s.run.err, "closed the connection without a response");
    assert_has(s.run.err,
               "200 of 450 tenants have a result, 200 may or may not have been applied, the others "
               "were not sent. Run it again");
    scene_end(&s);
    free((char *)responses[0].bytes);
    free(text);
}

static void interrupted_apply_reports_what_is_certain(void **state)
{
    struct unix_response responses[2] = { { .bytes = batch_response(0, 200) },
                                          { .bytes = "H", .hold = true } };
    char *text = many_documents(450);
    struct scene s;
    scene_begin(&s, responses, 2);
    s.run = run_cli_interrupted(&s.server, "apply -f -", text);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.out, "200 tenants: 199 created, 1 unchanged, in ");
    assert_has(s.run.err, "weir apply: interrupted\nweir apply: 200 of 450 tenants have a result, "
                          "200 may or may not have been applied");
    scene_end(&s);
    free((char *)responses[0].bytes);
    free(text);
}

static void sources_that_hold_nothing_are_reported(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    run_file_put(&s.server, "empty/notes.txt", "");
    run_file_put(&s.server, "none.yaml", "# nothing\n");
    scene_run(&s, "apply -f $/empty", NULL);
    assert_has(s.run.err, "/empty: no *.yaml, *.yml or *.json below it\nweir apply: 1 error\n");
    scene_run(&s, "apply -f $/none.yaml", NULL);
    assert_has(s.run.err, "/none.yaml:1:1: there is no document: the file holds only blanks and "
                          "comments\nweir apply: 1 error\n");
    scene_run(&s, "apply -f $/missing.yaml -f $/gone.yaml", NULL);
    assert_has(s.run.err, "/missing.yaml: cannot be read: no such file\n");
    assert_has(s.run.err, "/gone.yaml: cannot be read: no such file\nweir apply: 2 errors\n");
    scene_run(&s, "apply", NULL);
    assert_int_equal(s.run.code, 2);
    assert_string_equal(s.run.err, "weir apply: -f FILE is missing. See weir apply --help\n");
    scene_run(&s, "apply --if-revision 1 -f -", SHOP "---\n" OTHER);
    assert_int_equal(s.run.code, 2);
    assert_has(s.run.err, "--if-revision is for one document, and there are 2");
    scene_end(&s);
}

static void no_memory_at_any_point_is_reported_without_a_leak(void **state)
{
    check_without_memory("apply -f $ -o name", (struct unix_response)OK(CREATED), NULL);
}

int main(int argc, char **argv)
{
    int code = 0;
    if (run_cli_is_run(weir_cli_main, argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_reports_what_the_node_did),
        cmocka_unit_test(responses_that_are_no_messages_are_reported),
        cmocka_unit_test(apply_sends_canonical_documents_with_their_error_pages),
        cmocka_unit_test(equal_faults_of_many_documents_are_one_line_with_their_number),
        cmocka_unit_test(nothing_is_sent_when_anything_is_wrong),
        cmocka_unit_test(error_page_reads_no_file_outside_its_documents_folder),
        cmocka_unit_test(authorities_are_read_from_a_file_of_the_documents_folder),
        cmocka_unit_test(error_page_that_is_no_regular_file_is_refused_without_opening_it),
        cmocka_unit_test(allow_files_widens_where_error_pages_come_from),
        cmocka_unit_test(document_from_standard_input_reads_no_file_without_allow_files),
        cmocka_unit_test(fmt_reads_no_error_page),
        cmocka_unit_test(error_page_is_reported_with_the_other_faults_at_its_own_line),
        cmocka_unit_test(host_in_two_documents_is_reported_with_both_places),
        cmocka_unit_test(name_below_a_wildcard_of_another_document_is_warned_of),
        cmocka_unit_test(error_pages_have_limits),
        cmocka_unit_test(many_documents_go_in_batches_over_one_connection),
        cmocka_unit_test(failure_in_the_middle_reports_what_is_certain),
        cmocka_unit_test(no_memory_at_any_point_is_reported_without_a_leak),
        cmocka_unit_test(interrupted_apply_reports_what_is_certain),
        cmocka_unit_test(sources_that_hold_nothing_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
