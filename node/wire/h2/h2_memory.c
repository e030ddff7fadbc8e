/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_memory.c - see h2_memory.h. Before each run of bytes stands which pool it is of. What is
 * larger than all of them (a table that has grown, a head of an upstream) comes from malloc.
 */
#include "node/wire/h2/h2_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* With the head. nghttp2 holds: fields and names (64, 96, 128), items that wait to be sent (192),
 * streams (256), tables of references (1 KiB), the session itself (2.9 KiB), and, where there are
 * no pages, the table of streams (4 KiB) and the buffer of a frame (16.4 KiB). */
static const uint32_t sizes[WEIR_H2_MEMORY_SIZES] = { 64,  96,   128,  192,  256,  384,
                                                      512, 1032, 2064, 2944, 4112, 16448 };

struct head {
    uint32_t len;  /* with the head */
    uint32_t size; /* index of its pool, or WEIR_H2_MEMORY_SIZES: of malloc */
};

/* What nghttp2 1.52 asks for, once for each session. Another version may ask for other sizes: then
 * the pages stay unused. */
#define FRAME_LEN 16394
#define TABLE_LEN 4096
#define TABLE_AT  20480 /* behind the frame, on a page of its own */
#define PAGES_LEN 24576
#define SLAB_NUM  32 /* connections */

struct weir_h2_pages {
    struct weir_h2_pages *next;
};

struct weir_h2_slab {
    struct weir_h2_slab *next;
    uint8_t *at;
};

void weir_h2_memory_init(struct weir_h2_memory *m, struct weir_buffers *buffers)
{
    *m = (struct weir_h2_memory){ .buffers = buffers };
    for (size_t i = 0; i < WEIR_H2_MEMORY_SIZES; i++) {
        uint32_t per_slab = 65536 / sizes[i];
        weir_pool_init(&m->pools[i], sizes[i], per_slab < 64 ? per_slab : 64, 1u << 24);
    }
}

void weir_h2_memory_deinit(struct weir_h2_memory *m)
{
    while (m->slabs != NULL) {
        struct weir_h2_slab *s = m->slabs;
        m->slabs = s->next;
        (void)munmap(s->at, (size_t)SLAB_NUM * PAGES_LEN);
        free(s);
    }
    m->free_pages = NULL;
    for (size_t i = 0; i < WEIR_H2_MEMORY_SIZES; i++)
        weir_pool_deinit(&m->pools[i]);
}

/* -- pages -- */

static void free_pages(struct weir_h2_memory *m, uint8_t *at)
{
    struct weir_h2_pages *p = (struct weir_h2_pages *)at;
    p->next = m->free_pages;
    m->free_pages = p;
}

static bool make_slab(struct weir_h2_memory *m)
{
    struct weir_h2_slab *s = malloc(sizeof(*s));
    if (s == NULL)
        return false;
    s->at = mmap(NULL, (size_t)SLAB_NUM * PAGES_LEN, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s->at == MAP_FAILED) {
        free(s);
        return false;
    }
    /* A huge page would make all of them resident. */
    (void)madvise(s->at, (size_t)SLAB_NUM * PAGES_LEN, MADV_NOHUGEPAGE);
    s->next = m->slabs;
    m->slabs = s;
    for (size_t i = SLAB_NUM; i-- > 0;)
        free_pages(m, s->at + i * PAGES_LEN);
    return true;
}

static void charge_pages(const struct weir_h2_use *u, bool take)
{
    struct weir_budget *b = &u->memory->buffers->budget;
    if (take)
        weir_budget_take(b, u->account, WEIR_MEMORY_REQUESTS, WEIR_H2_PAGES_USED);
    else
        weir_budget_leave(b, u->account, WEIR_MEMORY_REQUESTS, WEIR_H2_PAGES_USED);
}

void weir_h2_use_init(struct weir_h2_use *u, struct weir_h2_memory *m, struct weir_account *account)
{
    *u = (struct weir_h2_use){ .memory = m, .account = account };
    if (m->free_pages == NULL && !make_slab(m))
        return;
    u->pages = (uint8_t *)m->free_pages;
    m->free_pages = m->free_pages->next;
    charge_pages(u, true);
}

void weir_h2_use_deinit(struct weir_h2_use *u)
{
    WEIR_ASSERT_CMP(u->used, ==, 0);
    WEIR_ASSERT(!u->has_frame && !u->has_table);
    if (u->pages == NULL)
        return;
    if (!u->rests)
        charge_pages(u, false);
    free_pages(u->memory, u->pages);
    u->pages = NULL;
}

static bool is_zero(const uint8_t *at, size_t len)
{
    return at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* Pages that are given back are zero when they are touched again, which is what an empty table is.
 * A frame that is not being made has no bytes that matter. */
void weir_h2_use_rest(struct weir_h2_use *u)
{
    if (u->pages == NULL || u->rests || !u->has_table || !is_zero(u->pages + TABLE_AT, TABLE_LEN))
        return;
    if (madvise(u->pages, PAGES_LEN, MADV_DONTNEED) != 0)
        return;
    u->rests = true;
    charge_pages(u, false);
}

void weir_h2_use_wake(struct weir_h2_use *u)
{
    if (!u->rests)
        return;
    u->rests = false;
    charge_pages(u, true);
}

/* @return NULL: not of the pages */
static void *take_of_pages(struct weir_h2_use *u, size_t len)
{
    if (!u->making || u->pages == NULL)
        return NULL;
    if (len == FRAME_LEN && !u->has_frame) {
        u->has_frame = true;
        return u->pages;
    }
    if (len == TABLE_LEN && !u->has_table) {
        u->has_table = true;
        return u->pages + TABLE_AT;
    }
    return NULL;
}

static bool release_to_pages(struct weir_h2_use *u, const uint8_t *p)
{
    if (u->pages == NULL || p < u->pages || p >= u->pages + PAGES_LEN)
        return false;
    if (p == u->pages)
        u->has_frame = false;
    else
        u->has_table = false;
    return true;
}

/* -- as malloc -- */

static uint32_t size_of(size_t len)
{
    uint32_t i = 0;
    while (i < WEIR_H2_MEMORY_SIZES && sizes[i] < len)
        i++;
    return i;
}

void *weir_h2_malloc(struct weir_h2_use *u, size_t len)
{
    struct weir_budget *b = &u->memory->buffers->budget;
    void *of_pages = take_of_pages(u, len);
    if (of_pages != NULL)
        return of_pages;
    if (len > WEIR_H2_MEMORY_MAX) {
        u->refused = true;
        return NULL;
    }
    len += sizeof(struct head);
    uint32_t i = size_of(len);
    if (i < WEIR_H2_MEMORY_SIZES)
        len = sizes[i];
    if (u->used + len > WEIR_H2_MEMORY_MAX || b->used + len > b->max) {
        u->refused = true;
        return NULL;
    }
    struct head *h = i < WEIR_H2_MEMORY_SIZES ? weir_pool_get(&u->memory->pools[i]) : malloc(len);
    if (h == NULL) {
        u->refused = true;
        return NULL;
    }
    h->len = (uint32_t)len;
    h->size = i;
    u->used += len;
    weir_budget_take(b, u->account, WEIR_MEMORY_REQUESTS, len);
    return h + 1;
}

void weir_h2_release(struct weir_h2_use *u, void *p)
{
    if (p == NULL || release_to_pages(u, p))
        return;
    struct head *h = (struct head *)p - 1;
    uint32_t i = h->size;
    WEIR_ASSERT_CMP(i, <=, WEIR_H2_MEMORY_SIZES);
    WEIR_ASSERT_CMP(u->used, >=, h->len);
    u->used -= h->len;
    weir_budget_leave(&u->memory->buffers->budget, u->account, WEIR_MEMORY_REQUESTS, h->len);
    if (i < WEIR_H2_MEMORY_SIZES)
        weir_pool_release(&u->memory->pools[i], h);
    else
        free(h);
}

void *weir_h2_calloc(struct weir_h2_use *u, size_t num, size_t len)
{
    size_t all;
    if (__builtin_mul_overflow(num, len, &all))
        return NULL;
    void *p = weir_h2_malloc(u, all);
    if (p != NULL)
        memset(p, 0, all);
    return p;
}

void *weir_h2_realloc(struct weir_h2_use *u, void *p, size_t len)
{
    if (p == NULL)
        return weir_h2_malloc(u, len);
    bool is_frame = p == u->pages && u->pages != NULL;
    size_t had = is_frame ? FRAME_LEN : ((struct head *)p - 1)->len - sizeof(struct head);
    if (len <= had)
        return p;
    void *more = weir_h2_malloc(u, len);
    if (more == NULL)
        return NULL;
    memcpy(more, p, had);
    weir_h2_release(u, p);
    return more;
}
