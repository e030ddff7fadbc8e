/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_rules.h - private to the schema: the one table of ranges, units, defaults, spellings and
 * meanings. Check, messages, text forms and the reference page all read it. A field of proto/
 * without a row here fails a test. A feature that is not there yet is a row with `refused`; it
 * comes by clearing that.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_RULES_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "node/base/span.h"
#include "tenants/schema/schema_form.h"
#include "tenants/schema/schema_kind.h"
#include "tenants/schema/schema_unit.h"

#define WEIR_REFUSED_WHOLE "*" /* in weir_rule.refused: the key, whatever its value */

#define WEIR_ERROR_PAGES_BYTES_MAX 262144 /* bodies of all pages of a tenant */
#define WEIR_NOT_SUPPORTED         "not supported by this version"

struct weir_rule {
    const char *field; /* as in proto/ */
    const char *help;  /* what it means; one or two lines */
    uint64_t min, max; /* of a number: its value; of a text: its bytes. max 0: a boolean or a map */
    uint64_t preset;   /* default of a number, when has_preset */
    const char *preset_text; /* default of anything else, or what is done without it */
    const char *refused; /* not there yet: WEIR_REFUSED_WHOLE, or the one value; NULL: supported */
    const char *const *choices; /* of a text or a number: all that is allowed, NULL at the end */
    const char *key_name;       /* of a map: what its keys are called on the reference page */
    uint32_t num_min, num_max;  /* of a list or a map: its items */
    enum weir_unit unit;
    enum weir_form form;     /* of a text, of the items of a list, of the values of a map */
    enum weir_form key_form; /* of the keys of a map */
    bool required;
    bool unique; /* of a list: no item twice */
    bool has_preset;
    bool hidden; /* has no key: another spelling stands for it */
};

/** The rules of one message, in the order of its fields. */
struct weir_rule_set {
    const ProtobufCMessageDescriptor *message;
    const struct weir_rule *rules;
    size_t num;
};

#define WEIR_RULES_CERTIFICATE         7
#define WEIR_RULES_CLIENT_CERTIFICATES 2
#define WEIR_RULES_AUTHORITIES         2
extern const struct weir_rule weir_rules_certificate[WEIR_RULES_CERTIFICATE];
extern const struct weir_rule weir_rules_client_certificates[WEIR_RULES_CLIENT_CERTIFICATES];
extern const struct weir_rule weir_rules_authorities[WEIR_RULES_AUTHORITIES];

/** All sets; the first is Tenant's. */
const struct weir_rule_set *weir_rules_all(size_t *ret_num);
/** The set of a message; NULL: it is no part of a tenant or node file. */
const struct weir_rule_set *weir_rules_of(const ProtobufCMessageDescriptor *message);
/** The rule of a field of the set's message. */
const struct weir_rule *weir_rules_field(const struct weir_rule_set *set,
                                         const ProtobufCFieldDescriptor *field);
/** The message of a kind. */
const ProtobufCMessageDescriptor *weir_rules_message(enum weir_kind kind);
/** "Tenant" or "Node". */
const char *weir_rules_kind_name(enum weir_kind kind);

#endif
