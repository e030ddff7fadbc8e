/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c - see body.h. Each feed of a chunked body becomes one chunk, however many were received:
 * the framing that is sent is always weir's own.
 */
#include "node/flow/body.h"

#include <string.h>

_Static_assert(WEIR_PIECES_FRAMING_LEN >= WEIR_CHUNK_HEAD_MAX, "a chunk's head fits");

void weir_body_init(struct weir_body *b, enum weir_h1_body in, uint64_t length, bool out_chunked)
{
    b->in = in;
    b->out_chunked = out_chunked;
    b->done = in == WEIR_BODY_NONE;
    b->over_max = false;
    b->left = length;
    b->bytes = 0;
    b->max = 0;
    if (in == WEIR_BODY_CHUNKED)
        weir_chunked_init(&b->chunked);
}

static bool check_max(struct weir_body *b, uint64_t more)
{
    if (b->max == 0 || more <= b->max - b->bytes)
        return false;
    b->over_max = true;
    return true;
}

/* Write the chunk head into the slot reserved for it, when the length of the data behind it is
 * known. */
static void close_chunk(struct weir_pieces *out, int slot, size_t data_len, bool last)
{
    if (data_len > 0) {
        size_t n = weir_chunk_head_write(data_len, out->framing);
        out->iov[slot].iov_base = out->framing;
        out->iov[slot].iov_len = n;
        out->len += n;
        weir_pieces_add(out, last ? WEIR_SPAN_LIT("\r\n0\r\n\r\n") : WEIR_SPAN_LIT("\r\n"));
    } else {
        WEIR_ASSERT_CMP(out->num, ==, slot + 1);
        out->num = slot;
        if (last)
            weir_pieces_add(out, WEIR_SPAN_LIT("0\r\n\r\n"));
    }
}

static int open_chunk(struct weir_pieces *out)
{
    WEIR_ASSERT_CMP(out->num, <, WEIR_PIECES_MAX - 2);
    out->iov[out->num].iov_len = 0;
    return out->num++;
}

/* Add a run of a chunk's bytes. Short ones are copied behind each other and are one piece; without
 * that, chunks of a byte would leave 30 at a time. The first of a feed is left where it is, for it
 * is often the only one. */
static void add_run(struct weir_pieces *out, struct weir_span run, bool first)
{
    if (first || run.len > WEIR_RUN_SHORT || run.len > sizeof(out->flat) - out->flat_len) {
        weir_pieces_add(out, run);
        return;
    }
    WEIR_DCHECK(out->num > 0);
    uint8_t *copy = out->flat + out->flat_len;
    struct iovec *last = &out->iov[out->num - 1];
    memcpy(copy, run.at, run.len);
    out->flat_len += run.len;
    if ((uint8_t *)last->iov_base + last->iov_len != copy) {
        weir_pieces_add(out, weir_span(copy, run.len));
        return;
    }
    last->iov_len += run.len;
    out->len += run.len;
}

static enum weir_step feed_chunked(struct weir_body *b, struct weir_span in,
                                   struct weir_pieces *out, size_t *ret_used)
{
    size_t used = 0;
    size_t data_len = 0;
    int slot = b->out_chunked ? open_chunk(out) : -1;
    enum weir_step step = WEIR_STEP_SOME;

    while (step == WEIR_STEP_SOME && out->num < WEIR_PIECES_MAX - 1) {
        struct weir_span run = WEIR_SPAN_EMPTY;
        size_t n = 0;
        step = weir_chunked_next(&b->chunked, weir_span_from(in, used), &n, &run);
        used += n;
        if (step != WEIR_STEP_SOME)
            break;
        if (check_max(b, run.len))
            return WEIR_STEP_FAIL;
        add_run(out, run, data_len == 0);
        b->bytes += run.len;
        data_len += run.len;
    }
    if (step == WEIR_STEP_FAIL)
        return step;
    b->done = step == WEIR_STEP_DONE;
    if (b->out_chunked)
        close_chunk(out, slot, data_len, b->done);
    *ret_used = used;
    return step;
}

static enum weir_step feed_plain(struct weir_body *b, struct weir_span in, struct weir_pieces *out,
                                 size_t *ret_used)
{
    size_t take = in.len;
    if (b->in == WEIR_BODY_LENGTH && take > b->left)
        take = (size_t)b->left;
    if (check_max(b, take))
        return WEIR_STEP_FAIL;
    b->bytes += take;
    if (b->in == WEIR_BODY_LENGTH) {
        b->left -= take;
        b->done = b->left == 0;
    }
    if (b->out_chunked) {
        int slot = open_chunk(out);
        weir_pieces_add(out, weir_span(in.at, take));
        close_chunk(out, slot, take, b->done);
    } else {
        weir_pieces_add(out, weir_span(in.at, take));
    }
    *ret_used = take;
    return b->done ? WEIR_STEP_DONE : WEIR_STEP_MORE;
}

enum weir_step weir_body_feed(struct weir_body *b, struct weir_span in, struct weir_pieces *out,
                              size_t *ret_used)
{
    WEIR_ASSERT_CMP(out->num, <=, WEIR_PIECES_MAX - 6);
    WEIR_ASSERT(b->max == 0 || b->bytes <= b->max);
    switch (b->in) {
    case WEIR_BODY_NONE:
        *ret_used = 0;
        return WEIR_STEP_DONE;
    case WEIR_BODY_LENGTH:
    case WEIR_BODY_CLOSE:
        return feed_plain(b, in, out, ret_used);
    case WEIR_BODY_CHUNKED:
        return feed_chunked(b, in, out, ret_used);
    }
    WEIR_UNREACHABLE();
}

void weir_body_skip(struct weir_body *b, uint64_t n)
{
    WEIR_ASSERT(b->in == WEIR_BODY_LENGTH);
    WEIR_ASSERT(!b->out_chunked);
    WEIR_ASSERT_CMP(n, <=, b->left);
    b->left -= n;
    b->bytes += n;
    b->done = b->left == 0;
}

bool weir_body_end(struct weir_body *b, struct weir_pieces *out)
{
    if (b->done)
        return true;
    if (b->in != WEIR_BODY_CLOSE)
        return false;
    b->done = true;
    if (b->out_chunked)
        weir_pieces_add(out, WEIR_SPAN_LIT("0\r\n\r\n"));
    return true;
}
