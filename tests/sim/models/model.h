/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - parts of the engine against simple models of them. Each run feeds random inputs, drawn
 * from its seed, to a part and to a second implementation of the part's contract that is as plain
 * and slow as it likes, and compares all that the contract promises. It shows what a cluster can
 * hide for long: that a limit is off by one, or that a field of no consequence is wrong.
 * Owner: one thread.   Limits: a model takes about a millisecond.
 */
#ifndef WEIR_TESTS_SIM_MODELS_MODEL_H
#define WEIR_TESTS_SIM_MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/rng.h"

/** One comparison: random numbers for its inputs, and the first claim that did not hold. */
struct weir_sim_exam {
    struct weir_rng rng;
    const char *claim; /* NULL: all hold so far */
    const char *file;
    unsigned line;
};

/** A part and how it is compared. */
struct weir_sim_model {
    const char *name;
    void (*compare)(struct weir_sim_exam *x);
};

/** Note a claim that does not hold. @return `holds` */
bool weir_sim_claim(struct weir_sim_exam *x, bool holds, const char *claim, const char *file,
                    unsigned line);
#define WEIR_SIM_CLAIM(exam, claim) weir_sim_claim((exam), (claim), #claim, __FILE__, __LINE__)

/** A number below `below`, which is above 0 (contract). */
static inline uint64_t weir_sim_draw(struct weir_sim_exam *x, uint64_t below)
{
    return weir_rng_below(&x->rng, below);
}
/** Is what a call must leave alone as it was, padding and all? */
bool weir_sim_is_untouched(const void *at, const void *before, size_t len);
/** Fill `len` bytes with random ones. */
void weir_sim_draw_bytes(struct weir_sim_exam *x, void *at, size_t len);

/**
 * From here to weir_sim_plenty one allocation may fail, of the first `most`; half of the times none
 * does. What fails with WEIR_ENOMEM must have done what its contract says.
 */
void weir_sim_scarce(struct weir_sim_exam *x, uint64_t most);
/** @return whether one has failed */
bool weir_sim_plenty(void);

/**
 * Compare each of a list.
 * @param ret  as weir_sim_models_hold
 * @return true: all claims hold
 */
bool weir_sim_exams_hold(const struct weir_sim_model *all, size_t num, uint64_t seed, char *ret,
                         size_t len);
/**
 * Compare every part.
 * @param ret  where the first claim that does not hold is written down, in words; "" if none
 * @return true: all hold
 */
bool weir_sim_models_hold(uint64_t seed, char *ret, size_t len);

/* -- the models -- */

/** sync/version/vector.h */
void weir_sim_model_vector(struct weir_sim_exam *x);
/** sync/frame/ack.h */
void weir_sim_model_ack(struct weir_sim_exam *x);
/** sync/activation/acks.h */
void weir_sim_model_acks(struct weir_sim_exam *x);
/** sync/activation/active.h */
void weir_sim_model_active(struct weir_sim_exam *x);
/** sync/members/overlay.h */
void weir_sim_model_overlay(struct weir_sim_exam *x);
/** sync/members/members.h */
void weir_sim_model_members(struct weir_sim_exam *x);
/** sync/members/members.h, full; with one seed of three. */
void weir_sim_model_members_limits(struct weir_sim_exam *x);
/** sync/frame/member.h */
void weir_sim_model_member(struct weir_sim_exam *x);
/** sync/frame/frame_scan.c: the bytes of a message */
void weir_sim_model_scan(struct weir_sim_exam *x);
/** sync/frame/frame.h: heads, and what must fit together in a message */
void weir_sim_model_frame(struct weir_sim_exam *x);
/** sync/frame/frame_bans.h */
void weir_sim_model_bans(struct weir_sim_exam *x);
/** sync/version/record.h */
void weir_sim_model_record(struct weir_sim_exam *x);
/** sync/version/sums.h */
void weir_sim_model_sums(struct weir_sim_exam *x);
/** sync/version/num.h, hlc.h and sorted.h */
void weir_sim_model_num(struct weir_sim_exam *x);

#endif
