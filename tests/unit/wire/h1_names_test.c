/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_names_test.c - every known word is found, in any case where case is free, and no neighbour of
 * it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/wire/h1.h"

static const char *const field_names[WEIR_FIELD_COUNT] = {
    [WEIR_FIELD_OTHER] = NULL,
    [WEIR_FIELD_HOST] = "Host",
    [WEIR_FIELD_CONTENT_LENGTH] = "Content-Length",
    [WEIR_FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [WEIR_FIELD_CONNECTION] = "Connection",
    [WEIR_FIELD_KEEP_ALIVE] = "Keep-Alive",
    [WEIR_FIELD_PROXY_CONNECTION] = "Proxy-Connection",
    [WEIR_FIELD_UPGRADE] = "Upgrade",
    [WEIR_FIELD_TE] = "TE",
    [WEIR_FIELD_TRAILER] = "Trailer",
    [WEIR_FIELD_EXPECT] = "Expect",
    [WEIR_FIELD_HTTP2_SETTINGS] = "HTTP2-Settings",
    [WEIR_FIELD_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
    [WEIR_FIELD_PROXY_AUTHORIZATION] = "Proxy-Authorization",
    [WEIR_FIELD_X_FORWARDED_FOR] = "X-Forwarded-For",
    [WEIR_FIELD_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
    [WEIR_FIELD_X_FORWARDED_HOST] = "X-Forwarded-Host",
    [WEIR_FIELD_X_REAL_IP] = "X-Real-IP",
    [WEIR_FIELD_X_REQUEST_ID] = "X-Request-ID",
    [WEIR_FIELD_FORWARDED] = "Forwarded",
    [WEIR_FIELD_VIA] = "Via",
    [WEIR_FIELD_CDN_LOOP] = "CDN-Loop",
    [WEIR_FIELD_DATE] = "Date",
    [WEIR_FIELD_MAX_FORWARDS] = "Max-Forwards",
    [WEIR_FIELD_PROXY] = "Proxy",
    [WEIR_FIELD_CLIENT_CERT] = "Client-Cert",
    [WEIR_FIELD_CLIENT_CERT_CHAIN] = "Client-Cert-Chain",
};

static void field_ids_are_found_in_any_case(void **state)
{
    for (size_t id = WEIR_FIELD_HOST; id < WEIR_FIELD_COUNT; id++) {
        char name[32];
        size_t len = strlen(field_names[id]);
        for (unsigned form = 0; form < 3; form++) {
            for (size_t i = 0; i < len; i++) {
                char c = field_names[id][i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                name[i] = c;
                if (letter && form > 0)
                    name[i] = (char)(form == 1 ? c | 0x20 : c & ~0x20);
            }
            assert_int_equal(weir_field_id_of(weir_span(name, len)), id);
        }
    }
}

/* Every change of one byte to any other value, and one byte more or less, is another name. */
static void field_ids_are_of_the_exact_name(void **state)
{
    for (size_t id = WEIR_FIELD_HOST; id < WEIR_FIELD_COUNT; id++) {
        uint8_t name[32];
        size_t len = strlen(field_names[id]);
        memcpy(name, field_names[id], len);
        name[len] = 's';
        assert_int_equal(weir_field_id_of(weir_span(name, len + 1)), WEIR_FIELD_OTHER);
        assert_int_equal(weir_field_id_of(weir_span(name, len - 1)), WEIR_FIELD_OTHER);
        for (size_t i = 0; i < len; i++) {
            uint8_t was = name[i];
            for (unsigned byte = 0; byte < 256; byte++) {
                name[i] = (uint8_t)byte;
                bool same = weir_ascii_lower((uint8_t)byte) == weir_ascii_lower(was);
                assert_int_equal(weir_field_id_of(weir_span(name, len)),
                                 same ? id : WEIR_FIELD_OTHER);
            }
            name[i] = was;
        }
    }
    assert_int_equal(weir_field_id_of(WEIR_SPAN_EMPTY), WEIR_FIELD_OTHER);
    assert_int_equal(weir_field_id_of(WEIR_SPAN_LIT("User-Agent")), WEIR_FIELD_OTHER);
}

static void methods_are_known_by_their_exact_name(void **state)
{
    static const struct {
        const char *name;
        enum weir_method method;
        bool idempotent;
    } methods[] = {
        { "GET", WEIR_METHOD_GET, true },         { "HEAD", WEIR_METHOD_HEAD, true },
        { "POST", WEIR_METHOD_POST, false },      { "PUT", WEIR_METHOD_PUT, true },
        { "DELETE", WEIR_METHOD_DELETE, true },   { "OPTIONS", WEIR_METHOD_OPTIONS, true },
        { "TRACE", WEIR_METHOD_TRACE, true },     { "CONNECT", WEIR_METHOD_CONNECT, false },
        { "PATCH", WEIR_METHOD_PATCH, false },    { "get", WEIR_METHOD_OTHER, false },
        { "GETT", WEIR_METHOD_OTHER, false },     { "GE", WEIR_METHOD_OTHER, false },
        { "PROPFIND", WEIR_METHOD_OTHER, false }, { "", WEIR_METHOD_OTHER, false },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(methods); i++) {
        assert_int_equal(weir_method_of(weir_span_cstr(methods[i].name)), methods[i].method);
        assert_int_equal(weir_method_is_idempotent(methods[i].method), methods[i].idempotent);
    }
}

static void faults_have_names_of_their_own_and_an_error_status(void **state)
{
    for (unsigned i = 0; i < WEIR_FAULT_COUNT; i++) {
        const char *name = weir_h1_fault_name((enum weir_h1_fault)i);
        assert_non_null(name);
        assert_true(strlen(name) > 0);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name, weir_h1_fault_name((enum weir_h1_fault)j));
        assert_true(weir_h1_reason(weir_h1_fault_status((enum weir_h1_fault)i)).len > 0);
    }
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_LINE_END), 400);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_TARGET_TOO_LONG), 414);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_EXPECT), 417);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_HEAD_TOO_BIG), 431);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_TOO_MANY_FIELDS), 431);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_VERSION), 400);
    assert_int_equal(weir_h1_fault_status(WEIR_FAULT_VERSION_UNSUPPORTED), 505);
}

static void reasons_are_standard_or_empty(void **state)
{
    assert_true(weir_span_eq(weir_h1_reason(200), WEIR_SPAN_LIT("OK")));
    assert_true(weir_span_eq(weir_h1_reason(404), WEIR_SPAN_LIT("Not Found")));
    assert_true(
        weir_span_eq(weir_h1_reason(511), WEIR_SPAN_LIT("Network Authentication Required")));
    static const uint16_t unknown[] = { 0, 1, 99, 104, 299, 420, 499, 512, 599, 600, UINT16_MAX };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(unknown); i++)
        assert_int_equal(weir_h1_reason(unknown[i]).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_ids_are_found_in_any_case),
        cmocka_unit_test(field_ids_are_of_the_exact_name),
        cmocka_unit_test(methods_are_known_by_their_exact_name),
        cmocka_unit_test(faults_have_names_of_their_own_and_an_error_status),
        cmocka_unit_test(reasons_are_standard_or_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
