/* SPDX-License-Identifier: Apache-2.0
 *
 * get_watch.c - the revisions that one poll finds are compared with those of the poll before. A
 * tenant that a successful poll does not find is deleted.
 */
#include "node/cli/get_watch.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/hashmap.h"
#include "node/base/rng.h"
#include "node/cli/api.h"
#include "node/cli/docs/source.h"
#include "node/cli/interrupt.h"
#include "node/cli/tenant_list.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"

#define POLL_MS_MIN 1000  /* between two polls */
#define POLL_MS_MAX 30000 /* the same, however long a poll takes */
#define POLL_REST   4     /* a poll may take a fifth of the time */

/** A tenant as the last poll found it. */
struct seen {
    uint64_t revision;
    uint64_t poll; /* the number of that poll */
    char name[];
};

struct watch {
    struct weir_cli *cli;
    const struct weir_objects *names;
    struct weir_hashmap seen; /* owns its values */
    struct weir_table table;
    struct weir_strbuf out;
    uint64_t poll;    /* its number, 1.. */
    uint64_t rest_ms; /* until the next */
};

static const char *const headers[] = { "CHANGE",    "NAME",       "REVISION",  "HOSTS",
                                       "UPSTREAMS", "APPLIED AT", "APPLIED BY" };
#define COLUMNS_TABLE 6

/* -- output -- */

static void change_add_row(struct watch *w, const char *change, const Weir__V1__TenantSummary *s)
{
    weir_table_cstr(&w->table, change);
    weir_table_cstr(&w->table, s->name);
    weir_table_number(&w->table, s->revision);
    weir_table_number(&w->table, s->hosts);
    weir_table_number(&w->table, s->upstreams);
    weir_table_cstr(&w->table, s->applied_at);
    if (w->table.num_columns > COLUMNS_TABLE)
        weir_table_cstr(&w->table, s->applied_by);
    if (weir_table_write(&w->table, &w->out) < 0)
        w->out.failed = true;
}

static void change_add_json(struct watch *w, const char *change, const Weir__V1__TenantSummary *s)
{
    weir_strbuf_printf(&w->out, "{\"change\":\"%s\",\"tenant\":", change);
    if (weir_schema_write_json(&s->base, &w->out) < 0)
        w->out.failed = true;
    weir_strbuf_puts(&w->out, "}\n");
}

static enum weir_exit change_show(struct watch *w, const char *change,
                                  const Weir__V1__TenantSummary *s)
{
    switch (w->cli->options.output) {
    case WEIR_OUTPUT_TABLE:
    case WEIR_OUTPUT_WIDE:
        change_add_row(w, change, s);
        break;
    case WEIR_OUTPUT_NAME:
        weir_strbuf_puts(&w->out, "tenant/");
        weir_table_escape(&w->out, weir_span_cstr(s->name));
        weir_strbuf_putc(&w->out, '\n');
        break;
    case WEIR_OUTPUT_JSON:
    case WEIR_OUTPUT_YAML:
        change_add_json(w, change, s);
        break;
    }
    return weir_render_out(w->cli, &w->out);
}

/* -- one poll -- */

static enum weir_exit seen_add(struct watch *w, const Weir__V1__TenantSummary *s)
{
    size_t len = strlen(s->name);
    struct seen *seen = malloc(sizeof(*seen) + len + 1);
    if (seen == NULL)
        return weir_cli_no_memory(w->cli);
    *seen = (struct seen){ .revision = s->revision, .poll = w->poll };
    memcpy(seen->name, s->name, len + 1);
    if (weir_hashmap_add(&w->seen, weir_span(seen->name, len), seen) == WEIR_OK)
        return change_show(w, w->poll == 1 ? "listed" : "created", s);
    free(seen);
    weir_cli_error(w->cli, "no room for more than %d tenants", WEIR_SOURCE_DOCS_MAX);
    return WEIR_EXIT_FAILED;
}

static enum weir_exit tenant_compare(struct watch *w, const Weir__V1__TenantSummary *s)
{
    if (s->name == NULL)
        return WEIR_EXIT_OK;
    struct seen *seen = weir_hashmap_find(&w->seen, weir_span_cstr(s->name));
    if (seen == NULL)
        return seen_add(w, s);
    bool changed = seen->revision != s->revision;
    seen->poll = w->poll;
    seen->revision = s->revision;
    return changed ? change_show(w, "changed", s) : WEIR_EXIT_OK;
}

static enum weir_exit on_page(void *arg, const Weir__V1__TenantList *page, bool last,
                              bool *ret_stop)
{
    enum weir_exit code = WEIR_EXIT_OK;
    for (size_t i = 0; i < page->n_items && code == WEIR_EXIT_OK; i++)
        code = tenant_compare(arg, page->items[i]);
    (void)last;
    (void)ret_stop;
    return code;
}

/* A tenant that is named may come later, so its absence is no error. */
static enum weir_exit name_poll(struct watch *w, const char *name)
{
    char target[128];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    snprintf(target, sizeof(target), "/v1/tenants/%s", name);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__tenant_response__descriptor, &arena, true };
    enum weir_exit code = weir_api_get(w->cli, target, &want, &message);
    const Weir__V1__TenantResponse *t = (const Weir__V1__TenantResponse *)message;
    if (code == WEIR_EXIT_OK && t != NULL) {
        Weir__V1__TenantSummary s = WEIR__V1__TENANT_SUMMARY__INIT;
        s.name = (char *)name;
        s.has_revision = s.has_hosts = s.has_upstreams = 1;
        s.revision = t->revision;
        s.hosts = t->tenant != NULL ? (uint32_t)t->tenant->n_hosts : 0;
        s.upstreams = t->tenant != NULL ? (uint32_t)t->tenant->n_upstreams : 0;
        s.applied_at = t->applied_at;
        s.applied_by = t->applied_by;
        code = tenant_compare(w, &s);
    } else if (code == WEIR_EXIT_OK && w->poll == 1) {
        fprintf(w->cli->err, "tenant/%s: is not there; waiting for it\n", name);
    }
    weir_arena_deinit(&arena);
    return code;
}

static enum weir_exit gone_show(struct watch *w, struct seen *seen)
{
    Weir__V1__TenantSummary s = WEIR__V1__TENANT_SUMMARY__INIT;
    s.name = seen->name;
    s.has_revision = 1;
    s.revision = seen->revision;
    enum weir_exit code = change_show(w, "deleted", &s);
    weir_hashmap_remove(&w->seen, weir_span_cstr(seen->name));
    free(seen);
    return code;
}

/* A map cannot change during its walk, so those that are gone are collected first. */
static enum weir_exit all_gone_show(struct watch *w)
{
    size_t pos = 0;
    size_t num = 0;
    struct seen *seen = NULL;
    enum weir_exit code = WEIR_EXIT_OK;
    while ((seen = weir_hashmap_next(&w->seen, &pos)) != NULL)
        num += seen->poll != w->poll;
    if (num == 0)
        return WEIR_EXIT_OK;
    struct seen **gone = calloc(num, sizeof(struct seen *));
    if (gone == NULL)
        return weir_cli_no_memory(w->cli);
    pos = 0;
    num = 0;
    while ((seen = weir_hashmap_next(&w->seen, &pos)) != NULL)
        if (seen->poll != w->poll)
            gone[num++] = seen;
    for (size_t i = 0; i < num && code == WEIR_EXIT_OK; i++)
        code = gone_show(w, gone[i]);
    free(gone);
    return code;
}

static enum weir_exit watch_poll(struct watch *w)
{
    enum weir_exit code = WEIR_EXIT_OK;
    uint64_t start_ns = weir_clock_mono_ns();
    w->poll++;
    if (w->names->len == 0)
        code = weir_tenant_list_walk(w->cli, w->cli->options.prefix, on_page, w);
    for (size_t i = 0; i < w->names->len && code == WEIR_EXIT_OK; i++)
        code = name_poll(w, w->names->items[i]);
    w->rest_ms = (weir_clock_mono_ns() - start_ns) / 1000000 * POLL_REST;
    if (w->rest_ms < POLL_MS_MIN)
        w->rest_ms = POLL_MS_MIN;
    else if (w->rest_ms > POLL_MS_MAX)
        w->rest_ms = POLL_MS_MAX;
    return code == WEIR_EXIT_OK ? all_gone_show(w) : code;
}

/* -- the watch -- */

static void seen_free(struct weir_hashmap *seen)
{
    size_t pos = 0;
    void *value = NULL;
    while ((value = weir_hashmap_next(seen, &pos)) != NULL)
        free(value);
    weir_hashmap_deinit(seen);
}

enum weir_exit weir_get_watch(struct weir_cli *cli, const struct weir_objects *names)
{
    struct watch w = { .cli = cli, .names = names, .out = WEIR_STRBUF_ZERO };
    uint64_t seed = 0;
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;
    if (weir_rng_secret(&seed, sizeof(seed)) < 0)
        return weir_cli_no_memory(cli);
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    weir_hashmap_init(&w.seen, seed, WEIR_SOURCE_DOCS_MAX);
    weir_table_init(&w.table, headers, wide ? WEIR_ARRAY_LEN(headers) : COLUMNS_TABLE,
                    cli->options.no_headers);
    weir_interrupt_begin(cli);
    code = watch_poll(&w);
    while (code == WEIR_EXIT_OK && !weir_interrupt_has_come()) {
        weir_interrupt_sleep(w.rest_ms);
        if (!weir_interrupt_has_come())
            code = watch_poll(&w);
    }
    seen_free(&w.seen);
    weir_table_deinit(&w.table);
    weir_strbuf_deinit(&w.out);
    return weir_interrupt_has_come() ? WEIR_EXIT_OK : code;
}
