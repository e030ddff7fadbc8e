/* SPDX-License-Identifier: Apache-2.0
 *
 * dial_order_test.c - the order in which a name's addresses are tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/flow/dial_order.h"

/* Addresses by letter: upper case is IPv6. */
static struct weir_addr addr_of(char letter)
{
    struct weir_addr a = { .port = 80 };
    bool v4 = letter >= 'a';
    if (v4)
        a.ip[10] = a.ip[11] = 0xff;
    else
        a.ip[0] = 0x20;
    a.ip[15] = (uint8_t)letter;
    return a;
}

static void check(const char *given, char good, const char *expected)
{
    struct weir_addr addrs[WEIR_RESOLVE_MAX] = { 0 };
    struct weir_addr out[WEIR_RESOLVE_MAX];
    struct weir_addr last = addr_of(good != 0 ? good : 'a');
    char text[WEIR_RESOLVE_MAX + 1] = "";
    uint16_t num = (uint16_t)strlen(given);
    for (uint16_t i = 0; i < num; i++)
        addrs[i] = addr_of(given[i]);
    weir_dial_order(addrs, num, good != 0 ? &last : NULL, out);
    for (uint16_t i = 0; i < num; i++)
        text[i] = (char)out[i].ip[15];
    assert_string_equal(text, expected);
}

/* RFC 8305 4: "the client SHOULD interleave address families", beginning with the best address. */
static void families_alternate(void **state)
{
    check("ABab", 0, "AaBb");
    check("abAB", 0, "aAbB");
    check("Aabc", 0, "Aabc");
    check("abcA", 0, "aAbc");
    check("ABCDEFGh", 0, "AhBCDEFG");
}

static void one_family_stays_in_its_order(void **state)
{
    check("a", 0, "a");
    check("abcdefgh", 0, "abcdefgh");
    check("CBA", 0, "CBA");
}

static void the_last_good_address_comes_first(void **state)
{
    check("abc", 'c', "cab");
    check("ABab", 'b', "bAaB");
    check("ABab", 'B', "BaAb");
}

static void a_good_address_that_the_name_no_longer_has_is_nothing(void **state)
{
    check("ABab", 'z', "AaBb");
}

static void an_address_is_found_by_address_and_port(void **state)
{
    struct weir_addr addrs[] = { addr_of('a'), addr_of('b') };
    struct weir_addr other = addr_of('b');
    assert_int_equal(weir_dial_order_find(addrs, 2, &other), 1);
    other.port = 81;
    assert_int_equal(weir_dial_order_find(addrs, 2, &other), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_alternate),
        cmocka_unit_test(one_family_stays_in_its_order),
        cmocka_unit_test(the_last_good_address_comes_first),
        cmocka_unit_test(a_good_address_that_the_name_no_longer_has_is_nothing),
        cmocka_unit_test(an_address_is_found_by_address_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
