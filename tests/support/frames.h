/* SPDX-License-Identifier: Apache-2.0
 *
 * frames.h - one frame of each topic with every field of its message set, and the pieces of such
 * frames, for the tests of what reads them.
 */
#ifndef WEIR_TESTS_SUPPORT_FRAMES_H
#define WEIR_TESTS_SUPPORT_FRAMES_H

#include <stdint.h>

#include "sync/frame/frame.h"
#include "sync/version/sums.h"
#include "tests/support/wire.h"

static inline struct wire wire_frame(enum weir_frame_topic topic)
{
    struct wire w = { 0 };
    uint8_t head[2] = { (uint8_t)topic, WEIR_FRAME_VERSION };

    wire_add(&w, head, sizeof(head));
    return w;
}

/** A lane whose order is that of n. */
static inline void wire_lv(struct wire *w, unsigned tag, uint32_t n, uint64_t seq)
{
    uint8_t lane[16] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, 0, 0, 'C' };
    struct wire lv = { 0 };

    wire_bytes(&lv, 1, lane, sizeof(lane));
    wire_number(&lv, 2, seq);
    wire_message(w, tag, &lv);
}

/** Class, key and seq of a record; hlc is the caller's. */
static inline struct wire wire_record(uint32_t class, uint64_t seq)
{
    struct wire r = { 0 };

    wire_number(&r, 1, class);
    wire_bytes(&r, 2, "t/shop", 6);
    wire_number(&r, 3, seq);
    return r;
}

/** All of the others. */
static inline void wire_record_rest(struct wire *r, bool with_lane)
{
    if (with_lane)
        wire_fill(r, 4, 0x11, 16);
    wire_number(r, 5, UINT64_C(0x018f000000000001));
    wire_number(r, 6, 0);
    wire_number(r, 7, 2);
    wire_number(r, 8, 1);
    wire_bytes(r, 9, "hosts: [shop.example.com]", 25);
    wire_number(r, 10, 1800000000);
    for (unsigned i = 0; i < 2; i++) {
        struct wire ctx = { 0 };
        wire_fill(&ctx, 1, (uint8_t)i, 8);
        wire_number(&ctx, 2, 7 + i);
        wire_message(r, 11, &ctx);
    }
    wire_fill(r, 12, 0x33, 64);
}

/** Lane and first of a batch. */
static inline struct wire wire_batch(enum weir_frame_topic topic, uint64_t first)
{
    struct wire w = wire_frame(topic);

    wire_fill(&w, 1, 0x22, 16);
    wire_number(&w, 2, first);
    return w;
}

static inline void wire_batch_rest(struct wire *w, enum weir_frame_topic topic)
{
    wire_number(w, 4, (uint32_t)topic);
    wire_fill(w, 5, 0x44, 16);
    wire_number(w, 6, UINT64_C(1800000000123));
    wire_number(w, 7, 1);
}

static inline struct wire frames_batch(void)
{
    struct wire w = wire_batch(WEIR_FRAME_BATCH_C, 5);
    struct wire r = wire_record(2, 5);
    struct wire gone = wire_record(7, 6);

    wire_record_rest(&r, false);
    wire_message(&w, 3, &r);
    wire_number(&gone, 5, 9);
    wire_number(&gone, 6, 1);
    wire_message(&w, 3, &gone);
    wire_batch_rest(&w, WEIR_FRAME_BATCH_C);
    return w;
}

/** Three bans: an IPv4 address, a tombstone of an IPv6 /64, an IPv4 /24. */
static inline struct wire frames_bans(void)
{
    struct wire w = wire_batch(WEIR_FRAME_BATCH_E, 1);
    struct wire cols = { 0 };

    wire_batch_rest(&w, WEIR_FRAME_BATCH_E);
    wire_bytes(&cols, 1, "\x05\x02\x00\xc0\x00\x02\x00\xc0", 8);
    wire_bytes(&cols, 2, "\x20\x01\x0d\xb8\x00\x00\x00\x01", 8);
    wire_bytes(&cols, 3, "\x78\x77\x78", 3); /* 60, back to 0, 60 again */
    wire_bytes(&cols, 4, "\x01\x00\x02", 3);
    wire_bytes(&cols, 5, "\x00\x07\x07", 3);
    wire_bytes(&cols, 6, "\x02\x01\x04", 3);
    wire_bytes(&cols, 7, "\x20\x61\x18", 3);
    wire_message(&w, 8, &cols);
    return w;
}

static inline struct wire frames_hello(void)
{
    struct wire w = wire_frame(WEIR_FRAME_HELLO);

    wire_bytes(&w, 1, "weir", 4);
    wire_fill(&w, 2, 0x55, 8);
    wire_fill(&w, 3, 0x44, 16);
    for (unsigned tag = 4; tag <= 6; tag++)
        wire_number(&w, tag, 1);
    wire_lv(&w, 7, 1, 9);
    wire_lv(&w, 7, 2, (UINT64_C(1) << 48) - 1);
    wire_lv(&w, 8, 2, 4);
    wire_number(&w, 10, UINT64_MAX);
    wire_number(&w, 11, 1);
    return w;
}

static inline struct wire frames_pull_req(void)
{
    struct wire w = wire_frame(WEIR_FRAME_PULL_REQ);

    wire_fill(&w, 1, 0x66, 8);
    wire_fill(&w, 2, 0x44, 16);
    wire_lv(&w, 3, 1, 9);
    wire_number(&w, 4, 1 << 20);
    wire_number(&w, 5, 'C');
    wire_number(&w, 5, 'E');
    wire_number(&w, 6, 0);
    wire_bytes(&w, 7, "\x02t/shop", 7);
    wire_lv(&w, 8, 1, 1);
    return w;
}

static inline struct wire frames_pull_rep(void)
{
    struct wire w = wire_frame(WEIR_FRAME_PULL_REP);
    struct wire r = wire_record(16, 3);

    wire_fill(&w, 1, 0x66, 8);
    wire_fill(&w, 2, 0x44, 16);
    wire_record_rest(&r, true);
    wire_message(&w, 3, &r);
    wire_lv(&w, 4, 1, 9);
    wire_number(&w, 5, 1);
    wire_lv(&w, 6, 1, 9);
    wire_lv(&w, 7, 1, 2);
    wire_number(&w, 8, 77);
    wire_number(&w, 9, 0);
    return w;
}

static inline struct wire frames_heartbeat(void)
{
    struct wire w = wire_frame(WEIR_FRAME_HEARTBEAT);
    struct wire echo = { 0 };
    struct wire own = { 0 };
    struct wire ack = { 0 };
    uint8_t sum[1 + WEIR_SUM_LEN] = { 2 };

    wire_fill(&w, 1, 0x55, 8);
    wire_fill(&w, 2, 0x44, 16);
    wire_number(&w, 3, 1000);
    wire_fill(&own, 1, 0x55, 16);
    wire_number(&own, 2, 9);
    wire_message(&w, 4, &own);
    wire_varint(&w, 5 << 3 | 1);
    wire_add(&w, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    wire_bytes(&w, 6, sum, sizeof(sum));
    sum[0] = 3;
    wire_bytes(&w, 6, sum, sizeof(sum));
    wire_number(&w, 7, UINT64_C(1800000000123));
    wire_fill(&echo, 1, 0x77, 8);
    wire_number(&echo, 2, 999);
    wire_number(&echo, 3, 250);
    wire_message(&w, 8, &echo);
    wire_number(&w, 9, 12);
    wire_number(&w, 10, 2);
    wire_fill(&ack, 1, 0x22, 16);
    wire_number(&ack, 2, 6);
    wire_number(&ack, 3, 5);
    wire_number(&ack, 4, 6);
    wire_bytes(&ack, 5, "cert key mismatch", 17);
    wire_message(&w, 11, &ack);
    wire_number(&w, 12, 3);
    return w;
}

static inline struct wire frames_audit(bool with_buckets)
{
    struct wire w = wire_frame(WEIR_FRAME_AUDIT);
    struct wire kv = { 0 };

    wire_number(&w, 1, 2);
    if (with_buckets)
        wire_fill(&w, 2, 0x88, WEIR_SUMS_PACKED_LEN);
    wire_number(&w, 3, 0);
    wire_number(&w, 3, 4095);
    wire_bytes(&kv, 1, "t/shop", 6);
    wire_fill(&kv, 2, 0x22, 16);
    wire_number(&kv, 3, 6);
    wire_number(&kv, 4, 9);
    wire_message(&w, 4, &kv);
    return w;
}

#define FRAMES_NUM 8

/** One of each, 0..FRAMES_NUM-1. The caller frees `at`. */
static inline struct wire frames_sample(unsigned n)
{
    switch (n) {
    case 0:
        return frames_batch();
    case 1:
        return frames_bans();
    case 2:
        return frames_hello();
    case 3:
        return frames_pull_req();
    case 4:
        return frames_pull_rep();
    case 5:
        return frames_heartbeat();
    case 6:
        return frames_audit(true);
    default:
        return frames_audit(false);
    }
}

#endif
