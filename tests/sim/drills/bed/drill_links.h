/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_links.h - private to tests/sim/drills/: what drills of links, members and lives have in
 * common. They look into the engine where its outputs do not show a mark that it made.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_LINKS_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_LINKS_H

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill.h"

#define WEIR_DRILL_SECOND UINT64_C(1000000)

static inline struct engine_link *weir_drill_link(const struct weir_drill *d, uint32_t link)
{
    return d->e->links[link];
}
/** What the engine may still write on. */
static inline const uint8_t *weir_drill_own(const struct weir_drill *d, enum weir_group g)
{
    return d->e->group[g].meta.lane;
}

/** The next start is one of a store with these rows, which a bootstrap has completed. */
void weir_drill_fill(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *rows,
                     size_t num);
/** Records of class MEMBER of the engine and of the peers with a bit here, written and loaded. */
void weir_drill_join(struct weir_drill *d, unsigned peers);
/** A heartbeat of a peer that has what the engine has. @param state  as in the message */
void weir_drill_beat(struct weir_drill *d, uint32_t link, uint32_t state);
/** Each pull that the last action asked of the peer is completed, without records. */
void weir_drill_respond(struct weir_drill *d, uint32_t link);
/** Meet, and respond to its first pulls; then a second passes, in which the last Hello goes out. */
void weir_drill_settle(struct weir_drill *d, uint32_t link);
/** Either. */
enum weir_group weir_drill_draw_group(struct weir_drill *d);
/** Was this link cut off in the last action, and no other, with one alarm? */
bool weir_drill_is_cut(const struct weir_drill *d, uint32_t link, enum weir_alarm alarm);
/** The nth Hello to a link of the last action, or NULL. */
const Weir__V1__Hello *weir_drill_hello_to(const struct weir_drill *d, uint32_t link, size_t nth);
size_t weir_drill_num_hellos(const struct weir_drill *d, uint32_t link);
/** Pulls of a group that the last action asked of a link. */
size_t weir_drill_num_pulls(const struct weir_drill *d, uint32_t link, enum weir_group g);

#endif
