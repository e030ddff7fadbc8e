/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_diff.c - the field paths in which two messages differ. Lists are compared place by place,
 * maps by key. Pure but for the arena the paths lie in.   Limits: the caller's max.
 */
#include <stdlib.h>
#include <string.h>

#include "tenants/schema/schema.h"
#include "tenants/schema/schema_reflect.h"
#include "tenants/schema/schema_report.h"

#define PATH_TEXT_MAX 512

struct differ {
    struct weir_arena *arena;
    const char **out;
    size_t max;
    size_t len;
    bool failed; /* no memory for one of them */
};

static void add(struct differ *d, const struct weir_trail *at)
{
    char text[PATH_TEXT_MAX];

    if (d->len == d->max)
        return;
    weir_trail_text(at, text, sizeof(text));
    d->out[d->len] = weir_arena_strdup(d->arena, weir_span_cstr(text));
    if (d->out[d->len] == NULL)
        d->failed = true;
    else
        d->len++;
}

static void messages(struct differ *d, const ProtobufCMessage *a, const ProtobufCMessage *b,
                     const struct weir_trail *at);

/* Bytes of a member that is no pointer. */
static size_t member_len(const ProtobufCFieldDescriptor *f)
{
    if (f->type == PROTOBUF_C_TYPE_BOOL)
        return sizeof(protobuf_c_boolean);
    if (f->type == PROTOBUF_C_TYPE_UINT32)
        return sizeof(uint32_t);
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return sizeof(int);
    WEIR_ASSERT(f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_FIXED64 ||
                f->type == PROTOBUF_C_TYPE_DOUBLE);
    return sizeof(uint64_t);
}

/* Two members that are there and are no messages. */
static bool is_same(const ProtobufCFieldDescriptor *f, const void *a, const void *b)
{
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return weir_span_eq(weir_span_cstr(*(char *const *)a), weir_span_cstr(*(char *const *)b));
    if (f->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *x = a, *y = b;
        return weir_span_eq(weir_span(x->data, x->len), weir_span(y->data, y->len));
    }
    return memcmp(a, b, member_len(f)) == 0;
}

/* One field that stands alone, or the value of a map entry. */
static void singles(struct differ *d, const ProtobufCMessage *a, const ProtobufCMessage *b,
                    const ProtobufCFieldDescriptor *f, const struct weir_trail *at)
{
    bool has = weir_reflect_has(a, f);

    if (has != weir_reflect_has(b, f))
        add(d, at);
    else if (has && f->type == PROTOBUF_C_TYPE_MESSAGE)
        messages(d, weir_reflect_message(a, f), weir_reflect_message(b, f), at);
    else if (has && !is_same(f, weir_reflect_member(a, f), weir_reflect_member(b, f)))
        add(d, at);
}

static void lists(struct differ *d, const ProtobufCMessage *a, const ProtobufCMessage *b,
                  const ProtobufCFieldDescriptor *f, const struct weir_trail *at)
{
    size_t num_a = *weir_reflect_num(a, f), num_b = *weir_reflect_num(b, f);
    size_t num = num_a > num_b ? num_a : num_b;

    for (size_t i = 0; i < num && d->len < d->max; i++) {
        struct weir_trail step = weir_trail_index(at, i);
        if (i >= num_a || i >= num_b)
            add(d, &step);
        else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            messages(d, weir_reflect_message_item(a, f, i), weir_reflect_message_item(b, f, i),
                     &step);
        else if (!is_same(f, *(char ***)weir_reflect_member(a, f) + i,
                          *(char ***)weir_reflect_member(b, f) + i))
            add(d, &step);
    }
}

static int entry_cmp(const void *a, const void *b)
{
    return weir_span_cmp(weir_reflect_key(*(ProtobufCMessage *const *)a),
                         weir_reflect_key(*(ProtobufCMessage *const *)b));
}

/* The entries of a map by key. */
static ProtobufCMessage **sorted(struct differ *d, const ProtobufCMessage *m,
                                 const ProtobufCFieldDescriptor *f, size_t num)
{
    ProtobufCMessage **entries = weir_arena_calloc(d->arena, num, sizeof(*entries));

    if (entries == NULL) {
        d->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < num; i++)
        entries[i] = weir_reflect_message_item(m, f, i);
    qsort(entries, num, sizeof(*entries), entry_cmp);
    return entries;
}

static void maps(struct differ *d, const ProtobufCMessage *a, const ProtobufCMessage *b,
                 const ProtobufCFieldDescriptor *f, const struct weir_trail *at)
{
    size_t num_a = *weir_reflect_num(a, f), num_b = *weir_reflect_num(b, f);
    ProtobufCMessage **in_a = sorted(d, a, f, num_a), **in_b = sorted(d, b, f, num_b);
    size_t i = 0, k = 0;

    if (in_a == NULL || in_b == NULL)
        return;
    while ((i < num_a || k < num_b) && d->len < d->max) {
        int c = i == num_a ? 1 : k == num_b ? -1 : entry_cmp(&in_a[i], &in_b[k]);
        struct weir_trail step = weir_trail_name(at, weir_reflect_key(c <= 0 ? in_a[i] : in_b[k]));

        if (c != 0)
            add(d, &step);
        else
            singles(d, in_a[i], in_b[k], &in_a[i]->descriptor->fields[1], &step);
        i += c <= 0;
        k += c >= 0;
    }
}

static void messages(struct differ *d, const ProtobufCMessage *a, const ProtobufCMessage *b,
                     const struct weir_trail *at)
{
    for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &a->descriptor->fields[i];
        struct weir_trail step = weir_trail_name(at, weir_span_cstr(f->name));

        if (weir_reflect_is_map(f))
            maps(d, a, b, f, &step);
        else if (f->label == PROTOBUF_C_LABEL_REPEATED)
            lists(d, a, b, f, &step);
        else
            singles(d, a, b, f, &step);
    }
}

enum weir_err weir_schema_diff(const ProtobufCMessage *a, const ProtobufCMessage *b,
                               struct weir_arena *arena, struct weir_diff_paths *ret)
{
    struct differ d = { .arena = arena, .out = ret->items, .max = ret->max };

    WEIR_ASSERT(a->descriptor == b->descriptor);
    messages(&d, a, b, NULL);
    if (d.failed)
        return WEIR_ENOMEM;
    ret->len = d.len;
    return WEIR_OK;
}
