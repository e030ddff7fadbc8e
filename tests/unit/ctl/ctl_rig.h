/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl_rig.h - a control plane for tests: a real store in a folder of its own, a loop, a push queue,
 * an admin server, and the data path's double. One thread: a client call turns the loop until its
 * response is there. Include it in one source of a test.
 */
#ifndef WEIR_TESTS_UNIT_CTL_CTL_RIG_H
#define WEIR_TESTS_UNIT_CTL_CTL_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/admin/admin.h"
#include "node/ctl/push.h"
#include "tenants/defaults.h"
#include "tenants/tenant.h"
#include "tests/unit/ctl/worker_double.h"

#define RIG_WAIT_NS 10000000000ull /* longer than anything a test waits for */

struct rig {
    struct weir_node node;
    struct weir_config config;
    uv_loop_t loop;
    struct weir_metrics metrics;
    struct weir_metrics store_metrics;
    struct weir_admin *admin;
    struct weir_admin_socket socket;
    char folder[64];
    char path[96]; /* of the socket */
    uint64_t drain_ms;
    unsigned num_drains;
    enum weir_err undrain_err;                 /* what the next undrain comes to */
    struct weir_reload_outcome reload_outcome; /* what the next reload comes to */
    struct weir_admin_listener *health;        /* as admin.metrics */
    struct weir_admin_listener *tokens;        /* as admin.listen, in clear */
    char path_ro[96];                          /* of the socket that only reads */
};

static struct rig rig;

static void rig_changed(void *arg, const struct weir_change *changes, size_t num)
{
    for (size_t i = 0; i < num; i++)
        weir_workers_changed(rig.node.workers, changes[i].class, changes[i].key,
                             changes[i].index_changed);
}

static void rig_drain(struct weir_node *node, uint64_t deadline_ms)
{
    rig.drain_ms = deadline_ms;
    rig.num_drains++;
    node->state = WEIR_NODE_DRAINING;
    node->drain_until_ms = uv_now(&rig.loop) + deadline_ms;
}

static enum weir_err rig_undrain(struct weir_node *node, struct weir_strbuf *why)
{
    weir_strbuf_puts(why, "why not");
    if (rig.undrain_err == WEIR_OK)
        node->state = WEIR_NODE_SERVING;
    return rig.undrain_err;
}

static void rig_reload(struct weir_node *node, weir_reload_done *done, void *arg)
{
    done(arg, &rig.reload_outcome);
}

static void rig_config(void)
{
    struct weir_config *c = &rig.config;
    weir_config_init(c);
    c->name = "test-1";
    c->data = rig.folder;
    c->http[0] = (struct weir_addr){ .port = 8080 };
    c->num_http = 1;
    c->num_workers = 2;
    c->max_connections = 100;
    c->head_timeout_ms = WEIR_DEFAULT_HEAD_TIMEOUT_MS;
    c->idle_timeout_ms = WEIR_DEFAULT_IDLE_TIMEOUT_MS;
    c->max_store = 64u << 20;
    c->access = "off";
}

static void rig_store(void)
{
    struct weir_store_config cfg = { .folder = rig.folder,
                                     .max_bytes = rig.config.max_store,
                                     .index = weir_tenant_index,
                                     .on_change = rig_changed,
                                     .metrics = &rig.store_metrics };
    assert_int_equal(weir_store_open(&cfg, &rig.node.store), WEIR_OK);
    assert_int_equal(weir_store_reader_new(rig.node.store, &rig.node.reader), WEIR_OK);
}

static int rig_setup(void **state)
{
    struct weir_workers_error fault;
    struct weir_addr tcp = { .port = 0 };
    int sys_errno = 0;
    memset(&rig, 0, sizeof(rig));
    (void)signal(SIGPIPE, SIG_IGN); /* as control.c has it */
    weir_log_init(WEIR_LOG_ERROR, STDERR_FILENO);
    snprintf(rig.folder, sizeof(rig.folder), "/tmp/weir-ctl-XXXXXX");
    assert_non_null(mkdtemp(rig.folder));
    snprintf(rig.path, sizeof(rig.path), "%s/admin.sock", rig.folder);
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    rig_config();
    rig.node.config = &rig.config;
    rig.node.loop = &rig.loop;
    rig.node.metrics = &rig.metrics;
    rig.node.store_metrics = &rig.store_metrics;
    rig.node.drain = rig_drain;
    rig.node.undrain = rig_undrain;
    rig.node.reload = rig_reload;
    rig.node.state = WEIR_NODE_SERVING;
    rig.node.started_ns = weir_clock_mono_ns();
    rig.node.descriptors = 1024;
    rig.node.marks = weir_failure_marks_new();
    struct weir_workers_config cfg = { .num_workers = 2, .http = rig.config.http, .num_http = 1 };
    assert_int_equal(weir_workers_start(&cfg, &rig.node.workers, &fault), WEIR_OK);
    assert_int_equal(weir_access_log_open("off", 1, &rig.node.access_log), WEIR_OK);
    rig_store();
    assert_int_equal(weir_push_queue_new(&rig.node, &rig.node.pushes), WEIR_OK);
    assert_int_equal(weir_admin_start(&rig.node, &rig.admin), WEIR_OK);
    assert_int_equal(weir_admin_socket_open(rig.path, &rig.socket, &sys_errno), WEIR_OK);
    assert_int_equal(
        weir_admin_listen_socket(rig.admin, &rig.socket, WEIR_ADMIN_SCOPE_ALL, &sys_errno),
        WEIR_OK);
    snprintf(rig.path_ro, sizeof(rig.path_ro), "%s/ro.sock", rig.folder);
    assert_int_equal(weir_admin_socket_open(rig.path_ro, &rig.socket, &sys_errno), WEIR_OK);
    assert_int_equal(
        weir_admin_listen_socket(rig.admin, &rig.socket, WEIR_ADMIN_SCOPE_READ, &sys_errno),
        WEIR_OK);
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &tcp), WEIR_OK);
    assert_int_equal(
        weir_admin_listen_tcp(rig.admin, &tcp, WEIR_ADMIN_SCOPE_HEALTH, &rig.health, &sys_errno),
        WEIR_OK);
    assert_int_equal(
        weir_admin_listen_tcp(rig.admin, &tcp, WEIR_ADMIN_SCOPE_TOKEN, &rig.tokens, &sys_errno),
        WEIR_OK);
    return 0;
}

static int rig_teardown(void **state)
{
    char command[96];
    weir_admin_stop(rig.admin);
    weir_push_queue_stop(rig.node.pushes);
    assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
    weir_admin_free(&rig.admin);
    weir_workers_stop(&rig.node.workers);
    weir_access_log_close(&rig.node.access_log);
    weir_store_reader_free(&rig.node.reader);
    weir_store_close(&rig.node.store);
    weir_push_queue_free(&rig.node.pushes);
    weir_failure_marks_free(&rig.node.marks);
    weir_config_deinit(&rig.config);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    snprintf(command, sizeof(command), "rm -r %s", rig.folder);
    return system(command);
}

/* Turn the loop once, giving other threads a moment. */
static inline void rig_turn(void)
{
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    usleep(200);
}

#endif
