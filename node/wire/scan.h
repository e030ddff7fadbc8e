/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h - the scans that carry the cost of a head: value, name, path. Private to node/wire.
 *
 * Sixteen bytes a step with SSE2, which every x86-64 has; by the table of classes elsewhere, and
 * for less than sixteen bytes in all. WEIR_NO_SIMD builds the table form alone.
 * No scan reads a byte before p, or at or after p + len.
 */
#ifndef WEIR_NODE_WIRE_SCAN_H
#define WEIR_NODE_WIRE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/wire/byte_class.h"

#if defined(__SSE2__) && !defined(WEIR_NO_SIMD)
#define WEIR_SCAN_SSE2 1
#include <emmintrin.h>

static inline __m128i weir_scan_load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* All ones in each byte of v that is in first..first+count-1. SSE2 compares signed: so by minimum.
 */
static inline __m128i weir_scan_range(__m128i v, uint8_t first, uint8_t count)
{
    __m128i from = _mm_sub_epi8(v, _mm_set1_epi8((char)first));
    return _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8((char)(count - 1))), from);
}

static inline __m128i weir_scan_equal(__m128i v, char byte)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(byte));
}

static inline __m128i weir_scan_letters(__m128i v)
{
    return weir_scan_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 26);
}

/* The bit of each byte that may not stand in a value. */
static inline unsigned weir_scan_value_stops(const uint8_t *at)
{
    __m128i v = weir_scan_load(at);
    __m128i control = _mm_andnot_si128(weir_scan_equal(v, '\t'), weir_scan_range(v, 0, 32));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, weir_scan_equal(v, 0x7f)));
}

/* Letters, digits, "-", "." and "_" are all that real names have: the bit of each other byte, and
 * of each "_". */
static inline unsigned weir_scan_name_stops(const uint8_t *at, unsigned *ret_low)
{
    __m128i v = weir_scan_load(at);
    __m128i low = weir_scan_equal(v, '_');
    __m128i pass = _mm_or_si128(weir_scan_letters(v), weir_scan_range(v, '0', 10));
    pass = _mm_or_si128(_mm_or_si128(pass, low), weir_scan_range(v, '-', 2));
    *ret_low = (unsigned)_mm_movemask_epi8(low);
    return ~(unsigned)_mm_movemask_epi8(pass) & 0xffffU;
}

/* Letters, & ' ( ) * + , - . / digits : ; = and _ are plain in any target: the bit of each other
 * byte. */
static inline unsigned weir_scan_path_stops(const uint8_t *at)
{
    __m128i v = weir_scan_load(at);
    __m128i pass = _mm_or_si128(weir_scan_letters(v), weir_scan_range(v, '&', ';' - '&' + 1));
    pass = _mm_or_si128(pass, _mm_or_si128(weir_scan_equal(v, '='), weir_scan_equal(v, '_')));
    return ~(unsigned)_mm_movemask_epi8(pass) & 0xffffU;
}

static inline unsigned weir_scan_change_stops(const uint8_t *at)
{
    __m128i v = weir_scan_load(at);
    __m128i stop = _mm_or_si128(weir_scan_equal(v, '%'), weir_scan_equal(v, '?'));
    stop = _mm_or_si128(stop, _mm_or_si128(weir_scan_equal(v, '.'), weir_scan_equal(v, '|')));
    stop = _mm_or_si128(stop, weir_scan_range(v, '[', '^' - '[' + 1)); /* with "\" */
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(stop, v)); /* the top bit: beyond ASCII */
}

/* When fewer than 16 bytes are left, the last 16 are loaded and the bits before `at` dropped. */
static inline unsigned weir_scan_tail(unsigned stops, size_t at, size_t len)
{
    return stops >> (16 - (len - at));
}
#else
#define WEIR_SCAN_SSE2 0
#endif

/** Index of the first byte from `at` on that may not stand in a field value, or len. */
static inline size_t weir_scan_value(const uint8_t *p, size_t at, size_t len)
{
#if WEIR_SCAN_SSE2
    for (; len - at >= 16; at += 16) {
        unsigned stops = weir_scan_value_stops(p + at);
        if (stops != 0)
            return at + (size_t)__builtin_ctz(stops);
    }
    if (len >= 16) {
        unsigned stops = weir_scan_tail(weir_scan_value_stops(p + len - 16), at, len);
        return stops == 0 ? len : at + (size_t)__builtin_ctz(stops);
    }
#endif
    while (at < len && weir_byte_is(p[at], WEIR_BYTE_VALUE))
        at++;
    return at;
}

/**
 * Index of the first byte from `at` on that is not a tchar, or len. *underscore becomes true when a
 * "_" was passed, and is otherwise left as it is.
 */
static inline size_t weir_scan_name(const uint8_t *p, size_t at, size_t len, bool *underscore)
{
#if WEIR_SCAN_SSE2
    unsigned stops = 0;
    unsigned low = 0;
    for (; len - at >= 16; at += 16) {
        stops = weir_scan_name_stops(p + at, &low);
        if (stops != 0)
            break;
        if (low != 0)
            *underscore = true;
    }
    if (stops == 0 && len >= 16) {
        stops = weir_scan_tail(weir_scan_name_stops(p + len - 16, &low), at, len);
        low = weir_scan_tail(low, at, len);
        if (stops == 0)
            stops = 1U << (len - at);
    }
    if (stops != 0) {
        if ((low & ((stops & (0U - stops)) - 1U)) != 0) /* among those before the first stop */
            *underscore = true;
        at += (size_t)__builtin_ctz(stops);
    }
#endif
    for (; at < len && weir_byte_is(p[at], WEIR_BYTE_TOKEN); at++)
        if (p[at] == '_')
            *underscore = true;
    return at;
}

/**
 * Skip bytes that are plain in any path and query. Stops at the first byte that needs a
 * closer check, such as "%" and "?"; it may also stop at a byte that is good.
 */
static inline size_t weir_scan_path(const uint8_t *p, size_t at, size_t len)
{
#if WEIR_SCAN_SSE2
    for (; len - at >= 16; at += 16) {
        unsigned stops = weir_scan_path_stops(p + at);
        if (stops != 0)
            return at + (size_t)__builtin_ctz(stops);
    }
#endif
    while (at < len && p[at] != '%' && weir_byte_is(p[at], WEIR_BYTE_PATH))
        at++;
    return at;
}

/** Whether the byte can make a path differ from its normal form. */
static inline bool weir_scan_is_change(uint8_t b)
{
    return b >= 0x80 || b == '%' || b == '?' || b == '.' || b == '|' || (b >= '[' && b <= '^');
}

/** Index of the first byte from `at` on that can make a path differ from its normal form, or len.
 */
static inline size_t weir_scan_change(const uint8_t *p, size_t at, size_t len)
{
#if WEIR_SCAN_SSE2
    for (; len - at >= 16; at += 16) {
        unsigned stops = weir_scan_change_stops(p + at);
        if (stops != 0)
            return at + (size_t)__builtin_ctz(stops);
    }
    if (len >= 16) {
        unsigned stops = weir_scan_tail(weir_scan_change_stops(p + len - 16), at, len);
        return stops == 0 ? len : at + (size_t)__builtin_ctz(stops);
    }
#endif
    while (at < len && !weir_scan_is_change(p[at]))
        at++;
    return at;
}

#endif
