/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox.c - a list under a mutex. Both sides hold the lock for a few instructions; the reader takes
 * all at once.
 */
#include "node/base/inbox.h"

enum weir_err weir_inbox_init(struct weir_inbox *b, size_t max, void (*wake)(void *),
                              void *wake_arg)
{
    WEIR_ASSERT(max > 0);
    *b = (struct weir_inbox){ .max = max, .wake = wake, .wake_arg = wake_arg };
    return pthread_mutex_init(&b->lock, NULL) == 0 ? WEIR_OK : WEIR_ENOMEM;
}

void weir_inbox_deinit(struct weir_inbox *b)
{
    WEIR_ASSERT(b->first == NULL);
    WEIR_ASSERT(pthread_mutex_destroy(&b->lock) == 0);
}

static void lock(struct weir_inbox *b)
{
    WEIR_ASSERT(pthread_mutex_lock(&b->lock) == 0);
}

static void unlock(struct weir_inbox *b)
{
    WEIR_ASSERT(pthread_mutex_unlock(&b->lock) == 0);
}

static enum weir_err push_locked(struct weir_inbox *b, struct weir_msg *m)
{
    if (b->closed)
        return WEIR_ECLOSED;
    if (b->len == b->max) {
        b->overflowed = true;
        return WEIR_EBUSY;
    }
    m->next = NULL;
    if (b->last != NULL)
        b->last->next = m;
    else
        b->first = m;
    b->last = m;
    b->len++;
    return WEIR_OK;
}

enum weir_err weir_inbox_push(struct weir_inbox *b, struct weir_msg *m)
{
    lock(b);
    enum weir_err err = push_locked(b, m);
    bool turned = err == WEIR_OK && b->len == 1;
    unlock(b);

    /* Later pushes need no call: the reader that this one wakes takes everything there is by then.
     */
    if (turned && b->wake != NULL)
        b->wake(b->wake_arg);
    return err;
}

struct weir_msg *weir_inbox_take(struct weir_inbox *b, bool *ret_overflowed)
{
    lock(b);
    struct weir_msg *first = b->first;
    *ret_overflowed = b->overflowed;
    b->first = NULL;
    b->last = NULL;
    b->len = 0;
    b->overflowed = false;
    unlock(b);
    return first;
}

void weir_inbox_close(struct weir_inbox *b)
{
    lock(b);
    b->closed = true;
    unlock(b);
}
