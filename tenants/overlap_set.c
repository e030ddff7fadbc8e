/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_set.c - see overlap_set.h.
 */
#include "tenants/overlap_set.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_ROOM 64 /* claims */

_Static_assert(WEIR_OVERLAP_SET_MAX <= SIZE_MAX / 2 / sizeof(struct weir_overlap_entry),
               "the size of the array does not overflow");

void weir_overlap_set_deinit(struct weir_overlap_set *s)
{
    free(s->items);
    *s = WEIR_OVERLAP_SET_ZERO;
}

enum weir_err weir_overlap_set_add(struct weir_overlap_set *s, const struct weir_host_claim *claim,
                                   size_t tag)
{
    if (s->len == WEIR_OVERLAP_SET_MAX)
        return WEIR_ELIMIT;
    if (s->len == s->max) {
        size_t max = s->max > 0 ? 2 * s->max : FIRST_ROOM;
        struct weir_overlap_entry *items = realloc(s->items, max * sizeof(*items));
        if (items == NULL)
            return WEIR_ENOMEM;
        s->items = items;
        s->max = max;
    }
    s->items[s->len++] = (struct weir_overlap_entry){ .claim = *claim, .tag = tag };
    s->sorted = false;
    return WEIR_OK;
}

/* By the bytes from the end; a name that is the end of another comes first. */
static int cmp_from_end(struct weir_span a, struct weir_span b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    for (size_t i = 1; i <= len; i++) {
        int d = a.at[a.len - i] - b.at[b.len - i];
        if (d != 0)
            return d;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int claim_cmp(const struct weir_host_claim *a, const struct weir_host_claim *b)
{
    int c = cmp_from_end(a->host, b->host);

    return c != 0 ? c : (int)a->wildcard - (int)b->wildcard;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct weir_overlap_entry *x = a, *y = b;
    int c = claim_cmp(&x->claim, &y->claim);

    return c != 0 ? c : (x->tag > y->tag) - (x->tag < y->tag);
}

void weir_overlap_set_sort(struct weir_overlap_set *s)
{
    if (s->len > 1)
        qsort(s->items, s->len, sizeof(*s->items), entry_cmp);
    s->sorted = true;
}

/* Index of the first entry that is not before the claim. */
static size_t lower_bound(const struct weir_overlap_set *s, const struct weir_host_claim *claim)
{
    size_t low = 0, high = s->len;

    WEIR_ASSERT(s->sorted || s->len == 0);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (claim_cmp(&s->items[mid].claim, claim) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct weir_overlap_entry *weir_overlap_set_find(const struct weir_overlap_set *s,
                                                       struct weir_span host, bool wildcard)
{
    struct weir_host_claim claim = { .host = host, .wildcard = wildcard };
    size_t at = lower_bound(s, &claim);

    return at < s->len && claim_cmp(&s->items[at].claim, &claim) == 0 ? &s->items[at] : NULL;
}

bool weir_overlap_entry_is_same(const struct weir_overlap_entry *a,
                                const struct weir_overlap_entry *b)
{
    return claim_cmp(&a->claim, &b->claim) == 0;
}

static const struct weir_overlap_set *set_of(void *arg)
{
    const struct weir_overlap_set *s = arg;

    WEIR_ASSERT(s != NULL);
    return s;
}

static enum weir_err set_wildcard_owner(void *arg, struct weir_span suffix,
                                        struct weir_span *ret_owner)
{
    const struct weir_overlap_entry *e = weir_overlap_set_find(set_of(arg), suffix, true);

    if (e == NULL)
        return WEIR_ENOTFOUND;
    *ret_owner = e->claim.owner;
    return WEIR_OK;
}

/* Index of the first entry below a suffix, or of what follows all of them. "b.c" itself and names
 * like "x-b.c" stand apart: below "b.c" is what ends with ".b.c". */
static size_t first_below(const struct weir_overlap_set *s, struct weir_span suffix)
{
    size_t low = 0, high = s->len;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct weir_span host = s->items[mid].claim.host;
        bool before = cmp_from_end(host, suffix) <= 0 ||
                      (weir_span_ends(host, suffix) && host.at[host.len - suffix.len - 1] < '.');
        if (before)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static enum weir_err set_next_below(void *arg, struct weir_span suffix,
                                    const struct weir_host_claim *after,
                                    struct weir_host_claim *ret)
{
    const struct weir_overlap_set *s = set_of(arg);
    size_t at = after == NULL ? first_below(s, suffix) : lower_bound(s, after);

    WEIR_ASSERT(s->sorted || s->len == 0);
    /* Of several claims of one name the first owns it. */
    while (after != NULL && at < s->len && claim_cmp(&s->items[at].claim, after) == 0)
        at++;
    if (at == s->len || !weir_overlap_is_below(s->items[at].claim.host, suffix))
        return WEIR_ENOTFOUND;
    *ret = s->items[at].claim;
    return WEIR_OK;
}

struct weir_overlap_names weir_overlap_set_names(const struct weir_overlap_set *s)
{
    WEIR_ASSERT(s->sorted || s->len == 0);
    return (struct weir_overlap_names){
        .arg = (void *)(uintptr_t)s,
        .wildcard_owner = set_wildcard_owner,
        .next_below = set_next_below,
    };
}
