/* SPDX-License-Identifier: Apache-2.0
 *
 * members.h - the nodes of the cluster, which of them seem alive, and whether this node's clock is
 * off. Records and heartbeats go in, judgements come out. Nothing that must be right depends on
 * them: they decide which node is asked first, which one orders a certificate, what `status` shows
 * and which links are made.
 * Owner: one thread.   Limits: WEIR_MEMBERS_MAX members of about 400 bytes; memory grows by
 * doubling, when a node is first met.
 */
#ifndef WEIR_SYNC_MEMBERS_MEMBERS_H
#define WEIR_SYNC_MEMBERS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/frame/member.h"
#include "sync/members/overlay.h"
#include "sync/version/version.h"

#define WEIR_MEMBERS_MAX     4096
#define WEIR_STRANGERS_MAX   1024     /* nodes that are heard or linked and have no record here */
#define WEIR_MEMBERS_SCAN_US 250000   /* a silence is noticed at most this much later */
#define WEIR_CLOCK_OFF_MS    2000     /* a median offset beyond it: the clock is off */
#define WEIR_CLOCK_RTT_US    2000000  /* a slower round trip measures no clock */
#define WEIR_CLOCK_KEPT_US   60000000 /* a measured offset is used for so long */

/**
 * How a node seems. Each life from ALIVE to LOST is worse than the one before, and only a sign of
 * life of the node makes it better.
 */
enum weir_members_life {
    WEIR_MEMBERS_STRANGER, /* heard or linked; no record of it is here, or not yet */
    WEIR_MEMBERS_ALIVE,
    WEIR_MEMBERS_SUSPECT, /* silent for a while, or never heard since this node started */
    WEIR_MEMBERS_DOWN,
    WEIR_MEMBERS_LOST, /* silent for a day: no node need hear of it again */
    WEIR_MEMBERS_LEFT,
    WEIR_MEMBERS_EVICTED,
    WEIR_MEMBERS_NUM_LIVES,
};

#define WEIR_MEMBERS_SUSPECT_US UINT64_C(5000000)     /* 5 s */
#define WEIR_MEMBERS_DOWN_US    UINT64_C(15000000)    /* 15 s */
#define WEIR_MEMBERS_LOST_US    UINT64_C(86400000000) /* 24 h */

struct weir_members_config {
    uint8_t node[WEIR_NODE_ID_LEN]; /* this one */
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint16_t schema_max;
    uint64_t mono_us;
};

/** One node. */
struct weir_members_item {
    uint8_t node[WEIR_NODE_ID_LEN];
    enum weir_members_life life;
    uint64_t
        heard_us; /* mono: when it was last heard or vouched for; before that, when it was met */
    bool heard;   /* since this node started */
    uint32_t num_links;
    /* of its record; zero of a stranger */
    uint8_t key_hash[WEIR_MEMBER_KEY_HASH_LEN];
    uint32_t roles;
    uint8_t zone_len;
    uint8_t zone[WEIR_MEMBER_ZONE_MAX];
    /* of its last heartbeat; zero before */
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint64_t n;
    uint32_t load;
    uint32_t state;
    uint16_t schema_max; /* before the first: of its record */
};

/** What a heartbeat reports of its sender; pointers borrow for the call. */
struct weir_members_heartbeat {
    const uint8_t *node;        /* WEIR_NODE_ID_LEN bytes */
    const uint8_t *incarnation; /* WEIR_INCARNATION_LEN bytes */
    uint64_t n;                 /* counts up, also over a restart: begin it with Unix ms */
    uint32_t load;
    uint32_t state;
    uint16_t schema_max;
};

/** The last heartbeat of `node` that the sender heard, and how long ago. */
struct weir_members_echo {
    uint8_t node[WEIR_NODE_ID_LEN];
    uint64_t n;
    uint64_t held_us;
};

/** What the caller should do with the node that was heard. */
enum weir_members_admission {
    WEIR_MEMBERS_FINE,
    WEIR_MEMBERS_DUPLICATE, /* R13: its id lives twice. Refuse the younger, alarm */
    WEIR_MEMBERS_MYSELF,    /* R13: it has this node's id, and is not this node. Refuse it, alarm */
    WEIR_MEMBERS_BARRED,    /* it is evicted: refuse it */
    WEIR_MEMBERS_FULL,      /* a stranger over the limit, or no memory: as if never heard */
};

struct weir_members;

/** @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_members_new(const struct weir_members_config *cfg,
                                             struct weir_members **ret);
/** Sets *m NULL. */
void weir_members_free(struct weir_members **m);

/* -- inputs -- */

/** Time, before the other inputs. @param mono_us  never goes back (contract)  @param wall_ms  may
 * jump; at most WEIR_HLC_MS_MAX */
void weir_members_tick(struct weir_members *m, uint64_t mono_us, uint64_t wall_ms);
/** This node has begun another life of its database (R13: what has its id and not this is another).
 */
void weir_members_reborn(struct weir_members *m, const uint8_t incarnation[WEIR_INCARNATION_LEN]);
/**
 * A MEMBER record was added or has changed. A member that was never heard is SUSPECT.
 * @return WEIR_OK | WEIR_EPROTO (no member: what was known of it stays) | WEIR_ELIMIT
 * (WEIR_MEMBERS_MAX) | WEIR_ENOMEM: unchanged on all
 */
WEIR_MUST_USE enum weir_err weir_members_put(struct weir_members *m, struct weir_span key,
                                             struct weir_span value);
/** The record was deleted. A node with a link stays as a stranger. Absent: nothing happens. */
void weir_members_remove(struct weir_members *m, struct weir_span key);

/**
 * A heartbeat came from the node itself. Rule R13: a restart is distinguished from two lives of one
 * node id by whether the older incarnation is heard again more than two fifths of
 * WEIR_MEMBERS_SUSPECT_US after the younger was first heard. So a clone is found with the first
 * heartbeat after that, within 3 s, and no restart is ever taken for a clone.
 * @param ret_younger  written with WEIR_MEMBERS_DUPLICATE: the incarnation to refuse, the one
 * that was first heard later; it may be the sender's or not
 */
WEIR_MUST_USE enum weir_members_admission
weir_members_heard(struct weir_members *m, const struct weir_members_heartbeat *heartbeat,
                   uint8_t ret_younger[WEIR_INCARNATION_LEN]);
/**
 * The handshake of a link to the node is done: counts as hearing it.
 * @param ret_younger  as above
 */
WEIR_MUST_USE enum weir_members_admission
weir_members_link_up(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN],
                     const uint8_t incarnation[WEIR_INCARNATION_LEN],
                     uint8_t ret_younger[WEIR_INCARNATION_LEN]);
/** A link whose handshake was done is down. That alone makes no node suspect: silence does. */
void weir_members_link_down(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN]);
/**
 * `from` reported when it last heard another node. Up to WEIR_OVERLAY_MESH members, the reports
 * of two members within WEIR_MEMBERS_SUSPECT_US (or of the only other one) keep a node from being
 * suspected; above, a larger n counts as hearing the node. A report about this node, or of a node
 * that is no member, is dropped.
 */
void weir_members_vouched(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                          const struct weir_members_echo *echo);

/** This node sent its heartbeat number n. The last 64 are remembered. */
void weir_members_sent(struct weir_members *m, uint64_t n);
/**
 * A heartbeat of `from` echoes one of this node: measures the offset of the clocks, by half a
 * round trip. An echo that does not fit is dropped.
 * @param wall_ms  of that heartbeat
 */
void weir_members_echoed(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                         const struct weir_members_echo *echo, uint64_t wall_ms);

/* -- outputs -- */

/**
 * What to report about others in the next heartbeat: nodes with a newer heartbeat since they were
 * last reported, in turn. Above WEIR_OVERLAY_MESH members `max` must be at least the number of
 * members, or the time between two reports would pass for a silence of the node.
 * @return how many were written, 0..max
 */
size_t weir_members_digest(struct weir_members *m, struct weir_members_echo *out, size_t max);

/** All nodes, strangers too, ascending by id; 0..weir_members_num-1. Borrowed until an input. */
const struct weir_members_item *weir_members_at(const struct weir_members *m, size_t i);
size_t weir_members_num(const struct weir_members *m);
/** @return NULL: it has no record and was never heard. Borrowed until an input. */
const struct weir_members_item *weir_members_find(const struct weir_members *m,
                                                  const uint8_t node[WEIR_NODE_ID_LEN]);
/** The number of nodes in one life; this node is counted when its record is here. */
size_t weir_members_count(const struct weir_members *m, enum weir_members_life life);
/** Members that neither left nor were evicted, whatever their life. */
size_t weir_members_joined(const struct weir_members *m);
/**
 * The factor by which intervals are stretched: 1; or 2, 4, 8 while more than half, more than
 * three quarters, all of two or more nodes that were alive are silent. Then it is this node that
 * does not hear.
 */
unsigned weir_members_factor(const struct weir_members *m);
/** Mono us of the next tick. */
uint64_t weir_members_deadline(const struct weir_members *m);

/**
 * The median of this node's clock minus those of members that seem alive: positive when it is
 * ahead. Of an even number, the middle one nearer to zero; zero when they are on both sides of
 * it.
 * @return false: none was measured, *ret_ms is untouched
 */
bool weir_members_clock_offset(const struct weir_members *m, int64_t *ret_ms);
/**
 * Is the clock off by more than WEIR_CLOCK_OFF_MS? That takes two measured members, or the only
 * one that seems alive: then it is not known whose clock is off, and neither of the two may
 * write.
 */
bool weir_members_clock_off(const struct weir_members *m);
/**
 * The schema level of the cluster: the least schema_max of all joined members that are not LOST.
 * @return false: it is not known of one of them; keep what was agreed before
 */
bool weir_members_level(const struct weir_members *m, uint16_t *ret_schema);

#endif
