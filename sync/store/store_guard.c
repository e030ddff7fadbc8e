/* SPDX-License-Identifier: Apache-2.0
 *
 * store_guard.c - checks the pages that LMDB is about to use, before LMDB uses them, since LMDB
 * ends the process when a page is not what it should be.
 * Every access reads the pages on the key's path; one that goes on from there reads the next leaf;
 * a removal may merge or move entries at each level with the page on either side. These are
 * checked in the last committed state, each once a transaction, since a page may be damaged at any
 * time. What LMDB has written in this transaction is in its memory and needs no check. Owner:
 * writer.
 * Removals: a page that they may have changed is *touched*. Pages beside touched ones are always
 * checked. So whatever LMDB made of a run of touched pages, the pages beside the run are sound;
 * when a removal has merged pages, the run is assumed to have grown by one page on either side.
 */
#include "sync/store/store_guard.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "sync/store/store_env.h"

#define PAGES_AT_FIRST  8192
#define MARKED_AT_FIRST 256

/* What was found out about a page in this transaction. */
enum {
    SOUND = 1,    /* it is sound */
    PATH = 2,     /* a leaf: the pages that lead to it are sound too, and it is where they point */
    NEXT = 4,     /* a leaf: the next leaf is sound too */
    SIDES = 8,    /* a leaf: the pages beside it, and beside those that lead to it, are sound too */
    TOUCHED = 16, /* removals may have merged it with others */
    CHANGED = 32  /* it may not be as it was committed */
};

/* LMDB merges a page of which less than a quarter is in use; here with some bytes to spare. */
#define FULL_ENOUGH(page_len) ((page_len) / 4 + 64)

static unsigned is_checked(const struct weir_store *s, uint64_t pgno)
{
    return pgno < s->sound_pages ? s->sound[pgno] : 0;
}

static bool room_in_marks(struct weir_store *s, uint64_t pgno)
{
    if (pgno < s->sound_pages)
        return true;
    uint64_t pages = s->sound_pages < PAGES_AT_FIRST ? PAGES_AT_FIRST : s->sound_pages;
    while (pages <= pgno)
        pages *= 2;
    uint8_t *sound = realloc(s->sound, pages);
    if (sound == NULL)
        return false;
    memset(sound + s->sound_pages, 0, pages - s->sound_pages);
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

/* Mark a page until the transaction ends. @return false: no memory; then the page is checked
 * again */
static bool mark_checked(struct weir_store *s, uint64_t pgno, unsigned what)
{
    if (!room_in_marks(s, pgno) || (s->sound[pgno] == 0 && !room_in_list(s)))
        return false;
    if (s->sound[pgno] == 0)
        s->marked[s->num_marked++] = pgno;
    s->sound[pgno] |= (uint8_t)what;
    return true;
}

static void forget_checked(struct weir_store *s)
{
    for (size_t i = 0; i < s->num_marked; i++)
        s->sound[s->marked[i]] = 0;
    s->num_marked = 0;
}

/* -- pages and where they lie -- */

/* Pages from the root down to some page, each the child `at` of the one before it. */
struct path {
    unsigned depth; /* levels of the tree */
    uint64_t pgno[WEIR_TREE_DEPTH_MAX];
    unsigned at[WEIR_TREE_DEPTH_MAX]; /* the entry taken at this level */
    unsigned num[WEIR_TREE_DEPTH_MAX];
};

static void path_of(const struct store_txn *t, const struct weir_tree_cursor *c, struct path *ret)
{
    ret->depth = c->depth;
    for (unsigned d = 0; d < c->depth; d++) {
        ret->pgno[d] = (uint64_t)(c->level[d].page - t->pages.map) / t->pages.page_len;
        ret->at[d] = c->level[d].at;
        ret->num[d] = c->level[d].num;
    }
}

/* Go from the page at level `from` down to level `to` along its first or last entries. The pages
 * may be damaged: page_ok finds out what leads nowhere. */
static void path_descend(const struct store_txn *t, struct path *p, unsigned from, unsigned to,
                         bool last)
{
    for (unsigned d = from; d < to; d++) {
        p->pgno[d + 1] = weir_tree_page_child(&t->pages, p->pgno[d], p->at[d]);
        p->num[d + 1] = weir_tree_page_num(&t->pages, p->pgno[d + 1]);
        p->at[d + 1] = last && p->num[d + 1] > 0 ? p->num[d + 1] - 1 : 0;
    }
}

/* The page beside the one at level `d`, whatever is above it. @return false: there is none */
static bool path_beside(const struct store_txn *t, struct path *p, unsigned d, bool right)
{
    unsigned up = d;

    while (up > 0 && (right ? p->at[up - 1] + 1 >= p->num[up - 1] : p->at[up - 1] == 0))
        up--;
    if (up == 0)
        return false;
    p->at[up - 1] += right ? 1u : -1u;
    path_descend(t, p, up - 1, d, !right);
    return true;
}

/* The bounds that the pages above level `d` set for its keys: *low or larger, and smaller than
 * *high. Empty: no bound. */
static void path_bounds(const struct store_txn *t, const struct path *p, unsigned d,
                        struct weir_span *low, struct weir_span *high)
{
    *low = *high = WEIR_SPAN_EMPTY;
    for (unsigned up = d; up > 0 && low->len == 0; up--)
        if (p->at[up - 1] > 0)
            *low = weir_tree_page_key(&t->pages, p->pgno[up - 1], p->at[up - 1]);
    for (unsigned up = d; up > 0 && high->len == 0; up--)
        if (p->at[up - 1] + 1 < p->num[up - 1])
            *high = weir_tree_page_key(&t->pages, p->pgno[up - 1], p->at[up - 1] + 1);
}

static bool page_sound(struct store_txn *t, uint64_t pgno)
{
    if ((is_checked(t->s, pgno) & SOUND) != 0)
        return true;
    if (weir_tree_page_check(&t->pages, pgno, true) == WEIR_TREE_PAGE_BAD)
        return false;
    (void)mark_checked(t->s, pgno, SOUND);
    return true;
}

/* Is the page at level `d` sound, and are its keys in the range of the pages above it? A sound page
 * may belong to another place. */
static bool page_ok(struct store_txn *t, const struct path *p, unsigned d)
{
    uint64_t pgno = p->pgno[d];
    bool leaf = d + 1 == p->depth;
    unsigned first = leaf ? 0 : 1; /* a branch's first key stands for everything below the next */
    struct weir_span min;
    struct weir_span max;

    if (!page_sound(t, pgno))
        return false;
    unsigned num = weir_tree_page_num(&t->pages, pgno);
    if (num <= first || weir_tree_page_is_leaf(&t->pages, pgno) != leaf)
        return false;
    struct weir_span low = weir_tree_page_key(&t->pages, pgno, first);
    struct weir_span high = weir_tree_page_key(&t->pages, pgno, num - 1);
    path_bounds(t, p, d, &min, &max);
    return low.len > 0 && high.len > 0 && (min.len == 0 || weir_span_cmp(min, low) <= 0) &&
           (max.len == 0 || weir_span_cmp(high, max) < 0);
}

static bool path_ok(struct store_txn *t, const struct path *p)
{
    for (unsigned d = 0; d < p->depth; d++)
        if (!page_ok(t, p, d))
            return false;
    return true;
}

/* The page at level `d`, and those that lead to the lowest key below it: LMDB searches that key
 * when it moves or merges branches. */
static bool page_and_lowest_ok(struct store_txn *t, const struct path *p, unsigned d)
{
    struct path down = *p;

    down.at[d] = 0;
    for (unsigned at = d; at < p->depth; at++) {
        if (at > d)
            path_descend(t, &down, at - 1, at, false);
        if (!page_ok(t, &down, at))
            return false;
    }
    return true;
}

/* -- what LMDB may read for a key -- */

/* The pages beside those of the path, at each level below the root. A removal may merge with them
 * or take entries of them. @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM */
static enum weir_err check_siblings(struct store_txn *t, const struct path *p)
{
    for (unsigned d = 1; d < p->depth; d++) {
        if (!page_and_lowest_ok(t, p, d))
            return WEIR_ECORRUPT;
        for (int right = 0; right <= 1; right++) {
            struct path beside = *p;
            if (!path_beside(t, &beside, d, right != 0))
                continue;
            if (!page_and_lowest_ok(t, &beside, d))
                return WEIR_ECORRUPT;
            if (!mark_checked(t->s, beside.pgno[d], CHANGED))
                return WEIR_ENOMEM;
        }
        if (!mark_checked(t->s, p->pgno[d], TOUCHED))
            return WEIR_ENOMEM;
    }
    return WEIR_OK;
}

static bool is_next_sound(struct store_txn *t, const struct path *p)
{
    struct path next = *p;

    return !path_beside(t, &next, p->depth - 1, true) || path_ok(t, &next);
}

/* Does a removal leave the leaf as it is, but for the entry? It does when the leaf is unchanged
 * since the commit, stays full enough, and the entry is not its last, after which LMDB would go
 * on. */
static bool cannot_merge(const struct store_txn *t, const struct weir_tree_cursor *c, uint64_t pgno)
{
    const struct weir_tree_level *leaf = &c->level[c->depth - 1];
    struct weir_span key;
    struct weir_span value;

    if ((is_checked(t->s, pgno) & CHANGED) != 0 || leaf->at + 1 >= leaf->num ||
        weir_tree_entry(c, &key, &value) < 0)
        return false;
    return weir_tree_page_used(&t->pages, pgno) >=
           FULL_ENOUGH(t->pages.page_len) + key.len + value.len;
}

/* The entry at the key's place, if any, may have pages of its own, of which LMDB frees as many as
 * the first of them states. When the entry is a neighbour and not the key itself, this refuses too
 * much. */
static bool value_sound(const struct weir_tree_cursor *c)
{
    const struct weir_tree_level *leaf = &c->level[c->depth - 1];
    struct weir_span found;
    struct weir_span value;

    return leaf->at == leaf->num || weir_tree_entry(c, &found, &value) == WEIR_OK;
}

/* @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM */
static enum weir_err check_path(struct store_txn *t, enum store_tree tree, struct weir_span key,
                                unsigned want)
{
    struct weir_tree_cursor c;
    struct path p;

    enum weir_err err = weir_tree_locate(&c, &t->pages, &t->roots.tree[tree], key);
    if (err == WEIR_ENOTFOUND)
        return WEIR_OK; /* an empty tree */
    if (err < 0 || !value_sound(&c))
        return WEIR_ECORRUPT;
    const uint8_t *leaf = c.level[c.depth - 1].page;
    uint64_t pgno = (uint64_t)(leaf - t->pages.map) / t->pages.page_len;
    if ((want & SIDES) != 0 && cannot_merge(t, &c, pgno))
        want = PATH | CHANGED;
    unsigned missing = want & ~is_checked(t->s, pgno);
    if (missing == 0)
        return WEIR_OK;
    path_of(t, &c, &p);
    if (((missing & PATH) != 0 && !path_ok(t, &p)) ||
        ((missing & NEXT) != 0 && !is_next_sound(t, &p)))
        return WEIR_ECORRUPT;
    if ((missing & SIDES) != 0)
        err = check_siblings(t, &p);
    /* What was checked may be forgotten, what was changed may not. */
    if (err == WEIR_OK && !mark_checked(t->s, pgno, want) && (want & CHANGED) != 0)
        err = WEIR_ENOMEM;
    return err;
}

static enum weir_err guard_path(struct store_txn *t, enum store_tree tree, struct weir_span key,
                                unsigned want)
{
    enum weir_err err = check_path(t, tree, key, want);
    if (err == WEIR_ECORRUPT)
        weir_store_suspect(t->s, weir_store_tree_name(tree));
    return err;
}

enum weir_err weir_store_guard(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard_path(t, tree, key, PATH);
}

enum weir_err weir_store_guard_put(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard_path(t, tree, key, PATH | CHANGED);
}

enum weir_err weir_store_guard_next(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard_path(t, tree, key, PATH | NEXT);
}

enum weir_err weir_store_guard_del(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    return guard_path(t, tree, key, PATH | NEXT | SIDES | CHANGED);
}

/* One side of a run of touched pages at level `d`: the page beside it becomes part of the run,
 * and the one after that is checked. */
static enum weir_err grow_marks(struct store_txn *t, const struct path *from, unsigned d,
                                bool right)
{
    struct path p = *from;

    do {
        if (!path_beside(t, &p, d, right))
            return WEIR_OK;
    } while ((is_checked(t->s, p.pgno[d]) & TOUCHED) != 0);
    if (!page_and_lowest_ok(t, &p, d))
        return WEIR_ECORRUPT;
    if (!mark_checked(t->s, p.pgno[d], TOUCHED | CHANGED))
        return WEIR_ENOMEM;
    if (!path_beside(t, &p, d, right))
        return WEIR_OK;
    if (!page_and_lowest_ok(t, &p, d))
        return WEIR_ECORRUPT;
    return mark_checked(t->s, p.pgno[d], CHANGED) ? WEIR_OK : WEIR_ENOMEM;
}

enum weir_err weir_store_guard_merged(struct store_txn *t, enum store_tree tree,
                                      struct weir_span key)
{
    struct weir_tree_cursor c;
    struct path p;

    enum weir_err err = weir_tree_locate(&c, &t->pages, &t->roots.tree[tree], key);
    if (err == WEIR_ENOTFOUND)
        return WEIR_OK; /* all of it was made in this transaction */
    if (err == WEIR_OK)
        path_of(t, &c, &p);
    for (unsigned d = 1; err == WEIR_OK && d < p.depth; d++) {
        err = grow_marks(t, &p, d, false);
        if (err == WEIR_OK)
            err = grow_marks(t, &p, d, true);
    }
    if (err == WEIR_ECORRUPT)
        weir_store_suspect(t->s, weir_store_tree_name(tree));
    return err;
}

/* The main tree is one page: it has only the names of our few trees. NULL: it is not. */
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

    forget_checked(t->s);
    if (weir_store_state_meta(&t->pages, t->roots.txnid, &m) < 0)
        return WEIR_ECORRUPT;
    const uint8_t *main = main_page(t, &m);
    if (main == NULL)
        return WEIR_ECORRUPT;
    if (s->roots_txnid == t->roots.txnid && s->roots_sum != roots_sum(t, main))
        return WEIR_ECORRUPT;
    /* The commit leaves the head of the other meta page as it is, so guard_roots must find it
     * unchanged. */
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
