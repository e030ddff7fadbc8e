/* SPDX-License-Identifier: Apache-2.0
 *
 * chunked_fuzz.c - any bytes as a chunked body: pieces give what the whole gives, a reader that
 * knows nothing but lines and counts finds the same data, and what was read, coded anew, reads the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/wire/chunked.h"
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct weir_chunked c;
    enum weir_step step;
    size_t used;
    size_t body_len;
    uint8_t *body; /* owns; as long as the input */
};

static void reading_init(struct reading *r, size_t size)
{
    memset(r, 0, sizeof(*r));
    r->body = malloc(size + 1);
    FUZZ_CHECK(r->body != NULL);
    weir_chunked_init(&r->c);
}

static void reading_feed(struct reading *r, struct weir_span in)
{
    do {
        size_t used = 0;
        struct weir_span out = WEIR_SPAN_EMPTY;
        r->step = weir_chunked_next(&r->c, in, &used, &out);
        FUZZ_CHECK(used <= in.len);
        if (r->step == WEIR_STEP_SOME) {
            FUZZ_CHECK(out.len > 0 && out.at >= in.at && out.at + out.len == in.at + used);
            memcpy(r->body + r->body_len, out.at, out.len);
            r->body_len += out.len;
        }
        if (r->step == WEIR_STEP_MORE)
            FUZZ_CHECK(used == in.len);
        r->used += used;
        in = weir_span_from(in, used);
    } while (r->step == WEIR_STEP_SOME);
    FUZZ_CHECK(r->c.total == r->body_len);
}

static void same_reading(const struct reading *a, const struct reading *b)
{
    FUZZ_CHECK(a->step == b->step && a->c.fault == b->c.fault && a->body_len == b->body_len);
    FUZZ_CHECK(a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0);
}

/* Lines end at the first CRLF, sizes at the first ";" or white space, the trailers at the first
 * empty line.
 * @return their bytes */
static struct weir_span check_naive(const struct reading *r, const uint8_t *data)
{
    size_t at = 0;
    size_t body_at = 0;
    for (;;) {
        uint64_t size = 0;
        for (; memchr("; \t\r", data[at], 4) == NULL; at++)
            size = size * 16 + (uint64_t)strtoul((char[]){ (char)data[at], '\0' }, NULL, 16);
        while (!(data[at] == '\r' && data[at + 1] == '\n'))
            at++;
        at += 2;
        if (size == 0)
            break;
        FUZZ_CHECK(size <= r->body_len - body_at);
        FUZZ_CHECK(memcmp(data + at, r->body + body_at, (size_t)size) == 0);
        at += (size_t)size;
        body_at += (size_t)size;
        FUZZ_CHECK(data[at] == '\r' && data[at + 1] == '\n');
        at += 2;
    }
    FUZZ_CHECK(body_at == r->body_len);
    struct weir_span trailers = weir_span(data + at, r->used - 2 - at);
    while (data[at] != '\r' || data[at + 1] != '\n') {
        while (data[at] != '\r' || data[at + 1] != '\n')
            at++;
        at += 2;
    }
    FUZZ_CHECK(at + 2 == r->used && trailers.len <= WEIR_TRAILERS_MAX);
    return trailers;
}

/* Code the body anew in chunks of other lengths, with the trailers, and read that. */
static void check_recoded(const struct reading *r, struct weir_span trailers, const uint8_t *data,
                          size_t size)
{
    size_t most = r->body_len * (WEIR_CHUNK_HEAD_MAX + 3) + trailers.len + 5;
    uint8_t *out = malloc(most);
    struct reading again;
    size_t len = 0;
    FUZZ_CHECK(out != NULL);
    for (size_t at = 0; at < r->body_len;) {
        size_t piece = fuzz_piece(data, size, at);
        piece = piece < r->body_len - at ? piece : r->body_len - at;
        len += weir_chunk_head_write(piece, out + len);
        len = fuzz_append(out, len, weir_span(r->body + at, piece));
        len = fuzz_append(out, len, WEIR_SPAN_LIT("\r\n"));
        at += piece;
    }
    len = fuzz_append(out, len, WEIR_SPAN_LIT("0\r\n"));
    len = fuzz_append(out, len, trailers);
    len = fuzz_append(out, len, WEIR_SPAN_LIT("\r\n"));
    FUZZ_CHECK(len <= most);
    reading_init(&again, len);
    reading_feed(&again, weir_span(out, len));
    same_reading(&again, r);
    FUZZ_CHECK(again.used == len);
    free(again.body);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading whole;
    struct reading parts;
    reading_init(&whole, size);
    reading_feed(&whole, weir_span(data, size));
    reading_init(&parts, size);
    for (size_t at = 0; at < size && parts.step == WEIR_STEP_MORE;) {
        size_t piece = fuzz_piece(data, size, at);
        piece = piece < size - at ? piece : size - at;
        reading_feed(&parts, weir_span(data + at, piece));
        at += piece;
    }
    same_reading(&parts, &whole);
    if (whole.step == WEIR_STEP_DONE) {
        FUZZ_CHECK(whole.used == parts.used);
        struct weir_span trailers = check_naive(&whole, data);
        check_recoded(&whole, trailers, data, size);
    }
    free(whole.body);
    free(parts.body);
    return 0;
}
