/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - numbers for what has a long name: lanes, keys, dots. The first name that comes is 0,
 * the next new one 1, and so on, so that arrays can be indexed by them.
 * Owner: one thread.   Limits: 2^32 - 1 names; memory, which is asserted.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_NAMES_H
#define WEIR_TESTS_SIM_CLUSTER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"

#define WEIR_SIM_NO_NAME UINT32_MAX

/** Zero state: no names. */
struct weir_sim_names {
    uint8_t *bytes; /* owns; all names, one behind the other */
    size_t num_bytes;
    size_t cap_bytes;
    uint64_t *ends; /* owns; of each name, in bytes */
    uint32_t num;
    uint32_t cap;
    uint32_t *slots;    /* owns; number + 1, 0: free */
    uint32_t num_slots; /* a power of two, or 0 */
};

/** Free; there are no names again. */
void weir_sim_names_deinit(struct weir_sim_names *n);
/** The number of a name; a new one is added. The bytes are copied. */
uint32_t weir_sim_names_add(struct weir_sim_names *n, struct weir_span name);
/** @return WEIR_SIM_NO_NAME: it was never added */
uint32_t weir_sim_names_find(const struct weir_sim_names *n, struct weir_span name);
/** The name of a number that was given out (contract). Borrowed until the next add. */
struct weir_span weir_sim_names_at(const struct weir_sim_names *n, uint32_t number);

#endif
