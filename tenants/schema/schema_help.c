/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_help.c - the reference page: every field with its type, range, default and meaning, from
 * the table. One field a paragraph, its whole path in front, so that a search for a key finds all
 * of it.
 */
#include <stdio.h>
#include <string.h>

#include "tenants/schema/schema.h"
#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_reflect.h"
#include "tenants/schema/schema_rules.h"

#define WIDTH  79 /* columns */
#define INDENT 6

#define PATH_MAX_LEN 128 /* bytes */

/* Words of a text, wrapped; the cursor is behind INDENT blanks at first. */
static void write_wrapped(struct weir_strbuf *out, const char *text)
{
    size_t column = INDENT;

    weir_strbuf_printf(out, "%*s", INDENT, "");
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column > INDENT && column + 1 + len > WIDTH) {
            weir_strbuf_printf(out, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            weir_strbuf_putc(out, ' ');
            column++;
        }
        weir_strbuf_add(out, weir_span(text, len));
        column += len;
        text += len + (text[len] == ' ');
    }
    weir_strbuf_putc(out, '\n');
}

static void write_single_type(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                              struct weir_strbuf *out)
{
    struct weir_shown range = weir_check_range(rule);
    bool bounded = rule->form == WEIR_FORM_ANY || rule->form == WEIR_FORM_LINES ||
                   rule->form == WEIR_FORM_FIELD_VALUE;

    if (f->type == PROTOBUF_C_TYPE_BOOL)
        weir_strbuf_puts(out, "true or false");
    else if (f->type == PROTOBUF_C_TYPE_ENUM)
        weir_strbuf_printf(out, "one of %s", weir_check_enum_names(f).text);
    else if (rule->choices != NULL)
        weir_strbuf_printf(out, "one of %s", range.text);
    else if (f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_UINT64)
        weir_strbuf_printf(out, "%s %s", weir_unit_name(rule->unit), range.text);
    else if (bounded)
        weir_strbuf_printf(out, "%s, %s bytes", weir_form_name(rule->form), range.text);
    else
        weir_strbuf_puts(out, weir_form_name(rule->form));
}

static void write_type(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                       struct weir_strbuf *out)
{
    bool is_map = weir_reflect_is_map(f);
    bool is_list = f->label == PROTOBUF_C_LABEL_REPEATED && !is_map;

    if (is_map)
        weir_strbuf_printf(out, "map, %u..%u entries, keys: %s", rule->num_min, rule->num_max,
                           weir_form_name(rule->key_form));
    if (is_list)
        weir_strbuf_printf(out, "list, %u..%u entries", rule->num_min, rule->num_max);
    if (is_map && ((const ProtobufCMessageDescriptor *)f->descriptor)->fields[1].type ==
                      PROTOBUF_C_TYPE_STRING)
        weir_strbuf_printf(out, ", values: %s", weir_form_name(rule->form));
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (!is_map && !is_list)
            weir_strbuf_puts(out, "map");
        return;
    }
    if (is_list)
        weir_strbuf_puts(out, ": ");
    write_single_type(f, rule, out);
}

static void write_default(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                          struct weir_strbuf *out)
{
    if (rule->required)
        weir_strbuf_puts(out, "; required");
    if (rule->has_preset)
        weir_strbuf_printf(out, "; default %s", weir_unit_text(rule->unit, rule->preset).text);
    if (rule->preset_text != NULL)
        weir_strbuf_printf(out, "; default %s", rule->preset_text);
    if (weir_check_is_refused(rule))
        weir_strbuf_puts(out, "; " WEIR_NOT_SUPPORTED);
    else if (rule->refused != NULL)
        weir_strbuf_printf(out, "; %s is " WEIR_NOT_SUPPORTED, rule->refused);
}

/** The path of the field at hand; it grows and shrinks at its end. */
struct path {
    char text[PATH_MAX_LEN];
    size_t len;
};

/* @return the length to go back to */
static size_t path_push(struct path *p, const char *piece)
{
    size_t before = p->len;
    size_t len = strlen(piece);

    WEIR_ASSERT(len < sizeof(p->text) - p->len); /* the names of proto/ are short */
    memcpy(p->text + p->len, piece, len + 1);
    p->len += len;
    return before;
}

static void path_pop(struct path *p, size_t before)
{
    p->len = before;
    p->text[before] = '\0';
}

static void write_message(const ProtobufCMessageDescriptor *desc, struct path *path,
                          struct weir_strbuf *out);

/* What is below a field: "upstreams.NAME", "routes[]", "http". */
static void write_below(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                        struct path *path, struct weir_strbuf *out)
{
    const ProtobufCMessageDescriptor *desc = f->descriptor;
    size_t before = path->len;

    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return;
    if (weir_reflect_is_map(f)) {
        if (desc->fields[1].type != PROTOBUF_C_TYPE_MESSAGE)
            return;
        path_push(path, ".");
        path_push(path, rule->key_name);
        desc = desc->fields[1].descriptor;
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        path_push(path, "[]");
    }
    write_message(desc, path, out);
    path_pop(path, before);
}

static void write_field(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                        struct path *path, struct weir_strbuf *out)
{
    size_t before = path_push(path, path->len > 0 ? "." : "");

    path_push(path, f->name);
    weir_strbuf_printf(out, "\n  %s\n%*s", path->text, INDENT, "");
    write_type(f, rule, out);
    write_default(f, rule, out);
    weir_strbuf_putc(out, '\n');
    write_wrapped(out, rule->help);
    write_below(f, rule, path, out);
    path_pop(path, before);
}

static void write_message(const ProtobufCMessageDescriptor *desc, struct path *path,
                          struct weir_strbuf *out)
{
    const struct weir_rule_set *set = weir_rules_of(desc);

    for (unsigned i = 0; i < desc->n_fields; i++)
        if (!set->rules[i].hidden)
            write_field(&desc->fields[i], &set->rules[i], path, out);
}

void weir_schema_help(enum weir_kind kind, struct weir_strbuf *out)
{
    struct path path = { .len = 0 };

    weir_strbuf_printf(out, "%s file: YAML or JSON; several documents in one file are fine.\n\n",
                       weir_rules_kind_name(kind));
    weir_strbuf_printf(out, "  apiVersion: weir/v1\n  kind: %s\n\n", weir_rules_kind_name(kind));
    weir_strbuf_puts(out, "Durations: 500ms 5s 1m30s 24h. Sizes: 512 64KiB 1GiB. "
                          "Rates: 500B/s 50/s.\n");
    if (kind == WEIR_KIND_NODE)
        weir_strbuf_puts(out, "A variable overrides each value: WEIR_LOG_LEVEL, WEIR_LISTEN_HTTP "
                              "(lists: commas).\n");
    write_message(weir_rules_message(kind), &path, out);
}

/* -- one part -- */

static const char *const kind_words[] = {
    [WEIR_KIND_TENANT] = "tenant",
    [WEIR_KIND_NODE] = "node",
    [WEIR_KIND_CERTIFICATE] = "certificate",
};

/** Where a path of the user has led so far. */
struct cursor {
    enum weir_kind kind;
    const ProtobufCMessageDescriptor *desc; /* whose fields may come next; NULL: none has */
    const ProtobufCFieldDescriptor *field;  /* the last one; NULL: the whole document */
    const struct weir_rule *rule;           /* of `field` */
    bool has_key;                           /* a key of the map `field` was given */
    struct path above;                      /* of the message that has `field` */
    struct path path;                       /* of `desc` */
};

static struct cursor cursor_begin(enum weir_kind kind)
{
    return (struct cursor){ .kind = kind, .desc = weir_rules_message(kind) };
}

static void cursor_enter(struct cursor *c, const ProtobufCFieldDescriptor *f)
{
    const struct weir_rule *rule = weir_rules_field(weir_rules_of(c->desc), f);

    c->field = f;
    c->rule = rule;
    c->has_key = false;
    c->above = c->path;
    path_push(&c->path, c->path.len > 0 ? "." : "");
    path_push(&c->path, f->name);
    c->desc = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
    if (weir_reflect_is_map(f)) {
        const ProtobufCFieldDescriptor *value = &c->desc->fields[1];
        path_push(&c->path, ".");
        path_push(&c->path, rule->key_name);
        c->desc = value->type == PROTOBUF_C_TYPE_MESSAGE ? value->descriptor : NULL;
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        path_push(&c->path, "[]");
    }
}

/* A field that has a key of its own. */
static const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *desc,
                                                  struct weir_span name)
{
    const ProtobufCFieldDescriptor *f = desc != NULL ? weir_reflect_find(desc, name) : NULL;

    return f != NULL && !weir_rules_field(weir_rules_of(desc), f)->hidden ? f : NULL;
}

/* The first step of the rest of a path: up to a dot, without the index behind it. */
static struct weir_span step_cut(struct weir_span *rest)
{
    size_t len = 0;

    while (len < rest->len && rest->at[len] != '.')
        len++;
    struct weir_span step = weir_span(rest->at, len);
    *rest = weir_span_from(*rest, len < rest->len ? len + 1 : len);
    const uint8_t *bracket = step.len > 0 ? memchr(step.at, '[', step.len) : NULL;
    if (bracket != NULL && step.at[step.len - 1] == ']')
        step.len = (size_t)(bracket - step.at);
    return step;
}

/* Whether a step is the key of a map: "NAME" as the page has it, or any key with a field behind. */
static bool is_map_key(const struct cursor *c, struct weir_span step, struct weir_span rest)
{
    if (c->field == NULL || !weir_reflect_is_map(c->field) || c->has_key)
        return false;
    size_t name_len = c->path.len;
    while (name_len > 0 && c->path.text[name_len - 1] != '.')
        name_len--;
    return rest.len > 0 || weir_span_eq(step, weir_span_cstr(c->path.text + name_len));
}

/* A field of this name anywhere below, the first in the order of the page. */
static bool field_search(const struct cursor *at, struct weir_span name, struct cursor *ret)
{
    const ProtobufCFieldDescriptor *f = field_find(at->desc, name);

    if (f != NULL) {
        *ret = *at;
        cursor_enter(ret, f);
        return true;
    }
    for (unsigned i = 0; at->desc != NULL && i < at->desc->n_fields; i++) {
        struct cursor below = *at;
        cursor_enter(&below, &at->desc->fields[i]);
        if (field_search(&below, name, ret))
            return true;
    }
    return false;
}

/* `, did you mean "tenant.routes[].path"?` */
static void write_meant(const struct cursor *above, const char *field, struct weir_strbuf *why)
{
    weir_strbuf_printf(why, ", did you mean \"%s%s%s.%s\"?", kind_words[above->kind],
                       above->path.len > 0 ? "." : "", above->path.text, field);
}

static void write_known(const struct cursor *c, struct weir_strbuf *why)
{
    const char *before = ": known are ";

    for (unsigned i = 0; i < c->desc->n_fields; i++) {
        if (weir_rules_of(c->desc)->rules[i].hidden)
            continue;
        weir_strbuf_printf(why, "%s%s", before, c->desc->fields[i].name);
        before = ", ";
    }
}

/* Why a step leads nowhere, and what is the nearest that is known. */
static enum weir_err refuse_step(const struct cursor *c, struct weir_span step,
                                 struct weir_strbuf *why)
{
    struct weir_suggest suggest = weir_suggest_begin(step);
    struct cursor top = cursor_begin(c->kind), found;

    weir_strbuf_printf(why, "%s is no field of %s%s%s", weir_schema_text_show(step).text,
                       kind_words[c->kind], c->path.len > 0 ? "." : "", c->path.text);
    for (unsigned i = 0; c->desc != NULL && i < c->desc->n_fields; i++)
        if (!weir_rules_of(c->desc)->rules[i].hidden)
            weir_suggest_offer(&suggest, weir_span_cstr(c->desc->fields[i].name));
    const ProtobufCFieldDescriptor *near = field_find(c->desc, suggest.best);
    if (near != NULL) {
        write_meant(c, near->name, why);
    } else if (field_search(&top, step, &found)) {
        const char *name = found.field->name;
        found.path = found.above;
        write_meant(&found, name, why);
    } else if (c->desc != NULL) {
        write_known(c, why);
    }
    return WEIR_ENOTFOUND;
}

/* The first step: "tenant" or "node"; a field without it is searched in both. */
static enum weir_err refuse_kind(struct weir_span step, struct weir_strbuf *why)
{
    struct weir_suggest suggest = weir_suggest_begin(step);

    weir_strbuf_printf(why, "%s is none of \"tenant\", \"node\", \"certificate\"",
                       weir_schema_text_show(step).text);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kind_words); i++)
        weir_suggest_offer(&suggest, weir_span_cstr(kind_words[i]));
    if (suggest.best.len > 0) {
        weir_strbuf_puts(why, weir_suggest_text(&suggest).text);
        return WEIR_ENOTFOUND;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kind_words); i++) {
        struct cursor top = cursor_begin((enum weir_kind)i), found;
        if (!field_search(&top, step, &found))
            continue;
        const char *name = found.field->name;
        found.path = found.above;
        write_meant(&found, name, why);
        return WEIR_ENOTFOUND;
    }
    return WEIR_ENOTFOUND;
}

static enum weir_err path_walk(struct weir_span path, struct cursor *ret, struct weir_strbuf *why)
{
    struct weir_span rest = path;
    struct weir_span word = step_cut(&rest);
    size_t kind = 0;

    while (kind < WEIR_ARRAY_LEN(kind_words) &&
           !weir_span_eq(word, weir_span_cstr(kind_words[kind])))
        kind++;
    if (kind == WEIR_ARRAY_LEN(kind_words))
        return refuse_kind(word, why);
    *ret = cursor_begin((enum weir_kind)kind);
    while (rest.len > 0) {
        struct weir_span step = step_cut(&rest);
        const ProtobufCFieldDescriptor *f = field_find(ret->desc, step);
        if (f != NULL)
            cursor_enter(ret, f);
        else if (is_map_key(ret, step, rest))
            ret->has_key = true;
        else
            return refuse_step(ret, step, why);
    }
    return WEIR_OK;
}

enum weir_err weir_schema_help_path(struct weir_span path, struct weir_strbuf *out,
                                    struct weir_strbuf *why)
{
    struct cursor c;
    enum weir_err err = path_walk(path, &c, why);

    if (err < 0)
        return err;
    if (c.field == NULL) {
        weir_schema_help(c.kind, out);
        return WEIR_OK;
    }
    weir_strbuf_printf(out, "Part of the %s file; `weir help %s` shows the whole.\n",
                       weir_rules_kind_name(c.kind), kind_words[c.kind]);
    write_field(c.field, c.rule, &c.above, out);
    return WEIR_OK;
}

enum weir_err weir_schema_help_fields(struct weir_span path, struct weir_strbuf *out)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct cursor c;
    enum weir_err err = path_walk(path, &c, &why);

    weir_strbuf_deinit(&why);
    if (err < 0)
        return err;
    for (unsigned i = 0; c.desc != NULL && i < c.desc->n_fields; i++)
        if (!weir_rules_of(c.desc)->rules[i].hidden)
            weir_strbuf_printf(out, "%s\n", c.desc->fields[i].name);
    return WEIR_OK;
}
