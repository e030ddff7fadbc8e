/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_marks.c - marks of failed endpoints in one table of atomics.
 * Owner: the node; every worker and the prober use it at once, without locks.
 * A key lives in one of WINDOW slots from its home on. Only endpoints that ever failed take a slot,
 * and a slot whose mark has expired is given to the next key that needs one.
 */
#include "node/flow/failure_marks.h"

#include <stdlib.h>

#include "node/base/hash.h"
#include "node/base/rng.h"
#include "node/flow/failure_window.h"

#define WINDOW       8
#define OUT_FIRST_MS 1000  /* the first mark */
#define OUT_MAX_MS   60000 /* the longest mark */
#define FORGET_MS    60000 /* a mark that ended this long ago no longer counts as a failure before */
#define FAILURES_MAX 7 /* 1 s doubled six times is over OUT_MAX_MS: counting on changes nothing */

_Static_assert((WEIR_FAILURE_MARKS_MAX & (WEIR_FAILURE_MARKS_MAX - 1)) == 0,
               "slots are found by mask");
_Static_assert((OUT_FIRST_MS << (FAILURES_MAX - 1)) >= OUT_MAX_MS, "the longest mark is reached");

/*
 * A state in 64 bits: 45 bits of the time until which the endpoint is out (ms), 1 bit for a mark by
 * rate, 3 bits of failures in a row, 15 bits of its key. 0 is no mark. The key's bits are there
 * because key and state are two atomics: a slot may get another key between the two loads, and then
 * its state must not be taken for that of the first key.
 */
#define TAG_BITS      15
#define FAILURES_BITS 3
#define RATE_BITS     1
#define TIME_SHIFT    (TAG_BITS + FAILURES_BITS + RATE_BITS)

struct mark {
    uint64_t until_ms;
    unsigned failures;
    bool by_rate; /* of responses, not by a failed connect: its time alone ends it */
};

static uint64_t pack_mark(struct mark m, uint64_t key)
{
    return m.until_ms << TIME_SHIFT | (uint64_t)m.by_rate << (TAG_BITS + FAILURES_BITS) |
           (uint64_t)m.failures << TAG_BITS | key >> (64 - TAG_BITS);
}

/** The mark of `key` in a state; none when the state is another's. */
static struct mark unpack_mark(uint64_t state, uint64_t key)
{
    struct mark m = { 0, 0, false };

    if (state == 0 || (state & ((1u << TAG_BITS) - 1)) != key >> (64 - TAG_BITS))
        return m;
    m.until_ms = state >> TIME_SHIFT;
    m.by_rate = (state >> (TAG_BITS + FAILURES_BITS) & 1) != 0;
    m.failures = state >> TAG_BITS & ((1u << FAILURES_BITS) - 1);
    return m;
}

static size_t slot_index(uint64_t key, unsigned step)
{
    return (weir_mix64(key) + step) & (WEIR_FAILURE_MARKS_MAX - 1);
}

struct weir_failure_marks *weir_failure_marks_new(void)
{
    struct weir_failure_marks *v = calloc(1, sizeof(*v));

    if (v && weir_rng_secret(&v->secret, sizeof(v->secret)) < 0)
        weir_failure_marks_free(&v);
    return v;
}

void weir_failure_marks_free(struct weir_failure_marks **v)
{
    free(*v);
    *v = NULL;
}

bool weir_failure_marks_usable(const struct weir_failure_marks *v, uint64_t key, uint64_t now_ms)
{
    WEIR_ASSERT(key != 0); /* 0 is a free slot */
    for (unsigned i = 0; i < WINDOW; i++) {
        const struct weir_failure_mark *s = &v->slots[slot_index(key, i)];
        uint64_t holder = atomic_load_explicit(&s->key, memory_order_relaxed);

        if (holder == 0)
            return true; /* a slot once taken is never free again: the key cannot be behind it */
        if (holder == key)
            return unpack_mark(atomic_load_explicit(&s->state, memory_order_relaxed), key)
                       .until_ms <= now_ms;
    }
    return true;
}

/** The mark after one more failure. @return false: it changes nothing, the endpoint is out already
 */
static bool add_failure_to_mark(struct mark *m, uint64_t now_ms)
{
    if (m->until_ms > now_ms)
        return false; /* a request that was in flight when the endpoint was marked: the same
                         incident */
    if (m->until_ms + FORGET_MS < now_ms)
        m->failures = 0;
    if (m->failures < FAILURES_MAX)
        m->failures++;
    uint64_t out_ms = (uint64_t)OUT_FIRST_MS << (m->failures - 1);
    m->until_ms = now_ms + (out_ms > OUT_MAX_MS ? OUT_MAX_MS : out_ms);
    return true;
}

/** Add the failure to the slot that holds the key. */
static bool add_failure_to_slot(struct weir_failure_mark *s, uint64_t key, uint64_t now_ms,
                                bool by_rate)
{
    uint64_t seen = atomic_load_explicit(&s->state, memory_order_relaxed);

    /* A lost race means that another thread changed this slot: the tries are bounded by the number
     * of threads. */
    for (;;) {
        struct mark m = unpack_mark(seen, key);

        if (!add_failure_to_mark(&m, now_ms))
            return false;
        m.by_rate = by_rate;
        if (atomic_compare_exchange_weak_explicit(&s->state, &seen, pack_mark(m, key),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
}

/** Whether the slot's mark, of any key, has expired and is forgotten, and it counts nothing. */
static bool is_slot_idle(const struct weir_failure_mark *s, uint64_t now_ms)
{
    uint64_t until_ms = atomic_load_explicit(&s->state, memory_order_relaxed) >> TIME_SHIFT;
    uint64_t key = atomic_load_explicit(&s->key, memory_order_relaxed);
    uint64_t window = atomic_load_explicit(&s->window, memory_order_relaxed);

    return (until_ms + FORGET_MS < now_ms || until_ms == 0) &&
           !weir_failure_window_runs(window, key, now_ms);
}

/** The slot of the key, one taken for it, or NULL: its window is full of live marks of other keys.
 */
static struct weir_failure_mark *acquire_slot(struct weir_failure_marks *v, uint64_t key,
                                              uint64_t now_ms)
{
    struct weir_failure_mark *idle = NULL;

    for (unsigned i = 0; i < WINDOW; i++) {
        struct weir_failure_mark *s = &v->slots[slot_index(key, i)];
        uint64_t holder = atomic_load_explicit(&s->key, memory_order_relaxed);

        if (holder == 0 && atomic_compare_exchange_strong_explicit(
                               &s->key, &holder, key, memory_order_relaxed, memory_order_relaxed))
            return s;
        if (holder == key)
            return s;
        if (!idle && is_slot_idle(s, now_ms))
            idle = s;
    }
    if (!idle)
        return NULL;
    uint64_t holder = atomic_load_explicit(&idle->key, memory_order_relaxed);
    if (is_slot_idle(idle, now_ms) &&
        atomic_compare_exchange_strong_explicit(&idle->key, &holder, key, memory_order_relaxed,
                                                memory_order_relaxed))
        return idle;
    return NULL; /* another key was faster: this failure goes unmarked */
}

bool weir_failure_marks_failed(struct weir_failure_marks *v, uint64_t key, uint64_t now_ms)
{
    WEIR_ASSERT(key != 0); /* 0 is a free slot */
    struct weir_failure_mark *s = acquire_slot(v, key, now_ms);

    return s && add_failure_to_slot(s, key, now_ms, false);
}

/** IPv4 whole, IPv6 its /64, as IP hash has it. The secret hides which clients look alike. */
static uint64_t hash_client(const struct weir_failure_marks *v, const struct weir_addr *client)
{
    struct weir_siphash h;

    weir_siphash_init(&h, &v->secret);
    weir_siphash_add(&h, client->ip, weir_addr_is_v4(client) ? 16 : 8);
    return weir_siphash_end(&h);
}

/** Count the failure of a response. @return true: the endpoint is to be marked, by this call alone
 */
static bool add_failure_to_window(struct weir_failure_mark *s, const struct weir_outcome *o)
{
    uint64_t seen = atomic_load_explicit(&s->window, memory_order_relaxed);

    /* Bounded as in add_failure_to_slot. */
    for (;;) {
        bool out = false;
        uint64_t next = weir_failure_window_fail(seen, o, &out);

        if (atomic_compare_exchange_weak_explicit(&s->window, &seen, next, memory_order_relaxed,
                                                  memory_order_relaxed))
            return out;
    }
}

bool weir_failure_marks_response_failed(struct weir_failure_marks *v, uint64_t key,
                                        const struct weir_addr *client, uint64_t now_ms)
{
    WEIR_ASSERT(key != 0); /* 0 is a free slot */
    struct weir_failure_mark *s = acquire_slot(v, key, now_ms);
    struct weir_outcome o = { key, now_ms, hash_client(v, client) };

    if (!s)
        return false;
    struct mark m = unpack_mark(atomic_load_explicit(&s->state, memory_order_relaxed), key);
    if (m.until_ms > now_ms) /* in flight when it was marked */
        return false;
    return add_failure_to_window(s, &o) && add_failure_to_slot(s, key, now_ms, true);
}

/** @return true when there was a mark of this key, which is gone now */
static bool clear_slot(struct weir_failure_mark *s, uint64_t key)
{
    uint64_t seen = atomic_load_explicit(&s->state, memory_order_relaxed);

    for (;;) {
        struct mark m = unpack_mark(seen, key);

        if (m.failures == 0 || m.by_rate)
            return false;
        if (atomic_compare_exchange_weak_explicit(&s->state, &seen, 0, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

/** Only while a window runs: an endpoint whose responses are good has none. */
static void add_success_to_window(const struct weir_failure_marks *v, struct weir_failure_mark *s,
                                  uint64_t key, const struct weir_addr *client, uint64_t now_ms)
{
    uint64_t seen = atomic_load_explicit(&s->window, memory_order_relaxed);
    struct weir_outcome o = { key, now_ms, 0 };

    if (!weir_failure_window_runs(seen, key, now_ms))
        return;
    o.client = hash_client(v, client);
    while (weir_failure_window_runs(seen, key, now_ms))
        if (atomic_compare_exchange_weak_explicit(&s->window, &seen,
                                                  weir_failure_window_succeed(seen, &o),
                                                  memory_order_relaxed, memory_order_relaxed))
            return;
}

bool weir_failure_marks_succeeded(struct weir_failure_marks *v, uint64_t key,
                                  const struct weir_addr *client, uint64_t now_ms)
{
    WEIR_ASSERT(key != 0); /* 0 is a free slot */
    for (unsigned i = 0; i < WINDOW; i++) {
        struct weir_failure_mark *s = &v->slots[slot_index(key, i)];
        uint64_t holder = atomic_load_explicit(&s->key, memory_order_relaxed);

        if (holder == 0)
            return false;
        if (holder == key) {
            add_success_to_window(v, s, key, client, now_ms);
            return clear_slot(s, key);
        }
    }
    return false;
}
