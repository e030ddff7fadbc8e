/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_test.c - messages between nodes: what is well formed comes back, everything else is refused
 * for a reason of its own, and nothing takes more memory than was computed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "sync/frame/frame.h"
#include "sync/version/hlc.h"
#include "tests/support/failalloc.h"
#include "tests/support/frames.h"

#define SEQ_MAX ((UINT64_C(1) << 48) - 1)

/* Which reasons the tests below have met. */
static bool met[WEIR_FRAME_NUM_FAULTS];

static enum weir_frame_fault fault_of(struct weir_span in)
{
    struct weir_frame f = { 0 };
    enum weir_frame_fault fault = WEIR_FRAME_NUM_FAULTS;
    uint8_t *exact = malloc(in.len > 0 ? in.len : 1); /* a byte beyond is seen */

    assert_non_null(exact);
    if (in.len > 0)
        memcpy(exact, in.at, in.len);
    enum weir_err err = weir_frame_decode(weir_span(exact, in.len), &f, &fault);
    assert_int_equal(err, fault == WEIR_FRAME_OK ? WEIR_OK : WEIR_EPROTO);
    assert_true(fault < WEIR_FRAME_NUM_FAULTS);
    met[fault] = true;
    free(exact);
    weir_frame_deinit(&f);
    return fault;
}

/* Takes the bytes. */
static void expect(struct wire *w, enum weir_frame_fault fault)
{
    assert_string_equal(weir_frame_fault_name(fault_of(wire_span(w))),
                        weir_frame_fault_name(fault));
    free(w->at);
    *w = (struct wire){ 0 };
}

static void frame_of_each_topic_comes_back_byte_for_byte(void **state)
{
    for (unsigned n = 0; n < FRAMES_NUM; n++) {
        struct wire w = frames_sample(n);
        struct weir_frame f = { 0 };
        enum weir_frame_fault fault;
        assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_OK);
        assert_int_equal(f.topic, w.at[0]);
        assert_int_equal(f.version, WEIR_FRAME_VERSION);
        assert_int_equal(f.msg.any->n_unknown_fields, 0);
        assert_int_equal(weir_frame_packed_len(f.msg.any), w.len);
        uint8_t *out = malloc(w.len);
        assert_non_null(out);
        weir_frame_pack(f.topic, f.msg.any, out);
        assert_memory_equal(out, w.at, w.len);
        free(out);
        free(w.at);
        weir_frame_deinit(&f);
        assert_null(f.memory);
        weir_frame_deinit(&f);
    }
}

static void frame_cut_at_any_byte_is_refused_or_whole(void **state)
{
    for (unsigned n = 0; n < FRAMES_NUM; n++) {
        struct wire w = frames_sample(n);
        size_t step = w.len > 4096 ? 997 : 1;
        for (size_t cut = 0; cut < w.len; cut += step) {
            enum weir_frame_fault fault = fault_of(weir_span(w.at, cut));
            assert_true(fault == WEIR_FRAME_OK || fault == WEIR_FRAME_BAD_SHORT ||
                        fault == WEIR_FRAME_BAD_TRUNCATED || fault == WEIR_FRAME_BAD_MISSING);
        }
        free(w.at);
    }
}

static void frame_with_any_bit_changed_never_meets_a_defect(void **state)
{
    for (unsigned n = 0; n < FRAMES_NUM; n++) {
        struct wire w = frames_sample(n);
        size_t step = w.len > 4096 ? 4093 : 1;
        for (size_t at = 0; at < w.len; at += step)
            for (unsigned bit = 0; bit < 8; bit++) {
                w.at[at] ^= (uint8_t)(1u << bit);
                assert_int_not_equal(fault_of(wire_span(&w)), WEIR_FRAME_BAD_UNPACK);
                w.at[at] ^= (uint8_t)(1u << bit);
            }
        free(w.at);
    }
}

static void head_must_name_a_known_topic_and_version(void **state)
{
    struct wire w = frames_hello();

    assert_int_equal(fault_of(WEIR_SPAN_EMPTY), WEIR_FRAME_BAD_SHORT);
    w.at[0] = 'K';
    assert_int_equal(fault_of(wire_span(&w)), WEIR_FRAME_BAD_TOPIC);
    w.at[0] = WEIR_FRAME_HELLO;
    w.at[1] = WEIR_FRAME_VERSION + 1;
    assert_int_equal(fault_of(wire_span(&w)), WEIR_FRAME_BAD_VERSION);
    w.at[1] = WEIR_FRAME_VERSION_MIN - 1;
    expect(&w, WEIR_FRAME_BAD_VERSION);
}

/* A batch of one record whose fields the caller chooses. */
static struct wire batch_with(enum weir_frame_topic topic, struct wire *record)
{
    struct wire w = wire_batch(topic, 5);

    wire_message(&w, 3, record);
    wire_batch_rest(&w, topic);
    return w;
}

static void wire_form_must_be_the_shortest_and_of_the_right_types(void **state)
{
    /* Behind a whole message; 200 is a field of a later version. */
    static const struct {
        enum weir_frame_fault fault;
        size_t len;
        const char *tail;
    } cases[] = {
        { WEIR_FRAME_BAD_TRUNCATED, 1, "\x80" },
        { WEIR_FRAME_BAD_TRUNCATED, 3, "\xc2\x0c\x05" }, /* five bytes, none there */
        { WEIR_FRAME_BAD_TRUNCATED, 2, "\xc5\x0c" },
        { WEIR_FRAME_BAD_TRUNCATED, 5, "\xc1\x0c\x01\x02\x03" },
        { WEIR_FRAME_BAD_VARINT, 3, "\xc2\x8c\x00" },     /* tag with a zero behind */
        { WEIR_FRAME_BAD_VARINT, 4, "\xc2\x0c\x80\x00" }, /* length with a zero behind */
        { WEIR_FRAME_BAD_VARINT, 7, "\xc2\x0c\xff\xff\xff\xff\x7f" },
        { WEIR_FRAME_BAD_VARINT, 6, "\xff\xff\xff\xff\x7f\x00" }, /* tag over 32 bits */
        { WEIR_FRAME_BAD_VARINT, 12, "\xc0\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02" },
        { WEIR_FRAME_BAD_VARINT, 13, "\xc0\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01" },
        { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\xc3\x0c" }, /* a group */
        { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\xc4\x0c" },
        { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\xc6\x0c" },
        { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\x02\x00" },             /* field 0 */
        { WEIR_FRAME_BAD_WIRE_TYPE, 5, "\x5d\x01\x00\x00\x00" }, /* a flag as fixed32 */
        { WEIR_FRAME_BAD_TWICE, 2, "\x58\x00" },
        { WEIR_FRAME_OK, 12, "\xc0\x0c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct wire w = frames_hello();
        wire_add(&w, cases[i].tail, cases[i].len);
        expect(&w, cases[i].fault);
    }
    struct wire w = wire_batch(WEIR_FRAME_BATCH_C, 5);
    wire_number(&w, 7, 2); /* a flag that is neither */
    expect(&w, WEIR_FRAME_BAD_VARINT);
    w = wire_batch(WEIR_FRAME_BATCH_C, 5);
    wire_number(&w, 4, UINT64_C(0x100000043)); /* 'C' in its low 32 bits */
    expect(&w, WEIR_FRAME_BAD_VARINT);
}

static void record_with(unsigned tag, uint64_t number, size_t len, enum weir_frame_fault fault)
{
    struct wire r = { 0 };

    wire_number(&r, 1, tag == 1 ? number : 2);
    wire_fill(&r, 2, 'k', tag == 2 ? len : 1);
    wire_number(&r, 3, tag == 3 ? number : 5);
    if (tag == 4)
        wire_fill(&r, 4, 1, len);
    wire_number(&r, 5, tag == 5 ? number : 1);
    if ((tag >= 6 && tag <= 8) || tag == 10)
        wire_number(&r, tag, number);
    if (tag == 9 || tag == 12)
        wire_fill(&r, tag, 'v', len);
    struct wire w = batch_with(WEIR_FRAME_BATCH_C, &r);
    expect(&w, fault);
}

static void each_field_of_a_record_is_held_to_its_range(void **state)
{
    record_with(1, 9, 0, WEIR_FRAME_OK);
    record_with(1, 0, 0, WEIR_FRAME_BAD_CLASS);
    record_with(1, 10, 0, WEIR_FRAME_BAD_CLASS); /* between the groups */
    record_with(1, 16, 0, WEIR_FRAME_BAD_CLASS); /* of the other group */
    record_with(1, 17, 0, WEIR_FRAME_BAD_CLASS);
    record_with(2, 0, 0, WEIR_FRAME_BAD_KEY);
    record_with(2, 0, WEIR_KEY_MAX, WEIR_FRAME_OK);
    record_with(2, 0, WEIR_KEY_MAX + 1, WEIR_FRAME_BAD_KEY);
    record_with(3, 0, 0, WEIR_FRAME_BAD_SEQ);
    record_with(3, 6, 0, WEIR_FRAME_BAD_SEQ); /* not the next of the batch */
    record_with(3, SEQ_MAX + 1, 0, WEIR_FRAME_BAD_SEQ);
    record_with(4, 0, 15, WEIR_FRAME_BAD_LANE);
    record_with(4, 0, 17, WEIR_FRAME_BAD_LANE);
    record_with(4, 0, 16, WEIR_FRAME_BAD_LANE); /* batches name the lane once */
    record_with(5, 0, 0, WEIR_FRAME_OK);
    record_with(5, WEIR_HLC_MAX, 0, WEIR_FRAME_OK);
    record_with(5, WEIR_HLC_MAX + 1, 0, WEIR_FRAME_BAD_CLAIM);
    record_with(6, 1, 0, WEIR_FRAME_OK);
    record_with(6, 2, 0, WEIR_FRAME_BAD_FIELD);
    record_with(7, 65536, 0, WEIR_FRAME_BAD_FIELD);
    record_with(8, 65536, 0, WEIR_FRAME_BAD_FIELD);
    record_with(9, 0, WEIR_RECORD_MAX, WEIR_FRAME_OK);
    record_with(9, 0, WEIR_RECORD_MAX + 1, WEIR_FRAME_BAD_VALUE);
    record_with(10, UINT64_C(1) << 40, 0, WEIR_FRAME_BAD_FIELD);
    record_with(12, 0, 63, WEIR_FRAME_BAD_FIELD);
}

/* A complete response to a pull, or a Hello: its vector is { 1: 5, 2: 7 }. */
static struct wire claim(enum weir_frame_topic topic, unsigned tag, uint32_t lane, uint64_t seq)
{
    struct wire w = wire_frame(topic);
    bool is_hello = topic == WEIR_FRAME_HELLO;
    unsigned vv = is_hello ? 7 : 6;

    wire_fill(&w, 1, 1, 8);
    wire_fill(&w, 2, 0x55, is_hello ? 8 : 16);
    if (is_hello)
        wire_fill(&w, 3, 0x44, 16);
    if (is_hello)
        wire_number(&w, 4, 1);
    wire_number(&w, 5, 1);
    wire_lv(&w, vv, 1, 5);
    wire_lv(&w, vv, 2, 7);
    wire_lv(&w, tag, lane, seq);
    if (!is_hello)
        wire_number(&w, 9, 0);
    return w;
}

static void what_is_beyond_the_vector_of_its_message_is_a_false_claim(void **state)
{
    static const struct {
        enum weir_frame_topic topic;
        unsigned tag;
    } lists[] = {
        { WEIR_FRAME_HELLO, 8 },    /* floor */
        { WEIR_FRAME_PULL_REP, 4 }, /* cursor */
        { WEIR_FRAME_PULL_REP, 7 }, /* floor */
    };

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(lists); i++) {
        struct wire w = claim(lists[i].topic, lists[i].tag, 2, 7);
        expect(&w, WEIR_FRAME_OK);
        w = claim(lists[i].topic, lists[i].tag, 1, 6);
        expect(&w, WEIR_FRAME_BAD_CLAIM);
        w = claim(lists[i].topic, lists[i].tag, 3, 1);
        expect(&w, WEIR_FRAME_BAD_CLAIM);
    }
    struct wire w = frames_heartbeat(); /* names a lane of another node as its own */
    wire_lv(&w, 4, 0x600000, 1);
    expect(&w, WEIR_FRAME_BAD_CLAIM);
}

static void field_that_must_be_there_is_missed(void **state)
{
    for (unsigned n = 0; n < FRAMES_NUM; n++) {
        struct wire w = frames_sample(n);
        w.len = WEIR_FRAME_HEAD_LEN;
        expect(&w, WEIR_FRAME_BAD_MISSING);
    }
    struct wire r = wire_record(2, 5); /* without hlc */
    struct wire w = batch_with(WEIR_FRAME_BATCH_C, &r);
    expect(&w, WEIR_FRAME_BAD_MISSING);
}

static void what_does_not_fit_together_is_refused(void **state)
{
    struct wire r = wire_record(2, 5);
    wire_number(&r, 5, 1);
    wire_number(&r, 6, 1);
    wire_bytes(&r, 9, "v", 1);
    struct wire w = batch_with(WEIR_FRAME_BATCH_C, &r);
    expect(&w, WEIR_FRAME_BAD_TOMBSTONE);

    w = frames_batch();
    w.at[0] = WEIR_FRAME_BATCH_E;
    expect(&w, WEIR_FRAME_BAD_GROUP);
    w = frames_hello();
    wire_lv(&w, 8, 2, 5); /* the same lane again */
    expect(&w, WEIR_FRAME_BAD_ORDER);
    w = frames_audit(false);
    wire_number(&w, 3, 4095);
    expect(&w, WEIR_FRAME_BAD_ORDER);

    w = wire_frame(WEIR_FRAME_PULL_REP);
    r = wire_record(2, 5); /* without its lane */
    wire_number(&r, 5, 1);
    wire_fill(&w, 1, 1, 8);
    wire_fill(&w, 2, 1, 16);
    wire_message(&w, 3, &r);
    wire_number(&w, 9, 0);
    expect(&w, WEIR_FRAME_BAD_LANE);

    w = frames_pull_req();
    wire_bytes(&w, 7, "\x0ak", 2);
    expect(&w, WEIR_FRAME_BAD_CLASS);
    w = frames_pull_req();
    wire_number(&w, 5, 'C');
    expect(&w, WEIR_FRAME_BAD_ITEMS);
    w = wire_frame(WEIR_FRAME_PULL_REQ);
    wire_fill(&w, 1, 1, 8);
    wire_number(&w, 5, 'D');
    expect(&w, WEIR_FRAME_BAD_GROUP);

    w = frames_heartbeat();
    wire_fill(&w, 6, 2, 17); /* class 2 behind class 3 */
    expect(&w, WEIR_FRAME_BAD_ORDER);
    struct wire ack = { 0 };
    w = frames_heartbeat();
    wire_fill(&ack, 1, 1, 16);
    wire_bytes(&ack, 5, "a\0b", 3);
    wire_message(&w, 11, &ack);
    expect(&w, WEIR_FRAME_BAD_FIELD);
}

/* `num` small records, from seq 1 on. */
static struct wire many_records(uint32_t num, unsigned num_unknown)
{
    struct wire w = wire_batch(WEIR_FRAME_BATCH_C, 1);

    for (uint32_t i = 0; i < num; i++) {
        struct wire r = wire_record(2, 1 + i);
        wire_number(&r, 5, 1);
        for (unsigned j = 0; j < num_unknown; j++)
            wire_number(&r, 15, 1);
        wire_message(&w, 3, &r);
    }
    wire_batch_rest(&w, WEIR_FRAME_BATCH_C);
    return w;
}

static struct wire many_lanes(uint32_t num_vv, uint32_t num_floor)
{
    struct wire w = frames_hello();

    w.len = 2 + 6 + 10 + 18 + 6; /* up to the first lane */
    for (uint32_t i = 0; i < num_vv; i++)
        wire_lv(&w, 7, i, SEQ_MAX);
    for (uint32_t i = 0; i < num_floor; i++)
        wire_lv(&w, 8, i, 1);
    return w;
}

static void lists_are_counted_before_they_are_unpacked(void **state)
{
    struct wire w = many_records(WEIR_FRAME_RECORDS, 0);
    expect(&w, WEIR_FRAME_OK);
    w = many_records(WEIR_FRAME_RECORDS + 1, 0);
    expect(&w, WEIR_FRAME_BAD_RECORDS);
    w = many_lanes(WEIR_LANES_MAX, WEIR_LANES_MAX);
    expect(&w, WEIR_FRAME_OK);
    w = many_lanes(WEIR_LANES_MAX + 1, 0);
    expect(&w, WEIR_FRAME_BAD_LANES);
    for (unsigned num = 8; num <= 9; num++) {
        struct wire r = wire_record(2, 5);
        wire_number(&r, 5, 1);
        for (unsigned i = 0; i < num; i++) {
            struct wire ctx = { 0 };
            wire_fill(&ctx, 1, (uint8_t)i, 8);
            wire_number(&ctx, 2, 1);
            wire_message(&r, 11, &ctx);
        }
        w = batch_with(WEIR_FRAME_BATCH_C, &r);
        expect(&w, num == 8 ? WEIR_FRAME_OK : WEIR_FRAME_BAD_CTX);
    }
    uint8_t *big = calloc(1, WEIR_FRAME_MAX + 1);
    assert_non_null(big);
    assert_int_equal(fault_of(weir_span(big, WEIR_FRAME_MAX + 1)), WEIR_FRAME_BAD_SIZE);
    assert_int_equal(fault_of(weir_span(big, WEIR_FRAME_MAX)), WEIR_FRAME_BAD_TOPIC);
    free(big);
}

static void fields_of_later_versions_are_bounded(void **state)
{
    struct wire w = frames_hello();
    for (unsigned i = 0; i < WEIR_FRAME_UNKNOWN; i++)
        wire_number(&w, 200, 1);
    assert_int_equal(fault_of(wire_span(&w)), WEIR_FRAME_OK);
    wire_number(&w, 200, 1);
    expect(&w, WEIR_FRAME_BAD_UNKNOWN);
    w = many_records(1, 64);
    expect(&w, WEIR_FRAME_OK);
    w = many_records(1, 65);
    expect(&w, WEIR_FRAME_BAD_UNKNOWN);
    w = many_records(WEIR_FRAME_RECORDS, 64); /* two bytes each, that become a hundred */
    assert_true(w.len < WEIR_FRAME_MAX);
    expect(&w, WEIR_FRAME_BAD_MEMORY);
}

static void field_of_a_later_version_may_hold_anything(void **state)
{
    struct wire w = frames_hello();
    struct wire deep = { 0 };

    for (unsigned i = 0; i < 2000; i++) { /* a nest that nothing descends into */
        struct wire outer = { 0 };
        wire_message(&outer, 1, &deep);
        deep = outer;
    }
    wire_message(&w, 900, &deep);
    expect(&w, WEIR_FRAME_OK);
    w = frames_hello();
    wire_fill(&w, 900, 0xff, 1000);
    expect(&w, WEIR_FRAME_OK);
}

static void record_with_fields_of_a_later_version_is_packed_as_it_came(void **state)
{
    struct wire r = wire_record(2, 5);
    struct weir_frame f = { 0 };
    enum weir_frame_fault fault;

    wire_record_rest(&r, false);
    wire_number(&r, 13, UINT64_MAX);
    wire_bytes(&r, 14, "\xff\x00later", 7);
    wire_varint(&r, 15 << 3 | 5);
    wire_add(&r, "\x01\x02\x03\x04", 4);
    wire_varint(&r, 536870911u << 3 | 1);
    wire_add(&r, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    wire_bytes(&r, 14, "again", 5);
    struct wire copy = { 0 };
    wire_add(&copy, r.at, r.len);
    struct wire w = batch_with(WEIR_FRAME_BATCH_C, &r);
    assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_OK);
    Weir__V1__Record *rec = f.msg.batch->r[0];
    assert_int_equal(rec->base.n_unknown_fields, 5);
    assert_int_equal(weir__v1__record__get_packed_size(rec), copy.len);
    uint8_t *out = malloc(copy.len);
    assert_non_null(out);
    weir__v1__record__pack(rec, out);
    assert_memory_equal(out, copy.at, copy.len);
    free(out);
    free(copy.at);
    free(w.at);
    weir_frame_deinit(&f);
}

static void decode_takes_one_allocation_and_survives_its_failure(void **state)
{
    struct wire w = many_records(1000, 0);
    struct weir_frame f = { 0 };
    enum weir_frame_fault fault = WEIR_FRAME_NUM_FAULTS;

    weir_failalloc_once(1);
    enum weir_err err = weir_frame_decode(wire_span(&w), &f, &fault);
    weir_failalloc_once(-1);
    assert_int_equal(err, WEIR_ENOMEM);
    assert_int_equal(fault, WEIR_FRAME_OK);
    assert_null(f.memory);
    weir_failalloc_once(2);
    err = weir_frame_decode(wire_span(&w), &f, &fault);
    assert_int_equal(weir_failalloc_count(), 1);
    weir_failalloc_once(-1);
    assert_int_equal(err, WEIR_OK);
    weir_frame_deinit(&f);
    free(w.at);
}

static void vector_travels_as_a_list_of_lanes(void **state)
{
    struct wire w = many_lanes(300, 0);
    struct weir_frame f = { 0 };
    struct weir_vector v = WEIR_VECTOR_ZERO;
    Weir__V1__Lv lanes[300];
    Weir__V1__Lv *list[300];
    enum weir_frame_fault fault;

    assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_OK);
    Weir__V1__Hello *h = f.msg.hello;
    assert_int_equal(weir_frame_vector(h->vv, h->n_vv, &v), WEIR_OK);
    assert_int_equal(v.num, 300);
    weir_frame_lanes(&v, lanes, list);
    h->vv = list;
    assert_int_equal(weir_frame_packed_len(f.msg.any), w.len);
    uint8_t *out = malloc(w.len);
    assert_non_null(out);
    weir_frame_pack(f.topic, f.msg.any, out);
    assert_memory_equal(out, w.at, w.len);
    struct weir_vector without_memory = WEIR_VECTOR_ZERO;
    weir_failalloc_once(1);
    enum weir_err err = weir_frame_vector(list, 1, &without_memory);
    weir_failalloc_once(-1);
    assert_int_equal(err, WEIR_ENOMEM);
    weir_vector_deinit(&without_memory);
    weir_vector_deinit(&v);
    free(out);
    free(w.at);
    weir_frame_deinit(&f);
}

static void group_of_a_class_is_that_of_the_store_it_lies_in(void **state)
{
    for (uint32_t n = 0; n <= 17; n++)
        assert_int_equal(weir_frame_group(n), n >= 1 && n <= 9 ? 'C' : n == 16 ? 'E' : 0);
}

/* Must run last: checks what all tests before it have met. */
static void every_reason_is_met_but_that_of_a_defect(void **state)
{
    struct wire w = frames_bans();

    w.at[w.len - 1] = 0x21; /* an address of IPv4 more than there are lengths for it */
    expect(&w, WEIR_FRAME_BAD_BANS);
    for (unsigned fault = 0; fault < WEIR_FRAME_NUM_FAULTS; fault++) {
        assert_int_equal(met[fault], fault != WEIR_FRAME_BAD_UNPACK);
        for (unsigned other = 0; other < fault; other++)
            assert_string_not_equal(weir_frame_fault_name((enum weir_frame_fault)fault),
                                    weir_frame_fault_name((enum weir_frame_fault)other));
    }
    assert_string_equal(weir_frame_fault_name((enum weir_frame_fault) - 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_of_each_topic_comes_back_byte_for_byte),
        cmocka_unit_test(frame_cut_at_any_byte_is_refused_or_whole),
        cmocka_unit_test(frame_with_any_bit_changed_never_meets_a_defect),
        cmocka_unit_test(head_must_name_a_known_topic_and_version),
        cmocka_unit_test(wire_form_must_be_the_shortest_and_of_the_right_types),
        cmocka_unit_test(each_field_of_a_record_is_held_to_its_range),
        cmocka_unit_test(what_is_beyond_the_vector_of_its_message_is_a_false_claim),
        cmocka_unit_test(field_that_must_be_there_is_missed),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(lists_are_counted_before_they_are_unpacked),
        cmocka_unit_test(fields_of_later_versions_are_bounded),
        cmocka_unit_test(field_of_a_later_version_may_hold_anything),
        cmocka_unit_test(record_with_fields_of_a_later_version_is_packed_as_it_came),
        cmocka_unit_test(decode_takes_one_allocation_and_survives_its_failure),
        cmocka_unit_test(vector_travels_as_a_list_of_lanes),
        cmocka_unit_test(group_of_a_class_is_that_of_the_store_it_lies_in),
        cmocka_unit_test(every_reason_is_met_but_that_of_a_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
