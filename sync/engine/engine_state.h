/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_state.h - private to engine*.c: what an engine knows, of itself, of its peers and of the
 * turn. What its parts do with it: engine_parts.h.   Owner: as engine.h.   Limits: here.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_STATE_H
#define WEIR_SYNC_ENGINE_ENGINE_STATE_H

#include "node/base/arena.h"
#include "node/base/rng.h"
#include "sync/engine/engine.h"
#include "sync/activation/acks.h"
#include "sync/frame/frame.h"
#include "sync/frame/frame_bans.h"
#include "sync/members/members.h"
#include "sync/version/sums.h"

#define ENGINE_NEVER       UINT64_MAX
#define ENGINE_SESSION_LEN 8
#define ENGINE_COLS        4096 /* bans of one batch */
#define ENGINE_WAITING_NUM 4096 /* batches that wait */
#define ENGINE_SEEN_MAX    64   /* lanes of a node that a Hello tells of */
#define ENGINE_DAMAGED_MAX 256  /* keys that wait to be fetched again */
#define ENGINE_CLASS_NUM   16   /* of enum weir_class: SETTING..LANE are used for sums */

/** What is known of a peer. */
struct engine_link {
    bool up;
    bool handshake_done; /* its Hello came and held */
    bool live;
    bool stale;     /* R6: beyond this node's purges; nothing is taken from it */
    bool behind;    /* its last known vector is; asked again */
    bool asks_all;  /* its last Hello left out lanes that are not retired here */
    bool wants_all; /* it has other lanes retired: tell it all of them */
    bool split;     /* each is beyond the other's purges; told to the operator once */
    bool refused;   /* cut, and not heard until it is up again */
    bool hello_due;
    bool response_due;
    uint8_t node[WEIR_NODE_ID_LEN];
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    struct weir_vector vv;           /* of group C, as its last Hello said */
    uint64_t hello_us;               /* when the next may be sent unasked */
    uint64_t hello_again_us;         /* when to send one again while it is not greeted, or behind */
    uint64_t hash[WEIR_GROUP_COUNT]; /* of its last heartbeat, when it differed from ours; or 0 */
    uint64_t our_hash[WEIR_GROUP_COUNT];
    bool doubts[WEIR_GROUP_COUNT];         /* it is wanted only if nothing comes until then */
    uint64_t want_us[WEIR_GROUP_COUNT];    /* a pull is due; or never */
    struct weir_sum sum[ENGINE_CLASS_NUM]; /* of its last heartbeat, if sums_hash is not 0 */
    uint64_t sums_hash;                    /* the vector hash that they go with */
    uint64_t retired_hash;                 /* as its last Hello said */
    uint32_t audit_bad;                    /* classes whose sums differed in it */
    uint32_t confirmed;                    /* R10: the number of the own lane it spoke of */
};

/** A pull session, as puller. */
struct engine_pull {
    bool open;
    bool waiting; /* for a response; else for the pace */
    bool boot;
    bool forced; /* keys, not lanes */
    bool has_source;
    enum weir_group group;
    uint32_t link;
    uint64_t name;
    uint64_t due_us; /* give up, or go on */
    uint8_t source[WEIR_INCARNATION_LEN];
    struct weir_vector cursor;
    struct weir_vector beyond;
    struct weir_vector floor; /* R8: as at the start */
    uint64_t floor_hash;      /* R6: of the own floor, as the request told it */
    uint64_t gen;
};

/** Records written here and not yet published. */
struct engine_pub {
    struct weir_arena arena;
    struct weir_stored_record **recs; /* owns the array; the records lie in the arena */
    size_t num;
    size_t cap;
    size_t durable; /* those before were committed */
};

/** One group of records. */
struct engine_group {
    struct weir_record_store *records;
    bool begun;
    struct weir_vector vv;
    struct weir_vector seen;
    struct weir_vector floor;
    struct weir_vector final; /* C: where retired lanes end */
    struct weir_vector idle;  /* E: lanes without a record, and since when, in seconds */
    struct weir_vector dirty; /* lanes to be put at commit */
    struct weir_store_meta meta;
    bool meta_dirty;
    uint64_t gen; /* records that came below others of their lane */
    struct engine_pub pub;
};

/** A batch that waits for those before it. */
struct engine_waiting_batch {
    struct engine_waiting_batch *next;
    enum weir_group group;
    uint32_t link;
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t first;
    uint64_t last;
    size_t len;
    uint8_t frame[];
};

/** A record that was put, told to active.h when it is durable. */
struct engine_put_op {
    struct weir_version version;
    enum weir_class class;
    uint16_t min_reader;
    bool has_old;
    struct weir_version old;
};

/** A record's part in the sums, pending until the commit. */
struct engine_sum_op {
    bool add;
    uint8_t class;
    struct weir_sums_part part;
};

struct engine_out_item {
    struct weir_engine_out out;
    enum weir_group group; /* with whose commit it stands */
};

struct engine_outs {
    struct engine_out_item *items; /* owns */
    size_t num;
    size_t cap;
    size_t at;
    struct weir_arena arena;
};

/** A key whose record was damaged, fetched from two peers. */
struct engine_damaged {
    uint8_t class;
    uint16_t key_len;
    uint8_t asked; /* peers */
    uint32_t links[2];
    uint8_t key[WEIR_KEY_MAX];
};

/** The walk over all records: sums after a start, checksums for ever. */
struct engine_scan {
    unsigned class_at;
    bool begun;
    uint16_t key_len;
    uint8_t key[WEIR_KEY_MAX];
    bool summed; /* the sums are complete */
    uint64_t due_us;
};

/** The search for the keys of a peer's bad buckets. */
struct engine_audit {
    bool open;
    uint32_t link;
    enum weir_class class;
    bool begun;
    uint16_t key_len;
    uint8_t key[WEIR_KEY_MAX];
    uint8_t bad[WEIR_SUMS_BUCKETS / 8];
    struct weir_arena arena;
    Weir__V1__KeyVer **found;
    size_t num_found;
};

struct weir_engine {
    struct weir_engine_config cfg;
    uint8_t cluster[32];
    struct weir_rng rng;
    uint64_t mono_us;
    uint64_t wall_ms;
    uint64_t clock_ms; /* of stamps: wall_ms, unless a mutant */
    enum weir_engine_state state;
    enum weir_engine_state state_before; /* at the start of the turn */
    bool in_turn;
    bool readonly;
    bool retried;  /* this turn's commit tells whether the disk works again */
    bool unloaded; /* the vectors could not be read again */
    enum weir_err turn_err;
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    struct engine_group group[WEIR_GROUP_COUNT];
    struct weir_vector retired;   /* lanes that peers need not be told of; see engine_retire.c */
    bool retired_due;             /* it is to be made anew */
    struct weir_members *members; /* owns; made when the time is known */
    struct weir_active *active;   /* owns, as the next; made with the members */
    struct weir_acks *acks;
    bool active_loading; /* the walk over all records tells them */
    struct engine_put_op *puts;
    size_t num_puts;
    size_t cap_puts;
    bool members_due; /* their records have changed */

    struct engine_link *links[WEIR_ENGINE_LINKS_MAX]; /* owns; NULL: never up */
    uint32_t num_links;                               /* one behind the largest that was ever up */
    uint32_t num_up;
    struct engine_pull pulls[WEIR_ENGINE_PULLS_MAX];
    struct weir_vector shared_cursor[WEIR_GROUP_COUNT]; /* only without WEIR_RULE_INCARNATION */
    int64_t pull_tokens;                                /* bytes; below zero: wait */
    uint64_t tokens_us;
    uint32_t served;
    struct engine_waiting_batch *waiting;
    size_t waiting_len;
    size_t num_parked;

    bool lane_drawn[WEIR_GROUP_COUNT]; /* in this life, or confirmed: may be written on */
    bool has_pulled;                   /* a session of group C was completed in this life */
    uint32_t lane_number;              /* of the lane that links confirm; R10 */

    uint64_t heartbeat_at;
    uint64_t heartbeat_n;
    uint64_t pull_at;
    uint64_t purge_at;
    uint64_t tombs_at;
    size_t forget_at;
    uint64_t beyond_hash; /* of what is here beyond the vector of group C, and since when */
    uint64_t beyond_us;
    uint64_t bans_at;
    uint64_t retry_at;
    uint64_t export_at;
    bool exporting;
    bool floor_rose;
    bool waiting_retry_due;
    uint8_t extra[WEIR_STORED_EXTRA_MAX]; /* of the record being read */

    struct weir_sums *sums[ENGINE_CLASS_NUM]; /* owns; made when a class has its first record */
    struct engine_sum_op *sum_ops;
    size_t num_sum_ops;
    size_t cap_sum_ops;
    struct engine_scan scan;
    struct engine_audit audit;
    uint64_t audit_at;    /* the next may be asked for */
    uint64_t tried_us;    /* until then no class was */
    uint32_t audit_tried; /* classes that were repaired to no end since they last agreed */
    struct engine_damaged *damaged;
    size_t num_damaged;
    uint64_t damaged_us; /* since when some are */
    uint64_t repair_us;
    struct engine_outs outs;
    struct weir_frame_cols *cols;
    uint64_t counts[WEIR_COUNT_COUNT];
};

#endif
