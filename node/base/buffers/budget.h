/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.h - what memory of a worker's buffers is used for: an account for each tenant, by
 * direction, and the rungs of what the worker gives up as memory runs short. An account may hold as
 * much as is left free, so that one that takes all it can gets half, two get a third each, and one
 * that comes later always finds room. Owner: one worker.   Limits: WEIR_ACCOUNTS_MAX accounts; two
 * tenants may share one.   Ref: Choudhury and Hahne 1998, "Dynamic queue length thresholds".
 */
#ifndef WEIR_NODE_BASE_BUFFERS_BUDGET_H
#define WEIR_NODE_BASE_BUFFERS_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"

#define WEIR_ACCOUNTS_MAX 1024

/** Which way the bytes go. */
enum weir_memory_use {
    WEIR_MEMORY_REQUESTS,
    WEIR_MEMORY_RESPONSES,
    WEIR_MEMORY_USES,
};

struct weir_account {
    size_t used[WEIR_MEMORY_USES]; /* bytes */
};

/** What the worker gives up. Each rung includes those below it. */
enum weir_memory_rung {
    WEIR_RUNG_NONE,
    WEIR_RUNG_NO_KEEP_ALIVE, /* responses are the last of their connections */
    WEIR_RUNG_NO_ACCEPT,     /* new connections wait in the backlog */
    WEIR_RUNG_REFUSE,        /* new requests of accounts above their share get 503 */
    WEIR_RUNG_SHED,          /* the slowest connections of the heaviest account are cut */
    WEIR_RUNG_COUNT,
};

struct weir_budget {
    size_t max;
    size_t used;
    uint8_t rung;                                    /* enum weir_memory_rung */
    struct weir_account accounts[WEIR_ACCOUNTS_MAX]; /* the first: connections without a tenant */
};

/** Nothing is used. @param max  bytes */
void weir_budget_init(struct weir_budget *b, size_t max);
/** Change the limit. What is above a lower one drains. */
void weir_budget_set_max(struct weir_budget *b, size_t max);
/** The account of a tenant, by a hash of its name; never that of connections without a tenant. */
struct weir_account *weir_budget_account(struct weir_budget *b, uint64_t key);

static inline size_t weir_account_used(const struct weir_account *a)
{
    return a->used[WEIR_MEMORY_REQUESTS] + a->used[WEIR_MEMORY_RESPONSES];
}

/** Bytes are held from now on. */
static inline void weir_budget_take(struct weir_budget *b, struct weir_account *a,
                                    enum weir_memory_use use, size_t len)
{
    b->used += len;
    a->used[use] += len;
}

/** Bytes are held no longer. */
static inline void weir_budget_leave(struct weir_budget *b, struct weir_account *a,
                                     enum weir_memory_use use, size_t len)
{
    WEIR_DCHECK(a->used[use] >= len);
    b->used -= len;
    a->used[use] -= len;
}

/** Bytes that connections take by themselves, whatever they carry: of no account. */
static inline void weir_budget_take_common(struct weir_budget *b, size_t len)
{
    b->used += len;
}

/** They are held no longer. */
static inline void weir_budget_leave_common(struct weir_budget *b, size_t len)
{
    WEIR_DCHECK(b->used >= len);
    b->used -= len;
}

/**
 * How many bytes may be read for the account now, since all of them may have to be held.
 *
 * @param want  bytes   @param least  what an account above its share may still read, so that none
 * of its connections stands still while memory is not short
 * @return want, least or 0
 */
size_t weir_budget_room(const struct weir_budget *b, const struct weir_account *a, size_t want,
                        size_t least);
/** Whether the account holds more than is left for all. */
bool weir_budget_is_over(const struct weir_budget *b, const struct weir_account *a);
/** Find the rung anew; call it now and then. It is left a little below where it is entered.
 * @return whether it has changed */
bool weir_budget_step(struct weir_budget *b);
/** The account that holds most. */
struct weir_account *weir_budget_heaviest(struct weir_budget *b);

#endif
