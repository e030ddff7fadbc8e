/* SPDX-License-Identifier: Apache-2.0
 *
 * raw_text.h - private to node/base/: one line of text built on the stack and written with
 * write(2), for code that runs in a signal handler or on a broken heap. Header only.
 * Limits: WEIR_RAW_TEXT_MAX bytes; what does not fit is cut.
 */
#ifndef WEIR_NODE_BASE_INTERNAL_RAW_TEXT_H
#define WEIR_NODE_BASE_INTERNAL_RAW_TEXT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define WEIR_RAW_TEXT_MAX 512

struct weir_raw_text {
    size_t len;
    char at[WEIR_RAW_TEXT_MAX];
};

/** Append a NUL-terminated string; NULL appends "(null)". */
static inline void weir_raw_str(struct weir_raw_text *t, const char *s)
{
    if (s == NULL)
        s = "(null)";
    /* One byte stays free for the newline. */
    for (; *s != '\0' && t->len < sizeof(t->at) - 1; s++)
        t->at[t->len++] = *s;
}

/** Append a number in base 10 or 16, the latter after "0x". */
static inline void weir_raw_num(struct weir_raw_text *t, uint64_t n, unsigned base)
{
    char digits[21];
    size_t at = sizeof(digits);

    digits[--at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n > 0);
    weir_raw_str(t, base == 16 ? "0x" : "");
    weir_raw_str(t, digits + at);
}

/** Append as a signed number when the top bit is set (then with its hexadecimal form). */
static inline void weir_raw_value(struct weir_raw_text *t, uint64_t n)
{
    if (n <= INT64_MAX) {
        weir_raw_num(t, n, 10);
        return;
    }
    weir_raw_str(t, "-");
    weir_raw_num(t, (uint64_t)0 - n, 10);
    weir_raw_str(t, " (");
    weir_raw_num(t, n, 16);
    weir_raw_str(t, ")");
}

/** Write the text to `fd` and empty it. errno is preserved; what cannot be written is lost. */
static inline void weir_raw_flush(struct weir_raw_text *t, int fd)
{
    int saved_errno = errno;
    size_t done = 0;

    while (done < t->len) {
        ssize_t n = write(fd, t->at + done, t->len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break;
    }
    t->len = 0;
    errno = saved_errno;
}

/** The same with a newline behind the text. */
static inline void weir_raw_write(struct weir_raw_text *t, int fd)
{
    t->at[t->len++] = '\n';
    weir_raw_flush(t, fd);
}

#endif
