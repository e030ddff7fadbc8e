/* SPDX-License-Identifier: Apache-2.0
 *
 * store_meta.c - what the database states about itself: format, node, incarnation, lanes, counts.
 * Rows of meta: format 4, node_id 8, incarnation 16, lane 4 (index of this node's lane), seq 8,
 * hlc_floor 8, counts, txn 8 (the transaction that wrote these), clean 1. Since format 2, or after
 * a rescue: live 1. Group C: reversed (store_upgrade.c). Group E: boot_id 16.
 */
#include "sync/store/store_meta.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/rng.h"
#include "sync/store/store_env.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/version/num.h"

enum weir_err weir_store_lane_add(struct weir_store *s, const struct store_lane *lane)
{
    if (s->num_lanes == STORE_LANES_MAX)
        return WEIR_ELIMIT;
    if (s->num_lanes == s->cap_lanes) {
        uint32_t cap = s->cap_lanes ? s->cap_lanes * 2 : 8;
        struct store_lane *lanes = realloc(s->lanes, cap * sizeof(*lanes));
        if (lanes == NULL)
            return WEIR_ENOMEM;
        s->lanes = lanes;
        s->cap_lanes = cap;
    }
    s->lanes[s->num_lanes++] = *lane;
    return WEIR_OK;
}

enum weir_err weir_store_lane_draw(const struct weir_store *s, uint8_t ret_id[WEIR_LANE_LEN])
{
    uint8_t id[WEIR_LANE_LEN];

    memcpy(id, s->node_id, STORE_NODE_ID_LEN);
    id[STORE_NODE_ID_LEN] = s->kind->group;
    enum weir_err err =
        weir_rng_secret(id + STORE_NODE_ID_LEN + 1, WEIR_LANE_LEN - STORE_NODE_ID_LEN - 1);
    if (err < 0)
        return err;
    memcpy(ret_id, id, WEIR_LANE_LEN);
    return WEIR_OK;
}

/* One row of meta of exactly `len` bytes. */
static enum weir_err meta_get(const struct weir_tree_file *pages, const struct store_roots *roots,
                              const char *name, size_t len, const uint8_t **ret_at)
{
    struct weir_span key = weir_span_cstr(name);
    struct weir_span row;

    enum weir_err err = weir_tree_get(pages, &roots->tree[STORE_META], key, &row);
    if (err == WEIR_OK)
        err = weir_store_row_check(STORE_META, key, row, &row);
    if (err < 0 || row.len != len)
        return WEIR_ECORRUPT;
    *ret_at = row.at;
    return WEIR_OK;
}

static enum weir_err load_lanes(struct weir_store *s, const struct weir_tree_file *pages,
                                const struct store_roots *roots)
{
    struct weir_tree_cursor c;
    struct store_key want;

    s->num_lanes = 0;
    enum weir_err err = weir_tree_first(&c, pages, &roots->tree[STORE_LANE]);
    while (err == WEIR_OK) {
        struct weir_span key;
        struct weir_span row;
        struct store_lane lane;
        weir_store_key_lane(&want, s->num_lanes);
        err = weir_tree_entry(&c, &key, &row);
        if (err == WEIR_OK && !weir_span_eq(key, store_key_span(&want)))
            return WEIR_ECORRUPT;
        if (err == WEIR_OK)
            err = weir_store_row_check(STORE_LANE, key, row, &row);
        if (err == WEIR_OK)
            err = weir_store_lane_unpack(row, &lane);
        if (err == WEIR_OK)
            err = weir_store_lane_add(s, &lane);
        if (err == WEIR_OK)
            err = weir_tree_next(&c);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* One row of meta that may be missing, copied. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
static enum weir_err meta_copy(const struct weir_tree_file *pages, const struct store_roots *roots,
                               const char *name, void *ret, size_t len)
{
    const uint8_t *at = NULL;
    struct weir_span row;

    if (weir_tree_get(pages, &roots->tree[STORE_META], weir_span_cstr(name), &row) ==
        WEIR_ENOTFOUND)
        return WEIR_ENOTFOUND;
    enum weir_err err = meta_get(pages, roots, name, len, &at);
    if (err == WEIR_OK)
        memcpy(ret, at, len);
    return err;
}

/* Are the numbers of this node's lane those of a writer, which leaves no holes? */
static bool own_lane_fits(const struct weir_store *s)
{
    return s->tally.own_lane < s->num_lanes && s->lanes[s->tally.own_lane].vv == s->tally.seq;
}

static enum weir_err load_rows(struct weir_store *s, const struct weir_tree_file *pages,
                               const struct store_roots *roots)
{
    const uint8_t *node_id = NULL;
    const uint8_t *incarnation = NULL;
    const uint8_t *lane = NULL;
    const uint8_t *seq = NULL;
    const uint8_t *floor = NULL;
    const uint8_t *counts = NULL;
    const uint8_t *clean = NULL;
    const uint8_t *format = NULL;

    if (meta_get(pages, roots, "format", 4, &format) < 0 ||
        meta_get(pages, roots, "node_id", STORE_NODE_ID_LEN, &node_id) < 0 ||
        meta_get(pages, roots, "incarnation", STORE_INCARNATION_LEN, &incarnation) < 0 ||
        meta_get(pages, roots, "lane", 4, &lane) < 0 ||
        meta_get(pages, roots, "seq", 8, &seq) < 0 ||
        meta_get(pages, roots, "hlc_floor", 8, &floor) < 0 ||
        meta_get(pages, roots, "counts", STORE_COUNTS_LEN, &counts) < 0 ||
        meta_get(pages, roots, "clean", 1, &clean) < 0)
        return WEIR_ECORRUPT;
    enum weir_err err = load_lanes(s, pages, roots);
    if (err < 0)
        return err;
    memcpy(s->node_id, node_id, STORE_NODE_ID_LEN);
    memcpy(s->incarnation, incarnation, STORE_INCARNATION_LEN);
    s->clean = clean[0] != 0;
    s->format = (uint32_t)weir_num_get_le(format, 4);
    s->tally.own_lane = (uint32_t)weir_num_get_le(lane, 4);
    s->tally.seq = weir_num_get_le(seq, 8);
    s->tally.hlc_floor = weir_num_get_le(floor, 8);
    err = weir_store_counts_unpack(weir_span(counts, STORE_COUNTS_LEN), &s->tally);
    if (err < 0)
        return err;
    if (s->tally.own_lane == STORE_LANE_NONE)
        return s->format < STORE_FORMAT ? WEIR_ECORRUPT : WEIR_OK;
    if (s->tally.own_lane >= s->num_lanes)
        return WEIR_ECORRUPT;
    return s->format < STORE_FORMAT && !own_lane_fits(s) ? WEIR_ECORRUPT : WEIR_OK;
}

/* Whether a bootstrap has completed. A node that never was in a cluster did not write it:
 * its records are all there are, so whatever was written makes it complete. */
static enum weir_err load_live(struct weir_store *s, const struct weir_tree_file *pages,
                               const struct store_roots *roots)
{
    uint8_t live = 0;

    enum weir_err err = meta_copy(pages, roots, "live", &live, 1);
    s->has_live_row = err == WEIR_OK;
    s->tally.is_live = s->has_live_row ? live != 0 : s->tally.seq > 0 || s->num_lanes > 1;
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* The newest state, pinned by *ret_txn, which the caller must abort also after an error. */
static enum weir_err pin_newest(struct weir_store *s, MDB_txn **ret_txn,
                                struct weir_tree_file *ret_pages, struct store_roots *ret_roots)
{
    MDB_envinfo info;

    *ret_txn = NULL;
    if (mdb_env_info(s->env, &info) != 0)
        return WEIR_EIO;
    if (info.me_last_txnid == 0)
        return WEIR_ENOTFOUND;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret_txn);
    if (rc != 0) {
        *ret_txn = NULL;
        return weir_store_err(rc);
    }
    enum weir_err err = weir_store_pages_now(s, ret_pages);
    if (err < 0)
        return err;
    return weir_store_roots_load(ret_pages, mdb_txn_id(*ret_txn), s->kind->num_trees, ret_roots);
}

enum weir_err weir_store_meta_load(struct weir_store *s)
{
    MDB_txn *txn = NULL;
    struct store_roots roots;
    struct weir_tree_file pages;

    enum weir_err err = pin_newest(s, &txn, &pages, &roots);
    if (err == WEIR_OK)
        err = load_rows(s, &pages, &roots);
    if (err == WEIR_OK)
        err = load_live(s, &pages, &roots);
    mdb_txn_abort(txn);
    return err;
}

enum weir_err weir_store_meta_find(struct weir_store *s, const char *name, void *ret, size_t len)
{
    MDB_txn *txn = NULL;
    struct store_roots roots;
    struct weir_tree_file pages;

    enum weir_err err = pin_newest(s, &txn, &pages, &roots);
    if (err == WEIR_OK)
        err = meta_copy(&pages, &roots, name, ret, len);
    mdb_txn_abort(txn);
    return err;
}

/* A write transaction on a database that has no trees yet. */
static enum weir_err first_txn(struct weir_store *s, struct store_txn *ret)
{
    struct store_txn t = {
        .s = s, .tally = s->tally, .wall_ms = weir_store_wall_ms(s), .last_page = 1
    };

    for (int i = 0; i < STORE_NUM_TREES; i++)
        t.roots.tree[i] = (struct weir_tree){ .root = WEIR_TREE_NONE };
    enum weir_err err = weir_store_pages_now(s, &t.pages);
    if (err < 0)
        return err;
    int rc = mdb_txn_begin(s->env, NULL, 0, &t.txn);
    if (rc != 0)
        return weir_store_err(rc);
    for (int i = 0; rc == 0 && i < s->kind->num_trees; i++) {
        const char *name = weir_store_tree_name((enum store_tree)i);
        rc = mdb_dbi_open(t.txn, name, MDB_CREATE, &s->dbi[i]);
    }
    if (rc != 0) {
        mdb_txn_abort(t.txn);
        return weir_store_err(rc);
    }
    *ret = t;
    return WEIR_OK;
}

static enum weir_err write_first_rows(struct store_txn *t)
{
    struct weir_store *s = t->s;
    uint8_t format[4];
    uint8_t lane[4];
    const uint8_t zero[8] = { 0 };

    weir_num_write_le(format, s->format, 4);
    weir_num_write_le(lane, s->tally.own_lane, 4);
    const struct {
        const char *name;
        const void *at;
        size_t len;
    } rows[] = {
        { "format", format, sizeof(format) },
        { "node_id", s->node_id, STORE_NODE_ID_LEN },
        { "incarnation", s->incarnation, STORE_INCARNATION_LEN },
        { "lane", lane, sizeof(lane) },
        { "seq", zero, sizeof(zero) },
        { "hlc_floor", zero, sizeof(zero) },
        { "clean", zero, 1 },
    };
    enum weir_err err = WEIR_OK;
    for (size_t i = 0; err == WEIR_OK && i < WEIR_ARRAY_LEN(rows); i++)
        err = weir_store_meta_put(t, rows[i].name, rows[i].at, rows[i].len);
    for (uint32_t i = 0; err == WEIR_OK && i < s->num_lanes; i++)
        err = weir_store_lane_put(t, i, &s->lanes[i]);
    return err;
}

enum weir_err weir_store_meta_create(struct weir_store *s, const uint8_t *node_id)
{
    struct store_lane own = { .vv = 0 };
    struct store_txn t;

    if (node_id != NULL)
        memcpy(s->node_id, node_id, STORE_NODE_ID_LEN);
    else if (weir_rng_secret(s->node_id, STORE_NODE_ID_LEN) < 0)
        return WEIR_EIO;
    if (weir_rng_secret(s->incarnation, STORE_INCARNATION_LEN) < 0 ||
        weir_store_lane_draw(s, own.id) < 0)
        return WEIR_EIO;
    s->tally = (struct store_tally){ .own_lane = STORE_LANE_NONE };
    s->reversed_whole = true; /* there are no names yet */
    if (s->driven || s->format < STORE_FORMAT_ALONE)
        s->format = s->driven ? STORE_FORMAT : STORE_FORMAT_ALONE;
    enum weir_err err = WEIR_OK;
    if (!s->driven) {
        s->tally.own_lane = s->num_lanes;
        err = weir_store_lane_add(s, &own);
    }
    if (err == WEIR_OK)
        err = first_txn(s, &t);
    if (err < 0)
        return err;
    err = write_first_rows(&t);
    if (err < 0) {
        weir_store_txn_abort(&t);
        return err;
    }
    return weir_store_txn_commit(&t);
}

enum weir_err weir_store_lane_own(struct weir_store *s)
{
    struct store_lane own = { .vv = 0 };
    struct store_txn t;
    uint32_t num_before = s->num_lanes;

    if (own_lane_fits(s))
        return WEIR_OK;
    enum weir_err err = weir_store_lane_draw(s, own.id);
    if (err == WEIR_OK)
        err = weir_store_lane_add(s, &own);
    if (err == WEIR_OK)
        err = weir_store_txn_begin(s, &t);
    if (err < 0)
        return err;
    t.tally.own_lane = num_before;
    t.tally.seq = 0;
    err = weir_store_lane_put(&t, num_before, &own);
    if (err < 0) {
        weir_store_txn_abort(&t);
        return err;
    }
    return weir_store_txn_commit(&t);
}

enum weir_err weir_store_open_database(struct weir_store *s)
{
    enum weir_err err = weir_store_env_open(s, s->kind->file_name);
    if (err < 0)
        return err;
    err = weir_store_meta_load(s);
    if (err == WEIR_ENOTFOUND) {
        s->num_lanes = 0;
        s->format = 0;
        err = weir_store_meta_create(s, NULL);
        if (err == WEIR_OK && fsync(s->folder_fd) != 0)
            err = WEIR_EIO;
    }
    /* Before any other commit of this program, which would make a mark that is there invalid. */
    if (err == WEIR_OK)
        err = weir_store_upgrade(s);
    if (err == WEIR_OK && !s->driven)
        err = weir_store_lane_own(s);
    return err;
}
