/* SPDX-License-Identifier: Apache-2.0
 *
 * test_authority.h - a self-signed certificate of nobody, valid until 2126, in PEM. Header only.
 */
#ifndef WEIR_TESTS_SUPPORT_TEST_AUTHORITY_H
#define WEIR_TESTS_SUPPORT_TEST_AUTHORITY_H

#define TEST_AUTHORITY_PEM                                                                         \
    "-----BEGIN CERTIFICATE-----\n"                                                                \
    "MIIBezCCASGgAwIBAgIUW50Pgyup54cXc6CjWsEoz6XioUYwCgYIKoZIzj0EAwIw\n"                           \
    "EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjEyMDEwMzQ2MzVaGA8yMTI2MTEwNzAz\n"                           \
    "NDYzNVowEjEQMA4GA1UEAwwHdGVzdC1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"                           \
    "A0IABBwgHMWEzDHv4UpTvJqpba+JX3dklxTb5lKXz9XxvZt+ivmpQ8tmv4SrZW+b\n"                           \
    "AvAr5/BlNP72gery2sD7moO9OISjUzBRMB0GA1UdDgQWBBSKLH1DuygnEFR6vuv6\n"                           \
    "4fQLLp0rTjAfBgNVHSMEGDAWgBSKLH1DuygnEFR6vuv64fQLLp0rTjAPBgNVHRMB\n"                           \
    "Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIDNqRdUthjDBmOPvAoAdaI7D45uQ\n"                           \
    "7TNCZfHscTPzNMUhAiEA6e0o2CceHyaLExJGELztZj5gDaF3CYxSPlhR20m5+/E=\n"                           \
    "-----END CERTIFICATE-----\n"

#endif
