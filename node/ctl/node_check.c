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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/ctl/access/node_certificate.h"
#include "node/ctl/admin/admin_socket.h"
#include "node/ctl/node_facts.h"
#include "node/ctl/running.h"
#include "sync/store/store_probe.h"

struct findings {
    struct weir_strbuf *out;
    bool good;
    bool has_report;
    struct weir_running running;       /* pid 0: no node runs with this file */
    struct weir_running_report report; /* of the running node, when has_report */
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

/* Without SO_REUSEPORT, so that a listener of any process is seen. */
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
        if (rc == EADDRINUSE && f->running.pid != 0 && !f->running.can_read)
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

/* Create a file in the folder, and remove it again. procfs and the like refuse it whatever their
 * modes say. @return errno, or 0 */
static int try_file_in(const char *folder)
{
    char path[PATH_MAX];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR)
        return errno;
    if (fd < 0) { /* a file system without nameless files */
        int len = snprintf(path, sizeof(path), "%s/.check-XXXXXX", folder);
        if (len < 0 || (size_t)len >= sizeof(path))
            return ENAMETOOLONG;
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
            return errno;
        (void)unlink(path);
    }
    close(fd);
    return 0;
}

/* As the start does it: a folder that is missing is made in the one above it, which must exist.
 * Nothing is left behind. @return errno, or 0 */
static int try_folder(const char *folder)
{
    bool was_made = mkdir(folder, 0700) == 0;
    if (!was_made && errno != EEXIST)
        return errno;
    int rc = try_file_in(folder);
    if (was_made)
        (void)rmdir(folder);
    return rc;
}

static enum weir_err err_of_folder(int sys_errno)
{
    switch (sys_errno) {
    case 0:
        return WEIR_OK;
    case EACCES:
    case EPERM:
    case EROFS:
        return WEIR_EPERM;
    case ENOSPC:
    case EDQUOT:
        return WEIR_EFULL;
    default:
        return WEIR_EIO;
    }
}

static void explain_folder(const char *folder, enum weir_err err, int sys_errno,
                           struct weir_strbuf *out)
{
    if (err == WEIR_EIO && sys_errno != 0)
        weir_strbuf_printf(out,
                           "data: %s cannot be written: %s; create the folder above it, or choose "
                           "another one",
                           folder, strerror(sys_errno));
    else
        weir_explain_store(folder, err, out);
}

/* One process at a time has a data folder. */
static void check_folder(struct findings *f, const char *folder)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    int sys_errno = 0;
    enum weir_err err = weir_store_probe_lock(folder);
    if (err == WEIR_OK) {
        sys_errno = try_folder(folder);
        err = err_of_folder(sys_errno);
    }
    if (err == WEIR_EINUSE && weir_running_has_folder(&f->running, folder)) {
        weir_strbuf_printf(&line, "data: %s is in use by the running node, pid %d", folder,
                           (int)f->running.pid);
        err = WEIR_OK;
    } else if (err == WEIR_OK) {
        weir_strbuf_printf(&line, "data: %s can be written, and no process uses it", folder);
    } else {
        explain_folder(folder, err, sys_errno, &line);
    }
    if (err == WEIR_OK)
        report_ok(f, line.failed ? "data" : line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

static enum weir_err try_socket(const char *path, int *ret_errno)
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
    *ret_errno = try_folder(folder);
    return err_of_folder(*ret_errno);
}

static void check_socket(struct findings *f, const char *field, const char *path)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    int sys_errno = 0;
    enum weir_err err = try_socket(path, &sys_errno);
    if (err == WEIR_EINUSE && weir_running_pid_of(path) == f->running.pid && f->running.pid != 0) {
        weir_strbuf_printf(&line, "%s: %s is served by the running node, pid %d", field, path,
                           (int)f->running.pid);
        err = WEIR_OK;
    } else if (err == WEIR_OK) {
        weir_strbuf_printf(&line, "%s: %s can be made", field, path);
    } else {
        weir_explain_socket(field, path, err, sys_errno, &line);
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

static void check_pipes(struct findings *f)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    bool few = weir_explain_pipes(&line);
    weir_strbuf_printf(f->out, "%s  pipes: %s\n", few ? "warn" : "ok  ",
                       line.failed ? "out of memory" : line.at);
    weir_strbuf_deinit(&line);
}

/* Nothing is created under its name. A FIFO is not opened: closing it would end its reader, and a
 * device may act on it. @return errno, or 0 */
static int try_log_file(const char *target)
{
    char folder[PATH_MAX];
    struct stat st;
    if (stat(target, &st) < 0) {
        if (errno != ENOENT)
            return errno;
        snprintf(folder, sizeof(folder), "%s", target);
        cut_last_part(folder);
        return try_file_in(folder);
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) == 0 ? 0 : errno;
    int fd = open(target, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static void check_access_log(struct findings *f, const char *target)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    if (strcmp(target, "stdout") == 0 || strcmp(target, "off") == 0)
        return;
    int sys_errno = try_log_file(target);
    if (sys_errno == 0)
        weir_strbuf_printf(&line, "log.access: %s can be written", target);
    else
        weir_explain_access_log(target, err_of_folder(sys_errno), sys_errno, &line);
    if (sys_errno == 0)
        report_ok(f, line.failed ? "log.access" : line.at);
    else
        report_fail(f, &line);
    weir_strbuf_deinit(&line);
}

/* A node that drains takes no file over. */
static void check_running(struct findings *f, const struct weir_config *c)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    weir_running_find(c->socket, &f->running);
    if (f->running.pid == 0)
        return;
    enum weir_err err = weir_running_ask(c->socket, &f->report);
    f->has_report = err == WEIR_OK;
    weir_strbuf_printf(&line, "running: pid %d serves %s", (int)f->running.pid, c->socket);
    if (err < 0)
        weir_strbuf_printf(&line,
                           ", but does not report its state (%s): `weir reload` may not succeed; "
                           "see its log",
                           weir_err_name(err));
    else if (f->report.is_draining)
        weir_strbuf_puts(&line, " and drains: `weir reload` is refused; `weir undrain` first, or "
                                "start it again when it has ended");
    else
        weir_strbuf_puts(&line, "; what it holds is no fault, and `weir reload` takes this file "
                                "over");
    if (err < 0 || f->report.is_draining || line.failed)
        report_fail(f, &line);
    else
        report_ok(f, line.at);
    weir_strbuf_deinit(&line);
}

/* -- what a reload does not take over -- */

static void warn_of_restart(struct findings *f, enum weir_config_key key)
{
    weir_strbuf_printf(f->out,
                       "warn  %s: the running node has another value: the new one needs a restart "
                       "of the node\n",
                       weir_config_key_name(key));
}

/* Port 0 stands for any port, so that it cannot be compared. */
static bool lacks_listener(const struct weir_running *r, bool wanted, const struct weir_addr *at)
{
    return wanted && at->port != 0 && r->can_read && !weir_running_listens(r, at);
}

/* By what the running node reports, and by what its process holds. An address or a socket that the
 * file no longer has is not seen. */
static void check_restart_keys(struct findings *f, const struct weir_config *c)
{
    const struct weir_running *r = &f->running;
    const struct weir_running_report *report = &f->report;
    if (r->pid == 0)
        return;
    if (f->has_report && strncmp(c->name, report->name, sizeof(report->name) - 1) != 0)
        warn_of_restart(f, WEIR_KEY_NAME);
    if (f->has_report && c->num_workers != report->num_workers)
        warn_of_restart(f, WEIR_KEY_WORKERS);
    if (r->can_read && !weir_running_has_folder(r, c->data))
        warn_of_restart(f, WEIR_KEY_DATA);
    if (c->socket_ro != NULL && weir_running_pid_of(c->socket_ro) != r->pid)
        warn_of_restart(f, WEIR_KEY_ADMIN_SOCKET_RO);
    if (lacks_listener(r, c->has_admin, &c->admin))
        warn_of_restart(f, WEIR_KEY_ADMIN_LISTEN);
}

/* What a start, or a reload, presents on admin.listen. */
static void check_certificate(struct findings *f, const struct weir_config *c)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct weir_tls_pem pem;
    int64_t now_s = (int64_t)(weir_clock_wall_ms() / 1000);
    if (!c->has_admin)
        return;
    enum weir_err err = weir_node_certificate_check(c, now_s, &pem, &why);
    if (err == WEIR_OK) {
        const char *file =
            c->admin_certificate != NULL ? c->admin_certificate : WEIR_NODE_CERTIFICATE_FILE;
        weir_tls_identity_unref(pem.identity);
        if (pem.not_after_s < now_s)
            weir_strbuf_printf(f->out, "warn  admin.tls: the certificate in %s has expired\n",
                               file);
        else
            weir_strbuf_printf(f->out, "ok    admin.listen: the certificate in %s can be read\n",
                               file);
    } else if (err == WEIR_ENOTFOUND) {
        report_ok(f, "admin.listen: the node will make itself a certificate");
    } else {
        report_fail(f, &why);
    }
    weir_strbuf_deinit(&why);
}

bool weir_node_facts_check(const struct weir_config *c, struct weir_strbuf *out)
{
    struct findings f = { .out = out, .good = true };
    check_running(&f, c);
    for (size_t i = 0; i < c->num_http; i++)
        check_listener(&f, "listen.http", &c->http[i]);
    for (size_t i = 0; i < c->num_https; i++)
        check_listener(&f, "listen.https", &c->https[i]);
    if (c->has_admin)
        check_listener(&f, "admin.listen", &c->admin);
    if (c->has_metrics)
        check_listener(&f, "admin.metrics", &c->metrics);
    check_socket(&f, "admin.socket", c->socket);
    if (c->socket_ro != NULL)
        check_socket(&f, "admin.socket_ro", c->socket_ro);
    check_folder(&f, c->data);
    check_certificate(&f, c);
    check_access_log(&f, c->access);
    check_descriptors(&f, c);
    check_pipes(&f);
    check_restart_keys(&f, c);
    weir_running_deinit(&f.running);
    return f.good;
}
