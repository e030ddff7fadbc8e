/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_log_test.c - which lines about connections are written when debug or trace is on for one
 * tenant or for some clients only. What is in the lines: tests/live/debug_log_test.py.
 */
#include <fcntl.h>

#include "node/base/log_filter.h"
#include "tests/unit/loop/loop_rig.h"

/* A rig whose log goes to a file, and two tenants. */
static struct rig *logging_rig(int *ret_fd)
{
    struct rig *r = rig_new();
    struct stored s;
    char path[200];
    (void)rig_site(r, &s, "other", "other.example");
    sites_put(&r->kit, &s);
    (void)snprintf(path, sizeof(path), "%s/node.log", r->kit.folder);
    *ret_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600);
    assert_true(*ret_fd >= 0);
    weir_log_init(WEIR_LOG_WARN, *ret_fd);
    rig_start(r);
    return r;
}

/* One exchange for each of the two tenants, and one for an unknown host; all connections closed. */
static void serve_both(struct rig *r)
{
    static const char *const hosts[] = { "shop.example", "other.example", "nobody" };
    for (int i = 0; i < 3; i++) {
        struct peer client, server;
        char request[128];
        (void)snprintf(request, sizeof(request), "GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n", i,
                       hosts[i]);
        peer_dial(&client, &r->at);
        peer_send(&client, request);
        if (i < 2) {
            peer_accept(&server, r->origin);
            peer_read_request(&server, &r->request);
            peer_send(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        }
        peer_read_response(&client, &r->response, WEIR_METHOD_GET);
        peer_close(&client);
        if (i < 2)
            peer_close(&server);
    }
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
}

/* Stop the rig and give its log, which the caller frees. */
static char *stop_and_read(struct rig *r, int fd)
{
    weir_log_filter_clear_all();
    rig_stop(r);
    off_t len = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)len, 0), len);
    kit_quiet();
    close(fd);
    rig_free(r);
    return text;
}

static unsigned count_text(const char *text, const char *what)
{
    unsigned num = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        num++;
    return num;
}

static void a_filter_by_tenant_shows_its_requests_alone(void **state)
{
    int fd = -1;
    struct rig *r = logging_rig(&fd);
    struct weir_log_filter f = { .tenant = "shop", .level = WEIR_LOG_DEBUG };
    assert_int_equal(weir_log_filter_set(&f), WEIR_OK);
    serve_both(r);
    char *text = stop_and_read(r, fd);
    assert_int_equal(count_text(text, "request.received"), 1);
    assert_int_equal(count_text(text, "origin.dialled"), 1);
    assert_int_equal(count_text(text, "response.sent"), 1);
    assert_int_equal(count_text(text, "tenant=shop"), 3);
    assert_int_equal(count_text(text, "tenant="), 3);
    assert_int_equal(count_text(text, ".move"), 0);
    free(text);
}

static void a_filter_by_client_shows_all_of_its_connections(void **state)
{
    int fd = -1;
    struct rig *r = logging_rig(&fd);
    struct weir_log_filter f = { .level = WEIR_LOG_TRACE };
    assert_int_equal(weir_prefix_parse(WEIR_SPAN_LIT("127.0.0.0/8"), &f.client), WEIR_OK);
    assert_int_equal(weir_log_filter_set(&f), WEIR_OK);
    serve_both(r);
    char *text = stop_and_read(r, fd);
    assert_int_equal(count_text(text, "connection.accepted"), 3);
    assert_int_equal(count_text(text, "request.received"), 3);
    assert_int_equal(count_text(text, "response.sent"), 3);
    assert_int_equal(count_text(text, "connection.closed"), 3);
    assert_int_equal(count_text(text, "from=head to=exchange"), 3);
    free(text);
}

static void a_filter_for_others_shows_nothing(void **state)
{
    int fd = -1;
    struct rig *r = logging_rig(&fd);
    struct weir_log_filter f = { .level = WEIR_LOG_TRACE };
    assert_int_equal(weir_prefix_parse(WEIR_SPAN_LIT("192.0.2.0/24"), &f.client), WEIR_OK);
    assert_int_equal(weir_log_filter_set(&f), WEIR_OK);
    f = (struct weir_log_filter){ .tenant = "third", .level = WEIR_LOG_TRACE };
    assert_int_equal(weir_log_filter_set(&f), WEIR_OK);
    serve_both(r);
    char *text = stop_and_read(r, fd);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_by_tenant_shows_its_requests_alone),
        cmocka_unit_test(a_filter_by_client_shows_all_of_its_connections),
        cmocka_unit_test(a_filter_for_others_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
