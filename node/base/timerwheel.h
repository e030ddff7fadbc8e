/* SPDX-License-Identifier: Apache-2.0
 *
 * timerwheel.h - the deadlines of one worker: a hierarchical wheel, driven by `now`. It reads no
 * clock. Owner: one thread. Granularity 64 ms; a timer never fires early, at most one tick late.
 * Re-arming to a later time is O(1) and touches no list: the timer stays in its slot and is moved
 * when that slot is reached.
 */
#ifndef WEIR_NODE_BASE_TIMERWHEEL_H
#define WEIR_NODE_BASE_TIMERWHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/list.h"

#define WEIR_WHEEL_TICK_MS 64
#define WEIR_WHEEL_SLOTS   256
#define WEIR_WHEEL_LEVELS  4

struct weir_timer {
    struct weir_list link; /* self-linked when not armed */
    uint64_t deadline_ms;  /* 0 = off */
    uint32_t slot_tick;    /* the low bits of the tick of its slot, not after its deadline */
    bool shares_handler;   /* wheel->expired; otherwise it is part of a weir_deadline */
};

/** A timer that knows its handler. */
struct weir_deadline {
    struct weir_timer timer;
    void (*expired)(struct weir_deadline *d);
};

struct weir_wheel {
    struct weir_list slots[WEIR_WHEEL_LEVELS][WEIR_WHEEL_SLOTS];
    struct weir_list overdue; /* set to a time already past; expire at the next advance */
    struct weir_list reached; /* their slots were reached; wait for weir_wheel_pop */
    uint64_t tick;            /* ticks since the wheel's start that have been handled */
    uint64_t start_ms;
    uint64_t now_ms; /* of the last advance */
    uint64_t num_armed;
    void (*expired)(struct weir_timer *t); /* of the timers that share it; NULL: none does */
};

/** An empty wheel whose clock begins at now_ms. */
void weir_wheel_init(struct weir_wheel *w, uint64_t now_ms);
/** A timer that is off. */
void weir_timer_init(struct weir_timer *t);
/** The same for one of many timers with the same handler, which each of them need not know. A wheel
 * has one such handler (contract). */
void weir_timer_init_shared(struct weir_timer *t, struct weir_wheel *w,
                            void (*expired)(struct weir_timer *t));
/**
 * Arm or re-arm. @param deadline_ms absolute, on the wheel's clock; in the past fires at the next
 * advance.
 */
void weir_timer_set(struct weir_wheel *w, struct weir_timer *t, uint64_t deadline_ms);
/** Turn off; legal on a timer that is off. */
void weir_timer_stop(struct weir_wheel *w, struct weir_timer *t);
/**
 * Move the wheel on to now_ms. Then take the expired timers with weir_wheel_pop until it returns
 * NULL. A now_ms before the last one counts as the last one. A jump of any length costs at most one
 * pass over the slots; the timers are looked at when they are popped.
 */
void weir_wheel_advance(struct weir_wheel *w, uint64_t now_ms);
/**
 * The next expired timer, turned off, or NULL; in no particular order. Its handler may set or stop
 * any timer, itself included.
 */
struct weir_timer *weir_wheel_pop(struct weir_wheel *w);
/** The same with a bound. @param budget timers that may be looked at, expired or not; counted down.
 * When it comes to 0, there may be more: weir_wheel_has_reached. */
struct weir_timer *weir_wheel_pop_within(struct weir_wheel *w, uint32_t *budget);

/** Call the handler of a timer that was popped: the shared one, or that of its weir_deadline. */
void weir_timer_expire(struct weir_wheel *w, struct weir_timer *t);

/** Whether timers wait to be popped; not all of them must have expired. */
static inline bool weir_wheel_has_reached(const struct weir_wheel *w)
{
    return !weir_list_empty(&w->reached);
}

#endif
