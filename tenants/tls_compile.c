/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_compile.c - TLS towards the clients of a tenant: which versions and suites, which protocols.
 * Owner: the thread that compiles.
 */
#include "tenants/tls_compile.h"

#include <string.h>

#include "node/base/contract.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_server.h"
#include "tenants/tenant.h"

#define ALL_VERSIONS (WEIR_TLS_1_0 | WEIR_TLS_1_1 | WEIR_TLS_1_2 | WEIR_TLS_1_3)

static bool text_is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

/* The bit of "1.2". 0: none, or none is given. */
static uint8_t version_of(const char *text)
{
    static const struct {
        const char *text;
        uint8_t bit;
    } versions[] = {
        { "1.0", WEIR_TLS_1_0 },
        { "1.1", WEIR_TLS_1_1 },
        { "1.2", WEIR_TLS_1_2 },
        { "1.3", WEIR_TLS_1_3 },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(versions); i++)
        if (text_is(text, versions[i].text))
            return versions[i].bit;
    return 0;
}

uint8_t weir_tls_versions(const Weir__V1__Tls *tls)
{
    uint8_t lowest = text_is(tls->policy, "modern")   ? WEIR_TLS_1_3
                     : text_is(tls->policy, "legacy") ? WEIR_TLS_1_0
                                                      : WEIR_TLS_1_2;
    uint8_t highest = WEIR_TLS_1_3;
    if (version_of(tls->min_version) != 0)
        lowest = version_of(tls->min_version);
    if (version_of(tls->max_version) != 0)
        highest = version_of(tls->max_version);
    /* A bit is above all lower versions: those from the lowest up, without those above the highest.
     */
    return (uint8_t)(ALL_VERSIONS & -lowest & (2 * highest - 1));
}

void weir_tls_measure(struct weir_compile *c)
{
    const Weir__V1__Tls *tls = c->doc->tls;
    for (size_t i = 0; tls != NULL && i < tls->n_ciphers; i++)
        weir_compile_measure_text(c, tls->ciphers[i]);
}

/* The names in one text, separated by ":". */
static const char *join(struct weir_compile *c, char *const *names, size_t num)
{
    const char *first = NULL;
    for (size_t i = 0; i < num; i++) {
        struct weir_span copy = weir_compile_text(c, weir_span_cstr(names[i]));
        if (first == NULL)
            first = (const char *)copy.at;
        else if (copy.len > 0)
            ((uint8_t *)(uintptr_t)copy.at)[-1] = ':';
    }
    return first;
}

enum weir_err weir_tls_fill(struct weir_compile *c)
{
    static const Weir__V1__Tls absent = WEIR__V1__TLS__INIT;
    const Weir__V1__Tls *tls = c->doc->tls != NULL ? c->doc->tls : &absent;
    struct weir_tenant *t = c->tenant;
    uint8_t digest[WEIR_SHA256_LEN];
    weir_sha256(t->name, digest);
    memcpy(t->scope, digest, sizeof(t->scope));
    t->tls_versions = weir_tls_versions(tls);
    if (t->tls_versions == 0)
        return weir_compile_refuse(c, "tls: min_version is above max_version");
    t->http2 = tls->has_http2 && tls->http2;
    t->tls_ciphers = join(c, tls->ciphers, tls->n_ciphers);
    if (t->tls_ciphers == NULL && text_is(tls->policy, "legacy"))
        t->tls_ciphers = WEIR_TLS_SUITES_LEGACY;
    for (size_t i = 0; i < tls->n_ciphers; i++)
        if (!weir_tls_suite_is_known(tls->ciphers[i]))
            return weir_compile_refuse(c, "tls.ciphers: %.64s is not known", tls->ciphers[i]);
    return WEIR_OK;
}
