/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - bump allocator for memory that is freed together: one exchange, one parse, one compile.
 * Owner: one thread. Memory comes in blocks from malloc; `cap` bounds the bytes given out.
 * No piece is freed by itself; reset frees all but the first block.
 */
#ifndef WEIR_NODE_BASE_ARENA_H
#define WEIR_NODE_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

struct weir_arena_block;

struct weir_arena {
    struct weir_arena_block *blocks; /* newest first; owns */
    uint8_t *at;
    uint8_t *end;
    size_t block_len;
    size_t used; /* bytes given out, each piece rounded up to 16 */
    size_t cap;
};

/** @param block_len  bytes of a block, 256..1 MiB   @param cap  bytes in all. Allocates nothing. */
void weir_arena_init(struct weir_arena *a, size_t block_len, size_t cap);
/** Give all blocks back. The arena may be used again. */
void weir_arena_deinit(struct weir_arena *a);
/** Overwrite all that was given out: before a deinit or a reset when secrets were in it. */
void weir_arena_wipe(struct weir_arena *a);
/**
 * Free all pieces; every pointer into the arena is invalid after this. The oldest block of
 * block_len bytes is reused, so that an arena that is reset for each request allocates nothing in
 * steady state.
 */
void weir_arena_reset(struct weir_arena *a);
/**
 * 16-byte aligned, not zeroed. NULL: out of memory or over the cap. len 0 gives a unique pointer.
 */
WEIR_MUST_USE void *weir_arena_alloc(struct weir_arena *a, size_t len);
/** As weir_arena_alloc, zeroed. Checks num * size for overflow. */
WEIR_MUST_USE void *weir_arena_calloc(struct weir_arena *a, size_t num, size_t size);
/** A NUL-terminated copy. NULL: out of memory or over the cap. */
WEIR_MUST_USE char *weir_arena_strdup(struct weir_arena *a, struct weir_span s);
/** printf into the arena. NULL: out of memory or over the cap. */
WEIR_MUST_USE char *weir_arena_printf(struct weir_arena *a, const char *fmt, ...) WEIR_PRINTF(2, 3);

#endif
