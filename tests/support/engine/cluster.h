/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster.h - a few replication engines, each over two stores, and a network that delivers at once
 * and in order, unless a link is cut or a frame is to be lost. For tests of single rules; what
 * random faults do is for weir-sim.   Owner: one test.   Limits: CLUSTER_MAX nodes.
 */
#ifndef WEIR_TESTS_SUPPORT_ENGINE_CLUSTER_H
#define WEIR_TESTS_SUPPORT_ENGINE_CLUSTER_H

#include "sync/engine/engine.h"

#define CLUSTER_MAX 8

struct cluster_node {
    struct weir_engine *engine;
    struct weir_record_store *records[WEIR_GROUP_COUNT];
    uint8_t id[WEIR_NODE_ID_LEN];
    uint64_t skew_ms; /* added to the wall clock, mod 2^64 */
    bool bootstrap;
    bool relay;
    uint32_t compiled;
    struct weir_engine_intervals intervals;
    uint64_t num_alarms[WEIR_ALARM_COUNT];
    uint64_t num_changed;
    uint64_t num_acked;
    uint64_t num_purged;
    enum weir_err last_ack;
    struct weir_version last_version;
    bool wants_export;
};

struct cluster_frame {
    struct cluster_frame *next;
    unsigned from;
    unsigned to;
    size_t len;
    uint8_t bytes[];
};

struct cluster {
    struct cluster_node node[CLUSTER_MAX];
    unsigned num;
    bool cut[CLUSTER_MAX][CLUSTER_MAX]; /* no link between the two */
    bool deaf[CLUSTER_MAX];             /* batches to it are lost */
    bool exports;                       /* an export succeeds at once */
    uint64_t mono_us;
    uint64_t wall_ms;
    uint64_t seed;
    struct cluster_frame *head;
    struct cluster_frame **tail;
};

/** The stores are the caller's; nodes are started by cluster_start. */
void cluster_init(struct cluster *c, unsigned num);
/** Frees the engines, not the stores. */
void cluster_deinit(struct cluster *c);
/** An engine over the node's stores, linked to all that are up and not cut off. */
void cluster_start(struct cluster *c, unsigned at);
/** The engine goes, its stores stay. */
void cluster_stop(struct cluster *c, unsigned at);
/** Cut or mend the link between two. */
void cluster_cut(struct cluster *c, unsigned a, unsigned b, bool cut);
/** Let virtual time pass, delivering everything. */
void cluster_run(struct cluster *c, uint64_t us);
/** One write, committed and delivered. NULL value: a delete. @return what weir_engine_write or the
 * commit returned */
enum weir_err cluster_write(struct cluster *c, unsigned at, enum weir_class class, const char *key,
                            const char *value);
/** A ban of `ttl_s` seconds. */
enum weir_err cluster_ban(struct cluster *c, unsigned at, uint8_t addr, uint64_t ttl_s);
/** A record of class MEMBER for node `of`, written at `at`; state as enum weir_member_state. */
void cluster_member(struct cluster *c, unsigned at, unsigned of, unsigned state);
/** A frame by hand from one node to another. */
void cluster_inject(struct cluster *c, unsigned from, unsigned to, struct weir_span frame);
/** Is this value visible at the node? NULL: is the key absent or deleted? */
bool cluster_has(struct cluster *c, unsigned at, enum weir_class class, const char *key,
                 const char *value);

#endif
