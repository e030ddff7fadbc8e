/* SPDX-License-Identifier: Apache-2.0
 *
 * client_tls.c - see client_tls.h.
 */
#include "node/cli/link/client_tls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/wire/bytes.h"
#include "node/wire/tls_client.h"
#include "node/wire/tls_server.h"
#include "node/wire/tls_trust.h"

#define PIN_PREFIX "sha256:"
#define PEM_BEGIN  "-----BEGIN CERTIFICATE-----"
#define SYSTEM_FILE                                                                                \
    "/etc/ssl/certs/ca-certificates.crt" /* Debian's; SSL_CERT_FILE names another                  \
                                          */

/* -- whom to trust -- */

/* What the owner asks of the node's chain. */
static bool verify(void *owner, const struct weir_span *chain, size_t num)
{
    struct weir_client_tls *t = owner;
    uint8_t hash[WEIR_SHA256_LEN];
    struct weir_tls_peer_name name = { .host = WEIR_SPAN_EMPTY };
    const struct weir_node_url *u = t->url;
    WEIR_ASSERT(num > 0);
    weir_sha256(chain[0], hash);
    weir_tls_fingerprint_text(hash, t->presented);
    if (t->trust == NULL) {
        t->refused =
            weir_secret_eq(hash, t->pinned, sizeof(hash)) ? NULL : "it has another fingerprint";
        return t->refused == NULL;
    }
    if (u->is_ip && weir_addr_is_v4(&u->ip))
        name.ip = weir_span(u->ip.ip + 12, 4);
    else if (u->is_ip)
        name.ip = weir_span(u->ip.ip, 16);
    else
        name.host = weir_span_cstr(u->host);
    t->refused = weir_tls_trust_verify(t->trust, chain, num, &name);
    return t->refused == NULL;
}

/* Digits in either case, with or without colons between bytes, as other tools print them. */
static bool parse_pin(const char *text, uint8_t out[WEIR_SHA256_LEN])
{
    for (size_t i = 0; i < WEIR_SHA256_LEN; i++) {
        if (i > 0 && *text == ':')
            text++;
        int high = weir_hex_digit((uint8_t)text[0]);
        int low = high < 0 ? -1 : weir_hex_digit((uint8_t)text[1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

static enum weir_err read_open(int fd, struct weir_strbuf *out, const char **ret_why)
{
    char chunk[16384];
    ssize_t n = 0;
    out->max = WEIR_CLIENT_TLS_CA_MAX;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        weir_strbuf_add(out, weir_span(chunk, (size_t)n));
    *ret_why = n < 0 ? "cannot be read" : "is too large to be read";
    return n < 0 ? WEIR_ENOTFOUND : out->failed ? WEIR_EINVAL : WEIR_OK;
}

/* The system's, or as many as a system has: what cannot be read is then passed over. */
static bool is_bundle(const struct weir_strbuf *pem, const char *ca)
{
    size_t num = 0;
    const char *at = pem->len > 0 ? pem->at : NULL;
    while (at != NULL && num <= WEIR_TLS_TRUST_MAX && (at = strstr(at, PEM_BEGIN)) != NULL) {
        at += sizeof(PEM_BEGIN) - 1;
        num++;
    }
    return ca == NULL || num > WEIR_TLS_TRUST_MAX;
}

static enum weir_err load_trust(struct weir_client_tls *t, const char *ca, const char **ret_why)
{
    struct weir_strbuf pem = WEIR_STRBUF_ZERO;
    const char *system = getenv("SSL_CERT_FILE");
    const char *file = ca != NULL ? ca : system != NULL && system[0] != '\0' ? system : SYSTEM_FILE;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *ret_why = "cannot be read";
    if (fd < 0)
        return WEIR_ENOTFOUND;
    enum weir_err err = read_open(fd, &pem, ret_why);
    if (err == WEIR_OK && !is_bundle(&pem, ca)) {
        err = weir_tls_trust_new(weir_span(pem.at, pem.len), &t->trust, ret_why);
    } else if (err == WEIR_OK) {
        *ret_why = "holds no certificate";
        err = weir_tls_trust_new_bundle(weir_span(pem.at, pem.len), &t->trust);
    }
    weir_strbuf_deinit(&pem);
    close(fd);
    return err;
}

static enum weir_err load(struct weir_client_tls *t, const char *ca, const char **ret_why)
{
    if (ca == NULL || strncmp(ca, PIN_PREFIX, sizeof(PIN_PREFIX) - 1) != 0)
        return load_trust(t, ca, ret_why);
    *ret_why = "is no fingerprint: sha256: and 64 hex digits";
    return parse_pin(ca + sizeof(PIN_PREFIX) - 1, t->pinned) ? WEIR_OK : WEIR_EINVAL;
}

/* -- life -- */

enum weir_err weir_client_tls_new(const char *ca, const struct weir_node_url *url,
                                  struct weir_client_tls **ret, const char **ret_why)
{
    const struct weir_tls_client_config cfg = { .verify = verify };
    struct weir_client_tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    t->url = url;
    enum weir_err err = load(t, ca, ret_why);
    if (err == WEIR_OK)
        err = weir_tls_client_new(&cfg, &t->client);
    if (err < 0)
        weir_client_tls_free(&t);
    else
        *ret = t;
    return err;
}

void weir_client_tls_free(struct weir_client_tls **t)
{
    if (*t == NULL)
        return;
    weir_tls_end(&(*t)->tls);
    weir_tls_client_free(&(*t)->client);
    weir_tls_trust_unref((*t)->trust);
    free(*t);
    *t = NULL;
}

/* -- bytes -- */

static struct weir_tls_io io_begin(struct weir_client_tls *t)
{
    if (t->out_at == t->out_len) {
        t->out_at = 0;
        t->out_len = 0;
    }
    return (struct weir_tls_io){ .in = weir_span(t->in + t->in_at, t->in_len - t->in_at),
                                 .out = t->out,
                                 .out_len = t->out_len,
                                 .out_max = sizeof(t->out) };
}

static void io_end(struct weir_client_tls *t, const struct weir_tls_io *io)
{
    t->in_at = t->in_len - io->in.len;
    t->out_len = io->out_len;
}

void weir_client_tls_sent(struct weir_client_tls *t, size_t len)
{
    WEIR_ASSERT(len <= t->out_len - t->out_at);
    t->out_at += len;
}

uint8_t *weir_client_tls_input(struct weir_client_tls *t, size_t *ret_room)
{
    if (t->in_at > 0) {
        memmove(t->in, t->in + t->in_at, t->in_len - t->in_at);
        t->in_len -= t->in_at;
        t->in_at = 0;
    }
    *ret_room = sizeof(t->in) - t->in_len;
    return t->in + t->in_len;
}

void weir_client_tls_received(struct weir_client_tls *t, size_t len)
{
    WEIR_ASSERT(len <= sizeof(t->in) - t->in_len);
    t->in_len += len;
}

enum weir_err weir_client_tls_begin(struct weir_client_tls *t)
{
    struct weir_tls_dial dial = { .sni = t->url->is_ip ? NULL : t->url->host,
                                  .versions = WEIR_TLS_1_2 | WEIR_TLS_1_3,
                                  .ciphers = WEIR_TLS_SUITES,
                                  .alpn = WEIR_ALPN_HTTP11 };
    weir_tls_end(&t->tls);
    t->in_at = 0;
    t->in_len = 0;
    t->out_at = 0;
    t->out_len = 0;
    t->refused = NULL;
    return weir_tls_connect(&t->tls, t->client, &dial, t);
}

enum weir_tls_step weir_client_tls_handshake(struct weir_client_tls *t)
{
    struct weir_tls_io io = io_begin(t);
    enum weir_tls_step step = weir_tls_handshake(&t->tls, &io);
    io_end(t, &io);
    WEIR_ASSERT(step != WEIR_TLS_SIGNS); /* it presents nothing */
    return step == WEIR_TLS_WANTS_ROOM ? WEIR_TLS_FAILED : step;
}

bool weir_client_tls_write(struct weir_client_tls *t, struct weir_span clear, size_t *ret_used)
{
    struct weir_tls_io io = io_begin(t);
    WEIR_ASSERT(io.out_len == 0);
    enum weir_tls_step step = weir_tls_write(&t->tls, &io, clear, ret_used);
    io_end(t, &io);
    return step != WEIR_TLS_FAILED;
}

enum weir_tls_step weir_client_tls_read(struct weir_client_tls *t, uint8_t *at, size_t len,
                                        size_t *ret_len)
{
    struct weir_tls_io io = io_begin(t);
    enum weir_tls_step step = weir_tls_read(&t->tls, &io, at, len, ret_len);
    io_end(t, &io);
    return step;
}
