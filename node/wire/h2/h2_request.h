/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_request.h - the header list of an HTTP/2 request, checked field by field and written as the
 * head of an HTTP/1.1 request, so that the parser of HTTP/1 heads judges it like any other. Nothing
 * is written that could be read as more than one field. Sans-I/O. Owner: one worker; one for each
 * connection, while a header block comes in.
 * Limits: WEIR_H2_LIST_HARD_MAX decoded bytes, WEIR_H2_FIELDS_HARD_MAX fields.
 * Ref: RFC 9113 8.2 (fields), 8.2.3 (cookies), 8.3.1 (pseudo fields).
 */
#ifndef WEIR_NODE_WIRE_H2_REQUEST_H
#define WEIR_NODE_WIRE_H2_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/span.h"

/** Bytes that may be announced as SETTINGS_MAX_HEADER_LIST_SIZE: the text and the values of pseudo
 * fields fit one stash together. */
#define WEIR_H2_LIST_MAX 32768
/** A list above the limit that was announced is decoded up to here, to be refused in order; beyond
 * that the connection ends. */
#define WEIR_H2_LIST_HARD_MAX   131072
#define WEIR_H2_FIELDS_HARD_MAX 1024
/** What a field costs beside its bytes. RFC 9113 6.5.2. */
#define WEIR_H2_FIELD_COST 32

enum weir_h2_request_fault {
    WEIR_H2_REQUEST_OK,
    WEIR_H2_REQUEST_MALFORMED, /* the stream is to be reset: PROTOCOL_ERROR */
    WEIR_H2_REQUEST_TOO_BIG,   /* above list_max bytes: 431 */
    WEIR_H2_REQUEST_TOO_MANY,  /* above WEIR_FIELDS_MAX fields: 431 */
    WEIR_H2_REQUEST_NO_MEMORY, /* 503 */
    WEIR_H2_REQUEST_FLOOD,     /* beyond the hard limits: end the connection */
};

/** The zero state is one without a list: deinit is legal. */
struct weir_h2_request {
    struct weir_buffers *buffers;
    struct weir_stash *text;    /* the values of pseudo fields, then the head */
    struct weir_stash *cookies; /* crumbs, joined by "; " */
    uint32_t decoded;           /* bytes of the list so far, as RFC 9113 6.5.2 counts them */
    uint32_t list_max;
    uint32_t num_fields;
    uint8_t fault;  /* enum weir_h2_request_fault; the first one counts */
    uint8_t seen;   /* pseudo fields, private */
    bool in_fields; /* the request line is written: no pseudo field may follow */
    bool has_host;
    bool has_length;
    uint32_t head_at; /* where the head begins in text */
    struct {
        uint32_t at;
        uint32_t len;
    } method, path, authority; /* in text */
};

/** Begin a list. @param list_max  bytes, 1..WEIR_H2_LIST_MAX */
void weir_h2_request_init(struct weir_h2_request *r, struct weir_buffers *buffers,
                          uint32_t list_max);
/** Give the memory back. */
void weir_h2_request_deinit(struct weir_h2_request *r);
/** The list is not of a request (trailers): its fields are only counted. */
void weir_h2_request_skip(struct weir_h2_request *r);
/** Add one field, in the order of the list. After a fault it is only counted. */
void weir_h2_request_add(struct weir_h2_request *r, struct weir_span name, struct weir_span value);
/**
 * The list is whole: write its end.
 *
 * @param ends      the request has no body
 * @param ret_head  an HTTP/1.1 head, until deinit; set for WEIR_H2_REQUEST_OK alone. A body without
 *                  a length is declared as chunked.
 * @return the fault, if there was one
 */
WEIR_MUST_USE enum weir_h2_request_fault weir_h2_request_end(struct weir_h2_request *r, bool ends,
                                                             struct weir_span *ret_head);

#endif
