/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_unit.c - numbers with a unit. One reading each: no sign, no leading zero, no fraction, no
 * space.
 */
#include "tenants/schema/schema_unit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct scale {
    const char *name;
    uint64_t factor;
};

/* Largest first: the order in which they may follow each other, and the order of trying to write.
 */
static const struct scale durations[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct scale sizes[] = {
    { "TiB", 1ull << 40 },
    { "GiB", 1ull << 30 },
    { "MiB", 1ull << 20 },
    { "KiB", 1ull << 10 },
    { "B", 1 },
};

/* 1*20 digits at the start of s. @return WEIR_OK | WEIR_EINVAL (none, or a leading zero) |
 * WEIR_ELIMIT */
static enum weir_err digits_parse(struct weir_span s, uint64_t *ret, size_t *ret_used)
{
    uint64_t n = 0;
    size_t used = 0;
    bool over = false;

    for (; used < s.len && s.at[used] >= '0' && s.at[used] <= '9'; used++) {
        over |= __builtin_mul_overflow(n, 10u, &n);
        over |= __builtin_add_overflow(n, (uint64_t)(s.at[used] - '0'), &n);
    }
    if (used == 0 || (used > 1 && s.at[0] == '0'))
        return WEIR_EINVAL;
    *ret = n;
    *ret_used = used;
    return over ? WEIR_ELIMIT : WEIR_OK;
}

/* The longest run of letters at the start of s. */
static struct weir_span letters_span(struct weir_span s)
{
    size_t len = 0;

    while (len < s.len && weir_ascii_lower(s.at[len]) >= 'a' && weir_ascii_lower(s.at[len]) <= 'z')
        len++;
    return weir_span(s.at, len);
}

static const struct scale *scale_find(const struct scale *scales, size_t num, struct weir_span name)
{
    for (size_t i = 0; i < num; i++)
        if (weir_span_eq(weir_span_cstr(scales[i].name), name))
            return &scales[i];
    return NULL;
}

static enum weir_err duration_parse(struct weir_span s, uint64_t *ret)
{
    size_t first = 0; /* of the units that may still follow */
    uint64_t sum = 0;
    bool over = false;

    if (s.len == 0)
        return WEIR_EINVAL;
    while (s.len > 0) {
        uint64_t n;
        size_t used;
        enum weir_err err = digits_parse(s, &n, &used);
        if (err == WEIR_EINVAL)
            return err;
        over |= err == WEIR_ELIMIT;
        struct weir_span name = letters_span(weir_span_from(s, used));
        const struct scale *scale =
            scale_find(durations + first, WEIR_ARRAY_LEN(durations) - first, name);
        if (scale == NULL)
            return WEIR_EINVAL;
        over |= __builtin_mul_overflow(n, scale->factor, &n);
        over |= __builtin_add_overflow(sum, n, &sum);
        first = (size_t)(scale - durations) + 1;
        s = weir_span_from(s, used + name.len);
    }
    if (over)
        return WEIR_ELIMIT;
    *ret = sum;
    return WEIR_OK;
}

/* @param bare  whether a number without a unit is bytes */
static enum weir_err size_parse(struct weir_span s, bool bare, uint64_t *ret)
{
    uint64_t n;
    size_t used;
    enum weir_err err = digits_parse(s, &n, &used);
    if (err == WEIR_EINVAL)
        return err;
    struct weir_span name = weir_span_from(s, used);
    if (name.len > 0 || !bare) {
        const struct scale *scale = scale_find(sizes, WEIR_ARRAY_LEN(sizes), name);
        if (scale == NULL)
            return WEIR_EINVAL;
        if (__builtin_mul_overflow(n, scale->factor, &n))
            return WEIR_ELIMIT;
    }
    if (err == WEIR_OK)
        *ret = n;
    return err;
}

static enum weir_err number_parse(struct weir_span s, uint64_t *ret)
{
    uint64_t n;
    size_t used;
    enum weir_err err = digits_parse(s, &n, &used);

    if (err != WEIR_EINVAL && used < s.len)
        return WEIR_EINVAL;
    if (err == WEIR_OK)
        *ret = n;
    return err;
}

enum weir_err weir_unit_parse(enum weir_unit unit, struct weir_span text, uint64_t *ret)
{
    bool per_s = unit == WEIR_UNIT_BYTES_PER_S || unit == WEIR_UNIT_PER_S;

    if (weir_span_eq(text, WEIR_SPAN_LIT("0"))) {
        *ret = 0;
        return WEIR_OK;
    }
    if (per_s) {
        if (!weir_span_ends(text, WEIR_SPAN_LIT("/s")))
            return WEIR_EINVAL;
        text.len -= 2;
    }
    switch (unit) {
    case WEIR_UNIT_NONE:
    case WEIR_UNIT_PER_S:
        return number_parse(text, ret);
    case WEIR_UNIT_MS:
        return duration_parse(text, ret);
    case WEIR_UNIT_BYTES:
        return size_parse(text, true, ret);
    case WEIR_UNIT_BYTES_PER_S:
        return size_parse(text, false, ret);
    }
    WEIR_UNREACHABLE();
}

/* In the largest unit of which it is a whole number. */
static struct weir_unit_text scaled_text(const struct scale *scales, size_t num, uint64_t value,
                                         const char *tail)
{
    struct weir_unit_text t;
    size_t i = 0;

    while (i + 1 < num && value % scales[i].factor != 0)
        i++;
    snprintf(t.text, sizeof(t.text), "%" PRIu64 "%s%s", value / scales[i].factor, scales[i].name,
             tail);
    return t;
}

struct weir_unit_text weir_unit_text(enum weir_unit unit, uint64_t value)
{
    struct weir_unit_text t;

    if (unit == WEIR_UNIT_MS && value != 0)
        return scaled_text(durations + 1, WEIR_ARRAY_LEN(durations) - 1, value, "");
    if (unit == WEIR_UNIT_BYTES && value != 0 && value % 1024 == 0)
        return scaled_text(sizes, WEIR_ARRAY_LEN(sizes), value, "");
    if (unit == WEIR_UNIT_BYTES_PER_S && value != 0)
        return scaled_text(sizes, WEIR_ARRAY_LEN(sizes), value, "/s");
    snprintf(t.text, sizeof(t.text), "%" PRIu64 "%s", value,
             unit == WEIR_UNIT_PER_S && value != 0 ? "/s" : "");
    return t;
}

/** A unit as people write it, and as weir does. */
struct spelling {
    const char *written; /* in lower case */
    const char *meant;
};

static const struct spelling duration_spellings[] = {
    { "ms", "ms" },
    { "msec", "ms" },
    { "msecs", "ms" },
    { "millisecond", "ms" },
    { "s", "s" },
    { "sec", "s" },
    { "secs", "s" },
    { "second", "s" },
    { "seconds", "s" },
    { "m", "m" },
    { "min", "m" },
    { "mins", "m" },
    { "minute", "m" },
    { "minutes", "m" },
    { "h", "h" },
    { "hr", "h" },
    { "hrs", "h" },
    { "hour", "h" },
    { "hours", "h" },
    { "d", "d" },
    { "day", "d" },
    { "days", "d" },
    { "milliseconds", "ms" },
};
static const struct spelling size_spellings[] = {
    { "", "B" },      { "b", "B" },     { "byte", "B" },  { "bytes", "B" },
    { "k", "KiB" },   { "kb", "KiB" },  { "kib", "KiB" }, { "m", "MiB" },
    { "mb", "MiB" },  { "mib", "MiB" }, { "g", "GiB" },   { "gb", "GiB" },
    { "gib", "GiB" }, { "t", "TiB" },   { "tb", "TiB" },  { "tib", "TiB" },
};
static const struct spelling count_spellings[] = { { "", "" } };

/* What the unit of a number, without "/s", is called; NULL: it is none. */
static const char *unit_meant(enum weir_unit unit, struct weir_span written)
{
    const struct spelling *all = count_spellings;
    size_t num = WEIR_ARRAY_LEN(count_spellings);

    if (unit == WEIR_UNIT_MS) {
        all = duration_spellings;
        num = WEIR_ARRAY_LEN(duration_spellings);
    } else if (unit == WEIR_UNIT_BYTES || unit == WEIR_UNIT_BYTES_PER_S) {
        all = size_spellings;
        num = WEIR_ARRAY_LEN(size_spellings);
    }
    for (size_t i = 0; i < num; i++)
        if (weir_span_eq(weir_span_cstr(all[i].written), written))
            return all[i].meant;
    return NULL;
}

/* Cut "/s", "/sec" or "/second" off. */
static struct weir_span per_s_cut(struct weir_span s)
{
    static const char *const tails[] = { "/s", "/sec", "/second" };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(tails); i++)
        if (weir_span_ends(s, weir_span_cstr(tails[i])))
            s.len -= strlen(tails[i]);
    return s;
}

bool weir_unit_suggest(enum weir_unit unit, struct weir_span text, struct weir_unit_text *ret)
{
    bool per_s = unit == WEIR_UNIT_BYTES_PER_S || unit == WEIR_UNIT_PER_S;
    char buf[WEIR_UNIT_TEXT_MAX];
    size_t len = 0, num_digits = 0;
    struct weir_unit_text meant;
    uint64_t value;

    if (text.len >= sizeof(buf) || unit == WEIR_UNIT_NONE)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ')
            buf[len++] = (char)weir_ascii_lower(text.at[i]);
    while (num_digits < len && buf[num_digits] >= '0' && buf[num_digits] <= '9')
        num_digits++;
    struct weir_span written = weir_span(buf + num_digits, len - num_digits);
    const char *name = unit_meant(unit, per_s ? per_s_cut(written) : written);
    if (num_digits == 0 || num_digits > 20 || name == NULL)
        return false;
    snprintf(meant.text, sizeof(meant.text), "%.*s%s%s", (int)num_digits, buf, name,
             per_s ? "/s" : "");
    if (weir_unit_parse(unit, weir_span_cstr(meant.text), &value) < 0)
        return false;
    *ret = meant;
    return true;
}

const char *weir_unit_hint(enum weir_unit unit)
{
    switch (unit) {
    case WEIR_UNIT_NONE:
        return "a whole number";
    case WEIR_UNIT_MS:
        return "a duration like 500ms, 5s, 1m30s, 24h";
    case WEIR_UNIT_BYTES:
        return "a size like 512, 64KiB, 1GiB";
    case WEIR_UNIT_BYTES_PER_S:
        return "a rate like 500B/s, 64KiB/s";
    case WEIR_UNIT_PER_S:
        return "a rate like 50/s";
    }
    WEIR_UNREACHABLE();
}

const char *weir_unit_name(enum weir_unit unit)
{
    switch (unit) {
    case WEIR_UNIT_NONE:
        return "number";
    case WEIR_UNIT_MS:
        return "duration";
    case WEIR_UNIT_BYTES:
        return "size";
    case WEIR_UNIT_BYTES_PER_S:
    case WEIR_UNIT_PER_S:
        return "rate";
    }
    WEIR_UNREACHABLE();
}
