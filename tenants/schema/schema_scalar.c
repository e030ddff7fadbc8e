/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_scalar.c - scalars of a tree become members of messages: texts, numbers, booleans, enums,
 * bytes. One reading each: numbers and booleans stand without quotes, what YAML 1.1 calls a boolean
 * ("yes", "off") is none, and an empty value never stands for a default.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tenants/base64.h"
#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_map.h"
#include "tenants/schema/schema_reflect.h"

/* What YAML and JSON call null. */
static bool is_null(const struct weir_tree *value)
{
    static const char *const names[] = { "", "~", "null", "Null", "NULL" };

    for (size_t i = 0; !value->quoted && i < WEIR_ARRAY_LEN(names); i++)
        if (weir_span_eq(value->text, weir_span_cstr(names[i])))
            return true;
    return false;
}

/* A scalar that is there; else that is reported. */
static bool is_scalar(struct weir_mapper *m, struct weir_tree *value, const struct weir_trail *at)
{
    if (value->kind != WEIR_TREE_SCALAR)
        weir_report_add(m->report, at, "is %s, must be a single value",
                        weir_tree_kind_name(value->kind));
    else if (is_null(value))
        weir_report_add(m->report, at, "has an empty value: give one or leave the key out");
    else
        return true;
    value->reported = true;
    return false;
}

static void set_has(const struct weir_slot *slot)
{
    *(protobuf_c_boolean *)weir_reflect_at(slot->msg, slot->field->quantifier_offset) = 1;
}

/* -- texts -- */

enum weir_err weir_map_text(struct weir_mapper *m, const struct weir_rule *rule,
                            struct weir_tree *value, const struct weir_trail *at, char **ret)
{
    struct weir_span text = WEIR_SPAN_EMPTY;
    struct weir_form_text spelling;
    const char *why;

    if (is_scalar(m, value, at)) {
        bool number = rule != NULL && weir_form_is_numeric(rule->form);
        text = value->text;
        if (value->json && !value->quoted && !number) {
            weir_report_add(m->report, at, "%s is not text: write it in quotes",
                            weir_schema_text_bare(text).text);
            value->reported = true;
        } else if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
            weir_report_add(m->report, at, "%s holds a NUL", weir_schema_text_show(text).text);
            value->reported = true;
        } else if (rule != NULL && text.len <= rule->max &&
                   weir_form_check(rule->form, text, &spelling, &why)) {
            text = spelling.text;
        }
    }
    char *copy = weir_arena_strdup(m->arena, text);
    if (copy == NULL)
        return WEIR_ENOMEM;
    *ret = copy;
    return WEIR_OK;
}

static enum weir_err bytes_map(struct weir_mapper *m, const struct weir_slot *slot,
                               struct weir_tree *value, const struct weir_trail *at)
{
    ProtobufCBinaryData *member = weir_reflect_member(slot->msg, slot->field);
    size_t len = value->text.len;

    if (value->json && !value->quoted) {
        weir_report_add(m->report, at, "%s is not text: write it in quotes",
                        weir_schema_text_bare(value->text).text);
        value->reported = true;
        return WEIR_OK;
    }
    uint8_t *data = weir_arena_alloc(m->arena, len);
    if (data == NULL)
        return WEIR_ENOMEM;
    /* Bytes with a rule are written as text; others as proto3 JSON has them. */
    if (slot->rule != NULL) {
        if (len > 0)
            memcpy(data, value->text.at, len);
    } else if (!weir_base64_decode(value->text, data, &len)) {
        weir_report_add(m->report, at, "is not base64");
        return WEIR_OK;
    }
    *member = (ProtobufCBinaryData){ .len = len, .data = data };
    set_has(slot);
    return WEIR_OK;
}

/* -- numbers -- */

/* "-5": a number for sure, and below every range. */
static bool is_negative(struct weir_span s)
{
    uint64_t n;

    return s.len > 1 && s.at[0] == '-' &&
           weir_unit_parse(WEIR_UNIT_NONE, weir_span_from(s, 1), &n) != WEIR_EINVAL;
}

static void report_number(struct weir_mapper *m, const struct weir_rule *rule, enum weir_unit unit,
                          const struct weir_tree *value, const struct weir_trail *at)
{
    struct weir_shown range = weir_check_range(rule);
    struct weir_unit_text meant;
    bool plain = unit == WEIR_UNIT_NONE;
    bool known = weir_unit_suggest(unit, value->text, &meant);

    weir_report_add(m->report, at, "%s is not %s%s%s%s%s%s%s",
                    plain && !value->quoted ? weir_schema_text_bare(value->text).text
                                            : weir_schema_text_show(value->text).text,
                    weir_unit_hint(unit), plain && value->quoted ? " without quotes" : "",
                    range.text[0] != '\0' ? ", allowed is " : "", range.text,
                    known ? ", did you mean \"" : "", known ? meant.text : "", known ? "\"?" : "");
}

/* @return whether *ret was written; else it is reported */
static bool number_read(struct weir_mapper *m, const struct weir_slot *slot,
                        struct weir_tree *value, const struct weir_trail *at, uint64_t *ret)
{
    const struct weir_rule *rule = slot->rule;
    enum weir_unit unit = rule != NULL ? rule->unit : WEIR_UNIT_NONE;
    uint64_t max = slot->field->type == PROTOBUF_C_TYPE_UINT32 ? UINT32_MAX : UINT64_MAX;
    enum weir_err err = WEIR_EINVAL;
    uint64_t n = 0;

    if (is_negative(value->text))
        err = WEIR_ELIMIT;
    else if (!value->quoted || unit != WEIR_UNIT_NONE)
        err = weir_unit_parse(unit, value->text, &n);
    if (err == WEIR_OK && n <= max) {
        *ret = n;
        return true;
    }
    if (err == WEIR_EINVAL)
        report_number(m, rule, unit, value, at);
    else
        weir_report_add(m->report, at, "%s is out of range %s",
                        weir_schema_text_bare(value->text).text, weir_check_range(rule).text);
    value->reported = true;
    return false;
}

static bool bool_read(struct weir_mapper *m, struct weir_tree *value, const struct weir_trail *at,
                      protobuf_c_boolean *ret)
{
    static const char *const yes[] = { "yes", "on", "y", "true", "1" };
    static const char *const no[] = { "no", "off", "n", "false", "0" };
    const char *hint = "";

    if (!value->quoted && weir_span_eq(value->text, WEIR_SPAN_LIT("true"))) {
        *ret = 1;
        return true;
    }
    if (!value->quoted && weir_span_eq(value->text, WEIR_SPAN_LIT("false"))) {
        *ret = 0;
        return true;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(yes); i++) {
        if (weir_span_eq_nocase(value->text, weir_span_cstr(yes[i])))
            hint = ", write true";
        if (weir_span_eq_nocase(value->text, weir_span_cstr(no[i])))
            hint = ", write false";
    }
    weir_report_add(m->report, at, "%s is not true or false%s",
                    value->quoted ? weir_schema_text_show(value->text).text
                                  : weir_schema_text_bare(value->text).text,
                    hint);
    value->reported = true;
    return false;
}

static bool enum_read(struct weir_mapper *m, const ProtobufCFieldDescriptor *f,
                      struct weir_tree *value, const struct weir_trail *at, int *ret)
{
    const ProtobufCEnumDescriptor *d = f->descriptor;
    const ProtobufCEnumValue *found = weir_reflect_enum_find(f, value->text);
    struct weir_suggest suggest = weir_suggest_begin(value->text);

    if (found != NULL) {
        *ret = found->value;
        return true;
    }
    for (unsigned i = 0; i < d->n_values; i++)
        weir_suggest_offer(&suggest, weir_span_cstr(d->values[i].name));
    weir_report_add(m->report, at, "%s is not one of %s%s", weir_schema_text_show(value->text).text,
                    weir_check_enum_names(f).text, weir_suggest_text(&suggest).text);
    value->reported = true;
    return false;
}

/* Numbers with a fraction are only in weir's own responses; what is none becomes 0 there. */
static double double_read(const struct weir_tree *value)
{
    char text[64];

    if (value->text.len == 0 || value->text.len >= sizeof(text))
        return 0;
    memcpy(text, value->text.at, value->text.len);
    text[value->text.len] = '\0';
    return strtod(text, NULL);
}

/* Everything but texts and bytes. @return whether the member was written; else it is reported */
static bool member_read(struct weir_mapper *m, const struct weir_slot *slot,
                        struct weir_tree *value, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = slot->field;
    void *member = weir_reflect_member(slot->msg, f);
    uint64_t n = 0;

    if (f->type == PROTOBUF_C_TYPE_BOOL)
        return bool_read(m, value, at, member);
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return enum_read(m, f, value, at, member);
    if (f->type == PROTOBUF_C_TYPE_DOUBLE) {
        *(double *)member = double_read(value);
        return true;
    }
    if (!number_read(m, slot, value, at, &n))
        return false;
    if (f->type == PROTOBUF_C_TYPE_UINT32) {
        *(uint32_t *)member = (uint32_t)n;
        return true;
    }
    /* proto/ has no other types; a test checks that. */
    WEIR_ASSERT(f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_FIXED64);
    *(uint64_t *)member = n;
    return true;
}

enum weir_err weir_map_scalar(struct weir_mapper *m, const struct weir_slot *slot,
                              struct weir_tree *value, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = slot->field;

    if (m->lenient && is_null(value))
        return WEIR_OK;
    if (!is_scalar(m, value, at))
        return WEIR_OK;
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return weir_map_text(m, slot->rule, value, at, weir_reflect_member(slot->msg, f));
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return bytes_map(m, slot, value, at);
    if (member_read(m, slot, value, at))
        set_has(slot);
    return WEIR_OK;
}
