/* SPDX-License-Identifier: Apache-2.0
 *
 * make_certs.c - very many certificates for the benchmark, over Debian's OpenSSL: 50,000 in
 * seconds. make_certs FOLDER NUM Writes FOLDER/t0.pem, t1.pem ...: leaf, intermediate and key, all
 * P-256, each with a key of its own, for the host of that tenant; t0's is also localhost's.
 * FOLDER/../root.pem is what clients may trust.
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "make_certs: %s failed\n", what);
        exit(1);
    }
}

struct issuer {
    X509 *cert; /* NULL: the certificate signs itself */
    EVP_PKEY *key;
};

static void add(X509 *cert, int id, const char *value)
{
    X509_EXTENSION *one = X509V3_EXT_nconf_nid(NULL, NULL, id, value);
    check(one != NULL && X509_add_ext(cert, one, -1), "extension");
    X509_EXTENSION_free(one);
}

static X509 *make(const struct issuer *issuer, EVP_PKEY *key, long serial, const char *name,
                  const char *alternatives)
{
    X509 *cert = X509_new();
    check(cert != NULL, "certificate");
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400L);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 90);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer->cert ? X509_get_subject_name(issuer->cert) : subject);
    check(X509_set_pubkey(cert, key), "public key");
    if (alternatives != NULL) {
        add(cert, NID_basic_constraints, "critical,CA:FALSE");
        add(cert, NID_key_usage, "critical,digitalSignature");
        add(cert, NID_ext_key_usage, "serverAuth");
        add(cert, NID_subject_alt_name, alternatives);
    } else {
        add(cert, NID_basic_constraints, "critical,CA:TRUE");
        add(cert, NID_key_usage, "critical,keyCertSign");
    }
    check(X509_sign(cert, issuer->key, EVP_sha256()) > 0, "signature");
    return cert;
}

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    check(file != NULL, path);
    return file;
}

static void write_leaf(const char *folder, const struct issuer *issuer, long i)
{
    char host[64];
    char names[128];
    char file_name[64];
    snprintf(host, sizeof(host), "t%ld.bench.example", i);
    snprintf(names, sizeof(names), "DNS:%s%s", host, i == 0 ? ",DNS:localhost" : "");
    snprintf(file_name, sizeof(file_name), "t%ld.pem", i);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    check(key != NULL, "key");
    X509 *cert = make(issuer, key, i + 3, host, names);
    FILE *file = create(folder, file_name);
    check(PEM_write_X509(file, cert) && PEM_write_X509(file, issuer->cert) &&
              PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL),
          file_name);
    check(fclose(file) == 0, file_name);
    X509_free(cert);
    EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_certs FOLDER NUM\n");
        return 2;
    }
    struct issuer root = { NULL, EVP_EC_gen("P-256") };
    root.cert = make(&root, root.key, 1, "bench root", NULL);
    struct issuer between = { NULL, EVP_EC_gen("P-256") };
    between.cert = make(&root, between.key, 2, "bench intermediate", NULL);
    FILE *file = create(argv[1], "../root.pem");
    check(PEM_write_X509(file, root.cert) && fclose(file) == 0, "root.pem");
    long num = strtol(argv[2], NULL, 10);
    for (long i = 0; i < num; i++)
        write_leaf(argv[1], &between, i);
    X509_free(root.cert);
    X509_free(between.cert);
    EVP_PKEY_free(root.key);
    EVP_PKEY_free(between.key);
    return 0;
}
