/* SPDX-License-Identifier: Apache-2.0
 *
 * objects.h - the objects that a command line names: `tenant a b`, `tenant/a tenant/b` (what -o
 * name prints), and the documents of -f. One list, in the order given, each name once. Owner: the
 * main thread.   Limits: those of the command line and of source.h.
 */
#ifndef WEIR_NODE_CLI_OBJECTS_H
#define WEIR_NODE_CLI_OBJECTS_H

#include <stddef.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/hashmap.h"
#include "node/cli/command.h"

/** Tenants by name; the only kind that nodes store today. */
struct weir_objects {
    struct weir_arena arena;
    const char **items; /* owns the list; texts are the arena's or argv's */
    size_t len;
    size_t max; /* room */
    struct weir_hashmap seen;
};

/** Empty. Legal to deinit after it whatever it returns. @return WEIR_EXIT_OK | WEIR_EXIT_FAILED */
WEIR_MUST_USE enum weir_exit weir_objects_init(struct weir_objects *n, struct weir_cli *cli);
void weir_objects_deinit(struct weir_objects *n);

/**
 * Add a name that was not yet there; a second time changes nothing.
 *
 * @param name  copied
 * @return WEIR_EXIT_OK | WEIR_EXIT_FAILED (no memory): written
 */
WEIR_MUST_USE enum weir_exit weir_objects_add(struct weir_objects *n, struct weir_cli *cli,
                                              const char *name);
/**
 * Read the first `num_args` of cli->args: KIND NAME... and KIND/NAME..., in any order once the kind
 * is known. A kind alone gives an empty list.
 *
 * @return WEIR_EXIT_OK | WEIR_EXIT_USAGE (no such kind, no name of a tenant), WEIR_EXIT_FAILED:
 *         written
 */
WEIR_MUST_USE enum weir_exit weir_objects_read(struct weir_objects *n, struct weir_cli *cli,
                                               size_t num_args);
/** As weir_objects_read, and there must be exactly one. */
WEIR_MUST_USE enum weir_exit weir_objects_read_one(struct weir_objects *n, struct weir_cli *cli,
                                                   size_t num_args);
/** Add the names of the documents of -f, which must be valid. @return as weir_objects_read */
WEIR_MUST_USE enum weir_exit weir_objects_read_files(struct weir_objects *n, struct weir_cli *cli);

#endif
