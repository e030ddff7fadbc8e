/* SPDX-License-Identifier: Apache-2.0
 *
 * members_twin.h - a second table of nodes, by the contract of sync/members/members.h: an array of
 * all nodes that there can be, named by their numbers, and whole walks over it. Node ids ascend
 * with the numbers.
 * Owner: one thread.   Limits: WEIR_TWIN_NODES nodes.
 */
#ifndef WEIR_TESTS_SIM_MODELS_MEMBERS_TWIN_H
#define WEIR_TESTS_SIM_MODELS_MEMBERS_TWIN_H

#include "sync/members/members.h"

#define WEIR_TWIN_NODES        72
#define WEIR_TWIN_INCARNATIONS 4
#define WEIR_TWIN_SENT         1024

/** One incarnation of a node that was heard. */
struct weir_twin_life {
    bool is_heard;
    unsigned incarnation;
    uint64_t first_us;
    uint64_t last_us;
    uint64_t n;
};

struct weir_twin_node {
    bool is_here;
    bool is_recorded;
    bool has_heartbeat;
    enum weir_member_state state;
    struct weir_members_item item; /* as the table must show it */
    uint64_t direct_us;
    struct weir_twin_life life[2];         /* the one that was heard first, and a second */
    uint64_t reported_us[WEIR_TWIN_NODES]; /* when each other heard it, at the latest */
    uint64_t n_us;                         /* when item.n was heard */
    uint64_t n_told;                       /* item.n when it was last reported */
    bool is_measured;
    uint64_t measured_us;
    int64_t offset_ms;
};

struct weir_twin {
    unsigned me;
    unsigned incarnation;
    uint16_t schema_max;
    uint64_t now_us;
    uint64_t wall_ms;
    uint64_t scan_us;
    unsigned factor;
    struct weir_twin_node node[WEIR_TWIN_NODES];
    unsigned told; /* the node that was reported last */
    size_t num_offsets;
    int64_t offset_ms[WEIR_TWIN_NODES]; /* of the last scan, ascending */
    size_t num_sent;
    struct {
        uint64_t n;
        uint64_t at_us;
    } sent[WEIR_TWIN_SENT];
};

/** Static memory, WEIR_NODE_ID_LEN bytes. */
const uint8_t *weir_twin_id(unsigned node);
/** Static memory, WEIR_INCARNATION_LEN bytes. */
const uint8_t *weir_twin_incarnation(unsigned incarnation);

/* -- inputs, as those of members.h -- */

/** Time, before other inputs; judges all when a scan is due. */
void weir_twin_tick(struct weir_twin *t, uint64_t now_us, uint64_t wall_ms);
/** A record that is valid. */
void weir_twin_put(struct weir_twin *t, unsigned node, const struct weir_member *rec);
/** The record was deleted. Absent: nothing happens. */
void weir_twin_remove(struct weir_twin *t, unsigned node);
/** `incarnation` is that of the heartbeat. @param ret_younger  written with DUPLICATE */
enum weir_members_admission weir_twin_heard(struct weir_twin *t, unsigned node,
                                            unsigned incarnation,
                                            const struct weir_members_heartbeat *heartbeat,
                                            unsigned *ret_younger);
/** The handshake is done. @param ret_younger  as above */
enum weir_members_admission weir_twin_link_up(struct weir_twin *t, unsigned node,
                                              unsigned incarnation, unsigned *ret_younger);
/** A link is down. */
void weir_twin_link_down(struct weir_twin *t, unsigned node);
/** `from` reports on `node`, which is the one of the echo. */
void weir_twin_vouched(struct weir_twin *t, unsigned from, unsigned node,
                       const struct weir_members_echo *echo);
/** At most WEIR_TWIN_SENT times (contract). */
void weir_twin_sent(struct weir_twin *t, uint64_t n);
/** @param node  whose heartbeat is echoed */
void weir_twin_echoed(struct weir_twin *t, unsigned from, unsigned node,
                      const struct weir_members_echo *echo, uint64_t wall_ms);

/* -- outputs -- */

/** The next that is to be reported. @return false: none */
bool weir_twin_digest_next(struct weir_twin *t, struct weir_members_echo *ret);
/** Nodes in one life. */
size_t weir_twin_count(const struct weir_twin *t, enum weir_members_life life);
/** Members that neither left nor were evicted. */
size_t weir_twin_joined(const struct weir_twin *t);

#endif
