/* SPDX-License-Identifier: Apache-2.0
 *
 * store_probe.c - see store_probe.h. The kernel reports whether the lock could be had, so that a
 * probe never holds it, not even for a moment in which a node starts.
 */
#include "sync/store/store_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define LOCK_NAME "lock" /* as kind_c of store_open.c has it */

enum weir_err weir_store_probe_lock(const char *folder)
{
    char path[PATH_MAX];
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int len = snprintf(path, sizeof(path), "%s/" LOCK_NAME, folder);
    if (len < 0 || (size_t)len >= sizeof(path))
        return WEIR_EIO;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return WEIR_OK;
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? WEIR_EPERM : WEIR_EIO;
    int rc = fcntl(fd, F_OFD_GETLK, &whole);
    close(fd);
    if (rc < 0)
        return WEIR_EIO;
    return whole.l_type == F_UNLCK ? WEIR_OK : WEIR_EINUSE;
}
