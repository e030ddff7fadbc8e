/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_pem_test.c - the node's certificate: made, read back, refused when it is not whole, and no
 * memory at any point.
 */
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "node/wire/pem/tls_pem.h"
#include "node/wire/tls_trust.h"
#include "tests/support/cert_values.h"
#include "tests/support/failalloc.h"

#define NOW_S 1800000000

/** What was made. */
struct own {
    struct weir_strbuf text;
    struct weir_span certificate, key;
};

static void names_set(struct weir_tls_pem_names *n)
{
    *n = (struct weir_tls_pem_names){ .common = "ams-1",
                                      .dns = { "ams-1", "localhost" },
                                      .num_dns = 2 };
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("192.0.2.7"), &n->ips[0]), WEIR_OK);
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("2001:db8::7"), &n->ips[1]), WEIR_OK);
    n->num_ips = 2;
}

static void own_make(struct own *o)
{
    struct weir_tls_pem_names names;
    size_t len = 0;
    names_set(&names);
    o->text = WEIR_STRBUF_ZERO;
    assert_int_equal(weir_tls_pem_make(&names, (int64_t)time(NULL), &o->text, &len), WEIR_OK);
    o->certificate = weir_span(o->text.at, len);
    o->key = weir_span(o->text.at + len, o->text.len - len);
}

static void own_free(struct own *o)
{
    weir_strbuf_deinit(&o->text);
}

static X509 *parse(struct weir_span pem)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(x);
    return x;
}

static void what_is_made_is_read_back(void **state)
{
    struct own o;
    struct weir_tls_pem p;
    const char *why = NULL;
    (void)state;
    own_make(&o);
    assert_true(weir_span_starts(o.key, WEIR_SPAN_LIT("-----BEGIN PRIVATE KEY-----\n")));
    struct weir_span both = weir_span(o.text.at, o.text.len);
    assert_int_equal(weir_tls_pem_read(both, both, &p, &why), WEIR_OK);
    assert_int_equal(weir_tls_identity_kind(p.identity), WEIR_TLS_KEY_P256);
    assert_in_range(p.not_after_s - time(NULL), INT64_C(3650) * 86400 - 10, INT64_C(3650) * 86400);
    weir_tls_identity_unref(p.identity);
    own_free(&o);
}

static void each_is_another_one(void **state)
{
    struct own a;
    struct own b;
    (void)state;
    own_make(&a);
    own_make(&b);
    assert_false(weir_span_eq(a.certificate, b.certificate));
    assert_false(weir_span_eq(a.key, b.key));
    own_free(&a);
    own_free(&b);
}

/* RFC 9525: by what the certificate is for, names and addresses. */
static void a_client_that_has_it_trusts_its_names_alone(void **state)
{
    static const struct {
        const char *host;
        uint8_t ip[16];
        size_t ip_len;
        bool good;
    } cases[] = {
        { "ams-1", { 0 }, 0, true },
        { "localhost", { 0 }, 0, true },
        { "AMS-1", { 0 }, 0, true },
        { "ams-2", { 0 }, 0, false },
        { "192.0.2.7", { 0 }, 0, false },
        { "", { 192, 0, 2, 7 }, 4, true },
        { "", { 192, 0, 2, 8 }, 4, false },
        { "", { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 }, 16, true },
        { "", { 0x20, 0x01, 0x0d, 0xb8, [15] = 8 }, 16, false },
    };
    struct own o;
    struct weir_tls_trust *trust = NULL;
    const char *why = NULL;
    uint8_t *der = NULL;
    (void)state;
    own_make(&o);
    assert_int_equal(weir_tls_trust_new(o.certificate, &trust, &why), WEIR_OK);
    X509 *x = parse(o.certificate);
    struct weir_span chain = weir_span(NULL, (size_t)i2d_X509(x, &der));
    chain.at = der;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_tls_peer_name name = { .host = weir_span_cstr(cases[i].host),
                                           .ip = weir_span(cases[i].ip, cases[i].ip_len) };
        bool good = weir_tls_trust_verify(trust, &chain, 1, &name) == NULL;
        if (good != cases[i].good)
            fail_msg("case %zu", i);
    }
    OPENSSL_free(der);
    X509_free(x);
    weir_tls_trust_unref(trust);
    own_free(&o);
}

static void a_name_longer_than_a_subject_is_cut_there_and_whole_elsewhere(void **state)
{
    char name[101];
    struct weir_tls_pem_names names = { .common = name, .dns = { name }, .num_dns = 1 };
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    size_t len = 0;
    (void)state;
    memset(name, 'a', 100);
    name[100] = '\0';
    assert_int_equal(weir_tls_pem_make(&names, NOW_S, &text, &len), WEIR_OK);
    X509 *x = parse(weir_span(text.at, len));
    assert_int_equal(X509_check_host(x, name, 100, 0, NULL), 1);
    X509_free(x);
    weir_strbuf_deinit(&text);
}

static void what_does_not_fit_together_is_named(void **state)
{
    struct own a;
    struct own b;
    struct weir_tls_pem p;
    const char *why = NULL;
    (void)state;
    own_make(&a);
    own_make(&b);
    assert_int_equal(weir_tls_pem_read(a.certificate, b.key, &p, &why), WEIR_EINVAL);
    assert_non_null(strstr(why, "does not belong"));
    assert_int_equal(weir_tls_pem_read(a.key, a.key, &p, &why), WEIR_EINVAL);
    assert_non_null(strstr(why, "no certificate"));
    assert_int_equal(weir_tls_pem_read(a.certificate, a.certificate, &p, &why), WEIR_EINVAL);
    assert_non_null(strstr(why, "no private key"));
    assert_int_equal(weir_tls_pem_read(WEIR_SPAN_EMPTY, a.key, &p, &why), WEIR_EINVAL);
    own_free(&a);
    own_free(&b);
}

/* A text that ends too soon, or has a wrong byte, is never taken for a whole one. */
static void damaged_texts_are_refused(void **state)
{
    struct own o;
    struct weir_tls_pem p;
    const char *why = NULL;
    (void)state;
    own_make(&o);
    for (size_t len = 0; len + 2 < o.certificate.len; len += 3)
        assert_int_equal(weir_tls_pem_read(weir_span(o.certificate.at, len), o.key, &p, &why),
                         WEIR_EINVAL);
    for (size_t len = 0; len + 2 < o.key.len; len += 3)
        assert_int_equal(weir_tls_pem_read(o.certificate, weir_span(o.key.at, len), &p, &why),
                         WEIR_EINVAL);
    own_free(&o);
}

static void chains_are_bounded(void **state)
{
    struct own o;
    struct weir_tls_pem p;
    const char *why = NULL;
    struct weir_strbuf many = WEIR_STRBUF_ZERO;
    (void)state;
    own_make(&o);
    for (int i = 0; i < WEIR_TLS_CHAIN_MAX; i++)
        weir_strbuf_add(&many, o.certificate);
    assert_int_equal(weir_tls_pem_read(weir_span(many.at, many.len), o.key, &p, &why), WEIR_OK);
    weir_tls_identity_unref(p.identity);
    weir_strbuf_add(&many, o.certificate);
    assert_int_equal(weir_tls_pem_read(weir_span(many.at, many.len), o.key, &p, &why), WEIR_EINVAL);
    assert_non_null(strstr(why, "more than 10"));
    weir_strbuf_deinit(&many);
    own_free(&o);
}

static void a_fingerprint_is_that_of_other_tools(void **state)
{
    struct own o;
    struct weir_tls_pem p;
    const char *why = NULL;
    char text[WEIR_TLS_FINGERPRINT_TEXT];
    uint8_t want[WEIR_SHA256_LEN];
    unsigned len = 0;
    (void)state;
    own_make(&o);
    assert_int_equal(weir_tls_pem_read(o.certificate, o.key, &p, &why), WEIR_OK);
    X509 *x = parse(o.certificate);
    assert_int_equal(X509_digest(x, EVP_sha256(), want, &len), 1);
    assert_memory_equal(p.fingerprint, want, sizeof(want));
    weir_tls_fingerprint_text(p.fingerprint, text);
    assert_int_equal(strlen(text), 71);
    assert_int_equal(strncmp(text, "sha256:", 7), 0);
    X509_free(x);
    weir_tls_identity_unref(p.identity);
    own_free(&o);
}

static void no_memory_at_any_point_is_survived(void **state)
{
    struct weir_tls_pem_names names;
    struct own o;
    (void)state;
    names_set(&names);
    own_make(&o);
    for (long n = 1;; n++) {
        struct weir_strbuf text = WEIR_STRBUF_ZERO;
        size_t len = 0;
        weir_failalloc_once(n);
        enum weir_err err = weir_tls_pem_make(&names, NOW_S, &text, &len);
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        weir_strbuf_deinit(&text);
        assert_true(!over || err == WEIR_OK);
        if (over)
            break;
    }
    for (long n = 1;; n++) {
        struct weir_tls_pem p;
        const char *why = NULL;
        weir_failalloc_once(n);
        enum weir_err err = weir_tls_pem_read(o.certificate, o.key, &p, &why);
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        if (err == WEIR_OK)
            weir_tls_identity_unref(p.identity);
        assert_true(!over || err == WEIR_OK);
        if (over)
            break;
    }
    own_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_read_back),
        cmocka_unit_test(each_is_another_one),
        cmocka_unit_test(a_client_that_has_it_trusts_its_names_alone),
        cmocka_unit_test(a_name_longer_than_a_subject_is_cut_there_and_whole_elsewhere),
        cmocka_unit_test(what_does_not_fit_together_is_named),
        cmocka_unit_test(damaged_texts_are_refused),
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(a_fingerprint_is_that_of_other_tools),
        cmocka_unit_test(no_memory_at_any_point_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
