/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_walk.c - depth first with a stack of page numbers, at most WEIR_TREE_DEPTH_MAX high.
 */
#include "sync/tree/tree_walk.h"

size_t weir_tree_walk_seen_len(const struct weir_tree_file *file)
{
    return (size_t)(file->len / file->page_len / 8 + 1);
}

bool weir_tree_walk_is_seen(const struct weir_tree_walk *w, uint64_t pgno)
{
    return (w->seen[pgno / 8] >> (pgno % 8) & 1) != 0;
}

bool weir_tree_walk_mark(struct weir_tree_walk *w, uint64_t pgno)
{
    if (pgno >= w->file.len / w->file.page_len || weir_tree_walk_is_seen(w, pgno))
        return false;
    w->seen[pgno / 8] |= (uint8_t)(1u << (pgno % 8));
    return true;
}

/* Mark the pages of a value that has its own. All of them must be new. */
static bool mark_run(struct weir_tree_walk *w, uint64_t pgno)
{
    uint64_t num = weir_tree_overflow_len(&w->file, pgno);
    bool fresh = true;

    for (uint64_t i = 0; i < num; i++)
        fresh = weir_tree_walk_mark(w, pgno + i) && fresh;
    return fresh;
}

static void walk_leaf(struct weir_tree_walk *w, uint64_t pgno)
{
    unsigned num = weir_tree_page_num(&w->file, pgno);

    for (unsigned i = 0; i < num; i++) {
        struct weir_tree_item item;
        if (weir_tree_page_item(&w->file, pgno, i, &item) < 0) {
            w->num_bad++;
            continue;
        }
        w->num_entries++;
        if (item.overflow != WEIR_TREE_NONE && !mark_run(w, item.overflow))
            w->num_bad++;
        if (w->entry != NULL)
            w->entry(w->arg, item.key, item.value);
    }
}

static void walk_loose_entries(struct weir_tree_walk *w, uint64_t pgno)
{
    unsigned num = weir_tree_loose_num(&w->file);
    struct weir_tree_item item;

    for (unsigned i = 0; w->entry != NULL && i < num; i++)
        if (weir_tree_loose_item(&w->file, pgno, i, &item) == WEIR_OK)
            w->entry(w->arg, item.key, item.value);
}

/* Check a page and mark it. BAD: counted, not to be entered. */
static enum weir_tree_page_kind enter_page(struct weir_tree_walk *w, uint64_t pgno, bool leaf,
                                           bool sorted)
{
    enum weir_tree_page_kind kind = weir_tree_page_check(&w->file, pgno, sorted);
    enum weir_tree_page_kind want = leaf ? WEIR_TREE_PAGE_LEAF : WEIR_TREE_PAGE_BRANCH;

    bool fresh = weir_tree_walk_mark(w, pgno);

    if (kind == want && fresh)
        return kind;
    w->num_bad++;
    if (leaf && fresh && w->loose)
        walk_loose_entries(w, pgno);
    return WEIR_TREE_PAGE_BAD;
}

void weir_tree_walk(struct weir_tree_walk *w, const struct weir_tree *tree, bool sorted)
{
    struct {
        uint64_t pgno;
        unsigned at;
        unsigned num;
    } level[WEIR_TREE_DEPTH_MAX];
    unsigned depth = 0;
    uint64_t next = tree->root;

    if (tree->root == WEIR_TREE_NONE)
        return;
    while (true) {
        bool leaf = depth + 1 == tree->depth;
        enum weir_tree_page_kind kind = enter_page(w, next, leaf, sorted);
        if (kind == WEIR_TREE_PAGE_LEAF) {
            walk_leaf(w, next);
        } else if (kind == WEIR_TREE_PAGE_BRANCH) {
            level[depth].pgno = next;
            level[depth].at = 0;
            level[depth].num = weir_tree_page_num(&w->file, next);
            depth++;
        }
        while (depth > 0 && level[depth - 1].at == level[depth - 1].num)
            depth--;
        if (depth == 0)
            return;
        next = weir_tree_page_child(&w->file, level[depth - 1].pgno, level[depth - 1].at++);
    }
}

void weir_tree_walk_orphan(struct weir_tree_walk *w, uint64_t pgno)
{
    enum weir_tree_page_kind kind = weir_tree_page_check(&w->file, pgno, true);

    if (kind == WEIR_TREE_PAGE_OVERFLOW) {
        (void)mark_run(w, pgno);
        return;
    }
    if (!weir_tree_walk_mark(w, pgno))
        return;
    if (kind == WEIR_TREE_PAGE_LEAF)
        walk_leaf(w, pgno);
    else if (kind == WEIR_TREE_PAGE_BAD && w->loose)
        walk_loose_entries(w, pgno);
}
