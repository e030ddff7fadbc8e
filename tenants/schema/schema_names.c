/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_names.c - finds texts that are there twice, by sorting: no hash that outside bytes could
 * flood.
 */
#include <stdlib.h>
#include <string.h>

#include "tenants/schema/schema_check.h"

struct weir_names weir_names_make(struct weir_checker *c, size_t max)
{
    struct weir_names n = { .max = max };

    n.items = weir_arena_calloc(c->scratch, max, sizeof(*n.items));
    if (n.items == NULL) {
        c->failed = true;
        n.max = 0;
    }
    return n;
}

void weir_names_add(struct weir_names *n, struct weir_span text, size_t index)
{
    if (n->num == n->max)
        return;
    n->items[n->num++] = (struct weir_named){ text, index };
}

void weir_names_add_lower(struct weir_checker *c, struct weir_names *n, struct weir_span text,
                          size_t index)
{
    uint8_t *copy = weir_arena_alloc(c->scratch, text.len);

    if (copy == NULL) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < text.len; i++)
        copy[i] = weir_ascii_lower(text.at[i]);
    weir_names_add(n, weir_span(copy, text.len), index);
}

static int named_cmp(const void *a, const void *b)
{
    const struct weir_named *x = a, *y = b;
    int c = weir_span_cmp(x->text, y->text);

    return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

void weir_names_sort(struct weir_names *n)
{
    if (n->num > 1)
        qsort(n->items, n->num, sizeof(*n->items), named_cmp);
}

/* Index of the first item that is not below `text`. */
static size_t lower_bound(const struct weir_names *n, struct weir_span text)
{
    size_t low = 0, high = n->num;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (weir_span_cmp(n->items[mid].text, text) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool weir_names_have(const struct weir_names *n, struct weir_span text)
{
    size_t at = lower_bound(n, text);

    return at < n->num && weir_span_eq(n->items[at].text, text);
}

const struct weir_named *weir_names_twice(const struct weir_names *n, size_t *pos,
                                          size_t *ret_first)
{
    for (size_t i = *pos + 1; i < n->num; i++) {
        if (!weir_span_eq(n->items[i - 1].text, n->items[i].text))
            continue;
        *pos = i;
        *ret_first = n->items[lower_bound(n, n->items[i].text)].index;
        return &n->items[i];
    }
    return NULL;
}
