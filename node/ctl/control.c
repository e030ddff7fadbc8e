/* SPDX-License-Identifier: Apache-2.0
 *
 * control.c - see control.h. Start: file, node facts, store, log, workers, admin API. Stop, in the
 * reverse order: the admin API and the writes that run, workers, log, store. Between the two
 * the loop runs, and signals order what to do.
 */
#include "node/ctl/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/buffers/secret_pages.h"
#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/access/node_certificate.h"
#include "node/ctl/control_state.h"
#include "node/ctl/node_counters.h"
#include "node/ctl/node_facts.h"
#include "node/ctl/push.h"
#include "node/ctl/status.h"
#include "tenants/tenant.h"

#define SAMPLE_MS     1000
#define SCRUB_RECORDS 16 /* checked in each second: 100,000 tenants in two hours */

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
#define NUM_SIGNALS WEIR_ARRAY_LEN(signals)
_Static_assert(NUM_SIGNALS == WEIR_CONTROL_SIGNALS, "a handle for each signal");

struct weir_control *weir_control_of(struct weir_node *node)
{
    return weir_container_of(node, struct weir_control, node);
}

/* -- stopping -- */

static void close_handles(struct weir_control *c)
{
    if (!c->handles)
        return;
    c->handles = false;
    for (size_t i = 0; i < NUM_SIGNALS; i++)
        uv_close((uv_handle_t *)&c->signal[i], NULL);
    uv_close((uv_handle_t *)&c->sample, NULL);
    uv_close((uv_handle_t *)&c->drain, NULL);
}

void weir_control_stop(struct weir_control *c)
{
    if (c->stopping)
        return;
    c->stopping = true;
    weir_admin_stop(c->admin);
    weir_push_queue_stop(c->node.pushes);
    weir_resolver_stop(c->resolver);
    close_handles(c);
}

void weir_control_reopen_log(struct weir_control *c)
{
    enum weir_err err = weir_access_log_reopen(c->node.access_log);
    if (err < 0)
        log_error("access_log.reopen_failed", "file=%s err=%s", c->config.access,
                  weir_err_name(err));
    else
        log_info("access_log.reopened", "file=%s", c->config.access);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct weir_control *c = signal->data;
    switch (number) {
    case SIGHUP:
        weir_control_reload_signal(c);
        return;
    case SIGUSR1:
        weir_control_reopen_log(c);
        return;
    default:
        weir_control_stop_signal(c);
        return;
    }
}

/* -- running -- */

static void on_sample(uv_timer_t *timer)
{
    struct weir_control *c = timer->data;
    weir_rate_sample(&c->node.rate, weir_clock_mono_ns(), weir_node_requests(&c->node));
    /* The store logs and counts what it finds; status and doctor report it from there. */
    if (atomic_exchange_explicit(&c->certs_changed, false, memory_order_relaxed))
        weir_cert_watch_changed(&c->node.certs);
    weir_cert_watch_step(&c->node.certs, c->node.reader, weir_clock_wall_ms() / 1000);
    enum weir_err err = weir_store_scrub_step(c->node.reader, &c->scrub, SCRUB_RECORDS);
    if (err < 0)
        log_debug("store.scrub_interrupted", "err=%s", weir_err_name(err));
}

/* On the writer thread. */
static void on_change(void *arg, const struct weir_change *changes, size_t num)
{
    struct weir_control *c = arg;
    struct weir_workers *workers = atomic_load_explicit(&c->notified, memory_order_acquire);
    for (size_t i = 0; i < num; i++)
        if (changes[i].class == WEIR_CLASS_CERT)
            atomic_store_explicit(&c->certs_changed, true, memory_order_relaxed);
    for (size_t i = 0; workers != NULL && i < num; i++)
        if (changes[i].class == WEIR_CLASS_TENANT || changes[i].class == WEIR_CLASS_CERT)
            weir_workers_changed(workers, changes[i].class, changes[i].key,
                                 changes[i].index_changed);
}

/* Before the node can be reached: an operator that sees it respond may signal it, and must not meet
 * the signals' defaults. After the store, so that a signal can still end a long recovery. Signals
 * that come early wait for the loop. */
static void start_handles(struct weir_control *c)
{
    int rc = uv_timer_init(&c->loop, &c->sample);
    WEIR_ASSERT(rc == 0);
    rc = uv_timer_init(&c->loop, &c->drain);
    WEIR_ASSERT(rc == 0);
    c->sample.data = c;
    c->drain.data = c;
    rc = uv_timer_start(&c->sample, on_sample, SAMPLE_MS, SAMPLE_MS);
    WEIR_ASSERT(rc == 0);
    for (size_t i = 0; i < NUM_SIGNALS; i++) {
        rc = uv_signal_init(&c->loop, &c->signal[i]);
        WEIR_ASSERT(rc == 0);
        c->signal[i].data = c;
        if (uv_signal_start(&c->signal[i], on_signal, signals[i]) < 0)
            log_warn("node.signal_failed", "number=%d", signals[i]);
    }
    c->handles = true;
}

static void write_listeners(const struct weir_control *c, struct weir_strbuf *out)
{
    char text[WEIR_ADDR_TEXT_MAX];
    for (size_t i = 0; i < c->config.num_http + c->config.num_https; i++) {
        weir_addr_text(weir_workers_bound(c->node.workers, i), text);
        weir_strbuf_printf(out, "%s%s://%s", i > 0 ? "," : "",
                           i < c->config.num_http ? "http" : "https", text);
    }
}

static void log_started(struct weir_control *c)
{
    struct weir_strbuf listeners = WEIR_STRBUF_ZERO;
    struct weir_store_stats stats;
    char admin[WEIR_ADDR_TEXT_MAX] = "off";
    char metrics[WEIR_ADDR_TEXT_MAX] = "off";
    struct weir_addr bound;
    write_listeners(c, &listeners);
    if (c->listen != NULL) {
        weir_admin_bound(c->listen, &bound);
        weir_addr_text(&bound, admin);
    }
    if (c->metrics != NULL) {
        weir_admin_bound(c->metrics, &bound);
        weir_addr_text(&bound, metrics);
    }
    if (weir_store_stats(c->node.reader, &stats) < 0 || listeners.failed)
        memset(&stats, 0, sizeof(stats));
    log_info("node.started",
             "version=%s name=%s listeners=%s socket=%s socket_ro=%s admin=%s admin_certificate=%s "
             "metrics=%s workers=%u "
             "tenants=%llu pid=%d",
             WEIR_VERSION, c->config.name, listeners.failed ? "?" : listeners.at, c->config.socket,
             c->config.socket_ro != NULL ? c->config.socket_ro : "off", admin,
             c->node.certificate[0] != '\0' ? c->node.certificate : "none", metrics,
             weir_workers_num(c->node.workers), (unsigned long long)stats.num_tenants,
             (int)getpid());
    weir_strbuf_deinit(&listeners);
}

/* -- starting -- */

/* The one line that the operator reads, beside the events of the log. */
static void print_problem(const struct weir_strbuf *why)
{
    fprintf(stderr, "weir: %s\n", why->failed ? "out of memory" : why->at);
}

static bool start_descriptors(struct weir_control *c)
{
    uint32_t wanted = weir_descriptors_wanted(c->config.max_connections);
    uint32_t have = weir_descriptors_raise(wanted);
    c->node.descriptors = have;
    if (have <= WEIR_DESCRIPTORS_OWN) {
        fprintf(stderr,
                "weir: %u file descriptors are too few to run: raise LimitNOFILE of the unit or "
                "`ulimit -Hn` above %u\n",
                have, WEIR_DESCRIPTORS_OWN);
        return false;
    }
    if (have >= wanted)
        return true;
    log_warn("node.few_descriptors",
             "descriptors=%u limits_connections=%u wanted=%u hint=\"raise LimitNOFILE or lower "
             "limits.connections\"",
             have, c->config.max_connections, wanted);
    return true;
}

static bool start_store(struct weir_control *c)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct weir_store_config cfg = {
        .folder = c->config.data,
        .max_bytes = c->config.max_store,
        .index = weir_tenant_index,
        .on_change = on_change,
        .on_change_arg = c,
        .metrics = &c->store_metrics,
    };
    enum weir_err err = weir_store_open(&cfg, &c->node.store);
    if (err == WEIR_OK)
        err = weir_store_reader_new(c->node.store, &c->node.reader);
    if (err == WEIR_OK)
        return true;
    weir_explain_store(c->config.data, err, &why);
    print_problem(&why);
    weir_strbuf_deinit(&why);
    return false;
}

/* After the store, which only one process has: so nobody else makes the secret now. */
static bool start_secret(struct weir_control *c)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct weir_secret_found found = { .made = false };
    enum weir_err err = WEIR_ENOMEM;
    c->secret = weir_secret_pages_new(sizeof(*c->secret));
    if (c->secret != NULL)
        err = weir_secret_load(NULL, c->config.data, c->secret, &found);
    if (err < 0) {
        weir_explain_secret(err, &found, &why);
        print_problem(&why);
        weir_strbuf_deinit(&why);
        return false;
    }
    if (found.made)
        log_info("secret.made", "file=%s hint=\"keep a copy: the stored keys are sealed under it\"",
                 found.path);
    c->node.secret = c->secret;
    return true;
}

static bool start_log(struct weir_control *c)
{
    enum weir_err err =
        weir_access_log_open(c->config.access, c->config.num_workers, &c->node.access_log);
    if (err < 0) {
        struct weir_strbuf why = WEIR_STRBUF_ZERO;
        weir_explain_access_log(c->config.access, err, err == WEIR_ENOMEM ? 0 : errno, &why);
        print_problem(&why);
        weir_strbuf_deinit(&why);
        return false;
    }
    /* `weir logs` without -f shows what was before it; where records are not made, they are made
     * only for -f. */
    if (strcmp(c->config.access, "off") != 0)
        weir_access_tail_begin(c->node.access_log);
    return true;
}

/* A connection that cannot have its descriptor is better refused at the limit than in the middle of
 * its work. */
uint32_t weir_control_connections(struct weir_control *c, uint32_t wanted)
{
    uint32_t have = weir_descriptors_raise(weir_descriptors_wanted(wanted));
    if (have > c->node.descriptors)
        c->node.descriptors = have;
    uint32_t room = c->node.descriptors - WEIR_DESCRIPTORS_OWN;
    return wanted < room ? wanted : room;
}

static bool start_resolver(struct weir_control *c)
{
    enum weir_err err =
        weir_resolver_new(&c->loop, &c->config.resolver, &c->metrics_block, &c->resolver);
    if (err < 0) {
        fprintf(stderr, "weir: the resolver of names cannot start: %s\n", weir_err_name(err));
        return false;
    }
    c->node.resolve = weir_resolver_face(c->resolver);
    return true;
}

static bool start_workers(struct weir_control *c)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct weir_workers_error fault = { .sys_errno = 0 };
    struct weir_workers_config cfg = {
        .num_workers = c->config.num_workers,
        .http = c->config.http,
        .num_http = c->config.num_http,
        .https = c->config.https,
        .num_https = c->config.num_https,
        .max_connections = weir_control_connections(c, c->config.max_connections),
        .max_memory = c->config.max_memory,
        .head_timeout_ms = c->config.head_timeout_ms,
        .idle_timeout_ms = c->config.idle_timeout_ms,
        .handshake_timeout_ms = c->config.handshake_timeout_ms,
        .handshakes_per_address = c->config.handshakes_per_address,
        .connections_per_address = c->config.connections_per_address,
        .trusted = c->config.trusted,
        .num_trusted = c->config.num_trusted,
        .cdn_id = weir_span_cstr(c->config.cdn_id),
        .store = c->node.store,
        .secret = c->node.secret,
        .marks = c->node.marks,
        .access_log = c->node.access_log,
        .resolve = c->node.resolve,
    };
    enum weir_err err = weir_workers_start(&cfg, &c->node.workers, &fault);
    if (err == WEIR_OK) {
        atomic_store_explicit(&c->notified, c->node.workers, memory_order_release);
        return true;
    }
    if (fault.listener.port != 0)
        weir_explain_listener(fault.field, &fault.listener, err, fault.sys_errno, &why);
    else
        weir_strbuf_printf(&why, "workers cannot be started (%s): %s",
                           fault.what != NULL ? fault.what : "start",
                           fault.sys_errno != 0 ? strerror(fault.sys_errno) : weir_err_name(err));
    print_problem(&why);
    weir_strbuf_deinit(&why);
    return false;
}

/* @return false: `why` has the reason */
static bool start_socket(struct weir_control *c, const char *field, const char *path,
                         enum weir_admin_scope scope, struct weir_strbuf *why)
{
    struct weir_admin_socket *socket = scope == WEIR_ADMIN_SCOPE_ALL ? &c->socket : &c->socket_ro;
    int sys_errno = 0;
    enum weir_err err = weir_admin_socket_open(path, socket, &sys_errno);
    if (err < 0) {
        weir_explain_socket(field, path, err, sys_errno, why);
        return false;
    }
    if (scope == WEIR_ADMIN_SCOPE_READ)
        weir_admin_socket_give_group(socket);
    err = weir_admin_listen_socket(c->admin, socket, scope, &sys_errno);
    if (err < 0)
        weir_explain_socket(field, path, err, sys_errno, why);
    return err == WEIR_OK;
}

static bool start_health(struct weir_control *c, const char *field, const struct weir_addr *at,
                         struct weir_admin_listener **ret, struct weir_strbuf *why)
{
    int sys_errno = 0;
    enum weir_err err =
        weir_admin_listen_tcp(c->admin, at, WEIR_ADMIN_SCOPE_HEALTH, ret, &sys_errno);
    if (err < 0)
        weir_explain_listener(field, at, err, sys_errno, why);
    return err == WEIR_OK;
}

static bool start_remote(struct weir_control *c, struct weir_strbuf *why)
{
    const struct weir_config *cfg = &c->config;
    struct weir_tls_pem pem;
    int sys_errno = 0;
    int64_t now_s = (int64_t)(weir_clock_wall_ms() / 1000);
    if (weir_node_certificate_load(cfg, now_s, &pem, why) < 0)
        return false;
    weir_tls_fingerprint_text(pem.fingerprint, c->node.certificate);
    c->node.certificate_ends_s = pem.not_after_s;
    enum weir_err err = weir_admin_present(c->admin, pem.identity);
    if (err < 0) {
        weir_tls_identity_unref(pem.identity);
        weir_strbuf_printf(why, "admin.listen: %s", weir_err_name(err));
        return false;
    }
    if (pem.not_after_s < now_s)
        log_warn("admin.certificate_expired", "file=%s", cfg->admin_certificate);
    err = weir_admin_listen_tls(c->admin, &cfg->admin, &c->listen, &sys_errno);
    if (err < 0)
        weir_explain_listener("admin.listen", &cfg->admin, err, sys_errno, why);
    return err == WEIR_OK;
}

static bool start_admin_listeners(struct weir_control *c, struct weir_strbuf *why)
{
    const struct weir_config *cfg = &c->config;
    return start_socket(c, "admin.socket", cfg->socket, WEIR_ADMIN_SCOPE_ALL, why) &&
           (cfg->socket_ro == NULL ||
            start_socket(c, "admin.socket_ro", cfg->socket_ro, WEIR_ADMIN_SCOPE_READ, why)) &&
           (!cfg->has_admin || start_remote(c, why)) &&
           (!cfg->has_metrics || start_health(c, "admin.metrics", &cfg->metrics, &c->metrics, why));
}

static bool start_admin(struct weir_control *c)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    enum weir_err err = weir_push_queue_new(&c->node, &c->node.pushes);
    if (err == WEIR_OK)
        err = weir_admin_start(&c->node, &c->admin);
    if (err < 0) {
        fprintf(stderr, "weir: %s\n", weir_err_name(err));
        return false;
    }
    bool good = start_admin_listeners(c, &why);
    if (!good)
        print_problem(&why);
    weir_strbuf_deinit(&why);
    return good;
}

static bool start_node(struct weir_control *c)
{
    c->node.config = &c->config;
    c->node.loop = &c->loop;
    c->node.metrics = &c->metrics_block;
    c->node.store_metrics = &c->store_metrics;
    c->node.drain = weir_control_drain;
    c->node.undrain = weir_control_undrain;
    c->node.reload = weir_control_reload;
    c->node.started_ns = weir_clock_mono_ns();
    weir_cert_watch_init(&c->node.certs);
    c->node.marks = weir_failure_marks_new();
    if (c->node.marks == NULL) {
        fprintf(stderr, "weir: no memory, or no random numbers, to begin with\n");
        return false;
    }
    if (!start_descriptors(c) || !start_store(c) || !start_secret(c) || !start_log(c))
        return false;
    start_handles(c);
    return start_resolver(c) && start_workers(c) && start_admin(c);
}

/* Undo start_node from wherever it came to. */
static void end_node(struct weir_control *c)
{
    close_handles(c);
    weir_admin_stop(c->admin);
    if (c->resolver != NULL)
        weir_resolver_stop(c->resolver);
    if (c->node.pushes != NULL)
        weir_push_queue_stop(c->node.pushes);
    (void)uv_run(&c->loop, UV_RUN_DEFAULT);
    weir_admin_free(&c->admin);
    weir_admin_socket_close(&c->socket);
    weir_admin_socket_close(&c->socket_ro);
    /* No write is left that could notify the workers. */
    atomic_store_explicit(&c->notified, NULL, memory_order_release);
    if (c->node.workers != NULL)
        weir_workers_stop(&c->node.workers);
    weir_resolver_free(&c->resolver);
    if (c->node.access_log != NULL) {
        if (strcmp(c->config.access, "off") != 0)
            weir_access_tail_end(c->node.access_log);
        weir_access_log_close(&c->node.access_log);
    }
    weir_store_reader_free(&c->node.reader);
    if (c->node.store != NULL)
        weir_store_close(&c->node.store);
    weir_push_queue_free(&c->node.pushes);
    weir_failure_marks_free(&c->node.marks);
    weir_cert_watch_deinit(&c->node.certs);
    weir_secret_pages_free((void **)&c->secret, sizeof(*c->secret));
}

static int run_node(struct weir_control *c)
{
    if (uv_loop_init(&c->loop) < 0) {
        fprintf(stderr, "weir: the event loop cannot be made: %s\n", strerror(errno));
        return 1;
    }
    bool good = start_node(c);
    if (good) {
        c->node.state = WEIR_NODE_SERVING;
        log_started(c);
        (void)uv_run(&c->loop, UV_RUN_DEFAULT);
    }
    end_node(c);
    int rc = uv_loop_close(&c->loop);
    WEIR_ASSERT(rc == 0);
    if (good)
        log_info("node.stopped", "name=%s", c->config.name);
    return good ? 0 : 1;
}

/* -- the file -- */

/* At a start the text may come from a pipe, as in `weir node --config <(...)`. While the node runs
 * it may not: a FIFO without a writer would hold the reading thread for ever. */
static bool can_be_read_again(const char *path, struct weir_strbuf *problems)
{
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return true; /* read_file has the reason */
    weir_strbuf_printf(problems,
                       "weir: %s is not a regular file, so it cannot be read again: restart the "
                       "node, or write a file there\n",
                       path);
    return false;
}

static bool read_file(const char *path, struct weir_strbuf *out, struct weir_strbuf *problems)
{
    char chunk[8192];
    ssize_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        weir_strbuf_printf(problems, "weir: %s cannot be read: %s\n", path, strerror(errno));
        return false;
    }
    out->max = WEIR_CONFIG_BYTES_MAX;
    while ((len = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        weir_strbuf_add(out, weir_span(chunk, (size_t)len));
    if (len < 0)
        weir_strbuf_printf(problems, "weir: %s cannot be read: %s\n", path, strerror(errno));
    else if (out->failed)
        weir_strbuf_printf(problems, "weir: %s is larger than a node file may be (1 MiB)\n", path);
    close(fd);
    return len == 0 && !out->failed;
}

enum weir_err weir_control_read_file(const struct weir_control_options *o, struct weir_config *ret,
                                     struct weir_strbuf *problems)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    enum weir_err err = WEIR_EINVAL;
    if (o->config == NULL || read_file(o->config, &text, problems))
        err = weir_config_read(ret, o->config, weir_span(text.at, text.len), o->env, problems);
    weir_strbuf_deinit(&text);
    return problems->failed ? WEIR_ENOMEM : err;
}

enum weir_err weir_control_read_file_again(const struct weir_control_options *o,
                                           struct weir_config *ret, struct weir_strbuf *problems)
{
    if (o->config != NULL && !can_be_read_again(o->config, problems))
        return problems->failed ? WEIR_ENOMEM : WEIR_EINVAL;
    return weir_control_read_file(o, ret, problems);
}

static bool read_config(struct weir_control *c)
{
    struct weir_strbuf problems = WEIR_STRBUF_ZERO;
    enum weir_err err = weir_control_read_file(c->options, &c->config, &problems);
    if (err == WEIR_ENOMEM)
        fprintf(stderr, "weir: out of memory\n");
    else if (problems.len > 0)
        fputs(problems.at, stderr);
    weir_strbuf_deinit(&problems);
    return err == WEIR_OK;
}

static int check_node(const struct weir_control *c)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    bool good = weir_node_facts_check(&c->config, &out);
    if (!out.failed)
        fputs(out.at, stdout);
    good = good && !out.failed;
    weir_strbuf_deinit(&out);
    return good ? 0 : 1;
}

int weir_control_run(const struct weir_control_options *o)
{
    struct weir_control *c = calloc(1, sizeof(*c));
    int code = 1;
    if (c == NULL) {
        fprintf(stderr, "weir: out of memory\n");
        return 1;
    }
    c->options = o;
    c->socket.fd = -1;
    c->socket_ro.fd = -1;
    weir_config_init(&c->config);
    weir_docs_init(&c->live_docs);
    (void)signal(SIGPIPE, SIG_IGN);
    if (read_config(c)) {
        weir_log_init(c->config.level, STDERR_FILENO);
        code = o->check ? check_node(c) : run_node(c);
    }
    weir_config_deinit(&c->config);
    weir_docs_deinit(&c->live_docs);
    free(c);
    return code;
}
