/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_socket.c - see admin_socket.h. Linux gives the file the mode of the socket's own inode less
 * the umask, so fchmod before bind leaves no moment in which the file is more open than it should
 * be; chmod afterwards undoes the umask.
 */
#include "node/ctl/admin/admin_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static enum weir_err err_of(int sys_errno)
{
    switch (sys_errno) {
    case EACCES:
    case EPERM:
    case EROFS:
        return WEIR_EPERM;
    case EADDRINUSE:
        return WEIR_EINUSE;
    default:
        return WEIR_EIO;
    }
}

static bool make_address(const char *path, struct sockaddr_un *ret)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(ret->sun_path))
        return false;
    memset(ret, 0, sizeof(*ret));
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, path, len);
    return true;
}

bool weir_admin_socket_is_served(const char *path)
{
    struct sockaddr_un at;
    if (!make_address(path, &at))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    /* EAGAIN: a process listens, and its backlog is full. */
    bool responses = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 || errno == EAGAIN;
    close(fd);
    return responses;
}

/* The folder of the socket, when it alone is missing: /run/weir after a boot without a unit that
 * makes it. */
static void make_folder(const char *path)
{
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return;
    size_t len = (size_t)(slash - path);
    memcpy(folder, path, len);
    folder[len] = '\0';
    /* Its failure shows as the failure of bind, which names the path. */
    if (mkdir(folder, 0755) < 0)
        return;
}

static int bind_with_mode(int fd, const struct sockaddr_un *at)
{
    if (fchmod(fd, WEIR_ADMIN_SOCKET_MODE) < 0 ||
        bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
        return errno;
    return 0;
}

/* Make way for bind when the file in it is a socket of a node that is gone. */
static enum weir_err remove_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? WEIR_OK : err_of(errno);
    if (!S_ISSOCK(st.st_mode))
        return WEIR_EEXIST;
    if (weir_admin_socket_is_served(path))
        return WEIR_EINUSE;
    return unlink(path) == 0 || errno == ENOENT ? WEIR_OK : err_of(errno);
}

static enum weir_err bind_socket(struct weir_admin_socket *s, const struct sockaddr_un *at,
                                 int *ret_errno)
{
    struct stat st;
    enum weir_err err = WEIR_OK;
    *ret_errno = bind_with_mode(s->fd, at);
    if (*ret_errno == ENOENT) {
        make_folder(s->path);
        *ret_errno = bind_with_mode(s->fd, at);
    }
    if (*ret_errno == EADDRINUSE) {
        err = remove_stale(s->path);
        if (err < 0)
            return err;
        *ret_errno = bind_with_mode(s->fd, at);
    }
    if (*ret_errno != 0)
        return err_of(*ret_errno);
    if (chmod(s->path, WEIR_ADMIN_SOCKET_MODE) < 0 || stat(s->path, &st) < 0) {
        *ret_errno = errno;
        return err_of(errno);
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return WEIR_OK;
}

enum weir_err weir_admin_socket_open(const char *path, struct weir_admin_socket *ret,
                                     int *ret_errno)
{
    struct sockaddr_un at;
    struct weir_admin_socket s = { .path = path };
    *ret_errno = 0;
    if (!make_address(path, &at))
        return WEIR_ELIMIT;
    s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s.fd < 0) {
        *ret_errno = errno;
        return err_of(errno);
    }
    enum weir_err err = bind_socket(&s, &at, ret_errno);
    if (err < 0) {
        close(s.fd);
        return err;
    }
    *ret = s;
    return WEIR_OK;
}

void weir_admin_socket_give_group(const struct weir_admin_socket *s)
{
    char folder[WEIR_ADMIN_SOCKET_PATH_MAX + 1];
    struct stat st;
    const char *slash = strrchr(s->path, '/');
    size_t len = slash != NULL ? (size_t)(slash - s->path) : 0;
    WEIR_ASSERT(len < sizeof(folder));
    memcpy(folder, s->path, len);
    folder[len] = '\0';
    const char *at = slash == NULL ? "." : len == 0 ? "/" : folder;
    /* lchown: were the file replaced by a link meanwhile, what it leads to is not given away. The
     * mode stays: Linux takes bits from files that can be executed alone. */
    if (stat(at, &st) < 0 || lchown(s->path, (uid_t)-1, st.st_gid) < 0)
        return; /* the group of the process stays */
}

void weir_admin_socket_close(struct weir_admin_socket *s)
{
    struct stat st;
    if (s->path == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
        (void)unlink(s->path);
    *s = (struct weir_admin_socket){ .fd = -1 };
}
