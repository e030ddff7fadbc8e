/* SPDX-License-Identifier: Apache-2.0
 *
 * render.c - jansson reads the JSON that the schema wrote; YAML takes JSON's scalars as they are.
 */
#include "node/cli/text/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "tenants/schema/schema.h"

#define DEPTH_MAX 32 /* levels; messages of admin.proto have 8 */

struct yaml {
    struct weir_strbuf *out;
    bool invalid;
};

static void indent(struct yaml *y, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        weir_strbuf_puts(y->out, "  ");
}

static void scalar_write(struct yaml *y, const json_t *v)
{
    if (json_is_string(v)) {
        weir_strbuf_yaml(y->out, weir_span(json_string_value(v), json_string_length(v)));
        return;
    }
    char *text = json_dumps(v, JSON_ENCODE_ANY);
    if (text == NULL)
        y->out->failed = true;
    weir_strbuf_puts(y->out, text);
    free(text);
}

/* Only what is a word for every reader of YAML stands without quotes: 502 would be a number, and
 * "no" a boolean. */
static bool is_word(const char *key)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char *const taken[] = {
        "y", "n", "yes", "no", "on", "off", "true", "false", "null"
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(taken); i++)
        if (strcasecmp(key, taken[i]) == 0)
            return false;
    return key[0] != '\0' && strspn(key, letters) == strlen(key);
}

static void key_write(struct yaml *y, const char *key)
{
    if (is_word(key))
        weir_strbuf_puts(y->out, key);
    else
        weir_strbuf_yaml(y->out, weir_span_cstr(key));
    weir_strbuf_putc(y->out, ':');
}

static void value_write(struct yaml *y, const json_t *v, unsigned depth, bool in_list);

static void object_write(struct yaml *y, const json_t *v, unsigned depth, bool in_list)
{
    const char *key = NULL;
    json_t *item = NULL;
    bool first = true;
    json_object_foreach((json_t *)v, key, item)
    {
        /* The first key of a list's item stands behind its dash. */
        if (!first || !in_list)
            indent(y, depth);
        first = false;
        key_write(y, key);
        value_write(y, item, depth + 1, false);
    }
}

static void array_write(struct yaml *y, const json_t *v, unsigned depth)
{
    for (size_t i = 0; i < json_array_size(v); i++) {
        indent(y, depth);
        weir_strbuf_putc(y->out, '-');
        value_write(y, json_array_get(v, i), depth + 1, true);
    }
}

/* Writes a value behind its key or dash, with its line end. */
static void value_write(struct yaml *y, const json_t *v, unsigned depth, bool in_list)
{
    bool container = json_is_object(v) || json_is_array(v);
    if (depth > DEPTH_MAX) {
        y->invalid = true;
        return;
    }
    if (!container || json_object_size(v) + json_array_size(v) == 0) {
        weir_strbuf_putc(y->out, ' ');
        if (container)
            weir_strbuf_puts(y->out, json_is_object(v) ? "{}" : "[]");
        else
            scalar_write(y, v);
        weir_strbuf_putc(y->out, '\n');
        return;
    }
    if (json_is_object(v) && in_list) {
        weir_strbuf_putc(y->out, ' ');
        object_write(y, v, depth, true);
        return;
    }
    weir_strbuf_putc(y->out, '\n');
    if (json_is_object(v))
        object_write(y, v, depth, false);
    else
        array_write(y, v, depth);
}

enum weir_err weir_render_yaml(struct weir_span json, struct weir_strbuf *out)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.at, json.len, 0, &error);
    struct yaml y = { .out = out };
    if (root == NULL)
        return json_error_code(&error) == json_error_out_of_memory ? WEIR_ENOMEM : WEIR_EINVAL;
    if (json_is_object(root))
        object_write(&y, root, 0, false);
    else
        array_write(&y, root, 0);
    json_decref(root);
    if (y.invalid)
        return WEIR_EINVAL;
    return out->failed ? WEIR_ENOMEM : WEIR_OK;
}

enum weir_err weir_render_message(const struct weir_cli *cli, const ProtobufCMessage *m,
                                  struct weir_strbuf *out)
{
    WEIR_ASSERT(cli->options.output == WEIR_OUTPUT_JSON || cli->options.output == WEIR_OUTPUT_YAML);
    struct weir_strbuf json = WEIR_STRBUF_ZERO;
    enum weir_err err = weir_schema_write_json(m, &json);
    if (err == WEIR_OK && cli->options.output == WEIR_OUTPUT_YAML) {
        err = weir_render_yaml(weir_span(json.at, json.len), out);
    } else if (err == WEIR_OK) {
        weir_strbuf_add(out, weir_span(json.at, json.len));
        weir_strbuf_putc(out, '\n');
        err = out->failed ? WEIR_ENOMEM : WEIR_OK;
    }
    weir_strbuf_deinit(&json);
    return err;
}

enum weir_exit weir_render_out(struct weir_cli *cli, struct weir_strbuf *text)
{
    enum weir_exit code = WEIR_EXIT_OK;
    if (text->failed) {
        code = weir_cli_no_memory(cli);
    } else if ((text->len > 0 && fwrite(text->at, text->len, 1, cli->out) != 1) ||
               fflush(cli->out) != 0) {
        weir_cli_error(cli, "cannot write the result: %s", strerrordesc_np(errno));
        code = WEIR_EXIT_FAILED;
    }
    weir_strbuf_deinit(text);
    return code;
}

enum weir_exit weir_render_response(struct weir_cli *cli, const ProtobufCMessage *m)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    if (weir_render_message(cli, m, &text) < 0)
        text.failed = true;
    return weir_render_out(cli, &text);
}
