/* SPDX-License-Identifier: Apache-2.0
 *
 * sites.h - tenants in a real store in a folder of its own: built field by field (tenant_values.h),
 * written through the store's writer (store_kit.h), found by the index that the node uses.
 */
#ifndef WEIR_TESTS_SUPPORT_SITES_H
#define WEIR_TESTS_SUPPORT_SITES_H

#include "tenants/tenant.h"
#include "tests/support/store_kit.h"
#include "tests/support/tenant_values.h"

/** An open, empty store. */
static inline void sites_open(struct kit *k)
{
    kit_init(k);
    k->cfg.index = weir_tenant_index;
    kit_open(k);
}

/** Close it and remove its folder. */
static inline void sites_close(struct kit *k)
{
    kit_deinit(k);
}

/** Write a tenant, durably, and free its builder. */
static inline void sites_put(struct kit *k, struct stored *s)
{
    struct kit_write kw;

    kit_write_init(&kw, weir_span_cstr(s->t.name), stored_pack(s));
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    stored_deinit(s);
}

/** A tenant with one host and one upstream "web" that every path goes to. */
static inline void sites_put_small(struct kit *k, const char *name, const char *host,
                                   const char *endpoint)
{
    struct stored s;

    stored_init(&s, name);
    stored_host(&s, host);
    stored_endpoint(&s, stored_upstream(&s, "web"), endpoint);
    sites_put(k, &s);
}

#endif
