/* SPDX-License-Identifier: Apache-2.0
 *
 * body_test.c - bodies in every framing, in and out: what leaves, read again by the codec of
 * node/wire, is what came, however it was cut into reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/flow/body.h"
#include "tests/support/death.h"

#define SINK_MAX 262144

/* What left, byte for byte. */
struct sink {
    size_t len;
    uint8_t bytes[SINK_MAX];
};

static void sink_take(struct sink *s, const struct weir_pieces *p)
{
    size_t before = s->len;
    for (int i = 0; i < p->num; i++) {
        assert_true(p->iov[i].iov_len > 0);
        assert_true(s->len + p->iov[i].iov_len <= sizeof(s->bytes));
        memcpy(s->bytes + s->len, p->iov[i].iov_base, p->iov[i].iov_len);
        s->len += p->iov[i].iov_len;
    }
    assert_int_equal(s->len - before, p->len);
}

/* Give `in` to the body, in a heap copy of exactly its length, as often as it asks. */
static enum weir_step pass(struct weir_body *b, struct weir_span in, struct sink *s,
                           size_t *ret_used)
{
    struct weir_pieces p;
    enum weir_step step;
    uint8_t *copy = malloc(in.len > 0 ? in.len : 1);
    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy, in.at, in.len);
    *ret_used = 0;
    do {
        size_t used = 0;
        weir_pieces_reset(&p);
        step = weir_body_feed(b, weir_span_from(weir_span(copy, in.len), *ret_used), &p, &used);
        if (step == WEIR_STEP_FAIL)
            break;
        *ret_used += used;
        assert_true(*ret_used <= in.len);
        sink_take(s, &p);
    } while (step == WEIR_STEP_SOME);
    free(copy);
    return step;
}

static bool finish(struct weir_body *b, struct sink *s)
{
    struct weir_pieces p;
    weir_pieces_reset(&p);
    bool clean = weir_body_end(b, &p);
    sink_take(s, &p);
    return clean;
}

/* Read chunked bytes whole. @return DONE with the data, or the result of the codec for an end that
 * is missing */
static enum weir_step decode(struct weir_span in, struct sink *ret)
{
    struct weir_chunked c;
    enum weir_step step = WEIR_STEP_SOME;
    size_t at = 0;
    weir_chunked_init(&c);
    ret->len = 0;
    while (step == WEIR_STEP_SOME) {
        struct weir_span run = WEIR_SPAN_EMPTY;
        size_t used = 0;
        step = weir_chunked_next(&c, weir_span_from(in, at), &used, &run);
        if (step == WEIR_STEP_FAIL)
            return step;
        at += used;
        if (step == WEIR_STEP_SOME) {
            memcpy(ret->bytes + ret->len, run.at, run.len);
            ret->len += run.len;
        }
    }
    if (step == WEIR_STEP_DONE)
        assert_int_equal(at, in.len);
    return step;
}

static void assert_left(const struct sink *s, bool out_chunked, const char *text)
{
    static struct sink plain;
    if (!out_chunked) {
        assert_int_equal(s->len, strlen(text));
        assert_memory_equal(s->bytes, text, s->len);
        return;
    }
    assert_int_equal(decode(weir_span(s->bytes, s->len), &plain), WEIR_STEP_DONE);
    assert_int_equal(plain.len, strlen(text));
    assert_memory_equal(plain.bytes, text, plain.len);
}

/* A body as it comes, and the bytes that it means. */
struct sample {
    enum weir_h1_body in;
    const char *bytes;
    const char *text;
};

static const struct sample samples[] = {
    { WEIR_BODY_LENGTH, "x", "x" },
    { WEIR_BODY_LENGTH, "The body of a request.", "The body of a request." },
    { WEIR_BODY_CLOSE, "until the end", "until the end" },
    { WEIR_BODY_CLOSE, "", "" },
    { WEIR_BODY_CHUNKED, "0\r\n\r\n", "" },
    { WEIR_BODY_CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "hello" },
    { WEIR_BODY_CHUNKED, "1\r\na\r\n1\r\nb\r\n00A\r\n0123456789\r\n0\r\n\r\n", "ab0123456789" },
    { WEIR_BODY_CHUNKED, "3;name=value;q=\"a\\\"b\"\r\nabc\r\n000;end\r\n\r\n", "abc" },
    { WEIR_BODY_CHUNKED, "2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n", "ok" },
    { WEIR_BODY_CHUNKED, "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", "\r\n0\r\n\r" },
};

static void init_sample(struct weir_body *b, const struct sample *m, bool out_chunked)
{
    weir_body_init(b, m->in, m->in == WEIR_BODY_LENGTH ? strlen(m->bytes) : 0, out_chunked);
}

static void a_body_leaves_whole_wherever_it_was_split(void **state)
{
    static struct sink s;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(samples); i++) {
        const struct sample *m = &samples[i];
        struct weir_span all = weir_span_cstr(m->bytes);
        for (size_t cut = 0; cut <= 2 * all.len + 1; cut++) {
            bool out_chunked = cut % 2 == 0;
            size_t at = cut / 2, used = 0, more = 0;
            struct weir_body b;
            s.len = 0;
            init_sample(&b, m, out_chunked);
            enum weir_step step = pass(&b, weir_span(all.at, at), &s, &used);
            assert_int_equal(used, at);
            if (step == WEIR_STEP_MORE)
                step = pass(&b, weir_span_from(all, at), &s, &more);
            assert_int_equal(used + more, all.len);
            assert_int_equal(step, m->in == WEIR_BODY_CLOSE ? WEIR_STEP_MORE : WEIR_STEP_DONE);
            assert_true(finish(&b, &s));
            assert_true(b.done);
            assert_int_equal(b.bytes, strlen(m->text));
            assert_left(&s, out_chunked, m->text);
        }
    }
}

static void a_body_leaves_whole_when_it_comes_byte_by_byte(void **state)
{
    static struct sink s;
    for (size_t i = 0; i < 2 * WEIR_ARRAY_LEN(samples); i++) {
        const struct sample *m = &samples[i / 2];
        struct weir_span all = weir_span_cstr(m->bytes);
        bool out_chunked = i % 2 == 0;
        struct weir_body b;
        s.len = 0;
        init_sample(&b, m, out_chunked);
        for (size_t at = 0; at < all.len; at++) {
            size_t used = 0;
            enum weir_step step = pass(&b, weir_span(all.at + at, 1), &s, &used);
            bool last = at + 1 == all.len && m->in != WEIR_BODY_CLOSE;
            assert_int_equal(step, last ? WEIR_STEP_DONE : WEIR_STEP_MORE);
            assert_int_equal(used, 1);
        }
        assert_true(finish(&b, &s));
        assert_left(&s, out_chunked, m->text);
    }
}

static void what_follows_a_body_is_not_used(void **state)
{
    static struct sink s;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(samples) * 16; i++) {
        const struct sample *m = &samples[i / 16];
        size_t more = 1 + i % 16;
        char both[128];
        struct weir_body b;
        size_t used = 0;
        if (m->in == WEIR_BODY_CLOSE)
            continue;
        size_t len = strlen(m->bytes);
        memcpy(both, m->bytes, len);
        memcpy(both + len, "GET / HTTP/1.1\r\n", 16);
        s.len = 0;
        init_sample(&b, m, false);
        assert_int_equal(pass(&b, weir_span(both, len + more), &s, &used), WEIR_STEP_DONE);
        assert_int_equal(used, len);
        assert_left(&s, false, m->text);
    }
}

static void a_message_without_a_body_is_done_at_once(void **state)
{
    static struct sink s;
    struct weir_body b;
    size_t used = 1;
    weir_body_init(&b, WEIR_BODY_NONE, 0, true);
    assert_true(b.done);
    assert_int_equal(pass(&b, WEIR_SPAN_LIT("GET"), &s, &used), WEIR_STEP_DONE);
    assert_int_equal(used, 0);
    assert_true(finish(&b, &s));
    assert_int_equal(s.len, 0);
}

/* Never a clean end after an incomplete body. */
static void a_cut_body_never_gets_a_clean_end(void **state)
{
    static struct sink s, plain;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(samples); i++) {
        const struct sample *m = &samples[i];
        if (m->in == WEIR_BODY_CLOSE)
            continue;
        for (size_t len = 0; len < strlen(m->bytes); len++) {
            struct weir_body b;
            size_t used = 0;
            s.len = 0;
            init_sample(&b, m, true);
            assert_int_equal(pass(&b, weir_span(m->bytes, len), &s, &used), WEIR_STEP_MORE);
            assert_false(finish(&b, &s));
            assert_false(b.done);
            assert_int_equal(decode(weir_span(s.bytes, s.len), &plain), WEIR_STEP_MORE);
        }
    }
}

static void a_body_until_close_ends_with_its_last_chunk_only_at_the_close(void **state)
{
    static struct sink s, plain;
    struct weir_body b;
    size_t used = 0;
    s.len = 0;
    weir_body_init(&b, WEIR_BODY_CLOSE, 0, true);
    assert_int_equal(pass(&b, WEIR_SPAN_LIT("abc"), &s, &used), WEIR_STEP_MORE);
    assert_int_equal(s.len, strlen("3\r\nabc\r\n"));
    assert_memory_equal(s.bytes, "3\r\nabc\r\n", s.len);
    assert_int_equal(decode(weir_span(s.bytes, s.len), &plain), WEIR_STEP_MORE);
    assert_true(finish(&b, &s));
    assert_int_equal(s.len, strlen("3\r\nabc\r\n0\r\n\r\n"));
    assert_true(finish(&b, &s));
    assert_int_equal(s.len, strlen("3\r\nabc\r\n0\r\n\r\n"));
}

static void the_chunks_of_one_read_leave_as_one(void **state)
{
    static struct sink s;
    struct weir_body b;
    size_t used = 0;
    s.len = 0;
    weir_body_init(&b, WEIR_BODY_CHUNKED, 0, true);
    assert_int_equal(
        pass(&b, WEIR_SPAN_LIT("1;x=y\r\na\r\n0002\r\nbc\r\n0\r\nT: v\r\n\r\n"), &s, &used),
        WEIR_STEP_DONE);
    assert_int_equal(s.len, strlen("3\r\nabc\r\n0\r\n\r\n"));
    assert_memory_equal(s.bytes, "3\r\nabc\r\n0\r\n\r\n", s.len);
}

static void a_read_of_nothing_but_framing_sends_nothing(void **state)
{
    static struct sink s;
    struct weir_body b;
    size_t used = 0;
    s.len = 0;
    weir_body_init(&b, WEIR_BODY_CHUNKED, 0, true);
    assert_int_equal(pass(&b, WEIR_SPAN_LIT("0000000000005;ext=1\r\n"), &s, &used), WEIR_STEP_MORE);
    assert_int_equal(used, 21);
    assert_int_equal(s.len, 0);
}

static size_t write_text(char *to, const char *text)
{
    memcpy(to, text, strlen(text));
    return strlen(text);
}

static size_t write_size(char *to, size_t n)
{
    char line[32];
    (void)snprintf(line, sizeof(line), "%zx\r\n", n);
    return write_text(to, line);
}

/* Chunks of `run_len` bytes, and the text that they carry. @return bytes written to `in` */
static size_t write_chunks(char *in, char *text, size_t num, size_t run_len)
{
    size_t len = 0;
    for (size_t i = 0; i < num; i++) {
        len += write_size(in + len, run_len);
        for (size_t k = 0; k < run_len; k++)
            in[len++] = *text++ = (char)('a' + (i + k) % 26);
        len += write_text(in + len, "\r\n");
    }
    len += write_text(in + len, "0\r\n\r\n");
    *text = '\0';
    return len;
}

/* Give `in` to a chunked body, with `num_before` pieces of a head there already each time.
 * @return how many sends that takes */
static unsigned count_sends(struct weir_span in, int num_before, bool out_chunked, struct sink *s)
{
    struct weir_body b;
    size_t at = 0;
    unsigned sends = 0;
    enum weir_step step;
    s->len = 0;
    weir_body_init(&b, WEIR_BODY_CHUNKED, 0, out_chunked);
    do {
        static struct weir_pieces p;
        size_t used = 0;
        weir_pieces_reset(&p);
        for (int i = 0; i < num_before; i++)
            weir_pieces_add(&p, WEIR_SPAN_LIT("h"));
        step = weir_body_feed(&b, weir_span_from(in, at), &p, &used);
        assert_true(step == WEIR_STEP_SOME || step == WEIR_STEP_DONE);
        assert_true(used > 0 && p.num >= num_before && p.num <= WEIR_PIECES_MAX);
        memmove(p.iov, p.iov + num_before, (size_t)(p.num - num_before) * sizeof(p.iov[0]));
        p.num -= num_before;
        p.len -= (size_t)num_before;
        sink_take(s, &p);
        at += used;
        sends++;
    } while (step == WEIR_STEP_SOME);
    assert_int_equal(at, in.len);
    return sends;
}

static void short_chunks_of_one_read_leave_in_one_call(void **state)
{
    static struct sink s;
    static char in[20000 * 6 + 6], text[20001];
    size_t len = write_chunks(in, text, 20000, 1);
    for (int num_before = 0; num_before <= WEIR_PIECES_MAX - 6; num_before++) {
        bool out_chunked = num_before % 2 == 0;
        assert_int_equal(count_sends(weir_span(in, len), num_before, out_chunked, &s), 1);
        assert_left(&s, out_chunked, text);
    }
}

/* Runs of any length, short and long by turns: what does not fit one call leaves in the next. */
static void chunks_of_every_length_fill_the_pieces_and_go_on(void **state)
{
    static struct sink s;
    static char in[SINK_MAX], text[SINK_MAX];
    for (size_t run_len = 1; run_len <= 2 * WEIR_RUN_SHORT; run_len += 17) {
        size_t num = 130000 / (run_len + 7);
        size_t len = write_chunks(in, text, num, run_len);
        size_t each = run_len <= WEIR_RUN_SHORT ? WEIR_PIECES_FLAT : run_len * WEIR_PIECES_MAX / 2;
        for (int num_before = 0; num_before <= WEIR_PIECES_MAX - 6; num_before += 13) {
            bool out_chunked = num_before % 2 == 0;
            unsigned sends = count_sends(weir_span(in, len), num_before, out_chunked, &s);
            if (num_before == 0)
                assert_in_range(sends, 1, num * run_len / each + 1);
            assert_left(&s, out_chunked, text);
        }
    }
}

static void short_runs_between_long_ones_keep_their_order(void **state)
{
    static struct sink s;
    static char in[65536], text[65536];
    size_t len = 0, text_len = 0;
    for (size_t i = 0; i < 60; i++) {
        size_t run = i % 3 == 0 ? WEIR_RUN_SHORT + 1 : i % 3 == 1 ? WEIR_RUN_SHORT : 3;
        len += write_size(in + len, run);
        memset(in + len, (int)('0' + i), run);
        memset(text + text_len, (int)('0' + i), run);
        len += run;
        text_len += run;
        len += write_text(in + len, "\r\n");
    }
    len += write_text(in + len, "0\r\n\r\n");
    text[text_len] = '\0';
    assert_in_range(count_sends(weir_span(in, len), 0, true, &s), 1, 3);
    assert_left(&s, true, text);
}

static void a_limit_is_reached_but_not_passed(void **state)
{
    static struct sink s;
    static const struct sample ten[] = {
        { WEIR_BODY_LENGTH, "0123456789", "" },
        { WEIR_BODY_CLOSE, "0123456789", "" },
        { WEIR_BODY_CHUNKED, "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", "" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ten); i++) {
        for (uint64_t max = 1; max <= 11; max++) {
            struct weir_body b;
            struct weir_span all = weir_span_cstr(ten[i].bytes);
            enum weir_step step = WEIR_STEP_MORE;
            s.len = 0;
            init_sample(&b, &ten[i], false);
            b.max = max;
            for (size_t at = 0; at < all.len && step == WEIR_STEP_MORE; at++) {
                size_t used = 0;
                step = pass(&b, weir_span(all.at + at, 1), &s, &used);
            }
            assert_int_equal(step == WEIR_STEP_FAIL, max < 10);
            assert_int_equal(b.over_max, max < 10);
            assert_int_equal(s.len, max < 10 ? max : 10);
        }
    }
}

static void one_feed_over_the_limit_fails_whole(void **state)
{
    struct weir_pieces p;
    struct weir_body b;
    size_t used = 77;
    weir_pieces_reset(&p);
    weir_body_init(&b, WEIR_BODY_LENGTH, 100, true);
    b.max = 4;
    assert_int_equal(weir_body_feed(&b, WEIR_SPAN_LIT("12345"), &p, &used), WEIR_STEP_FAIL);
    assert_true(b.over_max);
    assert_int_equal(used, 77);
    assert_int_equal(b.bytes, 0);
}

static void malformed_chunks_fail_and_are_not_taken_for_too_many(void **state)
{
    static const char *const bad[] = {
        "5\nhello\r\n",     "0x5\r\nhello\r\n",
        "+5\r\nhello\r\n",  "5 \r\nhello\r\n",
        "5\r\nhello!\r\n",  "\r\n",
        "-1\r\n",           "11111111111111111\r\n",
        "0\r\nBad Name: x", "5\r\nhello\n",
        "5;\r\n",           "0\r\n X: folded\r\n",
    };
    static struct sink s;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_body b;
        size_t used = 0;
        s.len = 0;
        weir_body_init(&b, WEIR_BODY_CHUNKED, 0, i % 2 == 0);
        b.max = 1000;
        assert_int_equal(pass(&b, weir_span_cstr(bad[i]), &s, &used), WEIR_STEP_FAIL);
        assert_false(b.over_max);
        assert_false(b.done);
        assert_false(finish(&b, &s));
    }
}

static void bytes_that_went_another_way_count(void **state)
{
    static struct sink s;
    struct weir_body b;
    size_t used = 0;
    weir_body_init(&b, WEIR_BODY_LENGTH, 10, false);
    assert_int_equal(pass(&b, WEIR_SPAN_LIT("123"), &s, &used), WEIR_STEP_MORE);
    weir_body_skip(&b, 6);
    assert_int_equal(b.bytes, 9);
    assert_int_equal(b.left, 1);
    assert_false(b.done);
    assert_false(finish(&b, &s));
    weir_body_skip(&b, 1);
    assert_true(b.done);
    assert_true(finish(&b, &s));
}

static void skip_too_much(void *arg)
{
    struct weir_body b;
    weir_body_init(&b, WEIR_BODY_LENGTH, 10, false);
    weir_body_skip(&b, 11);
}

static void feed_into_too_few_pieces(void *arg)
{
    struct weir_pieces p;
    struct weir_body b;
    size_t used = 0;
    weir_pieces_reset(&p);
    for (int i = 0; i < WEIR_PIECES_MAX - 5; i++)
        weir_pieces_add(&p, WEIR_SPAN_LIT("x"));
    weir_body_init(&b, WEIR_BODY_CHUNKED, 0, true);
    if (weir_body_feed(&b, WEIR_SPAN_LIT("0\r\n\r\n"), &p, &used) == WEIR_STEP_DONE)
        weir_pieces_reset(&p);
}

static void broken_contracts_end_the_process(void **state)
{
    assert_true(weir_death_by_contract(skip_too_much, NULL, "n <= b->left at "));
    assert_true(weir_death_by_contract(feed_into_too_few_pieces, NULL, "WEIR_PIECES_MAX - 6"));
}

static size_t copy_text(uint8_t *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return len;
}

/* Code `data` with chunks of random sizes, as a peer that uses all that is allowed would. */
static size_t encode(struct weir_rng *rng, const uint8_t *data, size_t len, uint8_t *out)
{
    static const char *const extensions[] = { "", "", ";a", ";a=b", ";a=\"b;\\\"c\"" };
    size_t at = 0, n = 0;
    while (at < len) {
        char head[64];
        size_t run = 1 + weir_rng_below(rng, weir_rng_below(rng, 4) == 0 ? 3000 : 12);
        if (run > len - at)
            run = len - at;
        (void)snprintf(head, sizeof(head), weir_rng_below(rng, 2) ? "%zx%s\r\n" : "000%zX%s\r\n",
                       run, extensions[weir_rng_below(rng, WEIR_ARRAY_LEN(extensions))]);
        n += copy_text(out + n, head);
        memcpy(out + n, data + at, run);
        n += run;
        n += copy_text(out + n, "\r\n");
        at += run;
    }
    return n + copy_text(out + n, weir_rng_below(rng, 2) ? "0\r\n\r\n" : "00;e\r\nX-T: 1\r\n\r\n");
}

static void random_bodies_in_random_reads_come_out_the_same(void **state)
{
    static uint8_t data[8192], in[SINK_MAX];
    static struct sink s, plain;
    struct weir_rng rng;
    weir_rng_init(&rng, 20261121);
    for (int round = 0; round < 1500; round++) {
        static const enum weir_h1_body framings[] = { WEIR_BODY_LENGTH, WEIR_BODY_CLOSE,
                                                      WEIR_BODY_CHUNKED };
        enum weir_h1_body framing = framings[weir_rng_below(&rng, 3)];
        bool out_chunked = weir_rng_below(&rng, 2) == 0;
        size_t len = 1 + weir_rng_below(&rng, weir_rng_below(&rng, 2) ? 64 : sizeof(data) - 1);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t) "\r\n0a;"[weir_rng_below(&rng, 5)];
        size_t in_len = len;
        if (framing == WEIR_BODY_CHUNKED)
            in_len = encode(&rng, data, len, in);
        else
            memcpy(in, data, len);
        struct weir_body b;
        weir_body_init(&b, framing, len, out_chunked);
        s.len = 0;
        for (size_t at = 0; at < in_len;) {
            size_t take = 1 + weir_rng_below(&rng, weir_rng_below(&rng, 3) == 0 ? 7 : 4000),
                   used = 0;
            if (take > in_len - at)
                take = in_len - at;
            assert_int_not_equal(pass(&b, weir_span(in + at, take), &s, &used), WEIR_STEP_FAIL);
            assert_int_equal(used, take);
            at += take;
        }
        assert_true(finish(&b, &s));
        assert_int_equal(b.bytes, len);
        if (out_chunked)
            assert_int_equal(decode(weir_span(s.bytes, s.len), &plain), WEIR_STEP_DONE);
        else
            plain = s;
        assert_int_equal(plain.len, len);
        assert_memory_equal(plain.bytes, data, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_leaves_whole_wherever_it_was_split),
        cmocka_unit_test(a_body_leaves_whole_when_it_comes_byte_by_byte),
        cmocka_unit_test(what_follows_a_body_is_not_used),
        cmocka_unit_test(a_message_without_a_body_is_done_at_once),
        cmocka_unit_test(a_cut_body_never_gets_a_clean_end),
        cmocka_unit_test(a_body_until_close_ends_with_its_last_chunk_only_at_the_close),
        cmocka_unit_test(the_chunks_of_one_read_leave_as_one),
        cmocka_unit_test(a_read_of_nothing_but_framing_sends_nothing),
        cmocka_unit_test(short_chunks_of_one_read_leave_in_one_call),
        cmocka_unit_test(chunks_of_every_length_fill_the_pieces_and_go_on),
        cmocka_unit_test(short_runs_between_long_ones_keep_their_order),
        cmocka_unit_test(a_limit_is_reached_but_not_passed),
        cmocka_unit_test(one_feed_over_the_limit_fails_whole),
        cmocka_unit_test(malformed_chunks_fail_and_are_not_taken_for_too_many),
        cmocka_unit_test(bytes_that_went_another_way_count),
        cmocka_unit_test(broken_contracts_end_the_process),
        cmocka_unit_test(random_bodies_in_random_reads_come_out_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
