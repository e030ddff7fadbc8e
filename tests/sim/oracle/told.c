/* SPDX-License-Identifier: Apache-2.0
 *
 * told.c - outputs against what was done, and memory against the stores.
 */
#include "tests/sim/oracle/told.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"

static void found(struct weir_sim_check *c, enum weir_sim_broken broken, uint32_t node)
{
    weir_sim_check_found(c, broken, node, WEIR_SIM_NO_NAME);
}

static uint64_t hash_of(struct weir_span key)
{
    return weir_hash64(0, key.at, key.len);
}

void weir_sim_told_asked(struct weir_sim_check *c, uint32_t node, const struct weir_engine_write *w)
{
    struct weir_sim_told *t = &c->views[node].told;

    if (t->num_asked == t->cap_asked) {
        t->cap_asked = t->cap_asked == 0 ? 16 : 2 * t->cap_asked;
        t->asked = realloc(t->asked, t->cap_asked * sizeof(*t->asked));
        WEIR_ASSERT(t->asked != NULL);
    }
    t->asked[t->num_asked++] = (struct weir_sim_asked){
        .cookie = w->cookie,
        .class = w->class,
        .key_hash = hash_of(w->key),
        .delete = w->delete,
    };
}

static enum weir_group group_of(enum weir_class class)
{
    return class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
}

/* Bans may stand although the turn failed: their store is committed first. */
static void check_acked(struct weir_sim_check *c, uint32_t node, const struct weir_engine_out *out,
                        enum weir_err err)
{
    struct weir_sim_told *t = &c->views[node].told;
    const struct weir_sim_asked *a = t->num_acked < t->num_asked ? &t->asked[t->num_acked] : NULL;
    bool stands = out->class == WEIR_CLASS_BAN && out->err == WEIR_OK;

    t->num_acked++;
    if (a == NULL || a->cookie != out->cookie || a->class != out->class ||
        a->key_hash != hash_of(out->key) || a->delete != out->tombstone ||
        (out->err != err && !stands))
        found(c, WEIR_SIM_RESULT, node);
}

/* The write that an output is about. @return 0: it is none that happened */
static uint64_t name_of(const struct weir_sim_check *c, const struct weir_engine_out *out)
{
    uint32_t w = weir_sim_check_find(c, &out->version);

    if (w == WEIR_SIM_NO_NAME || c->writes[w].hlc != out->version.hlc ||
        c->writes[w].deleted != out->tombstone ||
        c->writes[w].key != weir_sim_check_find_key(c, out->class, out->key))
        return 0;
    return weir_mix64(w + UINT64_C(1));
}

void weir_sim_told_output(struct weir_sim_check *c, uint32_t node,
                          const struct weir_engine_out *out, enum weir_err err)
{
    struct weir_sim_told *t = &c->views[node].told;

    switch (out->what) {
    case WEIR_OUT_SEND:
    case WEIR_OUT_PUBLISH:
    case WEIR_OUT_EXPORT:
        if (err < 0)
            found(c, WEIR_SIM_TOLD, node);
        return;
    case WEIR_OUT_ACKED:
        check_acked(c, node, out, err);
        return;
    case WEIR_OUT_CHANGED:
        t->changed[group_of(out->class)] -= name_of(c, out);
        return;
    case WEIR_OUT_PURGED:
        if (group_of(out->class) == WEIR_GROUP_C)
            t->purged -= name_of(c, out);
        return;
    case WEIR_OUT_ALARM:
    case WEIR_OUT_CUT:
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_sim_told_end(struct weir_sim_check *c, uint32_t node)
{
    const struct weir_sim_told *t = &c->views[node].told;

    if (t->num_acked != t->num_asked)
        found(c, WEIR_SIM_RESULT, node);
    if (t->changed[WEIR_GROUP_C] != 0 || t->changed[WEIR_GROUP_E] != 0 ||
        (t->purged != 0 && !t->is_blurred))
        found(c, WEIR_SIM_TOLD, node);
}

/* -- memory and stores -- */

struct mirror {
    const struct weir_vector *vv;
    const struct weir_vector *floor;
    const struct weir_vector *folded;
    size_t num_vv; /* lanes that the store has */
    size_t num_floor;
    size_t num_folded;
    bool is_equal;
};

static bool compare_lane(void *arg, const struct weir_lane_row *lane)
{
    struct mirror *m = arg;
    uint64_t folded = weir_vector_get(m->folded, lane->lane);

    if (lane->lane[WEIR_NODE_ID_LEN] != 'E' && folded > 0) { /* it is in no other */
        m->num_folded++;
        m->is_equal = m->is_equal && folded == lane->vv && folded == lane->floor &&
                      lane->seen >= folded && weir_vector_get(m->vv, lane->lane) == 0 &&
                      weir_vector_get(m->floor, lane->lane) == 0;
        return m->is_equal;
    }
    m->num_vv += lane->vv > 0;
    m->num_floor += lane->floor > 0;
    m->is_equal = m->is_equal && weir_vector_get(m->vv, lane->lane) == lane->vv &&
                  weir_vector_get(m->floor, lane->lane) == lane->floor;
    return m->is_equal;
}

void weir_sim_told_mirror(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e,
                          struct weir_memory *const stores[WEIR_GROUP_COUNT])
{
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct mirror m = {
            .vv = weir_engine_vv(e, (enum weir_group)g),
            .floor = weir_engine_floor(e, (enum weir_group)g),
            .folded = weir_engine_folded(e),
            .is_equal = true,
        };
        weir_memory_each_lane(stores[g], compare_lane, &m);
        if (!m.is_equal || m.num_vv != m.vv->num || m.num_floor != m.floor->num ||
            (g == WEIR_GROUP_C && m.num_folded != m.folded->num))
            found(c, WEIR_SIM_MIRROR, node);
    }
}
