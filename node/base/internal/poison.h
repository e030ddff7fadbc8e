/* SPDX-License-Identifier: Apache-2.0
 *
 * poison.h - private to node/base/: reports to AddressSanitizer which bytes of an arena or a pool
 * are not in use. Without the sanitizer it does nothing.
 */
#ifndef WEIR_NODE_BASE_INTERNAL_POISON_H
#define WEIR_NODE_BASE_INTERNAL_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_HAS_ASAN 1
#endif
#endif

#ifdef WEIR_HAS_ASAN
#include <sanitizer/asan_interface.h>
#define weir_poison(at, len)   ASAN_POISON_MEMORY_REGION((at), (len))
#define weir_unpoison(at, len) ASAN_UNPOISON_MEMORY_REGION((at), (len))
#else
#define weir_poison(at, len)   ((void)(at), (void)(len))
#define weir_unpoison(at, len) ((void)(at), (void)(len))
#endif

#endif
