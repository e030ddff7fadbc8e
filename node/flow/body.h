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
#include <sys/uio.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/chunked.h"
#include "node/wire/h1.h"

/** Pieces of one write. 3 of them are reserved for chunk framing. */
#define WEIR_PIECES_MAX 32
/** Runs of at most this many bytes are copied behind each other, so that many are one piece. */
#define WEIR_RUN_SHORT 512
/** Bytes of such copies in one write: the 20,000 chunks of one byte that one read can bring, with
 * room to spare. */
#define WEIR_PIECES_FLAT 32768

/** Pieces may point into chunk_head and flat: do not move the struct. */
struct weir_pieces {
    struct iovec iov[WEIR_PIECES_MAX];
    int num;
    size_t len; /* bytes in all */
    bool hold;  /* the connection ends behind these: its FIN may travel with them */
    uint8_t chunk_head[WEIR_CHUNK_HEAD_MAX];
    size_t flat_len;
    uint8_t flat[WEIR_PIECES_FLAT];
};

static inline void weir_pieces_reset(struct weir_pieces *p)
{
    p->num = 0;
    p->len = 0;
    p->hold = false;
    p->flat_len = 0;
}

/** Add a run; empty runs are left out. The caller makes sure that there is room (contract). */
static inline void weir_pieces_add(struct weir_pieces *p, struct weir_span s)
{
    if (s.len == 0)
        return;
    WEIR_ASSERT_CMP(p->num, <, WEIR_PIECES_MAX);
    p->iov[p->num].iov_base = (void *)(uintptr_t)s.at;
    p->iov[p->num].iov_len = s.len;
    p->num++;
    p->len += s.len;
}

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
