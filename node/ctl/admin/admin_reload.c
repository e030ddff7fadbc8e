/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_reload.c - POST /v1/reload: the node file read again, and which of its keys changed.
 */
#include <string.h>

#include "node/ctl/admin/admin_api.h"

#define PROBLEMS_MAX 200 /* lines that a response has room for */

static size_t list_keys(uint32_t keys, char *out[WEIR_KEY_COUNT])
{
    size_t num = 0;
    for (unsigned key = 0; key < WEIR_KEY_COUNT; key++)
        if ((keys & WEIR_KEY_BIT(key)) != 0)
            out[num++] = (char *)weir_config_key_name((enum weir_config_key)key);
    return num;
}

static void respond_reloaded(struct weir_admin_request *r,
                             const struct weir_reload_outcome *outcome)
{
    char *changed[WEIR_KEY_COUNT];
    char *restart[WEIR_KEY_COUNT];
    Weir__V1__ReloadResponse response = WEIR__V1__RELOAD_RESPONSE__INIT;
    response.changed = changed;
    response.n_changed = list_keys(outcome->changed, changed);
    response.restart = restart;
    response.n_restart = list_keys(outcome->restart, restart);
    weir_admin_response_message(r, 200, &response.base);
}

/* Each line is a detail. */
static void respond_problems(struct weir_admin_request *r, const char *problems)
{
    static Weir__V1__ErrorDetail details[PROBLEMS_MAX];
    struct weir_arena arena;
    size_t num = 0;
    weir_arena_init(&arena, 4096, 1u << 20);
    while (*problems != '\0' && num < PROBLEMS_MAX) {
        size_t len = strcspn(problems, "\n");
        weir__v1__error_detail__init(&details[num]);
        details[num].message = weir_arena_strdup(&arena, weir_span(problems, len));
        if (details[num].message == NULL)
            break;
        num++;
        problems += len + (problems[len] == '\n' ? 1 : 0);
    }
    weir_admin_response_details(r, details, num);
    weir_arena_deinit(&arena);
}

static void on_reloaded(void *arg, const struct weir_reload_outcome *outcome)
{
    struct weir_admin_request *r = arg;
    if (outcome->err == WEIR_OK)
        respond_reloaded(r, outcome);
    else if (outcome->err == WEIR_EINVAL)
        respond_problems(r, outcome->problems);
    else if (outcome->err == WEIR_EBUSY)
        weir_admin_response_error(r, 503, "busy", "%.*s", (int)strcspn(outcome->problems, "\n"),
                                  outcome->problems);
    else
        weir_admin_response_err(r, outcome->err, "reload");
}

void weir_admin_reload(struct weir_admin_request *r)
{
    r->node->reload(r->node, on_reloaded, r);
}
