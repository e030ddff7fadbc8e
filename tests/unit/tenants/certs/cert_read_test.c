/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_read_test.c - certificates in every form that people have them in, whole, cut and bent.
 */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tests/support/failalloc.h"
#include "tests/unit/tenants/certs/cert_scene.h"

static void pem_blocks_in_any_order_among_any_text(void **state)
{
    struct scene s;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    scene_init(&s);
    weir_strbuf_puts(&text, "\xef\xbb\xbf Bag Attributes: x\r\nsubject=CN = Root\n");
    pem(&text, "CERTIFICATE", s.root.der);
    weir_strbuf_puts(&text, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                            "-----END EC PARAMETERS-----\n");
    pem(&text, "PRIVATE KEY", s.leaf.pkcs8);
    pem(&text, "CERTIFICATE", s.middle.der);
    pem(&text, "X509 CERTIFICATE", s.leaf.der);
    pem(&text, "CERTIFICATE", s.middle.der); /* twice */
    add(&s, span_of(&text));
    expect_chain(&s, 2);
    assert_int_equal(s.notes.num, 0);
    assert_int_equal(s.bundle.num_names, 2);
    assert_string_equal(s.bundle.names[0], "shop.example");
    assert_string_equal(s.bundle.names[1], "*.shop.example");
    assert_int_equal(s.bundle.not_before, CERT_NOW - CERT_DAY);
    assert_int_equal(s.bundle.not_after, CERT_NOW + 90 * CERT_DAY);
    assert_string_equal(s.bundle.subject, "shop.example");
    assert_string_equal(s.bundle.issuer, "Middle");
    assert_int_equal(s.bundle.kind, WEIR_TLS_KEY_P256);
    weir_strbuf_deinit(&text);
    scene_deinit(&s);
}

static void pem_with_odd_line_ends_and_widths(void **state)
{
    struct scene s;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct weir_strbuf odd = WEIR_STRBUF_ZERO;

    scene_init(&s);
    pem(&text, "CERTIFICATE", s.leaf.der);
    pem(&text, "PRIVATE KEY", s.leaf.pkcs8);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n')
            weir_strbuf_puts(&odd, i % 2 ? " \t\r\n   " : "\r\n");
        else
            weir_strbuf_putc(&odd, text.at[i]);
    }
    add(&s, span_of(&odd));
    expect_chain(&s, 1);
    again(&s);
    weir_strbuf_reset(&odd);
    for (size_t i = 0; i < text.len; i++) /* all in one line */
        if (text.at[i] != '\n')
            weir_strbuf_putc(&odd, text.at[i]);
    add(&s, span_of(&odd));
    expect_chain(&s, 1);
    weir_strbuf_deinit(&odd);
    weir_strbuf_deinit(&text);
    scene_deinit(&s);
}

static void der_files_each_by_its_content(void **state)
{
    static const int nids[] = { NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1,
                                NID_rsaEncryption };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(nids); i++) {
        struct scene s;
        struct weir_strbuf key = WEIR_STRBUF_ZERO;
        struct weir_strbuf two = WEIR_STRBUF_ZERO;

        scene_init_kind(&s, nids[i]);
        write_own_form(&s, &key);
        add_as(&s, "a.key", span_of(&key), NULL);
        add_as(&s, "a.cer", s.leaf.der, NULL);
        add_as(&s, "chain.der", s.middle.der, NULL);
        expect_chain(&s, 2);
        again(&s);
        add(&s, s.leaf.pkcs8);
        weir_strbuf_add(&two, s.middle.der); /* one behind the other */
        weir_strbuf_add(&two, s.leaf.der);
        add(&s, span_of(&two));
        expect_chain(&s, 2);
        again(&s);
        weir_strbuf_reset(&two);
        pem(&two, EVP_PKEY_id(s.leaf.key) == EVP_PKEY_RSA ? "RSA PRIVATE KEY" : "EC PRIVATE KEY",
            span_of(&key));
        pem(&two, "CERTIFICATE", s.leaf.der);
        add(&s, span_of(&two));
        expect_chain(&s, 1);
        weir_strbuf_deinit(&two);
        weir_strbuf_deinit(&key);
        scene_deinit(&s);
    }
}

static void base64_without_armour(void **state)
{
    struct scene s;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    scene_init(&s);
    pem(&text, "X", s.leaf.der);
    struct weir_span inside = weir_span_from(span_of(&text), strlen("-----BEGIN X-----\n"));
    inside.len -= strlen("-----END X-----\n");
    add(&s, inside);
    add(&s, s.leaf.pkcs8);
    expect_chain(&s, 1);
    weir_strbuf_deinit(&text);
    scene_deinit(&s);
}

static void p7b_as_der_and_as_pem(void **state)
{
    struct scene s;
    struct weir_strbuf der = WEIR_STRBUF_ZERO;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    scene_init(&s);
    write_p7(&s, &der);
    add(&s, span_of(&der));
    add(&s, s.leaf.pkcs8);
    expect_chain(&s, 2);
    again(&s);
    pem(&text, "PKCS7", span_of(&der));
    add(&s, span_of(&text));
    add(&s, s.leaf.pkcs8);
    expect_chain(&s, 2);
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&der);
    scene_deinit(&s);
}

static void p12_with_its_password_and_without(void **state)
{
    struct scene s;
    struct weir_strbuf der = WEIR_STRBUF_ZERO;

    scene_init(&s);
    write_p12(&s, PASSWORD, 2048, &der);
    add_as(&s, "a.pfx", span_of(&der), PASSWORD);
    expect_chain(&s, 2);
    again(&s);
    add_as(&s, "a.pfx", span_of(&der), NULL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "a.pfx: is a PKCS #12 file (P12, PFX) with a password"));
    assert_int_equal(finish(&s), WEIR_EINVAL);
    again(&s);
    add_as(&s, "a.pfx", span_of(&der), "wrong");
    assert_true(noted(&s, WEIR_CERT_FAULT, "whose password is another one"));
    weir_strbuf_reset(&der);
    again(&s);
    write_p12(&s, "", 1, &der);
    add(&s, span_of(&der));
    expect_chain(&s, 2);
    weir_strbuf_deinit(&der);
    scene_deinit(&s);
}

static void encrypted_keys_with_their_password_and_without(void **state)
{
    struct scene s;
    struct weir_strbuf der = WEIR_STRBUF_ZERO;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    scene_init(&s);
    write_encrypted_key(&s, &der);
    pem(&text, "ENCRYPTED PRIVATE KEY", span_of(&der));
    for (int i = 0; i < 2; i++) {
        struct weir_span key = span_of(i == 0 ? &der : &text);
        again(&s);
        add(&s, s.leaf.der);
        add_as(&s, "a.key", key, PASSWORD);
        expect_chain(&s, 1);
        again(&s);
        add(&s, s.leaf.der);
        add_as(&s, "a.key", key, NULL);
        assert_true(noted(&s, WEIR_CERT_FAULT, "a.key: is encrypted: give its password"));
        assert_int_equal(finish(&s), WEIR_EINVAL);
        assert_int_equal(s.notes.num, 1); /* and not also that there is none */
        again(&s);
        add_as(&s, "a.key", key, "wrong");
        assert_true(noted(&s, WEIR_CERT_FAULT, "a.key: cannot be decrypted"));
    }
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&der);
    scene_deinit(&s);
}

/* "Proc-Type: 4,ENCRYPTED", as `openssl rsa -aes128` wrote it before PKCS #8. */
static void keys_encrypted_the_old_way(void **state)
{
    struct scene s;
    BIO *bio = BIO_new(BIO_s_mem());
    const uint8_t *at = NULL;
    size_t len = 0;

    scene_init_kind(&s, NID_rsaEncryption);
    assert_non_null(bio);
    assert_int_equal(PEM_write_bio_RSAPrivateKey(bio, EVP_PKEY_get0_RSA(s.leaf.key),
                                                 EVP_aes_128_cbc(), (uint8_t *)PASSWORD,
                                                 (int)strlen(PASSWORD), NULL, NULL),
                     1);
    assert_int_equal(BIO_mem_contents(bio, &at, &len), 1);
    add(&s, s.leaf.der);
    add_as(&s, "a.key", weir_span(at, len), PASSWORD);
    expect_chain(&s, 1);
    again(&s);
    add_as(&s, "a.key", weir_span(at, len), NULL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "a.key: is encrypted"));
    again(&s);
    add_as(&s, "a.key", weir_span(at, len), "wrong");
    assert_true(noted(&s, WEIR_CERT_FAULT, "a.key: "));
    BIO_free(bio);
    scene_deinit(&s);
}

static void parts_pair_certificates_with_keys_and_issuers(void **state)
{
    struct scene s;
    struct weir_cert_part parts[3];
    struct weir_cert_part none;

    scene_init(&s);
    add(&s, s.leaf.der);
    add(&s, s.middle.der);
    add(&s, s.leaf.pkcs8);
    for (size_t i = 0; i < 3; i++)
        assert_true(weir_cert_reader_part(s.r, i, &parts[i]));
    assert_false(weir_cert_reader_part(s.r, 3, &none));
    assert_false(parts[0].is_key || parts[0].is_ca || parts[1].is_key);
    assert_true(parts[1].is_ca && parts[2].is_key);
    assert_memory_equal(parts[0].pair, parts[2].pair, 32);
    assert_memory_not_equal(parts[1].pair, parts[2].pair, 32);
    assert_memory_equal(parts[0].issuer, parts[1].subject, 32);
    assert_true(weir_span_eq(parts[0].der, s.leaf.der));
    scene_deinit(&s);
}

/* -- limits and hostile bytes -- */

static void limits_hold(void **state)
{
    static uint8_t big[WEIR_CERT_FILE_MAX + 1];
    struct scene s;
    struct weir_strbuf many = WEIR_STRBUF_ZERO;

    scene_init(&s);
    memset(big, 'A', sizeof(big));
    add_as(&s, "big", weir_span(big, sizeof(big)), NULL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "big: has more than 512 KiB"));
    again(&s);
    add(&s, weir_span(big, WEIR_CERT_FILE_MAX));
    assert_true(noted(&s, WEIR_CERT_FAULT, "holds no certificate"));
    again(&s);
    for (int i = 0; i < WEIR_CERT_FOUND_MAX + 1; i++) {
        struct cert c;
        cert_make(&c, &(struct cert_spec){ .subject = "x" });
        weir_strbuf_add(&many, c.der);
        cert_free(&c);
    }
    add(&s, span_of(&many));
    assert_true(noted(&s, WEIR_CERT_FAULT, "more than 256 certificates"));
    again(&s);
    for (int i = 0; i < WEIR_CERT_KEYS_MAX + 1; i++) {
        struct cert c;
        cert_make(&c, &(struct cert_spec){ .subject = "x", .fresh = true });
        add(&s, c.pkcs8);
        cert_free(&c);
    }
    assert_true(noted(&s, WEIR_CERT_FAULT, "more than 8 private keys"));
    weir_strbuf_deinit(&many);
    scene_deinit(&s);
}

static void a_hostile_number_of_rounds_is_refused_at_once(void **state)
{
    struct scene s;
    struct weir_strbuf der = WEIR_STRBUF_ZERO;
    unsigned num = 0;

    scene_init(&s);
    write_p12(&s, PASSWORD, 0x010203, &der); /* INTEGER 02 03 01 02 03, found and made huge */
    for (size_t i = 0; i + 5 < der.len; i++)
        if (memcmp(der.at + i, "\x02\x03\x01\x02\x03", 5) == 0) {
            der.at[i + 2] = 0x7f;
            num++;
        }
    assert_true(num >= 1);
    add_as(&s, "file", span_of(&der), PASSWORD);
    assert_true(noted(&s, WEIR_CERT_FAULT, "hashed more than 5000000 times"));
    assert_int_equal(finish(&s), WEIR_EINVAL);
    weir_strbuf_deinit(&der);
    scene_deinit(&s);
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
    struct weir_strbuf forms[6];
    struct scene s;

    scene_init(&s);
    forms_fill(&s, forms);
    for (int i = 0; i < 6; i++) {
        size_t step = i == 3 || i == 4 ? 7 : 1; /* each of these costs a hash */
        for (size_t cut = 0; cut < forms[i].len; cut += step) {
            again(&s);
            /* A copy of its own size, so that a read behind it is found. */
            uint8_t *copy = malloc(cut + 1);
            memcpy(copy, forms[i].at, cut);
            add_as(&s, "cut", weir_span(copy, cut), PASSWORD);
            (void)finish(&s);
            free(copy);
        }
        for (size_t at = 0; at < forms[i].len; at += step) {
            again(&s);
            forms[i].at[at] = (char)(forms[i].at[at] ^ (1 << at % 8));
            add_as(&s, "bent", span_of(&forms[i]), PASSWORD);
            (void)finish(&s);
            forms[i].at[at] = (char)(forms[i].at[at] ^ (1 << at % 8));
        }
        weir_strbuf_deinit(&forms[i]);
    }
    assert_int_equal(ERR_peek_error(), 0);
    scene_deinit(&s);
}

static void without_memory_nothing_is_lost_and_nothing_invented(void **state)
{
    struct weir_strbuf forms[6];
    struct scene s;

    scene_init(&s);
    forms_fill(&s, forms);
    for (int i = 0; i < 6; i++) {
        bool done = false;
        for (long n = 1; !done; n++) {
            struct weir_cert_file file = { .name = "file",
                                           .bytes = span_of(&forms[i]),
                                           .password = PASSWORD };
            again(&s);
            weir_failalloc_once(n);
            enum weir_err err = weir_cert_reader_add(s.r, &file, &s.notes);
            if (err == WEIR_OK)
                err = finish(&s);
            done = (unsigned long)n > weir_failalloc_count();
            weir_failalloc_once(-1);
            assert_true(err == WEIR_OK || err == WEIR_ENOMEM || err == WEIR_EINVAL);
            if (err == WEIR_OK)
                assert_true(weir_span_eq(s.bundle.chain[0], s.leaf.der));
            assert_true(n < 20000);
        }
        weir_strbuf_deinit(&forms[i]);
    }
    weir_failalloc_once(1);
    struct weir_cert_reader *none = NULL;
    assert_int_equal(weir_cert_reader_new(&none), WEIR_ENOMEM);
    assert_null(none);
    weir_failalloc_once(-1);
    scene_deinit(&s);
}

static int keys_free(void **state)
{
    cert_keys_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_blocks_in_any_order_among_any_text),
        cmocka_unit_test(pem_with_odd_line_ends_and_widths),
        cmocka_unit_test(der_files_each_by_its_content),
        cmocka_unit_test(base64_without_armour),
        cmocka_unit_test(p7b_as_der_and_as_pem),
        cmocka_unit_test(p12_with_its_password_and_without),
        cmocka_unit_test(encrypted_keys_with_their_password_and_without),
        cmocka_unit_test(keys_encrypted_the_old_way),
        cmocka_unit_test(parts_pair_certificates_with_keys_and_issuers),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_hostile_number_of_rounds_is_refused_at_once),
        cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
        cmocka_unit_test(without_memory_nothing_is_lost_and_nothing_invented),
    };
    return cmocka_run_group_tests(tests, NULL, keys_free);
}
