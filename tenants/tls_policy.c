/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_policy.c - see tls_policy.h.
 */
#include "tenants/tls_policy.h"

#include <string.h>

#include "node/base/span.h"
#include "node/wire/client_hello.h"
#include "tenants/tls_words.h"

#define ALL_VERSIONS (WEIR_TLS_1_0 | WEIR_TLS_1_1 | WEIR_TLS_1_2 | WEIR_TLS_1_3)

static bool text_is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

uint8_t weir_tls_versions(const Weir__V1__Tls *tls)
{
    uint8_t lowest = text_is(tls->policy, "modern")   ? WEIR_TLS_1_3
                     : text_is(tls->policy, "legacy") ? WEIR_TLS_1_0
                                                      : WEIR_TLS_1_2;
    uint8_t highest = WEIR_TLS_1_3;
    uint8_t given = weir_tls_version_of(weir_span_cstr(tls->min_version));
    lowest = given != 0 ? given : lowest;
    given = weir_tls_version_of(weir_span_cstr(tls->max_version));
    highest = given != 0 ? given : highest;
    /* A bit is above all lower versions: those from the lowest up, without those above the highest.
     */
    return (uint8_t)(ALL_VERSIONS & -lowest & (2 * highest - 1));
}
