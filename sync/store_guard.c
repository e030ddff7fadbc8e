/* SPDX-License-Identifier: Apache-2.0
 *
 * store_guard.c - looks at the pages that LMDB is about to use, before LMDB does.
 * LMDB ends the process when a page is not what it should be. A change of a key reads the pages on
 * its path, their neighbours when it merges, and the next leaf when it counts on; these are checked
 * in the last committed state, each once as long as the store is open. What LMDB itself has written
 * since needs no look. Owner: writer.
 */
#include "sync/store_parts.h"

#include <stdlib.h>
#include <string.h>

#define PAGES_AT_FIRST 8192

/* Room in the memory of sound pages. False: no memory; the page is then checked again next time. */
static bool remember_room(struct weir_store *s, uint64_t pgno)
{
    if (pgno < s->sound_pages)
        return true;
    uint64_t pages = s->sound_pages < PAGES_AT_FIRST ? PAGES_AT_FIRST : s->sound_pages;
    while (pages <= pgno)
        pages *= 2;
    uint8_t *sound = realloc(s->sound, pages / 8);
    if (sound == NULL)
        return false;
    memset(sound + s->sound_pages / 8, 0, (pages - s->sound_pages) / 8);
    s->sound = sound;
    s->sound_pages = pages;
    return true;
}

static bool page_sound(struct store_txn *t, uint64_t pgno)
{
    struct weir_store *s = t->s;
    uint8_t bit = (uint8_t)(1u << (pgno % 8));

    if (pgno < s->sound_pages && (s->sound[pgno / 8] & bit) != 0)
        return true;
    if (weir_tree_page_check(&t->pages, pgno, true) == WEIR_TREE_PAGE_BAD)
        return false;
    if (remember_room(s, pgno))
        s->sound[pgno / 8] |= bit;
    return true;
}

/* The pages under the cursor and, below the root, their neighbours under the same parent. */
static bool path_sound(struct store_txn *t, const struct weir_tree_cursor *c)
{
    for (unsigned d = 0; d < c->depth; d++) {
        uint64_t pgno = (uint64_t)(c->level[d].page - t->pages.map) / t->pages.page_len;
        if (!page_sound(t, pgno))
            return false;
        if (d + 1 == c->depth)
            break;
        unsigned at = c->level[d].at;
        if (at > 0 && !page_sound(t, weir_tree_page_child(&t->pages, pgno, at - 1)))
            return false;
        if (at + 1 < c->level[d].num &&
            !page_sound(t, weir_tree_page_child(&t->pages, pgno, at + 1)))
            return false;
    }
    return true;
}

/* The entry at the key's place, if any, may have pages of its own, of which LMDB frees as many as
 * the first of them says. When the entry is a neighbour and not the key itself, this refuses too
 * much. */
static bool value_sound(const struct weir_tree_cursor *c)
{
    const struct weir_tree_level *leaf = &c->level[c->depth - 1];
    struct weir_span found;
    struct weir_span value;

    return leaf->at == leaf->num || weir_tree_entry(c, &found, &value) == WEIR_OK;
}

static bool look(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    struct weir_tree_cursor c;

    enum weir_err err = weir_tree_locate(&c, &t->pages, &t->roots.tree[tree], key);
    if (err == WEIR_ENOTFOUND)
        return true; /* an empty tree */
    if (err < 0 || !path_sound(t, &c) || !value_sound(&c))
        return false;
    struct weir_tree_level *leaf = &c.level[c.depth - 1];
    leaf->at = leaf->num - 1;
    err = weir_tree_next(&c);
    return err == WEIR_ENOTFOUND || (err == WEIR_OK && path_sound(t, &c));
}

enum weir_err weir_store_guard(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    if (look(t, tree, key))
        return WEIR_OK;
    weir_store_suspect(t->s, weir_store_tree_name(tree));
    return WEIR_ECORRUPT;
}
