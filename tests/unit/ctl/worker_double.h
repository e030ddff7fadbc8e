/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_double.h - stands in for the data path in tests of the control plane: no threads, no
 * sockets; it notes its calls. Include it in one source of a test. It defines every function
 * of node/loop/worker.h, so that the real one is not linked.
 */
#ifndef WEIR_TESTS_UNIT_CTL_WORKER_DOUBLE_H
#define WEIR_TESTS_UNIT_CTL_WORKER_DOUBLE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "node/loop/worker.h"

struct weir_workers {
    struct weir_workers_config config;
    struct weir_addr bound[WEIR_LISTENERS_MAX];
    struct weir_metrics metrics;
    const struct weir_metrics *blocks[1];
    _Atomic uint64_t num_changed; /* calls of weir_workers_changed */
    uint64_t drain_ms;            /* of the last call of weir_workers_drain */
    unsigned num_drains;
};

/** What the next start returns. */
static enum weir_err worker_double_start_err;
/** What the next change or undrain returns. */
static enum weir_err worker_double_change_err;
/** What weir_workers_progress returns. */
static struct weir_workers_progress worker_double_progress;
/** The signal that reaches the process during the next start; 0: none. */
static int worker_double_signal;
/** What weir_workers_drained returns. */
static bool worker_double_is_drained;

/** Fails with worker_double_start_err, else notes its config. */
enum weir_err weir_workers_start(const struct weir_workers_config *cfg, struct weir_workers **ret,
                                 struct weir_workers_error *ret_error)
{
    if (worker_double_start_err < 0) {
        ret_error->listener = cfg->http[0];
        ret_error->field = "listen.http";
        return worker_double_start_err;
    }
    struct weir_workers *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return WEIR_ENOMEM;
    w->config = *cfg;
    memcpy(w->bound, cfg->http, cfg->num_http * sizeof(*cfg->http));
    if (worker_double_signal != 0)
        raise(worker_double_signal);
    w->blocks[0] = &w->metrics;
    *ret = w;
    return WEIR_OK;
}

/** The address that was asked for. */
const struct weir_addr *weir_workers_bound(const struct weir_workers *w, size_t i)
{
    return &w->bound[i];
}

/** Counts. */
void weir_workers_changed(struct weir_workers *w, enum weir_class class, struct weir_span key,
                          bool names_changed)
{
    atomic_fetch_add(&w->num_changed, 1);
}

/** Notes the deadline. */
void weir_workers_drain(struct weir_workers *w, uint64_t deadline_ms)
{
    w->drain_ms = deadline_ms;
    w->num_drains++;
}

/** Fails with worker_double_change_err, else notes its config. */
enum weir_err weir_workers_change(struct weir_workers *w, const struct weir_workers_config *cfg,
                                  struct weir_workers_error *ret_error)
{
    if (worker_double_change_err < 0) {
        ret_error->listener = cfg->http[0];
        ret_error->field = "listen.http";
        return worker_double_change_err;
    }
    memcpy(w->bound, cfg->http, cfg->num_http * sizeof(*cfg->http));
    return WEIR_OK;
}

/** Fails with worker_double_change_err. */
enum weir_err weir_workers_undrain(struct weir_workers *w, struct weir_workers_error *ret_error)
{
    if (worker_double_change_err < 0) {
        ret_error->listener = w->bound[0];
        ret_error->field = "listen.http";
    }
    return worker_double_change_err;
}

/** What the test has set. */
void weir_workers_progress(const struct weir_workers *w, struct weir_workers_progress *ret)
{
    *ret = worker_double_progress;
}

/** What the test has set. */
bool weir_workers_drained(const struct weir_workers *w)
{
    return worker_double_is_drained;
}

/** Frees. */
void weir_workers_stop(struct weir_workers **w)
{
    free(*w);
    *w = NULL;
}

/** One block. */
const struct weir_metrics *const *weir_workers_metrics(const struct weir_workers *w,
                                                       size_t *ret_num)
{
    *ret_num = 1;
    return w->blocks;
}

/** Writes none. */
enum weir_err weir_workers_write_counters(const struct weir_workers *w, struct weir_strbuf *out)
{
    return WEIR_OK;
}

/** As many as were asked for. */
uint32_t weir_workers_num(const struct weir_workers *w)
{
    return w->config.num_workers;
}

#endif
