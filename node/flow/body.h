/* SPDX-License-Identifier: Apache-2.0
 *
 * body.h - one message body on its way through: read in the framing it came with, written in the
 * framing it leaves with. Sans-I/O, allocation-free: pieces borrow from the input. Owner: one
 * worker. The received framing is never passed on. A body that ends too early never gets a clean
 * end. Limits: WEIR_PIECES_MAX, WEIR_PIECES_FLAT in one write. Ref: RFC 9112 sections 6 and 7.
 */
#ifndef WEIR_NODE_FLOW_BODY_H
#define WEIR_NODE_FLOW_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/pieces.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/chunked.h"
#include "node/wire/h1.h"

/** Runs of at most this many bytes are copied behind each other, so that many are one piece. */
#define WEIR_RUN_SHORT 512

struct weir_body {
    enum weir_h1_body in; /* how it comes */
    bool out_chunked; /* how it leaves: chunked, or as plain bytes (length known, or until close) */
    bool done;        /* the whole of it was read */
    bool over_max;    /* why a feed failed: more than `max` bytes (else: malformed framing) */
    uint64_t left;    /* WEIR_BODY_LENGTH: bytes to come */
    uint64_t bytes;   /* body bytes passed so far, without framing */
    uint64_t max;     /* bytes, 0 = no limit */
    struct weir_chunked chunked;
};

/**
 * @param length       for WEIR_BODY_LENGTH
 * @param out_chunked  ignored for WEIR_BODY_NONE
 * WEIR_BODY_NONE is done at once.
 */
void weir_body_init(struct weir_body *b, enum weir_h1_body in, uint64_t length, bool out_chunked);

/**
 * Turn received bytes into pieces to send.
 *
 * @param in       borrowed; the pieces point into it, or to copies of its short runs
 * @param out      appended to; may already hold the message head. At least 6 free pieces (contract)
 * @param ret_used bytes of `in` that belong to the body and were used
 * @return WEIR_STEP_MORE: all used | WEIR_STEP_SOME: `out` is full, send it and call again with the
 * rest | WEIR_STEP_DONE: the body is complete and its end is in `out`; bytes behind ret_used are
 * not its own | WEIR_STEP_FAIL: malformed, or over `max` (over_max); nothing of this feed may be
 * sent
 */
WEIR_MUST_USE enum weir_step weir_body_feed(struct weir_body *b, struct weir_span in,
                                            struct weir_pieces *out, size_t *ret_used);

/** Count `n` bytes of a WEIR_BODY_LENGTH body that went another way (splice). n <= left
 * (contract). */
void weir_body_skip(struct weir_body *b, uint64_t n);

/**
 * The peer closed its side.
 * @return true: this is the clean end of a WEIR_BODY_CLOSE body; its end is now in `out` | false:
 * the body was cut
 */
WEIR_MUST_USE bool weir_body_end(struct weir_body *b, struct weir_pieces *out);

#endif
