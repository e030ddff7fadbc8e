/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant_list.c - GET /v1/tenants?after=... until a page has no successor.
 */
#include "node/cli/tenant_list.h"

#include <string.h>

#include "node/cli/api.h"

/** One walk. */
struct walk {
    struct weir_cli *cli;
    const char *prefix;
    weir_tenant_list_sink *sink;
    void *arg;
    struct weir_strbuf after; /* the last name seen; empty: the first page */
    size_t num;               /* tenants so far */
    bool ended;
};

static enum weir_exit page_get(struct walk *w, struct weir_arena *arena,
                               const Weir__V1__TenantList **ret)
{
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    ProtobufCMessage *message = NULL;
    struct weir_api_want want = { &weir__v1__tenant_list__descriptor, arena, false };
    enum weir_exit code = WEIR_EXIT_OK;
    weir_strbuf_printf(&target, "/v1/tenants?limit=%d&after=", WEIR_CLI_TENANT_LIST_MAX);
    weir_api_escape(&target, w->after.len > 0 ? w->after.at : "");
    if (w->prefix != NULL) {
        weir_strbuf_puts(&target, "&prefix=");
        weir_api_escape(&target, w->prefix);
    }
    if (target.failed)
        code = weir_cli_no_memory(w->cli);
    if (code == WEIR_EXIT_OK)
        code = weir_api_get(w->cli, target.at, &want, &message);
    weir_strbuf_deinit(&target);
    *ret = (const Weir__V1__TenantList *)message;
    return code;
}

/* Moves on behind a page. A node that sends us back would have us here for ever. */
static enum weir_exit walk_advance(struct walk *w, const char *next)
{
    bool forward = w->after.len == 0 || strcmp(next, w->after.at) > 0;
    w->ended = w->ended || next[0] == '\0';
    if (w->ended)
        return WEIR_EXIT_OK;
    if (!forward) {
        weir_cli_error(w->cli, "the node's list does not go forward after %zu tenants", w->num);
        return WEIR_EXIT_FAILED;
    }
    weir_strbuf_reset(&w->after);
    weir_strbuf_puts(&w->after, next);
    return w->after.failed ? weir_cli_no_memory(w->cli) : WEIR_EXIT_OK;
}

static enum weir_exit page_walk(struct walk *w)
{
    struct weir_arena arena;
    const Weir__V1__TenantList *page = NULL;
    weir_api_arena_init(&arena);
    enum weir_exit code = page_get(w, &arena, &page);
    if (code == WEIR_EXIT_OK) {
        const char *next = page->next != NULL ? page->next : "";
        w->num += page->n_items;
        code = w->sink(w->arg, page, next[0] == '\0', &w->ended);
        if (code == WEIR_EXIT_OK)
            code = walk_advance(w, next);
    }
    weir_arena_deinit(&arena);
    return code;
}

enum weir_exit weir_tenant_list_walk(struct weir_cli *cli, const char *prefix,
                                     weir_tenant_list_sink *sink, void *arg)
{
    struct walk w = {
        .cli = cli, .prefix = prefix, .sink = sink, .arg = arg, .after = WEIR_STRBUF_ZERO
    };
    enum weir_exit code = WEIR_EXIT_OK;
    WEIR_ASSERT(sink != NULL);
    while (code == WEIR_EXIT_OK && !w.ended)
        code = page_walk(&w);
    weir_strbuf_deinit(&w.after);
    return code;
}
