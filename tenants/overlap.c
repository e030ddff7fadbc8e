/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap.c - see overlap.h.
 */
#include "tenants/overlap.h"

#include <string.h>

#include "node/wire/uri.h"

bool weir_overlap_is_below(struct weir_span host, struct weir_span suffix)
{
    if (suffix.len == 0 || host.len < suffix.len + 2 || !weir_span_ends(host, suffix))
        return false;
    return host.at[host.len - suffix.len - 1] == '.';
}

enum weir_err weir_host_claim_parse(struct weir_span text, uint8_t buf[WEIR_HOST_MAX],
                                    struct weir_host_claim *ret)
{
    bool wildcard = weir_span_starts(text, WEIR_SPAN_LIT("*."));
    size_t len = 0;
    enum weir_err err = weir_host_normalise(weir_span_from(text, wildcard ? 2 : 0), buf, &len);

    if (err < 0)
        return err;
    *ret = (struct weir_host_claim){ .host = weir_span(buf, len), .wildcard = wildcard };
    return WEIR_OK;
}

/* What stands behind the first dot; empty when there is none. */
static struct weir_span parent_of(struct weir_span host)
{
    const uint8_t *dot = host.len > 0 ? memchr(host.at, '.', host.len) : NULL;

    return dot != NULL ? weir_span_from(host, (size_t)(dot - host.at) + 1) : WEIR_SPAN_EMPTY;
}

/* Count the overlap, and write it where there is room. */
static void overlap_add(struct weir_overlaps *found, const struct weir_host_claim *other,
                        bool is_wider)
{
    found->total++;
    if (found->len == found->max)
        return;
    /* Names longer than any host or tenant come from no tenant that was checked. */
    if (other->host.len > WEIR_HOST_MAX || other->owner.len > WEIR_TENANT_NAME_MAX)
        return;
    struct weir_overlap *o = &found->items[found->len++];
    *o = (struct weir_overlap){
        .other_is_wider = is_wider,
        .other_wildcard = other->wildcard,
        .other_len = (uint8_t)other->host.len,
        .owner_len = (uint8_t)other->owner.len,
    };
    memcpy(o->other, other->host.at, other->host.len);
    if (other->owner.len > 0)
        memcpy(o->owner, other->owner.at, other->owner.len);
}

/* The nearest wildcard above the claim serves what the claim would take: its owner alone is asked.
 */
static enum weir_err wider_find(const struct weir_overlap_names *names,
                                const struct weir_host_claim *claim, struct weir_overlaps *found)
{
    for (struct weir_span s = parent_of(claim->host); s.len > 0; s = parent_of(s)) {
        struct weir_host_claim other = { .host = s, .wildcard = true };
        enum weir_err err = names->wildcard_owner(names->arg, s, &other.owner);
        if (err == WEIR_ENOTFOUND)
            continue;
        if (err == WEIR_OK && !weir_span_eq(other.owner, claim->owner))
            overlap_add(found, &other, true);
        return err;
    }
    return WEIR_OK;
}

static enum weir_err narrower_find(const struct weir_overlap_names *names,
                                   const struct weir_host_claim *claim, struct weir_overlaps *found)
{
    struct weir_host_claim at;
    enum weir_err err = names->next_below(names->arg, claim->host, NULL, &at);

    while (err == WEIR_OK) {
        struct weir_host_claim before = at;
        WEIR_ASSERT(weir_overlap_is_below(at.host, claim->host));
        if (!weir_span_eq(at.owner, claim->owner))
            overlap_add(found, &at, false);
        err = names->next_below(names->arg, claim->host, &before, &at);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

enum weir_err weir_overlap_find(const struct weir_overlap_names *names,
                                const struct weir_host_claim *claim, struct weir_overlaps *ret)
{
    WEIR_ASSERT(names->wildcard_owner != NULL && names->next_below != NULL);
    WEIR_ASSERT(claim->host.len > 0 && claim->owner.len > 0);
    struct weir_overlaps found = { .items = ret->items, .max = ret->max };
    enum weir_err err = wider_find(names, claim, &found);

    if (err == WEIR_OK && claim->wildcard)
        err = narrower_find(names, claim, &found);
    if (err == WEIR_OK)
        *ret = found;
    return err;
}

bool weir_overlap_is_allowed(const Weir__V1__Tenant *wider, struct weir_span narrower_owner)
{
    for (size_t i = 0; i < wider->n_allow_overlap; i++)
        if (weir_span_eq(weir_span_cstr(wider->allow_overlap[i]), narrower_owner))
            return true;
    return false;
}
