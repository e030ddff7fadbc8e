/* SPDX-License-Identifier: Apache-2.0
 *
 * diff.h - the difference of two texts by lines, in the unified form. Pure; allocates.
 * Limits: WEIR_DIFF_LINES_MAX lines a text. The shortest difference is found up to
 * WEIR_DIFF_CHANGES_MAX changed lines between the common beginning and end; texts further apart are
 * shown as one replaced block, which is right as well, only longer.
 * Ref: E. W. Myers, An O(ND) difference algorithm and its variations (1986).
 */
#ifndef WEIR_NODE_CLI_TEXT_DIFF_H
#define WEIR_NODE_CLI_TEXT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"

#define WEIR_DIFF_LINES_MAX   1000000
#define WEIR_DIFF_CHANGES_MAX 2000
#define WEIR_DIFF_AROUND      3 /* unchanged lines shown around a change */

/**
 * Append what turns `before` into `after`, as `diff -u` prints it; nothing when they are equal.
 *
 * @param names       what stands behind "---" and behind "+++"
 * @param ret_differ   written on success
 * @return WEIR_OK | WEIR_ELIMIT (too many lines) | WEIR_ENOMEM; `out` may then hold a part
 */
WEIR_MUST_USE enum weir_err weir_diff_unified(struct weir_span before, struct weir_span after,
                                              const char *const names[2], struct weir_strbuf *out,
                                              bool *ret_differ);

#endif
