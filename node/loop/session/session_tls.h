/* SPDX-License-Identifier: Apache-2.0
 *
 * session_tls.h - a client's connection until its TLS handshake is done; then the same object
 * becomes a session of what was agreed on by ALPN. Handshakes have one deadline, run a bounded
 * number of steps in a turn, and wait for a helper thread where a signature takes long. Private to
 * node/loop. Owner: one worker.   Ref: RFC 8446; RFC 7301 (ALPN).
 */
#ifndef WEIR_NODE_LOOP_SESSION_SESSION_TLS_H
#define WEIR_NODE_LOOP_SESSION_SESSION_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/loop/session/session.h"
#include "node/wire/tls_server.h"

enum weir_session_tls_state {
    WEIR_SESSION_TLS_HANDSHAKE, /* bytes of the client are awaited */
    WEIR_SESSION_TLS_SIGNING,   /* a helper thread makes the signature */
    WEIR_SESSION_TLS_LINGER,    /* refused: our side is shut, so that the client reads the alert */
    WEIR_SESSION_TLS_CLOSED,    /* the descriptor is closed; the memory is freed in a later turn */
};

struct weir_session_tls {
    struct weir_session s;
    uint8_t state;
    uint32_t dropped; /* bytes read and thrown away in LINGER */
};

/** weir_tls_server_config.choose: the tenant by the address where the client arrived and the name
 * that it asks for, then the tenant's certificate. @param owner  a struct weir_session_tls */
enum weir_tls_chosen weir_session_tls_choose(void *owner, const struct weir_client_hello *hello,
                                             struct weir_tls_choice *ret);

#endif
