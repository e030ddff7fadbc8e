/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_tree.c - see memory_tree.h. Weights are the hash of a count: as good as drawn, and the
 * same in every run.
 */
#include "tests/sim/memory/memory_tree.h"

#include "node/base/hash.h"

static int order(const struct memory_tree *t, const struct memory_place *at,
                 const struct memory_link *link)
{
    if (at->rank != link->rank)
        return at->rank < link->rank ? -1 : 1;
    return t->tie != NULL ? t->tie(at->rest, link) : 0;
}

/* The pointer that leads to the link at a place, or to NULL where it would be. */
static struct memory_link **seek(struct memory_tree *t, const struct memory_place *at)
{
    struct memory_link **hole = &t->root;

    while (*hole != NULL) {
        int side = order(t, at, *hole);
        if (side == 0)
            break;
        hole = &(*hole)->child[side > 0];
    }
    return hole;
}

void memory_tree_add(struct memory_tree *t, const struct memory_place *at, struct memory_link *link)
{
    struct memory_link **hole = &t->root;

    link->rank = at->rank;
    link->weight = weir_mix64(++t->num_added);
    while (*hole != NULL && (*hole)->weight >= link->weight) {
        int side = order(t, at, *hole);
        WEIR_ASSERT(side != 0);
        hole = &(*hole)->child[side > 0];
    }
    /* What is below is lighter, and is parted at the place. */
    struct memory_link *rest = *hole;
    struct memory_link **less = &link->child[0];
    struct memory_link **more = &link->child[1];
    while (rest != NULL) {
        int side = order(t, at, rest);
        WEIR_ASSERT(side != 0);
        if (side > 0) {
            *less = rest;
            less = &rest->child[1];
            rest = *less;
        } else {
            *more = rest;
            more = &rest->child[0];
            rest = *more;
        }
    }
    *less = NULL;
    *more = NULL;
    *hole = link;
    t->num++;
}

struct memory_link *memory_tree_remove(struct memory_tree *t, const struct memory_place *at)
{
    struct memory_link **hole = seek(t, at);
    struct memory_link *gone = *hole;

    if (gone == NULL)
        return NULL;
    struct memory_link *less = gone->child[0];
    struct memory_link *more = gone->child[1];
    while (less != NULL && more != NULL) {
        if (less->weight >= more->weight) {
            *hole = less;
            hole = &less->child[1];
            less = *hole;
        } else {
            *hole = more;
            hole = &more->child[0];
            more = *hole;
        }
    }
    *hole = less != NULL ? less : more;
    t->num--;
    return gone;
}

void memory_tree_take(struct memory_tree *t, const struct memory_place *at,
                      const struct memory_link *link)
{
    const struct memory_link *gone = memory_tree_remove(t, at);

    WEIR_ASSERT(gone == link);
}

struct memory_link *memory_tree_replace(struct memory_tree *t, const struct memory_place *at,
                                        struct memory_link *link)
{
    struct memory_link **hole = seek(t, at);
    struct memory_link *gone = *hole;

    if (gone == NULL)
        return NULL;
    *link = *gone;
    *hole = link;
    return gone;
}

struct memory_link *memory_tree_find(const struct memory_tree *t, const struct memory_place *at)
{
    struct memory_link *link = t->root;

    while (link != NULL) {
        int side = order(t, at, link);
        if (side == 0)
            break;
        link = link->child[side > 0];
    }
    return link;
}

struct memory_link *memory_tree_above(const struct memory_tree *t, const struct memory_place *at)
{
    struct memory_link *best = NULL;
    struct memory_link *link = t->root;

    while (link != NULL) {
        bool is_behind = order(t, at, link) < 0;
        if (is_behind)
            best = link;
        link = link->child[!is_behind];
    }
    return best;
}

struct memory_link *memory_tree_first(const struct memory_tree *t)
{
    struct memory_link *link = t->root;

    while (link != NULL && link->child[0] != NULL)
        link = link->child[0];
    return link;
}

/* As deep as the tree. */
static bool each_below(struct memory_link *link, memory_visit visit, void *arg)
{
    while (link != NULL) {
        if (!each_below(link->child[0], visit, arg) || !visit(arg, link))
            return false;
        link = link->child[1];
    }
    return true;
}

bool memory_tree_each(const struct memory_tree *t, memory_visit visit, void *arg)
{
    return each_below(t->root, visit, arg);
}

void memory_tree_drain(struct memory_tree *t, void (*take)(struct memory_link *link))
{
    struct memory_link *link = t->root;

    /* A left branch is hung above its parent until there is none: no stack, each link moves once.
     */
    while (link != NULL) {
        struct memory_link *left = link->child[0];
        if (left != NULL) {
            link->child[0] = left->child[1];
            left->child[1] = link;
            link = left;
            continue;
        }
        struct memory_link *next = link->child[1];
        take(link);
        link = next;
    }
    t->root = NULL;
    t->num = 0;
}
