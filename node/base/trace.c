/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.c - the rings, and how one is printed.
 */
#include "node/base/trace.h"

#include "node/base/internal/raw_text.h"

_Static_assert((WEIR_TRACE_EVENTS & (WEIR_TRACE_EVENTS - 1)) == 0, "the index is a mask");

_Thread_local struct weir_trace_ring weir_trace_ring;

static void write_event(const struct weir_trace_event *e, uint64_t number, int fd)
{
    struct weir_raw_text line = { .len = 0 };

    weir_raw_str(&line, "  ");
    weir_raw_num(&line, number, 10);
    weir_raw_str(&line, " at_ms=");
    weir_raw_num(&line, e->at_ms, 10);
    weir_raw_str(&line, " ");
    weir_raw_str(&line, e->event);
    weir_raw_str(&line, " a=");
    weir_raw_value(&line, e->a);
    weir_raw_str(&line, " b=");
    weir_raw_value(&line, e->b);
    weir_raw_write(&line, fd);
}

void weir_trace_dump(int fd)
{
    const struct weir_trace_ring *r = &weir_trace_ring;
    struct weir_raw_text head = { .len = 0 };
    uint64_t first = r->num < WEIR_TRACE_EVENTS ? 0 : r->num - WEIR_TRACE_EVENTS;

    weir_raw_str(&head, "trace of this thread, oldest first, ");
    weir_raw_num(&head, r->num - first, 10);
    weir_raw_str(&head, " of ");
    weir_raw_num(&head, r->num, 10);
    weir_raw_str(&head, " events, now_ms=");
    weir_raw_num(&head, r->now_ms, 10);
    weir_raw_write(&head, fd);
    for (uint64_t i = first; i < r->num; i++) {
        const struct weir_trace_event *e = &r->events[i % WEIR_TRACE_EVENTS];
        /* The oldest is missing while a signal interrupts the write over it. */
        if (e->event != NULL)
            write_event(e, i, fd);
    }
}
