/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_tls_test.c - what a tenant says of TLS to its endpoints, compiled: presets, values, and
 * an identity that tells settings apart and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tenants/tenant.h"
#include "tests/support/failalloc.h"
#include "tests/support/tenant_values.h"
#include "tests/support/test_authority.h"

#define PIN   "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY="
#define PIN_2 "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct weir_siphash_key secret = { { 3, 4 } };

/* A tenant with one upstream over TLS. */
static struct weir_tenant *compiled(const char *name, Weir__V1__UpstreamTls *tls)
{
    struct stored s;
    struct weir_tenant *t = NULL;

    stored_init(&s, name);
    stored_host(&s, "shop.example.com");
    Weir__V1__Upstream *u = stored_upstream(&s, "web");
    stored_endpoint(&s, u, "10.0.0.1:443");
    u->has_protocol = 1;
    u->protocol = WEIR__V1__UPSTREAM__PROTOCOL__https;
    u->tls = tls;
    assert_int_equal(weir_tenant_compile(stored_pack(&s), &secret, &t), WEIR_OK);
    stored_deinit(&s);
    return t;
}

static void presets_are_those_of_an_upstream_of_any_age(void **state)
{
    struct weir_tenant *t = compiled("shop", NULL);
    const struct weir_upstream_tls *tls = t->upstreams[0].tls;

    (void)state;
    assert_non_null(tls);
    assert_false(tls->verify);
    assert_int_equal(tls->versions, WEIR_TLS_1_0 | WEIR_TLS_1_1 | WEIR_TLS_1_2 | WEIR_TLS_1_3);
    assert_int_equal(tls->sni.len, 0);
    assert_int_equal(tls->ca.len, 0);
    assert_int_equal(tls->ciphers.len, 0);
    assert_int_equal(tls->num_pins, 0);
    weir_tenant_unref(t);
}

static void every_setting_is_compiled(void **state)
{
    Weir__V1__UpstreamTls tls = WEIR__V1__UPSTREAM_TLS__INIT;
    Weir__V1__Authorities ca = WEIR__V1__AUTHORITIES__INIT;
    char *pins[] = { (char *)PIN, (char *)PIN_2 };
    char *ciphers[] = { (char *)"AES128-SHA", (char *)"ECDHE-RSA-AES128-GCM-SHA256" };

    (void)state;
    tls.sni = (char *)"origin.example";
    tls.has_verify = tls.verify = 1;
    tls.ca = &ca;
    ca.has_pem = 1;
    ca.pem = (ProtobufCBinaryData){ .len = strlen(TEST_AUTHORITY_PEM),
                                    .data = (uint8_t *)TEST_AUTHORITY_PEM };
    tls.pins = pins;
    tls.n_pins = 2;
    tls.ciphers = ciphers;
    tls.n_ciphers = 2;
    tls.min_version = (char *)"1.1";
    tls.max_version = (char *)"1.2";
    struct weir_tenant *t = compiled("shop", &tls);
    const struct weir_upstream_tls *c = t->upstreams[0].tls;
    assert_true(weir_span_eq(c->sni, WEIR_SPAN_LIT("origin.example")));
    assert_int_equal(c->sni.at[c->sni.len], '\0');
    assert_true(c->verify);
    assert_true(weir_span_eq(c->ca, WEIR_SPAN_LIT(TEST_AUTHORITY_PEM)));
    assert_int_equal(c->num_pins, 2);
    assert_int_equal(c->pins[0][0], 0x06);
    assert_int_equal(c->pins[0][31], 0x96);
    assert_int_equal(c->pins[1][31], 0);
    assert_true(weir_span_eq(c->ciphers, WEIR_SPAN_LIT("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")));
    assert_int_equal(c->ciphers.at[c->ciphers.len], '\0');
    assert_int_equal(c->versions, WEIR_TLS_1_1 | WEIR_TLS_1_2);
    weir_tenant_unref(t);
}

/* Settings as they differ from the presets in one thing each. */
static void set_one(Weir__V1__UpstreamTls *tls, int which)
{
    static Weir__V1__Authorities ca;
    static char *pins[] = { (char *)PIN, (char *)PIN_2 };
    static char *ciphers[] = { (char *)"AES128-SHA", (char *)"AES256-SHA" };
    static char *swapped[] = { (char *)"AES256-SHA", (char *)"AES128-SHA" };

    weir__v1__upstream_tls__init(tls);
    weir__v1__authorities__init(&ca);
    ca.has_pem = 1;
    ca.pem = (ProtobufCBinaryData){ .len = strlen(TEST_AUTHORITY_PEM),
                                    .data = (uint8_t *)TEST_AUTHORITY_PEM };
    tls->sni = which == 1 ? (char *)"a.example" : which == 2 ? (char *)"b.example" : NULL;
    tls->has_verify = tls->verify = which == 3 || which == 4;
    tls->ca = which == 4 ? &ca : NULL;
    tls->n_pins = which == 5 ? 1 : which == 6 ? 2 : 0;
    tls->pins = pins;
    tls->n_ciphers = which == 7 || which == 8 ? 2 : 0;
    tls->ciphers = which == 7 ? ciphers : swapped;
    tls->min_version = which == 9 ? (char *)"1.1" : NULL;
    tls->max_version = which == 10 ? (char *)"1.2" : NULL;
}

#define SETTINGS 11

static void an_identity_tells_each_setting_apart(void **state)
{
    uint8_t seen[SETTINGS][WEIR_TLS_IDENTITY_LEN];
    uint64_t keys[SETTINGS], stable = 0;

    (void)state;
    for (int i = 0; i < SETTINGS; i++) {
        Weir__V1__UpstreamTls tls;
        set_one(&tls, i);
        struct weir_tenant *t = compiled("shop", &tls);
        struct weir_tenant *other = compiled("other", &tls);
        memcpy(seen[i], t->upstreams[0].tls->identity, sizeof(seen[i]));
        keys[i] = t->upstreams[0].endpoints[0].key;
        /* The same settings of another tenant are the same. */
        assert_memory_equal(other->upstreams[0].tls->identity, seen[i], sizeof(seen[i]));
        /* A client stays at the endpoint that its hash chose, whatever the settings are. */
        assert_true(i == 0 || stable == t->upstreams[0].endpoints[0].stable_hash);
        stable = t->upstreams[0].endpoints[0].stable_hash;
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(seen[i], seen[k], sizeof(seen[i]));
            assert_true(keys[i] != keys[k]);
        }
        weir_tenant_unref(t);
        weir_tenant_unref(other);
    }
}

static void without_https_there_is_no_tls(void **state)
{
    struct stored s;
    struct weir_tenant *t = NULL;
    Weir__V1__UpstreamTls tls;

    (void)state;
    set_one(&tls, 4);
    stored_init_small(&s, "shop", "shop.example.com");
    s.t.upstreams[0]->value->tls = &tls;
    assert_int_equal(weir_tenant_compile(stored_pack(&s), &secret, &t), WEIR_OK);
    assert_null(t->upstreams[0].tls);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void no_failed_allocation_leaks(void **state)
{
    struct stored s;
    Weir__V1__UpstreamTls tls;

    (void)state;
    set_one(&tls, 4);
    stored_init_small(&s, "shop", "shop.example.com");
    s.t.upstreams[0]->value->tls = &tls;
    s.t.upstreams[0]->value->has_protocol = 1;
    s.t.upstreams[0]->value->protocol = WEIR__V1__UPSTREAM__PROTOCOL__https;
    struct weir_span value = stored_pack(&s);
    enum weir_err err = WEIR_ENOMEM;
    for (long n = 1; err != WEIR_OK; n++) {
        struct weir_tenant *t = NULL;
        weir_failalloc_once(n);
        err = weir_tenant_compile(value, &secret, &t);
        weir_failalloc_after(-1);
        assert_int_equal(t != NULL, err == WEIR_OK);
        weir_tenant_unref(t);
        assert_true(n < 10000);
    }
    stored_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_those_of_an_upstream_of_any_age),
        cmocka_unit_test(every_setting_is_compiled),
        cmocka_unit_test(an_identity_tells_each_setting_apart),
        cmocka_unit_test(without_https_there_is_no_tls),
        cmocka_unit_test(no_failed_allocation_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
