/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - text for a terminal: what came from outside made harmless, and columns that line up.
 * Rows are stored until they are written; a long list is written in parts, whose columns only grow.
 * Owner: the main thread.   Limits: WEIR_TABLE_COLUMNS_MAX columns.
 */
#ifndef WEIR_NODE_CLI_TEXT_TABLE_H
#define WEIR_NODE_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"

#define WEIR_TABLE_COLUMNS_MAX 16

/**
 * Append text as a terminal may have it: controls, line ends and marks that turn the direction of
 * writing as \u{HEX}, bytes that are no UTF-8 as \xHH, a backslash as itself.
 */
void weir_table_escape(struct weir_strbuf *out, struct weir_span text);
/** Columns that escaped text takes on a terminal: none for combining marks, two for wide letters.
 */
size_t weir_table_width(struct weir_span text);

struct weir_table {
    size_t num_columns;
    size_t num_cells; /* of the rows that are not yet written, and of the one begun */
    size_t widths[WEIR_TABLE_COLUMNS_MAX];
    const char *const *headers; /* borrowed */
    bool no_headers;
    bool begun;              /* the first line is written */
    struct weir_strbuf text; /* owns; the cells, each with a NUL behind it */
};

/** @param headers  num_columns of them, 1..WEIR_TABLE_COLUMNS_MAX; borrowed until deinit */
void weir_table_init(struct weir_table *t, const char *const *headers, size_t num_columns,
                     bool no_headers);
void weir_table_deinit(struct weir_table *t);
/** Add the next cell; escaped. Empty text shows as "-". A failure for memory shows at the write. */
void weir_table_cell(struct weir_table *t, struct weir_span text);
/** As weir_table_cell. */
void weir_table_cstr(struct weir_table *t, const char *text);
/** As weir_table_cell. */
void weir_table_number(struct weir_table *t, uint64_t number);
/**
 * Append the rows so far to `out`, the first time below the headers, and forget them. All rows must
 * be whole (contract).
 *
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_table_write(struct weir_table *t, struct weir_strbuf *out);

#endif
