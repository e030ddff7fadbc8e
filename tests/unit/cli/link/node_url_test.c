/* SPDX-License-Identifier: Apache-2.0
 *
 * node_url_test.c - where a node is, and what is no such place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/cli/link/node_url.h"

static void places_are_read(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool is_ip;
    } cases[] = {
        { "https://edge-1.example.com:7401", "edge-1.example.com", 7401, false },
        { "https://edge", "edge", WEIR_NODE_URL_PORT, false },
        { "https://edge/", "edge", WEIR_NODE_URL_PORT, false },
        { "https://192.0.2.1:1", "192.0.2.1", 1, true },
        { "https://[2001:db8::1]:65535", "2001:db8::1", 65535, true },
        { "https://[::1]", "::1", WEIR_NODE_URL_PORT, true },
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_node_url u;
        assert_int_equal(weir_node_url_parse(cases[i].text, &u), WEIR_OK);
        assert_int_equal(u.kind, WEIR_NODE_URL_HTTPS);
        assert_string_equal(u.host, cases[i].host);
        assert_int_equal(u.port, cases[i].port);
        assert_int_equal(u.is_ip, cases[i].is_ip);
    }
    struct weir_node_url u;
    assert_int_equal(weir_node_url_parse("unix:/run/x y", &u), WEIR_OK);
    assert_int_equal(u.kind, WEIR_NODE_URL_UNIX);
    assert_string_equal(u.socket.sun_path, "/run/x y");
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "edge:7400",
        "http://edge",
        "https:/edge",
        "https://",
        "https:///",
        "https://:7400",
        "https://edge:",
        "https://edge:0",
        "https://edge:07400",
        "https://edge:65536",
        "https://edge:7400x",
        "https://edge/v1",
        "https://user@edge",
        "https://user:pass@edge",
        "https://edge?x",
        "https://ed ge",
        "https://ed\nge",
        "https://[::1",
        "https://[::1]7400",
        "https://[edge]:1",
        "https://[192.0.2.1]",
        "https://::1",
        "https://*.example",
        "HTTPS://edge",
        "unix:",
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        struct weir_node_url u;
        if (weir_node_url_parse(texts[i], &u) != WEIR_EINVAL)
            fail_msg("%s", texts[i]);
        assert_int_equal(u.kind, WEIR_NODE_URL_NONE);
    }
}

static void lengths_are_bounded(void **state)
{
    char text[400] = "https://";
    struct weir_node_url u;
    (void)state;
    memset(text + 8, 'a', WEIR_HOST_MAX);
    assert_int_equal(weir_node_url_parse(text, &u), WEIR_OK);
    text[8 + WEIR_HOST_MAX] = 'a';
    assert_int_equal(weir_node_url_parse(text, &u), WEIR_EINVAL);
    memcpy(text, "unix:", 5);
    assert_int_equal(weir_node_url_parse(text, &u), WEIR_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
