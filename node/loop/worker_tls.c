/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_tls.c - see worker_tls.h.
 */
#include "node/loop/worker_tls.h"

#include <stdlib.h>

#include "node/loop/loop.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_signature.h"
#include "tenants/cert_secret.h"

static enum weir_err make_server(struct weir_worker *w, weir_tls_choose_fn choose)
{
    struct weir_worker_tls *t = w->tls;
    uint8_t key[WEIR_SECRET_LEN];
    weir_secret_derive(w->cfg.secret, WEIR_SPAN_LIT("tls session tickets"), key);
    enum weir_err err = weir_tls_tickets_new(key, &t->tickets);
    weir_wipe(key, sizeof(key));
    struct weir_tls_server_config server = { .choose = choose, .tickets = t->tickets };
    return err == WEIR_OK ? weir_tls_server_new(&server, &t->server) : err;
}

enum weir_err weir_worker_tls_init(struct weir_worker *w, weir_tls_choose_fn choose)
{
    WEIR_ASSERT(w->tls == NULL);
    struct weir_worker_tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    w->tls = t;
    w->env.tls = &t->scratch;
    weir_pool_init(&t->layers, sizeof(struct weir_tls_layer), 64, 0);
    return w->cfg.secret != NULL ? make_server(w, choose) : WEIR_OK;
}

void weir_worker_tls_set_max(struct weir_worker *w, size_t max)
{
    if (w->tls != NULL)
        weir_pool_set_max(&w->tls->layers, max);
}

void weir_worker_tls_deinit(struct weir_worker *w)
{
    struct weir_worker_tls *t = w->tls;
    if (t == NULL)
        return;
    weir_tls_server_free(&t->server);
    weir_tls_tickets_free(&t->tickets);
    weir_tls_client_free(&t->client);
    weir_pool_deinit(&t->layers);
    w->env.tls = NULL;
    w->tls = NULL;
    free(t);
}

bool weir_worker_tls_may_step(struct weir_worker *w)
{
    struct weir_worker_tls *t = w->tls;
    if (t->steps_turn != w->env.turns) {
        t->steps_turn = w->env.turns;
        t->steps = 0;
    }
    if (t->steps >= WEIR_HANDSHAKE_BUDGET)
        return false;
    t->steps++;
    return true;
}

/* -- signatures -- */

struct job {
    uv_work_t work;
    struct weir_worker *worker;
    struct weir_tls_signature *signature;
    void (*made)(struct weir_worker *w, void *owner);
};

static void make_signature(uv_work_t *work)
{
    struct job *j = work->data;
    weir_tls_signature_make(j->signature);
}

static void after_signature(uv_work_t *work, int status)
{
    struct job *j = work->data;
    struct job done = *j;
    WEIR_ASSERT(done.worker->magic == WEIR_WORKER_MAGIC);
    WEIR_ASSERT(status == 0); /* nothing cancels it */
    void *owner = weir_tls_signature_made(done.signature);
    free(j);
    done.worker->tls->num_signatures--;
    if (owner == NULL)
        return;
    weir_conn_env_enter(&done.worker->env);
    done.made(done.worker, owner);
    weir_conn_env_leave(&done.worker->env);
}

bool weir_worker_tls_sign(struct weir_worker *w, struct weir_tls *t,
                          void (*made)(struct weir_worker *w, void *owner))
{
    struct job *j = w->tls->num_signatures < WEIR_SIGNATURES_MAX ? calloc(1, sizeof(*j)) : NULL;
    if (j == NULL)
        return false;
    j->work.data = j;
    j->worker = w;
    j->made = made;
    j->signature = weir_tls_take_signature(t);
    WEIR_ASSERT(j->signature != NULL);
    int rc = uv_queue_work(&w->loop, &j->work, make_signature, after_signature);
    WEIR_ASSERT(rc == 0); /* it fails without a function alone */
    w->tls->num_signatures++;
    return true;
}
