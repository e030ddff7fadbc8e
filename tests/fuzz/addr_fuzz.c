/* SPDX-License-Identifier: Apache-2.0
 *
 * addr_fuzz.c - any bytes as address, address with port and prefix: what is taken must survive
 * being written out and read again.
 */
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_span in = weir_span(bytes, len);
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_addr a;
    struct weir_addr again;
    struct weir_prefix p;

    if (weir_addr_parse_ip(in, &a) == WEIR_OK) {
        size_t num = weir_addr_ip_text(&a, text);
        WEIR_ASSERT(weir_addr_parse_ip(weir_span(text, num), &again) == WEIR_OK);
        WEIR_ASSERT(weir_addr_eq(&a, &again));
        /* Without a slash the same text is the prefix of this one address. */
        WEIR_ASSERT(weir_prefix_parse(in, &p) == WEIR_OK);
        WEIR_ASSERT(p.len == 128);
    }
    if (weir_addr_parse(in, &a) == WEIR_OK) {
        size_t num = weir_addr_text(&a, text);
        WEIR_ASSERT(weir_addr_parse(weir_span(text, num), &again) == WEIR_OK);
        WEIR_ASSERT(weir_addr_eq(&a, &again));
    }
    if (weir_prefix_parse(in, &p) == WEIR_OK) {
        struct weir_addr first = { .port = 0 };
        for (size_t i = 0; i < sizeof(first.ip); i++)
            first.ip[i] = p.ip[i];
        /* The host bits are 0, so that the prefix begins with its own address. */
        WEIR_ASSERT(weir_prefix_contains(&p, &first));
    }
    return 0;
}
