/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tenants_test.c - the responses of the paths about tenants, over a real store: writes,
 * preconditions, lists, history, roll-back, conflicts, questions about requests.
 */
#include "tests/unit/ctl/admin_client.h"

static void put_tenant(const char *name, const char *hosts, int status, const char *text)
{
    char target[128];
    snprintf(target, sizeof(target), "/v1/tenants/%s", name);
    expect("PUT", target, YAML, yaml_tenant(name, hosts), (struct want){ status, text });
}

static void note_done(struct weir_push *p)
{
    *(bool *)p->arg = true;
}

static void a_put_creates_changes_and_recognises_what_it_has(void **state)
{
    struct response a = ask("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "a.example"));
    assert_int_equal(a.status, 201);
    assert_non_null(strstr(a.head, "ETag: \"1\"\r\n"));
    assert_non_null(strstr(a.body, "\"outcome\":\"created\""));
    assert_non_null(strstr(a.body, "\"revision\":1"));
    assert_non_null(strstr(a.body, "\"token\":\""));
    response_free(&a);
    assert_int_equal(atomic_load(&rig.node.workers->num_changed), 1);
    put_tenant("shop", "a.example", 200, "\"outcome\":\"unchanged\"");
    assert_int_equal(atomic_load(&rig.node.workers->num_changed), 1);
    put_tenant("shop", "b.example", 200, "\"outcome\":\"changed\"");
    assert_int_equal(atomic_load(&rig.node.workers->num_changed), 2);
    a = ask("GET", "/v1/tenants/shop", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "ETag: \"2\"\r\n"));
    assert_non_null(strstr(a.body, "\"b.example\""));
    assert_non_null(strstr(a.body, "\"why\":\"apply\""));
    response_free(&a);
    expect("GET", "/v1/tenants/other", "", NULL, (struct want){ 404, "\"not_found\"" });
}

static void json_is_accepted_as_well_as_yaml(void **state)
{
    static const char json[] =
        "{\"name\":\"shop\",\"hosts\":[\"a.example\"],"
        "\"upstreams\":{\"web\":{\"endpoints\":[{\"address\":\"127.0.0.1:1\"}]}}}";
    expect("PUT", "/v1/tenants/shop", "Content-Type: application/json\r\n", json,
           (struct want){ 201, "created" });
    put_tenant("shop", "a.example", 200, "unchanged");
}

/* Keys in another order mean the same. */
static void the_order_of_a_map_is_no_change(void **state)
{
    static const char one[] =
        "name: shop\nhosts: [a.example]\nroutes: [{ path: \"/\", upstream: x }]\n"
        "upstreams: { x: { endpoints: [{ address: \"1.2.3.4:5\" }] },"
        " y: { endpoints: [{ address: \"1.2.3.4:6\" }] } }\n";
    static const char two[] =
        "upstreams: { y: { endpoints: [{ address: \"1.2.3.4:6\" }] },"
        " x: { endpoints: [{ address: \"1.2.3.4:5\" }] } }\n"
        "routes: [{ path: \"/\", upstream: x }]\nhosts: [a.example]\nname: shop\n";
    expect("PUT", "/v1/tenants/shop", YAML, one, (struct want){ 201, "created" });
    expect("PUT", "/v1/tenants/shop", YAML, two, (struct want){ 200, "unchanged" });
}

/* What another version wrote may not be servable by this one: it is named, and stays where it is.
 */
static void a_record_that_cannot_be_served_is_named(void **state)
{
    static char name[] = "odd";
    static char host[] = "odd.example";
    static char *hosts[] = { host };
    struct weir_push *p = weir_push_new(rig.node.pushes, "ada", false);
    Weir__V1__Tenant t = WEIR__V1__TENANT__INIT;
    Weir__V1__Route route = WEIR__V1__ROUTE__INIT;
    Weir__V1__Route *routes[] = { &route };
    bool done = false;
    assert_non_null(p);
    t.name = name;
    t.hosts = hosts;
    t.n_hosts = 1;
    route.path = (char *)"/";
    route.upstream = (char *)"nowhere";
    t.routes = routes;
    t.n_routes = 1;
    assert_int_equal(weir_push_reserve(p, 1), WEIR_OK);
    assert_int_equal(weir_push_add(p, &t, "apply", NULL), WEIR_OK);
    assert_int_equal(weir_push_start(p, note_done, &done), WEIR_OK);
    while (!done)
        rig_turn();
    assert_int_equal(p->items[0].err, WEIR_OK);
    weir_push_free(&p);
    expect("GET", "/v1/test/route?url=http://odd.example/", "", NULL,
           (struct want){ 500, "tenant odd cannot be served: " });
    expect("GET", "/v1/tenants", "", NULL, (struct want){ 200, "\"odd\"" });
    expect("DELETE", "/v1/tenants/odd", "", NULL, (struct want){ 200, "deleted" });
}

static void preconditions_are_412_with_the_present_revision(void **state)
{
    const char *doc = yaml_tenant("shop", "a.example");
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: \"1\"\r\n", doc,
           (struct want){ 412, "\"conflict\"" });
    expect("PUT", "/v1/tenants/shop", YAML "If-None-Match: *\r\n", doc,
           (struct want){ 201, "created" });
    expect("PUT", "/v1/tenants/shop", YAML "If-None-Match: *\r\n", doc,
           (struct want){ 412, "\"conflict\"" });
    doc = yaml_tenant("shop", "b.example");
    struct response a = ask("PUT", "/v1/tenants/shop", YAML "If-Match: \"7\"\r\n", doc);
    assert_int_equal(a.status, 412);
    assert_non_null(strstr(a.head, "ETag: \"1\"\r\n"));
    response_free(&a);
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: \"1\"\r\n", doc,
           (struct want){ 200, "changed" });
    /* Several are refused: to take none of them would make the write one without a condition. */
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: \"1\"\r\nIf-Match: \"1\"\r\n", doc,
           (struct want){ 400, "If-Match" });
    expect("PUT", "/v1/tenants/shop", YAML "If-None-Match: *\r\nIf-None-Match: *\r\n", doc,
           (struct want){ 400, "If-None-Match" });
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: 2\r\n", doc,
           (struct want){ 400, "If-Match" });
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: W/\"2\"\r\n", doc,
           (struct want){ 400, "If-Match" });
    expect("PUT", "/v1/tenants/shop", YAML "If-None-Match: \"2\"\r\n", doc,
           (struct want){ 400, "If-None-Match" });
    expect("POST", "/v1/apply?if_revision=9", YAML, doc, (struct want){ 412, "\"conflict\"" });
    expect("POST", "/v1/apply?if_revision=0", YAML, doc, (struct want){ 412, "\"conflict\"" });
    expect("POST", "/v1/apply?if_revision=2", YAML, doc, (struct want){ 200, "unchanged" });
    expect("DELETE", "/v1/tenants/shop", "If-Match: \"1\"\r\n", NULL,
           (struct want){ 412, "\"conflict\"" });
    expect("DELETE", "/v1/tenants/shop", "If-Match: \"2\"\r\n", NULL,
           (struct want){ 200, "deleted" });
}

static void the_name_in_the_path_must_be_the_one_in_the_document(void **state)
{
    expect("PUT", "/v1/tenants/other", YAML, yaml_tenant("shop", "a.example"),
           (struct want){ 400, "the path has other" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 404, NULL });
}

static void many_documents_get_results_in_their_order(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    put_tenant("b", "b.example", 201, NULL);
    weir_strbuf_puts(&text, yaml_tenant("c", "c.example"));
    weir_strbuf_puts(&text, "---\n");
    weir_strbuf_puts(&text, yaml_tenant("b", "b.example"));
    weir_strbuf_puts(&text, "---\n");
    weir_strbuf_puts(&text, yaml_tenant("a", "a.example"));
    struct response a = ask("POST", "/v1/apply", YAML, text.at);
    assert_int_equal(a.status, 200);
    const char *c = strstr(a.body, "\"name\":\"c\",\"outcome\":\"created\"");
    const char *b = strstr(a.body, "\"name\":\"b\",\"outcome\":\"unchanged\"");
    const char *first = strstr(a.body, "\"name\":\"a\",\"outcome\":\"created\"");
    assert_non_null(c);
    assert_true(c < b);
    assert_true(b < first);
    assert_non_null(strstr(a.body, "\"nodes_durable\":1"));
    response_free(&a);
    weir_strbuf_deinit(&text);
}

static void one_invalid_document_keeps_all_out(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&text, yaml_tenant("good", "a.example"));
    weir_strbuf_puts(&text, "---\n");
    weir_strbuf_puts(&text, yaml_tenant("Bad_Name", "b.example"));
    weir_strbuf_puts(&text, "colour: red\n");
    struct response a = ask("POST", "/v1/apply", YAML, text.at);
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.body, "\"code\":\"invalid\""));
    assert_non_null(strstr(a.body, "\"field\":\"colour\""));
    assert_non_null(strstr(a.body, "\"field\":\"name\""));
    response_free(&a);
    expect("GET", "/v1/tenants/good", "", NULL, (struct want){ 404, NULL });
    weir_strbuf_deinit(&text);
}

static void what_apply_does_not_take_is_named(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    expect("POST", "/v1/apply", YAML, "", (struct want){ 400, NULL });
    expect("POST", "/v1/apply", YAML,
           "apiVersion: weir/v1\nkind: Node\nlisten: { http: [\"127.0.0.1:80\"] }\n",
           (struct want){ 400, "node" });
    weir_strbuf_puts(&text, yaml_tenant("shop", "a.example"));
    weir_strbuf_puts(&text, "error_pages: { \"502\": { file: sorry.html } }\n");
    expect("POST", "/v1/apply", YAML, text.at, (struct want){ 400, "error_pages.502.file" });
    weir_strbuf_reset(&text);
    weir_strbuf_puts(&text, yaml_tenant("shop", "a.example"));
    weir_strbuf_puts(&text, "---\n");
    weir_strbuf_puts(&text, yaml_tenant("shop", "b.example"));
    expect("POST", "/v1/apply", YAML, text.at, (struct want){ 400, "twice" });
    expect("POST", "/v1/apply?if_revision=1", YAML, text.at, (struct want){ 400, NULL });
    expect("PUT", "/v1/tenants/shop", YAML, text.at, (struct want){ 400, NULL });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 404, NULL });
    weir_strbuf_deinit(&text);
}

static void a_dry_run_responds_as_the_run_would_and_writes_nothing(void **state)
{
    const char *doc = yaml_tenant("shop", "a.example");
    expect("PUT", "/v1/tenants/shop?dry_run=1", YAML, doc, (struct want){ 200, "created" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 404, NULL });
    expect("PUT", "/v1/tenants/shop", YAML, doc, (struct want){ 201, "created" });
    expect("POST", "/v1/apply?dry_run=1", YAML, doc, (struct want){ 200, "unchanged" });
    expect("POST", "/v1/apply?dry_run=1", YAML, yaml_tenant("shop", "b.example"),
           (struct want){ 200, "\"outcome\":\"changed\",\"revision\":2" });
    expect("POST", "/v1/apply?dry_run=1", YAML, yaml_tenant("late", "a.example"),
           (struct want){ 200, "claimed earlier by tenant shop" });
    expect("DELETE", "/v1/tenants/shop?dry_run=1", "", NULL, (struct want){ 200, "deleted" });
    expect("DELETE", "/v1/tenants/other?dry_run=1", "", NULL, (struct want){ 404, "not_found" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "\"a.example\"" });
    assert_int_equal(atomic_load(&rig.node.workers->num_changed), 1);
}

static void the_later_claim_of_a_name_is_warned_and_listed(void **state)
{
    put_tenant("first", "a.example, \\\"*.b.example\\\"", 400,
               NULL); /* not YAML: nothing is stored */
    put_tenant("first", "a.example, '*.b.example'", 201, NULL);
    put_tenant("second", "'*.b.example', c.example", 201,
               "host *.b.example is claimed earlier by tenant first");
    expect("GET", "/v1/tenants/second", "", NULL,
           (struct want){ 200, "claimed earlier by tenant first" });
    struct response a = ask("GET", "/v1/tenants", "", NULL);
    const char *second = strstr(a.body, "\"name\":\"second\"");
    const char *conflict = strstr(a.body, "claimed earlier by tenant first");
    assert_non_null(second);
    assert_true(second < conflict);
    response_free(&a);
    expect("DELETE", "/v1/tenants/first", "", NULL, (struct want){ 200, "deleted" });
    a = ask("GET", "/v1/tenants/second", "", NULL);
    assert_null(strstr(a.body, "claimed earlier"));
    response_free(&a);
}

static void a_deleted_name_has_a_history_and_goes_on_behind_it(void **state)
{
    put_tenant("shop", "a.example", 201, "\"revision\":1");
    put_tenant("shop", "b.example", 200, "\"revision\":2");
    expect("DELETE", "/v1/tenants/shop", "", NULL, (struct want){ 200, "\"outcome\":\"deleted\"" });
    expect("DELETE", "/v1/tenants/shop", "", NULL, (struct want){ 404, "not_found" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 404, NULL });
    expect("GET", "/v1/tenants/shop/history", "", NULL, (struct want){ 200, "\"revision\":2" });
    put_tenant("shop", "a.example", 201, "\"revision\":3");
    expect("GET", "/v1/tenants/never/history", "", NULL, (struct want){ 404, "not_found" });
}

static void a_deletion_is_a_row_of_the_history_and_can_be_rolled_back(void **state)
{
    put_tenant("shop", "a.example", 201, "\"nodes_durable\":1,\"nodes_total\":1");
    expect("DELETE", "/v1/tenants/shop", "", NULL,
           (struct want){ 200, "\"nodes_durable\":1,\"nodes_total\":1" });
    struct response a = ask("GET", "/v1/tenants/shop/history", "", NULL);
    const char *deletion = strstr(a.body, "\"why\":\"delete\",\"deleted\":true");
    const char *apply = strstr(a.body, "\"why\":\"apply\"");
    if (deletion == NULL || apply == NULL)
        print_message("%s\n", a.body);
    assert_non_null(deletion);
    assert_non_null(apply);
    assert_true(deletion < apply);
    assert_non_null(strstr(a.body, "\"applied_by\""));
    response_free(&a);
    expect("GET", "/v1/tenants/shop/revisions/1", "", NULL, (struct want){ 200, "a.example" });
    expect("POST", "/v1/tenants/shop/rollback?revision=1", "", "",
           (struct want){ 201, "\"revision\":2" });
    expect("GET", "/v1/tenants/shop/history", "", NULL, (struct want){ 200, "\"deleted\":true" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "a.example" });
}

static void if_match_any_asks_for_a_present_tenant(void **state)
{
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: *\r\n", yaml_tenant("shop", "a.example"),
           (struct want){ 412, "does not exist, and the request asks for a present one" });
    expect("DELETE", "/v1/tenants/shop", "If-Match: *\r\n", NULL, (struct want){ 412, NULL });
    put_tenant("shop", "a.example", 201, NULL);
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: *\r\n", yaml_tenant("shop", "b.example"),
           (struct want){ 200, "changed" });
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: \"1\"\r\n", yaml_tenant("shop", "c.example"),
           (struct want){ 412, "its revision is 2, and the request asks for 1" });
    expect("DELETE", "/v1/tenants/shop", "If-Match: *\r\n", NULL, (struct want){ 200, NULL });
}

static void a_part_that_is_not_there_is_named(void **state)
{
    put_tenant("shop", "a.example", 201, NULL);
    put_tenant("shop", "b.example", 200, NULL);
    const char *text = "tenant shop has no revision 9; there are 1 to 2";
    expect("GET", "/v1/tenants/shop/revisions/9", "", NULL, (struct want){ 404, text });
    expect("POST", "/v1/tenants/shop/rollback?revision=9", "", "", (struct want){ 404, text });
    expect("POST", "/v1/tenants/never/rollback?revision=1", "", "",
           (struct want){ 404, "tenant never: does not exist, and never did" });
}

static void history_shows_what_changed_newest_first(void **state)
{
    put_tenant("shop", "a.example", 201, NULL);
    put_tenant("shop", "a.example, b.example", 200, NULL);
    struct response a = ask("GET", "/v1/tenants/shop/history", "", NULL);
    assert_int_equal(a.status, 200);
    const char *two = strstr(a.body, "\"revision\":2");
    const char *one = strstr(a.body, "\"revision\":1");
    const char *changed = strstr(a.body, "hosts");
    assert_non_null(two);
    assert_true(two < one);
    assert_non_null(changed);
    assert_true(changed < one);
    response_free(&a);
    expect("GET", "/v1/tenants/shop/revisions/1", "", NULL, (struct want){ 200, "\"a.example\"" });
    expect("GET", "/v1/tenants/shop/revisions/3", "", NULL, (struct want){ 404, NULL });
    expect("GET", "/v1/tenants/shop/revisions/0", "", NULL, (struct want){ 404, NULL });
}

static void a_rollback_is_a_new_revision(void **state)
{
    put_tenant("shop", "a.example", 201, NULL);
    put_tenant("shop", "b.example", 200, NULL);
    expect("POST", "/v1/tenants/shop/rollback?revision=1&dry_run=1", "", NULL,
           (struct want){ 200, "\"revision\":3" });
    expect("POST", "/v1/tenants/shop/rollback?revision=1", "If-Match: \"1\"\r\n", NULL,
           (struct want){ 412, "conflict" });
    expect("POST", "/v1/tenants/shop/rollback?revision=1", "", NULL,
           (struct want){ 200, "\"revision\":3" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "\"a.example\"" });
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "rollback to 1" });
    expect("POST", "/v1/tenants/shop/rollback?revision=9", "", NULL,
           (struct want){ 404, "revision 9" });
    expect("POST", "/v1/tenants/shop/rollback", "", NULL, (struct want){ 400, "revision" });
    expect("POST", "/v1/tenants/shop/rollback?revision=0", "", NULL,
           (struct want){ 400, "revision" });
    expect("DELETE", "/v1/tenants/shop", "", NULL, (struct want){ 200, NULL });
    expect("POST", "/v1/tenants/shop/rollback?revision=2", "", NULL,
           (struct want){ 201, "\"revision\":4" });
}

/* Enough documents for several slices and for libuv's pool to read them. */
static void a_large_apply_is_whole_and_can_be_paged(void **state)
{
    enum { NUM = 1200 };
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    char name[32];
    char host[64];
    for (int i = 0; i < NUM; i++) {
        snprintf(name, sizeof(name), "t%04d", i);
        snprintf(host, sizeof(host), "%s.example", name);
        weir_strbuf_puts(&text, "---\n");
        weir_strbuf_puts(&text, yaml_tenant(name, host));
    }
    struct response a = ask("POST", "/v1/apply", YAML, text.at);
    assert_int_equal(a.status, 200);
    size_t created = 0;
    for (const char *at = a.body; (at = strstr(at, "\"created\"")) != NULL; at++)
        created++;
    assert_int_equal(created, NUM);
    response_free(&a);
    expect("GET", "/v1/tenants?limit=1000", "", NULL, (struct want){ 200, "\"next\":\"t0999\"" });
    expect("GET", "/v1/tenants?after=t0999&limit=1000", "", NULL,
           (struct want){ 200, "\"t1199\"" });
    a = ask("GET", "/v1/tenants?prefix=t01&limit=100", "", NULL);
    assert_non_null(strstr(a.body, "\"t0100\""));
    assert_non_null(strstr(a.body, "\"t0199\""));
    assert_null(strstr(a.body, "\"t0200\""));
    assert_non_null(strstr(a.body, "\"total\":1200"));
    assert_null(strstr(a.body, "\"next\":\"t"));
    response_free(&a);
    expect("GET", "/v1/tenants?prefix=t0100", "", NULL, (struct want){ 200, "\"t0100\"" });
    weir_strbuf_deinit(&text);
}

static void questions_are_decided_by_the_code_of_the_data_path(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&text, yaml_tenant("shop", "shop.example, '*.shop.example'"));
    weir_strbuf_puts(
        &text, "routes: [ { path: \"/\", upstream: web }, { path: \"=/one\", upstream: web } ]\n"
               "redirects:\n"
               "  - { port: 80, path: \"/old/\", to: { code: 301, path: \"/new/\" } }\n"
               "  - { port: 80, path: \"/old/keep/\", to: none }\n");
    expect("PUT", "/v1/tenants/shop", YAML, text.at, (struct want){ 201, NULL });
    expect("GET", "/v1/test/route?url=http://shop.example/x", "", NULL,
           (struct want){ 200, "\"rule\":\"routes[0]\"" });
    expect("GET", "/v1/test/route?url=http://SHOP.example:80/one&client=10.1.2.3", "", NULL,
           (struct want){ 200, "\"rule\":\"routes[1]\"" });
    expect("GET", "/v1/test/route?url=http://a.b.shop.example", "", NULL,
           (struct want){ 200, "127.0.0.1:1 weight=100 not checked" });
    expect("GET", "/v1/test/route?url=http://shop.example/x", "", NULL,
           (struct want){ 200, "\"rule_text\":\"{\\\"path\\\":\\\"/\\\"" });
    expect("GET", "/v1/test/route?url=http://shop.example/old/a", "", NULL,
           (struct want){ 200, "\"rule_text\":\"{\\\"port\\\":80,\\\"path\\\":\\\"/old/\\\"" });
    expect("GET", "/v1/test/route?url=https://shop.example/x", "", NULL,
           (struct want){ 400, "serves no https: it has no TLS listener" });
    expect("GET", "/v1/test/redirect?tenant=shop&url=https://shop.example/x", "", NULL,
           (struct want){ 200, NULL });
    expect("GET", "/v1/test/route?url=http://shop.example/old/a%3Fq%3D1", "", NULL,
           (struct want){ 200, "\"location\":\"http://shop.example/new/a?q=1\"" });
    expect("GET", "/v1/test/route?url=http://shop.example/old/keep/a", "", NULL,
           (struct want){ 200, "routes[0]" });
    expect("GET", "/v1/test/redirect?tenant=shop&url=http://shop.example/old/keep/a", "", NULL,
           (struct want){ 200, "\"decision\":\"none\"" });
    expect("GET", "/v1/test/redirect?tenant=none&url=http://shop.example/", "", NULL,
           (struct want){ 404, NULL });
    expect("GET", "/v1/test/route?url=http://other.example/", "", NULL,
           (struct want){ 200, "no tenant has this host" });
    expect("GET", "/v1/test/route", "", NULL, (struct want){ 400, "url is missing" });
    expect("GET", "/v1/test/route?url=ftp://a/", "", NULL, (struct want){ 400, "http://" });
    expect("GET", "/v1/test/route?url=http://a,b/", "", NULL, (struct want){ 400, "host" });
    expect("GET", "/v1/test/route?url=http://a/../..", "", NULL, (struct want){ 400, "path" });
    expect("GET", "/v1/test/route?url=http://a/%20b", "", NULL, (struct want){ 400, "path" });
    expect("GET", "/v1/test/route?url=http://a/&client=x", "", NULL,
           (struct want){ 400, "client" });
    expect("GET", "/v1/test/route?url=http://a/&method=a+b%20", "", NULL,
           (struct want){ 400, "method" });
    weir_strbuf_deinit(&text);
}

static void the_doctor_checks_the_host_and_the_endpoints(void **state)
{
    put_tenant("shop", "a.example", 201, NULL); /* 127.0.0.1:1 refuses */
    struct response a = ask("GET", "/v1/doctor", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"descriptors\""));
    assert_non_null(strstr(a.body, "\"store\""));
    assert_non_null(strstr(a.body, "127.0.0.1:1 of tenant shop"));
    assert_non_null(strstr(a.body, "0 of 1 tried were reached"));
    response_free(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_put_creates_changes_and_recognises_what_it_has),
        TEST(json_is_accepted_as_well_as_yaml),
        TEST(the_order_of_a_map_is_no_change),
        TEST(a_record_that_cannot_be_served_is_named),
        TEST(preconditions_are_412_with_the_present_revision),
        TEST(the_name_in_the_path_must_be_the_one_in_the_document),
        TEST(many_documents_get_results_in_their_order),
        TEST(one_invalid_document_keeps_all_out),
        TEST(what_apply_does_not_take_is_named),
        TEST(a_dry_run_responds_as_the_run_would_and_writes_nothing),
        TEST(the_later_claim_of_a_name_is_warned_and_listed),
        TEST(a_deleted_name_has_a_history_and_goes_on_behind_it),
        TEST(a_deletion_is_a_row_of_the_history_and_can_be_rolled_back),
        TEST(if_match_any_asks_for_a_present_tenant),
        TEST(a_part_that_is_not_there_is_named),
        TEST(history_shows_what_changed_newest_first),
        TEST(a_rollback_is_a_new_revision),
        TEST(a_large_apply_is_whole_and_can_be_paged),
        TEST(questions_are_decided_by_the_code_of_the_data_path),
        TEST(the_doctor_checks_the_host_and_the_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
