/* SPDX-License-Identifier: Apache-2.0
 *
 * p256_speed.c - prints how many ECDSA P-256 signatures a second the linked libcrypto makes on this
 * core. Used by deploy/boringssl to show that the assembly is in the build; counts CPU time, like
 * `openssl speed`. Limits: one argument, the CPU seconds to measure, 0.1..60.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/nid.h>

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double limit = argc == 2 ? strtod(argv[1], NULL) : 0;
    uint8_t digest[32];
    uint8_t signature[128];
    unsigned signature_len = 0;
    unsigned long signatures = 0;
    double start = 0;
    double spent = 0;

    if (!(limit >= 0.1 && limit <= 60)) {
        fprintf(stderr, "usage: p256_speed SECONDS (0.1..60)\n");
        return 2;
    }
    memset(digest, 0x5a, sizeof(digest));
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key == NULL || !EC_KEY_generate_key(key)) {
        fprintf(stderr, "p256_speed: cannot make a P-256 key\n");
        return 1;
    }
    start = cpu_seconds();
    while (spent < limit) {
        for (int i = 0; i < 64; i++) {
            if (!ECDSA_sign(0, digest, sizeof(digest), signature, &signature_len, key)) {
                fprintf(stderr, "p256_speed: signing failed\n");
                return 1;
            }
        }
        signatures += 64;
        spent = cpu_seconds() - start;
    }
    if (!ECDSA_verify(0, digest, sizeof(digest), signature, signature_len, key)) {
        fprintf(stderr, "p256_speed: the signature does not verify\n");
        return 1;
    }
    printf("%.0f\n", (double)signatures / spent);
    EC_KEY_free(key);
    return 0;
}
