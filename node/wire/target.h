/* SPDX-License-Identifier: Apache-2.0
 *
 * target.h - which bytes may stand in a path and in its query: those of RFC 3986, and those that
 * clients send although it forbids them, where they can be read in one way only. The README has the
 * table.   Ref: RFC 9112 3.2; RFC 3986 3.3, 3.4; WHATWG URL, percent-encode sets; RFC 3629.
 */
#ifndef WEIR_NODE_WIRE_TARGET_H
#define WEIR_NODE_WIRE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/span.h"

/**
 * Bytes that pass at the begin of s: 1, or the length of an escape or of a character of UTF-8.
 *
 * @param s         what is there of the target from this byte on; not empty
 * @param in_query  behind the first "?"
 * @param whole     the target ends with s; else more bytes may come
 * @return 0: none pass, or it is not known yet (weir_target_is_cut)
 */
size_t weir_target_step(struct weir_span s, bool in_query, bool whole);

/** Whether s, of which weir_target_step passed nothing, may pass when more bytes have come. */
bool weir_target_is_cut(struct weir_span s, bool in_query);

/** Whether a whole path, with or without query, is one that a client may send. It begins with "/"
 * or
 * "?"; that dot segments may climb above the root is not looked at. */
bool weir_target_is_good(struct weir_span target);

#endif
