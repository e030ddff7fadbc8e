/* SPDX-License-Identifier: Apache-2.0
 *
 * push.c - see push.h. The writer thread pushes results into an inbox that wakes the control loop;
 * there each response frees its name and its place, and the pushes that waited for one go on in the
 * order in which they began to wait.
 */
#include "node/ctl/push.h"

#include <stdlib.h>

#include "node/base/clock.h"
#include "node/base/hashmap.h"
#include "node/base/inbox.h"
#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/rng.h"

#define RETRY_MS      20           /* when the store's queue is full of writes that are not ours */
#define ARENA_BLOCK   16384        /* bytes */
#define ARENA_MAX     (256u << 20) /* bytes of one push: an admin body swells less than this */
#define LOG_ITEMS_MAX 16           /* a larger push is logged as one line */
#define LOGICAL_BITS  16           /* of an hlc stamp */

struct weir_push_queue {
    struct weir_node *node;
    uv_async_t async;
    uv_timer_t retry;
    struct weir_inbox responses;
    struct weir_hashmap names; /* of the changes that run */
    struct weir_list waiting;  /* pushes with items left */
    size_t running;
    bool stopping;
};

/** The check of one item's new names. */
struct name_check {
    struct weir_push_item *item;
    struct weir_names_view view;
};

static enum weir_err check_name(void *arg, const char *name)
{
    struct name_check *check = arg;
    return weir_overlap_check_name(&check->view, check->item->change.tenant, name,
                                   &check->item->overlap);
}

/* @param check  in use until the change was built */
static enum weir_err build_change(struct weir_push_item *item, struct name_check *check,
                                  const struct weir_record *current, uint64_t hlc,
                                  struct weir_strbuf *value)
{
    if (item->build != NULL)
        return item->build(item, current, value);
    if (!item->push->allow_overlap) {
        item->change.name_check = check_name;
        item->change.name_check_arg = check;
    }
    return weir_stored_tenant_build(&item->change, current, hlc, value);
}

static enum weir_err build_item(struct weir_write *w, const struct weir_record *current,
                                uint64_t hlc, struct weir_strbuf *value)
{
    struct weir_push_item *item = weir_container_of(w, struct weir_push_item, write);
    struct name_check check = { item, weir_names_of_write(w) };
    enum weir_err err = build_change(item, &check, current, hlc, value);
    w->revision = err == WEIR_OK ? item->change.revision : 0;
    w->unchanged = item->change.unchanged;
    return err;
}

/* On the writer thread: only hand over. There is room, for no more writes run than the box holds.
 */
static void on_item_done(struct weir_write *w)
{
    struct weir_push_item *item = weir_container_of(w, struct weir_push_item, write);
    enum weir_err err = weir_inbox_push(&item->push->queue->responses, &w->msg);
    WEIR_ASSERT(err == WEIR_OK);
}

/* -- single writes -- */

/* On the writer thread, as on_item_done. */
static void on_single_done(struct weir_write *w)
{
    struct weir_push_single *s = weir_container_of(w, struct weir_push_single, write);
    enum weir_err err = weir_inbox_push(&s->queue->responses, &w->msg);
    WEIR_ASSERT(err == WEIR_OK);
}

enum weir_err weir_push_submit(struct weir_push_queue *q, struct weir_push_single *s,
                               void (*finished)(struct weir_push_single *))
{
    if (q->stopping)
        return WEIR_ECLOSED;
    if (q->running == WEIR_PUSH_RUNNING_MAX)
        return WEIR_EBUSY;
    s->queue = q;
    s->finished = finished;
    s->write.done = on_single_done;
    enum weir_err err = weir_store_submit(q->node->store, &s->write);
    if (err == WEIR_OK)
        q->running++;
    return err;
}

/* -- one item -- */

struct newest {
    uint64_t revision;
};

static bool take_newest(void *arg, uint64_t revision, struct weir_span value)
{
    struct newest *n = arg;
    n->revision = revision;
    return false;
}

/* A name that comes back continues after its last stored revision. Inside a snapshot. */
static enum weir_err find_last_revision(struct weir_store_reader *r, struct weir_push_item *item,
                                        struct weir_record *ret_current, bool *ret_exists)
{
    struct newest newest = { 0 };
    enum weir_err err = weir_store_get(r, item->write.class, item->name, ret_current);
    *ret_exists = err == WEIR_OK;
    if (err == WEIR_OK)
        return WEIR_OK;
    if (item->build != NULL && (err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT))
        return WEIR_OK; /* it has no revisions */
    if (err != WEIR_ENOTFOUND && err != WEIR_ECORRUPT)
        return err;
    err = weir_store_revision_list(r, WEIR_CLASS_TENANT, item->name, take_newest, &newest);
    item->change.last_revision = newest.revision;
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* All but the write. The stamp is only near the one that the write would get, which shows nowhere.
 */
static enum weir_err try_item(struct weir_push_item *item, const struct weir_record *current)
{
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct name_check check = { item, weir_names_of_reader(item->push->queue->node->reader) };
    uint64_t hlc = item->push->now_ms << LOGICAL_BITS;
    enum weir_err err = build_change(item, &check, current, hlc, &value);
    weir_strbuf_deinit(&value);
    return err;
}

static enum weir_err submit_item(struct weir_push_queue *q, struct weir_push_item *item)
{
    if (q->running == WEIR_PUSH_RUNNING_MAX)
        return WEIR_EBUSY;
    enum weir_err err = weir_hashmap_add(&q->names, item->name, item);
    if (err < 0)
        return err == WEIR_EEXIST ? WEIR_EBUSY : err;
    err = weir_store_submit(q->node->store, &item->write);
    if (err < 0)
        (void)weir_hashmap_remove(&q->names, item->name);
    else
        q->running++;
    return err;
}

/* @return WEIR_EBUSY: try again later; all else is on its way, or is the item's result */
static enum weir_err start_item(struct weir_push_queue *q, struct weir_push_item *item)
{
    struct weir_record current;
    bool exists = false;
    bool running = false;
    enum weir_err err = find_last_revision(q->node->reader, item, &current, &exists);
    if (err == WEIR_OK && item->push->dry_run) {
        err = try_item(item, exists ? &current : NULL);
    } else if (err == WEIR_OK) {
        err = submit_item(q, item);
        running = err == WEIR_OK;
    }
    if (err == WEIR_EBUSY)
        return err;
    if (!running) {
        item->err = err;
        item->push->finished++;
    }
    return WEIR_OK;
}

/* -- pushes -- */

static void log_push(const struct weir_push *p)
{
    size_t written = 0;
    size_t refused = 0;
    for (size_t i = 0; i < p->num; i++) {
        const struct weir_push_item *item = &p->items[i];
        written += item->err == WEIR_OK ? 1 : 0;
        refused += item->err != WEIR_OK && item->err != WEIR_EEXIST ? 1 : 0;
        if (p->num <= LOG_ITEMS_MAX && item->err == WEIR_OK && item->build == NULL)
            log_info("tenant.changed", "tenant=%.*s outcome=%s revision=%llu by=%s",
                     (int)item->name.len, (const char *)item->name.at, weir_push_outcome(item),
                     (unsigned long long)item->change.revision, p->user);
    }
    if (p->num > 0 && p->items[0].build == NULL && (p->num > LOG_ITEMS_MAX || refused > 0))
        log_info("tenants.applied", "documents=%zu written=%zu refused=%zu by=%s", p->num, written,
                 refused, p->user);
}

static void finish_push(struct weir_push *p)
{
    WEIR_ASSERT(p->finished == p->num);
    weir_list_remove(&p->link);
    if (!p->dry_run)
        log_push(p);
    p->done(p);
}

/* What is left is not written. */
static void give_up_push(struct weir_push *p, enum weir_err err)
{
    for (; p->next < p->num; p->next++) {
        p->items[p->next].err = err;
        p->items[p->next].too_late = true;
        p->finished++;
    }
}

/* Start items until there is no room, or the slice is used. @return true: it can go on at once */
static bool start_slice(struct weir_push *p)
{
    struct weir_push_queue *q = p->queue;
    size_t from = p->next;
    size_t end = p->num - from > WEIR_PUSH_SLICE ? from + WEIR_PUSH_SLICE : p->num;
    enum weir_err err = weir_store_read_begin(q->node->reader);
    if (err < 0) {
        give_up_push(p, err);
        return false;
    }
    while (p->next < end && err == WEIR_OK) {
        err = start_item(q, &p->items[p->next]);
        p->next += err == WEIR_OK ? 1 : 0;
    }
    weir_store_read_end(q->node->reader);
    if (err == WEIR_OK || p->next > from)
        p->waits_until = uv_now(q->node->loop) + WEIR_PUSH_BUSY_MS;
    else if (uv_now(q->node->loop) > p->waits_until)
        give_up_push(p, WEIR_EBUSY);
    return err == WEIR_OK && p->next < p->num;
}

static void close_queue(struct weir_push_queue *q)
{
    if (!q->stopping || q->running > 0 || !weir_list_empty(&q->waiting) ||
        uv_is_closing((uv_handle_t *)&q->async))
        return;
    uv_close((uv_handle_t *)&q->async, NULL);
    uv_close((uv_handle_t *)&q->retry, NULL);
}

static void take_item(struct weir_push_queue *q, struct weir_write *w)
{
    struct weir_push_item *item = weir_container_of(w, struct weir_push_item, write);
    struct weir_push *p = item->push;
    void *removed = weir_hashmap_remove(&q->names, item->name);
    WEIR_ASSERT(removed == item);
    item->err = w->err;
    p->finished++;
    if (p->finished == p->num)
        finish_push(p);
}

static void take_results(struct weir_push_queue *q)
{
    bool overflowed = false;
    struct weir_msg *next = NULL;
    for (struct weir_msg *m = weir_inbox_take(&q->responses, &overflowed); m != NULL; m = next) {
        struct weir_write *w = weir_container_of(m, struct weir_write, msg);
        next = m->next;
        q->running--;
        if (w->done == on_single_done) {
            struct weir_push_single *single = weir_container_of(w, struct weir_push_single, write);
            single->finished(single);
        } else {
            take_item(q, w);
        }
    }
}

static void turn_queue(struct weir_push_queue *q);

static void on_retry(uv_timer_t *timer)
{
    turn_queue(timer->data);
}

/* One turn: results first, for they make room; then each waiting push gets its slice. */
static void turn_queue(struct weir_push_queue *q)
{
    struct weir_list turn;
    bool again = false;
    take_results(q);
    weir_list_init(&turn);
    while (!weir_list_empty(&q->waiting)) {
        struct weir_list *l = q->waiting.next;
        weir_list_remove(l);
        weir_list_append(&turn, l);
    }
    while (!weir_list_empty(&turn)) {
        struct weir_push *p = weir_container_of(turn.next, struct weir_push, link);
        weir_list_remove(&p->link);
        if (q->stopping)
            give_up_push(p, WEIR_ECLOSED);
        else
            again = start_slice(p) || again;
        if (p->next < p->num)
            weir_list_append(&q->waiting, &p->link);
        else if (p->finished == p->num)
            finish_push(p);
    }
    if (again)
        (void)uv_async_send(&q->async);
    else if (!weir_list_empty(&q->waiting))
        (void)uv_timer_start(&q->retry, on_retry, RETRY_MS, 0);
    close_queue(q);
}

static void on_async(uv_async_t *async)
{
    turn_queue(async->data);
}

/* Any thread. */
static void wake_queue(void *arg)
{
    struct weir_push_queue *q = arg;
    (void)uv_async_send(&q->async);
}

enum weir_err weir_push_queue_new(struct weir_node *node, struct weir_push_queue **ret)
{
    uint64_t seed = 0;
    struct weir_push_queue *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    if (err == WEIR_OK)
        err = weir_inbox_init(&q->responses, WEIR_PUSH_RUNNING_MAX, wake_queue, q);
    if (err < 0) {
        free(q);
        return err;
    }
    q->node = node;
    weir_list_init(&q->waiting);
    weir_hashmap_init(&q->names, seed, WEIR_PUSH_RUNNING_MAX);
    if (uv_async_init(node->loop, &q->async, on_async) < 0) {
        weir_inbox_deinit(&q->responses);
        free(q);
        return WEIR_ENOMEM;
    }
    int rc = uv_timer_init(node->loop, &q->retry);
    WEIR_ASSERT(rc == 0);
    q->async.data = q;
    q->retry.data = q;
    *ret = q;
    return WEIR_OK;
}

void weir_push_queue_stop(struct weir_push_queue *q)
{
    if (q->stopping)
        return;
    q->stopping = true;
    (void)uv_async_send(&q->async);
}

void weir_push_queue_free(struct weir_push_queue **q)
{
    if (*q == NULL)
        return;
    WEIR_ASSERT((*q)->stopping);
    WEIR_ASSERT((*q)->running == 0);
    weir_hashmap_deinit(&(*q)->names);
    weir_inbox_deinit(&(*q)->responses);
    free(*q);
    *q = NULL;
}

struct weir_push *weir_push_new(struct weir_push_queue *q, const char *user, bool dry_run)
{
    struct weir_push *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    weir_list_init(&p->link);
    weir_arena_init(&p->arena, ARENA_BLOCK, ARENA_MAX);
    weir_docs_init(&p->docs);
    p->queue = q;
    p->dry_run = dry_run;
    p->now_ms = weir_clock_wall_ms();
    p->user = weir_arena_strdup(&p->arena, weir_span_cstr(user));
    if (p->user == NULL)
        weir_push_free(&p);
    return p;
}

void weir_push_free(struct weir_push **p)
{
    if (*p == NULL)
        return;
    WEIR_ASSERT((*p)->link.next == &(*p)->link);
    weir_docs_deinit(&(*p)->docs);
    weir_arena_deinit(&(*p)->arena);
    free(*p);
    *p = NULL;
}

enum weir_err weir_push_reserve(struct weir_push *p, size_t max)
{
    WEIR_ASSERT(p->items == NULL);
    p->items = weir_arena_calloc(&p->arena, max, sizeof(*p->items));
    if (p->items == NULL)
        return WEIR_ENOMEM;
    p->max = max;
    return WEIR_OK;
}

static struct weir_push_item *add_item(struct weir_push *p, struct weir_span name)
{
    WEIR_ASSERT(p->num < p->max);
    const char *copy = weir_arena_strdup(&p->arena, name);
    if (copy == NULL)
        return NULL;
    struct weir_push_item *item = &p->items[p->num++];
    item->push = p;
    item->name = weir_span(copy, name.len);
    item->change.user = p->user;
    item->change.now_ms = p->now_ms;
    item->write.class = WEIR_CLASS_TENANT;
    item->write.key = item->name;
    item->write.build = build_item;
    item->write.done = on_item_done;
    return item;
}

enum weir_err weir_push_add(struct weir_push *p, const Weir__V1__Tenant *t, const char *why,
                            struct weir_push_item **ret)
{
    size_t len = protobuf_c_message_get_packed_size(&t->base);
    if (len > WEIR_RECORD_MAX)
        return WEIR_ELIMIT;
    uint8_t *packed = weir_arena_alloc(&p->arena, len);
    const char *why_copy = weir_arena_strdup(&p->arena, weir_span_cstr(why));
    if (packed == NULL || why_copy == NULL)
        return WEIR_ENOMEM;
    struct weir_push_item *item = add_item(p, weir_span_cstr(t->name));
    if (item == NULL)
        return WEIR_ENOMEM;
    item->change.tenant = t;
    item->change.packed = weir_span(packed, protobuf_c_message_pack(&t->base, packed));
    item->change.why = why_copy;
    if (ret != NULL)
        *ret = item;
    return WEIR_OK;
}

enum weir_err weir_push_delete(struct weir_push *p, struct weir_span name,
                               struct weir_push_item **ret)
{
    struct weir_push_item *item = add_item(p, name);
    if (item == NULL)
        return WEIR_ENOMEM;
    item->write.delete = true;
    if (ret != NULL)
        *ret = item;
    return WEIR_OK;
}

enum weir_err weir_push_record(struct weir_push *p, enum weir_class class, struct weir_span key,
                               weir_push_build build, struct weir_push_item **ret)
{
    WEIR_ASSERT(build != NULL);
    WEIR_ASSERT(memchr(key.at, '/', key.len) != NULL);
    struct weir_push_item *item = add_item(p, key);
    if (item == NULL)
        return WEIR_ENOMEM;
    item->write.class = class;
    item->build = build;
    *ret = item;
    return WEIR_OK;
}

enum weir_err weir_push_start(struct weir_push *p, void (*done)(struct weir_push *), void *arg)
{
    struct weir_push_queue *q = p->queue;
    WEIR_ASSERT(weir_list_empty(&p->link));
    if (q->stopping)
        return WEIR_ECLOSED;
    p->done = done;
    p->arg = arg;
    p->waits_until = uv_now(q->node->loop) + WEIR_PUSH_BUSY_MS;
    weir_list_append(&q->waiting, &p->link);
    (void)uv_async_send(&q->async);
    return WEIR_OK;
}

const char *weir_push_outcome(const struct weir_push_item *item)
{
    if (item->err == WEIR_OK && item->write.delete)
        return "deleted";
    if (item->err == WEIR_OK)
        return item->change.existed ? "changed" : "created";
    if (item->err == WEIR_EEXIST && item->change.unchanged)
        return "unchanged";
    return "refused";
}
