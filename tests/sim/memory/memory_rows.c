/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_rows.c - records and lanes, in and out of their trees. The place of a record follows from
 * the ranks of its links and from its key, which no flip reaches.
 */
#include "tests/sim/memory/memory_rows.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"

#define KEY_RANK_LEN 7 /* bytes of a key that its rank has, behind the class */

static struct memory_record *of_key(const struct memory_link *link)
{
    return link ? weir_container_of(link, struct memory_record, by_key) : NULL;
}

static struct memory_record *of_dot(const struct memory_link *link)
{
    return link ? weir_container_of(link, struct memory_record, by_dot) : NULL;
}

static struct memory_record *of_when(const struct memory_link *link)
{
    return link ? weir_container_of(link, struct memory_record, by_when) : NULL;
}

static struct memory_lane *of_name(const struct memory_link *link)
{
    return link ? weir_container_of(link, struct memory_lane, by_name) : NULL;
}

/* -- orders -- */

static struct weir_span key_of(const struct memory_record *r)
{
    const uint8_t *bytes = (const uint8_t *)r->bytes;

    return weir_span(bytes + memory_record_bytes_len(r) - r->key_len, r->key_len);
}

struct memory_name memory_name_of(const struct memory_record *r)
{
    return (struct memory_name){ .class = r->class, .key = key_of(r), .lane = r->head.lane };
}

int memory_name_compare(const struct memory_name *name, const struct memory_record *r)
{
    if (name->class != r->class)
        return name->class < r->class ? -1 : 1;
    return weir_span_cmp(name->key, key_of(r));
}

static int tie_key(const void *rest, const struct memory_link *link)
{
    return memory_name_compare(rest, of_key(link));
}

static int tie_dot(const void *rest, const struct memory_link *link)
{
    return memory_name_compare(rest, of_dot(link));
}

static int tie_when(const void *rest, const struct memory_link *link)
{
    return memory_name_compare(rest, of_when(link));
}

static int tie_lane(const void *rest, const struct memory_link *link)
{
    return memcmp(rest, of_name(link)->name, WEIR_LANE_LEN);
}

/* The first bytes, big-endian, zeros behind the end: never larger for the smaller of two. */
static uint64_t rank_of(const uint8_t *at, size_t len, size_t want)
{
    uint64_t rank = 0;

    for (size_t i = 0; i < want; i++)
        rank = rank << 8 | (i < len ? at[i] : 0);
    return rank;
}

static uint64_t key_rank(uint8_t class, struct weir_span key)
{
    return (uint64_t) class << 56 | rank_of(key.at, key.len, KEY_RANK_LEN);
}

uint64_t memory_lane_rank(const uint8_t name[WEIR_LANE_LEN])
{
    return rank_of(name, WEIR_LANE_LEN, sizeof(uint64_t));
}

/* -- records -- */

size_t memory_record_body_len(const struct memory_record *r)
{
    return r->num_ctx * sizeof(r->bytes[0]) + r->sig_len + r->extra_len + r->value_len;
}

size_t memory_record_bytes_len(const struct memory_record *r)
{
    return memory_record_body_len(r) + r->key_len;
}

static uint32_t sum_of(const struct memory_record *r)
{
    uint32_t sum = weir_crc32c(0, &r->class, sizeof(r->class));

    sum = weir_crc32c(sum, &r->head, sizeof(r->head));
    return weir_crc32c(sum, r->bytes, memory_record_bytes_len(r));
}

static uint8_t *append(uint8_t *at, struct weir_span s)
{
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

static void check_ranges(enum weir_group group, const struct weir_stored_record *rec)
{
    const struct weir_record *r = &rec->rec;

    WEIR_ASSERT((r->class == WEIR_CLASS_BAN) == (group == WEIR_GROUP_E));
    WEIR_ASSERT(r->class >= WEIR_CLASS_SETTING && r->class <= WEIR_CLASS_BAN);
    WEIR_ASSERT(r->key.len >= 1 && r->key.len <= WEIR_KEY_MAX);
    WEIR_ASSERT(r->value.len <= WEIR_RECORD_MAX);
    WEIR_ASSERT(!r->tombstone || r->value.len == 0);
    WEIR_ASSERT(r->version.seq >= 1 && r->version.seq <= WEIR_RECORD_SEQ_MAX);
    WEIR_ASSERT(r->expires <= WEIR_RECORD_EXPIRES_MAX);
    WEIR_ASSERT(rec->num_ctx <= WEIR_RECORD_CTX_MAX);
    WEIR_ASSERT(rec->sig.len == 0 || rec->sig.len == WEIR_RECORD_SIG_LEN);
    WEIR_ASSERT(rec->extra.len <= WEIR_STORED_EXTRA_MAX);
}

/* Its queue, and since when it may be asked for. */
static void set_queue(struct memory_record *r, enum weir_group group)
{
    uint64_t expires = r->head.expires;

    if (r->head.tombstone) {
        uint64_t expires_ms = group == WEIR_GROUP_E && expires > 0 ? expires * 1000 : UINT64_MAX;
        r->queue = MEMORY_QUEUE_TOMBSTONES;
        r->by_when.rank = expires_ms < r->head.stored_ms ? expires_ms : r->head.stored_ms;
    } else if (group == WEIR_GROUP_E && expires > 0) {
        r->queue = MEMORY_QUEUE_EXPIRIES;
        r->by_when.rank = expires;
    }
}

struct memory_record *memory_record_new(enum weir_group group, const struct weir_stored_record *rec)
{
    const struct weir_record *from = &rec->rec;

    check_ranges(group, rec);
    size_t len = rec->num_ctx * sizeof(rec->ctx[0]) + rec->sig.len + rec->extra.len +
                 from->value.len + from->key.len;
    struct memory_record *r = malloc(sizeof(*r) + len);
    if (r == NULL)
        return NULL;
    *r = (struct memory_record){
        .head = {
            .seq = from->version.seq,
            .hlc = from->version.hlc,
            .expires = from->expires,
            .stored_ms = rec->stored_ms,
            .schema = from->schema,
            .min_reader = from->min_reader,
            .tombstone = from->tombstone,
        },
        .value_len = (uint32_t)from->value.len,
        .key_len = (uint16_t)from->key.len,
        .extra_len = (uint16_t)rec->extra.len,
        .class = (uint8_t)from->class,
        .num_ctx = rec->num_ctx,
        .sig_len = (uint8_t)rec->sig.len,
    };
    memcpy(r->head.lane, from->version.lane, WEIR_LANE_LEN);
    uint8_t *at =
        append((uint8_t *)r->bytes, weir_span(rec->ctx, rec->num_ctx * sizeof(rec->ctx[0])));
    at = append(at, rec->sig);
    at = append(at, rec->extra);
    at = append(at, from->value);
    (void)append(at, from->key);
    r->sum = sum_of(r);
    r->by_key.rank = key_rank(r->class, from->key);
    r->by_dot.rank = r->head.seq;
    set_queue(r, group);
    return r;
}

struct memory_record *memory_record_copy(const struct memory_record *r)
{
    size_t len = sizeof(*r) + memory_record_bytes_len(r);
    struct memory_record *copy = malloc(len);

    if (copy == NULL)
        return NULL;
    memcpy(copy, r, len);
    copy->lane = NULL;
    return copy;
}

bool memory_record_holds(const struct memory_record *r)
{
    return !r->is_touched || sum_of(r) == r->sum;
}

uint64_t memory_record_hash(const struct memory_record *r)
{
    uint64_t is = r->is_touched ? sum_of(r) : r->sum;
    uint64_t hash = weir_mix64(is << 32 ^ r->sum);

    hash = weir_mix64(hash + r->head.seq);
    return weir_mix64(hash + r->head.hlc);
}

void memory_record_show(const struct memory_record *r, const struct weir_record_context *bytes,
                        struct weir_stored_record *ret)
{
    const uint8_t *sig = (const uint8_t *)(bytes + r->num_ctx);
    const uint8_t *extra = sig + r->sig_len;
    const uint8_t *value = extra + r->extra_len;

    *ret = (struct weir_stored_record){
        .rec = {
            .class = (enum weir_class)r->class,
            .key = weir_span(value + r->value_len, r->key_len),
            .version = { .hlc = r->head.hlc, .seq = r->head.seq },
            .tombstone = r->head.tombstone != 0,
            .schema = r->head.schema,
            .min_reader = r->head.min_reader,
            .expires = r->head.expires,
            .value = weir_span(value, r->value_len),
        },
        .num_ctx = r->num_ctx,
        .sig = weir_span(sig, r->sig_len),
        .extra = weir_span(extra, r->extra_len),
        .stored_ms = r->head.stored_ms,
    };
    memcpy(ret->rec.version.lane, r->head.lane, WEIR_LANE_LEN);
    memcpy(ret->ctx, bytes, r->num_ctx * sizeof(ret->ctx[0]));
}

static struct memory_tree *queue_of(struct memory_state *s, const struct memory_record *r)
{
    switch ((enum memory_queue)r->queue) {
    case MEMORY_QUEUE_NONE:
        return NULL;
    case MEMORY_QUEUE_TOMBSTONES:
        return &s->tombstones;
    case MEMORY_QUEUE_EXPIRIES:
        return &s->expiries;
    }
    WEIR_UNREACHABLE();
}

/* Out of what is not ordered by key. */
static void leave(struct memory_state *s, struct memory_record *r)
{
    struct memory_name name = memory_name_of(r);
    struct memory_place dot = { r->by_dot.rank, &name };
    struct memory_place when = { r->by_when.rank, &name };
    struct memory_tree *queue = queue_of(s, r);

    memory_tree_take(&r->lane->dots, &dot, &r->by_dot);
    if (queue != NULL)
        memory_tree_take(queue, &when, &r->by_when);
    s->hash -= memory_record_hash(r);
}

struct memory_record *memory_record_add(struct memory_state *s, struct memory_record *r)
{
    struct memory_name name = memory_name_of(r);
    struct memory_place key = { r->by_key.rank, &name };
    struct memory_place dot = { r->by_dot.rank, &name };
    struct memory_place when = { r->by_when.rank, &name };
    struct memory_tree *queue = queue_of(s, r);

    struct memory_record *was = of_key(memory_tree_replace(&s->records, &key, &r->by_key));
    if (was != NULL)
        leave(s, was);
    else
        memory_tree_add(&s->records, &key, &r->by_key);
    memory_tree_add(&r->lane->dots, &dot, &r->by_dot);
    if (queue != NULL)
        memory_tree_add(queue, &when, &r->by_when);
    s->hash += memory_record_hash(r);
    return was;
}

void memory_record_remove(struct memory_state *s, struct memory_record *r)
{
    struct memory_name name = memory_name_of(r);
    struct memory_place key = { r->by_key.rank, &name };

    memory_tree_take(&s->records, &key, &r->by_key);
    leave(s, r);
}

struct memory_record *memory_record_find(const struct memory_state *s, enum weir_class class,
                                         struct weir_span key)
{
    struct memory_name name = { .class = (uint8_t) class, .key = key };
    struct memory_place at = { key_rank(name.class, key), &name };

    return of_key(memory_tree_find(&s->records, &at));
}

struct memory_record *memory_record_above(const struct memory_state *s, enum weir_class class,
                                          struct weir_span after)
{
    struct memory_name name = { .class = (uint8_t) class, .key = after };
    struct memory_place at = { key_rank(name.class, after), &name };
    struct memory_record *r = of_key(memory_tree_above(&s->records, &at));

    return r != NULL && r->class == name.class ? r : NULL;
}

struct memory_record *memory_record_dot(const struct memory_lane *lane, uint64_t after)
{
    struct memory_name first = { .class = 0 };
    struct memory_place at = { after + 1, &first };

    return after < UINT64_MAX ? of_dot(memory_tree_above(&lane->dots, &at)) : NULL;
}

/* -- lanes -- */

struct memory_lane *memory_lane_find(const struct memory_state *s,
                                     const uint8_t name[WEIR_LANE_LEN])
{
    struct memory_place at = { memory_lane_rank(name), name };

    return of_name(memory_tree_find(&s->lanes, &at));
}

struct memory_lane *memory_lane_above(const struct memory_state *s, const uint8_t *after)
{
    if (after == NULL)
        return of_name(memory_tree_first(&s->lanes));
    struct memory_place at = { memory_lane_rank(after), after };
    return of_name(memory_tree_above(&s->lanes, &at));
}

struct memory_lane *memory_lane_new(const uint8_t name[WEIR_LANE_LEN])
{
    struct memory_lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return NULL;
    memcpy(lane->name, name, WEIR_LANE_LEN);
    lane->dots.tie = tie_dot;
    return lane;
}

void memory_lane_add(struct memory_state *s, struct memory_lane *lane)
{
    struct memory_place at = { memory_lane_rank(lane->name), lane->name };

    memory_tree_add(&s->lanes, &at, &lane->by_name);
}

void memory_lane_remove(struct memory_state *s, struct memory_lane *lane)
{
    struct memory_place at = { lane->by_name.rank, lane->name };

    WEIR_ASSERT(lane->dots.num == 0);
    memory_tree_take(&s->lanes, &at, &lane->by_name);
}

struct weir_lane_row memory_lane_show(const struct memory_lane *lane,
                                      const struct memory_numbers *numbers)
{
    struct weir_lane_row shown = {
        .vv = numbers->vv,
        .seen = numbers->seen,
        .floor = numbers->floor,
        .final = numbers->final,
    };

    memcpy(shown.lane, lane->name, WEIR_LANE_LEN);
    return shown;
}

/* -- states -- */

void memory_state_init(struct memory_state *s)
{
    *s = (struct memory_state){
        .records = { .tie = tie_key },
        .tombstones = { .tie = tie_when },
        .expiries = { .tie = tie_when },
        .lanes = { .tie = tie_lane },
    };
}

static void free_record(struct memory_link *link)
{
    free(of_key(link));
}

static void free_lane(struct memory_link *link)
{
    free(of_name(link));
}

void memory_state_deinit(struct memory_state *s)
{
    memory_tree_drain(&s->records, free_record);
    memory_tree_drain(&s->lanes, free_lane);
    memory_state_init(s);
}
