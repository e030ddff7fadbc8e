/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.c - slabs of equal objects. A slab is handed out from its start on, so that memory is
 * touched only when it is needed; what comes back goes to a list through the objects' own first
 * bytes, last in, first out (still in the cache).
 */
#include "node/base/pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/internal/poison.h"

#define ALIGNMENT 8 /* of any struct here; malloc's 16 would cost 8 bytes an idle connection */

struct weir_pool_slab {
    struct weir_pool_slab *next;
    uint32_t num_objects;
    uint32_t num_given; /* objects that were handed out at least once */
};

_Static_assert(sizeof(struct weir_pool_slab) % ALIGNMENT == 0, "objects must be aligned");

static uint8_t *object_at(const struct weir_pool *p, struct weir_pool_slab *slab, size_t at)
{
    return (uint8_t *)(slab + 1) + at * p->object_len;
}

void weir_pool_init(struct weir_pool *p, size_t object_len, uint32_t per_slab, size_t max)
{
    WEIR_ASSERT(object_len >= 16);
    WEIR_ASSERT(object_len <= 1u << 20);
    WEIR_ASSERT(per_slab >= 1);
    WEIR_ASSERT(per_slab <= 65536);
    *p = (struct weir_pool){
        .object_len = (object_len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1),
        .per_slab = per_slab,
        .max = max,
    };
}

void weir_pool_set_max(struct weir_pool *p, size_t max)
{
    p->max = max > p->num_made ? max : p->num_made;
}

void weir_pool_deinit(struct weir_pool *p)
{
    WEIR_ASSERT(p->num_used == 0);
    for (struct weir_pool_slab *s = p->slabs, *next; s != NULL; s = next) {
        next = s->next;
        weir_unpoison(object_at(p, s, 0), s->num_objects * p->object_len);
        free(s);
    }
    p->slabs = NULL;
    p->free_list = NULL;
    p->num_made = 0;
}

static bool add_slab(struct weir_pool *p)
{
    size_t num = p->max - p->num_made;
    if (num > p->per_slab)
        num = p->per_slab;
    if (num == 0)
        return false;

    struct weir_pool_slab *s = malloc(sizeof(*s) + num * p->object_len);
    if (s == NULL)
        return false;
    s->next = p->slabs;
    s->num_objects = (uint32_t)num;
    s->num_given = 0;
    weir_poison(object_at(p, s, 0), num * p->object_len);
    p->slabs = s;
    p->num_made += num;
    return true;
}

void *weir_pool_get(struct weir_pool *p)
{
    void *object = p->free_list;

    if (WEIR_LIKELY(object != NULL)) {
        weir_unpoison(object, p->object_len);
        memcpy(&p->free_list, object, sizeof(p->free_list));
    } else {
        /* Only the newest slab can have objects that were never given out: it was added when none
         * were left. */
        if (p->slabs == NULL || p->slabs->num_given == p->slabs->num_objects) {
            if (!add_slab(p))
                return NULL;
        }
        object = object_at(p, p->slabs, p->slabs->num_given++);
        weir_unpoison(object, p->object_len);
    }
    p->num_used++;
    return object;
}

void weir_pool_release(struct weir_pool *p, void *object)
{
    if (object == NULL)
        return;
    WEIR_ASSERT(p->num_used > 0);
    memcpy(object, &p->free_list, sizeof(p->free_list));
    p->free_list = object;
    p->num_used--;
    weir_poison(object, p->object_len);
}
