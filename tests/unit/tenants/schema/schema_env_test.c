/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_env_test.c - variables override fields of a node; one that means nothing is an error.
 */
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"

/** Apply variables to an empty node; compare what is reported and the node as text. */
static void env_reports(const char *const *env, const char *expected, const char *yaml)
{
    Weir__V1__Node node = WEIR__V1__NODE__INIT;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_diags diags;
    struct weir_arena arena;

    weir_arena_init(&arena, 4096, 1u << 20);
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_node_env(&node, env, &arena, &diags);
    weir_diags_write(&diags, &out);
    weir_strbuf_puts(&out, "");
    if (strcmp(out.at, expected) != 0)
        fprintf(stderr, "reported:\n%s", out.at);
    assert_string_equal(out.at, expected);
    assert_int_equal(err, expected[0] == '\0' ? WEIR_OK : WEIR_EINVAL);
    weir_strbuf_reset(&out);
    if (yaml != NULL) {
        assert_int_equal(weir_schema_write(WEIR_KIND_NODE, &node.base, WEIR_FORMAT_YAML, &out),
                         WEIR_OK);
        assert_string_equal(out.at, yaml);
    }
    weir_strbuf_deinit(&out);
    weir_diags_deinit(&diags);
    weir_arena_deinit(&arena);
}

static void variables_set_fields_of_every_type(void **state)
{
    static const char *const env[] = { "PATH=/bin",
                                       "WEIR_NAME=AMS-1",
                                       "WEIR_DATA=/srv/weir",
                                       "WEIR_LISTEN_HTTP=0.0.0.0:80, [::]:80",
                                       "WEIR_ADMIN_SOCKET=/run/a.sock",
                                       "WEIR_WORKERS=4",
                                       "WEIR_LIMITS_CONNECTIONS=1000",
                                       "WEIR_LIMITS_MEMORY=64MiB",
                                       "WEIR_LOG_ACCESS=off",
                                       "WEIR_LOG_LEVEL=debug",
                                       "WEIR_TRUSTED_PROXIES=10.0.0.0/8",
                                       "WEIR_NODE=unix:/x",
                                       "WEIR_TOKEN=secret",
                                       "WEIR_VERSION=9",
                                       "WEIRD=1",
                                       NULL };

    (void)state;
    env_reports(env, "",
                "apiVersion: weir/v1\nkind: Node\nname: ams-1\ndata: /srv/weir\n"
                "listen:\n  http: [\"0.0.0.0:80\", \"[::]:80\"]\nadmin:\n  socket: /run/a.sock\n"
                "workers: 4\nlimits:\n  connections: 1000\n  memory: 64MiB\n"
                "log:\n  access: \"off\"\n  level: debug\ntrusted_proxies: [\"10.0.0.0/8\"]\n");
}

static void an_empty_list_replaces_that_of_the_file(void **state)
{
    struct schemas s;
    struct weir_arena arena;
    static const char *const env[] = { "WEIR_TRUSTED_PROXIES=", "WEIR_LOG_LEVEL=warn", NULL };

    (void)state;
    weir_arena_init(&arena, 4096, 1u << 20);
    schemas_read(&s, weir_span_cstr(schemas_full_node), WEIR_FORMAT_YAML);
    Weir__V1__Node *n = s.docs.items[0].node;
    assert_int_equal(weir_schema_node_env(n, env, &arena, &s.diags), WEIR_OK);
    assert_int_equal(n->n_trusted_proxies, 0);
    assert_string_equal(n->log->level, "warn");
    assert_string_equal(n->log->access, "off");
    assert_int_equal(weir_schema_check(WEIR_KIND_NODE, &n->base, &s.diags), WEIR_OK);
    weir_arena_deinit(&arena);
    schemas_end(&s);
}

static void every_wrong_variable_is_reported_by_its_name(void **state)
{
    static const char *const env[] = { "WEIR_LISEN_HTTP=0.0.0.0:80",
                                       "WEIR_LIMITS_CONNECTIONS=5",
                                       "WEIR_LIMITS_STORE=lots",
                                       "WEIR_LOG_LEVEL=inf",
                                       "WEIR_CLUSTER_JOIN=10.1.0.12:7946",
                                       "WEIR_LISTEN_TCP=0.0.0.0",
                                       "WEIR_LISTEN_HTTP=0.0.0.0:80,,nowhere",
                                       "WEIR_NAME=",
                                       "WEIR_WORKERS=0",
                                       "WEIR_ADMIN_LISTEN=0.0.0.0",
                                       "WEIR_ZZZZZZZZZZZZ=1",
                                       "WEIR_=1",
                                       "WEIR_NO_EQUALS",
                                       NULL };

    (void)state;
    env_reports(
        env,
        "WEIR_LIMITS_CONNECTIONS: limits.connections: 5 is out of range 16..10000000\n"
        "WEIR_LIMITS_STORE: limits.store: \"lots\" is not a size like 512, 64KiB, 1GiB, allowed "
        "is 1MiB..1TiB\n"
        "WEIR_LOG_LEVEL: log.level: \"inf\" is not one of error, warn, info, debug, trace, did "
        "you mean \"info\"?\n"
        "WEIR_CLUSTER_JOIN: cluster.join: not supported by this version\n"
        "WEIR_LISTEN_TCP: listen.tcp: not supported by this version\n"
        "WEIR_LISTEN_HTTP: listen.http[1]: must not be empty\n"
        "WEIR_LISTEN_HTTP: listen.http[2]: \"nowhere\" is not ip:port or [v6]:port\n"
        "WEIR_NAME: name: has an empty value: give one or leave the key out\n"
        "WEIR_WORKERS: workers: \"0\" is not auto or a number 1..64\n"
        "WEIR_ADMIN_LISTEN: admin.listen: \"0.0.0.0\" is not ip:port or [v6]:port\n",
        NULL);
}

static void no_memory_at_any_point_is_reported(void **state)
{
    static const char *const env[] = { "WEIR_LISTEN_HTTP=0.0.0.0:80", "WEIR_LOG_LEVEL=debug",
                                       NULL };

    (void)state;
    unsigned long num = 1;
    for (unsigned long n = 0; n <= num; n++) {
        Weir__V1__Node node = WEIR__V1__NODE__INIT;
        struct weir_diags diags;
        struct weir_arena arena;
        weir_arena_init(&arena, 256, 1u << 20);
        weir_diags_init(&diags);
        weir_failalloc_after(n == 0 ? -1 : (long)n);
        enum weir_err err = weir_schema_node_env(&node, env, &arena, &diags);
        if (n == 0)
            num = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(err, n == 0 ? WEIR_OK : WEIR_ENOMEM);
        weir_diags_deinit(&diags);
        weir_arena_deinit(&arena);
    }
    assert_true(num > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_set_fields_of_every_type),
        cmocka_unit_test(an_empty_list_replaces_that_of_the_file),
        cmocka_unit_test(every_wrong_variable_is_reported_by_its_name),
        cmocka_unit_test(no_memory_at_any_point_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
