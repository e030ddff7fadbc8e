/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_compile.c - TLS towards the clients of a tenant: which versions and suites, which protocols.
 * Owner: the thread that compiles.
 */
#include <string.h>

#include "node/base/limits.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_server.h"
#include "tenants/compile.h"
#include "tenants/tenant.h"
#include "tenants/tls_policy.h"

static bool text_is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

void weir_tls_measure(struct weir_compile *c)
{
    const Weir__V1__Tls *tls = c->doc->tls;
    for (size_t i = 0; tls != NULL && i < tls->n_ciphers; i++)
        weir_compile_measure_text(c, tls->ciphers[i]);
    if (tls != NULL && tls->client_certificates != NULL && tls->client_certificates->ca != NULL)
        c->text_len += tls->client_certificates->ca->pem.len + 1;
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

/* Sessions of one scope resume; a request on a connection of another scope is misdirected. So a
 * change of whom a tenant asks for what ends what was agreed on before. */
static void set_scope(struct weir_tenant *t)
{
    uint8_t bytes[WEIR_TENANT_NAME_MAX + 2 + WEIR_SHA256_LEN], digest[WEIR_SHA256_LEN];
    size_t len = t->name.len;
    memcpy(bytes, t->name.at, len);
    if (t->tls_ask != WEIR_TLS_ASK_NONE) {
        bytes[len++] = '\0';
        bytes[len++] = t->tls_ask;
        weir_sha256(t->client_ca, bytes + len);
        len += WEIR_SHA256_LEN;
    }
    weir_sha256(weir_span(bytes, len), digest);
    memcpy(t->scope, digest, sizeof(t->scope));
}

static enum weir_err client_certificates_fill(struct weir_compile *c,
                                              const Weir__V1__ClientCertificates *from)
{
    struct weir_tenant *t = c->tenant;
    if (from == NULL)
        return WEIR_OK;
    if (from->ca == NULL || from->ca->pem.len == 0)
        return weir_compile_refuse(c, "tls.client_certificates: needs certificates in ca");
    t->tls_ask = text_is(from->mode, "optional") ? WEIR_TLS_ASK_OPTIONAL : WEIR_TLS_ASK_REQUIRED;
    t->client_ca = weir_compile_text(c, weir_span(from->ca->pem.data, from->ca->pem.len));
    return WEIR_OK;
}

enum weir_err weir_tls_fill(struct weir_compile *c)
{
    static const Weir__V1__Tls absent = WEIR__V1__TLS__INIT;
    const Weir__V1__Tls *tls = c->doc->tls != NULL ? c->doc->tls : &absent;
    struct weir_tenant *t = c->tenant;
    t->tls_versions = weir_tls_versions(tls);
    if (t->tls_versions == 0)
        return weir_compile_refuse(c, "tls: min_version is above max_version");
    t->http2 = tls->has_http2 && tls->http2;
    t->tls_ciphers = join(c, tls->ciphers, tls->n_ciphers);
    if (t->tls_ciphers == NULL) {
        bool is_legacy = text_is(tls->policy, "legacy");
        t->tls_ciphers = is_legacy ? WEIR_TLS_SUITES_LEGACY : NULL;
        t->tls_suites = is_legacy ? WEIR_TLS_SUITES_ALL : WEIR_TLS_SUITES_STRONG;
    }
    for (size_t i = 0; i < tls->n_ciphers; i++) {
        uint16_t number = weir_tls_suite_number(tls->ciphers[i]);
        if (number == 0)
            return weir_compile_refuse(c, "tls.ciphers: %.64s is not known", tls->ciphers[i]);
        t->tls_suites |= weir_tls_suite_bit(number);
    }
    enum weir_err err = client_certificates_fill(c, tls->client_certificates);
    set_scope(t);
    return err;
}
