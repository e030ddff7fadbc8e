/* SPDX-License-Identifier: Apache-2.0
 *
 * self_check_test.c - which endpoints are seen to be listeners of the node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/ctl/self_check.h"

struct own_case {
    const char *listener;
    const char *endpoint;
    bool own;
};

static bool is_own(const char *listener, const char *endpoint)
{
    struct weir_self_check c;
    weir_self_check_init(&c);
    assert_int_equal(weir_addr_parse(weir_span_cstr(listener), &c.listeners[0]), WEIR_OK);
    c.num = 1;
    const struct weir_addr *found = weir_self_check_endpoint(&c, weir_span_cstr(endpoint));
    assert_true(found == NULL || found == &c.listeners[0]);
    weir_self_check_deinit(&c);
    return found != NULL;
}

static void a_listener_is_seen_by_its_address(void **state)
{
    static const struct own_case cases[] = {
        { "127.0.0.1:80", "127.0.0.1:80", true },
        { "127.0.0.1:80", "127.0.0.1:81", false },
        { "127.0.0.1:80", "127.0.0.2:80", false },
        { "127.0.0.1:80", "localhost:80", true },
        { "127.0.0.1:80", "LOCALHOST:80", true },
        { "127.0.0.1:80", "localhost.:80", true },
        { "127.0.0.1:80", "0.0.0.0:80", true },
        { "127.0.0.1:80", "[::1]:80", false },
        { "127.0.0.1:80", "[::ffff:127.0.0.1]:80", true },
        { "127.0.0.1:80", "origin.example:80", false },
        { "[::1]:80", "[::1]:80", true },
        { "[::1]:80", "[0:0::1]:80", true },
        { "[::1]:80", "localhost:80", true },
        { "[::1]:80", "[::]:80", true },
        { "[::1]:80", "127.0.0.1:80", false },
        /* An address that this host does not have. */
        { "192.0.2.1:80", "192.0.2.1:80", true },
        { "0.0.0.0:80", "192.0.2.1:80", false },
        /* A wildcard has every address of its family. */
        { "0.0.0.0:80", "127.0.0.1:80", true },
        { "0.0.0.0:80", "127.1.2.3:80", true },
        { "0.0.0.0:80", "localhost:80", true },
        { "0.0.0.0:80", "0.0.0.0:80", true },
        { "0.0.0.0:80", "127.0.0.1:8080", false },
        { "0.0.0.0:80", "[::1]:80", false },
        { "[::]:80", "[::1]:80", true },
        { "[::]:80", "localhost:80", true },
        { "[::]:80", "127.0.0.1:80", false },
        { "[::]:80", "[2001:db8::1]:80", false },
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++)
        if (is_own(cases[i].listener, cases[i].endpoint) != cases[i].own)
            fail_msg("listener %s, endpoint %s", cases[i].listener, cases[i].endpoint);
}

/* Every address that the host has now. */
static void a_wildcard_has_the_addresses_of_the_host(void **state)
{
    struct ifaddrs *list = NULL;
    (void)state;
    assert_int_equal(getifaddrs(&list), 0);
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        struct weir_addr a;
        char text[WEIR_ADDR_TEXT_MAX];
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
            continue;
        weir_addr_from_sockaddr(i->ifa_addr, &a);
        a.port = 80;
        text[weir_addr_text(&a, text)] = '\0';
        assert_true(is_own("0.0.0.0:80", text));
        assert_false(is_own("0.0.0.0:81", text));
    }
    freeifaddrs(list);
}

static void without_listeners_nothing_is_seen(void **state)
{
    struct weir_self_check c;
    (void)state;
    weir_self_check_init(&c);
    assert_null(weir_self_check_endpoint(&c, WEIR_SPAN_LIT("127.0.0.1:80")));
    assert_null(weir_self_check_endpoint(&c, WEIR_SPAN_LIT("no endpoint")));
    weir_self_check_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_is_seen_by_its_address),
        cmocka_unit_test(a_wildcard_has_the_addresses_of_the_host),
        cmocka_unit_test(without_listeners_nothing_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
