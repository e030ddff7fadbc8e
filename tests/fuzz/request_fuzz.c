/* SPDX-License-Identifier: Apache-2.0
 *
 * request_fuzz.c - any bytes as a request head, under the largest and the smallest limit.
 */
#include "node/wire/target.h"
#include "node/wire/uri.h"
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What routing and forwarding rely on in a request that was accepted. */
static void check_request(const struct weir_h1_head *h, const uint8_t *bytes)
{
    struct weir_authority authority;
    struct weir_span text = weir_span(bytes + h->authority_at, h->authority_len);
    FUZZ_CHECK(h->method_len > 0 && h->target_len > 0);
    FUZZ_CHECK(memchr(bytes + h->target_at, '#', h->target_len) == NULL);
    FUZZ_CHECK(memchr(bytes + h->target_at, ' ', h->target_len) == NULL);
    FUZZ_CHECK(h->minor == 0 || h->authority_len > 0);
    FUZZ_CHECK(text.len == 0 || weir_authority_parse(text, &authority) == WEIR_OK);
    FUZZ_CHECK(text.len == 0 || text.at[text.len - 1] != ':');
    if (h->form != WEIR_TARGET_ASTERISK && h->path_len > 0) {
        bool no_path = h->form == WEIR_TARGET_ABSOLUTE && bytes[h->path_at] == '?';
        FUZZ_CHECK(bytes[h->path_at] == '/' || no_path);
        FUZZ_CHECK(weir_target_is_good(weir_span(bytes + h->path_at, h->path_len)));
    }
    FUZZ_CHECK(weir_h1_body_of(h, WEIR_METHOD_OTHER) != WEIR_BODY_CLOSE);
    (void)weir_h1_keeps_alive(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_h1_head h;
    struct weir_span bytes = weir_span(data, size);
    if (fuzz_head(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX, bytes) == WEIR_STEP_DONE)
        check_request(&h, data);
    if (fuzz_head(&h, WEIR_H1_REQUEST, 64, bytes) == WEIR_STEP_DONE)
        check_request(&h, data);
    return 0;
}
