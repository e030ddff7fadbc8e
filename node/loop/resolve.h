/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h - how a worker has a name looked up: it makes a weir_lookup and gives it to the node's
 * resolver (node/ctl/resolver.c), which lives on the control loop and gives it back, with the
 * addresses, into the worker's inbox of responses. The look-up is itself the message both ways, so
 * a response needs no memory and cannot be lost. Owner: the worker, the resolver between ask and
 * response.   Limits: WEIR_RESOLVE_MAX addresses of a name, WEIR_LOOKUPS_MAX look-ups of one worker
 * at once.
 */
#ifndef WEIR_NODE_LOOP_RESOLVE_H
#define WEIR_NODE_LOOP_RESOLVE_H

#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/inbox.h"
#include "node/base/limits.h"

enum weir_resolved {
    WEIR_RESOLVED_FOUND,  /* the addresses of the name, for ttl_ms */
    WEIR_RESOLVED_STALE,  /* the last good ones: the look-up failed, or takes long; ask again */
    WEIR_RESOLVED_NONE,   /* the name does not exist, or has no address */
    WEIR_RESOLVED_FAILED, /* it is not known: no response, a fault, a limit */
};

struct weir_lookup {
    struct weir_msg msg;
    struct weir_inbox *reply; /* borrowed until it is given back; has room for it (contract) */
    uint64_t tenant;          /* whose limit of look-ups at once counts; any number that names it */
    void *owner;              /* the worker's own */
    enum weir_resolved result;
    uint32_t ttl_ms; /* when to ask again, whatever the result; 1.. */
    uint16_t num_addrs;
    struct weir_addr addrs[WEIR_RESOLVE_MAX]; /* without ports, best first */
    char host[WEIR_HOST_MAX + 1];
};

/** Who looks names up. */
struct weir_resolve {
    /**
     * Any thread, never blocks. Takes `l` on success and gives it back into l->reply, once, at the
     * latest when the resolver stops; that may be before this returns.
     *
     * @return WEIR_OK | WEIR_EBUSY (too many wait: try again later) | WEIR_ECLOSED (it has stopped)
     */
    enum weir_err (*ask)(void *arg, struct weir_lookup *l);
    void *arg;
};

#endif
