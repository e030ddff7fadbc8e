/* SPDX-License-Identifier: Apache-2.0
 *
 * backtrace.h - private to node/base/: the calling thread's stack by function names.
 * Limits: WEIR_BACKTRACE_MAX frames.
 */
#ifndef WEIR_NODE_BASE_INTERNAL_BACKTRACE_H
#define WEIR_NODE_BASE_INTERNAL_BACKTRACE_H

#define WEIR_BACKTRACE_MAX 64

/** Load what the first backtrace needs, so that a later one works from a broken heap. Any thread.
 */
void weir_backtrace_prepare(void);

/**
 * Write the calling thread's stack to `fd`, innermost first, one line a frame: number, function and
 * offset, and the address in the program file for addr2line. Names come from the program's symbol
 * table; static functions have theirs also in a build with link-time optimisation, unless they were
 * inlined. Does not allocate after weir_backtrace_prepare(); errno is not preserved.
 */
void weir_backtrace_write(int fd);

#endif
