/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c - bump allocation from blocks of malloc. What is not handed out is poisoned in sanitizer
 * builds. A request above block_len gets a block of its own, so that the rest of the current block
 * is not lost.
 */
#include "node/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/internal/poison.h"

#define ALIGNMENT 16

struct weir_arena_block {
    struct weir_arena_block *next;
    size_t len; /* bytes after this header */
};

_Static_assert(sizeof(struct weir_arena_block) % ALIGNMENT == 0, "block bodies must be aligned");

static uint8_t *body_of(struct weir_arena_block *b)
{
    return (uint8_t *)(b + 1);
}

static struct weir_arena_block *new_block(size_t len)
{
    struct weir_arena_block *b = malloc(sizeof(*b) + len);
    if (b == NULL)
        return NULL;
    b->next = NULL;
    b->len = len;
    weir_poison(body_of(b), len);
    return b;
}

static void free_block(struct weir_arena_block *b)
{
    weir_unpoison(body_of(b), b->len);
    free(b);
}

void weir_arena_init(struct weir_arena *a, size_t block_len, size_t cap)
{
    WEIR_ASSERT(block_len >= 256);
    WEIR_ASSERT(block_len <= 1u << 20);
    *a = (struct weir_arena){ .block_len = block_len & ~(size_t)(ALIGNMENT - 1), .cap = cap };
}

void weir_arena_deinit(struct weir_arena *a)
{
    for (struct weir_arena_block *b = a->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free_block(b);
    }
    a->blocks = NULL;
    a->at = NULL;
    a->end = NULL;
    a->used = 0;
}

void weir_arena_wipe(struct weir_arena *a)
{
    for (struct weir_arena_block *b = a->blocks; b != NULL; b = b->next) {
        weir_unpoison(body_of(b), b->len);
        explicit_bzero(body_of(b), b->len);
    }
}

void weir_arena_reset(struct weir_arena *a)
{
    struct weir_arena_block *reused = NULL;

    /* Newest first: the last one found is the oldest. Oversized blocks go, a big request shall not
     * be held for ever. */
    for (struct weir_arena_block *b = a->blocks, *next; b != NULL; b = next) {
        struct weir_arena_block *drop = b;
        next = b->next;
        if (b->len == a->block_len) {
            drop = reused;
            reused = b;
        }
        if (drop != NULL)
            free_block(drop);
    }
    a->blocks = reused;
    a->at = NULL;
    a->end = NULL;
    a->used = 0;
    if (reused != NULL) {
        reused->next = NULL;
        weir_poison(body_of(reused), reused->len);
        a->at = body_of(reused);
        a->end = a->at + reused->len;
    }
}

/* Room of `len` bytes, a multiple of ALIGNMENT, from a new block. */
static void *alloc_in_new_block(struct weir_arena *a, size_t len)
{
    bool oversized = len > a->block_len;
    struct weir_arena_block *b = new_block(oversized ? len : a->block_len);
    if (b == NULL)
        return NULL;
    if (oversized && a->blocks != NULL) {
        b->next = a->blocks->next;
        a->blocks->next = b;
        return body_of(b);
    }
    b->next = a->blocks;
    a->blocks = b;
    a->at = body_of(b) + len;
    a->end = body_of(b) + b->len;
    return body_of(b);
}

void *weir_arena_alloc(struct weir_arena *a, size_t len)
{
    /* No object is longer than PTRDIFF_MAX; above it the sums below and in new_block could wrap. */
    if (WEIR_UNLIKELY(len > PTRDIFF_MAX || len > a->cap || a->used > a->cap - len))
        return NULL;
    size_t rounded = len == 0 ? ALIGNMENT : (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    void *ret = NULL;
    if (WEIR_LIKELY(rounded <= (size_t)(a->end - a->at))) {
        ret = a->at;
        a->at += rounded;
    } else {
        ret = alloc_in_new_block(a, rounded);
        if (ret == NULL)
            return NULL;
    }
    a->used += rounded;
    weir_unpoison(ret, len);
    return ret;
}

void *weir_arena_calloc(struct weir_arena *a, size_t num, size_t size)
{
    size_t len;
    if (__builtin_mul_overflow(num, size, &len))
        return NULL;
    void *ret = weir_arena_alloc(a, len);
    if (ret != NULL)
        memset(ret, 0, len);
    return ret;
}

char *weir_arena_strdup(struct weir_arena *a, struct weir_span s)
{
    if (s.len == SIZE_MAX)
        return NULL;
    char *ret = weir_arena_alloc(a, s.len + 1);
    if (ret == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(ret, s.at, s.len);
    ret[s.len] = '\0';
    return ret;
}

char *weir_arena_printf(struct weir_arena *a, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    int num = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (num < 0)
        return NULL;
    if ((size_t)num < sizeof(text))
        return weir_arena_strdup(a, weir_span(text, (size_t)num));

    char *ret = weir_arena_alloc(a, (size_t)num + 1);
    if (ret == NULL)
        return NULL;
    va_start(args, fmt);
    (void)vsnprintf(ret, (size_t)num + 1, fmt, args);
    va_end(args);
    return ret;
}
