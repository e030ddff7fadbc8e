/* SPDX-License-Identifier: Apache-2.0
 *
 * log_filter.h - more of the log for one tenant or for some clients, switched at run time.
 * Filters only add lines: a line is written when the general level or a filter lets it through.
 * Owner: shared by all threads; readers take no lock.   Limits: WEIR_LOG_FILTERS_MAX filters.
 */
#ifndef WEIR_NODE_BASE_LOG_FILTER_H
#define WEIR_NODE_BASE_LOG_FILTER_H

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "node/base/log.h"

#define WEIR_LOG_FILTERS_MAX 16

/** One tenant, or the clients of one prefix, whose lines are written up to `level`. */
struct weir_log_filter {
    char tenant[WEIR_TENANT_NAME_MAX + 1]; /* "": by client */
    struct weir_prefix client;             /* read when tenant is "" */
    enum weir_log_level level;
};

/**
 * Add a filter, or replace the level of the one for the same tenant or prefix. Any thread.
 *
 * @return WEIR_OK | WEIR_ELIMIT (WEIR_LOG_FILTERS_MAX are set: clear one) | WEIR_EINVAL (no such
 *         level, a tenant without its NUL, or a prefix over 128 bits)
 */
WEIR_MUST_USE enum weir_err weir_log_filter_set(const struct weir_log_filter *f);
/** Remove the filter for the tenant or prefix of `f`. @return false: there is none. Any thread. */
bool weir_log_filter_clear(const struct weir_log_filter *f);
/** Remove all filters. Any thread. */
void weir_log_filter_clear_all(void);
/** Copy at most `max` filters to `out`. @return how many were copied. Any thread. */
size_t weir_log_filter_list(struct weir_log_filter *out, size_t max);

/** What weir_log_on_for asks when a filter of that level exists. */
bool weir_log_filter_match(enum weir_log_level level, struct weir_span tenant,
                           const struct weir_addr *client);

/**
 * Whether lines of this level are written for this tenant and client. One relaxed load while
 * neither the general level nor any filter reaches `level`. Any thread.
 *
 * @param tenant  empty: not known yet   @param client  NULL: none
 */
static inline bool weir_log_on_for(enum weir_log_level level, struct weir_span tenant,
                                   const struct weir_addr *client)
{
    uint32_t switches = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);

    if (WEIR_LIKELY((uint32_t)level > (switches >> WEIR_LOG_FILTERED_SHIFT)))
        return (uint32_t)level <= (switches & WEIR_LOG_LEVEL_MASK);
    return (uint32_t)level <= (switches & WEIR_LOG_LEVEL_MASK) ||
           weir_log_filter_match(level, tenant, client);
}

/** Whether a line of this level may be written for anybody. */
static inline bool weir_log_may(enum weir_log_level level)
{
    uint32_t switches = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    return (uint32_t)level <= (switches & WEIR_LOG_LEVEL_MASK) ||
           (uint32_t)level <= (switches >> WEIR_LOG_FILTERED_SHIFT);
}

/** Call a function that logs at this level only when the level may be written. */
#define WEIR_LOG_MAY(level, call)                                                                  \
    do {                                                                                           \
        if (WEIR_UNLIKELY(weir_log_may(level)))                                                    \
            call;                                                                                  \
    } while (0)

#define log_debug_for(tenant, client, event, ...)                                                  \
    do {                                                                                           \
        if (weir_log_on_for(WEIR_LOG_DEBUG, tenant, client))                                       \
            weir_log_line(WEIR_LOG_DEBUG, event, __VA_ARGS__);                                     \
    } while (0)
#define log_trace_for(tenant, client, event, ...)                                                  \
    do {                                                                                           \
        if (weir_log_on_for(WEIR_LOG_TRACE, tenant, client))                                       \
            weir_log_line(WEIR_LOG_TRACE, event, __VA_ARGS__);                                     \
    } while (0)

#endif
