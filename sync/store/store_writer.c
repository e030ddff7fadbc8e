/* SPDX-License-Identifier: Apache-2.0
 *
 * store_writer.c - the writer thread: takes all that is queued, commits it in groups, and reports
 * the results. It does not wait for more writes to come: while one group is on its way to the disk
 * the next one gathers.
 * Order for each write: durable, then on_change, then done. Owner: writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "sync/store/store_env.h"
#include "sync/store/store_publish.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"

#define IDLE_WAKE_MS                                                                               \
    1000 /* how soon a page that a reader found damaged is marked for the restart */

static struct weir_write *write_of(struct weir_msg *m)
{
    return weir_container_of(m, struct weir_write, msg);
}

/* Report the results of all writes of the group, in the order in which they came. */
static void finish_group(struct weir_store *s, size_t num_writes, size_t num_changes)
{
    if (num_changes > 0 && s->cfg.on_change != NULL)
        s->cfg.on_change(s->cfg.on_change_arg, s->changes, num_changes);
    for (size_t i = 0; i < num_writes; i++)
        weir_store_count_unwritten(s, s->group[i]);
    weir_store_count_metric(s, WEIR_M_STORE_WRITES, num_changes);
    for (size_t i = 0; i < num_writes; i++)
        s->group[i]->done(s->group[i]);
}

/* Push the group back to the front of the queue, to be tried one by one. */
static struct weir_msg *retry_singly(struct weir_store *s, size_t num, struct weir_msg *rest)
{
    for (size_t i = num; i > 0; i--) {
        s->group[i - 1]->msg.next = rest;
        rest = &s->group[i - 1]->msg;
    }
    s->num_single = num;
    return rest;
}

/* A small store is filled by less than a group: no group may pass its reserve by much. */
static uint64_t group_bytes(const struct weir_store *s)
{
    uint64_t part = atomic_load(&s->max_bytes) / 64;
    return part < STORE_GROUP_BYTES ? part : STORE_GROUP_BYTES;
}

static struct weir_msg *group_gather(struct store_txn *t, struct weir_msg *queue,
                                     size_t *ret_writes, size_t *ret_changes)
{
    struct weir_store *s = t->s;
    size_t max = s->num_single > 0 ? 1 : WEIR_WRITE_GROUP_MAX;
    uint64_t max_bytes = group_bytes(s);
    size_t num = 0;
    size_t num_changes = 0;

    while (queue != NULL && num < max && t->bytes < max_bytes && !t->broken) {
        struct weir_write *w = write_of(queue);
        queue = queue->next;
        s->group[num++] = w;
        w->err = weir_store_write_one(t, w, &s->changes[num_changes]);
        if (w->err == WEIR_OK)
            num_changes++;
        else if (t->touched)
            t->broken = true;
    }
    *ret_writes = num;
    *ret_changes = num_changes;
    return queue;
}

/* Give every write of the group the same error, except those that were refused for a reason of
 * their own. */
static void fail_group(struct weir_store *s, size_t num, enum weir_err err)
{
    for (size_t i = 0; i < num; i++)
        if (s->group[i]->err == WEIR_OK)
            s->group[i]->err = err;
}

static struct weir_msg *fail_queue(struct weir_store *s, struct weir_msg *queue, enum weir_err err)
{
    size_t num = 0;
    uint32_t suppressed = 0;

    if (weir_log_allowed(&s->disk_log, 1, &suppressed))
        log_error("store.begin_failed", "folder=%s err=\"%s\" suppressed=%u", s->folder,
                  weir_err_name(err), suppressed);
    for (; queue != NULL && num < WEIR_WRITE_GROUP_MAX; queue = queue->next) {
        s->group[num] = write_of(queue);
        s->group[num]->over_reserve = false;
        s->group[num++]->err = err;
    }
    s->num_single = s->num_single > num ? s->num_single - num : 0;
    weir_store_publish_failure(s);
    finish_group(s, num, 0);
    return queue;
}

/* Could the writes of a failed group succeed one by one? Not when the disk is what failed. */
static bool worth_retry(const struct store_txn *t, enum weir_err err)
{
    return t->broken || err == WEIR_ENOMEM || err == WEIR_ECORRUPT;
}

/* Commit as much of the queue as one transaction takes. @return the rest */
static struct weir_msg *group_run(struct weir_store *s, struct weir_msg *queue)
{
    struct store_txn t;
    size_t num = 0;
    size_t num_changes = 0;

    enum weir_err err = weir_store_txn_begin(s, &t);
    if (err < 0)
        return fail_queue(s, queue, err);
    queue = group_gather(&t, queue, &num, &num_changes);
    if (t.broken || num_changes == 0) {
        err = t.broken ? s->group[num - 1]->err : WEIR_OK;
        weir_store_txn_abort(&t);
    } else {
        err = weir_store_txn_commit(&t);
        weir_store_count_metric(s, WEIR_M_STORE_COMMITS, err == WEIR_OK);
    }
    if (err < 0 && num > 1 && worth_retry(&t, err))
        return retry_singly(s, num, queue);
    if (s->num_single > 0)
        s->num_single--;
    if (err < 0) {
        fail_group(s, num, err);
        num_changes = 0;
        if (!t.broken)
            weir_store_publish_failure(s);
    } else if (num_changes > 0) {
        weir_store_publish(s);
    }
    finish_group(s, num, num_changes);
    return queue;
}

static void on_wake(void *arg)
{
    struct weir_store *s = arg;

    weir_store_lock(&s->wake_lock);
    s->woken = true;
    WEIR_ASSERT(pthread_cond_signal(&s->wake_cond) == 0);
    weir_store_unlock(&s->wake_lock);
}

/* Sleep until something is queued, the store closes, or the idle time is over. */
static bool wait_for_work(struct weir_store *s)
{
    struct timespec until;

    WEIR_ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += IDLE_WAKE_MS / 1000;
    weir_store_lock(&s->wake_lock);
    while (!s->woken && !s->closing)
        if (pthread_cond_timedwait(&s->wake_cond, &s->wake_lock, &until) == ETIMEDOUT)
            break;
    s->woken = false;
    bool closing = s->closing;
    weir_store_unlock(&s->wake_lock);
    return closing;
}

static void purge_if_time(struct weir_store *s)
{
    uint64_t now_ms = weir_clock_mono_ns() / 1000000;

    if (now_ms < s->purge_at_ms)
        return;
    s->purge_at_ms = weir_store_purge_step(s) ? now_ms : now_ms + STORE_PURGE_EVERY_MS;
}

static void *writer_main(void *arg)
{
    struct weir_store *s = arg;
    bool closing = false;

    WEIR_ASSERT(s->magic == STORE_MAGIC);
    while (true) {
        bool overflowed = false; /* the callers of refused writes already know */
        struct weir_msg *queue = weir_inbox_take(&s->inbox, &overflowed);
        if (queue == NULL && closing)
            break;
        while (queue != NULL)
            queue = group_run(s, queue);
        weir_store_mark_suspect(s);
        if (!closing) {
            purge_if_time(s);
            closing = wait_for_work(s);
        }
    }
    weir_store_write_clean(s);
    return NULL;
}

enum weir_err weir_store_writer_start(struct weir_store *s)
{
    pthread_condattr_t attr;

    if (pthread_mutex_init(&s->wake_lock, NULL) != 0)
        return WEIR_ENOMEM;
    WEIR_ASSERT(pthread_condattr_init(&attr) == 0);
    WEIR_ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    int rc = pthread_cond_init(&s->wake_cond, &attr);
    WEIR_ASSERT(pthread_condattr_destroy(&attr) == 0);
    if (rc != 0)
        goto no_cond;
    enum weir_err err = weir_inbox_init(&s->inbox, WEIR_WRITER_QUEUE_MAX, on_wake, s);
    if (err < 0)
        goto no_inbox;
    rc = pthread_create(&s->writer, NULL, writer_main, s);
    if (rc != 0)
        goto no_thread;
    s->running = true;
    return WEIR_OK;

no_thread:
    weir_inbox_deinit(&s->inbox);
no_inbox:
    WEIR_ASSERT(pthread_cond_destroy(&s->wake_cond) == 0);
no_cond:
    WEIR_ASSERT(pthread_mutex_destroy(&s->wake_lock) == 0);
    return WEIR_ENOMEM;
}

void weir_store_writer_stop(struct weir_store *s)
{
    if (!s->running)
        return;
    weir_inbox_close(&s->inbox);
    weir_store_lock(&s->wake_lock);
    s->closing = true;
    WEIR_ASSERT(pthread_cond_signal(&s->wake_cond) == 0);
    weir_store_unlock(&s->wake_lock);
    WEIR_ASSERT(pthread_join(s->writer, NULL) == 0);
    s->running = false;
    weir_inbox_deinit(&s->inbox);
    WEIR_ASSERT(pthread_cond_destroy(&s->wake_cond) == 0);
    WEIR_ASSERT(pthread_mutex_destroy(&s->wake_lock) == 0);
}

enum weir_err weir_store_submit(struct weir_store *s, struct weir_write *w)
{
    WEIR_ASSERT(s->magic == STORE_MAGIC);
    WEIR_ASSERT(weir_store_class_known(w->class));
    WEIR_ASSERT(w->key.len >= 1);
    WEIR_ASSERT(w->key.len <= WEIR_KEY_MAX);
    WEIR_ASSERT(w->build != NULL);
    WEIR_ASSERT(w->done != NULL);
    if (s->cfg.driven)
        return WEIR_ECLOSED;
    return weir_inbox_push(&s->inbox, &w->msg);
}
