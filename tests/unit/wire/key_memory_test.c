/* SPDX-License-Identifier: Apache-2.0
 *
 * key_memory_test.c - a private key that is ready for handshakes is nowhere in memory that a core
 * dump would have.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/base/buffers/secret_pages.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_identity.h"
#include "node/wire/tls_identity_private.h"
#include "tests/support/cert_values.h"

#define MASK        0x5a
#define NEEDLE      16          /* bytes of a number that are searched for */
#define REGION_MAX  (64u << 20) /* larger ones are shadow memory of sanitizers */
#define NEEDLES_MAX 3

/** Parts of the key's secret numbers, in the order of memory of this host, and masked. */
struct needles {
    uint8_t at[NEEDLES_MAX][NEEDLE];
    size_t num;
};

static void needle_add(struct needles *n, const BIGNUM *secret)
{
    uint8_t *bytes = weir_secret_pages_new(4096);

    assert_non_null(bytes);
    assert_int_equal(BN_bn2le_padded(bytes, 2048, secret), 1);
    for (size_t i = 0; i < NEEDLE; i++)
        n->at[n->num][i] = bytes[i] ^ MASK;
    n->num++;
    weir_secret_pages_free((void **)&bytes, 4096);
}

static bool has_needle(const uint8_t *mem, size_t len, const uint8_t needle[NEEDLE])
{
    for (size_t i = 0; i + NEEDLE <= len; i++) {
        size_t k = 0;
        while (k < NEEDLE && (mem[i + k] ^ MASK) == needle[k])
            k++;
        if (k == NEEDLE)
            return true;
    }
    return false;
}

/* Look through all memory of the process; secret pages count apart. */
static void memory_search(const struct needles *n, size_t *ret_dumped, size_t *ret_kept)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    uint8_t *copy = weir_secret_pages_new(REGION_MAX);
    char line[512];
    unsigned long from = 0, to = 0;
    char rights[8] = "";

    assert_non_null(maps);
    assert_true(fd >= 0);
    assert_non_null(copy);
    *ret_dumped = *ret_kept = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strncmp(line, "VmFlags:", 8) != 0) {
            unsigned long a = 0, b = 0;
            char r[8] = "";
            if (sscanf(line, "%lx-%lx %4s", &a, &b, r) == 3) {
                from = a;
                to = b;
                memcpy(rights, r, sizeof(rights));
            }
            continue;
        }
        if (rights[0] != 'r' || to - from > REGION_MAX ||
            ((uintptr_t)copy >= from && (uintptr_t)copy < to))
            continue;
        ssize_t len = pread(fd, copy, to - from, (off_t)from);
        for (size_t i = 0; len > 0 && i < n->num; i++)
            if (has_needle(copy, (size_t)len, n->at[i]))
                *(strstr(line, " dd") != NULL ? ret_kept : ret_dumped) += 1;
    }
    weir_secret_pages_free((void **)&copy, REGION_MAX);
    close(fd);
    fclose(maps);
}

static struct weir_tls_identity *identity_make(int nid, struct needles *n)
{
    struct weir_tls_identity *id = NULL;
    struct cert c;
    size_t len = 0;
    uint8_t *pkcs8 = weir_secret_pages_new(4096);

    cert_make(&c, &(struct cert_spec){ .subject = "x", .nid = nid, .fresh = true });
    assert_true(c.pkcs8.len <= 4096);
    len = c.pkcs8.len;
    memcpy(pkcs8, c.pkcs8.at, len);
    if (nid == NID_rsaEncryption) {
        needle_add(n, RSA_get0_p(EVP_PKEY_get0_RSA(c.key)));
        needle_add(n, RSA_get0_q(EVP_PKEY_get0_RSA(c.key)));
        needle_add(n, RSA_get0_d(EVP_PKEY_get0_RSA(c.key)));
    } else {
        needle_add(n, EC_KEY_get0_private_key(EVP_PKEY_get0_EC_KEY(c.key)));
    }
    struct weir_span chain = c.der;
    assert_int_equal(weir_tls_identity_new(&chain, 1, weir_span(pkcs8, len), &id), WEIR_OK);
    weir_wipe((void *)(uintptr_t)c.pkcs8.at, c.pkcs8.len);
    cert_free(&c);
    weir_secret_pages_free((void **)&pkcs8, 4096);
    return id;
}

static void sign(struct weir_tls_identity *id)
{
    uint8_t out[1024];
    size_t len = sizeof(out);
    EVP_MD_CTX md;

    EVP_MD_CTX_init(&md);
    assert_int_equal(EVP_DigestSignInit(&md, NULL, EVP_sha256(), NULL, id->key), 1);
    assert_int_equal(EVP_DigestSign(&md, out, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_cleanup(&md);
}

static void keys_are_in_no_core_dump(void **state)
{
    static const int nids[] = { NID_X9_62_prime256v1, NID_rsaEncryption };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(nids); i++) {
        struct needles n = { .num = 0 };
        size_t dumped = 0, kept = 0;
        struct weir_tls_identity *id = identity_make(nids[i], &n);

        memory_search(&n, &dumped, &kept);
        assert_int_equal(dumped, 0);
        assert_true(kept >= n.num); /* so the search finds what is there */
        for (int k = 0; k < 3; k++)
            sign(id);
        memory_search(&n, &dumped, &kept);
        assert_int_equal(dumped, 0);
        weir_tls_identity_unref(id);
        memory_search(&n, &dumped, &kept);
        assert_int_equal(dumped + kept, 0); /* wiped */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(keys_are_in_no_core_dump) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
