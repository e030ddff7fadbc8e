/* SPDX-License-Identifier: Apache-2.0
 *
 * log_filter.c - a table under a sequence counter, all of it atomic words. Writers take a lock; a
 * reader copies the table and checks whether the counter moved meanwhile, at most READ_TRIES times.
 */
#include "node/base/log_filter.h"

#include <pthread.h>
#include <string.h>

#define READ_TRIES 16 /* then a reader goes without filters for once */

#define FILTER_WORDS ((sizeof(struct weir_log_filter) + 7) / 8)

/* Words only, so that it can be copied word by word; `num` is the first. */
struct table {
    uint64_t num;
    uint64_t words[WEIR_LOG_FILTERS_MAX][FILTER_WORDS];
};
#define TABLE_WORDS (sizeof(struct table) / sizeof(uint64_t))

static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;
static struct table current; /* what is published; under `writers` */

/* Odd while a writer is at work; paired with acquire in read_table. */
static _Atomic uint64_t sequence;
static _Atomic uint64_t published[TABLE_WORDS];

static void load_filter(const struct table *t, size_t i, struct weir_log_filter *ret)
{
    memcpy(ret, t->words[i], sizeof(*ret));
}

/* Padding becomes zero, and the tenant's bytes behind its NUL. */
static void store_filter(struct table *t, size_t i, const struct weir_log_filter *f)
{
    struct weir_log_filter clean;

    memset(&clean, 0, sizeof(clean));
    memcpy(clean.tenant, f->tenant, strlen(f->tenant));
    if (f->tenant[0] == '\0')
        clean.client = f->client;
    clean.level = f->level;
    memset(t->words[i], 0, sizeof(t->words[i]));
    memcpy(t->words[i], &clean, sizeof(clean));
}

static bool is_same_target(const struct weir_log_filter *a, const struct weir_log_filter *b)
{
    if (a->tenant[0] != '\0' || b->tenant[0] != '\0')
        return strcmp(a->tenant, b->tenant) == 0;
    return a->client.len == b->client.len &&
           memcmp(a->client.ip, b->client.ip, sizeof(a->client.ip)) == 0;
}

/* @return the index of the filter with the target of `f`, or t->num */
static size_t find_filter(const struct table *t, const struct weir_log_filter *f)
{
    struct weir_log_filter at;
    size_t i = 0;

    for (; i < t->num; i++) {
        load_filter(t, i, &at);
        if (is_same_target(&at, f))
            break;
    }
    return i;
}

/* Make `current` what readers see. Each release store keeps the odd counter in front of the word;
 * a reader that has seen the word sees the counter. */
static void publish_table(void)
{
    uint64_t words[TABLE_WORDS];
    uint32_t most = WEIR_LOG_ERROR;
    uint64_t next = atomic_load_explicit(&sequence, memory_order_relaxed);

    memcpy(words, &current, sizeof(current));
    atomic_store_explicit(&sequence, next + 1, memory_order_relaxed);
    for (size_t i = 0; i < TABLE_WORDS; i++)
        atomic_store_explicit(&published[i], words[i], memory_order_release);
    atomic_store_explicit(&sequence, next + 2, memory_order_release);

    for (size_t i = 0; i < current.num; i++) {
        struct weir_log_filter f;
        load_filter(&current, i, &f);
        if ((uint32_t)f.level > most)
            most = (uint32_t)f.level;
    }
    uint32_t was = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &weir_log_switches, &was, (was & WEIR_LOG_LEVEL_MASK) | (most << WEIR_LOG_FILTERED_SHIFT),
        memory_order_relaxed, memory_order_relaxed))
        continue;
}

/* The filters that are set, and no more of the table. @return false: a writer came in between
 * READ_TRIES times */
static bool read_table(struct table *ret)
{
    uint64_t *words = (uint64_t *)(void *)ret;

    for (int try = 0; try < READ_TRIES; try++) {
        uint64_t before = atomic_load_explicit(&sequence, memory_order_acquire);
        if (before % 2 != 0)
            continue;
        words[0] = atomic_load_explicit(&published[0], memory_order_acquire);
        WEIR_ASSERT_CMP(words[0], <=, WEIR_LOG_FILTERS_MAX);
        for (size_t i = 1; i < 1 + words[0] * FILTER_WORDS; i++)
            words[i] = atomic_load_explicit(&published[i], memory_order_acquire);
        if (atomic_load_explicit(&sequence, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

static void lock_writers(void)
{
    WEIR_ASSERT(pthread_mutex_lock(&writers) == 0);
}

static void unlock_writers(void)
{
    WEIR_ASSERT(pthread_mutex_unlock(&writers) == 0);
}

enum weir_err weir_log_filter_set(const struct weir_log_filter *f)
{
    enum weir_err err = WEIR_OK;

    WEIR_ASSERT(f != NULL);
    if ((unsigned)f->level > WEIR_LOG_TRACE || memchr(f->tenant, '\0', sizeof(f->tenant)) == NULL ||
        (f->tenant[0] == '\0' && f->client.len > 128))
        return WEIR_EINVAL;
    lock_writers();
    size_t i = find_filter(&current, f);
    if (i == WEIR_LOG_FILTERS_MAX) {
        err = WEIR_ELIMIT;
    } else {
        store_filter(&current, i, f);
        current.num += i == current.num;
        publish_table();
    }
    unlock_writers();
    return err;
}

bool weir_log_filter_clear(const struct weir_log_filter *f)
{
    WEIR_ASSERT(f != NULL);
    lock_writers();
    size_t i = find_filter(&current, f);
    bool found = i < current.num;
    if (found) {
        current.num--;
        memmove(current.words[i], current.words[i + 1],
                (current.num - i) * sizeof(current.words[i]));
        publish_table();
    }
    unlock_writers();
    return found;
}

void weir_log_filter_clear_all(void)
{
    lock_writers();
    current.num = 0;
    publish_table();
    unlock_writers();
}

size_t weir_log_filter_list(struct weir_log_filter *out, size_t max)
{
    lock_writers();
    size_t num = current.num < max ? (size_t)current.num : max;
    for (size_t i = 0; i < num; i++)
        load_filter(&current, i, &out[i]);
    unlock_writers();
    return num;
}

bool weir_log_filter_match(enum weir_log_level level, struct weir_span tenant,
                           const struct weir_addr *client)
{
    struct table t;
    struct weir_log_filter f;

    if (!read_table(&t))
        return false;
    for (size_t i = 0; i < t.num; i++) {
        load_filter(&t, i, &f);
        bool matches = f.tenant[0] != '\0'
                           ? weir_span_eq(weir_span_cstr(f.tenant), tenant)
                           : client != NULL && weir_prefix_contains(&f.client, client);
        if (matches && level <= f.level)
            return true;
    }
    return false;
}
