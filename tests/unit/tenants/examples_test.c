/* SPDX-License-Identifier: Apache-2.0
 *
 * examples_test.c - every file of tenants/examples is valid, compiles, and is written and read back
 * as the same.
 */
#include <dirent.h>
#include <stdio.h>

#include "tenants/tenant.h"
#include "tests/support/schemas.h"

static const struct weir_siphash_key secret = { { 3, 4 } };
static void examples_path(char *out, size_t out_len, const char *name)
{
    snprintf(out, out_len, "%s/%s", WEIR_EXAMPLES, name);
}

static void example_read(const char *name, struct schemas *s)
{
    char path[4096];
    static char text[65536];

    examples_path(path, sizeof(path), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof(text), f);
    fclose(f);
    assert_true(len > 0 && len < sizeof(text));
    schemas_read(s, weir_span(text, len), WEIR_FORMAT_YAML);
}

/** As the store would hand it to a worker. */
static void example_compiles(const Weir__V1__Tenant *t)
{
    Weir__V1__StoredTenant stored = WEIR__V1__STORED_TENANT__INIT;
    struct weir_tenant *compiled = NULL;

    stored.tenant = (Weir__V1__Tenant *)(uintptr_t)t;
    size_t len = weir__v1__stored_tenant__get_packed_size(&stored);
    uint8_t *packed = malloc(len);
    assert_non_null(packed);
    weir__v1__stored_tenant__pack(&stored, packed);
    assert_int_equal(weir_tenant_compile(weir_span(packed, len), &secret, &compiled), WEIR_OK);
    assert_int_equal(compiled->num_upstreams, t->n_upstreams);
    weir_tenant_unref(compiled);
    free(packed);
}

static void every_example_is_valid_and_comes_back(void **state)
{
    char path[4096];
    struct dirent *entry;
    size_t num = 0;

    (void)state;
    examples_path(path, sizeof(path), "");
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        struct schemas s;

        if (entry->d_name[0] == '.')
            continue;
        example_read(entry->d_name, &s);
        if (s.err != WEIR_OK)
            fail_msg("%s: %s", entry->d_name, s.reported.at);
        assert_int_equal(s.docs.len, 1);
        schemas_round(&s.docs.items[0], WEIR_FORMAT_YAML, &out);
        weir_strbuf_reset(&out);
        schemas_round(&s.docs.items[0], WEIR_FORMAT_JSON, &out);
        example_compiles(s.docs.items[0].tenant);
        weir_strbuf_deinit(&out);
        schemas_end(&s);
        num++;
    }
    closedir(dir);
    assert_true(num >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_example_is_valid_and_comes_back) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
