/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_parts.h - private to engine*.c: what the parts of the engine offer one another. A part
 * that meets a failing store calls weir_engine_fail, after which the turn does nothing more;
 * weir_engine_commit undoes it.   Owner: as engine.h.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_PARTS_H
#define WEIR_SYNC_ENGINE_ENGINE_PARTS_H

#include "sync/engine/engine_nodes.h"
#include "sync/engine/engine_state.h"

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
/** Of a lane, by its ninth byte; what is neither letter is of group C. */
static inline enum weir_group engine_lane_group(const uint8_t lane[WEIR_LANE_LEN])
{
    return lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;
}
/** May it write, serve, take what is live, purge? */
static inline bool engine_is_live(const struct weir_engine *e)
{
    return e->state == WEIR_ENGINE_LIVE || e->state == WEIR_ENGINE_LEAVING ||
           (e->state == WEIR_ENGINE_JOINING && !engine_has(e, WEIR_RULE_LIVE_ONLY));
}

/* engine.c */
/** An input came: if no turn is open, one is now. */
void weir_engine_turn(struct weir_engine *e);
/** The turn cannot be carried out. The first error stays. */
void weir_engine_fail(struct weir_engine *e, enum weir_err err);
/** The group's transaction is open. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_begin(struct weir_engine *e, enum weir_group g);
/** Forget all records of group C and the lane. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_wipe(struct weir_engine *e);
/** Wipe, and begin a new life: another incarnation, JOINING. */
void weir_engine_reset(struct weir_engine *e);
/** R6: export, then reset. */
void weir_engine_go_stale(struct weir_engine *e);

/* engine_group.c */
/** Read vectors and numbers of a group from its record store, inside its transaction. */
WEIR_MUST_USE enum weir_err weir_engine_load(struct weir_engine *e, enum weir_group g);
/** Put the lanes and numbers that changed. */
WEIR_MUST_USE enum weir_err weir_engine_store_lanes(struct weir_engine *e, enum weir_group g);
/** Has the lane a place in the vectors, or can it get one? Counted when not. */
WEIR_MUST_USE bool weir_engine_has_room(struct weir_engine *e, enum weir_group g,
                                        const uint8_t lane[WEIR_LANE_LEN]);
/** Some record of the lane up to seq was met. */
void weir_engine_see(struct weir_engine *e, enum weir_group g, const uint8_t lane[WEIR_LANE_LEN],
                     uint64_t seq);
/** The vector covers (lane, seq) now. */
void weir_engine_raise(struct weir_engine *e, enum weir_group g, const uint8_t lane[WEIR_LANE_LEN],
                       uint64_t seq);
/** The vector and, in group C, the floor are joined with a source's. */
void weir_engine_join(struct weir_engine *e, enum weir_group g, const struct weir_vector *vv,
                      const struct weir_vector *floor);
/** A floor rose to cover a purged tombstone. */
void weir_engine_raise_floor(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN],
                             uint64_t seq);
/** Draw a new lane for what is written next. */
void weir_engine_draw_lane(struct weir_engine *e, enum weir_group g);
/** R10: somebody knows more of the own lane than this node. */
void weir_engine_lane_lost(struct weir_engine *e, enum weir_group g, uint32_t link);
/** The lanes of one group of a decoded list. @return false: no memory; the turn has failed */
WEIR_MUST_USE bool weir_engine_split(struct weir_engine *e, enum weir_group g,
                                     Weir__V1__Lv *const *lanes, size_t num,
                                     struct weir_vector *ret);

/** An up link whose Hello held. @return NULL: none */
static inline struct engine_link *engine_handshake_done(const struct weir_engine *e, uint32_t link)
{
    struct engine_link *l = link < e->num_links ? e->links[link] : NULL;
    return l != NULL && l->up && l->handshake_done ? l : NULL;
}

/* engine_apply.c */
enum engine_how {
    ENGINE_LIVE,   /* next of its lane */
    ENGINE_PULLED, /* in a session */
    ENGINE_FORCED, /* asked for by key */
};
/**
 * R3, R11, conflicts, expiry. The vector is the caller's.
 * @return WEIR_OK | WEIR_EBUSY: live, and its place must be pulled (absent, and not above
 * hlc_floor) | another error: the turn has failed
 */
WEIR_MUST_USE enum weir_err weir_engine_apply(struct weir_engine *e, struct weir_stored_record *rec,
                                              enum engine_how how);
/** Order of versions: < 0, 0 or > 0 as a is older than, the same as, newer than b. */
int weir_engine_compare(const struct weir_version *a, const struct weir_version *b);
/** Is it a ban that has ended, or the tombstone of one? */
bool weir_engine_is_expired(const struct weir_engine *e, const struct weir_record *r);
/** A ban's tombstone bears the time of its writing as its expiry: record_store.h purges by it. */
void weir_engine_date_tombstone(struct weir_stored_record *rec);
/** Put a record: sums, CHANGED, gen, seen. `old` NULL: the key was absent. */
void weir_engine_store_record(struct weir_engine *e, const struct weir_stored_record *rec,
                              const struct weir_stored_record *old);
/** Drop a record: sums. */
void weir_engine_drop(struct weir_engine *e, const struct weir_stored_record *old);
/** A record with a wrong checksum was met: drop it, fetch it again. */
void weir_engine_damage(struct weir_engine *e, enum weir_class class, struct weir_span key);
/** A record of a message. `lane` NULL: its own. Spans borrow from the message and e->scratch. */
WEIR_MUST_USE bool weir_engine_record(struct weir_engine *e, const Weir__V1__Record *msg,
                                      const uint8_t *lane, struct weir_stored_record *ret);
/** Add a record to the sums, or take it away, at the commit. */
void weir_engine_sum(struct weir_engine *e, const struct weir_stored_record *rec, bool add);
/** The sums follow the commit; done = false: forget what is pending. */
void weir_engine_sums_end(struct weir_engine *e, bool done);
/** Start the walk over all records again, with sums of zero. */
void weir_engine_sums_restart(struct weir_engine *e);

/* engine_out.c */
void weir_engine_out_init(struct weir_engine *e);
void weir_engine_out_deinit(struct weir_engine *e);
/** Pack a message for one link; ENGINE's WEIR_ENGINE_NO_LINK: publish it. */
void weir_engine_send(struct weir_engine *e, uint32_t link, enum weir_frame_topic topic,
                      const ProtobufCMessage *msg);
/** Publish a frame as it came. */
void weir_engine_relay(struct weir_engine *e, struct weir_span frame);
/** Any other output. Key is copied. */
void weir_engine_emit(struct weir_engine *e, const struct weir_engine_out *out, enum weir_group g);
void weir_engine_alarm(struct weir_engine *e, enum weir_alarm alarm, uint32_t link);
/** Forget what must not be said after a failed commit; acknowledge with the error. */
void weir_engine_out_undo(struct weir_engine *e, enum weir_err err, bool bans_stand);
/** Memory for messages under construction, until the commit. NULL: the turn has failed. */
void *weir_engine_alloc(struct weir_engine *e, size_t len);
/** A list of lanes for a message; v may go. @return NULL: empty, or the turn has failed */
Weir__V1__Lv **weir_engine_lanes(struct weir_engine *e, const struct weir_vector *v);
/** A record as a message, with its lane if it travels in a pull. @return NULL: the turn failed */
Weir__V1__Record *weir_engine_message(struct weir_engine *e, const struct weir_stored_record *rec,
                                      bool with_lane);

/* engine_write.c */
/** As weir_engine_write, within a turn, without an ACKED output. */
WEIR_MUST_USE enum weir_err weir_engine_write_own(struct weir_engine *e,
                                                  const struct weir_engine_write *w);
void weir_engine_pub_init(struct engine_pub *p);
void weir_engine_pub_deinit(struct engine_pub *p);
/** Make batches of what was written: C at each commit, E when it is time. */
void weir_engine_publish(struct weir_engine *e);
/** A commit failed: forget those it would have made durable. */
void weir_engine_pub_undo(struct weir_engine *e, enum weir_group g);

/* engine_live.c */
void weir_engine_on_batch(struct weir_engine *e, uint32_t link, const Weir__V1__Batch *b,
                          struct weir_span frame);
/** Take what is in turn of the parked batches. */
void weir_engine_waiting_retry(struct weir_engine *e);
void weir_engine_waiting_forget(struct weir_engine *e);

/* engine_pull.c */
/** A pull of the group from this link is wanted at `at_us`, if not before. */
void weir_engine_want(struct weir_engine *e, uint32_t link, enum weir_group g, uint64_t at_us);
/** Begin the sessions that are due, go on with those that were paced. */
void weir_engine_pull_run(struct weir_engine *e);
void weir_engine_pull_tick(struct weir_engine *e);
void weir_engine_pull_lost(struct weir_engine *e, struct engine_pull *p);
/** All of a link, or of every link for WEIR_ENGINE_NO_LINK. */
void weir_engine_pulls_lost(struct weir_engine *e, uint32_t link);
void weir_engine_on_pull_rep(struct weir_engine *e, uint32_t link, const Weir__V1__PullRep *m,
                             size_t len);
/** Fetch keys (class 1, key) from a link, whatever the vector says. */
void weir_engine_force(struct weir_engine *e, uint32_t link, ProtobufCBinaryData *keys, size_t num);

/* engine_serve.c */
void weir_engine_on_pull_req(struct weir_engine *e, uint32_t link, const Weir__V1__PullReq *m);

/* engine_link.c */
void weir_engine_hello_due(struct weir_engine *e, uint32_t link);
void weir_engine_on_hello(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h);
/** Send the Hellos that are due; look again at who is behind when the floor rose. */
void weir_engine_send_hello(struct weir_engine *e);
void weir_engine_link_tick(struct weir_engine *e);

/** Take nothing more from a link: an alarm, and CUT. */
void weir_engine_refuse(struct weir_engine *e, uint32_t link, enum weir_alarm alarm);

/* engine_heartbeat.c */
void weir_engine_heartbeat(struct weir_engine *e);
void weir_engine_on_heartbeat(struct weir_engine *e, uint32_t link, const Weir__V1__Heartbeat *h);

/* engine_purge.c */
void weir_engine_purge(struct weir_engine *e);
/* engine_audit.c */
void weir_engine_scan(struct weir_engine *e);
void weir_engine_audit_run(struct weir_engine *e);
void weir_engine_repair(struct weir_engine *e);
/** R11: the peer was behind: ask it for damaged records once more, later. */
void weir_engine_ask_again(struct weir_engine *e, uint32_t link);
/** The sums of a heartbeat of a peer whose vector is ours. */
void weir_engine_audit_heartbeat(struct weir_engine *e, uint32_t link,
                                 const Weir__V1__Heartbeat *h);
void weir_engine_audit_deinit(struct weir_engine *e);
void weir_engine_on_audit(struct weir_engine *e, uint32_t link, const Weir__V1__Audit *a);
/** Are records here that the vector does not cover, or will there be? Then sums say nothing. */
bool weir_engine_in_motion(struct weir_engine *e);

#endif
