/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_map.h - private to the schema: a tree becomes a message, by reflection; and back.
 * Reports errors that only the text shows: unknown keys, keys given twice, wrong types, numbers
 * that do not fit. Ranges, forms and all that a message alone shows are checked by schema_check.h.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_MAP_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_MAP_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "tenants/schema/schema_report.h"
#include "tenants/schema/schema_rules.h"
#include "tenants/schema/schema_tree.h"

/** How trees become messages. Owner: one call. */
struct weir_mapper {
    struct weir_report *report;
    struct weir_arena *arena; /* of the messages; all their texts are copied into it */
    bool lenient; /* weir's own JSON, maybe of a newer weir: unknown keys are left out */
};

/** Where a value goes. */
struct weir_slot {
    ProtobufCMessage *msg;
    const ProtobufCFieldDescriptor *field;
    const struct weir_rule *rule; /* NULL: none */
};

/**
 * A message from a map. What is wrong is reported, the rest is there; never NULL on WEIR_OK. Lists
 * keep their indices: an item that could not be read is empty.
 *
 * @param value  what is reported is marked in it
 * @param at     where in the document it is; NULL: it is the document
 * @return WEIR_OK (also when something was reported) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_map_message(struct weir_mapper *m,
                                             const ProtobufCMessageDescriptor *desc,
                                             struct weir_tree *value, const struct weir_trail *at,
                                             ProtobufCMessage **ret);
/**
 * A list of texts or messages, or a map, into its field, where it replaces what was there.
 * @return as weir_map_message
 */
WEIR_MUST_USE enum weir_err weir_map_items(struct weir_mapper *m, const struct weir_slot *slot,
                                           struct weir_tree *value, const struct weir_trail *at);
/**
 * A scalar into a field that is neither a list nor a message.
 * @return as weir_map_message
 */
WEIR_MUST_USE enum weir_err weir_map_scalar(struct weir_mapper *m, const struct weir_slot *slot,
                                            struct weir_tree *value, const struct weir_trail *at);
/**
 * A copy of a text as a field of this rule stores it: in its one spelling when it has the form of
 * the rule, else as it is. Reports what a C string cannot hold.
 * @param rule NULL: none @param ret never NULL on WEIR_OK @return as weir_map_message
 */
WEIR_MUST_USE enum weir_err weir_map_text(struct weir_mapper *m, const struct weir_rule *rule,
                                          struct weir_tree *value, const struct weir_trail *at,
                                          char **ret);

/**
 * The tree of a message: what the writers print. Fields that are not there are left out.
 * @param b  borrows the texts of the message   @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_unmap_message(struct weir_tree_builder *b,
                                               const ProtobufCMessage *m);
/** The fields alone, into the map opened last, which stays open. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_unmap_fields(struct weir_tree_builder *b,
                                              const ProtobufCMessage *m);

#endif
