/* SPDX-License-Identifier: Apache-2.0
 *
 * chunked.h - the chunked coding, read strictly. Sans-I/O, allocation-free, resumable at any byte.
 * CRLF only; sizes are 1*16 hex digits checked before the shift; extensions are checked, dropped
 * and bounded (WEIR_CHUNK_LINE_MAX with the size); the trailer section is checked like a head,
 * bounded (WEIR_TRAILERS_MAX) and dropped.
 * Ref: RFC 9112 section 7.1.
 */
#ifndef WEIR_NODE_WIRE_CHUNKED_H
#define WEIR_NODE_WIRE_CHUNKED_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

enum weir_chunked_fault {
    WEIR_CHUNKED_OK,
    WEIR_CHUNKED_SIZE,      /* no digit, sign, 0x, more than 16 digits, space and no extension */
    WEIR_CHUNKED_LINE_END,  /* bare CR or LF, or bytes between data and CRLF */
    WEIR_CHUNKED_EXTENSION, /* malformed, control byte, or line over WEIR_CHUNK_LINE_MAX */
    WEIR_CHUNKED_TRAILER,   /* malformed field line, fold, or section over WEIR_TRAILERS_MAX */
};

struct weir_chunked {
    uint64_t left;     /* bytes of the current chunk still to come */
    uint64_t total;    /* bytes of data so far */
    uint32_t line_len; /* of the current size line, or of the trailer section */
    uint8_t digits;
    uint8_t state; /* private */
    uint8_t fault; /* enum weir_chunked_fault */
};

/** Begin a body. */
void weir_chunked_init(struct weir_chunked *c);

/**
 * Use bytes up to the end of one run of data, or of the coding.
 *
 * @param ret_used  bytes of `in` used up, 0..in.len (also on MORE: all of them)
 * @param ret_data  SOME: a run of body bytes inside `in`, never empty
 * @return WEIR_STEP_SOME: data; call again with the rest | WEIR_STEP_MORE: all used, no data
 *       | WEIR_STEP_DONE: the last CRLF was used; what follows is the next message
 *       | WEIR_STEP_FAIL: c->fault is the reason; the results are untouched
 */
WEIR_MUST_USE enum weir_step weir_chunked_next(struct weir_chunked *c, struct weir_span in,
                                               size_t *ret_used, struct weir_span *ret_data);

#define WEIR_CHUNK_HEAD_MAX 18 /* 16 hex digits and CRLF */
/** Write "size CRLF" for a chunk of len > 0 bytes. @return bytes written, 3..WEIR_CHUNK_HEAD_MAX */
size_t weir_chunk_head_write(uint64_t len, uint8_t out[WEIR_CHUNK_HEAD_MAX]);

#endif
