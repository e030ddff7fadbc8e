/* SPDX-License-Identifier: Apache-2.0
 *
 * store_env.c - LMDB's environment, and beside it a read-only map of the same file for tree.h.
 * Both see the same pages of the kernel's cache, so that what LMDB commits is read at once.
 */
#include "sync/store/store_env.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "sync/version/num.h"

#define PATH_BYTES 4096

enum weir_err weir_store_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return WEIR_OK;
    case MDB_NOTFOUND:
        return WEIR_ENOTFOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return WEIR_EFULL;
    case ENOMEM:
        return WEIR_ENOMEM;
    case MDB_READERS_FULL:
    case MDB_BAD_VALSIZE:
        return WEIR_ELIMIT;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE: /* the kind of an entry is one that we never write */
        return WEIR_ECORRUPT;
    case MDB_VERSION_MISMATCH:
        return WEIR_EUNSUPPORTED;
    case EACCES:
    case EPERM:
    case EROFS:
        return WEIR_EPERM;
    default:
        return WEIR_EIO;
    }
}

/* LMDB ends the process after this. The mark makes the next start check every page. */
static void on_assert(MDB_env *env, const char *msg)
{
    struct weir_store *s = mdb_env_get_userctx(env);

    log_error("store.lmdb_assert", "folder=%s what=\"%s\"", s->folder, msg);
    int fd = openat(s->folder_fd, s->kind->suspect_name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

void weir_store_suspect(struct weir_store *s, const char *what)
{
    if (!atomic_exchange_explicit(&s->suspect, true, memory_order_relaxed))
        log_error("store.page_damaged",
                  "folder=%s what=\"%s\" effect=\"records behind it cannot be reached\" "
                  "repair=\"at the next start\"",
                  s->folder, what);
}

void weir_store_count_corrupt(struct weir_store *s, struct weir_span rec_key)
{
    uint32_t suppressed = 0;

    atomic_fetch_add_explicit(&s->num_corrupt, 1, memory_order_relaxed);
    /* Readers of several threads meet corrupt rows, so this one counter has more than one writer.
     */
    if (s->cfg.metrics != NULL)
        atomic_fetch_add_explicit(&s->cfg.metrics->cells[WEIR_M_STORE_CORRUPT_RECORDS], 1,
                                  memory_order_relaxed);
    if (!weir_log_allowed(&s->corrupt_log, 5, &suppressed))
        return;
    log_error("store.record_corrupt", "class=%u key=\"%.*s\" suppressed=%" PRIu32,
              rec_key.len > 0 ? rec_key.at[0] : 0u, rec_key.len > 0 ? (int)rec_key.len - 1 : 0,
              rec_key.len > 0 ? (const char *)rec_key.at + 1 : "", suppressed);
}

static uint64_t round_up(uint64_t bytes, uint64_t to)
{
    return (bytes + to - 1) / to * to;
}

/* Open LMDB with a map of `map_len` bytes. @return LMDB's code */
static int env_try(struct weir_store *s, const char *path, uint64_t map_len)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc != 0)
        return rc;
    rc = mdb_env_set_maxdbs(env, (MDB_dbi)s->kind->num_trees);
    if (rc == 0)
        rc = mdb_env_set_mapsize(env, map_len);
    if (rc == 0)
        rc = mdb_env_set_userctx(env, s);
    if (rc == 0)
        rc = mdb_env_set_assert(env, on_assert);
    /* Default sync: what is acknowledged is on the disk. NOTLS: reader slots belong to our reader
     * objects and not to threads. */
    if (rc == 0)
        rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (rc != 0) {
        mdb_env_close(env);
        return rc;
    }
    MDB_envinfo info;
    rc = mdb_env_info(env, &info);
    s->max_readers = info.me_maxreaders;
    s->env = env;
    s->map_len = info.me_mapsize; /* larger when the file is */
    return rc;
}

/* LMDB has its table of readers in a mapped sparse file. On a full disk the first touch of one of
 * its pages would end the process, so its blocks are allocated before. @return 0 or an errno */
static int allocate_readers(struct weir_store *s, const char *name)
{
    char lock_name[64];

    (void)snprintf(lock_name, sizeof(lock_name), "%s-lock", name);
    int fd = openat(s->folder_fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int rc = posix_fallocate(fd, 0, STORE_READERS_BYTES);
    close(fd);
    return rc;
}

/* Our own view, as long as LMDB's. @return 0 or an errno */
static int map_try(struct weir_store *s, const char *name)
{
    int fd = openat(s->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    void *map = mmap(NULL, s->map_len, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        int rc = errno;
        close(fd);
        return rc;
    }
    s->file_fd = fd;
    s->map = map;
    return 0;
}

static int open_at_size(struct weir_store *s, const char *path, const char *name, uint64_t map_len)
{
    int rc = allocate_readers(s, name);
    if (rc == 0)
        rc = env_try(s, path, map_len);
    if (rc == 0)
        rc = map_try(s, name);
    if (rc != 0)
        weir_store_env_close(s);
    return rc;
}

/* Handles of the trees. @return LMDB's code; MDB_NOTFOUND: nothing was ever committed */
static int open_trees(struct weir_store *s)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    for (int i = 0; rc == 0 && i < s->kind->num_trees; i++)
        rc = mdb_dbi_open(txn, weir_store_tree_name((enum store_tree)i), 0, &s->dbi[i]);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

enum weir_err weir_store_env_open(struct weir_store *s, const char *name)
{
    char path[PATH_BYTES];
    MDB_stat st;
    int dead = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t max = round_up(atomic_load(&s->max_bytes), page);
    uint64_t reserve = max > STORE_RESERVE_MAX / 4 ? STORE_RESERVE_MAX : max * 4;

    int len = snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return WEIR_EINVAL;
    if (reserve < max)
        reserve = max;
    int rc = open_at_size(s, path, name, reserve);
    if (rc == ENOMEM)
        rc = open_at_size(s, path, name, max); /* RLIMIT_AS: the limit cannot be raised then */
    if (rc == 0)
        rc = mdb_reader_check(s->env, &dead);
    if (rc == 0)
        rc = mdb_env_stat(s->env, &st);
    if (rc == 0) {
        s->page_len = st.ms_psize;
        rc = open_trees(s);
    }
    if (dead > 0)
        log_info("store.readers_cleared", "num=%d", dead);
    if (rc == MDB_NOTFOUND)
        return WEIR_OK; /* weir_store_meta_load reports that it is new */
    if (rc != 0) {
        log_error("store.open_failed", "path=%s err=\"%s\"", path, mdb_strerror(rc));
        weir_store_env_close(s);
    }
    return weir_store_err(rc);
}

void weir_store_env_close(struct weir_store *s)
{
    if (s->map != NULL)
        munmap((void *)(uintptr_t)s->map, s->map_len);
    s->map = NULL;
    if (s->file_fd >= 0)
        close(s->file_fd);
    s->file_fd = -1;
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
    free(s->sound);
    s->sound = NULL;
    s->sound_pages = 0;
    free(s->marked);
    s->marked = NULL;
    s->num_marked = s->cap_marked = 0;
    s->free_sum_txnid = 0;
    s->free_sum = 0;
    s->roots_txnid = 0;
    s->roots_sum = 0;
}

enum weir_err weir_store_state_meta(const struct weir_tree_file *pages, uint64_t txnid,
                                    struct weir_tree_meta *ret)
{
    uint64_t pgno = txnid & 1;
    uint64_t at = pgno * pages->page_len;
    struct weir_tree_meta m;

    if (at + WEIR_TREE_META_LEN > pages->len)
        return WEIR_ECORRUPT;
    if (weir_tree_meta_read(weir_span(pages->map + at, WEIR_TREE_META_LEN), pgno, &m) < 0)
        return WEIR_ECORRUPT;
    if (m.txnid != txnid || m.page_len != pages->page_len)
        return WEIR_ECORRUPT;
    *ret = m;
    return WEIR_OK;
}

/* Did this transaction write these trees? Meta page and roots may each hold and still be of two
 * states: damaged ones, or, for a reader, ones that two commits have overtaken. */
static bool names_itself(const struct weir_tree_file *pages, const struct store_roots *roots)
{
    struct weir_span key = WEIR_SPAN_LIT("txn");
    struct weir_span row;

    return weir_tree_get(pages, &roots->tree[STORE_META], key, &row) == WEIR_OK &&
           weir_store_row_check(STORE_META, key, row, &row) == WEIR_OK && row.len == 8 &&
           weir_num_get_le(row.at, 8) == roots->txnid;
}

enum weir_err weir_store_roots_load(const struct weir_tree_file *pages, uint64_t txnid,
                                    int num_trees, struct store_roots *ret)
{
    struct store_roots roots = { .txnid = txnid };
    struct weir_tree_meta m;

    enum weir_err err = weir_store_state_meta(pages, txnid, &m);
    if (err < 0)
        return err;
    for (int i = num_trees; i < STORE_NUM_TREES; i++)
        roots.tree[i].root = WEIR_TREE_NONE;
    for (int i = 0; i < num_trees; i++) {
        struct weir_span key = weir_span_cstr(weir_store_tree_name((enum store_tree)i));
        struct weir_span value;
        if (weir_tree_get(pages, &m.main, key, &value) < 0 ||
            weir_tree_read(value, &roots.tree[i]) < 0)
            return WEIR_ECORRUPT;
    }
    if (!names_itself(pages, &roots))
        return WEIR_ECORRUPT;
    *ret = roots;
    return WEIR_OK;
}

enum weir_err weir_store_pages_now(const struct weir_store *s, struct weir_tree_file *ret)
{
    struct stat st;

    if (fstat(s->file_fd, &st) != 0)
        return WEIR_EIO;
    uint64_t len = (uint64_t)st.st_size < s->map_len ? (uint64_t)st.st_size : s->map_len;
    *ret = (struct weir_tree_file){ s->map, len, s->page_len };
    return WEIR_OK;
}

uint64_t weir_store_wall_ms(const struct weir_store *s)
{
    return s->cfg.wall_ms != NULL ? s->cfg.wall_ms() : weir_clock_wall_ms();
}
