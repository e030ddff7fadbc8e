/* SPDX-License-Identifier: Apache-2.0
 *
 * members.h - who is in the cluster, who seems alive, and whether this node's clock is off. Records
 * and heartbeats in, opinions out. Nothing that must be right depends on them: they choose who is
 * asked first, who orders a certificate, what `status` shows and which links are made.
 * Owner: one thread.   Limits: WEIR_MEMBERS_MAX members of about 400 bytes; memory grows by
 * doubling, when a node is met for the first time.
 */
#ifndef WEIR_SYNC_MEMBERS_MEMBERS_H
#define WEIR_SYNC_MEMBERS_MEMBERS_H

#include "sync/frame/member.h"
#include "sync/members/overlay.h"
#include "sync/version/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_MEMBERS_MAX     4096
#define WEIR_STRANGERS_MAX   1024     /* nodes that are heard or linked and have no record here */
#define WEIR_MEMBERS_SCAN_US 250000   /* a silence is noticed at most this late */
#define WEIR_CLOCK_OFF_MS    2000     /* a median offset beyond it: the clock is off */
#define WEIR_CLOCK_RTT_US    2000000  /* a slower round trip tells nothing about clocks */
#define WEIR_CLOCK_KEPT_US   60000000 /* a measured offset counts this long */

/** How a node seems. From ALIVE to LOST each is worse, and only news of the node make it better. */
enum weir_members_life {
    WEIR_MEMBERS_STRANGER, /* heard or linked; no record of it is here, or not yet */
    WEIR_MEMBERS_ALIVE,
    WEIR_MEMBERS_SUSPECT, /* silent for a while, or never heard since this node started */
    WEIR_MEMBERS_DOWN,
    WEIR_MEMBERS_LOST, /* for a day: nobody need be told again */
    WEIR_MEMBERS_LEFT,
    WEIR_MEMBERS_EVICTED,
    WEIR_MEMBERS_NUM_LIVES,
};

#define WEIR_MEMBERS_SUSPECT_US UINT64_C(5000000)     /* 5 s */
#define WEIR_MEMBERS_DOWN_US    UINT64_C(15000000)    /* 15 s */
#define WEIR_MEMBERS_LOST_US    UINT64_C(86400000000) /* 24 h */

/** Zero takes the default. Each at least 10 ms and less than the next (contract). */
struct weir_members_intervals {
    uint64_t suspect_us; /* WEIR_MEMBERS_SUSPECT_US */
    uint64_t down_us;    /* WEIR_MEMBERS_DOWN_US */
    uint64_t lost_us;    /* WEIR_MEMBERS_LOST_US */
};

struct weir_members_config {
    uint8_t node[WEIR_NODE_ID_LEN]; /* this one */
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint16_t schema_max;
    uint64_t mono_us;
    uint64_t wall_ms;
    struct weir_members_intervals intervals;
};

/** One node. */
struct weir_members_item {
    uint8_t node[WEIR_NODE_ID_LEN];
    enum weir_members_life life;
    uint64_t heard_us; /* mono: last heard or vouched for; or when it was met, before that */
    bool heard;        /* since this node started */
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

/** What a heartbeat says of its sender; pointers borrow for the call. */
struct weir_members_heartbeat {
    const uint8_t *node;        /* WEIR_NODE_ID_LEN bytes */
    const uint8_t *incarnation; /* WEIR_INCARNATION_LEN bytes */
    uint64_t n;                 /* counts up, also over a restart: begin it with Unix ms */
    uint32_t load;
    uint32_t state;
    uint16_t schema_max;
};

/** A word about a heartbeat: the last one heard of `node`, and how long ago. */
struct weir_members_echo {
    uint8_t node[WEIR_NODE_ID_LEN];
    uint64_t n;
    uint64_t held_us;
};

/** What the caller should do with who was heard. */
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
/**
 * A MEMBER record is here, or has changed. A member not yet heard is SUSPECT.
 * @return WEIR_OK | WEIR_EPROTO (no member: what was known of it stays) | WEIR_ELIMIT
 * (WEIR_MEMBERS_MAX) | WEIR_ENOMEM: unchanged on all
 */
WEIR_MUST_USE enum weir_err weir_members_put(struct weir_members *m, struct weir_span key,
                                             struct weir_span value);
/** The record is deleted. What is linked stays as a stranger. Absent: nothing happens. */
void weir_members_remove(struct weir_members *m, struct weir_span key);

/**
 * A heartbeat came from the node itself.
 *
 * Rule R13: two incarnations of one node are told from a restart by hearing the older one go on,
 * two fifths of suspect_us after the younger was first heard. So a clone is found with the first
 * heartbeat after that, 3 s at the default paces, and no restart is ever taken for one.
 *
 * @param ret_younger  written with WEIR_MEMBERS_DUPLICATE: the incarnation to refuse, heard first
 * later than the other; it may be the sender's or not
 */
WEIR_MUST_USE enum weir_members_admission
weir_members_heard(struct weir_members *m, const struct weir_members_heartbeat *heartbeat,
                   uint8_t ret_younger[WEIR_INCARNATION_LEN]);
/** A link to the node greeted: counts as hearing it. @param ret_younger  as above */
WEIR_MUST_USE enum weir_members_admission
weir_members_link_up(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN],
                     const uint8_t incarnation[WEIR_INCARNATION_LEN],
                     uint8_t ret_younger[WEIR_INCARNATION_LEN]);
/** Once for each link that greeted. It makes nobody suspect: silence does. */
void weir_members_link_down(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN]);
/**
 * `from` said when it last heard of another node. Up to WEIR_OVERLAY_MESH members two such words of
 * two members within suspect_us (or the word of the only one that there is to ask) keep a node from
 * being suspected; above, a larger n counts as hearing the node. What names this node, or comes
 * from no member, is dropped.
 */
void weir_members_heard_about(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                              const struct weir_members_echo *echo);

/** This node sent its heartbeat number n. The last 64 are remembered. */
void weir_members_sent(struct weir_members *m, uint64_t n);
/** A heartbeat of `from` echoes one of this node: measures the offset of the clocks, by half a
 * round trip. @param wall_ms  of that heartbeat. What does not fit is dropped. */
void weir_members_echoed(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                         const struct weir_members_echo *echo, uint64_t wall_ms);

/* -- outputs -- */

/**
 * What to say about others in the next heartbeat: nodes of which there is news since they were last
 * given out, in turn. Above WEIR_OVERLAY_MESH members `max` must not be less than there are
 * members, or the silence between two words of one node passes for its own.
 * @return how many were written, 0..max
 */
size_t weir_members_digest(struct weir_members *m, struct weir_members_echo *out, size_t max);

/** All nodes, strangers too, ascending by id; 0..weir_members_num-1. Borrowed until an input. */
const struct weir_members_item *weir_members_at(const struct weir_members *m, size_t i);
size_t weir_members_num(const struct weir_members *m);
/** NULL: neither a record, nor heard. Borrowed until an input. */
const struct weir_members_item *weir_members_find(const struct weir_members *m,
                                                  const uint8_t node[WEIR_NODE_ID_LEN]);
/** How many there are of one kind; this node is one of them when its record is here. */
size_t weir_members_count(const struct weir_members *m, enum weir_members_life life);
/** Members that neither left nor were evicted, whatever their life. */
size_t weir_members_joined(const struct weir_members *m);
/** Changes with the members, their zones and their lives: then links may have to change. */
uint64_t weir_members_epoch(const struct weir_members *m);
/** By how much times are stretched: 1, or 2, 4, 8 while more than half, more than three quarters,
 * all of two or more nodes that were alive are not heard. Then it is this node that does not hear.
 */
unsigned weir_members_factor(const struct weir_members *m);
/** Mono us at which a tick is due. */
uint64_t weir_members_deadline(const struct weir_members *m);

/**
 * The median of this node's clock against those of members that seem alive: positive when it is
 * ahead. Of an even number the middle one nearer to zero, zero when they lie on both sides of it.
 * @return false: none was measured, *ret_ms is untouched
 */
bool weir_members_clock_offset(const struct weir_members *m, int64_t *ret_ms);
/**
 * Is the clock off by more than WEIR_CLOCK_OFF_MS? Only on the word of two members, or of the only
 * one that seems alive: then nobody can tell whose clock it is, and neither of the two shall write.
 */
bool weir_members_clock_off(const struct weir_members *m);
/**
 * The level of the cluster: the least schema_max of all joined members that are not LOST.
 * @return false: of one of them it is not known; keep to what was agreed before
 */
bool weir_members_level(const struct weir_members *m, uint16_t *ret_schema);
/** "alive" and so on. Never NULL. */
const char *weir_members_life_name(enum weir_members_life life);

#endif
