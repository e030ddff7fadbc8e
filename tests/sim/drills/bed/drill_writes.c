/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_writes.c - writes of drills and what the store has.
 */
#include "tests/sim/drills/bed/drill_writes.h"

#include <string.h>

struct weir_engine_write weir_drill_make_write(const struct weir_drill *d, const char *key,
                                               const char *value)
{
    (void)d;
    return (struct weir_engine_write){
        .class = WEIR_CLASS_TENANT,
        .key = weir_span_cstr(key),
        .delete = value == NULL,
        .value = value != NULL ? weir_span_cstr(value) : WEIR_SPAN_EMPTY,
        .cookie = 7,
    };
}

struct weir_engine_write weir_drill_make_ban(struct weir_drill *d, uint8_t n, uint64_t ttl_s)
{
    return (struct weir_engine_write){
        .class = WEIR_CLASS_BAN,
        .key = weir_drill_ban_key(d, n),
        .value = WEIR_SPAN_LIT("\3"),
        .expires = (d->wall_ms + d->mono_us / 1000) / 1000 + ttl_s,
        .cookie = 7,
    };
}

enum weir_err weir_drill_write_one(struct weir_drill *d, const struct weir_engine_write *w)
{
    weir_drill_begin(d);
    enum weir_err err = weir_engine_write(d->e, w);
    enum weir_err committed = weir_drill_end(d);
    return err < 0 ? err : committed;
}

struct weir_stored_record weir_drill_find(const struct weir_drill *d, enum weir_class class,
                                          struct weir_span key)
{
    enum weir_group g = class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
    struct weir_stored_record rec;

    if (weir_memory_find(d->store[g], class, key, &rec) == WEIR_ENOTFOUND)
        return (struct weir_stored_record){ .num_ctx = 0 };
    return rec;
}

struct weir_store_meta weir_drill_meta(const struct weir_drill *d, enum weir_group g)
{
    return weir_memory_meta(d->store[g]);
}

void weir_drill_set_meta(struct weir_drill *d, enum weir_group g,
                         const struct weir_store_meta *meta)
{
    struct weir_record_store *r = weir_memory_record_store(d->store[g]);

    WEIR_ASSERT(r->ops->begin(r) == WEIR_OK);
    WEIR_ASSERT(r->ops->put_meta(r, meta) == WEIR_OK);
    WEIR_ASSERT(r->ops->commit(r) == WEIR_OK);
}

void weir_drill_set_row(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row)
{
    struct weir_record_store *r = weir_memory_record_store(d->store[g]);

    WEIR_ASSERT(r->ops->begin(r) == WEIR_OK);
    WEIR_ASSERT(r->ops->put_lane(r, row) == WEIR_OK);
    WEIR_ASSERT(r->ops->commit(r) == WEIR_OK);
}
