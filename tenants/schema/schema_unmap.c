/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_unmap.c - messages become trees: what the writers print. The inverse of schema_map.c.
 * Numbers get their unit back, a message with a scalar spelling its word.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tenants/base64.h"
#include "tenants/schema/schema_map.h"
#include "tenants/schema/schema_reflect.h"

static enum weir_err open_add(struct weir_tree_builder *b, enum weir_tree_kind kind)
{
    struct weir_tree node = { .kind = kind };

    return weir_tree_add(b, &node, NULL);
}

static enum weir_err text_add(struct weir_tree_builder *b, struct weir_span text)
{
    struct weir_tree node = { .kind = WEIR_TREE_SCALAR, .quoted = true, .text = text };

    return weir_tree_add(b, &node, NULL);
}

/* A number, a boolean or a number with its unit, copied. @param quoted JSON has it as a string */
static enum weir_err literal_add(struct weir_tree_builder *b, const char *text, bool quoted)
{
    struct weir_tree node = { .kind = WEIR_TREE_SCALAR, .quoted = quoted, .bare = true };
    char *copy = weir_arena_strdup(b->arena, weir_span_cstr(text));

    if (copy == NULL)
        return WEIR_ENOMEM;
    node.text = weir_span_cstr(copy);
    return weir_tree_add(b, &node, NULL);
}

static bool is_digits(struct weir_span s)
{
    uint64_t n;

    return weir_unit_parse(WEIR_UNIT_NONE, s, &n) == WEIR_OK;
}

static enum weir_err number_add(struct weir_tree_builder *b, const struct weir_rule *rule,
                                uint64_t n)
{
    struct weir_unit_text text = weir_unit_text(rule != NULL ? rule->unit : WEIR_UNIT_NONE, n);

    return literal_add(b, text.text, !is_digits(weir_span_cstr(text.text)));
}

/* With as few digits as bring the same number back. JSON has no infinities: they become 0. */
static enum weir_err double_add(struct weir_tree_builder *b, double n)
{
    char text[40];

    if (n != n || n - n != 0)
        n = 0;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, n);
        if (strtod(text, NULL) == n)
            break;
    }
    return literal_add(b, text, false);
}

static enum weir_err bytes_add(struct weir_tree_builder *b, const struct weir_rule *rule,
                               const ProtobufCBinaryData *bytes)
{
    struct weir_span s = weir_span(bytes->data, bytes->len);

    if (rule != NULL)
        return text_add(b, s);
    char *text = weir_arena_alloc(b->arena, weir_base64_len(s.len));
    if (text == NULL)
        return WEIR_ENOMEM;
    weir_base64_encode(s, text);
    return text_add(b, weir_span(text, weir_base64_len(s.len)));
}

static enum weir_err string_add(struct weir_tree_builder *b, const struct weir_rule *rule,
                                const char *text)
{
    struct weir_span s = weir_span_cstr(text);

    if (rule != NULL && weir_form_is_numeric(rule->form) && is_digits(s))
        return literal_add(b, text, false);
    return text_add(b, s);
}

static enum weir_err enum_add(struct weir_tree_builder *b, const ProtobufCFieldDescriptor *f,
                              int number)
{
    const ProtobufCEnumValue *value = weir_reflect_enum_value(f, number);
    char text[16];

    if (value != NULL)
        return text_add(b, weir_span_cstr(value->name));
    snprintf(text, sizeof(text), "%d", number); /* of a newer weir */
    return literal_add(b, text, false);
}

static enum weir_err single_add(struct weir_tree_builder *b, const ProtobufCFieldDescriptor *f,
                                const struct weir_rule *rule, const void *member)
{
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return weir_unmap_message(b, *(ProtobufCMessage *const *)member);
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return string_add(b, rule, *(char *const *)member);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return bytes_add(b, rule, member);
    if (f->type == PROTOBUF_C_TYPE_BOOL)
        return literal_add(b, *(const protobuf_c_boolean *)member ? "true" : "false", false);
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return enum_add(b, f, *(const int *)member);
    if (f->type == PROTOBUF_C_TYPE_DOUBLE)
        return double_add(b, *(const double *)member);
    if (f->type == PROTOBUF_C_TYPE_UINT32)
        return number_add(b, rule, *(const uint32_t *)member);
    WEIR_ASSERT(f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_FIXED64);
    return number_add(b, rule, *(const uint64_t *)member);
}

static enum weir_err entry_add(struct weir_tree_builder *b, const struct weir_rule *rule,
                               const ProtobufCMessage *entry)
{
    const ProtobufCFieldDescriptor *f = &entry->descriptor->fields[1];
    enum weir_err err = text_add(b, weir_reflect_key(entry));

    if (err < 0)
        return err;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE || weir_reflect_has(entry, f))
        return single_add(b, f, rule, weir_reflect_member(entry, f));
    err = open_add(b, WEIR_TREE_MAP);
    if (err == WEIR_OK)
        weir_tree_close(b);
    return err;
}

static enum weir_err items_add(struct weir_tree_builder *b, const ProtobufCMessage *m,
                               const ProtobufCFieldDescriptor *f, const struct weir_rule *rule)
{
    bool is_map = weir_reflect_is_map(f);
    size_t num = *weir_reflect_num(m, f);
    enum weir_err err = open_add(b, is_map ? WEIR_TREE_MAP : WEIR_TREE_LIST);

    for (size_t i = 0; err == WEIR_OK && i < num; i++) {
        if (is_map)
            err = entry_add(b, rule, weir_reflect_message_item(m, f, i));
        else
            err = single_add(b, f, rule, *(void ***)weir_reflect_member(m, f) + i);
    }
    if (err == WEIR_OK)
        weir_tree_close(b);
    return err;
}

/* The word that stands for the whole message, or NULL. */
static const char *spelling(const ProtobufCMessage *m, const struct weir_rule_set *set)
{
    for (unsigned i = 0; set != NULL && i < set->num; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (set->rules[i].hidden && weir_reflect_has(m, f) &&
            *(protobuf_c_boolean *)weir_reflect_member(m, f))
            return f->name;
    }
    return NULL;
}

static enum weir_err field_add(struct weir_tree_builder *b, const ProtobufCMessage *m,
                               const ProtobufCFieldDescriptor *f, const struct weir_rule *rule)
{
    if (!weir_reflect_has(m, f) || (rule != NULL && rule->hidden))
        return WEIR_OK;
    enum weir_err err = text_add(b, weir_span_cstr(f->name));
    if (err < 0)
        return err;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return items_add(b, m, f, rule);
    return single_add(b, f, rule, weir_reflect_member(m, f));
}

enum weir_err weir_unmap_fields(struct weir_tree_builder *b, const ProtobufCMessage *m)
{
    const struct weir_rule_set *set = weir_rules_of(m->descriptor);
    enum weir_err err = WEIR_OK;

    for (unsigned i = 0; err == WEIR_OK && i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        err = field_add(b, m, f, set != NULL ? weir_rules_field(set, f) : NULL);
    }
    return err;
}

enum weir_err weir_unmap_message(struct weir_tree_builder *b, const ProtobufCMessage *m)
{
    const char *word = spelling(m, weir_rules_of(m->descriptor));

    if (word != NULL)
        return text_add(b, weir_span_cstr(word));
    enum weir_err err = open_add(b, WEIR_TREE_MAP);
    if (err == WEIR_OK)
        err = weir_unmap_fields(b, m);
    if (err == WEIR_OK)
        weir_tree_close(b);
    return err;
}
