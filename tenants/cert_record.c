/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_record.c - see cert_record.h. Runs on the writer thread for the index, also on records of
 * peers: a name that is not valid is left out, the rest is indexed.
 */
#include "tenants/cert_record.h"

#include <string.h>

#include "node/wire/tls_hash.h"
#include "node/wire/uri.h"
#include "tenants/unpack.h"

#define ID_BYTES   (WEIR_CERT_ID_LEN / 2)
#define TIME_BITS  60
#define TIME_MAX   ((1ull << TIME_BITS) - 1)
#define ORDER_BITS 3
#define UNLINKED   (1ull << (TIME_BITS + ORDER_BITS))

/* The kinds in the order in which they are preferred, as they cost a handshake. */
static const enum weir_tls_key_kind order[] = { WEIR_TLS_KEY_P256, WEIR_TLS_KEY_ED25519,
                                                WEIR_TLS_KEY_P384, WEIR_TLS_KEY_P521,
                                                WEIR_TLS_KEY_RSA };
_Static_assert(WEIR_ARRAY_LEN(order) <= 1 << ORDER_BITS, "every kind has a number");
_Static_assert(ID_BYTES <= WEIR_SHA256_LEN, "an ID is the begin of a digest");

void weir_cert_id(struct weir_span leaf_der, char ret[WEIR_CERT_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[WEIR_SHA256_LEN];

    weir_sha256(leaf_der, digest);
    for (size_t i = 0; i < ID_BYTES; i++) {
        ret[2 * i] = digits[digest[i] >> 4];
        ret[2 * i + 1] = digits[digest[i] & 15];
    }
    ret[WEIR_CERT_ID_LEN] = '\0';
}

size_t weir_cert_key(struct weir_span tenant, struct weir_span id, uint8_t ret[WEIR_CERT_KEY_MAX])
{
    WEIR_ASSERT(tenant.len >= 1);
    WEIR_ASSERT(tenant.len <= WEIR_TENANT_NAME_MAX);
    WEIR_ASSERT(id.len == WEIR_CERT_ID_LEN);
    memcpy(ret, tenant.at, tenant.len);
    ret[tenant.len] = '/';
    memcpy(ret + tenant.len + 1, id.at, id.len);
    return tenant.len + 1 + id.len;
}

static bool is_id(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.at[i] >= '0' && s.at[i] <= '9') && !(s.at[i] >= 'a' && s.at[i] <= 'f'))
            return false;
    return s.len == WEIR_CERT_ID_LEN;
}

bool weir_cert_key_split(struct weir_span key, struct weir_span *ret_tenant,
                         struct weir_span *ret_id)
{
    if (key.len < 1 + 1 + WEIR_CERT_ID_LEN || key.len > WEIR_CERT_KEY_MAX)
        return false;
    size_t tenant_len = key.len - 1 - WEIR_CERT_ID_LEN;
    struct weir_span id = weir_span_from(key, tenant_len + 1);
    if (key.at[tenant_len] != '/' || memchr(key.at, '/', tenant_len) != NULL || !is_id(id))
        return false;
    *ret_tenant = weir_span(key.at, tenant_len);
    *ret_id = id;
    return true;
}

static bool is_kind(uint32_t kind)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++)
        if (order[i] == kind)
            return true;
    return false;
}

enum weir_err weir_certificate_unpack(struct weir_span value, struct weir_arena *arena,
                                      Weir__V1__Certificate **ret)
{
    struct weir_unpack_source source;

    if (value.len == 0 || value.len > WEIR_RECORD_MAX)
        return WEIR_ECORRUPT;
    ProtobufCAllocator allocator = weir_unpack_allocator(&source, arena);
    Weir__V1__Certificate *m = weir__v1__certificate__unpack(&allocator, value.len, value.at);
    if (m == NULL)
        return weir_unpack_fault(&source);
    if (m->n_chain < 1 || m->n_chain > WEIR_TLS_CHAIN_MAX || !m->has_sealed_key ||
        !is_kind(m->key_kind) || m->n_names > WEIR_CERT_NAMES_MAX ||
        m->n_links > WEIR_CERT_NAMES_MAX)
        return WEIR_ECORRUPT;
    *ret = m;
    return WEIR_OK;
}

/* -- the index -- */

size_t weir_cert_index_key(struct weir_span tenant, struct weir_span name,
                           uint8_t ret[WEIR_CERT_INDEX_KEY_MAX])
{
    if (tenant.len == 0 || tenant.len > WEIR_TENANT_NAME_MAX || name.len > WEIR_HOST_MAX + 2)
        return 0;
    memcpy(ret, tenant.at, tenant.len);
    ret[tenant.len] = '\0'; /* no tenant's name has one */
    if (name.len > 0)
        memcpy(ret + tenant.len + 1, name.at, name.len);
    return tenant.len + 1 + name.len;
}

uint64_t weir_cert_rank_pack(const struct weir_cert_rank *rank)
{
    uint64_t at = 0;
    uint64_t time = rank->not_before < TIME_MAX ? rank->not_before : TIME_MAX;

    while (at < WEIR_ARRAY_LEN(order) - 1 && order[at] != rank->kind)
        at++;
    WEIR_ASSERT(order[at] == rank->kind);
    return (rank->linked ? 0 : UNLINKED) | at << TIME_BITS | (TIME_MAX - time);
}

bool weir_cert_rank_unpack(uint64_t since_hlc, struct weir_cert_rank *ret)
{
    uint64_t at = since_hlc >> TIME_BITS & ((1 << ORDER_BITS) - 1);

    if (at >= WEIR_ARRAY_LEN(order))
        return false;
    *ret = (struct weir_cert_rank){ .linked = (since_hlc & UNLINKED) == 0,
                                    .kind = order[at],
                                    .not_before = TIME_MAX - (since_hlc & TIME_MAX) };
    return true;
}

/* One name of the record, if it is one. */
static enum weir_err row_add(struct weir_index_rows *rows, struct weir_span tenant,
                             struct weir_span text, const struct weir_cert_rank *rank)
{
    uint8_t key[WEIR_CERT_INDEX_KEY_MAX];
    uint8_t name[2 + WEIR_HOST_MAX] = "*.";
    size_t wild = weir_span_starts(text, WEIR_SPAN_LIT("*.")) ? 2 : 0;
    size_t len = 0;

    if (text.len > 0 && weir_host_normalise(weir_span_from(text, wild), name + wild, &len) < 0)
        return WEIR_OK; /* no client can name it */
    size_t key_len =
        weir_cert_index_key(tenant, weir_span(name, text.len > 0 ? wild + len : 0), key);
    if (key_len == 0)
        return WEIR_OK;
    return weir_index_rows_add(rows, WEIR_INDEX_CERT, weir_span(key, key_len),
                               weir_cert_rank_pack(rank));
}

static enum weir_err rows_add(struct weir_index_rows *rows, struct weir_span tenant,
                              const Weir__V1__Certificate *m)
{
    struct weir_cert_rank rank = { .kind = (enum weir_tls_key_kind)m->key_kind,
                                   .not_before = m->not_before };
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; err == WEIR_OK && i < m->n_names; i++)
        err = row_add(rows, tenant, weir_span_cstr(m->names[i]), &rank);
    rank.linked = true;
    for (size_t i = 0; err == WEIR_OK && i < m->n_links; i++)
        err = row_add(rows, tenant, weir_span_cstr(m->links[i]), &rank);
    rank.linked = m->fallback;
    return err < 0 ? err : row_add(rows, tenant, WEIR_SPAN_EMPTY, &rank);
}

enum weir_err weir_cert_index(struct weir_span key, struct weir_span value,
                              struct weir_index_rows *rows)
{
    Weir__V1__Certificate *m = NULL;
    struct weir_span tenant;
    struct weir_span id;
    struct weir_arena arena;

    if (!weir_cert_key_split(key, &tenant, &id))
        return WEIR_ECORRUPT;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    enum weir_err err = weir_certificate_unpack(value, &arena, &m);
    if (err == WEIR_OK)
        err = rows_add(rows, tenant, m);
    weir_arena_deinit(&arena);
    return err == WEIR_ELIMIT ? WEIR_ECORRUPT : err;
}
