/* SPDX-License-Identifier: Apache-2.0
 *
 * drill.h - one engine, two stores in memory, and peers that do what a drill tells them. A drill
 * says what one input of a turn must lead to, message by message: what a cluster would mend before
 * anybody could see it. Keys, values, lanes and numbers are drawn from the seed.
 * Every action below is a turn of its own: time, the input, weir_engine_commit; then the outputs of
 * that turn alone can be asked for. Several inputs in one turn: weir_drill_begin, calls of
 * engine.h, weir_drill_end. Owner: one thread.   Limits: WEIR_DRILL_PEERS links; a drill takes
 * about a millisecond.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "tests/sim/memory/memory.h"
#include "tests/sim/models/model.h"

#define WEIR_DRILL_PEERS 8
#define WEIR_DRILL_ANY   (UINT32_MAX - 1) /* of links: any of them */

/** An output, with a copy of its bytes. */
struct weir_drill_out {
    struct weir_engine_out out;
    struct weir_frame frame; /* of SEND and PUBLISH; else zero */
};

/** What a peer says of itself: a drill changes it as it likes. */
struct weir_drill_peer {
    uint8_t node[WEIR_NODE_ID_LEN];
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    struct weir_vector vv[WEIR_GROUP_COUNT];
    struct weir_vector floor;
    struct weir_vector seen; /* lanes of the engine that it met records of */
    bool live;
    bool all; /* as in Hello */
    bool met;
    uint64_t beat_n;
};

struct weir_drill {
    struct weir_sim_exam *x;
    struct weir_engine_config cfg; /* of the next start */
    struct weir_engine *e;         /* NULL: stopped */
    struct weir_memory *store[WEIR_GROUP_COUNT];
    uint64_t mono_us;
    uint64_t wall_ms;            /* at mono_us 0 */
    enum weir_err err;           /* of the last commit */
    bool exports;                /* weir_drill_pass responds to WEIR_OUT_EXPORT at once */
    struct weir_arena mem;       /* frames, records and copies: until deinit */
    struct weir_drill_out *outs; /* owns */
    size_t num_outs;
    size_t cap_outs;
    uint64_t counts[WEIR_COUNT_COUNT]; /* before the last action */
    struct weir_drill_peer peer[WEIR_DRILL_PEERS];
    struct weir_frame *old; /* owns: frames of earlier actions, which stay until deinit */
    size_t num_old;
    size_t cap_old;
    struct weir_vector scratch;                     /* the drill's own */
    const Weir__V1__PullReq *req[WEIR_GROUP_COUNT]; /* noted by drill_pulls.h */
};

/* -- the engine -- */

/**
 * Stores, a configuration and peers; no engine yet. The engine's name is drawn; it bootstraps (an
 * empty store is complete), reads schema 1, reports the activation of no class, and has the default
 * intervals. Peers are live, have and have purged nothing; their names are larger than the engine's
 * for odd links and smaller for even ones.
 */
void weir_drill_init(struct weir_drill *d, struct weir_sim_exam *x);
/** All goes: engine, stores, messages. */
void weir_drill_deinit(struct weir_drill *d);
/** Once more from the start: as after weir_drill_init, with other random numbers. */
void weir_drill_renew(struct weir_drill *d);
/** An engine over the stores, in its first turn. Where the drill fails allocations it may not come:
 * @return whether it is there */
bool weir_drill_start(struct weir_drill *d);
/** The engine goes, its stores stay. */
void weir_drill_stop(struct weir_drill *d);

/** A turn begins: outputs are forgotten, counters noted, the time told. */
void weir_drill_begin(struct weir_drill *d);
/** It ends: commit, and its outputs are kept. @return as weir_engine_commit */
enum weir_err weir_drill_end(struct weir_drill *d);
/** Time passes, and one turn follows. */
void weir_drill_wait(struct weir_drill *d, uint64_t us);
/** Time passes, with a turn at each deadline; the outputs of all of them are kept. */
void weir_drill_pass(struct weir_drill *d, uint64_t us);

/* -- writes -- */

/** A write by a user. NULL value: a delete. A class of group E gets `ttl_s`.
 * @return as weir_engine_write, and what its commit returned when that was WEIR_OK */
enum weir_err weir_drill_write(struct weir_drill *d, enum weir_class class, struct weir_span key,
                               const char *value, uint64_t ttl_s);
/** A tenant's record. */
enum weir_err weir_drill_put(struct weir_drill *d, const char *key, const char *value);
/** The key of a ban of 10.0.0.`n`/32. */
struct weir_span weir_drill_ban_key(struct weir_drill *d, uint8_t n);
/** A record of class MEMBER, written here. @param state  enum weir_member_state */
enum weir_err weir_drill_member(struct weir_drill *d, const uint8_t node[WEIR_NODE_ID_LEN],
                                unsigned state);

/* -- peers -- */

/** The link is connected; no message comes yet. */
void weir_drill_up(struct weir_drill *d, uint32_t link);
void weir_drill_down(struct weir_drill *d, uint32_t link);
/** Its Hello comes. @param response  it is one */
void weir_drill_hello(struct weir_drill *d, uint32_t link, bool response);
/** Connected, and its Hello came. */
void weir_drill_meet(struct weir_drill *d, uint32_t link);
/** A message comes from the peer. */
void weir_drill_receive(struct weir_drill *d, uint32_t link, enum weir_frame_topic topic,
                        const ProtobufCMessage *msg);
void weir_drill_receive_bytes(struct weir_drill *d, uint32_t link, struct weir_span bytes);

/** The parts of messages; all lie in `mem`. */
void *weir_drill_alloc(struct weir_drill *d, size_t len);
ProtobufCBinaryData weir_drill_bytes(struct weir_drill *d, const void *at, size_t len);
Weir__V1__Lv **weir_drill_lanes(struct weir_drill *d, const struct weir_vector *v);
/** A Hello as the peer sends it, to be changed. */
Weir__V1__Hello *weir_drill_make_hello(struct weir_drill *d, uint32_t link);
/** Its next heartbeat: no sums, acks or echoes; hashes of its vectors; LIVE or JOINING. */
Weir__V1__Heartbeat *weir_drill_make_beat(struct weir_drill *d, uint32_t link);
/** What a record is to be. */
struct weir_drill_rec {
    enum weir_class class; /* 0: TENANT */
    struct weir_span key;
    const char *value;   /* NULL: a tombstone */
    const uint8_t *lane; /* NULL: none, as in a batch */
    uint64_t seq;
    uint64_t hlc; /* 0: of now */
};
Weir__V1__Record *weir_drill_make_record(struct weir_drill *d, const struct weir_drill_rec *r);
/** A batch of the peer's, in the group of the lane. It begins at the first record, or at 1. */
Weir__V1__Batch *weir_drill_make_batch(struct weir_drill *d, uint32_t link,
                                       const uint8_t lane[WEIR_LANE_LEN], Weir__V1__Record **recs,
                                       size_t num);
/** A batch of one record of its lane comes. */
void weir_drill_batch_one(struct weir_drill *d, uint32_t link, const struct weir_drill_rec *r);
/** A complete response to the request, with what the peer has and no record. */
Weir__V1__PullRep *weir_drill_make_rep(struct weir_drill *d, uint32_t link,
                                       const Weir__V1__PullReq *req);
/** A request of the peer for what is beyond nothing, of one group; 256 KiB. */
Weir__V1__PullReq *weir_drill_make_req(struct weir_drill *d, uint32_t link, enum weir_group group);

/** A lane of this node, group C or E, that differs in `n`. */
void weir_drill_lane(const uint8_t node[WEIR_NODE_ID_LEN], enum weir_group g, uint8_t n,
                     uint8_t ret[WEIR_LANE_LEN]);
/** The stamp of this moment of the drill's clock. */
uint64_t weir_drill_stamp(const struct weir_drill *d);
/** Raise a vector that belongs to the drill. */
void weir_drill_raise(struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);

/* -- what the last action led to -- */

/** Outputs of a kind. */
size_t weir_drill_num(const struct weir_drill *d, enum weir_out what);
/** The nth = 0.. of a kind. @return NULL: there are not so many */
const struct weir_engine_out *weir_drill_out(const struct weir_drill *d, enum weir_out what,
                                             size_t nth);
/** Frames of a topic. @param link  WEIR_ENGINE_NO_LINK: published; WEIR_DRILL_ANY: all */
size_t weir_drill_num_sent(const struct weir_drill *d, enum weir_frame_topic topic, uint32_t link);
/** The nth = 0.. of them. @return NULL: there are not so many */
const struct weir_frame *weir_drill_sent(const struct weir_drill *d, enum weir_frame_topic topic,
                                         uint32_t link, size_t nth);
/** Alarms of a kind. @param link  or WEIR_DRILL_ANY */
size_t weir_drill_alarms(const struct weir_drill *d, enum weir_alarm alarm, uint32_t link);
/** By how much a counter rose. */
uint64_t weir_drill_counted(const struct weir_drill *d, enum weir_engine_count c);
/** Is this the value of a tenant's record here? NULL: is it absent or deleted? */
bool weir_drill_has(const struct weir_drill *d, const char *key, const char *value);
/** The row of a lane, all zero when there is none. */
struct weir_lane_row weir_drill_row(const struct weir_drill *d, enum weir_group g,
                                    const uint8_t lane[WEIR_LANE_LEN]);
/** The number of this lane in a list of a message; 0: it is not there. */
uint64_t weir_drill_listed(Weir__V1__Lv *const *lanes, size_t num,
                           const uint8_t lane[WEIR_LANE_LEN]);

/* -- all drills -- */

typedef void (*weir_drill_fn)(struct weir_drill *d);
/** One after another, each with stores of its own, until a claim does not hold. None may leak. */
void weir_drill_run(struct weir_sim_exam *x, const weir_drill_fn *all, size_t num);

/** @param ret  as weir_sim_models_hold  @return true: all went as they must */
bool weir_drills_hold(uint64_t seed, char *ret, size_t len);

#endif
