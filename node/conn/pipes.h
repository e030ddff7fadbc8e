/* SPDX-License-Identifier: Apache-2.0
 *
 * pipes.h - pipes for splice, in sizes that all of the node's pipes together may have: within what
 * the kernel lets the user hold, and within limits.memory. While few are in use each has 1 MiB;
 * when they become many, new ones are smaller, down to 64 KiB; then there are none, and bytes are
 * copied.
 * Owner: struct weir_pipe_room is shared by all workers (relaxed atomics), struct weir_pipes is one
 * worker's.   Limits: WEIR_PIPES_MAX empty pipes wait for reuse.
 */
#ifndef WEIR_NODE_CONN_PIPES_H
#define WEIR_NODE_CONN_PIPES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/metrics.h"
#include "node/base/span.h"

#define WEIR_PIPES_MAX 64

/**
 * How much the kernel lets this process hold in pipes. A user without CAP_SYS_RESOURCE or
 * CAP_SYS_ADMIN that passes fs.pipe-user-pages-soft gets pipes of 8 KiB.   Ref: pipe(7)
 */
struct weir_pipe_limit {
    uint64_t user_pages; /* of all pipes of the user; 0: no limit applies */
    uint32_t pipe_pages; /* of one pipe */
    uint32_t page_bytes;
};

/** Pages of pipes that the node may have, and has. */
struct weir_pipe_room {
    struct weir_pipe_limit limit; /* set once, before the workers run */
    _Atomic uint32_t max;
    _Alignas(64) _Atomic uint32_t taken;
};

/** One direction. Zero is no pipe. */
struct weir_pipe {
    bool open;
    int fd[2];      /* read end, write end */
    uint32_t pages; /* that it may hold */
    size_t held;    /* bytes in it */
    uint64_t left;  /* bytes still to be taken from the source */
};

/** Empty pipes for reuse. */
struct weir_pipes {
    struct weir_pipe_room *room;
    struct weir_metrics *metrics;
    uint32_t num_workers;
    uint32_t num, pages; /* of those that wait */
    uint32_t skip; /* calls of weir_pipes_get that do not ask the kernel, because it has refused */
    struct weir_pipe waiting[WEIR_PIPES_MAX];
};

/** Ask the kernel. What it does not tell is taken to be its default. */
void weir_pipe_limit_read(struct weir_pipe_limit *ret);
/** Whether the text of /proc/PID/status names a capability that lifts the limit of the user. */
bool weir_pipe_limit_is_lifted(struct weir_span status);

/** Control: how many pages the node's pipes may have: what the kernel allows, but for a quarter
 * that is left to other processes of the user, and at most a quarter of the memory. Also later,
 * while workers run. */
void weir_pipe_room_set(struct weir_pipe_room *room, uint64_t max_memory);
/** No pipe yet. */
void weir_pipes_init(struct weir_pipes *p, struct weir_pipe_room *room,
                     struct weir_metrics *metrics, uint32_t num_workers);
/** Close those that wait. */
void weir_pipes_deinit(struct weir_pipes *p);
/** Get a pipe of 64 KiB or more for `left` bytes. @return false: there is none to have; copy */
WEIR_MUST_USE bool weir_pipe_open(struct weir_pipes *pool, struct weir_pipe *p, uint64_t left);
/** Give it back, or close it when it holds bytes. Legal on one that is not open. */
void weir_pipe_close(struct weir_pipes *pool, struct weir_pipe *p);

#endif
