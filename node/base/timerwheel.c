/* SPDX-License-Identifier: Apache-2.0
 *
 * timerwheel.c - four rings of 256 slots; ring n turns by one slot each 256^n ticks, and its slot
 * is then dealt out to the rings below. A timer sits in the slot of slot_ms; its deadline_ms may
 * have moved on since, which is read only when the slot is reached. That is what makes the
 * re-arming of an idle timeout on every read free.
 */
#include "node/base/timerwheel.h"

#include <stddef.h>

#include "node/base/contract.h"

#define SLOT_BITS 8
#define SLOT_MASK (WEIR_WHEEL_SLOTS - 1)
#define SPAN_MAX  (((uint64_t)1 << (SLOT_BITS * WEIR_WHEEL_LEVELS)) - 1) /* ticks; 8.7 years */

/* Above so many ticks at once (65 s) it is cheaper to deal out all timers anew than to turn the
 * rings. */
#define TURN_MAX ((uint64_t)WEIR_WHEEL_LEVELS * WEIR_WHEEL_SLOTS)

_Static_assert(WEIR_WHEEL_SLOTS == 1 << SLOT_BITS,
               "slots of a ring are selected by bits of the tick");

void weir_wheel_init(struct weir_wheel *w, uint64_t now_ms)
{
    for (size_t level = 0; level < WEIR_WHEEL_LEVELS; level++)
        for (size_t i = 0; i < WEIR_WHEEL_SLOTS; i++)
            weir_list_init(&w->slots[level][i]);
    weir_list_init(&w->overdue);
    weir_list_init(&w->expired);
    w->tick = 0;
    w->start_ms = now_ms;
    w->now_ms = now_ms;
    w->num_armed = 0;
}

void weir_timer_init(struct weir_timer *t)
{
    weir_list_init(&t->link);
    t->deadline_ms = 0;
    t->slot_ms = 0;
}

/* The first tick at which a timer of the future may fire; rounded up, for a timer is never early.
 */
static uint64_t tick_of(const struct weir_wheel *w, uint64_t deadline_ms)
{
    uint64_t after = deadline_ms - w->start_ms;
    return after / WEIR_WHEEL_TICK_MS + (after % WEIR_WHEEL_TICK_MS != 0);
}

/* Link a timer whose deadline is after now_ms into the ring whose span its distance fits. */
static void place_timer(struct weir_wheel *w, struct weir_timer *t)
{
    uint64_t tick = tick_of(w, t->deadline_ms);
    uint64_t ahead = tick - w->tick;
    unsigned level = 0;

    WEIR_DCHECK(tick > w->tick);
    t->slot_ms = t->deadline_ms;
    if (ahead > SPAN_MAX) {
        ahead = SPAN_MAX;
        tick = w->tick + SPAN_MAX;
        t->slot_ms = w->start_ms + tick * WEIR_WHEEL_TICK_MS;
    }
    while (ahead >> (SLOT_BITS * (level + 1)) != 0)
        level++;
    weir_list_append(&w->slots[level][tick >> (SLOT_BITS * level) & SLOT_MASK], &t->link);
}

void weir_timer_set(struct weir_wheel *w, struct weir_timer *t, uint64_t deadline_ms)
{
    if (deadline_ms == 0)
        deadline_ms = 1; /* 0 is the mark of a timer that is off */
    bool armed = t->deadline_ms != 0;
    t->deadline_ms = deadline_ms;
    if (armed && deadline_ms >= t->slot_ms)
        return;

    weir_list_remove(&t->link);
    if (!armed)
        w->num_armed++;
    if (deadline_ms > w->now_ms) {
        place_timer(w, t);
    } else {
        /* Not among the expired: a handler that sets a timer to now would never let the pop loop
         * end. */
        t->slot_ms = deadline_ms;
        weir_list_append(&w->overdue, &t->link);
    }
}

void weir_timer_stop(struct weir_wheel *w, struct weir_timer *t)
{
    if (t->deadline_ms == 0)
        return;
    WEIR_DCHECK(w->num_armed > 0);
    weir_list_remove(&t->link);
    t->deadline_ms = 0;
    w->num_armed--;
}

/* Move all nodes of `from` to the end of `to`. */
static void splice_lists(struct weir_list *to, struct weir_list *from)
{
    if (weir_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    weir_list_init(from);
}

/* Expire or place anew every timer of a list that is on no ring any more. */
static void distribute_timers(struct weir_wheel *w, struct weir_list *list)
{
    while (!weir_list_empty(list)) {
        struct weir_timer *t = weir_container_of(list->next, struct weir_timer, link);
        weir_list_remove(&t->link);
        if (t->deadline_ms <= w->now_ms)
            weir_list_append(&w->expired, &t->link);
        else
            place_timer(w, t);
    }
}

static void skip_to_tick(struct weir_wheel *w, uint64_t tick)
{
    struct weir_list all;

    weir_list_init(&all);
    for (size_t level = 0; level < WEIR_WHEEL_LEVELS; level++)
        for (size_t i = 0; i < WEIR_WHEEL_SLOTS; i++)
            splice_lists(&all, &w->slots[level][i]);
    w->tick = tick;
    distribute_timers(w, &all);
}

static void advance_one_tick(struct weir_wheel *w)
{
    struct weir_list up;

    w->tick++;
    weir_list_init(&up);
    for (unsigned level = 0; level < WEIR_WHEEL_LEVELS; level++) {
        splice_lists(&up, &w->slots[level][w->tick >> (SLOT_BITS * level) & SLOT_MASK]);
        if ((w->tick >> (SLOT_BITS * level) & SLOT_MASK) != 0)
            break;
    }
    distribute_timers(w, &up);
}

void weir_wheel_advance(struct weir_wheel *w, uint64_t now_ms)
{
    splice_lists(&w->expired, &w->overdue);
    if (now_ms <= w->now_ms)
        return;
    w->now_ms = now_ms;
    uint64_t tick = (now_ms - w->start_ms) / WEIR_WHEEL_TICK_MS;

    if (w->num_armed == 0)
        w->tick = tick;
    else if (tick - w->tick > TURN_MAX)
        skip_to_tick(w, tick);
    while (w->tick < tick)
        advance_one_tick(w);
}

struct weir_timer *weir_wheel_pop(struct weir_wheel *w)
{
    while (!weir_list_empty(&w->expired)) {
        struct weir_timer *t = weir_container_of(w->expired.next, struct weir_timer, link);
        weir_list_remove(&t->link);
        if (t->deadline_ms > w->now_ms) {
            place_timer(w, t); /* set to a later time since it expired */
            continue;
        }
        t->deadline_ms = 0;
        w->num_armed--;
        return t;
    }
    return NULL;
}
