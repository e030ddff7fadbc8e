/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_kind.h - the kinds of documents and the formats of their texts.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_KIND_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_KIND_H

enum weir_format { WEIR_FORMAT_YAML, WEIR_FORMAT_JSON };
enum weir_kind { WEIR_KIND_TENANT, WEIR_KIND_NODE, WEIR_KIND_CERTIFICATE };
#define WEIR_KIND_COUNT 3

#endif
