/* SPDX-License-Identifier: Apache-2.0
 *
 * target.c - see target.h.
 */
#include "node/wire/target.h"

#include "node/base/contract.h"
#include "node/wire/bytes.h"

/*
 * At a "%": 3 for an escape of anything but NUL; in a query also 1 for a "%" alone, which clients
 * send and no reader takes for more than it is.
 */
static size_t percent_step(struct weir_span s, bool in_query, bool whole)
{
    int high = s.len > 1 ? weir_hex_digit(s.at[1]) : -1;
    int low = s.len > 2 ? weir_hex_digit(s.at[2]) : -1;
    if (high >= 0 && low >= 0)
        return (high | low) == 0 ? 0 : 3;
    if (!in_query)
        return 0;
    bool could_be_nul = s.len == 1 || (s.len == 2 && s.at[1] == '0');
    return could_be_nul && !whole ? 0 : 1;
}

size_t weir_target_step(struct weir_span s, bool in_query, bool whole)
{
    WEIR_DCHECK(s.len > 0);
    uint8_t b = s.at[0];
    if (b == '%')
        return percent_step(s, in_query, whole);
    if (b >= 0x80) {
        int len = weir_bytes_utf8(s);
        return len > 0 ? (size_t)len : 0;
    }
    if (in_query)
        return weir_byte_is(b, WEIR_BYTE_QUERY);
    return weir_byte_is(b, WEIR_BYTE_PATH) || weir_byte_is_loose_in_path(b);
}

bool weir_target_is_cut(struct weir_span s, bool in_query)
{
    WEIR_DCHECK(s.len > 0);
    if (s.at[0] >= 0x80)
        return weir_bytes_utf8(s) < 0;
    if (s.at[0] != '%' || s.len > 2)
        return false;
    return s.len == 1 || in_query || weir_hex_digit(s.at[1]) >= 0;
}

bool weir_target_is_good(struct weir_span target)
{
    bool in_query = false;
    if (target.len == 0 || (target.at[0] != '/' && target.at[0] != '?'))
        return false;
    for (size_t at = 0; at < target.len;) {
        bool mark = !in_query && target.at[at] == '?';
        size_t len = mark ? 1 : weir_target_step(weir_span_from(target, at), in_query, true);
        if (len == 0)
            return false;
        in_query = in_query || mark;
        at += len;
    }
    return true;
}
