/* SPDX-License-Identifier: Apache-2.0
 *
 * h2.h - HTTP/2 with one client, over nghttp2: frames and header compression. Sans-I/O: bytes in,
 * calls of the owner's table and bytes to send out. Streams are the owner's; to the codec each is a
 * number and a pointer. Owner: one connection of one worker.
 * Limits: h2_flood.h, h2_request.h, h2_memory.h, and those of weir_h2_setup.
 * Ref: RFC 9113; RFC 9218 (priorities); RFC 7541.
 */
#ifndef WEIR_NODE_WIRE_H2_H
#define WEIR_NODE_WIRE_H2_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/h2/h2_flood.h"
#include "node/wire/h2/h2_request.h"

struct weir_h2;
struct weir_h2_shared;

/** Codes of RST_STREAM and GOAWAY that are used here. RFC 9113 section 7. */
#define WEIR_H2_NO_ERROR       0x0u
#define WEIR_H2_PROTOCOL_ERROR 0x1u
#define WEIR_H2_INTERNAL_ERROR 0x2u
#define WEIR_H2_REFUSED_STREAM 0x7u
#define WEIR_H2_CANCEL         0x8u
#define WEIR_H2_CALM           0xbu

#define WEIR_H2_WINDOW            65535   /* bytes of a stream that are not taken yet */
#define WEIR_H2_CONNECTION_WINDOW 1048576 /* the same of all streams of a connection together */
#define WEIR_H2_FRAME_HEAD        9       /* bytes */

/**
 * What the codec tells the owner, during weir_h2_feed and weir_h2_next. The owner may call back any
 * function but these two and weir_h2_free. `stream` is what weir_h2_attach was given; there are no
 * calls for a stream without it.
 */
struct weir_h2_owner {
    /** A request's header block is whole. It is the owner's to end, attach, respond or reset.
     * @param r  until return   @param ends  it has no body */
    void (*request)(void *owner, int32_t id, struct weir_h2_request *r, bool ends);
    /** Bytes of a body; borrowed. Each byte is to be taken: weir_h2_take.
     * @param last  no more follow, and `ended` does if their number is right */
    void (*body)(void *owner, void *stream, struct weir_span bytes, bool last);
    /** The request is whole. Not called if it ended with its head. */
    void (*ended)(void *owner, void *stream);
    /** The stream is closed: by its end on both ways, or by a reset. It is detached. */
    void (*closed)(void *owner, void *stream, uint32_t code);
    /** How many bytes wait to be sent. @param ret_last  nothing follows them */
    size_t (*waiting)(void *owner, void *stream, bool *ret_last);
    /** A DATA frame is to be sent: its head, then the first `len` bytes that wait.
     * @return false: give no further frame in this weir_h2_next */
    bool (*frame)(void *owner, void *stream, struct weir_span head, size_t len);
    /** The frame with the end of the response was given. */
    void (*last)(void *owner, void *stream);
    /** What has become of a promise (weir_h2_promise): it is sent, so that the stream may be
     * attached and responded to; or it cannot be, and there is no such stream. */
    void (*promised)(void *owner, int32_t id, bool sent);
};

/** What all connections of a worker share. NULL: no memory. */
struct weir_h2_shared *weir_h2_shared_new(struct weir_buffers *buffers);
/** All connections must have been freed (contract). Sets *s NULL; NULL is legal. */
void weir_h2_shared_free(struct weir_h2_shared **s);

struct weir_h2_setup {
    struct weir_h2_shared *shared;
    const struct weir_h2_owner *owner; /* a static table */
    void *owner_data;
    struct weir_account *account; /* whose its memory is */
    const struct weir_turn *now;
    uint32_t max_streams; /* at once */
    uint32_t list_max;    /* bytes of a header list, 1..WEIR_H2_LIST_MAX */
};

/** A connection before its first byte; its SETTINGS wait to be sent. NULL: no memory. */
struct weir_h2 *weir_h2_new(const struct weir_h2_setup *setup);
/** Streams are not reported as closed. Sets *h NULL; NULL is legal. */
void weir_h2_free(struct weir_h2 **h);

/** Take bytes of the client. Afterwards, if not weir_h2_is_open, nothing further of it is read, and
 * it is closed once what waits is sent. */
void weir_h2_feed(struct weir_h2 *h, struct weir_span in);
/**
 * What is sent next: bytes, or calls of owner->frame before which no bytes wait, or both.
 * @param ret  until the next call; may be empty
 * @return WEIR_STEP_SOME: call again | WEIR_STEP_DONE: nothing waits | WEIR_STEP_FAIL: no memory:
 * close the connection
 */
WEIR_MUST_USE enum weir_step weir_h2_next(struct weir_h2 *h, struct weir_span *ret);
/** Whether weir_h2_next has anything. */
bool weir_h2_wants_output(const struct weir_h2 *h);
/** Whether the connection can go on: neither peer has ended it. */
bool weir_h2_is_open(const struct weir_h2 *h);
/** Whether a header block has begun and is not whole. */
bool weir_h2_in_block(const struct weir_h2 *h);
/** Whether the client's preface was read. */
bool weir_h2_has_begun(const struct weir_h2 *h);
/** The flood that ended the connection; WEIR_H2_FLOOD_KINDS: none did. */
enum weir_h2_flood_kind weir_h2_flooded(const struct weir_h2 *h);
/** No stream is there, and nothing has come for a while: hold as little memory as can be. */
void weir_h2_rest(struct weir_h2 *h);
/** Streams that were reset lately and count as if they were still there. */
uint32_t weir_h2_debt(struct weir_h2 *h);

/** Calls about the stream come with this pointer from now on; NULL: none come. */
void weir_h2_attach(struct weir_h2 *h, int32_t id, void *stream);
/** A response's head. All is borrowed for the call. */
struct weir_h2_response {
    uint16_t status;
    bool ends;                           /* nothing follows; not of an interim one */
    size_t num;                          /* 0..WEIR_H2_RESPONSE_FIELDS_MAX */
    const struct weir_span_pair *fields; /* names in any case */
};
#define WEIR_H2_RESPONSE_FIELDS_MAX 600
/** Send a head: interim ones, then a final one. @return WEIR_OK | WEIR_ENOMEM | WEIR_ECLOSED */
WEIR_MUST_USE enum weir_err weir_h2_respond(struct weir_h2 *h, int32_t id,
                                            const struct weir_h2_response *r);
/** Whether the client takes pushes, and the connection does not end: promises may be made. */
bool weir_h2_takes_pushes(const struct weir_h2 *h);
/** How many pushed streams the client takes at once. */
uint32_t weir_h2_pushes_max(const struct weir_h2 *h);
#define WEIR_H2_PROMISE_FIELDS_MAX 16
/**
 * Promise the response to a request that was not made: a stream of its own, which then is one like
 * any other. Sent in order with the heads of weir_h2_respond; owner->promised follows, unless the
 * connection ends.
 *
 * @param id      the stream whose response needs what is promised; its last head is not given yet
 * @param fields  of the request, pseudo fields first; borrowed for the call
 * @param num     1..WEIR_H2_PROMISE_FIELDS_MAX
 * @param ret_id  the promised stream
 * @return WEIR_OK | WEIR_ELIMIT: more than the client takes | WEIR_ENOMEM | WEIR_ECLOSED
 */
WEIR_MUST_USE enum weir_err weir_h2_promise(struct weir_h2 *h, int32_t id,
                                            const struct weir_span_pair *fields, size_t num,
                                            int32_t *ret_id);
/** owner->waiting has more to tell than at its last call. */
void weir_h2_resume(struct weir_h2 *h, int32_t id);
/** End a stream at once. */
void weir_h2_reset(struct weir_h2 *h, int32_t id, uint32_t code);
/** Bytes of owner->body were used: the client may send as many more. */
void weir_h2_take(struct weir_h2 *h, int32_t id, size_t n);
/** The same for the window of the whole connection. */
void weir_h2_take_connection(struct weir_h2 *h, size_t n);
/** Bytes that the client lets the stream send now; may be below 0. */
int32_t weir_h2_window(const struct weir_h2 *h, int32_t id);
/** Announce that the connection will end; requests are served on. */
void weir_h2_announce_end(struct weir_h2 *h);
/** No further request is taken; those that run are served. */
void weir_h2_refuse_further(struct weir_h2 *h);
/** End the connection. @param code  for GOAWAY */
void weir_h2_terminate(struct weir_h2 *h, uint32_t code);

#endif
