/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_partial.h - what can be told of a request whose head is incomplete or was refused: for the
 * access record, and for nothing else. Nothing here was checked: the parser found a fault in it, or
 * did not come so far. Sans-I/O, allocation-free.
 */
#ifndef WEIR_NODE_WIRE_H1_PARTIAL_H
#define WEIR_NODE_WIRE_H1_PARTIAL_H

#include "node/base/span.h"
#include "node/wire/h1.h"

/** Bytes of each part at most: more than a record shows, so that it shows where it was cut. */
#define WEIR_PARTIAL_METHOD_MAX 128
#define WEIR_PARTIAL_TARGET_MAX 2048
#define WEIR_PARTIAL_HOST_MAX   512

/** Raw bytes of any kind: escape them. Empty: not there. Borrowed from the bytes of the head. */
struct weir_h1_partial {
    struct weir_span method;
    struct weir_span target;
    struct weir_span host; /* host[:port] of an absolute target, else of the first Host line */
};

/**
 * Find the parts in what came of a request's head.
 *
 * @param h      as the parser left it: incomplete, or with a fault
 * @param bytes  from the head's first byte on, as many as came; those behind the limit of the head
 *               or behind its empty line are not looked at
 */
void weir_h1_partial_read(const struct weir_h1_head *h, struct weir_span bytes,
                          struct weir_h1_partial *ret);

#endif
