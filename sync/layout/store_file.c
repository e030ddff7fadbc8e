/* SPDX-License-Identifier: Apache-2.0
 *
 * store_file.c - see store_file.h. LMDB checks the magic number and the version of a meta page and
 * believes the rest; here both meta pages, the free list and the roots must fit together first.
 */
#include "sync/layout/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/version/num.h"

#define PAGE_LEN_USUAL 4096
#define FREE_ID_LEN    8 /* bytes of a page number or count in the free tree */

enum weir_err weir_store_file_open(int folder_fd, const char *name, struct store_file *ret)
{
    struct store_file f = STORE_FILE_ZERO;
    struct stat st;

    f.fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (f.fd < 0)
        return errno == ENOENT ? WEIR_ENOTFOUND : errno == EACCES ? WEIR_EPERM : WEIR_EIO;
    if (fstat(f.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(f.fd);
        return WEIR_EIO;
    }
    if (st.st_size == 0) {
        close(f.fd);
        return WEIR_ENOTFOUND;
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, f.fd, 0);
    if (map == MAP_FAILED) {
        close(f.fd);
        return WEIR_ENOMEM;
    }
    f.num_trees = STORE_NUM_TREES_C;
    f.pages = (struct weir_tree_file){ map, (uint64_t)st.st_size, PAGE_LEN_USUAL };
    *ret = f;
    return WEIR_OK;
}

void weir_store_file_close(struct store_file *f)
{
    if (f->fd < 0)
        return;
    munmap((void *)(uintptr_t)f->pages.map, (size_t)f->pages.len);
    close(f->fd);
    *f = STORE_FILE_ZERO;
}

static enum weir_err meta_page(const struct store_file *f, uint64_t pgno, uint32_t page_len,
                               struct weir_tree_meta *ret)
{
    uint64_t at = pgno * page_len;

    if (at + WEIR_TREE_META_LEN > f->pages.len)
        return WEIR_ECORRUPT;
    return weir_tree_meta_read(weir_span(f->pages.map + at, WEIR_TREE_META_LEN), pgno, ret);
}

/* Both meta pages are written in turn, one a transaction, so their numbers are neighbours and each
 * has the parity of its page. A new file has zero in both. */
static bool metas_fit(const struct weir_tree_meta m[2])
{
    if (m[0].page_len != m[1].page_len)
        return false;
    if (m[0].txnid == 0 && m[1].txnid <= 1)
        return true;
    uint64_t apart = m[0].txnid > m[1].txnid ? m[0].txnid - m[1].txnid : m[1].txnid - m[0].txnid;
    return apart == 1 && m[0].txnid % 2 == 0;
}

/* The transaction that the rows of this state name, 0 when they cannot be read. */
static uint64_t named_txn(const struct store_file *f, const struct weir_tree_meta *m)
{
    struct weir_tree_file pages = { f->pages.map, f->pages.len, m->page_len };
    struct weir_span key = weir_span_cstr(weir_store_tree_name(STORE_META));
    struct weir_span row;
    struct weir_tree tree;

    if (weir_tree_get(&pages, &m->main, key, &row) < 0 || weir_tree_read(row, &tree) < 0)
        return 0;
    key = WEIR_SPAN_LIT("txn");
    if (weir_tree_get(&pages, &tree, key, &row) < 0 ||
        weir_store_row_check(STORE_META, key, row, &row) < 0 || row.len != 8)
        return 0;
    return weir_num_get_le(row.at, 8);
}

static enum weir_err read_metas(struct store_file *f)
{
    struct weir_tree_meta m[2];
    enum weir_err err[2];

    err[0] = meta_page(f, 0, 0, &m[0]);
    err[1] = meta_page(f, 1, err[0] == WEIR_OK ? m[0].page_len : PAGE_LEN_USUAL, &m[1]);
    if (err[0] == WEIR_EUNSUPPORTED && err[1] != WEIR_OK) {
        f->why = "it was written by another version of LMDB";
        return WEIR_EUNSUPPORTED;
    }
    bool both = err[0] == WEIR_OK && err[1] == WEIR_OK;
    f->has_meta = err[0] == WEIR_OK || err[1] == WEIR_OK;
    f->why = "a meta page is damaged";
    if (!f->has_meta)
        return WEIR_ECORRUPT;

    /* LMDB trusts the page's own number; the rows cannot be wrong because of one flipped bit. */
    unsigned newest = err[0] == WEIR_OK ? 0 : 1;
    bool fit = both && metas_fit(m);
    if (both) {
        unsigned by_rows = named_txn(f, &m[1]) > named_txn(f, &m[0]) ? 1 : 0;
        newest = m[1].txnid > m[0].txnid ? 1 : 0;
        fit = fit && (by_rows == newest || named_txn(f, &m[by_rows]) == 0);
        newest = fit ? newest : by_rows;
    }
    f->newest_known = fit;
    f->meta = m[newest];
    f->pages.page_len = m[newest].page_len;
    return fit ? WEIR_OK : WEIR_ECORRUPT;
}

/* Collects the trees out of the main tree. */
static void on_main_entry(void *arg, struct weir_span key, struct weir_span value)
{
    struct store_file *f = arg;

    for (int i = 0; i < f->num_trees; i++) {
        if (!weir_span_eq(key, weir_span_cstr(weir_store_tree_name((enum store_tree)i))))
            continue;
        f->has_tree[i] = weir_tree_read(value, &f->tree[i]) == WEIR_OK && f->tree[i].flags == 0;
        return;
    }
}

/* The free pages as they are met. */
struct free_walk {
    struct weir_tree_walk walk;
    uint64_t last_page;
    uint64_t
        num_unwritten; /* beyond the end of the file: allocated and freed without being written */
};

/* A row of the free tree: a count, then so many page numbers, largest first; spare room after
 * them. */
static void on_free_entry(void *arg, struct weir_span key, struct weir_span value)
{
    struct free_walk *f = arg;
    struct weir_tree_walk *w = &f->walk;
    uint64_t room = value.len / FREE_ID_LEN;
    uint64_t num = value.len >= FREE_ID_LEN ? weir_num_get_le(value.at, 8) : UINT64_MAX;

    if (key.len != FREE_ID_LEN || value.len % FREE_ID_LEN != 0 || num >= room) {
        w->num_bad++;
        return;
    }
    uint64_t before = UINT64_MAX;
    for (uint64_t i = 1; i <= num; i++) {
        uint64_t pgno = weir_num_get_le(value.at + i * FREE_ID_LEN, 8);
        bool written = pgno < w->file.len / w->file.page_len;
        if (pgno >= before || pgno > f->last_page || (written && !weir_tree_walk_mark(w, pgno)))
            w->num_bad++;
        f->num_unwritten += !written;
        before = pgno;
    }
}

bool weir_store_file_mark_free(const struct store_file *f, struct weir_tree_walk *w,
                               uint64_t *ret_unwritten)
{
    struct free_walk fw = { .walk = *w, .last_page = f->meta.last_page };

    fw.walk.entry = on_free_entry;
    fw.walk.arg = &fw;
    fw.walk.num_bad = 0;
    weir_tree_walk(&fw.walk, &f->meta.free, false);
    *ret_unwritten = fw.num_unwritten;
    return fw.walk.num_bad == 0;
}

static enum weir_err check_trees(struct store_file *f, struct weir_tree_walk *w)
{
    w->entry = on_main_entry;
    w->arg = f;
    weir_tree_walk(w, &f->meta.main, true);
    if (w->num_bad > 0) {
        f->why = "the tree of trees is damaged";
        return WEIR_ECORRUPT;
    }
    f->created = f->meta.main.root != WEIR_TREE_NONE;
    for (int i = 0; f->created && i < f->num_trees; i++) {
        bool ok = f->has_tree[i] &&
                  (f->tree[i].root == WEIR_TREE_NONE || f->tree[i].root <= f->meta.last_page);
        if (!ok) {
            f->why = "a tree is missing or its description is damaged";
            return WEIR_ECORRUPT;
        }
    }
    uint64_t num_pages = f->pages.len / f->pages.page_len;
    uint64_t missing = f->meta.last_page + 1 > num_pages ? f->meta.last_page + 1 - num_pages : 0;
    uint64_t num_unwritten = 0;
    if (!weir_store_file_mark_free(f, w, &num_unwritten)) {
        f->why = "the list of free pages is damaged";
        return WEIR_ECORRUPT;
    }
    if (num_unwritten != missing) {
        f->why = "it was cut short";
        return WEIR_ECORRUPT;
    }
    return WEIR_OK;
}

enum weir_err weir_store_file_meta(const struct store_file *f, const char *name,
                                   struct weir_span *ret_payload)
{
    struct weir_span key = weir_span_cstr(name);
    struct weir_span row;

    if (!f->has_tree[STORE_META])
        return WEIR_ENOTFOUND;
    enum weir_err err = weir_tree_get(&f->pages, &f->tree[STORE_META], key, &row);
    if (err < 0)
        return err;
    return weir_store_row_check(STORE_META, key, row, ret_payload);
}

/* Our own rows: the format, and the transaction that wrote them, which reveals a stale meta page.
 */
static enum weir_err check_own(struct store_file *f)
{
    struct weir_span row;

    if (weir_store_file_meta(f, "format", &row) < 0 || row.len != 4) {
        f->why = "the format row is damaged";
        return WEIR_ECORRUPT;
    }
    if (weir_num_get_le(row.at, 4) > STORE_FORMAT) {
        f->why = "its format is newer than this program";
        return WEIR_EUNSUPPORTED;
    }
    if (weir_store_file_meta(f, "txn", &row) < 0 || row.len != 8 ||
        weir_num_get_le(row.at, 8) != f->meta.txnid) {
        f->why = "the newest transaction is not the one its rows name";
        return WEIR_ECORRUPT;
    }
    return WEIR_OK;
}

static enum weir_err check_whole(struct store_file *f, struct weir_tree_walk *w)
{
    w->entry = NULL;
    for (int i = 0; i < f->num_trees; i++) {
        w->num_entries = 0;
        weir_tree_walk(w, &f->tree[i], true);
        if (w->num_bad > 0 || w->num_entries != f->tree[i].num_entries) {
            f->why = "a page of a tree is damaged";
            return WEIR_ECORRUPT;
        }
    }
    return WEIR_OK;
}

enum weir_err weir_store_file_check(struct store_file *f, bool whole)
{
    enum weir_err err = read_metas(f);
    if (err < 0 && !f->has_meta)
        return err;
    enum weir_err metas = err;
    const char *why = f->why;

    /* The length of a file may differ from the one in its last page after a commit that was cut
     * off, or because of pages that were never written; or it is damaged. Only a walk can find
     * out which.
     */
    uint64_t wanted = (f->meta.last_page + 1) * f->pages.page_len;
    if (f->pages.len <= STORE_CHECK_WHOLE_BYTES || f->pages.len != wanted)
        whole = true;

    struct weir_tree_walk w = { .file = f->pages };
    if (w.file.len > wanted)
        w.file.len = wanted; /* a page after the last one is no page of a tree */
    w.seen = calloc(1, weir_tree_walk_seen_len(&f->pages));
    if (w.seen == NULL)
        return WEIR_ENOMEM;
    /* Also of a state that is not the newest, or not for certain: a rescue begins with its trees.
     */
    err = check_trees(f, &w);
    if (metas < 0) {
        err = metas;
        f->why = why;
    }
    if (err == WEIR_OK && f->created)
        err = check_own(f);
    if (err == WEIR_OK && f->created && whole)
        err = check_whole(f, &w);
    free(w.seen);
    return err;
}
