/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rules.c - names of rules. Part of the simulator's engine only.
 */
#include "sync/engine/engine_rules.h"

#include "node/base/contract.h"

static const struct {
    const char *name;
    const char *text;
} rules[] = {
    [WEIR_RULE_DURABLE_FIRST] = { "ackbefore", "R1: publish and acknowledge only what is durable" },
    [WEIR_RULE_NO_GAPS] = { "gapadvance", "R2: a live batch is applied in turn" },
    [WEIR_RULE_DOT_GATE] = { "nodotgate", "R3: what the vector covers is not applied again" },
    [WEIR_RULE_LARGER_WINS] = { "lastwins", "R3: the larger version stays" },
    [WEIR_RULE_VV_AT_END] = { "earlyvv", "R4: only a complete session raises the vector" },
    [WEIR_RULE_CURSOR_CAP] = { "nocap",
                               "R4: a source states its vector at most; no cursor passes it" },
    [WEIR_RULE_INCARNATION] = { "cursorshare", "R5: a session ends with its source's life" },
    [WEIR_RULE_STALE_SELF] = { "nofloor", "R6: a node that is beyond a peer's purges resets" },
    [WEIR_RULE_STALE_PEER] = { "onewayfloor",
                               "R6: nothing is accepted from a peer that is beyond ours" },
    [WEIR_RULE_FLOOR_MERGE] = { "nofloormerge", "R4: floors are joined with the vector" },
    [WEIR_RULE_LIVE_ONLY] = { "writeunboot", "R7: a node that has not all of it only pulls" },
    [WEIR_RULE_FLOOR_FROZEN] = { "bootmove", "R8: a purge at the source restarts a bootstrap" },
    [WEIR_RULE_PURGE_FLOOR] = { "nopurgefloor", "R9: a purge leaves its dot in the floor" },
    [WEIR_RULE_NEW_LANE] = { "lanereuse", "R10: a lane goes on only if all peers confirm it" },
    [WEIR_RULE_HLC_BUMP] = { "nohlcbump", "a write is stamped above what it replaces" },
    [WEIR_RULE_HLC_FLOOR] = { "nohlcfloor", "an absent key is stamped above what was purged" },
    [WEIR_RULE_CRC] = { "nocrc", "R11: a damaged record is dropped and fetched again" },
    [WEIR_RULE_AUDIT] = { "noaudit", "R12: equal vectors with different sums start a comparison" },
    [WEIR_RULE_CONFLICTS] = { "noconflicts", "losers that the winner had not seen are listed" },
    [WEIR_RULE_TTL] = { "nottl", "an expired ban is gone" },
    [WEIR_RULE_CLOCK_ALONE] = { "clockfollow", "a peer's stamps never move this node's clock" },
    [WEIR_RULE_EXTRA] = { "dropextra", "fields of a later version are passed on" },
    [WEIR_RULE_FLOOR_WITNESS] = { "onefloor", "R15: one peer's floor alone makes no node reset" },
    [WEIR_RULE_VECTOR_WITNESS] = { "oneword",
                                   "R15: one peer's vector alone covers no other's writes" },
    [WEIR_RULE_LANE_LIMIT] = { "lanelies", "R15: claims make no node draw lane after lane" },
};
_Static_assert(WEIR_ARRAY_LEN(rules) == WEIR_RULE_COUNT, "each rule has a name");

const char *weir_engine_rule_name(enum weir_engine_rule rule)
{
    WEIR_ASSERT((unsigned)rule < WEIR_RULE_COUNT);
    return rules[rule].name;
}

const char *weir_engine_rule_text(enum weir_engine_rule rule)
{
    WEIR_ASSERT((unsigned)rule < WEIR_RULE_COUNT);
    return rules[rule].text;
}
