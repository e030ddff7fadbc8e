/* SPDX-License-Identifier: Apache-2.0
 *
 * room_test.c - who makes way: room.c between workers that are made of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/loop/room.h"

#define CLIENTS_MAX 64

struct client {
    struct weir_idle_link idle;
    struct shop *shop;
    uint64_t idle_since; /* as the test knows it */
    bool open, busy;
    bool has_sent; /* a request of it is in the socket */
};

/* A worker. */
struct shop {
    struct weir_room_worker room;
    struct client clients[CLIENTS_MAX];
    unsigned parked, woken;
};

static struct client *client_of(const struct weir_idle_link *l)
{
    return weir_container_of((struct weir_idle_link *)(uintptr_t)l, struct client, idle);
}

static bool is_idle(const struct weir_idle_link *l)
{
    return client_of(l)->open && !client_of(l)->busy;
}

static bool end_idle(struct weir_idle_link *l)
{
    struct client *c = client_of(l);
    if (c->has_sent)
        return false;
    c->open = false;
    weir_list_remove(&c->idle.link);
    weir_room_leave_client(&c->shop->room);
    return true;
}

static bool has_parked(const void *owner)
{
    return ((const struct shop *)owner)->parked > 0;
}

static bool end_parked(void *owner)
{
    struct shop *s = owner;
    if (s->parked == 0)
        return false;
    s->parked--;
    weir_room_leave_origin(&s->room);
    return true;
}

static void wake(void *owner)
{
    ((struct shop *)owner)->woken++;
}

static const struct weir_room_ops ops = { .is_idle = is_idle,
                                          .end_idle = end_idle,
                                          .has_parked = has_parked,
                                          .end_parked = end_parked,
                                          .wake = wake };

struct town {
    struct weir_room room;
    struct shop shops[2];
};

static struct town *town_new(uint32_t max)
{
    struct town *t = aligned_alloc(_Alignof(struct town), sizeof(*t));
    assert_non_null(t);
    *t = (struct town){ 0 };
    atomic_store(&t->room.clients.max, max);
    atomic_store(&t->room.origins.max, 4);
    for (int i = 0; i < 2; i++) {
        weir_room_join(&t->room, &t->shops[i].room, &ops, &t->shops[i]);
        for (int k = 0; k < CLIENTS_MAX; k++) {
            weir_list_init(&t->shops[i].clients[k].idle.link);
            t->shops[i].clients[k].shop = &t->shops[i];
        }
    }
    return t;
}

static struct client *come(struct shop *s, uint64_t now)
{
    if (!weir_room_take_client(&s->room, now))
        return NULL;
    for (int k = 0; k < CLIENTS_MAX; k++) {
        struct client *c = &s->clients[k];
        if (c->open)
            continue;
        c->open = true;
        c->busy = c->has_sent = false;
        c->idle_since = now;
        weir_room_note(&s->room, &c->idle, now);
        return c;
    }
    fail();
    return NULL;
}

static void rest(struct client *c, uint64_t now)
{
    c->busy = false;
    c->idle_since = now;
    weir_room_note(&c->shop->room, &c->idle, now);
}

static void the_longest_idle_makes_way(void **state)
{
    struct town *t = town_new(3);
    struct shop *s = &t->shops[0];
    struct client *c[3];
    for (uint64_t i = 0; i < 3; i++)
        c[i] = come(s, 10 + i);
    rest(c[0], 20);
    assert_ptr_equal(come(s, 30), c[1]);
    rest(c[1], 40); /* now 2, 0, 1 */
    assert_ptr_equal(come(s, 5000), c[2]);
    free(t);
}

static void a_busy_one_stays_and_nobody_idle_means_no_room(void **state)
{
    struct town *t = town_new(2);
    struct shop *s = &t->shops[0];
    struct client *a = come(s, 1);
    struct client *b = come(s, 2);
    a->busy = b->busy = true;
    assert_null(come(s, 3));
    assert_true(weir_list_empty(&s->room.idle));
    assert_false(weir_room_may_come(&s->room));
    rest(b, 4);
    assert_ptr_equal(come(s, 5), b);
    assert_true(a->open);
    free(t);
}

static void one_that_has_sent_something_stays(void **state)
{
    struct town *t = town_new(2);
    struct shop *s = &t->shops[0];
    struct client *a = come(s, 1);
    struct client *b = come(s, 2);
    a->has_sent = true;
    assert_ptr_equal(come(s, 3), b);
    assert_true(a->open);
    free(t);
}

/* Against a search from end to end, at each step of a long random life. */
static void the_list_agrees_with_a_search(void **state)
{
    struct town *t = town_new(40);
    struct shop *s = &t->shops[0];
    struct weir_rng rng;
    uint64_t now = UINT32_MAX - 20000; /* the stamps wrap on the way */
    weir_rng_init(&rng, 7);
    for (int step = 0; step < 20000; step++) {
        struct client *c = &s->clients[weir_rng_next(&rng) % CLIENTS_MAX];
        now += weir_rng_next(&rng) % 8;
        if (c->open && !c->busy)
            c->busy = weir_rng_next(&rng) % 2;
        else if (c->open)
            rest(c, now);
        uint64_t best = UINT64_MAX;
        for (int k = 0; k < CLIENTS_MAX; k++)
            if (s->clients[k].open && !s->clients[k].busy && s->clients[k].idle_since < best)
                best = s->clients[k].idle_since;
        uint64_t before[CLIENTS_MAX];
        bool was_open[CLIENTS_MAX];
        unsigned num = 0;
        for (int k = 0; k < CLIENTS_MAX; k++) {
            before[k] = s->clients[k].idle_since;
            was_open[k] = s->clients[k].open;
            num += was_open[k];
        }
        if (step % 3 != 0 && num == 40)
            continue;
        struct client *new = come(s, now);
        assert_true(new != NULL || (num == 40 && best == UINT64_MAX));
        for (int k = 0; k < CLIENTS_MAX; k++)
            if (was_open[k] && (!s->clients[k].open || &s->clients[k] == new))
                assert_int_equal(before[k], best);
    }
    free(t);
}

static void room_is_of_the_node(void **state)
{
    struct town *t = town_new(5);
    for (int i = 0; i < 5; i++)
        come(&t->shops[1], 1)->busy = true;
    assert_null(come(&t->shops[0], 2));
    weir_room_wait_for_place(&t->shops[0].room);
    assert_int_equal(t->shops[0].woken, 0);
    t->shops[1].clients[0].open = false;
    weir_room_leave_client(&t->shops[1].room);
    assert_int_equal(t->shops[0].woken, 1);
    weir_room_wait(&t->shops[0].room, false);
    assert_non_null(come(&t->shops[0], 3));
    free(t);
}

static void a_place_that_came_free_before_the_wait_wakes_the_worker(void **state)
{
    struct town *t = town_new(1);
    struct client *c = come(&t->shops[1], 1);
    c->busy = true;
    assert_null(come(&t->shops[0], 2));
    c->open = false;
    weir_room_leave_client(&t->shops[1].room);
    weir_room_wait_for_place(&t->shops[0].room);
    assert_int_equal(t->shops[0].woken, 1);
    free(t);
}

static void another_worker_is_asked_for_its_idle_client(void **state)
{
    struct town *t = town_new(2);
    struct shop *a = &t->shops[0];
    struct shop *b = &t->shops[1];
    struct client *theirs = come(b, 1);
    struct client *own = come(a, 100);
    weir_room_publish(&b->room, 5000, false);
    /* Its client is idle for far longer than this worker's own. */
    rest(own, 4900);
    assert_null(come(a, 5000));
    assert_int_equal(b->woken, 1);
    weir_room_wait_for_place(&a->room);
    weir_room_serve(&b->room, 5001);
    assert_false(theirs->open);
    assert_true(own->open);
    assert_true(a->woken > 0);
    weir_room_wait(&a->room, false);
    assert_non_null(come(a, 5002));
    /* It has none left, and has said so: its own client goes. */
    assert_non_null(come(a, 5003));
    assert_int_equal(b->woken, 1);
    free(t);
}

static void one_that_stops_is_not_asked(void **state)
{
    struct town *t = town_new(1);
    (void)come(&t->shops[1], 1);
    weir_room_publish(&t->shops[1].room, 2, true);
    assert_null(come(&t->shops[0], 3));
    assert_int_equal(t->shops[1].woken, 0);
    free(t);
}

static void a_lower_limit_takes_more_than_one(void **state)
{
    struct town *t = town_new(10);
    unsigned open = 0;
    for (uint64_t i = 0; i < 10; i++)
        (void)come(&t->shops[0], i);
    atomic_store(&t->room.clients.max, 4);
    assert_non_null(come(&t->shops[0], 100));
    for (int k = 0; k < CLIENTS_MAX; k++)
        open += t->shops[0].clients[k].open;
    assert_int_equal(open, 4);
    free(t);
}

static void for_a_descriptor_a_parked_origin_connection_goes_first(void **state)
{
    struct town *t = town_new(8);
    struct shop *a = &t->shops[0];
    struct shop *b = &t->shops[1];
    struct client *c = come(a, 1);
    assert_true(weir_room_take_origin(&a->room));
    a->parked = 1;
    assert_true(weir_room_free_descriptor(&a->room, 2));
    assert_int_equal(a->parked, 0);
    assert_true(c->open);
    assert_true(weir_room_free_descriptor(&a->room, 3));
    assert_false(c->open);
    assert_true(weir_room_take_origin(&b->room));
    b->parked = 1;
    weir_room_publish(&b->room, 4, false);
    assert_false(weir_room_free_descriptor(&a->room, 5));
    assert_int_equal(b->woken, 1);
    weir_room_serve(&b->room, 6);
    assert_int_equal(b->parked, 0);
    free(t);
}

static void origin_connections_have_a_limit_of_their_own(void **state)
{
    struct town *t = town_new(8);
    struct shop *a = &t->shops[0];
    for (int i = 0; i < 4; i++)
        assert_true(weir_room_take_origin(&a->room));
    assert_false(weir_room_take_origin(&t->shops[1].room));
    assert_false(weir_room_take_origin(&a->room));
    a->parked = 1;
    assert_true(weir_room_take_origin(&a->room));
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_idle_makes_way),
        cmocka_unit_test(a_busy_one_stays_and_nobody_idle_means_no_room),
        cmocka_unit_test(one_that_has_sent_something_stays),
        cmocka_unit_test(the_list_agrees_with_a_search),
        cmocka_unit_test(room_is_of_the_node),
        cmocka_unit_test(a_place_that_came_free_before_the_wait_wakes_the_worker),
        cmocka_unit_test(another_worker_is_asked_for_its_idle_client),
        cmocka_unit_test(one_that_stops_is_not_asked),
        cmocka_unit_test(a_lower_limit_takes_more_than_one),
        cmocka_unit_test(for_a_descriptor_a_parked_origin_connection_goes_first),
        cmocka_unit_test(origin_connections_have_a_limit_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
