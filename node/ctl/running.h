/* SPDX-License-Identifier: Apache-2.0
 *
 * running.h - the node that runs already with a node file, as another process sees it: the
 * process that serves its admin socket, and what it holds, by proc(5). Owner: the process of `weir
 * node
 * --check`.
 */
#ifndef WEIR_NODE_CTL_RUNNING_H
#define WEIR_NODE_CTL_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "node/base/addr.h"

struct weir_running {
    pid_t pid;      /* 0: none runs */
    bool can_read;  /* its descriptors may be read */
    ino_t *sockets; /* owns; the inodes of its sockets */
    size_t num_sockets;
};

/** The process that listens on a Unix socket, or 0. */
pid_t weir_running_pid_of(const char *socket_path);
/** The node that serves this admin socket, if one does. Deinit it in any case. */
void weir_running_find(const char *socket_path, struct weir_running *ret);
/** Whether it listens on this TCP address, or on one that overlaps it by a wildcard. */
bool weir_running_listens(const struct weir_running *r, const struct weir_addr *at);
/** Whether it has a file of this data folder open. */
bool weir_running_has_folder(const struct weir_running *r, const char *folder);
void weir_running_deinit(struct weir_running *r);

#endif
