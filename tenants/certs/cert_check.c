/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_check.c - whether clients will take a certificate: its names, dates, key and signature. All
 * that is wrong is noted at once. Ref: RFC 5280, RFC 6125, RFC 9155 (SHA-1 and MD5 end), CA/Browser
 * Forum baseline requirements (key sizes).
 */
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include "node/base/clock.h"
#include "node/wire/uri.h"
#include "tenants/certs/cert_reader.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define DAY_S        86400
#define DATE_LEN     10 /* of "2026-12-01T..." */

/* -- texts -- */

static bool text_of(const X509_NAME *name, int nid, char ret[WEIR_CERT_TEXT_MAX])
{
    unsigned char *utf8 = NULL;
    int at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)name, nid, -1);

    if (at < 0)
        return false;
    X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (len < 0) {
        ERR_clear_error();
        return false;
    }
    size_t used = 0;
    for (; used < (size_t)len && used < WEIR_CERT_TEXT_MAX - 1; used++)
        ret[used] = (char)(utf8[used] >= 0x20 && utf8[used] < 0x7f ? utf8[used] : '?');
    ret[used] = '\0';
    OPENSSL_free(utf8);
    return used > 0;
}

void weir_cert_name_text(const X509_NAME *name, char ret[WEIR_CERT_TEXT_MAX])
{
    if (!text_of(name, NID_commonName, ret) && !text_of(name, NID_organizationName, ret) &&
        !text_of(name, NID_organizationalUnitName, ret))
        memcpy(ret, "unnamed", sizeof("unnamed"));
}

/* -- dates -- */

/* Unix seconds, 0 for what lies before 1970 and for what is no time. */
static uint64_t seconds_of(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int seconds = 0;
    bool good = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;

    ASN1_TIME_free(epoch);
    ERR_clear_error();
    int64_t all = (int64_t)days * DAY_S + seconds;
    return good && all > 0 ? (uint64_t)all : 0;
}

static void date_of(uint64_t s, char ret[WEIR_RFC3339_LEN + 1])
{
    weir_clock_rfc3339(s * 1000, ret);
    ret[DATE_LEN] = '\0';
}

static void check_dates(X509 *x, const char *what, const struct weir_cert_rules *rules,
                        struct weir_cert_notes *notes)
{
    char text[WEIR_RFC3339_LEN + 1];
    uint64_t from = seconds_of(X509_get0_notBefore(x));
    uint64_t until = seconds_of(X509_get0_notAfter(x));

    if (until <= rules->now_s) {
        date_of(until, text);
        weir_cert_note(notes, WEIR_CERT_DOUBT, "%s expired on %s, %llu day(s) ago", what, text,
                       (unsigned long long)((rules->now_s - until) / DAY_S));
    } else if (from > rules->now_s) {
        date_of(from, text);
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "%s is not valid before %s; until then it serves only names that have no "
                       "other",
                       what, text);
    }
}

/* -- signatures -- */

static void check_signature(X509 *x, const char *what, enum weir_cert_gravity sha1,
                            struct weir_cert_notes *notes)
{
    int digest = NID_undef;
    int key = NID_undef;
    int nid = X509_get_signature_nid(x);

    if (OBJ_find_sigid_algs(nid, &digest, &key) != 1)
        return; /* RSA-PSS and Ed25519 name their digests elsewhere, and those are strong */
    if (digest == NID_md5 || digest == NID_md4 || digest == NID_md2)
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "%s is signed with MD5, which can be forged: get a new one", what);
    else if (digest == NID_sha1)
        weir_cert_note(notes, sha1, "%s is signed with SHA-1, which clients refuse: get a new one",
                       what);
}

/* -- keys -- */

static bool curve_kind(const EVP_PKEY *key, enum weir_tls_key_kind *ret)
{
    switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_X9_62_prime256v1:
        *ret = WEIR_TLS_KEY_P256;
        return true;
    case NID_secp384r1:
        *ret = WEIR_TLS_KEY_P384;
        return true;
    case NID_secp521r1:
        *ret = WEIR_TLS_KEY_P521;
        return true;
    default:
        return false;
    }
}

static void check_rsa(unsigned bits, struct weir_cert_notes *notes)
{
    if (bits < RSA_BITS_MIN)
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "its RSA key has %u bits, and clients refuse less than %d", bits,
                       RSA_BITS_MIN);
    else if (bits > RSA_BITS_MAX)
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "its RSA key has %u bits, and at most %d can be served", bits, RSA_BITS_MAX);
}

static void check_key(X509 *x, struct weir_cert_notes *notes, struct weir_cert_bundle *ret)
{
    EVP_PKEY *key = X509_get_pubkey(x);

    if (key == NULL) {
        ERR_clear_error();
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "its public key is of a kind or a curve that cannot be served: ECDSA with "
                       "P-256, P-384 or P-521, RSA, and Ed25519 can");
        return;
    }
    ret->key_bits = (unsigned)EVP_PKEY_bits(key);
    if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
        ret->kind = WEIR_TLS_KEY_RSA;
        check_rsa(ret->key_bits, notes);
    } else if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) {
        ret->kind = WEIR_TLS_KEY_ED25519;
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "its key is Ed25519, which no browser takes: add one with ECDSA or RSA for "
                       "the same names");
    } else if (EVP_PKEY_id(key) != EVP_PKEY_EC || !curve_kind(key, &ret->kind)) {
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "its key is of a kind or a curve that cannot be served: ECDSA with P-256, "
                       "P-384 or P-521, RSA, and Ed25519 can");
    }
    EVP_PKEY_free(key);
}

/* -- names -- */

/** Names while they are gathered. */
struct names {
    struct weir_arena *arena;
    struct weir_cert_notes *notes;
    const char **items;
    size_t num;
    size_t num_bad;
    enum weir_err err;
};

static void add_name(struct names *n, struct weir_span text)
{
    uint8_t host[2 + WEIR_HOST_MAX] = "*.";
    size_t wild = weir_span_starts(text, WEIR_SPAN_LIT("*.")) ? 2 : 0;
    size_t len = 0;

    if (weir_host_normalise(weir_span_from(text, wild), host + wild, &len) < 0) {
        if (n->num_bad++ == 0)
            weir_cert_note(n->notes, WEIR_CERT_WARNING,
                           "its name \"%.*s\" is no host name and serves nobody",
                           (int)(text.len < 100 ? text.len : 100), (const char *)text.at);
        return;
    }
    if (n->num == WEIR_CERT_NAMES_MAX) {
        if (n->num_bad++ == 0)
            weir_cert_note(n->notes, WEIR_CERT_WARNING,
                           "it has more than %d names: those behind serve nobody",
                           WEIR_CERT_NAMES_MAX);
        return;
    }
    struct weir_span name = weir_span(host, wild + len);
    for (size_t i = 0; i < n->num; i++)
        if (weir_span_eq(weir_span_cstr(n->items[i]), name))
            return;
    n->items[n->num] = weir_arena_strdup(n->arena, name);
    if (n->items[n->num] == NULL)
        n->err = WEIR_ENOMEM;
    else
        n->num++;
}

/* @return whether the certificate has alternative names of any kind */
static bool add_alternative_names(struct names *n, X509 *x)
{
    int critical = 0;
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);

    ERR_clear_error();
    for (size_t i = 0; all != NULL && n->err == WEIR_OK && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS)
            add_name(n, weir_span(ASN1_STRING_get0_data(name->d.dNSName),
                                  (size_t)ASN1_STRING_length(name->d.dNSName)));
    }
    bool any = all != NULL && sk_GENERAL_NAME_num(all) > 0;
    GENERAL_NAMES_free(all);
    return any;
}

static enum weir_err check_names(struct weir_cert_reader *r, X509 *x, struct weir_cert_notes *notes,
                                 struct weir_cert_bundle *ret)
{
    char text[WEIR_CERT_TEXT_MAX];
    struct names n = { .arena = &r->arena, .notes = notes };

    n.items = weir_arena_calloc(&r->arena, WEIR_CERT_NAMES_MAX, sizeof(*n.items));
    if (n.items == NULL)
        return WEIR_ENOMEM;
    bool any = add_alternative_names(&n, x);
    if (!any && text_of(X509_get_subject_name(x), NID_commonName, text)) {
        add_name(&n, weir_span_cstr(text));
        if (n.num > 0)
            weir_cert_note(notes, WEIR_CERT_WARNING,
                           "it has no subject alternative names, only the common name \"%s\", "
                           "which clients have ignored since 2017",
                           text);
    }
    if (n.num == 0 && any)
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "it names no host: clients get it where a host is linked to it, or when "
                       "they name no host");
    else if (n.num == 0 && n.err == WEIR_OK)
        weir_cert_note(notes, WEIR_CERT_DOUBT, "it names no host, so that no client takes it");
    ret->names = n.items;
    ret->num_names = n.num;
    return n.err;
}

/* -- all -- */

enum weir_err weir_cert_check_leaf(struct weir_cert_reader *r, X509 *leaf,
                                   const struct weir_cert_rules *rules,
                                   struct weir_cert_notes *notes, struct weir_cert_bundle *ret)
{
    weir_cert_name_text(X509_get_subject_name(leaf), ret->subject);
    weir_cert_name_text(X509_get_issuer_name(leaf), ret->issuer);
    ret->not_before = seconds_of(X509_get0_notBefore(leaf));
    ret->not_after = seconds_of(X509_get0_notAfter(leaf));
    check_dates(leaf, "the certificate", rules, notes);
    check_signature(leaf, "the certificate", WEIR_CERT_FAULT, notes);
    check_key(leaf, notes, ret);
    uint32_t flags = X509_get_extension_flags(leaf);
    if ((flags & EXFLAG_INVALID) != 0)
        weir_cert_note(notes, WEIR_CERT_FAULT, "its extensions cannot be read: it is damaged");
    else if ((flags & EXFLAG_XKUSAGE) != 0 &&
             (X509_get_extended_key_usage(leaf) & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0)
        weir_cert_note(notes, WEIR_CERT_DOUBT,
                       "it is not for servers (extended key usage): clients refuse it");
    if (X509_check_ca(leaf) == 1 && (flags & EXFLAG_BCONS) != 0 && (flags & EXFLAG_SI) == 0)
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "it may sign other certificates: an intermediate, and not a server's own?");
    ERR_clear_error();
    return check_names(r, leaf, notes, ret);
}

void weir_cert_check_above(X509 *x, const struct weir_cert_rules *rules,
                           struct weir_cert_notes *notes)
{
    char subject[WEIR_CERT_TEXT_MAX];
    char what[WEIR_CERT_TEXT_MAX + 32];

    weir_cert_name_text(X509_get_subject_name(x), subject);
    (void)snprintf(what, sizeof(what), "the intermediate \"%s\"", subject);
    check_dates(x, what, rules, notes);
    check_signature(x, what, WEIR_CERT_WARNING, notes);
    if (X509_check_ca(x) == 0)
        weir_cert_note(notes, WEIR_CERT_WARNING, "%s may not sign certificates", what);
    ERR_clear_error();
}
