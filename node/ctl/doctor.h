/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor.h - GET /v1/doctor: checks what makes nodes fail slowly, and reports what to do about it.
 * Owner: control. Endpoints are tried with a plain TCP connect, without blocking:
 * WEIR_DOCTOR_ENDPOINTS_MAX distinct ones of the first tenants, WEIR_DOCTOR_CONNECT_MS for all of
 * them together.
 */
#ifndef WEIR_NODE_CTL_DOCTOR_H
#define WEIR_NODE_CTL_DOCTOR_H

#include <stddef.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/ctl/node.h"
#include "weir/v1/admin.pb-c.h"

#define WEIR_DOCTOR_ENDPOINTS_MAX 64
#define WEIR_DOCTOR_CONNECT_MS    1000
#define WEIR_DOCTOR_CHECKS_MAX    32

/** The checks so far; all texts in the arena. */
struct weir_doctor {
    struct weir_node *node;
    struct weir_arena arena;
    Weir__V1__DoctorCheck checks[WEIR_DOCTOR_CHECKS_MAX];
    Weir__V1__DoctorCheck *list[WEIR_DOCTOR_CHECKS_MAX];
    size_t num;
    enum weir_err err; /* the first that prevented the report of a check */
};

/** No check yet. @param node borrowed until deinit */
void weir_doctor_init(struct weir_doctor *d, struct weir_node *node);
/** Frees every text. */
void weir_doctor_deinit(struct weir_doctor *d);
/** All checks but the endpoints. Results are in d. */
void weir_doctor_node(struct weir_doctor *d);

/** One endpoint to try. */
struct weir_doctor_endpoint {
    char *text;   /* as configured */
    char *tenant; /* the first that has it */
};
/** Collect distinct endpoints. @return WEIR_OK | WEIR_EIO | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err
weir_doctor_endpoints(struct weir_doctor *d, struct weir_doctor_endpoint *out, size_t *ret_len);

/** Add a finding. @param outcome "ok", "warn" or "fail"  @param hint NULL: none  @param message in
 * the arena or static */
void weir_doctor_report(struct weir_doctor *d, const char *name, const char *outcome,
                        const char *message, const char *hint);

#endif
