/* SPDX-License-Identifier: Apache-2.0
 *
 * chunked.h - the chunked coding, read strictly. Sans-I/O, allocation-free, resumable at any byte.
 * CRLF only; sizes are 1*16 hex digits checked before the shift; extensions are checked, dropped
 * and bounded (WEIR_CHUNK_LINE_MAX with the size); the trailer section is checked like a head and
 * bounded (WEIR_TRAILERS_MAX).
 * Ref: RFC 9112 section 7.1.
 */
#ifndef WEIR_NODE_WIRE_CHUNKED_H
#define WEIR_NODE_WIRE_CHUNKED_H

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum weir_chunked_fault {
    WEIR_CHUNKED_OK,
    WEIR_CHUNKED_SIZE,      /* no digit, sign, 0x, more than 16 digits, space */
    WEIR_CHUNKED_LINE_END,  /* bare CR or LF, or bytes between data and CRLF */
    WEIR_CHUNKED_EXTENSION, /* malformed, control byte, or line over WEIR_CHUNK_LINE_MAX */
    WEIR_CHUNKED_TRAILER,   /* malformed field line, fold, or section over WEIR_TRAILERS_MAX */
};

struct weir_chunked {
    uint64_t left;     /* bytes of the current chunk still to come */
    uint64_t total;    /* bytes of data so far */
    uint32_t line_len; /* of the current size line, or of the trailer section */
    uint8_t digits;
    uint8_t state;         /* private */
    uint8_t fault;         /* enum weir_chunked_fault */
    uint8_t *trailers;     /* borrowed, WEIR_TRAILERS_MAX bytes; NULL: checked and dropped */
    uint32_t trailers_len; /* when done: whole field lines with their CRLF, without the empty one */
};

/**
 * @param trailers  NULL, or where to keep the checked trailer lines (WEIR_TRAILERS_MAX bytes),
 *                  borrowed until the end
 */
void weir_chunked_init(struct weir_chunked *c, uint8_t *trailers);

/**
 * Use bytes up to the end of one run of data, or of the coding.
 *
 * @param ret_used  bytes of `in` used up, 0..in.len (also on MORE: all of them)
 * @param ret_data  SOME: a run of body bytes inside `in`, never empty
 * @return WEIR_STEP_SOME: data; call again with the rest | WEIR_STEP_MORE: all used, no data
 *       | WEIR_STEP_DONE: the last CRLF was used; what follows is the next message
 *       | WEIR_STEP_FAIL: c->fault says why; the results are untouched
 */
WEIR_MUST_USE enum weir_step weir_chunked_next(struct weir_chunked *c, struct weir_span in,
                                               size_t *ret_used, struct weir_span *ret_data);

#define WEIR_CHUNK_HEAD_MAX 18 /* 16 hex digits and CRLF */
/** Write "size CRLF" for a chunk of len > 0 bytes. @return bytes written, 3..WEIR_CHUNK_HEAD_MAX */
size_t weir_chunk_head_write(uint64_t len, uint8_t out[WEIR_CHUNK_HEAD_MAX]);

/**
 * True when a trailer of this name may be passed on: not framing, routing, authentication or
 * hop-by-hop (RFC 9110 6.5.1), and without "_", which some readers take for "-".
 */
bool weir_trailer_may_pass(struct weir_span name);

/**
 * One line of a kept trailer section: split at its colon, white space trimmed.
 *
 * @param section  c->trailers, c->trailers_len bytes, after WEIR_STEP_DONE
 * @param at       in/out offset, 0 at first
 * @return false at the end
 */
bool weir_trailer_next(struct weir_span section, size_t *at, struct weir_span *ret_name,
                       struct weir_span *ret_value);

#endif
