/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_formats.c - what the bytes of a file are, by looking at them: PEM blocks among any text, DER
 * structures, or Base64 of one without armour. Structures are told apart by the first elements in
 * them. What is secret is decoded into secret pages; BoringSSL wipes what it frees.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/pkcs8.h>
#include <openssl/rsa.h>

#include "node/wire/tls_hash.h"
#include "tenants/certs/cert_reader.h"

#define ITERATIONS_MAX                                                                             \
    5000000               /* of a password's hash: some seconds; tools use 2048 to 1,000,000       \
                           */
#define DEPTH_MAX    16   /* of elements in which counts are looked for */
#define TAG_INTEGER  0x02 /* first bytes of elements */
#define TAG_OCTETS   0x04
#define TAG_OBJECT   0x06
#define TAG_SEQUENCE 0x30
#define LABEL_MAX    64  /* bytes of a PEM label */
#define HEADER_MAX   512 /* bytes of the header of an encrypted PEM key */

static WEIR_PRINTF(2, 3) void refuse(struct weir_reading *g, const char *fmt, ...)
{
    char text[WEIR_CERT_NOTE_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    weir_cert_note(g->notes, WEIR_CERT_FAULT, "%s: %s", g->file->name, text);
}

/* -- what was found -- */

/* Takes x. The same certificate twice is one. */
static void add_cert(struct weir_reading *g, X509 *x)
{
    struct weir_cert_reader *r = g->r;

    g->num_found++;
    for (size_t i = 0; i < r->num_certs; i++)
        if (X509_cmp(r->certs[i].x, x) == 0) {
            X509_free(x);
            return;
        }
    if (r->num_certs == WEIR_CERT_FOUND_MAX) {
        refuse(g, "more than %d certificates in all files: give the chain alone",
               WEIR_CERT_FOUND_MAX);
        X509_free(x);
        return;
    }
    r->certs[r->num_certs++] = (struct weir_found_cert){ .x = x, .from = g->file->name };
}

/* Takes key. */
static void add_key(struct weir_reading *g, EVP_PKEY *key)
{
    struct weir_cert_reader *r = g->r;

    g->num_found++;
    for (size_t i = 0; i < r->num_keys; i++)
        if (EVP_PKEY_cmp(r->keys[i].key, key) == 1) {
            EVP_PKEY_free(key);
            return;
        }
    if (r->num_keys == WEIR_CERT_KEYS_MAX) {
        refuse(g, "more than %d private keys in all files", WEIR_CERT_KEYS_MAX);
        EVP_PKEY_free(key);
        return;
    }
    r->keys[r->num_keys++] = (struct weir_found_key){ .key = key, .from = g->file->name };
}

static bool wrong_password(void)
{
    uint32_t why = ERR_peek_last_error();

    return ERR_GET_LIB(why) == ERR_LIB_PKCS8 && ERR_GET_REASON(why) == PKCS8_R_INCORRECT_PASSWORD;
}

static void refuse_key(struct weir_reading *g, bool encrypted)
{
    g->num_found++;
    g->r->num_refused++;
    if (!encrypted)
        refuse(g, "a private key that cannot be read: damaged, or of a kind that TLS does not use");
    else if (g->file->password == NULL)
        refuse(g, "is encrypted: give its password with --password-file");
    else
        refuse(g, "cannot be decrypted: the password is not right, or the file is damaged or "
                  "encrypted in a way that is not known here");
    ERR_clear_error();
}

/* -- counts of a password's hash -- */

/* A header of BER: its tag (0: of more than a byte, or cut) and where its content is. */
struct element {
    unsigned tag;
    struct weir_span content; /* of an indefinite length: all that follows */
    bool indefinite;
};

static bool element_next(struct weir_span *s, struct element *ret)
{
    if (s->len < 2 || (s->at[0] & 0x1f) == 0x1f)
        return false;
    size_t len = s->at[1];
    size_t head = 2;
    *ret = (struct element){ .tag = s->at[0] };
    if (len == 0x80) {
        ret->indefinite = true;
        ret->content = weir_span_from(*s, 2);
        *s = ret->content; /* its elements come next, as if they stood beside it */
        return true;
    }
    if (len > 0x80) {
        size_t num = len & 0x7f;
        if (num > 4 || s->len < 2 + num)
            return false;
        len = 0;
        for (size_t i = 0; i < num; i++)
            len = len << 8 | s->at[2 + i];
        head += num;
    }
    if (len > s->len - head)
        return false;
    ret->content = weir_span(s->at + head, len);
    *s = weir_span_from(*s, head + len);
    return true;
}

static uint64_t number_of(struct weir_span bytes)
{
    uint64_t v = 0;

    if (bytes.len > 8)
        return UINT64_MAX;
    for (size_t i = 0; i < bytes.len; i++)
        v = v << 8 | bytes.at[i];
    return v;
}

/* In all forms the count is a number right behind a salt. A hostile one would take hours. */
static bool counts_fit(struct weir_span der)
{
    struct weir_span stack[DEPTH_MAX];
    unsigned last_tag[DEPTH_MAX] = { 0 }; /* of each level */
    size_t depth = 1;

    stack[0] = der;
    while (depth > 0) {
        struct element e;

        if (!element_next(&stack[depth - 1], &e)) {
            depth--;
            continue;
        }
        if (e.tag == TAG_INTEGER && last_tag[depth - 1] == TAG_OCTETS &&
            number_of(e.content) > ITERATIONS_MAX)
            return false;
        last_tag[depth - 1] = e.tag;
        bool inside = (e.tag & 0x20) != 0 || e.tag == TAG_OCTETS;
        if (!e.indefinite && inside && depth < DEPTH_MAX && e.content.len > 0) {
            /* An octet string may hold DER; when it does not, its first element does not fit. */
            struct weir_span probe = e.content;
            struct element first;
            if (e.tag != TAG_OCTETS || element_next(&probe, &first)) {
                last_tag[depth] = 0;
                stack[depth++] = e.content;
            }
        }
    }
    return true;
}

/* -- DER -- */

static void read_certs(struct weir_reading *g, struct weir_span der)
{
    while (der.len > 0) {
        const uint8_t *at = der.at;
        X509 *x = d2i_X509(NULL, &at, (long)der.len);

        if (x == NULL) {
            ERR_clear_error();
            g->num_found++;
            refuse(g, "a certificate that cannot be read: it is damaged or cut");
            return;
        }
        size_t used = (size_t)(at - der.at);
        add_cert(g, x);
        der = weir_span_from(der, used);
    }
}

static void read_pkcs7(struct weir_reading *g, struct weir_span der)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    CBS cbs;

    CBS_init(&cbs, der.at, der.len);
    if (found == NULL) {
        g->err = WEIR_ENOMEM;
        return;
    }
    g->num_found++;
    if (PKCS7_get_certificates(found, &cbs) != 1)
        refuse(g, "a PKCS #7 file (P7B) that cannot be read: damaged, or it holds no certificates");
    ERR_clear_error();
    for (X509 *x; (x = sk_X509_shift(found)) != NULL;)
        add_cert(g, x);
    sk_X509_free(found);
}

static void read_pkcs12(struct weir_reading *g, struct weir_span der)
{
    STACK_OF(X509) *found = sk_X509_new_null();
    EVP_PKEY *key = NULL;
    CBS cbs;

    if (found == NULL) {
        g->err = WEIR_ENOMEM;
        return;
    }
    CBS_init(&cbs, der.at, der.len);
    const char *password = g->file->password != NULL ? g->file->password : "";
    int done = 0;
    if (!counts_fit(der))
        refuse(g, "the password of this file would have to be hashed more than %d times",
               ITERATIONS_MAX);
    else
        done = PKCS12_get_key_and_certs(&key, found, &cbs, password);
    g->num_found++;
    if (done != 1 && counts_fit(der)) {
        bool password_wrong = wrong_password();
        ERR_clear_error();
        if (password_wrong && g->file->password == NULL)
            refuse(g, "is a PKCS #12 file (P12, PFX) with a password: give it with "
                      "--password-file");
        else if (password_wrong)
            refuse(g, "is a PKCS #12 file (P12, PFX) whose password is another one");
        else
            refuse(g, "a PKCS #12 file (P12, PFX) that cannot be read: damaged, or made in a way "
                      "that is not known here");
        g->r->num_refused++;
    }
    if (key != NULL)
        add_key(g, key);
    for (X509 *x; (x = sk_X509_shift(found)) != NULL;)
        add_cert(g, x);
    sk_X509_free(found);
}

static void read_encrypted_key(struct weir_reading *g, struct weir_span der)
{
    EVP_PKEY *key = NULL;
    CBS cbs;

    CBS_init(&cbs, der.at, der.len);
    if (g->file->password != NULL && counts_fit(der))
        key = PKCS8_parse_encrypted_private_key(&cbs, g->file->password, strlen(g->file->password));
    if (key == NULL)
        refuse_key(g, true);
    else
        add_key(g, key);
}

static EVP_PKEY *parse_rsa(CBS *cbs)
{
    EVP_PKEY *key = EVP_PKEY_new();
    RSA *rsa = RSA_parse_private_key(cbs);

    if (key != NULL && rsa != NULL && EVP_PKEY_assign_RSA(key, rsa) == 1)
        return key;
    RSA_free(rsa);
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *parse_ec(CBS *cbs)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = EC_KEY_parse_private_key(cbs, NULL);

    if (key != NULL && ec != NULL && EVP_PKEY_assign_EC_KEY(key, ec) == 1)
        return key;
    EC_KEY_free(ec);
    EVP_PKEY_free(key);
    return NULL;
}

static void read_key(struct weir_reading *g, struct weir_span der, EVP_PKEY *parse(CBS *))
{
    CBS cbs;

    CBS_init(&cbs, der.at, der.len);
    EVP_PKEY *key = parse(&cbs);
    if (key == NULL)
        refuse_key(g, false);
    else
        add_key(g, key);
}

/* @return whether it is a structure that is known here */
static bool read_der(struct weir_reading *g, struct weir_span der)
{
    struct weir_span rest = der;
    struct element outer;
    struct element first;
    struct element second;

    if (!element_next(&rest, &outer) || outer.tag != TAG_SEQUENCE)
        return false;
    struct weir_span inside = outer.content;
    if (!element_next(&inside, &first))
        return false;
    if (first.tag == TAG_OBJECT) {
        read_pkcs7(g, der);
        return true;
    }
    if (first.tag == TAG_SEQUENCE) {
        struct weir_span deeper = first.content;
        if (element_next(&deeper, &second) && second.tag == TAG_OBJECT)
            read_encrypted_key(g, der);
        else
            read_certs(g, der);
        return true;
    }
    if (first.tag != TAG_INTEGER || !element_next(&inside, &second))
        return false;
    if (second.tag == TAG_OCTETS)
        read_key(g, der, parse_ec);
    else if (second.tag == TAG_INTEGER)
        read_key(g, der, parse_rsa);
    else if (second.tag == TAG_SEQUENCE && number_of(first.content) >= 3)
        read_pkcs12(g, der);
    else if (second.tag == TAG_SEQUENCE)
        read_key(g, der, EVP_parse_private_key);
    else
        return false;
    return true;
}

/* -- PEM -- */

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Base64 with white space anywhere, into the secret pages. @return false: it is none */
static bool decode(struct weir_cert_reader *r, struct weir_span text, struct weir_span *ret)
{
    uint32_t bits = 0;
    unsigned num = 0;
    size_t len = 0;
    bool padded = false;

    if (text.len > WEIR_CERT_FILE_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        int six = sextet(c);
        if (c == '=')
            padded = true;
        else if (six < 0 || padded)
            return false;
        else {
            bits = bits << 6 | (uint32_t)six;
            num += 6;
        }
        if (num >= 8) {
            num -= 8;
            r->secrets->decoded[len++] = (uint8_t)(bits >> num);
        }
    }
    *ret = weir_span(r->secrets->decoded, len);
    return len > 0 && num < 6;
}

/** One PEM block. */
struct block {
    struct weir_span label;
    struct weir_span header; /* lines before the first empty one; empty: there are none */
    struct weir_span text;   /* Base64 */
};

static struct weir_span find(struct weir_span in, struct weir_span what)
{
    const uint8_t *at = in.len > 0 ? memmem(in.at, in.len, what.at, what.len) : NULL;

    return at != NULL ? weir_span_from(in, (size_t)(at - in.at)) : WEIR_SPAN_EMPTY;
}

static void split_header(struct block *b)
{
    size_t at = 0;

    if (memchr(b->text.at, ':', b->text.len) == NULL)
        return;
    for (size_t i = 1; i < b->text.len && at == 0; i++)
        if (b->text.at[i] == '\n' &&
            (b->text.at[i - 1] == '\n' ||
             (i > 1 && b->text.at[i - 1] == '\r' && b->text.at[i - 2] == '\n')))
            at = i + 1;
    b->header = weir_span(b->text.at, at);
    b->text = weir_span_from(b->text, at);
}

/* The next block. @return false: there is none; g has a fault when one began */
static bool block_next(struct weir_reading *g, struct weir_span *in, struct block *ret)
{
    static const struct weir_span dashes = { (const uint8_t *)"-----", 5 };
    struct weir_span begin = find(*in, WEIR_SPAN_LIT("-----BEGIN "));

    *ret = (struct block){ .label = WEIR_SPAN_EMPTY };
    if (begin.len == 0)
        return false;
    struct weir_span label = weir_span_from(begin, 11);
    struct weir_span body = find(label, dashes);
    size_t label_len = (size_t)(body.at - label.at);
    struct weir_span end = WEIR_SPAN_EMPTY;
    if (body.len > 0 && label_len <= LABEL_MAX) {
        body = weir_span_from(body, dashes.len);
        end = find(body, WEIR_SPAN_LIT("-----END "));
    }
    if (end.len == 0) {
        g->num_found++;
        refuse(g, "a PEM block begins and does not end: the file is cut");
        return false;
    }
    ret->label = weir_span(label.at, label_len);
    ret->text = weir_span(body.at, (size_t)(end.at - body.at));
    *in = weir_span_from(end, 9);
    split_header(ret);
    return true;
}

static int give_password(char *buf, int size, int rwflag, void *arg)
{
    const char *password = arg;
    size_t len = strlen(password);

    if (size < 0 || len > (size_t)size)
        return -1;
    memcpy(buf, password, len);
    return (int)len;
}

/* A key in the old encrypted form, which its header describes; decrypted in place.
 * @return false: responded */
static bool decrypt_old(struct weir_reading *g, const struct block *b, struct weir_span *der)
{
    char header[HEADER_MAX];
    EVP_CIPHER_INFO cipher;
    long len = (long)der->len;
    size_t used = 0;

    for (size_t i = 0; i < b->header.len && used < sizeof(header) - 1; i++)
        if (b->header.at[i] != '\r' && !(b->header.at[i] == '\n' && used == 0))
            header[used++] = (char)b->header.at[i];
    header[used] = '\0';
    if (strstr(header, "ENCRYPTED") == NULL)
        return true;
    if (g->file->password != NULL && PEM_get_EVP_CIPHER_INFO(header, &cipher) == 1 &&
        PEM_do_header(&cipher, g->r->secrets->decoded, &len, give_password,
                      (void *)(uintptr_t)g->file->password) == 1) {
        der->len = (size_t)len;
        return true;
    }
    refuse_key(g, true);
    return false;
}

static bool label_is(const struct block *b, const char *tail)
{
    return weir_span_ends(b->label, weir_span_cstr(tail));
}

static void read_block(struct weir_reading *g, const struct block *b)
{
    struct weir_span der;
    bool key = label_is(b, "PRIVATE KEY");
    bool cert = label_is(b, "CERTIFICATE");

    if (label_is(b, "OPENSSH PRIVATE KEY")) {
        g->num_found++;
        refuse(g, "a key of OpenSSH: `ssh-keygen -p -m PEM -f FILE` converts it");
        return;
    }
    if (label_is(b, "CERTIFICATE REQUEST")) {
        g->num_found++;
        weir_cert_note(g->notes, WEIR_CERT_WARNING,
                       "%s: holds a certificate request, which is no certificate", g->file->name);
        return;
    }
    if (!key && !cert && !label_is(b, "PKCS7") && !label_is(b, "CMS") &&
        !label_is(b, "SIGNED DATA"))
        return; /* parameters, CRLs, public keys: of no use here */
    if (!decode(g->r, b->text, &der)) {
        g->num_found++;
        g->r->num_refused += key;
        refuse(g, "a PEM block (%.*s) is damaged: what is in it is no Base64", (int)b->label.len,
               (const char *)b->label.at);
        return;
    }
    if (key && b->header.len > 0 && !decrypt_old(g, b, &der))
        return;
    if (weir_span_eq(b->label, WEIR_SPAN_LIT("TRUSTED CERTIFICATE"))) {
        /* OpenSSL adds what it trusts it for behind it. */
        struct weir_span rest = der;
        struct element first;
        if (element_next(&rest, &first) && !first.indefinite)
            der.len -= rest.len;
    }
    if (!read_der(g, der)) {
        g->num_found++;
        refuse(g, "a PEM block (%.*s) is damaged: its content is not what its name says",
               (int)b->label.len, (const char *)b->label.at);
    }
}

void weir_cert_formats_read(struct weir_reading *g)
{
    struct weir_span in = g->file->bytes;
    struct weir_span der;
    struct block b;

    if (weir_span_starts(in, WEIR_SPAN_LIT("\xef\xbb\xbf")))
        in = weir_span_from(in, 3); /* a byte order mark, of some editors */
    if (in.len == 0) {
        refuse(g, "is empty");
    } else if (in.len > WEIR_CERT_FILE_MAX) {
        refuse(g, "has more than %u KiB: a chain and a key are a few", WEIR_CERT_FILE_MAX >> 10);
    } else if (in.at[0] != TAG_SEQUENCE || !read_der(g, in)) {
        while (block_next(g, &in, &b))
            read_block(g, &b);
        if (g->num_found == 0 && decode(g->r, in, &der))
            (void)read_der(g, der);
        if (g->num_found == 0)
            refuse(g, "holds no certificate and no private key: it is neither PEM nor DER, P7B or "
                      "P12");
    }
    size_t len = g->file->bytes.len; /* no part of it decodes to more than the whole is */
    weir_wipe(g->r->secrets->decoded, len < WEIR_CERT_FILE_MAX ? len : WEIR_CERT_FILE_MAX);
}
