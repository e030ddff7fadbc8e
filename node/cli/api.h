/* SPDX-License-Identifier: Apache-2.0
 *
 * api.h - calls of the admin API: requests out, messages of admin.proto in, errors reported once.
 * Every failure of a call is reported here, and becomes the exit code of the command.
 * Owner: the main thread.   Ref: node/ctl/admin/API.md.
 */
#ifndef WEIR_NODE_CLI_API_H
#define WEIR_NODE_CLI_API_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/cli/command.h"
#include "node/cli/link/client.h"

#define WEIR_API_IF_MATCH_MAX 24 /* bytes of a revision in quotes, with its NUL */

/** What is expected of a response. */
struct weir_api_want {
    const ProtobufCMessageDescriptor *message; /* of the body of a 2xx */
    struct weir_arena *arena;                  /* of the message */
    bool may_miss;                             /* a 404 is no error: the message is NULL */
};

/** For the messages of responses; the caller deinits it. */
void weir_api_arena_init(struct weir_arena *a);

/** Begin the run's client; legal to call again. @return WEIR_EXIT_OK | WEIR_EXIT_USAGE */
WEIR_MUST_USE enum weir_exit weir_api_begin(struct weir_cli *cli);
/**
 * Append the error of a response that is no 2xx: its message, and its details as lines behind two
 * blanks. Escaped.
 *
 * @return false: it is no error of weir, or there is no memory
 */
bool weir_api_refusal_write(const struct weir_client_response *response, struct weir_strbuf *out);
/**
 * Read a response that a call of the client has brought.
 *
 * @param ret  in want->arena; written on WEIR_EXIT_OK only
 * @return WEIR_EXIT_OK, or the exit code that its status stands for: written
 */
WEIR_MUST_USE enum weir_exit weir_api_response_read(struct weir_cli *cli,
                                                    const struct weir_client_response *response,
                                                    const struct weir_api_want *want,
                                                    ProtobufCMessage **ret);
/** Report cli->client.why. @return the exit code that `err` stands for */
enum weir_exit weir_api_failed(struct weir_cli *cli, enum weir_err err);
/** Report a response that is no 2xx. @return the exit code that it stands for */
enum weir_exit weir_api_refused(struct weir_cli *cli, const struct weir_client_response *response);

/**
 * Send a request and read its response.
 *
 * @param ret  in want->arena; written on WEIR_EXIT_OK only
 * @return WEIR_EXIT_OK, or the exit code: the error is written
 */
WEIR_MUST_USE enum weir_exit weir_api_send(struct weir_cli *cli,
                                           const struct weir_client_request *request,
                                           const struct weir_api_want *want,
                                           ProtobufCMessage **ret);
/** As weir_api_send, for a GET of `target`. */
WEIR_MUST_USE enum weir_exit weir_api_get(struct weir_cli *cli, const char *target,
                                          const struct weir_api_want *want, ProtobufCMessage **ret);

/** Append text for a path or a query: all but unreserved characters as %XX. */
void weir_api_escape(struct weir_strbuf *out, const char *text);
/** Whether `name` can be a tenant's; if not, that is written. */
bool weir_api_is_tenant(struct weir_cli *cli, const char *name);
/** Whether `kind` is a kind of documents that nodes store; if not, that is written. */
bool weir_api_is_kind(struct weir_cli *cli, const char *kind);

/** Write --if-revision as If-Match. @return out, or NULL when the flag is not given */
const char *weir_api_if_match(const struct weir_cli *cli, char out[WEIR_API_IF_MATCH_MAX]);
/**
 * Whether --wait is satisfied.
 *
 * @return WEIR_EXIT_OK | WEIR_EXIT_DEGRADED: written
 */
WEIR_MUST_USE enum weir_exit weir_api_waited(struct weir_cli *cli, uint32_t num_durable,
                                             uint32_t num_nodes);
/** As weir_api_waited for writes whose response does not count nodes: asks for the status. */
WEIR_MUST_USE enum weir_exit weir_api_wait(struct weir_cli *cli);

#endif
