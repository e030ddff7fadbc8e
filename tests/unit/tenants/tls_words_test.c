/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_words_test.c - versions, cipher suites and pins as documents write them. That BoringSSL knows
 * each suite, from the version that the table tells, is compared with BoringSSL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "node/base/contract.h"
#include "node/wire/tls_identity.h"
#include "tenants/tls_words.h"

static void versions_have_one_spelling(void **state)
{
    static const char *const none[] = { "", "1", "1.", "1.4", "0.9", "1.00", "TLSv1.2", "SSLv3" };

    (void)state;
    assert_int_equal(weir_tls_version_of(WEIR_SPAN_LIT("1.0")), WEIR_TLS_1_0);
    assert_int_equal(weir_tls_version_of(WEIR_SPAN_LIT("1.1")), WEIR_TLS_1_1);
    assert_int_equal(weir_tls_version_of(WEIR_SPAN_LIT("1.2")), WEIR_TLS_1_2);
    assert_int_equal(weir_tls_version_of(WEIR_SPAN_LIT("1.3")), WEIR_TLS_1_3);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(none); i++)
        assert_int_equal(weir_tls_version_of(weir_span_cstr(none[i])), 0);
}

/* Its version and its kind of key are those of client_hello.h too. */
static void expect_bit(const SSL_CIPHER *cipher)
{
    uint16_t bit = weir_tls_suite_bit(SSL_CIPHER_get_protocol_id(cipher));
    bool is_ecdsa = SSL_CIPHER_get_auth_nid(cipher) == NID_auth_ecdsa;
    bool is_new = SSL_CIPHER_get_min_version(cipher) == TLS1_2_VERSION;
    bool is_strong = SSL_CIPHER_is_aead(cipher) && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe;

    assert_int_not_equal(bit, 0);
    assert_int_equal((weir_tls_suites_keys(bit, WEIR_TLS_1_2) & WEIR_TLS_KEY_RSA) != 0, !is_ecdsa);
    assert_int_equal((weir_tls_suites_keys(bit, WEIR_TLS_1_2) & WEIR_TLS_KEY_P256) != 0, is_ecdsa);
    assert_int_equal(weir_tls_suites_keys(bit, WEIR_TLS_1_1) == 0, is_new);
    assert_int_equal((bit & WEIR_TLS_SUITES_STRONG) != 0, is_strong);
}

static void the_suites_are_those_of_boringssl(void **state)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
    size_t num, num_usable = 0;
    const struct weir_tls_cipher *all = weir_tls_ciphers(&num);

    (void)state;
    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_set_strict_cipher_list(ctx, "ALL"), 1);
    const STACK_OF(SSL_CIPHER) *theirs = SSL_CTX_get_ciphers(ctx);
    for (size_t i = 0; i < sk_SSL_CIPHER_num(theirs); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(theirs, i);
        const char *name = SSL_CIPHER_get_name(cipher);
        const struct weir_tls_cipher *ours = weir_tls_cipher_find(weir_span_cstr(name));
        if (strstr(name, "PSK") != NULL) {
            assert_null(ours);
            continue;
        }
        assert_non_null(ours);
        assert_int_equal(ours->min_version == WEIR_TLS_1_2,
                         SSL_CIPHER_get_min_version(cipher) == TLS1_2_VERSION);
        expect_bit(cipher);
        num_usable++;
    }
    assert_int_equal(num, num_usable);
    assert_int_equal(WEIR_TLS_SUITES_ALL, (1u << num) - 1);
    for (size_t i = 0; i < num; i++) {
        assert_true(strlen(all[i].name) <= WEIR_TLS_CIPHER_MAX);
        assert_int_equal(SSL_CTX_set_strict_cipher_list(ctx, all[i].name), 1);
    }
    assert_null(weir_tls_cipher_find(WEIR_SPAN_LIT("aes128-sha")));
    assert_null(weir_tls_cipher_find(WEIR_SPAN_EMPTY));
    SSL_CTX_free(ctx);
}

static void a_pin_is_the_base64_of_a_sha_256(void **state)
{
    static const char *const bad[] = {
        "",
        "sha256/",
        "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY",
        "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY==",
        "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZZ=",
        "sha256/Bl-DUpirqRh2HTX3mB3_fB11-_zwAEKMiS7Pk09CMZY=",
        "SHA256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=",
        "sha256:Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=",
        "Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=sha256/",
        "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMQ==",
    };
    uint8_t pin[WEIR_TLS_PIN_LEN], before[WEIR_TLS_PIN_LEN];

    (void)state;
    assert_true(weir_tls_pin_parse(
        WEIR_SPAN_LIT("sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY="), pin));
    assert_int_equal(pin[0], 0x06);
    assert_int_equal(pin[1], 0x5f);
    assert_int_equal(pin[31], 0x96);
    memcpy(before, pin, sizeof(pin));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        assert_false(weir_tls_pin_parse(weir_span_cstr(bad[i]), pin));
        assert_memory_equal(pin, before, sizeof(pin));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_have_one_spelling),
        cmocka_unit_test(the_suites_are_those_of_boringssl),
        cmocka_unit_test(a_pin_is_the_base64_of_a_sha_256),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
