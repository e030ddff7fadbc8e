/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_log_level.c - the path /v1/log-level: how much is logged, in general and for one tenant or
 * some clients, changed while the node runs. It lasts until the node ends; a reload changes the
 * general level only when the file's own log.level changed.
 */
#include <stdio.h>
#include <string.h>

#include "node/base/log_filter.h"
#include "node/ctl/admin/admin_api.h"

#define PREFIX_TEXT_MAX (WEIR_ADDR_TEXT_MAX + 4)

/* @return false: it has its response */
static bool read_level(struct weir_admin_request *r, enum weir_log_level *ret)
{
    char text[16] = "";
    const struct weir_span *level = weir_query_find(&r->query, "level");
    if (level != NULL && level->len < sizeof(text))
        memcpy(text, level->at, level->len);
    if (weir_log_level_parse(text, ret) == WEIR_OK)
        return true;
    weir_admin_response_error(r, 400, "bad_request",
                              "level takes one of error, warn, info, debug, trace");
    return false;
}

static enum weir_err find_tenant(struct weir_admin_request *r, struct weir_span name)
{
    struct weir_record rec;
    enum weir_err err = weir_store_read_begin(r->node->reader);
    if (err < 0)
        return err;
    err = weir_store_get(r->node->reader, WEIR_CLASS_TENANT, name, &rec);
    weir_store_read_end(r->node->reader);
    return err;
}

/* The tenant or the clients that a request is about. @return false: it has its response */
static bool read_scope(struct weir_admin_request *r, struct weir_log_filter *f, bool *ret_given)
{
    const struct weir_span *tenant = weir_query_find(&r->query, "tenant");
    const struct weir_span *address = weir_query_find(&r->query, "address");
    *ret_given = tenant != NULL || address != NULL;
    if (tenant != NULL && address != NULL) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "give tenant or address, not both: a line is written for either");
        return false;
    }
    if (address != NULL && weir_prefix_parse(*address, &f->client) < 0) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "address takes an address or a prefix, such as 198.51.100.7 or "
                                  "10.0.0.0/8");
        return false;
    }
    if (tenant == NULL)
        return true;
    if (tenant->len == 0 || tenant->len > WEIR_TENANT_NAME_MAX) {
        weir_admin_response_error(r, 400, "bad_request", "tenant takes a name of 1..%d bytes",
                                  WEIR_TENANT_NAME_MAX);
        return false;
    }
    memcpy(f->tenant, tenant->at, tenant->len);
    return true;
}

static char *prefix_text(const struct weir_prefix *p, struct weir_arena *arena)
{
    struct weir_addr addr = { .port = 0 };
    char text[WEIR_ADDR_TEXT_MAX];
    memcpy(addr.ip, p->ip, sizeof(addr.ip));
    (void)weir_addr_ip_text(&addr, text);
    bool v4 = weir_addr_is_v4(&addr) && p->len >= 96;
    return weir_arena_printf(arena, "%s/%u", text, (unsigned)(v4 ? p->len - 96 : p->len));
}

static enum weir_err fill_filters(struct weir_arena *arena, Weir__V1__LogLevelResponse *ret)
{
    struct weir_log_filter filters[WEIR_LOG_FILTERS_MAX];
    size_t num = weir_log_filter_list(filters, WEIR_LOG_FILTERS_MAX);
    ret->filters = weir_arena_calloc(arena, num, sizeof(Weir__V1__LogFilter *));
    Weir__V1__LogFilter *items = weir_arena_calloc(arena, num, sizeof(*items));
    if (ret->filters == NULL || items == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < num; i++) {
        weir__v1__log_filter__init(&items[i]);
        ret->filters[i] = &items[i];
        bool by_tenant = filters[i].tenant[0] != '\0';
        items[i].level = (char *)weir_log_level_name(filters[i].level);
        char *text = by_tenant ? weir_arena_strdup(arena, weir_span_cstr(filters[i].tenant))
                               : prefix_text(&filters[i].client, arena);
        if (text == NULL)
            return WEIR_ENOMEM;
        *(by_tenant ? &items[i].tenant : &items[i].address) = text;
    }
    ret->n_filters = num;
    return WEIR_OK;
}

void weir_admin_log_level_get(struct weir_admin_request *r)
{
    struct weir_arena arena;
    Weir__V1__LogLevelResponse response = WEIR__V1__LOG_LEVEL_RESPONSE__INIT;
    weir_arena_init(&arena, 4096, 65536);
    response.level = (char *)weir_log_level_name(weir_log_level());
    response.configured = (char *)weir_log_level_name(r->node->config->level);
    enum weir_err err = fill_filters(&arena, &response);
    if (err < 0)
        weir_admin_response_err(r, err, "log-level");
    else
        weir_admin_response_message(r, 200, &response.base);
    weir_arena_deinit(&arena);
}

/* A line of the log about a change that was made, whatever the general level is now. */
static void log_change(const struct weir_admin_request *r, const char *event,
                       const struct weir_log_filter *f)
{
    const struct weir_span *tenant = weir_query_find(&r->query, "tenant");
    const struct weir_span *address = weir_query_find(&r->query, "address");
    const char *level = f != NULL ? weir_log_level_name(f->level) : "none";
    struct weir_span of_tenant = tenant != NULL ? *tenant : WEIR_SPAN_EMPTY;
    struct weir_span of_address = address != NULL ? *address : WEIR_SPAN_EMPTY;
    weir_log_line(WEIR_LOG_WARN, event, "level=%s tenant=%.*s address=%.*s by=%s", level,
                  (int)of_tenant.len, (const char *)of_tenant.at, (int)of_address.len,
                  (const char *)of_address.at, r->user);
}

static void set_filter(struct weir_admin_request *r, const struct weir_log_filter *f)
{
    const struct weir_span *tenant = weir_query_find(&r->query, "tenant");
    enum weir_err err = tenant != NULL ? find_tenant(r, *tenant) : WEIR_OK;
    if (err == WEIR_ENOTFOUND) {
        weir_admin_response_error(r, 404, "not_found", "there is no tenant \"%s\"", f->tenant);
        return;
    }
    if (err == WEIR_OK)
        err = weir_log_filter_set(f);
    if (err == WEIR_ELIMIT) {
        weir_admin_response_error(r, 409, "limit",
                                  "%d tenants and addresses have a level of their own already, "
                                  "which is the most: reset one",
                                  WEIR_LOG_FILTERS_MAX);
        return;
    }
    if (err < 0) {
        weir_admin_response_err(r, err, "log-level");
        return;
    }
    log_change(r, "log.level_changed", f);
    weir_admin_log_level_get(r);
}

void weir_admin_log_level_put(struct weir_admin_request *r)
{
    struct weir_log_filter f = { .level = WEIR_LOG_INFO };
    bool given = false;
    if (!read_level(r, &f.level) || !read_scope(r, &f, &given))
        return;
    if (given) {
        set_filter(r, &f);
        return;
    }
    weir_log_set_level(f.level);
    log_change(r, "log.level_changed", &f);
    weir_admin_log_level_get(r);
}

void weir_admin_log_level_delete(struct weir_admin_request *r)
{
    struct weir_log_filter f = { .level = WEIR_LOG_INFO };
    bool given = false;
    if (!read_scope(r, &f, &given))
        return;
    if (given && !weir_log_filter_clear(&f)) {
        weir_admin_response_error(r, 404, "not_found",
                                  "that tenant or address has no level of its own");
        return;
    }
    if (!given) {
        weir_log_filter_clear_all();
        weir_log_set_level(r->node->config->level);
    }
    log_change(r, "log.level_reset", NULL);
    weir_admin_log_level_get(r);
}
