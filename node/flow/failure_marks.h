/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_marks.h - the node-wide table of endpoint failure marks: fixed size, atomics only, shared
 * by all workers and the prober. A failed connect marks an endpoint out at once, and a success
 * clears that mark. A response that fails (closed, late, malformed, cut, stalled) only counts: it
 * marks when responses fail at a rate, for several clients (failure_window.h), so that no single
 * client can take an endpoint out; such a mark ends by its time alone, because one good response
 * says nothing against it. A mark lasts for a while that doubles with each further one (1 s .. 60
 * s). Failures while it is out belong to the same incident and change nothing. Endpoints are
 * identified by their keys alone, which are made with the table's secret. `now_ms` is monotonic.
 */
#ifndef WEIR_NODE_FLOW_FAILURE_MARKS_H
#define WEIR_NODE_FLOW_FAILURE_MARKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/siphash.h"

#define WEIR_FAILURE_MARKS_MAX 65536

struct weir_failure_mark {
    _Atomic uint64_t key;    /* 0 = free; relaxed, any thread */
    _Atomic uint64_t state;  /* private packing: out-until ms, failures, part of the key */
    _Atomic uint64_t window; /* of responses: failure_window.h; relaxed, any thread */
};

struct weir_failure_marks {
    struct weir_failure_mark slots[WEIR_FAILURE_MARKS_MAX];
    struct weir_siphash_key secret; /* of all keys in this process; set by _new, then read only */
};

/** An empty table with a new secret. @return NULL: out of memory, or of random numbers */
WEIR_MUST_USE struct weir_failure_marks *weir_failure_marks_new(void);
/** Sets *v NULL. */
void weir_failure_marks_free(struct weir_failure_marks **v);
/** False while the endpoint is marked out. An endpoint that found no slot counts as usable: a full
 * table never hides an endpoint. */
bool weir_failure_marks_usable(const struct weir_failure_marks *v, uint64_t key, uint64_t now_ms);
/** A connect failed. @return true when this marked a usable endpoint out (log it once) */
bool weir_failure_marks_failed(struct weir_failure_marks *v, uint64_t key, uint64_t now_ms);
/** A response failed, not by the client's doing. @return true as above */
bool weir_failure_marks_response_failed(struct weir_failure_marks *v, uint64_t key,
                                        const struct weir_addr *client, uint64_t now_ms);
/** A whole response came. Cheap when there is nothing to clear or to count (one load).
 * @return true when there was a mark to clear */
bool weir_failure_marks_succeeded(struct weir_failure_marks *v, uint64_t key,
                                  const struct weir_addr *client, uint64_t now_ms);

#endif
