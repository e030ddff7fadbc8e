/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.h - the replication engine: messages, links, writes and time go in; messages,
 * acknowledgements and alarms come out. It has no I/O, thread, clock or randomness of its own, so
 * that a node, a simulated cluster of a thousand and a fuzzer run the same object file. Rules R1
 * to R15: sync/REPLICATION.md.
 * Inputs gather in a turn; weir_engine_commit makes it durable, and only then are its outputs
 * given out, so that a crash can undo nothing that was sent.
 * Owner: one thread.   Limits: struct weir_engine_config; WEIR_ENGINE_* below.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_H
#define WEIR_SYNC_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "sync/activation/active.h"
#include "sync/engine/engine_counts.h"
#include "sync/engine/engine_rules.h"
#include "sync/store/record_store.h"
#include "sync/version/vector.h"
#include "sync/version/version.h"

#define WEIR_ENGINE_LINKS_MAX   1024
#define WEIR_ENGINE_BATCH_MAX   65536    /* bytes of a published batch; a larger one is announced */
#define WEIR_ENGINE_WAITING_MAX 4194304  /* bytes of batches that wait for those before them */
#define WEIR_ENGINE_OUT_MAX     33554432 /* bytes of outputs of one turn; more are not sent */
#define WEIR_ENGINE_PULLS_MAX   4        /* sessions as puller */
#define WEIR_ENGINE_SERVED_MAX  8        /* responses to pulls in one turn; then BUSY */
#define WEIR_ENGINE_NO_LINK     UINT32_MAX

/** What a node may do (sync/REPLICATION.md, "States"). */
enum weir_engine_state {
    WEIR_ENGINE_JOINING,  /* empty, or not yet complete: pulls, does nothing else */
    WEIR_ENGINE_LIVE,     /* complete: accepts writes, serves, applies live batches, purges */
    WEIR_ENGINE_STALE,    /* missed a peer's purges: waits for weir_engine_exported, then resets */
    WEIR_ENGINE_READONLY, /* the disk fails: serves what it has, accepts nothing. Reported instead
                             of the state behind it, which comes back with the disk */
};

/* Defaults of struct weir_engine_intervals. */
#define WEIR_ENGINE_HEARTBEAT_US     UINT64_C(1000000)                       /* 1 s */
#define WEIR_ENGINE_PULL_US          UINT64_C(5000000)                       /* 5 s */
#define WEIR_ENGINE_PULL_TIMEOUT_US  UINT64_C(3000000)                       /* 3 s */
#define WEIR_ENGINE_BANS_US          UINT64_C(20000)                         /* 20 ms */
#define WEIR_ENGINE_PURGE_US         UINT64_C(60000000)                      /* 60 s */
#define WEIR_ENGINE_TOMBSTONE_MS     (400 * UINT64_C(86400000))              /* 400 days */
#define WEIR_ENGINE_BAN_TOMBSTONE_MS (UINT64_C(86400000) + UINT64_C(600000)) /* 24 h 10 min */
#define WEIR_ENGINE_CONFLICT_MS      (30 * UINT64_C(86400000))               /* 30 days */
#define WEIR_ENGINE_PULL_BYTES_PER_S (UINT64_C(32) << 20)                    /* 32 MiB */
#define WEIR_ENGINE_CHUNK_BYTES      (UINT32_C(256) << 10)                   /* 256 KiB */

/** Ages, intervals and budgets; zero takes the default, WEIR_ENGINE_ and the name of the field. */
struct weir_engine_intervals {
    uint64_t heartbeat_us;     /* between two heartbeats */
    uint64_t pull_us;          /* between two pulls from a random peer, +-50 % */
    uint64_t pull_timeout_us;  /* for one response of a pull session */
    uint64_t bans_us;          /* between two batches of group E */
    uint64_t purge_us;         /* between two purges of old tombstones and conflicts */
    uint64_t tombstone_ms;     /* group C: the age at which a tombstone is purged */
    uint64_t ban_tombstone_ms; /* the same for group E */
    uint64_t conflict_ms;      /* the age at which a conflict is dropped */
    uint64_t pull_bytes_per_s; /* as puller, all sessions together */
    uint32_t chunk_bytes;      /* of one response */
};

struct weir_engine_config {
    uint8_t node[WEIR_NODE_ID_LEN];
    struct weir_span cluster; /* 1..32 bytes; a peer of another cluster is refused */
    struct weir_siphash_key audit_key;
    uint64_t seed; /* of all its random numbers: lanes, incarnation, jitter; secret in a node */
    struct weir_record_store *records[WEIR_GROUP_COUNT]; /* borrowed until free */
    bool bootstrap; /* the cluster's first node: an empty store is a complete one */
    bool relay;     /* the links are an overlay even of few members: publish new batches again */
    uint16_t schema_max;
    uint32_t compiled; /* a bit (1 << class) for each class whose activation is reported */
    struct weir_engine_intervals intervals;
#ifdef WEIR_ENGINE_RULES
    uint32_t without; /* bits of enum weir_engine_rule; not in a node: engine_rules.h */
#endif
};

struct weir_engine;
struct weir_members;
struct weir_acks_count;

/**
 * Load the vectors. A store whose bootstrap did not complete is wiped.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO | WEIR_EFULL: no engine
 */
WEIR_MUST_USE enum weir_err weir_engine_new(const struct weir_engine_config *cfg,
                                            struct weir_engine **ret);
/** An open turn is undone. Sets *e NULL. */
void weir_engine_free(struct weir_engine **e);

/* -- inputs: any number, then weir_engine_commit -- */

/**
 * Time: before the other inputs of a turn, and at the time that weir_engine_deadline returns.
 * @param mono_us  never goes back (contract)
 * @param wall_ms  Unix ms, may jump
 */
void weir_engine_tick(struct weir_engine *e, uint64_t mono_us, uint64_t wall_ms);
/**
 * The peer of a link is connected.
 * @param link  0..WEIR_ENGINE_LINKS_MAX-1, not connected (contract)
 * @return WEIR_OK | WEIR_ENOMEM: it does not count as connected; close it
 */
WEIR_MUST_USE enum weir_err weir_engine_link_up(struct weir_engine *e, uint32_t link,
                                                const uint8_t node[WEIR_NODE_ID_LEN]);
/** The peer is no longer connected. Does nothing for a link that is not connected.
 * @param link  below the limit (contract) */
void weir_engine_link_down(struct weir_engine *e, uint32_t link);
/**
 * A frame came, published or sent to this node. Whatever it holds, it is counted, and applied,
 * responded to or dropped.
 * @param link  below the limit (contract); if it is not connected, the frame is dropped
 */
void weir_engine_receive(struct weir_engine *e, uint32_t link, struct weir_span frame);

/** A write by a user of this node. Spans are borrowed for the call. */
struct weir_engine_write {
    enum weir_class class;
    struct weir_span key; /* 1..WEIR_KEY_MAX bytes */
    bool delete;
    struct weir_span value; /* 0..WEIR_RECORD_MAX bytes; empty for a delete */
    uint16_t schema;
    uint16_t min_reader;
    uint64_t expires; /* Unix s; required in group E, at most WEIR_BAN_TTL_MAX ahead */
    uint64_t cookie;  /* comes back with WEIR_OUT_ACKED */
};
/**
 * Write one record in the open turn.
 * @return WEIR_OK: an ACKED output follows, with the result | refused, no output follows:
 * WEIR_EBUSY (not LIVE: ask another node), WEIR_EIO (READONLY), WEIR_EINVAL (ranges), WEIR_EPERM
 * (this node's clock is off and the record is no ban), WEIR_ELIMIT (the stamp would be
 * beyond the year 9999, or too much in this turn: commit first), WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_engine_write(struct weir_engine *e,
                                              const struct weir_engine_write *w);

/** What the data plane made of a record, as weir_active_report. Late reports change nothing. */
void weir_engine_activated(struct weir_engine *e, const struct weir_version *version,
                           enum weir_active_state state, struct weir_span why);

/**
 * The response to WEIR_OUT_EXPORT.
 * @param ok  false: the export is asked for again in a minute
 */
void weir_engine_exported(struct weir_engine *e, bool ok);
/**
 * The operator gives up the records of this node (both sides stale, or by choice): export, then
 * reset.
 */
void weir_engine_give_up(struct weir_engine *e);

/**
 * End the turn. On an error all it did is undone, its writes are acknowledged with that error,
 * and after WEIR_EIO or WEIR_EFULL the node is READONLY until a commit succeeds (tried every
 * second).
 * @return WEIR_OK | WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM
 */
enum weir_err weir_engine_commit(struct weir_engine *e);

/* -- outputs: after commit, until there are no more -- */

enum weir_out {
    WEIR_OUT_SEND,    /* frame to `link` */
    WEIR_OUT_PUBLISH, /* frame to all links; topic in its first byte */
    WEIR_OUT_ACKED,   /* `err` for `cookie`; on WEIR_OK with version */
    WEIR_OUT_CHANGED, /* class and key have a new record, durable: activate */
    WEIR_OUT_EXPORT,  /* save the records of both stores, then weir_engine_exported */
    WEIR_OUT_ALARM,   /* for the operator: `alarm`, `link` */
    WEIR_OUT_PURGED,  /* a tombstone was dropped: class, key, version */
    WEIR_OUT_CUT,     /* close `link` */
};

enum weir_alarm {
    WEIR_ALARM_BOTH_STALE,  /* neither may reset by itself: the operator picks one */
    WEIR_ALARM_DUPLICATE,   /* this node's id, or a peer's, lives twice (R13) */
    WEIR_ALARM_CLUSTER,     /* a peer of another cluster */
    WEIR_ALARM_EVICTED,     /* a peer that was evicted */
    WEIR_ALARM_DISK,        /* READONLY */
    WEIR_ALARM_AUDIT,       /* equal vectors, different records (R12) */
    WEIR_ALARM_ROLLBACK,    /* a peer has writes of this node that this node has not (R10) */
    WEIR_ALARM_FALSE_CLAIM, /* a peer stated what cannot be true (R15): it was cut off */
    WEIR_ALARM_FLOOR,       /* a peer alone states purges of what this node never had (R15): is it
                               right, this node is to give up its records */
    WEIR_ALARM_LANES,       /* R14: a node has more than 4 lanes that are not folded, and all have
                               more than 1,024 together: is a member away that will not come back? */
    WEIR_ALARM_COUNT,
};

struct weir_engine_out {
    enum weir_out what;
    uint32_t link;
    struct weir_span frame;
    uint64_t cookie;
    enum weir_err err;
    enum weir_class class;
    struct weir_span key;
    struct weir_version version;
    bool tombstone;
    enum weir_alarm alarm;
};
/** @param ret  borrows until the next call other than this one  @return false: no more */
bool weir_engine_next(struct weir_engine *e, struct weir_engine_out *ret);

/* -- getters, between turns -- */

/** Mono us of the next tick. */
uint64_t weir_engine_deadline(const struct weir_engine *e);
enum weir_engine_state weir_engine_state(const struct weir_engine *e);
/**
 * The members, their lives, and whether the clock is off (sync/members/members.h). Borrowed until
 * the next input. NULL before the first tick, and between a reset and the next.
 */
const struct weir_members *weir_engine_members(const struct weir_engine *e);
/** Which records are active here (sync/activation/active.h). Borrowed until the next input. NULL
 * before the first tick. */
const struct weir_active *weir_engine_active(const struct weir_engine *e);
/**
 * What all members reported of a revision (sync/activation/acks.h).
 * @return false: nothing is known yet
 */
bool weir_engine_acks(struct weir_engine *e, const struct weir_version *version,
                      struct weir_acks_count *ret);
/** What is durable here, folded lanes left out (R14). Borrowed until the next input. */
const struct weir_vector *weir_engine_vv(const struct weir_engine *e, enum weir_group g);
const struct weir_vector *weir_engine_floor(const struct weir_engine *e, enum weir_group g);
/** Lanes of group C that all members have up to these ends. Borrowed until the next input. */
const struct weir_vector *weir_engine_folded(const struct weir_engine *e);
/** Up to where a lane is durable here, folded or not; 0: nothing of it. */
uint64_t weir_engine_durable(const struct weir_engine *e, enum weir_group g,
                             const uint8_t lane[WEIR_LANE_LEN]);
/** Drawn anew at each start and reset. */
const uint8_t *weir_engine_incarnation(const struct weir_engine *e);
/** Bytes of waiting batches and of the vectors of links and sessions, for invariant I13. */
size_t weir_engine_memory(const struct weir_engine *e);
/** @param counter  below WEIR_COUNT_COUNT (contract) */
uint64_t weir_engine_counter(const struct weir_engine *e, enum weir_engine_count counter);

#endif
