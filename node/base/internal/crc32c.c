/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c.c - CRC-32C by the SSE4.2 instruction, or eight bytes at a time from tables where there is
 * none. Ref: RFC 3720 appendix B.4 (polynomial 0x1edc6f41, reflected 0x82f63b78).
 */
#include "node/base/internal/crc32c.h"

#include <string.h>

#include "node/base/hash.h"

uint32_t weir_crc32c_by_table(uint32_t crc, const void *at, size_t len)
{
    const uint8_t *p = at;
    uint32_t c = ~crc;

    for (; len >= 8; len -= 8, p += 8) {
        c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = weir_crc32c_table[7][c & 0xff] ^ weir_crc32c_table[6][c >> 8 & 0xff] ^
            weir_crc32c_table[5][c >> 16 & 0xff] ^ weir_crc32c_table[4][c >> 24] ^
            weir_crc32c_table[3][p[4]] ^ weir_crc32c_table[2][p[5]] ^ weir_crc32c_table[1][p[6]] ^
            weir_crc32c_table[0][p[7]];
    }
    for (; len > 0; len--, p++)
        c = weir_crc32c_table[0][(c ^ *p) & 0xff] ^ c >> 8;
    return ~c;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t c = (uint32_t)~crc;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        c = __builtin_ia32_crc32di(c, word);
    }
    uint32_t tail = (uint32_t)c;
    for (; len > 0; len--, p++)
        tail = __builtin_ia32_crc32qi(tail, *p);
    return ~tail;
}

uint32_t weir_crc32c(uint32_t crc, const void *at, size_t len)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_by_instruction(crc, at, len);
    return weir_crc32c_by_table(crc, at, len);
}

#else

uint32_t weir_crc32c(uint32_t crc, const void *at, size_t len)
{
    return weir_crc32c_by_table(crc, at, len);
}

#endif
