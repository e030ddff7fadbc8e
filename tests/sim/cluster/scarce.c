/* SPDX-License-Identifier: Apache-2.0
 *
 * scarce.c - see scarce.h; and the wrapper that the linker binds instead of weir_arena_alloc.
 */
#include "tests/sim/cluster/scarce.h"

#include <stddef.h>

#include "node/base/arena.h"
#include "tests/support/failalloc.h"

#define FAILS_IN_MOST 256

void *__real_weir_arena_alloc(struct weir_arena *a, size_t len);
void *__wrap_weir_arena_alloc(struct weir_arena *a, size_t len);

void *__wrap_weir_arena_alloc(struct weir_arena *a, size_t len)
{
    return weir_failalloc_is_refused() ? NULL : __real_weir_arena_alloc(a, len);
}

void weir_sim_scarce_draw(struct weir_sim_scarce *s, struct weir_rng *rng)
{
    uint64_t most = 1 + weir_rng_below(rng, FAILS_IN_MOST);

    s->fails_in = 1 + (uint32_t)weir_rng_below(rng, most);
    s->once = weir_rng_below(rng, 2) == 0;
}

void weir_sim_scarce_begin(const struct weir_sim_scarce *s)
{
    if (s->fails_in == 0)
        return;
    if (s->once)
        weir_failalloc_once(s->fails_in);
    else
        weir_failalloc_after(s->fails_in);
}

bool weir_sim_scarce_has_struck(const struct weir_sim_scarce *s)
{
    return s->fails_in > 0 && weir_failalloc_has_failed();
}

void weir_sim_scarce_end(struct weir_sim_scarce *s)
{
    if (s->fails_in == 0)
        return;
    (void)weir_failalloc_pause();
    unsigned long num = weir_failalloc_count();
    s->fails_in = num < s->fails_in ? s->fails_in - (uint32_t)num : 0;
}
