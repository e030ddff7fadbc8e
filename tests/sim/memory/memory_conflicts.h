/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_conflicts.h - private to tests/sim/memory/: the conflicts of a store in memory, by number
 * and by loser. Nothing here fails but new and copy.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_CONFLICTS_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_CONFLICTS_H

#include "tests/sim/memory/memory_struct.h"

struct memory_conflict {
    struct memory_link by_number; /* of noting */
    struct memory_link by_loser;
    uint64_t noted_ms;
    struct weir_version winner;
    struct memory_record *loser; /* owns */
};

/** Trees with their ties. */
void memory_conflicts_init(struct weir_memory *m);
/** Free all; there are none then. */
void memory_conflicts_deinit(struct weir_memory *m);
/** Is this loser in the list? */
bool memory_conflict_is_listed(const struct weir_memory *m, const struct weir_record *loser);
/** A conflict of its own, in no tree. NULL: no memory. */
struct memory_conflict *memory_conflict_new(const struct weir_memory *m,
                                            const struct weir_conflict *c);
/** A copy under its number, in no tree. NULL: no memory. */
struct memory_conflict *memory_conflict_copy(const struct memory_conflict *c);
/** Into the trees. */
void memory_conflict_add(struct weir_memory *m, struct memory_conflict *c, uint64_t number);
/** Out of the trees. */
void memory_conflict_remove(struct weir_memory *m, struct memory_conflict *c);
/** The first behind a number, or NULL. */
struct memory_conflict *memory_conflict_above(const struct weir_memory *m, uint64_t number);
/** The one at a place below their number, quickly for one place behind the other. */
struct memory_conflict *memory_conflict_at(struct weir_memory *m, uint64_t at);
/** Accepts NULL. */
void memory_conflict_free(struct memory_conflict *c);
/** As record_store.h shows it. @param bytes  the loser's, or a copy of them; borrowed by ret */
void memory_conflict_show(const struct memory_conflict *c, const struct weir_record_context *bytes,
                          struct weir_conflict *ret);

#endif
