/* SPDX-License-Identifier: Apache-2.0
 *
 * conflicts.c - see conflicts.h. The derived index gives the owner of a name; a tenant that is not
 * the owner is in conflict.
 */
#include "node/ctl/conflicts.h"

#include <string.h>

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "node/ctl/stored_tenant.h"
#include "node/wire/uri.h"

/* Where a claim is indexed. */
struct place {
    enum weir_index index;
    const char *word;
    uint8_t key[WEIR_HOST_MAX];
    size_t len;
};

static bool find_place(struct weir_span name, struct place *p)
{
    struct weir_addr addr;
    if (weir_addr_parse_ip(name, &addr) == WEIR_OK) {
        p->index = WEIR_INDEX_ADDRESS;
        p->word = "address";
        memcpy(p->key, addr.ip, sizeof(addr.ip));
        p->len = sizeof(addr.ip);
        return true;
    }
    if (weir_addr_parse(name, &addr) == WEIR_OK) {
        p->index = WEIR_INDEX_ADDRESS_PORT;
        p->word = "address and port";
        memcpy(p->key, addr.ip, sizeof(addr.ip));
        p->key[sizeof(addr.ip)] = (uint8_t)(addr.port >> 8);
        p->key[sizeof(addr.ip) + 1] = (uint8_t)addr.port;
        p->len = sizeof(addr.ip) + 2;
        return true;
    }
    bool wildcard = weir_span_starts(name, WEIR_SPAN_LIT("*."));
    p->index = wildcard ? WEIR_INDEX_WILDCARD : WEIR_INDEX_HOST;
    p->word = "host";
    return weir_host_normalise(weir_span_from(name, wildcard ? 2 : 0), p->key, &p->len) == WEIR_OK;
}

enum weir_err weir_conflicts_find(struct weir_store_reader *r, const Weir__V1__Tenant *t,
                                  struct weir_arena *arena, char ***ret_lines, size_t *ret_len)
{
    const char **names = NULL;
    size_t num = 0;
    size_t len = 0;
    char *lines[WEIR_CONFLICTS_MAX];
    enum weir_err err = weir_stored_tenant_names(t, arena, &names, &num);
    if (err < 0)
        return err;
    for (size_t i = 0; i < num && len < WEIR_CONFLICTS_MAX; i++) {
        struct place p;
        struct weir_span owner;
        if (!find_place(weir_span_cstr(names[i]), &p))
            continue;
        err = weir_store_index_owner(r, p.index, weir_span(p.key, p.len), &owner);
        if (err == WEIR_ENOTFOUND ||
            (err == WEIR_OK && weir_span_eq(owner, weir_span_cstr(t->name))))
            continue;
        if (err < 0)
            return err;
        lines[len] = weir_arena_printf(arena, "%s %s is claimed earlier by tenant %.*s", p.word,
                                       names[i], (int)owner.len, (const char *)owner.at);
        if (lines[len++] == NULL)
            return WEIR_ENOMEM;
    }
    *ret_lines = weir_arena_calloc(arena, len, sizeof(char *));
    if (*ret_lines == NULL)
        return WEIR_ENOMEM;
    if (len > 0)
        memcpy(*ret_lines, lines, len * sizeof(char *));
    *ret_len = len;
    return WEIR_OK;
}
