/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_check.c - checks each field of a message by its rule: presence, count, length, form,
 * range, choice. The messages name the value and what is allowed; both come from the table.
 */
#include "tenants/schema/schema_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tenants/schema/schema_reflect.h"

/* -- what is allowed, in words -- */

bool weir_check_is_refused(const struct weir_rule *rule)
{
    return rule != NULL && rule->refused != NULL && strcmp(rule->refused, WEIR_REFUSED_WHOLE) == 0;
}

static void names_append(struct weir_shown *s, const char *name)
{
    size_t len = strlen(s->text);

    snprintf(s->text + len, sizeof(s->text) - len, "%s%s", len > 0 ? ", " : "", name);
}

struct weir_shown weir_check_range(const struct weir_rule *rule)
{
    struct weir_shown s = { "" };

    if (rule == NULL || rule->max == 0)
        return s;
    for (size_t i = 0; rule->choices != NULL && rule->choices[i] != NULL; i++)
        names_append(&s, rule->choices[i]);
    if (rule->choices == NULL)
        snprintf(s.text, sizeof(s.text), "%s..%s", weir_unit_text(rule->unit, rule->min).text,
                 weir_unit_text(rule->unit, rule->max).text);
    return s;
}

struct weir_shown weir_check_enum_names(const ProtobufCFieldDescriptor *f)
{
    const ProtobufCEnumDescriptor *d = f->descriptor;
    struct weir_shown s = { "" };

    for (unsigned i = 0; i < d->n_values; i++)
        names_append(&s, d->values[i].name);
    return s;
}

static bool is_choice(const struct weir_rule *rule, struct weir_span text)
{
    for (size_t i = 0; rule->choices[i] != NULL; i++)
        if (weir_span_eq(weir_span_cstr(rule->choices[i]), text))
            return true;
    return false;
}

/* -- texts -- */

static void check_choice(struct weir_checker *c, const struct weir_rule *rule,
                         struct weir_span text, const struct weir_trail *at)
{
    struct weir_suggest suggest = weir_suggest_begin(text);

    if (is_choice(rule, text))
        return;
    for (size_t i = 0; rule->choices[i] != NULL; i++)
        weir_suggest_offer(&suggest, weir_span_cstr(rule->choices[i]));
    weir_report_add(c->report, at, "%s is not one of %s%s", weir_schema_text_show(text).text,
                    weir_check_range(rule).text, weir_suggest_text(&suggest).text);
}

/* Whether a text has a form and is in its one spelling, whatever the case of its letters. */
static void check_form(struct weir_checker *c, enum weir_form form, struct weir_span text,
                       const struct weir_trail *at)
{
    struct weir_form_text spelling;
    const char *why = NULL;

    if (!weir_form_check(form, text, &spelling, &why))
        weir_report_add(c->report, at, "%s %s", weir_schema_text_show(text).text, why);
    else if (!weir_span_eq_nocase(spelling.text, text))
        weir_report_add(c->report, at, "%s must be written %s", weir_schema_text_show(text).text,
                        weir_schema_text_show(spelling.text).text);
}

static void check_text(struct weir_checker *c, const struct weir_rule *rule, struct weir_span text,
                       const struct weir_trail *at)
{
    if (text.len == 0 && rule->min == 0)
        return;
    if (text.len == 0)
        weir_report_add(c->report, at, "must not be empty");
    else if (rule->choices != NULL)
        check_choice(c, rule, text, at);
    else if (text.len < rule->min || text.len > rule->max)
        weir_report_add(c->report, at, "%s is %zu bytes long, allowed are %" PRIu64 "..%" PRIu64,
                        weir_schema_text_show(text).text, text.len, rule->min, rule->max);
    else
        check_form(c, rule->form, text, at);
}

/* -- single values -- */

static void check_number(struct weir_checker *c, const struct weir_rule *rule, uint64_t n,
                         const struct weir_trail *at)
{
    struct weir_unit_text text = weir_unit_text(rule->unit, n);

    if (rule->choices != NULL && !is_choice(rule, weir_span_cstr(text.text)))
        weir_report_add(c->report, at, "%s is not one of %s", text.text,
                        weir_check_range(rule).text);
    else if (n < rule->min || n > rule->max)
        weir_report_add(c->report, at, "%s is out of range %s", text.text,
                        weir_check_range(rule).text);
}

static void check_enum(struct weir_checker *c, const ProtobufCFieldDescriptor *f,
                       const struct weir_rule *rule, int number, const struct weir_trail *at)
{
    const ProtobufCEnumValue *value = weir_reflect_enum_value(f, number);

    if (value == NULL)
        weir_report_add(c->report, at, "%d is not one of %s", number,
                        weir_check_enum_names(f).text);
    else if (rule->refused != NULL && strcmp(rule->refused, value->name) == 0)
        weir_report_add(c->report, at, "%s is " WEIR_NOT_SUPPORTED, value->name);
}

static void check_single(struct weir_checker *c, const ProtobufCFieldDescriptor *f,
                         const struct weir_rule *rule, const void *member,
                         const struct weir_trail *at)
{
    if (f->type == PROTOBUF_C_TYPE_STRING) {
        check_text(c, rule, weir_span_cstr(*(char *const *)member), at);
    } else if (f->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *bytes = member;
        check_text(c, rule, weir_span(bytes->data, bytes->len), at);
    } else if (f->type == PROTOBUF_C_TYPE_ENUM) {
        check_enum(c, f, rule, *(const int *)member, at);
    } else if (f->type == PROTOBUF_C_TYPE_BOOL) {
        if (rule->refused != NULL && *(const protobuf_c_boolean *)member)
            weir_report_add(c->report, at, "true is " WEIR_NOT_SUPPORTED);
    } else if (f->type == PROTOBUF_C_TYPE_UINT64) {
        check_number(c, rule, *(const uint64_t *)member, at);
    } else {
        WEIR_ASSERT(f->type == PROTOBUF_C_TYPE_UINT32);
        check_number(c, rule, *(const uint32_t *)member, at);
    }
}

/* -- lists and maps -- */

static void check_unique(struct weir_checker *c, char *const *items, size_t num,
                         const struct weir_trail *at)
{
    struct weir_names names = weir_names_make(c, num);
    const struct weir_named *twice;
    size_t pos = 0, first;

    for (size_t i = 0; i < num; i++)
        weir_names_add_lower(c, &names, weir_span_cstr(items[i]), i);
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct weir_trail step = weir_trail_index(at, twice->index);
        struct weir_trail step_first = weir_trail_index(at, first);
        char where[128];
        weir_trail_text(&step_first, where, sizeof(where));
        weir_report_add(c->report, &step, "%s is given twice, first in %s",
                        weir_schema_text_show(weir_span_cstr(items[twice->index])).text, where);
    }
}

/* Items of a list or map that are checked: at most as many as the rule allows. */
static size_t items_num(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                        const struct weir_rule *rule)
{
    size_t num = *weir_reflect_num(m, f);

    return num < rule->num_max ? num : rule->num_max;
}

static void check_list(struct weir_checker *c, const ProtobufCMessage *m,
                       const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                       const struct weir_trail *at)
{
    size_t num = items_num(m, f, rule);

    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        for (size_t i = 0; i < num; i++) {
            struct weir_trail step = weir_trail_index(at, i);
            weir_check_message(c, weir_reflect_message_item(m, f, i), &step);
        }
        return;
    }
    char **items = *(char ***)weir_reflect_member(m, f);
    for (size_t i = 0; i < num; i++) {
        struct weir_trail step = weir_trail_index(at, i);
        check_text(c, rule, weir_span_cstr(items[i]), &step);
    }
    if (rule->unique && num > 1)
        check_unique(c, items, num, at);
}

static void check_entry(struct weir_checker *c, const struct weir_rule *rule,
                        const ProtobufCMessage *entry, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = &entry->descriptor->fields[1];
    struct weir_span key = weir_reflect_key(entry);
    struct weir_trail step = weir_trail_name(at, key);
    struct weir_form_text spelling;
    const char *why;

    if (key.len == 0)
        weir_report_add(c->report, at, "has an empty key");
    else if (key.len > WEIR_HOST_MAX || !weir_form_check(rule->key_form, key, &spelling, &why))
        weir_report_add(c->report, &step, "%s %s", weir_schema_text_show(key).text,
                        key.len > WEIR_HOST_MAX ? "is too long for a key" : why);
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        check_single(c, f, rule, weir_reflect_member(entry, f), &step);
    else if (weir_reflect_has(entry, f))
        weir_check_message(c, weir_reflect_message(entry, f), &step);
    else
        weir_report_add(c->report, &step, "is empty");
}

static void check_map(struct weir_checker *c, const ProtobufCMessage *m,
                      const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                      const struct weir_trail *at)
{
    size_t num = items_num(m, f, rule);
    struct weir_names names = weir_names_make(c, num);
    const struct weir_named *twice;
    size_t pos = 0, first;

    for (size_t i = 0; i < num; i++) {
        const ProtobufCMessage *entry = weir_reflect_message_item(m, f, i);
        check_entry(c, rule, entry, at);
        weir_names_add_lower(c, &names, weir_reflect_key(entry), i);
    }
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct weir_span key = weir_reflect_key(weir_reflect_message_item(m, f, twice->index));
        struct weir_trail step = weir_trail_name(at, key);
        weir_report_add(
            c->report, &step, "is given twice, first as %s",
            weir_schema_text_show(weir_reflect_key(weir_reflect_message_item(m, f, first))).text);
    }
}

static void check_items(struct weir_checker *c, const ProtobufCMessage *m,
                        const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                        const struct weir_trail *at)
{
    size_t num = *weir_reflect_num(m, f);

    if (num < rule->num_min)
        weir_report_add(c->report, at, "is missing or empty, allowed are %u..%u entries",
                        rule->num_min, rule->num_max);
    if (num > rule->num_max)
        weir_report_add(c->report, at, "has %zu entries, at most %u are allowed", num,
                        rule->num_max);
    if (num == 0)
        return;
    if (weir_reflect_is_map(f))
        check_map(c, m, f, rule, at);
    else
        check_list(c, m, f, rule, at);
}

/* -- messages -- */

void weir_check_field(struct weir_checker *c, const ProtobufCMessage *m,
                      const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                      const struct weir_trail *at)
{
    bool has = weir_reflect_has(m, f);

    if (weir_check_is_refused(rule)) {
        if (has)
            weir_report_add(c->report, at, WEIR_NOT_SUPPORTED);
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        check_items(c, m, f, rule, at);
    } else if (!has) {
        if (rule->required)
            weir_report_add(c->report, at, "is missing");
    } else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        weir_check_message(c, weir_reflect_message(m, f), at);
    } else {
        check_single(c, f, rule, weir_reflect_member(m, f), at);
    }
}

/* A message that has a scalar spelling is that or the map, never both. */
static bool is_spelled(const ProtobufCMessage *m, const struct weir_rule_set *set)
{
    for (unsigned i = 0; i < set->num; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (set->rules[i].hidden && weir_reflect_has(m, f))
            return *(protobuf_c_boolean *)weir_reflect_member(m, f) != 0;
    }
    return false;
}

void weir_check_message(struct weir_checker *c, const ProtobufCMessage *m,
                        const struct weir_trail *at)
{
    const struct weir_rule_set *set = weir_rules_of(m->descriptor);
    WEIR_ASSERT(set != NULL);
    bool spelled = is_spelled(m, set);

    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        struct weir_trail step = weir_trail_name(at, weir_span_cstr(f->name));

        if (set->rules[i].hidden)
            continue;
        if (!spelled)
            weir_check_field(c, m, f, &set->rules[i], &step);
        else if (weir_reflect_has(m, f))
            weir_report_add(c->report, &step, "is not allowed beside \"none\"");
    }
}

void weir_check_document(struct weir_checker *c, enum weir_kind kind, const ProtobufCMessage *m)
{
    WEIR_ASSERT(m->descriptor == weir_rules_message(kind));
    weir_check_message(c, m, NULL);
    switch (kind) {
    case WEIR_KIND_TENANT:
        weir_check_tenant(c, (const Weir__V1__Tenant *)m);
        return;
    case WEIR_KIND_NODE:
        weir_check_node(c, (const Weir__V1__Node *)m);
        return;
    case WEIR_KIND_CERTIFICATE:
        return; /* tenants/certs reads what is in it */
    }
    WEIR_UNREACHABLE();
}
