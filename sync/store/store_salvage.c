/* SPDX-License-Identifier: Apache-2.0
 *
 * store_salvage.c - builds a new store from what can be read of a damaged file.
 * Trees are walked around their holes; when there are holes, the pages that no walk came to and
 * that are not free are searched for rows. Each row proves itself by its checksum over tree, key
 * and value. Stamps stay as they were; the new store draws a new lane and incarnation, so that no
 * dot is ever given out twice. The new file replaces the old one in one step, when it is complete.
 * Owner: the opening thread, before any other runs.
 * No vector of the new store may claim what was lost. A node that has records of others can get
 * all of them back: its store is marked as not live, and the replication wipes and fills it. A
 * node that was always alone has no peer: its records get dots of the new lane, whose vector then
 * covers exactly what is there. If it was in a cluster after all, and only the traces of that were
 * lost, this is right too: records are distinguished by their stamps, and where deletions were
 * purged elsewhere the node's empty vector is below the floors of its peers, so that it starts
 * over.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "sync/layout/store_file.h"
#include "sync/store/store_env.h"
#include "sync/store/store_meta.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"
#include "sync/version/hlc.h"
#include "sync/version/num.h"

#define ROWS_PER_COMMIT  1024
#define BYTES_PER_COMMIT (UINT64_C(4) << 20)
#define NAME_BYTES       128
#define FILE_NAME        "conf.mdb" /* only group C's file is rescued */
#define NEW_NAME         "conf.mdb.new"
#define NEW_LOCK         NEW_NAME "-lock" /* LMDB's own */

/* One rescue. */
struct salvage {
    struct weir_store *s;
    struct store_file file;
    struct weir_tree_walk walk;
    uint8_t *free_pages; /* owns; marks as in walk.seen */
    bool free_sound;     /* those marks are complete */
    bool in_tree;        /* a tree of rows is being walked: anything else in it is a damaged row */
    bool lanes_whole;    /* the lanes are those of the state, each as far as it was then */
    bool alone;          /* no other node's lane was found */
    bool only_newer;     /* of a free page: rescue only what was written after the state we have */
    struct store_lane *lanes; /* owns; as the damaged file has them */
    bool *lane_known;         /* owns */
    uint32_t num_lanes;
    struct store_txn t;
    bool in_txn;
    size_t num_in_txn;
    enum weir_err err; /* the first that ends the rescue */
    uint64_t num_records, num_revisions, num_bad_rows;
};

static void note_error(struct salvage *v, enum weir_err err)
{
    if (v->err == WEIR_OK)
        v->err = err;
}

/* -- into the new store -- */

static void end_txn(struct salvage *v)
{
    if (!v->in_txn)
        return;
    v->in_txn = false;
    if (v->err < 0) {
        weir_store_txn_abort(&v->t);
        return;
    }
    enum weir_err err = weir_store_txn_commit(&v->t);
    if (err < 0)
        note_error(v, err);
}

static bool need_txn(struct salvage *v)
{
    if (v->in_txn && (v->num_in_txn >= ROWS_PER_COMMIT || v->t.bytes >= BYTES_PER_COMMIT))
        end_txn(v);
    if (v->err < 0)
        return false;
    if (!v->in_txn) {
        enum weir_err err = weir_store_txn_begin(v->s, &v->t);
        if (err < 0) {
            note_error(v, err);
            return false;
        }
        v->t.over_reserve = false; /* all that there was is rescued */
        v->in_txn = true;
        v->num_in_txn = 0;
    }
    v->num_in_txn++;
    return true;
}

/* Is the record in the new store as new as this one, or newer? */
static bool is_older(const struct salvage *v, const struct weir_record_head *head,
                     const struct store_current *cur)
{
    static const uint8_t unknown[WEIR_LANE_LEN];
    const struct weir_store *s = v->s;

    if (!cur->found || !cur->sound)
        return false;
    if (v->alone) /* no two of its writes have one stamp, and lanes are not what they were */
        return head->hlc <= cur->parts.head.hlc;
    const uint8_t *a = head->lane_idx < s->num_lanes ? s->lanes[head->lane_idx].id : unknown;
    const uint8_t *b = s->lanes[cur->parts.head.lane_idx].id;
    return weir_hlc_cmp(head->hlc, a, cur->parts.head.hlc, b) <= 0;
}

/* A record whose lane is lost, or whose dot another record has, or of a node that was alone, gets
 * a new dot of our own lane. */
static enum weir_err choose_dot(struct salvage *v, struct weir_record_head *head)
{
    struct store_key key;
    struct weir_span row;
    bool known = head->lane_idx < v->num_lanes && v->lane_known[head->lane_idx];

    if (known && !v->alone) {
        weir_store_key_dot(&key, head->lane_idx, head->seq);
        enum weir_err err = weir_store_find(&v->t, STORE_DOT, store_key_span(&key), NULL, &row);
        if (err == WEIR_ENOTFOUND)
            return WEIR_OK;
        if (err < 0)
            return err;
    }
    head->lane_idx = v->t.tally.own_lane;
    head->seq = ++v->t.tally.seq;
    return WEIR_OK;
}

static void rescue_record(struct salvage *v, struct weir_span key,
                          const struct weir_record_parts *parts)
{
    struct store_put p = { .rec_key = key, .parts = *parts };
    struct store_current cur;
    bool index_changed = false;

    if (!need_txn(v))
        return;
    enum weir_err err = weir_store_current(&v->t, key, &cur);
    if (err == WEIR_OK && is_older(v, &parts->head, &cur))
        return;
    if (err == WEIR_OK)
        err = choose_dot(v, &p.parts.head);
    if (err == WEIR_OK)
        err = weir_store_apply(&v->t, &p, &cur, &index_changed);
    if (err < 0)
        note_error(v, err);
    else
        v->num_records += !cur.found;
}

static void rescue_revision(struct salvage *v, struct weir_span key, struct weir_span value)
{
    struct weir_span present;
    struct store_key rec_key;

    if (!need_txn(v))
        return;
    enum weir_err err = weir_store_find(&v->t, STORE_REV, key, NULL, &present);
    if (err == WEIR_OK)
        return;
    if (err == WEIR_ENOTFOUND) {
        weir_store_key_rec(&rec_key, (enum weir_class)key.at[0],
                           weir_span(key.at + 3, key.len - 3 - STORE_REV_TAIL));
        uint64_t revision = weir_num_get_be(key.at + key.len - STORE_REV_TAIL, STORE_REV_TAIL);
        err = weir_store_rev_put(&v->t, store_key_span(&rec_key), revision, value);
    }
    if (err < 0)
        note_error(v, err);
    else
        v->num_revisions++;
}

/* -- out of the damaged file -- */

static bool is_rec_key(struct weir_span key)
{
    return key.len >= 2 && key.len <= 1 + WEIR_KEY_MAX && weir_store_class_known(key.at[0]);
}

static bool is_rev_key(struct weir_span key)
{
    return key.len > 3 + STORE_REV_TAIL && weir_store_class_known(key.at[0]) &&
           weir_num_get_be(key.at + 1, 2) == key.len - 3 - STORE_REV_TAIL &&
           key.len - 3 - STORE_REV_TAIL <= WEIR_KEY_MAX &&
           weir_num_get_be(key.at + key.len - STORE_REV_TAIL, STORE_REV_TAIL) > 0;
}

/* Was this written after the state that the sound meta page describes? */
static bool is_newer_than_state(const struct salvage *v, const struct weir_record_head *head)
{
    return head->lane_idx < v->num_lanes && v->lane_known[head->lane_idx] &&
           head->seq > v->lanes[head->lane_idx].vv;
}

/* A row of rec or rev; any other row is skipped. */
static void on_entry(void *arg, struct weir_span key, struct weir_span row)
{
    struct salvage *v = arg;
    struct weir_record_parts parts;
    struct weir_span value;

    if (v->err < 0)
        return;
    if (is_rec_key(key) && weir_record_unpack(row, key, &parts) == WEIR_OK) {
        if (!v->only_newer || is_newer_than_state(v, &parts.head))
            rescue_record(v, key, &parts);
        return;
    }
    if (is_rev_key(key) && row.len <= WEIR_RECORD_MAX + STORE_SUM_LEN &&
        weir_store_row_check(STORE_REV, key, row, &value) == WEIR_OK) {
        rescue_revision(v, key, value);
        return;
    }
    v->num_bad_rows += v->in_tree;
}

static void on_lane(void *arg, struct weir_span key, struct weir_span row)
{
    struct salvage *v = arg;
    struct store_lane lane;

    if (key.len != 4 || row.len != STORE_LANE_LEN + STORE_SUM_LEN ||
        weir_store_row_check(STORE_LANE, key, row, &row) < 0 ||
        weir_store_lane_unpack(row, &lane) < 0)
        return;
    uint32_t idx = (uint32_t)weir_num_get_be(key.at, 4);
    /* One index stays free for the new lane. Of two states of a lane the later one counts. */
    if (idx >= STORE_LANES_MAX - 1 || (v->lane_known[idx] && v->lanes[idx].vv >= lane.vv))
        return;
    v->lanes[idx] = lane;
    v->lane_known[idx] = true;
    if (idx >= v->num_lanes)
        v->num_lanes = idx + 1;
}

static uint64_t num_pages(const struct salvage *v)
{
    return v->file.pages.len / v->file.pages.page_len;
}

static bool is_free_page(const struct salvage *v, uint64_t pgno)
{
    return (v->free_pages[pgno / 8] >> (pgno % 8) & 1) != 0;
}

/* Search the pages that no walk came to. `free` ones: only when a commit may be hidden there. */
static void scan_orphans(struct salvage *v, bool free)
{
    for (uint64_t pgno = 2; pgno < num_pages(v) && v->err == WEIR_OK; pgno++)
        if (is_free_page(v, pgno) == free && !weir_tree_walk_is_seen(&v->walk, pgno))
            weir_tree_walk_orphan(&v->walk, pgno);
}

static void clear_seen(struct salvage *v)
{
    memset(v->walk.seen, 0, weir_tree_walk_seen_len(&v->file.pages));
}

static bool walk_old_tree(struct salvage *v, enum store_tree tree)
{
    uint64_t before = v->walk.num_bad;

    if (!v->file.has_tree[tree])
        return false;
    weir_tree_walk(&v->walk, &v->file.tree[tree], true);
    return v->walk.num_bad == before;
}

/* The lanes first, since records name them by index. Their rows are searched for everywhere when
 * the tree is damaged; a lane's row is the same in every state but for its counters. */
static void find_lanes(struct salvage *v)
{
    v->walk.entry = on_lane;
    v->walk.arg = v;
    v->lanes_whole = walk_old_tree(v, STORE_LANE);
    if (!v->lanes_whole) {
        scan_orphans(v, false);
        scan_orphans(v, true);
    }
    clear_seen(v);
}

static void find_rows(struct salvage *v)
{
    bool holes = false;

    v->walk.entry = NULL;
    for (int i = 0; i < STORE_NUM_TREES_C; i++) {
        bool rows = i == STORE_REC || i == STORE_REV;
        v->walk.entry = rows ? on_entry : NULL;
        v->in_tree = rows;
        bool whole = walk_old_tree(v, (enum store_tree)i);
        holes = holes || (rows && !whole);
    }
    v->walk.entry = on_entry;
    v->in_tree = false;
    if (holes || !v->free_sound)
        scan_orphans(v, false);
    if (!v->file.newest_known) {
        /* The newest commit may be the one whose meta page is lost or leads to a lost page: its
         * pages count as free in the state before it. Without any state everything is searched,
         * and versions decide. */
        v->only_newer = v->lanes_whole && v->free_sound;
        scan_orphans(v, true);
    }
}

static enum weir_err prepare_salvage(struct salvage *v)
{
    size_t len = weir_tree_walk_seen_len(&v->file.pages);

    v->walk = (struct weir_tree_walk){ .file = v->file.pages, .arg = v, .loose = true };
    v->walk.seen = calloc(1, len);
    v->free_pages = calloc(1, len);
    v->lanes = calloc(STORE_LANES_MAX, sizeof(*v->lanes));
    v->lane_known = calloc(STORE_LANES_MAX, sizeof(*v->lane_known));
    if (v->walk.seen == NULL || v->free_pages == NULL || v->lanes == NULL || v->lane_known == NULL)
        return WEIR_ENOMEM;
    if (v->file.has_meta) {
        struct weir_tree_walk free_walk = { .file = v->file.pages, .seen = v->free_pages };
        uint64_t num_unwritten = 0;
        v->free_sound = weir_store_file_mark_free(&v->file, &free_walk, &num_unwritten);
    }
    if (!v->free_sound)
        memset(v->free_pages, 0, len);
    return WEIR_OK;
}

/* The lanes that were known keep their indexes, which contexts mention; lost indexes between them
 * get new ids. None of them claims anything. */
static enum weir_err copy_lanes(struct salvage *v)
{
    struct weir_store *s = v->s;
    enum weir_err err = WEIR_OK;

    s->num_lanes = 0;
    for (uint32_t i = 0; err == WEIR_OK && i < v->num_lanes; i++) {
        struct store_lane lane = { .hi_seen = v->alone ? 0 : v->lanes[i].hi_seen };
        memcpy(lane.id, v->lanes[i].id, WEIR_LANE_LEN);
        if (!v->lane_known[i])
            err = weir_store_lane_draw(s, lane.id);
        if (err == WEIR_OK)
            err = weir_store_lane_add(s, &lane);
    }
    return err;
}

static bool belongs_to_group(const struct store_lane *lane, const uint8_t *node_id)
{
    return node_id != NULL && memcmp(lane->id, node_id, STORE_NODE_ID_LEN) == 0;
}

/* Are all known lanes of this node? Its id is the one the store drew, and, once it was given one,
 * that of the last lane it wrote on. When these are lost, lanes of up to two nodes may all be its
 * own: it must not give up what no other node has.
 * @param own  the store's, NULL: lost */
static bool was_alone(const struct salvage *v, const uint8_t *own)
{
    static const uint8_t unknown[STORE_NODE_ID_LEN]; /* only a context mentions it */
    const uint8_t *given = NULL;
    struct weir_span row;

    if (weir_store_file_meta(&v->file, "lane", &row) == WEIR_OK && row.len == 4) {
        uint64_t idx = weir_num_get_le(row.at, 4);
        if (idx < v->num_lanes && v->lane_known[idx])
            given = v->lanes[idx].id;
    }
    for (uint32_t i = 0; i < v->num_lanes; i++) {
        const struct store_lane *lane = &v->lanes[i];
        if (!v->lane_known[i] || belongs_to_group(lane, unknown) || belongs_to_group(lane, own) ||
            belongs_to_group(lane, given))
            continue;
        if (own == NULL)
            own = lane->id;
        else if (given == NULL)
            given = lane->id;
        else
            return false;
    }
    return true;
}

/* The format, which decides which programs may read the new store: what is lost may have been of
 * the newest. */
static uint32_t format_of(const struct salvage *v)
{
    struct weir_span row;

    if (weir_store_file_meta(&v->file, "format", &row) < 0 || row.len != 4)
        return STORE_FORMAT;
    uint64_t format = weir_num_get_le(row.at, 4);
    return format < STORE_FORMAT ? STORE_FORMAT_ALONE : STORE_FORMAT;
}

/* Write whether the new store is complete: as in the damaged one, unless it was of a node that
 * was alone and never wrote it. */
static enum weir_err write_live_row(struct salvage *v)
{
    const uint8_t no = 0;
    struct weir_span row;

    if (!v->alone)
        return weir_store_meta_put(&v->t, "live", &no, 1);
    if (weir_store_file_meta(&v->file, "live", &row) < 0 || row.len != 1)
        return WEIR_OK;
    return weir_store_meta_put(&v->t, "live", row.at, 1);
}

/* The parts of the new store that do not come out of rows: identity, lanes, floor of stamps. */
static enum weir_err create_new_store(struct salvage *v)
{
    struct weir_store *s = v->s;
    struct weir_span row;
    const uint8_t *node_id = NULL;

    (void)unlinkat(s->folder_fd, NEW_NAME, 0);
    (void)unlinkat(s->folder_fd, NEW_LOCK, 0);
    enum weir_err err = weir_store_env_open(s, NEW_NAME);
    if (err < 0)
        return err;
    if (weir_store_file_meta(&v->file, "node_id", &row) == WEIR_OK && row.len == STORE_NODE_ID_LEN)
        node_id = row.at;
    if (node_id != NULL)
        memcpy(s->node_id, node_id, STORE_NODE_ID_LEN);
    v->alone = was_alone(v, node_id);
    s->format = format_of(v);
    err = copy_lanes(v);
    if (err == WEIR_OK)
        err = weir_store_meta_create(s, node_id);
    if (err < 0 || !need_txn(v))
        return err < 0 ? err : v->err;
    err = write_live_row(v);
    if (err < 0)
        return err;
    /* A floor that is lost becomes the present time: whatever was purged lies below. */
    if (weir_store_file_meta(&v->file, "hlc_floor", &row) == WEIR_OK && row.len == 8)
        v->t.tally.hlc_floor = weir_num_get_le(row.at, 8);
    else
        v->t.tally.hlc_floor = weir_hlc_of_ms(v->t.wall_ms);
    return WEIR_OK;
}

/* The new file in the old one's place: in one step where the file system can, else in two. */
static enum weir_err swap_in_new_file(struct weir_store *s, const char *aside)
{
    int dir = s->folder_fd;

    if (renameat2(dir, NEW_NAME, dir, FILE_NAME, RENAME_EXCHANGE) == 0) {
        if (fsync(dir) != 0 || renameat(dir, NEW_NAME, dir, aside) != 0)
            return WEIR_EIO;
    } else {
        if (renameat(dir, FILE_NAME, dir, aside) != 0)
            return WEIR_EIO;
        if (renameat(dir, NEW_NAME, dir, FILE_NAME) != 0)
            return WEIR_EIO;
    }
    (void)unlinkat(dir, NEW_LOCK, 0);
    return fsync(dir) == 0 ? WEIR_OK : WEIR_EIO;
}

static void aside_name(const struct weir_store *s, char *out, size_t len)
{
    char now[WEIR_RFC3339_LEN + 1];

    weir_clock_rfc3339(weir_store_wall_ms(s), now);
    (void)snprintf(out, len, "%s.damaged-%s", FILE_NAME, now);
}

static enum weir_err rescue_rows(struct salvage *v)
{
    enum weir_err err = prepare_salvage(v);
    if (err < 0)
        return err;
    find_lanes(v);
    err = create_new_store(v);
    if (err < 0)
        return err;
    find_rows(v);
    if (v->err == WEIR_OK && need_txn(v))
        v->t.closing = true; /* marks the new file as complete */
    end_txn(v);
    return v->err;
}

enum weir_err weir_store_salvage(struct weir_store *s, const char *why)
{
    struct salvage v = { .s = s, .file = STORE_FILE_ZERO };
    char aside[NAME_BYTES];

    aside_name(s, aside, sizeof(aside));
    log_error("store.damaged", "file=%s/%s why=\"%s\" doing=\"rescuing what can be read\"",
              s->folder, FILE_NAME, why);
    enum weir_err err = weir_store_file_open(s->folder_fd, FILE_NAME, &v.file);
    if (err < 0)
        return err;
    s->driven = false; /* a rescue numbers what it writes */
    /* Fills in which trees exist; that the file is damaged is known. */
    err = weir_store_file_check(&v.file, true);
    if (err != WEIR_ENOMEM)
        err = rescue_rows(&v);
    if (v.in_txn)
        weir_store_txn_abort(&v.t);
    weir_store_env_close(s);
    s->driven = s->cfg.driven;
    if (err == WEIR_OK)
        err = swap_in_new_file(s, aside);
    if (err == WEIR_OK)
        log_error("store.rescued",
                  "file=%s/%s moved_to=%s/%s records=%" PRIu64 " revisions=%" PRIu64
                  " bad_pages=%" PRIu64 " bad_rows=%" PRIu64 " next=\"%s\"",
                  s->folder, FILE_NAME, s->folder, aside, v.num_records, v.num_revisions,
                  v.walk.num_bad, v.num_bad_rows,
                  v.alone ? "none" : "it is fetched anew from other nodes");
    else
        log_error("store.rescue_failed", "file=%s/%s err=\"%s\"", s->folder, FILE_NAME,
                  weir_err_name(err));
    weir_store_file_close(&v.file);
    free(v.walk.seen);
    free(v.free_pages);
    free(v.lanes);
    free(v.lane_known);
    return err;
}

/* Is the new file complete? Its last commit marks it so. */
static bool new_is_complete(struct weir_store *s)
{
    struct store_file f = STORE_FILE_ZERO;
    struct weir_span row;

    if (weir_store_file_open(s->folder_fd, NEW_NAME, &f) < 0)
        return false;
    bool complete = weir_store_file_check(&f, true) == WEIR_OK &&
                    weir_store_file_meta(&f, "clean", &row) == WEIR_OK && row.len == 1 &&
                    row.at[0] == 1;
    weir_store_file_close(&f);
    return complete;
}

void weir_store_salvage_tidy(struct weir_store *s, bool present)
{
    int dir = s->folder_fd;
    char aside[NAME_BYTES];

    if (faccessat(dir, NEW_NAME, F_OK, 0) != 0)
        return;
    aside_name(s, aside, sizeof(aside));
    if (!present && new_is_complete(s))
        (void)renameat(dir, NEW_NAME, dir, FILE_NAME);
    else if (present) /* the exchange was done: this is the damaged one */
        (void)renameat(dir, NEW_NAME, dir, aside);
    else
        (void)unlinkat(dir, NEW_NAME, 0);
    (void)unlinkat(dir, NEW_LOCK, 0);
}
