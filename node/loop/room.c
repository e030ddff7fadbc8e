/* SPDX-License-Identifier: Apache-2.0
 *
 * room.c - see room.h. The list of idle clients is lazy: a connection stays where it is while it
 * serves requests, and moves to the end at most once in REPLACE_MS, when it is idle again. So the
 * list is sorted by placed_ms, and each idle connection is idle since less than REPLACE_MS after
 * it. Moving it at every request would cost two cache lines of other connections.
 */
#include "node/loop/room.h"

#include "node/base/clock.h"

#define REPLACE_MS 1000
#define NEAR_MS    1000 /* another worker's client goes first only if it is idle so much longer */
#define LOOK_MAX   1024 /* connections looked at for the one that makes way */
#define END_MAX    64   /* connections ended for one place, when others take it first */
#define NOBODY     UINT64_MAX

/* What other workers ask for. */
#define ASKED_PLACE      1u
#define ASKED_DESCRIPTOR 2u

/* -- places -- */

bool weir_places_take(struct weir_places *p)
{
    uint32_t before = atomic_fetch_add_explicit(&p->taken, 1, memory_order_seq_cst);
    if (WEIR_LIKELY(before < atomic_load_explicit(&p->max, memory_order_relaxed)))
        return true;
    atomic_fetch_sub_explicit(&p->taken, 1, memory_order_seq_cst);
    return false;
}

void weir_places_leave(struct weir_places *p)
{
    uint32_t before = atomic_fetch_sub_explicit(&p->taken, 1, memory_order_seq_cst);
    WEIR_ASSERT(before > 0);
}

static bool has_place(const struct weir_places *p)
{
    return atomic_load_explicit(&p->taken, memory_order_seq_cst) <
           atomic_load_explicit(&p->max, memory_order_relaxed);
}

void weir_room_join(struct weir_room *room, struct weir_room_worker *r,
                    const struct weir_room_ops *ops, void *owner)
{
    WEIR_ASSERT(room->num < WEIR_WORKERS_MAX);
    *r = (struct weir_room_worker){ .room = room, .ops = ops, .owner = owner };
    weir_list_init(&r->idle);
    atomic_store_explicit(&r->idle_since_ms, NOBODY, memory_order_relaxed);
    room->workers[room->num++] = r;
}

/* -- who is idle -- */

void weir_room_note(struct weir_room_worker *r, struct weir_idle_link *c, uint64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    if (!r->ops->is_idle(c))
        return;
    c->since_ms = now;
    if (!weir_list_empty(&c->link) && now - c->placed_ms < REPLACE_MS)
        return;
    weir_list_remove(&c->link);
    weir_list_append(&r->idle, &c->link);
    c->placed_ms = now;
}

/* Those in front that are not idle leave the list; they come back when they are. */
static struct weir_idle_link *longest_idle(struct weir_room_worker *r, uint64_t now_ms)
{
    struct weir_idle_link *best = NULL;
    struct weir_list *next = NULL;
    int looked = 0;
    for (struct weir_list *l = r->idle.next; l != &r->idle && looked < LOOK_MAX; l = next) {
        struct weir_idle_link *c = weir_container_of(l, struct weir_idle_link, link);
        next = l->next;
        looked++;
        if (!r->ops->is_idle(c)) {
            weir_list_remove(l);
            continue;
        }
        if (best != NULL &&
            weir_clock_ms_of(c->placed_ms, now_ms) > weir_clock_ms_of(best->since_ms, now_ms))
            break;
        if (best == NULL ||
            weir_clock_ms_of(c->since_ms, now_ms) < weir_clock_ms_of(best->since_ms, now_ms))
            best = c;
    }
    return best;
}

/* -- making way -- */

/* @return false: this worker has no idle client */
static bool end_client(struct weir_room_worker *r, uint64_t now_ms)
{
    for (int i = 0; i < LOOK_MAX; i++) {
        struct weir_idle_link *c = longest_idle(r, now_ms);
        if (c == NULL)
            return false;
        weir_list_remove(&c->link);
        if (r->ops->end_idle(c))
            return true;
    }
    return false;
}

static uint64_t published_ms(const struct weir_room_worker *r)
{
    return atomic_load_explicit(&r->idle_since_ms, memory_order_relaxed);
}

/* The other worker whose client has been idle longest, as it last reported. NULL: none has one. */
static struct weir_room_worker *idlest_other(const struct weir_room_worker *r)
{
    struct weir_room_worker *best = NULL;
    for (uint32_t i = 0; i < r->room->num; i++) {
        struct weir_room_worker *other = r->room->workers[i];
        if (other != r && published_ms(other) != NOBODY &&
            (best == NULL || published_ms(other) < published_ms(best)))
            best = other;
    }
    return best;
}

static void ask(struct weir_room_worker *other, uint32_t what)
{
    atomic_fetch_or_explicit(&other->asked, what, memory_order_relaxed);
    other->ops->wake(other->owner);
}

/* @return true: one of this worker's clients has made way */
static bool make_place(struct weir_room_worker *r, uint64_t now_ms)
{
    const struct weir_idle_link *own = longest_idle(r, now_ms);
    struct weir_room_worker *other = idlest_other(r);
    if (own != NULL &&
        (other == NULL || weir_clock_ms_of(own->since_ms, now_ms) <= published_ms(other) + NEAR_MS))
        return end_client(r, now_ms);
    if (other != NULL)
        ask(other, ASKED_PLACE);
    return false;
}

bool weir_room_take_client(struct weir_room_worker *r, uint64_t now_ms)
{
    struct weir_places *p = &r->room->clients;
    if (WEIR_LIKELY(weir_places_take(p)))
        return true;
    /* More than one, when the limit was lowered or another worker was faster. */
    for (int i = 0; i < END_MAX && make_place(r, now_ms); i++)
        if (weir_places_take(p))
            return true;
    return false;
}

static void wake_waiting(const struct weir_room_worker *r)
{
    for (uint32_t i = 0; i < r->room->num; i++) {
        struct weir_room_worker *other = r->room->workers[i];
        if (other != r && atomic_load_explicit(&other->waits, memory_order_relaxed))
            other->ops->wake(other->owner);
    }
}

void weir_room_leave_client(struct weir_room_worker *r)
{
    weir_places_leave(&r->room->clients);
    if (WEIR_UNLIKELY(atomic_load_explicit(&r->room->num_waiting, memory_order_seq_cst) > 0))
        wake_waiting(r);
}

bool weir_room_take_origin(struct weir_room_worker *r)
{
    struct weir_places *p = &r->room->origins;
    if (WEIR_LIKELY(weir_places_take(p)))
        return true;
    return r->ops->end_parked(r->owner) && weir_places_take(p);
}

void weir_room_leave_origin(struct weir_room_worker *r)
{
    weir_places_leave(&r->room->origins);
}

bool weir_room_free_descriptor(struct weir_room_worker *r, uint64_t now_ms)
{
    if (r->ops->end_parked(r->owner) || end_client(r, now_ms))
        return true;
    for (uint32_t i = 0; i < r->room->num; i++) {
        struct weir_room_worker *other = r->room->workers[i];
        if (other == r || (published_ms(other) == NOBODY &&
                           !atomic_load_explicit(&other->has_parked, memory_order_relaxed)))
            continue;
        ask(other, ASKED_DESCRIPTOR);
        break;
    }
    return false;
}

/* -- between workers -- */

bool weir_room_may_come(const struct weir_room_worker *r)
{
    return has_place(&r->room->clients) || !weir_list_empty(&r->idle) || idlest_other(r) != NULL;
}

void weir_room_wait(struct weir_room_worker *r, bool waits)
{
    if (WEIR_LIKELY(atomic_load_explicit(&r->waits, memory_order_relaxed) == waits))
        return;
    atomic_store_explicit(&r->waits, waits, memory_order_relaxed);
    if (waits)
        atomic_fetch_add_explicit(&r->room->num_waiting, 1, memory_order_seq_cst);
    else
        atomic_fetch_sub_explicit(&r->room->num_waiting, 1, memory_order_seq_cst);
}

void weir_room_wait_for_place(struct weir_room_worker *r)
{
    weir_room_wait(r, true);
    if (has_place(&r->room->clients))
        r->ops->wake(r->owner);
}

void weir_room_serve(struct weir_room_worker *r, uint64_t now_ms)
{
    uint32_t asked = atomic_exchange_explicit(&r->asked, 0, memory_order_relaxed);
    bool made = false;
    if (asked & ASKED_PLACE)
        made = end_client(r, now_ms);
    if (asked & ASKED_DESCRIPTOR)
        made = r->ops->end_parked(r->owner) || end_client(r, now_ms) || made;
    if (asked == 0)
        return;
    weir_room_publish(r, now_ms, false);
    if (made)
        wake_waiting(r);
}

void weir_room_publish(struct weir_room_worker *r, uint64_t now_ms, bool stops)
{
    const struct weir_idle_link *c = stops ? NULL : longest_idle(r, now_ms);
    uint64_t since = c != NULL ? weir_clock_ms_of(c->since_ms, now_ms) : NOBODY;
    atomic_store_explicit(&r->idle_since_ms, since, memory_order_relaxed);
    atomic_store_explicit(&r->has_parked, !stops && r->ops->has_parked(r->owner),
                          memory_order_relaxed);
}
