/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_fuzz.c - the reader of certificates with its checks: any bytes as files of any form. Files
 * are parted by four bytes of 0xfe; the password of all is "password", as in the corpus.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "tenants/certs/cert_read.h"

#define NOW UINT64_C(1800000000) /* Unix seconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_files(struct weir_cert_reader *r, const uint8_t *data, size_t size,
                      struct weir_cert_notes *notes)
{
    static const uint8_t parting[4] = { 0xfe, 0xfe, 0xfe, 0xfe };
    struct weir_cert_file file = { .name = "file", .password = "password" };

    for (;;) {
        const uint8_t *next = size > 0 ? memmem(data, size, parting, sizeof(parting)) : NULL;
        size_t len = next != NULL ? (size_t)(next - data) : size;

        file.bytes = weir_span(data, len);
        enum weir_err err = weir_cert_reader_add(r, &file, notes);
        WEIR_ASSERT(err == WEIR_OK || err == WEIR_ENOMEM);
        if (next == NULL)
            return;
        size -= len + sizeof(parting);
        data = next + sizeof(parting);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir_cert_reader *r;
    struct weir_cert_notes notes;
    struct weir_cert_bundle bundle;
    struct weir_cert_part part;
    struct weir_cert_rules rules = { .now_s = NOW, .force = true };

    if (r == NULL && weir_cert_reader_new(&r) < 0)
        abort();
    weir_cert_notes_init(&notes);
    add_files(r, data, size, &notes);
    for (size_t i = 0; i < 8 && weir_cert_reader_part(r, i, &part); i++)
        WEIR_ASSERT(part.is_key == (part.der.len == 0));
    enum weir_err err = weir_cert_reader_finish(r, &rules, &notes, &bundle);
    if (err == WEIR_OK) {
        WEIR_ASSERT(bundle.num >= 1);
        WEIR_ASSERT(bundle.pkcs8.len > 0);
        /* What it gives out, the node can serve. */
        struct weir_tls_identity *id = NULL;
        err = weir_tls_identity_new(bundle.chain, bundle.num, bundle.pkcs8, &id);
        WEIR_ASSERT(err == WEIR_OK);
        WEIR_ASSERT(weir_tls_identity_kind(id) == bundle.kind);
        weir_tls_identity_unref(id);
    }
    weir_cert_reader_reset(r);
    return 0;
}
