/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h - `weir node`: start in order, serve, drain, stop in order. The control thread's loop
 * runs in here. Exit codes: `weir node --help`.
 */
#ifndef WEIR_NODE_CTL_CONTROL_H
#define WEIR_NODE_CTL_CONTROL_H

#include <stdbool.h>

struct weir_control_options {
    const char *config;     /* the node file, or NULL: the environment alone */
    bool check;             /* check the file and the host, then end */
    const char *const *env; /* as environ(7) */
};

/** @return 0: ended by its operator, or everything is right (check) · 1: could not start, or
 * something is wrong (check) */
int weir_control_run(const struct weir_control_options *o);

/** The arguments of `weir node`, argv[0] being "node". @return as weir_control_run, or 2: usage */
int weir_control_main(int argc, char **argv);

#endif
