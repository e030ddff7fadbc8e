/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rules.c - names of rules and counters.
 */
#include "sync/engine/engine_rules.h"

#include "node/base/contract.h"

static const struct {
    const char *name;
    const char *text;
} rules[] = {
    [WEIR_RULE_DURABLE_FIRST] = { "ackbefore", "R1: publish and acknowledge only what is durable" },
    [WEIR_RULE_NO_GAPS] = { "gapadvance", "R2: a live batch is taken in turn" },
    [WEIR_RULE_DOT_GATE] = { "nodotgate", "R3: what the vector covers is not applied again" },
    [WEIR_RULE_LARGER_WINS] = { "lastwins", "R3: the larger version stays" },
    [WEIR_RULE_VV_AT_END] = { "earlyvv", "R4: only a complete session raises the vector" },
    [WEIR_RULE_CURSOR_CAP] = { "nocap",
                               "R4: a source tells, and a cursor passes, no more than its vector" },
    [WEIR_RULE_INCARNATION] = { "cursorshare", "R5: a session ends with its source's life" },
    [WEIR_RULE_STALE_SELF] = { "nofloor", "R6: who is beyond a peer's purges resets" },
    [WEIR_RULE_STALE_PEER] = { "onewayfloor", "R6: nothing is taken from who is beyond ours" },
    [WEIR_RULE_FLOOR_MERGE] = { "nofloormerge", "R4: floors are joined with the vector" },
    [WEIR_RULE_LIVE_ONLY] = { "writeunboot", "R7: a node that has not all of it only pulls" },
    [WEIR_RULE_FLOOR_FROZEN] = { "bootmove", "R8: a purge at the source restarts a bootstrap" },
    [WEIR_RULE_PURGE_FLOOR] = { "nopurgefloor", "R9: a purge leaves its dot in the floor" },
    [WEIR_RULE_NEW_LANE] = { "lanereuse", "R10: a lane goes on only if all peers confirm it" },
    [WEIR_RULE_HLC_BUMP] = { "nohlcbump", "a write is stamped above what it replaces" },
    [WEIR_RULE_HLC_FLOOR] = { "nohlcfloor", "an absent key is stamped above what was purged" },
    [WEIR_RULE_CRC] = { "nocrc", "R11: a damaged record is dropped and fetched again" },
    [WEIR_RULE_AUDIT] = { "noaudit", "R12: equal vectors with different sums are looked into" },
    [WEIR_RULE_CONFLICTS] = { "noconflicts", "losers that the winner had not seen are kept" },
    [WEIR_RULE_TTL] = { "nottl", "an expired ban is gone" },
    [WEIR_RULE_CLOCK_ALONE] = { "clockfollow", "a peer's stamps never move this node's clock" },
    [WEIR_RULE_EXTRA] = { "dropextra", "fields of a later version are passed on" },
};
_Static_assert(WEIR_ARRAY_LEN(rules) == WEIR_RULE_COUNT, "each rule has a name");

static const char *const counts[] = {
    [WEIR_COUNT_FRAMES] = "frames",
    [WEIR_COUNT_FRAMES_BAD] = "frames_bad",
    [WEIR_COUNT_FRAMES_STRANGE] = "frames_strange",
    [WEIR_COUNT_WRITES] = "writes",
    [WEIR_COUNT_WRITES_REFUSED] = "writes_refused",
    [WEIR_COUNT_APPLIED] = "applied",
    [WEIR_COUNT_OLDER] = "older",
    [WEIR_COUNT_COVERED] = "covered",
    [WEIR_COUNT_PARKED] = "parked",
    [WEIR_COUNT_WAITING_DROPPED] = "waiting_dropped",
    [WEIR_COUNT_PULLS] = "pulls",
    [WEIR_COUNT_PULLS_DONE] = "pulls_done",
    [WEIR_COUNT_PULLS_RESTARTED] = "pulls_restarted",
    [WEIR_COUNT_PULLS_LOST] = "pulls_lost",
    [WEIR_COUNT_SERVED] = "served",
    [WEIR_COUNT_BUSY] = "busy",
    [WEIR_COUNT_STALE_REFUSED] = "stale_refused",
    [WEIR_COUNT_RESETS] = "resets",
    [WEIR_COUNT_CONFLICTS] = "conflicts",
    [WEIR_COUNT_PURGED] = "purged",
    [WEIR_COUNT_EXPIRED] = "expired",
    [WEIR_COUNT_LANES] = "lanes",
    [WEIR_COUNT_LANES_FULL] = "lanes_full",
    [WEIR_COUNT_CORRUPT] = "corrupt",
    [WEIR_COUNT_REPAIRED] = "repaired",
    [WEIR_COUNT_AUDITS] = "audits",
    [WEIR_COUNT_AUDITS_BAD] = "audits_bad",
    [WEIR_COUNT_OUT_DROPPED] = "out_dropped",
    [WEIR_COUNT_DISK_FAILED] = "disk_failed",
    [WEIR_COUNT_MEMBERS_BAD] = "members_bad",
};
_Static_assert(WEIR_ARRAY_LEN(counts) == WEIR_COUNT_COUNT, "each counter has a name");

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

const char *weir_engine_count_name(enum weir_engine_count counter)
{
    WEIR_ASSERT((unsigned)counter < WEIR_COUNT_COUNT);
    return counts[counter];
}
