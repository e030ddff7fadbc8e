/* SPDX-License-Identifier: Apache-2.0
 *
 * request_fuzz.c - any bytes as a request head, under the largest and the smallest limit.
 */
#include "node/wire/h1_partial.h"
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

static void check_part(struct weir_span part, struct weir_span bytes, size_t max)
{
    FUZZ_CHECK(part.len <= max);
    FUZZ_CHECK(part.len == 0 ||
               (part.at >= bytes.at && part.at + part.len <= bytes.at + bytes.len));
}

/* Of any head, however it ended; of a good one as the parser read it. */
static void check_partial(const struct weir_h1_head *h, struct weir_span bytes, bool done)
{
    struct weir_h1_partial p;
    weir_h1_partial_read(h, bytes, &p);
    check_part(p.method, bytes, WEIR_PARTIAL_METHOD_MAX);
    check_part(p.target, bytes, WEIR_PARTIAL_TARGET_MAX);
    check_part(p.host, bytes, WEIR_PARTIAL_HOST_MAX);
    if (!done)
        return;
    FUZZ_CHECK(weir_span_starts(weir_span(bytes.at + h->method_at, h->method_len), p.method));
    FUZZ_CHECK(weir_span_starts(weir_span(bytes.at + h->target_at, h->target_len), p.target));
    FUZZ_CHECK(p.method.len > 0 && p.target.len > 0);
    FUZZ_CHECK(p.host.len == 0 || p.host.at == bytes.at + h->authority_at);
}

static void check_head(uint32_t max_head, struct weir_span bytes)
{
    struct weir_h1_head h;
    bool done = fuzz_head(&h, WEIR_H1_REQUEST, max_head, bytes) == WEIR_STEP_DONE;
    if (done)
        check_request(&h, bytes.at);
    check_partial(&h, bytes, done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_span bytes = weir_span(data, size);
    check_head(WEIR_HEAD_MAX, bytes);
    check_head(64, bytes);
    return 0;
}
