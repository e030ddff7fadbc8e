/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_counts.h - what the engine counts: a number and a name for each.
 * Owner: none, constants.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_COUNTS_H
#define WEIR_SYNC_ENGINE_ENGINE_COUNTS_H

/** What happened, since the engine was made. */
enum weir_engine_count {
    WEIR_COUNT_FRAMES,         /* received */
    WEIR_COUNT_FRAMES_BAD,     /* refused by weir_frame_decode */
    WEIR_COUNT_FRAMES_STRANGE, /* well-formed, but not from this peer or not now */
    WEIR_COUNT_WRITES,
    WEIR_COUNT_WRITES_REFUSED,
    WEIR_COUNT_APPLIED, /* records accepted from peers */
    WEIR_COUNT_OLDER,   /* records that lost to what was here */
    WEIR_COUNT_COVERED, /* records that the vector covered */
    WEIR_COUNT_PARKED,
    WEIR_COUNT_WAITING_DROPPED, /* no room: pulled instead */
    WEIR_COUNT_PULLS,           /* sessions begun */
    WEIR_COUNT_PULLS_DONE,
    WEIR_COUNT_PULLS_RESTARTED, /* R5, R8 */
    WEIR_COUNT_PULLS_LOST,      /* no response, or the link went down */
    WEIR_COUNT_SERVED,
    WEIR_COUNT_BUSY,          /* requests refused: too many at once */
    WEIR_COUNT_STALE_REFUSED, /* R6: nothing accepted from a peer */
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
    WEIR_COUNT_MEMBERS_BAD,  /* a MEMBER record that cannot be read, or one too many */
    WEIR_COUNT_FALSE_CLAIMS, /* R15: a peer was cut off */
    WEIR_COUNT_COUNT,
};

/** For a label, for example "frames_bad". Static. */
const char *weir_engine_count_name(enum weir_engine_count counter);

#endif
