/* SPDX-License-Identifier: Apache-2.0
 *
 * running.c - see running.h. /proc/net/tcp has the inode of each TCP socket, and so
 * has /proc/PID/fd: the inode links a socket to its process. The node reports its state itself.
 */
#include "node/ctl/running.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/strbuf.h"
#include "node/ctl/stored_tenant.h"
#include "tenants/schema/schema.h"
#include "weir/v1/admin.pb-c.h"

#define SOCKETS_MAX    1048576
#define TCP_LISTEN     0x0a /* the state in /proc/net/tcp */
#define ASK_TIMEOUT_MS 2000
#define RESPONSE_MAX   (1u << 20) /* bytes of a status */

/* @return -1: nothing listens there */
static int connect_to(const char *socket_path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(socket_path) >= sizeof(at.sun_path))
        return -1;
    memcpy(at.sun_path, socket_path, strlen(socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

pid_t weir_running_pid_of(const char *socket_path)
{
    struct ucred peer = { .pid = 0 };
    socklen_t len = sizeof(peer);
    int fd = connect_to(socket_path);
    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}

static bool add_socket(struct weir_running *r, ino_t inode)
{
    if ((r->num_sockets & (r->num_sockets - 1)) == 0) { /* full at each power of two */
        size_t room = r->num_sockets > 0 ? 2 * r->num_sockets : 1;
        ino_t *more = room <= SOCKETS_MAX ? realloc(r->sockets, room * sizeof(*more)) : NULL;
        if (more == NULL)
            return false;
        r->sockets = more;
    }
    r->sockets[r->num_sockets++] = inode;
    return true;
}

/* Calls `each` with what every descriptor of the process is a link to, until it returns false.
 * @return false: its descriptors may not be read */
static bool walk_descriptors(pid_t pid, bool (*each)(void *arg, const char *target), void *arg)
{
    char path[64];
    char target[PATH_MAX];
    struct dirent *entry = NULL;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    while ((entry = readdir(dir)) != NULL) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        if (!each(arg, target))
            break;
    }
    closedir(dir);
    return true;
}

static bool note_socket(void *arg, const char *target)
{
    static const char begin[] = "socket:[";
    if (strncmp(target, begin, sizeof(begin) - 1) != 0)
        return true;
    return add_socket(arg, (ino_t)strtoull(target + sizeof(begin) - 1, NULL, 10));
}

void weir_running_find(const char *socket_path, struct weir_running *ret)
{
    *ret = (struct weir_running){ .pid = weir_running_pid_of(socket_path) };
    if (ret->pid != 0)
        ret->can_read = walk_descriptors(ret->pid, note_socket, ret);
}

void weir_running_deinit(struct weir_running *r)
{
    free(r->sockets);
    *r = (struct weir_running){ .pid = 0 };
}

/* -- what it reports -- */

/* Read until the node closes. */
static enum weir_err read_response(int fd, struct weir_strbuf *out)
{
    uint64_t until_ns = weir_clock_mono_ns() + ASK_TIMEOUT_MS * UINT64_C(1000000);
    uint8_t part[4096];
    while (out->len < RESPONSE_MAX && !out->failed) {
        uint64_t now_ns = weir_clock_mono_ns();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int left_ms = now_ns < until_ns ? (int)((until_ns - now_ns) / 1000000 + 1) : 0;
        if (left_ms == 0)
            return WEIR_ETIMEOUT;
        if (poll(&p, 1, left_ms) < 0 && errno != EINTR)
            return WEIR_EIO;
        ssize_t len = read(fd, part, sizeof(part));
        if (len == 0)
            return WEIR_OK;
        if (len < 0 && errno != EAGAIN && errno != EINTR)
            return WEIR_EIO;
        if (len > 0)
            weir_strbuf_add(out, weir_span(part, (size_t)len));
    }
    return out->failed ? WEIR_ENOMEM : WEIR_EPROTO;
}

static enum weir_err read_report(struct weir_span body, struct weir_running_report *ret)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_stored_tenant_arena_init(&arena);
    enum weir_err err =
        weir_schema_read_json(&weir__v1__status_response__descriptor, body, &arena, &message);
    const Weir__V1__StatusResponse *status = (const Weir__V1__StatusResponse *)message;
    if (err == WEIR_OK && status->n_nodes == 0)
        err = WEIR_EPROTO;
    if (err == WEIR_OK) {
        const Weir__V1__NodeStatus *s = status->nodes[0];
        snprintf(ret->name, sizeof(ret->name), "%s", s->name != NULL ? s->name : "");
        ret->num_workers = s->workers;
        ret->is_draining = s->state != NULL && strcmp(s->state, "draining") == 0;
    }
    weir_arena_deinit(&arena);
    return err == WEIR_OK || err == WEIR_ENOMEM ? err : WEIR_EPROTO;
}

enum weir_err weir_running_ask(const char *socket_path, struct weir_running_report *ret)
{
    static const char request[] =
        "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct weir_strbuf response = WEIR_STRBUF_ZERO;
    int fd = connect_to(socket_path);
    if (fd < 0)
        return WEIR_EIO;
    /* A new socket's buffer takes the whole of it. */
    bool sent = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1;
    enum weir_err err = sent ? read_response(fd, &response) : WEIR_EIO;
    close(fd);
    const char *body = err == WEIR_OK && response.len > 0 ? strstr(response.at, "\r\n\r\n") : NULL;
    if (err == WEIR_OK)
        err = body != NULL ? read_report(weir_span_cstr(body + 4), ret) : WEIR_EPROTO;
    weir_strbuf_deinit(&response);
    return err;
}

/* -- listeners -- */

static bool has_socket(const struct weir_running *r, ino_t inode)
{
    for (size_t i = 0; i < r->num_sockets; i++)
        if (r->sockets[i] == inode)
            return true;
    return false;
}

/* An address of /proc/net/tcp: words of 32 bits as this host has them in memory. */
static bool hex_address(const char *text, uint8_t ip[16])
{
    size_t words = strlen(text) / 8;
    if (words != 1 && words != 4)
        return false;
    memset(ip, 0, 16);
    memset(ip + 10, words == 1 ? 0xff : 0, 2);
    for (size_t i = 0; i < words; i++) {
        char word[9];
        snprintf(word, sizeof(word), "%.8s", text + 8 * i);
        uint32_t value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(ip + (words == 1 ? 12 : 4 * i), &value, sizeof(value));
    }
    return true;
}

/* The n-th word of a line, words being apart by spaces; "" when there are fewer. */
static const char *word_at(const char *line, unsigned n)
{
    line += strspn(line, " ");
    for (; n > 0 && *line != '\0'; n--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    return line;
}

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 INODE ...":
 * number, local and remote address, state, queues, timer, retransmits, user, timeout, inode. */
static bool line_is_listener(const struct weir_running *r, const char *line,
                             const struct weir_addr *at)
{
    char local[33];
    struct weir_addr found = { .port = at->port };
    const char *text = word_at(line, 1);
    size_t len = strspn(text, "0123456789ABCDEF");
    if (len >= sizeof(local) || text[len] != ':')
        return false;
    memcpy(local, text, len);
    local[len] = '\0';
    return strtoul(word_at(line, 3), NULL, 16) == TCP_LISTEN &&
           strtoul(text + len + 1, NULL, 16) == at->port && hex_address(local, found.ip) &&
           weir_addr_overlaps(&found, at) &&
           has_socket(r, (ino_t)strtoull(word_at(line, 9), NULL, 10));
}

bool weir_running_listens(const struct weir_running *r, const struct weir_addr *at)
{
    char line[512];
    bool found = false;
    FILE *f =
        r->pid != 0 ? fopen(weir_addr_is_v4(at) ? "/proc/net/tcp" : "/proc/net/tcp6", "re") : NULL;
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
        found = line_is_listener(r, line, at);
    if (f != NULL)
        fclose(f);
    return found;
}

/* -- the data folder -- */

struct folder_search {
    char folder[PATH_MAX];
    bool found;
};

static bool match_folder(void *arg, const char *target)
{
    struct folder_search *s = arg;
    size_t len = strlen(s->folder);
    s->found = strncmp(target, s->folder, len) == 0 && (target[len] == '/' || target[len] == '\0');
    return !s->found;
}

bool weir_running_has_folder(const struct weir_running *r, const char *folder)
{
    struct folder_search s = { .found = false };
    if (r->pid == 0 || realpath(folder, s.folder) == NULL)
        return false;
    return walk_descriptors(r->pid, match_folder, &s) && s.found;
}
