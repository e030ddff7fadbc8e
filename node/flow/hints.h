/* SPDX-License-Identifier: Apache-2.0
 *
 * hints.h - what the earlier responses of a path asked clients to preload, so that a later request
 * can be told before its own response is there (103). Owner: one worker.
 * Limits: WEIR_HINTS_SETS * WEIR_HINTS_WAYS paths of WEIR_HINT_TEXT_MAX bytes, an eighth of them
 * for one tenant; WEIR_HINT_AGE_MS since the last response that said so.
 * Ref: RFC 8297 (Early Hints); RFC 8288 (Link).
 */
#ifndef WEIR_NODE_FLOW_HINTS_H
#define WEIR_NODE_FLOW_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/siphash.h"
#include "node/base/span.h"
#include "node/flow/rewrite.h"
#include "node/wire/h1.h"

#define WEIR_HINTS_SETS        128
#define WEIR_HINTS_TENANT_SETS 16 /* sets that the paths of one tenant are spread over */
#define WEIR_HINTS_WAYS        8
#define WEIR_HINT_TEXT_MAX     1000
#define WEIR_HINT_AGE_MS       60000

struct weir_hint;

struct weir_hints {
    struct weir_hint *hints; /* owns; NULL: nothing was learned yet */
    uint8_t hands[WEIR_HINTS_SETS];
    struct weir_siphash_key secret;
};

/** Allocates nothing: the table is made when there is something to learn. */
void weir_hints_init(struct weir_hints *h, const struct weir_siphash_key *secret);
void weir_hints_deinit(struct weir_hints *h);

/** A path of a host of a tenant, as the table knows it. */
struct weir_hints_key {
    struct weir_siphash128 path;
    uint32_t set;
    bool has_query; /* the request had one: it is no part of the key, but see weir_hints_learn */
};

/** What a path is called. */
struct weir_hints_page {
    struct weir_span tenant;
    bool https;
    struct weir_span host; /* in lower case */
    struct weir_span path; /* of the request; what follows "?" does not count */
};

/** The key of a page. Without the secret nobody can find two pages with one key. */
struct weir_hints_key weir_hints_key_of(const struct weir_hints *h,
                                        const struct weir_hints_page *page);

/**
 * Whether what a response to this request says may be told to other clients: a GET without Cookie
 * and Authorization.
 */
bool weir_hints_request_is_public(const struct weir_h1_head *request, const uint8_t *bytes);

/**
 * Note what the final response to a public request asks clients to preload. Nothing changes unless
 * it is a 200 without Set-Cookie and without private or no-store in Cache-Control; one of these
 * that links nothing makes the path forgotten. Left out are links with credentials in the target,
 * links with a query when the request had one (it may be the request's own), and what is over
 * WEIR_HINT_TEXT_MAX.
 */
void weir_hints_learn(struct weir_hints *h, const struct weir_hints_key *key,
                      const struct weir_response_fields *response, uint64_t now_ms);

/** The value of a Link field that says what is known of a path; empty: nothing. Borrowed until the
 * next call that learns. */
struct weir_span weir_hints_find(struct weir_hints *h, const struct weir_hints_key *key,
                                 uint64_t now_ms);

#endif
