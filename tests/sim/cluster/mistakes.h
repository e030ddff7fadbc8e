/* SPDX-License-Identifier: Apache-2.0
 *
 * mistakes.h - writes that no node may accept, whatever its state.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_MISTAKES_H
#define WEIR_TESTS_SIM_CLUSTER_MISTAKES_H

#include "sync/engine/engine.h"

enum weir_sim_mistake {
    WEIR_SIM_MISTAKE_CLASS, /* no such class */
    WEIR_SIM_MISTAKE_NO_KEY,
    WEIR_SIM_MISTAKE_KEY,      /* too long */
    WEIR_SIM_MISTAKE_VALUE,    /* too long */
    WEIR_SIM_MISTAKE_DELETE,   /* with a value */
    WEIR_SIM_MISTAKE_EXPIRES,  /* beyond all dates */
    WEIR_SIM_MISTAKE_BAN_OVER, /* it has expired */
    WEIR_SIM_MISTAKE_BAN_LONG, /* for more than a day */
    WEIR_SIM_MISTAKES,
};

/** Ask the engine for such a write. @return its response; WEIR_OK would be its mistake */
enum weir_err weir_sim_mistake_write(struct weir_engine *e, enum weir_sim_mistake what,
                                     uint64_t wall_ms);

#endif
