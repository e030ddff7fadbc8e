/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_fuzz.c - any bytes as YAML documents: see schema_fuzz.h.
 */
#include "tests/fuzz/schema_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_documents(data, size, WEIR_FORMAT_YAML);
    return 0;
}
