/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_commit.c - the inputs of a turn, the commit that makes it durable or undoes it, the
 * outputs after it, and the getters.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_life.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_pull.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"

#define SECOND_US UINT64_C(1000000)
#define RETRY_US  SECOND_US
#define EXPORT_US (60 * SECOND_US)

/* Vectors and numbers as the stores have them. @return whether both could be read */
static bool reload_vectors(struct weir_engine *e)
{
    bool loaded = true;

    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct weir_record_store *records = e->group[g].records;
        enum weir_err err = records->ops->begin(records);
        if (err == WEIR_OK) {
            err = weir_engine_load(e, (enum weir_group)g);
            records->ops->abort(records);
        }
        loaded = loaded && err == WEIR_OK;
    }
    return loaded;
}

/* -- states -- */

static void export_tick(struct weir_engine *e)
{
    if (e->state != WEIR_ENGINE_STALE || e->mono_us < e->export_at)
        return;
    e->export_at = e->mono_us + EXPORT_US;
    e->exporting = true;
    weir_engine_emit(
        e, &(struct weir_engine_out){ .what = WEIR_OUT_EXPORT, .link = WEIR_ENGINE_NO_LINK },
        WEIR_GROUP_C);
}

/* After the disk failed: can the vectors be read and something be written? */
static void retry_tick(struct weir_engine *e)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!e->readonly || e->mono_us < e->retry_at)
        return;
    e->retry_at = e->mono_us + RETRY_US;
    if (e->unloaded && !reload_vectors(e))
        return;
    e->unloaded = false;
    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return;
    enum weir_err err = c->records->ops->put_meta(c->records, &c->meta);
    if (err < 0)
        weir_engine_fail(e, err);
    e->retried = true;
}

void weir_engine_tick(struct weir_engine *e, uint64_t mono_us, uint64_t wall_ms)
{
    WEIR_ASSERT(mono_us >= e->mono_us);
    weir_engine_turn(e);
    e->mono_us = mono_us;
    e->wall_ms = wall_ms;
    if (engine_has(e, WEIR_RULE_CLOCK_ALONE) || wall_ms > e->clock_ms)
        e->clock_ms = wall_ms;
    retry_tick(e);
    weir_engine_members_tick(e);
    weir_engine_active_tick(e);
    weir_engine_heartbeat(e);
    export_tick(e);
    weir_engine_link_tick(e);
    weir_engine_pull_tick(e);
    if (e->readonly || e->state == WEIR_ENGINE_STALE)
        return;
    weir_engine_purge(e);
    weir_engine_scan(e);
    weir_engine_audit_run(e);
    weir_engine_repair(e);
}

void weir_engine_exported(struct weir_engine *e, bool ok)
{
    weir_engine_turn(e);
    if (ok && e->state == WEIR_ENGINE_STALE && e->exporting)
        weir_engine_reset(e);
}

void weir_engine_give_up(struct weir_engine *e)
{
    weir_engine_turn(e);
    weir_engine_go_stale(e);
    export_tick(e);
}

/* -- messages -- */

enum weir_err weir_engine_link_up(struct weir_engine *e, uint32_t link,
                                  const uint8_t node[WEIR_NODE_ID_LEN])
{
    WEIR_ASSERT(link < WEIR_ENGINE_LINKS_MAX);
    WEIR_ASSERT(node != NULL);
    weir_engine_turn(e);
    if (e->links[link] == NULL)
        e->links[link] = calloc(1, sizeof(*e->links[link]));
    struct engine_link *l = e->links[link];
    if (l == NULL)
        return WEIR_ENOMEM;
    WEIR_ASSERT(!l->up);
    weir_engine_link_deinit(l);
    *l = (struct engine_link){ .up = true, .want_us = { ENGINE_NEVER, ENGINE_NEVER } };
    memcpy(l->node, node, WEIR_NODE_ID_LEN);
    e->num_up++;
    if (link >= e->num_links)
        e->num_links = link + 1;
    if (memcmp(node, e->cfg.node, WEIR_NODE_ID_LEN) == 0) {
        weir_engine_refuse(e, link, WEIR_ALARM_DUPLICATE);
        return WEIR_OK;
    }
    weir_engine_want_hello(e, link);
    return WEIR_OK;
}

void weir_engine_link_down(struct weir_engine *e, uint32_t link)
{
    WEIR_ASSERT(link < WEIR_ENGINE_LINKS_MAX);
    weir_engine_turn(e);
    if (e->links[link] == NULL || !e->links[link]->up)
        return;
    if (e->links[link]->handshake_done) {
        weir_engine_members_down(e, link);
        e->away_us = e->mono_us; /* an evicted node, refused at each attempt, does not count */
    }
    e->links[link]->up = false;
    e->num_up--;
    weir_engine_pulls_lost(e, link);
    if (e->audit.open && e->audit.link == link)
        e->audit.open = false;
}

static void dispatch_message(struct weir_engine *e, uint32_t link, struct weir_span bytes,
                             const struct weir_frame *f)
{
    switch (f->topic) {
    case WEIR_FRAME_BATCH_C:
    case WEIR_FRAME_BATCH_E:
        weir_engine_on_batch(e, link, f->msg.batch, bytes);
        return;
    case WEIR_FRAME_HEARTBEAT:
        weir_engine_on_heartbeat(e, link, f->msg.heartbeat);
        return;
    case WEIR_FRAME_HELLO:
        weir_engine_on_hello(e, link, f->msg.hello);
        return;
    case WEIR_FRAME_PULL_REQ:
        weir_engine_on_pull_req(e, link, f->msg.pull_req);
        return;
    case WEIR_FRAME_PULL_REP:
        weir_engine_on_pull_rep(e, link, f->msg.pull_rep, bytes.len);
        return;
    case WEIR_FRAME_AUDIT:
        weir_engine_on_audit(e, link, f->msg.audit);
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_engine_receive(struct weir_engine *e, uint32_t link, struct weir_span frame)
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    WEIR_ASSERT(link < WEIR_ENGINE_LINKS_MAX);
    WEIR_ASSERT(frame.at != NULL || frame.len == 0);
    weir_engine_turn(e);
    engine_count(e, WEIR_COUNT_FRAMES, 1);
    if (e->links[link] == NULL || !e->links[link]->up || e->turn_err < 0 || e->unloaded) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    enum weir_err err = weir_frame_decode(frame, &f, &fault);
    if (err == WEIR_EPROTO)
        engine_count(e, WEIR_COUNT_FRAMES_BAD, 1);
    if (err == WEIR_EPROTO && fault == WEIR_FRAME_BAD_CLAIM)
        weir_engine_false_claim(e, link);
    if (err < 0)
        return;
    dispatch_message(e, link, frame, &f);
    weir_frame_deinit(&f);
}

/* -- the end of a turn -- */

/* Group E first: it is cheap, and if it stands without group C, other nodes pull it. */
static enum weir_err commit_stores(struct weir_engine *e, bool *ret_bans_stand)
{
    for (unsigned i = WEIR_GROUP_COUNT; i > 0; i--) {
        struct engine_group *group = &e->group[i - 1];
        if (!group->begun)
            continue;
        if (e->turn_err == WEIR_OK) {
            enum weir_err err = weir_engine_store_lanes(e, (enum weir_group)(i - 1));
            if (err < 0)
                weir_engine_fail(e, err);
        }
        if (e->turn_err < 0)
            break;
        group->begun = false;
        enum weir_err err = group->records->ops->commit(group->records);
        if (err < 0)
            weir_engine_fail(e, err);
        else if (i - 1 == WEIR_GROUP_E)
            *ret_bans_stand = true;
    }
    return e->turn_err;
}

static void undo_turn(struct weir_engine *e, bool bans_stand)
{
    enum weir_err err = e->turn_err;
    bool is_disk = err == WEIR_EIO || err == WEIR_EFULL;

    weir_engine_abort_stores(e);
    weir_engine_active_end(e, false);
    weir_engine_move_back(e);
    e->export_at =
        e->mono_us + RETRY_US; /* after a reset that failed the export is asked for again */
    e->lane_drawn[WEIR_GROUP_C] =
        false; /* a lane that was drawn in this turn is undone too: draw or confirm again */
    e->lane_drawn[WEIR_GROUP_E] = false;
    weir_engine_pub_undo(e, WEIR_GROUP_C);
    if (!bans_stand)
        weir_engine_pub_undo(e, WEIR_GROUP_E);
    weir_engine_pulls_lost(e, WEIR_ENGINE_NO_LINK);
    weir_engine_forget_given(e);
    e->audit.open = false;
    e->members_changed = true;
    weir_engine_sums_restart(e);
    weir_engine_out_undo(e, err, bans_stand);
    e->unloaded = !reload_vectors(e);
    for (uint32_t i = 0; i < e->num_links; i++)
        weir_engine_want_hello(e, i);
    if (!is_disk && !e->unloaded)
        return;
    e->retry_at = e->mono_us + RETRY_US;
    if (!e->readonly)
        weir_engine_alarm(e, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK);
    e->readonly = true;
    engine_count(e, WEIR_COUNT_DISK_FAILED, 1);
}

static void finish_turn(struct weir_engine *e)
{
    weir_engine_sums_end(e);
    weir_engine_active_end(e, true);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        e->group[g].pub.durable = e->group[g].pub.num;
    if (e->retried)
        e->readonly = false;
}

enum weir_err weir_engine_commit(struct weir_engine *e)
{
    bool bans_stand = false;

    weir_engine_turn(e);
    if (e->turn_err == WEIR_OK && !e->unloaded) {
        weir_engine_apply_waiting(e);
        weir_engine_pull_run(e);
        weir_engine_send_hello(e);
        weir_engine_publish(e);
    }
    enum weir_err err = commit_stores(e, &bans_stand);
    if (err < 0)
        undo_turn(e, bans_stand);
    else
        finish_turn(e);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        WEIR_ASSERT(!e->group[g].begun);
    e->in_turn = false;
    return err;
}

bool weir_engine_next(struct weir_engine *e, struct weir_engine_out *ret)
{
    if (e->in_turn || e->outs.at == e->outs.num)
        return false;
    *ret = e->outs.items[e->outs.at++].out;
    return true;
}

/* -- getters -- */

static uint64_t min_us(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t weir_engine_deadline(const struct weir_engine *e)
{
    uint64_t at = e->heartbeat_at;

    if (e->members != NULL)
        at = min_us(at, weir_members_deadline(e->members));
    if (e->readonly)
        return min_us(at, e->retry_at);
    if (e->state == WEIR_ENGINE_STALE)
        return min_us(at, e->export_at);
    at = min_us(at, min_us(weir_engine_pull_deadline(e), e->scan.next_us));
    if (engine_is_live(e))
        at = min_us(at, e->purge_at);
    if (e->group[WEIR_GROUP_E].pub.num > 0)
        at = min_us(at, e->bans_at);
    if (e->audit.open)
        at = min_us(at, e->mono_us);
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = e->links[i];
        if (l == NULL || !l->up)
            continue;
        at = min_us(at, l->hello_again_us);
        if (l->hello_wanted)
            at = min_us(at, l->hello_us);
    }
    return at;
}

enum weir_engine_state weir_engine_state(const struct weir_engine *e)
{
    return e->readonly ? WEIR_ENGINE_READONLY : e->state;
}

const struct weir_members *weir_engine_members(const struct weir_engine *e)
{
    return e->members;
}

const struct weir_vector *weir_engine_vv(const struct weir_engine *e, enum weir_group g)
{
    WEIR_ASSERT((unsigned)g < WEIR_GROUP_COUNT);
    return &e->group[g].vv;
}

const struct weir_vector *weir_engine_folded(const struct weir_engine *e)
{
    return &e->group[WEIR_GROUP_C].folded;
}

uint64_t weir_engine_durable(const struct weir_engine *e, enum weir_group g,
                             const uint8_t lane[WEIR_LANE_LEN])
{
    WEIR_ASSERT((unsigned)g < WEIR_GROUP_COUNT);
    return weir_engine_reach(e, g, lane);
}

const struct weir_vector *weir_engine_floor(const struct weir_engine *e, enum weir_group g)
{
    WEIR_ASSERT((unsigned)g < WEIR_GROUP_COUNT);
    return &e->group[g].floor;
}

const uint8_t *weir_engine_incarnation(const struct weir_engine *e)
{
    return e->incarnation;
}

size_t weir_engine_memory(const struct weir_engine *e)
{
    size_t entries = 0;

    for (uint32_t i = 0; i < e->num_links; i++)
        if (e->links[i] != NULL)
            entries += e->links[i]->vv.cap + e->links[i]->given[WEIR_GROUP_C].cap +
                       e->links[i]->given[WEIR_GROUP_E].cap;
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        entries += e->pulls[i].cursor.cap + e->pulls[i].beyond.cap + e->pulls[i].floor.cap;
    return e->waiting_len + entries * sizeof(struct weir_vector_entry);
}

uint64_t weir_engine_counter(const struct weir_engine *e, enum weir_engine_count counter)
{
    WEIR_ASSERT((unsigned)counter < WEIR_COUNT_COUNT);
    return e->counts[counter];
}
