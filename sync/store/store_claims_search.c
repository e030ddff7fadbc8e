/* SPDX-License-Identifier: Apache-2.0
 *
 * store_claims_search.c - which record claims a name, inside a write transaction, and which names
 * lie below a domain. Rows of WEIR_INDEX_REVERSED hold names from their end, so the names below a
 * domain and of one length are neighbours; each length that exists is searched once. Owner: the
 * thread of the reader or of the transaction. Allocates nothing.
 */
#include "sync/store/store_claims_search.h"

#include <stdio.h>
#include <string.h>

#include "sync/store/store_claims.h"
#include "sync/store/store_env.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"

#define NAME_LEN_MAX (WEIR_HOST_MAX + 2) /* a wildcard, with "*." in front of its domain */

_Static_assert(NAME_LEN_MAX < sizeof(((struct weir_claim_found *)NULL)->name), "names fit");
_Static_assert(STORE_ROW_KEY_MAX <= sizeof(((struct weir_claim_found *)NULL)->row), "rows fit");

/* @return false: the row is damaged, and counted */
static bool read_claim(const struct store_claims *c, struct weir_span key, struct weir_span row,
                       struct store_claim *ret)
{
    if (weir_store_row_check(STORE_IDX, key, row, &row) == WEIR_OK &&
        weir_store_claim_parse(key, ret) == WEIR_OK)
        return true;
    weir_store_count_corrupt(c->s, key);
    return false;
}

/* Remember the row, and what it contains. */
static void fill_found(struct weir_claim_found *at, struct weir_span key)
{
    struct store_claim claim;

    WEIR_ASSERT(key.len <= sizeof(at->row));
    memcpy(at->row, key.at, key.len);
    at->row_len = key.len;
    enum weir_err err = weir_store_claim_parse(weir_span(at->row, at->row_len), &claim);
    WEIR_ASSERT(err == WEIR_OK);
    WEIR_ASSERT(claim.name.len <= NAME_LEN_MAX);
    at->owner = claim.owner;
    if (claim.index == WEIR_INDEX_WILDCARD) {
        snprintf(at->name, sizeof(at->name), "*.%.*s", (int)claim.name.len,
                 (const char *)claim.name.at);
        return;
    }
    for (size_t i = 0; i < claim.name.len; i++)
        at->name[i] = (char)claim.name.at[claim.name.len - 1 - i];
    at->name[claim.name.len] = '\0';
}

enum weir_err weir_store_claims_next(const struct store_claims *c, enum weir_index index,
                                     struct weir_claim_found *at)
{
    struct store_claim claim;
    struct store_key from = { .len = 0 };
    struct weir_span key;
    struct weir_span row;

    WEIR_ASSERT(index == WEIR_INDEX_WILDCARD);
    weir_store_key_idx_prefix(&from, index, 0, WEIR_SPAN_EMPTY);
    if (at->row_len > 0) {
        memcpy(from.at, at->row, at->row_len);
        from.len = at->row_len;
    }
    for (;;) {
        enum weir_err err = c->seek(c->arg, store_key_span(&from), &key, &row);
        if (err < 0)
            return err;
        if (key.len == 0 || key.at[0] != index)
            return WEIR_ENOTFOUND;
        if (read_claim(c, key, row, &claim) && claim.name.len <= WEIR_HOST_MAX) {
            fill_found(at, key);
            return WEIR_OK;
        }
        WEIR_ASSERT(key.len < sizeof(from.at));
        memcpy(from.at, key.at, key.len);
        from.len = key.len;
    }
}

/** Where a search goes on. */
struct search {
    uint8_t prefix[NAME_LEN_MAX]; /* the domain reversed, and a dot */
    size_t prefix_len;
    size_t len; /* of the names that are searched now */
    struct store_key from;
};

static void begin_length(struct search *s, size_t len)
{
    s->len = len;
    weir_store_key_idx_prefix(&s->from, WEIR_INDEX_REVERSED, len,
                              weir_span(s->prefix, s->prefix_len));
}

static void begin_search(struct search *s, struct weir_span domain,
                         const struct weir_claim_found *at)
{
    s->prefix_len = 0;
    for (size_t i = domain.len; i > 0; i--)
        s->prefix[s->prefix_len++] = domain.at[i - 1];
    s->prefix[s->prefix_len++] = '.';
    if (at->row_len == 0) {
        begin_length(s, s->prefix_len + 1);
        return;
    }
    s->len = strlen(at->name);
    s->from.len = at->row_len;
    memcpy(s->from.at, at->row, at->row_len);
}

enum weir_err weir_store_claims_below(const struct store_claims *c, struct weir_span domain,
                                      struct weir_claim_found *at)
{
    struct search s;
    struct store_claim claim;
    struct weir_span key;
    struct weir_span row;

    WEIR_ASSERT(at->row_len <= sizeof(at->row));
    if (domain.len == 0 || domain.len > WEIR_HOST_MAX)
        return WEIR_ENOTFOUND;
    begin_search(&s, domain, at);
    while (s.len <= NAME_LEN_MAX) {
        enum weir_err err = c->seek(c->arg, store_key_span(&s.from), &key, &row);
        if (err < 0)
            return err;
        if (!read_claim(c, key, row, &claim)) {
            WEIR_ASSERT(key.len < sizeof(s.from.at));
            memcpy(s.from.at, key.at, key.len);
            s.from.len = key.len;
        } else if (claim.index != WEIR_INDEX_REVERSED || claim.name.len > NAME_LEN_MAX) {
            return WEIR_ENOTFOUND; /* behind the last name */
        } else if (claim.name.len == s.len &&
                   weir_span_starts(claim.name, weir_span(s.prefix, s.prefix_len))) {
            fill_found(at, key);
            return WEIR_OK;
        } else {
            begin_length(&s, claim.name.len > s.len ? claim.name.len : s.len + 1);
        }
    }
    return WEIR_ENOTFOUND;
}

/* -- inside build -- */

static enum weir_err txn_seek(void *arg, struct weir_span from, struct weir_span *ret_key,
                              struct weir_span *ret_row)
{
    return weir_store_seek(arg, STORE_IDX, from, ret_key, ret_row);
}

static struct store_claims claims_of(struct weir_write *w)
{
    WEIR_ASSERT(w->txn != NULL);
    return (struct store_claims){ w->txn->s, txn_seek, w->txn };
}

enum weir_err weir_write_get(struct weir_write *w, enum weir_class class, struct weir_span key,
                             struct weir_span *ret_value)
{
    struct store_current current;
    struct store_key rec_key;

    WEIR_ASSERT(w->txn != NULL);
    if (key.len == 0 || key.len > WEIR_KEY_MAX)
        return WEIR_ENOTFOUND;
    weir_store_key_rec(&rec_key, class, key);
    enum weir_err err = weir_store_current(w->txn, store_key_span(&rec_key), &current);
    if (err < 0)
        return err;
    if (!current.found || current.tombstone)
        return WEIR_ENOTFOUND;
    if (!current.sound)
        return WEIR_ECORRUPT;
    *ret_value = current.parts.value;
    return WEIR_OK;
}

enum weir_err weir_write_index_owner(struct weir_write *w, enum weir_index index,
                                     struct weir_span key, struct weir_span *ret_owner)
{
    struct store_claims c = claims_of(w);
    struct store_claim claim;
    struct store_key name;
    struct weir_span row_key;
    struct weir_span row;

    if (!weir_store_key_idx_name(&name, index, key))
        return WEIR_ENOTFOUND;
    /* A name alone is no row, so what lies behind it begins with its first claim. */
    enum weir_err err = c.seek(c.arg, store_key_span(&name), &row_key, &row);
    while (err == WEIR_OK) {
        if (!weir_span_starts(row_key, store_key_span(&name)))
            return WEIR_ENOTFOUND;
        if (read_claim(&c, row_key, row, &claim)) {
            *ret_owner = claim.owner;
            return WEIR_OK;
        }
        err = weir_store_step(c.arg, STORE_IDX, &row_key, &row);
    }
    return err;
}

enum weir_err weir_write_index_below(struct weir_write *w, struct weir_span domain,
                                     struct weir_claim_found *at)
{
    struct store_claims c = claims_of(w);

    if (!c.s->reversed_whole)
        return WEIR_EIO;
    return weir_store_claims_below(&c, domain, at);
}
