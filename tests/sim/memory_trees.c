/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_trees.c - treaps.
 */
#include "tests/sim/memory_trees.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/base/crc32c.h"
#include "node/base/hash.h"

static struct weir_span keep_bytes(struct memory_rec *rec, struct weir_span s)
{
    uint8_t *at = rec->bytes + rec->len;

    if (s.len > 0)
        memcpy(at, s.at, s.len);
    rec->len += s.len;
    return weir_span(at, s.len);
}

struct memory_rec *memory_rec_new(const struct weir_kept *kept)
{
    size_t len = kept->rec.key.len + kept->rec.value.len + kept->sig.len + kept->extra.len;
    struct memory_rec *rec = malloc(sizeof(*rec) + len);

    if (rec == NULL)
        return NULL;
    memset(rec, 0, sizeof(*rec));
    rec->kept = *kept;
    rec->kept.rec.key = keep_bytes(rec, kept->rec.key);
    rec->kept.rec.value = keep_bytes(rec, kept->rec.value);
    rec->kept.sig = keep_bytes(rec, kept->sig);
    rec->kept.extra = keep_bytes(rec, kept->extra);
    rec->crc = memory_rec_crc(rec);
    return rec;
}

uint32_t memory_rec_crc(const struct memory_rec *rec)
{
    const struct weir_record *r = &rec->kept.rec;
    uint64_t numbers[] = {
        (uint64_t)r->class, r->version.hlc, r->version.seq,    (uint64_t)r->tombstone, r->schema,
        r->min_reader,      r->expires,     rec->kept.num_ctx, rec->kept.stored_ms
    };
    uint32_t crc = weir_crc32c(0, numbers, sizeof(numbers));

    crc = weir_crc32c(crc, r->version.lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < rec->kept.num_ctx; i++) {
        crc = weir_crc32c(crc, rec->kept.ctx[i].tail, WEIR_LANE_TAIL_LEN);
        crc = weir_crc32c(crc, &rec->kept.ctx[i].seq, sizeof(rec->kept.ctx[i].seq));
    }
    return weir_crc32c(crc, rec->bytes, rec->len);
}

static int compare_names(const struct weir_kept *a, const struct weir_kept *b)
{
    if (a->rec.class != b->rec.class)
        return a->rec.class < b->rec.class ? -1 : 1;
    return weir_span_cmp(a->rec.key, b->rec.key);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare(enum memory_order order, const struct weir_kept *a, const struct weir_kept *b)
{
    int c = 0;

    switch (order) {
    case MEMORY_BY_KEY:
        return compare_names(a, b);
    case MEMORY_BY_DOT:
        c = memcmp(a->rec.version.lane, b->rec.version.lane, WEIR_LANE_LEN);
        return c != 0 ? c : compare_numbers(a->rec.version.seq, b->rec.version.seq);
    case MEMORY_BY_TOMB:
        c = compare_numbers(a->stored_ms, b->stored_ms);
        return c != 0 ? c : compare_names(a, b);
    case MEMORY_BY_EXP:
        c = compare_numbers(a->rec.expires, b->rec.expires);
        return c != 0 ? c : compare_names(a, b);
    case MEMORY_ORDERS:
        break;
    }
    WEIR_UNREACHABLE();
}

static bool belongs(enum memory_order order, const struct memory_rec *rec)
{
    if (order == MEMORY_BY_TOMB)
        return rec->kept.rec.tombstone;
    if (order == MEMORY_BY_EXP)
        return !rec->kept.rec.tombstone && rec->kept.rec.expires > 0;
    return true;
}

static struct memory_rec *merge(enum memory_order o, struct memory_rec *a, struct memory_rec *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (a->priority > b->priority) {
        a->right[o] = merge(o, a->right[o], b);
        return a;
    }
    b->left[o] = merge(o, a, b->left[o]);
    return b;
}

/* What is below the probe, and the rest. */
static void split(enum memory_order o, struct memory_rec *t, const struct weir_kept *probe,
                  struct memory_rec **below, struct memory_rec **rest)
{
    while (t != NULL) {
        if (compare(o, &t->kept, probe) < 0) {
            *below = t;
            below = &t->right[o];
            t = t->right[o];
        } else {
            *rest = t;
            rest = &t->left[o];
            t = t->left[o];
        }
    }
    *below = NULL;
    *rest = NULL;
}

void memory_trees_add(struct memory_trees *t, struct memory_rec *rec)
{
    t->random = weir_mix64(t->random + UINT64_C(0x9e3779b97f4a7c15));
    rec->priority = (uint32_t)(t->random >> 32);
    for (unsigned i = 0; i < MEMORY_ORDERS; i++) {
        enum memory_order o = (enum memory_order)i;
        struct memory_rec **at = &t->root[o];
        if (!belongs(o, rec))
            continue;
        while (*at != NULL && (*at)->priority >= rec->priority) {
            int c = compare(o, &(*at)->kept, &rec->kept);
            WEIR_ASSERT(c != 0);
            at = c < 0 ? &(*at)->right[o] : &(*at)->left[o];
        }
        split(o, *at, &rec->kept, &rec->left[o], &rec->right[o]);
        *at = rec;
    }
    t->num++;
}

void memory_trees_remove(struct memory_trees *t, struct memory_rec *rec)
{
    for (unsigned i = 0; i < MEMORY_ORDERS; i++) {
        enum memory_order o = (enum memory_order)i;
        struct memory_rec **at = &t->root[o];
        if (!belongs(o, rec))
            continue;
        while (*at != rec) {
            WEIR_ASSERT(*at != NULL);
            at = compare(o, &(*at)->kept, &rec->kept) < 0 ? &(*at)->right[o] : &(*at)->left[o];
        }
        *at = merge(o, rec->left[o], rec->right[o]);
        rec->left[o] = NULL;
        rec->right[o] = NULL;
    }
    t->num--;
}

struct memory_rec *memory_trees_find(const struct memory_trees *t, enum memory_order order,
                                     const struct weir_kept *probe, bool above)
{
    struct memory_rec *found = NULL;
    struct memory_rec *at = t->root[order];

    while (at != NULL) {
        int c = compare(order, &at->kept, probe);
        if (c > 0 || (c == 0 && !above)) {
            found = at;
            at = at->left[order];
        } else {
            at = at->right[order];
        }
    }
    return found;
}

struct memory_rec *memory_trees_at(const struct memory_trees *t, size_t at)
{
    struct weir_kept probe = { .rec = { .class = (enum weir_class)0 } };
    struct memory_rec *rec = memory_trees_find(t, MEMORY_BY_KEY, &probe, false);

    for (; rec != NULL && at > 0; at--)
        rec = memory_trees_find(t, MEMORY_BY_KEY, &rec->kept, true);
    return rec;
}

static void clear(struct memory_rec *rec)
{
    while (rec != NULL) {
        struct memory_rec *right = rec->right[MEMORY_BY_KEY];
        clear(rec->left[MEMORY_BY_KEY]);
        free(rec);
        rec = right;
    }
}

void memory_trees_clear(struct memory_trees *t)
{
    clear(t->root[MEMORY_BY_KEY]);
    memset(t->root, 0, sizeof(t->root));
    t->num = 0;
}
