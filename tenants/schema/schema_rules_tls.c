/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_rules_tls.c - the rows of schema_rules.h for the kind Certificate, which export writes and
 * import reads, and for those who may vouch for peers. What is in a chain or a key is checked by
 * tenants/certs.
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

static const char *const client_certificate_modes[] = { "required", "optional", NULL };

const struct weir_rule weir_rules_client_certificates[] = {
    { .field = "ca",
      .required = true,
      .help = "Who may vouch for clients: a chain that leads to one of these is accepted." },
    { .field = "mode",
      .form = WEIR_FORM_CHOICE,
      .min = 1,
      .max = 16,
      .choices = client_certificate_modes,
      .preset_text = "required",
      .help = "required: a client without a certificate has no connection, and a request in clear "
              "gets a 403; optional: one that is shown must be good." },
};
_Static_assert(WEIR_ARRAY_LEN(weir_rules_client_certificates) == WEIR_RULES_CLIENT_CERTIFICATES,
               "as declared");

const struct weir_rule weir_rules_authorities[] = {
    { .field = "file",
      .form = WEIR_FORM_ANY,
      .min = 1,
      .max = 4095, /* PATH_MAX of Linux without its NUL */
      .help = "File with the certificates in PEM, relative to this one; weir apply reads it." },
    { .field = "pem",
      .form = WEIR_FORM_LINES,
      .min = 1,
      .max = WEIR_CA_MAX,
      .help = "The certificates themselves in PEM, instead of a file." },
};
_Static_assert(WEIR_ARRAY_LEN(weir_rules_authorities) == WEIR_RULES_AUTHORITIES, "as declared");
