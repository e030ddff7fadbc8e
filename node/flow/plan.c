/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c - see plan.h.
 */
#include "node/flow/plan.h"

bool weir_plan_response(const struct weir_response_facts *response,
                        const struct weir_request_facts *req, struct weir_response_plan *ret)
{
    const struct weir_h1_head *head = response->head;
    struct weir_response_plan plan = { .body = WEIR_BODY_NONE };

    WEIR_ASSERT(head->kind == WEIR_H1_RESPONSE);
    WEIR_ASSERT_CMP(head->head_len, >, 0); /* complete */
    if (head->status == 101)
        return false;
    if (head->status < 200) {
        if (response->interims >= WEIR_INTERIM_MAX)
            return false;
        plan.interim = true;
        plan.pass_interim = req->minor > 0;
        plan.reuse_downstream = true;
        *ret = plan;
        return true;
    }
    plan.body = weir_h1_body_of(head, req->method);
    if (plan.body == WEIR_BODY_CHUNKED || plan.body == WEIR_BODY_CLOSE) {
        plan.out_chunked = req->minor > 0 && !req->framed;
        plan.out_until_close = req->minor == 0;
    }
    plan.reuse_downstream =
        req->keep_alive && response->request_done && !response->last && !plan.out_until_close;
    *ret = plan;
    return true;
}

enum weir_request_way weir_plan_request(enum weir_h1_body body, bool http10, uint64_t gather_max)
{
    bool unknown = body == WEIR_BODY_CHUNKED || body == WEIR_BODY_CLOSE;
    if (!unknown || !http10)
        return WEIR_REQUEST_STREAM;
    return gather_max > 0 ? WEIR_REQUEST_GATHER : WEIR_REQUEST_411;
}

enum weir_next weir_plan_after_failure(enum weir_failure failure,
                                       const struct weir_failure_facts *facts)
{
    if (facts->head_passed)
        return WEIR_NEXT_CUT;
    switch (failure) {
    case WEIR_FAILURE_CONNECT:
    case WEIR_FAILURE_CONNECT_TIMEOUT:
    case WEIR_FAILURE_TLS:
        return WEIR_NEXT_ENDPOINT;
    case WEIR_FAILURE_CLOSED:
        if (!facts->sent)
            return WEIR_NEXT_ENDPOINT;
        if (!facts->response_begun && !facts->body_taken && facts->retries == 0 &&
            weir_method_is_idempotent(facts->method))
            return WEIR_NEXT_FRESH;
        return WEIR_NEXT_502;
    case WEIR_FAILURE_RESPONSE_TIMEOUT:
    case WEIR_FAILURE_STALLED:
        return WEIR_NEXT_504;
    case WEIR_FAILURE_MALFORMED:
    case WEIR_FAILURE_CUT:
        return WEIR_NEXT_502;
    }
    WEIR_UNREACHABLE();
}

enum weir_mark weir_plan_marks_endpoint(enum weir_failure failure,
                                        const struct weir_failure_facts *facts)
{
    switch (failure) {
    case WEIR_FAILURE_CONNECT:
    case WEIR_FAILURE_CONNECT_TIMEOUT:
    case WEIR_FAILURE_TLS:
        return WEIR_MARK_AT_ONCE;
    case WEIR_FAILURE_CLOSED:
        /* While the request is incomplete, it may have waited for the client. */
        return facts->reused || !facts->request_done ? WEIR_MARK_NONE : WEIR_MARK_BY_RATE;
    case WEIR_FAILURE_STALLED:
        return facts->request_done || !facts->response_begun ? WEIR_MARK_BY_RATE : WEIR_MARK_NONE;
    case WEIR_FAILURE_RESPONSE_TIMEOUT:
    case WEIR_FAILURE_MALFORMED:
    case WEIR_FAILURE_CUT:
        return WEIR_MARK_BY_RATE;
    }
    WEIR_UNREACHABLE();
}
