/* SPDX-License-Identifier: Apache-2.0
 *
 * resolver_test.c - the resolver on a loop of its own, asked by other threads as workers do. Its
 * server is a socket that never responds; tests/live has one that does.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/ctl/resolver.h"
#include "tests/support/failalloc.h"

#define WAIT_TURNS 20000 /* of a millisecond: bounds a failure */

struct kit {
    uv_loop_t loop;
    struct weir_resolver *r;
    struct weir_resolve face;
    struct weir_resolver_settings settings;
    struct weir_metrics metrics;
    struct weir_inbox reply;
    int silent; /* the server's socket */
    unsigned num_found, num_failed;
};

static struct kit *kit_new(uint32_t timeout_ms)
{
    struct kit *k = aligned_alloc(_Alignof(struct kit), sizeof(*k));
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);
    assert_non_null(k);
    memset(k, 0, sizeof(*k));
    assert_int_equal(uv_loop_init(&k->loop), 0);
    assert_int_equal(weir_inbox_init(&k->reply, 100000, NULL, NULL), WEIR_OK);
    k->silent = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(k->silent >= 0);
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(k->silent, (const struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(getsockname(k->silent, (struct sockaddr *)&at, &len), 0);
    weir_addr_from_sockaddr((const struct sockaddr *)&at, &k->settings.servers[0]);
    k->settings.num_servers = 1;
    k->settings.timeout_ms = timeout_ms;
    k->settings.lookups_per_tenant = 4;
    assert_int_equal(weir_resolver_new(&k->loop, &k->settings, &k->metrics, &k->r), WEIR_OK);
    k->face = weir_resolver_face(k->r);
    return k;
}

static void take_responses(struct kit *k)
{
    bool overflowed = false;
    struct weir_msg *m = weir_inbox_take(&k->reply, &overflowed);
    while (m != NULL) {
        struct weir_lookup *l = weir_container_of(m, struct weir_lookup, msg);
        m = m->next;
        *(l->result == WEIR_RESOLVED_FOUND ? &k->num_found : &k->num_failed) += 1;
        free(l);
    }
}

static void kit_free(struct kit *k)
{
    weir_resolver_stop(k->r);
    (void)uv_run(&k->loop, UV_RUN_DEFAULT);
    weir_resolver_free(&k->r);
    assert_null(k->r);
    take_responses(k);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    weir_inbox_deinit(&k->reply);
    close(k->silent);
    free(k);
}

static enum weir_err ask(struct kit *k, uint64_t tenant, const char *host)
{
    struct weir_lookup *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->reply = &k->reply;
    l->tenant = tenant;
    (void)snprintf(l->host, sizeof(l->host), "%s", host);
    enum weir_err err = k->face.ask(k->face.arg, l);
    if (err < 0)
        free(l);
    return err;
}

/* Turn the loop until so many responses have come. */
static void await(struct kit *k, unsigned num)
{
    for (int i = 0; i < WAIT_TURNS && k->num_found + k->num_failed < num; i++) {
        (void)uv_run(&k->loop, UV_RUN_NOWAIT);
        take_responses(k);
        (void)usleep(1000);
    }
    assert_int_equal(k->num_found + k->num_failed, num);
}

/* RFC 6761 6.3: localhost is not asked of servers. */
static void localhost_needs_no_server(void **state)
{
    struct kit *k = kit_new(60000);
    assert_int_equal(ask(k, 1, "localhost"), WEIR_OK);
    await(k, 1);
    assert_int_equal(k->num_found, 1);
    kit_free(k);
}

static void a_silent_server_costs_the_timeout(void **state)
{
    struct kit *k = kit_new(100);
    assert_int_equal(ask(k, 1, "silent.example"), WEIR_OK);
    await(k, 1);
    assert_int_equal(k->num_failed, 1);
    kit_free(k);
}

static void a_stop_gives_everything_back_at_once(void **state)
{
    struct kit *k = kit_new(3600000);
    char name[32];
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "n%u.example", i);
        assert_int_equal(ask(k, i / 10, name), WEIR_OK);
        if (i == 200)
            (void)uv_run(&k->loop, UV_RUN_NOWAIT); /* the others are not even looked at */
    }
    weir_resolver_stop(k->r);
    take_responses(k);
    assert_int_equal(k->num_failed, 300);
    assert_int_equal(ask(k, 1, "late.example"), WEIR_ECLOSED);
    kit_free(k);
}

static void other_settings_count_from_the_next_look_up_on(void **state)
{
    struct kit *k = kit_new(3600000);
    assert_int_equal(ask(k, 1, "slow.example"), WEIR_OK);
    (void)uv_run(&k->loop, UV_RUN_NOWAIT);
    k->settings.timeout_ms = 100;
    weir_resolver_change(k->r, &k->settings);
    assert_int_equal(ask(k, 1, "other.example"), WEIR_OK);
    await(k, 2);
    assert_int_equal(k->num_failed, 2);
    kit_free(k);
}

#define THREADS 4
#define ASKS    500

static void *ask_often(void *arg)
{
    struct kit *k = arg;
    char name[32];
    for (unsigned i = 0; i < ASKS; i++) {
        (void)snprintf(name, sizeof(name), i % 2 ? "localhost" : "n%u.example", i % 40);
        assert_int_equal(ask(k, i % 7, name), WEIR_OK);
    }
    return NULL;
}

static void many_threads_get_a_response_to_each_question(void **state)
{
    struct kit *k = kit_new(150);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, k), 0);
    await(k, THREADS * ASKS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(k->num_found >= THREADS * ASKS / 2);
    kit_free(k);
}

/* Whichever allocation fails: the question is responded to, and the next one too. */
static void without_memory_a_question_fails_and_nothing_else(void **state)
{
    for (long n = 1; n < 20; n++) {
        struct kit *k = kit_new(100);
        assert_int_equal(ask(k, 1, "silent.example"), WEIR_OK);
        weir_failalloc_once(n);
        (void)uv_run(&k->loop, UV_RUN_NOWAIT);
        weir_failalloc_once(-1);
        await(k, 1);
        assert_int_equal(ask(k, 1, "localhost"), WEIR_OK);
        await(k, 2);
        assert_int_equal(k->num_found, 1);
        kit_free(k);
    }
}

static void without_memory_it_does_not_begin(void **state)
{
    struct kit *k = kit_new(100);
    for (long n = 1;; n++) {
        struct weir_resolver *r = NULL;
        weir_failalloc_once(n);
        enum weir_err err = weir_resolver_new(&k->loop, &k->settings, &k->metrics, &r);
        bool failed = weir_failalloc_count() >= (unsigned long)n;
        weir_failalloc_once(-1);
        assert_int_equal(err, failed ? WEIR_ENOMEM : WEIR_OK);
        if (failed)
            continue;
        weir_resolver_stop(r);
        (void)uv_run(&k->loop, UV_RUN_NOWAIT);
        weir_resolver_free(&r);
        break;
    }
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(localhost_needs_no_server),
        cmocka_unit_test(a_silent_server_costs_the_timeout),
        cmocka_unit_test(a_stop_gives_everything_back_at_once),
        cmocka_unit_test(other_settings_count_from_the_next_look_up_on),
        cmocka_unit_test(many_threads_get_a_response_to_each_question),
        cmocka_unit_test(without_memory_a_question_fails_and_nothing_else),
        cmocka_unit_test(without_memory_it_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
