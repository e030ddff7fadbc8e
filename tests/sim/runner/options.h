/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - values of options that the programs of this folder have in common. Pure.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_OPTIONS_H
#define WEIR_TESTS_SIM_RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/** A decimal number from `least` to `most`. @return whether it is one; *ret is written only then */
bool weir_sim_option_number(const char *text, uint64_t least, uint64_t most, uint32_t *ret);
/** "A..B", A not above B. @return whether it is; both are written only then */
bool weir_sim_option_seeds(const char *text, uint64_t *ret_first, uint64_t *ret_last);
/** "N": the seeds N..N. @return whether it is a number; both are written only then */
bool weir_sim_option_seed(const char *text, uint64_t *ret_first, uint64_t *ret_last);

#endif
