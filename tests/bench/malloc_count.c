/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc_count.c - loaded before libc by tests/bench/run --mallocs: counts calls of the allocator.
 * Limits: the count is the first eight bytes of the file MALLOC_COUNT_FILE, shared with the reader.
 * Aligned allocations are not counted.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t num, size_t size);
extern void *__libc_realloc(void *at, size_t size);

static _Atomic unsigned long before_open;
static _Atomic unsigned long *counter = &before_open;

__attribute__((constructor)) static void open_counter(void)
{
    const char *path = getenv("MALLOC_COUNT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        counter = at;
}

static void count(void)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t num, size_t size)
{
    count();
    return __libc_calloc(num, size);
}

void *realloc(void *at, size_t size)
{
    count();
    return __libc_realloc(at, size);
}
