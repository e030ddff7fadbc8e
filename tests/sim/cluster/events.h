/* SPDX-License-Identifier: Apache-2.0
 *
 * events.h - what a simulated cluster will do, and when: a binary heap by virtual time. Events of
 * one microsecond come out in the order in which they were added, so a run is the same everywhere.
 * Owner: one thread.   Limits: memory, which is asserted.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_EVENTS_H
#define WEIR_TESTS_SIM_CLUSTER_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"

/** Kinds and payload belong to the caller that adds the event. */
struct weir_sim_event {
    uint64_t at_us;
    uint64_t order; /* given by the heap: counts what was added */
    uint32_t kind;
    uint32_t subject;
    uint64_t arg;
};

/** Zero state: nothing will happen. */
struct weir_sim_events {
    struct weir_sim_event *heap; /* owns */
    size_t num;
    size_t cap;
    uint64_t num_added;
    uint64_t now_us; /* of the last event that came out */
};

/** Free; the heap is zero again. */
void weir_sim_events_deinit(struct weir_sim_events *e);
/** Add one. @param at_us  not before now_us (contract) */
void weir_sim_events_add(struct weir_sim_events *e, uint64_t at_us, uint32_t kind, uint32_t subject,
                         uint64_t arg);
/** When the next happens; UINT64_MAX: never. */
uint64_t weir_sim_events_next_us(const struct weir_sim_events *e);
/** Take the next out; now_us becomes its time. @return false: there is none */
bool weir_sim_events_next(struct weir_sim_events *e, struct weir_sim_event *ret);

#endif
