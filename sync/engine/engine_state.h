/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_state.h - private to the engine: all that an engine knows, and what every file asks of it.
 * A file that meets a failing store calls weir_engine_fail (engine_turn.h), after which the turn
 * does nothing more; weir_engine_commit undoes it.   Owner: as engine.h.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_STATE_H
#define WEIR_SYNC_ENGINE_ENGINE_STATE_H

#include "node/base/rng.h"
#include "sync/activation/acks.h"
#include "sync/engine/engine_types.h"
#include "sync/frame/frame_bans.h"
#include "sync/members/members.h"

struct weir_engine {
    struct weir_engine_config cfg;
    uint8_t cluster[32];
    struct weir_rng rng;
    uint64_t mono_us;
    uint64_t wall_ms;
    uint64_t clock_ms; /* the clock of stamps: wall_ms, unless a rule is left out */
    enum weir_engine_state state;
    enum weir_engine_state state_before; /* at the start of the turn */
    bool in_turn;
    bool readonly;
    bool retried;  /* this turn writes to find out whether the disk works again */
    bool unloaded; /* the vectors could not be read again */
    enum weir_err turn_err;
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    struct engine_group group[WEIR_GROUP_COUNT];
    bool lacks_end;               /* R14: a part of a lane that was folded is missing here */
    bool lanes_told;              /* the operator was alerted to too many lanes */
    struct weir_members *members; /* owns; made at the first tick */
    struct weir_active *active;   /* owns, like acks; made at the first tick */
    struct weir_acks *acks;
    bool active_loading; /* the walk over all records feeds active.h */
    bool active_walked;  /* in this turn, whose own changes it has met */
    struct engine_stored_op *stored_ops;
    size_t num_stored_ops;
    size_t cap_stored_ops;
    bool members_changed; /* their records have changed */

    struct engine_link *links[WEIR_ENGINE_LINKS_MAX]; /* owns; NULL: never up */
    uint32_t num_links; /* one more than the largest that ever was connected */
    uint32_t num_up;
    struct engine_pull pulls[WEIR_ENGINE_PULLS_MAX];
    struct weir_vector shared_cursor[WEIR_GROUP_COUNT]; /* only without WEIR_RULE_INCARNATION */
    uint64_t paid_us; /* the bytes pulled so far are within the budget up to this time */
    uint32_t served;
    struct engine_waiting_batch *waiting;
    size_t waiting_len;
    size_t num_parked;

    bool lane_drawn[WEIR_GROUP_COUNT]; /* drawn in this incarnation, or confirmed: may be written on
                                        */
    uint64_t lane_lost_us; /* R15: when a lane was last given up for what a peer claimed; or 0 */
    uint64_t away_us;      /* R15: when a node last went away, or a record of a member changed */
    bool vouch[WEIR_GROUP_COUNT]; /* a session ended: see how far the vector may be raised now */
    bool has_pulled;              /* a session of group C was completed in this life */
    uint32_t lane_number;         /* of the lane that links confirm; R10 */

    uint64_t heartbeat_at;
    uint64_t heartbeat_n;
    uint64_t pull_at;
    uint64_t purge_at;
    uint64_t tombstones_at;
    size_t forget_at;
    size_t verify_at;     /* of the folded lanes */
    uint64_t beyond_hash; /* hash of the records beyond the vector of group C, and since when it is
                             the same */
    uint64_t beyond_us;
    uint64_t bans_at;
    uint64_t retry_at;
    uint64_t export_at;
    bool exporting;
    bool floor_rose;
    bool waiting_ready;
    uint8_t extra[WEIR_STORED_EXTRA_MAX]; /* of the record being read */

    struct weir_sums *sums[ENGINE_CLASS_NUM]; /* owns; made when a class has its first record */
    struct engine_sum_op *sum_ops;
    size_t num_sum_ops;
    size_t cap_sum_ops;
    struct engine_scan scan;
    struct engine_audit audit;
    uint64_t audit_at;    /* the next may be asked for */
    uint64_t tried_us;    /* until then no class was */
    uint32_t audit_tried; /* classes that still differ after a repair */
    struct engine_damaged *damaged;
    size_t num_damaged;
    uint32_t
        lossy; /* classes of which a record was found damaged since the start or the last wipe */
    uint64_t damaged_us; /* since when some records are damaged */
    uint64_t repair_us;
    struct engine_outs outs;
    struct weir_frame_cols *cols;
    uint64_t counts[WEIR_COUNT_COUNT];
};

/** Is a rule in force? Always, but in the simulator's build of these files. */
static inline bool engine_has(const struct weir_engine *e, enum weir_engine_rule rule)
{
#ifdef WEIR_ENGINE_RULES
    return (e->cfg.without & (UINT32_C(1) << rule)) == 0;
#else
    (void)e;
    (void)rule;
    return true;
#endif
}
static inline void engine_count(struct weir_engine *e, enum weir_engine_count c, uint64_t num)
{
    e->counts[c] += num;
}
static inline enum weir_group engine_group_of(enum weir_class class)
{
    return class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
}
/** The group of a lane, by its ninth byte; a byte that is neither letter counts as group C. */
static inline enum weir_group engine_lane_group(const uint8_t lane[WEIR_LANE_LEN])
{
    return lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;
}
/** May this node write, serve, apply live batches and purge? */
static inline bool engine_is_live(const struct weir_engine *e)
{
    return e->state == WEIR_ENGINE_LIVE ||
           (e->state == WEIR_ENGINE_JOINING && !engine_has(e, WEIR_RULE_LIVE_ONLY));
}

/** The link, if it is up and its handshake is done; else NULL. */
static inline struct engine_link *engine_handshake_done(const struct weir_engine *e, uint32_t link)
{
    struct engine_link *l = link < e->num_links ? e->links[link] : NULL;
    return l != NULL && l->up && l->handshake_done ? l : NULL;
}

#endif
