/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_layer.h - TLS between a connection and its socket, of either role. One system call reads what
 * many records hold; what is encrypted leaves with one call for up to WEIR_TLS_OUT_LEN bytes, so a
 * socket that takes nothing leaves at most that much encrypted. Records are small at the begin of a
 * connection and after a pause, so that a client can use the first of them when its first packet is
 * there, and full in bulk. Owner: the thread of the connection's environment.
 * Memory: an object of the caller's pool; buffers of the environment for what the socket did not
 * take, and for input that could not be given yet.
 */
#ifndef WEIR_NODE_CONN_TLS_LAYER_H
#define WEIR_NODE_CONN_TLS_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/pool.h"
#include "node/conn/conn.h"
#include "node/conn/sock.h"
#include "node/wire/tls.h"

#define WEIR_TLS_IN_LEN      65536
#define WEIR_TLS_READ_MIN    2048 /* encrypted bytes that a read asks for, however few are wanted */
#define WEIR_TLS_OUT_LEN     65536 /* encrypted bytes of one send */
#define WEIR_TLS_SMALL       1350  /* clear bytes of a record that fits a packet */
#define WEIR_TLS_SMALL_BURST 40000 /* bytes in small records, before they grow */
#define WEIR_TLS_PAUSE_MS    1000  /* without a byte sent: small records again */

/** What a call needs beside the connection, for all connections of an environment. Any call
 * overwrites it. */
struct weir_tls_scratch {
    uint8_t in[WEIR_TLS_IN_LEN];
    uint8_t out[WEIR_TLS_OUT_LEN + WEIR_TLS_RECORD_ROOM];
    uint8_t gather[WEIR_TLS_RECORD_MAX]; /* short pieces that become one record */
};

/** What BoringSSL takes for a connection, about: the budget is charged with it. */
#define WEIR_TLS_HANDSHAKE_BYTES   16384
#define WEIR_TLS_ESTABLISHED_BYTES 4096

#define WEIR_TLS_LAYER_MAGIC 0x544c4c59u

struct weir_tls_layer {
    uint32_t magic;
    bool strict_end; /* an end of the socket without close_notify is a failure */
    bool small;      /* records are small now */
    uint8_t over;    /* the peer's direction is: enum weir_tls_step END or FAILED; else DONE */
    struct weir_conn_layer layer;
    struct weir_tls tls;
    struct weir_conn_env *env;
    struct weir_pool *pool;
    struct weir_outq out;  /* encrypted bytes that the socket did not take */
    struct weir_stash *in; /* bytes of the peer that are not decrypted yet */
    uint32_t burst;   /* clear bytes since the begin or a pause, up to the limit of small records */
    uint32_t charged; /* bytes of the budget */
    uint32_t sent_ms; /* low bits of the time of the last send */
};

/**
 * A layer without a connection of TLS yet: the caller begins l->tls with weir_tls_accept or
 * weir_tls_connect, then weir_conn_set_layer(conn, &l->layer).
 * @param env  with tls set, of the connection (contract)
 * @param pool  of objects of sizeof(struct weir_tls_layer)
 * @return NULL: no memory
 */
WEIR_MUST_USE struct weir_tls_layer *weir_tls_layer_new(struct weir_conn_env *env,
                                                        struct weir_pool *pool);
/** Free one that no connection has taken. NULL is legal. */
void weir_tls_layer_discard(struct weir_tls_layer *l);

/** The layer of a connection. NULL: it is clear. */
struct weir_tls_layer *weir_tls_layer_of(const struct weir_conn *c);

/** The result of weir_tls_layer_handshake. */
enum weir_tls_progress {
    WEIR_TLS_PROGRESS_DONE,    /* clear bytes can be read and written; some may wait already */
    WEIR_TLS_PROGRESS_BLOCKED, /* watch the connection, for input */
    WEIR_TLS_PROGRESS_SIGNS,   /* weir_tls_take_signature of l->tls; watch nothing */
    WEIR_TLS_PROGRESS_END,     /* the peer has closed */
    WEIR_TLS_PROGRESS_FAILED,  /* l->tls.fault, or NONE there: the socket failed */
};
/** Go on with the handshake: read once, and send what it brings. */
enum weir_tls_progress weir_tls_layer_handshake(struct weir_conn *c);

#endif
