/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_test.c - GET /v1/test/route and /v1/test/redirect: the questions of tester.h over HTTP.
 */
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/tester.h"
#include "node/wire/bytes.h"

#define ARENA_MAX 1048576

static bool read_url(struct weir_admin_request *r, struct weir_arena *arena, struct weir_test *t)
{
    const struct weir_span *url = weir_query_find(&r->query, "url");
    const char *why = NULL;
    if (url == NULL) {
        weir_admin_response_error(r, 400, "bad_request", "url is missing");
        return false;
    }
    enum weir_err err = weir_test_url(*url, arena, t, &why);
    if (err == WEIR_EINVAL)
        weir_admin_response_error(r, 400, "bad_request", "url \"%.*s\": %s", (int)url->len,
                                  (const char *)url->at, why);
    else if (err < 0)
        weir_admin_response_err(r, err, "the test");
    return err == WEIR_OK;
}

/* The method does not lead anywhere else yet; what is no method is refused like on the data path.
 */
static bool read_method(struct weir_admin_request *r)
{
    const struct weir_span *method = weir_query_find(&r->query, "method");
    if (method == NULL || weir_bytes_all(*method, WEIR_BYTE_TOKEN))
        return true;
    weir_admin_response_error(r, 400, "bad_request", "method is not a token");
    return false;
}

static bool read_client(struct weir_admin_request *r, struct weir_test *t)
{
    const struct weir_span *client = weir_query_find(&r->query, "client");
    if (client == NULL)
        return true;
    t->has_client = weir_addr_parse_ip(*client, &t->client) == WEIR_OK;
    if (!t->has_client)
        weir_admin_response_error(r, 400, "bad_request", "client \"%.*s\" is not an IP address",
                                  (int)client->len, (const char *)client->at);
    return t->has_client;
}

/* This version has no TLS listener, so no request can come that way. */
static bool is_scheme_served(struct weir_admin_request *r, const struct weir_test *t)
{
    if (!t->https)
        return true;
    weir_admin_response_error(r, 400, "bad_request",
                              "this node serves no https: it has no TLS listener; ask about an "
                              "http:// URL, or about the redirects alone with weir redirect test");
    return false;
}

static void respond_test(struct weir_admin_request *r, const struct weir_test *t,
                         struct weir_arena *arena)
{
    Weir__V1__TestResponse response = WEIR__V1__TEST_RESPONSE__INIT;
    enum weir_err err = weir_test_run(r->node, t, arena, &response);
    if ((err == WEIR_EINVAL || err == WEIR_ECORRUPT) && response.why != NULL)
        weir_admin_response_error(r, 500, "corrupt", "tenant %s cannot be served: %s",
                                  response.tenant, response.why);
    else if (err < 0)
        weir_admin_response_err(r, err, "the tenant");
    else
        weir_admin_response_message(r, 200, &response.base);
}

void weir_admin_test_route(struct weir_admin_request *r)
{
    struct weir_arena arena;
    struct weir_test t = { .redirects_only = false };
    weir_arena_init(&arena, 4096, ARENA_MAX);
    if (read_url(r, &arena, &t) && read_method(r) && read_client(r, &t) && is_scheme_served(r, &t))
        respond_test(r, &t, &arena);
    weir_arena_deinit(&arena);
}

void weir_admin_test_redirect(struct weir_admin_request *r)
{
    struct weir_arena arena;
    struct weir_test t = { .redirects_only = true };
    const struct weir_span *tenant = weir_query_find(&r->query, "tenant");
    weir_arena_init(&arena, 4096, ARENA_MAX);
    if (tenant == NULL || tenant->len == 0) {
        weir_admin_response_error(r, 400, "bad_request", "tenant is missing");
    } else if (read_url(r, &arena, &t)) {
        t.tenant = *tenant;
        respond_test(r, &t, &arena);
    }
    weir_arena_deinit(&arena);
}
