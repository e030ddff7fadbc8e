/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c - the store: operations, and the log by which they are undone.
 */
#include "tests/sim/memory.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/base/limits.h"
#include "tests/sim/memory_trees.h"

enum change {
    CHANGE_REC,      /* `gone` left, `came` entered; either may be NULL */
    CHANGE_LANE,     /* a lane's row was `lane`; all zero: there was none */
    CHANGE_META,     /* the numbers were `meta` */
    CHANGE_CONFLICT, /* one came, and `conflict` (or NULL) went from the front */
    CHANGE_FORGOT,   /* `conflict` went from the front */
    CHANGE_WIPE,     /* everything but conflicts was `saved` */
};

struct lanes {
    struct weir_keep_lane *at; /* owns; ascending */
    size_t num;
    size_t cap;
};

struct saved {
    struct memory_trees trees;
    struct lanes lanes;
    struct weir_keep_meta meta;
};

/* A conflict with its loser's bytes. */
struct conflict {
    struct weir_keep_conflict c;
    struct memory_rec *loser; /* owns */
};

struct entry {
    enum change what;
    struct memory_rec *gone;
    struct memory_rec *came;
    struct weir_keep_lane lane;
    struct weir_keep_meta meta;
    struct conflict *conflict;
    struct saved *saved;
};

struct weir_memory {
    struct weir_keep keep;
    bool is_synced;
    bool in_transaction;
    struct memory_trees trees;
    struct lanes lanes;
    struct weir_keep_meta meta;
    struct conflict **conflicts; /* owns; from first_conflict on */
    size_t num_conflicts;
    size_t first_conflict;
    size_t cap_conflicts;
    struct entry *log; /* owns */
    size_t num_log;
    size_t cap_log;
    size_t committed; /* entries of committed transactions that are not durable */
    struct weir_memory_watch watch;
    bool fails;
    uint64_t fail_after;
    enum weir_err fail_err;
    enum weir_err broken;
};

static struct weir_memory *memory_of(struct weir_keep *k)
{
    return (struct weir_memory *)k; /* its first member */
}

/* -- faults -- */

/* @return the error that this operation has to fail with */
static enum weir_err fault(struct weir_memory *m)
{
    if (!m->fails)
        return WEIR_OK;
    if (m->fail_after > 0) {
        m->fail_after--;
        return WEIR_OK;
    }
    m->fails = false;
    return m->fail_err;
}

static enum weir_err change_fault(struct weir_memory *m)
{
    WEIR_ASSERT(m->in_transaction);
    return m->broken < 0 ? m->broken : fault(m);
}

void weir_memory_fail_after(struct weir_memory *m, uint64_t num, enum weir_err err)
{
    m->fails = err < 0;
    m->fail_after = num;
    m->fail_err = err;
}

void weir_memory_break(struct weir_memory *m, enum weir_err err)
{
    m->broken = err;
}

/* -- the log -- */

static bool log_room(struct weir_memory *m)
{
    if (m->num_log < m->cap_log)
        return true;
    size_t cap = m->cap_log > 0 ? 2 * m->cap_log : 64;
    struct entry *log = realloc(m->log, cap * sizeof(*log));
    if (log == NULL)
        return false;
    m->log = log;
    m->cap_log = cap;
    return true;
}

static struct entry *log_add(struct weir_memory *m, enum change what)
{
    struct entry *e = &m->log[m->num_log++];

    memset(e, 0, sizeof(*e));
    e->what = what;
    return e;
}

static void conflict_free(struct conflict *c)
{
    if (c != NULL)
        free(c->loser);
    free(c);
}

static void saved_free(struct saved *s)
{
    memory_trees_clear(&s->trees);
    free(s->lanes.at);
    free(s);
}

/* What an entry would have brought back is not needed any more. */
static void forget_entry(struct entry *e)
{
    free(e->gone);
    conflict_free(e->conflict);
    if (e->saved != NULL)
        saved_free(e->saved);
}

static size_t find_lane(const struct lanes *l, const uint8_t *lane, bool above)
{
    size_t low = 0;
    size_t high = l->num;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = memcmp(l->at[middle].lane, lane, WEIR_LANE_LEN);
        if (c < 0 || (c == 0 && above))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_lane(const struct lanes *l, size_t at, const uint8_t *lane)
{
    return at < l->num && memcmp(l->at[at].lane, lane, WEIR_LANE_LEN) == 0;
}

static bool is_nothing(const struct weir_keep_lane *l)
{
    return l->vv == 0 && l->seen == 0 && l->floor == 0 && l->final == 0;
}

static bool lanes_room(struct lanes *l)
{
    if (l->num < l->cap)
        return true;
    size_t cap = l->cap > 0 ? 2 * l->cap : 8;
    struct weir_keep_lane *at = realloc(l->at, cap * sizeof(*at));
    if (at == NULL)
        return false;
    l->at = at;
    l->cap = cap;
    return true;
}

/* The row becomes `row`, or goes when it says nothing. There is room (contract). */
static void set_lane(struct lanes *l, const struct weir_keep_lane *row)
{
    size_t at = find_lane(l, row->lane, false);
    bool was = has_lane(l, at, row->lane);

    if (is_nothing(row)) {
        if (was) {
            l->num--;
            memmove(&l->at[at], &l->at[at + 1], (l->num - at) * sizeof(*l->at));
        }
        return;
    }
    if (!was) {
        WEIR_ASSERT(l->num < l->cap);
        memmove(&l->at[at + 1], &l->at[at], (l->num - at) * sizeof(*l->at));
        l->num++;
    }
    l->at[at] = *row;
}

static struct conflict *pop_newest(struct weir_memory *m)
{
    WEIR_ASSERT(m->num_conflicts > m->first_conflict);
    return m->conflicts[--m->num_conflicts];
}

static void put_front(struct weir_memory *m, struct conflict *c)
{
    WEIR_ASSERT(m->first_conflict > 0);
    m->conflicts[--m->first_conflict] = c;
}

static void undo_entry(struct weir_memory *m, struct entry *e)
{
    switch (e->what) {
    case CHANGE_REC:
        if (e->came != NULL) {
            memory_trees_remove(&m->trees, e->came);
            free(e->came);
        }
        if (e->gone != NULL)
            memory_trees_add(&m->trees, e->gone);
        return;
    case CHANGE_LANE:
        set_lane(&m->lanes, &e->lane);
        return;
    case CHANGE_META:
        m->meta = e->meta;
        return;
    case CHANGE_CONFLICT:
        conflict_free(pop_newest(m));
        if (e->conflict != NULL)
            put_front(m, e->conflict);
        return;
    case CHANGE_FORGOT:
        put_front(m, e->conflict);
        return;
    case CHANGE_WIPE:
        memory_trees_clear(&m->trees);
        free(m->lanes.at);
        m->trees = e->saved->trees;
        m->lanes = e->saved->lanes;
        m->meta = e->saved->meta;
        free(e->saved);
        return;
    }
    WEIR_UNREACHABLE();
}

static void undo_to(struct weir_memory *m, size_t num)
{
    while (m->num_log > num)
        undo_entry(m, &m->log[--m->num_log]);
}

static void forget_log(struct weir_memory *m)
{
    for (size_t i = 0; i < m->num_log; i++)
        forget_entry(&m->log[i]);
    m->num_log = 0;
    m->committed = 0;
    if (m->first_conflict > 0) { /* the room before the first was for undoing */
        m->num_conflicts -= m->first_conflict;
        memmove(m->conflicts, m->conflicts + m->first_conflict,
                m->num_conflicts * sizeof(struct conflict *));
        m->first_conflict = 0;
    }
}

/* -- transactions -- */

static enum weir_err op_begin(struct weir_keep *k)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = fault(m);

    WEIR_ASSERT(!m->in_transaction);
    if (err < 0)
        return err;
    m->in_transaction = true;
    return WEIR_OK;
}

static void op_abort(struct weir_keep *k)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->in_transaction);
    undo_to(m, m->committed);
    m->in_transaction = false;
}

static void tell(struct weir_memory *m, const struct entry *e)
{
    const struct weir_memory_watch *w = &m->watch;

    if (e->what == CHANGE_REC && e->came != NULL && w->on_put != NULL)
        w->on_put(w->arg, &e->came->kept);
    if (e->what == CHANGE_REC && e->came == NULL && w->on_drop != NULL)
        w->on_drop(w->arg, &e->gone->kept);
    if (e->what == CHANGE_WIPE && w->on_wipe != NULL)
        w->on_wipe(w->arg);
    if (e->what == CHANGE_LANE && w->on_lane != NULL) {
        struct weir_keep_lane now = { 0 };
        size_t at = find_lane(&m->lanes, e->lane.lane, false);
        memcpy(now.lane, e->lane.lane, WEIR_LANE_LEN);
        if (has_lane(&m->lanes, at, e->lane.lane))
            now = m->lanes.at[at];
        w->on_lane(w->arg, &e->lane, &now);
    }
}

static enum weir_err op_commit(struct weir_keep *k)
{
    struct weir_memory *m = memory_of(k);
    bool has_changes = m->num_log > m->committed;
    enum weir_err err = has_changes ? change_fault(m) : fault(m);

    WEIR_ASSERT(m->in_transaction);
    if (err < 0) {
        op_abort(k);
        return err;
    }
    for (size_t i = m->committed; i < m->num_log; i++)
        tell(m, &m->log[i]);
    m->committed = m->num_log;
    if (m->is_synced)
        forget_log(m);
    m->in_transaction = false;
    return WEIR_OK;
}

/* -- records -- */

static enum weir_err give(struct weir_memory *m, const struct memory_rec *rec,
                          struct weir_kept *ret)
{
    enum weir_err err = fault(m);

    if (rec == NULL)
        return err < 0 && err != WEIR_ENOMEM && err != WEIR_EFULL ? err : WEIR_ENOTFOUND;
    if (err < 0)
        return WEIR_EIO;
    *ret = rec->kept;
    return rec->is_flipped && memory_rec_crc(rec) != rec->crc ? WEIR_ECORRUPT : WEIR_OK;
}

static struct memory_rec *find_key(const struct weir_memory *m, enum weir_class class,
                                   struct weir_span key, bool above)
{
    struct weir_kept probe = { .rec = { .class = class, .key = key } };
    return memory_trees_find(&m->trees, MEMORY_BY_KEY, &probe, above);
}

static struct memory_rec *exact(const struct weir_memory *m, enum weir_class class,
                                struct weir_span key)
{
    struct memory_rec *rec = find_key(m, class, key, false);
    bool is_it =
        rec != NULL && rec->kept.rec.class == class && weir_span_eq(rec->kept.rec.key, key);

    return is_it ? rec : NULL;
}

static enum weir_err op_get(struct weir_keep *k, enum weir_class class, struct weir_span key,
                            struct weir_kept *ret)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->in_transaction);
    return give(m, exact(m, class, key), ret);
}

static struct weir_keep_lane lane_row(const struct weir_memory *m, const uint8_t *lane)
{
    struct weir_keep_lane row = { 0 };
    size_t at = find_lane(&m->lanes, lane, false);

    memcpy(row.lane, lane, WEIR_LANE_LEN);
    return has_lane(&m->lanes, at, lane) ? m->lanes.at[at] : row;
}

/* Replace a lane's row. @return WEIR_OK | WEIR_ENOMEM */
static enum weir_err change_lane(struct weir_memory *m, const struct weir_keep_lane *row)
{
    if (!log_room(m) || !lanes_room(&m->lanes))
        return WEIR_ENOMEM;
    log_add(m, CHANGE_LANE)->lane = lane_row(m, row->lane);
    set_lane(&m->lanes, row);
    return WEIR_OK;
}

static enum weir_err op_put(struct weir_keep *k, const struct weir_kept *kept)
{
    struct weir_memory *m = memory_of(k);
    struct weir_keep_lane row = lane_row(m, kept->rec.version.lane);
    enum weir_err err = change_fault(m);

    WEIR_ASSERT(!kept->rec.tombstone || kept->rec.value.len == 0);
    WEIR_ASSERT(kept->extra.len <= WEIR_KEPT_EXTRA_MAX);
    if (err < 0)
        return err;
    struct memory_rec *came = memory_rec_new(kept);
    if (came == NULL || !log_room(m)) {
        free(came);
        return WEIR_ENOMEM;
    }
    struct memory_rec *gone = exact(m, kept->rec.class, kept->rec.key);
    if (gone != NULL)
        memory_trees_remove(&m->trees, gone);
    memory_trees_add(&m->trees, came);
    struct entry *e = log_add(m, CHANGE_REC);
    e->gone = gone;
    e->came = came;
    if (kept->rec.version.seq <= row.seen)
        return WEIR_OK;
    row.seen = kept->rec.version.seq;
    return change_lane(m, &row);
}

static enum weir_err op_drop(struct weir_keep *k, enum weir_class class, struct weir_span key)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = change_fault(m);
    struct memory_rec *gone = exact(m, class, key);

    if (err < 0 || gone == NULL)
        return err;
    if (!log_room(m))
        return WEIR_EIO;
    memory_trees_remove(&m->trees, gone);
    log_add(m, CHANGE_REC)->gone = gone;
    return WEIR_OK;
}

static enum weir_err op_next_dot(struct weir_keep *k, const uint8_t lane[WEIR_LANE_LEN],
                                 uint64_t after, struct weir_kept *ret)
{
    struct weir_memory *m = memory_of(k);
    struct weir_kept probe = { .rec = { .version = { .seq = after } } };

    WEIR_ASSERT(m->in_transaction);
    memcpy(probe.rec.version.lane, lane, WEIR_LANE_LEN);
    struct memory_rec *rec = memory_trees_find(&m->trees, MEMORY_BY_DOT, &probe, true);
    if (rec != NULL && memcmp(rec->kept.rec.version.lane, lane, WEIR_LANE_LEN) != 0)
        rec = NULL;
    return give(m, rec, ret);
}

static enum weir_err op_next_key(struct weir_keep *k, enum weir_class class, struct weir_span after,
                                 struct weir_kept *ret)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->in_transaction);
    struct memory_rec *rec = find_key(m, class, after, true);
    if (rec != NULL && rec->kept.rec.class != class)
        rec = NULL;
    return give(m, rec, ret);
}

static enum weir_err op_next_tombstone(struct weir_keep *k, uint64_t until_ms,
                                       struct weir_kept *ret)
{
    struct weir_memory *m = memory_of(k);
    struct weir_kept probe = { 0 };

    WEIR_ASSERT(m->in_transaction);
    struct memory_rec *rec = memory_trees_find(&m->trees, MEMORY_BY_TOMB, &probe, false);
    return give(m, rec != NULL && rec->kept.stored_ms <= until_ms ? rec : NULL, ret);
}

static enum weir_err op_next_expired(struct weir_keep *k, uint64_t until_s, struct weir_kept *ret)
{
    struct weir_memory *m = memory_of(k);
    struct weir_kept probe = { 0 };

    WEIR_ASSERT(m->in_transaction);
    struct memory_rec *rec = memory_trees_find(&m->trees, MEMORY_BY_EXP, &probe, false);
    return give(m, rec != NULL && rec->kept.rec.expires <= until_s ? rec : NULL, ret);
}

/* -- lanes and numbers -- */

static enum weir_err op_next_lane(struct weir_keep *k, const uint8_t *after,
                                  struct weir_keep_lane *ret)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = fault(m);
    size_t at = after != NULL ? find_lane(&m->lanes, after, true) : 0;

    WEIR_ASSERT(m->in_transaction);
    if (err < 0)
        return WEIR_EIO;
    if (at == m->lanes.num)
        return WEIR_ENOTFOUND;
    *ret = m->lanes.at[at];
    return WEIR_OK;
}

static enum weir_err op_put_lane(struct weir_keep *k, const struct weir_keep_lane *lane)
{
    struct weir_memory *m = memory_of(k);
    struct weir_keep_lane row = *lane;
    struct weir_keep_lane old = lane_row(m, lane->lane);
    enum weir_err err = change_fault(m);

    if (err < 0)
        return err;
    if (is_nothing(&old) && m->lanes.num >= WEIR_LANES_MAX)
        return WEIR_ELIMIT;
    if (row.seen < old.seen)
        row.seen = old.seen;
    return change_lane(m, &row);
}

static enum weir_err op_drop_lane(struct weir_keep *k, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_memory *m = memory_of(k);
    struct weir_kept probe = { .rec = { .version = { .seq = 0 } } };
    struct weir_keep_lane row = { 0 };
    enum weir_err err = change_fault(m);

    memcpy(probe.rec.version.lane, lane, WEIR_LANE_LEN);
    const struct memory_rec *rec = memory_trees_find(&m->trees, MEMORY_BY_DOT, &probe, true);
    WEIR_ASSERT(rec == NULL || memcmp(rec->kept.rec.version.lane, lane, WEIR_LANE_LEN) != 0);
    if (err < 0)
        return err;
    memcpy(row.lane, lane, WEIR_LANE_LEN);
    return change_lane(m, &row) < 0 ? WEIR_EIO : WEIR_OK;
}

static enum weir_err op_get_meta(struct weir_keep *k, struct weir_keep_meta *ret)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->in_transaction);
    if (fault(m) < 0)
        return WEIR_EIO;
    *ret = m->meta;
    return WEIR_OK;
}

static enum weir_err op_put_meta(struct weir_keep *k, const struct weir_keep_meta *meta)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = change_fault(m);

    if (err < 0)
        return err;
    if (!log_room(m))
        return WEIR_EIO;
    log_add(m, CHANGE_META)->meta = m->meta;
    m->meta = *meta;
    return WEIR_OK;
}

/* -- conflicts -- */

static bool is_known(const struct weir_memory *m, const struct weir_keep_conflict *c)
{
    const struct weir_version *v = &c->loser.rec.version;

    for (size_t i = m->num_conflicts; i > m->first_conflict; i--) {
        const struct weir_record *r = &m->conflicts[i - 1]->c.loser.rec;
        if (r->version.seq == v->seq && r->version.hlc == v->hlc &&
            memcmp(r->version.lane, v->lane, WEIR_LANE_LEN) == 0 &&
            r->class == c->loser.rec.class && weir_span_eq(r->key, c->loser.rec.key))
            return true;
    }
    return false;
}

static bool conflicts_room(struct weir_memory *m)
{
    if (m->num_conflicts < m->cap_conflicts)
        return true;
    size_t cap = m->cap_conflicts > 0 ? 2 * m->cap_conflicts : 16;
    struct conflict **at = realloc(m->conflicts, cap * sizeof(struct conflict *));
    if (at == NULL)
        return false;
    m->conflicts = at;
    m->cap_conflicts = cap;
    return true;
}

static struct conflict *conflict_new(const struct weir_keep_conflict *c)
{
    struct conflict *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    copy->c = *c;
    copy->loser = memory_rec_new(&c->loser);
    if (copy->loser == NULL) {
        free(copy);
        return NULL;
    }
    copy->c.loser = copy->loser->kept;
    return copy;
}

static enum weir_err op_put_conflict(struct weir_keep *k, const struct weir_keep_conflict *c)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = change_fault(m);

    if (err < 0 || is_known(m, c))
        return err;
    if (!log_room(m) || !conflicts_room(m))
        return WEIR_ENOMEM;
    struct conflict *came = conflict_new(c);
    if (came == NULL)
        return WEIR_ENOMEM;
    struct entry *e = log_add(m, CHANGE_CONFLICT);
    if (m->num_conflicts - m->first_conflict == WEIR_CONFLICTS_MAX)
        e->conflict = m->conflicts[m->first_conflict++];
    m->conflicts[m->num_conflicts++] = came;
    return WEIR_OK;
}

static enum weir_err op_get_conflict(struct weir_keep *k, uint64_t at,
                                     struct weir_keep_conflict *ret)
{
    struct weir_memory *m = memory_of(k);

    WEIR_ASSERT(m->in_transaction);
    if (fault(m) < 0)
        return WEIR_EIO;
    const struct weir_keep_conflict *c = weir_memory_conflict(m, at);
    if (c == NULL)
        return WEIR_ENOTFOUND;
    *ret = *c;
    return WEIR_OK;
}

static enum weir_err op_drop_conflicts(struct weir_keep *k, uint64_t until_ms)
{
    struct weir_memory *m = memory_of(k);

    if (m->first_conflict == m->num_conflicts ||
        m->conflicts[m->first_conflict]->c.noted_ms > until_ms)
        return WEIR_OK;
    enum weir_err err = change_fault(m);
    while (err == WEIR_OK && m->first_conflict < m->num_conflicts &&
           m->conflicts[m->first_conflict]->c.noted_ms <= until_ms) {
        if (!log_room(m))
            return WEIR_EIO;
        log_add(m, CHANGE_FORGOT)->conflict = m->conflicts[m->first_conflict++];
    }
    return err;
}

static enum weir_err op_wipe(struct weir_keep *k)
{
    struct weir_memory *m = memory_of(k);
    enum weir_err err = change_fault(m);

    if (err < 0)
        return err;
    struct saved *saved = malloc(sizeof(*saved));
    if (saved == NULL || !log_room(m)) {
        free(saved);
        return WEIR_EIO;
    }
    *saved = (struct saved){ m->trees, m->lanes, m->meta };
    log_add(m, CHANGE_WIPE)->saved = saved;
    m->trees = (struct memory_trees){ .random = saved->trees.random };
    m->lanes = (struct lanes){ 0 };
    m->meta = (struct weir_keep_meta){ 0 };
    return WEIR_OK;
}

static const struct weir_keep_ops ops = {
    .begin = op_begin,
    .commit = op_commit,
    .abort = op_abort,
    .get = op_get,
    .put = op_put,
    .drop = op_drop,
    .next_dot = op_next_dot,
    .next_key = op_next_key,
    .next_tombstone = op_next_tombstone,
    .next_expired = op_next_expired,
    .next_lane = op_next_lane,
    .put_lane = op_put_lane,
    .drop_lane = op_drop_lane,
    .get_meta = op_get_meta,
    .put_meta = op_put_meta,
    .put_conflict = op_put_conflict,
    .get_conflict = op_get_conflict,
    .drop_conflicts = op_drop_conflicts,
    .wipe = op_wipe,
};

/* -- the whole -- */

struct weir_memory *weir_memory_new(bool is_synced)
{
    struct weir_memory *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->keep.ops = &ops;
    m->is_synced = is_synced;
    return m;
}

void weir_memory_erase(struct weir_memory *m)
{
    undo_to(m, m->committed);
    m->in_transaction = false;
    forget_log(m);
    memory_trees_clear(&m->trees);
    m->lanes.num = 0;
    m->meta = (struct weir_keep_meta){ 0 };
    while (m->num_conflicts > 0)
        conflict_free(m->conflicts[--m->num_conflicts]);
}

void weir_memory_free(struct weir_memory **mp)
{
    struct weir_memory *m = *mp;

    if (m == NULL)
        return;
    weir_memory_erase(m);
    free(m->lanes.at);
    free(m->conflicts);
    free(m->log);
    free(m);
    *mp = NULL;
}

struct weir_keep *weir_memory_keep(struct weir_memory *m)
{
    return &m->keep;
}

void weir_memory_watch(struct weir_memory *m, const struct weir_memory_watch *watch)
{
    m->watch = watch != NULL ? *watch : (struct weir_memory_watch){ 0 };
}

void weir_memory_sync(struct weir_memory *m)
{
    WEIR_ASSERT(!m->in_transaction);
    forget_log(m);
}

void weir_memory_crash(struct weir_memory *m)
{
    undo_to(m, 0);
    m->committed = 0;
    m->in_transaction = false;
}

bool weir_memory_flip(struct weir_memory *m, uint64_t at, uint64_t bit)
{
    if (m->trees.num == 0)
        return false;
    struct memory_rec *rec = memory_trees_at(&m->trees, at % m->trees.num);
    struct weir_version *v = &rec->kept.rec.version;
    size_t key_len = rec->kept.rec.key.len; /* by which it is found, like seq and lane: not hit */
    uint64_t num_bits = 8 * (sizeof(v->hlc) + rec->len - key_len);

    bit %= num_bits;
    if (bit < 8 * sizeof(v->hlc))
        v->hlc ^= UINT64_C(1) << bit;
    else
        rec->bytes[key_len + bit / 8 - sizeof(v->hlc)] ^= (uint8_t)(1 << bit % 8);
    rec->is_flipped = true;
    return true;
}

static enum weir_err copy_records(struct weir_memory *m, const struct memory_trees *from)
{
    struct memory_rec *rec = memory_trees_at(from, 0);

    for (; rec != NULL; rec = memory_trees_find(from, MEMORY_BY_KEY, &rec->kept, true)) {
        struct memory_rec *copy = memory_rec_new(&rec->kept);
        if (copy == NULL)
            return WEIR_ENOMEM;
        copy->crc = rec->crc;
        copy->is_flipped = rec->is_flipped;
        memory_trees_add(&m->trees, copy);
    }
    return WEIR_OK;
}

static enum weir_err copy_rest(struct weir_memory *m, const struct weir_memory *from)
{
    for (size_t i = 0; i < from->lanes.num; i++) {
        if (!lanes_room(&m->lanes))
            return WEIR_ENOMEM;
        m->lanes.at[m->lanes.num++] = from->lanes.at[i];
    }
    for (size_t i = from->first_conflict; i < from->num_conflicts; i++) {
        struct conflict *c = conflicts_room(m) ? conflict_new(&from->conflicts[i]->c) : NULL;
        if (c == NULL)
            return WEIR_ENOMEM;
        m->conflicts[m->num_conflicts++] = c;
    }
    m->meta = from->meta;
    return WEIR_OK;
}

enum weir_err weir_memory_copy(struct weir_memory *m, const struct weir_memory *from)
{
    WEIR_ASSERT(!m->in_transaction);
    WEIR_ASSERT(!from->in_transaction);
    weir_memory_erase(m);
    enum weir_err err = copy_records(m, &from->trees);
    if (err == WEIR_OK)
        err = copy_rest(m, from);
    if (err < 0)
        weir_memory_erase(m);
    return err;
}

/* -- looking -- */

bool weir_memory_next(const struct weir_memory *m, enum weir_class class, struct weir_span key,
                      struct weir_kept *ret)
{
    const struct memory_rec *rec = find_key(m, class, key, true);

    if (rec != NULL)
        *ret = rec->kept;
    return rec != NULL;
}

bool weir_memory_get(const struct weir_memory *m, enum weir_class class, struct weir_span key,
                     struct weir_kept *ret)
{
    const struct memory_rec *rec = exact(m, class, key);

    if (rec != NULL)
        *ret = rec->kept;
    return rec != NULL;
}

const struct weir_keep_lane *weir_memory_lanes(const struct weir_memory *m, size_t *ret_num)
{
    *ret_num = m->lanes.num;
    return m->lanes.at;
}

const struct weir_keep_meta *weir_memory_meta(const struct weir_memory *m)
{
    return &m->meta;
}

const struct weir_keep_conflict *weir_memory_conflict(const struct weir_memory *m, size_t at)
{
    size_t num = m->num_conflicts - m->first_conflict;

    return at < num ? &m->conflicts[m->first_conflict + at]->c : NULL;
}

size_t weir_memory_num(const struct weir_memory *m)
{
    return m->trees.num;
}
