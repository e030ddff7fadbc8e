/* SPDX-License-Identifier: Apache-2.0
 *
 * push.h - changes on their way into the store: many items of one request, each a durable write of
 * its own. Owner: control. Items are submitted in order, at most WEIR_PUSH_RUNNING_MAX at a time
 * over all pushes; two changes of one name never run at once, so that the revision behind a
 * deletion is known when its successor is made. A push outlives the client that asked for it.
 */
#ifndef WEIR_NODE_CTL_PUSH_H
#define WEIR_NODE_CTL_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/list.h"
#include "node/base/span.h"
#include "node/ctl/node.h"
#include "node/ctl/overlap_check.h"
#include "node/ctl/stored_tenant.h"
#include "sync/store/store.h"
#include "tenants/schema/schema.h"

#define WEIR_PUSH_RUNNING_MAX                                                                      \
    16384                       /* writes that the store has and has not reported, of all pushes */
#define WEIR_PUSH_SLICE   256   /* items handled in one turn of the loop, for one push */
#define WEIR_PUSH_BUSY_MS 10000 /* how long a push waits for room in the store's queue */

struct weir_push;
struct weir_push_queue;

struct weir_push_item;
/** As weir_write.build, for one item; sets item->change.existed and .unchanged. */
typedef enum weir_err (*weir_push_build)(struct weir_push_item *item,
                                         const struct weir_record *current,
                                         struct weir_strbuf *value);

/** One change. The results hold when the push is done. */
struct weir_push_item {
    struct weir_write write;
    struct weir_push *push;
    struct weir_span name;
    weir_push_build build; /* of a record that is no tenant's; else NULL */
    void *own;             /* of whoever added it */
    struct weir_stored_tenant_change change;
    struct weir_overlap_refusal overlap; /* why it was refused with WEIR_EPERM */
    enum weir_err err; /* WEIR_OK: written; WEIR_EEXIST: nothing to change; else refused */
    bool too_late;     /* refused because the node is stopping or stayed busy */
};

/** One write of another class than tenants, by whoever embeds it. Owner: the submitter until
 * submit, the queue until `finished`. */
struct weir_push_single {
    struct weir_write write; /* class, key, delete and build are the submitter's */
    struct weir_push_queue *queue;
    /** On the control thread; write.err is the result. */
    void (*finished)(struct weir_push_single *s);
};

struct weir_push {
    struct weir_list link; /* in the queue's list of pushes that wait for room */
    struct weir_push_queue *queue;
    struct weir_arena arena; /* items, packed tenants, texts */
    struct weir_docs docs;   /* where the tenants live that came from a text */
    struct weir_push_item *items;
    size_t num;
    size_t max;
    size_t next; /* first item that was not yet handled */
    size_t finished;
    bool dry_run;
    bool allow_overlap; /* set before start: names may overlap those of other tenants */
    const char *user;
    uint64_t now_ms;      /* Unix, for applied_ms */
    uint64_t waits_until; /* loop time: without progress until then it gives up */
    void (*done)(struct weir_push *p);
    void *arg;
};

/** @param node its store, reader and loop are used until the queue has ended  @return WEIR_OK |
 * WEIR_ENOMEM | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_push_queue_new(struct weir_node *node,
                                                struct weir_push_queue **ret);
/** Refuse new work; when the last write is reported the handles close, and the loop can end. */
void weir_push_queue_stop(struct weir_push_queue *q);
/** After stop, an empty loop and the end of the store, whose writer may still be about to wake the
 * loop. Sets *q NULL. */
void weir_push_queue_free(struct weir_push_queue **q);

/** @param user copied  @return NULL: out of memory */
WEIR_MUST_USE struct weir_push *weir_push_new(struct weir_push_queue *q, const char *user,
                                              bool dry_run);
/** Before start, or from done on. Sets *p NULL. */
void weir_push_free(struct weir_push **p);

/** Make room for `max` items; once, before the first. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_push_reserve(struct weir_push *p, size_t max);
/**
 * Add a change: the tenant as it shall be.
 *
 * @param t    borrowed until the push is freed; checked by the schema already
 * @param why  for StoredTenant.why, copied
 * @param ret  to set its precondition; NULL: not wanted
 * @return WEIR_OK | WEIR_ELIMIT (the packed tenant alone is over WEIR_RECORD_MAX) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_push_add(struct weir_push *p, const Weir__V1__Tenant *t,
                                          const char *why, struct weir_push_item **ret);
/** Add a deletion. @param name copied  @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_push_delete(struct weir_push *p, struct weir_span name,
                                             struct weir_push_item **ret);

/**
 * Add a change of a record of another class.
 *
 * @param key    of the record, copied; no tenant's name (contract), so that it is one in the queue
 * @param build  also for a deletion: it may refuse
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_push_record(struct weir_push *p, enum weir_class class,
                                             struct weir_span key, weir_push_build build,
                                             struct weir_push_item **ret);

/**
 * Go. `done` is called in a later turn of the loop, when every item has its result.
 *
 * @return WEIR_OK: p is the queue's until done | WEIR_ECLOSED: the node is stopping, nothing was
 * written
 */
WEIR_MUST_USE enum weir_err weir_push_start(struct weir_push *p, void (*done)(struct weir_push *),
                                            void *arg);

/**
 * Submit one write. Writes of one key may run at once: what must hold is judged in write.build.
 *
 * @return WEIR_OK: `finished` is called in a later turn of the loop | WEIR_EBUSY (try later) |
 * WEIR_ECLOSED (the node is stopping)
 */
WEIR_MUST_USE enum weir_err weir_push_submit(struct weir_push_queue *q, struct weir_push_single *s,
                                             void (*finished)(struct weir_push_single *));

/** "created", "changed", "unchanged", "deleted" or "refused". */
const char *weir_push_outcome(const struct weir_push_item *item);

#endif
