/* SPDX-License-Identifier: Apache-2.0
 *
 * plane.c - what a data plane serves, and its reports.
 */
#include "tests/sim/cluster/plane.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "tests/sim/cluster/sim_state.h"

#define SOON_US 30000 /* at most, until a record is compiled */
#define LATE_US 3000000

void weir_sim_plane_deinit(struct weir_sim_plane *p)
{
    free(p->keys);
    free(p->came);
    *p = (struct weir_sim_plane){ 0 };
}

bool weir_sim_plane_compiles(const struct weir_sim *s, enum weir_class class)
{
    return class < 32 && (s->plan.compiled >> class & 1) != 0;
}

static enum weir_class class_of(const struct weir_sim *s, uint32_t key)
{
    return (enum weir_class)weir_sim_names_at(&s->check.keys, key).at[0];
}

static struct weir_sim_plane_key *key_at(struct weir_sim_plane *p, uint32_t key)
{
    if (key >= p->num_keys) {
        uint32_t num = p->num_keys == 0 ? 64 : p->num_keys;
        while (num <= key)
            num *= 2;
        p->keys = realloc(p->keys, num * sizeof(*p->keys));
        WEIR_ASSERT(p->keys != NULL);
        memset(p->keys + p->num_keys, 0, (num - p->num_keys) * sizeof(*p->keys));
        p->num_keys = num;
    }
    return &p->keys[key];
}

static void note_came(struct weir_sim_plane *p, uint32_t write)
{
    if (write >= p->num_came) {
        uint32_t num = p->num_came == 0 ? 256 : p->num_came;
        while (num <= write)
            num *= 2;
        p->came = realloc(p->came, num * sizeof(*p->came));
        WEIR_ASSERT(p->came != NULL);
        memset(p->came + p->num_came, 0, (num - p->num_came) * sizeof(*p->came));
        p->num_came = num;
    }
    p->came[write] = p->epoch;
}

bool weir_sim_plane_knows(const struct weir_sim_node *n, uint32_t write)
{
    return write < n->plane.num_came && n->plane.came[write] == n->plane.epoch;
}

uint32_t weir_sim_plane_served(const struct weir_sim_node *n, uint32_t key)
{
    return key < n->plane.num_keys ? n->plane.keys[key].served : 0;
}

enum weir_sim_fate weir_sim_plane_fate(const struct weir_sim *s, const struct weir_sim_node *n,
                                       uint32_t write)
{
    const struct weir_sim_write *w = &s->check.writes[write];
    uint64_t draw = weir_mix64(w->digest ^ weir_mix64(n->index + UINT64_C(1))) % 100;

    if (w->min_reader > n->schema)
        return WEIR_SIM_CANNOT_READ;
    if (w->deleted || draw < 70)
        return WEIR_SIM_SERVES;
    if (draw < 80)
        return WEIR_SIM_REJECTS;
    if (draw < 85)
        return WEIR_SIM_HOLDS_BACK;
    return draw < 95 ? WEIR_SIM_HOLDS_ONCE : WEIR_SIM_DAWDLES;
}

static void later(struct weir_sim *s, const struct weir_sim_node *n, uint32_t key,
                  uint64_t after_us)
{
    weir_sim_events_add(&s->events, s->events.now_us + after_us, WEIR_SIM_EVENT_PLANE, n->index,
                        (uint64_t)n->plane.epoch << 32 | key);
}

static void want(struct weir_sim *s, struct weir_sim_node *n, uint32_t write)
{
    uint32_t key = s->check.writes[write].key;
    struct weir_sim_plane_key *k = key_at(&n->plane, key);
    bool is_late = weir_rng_below(&s->plane_rng, 8) == 0;

    k->wanted = write + 1;
    k->is_settled = false;
    later(s, n, key, 1 + weir_rng_below(&s->plane_rng, is_late ? LATE_US : SOON_US));
}

/* Writes that were set aside by the checks have other numbers now. */
static void follow_asides(struct weir_sim *s, struct weir_sim_plane *p)
{
    for (; p->num_asides < s->check.num_asides; p->num_asides++) {
        const uint32_t *aside = s->check.asides[p->num_asides];
        struct weir_sim_plane_key *k = key_at(p, s->check.writes[aside[1]].key);
        k->wanted = k->wanted == aside[0] + 1 ? aside[1] + 1 : k->wanted;
        k->served = k->served == aside[0] + 1 ? aside[1] + 1 : k->served;
        if (aside[0] < p->num_came && p->came[aside[0]] == p->epoch) {
            note_came(p, aside[1]);
            p->came[aside[0]] = 0;
        }
    }
}

void weir_sim_plane_turned(struct weir_sim *s, struct weir_sim_node *n)
{
    struct weir_sim_plane *p = &n->plane;
    const struct weir_sim_view *v = &s->check.views[n->index];
    const uint8_t *incarnation = weir_engine_incarnation(n->engine);

    follow_asides(s, p);
    if (memcmp(p->incarnation, incarnation, WEIR_INCARNATION_LEN) == 0 &&
        p->num_wipes == v->num_wipes)
        return;
    p->num_wipes = v->num_wipes;
    memcpy(p->incarnation, incarnation, WEIR_INCARNATION_LEN);
    p->epoch++;
    if (p->num_keys > 0)
        memset(p->keys, 0, p->num_keys * sizeof(*p->keys));
    for (uint32_t key = 0; key < s->check.keys.num && key < v->num_keys; key++) {
        if (v->cur[key] == 0 || !weir_sim_plane_compiles(s, class_of(s, key)))
            continue;
        note_came(p, v->cur[key] - 1);
        want(s, n, v->cur[key] - 1);
    }
}

void weir_sim_plane_stored(struct weir_sim *s, struct weir_sim_node *n,
                           const struct weir_engine_out *out)
{
    uint32_t write = weir_sim_check_find(&s->check, &out->version);

    follow_asides(s, &n->plane);
    if (write != WEIR_SIM_NO_NAME)
        note_came(&n->plane, write);
}

void weir_sim_plane_changed(struct weir_sim *s, struct weir_sim_node *n,
                            const struct weir_engine_out *out)
{
    uint32_t write = weir_sim_check_find(&s->check, &out->version);

    if (write != WEIR_SIM_NO_NAME)
        want(s, n, write);
}

/* -- reports -- */

static void report(struct weir_sim *s, const struct weir_sim_node *n, uint32_t write,
                   enum weir_active_state state)
{
    uint64_t arg = (uint64_t)n->plane.epoch << 40 | (uint64_t)state << 32 | write;
    bool is_twice = weir_rng_below(&s->plane_rng, 10) == 0; /* by two workers */

    for (unsigned i = 0; i < 1u + is_twice; i++)
        weir_sim_events_add(&s->events, s->events.now_us, WEIR_SIM_EVENT_REPORT, n->index, arg);
}

static void serve(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_plane_key *k)
{
    if (weir_rng_below(&s->plane_rng, 3) == 0)
        report(s, n, k->wanted - 1, WEIR_ACTIVE_COMPILED);
    k->served = k->wanted;
    k->is_settled = true;
    report(s, n, k->wanted - 1, WEIR_ACTIVE_LIVE);
}

void weir_sim_plane_on_event(struct weir_sim *s, struct weir_sim_node *n, uint64_t arg)
{
    uint32_t key = (uint32_t)arg;
    struct weir_sim_plane_key *k = key_at(&n->plane, key);

    follow_asides(s, &n->plane);
    if (n->engine == NULL || arg >> 32 != n->plane.epoch || k->wanted == 0 || k->is_settled)
        return;
    switch (weir_sim_plane_fate(s, n, k->wanted - 1)) {
    case WEIR_SIM_SERVES:
        serve(s, n, k);
        return;
    case WEIR_SIM_REJECTS:
        k->is_settled = true;
        report(s, n, k->wanted - 1, WEIR_ACTIVE_REJECTED);
        return;
    case WEIR_SIM_HOLDS_BACK:
        k->is_settled = true;
        report(s, n, k->wanted - 1, WEIR_ACTIVE_HELD);
        return;
    case WEIR_SIM_HOLDS_ONCE:
        if (s->is_healing || weir_rng_below(&s->plane_rng, 2) == 0) {
            serve(s, n, k);
            return;
        }
        report(s, n, k->wanted - 1, WEIR_ACTIVE_HELD);
        later(s, n, key, LATE_US);
        return;
    case WEIR_SIM_DAWDLES:
        if (s->is_healing)
            serve(s, n, k);
        else
            later(s, n, key, LATE_US);
        return;
    case WEIR_SIM_CANNOT_READ:
        k->is_settled = true;
        return;
    }
    WEIR_UNREACHABLE();
}

/* The engine may have begun anew since the report, or the report came before it knew the record. */
static void repeat_key(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_plane_key *k)
{
    switch (weir_sim_plane_fate(s, n, k->wanted - 1)) {
    case WEIR_SIM_SERVES:
    case WEIR_SIM_HOLDS_ONCE:
    case WEIR_SIM_DAWDLES:
        report(s, n, k->wanted - 1, WEIR_ACTIVE_LIVE);
        return;
    case WEIR_SIM_REJECTS:
        report(s, n, k->wanted - 1, WEIR_ACTIVE_REJECTED);
        return;
    case WEIR_SIM_HOLDS_BACK:
        report(s, n, k->wanted - 1, WEIR_ACTIVE_HELD);
        return;
    case WEIR_SIM_CANNOT_READ:
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_sim_plane_repeat(struct weir_sim *s, struct weir_sim_node *n)
{
    struct weir_sim_plane *p = &n->plane;
    const struct weir_active *active = n->engine != NULL ? weir_engine_active(n->engine) : NULL;

    if (active == NULL || weir_active_is_final(active))
        return;
    for (uint32_t key = 0; key < p->num_keys; key++)
        if (p->keys[key].is_settled)
            repeat_key(s, n, &p->keys[key]);
}
