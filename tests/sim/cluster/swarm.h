/* SPDX-License-Identifier: Apache-2.0
 *
 * swarm.h - what a seed makes of a run: which features are on, and all their rates. A feature is
 * drawn whether or not it is then taken away, so that taking one away leaves the others as they
 * were: that is how a failing seed is made smaller.   Pure.   Limits: 64 features.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SWARM_H
#define WEIR_TESTS_SIM_CLUSTER_SWARM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "node/base/span.h"
#include "sync/engine/engine.h"
#include "tests/sim/cluster/sim_net.h"

#define WEIR_SIM_NODES_MAX 1000

enum weir_sim_feature {
    WEIR_SIM_WITH_LOSS,       /* of what is published, in runs */
    WEIR_SIM_WITH_UNANSWERED, /* requests and responses that never come */
    WEIR_SIM_WITH_DOUBLED,    /* frames that come twice */
    WEIR_SIM_WITH_NARROW,     /* few bytes a second, short queues */
    WEIR_SIM_WITH_HEAVY,      /* a few delays are very long */
    WEIR_SIM_WITH_BREAKS,     /* links break, and are half-open for a while */
    WEIR_SIM_WITH_CUTS,       /* one direction of a link loses all */
    WEIR_SIM_WITH_PARTS,      /* partitions */
    WEIR_SIM_WITH_SKEW,       /* clocks off by seconds */
    WEIR_SIM_WITH_DRIFT,      /* clocks that run too fast or slow */
    WEIR_SIM_WITH_JUMPS,      /* clocks that are set */
    WEIR_SIM_WITH_AHEAD,      /* a clock ten years ahead */
    WEIR_SIM_WITH_LATENCY,    /* slow commits */
    WEIR_SIM_WITH_FULL,       /* no space on a disk, for a while */
    WEIR_SIM_WITH_EIO,        /* operations and commits that fail */
    WEIR_SIM_WITH_FLIPS,      /* bits of records */
    WEIR_SIM_WITH_CRASHES,    /* at any step; bans since the last sync are lost */
    WEIR_SIM_WITH_WIPES,      /* a volume is lost */
    WEIR_SIM_WITH_ROLLBACKS,  /* a volume goes back to a backup */
    WEIR_SIM_WITH_PAUSES,     /* a process is stopped, and goes on */
    WEIR_SIM_WITH_PURGES,     /* tombstones are purged absurdly early */
    WEIR_SIM_WITH_TINY,       /* pulls of one record a response */
    WEIR_SIM_WITH_BANS,
    WEIR_SIM_WITH_DELETES,
    WEIR_SIM_WITH_FIGHTS,   /* all nodes write one key at once */
    WEIR_SIM_WITH_BURSTS,   /* hundreds of writes at once */
    WEIR_SIM_WITH_BIG,      /* values too large to be published */
    WEIR_SIM_WITH_JOINS,    /* nodes that come late */
    WEIR_SIM_WITH_LEAVES,   /* nodes that go for good */
    WEIR_SIM_WITH_UPGRADES, /* restarts with another schema, one node after the other */
    WEIR_SIM_WITH_LATER,    /* a peer of a later version: its records have fields of their own */
    WEIR_SIM_WITH_HOSTILE,  /* a peer with a valid certificate that sends what it likes */
    WEIR_SIM_WITH_LIES,     /* that peer also lies, in the ways below */
    WEIR_SIM_WITH_OVERLAY,  /* a ring with chords instead of all with all */
    WEIR_SIM_WITH_ALL_BOOT, /* every node begins as the first of its cluster */
    WEIR_SIM_WITH_MISTAKES, /* users write what no node may accept */
    WEIR_SIM_WITH_MOVES,    /* operators change MEMBER records */
    WEIR_SIM_WITH_STRAYS,   /* a process reports what its links no longer are */
    WEIR_SIM_WITH_EXPORTS,  /* exports fail, or are reported twice */
    WEIR_SIM_WITH_PLANE,    /* data planes activate records, reject them, or hold them */
    WEIR_SIM_WITH_EVICTS,   /* nodes are evicted, and go on running */
    WEIR_SIM_WITH_MEMORY,   /* allocations of an engine fail */
    /* Ways to lie: */
    WEIR_SIM_LIE_FLOOR,  /* of what it has purged */
    WEIR_SIM_LIE_VECTOR, /* of what it has of the lanes of others */
    WEIR_SIM_LIE_OWN,    /* of what it has of the lanes of the node that it speaks to */
    WEIR_SIM_LIE_CURSOR, /* of what it has sent */
    WEIR_SIM_LIE_HEADS,  /* of where the lanes of others end */
    WEIR_SIM_LIE_HASH,   /* of the hashes of its vectors */
    WEIR_SIM_LIE_STATE,  /* of its state */
    WEIR_SIM_LIE_STAMP,  /* stamps beyond the year 9999, and at its end */
    WEIR_SIM_LIE_ACKS,   /* of what is durable and active */
    WEIR_SIM_LIE_AUDIT,  /* of keys and sums that nobody asked for */
    WEIR_SIM_LIE_LANES,  /* records of where lanes of others end */
    WEIR_SIM_LIE_FORGE,  /* batches in the lanes of others */
    WEIR_SIM_FEATURES,
};
#define WEIR_SIM_LIE_FIRST WEIR_SIM_LIE_FLOOR

/** What happens now and then. */
enum weir_sim_fault {
    WEIR_SIM_FAULT_BREAK,
    WEIR_SIM_FAULT_CUT,
    WEIR_SIM_FAULT_PART,
    WEIR_SIM_FAULT_JUMP,
    WEIR_SIM_FAULT_FULL,
    WEIR_SIM_FAULT_EIO,
    WEIR_SIM_FAULT_FLIP,
    WEIR_SIM_FAULT_CRASH,
    WEIR_SIM_FAULT_WIPE,
    WEIR_SIM_FAULT_BACKUP,
    WEIR_SIM_FAULT_ROLLBACK,
    WEIR_SIM_FAULT_PAUSE,
    WEIR_SIM_FAULT_FIGHT,
    WEIR_SIM_FAULT_BURST,
    WEIR_SIM_FAULT_JOIN,
    WEIR_SIM_FAULT_LEAVE,
    WEIR_SIM_FAULT_UPGRADE,
    WEIR_SIM_FAULT_LATER,
    WEIR_SIM_FAULT_HOSTILE,
    WEIR_SIM_FAULT_MISTAKE,
    WEIR_SIM_FAULT_MOVE,
    WEIR_SIM_FAULT_EVICT,
    WEIR_SIM_FAULT_MEMORY,
    WEIR_SIM_FAULTS,
};

struct weir_sim_plan {
    uint64_t seed;
    uint64_t features; /* a bit for each */
    uint32_t num_nodes;
    uint32_t seconds;
    uint32_t without; /* bits of enum weir_engine_rule */
    bool unchecked;   /* only measure */
    struct weir_sim_net_config net;
    struct weir_engine_intervals intervals;
    struct weir_sim_delay commit;       /* of a turn that changed a store */
    uint32_t every_ms[WEIR_SIM_FAULTS]; /* on average; 0: never */
    uint32_t skew_ms;                   /* the most */
    uint32_t drift_ppm;                 /* the most */
    uint32_t sync_ms;                   /* between syncs of group E */
    uint32_t writes_per_s;              /* of the whole cluster */
    uint32_t num_keys;
    uint32_t num_bans;
    uint32_t ban_ttl_s; /* the most */
    uint32_t bans;      /* of a hundred writes */
    uint32_t deletes;   /* of a hundred writes */
    uint32_t big;       /* of a thousand writes */
    uint32_t value_max; /* bytes of the others */
    uint32_t compiled;  /* classes that data planes report: a bit (1 << class) */
};

/** What the command line asks for. */
struct weir_sim_wish {
    uint64_t seed;
    uint32_t num_nodes; /* 0: drawn */
    uint32_t seconds;
    uint64_t off;     /* features that are not wanted */
    uint32_t without; /* bits of enum weir_engine_rule */
};

static inline bool weir_sim_plan_has(const struct weir_sim_plan *p, enum weir_sim_feature f)
{
    return (p->features >> f & 1) != 0;
}

/** Draw the plan of a seed. */
void weir_sim_plan_draw(const struct weir_sim_wish *wish, struct weir_sim_plan *ret);
/** Print what is on, in a few lines. */
void weir_sim_plan_print(const struct weir_sim_plan *p, FILE *out);
/** For a command line. Static. */
const char *weir_sim_feature_name(enum weir_sim_feature f);
/** @return whether there is one of that name; *ret is written only then */
bool weir_sim_feature_by_name(struct weir_span name, enum weir_sim_feature *ret);
/** Static. */
const char *weir_sim_fault_name(enum weir_sim_fault f);

#endif
