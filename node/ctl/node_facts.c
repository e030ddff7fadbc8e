/* SPDX-License-Identifier: Apache-2.0
 *
 * node_facts.c - see node_facts.h. The explanations are shared by the check and by the start, so
 * that both report the same.
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

#include "node/conn/pipes.h"
#include "node/ctl/admin/admin_socket.h"

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

/* -- pipes -- */

#define PIPE_BYTES_FEW (16u << 20) /* of all bodies at once: below, some are copied soon */

bool weir_explain_pipes(struct weir_strbuf *out)
{
    struct weir_pipe_limit limit;
    weir_pipe_limit_read(&limit);
    uint64_t bytes = limit.user_pages * limit.page_bytes;
    if (limit.user_pages == 0) {
        weir_strbuf_puts(out, "no limit of the user's pipes");
        return false;
    }
    weir_strbuf_printf(out, "fs.pipe-user-pages-soft gives this user %llu MiB of pipes",
                       (unsigned long long)(bytes >> 20));
    if (bytes >= PIPE_BYTES_FEW)
        return false;
    weir_strbuf_puts(out, ": when they are used up, large bodies are copied, which costs half as "
                          "much again; raise it with sysctl");
    return true;
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
        weir_strbuf_puts(out, "is not an address of this host: see `ip addr`, and write one of "
                              "those, 0.0.0.0 or [::]");
    else
        weir_strbuf_printf(out, "cannot be listened on: %s",
                           sys_errno != 0 ? strerror(sys_errno) : weir_err_name(err));
}

void weir_explain_secret(enum weir_err err, const struct weir_secret_found *found,
                         struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "the secret of this node: %s ", found->path);
    if (err == WEIR_EPERM && found->sys_errno == 0)
        weir_strbuf_puts(out, "may be read or written by its group or by others: a secret is its "
                              "owner's alone; run `chmod 600` on it");
    else if (err == WEIR_EINVAL)
        weir_strbuf_printf(out,
                           "is no secret: it must be a file of %d..%d bytes; put the copy of it "
                           "back, without which the stored keys cannot be opened",
                           WEIR_SECRET_FILE_MIN, WEIR_SECRET_FILE_MAX);
    else
        weir_strbuf_printf(out, "cannot be read or made: %s",
                           found->sys_errno != 0 ? strerror(found->sys_errno) : weir_err_name(err));
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

void weir_explain_access_log(const char *target, enum weir_err err, int sys_errno,
                             struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "log.access: %s cannot be written: ", target);
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
        weir_strbuf_printf(out, "no such folder; create it and give it to user %u",
                           (unsigned)geteuid());
        break;
    case EACCES:
    case EPERM:
        weir_strbuf_printf(out, "user %u has no right to it; give the user the file and its folder",
                           (unsigned)geteuid());
        break;
    case ENXIO:
        weir_strbuf_puts(out, "it is a FIFO that no process reads, or a device that is not there; "
                              "start its reader first");
        break;
    default:
        weir_strbuf_printf(out, "%s; choose another file",
                           sys_errno != 0 ? strerror(sys_errno) : weir_err_name(err));
        break;
    }
}

void weir_explain_socket(const char *field, const char *path, enum weir_err err, int sys_errno,
                         struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "%s: %s ", field, path);
    if (err == WEIR_EINUSE)
        weir_strbuf_puts(out, "is served by a running node: stop it, or choose another path");
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
