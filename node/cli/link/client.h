/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - one blocking HTTP/1.1 connection to a node's admin API, over its socket or over TLS,
 * read with the node's own strict codec. Owner: the main thread.
 * Limits: a head of WEIR_CLIENT_HEAD_MAX, a body of WEIR_CLIENT_BODY_MAX unless it is streamed; one
 * absolute limit of time for each call.   Ref: RFC 9112; node/ctl/admin/API.md.
 */
#ifndef WEIR_NODE_CLI_LINK_CLIENT_H
#define WEIR_NODE_CLI_LINK_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/cli/link/client_tls.h"
#include "node/cli/link/node_url.h"

#define WEIR_CLIENT_HEAD_MAX  16384
#define WEIR_CLIENT_BODY_MAX  (64u << 20)
#define WEIR_CLIENT_WHY_MAX   768
#define WEIR_CLIENT_NAME_MAX  320
#define WEIR_CLIENT_TOKEN_MAX 4096

struct weir_client {
    struct weir_node_url url;        /* NONE: weir_client_init has not succeeded */
    char name[WEIR_CLIENT_NAME_MAX]; /* of the node, for messages; escaped */
    struct weir_client_tls *tls;     /* owns; NULL: over a socket */
    const char *token;               /* of a remote node; borrowed */
    int fd;                          /* -1: not connected */
    uint64_t timeout_ms;             /* of a call, from its start to the end of its response */
    const volatile sig_atomic_t *interrupted; /* NULL: none; not 0: give up */
    uint8_t *in;                              /* owns; received and not yet used */
    size_t in_at;
    size_t in_len;
    uint64_t deadline_ns;          /* of the call; 0: no limit */
    bool responded;                /* a byte of the response has come */
    char why[WEIR_CLIENT_WHY_MAX]; /* the last failure, as a sentence for the user; escaped */
};

struct weir_client_request {
    const char *method;
    const char *target;       /* path and query, escaped */
    const char *content_type; /* NULL: there is no body */
    const char *if_match;     /* with its quotes, or NULL */
    struct weir_span body;
};

struct weir_client_response {
    uint16_t status;
    struct weir_strbuf body; /* owns */
};

/** Takes pieces of a body. @return false: enough, end the call */
typedef bool weir_client_sink(void *arg, struct weir_span piece);

/**
 * Nothing is connected yet.
 *
 * @param node  "unix:PATH" or "https://HOST:PORT"
 * @return WEIR_OK | WEIR_EINVAL (no such URL): c->why; the client is legal to close in any case
 */
WEIR_MUST_USE enum weir_err weir_client_init(struct weir_client *c, const char *source,
                                             const char *node, uint64_t timeout_ms);
/**
 * How to trust a remote node, and be trusted by it. After weir_client_init, before the first call;
 * for a socket neither is used.
 *
 * @param token  borrowed as long as the client; NULL: there is none, which is an error
 * @param ca     as weir_client_tls_new has it
 * @return WEIR_OK | WEIR_EINVAL | WEIR_ENOMEM: c->why
 */
WEIR_MUST_USE enum weir_err weir_client_authorize(struct weir_client *c, const char *token,
                                                  const char *ca);
/** Close the connection and free the buffer; legal on the zero state with fd -1. */
void weir_client_deinit(struct weir_client *c);

/**
 * One exchange over the connection of the call before, or over a new one. A GET is sent a second
 * time when the connection of the call before closes before a byte of the response.
 *
 * @param request  its target begins with "/" and has no blank or line end (contract)
 * @param ret      body is replaced; written on success only
 * @return WEIR_OK, whatever the status | WEIR_ENOTFOUND, WEIR_EPERM, WEIR_ECLOSED: no node there,
 * or it closed the connection | WEIR_ETIMEOUT | WEIR_EBUSY (interrupted) | WEIR_EPROTO (no HTTP) |
 * WEIR_ELIMIT (response too long) | WEIR_EIO | WEIR_ENOMEM: see c->why; the connection is closed
 */
WEIR_MUST_USE enum weir_err weir_client_call(struct weir_client *c,
                                             const struct weir_client_request *request,
                                             struct weir_client_response *ret);
/**
 * As weir_client_call, but the body of a 200 goes to `sink` as it comes, without a limit of size or
 * time. ret->body is then empty.
 */
WEIR_MUST_USE enum weir_err weir_client_stream(struct weir_client *c,
                                               const struct weir_client_request *request,
                                               struct weir_client_response *ret,
                                               weir_client_sink *sink, void *arg);

#endif
