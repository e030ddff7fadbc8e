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
static void put_wrapped(struct weir_strbuf *out, const char *text)
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

static void put_single_type(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
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

static void put_type(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
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
    put_single_type(f, rule, out);
}

static void put_default(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
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

static void put_message(const ProtobufCMessageDescriptor *desc, struct path *path,
                        struct weir_strbuf *out);

/* What is below a field: "upstreams.NAME", "routes[]", "http". */
static void put_below(const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
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
    put_message(desc, path, out);
    path_pop(path, before);
}

static void put_message(const ProtobufCMessageDescriptor *desc, struct path *path,
                        struct weir_strbuf *out)
{
    const struct weir_rule_set *set = weir_rules_of(desc);

    for (unsigned i = 0; i < desc->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &desc->fields[i];
        const struct weir_rule *rule = &set->rules[i];

        if (rule->hidden)
            continue;
        size_t before = path_push(path, path->len > 0 ? "." : "");
        path_push(path, f->name);
        weir_strbuf_printf(out, "\n  %s\n%*s", path->text, INDENT, "");
        put_type(f, rule, out);
        put_default(f, rule, out);
        weir_strbuf_putc(out, '\n');
        put_wrapped(out, rule->help);
        put_below(f, rule, path, out);
        path_pop(path, before);
    }
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
    put_message(weir_rules_message(kind), &path, out);
}
