/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_get.c - weir get: lists page by page, so that 100,000 tenants take no more memory than one
 * page, and single tenants, whose -o yaml and -o json can be applied again.
 */
#include "node/cli/command.h"

#include <string.h>

#include "node/cli/api.h"
#include "node/cli/render.h"
#include "node/cli/table.h"
#include "tenants/schema/schema.h"

#include <weir/v1/admin.pb-c.h>

#define CONFLICTS_SHOWN 3 /* of one tenant, in a wide table */

/** A list on its way. */
struct list {
    struct weir_cli *cli;
    struct weir_table table;
    struct weir_strbuf out;
    uint64_t num;
    uint64_t total;
};

static const char *const headers[] = { "NAME",       "REVISION",   "HOSTS",    "UPSTREAMS",
                                       "APPLIED AT", "APPLIED BY", "CONFLICTS" };
#define COLUMNS_WIDE  7
#define COLUMNS_TABLE 5
_Static_assert(WEIR_ARRAY_LEN(headers) == COLUMNS_WIDE, "a header for each column");

/* -- lists -- */

static void conflicts_cell(struct weir_table *t, const Weir__V1__TenantSummary *s)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    for (size_t i = 0; i < s->n_conflicts && i < CONFLICTS_SHOWN; i++)
        weir_strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", s->conflicts[i]);
    if (s->n_conflicts > CONFLICTS_SHOWN)
        weir_strbuf_printf(&text, " and %zu more", s->n_conflicts - CONFLICTS_SHOWN);
    weir_table_cell(t, weir_span(text.at, text.len));
    weir_strbuf_deinit(&text);
}

static void row_add(struct list *l, const Weir__V1__TenantSummary *s)
{
    weir_table_cstr(&l->table, s->name);
    if (s->has_revision)
        weir_table_number(&l->table, s->revision);
    else
        weir_table_cstr(&l->table, "damaged");
    weir_table_number(&l->table, s->hosts);
    weir_table_number(&l->table, s->upstreams);
    weir_table_cstr(&l->table, s->applied_at);
    if (l->table.num_columns < COLUMNS_WIDE)
        return;
    weir_table_cstr(&l->table, s->applied_by);
    conflicts_cell(&l->table, s);
}

static enum weir_err item_json(struct list *l, const Weir__V1__TenantSummary *s)
{
    weir_strbuf_puts(&l->out, l->num == 0 ? "{\"items\":[\n" : ",\n");
    return weir_schema_write_json(&s->base, &l->out);
}

/* One item of the list at a time: a list of its own that is one item long. */
static enum weir_err item_yaml(struct list *l, const Weir__V1__TenantSummary *s)
{
    struct weir_strbuf json = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&json, "[");
    enum weir_err err = weir_schema_write_json(&s->base, &json);
    weir_strbuf_puts(&json, "]");
    if (l->num == 0)
        weir_strbuf_puts(&l->out, "items:\n");
    if (err == WEIR_OK && !json.failed)
        err = weir_render_yaml(weir_span(json.at, json.len), &l->out);
    weir_strbuf_deinit(&json);
    return err;
}

static enum weir_err item_add(struct list *l, const Weir__V1__TenantSummary *s)
{
    enum weir_err err = WEIR_OK;
    switch (l->cli->options.output) {
    case WEIR_OUTPUT_TABLE:
    case WEIR_OUTPUT_WIDE:
        row_add(l, s);
        break;
    case WEIR_OUTPUT_NAME:
        weir_strbuf_puts(&l->out, "tenant/");
        weir_table_escape(&l->out, weir_span_cstr(s->name));
        weir_strbuf_putc(&l->out, '\n');
        break;
    case WEIR_OUTPUT_JSON:
        err = item_json(l, s);
        break;
    case WEIR_OUTPUT_YAML:
        err = item_yaml(l, s);
        break;
    }
    l->num++;
    return err;
}

static enum weir_err list_end(struct list *l)
{
    enum weir_output o = l->cli->options.output;
    if (o == WEIR_OUTPUT_JSON)
        weir_strbuf_printf(&l->out, "%s],\"total\":%llu}\n", l->num == 0 ? "{\"items\":[" : "\n",
                           (unsigned long long)l->total);
    else if (o == WEIR_OUTPUT_YAML)
        weir_strbuf_printf(&l->out, "%stotal: %llu\n", l->num == 0 ? "items: []\n" : "",
                           (unsigned long long)l->total);
    else if (l->num == 0 && o != WEIR_OUTPUT_NAME)
        fputs("no tenants\n", l->cli->err);
    return l->out.failed ? WEIR_ENOMEM : WEIR_OK;
}

static enum weir_err page_show(struct list *l, const Weir__V1__TenantList *page)
{
    enum weir_err err = WEIR_OK;
    bool table =
        l->cli->options.output == WEIR_OUTPUT_TABLE || l->cli->options.output == WEIR_OUTPUT_WIDE;
    for (size_t i = 0; i < page->n_items && err == WEIR_OK; i++)
        err = item_add(l, page->items[i]);
    l->total = page->total;
    if (err == WEIR_OK && table && l->num > 0)
        err = weir_table_write(&l->table, &l->out);
    return err;
}

static enum weir_exit page_get(struct list *l, const char *after, struct weir_arena *arena,
                               const Weir__V1__TenantList **ret)
{
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    ProtobufCMessage *message = NULL;
    struct weir_api_want want = { &weir__v1__tenant_list__descriptor, arena, false };
    enum weir_exit code = WEIR_EXIT_OK;
    weir_strbuf_printf(&target, "/v1/tenants?limit=%d&after=", WEIR_CLI_TENANT_LIST_MAX);
    weir_api_escape(&target, after);
    if (l->cli->options.prefix != NULL) {
        weir_strbuf_puts(&target, "&prefix=");
        weir_api_escape(&target, l->cli->options.prefix);
    }
    if (target.failed)
        code = weir_cli_no_memory(l->cli);
    if (code == WEIR_EXIT_OK)
        code = weir_api_get(l->cli, target.at, &want, &message);
    weir_strbuf_deinit(&target);
    *ret = (const Weir__V1__TenantList *)message;
    return code;
}

/* Shows one page. *after: moved on; empty after the last page. */
static enum weir_exit page_step(struct list *l, struct weir_strbuf *after)
{
    struct weir_arena arena;
    const Weir__V1__TenantList *page = NULL;
    weir_api_arena_init(&arena);
    enum weir_exit code = page_get(l, after->at != NULL ? after->at : "", &arena, &page);
    if (code == WEIR_EXIT_OK) {
        const char *next = page->next != NULL ? page->next : "";
        bool last = next[0] == '\0';
        enum weir_err err = page_show(l, page);
        /* A node that sends us back would have us here for ever. */
        if (!last && after->len > 0 && strcmp(next, after->at) <= 0) {
            weir_cli_error(l->cli, "the node's list does not go forward after %zu tenants",
                           (size_t)l->num);
            code = WEIR_EXIT_FAILED;
        }
        weir_strbuf_reset(after);
        weir_strbuf_puts(after, next);
        if (err == WEIR_OK && last)
            err = list_end(l);
        if (err < 0 || after->failed)
            code = weir_cli_no_memory(l->cli);
    }
    weir_arena_deinit(&arena);
    return code == WEIR_EXIT_OK ? weir_render_out(l->cli, &l->out) : code;
}

static enum weir_exit list_run(struct weir_cli *cli)
{
    struct list l = { .cli = cli, .out = WEIR_STRBUF_ZERO };
    struct weir_strbuf after = WEIR_STRBUF_ZERO;
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;
    weir_table_init(&l.table, headers, wide ? COLUMNS_WIDE : COLUMNS_TABLE,
                    cli->options.no_headers);
    enum weir_exit code = page_step(&l, &after);
    while (code == WEIR_EXIT_OK && after.len > 0)
        code = page_step(&l, &after);
    weir_strbuf_deinit(&after);
    weir_strbuf_deinit(&l.out);
    weir_table_deinit(&l.table);
    return code;
}

/* -- one tenant -- */

static void line_add(struct weir_table *t, const char *name, const char *value)
{
    weir_table_cstr(t, name);
    weir_table_cstr(t, value);
}

static void lines_add(struct weir_table *t, const char *name, char *const *values, size_t num)
{
    for (size_t i = 0; i < num; i++)
        line_add(t, i == 0 ? name : " ", values[i]);
}

static void upstreams_add(struct weir_table *t, const Weir__V1__Tenant *tenant)
{
    for (size_t i = 0; i < tenant->n_upstreams; i++) {
        const Weir__V1__Tenant__UpstreamsEntry *e = tenant->upstreams[i];
        struct weir_strbuf text = WEIR_STRBUF_ZERO;
        size_t num = e->value != NULL ? e->value->n_endpoints : 0;
        weir_strbuf_printf(&text, "%s:", e->key);
        for (size_t k = 0; k < num; k++)
            weir_strbuf_printf(&text, " %s", e->value->endpoints[k]->address);
        line_add(t, i == 0 ? "Upstreams" : " ", text.failed ? e->key : text.at);
        weir_strbuf_deinit(&text);
    }
}

static void counts_add(struct weir_table *t, const Weir__V1__Tenant *tenant)
{
    weir_table_cstr(t, "Routes");
    weir_table_number(t, tenant->n_routes);
    weir_table_cstr(t, "Redirects");
    weir_table_number(t, tenant->n_redirects);
}

/* What an operator asks first; the whole is -o yaml. */
static enum weir_err response_show(const Weir__V1__TenantResponse *a, struct weir_strbuf *out)
{
    static const char *const none[] = { "", "" };
    struct weir_table t;
    const Weir__V1__Tenant *tenant = a->tenant;
    weir_table_init(&t, none, WEIR_ARRAY_LEN(none), true);
    line_add(&t, "Name", tenant->name);
    weir_table_cstr(&t, "Revision");
    weir_table_number(&t, a->revision);
    line_add(&t, "Applied at", a->applied_at);
    line_add(&t, "Applied by", a->applied_by);
    line_add(&t, "Why", a->why);
    lines_add(&t, "Hosts", tenant->hosts, tenant->n_hosts);
    lines_add(&t, "Addresses", tenant->addresses, tenant->n_addresses);
    upstreams_add(&t, tenant);
    counts_add(&t, tenant);
    lines_add(&t, "Conflicts", a->conflicts, a->n_conflicts);
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    return err;
}

static enum weir_err tenant_write(const struct weir_cli *cli, const Weir__V1__TenantResponse *a,
                                  bool first, struct weir_strbuf *out)
{
    const ProtobufCMessage *m = &a->tenant->base;
    enum weir_err err = WEIR_OK;
    switch (cli->options.output) {
    case WEIR_OUTPUT_TABLE:
    case WEIR_OUTPUT_WIDE:
        weir_strbuf_puts(out, first ? "" : "\n");
        return response_show(a, out);
    case WEIR_OUTPUT_NAME:
        weir_strbuf_printf(out, "tenant/%s\n", a->tenant->name);
        break;
    case WEIR_OUTPUT_YAML:
        weir_strbuf_puts(out, first ? "" : "---\n");
        err = weir_schema_write(WEIR_KIND_TENANT, m, WEIR_FORMAT_YAML, out);
        break;
    case WEIR_OUTPUT_JSON:
        err = weir_schema_write(WEIR_KIND_TENANT, m, WEIR_FORMAT_JSON, out);
        break;
    }
    if (err == WEIR_OK && out->len > 0 && out->at[out->len - 1] != '\n')
        weir_strbuf_putc(out, '\n');
    return out->failed ? WEIR_ENOMEM : err;
}

static enum weir_exit tenant_show(struct weir_cli *cli, const char *name, bool first)
{
    char target[128];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (!weir_api_is_tenant(cli, name))
        return WEIR_EXIT_USAGE;
    snprintf(target, sizeof(target), "/v1/tenants/%s", name);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__tenant_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, target, &want, &message);
    const Weir__V1__TenantResponse *a = (const Weir__V1__TenantResponse *)message;
    if (code == WEIR_EXIT_OK && a->tenant == NULL) {
        weir_cli_error(cli, "the response for tenant %s has no tenant in it", name);
        code = WEIR_EXIT_FAILED;
    }
    if (code == WEIR_EXIT_OK && tenant_write(cli, a, first, &out) < 0)
        code = weir_cli_no_memory(cli);
    if (code == WEIR_EXIT_OK)
        code = weir_render_out(cli, &out);
    weir_strbuf_deinit(&out);
    weir_arena_deinit(&arena);
    return code;
}

enum weir_exit weir_cmd_get(struct weir_cli *cli)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    if (cli->num_args > 0 && !weir_api_is_kind(cli, cli->args[0]))
        return WEIR_EXIT_USAGE;
    if (cli->num_args < 2)
        return list_run(cli);
    for (size_t i = 1; i < cli->num_args; i++) {
        enum weir_exit code = tenant_show(cli, cli->args[i], i == 1);
        worst = code != WEIR_EXIT_OK ? code : worst;
    }
    return worst;
}
