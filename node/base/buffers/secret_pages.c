/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_pages.c - see secret_pages.h.
 */
#include "node/base/buffers/secret_pages.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    WEIR_ASSERT(len >= 1);
    WEIR_ASSERT(len <= SIZE_MAX - page);
    return (len + page - 1) / page * page;
}

void *weir_secret_pages_new(size_t len)
{
    size_t whole = whole_pages(len);
    void *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return NULL;
    /* A kernel that refuses either still runs the node; the memory is wiped in any case. */
    (void)madvise(at, whole, MADV_DONTDUMP);
    (void)madvise(at, whole, MADV_WIPEONFORK);
    return at;
}

void weir_secret_pages_free(void **at, size_t len)
{
    if (*at == NULL)
        return;
    explicit_bzero(*at, len);
    (void)munmap(*at, whole_pages(len));
    *at = NULL;
}
