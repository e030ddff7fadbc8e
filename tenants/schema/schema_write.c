/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_write.c - messages as text: the canonical documents, and JSON of any message both ways.
 */
#include "tenants/schema/schema_write.h"

#include "tenants/schema/schema.h"
#include "tenants/schema/schema_map.h"
#include "tenants/schema/schema_reader.h"

#define SCRATCH_BLOCK 8192
#define SCRATCH_MAX   (512u << 20) /* bytes: the tree of the largest response is far below */

/* -- JSON -- */

static void json_value(const struct weir_tree *t, bool pretty, unsigned level,
                       struct weir_strbuf *out);

static void json_break(bool pretty, unsigned level, struct weir_strbuf *out)
{
    if (pretty)
        weir_strbuf_printf(out, "\n%*s", (int)(2 * level), "");
}

static void json_items(const struct weir_tree *t, bool pretty, unsigned level,
                       struct weir_strbuf *out)
{
    bool is_map = t->kind == WEIR_TREE_MAP;

    for (const struct weir_tree *item = t->first; item != NULL; item = item->next) {
        if (item != t->first)
            weir_strbuf_putc(out, ',');
        json_break(pretty, level + 1, out);
        if (is_map) {
            weir_strbuf_json(out, item->text);
            weir_strbuf_puts(out, pretty ? ": " : ":");
            item = item->next;
        }
        json_value(item, pretty, level + 1, out);
    }
    if (t->first != NULL)
        json_break(pretty, level, out);
}

static void json_value(const struct weir_tree *t, bool pretty, unsigned level,
                       struct weir_strbuf *out)
{
    switch (t->kind) {
    case WEIR_TREE_SCALAR:
        if (t->quoted)
            weir_strbuf_json(out, t->text);
        else
            weir_strbuf_add(out, t->text);
        return;
    case WEIR_TREE_LIST:
        weir_strbuf_putc(out, '[');
        json_items(t, pretty, level, out);
        weir_strbuf_putc(out, ']');
        return;
    case WEIR_TREE_MAP:
        weir_strbuf_putc(out, '{');
        json_items(t, pretty, level, out);
        weir_strbuf_putc(out, '}');
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_write_json(const struct weir_tree *root, bool pretty, struct weir_strbuf *out)
{
    json_value(root, pretty, 0, out);
    if (pretty)
        weir_strbuf_putc(out, '\n');
}

/* -- messages -- */

static enum weir_err pair_add(struct weir_tree_builder *b, struct weir_span key, const char *value)
{
    struct weir_tree node = { .kind = WEIR_TREE_SCALAR, .quoted = true, .bare = true, .text = key };
    enum weir_err err = weir_tree_add(b, &node, NULL);

    node.text = weir_span_cstr(value);
    return err < 0 ? err : weir_tree_add(b, &node, NULL);
}

static enum weir_err document_add(struct weir_tree_builder *b, enum weir_kind kind,
                                  const ProtobufCMessage *m)
{
    struct weir_tree root = { .kind = WEIR_TREE_MAP };
    enum weir_err err = weir_tree_add(b, &root, NULL);

    if (err == WEIR_OK)
        err = pair_add(b, WEIR_SPAN_LIT("apiVersion"), "weir/v1");
    if (err == WEIR_OK)
        err = pair_add(b, WEIR_SPAN_LIT("kind"), weir_rules_kind_name(kind));
    if (err == WEIR_OK)
        err = weir_unmap_fields(b, m);
    if (err == WEIR_OK)
        weir_tree_close(b);
    return err;
}

enum weir_err weir_schema_write(enum weir_kind kind, const ProtobufCMessage *m,
                                enum weir_format format, struct weir_strbuf *out)
{
    struct weir_arena scratch;
    struct weir_tree_builder b = { .arena = &scratch };

    WEIR_ASSERT(m->descriptor == weir_rules_message(kind));
    weir_arena_init(&scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    weir_tree_begin(&b);
    enum weir_err err = document_add(&b, kind, m);
    if (err == WEIR_OK) {
        if (format == WEIR_FORMAT_JSON)
            weir_write_json(b.root, true, out);
        else
            weir_write_yaml(b.root, out);
    }
    weir_arena_deinit(&scratch);
    return err == WEIR_OK && out->failed ? WEIR_ENOMEM : err;
}

enum weir_err weir_schema_write_json(const ProtobufCMessage *m, struct weir_strbuf *out)
{
    struct weir_arena scratch;
    struct weir_tree_builder b = { .arena = &scratch };

    weir_arena_init(&scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    weir_tree_begin(&b);
    enum weir_err err = weir_unmap_message(&b, m);
    if (err == WEIR_OK)
        weir_write_json(b.root, false, out);
    weir_arena_deinit(&scratch);
    return err == WEIR_OK && out->failed ? WEIR_ENOMEM : err;
}

static enum weir_err message_read(const ProtobufCMessageDescriptor *desc, struct weir_span text,
                                  struct weir_arena *scratch, struct weir_mapper *m,
                                  ProtobufCMessage **ret)
{
    struct weir_tree_builder b = { .arena = scratch, .report = m->report };
    struct weir_tree *root = NULL;
    struct weir_json j;

    weir_json_init(&j, text);
    enum weir_err err = weir_json_whole(&j, &b, &root);
    if (err == WEIR_OK)
        err = weir_map_message(m, desc, root, NULL, ret);
    if (err == WEIR_OK && m->report->num > 0)
        err = WEIR_EINVAL;
    return m->report->failed ? WEIR_ENOMEM : err;
}

enum weir_err weir_schema_read_json(const ProtobufCMessageDescriptor *desc, struct weir_span text,
                                    struct weir_arena *arena, ProtobufCMessage **ret)
{
    struct weir_arena scratch;
    struct weir_diags diags;
    struct weir_report report;
    struct weir_mapper m = { .report = &report, .arena = arena, .lenient = true };
    ProtobufCMessage *msg = NULL;

    weir_arena_init(&scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    weir_diags_init(&diags);
    weir_report_init(&report, &diags, NULL);
    enum weir_err err = message_read(desc, text, &scratch, &m, &msg);
    weir_diags_deinit(&diags);
    weir_arena_wipe(&scratch); /* the text may have had a key in it */
    weir_arena_deinit(&scratch);
    if (err == WEIR_OK)
        *ret = msg;
    return err;
}
