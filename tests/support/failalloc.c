/* SPDX-License-Identifier: Apache-2.0
 *
 * failalloc.c - the wrappers that the linker binds instead of the allocation functions.
 * free is left alone: whatever a wrapper returns comes from the real allocator, or from the
 * sanitizer's.
 */
#include "tests/support/failalloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t len);
void *__real_calloc(size_t num, size_t len);
void *__real_realloc(void *at, size_t len);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t len);

void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t num, size_t len);
void *__wrap_realloc(void *at, size_t len);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);

static _Atomic unsigned long num_asked;
static _Atomic unsigned long first_failing; /* 0 = none */
static _Atomic unsigned long last_failing;

static void arm(long n, bool once)
{
    unsigned long first = n < 0 ? 0 : n == 0 ? 1 : (unsigned long)n;

    atomic_store(&first_failing, 0);
    atomic_store(&num_asked, 0);
    atomic_store(&last_failing, once ? first : (unsigned long)-1);
    atomic_store(&first_failing, first);
}

void weir_failalloc_after(long n)
{
    arm(n, false);
}

void weir_failalloc_once(long n)
{
    arm(n, true);
}

unsigned long weir_failalloc_count(void)
{
    return atomic_load(&num_asked);
}

static bool refused(void)
{
    unsigned long n = atomic_fetch_add(&num_asked, 1) + 1;
    unsigned long first = atomic_load(&first_failing);

    if (first == 0 || n < first || n > atomic_load(&last_failing))
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t len)
{
    return refused() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t num, size_t len)
{
    return refused() ? NULL : __real_calloc(num, len);
}

void *__wrap_realloc(void *at, size_t len)
{
    return refused() ? NULL : __real_realloc(at, len);
}

char *__wrap_strdup(const char *s)
{
    return refused() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t len)
{
    return refused() ? NULL : __real_strndup(s, len);
}
