/* SPDX-License-Identifier: Apache-2.0
 *
 * self_check.h - whether an endpoint is a listener of this very node, so that requests would go
 * round in a circle. Only what can be seen is seen: an address, or "localhost"; a circle through a
 * name or another host is ended on the data path (flow/cdn_loop.h). Owner: control thread; one
 * check of some documents.
 */
#ifndef WEIR_NODE_CTL_SELF_CHECK_H
#define WEIR_NODE_CTL_SELF_CHECK_H

#include <ifaddrs.h>
#include <stdbool.h>
#include <stddef.h>

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "node/base/span.h"

struct weir_self_check {
    struct weir_addr listeners[WEIR_LISTENERS_MAX]; /* with their real ports */
    size_t num;
    struct ifaddrs *local; /* owns; of this host, read when first needed */
    bool is_read;
};

/** Begin with no listener; add them to `listeners`. */
void weir_self_check_init(struct weir_self_check *c);
void weir_self_check_deinit(struct weir_self_check *c);
/**
 * Look at one endpoint, written as in Endpoint.address.
 *
 * @return the listener that it leads to, borrowed from c; NULL: none, as far as can be seen
 */
const struct weir_addr *weir_self_check_endpoint(struct weir_self_check *c,
                                                 struct weir_span endpoint);

#endif
