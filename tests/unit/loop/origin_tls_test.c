/* SPDX-License-Identifier: Apache-2.0
 *
 * origin_tls_test.c - exchanges with an endpoint over TLS, also under the failing allocator:
 * whichever allocation fails, the client gets the right response, an error or a closed connection,
 * and the next exchange is served. What servers do wrong is in tests/live/https_upstream_test.py.
 */
#include "tests/support/cert_sites.h"
#include "tests/support/failalloc.h"
#include "tests/support/tls_origin.h"
#include "tests/unit/loop/loop_rig.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"

/* Store the site again, its upstream over TLS and verified.
 * @param certificate  the ID of what weir shows; NULL: nothing */
static void secure_site(struct rig *r, const struct tls_origin *o, const char *certificate)
{
    struct stored s;
    Weir__V1__UpstreamTls tls = WEIR__V1__UPSTREAM_TLS__INIT;
    Weir__V1__Authorities ca = WEIR__V1__AUTHORITIES__INIT;
    Weir__V1__Upstream *u = rig_site(r, &s, "shop", "shop.example");
    u->has_protocol = 1;
    u->protocol = WEIR__V1__UPSTREAM__PROTOCOL__https;
    u->tls = &tls;
    tls.sni = (char *)(uintptr_t)TLS_ORIGIN_NAME;
    tls.has_verify = tls.verify = 1;
    tls.ca = &ca;
    tls.client_certificate = (char *)(uintptr_t)certificate;
    ca.has_pem = 1;
    ca.pem = (ProtobufCBinaryData){ .len = strlen(o->pem), .data = (uint8_t *)(uintptr_t)o->pem };
    sites_put(&r->kit, &s);
}

/* @return the status of the response, 0 when the connection ended without a whole one */
static uint16_t ask(struct rig *r)
{
    if (!peer_send_bytes(&r->client, REQUEST, strlen(REQUEST)) ||
        !peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response) ||
        !peer_try_body(&r->client, &r->response, WEIR_METHOD_GET))
        return 0;
    return r->response.h.status;
}

static uint16_t ask_anew(struct rig *r)
{
    peer_close(&r->client);
    peer_dial(&r->client, &r->at);
    return ask(r);
}

static void an_exchange_goes_through_tls_and_the_next_resumes_or_reuses(void **state)
{
    struct tls_origin o = { .asks = false };
    struct rig *r = rig_new();

    (void)state;
    tls_origin_start(&o, r->origin);
    secure_site(r, &o, NULL);
    rig_start(r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask_anew(r), 200);
        assert_true(message_body_is(&r->response, "ok"));
    }
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_TLS_HANDSHAKES), 1);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_REUSED), 2);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_TLS_FAILED), 0);
    rig_stop(r);
    peer_close(&r->client);
    tls_origin_stop(&o);
    rig_free(r);
}

static const struct weir_secret secret = { { 7 } };

static void a_client_certificate_of_the_store_is_shown(void **state)
{
    static const struct cert_spec kinds[] = { { .nid = 0 },
                                              { .nid = NID_rsaEncryption, .bits = 2048 },
                                              { .nid = NID_rsaEncryption, .bits = 3072 } };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        struct tls_origin o = { .asks = true };
        struct rig *r = rig_new();
        r->cfg.secret = &secret;
        cert_sites_put(&r->kit, &secret, "shop", "client.example", &kinds[i]);
        tls_origin_start(&o, r->origin);
        secure_site(r, &o, cert_sites_id);
        rig_start(r);
        assert_int_equal(ask_anew(r), 200);
        assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_TLS_HANDSHAKES), 1);
        rig_stop(r);
        peer_close(&r->client);
        tls_origin_stop(&o);
        rig_free(r);
    }
}

/* Without it nothing is sent, so that no server takes weir for somebody else. */
static void a_client_certificate_that_is_not_there_is_a_failed_handshake(void **state)
{
    struct tls_origin o = { .asks = false };

    (void)state;
    for (int with_secret = 0; with_secret < 2; with_secret++) {
        struct rig *r = rig_new();
        if (with_secret)
            r->cfg.secret = &secret;
        tls_origin_start(&o, r->origin);
        secure_site(r, &o, "00000000000000000000000000000000");
        rig_start(r);
        assert_int_equal(ask_anew(r), 502);
        assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_TLS_FAILED), 1);
        rig_stop(r);
        assert_int_equal(rig_log_count(r, "\"fault\":\"no_client_certificate\""), 1);
        peer_close(&r->client);
        tls_origin_stop(&o);
        rig_free(r);
    }
}

/* @return allocations of the exchange in which they fail */
static unsigned long run_once(struct rig *r, void (*arm)(long), long n)
{
    rig_start(r);
    peer_close(&r->client);
    peer_dial(&r->client, &r->at);
    arm(n);
    uint16_t status = ask(r);
    unsigned long count = weir_failalloc_count();
    arm(-1);
    assert_true(status == 200 || status == 0 || status >= 500);
    uint16_t after = ask_anew(r);
    if (after != 200)
        fail_msg("allocation %ld: %u, then %u", n, status, after);
    rig_stop(r);
    peer_close(&r->client);
    return count;
}

static void run_all(void (*arm)(long))
{
    struct tls_origin o = { .asks = false };
    struct rig *r = rig_new();
    long n = 1;
    tls_origin_start(&o, r->origin);
    secure_site(r, &o, NULL);
    while (run_once(r, arm, n) >= (unsigned long)n) {
        n += n < 100 ? 1 : 3; /* certificates make many allocations of a kind */
        assert_true(n < 10000);
    }
    assert_true(n > 100);
    tls_origin_stop(&o);
    rig_free(r);
}

static void one_failed_allocation_costs_at_most_its_exchange(void **state)
{
    (void)state;
    run_all(weir_failalloc_once);
}

static void running_out_of_memory_costs_at_most_what_runs(void **state)
{
    (void)state;
    run_all(weir_failalloc_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_goes_through_tls_and_the_next_resumes_or_reuses),
        cmocka_unit_test(a_client_certificate_of_the_store_is_shown),
        cmocka_unit_test(a_client_certificate_that_is_not_there_is_a_failed_handshake),
        cmocka_unit_test(one_failed_allocation_costs_at_most_its_exchange),
        cmocka_unit_test(running_out_of_memory_costs_at_most_what_runs),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cert_keys_free();
    return failed;
}
