/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_private.h - what the parts of the head parser share: h1_head.c drives, h1_start.c reads the
 * first line, h1_fields.c judges. A state is one piece of a line: method, target, version, name,
 * value. A piece is scanned once, from scan_at on, and its start is stored where its result will
 * be. So the cost and the result do not depend on how the bytes are split.
 */
#ifndef WEIR_NODE_WIRE_H1_PRIVATE_H
#define WEIR_NODE_WIRE_H1_PRIVATE_H

#include <stdbool.h>

#include "node/wire/h1.h"

enum weir_h1_state {
    WEIR_H1_AT_START,  /* an empty line may come first */
    WEIR_H1_AT_METHOD, /* request line, in order */
    WEIR_H1_AT_TARGET,
    WEIR_H1_AT_VERSION,
    WEIR_H1_AT_STATUS, /* status line up to its third digit */
    WEIR_H1_AT_REASON,
    WEIR_H1_AT_LINE, /* first byte of a field line, or of the last, empty one */
    WEIR_H1_AT_NAME,
    WEIR_H1_AT_VALUE,
    WEIR_H1_AT_END, /* done */
    WEIR_H1_AT_FAULT,
};

/* Bits of weir_h1_head.seen. */
enum weir_h1_seen {
    WEIR_H1_SEEN_HOST = 1,
    WEIR_H1_SEEN_EXPECT = 2,
    WEIR_H1_SEEN_OPTION = 4, /* Connection names a field that is not hop-by-hop by nature */
};

/** Options of all Connection fields of a head. Each may cost a walk over the fields, so their
 * number is bounded. */
#define WEIR_H1_OPTIONS_MAX 32

/** End the head with a fault. */
static inline enum weir_step weir_h1_fail(struct weir_h1_head *h, enum weir_h1_fault fault)
{
    h->fault = fault;
    h->state = WEIR_H1_AT_FAULT;
    return WEIR_STEP_FAIL;
}

/**
 * End the head at byte `at`, which is not allowed in its piece. A bare CR or LF is reported as such
 * in any piece; a whole CRLF inside a piece is the fault of that piece. A CR as the last byte waits
 * for the next byte.
 */
enum weir_step weir_h1_stop(struct weir_h1_head *h, struct weir_span head, size_t at,
                            enum weir_h1_fault fault);

/** Read the request line or status line. @return SOME: read, the state is AT_LINE | MORE | FAIL */
enum weir_step weir_h1_start_feed(struct weir_h1_head *h, struct weir_span head);

/** Check a field whose line is complete. @return WEIR_FAULT_NONE or its fault */
enum weir_h1_fault weir_h1_field_judge(struct weir_h1_head *h, const uint8_t *head,
                                       struct weir_h1_field *f);

/** Check what needs the whole head, and mark the fields that Connection names. */
enum weir_h1_fault weir_h1_head_judge(struct weir_h1_head *h, const uint8_t *head);

#endif
