/* SPDX-License-Identifier: Apache-2.0
 *
 * hints.c - see hints.h.
 * A table of sets: a path has its place in one set, and the paths of a tenant in
 * WEIR_HINTS_TENANT_SETS neighbouring ones, so that a tenant with very many paths disturbs few
 * others. Within a full set, the hand passes once over a path that was asked for since it last came
 * by.
 */
#include "node/flow/hints.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/flow/link.h"
#include "node/wire/byte_class.h"

struct weir_hint {
    struct weir_siphash128 path;
    uint64_t until_ms;
    uint16_t text_len; /* 0: free */
    bool asked_for;
    char text[WEIR_HINT_TEXT_MAX];
};

_Static_assert(WEIR_HINTS_SETS % WEIR_HINTS_TENANT_SETS == 0, "each set has as many tenants");
_Static_assert(sizeof(struct weir_hint) <= 1032, "the table takes about a megabyte");

void weir_hints_init(struct weir_hints *h, const struct weir_siphash_key *secret)
{
    *h = (struct weir_hints){ .secret = *secret };
}

void weir_hints_deinit(struct weir_hints *h)
{
    free(h->hints);
    *h = (struct weir_hints){ .hints = NULL };
}

/* -- keys -- */

/* With its length, so that the split between parts cannot be moved. */
static void add_part(struct weir_siphash *hash, struct weir_span part)
{
    uint64_t len = part.len;
    weir_siphash_add(hash, &len, sizeof(len));
    if (part.len > 0)
        weir_siphash_add(hash, part.at, part.len);
}

static struct weir_span without_query(struct weir_span path)
{
    const uint8_t *at = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;
    return at != NULL ? weir_span(path.at, (size_t)(at - path.at)) : path;
}

struct weir_hints_key weir_hints_key_of(const struct weir_hints *h,
                                        const struct weir_hints_page *page)
{
    struct weir_hints_key key;
    struct weir_siphash hash;
    struct weir_span path = without_query(page->path);
    uint8_t https = page->https;

    weir_siphash_init(&hash, &h->secret);
    add_part(&hash, page->tenant);
    uint64_t first = weir_siphash_end(&hash);

    weir_siphash_init128(&hash, &h->secret);
    add_part(&hash, page->tenant);
    add_part(&hash, page->host);
    add_part(&hash, path);
    weir_siphash_add(&hash, &https, sizeof(https));
    key.path = weir_siphash_end128(&hash);
    key.set = (uint32_t)((first + key.path.lo % WEIR_HINTS_TENANT_SETS) % WEIR_HINTS_SETS);
    key.has_query = path.len < page->path.len;
    return key;
}

/* The hints of the key's set. */
static struct weir_hint *set_of(const struct weir_hints *h, const struct weir_hints_key *key)
{
    WEIR_ASSERT_CMP(key->set, <, WEIR_HINTS_SETS);
    return h->hints + (size_t)key->set * WEIR_HINTS_WAYS;
}

static struct weir_hint *find(const struct weir_hints *h, const struct weir_hints_key *key)
{
    if (h->hints == NULL)
        return NULL;
    struct weir_hint *set = set_of(h, key);
    for (size_t i = 0; i < WEIR_HINTS_WAYS; i++)
        if (set[i].text_len > 0 && set[i].path.lo == key->path.lo && set[i].path.hi == key->path.hi)
            return &set[i];
    return NULL;
}

struct weir_span weir_hints_find(struct weir_hints *h, const struct weir_hints_key *key,
                                 uint64_t now_ms)
{
    struct weir_hint *hint = find(h, key);
    if (hint == NULL || now_ms >= hint->until_ms)
        return WEIR_SPAN_EMPTY;
    hint->asked_for = true;
    return weir_span(hint->text, hint->text_len);
}

/* -- what may be learned -- */

bool weir_hints_request_is_public(const struct weir_h1_head *request, const uint8_t *bytes)
{
    if (request->method != WEIR_METHOD_GET)
        return false;
    for (size_t i = 0; i < request->num_fields; i++) {
        struct weir_span name = weir_h1_name(bytes, &request->fields[i]);
        if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("cookie")) ||
            weir_span_eq_nocase(name, WEIR_SPAN_LIT("authorization")))
            return false;
    }
    return true;
}

/* Whether a word stands anywhere in a list of directives. */
static bool has_word(struct weir_span value, struct weir_span word)
{
    size_t from = 0;
    for (size_t i = 0; i <= value.len; i++) {
        if (i < value.len && weir_byte_is(value.at[i], WEIR_BYTE_TOKEN))
            continue;
        if (weir_span_eq_nocase(weir_span(value.at + from, i - from), word))
            return true;
        from = i + 1;
    }
    return false;
}

static bool response_is_public(const struct weir_response_fields *response)
{
    for (size_t i = 0; i < response->num; i++) {
        struct weir_span name = response->fields[i].name;
        struct weir_span value = response->fields[i].value;
        if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("set-cookie")))
            return false;
        if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("cache-control")) && value.len > 0 &&
            (has_word(value, WEIR_SPAN_LIT("private")) ||
             has_word(value, WEIR_SPAN_LIT("no-store"))))
            return false;
    }
    return true;
}

static bool may_be_told(const struct weir_link *link, const struct weir_hints_key *key)
{
    bool has_query = link->target.len > 0 && memchr(link->target.at, '?', link->target.len) != NULL;
    return weir_link_is_plain(link->target) && !(has_query && key->has_query);
}

/* The links of a response as one value. @return its bytes; 0: none */
static size_t write_links(const struct weir_hints_key *key,
                          const struct weir_response_fields *response, char out[WEIR_HINT_TEXT_MAX])
{
    struct weir_link_walk walk;
    struct weir_link link;
    size_t len = 0;
    weir_link_walk_init(&walk, response->fields, response->num);
    while (weir_link_walk_next(&walk, &link)) {
        size_t comma = len > 0 ? 2 : 0;
        if (!may_be_told(&link, key) || link.text.len + comma > WEIR_HINT_TEXT_MAX - len)
            continue;
        memcpy(out + len, ", ", comma);
        memcpy(out + len + comma, link.text.at, link.text.len);
        len += comma + link.text.len;
    }
    return len;
}

/* A place in the key's set: free, aged, or of the path that the hand finds not asked for. */
static struct weir_hint *make_room(struct weir_hints *h, const struct weir_hints_key *key,
                                   uint64_t now_ms)
{
    struct weir_hint *set = set_of(h, key);
    for (size_t i = 0; i < WEIR_HINTS_WAYS; i++)
        if (set[i].text_len == 0 || now_ms >= set[i].until_ms)
            return &set[i];
    uint8_t *hand = &h->hands[key->set];
    for (;;) {
        struct weir_hint *hint = &set[*hand];
        *hand = (uint8_t)((*hand + 1) % WEIR_HINTS_WAYS);
        if (!hint->asked_for)
            return hint;
        hint->asked_for = false;
    }
}

void weir_hints_learn(struct weir_hints *h, const struct weir_hints_key *key,
                      const struct weir_response_fields *response, uint64_t now_ms)
{
    char text[WEIR_HINT_TEXT_MAX];
    if (response->status != 200)
        return;
    size_t len = write_links(key, response, text);
    struct weir_hint *hint = find(h, key);
    if ((len == 0 && hint == NULL) || !response_is_public(response))
        return;
    if (len == 0) {
        hint->text_len = 0;
        return;
    }
    if (h->hints == NULL)
        h->hints = calloc((size_t)WEIR_HINTS_SETS * WEIR_HINTS_WAYS, sizeof(*h->hints));
    if (h->hints == NULL)
        return; /* hints are a help that may be missing */
    if (hint == NULL) {
        hint = make_room(h, key, now_ms);
        hint->path = key->path;
        hint->asked_for = false;
    }
    memcpy(hint->text, text, len);
    hint->text_len = (uint16_t)len;
    hint->until_ms = now_ms + WEIR_HINT_AGE_MS;
}
