/* SPDX-License-Identifier: Apache-2.0
 *
 * member_test.c - a member in bytes: the same as the generated code's, and nothing else is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "sync/frame/member.h"
#include "weir/v1/record.pb-c.h"

static const uint8_t id[WEIR_NODE_ID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static struct weir_span key_of(const struct weir_member *m)
{
    return weir_span(m->node, sizeof(m->node));
}

static struct weir_member sample(void)
{
    struct weir_member m = {
        .state = WEIR_MEMBER_JOINED,
        .roles = 5,
        .schema_max = 300,
        .num_addresses = 2,
        .address = { WEIR_SPAN_LIT("edge-7.example:7946"), WEIR_SPAN_LIT("[2001:db8::7]:7946") },
        .zone = WEIR_SPAN_LIT("fra1"),
    };

    memcpy(m.node, id, sizeof(id));
    memset(m.key_hash, 0xab, sizeof(m.key_hash));
    return m;
}

struct value {
    uint8_t at[2 * WEIR_MEMBER_LEN_MAX];
    size_t len;
};

static struct value packed(const struct weir_member *m)
{
    struct value v = { .len = weir_member_packed_len(m) };

    assert_true(v.len <= sizeof(v.at));
    weir_member_pack(m, v.at);
    return v;
}

static enum weir_err unpack(const struct value *v, struct weir_member *ret)
{
    uint8_t *exact = malloc(v->len + 1); /* so that a sanitizer sees a step beyond the end */
    struct weir_member m;

    assert_non_null(exact);
    memcpy(exact, v->at, v->len);
    enum weir_err err = weir_member_unpack(weir_span(id, sizeof(id)), weir_span(exact, v->len), &m);
    free(exact);
    if (err == WEIR_OK) {
        enum weir_err again =
            weir_member_unpack(weir_span(id, sizeof(id)), weir_span(v->at, v->len), ret);
        assert_int_equal(again, WEIR_OK);
    }
    return err;
}

static void same(const struct weir_member *a, const struct weir_member *b)
{
    assert_memory_equal(a->node, b->node, sizeof(a->node));
    assert_memory_equal(a->key_hash, b->key_hash, sizeof(a->key_hash));
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->roles, b->roles);
    assert_int_equal(a->schema_max, b->schema_max);
    assert_int_equal(a->num_addresses, b->num_addresses);
    for (size_t i = 0; i < a->num_addresses; i++)
        assert_true(weir_span_eq(a->address[i], b->address[i]));
    assert_true(weir_span_eq(a->zone, b->zone));
    assert_true(weir_span_eq(a->extra, b->extra));
}

/* As the generated code writes it. */
static struct value generated(const struct weir_member *m)
{
    static char text[WEIR_MEMBER_ADDRESSES_MAX + 1][WEIR_MEMBER_ADDRESS_MAX + 1];
    char *list[WEIR_MEMBER_ADDRESSES_MAX];
    Weir__V1__Member g = WEIR__V1__MEMBER__INIT;
    struct value v = { .len = 0 };

    g.has_node = g.has_key_hash = g.has_state = 1;
    g.node = (ProtobufCBinaryData){ sizeof(m->node), (uint8_t *)m->node };
    g.key_hash = (ProtobufCBinaryData){ sizeof(m->key_hash), (uint8_t *)m->key_hash };
    g.state = (Weir__V1__Member__State)m->state;
    g.has_roles = m->roles != 0;
    g.roles = m->roles;
    g.has_schema_max = m->schema_max != 0;
    g.schema_max = m->schema_max;
    memset(text, 0, sizeof(text));
    for (size_t i = 0; i < m->num_addresses; i++) {
        memcpy(text[i], m->address[i].at, m->address[i].len);
        list[i] = text[i];
    }
    g.n_address = m->num_addresses;
    g.address = list;
    if (m->zone.len > 0) {
        memcpy(text[WEIR_MEMBER_ADDRESSES_MAX], m->zone.at, m->zone.len);
        g.zone = text[WEIR_MEMBER_ADDRESSES_MAX];
    }
    v.len = weir__v1__member__pack(&g, v.at);
    return v;
}

static void member_in_bytes_is_that_of_the_generated_code(void **state)
{
    static uint8_t letters[WEIR_MEMBER_ADDRESS_MAX];
    struct weir_rng rng;

    memset(letters, 'x', sizeof(letters));
    weir_rng_init(&rng, 20261130);
    for (int round = 0; round < 500; round++) {
        struct weir_member m = sample();
        struct weir_member back;
        m.state = (enum weir_member_state)weir_rng_below(&rng, WEIR_MEMBER_NUM_STATES);
        m.roles = (uint32_t)(weir_rng_next(&rng) >> (32 + weir_rng_below(&rng, 33)) % 64);
        m.schema_max = (uint16_t)(weir_rng_below(&rng, 3) * 20000);
        m.num_addresses = (uint8_t)weir_rng_below(&rng, WEIR_MEMBER_ADDRESSES_MAX + 1);
        for (size_t i = 0; i < m.num_addresses; i++)
            m.address[i] = weir_span(letters, 1 + weir_rng_below(&rng, WEIR_MEMBER_ADDRESS_MAX));
        m.zone = weir_span(letters, weir_rng_below(&rng, WEIR_MEMBER_ZONE_MAX + 1));
        struct value v = packed(&m);
        struct value g = generated(&m);
        assert_int_equal(v.len, g.len);
        assert_memory_equal(v.at, g.at, v.len);
        assert_int_equal(unpack(&v, &back), WEIR_OK);
        same(&m, &back);
    }
}

static void member_cut_or_changed_anywhere_is_refused_or_packs_as_it_came(void **state)
{
    struct weir_member m = sample();
    struct value v = packed(&m);
    struct weir_member back;
    unsigned num_refused = 0;

    for (size_t len = 0; len < v.len; len++) {
        struct value cut = v;
        cut.len = len;
        if (len != v.len - 3) /* without schema_max it is whole */
            assert_int_equal(unpack(&cut, &back), WEIR_EPROTO);
    }
    for (size_t bit = 0; bit < 8 * v.len; bit++) {
        struct value other = v;
        other.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (unpack(&other, &back) < 0) {
            num_refused++;
            continue;
        }
        struct value again = packed(&back);
        assert_int_equal(again.len, other.len);
        assert_memory_equal(again.at, other.at, other.len);
    }
    assert_in_range(num_refused, 64, 8 * v.len); /* all bits of the id, and more */
}

static void fields_of_a_later_version_stay_behind_the_known_ones(void **state)
{
    /* 15: a number, 16: bytes, 9: 32 bits, 10: 64 bits; in any order. */
    static const uint8_t later[] = "\x78\x05\x82\x01\x02hi\x4d"
                                   "abcd\x51"
                                   "abcdefgh\x78\x06";
    struct weir_member m = sample();
    struct weir_member back;

    m.extra = weir_span(later, sizeof(later) - 1);
    struct value v = packed(&m);
    assert_int_equal(unpack(&v, &back), WEIR_OK);
    same(&m, &back);
    v.at[v.len++] = 7 << 3; /* a known field again, behind them */
    v.at[v.len++] = 1;
    assert_int_equal(unpack(&v, &back), WEIR_EPROTO);
    m.schema_max = 0; /* ... and when it is not there twice */
    v = packed(&m);
    v.at[v.len++] = 7 << 3;
    v.at[v.len++] = 1;
    assert_int_equal(unpack(&v, &back), WEIR_EPROTO);
}

static void fields_out_of_order_are_refused(void **state)
{
    struct weir_member m = sample();
    struct weir_member back;
    struct value v;

    m.roles = 0;
    v = packed(&m);
    v.at[v.len++] = 3 << 3; /* roles, behind all others */
    v.at[v.len++] = 1;
    assert_int_equal(unpack(&v, &back), WEIR_EPROTO);
}

static void record_must_lie_under_its_node(void **state)
{
    struct weir_member m = sample();
    struct weir_member back;
    struct value v = packed(&m);
    struct weir_span value = weir_span(v.at, v.len);

    assert_int_equal(weir_member_unpack(key_of(&m), value, &back), WEIR_OK);
    assert_int_equal(weir_member_unpack(weir_span(id, 7), value, &back), WEIR_EPROTO);
    assert_int_equal(weir_member_unpack(WEIR_SPAN_EMPTY, value, &back), WEIR_EPROTO);
    assert_int_equal(weir_member_unpack(WEIR_SPAN_LIT("12345678"), value, &back), WEIR_EPROTO);
}

/* One more field, inserted in the order of the field numbers. */
static struct value with_bytes(unsigned tag, size_t num, size_t len, uint8_t letter)
{
    struct weir_member m = sample();
    struct value v;

    m.num_addresses = 0;
    m.zone = WEIR_SPAN_EMPTY;
    m.schema_max = 0;
    v = packed(&m);
    v.len -= 2; /* the state */
    for (size_t i = 0; i < num; i++) {
        v.at[v.len++] = (uint8_t)(tag << 3 | 2);
        if (len >= 0x80)
            v.at[v.len++] = (uint8_t)(len | 0x80);
        v.at[v.len++] = (uint8_t)(len >= 0x80 ? len >> 7 : len);
        memset(v.at + v.len, letter, len);
        v.len += len;
    }
    v.at[v.len++] = 6 << 3;
    v.at[v.len++] = WEIR_MEMBER_LEFT;
    return v;
}

static void each_field_is_held_to_its_limits(void **state)
{
    static const struct {
        unsigned tag;
        size_t num;
        size_t len;
        uint8_t letter;
        enum weir_err err;
    } table[] = {
        { 4, WEIR_MEMBER_ADDRESSES_MAX, WEIR_MEMBER_ADDRESS_MAX, 'a', WEIR_OK },
        { 4, WEIR_MEMBER_ADDRESSES_MAX + 1, 1, 'a', WEIR_EPROTO },
        { 4, 1, WEIR_MEMBER_ADDRESS_MAX + 1, 'a', WEIR_EPROTO },
        { 4, 1, 0, 'a', WEIR_EPROTO },
        { 4, 1, 9, '\n', WEIR_EPROTO },
        { 4, 1, 9, 0, WEIR_EPROTO },
        { 5, 1, WEIR_MEMBER_ZONE_MAX, 'z', WEIR_OK },
        { 5, 1, WEIR_MEMBER_ZONE_MAX + 1, 'z', WEIR_EPROTO },
        { 5, 1, 0, 'z', WEIR_EPROTO },
        { 5, 2, 3, 'z', WEIR_EPROTO },
        { 5, 1, 3, 0x7f, WEIR_EPROTO },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct value v = with_bytes(table[i].tag, table[i].num, table[i].len, table[i].letter);
        struct weir_member m;
        assert_int_equal(unpack(&v, &m), table[i].err);
        if (table[i].err == WEIR_OK)
            assert_int_equal(m.state, WEIR_MEMBER_LEFT);
    }
}

static void state_and_length_have_limits_too(void **state)
{
    static uint8_t later[WEIR_MEMBER_LEN_MAX];
    struct weir_member m = sample();
    struct weir_member back;

    m.schema_max = 0;
    struct value v = packed(&m);
    v.at[v.len - 1] = WEIR_MEMBER_EVICTED;
    assert_int_equal(unpack(&v, &back), WEIR_OK);
    v.at[v.len - 1] = WEIR_MEMBER_NUM_STATES;
    assert_int_equal(unpack(&v, &back), WEIR_EPROTO);

    for (size_t i = 0; i < sizeof(later); i += 2) {
        later[i] = 8 << 3;
        later[i + 1] = 1;
    }
    size_t room = WEIR_MEMBER_LEN_MAX - weir_member_packed_len(&m);
    m.extra = weir_span(later, room / 2 * 2);
    v = packed(&m);
    assert_int_equal(unpack(&v, &back), WEIR_OK);
    m.extra.len += 2;
    v = packed(&m);
    assert_int_equal(unpack(&v, &back), WEIR_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_in_bytes_is_that_of_the_generated_code),
        cmocka_unit_test(member_cut_or_changed_anywhere_is_refused_or_packs_as_it_came),
        cmocka_unit_test(fields_of_a_later_version_stay_behind_the_known_ones),
        cmocka_unit_test(fields_out_of_order_are_refused),
        cmocka_unit_test(record_must_lie_under_its_node),
        cmocka_unit_test(each_field_is_held_to_its_limits),
        cmocka_unit_test(state_and_length_have_limits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
