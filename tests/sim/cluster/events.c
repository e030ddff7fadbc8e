/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c - the heap of what will happen.
 */
#include "tests/sim/cluster/events.h"

#include <stdlib.h>

#define CAP_FIRST 256

void weir_sim_events_deinit(struct weir_sim_events *e)
{
    free(e->heap);
    *e = (struct weir_sim_events){ 0 };
}

static bool is_before(const struct weir_sim_event *a, const struct weir_sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void grow(struct weir_sim_events *e)
{
    if (e->num < e->cap)
        return;
    size_t cap = e->cap == 0 ? CAP_FIRST : 2 * e->cap;
    struct weir_sim_event *heap = realloc(e->heap, cap * sizeof(*heap));
    WEIR_ASSERT(heap != NULL);
    e->heap = heap;
    e->cap = cap;
}

void weir_sim_events_add(struct weir_sim_events *e, uint64_t at_us, uint32_t kind, uint32_t subject,
                         uint64_t arg)
{
    struct weir_sim_event event = { at_us, e->num_added, kind, subject, arg };

    WEIR_ASSERT(at_us >= e->now_us);
    grow(e);
    e->num_added++;
    size_t at = e->num++;
    while (at > 0 && is_before(&event, &e->heap[(at - 1) / 2])) {
        e->heap[at] = e->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    e->heap[at] = event;
}

uint64_t weir_sim_events_next_us(const struct weir_sim_events *e)
{
    return e->num == 0 ? UINT64_MAX : e->heap[0].at_us;
}

/* Let the last event sink from the top to its place. */
static void sink_last(struct weir_sim_events *e)
{
    struct weir_sim_event last = e->heap[e->num];
    size_t at = 0;

    for (size_t child = 1; child < e->num; child = 2 * at + 1) {
        if (child + 1 < e->num && is_before(&e->heap[child + 1], &e->heap[child]))
            child++;
        if (!is_before(&e->heap[child], &last))
            break;
        e->heap[at] = e->heap[child];
        at = child;
    }
    e->heap[at] = last;
}

bool weir_sim_events_next(struct weir_sim_events *e, struct weir_sim_event *ret)
{
    if (e->num == 0)
        return false;
    *ret = e->heap[0];
    WEIR_ASSERT(ret->at_us >= e->now_us);
    e->now_us = ret->at_us;
    e->num--;
    if (e->num > 0)
        sink_last(e);
    return true;
}
