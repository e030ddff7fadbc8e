/* SPDX-License-Identifier: Apache-2.0
 *
 * config_test.c - the node file as the node uses it: defaults, overrides, and everything wrong at
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/ctl/config.h"
#include "tenants/defaults.h"
#include "tests/support/failalloc.h"

#define HEAD "apiVersion: weir/v1\nkind: Node\n"

static const char *const no_env[] = { NULL };
static struct weir_config config;
static struct weir_strbuf problems;

static int setup(void **state)
{
    weir_config_init(&config);
    problems = WEIR_STRBUF_ZERO;
    return 0;
}

static int teardown(void **state)
{
    weir_failalloc_after(-1);
    weir_config_deinit(&config);
    weir_strbuf_deinit(&problems);
    return 0;
}

static enum weir_err read_text(const char *text, const char *const *env)
{
    return weir_config_read(&config, "node.yaml", weir_span_cstr(text), env, &problems);
}

static void assert_problem(const char *text)
{
    assert_true(problems.len > 0);
    if (strstr(problems.at, text) == NULL)
        print_message("%s", problems.at);
    assert_non_null(strstr(problems.at, text));
}

static void what_is_not_given_has_the_documented_default(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"0.0.0.0:80\"] }\n", no_env), WEIR_OK);
    assert_int_equal(problems.len, 0);
    assert_int_equal(config.num_http, 1);
    assert_int_equal(config.http[0].port, 80);
    assert_string_equal(config.data, WEIR_DEFAULT_DATA);
    assert_string_equal(config.socket, WEIR_DEFAULT_SOCKET);
    assert_int_equal(config.max_connections, WEIR_DEFAULT_CONNECTIONS);
    assert_true(config.max_memory == WEIR_DEFAULT_MEMORY);
    assert_true(config.max_store == WEIR_DEFAULT_STORE);
    assert_int_equal(config.head_timeout_ms, WEIR_DEFAULT_HEAD_TIMEOUT_MS);
    assert_int_equal(config.idle_timeout_ms, WEIR_DEFAULT_IDLE_TIMEOUT_MS);
    assert_int_equal(config.connections_per_address, 0);
    assert_string_equal(config.access, "stdout");
    assert_int_equal(config.level, WEIR_LOG_INFO);
    assert_string_equal(config.cdn_id, "weir");
    assert_in_range(config.num_workers, 1, WEIR_WORKERS_MAX);
    assert_false(config.has_admin);
    assert_true(strlen(config.name) > 0); /* the host's */
}

static void every_value_of_the_file_is_applied(void **state)
{
    static const char text[] = HEAD "name: ams-1\ndata: /srv/weir\n"
                                    "listen: { http: [\"127.0.0.1:8080\", \"[::1]:0\"] }\n"
                                    "admin: { socket: /srv/a.sock, listen: \"127.0.0.1:7400\" }\n"
                                    "workers: 3\ncdn_id: outer\n"
                                    "limits: { connections: 1000, memory: 128MiB, store: 256MiB }\n"
                                    "clients: { head_timeout: 4s, idle_timeout: 2m, "
                                    "connections_per_address: 50 }\n"
                                    "log: { access: /srv/access.log, level: debug }\n"
                                    "trusted_proxies: [\"10.0.0.0/8\", \"192.0.2.1\"]\n";
    assert_int_equal(read_text(text, no_env), WEIR_OK);
    assert_string_equal(config.name, "ams-1");
    assert_string_equal(config.data, "/srv/weir");
    assert_int_equal(config.num_http, 2);
    assert_int_equal(config.http[1].port, 0);
    assert_string_equal(config.socket, "/srv/a.sock");
    assert_true(config.has_admin);
    assert_int_equal(config.admin.port, 7400);
    assert_int_equal(config.num_workers, 3);
    assert_int_equal(config.max_connections, 1000);
    assert_true(config.max_memory == 128u << 20);
    assert_true(config.max_store == 256u << 20);
    assert_int_equal(config.head_timeout_ms, 4000);
    assert_int_equal(config.idle_timeout_ms, 120000);
    assert_int_equal(config.connections_per_address, 50);
    assert_string_equal(config.access, "/srv/access.log");
    assert_int_equal(config.level, WEIR_LOG_DEBUG);
    assert_string_equal(config.cdn_id, "outer");
    assert_int_equal(config.num_trusted, 2);
    assert_int_equal(config.trusted[0].len, 104);
}

static void the_environment_overrides_the_file(void **state)
{
    static const char *const env[] = { "WEIR_NAME=from-env",
                                       "WEIR_LIMITS_CONNECTIONS=77",
                                       "WEIR_LISTEN_HTTP=127.0.0.1:8081",
                                       "WEIR_CLIENTS_CONNECTIONS_PER_ADDRESS=5",
                                       "HOME=/root",
                                       NULL };
    assert_int_equal(read_text(HEAD "name: a\nlisten: { http: [\"127.0.0.1:8080\"] }\n", env),
                     WEIR_OK);
    assert_string_equal(config.name, "from-env");
    assert_int_equal(config.max_connections, 77);
    assert_int_equal(config.connections_per_address, 5);
    assert_int_equal(config.num_http, 1);
    assert_int_equal(config.http[0].port, 8081);
}

static void the_environment_alone_is_enough(void **state)
{
    static const char *const env[] = { "WEIR_LISTEN_HTTP=127.0.0.1:8081", "WEIR_DATA=/tmp/x",
                                       NULL };
    assert_int_equal(weir_config_read(&config, NULL, WEIR_SPAN_EMPTY, env, &problems), WEIR_OK);
    assert_int_equal(config.http[0].port, 8081);
    assert_string_equal(config.data, "/tmp/x");
}

static void a_node_that_would_serve_nothing_is_refused(void **state)
{
    assert_int_equal(read_text(HEAD "name: a\n", no_env), WEIR_EINVAL);
    assert_problem("listen.http");
}

static void all_that_is_wrong_is_reported_at_once(void **state)
{
    static const char text[] = HEAD "listen: { http: [\"nonsense\"] }\n"
                                    "colour: red\n"
                                    "limits: { store: -1 }\n";
    assert_int_equal(read_text(text, no_env), WEIR_EINVAL);
    assert_problem("node.yaml:3:");
    assert_problem("listen.http");
    assert_problem("colour");
    assert_problem("limits.store");
}

static void an_address_is_listened_on_once(void **state)
{
    assert_int_equal(
        read_text(HEAD "listen: { http: [\"127.0.0.1:8080\", \"127.0.0.1:8080\"] }\n", no_env),
        WEIR_EINVAL);
    assert_problem("listen.http");
}

#define REMOTE(tls)                                                                                \
    HEAD "listen: { http: [\"127.0.0.1:8080\"] }\nadmin: { listen: \"0.0.0.0:7400\"" tls " }\n"

/* As the first text of the test. */
static enum weir_err read_anew(const char *text, const char *const *env)
{
    weir_config_deinit(&config);
    weir_config_init(&config);
    weir_strbuf_reset(&problems);
    return read_text(text, env);
}

static void administration_over_tls_may_be_on_any_address(void **state)
{
    assert_int_equal(read_anew(REMOTE(""), no_env), WEIR_OK);
    assert_true(config.has_admin);
    assert_null(config.admin_certificate);
    assert_int_equal(read_anew(REMOTE(", tls: { certificate: /c.pem, key: /k.pem }"), no_env),
                     WEIR_OK);
    assert_string_equal(config.admin_certificate, "/c.pem");
    assert_string_equal(config.admin_key, "/k.pem");
    assert_int_equal(read_anew(REMOTE(", tls: { certificate: /c.pem }"), no_env), WEIR_EINVAL);
    assert_problem("admin.tls.key");
    assert_int_equal(read_anew(HEAD "listen: { http: [\"127.0.0.1:8080\"] }\n"
                                    "admin: { tls: { certificate: /c.pem, key: /k.pem } }\n",
                               no_env),
                     WEIR_EINVAL);
    assert_problem("admin.tls: is given without admin.listen");
}

static void another_certificate_is_a_change_that_a_reload_takes(void **state)
{
    struct weir_config base;
    weir_config_init(&base);
    assert_int_equal(weir_config_read(&base, "a", WEIR_SPAN_LIT(REMOTE("")), no_env, &problems),
                     WEIR_OK);
    assert_int_equal(read_text(REMOTE(", tls: { certificate: /c.pem, key: /k.pem }"), no_env),
                     WEIR_OK);
    assert_int_equal(weir_config_compare(&base, &config), WEIR_KEY_BIT(WEIR_KEY_ADMIN_TLS));
    assert_true(weir_config_key_is_live(WEIR_KEY_ADMIN_TLS));
    weir_config_take_live(&base, &config);
    assert_int_equal(weir_config_compare(&base, &config), 0);
    weir_config_deinit(&base);
}

/* The metrics, which disclose the names of tenants, are the operator's to publish. */
static void the_metrics_may_be_served_on_any_address(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:8080\"] }\n"
                                    "admin: { metrics: \"192.0.2.1:9100\", socket_ro: /run/ro }\n",
                               no_env),
                     WEIR_OK);
    assert_true(config.has_metrics);
    assert_int_equal(config.metrics.port, 9100);
    assert_string_equal(config.socket_ro, "/run/ro");
}

static void an_empty_admin_text_is_what_is_not_given(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"0.0.0.0:80\"] }\n"
                                    "admin: { metrics: \"\", socket_ro: \"\" }\n",
                               no_env),
                     WEIR_OK);
    assert_false(config.has_metrics);
    assert_null(config.socket_ro);
}

static void two_admin_listeners_are_not_one(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:8080\"] }\n"
                                    "admin: { listen: \"127.0.0.1:9100\", metrics: "
                                    "\"127.0.0.1:9100\", socket: /run/a, socket_ro: /run/a }\n",
                               no_env),
                     WEIR_EINVAL);
    assert_problem("admin.metrics: \"127.0.0.1:9100\" is given twice, first in admin.listen");
    assert_problem("admin.socket_ro: \"/run/a\" is the path of admin.socket");
}

/* Each key alone, and a value written out beside the same one by default. */
static const struct {
    const char *text;
    enum weir_config_key key;
} changes[] = {
    { "listen: { http: [\"0.0.0.0:81\"] }\n", WEIR_KEY_LISTEN_HTTP },
    { "listen: { http: [\"0.0.0.0:80\"], https: [\"0.0.0.0:443\"] }\n", WEIR_KEY_LISTEN_HTTPS },
    { "clients: { handshake_timeout: 3s }\n", WEIR_KEY_CLIENTS_HANDSHAKE_TIMEOUT },
    { "clients: { handshakes_per_address: 9/s }\n", WEIR_KEY_CLIENTS_HANDSHAKES },
    { "admin: { metrics: \"0.0.0.0:9100\" }\n", WEIR_KEY_ADMIN_METRICS },
    { "limits: { connections: 77 }\n", WEIR_KEY_LIMITS_CONNECTIONS },
    { "limits: { memory: 64MiB }\n", WEIR_KEY_LIMITS_MEMORY },
    { "limits: { store: 64MiB }\n", WEIR_KEY_LIMITS_STORE },
    { "clients: { head_timeout: 3s }\n", WEIR_KEY_CLIENTS_HEAD_TIMEOUT },
    { "clients: { idle_timeout: 3s }\n", WEIR_KEY_CLIENTS_IDLE_TIMEOUT },
    { "clients: { connections_per_address: 9 }\n", WEIR_KEY_CLIENTS_PER_ADDRESS },
    { "log: { access: /a }\n", WEIR_KEY_LOG_ACCESS },
    { "log: { level: trace }\n", WEIR_KEY_LOG_LEVEL },
    { "trusted_proxies: [10.0.0.0/8]\n", WEIR_KEY_TRUSTED_PROXIES },
    { "resolver: { servers: [\"10.0.0.2\"] }\n", WEIR_KEY_RESOLVER },
    { "name: other\n", WEIR_KEY_NAME },
    { "data: /other\n", WEIR_KEY_DATA },
    { "admin: { socket: /other }\n", WEIR_KEY_ADMIN_SOCKET },
    { "admin: { socket_ro: /other }\n", WEIR_KEY_ADMIN_SOCKET_RO },
    { "admin: { listen: \"127.0.0.1:1\" }\n", WEIR_KEY_ADMIN_LISTEN },
    { "workers: 2\n", WEIR_KEY_WORKERS },
    { "cdn_id: edge\n", WEIR_KEY_CDN_ID },
};

static void a_comparison_names_exactly_the_keys_that_differ(void **state)
{
    struct weir_config base;
    _Static_assert(WEIR_ARRAY_LEN(changes) == WEIR_KEY_COUNT - 1, "each key; admin.tls is below");
    weir_config_init(&base);
    assert_int_equal(
        weir_config_read(&base, "a",
                         WEIR_SPAN_LIT(HEAD "listen: { http: [\"0.0.0.0:80\"] }\nworkers: 1\n"),
                         no_env, &problems),
        WEIR_OK);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(changes); i++) {
        char text[512];
        bool own = strncmp(changes[i].text, "listen", 6) == 0;
        bool workers = strncmp(changes[i].text, "workers", 7) == 0;
        snprintf(text, sizeof(text), HEAD "%s%s%s",
                 own ? "" : "listen: { http: [\"0.0.0.0:80\"] }\n", workers ? "" : "workers: 1\n",
                 changes[i].text);
        enum weir_err err = read_text(text, no_env);
        if (err < 0)
            print_message("%s", problems.at);
        assert_int_equal(err, WEIR_OK);
        assert_int_equal(weir_config_compare(&base, &config), WEIR_KEY_BIT(changes[i].key));
        assert_int_equal(weir_config_compare(&config, &base), WEIR_KEY_BIT(changes[i].key));
        bool live = weir_config_key_is_live(changes[i].key);
        weir_config_take_live(&base, &config);
        assert_int_equal(weir_config_compare(&base, &config),
                         live ? 0 : WEIR_KEY_BIT(changes[i].key));
        weir_config_deinit(&base);
        weir_config_init(&base);
        assert_int_equal(
            weir_config_read(&base, "a",
                             WEIR_SPAN_LIT(HEAD "listen: { http: [\"0.0.0.0:80\"] }\nworkers: 1\n"),
                             no_env, &problems),
            WEIR_OK);
        weir_config_deinit(&config);
        weir_config_init(&config);
    }
    assert_int_equal(
        read_text(HEAD
                  "listen: { http: [\"0.0.0.0:80\"] }\nworkers: 1\nlog: { access: stdout, level: "
                  "info }\n",
                  no_env),
        WEIR_OK);
    assert_int_equal(weir_config_compare(&base, &config), 0);
    weir_config_deinit(&base);
}

static void a_name_server_is_an_address_with_or_without_a_port(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:8080\"] }\n"
                                    "resolver: { servers: [\"10.0.0.2\", \"[::1]:5353\"], "
                                    "timeout: 2s, lookups_per_tenant: 9 }\n",
                               no_env),
                     WEIR_OK);
    assert_int_equal(config.resolver.num_servers, 2);
    assert_int_equal(config.resolver.servers[0].port, 53);
    assert_int_equal(config.resolver.servers[1].port, 5353);
    assert_int_equal(config.resolver.timeout_ms, 2000);
    assert_int_equal(config.resolver.lookups_per_tenant, 9);
}

static void the_resolver_has_defaults(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:8080\"] }\n", no_env), WEIR_OK);
    assert_int_equal(config.resolver.num_servers, 0);
    assert_int_equal(config.resolver.timeout_ms, 5000);
    assert_int_equal(config.resolver.lookups_per_tenant, 4);
}

static void only_one_node_document_makes_a_node_file(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:1\"] }\n---\n" HEAD
                                    "listen: { http: [\"127.0.0.1:2\"] }\n",
                               no_env),
                     WEIR_EINVAL);
    assert_problem("one document");
    weir_config_deinit(&config);
    weir_config_init(&config);
    weir_strbuf_reset(&problems);
    assert_int_equal(read_text("apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: [a.example]\n"
                               "upstreams: { w: { endpoints: [ { address: \"1.2.3.4:5\" } ] } }\n",
                               no_env),
                     WEIR_EINVAL);
    assert_problem("kind Node");
}

static void workers_are_bounded(void **state)
{
    assert_int_equal(read_text(HEAD "listen: { http: [\"127.0.0.1:1\"] }\nworkers: 65\n", no_env),
                     WEIR_EINVAL);
    assert_problem("workers");
}

static void no_memory_is_reported_and_leaks_nothing(void **state)
{
    static const char text[] = HEAD "name: a\nlisten: { http: [\"127.0.0.1:1\"] }\n"
                                    "trusted_proxies: [\"10.0.0.0/8\"]\n";
    enum weir_err err = WEIR_ENOMEM;
    for (long n = 1; err != WEIR_OK; n++) {
        assert_true(n < 1000);
        weir_config_deinit(&config);
        weir_config_init(&config);
        weir_strbuf_deinit(&problems);
        problems = WEIR_STRBUF_ZERO;
        weir_failalloc_after(n);
        err = read_text(text, no_env);
        weir_failalloc_after(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_given_has_the_documented_default),
        TEST(every_value_of_the_file_is_applied),
        TEST(the_environment_overrides_the_file),
        TEST(the_environment_alone_is_enough),
        TEST(a_node_that_would_serve_nothing_is_refused),
        TEST(all_that_is_wrong_is_reported_at_once),
        TEST(an_address_is_listened_on_once),
        TEST(administration_over_tls_may_be_on_any_address),
        TEST(another_certificate_is_a_change_that_a_reload_takes),
        TEST(the_metrics_may_be_served_on_any_address),
        TEST(an_empty_admin_text_is_what_is_not_given),
        TEST(two_admin_listeners_are_not_one),
        TEST(a_comparison_names_exactly_the_keys_that_differ),
        TEST(the_resolver_has_defaults),
        TEST(a_name_server_is_an_address_with_or_without_a_port),
        TEST(only_one_node_document_makes_a_node_file),
        TEST(workers_are_bounded),
        TEST(no_memory_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
