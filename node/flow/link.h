/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h - the Link fields of a response: which resources it asks clients to load ahead, and which
 * path each of them has on the request's own origin. Pure, allocation-free, linear in the bytes.
 * Limits: WEIR_LINK_PATH_MAX bytes of a path with its query.
 * Ref: RFC 8288 3 (Link), RFC 5988 5 (values without quotes); RFC 3986 5.2 (resolution); W3C
 * Preload.
 */
#ifndef WEIR_NODE_FLOW_LINK_H
#define WEIR_NODE_FLOW_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "node/wire/uri.h"

#define WEIR_LINK_PATH_MAX WEIR_PATH_MAX

/** One link of a Link field. Its spans borrow from the field's value. */
struct weir_link {
    struct weir_span text;   /* all of it, as it stands */
    struct weir_span target; /* between "<" and ">" */
    bool preload;            /* rel has "preload" among its values */
    bool nopush;
    bool anchored; /* it is about another resource than the one that was asked for */
};

/**
 * The next link of a field's value.
 *
 * @param in  what is left of the value; moved behind the link
 * @return false: there is no more, or what is left is not by the grammar and *in is empty now
 */
WEIR_MUST_USE bool weir_link_next(struct weir_span *in, struct weir_link *ret);

/** Walks the links of all Link fields of a response. */
struct weir_link_walk {
    const struct weir_span_pair *fields; /* borrows until the walk is over */
    size_t num;
    size_t at;             /* the next field to look at */
    struct weir_span rest; /* of the value that is read */
};

static inline void weir_link_walk_init(struct weir_link_walk *w,
                                       const struct weir_span_pair *fields, size_t num)
{
    *w = (struct weir_link_walk){ .fields = fields, .num = num };
}

/** The next link that asks clients to preload something for the resource itself. A field that stops
 * being by the grammar gives nothing more. @return false: that was all */
WEIR_MUST_USE bool weir_link_walk_next(struct weir_link_walk *w, struct weir_link *ret);

/** The URL of the request to whose response a link belongs. */
struct weir_link_base {
    bool https;
    const struct weir_authority *authority;
    struct weir_span path; /* as received, with or without query; empty stands for "/" */
};

/**
 * The path and query that a link's target has on the origin of its base: dot segments are removed,
 * a fragment is cut off, all else stays as it is, since a client that is told of this path compares
 * it with the one that it makes itself.
 *
 * @param out  written on success; may be overwritten on failure
 * @return WEIR_OK: the path may be requested as it is | WEIR_ENOTFOUND: another origin, another
 *         scheme, or the resource itself | WEIR_EPROTO: no path that a client may send |
 *         WEIR_ELIMIT: longer than WEIR_LINK_PATH_MAX
 */
WEIR_MUST_USE enum weir_err weir_link_resolve(const struct weir_link_base *base,
                                              struct weir_span target,
                                              uint8_t out[WEIR_LINK_PATH_MAX], size_t *ret_len);

/** Whether a target carries no credentials: a path, or a URL of http or https whose authority is a
 * host with or without port. */
bool weir_link_is_plain(struct weir_span target);

#endif
