/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_faults_test.c - faults that people make in files: each is reported once, in plain words,
 * at its place, and hides no other.
 */
#include "node/base/limits.h"
#include "tests/support/schemas.h"

#define HEAD "apiVersion: weir/v1\nkind: Tenant\n"
#define WEB  "upstreams: { web: { endpoints: [ { address: \"a:1\" } ] } }\n"

/* -- the begin of a text -- */

static void a_byte_order_mark_at_the_start_is_accepted(void **state)
{
    (void)state;
    schemas_yaml("\xef\xbb\xbf" SCHEMAS_TENANT, "");
    schemas_yaml("\xef\xbb\xbf---\n" SCHEMAS_TENANT "---\n" SCHEMAS_NODE, "");
    schemas_json("\xef\xbb\xbf{\"apiVersion\":\"weir/v1\",\"kind\":\"Node\"}", "");
    schemas_yaml("\xef\xbb\xbf" HEAD "name: Shop\nhosts: [a.test]\n",
                 "3:1: name: \"Shop\" is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its "
                 "ends\n");
    schemas_yaml("\xef\xbb\xbf"
                 "kin: x\n",
                 "1:1: apiVersion: is missing\n"
                 "1:1: kin: unknown key, did you mean \"kind\"?\n"
                 "1:1: kind: \"x\" is not Tenant, Node or Certificate\n");
}

static void a_text_in_utf_16_is_named(void **state)
{
    (void)state;
    schemas_yaml("\xff\xfe"
                 "a",
                 "1:1: the text is UTF-16: save it as UTF-8\n");
    schemas_json("\xfe\xff{", "1:1: the text is UTF-16: save it as UTF-8\n");
}

static void assert_file(const char *text, enum weir_format format, enum weir_err err,
                        const char *expected)
{
    struct weir_schema_source src = { .text = weir_span_cstr(text),
                                      .format = format,
                                      .file = "shop.yaml" };
    struct weir_docs docs;
    struct weir_diags diags;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;

    weir_docs_init(&docs);
    weir_diags_init(&diags);
    assert_int_equal(weir_schema_read(&src, &docs, &diags), err);
    weir_diags_write(&diags, &out);
    assert_string_equal(out.len > 0 ? out.at : "", expected);
    weir_strbuf_deinit(&out);
    weir_diags_deinit(&diags);
    weir_docs_deinit(&docs);
}

static void an_empty_file_is_named(void **state)
{
    (void)state;
    assert_file("", WEIR_FORMAT_YAML, WEIR_EINVAL,
                "shop.yaml:1:1: there is no document: the file is empty\n");
    assert_file("\xef\xbb\xbf", WEIR_FORMAT_YAML, WEIR_EINVAL,
                "shop.yaml:1:1: there is no document: the file is empty\n");
    assert_file("# later\n---\n", WEIR_FORMAT_YAML, WEIR_EINVAL,
                "shop.yaml:1:1: there is no document: the file holds only blanks and comments\n");
    assert_file(" \n", WEIR_FORMAT_JSON, WEIR_EINVAL,
                "shop.yaml:1:1: there is no document: the file holds only blanks and comments\n");
    assert_file(
        "a: [", WEIR_FORMAT_YAML, WEIR_EINVAL,
        "shop.yaml:2:1: YAML: did not find expected node content, while parsing a flow node "
        "that begins in line 2\n");
}

/* -- the envelope -- */

static void a_wrong_kind_does_not_hide_the_other_faults(void **state)
{
    (void)state;
    schemas_yaml(
        "apiVersion: weir/v1\nkind: Tennant\nname: Shop\nhosts: [\"a b\"]\n",
        "2:1: kind: \"Tennant\" is not Tenant, Node or Certificate, did you mean \"Tenant\"?\n"
        "3:1: name: \"Shop\" is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its "
        "ends\n"
        "4:9: hosts[0]: \"a b\" is not a host name like shop.example.com or "
        "\"*.example.com\"\n");
    schemas_yaml("apiVersion: weir/v1\nkind: Ingress\nname: shop\nhosts: [a.test]\nrouts: []\n",
                 "2:1: kind: \"Ingress\" is not Tenant, Node or Certificate\n"
                 "5:1: routs: unknown key, did you mean \"routes\"?\n");
    schemas_yaml("apiVersion: weir/v1\nname: n\nworkers: 0\nlisten: {}\n",
                 "1:1: kind: is missing\n"
                 "3:1: workers: \"0\" is not auto or a number 1..64\n");
    schemas_yaml("apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: {}\n",
                 "1:1: apiVersion: \"v1\" is not weir/v1\n"
                 "2:1: kind: \"Service\" is not Tenant, Node or Certificate\n");
}

static void a_wrong_api_version_does_not_hide_the_other_faults(void **state)
{
    (void)state;
    schemas_yaml("apiVersion: weir/v9\nkind: Tenant\nname: Shop\nhosts: [a.test]\n",
                 "1:1: apiVersion: \"weir/v9\" is not weir/v1, did you mean \"weir/v1\"?\n"
                 "3:1: name: \"Shop\" is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its "
                 "ends\n");
    schemas_yaml("apiversion: weir/v1\nKind: Tenant\nname: Shop\nhosts: [a.test]\n",
                 "1:1: apiversion: unknown key, did you mean \"apiVersion\"?\n"
                 "2:1: Kind: unknown key, did you mean \"kind\"?\n"
                 "3:1: name: \"Shop\" is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its "
                 "ends\n");
}

/* -- consequences -- */

static void a_route_to_an_upstream_that_failed_to_parse_is_no_fault(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "upstreams: [ { name: web } ]\n"
                                "routes: [ { path: /, upstream: web } ]\n",
                 "5:1: upstreams: is a list, must be a map\n");
    schemas_yaml(SCHEMAS_TENANT "upstrems: { web: { endpoints: [ { address: \"a:1\" } ] } }\n"
                                "routes: [ { path: /, upstream: web } ]\n",
                 "5:1: upstrems: unknown key, did you mean \"upstreams\"?\n");
    schemas_yaml(SCHEMAS_TENANT "upstreams: { web: 5 }\nroutes: [ { path: /, upstream: web } ]\n",
                 "5:14: upstreams.web: \"5\" is not a map\n");
    schemas_yaml(SCHEMAS_TENANT WEB "routes: [ { path: /, upstream: wob } ]\n",
                 "6:22: routes[0].upstream: there is no upstream \"wob\", did you mean \"web\"?\n");
}

static void a_route_to_an_upstream_beyond_the_limit_is_no_fault(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT "upstreams:\n");
    for (int i = 0; i <= WEIR_UPSTREAMS_MAX; i++)
        weir_strbuf_printf(&text, "  u%d: { endpoints: [ { address: \"a:1\" } ] }\n", i);
    weir_strbuf_printf(&text, "routes: [ { path: /, upstream: u%d } ]\n", WEIR_UPSTREAMS_MAX);
    assert_false(text.failed);
    schemas_yaml(text.at, "5:1: upstreams: has 65 entries, at most 64 are allowed\n");
    weir_strbuf_deinit(&text);
}

static void a_misspelled_key_is_not_missing_as_well(void **state)
{
    (void)state;
    schemas_yaml(HEAD "name: shop\nhost: [a.test]\n",
                 "4:1: host: unknown key, did you mean \"hosts\"?\n");
    schemas_yaml(HEAD "nmae: shop\nhosts: [a.test]\n",
                 "3:1: nmae: unknown key, did you mean \"name\"?\n");
    schemas_yaml(SCHEMAS_TENANT "upstreams: { web: { endpoints: [ { adress: \"a:1\" } ] } }\n",
                 "5:36: upstreams.web.endpoints[0].adress: unknown key, did you mean "
                 "\"address\"?\n");
    schemas_yaml(SCHEMAS_TENANT "error_pages: { 503: { fiel: a.html } }\n",
                 "5:23: error_pages.503.fiel: unknown key, did you mean \"file\"?\n");
    /* Beside the right key nothing is replaced. */
    schemas_yaml(HEAD "name: shop\nhost: [a.test]\nhosts: [\"a b\"]\n",
                 "4:1: host: unknown key, did you mean \"hosts\"?\n"
                 "5:9: hosts[0]: \"a b\" is not a host name like shop.example.com or "
                 "\"*.example.com\"\n");
}

static void addresses_that_failed_to_parse_do_not_make_hosts_missing(void **state)
{
    (void)state;
    schemas_yaml(HEAD "name: shop\naddresses: 192.0.2.1\n",
                 "4:1: addresses: \"192.0.2.1\" is not a list\n");
    schemas_yaml(HEAD "name: shop\n",
                 "1:1: hosts: is missing or empty: a tenant needs a host or an address\n");
}

static void a_broken_redirect_is_not_judged_by_what_is_left_of_it(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "redirects: [ { path: /a, to: { hst: b.test } } ]\n",
                 "5:32: redirects[0].to.hst: unknown key, did you mean \"host\"?\n");
    schemas_yaml(SCHEMAS_TENANT "redirects:\n- { path: /a, port: x, to: { path: /b } }\n"
                                "- { path: /a, to: { path: /c } }\n",
                 "6:15: redirects[0].port: x is not a whole number, allowed is 1..65535\n");
    schemas_yaml(SCHEMAS_TENANT "redirects: [ { path: /a, to: {} } ]\n",
                 "5:26: redirects[0].to: leads each request to where it already is\n");
}

static void one_value_has_one_error(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT
                 "upstreams: { web: { pool: { max_idle: 70000, max: 5 }, endpoints: [ { "
                 "address: \"a b\" }, { address: \"a b\" } ] } }\n",
                 "5:29: upstreams.web.pool.max_idle: 70000 is out of range 0..65536\n"
                 "5:71: upstreams.web.endpoints[0].address: \"a b\" is not ip:port, [v6]:port or "
                 "name:port\n"
                 "5:91: upstreams.web.endpoints[1].address: \"a b\" is not ip:port, [v6]:port or "
                 "name:port\n");
}

/* -- plain words -- */

static void a_tab_in_the_indentation_is_named(void **state)
{
    static const char format[] =
        "5:%d: a tab indents this line: YAML is indented by spaces alone\n";
    static const struct {
        const char *tail;
        int column;
    } cases[] = {
        { "\tupstreams: {}\n", 1 },
        { "  \tname: a\n", 3 },
        { "\t\tx\n", 1 },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char text[256], expected[128];
        snprintf(text, sizeof(text), HEAD "name: shop\nhosts:\n%s", cases[i].tail);
        snprintf(expected, sizeof(expected), format, cases[i].column);
        schemas_yaml(text, expected);
    }
    /* Where YAML allows a tab, nothing is reported. */
    schemas_yaml(HEAD "name:\tshop\nhosts: [\n\ta.test ]\n", "");
    /* A tab elsewhere does not explain another fault. */
    schemas_yaml(HEAD "name: a: b\nhosts:\t[a.test]\n",
                 "3:8: YAML: mapping values are not allowed in this context\n");
}

static void a_port_over_65535_is_named(void **state)
{
    (void)state;
    schemas_yaml(
        SCHEMAS_TENANT
        "upstreams: { web: { endpoints: [ { address: \"10.0.0.1:99999\" }, { address: "
        "\"a.test:65536\" }, { address: \"[::1]:0\" }, { address: \"a.test:x\" } ] } }\n",
        "5:36: upstreams.web.endpoints[0].address: \"10.0.0.1:99999\" has port 99999, a "
        "port is 1..65535\n"
        "5:67: upstreams.web.endpoints[1].address: \"a.test:65536\" has port 65536, a port "
        "is 1..65535\n"
        "5:96: upstreams.web.endpoints[2].address: \"[::1]:0\" has port 0, a port is "
        "1..65535\n"
        "5:120: upstreams.web.endpoints[3].address: \"a.test:x\" is not ip:port, [v6]:port "
        "or name:port\n");
    schemas_yaml(SCHEMAS_NODE "listen: { http: [\"0.0.0.0:80800\"] }\n",
                 "3:18: listen.http[0]: \"0.0.0.0:80800\" has port 80800, a port is 0..65535\n");
}

static void host_bits_in_a_prefix_name_the_prefix_meant(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_NODE
                 "trusted_proxies:\n- 10.0.0.1/8\n- \"2001:db8::1/33\"\n- 10.0.0.0/33\n"
                 "- \"::1/129\"\n- 192.0.2.255/31\n- 10.0.0.0/8\n- ten/8\n- 10.0.0.1/0\n",
                 "4:3: trusted_proxies[0]: \"10.0.0.1/8\" has bits set behind the prefix, did you "
                 "mean \"10.0.0.0/8\"?\n"
                 "5:3: trusted_proxies[1]: \"2001:db8::1/33\" has bits set behind the prefix, did "
                 "you mean \"2001:db8::/33\"?\n"
                 "6:3: trusted_proxies[2]: \"10.0.0.0/33\" has no length behind the \"/\" of 0..32 "
                 "bits\n"
                 "7:3: trusted_proxies[3]: \"::1/129\" has no length behind the \"/\" of 0..128 "
                 "bits\n"
                 "8:3: trusted_proxies[4]: \"192.0.2.255/31\" has bits set behind the prefix, did "
                 "you mean \"192.0.2.254/31\"?\n"
                 "10:3: trusted_proxies[6]: \"ten/8\" is not an IP address or prefix like "
                 "10.0.0.0/8, bits behind it 0\n"
                 "11:3: trusted_proxies[7]: \"10.0.0.1/0\" has bits set behind the prefix, did you "
                 "mean \"0.0.0.0/0\"?\n");
}

static void a_size_in_gb_is_named_with_the_unit_meant(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "http: { max_body: 1GB, max_header: 32 k, min_rate: 500, "
                                "idle_timeout: 5 minutes, head_timeout: 1.5s }\n",
                 "5:9: http.max_body: \"1GB\" is not a size like 512, 64KiB, 1GiB, allowed is "
                 "0..1TiB, did you mean \"1GiB\"?\n"
                 "5:24: http.max_header: \"32 k\" is not a size like 512, 64KiB, 1GiB, allowed is "
                 "1KiB..63KiB, did you mean \"32KiB\"?\n"
                 "5:42: http.min_rate: \"500\" is not a rate like 500B/s, 64KiB/s, allowed is "
                 "0..1GiB/s, did you mean \"500B/s\"?\n"
                 "5:57: http.idle_timeout: \"5 minutes\" is not a duration like 500ms, 5s, 1m30s, "
                 "24h, allowed is 100ms..24h, did you mean \"5m\"?\n"
                 "5:82: http.head_timeout: \"1.5s\" is not a duration like 500ms, 5s, 1m30s, 24h, "
                 "allowed is 100ms..10m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_order_mark_at_the_start_is_accepted),
        cmocka_unit_test(a_text_in_utf_16_is_named),
        cmocka_unit_test(an_empty_file_is_named),
        cmocka_unit_test(a_wrong_kind_does_not_hide_the_other_faults),
        cmocka_unit_test(a_wrong_api_version_does_not_hide_the_other_faults),
        cmocka_unit_test(a_route_to_an_upstream_that_failed_to_parse_is_no_fault),
        cmocka_unit_test(a_route_to_an_upstream_beyond_the_limit_is_no_fault),
        cmocka_unit_test(a_misspelled_key_is_not_missing_as_well),
        cmocka_unit_test(addresses_that_failed_to_parse_do_not_make_hosts_missing),
        cmocka_unit_test(a_broken_redirect_is_not_judged_by_what_is_left_of_it),
        cmocka_unit_test(one_value_has_one_error),
        cmocka_unit_test(a_tab_in_the_indentation_is_named),
        cmocka_unit_test(a_port_over_65535_is_named),
        cmocka_unit_test(host_bits_in_a_prefix_name_the_prefix_meant),
        cmocka_unit_test(a_size_in_gb_is_named_with_the_unit_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
