/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_window.c - see failure_window.h.
 * Clients are sets of 8 bits, one bit for each client by its hash: two clients may look like one,
 * one never looks like two. So however often a single client fails, it is one bit.
 */
#include "node/flow/failure_window.h"

#include "node/base/contract.h"

#define COUNT_MAX 1023 /* 10 bits; both counts are halved there, which keeps their relation */

/* From the top: 12 bits of the key, because a slot may change hands between two loads; 16 bits of
 * its begin in seconds, which come round after 18 hours, when it long runs no more; 10 bits each of
 * failures and of good responses; 8 bits each of clients of the ones and of the others. */
struct window {
    uint16_t begin_s;
    uint16_t failures, successes;
    uint8_t failed, served; /* clients */
};

static uint64_t tag_of(uint64_t key)
{
    return key >> 52;
}

static uint64_t pack_window(const struct window *w, uint64_t key)
{
    return tag_of(key) << 52 | (uint64_t)w->begin_s << 36 | (uint64_t)w->failures << 26 |
           (uint64_t)w->successes << 16 | (uint64_t)w->failed << 8 | w->served;
}

static struct window unpack_window(uint64_t w)
{
    return (struct window){
        .begin_s = (uint16_t)(w >> 36),
        .failures = (uint16_t)(w >> 26 & COUNT_MAX),
        .successes = (uint16_t)(w >> 16 & COUNT_MAX),
        .failed = (uint8_t)(w >> 8),
        .served = (uint8_t)w,
    };
}

static uint16_t seconds(uint64_t now_ms)
{
    return (uint16_t)(now_ms / 1000);
}

bool weir_failure_window_runs(uint64_t w, uint64_t key, uint64_t now_ms)
{
    if (w == 0 || w >> 52 != tag_of(key))
        return false;
    return (uint16_t)(seconds(now_ms) - (uint16_t)(w >> 36)) < WEIR_FAILURE_WINDOW_S;
}

static uint8_t client_bit(uint64_t client)
{
    return (uint8_t)(1u << (client >> 61));
}

static void count(struct window *w, uint16_t *which)
{
    if (*which == COUNT_MAX) {
        w->failures /= 2;
        w->successes /= 2;
    }
    ++*which;
}

static int num_clients(uint8_t set)
{
    return __builtin_popcount(set);
}

/* Often enough, more than half of the responses, and for at least as many clients as are served. */
static bool is_sick(const struct window *w)
{
    return w->failures >= WEIR_FAILURE_WINDOW_FAILURES && w->failures > w->successes &&
           num_clients(w->failed) >= WEIR_FAILURE_WINDOW_CLIENTS &&
           num_clients(w->failed) >= num_clients(w->served);
}

uint64_t weir_failure_window_fail(uint64_t w, const struct weir_outcome *o, bool *ret_out)
{
    struct window next = { .begin_s = seconds(o->now_ms) };
    if (weir_failure_window_runs(w, o->key, o->now_ms))
        next = unpack_window(w);
    count(&next, &next.failures);
    next.failed |= client_bit(o->client);
    *ret_out = is_sick(&next);
    return *ret_out ? 0 : pack_window(&next, o->key);
}

uint64_t weir_failure_window_succeed(uint64_t w, const struct weir_outcome *o)
{
    WEIR_ASSERT(weir_failure_window_runs(w, o->key, o->now_ms));
    struct window next = unpack_window(w);
    count(&next, &next.successes);
    next.served |= client_bit(o->client);
    return pack_window(&next, o->key);
}
