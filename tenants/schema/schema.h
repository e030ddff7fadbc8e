/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.h - YAML and JSON in and out of the messages of proto/, by reflection over protobuf-c's
 * descriptors. All errors of a text are reported at once: file, line, column, field path,
 * value, allowed range, nearest name. One table (schema_rules.c) of ranges, units and defaults
 * drives the check, the messages and the reference page. Off the hot path; allocates; thread-safe
 * (no state).   Limits: 64 MiB a text, 16,384 documents, 200 diagnostics.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "tenants/schema/schema_diags.h"
#include "tenants/schema/schema_kind.h"
#include "weir/v1/node.pb-c.h"
#include "weir/v1/tenant.pb-c.h"

/** A place in a text. */
struct weir_place {
    uint32_t line, column; /* 1.. */
};

struct weir_doc {
    enum weir_kind kind;
    uint32_t line;
    /** Of a tenant: where each item of its hosts and its addresses stands; NULL when it has none.
     */
    const struct weir_place *hosts, *addresses;
    union {
        ProtobufCMessage *message;
        Weir__V1__Tenant *tenant;
        Weir__V1__Node *node;
        Weir__V1__CertificateDocument *certificate;
    };
};

/** Owns its messages, all in its arena: nothing is freed one by one. */
struct weir_docs {
    struct weir_arena arena;
    struct weir_doc *items;
    size_t len;
};
/** Allocates nothing. */
void weir_docs_init(struct weir_docs *d);
/** Free all documents; their messages must not be used after this. */
void weir_docs_deinit(struct weir_docs *d);

/**
 * What reads the files that a document names, before the document is checked: of each error page
 * that has a file and no body, and of authorities that have a file and no pem. Sets body or pem and
 * clears file; the texts that it sets outlive the documents.
 *
 * @return NULL, or what is wrong, for the message at `file`; copied before the next call
 */
struct weir_schema_files {
    const char *(*read_page)(void *arg, Weir__V1__ErrorPage *page);
    const char *(*read_ca)(void *arg, Weir__V1__Authorities *ca);
};

struct weir_schema_source {
    struct weir_span text;
    enum weir_format format;
    const char *file; /* for messages; NULL: none */
    /** When set: a document that has no apiVersion/kind is of this kind (the admin API); else both
     * are required. */
    const enum weir_kind *assume;
    const struct weir_schema_files *files; /* NULL: files are not read */
    void *files_arg;
};

/**
 * Read every document of a text, map it, and check it completely. A byte order mark in front is
 * skipped. A text without a document is an error when it is a file's.
 * @param docs   appended to; on WEIR_EINVAL it may hold the documents that were fine
 * @param diags  appended to
 * @return WEIR_OK | WEIR_EINVAL (see diags) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_schema_read(const struct weir_schema_source *src,
                                             struct weir_docs *docs, struct weir_diags *diags);

/** A document of one run, and the file that it came from. */
struct weir_run_doc {
    const char *file; /* "" when the text had none */
    struct weir_doc doc;
};
/**
 * Check what the tenants of one run claim from each other. A host or an address that two tenants
 * claim is an error at the later document. A host that lies under a wildcard of another tenant,
 * which does not list its tenant in allow_overlap, is a warning. Both name the other place. Tenants
 * of one name count as one tenant.
 *
 * @param docs   valid documents as weir_schema_read gives them, in the order of the run; those of
 *               other kinds are passed over
 * @param diags  appended to
 * @return WEIR_OK | WEIR_EINVAL (two claim the same, see diags) | WEIR_ENOMEM | WEIR_ELIMIT (more
 * claims than WEIR_OVERLAP_SET_MAX)
 */
WEIR_MUST_USE enum weir_err weir_schema_check_claims(const struct weir_run_doc *docs, size_t num,
                                                     struct weir_diags *diags);

/** Check a message that did not come from text (a record of a peer, a merged node file). Positions
 * are unknown. */
WEIR_MUST_USE enum weir_err weir_schema_check(enum weir_kind kind, const ProtobufCMessage *m,
                                              struct weir_diags *diags);

/** Canonical text: fields in schema order, values in their shortest unit, defaults as given.
 * Round-trips. */
WEIR_MUST_USE enum weir_err weir_schema_write(enum weir_kind kind, const ProtobufCMessage *m,
                                              enum weir_format format, struct weir_strbuf *out);

/** JSON of any message of proto/ (admin responses): proto3 JSON mapping, 64-bit numbers as JSON
 * numbers. */
WEIR_MUST_USE enum weir_err weir_schema_write_json(const ProtobufCMessage *m,
                                                   struct weir_strbuf *out);
/** The inverse, for messages that weir itself wrote (admin responses at the client); unknown keys
 * are ignored. In `arena`. */
WEIR_MUST_USE enum weir_err weir_schema_read_json(const ProtobufCMessageDescriptor *desc,
                                                  struct weir_span text, struct weir_arena *arena,
                                                  ProtobufCMessage **ret);

/** Field paths that a comparison found. */
struct weir_diff_paths {
    const char **items; /* room for `max`, the caller's; the texts are the arena's */
    size_t max;
    size_t len; /* found, at most max */
};
/**
 * Field paths in which two messages of one type (contract) differ, at most ret->max of them.
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_schema_diff(const ProtobufCMessage *a, const ProtobufCMessage *b,
                                             struct weir_arena *arena, struct weir_diff_paths *ret);

/** The reference page of a kind: every field, its type, range, unit, default, meaning. */
void weir_schema_help(enum weir_kind kind, struct weir_strbuf *out);
/**
 * One part of the reference: a field and all that is below it.
 *
 * @param path  "tenant", "tenant.routes", "tenant.upstreams.health", "node.limits.memory": the kind
 *              and the names of fields. An index ("routes[0]") and the key of a map
 *              ("upstreams.web.health") may stand in it.
 * @param out   appended to; unchanged when the path leads nowhere
 * @param why   appended to when the path leads nowhere: `"rutes" is no field of tenant, did you
 * mean "tenant.routes"?`
 * @return WEIR_OK | WEIR_ENOTFOUND: see why. Both buffers: check failed
 */
WEIR_MUST_USE enum weir_err weir_schema_help_path(struct weir_span path, struct weir_strbuf *out,
                                                  struct weir_strbuf *why);

/**
 * The names of the fields right below a path, a line each.
 *
 * @param path  as of weir_schema_help_path
 * @return WEIR_OK | WEIR_ENOTFOUND: the path leads nowhere. out: check failed
 */
WEIR_MUST_USE enum weir_err weir_schema_help_fields(struct weir_span path, struct weir_strbuf *out);

/** WEIR_<PATH> variables override fields of a node message before it is checked. @param env as
 * environ(7) */
WEIR_MUST_USE enum weir_err weir_schema_node_env(Weir__V1__Node *node, const char *const *env,
                                                 struct weir_arena *arena,
                                                 struct weir_diags *diags);

/**
 * Whether an error page, or the authorities of an upstream, name a file that was not read yet: body
 * or pem is not set. The reader of the file sets it and clears file: there is one or the other.
 */
bool weir_schema_has_unread_files(const Weir__V1__Tenant *t);
/** The same of the authorities of clients. */
bool weir_schema_has_unread_client_ca(const Weir__V1__Tenant *t);
/** The same of one upstream. @param u NULL is legal */
bool weir_schema_has_unread_ca(const Weir__V1__Upstream *u);

/**
 * Whether a text is an address or a network, such as "10.0.0.0/8".
 *
 * @param why  appended to when it is not: the end of a sentence after the value, `has bits set
 *             behind the prefix, did you mean "10.0.0.0/8"?`; check failed
 * @return WEIR_OK | WEIR_EINVAL
 */
WEIR_MUST_USE enum weir_err weir_schema_check_prefix(struct weir_span text,
                                                     struct weir_strbuf *why);
/** An address to listen on: as weir_addr_parse, and port 0 means any free one. @return WEIR_OK |
 * WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_schema_parse_listen(struct weir_span text, struct weir_addr *ret);

/** Single values, as files write them. @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_schema_parse_duration(struct weir_span text, uint64_t *ret_ms);
WEIR_MUST_USE enum weir_err weir_schema_parse_size(struct weir_span text, uint64_t *ret_bytes);

#endif
