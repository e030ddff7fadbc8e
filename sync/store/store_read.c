/* SPDX-License-Identifier: Apache-2.0
 *
 * store_read.c - readers: a transaction of LMDB that the reader holds pins a snapshot, and tree.h
 * reads its pages in place. Owner: the one thread that uses the reader. No locks; nothing is
 * allocated after reader_new.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/store/store_claims_search.h"
#include "sync/store/store_env.h"
#include "sync/version/num.h"

#define LANE_UNKNOWN UINT32_MAX
#define LOAD_TRIES   8 /* each is overtaken only by two more commits */

struct weir_store_reader {
    uint32_t magic;
    struct weir_store *s;
    MDB_txn *txn;
    bool reading;
    bool loaded; /* roots are those of roots.txnid */
    struct weir_tree_file pages;
    struct store_roots roots;
    struct store_tally tally; /* counts only */
    uint32_t lane_idx;        /* of `lane`, LANE_UNKNOWN at first; a lane's id never changes */
    uint8_t lane[WEIR_LANE_LEN];
};

static void check_reader(const struct weir_store_reader *r, bool reading)
{
    WEIR_ASSERT(r != NULL);
    WEIR_ASSERT(r->magic == READER_MAGIC);
    WEIR_ASSERT(r->reading == reading);
}

enum weir_err weir_store_reader_new(struct weir_store *s, struct weir_store_reader **ret)
{
    WEIR_ASSERT(s->magic == STORE_MAGIC);
    struct weir_store_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return WEIR_ENOMEM;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->txn);
    if (rc != 0) {
        free(r);
        return weir_store_err(rc);
    }
    mdb_txn_reset(r->txn);
    r->magic = READER_MAGIC;
    r->s = s;
    r->lane_idx = LANE_UNKNOWN;
    atomic_fetch_add(&s->num_readers, 1);
    *ret = r;
    return WEIR_OK;
}

void weir_store_reader_free(struct weir_store_reader **r)
{
    if (*r == NULL)
        return;
    check_reader(*r, false);
    mdb_txn_abort((*r)->txn);
    atomic_fetch_sub(&(*r)->s->num_readers, 1);
    (*r)->magic = 0;
    free(*r);
    *r = NULL;
}

static enum weir_err flag_damage(const struct weir_store_reader *r, const char *what)
{
    weir_store_suspect(r->s, what);
    return WEIR_ECORRUPT;
}

/* The parts of a snapshot other than records: file length, roots, counts. */
static enum weir_err load_snapshot(struct weir_store_reader *r)
{
    struct weir_span key = WEIR_SPAN_LIT("counts");
    struct weir_span row;

    enum weir_err err = weir_store_pages_now(r->s, &r->pages);
    if (err == WEIR_OK)
        err =
            weir_store_roots_load(&r->pages, mdb_txn_id(r->txn), r->s->kind->num_trees, &r->roots);
    if (err == WEIR_OK)
        err = weir_tree_get(&r->pages, &r->roots.tree[STORE_META], key, &row);
    if (err == WEIR_OK)
        err = weir_store_row_check(STORE_META, key, row, &row);
    if (err == WEIR_OK)
        err = weir_store_counts_unpack(row, &r->tally);
    return err;
}

/* The state that the writer published after its last commit. @return its transaction */
static uint64_t load_last_published(struct weir_store_reader *r)
{
    struct weir_store *s = r->s;

    WEIR_ASSERT(pthread_mutex_lock(&s->shared_lock) == 0);
    r->roots = s->shared.roots;
    r->pages = s->shared.pages;
    r->tally = s->shared.tally;
    WEIR_ASSERT(pthread_mutex_unlock(&s->shared_lock) == 0);
    return r->roots.txnid;
}

/* Load the snapshot that LMDB has pinned, or a newer one when two commits overtook the read of
 * its meta page. Pages that lead to it may be damaged by then, while the published roots still
 * lead past them. */
static enum weir_err load_pinned_snapshot(struct weir_store_reader *r)
{
    for (int i = 0; i < LOAD_TRIES; i++) {
        uint64_t txnid = mdb_txn_id(r->txn);
        if (r->loaded && r->roots.txnid == txnid)
            return WEIR_OK;
        r->loaded = load_snapshot(r) == WEIR_OK;
        if (r->loaded)
            return WEIR_OK;
        mdb_txn_reset(r->txn);
        if (mdb_txn_renew(r->txn) != 0)
            return WEIR_EIO;
        if (mdb_txn_id(r->txn) != txnid)
            continue;
        weir_store_suspect(r->s, "roots");
        r->loaded = load_last_published(r) == txnid;
        return r->loaded ? WEIR_OK : WEIR_EIO;
    }
    return WEIR_EIO;
}

enum weir_err weir_store_read_begin(struct weir_store_reader *r)
{
    check_reader(r, false);
    int rc = mdb_txn_renew(r->txn);
    if (rc == MDB_PANIC) {
        /* LMDB is out of service for good after its meta page could not be written. Nothing can
         * change the last committed pages then: they can be read without its protection. */
        (void)load_last_published(r);
        r->loaded = false;
    } else if (rc != 0) {
        return WEIR_EIO;
    } else if (load_pinned_snapshot(r) < 0) {
        mdb_txn_reset(r->txn);
        return WEIR_EIO;
    }
    r->reading = true;
    return WEIR_OK;
}

void weir_store_read_end(struct weir_store_reader *r)
{
    check_reader(r, true);
    r->reading = false;
    mdb_txn_reset(r->txn);
}

static enum weir_err lane_id(struct weir_store_reader *r, uint32_t lane_idx)
{
    struct store_key key;
    struct weir_span row;
    struct store_lane lane;

    if (lane_idx == r->lane_idx)
        return WEIR_OK;
    weir_store_key_lane(&key, lane_idx);
    enum weir_err err =
        weir_tree_get(&r->pages, &r->roots.tree[STORE_LANE], store_key_span(&key), &row);
    if (err == WEIR_OK)
        err = weir_store_row_check(STORE_LANE, store_key_span(&key), row, &row);
    if (err == WEIR_OK)
        err = weir_store_lane_unpack(row, &lane);
    if (err < 0)
        return WEIR_ECORRUPT;
    memcpy(r->lane, lane.id, WEIR_LANE_LEN);
    r->lane_idx = lane_idx;
    return WEIR_OK;
}

/* A row of rec as a record. @return WEIR_OK | WEIR_ECORRUPT, counted */
static enum weir_err record_of(struct weir_store_reader *r, struct weir_span rec_key,
                               struct weir_span row, struct weir_record *ret)
{
    struct weir_record_parts parts;

    enum weir_err err = WEIR_ECORRUPT;
    if (rec_key.len >= 2 && weir_store_class_in(r->s->kind->group, rec_key.at[0]))
        err = weir_record_unpack(row, rec_key, &parts);
    if (err == WEIR_OK)
        err = lane_id(r, parts.head.lane_idx);
    if (err < 0) {
        weir_store_count_corrupt(r->s, rec_key);
        return WEIR_ECORRUPT;
    }
    *ret = (struct weir_record){
        .class = (enum weir_class)rec_key.at[0],
        .key = weir_span_from(rec_key, 1),
        .version = { .hlc = parts.head.hlc, .seq = parts.head.seq },
        .tombstone = parts.head.tombstone,
        .schema = parts.head.schema,
        .min_reader = parts.head.min_reader,
        .expires = parts.head.expires,
        .value = parts.value,
    };
    memcpy(ret->version.lane, r->lane, WEIR_LANE_LEN);
    return WEIR_OK;
}

enum weir_err weir_store_get(struct weir_store_reader *r, enum weir_class class,
                             struct weir_span key, struct weir_record *ret)
{
    struct store_key rec_key;
    struct weir_span row;
    struct weir_record rec;

    check_reader(r, true);
    if (key.len == 0 || key.len > WEIR_KEY_MAX)
        return WEIR_ENOTFOUND;
    weir_store_key_rec(&rec_key, class, key);
    enum weir_err err =
        weir_tree_get(&r->pages, &r->roots.tree[STORE_REC], store_key_span(&rec_key), &row);
    if (err == WEIR_ECORRUPT)
        return flag_damage(r, weir_store_tree_name(STORE_REC));
    if (err == WEIR_OK)
        err = record_of(r, store_key_span(&rec_key), row, &rec);
    if (err == WEIR_OK && rec.tombstone)
        err = WEIR_ENOTFOUND;
    if (err < 0)
        return err;
    rec.key = key; /* the caller's: ours ends with this call */
    *ret = rec;
    return WEIR_OK;
}

enum weir_err weir_store_index_claims(struct weir_store_reader *r, enum weir_index index,
                                      struct weir_span key, weir_claim_fn fn, void *arg)
{
    struct weir_tree_cursor c;
    struct store_claim claim;
    struct store_key name;
    struct weir_span row_key;
    struct weir_span row;
    enum weir_err damage = WEIR_OK;

    check_reader(r, true);
    if (!weir_store_key_idx_name(&name, index, key))
        return WEIR_OK;
    enum weir_err err =
        weir_tree_seek(&c, &r->pages, &r->roots.tree[STORE_IDX], store_key_span(&name));
    while (err == WEIR_OK) {
        err = weir_tree_entry(&c, &row_key, &row);
        if (err < 0 || !weir_span_starts(row_key, store_key_span(&name)))
            break;
        if (weir_store_row_check(STORE_IDX, row_key, row, &row) == WEIR_OK &&
            weir_store_claim_parse(row_key, &claim) == WEIR_OK) {
            if (!fn(arg, claim.owner, claim.since_hlc))
                return damage;
        } else {
            /* A damaged row may never have been of this name: the next one counts. */
            weir_store_count_corrupt(r->s, row_key);
            damage = WEIR_ECORRUPT;
        }
        err = weir_tree_next(&c);
    }
    return err == WEIR_ECORRUPT ? flag_damage(r, weir_store_tree_name(STORE_IDX)) : damage;
}

static bool take_owner(void *arg, struct weir_span owner, uint64_t since_hlc)
{
    struct weir_span *ret = arg;

    *ret = owner;
    return false;
}

enum weir_err weir_store_index_owner(struct weir_store_reader *r, enum weir_index index,
                                     struct weir_span key, struct weir_span *ret_owner)
{
    struct weir_span owner = WEIR_SPAN_EMPTY;

    enum weir_err err = weir_store_index_claims(r, index, key, take_owner, &owner);
    if (owner.len == 0)
        return err < 0 ? err : WEIR_ENOTFOUND;
    *ret_owner = owner;
    return WEIR_OK;
}

static enum weir_err claims_seek(void *arg, struct weir_span from, struct weir_span *ret_key,
                                 struct weir_span *ret_row)
{
    struct weir_store_reader *r = arg;
    struct weir_tree_cursor c;

    enum weir_err err = weir_tree_seek(&c, &r->pages, &r->roots.tree[STORE_IDX], from);
    if (err == WEIR_OK)
        err = weir_tree_entry(&c, ret_key, ret_row);
    if (err != WEIR_OK || !weir_span_eq(*ret_key, from))
        return err;
    err = weir_tree_next(&c);
    return err == WEIR_OK ? weir_tree_entry(&c, ret_key, ret_row) : err;
}

enum weir_err weir_store_index_below(struct weir_store_reader *r, struct weir_span domain,
                                     struct weir_claim_found *at)
{
    struct store_claims claims = { r->s, claims_seek, r };

    check_reader(r, true);
    if (!r->s->reversed_whole)
        return WEIR_EIO;
    enum weir_err err = weir_store_claims_below(&claims, domain, at);
    return err == WEIR_ECORRUPT ? flag_damage(r, weir_store_tree_name(STORE_IDX)) : err;
}

enum weir_err weir_store_index_next(struct weir_store_reader *r, enum weir_index index,
                                    struct weir_claim_found *at)
{
    struct store_claims claims = { r->s, claims_seek, r };

    check_reader(r, true);
    enum weir_err err = weir_store_claims_next(&claims, index, at);
    return err == WEIR_ECORRUPT ? flag_damage(r, weir_store_tree_name(STORE_IDX)) : err;
}

uint64_t weir_store_index_count(struct weir_store_reader *r, enum weir_index index)
{
    check_reader(r, true);
    WEIR_ASSERT(index >= WEIR_INDEX_HOST);
    WEIR_ASSERT(index <= WEIR_INDEX_PREFIX);
    return r->tally.index[index];
}

/* Move the cursor to the first row of a class with a key larger than `after`. */
static enum weir_err list_seek(struct weir_store_reader *r, enum weir_class class,
                               struct weir_span after, struct weir_tree_cursor *c)
{
    struct store_key from = { .len = 1 };
    struct weir_span key;
    struct weir_span row;

    from.at[0] = (uint8_t) class;
    if (after.len > 0)
        weir_store_key_rec(&from, class, after);
    enum weir_err err =
        weir_tree_seek(c, &r->pages, &r->roots.tree[STORE_REC], store_key_span(&from));
    if (err == WEIR_OK)
        err = weir_tree_entry(c, &key, &row);
    if (err == WEIR_OK && weir_span_eq(key, store_key_span(&from)))
        err = weir_tree_next(c);
    return err;
}

enum weir_err weir_store_list(struct weir_store_reader *r, enum weir_class class,
                              struct weir_span after, size_t limit, weir_record_fn fn, void *arg)
{
    struct weir_tree_cursor c;
    size_t num = 0;

    check_reader(r, true);
    WEIR_ASSERT(fn != NULL);
    if (after.len > WEIR_KEY_MAX)
        return WEIR_OK;
    enum weir_err err = list_seek(r, class, after, &c);
    while (err == WEIR_OK && num < limit) {
        struct weir_span key;
        struct weir_span row;
        struct weir_record rec;
        err = weir_tree_entry(&c, &key, &row);
        if (err < 0 || key.len == 0 || key.at[0] != (uint8_t) class)
            break;
        if (!weir_record_row_is_tombstone(row) && record_of(r, key, row, &rec) == WEIR_OK) {
            num++;
            if (!fn(arg, &rec))
                break;
        }
        err = weir_tree_next(&c);
    }
    return err == WEIR_ECORRUPT ? flag_damage(r, weir_store_tree_name(STORE_REC)) : WEIR_OK;
}

enum weir_err weir_store_revision_get(struct weir_store_reader *r, enum weir_class class,
                                      struct weir_span key, uint64_t revision,
                                      struct weir_span *ret_value)
{
    struct store_key rec_key;
    struct store_key rev_key;
    struct weir_span row;

    check_reader(r, true);
    if (key.len == 0 || key.len > WEIR_KEY_MAX)
        return WEIR_ENOTFOUND;
    weir_store_key_rec(&rec_key, class, key);
    weir_store_key_rev(&rev_key, store_key_span(&rec_key), revision);
    enum weir_err err =
        weir_tree_get(&r->pages, &r->roots.tree[STORE_REV], store_key_span(&rev_key), &row);
    if (err == WEIR_ECORRUPT)
        return flag_damage(r, weir_store_tree_name(STORE_REV));
    if (err < 0)
        return err;
    if (weir_store_row_check(STORE_REV, store_key_span(&rev_key), row, &row) < 0) {
        weir_store_count_corrupt(r->s, store_key_span(&rec_key));
        return WEIR_ECORRUPT;
    }
    *ret_value = row;
    return WEIR_OK;
}

enum weir_err weir_store_revision_list(struct weir_store_reader *r, enum weir_class class,
                                       struct weir_span key, weir_revision_fn fn, void *arg)
{
    struct weir_tree_cursor c;
    struct store_key rec_key;
    struct store_key from;

    check_reader(r, true);
    WEIR_ASSERT(fn != NULL);
    if (key.len == 0 || key.len > WEIR_KEY_MAX)
        return WEIR_OK;
    weir_store_key_rec(&rec_key, class, key);
    weir_store_key_rev(&from, store_key_span(&rec_key), UINT64_MAX);
    struct weir_span prefix = weir_span(from.at, from.len - STORE_REV_TAIL);
    enum weir_err err =
        weir_tree_seek(&c, &r->pages, &r->roots.tree[STORE_REV], store_key_span(&from));
    /* Revision UINT64_MAX is none that is given out, so the newest is the one before this place. */
    if (c.depth > 0 && err != WEIR_ECORRUPT)
        err = weir_tree_prev(&c);
    for (size_t num = 0; err == WEIR_OK && num < WEIR_REVISIONS_KEPT; num++) {
        struct weir_span row_key;
        struct weir_span row;
        err = weir_tree_entry(&c, &row_key, &row);
        if (err < 0 || row_key.len != from.len || !weir_span_starts(row_key, prefix))
            break;
        if (weir_store_row_check(STORE_REV, row_key, row, &row) < 0)
            weir_store_count_corrupt(r->s, store_key_span(&rec_key));
        else if (!fn(arg, weir_num_get_be(row_key.at + prefix.len, STORE_REV_TAIL), row))
            break;
        err = weir_tree_prev(&c);
    }
    return err == WEIR_ECORRUPT ? flag_damage(r, weir_store_tree_name(STORE_REV)) : WEIR_OK;
}

enum weir_err weir_store_stats(struct weir_store_reader *r, struct weir_store_stats *ret)
{
    struct weir_store *s = r->s;
    struct store_shared now;

    WEIR_ASSERT(r->magic == READER_MAGIC);
    WEIR_ASSERT(pthread_mutex_lock(&s->shared_lock) == 0);
    now = s->shared;
    WEIR_ASSERT(pthread_mutex_unlock(&s->shared_lock) == 0);

    uint64_t max = atomic_load(&s->max_bytes);
    struct weir_store_stats st = {
        .num_tenants = now.tally.live[WEIR_CLASS_TENANT],
        .used_bytes = now.used_bytes,
        .max_bytes = max,
        .seq = now.tally.seq,
        .num_conflicts = now.tally.num_conflicts,
        .readers_used = atomic_load(&s->num_readers),
        .readers_max = s->max_readers,
        .writable = !now.disk_failed && now.used_bytes <= max / 100 * STORE_RESERVE_PERCENT,
        .damaged = atomic_load_explicit(&s->suspect, memory_order_relaxed),
        .num_corrupt = atomic_load_explicit(&s->num_corrupt, memory_order_relaxed),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(now.tally.live); i++)
        st.num_records += now.tally.live[i];
    memcpy(st.lane, now.lane, WEIR_LANE_LEN);
    *ret = st;
    return WEIR_OK;
}

/* The next rows of rec for a scrub. @return WEIR_ENOTFOUND at the end of the pass */
static enum weir_err scrub_rows(struct weir_store_reader *r, struct weir_store_scrub *at,
                                size_t num)
{
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span row;
    struct weir_record rec;
    struct weir_span after = weir_span(at->after, at->after_len);

    enum weir_err err = weir_tree_seek(&c, &r->pages, &r->roots.tree[STORE_REC], after);
    if (err == WEIR_OK)
        err = weir_tree_entry(&c, &key, &row);
    if (err == WEIR_OK && weir_span_eq(key, after))
        err = weir_tree_next(&c);
    for (size_t i = 0; err == WEIR_OK && i < num; i++) {
        err = weir_tree_entry(&c, &key, &row);
        if (err < 0 || key.len > sizeof(at->after))
            return WEIR_ECORRUPT;
        at->num_checked++;
        at->num_corrupt += record_of(r, key, row, &rec) < 0;
        memcpy(at->after, key.at, key.len);
        at->after_len = key.len;
        err = weir_tree_next(&c);
    }
    return err;
}

enum weir_err weir_store_scrub_step(struct weir_store_reader *r, struct weir_store_scrub *at,
                                    size_t num)
{
    WEIR_ASSERT(at->after_len <= sizeof(at->after));
    enum weir_err err = weir_store_read_begin(r);
    if (err < 0)
        return err;
    err = scrub_rows(r, at, num);
    weir_store_read_end(r);
    if (err == WEIR_OK)
        return WEIR_OK;
    at->after_len = 0;
    if (err == WEIR_ECORRUPT)
        return flag_damage(r, weir_store_tree_name(STORE_REC));
    at->num_passes++;
    at->num_checked = 0;
    return WEIR_OK;
}
