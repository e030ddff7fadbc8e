/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_heap.c - see secret_heap.h. Pieces are powers of two with a header; freed ones wait in a
 * list for each size. Address space is reserved once and made usable step by step, never given
 * back.
 */
#include "node/base/buffers/secret_heap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE_MIN   32
#define NUM_CLASSES 12
#define STEP        262144 /* bytes that become usable at once */
#define MAGIC       0x73656372

struct piece {
    uint32_t magic;
    uint32_t class;
    struct piece *next; /* while it is free */
};

_Static_assert(sizeof(struct piece) == 16, "what follows the header is aligned");
_Static_assert(PIECE_MIN << (NUM_CLASSES - 1) == WEIR_SECRET_PIECE_MAX, "the largest class");

static struct {
    pthread_mutex_t lock;
    _Atomic uintptr_t base; /* release when made, paired with acquire in owns; 0: not made */
    uint8_t *next, *usable; /* behind the last piece; behind what can be used */
    bool failed;
    struct piece *free[NUM_CLASSES];
} heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local unsigned depth;

void weir_secret_heap_enter(void)
{
    depth++;
}

void weir_secret_heap_leave(void)
{
    WEIR_ASSERT(depth > 0);
    depth--;
}

bool weir_secret_heap_inside(void)
{
    return depth > 0;
}

/* Under the lock. @return whether there is a heap */
static bool make(void)
{
    if (heap.next != NULL || heap.failed)
        return !heap.failed;
    void *at = mmap(NULL, WEIR_SECRET_HEAP_MAX, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    heap.failed = at == MAP_FAILED;
    if (heap.failed)
        return false;
    (void)madvise(at, WEIR_SECRET_HEAP_MAX, MADV_DONTDUMP);
    (void)madvise(at, WEIR_SECRET_HEAP_MAX, MADV_WIPEONFORK);
    heap.next = heap.usable = at;
    atomic_store_explicit(&heap.base, (uintptr_t)at, memory_order_release);
    return true;
}

/* Under the lock. NULL: the heap is full. */
static struct piece *cut(size_t len)
{
    uint8_t *base = (uint8_t *)atomic_load_explicit(&heap.base, memory_order_relaxed);

    if ((size_t)(heap.usable - heap.next) < len) {
        if ((size_t)(heap.usable - base) + STEP > WEIR_SECRET_HEAP_MAX ||
            mprotect(heap.usable, STEP, PROT_READ | PROT_WRITE) != 0)
            return NULL;
        heap.usable += STEP;
    }
    struct piece *p = (struct piece *)heap.next;
    heap.next += len;
    return p;
}

void *weir_secret_heap_alloc(size_t len)
{
    uint32_t class = 0;
    struct piece *p = NULL;

    if (len > WEIR_SECRET_PIECE_MAX - sizeof(*p))
        return NULL;
    while ((size_t)PIECE_MIN << class < len + sizeof(*p))
        class ++;
    (void)pthread_mutex_lock(&heap.lock);
    if (make()) {
        p = heap.free[class];
        if (p != NULL)
            heap.free[class] = p->next;
        else
            p = cut((size_t)PIECE_MIN << class);
    }
    (void)pthread_mutex_unlock(&heap.lock);
    if (p == NULL)
        return NULL;
    *p = (struct piece){ .magic = MAGIC, .class = class };
    return p + 1;
}

bool weir_secret_heap_owns(const void *at)
{
    uintptr_t base = atomic_load_explicit(&heap.base, memory_order_acquire);

    return base != 0 && (uintptr_t)at - base < WEIR_SECRET_HEAP_MAX;
}

static struct piece *piece_of(const void *at)
{
    struct piece *p = (struct piece *)(uintptr_t)at - 1;

    WEIR_ASSERT(weir_secret_heap_owns(at));
    WEIR_ASSERT(p->magic == MAGIC);
    WEIR_ASSERT(p->class < NUM_CLASSES);
    return p;
}

size_t weir_secret_heap_size(const void *at)
{
    return ((size_t)PIECE_MIN << piece_of(at)->class) - sizeof(struct piece);
}

void weir_secret_heap_free(void *at)
{
    struct piece *p = piece_of(at);

    explicit_bzero(at, weir_secret_heap_size(at));
    p->magic = 0;
    (void)pthread_mutex_lock(&heap.lock);
    p->next = heap.free[p->class];
    heap.free[p->class] = p;
    (void)pthread_mutex_unlock(&heap.lock);
}
