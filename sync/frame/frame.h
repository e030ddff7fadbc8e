/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - messages between nodes: a byte that names the message, a byte for the version of the
 * wire, and the message of proto/weir/v1/sync.proto. Nothing of a peer's bytes is trusted:
 * lengths, counts and ranges are checked on the wire form before any of it is unpacked, the memory
 * it takes is known before the one allocation, and what belongs together is compared after that.
 * Pure. Any thread.   Limits: WEIR_FRAME_MAX bytes, WEIR_FRAME_MEMORY_MAX unpacked; frame_scan.c
 * has the rest.
 */
#ifndef WEIR_SYNC_FRAME_FRAME_H
#define WEIR_SYNC_FRAME_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "sync/version/vector.h"
#include "weir/v1/sync.pb-c.h"

#define WEIR_FRAME_HEAD_LEN 2 /* bytes before the message */
#define WEIR_FRAME_VERSION  1 /* of the wire, as written */
#define WEIR_FRAME_VERSION_MIN                                                                     \
    1 /* the oldest that is read: this one's predecessor, once it has one */

/** The first byte. The first three are topics of PUB/SUB, the others go to one peer. */
enum weir_frame_topic {
    WEIR_FRAME_BATCH_C = 'C',
    WEIR_FRAME_BATCH_E = 'E',
    WEIR_FRAME_HEARTBEAT = 'H',
    WEIR_FRAME_HELLO = 'L',
    WEIR_FRAME_PULL_REQ = 'P',
    WEIR_FRAME_PULL_REP = 'R',
    WEIR_FRAME_AUDIT = 'A',
};

/** Why a frame was rejected; one counter each. */
enum weir_frame_fault {
    WEIR_FRAME_OK = 0,
    WEIR_FRAME_BAD_SHORT,     /* no room for the head */
    WEIR_FRAME_BAD_SIZE,      /* over WEIR_FRAME_MAX */
    WEIR_FRAME_BAD_TOPIC,     /* a first byte that names nothing */
    WEIR_FRAME_BAD_VERSION,   /* a version of the wire that this node does not read */
    WEIR_FRAME_BAD_TRUNCATED, /* ends inside a field */
    WEIR_FRAME_BAD_VARINT,    /* a number too long, not in its shortest form, or over its type */
    WEIR_FRAME_BAD_WIRE_TYPE, /* a field that is not of its type, or of a type that does not exist
                               */
    WEIR_FRAME_BAD_TWICE,     /* a field that may be there once */
    WEIR_FRAME_BAD_MISSING,   /* a field that must be there */
    WEIR_FRAME_BAD_UNKNOWN,   /* too many fields of a later version */
    WEIR_FRAME_BAD_MEMORY,    /* would unpack to more than WEIR_FRAME_MEMORY_MAX */
    WEIR_FRAME_BAD_RECORDS,   /* too many records or versions of keys */
    WEIR_FRAME_BAD_LANES,     /* too many lanes */
    WEIR_FRAME_BAD_CTX,       /* too many entries of a context */
    WEIR_FRAME_BAD_ITEMS,     /* too many of something else */
    WEIR_FRAME_BAD_KEY,       /* a key's length */
    WEIR_FRAME_BAD_VALUE,     /* a value's length */
    WEIR_FRAME_BAD_LANE,      /* a lane's length; one where none belongs, or none where one does */
    WEIR_FRAME_BAD_SEQ,       /* a sequence number out of range or out of turn */
    WEIR_FRAME_BAD_CLASS,     /* no class of record, or not of this group */
    WEIR_FRAME_BAD_GROUP,     /* no group, or not the topic's */
    WEIR_FRAME_BAD_FIELD,     /* another field out of its range */
    WEIR_FRAME_BAD_TOMBSTONE, /* a tombstone with a value */
    WEIR_FRAME_BAD_ORDER,     /* a list that is not in ascending order */
    WEIR_FRAME_BAD_BANS,      /* columns that do not fit each other, or an impossible ban */
    WEIR_FRAME_BAD_CLAIM,     /* what no honest node states: rule R15 */
    WEIR_FRAME_BAD_UNPACK,    /* passed every check and does not unpack: a defect of this node */
    WEIR_FRAME_NUM_FAULTS,
};

/** A message taken apart; zero before and after. */
struct weir_frame {
    enum weir_frame_topic topic;
    uint8_t version;
    union {
        ProtobufCMessage *any;
        Weir__V1__Batch *batch; /* C and E */
        Weir__V1__Heartbeat *heartbeat;
        Weir__V1__Hello *hello;
        Weir__V1__PullReq *pull_req;
        Weir__V1__PullRep *pull_rep;
        Weir__V1__Audit *audit;
    } msg;        /* lies in memory: never protobuf_c_message_free_unpacked */
    void *memory; /* owns */
};

/**
 * Bytes that weir_frame_pack will write. Over WEIR_FRAME_MAX: split it, since no peer would
 * accept it.
 */
size_t weir_frame_packed_len(const ProtobufCMessage *msg);
/**
 * Write head and message. `msg` must be the topic's message (contract).
 * @param out  weir_frame_packed_len bytes
 */
void weir_frame_pack(enum weir_frame_topic topic, const ProtobufCMessage *msg, uint8_t *out);

/**
 * Check and unpack a frame. Fields of later versions stay in the messages' unknown fields and are
 * packed again as they came.
 * @param in  borrowed for the call
 * @param ret  written on success only; weir_frame_deinit frees it
 * @param ret_fault  always written: why it was rejected, WEIR_FRAME_OK when it was not
 * @return WEIR_OK | WEIR_EPROTO (count the fault, drop the frame) | WEIR_ENOMEM (drop the frame:
 * a pull will bring its records)
 */
WEIR_MUST_USE enum weir_err weir_frame_decode(struct weir_span in, struct weir_frame *ret,
                                              enum weir_frame_fault *ret_fault);
/** Free what was unpacked; the frame is zero again. */
void weir_frame_deinit(struct weir_frame *f);
/** A short name, for example "a field twice"; label of a counter. Never NULL. */
const char *weir_frame_fault_name(enum weir_frame_fault fault);

/** The group of a class: 'C' or 'E', 0 when there is no such class. */
uint8_t weir_frame_group(uint32_t class);

/**
 * The vector that a decoded list of lanes stands for. `ret` must be initialised; its entries are
 * dropped.
 * @return WEIR_OK | WEIR_ENOMEM: ret is not usable, reset it
 */
WEIR_MUST_USE enum weir_err weir_frame_vector(Weir__V1__Lv *const *lanes, size_t num,
                                              struct weir_vector *ret);
/**
 * The list that stands for a vector, in arrays of the caller with room for v->num.
 * Borrows the lanes from v until v changes.
 */
void weir_frame_lanes(const struct weir_vector *v, Weir__V1__Lv *lanes, Weir__V1__Lv **list);

#endif
