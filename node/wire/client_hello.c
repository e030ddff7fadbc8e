/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello.c - see client_hello.h. A cursor over the bytes takes vectors by their lengths; one
 * that goes beyond its end makes it fail for good.
 */
#include "node/wire/client_hello.h"

#include <string.h>

#include "node/wire/tls_identity.h"
#include "node/wire/uri.h"

struct cursor {
    struct weir_span rest;
    bool failed;
};

static struct weir_span take_bytes(struct cursor *c, size_t len)
{
    if (c->failed || len > c->rest.len) {
        c->failed = true;
        return WEIR_SPAN_EMPTY;
    }
    struct weir_span s = weir_span(c->rest.at, len);
    c->rest = weir_span_from(c->rest, len);
    return s;
}

static uint16_t take_u8(struct cursor *c)
{
    struct weir_span s = take_bytes(c, 1);
    return s.len == 1 ? s.at[0] : 0;
}

static uint16_t take_u16(struct cursor *c)
{
    struct weir_span s = take_bytes(c, 2);
    return s.len == 2 ? (uint16_t)(s.at[0] << 8 | s.at[1]) : 0;
}

/* A list of 16-bit numbers with its length in front, alone in an extension. */
static struct cursor number_list(struct weir_span body)
{
    struct cursor c = { .rest = body };
    struct cursor list = { .rest = take_bytes(&c, take_u16(&c)) };
    list.failed = c.failed || c.rest.len > 0 || list.rest.len % 2 != 0;
    return list;
}

/* -- what the numbers mean -- */

static uint8_t version_bit(uint16_t version)
{
    switch (version) {
    case 0x0301:
        return WEIR_TLS_1_0;
    case 0x0302:
        return WEIR_TLS_1_1;
    case 0x0303:
        return WEIR_TLS_1_2;
    case 0x0304:
        return WEIR_TLS_1_3;
    default:
        return 0;
    }
}

/* Kinds of keys that a signature scheme stands for: RFC 8446 4.2.3. */
static uint8_t scheme_keys_13(uint16_t scheme)
{
    switch (scheme) {
    case 0x0403:
        return WEIR_TLS_KEY_P256;
    case 0x0503:
        return WEIR_TLS_KEY_P384;
    case 0x0603:
        return WEIR_TLS_KEY_P521;
    case 0x0804:
    case 0x0805:
    case 0x0806:
        return WEIR_TLS_KEY_RSA;
    case 0x0807:
        return WEIR_TLS_KEY_ED25519;
    default:
        return 0;
    }
}

/* Up to TLS 1.2 a scheme is a hash and a kind of signature, whatever the curve. */
static uint8_t scheme_keys_12(uint16_t scheme)
{
    uint16_t hash = scheme >> 8;
    if (scheme >= 0x0804 && scheme <= 0x0806)
        return WEIR_TLS_KEY_RSA;
    if (scheme == 0x0807)
        return WEIR_TLS_KEY_ED25519;
    if (hash < 2 || hash > 6)
        return 0;
    return (scheme & 0xff) == 3 ? WEIR_TLS_KEYS_ECDSA : (scheme & 0xff) == 1 ? WEIR_TLS_KEY_RSA : 0;
}

/* What weir can speak up to TLS 1.2; the first six are WEIR_TLS_SUITES_STRONG. */
static const struct suite {
    uint16_t number;
    bool is_ecdsa;
    uint8_t lowest; /* enum weir_tls_version */
} suites[] = {
    { 0xc02b, true, WEIR_TLS_1_2 },  /* ECDHE_ECDSA AES_128_GCM_SHA256 */
    { 0xc02c, true, WEIR_TLS_1_2 },  /* ECDHE_ECDSA AES_256_GCM_SHA384 */
    { 0xcca9, true, WEIR_TLS_1_2 },  /* ECDHE_ECDSA CHACHA20_POLY1305_SHA256 */
    { 0xc02f, false, WEIR_TLS_1_2 }, /* ECDHE_RSA AES_128_GCM_SHA256 */
    { 0xc030, false, WEIR_TLS_1_2 }, /* ECDHE_RSA AES_256_GCM_SHA384 */
    { 0xcca8, false, WEIR_TLS_1_2 }, /* ECDHE_RSA CHACHA20_POLY1305_SHA256 */
    { 0xc009, true, WEIR_TLS_1_0 },  /* ECDHE_ECDSA AES_128_CBC_SHA */
    { 0xc00a, true, WEIR_TLS_1_0 },  /* ECDHE_ECDSA AES_256_CBC_SHA */
    { 0xc013, false, WEIR_TLS_1_0 }, /* ECDHE_RSA AES_128_CBC_SHA */
    { 0xc014, false, WEIR_TLS_1_0 }, /* ECDHE_RSA AES_256_CBC_SHA */
    { 0x009c, false, WEIR_TLS_1_2 }, /* RSA AES_128_GCM_SHA256 */
    { 0x009d, false, WEIR_TLS_1_2 }, /* RSA AES_256_GCM_SHA384 */
    { 0x002f, false, WEIR_TLS_1_0 }, /* RSA AES_128_CBC_SHA */
    { 0x0035, false, WEIR_TLS_1_0 }, /* RSA AES_256_CBC_SHA */
    { 0x000a, false, WEIR_TLS_1_0 }, /* RSA 3DES_EDE_CBC_SHA */
};
_Static_assert((1u << WEIR_ARRAY_LEN(suites)) - 1 == WEIR_TLS_SUITES_ALL, "a bit for each");

uint16_t weir_tls_suite_bit(uint16_t number)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(suites); i++)
        if (suites[i].number == number)
            return (uint16_t)(1u << i);
    return 0;
}

uint8_t weir_tls_suites_keys(uint16_t set, enum weir_tls_version version)
{
    uint8_t keys = 0;
    WEIR_ASSERT(version < WEIR_TLS_1_3);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(suites); i++)
        if ((set & (1u << i)) && version >= suites[i].lowest)
            keys |=
                suites[i].is_ecdsa ? WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_ED25519 : WEIR_TLS_KEY_RSA;
    return keys;
}

/* Suites up to TLS 1.2 whose certificates have ECDSA keys. */
static bool suite_is_ecdsa(uint16_t suite)
{
    switch (suite) {
    case 0xc009: /* AES_128_CBC_SHA */
    case 0xc00a: /* AES_256_CBC_SHA */
    case 0xc023: /* AES_128_CBC_SHA256 */
    case 0xc024: /* AES_256_CBC_SHA384 */
    case 0xc02b: /* AES_128_GCM_SHA256 */
    case 0xc02c: /* AES_256_GCM_SHA384 */
    case 0xcca9: /* CHACHA20_POLY1305_SHA256 */
        return true;
    default:
        return false;
    }
}

static uint8_t curve_key(uint16_t group)
{
    switch (group) {
    case 23:
        return WEIR_TLS_KEY_P256;
    case 24:
        return WEIR_TLS_KEY_P384;
    case 25:
        return WEIR_TLS_KEY_P521;
    default:
        return 0;
    }
}

/* -- extensions -- */

#define EXT_SERVER_NAME          0
#define EXT_SUPPORTED_GROUPS     10
#define EXT_SIGNATURE_ALGORITHMS 13
#define EXT_ALPN                 16
#define EXT_SUPPORTED_VERSIONS   43

/* What is put together from several extensions. */
struct offer {
    struct weir_client_hello *hello;
    bool has_schemes, has_groups, has_versions, has_name, has_ecdsa_suite;
    uint8_t schemes_12, schemes_13, curves;
};

/* RFC 6066 3: one name of each type, and host_name is the only type there is. */
static bool read_server_name(struct offer *o, struct weir_span body)
{
    struct cursor c = { .rest = body };
    struct cursor list = { .rest = take_bytes(&c, take_u16(&c)) };
    uint16_t type = take_u8(&list);
    struct weir_span name = take_bytes(&list, take_u16(&list));
    struct weir_authority a;
    if (o->has_name || c.failed || list.failed || c.rest.len > 0 || list.rest.len > 0 || type != 0)
        return false;
    o->has_name = true;
    o->hello->sni = WEIR_SNI_INVALID;
    if (name.len == 0 || weir_authority_parse(name, &a) < 0 || !weir_authority_is_host(&a) ||
        a.is_ip || a.host_len > WEIR_HOST_MAX)
        return true;
    o->hello->sni = WEIR_SNI_NAME;
    o->hello->name_len = a.host_len;
    memcpy(o->hello->name, a.host, a.host_len);
    return true;
}

static bool read_versions(struct offer *o, struct weir_span body)
{
    struct cursor c = { .rest = body };
    struct cursor list = { .rest = take_bytes(&c, take_u8(&c)) };
    if (o->has_versions || c.failed || c.rest.len > 0 || list.rest.len % 2 != 0)
        return false;
    o->has_versions = true;
    o->hello->versions = 0;
    while (list.rest.len > 0)
        o->hello->versions |= version_bit(take_u16(&list));
    return true;
}

static bool read_schemes(struct offer *o, struct weir_span body)
{
    struct cursor list = number_list(body);
    if (o->has_schemes || list.failed)
        return false;
    o->has_schemes = true;
    while (list.rest.len > 0) {
        uint16_t scheme = take_u16(&list);
        o->schemes_12 |= scheme_keys_12(scheme);
        o->schemes_13 |= scheme_keys_13(scheme);
    }
    return true;
}

static bool read_groups(struct offer *o, struct weir_span body)
{
    struct cursor list = number_list(body);
    if (o->has_groups || list.failed)
        return false;
    o->has_groups = true;
    while (list.rest.len > 0)
        o->curves |= curve_key(take_u16(&list));
    return true;
}

static bool read_alpn(struct offer *o, struct weir_span body)
{
    struct cursor c = { .rest = body };
    struct cursor list = { .rest = take_bytes(&c, take_u16(&c)) };
    if (o->hello->has_alpn || c.failed || c.rest.len > 0)
        return false;
    o->hello->has_alpn = true;
    while (list.rest.len > 0 && !list.failed) {
        struct weir_span name = take_bytes(&list, take_u8(&list));
        if (weir_span_eq(name, WEIR_SPAN_LIT("h2")))
            o->hello->alpn |= WEIR_ALPN_H2;
        else if (weir_span_eq(name, WEIR_SPAN_LIT("http/1.1")))
            o->hello->alpn |= WEIR_ALPN_HTTP11;
    }
    return !list.failed;
}

static bool read_extension(struct offer *o, uint16_t type, struct weir_span body)
{
    switch (type) {
    case EXT_SERVER_NAME:
        return read_server_name(o, body);
    case EXT_SUPPORTED_GROUPS:
        return read_groups(o, body);
    case EXT_SIGNATURE_ALGORITHMS:
        return read_schemes(o, body);
    case EXT_ALPN:
        return read_alpn(o, body);
    case EXT_SUPPORTED_VERSIONS:
        return read_versions(o, body);
    default:
        return true;
    }
}

static bool read_extensions(struct offer *o, struct weir_span body)
{
    struct cursor c = { .rest = body };
    while (c.rest.len > 0 && !c.failed) {
        uint16_t type = take_u16(&c);
        struct weir_span ext = take_bytes(&c, take_u16(&c));
        if (c.failed || !read_extension(o, type, ext))
            return false;
    }
    return !c.failed;
}

/* -- the whole -- */

/* Without supported_versions the client takes all versions up to the one it names. */
static uint8_t versions_up_to(uint16_t legacy)
{
    uint8_t bits = 0;
    for (uint16_t v = 0x0301; v <= legacy && v <= 0x0303; v++)
        bits |= version_bit(v);
    return bits;
}

static void read_suites(struct offer *o, struct weir_span list)
{
    struct cursor c = { .rest = list };
    while (c.rest.len > 0) {
        uint16_t number = take_u16(&c);
        o->has_ecdsa_suite = suite_is_ecdsa(number) || o->has_ecdsa_suite;
        o->hello->suites |= weir_tls_suite_bit(number);
    }
}

/* Which kinds of keys it takes: RFC 5246 7.4.1.4.1 for a client without signature_algorithms, RFC
 * 8422 4 for one without supported_groups. */
static void conclude_keys(struct offer *o)
{
    uint8_t curves = o->has_groups ? o->curves : WEIR_TLS_KEY_P256;
    uint8_t schemes = o->has_schemes ? o->schemes_12 : WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_RSA;
    o->hello->keys_12 = schemes & WEIR_TLS_KEY_RSA;
    if (o->has_ecdsa_suite)
        o->hello->keys_12 |=
            (schemes & WEIR_TLS_KEYS_ECDSA & curves) | (schemes & WEIR_TLS_KEY_ED25519);
    o->hello->keys_13 = o->schemes_13;
}

bool weir_client_hello_read(struct weir_span body, struct weir_client_hello *ret)
{
    struct weir_client_hello hello = { .sni = WEIR_SNI_NONE };
    struct offer o = { .hello = &hello };
    struct cursor c = { .rest = body };
    uint16_t legacy = take_u16(&c);
    (void)take_bytes(&c, 32);          /* random */
    (void)take_bytes(&c, take_u8(&c)); /* session id */
    struct weir_span offered = take_bytes(&c, take_u16(&c));
    (void)take_bytes(&c, take_u8(&c)); /* compression methods */
    if (c.failed || offered.len % 2 != 0)
        return false;
    read_suites(&o, offered);
    hello.versions = versions_up_to(legacy);
    if (c.rest.len > 0) {
        struct weir_span extensions = take_bytes(&c, take_u16(&c));
        if (c.failed || c.rest.len > 0 || !read_extensions(&o, extensions))
            return false;
    }
    conclude_keys(&o);
    *ret = hello;
    return true;
}
