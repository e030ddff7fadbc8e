/* SPDX-License-Identifier: Apache-2.0
 *
 * model_scan.c - the scan of a message's bytes against a table of its own: each field at its limits
 * and one beyond, missing, twice, of each wire type, cut off; fields of later versions; and the
 * memory that is announced against what protobuf-c then asks for.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/frame/frame_checks.h"
#include "tests/sim/models/model.h"

#define FIELDS_MAX  15
#define NUMBER      0 /* wire types */
#define FIXED_64    1
#define BYTES       2
#define FIXED_32    5
#define WIRE_TYPES  8
#define LATER       100 /* a field of no message */
#define INNER_LATER 64  /* of a message inside another */
#define SEQ_MAX     0xffffffffffff
#define STAMP_MAX   (UINT64_C(253402300800000) * 65536 - 1) /* the year 9999 */

struct limits {
    uint32_t tag; /* 0: no more */
    bool must;
    enum weir_frame_fault fault;
    uint64_t min;
    uint64_t max;
    uint32_t num;
    enum weir_frame_fault num_fault;
};

struct message {
    const ProtobufCMessageDescriptor *desc;
    struct limits of[FIELDS_MAX];
};

/* clang-format off */
#define ONE(tag, must, fault, ...) { tag, must, fault, __VA_ARGS__, 1, WEIR_FRAME_BAD_TWICE }
#define MAY(tag, ...)              ONE(tag, false, WEIR_FRAME_BAD_FIELD, __VA_ARGS__)
#define MUST(tag, ...)             ONE(tag, true, WEIR_FRAME_BAD_FIELD, __VA_ARGS__)
#define ANY                        0, UINT64_MAX
#define MANY(tag, num, fault)      { tag, false, WEIR_FRAME_OK, ANY, num, fault }
#define LANES(tag, num)            MANY(tag, num, WEIR_FRAME_BAD_LANES)
#define RECORDS(tag)               MANY(tag, 16384, WEIR_FRAME_BAD_RECORDS)
#define COLUMN(tag)                { tag, false, WEIR_FRAME_BAD_BANS, ANY, 16384, WEIR_FRAME_BAD_BANS }
#define ITEMS(tag, fault, min, max, num) { tag, false, fault, min, max, num, WEIR_FRAME_BAD_ITEMS }
/* clang-format on */

static const struct message messages[] = {
    { &weir__v1__record__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_CLASS, 1, 16), ONE(2, true, WEIR_FRAME_BAD_KEY, 1, 400),
        ONE(3, true, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX), ONE(4, false, WEIR_FRAME_BAD_LANE, 16, 16),
        ONE(5, true, WEIR_FRAME_BAD_CLAIM, 0, STAMP_MAX), MAY(6, 0, 1), MAY(7, 0, 65535),
        MAY(8, 0, 65535), ONE(9, false, WEIR_FRAME_BAD_VALUE, 0, 1048576), MAY(10, 0, 0xffffffffff),
        MANY(11, 8, WEIR_FRAME_BAD_CTX), MAY(12, 64, 64) } },
    { &weir__v1__ctx__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_LANE, 8, 8), ONE(2, true, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX) } },
    { &weir__v1__member__descriptor,
      { MUST(1, 8, 8), MUST(2, 32, 32), MAY(3, 1, UINT32_MAX),
        ITEMS(4, WEIR_FRAME_BAD_FIELD, 1, 256, 16), MAY(5, 1, 64), MUST(6, 0, 2),
        MAY(7, 1, 65535) } },
    { &weir__v1__lv__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_LANE, 16, 16), ONE(2, true, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX) } },
    { &weir__v1__batch__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_LANE, 16, 16), ONE(2, true, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX),
        RECORDS(3), ONE(4, true, WEIR_FRAME_BAD_GROUP, 'C', 'E'), MUST(5, 16, 16),
        MAY(6, 0, SEQ_MAX), MAY(7, ANY), MAY(8, ANY) } },
    { &weir__v1__ban_cols__descriptor,
      { COLUMN(1), ONE(2, false, WEIR_FRAME_BAD_BANS, 0, 262144), COLUMN(3),
        ONE(4, true, WEIR_FRAME_BAD_BANS, 1, 16384), COLUMN(5), COLUMN(6),
        ONE(7, true, WEIR_FRAME_BAD_BANS, 1, 16384) } },
    { &weir__v1__hello__descriptor,
      { MUST(1, 1, 32), MUST(2, 8, 8), MUST(3, 16, 16), MUST(4, 1, 255), MUST(5, 1, 255),
        MAY(6, 0, 65535), LANES(7, 65536), LANES(8, 65536), MAY(10, ANY), MAY(11, ANY),
        MAY(12, ANY), LANES(13, 64), MAY(15, ANY), MAY(16, ANY) } },
    { &weir__v1__pull_req__descriptor,
      { MUST(1, 1, 16), MAY(2, 16, 16), LANES(3, 65536), MAY(4, ANY),
        ITEMS(5, WEIR_FRAME_BAD_GROUP, 'C', 'E', 2), MAY(6, ANY),
        ITEMS(7, WEIR_FRAME_BAD_KEY, 2, 401, 1024), LANES(8, 65536), LANES(9, 65536),
        MAY(10, ANY) } },
    { &weir__v1__pull_rep__descriptor,
      { MUST(1, 1, 16), MUST(2, 16, 16), RECORDS(3), LANES(4, 65536), MAY(5, ANY), LANES(6, 65536),
        LANES(7, 65536), ONE(8, false, WEIR_FRAME_BAD_CLAIM, 0, STAMP_MAX), MUST(9, 0, 4),
        LANES(10, 65536), MAY(11, ANY) } },
    { &weir__v1__heartbeat__descriptor,
      { MUST(1, 8, 8), MUST(2, 16, 16), MUST(3, ANY), LANES(4, 64), MAY(5, ANY),
        ITEMS(6, WEIR_FRAME_BAD_FIELD, 17, 17, 16), MUST(7, 0, SEQ_MAX),
        MANY(8, 4096, WEIR_FRAME_BAD_ITEMS), MAY(9, ANY), MAY(10, 0, 65535),
        MANY(11, 4096, WEIR_FRAME_BAD_ITEMS), MAY(12, ANY), MAY(13, ANY), MAY(14, ANY) } },
    { &weir__v1__echo__descriptor, { MUST(1, 8, 8), MUST(2, ANY), MUST(3, ANY) } },
    { &weir__v1__ack__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_LANE, 16, 16), ONE(2, false, WEIR_FRAME_BAD_SEQ, 0, SEQ_MAX),
        ONE(3, false, WEIR_FRAME_BAD_SEQ, 0, SEQ_MAX),
        ONE(4, false, WEIR_FRAME_BAD_SEQ, 0, SEQ_MAX), MAY(5, 0, 255),
        ITEMS(6, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX, 32),
        ITEMS(7, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX, 32) } },
    { &weir__v1__audit__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_CLASS, 1, 16), MAY(2, 65536, 65536),
        ITEMS(3, WEIR_FRAME_BAD_FIELD, 0, 4095, 4096), RECORDS(4) } },
    { &weir__v1__key_ver__descriptor,
      { ONE(1, true, WEIR_FRAME_BAD_KEY, 1, 400), ONE(2, true, WEIR_FRAME_BAD_LANE, 16, 16),
        ONE(3, true, WEIR_FRAME_BAD_SEQ, 1, SEQ_MAX),
        ONE(4, true, WEIR_FRAME_BAD_CLAIM, 0, STAMP_MAX) } },
};

static const struct message *message_of(const ProtobufCMessageDescriptor *desc)
{
    size_t i = 0;

    while (messages[i].desc != desc)
        i++;
    return &messages[i];
}

/* -- bytes -- */

struct wire {
    uint8_t *at;
    size_t len;
    size_t cap;
};

static uint8_t *add(struct wire *w, size_t len)
{
    if (w->cap - w->len < len) {
        w->cap = 2 * (w->len + len);
        w->at = realloc(w->at, w->cap);
        WEIR_ASSERT(w->at != NULL);
    }
    w->len += len;
    return w->at + w->len - len;
}

static void add_bytes(struct wire *w, const void *at, size_t len)
{
    uint8_t *to = add(w, len);

    if (len > 0)
        memcpy(to, at, len);
}

static void add_varint(struct wire *w, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        *add(w, 1) = (uint8_t)(v | 0x80);
    *add(w, 1) = (uint8_t)v;
}

static void add_tag(struct wire *w, uint32_t tag, unsigned wire_type)
{
    add_varint(w, (uint64_t)tag << 3 | wire_type);
}

/* The bytes from..from+len-1 once more. */
static void add_again(struct wire *w, size_t from, size_t len)
{
    uint8_t *to = add(w, len);

    memcpy(to, w->at + from, len);
}

/* -- one message -- */

/* The message under test, and the field that is. */
struct trial {
    struct weir_sim_exam *x;
    const struct message *msg;
    const ProtobufCFieldDescriptor *field;
    const struct limits *limits;
    struct wire body;
    size_t base_len; /* all fields that must be there, but not the one under test */
};

static unsigned wire_type_of(const ProtobufCFieldDescriptor *field)
{
    ProtobufCType type = field->type;

    if (type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES ||
        type == PROTOBUF_C_TYPE_MESSAGE)
        return BYTES;
    if (type == PROTOBUF_C_TYPE_FIXED32)
        return FIXED_32;
    return type == PROTOBUF_C_TYPE_FIXED64 ? FIXED_64 : NUMBER;
}

/* The largest number of a field's type. */
static uint64_t top_of(const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_BOOL)
        return 1;
    bool is_long = field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_SINT64;
    return is_long ? UINT64_MAX : UINT32_MAX;
}

static void add_base(struct weir_sim_exam *x, struct wire *w, const struct message *msg,
                     uint32_t but);

/* What stands behind the tag: a number `v`, `v` bytes or text, or a message. */
static void add_content(struct weir_sim_exam *x, struct wire *w,
                        const ProtobufCFieldDescriptor *field, uint64_t v)
{
    unsigned wire_type = wire_type_of(field);

    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        struct wire inner = { NULL, 0, 0 };
        add_base(x, &inner, message_of(field->descriptor), 0);
        add_varint(w, inner.len);
        add_bytes(w, inner.at, inner.len);
        free(inner.at);
    } else if (wire_type == BYTES) {
        add_varint(w, v);
        memset(add(w, v), ' ' + (int)weir_sim_draw(x, 95), v);
    } else if (wire_type == NUMBER) {
        add_varint(w, v);
    } else {
        size_t len = wire_type == FIXED_32 ? 4 : 8;
        weir_sim_draw_bytes(x, add(w, len), len);
    }
}

static void add_field(struct weir_sim_exam *x, struct wire *w,
                      const ProtobufCFieldDescriptor *field, uint64_t v)
{
    add_tag(w, field->id, wire_type_of(field));
    add_content(x, w, field, v);
}

static void add_base(struct weir_sim_exam *x, struct wire *w, const struct message *msg,
                     uint32_t but)
{
    for (unsigned i = 0; i < msg->desc->n_fields; i++) {
        const struct limits *l = &msg->of[i];
        uint64_t most = l->max - l->min < 20 ? l->max - l->min : 20;
        if (l->must && l->tag != but)
            add_field(x, w, &msg->desc->fields[i], l->min + weir_sim_draw(x, most + 1));
    }
}

/* -- verdicts -- */

struct pieces {
    uint8_t *at;
    size_t left;
};

static void *next_piece(void *arg, size_t len)
{
    struct pieces *p = arg;
    size_t padded = (len + 15) / 16 * 16;

    if (padded > p->left)
        return NULL;
    p->at += padded;
    p->left -= padded;
    return p->at - padded;
}

static void free_piece(void *arg, void *piece)
{
    (void)arg;
    (void)piece; /* all at once */
}

/* Does protobuf-c ask for as much as the scan has announced, no more and no less? */
static bool memory_is(const struct trial *t, size_t memory)
{
    uint8_t *all = malloc(memory);
    struct pieces pieces = { all, memory };
    ProtobufCAllocator from_pieces = { next_piece, free_piece, &pieces };

    WEIR_ASSERT(all != NULL);
    bool fits = protobuf_c_message_unpack(t->msg->desc, &from_pieces, t->body.len, t->body.at) &&
                pieces.left == 0;
    free(all);
    return fits;
}

static enum weir_frame_fault scan(const struct trial *t, size_t *memory)
{
    return weir_frame_scan(t->msg->desc, weir_span(t->body.at, t->body.len), memory);
}

/* Is this what the scan says of the body? Back to the base then. */
static bool says(struct trial *t, enum weir_frame_fault fault)
{
    size_t memory;
    bool as_it_should =
        scan(t, &memory) == fault && (fault != WEIR_FRAME_OK || memory_is(t, memory));

    t->body.len = t->base_len;
    return as_it_should;
}

/* -- one field -- */

static bool says_of(struct trial *t, uint64_t v, enum weir_frame_fault fault)
{
    add_field(t->x, &t->body, t->field, v);
    return says(t, fault);
}

static void try_values(struct trial *t)
{
    const struct limits *l = t->limits;
    bool is_number = wire_type_of(t->field) == NUMBER;
    uint64_t top = is_number ? top_of(t->field) : UINT32_MAX;
    uint64_t max = l->max < top ? l->max : is_number ? top : 40;

    WEIR_SIM_CLAIM(t->x, says(t, l->must ? WEIR_FRAME_BAD_MISSING : WEIR_FRAME_OK));
    WEIR_SIM_CLAIM(t->x, says_of(t, l->min, WEIR_FRAME_OK));
    if (max > 300000 && !is_number && weir_sim_draw(t->x, 4) > 0)
        return; /* long ones take their time */
    WEIR_SIM_CLAIM(t->x, says_of(t, max, WEIR_FRAME_OK));
    if (max > l->min)
        WEIR_SIM_CLAIM(t->x, says_of(t, l->min + weir_sim_draw(t->x, max - l->min), WEIR_FRAME_OK));
    if (l->min > 0)
        WEIR_SIM_CLAIM(t->x, says_of(t, l->min - 1, l->fault));
    if (l->max < top)
        WEIR_SIM_CLAIM(t->x, says_of(t, l->max + 1, l->fault));
    if (is_number && top < UINT64_MAX)
        WEIR_SIM_CLAIM(t->x, says_of(t, top + 1, WEIR_FRAME_BAD_VARINT));
}

/* The same field again and again. */
static void add_many(struct trial *t, uint32_t num)
{
    size_t from = t->body.len;

    add_field(t->x, &t->body, t->field, t->limits->min);
    size_t len = t->body.len - from;
    for (uint32_t i = 1; i < num; i++)
        add_again(&t->body, from, len);
}

/* Long lists take their time: the longer, the rarer. */
static bool is_in_turn(struct trial *t)
{
    uint64_t length = t->limits->num / 1024;

    return length < 2 || weir_sim_draw(t->x, length * length / 2) == 0;
}

static void try_number_of(struct trial *t)
{
    const struct limits *l = t->limits;

    if (!is_in_turn(t))
        return;
    add_many(t, l->num);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_many(t, l->num + 1);
    WEIR_SIM_CLAIM(t->x, says(t, l->num_fault));
}

/* `num` numbers in one field, behind `before` in fields of their own. */
static void add_packed(struct trial *t, uint32_t before, uint32_t num)
{
    struct wire packed = { NULL, 0, 0 };

    for (uint32_t i = 0; i < before; i++)
        add_field(t->x, &t->body, t->field, t->limits->min);
    for (uint32_t i = 0; i < num; i++)
        add_content(t->x, &packed, t->field, t->limits->min);
    add_tag(&t->body, t->field->id, BYTES);
    add_varint(&t->body, packed.len);
    add_bytes(&t->body, packed.at, packed.len);
    free(packed.at);
}

static void try_packed(struct trial *t)
{
    const struct limits *l = t->limits;
    uint32_t before = (uint32_t)weir_sim_draw(t->x, 3);

    add_packed(t, before, 0);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_packed(t, 1, 1);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_packed(t, 0, 1);
    t->body.at[t->body.len - 1] |= 0x80; /* the field ends inside its number, or it is none */
    WEIR_SIM_CLAIM(
        t->x, says(t, wire_type_of(t->field) == NUMBER ? WEIR_FRAME_BAD_TRUNCATED : WEIR_FRAME_OK));
    add_packed(t, 0, 1);
    add_again(&t->body, t->base_len + 2, 1); /* and one that is longer than its number */
    t->body.at[t->base_len + 1]++;
    WEIR_SIM_CLAIM(
        t->x, says(t, wire_type_of(t->field) != NUMBER ? WEIR_FRAME_BAD_TRUNCATED : WEIR_FRAME_OK));
    if (l->min > 0) {
        add_tag(&t->body, t->field->id, BYTES);
        add_bytes(&t->body, "\x02\x00\x00", 3); /* two numbers that are too small */
        WEIR_SIM_CLAIM(t->x, says(t, l->fault));
    }
    if (!is_in_turn(t))
        return;
    add_packed(t, before, l->num - before);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_packed(t, before, l->num + 1 - before);
    WEIR_SIM_CLAIM(t->x, says(t, l->num_fault));
}

static void try_wire_types(struct trial *t)
{
    unsigned own = wire_type_of(t->field);
    bool may_pack = t->field->label == PROTOBUF_C_LABEL_REPEATED && own != BYTES;

    for (unsigned other = 0; other < WIRE_TYPES; other++) {
        if (other == own || (other == BYTES && may_pack))
            continue;
        size_t len = other == FIXED_64 ? 8 : other == FIXED_32 ? 4 : 1;
        add_tag(&t->body, t->field->id, other);
        memset(add(&t->body, len), 0, len);
        WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_WIRE_TYPE));
    }
    if (may_pack)
        try_packed(t);
}

/* Cut off inside the last field. */
static bool says_of_cut(struct trial *t, size_t cut)
{
    t->body.len = cut;
    return says(t, WEIR_FRAME_BAD_TRUNCATED);
}

static void try_cuts(struct trial *t)
{
    add_field(t->x, &t->body, t->field, t->limits->min);
    size_t len = t->body.len - t->base_len;
    WEIR_SIM_CLAIM(t->x, says_of_cut(t, t->base_len + 1));
    WEIR_SIM_CLAIM(t->x, says_of_cut(t, t->base_len + len - 1));
    WEIR_SIM_CLAIM(t->x, says_of_cut(t, t->base_len + 1 + weir_sim_draw(t->x, len - 1)));
}

/* A number, a length or a tag with a zero behind is not in its shortest form. */
static void try_long_forms(struct trial *t)
{
    add_tag(&t->body, t->field->id, wire_type_of(t->field));
    t->body.at[t->body.len - 1] |= 0x80;
    add_bytes(&t->body, "\x00\x01\x01", 3);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_VARINT));
    if (wire_type_of(t->field) != NUMBER && wire_type_of(t->field) != BYTES)
        return;
    add_tag(&t->body, t->field->id, wire_type_of(t->field));
    add_bytes(&t->body, "\x81\x00\x01", 3);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_VARINT));
}

static void try_text(struct trial *t)
{
    static const uint8_t good[] = { 0x20, 0x7e, 0x80, 0xfe, 0xff };
    static const uint8_t bad[] = { 0, 1, 0x1f, 0x7f };
    const struct limits *l = t->limits;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        add_field(t->x, &t->body, t->field, 3);
        t->body.at[t->body.len - 1 - weir_sim_draw(t->x, 3)] = good[i];
        WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        for (size_t back = 1; back <= 3; back++) {
            add_field(t->x, &t->body, t->field, 3);
            t->body.at[t->body.len - back] = bad[i];
            WEIR_SIM_CLAIM(t->x, says(t, l->fault));
        }
}

/* The message of the field under test, without the first field that it must have or with more. */
static void add_inner(struct trial *t, bool without, size_t num_later)
{
    const struct message *msg = message_of(t->field->descriptor);
    const struct limits *first = msg->of;
    struct wire inner = { NULL, 0, 0 };

    while (!first->must)
        first++;
    add_base(t->x, &inner, msg, without ? first->tag : 0);
    for (size_t i = 0; i < num_later; i++) {
        add_tag(&inner, LATER, NUMBER);
        add_varint(&inner, 1);
    }
    add_tag(&t->body, t->field->id, BYTES);
    add_varint(&t->body, inner.len);
    add_bytes(&t->body, inner.at, inner.len);
    free(inner.at);
}

static void try_inner(struct trial *t)
{
    add_inner(t, true, 0);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_MISSING));
    add_inner(t, false, INNER_LATER);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_inner(t, false, INNER_LATER + 1);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_UNKNOWN));
}

static void try_field(struct trial *t)
{
    t->body.len = 0;
    add_base(t->x, &t->body, t->msg, t->field->id);
    t->base_len = t->body.len;
    try_values(t);
    try_number_of(t);
    try_wire_types(t);
    try_cuts(t);
    try_long_forms(t);
    if (t->field->type == PROTOBUF_C_TYPE_STRING)
        try_text(t);
    if (t->field->type == PROTOBUF_C_TYPE_MESSAGE)
        try_inner(t);
}

/* -- fields of later versions -- */

static const struct {
    enum weir_frame_fault fault;
    size_t len;
    const char *tail;
} tails[] = {
    { WEIR_FRAME_OK, 6, "\xf8\xff\xff\xff\x0f\x01" }, /* the largest tag */
    { WEIR_FRAME_BAD_WIRE_TYPE, 6, "\xff\xff\xff\xff\x0f\x01" },
    { WEIR_FRAME_BAD_VARINT, 6, "\xf8\xff\xff\xff\x1f\x01" }, /* one of 33 bits */
    { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\x00\x01" },              /* field 0 */
    { WEIR_FRAME_BAD_WIRE_TYPE, 2, "\x02\x00" },
    { WEIR_FRAME_OK, 12, "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
    { WEIR_FRAME_OK, 11, "\xa0\x06\x80\x80\x80\x80\x80\x80\x80\x80\x01" },
    { WEIR_FRAME_BAD_VARINT, 12, "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02" },
    { WEIR_FRAME_BAD_VARINT, 13, "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01" },
    { WEIR_FRAME_BAD_VARINT, 12, "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00" },
    { WEIR_FRAME_BAD_TRUNCATED, 11, "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
    { WEIR_FRAME_BAD_TRUNCATED, 9, "\xa1\x06\x01\x02\x03\x04\x05\x06\x07" },
    { WEIR_FRAME_OK, 10, "\xa1\x06\x01\x02\x03\x04\x05\x06\x07\x08" },
    { WEIR_FRAME_OK, 6, "\xa5\x06\x01\x02\x03\x04" },
    { WEIR_FRAME_BAD_TRUNCATED, 5, "\xa5\x06\x01\x02\x03" },
    { WEIR_FRAME_OK, 3, "\xa2\x06\x00" },
    { WEIR_FRAME_OK, 5, "\xa2\x06\x02\x00\x00" },
    { WEIR_FRAME_BAD_TRUNCATED, 4, "\xa2\x06\x02\x00" },
    { WEIR_FRAME_BAD_TRUNCATED, 8, "\xa2\x06\xff\xff\xff\xff\x07\x00" },
    { WEIR_FRAME_BAD_VARINT, 8, "\xa2\x06\x80\x80\x80\x80\x08\x00" }, /* a length of 32 bits */
    { WEIR_FRAME_BAD_WIRE_TYPE, 3, "\xa3\x06\x00" },                  /* groups */
    { WEIR_FRAME_BAD_WIRE_TYPE, 3, "\xa4\x06\x00" },
    { WEIR_FRAME_BAD_WIRE_TYPE, 3, "\xa6\x06\x00" },
    { WEIR_FRAME_BAD_WIRE_TYPE, 3, "\xa7\x06\x00" },
};

static void try_tails(struct trial *t)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(tails); i++) {
        add_bytes(&t->body, tails[i].tail, tails[i].len);
        WEIR_SIM_CLAIM(t->x, says(t, tails[i].fault));
        /* It is no different for another field behind it, but where it was cut off. */
        if (tails[i].fault == WEIR_FRAME_BAD_TRUNCATED)
            continue;
        add_bytes(&t->body, tails[i].tail, tails[i].len);
        add_bytes(&t->body, "\xa0\x06\x01", 3);
        WEIR_SIM_CLAIM(t->x, says(t, tails[i].fault));
    }
}

static void add_later(struct wire *w, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        add_tag(w, LATER, NUMBER);
        add_varint(w, 1);
    }
}

static size_t num_must(const struct message *msg)
{
    size_t num = 0;

    for (size_t i = 0; i < FIELDS_MAX; i++)
        num += msg->of[i].must;
    return num;
}

/* Each number of fields at which protobuf-c asks for more to note them, and one more. */
static void try_slabs(struct trial *t)
{
    static const size_t nums[] = { 15, 16, 17, 47, 48, 49, 112, 113 };
    size_t base = num_must(t->msg);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(nums); i++) {
        add_later(&t->body, nums[i] - base);
        WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    }
}

static void try_later(struct trial *t)
{
    t->body.len = 0;
    add_base(t->x, &t->body, t->msg, 0);
    t->base_len = t->body.len;
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    try_tails(t);
    try_slabs(t);
    if (weir_sim_draw(t->x, 64) > 0)
        return;
    add_later(&t->body, 16384);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_OK));
    add_later(&t->body, 16385);
    WEIR_SIM_CLAIM(t->x, says(t, WEIR_FRAME_BAD_UNKNOWN));
}

/* -- memory -- */

#define MEMORY_MAX (32u << 20)

/* A response of records full of fields of later versions, which take most memory for their bytes;
 * and one such field of the response itself, so long that it takes `memory` in all. */
static void try_memory(struct weir_sim_exam *x)
{
    struct trial t = { .x = x, .msg = message_of(&weir__v1__pull_rep__descriptor) };
    size_t memory = 0;
    size_t last = 0;

    add_base(x, &t.body, t.msg, 0);
    t.base_len = t.body.len;
    t.field = protobuf_c_message_descriptor_get_field(t.msg->desc, 3);
    add_inner(&t, false, INNER_LATER);
    size_t len = t.body.len - t.base_len;
    WEIR_SIM_CLAIM(x, scan(&t, &last) == WEIR_FRAME_OK);
    for (size_t num = 1; num < MEMORY_MAX / last; num++)
        add_again(&t.body, t.base_len, len);
    t.base_len = t.body.len;
    WEIR_SIM_CLAIM(x, scan(&t, &memory) == WEIR_FRAME_OK);
    /* The field's note is in a slab that is there already, its entry takes 32 bytes. */
    size_t room = MEMORY_MAX - memory - 32;
    add_tag(&t.body, LATER, BYTES);
    add_varint(&t.body, room - 3); /* its length counts too, in three bytes */
    memset(add(&t.body, room - 3), 0, room - 3);
    WEIR_SIM_CLAIM(x, scan(&t, &memory) == WEIR_FRAME_OK);
    WEIR_SIM_CLAIM(x, memory == MEMORY_MAX);
    t.body.len = t.base_len;
    add_tag(&t.body, LATER, BYTES);
    add_varint(&t.body, room - 2);
    memset(add(&t.body, room - 2), 0, room - 2);
    WEIR_SIM_CLAIM(x, scan(&t, &memory) == WEIR_FRAME_BAD_MEMORY);
    free(t.body.at);
}

void weir_sim_model_scan(struct weir_sim_exam *x)
{
    struct trial t = { .x = x };

    if (weir_sim_draw(x, 16) == 1)
        try_memory(x);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(messages); i++) {
        t.msg = &messages[i];
        for (unsigned at = 0; at < t.msg->desc->n_fields; at++) {
            t.field = &t.msg->desc->fields[at];
            t.limits = &t.msg->of[at];
            WEIR_SIM_CLAIM(x, t.limits->tag == t.field->id);
            try_field(&t);
        }
        try_later(&t);
    }
    free(t.body.at);
}
