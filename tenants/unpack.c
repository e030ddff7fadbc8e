/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.c - see unpack.h. All memory comes from one arena, so that hostile bytes cost a bounded
 * sum.
 */
#include "tenants/unpack.h"

#include "node/base/limits.h"

/** The memory that the library may use, and why it ran out. */
struct source {
    struct weir_arena *arena;
    size_t used;
    bool over;   /* the message swells beyond the limit, which is a fault of the message */
    bool failed; /* there is no memory */
};

static void *source_alloc(void *arg, size_t len)
{
    struct source *s = arg;

    if (len > WEIR_UNPACK_MAX - s->used) {
        s->over = true;
        return NULL;
    }
    s->used += len;
    void *at = weir_arena_alloc(s->arena, len);
    if (!at)
        s->failed = true;
    return at;
}

static void source_free(void *arg, void *at)
{
    (void)arg; /* all of it goes with the arena */
    (void)at;
}

enum weir_err weir_stored_tenant_unpack(struct weir_span value, struct weir_arena *arena,
                                        Weir__V1__StoredTenant **ret)
{
    struct source source = { .arena = arena };
    ProtobufCAllocator allocator = { .alloc = source_alloc,
                                     .free = source_free,
                                     .allocator_data = &source };

    WEIR_ASSERT(arena != NULL);
    WEIR_ASSERT(value.len == 0 || value.at != NULL);
    if (value.len == 0 || value.len > WEIR_RECORD_MAX)
        return WEIR_ECORRUPT;
    Weir__V1__StoredTenant *m = weir__v1__stored_tenant__unpack(&allocator, value.len, value.at);
    if (!m)
        return source.failed && !source.over ? WEIR_ENOMEM : WEIR_ECORRUPT;
    if (!m->tenant)
        return WEIR_ECORRUPT;
    *ret = m;
    return WEIR_OK;
}
