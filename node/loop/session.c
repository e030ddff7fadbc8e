/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - see session.h.
 */
#include "node/loop/session.h"

#include "node/base/log_filter.h"
#include "node/base/metrics.h"
#include "node/base/probe.h"
#include "node/loop/conn_log.h"
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

void weir_session_accept(struct weir_worker *w, const struct weir_session_kind *kind, int fd,
                         const struct weir_addr *peer, const struct weir_addr *local)
{
    WEIR_ASSERT(fd >= 0);
    struct weir_session *s = kind->open(w, fd);
    if (s == NULL) {
        weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_REFUSED, 1);
        weir_sock_abort(fd);
        return;
    }
    s->magic = WEIR_SESSION_MAGIC;
    s->kind = kind;
    s->worker = w;
    s->peer = *peer;
    weir_list_append(&w->sessions, &s->link);
    w->num_sessions++;
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_ACCEPTED, 1);
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    if (local != NULL)
        s->local = *local;
    else if (weir_sock_local(fd, &s->local) < 0) {
        s->kind->cut(s);
        return;
    }
    WEIR_PROBE3(accept, s, fd, &s->peer);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_conn_log_accepted(s));
    kind->begin(s);
}

void weir_session_close(struct weir_session *s, bool abort)
{
    struct weir_worker *w = s->worker;
    WEIR_ASSERT(s->magic == WEIR_SESSION_MAGIC);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_conn_log_closed(s, abort));
    weir_list_remove(&s->link);
    w->num_sessions--;
    weir_metric_sub(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    weir_conn_close(&s->conn, abort);
    weir_worker_accepting(w, true);
}
