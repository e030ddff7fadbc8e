/* SPDX-License-Identifier: Apache-2.0
 *
 * cdn_loop.h - whether a request has been here before: the CDN-Loop field. Each node of a cluster
 * appends the same identity, and refuses a request that carries it already; a client cannot have
 * the field dropped (Connection may not name it), and a tenant cannot remove it. Pure.
 * Ref: RFC 8586.
 */
#ifndef WEIR_NODE_FLOW_CDN_LOOP_H
#define WEIR_NODE_FLOW_CDN_LOOP_H

#include <stdint.h>

#include "node/base/span.h"
#include "node/wire/h1.h"

enum weir_cdn_loop {
    WEIR_CDN_LOOP_CLEAR,     /* not there, or without the identity */
    WEIR_CDN_LOOP_MET,       /* it has been here: respond with 508 */
    WEIR_CDN_LOOP_MALFORMED, /* not by RFC 8586, so the identity could hide in it: 400 */
};

/**
 * Read all CDN-Loop fields of a request.
 *
 * @param id  the identity, a token, compared without regard to case
 */
enum weir_cdn_loop weir_cdn_loop_read(const struct weir_h1_head *h, const uint8_t *bytes,
                                      struct weir_span id);

#endif
