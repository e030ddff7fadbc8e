/* SPDX-License-Identifier: Apache-2.0
 *
 * list_test.c - the intrusive list against an array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/base/rng.h"

struct item {
    int number;
    struct weir_list link;
};

static void assert_order(struct weir_list *head, const int *numbers, size_t num)
{
    struct weir_list *at = head->next;
    for (size_t i = 0; i < num; i++, at = at->next) {
        assert_ptr_not_equal(at, head);
        assert_ptr_equal(at->next->prev, at);
        assert_int_equal(weir_container_of(at, struct item, link)->number, numbers[i]);
    }
    assert_ptr_equal(at, head);
}

static void new_list_is_empty(void **state)
{
    struct weir_list head;
    weir_list_init(&head);
    assert_true(weir_list_empty(&head));
    assert_order(&head, NULL, 0);
}

static void append_and_prepend_preserve_the_order(void **state)
{
    struct weir_list head;
    struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    weir_list_init(&head);
    weir_list_append(&head, &items[1].link);
    weir_list_append(&head, &items[2].link);
    weir_list_prepend(&head, &items[0].link);
    assert_order(&head, (int[]){ 0, 1, 2 }, 3);
    assert_false(weir_list_empty(&head));
}

static void remove_is_legal_twice(void **state)
{
    struct weir_list head;
    struct item item = { .number = 7 };
    weir_list_init(&head);
    weir_list_append(&head, &item.link);
    weir_list_remove(&item.link);
    weir_list_remove(&item.link);
    assert_true(weir_list_empty(&head));
    assert_true(weir_list_empty(&item.link));
}

static void random_operations_match_an_array(void **state)
{
    struct weir_rng rng;
    struct weir_list head;
    struct item items[32];
    int twin[WEIR_ARRAY_LEN(items)];
    size_t num = 0;

    weir_rng_init(&rng, 1);
    weir_list_init(&head);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(items); i++) {
        items[i].number = (int)i;
        weir_list_init(&items[i].link);
    }
    for (int round = 0; round < 20000; round++) {
        int which = (int)weir_rng_below(&rng, WEIR_ARRAY_LEN(items));
        struct weir_list *link = &items[which].link;
        if (!weir_list_empty(link)) {
            size_t at = 0;
            while (twin[at] != which)
                at++;
            num--;
            memmove(&twin[at], &twin[at + 1], (num - at) * sizeof(twin[0]));
            weir_list_remove(link);
        } else if (weir_rng_below(&rng, 2) == 0) {
            twin[num++] = which;
            weir_list_append(&head, link);
        } else {
            memmove(&twin[1], &twin[0], num * sizeof(twin[0]));
            num++;
            twin[0] = which;
            weir_list_prepend(&head, link);
        }
        assert_order(&head, twin, num);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_list_is_empty),
        cmocka_unit_test(append_and_prepend_preserve_the_order),
        cmocka_unit_test(remove_is_legal_twice),
        cmocka_unit_test(random_operations_match_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
