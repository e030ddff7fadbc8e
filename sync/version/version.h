/* SPDX-License-Identifier: Apache-2.0
 *
 * version.h - the small types that every part of sync shares: classes and groups of records, lanes,
 * versions, and a record as a reader sees it. Types only.
 * Ref: proto/weir/v1/record.proto; sync/REPLICATION.md, "Versions".
 */
#ifndef WEIR_SYNC_VERSION_VERSION_H
#define WEIR_SYNC_VERSION_VERSION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "node/base/span.h"

#define WEIR_NODE_ID_LEN     8
#define WEIR_LANE_LEN        16 /* of a lane: node id 8, group 1 ('C' or 'E'), random 7 */
#define WEIR_LANE_TAIL_LEN   8  /* the last bytes of a lane, which name it in a context */
#define WEIR_INCARNATION_LEN 16 /* random name of one life of a database */

/** Record classes, as proto/weir/v1/record.proto. */
enum weir_class {
    WEIR_CLASS_SETTING = 1,
    WEIR_CLASS_TENANT = 2,
    WEIR_CLASS_CERT = 3,
    WEIR_CLASS_KEYRING = 4,
    WEIR_CLASS_MEMBER = 5,
    WEIR_CLASS_JOINTOKEN = 6,
    WEIR_CLASS_LIST = 7,
    WEIR_CLASS_ACME = 8,
    WEIR_CLASS_LANE = 9,
    WEIR_CLASS_BAN = 16,
};

/** Groups of classes, each with a database, lanes and a version vector of its own. */
enum weir_group {
    WEIR_GROUP_C = 0, /* settings: durable when commit returns */
    WEIR_GROUP_E = 1, /* bans: durable some seconds later */
    WEIR_GROUP_COUNT,
};

struct weir_version {
    uint64_t hlc;                /* 48 bits of Unix ms, 16 bits logical */
    uint8_t lane[WEIR_LANE_LEN]; /* with seq: the dot */
    uint64_t seq;
};

/** The same write: equal dots and stamps. */
static inline bool weir_version_eq(const struct weir_version *a, const struct weir_version *b)
{
    return a->hlc == b->hlc && a->seq == b->seq && memcmp(a->lane, b->lane, sizeof(a->lane)) == 0;
}

/** A record as found. The spans borrow from where it was found, for as long as that function
 * promises.
 */
struct weir_record {
    enum weir_class class;
    struct weir_span key;
    struct weir_version version;
    bool tombstone;
    uint16_t schema;
    uint16_t min_reader;
    uint64_t expires; /* Unix seconds, 0 = never */
    struct weir_span value;
};

#endif
