/* SPDX-License-Identifier: Apache-2.0
 *
 * node_facts.h - what a node needs of its host: descriptors, ports, a folder, a socket; found
 * out before and at start. Every message is one line, cause first, then what to do.   Owner:
 * control thread, before the loop runs.
 */
#ifndef WEIR_NODE_CTL_NODE_FACTS_H
#define WEIR_NODE_CTL_NODE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/strbuf.h"
#include "node/ctl/config.h"
#include "tenants/cert_secret.h"

#define WEIR_DESCRIPTORS_OWN                                                                       \
    512 /* store, logs, loops, listeners, admin connections: all but the traffic's */

/** Whether the pipes that the kernel lets this user have are too few for large bodies at full
 * speed. Appends one line about them, without its end. */
bool weir_explain_pipes(struct weir_strbuf *out);

/** Raise the soft limit of open descriptors to what the system lets us have, the hard limit
 * included if it may be. */
uint32_t weir_descriptors_raise(uint32_t wanted);
/** How many a node with this many connections wants: one for the client and one for the endpoint
 * each. */
uint32_t weir_descriptors_wanted(uint32_t connections);

/** Why an address cannot be listened on, and what to do. @param err WEIR_EINUSE, WEIR_EPERM,
 * WEIR_EINVAL or another */
void weir_explain_listener(const char *field, const struct weir_addr *addr, enum weir_err err,
                           int sys_errno, struct weir_strbuf *out);
/** Why the store cannot be opened. */
void weir_explain_store(const char *folder, enum weir_err err, struct weir_strbuf *out);
/** Why the secret cannot be had. */
void weir_explain_secret(enum weir_err err, const struct weir_secret_found *found,
                         struct weir_strbuf *out);
/** Why an admin socket cannot be made. @param field  "admin.socket" or "admin.socket_ro" */
void weir_explain_socket(const char *field, const char *path, enum weir_err err, int sys_errno,
                         struct weir_strbuf *out);
/** Why the access log cannot be opened. @param target  as log.access
 * @param sys_errno  of open(2); 0: not known, then err counts */
void weir_explain_access_log(const char *target, enum weir_err err, int sys_errno,
                             struct weir_strbuf *out);

/**
 * `weir node --check`: try everything that a start, or a reload of the node that runs, would need,
 * and change nothing. What the running node holds itself is no fault.
 *
 * @param out one line for each thing checked: "ok", "warn" or "fail", what, and what to do
 * @return true: the node would start, or take the file over
 */
bool weir_node_facts_check(const struct weir_config *c, struct weir_strbuf *out);

#endif
