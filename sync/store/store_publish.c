/* SPDX-License-Identifier: Apache-2.0
 *
 * store_publish.c - the figures of the last commit for readers and metrics, and the mark that a
 * damaged page leaves for the next start.
 */
#include "sync/store/store_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sync/store/store_env.h"
#include "sync/store/store_guard.h"
#include "sync/store/store_txn.h"

void weir_store_count_metric(const struct weir_store *s, enum weir_metric which, uint64_t num)
{
    if (s->cfg.metrics != NULL && num > 0)
        weir_metric_add(s->cfg.metrics, which, num);
}

/* A refusal is a result that the user of the API can act on; everything else is a fault. The store
 * that is over its reserve refuses; a disk that has no room is a fault. */
static enum weir_metric metric_of_unwritten(const struct weir_write *w)
{
    static const struct {
        enum weir_err err;
        enum weir_metric metric;
    } refusals[] = {
        { WEIR_ECONFLICT, WEIR_M_STORE_REFUSED_PRECONDITION },
        { WEIR_ENOTFOUND, WEIR_M_STORE_REFUSED_NOT_FOUND },
        { WEIR_EEXIST, WEIR_M_STORE_REFUSED_EXISTS },
        { WEIR_EINVAL, WEIR_M_STORE_REFUSED_INVALID },
        { WEIR_EPERM, WEIR_M_STORE_REFUSED_OVERLAP },
        { WEIR_EFULL, WEIR_M_STORE_REFUSED_FULL },
        { WEIR_ELIMIT, WEIR_M_STORE_REFUSED_FULL },
    };

    if (w->err == WEIR_EFULL && !w->over_reserve)
        return WEIR_M_STORE_WRITE_ERRORS;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(refusals); i++)
        if (refusals[i].err == w->err)
            return refusals[i].metric;
    return WEIR_M_STORE_WRITE_ERRORS;
}

void weir_store_count_unwritten(const struct weir_store *s, const struct weir_write *w)
{
    if (w->err == WEIR_OK || (w->err == WEIR_EEXIST && w->unchanged))
        return;
    weir_store_count_metric(s, metric_of_unwritten(w), 1);
}

void weir_store_publish(struct weir_store *s)
{
    struct store_txn t = { .s = s };
    struct store_shared next;
    MDB_txn *txn = NULL;

    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != 0)
        return; /* LMDB is out of service: the last figures stay */
    bool ok =
        weir_store_pages_now(s, &t.pages) == WEIR_OK &&
        weir_store_roots_load(&t.pages, mdb_txn_id(txn), s->kind->num_trees, &t.roots) == WEIR_OK &&
        weir_store_txn_meta(&t) == WEIR_OK;
    mdb_txn_abort(txn);
    if (!ok)
        return;
    weir_store_guard_remember(&t);
    next = (struct store_shared){
        .roots = t.roots,
        .pages = t.pages,
        .tally = s->tally,
        .used_bytes = weir_store_used(&t, false),
    };
    if (s->tally.own_lane < s->num_lanes)
        memcpy(next.lane, s->lanes[s->tally.own_lane].id, WEIR_LANE_LEN);
    weir_store_lock(&s->shared_lock);
    s->shared = next;
    weir_store_unlock(&s->shared_lock);
}

void weir_store_publish_failure(struct weir_store *s)
{
    weir_store_lock(&s->shared_lock);
    s->shared.disk_failed = true;
    weir_store_unlock(&s->shared_lock);
}

/* A reader or the guard found a damaged page: leave a mark for the next start. */
void weir_store_mark_suspect(struct weir_store *s)
{
    if (s->suspect_marked || !atomic_load_explicit(&s->suspect, memory_order_relaxed))
        return;
    int fd = openat(s->folder_fd, s->kind->suspect_name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* tried again at the next turn */
    close(fd);
    s->suspect_marked = true;
}
