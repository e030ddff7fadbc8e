/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c - reading stops at the bound and not at a size that was asked for first, because pipes
 * have none and files grow. A new content gets a name of its own first, and the old name at the
 * end.
 */
#include "node/cli/docs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_CHUNK 65536

/* -- reading -- */

static enum weir_err fail(int error, const char **ret_why)
{
    const char *why = strerrordesc_np(error);
    if (error == ENOENT)
        why = "no such file";
    *ret_why = why != NULL ? why : "unknown error";
    return error == ENOMEM ? WEIR_ENOMEM : WEIR_EIO;
}

static enum weir_err read_all(int fd, size_t max, struct weir_strbuf *out, const char **ret_why)
{
    char *chunk = malloc(READ_CHUNK);
    size_t total = 0;
    enum weir_err err = chunk != NULL ? WEIR_OK : fail(ENOMEM, ret_why);
    while (err == WEIR_OK) {
        ssize_t n = read(fd, chunk, READ_CHUNK);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err = fail(errno, ret_why);
        } else if ((size_t)n > max - total) {
            *ret_why = "too long";
            err = WEIR_ELIMIT;
        } else {
            weir_strbuf_add(out, weir_span(chunk, (size_t)n));
            total += (size_t)n;
            err = out->failed ? fail(ENOMEM, ret_why) : WEIR_OK;
        }
    }
    free(chunk);
    return err;
}

enum weir_err weir_file_read(const char *path, size_t max, struct weir_strbuf *out,
                             const char **ret_why)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, max, out, ret_why);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(errno, ret_why);
    enum weir_err err = WEIR_OK;
    if (fstat(fd, &st) != 0)
        err = fail(errno, ret_why);
    else if (S_ISDIR(st.st_mode))
        err = fail(EISDIR, ret_why);
    if (err == WEIR_OK)
        err = read_all(fd, max, out, ret_why);
    close(fd);
    return err;
}

/* -- files below a folder -- */

static const char outside[] = "it is not below an allowed folder";

static int open_beneath(int folder, const char *name, int flags)
{
    struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
}

/* Opens a regular file. It is checked through O_PATH first: to open a FIFO or a device for
 * reading can block, or move a tape. Returns a descriptor, or -1 with errno and sometimes *ret_why.
 */
static int open_regular(int folder, const char *name, const char **ret_why)
{
    struct stat before;
    struct stat after;
    int path = open_beneath(folder, name, O_PATH);
    if (path < 0)
        return -1;
    int error = fstat(path, &before) != 0 ? errno : 0;
    close(path);
    if (error == 0 && !S_ISREG(before.st_mode)) {
        *ret_why = S_ISDIR(before.st_mode) ? "it is a folder" : "it is not a regular file";
        error = EINVAL;
    }
    int fd = error == 0 ? open_beneath(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
    if (error == 0 && fd < 0)
        return -1;
    if (error == 0 && (fstat(fd, &after) != 0 || after.st_ino != before.st_ino ||
                       after.st_dev != before.st_dev)) {
        close(fd);
        *ret_why = "it changed while it was read";
        error = EINVAL;
    }
    errno = error;
    return error == 0 ? fd : -1;
}

static enum weir_err read_beneath(const char *folder, const char *name, size_t max,
                                  struct weir_strbuf *out, const char **ret_why)
{
    const char *why = NULL;
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir >= 0 ? open_regular(dir, name, &why) : -1;
    int error = errno;
    if (dir >= 0)
        close(dir);
    if (fd >= 0) {
        enum weir_err err = read_all(fd, max, out, ret_why);
        close(fd);
        return err;
    }
    *ret_why = error == EXDEV ? outside : why;
    if (error == ENOSYS)
        *ret_why = "this kernel lacks openat2, which came with Linux 5.6";
    if (error == EXDEV)
        return WEIR_EPERM;
    return *ret_why != NULL ? WEIR_EIO : fail(error, ret_why);
}

/* What is left of a resolved path below a folder; NULL: it is not below it. */
static const char *rest_below(const char *path, const char *folder)
{
    char *real = realpath(folder, NULL);
    const char *rest = NULL;
    size_t len = real != NULL ? strlen(real) : 0;
    while (len > 0 && real[len - 1] == '/')
        len--;
    if (real != NULL && strncmp(path, real, len) == 0 && path[len] == '/')
        rest = path + len + 1;
    free(real);
    return rest;
}

/* A name that is absolute, or that leads out of the base: it may lie below another folder. */
static enum weir_err read_elsewhere(const struct weir_file_roots *roots, const char *path,
                                    size_t max, struct weir_strbuf *out, const char **ret_why)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return roots->num_allowed > 0 ? fail(errno, ret_why) : WEIR_EPERM;
    enum weir_err err = WEIR_EPERM;
    for (size_t i = 0; i <= roots->num_allowed && err == WEIR_EPERM; i++) {
        const char *folder = i < roots->num_allowed ? roots->allowed[i] : roots->base;
        if (i == roots->num_allowed && !roots->base_allowed)
            break;
        const char *rest = rest_below(real, folder);
        if (rest != NULL)
            err = read_beneath(folder, rest, max, out, ret_why);
    }
    free(real);
    return err;
}

enum weir_err weir_file_read_beneath(const struct weir_file_roots *roots, const char *name,
                                     size_t max, struct weir_strbuf *out, const char **ret_why)
{
    char *path = NULL;
    WEIR_ASSERT(roots->base != NULL);
    *ret_why = outside;
    if (roots->base_allowed && name[0] != '/') {
        enum weir_err err = read_beneath(roots->base, name, max, out, ret_why);
        if (err != WEIR_EPERM)
            return err;
    }
    if (name[0] == '/')
        return read_elsewhere(roots, name, max, out, ret_why);
    if (asprintf(&path, "%s/%s", roots->base, name) < 0)
        return fail(ENOMEM, ret_why);
    enum weir_err err = read_elsewhere(roots, path, max, out, ret_why);
    free(path);
    return err;
}

/* -- replacing -- */

static int write_all(int fd, struct weir_span s)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.at, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        s = weir_span_from(s, (size_t)n);
    }
    return 0;
}

/* Returns an errno, 0 when all is well. */
static int replace_at(const char *path, const char *temporary, int fd, struct weir_span text)
{
    struct stat st;
    int error = stat(path, &st) == 0 ? 0 : errno;
    if (error == 0 && fchmod(fd, st.st_mode & 07777) != 0)
        error = errno;
    if (error == 0)
        error = write_all(fd, text);
    if (error == 0 && fsync(fd) != 0)
        error = errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    return error;
}

enum weir_err weir_file_replace(const char *path, struct weir_span text, const char **ret_why)
{
    char *real = realpath(path, NULL); /* through symbolic links: the name stays a link */
    if (real == NULL)
        return fail(errno, ret_why);
    size_t len = strlen(real) + sizeof(".XXXXXX");
    char *temporary = malloc(len);
    if (temporary == NULL) {
        free(real);
        return fail(ENOMEM, ret_why);
    }
    snprintf(temporary, len, "%s.XXXXXX", real);
    int fd = mkostemp(temporary, O_CLOEXEC);
    int error = fd >= 0 ? 0 : errno;
    if (error == 0) {
        error = replace_at(real, temporary, fd, text);
        close(fd);
        if (error != 0)
            unlink(temporary);
    }
    free(temporary);
    free(real);
    return error == 0 ? WEIR_OK : fail(error, ret_why);
}
