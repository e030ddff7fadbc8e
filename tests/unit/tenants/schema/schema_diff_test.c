/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_diff_test.c - the paths in which two tenants differ.
 */
#include "tests/support/schemas.h"

#define PATHS_MAX 16

/** The paths, joined by spaces. */
static void differ(const char *a, const char *b, size_t max, const char *paths)
{
    struct schemas in_a, in_b;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const char *found[PATHS_MAX];
    struct weir_diff_paths differences = { .items = found, .max = max };

    schemas_read(&in_a, weir_span_cstr(a), WEIR_FORMAT_YAML);
    schemas_read(&in_b, weir_span_cstr(b), WEIR_FORMAT_YAML);
    assert_string_equal(in_a.reported.at, "");
    assert_string_equal(in_b.reported.at, "");
    assert_int_equal(weir_schema_diff(in_a.docs.items[0].message, in_b.docs.items[0].message,
                                      &in_a.docs.arena, &differences),
                     WEIR_OK);
    weir_strbuf_puts(&out, "");
    for (size_t i = 0; i < differences.len; i++)
        weir_strbuf_printf(&out, "%s%s", i > 0 ? " " : "", found[i]);
    assert_string_equal(out.at, paths);
    weir_strbuf_deinit(&out);
    schemas_end(&in_a);
    schemas_end(&in_b);
}

#define A                                                                                          \
    SCHEMAS_TENANT "addresses: [10.0.0.1, 10.0.0.2]\n"                                             \
                   "upstreams:\n"                                                                  \
                   "  web: { balance: ip_hash, endpoints: [ { address: \"a:1\", weight: 1 } ] }\n" \
                   "  old: { endpoints: [ { address: \"a:1\" } ] }\n"                              \
                   "routes: [ { path: /, upstream: web } ]\n"                                      \
                   "headers: { add_request: { X-A: a, X-B: b } }\n"                                \
                   "http: { max_body: 1KiB }\n"                                                    \
                   "error_pages: { 404: { body: x } }\n"
#define B                                                                                          \
    SCHEMAS_TENANT "addresses: [10.0.0.1, 10.0.0.3, 10.0.0.4]\n"                                   \
                   "upstreams:\n"                                                                  \
                   "  new: { endpoints: [ { address: \"a:1\" } ] }\n"                              \
                   "  web: { endpoints: [ { address: \"a:1\", weight: 2 } ] }\n"                   \
                   "routes: [ { path: /, upstream: web }, { path: /a, upstream: web } ]\n"         \
                   "headers: { add_request: { X-B: c, X-A: a } }\n"                                \
                   "error_pages: { 404: { body: y } }\n"

static void each_difference_has_its_path(void **state)
{
    (void)state;
    differ(A, A, PATHS_MAX, "");
    differ(schemas_full_tenant, schemas_full_tenant, PATHS_MAX, "");
    differ(A, B, PATHS_MAX,
           "addresses[1] addresses[2] upstreams.new upstreams.old upstreams.web.balance "
           "upstreams.web.endpoints[0].weight routes[1] headers.add_request.X-B http "
           "error_pages.404.body");
    differ(SCHEMAS_TENANT, SCHEMAS_TENANT "http: {}\n", PATHS_MAX, "http");
    differ(SCHEMAS_TENANT "http: { max_body: 0 }\n", SCHEMAS_TENANT "http: {}\n", PATHS_MAX,
           "http.max_body");
}

static void no_more_paths_are_given_than_there_is_room_for(void **state)
{
    (void)state;
    differ(A, B, 0, "");
    differ(A, B, 1, "addresses[1]");
    differ(A, B, 3, "addresses[1] addresses[2] upstreams.new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_has_its_path),
        cmocka_unit_test(no_more_paths_are_given_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
