/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c - see tree.h. Every offset and page number is checked against the file before it is
 * followed, at the moment it is followed; nothing is remembered as checked.
 */
#include "sync/tree/tree.h"

#include <string.h>

/* Positions in a page, a meta page, an entry and a tree's description. */
enum {
    PAGE_PGNO = 0,
    PAGE_FLAGS = 10,
    PAGE_LOWER = 12,
    PAGE_UPPER = 14,
    PAGE_RUN = 12, /* overflow pages: length of the run */

    META_MAGIC = 16,
    META_VERSION = 20,
    META_FREE = 40,
    META_MAIN = META_FREE + WEIR_TREE_DB_LEN,
    META_LAST_PAGE = META_MAIN + WEIR_TREE_DB_LEN,
    META_TXNID = META_LAST_PAGE + 8,

    NODE_LO = 0,
    NODE_HI = 2,
    NODE_FLAGS = 4,
    NODE_KEY_LEN = 6,
    NODE_HEADER = 8,

    DB_PAD = 0, /* of the free tree: the page length */
    DB_FLAGS = 4,
    DB_DEPTH = 6,
    DB_BRANCH = 8,
    DB_LEAF = 16,
    DB_OVERFLOW = 24,
    DB_ENTRIES = 32,
    DB_ROOT = 40,
};
_Static_assert(META_TXNID + 8 == WEIR_TREE_META_LEN, "a meta page ends with the transaction id");

#define FLAG_META     0x08
#define MAGIC         0xBEEFC0DEu
#define DATA_VERSION  1
#define NODE_BIGDATA  0x01
#define NODE_SUBDATA  0x02
#define DB_INTEGERKEY 0x08
#define ENV_NOSUBDIR  0x4000 /* LMDB stores the environment's flags with those of the free tree */
#define PAGE_LEN_MIN  512
#define PAGE_LEN_MAX  65536
#define FIRST_PAGE    2 /* after the two meta pages */

static uint16_t u16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static uint32_t u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static uint64_t u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

enum weir_err weir_tree_read(struct weir_span bytes, struct weir_tree *ret)
{
    if (bytes.len != WEIR_TREE_DB_LEN)
        return WEIR_ECORRUPT;
    struct weir_tree t = {
        .root = u64(bytes.at + DB_ROOT),
        .num_entries = u64(bytes.at + DB_ENTRIES),
        .num_branch_pages = u64(bytes.at + DB_BRANCH),
        .num_leaf_pages = u64(bytes.at + DB_LEAF),
        .num_overflow_pages = u64(bytes.at + DB_OVERFLOW),
        .depth = u16(bytes.at + DB_DEPTH),
        .flags = u16(bytes.at + DB_FLAGS),
    };
    bool empty = t.root == WEIR_TREE_NONE;

    if (empty != (t.depth == 0) || t.depth > WEIR_TREE_DEPTH_MAX)
        return WEIR_ECORRUPT;
    if (!empty && t.root < FIRST_PAGE)
        return WEIR_ECORRUPT;
    if (empty != (t.num_entries == 0))
        return WEIR_ECORRUPT;
    *ret = t;
    return WEIR_OK;
}

enum weir_err weir_tree_meta_read(struct weir_span page, uint64_t pgno, struct weir_tree_meta *ret)
{
    if (page.len < WEIR_TREE_META_LEN)
        return WEIR_ECORRUPT;
    const uint8_t *at = page.at;
    if (u64(at + PAGE_PGNO) != pgno || u16(at + PAGE_FLAGS) != FLAG_META)
        return WEIR_ECORRUPT;
    if (u32(at + META_MAGIC) != MAGIC)
        return WEIR_ECORRUPT;
    if (u32(at + META_VERSION) != DATA_VERSION)
        return WEIR_EUNSUPPORTED;

    struct weir_tree_meta m = {
        .txnid = u64(at + META_TXNID),
        .last_page = u64(at + META_LAST_PAGE),
        .page_len = u32(at + META_FREE + DB_PAD),
    };
    if (m.page_len < PAGE_LEN_MIN || m.page_len > PAGE_LEN_MAX ||
        (m.page_len & (m.page_len - 1)) != 0)
        return WEIR_ECORRUPT;
    if (m.last_page < FIRST_PAGE - 1 || m.last_page >= UINT64_MAX / m.page_len - 1)
        return WEIR_ECORRUPT;
    if (weir_tree_read(weir_span(at + META_FREE, WEIR_TREE_DB_LEN), &m.free) < 0 ||
        weir_tree_read(weir_span(at + META_MAIN, WEIR_TREE_DB_LEN), &m.main) < 0)
        return WEIR_ECORRUPT;
    if ((m.free.flags & ~ENV_NOSUBDIR) != DB_INTEGERKEY || m.main.flags != 0)
        return WEIR_ECORRUPT;
    if ((m.free.root != WEIR_TREE_NONE && m.free.root > m.last_page) ||
        (m.main.root != WEIR_TREE_NONE && m.main.root > m.last_page))
        return WEIR_ECORRUPT;
    *ret = m;
    return WEIR_OK;
}

/* The page, when it lies in the file as a whole and its number is `pgno`; else NULL. */
static const uint8_t *page_at(const struct weir_tree_file *f, uint64_t pgno)
{
    if (pgno < FIRST_PAGE || pgno >= f->len / f->page_len)
        return NULL;
    const uint8_t *page = f->map + pgno * f->page_len;
    return u64(page + PAGE_PGNO) == pgno ? page : NULL;
}

/* Entries of a branch or leaf page (`kind`), or 0: it is none, or its offsets are wrong. */
static unsigned page_num(const struct weir_tree_file *f, const uint8_t *page,
                         enum weir_tree_page_kind kind)
{
    if (u16(page + PAGE_FLAGS) != kind)
        return 0;
    unsigned lower = u16(page + PAGE_LOWER);
    unsigned upper = u16(page + PAGE_UPPER);
    if (lower < WEIR_TREE_HEADER || (lower & 1) != 0 || lower > upper || upper > f->page_len)
        return 0;
    return (lower - WEIR_TREE_HEADER) / 2;
}

/* Entry `at` of a page with more entries than that; NULL: its header or key leave the page. */
static const uint8_t *node_at(const struct weir_tree_file *f, const uint8_t *page, unsigned at)
{
    unsigned off = u16(page + WEIR_TREE_HEADER + 2 * at);

    if (off < u16(page + PAGE_UPPER) || off + NODE_HEADER > f->page_len)
        return NULL;
    const uint8_t *node = page + off;
    return off + NODE_HEADER + u16(node + NODE_KEY_LEN) <= f->page_len ? node : NULL;
}

static struct weir_span node_key(const uint8_t *node)
{
    return weir_span(node + NODE_HEADER, u16(node + NODE_KEY_LEN));
}

static uint64_t node_child(const uint8_t *node)
{
    return (uint64_t)u16(node + NODE_LO) | (uint64_t)u16(node + NODE_HI) << 16 |
           (uint64_t)u16(node + NODE_FLAGS) << 32;
}

static uint32_t node_value_len(const uint8_t *node)
{
    return (uint32_t)u16(node + NODE_LO) | (uint32_t)u16(node + NODE_HI) << 16;
}

/* Is what the leaf itself holds of this entry inside the page? */
static bool node_leaf_ok(const struct weir_tree_file *f, const uint8_t *page, const uint8_t *node)
{
    unsigned flags = u16(node + NODE_FLAGS);
    uint64_t end = (uint64_t)(node - page) + NODE_HEADER + u16(node + NODE_KEY_LEN);

    if ((flags & ~(unsigned)(NODE_BIGDATA | NODE_SUBDATA)) != 0 ||
        flags == (NODE_BIGDATA | NODE_SUBDATA))
        return false;
    end += (flags & NODE_BIGDATA) != 0 ? 8 : node_value_len(node);
    return end <= f->page_len;
}

/* Where the value lies. `*ret_overflow` is its own first page, or WEIR_TREE_NONE. */
static enum weir_err node_value(const struct weir_tree_file *f, const uint8_t *page,
                                const uint8_t *node, struct weir_span *ret_value,
                                uint64_t *ret_overflow)
{
    if (!node_leaf_ok(f, page, node))
        return WEIR_ECORRUPT;
    const uint8_t *value = node + NODE_HEADER + u16(node + NODE_KEY_LEN);
    uint64_t len = node_value_len(node);
    if ((u16(node + NODE_FLAGS) & NODE_BIGDATA) == 0) {
        *ret_value = weir_span(value, len);
        *ret_overflow = WEIR_TREE_NONE;
        return WEIR_OK;
    }

    uint64_t pgno = u64(value);
    const uint8_t *first = page_at(f, pgno);
    if (first == NULL || u16(first + PAGE_FLAGS) != WEIR_TREE_PAGE_OVERFLOW)
        return WEIR_ECORRUPT;
    uint64_t run = (WEIR_TREE_HEADER + len + f->page_len - 1) / f->page_len;
    if (u32(first + PAGE_RUN) != run || run > f->len / f->page_len - pgno)
        return WEIR_ECORRUPT;
    *ret_value = weir_span(first + WEIR_TREE_HEADER, len);
    *ret_overflow = pgno;
    return WEIR_OK;
}

/* Push page `pgno` on the cursor at level `depth`. The last level must be a leaf, others not. */
static enum weir_err push_level(struct weir_tree_cursor *c, uint64_t pgno, unsigned depth)
{
    bool leaf = depth + 1 == c->depth;
    const uint8_t *page = page_at(&c->file, pgno);

    if (page == NULL)
        return WEIR_ECORRUPT;
    unsigned num = page_num(&c->file, page, leaf ? WEIR_TREE_PAGE_LEAF : WEIR_TREE_PAGE_BRANCH);
    if (num == 0)
        return WEIR_ECORRUPT;
    c->level[depth] = (struct weir_tree_level){ .page = page, .at = 0, .num = num };
    return WEIR_OK;
}

/* First entry of the level's page whose key is >= key (leaf), or the child that holds it (branch:
 * the last entry <= key; entry 0 stands for everything below entry 1). */
static enum weir_err search_page(const struct weir_tree_file *f, struct weir_tree_level *l,
                                 bool leaf, struct weir_span key)
{
    unsigned low = leaf ? 0 : 1;
    unsigned high = l->num;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        const uint8_t *node = node_at(f, l->page, mid);
        if (node == NULL)
            return WEIR_ECORRUPT;
        int order = weir_span_cmp(node_key(node), key);
        if (leaf ? order < 0 : order <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    l->at = leaf ? low : low - 1;
    return WEIR_OK;
}

/* Go down from level `from`, whose `at` is set, to the leaf: to the first or last entries. */
static enum weir_err descend(struct weir_tree_cursor *c, unsigned from, bool last)
{
    for (unsigned d = from; d + 1 < c->depth; d++) {
        const uint8_t *node = node_at(&c->file, c->level[d].page, c->level[d].at);
        if (node == NULL)
            return WEIR_ECORRUPT;
        enum weir_err err = push_level(c, node_child(node), d + 1);
        if (err < 0)
            return err;
        if (last)
            c->level[d + 1].at = c->level[d + 1].num - 1;
    }
    return WEIR_OK;
}

static enum weir_err start_cursor(struct weir_tree_cursor *c, const struct weir_tree_file *file,
                                  const struct weir_tree *tree)
{
    c->file = *file;
    c->depth = tree->depth;
    if (tree->root == WEIR_TREE_NONE)
        return WEIR_ENOTFOUND;
    WEIR_ASSERT(tree->depth >= 1);
    WEIR_ASSERT(tree->depth <= WEIR_TREE_DEPTH_MAX);
    return push_level(c, tree->root, 0);
}

enum weir_err weir_tree_first(struct weir_tree_cursor *c, const struct weir_tree_file *file,
                              const struct weir_tree *tree)
{
    enum weir_err err = start_cursor(c, file, tree);
    return err < 0 ? err : descend(c, 0, false);
}

enum weir_err weir_tree_locate(struct weir_tree_cursor *c, const struct weir_tree_file *file,
                               const struct weir_tree *tree, struct weir_span key)
{
    enum weir_err err = start_cursor(c, file, tree);

    for (unsigned d = 0; err == WEIR_OK; d++) {
        bool leaf = d + 1 == c->depth;
        err = search_page(&c->file, &c->level[d], leaf, key);
        if (err < 0 || leaf)
            break;
        const uint8_t *node = node_at(&c->file, c->level[d].page, c->level[d].at);
        err = node == NULL ? WEIR_ECORRUPT : push_level(c, node_child(node), d + 1);
    }
    return err;
}

enum weir_err weir_tree_seek(struct weir_tree_cursor *c, const struct weir_tree_file *file,
                             const struct weir_tree *tree, struct weir_span key)
{
    enum weir_err err = weir_tree_locate(c, file, tree, key);
    if (err < 0)
        return err;
    /* After the last entry of its leaf: the next leaf begins with the first larger key. */
    struct weir_tree_level *leaf = &c->level[c->depth - 1];
    if (leaf->at < leaf->num)
        return WEIR_OK;
    leaf->at = leaf->num - 1;
    err = weir_tree_next(c);
    if (err == WEIR_ENOTFOUND)
        leaf->at = leaf->num;
    return err;
}

enum weir_err weir_tree_next(struct weir_tree_cursor *c)
{
    unsigned d = c->depth;

    while (d > 0 && c->level[d - 1].at + 1 >= c->level[d - 1].num)
        d--;
    if (d == 0)
        return WEIR_ENOTFOUND;
    c->level[d - 1].at++;
    return descend(c, d - 1, false);
}

enum weir_err weir_tree_prev(struct weir_tree_cursor *c)
{
    unsigned d = c->depth;

    while (d > 0 && c->level[d - 1].at == 0)
        d--;
    if (d == 0)
        return WEIR_ENOTFOUND;
    c->level[d - 1].at--;
    return descend(c, d - 1, true);
}

enum weir_err weir_tree_entry(const struct weir_tree_cursor *c, struct weir_span *ret_key,
                              struct weir_span *ret_value)
{
    const struct weir_tree_level *leaf = &c->level[c->depth - 1];
    uint64_t overflow;

    WEIR_ASSERT(leaf->at < leaf->num);
    const uint8_t *node = node_at(&c->file, leaf->page, leaf->at);
    if (node == NULL || node_value(&c->file, leaf->page, node, ret_value, &overflow) < 0)
        return WEIR_ECORRUPT;
    *ret_key = node_key(node);
    return WEIR_OK;
}

enum weir_err weir_tree_get(const struct weir_tree_file *file, const struct weir_tree *tree,
                            struct weir_span key, struct weir_span *ret_value)
{
    struct weir_tree_cursor c;
    struct weir_span found;
    struct weir_span value;

    enum weir_err err = weir_tree_locate(&c, file, tree, key);
    if (err < 0)
        return err;
    if (c.level[c.depth - 1].at == c.level[c.depth - 1].num)
        return WEIR_ENOTFOUND;
    err = weir_tree_entry(&c, &found, &value);
    if (err < 0)
        return err;
    if (!weir_span_eq(found, key))
        return WEIR_ENOTFOUND;
    *ret_value = value;
    return WEIR_OK;
}

/* The checks of one entry that a page check adds to those of reading. */
static bool entry_ok(const struct weir_tree_file *f, const uint8_t *page, const uint8_t *node,
                     bool leaf)
{
    if (leaf)
        return node_leaf_ok(f, page, node);
    uint64_t child = node_child(node);
    return child >= FIRST_PAGE && child < f->len / f->page_len;
}

enum weir_tree_page_kind weir_tree_page_check(const struct weir_tree_file *file, uint64_t pgno,
                                              bool sorted)
{
    const uint8_t *page = page_at(file, pgno);
    struct weir_span before = WEIR_SPAN_EMPTY;

    if (page == NULL)
        return WEIR_TREE_PAGE_BAD;
    unsigned kind = u16(page + PAGE_FLAGS);
    if (kind == WEIR_TREE_PAGE_OVERFLOW) {
        uint64_t run = u32(page + PAGE_RUN);
        bool fits = run >= 1 && run <= file->len / file->page_len - pgno;
        return fits ? WEIR_TREE_PAGE_OVERFLOW : WEIR_TREE_PAGE_BAD;
    }
    if (kind != WEIR_TREE_PAGE_BRANCH && kind != WEIR_TREE_PAGE_LEAF)
        return WEIR_TREE_PAGE_BAD;

    bool leaf = kind == WEIR_TREE_PAGE_LEAF;
    unsigned num = page_num(file, page, (enum weir_tree_page_kind)kind);
    if (num == 0 || (!leaf && sorted && num < 2))
        return WEIR_TREE_PAGE_BAD;
    for (unsigned i = 0; i < num; i++) {
        const uint8_t *node = node_at(file, page, i);
        if (node == NULL || !entry_ok(file, page, node, leaf))
            return WEIR_TREE_PAGE_BAD;
        struct weir_span key = node_key(node);
        bool first = i == 0 || (!leaf && i == 1);
        if (sorted && !first && weir_span_cmp(before, key) >= 0)
            return WEIR_TREE_PAGE_BAD;
        before = key;
    }
    return (enum weir_tree_page_kind)kind;
}

uint64_t weir_tree_overflow_len(const struct weir_tree_file *file, uint64_t pgno)
{
    const uint8_t *page = page_at(file, pgno);

    return page != NULL ? u32(page + PAGE_RUN) : 0;
}

bool weir_tree_page_is_leaf(const struct weir_tree_file *file, uint64_t pgno)
{
    const uint8_t *page = page_at(file, pgno);

    return page != NULL && u16(page + PAGE_FLAGS) == WEIR_TREE_PAGE_LEAF;
}

unsigned weir_tree_page_num(const struct weir_tree_file *file, uint64_t pgno)
{
    const uint8_t *page = page_at(file, pgno);

    return page != NULL ? page_num(file, page, (enum weir_tree_page_kind)u16(page + PAGE_FLAGS))
                        : 0;
}

/* The page was checked, but may have been damaged since: NULL then, or when there is no such
 * entry. */
static const uint8_t *node_again(const struct weir_tree_file *file, uint64_t pgno, unsigned at)
{
    return at < weir_tree_page_num(file, pgno)
               ? node_at(file, file->map + pgno * file->page_len, at)
               : NULL;
}

unsigned weir_tree_page_used(const struct weir_tree_file *file, uint64_t pgno)
{
    if (weir_tree_page_num(file, pgno) == 0)
        return 0;
    const uint8_t *page = file->map + pgno * file->page_len;
    unsigned room = (unsigned)u16(page + PAGE_UPPER) - u16(page + PAGE_LOWER);
    return room < file->page_len - WEIR_TREE_HEADER ? file->page_len - WEIR_TREE_HEADER - room : 0;
}

uint64_t weir_tree_page_child(const struct weir_tree_file *file, uint64_t pgno, unsigned at)
{
    const uint8_t *node = node_again(file, pgno, at);

    return node != NULL ? node_child(node) : WEIR_TREE_NONE;
}

struct weir_span weir_tree_page_key(const struct weir_tree_file *file, uint64_t pgno, unsigned at)
{
    const uint8_t *node = node_again(file, pgno, at);

    return node != NULL ? node_key(node) : WEIR_SPAN_EMPTY;
}

enum weir_err weir_tree_page_item(const struct weir_tree_file *file, uint64_t pgno, unsigned at,
                                  struct weir_tree_item *ret)
{
    const uint8_t *node = node_again(file, pgno, at);

    if (node == NULL)
        return WEIR_ECORRUPT;
    struct weir_tree_item item = { .key = node_key(node) };
    enum weir_err err =
        node_value(file, file->map + pgno * file->page_len, node, &item.value, &item.overflow);
    if (err == WEIR_OK)
        *ret = item;
    return err;
}

unsigned weir_tree_loose_num(const struct weir_tree_file *file)
{
    return (file->page_len - WEIR_TREE_HEADER) / 2;
}

enum weir_err weir_tree_loose_item(const struct weir_tree_file *file, uint64_t pgno, unsigned at,
                                   struct weir_tree_item *ret)
{
    WEIR_ASSERT(at < weir_tree_loose_num(file));
    if (pgno < FIRST_PAGE || pgno >= file->len / file->page_len)
        return WEIR_ECORRUPT;
    const uint8_t *page = file->map + pgno * file->page_len;
    unsigned off = u16(page + WEIR_TREE_HEADER + 2 * at);
    if (off < WEIR_TREE_HEADER || off + NODE_HEADER > file->page_len)
        return WEIR_ECORRUPT;
    const uint8_t *node = page + off;
    if (off + NODE_HEADER + u16(node + NODE_KEY_LEN) > file->page_len ||
        !node_leaf_ok(file, page, node))
        return WEIR_ECORRUPT;

    const uint8_t *value = node + NODE_HEADER + u16(node + NODE_KEY_LEN);
    uint64_t len = node_value_len(node);
    uint64_t first = WEIR_TREE_NONE;
    if ((u16(node + NODE_FLAGS) & NODE_BIGDATA) != 0) {
        first = u64(value);
        uint64_t pages = file->len / file->page_len;
        if (first < FIRST_PAGE || first >= pages ||
            len + WEIR_TREE_HEADER > (pages - first) * file->page_len)
            return WEIR_ECORRUPT;
        value = file->map + first * file->page_len + WEIR_TREE_HEADER;
    }
    *ret = (struct weir_tree_item){ node_key(node), weir_span(value, len), first };
    return WEIR_OK;
}
