/* SPDX-License-Identifier: Apache-2.0
 *
 * uri_fuzz.c - any bytes as an authority, a host name and a path: what is accepted has one form,
 * and that form does not change when it is parsed again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/uri.h"
#include "tests/fuzz/head_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_authority(struct weir_span text)
{
    struct weir_authority a;
    struct weir_authority b;
    uint8_t name[WEIR_HOST_MAX];
    size_t name_len = 0;
    bool good = weir_authority_parse(text, &a) == WEIR_OK;
    bool is_name = weir_host_normalise(text, name, &name_len) == WEIR_OK;
    /* A colon stands in front of a port, perhaps an empty one, or inside the brackets of an
     * address.
     */
    bool has_port =
        text.len > 0 && text.at[text.len - 1] != ']' && memchr(text.at, ':', text.len) != NULL;
    FUZZ_CHECK(is_name == (good && !has_port));
    if (!good)
        return;
    if (is_name)
        FUZZ_CHECK(weir_span_eq(weir_span(name, name_len), weir_span(a.host, a.host_len)));

    uint8_t out[WEIR_HOST_MAX + 16];
    size_t len = fuzz_append(out, 0, weir_span(a.host, a.host_len));
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK(out[i] > ' ' && out[i] < 0x7f && memchr(",@/\\?#%*", out[i], 8) == NULL);
    if (a.port > 0)
        len += (size_t)snprintf((char *)out + len, sizeof(out) - len, ":%u", a.port);
    /* Only the one form of an IPv6 address may be longer than what was written. */
    FUZZ_CHECK(len <= text.len || (a.host[0] == '[' && len < WEIR_ADDR_TEXT_MAX));
    FUZZ_CHECK(a.port_empty == (text.at[text.len - 1] == ':'));
    FUZZ_CHECK(weir_authority_parse(weir_span(out, len), &b) == WEIR_OK);
    FUZZ_CHECK(a.host_len == b.host_len && memcmp(a.host, b.host, a.host_len) == 0);
    FUZZ_CHECK(a.port == b.port && a.is_ip == b.is_ip);
    FUZZ_CHECK(memcmp(a.addr.ip, b.addr.ip, sizeof(a.addr.ip)) == 0);
}

static void check_normal_form(struct weir_span path)
{
    FUZZ_CHECK(path.len > 0 && path.at[0] == '/');
    for (size_t at = 0; at < path.len; at++) {
        FUZZ_CHECK(path.at[at] != '?' && path.at[at] < 0x80);
        FUZZ_CHECK(strchr("[]^|", path.at[at]) == NULL || path.at[at] == '\0');
        if (path.at[at] == '%') {
            FUZZ_CHECK(path.len - at >= 3);
            FUZZ_CHECK(weir_hex_digit(path.at[at + 1]) >= 0 && path.at[at + 1] < 'a');
            FUZZ_CHECK(weir_hex_digit(path.at[at + 2]) >= 0 && path.at[at + 2] < 'a');
        }
        if (path.at[at] != '/')
            continue;
        size_t end = at + 1;
        while (end < path.len && path.at[end] != '/')
            end++;
        struct weir_span segment = weir_span(path.at + at + 1, end - at - 1);
        FUZZ_CHECK(!weir_span_eq(segment, WEIR_SPAN_LIT(".")));
        FUZZ_CHECK(!weir_span_eq(segment, WEIR_SPAN_LIT("..")));
    }
}

static void check_path(struct weir_span path)
{
    uint8_t *out = malloc(WEIR_PATH_NORMAL_MAX(path.len) + 1);
    uint8_t *unused = malloc(3 * WEIR_PATH_NORMAL_MAX(path.len) + 1);
    struct weir_span normal = WEIR_SPAN_EMPTY;
    struct weir_span again = WEIR_SPAN_EMPTY;
    FUZZ_CHECK(out != NULL && unused != NULL);
    if (weir_path_normalise(path, out, &normal) == WEIR_OK) {
        FUZZ_CHECK(normal.len <= WEIR_PATH_NORMAL_MAX(path.len));
        check_normal_form(normal);
        FUZZ_CHECK(weir_path_normalise(normal, unused, &again) == WEIR_OK);
        FUZZ_CHECK(again.at == normal.at && again.len == normal.len);
    }
    free(out);
    free(unused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(exact != NULL);
    if (size > 0)
        memcpy(exact, data, size);
    check_authority(weir_span(exact, size));
    check_path(weir_span(exact, size));
    free(exact);
    return 0;
}
