/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox.h - bounded queue of messages from many threads to one. Push takes a short lock (never on a
 * worker's hot path); the reader swaps the whole list out in one step. `wake` is called outside the
 * lock when the box turns non-empty. Messages are intrusive nodes owned by the queue between push
 * and take.
 */
#ifndef WEIR_NODE_BASE_INBOX_H
#define WEIR_NODE_BASE_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"
#include "node/base/err.h"

struct weir_msg {
    struct weir_msg *next;
};

struct weir_inbox {
    pthread_mutex_t lock;
    struct weir_msg *first;
    struct weir_msg *last;
    size_t len;
    size_t max;
    bool overflowed; /* a push was refused since the last take */
    bool closed;
    void (*wake)(void *arg); /* any thread; may be NULL */
    void *wake_arg;
};

/** @param max messages, 1..  @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_inbox_init(struct weir_inbox *b, size_t max, void (*wake)(void *),
                                            void *wake_arg);
/** The box must be empty (contract). */
void weir_inbox_deinit(struct weir_inbox *b);
/**
 * Add a message at the end. Takes m on success. Any thread; a thread that pushes must have returned
 * before deinit, because `wake` may still be running when the message has been taken.
 *
 * @return WEIR_OK | WEIR_EBUSY (full: overflowed is set, the caller still owns m) | WEIR_ECLOSED
 */
WEIR_MUST_USE enum weir_err weir_inbox_push(struct weir_inbox *b, struct weir_msg *m);
/**
 * All messages in order as a chain through `next` (caller owns), NULL when empty.
 *
 * @param ret_overflowed  whether a push was refused since the last take
 */
struct weir_msg *weir_inbox_take(struct weir_inbox *b, bool *ret_overflowed);
/** Refuse further pushes; what is inside can still be taken. */
void weir_inbox_close(struct weir_inbox *b);

#endif
