/* SPDX-License-Identifier: Apache-2.0
 *
 * contract.h - what the code promises itself: contracts, attributes, container_of.
 * WEIR_ASSERT stays on in release builds; WEIR_DCHECK is for hot loops and is on in debug and
 * sanitizer builds. Never used on what a peer, a client, an upstream, a file or an operator sent.
 */
#ifndef WEIR_NODE_BASE_CONTRACT_H
#define WEIR_NODE_BASE_CONTRACT_H

#include <stddef.h>

#define WEIR_MUST_USE     __attribute__((warn_unused_result))
#define WEIR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WEIR_COLD         __attribute__((cold, noinline))
#define WEIR_LIKELY(x)    __builtin_expect(!!(x), 1)
#define WEIR_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define WEIR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define WEIR_CACHE_LINE   64

/** Print the broken contract and abort. Never returns. */
__attribute__((noreturn, cold)) void weir_contract_broken(const char *what, const char *file,
                                                          int line);

#define WEIR_ASSERT(cond)                                                                          \
    do {                                                                                           \
        if (WEIR_UNLIKELY(!(cond)))                                                                \
            weir_contract_broken(#cond, __FILE__, __LINE__);                                       \
    } while (0)

#ifdef WEIR_DEBUG
#define WEIR_DCHECK(cond) WEIR_ASSERT(cond)
#else
#define WEIR_DCHECK(cond) ((void)sizeof(cond))
#endif

#define WEIR_UNREACHABLE() weir_contract_broken("unreachable", __FILE__, __LINE__)

/** The object of `type` whose `member` is at `ptr`. */
#define weir_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
