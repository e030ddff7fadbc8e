/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c - reading stops at the bound and not at a size that was asked for first, because pipes
 * have none and files grow. A new content gets a name of its own first, and the old name at the
 * end.
 */
#include "node/cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK 65536

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
