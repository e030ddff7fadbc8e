/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_check_test.c - all that can be wrong with a certificate, in words.
 */
#include "tests/unit/tenants/certs/cert_scene.h"

/* -- what is wrong -- */

static void files_that_hold_nothing_are_named(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        { "", "is empty" },
        { "hello", "holds no certificate and no private key" },
        { "\x30\x03\x02\x01\x05", "holds no certificate" },
        { "\x30\x80", "holds no certificate" },
        { "-----BEGIN CERTIFICATE-----\nAAAA", "begins and does not end" },
        { "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----", "is no Base64" },
        { "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "is no Base64" },
        { "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "is damaged" },
        { "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----", "is damaged" },
        { "-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----",
          "ssh-keygen" },
        { "-----BEGIN ", "begins and does not end" },
    };
    struct scene s;

    scene_init(&s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        again(&s);
        add_as(&s, "x.pem", weir_span_cstr(cases[i].bytes), NULL);
        assert_true(noted(&s, WEIR_CERT_FAULT, "x.pem: "));
        assert_true(noted(&s, WEIR_CERT_FAULT, cases[i].text));
        assert_int_equal(finish(&s), WEIR_EINVAL);
    }
    again(&s);
    add(&s, WEIR_SPAN_LIT("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"
                          "-----END CERTIFICATE REQUEST-----\n"));
    assert_true(noted(&s, WEIR_CERT_WARNING, "certificate request"));
    scene_deinit(&s);
}

static void a_key_that_does_not_match_or_is_not_there(void **state)
{
    struct scene s;

    scene_init(&s);
    add(&s, s.leaf.der);
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "no private key was found for \"shop.example\""));
    again(&s);
    add_as(&s, "c.pem", s.leaf.der, NULL);
    add_as(&s, "k.pem", s.root.pkcs8, NULL);
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "the private key of k.pem belongs to none"));
    again(&s);
    add(&s, s.leaf.pkcs8);
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "no certificate was found"));
    /* To look at a certificate needs no key. */
    again(&s);
    s.rules.any_key = true;
    add(&s, s.leaf.der);
    assert_int_equal(finish(&s), WEIR_OK);
    assert_int_equal(s.bundle.pkcs8.len, 0);
    scene_deinit(&s);
}

static void of_two_leaves_of_one_key_the_later_is_taken(void **state)
{
    struct scene s;
    struct cert later;

    scene_init(&s);
    cert_make(&later, &(struct cert_spec){ .subject = "later",
                                           .names = "DNS:shop.example",
                                           .not_after = CERT_NOW + 300 * CERT_DAY,
                                           .from = &s.middle });
    add(&s, s.leaf.der);
    add(&s, later.der);
    add(&s, s.leaf.pkcs8);
    assert_int_equal(finish(&s), WEIR_OK);
    assert_string_equal(s.bundle.subject, "later");
    cert_free(&later);
    scene_deinit(&s);
}

static void links_of_the_chain_are_proven(void **state)
{
    struct scene s;
    struct cert impostor, other;

    scene_init(&s);
    cert_make(&impostor, &(struct cert_spec){
                             .subject = "Middle", .is_ca = true, .fresh = true, .from = &s.root });
    cert_make(&other, &(struct cert_spec){
                          .subject = "Other", .is_ca = true, .fresh = true, .from = &s.root });
    add(&s, s.leaf.pkcs8);
    add(&s, s.leaf.der);
    expect_chain(&s, 1);
    assert_true(noted(&s, WEIR_CERT_WARNING, "no intermediate certificate is in the files"));
    add(&s, impostor.der); /* the issuer's name, another's key */
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_DOUBT, "did not sign it"));
    again(&s);
    add(&s, s.leaf.pkcs8);
    add(&s, s.leaf.der);
    add(&s, other.der);
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_DOUBT, "certificates of other issuers alone"));
    s.rules.force = true;
    again(&s);
    add(&s, s.leaf.pkcs8);
    add(&s, s.leaf.der);
    add(&s, other.der);
    expect_chain(&s, 1);
    /* Beside the right ones they are left out, with a warning. */
    s.rules.force = false;
    again(&s);
    add(&s, impostor.der);
    add(&s, other.der);
    add(&s, s.middle.der);
    add(&s, s.leaf.der);
    add(&s, s.leaf.pkcs8);
    expect_chain(&s, 2);
    assert_true(noted(&s, WEIR_CERT_WARNING, "2 certificate(s) of the files are no part"));
    cert_free(&impostor);
    cert_free(&other);
    scene_deinit(&s);
}

static void a_chain_has_its_limit_and_no_circle(void **state)
{
    enum { NUM = WEIR_TLS_CHAIN_MAX + 1 };
    struct scene s;
    struct cert many[NUM];
    struct cert leaf;
    char subject[16];

    scene_init(&s);
    for (int i = 0; i < NUM; i++) {
        snprintf(subject, sizeof(subject), "CA %d", i);
        cert_make(&many[i], &(struct cert_spec){ .subject = subject,
                                                 .is_ca = true,
                                                 .from = i == 0 ? &s.root : &many[i - 1] });
        add(&s, many[i].der);
    }
    cert_make(&leaf, &(struct cert_spec){ .subject = "leaf",
                                          .names = "DNS:a.example",
                                          .fresh = true,
                                          .from = &many[NUM - 1] });
    add(&s, leaf.der);
    add(&s, leaf.pkcs8);
    assert_int_equal(finish(&s), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "the chain has more than"));
    for (int i = 0; i < NUM; i++)
        cert_free(&many[i]);
    cert_free(&leaf);
    scene_deinit(&s);
}

/** One certificate alone, signed by itself. */
static enum weir_err alone(struct scene *s, const struct cert_spec *spec)
{
    struct cert c;

    again(s);
    cert_make(&c, spec);
    add(s, c.der);
    add(s, c.pkcs8);
    enum weir_err err = finish(s);
    cert_free(&c);
    return err;
}

static void dates_are_checked(void **state)
{
    struct scene s;
    struct cert_spec over = { .names = "DNS:a.example",
                              .not_before = CERT_NOW - 20 * CERT_DAY,
                              .not_after = CERT_NOW - 5 * CERT_DAY };
    struct cert_spec early = { .names = "DNS:a.example", .not_before = CERT_NOW + CERT_DAY };

    scene_init(&s);
    assert_int_equal(alone(&s, &over), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_DOUBT, "the certificate expired on 2027-01-10, 5 day(s) ago"));
    s.rules.force = true;
    assert_int_equal(alone(&s, &over), WEIR_OK);
    s.rules.force = false;
    assert_int_equal(alone(&s, &early), WEIR_OK);
    assert_true(noted(&s, WEIR_CERT_WARNING, "is not valid before 2027-01-16"));
    over.not_after = CERT_NOW; /* the last second is not in it */
    assert_int_equal(alone(&s, &over), WEIR_EINVAL);
    over.not_after = CERT_NOW + 1;
    assert_int_equal(alone(&s, &over), WEIR_OK);
    scene_deinit(&s);
}

static void names_are_checked(void **state)
{
    struct scene s;

    scene_init(&s);
    assert_int_equal(alone(&s, &(struct cert_spec){ .subject = NULL }), WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_DOUBT, "it names no host"));
    assert_int_equal(alone(&s, &(struct cert_spec){ .subject = "a.example" }), WEIR_OK);
    assert_true(noted(&s, WEIR_CERT_WARNING, "no subject alternative names"));
    assert_int_equal(s.bundle.num_names, 1);
    assert_int_equal(alone(&s, &(struct cert_spec){ .subject = "No Host At All" }), WEIR_EINVAL);
    assert_int_equal(alone(&s, &(struct cert_spec){ .names = "IP:192.0.2.1" }), WEIR_OK);
    assert_true(noted(&s, WEIR_CERT_WARNING, "it names no host: clients get it where"));
    assert_int_equal(alone(&s, &(struct cert_spec){ .subject = "cn.example",
                                                    .names = "DNS:A.example,DNS:a.EXAMPLE,"
                                                             "DNS:bad name,email:x@a.example" }),
                     WEIR_OK);
    assert_int_equal(s.bundle.num_names, 1);
    assert_string_equal(s.bundle.names[0], "a.example");
    assert_true(noted(&s, WEIR_CERT_WARNING, "\"bad name\" is no host name"));
    scene_deinit(&s);
}

static void keys_and_signatures_are_checked(void **state)
{
    struct scene s;
    const char *names = "DNS:a.example";

    scene_init(&s);
    assert_int_equal(
        alone(&s, &(struct cert_spec){ .names = names, .nid = NID_rsaEncryption, .bits = 1024 }),
        WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "RSA key has 1024 bits"));
    assert_int_equal(alone(&s, &(struct cert_spec){ .names = names, .nid = NID_secp224r1 }),
                     WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "a curve that cannot be served"));
    assert_int_equal(alone(&s, &(struct cert_spec){ .names = names, .nid = NID_ED25519 }), WEIR_OK);
    assert_true(noted(&s, WEIR_CERT_WARNING, "Ed25519"));
    assert_int_equal(s.bundle.kind, WEIR_TLS_KEY_ED25519);
    s.rules.force = true; /* which does not help */
    assert_int_equal(alone(&s, &(struct cert_spec){ .names = names, .md = EVP_sha1() }),
                     WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "is signed with SHA-1"));
    assert_int_equal(
        alone(&s, &(struct cert_spec){ .names = names, .nid = NID_rsaEncryption, .md = EVP_md5() }),
        WEIR_EINVAL);
    assert_true(noted(&s, WEIR_CERT_FAULT, "is signed with MD5"));
    scene_deinit(&s);
}

static void texts_of_other_people_are_made_printable(void **state)
{
    struct scene s;

    scene_init(&s);
    assert_int_equal(alone(&s, &(struct cert_spec){ .subject = "a\x1b[31m\xc3\xa4\n",
                                                    .names = "DNS:a.example" }),
                     WEIR_OK);
    assert_string_equal(s.bundle.subject, "a?[31m???");
    weir_cert_notes_init(&s.notes);
    weir_cert_note(&s.notes, WEIR_CERT_WARNING, "%s", "a\x1b\xff\n");
    assert_string_equal(s.notes.items[0].text, "a???");
    for (int i = 0; i < 2 * WEIR_CERT_NOTES_MAX; i++)
        weir_cert_note(&s.notes, WEIR_CERT_FAULT, "x");
    assert_int_equal(s.notes.num, WEIR_CERT_NOTES_MAX);
    assert_int_equal(s.notes.counts[WEIR_CERT_FAULT], 2 * WEIR_CERT_NOTES_MAX);
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
        cmocka_unit_test(files_that_hold_nothing_are_named),
        cmocka_unit_test(a_key_that_does_not_match_or_is_not_there),
        cmocka_unit_test(of_two_leaves_of_one_key_the_later_is_taken),
        cmocka_unit_test(links_of_the_chain_are_proven),
        cmocka_unit_test(a_chain_has_its_limit_and_no_circle),
        cmocka_unit_test(dates_are_checked),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(keys_and_signatures_are_checked),
        cmocka_unit_test(texts_of_other_people_are_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, keys_free);
}
