/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tls.c - see admin_tls.h.
 */
#include "node/ctl/admin/admin_tls.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/ctl/admin/admin_limits.h"
#include "node/wire/tls_server.h"
#include "node/wire/tls_signature.h"

#define SIGNATURES_MAX 8

struct weir_admin_tls {
    struct weir_conn_env *env;
    void (*on_signed)(struct weir_conn *c);
    struct weir_tls_server *server;
    struct weir_tls_identity *identity; /* one reference; NULL before the first */
    struct weir_pool layers;
    uint32_t num_signatures; /* that helper threads make, or will */
};

/* -- life -- */

/* Any name will do: clients reach the node by whatever name or address it has, and judge its
 * certificate themselves. */
static enum weir_tls_chosen choose(void *owner, const struct weir_client_hello *hello,
                                   struct weir_tls_choice *ret)
{
    const struct weir_conn *c = owner;
    const struct weir_admin_tls *t =
        weir_container_of(weir_tls_layer_of(c)->pool, struct weir_admin_tls, layers);
    WEIR_ASSERT(hello != NULL);
    if (t->identity == NULL)
        return WEIR_TLS_NO_CERTIFICATE;
    ret->identity = weir_tls_identity_ref(t->identity);
    ret->versions = WEIR_TLS_1_2 | WEIR_TLS_1_3;
    ret->alpn = WEIR_ALPN_HTTP11;
    return WEIR_TLS_CHOSEN;
}

enum weir_err weir_admin_tls_new(struct weir_conn_env *e, void (*on_signed)(struct weir_conn *c),
                                 struct weir_admin_tls **ret)
{
    const struct weir_tls_server_config cfg = { .choose = choose };
    struct weir_admin_tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_tls_server_new(&cfg, &t->server);
    if (err < 0) {
        free(t);
        return err;
    }
    t->env = e;
    t->on_signed = on_signed;
    weir_pool_init(&t->layers, sizeof(struct weir_tls_layer), 8,
                   2 * WEIR_ADMIN_TOKEN_MAX * sizeof(struct weir_tls_layer));
    *ret = t;
    return WEIR_OK;
}

void weir_admin_tls_free(struct weir_admin_tls **t)
{
    if (*t == NULL)
        return;
    weir_tls_identity_unref((*t)->identity);
    weir_tls_server_free(&(*t)->server);
    weir_pool_deinit(&(*t)->layers);
    free(*t);
    *t = NULL;
}

void weir_admin_tls_present(struct weir_admin_tls *t, struct weir_tls_identity *identity)
{
    WEIR_ASSERT(identity != NULL);
    weir_tls_identity_unref(t->identity);
    t->identity = identity;
}

enum weir_err weir_admin_tls_accept(struct weir_admin_tls *t, struct weir_conn *c)
{
    struct weir_tls_layer *l = weir_tls_layer_new(t->env, &t->layers);
    if (l == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_tls_accept(&l->tls, t->server, c);
    if (err < 0) {
        weir_tls_layer_discard(l);
        return err;
    }
    weir_conn_set_layer(c, &l->layer);
    return WEIR_OK;
}

/* -- signatures of large keys -- */

struct job {
    uv_work_t work;
    struct weir_admin_tls *tls;
    struct weir_tls_signature *signature;
};

static void make_signature(uv_work_t *work)
{
    struct job *j = work->data;
    weir_tls_signature_make(j->signature);
}

static void after_signature(uv_work_t *work, int status)
{
    struct job *j = work->data;
    WEIR_ASSERT(status == 0); /* nothing cancels it */
    struct weir_admin_tls *t = j->tls;
    struct weir_conn *c = weir_tls_signature_made(j->signature);
    free(j);
    t->num_signatures--;
    if (c != NULL)
        t->on_signed(c);
}

static enum weir_admin_tls_step begin_signature(struct weir_admin_tls *t, struct weir_tls *tls)
{
    /* The helper threads are the workers', too: those who come faster are closed. */
    struct job *j = t->num_signatures < SIGNATURES_MAX ? calloc(1, sizeof(*j)) : NULL;
    if (j == NULL)
        return WEIR_ADMIN_TLS_ENDED;
    j->work.data = j;
    j->tls = t;
    j->signature = weir_tls_take_signature(tls);
    WEIR_ASSERT(j->signature != NULL);
    int rc = uv_queue_work(t->env->loop, &j->work, make_signature, after_signature);
    WEIR_ASSERT(rc == 0); /* it fails without a function alone */
    t->num_signatures++;
    return WEIR_ADMIN_TLS_SIGNS;
}

/* -- the handshake -- */

/* A client that takes the port for one of HTTP in clear is told so in its own words. */
static void respond_in_clear(const struct weir_conn *c)
{
    static const char body[] =
        "{\"error\":{\"code\":\"https\",\"message\":\"this port speaks TLS: use https://\"}}\n";
    char text[256];
    size_t sent = 0;
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       sizeof(body) - 1, body);
    WEIR_ASSERT(len > 0 && (size_t)len < sizeof(text));
    (void)weir_sock_send(c->watch.fd, weir_span(text, (size_t)len), false, &sent);
}

static enum weir_admin_tls_step fail_handshake(const struct weir_conn *c, enum weir_tls_fault fault)
{
    if (fault == WEIR_TLS_FAULT_NONE) /* the socket, or no memory */
        return WEIR_ADMIN_TLS_ENDED;
    if (fault == WEIR_TLS_FAULT_HTTP)
        respond_in_clear(c);
    return WEIR_ADMIN_TLS_REFUSED;
}

enum weir_admin_tls_step weir_admin_tls_handshake(struct weir_admin_tls *t, struct weir_conn *c,
                                                  enum weir_tls_fault *ret_fault)
{
    struct weir_tls *tls = &weir_tls_layer_of(c)->tls;
    *ret_fault = WEIR_TLS_FAULT_NONE;
    switch (weir_tls_layer_handshake(c)) {
    case WEIR_TLS_PROGRESS_DONE:
        return WEIR_ADMIN_TLS_DONE;
    case WEIR_TLS_PROGRESS_BLOCKED:
        return WEIR_ADMIN_TLS_WAITS;
    case WEIR_TLS_PROGRESS_SIGNS:
        return begin_signature(t, tls);
    case WEIR_TLS_PROGRESS_END:
        return WEIR_ADMIN_TLS_ENDED;
    case WEIR_TLS_PROGRESS_FAILED:
        *ret_fault = (enum weir_tls_fault)tls->fault;
        return fail_handshake(c, *ret_fault);
    }
    WEIR_UNREACHABLE();
}
