/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_fuzz.h - what must hold for any bytes read as documents; shared by yaml_fuzz.c and
 * json_fuzz.c.
 * 1. What is refused is reported: one line each, with a place inside the text. 2. What is accepted
 * passes the check of messages, also packed and unpacked as a record. 3. It is written in both
 * formats, and reads back as the same message and the same text. 4. The claims of all documents are
 * checked against each other, and each has its place in the text.
 */
#ifndef WEIR_TESTS_FUZZ_SCHEMA_FUZZ_H
#define WEIR_TESTS_FUZZ_SCHEMA_FUZZ_H

#include "tenants/schema/schema.h"
#include "tests/fuzz/head_fuzz.h"

static inline void fuzz_diags(const struct weir_diags *d, size_t num_lines)
{
    FUZZ_CHECK(d->len <= WEIR_DIAGS_MAX && d->len <= d->total);
    FUZZ_CHECK(d->num_warnings <= d->total);
    for (size_t i = 0; i < d->len; i++) {
        FUZZ_CHECK(d->items[i].message[0] != '\0');
        FUZZ_CHECK(strpbrk(d->items[i].message, "\r\n\t\x1b") == NULL);
        FUZZ_CHECK(strpbrk(d->items[i].field, "\r\n\t\x1b") == NULL);
        FUZZ_CHECK(d->items[i].line <= num_lines + 1);
        FUZZ_CHECK((d->items[i].line == 0) == (d->items[i].column == 0));
    }
}

/* The message as a peer would get it. */
static inline void fuzz_record(const struct weir_doc *doc, struct weir_diags *diags)
{
    size_t len = protobuf_c_message_get_packed_size(doc->message);
    uint8_t *packed = malloc(len > 0 ? len : 1);
    struct weir_arena arena;
    const char *items[1];
    struct weir_diff_paths paths = { .items = items, .max = 1, .len = 1 };

    FUZZ_CHECK(packed != NULL);
    protobuf_c_message_pack(doc->message, packed);
    ProtobufCMessage *m = protobuf_c_message_unpack(doc->message->descriptor, NULL, len, packed);
    FUZZ_CHECK(m != NULL);
    FUZZ_CHECK(weir_schema_check(doc->kind, m, diags) == WEIR_OK);
    weir_arena_init(&arena, 4096, 1u << 20);
    FUZZ_CHECK(weir_schema_diff(doc->message, m, &arena, &paths) == WEIR_OK);
    FUZZ_CHECK(paths.len == 0);
    weir_arena_deinit(&arena);
    protobuf_c_message_free_unpacked(m, NULL);
    free(packed);
}

static inline void fuzz_round(const struct weir_doc *doc, enum weir_format format)
{
    struct weir_strbuf first = WEIR_STRBUF_ZERO, second = WEIR_STRBUF_ZERO;
    struct weir_docs docs;
    struct weir_diags diags;
    const char *items[1];
    struct weir_diff_paths paths = { .items = items, .max = 1, .len = 1 };

    weir_docs_init(&docs);
    weir_diags_init(&diags);
    FUZZ_CHECK(weir_schema_write(doc->kind, doc->message, format, &first) == WEIR_OK);
    struct weir_schema_source src = { .text = weir_span(first.at, first.len), .format = format };
    if (weir_schema_read(&src, &docs, &diags) != WEIR_OK) {
        fprintf(stderr, "%s%s\n", first.at, diags.len > 0 ? diags.items[0].message : "");
        abort();
    }
    FUZZ_CHECK(docs.len == 1 && docs.items[0].kind == doc->kind);
    FUZZ_CHECK(weir_schema_diff(doc->message, docs.items[0].message, &docs.arena, &paths) ==
               WEIR_OK);
    FUZZ_CHECK(paths.len == 0);
    FUZZ_CHECK(weir_schema_write(doc->kind, docs.items[0].message, format, &second) == WEIR_OK);
    FUZZ_CHECK(first.len == second.len && memcmp(first.at, second.at, first.len) == 0);
    weir_strbuf_deinit(&first);
    weir_strbuf_deinit(&second);
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
}

static inline void fuzz_places(const struct weir_place *places, size_t num, size_t num_lines)
{
    FUZZ_CHECK((places != NULL) == (num > 0));
    for (size_t i = 0; i < num; i++)
        FUZZ_CHECK(places[i].line > 0 && places[i].line <= num_lines && places[i].column > 0);
}

static inline void fuzz_claims(const struct weir_docs *docs, size_t num_lines)
{
    struct weir_run_doc *run = calloc(docs->len + 1, sizeof(*run));
    struct weir_diags diags;

    FUZZ_CHECK(run != NULL);
    for (size_t i = 0; i < docs->len; i++) {
        run[i] = (struct weir_run_doc){ .file = "", .doc = docs->items[i] };
        if (docs->items[i].kind != WEIR_KIND_TENANT)
            continue;
        const Weir__V1__Tenant *t = docs->items[i].tenant;
        fuzz_places(docs->items[i].hosts, t->n_hosts, num_lines);
        fuzz_places(docs->items[i].addresses, t->n_addresses, num_lines);
    }
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_check_claims(run, docs->len, &diags);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_EINVAL);
    FUZZ_CHECK((err == WEIR_EINVAL) == (weir_diags_num_errors(&diags) > 0));
    fuzz_diags(&diags, num_lines);
    weir_diags_deinit(&diags);
    free(run);
}

static inline void fuzz_documents(const uint8_t *data, size_t size, enum weir_format format)
{
    static const enum weir_kind tenant = WEIR_KIND_TENANT;
    uint8_t *copy =
        malloc(size > 0 ? size : 1); /* exactly as long, so that a byte beyond is seen */
    struct weir_docs docs;
    struct weir_diags diags;
    size_t num_lines = 1;

    FUZZ_CHECK(copy != NULL);
    for (size_t i = 0; i < size; i++) {
        copy[i] = data[i];
        num_lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    }
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    struct weir_schema_source src = { .text = weir_span(copy, size),
                                      .format = format,
                                      .assume = &tenant };
    enum weir_err err = weir_schema_read(&src, &docs, &diags);
    free(copy); /* messages own their texts */
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_EINVAL);
    FUZZ_CHECK((err == WEIR_EINVAL) == (weir_diags_num_errors(&diags) > 0));
    fuzz_diags(&diags, num_lines);
    fuzz_claims(&docs, num_lines);
    for (size_t i = 0; i < docs.len; i++) {
        fuzz_record(&docs.items[i], &diags);
        fuzz_round(&docs.items[i], WEIR_FORMAT_YAML);
        fuzz_round(&docs.items[i], WEIR_FORMAT_JSON);
    }
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
}

#endif
