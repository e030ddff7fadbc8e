/* SPDX-License-Identifier: Apache-2.0
 *
 * store_guard.c - looks at the pages that LMDB is about to use, before LMDB does.
 * LMDB ends the process when a page is not what it should be. A change of a key reads the pages on
 * its path, their neighbours when it merges, and the next leaf when it counts on; these are checked
 * in the last committed state, each once a transaction: a page may be spoiled at any time. What
 * LMDB has written in this transaction is in its memory and needs no look. Owner: writer.
 */
#include "sync/store_parts.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"

#define PAGES_AT_FIRST  8192
#define MARKED_AT_FIRST 256

/* What the pages above say of a page's keys. An empty span: nothing. */
struct bounds {
    struct weir_span low;  /* they begin here or later */
    struct weir_span high; /* and end before this */
};

static bool is_remembered(const struct weir_store *s, uint64_t pgno)
{
    return pgno < s->sound_pages && (s->sound[pgno / 8] >> (pgno % 8) & 1) != 0;
}

static bool room_in_marks(struct weir_store *s, uint64_t pgno)
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

static bool room_in_list(struct weir_store *s)
{
    if (s->num_marked < s->cap_marked)
        return true;
    size_t cap = s->cap_marked ? s->cap_marked * 2 : MARKED_AT_FIRST;
    uint64_t *marked = realloc(s->marked, cap * sizeof(*marked));
    if (marked == NULL)
        return false;
    s->marked = marked;
    s->cap_marked = cap;
    return true;
}

/* Remember a page until the transaction ends; without memory it is looked at again. */
static void remember(struct weir_store *s, uint64_t pgno)
{
    if (!room_in_marks(s, pgno) || !room_in_list(s))
        return;
    s->sound[pgno / 8] |= (uint8_t)(1u << (pgno % 8));
    s->marked[s->num_marked++] = pgno;
}

static void forget_all(struct weir_store *s)
{
    for (size_t i = 0; i < s->num_marked; i++)
        s->sound[s->marked[i] / 8] = 0;
    s->num_marked = 0;
}

static bool page_sound(struct store_txn *t, uint64_t pgno)
{
    if (is_remembered(t->s, pgno))
        return true;
    if (weir_tree_page_check(&t->pages, pgno, true) == WEIR_TREE_PAGE_BAD)
        return false;
    remember(t->s, pgno);
    return true;
}

/* Are the page's keys where the pages above it say? One that is sound may be another's. */
static bool page_fits(const struct store_txn *t, uint64_t pgno, bool leaf, const struct bounds *b)
{
    unsigned num = weir_tree_page_num(&t->pages, pgno);
    unsigned first = leaf ? 0 : 1; /* a branch's first key stands for everything below the next */

    if (num <= first || weir_tree_page_is_leaf(&t->pages, pgno) != leaf)
        return false;
    struct weir_span low = weir_tree_page_key(&t->pages, pgno, first);
    struct weir_span high = weir_tree_page_key(&t->pages, pgno, num - 1);
    return low.len > 0 && high.len > 0 && (b->low.len == 0 || weir_span_cmp(b->low, low) <= 0) &&
           (b->high.len == 0 || weir_span_cmp(high, b->high) < 0);
}

/* Child `at` of a branch page that lies at level `d` and has `num` entries. */
struct child {
    uint64_t parent;
    const struct bounds *bounds; /* of the parent */
    unsigned num, depth_below;   /* levels from the child down, 1: it is a leaf */
};

static bool child_sound(struct store_txn *t, const struct child *c, unsigned at,
                        struct bounds *ret_bounds)
{
    uint64_t pgno = weir_tree_page_child(&t->pages, c->parent, at);
    struct bounds b = *c->bounds;

    if (at > 0)
        b.low = weir_tree_page_key(&t->pages, c->parent, at);
    if (at + 1 < c->num)
        b.high = weir_tree_page_key(&t->pages, c->parent, at + 1);
    *ret_bounds = b;
    /* When LMDB moves or merges branches it looks up the lowest key below them. */
    for (unsigned d = c->depth_below; d > 0; d--) {
        if (!page_sound(t, pgno) || !page_fits(t, pgno, d == 1, &b))
            return false;
        if (d == 1)
            break;
        b.high = weir_tree_page_key(&t->pages, pgno, 1);
        pgno = weir_tree_page_child(&t->pages, pgno, 0);
    }
    return true;
}

/* The neighbours that LMDB may merge with: of those on either side that this transaction has been
 * at, and may have merged already, the first that it has not when `wide`, else the nearest. */
static bool neighbours_sound(struct store_txn *t, const struct child *c, unsigned at, bool wide)
{
    struct bounds unused;
    bool more = true;

    for (unsigned i = at; more && i > 0; i--) {
        more = wide && is_remembered(t->s, weir_tree_page_child(&t->pages, c->parent, i - 1));
        if (!child_sound(t, c, i - 1, &unused))
            return false;
    }
    more = true;
    for (unsigned i = at + 1; more && i < c->num; i++) {
        more = wide && is_remembered(t->s, weir_tree_page_child(&t->pages, c->parent, i));
        if (!child_sound(t, c, i, &unused))
            return false;
    }
    return true;
}

/* The pages under the cursor and, below the root, their neighbours under the same parent. */
static bool path_sound(struct store_txn *t, const struct weir_tree_cursor *c, bool wide)
{
    struct bounds here = { WEIR_SPAN_EMPTY, WEIR_SPAN_EMPTY };
    uint64_t pgno = (uint64_t)(c->level[0].page - t->pages.map) / t->pages.page_len;

    if (!page_sound(t, pgno))
        return false;
    for (unsigned d = 0; d + 1 < c->depth; d++) {
        const struct weir_tree_level *l = &c->level[d];
        struct bounds below;
        pgno = (uint64_t)(l->page - t->pages.map) / t->pages.page_len;
        struct child child = { pgno, &here, l->num, c->depth - d - 1 };
        if (!child_sound(t, &child, l->at, &below) || !neighbours_sound(t, &child, l->at, wide))
            return false;
        here = below;
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

static bool look(struct store_txn *t, enum store_tree tree, struct weir_span key, bool wide)
{
    struct weir_tree_cursor c;

    enum weir_err err = weir_tree_locate(&c, &t->pages, &t->roots.tree[tree], key);
    if (err == WEIR_ENOTFOUND)
        return true; /* an empty tree */
    if (err < 0 || !path_sound(t, &c, wide) || !value_sound(&c))
        return false;
    struct weir_tree_level *leaf = &c.level[c.depth - 1];
    leaf->at = leaf->num - 1;
    err = weir_tree_next(&c);
    return err == WEIR_ENOTFOUND || (err == WEIR_OK && path_sound(t, &c, wide));
}

static enum weir_err guard(struct store_txn *t, enum store_tree tree, struct weir_span key,
                           bool wide)
{
    if (look(t, tree, key, wide))
        return WEIR_OK;
    weir_store_suspect(t->s, weir_store_tree_name(tree));
    return WEIR_ECORRUPT;
}

enum weir_err weir_store_guard(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard(t, tree, key, false);
}

enum weir_err weir_store_guard_del(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard(t, tree, key, true);
}

/* The main tree is one page: it holds but the names of our few trees. NULL: it is not. */
static const uint8_t *main_page(const struct store_txn *t, const struct weir_tree_meta *m)
{
    if (m->main.depth != 1 ||
        weir_tree_page_check(&t->pages, m->main.root, true) != WEIR_TREE_PAGE_LEAF)
        return NULL;
    return t->pages.map + m->main.root * t->pages.page_len;
}

static uint32_t roots_sum(const struct store_txn *t, const uint8_t *main)
{
    const uint8_t *meta = t->pages.map + (t->roots.txnid & 1) * t->pages.page_len;
    uint32_t sum = weir_crc32c(0, meta, WEIR_TREE_META_LEN);

    return weir_crc32c(sum, main, t->pages.page_len);
}

enum weir_err weir_store_guard_roots(struct store_txn *t)
{
    const struct weir_store *s = t->s;
    uint64_t other = (t->roots.txnid + 1) & 1;
    struct weir_tree_meta m;

    forget_all(t->s);
    if (weir_store_state_meta(&t->pages, t->roots.txnid, &m) < 0)
        return WEIR_ECORRUPT;
    const uint8_t *main = main_page(t, &m);
    if (main == NULL)
        return WEIR_ECORRUPT;
    if (s->roots_txnid == t->roots.txnid && s->roots_sum != roots_sum(t, main))
        return WEIR_ECORRUPT;
    /* The commit leaves the head of the other meta page as it is, and must be found by it. */
    struct weir_span page = weir_span(t->pages.map + other * t->pages.page_len, WEIR_TREE_META_LEN);
    return weir_tree_meta_read(page, other, &m) < 0 ? WEIR_ECORRUPT : WEIR_OK;
}

void weir_store_guard_remember(const struct store_txn *t)
{
    struct weir_store *s = t->s;
    struct weir_tree_meta m;

    if (weir_store_state_meta(&t->pages, t->roots.txnid, &m) < 0)
        return;
    const uint8_t *main = main_page(t, &m);
    if (main == NULL)
        return;
    s->roots_txnid = t->roots.txnid;
    s->roots_sum = roots_sum(t, main);
}
