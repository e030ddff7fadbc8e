/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.h - the last events of each thread, in memory, always on. A broken contract and a fatal
 * signal print the ring of the thread they happen in; a debugger reads it from a core.
 * Owner: each thread its own ring; no other thread reads it.   Limits: WEIR_TRACE_EVENTS events.
 * Cost: below 3 ns an event; it has no clock of its own (rdtsc alone takes longer on many hosts).
 */
#ifndef WEIR_NODE_BASE_TRACE_H
#define WEIR_NODE_BASE_TRACE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_TRACE_EVENTS 64 /* a power of two */

struct weir_trace_event {
    const char *event; /* NULL: never written, or being written */
    uint64_t at_ms;    /* the thread's cached time; 0: this thread has never set it */
    uint64_t a;
    uint64_t b;
};

struct weir_trace_ring {
    struct weir_trace_event events[WEIR_TRACE_EVENTS];
    uint64_t num; /* events written since the thread began; the next goes to num % EVENTS */
    uint64_t now_ms;
};

/* Initial-exec: weir is linked into programs, never into a library that is loaded later. */
extern _Thread_local struct weir_trace_ring weir_trace_ring
    __attribute__((tls_model("initial-exec")));

/** The time that the calling thread's next events carry, in milliseconds of the monotonic clock. */
static inline void weir_trace_clock(uint64_t now_ms)
{
    weir_trace_ring.now_ms = now_ms;
}

/**
 * Write one event to the calling thread's ring over the oldest one.
 *
 * @param event  a string literal, "area.what_happened"; only the pointer is stored
 * @param a,b    two values of the caller's choice: an identity, a state, a length
 */
static inline void weir_trace(const char *event, uint64_t a, uint64_t b)
{
    struct weir_trace_ring *r = &weir_trace_ring;
    struct weir_trace_event *e = &r->events[r->num % WEIR_TRACE_EVENTS];

    /* A signal handler of this thread may read the ring between any two of these stores. */
    e->event = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    e->at_ms = r->now_ms;
    e->a = a;
    e->b = b;
    atomic_signal_fence(memory_order_seq_cst);
    e->event = event;
    r->num++;
}

/**
 * Write the calling thread's events to `fd`, one line each, oldest first. Async-signal-safe: no
 * allocation, no lock; errno is preserved. What cannot be written is lost.
 */
void weir_trace_dump(int fd);

#endif
