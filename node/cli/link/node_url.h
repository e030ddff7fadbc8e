/* SPDX-License-Identifier: Apache-2.0
 *
 * node_url.h - where a node is: "unix:PATH" or "https://HOST[:PORT]". Pure.
 * Owner: the main thread.   Limits: a socket's path of 107 bytes, a host of WEIR_HOST_MAX.
 */
#ifndef WEIR_NODE_CLI_LINK_NODE_URL_H
#define WEIR_NODE_CLI_LINK_NODE_URL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"

#define WEIR_NODE_URL_PORT 7400 /* of https:// without one */

enum weir_node_url_kind { WEIR_NODE_URL_NONE, WEIR_NODE_URL_UNIX, WEIR_NODE_URL_HTTPS };

/** One node. The zero state is none. */
struct weir_node_url {
    enum weir_node_url_kind kind;
    struct sockaddr_un socket;    /* of UNIX */
    char host[WEIR_HOST_MAX + 1]; /* of HTTPS: a name or an address, without brackets */
    bool is_ip;                   /* then `ip` is the host */
    struct weir_addr ip;
    uint16_t port;
};

/**
 * Read it.
 *
 * @param ret  NONE on failure
 * @return WEIR_OK | WEIR_EINVAL (not such a URL, or a path, user or query behind it) | WEIR_ELIMIT
 * (a socket's path that is too long)
 */
WEIR_MUST_USE enum weir_err weir_node_url_parse(const char *text, struct weir_node_url *ret);

#endif
