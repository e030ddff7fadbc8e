/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_env.c - WEIR_<PATH> variables override fields of a node: WEIR_LOG_LEVEL, WEIR_LISTEN_HTTP.
 * Lists are separated by commas. A variable that is no field is only warned of: an orchestrator
 * sets variables of its own for a service named weir (WEIR_SERVICE_HOST, WEIR_PORT_80_TCP).
 */
#include <stdio.h>
#include <string.h>

#include "node/base/log.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_map.h"
#include "tenants/schema/schema_reflect.h"

#define PREFIX       "WEIR_"
#define VARIABLE_MAX 96   /* bytes of a variable's name; a test checks that all fit */
#define LIST_MAX     2048 /* items of a list: above every rule of a node */
#define SCRATCH      8192

/* Variables of the client, and of the program itself. */
static const char *const others[] = { "WEIR_NODE", "WEIR_TOKEN", "WEIR_VERSION" };

/** One call. */
struct overriding {
    Weir__V1__Node *node;
    struct weir_arena *arena;
    struct weir_arena scratch;
    struct weir_report report;
};

/** A field of the node, found by the name of its variable. */
struct target {
    const ProtobufCFieldDescriptor *outer; /* NULL: a field of the node itself */
    const ProtobufCFieldDescriptor *field;
    const struct weir_rule *rule;
    bool refused; /* it, or the message it is in */
};

/* WEIR_<OUTER>_<FIELD>. */
static void variable_name(const ProtobufCFieldDescriptor *outer, const ProtobufCFieldDescriptor *f,
                          char out[VARIABLE_MAX])
{
    int len = snprintf(out, VARIABLE_MAX, PREFIX "%s%s%s", outer != NULL ? outer->name : "",
                       outer != NULL ? "_" : "", f->name);

    WEIR_ASSERT(len < VARIABLE_MAX);
    for (char *c = out; *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
}

/* Whether a field has this name; if not, it is offered as what may have been meant. */
static bool name_fits(const ProtobufCFieldDescriptor *outer, const ProtobufCFieldDescriptor *f,
                      struct weir_span name, struct weir_suggest *suggest,
                      struct weir_arena *scratch)
{
    char text[VARIABLE_MAX];

    variable_name(outer, f, text);
    if (weir_span_eq(weir_span_cstr(text), name))
        return true;
    const char *copy = weir_arena_strdup(scratch, weir_span_cstr(text));
    if (copy != NULL) /* without it there is one suggestion less */
        weir_suggest_offer(suggest, weir_span_cstr(copy));
    return false;
}

static bool target_find(struct weir_span name, struct weir_suggest *suggest,
                        struct weir_arena *scratch, struct target *ret)
{
    const ProtobufCMessageDescriptor *node = &weir__v1__node__descriptor;
    const struct weir_rule_set *set = weir_rules_of(node);

    for (unsigned i = 0; i < node->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &node->fields[i];
        const struct weir_rule *rule = weir_rules_field(set, f);
        bool refused = weir_check_is_refused(rule);

        if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
            *ret = (struct target){ NULL, f, rule, refused };
            if (name_fits(NULL, f, name, suggest, scratch))
                return true;
            continue;
        }
        const ProtobufCMessageDescriptor *inner = f->descriptor;
        const struct weir_rule_set *inner_set = weir_rules_of(inner);
        for (unsigned k = 0; k < inner->n_fields; k++) {
            rule = weir_rules_field(inner_set, &inner->fields[k]);
            *ret = (struct target){ f, &inner->fields[k], rule,
                                    refused || weir_check_is_refused(rule) };
            if (name_fits(f, &inner->fields[k], name, suggest, scratch))
                return true;
        }
    }
    return false;
}

/* The message that holds the field, made when it is not there yet. */
static ProtobufCMessage *target_message(struct overriding *o, const struct target *t)
{
    ProtobufCMessage *node = &o->node->base;

    if (t->outer == NULL)
        return node;
    ProtobufCMessage **member = weir_reflect_member(node, t->outer);
    if (*member == NULL) {
        const ProtobufCMessageDescriptor *desc = t->outer->descriptor;
        ProtobufCMessage *m = weir_arena_alloc(o->arena, desc->sizeof_message);
        if (m == NULL)
            return NULL;
        desc->message_init(m);
        *member = m;
    }
    return *member;
}

static struct weir_span blanks_trim(struct weir_span s)
{
    while (s.len > 0 && s.at[0] == ' ')
        s = weir_span_from(s, 1);
    while (s.len > 0 && s.at[s.len - 1] == ' ')
        s.len--;
    return s;
}

static enum weir_err list_set(struct overriding *o, ProtobufCMessage *m, const struct target *t,
                              struct weir_span value, const struct weir_trail *at)
{
    struct weir_tree_builder b = { .arena = &o->scratch, .report = &o->report };
    struct weir_mapper mapper = { .report = &o->report, .arena = o->arena };
    struct weir_slot slot = { .msg = m, .field = t->field, .rule = t->rule };
    struct weir_tree list = { .kind = WEIR_TREE_LIST };

    weir_tree_begin(&b);
    enum weir_err err = weir_tree_add(&b, &list, NULL);
    while (err == WEIR_OK && value.len > 0 && b.root->num < LIST_MAX) {
        const uint8_t *comma = memchr(value.at, ',', value.len);
        size_t len = comma != NULL ? (size_t)(comma - value.at) : value.len;
        struct weir_tree item = { .kind = WEIR_TREE_SCALAR,
                                  .quoted = true,
                                  .text = blanks_trim(weir_span(value.at, len)) };
        err = weir_tree_add(&b, &item, NULL);
        value = weir_span_from(value, len + (comma != NULL));
    }
    if (err < 0)
        return err;
    weir_tree_close(&b);
    return weir_map_items(&mapper, &slot, b.root, at);
}

static enum weir_err value_set(struct overriding *o, ProtobufCMessage *m, const struct target *t,
                               struct weir_span value, const struct weir_trail *at)
{
    struct weir_mapper mapper = { .report = &o->report, .arena = o->arena };
    struct weir_slot slot = { .msg = m, .field = t->field, .rule = t->rule };
    struct weir_tree node = { .kind = WEIR_TREE_SCALAR, .text = blanks_trim(value) };

    if (t->field->label == PROTOBUF_C_LABEL_REPEATED)
        return list_set(o, m, t, value, at);
    return weir_map_scalar(&mapper, &slot, &node, at);
}

/* One variable that is a field. Its value is checked here, where its name is known. */
static enum weir_err target_set(struct overriding *o, const struct target *t,
                                struct weir_span value)
{
    struct weir_checker checker = { .report = &o->report, .scratch = &o->scratch };
    struct weir_trail outer = weir_trail_name(NULL, weir_span_cstr(t->outer ? t->outer->name : ""));
    struct weir_trail at =
        weir_trail_name(t->outer != NULL ? &outer : NULL, weir_span_cstr(t->field->name));
    size_t before = o->report.num;

    if (t->refused) {
        weir_report_add(&o->report, &at, WEIR_NOT_SUPPORTED);
        return WEIR_OK;
    }
    ProtobufCMessage *m = target_message(o, t);
    if (m == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = value_set(o, m, t, value, &at);
    if (err == WEIR_OK && o->report.num == before)
        weir_check_field(&checker, m, t->field, t->rule, &at);
    return checker.failed ? WEIR_ENOMEM : err;
}

static bool is_other(struct weir_span name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(others); i++)
        if (weir_span_eq(weir_span_cstr(others[i]), name))
            return true;
    return false;
}

static enum weir_err variable_apply(struct overriding *o, const char *variable)
{
    const char *equals = strchr(variable, '=');
    if (equals == NULL)
        return WEIR_OK;
    struct weir_span name = weir_span(variable, (size_t)(equals - variable));
    struct weir_suggest suggest = weir_suggest_begin(name);
    struct target target;

    if (!weir_span_starts(name, WEIR_SPAN_LIT(PREFIX)) || is_other(name))
        return WEIR_OK;
    weir_arena_reset(&o->scratch);
    /* In messages the name of the variable stands in the place of the file. */
    struct weir_shown file = weir_schema_text_bare(name);
    weir_report_file(&o->report, file.text);
    enum weir_err err = WEIR_OK;
    if (target_find(name, &suggest, &o->scratch, &target))
        err = target_set(o, &target, weir_span_cstr(equals + 1));
    else
        log_warn("node.unknown_variable", "name=%.*s%s", (int)name.len, (const char *)name.at,
                 weir_suggest_text(&suggest).text);
    weir_report_file(&o->report, "");
    return err;
}

enum weir_err weir_schema_node_env(Weir__V1__Node *node, const char *const *env,
                                   struct weir_arena *arena, struct weir_diags *diags)
{
    struct overriding o = { .node = node, .arena = arena };
    enum weir_err err = WEIR_OK;

    WEIR_ASSERT(node != NULL && env != NULL);
    weir_arena_init(&o.scratch, SCRATCH, 1u << 20);
    weir_report_init(&o.report, diags, NULL);
    for (; err == WEIR_OK && *env != NULL; env++)
        err = variable_apply(&o, *env);
    weir_arena_deinit(&o.scratch);
    if (o.report.failed)
        return WEIR_ENOMEM;
    return err == WEIR_OK && o.report.num > 0 ? WEIR_EINVAL : err;
}
