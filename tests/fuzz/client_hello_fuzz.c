/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello_fuzz.c - the bytes of a ClientHello: whatever they are, what is read of them lies in
 * its bounds, and no prefix of a hello that ends in an extension is one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/client_hello.h"
#include "node/wire/tls_identity.h"
#include "node/wire/uri.h"
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct weir_client_hello h;
    uint8_t *copy = malloc(len + 1); /* of its exact size: ASan sees a read beyond it */
    FUZZ_CHECK(copy != NULL);
    uint8_t *exact = realloc(copy, len > 0 ? len : 1);
    FUZZ_CHECK(exact != NULL);
    if (len > 0)
        memcpy(exact, at, len);
    memset(&h, 0xa5, sizeof(h));
    if (weir_client_hello_read(weir_span(exact, len), &h)) {
        FUZZ_CHECK(h.sni <= WEIR_SNI_INVALID);
        FUZZ_CHECK((h.versions & ~15) == 0 && (h.alpn & ~3) == 0);
        FUZZ_CHECK((h.keys_12 & ~31) == 0 && (h.keys_13 & ~31) == 0);
        FUZZ_CHECK(h.alpn == 0 || h.has_alpn);
        if (h.sni == WEIR_SNI_NAME) {
            struct weir_authority a;
            struct weir_span name = weir_span(h.name, h.name_len);
            FUZZ_CHECK(name.len > 0 && name.len <= WEIR_HOST_MAX);
            FUZZ_CHECK(weir_authority_parse(name, &a) == WEIR_OK && !a.is_ip);
            FUZZ_CHECK(weir_span_eq(weir_span(a.host, a.host_len), name));
        }
        for (size_t cut = 1; cut < len && cut < 64; cut++) {
            struct weir_client_hello less;
            /* Without its extensions a hello is whole too: only the cut before them is legal. */
            if (weir_client_hello_read(weir_span(exact, len - cut), &less))
                FUZZ_CHECK(less.sni == WEIR_SNI_NONE && !less.has_alpn);
        }
    } else {
        FUZZ_CHECK(h.sni == 0xa5);
    }
    free(exact);
    return 0;
}
