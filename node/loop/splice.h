/* SPDX-License-Identifier: Apache-2.0
 *
 * splice.h - large bodies of known length between two sockets in clear: the bytes stay in the
 * kernel. Owner: one worker. Private to node/loop.   Limits: WEIR_PIPES_MAX empty pipes are kept
 * for reuse.
 */
#ifndef WEIR_NODE_LOOP_SPLICE_H
#define WEIR_NODE_LOOP_SPLICE_H

#include "node/loop/loop.h"

#include <stdbool.h>

struct weir_exchange;

/** Worth it and possible for the rest of this response. */
bool weir_splice_begin(struct weir_exchange *x);
enum weir_splice {
    WEIR_SPLICE_MORE,       /* the upstream has nothing more now */
    WEIR_SPLICE_BLOCKED,    /* the client takes nothing more now */
    WEIR_SPLICE_DONE,       /* the whole body was passed on */
    WEIR_SPLICE_ORIGIN_END, /* the upstream ended too early */
    WEIR_SPLICE_DOWNSTREAM_FAILED,
};
enum weir_splice weir_splice_move(struct weir_exchange *x);
void weir_splice_end(struct weir_exchange *x);
/** Close the pipes that were kept. */
void weir_splice_shutdown(struct weir_worker *w);

#endif
