/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_node.h - one node of a simulated cluster: an engine over two stores, with a clock, a process
 * that can be killed or stopped, and a disk that takes its time. While a commit is under way, what
 * comes waits; when it is done, the outputs of the turn are sent, unless the process died in
 * between. Owner: one thread.   Limits: WEIR_SIM_INBOX_MAX inputs wait; then the oldest hint is
 * dropped.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_NODE_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/sim_net.h"
#include "tests/sim/cluster/sim_op.h"
#include "tests/sim/memory/memory.h"

#define WEIR_SIM_INBOX_MAX 4096                    /* as NNG's queue of a SUB */
#define WEIR_SIM_EPOCH_MS  UINT64_C(1700000000000) /* wall clock at the beginning of a run */
#define WEIR_SIM_NEVER     UINT64_MAX

struct weir_sim;

enum weir_sim_input_kind {
    WEIR_SIM_INPUT_HINT,  /* a published frame: may be dropped */
    WEIR_SIM_INPUT_FRAME, /* one that was sent to this node */
    WEIR_SIM_INPUT_UP,
    WEIR_SIM_INPUT_DOWN,
    WEIR_SIM_INPUT_WRITE,
    WEIR_SIM_INPUT_EXPORTED,
    WEIR_SIM_INPUT_GIVE_UP,
};

struct weir_sim_input {
    enum weir_sim_input_kind kind;
    uint32_t slot;
    uint32_t peer;
    struct weir_sim_parcel *parcel; /* owns */
    struct weir_sim_op op;
};

/** An engine's output, held back until the commit is over. */
struct weir_sim_output {
    struct weir_engine_out out;     /* its spans are those of `parcel`, or empty */
    struct weir_sim_parcel *parcel; /* owns; the frame, or the key */
};

/** The steps at which a process may die. */
enum weir_sim_step {
    WEIR_SIM_STEP_NONE,
    WEIR_SIM_STEP_INPUTS,  /* before the commit */
    WEIR_SIM_STEP_COMMIT,  /* after it, before its outputs */
    WEIR_SIM_STEP_OUTPUTS, /* some of them are out */
    WEIR_SIM_STEPS,
};

struct weir_sim_node {
    uint32_t index;
    uint8_t id[WEIR_NODE_ID_LEN];
    struct weir_memory *store[WEIR_GROUP_COUNT];  /* owns */
    struct weir_memory *backup[WEIR_GROUP_COUNT]; /* owns; NULL: none was made */
    struct weir_engine *engine;                   /* owns; NULL: no process */
    uint32_t num_links;
    uint64_t life; /* counts processes; events of an older one are ignored */
    bool has_joined;
    bool has_left;
    enum weir_member_state member; /* the state that its record is to have */
    bool is_paused;
    bool is_busy; /* a commit is under way */
    bool was_live;
    bool is_told;        /* in this turn, to give up its records, or it was outvoted */
    uint64_t num_failed; /* turns of this process */
    uint64_t floor_hash; /* as last given to the check */
    enum weir_sim_step dies_at;
    bool dies_whole;              /* the host, not only the process */
    enum weir_engine_state state; /* as last traced */
    uint64_t wake_us;             /* when the next turn is; or never */
    uint64_t synced_us;
    uint64_t num_commits; /* of both stores, before the turn */
    int64_t skew_ms;
    int64_t drift_ppm;
    uint64_t jumped_us; /* when its clock was last set */
    uint16_t schema;
    struct weir_sim_input *inbox; /* owns; a ring */
    uint32_t inbox_head;
    uint32_t inbox_num;
    uint32_t inbox_cap;
    struct weir_sim_output *outbox; /* owns */
    uint32_t outbox_num;
    uint32_t outbox_cap;
    struct weir_sim_parcel *heartbeat; /* owns; the last that it published, or NULL */
    uint64_t num_acked;
    uint64_t num_refused;
};

/** Stores and an id; no process. @param n  memory of the caller */
void weir_sim_node_init(struct weir_sim *s, struct weir_sim_node *n, uint32_t index);
void weir_sim_node_deinit(struct weir_sim_node *n);
/** Unix ms by its clock. */
uint64_t weir_sim_node_wall(const struct weir_sim *s, const struct weir_sim_node *n);
/** Start a process on the stores as they are; later again when they cannot be read. */
void weir_sim_node_start(struct weir_sim *s, struct weir_sim_node *n, bool bootstrap);
/** End it at once. @param whole  the host stops: bans that were not synced are lost */
void weir_sim_node_kill(struct weir_sim *s, struct weir_sim_node *n, bool whole);
/** An input; takes the parcel. Without a process the input is dropped. */
void weir_sim_node_give(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_sim_input *input);
/** Take a turn no later than this. */
void weir_sim_node_poke(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us);
/** Its events. */
void weir_sim_node_on_turn(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us);
void weir_sim_node_on_done(struct weir_sim *s, struct weir_sim_node *n, uint64_t life);
void weir_sim_node_pause(struct weir_sim *s, struct weir_sim_node *n, bool on);
/** Is it part of the cluster now, with a process? */
bool weir_sim_node_is_up(const struct weir_sim_node *n);

#endif
