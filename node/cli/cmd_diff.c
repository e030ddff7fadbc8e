/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_diff.c - weir diff: what apply would change, as a unified difference of canonical texts.
 */
#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/docs/source.h"
#include "node/cli/text/diff.h"
#include "node/cli/text/render.h"
#include "weir/v1/admin.pb-c.h"

/** One tenant, on both sides. */
struct sides {
    struct weir_strbuf before;
    struct weir_strbuf after;
    struct weir_strbuf out;
    bool differ;
};

static enum weir_err sides_compare(struct sides *s, const struct weir_source_doc *doc,
                                   const Weir__V1__TenantResponse *now)
{
    char before_name[128] = "/dev/null";
    char after_name[512];
    const char *const names[2] = { before_name, after_name };
    enum weir_err err = weir_schema_write(doc->kind, doc->message, WEIR_FORMAT_YAML, &s->after);
    if (err == WEIR_OK && now != NULL) {
        snprintf(before_name, sizeof(before_name), "tenant/%s (revision %llu)", doc->tenant->name,
                 (unsigned long long)now->revision);
        err = weir_schema_write(WEIR_KIND_TENANT, &now->tenant->base, WEIR_FORMAT_YAML, &s->before);
    }
    snprintf(after_name, sizeof(after_name), "tenant/%s (%s:%u)", doc->tenant->name, doc->file,
             doc->line);
    if (err < 0)
        return err;
    return weir_diff_unified(weir_span(s->before.at, s->before.len),
                             weir_span(s->after.at, s->after.len), names, &s->out, &s->differ);
}

static enum weir_exit tenant_diff(struct weir_cli *cli, const struct weir_source_doc *doc,
                                  bool *ret_differ)
{
    char target[128];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct sides s = { WEIR_STRBUF_ZERO, WEIR_STRBUF_ZERO, WEIR_STRBUF_ZERO, false };
    snprintf(target, sizeof(target), "/v1/tenants/%s", doc->tenant->name);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__tenant_response__descriptor, &arena, true };
    enum weir_exit code = weir_api_get(cli, target, &want, &message);
    const Weir__V1__TenantResponse *now = (const Weir__V1__TenantResponse *)message;
    if (code == WEIR_EXIT_OK && now != NULL && now->tenant == NULL) {
        weir_cli_error(cli, "the node's record of tenant %s cannot be read. See weir doctor",
                       doc->tenant->name);
        code = WEIR_EXIT_FAILED;
    }
    if (code == WEIR_EXIT_OK && sides_compare(&s, doc, now) < 0)
        code = weir_cli_no_memory(cli);
    if (code == WEIR_EXIT_OK)
        code = weir_render_out(cli, &s.out);
    *ret_differ = *ret_differ || s.differ;
    weir_strbuf_deinit(&s.before);
    weir_strbuf_deinit(&s.after);
    weir_strbuf_deinit(&s.out);
    weir_arena_deinit(&arena);
    return code;
}

enum weir_exit weir_cmd_diff(struct weir_cli *cli)
{
    struct weir_source source;
    bool differ = false;
    weir_source_init(&source, cli);
    enum weir_exit code = weir_source_read(&source, true);
    size_t num_compared = 0;
    bool all_read = code == WEIR_EXIT_OK;
    for (; num_compared < source.num_docs && code == WEIR_EXIT_OK; num_compared++)
        code = tenant_diff(cli, &source.docs[num_compared], &differ);
    /* The exit code may be that of a difference, so the text states that it is none. */
    if (all_read && code != WEIR_EXIT_OK)
        weir_cli_error(cli, "the comparison is incomplete: %zu of %zu tenants were compared",
                       num_compared - 1, source.num_docs);
    weir_source_deinit(&source);
    return code == WEIR_EXIT_OK && differ ? WEIR_EXIT_FAILED : code;
}
