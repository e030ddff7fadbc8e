/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - see session.h.
 */
#include "node/loop/session/session.h"

#include "node/base/log_filter.h"
#include "node/base/metrics.h"
#include "node/base/probe.h"
#include "node/loop/loop.h"

const char *weir_close_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        [WEIR_CLOSE_OTHER] = "other",
        [WEIR_CLOSE_CLIENT_END] = "client_end",
        [WEIR_CLOSE_CLIENT_LOST] = "client_lost",
        [WEIR_CLOSE_TIMEOUT] = "timeout",
        [WEIR_CLOSE_LAST_RESPONSE] = "last_response",
        [WEIR_CLOSE_DRAIN] = "drain",
        [WEIR_CLOSE_SHED] = "shed",
        [WEIR_CLOSE_REFUSED] = "refused",
    };
    WEIR_ASSERT(reason < WEIR_ARRAY_LEN(names));
    return names[reason];
}

void weir_session_note(struct weir_session *s, enum weir_close_reason reason)
{
    WEIR_ASSERT(s->magic == WEIR_SESSION_MAGIC);
    if (s->reason == WEIR_CLOSE_OTHER)
        s->reason = (uint8_t)reason;
}

/* It has made room for others: at its end, or when it could not be made. */
static void leave_room(struct weir_worker *w, const struct weir_addr *peer, bool counted)
{
    if (counted)
        weir_address_counts_leave(w->group->addresses, peer);
    weir_room_leave_client(&w->room);
}

/* -- its lines of the log -- */

struct addr_text {
    char at[WEIR_ADDR_TEXT_MAX];
};

static struct addr_text addr_text(const struct weir_addr *a)
{
    struct addr_text t;
    (void)weir_addr_text(a, t.at);
    return t;
}

WEIR_COLD static void log_accepted(const struct weir_session *s)
{
    log_debug_for(WEIR_SPAN_EMPTY, &s->peer, "connection.accepted", "client=%s local=%s worker=%u",
                  addr_text(&s->peer).at, addr_text(&s->local).at, weir_worker_of(&s->conn)->index);
}

WEIR_COLD static void log_closed(const struct weir_session *s, bool reset)
{
    log_debug_for(WEIR_SPAN_EMPTY, &s->peer, "connection.closed",
                  "client=%s reason=%s reset=%d requests=%u received=%llu sent=%llu",
                  addr_text(&s->peer).at, weir_close_reason_name(s->reason), reset, s->requests,
                  (unsigned long long)s->conn.received, (unsigned long long)s->conn.given);
}

void weir_session_log_move(const struct weir_session *s, struct weir_span tenant, const char *from,
                           const char *to)
{
    log_trace_for(tenant, &s->peer, "connection.move", "client=%s from=%s to=%s",
                  addr_text(&s->peer).at, from, to);
}

/* -- life -- */

void weir_session_accept(struct weir_worker *w, const struct weir_session_kind *kind,
                         const struct weir_accepted *a)
{
    WEIR_ASSERT(a->fd >= 0);
    struct weir_session *s = kind->open(w, a->fd);
    if (s == NULL) {
        weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_REFUSED, 1);
        leave_room(w, &a->peer, a->counted);
        weir_sock_abort(a->fd);
        return;
    }
    WEIR_ASSERT(weir_session_kind_of(s) == kind);
    s->magic = WEIR_SESSION_MAGIC;
    s->peer = a->peer;
    s->counted_by_address = a->counted;
    weir_list_init(&s->idle.link);
    weir_list_append(&w->sessions, &s->link);
    w->num_sessions++;
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_ACCEPTED, 1);
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    if (a->local != NULL)
        s->local = *a->local;
    else if (weir_sock_local(a->fd, &s->local) < 0) {
        kind->cut(s);
        return;
    }
    WEIR_PROBE3(accept, s, a->fd, &s->peer);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, log_accepted(s));
    kind->begin(s);
}

void weir_session_become(struct weir_session *s, const struct weir_session_kind *kind)
{
    WEIR_ASSERT(s->magic == WEIR_SESSION_MAGIC);
    WEIR_ASSERT(kind->adopt != NULL);
    WEIR_ASSERT(s->conn.env->running != &s->conn);
    weir_task_cancel(&s->conn.task);
    s->conn.task.kind = &kind->owner.task;
    kind->adopt(s);
    kind->begin(s);
}

void weir_session_close(struct weir_session *s, bool abort)
{
    struct weir_worker *w = weir_worker_of(&s->conn);
    WEIR_ASSERT(s->magic == WEIR_SESSION_MAGIC);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, log_closed(s, abort));
    weir_list_remove(&s->link);
    weir_list_remove(&s->idle.link);
    w->num_sessions--;
    leave_room(w, &s->peer, s->counted_by_address);
    weir_metric_sub(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    weir_conn_close(&s->conn, abort);
    weir_worker_accepting(w, true);
}
