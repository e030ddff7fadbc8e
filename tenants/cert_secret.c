/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_secret.c - see cert_secret.h. What the bytes of a file are does not matter, only that they
 * are secret: HKDF makes 32 uniform ones of them.
 */
#include "tenants/cert_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/rng.h"
#include "node/wire/tls_hash.h"

#define NEW_BYTES 32                  /* random bytes of a new secret */
#define NEW_TEXT  (2 * NEW_BYTES + 1) /* as hex digits, and a line end */

/* The bytes of a secret file. */
struct text {
    uint8_t at[WEIR_SECRET_FILE_MAX + 1];
    size_t len;
};

static enum weir_err fault(struct weir_secret_found *found, int sys_errno)
{
    found->sys_errno = sys_errno;
    if (sys_errno == ENOENT)
        return WEIR_ENOTFOUND;
    return sys_errno == EACCES || sys_errno == EPERM ? WEIR_EPERM : WEIR_EIO;
}

/* @return WEIR_OK | WEIR_EPERM | WEIR_EINVAL | WEIR_EIO */
static enum weir_err text_read(int fd, struct text *t, struct weir_secret_found *found)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fault(found, errno);
    if (!S_ISREG(st.st_mode))
        return WEIR_EINVAL;
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return WEIR_EPERM;
    t->len = 0;
    while (t->len < sizeof(t->at)) {
        ssize_t len = read(fd, t->at + t->len, sizeof(t->at) - t->len);

        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return fault(found, errno);
        if (len == 0)
            break;
        t->len += (size_t)len;
    }
    if (t->len > WEIR_SECRET_FILE_MAX)
        return WEIR_EINVAL;
    while (t->len > 0 && strchr(" \t\r\n", t->at[t->len - 1]) != NULL)
        t->len--; /* editors add line ends; a NUL at the end goes, too */
    return t->len < WEIR_SECRET_FILE_MIN ? WEIR_EINVAL : WEIR_OK;
}

static enum weir_err file_read(const char *path, struct text *t, struct weir_secret_found *found)
{
    /* A FIFO must not stop the start: it is no regular file, and refused after it is open. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return fault(found, errno);
    enum weir_err err = text_read(fd, t, found);
    close(fd);
    return err;
}

static bool text_make(struct text *t)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[NEW_BYTES];

    if (weir_rng_secret(random, sizeof(random)) < 0)
        return false;
    for (size_t i = 0; i < NEW_BYTES; i++) {
        t->at[2 * i] = (uint8_t)digits[random[i] >> 4];
        t->at[2 * i + 1] = (uint8_t)digits[random[i] & 15];
    }
    t->at[NEW_TEXT - 1] = '\n';
    t->len = NEW_TEXT;
    weir_wipe(random, sizeof(random));
    return true;
}

/* Write and sync a file that nobody has yet. */
static bool file_write(const char *path, const struct text *t)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return false;
    bool good = write(fd, t->at, t->len) == (ssize_t)t->len && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return good;
}

static bool folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return good;
}

static enum weir_err file_make(const char *folder, struct text *t, struct weir_secret_found *found)
{
    char fresh[sizeof(found->path)];

    if ((size_t)snprintf(fresh, sizeof(fresh), "%s/" WEIR_SECRET_FILE ".new", folder) >=
        sizeof(fresh))
        return fault(found, ENAMETOOLONG);
    if (!text_make(t))
        return WEIR_EIO;
    (void)unlink(fresh); /* of a start that was interrupted */
    if (!file_write(fresh, t) || rename(fresh, found->path) != 0 || !folder_sync(folder)) {
        enum weir_err err = fault(found, errno);

        (void)unlink(fresh);
        return err == WEIR_ENOTFOUND ? WEIR_EIO : err;
    }
    found->made = true;
    t->len--; /* as if it were read */
    return WEIR_OK;
}

enum weir_err weir_secret_load(const char *secret_file, const char *data_folder,
                               struct weir_secret *ret, struct weir_secret_found *found)
{
    struct text t;
    int len = 0;

    *found = (struct weir_secret_found){ .made = false };
    if (secret_file != NULL)
        len = snprintf(found->path, sizeof(found->path), "%s", secret_file);
    else
        len = snprintf(found->path, sizeof(found->path), "%s/" WEIR_SECRET_FILE, data_folder);
    if ((size_t)len >= sizeof(found->path))
        return fault(found, ENAMETOOLONG);
    enum weir_err err = file_read(found->path, &t, found);
    if (err == WEIR_ENOTFOUND && secret_file == NULL) {
        found->sys_errno = 0;
        err = file_make(data_folder, &t, found);
    }
    if (err == WEIR_OK)
        weir_hkdf_sha256(weir_span(t.at, t.len), WEIR_SPAN_LIT("weir secret v1"), WEIR_SPAN_EMPTY,
                         ret->key);
    weir_wipe(&t, sizeof(t));
    return err;
}

void weir_secret_derive(const struct weir_secret *s, struct weir_span label,
                        uint8_t out[WEIR_SECRET_LEN])
{
    WEIR_ASSERT(label.len >= 1);
    WEIR_ASSERT(label.len <= UINT8_MAX);
    weir_hkdf_sha256(weir_span(s->key, sizeof(s->key)), WEIR_SPAN_EMPTY, label, out);
}

void weir_secret_deinit(struct weir_secret *s)
{
    weir_wipe(s, sizeof(*s));
}
