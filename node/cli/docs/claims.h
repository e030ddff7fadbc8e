/* SPDX-License-Identifier: Apache-2.0
 *
 * claims.h - host names that several documents of one run claim. A node would serve the name for
 * the first of them alone, so this is found before anything is sent.
 * Owner: the main thread.   Limits: those of tenants/overlap_set.h.
 */
#ifndef WEIR_NODE_CLI_DOCS_CLAIMS_H
#define WEIR_NODE_CLI_DOCS_CLAIMS_H

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/cli/docs/source_doc.h"

#include <stdbool.h>
#include <stddef.h>

/** A claim that meets one of another document. */
struct weir_claim_clash {
    const struct weir_source_doc *doc;   /* whose claim it is */
    const struct weir_source_doc *other; /* equal: the first that has it; else the wildcard's */
    const char *host;                    /* as text, "*.example.com" */
    const char *other_host;
    bool is_same; /* else the name lies below a wildcard of `other` that does not allow it */
};

/** Called for each. Texts are borrowed for the call. */
typedef void weir_claim_clash_sink(void *arg, const struct weir_claim_clash *clash);

/**
 * Find the clashes among all tenants of a list.
 *
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT (too many names)
 */
WEIR_MUST_USE enum weir_err weir_claims_check(const struct weir_source_doc *docs, size_t num,
                                              weir_claim_clash_sink *sink, void *arg);

#endif
