/* SPDX-License-Identifier: Apache-2.0
 *
 * tester.h - what would happen to a request: which tenant, redirect or route, which endpoints in
 * which state. Asks the same code as the data path, on a tenant compiled for the question. Owner:
 * control.
 */
#ifndef WEIR_NODE_CTL_TESTER_H
#define WEIR_NODE_CTL_TESTER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/ctl/node.h"
#include "node/wire/uri.h"
#include "weir/v1/admin.pb-c.h"

/** A request as a question. */
struct weir_test {
    bool https;
    const struct weir_authority *authority; /* in the arena */
    struct weir_span host;                  /* of it: lower case, without port */
    bool host_is_ip;
    struct weir_addr addr;   /* of such a host */
    struct weir_span target; /* path and query as a client would send them; "/" at least */
    struct weir_span path;   /* normalised */
    struct weir_span tenant; /* ask this one; empty: find it by host */
    struct weir_addr client; /* for IP hash; valid when has_client */
    bool has_client;
    bool redirects_only;
};

/**
 * Take a URL apart: http://host[:port][/path][?query] or https.
 *
 * @param arena where normalised parts are stored
 * @return WEIR_OK | WEIR_EINVAL: *ret_why names the fault | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_test_url(struct weir_span url, struct weir_arena *arena,
                                          struct weir_test *ret, const char **ret_why);

/**
 * Find the result of the test, in the arena. For a host without an owner the decision is "none".
 *
 * @return WEIR_OK | WEIR_ENOTFOUND (the tenant that was named) | WEIR_EINVAL, WEIR_ECORRUPT (its
 * record cannot be served: see ret->why) | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_test_run(struct weir_node *node, const struct weir_test *test,
                                          struct weir_arena *arena, Weir__V1__TestResponse *ret);

#endif
