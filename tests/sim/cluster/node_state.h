/* SPDX-License-Identifier: Apache-2.0
 *
 * node_state.h - private to tests/sim/: what one node of a simulated cluster is made of, for its
 * parts. What can be done with it: sim_node.h.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_NODE_STATE_H
#define WEIR_TESTS_SIM_CLUSTER_NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/scarce.h"
#include "tests/sim/cluster/sim_net.h"
#include "tests/sim/cluster/sim_op.h"
#include "tests/sim/memory/memory.h"

#define WEIR_SIM_INBOX_MAX 4096                    /* as NNG's queue of a SUB */
#define WEIR_SIM_EPOCH_MS  UINT64_C(1700000000000) /* wall clock at the beginning of a run */
#define WEIR_SIM_NEVER     UINT64_MAX

enum weir_sim_input_kind {
    WEIR_SIM_INPUT_HINT,  /* a published frame: may be dropped */
    WEIR_SIM_INPUT_FRAME, /* one that was sent to this node */
    WEIR_SIM_INPUT_UP,
    WEIR_SIM_INPUT_DOWN,
    WEIR_SIM_INPUT_WRITE,
    WEIR_SIM_INPUT_MISTAKE, /* slot: enum weir_sim_mistake */
    WEIR_SIM_INPUT_EXPORTED,
    WEIR_SIM_INPUT_UNSAVED, /* an export failed */
    WEIR_SIM_INPUT_GIVE_UP,
    WEIR_SIM_INPUT_ACTIVATED,
};

struct weir_sim_input {
    enum weir_sim_input_kind kind;
    uint32_t slot;
    uint32_t peer;
    struct weir_sim_parcel *parcel; /* owns */
    struct weir_sim_op op;
    uint32_t write; /* of a report of the data plane: number in the checks */
    enum weir_active_state state;
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

/** What its frames have said in this life: oracle/said.h. */
struct weir_sim_said {
    uint8_t lane[WEIR_GROUP_COUNT][WEIR_LANE_LEN]; /* of its own, that it last published of */
    uint64_t next[WEIR_GROUP_COUNT]; /* the number to be published next; 0: not known */
    uint64_t beat_n;
    uint64_t vv_hash; /* at the beginning of the turn, as the next */
    uint64_t ban_hash;
    uint64_t hello_due;    /* bits of links that came up in this turn */
    uint64_t restless_us;  /* since when each turn asked for the next at once */
    uint32_t num_restless; /* such turns in a row */
    uint32_t num_wipes;
    int32_t num_up;
};

/** Its counters when a turn began, and what was seen in it: oracle/counted.h. */
struct weir_sim_counted {
    uint64_t before[WEIR_COUNT_COUNT];
    uint64_t seen[WEIR_COUNT_COUNT];
};

/** What a data plane knows of a key. */
struct weir_sim_plane_key {
    uint32_t wanted; /* the write that it was told of last, plus 1 */
    uint32_t served; /* the one that it serves, plus 1 */
    bool is_settled; /* its fate is decided and reported */
};

/** Zero state: nothing is served. */
struct weir_sim_plane {
    struct weir_sim_plane_key *keys; /* owns; by key */
    uint32_t num_keys;
    uint32_t *came; /* owns; by write: the epoch in which the store got it, or had it */
    uint32_t num_came;
    uint32_t epoch; /* counts its beginnings */
    uint32_t num_wipes;
    uint32_t num_asides; /* that were followed */
    uint8_t incarnation[WEIR_INCARNATION_LEN];
};

/** One node. */
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
    bool has_failed;     /* a turn did, and memory was not compared with the stores since */
    enum weir_sim_step dies_at;
    bool dies_whole; /* the host, not only the process */
    struct weir_sim_scarce scarce;
    enum weir_engine_state state;        /* as last traced */
    enum weir_engine_state state_before; /* at the beginning of its turn, like the next */
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint64_t beat_us; /* when it last sent a heartbeat, and in which life */
    uint64_t beat_life;
    uint64_t hastened_us; /* when it last had something to report of activation */
    uint64_t served_us;   /* the turn in which it last responded to a pull, and how often */
    uint32_t num_served;
    bool was_scarce; /* an allocation of its last turn failed */
    struct weir_sim_said said;
    struct weir_sim_counted counted;
    uint64_t *barred_us;   /* owns; by node: since when its store has it as evicted, or 0 */
    uint32_t barred_wipes; /* how often its store had been wiped then */
    uint64_t wake_us;      /* when the next turn is; or never */
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
    bool sums_held;       /* since the healing, once: its heartbeat had the sums of its records */
    uint32_t num_exports; /* that were asked for */
    struct weir_sim_plane plane;
    uint64_t last_token; /* of its last write after the healing, and what became of it */
    struct weir_version last;
    bool has_last;
    uint64_t num_acked;
    uint64_t num_refused;
};

#endif
