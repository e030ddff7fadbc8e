/* SPDX-License-Identifier: Apache-2.0
 *
 * failalloc.c - the wrappers that the linker binds instead of the allocation functions.
 * Whatever a wrapper returns comes from the real allocator, or from the sanitizer's.
 */
#include "tests/support/failalloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t len);
void *__real_calloc(size_t num, size_t len);
void *__real_realloc(void *at, size_t len);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t len);
void __real_free(void *at);

void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t num, size_t len);
void *__wrap_realloc(void *at, size_t len);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
void __wrap_free(void *at);

static _Atomic bool is_counting;
static _Atomic unsigned long num_asked;
static _Atomic unsigned long first_failing; /* 0 = none */
static _Atomic unsigned long last_failing;
static _Thread_local long num_live;

static void arm(long n, bool once)
{
    unsigned long first = n < 0 ? 0 : n == 0 ? 1 : (unsigned long)n;

    atomic_store(&first_failing, 0);
    atomic_store(&num_asked, 0);
    atomic_store(&last_failing, once ? first : (unsigned long)-1);
    atomic_store(&first_failing, first);
    atomic_store(&is_counting, true);
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

bool weir_failalloc_has_failed(void)
{
    unsigned long first = atomic_load(&first_failing);

    return first > 0 && atomic_load(&num_asked) >= first;
}

bool weir_failalloc_pause(void)
{
    return atomic_exchange(&is_counting, false);
}

void weir_failalloc_resume(bool counted)
{
    atomic_store(&is_counting, counted);
}

bool weir_failalloc_is_refused(void)
{
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed))
        return false;
    unsigned long n = atomic_fetch_add(&num_asked, 1) + 1;
    unsigned long first = atomic_load(&first_failing);

    if (first == 0 || n < first || n > atomic_load(&last_failing))
        return false;
    errno = ENOMEM;
    return true;
}

static void *noted(void *at)
{
    num_live += at != NULL;
    return at;
}

void *__wrap_malloc(size_t len)
{
    return weir_failalloc_is_refused() ? NULL : noted(__real_malloc(len));
}

void *__wrap_calloc(size_t num, size_t len)
{
    return weir_failalloc_is_refused() ? NULL : noted(__real_calloc(num, len));
}

void *__wrap_realloc(void *at, size_t len)
{
    if (weir_failalloc_is_refused())
        return NULL;
    return at == NULL ? noted(__real_malloc(len)) : __real_realloc(at, len);
}

char *__wrap_strdup(const char *s)
{
    return weir_failalloc_is_refused() ? NULL : noted(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t len)
{
    return weir_failalloc_is_refused() ? NULL : noted(__real_strndup(s, len));
}

void __wrap_free(void *at)
{
    num_live -= at != NULL;
    __real_free(at);
}

long weir_failalloc_live(void)
{
    return num_live;
}
