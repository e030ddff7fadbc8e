/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_test.c - the other subcommands as their users run them: a process, a node that sends what the
 * test wrote down, the requests it got, both outputs and the exit code.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "tests/unit/cli/scene.h"

/* -- get -- */

#define ITEM(name) "{\"name\":\"" name "\",\"revision\":1,\"hosts\":2,\"upstreams\":1}"

static void lists_go_on_page_by_page(void **state)
{
    const struct unix_response pages[] = {
        OK("{\"items\":[" ITEM("a") "],\"next\":\"a\",\"total\":2}"),
        OK("{\"items\":[{\"name\":\"b\\u001b[2J\"}],\"next\":\"\",\"total\":2}"),
    };
    static const struct {
        const char *line, *out;
    } cases[] = {
        { "get", "NAME  REVISION  HOSTS  UPSTREAMS  APPLIED AT\n"
                 "a     1         2      1          -\n"
                 "b\\u{1B}[2J  damaged   0      0          -\n" },
        { "get tenants -o name", "tenant/a\ntenant/b\\u{1B}[2J\n" },
        { "get tenant -o json", "{\"items\":[\n" ITEM("a") ",\n{\"name\":\"b\\u001b[2J\"}\n],"
                                                           "\"total\":2}\n" },
        { "get Tenant -o yaml", "items:\n- name: \"a\"\n  revision: 1\n  hosts: 2\n  upstreams: 1\n"
                                "- name: \"b\\u001b[2J\"\ntotal: 2\n" },
        { "get --no-headers", "a  1  2  1  -\nb\\u{1B}[2J  damaged  0  0  -\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        scene_begin(&s, pages, 2);
        scene_run(&s, cases[i].line, NULL);
        assert_string_equal(s.run.err, "");
        assert_string_equal(s.run.out, cases[i].out);
        assert_int_equal(s.run.code, 0);
        assert_int_equal(s.server.num_requests, 2);
        assert_has(s.server.requests[1], "GET /v1/tenants?limit=1000&after=a HTTP/1.1\r\n");
        scene_end(&s);
    }
}

static void list_that_goes_back_ends(void **state)
{
    const struct unix_response page = {
        .bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"items\":[],\"next\":\"a\"}",
        .close = true,
        .repeat = 100,
    };
    struct scene s;
    scene_begin(&s, &page, 1);
    scene_run(&s, "get", NULL);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.err, "does not go forward");
    assert_int_equal(s.server.num_requests, 2);
    scene_end(&s);
}

static void tenant_comes_out_as_it_can_go_in_again(void **state)
{
    static const char *const lines[] = { "get tenant shop -o yaml", "get tenant shop -o json" };
    for (size_t i = 0; i < 2; i++) {
        const struct unix_response response = OK("{\"revision\":3,\"tenant\":" SHOP_JSON "}");
        struct scene s;
        scene_begin(&s, &response, 1);
        scene_run(&s, lines[i], NULL);
        assert_int_equal(s.run.code, 0);
        char *text = strdup(s.run.out);
        assert_non_null(text);
        scene_run(&s, "validate -f -", text);
        assert_string_equal(s.run.out, "1 document is valid\n");
        scene_run(&s, "fmt -", text);
        assert_string_equal(s.run.out, text);
        free(text);
        scene_end(&s);
    }
}

static void reads_show_what_the_node_has(void **state)
{
    static const struct expected cases[] = {
        { "get --prefix shop-", OK("{\"items\":[],\"total\":9}"), 0,
          "GET /v1/tenants?limit=1000&after=&prefix=shop- HTTP/1.1\r\n", "", "no tenants\n" },
        { "get -o json", OK("{}"), 0, NULL, "{\"items\":[],\"total\":0}\n", "" },
        { "get -o yaml", OK("{}"), 0, NULL, "items: []\ntotal: 0\n", "" },
        { "get tenant shop",
          OK("{\"revision\":3,\"why\":\"apply\",\"applied_by\":\"root\",\"tenant\":" SHOP_JSON
             ",\"conflicts\":[\"shop.example.com: b\"]}"),
          0, "GET /v1/tenants/shop HTTP/1.1\r\n",
          "Name        shop\nRevision    3\nApplied at  -\nApplied by  root\nWhy         apply\n"
          "Hosts       shop.example.com\nUpstreams   web: 10.0.0.1:8080\nRoutes      0\n"
          "Redirects   0\nConflicts   shop.example.com: b\n",
          "" },
        { "get tenant shop", OK("{}"), 1, NULL, "",
          "weir get: the response for tenant shop has no tenant in it\n" },
        { "get tenant shop -o name", OK("{\"tenant\":{\"name\":\"b\\u001b[2J\"}}"), 0, NULL,
          "tenant/b\\u{1B}[2J\n", "" },
        { "get tenant none",
          STATUS("404 X", "{\"error\":{\"message\":\"tenant none: does not exist\"}}"), 1, NULL, "",
          "weir get: tenant none: does not exist\n" },
        { "get tenant Shop/../x", OK("{}"), 2, NULL, "", NULL },
        { "get tenats", OK("{}"), 2, NULL, "",
          "weir get: \"tenats\" is not a kind that nodes store, did you mean \"tenants\"? See weir "
          "get --help\n" },
        { "get node", OK("{}"), 2, NULL, "", NULL },
        { "history tenant shop",
          OK("{\"name\":\"shop\",\"revisions\":[{\"revision\":2,\"applied_by\":\"root\",\"why\":"
             "\"apply\",\"changed\":[\"a\",\"b\",\"c\",\"d\",\"e\"]},{\"revision\":1}]}"),
          0, "GET /v1/tenants/shop/history HTTP/1.1\r\n",
          "REVISION  APPLIED AT  APPLIED BY  WHY    CHANGED\n"
          "2         -           root        apply  a, b, c, d and 1 more\n"
          "1         -           -           -      -\n",
          "" },
        { "history tenant shop -o name", OK("{\"revisions\":[{\"revision\":2},{\"revision\":1}]}"),
          0, NULL, "2\n1\n", "" },
        { "route test http://a/?b=c&d#e%20 --client ::1 --method POST",
          OK("{\"decision\":\"route\",\"tenant\":\"shop\",\"rule\":\"routes[0]\",\"upstream\":"
             "\"web\",\"endpoints\":[\"x\",\"y\"]}"),
          0,
          "GET "
          "/v1/test/route?url=http%3A%2F%2Fa%2F%3Fb%3Dc%26d%23e%2520&method=POST&client=%3A%3A1 "
          "HTTP/1.1\r\n",
          "Decision   route\nTenant     shop\nRule       routes[0]\nUpstream   web\n"
          "Endpoints  x\n           y\n",
          "" },
        { "redirect test http://a/ --tenant shop -o json",
          OK("{\"decision\":\"redirect\",\"code\":301,\"location\":\"https://a/\"}"), 0,
          "GET /v1/test/redirect?url=http%3A%2F%2Fa%2F&tenant=shop HTTP/1.1\r\n",
          "{\"decision\":\"redirect\",\"code\":301,\"location\":\"https://a/\"}\n", "" },
        { "redirect tset x --tenant shop", OK("{}"), 2, NULL, "", NULL },
        { "redirect test http://a/", OK("{}"), 2, NULL, "",
          "weir redirect: --tenant NAME is missing. See weir redirect --help\n" },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

/* -- writes of one tenant -- */

static void writes_report_their_result(void **state)
{
    static const struct expected cases[] = {
        { "delete tenant shop",
          OK("{\"name\":\"shop\",\"outcome\":\"deleted\",\"revision\":4,\"warnings\":[\"w\"]}"), 0,
          "DELETE /v1/tenants/shop HTTP/1.1\r\n", "tenant/shop deleted (revision 4)\n",
          "tenant/shop: warning: w\n" },
        { "delete tenant shop --dry-run -o json", OK("{\"outcome\":\"deleted\"}"), 0,
          "DELETE /v1/tenants/shop?dry_run=1 HTTP/1.1\r\n", "{\"outcome\":\"deleted\"}\n", "" },
        { "delete tenant a b --if-revision 1", OK("{}"), 2, NULL, "", NULL },
        { "delete tenant shop Shop", OK("{}"), 2, NULL, "", NULL },
        { "rollback tenant shop 3", OK("{\"outcome\":\"changed\",\"revision\":5}"), 0,
          "POST /v1/tenants/shop/rollback?revision=3 HTTP/1.1\r\n",
          "tenant/shop changed (revision 5)\n", "" },
        { "rollback tenant shop 3 --dry-run", OK("{\"outcome\":\"changed\",\"revision\":5}"), 0,
          "POST /v1/tenants/shop/rollback?revision=3&dry_run=1 HTTP/1.1\r\n",
          "tenant/shop changed (revision 5), if it were no dry run\n", "" },
        { "rollback tenant shop 0", OK("{}"), 2, NULL, "",
          "weir rollback: \"0\" is not a revision; weir history tenant shop lists them. See weir "
          "rollback --help\n" },
        { "rollback tenant shop 3x", OK("{}"), 2, NULL, "", NULL },
        { "rollback tenant shop 3 --if-revision 9",
          STATUS("412 X", "{\"error\":{\"message\":\"its revision is another one\"}}"), 4, NULL, "",
          NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void revision_goes_into_if_match(void **state)
{
    const struct unix_response responses[] = { OK("{\"outcome\":\"deleted\"}"),
                                               OK("{\"nodes\":[{}]}") };
    struct scene s;
    scene_begin(&s, responses, 2);
    scene_run(&s, "delete tenant shop --if-revision 12 --wait all", NULL);
    assert_int_equal(s.run.code, 0);
    assert_has(s.server.requests[0], "\r\nIf-Match: \"12\"\r\n");
    assert_memory_equal(s.server.requests[1], "GET /v1/status ", 15);
    scene_end(&s);
}

static void deletion_goes_on_behind_a_failure(void **state)
{
    const struct unix_response responses[] = {
        STATUS("404 X", "{\"error\":{\"message\":\"tenant a: does not exist\"}}"),
        OK("{\"outcome\":\"deleted\"}"),
    };
    struct scene s;
    scene_begin(&s, responses, 2);
    scene_run(&s, "delete tenant a b", NULL);
    assert_int_equal(s.run.code, 1);
    assert_string_equal(s.run.out, "tenant/b deleted\n");
    assert_string_equal(s.run.err, "weir delete: tenant a: does not exist\n");
    scene_end(&s);
}

/* -- the node -- */

static void status_reports_whether_all_is_well(void **state)
{
    static const struct expected cases[] = {
        { "status",
          OK("{\"nodes\":[{\"name\":\"n1\",\"state\":\"serving\",\"version\":\"0.1.0\",\"uptime_"
             "s\":"
             "93784,\"tenants\":5,\"connections\":2,\"requests_per_s\":12.34,\"warnings\":["
             "\"disk\"]}]}"),
          0, "GET /v1/status HTTP/1.1\r\n",
          "NODE  STATE    VERSION  UP    TENANTS  CONNS  REQ/S  CONFLICTS\n"
          "n1    serving  0.1.0    1d2h  5        2      12.3   0\n"
          "warning: n1: disk\n",
          "" },
        { "status -o name", OK("{\"nodes\":[{\"name\":\"n1\",\"state\":\"draining\"}]}"), 3, NULL,
          "node/n1\n", "" },
        { "status -o name",
          OK("{\"nodes\":[{\"name\":\"a\",\"state\":\"serving\",\"digest\":\"1\"},{\"name\":\"b\","
             "\"state\":\"serving\",\"digest\":\"2\"}]}"),
          3, NULL, NULL, "" },
        { "status -o name",
          OK("{\"nodes\":[{\"name\":\"a\",\"state\":\"serving\",\"digest\":\"1\"},{\"name\":\"b\","
             "\"state\":\"serving\",\"digest\":\"2\",\"lag\":7}]}"),
          0, NULL, NULL, "" },
        { "doctor",
          OK("{\"checks\":[{\"name\":\"clock\",\"outcome\":\"ok\",\"message\":\"right\"},{\"name\":"
             "\"disk\",\"outcome\":\"fail\",\"message\":\"full\",\"hint\":\"delete\"}]}"),
          1, "GET /v1/doctor HTTP/1.1\r\n",
          "OUTCOME  CHECK  FOUND  WHAT TO DO\n"
          "ok       clock  right  -\n"
          "fail     disk   full   delete\n",
          "weir doctor: 1 of 2 checks failed\n" },
        { "doctor -o yaml", OK("{\"checks\":[{\"name\":\"clock\",\"outcome\":\"warn\"}]}"), 0, NULL,
          "checks:\n  - name: \"clock\"\n    outcome: \"warn\"\n", "" },
        { "logs", OK("{\"a\":1}\n{\"b\":\"\033[2J\xff\"}"), 0, "GET /v1/logs?follow=0 HTTP/1.1\r\n",
          "{\"a\":1}\n{\"b\":\"\\x1B[2J\\xFF\"}\n", "" },
        { "logs -f --tenant shop", OK("{\"a\":1}"), 0,
          "GET /v1/logs?follow=1&tenant=shop HTTP/1.1\r\n", "{\"a\":1}\n", "" },
        { "logs --tenant Shop", OK(""), 2, NULL, "", NULL },
        { "logs", STATUS("404 X", "{\"error\":{\"message\":\"no log\"}}"), 1, NULL, "",
          "weir logs: no log\n" },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void a_drain_reports_its_deadline_its_progress_and_its_outcome(void **state)
{
    static const struct expected cases[] = {
        { "drain --deadline 90s",
          STATUS("202 Accepted", "{\"state\":\"draining\",\"deadline_ms\":90000}"), 0,
          "POST /v1/drain?deadline_ms=90000 HTTP/1.1\r\n",
          "draining: it takes no new connections, and ends when the last request is done, at the "
          "latest in 90.0 s\n",
          "" },
        { "drain", STATUS("503 X", "{\"error\":{\"message\":\"the node is stopping\"}}"), 3,
          "POST /v1/drain?deadline_ms=30000 HTTP/1.1\r\n", "",
          "weir drain: the node is stopping\n" },
        { "drain --wait --deadline 5s",
          OK("{\"state\":\"draining\",\"deadline_ms\":4990,\"connections\":1,\"requests\":2}\n"
             "{\"state\":\"drained\",\"cut\":0}\n"),
          0, "POST /v1/drain?deadline_ms=5000&follow=1 HTTP/1.1\r\n",
          "draining: 1 connection, 2 requests left, 5 s to the deadline\n"
          "drained: nothing was cut; the node ends\n",
          "" },
        { "drain --wait", OK("{\"state\":\"drained\",\"cut\":3}\n"), 5, NULL, "",
          "weir drain: the deadline passed: 3 connections were cut. Give it longer with "
          "--deadline\n" },
        { "drain --wait", OK("{\"state\":\"serving\"}\n"), 1, NULL, "",
          "weir drain: the drain was taken back: the node serves again\n" },
        { "drain --wait", OK("{\"state\":\"draining\"}\n"), 1, NULL, NULL, NULL },
        { "drain --wait", OK("nonsense\n"), 1, NULL, "", NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void undrain_reload_and_log_level_report_their_outcomes(void **state)
{
    static const struct expected cases[] = {
        { "undrain", OK("{\"state\":\"serving\"}"), 0, "POST /v1/undrain HTTP/1.1\r\n", "serving\n",
          "" },
        { "undrain", STATUS("409 X", "{\"error\":{\"message\":\"it is ending\"}}"), 1, NULL, "",
          "weir undrain: it is ending\n" },
        { "reload", OK("{\"changed\":[\"log.level\",\"listen.http\"],\"restart\":[\"data\"]}"), 0,
          "POST /v1/reload HTTP/1.1\r\n", "reloaded: log.level, listen.http\n",
          "weir reload: warning: data: the new value needs a restart of the node\n" },
        { "reload", OK("{}"), 0, NULL, "reloaded: nothing to take over\n", "" },
        { "reload",
          STATUS("400 X", "{\"error\":{\"message\":\"2 errors\",\"details\":[{\"message\":"
                          "\"one\"},{\"message\":\"two\"}]}}"),
          1, NULL, "", "weir reload: 2 errors\n  one\n  two\n" },
        { "log-level",
          OK("{\"level\":\"warn\",\"configured\":\"info\",\"filters\":[{\"tenant\":\"shop\","
             "\"level\":\"trace\"},{\"address\":\"10.0.0.0/8\",\"level\":\"debug\"}]}"),
          0, "GET /v1/log-level HTTP/1.1\r\n",
          "FOR                 LEVEL  NODE FILE\n"
          "all                 warn   info\n"
          "tenant shop         trace  -\n"
          "address 10.0.0.0/8  debug  -\n",
          "" },
        { "log-level trace --tenant shop", OK("{}"), 0,
          "PUT /v1/log-level?level=trace&tenant=shop HTTP/1.1\r\n", NULL, "" },
        { "log-level debug --address 10.0.0.0/8", OK("{}"), 0,
          "PUT /v1/log-level?level=debug&address=10.0.0.0%2F8 HTTP/1.1\r\n", NULL, "" },
        { "log-level --reset", OK("{}"), 0, "DELETE /v1/log-level HTTP/1.1\r\n", NULL, "" },
        { "log-level --reset --tenant shop", OK("{}"), 0,
          "DELETE /v1/log-level?tenant=shop HTTP/1.1\r\n", NULL, "" },
        { "log-level loud", OK(""), 2, NULL, "", NULL },
        { "log-level debug --reset", OK(""), 2, NULL, "", NULL },
        { "log-level --tenant shop", OK(""), 2, NULL, "", NULL },
        { "log-level debug --tenant shop --address ::1", OK(""), 2, NULL, "", NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

/* 0 done, 1 failed or a difference, 2 usage, 3 degraded, 4 conflict, 5 timed out. */
static void exit_codes_are_those_of_the_contract(void **state)
{
    static const struct expected cases[] = {
        { "route test http://nobody.test/", OK("{\"decision\":\"none\",\"why\":\"no tenant\"}"), 1,
          NULL, "Decision  none\nWhy       no tenant\n", "" },
        { "route test http://a/", OK("{\"decision\":\"route\"}"), 0, NULL, NULL, "" },
        { "redirect test http://a/ --tenant b", OK("{\"decision\":\"none\"}"), 0, NULL, NULL, "" },
        { "route test nonsense", STATUS("400 X", "{\"error\":{\"message\":\"url: is no URL\"}}"), 2,
          NULL, "", "weir route: url: is no URL\n" },
        { "redirect test nonsense --tenant b",
          STATUS("400 X", "{\"error\":{\"message\":\"url: is no URL\"}}"), 2, NULL, "", NULL },
        { "route test http://a/", STATUS("404 X", "{\"error\":{\"message\":\"x\"}}"), 1, NULL, "",
          NULL },
        { "delete tenant a", STATUS("507 X", "{\"error\":{\"message\":\"the store is full\"}}"), 1,
          NULL, "", "weir delete: the store is full\n" },
        { "delete tenant a", STATUS("503 X", "{\"error\":{\"message\":\"busy\"}}"), 3, NULL, "",
          NULL },
        { "delete tenant a", STATUS("412 X", "{\"error\":{\"message\":\"revision\"}}"), 4, NULL, "",
          NULL },
        { "delete tenant a", STATUS("504 X", "{\"error\":{\"message\":\"late\"}}"), 5, NULL, "",
          NULL },
        { "status --node tcp:1", OK("{}"), 2, NULL, "", NULL },
        { "status --node https://", OK("{}"), 2, NULL, "", NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

static void diff_that_could_not_compare_reports_it(void **state)
{
    const struct unix_response responses[] = {
        STATUS("404 X", "{\"error\":{\"message\":\"x\"}}"),
        STATUS("500 X", "{\"error\":{\"message\":\"the disk failed\"}}"),
    };
    struct scene s;
    scene_begin(&s, responses, 2);
    scene_run(&s, "diff -f -", SHOP "---\n" OTHER);
    assert_int_equal(s.run.code, 1);
    assert_has(s.run.out, "+name: shop\n");
    assert_string_equal(s.run.err,
                        "weir diff: the disk failed\n"
                        "weir diff: the comparison is incomplete: 1 of 2 tenants were compared\n");
    scene_end(&s);
}

static void node_that_is_away_is_reported_by_every_command(void **state)
{
    static const char *const lines[] = {
        "apply -f -",
        "diff -f -",
        "get",
        "get tenant shop",
        "delete tenant shop",
        "history tenant shop",
        "rollback tenant shop 1",
        "route test http://a/",
        "redirect test http://a/ --tenant shop",
        "status",
        "doctor",
        "drain",
        "logs",
    };
    struct scene s;
    scene_begin(&s, NULL, 0);
    assert_int_equal(unlink(s.server.path), 0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        scene_run(&s, lines[i], SHOP);
        assert_int_equal(s.run.code, 1);
        assert_string_equal(s.run.out, "");
        assert_has(s.run.err, ": cannot reach the node at unix:/tmp/");
        assert_has(s.run.err, "no such socket. Is it running? Start it with `weir node --config "
                              "FILE`, or name another with --node\n");
        scene_run(&s, lines[i], SHOP);
    }
    scene_run(&s, "status --node https://edge:7400", NULL);
    assert_int_equal(s.run.code, 2);
    assert_has(s.run.err, "needs a token");
    scene_end(&s);
}

/* -- what explains itself -- */

static void every_page_is_there(void **state)
{
    static const struct {
        const char *line, *part;
    } cases[] = {
        { "", "Usage: weir COMMAND" },
        { "--help", "weir help tenant" },
        { "help", "Examples:\n" },
        { "help apply", "weir apply -f FILE|DIR|- ...\n" },
        { "logs --help", "  -f, --follow          go on with new records until interrupted\n" },
        { "get -h", "  2  the command line is wrong\n" },
        { "help tenant", "max_header" },
        { "help tenant.routes", "routes[].path\n" },
        { "help node.limits", "limits.connections" },
        { "help node", "weir node --config FILE" },
        { "version", "weir " WEIR_VERSION "\n" },
        { "--version", "weir " WEIR_VERSION "\n" },
    };
    struct scene s;
    scene_begin(&s, NULL, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene_run(&s, cases[i].line, NULL);
        assert_int_equal(s.run.code, 0);
        assert_string_equal(s.run.err, "");
        assert_has(s.run.out, cases[i].part);
        assert_null(strstr(s.run.out, "blacklist"));
    }
    scene_run(&s, "help tenant.routes", NULL);
    assert_null(strstr(s.run.out, "upstreams.")); /* one part alone */
    scene_run(&s, "help tenant.rutes", NULL);
    assert_int_equal(s.run.code, 2);
    assert_string_equal(s.run.out, "");
    assert_has(s.run.err, "\"rutes\" is no field of tenant, did you mean \"tenant.routes\"?");
    scene_run(&s, "help tenan", NULL);
    assert_int_equal(s.run.code, 2);
    assert_has(s.run.err, "there is no page on \"tenan\", did you mean \"tenant\"?");
    scene_end(&s);
}

static void pages_fit_a_terminal(void **state)
{
    static const char *const names[] = { "apply",  "diff",    "validate", "fmt",   "get",
                                         "delete", "history", "rollback", "route", "redirect",
                                         "status", "doctor",  "drain",    "logs",  "completion",
                                         "token",  "help",    "version",  "edit",  "" };
    struct scene s;
    scene_begin(&s, NULL, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "%s --help", names[i]);
        scene_run(&s, line, NULL);
        assert_int_equal(s.run.code, 0);
        for (const char *at = s.run.out; *at != '\0'; at += strcspn(at, "\n") + 1) {
            size_t len = strcspn(at, "\n");
            if (len > 80)
                print_error("%s\n", at);
            assert_in_range(len, 0, 80);
            assert_true(len == 0 || at[len - 1] != ' ');
        }
    }
    scene_end(&s);
}

static void completion_of_bash_completes(void **state)
{
    struct scene s;
    char command[512];
    char words[256];
    static const struct {
        const char *line, *last, *words;
    } cases[] = {
        { "weir ap", "1", "apply" },
        { "weir rollback t", "2", "tenant" },
        { "weir get -o y", "3", "yaml" },
        { "weir apply --dr", "2", "--dry-run" },
        { "weir fmt --wa", "2", "" },
        { "weir help rollb", "2", "rollback" },
        { "weir --node unix : /x ap", "5", "apply" },
        { "weir get --output = y", "4", "yaml" },
        { "weir --node unix : /x get --node u", "7", "unix:" },
    };
    scene_begin(&s, NULL, 0);
    scene_run(&s, "completion bash", NULL);
    assert_int_equal(s.run.code, 0);
    run_file_put(&s.server, "weir.bash", s.run.out);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(command, sizeof(command),
                 "WEIR_RUN_CLI=1 bash -c 'set -u; source %s/weir.bash; COMP_WORDS=(%s); "
                 "COMP_CWORD=%s; _weir; echo "
                 "${COMPREPLY[*]-}'",
                 s.server.folder, cases[i].line, cases[i].last);
        FILE *f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(words, sizeof(words), f));
        assert_int_equal(pclose(f), 0);
        words[strcspn(words, "\n")] = '\0';
        assert_string_equal(words, cases[i].words);
    }
    scene_run(&s, "completion zsh", NULL);
    assert_memory_equal(s.run.out, "#compdef weir\n", 14);
    scene_run(&s, "completion fish", NULL);
    assert_int_equal(s.run.code, 2);
    scene_end(&s);
}

static void full_disk_behind_standard_output_is_reported(void **state)
{
    struct scene s;
    scene_begin(&s, NULL, 0);
    s.run = run_cli_into(&s.server, "version", "/dev/full");
    assert_int_equal(s.run.code, 1);
    assert_string_equal(s.run.err,
                        "weir version: cannot write the result: No space left on device\n");
    scene_end(&s);
}

static void no_memory_at_any_point_is_reported_without_a_leak(void **state)
{
    check_without_memory("get", (struct unix_response)OK("{\"items\":[" ITEM("a") "],\"total\":1}"),
                         NULL);
    check_without_memory("get tenant shop -o yaml",
                         (struct unix_response)OK("{\"revision\":3,\"tenant\":" SHOP_JSON "}"),
                         NULL);
    check_without_memory("status -o yaml",
                         (struct unix_response)OK("{\"nodes\":[{\"state\":\"serving\"}]}"), NULL);
    check_without_memory("logs", (struct unix_response)OK("{\"a\":1}"), NULL);
    check_without_memory("delete tenant shop",
                         (struct unix_response)OK("{\"outcome\":\"deleted\"}"), NULL);
    check_without_memory("export --digest",
                         (struct unix_response)OK(SHOP_JSON "\n{\"end\":{\"documents\":1,"
                                                            "\"digest\":\"0a\",\"damaged\":0}}"),
                         NULL);
}

static void an_export_without_its_last_line_is_not_whole(void **state)
{
    static const struct expected cases[] = {
        { "export -o json",
          OK(SHOP_JSON "\n{\"end\":{\"documents\":1,\"digest\":\"0a\",\"damaged\":0}}"), 0,
          "GET /v1/export HTTP/1.1\r\n", SHOP_JSON "\n", "1 tenant exported, digest 0a\n" },
        { "export -o json", OK(SHOP_JSON), 1, "GET /v1/export HTTP/1.1\r\n", SHOP_JSON "\n", NULL },
        { "export -o json",
          OK(SHOP_JSON "\n{\"end\":{\"documents\":2,\"digest\":\"0a\",\"damaged\":0}}"), 1,
          "GET /v1/export HTTP/1.1\r\n", SHOP_JSON "\n", NULL },
        { "export --digest", OK("{\"end\":{\"documents\":2,\"digest\":\"0a\",\"damaged\":1}}"), 1,
          "GET /v1/export?digest=1 HTTP/1.1\r\n", "0a  2 documents\n", NULL },
        { "export --digest",
          OK(SHOP_JSON "\n{\"end\":{\"documents\":1,\"digest\":\"0a\",\"damaged\":0}}"), 0, NULL,
          "0a  1 documents\n", "" },
        { "export --digest x", OK("{}"), 2, NULL, "", NULL },
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

int main(int argc, char **argv)
{
    int code = 0;
    if (run_cli_is_run(weir_cli_main, argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_go_on_page_by_page),
        cmocka_unit_test(list_that_goes_back_ends),
        cmocka_unit_test(tenant_comes_out_as_it_can_go_in_again),
        cmocka_unit_test(reads_show_what_the_node_has),
        cmocka_unit_test(writes_report_their_result),
        cmocka_unit_test(revision_goes_into_if_match),
        cmocka_unit_test(deletion_goes_on_behind_a_failure),
        cmocka_unit_test(status_reports_whether_all_is_well),
        cmocka_unit_test(a_drain_reports_its_deadline_its_progress_and_its_outcome),
        cmocka_unit_test(undrain_reload_and_log_level_report_their_outcomes),
        cmocka_unit_test(exit_codes_are_those_of_the_contract),
        cmocka_unit_test(diff_that_could_not_compare_reports_it),
        cmocka_unit_test(node_that_is_away_is_reported_by_every_command),
        cmocka_unit_test(every_page_is_there),
        cmocka_unit_test(pages_fit_a_terminal),
        cmocka_unit_test(completion_of_bash_completes),
        cmocka_unit_test(an_export_without_its_last_line_is_not_whole),
        cmocka_unit_test(no_memory_at_any_point_is_reported_without_a_leak),
        cmocka_unit_test(full_disk_behind_standard_output_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
