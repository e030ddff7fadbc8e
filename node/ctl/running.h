/* SPDX-License-Identifier: Apache-2.0
 *
 * running.h - the node that runs already with a node file, as another process sees it: the
 * process that serves its admin socket, what it holds, by proc(5), and what it reports of itself.
 * Owner: the process of `weir node --check`.
 */
#ifndef WEIR_NODE_CTL_RUNNING_H
#define WEIR_NODE_CTL_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "node/base/addr.h"

#define WEIR_RUNNING_NAME_SIZE 256 /* bytes of a node's name with its NUL; a longer one is cut */

/** What a running node reports of itself. */
struct weir_running_report {
    char name[WEIR_RUNNING_NAME_SIZE];
    uint32_t num_workers;
    bool is_draining;
};

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
/**
 * Ask a node for its status over its admin socket. Waits at most 2 s.
 * @return WEIR_OK | WEIR_ETIMEOUT | WEIR_EIO | WEIR_EPROTO (no status of a node) | WEIR_ENOMEM; on
 * these *ret is unchanged
 */
WEIR_MUST_USE enum weir_err weir_running_ask(const char *socket_path,
                                             struct weir_running_report *ret);
/** Whether it listens on this TCP address, or on one that overlaps it by a wildcard. */
bool weir_running_listens(const struct weir_running *r, const struct weir_addr *at);
/** Whether it has a file of this data folder open. */
bool weir_running_has_folder(const struct weir_running *r, const char *folder);
void weir_running_deinit(struct weir_running *r);

#endif
