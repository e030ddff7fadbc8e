/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_fuzz.c - any bytes as an admin connection: the same requests come out whether the bytes
 * arrive at once, in pieces or one by one, and none is larger than allowed; their queries are read
 * within their bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "node/ctl/admin/admin_http.h"
#include "node/ctl/admin/query.h"
#include "tests/fuzz/head_fuzz.h"

#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What came out of a connection. */
struct outcome {
    uint64_t hash; /* of all requests in their order */
    size_t num;
    uint16_t fault; /* 0: none */
};

static void hash_add(struct outcome *o, struct weir_span s)
{
    o->hash = weir_hash64(o->hash + 1, s.at, s.len);
}

static void query_check(struct outcome *o, struct weir_span text)
{
    static struct weir_query q;
    if (weir_query_parse(&q, text) < 0)
        return;
    for (size_t i = 0; i < q.num; i++) {
        FUZZ_CHECK(q.params[i].name.len > 0);
        FUZZ_CHECK(q.params[i].name.at >= q.bytes);
        FUZZ_CHECK(q.params[i].value.at + q.params[i].value.len <= q.bytes + q.len);
        hash_add(o, q.params[i].value);
    }
}

static void request_take(struct weir_admin_http *http, struct outcome *o)
{
    struct weir_admin_message *m = weir_admin_http_take(http);
    struct weir_span value;
    FUZZ_CHECK(m->body.len <= BODY_MAX);
    FUZZ_CHECK(m->has_body || m->body.len == 0);
    FUZZ_CHECK(m->head.head_len <= WEIR_ADMIN_HEAD_MAX);
    hash_add(o, m->method);
    hash_add(o, m->path);
    hash_add(o, weir_span(m->body.at, m->body.len));
    if (weir_admin_message_field(m, "content-type", &value))
        hash_add(o, value);
    query_check(o, m->query);
    o->num++;
    weir_admin_message_free(&m);
}

static void drain(struct weir_admin_http *http, struct outcome *o)
{
    for (;;) {
        switch (weir_admin_http_next(http)) {
        case WEIR_ADMIN_MORE:
            return;
        case WEIR_ADMIN_HEAD:
            FUZZ_CHECK(http->message != NULL);
            break;
        case WEIR_ADMIN_REQUEST:
            request_take(http, o);
            break;
        case WEIR_ADMIN_FAULT:
            FUZZ_CHECK(http->status >= 400 && http->why != NULL);
            o->fault = http->status;
            return;
        }
    }
}

static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
    struct outcome o = { 0 };
    struct weir_admin_http http;
    weir_admin_http_init(&http, BODY_MAX);
    for (size_t at = 0; at < size && o.fault == 0; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        FUZZ_CHECK(weir_admin_http_feed(&http, weir_span(data + at, len)) == WEIR_OK);
        drain(&http, &o);
    }
    weir_admin_http_deinit(&http);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > WEIR_ADMIN_AHEAD_MAX)
        return 0;
    size_t piece = (size_t)data[0] + 2;
    struct outcome whole = run(data + 1, size - 1, size);
    struct outcome pieces = run(data + 1, size - 1, piece);
    struct outcome bytes = run(data + 1, size - 1, 1);
    FUZZ_CHECK(whole.hash == pieces.hash && whole.hash == bytes.hash);
    FUZZ_CHECK(whole.num == pieces.num && whole.num == bytes.num);
    FUZZ_CHECK(whole.fault == pieces.fault && whole.fault == bytes.fault);
    return 0;
}
