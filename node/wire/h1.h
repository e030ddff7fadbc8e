/* SPDX-License-Identifier: Apache-2.0
 *
 * h1.h - HTTP/1.x message heads, read strictly. Sans-I/O, allocation-free, resumable at any byte.
 * Owner: one worker.   Limits: WEIR_HEAD_MAX bytes, WEIR_FIELDS_MAX fields.
 * The caller holds a head in one contiguous buffer, which may move between calls: results are
 * offsets. Ref: RFC 9112; RFC 9110 section 5 (fields), 7 (routing), 8.6 (Content-Length).
 */
#ifndef WEIR_NODE_WIRE_H1_H
#define WEIR_NODE_WIRE_H1_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "node/wire/uri.h"

enum weir_h1_kind { WEIR_H1_REQUEST, WEIR_H1_RESPONSE };

/** Methods that weir treats by name; every other token is OTHER and passed on. */
enum weir_method {
    WEIR_METHOD_OTHER,
    WEIR_METHOD_GET,
    WEIR_METHOD_HEAD,
    WEIR_METHOD_POST,
    WEIR_METHOD_PUT,
    WEIR_METHOD_DELETE,
    WEIR_METHOD_OPTIONS,
    WEIR_METHOD_TRACE,
    WEIR_METHOD_CONNECT,
    WEIR_METHOD_PATCH,
};

/** Fields that weir treats by name, in any letter case. */
enum weir_field_id {
    WEIR_FIELD_OTHER,
    WEIR_FIELD_HOST,
    WEIR_FIELD_CONTENT_LENGTH,
    WEIR_FIELD_TRANSFER_ENCODING,
    WEIR_FIELD_CONNECTION,
    WEIR_FIELD_KEEP_ALIVE,
    WEIR_FIELD_PROXY_CONNECTION,
    WEIR_FIELD_UPGRADE,
    WEIR_FIELD_TE,
    WEIR_FIELD_TRAILER,
    WEIR_FIELD_EXPECT,
    WEIR_FIELD_HTTP2_SETTINGS,
    WEIR_FIELD_PROXY_AUTHENTICATE,
    WEIR_FIELD_PROXY_AUTHORIZATION,
    WEIR_FIELD_X_FORWARDED_FOR,
    WEIR_FIELD_X_FORWARDED_PROTO,
    WEIR_FIELD_X_FORWARDED_HOST,
    WEIR_FIELD_X_REAL_IP,
    WEIR_FIELD_X_REQUEST_ID,
    WEIR_FIELD_FORWARDED,
    WEIR_FIELD_VIA,
    WEIR_FIELD_CDN_LOOP,
    WEIR_FIELD_DATE,
    WEIR_FIELD_MAX_FORWARDS,
    WEIR_FIELD_PROXY,
    WEIR_FIELD_CLIENT_CERT, /* RFC 9440 */
    WEIR_FIELD_CLIENT_CERT_CHAIN,
    WEIR_FIELD_COUNT
};

/** Why a head was refused: weir_h1_fault_name is its label, weir_h1_fault_status the response. */
enum weir_h1_fault {
    WEIR_FAULT_NONE,
    WEIR_FAULT_METHOD,  /* not a token */
    WEIR_FAULT_TARGET,  /* byte that no client sends, fragment, form wrong for the method */
    WEIR_FAULT_VERSION, /* not of the form HTTP/digit.digit */
    WEIR_FAULT_STATUS_LINE,
    WEIR_FAULT_LINE_END,        /* bare CR or bare LF anywhere in the head */
    WEIR_FAULT_OBS_FOLD,        /* a line that begins with SP or HTAB */
    WEIR_FAULT_FIELD_NAME,      /* empty, not a token, or space before the colon */
    WEIR_FAULT_FIELD_VALUE,     /* control byte */
    WEIR_FAULT_HEAD_TOO_BIG,    /* over max_head: 431 */
    WEIR_FAULT_TARGET_TOO_LONG, /* the request line alone is over max_head: 414 */
    WEIR_FAULT_TOO_MANY_FIELDS, /* 431 */
    WEIR_FAULT_HOST_MISSING,    /* HTTP/1.1 without Host */
    WEIR_FAULT_HOST_REPEATED,
    WEIR_FAULT_HOST_INVALID,      /* not one host[:port]: comma, userinfo, controls, bad port... */
    WEIR_FAULT_CONTENT_LENGTH,    /* not 1*18 digits, or given more than once (even when equal) */
    WEIR_FAULT_LENGTH_AND_CODING, /* both Content-Length and Transfer-Encoding */
    WEIR_FAULT_TRANSFER_ENCODING, /* anything but exactly one "chunked"; on HTTP/1.0; on 1xx */
    WEIR_FAULT_CONNECTION, /* not a list of tokens, or names a field that may not be dropped */
    WEIR_FAULT_EXPECT,     /* anything but "100-continue": 417 */
    WEIR_FAULT_UPGRADE,    /* a switch that was not asked for (101 in response) */
    WEIR_FAULT_VERSION_UNSUPPORTED, /* well-formed, but neither HTTP/1.0 nor HTTP/1.1: 505 */
    WEIR_FAULT_MAX_FORWARDS,        /* with OPTIONS or TRACE: not 1*18 digits, or twice */
    WEIR_FAULT_METHOD_TOO_LONG,     /* over WEIR_METHOD_MAX bytes: 501 */
    WEIR_FAULT_FIELD_NAME_TOO_LONG, /* over WEIR_FIELD_NAME_MAX bytes: 431 */
    WEIR_FAULT_COUNT
};

/** One field: offsets into the head's bytes. Surrounding white space is not part of the value. */
struct weir_h1_field {
    uint16_t name_at;
    uint16_t name_len;
    uint16_t value_at;
    uint16_t value_len;
    uint8_t id; /* enum weir_field_id */
    bool hop;   /* hop-by-hop: by its nature, or named by Connection. Set when the head is done */
    bool underscore; /* its name contains "_" */
};

enum weir_target_form { WEIR_TARGET_ORIGIN, WEIR_TARGET_ABSOLUTE, WEIR_TARGET_ASTERISK };

struct weir_h1_head {
    enum weir_h1_kind kind;
    enum weir_h1_fault fault;
    uint32_t max_head;   /* bytes, set by init */
    uint32_t scan_at;    /* resume here: all bytes before it are checked */
    uint32_t head_len;   /* when done: bytes of the head with its empty line and any leading CRLF */
    uint8_t state;       /* private, as are the next two */
    uint8_t seen;        /* fields that may come only once */
    uint8_t num_options; /* options of all Connection fields, empty ones too */
    uint8_t minor;       /* HTTP/1.minor: 0 or 1 */
    uint16_t num_fields;
    uint16_t max_fields; /* set by init to WEIR_FIELDS_MAX; the caller may choose less before it
                            feeds */

    /* request */
    enum weir_method method;
    enum weir_target_form form;
    uint16_t method_at, method_len;
    uint16_t target_at, target_len; /* as received */
    /* Path and query of the target. An absolute form without a path, which stands for "/", begins
     * with its "?", or has path_len 0. */
    uint16_t path_at, path_len;
    /* host[:port] as received, from the absolute form, else from Host, but without the colon of an
     * empty port; 0 when there is none. */
    uint16_t authority_at, authority_len;
    uint16_t query_at;   /* offset of "?" in the bytes, or 0 */
    bool absolute_https; /* absolute form with scheme https */
    bool expect_continue;
    bool has_max_forwards; /* of OPTIONS and TRACE alone: others may carry it and mean nothing */
    uint64_t max_forwards;

    /* response */
    uint16_t status; /* 100..599 */
    uint16_t reason_at, reason_len;

    /* framing, judged when the head is done */
    bool has_content_length;
    bool chunked;
    bool connection_close;
    bool connection_keep_alive;
    bool connection_upgrade;
    uint64_t content_length;

    struct weir_h1_field fields[WEIR_FIELDS_MAX];
    struct weir_authority authority; /* request: parsed, when authority_len > 0 */
};

/** Begin a head of at most max_head bytes, 64..WEIR_HEAD_MAX. Does not clear the fields array. */
void weir_h1_head_init(struct weir_h1_head *h, enum weir_h1_kind kind, uint32_t max_head);

/**
 * Judge the head as far as its bytes are there.
 *
 * @param bytes  from the first byte of the message on; a later call gives the same bytes and more.
 *               Borrowed for the call.
 * @return WEIR_STEP_DONE: h is complete, bytes beyond h->head_len are the body or the next message
 *       | WEIR_STEP_MORE: come back with more bytes
 *       | WEIR_STEP_FAIL: h->fault is the reason; respond with weir_h1_fault_status and close
 * A fault is found as soon as its bytes are there. Work is linear in the bytes however they arrive.
 */
WEIR_MUST_USE enum weir_step weir_h1_head_feed(struct weir_h1_head *h, struct weir_span bytes);

/** Continue an incomplete head in another struct: copies only what is known so far. `to` must not
 * be `from` (contract). */
void weir_h1_head_move(struct weir_h1_head *to, const struct weir_h1_head *from);

/** The field's name and value in the buffer that holds the head. */
static inline struct weir_span weir_h1_name(const uint8_t *head, const struct weir_h1_field *f)
{
    return weir_span(head + f->name_at, f->name_len);
}

static inline struct weir_span weir_h1_value(const uint8_t *head, const struct weir_h1_field *f)
{
    return weir_span(head + f->value_at, f->value_len);
}

/** The first field with this id, or NULL. */
const struct weir_h1_field *weir_h1_find(const struct weir_h1_head *h, enum weir_field_id id);

/** How the body of a complete head is delimited. RFC 9112 6.3. */
enum weir_h1_body {
    WEIR_BODY_NONE,
    WEIR_BODY_LENGTH, /* content_length > 0 bytes */
    WEIR_BODY_CHUNKED,
    WEIR_BODY_CLOSE, /* until the connection ends: responses only */
};

/**
 * @param request_method  for a response: the method of its request (a response to HEAD has no
 * body); ignored for requests. Content-Length: 0 gives WEIR_BODY_NONE. 1xx, 204, 304 and responses
 * to HEAD have none whatever they declare.
 */
enum weir_h1_body weir_h1_body_of(const struct weir_h1_head *h, enum weir_method request_method);

/** True when the connection may carry another message after this one, as its head decides (RFC
 * 9112 9.3). */
bool weir_h1_keeps_alive(const struct weir_h1_head *h);

/** Stable label such as "length_and_coding". Never NULL. */
const char *weir_h1_fault_name(enum weir_h1_fault fault);
/** 400, 414, 417, 431, 501 or 505; 400 for WEIR_FAULT_NONE. */
uint16_t weir_h1_fault_status(enum weir_h1_fault fault);
/** The standard reason phrase, or "" for an unknown status. */
struct weir_span weir_h1_reason(uint16_t status);
/** Known by name, else WEIR_METHOD_OTHER. Case-sensitive (RFC 9110 9.1). */
enum weir_method weir_method_of(struct weir_span name);
/** GET HEAD PUT DELETE OPTIONS TRACE (RFC 9110 9.2.2). */
bool weir_method_is_idempotent(enum weir_method m);
/** Known by name in any case, else WEIR_FIELD_OTHER. */
enum weir_field_id weir_field_id_of(struct weir_span name);

#endif
