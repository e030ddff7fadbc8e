/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_conn.h - private to the admin server: one connection, and what it needs of the server
 * (admin.c). Owner: control.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_CONN_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "node/base/buffers/buffers.h"
#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/base/timerwheel.h"
#include "node/conn/conn.h"
#include "node/conn/conn_env.h"
#include "node/ctl/access/guess_limit.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/admin/admin_limits.h"
#include "node/ctl/admin/admin_tls.h"

/** The server as its connections see it. */
struct weir_admin {
    struct weir_node *node;
    uv_timer_t tick;
    bool stopping;
    struct weir_list listeners; /* owns each until the loop has closed it */
    size_t num_listeners;
    struct weir_list conns;
    size_t num_conns;
    size_t num_by_scope[WEIR_ADMIN_SCOPES];
    size_t body_bytes; /* of all requests that are being read or handled */
    uid_t last_uid;    /* whose name last_user is */
    bool has_uid;
    char last_user[WEIR_ADMIN_USER_MAX];
    struct weir_guess_limit guesses; /* wrong tokens */
    struct weir_conn_env env;        /* of the connections, on the control loop */
    struct weir_wheel wheel;         /* their deadlines; moved on by the tick */
    struct weir_buffers buffers;
    struct weir_turn now;
    struct weir_admin_tls *tls;          /* owns; NULL: no listener has TLS */
    struct weir_tls_scratch *tls_memory; /* owns; with tls */
    uint8_t read_buffer[WEIR_IO_CHUNK];
};

enum weir_admin_conn_state {
    WEIR_ADMIN_CONN_HANDSHAKE, /* of TLS */
    WEIR_ADMIN_CONN_READING,   /* waits for a request, or is inside one */
    WEIR_ADMIN_CONN_WORKING,   /* a handler has the request */
    WEIR_ADMIN_CONN_WRITING,   /* the response is on its way */
    WEIR_ADMIN_CONN_STREAMING, /* a handler sends piece after piece */
    WEIR_ADMIN_CONN_LINGERING, /* refused before it had sent all: drop the rest, then close */
    WEIR_ADMIN_CONN_CLOSING,   /* until the loop gives the connection back */
    WEIR_ADMIN_CONN_STATES
};

struct weir_admin_conn {
    uint32_t magic;
    struct weir_conn conn;
    struct weir_admin *admin;
    struct weir_list link;
    struct weir_admin_http http;
    struct weir_admin_request *request; /* in READING (head read), WORKING and STREAMING */
    enum weir_admin_conn_state state;   /* changed by move_conn alone */
    enum weir_admin_scope scope;        /* of the listener it came from */
    bool is_tcp;
    bool tls;
    bool trusted;     /* a token of it was good */
    bool signing;     /* a helper thread has the signature of its handshake */
    bool reading;     /* wants input */
    bool seen_end;    /* the client sends nothing more */
    bool close_after; /* this response is the last */
    bool linger;      /* and bytes of the client come that are not wanted */
    bool head_only;   /* the request is HEAD */
    bool chunked;
    bool writing;         /* head and body are on their way to the socket */
    bool failed;          /* it is closed by its next event: a handler may be at work with it now */
    bool ended;           /* the stream ends with what is on its way */
    uint64_t deadline_ms; /* uv_now; UINT64_MAX: none */
    uint64_t dropped;     /* bytes, while LINGERING */
    size_t written;       /* bytes of head and body that the connection has */
    struct weir_strbuf head; /* being written */
    struct weir_strbuf body; /* being written */
    char user[WEIR_ADMIN_USER_MAX];
    struct weir_addr peer; /* of a TCP connection */
};

/** Begin to serve a connection that was accepted. Takes fd. */
void weir_admin_conn_start(struct weir_admin_conn *c, int fd);
/** A helper thread has made the signature of its handshake. */
void weir_admin_conn_signed(struct weir_conn *conn);
/** End it, from whatever state. The `gone` of its request, if a handler has one, is called. */
void weir_admin_conn_close(struct weir_admin_conn *c);
/** Set or move its deadline to `ms` from now. */
void weir_admin_conn_expect(struct weir_admin_conn *c, uint64_t ms);
/** The last bytes of a response are on their way. */
bool weir_admin_conn_finishing(const struct weir_admin_conn *c);
/** May be closed to make room: it is between two requests, or still has to show a good token. */
bool weir_admin_conn_may_go(const struct weir_admin_conn *c);

#endif
