/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_origin.h - a server over TLS in processes of its own: one for each connection. What it
 * allocates does not count under the failing allocator. Responds "ok" to every empty line. Header
 * only; include it in one file of a program.
 */
#ifndef WEIR_TESTS_SUPPORT_TLS_ORIGIN_H
#define WEIR_TESTS_SUPPORT_TLS_ORIGIN_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tests/support/cert_values.h"

#define TLS_ORIGIN_NAME "origin.example"
#define TLS_ORIGIN_OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct tls_origin {
    pid_t pid;
    struct cert authority, leaf;
    char pem[4096]; /* of the authority */
    bool asks;      /* it takes only clients that show a certificate, whichever */
};

static inline void tls_origin_pem(const struct cert *c, char *out, size_t len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    assert_int_equal(PEM_write_bio_X509(bio, c->x), 1);
    int n = BIO_read(bio, out, (int)len - 1);
    assert_in_range(n, 1, len - 1);
    out[n] = '\0';
    BIO_free(bio);
}

/* The process of one connection. */
static inline void tls_origin_serve(SSL_CTX *ctx, int fd)
{
    static const char end[] = "\r\n\r\n";
    char bytes[4096];
    int n, seen = 0;
    SSL *ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
        _exit(1);
    while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
        for (int i = 0; i < n; i++) {
            seen = bytes[i] == end[seen] ? seen + 1 : bytes[i] == '\r';
            if (seen == 4)
                (void)SSL_write(ssl, TLS_ORIGIN_OK, sizeof(TLS_ORIGIN_OK) - 1);
            seen %= 4;
        }
    _exit(0);
}

static inline enum ssl_verify_result_t tls_origin_accept_any(SSL *ssl, uint8_t *alert)
{
    return ssl_verify_ok;
}

static inline void tls_origin_run(const struct tls_origin *o, int listener)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (ctx == NULL || SSL_CTX_use_certificate(ctx, o->leaf.x) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, o->leaf.key) != 1)
        _exit(1);
    if (o->asks)
        SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                  tls_origin_accept_any);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0)
            tls_origin_serve(ctx, fd);
        if (fd >= 0)
            (void)close(fd);
    }
}

/** Begin to serve; before any thread is started. @param listener  borrowed */
static inline void tls_origin_start(struct tls_origin *o, int listener)
{
    uint64_t now = (uint64_t)time(NULL);
    const struct cert_spec authority = { .subject = "authority",
                                         .is_ca = true,
                                         .fresh = true,
                                         .not_before = now - CERT_DAY,
                                         .not_after = now + CERT_DAY };
    cert_make(&o->authority, &authority);
    const struct cert_spec leaf = { .subject = TLS_ORIGIN_NAME,
                                    .names = "DNS:" TLS_ORIGIN_NAME,
                                    .fresh = true,
                                    .from = &o->authority,
                                    .not_before = now - CERT_DAY,
                                    .not_after = now + CERT_DAY };
    cert_make(&o->leaf, &leaf);
    tls_origin_pem(&o->authority, o->pem, sizeof(o->pem));
    o->pid = fork();
    assert_true(o->pid >= 0);
    if (o->pid == 0)
        tls_origin_run(o, listener);
}

static inline void tls_origin_stop(struct tls_origin *o)
{
    assert_int_equal(kill(o->pid, SIGKILL), 0);
    assert_int_equal(waitpid(o->pid, NULL, 0), o->pid);
    cert_free(&o->leaf);
    cert_free(&o->authority);
}

#endif
