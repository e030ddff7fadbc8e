/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_scene.h - for the tests of tenants/certs: a chain, a reader, and every form that files have.
 */
#ifndef WEIR_TESTS_UNIT_TENANTS_CERTS_CERT_SCENE_H
#define WEIR_TESTS_UNIT_TENANTS_CERTS_CERT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/base64.h>
#include <openssl/cipher.h>
#include <openssl/pkcs7.h>
#include <openssl/pkcs8.h>

#include "node/base/strbuf.h"
#include "tenants/certs/cert_read.h"
#include "tests/support/cert_values.h"

#define PASSWORD "correct horse"

/** A root, an intermediate, a leaf, and a reader. */
struct scene {
    struct cert root, middle, leaf;
    struct weir_cert_reader *r;
    struct weir_cert_notes notes;
    struct weir_cert_bundle bundle;
    struct weir_cert_rules rules;
};

static inline void scene_init_kind(struct scene *s, int nid)
{
    memset(s, 0, sizeof(*s));
    cert_make(&s->root, &(struct cert_spec){ .subject = "Root", .is_ca = true, .fresh = true });
    cert_make(
        &s->middle,
        &(struct cert_spec){ .subject = "Middle", .is_ca = true, .fresh = true, .from = &s->root });
    cert_make(&s->leaf, &(struct cert_spec){ .subject = "shop.example",
                                             .names = "DNS:shop.example,DNS:*.Shop.example",
                                             .nid = nid,
                                             .from = &s->middle });
    assert_int_equal(weir_cert_reader_new(&s->r), WEIR_OK);
    s->rules.now_s = CERT_NOW;
    weir_cert_notes_init(&s->notes);
}

static inline void scene_init(struct scene *s)
{
    scene_init_kind(s, 0);
}

static inline void scene_deinit(struct scene *s)
{
    weir_cert_reader_free(&s->r);
    weir_cert_reader_free(&s->r);
    cert_free(&s->root);
    cert_free(&s->middle);
    cert_free(&s->leaf);
}

static inline void again(struct scene *s)
{
    weir_cert_reader_reset(s->r);
    weir_cert_notes_init(&s->notes);
}

static inline void add_as(struct scene *s, const char *name, struct weir_span bytes,
                          const char *password)
{
    struct weir_cert_file file = { .name = name, .bytes = bytes, .password = password };

    assert_int_equal(weir_cert_reader_add(s->r, &file, &s->notes), WEIR_OK);
}

static inline void add(struct scene *s, struct weir_span bytes)
{
    add_as(s, "file", bytes, NULL);
}

static inline enum weir_err finish(struct scene *s)
{
    return weir_cert_reader_finish(s->r, &s->rules, &s->notes, &s->bundle);
}

/** The first note of this gravity that has this text. */
static inline bool noted(const struct scene *s, enum weir_cert_gravity gravity, const char *text)
{
    for (size_t i = 0; i < s->notes.num; i++)
        if (s->notes.items[i].gravity == gravity && strstr(s->notes.items[i].text, text) != NULL)
            return true;
    for (size_t i = 0; i < s->notes.num; i++)
        print_message("note %d: %s\n", (int)s->notes.items[i].gravity, s->notes.items[i].text);
    return false;
}

static inline void expect_chain(struct scene *s, size_t num)
{
    enum weir_err err = finish(s);

    if (err < 0)
        (void)noted(s, WEIR_CERT_FAULT, "there is none such");
    assert_int_equal(err, WEIR_OK);
    assert_int_equal(s->bundle.num, num);
    assert_true(weir_span_eq(s->bundle.chain[0], s->leaf.der));
    if (num > 1)
        assert_true(weir_span_eq(s->bundle.chain[1], s->middle.der));
    assert_true(weir_span_eq(s->bundle.pkcs8, s->leaf.pkcs8));
}

/* -- forms -- */

static inline void pem(struct weir_strbuf *out, const char *label, struct weir_span der)
{
    size_t room = 0;
    size_t len = 0;

    assert_int_equal(EVP_EncodedLength(&room, der.len), 1);
    uint8_t *text = malloc(room);
    assert_non_null(text);
    len = EVP_EncodeBlock(text, der.at, der.len);
    weir_strbuf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < len; i += 64)
        weir_strbuf_printf(out, "%.*s\n", (int)(len - i < 64 ? len - i : 64), (char *)text + i);
    weir_strbuf_printf(out, "-----END %s-----\n", label);
    free(text);
}

static inline struct weir_span span_of(const struct weir_strbuf *b)
{
    assert_false(b->failed);
    return weir_span(b->at, b->len);
}

/* Takes what CBB made. */
static inline void write_cbb(struct weir_strbuf *out, CBB *cbb)
{
    uint8_t *at = NULL;
    size_t len = 0;

    assert_int_equal(CBB_finish(cbb, &at, &len), 1);
    weir_strbuf_add(out, weir_span(at, len));
    OPENSSL_free(at);
}

static inline STACK_OF(X509) * stack_of(const struct scene *s, bool leaf)
{
    STACK_OF(X509) *certs = sk_X509_new_null();

    assert_non_null(certs);
    if (leaf)
        assert_true(sk_X509_push(certs, s->leaf.x) > 0);
    assert_true(sk_X509_push(certs, s->root.x) > 0);
    assert_true(sk_X509_push(certs, s->middle.x) > 0);
    return certs;
}

static inline void write_p7(const struct scene *s, struct weir_strbuf *out)
{
    STACK_OF(X509) *certs = stack_of(s, true);
    CBB cbb;

    assert_int_equal(CBB_init(&cbb, 1024), 1);
    assert_int_equal(PKCS7_bundle_certificates(&cbb, certs), 1);
    write_cbb(out, &cbb);
    sk_X509_free(certs);
}

static inline void write_p12(const struct scene *s, const char *password, int iterations,
                             struct weir_strbuf *out)
{
    STACK_OF(X509) *certs = stack_of(s, false);
    PKCS12 *p12 = PKCS12_create(password, "name", s->leaf.key, s->leaf.x, certs, 0, 0, iterations,
                                iterations, 0);
    uint8_t *der = NULL;

    assert_non_null(p12);
    int len = i2d_PKCS12(p12, &der);
    assert_true(len > 0);
    weir_strbuf_add(out, weir_span(der, (size_t)len));
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_X509_free(certs);
}

static inline void write_encrypted_key(const struct scene *s, struct weir_strbuf *out)
{
    CBB cbb;

    assert_int_equal(CBB_init(&cbb, 1024), 1);
    assert_int_equal(PKCS8_marshal_encrypted_private_key(&cbb, -1, EVP_aes_256_cbc(), PASSWORD,
                                                         strlen(PASSWORD), NULL, 0, 2048,
                                                         s->leaf.key),
                     1);
    write_cbb(out, &cbb);
}

static inline void write_own_form(const struct scene *s, struct weir_strbuf *out)
{
    CBB cbb;

    assert_int_equal(CBB_init(&cbb, 1024), 1);
    if (EVP_PKEY_id(s->leaf.key) == EVP_PKEY_RSA)
        assert_int_equal(RSA_marshal_private_key(&cbb, EVP_PKEY_get0_RSA(s->leaf.key)), 1);
    else
        assert_int_equal(EC_KEY_marshal_private_key(&cbb, EVP_PKEY_get0_EC_KEY(s->leaf.key), 0), 1);
    write_cbb(out, &cbb);
}

/** Every form of the scene's leaf. */
static inline void forms_fill(const struct scene *s, struct weir_strbuf forms[6])
{
    for (int i = 0; i < 6; i++)
        forms[i] = WEIR_STRBUF_ZERO;
    weir_strbuf_add(&forms[0], s->leaf.der);
    pem(&forms[1], "CERTIFICATE", s->leaf.der);
    pem(&forms[1], "PRIVATE KEY", s->leaf.pkcs8);
    write_p7(s, &forms[2]);
    write_p12(s, PASSWORD, 1, &forms[3]);
    write_encrypted_key(s, &forms[4]);
    write_own_form(s, &forms[5]);
}

#endif
