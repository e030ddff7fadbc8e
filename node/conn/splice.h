/* SPDX-License-Identifier: Apache-2.0
 *
 * splice.h - moves bytes from one clear-text connection to another inside the kernel: one direction
 * of anything, through a pipe. Two pipes make a tunnel. Owner: one thread.
 * Ref: splice(2); pipes.h.
 */
#ifndef WEIR_NODE_CONN_SPLICE_H
#define WEIR_NODE_CONN_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/conn/conn.h"
#include "node/conn/pipes.h"

#define WEIR_SPLICE_LEN  1048576 /* bytes asked for at once; the pipe may hold fewer */
#define WEIR_SPLICE_ONCE 8       /* fillings of the pipe in one call of weir_splice_move */

/** Whether bytes can be spliced between them: neither has a layer. */
bool weir_splice_can(const struct weir_conn *from, const struct weir_conn *to);

/** The result of weir_splice_move. */
enum weir_splice {
    WEIR_SPLICE_MORE,    /* the source has sent nothing more yet */
    WEIR_SPLICE_BLOCKED, /* the target takes nothing more now; it reports WEIR_CONN_ROOM */
    WEIR_SPLICE_DONE,    /* all of `left` was passed on */
    WEIR_SPLICE_END,     /* the source ended before that, or failed; the pipe may hold bytes */
    WEIR_SPLICE_FAILED,  /* the target takes no more bytes */
};
/** The bytes of one call, for counters. */
struct weir_spliced {
    uint64_t taken; /* from the source */
    uint64_t given; /* to the target */
};
/**
 * Move bytes. The target's queue must be empty (contract).
 *
 * @param more  bytes for the target, which are in hand, follow behind `left`: the kernel may hold
 * an incomplete segment back. Never say so of bytes that are still to come.
 * @param ret  written always
 */
enum weir_splice weir_splice_move(struct weir_pipe *p, struct weir_conn *from, struct weir_conn *to,
                                  bool more, struct weir_spliced *ret);

#endif
