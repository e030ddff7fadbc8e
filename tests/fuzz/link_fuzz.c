/* SPDX-License-Identifier: Apache-2.0
 *
 * link_fuzz.c - any bytes as the path of a request, one line, and the values of Link fields behind
 * it: each link lies inside its value, and a path that a target leads to may be requested and leads
 * to itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/flow/link.h"
#include "node/wire/target.h"
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct weir_span part, struct weir_span whole)
{
    FUZZ_CHECK(part.len == 0 ||
               (part.at >= whole.at && part.at + part.len <= whole.at + whole.len));
}

static void check_target(const struct weir_link_base *base, struct weir_span target)
{
    uint8_t path[WEIR_LINK_PATH_MAX];
    uint8_t again[WEIR_LINK_PATH_MAX];
    size_t len = 0;
    size_t again_len = 0;
    bool plain = weir_link_is_plain(target);
    enum weir_err err = weir_link_resolve(base, target, path, &len);
    FUZZ_CHECK(err == WEIR_OK || err == WEIR_ENOTFOUND || err == WEIR_EPROTO || err == WEIR_ELIMIT);
    if (err < 0)
        return;
    FUZZ_CHECK(plain);
    FUZZ_CHECK(len > 0 && len <= WEIR_LINK_PATH_MAX && path[0] == '/');
    FUZZ_CHECK(memchr(path, '#', len) == NULL && weir_target_is_good(weir_span(path, len)));
    /* A path that begins with "//" would be an authority as a reference. */
    if (len > 1 && path[1] == '/')
        return;
    FUZZ_CHECK(weir_link_resolve(base, weir_span(path, len), again, &again_len) == WEIR_OK);
    FUZZ_CHECK(weir_span_eq(weir_span(path, len), weir_span(again, again_len)));
}

static void check_value(const struct weir_link_base *base, struct weir_span value)
{
    struct weir_span rest = value;
    struct weir_link link;
    size_t before = rest.len;
    while (weir_link_next(&rest, &link)) {
        FUZZ_CHECK(rest.len < before);
        before = rest.len;
        check_inside(link.text, value);
        check_inside(link.target, link.text);
        FUZZ_CHECK(link.text.len >= 2 && link.text.at[0] == '<');
        check_target(base, link.target);
    }
    FUZZ_CHECK(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_authority authority;
    FUZZ_CHECK(weir_authority_parse(WEIR_SPAN_LIT("a.b"), &authority) == WEIR_OK);
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t path_len = line != NULL ? (size_t)(line - data) : 0;
    struct weir_link_base base = { .https = size % 2 == 0,
                                   .authority = &authority,
                                   .path = weir_span(data, path_len) };
    size_t from = line != NULL ? path_len + 1 : 0;
    while (from < size) {
        const uint8_t *end = memchr(data + from, '\n', size - from);
        size_t len = end != NULL ? (size_t)(end - data) - from : size - from;
        uint8_t *exact = malloc(len > 0 ? len : 1);
        FUZZ_CHECK(exact != NULL);
        memcpy(exact, data + from, len);
        check_value(&base, weir_span(exact, len));
        free(exact);
        from += len + 1;
    }
    return 0;
}
