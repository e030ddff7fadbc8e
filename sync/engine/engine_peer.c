/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_peer.c - marks a link for a Hello or a pull, ends pull sessions, and cuts links off.
 */
#include "sync/engine/engine_peer.h"

#include "sync/engine/engine_out.h"
#include "sync/engine/engine_turn.h"

#define RETRY_MIN_US  50000
#define RETRY_MORE_US 200000

void weir_engine_want_hello(struct weir_engine *e, uint32_t link)
{
    struct engine_link *l = link < e->num_links ? e->links[link] : NULL;

    if (l != NULL && l->up && !l->refused)
        l->hello_wanted = true;
}

uint64_t weir_engine_retry_at(struct weir_engine *e)
{
    return e->mono_us + RETRY_MIN_US + weir_rng_below(&e->rng, RETRY_MORE_US);
}

void weir_engine_want_pull(struct weir_engine *e, uint32_t link, enum weir_group g, uint64_t at_us)
{
    struct engine_link *l = engine_handshake_done(e, link);

    if (l == NULL)
        return;
    l->is_doubt[g] = false;
    if (at_us < l->want_us[g])
        l->want_us[g] = at_us;
}

void weir_engine_close_pull(struct engine_pull *p)
{
    p->open = false;
    weir_vector_reset(&p->cursor);
    weir_vector_reset(&p->beyond);
    weir_vector_reset(&p->floor);
}

void weir_engine_pull_lost(struct weir_engine *e, struct engine_pull *p)
{
    if (!p->open)
        return;
    engine_count(e, WEIR_COUNT_PULLS_LOST, 1);
    if (!engine_has(e, WEIR_RULE_INCARNATION) && !p->forced &&
        weir_vector_copy(&e->shared_cursor[p->group], &p->cursor) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    if (p->boot)
        e->links[p->link]->first_until_us =
            0; /* it may be silent for ever: the others are asked too */
    if (!p->forced)
        e->links[p->link]->asked_us[p->group] = p->began_us;
    e->vouch[p->group] = true;
    weir_engine_close_pull(p);
    weir_engine_want_pull(e, p->link, p->group, weir_engine_retry_at(e));
}

void weir_engine_pulls_lost(struct weir_engine *e, uint32_t link)
{
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        if (e->pulls[i].open && (link == WEIR_ENGINE_NO_LINK || e->pulls[i].link == link))
            weir_engine_pull_lost(e, &e->pulls[i]);
}

void weir_engine_link_deinit(struct engine_link *l)
{
    weir_vector_deinit(&l->vv);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_vector_deinit(&l->given[g]);
}

void weir_engine_forget_given(struct weir_engine *e)
{
    for (uint32_t i = 0; i < e->num_links; i++)
        for (unsigned g = 0; e->links[i] != NULL && g < WEIR_GROUP_COUNT; g++)
            weir_vector_reset(&e->links[i]->given[g]);
}

void weir_engine_members_down(struct weir_engine *e, uint32_t link)
{
    if (e->members != NULL)
        weir_members_link_down(e->members, e->links[link]->node);
}

void weir_engine_refuse(struct weir_engine *e, uint32_t link, enum weir_alarm alarm)
{
    struct weir_engine_out out = { .what = WEIR_OUT_CUT, .link = link };
    struct engine_link *l = e->links[link];

    if (l->refused)
        return;
    if (l->handshake_done)
        weir_engine_members_down(e, link);
    l->handshake_done = false;
    l->hello_wanted = false;
    l->hello_again_us = ENGINE_NEVER;
    engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
    weir_engine_pulls_lost(e, link);
    weir_engine_alarm(e, alarm, link);
    size_t num = e->outs.num;
    weir_engine_emit(e, &out, WEIR_GROUP_C);
    l->refused = e->outs.num > num; /* without memory its next Hello is refused again */
}

void weir_engine_false_claim(struct weir_engine *e, uint32_t link)
{
    engine_count(e, WEIR_COUNT_FALSE_CLAIMS, 1);
    weir_engine_refuse(e, link, WEIR_ALARM_FALSE_CLAIM);
}
