/* SPDX-License-Identifier: Apache-2.0
 *
 * control_reload.c - the node file read again while the node runs. The file is read and checked on
 * libuv's pool; then, in one callback of the control loop, whatever can fail is done first (the log
 * opened, the listeners bound), and only when nothing failed the rest follows. So a bad file, or a
 * port that is taken, changes nothing at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/access/node_certificate.h"
#include "node/ctl/control_state.h"
#include "node/ctl/node_facts.h"

/** One reload. Owner: control; its `next`, `problems` and `err` are the pool thread's while it
 * works. */
struct weir_reload {
    uv_work_t work;
    struct weir_control *c;
    struct weir_config next;
    struct weir_strbuf problems;
    enum weir_err err;
    uint32_t changed, restart;           /* WEIR_KEY_BIT of each */
    struct weir_access_target *access;   /* opened, not yet in use; owns */
    struct weir_admin_listener *metrics; /* the same; the server's */
    struct weir_tls_pem certificate;     /* of admin.listen; identity owned until it is presented */
    bool makes_way;                      /* the old metrics listener was closed for the new one */
    weir_reload_done *done;
    void *arg;
};

static bool is_changed(const struct weir_reload *rl, enum weir_config_key key)
{
    return (rl->changed & WEIR_KEY_BIT(key)) != 0;
}

static void add_problem(struct weir_reload *rl, const struct weir_strbuf *why)
{
    weir_strbuf_printf(&rl->problems, "%s\n", why->failed ? "out of memory" : why->at);
    rl->err = WEIR_EINVAL;
}

/* -- what can fail -- */

static void open_access(struct weir_reload *rl)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    if (!is_changed(rl, WEIR_KEY_LOG_ACCESS))
        return;
    enum weir_err err = weir_access_target_open(rl->next.access, &rl->access);
    if (err < 0) {
        weir_explain_access_log(rl->next.access, err, err == WEIR_ENOMEM ? 0 : errno, &why);
        add_problem(rl, &why);
    }
    weir_strbuf_deinit(&why);
}

static void open_metrics(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    int sys_errno = 0;
    if (!is_changed(rl, WEIR_KEY_ADMIN_METRICS) || !rl->next.has_metrics)
        return;
    /* From an address to the wildcard of its port, or back: one port cannot be bound for both. */
    rl->makes_way = c->metrics != NULL && c->config.metrics.port != 0 &&
                    weir_addr_overlaps(&c->config.metrics, &rl->next.metrics);
    if (rl->makes_way)
        weir_admin_unlisten(&c->metrics);
    enum weir_err err = weir_admin_listen_tcp(rl->c->admin, &rl->next.metrics,
                                              WEIR_ADMIN_SCOPE_HEALTH, &rl->metrics, &sys_errno);
    if (err < 0) {
        weir_explain_listener("admin.metrics", &rl->next.metrics, err, sys_errno, &why);
        add_problem(rl, &why);
    }
    weir_strbuf_deinit(&why);
}

/* What made way for nothing comes back. */
static void restore_metrics(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    int sys_errno = 0;
    weir_admin_unlisten(&rl->metrics);
    if (!rl->makes_way)
        return;
    enum weir_err err = weir_admin_listen_tcp(c->admin, &c->config.metrics, WEIR_ADMIN_SCOPE_HEALTH,
                                              &c->metrics, &sys_errno);
    if (err < 0)
        log_error("node.metrics_lost", "err=%s errno=%d: reload again", weir_err_name(err),
                  sys_errno);
}

static void explain_workers(struct weir_reload *rl, enum weir_err err,
                            const struct weir_workers_error *fault)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    if (err == WEIR_EBUSY)
        weir_strbuf_puts(&why, "listen.http: listeners of the reload before are still closing; try "
                               "again in two seconds");
    else if (fault->listener.port != 0)
        weir_explain_listener(fault->field, &fault->listener, err, fault->sys_errno, &why);
    else
        weir_strbuf_printf(&why, "the workers cannot take it over (%s): %s",
                           fault->what != NULL ? fault->what : "change", weir_err_name(err));
    add_problem(rl, &why);
    if (err == WEIR_EBUSY)
        rl->err = WEIR_EBUSY;
    weir_strbuf_deinit(&why);
}

/* The last of what can fail, because it cannot be taken back. */
static void change_workers(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    struct weir_workers_error fault = { .sys_errno = 0 };
    struct weir_workers_config cfg = {
        .http = rl->next.http,
        .num_http = rl->next.num_http,
        .https = rl->next.https,
        .num_https = rl->next.num_https,
        .secret = c->node.secret,
        .max_connections = weir_control_connections(c, rl->next.max_connections),
        .max_memory = rl->next.max_memory,
        .head_timeout_ms = rl->next.head_timeout_ms,
        .idle_timeout_ms = rl->next.idle_timeout_ms,
        .handshake_timeout_ms = rl->next.handshake_timeout_ms,
        .handshakes_per_address = rl->next.handshakes_per_address,
        .connections_per_address = rl->next.connections_per_address,
        .trusted = rl->next.trusted,
        .num_trusted = rl->next.num_trusted,
    };
    enum weir_err err = weir_workers_change(c->node.workers, &cfg, &fault);
    if (err < 0)
        explain_workers(rl, err, &fault);
}

/* On libuv's pool. The files are read again though their names are the same: a certificate is
 * renewed in its place. What needs a restart is as it runs. */
static void read_certificate(struct weir_reload *rl)
{
    struct weir_config c = rl->c->config;
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    c.admin_certificate = rl->next.admin_certificate;
    c.admin_key = rl->next.admin_key;
    if (!c.has_admin || !rl->next.has_admin)
        return;
    enum weir_err err = weir_node_certificate_load(&c, (int64_t)(weir_clock_wall_ms() / 1000),
                                                   &rl->certificate, &why);
    if (err < 0) {
        rl->certificate.identity = NULL;
        add_problem(rl, &why);
    }
    weir_strbuf_deinit(&why);
}

/* -- what cannot fail -- */

static void present_certificate(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    char fingerprint[WEIR_TLS_FINGERPRINT_TEXT];
    if (rl->certificate.identity == NULL)
        return;
    weir_tls_fingerprint_text(rl->certificate.fingerprint, fingerprint);
    if (strcmp(fingerprint, c->node.certificate) != 0)
        rl->changed |= WEIR_KEY_BIT(WEIR_KEY_ADMIN_TLS);
    memcpy(c->node.certificate, fingerprint, sizeof(fingerprint));
    c->node.certificate_ends_s = rl->certificate.not_after_s;
    enum weir_err err = weir_admin_present(c->admin, rl->certificate.identity);
    WEIR_ASSERT(err == WEIR_OK); /* it is not the first */
    rl->certificate.identity = NULL;
    log_info("admin.certificate", "fingerprint=%s", fingerprint);
}

static void switch_access(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    bool was_off = strcmp(c->config.access, "off") == 0;
    bool is_off = strcmp(rl->next.access, "off") == 0;
    weir_access_log_switch(c->node.access_log, &rl->access);
    /* `weir logs` shows the tail where records are made for a target, too. */
    if (was_off && !is_off)
        weir_access_tail_begin(c->node.access_log);
    else if (!was_off && is_off)
        weir_access_tail_end(c->node.access_log);
}

/* The store cannot grow beyond the address space that it reserved at the start: more needs a
 * restart. */
static void resize_store(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    if (!is_changed(rl, WEIR_KEY_LIMITS_STORE) ||
        weir_store_set_max(c->node.store, rl->next.max_store) == WEIR_OK)
        return;
    rl->next.max_store = c->config.max_store;
    rl->changed &= ~WEIR_KEY_BIT(WEIR_KEY_LIMITS_STORE);
    rl->restart |= WEIR_KEY_BIT(WEIR_KEY_LIMITS_STORE);
}

static void commit(struct weir_reload *rl)
{
    struct weir_control *c = rl->c;
    resize_store(rl);
    present_certificate(rl);
    if (rl->access != NULL)
        switch_access(rl);
    if (is_changed(rl, WEIR_KEY_ADMIN_METRICS)) {
        weir_admin_unlisten(&c->metrics);
        c->metrics = rl->metrics;
        rl->metrics = NULL;
    }
    if (is_changed(rl, WEIR_KEY_LOG_LEVEL))
        weir_log_set_level(rl->next.level);
    if (is_changed(rl, WEIR_KEY_RESOLVER))
        weir_resolver_change(c->resolver, &rl->next.resolver);
    weir_config_take_live(&c->config, &rl->next);
    weir_docs_deinit(&c->live_docs);
    c->live_docs = rl->next.docs; /* the workers' prefixes and the texts of the live keys */
    weir_docs_init(&rl->next.docs);
}

static void take_over(struct weir_reload *rl)
{
    uint32_t differs = weir_config_compare(&rl->c->config, &rl->next);
    for (unsigned key = 0; key < WEIR_KEY_COUNT; key++) {
        bool live = weir_config_key_is_live((enum weir_config_key)key);
        *(live ? &rl->changed : &rl->restart) |= differs & WEIR_KEY_BIT(key);
    }
    open_access(rl);
    open_metrics(rl);
    /* Also when nothing of it differs: the workers then borrow from the documents that stay. */
    if (rl->err == WEIR_OK)
        change_workers(rl);
    if (rl->err == WEIR_OK)
        commit(rl);
    if (rl->err != WEIR_OK)
        restore_metrics(rl);
    weir_access_target_discard(&rl->access);
}

/* -- the outcome -- */

static void log_keys(const char *event, enum weir_log_level level, uint32_t keys)
{
    for (unsigned key = 0; key < WEIR_KEY_COUNT; key++)
        if ((keys & WEIR_KEY_BIT(key)) != 0)
            weir_log(level, event, "key=%s", weir_config_key_name((enum weir_config_key)key));
}

static void log_outcome(const struct weir_reload *rl)
{
    const char *line = rl->problems.failed || rl->problems.len == 0 ? "" : rl->problems.at;
    if (rl->err == WEIR_OK) {
        log_info("node.reloaded", "name=%s", rl->c->config.name);
        log_keys("node.reload_changed", WEIR_LOG_INFO, rl->changed);
        log_keys("node.reload_needs_restart", WEIR_LOG_WARN, rl->restart);
        return;
    }
    log_error("node.reload_refused", "err=%s: nothing was changed", weir_err_name(rl->err));
    while (*line != '\0') {
        int len = (int)strcspn(line, "\n");
        log_error("node.reload_problem", "%.*s", len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
}

static void report(struct weir_reload *rl)
{
    struct weir_reload_outcome outcome = {
        .err = rl->err,
        .problems = rl->problems.failed || rl->problems.len == 0 ? "" : rl->problems.at,
        .changed = rl->changed,
        .restart = rl->restart,
    };
    log_outcome(rl);
    if (rl->done != NULL)
        rl->done(rl->arg, &outcome);
}

static void start_reload(struct weir_control *c, weir_reload_done *done, void *arg);

static void on_read_work(uv_work_t *work)
{
    struct weir_reload *rl = weir_container_of(work, struct weir_reload, work);
    rl->err = weir_control_read_file_again(rl->c->options, &rl->next, &rl->problems);
    if (rl->err == WEIR_OK)
        read_certificate(rl);
}

static void on_file_read(uv_work_t *work, int status)
{
    struct weir_reload *rl = weir_container_of(work, struct weir_reload, work);
    struct weir_control *c = rl->c;
    WEIR_ASSERT(c->reload == rl);
    if (status == 0 && rl->err == WEIR_OK) {
        if (c->stopping || c->node.state != WEIR_NODE_SERVING) {
            rl->err = WEIR_EBUSY;
            weir_strbuf_puts(&rl->problems,
                             "the node drains: nothing is taken over; `weir undrain` "
                             "first\n");
        } else {
            take_over(rl);
        }
    }
    c->reload = NULL;
    report(rl);
    weir_tls_identity_unref(rl->certificate.identity);
    weir_config_deinit(&rl->next);
    weir_strbuf_deinit(&rl->problems);
    free(rl);
    bool again = c->reload_again && !c->stopping;
    c->reload_again = false;
    if (again)
        start_reload(c, NULL, NULL);
}

static void refuse_reload(struct weir_control *c, struct weir_reload_outcome *outcome,
                          weir_reload_done *done, void *arg)
{
    log_error("node.reload_refused", "err=%s: nothing was changed", weir_err_name(outcome->err));
    if (done != NULL)
        done(arg, outcome);
}

static void start_reload(struct weir_control *c, weir_reload_done *done, void *arg)
{
    struct weir_reload_outcome busy = { .err = WEIR_EBUSY,
                                        .problems = "another reload runs; try again\n" };
    struct weir_reload_outcome no_memory = { .err = WEIR_ENOMEM, .problems = "" };
    if (c->reload != NULL) {
        refuse_reload(c, &busy, done, arg);
        return;
    }
    struct weir_reload *rl = calloc(1, sizeof(*rl));
    if (rl == NULL) {
        refuse_reload(c, &no_memory, done, arg);
        return;
    }
    rl->c = c;
    rl->done = done;
    rl->arg = arg;
    rl->problems = WEIR_STRBUF_ZERO;
    weir_config_init(&rl->next);
    c->reload = rl;
    int rc = uv_queue_work(&c->loop, &rl->work, on_read_work, on_file_read);
    WEIR_ASSERT(rc == 0);
}

/* The log is opened anew also when the file is bad: logrotate has moved it already. */
void weir_control_reload(struct weir_node *node, weir_reload_done *done, void *arg)
{
    struct weir_control *c = weir_control_of(node);
    weir_control_reopen_log(c);
    start_reload(c, done, arg);
}

void weir_control_reload_signal(struct weir_control *c)
{
    weir_control_reopen_log(c);
    if (c->reload != NULL)
        c->reload_again = true; /* the file may have changed after it was read */
    else
        start_reload(c, NULL, NULL);
}
