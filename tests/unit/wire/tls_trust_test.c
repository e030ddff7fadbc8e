/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_trust_test.c - authorities in PEM: what is taken, what is refused, and the lack of memory.
 * More cases of texts are in schema_tls_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "node/base/rng.h"
#include "node/wire/tls_trust.h"
#include "tests/support/cert_values.h"
#include "tests/support/failalloc.h"
#include "tests/support/test_authority.h"

static void certificates_are_counted_up_to_a_limit(void **state)
{
    static char text[(WEIR_TLS_TRUST_MAX + 1) * sizeof(TEST_AUTHORITY_PEM)]; /* no NUL */
    struct weir_tls_trust *t = NULL, *none = NULL;
    const char *why = NULL;

    (void)state;
    size_t len = strlen(TEST_AUTHORITY_PEM);
    for (size_t i = 0; i <= WEIR_TLS_TRUST_MAX; i++)
        memcpy(text + i * len, TEST_AUTHORITY_PEM, len);
    struct weir_span whole = weir_span(text, WEIR_TLS_TRUST_MAX * len);
    assert_int_equal(weir_tls_trust_new(whole, &t, &why), WEIR_OK);
    assert_int_equal(weir_tls_trust_num(t), WEIR_TLS_TRUST_MAX);
    assert_ptr_equal(weir_tls_trust_ref(t), t);
    weir_tls_trust_unref(t);
    weir_tls_trust_unref(t);
    whole.len += len;
    assert_int_equal(weir_tls_trust_new(whole, &none, &why), WEIR_EINVAL);
    assert_string_equal(why, "holds more than 64 certificates");
    assert_null(none);
    weir_tls_trust_unref(none);
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    struct weir_span whole = WEIR_SPAN_LIT(TEST_AUTHORITY_PEM);
    struct weir_tls_trust *t = NULL;
    const char *why = NULL;

    (void)state;
    /* The line end behind the last line may be missing. */
    for (size_t len = 0; len + 1 < whole.len; len++) {
        assert_int_equal(weir_tls_trust_new(weir_span(whole.at, len), &t, &why), WEIR_EINVAL);
        assert_non_null(why);
    }
    assert_null(t);
}

static void authorities_without_memory_are_refused(void **state)
{
    struct weir_tls_trust *t = NULL;
    const char *why = NULL;

    (void)state;
    weir_failalloc_after(-1);
    assert_int_equal(weir_tls_trust_new(WEIR_SPAN_LIT(TEST_AUTHORITY_PEM), &t, &why), WEIR_OK);
    weir_tls_trust_unref(t);
    t = NULL;
    unsigned long num = weir_failalloc_count();
    assert_true(num > 10);
    for (unsigned long n = 1; n <= num; n++) {
        weir_failalloc_after((long)n);
        enum weir_err err = weir_tls_trust_new(WEIR_SPAN_LIT(TEST_AUTHORITY_PEM), &t, &why);
        weir_failalloc_after(-1);
        assert_int_equal(err, WEIR_ENOMEM);
        assert_null(t);
    }
}

static void what_a_bundle_has_beside_certificates_is_passed_over(void **state)
{
    struct weir_tls_trust *t = NULL;
    static const char bundle[] =
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" TEST_AUTHORITY_PEM
        "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n" TEST_AUTHORITY_PEM;

    (void)state;
    assert_int_equal(weir_tls_trust_new_bundle(weir_span_cstr(bundle), &t), WEIR_OK);
    assert_int_equal(weir_tls_trust_num(t), 2);
    weir_tls_trust_unref(t);
    t = NULL;
    assert_int_equal(weir_tls_trust_new_bundle(WEIR_SPAN_LIT("nothing"), &t), WEIR_EINVAL);
    assert_null(t);
}

/* -- verifying -- */

/* An authority, one below it, and a server's certificate below that. */
struct chain {
    struct cert root, middle, leaf;
    struct weir_tls_trust *trust; /* the root */
    struct weir_span der[2];      /* leaf, middle */
};

static struct weir_tls_trust *trust_in(const struct cert *c)
{
    char pem[4096];
    const char *why = NULL;
    struct weir_tls_trust *t = NULL;
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_X509(bio, c->x), 1);
    int n = BIO_read(bio, pem, sizeof(pem));
    assert_true(n > 0);
    assert_int_equal(weir_tls_trust_new(weir_span(pem, (size_t)n), &t, &why), WEIR_OK);
    BIO_free(bio);
    return t;
}

/* @param names  of the leaf   @param from_day, to_day  of its validity, from now */
static void chain_make(struct chain *c, const char *names, int from_day, int to_day)
{
    uint64_t now = (uint64_t)time(NULL);
    struct cert_spec ca = { .is_ca = true,
                            .fresh = true,
                            .subject = "root",
                            .not_before = now - CERT_DAY,
                            .not_after = now + CERT_DAY };

    cert_make(&c->root, &ca);
    ca.subject = "middle";
    ca.from = &c->root;
    cert_make(&c->middle, &ca);
    const struct cert_spec leaf = { .subject = "leaf",
                                    .names = names,
                                    .fresh = true,
                                    .from = &c->middle,
                                    .not_before = now + (uint64_t)from_day * CERT_DAY,
                                    .not_after = now + (uint64_t)to_day * CERT_DAY };
    cert_make(&c->leaf, &leaf);
    c->trust = trust_in(&c->root);
    c->der[0] = c->leaf.der;
    c->der[1] = c->middle.der;
}

static void chain_free(struct chain *c)
{
    weir_tls_trust_unref(c->trust);
    cert_free(&c->leaf);
    cert_free(&c->middle);
    cert_free(&c->root);
}

static const char *verify(const struct weir_tls_trust *t, const struct weir_span *der, size_t num,
                          const char *host)
{
    const struct weir_tls_peer_name name = { .host = weir_span_cstr(host) };
    return weir_tls_trust_verify(t, der, num, &name);
}

static void a_chain_is_trusted_for_its_names_alone(void **state)
{
    static const char *const good[] = { "a.example", "A.Example", "x.b.example" };
    static const char *const bad[] = { "b.example", "x.y.b.example", "a.example.org",
                                       "example",   "leaf",          "127.0.0.1" };
    static const uint8_t v4[] = { 127, 0, 0, 1 }, other[] = { 127, 0, 0, 2 };
    struct chain c;

    (void)state;
    chain_make(&c, "DNS:a.example,DNS:*.b.example,IP:127.0.0.1", -1, 1);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++)
        assert_null(verify(c.trust, c.der, 2, good[i]));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_string_equal(verify(c.trust, c.der, 2, bad[i]), "certificate_name");
    struct weir_tls_peer_name name = { .ip = weir_span(v4, sizeof(v4)) };
    assert_null(weir_tls_trust_verify(c.trust, c.der, 2, &name));
    name.ip = weir_span(other, sizeof(other));
    assert_string_equal(weir_tls_trust_verify(c.trust, c.der, 2, &name), "certificate_name");
    chain_free(&c);
}

static void each_reason_to_refuse_a_chain_has_its_label(void **state)
{
    struct chain c, stranger, late, early;

    (void)state;
    chain_make(&c, "DNS:a.example", -1, 1);
    chain_make(&stranger, "DNS:a.example", -1, 1);
    chain_make(&late, "DNS:a.example", -2, -1);
    chain_make(&early, "DNS:a.example", 1, 2);
    assert_string_equal(verify(late.trust, late.der, 2, "a.example"), "certificate_expired");
    assert_string_equal(verify(early.trust, early.der, 2, "a.example"),
                        "certificate_not_yet_valid");
    /* Of another authority that has the same name. */
    assert_string_equal(verify(c.trust, stranger.der, 2, "a.example"), "certificate_signature");
    assert_string_equal(verify(c.trust, c.der, 1, "a.example"), "certificate_unknown_issuer");
    assert_string_equal(verify(c.trust, &stranger.root.der, 1, "root"), "certificate_self_signed");
    struct weir_tls_trust *middle = trust_in(&c.middle), *leaf = trust_in(&c.leaf);
    assert_null(verify(middle, c.der, 1, "a.example")); /* each is an anchor, root or not */
    assert_null(verify(leaf, c.der, 1, "a.example"));
    weir_tls_trust_unref(middle);
    weir_tls_trust_unref(leaf);
    chain_free(&c);
    chain_free(&stranger);
    chain_free(&late);
    chain_free(&early);
}

static void damaged_certificates_are_refused_and_no_crash(void **state)
{
    struct chain c;
    struct weir_rng rng;
    static uint8_t bytes[4096];

    (void)state;
    chain_make(&c, "DNS:a.example", -1, 1);
    weir_rng_init(&rng, 7);
    for (int i = 0; i < 2000; i++) {
        size_t len = c.leaf.der.len;
        memcpy(bytes, c.leaf.der.at, len);
        if (i % 2 == 0)
            len = weir_rng_below(&rng, len);
        else
            bytes[weir_rng_below(&rng, len)] ^= (uint8_t)(1 + weir_rng_below(&rng, 255));
        struct weir_span der[] = { weir_span(bytes, len), c.middle.der };
        assert_non_null(verify(c.trust, der, 2, "a.example"));
    }
    chain_free(&c);
}

static void a_key_is_the_same_in_every_certificate_of_it(void **state)
{
    struct cert one, two, other;
    const struct cert_spec shared = { .subject = "one" }, own = { .subject = "two", .fresh = true };
    uint8_t a[WEIR_SHA256_LEN], b[WEIR_SHA256_LEN];

    (void)state;
    cert_make(&one, &shared);
    cert_make(&two, &shared);
    cert_make(&other, &own);
    assert_true(weir_tls_key_sha256(one.der, a));
    assert_true(weir_tls_key_sha256(two.der, b));
    assert_memory_equal(a, b, sizeof(a));
    assert_true(weir_tls_key_sha256(other.der, b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_false(weir_tls_key_sha256(weir_span(one.der.at, one.der.len - 1), b));
    assert_false(weir_tls_key_sha256(WEIR_SPAN_EMPTY, b));
    cert_free(&one);
    cert_free(&two);
    cert_free(&other);
}

static void verifying_without_memory_trusts_nobody(void **state)
{
    struct chain c;
    unsigned long num;

    (void)state;
    chain_make(&c, "DNS:a.example", -1, 1);
    weir_failalloc_after(-1);
    assert_null(verify(c.trust, c.der, 2, "a.example"));
    num = weir_failalloc_count();
    for (unsigned long n = 1; n <= num; n++) {
        weir_failalloc_once((long)n);
        const char *why = verify(c.trust, c.der, 2, "b.example");
        weir_failalloc_after((long)n);
        const char *all = verify(c.trust, c.der, 2, "a.example");
        weir_failalloc_after(-1);
        assert_non_null(why);
        assert_true(all != NULL || n > 1);
    }
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_counted_up_to_a_limit),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(authorities_without_memory_are_refused),
        cmocka_unit_test(what_a_bundle_has_beside_certificates_is_passed_over),
        cmocka_unit_test(a_chain_is_trusted_for_its_names_alone),
        cmocka_unit_test(each_reason_to_refuse_a_chain_has_its_label),
        cmocka_unit_test(damaged_certificates_are_refused_and_no_crash),
        cmocka_unit_test(a_key_is_the_same_in_every_certificate_of_it),
        cmocka_unit_test(verifying_without_memory_trusts_nobody),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    cert_keys_free();
    return failed;
}
