/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_socket.h - the Unix socket of the admin API as a file: made with its mode, taken over when
 * it is stale, removed. A user that may open the file may do everything, so its mode is set
 * before anybody can connect.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_SOCKET_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "node/base/contract.h"
#include "node/base/err.h"

#define WEIR_ADMIN_SOCKET_MODE     0660
#define WEIR_ADMIN_SOCKET_PATH_MAX 107 /* bytes, unix(7) */

struct weir_admin_socket {
    const char *path; /* borrowed for as long as the socket is open */
    int fd;           /* bound, not yet listening; owns until it is taken, then -1 */
    dev_t dev;        /* of the file, so that only it is removed */
    ino_t ino;
};

/**
 * Bind, making the folder when only its last part is missing. A file that is a socket on which
 * no process listens is removed.
 *
 * @return WEIR_OK | WEIR_EINUSE (a process listens there) | WEIR_EEXIST (the file is no socket) |
 * WEIR_ELIMIT (path too long) | WEIR_EPERM | WEIR_EIO; *ret_errno is the system's number, 0 when it
 * has none
 */
WEIR_MUST_USE enum weir_err weir_admin_socket_open(const char *path, struct weir_admin_socket *ret,
                                                   int *ret_errno);
/**
 * Give the file the group of its folder, so that membership in
 * that group gives the right to connect. Where this process may not do that, the file has the group
 * of the process.
 */
void weir_admin_socket_give_group(const struct weir_admin_socket *s);
/** Whether a process responds on the socket. */
bool weir_admin_socket_is_served(const char *path);
/** Close what was not taken, and remove the file unless another one has its name by now. */
void weir_admin_socket_close(struct weir_admin_socket *s);

#endif
