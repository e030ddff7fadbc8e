/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net.h - the network of a simulated cluster: links between pairs of nodes, with the faults
 * that a real one has. A link is a connection: what is sent over it arrives in order or not at all.
 * What is published goes through a bounded queue that drops its oldest, as NNG's PUB does; what is
 * sent to one peer waits. A link that breaks loses what is under way; its two ends notice at
 * different times (until then one of them is half-open), and is dialled again. Time comes from the
 * events, chance from the rng; both are the caller's. Owner: one thread.   Limits:
 * WEIR_SIM_NET_QUEUE_MAX; memory, which is asserted.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_NET_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/rng.h"
#include "tests/sim/cluster/events.h"

#define WEIR_SIM_NET_QUEUE_MAX 8192 /* messages; NNG's own limit */
#define WEIR_SIM_MILLION       1000000u

/** Kinds of events that belong to the network; those of others begin at WEIR_SIM_NET_KINDS. */
enum weir_sim_net_kind {
    WEIR_SIM_NET_ARRIVES, /* the oldest frame of a stream is there */
    WEIR_SIM_NET_WIRE,    /* a wire can take the next frame */
    WEIR_SIM_NET_DIAL,    /* try to connect a link */
    WEIR_SIM_NET_SIDE,    /* one end of a link notices that it is up or down */
    WEIR_SIM_NET_KINDS,
};

/** A frame under way, shared by all links that carry it. */
struct weir_sim_parcel {
    uint32_t refs;
    uint32_t len;
    bool is_malformed; /* whoever gets it must reject it */
    uint8_t bytes[];
};

/** A copy of the bytes, with one reference. */
struct weir_sim_parcel *weir_sim_parcel_new(const void *bytes, size_t len);
static inline struct weir_sim_parcel *weir_sim_parcel_ref(struct weir_sim_parcel *p)
{
    p->refs++;
    return p;
}
/** Give a reference back; the last one frees. Sets *p NULL. */
void weir_sim_parcel_drop(struct weir_sim_parcel **p);

enum weir_sim_law {
    WEIR_SIM_LAW_FIXED,     /* base */
    WEIR_SIM_LAW_UNIFORM,   /* base + 0..spread */
    WEIR_SIM_LAW_LOGNORMAL, /* base + spread * a log-normal of median 1 and sigma 0.6 */
    WEIR_SIM_LAW_HEAVY,     /* base + 0..spread, and one of eight times four times that, ... */
    WEIR_SIM_LAW_COUNT,
};

struct weir_sim_delay {
    enum weir_sim_law law;
    uint32_t base_us;
    uint32_t spread_us;
};

/** One delay, in us. The same draws give the same delays on every host. */
uint64_t weir_sim_delay_draw(const struct weir_sim_delay *delay, struct weir_rng *rng);

/** Faults and speeds of all links; may be changed while frames are under way. */
struct weir_sim_net_config {
    struct weir_sim_delay delay;  /* of a frame, once it is on the wire */
    struct weir_sim_delay dial;   /* from the dial to being up, at each end */
    struct weir_sim_delay notice; /* until an end notices that its link broke */
    struct weir_sim_delay redial; /* from the break, or a failed dial, to the next */
    uint32_t loss;                /* of a million published frames; not of those sent to one */
    uint32_t loss_run;            /* frames lost in a row, 1 at least */
    uint32_t unanswered;          /* of a million frames sent to one: lost, the link stays up */
    uint32_t doubled;             /* of a million frames: come twice */
    uint32_t bytes_per_s;         /* of each direction; 0: no limit */
    uint32_t queue;               /* published frames that wait for a wire, 1 at least */
};

struct weir_sim_net_link;

struct weir_sim_net {
    struct weir_sim_net_config cfg;
    struct weir_sim_events *events;  /* borrowed */
    struct weir_rng *rng;            /* borrowed */
    struct weir_sim_net_link *links; /* owns */
    uint32_t num_links;
    uint32_t cap_links;
    struct weir_sim_net_node *nodes; /* owns */
    uint32_t num_nodes;
    uint64_t num_lost;    /* frames, by chance or for want of room or of a link */
    uint64_t num_carried; /* frames that arrived */
    uint64_t num_bytes;   /* of these */
};

/** What an event of the network means for a node. */
enum weir_sim_net_what {
    WEIR_SIM_NET_NOTHING,
    WEIR_SIM_NET_FRAME, /* `parcel` came: the caller owns the reference */
    WEIR_SIM_NET_UP,
    WEIR_SIM_NET_DOWN,
};

struct weir_sim_net_event {
    enum weir_sim_net_what what;
    uint32_t node;
    uint32_t slot; /* the node's number for the link */
    uint32_t peer; /* the node at its other end */
    bool is_published;
    struct weir_sim_parcel *parcel;
};

/** `num_nodes` nodes that do not run, without links. `events` and `rng` are borrowed. */
void weir_sim_net_init(struct weir_sim_net *n, uint32_t num_nodes, struct weir_sim_events *events,
                       struct weir_rng *rng);
void weir_sim_net_deinit(struct weir_sim_net *n);
/** Connect two nodes, a != b; before they run. @return the link's number, from 0 */
uint32_t weir_sim_net_join(struct weir_sim_net *n, uint32_t a, uint32_t b);
/** The link behind a node's slot. @return its number, UINT32_MAX: no such slot */
uint32_t weir_sim_net_link_of(const struct weir_sim_net *n, uint32_t node, uint32_t slot);
/** The nodes at the ends of a link. */
void weir_sim_net_ends(const struct weir_sim_net *n, uint32_t link, uint32_t ret_ends[2]);

/** The node's process runs: its links are dialled. */
void weir_sim_net_start(struct weir_sim_net *n, uint32_t node);
/** It ends: its links break at once for itself, later for its peers. */
void weir_sim_net_stop(struct weir_sim_net *n, uint32_t node);
/** Only nodes with the same number reach each other; links between others break.
 * @param groups  a number for each node */
void weir_sim_net_part(struct weir_sim_net *n, const uint32_t *groups);
/** What end `side` (0 or 1) sends is lost without notice; when the cut ends, the link breaks. */
void weir_sim_net_cut(struct weir_sim_net *n, uint32_t link, unsigned side, bool on);
/** Break one link; it will be dialled again. */
void weir_sim_net_break(struct weir_sim_net *n, uint32_t link);
/** Close a node's slot, as weir_engine's CUT asks: the node's end is down at once. */
void weir_sim_net_close(struct weir_sim_net *n, uint32_t node, uint32_t slot);

/** Send to one peer. The parcel is borrowed. */
void weir_sim_net_send(struct weir_sim_net *n, uint32_t node, uint32_t slot,
                       struct weir_sim_parcel *p);
/** Publish to all of a node's links. The parcel is borrowed. */
void weir_sim_net_publish(struct weir_sim_net *n, uint32_t node, struct weir_sim_parcel *p);
/** What an event means; at most one thing. @param event  of a kind below WEIR_SIM_NET_KINDS */
struct weir_sim_net_event weir_sim_net_step(struct weir_sim_net *n,
                                            const struct weir_sim_event *event);
/** Does the node believe that the link behind the slot is up? */
bool weir_sim_net_is_up(const struct weir_sim_net *n, uint32_t node, uint32_t slot);

#endif
