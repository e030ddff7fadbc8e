/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_tree.c - builds and searches the tree of a document.
 * Both bounds are checked here, once for every format, so that no text can cost more than they
 * allow.
 */
#include "tenants/schema/schema_tree.h"

void weir_tree_begin(struct weir_tree_builder *b)
{
    b->num_values = 0;
    b->depth = 0;
    b->root = NULL;
}

static void node_attach(struct weir_tree_builder *b, struct weir_tree *n)
{
    if (b->depth == 0) {
        WEIR_ASSERT(b->root == NULL);
        b->root = n;
        return;
    }
    struct weir_tree *parent = b->open[b->depth - 1];
    if (parent->last != NULL)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    parent->num++;
}

enum weir_err weir_tree_add(struct weir_tree_builder *b, const struct weir_tree *node,
                            struct weir_tree **ret)
{
    _Static_assert(WEIR_TREE_DEPTH_MAX == 32 && WEIR_TREE_VALUES_MAX == 524288, "as in the texts");
    bool opens = node->kind != WEIR_TREE_SCALAR;

    WEIR_ASSERT(b->report != NULL || b->depth < WEIR_TREE_DEPTH_MAX);
    if (opens && b->depth == WEIR_TREE_DEPTH_MAX) {
        b->why = "values are nested deeper than 32 levels";
        return WEIR_ELIMIT;
    }
    if (b->report != NULL && b->num_values == WEIR_TREE_VALUES_MAX) {
        b->why = "the document has more than 524288 values";
        return WEIR_ELIMIT;
    }
    struct weir_tree *n = weir_arena_alloc(b->arena, sizeof(*n));
    if (n == NULL)
        return WEIR_ENOMEM;
    *n = *node;
    n->json = b->json;
    node_attach(b, n);
    b->num_values++;
    if (opens)
        b->open[b->depth++] = n;
    if (ret != NULL)
        *ret = n;
    return WEIR_OK;
}

void weir_tree_close(struct weir_tree_builder *b)
{
    WEIR_ASSERT(b->depth > 0);
    struct weir_tree *n = b->open[--b->depth];
    if (n->kind == WEIR_TREE_MAP) {
        WEIR_ASSERT(n->num % 2 == 0);
        n->num /= 2;
    }
}

const struct weir_tree *weir_tree_member(const struct weir_tree *map, struct weir_span name,
                                         const struct weir_tree **ret_key)
{
    if (map->kind != WEIR_TREE_MAP)
        return NULL;
    for (const struct weir_tree *key = map->first; key != NULL; key = key->next->next) {
        if (key->kind == WEIR_TREE_SCALAR && weir_span_eq(key->text, name)) {
            if (ret_key != NULL)
                *ret_key = key;
            return key->next;
        }
    }
    return NULL;
}

const struct weir_tree *weir_tree_item(const struct weir_tree *list, size_t index)
{
    if (list->kind != WEIR_TREE_LIST || index >= list->num)
        return NULL;
    const struct weir_tree *item = list->first;
    while (index-- > 0)
        item = item->next;
    return item;
}

const char *weir_tree_kind_name(enum weir_tree_kind kind)
{
    switch (kind) {
    case WEIR_TREE_SCALAR:
        return "text";
    case WEIR_TREE_LIST:
        return "a list";
    case WEIR_TREE_MAP:
        return "a map";
    }
    WEIR_UNREACHABLE();
}
