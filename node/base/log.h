/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - the node's own events on stderr, one line each: time, level, event name, key=value
 * fields. Any thread. Lines are written with one write(2); a line is at most 2 KiB. Outside bytes
 * are escaped by the logger: every byte of the formatted text outside 0x20..0x7e becomes \xHH. The
 * hot path logs only after weir_log_allowed.
 */
#ifndef WEIR_NODE_BASE_LOG_H
#define WEIR_NODE_BASE_LOG_H

#include "node/base/contract.h"
#include "node/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum weir_log_level {
    WEIR_LOG_ERROR,
    WEIR_LOG_WARN,
    WEIR_LOG_INFO,
    WEIR_LOG_DEBUG,
    WEIR_LOG_TRACE
};

/** Set once at start, before threads. */
void weir_log_init(enum weir_log_level level, int fd);
/** "error" .. "trace". @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_log_level_parse(const char *name, enum weir_log_level *ret_level);
/** Whether lines of this level are written. */
bool weir_log_on(enum weir_log_level level);
/**
 * Write one event, errno kept. A line over 2 KiB is cut and ends in "...".
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
 * let one line more pass, but no suppressed line goes uncounted.
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
            weir_log(WEIR_LOG_DEBUG, event, __VA_ARGS__);                                          \
    } while (0)

#endif
