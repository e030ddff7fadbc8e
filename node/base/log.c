/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - one line, one write(2), from a buffer on the stack: no lock, no allocation, no line torn
 * between threads. A line that cannot be written is lost; the node does not wait for the reader of
 * its log.
 */
#include "node/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"

#define LINE_MAX_LEN 2048 /* bytes with the newline */

static const char *const level_names[] = { "error", "warn", "info", "debug", "trace" };
_Static_assert(WEIR_ARRAY_LEN(level_names) == WEIR_LOG_TRACE + 1, "a name for each level");

_Atomic uint32_t weir_log_switches = WEIR_LOG_INFO;
/* Written once before there are threads. */
static int log_fd = STDERR_FILENO;

struct line {
    char at[LINE_MAX_LEN];
    size_t len;
};

void weir_log_init(enum weir_log_level level, int fd)
{
    weir_log_set_level(level);
    log_fd = fd;
}

void weir_log_set_level(enum weir_log_level level)
{
    WEIR_ASSERT_CMP((unsigned)level, <=, WEIR_LOG_TRACE);
    uint32_t was = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&weir_log_switches, &was,
                                                  (was & ~WEIR_LOG_LEVEL_MASK) | (uint32_t)level,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

enum weir_log_level weir_log_level(void)
{
    uint32_t switches = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    return (enum weir_log_level)(switches & WEIR_LOG_LEVEL_MASK);
}

enum weir_err weir_log_level_parse(const char *name, enum weir_log_level *ret_level)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum weir_log_level)i;
            return WEIR_OK;
        }
    }
    return WEIR_EINVAL;
}

const char *weir_log_level_name(enum weir_log_level level)
{
    WEIR_ASSERT_CMP((unsigned)level, <=, WEIR_LOG_TRACE);
    return level_names[level];
}

/* Add text with its bytes escaped. False when it did not fit; a byte goes in whole or not at all.
 */
static bool append_escaped(struct line *l, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    static const size_t room = LINE_MAX_LEN - sizeof("...\n") + 1;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        bool plain = c >= 0x20 && c <= 0x7e;
        if (l->len + (plain ? 1 : 4) > room)
            return false;
        if (plain) {
            l->at[l->len++] = (char)c;
        } else {
            l->at[l->len++] = '\\';
            l->at[l->len++] = 'x';
            l->at[l->len++] = hex[c >> 4];
            l->at[l->len++] = hex[c & 15];
        }
    }
    return true;
}

static void end_line(struct line *l, bool whole)
{
    if (!whole) {
        memcpy(l->at + l->len, "...", 3);
        l->len += 3;
    }
    l->at[l->len++] = '\n';
}

static void write_line(const struct line *l)
{
    ssize_t n;
    do {
        n = write(log_fd, l->at, l->len);
    } while (n < 0 && errno == EINTR);
}

WEIR_PRINTF(3, 0)
static void write_event(enum weir_log_level level, const char *event, const char *fmt, va_list args)
{
    int saved_errno = errno;
    struct line line = { .len = WEIR_RFC3339_LEN };
    char text[LINE_MAX_LEN];

    int num = vsnprintf(text, sizeof(text), fmt, args);
    size_t len = num < 0 ? 0 : (size_t)num;
    bool cut = num < 0 || len >= sizeof(text);
    if (len >= sizeof(text))
        len = sizeof(text) - 1;

    weir_clock_rfc3339(weir_clock_wall_ms(), line.at);
    const char *name = weir_log_level_name(level);
    bool whole = append_escaped(&line, " ", 1) && append_escaped(&line, name, strlen(name)) &&
                 append_escaped(&line, " ", 1) && append_escaped(&line, event, strlen(event)) &&
                 (len == 0 || append_escaped(&line, " ", 1)) && append_escaped(&line, text, len);
    end_line(&line, whole && !cut);
    write_line(&line);
    errno = saved_errno;
}

void weir_log_line(enum weir_log_level level, const char *event, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    write_event(level, event, fmt, args);
    va_end(args);
}

void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...)
{
    va_list args;

    if (!weir_log_on(level))
        return;
    va_start(args, fmt);
    write_event(level, event, fmt, args);
    va_end(args);
}

bool weir_log_allowed(struct weir_log_limit *l, uint32_t per_second, uint32_t *ret_suppressed)
{
    uint64_t now_s = weir_clock_mono_ns() / 1000000000u + 1; /* 0 is the zero state */
    uint64_t window_s = atomic_load_explicit(&l->window_s, memory_order_relaxed);

    /* The one that opens the second clears the count. A line counted between the two is at most one
     * line too many. */
    if (window_s != now_s &&
        atomic_compare_exchange_strong_explicit(&l->window_s, &window_s, now_s,
                                                memory_order_relaxed, memory_order_relaxed))
        atomic_store_explicit(&l->num, 0, memory_order_relaxed);

    if (atomic_load_explicit(&l->num, memory_order_relaxed) < per_second &&
        atomic_fetch_add_explicit(&l->num, 1, memory_order_relaxed) < per_second) {
        *ret_suppressed = atomic_exchange_explicit(&l->suppressed, 0, memory_order_relaxed);
        return true;
    }
    atomic_fetch_add_explicit(&l->suppressed, 1, memory_order_relaxed);
    return false;
}
