/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.c - see unpack.h. All memory comes from one arena, so that hostile bytes cost a bounded
 * sum.
 */
#include "tenants/unpack.h"

#include "node/base/limits.h"

static void *source_alloc(void *arg, size_t len)
{
    struct weir_unpack_source *s = arg;

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

ProtobufCAllocator weir_unpack_allocator(struct weir_unpack_source *source,
                                         struct weir_arena *arena)
{
    WEIR_ASSERT(arena != NULL);
    *source = (struct weir_unpack_source){ .arena = arena };
    return (
        ProtobufCAllocator){ .alloc = source_alloc, .free = source_free, .allocator_data = source };
}

enum weir_err weir_unpack_fault(const struct weir_unpack_source *source)
{
    return source->failed && !source->over ? WEIR_ENOMEM : WEIR_ECORRUPT;
}

enum weir_err weir_stored_tenant_unpack(struct weir_span value, struct weir_arena *arena,
                                        Weir__V1__StoredTenant **ret)
{
    struct weir_unpack_source source;
    ProtobufCAllocator allocator = weir_unpack_allocator(&source, arena);

    WEIR_ASSERT(value.len == 0 || value.at != NULL);
    if (value.len == 0 || value.len > WEIR_RECORD_MAX)
        return WEIR_ECORRUPT;
    Weir__V1__StoredTenant *m = weir__v1__stored_tenant__unpack(&allocator, value.len, value.at);
    if (!m)
        return weir_unpack_fault(&source);
    if (!m->tenant)
        return WEIR_ECORRUPT;
    *ret = m;
    return WEIR_OK;
}
