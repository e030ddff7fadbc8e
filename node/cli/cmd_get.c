/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_get.c - weir get: lists page by page, unless they are sorted by something else than names,
 * and single tenants, whose -o yaml and -o json can be applied again.
 */
#include <stdlib.h>
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/get_watch.h"
#include "node/cli/objects.h"
#include "node/cli/tenant_list.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema.h"
#include "weir/v1/admin.pb-c.h"

#define CONFLICTS_SHOWN 3 /* of one tenant, in a wide table */

/** A list on its way. */
struct list {
    struct weir_cli *cli;
    struct weir_table table;
    struct weir_strbuf out;
    uint64_t num;
    uint64_t total;
    bool more; /* follow, which --limit leaves out */
};

static const char *const headers[] = { "NAME",       "REVISION",   "HOSTS",    "UPSTREAMS",
                                       "APPLIED AT", "APPLIED BY", "CONFLICTS" };
#define COLUMNS_WIDE  7
#define COLUMNS_TABLE 5
_Static_assert(WEIR_ARRAY_LEN(headers) == COLUMNS_WIDE, "a header for each column");

/* -- lists -- */

static void table_add_conflicts(struct weir_table *t, const Weir__V1__TenantSummary *s)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    for (size_t i = 0; i < s->n_conflicts && i < CONFLICTS_SHOWN; i++)
        weir_strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", s->conflicts[i]);
    if (s->n_conflicts > CONFLICTS_SHOWN)
        weir_strbuf_printf(&text, " and %zu more", s->n_conflicts - CONFLICTS_SHOWN);
    weir_table_cell(t, weir_span(text.at, text.len));
    weir_strbuf_deinit(&text);
}

static void list_add_row(struct list *l, const Weir__V1__TenantSummary *s)
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
    table_add_conflicts(&l->table, s);
}

static enum weir_err list_add_json(struct list *l, const Weir__V1__TenantSummary *s)
{
    weir_strbuf_puts(&l->out, l->num == 0 ? "{\"items\":[\n" : ",\n");
    return weir_schema_write_json(&s->base, &l->out);
}

/* One item of the list at a time: a list of its own that is one item long. */
static enum weir_err list_add_yaml(struct list *l, const Weir__V1__TenantSummary *s)
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

static enum weir_err list_add_item(struct list *l, const Weir__V1__TenantSummary *s)
{
    enum weir_err err = WEIR_OK;
    switch (l->cli->options.output) {
    case WEIR_OUTPUT_TABLE:
    case WEIR_OUTPUT_WIDE:
        list_add_row(l, s);
        break;
    case WEIR_OUTPUT_NAME:
        weir_strbuf_puts(&l->out, "tenant/");
        weir_table_escape(&l->out, weir_span_cstr(s->name));
        weir_strbuf_putc(&l->out, '\n');
        break;
    case WEIR_OUTPUT_JSON:
        err = list_add_json(l, s);
        break;
    case WEIR_OUTPUT_YAML:
        err = list_add_yaml(l, s);
        break;
    }
    l->num++;
    return err;
}

static enum weir_err list_write_end(struct list *l)
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

/* -- walking -- */

static enum weir_exit list_write(struct list *l)
{
    bool table =
        l->cli->options.output == WEIR_OUTPUT_TABLE || l->cli->options.output == WEIR_OUTPUT_WIDE;
    if (table && l->num > 0 && weir_table_write(&l->table, &l->out) < 0)
        l->out.failed = true;
    return weir_render_out(l->cli, &l->out);
}

static enum weir_exit list_finish(struct list *l)
{
    if (list_write_end(l) < 0)
        l->out.failed = true;
    enum weir_exit code = weir_render_out(l->cli, &l->out);
    if (code == WEIR_EXIT_OK && l->more)
        fprintf(l->cli->err, "more tenants follow: --limit %llu is reached\n",
                (unsigned long long)l->num);
    return code;
}

/* Adds items up to --limit; l->more when one is left out. */
static enum weir_err list_add_items(struct list *l, Weir__V1__TenantSummary *const *items,
                                    size_t num)
{
    enum weir_err err = WEIR_OK;
    for (size_t i = 0; i < num && err == WEIR_OK; i++) {
        if (l->cli->options.limit != 0 && l->num == l->cli->options.limit) {
            l->more = true;
            break;
        }
        err = list_add_item(l, items[i]);
    }
    return err;
}

static enum weir_exit on_page(void *arg, const Weir__V1__TenantList *page, bool last,
                              bool *ret_stop)
{
    struct list *l = arg;
    l->total = page->total;
    if (list_add_items(l, page->items, page->n_items) < 0)
        l->out.failed = true;
    if (l->cli->options.limit != 0 && l->num == l->cli->options.limit) {
        l->more = l->more || !last;
        *ret_stop = true;
    }
    return list_write(l);
}

/* -- sorting: the whole list is held -- */

/** Summaries of all pages. */
struct sorted {
    struct list *list;
    struct weir_arena arena;
    Weir__V1__TenantSummary **items; /* owns the list; each is the arena's */
    size_t len;
    size_t max; /* room */
};

static Weir__V1__TenantSummary *summary_copy(struct weir_arena *arena,
                                             const Weir__V1__TenantSummary *s)
{
    Weir__V1__TenantSummary *copy = weir_arena_calloc(arena, 1, sizeof(*copy));
    char **conflicts = weir_arena_calloc(arena, s->n_conflicts + 1, sizeof(*conflicts));
    if (copy == NULL || conflicts == NULL)
        return NULL;
    *copy = *s;
    copy->conflicts = conflicts;
    const char *const from[] = { s->name, s->applied_at, s->applied_by };
    char **const to[] = { &copy->name, &copy->applied_at, &copy->applied_by };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(from); i++) {
        *to[i] = from[i] != NULL ? weir_arena_strdup(arena, weir_span_cstr(from[i])) : NULL;
        if (from[i] != NULL && *to[i] == NULL)
            return NULL;
    }
    for (size_t i = 0; i < s->n_conflicts; i++) {
        conflicts[i] = weir_arena_strdup(arena, weir_span_cstr(s->conflicts[i]));
        if (conflicts[i] == NULL)
            return NULL;
    }
    return copy;
}

static enum weir_exit on_page_to_sort(void *arg, const Weir__V1__TenantList *page, bool last,
                                      bool *ret_stop)
{
    struct sorted *s = arg;
    struct weir_cli *cli = s->list->cli;
    s->list->total = page->total;
    if (s->len + page->n_items > s->max) {
        size_t max = s->max * 2 > s->len + page->n_items ? s->max * 2 : s->len + page->n_items;
        Weir__V1__TenantSummary **items =
            realloc(s->items, max * sizeof(Weir__V1__TenantSummary *));
        if (items == NULL)
            return weir_cli_no_memory(cli);
        s->items = items;
        s->max = max;
    }
    for (size_t i = 0; i < page->n_items; i++) {
        Weir__V1__TenantSummary *copy = summary_copy(&s->arena, page->items[i]);
        if (copy == NULL)
            return weir_cli_no_memory(cli);
        s->items[s->len++] = copy;
    }
    (void)last;
    (void)ret_stop;
    return WEIR_EXIT_OK;
}

static int text_compare(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int number_compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int field_compare(const Weir__V1__TenantSummary *a, const Weir__V1__TenantSummary *b,
                         enum weir_sort field)
{
    switch (field) {
    case WEIR_SORT_NAME:
        break;
    case WEIR_SORT_REVISION:
        return number_compare(a->revision, b->revision);
    case WEIR_SORT_HOSTS:
        return number_compare(a->hosts, b->hosts);
    case WEIR_SORT_UPSTREAMS:
        return number_compare(a->upstreams, b->upstreams);
    case WEIR_SORT_APPLIED:
        return text_compare(a->applied_at, b->applied_at); /* RFC 3339 in UTC sorts as text */
    case WEIR_SORT_CONFLICTS:
        return number_compare(a->n_conflicts, b->n_conflicts);
    }
    return text_compare(a->name, b->name);
}

/* Equal ones stay in the order of their names, whichever way the field is sorted. */
static int summary_compare(const void *a, const void *b, void *arg)
{
    const struct weir_options *o = arg;
    const Weir__V1__TenantSummary *left = *(Weir__V1__TenantSummary *const *)a;
    const Weir__V1__TenantSummary *right = *(Weir__V1__TenantSummary *const *)b;
    int order = field_compare(left, right, o->sort);
    if (order == 0)
        return text_compare(left->name, right->name);
    return o->sort_descending ? -order : order;
}

static enum weir_exit sorted_list(struct list *l)
{
    struct sorted s = { .list = l };
    weir_api_arena_init(&s.arena);
    enum weir_exit code =
        weir_tenant_list_walk(l->cli, l->cli->options.prefix, on_page_to_sort, &s);
    if (code == WEIR_EXIT_OK && s.len > 0) {
        qsort_r(s.items, s.len, sizeof(Weir__V1__TenantSummary *), summary_compare,
                &l->cli->options);
        if (list_add_items(l, s.items, s.len) < 0)
            l->out.failed = true;
        code = list_write(l);
    }
    free(s.items);
    weir_arena_deinit(&s.arena);
    return code;
}

static enum weir_exit list_run(struct weir_cli *cli)
{
    struct list l = { .cli = cli, .out = WEIR_STRBUF_ZERO };
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;
    bool in_order = cli->options.sort == WEIR_SORT_NAME && !cli->options.sort_descending;
    weir_table_init(&l.table, headers, wide ? COLUMNS_WIDE : COLUMNS_TABLE,
                    cli->options.no_headers);
    enum weir_exit code =
        in_order ? weir_tenant_list_walk(cli, cli->options.prefix, on_page, &l) : sorted_list(&l);
    if (code == WEIR_EXIT_OK)
        code = list_finish(&l);
    weir_strbuf_deinit(&l.out);
    weir_table_deinit(&l.table);
    return code;
}

/* -- one tenant -- */

static void table_add_line(struct weir_table *t, const char *name, const char *value)
{
    weir_table_cstr(t, name);
    weir_table_cstr(t, value);
}

static void table_add_lines(struct weir_table *t, const char *name, char *const *values, size_t num)
{
    for (size_t i = 0; i < num; i++)
        table_add_line(t, i == 0 ? name : " ", values[i]);
}

static void table_add_upstreams(struct weir_table *t, const Weir__V1__Tenant *tenant)
{
    for (size_t i = 0; i < tenant->n_upstreams; i++) {
        const Weir__V1__Tenant__UpstreamsEntry *e = tenant->upstreams[i];
        struct weir_strbuf text = WEIR_STRBUF_ZERO;
        size_t num = e->value != NULL ? e->value->n_endpoints : 0;
        weir_strbuf_printf(&text, "%s:", e->key);
        for (size_t k = 0; k < num; k++)
            weir_strbuf_printf(&text, " %s", e->value->endpoints[k]->address);
        table_add_line(t, i == 0 ? "Upstreams" : " ", text.failed ? e->key : text.at);
        weir_strbuf_deinit(&text);
    }
}

static void table_add_counts(struct weir_table *t, const Weir__V1__Tenant *tenant)
{
    weir_table_cstr(t, "Routes");
    weir_table_number(t, tenant->n_routes);
    weir_table_cstr(t, "Redirects");
    weir_table_number(t, tenant->n_redirects);
}

/* What an operator asks first; the whole is -o yaml. */
static enum weir_err response_write(const Weir__V1__TenantResponse *a, struct weir_strbuf *out)
{
    static const char *const none[] = { "", "" };
    struct weir_table t;
    const Weir__V1__Tenant *tenant = a->tenant;
    weir_table_init(&t, none, WEIR_ARRAY_LEN(none), true);
    table_add_line(&t, "Name", tenant->name);
    weir_table_cstr(&t, "Revision");
    weir_table_number(&t, a->revision);
    table_add_line(&t, "Applied at", a->applied_at);
    table_add_line(&t, "Applied by", a->applied_by);
    table_add_line(&t, "Why", a->why);
    table_add_lines(&t, "Hosts", tenant->hosts, tenant->n_hosts);
    table_add_lines(&t, "Addresses", tenant->addresses, tenant->n_addresses);
    table_add_upstreams(&t, tenant);
    table_add_counts(&t, tenant);
    table_add_lines(&t, "Conflicts", a->conflicts, a->n_conflicts);
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
        return response_write(a, out);
    case WEIR_OUTPUT_NAME:
        weir_strbuf_puts(out, "tenant/");
        weir_table_escape(out, weir_span_cstr(a->tenant->name != NULL ? a->tenant->name : ""));
        weir_strbuf_putc(out, '\n');
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

static enum weir_exit names_show(struct weir_cli *cli, const struct weir_objects *names)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    for (size_t i = 0; i < names->len && !cli->node_failed; i++) {
        enum weir_exit code = tenant_show(cli, names->items[i], i == 0);
        worst = worst == WEIR_EXIT_OK ? code : worst;
    }
    return worst;
}

/* What a list can have and single tenants cannot, and what a stream of changes cannot. */
static enum weir_exit options_check(struct weir_cli *cli, bool named)
{
    const struct weir_options *o = &cli->options;
    bool sorted = o->sort != WEIR_SORT_NAME || o->sort_descending;
    if (named && o->prefix != NULL)
        return weir_cli_usage(cli, "--prefix is for lists, and tenants are named");
    if (named && (sorted || o->limit != 0))
        return weir_cli_usage(cli, "--%s is for lists, and tenants are named",
                              sorted ? "sort" : "limit");
    if (o->watch && (sorted || o->limit != 0))
        return weir_cli_usage(cli,
                              "--%s means nothing with --watch: changes come in the order "
                              "of time",
                              sorted ? "sort" : "limit");
    return WEIR_EXIT_OK;
}

enum weir_exit weir_cmd_get(struct weir_cli *cli)
{
    struct weir_objects names;
    enum weir_exit code = weir_objects_init(&names, cli);
    bool named = false;
    if (code == WEIR_EXIT_OK)
        code = weir_objects_read(&names, cli, cli->num_args);
    if (code == WEIR_EXIT_OK)
        code = weir_objects_read_files(&names, cli);
    if (code == WEIR_EXIT_OK) {
        named = names.len > 0;
        code = options_check(cli, named);
    }
    if (code == WEIR_EXIT_OK && cli->options.watch)
        code = weir_get_watch(cli, &names);
    else if (code == WEIR_EXIT_OK)
        code = named ? names_show(cli, &names) : list_run(cli);
    weir_objects_deinit(&names);
    return code;
}
