/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_counts.c - names of counters.
 */
#include "sync/engine/engine_counts.h"

#include "node/base/contract.h"

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
    [WEIR_COUNT_FALSE_CLAIMS] = "false_claims",
};
_Static_assert(WEIR_ARRAY_LEN(counts) == WEIR_COUNT_COUNT, "each counter has a name");

const char *weir_engine_count_name(enum weir_engine_count counter)
{
    WEIR_ASSERT((unsigned)counter < WEIR_COUNT_COUNT);
    return counts[counter];
}
