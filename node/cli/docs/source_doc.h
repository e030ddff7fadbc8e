/* SPDX-License-Identifier: Apache-2.0
 *
 * source_doc.h - a document of the user's files, and where it stands. Owner: the main thread.
 */
#ifndef WEIR_NODE_CLI_DOCS_SOURCE_DOC_H
#define WEIR_NODE_CLI_DOCS_SOURCE_DOC_H

#include "tenants/schema/schema.h"

#include <stdint.h>

/** One document and where it stands. */
struct weir_source_doc {
    enum weir_kind kind;
    uint32_t line;
    const char *file; /* as the user named it, or below the folder that the user named */
    union {
        ProtobufCMessage *message;
        Weir__V1__Tenant *tenant;
    };
};

#endif
