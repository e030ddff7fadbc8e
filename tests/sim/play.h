/* SPDX-License-Identifier: Apache-2.0
 *
 * play.h - random histories of the model: writes, pulls, purges, loss, doubled messages,
 * partitions, wipes, roll-backs, wrong clocks; then healing, and the oracle's finding. The seed,
 * the mutant and the regime determine all of it. Owner: one thread. Limits: WEIR_PLAY_NODES nodes,
 * WEIR_PLAY_KEYS keys, WEIR_PLAY_STEPS_MAX steps.
 */
#ifndef WEIR_TESTS_SIM_PLAY_H
#define WEIR_TESTS_SIM_PLAY_H

#include "tests/sim/oracle/history.h"
#include "tests/sim/model.h"

#define WEIR_PLAY_NODES     5
#define WEIR_PLAY_STEPS_MAX 500
#define WEIR_PLAY_AGES_MAX  3

/** How a history is drawn. */
struct weir_regime {
    const char *name;
    uint32_t steps; /* 1..WEIR_PLAY_STEPS_MAX */
    uint32_t num_keys;
    uint32_t chunk_most; /* records of the largest chunk of a pull; three of four bring 1, 1, 2 */
    uint32_t num_wipes;  /* of a thousand steps */
    uint32_t num_ages;
    int64_t ages_ms[WEIR_PLAY_AGES_MAX]; /* tombstones of one of these ages are purged */
};

/** Where a mutant shows. */
struct weir_mutant_trial {
    enum weir_mutant mutant;
    const char *regime; /* in which it was caught in the fewest seeds */
};

struct weir_play_result {
    struct weir_finding finding;
    uint64_t trace_hash; /* over every operation and the state it led to */
    uint32_t num_resets; /* of stale nodes (R6) */
};

struct weir_play;

/** NULL: no memory. The caller owns it. */
struct weir_play *weir_play_new(void);
/** Free and set NULL. */
void weir_play_free(struct weir_play **p);
/** One history from its seed to its finding. */
struct weir_play_result weir_play_run(struct weir_play *p, uint64_t seed, enum weir_mutant mutant,
                                      const struct weir_regime *regime);

/** NULL: no regime is called that. Static. */
const struct weir_regime *weir_regime_by_name(const char *name);
/** The trial of a mutant, or for WEIR_MUTANT_NONE that of the rules. Static. */
const struct weir_mutant_trial *weir_trial_of(enum weir_mutant mutant);

#endif
