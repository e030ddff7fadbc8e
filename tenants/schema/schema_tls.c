/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_tls.c - checks what an upstream says of TLS: fields against each other, and the
 * certificates of its authorities.
 */
#include "node/base/limits.h"
#include "node/wire/tls_trust.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_check.h"
#include "tenants/tls_words.h"

bool weir_schema_has_unread_ca(const Weir__V1__Upstream *u)
{
    const Weir__V1__Authorities *ca = u != NULL && u->tls != NULL ? u->tls->ca : NULL;

    return ca != NULL && ca->file != NULL && !ca->has_pem;
}

bool weir_schema_has_unread_client_ca(const Weir__V1__Tenant *t)
{
    const Weir__V1__ClientCertificates *from = t->tls != NULL ? t->tls->client_certificates : NULL;

    return from != NULL && from->ca != NULL && from->ca->file != NULL && !from->ca->has_pem;
}

/* -- authorities -- */

static void check_pem(struct weir_checker *c, const Weir__V1__Authorities *ca,
                      const struct weir_trail *at)
{
    struct weir_trail step = weir_trail_name(at, WEIR_SPAN_LIT("pem"));
    struct weir_tls_trust *trust = NULL;
    const char *why = NULL;

    if (ca->pem.len == 0 || ca->pem.len > WEIR_CA_MAX || weir_report_is_broken(c->report, &step))
        return;
    enum weir_err err = weir_tls_trust_new(weir_span(ca->pem.data, ca->pem.len), &trust, &why);
    if (err == WEIR_EINVAL)
        weir_report_add(c->report, &step, "%s", why);
    else if (err < 0)
        c->failed = true;
    weir_tls_trust_unref(trust);
}

static void check_authorities(struct weir_checker *c, const Weir__V1__Authorities *ca,
                              const struct weir_trail *tls)
{
    struct weir_trail at = weir_trail_name(tls, WEIR_SPAN_LIT("ca"));

    if (ca->file == NULL && !ca->has_pem && !weir_report_is_broken(c->report, &at))
        weir_report_add(c->report, &at, "needs a file or pem");
    if (ca->file != NULL && ca->has_pem) {
        struct weir_trail step = weir_trail_name(&at, WEIR_SPAN_LIT("file"));
        weir_report_add(c->report, &step, "is not allowed beside pem: give one of them");
    }
    if (ca->has_pem)
        check_pem(c, ca, &at);
}

void weir_check_client_certificates(struct weir_checker *c,
                                    const Weir__V1__ClientCertificates *from,
                                    const struct weir_trail *tls)
{
    struct weir_trail at = weir_trail_name(tls, WEIR_SPAN_LIT("client_certificates"));

    if (from->ca != NULL)
        check_authorities(c, from->ca, &at);
}

static void check_ca(struct weir_checker *c, const Weir__V1__UpstreamTls *t,
                     const struct weir_trail *tls)
{
    struct weir_trail at = weir_trail_name(tls, WEIR_SPAN_LIT("ca"));

    check_authorities(c, t->ca, tls);
    struct weir_trail verify = weir_trail_name(tls, WEIR_SPAN_LIT("verify"));
    if (!(t->has_verify && t->verify) && !weir_report_is_broken(c->report, &verify))
        weir_report_add(c->report, &at, "is of no use without verify: true");
}

/* -- versions and ciphers -- */

/* @return whether a suite can be used up to that version */
static bool is_any_usable(const Weir__V1__UpstreamTls *t, uint8_t max_version)
{
    for (size_t i = 0; i < t->n_ciphers; i++) {
        const struct weir_tls_cipher *cipher = weir_tls_cipher_find(weir_span_cstr(t->ciphers[i]));
        if (cipher == NULL || cipher->min_version <= max_version)
            return true;
    }
    return t->n_ciphers == 0;
}

static void check_versions(struct weir_checker *c, const Weir__V1__UpstreamTls *t,
                           const struct weir_trail *tls)
{
    uint8_t min = weir_tls_version_of(weir_span_cstr(t->min_version));
    uint8_t max = weir_tls_version_of(weir_span_cstr(t->max_version));
    struct weir_trail ciphers = weir_trail_name(tls, WEIR_SPAN_LIT("ciphers"));

    if (max != 0 && min > max) {
        struct weir_trail step = weir_trail_name(tls, WEIR_SPAN_LIT("min_version"));
        weir_report_add(c->report, &step, "%s is above max_version, which is %s", t->min_version,
                        t->max_version);
        return;
    }
    if (min == WEIR_TLS_1_3 && t->n_ciphers > 0)
        weir_report_add(c->report, &ciphers,
                        "are never used with min_version 1.3: TLS 1.3 has suites of its own, "
                        "which are always offered");
    else if (max != 0 && !is_any_usable(t, max))
        weir_report_add(c->report, &ciphers,
                        "need TLS 1.2, all of them, and max_version is %s: no connection could be "
                        "made",
                        t->max_version);
}

/* -- the whole -- */

void weir_check_upstream_tls(struct weir_checker *c, const Weir__V1__Upstream *u,
                             const struct weir_trail *upstream)
{
    struct weir_trail at = weir_trail_name(upstream, WEIR_SPAN_LIT("tls"));
    struct weir_trail protocol = weir_trail_name(upstream, WEIR_SPAN_LIT("protocol"));
    const Weir__V1__UpstreamTls *t = u->tls;

    if (t == NULL)
        return;
    if (!(u->has_protocol && u->protocol == WEIR__V1__UPSTREAM__PROTOCOL__https) &&
        !weir_report_is_broken(c->report, &protocol))
        weir_report_warn(c->report, &at,
                         "is not used: the protocol of this upstream is http, in clear text");
    if (t->ca != NULL)
        check_ca(c, t, &at);
    check_versions(c, t, &at);
}
