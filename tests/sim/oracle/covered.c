/* SPDX-License-Identifier: Apache-2.0
 *
 * covered.c - I2: what a vector covers is there, or there is a reason why it is not.
 */
#include "tests/sim/oracle/covered.h"

#include <stdlib.h>
#include <string.h>

/* Does the node hold the write, or what is newer? */
static bool is_held(const struct weir_sim_check *c, const struct weir_sim_view *v, uint32_t w)
{
    uint32_t key = c->writes[w].key;
    uint32_t cur = key < v->num_keys ? v->cur[key] : 0;

    return cur == w + 1 ||
           (cur != 0 && weir_sim_check_is_larger(c, &c->writes[cur - 1], &c->writes[w]));
}

/* Was the write, or what is newer, rightly purged by some node? */
static bool is_purged(const struct weir_sim_check *c, uint32_t w)
{
    uint32_t gone = c->gone[c->writes[w].key];

    return gone == w + 1 ||
           (gone != 0 && weir_sim_check_is_larger(c, &c->writes[gone - 1], &c->writes[w]));
}

static bool is_accounted(const struct weir_sim_check *c, const struct weir_sim_view *v, uint32_t w)
{
    const struct weir_sim_write *write = &c->writes[w];

    return write->exported || write->is_hidden || weir_sim_check_is_hit(c, write) ||
           is_held(c, v, w) || is_purged(c, w);
}

/* A peer lies about a lane whose last writes went with the store of their node, and no other met
 * them, but those that give up what they have: that it has them hides nothing that is left. What an
 * evicted node writes on, and hands to a node that has not heard of it, nobody vouches for. */
static bool is_lost(const struct weir_sim_check *c, const struct weir_sim_view *v, uint32_t w)
{
    const struct weir_sim_write *write = &c->writes[w];

    if (!c->is_lied_to || write->origin >= c->num_nodes)
        return false;
    if (c->views[write->origin].is_evicted)
        return true;
    for (uint32_t i = 0; i < c->num_nodes; i++)
        if (i != write->origin && i != v->node && !c->views[i].is_behind &&
            write->lane < c->views[i].num_seen && c->views[i].seen[write->lane] >= write->seq)
            return false;
    return c->views[write->origin].lost_us > write->at_us ||
           c->views[write->origin].wiped_us > write->at_us;
}

void weir_sim_covered_raised(struct weir_sim_view *v)
{
    struct weir_sim_check *c = v->check;
    struct weir_version version;

    for (uint32_t i = 0; i < v->num_raised; i++) {
        const struct weir_sim_raised *r = &v->raised[i];
        memcpy(version.lane, weir_sim_names_at(&c->lanes, r->lane).at, WEIR_LANE_LEN);
        for (version.seq = r->from + 1; version.seq <= r->to; version.seq++) {
            uint32_t w = weir_sim_check_find(c, &version);
            if (w == WEIR_SIM_NO_NAME || is_held(c, v, w))
                continue;
            if (is_lost(c, v, w))
                c->writes[w].is_hidden = true; /* it may be missing from now on */
            else if (!is_accounted(c, v, w))
                weir_sim_check_found(c, WEIR_SIM_MISSING, v->node, w);
        }
    }
    v->num_raised = 0;
}

struct rows {
    const struct weir_sim_check *check;
    uint64_t *vv; /* by lane */
    uint64_t *floor;
};

static bool read_row(void *arg, const struct weir_lane_row *lane)
{
    const struct rows *r = arg;
    uint32_t at = weir_sim_names_find(&r->check->lanes, weir_span(lane->lane, WEIR_LANE_LEN));

    if (at != WEIR_SIM_NO_NAME) {
        r->vv[at] = lane->vv;
        r->floor[at] = lane->floor;
    }
    return true;
}

void weir_sim_covered_all(struct weir_sim_check *c, uint32_t node, const struct weir_memory *store)
{
    const struct weir_sim_view *v = &c->views[node];
    uint64_t *numbers = calloc((size_t)2 * (c->lanes.num + 1), sizeof(*numbers));

    WEIR_ASSERT(numbers != NULL);
    struct rows r = { c, numbers, numbers + c->lanes.num };
    weir_memory_each_lane(store, read_row, &r);
    for (uint32_t w = 0; w < c->dots.num; w++) {
        struct weir_sim_write *write = &c->writes[w];
        bool is_covered = !write->is_ban && !write->is_lost && write->seq <= r.vv[write->lane];
        if (!is_covered || is_accounted(c, v, w))
            continue;
        if (is_lost(c, v, w)) { /* it was covered before it was written */
            write->is_hidden = true;
        } else {
            weir_sim_check_found(c, WEIR_SIM_MISSING, node, w);
            break;
        }
    }
    for (uint32_t key = 0; key < v->num_keys; key++) {
        const struct weir_sim_write *write =
            v->purged[key] != 0 ? &c->writes[v->purged[key] - 1] : NULL;
        if (write != NULL && !write->is_ban && r.floor[write->lane] < write->seq)
            weir_sim_check_found(c, WEIR_SIM_NO_FLOOR, node, v->purged[key] - 1);
    }
    free(numbers);
}
