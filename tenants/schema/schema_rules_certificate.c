/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_rules_certificate.c - the rows of schema_rules.h for the kind Certificate, which export
 * writes and import reads. What is in a chain or a key is checked by tenants/certs.
 */
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "tenants/schema/schema_rules.h"

#define PEM_MAX 262144 /* bytes of a chain or a key as text */

const struct weir_rule weir_rules_certificate[] = {
    { .field = "tenant",
      .form = WEIR_FORM_LABEL,
      .min = 1,
      .max = WEIR_TENANT_NAME_MAX,
      .required = true,
      .help = "Whose certificate it is." },
    { .field = "id",
      .form = WEIR_FORM_ANY,
      .min = 1,
      .max = 64,
      .preset_text = "follows from the chain",
      .help = "As weir cert list shows it. It is there for readers and decides nothing." },
    { .field = "chain",
      .form = WEIR_FORM_LINES,
      .min = 1,
      .max = PEM_MAX,
      .required = true,
      .help = "The certificates as PEM, the leaf first." },
    { .field = "sealed_key",
      .form = WEIR_FORM_ANY,
      .min = 1,
      .max = PEM_MAX,
      .preset_text = "none",
      .help = "The private key sealed under the secret of the node or cluster that exported it. "
              "Only where that secret is, it can be imported." },
    { .field = "key",
      .form = WEIR_FORM_LINES,
      .min = 1,
      .max = PEM_MAX,
      .preset_text = "none",
      .help = "The private key in clear, as PEM, in place of sealed_key." },
    { .field = "links",
      .form = WEIR_FORM_HOST,
      .min = 1,
      .max = WEIR_HOST_MAX + 2,
      .num_max = WEIR_CERT_NAMES_MAX,
      .unique = true,
      .help = "Hosts that get it whatever its names are." },
    { .field = "fallback",
      .preset_text = "false",
      .help = "Whether clients get it that name no host." },
};
_Static_assert(WEIR_ARRAY_LEN(weir_rules_certificate) == WEIR_RULES_CERTIFICATE, "as declared");
