/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_tls_test.c - what an upstream says of TLS: forms, fields against each other, and the
 * certificates of its authorities.
 */
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"
#include "tests/support/test_authority.h"

#define UPSTREAM "upstreams:\n  web:\n    endpoints: [ { address: \"10.0.0.1:443\" } ]\n    tls: "
#define PIN      "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY="
#define UNUSED                                                                                     \
    "8:5: warning: upstreams.web.tls: is not used: the protocol of this upstream is http, in "     \
    "clear text\n"

static void settings_that_hold_together_are_taken(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s,
                 WEIR_SPAN_LIT(SCHEMAS_TENANT UPSTREAM
                               "{ sni: Origin.Example.com, verify: true, pins: [ \"" PIN
                               "\" ], min_version: \"1.0\", max_version: \"1.2\", ciphers: "
                               "[ECDHE-RSA-AES128-GCM-SHA256, DES-CBC3-SHA] }\n"),
                 WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_OK);
    assert_string_equal(s.reported.at, UNUSED);
    const Weir__V1__UpstreamTls *t = s.docs.items[0].tenant->upstreams[0]->value->tls;
    assert_string_equal(t->sni, "origin.example.com");
    assert_true(t->verify);
    assert_string_equal(t->pins[0], PIN);
    assert_string_equal(t->min_version, "1.0");
    assert_int_equal(t->n_ciphers, 2);
    schemas_end(&s);
}

static void each_fault_is_named_and_all_at_once(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "\n"
                                         "      sni: 10.0.0.1\n"
                                         "      verify: maybe\n"
                                         "      pins: [ \"sha256/short\", \"sha1/"
                                         "Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=\" ]\n"
                                         "      client_certificate: abc\n"
                                         "      min_version: \"1.4\"\n"
                                         "      max_version: SSLv3\n"
                                         "      ciphers: [ECDHE-RSA-AES128-GCM-SHA265, RC4-MD5]\n",
                 "8:5: warning: upstreams.web.tls: is not used: the protocol of this "
                 "upstream is http, in clear text\n"
                 "9:7: upstreams.web.tls.sni: \"10.0.0.1\" is not a host name\n"
                 "10:7: upstreams.web.tls.verify: maybe is not true or false\n"
                 "11:15: upstreams.web.tls.pins[0]: \"sha256/short\" is not a pin: "
                 "sha256/ and the base64 of the SHA-256 of a public key\n"
                 "11:31: upstreams.web.tls.pins[1]: "
                 "\"sha1/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=\" is not a pin: "
                 "sha256/ and the base64 of the SHA-256 of a public key\n"
                 "12:7: upstreams.web.tls.client_certificate: \"abc\" is 3 bytes long, allowed "
                 "are 32..32\n"
                 "13:7: upstreams.web.tls.min_version: \"1.4\" is not one of 1.0, 1.1, "
                 "1.2, 1.3, did you mean \"1.0\"?\n"
                 "14:7: upstreams.web.tls.max_version: \"SSLv3\" is not one of 1.0, "
                 "1.1, 1.2, 1.3\n"
                 "15:17: upstreams.web.tls.ciphers[0]: \"ECDHE-RSA-AES128-GCM-SHA265\" "
                 "is not a cipher suite, did you mean \"ECDHE-RSA-AES128-GCM-SHA256\"?\n"
                 "15:46: upstreams.web.tls.ciphers[1]: \"RC4-MD5\" is not a cipher "
                 "suite of TLS 1.0 to 1.2 by its OpenSSL name\n");
}

static void versions_and_ciphers_hold_together(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ min_version: \"1.3\", max_version: \"1.2\" }\n",
                 UNUSED "8:12: upstreams.web.tls.min_version: 1.3 is above max_version, which is "
                        "1.2\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ min_version: \"1.3\", ciphers: [AES128-SHA] }\n",
                 UNUSED "8:32: upstreams.web.tls.ciphers: are never used with min_version 1.3: TLS "
                        "1.3 has suites of its own, which are always offered\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ max_version: \"1.1\", ciphers: [AES128-GCM-SHA256] }\n",
                 UNUSED "8:32: upstreams.web.tls.ciphers: need TLS 1.2, all of them, and "
                        "max_version is 1.1: no connection could be made\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM
                 "{ max_version: \"1.1\", ciphers: [AES128-GCM-SHA256, AES128-SHA] }\n",
                 UNUSED);
}

/* -- authorities -- */

static void authorities_are_certificates_in_pem(void **state)
{
    static const struct {
        const char *pem, *reported;
    } cases[] = {
        { TEST_AUTHORITY_PEM, "" },
        { "a comment\\n" TEST_AUTHORITY_PEM "and another\\n" TEST_AUTHORITY_PEM, "" },
        { "nothing", "holds no certificate in PEM" },
        { "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n",
          "holds a certificate that cannot be read" },
        { "-----BEGIN CERTIFICATE-----\\nMIIB\\n", "is not whole PEM" },
        { "-----BEGIN PRIVATE KEY-----\\nMIIB\\n-----END PRIVATE KEY-----\\n",
          "holds a private key: give certificates alone" },
        { "-----BEGIN X509 CRL-----\\nMIIB\\n-----END X509 CRL-----\\n",
          "holds something else than certificates" },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_strbuf text = WEIR_STRBUF_ZERO;
        struct weir_strbuf expected = WEIR_STRBUF_ZERO;
        weir_strbuf_puts(&text, SCHEMAS_TENANT UPSTREAM "{ verify: true, ca: { pem: \"");
        for (const char *at = cases[i].pem; *at != '\0'; at++)
            weir_strbuf_puts(&text, *at == '\n' ? "\\n" : (char[]){ *at, '\0' });
        weir_strbuf_puts(&text, "\" } }\n");
        weir_strbuf_puts(&expected, UNUSED);
        if (cases[i].reported[0] != '\0')
            weir_strbuf_printf(&expected, "8:32: upstreams.web.tls.ca.pem: %s\n",
                               cases[i].reported);
        schemas_yaml(text.at, expected.at);
        weir_strbuf_deinit(&text);
        weir_strbuf_deinit(&expected);
    }
}

static void authorities_are_a_file_or_pem_and_need_verify(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ verify: true, ca: { file: ca.pem } }\n", UNUSED);
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ verify: true, ca: {} }\n",
                 UNUSED "8:26: upstreams.web.tls.ca: needs a file or pem\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ verify: true, ca: { file: ca.pem, pem: x } }\n",
                 UNUSED "8:32: upstreams.web.tls.ca.file: is not allowed beside pem: give one of "
                        "them\n"
                        "8:46: upstreams.web.tls.ca.pem: holds no certificate in PEM\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ ca: { file: ca.pem } }\n",
                 UNUSED "8:12: upstreams.web.tls.ca: is of no use without verify: true\n");
    schemas_yaml(SCHEMAS_TENANT UPSTREAM "{ verify: false, ca: { file: ca.pem } }\n",
                 UNUSED "8:27: upstreams.web.tls.ca: is of no use without verify: true\n");
}

static void an_unread_file_of_authorities_is_seen(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s,
                 WEIR_SPAN_LIT(SCHEMAS_TENANT UPSTREAM "{ verify: true, ca: { file: ca.pem } }\n"),
                 WEIR_FORMAT_YAML);
    Weir__V1__Tenant *t = s.docs.items[0].tenant;
    assert_true(weir_schema_has_unread_files(t));
    assert_true(weir_schema_has_unread_ca(t->upstreams[0]->value));
    t->upstreams[0]->value->tls->ca->has_pem = 1;
    assert_false(weir_schema_has_unread_files(t));
    assert_false(weir_schema_has_unread_ca(NULL));
    schemas_end(&s);
}

static enum weir_err read_authorities(void)
{
    struct weir_schema_source src = {
        .text = WEIR_SPAN_LIT("{\"apiVersion\":\"weir/v1\",\"kind\":\"Tenant\",\"name\":\"a\","
                              "\"hosts\":[\"a.b\"],\"upstreams\":{\"web\":{\"endpoints\":[{"
                              "\"address\":\"a:1\"}],\"tls\":{\"verify\":true,\"ca\":{\"pem\":"
                              "\"nothing\"}}}}}"),
        .format = WEIR_FORMAT_JSON,
    };
    struct weir_docs docs;
    struct weir_diags diags;

    weir_docs_init(&docs);
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_read(&src, &docs, &diags);
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
    return err;
}

static void authorities_without_memory_are_refused(void **state)
{
    (void)state;
    weir_failalloc_after(-1);
    assert_int_equal(read_authorities(), WEIR_EINVAL);
    unsigned long num = weir_failalloc_count();
    for (unsigned long n = 1; n <= num; n++) {
        weir_failalloc_after((long)n);
        enum weir_err err = read_authorities();
        weir_failalloc_after(-1);
        assert_int_equal(err, WEIR_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_hold_together_are_taken),
        cmocka_unit_test(each_fault_is_named_and_all_at_once),
        cmocka_unit_test(versions_and_ciphers_hold_together),
        cmocka_unit_test(authorities_are_certificates_in_pem),
        cmocka_unit_test(authorities_are_a_file_or_pem_and_need_verify),
        cmocka_unit_test(an_unread_file_of_authorities_is_seen),
        cmocka_unit_test(authorities_without_memory_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
