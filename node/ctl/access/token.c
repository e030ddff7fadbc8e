/* SPDX-License-Identifier: Apache-2.0
 *
 * token.c - see token.h.
 */
#include "node/ctl/access/token.h"

#include <stdio.h>
#include <string.h>

#include "node/base/hex.h"
#include "node/base/rng.h"
#include "node/wire/tls_hash.h"

#define PREFIX        "weir_"
#define PREFIX_LEN    (sizeof(PREFIX) - 1)
#define ARENA_BLOCK   8192 /* bytes: more than a record */
#define TENANT_PREFIX "tenant:"
#define RANDOM_LEN    ((WEIR_TOKEN_ID_LEN + WEIR_TOKEN_SECRET_LEN) / 2)

/* -- scopes -- */

static bool is_tenant_name(struct weir_span s)
{
    if (s.len == 0 || s.len > WEIR_TENANT_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

enum weir_err weir_grant_parse(struct weir_span text, struct weir_grant *ret)
{
    struct weir_span prefix = WEIR_SPAN_LIT(TENANT_PREFIX);
    if (weir_span_eq(text, WEIR_SPAN_LIT("admin"))) {
        *ret = (struct weir_grant){ .scope = WEIR_GRANT_ADMIN };
        return WEIR_OK;
    }
    if (weir_span_eq(text, WEIR_SPAN_LIT("read"))) {
        *ret = (struct weir_grant){ .scope = WEIR_GRANT_READ };
        return WEIR_OK;
    }
    if (!weir_span_starts(text, prefix) || !is_tenant_name(weir_span_from(text, prefix.len)))
        return WEIR_EINVAL;
    *ret = (struct weir_grant){ .scope = WEIR_GRANT_TENANT };
    memcpy(ret->tenant, text.at + prefix.len, text.len - prefix.len);
    return WEIR_OK;
}

void weir_grant_text(const struct weir_grant *g, char out[WEIR_TOKEN_SCOPE_MAX])
{
    WEIR_ASSERT(g->scope != WEIR_GRANT_NONE);
    if (g->scope == WEIR_GRANT_TENANT)
        snprintf(out, WEIR_TOKEN_SCOPE_MAX, TENANT_PREFIX "%s", g->tenant);
    else
        snprintf(out, WEIR_TOKEN_SCOPE_MAX, "%s", g->scope == WEIR_GRANT_ADMIN ? "admin" : "read");
}

/* -- texts -- */

static bool is_hex(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'f')))
            return false;
    return true;
}

bool weir_token_id_is_valid(struct weir_span id)
{
    return id.len == WEIR_TOKEN_ID_LEN && is_hex(id);
}

enum weir_err weir_token_make(char out[WEIR_TOKEN_TEXT_LEN + 1])
{
    uint8_t drawn[RANDOM_LEN + 2]; /* whole words of 32 bits */
    char digits[2 * sizeof(drawn)];
    _Static_assert(sizeof(drawn) % sizeof(uint32_t) == 0, "weir_hex32 takes whole words");
    enum weir_err err = weir_rng_secret(drawn, sizeof(drawn));
    if (err < 0)
        return err;
    for (size_t i = 0; i < sizeof(drawn); i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, drawn + i, sizeof(word));
        weir_hex32(word, digits + 2 * i);
    }
    snprintf(out, WEIR_TOKEN_TEXT_LEN + 1, PREFIX "%.*s_%.*s", WEIR_TOKEN_ID_LEN, digits,
             WEIR_TOKEN_SECRET_LEN, digits + WEIR_TOKEN_ID_LEN);
    weir_wipe(drawn, sizeof(drawn));
    weir_wipe(digits, sizeof(digits));
    return WEIR_OK;
}

bool weir_token_id_of(struct weir_span text, struct weir_span *ret_id)
{
    if (text.len != WEIR_TOKEN_TEXT_LEN || memcmp(text.at, PREFIX, PREFIX_LEN) != 0 ||
        text.at[PREFIX_LEN + WEIR_TOKEN_ID_LEN] != '_')
        return false;
    struct weir_span id = weir_span(text.at + PREFIX_LEN, WEIR_TOKEN_ID_LEN);
    if (!is_hex(id) || !is_hex(weir_span_from(text, PREFIX_LEN + WEIR_TOKEN_ID_LEN + 1)))
        return false;
    *ret_id = id;
    return true;
}

void weir_token_key(struct weir_span id, char *out)
{
    WEIR_ASSERT(weir_token_id_is_valid(id));
    memcpy(out, WEIR_TOKEN_KEY_PREFIX, sizeof(WEIR_TOKEN_KEY_PREFIX) - 1);
    memcpy(out + sizeof(WEIR_TOKEN_KEY_PREFIX) - 1, id.at, id.len);
}

/* -- records -- */

/** The memory that the library may use. */
struct source {
    struct weir_arena *arena;
    size_t left;
    bool failed; /* there is no memory */
};

static void *source_alloc(void *arg, size_t len)
{
    struct source *s = arg;
    if (len > s->left)
        return NULL;
    s->left -= len;
    void *at = weir_arena_alloc(s->arena, len);
    s->failed = s->failed || at == NULL;
    return at;
}

static void source_free(void *arg, void *at)
{
    (void)arg; /* all of it goes with the arena */
    (void)at;
}

void weir_token_arena_init(struct weir_arena *a)
{
    weir_arena_init(a, ARENA_BLOCK, 8 * (size_t)ARENA_BLOCK);
}

enum weir_err weir_token_read(struct weir_span value, struct weir_arena *arena,
                              Weir__V1__AccessToken **ret)
{
    struct source source = { .arena = arena, .left = 4 * (size_t)ARENA_BLOCK };
    ProtobufCAllocator allocator = { source_alloc, source_free, &source };
    if (value.len == 0 || value.len > WEIR_TOKEN_RECORD_MAX)
        return WEIR_ECORRUPT;
    Weir__V1__AccessToken *t = weir__v1__access_token__unpack(&allocator, value.len, value.at);
    if (t == NULL)
        return source.failed ? WEIR_ENOMEM : WEIR_ECORRUPT;
    *ret = t;
    return WEIR_OK;
}

/* -- judging -- */

enum weir_token_outcome weir_token_check(struct weir_span text, const Weir__V1__AccessToken *stored,
                                         uint64_t wall_ms, struct weir_grant *ret)
{
    uint8_t hash[WEIR_SHA256_LEN];
    uint8_t want[WEIR_SHA256_LEN] = { 0 };
    struct weir_span id;
    struct weir_grant grant;
    if (!weir_token_id_of(text, &id))
        return WEIR_TOKEN_MALFORMED;
    weir_sha256(text, hash);
    bool readable = stored != NULL && stored->has_hash && stored->hash.len == sizeof(want) &&
                    stored->scope != NULL &&
                    weir_grant_parse(weir_span_cstr(stored->scope), &grant) == WEIR_OK;
    if (readable)
        memcpy(want, stored->hash.data, sizeof(want));
    bool same = weir_secret_eq(hash, want, sizeof(want));
    if (stored == NULL)
        return WEIR_TOKEN_UNKNOWN;
    if (!readable)
        return WEIR_TOKEN_DAMAGED;
    if (!same)
        return WEIR_TOKEN_UNKNOWN;
    if (stored->expires_ms != 0 && wall_ms >= stored->expires_ms)
        return WEIR_TOKEN_EXPIRED;
    *ret = grant;
    return WEIR_TOKEN_GOOD;
}
