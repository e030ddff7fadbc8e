/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_doctor.c - GET /v1/doctor over the loop: names are looked up by the node's resolver,
 * connects run side by side, and one timer ends what has not responded. Everything is freed when
 * the last handle and the last look-up have come back.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "node/base/inbox.h"
#include "node/base/limits.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/doctor.h"
#include "node/loop/resolve.h"

#define DOCTOR_TELL_MAX 5 /* unreachable endpoints that are named one by one */

struct visit;

/** One endpoint on its way. */
struct
try {
    struct visit *visit;
    struct weir_doctor_endpoint *endpoint;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uint16_t port; /* of a name */
    bool open;     /* tcp is a handle of the loop */
    bool over;     /* the outcome is known */
    int outcome;   /* 0: connected; else libuv's number */
};

/** One request for the doctor. */
struct visit {
    struct weir_admin_request *request; /* NULL: responded */
    struct weir_doctor doctor;
    uv_timer_t timer;
    bool timer_open;
    uv_async_t wake;
    bool wake_open;
    struct weir_inbox responses; /* of the resolver: weir_lookup.msg, whose owner is a try */
    size_t num_lookups;          /* that the resolver has, or are in `responses` */
    size_t num;
    size_t num_left; /* tries whose outcome is not known */
    size_t num_held; /* handles that libuv has */
    struct weir_doctor_endpoint endpoints[WEIR_DOCTOR_ENDPOINTS_MAX];
    struct try tries[WEIR_DOCTOR_ENDPOINTS_MAX];
};

static void on_wake_closed(uv_handle_t *handle);

/* The last one to leave frees it. */
static void release_visit(struct visit *v)
{
    if (v->request != NULL || v->num_lookups > 0)
        return;
    if (v->wake_open) {
        v->wake_open = false;
        uv_close((uv_handle_t *)&v->wake, on_wake_closed);
    }
    if (v->num_held > 0)
        return;
    weir_inbox_deinit(&v->responses);
    weir_doctor_deinit(&v->doctor);
    free(v);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct visit *v = handle->data;
    v->num_held--;
    release_visit(v);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct visit *v = handle->data;
    v->num_held--;
    release_visit(v);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    struct try *t = handle->data;
    t->visit->num_held--;
    release_visit(t->visit);
}

static void report_endpoints(struct visit *v)
{
    struct weir_doctor *d = &v->doctor;
    size_t bad = 0;
    for (size_t i = 0; i < v->num; i++) {
        const struct try *t = &v->tries[i];
        if (t->outcome == 0 || bad++ >= DOCTOR_TELL_MAX)
            continue;
        weir_doctor_report(
            d, "endpoint", "warn",
            weir_arena_printf(&d->arena, "%s of tenant %s: %s", t->endpoint->text,
                              t->endpoint->tenant, uv_strerror(t->outcome)),
            "see whether the server runs, and whether its firewall admits this node");
    }
    weir_doctor_report(
        d, "endpoints", bad > 0 ? "warn" : "ok",
        weir_arena_printf(&d->arena, "%zu of %zu tried were reached", v->num - bad, v->num), NULL);
}

static void respond_visit(struct visit *v)
{
    struct weir_admin_request *r = v->request;
    struct weir_doctor *d = &v->doctor;
    Weir__V1__DoctorResponse response = WEIR__V1__DOCTOR_RESPONSE__INIT;
    report_endpoints(v);
    response.checks = d->list;
    response.n_checks = d->num;
    v->request = NULL;
    if (d->err < 0)
        weir_admin_response_err(r, d->err, "the checks");
    else
        weir_admin_response_message(r, 200, &response.base);
    if (v->timer_open && !uv_is_closing((uv_handle_t *)&v->timer))
        uv_close((uv_handle_t *)&v->timer, on_timer_closed);
    release_visit(v);
}

/* The last outcome is the moment of the response. */
static void end_try(struct try *t, int outcome)
{
    struct visit *v = t->visit;
    if (t->over)
        return;
    t->over = true;
    t->outcome = outcome;
    v->num_left--;
    if (t->open && !uv_is_closing((uv_handle_t *)&t->tcp))
        uv_close((uv_handle_t *)&t->tcp, on_tcp_closed);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct try *t = connect->data;
    bool was_over = t->over;
    end_try(t, status);
    if (!was_over && t->visit->num_left == 0)
        respond_visit(t->visit);
}

static void connect_try(struct try *t, const struct sockaddr *at)
{
    int rc = uv_tcp_init(t->visit->request->node->loop, &t->tcp);
    WEIR_ASSERT(rc == 0);
    t->tcp.data = t;
    t->open = true;
    t->visit->num_held++;
    t->connect.data = t;
    rc = uv_tcp_connect(&t->connect, &t->tcp, at, on_connect);
    if (rc < 0)
        end_try(t, rc);
}

/* The best address that the name has. */
static void take_response(struct try *t, struct weir_lookup *l)
{
    struct sockaddr_storage ss;
    if (t->over)
        return;
    if (l->num_addrs == 0) {
        end_try(t, l->result == WEIR_RESOLVED_NONE ? UV_EAI_NONAME : UV_EAI_AGAIN);
        return;
    }
    l->addrs[0].port = t->port;
    (void)weir_addr_to_sockaddr(&l->addrs[0], &ss);
    connect_try(t, (const struct sockaddr *)&ss);
}

static void on_wake(uv_async_t *wake)
{
    struct visit *v = wake->data;
    bool overflowed = false;
    struct weir_msg *m = weir_inbox_take(&v->responses, &overflowed);
    if (m == NULL)
        return;
    while (m != NULL) {
        struct weir_lookup *l = weir_container_of(m, struct weir_lookup, msg);
        m = m->next;
        v->num_lookups--;
        take_response(l->owner, l);
        free(l);
    }
    if (v->request != NULL && v->num_left == 0)
        respond_visit(v);
    else
        release_visit(v);
}

static void wake_visit(void *arg)
{
    struct visit *v = arg;
    (void)uv_async_send(&v->wake);
}

/* @param len  of the name in the endpoint's text */
static void look_up(struct try *t, size_t len)
{
    struct visit *v = t->visit;
    const struct weir_resolve *resolve = &v->request->node->resolve;
    struct weir_lookup *l = resolve->ask != NULL ? malloc(sizeof(*l)) : NULL;
    if (l == NULL) {
        end_try(t, UV_EAI_AGAIN);
        return;
    }
    struct weir_span tenant = weir_span_cstr(t->endpoint->tenant);
    l->reply = &v->responses;
    l->tenant = weir_hash64(0, tenant.at, tenant.len);
    l->owner = t;
    memcpy(l->host, t->endpoint->text, len);
    l->host[len] = '\0';
    v->num_lookups++;
    if (resolve->ask(resolve->arg, l) == WEIR_OK)
        return;
    v->num_lookups--;
    free(l);
    end_try(t, UV_EAI_AGAIN);
}

static void start_try(struct try *t)
{
    struct sockaddr_storage ss;
    struct weir_addr addr;
    struct weir_span text = weir_span_cstr(t->endpoint->text);
    if (weir_addr_parse(text, &addr) == WEIR_OK) {
        (void)weir_addr_to_sockaddr(&addr, &ss);
        connect_try(t, (const struct sockaddr *)&ss);
        return;
    }
    const char *colon = strrchr(t->endpoint->text, ':');
    size_t len = colon != NULL ? (size_t)(colon - t->endpoint->text) : 0;
    if (len == 0 || len > WEIR_HOST_MAX) {
        end_try(t, UV_EINVAL);
        return;
    }
    t->port = (uint16_t)strtoul(colon + 1, NULL, 10); /* the schema has checked it */
    look_up(t, len);
}

static void on_timer(uv_timer_t *timer)
{
    struct visit *v = timer->data;
    for (size_t i = 0; i < v->num; i++)
        end_try(&v->tries[i], UV_ETIMEDOUT);
    if (v->request != NULL)
        respond_visit(v);
}

static void start_visit(struct visit *v)
{
    int rc = uv_timer_init(v->request->node->loop, &v->timer);
    WEIR_ASSERT(rc == 0);
    v->timer.data = v;
    v->timer_open = true;
    v->num_held++;
    rc = uv_async_init(v->request->node->loop, &v->wake, on_wake);
    WEIR_ASSERT(rc == 0);
    v->wake.data = v;
    v->wake_open = true;
    v->num_held++;
    v->num_left = v->num;
    for (size_t i = 0; i < v->num; i++) {
        v->tries[i].visit = v;
        v->tries[i].endpoint = &v->endpoints[i];
        start_try(&v->tries[i]);
    }
    if (v->num_left == 0) {
        respond_visit(v);
        return;
    }
    rc = uv_timer_start(&v->timer, on_timer, WEIR_DOCTOR_CONNECT_MS, 0);
    WEIR_ASSERT(rc == 0);
}

void weir_admin_doctor(struct weir_admin_request *r)
{
    struct visit *v = calloc(1, sizeof(*v));
    if (v == NULL || weir_inbox_init(&v->responses, WEIR_DOCTOR_ENDPOINTS_MAX, wake_visit, v) < 0) {
        free(v);
        weir_admin_response_err(r, WEIR_ENOMEM, "the checks");
        return;
    }
    v->request = r;
    weir_doctor_init(&v->doctor, r->node);
    weir_doctor_node(&v->doctor);
    enum weir_err err = weir_doctor_endpoints(&v->doctor, v->endpoints, &v->num);
    if (err < 0) {
        v->request = NULL;
        weir_admin_response_err(r, err, "the endpoints");
        release_visit(v);
        return;
    }
    start_visit(v);
}
