/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_check.h - private to the schema: the complete check of a message, wherever it came from.
 * First each field by its rule (schema_check.c), then fields against each other (schema_cross.c,
 * schema_redirects.c). A record of a peer may hold any bytes and any counts; none of it is trusted.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_CHECK_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "tenants/schema/schema_kind.h"
#include "tenants/schema/schema_report.h"
#include "tenants/schema/schema_rules.h"
#include "weir/v1/node.pb-c.h"
#include "weir/v1/tenant.pb-c.h"

/** One check. Owner: one call. */
struct weir_checker {
    struct weir_report *report;
    struct weir_arena *scratch;
    bool failed; /* no memory: the errors that were found are not all */
};

/** Check a message of a kind completely. @param m its descriptor is the kind's
 * (contract) */
void weir_check_document(struct weir_checker *c, enum weir_kind kind, const ProtobufCMessage *m);
/** Check a message and what is in it, field by field. @param at NULL: the document */
void weir_check_message(struct weir_checker *c, const ProtobufCMessage *m,
                        const struct weir_trail *at);
/** Check one field by its rule. */
void weir_check_field(struct weir_checker *c, const ProtobufCMessage *m,
                      const ProtobufCFieldDescriptor *f, const struct weir_rule *rule,
                      const struct weir_trail *at);

/** Check fields of a tenant against each other. */
void weir_check_tenant(struct weir_checker *c, const Weir__V1__Tenant *t);
/** Check fields of a node against each other. */
void weir_check_node(struct weir_checker *c, const Weir__V1__Node *n);
/** Check for redirects of the same requests, and for those that lead to themselves. */
void weir_check_redirects(struct weir_checker *c, const Weir__V1__Tenant *t);

/** Check what an upstream says of TLS. @param upstream  its place */
void weir_check_upstream_tls(struct weir_checker *c, const Weir__V1__Upstream *u,
                             const struct weir_trail *upstream);
/** Checks who may vouch for clients. @param tls  where the tenant's tls stands */
void weir_check_client_certificates(struct weir_checker *c,
                                    const Weir__V1__ClientCertificates *from,
                                    const struct weir_trail *tls);

/** Whether a key is refused whatever its value. @param rule NULL: none */
bool weir_check_is_refused(const struct weir_rule *rule);
/** "0..65535", "10ms..10m", or the choices; empty when there is no range. @param rule NULL: none */
struct weir_shown weir_check_range(const struct weir_rule *rule);
/** "round_robin, ip_hash" */
struct weir_shown weir_check_enum_names(const ProtobufCFieldDescriptor *f);

/** Texts and where they stand, to find those that are there twice. */
struct weir_names {
    struct weir_named {
        struct weir_span text;
        size_t index;
    } * items;
    size_t num;
    size_t max;
};

/** Room for `max` names; on failure c->failed is set and there is room for none. */
struct weir_names weir_names_make(struct weir_checker *c, size_t max);
/** Add a text, borrowed; one that does not fit is left out. */
void weir_names_add(struct weir_names *n, struct weir_span text, size_t index);
/** As weir_names_add, a copy in lower case. */
void weir_names_add_lower(struct weir_checker *c, struct weir_names *n, struct weir_span text,
                          size_t index);
/** By text, then by index. */
void weir_names_sort(struct weir_names *n);
/** Whether a text is among them; they are sorted. */
bool weir_names_have(const struct weir_names *n, struct weir_span text);
/**
 * Walk over those that are there twice: start with *pos = 0; NULL at the end; *ret_first is the
 * index of the first of the same text. They are sorted.
 */
const struct weir_named *weir_names_twice(const struct weir_names *n, size_t *pos,
                                          size_t *ret_first);

#endif
