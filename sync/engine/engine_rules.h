/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rules.h - the rules that tests may switch off, to prove that they would notice; and what
 * the engine counts. A node never sets one: its config says 0.
 * Owner: none, constants.   Limits: 32 rules.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_RULES_H
#define WEIR_SYNC_ENGINE_ENGINE_RULES_H

#include <stddef.h>
#include <stdint.h>

/** Each a bit of weir_engine_config.without. */
enum weir_engine_rule {
    WEIR_RULE_DURABLE_FIRST, /* R1: publish and acknowledge only what is committed */
    WEIR_RULE_NO_GAPS,       /* R2: a live batch raises the vector only in turn */
    WEIR_RULE_DOT_GATE,      /* R3: what the vector covers is not applied again */
    WEIR_RULE_LARGER_WINS,   /* R3: the larger version stays */
    WEIR_RULE_VV_AT_END,     /* R4: only a complete session raises the vector */
    WEIR_RULE_CURSOR_CAP,    /* R4: a source tells, and a cursor passes, only its vector */
    WEIR_RULE_INCARNATION,   /* R5: a session ends with its source's incarnation */
    WEIR_RULE_STALE_SELF,    /* R6: who is beyond a peer's floor resets */
    WEIR_RULE_STALE_PEER,    /* R6: nothing is taken from who is beyond this node's floor */
    WEIR_RULE_FLOOR_MERGE,   /* R4, R6: floors are joined with the vector */
    WEIR_RULE_LIVE_ONLY,     /* R7: before the bootstrap is complete a node only pulls */
    WEIR_RULE_FLOOR_FROZEN,  /* R8: a bootstrap starts over when its source purges */
    WEIR_RULE_PURGE_FLOOR,   /* R9: a purge raises floor and hlc_floor */
    WEIR_RULE_NEW_LANE,      /* R10: an unconfirmed lane is not written on */
    WEIR_RULE_HLC_BUMP,      /* a write is stamped above what it replaces */
    WEIR_RULE_HLC_FLOOR,     /* a write to an absent key is stamped above hlc_floor */
    WEIR_RULE_CRC,           /* R11: a record with a wrong checksum is dropped and fetched */
    WEIR_RULE_AUDIT,         /* R12: equal vectors with different sums are looked into */
    WEIR_RULE_CONFLICTS,     /* losers that the winner had not seen are kept */
    WEIR_RULE_TTL,           /* an expired ban is not shown or taken */
    WEIR_RULE_CLOCK_ALONE,   /* I9: a peer's stamps never move this node's clock */
    WEIR_RULE_EXTRA,         /* fields of a later version are passed on */
    WEIR_RULE_COUNT,
};
_Static_assert(WEIR_RULE_COUNT <= 32, "a rule is a bit of 32");

/** What happened, since the engine was made. */
enum weir_engine_count {
    WEIR_COUNT_FRAMES,         /* came */
    WEIR_COUNT_FRAMES_BAD,     /* refused by weir_frame_decode */
    WEIR_COUNT_FRAMES_STRANGE, /* well-formed, but not from this peer or not now */
    WEIR_COUNT_WRITES,
    WEIR_COUNT_WRITES_REFUSED,
    WEIR_COUNT_APPLIED, /* records taken from peers */
    WEIR_COUNT_OLDER,   /* records that lost to what was here */
    WEIR_COUNT_COVERED, /* records that the vector covered */
    WEIR_COUNT_PARKED,
    WEIR_COUNT_WAITING_DROPPED, /* no room: pulled instead */
    WEIR_COUNT_PULLS,           /* sessions begun */
    WEIR_COUNT_PULLS_DONE,
    WEIR_COUNT_PULLS_RESTARTED, /* R5, R8 */
    WEIR_COUNT_PULLS_LOST,      /* no response, or the link went */
    WEIR_COUNT_SERVED,
    WEIR_COUNT_BUSY,          /* asked too much */
    WEIR_COUNT_STALE_REFUSED, /* R6: taken nothing from a peer */
    WEIR_COUNT_RESETS,
    WEIR_COUNT_CONFLICTS,
    WEIR_COUNT_PURGED,
    WEIR_COUNT_EXPIRED,
    WEIR_COUNT_LANES,      /* drawn */
    WEIR_COUNT_LANES_FULL, /* a peer's lane was refused: WEIR_LANES_MAX */
    WEIR_COUNT_CORRUPT,    /* R11 */
    WEIR_COUNT_REPAIRED,   /* R11, R12: fetched by key */
    WEIR_COUNT_AUDITS,
    WEIR_COUNT_AUDITS_BAD,
    WEIR_COUNT_OUT_DROPPED, /* over WEIR_ENGINE_OUT_MAX */
    WEIR_COUNT_DISK_FAILED,
    WEIR_COUNT_MEMBERS_BAD, /* a MEMBER record that says nothing, or one too many */
    WEIR_COUNT_COUNT,
};

/** For a command line, for example "nogaps". Static. */
const char *weir_engine_rule_name(enum weir_engine_rule rule);
/** The rule in a few words. Static. */
const char *weir_engine_rule_text(enum weir_engine_rule rule);
/** For a label, for example "frames_bad". Static. */
const char *weir_engine_count_name(enum weir_engine_count counter);

#endif
