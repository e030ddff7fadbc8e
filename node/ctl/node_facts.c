/* SPDX-License-Identifier: Apache-2.0
 *
 * node_facts.c - see node_facts.h. The explanations are shared by the check and by the start, so
 * that both say the same.
 */
#include "node/ctl/node_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/ctl/admin_socket.h"

/* -- descriptors -- */

uint32_t weir_descriptors_wanted(uint32_t connections)
{
    uint64_t wanted = 2ull * connections + WEIR_DESCRIPTORS_OWN;
    return wanted < UINT32_MAX ? (uint32_t)wanted : UINT32_MAX;
}

uint32_t weir_descriptors_raise(uint32_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_max < wanted) {
        /* Only a privileged process may do this, and only up to fs.nr_open; the kernel knows both
         * better than we do. */
        struct rlimit higher = { .rlim_cur = wanted, .rlim_max = wanted };
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            return wanted;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

/* -- explanations -- */

void weir_explain_listener(const char *field, const struct weir_addr *addr, enum weir_err err,
                           int sys_errno, struct weir_strbuf *out)
{
    char text[WEIR_ADDR_TEXT_MAX];
    weir_addr_text(addr, text);
    weir_strbuf_printf(out, "%s: %s ", field, text);
    if (err == WEIR_EINUSE)
        weir_strbuf_puts(out, "is taken: another weir or web server listens there; find it with "
                              "`ss -ltnp`, stop it, or choose another port");
    else if (err == WEIR_EPERM)
        weir_strbuf_puts(out, "needs a right that this process lacks: ports below 1024 belong to "
                              "root; run `setcap cap_net_bind_service=+ep` on the weir binary, or "
                              "lower net.ipv4.ip_unprivileged_port_start, or choose a higher port");
    else if (sys_errno == EADDRNOTAVAIL || (err == WEIR_EINVAL && sys_errno == 0))
        weir_strbuf_puts(out, "is not an address of this machine: see `ip addr`, and write one of "
                              "those, 0.0.0.0 or [::]");
    else
        weir_strbuf_printf(out, "cannot be listened on: %s",
                           sys_errno != 0 ? strerror(sys_errno) : weir_err_name(err));
}

void weir_explain_store(const char *folder, enum weir_err err, struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "data: %s ", folder);
    switch (err) {
    case WEIR_EINUSE:
        weir_strbuf_puts(out, "is used by another process: one node owns one folder; stop the "
                              "other weir (`fuser -v` on the folder names it), or choose another "
                              "folder");
        break;
    case WEIR_EPERM:
        weir_strbuf_printf(out,
                           "cannot be written: give the folder to user %u, or choose another "
                           "one",
                           (unsigned)geteuid());
        break;
    case WEIR_EFULL:
        weir_strbuf_puts(out, "is on a full disk: make room, then start again");
        break;
    case WEIR_EUNSUPPORTED:
        weir_strbuf_puts(out, "was written by a newer weir: run that version; the folder was left "
                              "as it is");
        break;
    case WEIR_ENOMEM:
        weir_strbuf_puts(out, "cannot be mapped: not enough memory or address space; lower "
                              "limits.store, or raise `ulimit -v`");
        break;
    case WEIR_OK:
    case WEIR_ELIMIT:
    case WEIR_EPROTO:
    case WEIR_EINVAL:
    case WEIR_ENOTFOUND:
    case WEIR_EEXIST:
    case WEIR_ECONFLICT:
    case WEIR_EIO:
    case WEIR_ECORRUPT:
    case WEIR_EBUSY:
    case WEIR_ECLOSED:
    case WEIR_ETIMEOUT:
        weir_strbuf_printf(out, "cannot be opened (%s): see the lines above and the kernel's log",
                           weir_err_name(err));
        break;
    }
}

void weir_explain_access_log(const char *target, enum weir_err err, struct weir_strbuf *out)
{
    weir_strbuf_printf(out,
                       "log.access: %s cannot be written (%s): create its folder and give it to "
                       "user %u",
                       target, weir_err_name(err), (unsigned)geteuid());
}

void weir_explain_socket(const char *field, const char *path, enum weir_err err, int sys_errno,
                         struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "%s: %s ", field, path);
    if (err == WEIR_EINUSE)
        weir_strbuf_puts(out, "is answered by a running node: stop it, or choose another path");
    else if (err == WEIR_EEXIST)
        weir_strbuf_puts(out,
                         "exists and is no socket: move the file away, or choose another path");
    else if (err == WEIR_ELIMIT)
        weir_strbuf_puts(out, "is longer than the 107 bytes that a socket's path may have");
    else if (err == WEIR_EPERM)
        weir_strbuf_printf(out,
                           "cannot be made: user %u may not write to its folder; give it the "
                           "folder, or choose another path",
                           (unsigned)geteuid());
    else if (sys_errno == ENOENT)
        weir_strbuf_puts(out, "cannot be made: its folder does not exist; create it");
    else
        weir_strbuf_printf(out, "cannot be made: %s",
                           sys_errno != 0 ? strerror(sys_errno) : weir_err_name(err));
}

/* -- the check -- */

struct findings {
    struct weir_strbuf *out;
    bool good;
};

static void say_ok(struct findings *f, const char *what)
{
    weir_strbuf_printf(f->out, "ok    %s\n", what);
}

static void say_fail(struct findings *f, const struct weir_strbuf *why)
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
    if (rc == 0) {
        weir_addr_text(addr, text);
        weir_strbuf_printf(&line, "%s: %s can be listened on", field, text);
        if (line.failed)
            f->good = false;
        else
            say_ok(f, line.at);
    } else {
        weir_explain_listener(field, addr, err_of_listen(rc), rc, &line);
        say_fail(f, &line);
    }
    weir_strbuf_deinit(&line);
}

/* Cut the last part off. */
static void path_up(char *path)
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
        path_up(path);
    return is_usable_folder(path);
}

static void check_folder(struct findings *f, const char *folder)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    if (folder_usable(folder)) {
        weir_strbuf_printf(&line, "data: %s can be written", folder);
        say_ok(f, line.failed ? "data" : line.at);
    } else {
        weir_explain_store(folder, WEIR_EPERM, &line);
        say_fail(f, &line);
    }
    weir_strbuf_deinit(&line);
}

static void check_socket(struct findings *f, const char *path)
{
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    struct stat st;
    char folder[PATH_MAX];
    enum weir_err err = WEIR_OK;
    bool exists = lstat(path, &st) == 0;
    snprintf(folder, sizeof(folder), "%s", path);
    path_up(folder);
    if (strlen(path) > WEIR_ADMIN_SOCKET_PATH_MAX)
        err = WEIR_ELIMIT;
    else if (exists && !S_ISSOCK(st.st_mode))
        err = WEIR_EEXIST;
    else if (exists && weir_admin_socket_answers(path))
        err = WEIR_EINUSE;
    else if (!folder_usable(folder))
        err = WEIR_EPERM;
    if (err == WEIR_OK) {
        weir_strbuf_printf(&line, "admin.socket: %s can be made", path);
        say_ok(f, line.failed ? "admin.socket" : line.at);
    } else {
        weir_explain_socket("admin.socket", path, err, 0, &line);
        say_fail(f, &line);
    }
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
    path_up(folder);
    bool good =
        exists ? faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) == 0 : is_usable_folder(folder);
    weir_strbuf_printf(&line, "log.access: %s %s", target,
                       good ? "can be written"
                            : "cannot be written: create its folder and give it to this user");
    if (good)
        say_ok(f, line.failed ? "log.access" : line.at);
    else
        say_fail(f, &line);
    weir_strbuf_deinit(&line);
}

bool weir_node_facts_check(const struct weir_config *c, struct weir_strbuf *out)
{
    struct findings f = { .out = out, .good = true };
    for (size_t i = 0; i < c->num_http; i++)
        check_listener(&f, "listen.http", &c->http[i]);
    if (c->has_admin)
        check_listener(&f, "admin.listen", &c->admin);
    check_socket(&f, c->socket);
    check_folder(&f, c->data);
    check_access_log(&f, c->access);
    check_descriptors(&f, c);
    return f.good;
}
