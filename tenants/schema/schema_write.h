/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_write.h - private to the schema: trees become texts. Both writers round-trip through their
 * readers. Failures are the buffer's: check out->failed at the end.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_WRITE_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_WRITE_H

#include <stdbool.h>

#include "node/base/strbuf.h"
#include "tenants/schema/schema_tree.h"

/** Block style, short lists and list items in one line; ends with a line feed. @param root a map */
void weir_write_yaml(const struct weir_tree *root, struct weir_strbuf *out);
/** @param pretty  a line a value, and a line feed at the end; else no white space at all */
void weir_write_json(const struct weir_tree *root, bool pretty, struct weir_strbuf *out);

#endif
