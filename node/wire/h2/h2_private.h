/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_private.h - what h2_codec.c and h2_frames.c share: the connection as nghttp2 and its callbacks
 * see it. Owner: one worker.
 */
#ifndef WEIR_NODE_WIRE_H2_PRIVATE_H
#define WEIR_NODE_WIRE_H2_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/pool.h"
#include "node/wire/h2/h2.h"
#include "node/wire/h2/h2_memory.h"

struct nghttp2_session;
struct nghttp2_session_callbacks;
struct nghttp2_option;

#define WEIR_H2_MAGIC 0x48325632u

struct weir_h2_shared {
    struct nghttp2_session_callbacks *callbacks; /* owns */
    struct nghttp2_option *option;               /* owns */
    void *fields; /* owns; of the head that is being sent, as nghttp2 wants them */
    struct weir_h2_memory memory;
    struct weir_pool connections;
};

/** The head of a frame. RFC 9113 4.1. */
struct weir_h2_frame_head {
    uint32_t len;
    uint8_t type;
    uint8_t flags;
    int32_t id;
};

/** Streams that are remembered once they are closed. */
#define WEIR_H2_CLOSED_MAX 64

struct weir_h2 {
    uint32_t magic;
    bool busy;        /* inside nghttp2 */
    bool paused;      /* owner->frame wants no further frame now */
    bool ended;       /* nothing more is read */
    bool begun;       /* the preface was read */
    uint8_t flooded;  /* enum weir_h2_flood_kind */
    int32_t block_id; /* the stream whose header block comes in; 0: none */
    int32_t last_id;  /* the highest stream that was begun */
    int32_t reset_id; /* the stream that the client reset last */
    uint32_t list_max;
    uint32_t num_closed;
    int32_t closed[WEIR_H2_CLOSED_MAX]; /* the last streams; below 0: ended by the client */
    uint8_t head[WEIR_H2_FRAME_HEAD];   /* of a frame, as far as it came */
    uint8_t head_len;
    uint32_t skip; /* bytes until the next frame's head */
    struct weir_h2_shared *shared;
    struct nghttp2_session *session; /* owns */
    const struct weir_h2_owner *owner;
    void *owner_data;
    const struct weir_turn *now;
    struct weir_h2_use use;
    struct weir_h2_flood flood;
    struct weir_h2_request request; /* of the header block */
};

/** Note a result of nghttp2. It is "no memory", which ends the connection at its next step, or that
 * the stream is gone, which owner->closed reports. */
void weir_h2_expect(struct weir_h2 *h, int rv);
/** A kind of frame has come too often: end the connection. */
void weir_h2_note_flood(struct weir_h2 *h, enum weir_h2_flood_kind kind);
/** Judge a frame by its head, before nghttp2 sees it. @param payload  as much of it as came with
 * the head @return false: the connection ends */
WEIR_MUST_USE bool weir_h2_frames_check(struct weir_h2 *h, const struct weir_h2_frame_head *f,
                                        struct weir_span payload);
/** Set the callbacks for all connections. */
void weir_h2_frames_set(struct nghttp2_session_callbacks *callbacks);

#endif
