/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_drain.c - the paths of a drain: begin it or move its deadline, follow it, take it back. A
 * follower gets a line when something changes, and the last line, with the outcome, before the node
 * ends.
 */
#include <stdlib.h>
#include <string.h>

#include "node/ctl/admin/admin_api.h"

#define DEADLINE_DEFAULT_MS 30000
#define DEADLINE_MAX_MS     86400000 /* a day */
#define POLL_MS             50

/** One client that follows. Owner: its request, until the timer is closed. */
struct follower {
    uv_timer_t timer;
    struct weir_admin_request *request;
    struct weir_strbuf line;
    uint64_t last_connections, last_requests, last_deadline_s;
    bool first;
    bool last_sent; /* the outcome is on its way */
};

static void fill_state(const struct weir_node *node, Weir__V1__DrainStatus *s)
{
    uint64_t now = uv_now(node->loop);
    weir__v1__drain_status__init(s);
    s->state = (char *)(node->state != WEIR_NODE_DRAINING ? "serving"
                        : node->drain_over                ? "drained"
                                                          : "draining");
    s->has_deadline_ms = node->state == WEIR_NODE_DRAINING;
    s->deadline_ms = node->drain_until_ms > now ? node->drain_until_ms - now : 0;
}

static void fill_status(const struct weir_node *node, Weir__V1__DrainStatus *s)
{
    struct weir_workers_progress left = { 0 };
    fill_state(node, s);
    if (node->state != WEIR_NODE_DRAINING)
        return;
    weir_workers_progress(node->workers, &left);
    s->has_connections = 1;
    s->connections = left.connections;
    s->has_requests = 1;
    s->requests = left.requests;
    s->has_cut = 1;
    s->cut = left.cut;
}

/* Without what is left: the workers have not reported it yet. */
static void respond_state(struct weir_admin_request *r, uint16_t status)
{
    Weir__V1__DrainStatus s;
    fill_state(r->node, &s);
    weir_admin_response_message(r, status, &s.base);
}

/* -- following -- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct follower *f = handle->data;
    weir_strbuf_deinit(&f->line);
    free(f);
}

static void end_follower(struct follower *f)
{
    WEIR_ASSERT(f->request->node->num_drain_followers > 0);
    f->request->node->num_drain_followers--;
    f->request->gone = NULL;
    weir_admin_stream_end(f->request);
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

static void on_gone(struct weir_admin_request *r)
{
    end_follower(r->work);
}

static bool note_change(struct follower *f, const Weir__V1__DrainStatus *s)
{
    bool changed = f->first || s->connections != f->last_connections ||
                   s->requests != f->last_requests || s->deadline_ms / 1000 != f->last_deadline_s;
    f->first = false;
    f->last_connections = s->connections;
    f->last_requests = s->requests;
    f->last_deadline_s = s->deadline_ms / 1000;
    return changed;
}

static void on_timer(uv_timer_t *timer)
{
    struct follower *f = timer->data;
    Weir__V1__DrainStatus s;
    if (!weir_admin_stream_ready(f->request))
        return;
    if (f->last_sent) {
        end_follower(f);
        return;
    }
    fill_status(f->request->node, &s);
    f->last_sent = strcmp(s.state, "draining") != 0;
    if (!note_change(f, &s) && !f->last_sent)
        return;
    if (weir_schema_write_json(&s.base, &f->line) < 0)
        f->line.failed = true;
    weir_strbuf_putc(&f->line, '\n');
    weir_admin_stream_send(f->request, &f->line);
}

static void follow(struct weir_admin_request *r)
{
    struct follower *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        weir_admin_response_err(r, WEIR_ENOMEM, "drain");
        return;
    }
    f->request = r;
    f->first = true;
    f->line = WEIR_STRBUF_ZERO;
    int rc = uv_timer_init(r->node->loop, &f->timer);
    WEIR_ASSERT(rc == 0);
    f->timer.data = f;
    r->work = f;
    r->node->num_drain_followers++;
    weir_admin_stream_begin(r, "application/x-ndjson");
    if (r->conn == NULL) { /* the head could not be written */
        end_follower(f);
        return;
    }
    r->gone = on_gone;
    /* Not at once: the workers report what they have left within their next turn. */
    rc = uv_timer_start(&f->timer, on_timer, POLL_MS, POLL_MS);
    WEIR_ASSERT(rc == 0);
}

/* -- the paths -- */

void weir_admin_drain(struct weir_admin_request *r)
{
    struct weir_node *node = r->node;
    uint64_t deadline_ms = DEADLINE_DEFAULT_MS;
    bool is_followed = false;
    if (weir_query_u64(&r->query, "deadline_ms", &deadline_ms) < 0 ||
        deadline_ms > DEADLINE_MAX_MS) {
        weir_admin_response_error(r, 400, "bad_request", "deadline_ms is out of range 0..%d",
                                  DEADLINE_MAX_MS);
        return;
    }
    if (weir_query_bool(&r->query, "follow", &is_followed) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "follow takes 0 or 1");
        return;
    }
    if (node->drain_over) {
        weir_admin_response_error(r, 409, "ending",
                                  "the node is ending already: its drain is over");
        return;
    }
    node->drain(node, deadline_ms);
    if (is_followed)
        follow(r);
    else
        respond_state(r, 202);
}

void weir_admin_drain_get(struct weir_admin_request *r)
{
    Weir__V1__DrainStatus s;
    fill_status(r->node, &s);
    weir_admin_response_message(r, 200, &s.base);
}

void weir_admin_undrain(struct weir_admin_request *r)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    enum weir_err err = r->node->undrain(r->node, &why);
    const char *text = why.failed || why.len == 0 ? weir_err_name(err) : why.at;
    if (err == WEIR_OK)
        respond_state(r, 200);
    else if (err == WEIR_EBUSY)
        weir_admin_response_error(r, 503, "busy", "%s", text);
    else
        weir_admin_response_error(r, 409, err == WEIR_ECLOSED ? "ending" : "listener", "%s", text);
    weir_strbuf_deinit(&why);
}
