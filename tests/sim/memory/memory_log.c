/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_log.c - the log of changes. It is walked forwards to call the hooks and to free what is
 * out of use, backwards to undo. Undoing needs no memory: whatever a change took out of the trees
 * is still there, links and all.
 */
#include "tests/sim/memory/memory_log.h"

#include <stdlib.h>

#include "tests/sim/memory/memory_conflicts.h"
#include "tests/support/failalloc.h"

#define LOG_FIRST    16
#define LOG_ROOM_MAX 4096 /* entries; an empty log with room for more frees it */

bool memory_log_reserve(struct weir_memory *m, size_t num)
{
    size_t cap = m->log_cap > 0 ? m->log_cap : LOG_FIRST;

    while (cap - m->log_num < num)
        cap *= 2;
    if (cap == m->log_cap)
        return true;
    struct memory_undo *log = realloc(m->log, cap * sizeof(*log));
    if (log == NULL)
        return false;
    m->log = log;
    m->log_cap = cap;
    return true;
}

void memory_log_add(struct weir_memory *m, const struct memory_undo *u)
{
    WEIR_ASSERT(m->log_num < m->log_cap);
    m->log[m->log_num++] = *u;
}

static void undo_change(struct weir_memory *m, const struct memory_undo *u)
{
    switch (u->what) {
    case MEMORY_PUT:
        memory_record_remove(&m->s, u->of.record.is);
        free(u->of.record.is);
        if (u->of.record.was != NULL)
            (void)memory_record_add(&m->s, u->of.record.was);
        return;
    case MEMORY_DROP:
        (void)memory_record_add(&m->s, u->of.record.was);
        return;
    case MEMORY_LANE_ADD:
        memory_lane_remove(&m->s, u->of.lane.lane);
        free(u->of.lane.lane);
        return;
    case MEMORY_LANE_SET:
        u->of.lane.lane->is = u->of.lane.before;
        return;
    case MEMORY_LANE_DROP:
        memory_lane_add(&m->s, u->of.lane.lane);
        return;
    case MEMORY_META:
        m->s.meta = u->of.meta.before;
        return;
    case MEMORY_CONFLICT_ADD:
        memory_conflict_remove(m, u->of.conflict);
        memory_conflict_free(u->of.conflict);
        return;
    case MEMORY_CONFLICT_DROP:
        memory_conflict_add(m, u->of.conflict, u->of.conflict->by_number.rank);
        return;
    case MEMORY_WIPE:
        memory_state_deinit(&m->s);
        m->s = *u->of.wiped;
        free(u->of.wiped);
        return;
    }
    WEIR_UNREACHABLE();
}

void memory_log_undo(struct weir_memory *m, size_t at)
{
    while (m->log_num > at)
        undo_change(m, &m->log[--m->log_num]);
}

void memory_log_abort(struct weir_memory *m)
{
    if (!m->is_open)
        return;
    memory_log_undo(m, m->open_at);
    memory_recall(m);
    m->is_open = false;
}

/* Free what nothing will bring back. */
static void free_change(struct memory_undo *u)
{
    switch (u->what) {
    case MEMORY_PUT:
    case MEMORY_DROP:
        free(u->of.record.was);
        return;
    case MEMORY_LANE_DROP:
        free(u->of.lane.lane);
        return;
    case MEMORY_CONFLICT_DROP:
        memory_conflict_free(u->of.conflict);
        return;
    case MEMORY_WIPE:
        memory_state_deinit(u->of.wiped);
        free(u->of.wiped);
        return;
    case MEMORY_LANE_ADD:
    case MEMORY_LANE_SET:
    case MEMORY_META:
    case MEMORY_CONFLICT_ADD:
        return;
    }
    WEIR_UNREACHABLE();
}

void memory_log_drop(struct weir_memory *m)
{
    for (size_t i = 0; i < m->log_num; i++)
        free_change(&m->log[i]);
    m->log_num = 0;
    m->open_at = 0;
    if (m->log_cap > LOG_ROOM_MAX) {
        free(m->log);
        m->log = NULL;
        m->log_cap = 0;
    }
}

/* -- hooks: what they allocate never fails -- */

static void report_record(const struct weir_memory *m, const struct memory_record *r,
                          void (*fn)(void *arg, const struct weir_stored_record *rec))
{
    struct weir_stored_record rec;

    if (fn == NULL)
        return;
    memory_record_show(r, r->bytes, &rec);
    fn(m->hooks.arg, &rec);
}

static void report_lane(const struct weir_memory *m, const struct memory_undo *u)
{
    struct weir_lane_row before = memory_lane_show(u->of.lane.lane, &u->of.lane.before);
    struct weir_lane_row after = memory_lane_show(u->of.lane.lane, &u->of.lane.after);

    if (m->hooks.on_lane != NULL)
        m->hooks.on_lane(m->hooks.arg, u->what == MEMORY_LANE_ADD ? NULL : &before,
                         u->what == MEMORY_LANE_DROP ? NULL : &after);
}

static void report_change(const struct weir_memory *m, const struct memory_undo *u)
{
    switch (u->what) {
    case MEMORY_PUT:
        report_record(m, u->of.record.is, m->hooks.on_put);
        return;
    case MEMORY_DROP:
        report_record(m, u->of.record.was, m->hooks.on_drop);
        return;
    case MEMORY_LANE_ADD:
    case MEMORY_LANE_SET:
    case MEMORY_LANE_DROP:
        report_lane(m, u);
        return;
    case MEMORY_META:
        if (m->hooks.on_meta != NULL)
            m->hooks.on_meta(m->hooks.arg, &u->of.meta.before, &u->of.meta.after);
        return;
    case MEMORY_WIPE:
        if (m->hooks.on_wipe != NULL)
            m->hooks.on_wipe(m->hooks.arg);
        return;
    case MEMORY_CONFLICT_ADD:
    case MEMORY_CONFLICT_DROP:
        return;
    }
    WEIR_UNREACHABLE();
}

void memory_log_report(struct weir_memory *m, size_t at)
{
    bool counted = weir_failalloc_pause();

    for (size_t i = at; i < m->log_num; i++)
        report_change(m, &m->log[i]);
    weir_failalloc_resume(counted);
}
