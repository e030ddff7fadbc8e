/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tokens_test.c - tokens: made, listed, revoked; and what a client may do that has one. Each
 * path of the API with each scope.
 */
#include "node/ctl/admin/admin_conn.h"
#include "tests/support/failalloc.h"
#include "tests/unit/ctl/admin_client.h"

#define FIELD_MAX 160

/** What creation has shown. */
struct made {
    char field[FIELD_MAX]; /* Authorization, as a whole line */
    char text[WEIR_TOKEN_TEXT_LEN + 1];
    char id[WEIR_TOKEN_ID_LEN + 1];
};

static struct made make(const char *params)
{
    struct made m;
    struct weir_span id;
    char target[256];
    snprintf(target, sizeof(target), "/v1/tokens%s", params);
    struct response a = ask("POST", target, "", NULL);
    if (a.status != 201)
        print_message("%s: %s\n", target, a.all.at);
    assert_int_equal(a.status, 201);
    const char *at = strstr(a.body, "\"weir_");
    assert_non_null(at);
    snprintf(m.text, sizeof(m.text), "%s", at + 1);
    assert_true(weir_token_id_of(weir_span_cstr(m.text), &id));
    snprintf(m.id, sizeof(m.id), "%.*s", (int)id.len, (const char *)id.at);
    snprintf(m.field, sizeof(m.field), "Authorization: Bearer %s\r\n", m.text);
    response_free(&a);
    return m;
}

static struct response ask_tcp(const char *method, const char *target, const char *fields,
                               const char *body)
{
    return ask_on(client_open_at_listener(rig.tokens), method, target, fields, body);
}

static void expect_tcp(const char *method, const char *target, const char *fields, struct want want)
{
    struct response a = ask_tcp(method, target, fields, NULL);
    bool found = want.text == NULL || strstr(a.all.at, want.text) != NULL;
    if (a.status != want.status || !found)
        print_message("%s %s: %s\n", method, target, a.all.at);
    assert_int_equal(a.status, want.status);
    assert_true(found);
    response_free(&a);
}

static uint64_t counted(enum weir_metric m)
{
    return atomic_load_explicit(&rig.metrics.cells[m], memory_order_relaxed);
}

/* -- the paths /v1/tokens -- */

static void a_token_is_shown_once_and_listed_without_its_secret(void **state)
{
    struct made m = make("?scope=tenant:shop&comment=the%20pipeline&ttl_ms=60000");
    struct response a = ask("GET", "/v1/tokens", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, m.id));
    assert_non_null(strstr(a.body, "\"tenant:shop\""));
    assert_non_null(strstr(a.body, "\"the pipeline\""));
    assert_null(strstr(a.body, m.text + 18));
    response_free(&a);
}

static void the_store_has_no_secret(void **state)
{
    struct made m = make("");
    char command[256];
    snprintf(command, sizeof(command), "grep -rqF %s %s", m.text + 18, rig.folder);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof(command), "grep -rqF token/%s %s", m.id, rig.folder);
    assert_int_equal(system(command), 0);
}

static void what_is_asked_of_a_new_token_is_checked(void **state)
{
    expect("POST", "/v1/tokens?scope=root", "", NULL, (struct want){ 400, "tenant:NAME" });
    expect("POST", "/v1/tokens?scope=tenant:", "", NULL, (struct want){ 400, "scope" });
    expect("POST", "/v1/tokens?ttl_ms=0", "", NULL, (struct want){ 400, "ttl_ms" });
    expect("POST", "/v1/tokens?ttl_ms=x", "", NULL, (struct want){ 400, "ttl_ms" });
    expect("POST", "/v1/tokens?ttl_ms=315360000001", "", NULL, (struct want){ 400, "ttl_ms" });
    expect("POST", "/v1/tokens?comment=a%0Ab", "", NULL, (struct want){ 400, "comment" });
    expect("POST", "/v1/tokens?comment=%FF", "", NULL, (struct want){ 400, "comment" });
    expect("DELETE", "/v1/tokens/nothing", "", NULL, (struct want){ 404, "12 hex" });
    expect("DELETE", "/v1/tokens/0123456789ab", "", NULL, (struct want){ 404, NULL });
    expect("GET", "/v1/tokens", "", NULL, (struct want){ 200, "{}" });
}

static void a_revoked_token_counts_no_longer_on_an_open_connection_either(void **state)
{
    struct made m = make("?scope=read");
    char target[64];
    char request[256];
    struct response a;
    int fd = client_open_at_listener(rig.tokens);
    int len =
        snprintf(request, sizeof(request), "GET /v1/status HTTP/1.1\r\nHost: w\r\n%s\r\n", m.field);
    client_send(fd, request, (size_t)len);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 200);
    response_free(&a);
    snprintf(target, sizeof(target), "/v1/tokens/%s", m.id);
    expect("DELETE", target, "", NULL, (struct want){ 200, m.id });
    client_send(fd, request, (size_t)len);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 401);
    response_free(&a);
    close(fd);
    expect("DELETE", target, "", NULL, (struct want){ 404, NULL });
}

static void there_are_only_so_many_tokens(void **state)
{
    for (unsigned i = 0; i < WEIR_TOKENS_MAX; i++)
        (void)make("");
    expect("POST", "/v1/tokens", "", NULL, (struct want){ 409, "revoke some" });
    struct response a = ask("GET", "/v1/tokens", "", NULL);
    assert_int_equal(a.status, 200);
    response_free(&a);
}

/* -- who has no good token -- */

static void without_a_token_only_health_is_served(void **state)
{
    expect_tcp("GET", "/healthz", "", (struct want){ 200, "ok" });
    expect_tcp("GET", "/readyz", "", (struct want){ 200, "ready" });
    static const char *const closed[] = { "/metrics", "/v1/status", "/v1/tenants", "/nowhere" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(closed); i++)
        expect_tcp("GET", closed[i], "",
                   (struct want){ 401, "\r\nWWW-Authenticate: Bearer realm=\"weir\"\r\n" });
    expect_tcp("BREW", "/v1/status", "", (struct want){ 401, NULL });
    expect_tcp("POST", "/healthz", "", (struct want){ 401, NULL });
    /* Nobody guessed: none of them must wait. */
    expect_tcp("GET", "/v1/status", "Authorization: Basic dTpw\r\n", (struct want){ 401, NULL });
    expect_tcp("GET", "/v1/status", "Authorization: Bearer\r\n", (struct want){ 401, NULL });
    expect_tcp("GET", "/v1/status", "Authorization: Bearer \r\n", (struct want){ 401, NULL });
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_MISSING), WEIR_ARRAY_LEN(closed) + 5);
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_LIMITED), 0);
}

static void two_tokens_are_none(void **state)
{
    struct made m = make("");
    char fields[2 * FIELD_MAX];
    snprintf(fields, sizeof(fields), "%s%s", m.field, m.field);
    expect_tcp("GET", "/v1/status", fields, (struct want){ 401, NULL });
    expect_tcp("GET", "/v1/status", m.field, (struct want){ 200, NULL });
}

static void an_expired_token_is_named_so(void **state)
{
    struct made m = make("?ttl_ms=1");
    usleep(3000);
    expect_tcp("GET", "/v1/status", m.field, (struct want){ 401, "has expired" });
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_EXPIRED), 1);
    expect("GET", "/v1/tokens", "", NULL, (struct want){ 200, "\"expired\":true" });
}

/* Wrong secrets, whose ids are known or not, and what is no token at all. */
static void guesses_are_limited_and_the_right_token_is_not(void **state)
{
    struct made m = make("");
    struct made wrong = m;
    char *last = strchr(wrong.field, '\r') - 1;
    *last = *last == '0' ? '1' : '0';
    for (unsigned i = 0; i < WEIR_GUESS_BURST; i++)
        expect_tcp("GET", "/v1/status", i % 2 == 0 ? wrong.field : "Authorization: Bearer x\r\n",
                   (struct want){ 401, "error=\"invalid_token\"" });
    expect_tcp("GET", "/v1/status", wrong.field, (struct want){ 429, "\r\nRetry-After: " });
    expect_tcp("GET", "/v1/status", wrong.field, (struct want){ 429, "\"limited\"" });
    expect_tcp("GET", "/v1/status", m.field, (struct want){ 200, NULL });
    expect_tcp("GET", "/healthz", wrong.field, (struct want){ 200, NULL });
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_UNKNOWN), WEIR_GUESS_BURST);
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_LIMITED), 2);
    memset(rig.admin->guesses.slots, 0, sizeof(rig.admin->guesses.slots)); /* time passes */
    expect_tcp("GET", "/v1/status", m.field, (struct want){ 200, NULL });
}

static void over_the_bound_of_all_addresses_a_good_token_is_still_good(void **state)
{
    struct made m = make("");
    rig.admin->guesses.all_empty_at_ms = UINT64_MAX / 2;
    expect_tcp("GET", "/v1/status", "Authorization: Bearer x\r\n", (struct want){ 429, NULL });
    expect_tcp("GET", "/v1/status", m.field, (struct want){ 200, NULL });
}

/* -- what a token grants -- */

#define CERT_ID   "0123456789abcdef0123456789abcdef"
#define CERT_PATH "/v1/tenants/{name}/certificates/{id}"

/** A path, and who may use it: a = admin, r = read, t = tenant:shop, o = everybody. */
struct row {
    const char *method;
    const char *target;
    const char *who;
    const char *pattern; /* of the route */
};

static const struct row rows[] = {
    { "GET", "/healthz", "arto", "/healthz" },
    { "GET", "/readyz", "arto", "/readyz" },
    { "GET", "/metrics", "ar", "/metrics" },
    { "GET", "/v1/status", "ar", "/v1/status" },
    { "GET", "/v1/tenants", "ar", "/v1/tenants" },
    { "GET", "/v1/tenants/shop", "art", "/v1/tenants/{name}" },
    { "GET", "/v1/tenants/other", "ar", "/v1/tenants/{name}" },
    { "PUT", "/v1/tenants/shop", "at", "/v1/tenants/{name}" },
    { "PUT", "/v1/tenants/other", "a", "/v1/tenants/{name}" },
    { "PUT", "/v1/tenants/shop?allow_overlap=1", "a", "/v1/tenants/{name}" },
    { "PUT", "/v1/tenants/shop?allow_overlap=0", "a", "/v1/tenants/{name}" },
    { "DELETE", "/v1/tenants/shop?dry_run=1", "at", "/v1/tenants/{name}" },
    { "DELETE", "/v1/tenants/other?dry_run=1", "a", "/v1/tenants/{name}" },
    { "GET", "/v1/tenants/shop/history", "art", "/v1/tenants/{name}/history" },
    { "GET", "/v1/tenants/other/history", "ar", "/v1/tenants/{name}/history" },
    { "GET", "/v1/tenants/shop/revisions/1", "art", "/v1/tenants/{name}/revisions/{number}" },
    { "GET", "/v1/tenants/other/revisions/1", "ar", "/v1/tenants/{name}/revisions/{number}" },
    { "POST", "/v1/tenants/shop/rollback?revision=1&dry_run=1", "at",
      "/v1/tenants/{name}/rollback" },
    { "POST", "/v1/tenants/other/rollback?revision=1&dry_run=1", "a",
      "/v1/tenants/{name}/rollback" },
    { "POST", "/v1/apply", "at", "/v1/apply" },               /* its documents: below */
    { "POST", "/v1/certificates", "at", "/v1/certificates" }, /* its tenants: below */
    { "GET", "/v1/certificates", "ar", "/v1/certificates" },
    { "GET", "/v1/certificates?tenant=shop", "art", "/v1/certificates" },
    { "GET", "/v1/certificates?tenant=other", "ar", "/v1/certificates" },
    { "GET", "/v1/tenants/shop/certificates/" CERT_ID, "art", CERT_PATH },
    { "GET", "/v1/tenants/other/certificates/" CERT_ID, "ar", CERT_PATH },
    { "DELETE", "/v1/tenants/shop/certificates/" CERT_ID, "at", CERT_PATH },
    { "DELETE", "/v1/tenants/other/certificates/" CERT_ID, "a", CERT_PATH },
    { "POST", "/v1/tenants/shop/certificates/" CERT_ID "/links?host=a.example", "at",
      CERT_PATH "/links" },
    { "POST", "/v1/tenants/other/certificates/" CERT_ID "/links?host=a.example", "a",
      CERT_PATH "/links" },
    { "GET", "/v1/export", "ar", "/v1/export" },
    { "POST", "/v1/export?keys=1", "a", "/v1/export" },
    { "GET", "/v1/test/route?url=http://a.example/", "ar", "/v1/test/route" },
    { "GET", "/v1/test/redirect?url=http://a.example/&tenant=shop", "art", "/v1/test/redirect" },
    { "GET", "/v1/test/redirect?url=http://a.example/&tenant=other", "ar", "/v1/test/redirect" },
    { "GET", "/v1/test/redirect?url=http://a.example/", "ar", "/v1/test/redirect" },
    { "POST", "/v1/drain?deadline_ms=1000", "a", "/v1/drain" },
    { "GET", "/v1/drain", "ar", "/v1/drain" },
    { "POST", "/v1/undrain", "a", "/v1/undrain" },
    { "POST", "/v1/reload", "a", "/v1/reload" },
    { "GET", "/v1/log-level", "ar", "/v1/log-level" },
    { "PUT", "/v1/log-level?level=error", "a", "/v1/log-level" },
    { "PUT", "/v1/log-level?level=error&tenant=shop", "a", "/v1/log-level" },
    { "DELETE", "/v1/log-level", "a", "/v1/log-level" },
    { "GET", "/v1/doctor", "ar", "/v1/doctor" },
    { "GET", "/v1/logs", "ar", "/v1/logs" },
    { "GET", "/v1/logs?tenant=shop", "art", "/v1/logs" },
    { "GET", "/v1/logs?tenant=other", "ar", "/v1/logs" },
    { "POST", "/v1/certificates", "at", "/v1/certificates" }, /* its documents: below */
    { "GET", "/v1/certificates", "ar", "/v1/certificates" },
    { "GET", "/v1/certificates?tenant=shop", "art", "/v1/certificates" },
    { "GET", "/v1/certificates?tenant=other", "ar", "/v1/certificates" },
    { "GET", "/v1/tenants/shop/certificates/0123456789abcdef0123456789abcdef", "art",
      "/v1/tenants/{name}/certificates/{id}" },
    { "GET", "/v1/tenants/other/certificates/0123456789abcdef0123456789abcdef", "ar",
      "/v1/tenants/{name}/certificates/{id}" },
    { "DELETE", "/v1/tenants/shop/certificates/0123456789abcdef0123456789abcdef", "at",
      "/v1/tenants/{name}/certificates/{id}" },
    { "DELETE", "/v1/tenants/other/certificates/0123456789abcdef0123456789abcdef", "a",
      "/v1/tenants/{name}/certificates/{id}" },
    { "POST", "/v1/tenants/shop/certificates/0123456789abcdef0123456789abcdef/links?host=a.example",
      "at", "/v1/tenants/{name}/certificates/{id}/links" },
    { "POST",
      "/v1/tenants/other/certificates/0123456789abcdef0123456789abcdef/links?host=a.example", "a",
      "/v1/tenants/{name}/certificates/{id}/links" },
    { "GET", "/v1/tokens", "a", "/v1/tokens" },
    { "POST", "/v1/tokens?scope=read", "a", "/v1/tokens" },
    { "DELETE", "/v1/tokens/0123456789ab", "a", "/v1/tokens/{name}" },
};

static void the_table_below_has_every_path(void **state)
{
    size_t num = 0;
    const struct weir_admin_route *all = weir_admin_route_all(&num);
    for (size_t i = 0; i < num; i++) {
        bool found = false;
        for (size_t k = 0; k < WEIR_ARRAY_LEN(rows) && !found; k++)
            found = strcmp(rows[k].method, all[i].method) == 0 &&
                    strcmp(rows[k].pattern, all[i].path) == 0;
        if (!found)
            fail_msg("%s %s: add a row with who may use it", all[i].method, all[i].path);
    }
}

/* A stream may be read to its end by Connection: close alone. */
static int status_of(const struct row *row, const char *fields, const char *body)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    int fd = client_open_at_listener(rig.tokens);
    weir_strbuf_printf(&text, "%s %s HTTP/1.1\r\nHost: w\r\nConnection: close\r\n%s", row->method,
                       row->target, fields);
    if (body != NULL)
        weir_strbuf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    weir_strbuf_printf(&text, "\r\n%s", body != NULL ? body : "");
    client_send(fd, text.at, text.len);
    while (client_recv(fd, &got)) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_true(got.len > 12);
    int status = (int)strtol(got.at + 9, NULL, 10);
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&got);
    close(fd);
    return status;
}

static const char *body_of(const struct row *row)
{
    if (strcmp(row->method, "PUT") == 0 && strstr(row->target, "/other") != NULL)
        return yaml_tenant("other", "other.example");
    if (strcmp(row->method, "PUT") == 0 && strstr(row->target, "/shop") != NULL)
        return yaml_tenant("shop", "shop.example");
    return strcmp(row->target, "/v1/apply") == 0 ? yaml_tenant("shop", "shop.example") : NULL;
}

/* @param who  the letter of the token, or 'o': none */
static void try_rows(char who, const char *field)
{
    char fields[256];
    snprintf(fields, sizeof(fields), "%s" YAML, field);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        bool may = strchr(rows[i].who, who) != NULL;
        int status = status_of(&rows[i], fields, body_of(&rows[i]));
        bool refused = status == (who == 'o' ? 401 : 403);
        if (refused == may)
            fail_msg("%s %s with %c: %d", rows[i].method, rows[i].target, who, status);
        rig.node.state = WEIR_NODE_SERVING; /* as before a drain */
    }
}

static void setup_tenants(void)
{
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "shop.example"),
           (struct want){ 201, NULL });
    expect("PUT", "/v1/tenants/other", YAML, yaml_tenant("other", "other.example"),
           (struct want){ 201, NULL });
}

static void nobody_may_use_what_is_open_alone(void **state)
{
    setup_tenants();
    try_rows('o', "");
    assert_int_equal(rig.num_drains, 0);
}

static void admin_may_use_each_path(void **state)
{
    setup_tenants();
    try_rows('a', make("").field);
}

static void read_may_read_each_path_but_those_of_admin(void **state)
{
    setup_tenants();
    try_rows('r', make("?scope=read").field);
    assert_int_equal(rig.num_drains, 0);
}

static void a_tenants_token_may_touch_its_tenant_alone(void **state)
{
    setup_tenants();
    try_rows('t', make("?scope=tenant:shop").field);
    assert_int_equal(rig.num_drains, 0);
    assert_true(counted(WEIR_M_ADMIN_FORBIDDEN) > 10);
}

static void one_document_of_another_tenant_refuses_them_all(void **state)
{
    char body[1024];
    struct made m = make("?scope=tenant:shop");
    struct made all = make("");
    char fields[256];
    int len = snprintf(body, sizeof(body), "%s", yaml_tenant("shop", "shop.example"));
    snprintf(body + len, sizeof(body) - (size_t)len, "---\n%s",
             yaml_tenant("other", "other.example"));
    snprintf(fields, sizeof(fields), "%s" YAML, m.field);
    struct response a = ask_tcp("POST", "/v1/apply", fields, body);
    assert_int_equal(a.status, 403);
    assert_non_null(strstr(a.body, "for tenant shop alone"));
    response_free(&a);
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 404, NULL });
    snprintf(fields, sizeof(fields), "%s" YAML, all.field);
    a = ask_tcp("POST", "/v1/apply", fields, body);
    assert_int_equal(a.status, 200);
    response_free(&a);
}

static void one_certificate_of_another_tenant_refuses_them_all(void **state)
{
    static const char body[] = "{\"certificates\":[{\"tenant\":\"shop\",\"files\":[\"x\"]},"
                               "{\"tenant\":\"other\",\"files\":[\"x\"]}]}";
    struct made m = make("?scope=tenant:shop");
    struct made all = make("");
    char fields[256];
    snprintf(fields, sizeof(fields), "%sContent-Type: application/json\r\n", m.field);
    struct response a = ask_tcp("POST", "/v1/certificates", fields, body);
    assert_int_equal(a.status, 403);
    assert_non_null(strstr(a.body, "for tenant shop alone"));
    response_free(&a);
    snprintf(fields, sizeof(fields), "%sContent-Type: application/json\r\n", all.field);
    a = ask_tcp("POST", "/v1/certificates", fields, body);
    assert_int_equal(a.status, 200); /* two results, both refused */
    assert_non_null(strstr(a.body, "\"refused\""));
    response_free(&a);
}

static void what_a_token_writes_is_written_by_its_id(void **state)
{
    struct made m = make("?scope=tenant:shop");
    char fields[256];
    char by[64];
    snprintf(fields, sizeof(fields), "%s" YAML, m.field);
    struct response a =
        ask_tcp("PUT", "/v1/tenants/shop", fields, yaml_tenant("shop", "shop.example"));
    assert_int_equal(a.status, 201);
    response_free(&a);
    snprintf(by, sizeof(by), "\"token:%s\"", m.id);
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, by });
}

static void the_socket_that_reads_lists_no_tokens(void **state)
{
    struct response a = ask_on(client_open_at(rig.path_ro), "GET", "/v1/tokens", "", NULL);
    assert_int_equal(a.status, 403);
    response_free(&a);
}

/* -- no memory -- */

static void any_allocation_may_fail(void **state)
{
    struct made m = make("?scope=read");
    for (unsigned n = 1; n < 40; n++) {
        char request[256];
        struct weir_strbuf got = WEIR_STRBUF_ZERO;
        uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
        int fd = client_open_at_listener(rig.tokens);
        rig_turn();
        rig_turn();
        int len =
            snprintf(request, sizeof(request),
                     "GET /v1/status HTTP/1.1\r\nHost: w\r\nConnection: close\r\n%s\r\n", m.field);
        weir_failalloc_once(n);
        (void)send(fd, request, (size_t)len, MSG_NOSIGNAL);
        for (int i = 0; i < 20; i++)
            uv_run(&rig.loop, UV_RUN_NOWAIT);
        weir_failalloc_once(-1);
        while (client_recv(fd, &got) && weir_clock_mono_ns() < until)
            rig_turn();
        /* It is closed, refused or served; a good token is never taken for a bad one. */
        if (got.len > 0)
            assert_true(strtol(got.at + 9, NULL, 10) == 200 || strtol(got.at + 9, NULL, 10) == 503);
        weir_strbuf_deinit(&got);
        close(fd);
    }
    assert_int_equal(counted(WEIR_M_ADMIN_TOKENS_UNKNOWN), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_shown_once_and_listed_without_its_secret),
        TEST(the_store_has_no_secret),
        TEST(what_is_asked_of_a_new_token_is_checked),
        TEST(a_revoked_token_counts_no_longer_on_an_open_connection_either),
        TEST(there_are_only_so_many_tokens),
        TEST(without_a_token_only_health_is_served),
        TEST(two_tokens_are_none),
        TEST(an_expired_token_is_named_so),
        TEST(guesses_are_limited_and_the_right_token_is_not),
        TEST(over_the_bound_of_all_addresses_a_good_token_is_still_good),
        TEST(the_table_below_has_every_path),
        TEST(nobody_may_use_what_is_open_alone),
        TEST(admin_may_use_each_path),
        TEST(read_may_read_each_path_but_those_of_admin),
        TEST(a_tenants_token_may_touch_its_tenant_alone),
        TEST(one_document_of_another_tenant_refuses_them_all),
        TEST(one_certificate_of_another_tenant_refuses_them_all),
        TEST(what_a_token_writes_is_written_by_its_id),
        TEST(the_socket_that_reads_lists_no_tokens),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
