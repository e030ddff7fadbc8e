/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant_fuzz.c - any bytes as a stored tenant: what compiles lies in its one block, serves each of
 * its own routes, and redirects only to whole URLs; what it claims in the index is in normal form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/wire/uri.h"
#include "tenants/redirect.h"
#include "tenants/tenant.h"
#include "tests/fuzz/head_fuzz.h"

static const struct weir_siphash_key secret = { { 3, 4 } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct weir_index_rows {
    size_t num;
};

/** Stands in for the store's collector. */
enum weir_err weir_index_rows_add(struct weir_index_rows *rows, enum weir_index index,
                                  struct weir_span key, uint64_t since_hlc)
{
    uint8_t name[WEIR_HOST_MAX];
    size_t len = 0;

    (void)since_hlc;
    rows->num++;
    if (index == WEIR_INDEX_HOST || index == WEIR_INDEX_WILDCARD) {
        FUZZ_CHECK(weir_host_normalise(key, name, &len) == WEIR_OK);
        FUZZ_CHECK(weir_span_eq(weir_span(name, len), key));
    } else {
        FUZZ_CHECK(key.len == (index == WEIR_INDEX_ADDRESS ? 16 : 18));
    }
    return rows->num < 8192 ? WEIR_OK : WEIR_ELIMIT;
}

static void check_inside(const struct weir_tenant *t, struct weir_span s)
{
    const uint8_t *block = (const uint8_t *)t;

    if (s.len > 0)
        FUZZ_CHECK(s.at >= block && s.at + s.len < block + t->block_len);
}

static void check_upstreams(const struct weir_tenant *t)
{
    for (size_t i = 0; i < t->num_upstreams; i++) {
        const struct weir_upstream *u = &t->upstreams[i];
        size_t backups = 0;

        check_inside(t, u->name);
        FUZZ_CHECK(u->num_endpoints >= 1 && u->num_endpoints <= WEIR_ENDPOINTS_MAX);
        for (size_t k = 0; k < u->num_endpoints; k++) {
            const struct weir_endpoint *e = &u->endpoints[k];

            check_inside(t, e->text);
            check_inside(t, e->host);
            FUZZ_CHECK(e->index == k && e->key != 0 && e->addr.port != 0);
            FUZZ_CHECK(e->host.len == 0 || e->host.at[e->host.len] == 0);
            backups += e->backup;
        }
        FUZZ_CHECK(backups == u->num_backups);
    }
}

static void check_redirect(const struct weir_tenant *t, struct weir_span path)
{
    static uint8_t location[2 * WEIR_PATH_MAX + 1024];
    struct weir_redirect_result ret;
    struct weir_redirect_request req = {
        .port = 80, .host = WEIR_SPAN_LIT("a.example"), .path = path, .raw = path
    };

    enum weir_err err = weir_redirect_find(t, &req, location, sizeof(location), &ret);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_ELIMIT);
    if (err == WEIR_OK && ret.code != 0) {
        FUZZ_CHECK(ret.code >= 301 && ret.code <= 308 && !ret.carved);
        FUZZ_CHECK(ret.location_len > 8 && memcmp(location, "http", 4) == 0);
    }
}

static void check_routes(const struct weir_tenant *t)
{
    for (size_t i = 0; i < t->num_routes; i++) {
        const struct weir_route *r = &t->routes[i];
        const struct weir_route *found = weir_tenant_route(t, r->path);

        check_inside(t, r->path);
        FUZZ_CHECK(r->upstream >= t->upstreams && r->upstream < t->upstreams + t->num_upstreams);
        /* Its own path leads to it, but where an exact route has the same path. */
        FUZZ_CHECK(found == r || (found && found->exact && weir_span_eq(found->path, r->path)));
        check_redirect(t, r->path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_index_rows rows = { 0 };
    struct weir_tenant *t = NULL;

    enum weir_err err =
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), weir_span(data, size), &rows);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_ECORRUPT);
    err = weir_tenant_compile(weir_span(data, size), &secret, &t);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_EINVAL || err == WEIR_ECORRUPT);
    if (err != WEIR_OK)
        return 0;
    check_inside(t, t->name);
    check_upstreams(t);
    check_routes(t);
    check_redirect(t, WEIR_SPAN_LIT("/old/path"));
    weir_tenant_unref(t);
    return 0;
}
