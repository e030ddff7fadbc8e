/* SPDX-License-Identifier: Apache-2.0
 *
 * splice.h - moves bytes from one clear-text connection to another inside the kernel: one direction
 * of anything, through a pipe. Two pipes make a tunnel. Owner: one thread.
 * Limits: WEIR_PIPES_MAX empty pipes wait for reuse.   Ref: splice(2), pipe(7).
 */
#ifndef WEIR_NODE_CONN_SPLICE_H
#define WEIR_NODE_CONN_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/conn/conn.h"

#define WEIR_PIPES_MAX   64
#define WEIR_PIPE_LEN    1048576 /* bytes asked for; the system may give less */
#define WEIR_SPLICE_ONCE 8       /* fillings of the pipe in one call of weir_splice_move */

/** One direction. Zero is no pipe; see weir_pipe_is_open. */
struct weir_pipe {
    bool open;
    int fd[2];     /* read end, write end */
    size_t held;   /* bytes in it */
    uint64_t left; /* bytes still to be taken from the source */
};

/** Empty pipes for reuse. Zero is none. */
struct weir_pipes {
    int fd[WEIR_PIPES_MAX][2];
    uint32_t num;
};

/** Get a pipe for `left` bytes. @return false: the system gives none */
WEIR_MUST_USE bool weir_pipe_open(struct weir_pipes *pool, struct weir_pipe *p, uint64_t left);
/** Give it back, or close it when it holds bytes. Legal on one that is not open. */
void weir_pipe_close(struct weir_pipes *pool, struct weir_pipe *p);
/** Close the pipes that wait for reuse. */
void weir_pipes_deinit(struct weir_pipes *pool);

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
