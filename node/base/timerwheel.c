/* SPDX-License-Identifier: Apache-2.0
 *
 * timerwheel.c - four rings of 256 slots; ring n turns by one slot each 256^n ticks, and its slot
 * is then reached: its timers wait in one list, and each is dealt out or expires when it is popped.
 * A timer sits in the slot of slot_tick; its deadline_ms may have moved on since, which is read
 * only when the slot is reached. That is what makes the re-arming of an idle timeout on every read
 * free.
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
    weir_list_init(&w->reached);
    w->tick = 0;
    w->start_ms = now_ms;
    w->now_ms = now_ms;
    w->num_armed = 0;
    w->expired = NULL;
}

void weir_timer_init(struct weir_timer *t)
{
    weir_list_init(&t->link);
    t->deadline_ms = 0;
    t->slot_tick = 0;
    t->shares_handler = false;
}

void weir_timer_init_shared(struct weir_timer *t, struct weir_wheel *w,
                            void (*expired)(struct weir_timer *t))
{
    WEIR_ASSERT(w->expired == NULL || w->expired == expired);
    w->expired = expired;
    weir_timer_init(t);
    t->shares_handler = true;
}

void weir_timer_expire(struct weir_wheel *w, struct weir_timer *t)
{
    if (t->shares_handler) {
        w->expired(t);
    } else {
        struct weir_deadline *d = weir_container_of(t, struct weir_deadline, timer);
        d->expired(d);
    }
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
    if (ahead > SPAN_MAX) {
        ahead = SPAN_MAX;
        tick = w->tick + SPAN_MAX;
    }
    t->slot_tick = (uint32_t)tick;
    while (ahead >> (SLOT_BITS * (level + 1)) != 0)
        level++;
    weir_list_append(&w->slots[level][tick >> (SLOT_BITS * level) & SLOT_MASK], &t->link);
}

/* Whether an armed timer may stay where it is: its slot is reached before the new deadline. A slot
 * that was reached a while ago looks far away, and then the timer is placed anew. */
static bool may_stay(const struct weir_wheel *w, const struct weir_timer *t, uint64_t deadline_ms)
{
    _Static_assert(SPAN_MAX <= UINT32_MAX, "the distance of a slot has 32 bits");
    return deadline_ms > w->now_ms &&
           tick_of(w, deadline_ms) - w->tick >= (uint32_t)(t->slot_tick - (uint32_t)w->tick);
}

void weir_timer_set(struct weir_wheel *w, struct weir_timer *t, uint64_t deadline_ms)
{
    if (deadline_ms == 0)
        deadline_ms = 1; /* 0 is the mark of a timer that is off */
    bool armed = t->deadline_ms != 0;
    t->deadline_ms = deadline_ms;
    if (armed && may_stay(w, t, deadline_ms))
        return;

    weir_list_remove(&t->link);
    if (!armed)
        w->num_armed++;
    if (deadline_ms > w->now_ms) {
        place_timer(w, t);
    } else {
        /* Not among the expired: a handler that sets a timer to now would never let the pop loop
         * end. */
        t->slot_tick = (uint32_t)w->tick;
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

static void skip_to_tick(struct weir_wheel *w, uint64_t tick)
{
    for (size_t level = 0; level < WEIR_WHEEL_LEVELS; level++)
        for (size_t i = 0; i < WEIR_WHEEL_SLOTS; i++)
            weir_list_append_all(&w->reached, &w->slots[level][i]);
    w->tick = tick;
}

static void advance_one_tick(struct weir_wheel *w)
{
    w->tick++;
    for (unsigned level = 0; level < WEIR_WHEEL_LEVELS; level++) {
        weir_list_append_all(&w->reached,
                             &w->slots[level][w->tick >> (SLOT_BITS * level) & SLOT_MASK]);
        if ((w->tick >> (SLOT_BITS * level) & SLOT_MASK) != 0)
            break;
    }
}

void weir_wheel_advance(struct weir_wheel *w, uint64_t now_ms)
{
    weir_list_append_all(&w->reached, &w->overdue);
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

struct weir_timer *weir_wheel_pop_within(struct weir_wheel *w, uint32_t *budget)
{
    for (; *budget > 0 && !weir_list_empty(&w->reached); --*budget) {
        struct weir_timer *t = weir_container_of(w->reached.next, struct weir_timer, link);
        weir_list_remove(&t->link);
        if (t->deadline_ms > w->now_ms) {
            place_timer(w, t); /* of a ring above, or set to a later time */
            continue;
        }
        t->deadline_ms = 0;
        w->num_armed--;
        --*budget;
        return t;
    }
    return NULL;
}

struct weir_timer *weir_wheel_pop(struct weir_wheel *w)
{
    struct weir_timer *t = NULL;
    while (t == NULL && !weir_list_empty(&w->reached)) {
        uint32_t budget = UINT32_MAX;
        t = weir_wheel_pop_within(w, &budget);
    }
    return t;
}
