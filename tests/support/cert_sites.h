/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_sites.h - certificates of tenants in a real store, with their keys sealed, as a push leaves
 * them there.
 */
#ifndef WEIR_TESTS_SUPPORT_CERT_SITES_H
#define WEIR_TESTS_SUPPORT_CERT_SITES_H

#include "tenants/cert_record.h"
#include "tenants/cert_seal.h"
#include "tests/support/cert_values.h"
#include "tests/support/store_kit.h"

/** The ID of the certificate that was put last. */
static char cert_sites_id[WEIR_CERT_ID_LEN + 1];

/** A certificate of one name for a tenant. @param spec  nid and bits of it count */
static inline void cert_sites_put(struct kit *k, const struct weir_secret *secret,
                                  const char *tenant, const char *name,
                                  const struct cert_spec *spec)
{
    int nid = spec->nid;
    char alt[300];
    char *id = cert_sites_id;
    char *names[] = { (char *)(uintptr_t)name };
    uint8_t sealed[WEIR_SEAL_MAX], key[WEIR_CERT_KEY_MAX];
    struct cert c;
    struct kit_write kw;
    Weir__V1__Certificate m;

    (void)snprintf(alt, sizeof(alt), "DNS:%s", name);
    cert_make(&c,
              &(struct cert_spec){ .subject = name, .names = alt, .nid = nid, .bits = spec->bits });
    weir_cert_id(c.der, id);
    size_t key_len = weir_cert_key(weir_span_cstr(tenant), weir_span_cstr(id), key);
    assert_int_equal(weir_cert_seal(secret, weir_span(key, key_len), c.pkcs8, sealed), WEIR_OK);
    weir__v1__certificate__init(&m);
    ProtobufCBinaryData chain = { c.der.len, (uint8_t *)(uintptr_t)c.der.at };
    m.n_chain = 1;
    m.chain = &chain;
    m.has_sealed_key = true;
    m.sealed_key = (ProtobufCBinaryData){ c.pkcs8.len + WEIR_SEAL_OVERHEAD, sealed };
    m.has_key_kind = true;
    m.key_kind = nid == NID_rsaEncryption ? WEIR_TLS_KEY_RSA : WEIR_TLS_KEY_P256;
    m.n_names = 1;
    m.names = names;
    m.has_not_before = m.has_not_after = true;
    m.not_before = CERT_NOW - CERT_DAY;
    m.not_after = CERT_NOW + 90 * CERT_DAY;
    size_t len = weir__v1__certificate__get_packed_size(&m);
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    weir__v1__certificate__pack(&m, bytes);
    kit_write_init(&kw, weir_span(key, key_len), weir_span(bytes, len));
    kw.w.class = WEIR_CLASS_CERT;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    free(bytes);
    cert_free(&c);
}

#endif
