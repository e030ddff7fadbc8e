/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_links.c - what drills of links, members and lives have in common.
 */
#include "tests/sim/drills/bed/drill_links.h"

#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/frame/member.h"

void weir_drill_fill(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *rows,
                     size_t num)
{
    struct weir_record_store *s = weir_memory_record_store(d->store[g]);
    struct weir_store_meta meta = weir_memory_meta(d->store[g]);

    meta.live = true;
    WEIR_ASSERT(s->ops->begin(s) == WEIR_OK);
    for (size_t i = 0; i < num; i++)
        WEIR_ASSERT(s->ops->put_lane(s, &rows[i]) == WEIR_OK);
    WEIR_ASSERT(s->ops->put_meta(s, &meta) == WEIR_OK);
    WEIR_ASSERT(s->ops->commit(s) == WEIR_OK);
}

void weir_drill_join(struct weir_drill *d, unsigned peers)
{
    WEIR_SIM_CLAIM(d->x, weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    for (uint32_t i = 0; i < WEIR_DRILL_PEERS; i++)
        if ((peers & 1u << i) != 0)
            WEIR_SIM_CLAIM(d->x,
                           weir_drill_member(d, d->peer[i].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0);
}

void weir_drill_beat(struct weir_drill *d, uint32_t link, uint32_t state)
{
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, link);

    m->state = state;
    m->vv_hash = weir_engine_hash(d->e, WEIR_GROUP_C);
    m->ban_hash = weir_engine_hash(d->e, WEIR_GROUP_E);
    m->has_folded_hash = 1;
    m->folded_hash = weir_vector_hash(weir_engine_folded(d->e));
    weir_drill_receive(d, link, WEIR_FRAME_HEARTBEAT, &m->base);
}

void weir_drill_respond(struct weir_drill *d, uint32_t link)
{
    Weir__V1__PullRep *rep[WEIR_ENGINE_PULLS_MAX];
    const struct weir_frame *f;
    size_t num = 0;

    for (; num < WEIR_ENGINE_PULLS_MAX &&
           (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, num)) != NULL;
         num++)
        rep[num] = weir_drill_make_rep(d, link, f->msg.pull_req);
    for (size_t i = 0; i < num; i++)
        weir_drill_receive(d, link, WEIR_FRAME_PULL_REP, &rep[i]->base);
}

void weir_drill_settle(struct weir_drill *d, uint32_t link)
{
    weir_drill_meet(d, link);
    weir_drill_respond(d, link);
    weir_drill_wait(d, WEIR_DRILL_SECOND);
}

enum weir_group weir_drill_draw_group(struct weir_drill *d)
{
    return weir_sim_draw(d->x, 2) == 0 ? WEIR_GROUP_C : WEIR_GROUP_E;
}

bool weir_drill_is_cut(const struct weir_drill *d, uint32_t link, enum weir_alarm alarm)
{
    return weir_drill_alarms(d, alarm, link) == 1 && weir_drill_num(d, WEIR_OUT_ALARM) == 1 &&
           weir_drill_num(d, WEIR_OUT_CUT) == 1 &&
           weir_drill_out(d, WEIR_OUT_CUT, 0)->link == link && weir_drill_link(d, link)->refused;
}

const Weir__V1__Hello *weir_drill_hello_to(const struct weir_drill *d, uint32_t link, size_t nth)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HELLO, link, nth);

    return f != NULL ? f->msg.hello : NULL;
}

size_t weir_drill_num_hellos(const struct weir_drill *d, uint32_t link)
{
    return weir_drill_num_sent(d, WEIR_FRAME_HELLO, link);
}

size_t weir_drill_num_pulls(const struct weir_drill *d, uint32_t link, enum weir_group g)
{
    const struct weir_frame *f;
    size_t num = 0;

    for (size_t i = 0; (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, i)) != NULL; i++)
        num += (f->msg.pull_req->groups[0] == WEIR_FRAME_BATCH_E) == (g == WEIR_GROUP_E);
    return num;
}
