/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c - see bytes.h.
 */
#include "node/wire/bytes.h"

#include "node/base/contract.h"
#include "node/wire/scan.h"

bool weir_bytes_all(struct weir_span s, enum weir_byte_class c)
{
    for (size_t i = 0; i < s.len; i++)
        if (!weir_byte_is(s.at[i], c))
            return false;
    return s.len > 0;
}

int weir_hex_digit(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if (!weir_byte_is(b, WEIR_BYTE_HEX))
        return -1;
    return (b | 0x20) - 'a' + 10;
}

size_t weir_bytes_value_end(struct weir_span s)
{
    return weir_scan_value(s.at, 0, s.len);
}

bool weir_bytes_content_length(struct weir_span s, uint64_t *ret)
{
    if (s.len == 0 || s.len > 18)
        return false;
    uint64_t n = 0; /* 18 digits stay below 2^60: no overflow to check */
    for (size_t i = 0; i < s.len; i++) {
        if (!weir_byte_is(s.at[i], WEIR_BYTE_DIGIT))
            return false;
        n = n * 10 + (uint64_t)(s.at[i] - '0');
    }
    *ret = n;
    return true;
}
