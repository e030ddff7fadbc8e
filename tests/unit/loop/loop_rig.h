/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_rig.h - running workers for tests: a real store in a folder of its own, a table of failure
 * marks, an access log in a file, listeners on free ports. The test is the client and the server.
 */
#ifndef WEIR_TESTS_UNIT_LOOP_LOOP_RIG_H
#define WEIR_TESTS_UNIT_LOOP_LOOP_RIG_H

#include <signal.h>

#include "node/base/clock.h"
#include "node/loop/worker.h"
#include "tests/support/peer.h"
#include "tests/support/sites.h"
#include "tests/unit/loop/rig_resolve.h"

struct rig {
    struct kit kit;
    struct weir_workers_config cfg;
    struct weir_addr listen[2];
    struct weir_workers *workers;
    struct weir_workers_error error;
    struct weir_addr at; /* of the first listener */
    int origin;          /* the server's listener */
    struct weir_addr origin_at;
    char origin_text[WEIR_ADDR_TEXT_MAX];
    char log_path[160];
    /* What most tests need one of. */
    struct peer client, server;
    struct message request, response;
};

/** A tenant builder whose upstream "web" leads to the rig's origin, one connection at a time made
 * when it is needed. */
static inline Weir__V1__Upstream *rig_site(struct rig *r, struct stored *s, const char *name,
                                           const char *host)
{
    stored_init(s, name);
    stored_host(s, host);
    Weir__V1__Upstream *u = stored_upstream(s, "web");
    stored_endpoint(s, u, r->origin_text);
    u->pool = stored_new(s, sizeof(*u->pool));
    weir__v1__pool__init(u->pool);
    u->pool->has_min_idle = 1;
    u->pool->min_idle = 0;
    return u;
}

/** Store, log and origin, with one site "shop" of the host "shop.example"; no workers yet. */
static inline struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct stored s;
    assert_non_null(r);
    kit_quiet();
    sites_open(&r->kit);
    r->origin = peer_listen(&r->origin_at);
    (void)weir_addr_text(&r->origin_at, r->origin_text);
    (void)rig_site(r, &s, "shop", "shop.example");
    sites_put(&r->kit, &s);
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &r->listen[0]), WEIR_OK);
    (void)snprintf(r->log_path, sizeof(r->log_path), "%s/access.log", r->kit.folder);
    r->cfg = (struct weir_workers_config){ .num_workers = 1,
                                           .http = r->listen,
                                           .num_http = 1,
                                           .max_connections = 1000,
                                           .max_memory = 256u << 20,
                                           .head_timeout_ms = 10000,
                                           .idle_timeout_ms = 75000,
                                           .store = r->kit.s,
                                           .resolve = { .ask = rig_resolve } };
    r->cfg.marks = weir_failure_marks_new();
    assert_non_null(r->cfg.marks);
    r->client.fd = r->server.fd = -1;
    return r;
}

/** Start the workers by r->cfg. */
static inline void rig_start(struct rig *r)
{
    if (r->cfg.access_log == NULL)
        assert_int_equal(weir_access_log_open(r->log_path, r->cfg.num_workers, &r->cfg.access_log),
                         WEIR_OK);
    assert_int_equal(weir_workers_start(&r->cfg, &r->workers, &r->error), WEIR_OK);
    r->at = *weir_workers_bound(r->workers, 0);
}

/* -- a worker that stands still, so that a test decides what it finds when it goes on -- */

static int rig_frozen[2], rig_thaw[2];

static inline void rig_stand_still(int signal)
{
    char byte = 0;
    int saved_errno = errno;
    if (write(rig_frozen[1], &byte, 1) == 1)
        while (read(rig_thaw[0], &byte, 1) < 0 && errno == EINTR)
            continue;
    errno = saved_errno;
}

/** Start one worker that rig_freeze can stop: of all threads only it takes the signal. Call instead
 * of rig_new and rig_start. */
static inline struct rig *rig_running_freezable(void)
{
    struct sigaction act = { .sa_handler = rig_stand_still, .sa_flags = SA_RESTART };
    sigset_t set;
    assert_int_equal(pipe(rig_frozen), 0);
    assert_int_equal(pipe(rig_thaw), 0);
    assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    struct rig *r = rig_new();
    assert_int_equal(weir_access_log_open(r->log_path, 1, &r->cfg.access_log), WEIR_OK);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    rig_start(r);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    return r;
}

/** Returns when the worker stands, having done all there was to do. */
static inline void rig_freeze(void)
{
    char byte;
    (void)usleep(20000);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(read(rig_frozen[0], &byte, 1), 1);
}

/** Let it go on. */
static inline void rig_unfreeze(void)
{
    assert_int_equal(write(rig_thaw[1], "", 1), 1);
}

/** A rig that runs with one worker. */
static inline struct rig *rig_running(void)
{
    struct rig *r = rig_new();
    rig_start(r);
    return r;
}

/** Stop what runs; the access log is complete afterwards. */
static inline void rig_stop(struct rig *r)
{
    weir_workers_stop(&r->workers);
    assert_null(r->workers);
    weir_access_log_close(&r->cfg.access_log);
}

/** Stop, close, remove. */
static inline void rig_free(struct rig *r)
{
    rig_stop(r);
    peer_close(&r->client);
    peer_close(&r->server);
    close(r->origin);
    weir_failure_marks_free(&r->cfg.marks);
    sites_close(&r->kit);
    free(r);
}

/** Free a rig of rig_running_freezable. */
static inline void rig_free_freezable(struct rig *r)
{
    rig_free(r);
    for (int i = 0; i < 2; i++) {
        close(rig_frozen[i]);
        close(rig_thaw[i]);
    }
}

/** Write a tenant and notify the workers, as a push does. */
static inline void rig_push(struct rig *r, struct stored *s)
{
    struct weir_span name = weir_span_cstr(s->t.name);
    char copy[WEIR_TENANT_NAME_MAX + 1];
    (void)snprintf(copy, sizeof(copy), "%s", s->t.name);
    name = weir_span_cstr(copy);
    sites_put(&r->kit, s);
    weir_workers_changed(r->workers, WEIR_CLASS_TENANT, name, true);
}

/** A counter, of all workers together. */
static inline uint64_t rig_metric(const struct rig *r, enum weir_metric which)
{
    size_t num = 0;
    const struct weir_metrics *const *blocks = weir_workers_metrics(r->workers, &num);
    return weir_metrics_sum(blocks, num, which);
}

/** Wait until a counter or gauge has this value. */
static inline void rig_await(const struct rig *r, enum weir_metric which, uint64_t value)
{
    uint64_t until = weir_clock_mono_ns() + PEER_WAIT_S * UINT64_C(1000000000);
    while (rig_metric(r, which) != value) {
        if (weir_clock_mono_ns() > until)
            fail_msg("metric %d is %llu, not %llu", (int)which,
                     (unsigned long long)rig_metric(r, which), (unsigned long long)value);
        (void)usleep(1000);
    }
}

/** How many lines of the access log hold this text. After rig_stop. */
static inline unsigned rig_log_count(const struct rig *r, const char *text)
{
    static char line[WEIR_ACCESS_LINE_MAX + 1];
    unsigned num = 0;
    FILE *f = fopen(r->log_path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        num += strstr(line, text) != NULL;
    assert_int_equal(fclose(f), 0);
    return num;
}

/** The first of these lines, until the next call. After rig_stop. */
static inline const char *rig_log_line(const struct rig *r, const char *text)
{
    static char line[WEIR_ACCESS_LINE_MAX + 1];
    bool found = false;
    FILE *f = fopen(r->log_path, "r");
    assert_non_null(f);
    while (!found && fgets(line, sizeof(line), f) != NULL)
        found = strstr(line, text) != NULL;
    assert_int_equal(fclose(f), 0);
    assert_true(found);
    return line;
}

/** One GET to which the origin responds with `response`, on the present connections or new ones. */
static inline void rig_get(struct rig *r, const char *path, const char *response)
{
    char request[256];
    if (r->client.fd < 0)
        peer_dial(&r->client, &r->at);
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: shop.example\r\n\r\n", path);
    peer_send(&r->client, request);
    if (r->server.fd < 0)
        peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, response);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
}

#define RIG_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#endif
