/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_window.h - private to failure_marks.c: what the last seconds of an endpoint's responses
 * say, in 64 bits that one compare-and-swap changes. Pure. A window begins with a failure; there is
 * none while all is well.
 */
#ifndef WEIR_NODE_FLOW_FAILURE_WINDOW_H
#define WEIR_NODE_FLOW_FAILURE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_FAILURE_WINDOW_S        10 /* of its length; see the help of `upstreams` */
#define WEIR_FAILURE_WINDOW_FAILURES 5  /* at least */
#define WEIR_FAILURE_WINDOW_CLIENTS  2  /* at least, whose requests failed */

/** A response, good or failed, and for which client. */
struct weir_outcome {
    uint64_t key;    /* of the endpoint */
    uint64_t now_ms; /* monotonic */
    uint64_t client; /* a secret hash of the client's network; only its bits are compared */
};

/** Whether a window of this key runs. @param w  0: none */
bool weir_failure_window_runs(uint64_t w, uint64_t key, uint64_t now_ms);
/**
 * Add a failed response; begins a window where none runs.
 *
 * @param ret_out  true: responses fail so often, for so many, that the endpoint is to be marked;
 * the window is over then
 * @return the new window
 */
uint64_t weir_failure_window_fail(uint64_t w, const struct weir_outcome *o, bool *ret_out);
/** Add a good response to a window that runs (contract). @return the new window */
uint64_t weir_failure_window_succeed(uint64_t w, const struct weir_outcome *o);

#endif
