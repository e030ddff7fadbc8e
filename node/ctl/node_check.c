/* SPDX-License-Identifier: Apache-2.0
 *
 * node_check.c - `weir node --check`: checks the host as a start, or a reload, of this node
 * file would find it. A node that runs already with this file is no fault: the
 * descriptors of its process show what it holds itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/ctl/admin/admin_socket.h"
#include "node/ctl/node_facts.h"
#include "node/ctl/running.h"
#include "sync/store/store_probe.h"

struct findings {
    struct weir_strbuf *out;
    bool good;
    struct weir_running running; /* pid 0: no node runs with this file */
};

static void report_ok(struct findings *f, const char *what)
{
    weir_strbuf_printf(f->out, "ok    %s\n", what);
}

static void report_fail(struct findings *f, const struct weir_strbuf *why)
{
    weir_strbuf_printf(f->out, "fail  %s\n", why->failed ? "out of memory" : why->at);
    f->good = false;
}

static enum weir_err err_of_listen(int sys_errno)
{
    switch (sys_errno) {
    case EADDRINUSE:
        return WEIR_EINUSE;
    case EACCES:
    case EPERM:
        return WEIR_EPERM;
    case EADDRNOTAVAIL:
        return WEIR_EINVAL;
    default:
        return WEIR_EIO;
    }
}

/* Without SO_REUSEPORT, so that a listener of anybody is seen. */
static int try_listen(const struct weir_addr *addr)
{
    struct sockaddr_storage ss;
    socklen_t len = weir_addr_to_sockaddr(addr, &ss);
    int on = 1;
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int rc = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ss.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, 1) < 0)
        rc = errno;
    close(fd);
    return rc;
}

static void check_listener(struct findings *f, const char *field, const struct weir_addr *addr)
{
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    int rc = try_listen(addr);
    weir_addr_text(addr, text);
    if (rc == EADDRINUSE && weir_running_listens(&f->running, addr)) {
        weir_strbuf_printf(&line, "%s: %s is held by the running node, pid %d", field, text,
                           (int)f->running.pid);
        rc = 0;
    } else if (rc == 0) {
        weir_strbuf_printf(&line, "%s: %s can be listened on", field, text);
    } else {
        weir_explain_listener(field, addr, err_of_listen(rc), rc, &line);
        if (rc == EADDRINUSE && f->running.pid != 0 && !f->running.can_look)
            weir_strbuf_printf(&line,
                               "; it may be the running node, pid %d, whose descriptors user %u "
                               "may not read: check as its user, or as root",
                               (int)f->running.pid, (unsigned)geteuid());
    }
    if (rc == 0 && !line.failed)
        report_ok(f, line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

/* Cut the last part off. */
static void cut_last_part(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(path, ".", 2);
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
}

static bool is_usable_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
}

/* The nearest folder above that exists must let us make the rest. */
static bool folder_usable(const char *folder)
{
    char path[PATH_MAX];
    struct stat st;
    int len = snprintf(path, sizeof(path), "%s", folder);
    if (len <= 0 || (size_t)len >= sizeof(path))
        return false;
    while (stat(path, &st) < 0 && errno == ENOENT && strcmp(path, "/") != 0 &&
           strcmp(path, ".") != 0)
        cut_last_part(path);
    return is_usable_folder(path);
}

/* One process at a time has a data folder. */
static void check_folder(struct findings *f, const char *folder)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    enum weir_err err = folder_usable(folder) ? weir_store_probe_lock(folder) : WEIR_EPERM;
    if (err == WEIR_EINUSE && weir_running_has_folder(&f->running, folder)) {
        weir_strbuf_printf(&line, "data: %s is in use by the running node, pid %d", folder,
                           (int)f->running.pid);
        err = WEIR_OK;
    } else if (err == WEIR_OK) {
        weir_strbuf_printf(&line, "data: %s can be written, and no process uses it", folder);
    } else {
        weir_explain_store(folder, err, &line);
    }
    if (err == WEIR_OK)
        report_ok(f, line.failed ? "data" : line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

static enum weir_err try_socket(const char *path)
{
    struct stat st;
    char folder[PATH_MAX];
    bool exists = lstat(path, &st) == 0;
    snprintf(folder, sizeof(folder), "%s", path);
    cut_last_part(folder);
    if (strlen(path) > WEIR_ADMIN_SOCKET_PATH_MAX)
        return WEIR_ELIMIT;
    if (exists && !S_ISSOCK(st.st_mode))
        return WEIR_EEXIST;
    if (exists && weir_admin_socket_is_served(path))
        return WEIR_EINUSE;
    return folder_usable(folder) ? WEIR_OK : WEIR_EPERM;
}

static void check_socket(struct findings *f, const char *field, const char *path)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    enum weir_err err = try_socket(path);
    if (err == WEIR_EINUSE && weir_running_pid_of(path) == f->running.pid && f->running.pid != 0) {
        weir_strbuf_printf(&line, "%s: %s is served by the running node, pid %d", field, path,
                           (int)f->running.pid);
        err = WEIR_OK;
    } else if (err == WEIR_OK) {
        weir_strbuf_printf(&line, "%s: %s can be made", field, path);
    } else {
        weir_explain_socket(field, path, err, 0, &line);
    }
    if (err == WEIR_OK)
        report_ok(f, line.failed ? field : line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

static void check_descriptors(struct findings *f, const struct weir_config *c)
{
    uint32_t wanted = weir_descriptors_wanted(c->max_connections);
    uint32_t have = weir_descriptors_raise(wanted);
    const char *word = "ok  ";
    const char *hint = "";
    if (have <= WEIR_DESCRIPTORS_OWN) {
        word = "fail";
        hint = ": too few to run; raise LimitNOFILE of the unit or `ulimit -Hn`";
        f->good = false;
    } else if (have < wanted) {
        word = "warn";
        hint = ": raise LimitNOFILE of the unit or `ulimit -Hn`, or lower limits.connections";
    }
    weir_strbuf_printf(f->out, "%s  descriptors: %u, limits.connections %u wants %u%s\n", word,
                       have, c->max_connections, wanted, hint);
}

static void check_access_log(struct findings *f, const char *target)
{
    char folder[PATH_MAX];
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    if (strcmp(target, "stdout") == 0 || strcmp(target, "off") == 0)
        return;
    bool exists = access(target, F_OK) == 0;
    snprintf(folder, sizeof(folder), "%s", target);
    cut_last_part(folder);
    bool good =
        exists ? faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) == 0 : is_usable_folder(folder);
    weir_strbuf_printf(&line, "log.access: %s %s", target,
                       good ? "can be written"
                            : "cannot be written: create its folder and give it to this user");
    if (good)
        report_ok(f, line.failed ? "log.access" : line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

/* A node that drains takes no file over. */
static void check_running(struct findings *f, const struct weir_config *c)
{
    struct weir_running_report report = { .is_draining = false };
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    weir_running_find(c->socket, &f->running);
    if (f->running.pid == 0)
        return;
    enum weir_err err = weir_running_ask(c->socket, &report);
    weir_strbuf_printf(&line, "running: pid %d serves %s", (int)f->running.pid, c->socket);
    if (err < 0)
        weir_strbuf_printf(&line,
                           ", but does not report its state (%s): `weir reload` may not succeed; "
                           "see its log",
                           weir_err_name(err));
    else if (report.is_draining)
        weir_strbuf_puts(&line, " and drains: `weir reload` is refused; `weir undrain` first, or "
                                "start it again when it has ended");
    else
        weir_strbuf_puts(&line, "; what it holds is no fault, and `weir reload` takes this file "
                                "over");
    if (err < 0 || report.is_draining || line.failed)
        report_fail(f, &line);
    else
        report_ok(f, line.at);
    weir_strbuf_deinit(&line);
}

bool weir_node_facts_check(const struct weir_config *c, struct weir_strbuf *out)
{
    struct findings f = { .out = out, .good = true };
    check_running(&f, c);
    for (size_t i = 0; i < c->num_http; i++)
        check_listener(&f, "listen.http", &c->http[i]);
    if (c->has_admin)
        check_listener(&f, "admin.listen", &c->admin);
    if (c->has_metrics)
        check_listener(&f, "admin.metrics", &c->metrics);
    check_socket(&f, "admin.socket", c->socket);
    if (c->socket_ro != NULL)
        check_socket(&f, "admin.socket_ro", c->socket_ro);
    check_folder(&f, c->data);
    check_access_log(&f, c->access);
    check_descriptors(&f, c);
    weir_running_deinit(&f.running);
    return f.good;
}
