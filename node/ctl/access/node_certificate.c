/* SPDX-License-Identifier: Apache-2.0
 *
 * node_certificate.c - see node_certificate.h.
 */
#include "node/ctl/access/node_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/log.h"
#include "node/wire/tls_hash.h"

/* -- files -- */

/** A whole file in one allocation, so that a key leaves no copies behind. */
struct text {
    uint8_t *at;
    size_t len;
    size_t cap;
};

static void free_text(struct text *t)
{
    if (t->at != NULL)
        weir_wipe(t->at, t->cap);
    free(t->at);
    *t = (struct text){ .at = NULL };
}

static struct weir_span span_of(const struct text *t)
{
    return weir_span(t->at, t->len);
}

static enum weir_err explain(struct weir_strbuf *why, const char *field, const char *path,
                             const char *what)
{
    weir_strbuf_printf(why, "%s: %s %s", field, path, what);
    return WEIR_EINVAL;
}

static enum weir_err read_open(int fd, const struct stat *st, struct text *out)
{
    ssize_t n = 0;
    out->cap = (size_t)st->st_size + 1;
    out->at = malloc(out->cap);
    if (out->at == NULL)
        return WEIR_ENOMEM;
    while (out->len < out->cap && (n = read(fd, out->at + out->len, out->cap - out->len)) > 0)
        out->len += (size_t)n;
    return n < 0 ? WEIR_EIO : WEIR_OK;
}

/* @param secret  others may not read it
 * @return WEIR_OK | WEIR_ENOTFOUND: `why` has nothing | WEIR_EINVAL | WEIR_EIO | WEIR_ENOMEM */
static enum weir_err read_file(const char *field, const char *path, bool secret, struct text *out,
                               struct weir_strbuf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return WEIR_ENOTFOUND;
    if (fd < 0 || fstat(fd, &st) < 0) {
        weir_strbuf_printf(why, "%s: %s cannot be read: %s", field, path, strerrordesc_np(errno));
        if (fd >= 0)
            close(fd);
        return WEIR_EIO;
    }
    enum weir_err err = WEIR_OK;
    if (!S_ISREG(st.st_mode))
        err = explain(why, field, path, "is not a regular file");
    else if (st.st_size > WEIR_NODE_CERTIFICATE_MAX)
        err = explain(why, field, path, "is larger than 256 KiB");
    else if (secret && (st.st_mode & S_IRWXO) != 0)
        err = explain(why, field, path, "is open to all users of this host: chmod o-rwx it");
    else if ((err = read_open(fd, &st, out)) < 0)
        weir_strbuf_printf(why, "%s: %s cannot be read", field, path);
    close(fd);
    return err;
}
_Static_assert(WEIR_NODE_CERTIFICATE_MAX == 262144, "as the message says");

/* -- the operator's -- */

static enum weir_err load_given(const struct weir_config *c, struct weir_tls_pem *ret,
                                struct weir_strbuf *why)
{
    struct text certificate = { .at = NULL };
    struct text key = { .at = NULL };
    const char *reason = NULL;
    enum weir_err err =
        read_file("admin.tls.certificate", c->admin_certificate, false, &certificate, why);
    if (err == WEIR_ENOTFOUND)
        err = explain(why, "admin.tls.certificate", c->admin_certificate, "does not exist");
    if (err == WEIR_OK)
        err = read_file("admin.tls.key", c->admin_key, true, &key, why);
    if (err == WEIR_ENOTFOUND)
        err = explain(why, "admin.tls.key", c->admin_key, "does not exist");
    if (err == WEIR_OK) {
        err = weir_tls_pem_read(span_of(&certificate), span_of(&key), ret, &reason);
        if (err < 0)
            weir_strbuf_printf(why, "admin.tls: %s with %s %s", c->admin_certificate, c->admin_key,
                               err == WEIR_ENOMEM ? "cannot be read: out of memory" : reason);
    }
    free_text(&certificate);
    free_text(&key);
    return err;
}

/* -- the node's own -- */

static bool is_dns_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 253 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
}

static void add_ip(struct weir_tls_pem_names *n, const struct weir_addr *a)
{
    if (n->num_ips == WEIR_TLS_PEM_NAMES_MAX)
        return;
    for (size_t i = 0; i < n->num_ips; i++)
        if (memcmp(n->ips[i].ip, a->ip, sizeof(a->ip)) == 0)
            return;
    n->ips[n->num_ips++] = *a;
}

static void add_ip_text(struct weir_tls_pem_names *n, struct weir_span text)
{
    struct weir_addr a = { .port = 0 };
    if (weir_addr_parse_ip(text, &a) == WEIR_OK)
        add_ip(n, &a);
}

/* A listener on all addresses is reached by any of them. */
static void add_interfaces(struct weir_tls_pem_names *n)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) < 0)
        return;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        struct weir_addr a;
        if (i->ifa_addr == NULL ||
            (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
            continue;
        weir_addr_from_sockaddr(i->ifa_addr, &a);
        add_ip(n, &a);
    }
    freeifaddrs(list);
}

static bool is_wildcard(const struct weir_addr *a)
{
    static const uint8_t zeros[16];
    size_t skip = weir_addr_is_v4(a) ? 12 : 0;
    return memcmp(a->ip + skip, zeros, sizeof(zeros) - skip) == 0;
}

static void find_names(const struct weir_config *c, struct weir_tls_pem_names *n)
{
    n->common = c->name;
    if (is_dns_name(c->name))
        n->dns[n->num_dns++] = c->name;
    n->dns[n->num_dns++] = "localhost";
    if (is_wildcard(&c->admin))
        add_interfaces(n);
    else
        add_ip(n, &c->admin);
    add_ip_text(n, WEIR_SPAN_LIT("127.0.0.1"));
    add_ip_text(n, WEIR_SPAN_LIT("::1"));
}

static enum weir_err write_whole(int fd, struct weir_span text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return WEIR_EIO;
        text = weir_span_from(text, (size_t)n);
    }
    return fsync(fd) < 0 ? WEIR_EIO : WEIR_OK;
}

/* It appears whole or not at all. */
static enum weir_err write_file(const char *path, struct weir_span text, mode_t mode,
                                struct weir_strbuf *why)
{
    char temporary[WEIR_NODE_CERTIFICATE_PATH_MAX + 8];
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    (void)unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    enum weir_err err = fd < 0 ? WEIR_EIO : write_whole(fd, text);
    int sys_errno = errno;
    if (fd >= 0)
        close(fd);
    if (err == WEIR_OK && rename(temporary, path) < 0) {
        sys_errno = errno;
        err = WEIR_EIO;
    }
    if (err < 0) {
        (void)unlink(temporary);
        weir_strbuf_printf(why, "admin.listen: %s cannot be written: %s", path,
                           strerrordesc_np(sys_errno));
    }
    return err;
}

static enum weir_err make_own(const struct weir_config *c, const char *path, int64_t wall_s,
                              struct weir_tls_pem *ret, struct weir_strbuf *why)
{
    struct weir_tls_pem_names names = { .common = NULL };
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    char fingerprint[WEIR_TLS_FINGERPRINT_TEXT];
    const char *reason = NULL;
    size_t certificate_len = 0;
    char copy[WEIR_NODE_CERTIFICATE_PATH_MAX];
    text.secret = true;
    find_names(c, &names);
    enum weir_err err = weir_tls_pem_make(&names, wall_s, &text, &certificate_len);
    struct weir_span pem = weir_span(text.at, text.len);
    if (err == WEIR_OK)
        err = weir_tls_pem_read(pem, pem, ret, &reason);
    if (err < 0)
        weir_strbuf_printf(why, "admin.listen: a certificate cannot be made: %s",
                           weir_err_name(err));
    if (err == WEIR_OK) {
        snprintf(copy, sizeof(copy), "%s/" WEIR_NODE_CERTIFICATE_COPY, c->data);
        err = write_file(copy, weir_span(text.at, certificate_len), 0644, why);
        if (err == WEIR_OK)
            err = write_file(path, pem, 0600, why);
        if (err < 0)
            weir_tls_identity_unref(ret->identity);
    }
    weir_strbuf_deinit(&text);
    if (err < 0)
        return err;
    weir_tls_fingerprint_text(ret->fingerprint, fingerprint);
    log_info("admin.certificate_made", "file=%s fingerprint=%s", path, fingerprint);
    return WEIR_OK;
}

/* @return WEIR_ENOTFOUND: there is none, or it ends soon */
static enum weir_err read_own(const char *path, int64_t wall_s, struct weir_tls_pem *ret,
                              struct weir_strbuf *why)
{
    struct text text = { .at = NULL };
    const char *reason = NULL;
    enum weir_err err = read_file("admin.listen", path, true, &text, why);
    if (err == WEIR_OK) {
        err = weir_tls_pem_read(span_of(&text), span_of(&text), ret, &reason);
        if (err < 0)
            weir_strbuf_printf(why, "admin.listen: %s %s; remove it, and the node makes a new one",
                               path, err == WEIR_ENOMEM ? "cannot be read now" : reason);
    }
    if (err == WEIR_OK && ret->not_after_s < wall_s + WEIR_NODE_CERTIFICATE_LEAST_S) {
        weir_tls_identity_unref(ret->identity);
        err = WEIR_ENOTFOUND;
    }
    free_text(&text);
    return err;
}

static enum weir_err find_own(const struct weir_config *c, char *path, struct weir_strbuf *why)
{
    int len =
        snprintf(path, WEIR_NODE_CERTIFICATE_PATH_MAX, "%s/" WEIR_NODE_CERTIFICATE_FILE, c->data);
    if (len >= 0 && len < WEIR_NODE_CERTIFICATE_PATH_MAX)
        return WEIR_OK;
    weir_strbuf_puts(why, "data: its path is too long");
    return WEIR_EINVAL;
}

enum weir_err weir_node_certificate_check(const struct weir_config *c, int64_t wall_s,
                                          struct weir_tls_pem *ret, struct weir_strbuf *why)
{
    char path[WEIR_NODE_CERTIFICATE_PATH_MAX];
    if (c->admin_certificate != NULL)
        return load_given(c, ret, why);
    enum weir_err err = find_own(c, path, why);
    return err < 0 ? err : read_own(path, wall_s, ret, why);
}

enum weir_err weir_node_certificate_load(const struct weir_config *c, int64_t wall_s,
                                         struct weir_tls_pem *ret, struct weir_strbuf *why)
{
    char path[WEIR_NODE_CERTIFICATE_PATH_MAX];
    enum weir_err err = weir_node_certificate_check(c, wall_s, ret, why);
    if (err != WEIR_ENOTFOUND)
        return err;
    err = find_own(c, path, why);
    return err < 0 ? err : make_own(c, path, wall_s, ret, why);
}
