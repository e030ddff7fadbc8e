/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_words.c - see tls_words.h.
 */
#include "tenants/tls_words.h"

#include <string.h>

#include "node/base/contract.h"
#include "tenants/base64.h"

#define PIN_PREFIX "sha256/"

/* What BoringSSL has, but for suites with a pre-shared key. */
static const struct weir_tls_cipher ciphers[] = {
    { "ECDHE-ECDSA-AES128-GCM-SHA256", WEIR_TLS_1_2 },
    { "ECDHE-RSA-AES128-GCM-SHA256", WEIR_TLS_1_2 },
    { "ECDHE-ECDSA-AES256-GCM-SHA384", WEIR_TLS_1_2 },
    { "ECDHE-RSA-AES256-GCM-SHA384", WEIR_TLS_1_2 },
    { "ECDHE-ECDSA-CHACHA20-POLY1305", WEIR_TLS_1_2 },
    { "ECDHE-RSA-CHACHA20-POLY1305", WEIR_TLS_1_2 },
    { "ECDHE-ECDSA-AES128-SHA", WEIR_TLS_1_0 },
    { "ECDHE-RSA-AES128-SHA", WEIR_TLS_1_0 },
    { "ECDHE-ECDSA-AES256-SHA", WEIR_TLS_1_0 },
    { "ECDHE-RSA-AES256-SHA", WEIR_TLS_1_0 },
    { "AES128-GCM-SHA256", WEIR_TLS_1_2 },
    { "AES256-GCM-SHA384", WEIR_TLS_1_2 },
    { "AES128-SHA", WEIR_TLS_1_0 },
    { "AES256-SHA", WEIR_TLS_1_0 },
    { "DES-CBC3-SHA", WEIR_TLS_1_0 },
};

uint8_t weir_tls_version_of(struct weir_span text)
{
    static const char *const names[] = { "1.0", "1.1", "1.2", "1.3" };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_span_eq(text, weir_span_cstr(names[i])))
            return (uint8_t)(WEIR_TLS_1_0 << i);
    return 0;
}

const struct weir_tls_cipher *weir_tls_ciphers(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(ciphers);
    return ciphers;
}

const struct weir_tls_cipher *weir_tls_cipher_find(struct weir_span name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ciphers); i++)
        if (weir_span_eq(name, weir_span_cstr(ciphers[i].name)))
            return &ciphers[i];
    return NULL;
}

bool weir_tls_pin_parse(struct weir_span text, uint8_t ret[WEIR_TLS_PIN_LEN])
{
    uint8_t bytes[WEIR_TLS_PIN_TEXT_LEN];
    size_t len = 0;

    if (text.len != WEIR_TLS_PIN_TEXT_LEN || !weir_span_starts(text, WEIR_SPAN_LIT(PIN_PREFIX)) ||
        !weir_base64_decode(weir_span_from(text, strlen(PIN_PREFIX)), bytes, &len) ||
        len != WEIR_TLS_PIN_LEN)
        return false;
    memcpy(ret, bytes, WEIR_TLS_PIN_LEN);
    return true;
}
