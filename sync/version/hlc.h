/* SPDX-License-Identifier: Apache-2.0
 *
 * hlc.h - hybrid logical clock stamps: 48 bits of Unix milliseconds, 16 bits that count within one.
 * Header only, pure: the wall clock comes in as an argument. Remote stamps never move the clock of
 * this node; they only push the stamp of the one record that is written over them.
 * Ref: sync/REPLICATION.md, "Versions".
 */
#ifndef WEIR_SYNC_VERSION_HLC_H
#define WEIR_SYNC_VERSION_HLC_H

#include <stdint.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/base/err.h"

#define WEIR_HLC_MS_MAX ((UINT64_C(1) << 48) - 1)
/* The largest stamp: the end of the year 9999. No node accepts a later one. */
#define WEIR_HLC_MAX ((UINT64_C(253402300800000) << 16) - 1)

/** The first stamp of a millisecond; later times than 48 bits hold give the last millisecond. */
static inline uint64_t weir_hlc_of_ms(uint64_t unix_ms)
{
    return (unix_ms > WEIR_HLC_MS_MAX ? WEIR_HLC_MS_MAX : unix_ms) << 16;
}

static inline uint64_t weir_hlc_ms(uint64_t hlc)
{
    return hlc >> 16;
}

/**
 * The stamp of a new write: the wall clock, but always above what it follows.
 *
 * @param above  stamp of the record that is replaced, or hlc_floor for an absent key
 * @return WEIR_OK | WEIR_ELIMIT: it would be beyond WEIR_HLC_MAX, by the clock or by `above`
 */
WEIR_MUST_USE static inline enum weir_err weir_hlc_next(uint64_t wall_ms, uint64_t above,
                                                        uint64_t *ret_hlc)
{
    uint64_t wall = weir_hlc_of_ms(wall_ms);

    if (wall > WEIR_HLC_MAX || above >= WEIR_HLC_MAX)
        return WEIR_ELIMIT;
    *ret_hlc = wall > above ? wall : above + 1;
    return WEIR_OK;
}

/** Total order of versions: the stamp, then the lane's bytes. @return as memcmp */
static inline int weir_hlc_cmp(uint64_t a, const uint8_t a_lane[16], uint64_t b,
                               const uint8_t b_lane[16])
{
    if (a != b)
        return a < b ? -1 : 1;
    return memcmp(a_lane, b_lane, 16);
}

#endif
