/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect_set.h - private to tenants/: the redirects of a tenant, sorted for search.
 * Rules for the same host, port and scheme form a class; in a class only paths differ, and
 * the best path is one search (tenants/paths.h). So a request costs as many searches as there are
 * classes that it matches - two or three for any real file - whatever the number of rules.
 */
#ifndef WEIR_TENANTS_REDIRECT_SET_H
#define WEIR_TENANTS_REDIRECT_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/span.h"
#include "tenants/paths.h"

enum weir_redirect_scheme { WEIR_REDIRECT_ANY_SCHEME, WEIR_REDIRECT_HTTP, WEIR_REDIRECT_HTTPS };

/** In order of specificity, the least first. */
enum weir_redirect_host {
    WEIR_REDIRECT_ANY_HOST,
    WEIR_REDIRECT_WILDCARD,
    WEIR_REDIRECT_EXACT_HOST
};

struct weir_redirect_rule {
    uint32_t rank;  /* specificity: more wins; equal ranks: the lower index wins */
    uint16_t index; /* in the document */
    uint16_t code;
    uint16_t to_port;  /* 0: not given */
    uint16_t path_len; /* of the rule's path: what to_path replaces */
    uint8_t to_scheme; /* enum weir_redirect_scheme; any: as the request */
    bool exact;
    bool carved; /* "none": no redirect, and no less specific one either */
    bool has_to_path;
    bool drop_query;
    struct weir_span to_host; /* empty: as the request */
    struct weir_span to_path;
};

struct weir_redirect_class {
    struct weir_span host; /* exact name; of a wildcard what stands behind "*." */
    uint16_t port;         /* 0: any */
    uint8_t host_kind;     /* enum weir_redirect_host */
    uint8_t scheme;        /* enum weir_redirect_scheme */
    uint16_t first;        /* of its nodes */
    uint16_t num_exact;    /* nodes of exact paths, sorted; behind them the prefixes, linked */
    uint16_t num_prefix;
};

struct weir_redirect_set {
    uint16_t num_rules;
    uint16_t num_classes;
    bool has_wildcards;
    const struct weir_redirect_rule *rules;
    const struct weir_redirect_class *classes; /* sorted by weir_redirect_class_cmp */
    const struct weir_path_node *nodes;        /* one a rule */
};

/** Order of classes: kind of host, host, port, scheme. */
int weir_redirect_class_cmp(const struct weir_redirect_class *a,
                            const struct weir_redirect_class *b);

#endif
