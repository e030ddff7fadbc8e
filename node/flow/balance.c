/* SPDX-License-Identifier: Apache-2.0
 *
 * balance.c - picks an endpoint: smooth weighted round robin, or weighted rendezvous hashing.
 * Owner: the worker that owns the tenant. Integers only, so that IP hash gives the same choice on
 * every node. Limits: WEIR_ENDPOINTS_MAX endpoints, O(n) a pick, no memory but rr_current. Ref:
 * Thaler and Ravishankar 1998 (rendezvous); Schindelhauer and Schomaker 2005 (its weights).
 */
#include "node/flow/balance.h"

#include "node/base/hash.h"

/* -- which endpoints are eligible -- */

/** The rounds of a pick, in order: a later one runs only when the earlier ones found no endpoint.
 */
struct round {
    bool backups; /* else the primaries */
    bool marked;  /* also those that are marked out */
};

static const struct round rounds[] = {
    { .backups = false, .marked = false },
    { .backups = true, .marked = false },
    { .backups = false, .marked = true },
    { .backups = true, .marked = true },
};

struct pick {
    struct weir_upstream *upstream;
    const struct weir_failure_marks *marks;
    const struct weir_tried *tried;
    uint64_t now_ms;
};

static bool was_tried(const struct weir_tried *t, uint16_t index)
{
    return (t->bits[index / 64] >> (index % 64) & 1) != 0;
}

static inline bool is_eligible(const struct pick *p, const struct weir_endpoint *e,
                               const struct round *r)
{
    return e->weight > 0 && e->backup == r->backups && !was_tried(p->tried, e->index) &&
           (r->marked || weir_failure_marks_usable(p->marks, e->key, p->now_ms));
}

/* -- round robin -- */

/** The credit or debt of an endpoint that is left out for long is bounded; far above any sum of
 * weights. */
#define CURRENT_MAX (1 << 30)
_Static_assert(WEIR_ENDPOINTS_MAX * 65535ll < CURRENT_MAX, "a round's weights fit");

/**
 * Each eligible endpoint earns its weight; the richest is chosen and pays what all earned together.
 * Over any stretch the turns are in proportion to the weights, and those of a heavy endpoint are
 * spread, not bunched.
 */
static struct weir_endpoint *pick_round_robin(const struct pick *p, const struct round *r)
{
    struct weir_endpoint *best = NULL;
    int32_t total = 0;

    for (uint16_t i = 0; i < p->upstream->num_endpoints; i++) {
        struct weir_endpoint *e = &p->upstream->endpoints[i];

        if (!is_eligible(p, e, r))
            continue;
        total += e->weight;
        if (e->rr_current < CURRENT_MAX)
            e->rr_current += e->weight;
        if (!best || e->rr_current > best->rr_current)
            best = e;
    }
    if (best && best->rr_current > -CURRENT_MAX)
        best->rr_current -= total;
    return best;
}

/* -- IP hash -- */

/** log2(1 + i/32) in units of 2^-40, rounded. */
static const uint64_t log2_table[32] = {
    0x0000000000, 0x0b5d69bac7, 0x1663f6fac9, 0x2118b119b5, 0x2b803473f8, 0x359ebc5b6a,
    0x3f782d7205, 0x49101eac38, 0x5269e12f34, 0x5b88873674, 0x646eea247c, 0x6d1fafdce2,
    0x759d4f80cc, 0x7dea15a32c, 0x86082806b2, 0x8df988f4af, 0x95c01a39fc, 0x9d5d9fd501,
    0xa4d3c25e69, 0xac241134c5, 0xb35004723c, 0xba58feb270, 0xc1404eadf4, 0xc80730b000,
    0xceaecfea81, 0xd53847ac01, 0xdba4a47aaa, 0xe1f4e5170d, 0xe829fb6930, 0xee44cd5a00,
    0xf446359b13, 0xfa2f045e78,
};

/** 1 / ln(2) in units of 2^-40. */
#define INV_LN2 0x171547652b8ull

/** The product of two numbers in units of 2^-40. */
static inline uint64_t mul40(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 40);
}

/**
 * -log2((h + 1) / 2^64) in units of 2^-40, within 2^-27: 0 for the greatest h, 64 << 40 for 0.
 * No loop, no floating point: h + 1 is 2^n * m * (1 + r) with the logarithm of m from the table
 * and r < 1/32, and that of 1 + r by four terms of its series.
 */
static uint64_t neg_log2(uint64_t h)
{
    if (h == UINT64_MAX)
        return 0;
    h++;
    unsigned n = 63 - (unsigned)__builtin_clzll(h);
    uint64_t x = h << (63 - n); /* 1.63 fixed point, 1 <= x < 2 */
    unsigned i = x >> 58 & 31;
    uint64_t m = (uint64_t)(32 + i) << 58;    /* x with all but five bits of its fraction cut off */
    uint64_t r = ((x - m) >> 18) / (m >> 58); /* (x - m) / m in units of 2^-40 */

    uint64_t r2 = mul40(r, r), r3 = mul40(r2, r), r4 = mul40(r3, r);
    uint64_t ln = r - r2 / 2 + r3 / 3 - r4 / 4;
    uint64_t log2 = ((uint64_t)n << 40) + log2_table[i] + mul40(ln, INV_LN2);
    return ((uint64_t)64 << 40) - log2;
}

/** What identifies a client: an IPv4 address, or the /64 of an IPv6 address, since a client may use
 * any address of its /64. */
static uint64_t client_hash(const struct weir_addr *client)
{
    return weir_hash64(0, client->ip, weir_addr_is_v4(client) ? 16 : 8);
}

/**
 * Every endpoint draws -log2(u) / weight, u from a hash of client and endpoint; the least draw
 * wins. So each wins in proportion to its weight, and its clients alone move when it goes. Draws
 * are compared crosswise, without division.
 */
static struct weir_endpoint *pick_ip_hash(const struct pick *p, const struct round *r,
                                          uint64_t client)
{
    struct weir_endpoint *best = NULL;
    uint64_t best_draw = 0;

    for (uint16_t i = 0; i < p->upstream->num_endpoints; i++) {
        struct weir_endpoint *e = &p->upstream->endpoints[i];

        if (!is_eligible(p, e, r))
            continue;
        uint64_t draw =
            neg_log2(weir_mix64(client ^ e->stable_hash)); /* <= 2^46, times a weight < 2^62 */
        if (!best || draw * best->weight < best_draw * e->weight) {
            best = e;
            best_draw = draw;
        }
    }
    return best;
}

struct weir_endpoint *weir_balance_pick(struct weir_upstream *u,
                                        const struct weir_failure_marks *marks,
                                        const struct weir_addr *client,
                                        const struct weir_tried *tried, uint64_t now_ms)
{
    struct pick p = { .upstream = u, .marks = marks, .tried = tried, .now_ms = now_ms };
    bool hashed = u->balance == WEIR_BALANCE_IP_HASH;

    WEIR_ASSERT_CMP(u->num_endpoints, >=, 1);
    WEIR_ASSERT_CMP(u->num_endpoints, <=, WEIR_ENDPOINTS_MAX);

    /* With one endpoint every round would end on it, marked or not. */
    if (u->num_endpoints == 1)
        return u->endpoints[0].weight > 0 && !was_tried(tried, 0) ? &u->endpoints[0] : NULL;

    uint64_t client_bits = hashed ? client_hash(client) : 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rounds); i++) {
        struct weir_endpoint *e =
            hashed ? pick_ip_hash(&p, &rounds[i], client_bits) : pick_round_robin(&p, &rounds[i]);

        if (e)
            return e;
    }
    return NULL;
}
