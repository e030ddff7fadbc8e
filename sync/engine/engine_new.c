/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_new.c - makes an engine over its stores, and frees it.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_life.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"

#define CLUSTER_MAX 32 /* bytes */

#define DEFAULT(field, value)                                                                      \
    do {                                                                                           \
        if ((field) == 0)                                                                          \
            (field) = (value);                                                                     \
    } while (0)

static void set_defaults(struct weir_engine_intervals *p)
{
    DEFAULT(p->heartbeat_us, WEIR_ENGINE_HEARTBEAT_US);
    DEFAULT(p->pull_us, WEIR_ENGINE_PULL_US);
    DEFAULT(p->pull_timeout_us, WEIR_ENGINE_PULL_TIMEOUT_US);
    DEFAULT(p->bans_us, WEIR_ENGINE_BANS_US);
    DEFAULT(p->purge_us, WEIR_ENGINE_PURGE_US);
    DEFAULT(p->tombstone_ms, WEIR_ENGINE_TOMBSTONE_MS);
    DEFAULT(p->ban_tombstone_ms, WEIR_ENGINE_BAN_TOMBSTONE_MS);
    DEFAULT(p->conflict_ms, WEIR_ENGINE_CONFLICT_MS);
    DEFAULT(p->pull_bytes_per_s, WEIR_ENGINE_PULL_BYTES_PER_S);
    DEFAULT(p->chunk_bytes, WEIR_ENGINE_CHUNK_BYTES);
}

/* The state at the start: LIVE if the store of group C is complete or this is the first node of a
 * cluster, else JOINING with an empty store. */
static enum weir_err init_state(struct weir_engine *e)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];
    bool is_empty = c->seen.num == 0 && c->vv.num == 0 && c->folded.num == 0;

    WEIR_ASSERT(e->state == WEIR_ENGINE_JOINING);
    if (!c->meta.live && !is_empty) {
        enum weir_err err = c->records->ops->wipe(c->records);
        if (err == WEIR_OK)
            err = weir_engine_load(e, WEIR_GROUP_C);
        if (err < 0)
            return err;
    }
    if (!c->meta.live && e->cfg.bootstrap) {
        c->meta.live = true;
        enum weir_err err = c->records->ops->put_meta(c->records, &c->meta);
        if (err < 0)
            return err;
    }
    if (c->meta.live)
        weir_engine_move(e, WEIR_ENGINE_LIVE);
    return WEIR_OK;
}

static enum weir_err load_stores(struct weir_engine *e)
{
    enum weir_err err = WEIR_OK;

    for (unsigned g = 0; g < WEIR_GROUP_COUNT && err == WEIR_OK; g++) {
        struct weir_record_store *records = e->group[g].records;
        err = records->ops->begin(records);
        if (err < 0)
            return err;
        err = weir_engine_load(e, (enum weir_group)g);
        if (err == WEIR_OK && g == WEIR_GROUP_C)
            err = init_state(e);
        if (err == WEIR_OK)
            err = records->ops->commit(records);
        else
            records->ops->abort(records);
    }
    return err;
}

enum weir_err weir_engine_new(const struct weir_engine_config *cfg, struct weir_engine **ret)
{
    WEIR_ASSERT(cfg->cluster.len >= 1);
    WEIR_ASSERT(cfg->cluster.len <= CLUSTER_MAX);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        WEIR_ASSERT(cfg->records[g] != NULL);
    WEIR_ASSERT(cfg->records[WEIR_GROUP_C] != cfg->records[WEIR_GROUP_E]);
    struct weir_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return WEIR_ENOMEM;
    e->cfg = *cfg;
    memcpy(e->cluster, cfg->cluster.at, cfg->cluster.len);
    e->cfg.cluster = weir_span(e->cluster, cfg->cluster.len);
    set_defaults(&e->cfg.intervals);
    weir_rng_init(&e->rng, cfg->seed);
    weir_engine_draw_incarnation(e);
    e->lane_number = 1;
    weir_engine_out_init(e);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        e->group[g].records = cfg->records[g];
        weir_engine_pub_init(&e->group[g].pub);
    }
    enum weir_err err = load_stores(e);
    if (err < 0) {
        weir_engine_free(&e);
        return err;
    }
    weir_engine_sums_restart(e);
    *ret = e;
    return WEIR_OK;
}

static void group_deinit(struct engine_group *group)
{
    weir_vector_deinit(&group->vv);
    weir_vector_deinit(&group->seen);
    weir_vector_deinit(&group->floor);
    weir_vector_deinit(&group->final);
    weir_vector_deinit(&group->folded);
    weir_vector_deinit(&group->idle);
    weir_vector_deinit(&group->dirty);
    weir_engine_pub_deinit(&group->pub);
}

static void pull_deinit(struct engine_pull *p)
{
    weir_vector_deinit(&p->cursor);
    weir_vector_deinit(&p->beyond);
    weir_vector_deinit(&p->floor);
}

void weir_engine_free(struct weir_engine **ep)
{
    struct weir_engine *e = *ep;

    if (e == NULL)
        return;
    weir_engine_abort_stores(e);
    weir_engine_drop_waiting(e);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        group_deinit(&e->group[g]);
        weir_vector_deinit(&e->shared_cursor[g]);
    }
    for (uint32_t i = 0; i < e->num_links; i++) {
        if (e->links[i] != NULL)
            weir_engine_link_deinit(e->links[i]);
        free(e->links[i]);
    }
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        pull_deinit(&e->pulls[i]);
    for (unsigned i = 0; i < ENGINE_CLASS_NUM; i++)
        free(e->sums[i]);
    free(e->sum_ops);
    free(e->damaged);
    weir_engine_audit_deinit(e);
    weir_members_free(&e->members);
    weir_engine_active_deinit(e);
    weir_frame_cols_free(&e->cols);
    weir_engine_out_deinit(e);
    free(e);
    *ep = NULL;
}
