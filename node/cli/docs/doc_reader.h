/* SPDX-License-Identifier: Apache-2.0
 *
 * doc_reader.h - cuts a file of any length into its documents, one at a time: YAML documents at
 * their "---", JSON objects one behind the other. Holds one document and a block of the file.
 * Owner: the main thread.   Limits: WEIR_DOC_BYTES_MAX bytes a document.
 */
#ifndef WEIR_NODE_CLI_DOCS_DOC_READER_H
#define WEIR_NODE_CLI_DOCS_DOC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "tenants/schema/schema.h"

#define WEIR_DOC_BYTES_MAX 8388608 /* as a body of the admin API */

/** One file while it is read. */
struct weir_doc_reader {
    FILE *file; /* borrowed */
    const char *name;
    struct weir_strbuf buf; /* owns; what was read and not given away */
    size_t at;              /* of it: where the next document begins */
    uint32_t line;          /* of the next document, 1.. */
    bool ended;             /* the file has no more */
    bool begun;             /* the format is known */
    enum weir_format format;
};

/** A document as it stands in the file. */
struct weir_doc_text {
    struct weir_span text; /* borrowed until the next call */
    uint32_t line;         /* of its first line */
};

/** @param name  for the format: "*.json" and "*.jsonl" are JSON, "*.yaml" YAML, else it is guessed
 */
void weir_doc_reader_init(struct weir_doc_reader *r, FILE *file, const char *name);
void weir_doc_reader_deinit(struct weir_doc_reader *r);
/**
 * The next document; a YAML document may be empty.
 * @return WEIR_OK | WEIR_ENOTFOUND: no more | WEIR_EINVAL (no JSON object here: nothing behind it
 * can be read) | WEIR_ELIMIT (longer than WEIR_DOC_BYTES_MAX) | WEIR_EIO | WEIR_ENOMEM; r->line
 * is the place
 */
WEIR_MUST_USE enum weir_err weir_doc_reader_next(struct weir_doc_reader *r,
                                                 struct weir_doc_text *ret);

#endif
