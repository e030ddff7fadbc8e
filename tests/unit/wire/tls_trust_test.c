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

#include "node/wire/tls_trust.h"
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
        /* BoringSSL does not tell each lack of memory from bytes that it cannot read. */
        assert_true(err == WEIR_ENOMEM || err == WEIR_EINVAL);
        assert_null(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_counted_up_to_a_limit),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(authorities_without_memory_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
