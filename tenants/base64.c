/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - base64 both ways. The decoder takes exactly what the encoder makes: padded, no
 * spaces, unused bits 0. Ref: RFC 4648 section 4.
 */
#include "tenants/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void weir_base64_encode(struct weir_span bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t n = (uint32_t)bytes.at[i] << 16;

        n |= left > 1 ? (uint32_t)bytes.at[i + 1] << 8 : 0;
        n |= left > 2 ? (uint32_t)bytes.at[i + 2] : 0;
        *out++ = digits[n >> 18];
        *out++ = digits[n >> 12 & 63];
        *out++ = left > 1 ? digits[n >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[n & 63] : '=';
    }
}

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool weir_base64_decode(struct weir_span text, uint8_t *out, size_t *ret_len)
{
    size_t len = 0;

    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t n = 0;
        size_t num = 4;

        if (i + 4 == text.len && text.at[i + 3] == '=')
            num = text.at[i + 2] == '=' ? 2 : 3;
        for (size_t k = 0; k < num; k++) {
            int value = digit_value(text.at[i + k]);
            if (value < 0)
                return false;
            n |= (uint32_t)value << (18 - 6 * k);
        }
        if ((n & ((1u << (8 * (4 - num))) - 1)) != 0 && num < 4)
            return false;
        for (size_t k = 0; k + 1 < num; k++)
            out[len++] = (uint8_t)(n >> (16 - 8 * k));
    }
    *ret_len = len;
    return true;
}
