/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_test.c - the rules of one exchange: each combination of facts is compared with the rule of
 * the RFC or of robustness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/flow/plan.h"
#include "tests/support/death.h"

static struct weir_h1_head response_of(const char *text)
{
    struct weir_h1_head h;
    weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(&h, weir_span_cstr(text)), WEIR_STEP_DONE);
    return h;
}

#define LENGTH_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define LENGTH_0 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define CHUNKED  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define NEITHER  "HTTP/1.1 200 OK\r\n\r\n"
#define NONE_204 "HTTP/1.1 204 No Content\r\n\r\n"
#define NONE_304 "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"

struct framing {
    const char *response;
    enum weir_method method;
    uint8_t minor; /* of the client */
    enum weir_h1_body body;
    bool out_chunked;
    bool out_until_close;
};

static const struct framing framings[] = {
    { LENGTH_5, WEIR_METHOD_GET, 1, WEIR_BODY_LENGTH, false, false },
    { LENGTH_5, WEIR_METHOD_GET, 0, WEIR_BODY_LENGTH, false, false },
    { LENGTH_5, WEIR_METHOD_HEAD, 1, WEIR_BODY_NONE, false, false },
    { LENGTH_0, WEIR_METHOD_POST, 1, WEIR_BODY_NONE, false, false },
    { CHUNKED, WEIR_METHOD_GET, 1, WEIR_BODY_CHUNKED, true, false },
    { CHUNKED, WEIR_METHOD_GET, 0, WEIR_BODY_CHUNKED, false, true },
    { CHUNKED, WEIR_METHOD_HEAD, 1, WEIR_BODY_NONE, false, false },
    { CHUNKED, WEIR_METHOD_HEAD, 0, WEIR_BODY_NONE, false, false },
    { NEITHER, WEIR_METHOD_OTHER, 1, WEIR_BODY_CLOSE, true, false },
    { NEITHER, WEIR_METHOD_OTHER, 0, WEIR_BODY_CLOSE, false, true },
    { NEITHER, WEIR_METHOD_HEAD, 0, WEIR_BODY_NONE, false, false },
    { NONE_204, WEIR_METHOD_DELETE, 1, WEIR_BODY_NONE, false, false },
    { NONE_304, WEIR_METHOD_GET, 1, WEIR_BODY_NONE, false, false },
    { "HTTP/1.0 200 OK\r\n\r\n", WEIR_METHOD_GET, 1, WEIR_BODY_CLOSE, true, false },
};

/* RFC 9112 6.3 for the way in, 7.1 and 9.3 for the way out; and the client's connection lives on
 * only when every fact allows it. */
static void a_final_response_is_framed_and_followed_as_all_facts_allow(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(framings) * 8; i++) {
        const struct framing *f = &framings[i / 8];
        struct weir_h1_head h = response_of(f->response);
        struct weir_request_facts req = { .method = f->method,
                                          .minor = f->minor,
                                          .keep_alive = (i & 1) != 0 };
        struct weir_response_facts facts = { .head = &h,
                                             .interims = WEIR_INTERIM_MAX,
                                             .request_done = (i & 2) != 0,
                                             .last = (i & 4) != 0 };
        struct weir_response_plan plan;
        assert_true(weir_plan_response(&facts, &req, &plan));
        assert_false(plan.interim);
        assert_false(plan.pass_interim);
        assert_int_equal(plan.body, f->body);
        assert_int_equal(plan.out_chunked, f->out_chunked);
        assert_int_equal(plan.out_until_close, f->out_until_close);
        assert_int_equal(plan.reuse_downstream, (i & 7) == 3 && !f->out_until_close);
    }
}

static void interim_responses_pass_only_to_clients_of_http_1_1(void **state)
{
    static const unsigned statuses[] = { 100, 102, 103, 110, 199 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(statuses); i++) {
        for (uint8_t minor = 0; minor < 2; minor++) {
            char text[64];
            (void)snprintf(text, sizeof(text), "HTTP/1.1 %u x\r\n\r\n", statuses[i]);
            struct weir_h1_head h = response_of(text);
            struct weir_request_facts req = { .method = WEIR_METHOD_GET, .minor = minor };
            struct weir_response_facts facts = { .head = &h, .interims = 0 };
            struct weir_response_plan plan;
            assert_true(weir_plan_response(&facts, &req, &plan));
            assert_true(plan.interim);
            /* RFC 9110 15.2: "A server MUST NOT send a 1xx response to an HTTP/1.0 client." */
            assert_int_equal(plan.pass_interim, minor);
            assert_int_equal(plan.body, WEIR_BODY_NONE);
            assert_false(plan.out_chunked);
            assert_true(plan.reuse_downstream);
        }
    }
}

static void interim_responses_are_bounded(void **state)
{
    struct weir_h1_head h = response_of("HTTP/1.1 103 x\r\n\r\n");
    struct weir_request_facts req = { .method = WEIR_METHOD_GET, .minor = 1 };
    struct weir_response_facts facts = { .head = &h, .interims = WEIR_INTERIM_MAX - 1 };
    struct weir_response_plan plan;
    assert_true(weir_plan_response(&facts, &req, &plan));
    facts.interims = WEIR_INTERIM_MAX;
    assert_false(weir_plan_response(&facts, &req, &plan));
}

/* 101 only for a request that asked; no request of weir's asks. */
static void a_switch_of_protocols_is_no_response(void **state)
{
    struct weir_h1_head h =
        response_of("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n");
    struct weir_request_facts req = { .method = WEIR_METHOD_GET, .minor = 1, .keep_alive = true };
    struct weir_response_facts facts = { .head = &h, .request_done = true };
    struct weir_response_plan plan;
    memset(&plan, 0x5a, sizeof(plan));
    struct weir_response_plan before = plan;
    assert_false(weir_plan_response(&facts, &req, &plan));
    assert_memory_equal(&plan, &before, sizeof(plan));
}

static const enum weir_failure failures[] = {
    WEIR_FAILURE_CONNECT,          WEIR_FAILURE_CONNECT_TIMEOUT, WEIR_FAILURE_CLOSED,
    WEIR_FAILURE_RESPONSE_TIMEOUT, WEIR_FAILURE_MALFORMED,       WEIR_FAILURE_CUT,
    WEIR_FAILURE_STALLED,
};
static const enum weir_method methods[] = {
    WEIR_METHOD_OTHER,   WEIR_METHOD_GET,    WEIR_METHOD_HEAD,    WEIR_METHOD_POST,
    WEIR_METHOD_PUT,     WEIR_METHOD_DELETE, WEIR_METHOD_OPTIONS, WEIR_METHOD_TRACE,
    WEIR_METHOD_CONNECT, WEIR_METHOD_PATCH,
};

/* The bits of a number as facts: every combination is one of 128. */
static struct weir_failure_facts facts_of(unsigned bits, enum weir_method method)
{
    return (struct weir_failure_facts){ .method = method,
                                        .reused = (bits & 1) != 0,
                                        .sent = (bits & 2) != 0,
                                        .body_taken = (bits & 4) != 0,
                                        .response_begun = (bits & 8) != 0,
                                        .head_passed = (bits & 16) != 0,
                                        .retries = bits >> 5 };
}

/* The rules about cuts and about second tries, one after the other. */
static enum weir_next expected(enum weir_failure failure, const struct weir_failure_facts *f)
{
    static const bool idempotent[] = {
        [WEIR_METHOD_GET] = true,    [WEIR_METHOD_HEAD] = true,    [WEIR_METHOD_PUT] = true,
        [WEIR_METHOD_DELETE] = true, [WEIR_METHOD_OPTIONS] = true, [WEIR_METHOD_TRACE] = true,
        [WEIR_METHOD_PATCH] = false
    };
    if (f->head_passed)
        return WEIR_NEXT_CUT; /* a cut is visible */
    if (failure == WEIR_FAILURE_CONNECT || failure == WEIR_FAILURE_CONNECT_TIMEOUT)
        return WEIR_NEXT_ENDPOINT; /* no byte left: the next may try, whatever the method */
    if (failure == WEIR_FAILURE_RESPONSE_TIMEOUT || failure == WEIR_FAILURE_STALLED)
        return WEIR_NEXT_504;
    if (failure == WEIR_FAILURE_MALFORMED || failure == WEIR_FAILURE_CUT)
        return WEIR_NEXT_502;
    if (!f->sent)
        return WEIR_NEXT_ENDPOINT;
    bool once = idempotent[f->method] && f->retries == 0 && !f->response_begun && !f->body_taken;
    return once ? WEIR_NEXT_FRESH : WEIR_NEXT_502;
}

static void a_failure_is_followed_by_what_the_facts_allow(void **state)
{
    unsigned seen[WEIR_NEXT_CUT + 1] = { 0 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(failures); i++) {
        for (size_t k = 0; k < WEIR_ARRAY_LEN(methods); k++) {
            for (unsigned bits = 0; bits < 96; bits++) {
                struct weir_failure_facts f = facts_of(bits, methods[k]);
                enum weir_next next = weir_plan_after_failure(failures[i], &f);
                assert_int_equal(next, expected(failures[i], &f));
                seen[next]++;
            }
        }
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(seen); i++)
        assert_true(seen[i] > 0);
}

/* RFC 9110 9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests." */
static void nothing_is_sent_twice_that_may_have_been_acted_on(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(failures); i++) {
        for (size_t k = 0; k < WEIR_ARRAY_LEN(methods); k++) {
            for (unsigned bits = 0; bits < 96; bits++) {
                struct weir_failure_facts f = facts_of(bits | 2, methods[k]);
                enum weir_next next = weir_plan_after_failure(failures[i], &f);
                bool connecting = failures[i] == WEIR_FAILURE_CONNECT ||
                                  failures[i] == WEIR_FAILURE_CONNECT_TIMEOUT;
                if (next == WEIR_NEXT_FRESH)
                    assert_true(weir_method_is_idempotent(methods[k]) && f.retries == 0);
                if (next == WEIR_NEXT_ENDPOINT)
                    assert_true(connecting);
            }
        }
    }
}

/* Fault 9: only a failed connect marks at once; what a client may have caused never counts. */
static void a_failure_marks_by_what_it_proves(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(failures); i++) {
        for (unsigned bits = 0; bits < 192; bits++) {
            struct weir_failure_facts f = facts_of(bits % 96, WEIR_METHOD_GET);
            f.request_done = bits >= 96;
            bool connect =
                failures[i] == WEIR_FAILURE_CONNECT || failures[i] == WEIR_FAILURE_CONNECT_TIMEOUT;
            bool excused =
                (failures[i] == WEIR_FAILURE_CLOSED && (f.reused || !f.request_done)) ||
                (failures[i] == WEIR_FAILURE_STALLED && f.response_begun && !f.request_done);
            enum weir_mark mark = weir_plan_marks_endpoint(failures[i], &f);
            assert_int_equal(mark, excused   ? WEIR_MARK_NONE
                                   : connect ? WEIR_MARK_AT_ONCE
                                             : WEIR_MARK_BY_RATE);
        }
    }
}

static void plan_incomplete_response(void *arg)
{
    struct weir_h1_head head;
    struct weir_request_facts req = { .minor = 1 };
    struct weir_response_plan plan;
    struct weir_response_facts facts = { .head = &head };
    (void)arg;
    weir_h1_head_init(&head, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
    (void)!weir_plan_response(&facts, &req, &plan);
}

static void incomplete_head_breaks_the_contract(void **state)
{
    assert_true(weir_death_by_contract(plan_incomplete_response, NULL, "head_len > 0"));
}

/* Only chunks to an endpoint of HTTP/1.0 do not go on as they come. */
static void chunks_do_not_go_to_an_endpoint_of_http_1_0(void **state)
{
    static const enum weir_h1_body others[] = { WEIR_BODY_NONE, WEIR_BODY_LENGTH };
    assert_int_equal(weir_plan_request(WEIR_BODY_CHUNKED, false, 0), WEIR_REQUEST_STREAM);
    assert_int_equal(weir_plan_request(WEIR_BODY_CHUNKED, false, 100), WEIR_REQUEST_STREAM);
    assert_int_equal(weir_plan_request(WEIR_BODY_CHUNKED, true, 0), WEIR_REQUEST_411);
    assert_int_equal(weir_plan_request(WEIR_BODY_CHUNKED, true, 1), WEIR_REQUEST_GATHER);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(others); i++) {
        assert_int_equal(weir_plan_request(others[i], true, 0), WEIR_REQUEST_STREAM);
        assert_int_equal(weir_plan_request(others[i], true, 100), WEIR_REQUEST_STREAM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_final_response_is_framed_and_followed_as_all_facts_allow),
        cmocka_unit_test(interim_responses_pass_only_to_clients_of_http_1_1),
        cmocka_unit_test(interim_responses_are_bounded),
        cmocka_unit_test(a_switch_of_protocols_is_no_response),
        cmocka_unit_test(a_failure_is_followed_by_what_the_facts_allow),
        cmocka_unit_test(nothing_is_sent_twice_that_may_have_been_acted_on),
        cmocka_unit_test(incomplete_head_breaks_the_contract),
        cmocka_unit_test(a_failure_marks_by_what_it_proves),
        cmocka_unit_test(chunks_do_not_go_to_an_endpoint_of_http_1_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
