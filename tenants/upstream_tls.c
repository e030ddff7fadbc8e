/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_tls.c - compiles what an upstream says of TLS. Its identity covers every setting: pools
 * of connections compare nothing else.
 */
#include <string.h>

#include "node/wire/tls_hash.h"
#include "tenants/cert_record.h"
#include "tenants/compile.h"
#include "tenants/tenant.h"

_Static_assert(WEIR_TLS_CERTIFICATE_LEN == WEIR_CERT_ID_LEN, "an ID is one of the store");

static bool is_https(const Weir__V1__Upstream *u)
{
    return u->has_protocol && u->protocol == WEIR__V1__UPSTREAM__PROTOCOL__https;
}

static const Weir__V1__UpstreamTls *settings_of(const Weir__V1__Upstream *u)
{
    static const Weir__V1__UpstreamTls none = WEIR__V1__UPSTREAM_TLS__INIT;

    return u->tls != NULL ? u->tls : &none;
}

void weir_upstream_tls_measure(struct weir_compile *c, const Weir__V1__Upstream *from)
{
    const Weir__V1__UpstreamTls *t = settings_of(from);

    if (!is_https(from))
        return;
    weir_compile_measure(c, 1, sizeof(struct weir_upstream_tls));
    weir_compile_measure(c, t->n_pins, WEIR_TLS_PIN_LEN);
    weir_compile_measure_text(c, t->sni);
    weir_compile_measure_text(c, t->client_certificate);
    for (size_t i = 0; i < t->n_ciphers; i++)
        weir_compile_measure_text(c, t->ciphers[i]); /* with a colon in place of its NUL */
    c->text_len += t->ca != NULL ? t->ca->pem.len + 1 : 0;
}

static enum weir_err pins_fill(struct weir_compile *c, const Weir__V1__UpstreamTls *t,
                               struct weir_upstream_tls *ret)
{
    uint8_t(*pins)[WEIR_TLS_PIN_LEN] = weir_compile_alloc(c, t->n_pins, WEIR_TLS_PIN_LEN);

    for (size_t i = 0; i < t->n_pins; i++)
        if (!weir_tls_pin_parse(weir_span_cstr(t->pins[i]), pins[i]))
            return weir_compile_refuse(c, "tls.pins: %zu is no pin", i);
    ret->num_pins = (uint16_t)t->n_pins;
    ret->pins = pins;
    return WEIR_OK;
}

/* The names with colons between. */
static void ciphers_fill(struct weir_compile *c, const Weir__V1__UpstreamTls *t,
                         struct weir_upstream_tls *ret)
{
    for (size_t i = 0; i < t->n_ciphers; i++) {
        if (i > 0)
            c->text_at[-1] = ':'; /* the NUL behind the name before */
        struct weir_span name = weir_compile_text(c, weir_span_cstr(t->ciphers[i]));
        ret->ciphers = i > 0 ? weir_span(ret->ciphers.at, ret->ciphers.len + 1 + name.len) : name;
    }
}

/* All versions from the lowest to the highest, as a set. */
static enum weir_err versions_fill(struct weir_compile *c, const Weir__V1__UpstreamTls *t,
                                   struct weir_upstream_tls *ret)
{
    unsigned min =
        t->min_version ? weir_tls_version_of(weir_span_cstr(t->min_version)) : WEIR_TLS_1_0;
    unsigned max =
        t->max_version ? weir_tls_version_of(weir_span_cstr(t->max_version)) : WEIR_TLS_1_3;

    if (min == 0 || max < min)
        return weir_compile_refuse(c, "tls: no version from min_version to max_version");
    ret->versions = (uint8_t)(2 * max - min); /* each is a bit: all from min to max */
    return WEIR_OK;
}

/* A certificate's ID means something only to its tenant. */
static void identity_fill(struct weir_upstream_tls *t)
{
    const struct weir_span parts[] = {
        t->sni,
        t->ca,
        t->ciphers,
        weir_span(t->pins, (size_t)t->num_pins * WEIR_TLS_PIN_LEN),
        t->client_certificate,
        t->client_tenant,
    };
    struct {
        uint8_t parts[WEIR_ARRAY_LEN(parts)][WEIR_SHA256_LEN];
        uint8_t verify, versions;
    } whole;

    memset(&whole, 0, sizeof(whole));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++)
        weir_sha256(parts[i], whole.parts[i]);
    whole.verify = t->verify;
    whole.versions = t->versions;
    weir_sha256(weir_span(&whole, sizeof(whole)), t->identity);
}

enum weir_err weir_upstream_tls_fill(struct weir_compile *c, const Weir__V1__Upstream *from,
                                     const struct weir_upstream_tls **ret)
{
    const Weir__V1__UpstreamTls *t = settings_of(from);

    if (!is_https(from))
        return WEIR_OK;
    struct weir_upstream_tls *tls = weir_compile_alloc(c, 1, sizeof(*tls));
    tls->verify = t->has_verify && t->verify;
    tls->sni = weir_compile_text(c, weir_span_cstr(t->sni));
    tls->client_certificate = weir_compile_text(c, weir_span_cstr(t->client_certificate));
    if (tls->client_certificate.len > 0)
        tls->client_tenant = c->tenant->name;
    if (t->ca != NULL && t->ca->has_pem)
        tls->ca = weir_compile_text(c, weir_span(t->ca->pem.data, t->ca->pem.len));
    enum weir_err err = versions_fill(c, t, tls);
    if (err == WEIR_OK)
        err = pins_fill(c, t, tls);
    if (err < 0)
        return err;
    ciphers_fill(c, t, tls);
    identity_fill(tls);
    *ret = tls;
    return WEIR_OK;
}
