/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_types.h - private to the engine: the parts of its state, each a struct without functions.
 * Owner: as engine.h.   Limits: here.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_TYPES_H
#define WEIR_SYNC_ENGINE_ENGINE_TYPES_H

#include "node/base/arena.h"
#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "sync/version/sums.h"

#define ENGINE_NEVER       UINT64_MAX
#define ENGINE_SESSION_LEN 8
#define ENGINE_COLS        4096 /* bans of one batch */
#define ENGINE_WAITING_NUM 4096 /* batches that wait */
#define ENGINE_SEEN_MAX    64   /* lanes of the peer that a Hello names */
#define ENGINE_DAMAGED_MAX 256  /* damaged records that are noted at once */
#define ENGINE_CLASS_NUM   16   /* of enum weir_class: SETTING..LANE are used for sums */

/** What is known of a peer. */
struct engine_link {
    bool up;
    bool handshake_done; /* its Hello came and was accepted */
    bool live;
    bool stale;       /* R6: it missed purges of this node, or (R15) this node those that it alone
                         states; nothing is accepted from it */
    bool beyond;      /* R15: it states purges that this node missed */
    bool floor_told;  /* the operator was alerted to that */
    bool audit_asked; /* R12: the keys of its differing buckets were asked for */
    bool behind;      /* its last known vector missed purges; it is asked for a newer one */
    bool wants_all;   /* R14: it misses a part of a lane that was folded: send it all lanes */
    bool split;       /* each has missed purges of the other; the operator was alerted once */
    bool refused;     /* cut off until the link is up again */
    bool hello_wanted;
    bool response_wanted;
    uint8_t node[WEIR_NODE_ID_LEN];
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    struct weir_vector vv;   /* of group C, from its last Hello, or a heartbeat's hash */
    uint64_t hello_us;       /* when the next Hello may be sent that is no response */
    uint64_t hello_again_us; /* when to send one again while the handshake is not done, or the peer
                                is behind */
    uint64_t hash[WEIR_GROUP_COUNT]; /* of its last heartbeat, when it differed from ours; or 0 */
    uint64_t our_hash[WEIR_GROUP_COUNT];
    bool is_doubt[WEIR_GROUP_COUNT];       /* the wanted pull is dropped if records come before */
    uint64_t want_us[WEIR_GROUP_COUNT];    /* when to start a pull, or ENGINE_NEVER */
    struct weir_sum sum[ENGINE_CLASS_NUM]; /* of its last heartbeat, if sums_hash is not 0 */
    uint64_t sums_hash;                    /* the vector hash that they go with */
    uint32_t audit_bad;                    /* classes whose sums differed in it */
    uint64_t beyond_us;                    /* since when it states such purges */
    uint64_t first_until_us; /* such a peer, after the reset: until then it is the first choice to
                                bootstrap from */
    struct weir_vector given[WEIR_GROUP_COUNT]; /* R15: all that it has up to here was received */
    uint64_t given_us[WEIR_GROUP_COUNT]; /* since when that goes beyond the vector in some lane */
    uint64_t asked_us[WEIR_GROUP_COUNT]; /* when the last session with it that ended had begun */
    uint32_t confirmed; /* R10: the lane_number for which the peer confirmed this node's lane */
};

/** A pull session, as puller. */
struct engine_pull {
    bool open;
    bool waiting; /* for a response; else for the byte budget */
    bool boot;
    bool forced; /* keys, not lanes */
    bool has_source;
    enum weir_group group;
    uint32_t link;
    uint64_t name;
    uint64_t began_us;
    uint64_t deadline_us; /* when to give up waiting, or to send the next request */
    uint8_t source[WEIR_INCARNATION_LEN];
    struct weir_vector cursor;
    struct weir_vector beyond;
    struct weir_vector floor; /* R8: as at the start */
    uint64_t floor_hash;      /* R6: hash of its own floor in the last request */
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
    struct weir_vector final;  /* group C: where lanes end by their records; R14 */
    struct weir_vector folded; /* group C: lanes that all members have to these ends; in no other */
    struct weir_vector idle;   /* group E: lanes without a record, and since when, in seconds */
    struct weir_vector dirty;  /* lanes to write at the commit */
    struct weir_store_meta meta;
    bool meta_dirty;
    uint64_t gen; /* counts records that came below others of their lane */
    struct engine_pub pub;
};

/** A batch that waits for those before it. */
struct engine_waiting_batch {
    struct engine_waiting_batch *next;
    enum weir_group group;
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t first;
    uint64_t last;
    size_t len;
    uint8_t frame[];
};

/** A record that was stored; active.h learns of it when it is durable. */
struct engine_stored_op {
    struct weir_version version;
    enum weir_class class;
    uint16_t min_reader;
    bool is_purged; /* a tombstone that is gone, reported or not: nothing waits for it any more */
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
    enum weir_group group; /* the output is valid if this group commits */
};

struct engine_outs {
    struct engine_out_item *items; /* owns */
    size_t num;
    size_t cap;
    size_t at;
    struct weir_arena arena;
};

/** A key whose record was damaged; fetched from two peers. */
struct engine_damaged {
    uint8_t class;
    uint16_t key_len;
    uint8_t asked; /* peers */
    uint32_t links[2];
    uint8_t key[WEIR_KEY_MAX];
};

/** The walk over all records: it fills the sums after a start, and checks checksums for ever. */
struct engine_scan {
    unsigned class_at;
    uint16_t key_len; /* 0: before the first of the class; so in engine_audit */
    uint8_t key[WEIR_KEY_MAX];
    bool summed; /* the sums are complete */
    uint64_t next_us;
};

/** The search for the keys in the buckets in which a peer differs. */
struct engine_audit {
    bool open;
    uint32_t link;
    enum weir_class class;
    uint16_t key_len;
    uint8_t key[WEIR_KEY_MAX];
    uint8_t bad[WEIR_SUMS_BUCKETS / 8];
    struct weir_arena arena;
    Weir__V1__KeyVer **found;
    size_t num_found;
};

#endif
