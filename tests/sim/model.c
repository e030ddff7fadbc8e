/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - one node of the replication rules; the names R3-R10 are those of the specification.
 */
#include "tests/sim/model.h"

#include <string.h>

#include "node/base/contract.h"

struct mutant_row {
    const char *name;
    const char *rule;
};

static const struct mutant_row mutants[] = {
    [WEIR_MUTANT_NONE] = { "none", "all rules" },
    [WEIR_MUTANT_NODOTGATE] = { "nodotgate", "R3: a covered dot is not applied again" },
    [WEIR_MUTANT_NOFLOOR] = { "nofloor", "R6, R8: no merging across the tombstone horizon" },
    [WEIR_MUTANT_ONEWAYFLOOR] = { "onewayfloor", "R6: both sides compare with the other's floor" },
    [WEIR_MUTANT_CURSORSHARE] = { "cursorshare", "R5: a session is bound to one incarnation" },
    [WEIR_MUTANT_GAPADVANCE] = { "gapadvance", "R2: the vector never passes a gap" },
    [WEIR_MUTANT_LANEREUSE] = { "lanereuse", "R10: a restored store draws a new lane" },
    [WEIR_MUTANT_NOHLCBUMP] = { "nohlcbump", "HLC: newer than the record it replaces" },
    [WEIR_MUTANT_NOHLCFLOOR] = { "nohlcfloor", "HLC, R9: newer than any purged tombstone" },
    [WEIR_MUTANT_WRITEUNBOOT] = { "writeunboot", "R7: nothing before the bootstrap is complete" },
    [WEIR_MUTANT_BOOTMOVE] = { "bootmove", "R8: a moved floor restarts a bootstrap" },
    [WEIR_MUTANT_EARLYVV] = { "earlyvv", "R4: an unfinished session raises no vector" },
};
_Static_assert(WEIR_ARRAY_LEN(mutants) == WEIR_MUTANT_COUNT, "each mutant has a row");

const char *weir_mutant_name(enum weir_mutant mutant)
{
    WEIR_ASSERT(mutant < WEIR_MUTANT_COUNT);
    return mutants[mutant].name;
}

const char *weir_mutant_rule(enum weir_mutant mutant)
{
    WEIR_ASSERT(mutant < WEIR_MUTANT_COUNT);
    return mutants[mutant].rule;
}

bool weir_mutant_by_name(const char *name, enum weir_mutant *ret_mutant)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(mutants); i++) {
        if (strcmp(mutants[i].name, name) == 0) {
            *ret_mutant = (enum weir_mutant)i;
            return true;
        }
    }
    return false;
}

int weir_model_version_compare(struct weir_model_version a, struct weir_model_version b)
{
    if (a.hlc != b.hlc)
        return a.hlc < b.hlc ? -1 : 1;
    if (a.tie != b.tie)
        return a.tie < b.tie ? -1 : 1;
    return 0;
}

uint64_t weir_model_vector_get(const struct weir_model_vector *v, uint32_t lane)
{
    return lane < v->num_lanes ? v->seq[lane] : 0;
}

bool weir_model_covers(const struct weir_model_vector *v, struct weir_dot dot)
{
    return weir_model_vector_get(v, dot.lane) >= dot.seq;
}

void weir_model_vector_copy(struct weir_model_vector *to, const struct weir_model_vector *from)
{
    to->num_lanes = from->num_lanes;
    memcpy(to->seq, from->seq, from->num_lanes * sizeof(from->seq[0]));
}

/* Whether for some lane a's number is smaller than b's. */
static bool vector_behind(const struct weir_model_vector *a, const struct weir_model_vector *b)
{
    for (uint32_t lane = 0; lane < b->num_lanes; lane++) {
        if (weir_model_vector_get(a, lane) < b->seq[lane])
            return true;
    }
    return false;
}

bool weir_model_vector_equal(const struct weir_model_vector *a, const struct weir_model_vector *b)
{
    return !vector_behind(a, b) && !vector_behind(b, a);
}

static void vector_raise(struct weir_model_vector *v, struct weir_dot to)
{
    WEIR_ASSERT(to.lane < WEIR_MODEL_LANES_MAX);
    while (v->num_lanes <= to.lane)
        v->seq[v->num_lanes++] = 0;
    if (v->seq[to.lane] < to.seq)
        v->seq[to.lane] = to.seq;
}

static void vector_join(struct weir_model_vector *v, const struct weir_model_vector *with)
{
    for (uint32_t lane = 0; lane < with->num_lanes; lane++)
        vector_raise(v, (struct weir_dot){ lane, with->seq[lane] });
}

static void store_copy(struct weir_model_store *to, const struct weir_model_store *from)
{
    memcpy(to->records, from->records, sizeof(to->records));
    weir_model_vector_copy(&to->vv, &from->vv);
    weir_model_vector_copy(&to->floor, &from->floor);
    to->hlc_floor = from->hlc_floor;
    to->lane = from->lane;
    to->seq = from->seq;
    to->boot = from->boot;
}

static bool store_is_empty(const struct weir_model_store *s)
{
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
        if (s->records[key].present)
            return false;
    }
    return s->vv.num_lanes == 0 && s->floor.num_lanes == 0;
}

void weir_model_init(struct weir_model *m, enum weir_mutant mutant)
{
    WEIR_ASSERT(mutant < WEIR_MUTANT_COUNT);
    *m = (struct weir_model){ .mutant = mutant };
}

/* An empty store in a new incarnation; the backup stays. */
static void node_clear(struct weir_model_node *n)
{
    struct weir_model_store *s = &n->store;

    memset(s->records, 0, sizeof(s->records));
    s->vv.num_lanes = 0;
    s->floor.num_lanes = 0;
    s->hlc_floor = 0;
    s->lane = 0;
    s->seq = 0;
    s->boot = false;
    n->session.open = false;
    n->incarnation = ++n->model->num_incarnations;
}

void weir_model_node_init(struct weir_model_node *n, struct weir_model *m, uint32_t id)
{
    n->model = m;
    n->id = id;
    n->has_backup = false;
    node_clear(n);
}

void weir_model_bootstrap(struct weir_model_node *n)
{
    n->store.boot = true;
}

static bool is_mutant(const struct weir_model_node *n, enum weir_mutant mutant)
{
    return n->model->mutant == mutant;
}

/* R7: a node that is not live neither writes, nor serves, nor hears, nor purges. */
static bool may_act(const struct weir_model_node *n)
{
    return n->store.boot || is_mutant(n, WEIR_MUTANT_WRITEUNBOOT);
}

static void store_put(struct weir_model_node *n, const struct weir_model_record *r, int64_t wall_ms)
{
    n->store.records[r->key] = *r;
    n->store.records[r->key].stored_at = wall_ms;
}

/* R3: keep the newer version, unless the vector says that this one has been here. */
static void apply(struct weir_model_node *n, const struct weir_model_record *r, int64_t wall_ms)
{
    const struct weir_model_record *held = &n->store.records[r->key];

    if (weir_model_covers(&n->store.vv, r->dot) && !is_mutant(n, WEIR_MUTANT_NODOTGATE))
        return;
    if (!held->present || weir_model_version_compare(r->version, held->version) > 0)
        store_put(n, r, wall_ms);
}

static int64_t next_hlc(const struct weir_model_node *n, uint32_t key, int64_t wall_ms)
{
    const struct weir_model_record *held = &n->store.records[key];
    int64_t least = held->present ? held->version.hlc + 1 : n->store.hlc_floor + 1;

    if (is_mutant(n, WEIR_MUTANT_NOHLCBUMP))
        return wall_ms;
    if (!held->present && is_mutant(n, WEIR_MUTANT_NOHLCFLOOR))
        return wall_ms;
    return wall_ms > least ? wall_ms : least;
}

static const struct weir_model_record *put(struct weir_model_node *n, struct weir_model_record r,
                                           int64_t wall_ms)
{
    struct weir_model_store *s = &n->store;

    WEIR_ASSERT(r.key < WEIR_MODEL_KEYS_MAX);
    if (!may_act(n))
        return NULL;
    if (s->lane == 0) {
        s->lane = ++n->model->num_lanes;
        s->seq = 0;
    }
    r.present = true;
    r.dot = (struct weir_dot){ s->lane, ++s->seq };
    r.version = (struct weir_model_version){ next_hlc(n, r.key, wall_ms), s->lane };
    store_put(n, &r, wall_ms);
    vector_raise(&s->vv, r.dot);
    return &s->records[r.key];
}

const struct weir_model_record *weir_model_write(struct weir_model_node *n, uint32_t key,
                                                 uint64_t value, int64_t wall_ms)
{
    return put(n, (struct weir_model_record){ .key = key, .value = value }, wall_ms);
}

const struct weir_model_record *weir_model_delete(struct weir_model_node *n, uint32_t key,
                                                  int64_t wall_ms)
{
    return put(n, (struct weir_model_record){ .key = key, .deleted = true }, wall_ms);
}

bool weir_model_receive(struct weir_model_node *n, const struct weir_model_message *message,
                        int64_t wall_ms)
{
    const struct weir_model_record *r = &message->record;
    uint64_t seen = weir_model_vector_get(&n->store.vv, r->dot.lane);
    bool hears_all = is_mutant(n, WEIR_MUTANT_NOFLOOR) || is_mutant(n, WEIR_MUTANT_ONEWAYFLOOR);

    if (!may_act(n))
        return false;
    if (!hears_all && vector_behind(&message->vv, &n->store.floor))
        return false;
    if (r->dot.seq <= seen)
        return false;
    if (r->dot.seq != seen + 1 && !is_mutant(n, WEIR_MUTANT_GAPADVANCE))
        return false;
    apply(n, r, wall_ms);
    vector_raise(&n->store.vv, r->dot);
    return true;
}

static void list_add(struct weir_model_list *list, const struct weir_model_record *r)
{
    WEIR_ASSERT(list->num_records < WEIR_MODEL_KEYS_MAX);
    list->at[list->num_records++] = *r;
}

void weir_model_purge(struct weir_model_node *n, int64_t wall_ms, int64_t age_ms,
                      struct weir_model_list *ret_purged)
{
    struct weir_model_store *s = &n->store;

    ret_purged->num_records = 0;
    if (!may_act(n))
        return;
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
        struct weir_model_record *r = &s->records[key];
        if (!r->present || !r->deleted || wall_ms - r->stored_at < age_ms)
            continue;
        if (!weir_model_covers(&s->vv, r->dot))
            continue; /* came by a session that is not complete */
        list_add(ret_purged, r);
        if (s->hlc_floor < r->version.hlc)
            s->hlc_floor = r->version.hlc;
        vector_raise(&s->floor, r->dot);
        *r = (struct weir_model_record){ 0 };
    }
}

/* R8: the source's floor stands still while a node bootstraps from it, or all begins again. */
static void bootstrap_check(struct weir_model_node *n, const struct weir_model_node *source)
{
    const struct weir_model_session *session = &n->session;
    bool bound = session->open && session->incarnation == source->incarnation;
    bool moved = bound && !weir_model_vector_equal(&session->floor, &source->store.floor) &&
                 !is_mutant(n, WEIR_MUTANT_BOOTMOVE);

    if (bound && !moved)
        return;
    if (!store_is_empty(&n->store))
        node_clear(n); /* copies of what the source has: nothing to export */
    n->session.open = false;
}

/* R6: nobody merges across the tombstone horizon. @return whether the pull may go on */
static bool horizon_check(struct weir_model_node *n, const struct weir_model_node *source,
                          struct weir_model_list *exported)
{
    bool stale = vector_behind(&n->store.vv, &source->store.floor);
    bool source_stale =
        vector_behind(&source->store.vv, &n->store.floor) && !is_mutant(n, WEIR_MUTANT_ONEWAYFLOOR);

    if (source_stale && !stale)
        return false;
    if (source_stale && n->id < source->id)
        return false; /* an operator would choose */
    if (!stale)
        return true;
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
        if (n->store.records[key].present)
            list_add(exported, &n->store.records[key]);
    }
    node_clear(n);
    return true;
}

/* R5: a session belongs to one incarnation of one source. */
static void session_bind(struct weir_model_node *n, const struct weir_model_node *source)
{
    struct weir_model_session *session = &n->session;
    bool changed = session->open && session->incarnation != source->incarnation;

    if (!session->open || (changed && !is_mutant(n, WEIR_MUTANT_CURSORSHARE))) {
        session->open = true;
        weir_model_vector_copy(&session->cursor, &n->store.vv);
        weir_model_vector_copy(&session->floor, &source->store.floor);
    }
    session->incarnation = source->incarnation;
}

static bool dot_before(struct weir_dot a, struct weir_dot b)
{
    return a.lane != b.lane ? a.lane < b.lane : a.seq < b.seq;
}

/* The source's records beyond the cursor, by lane and seq. */
static void session_due(const struct weir_model_session *session,
                        const struct weir_model_store *source, struct weir_model_list *due)
{
    due->num_records = 0;
    for (uint32_t key = 0; key < WEIR_MODEL_KEYS_MAX; key++) {
        const struct weir_model_record *r = &source->records[key];
        if (!r->present || weir_model_covers(&session->cursor, r->dot))
            continue;
        uint32_t at = due->num_records++;
        for (; at > 0 && dot_before(r->dot, due->at[at - 1].dot); at--)
            due->at[at] = due->at[at - 1];
        due->at[at] = *r;
    }
}

/* R4: the cursor moves, the vector does not. */
static void take_chunk(struct weir_model_node *n, const struct weir_model_node *source,
                       const struct weir_model_list *due, uint32_t chunk, int64_t wall_ms)
{
    for (uint32_t i = 0; i < chunk; i++) {
        struct weir_dot to = due->at[i].dot;
        uint64_t cap = weir_model_vector_get(&source->store.vv, to.lane);

        apply(n, &due->at[i], wall_ms);
        if (to.seq > cap)
            to.seq = cap;
        vector_raise(&n->session.cursor, to);
        if (is_mutant(n, WEIR_MUTANT_EARLYVV)) {
            to.seq = weir_model_vector_get(&n->session.cursor, to.lane);
            vector_raise(&n->store.vv, to);
        }
    }
}

enum weir_model_pulled weir_model_pull(struct weir_model_node *n,
                                       const struct weir_model_node *source, uint32_t chunk,
                                       int64_t wall_ms, struct weir_model_list *ret_exported)
{
    const struct weir_model_store *from = &source->store;
    struct weir_model_list due;

    WEIR_ASSERT(n != source);
    WEIR_ASSERT(chunk > 0);
    ret_exported->num_records = 0;
    if (!may_act(source))
        return WEIR_MODEL_REFUSED;
    if (!is_mutant(n, WEIR_MUTANT_NOFLOOR)) {
        if (!n->store.boot)
            bootstrap_check(n, source);
        else if (!horizon_check(n, source, ret_exported))
            return WEIR_MODEL_REFUSED;
    }
    session_bind(n, source);
    session_due(&n->session, from, &due);
    if (due.num_records > chunk) {
        take_chunk(n, source, &due, chunk, wall_ms);
        return WEIR_MODEL_CHUNK;
    }
    for (uint32_t i = 0; i < due.num_records; i++)
        apply(n, &due.at[i], wall_ms);
    vector_join(&n->store.vv, &from->vv);
    vector_join(&n->store.floor, &from->floor);
    if (n->store.hlc_floor < from->hlc_floor)
        n->store.hlc_floor = from->hlc_floor;
    n->store.boot = true;
    n->session.open = false;
    return WEIR_MODEL_DONE;
}

void weir_model_drop_session(struct weir_model_node *n)
{
    n->session.open = false;
}

void weir_model_wipe(struct weir_model_node *n)
{
    n->has_backup = false;
    node_clear(n);
}

void weir_model_backup(struct weir_model_node *n)
{
    store_copy(&n->backup, &n->store);
    n->has_backup = true;
}

void weir_model_restore(struct weir_model_node *n)
{
    if (!n->has_backup)
        return;
    store_copy(&n->store, &n->backup);
    n->session.open = false;
    n->incarnation = ++n->model->num_incarnations;
    if (!is_mutant(n, WEIR_MUTANT_LANEREUSE))
        n->store.lane = 0; /* R10: nobody knows how far the old one went */
}
