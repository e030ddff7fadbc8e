/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - the node's own events on stderr, one line each: time, level, event name, key=value
 * fields. Any thread. Lines are written with one write(2); a line is at most 2 KiB. Outside bytes
 * are escaped by the logger: every byte of the formatted text outside 0x20..0x7e becomes \xHH. The
 * hot path logs only after weir_log_allowed. More lines for one tenant or client: log_filter.h.
 */
#ifndef WEIR_NODE_BASE_LOG_H
#define WEIR_NODE_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"

enum weir_log_level {
    WEIR_LOG_ERROR,
    WEIR_LOG_WARN,
    WEIR_LOG_INFO,
    WEIR_LOG_DEBUG,
    WEIR_LOG_TRACE
};

/** Set once at start, before threads. The level may change later, the descriptor may not. */
void weir_log_init(enum weir_log_level level, int fd);
/** Change the general level. Any thread; other threads see it at one of their next lines. */
void weir_log_set_level(enum weir_log_level level);
/** The general level, whatever the filters add. Any thread. */
enum weir_log_level weir_log_level(void);
/** "error" .. "trace". @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_log_level_parse(const char *name, enum weir_log_level *ret_level);
/** "error" .. "trace". Never NULL. */
const char *weir_log_level_name(enum weir_log_level level);

/* One word for both questions of the hot path: the general level, and above it the highest level of
 * any filter. Relaxed: a switch may take effect a line later. */
#define WEIR_LOG_LEVEL_MASK     0xffu
#define WEIR_LOG_FILTERED_SHIFT 8
extern _Atomic uint32_t weir_log_switches;

/** Whether lines of this level are written in general. One relaxed load. Any thread. */
static inline bool weir_log_on(enum weir_log_level level)
{
    uint32_t switches = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    return (uint32_t)level <= (switches & WEIR_LOG_LEVEL_MASK);
}

/** weir_log without the question whether the level is on: it was asked with weir_log_on_for. */
void weir_log_line(enum weir_log_level level, const char *event, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/**
 * Write one event if the general level lets it through; errno is preserved. A line over 2 KiB is
 * cut and ends in "...".
 *
 * @param event  stable name, "area.what_happened"   @param fmt  "key=value key=value"
 */
void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** The lines of one call site in the current second. Static storage; the zero state is ready. */
struct weir_log_limit {
    _Atomic uint64_t window_s;
    _Atomic uint32_t num;
    _Atomic uint32_t suppressed;
};
/**
 * Whether this call site may write a line now. Any thread; two threads at the turn of a second may
 * let one line more pass, but every suppressed line is counted.
 *
 * @param ret_suppressed  lines left out since the last one allowed; written on true only
 */
bool weir_log_allowed(struct weir_log_limit *l, uint32_t per_second, uint32_t *ret_suppressed);

#define log_error(event, ...) weir_log(WEIR_LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  weir_log(WEIR_LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  weir_log(WEIR_LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                                                      \
    do {                                                                                           \
        if (weir_log_on(WEIR_LOG_DEBUG))                                                           \
            weir_log_line(WEIR_LOG_DEBUG, event, __VA_ARGS__);                                     \
    } while (0)
#define log_trace(event, ...)                                                                      \
    do {                                                                                           \
        if (weir_log_on(WEIR_LOG_TRACE))                                                           \
            weir_log_line(WEIR_LOG_TRACE, event, __VA_ARGS__);                                     \
    } while (0)

#endif
