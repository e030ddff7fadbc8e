/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rules.h - the rules that the simulator may leave out, to prove that it would notice. Only
 * the engine of the simulator and of tests has that switch: there WEIR_ENGINE_RULES is defined. In
 * the engine of a node each rule is in force by a constant, and nothing of engine_rules.c is
 * linked. Owner: none, constants.   Limits: 32 rules.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_RULES_H
#define WEIR_SYNC_ENGINE_ENGINE_RULES_H

#include <stddef.h>
#include <stdint.h>

/** Each a bit of weir_engine_config.without, which is there with WEIR_ENGINE_RULES only. */
enum weir_engine_rule {
    WEIR_RULE_DURABLE_FIRST,  /* R1: publish and acknowledge only what is committed */
    WEIR_RULE_NO_GAPS,        /* R2: a live batch raises the vector only in turn */
    WEIR_RULE_DOT_GATE,       /* R3: what the vector covers is not applied again */
    WEIR_RULE_LARGER_WINS,    /* R3: the larger version stays */
    WEIR_RULE_VV_AT_END,      /* R4: only a complete session raises the vector */
    WEIR_RULE_CURSOR_CAP,     /* R4: a source states its vector at most; no cursor passes it */
    WEIR_RULE_INCARNATION,    /* R5: a session ends with its source's incarnation */
    WEIR_RULE_STALE_SELF,     /* R6: a node that is beyond a peer's floor resets */
    WEIR_RULE_STALE_PEER,     /* R6: nothing is accepted from a peer beyond this node's floor */
    WEIR_RULE_FLOOR_MERGE,    /* R4, R6: floors are joined with the vector */
    WEIR_RULE_LIVE_ONLY,      /* R7: before the bootstrap is complete a node only pulls */
    WEIR_RULE_FLOOR_FROZEN,   /* R8: a bootstrap starts over when its source purges */
    WEIR_RULE_PURGE_FLOOR,    /* R9: a purge raises floor and hlc_floor */
    WEIR_RULE_NEW_LANE,       /* R10: an unconfirmed lane is not written on */
    WEIR_RULE_HLC_BUMP,       /* a write is stamped above what it replaces */
    WEIR_RULE_HLC_FLOOR,      /* a write to an absent key is stamped above hlc_floor */
    WEIR_RULE_CRC,            /* R11: a record with a wrong checksum is dropped and fetched */
    WEIR_RULE_AUDIT,          /* R12: equal vectors with different sums start a comparison */
    WEIR_RULE_CONFLICTS,      /* losers that the winner had not seen are listed as conflicts */
    WEIR_RULE_TTL,            /* an expired ban is neither shown nor accepted */
    WEIR_RULE_CLOCK_ALONE,    /* I9: a peer's stamps never move this node's clock */
    WEIR_RULE_EXTRA,          /* fields of a later version are passed on */
    WEIR_RULE_FLOOR_WITNESS,  /* R15: one peer's floor alone makes no node reset */
    WEIR_RULE_VECTOR_WITNESS, /* R15: one peer's vector alone covers no other node's writes */
    WEIR_RULE_LANE_LIMIT,     /* R15: claims make no node draw lane after lane */
    WEIR_RULE_COUNT,
};
_Static_assert(WEIR_RULE_COUNT <= 32, "a rule is a bit of 32");

#ifdef WEIR_ENGINE_RULES
/** For a command line, for example "gapadvance": what the engine is without the rule. Static. */
const char *weir_engine_rule_name(enum weir_engine_rule rule);
/** The rule in a few words. Static. */
const char *weir_engine_rule_text(enum weir_engine_rule rule);
#endif

#endif
