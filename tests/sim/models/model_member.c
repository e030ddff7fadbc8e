/* SPDX-License-Identifier: Apache-2.0
 *
 * model_member.c - values of MEMBER records against a list of fields, each written down by itself.
 */
#include <string.h>

#include "sync/frame/member.h"
#include "tests/sim/models/model.h"

#define ROUNDS     8
#define LAST_KNOWN 7
#define NUMBER     0 /* wire types */
#define OF_8_BYTES 1
#define BYTES      2
#define OF_4_BYTES 5
#define LATER      4 /* fields of later versions */
#define FIELDS     (LAST_KNOWN + WEIR_MEMBER_ADDRESSES_MAX + LATER)

struct field {
    unsigned tag;
    uint8_t at[WEIR_MEMBER_ADDRESS_MAX + 16];
    size_t len;
};

/* A member, and its fields in their order. */
struct sample {
    struct weir_member m;
    struct field field[FIELDS];
    size_t num;
    uint8_t extra[LATER * sizeof(struct field)];
};

struct value {
    uint8_t at[2 * WEIR_MEMBER_LEN_MAX];
    size_t len;
};

/* Seven bits in each byte, the lowest first; the last one is below 128. */
static void write_number(struct field *f, uint64_t v)
{
    while (v > 127) {
        f->at[f->len++] = (uint8_t)(128 + v % 128);
        v /= 128;
    }
    f->at[f->len++] = (uint8_t)v;
}

static struct field *begin_field(struct sample *s, unsigned tag, unsigned type)
{
    struct field *f = &s->field[s->num++];

    f->tag = tag;
    f->len = 0;
    write_number(f, (uint64_t)tag * 8 + type);
    return f;
}

static void add_number(struct sample *s, unsigned tag, uint64_t v)
{
    write_number(begin_field(s, tag, NUMBER), v);
}

static void add_bytes(struct sample *s, unsigned tag, struct weir_span bytes)
{
    struct field *f = begin_field(s, tag, BYTES);

    write_number(f, bytes.len);
    memcpy(f->at + f->len, bytes.at, bytes.len);
    f->len += bytes.len;
}

/* A number of any length in bits. */
static uint64_t draw_number(struct weir_sim_exam *x, unsigned bits)
{
    return weir_rng_next(&x->rng) >> (63 - weir_sim_draw(x, bits));
}

static const uint8_t *letters(void)
{
    static uint8_t at[WEIR_MEMBER_ADDRESS_MAX + 26];

    for (size_t i = 0; i < sizeof(at); i++)
        at[i] = (uint8_t)('a' + i % 26);
    return at;
}

/* A text of 1 to `max` letters, often of a length at which something changes. */
static struct weir_span draw_text(struct weir_sim_exam *x, size_t max)
{
    const size_t lens[] = { 1, max, max < 128 ? 1 : 127, max < 128 ? max - 1 : 128 };
    size_t i = weir_sim_draw(x, 2 * WEIR_ARRAY_LEN(lens));

    return weir_span(letters() + weir_sim_draw(x, 26),
                     i < WEIR_ARRAY_LEN(lens) ? lens[i] : 1 + weir_sim_draw(x, max));
}

/* Fields of later versions have an order of their own. */
static void add_later(struct weir_sim_exam *x, struct sample *s)
{
    static const unsigned tags[] = { 8, 15, 16, 300, 8 };
    size_t len = 0;

    for (uint64_t i = weir_sim_draw(x, LATER + 1); i > 0; i--) {
        unsigned tag = tags[weir_sim_draw(x, WEIR_ARRAY_LEN(tags))];
        unsigned kind = (unsigned)weir_sim_draw(x, 4);
        if (kind == 0)
            add_number(s, tag, draw_number(x, 64));
        else if (kind == 1)
            add_bytes(s, tag, draw_text(x, WEIR_MEMBER_ADDRESS_MAX));
        else
            begin_field(s, tag, kind == 2 ? OF_8_BYTES : OF_4_BYTES)->len += kind == 2 ? 8 : 4;
        struct field *f = &s->field[s->num - 1];
        memcpy(s->extra + len, f->at, f->len);
        len += f->len;
    }
    s->m.extra = weir_span(s->extra, len);
}

static void draw_sample(struct weir_sim_exam *x, struct sample *s)
{
    struct weir_member *m = &s->m;

    memset(s, 0, sizeof(*s));
    weir_sim_draw_bytes(x, m->node, sizeof(m->node));
    weir_sim_draw_bytes(x, m->key_hash, sizeof(m->key_hash));
    m->state = (enum weir_member_state)weir_sim_draw(x, WEIR_MEMBER_NUM_STATES);
    m->roles = (uint32_t)(draw_number(x, 32) - weir_sim_draw(x, 2));
    m->schema_max = (uint16_t)(draw_number(x, 16) * weir_sim_draw(x, 2));
    m->num_addresses = (uint8_t)weir_sim_draw(x, 4);
    if (weir_sim_draw(x, 8) == 0)
        m->num_addresses = WEIR_MEMBER_ADDRESSES_MAX;
    for (size_t i = 0; i < m->num_addresses; i++)
        m->address[i] = draw_text(x, WEIR_MEMBER_ADDRESS_MAX);
    if (weir_sim_draw(x, 2) == 0)
        m->zone = draw_text(x, WEIR_MEMBER_ZONE_MAX);

    add_bytes(s, 1, weir_span(m->node, sizeof(m->node)));
    add_bytes(s, 2, weir_span(m->key_hash, sizeof(m->key_hash)));
    if (m->roles > 0)
        add_number(s, 3, m->roles);
    for (size_t i = 0; i < m->num_addresses; i++)
        add_bytes(s, 4, m->address[i]);
    if (m->zone.len > 0)
        add_bytes(s, 5, m->zone);
    add_number(s, 6, m->state);
    if (m->schema_max > 0)
        add_number(s, 7, m->schema_max);
    add_later(x, s);
}

/* All fields in a row; those at `i` and behind it have changed places. */
static void write_value(const struct sample *s, size_t i, struct value *ret)
{
    ret->len = 0;
    for (size_t j = 0; j < s->num; j++) {
        const struct field *f = &s->field[j == i ? j + 1 : j == i + 1 ? i : j];
        memcpy(ret->at + ret->len, f->at, f->len);
        ret->len += f->len;
    }
}

static void check_same(struct weir_sim_exam *x, const struct weir_member *a,
                       const struct weir_member *b)
{
    WEIR_SIM_CLAIM(x, memcmp(a->node, b->node, sizeof(a->node)) == 0);
    WEIR_SIM_CLAIM(x, memcmp(a->key_hash, b->key_hash, sizeof(a->key_hash)) == 0);
    WEIR_SIM_CLAIM(x, a->state == b->state);
    WEIR_SIM_CLAIM(x, a->roles == b->roles);
    WEIR_SIM_CLAIM(x, a->schema_max == b->schema_max);
    WEIR_SIM_CLAIM(x, a->num_addresses == b->num_addresses);
    for (size_t i = 0; i < WEIR_MEMBER_ADDRESSES_MAX; i++)
        WEIR_SIM_CLAIM(x, weir_span_eq(a->address[i], b->address[i]));
    WEIR_SIM_CLAIM(x, weir_span_eq(a->zone, b->zone));
    WEIR_SIM_CLAIM(x, weir_span_eq(a->extra, b->extra));
}

/* @return WEIR_OK, or an error that leaves the result as it was */
static enum weir_err read_value(struct weir_sim_exam *x, struct weir_span key,
                                const struct value *v, struct weir_member *ret)
{
    struct weir_member before;

    memset(ret, 0x5a, sizeof(*ret));
    memset(&before, 0x5a, sizeof(before));
    enum weir_err err = weir_member_unpack(key, weir_span(v->at, v->len), ret);
    WEIR_SIM_CLAIM(x, err == WEIR_OK || weir_sim_is_untouched(ret, &before, sizeof(before)));
    return err;
}

static void check_form(struct weir_sim_exam *x, const struct sample *s, struct weir_span key)
{
    struct value want;
    struct value is;
    struct weir_member back;

    write_value(s, s->num, &want);
    is.len = weir_member_packed_len(&s->m);
    WEIR_SIM_CLAIM(x, is.len == want.len);
    weir_member_pack(&s->m, is.at);
    WEIR_SIM_CLAIM(x, memcmp(is.at, want.at, want.len) == 0);
    if (WEIR_SIM_CLAIM(x, read_value(x, key, &want, &back) == WEIR_OK))
        check_same(x, &back, &s->m);
}

/* Fields that are known have one order, and stand before the others. */
static void check_order(struct weir_sim_exam *x, const struct sample *s, struct weir_span key)
{
    struct value v;
    struct weir_member back;

    for (size_t i = 0; i + 1 < s->num; i++) {
        unsigned tag = s->field[i].tag;
        bool may_swap = tag > LAST_KNOWN || s->field[i + 1].tag == tag;
        write_value(s, i, &v);
        WEIR_SIM_CLAIM(x, read_value(x, key, &v, &back) == (may_swap ? WEIR_OK : WEIR_EPROTO));
    }
}

static void check_key(struct weir_sim_exam *x, const struct sample *s)
{
    struct value v;
    struct weir_member back;
    uint8_t other[WEIR_NODE_ID_LEN];

    write_value(s, s->num, &v);
    memcpy(other, s->m.node, sizeof(other));
    WEIR_SIM_CLAIM(x, read_value(x, weir_span(other, sizeof(other) - 1), &v, &back) == WEIR_EPROTO);
    other[weir_sim_draw(x, sizeof(other))]++;
    WEIR_SIM_CLAIM(x, read_value(x, weir_span(other, sizeof(other)), &v, &back) == WEIR_EPROTO);
}

/* One field behind all others, of so many bytes that the value is as long as may be. */
static void check_limit(struct weir_sim_exam *x, const struct sample *s, struct weir_span key)
{
    struct value v;
    struct weir_member back;
    struct field head = { .len = 0 };

    write_value(s, s->num, &v);
    size_t rest = WEIR_MEMBER_LEN_MAX - v.len - 3;
    if (rest < 129 || rest > WEIR_MEMBER_LEN_MAX)
        return;
    write_number(&head, 9 * 8 + BYTES);
    write_number(&head, rest);
    memcpy(v.at + v.len, head.at, head.len);
    memset(v.at + v.len + head.len, 'x', rest + 1);
    v.len += head.len + rest;
    WEIR_SIM_CLAIM(x, v.len == WEIR_MEMBER_LEN_MAX);
    WEIR_SIM_CLAIM(x, read_value(x, key, &v, &back) == WEIR_OK);
    v.at[v.len - rest - 2]++; /* the low digit of the length: below 127, or nothing is shown */
    v.len++;
    WEIR_SIM_CLAIM(x, read_value(x, key, &v, &back) == WEIR_EPROTO);
}

void weir_sim_model_member(struct weir_sim_exam *x)
{
    struct sample s;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct weir_span key = weir_span(s.m.node, sizeof(s.m.node));
        draw_sample(x, &s);
        check_form(x, &s, key);
        check_order(x, &s, key);
        check_key(x, &s);
        check_limit(x, &s, key);
    }
}
