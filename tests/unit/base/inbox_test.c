/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox_test.c - order, bound, waking and closing; many threads against one reader.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/inbox.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

struct letter {
    struct weir_msg msg;
    unsigned sender;
    unsigned number;
};

static struct letter *letter_of(struct weir_msg *m)
{
    return weir_container_of(m, struct letter, msg);
}

static void count_wake(void *arg)
{
    unsigned *num = arg;
    (*num)++;
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
    struct weir_inbox b;
    struct letter letters[5];
    bool overflowed = true;
    unsigned number = 0;

    assert_int_equal(weir_inbox_init(&b, 10, NULL, NULL), WEIR_OK);
    for (unsigned i = 0; i < 5; i++) {
        letters[i].number = i;
        assert_int_equal(weir_inbox_push(&b, &letters[i].msg), WEIR_OK);
    }
    for (struct weir_msg *m = weir_inbox_take(&b, &overflowed); m != NULL; m = m->next)
        assert_int_equal(letter_of(m)->number, number++);
    assert_int_equal(number, 5);
    assert_false(overflowed);
    assert_null(weir_inbox_take(&b, &overflowed));
    weir_inbox_deinit(&b);
}

static void full_box_refuses_and_reports_it_once(void **state)
{
    struct weir_inbox b;
    struct letter letters[4];
    bool overflowed = false;

    assert_int_equal(weir_inbox_init(&b, 3, NULL, NULL), WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(weir_inbox_push(&b, &letters[i].msg), WEIR_OK);
    assert_int_equal(weir_inbox_push(&b, &letters[3].msg), WEIR_EBUSY);
    assert_int_equal(weir_inbox_push(&b, &letters[3].msg), WEIR_EBUSY);
    struct weir_msg *m = weir_inbox_take(&b, &overflowed);
    assert_true(overflowed);
    assert_ptr_equal(m, &letters[0].msg);
    assert_null(m->next->next->next);
    assert_int_equal(weir_inbox_push(&b, &letters[3].msg), WEIR_OK);
    assert_ptr_equal(weir_inbox_take(&b, &overflowed), &letters[3].msg);
    assert_false(overflowed);
    weir_inbox_deinit(&b);
}

static void reader_is_woken_when_the_box_turns_non_empty(void **state)
{
    struct weir_inbox b;
    struct letter letters[3];
    bool overflowed;
    unsigned num_wakes = 0;

    assert_int_equal(weir_inbox_init(&b, 2, count_wake, &num_wakes), WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        (void)!weir_inbox_push(&b, &letters[i].msg);
    assert_int_equal(num_wakes, 1);
    assert_non_null(weir_inbox_take(&b, &overflowed));
    assert_int_equal(weir_inbox_push(&b, &letters[0].msg), WEIR_OK);
    assert_int_equal(num_wakes, 2);
    assert_non_null(weir_inbox_take(&b, &overflowed));
    weir_inbox_deinit(&b);
}

static void closed_box_refuses_but_gives_what_is_inside(void **state)
{
    struct weir_inbox b;
    struct letter letters[2];
    bool overflowed;
    unsigned num_wakes = 0;

    assert_int_equal(weir_inbox_init(&b, 2, count_wake, &num_wakes), WEIR_OK);
    assert_int_equal(weir_inbox_push(&b, &letters[0].msg), WEIR_OK);
    weir_inbox_close(&b);
    assert_int_equal(weir_inbox_push(&b, &letters[1].msg), WEIR_ECLOSED);
    assert_ptr_equal(weir_inbox_take(&b, &overflowed), &letters[0].msg);
    assert_false(overflowed);
    assert_int_equal(weir_inbox_push(&b, &letters[1].msg), WEIR_ECLOSED);
    assert_null(weir_inbox_take(&b, &overflowed));
    assert_int_equal(num_wakes, 1);
    weir_inbox_deinit(&b);
}

static void nothing_in_it_needs_memory(void **state)
{
    struct weir_inbox b;
    struct letter letter;
    bool overflowed;

    weir_failalloc_after(0);
    assert_int_equal(weir_inbox_init(&b, 1, NULL, NULL), WEIR_OK);
    assert_int_equal(weir_inbox_push(&b, &letter.msg), WEIR_OK);
    assert_non_null(weir_inbox_take(&b, &overflowed));
    weir_inbox_close(&b);
    weir_inbox_deinit(&b);
    assert_int_equal(weir_failalloc_count(), 0);
    weir_failalloc_after(-1);
}

static void deinit_it(void *arg)
{
    weir_inbox_deinit(arg);
}

static void init_without_room(void *arg)
{
    (void)!weir_inbox_init(arg, 0, NULL, NULL);
}

static void misuse_breaks_the_contract(void **state)
{
    struct weir_inbox b;
    struct letter letter;
    bool overflowed;

    assert_true(weir_death_by_contract(init_without_room, &b, "max > 0"));
    assert_int_equal(weir_inbox_init(&b, 1, NULL, NULL), WEIR_OK);
    assert_int_equal(weir_inbox_push(&b, &letter.msg), WEIR_OK);
    assert_true(weir_death_by_contract(deinit_it, &b, "first == NULL"));
    assert_non_null(weir_inbox_take(&b, &overflowed));
    weir_inbox_deinit(&b);
}

enum { NUM_SENDERS = 4, NUM_LETTERS = 5000, ROOM = 16 };

struct office {
    struct weir_inbox box;
    sem_t woken;
    _Atomic unsigned num_refused;
};

struct sender {
    struct office *office;
    unsigned number;
    struct letter letters[NUM_LETTERS];
};

static void post_wake(void *arg)
{
    struct office *o = arg;
    WEIR_ASSERT(sem_post(&o->woken) == 0);
}

/* A refused letter is tried again, so that all must arrive. */
static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (unsigned i = 0; i < NUM_LETTERS; i++) {
        s->letters[i].sender = s->number;
        s->letters[i].number = i;
        while (weir_inbox_push(&s->office->box, &s->letters[i].msg) != WEIR_OK) {
            atomic_fetch_add(&s->office->num_refused, 1);
            (void)sched_yield();
        }
    }
    return NULL;
}

/* Takes the box empty; each sender's letters must come in order and without a gap. Returns how many
 * came. */
static unsigned take_all(struct office *o, unsigned next[NUM_SENDERS], bool *ret_overflowed)
{
    bool overflowed = false;
    unsigned num = 0;
    struct weir_msg *m = weir_inbox_take(&o->box, &overflowed);

    for (struct weir_msg *after; m != NULL; m = after, num++) {
        struct letter *l = letter_of(m);
        after = m->next;
        assert_int_equal(l->number, next[l->sender]);
        next[l->sender]++;
    }
    assert_true(num <= ROOM);
    *ret_overflowed |= overflowed;
    return num;
}

/* The reader sleeps until it is woken: with a wake-up lost, this test would not end. */
static void many_senders_and_one_reader_lose_no_message_and_no_wake_up(void **state)
{
    static struct sender senders[NUM_SENDERS];
    static struct office office;
    pthread_t threads[NUM_SENDERS];
    unsigned next[NUM_SENDERS] = { 0 };
    unsigned num_taken = 0;
    bool overflowed = false;

    assert_int_equal(sem_init(&office.woken, 0, 0), 0);
    assert_int_equal(weir_inbox_init(&office.box, ROOM, post_wake, &office), WEIR_OK);
    for (unsigned i = 0; i < NUM_SENDERS; i++) {
        senders[i].office = &office;
        senders[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    while (num_taken < NUM_SENDERS * NUM_LETTERS) {
        assert_int_equal(sem_wait(&office.woken), 0);
        num_taken += take_all(&office, next, &overflowed);
    }
    for (unsigned i = 0; i < NUM_SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(take_all(&office, next, &overflowed), 0);
    assert_true(overflowed == (atomic_load(&office.num_refused) > 0));
    weir_inbox_deinit(&office.box);
    assert_int_equal(sem_destroy(&office.woken), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_the_order_they_went_in),
        cmocka_unit_test(full_box_refuses_and_reports_it_once),
        cmocka_unit_test(reader_is_woken_when_the_box_turns_non_empty),
        cmocka_unit_test(closed_box_refuses_but_gives_what_is_inside),
        cmocka_unit_test(nothing_in_it_needs_memory),
        cmocka_unit_test(misuse_breaks_the_contract),
        cmocka_unit_test(many_senders_and_one_reader_lose_no_message_and_no_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
