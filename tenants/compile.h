/* SPDX-License-Identifier: Apache-2.0
 *
 * compile.h - private to tenants/: how a StoredTenant becomes one block of memory.
 * Owner: the thread that compiles; nothing here outlives weir_tenant_compile.
 * Each part first measures what it needs, then the block is made, then each part fills what it
 * asked for.
 */
#ifndef WEIR_TENANTS_COMPILE_H
#define WEIR_TENANTS_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "weir/v1/tenant.pb-c.h"

#define WEIR_COMPILE_WHY_MAX 256 /* bytes; as WEIR_TENANT_WHY_MAX */

struct weir_redirect_plan;
struct weir_tenant;
struct weir_upstream_tls;

/** One compile. Structures grow from the front of the block, texts behind them; both ends were
 * measured before. */
struct weir_compile {
    const Weir__V1__Tenant *doc;
    const struct weir_siphash_key *secret; /* borrowed */
    struct weir_arena *scratch;            /* borrowed; texts on their way */
    struct weir_tenant *tenant;            /* the block; NULL while measuring */
    size_t structs_len;                    /* asked for */
    size_t text_len;                       /* asked for */
    uint8_t *at;                           /* next structure */
    uint8_t *text_at;                      /* next text, also the end of the structures */
    uint8_t *structs_end;
    uint8_t *end;
    struct weir_redirect_plan *redirects;
    char why[WEIR_COMPILE_WHY_MAX]; /* what does not hold, when WEIR_EINVAL */
};

#define WEIR_BLOCK_ALIGN 8

/** Ask for `num` structures of `size` bytes. */
static inline void weir_compile_measure(struct weir_compile *c, size_t num, size_t size)
{
    size_t bytes = num * size; /* both are bounded by limits.h: no overflow */
    c->structs_len += (bytes + WEIR_BLOCK_ALIGN - 1) & ~(size_t)(WEIR_BLOCK_ALIGN - 1);
}

/** Ask for the bytes of a text; NULL asks for none. */
static inline void weir_compile_measure_text(struct weir_compile *c, const char *text)
{
    if (text)
        c->text_len += strlen(text) + 1;
}

/** Allocate what was asked for: zeroed, aligned. More than was asked for is a broken contract. */
static inline void *weir_compile_alloc(struct weir_compile *c, size_t num, size_t size)
{
    size_t bytes = (num * size + WEIR_BLOCK_ALIGN - 1) & ~(size_t)(WEIR_BLOCK_ALIGN - 1);
    void *ret = c->at;

    WEIR_ASSERT(bytes <= (size_t)(c->structs_end - c->at));
    c->at += bytes;
    return ret;
}

/** Copy a text into the block, with a NUL behind it. An empty text needs no room. */
static inline struct weir_span weir_compile_text(struct weir_compile *c, struct weir_span s)
{
    if (s.len == 0)
        return WEIR_SPAN_EMPTY;
    WEIR_ASSERT(s.len < (size_t)(c->end - c->text_at));
    uint8_t *at = c->text_at;
    memcpy(at, s.at, s.len);
    c->text_at += s.len + 1; /* the block came zeroed */
    return weir_span(at, s.len);
}

/** As weir_compile_text, in lower case. */
static inline struct weir_span weir_compile_text_lower(struct weir_compile *c, struct weir_span s)
{
    struct weir_span copy = weir_compile_text(c, s);
    uint8_t *at = c->text_at - copy.len - 1;

    for (size_t i = 0; i < copy.len; i++)
        at[i] = weir_ascii_lower(at[i]);
    return copy;
}

/** Remember why the document is refused. @return WEIR_EINVAL */
WEIR_MUST_USE WEIR_PRINTF(2, 3) enum weir_err
    weir_compile_refuse(struct weir_compile *c, const char *fmt, ...);

/**
 * The path of a rule as the data path compares it: without "=" (see ret_exact), escapes and dot
 * segments normalised.
 * @param text     NULL or empty stands for "/"
 * @param ret_path borrows from the document or from scratch
 * @return WEIR_OK | WEIR_EINVAL (no path, or over WEIR_PATH_MAX) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_compile_path(struct weir_compile *c, const char *text,
                                              bool *ret_exact, struct weir_span *ret_path);

/** Measure what an upstream says of TLS. */
void weir_upstream_tls_measure(struct weir_compile *c, const Weir__V1__Upstream *from);
/** Fill it. @param ret NULL: its endpoints are reached in clear text @return WEIR_OK | WEIR_EINVAL
 * | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_upstream_tls_fill(struct weir_compile *c,
                                                   const Weir__V1__Upstream *from,
                                                   const struct weir_upstream_tls **ret);

/** Measure the routes. One upstream without a route counts as one route. */
void weir_routes_measure(struct weir_compile *c);
/** Fill routes; the upstreams are there. @return WEIR_OK | WEIR_EINVAL | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_routes_fill(struct weir_compile *c);

/** Sort the redirects in scratch, drop those that can never match, and measure the rest. @return
 * WEIR_OK | WEIR_EINVAL | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_redirects_measure(struct weir_compile *c);
/** Copy the sorted redirects into the block. */
void weir_redirects_fill(struct weir_compile *c);

/** Measure the texts of what a tenant says of TLS towards its clients. */
void weir_tls_measure(struct weir_compile *c);
/** Fill it; the name is there. @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_tls_fill(struct weir_compile *c);

#endif
