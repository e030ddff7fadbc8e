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

/* RFC 3629 section 4. What is special about a character is seen by its second byte. */
struct utf8_form {
    uint8_t first_min, first_max;
    uint8_t second_min, second_max;
    uint8_t len;
};

static const struct utf8_form utf8_forms[] = {
    { 0xc2, 0xc2, 0xa0, 0xbf, 2 }, /* U+0080 to U+009F are controls */
    { 0xc3, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
    { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, /* above are the surrogates */
    { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
    { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct utf8_form *find_utf8_form(uint8_t first)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(utf8_forms); i++)
        if (first >= utf8_forms[i].first_min && first <= utf8_forms[i].first_max)
            return &utf8_forms[i];
    return NULL;
}

int weir_bytes_utf8(struct weir_span s)
{
    WEIR_ASSERT_CMP(s.len, >, 0);
    const struct utf8_form *form = find_utf8_form(s.at[0]);
    if (form == NULL)
        return 0;
    for (size_t i = 1; i < form->len; i++) {
        if (i == s.len)
            return -1;
        uint8_t min = i == 1 ? form->second_min : 0x80;
        uint8_t max = i == 1 ? form->second_max : 0xbf;
        if (s.at[i] < min || s.at[i] > max)
            return 0;
    }
    return form->len;
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
