/* SPDX-License-Identifier: Apache-2.0
 *
 * response_fuzz.c - any bytes as the head of a response, under the largest and the smallest limit.
 */
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_response(const struct weir_h1_head *h)
{
    FUZZ_CHECK(h->status >= 100 && h->status <= 599);
    FUZZ_CHECK(weir_h1_body_of(h, WEIR_METHOD_HEAD) == WEIR_BODY_NONE);
    if (h->status < 200 || h->status == 204) {
        FUZZ_CHECK(h->content_length == 0);
        FUZZ_CHECK(weir_h1_body_of(h, WEIR_METHOD_GET) == WEIR_BODY_NONE);
        /* A 204 that claims chunks ends with its head, and its connection is not used again. */
        FUZZ_CHECK(!h->chunked || (h->status == 204 && !weir_h1_keeps_alive(h)));
    }
    if (h->minor == 0)
        FUZZ_CHECK(!h->chunked);
    (void)weir_h1_keeps_alive(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_h1_head h;
    struct weir_span bytes = weir_span(data, size);
    if (fuzz_head(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX, bytes) == WEIR_STEP_DONE)
        check_response(&h);
    if (fuzz_head(&h, WEIR_H1_RESPONSE, 64, bytes) == WEIR_STEP_DONE)
        check_response(&h);
    return 0;
}
