/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_chain.c - from a leaf to the certificate that the root signed: each link is proven by its
 * signature, not by names alone. The root itself is left out, since clients have it or do not trust
 * it. Ref: RFC 8446 section 4.4.2.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tenants/certs/cert_reader.h"

static bool is_signed_by(X509 *x, X509 *by)
{
    EVP_PKEY *key = X509_get_pubkey(by);
    bool good = key != NULL && X509_verify(x, key) == 1;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

static bool is_own_issuer(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

/* Who signed a certificate. @param ret_named  one that has the issuer's name and did not sign it */
static X509 *find_issuer(struct weir_cert_reader *r, X509 *of, size_t *ret_at, X509 **ret_named)
{
    for (size_t i = 0; i < r->num_certs; i++) {
        X509 *x = r->certs[i].x;

        if (r->certs[i].used ||
            X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(of)) != 0)
            continue;
        if (is_signed_by(of, x)) {
            *ret_at = i;
            return x;
        }
        *ret_named = x;
    }
    return NULL;
}

static bool has_other_cas(const struct weir_cert_reader *r, X509 *leaf)
{
    for (size_t i = 0; i < r->num_certs; i++)
        if (!r->certs[i].used && X509_check_ca(r->certs[i].x) != 0 && r->certs[i].x != leaf)
            return true;
    return false;
}

/* The chain ends at `top`, whose issuer is in no file. */
static void note_end(struct weir_cert_reader *r, X509 *top, X509 *named, size_t num,
                     struct weir_cert_notes *notes)
{
    char subject[WEIR_CERT_TEXT_MAX];
    char issuer[WEIR_CERT_TEXT_MAX];

    weir_cert_name_text(X509_get_subject_name(top), subject);
    weir_cert_name_text(X509_get_issuer_name(top), issuer);
    if (named != NULL)
        weir_cert_note(notes, WEIR_CERT_DOUBT,
                       "the chain does not link: \"%s\" names \"%s\" as its issuer, and the one "
                       "in the files did not sign it",
                       subject, issuer);
    else if (num == 1 && has_other_cas(r, top))
        weir_cert_note(notes, WEIR_CERT_DOUBT,
                       "the chain does not link: \"%s\" was issued by \"%s\", and the files have "
                       "certificates of other issuers alone",
                       subject, issuer);
    else if (num == 1)
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "no intermediate certificate is in the files: \"%s\" was issued by \"%s\", "
                       "and a client that does not know that one refuses the certificate; add it "
                       "with --chain unless it is a root",
                       subject, issuer);
}

static void note_left(struct weir_cert_reader *r, struct weir_cert_notes *notes)
{
    char subject[WEIR_CERT_TEXT_MAX];
    size_t num = 0;

    for (size_t i = 0; i < r->num_certs; i++)
        if (!r->certs[i].used && !is_own_issuer(r->certs[i].x) && num++ == 0)
            weir_cert_name_text(X509_get_subject_name(r->certs[i].x), subject);
    if (num > 0)
        weir_cert_note(notes, WEIR_CERT_WARNING,
                       "%zu certificate(s) of the files are no part of the chain and are left "
                       "out, such as \"%s\"",
                       num, subject);
}

size_t weir_cert_chain_build(struct weir_cert_reader *r, size_t leaf, struct weir_cert_notes *notes,
                             size_t ret[WEIR_TLS_CHAIN_MAX])
{
    size_t num = 1;
    size_t next = 0;

    for (size_t i = 0; i < r->num_certs; i++)
        r->certs[i].used = i == leaf;
    ret[0] = leaf;
    for (;;) {
        X509 *top = r->certs[ret[num - 1]].x;
        X509 *named = NULL;

        if (is_own_issuer(top))
            break;
        X509 *issuer = find_issuer(r, top, &next, &named);
        if (issuer == NULL) {
            note_end(r, top, named, num, notes);
            break;
        }
        r->certs[next].used = true;
        if (is_own_issuer(issuer))
            break; /* the root is not sent */
        if (num == WEIR_TLS_CHAIN_MAX) {
            weir_cert_note(notes, WEIR_CERT_FAULT, "the chain has more than %d certificates",
                           WEIR_TLS_CHAIN_MAX);
            break;
        }
        ret[num++] = next;
    }
    note_left(r, notes);
    return num;
}
