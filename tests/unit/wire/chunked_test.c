/* SPDX-License-Identifier: Apache-2.0
 *
 * chunked_test.c - the chunked coding: what it gives, every malformed piece, limits, and the same
 * result for any split. Ref: RFC 9112 section 7.1; RFC 9110 6.5.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/rng.h"
#include "node/wire/chunked.h"

#define BYTES(literal) WEIR_SPAN_LIT(literal)
#define BODY_MAX       16384

/** What a reader of the coding came to, with any number of calls. */
struct reading {
    struct weir_chunked c;
    enum weir_step step;
    size_t used;
    size_t body_len;
    uint8_t body[BODY_MAX];
};

static void reading_init(struct reading *r)
{
    weir_chunked_init(&r->c);
    r->step = WEIR_STEP_MORE;
    r->used = 0;
    r->body_len = 0;
}

/* Read bytes used..len, from a heap copy of exactly these. */
static void reading_feed(struct reading *r, struct weir_span bytes, size_t len)
{
    size_t piece_len = len - r->used;
    uint8_t *piece = malloc(piece_len > 0 ? piece_len : 1);
    assert_non_null(piece);
    if (piece_len > 0)
        memcpy(piece, bytes.at + r->used, piece_len);
    struct weir_span rest = weir_span(piece, piece_len);
    do {
        size_t used = SIZE_MAX;
        struct weir_span data = WEIR_SPAN_EMPTY;
        r->step = weir_chunked_next(&r->c, rest, &used, &data);
        if (r->step == WEIR_STEP_FAIL) {
            assert_int_equal(used, SIZE_MAX);
            break;
        }
        assert_in_range(used, 0, rest.len);
        if (r->step == WEIR_STEP_MORE)
            assert_int_equal(used, rest.len);
        if (r->step == WEIR_STEP_SOME) {
            assert_in_range(data.len, 1, used);
            assert_ptr_equal(data.at + data.len, rest.at + used);
            assert_in_range(r->body_len + data.len, 0, BODY_MAX);
            memcpy(r->body + r->body_len, data.at, data.len);
            r->body_len += data.len;
        }
        r->used += used;
        rest = weir_span_from(rest, used);
    } while (r->step == WEIR_STEP_SOME);
    free(piece);
}

static void assert_same_reading(const struct reading *a, const struct reading *b)
{
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->c.fault, b->c.fault);
    assert_int_equal(a->body_len, b->body_len);
    assert_memory_equal(a->body, b->body, a->body_len);
    assert_int_equal(a->c.total, b->c.total);
    if (a->step != WEIR_STEP_DONE)
        return;
    assert_int_equal(a->used, b->used);
}

/* Read whole; then in two pieces cut at each byte, and byte by byte. */
static void read_all_ways(struct reading *whole, struct weir_span bytes)
{
    static struct reading split;
    static struct reading slow;
    reading_init(whole);
    reading_feed(whole, bytes, bytes.len);
    reading_init(&slow);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        reading_init(&split);
        reading_feed(&split, bytes, cut);
        if (split.step == WEIR_STEP_MORE)
            reading_feed(&split, bytes, bytes.len);
        assert_same_reading(&split, whole);
        if (slow.step == WEIR_STEP_MORE)
            reading_feed(&slow, bytes, cut);
    }
    assert_same_reading(&slow, whole);
}

static void assert_good(struct weir_span bytes, const char *body, size_t left)
{
    static struct reading r;
    read_all_ways(&r, bytes);
    assert_int_equal(r.step, WEIR_STEP_DONE);
    assert_int_equal(r.body_len, strlen(body));
    assert_memory_equal(r.body, body, r.body_len);
    assert_int_equal(bytes.len - r.used, left);
}

static void assert_bad(struct weir_span bytes, enum weir_chunked_fault fault)
{
    static struct reading r;
    read_all_ways(&r, bytes);
    if (r.step != WEIR_STEP_FAIL || r.c.fault != fault)
        print_error("step %d, fault %d instead of %d: %.*s\n", (int)r.step, (int)r.c.fault,
                    (int)fault, (int)bytes.len, (const char *)bytes.at);
    assert_int_equal(r.step, WEIR_STEP_FAIL);
    assert_int_equal(r.c.fault, fault);
}

static void chunks_become_their_data(void **state)
{
    assert_good(BYTES("0\r\n\r\n"), "", 0);
    assert_good(BYTES("5\r\nhello\r\n0\r\n\r\n"), "hello", 0);
    assert_good(BYTES("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nGET "), "hello, world", 4);
    assert_good(BYTES("00a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n"), "01234567890123456789",
                0);
    assert_good(BYTES("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n", 0);
    assert_good(BYTES("0000000000000001\r\nx\r\n0000000000000000\r\n\r\n"), "x", 0);
}

static void truncated_codings_wait_for_more(void **state)
{
    struct weir_span bytes = BYTES("5;a=\"b\\\"\"\r\nhello\r\n0\r\nA: b\r\n\r\n");
    static struct reading r;
    for (size_t len = 0; len < bytes.len; len++) {
        reading_init(&r);
        reading_feed(&r, bytes, len);
        assert_int_equal(r.step, WEIR_STEP_MORE);
        assert_int_equal(r.used, len);
    }
    reading_feed(&r, bytes, bytes.len);
    assert_int_equal(r.step, WEIR_STEP_DONE);
}

static void end_and_fault_are_final(void **state)
{
    struct weir_chunked c;
    size_t used = 0;
    struct weir_span data;
    weir_chunked_init(&c);
    assert_int_equal(weir_chunked_next(&c, BYTES("0\r\n\r\nx"), &used, &data), WEIR_STEP_DONE);
    assert_int_equal(used, 5);
    assert_int_equal(weir_chunked_next(&c, BYTES("5\r\n"), &used, &data), WEIR_STEP_DONE);
    assert_int_equal(used, 0);
    weir_chunked_init(&c);
    assert_int_equal(weir_chunked_next(&c, BYTES("x"), &used, &data), WEIR_STEP_FAIL);
    assert_int_equal(weir_chunked_next(&c, BYTES("0\r\n\r\n"), &used, &data), WEIR_STEP_FAIL);
}

static void sizes_are_up_to_16_hex_digits(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("\r\n"),
        BYTES(" 5\r\nhello\r\n"),
        BYTES("5 \r\nhello\r\n"),
        BYTES("5\t\r\n"),
        BYTES("5 \t \r\n"),
        BYTES("5 6\r\n"),
        BYTES("5 a;b\r\n"),
        BYTES("5 \x0b;a\r\n"),
        BYTES("+5\r\nhello\r\n"),
        BYTES("-5\r\n"),
        BYTES("0x5\r\nhello\r\n"),
        BYTES("0X5\r\n"),
        BYTES("5h\r\n"),
        BYTES("g\r\n"),
        BYTES("h\r\n"),
        BYTES("5_0\r\n"),
        BYTES("5,5\r\n"),
        BYTES("5.\r\n"),
        BYTES("\0"
              "5\r\n"),
        BYTES("5\0\r\n"),
        BYTES(";a\r\n"),
        BYTES("\"5\"\r\n"),
        BYTES("5\x0b\r\n"),
        BYTES("\xa0"
              "5\r\n"),
        BYTES("5\x80\r\n"),
        BYTES("00000000000000005\r\n"), /* 17 digits */
        BYTES("10000000000000000\r\n"), /* 2^64 */
        BYTES("100000000000000005\r\n"),
        BYTES("5\r\nhello\r\n\r\n"), /* a line without a size */
        BYTES("5\r\nhello\r\n 0\r\n\r\n"),
        BYTES("/\r\n"),
        BYTES(":\r\n"),
        BYTES("@\r\n"),
        BYTES("G\r\n"),
        BYTES("`\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_bad(bad[i], WEIR_CHUNKED_SIZE);
}

static void largest_size_is_read_and_a_sum_beyond_it_refused(void **state)
{
    struct weir_chunked c;
    size_t used = 0;
    struct weir_span data;
    weir_chunked_init(&c);
    assert_int_equal(weir_chunked_next(&c, BYTES("FFFFffffFFFFffff\r\nx"), &used, &data),
                     WEIR_STEP_SOME);
    assert_int_equal(data.len, 1);
    assert_true(c.left == UINT64_MAX - 1);
    assert_bad(BYTES("1\r\nx\r\nffffffffffffffff\r\n"), WEIR_CHUNKED_SIZE);
}

static void lines_and_data_end_with_crlf_and_nothing_else(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("5\nhello\r\n0\r\n\r\n"),
        BYTES("5\rhello"),
        BYTES("5\r\rhello"),
        BYTES("5\r;a\r\nhello"),
        BYTES("5\r \nhello"),
        BYTES("\n"),
        BYTES("5\r\nhello\n0\r\n\r\n"),
        BYTES("5\r\nhello\r0\r\n\r\n"),
        BYTES("5\r\nhello0\r\n\r\n"),
        BYTES("5\r\nhello!\r\n0\r\n\r\n"),
        BYTES("5\r\nhelloXX0\r\n\r\n"),
        BYTES("0\n\r\n"),
        BYTES("0\r\n\n"),
        BYTES("0\r\n\rx"),
        BYTES("0\r\nA: b\n\r\n"),
        BYTES("0\r\nA: b\rC: d\r\n\r\n"),
        BYTES("0\r\nA\n: b\r\n\r\n"),
        BYTES("0\r\nA: b\r\n\n"),
        BYTES("5;a\nhello\r\n0\r\n\r\n"),
        BYTES("5;a=b\nhello"),
        BYTES("5;\nhello"),
        BYTES("5;a=\"b\nc\"\r\nhello"),
        BYTES("5;a=\"b\\\nc\"\r\nhello"),
        BYTES("5;a=\n"),
        BYTES("5;a=\"b\"\n"),
        BYTES("5 \n;a\r\n"),
        BYTES("5; \na\r\n"),
        BYTES("5;a \n\r\n"),
        BYTES("5;a= \n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_bad(bad[i], WEIR_CHUNKED_LINE_END);
}

static void extensions_are_checked_and_dropped(void **state)
{
    assert_good(BYTES("2;a\r\nhi\r\n0;b\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2;a=b;c;d=\"e f\\\"\\\\;\t\xff\";g\r\nhi\r\n0\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2;a=\"\"\r\nhi\r\n0;!#$%&'*+-.^_`|~=x\r\n\r\n"), "hi", 0);

    static const struct weir_span bad[] = {
        BYTES("5;\r\n"),
        BYTES("5;;a\r\n"),
        BYTES("5;a;\r\n"),
        BYTES("5;=b\r\n"),
        BYTES("5;a=\r\n"),
        BYTES("5;a=;b\r\n"),
        BYTES("5; \r\n"),
        BYTES("5;a =\r\n"),
        BYTES("5;a= \r\n"),
        BYTES("5;a=b \r\n"),
        BYTES("5;a \r\n"),
        BYTES("5;\t;a\r\n"),
        BYTES("5;a b\r\n"),
        BYTES("5;a=b c\r\n"),
        BYTES("5;a=b =c\r\n"),
        BYTES("5 ;\x0b"
              "a\r\n"),
        BYTES("5 ; = b\r\n"),
        BYTES("5;a\xa0;b\r\n"),
        BYTES("5;a=b=c\r\n"),
        BYTES("5;a=\"b\"c\r\n"),
        BYTES("5;a=\"b\" \r\n"),
        BYTES("5;a=\"b\r\n"),
        BYTES("5;a=\"b\0\"\r\n"),
        BYTES("5;a=\"\\\x01\"\r\n"),
        BYTES("5;a\0\r\n"),
        BYTES("5;a=b\x7f\r\n"),
        BYTES("5;a\x80\r\n"),
        BYTES("5;a=b\"c\"\r\n"),
        BYTES("5;\"a\"\r\n"),
        BYTES("5;a,b\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_bad(bad[i], WEIR_CHUNKED_EXTENSION);
}

/* RFC 9112 7.1.1: *( BWS ";" BWS name [ BWS "=" BWS value ] ), and BWS has to be accepted. It
 * stands in front of ";" and "=" and behind them, never in front of the line's end. */
static void white_space_may_stand_around_the_marks_of_an_extension(void **state)
{
    assert_good(BYTES("2 ;a\r\nhi\r\n0\t;b\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2; a\r\nhi\r\n0;\t b\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2 \t ; \t a \t = \t b \t ; c\r\nhi\r\n0\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2;a =\"b\" ;c= d ;e\r\nhi\r\n0\r\n\r\n"), "hi", 0);
    assert_good(BYTES("2;a ;b\r\nhi\r\n0\r\n\r\n"), "hi", 0);
}

static void size_line_may_fill_its_limit_but_not_pass_it(void **state)
{
    for (size_t len = WEIR_CHUNK_LINE_MAX; len <= WEIR_CHUNK_LINE_MAX + 1; len++) {
        uint8_t text[WEIR_CHUNK_LINE_MAX + 20];
        memset(text, 'x', sizeof(text));
        memcpy(text, "2;", 2);
        memcpy(text + len - 2, "\r\nhi\r\n0\r\n\r\n", 11);
        if (len == WEIR_CHUNK_LINE_MAX)
            assert_good(weir_span(text, len + 9), "hi", 0);
        else
            assert_bad(weir_span(text, len + 9), WEIR_CHUNKED_EXTENSION);
    }
}

static void trailers_are_checked_and_dropped(void **state)
{
    assert_good(BYTES("1\r\nx\r\n0\r\nGrpc-Status: 0\r\nX-Empty:\r\nB:\t c d \r\n\r\nnext"), "x",
                4);
    assert_bad(BYTES("1\r\nx\r\n0\r\nA: b\r\nB : c\r\n\r\n"), WEIR_CHUNKED_TRAILER);
}

static void malformed_trailers_are_refused(void **state)
{
    static const struct weir_span bad[] = {
        BYTES("0\r\n: b\r\n\r\n"),        BYTES("0\r\nA : b\r\n\r\n"),
        BYTES("0\r\nA b: c\r\n\r\n"),     BYTES("0\r\n A: b\r\n\r\n"),
        BYTES("0\r\nA: b\r\n c\r\n\r\n"), BYTES("0\r\nA: b\r\n\tc\r\n\r\n"),
        BYTES("0\r\nA: \0\r\n\r\n"),      BYTES("0\r\nA\0: b\r\n\r\n"),
        BYTES("0\r\nA: b\x7f\r\n\r\n"),   BYTES("0\r\nA\x80: b\r\n\r\n"),
        BYTES("0\r\nA\r\n\r\n"),          BYTES("0\r\nGET / HTTP/1.1\r\n\r\n"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_bad(bad[i], WEIR_CHUNKED_TRAILER);
}

static void trailer_section_may_fill_its_limit_but_not_pass_it(void **state)
{
    for (size_t over = 0; over <= 1; over++) {
        static uint8_t text[3 + WEIR_TRAILERS_MAX + 1 + 2];
        static struct reading r;
        size_t len = WEIR_TRAILERS_MAX + over;
        memset(text, 'x', sizeof(text));
        memcpy(text, "0\r\n", 3);
        for (size_t at = 100; at < len; at += 100)
            memcpy(text + 3 + at - 2, "\r\n", 2);
        for (size_t at = 0; at < len; at += 100)
            memcpy(text + 3 + at, "A:", 2);
        memcpy(text + 3 + len - 2, "\r\n\r\n", 4);
        reading_init(&r);
        reading_feed(&r, weir_span(text, 3 + len + 2), 3 + len + 2);
        assert_int_equal(r.step, over > 0 ? WEIR_STEP_FAIL : WEIR_STEP_DONE);
        assert_int_equal(r.c.fault, over > 0 ? WEIR_CHUNKED_TRAILER : WEIR_CHUNKED_OK);
    }
}

static void chunk_heads_are_written_and_read_back(void **state)
{
    uint8_t out[WEIR_CHUNK_HEAD_MAX];
    assert_int_equal(weir_chunk_head_write(1, out), 3);
    assert_memory_equal(out, "1\r\n", 3);
    assert_int_equal(weir_chunk_head_write(0x10, out), 4);
    assert_memory_equal(out, "10\r\n", 4);
    assert_int_equal(weir_chunk_head_write(0xabcdef, out), 8);
    assert_memory_equal(out, "abcdef\r\n", 8);
    assert_int_equal(weir_chunk_head_write(UINT64_MAX, out), WEIR_CHUNK_HEAD_MAX);
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t near = (UINT64_C(1) << bit) - (bit > 0); near <= UINT64_C(1) << bit; near++) {
            struct weir_chunked c;
            size_t used = 0;
            struct weir_span data;
            char expect[32];
            int len = snprintf(expect, sizeof(expect), "%llx\r\n", (unsigned long long)near);
            assert_int_equal(weir_chunk_head_write(near, out), len);
            assert_memory_equal(out, expect, (size_t)len);
            weir_chunked_init(&c);
            assert_int_equal(weir_chunked_next(&c, weir_span(out, (size_t)len), &used, &data),
                             WEIR_STEP_MORE);
            assert_true(c.left == near);
        }
    }
}

/* Random bodies in random chunks, read in random pieces, come back as they were. */
static void random_codings_come_back_in_any_pieces(void **state)
{
    struct weir_rng rng;
    weir_rng_init(&rng, 11);
    for (size_t round = 0; round < 300; round++) {
        static uint8_t body[4000];
        static uint8_t coded[16000];
        static struct reading r;
        size_t body_len = weir_rng_below(&rng, sizeof(body));
        size_t coded_len = 0;
        for (size_t i = 0; i < body_len; i++)
            body[i] = (uint8_t)weir_rng_next(&rng);
        for (size_t at = 0; at < body_len;) {
            size_t len = 1 + weir_rng_below(&rng, 60);
            if (len > body_len - at)
                len = body_len - at;
            coded_len += weir_chunk_head_write(len, coded + coded_len);
            memcpy(coded + coded_len, body + at, len);
            memcpy(coded + coded_len + len, "\r\n", 2);
            coded_len += len + 2;
            at += len;
        }
        memcpy(coded + coded_len, "0\r\n\r\n", 5);
        coded_len += 5;
        reading_init(&r);
        for (size_t len = 0; r.step == WEIR_STEP_MORE && len < coded_len;) {
            len += 1 + weir_rng_below(&rng, 100);
            len = len < coded_len ? len : coded_len;
            reading_feed(&r, weir_span(coded, coded_len), len);
        }
        assert_int_equal(r.step, WEIR_STEP_DONE);
        assert_int_equal(r.body_len, body_len);
        assert_memory_equal(r.body, body, body_len);
        assert_int_equal(r.c.total, body_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_become_their_data),
        cmocka_unit_test(truncated_codings_wait_for_more),
        cmocka_unit_test(end_and_fault_are_final),
        cmocka_unit_test(sizes_are_up_to_16_hex_digits),
        cmocka_unit_test(largest_size_is_read_and_a_sum_beyond_it_refused),
        cmocka_unit_test(lines_and_data_end_with_crlf_and_nothing_else),
        cmocka_unit_test(extensions_are_checked_and_dropped),
        cmocka_unit_test(white_space_may_stand_around_the_marks_of_an_extension),
        cmocka_unit_test(size_line_may_fill_its_limit_but_not_pass_it),
        cmocka_unit_test(trailers_are_checked_and_dropped),
        cmocka_unit_test(malformed_trailers_are_refused),
        cmocka_unit_test(trailer_section_may_fill_its_limit_but_not_pass_it),
        cmocka_unit_test(chunk_heads_are_written_and_read_back),
        cmocka_unit_test(random_codings_come_back_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
