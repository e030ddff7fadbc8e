/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_http.h - one connection of the admin server as HTTP/1.1 without I/O: bytes in, whole
 * requests out. Owner: control.   Limits: WEIR_ADMIN_HEAD_MAX, WEIR_ADMIN_BODY_MAX; a request is
 * one allocation and its body. It parses with the codec of the data path, so the admin API reads no
 * message in another way than the proxy does.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_HTTP_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/wire/chunked.h"
#include "node/wire/h1.h"

#define WEIR_ADMIN_HEAD_MAX  16384  /* bytes of a request's head */
#define WEIR_ADMIN_AHEAD_MAX 131072 /* bytes received and not yet used, then reading pauses */

/** One request. Owns its bytes. */
struct weir_admin_message {
    struct weir_h1_head head;
    uint8_t *bytes; /* the head as received; its spans point here */
    struct weir_span method;
    struct weir_span path;  /* without query */
    struct weir_span query; /* behind "?", or empty */
    struct weir_strbuf body;
    bool has_body;   /* the head announces one, of whatever length */
    bool keep_alive; /* the connection may carry another request */
};

/** Sets *m NULL; NULL is legal. */
void weir_admin_message_free(struct weir_admin_message **m);
/** The value of the field with this name in any case; empty when there are several, so that none of
 * them is taken, and a precondition is not lost. @return false: absent */
bool weir_admin_message_field(const struct weir_admin_message *m, const char *name,
                              struct weir_span *ret);

enum weir_admin_event {
    WEIR_ADMIN_MORE,    /* add more bytes */
    WEIR_ADMIN_HEAD,    /* message has its head: refuse it here, or go on */
    WEIR_ADMIN_REQUEST, /* message is whole: take it */
    WEIR_ADMIN_FAULT,   /* respond with `status` and close */
};

struct weir_admin_http {
    struct weir_strbuf in; /* bytes not yet used */
    struct weir_h1_head head;
    struct weir_chunked chunked;
    struct weir_admin_message *message; /* owns; from HEAD until taken */
    size_t body_max;
    uint64_t body_left;
    uint16_t status; /* of a FAULT: 400, 413, 414, 417, 431, 503, 505 */
    uint8_t state;   /* private */
    const char *why; /* of a FAULT: static text for the response */
};

/** @param body_max  bytes of a body, 0..WEIR_ADMIN_BODY_MAX */
void weir_admin_http_init(struct weir_admin_http *h, size_t body_max);
void weir_admin_http_deinit(struct weir_admin_http *h);

/**
 * Take received bytes.
 *
 * @param bytes copied
 * @return WEIR_OK | WEIR_ENOMEM, WEIR_ELIMIT: close the connection
 */
WEIR_MUST_USE enum weir_err weir_admin_http_feed(struct weir_admin_http *h, struct weir_span bytes);

/** Move on to the next event. After FAULT there is no other. HEAD comes once for each request,
 * before REQUEST. */
WEIR_MUST_USE enum weir_admin_event weir_admin_http_next(struct weir_admin_http *h);

/** After REQUEST: the caller owns the message, and the next one may begin. */
WEIR_MUST_USE struct weir_admin_message *weir_admin_http_take(struct weir_admin_http *h);

/** True between requests without a byte of the next one: the connection is idle. */
bool weir_admin_http_idle(const struct weir_admin_http *h);
/** True while the body of a message is awaited. */
bool weir_admin_http_in_body(const struct weir_admin_http *h);

/** What a response's head is made of. */
struct weir_admin_head {
    uint16_t status;
    const char *content_type; /* NULL: none */
    struct weir_span more;    /* further whole field lines with their CRLF */
    uint64_t content_length;  /* when not chunked */
    bool chunked;
    bool close;
    uint64_t wall_ms; /* for Date */
};
/** Append the head of a response to `out`, its empty line included. */
void weir_admin_head_write(const struct weir_admin_head *a, struct weir_strbuf *out);

#endif
