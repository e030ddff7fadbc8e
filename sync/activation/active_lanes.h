/* SPDX-License-Identifier: Apache-2.0
 *
 * active_lanes.h - private to active_reports.c and active_lanes.c: the records that are not active,
 * by lane and number.
 */
#ifndef WEIR_SYNC_ACTIVATION_ACTIVE_LANES_H
#define WEIR_SYNC_ACTIVATION_ACTIVE_LANES_H

#include "sync/activation/active.h"

/* One record that is not active. */
struct active_hole {
    uint64_t seq;
    char *why; /* owns; NULL: none */
    enum weir_active_state state;
};

struct active_lane {
    uint8_t lane[WEIR_LANE_LEN];
    struct active_hole *hole; /* owns; ascending by seq; first..first+num-1 are used */
    size_t first;
    size_t num;
    size_t cap;
    uint64_t lost_from; /* the smallest seq that there was no room for; 0: none */
    uint64_t changed_us;
    bool is_unreported; /* changed since it was last reported */
    uint64_t round;     /* the round of weir_active_acks that last reported it */
};

/* What replaced a record in state REPLACED. */
struct active_replaced {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq;
    uint8_t by[WEIR_LANE_LEN];
    uint64_t by_seq;
};

struct weir_active {
    struct weir_active_config cfg;
    struct active_lane *lane; /* owns; ascending by name */
    size_t num_lanes;
    size_t cap_lanes;
    struct active_replaced *replaced; /* owns */
    size_t num_replaced;
    size_t cap_replaced;
    size_t count[WEIR_ACTIVE_NUM_STATES];
    size_t num_holes;
    size_t num_whys;
    uint64_t num_dropped;
    bool loading;
    bool blind; /* a record was lost and no lane could be made to note it in */
    bool lost;  /* a record was lost */
    uint64_t now_us;
    uint64_t round;
    uint8_t last_reported[WEIR_LANE_LEN]; /* the lane that was reported last */
};

/** The position of the first lane that is not below `lane`. */
size_t weir_active_lane_position(const struct weir_active *a, const uint8_t *lane);
/** NULL: nothing is known of it. */
struct active_lane *weir_active_lane_find(const struct weir_active *a, const uint8_t *lane);
/** The lane, made if it is missing, and reported again for a while. NULL: no memory, or too many.
 */
struct active_lane *weir_active_lane_repeat(struct weir_active *a, const uint8_t *lane);
/** The same, and reported before lanes that did not change. NULL: no memory, or too many. */
struct active_lane *weir_active_lane_touch(struct weir_active *a, const uint8_t *lane);
/** Drop lanes that have nothing to report or to remember. */
void weir_active_lanes_sweep(struct weir_active *a);
/** Drop all lanes and holes. */
void weir_active_lanes_reset(struct weir_active *a);

/** The record's hole, or NULL. Borrowed until a hole of its lane comes or goes. */
struct active_hole *weir_active_hole_find(const struct active_lane *l, uint64_t seq);
/** Add a record. There must be none of that number (contract). @return false: no room */
bool weir_active_hole_add(struct weir_active *a, struct active_lane *l, uint64_t seq,
                          enum weir_active_state state);
/** Remove the record's hole: it is active. */
void weir_active_hole_drop(struct weir_active *a, struct active_lane *l, struct active_hole *h);
/** The one place where a state changes. The move must be legal (contract). The reason of the old
 * state is dropped. */
void weir_active_hole_move(struct weir_active *a, struct active_hole *h,
                           enum weir_active_state state);

#endif
