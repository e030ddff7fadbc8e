/* SPDX-License-Identifier: Apache-2.0
 * splice.h - moves large bodies of known length between two clear-text sockets inside the kernel.
 * Owner: one worker. Private to node/loop. Its pipes: pipes.h.
 */
#ifndef WEIR_NODE_LOOP_SPLICE_H
#define WEIR_NODE_LOOP_SPLICE_H

#include <stdbool.h>

#include "node/loop/loop.h"

struct weir_exchange;

/** Begin to splice the rest of this response. @return false: not worth it or not possible; the
 * codec continues */
bool weir_splice_begin(struct weir_exchange *x);
enum weir_splice {
    WEIR_SPLICE_MORE,              /* the endpoint has sent nothing more yet */
    WEIR_SPLICE_BLOCKED,           /* the client takes nothing more now */
    WEIR_SPLICE_DONE,              /* the whole body was passed on */
    WEIR_SPLICE_ORIGIN_END,        /* the origin connection ended too early */
    WEIR_SPLICE_DOWNSTREAM_FAILED, /* the client is gone */
};
/** Move bytes, WEIR_READ_BUDGET chunks at most. The exchange must have a pipe (contract). */
enum weir_splice weir_splice_move(struct weir_exchange *x);
/** Give the exchange's pipe back, if it has one. */
void weir_splice_end(struct weir_exchange *x);

#endif
