/* SPDX-License-Identifier: Apache-2.0
 *
 * json_fuzz.c - any bytes as JSON documents: see schema_fuzz.h. And as an admin response: what
 * reads is written, and reads back as the same.
 */
#include "tests/fuzz/schema_fuzz.h"
#include "weir/v1/admin.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_response(const ProtobufCMessageDescriptor *desc, const uint8_t *data, size_t size)
{
    struct weir_strbuf first = WEIR_STRBUF_ZERO, second = WEIR_STRBUF_ZERO;
    ProtobufCMessage *m = NULL, *again = NULL;
    struct weir_arena arena;

    weir_arena_init(&arena, 4096, 64u << 20);
    enum weir_err err = weir_schema_read_json(desc, weir_span(data, size), &arena, &m);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_EINVAL);
    if (err == WEIR_OK) {
        FUZZ_CHECK(weir_schema_write_json(m, &first) == WEIR_OK);
        FUZZ_CHECK(weir_schema_read_json(desc, weir_span(first.at, first.len), &arena, &again) ==
                   WEIR_OK);
        FUZZ_CHECK(weir_schema_write_json(again, &second) == WEIR_OK);
        FUZZ_CHECK(first.len == second.len && memcmp(first.at, second.at, first.len) == 0);
    }
    weir_strbuf_deinit(&first);
    weir_strbuf_deinit(&second);
    weir_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_documents(data, size, WEIR_FORMAT_JSON);
    fuzz_response(&weir__v1__status_response__descriptor, data, size);
    fuzz_response(&weir__v1__tenant_response__descriptor, data, size);
    return 0;
}
