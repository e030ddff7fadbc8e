/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c.h - private to node/base/: the table-driven half of weir_crc32c, which tests call also on
 * hosts with SSE4.2. All other code includes hash.h.
 */
#ifndef WEIR_NODE_BASE_INTERNAL_CRC32C_H
#define WEIR_NODE_BASE_INTERNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** [k][b]: the CRC register after byte b and k zero bytes, from a zero register. */
extern const uint32_t weir_crc32c_table[8][256];

/** As weir_crc32c, from the tables on every host. */
uint32_t weir_crc32c_by_table(uint32_t crc, const void *at, size_t len);

#endif
