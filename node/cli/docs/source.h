/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h - the documents that the user's files and folders hold, all read and checked before
 * anything is done with one of them; what is wrong is reported for all files at once,
 * and what is wrong in the same way in many documents once, with their number.
 * Owner: the main thread.
 * Limits: WEIR_SOURCE_TEXT_MAX a file, WEIR_SOURCE_FILES_MAX files, WEIR_SOURCE_DOCS_MAX documents.
 */
#ifndef WEIR_NODE_CLI_DOCS_SOURCE_H
#define WEIR_NODE_CLI_DOCS_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/strbuf.h"
#include "node/cli/command.h"
#include "node/cli/docs/visited.h"
#include "tenants/schema/schema.h"

#define WEIR_SOURCE_TEXT_MAX  (64u << 20) /* bytes; as the schema's */
#define WEIR_SOURCE_FILES_MAX 1000000
#define WEIR_SOURCE_DOCS_MAX  1000000
#define WEIR_SOURCE_DEPTH_MAX 32  /* folders within folders */
#define WEIR_SOURCE_SHOWN_MAX 200 /* errors written; the others are counted */

/** One document and where it stands. */
struct weir_source_doc {
    enum weir_kind kind;
    uint32_t line;
    const struct weir_place *hosts, *addresses; /* as in struct weir_doc */
    const char *file; /* as the user named it, or below the folder that the user named */
    union {
        ProtobufCMessage *message;
        Weir__V1__Tenant *tenant;
    };
};

struct weir_source_group;

struct weir_source {
    struct weir_cli *cli;
    struct weir_arena arena;          /* paths, bodies of error pages */
    struct weir_source_group *groups; /* owns; where the messages live, the newest first */
    struct weir_source_doc *docs;     /* owns; in the order of files and of documents in them */
    size_t num_docs;
    size_t max_docs; /* room */
    size_t num_files;
    struct weir_visited visited; /* folders */
    struct weir_diags diags;
    struct weir_strbuf errors; /* what is wrong beyond the texts themselves, a line each */
    size_t num_errors;
    bool names_only; /* set before reading: files of error pages are not read */
};

/** Nothing is read yet. */
void weir_source_init(struct weir_source *s, struct weir_cli *cli);
void weir_source_deinit(struct weir_source *s);

/**
 * Read everything that -f names, with the files of error pages copied into the documents of
 * tenants: those below the document's folder and below --allow-files. Refuse a tenant that is
 * described twice.
 *
 * @param tenants_only  refuse documents of kind Node
 * @return WEIR_EXIT_OK: there is at least one document, and all are good
 *       | WEIR_EXIT_FAILED, WEIR_EXIT_USAGE: written
 */
WEIR_MUST_USE enum weir_exit weir_source_read(struct weir_source *s, bool tenants_only);

/** Report something wrong at a document: `FILE:LINE:1: ...`. It makes weir_source_read fail. */
void weir_source_fault(struct weir_source *s, const struct weir_source_doc *doc, const char *fmt,
                       ...) WEIR_PRINTF(3, 4);
/** Report something wrong at a file. It makes weir_source_read fail. */
void weir_source_fault_at(struct weir_source *s, const char *file, const char *fmt, ...)
    WEIR_PRINTF(3, 4);

/** YAML or JSON, by the name's end, else by the text's begin. */
enum weir_format weir_source_format(const char *file, struct weir_span text);

#endif
