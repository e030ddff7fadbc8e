/* SPDX-License-Identifier: Apache-2.0
 *
 * control_test.c - `weir node` in a process of its own, over a double of the data path: how it
 * starts, what it reports when it cannot, what signals do, what it leaves behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/ctl/admin/admin_socket.h"
#include "node/ctl/control.h"
#include "tests/unit/ctl/worker_double.h"

#define WAIT_NS 10000000000ull

static char folder[64];
static char file[96];
static char socket_path[96];
static bool undrained;
static char errors[96]; /* what the node wrote to stderr and stdout */

static void file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    char text[512];
    snprintf(folder, sizeof(folder), "/tmp/weir-control-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/node.yaml", folder);
    snprintf(socket_path, sizeof(socket_path), "%s/run/admin.sock", folder);
    snprintf(errors, sizeof(errors), "%s/errors", folder);
    snprintf(text, sizeof(text),
             "apiVersion: weir/v1\nkind: Node\nname: c-1\ndata: %s/data\n"
             "listen: { http: [\"127.0.0.1:9\"] }\nadmin: { socket: %s }\nworkers: 1\n"
             "limits: { connections: 16, store: 16MiB }\nlog: { access: %s/access.log }\n",
             folder, socket_path, folder);
    file_write(file, text);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

/* Run it in a child. @param start_err what the start of the data path returns */
static pid_t node_start(bool check, enum weir_err start_err)
{
    static const char *const env[] = { NULL };
    struct weir_control_options o = { .config = file, .check = check, .env = env };
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int fd = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        _exit(99);
    worker_double_start_err = start_err;
    worker_double_is_drained = !undrained;
    int code = weir_control_run(&o);
    fflush(stdout);
    _exit(code);
}

/* As node_start, with workers that never have drained. */
static pid_t node_start_undrained(void)
{
    undrained = true;
    pid_t pid = node_start(false, WEIR_OK);
    undrained = false;
    return pid;
}

static void node_wait_ready(void)
{
    uint64_t until = weir_clock_mono_ns() + WAIT_NS;
    while (!weir_admin_socket_is_served(socket_path)) {
        usleep(5000);
        assert_true(weir_clock_mono_ns() < until);
    }
}

static int node_end(pid_t pid)
{
    int status = 0;
    uint64_t until = weir_clock_mono_ns() + WAIT_NS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        usleep(5000);
        if (weir_clock_mono_ns() > until)
            kill(pid, SIGKILL);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_reported(const char *text)
{
    static char all[65536];
    FILE *f = fopen(errors, "r");
    assert_non_null(f);
    size_t len = fread(all, 1, sizeof(all) - 1, f);
    all[len] = '\0';
    fclose(f);
    if (strstr(all, text) == NULL)
        print_message("%s", all);
    assert_non_null(strstr(all, text));
}

static void a_node_starts_logs_it_and_ends_by_signal(void **state)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(numbers); i++) {
        struct stat st;
        pid_t pid = node_start(false, WEIR_OK);
        node_wait_ready();
        assert_int_equal(stat(socket_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, WEIR_ADMIN_SOCKET_MODE);
        kill(pid, numbers[i]);
        assert_int_equal(node_end(pid), 0);
        assert_reported("node.started version=");
        assert_reported("listeners=http://127.0.0.1:9 ");
        assert_reported("node.draining");
        assert_reported("node.stopped");
        assert_int_equal(access(socket_path, F_OK), -1); /* it takes its socket with it */
    }
}

static void a_second_signal_does_not_wait(void **state)
{
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    kill(pid, SIGTERM);
    kill(pid, SIGINT);
    assert_int_equal(node_end(pid), 0);
}

/* It could be seen by then, but the loop does not run yet. */
static void a_signal_while_it_starts_ends_it_in_order(void **state)
{
    worker_double_signal = SIGTERM;
    pid_t pid = node_start(false, WEIR_OK);
    worker_double_signal = 0;
    assert_int_equal(node_end(pid), 0);
    assert_reported("node.started version=");
    assert_reported("node.stopped");
    assert_int_equal(access(socket_path, F_OK), -1);
}

static void a_drain_by_the_api_ends_the_node(void **state)
{
    static const char text[] = "POST /v1/drain?deadline_ms=1000 HTTP/1.1\r\nHost: w\r\n\r\n";
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char got[1024];
    size_t len = 0;
    ssize_t n = 0;
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
    while ((n = recv(fd, got + len, sizeof(got) - 1 - len, 0)) > 0)
        len += (size_t)n;
    got[len] = '\0';
    assert_non_null(strstr(got, "HTTP/1.1 202 "));
    assert_non_null(strstr(got, "{\"state\":\"draining\",\"deadline_ms\":"));
    close(fd);
    assert_int_equal(node_end(pid), 0);
    assert_reported("node.draining deadline_ms=1000");
}

/* One request of the API; the head and body of its response, in a static buffer. */
static const char *call(const char *request)
{
    static char got[65536];
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t len = 0;
    ssize_t n = 0;
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((n = recv(fd, got + len, sizeof(got) - 1 - len, 0)) > 0)
        len += (size_t)n;
    got[len] = '\0';
    close(fd);
    return got;
}

#define CALL(method, target)                                                                       \
    call(method " " target " HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n")

static void assert_call(const char *got, const char *text)
{
    if (strstr(got, text) == NULL)
        print_message("%s", got);
    assert_non_null(strstr(got, text));
}

/* The file of setup with these lines in place of those about the log and the limits. */
static void file_change_all(const char *name, const char *http, const char *rest)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "apiVersion: weir/v1\nkind: Node\nname: %s\ndata: %s/data\n"
             "listen: { http: [%s] }\nadmin: { socket: %s }\nworkers: 1\n%s",
             name, folder, http, socket_path, rest);
    file_write(file, text);
}

static void file_change(const char *http, const char *rest)
{
    file_change_all("c-1", http, rest);
}

#define SAME_LIMITS "limits: { connections: 16, store: 16MiB }\n"

static void a_reload_takes_over_what_can_change_and_names_the_rest(void **state)
{
    char rest[512];
    char other[128];
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    assert_call(CALL("POST", "/v1/reload"), "{}"); /* nothing differs */
    snprintf(other, sizeof(other), "%s/other.log", folder);
    snprintf(rest, sizeof(rest),
             "limits: { connections: 17, store: 32MiB }\nlog: { access: %s, level: debug }\n"
             "trusted_proxies: [10.0.0.0/8]\n",
             other);
    file_change_all("c-2", "\"127.0.0.1:9\", \"127.0.0.1:10\"", rest);
    const char *got = CALL("POST", "/v1/reload");
    assert_call(got, "HTTP/1.1 200 ");
    assert_call(got, "{\"changed\":[\"listen.http\",\"limits.connections\",\"log.access\","
                     "\"log.level\",\"trusted_proxies\",\"limits.store\"],\"restart\":[\"name\"]}");
    assert_int_equal(access(other, F_OK), 0);
    /* It is in force: only what needs a restart still differs. */
    assert_call(CALL("POST", "/v1/reload"), "\r\n\r\n{\"restart\":[\"name\"]}");
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
    assert_reported("node.reloaded name=c-1");
    assert_reported("node.reload_changed key=listen.http");
    assert_reported("node.reload_needs_restart key=name");
}

static void a_bad_file_is_refused_whole_with_all_its_faults(void **state)
{
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    file_change("\"127.0.0.1:9\", \"nonsense\"",
                "limits: { connections: 99, store: 16MiB }\ntrusted_proxies: [10.0.0.0/33]\n");
    const char *got = CALL("POST", "/v1/reload");
    assert_call(got, "HTTP/1.1 400 ");
    assert_call(got, "nonsense");
    assert_call(got, "10.0.0.0/33");
    assert_int_equal(unlink(file), 0);
    assert_call(CALL("POST", "/v1/reload"), "cannot be read: No such file");
    /* The limit is the one of the start: nothing of the bad file was taken. */
    file_change("\"127.0.0.1:9\"", "limits: { connections: 99, store: 16MiB }\n");
    assert_call(CALL("POST", "/v1/reload"), "\"changed\":[\"limits.connections\",\"log.access\"]");
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
    assert_reported("node.reload_refused");
    assert_reported("node.reload_problem");
}

static void a_log_that_cannot_be_opened_leaves_everything_as_it_was(void **state)
{
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    file_change("\"127.0.0.1:9\"", "limits: { connections: 99, store: 16MiB }\n"
                                   "log: { access: /nowhere/a.log }\n");
    const char *got = CALL("POST", "/v1/reload");
    assert_call(got, "HTTP/1.1 400 ");
    assert_call(got, "log.access: /nowhere/a.log cannot be written");
    file_change("\"127.0.0.1:9\"",
                "limits: { connections: 99, store: 16MiB }\nlog: { access: \"off\" }\n");
    assert_call(CALL("POST", "/v1/reload"), "\"changed\":[\"limits.connections\",\"log.access\"]");
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
}

static void a_draining_node_takes_no_new_file_and_undrain_serves_again(void **state)
{
    pid_t pid = node_start_undrained();
    node_wait_ready();
    assert_call(CALL("POST", "/v1/undrain"), "{\"state\":\"serving\"}"); /* it did not drain */
    assert_call(CALL("POST", "/v1/drain?deadline_ms=60000"), "\"state\":\"draining\"");
    assert_call(CALL("GET", "/readyz"), "HTTP/1.1 503 ");
    file_change("\"127.0.0.1:9\"", SAME_LIMITS);
    assert_call(CALL("POST", "/v1/reload"), "the node drains: nothing is taken over");
    assert_call(CALL("POST", "/v1/drain?deadline_ms=80000"), "\"deadline_ms\":80000");
    assert_call(CALL("POST", "/v1/undrain"), "{\"state\":\"serving\"}");
    assert_call(CALL("GET", "/readyz"), "HTTP/1.1 200 ");
    assert_call(CALL("GET", "/v1/drain"), "{\"state\":\"serving\"}");
    kill(pid, SIGTERM); /* the count of signals began anew: only the second does not wait */
    while (strstr(CALL("GET", "/readyz"), "HTTP/1.1 503 ") == NULL)
        usleep(5000);
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
    assert_reported("node.undrained");
}

static void a_drain_whose_deadline_has_passed_is_not_undone(void **state)
{
    pid_t pid = node_start_undrained();
    node_wait_ready();
    assert_call(CALL("POST", "/v1/drain?deadline_ms=0"), "\"deadline_ms\":0");
    const char *got = CALL("POST", "/v1/undrain"); /* the workers have 2 s to cut what is left */
    assert_call(got, "HTTP/1.1 409 ");
    assert_call(got, "the node is ending already");
    assert_int_equal(node_end(pid), 0);
}

static void a_follower_gets_the_outcome_before_the_node_ends(void **state)
{
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    const char *got = CALL("POST", "/v1/drain?deadline_ms=1000&follow=1");
    assert_call(got, "HTTP/1.1 200 ");
    assert_call(got, "{\"state\":\"drained\",");
    assert_call(got, "\r\n0\r\n\r\n"); /* whole */
    assert_int_equal(node_end(pid), 0);
}

static void the_access_log_is_opened_anew_on_demand(void **state)
{
    char log[128];
    char moved[128];
    pid_t pid = node_start(false, WEIR_OK);
    snprintf(log, sizeof(log), "%s/access.log", folder);
    snprintf(moved, sizeof(moved), "%s/moved.log", folder);
    node_wait_ready();
    assert_int_equal(rename(log, moved), 0);
    kill(pid, SIGHUP);
    uint64_t until = weir_clock_mono_ns() + WAIT_NS;
    while (access(log, F_OK) < 0) {
        usleep(5000);
        assert_true(weir_clock_mono_ns() < until);
    }
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
    assert_reported("access_log.reopened");
}

static void a_socket_left_by_a_dead_node_is_taken_over(void **state)
{
    pid_t pid = node_start(false, WEIR_OK);
    int status = 0;
    node_wait_ready();
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(access(socket_path, F_OK), 0);
    pid = node_start(false, WEIR_OK);
    node_wait_ready();
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
}

static void a_folder_in_use_is_named(void **state)
{
    pid_t first = node_start(false, WEIR_OK);
    node_wait_ready();
    pid_t second = node_start(false, WEIR_OK);
    assert_int_equal(node_end(second), 1);
    assert_reported("is used by another process");
    assert_true(weir_admin_socket_is_served(socket_path)); /* the first one is not disturbed */
    kill(first, SIGTERM);
    assert_int_equal(node_end(first), 0);
}

static void a_file_in_the_socket_s_place_stays(void **state)
{
    char run[96];
    snprintf(run, sizeof(run), "%s/run", folder);
    assert_int_equal(mkdir(run, 0700), 0);
    file_write(socket_path, "precious");
    assert_int_equal(node_end(node_start(false, WEIR_OK)), 1);
    assert_reported("is no socket");
    assert_int_equal(access(socket_path, F_OK), 0);
}

static void listeners_that_cannot_be_had_are_explained(void **state)
{
    assert_int_equal(node_end(node_start(false, WEIR_EINUSE)), 1);
    assert_reported("weir: listen.http: 127.0.0.1:9 is taken");
    assert_reported("ss -ltnp");
    assert_int_equal(node_end(node_start(false, WEIR_EPERM)), 1);
    assert_reported("setcap cap_net_bind_service");
    assert_int_equal(node_end(node_start(false, WEIR_EINVAL)), 1);
    assert_reported("is not an address of this host");
    assert_int_equal(access(socket_path, F_OK), -1);
}

static void a_bad_file_is_named_with_its_lines(void **state)
{
    file_write(file, "apiVersion: weir/v1\nkind: Node\ncolour: red\n");
    assert_int_equal(node_end(node_start(false, WEIR_OK)), 1);
    assert_reported("node.yaml:3:");
    unlink(file);
    assert_int_equal(node_end(node_start(false, WEIR_OK)), 1);
    assert_reported("cannot be read: No such file or directory");
}

static void a_check_reads_and_changes_nothing(void **state)
{
    char data[96];
    snprintf(data, sizeof(data), "%s/data", folder);
    assert_int_equal(node_end(node_start(true, WEIR_OK)), geteuid() == 0 ? 0 : 1);
    assert_reported("listen.http: 127.0.0.1:9 ");
    assert_reported("ok    data: ");
    assert_reported("descriptors: ");
    assert_reported("pipes: ");
    assert_int_equal(access(data, F_OK), -1);
    assert_int_equal(access(socket_path, F_OK), -1);
}

static void a_check_finds_what_is_taken(void **state)
{
    char text[512];
    struct sockaddr_storage ss;
    struct weir_addr addr;
    socklen_t len = sizeof(ss);
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("127.0.0.1:1"), &addr), WEIR_OK);
    addr.port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&ss, weir_addr_to_sockaddr(&addr, &ss)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    weir_addr_from_sockaddr((struct sockaddr *)&ss, &addr);
    /* Below a file there can be no folder, not even for root. */
    snprintf(text, sizeof(text),
             "apiVersion: weir/v1\nkind: Node\ndata: %s/data\n"
             "listen: { http: [\"127.0.0.1:%u\", \"203.0.113.77:80\"] }\n"
             "admin: { socket: %s/a.sock }\nlog: { access: %s/access.log }\n",
             file, addr.port, file, file);
    file_write(file, text);
    assert_int_equal(node_end(node_start(true, WEIR_OK)), 1);
    assert_reported("is taken");
    assert_reported("203.0.113.77:80 is not an address of this host");
    assert_reported("fail  data: ");
    assert_reported("fail  admin.socket: ");
    assert_reported("fail  log.access: ");
    close(fd);
}

/* `nginx -t` of a node that runs: what it holds itself is no fault. */
static void a_check_knows_the_node_that_runs_with_this_file(void **state)
{
    char pid_text[32];
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    snprintf(pid_text, sizeof(pid_text), "pid %d", (int)pid);
    (void)node_end(node_start(true, WEIR_OK)); /* its port is not ours to try */
    assert_reported("ok    running: ");
    assert_reported(pid_text);
    assert_reported("is served by the running node, pid");
    assert_reported("is in use by the running node, pid");
    assert_true(weir_admin_socket_is_served(socket_path));
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
}

/* Another file, and so another node, that would have the same folder. */
static void a_check_tests_the_lock_of_the_data_folder(void **state)
{
    char text[1024];
    pid_t pid = node_start(false, WEIR_OK);
    node_wait_ready();
    snprintf(text, sizeof(text),
             "apiVersion: weir/v1\nkind: Node\ndata: %s/data\nlisten: { http: [\"127.0.0.1:9\"] }\n"
             "admin: { socket: %s/other.sock }\nlog: { access: \"off\" }\n",
             folder, folder);
    file_write(file, text);
    assert_int_equal(node_end(node_start(true, WEIR_OK)), 1);
    assert_reported("fail  data: ");
    assert_reported("is used by another process");
    kill(pid, SIGTERM);
    assert_int_equal(node_end(pid), 0);
    (void)node_end(node_start(true, WEIR_OK));
    assert_reported("can be written, and no process uses it");
}

static int run_main(const char *a, const char *b)
{
    char *argv[] = { (char *)"node", (char *)a, (char *)b, NULL };
    return weir_control_main(b != NULL ? 3 : 2, argv);
}

static void wrong_arguments_are_usage_errors(void **state)
{
    assert_int_equal(run_main("--help", NULL), 0);
    assert_int_equal(run_main("--what", NULL), 2);
    assert_int_equal(run_main("file.yaml", NULL), 2);
    assert_int_equal(run_main("--config", NULL), 2);
    assert_int_equal(run_main("--check", "--config"), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_starts_logs_it_and_ends_by_signal),
        TEST(a_second_signal_does_not_wait),
        TEST(a_signal_while_it_starts_ends_it_in_order),
        TEST(a_drain_by_the_api_ends_the_node),
        TEST(a_reload_takes_over_what_can_change_and_names_the_rest),
        TEST(a_bad_file_is_refused_whole_with_all_its_faults),
        TEST(a_log_that_cannot_be_opened_leaves_everything_as_it_was),
        TEST(a_draining_node_takes_no_new_file_and_undrain_serves_again),
        TEST(a_drain_whose_deadline_has_passed_is_not_undone),
        TEST(a_follower_gets_the_outcome_before_the_node_ends),
        TEST(the_access_log_is_opened_anew_on_demand),
        TEST(a_socket_left_by_a_dead_node_is_taken_over),
        TEST(a_folder_in_use_is_named),
        TEST(a_file_in_the_socket_s_place_stays),
        TEST(listeners_that_cannot_be_had_are_explained),
        TEST(a_bad_file_is_named_with_its_lines),
        TEST(a_check_reads_and_changes_nothing),
        TEST(a_check_finds_what_is_taken),
        TEST(a_check_knows_the_node_that_runs_with_this_file),
        TEST(a_check_tests_the_lock_of_the_data_folder),
        TEST(wrong_arguments_are_usage_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
