/* SPDX-License-Identifier: Apache-2.0
 *
 * contract.h - what the code promises itself: contracts, attributes, container_of.
 * WEIR_ASSERT and its forms stay on in release builds; WEIR_DCHECK is for hot loops and is on in
 * debug and sanitizer builds. Never used on what a peer, a client, an upstream, a file or an
 * operator sent. A broken contract prints the expression, its place, the values or the state, a
 * backtrace by function names and the thread's last trace events (trace.h) on stderr, and aborts.
 */
#ifndef WEIR_NODE_BASE_CONTRACT_H
#define WEIR_NODE_BASE_CONTRACT_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_MUST_USE     __attribute__((warn_unused_result))
#define WEIR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WEIR_COLD         __attribute__((cold, noinline))
#define WEIR_LIKELY(x)    __builtin_expect(!!(x), 1)
#define WEIR_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define WEIR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define WEIR_CACHE_LINE   64

/** Where a contract stands in the source, and its text. Static: a site costs its caller no stack.
 */
struct weir_contract_site {
    const char *what;
    const char *file;
    const char *function;
    int line;
};

/** Print the broken contract and abort. Never returns. */
__attribute__((noreturn, cold)) void weir_contract_broken(const struct weir_contract_site *site);
/** The same with the two values that were compared. */
__attribute__((noreturn, cold)) void weir_contract_broken_cmp(const struct weir_contract_site *site,
                                                              uint64_t left, uint64_t right);
/** The same with the name of the state, and of the one that it was to move to (NULL: no move). */
__attribute__((noreturn, cold)) void
weir_contract_broken_state(const struct weir_contract_site *site, const char *state,
                           const char *to);

/**
 * From here on SIGSEGV, SIGBUS, SIGILL and SIGFPE print what a broken contract prints, and then end
 * the process as they would have without. Call it once at start; for the calling thread the report
 * has a stack of its own, so that it comes also after a stack overflow. Does nothing in a sanitizer
 * build, which has its own handlers.
 */
void weir_contract_install_handlers(void);

#define WEIR_CONTRACT_END(text, broken, ...)                                                       \
    do {                                                                                           \
        static const struct weir_contract_site site_ = { text, __FILE__, __func__, __LINE__ };     \
        broken(&site_, ##__VA_ARGS__);                                                             \
    } while (0)

#define WEIR_ASSERT(cond)                                                                          \
    do {                                                                                           \
        if (WEIR_UNLIKELY(!(cond)))                                                                \
            WEIR_CONTRACT_END(#cond, weir_contract_broken);                                        \
    } while (0)

/* Prints both values. They are read a second time when it is broken: without side effects. A local
 * copy of each would make a constant a variable and the comparison one of two signs. */
#define WEIR_ASSERT_CMP(a, op, b)                                                                  \
    do {                                                                                           \
        if (WEIR_UNLIKELY(!((a)op(b))))                                                            \
            WEIR_CONTRACT_END(#a " " #op " " #b, weir_contract_broken_cmp, (uint64_t)(a),          \
                              (uint64_t)(b));                                                      \
    } while (0)

/* Prints the state, a NUL-terminated name that is asked for only when the contract is broken. */
#define WEIR_ASSERT_STATE(cond, state)                                                             \
    do {                                                                                           \
        if (WEIR_UNLIKELY(!(cond)))                                                                \
            WEIR_CONTRACT_END(#cond, weir_contract_broken_state, (state), NULL);                   \
    } while (0)

/* The same for a move of a state machine: prints the names of both states. */
#define WEIR_ASSERT_MOVE(cond, from, to)                                                           \
    do {                                                                                           \
        if (WEIR_UNLIKELY(!(cond)))                                                                \
            WEIR_CONTRACT_END(#cond, weir_contract_broken_state, (from), (to));                    \
    } while (0)

#ifdef WEIR_DEBUG
#define WEIR_DCHECK(cond) WEIR_ASSERT(cond)
#else
#define WEIR_DCHECK(cond) ((void)sizeof(cond))
#endif

#define WEIR_UNREACHABLE() WEIR_CONTRACT_END("unreachable", weir_contract_broken)

/** The object of `type` whose `member` is at `ptr`. */
#define weir_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
