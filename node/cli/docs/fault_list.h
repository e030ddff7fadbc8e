/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_list.h - what is wrong in documents that are read one by one: equal faults are one, with
 * the first place and their number.
 * Owner: the main thread.
 * Limits: WEIR_FAULTS_MAX different faults; those beyond are counted.
 */
#ifndef WEIR_NODE_CLI_DOCS_FAULT_LIST_H
#define WEIR_NODE_CLI_DOCS_FAULT_LIST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/strbuf.h"

#define WEIR_FAULTS_MAX 200

/** Where something is wrong. Borrowed. */
struct weir_fault_place {
    const char *file;
    uint32_t line;      /* 0: the file as a whole */
    const char *tenant; /* NULL: the fault is not of a tenant */
};

struct weir_fault {
    char *place;     /* owns; "FILE:LINE:1: tenant NAME", escaped */
    char *text;      /* owns; escaped */
    size_t num_more; /* equal ones at other places */
};

/** All zero: nothing is wrong. */
struct weir_fault_list {
    struct weir_fault items[WEIR_FAULTS_MAX];
    size_t len;
    size_t num_total; /* all, those that are only counted included */
    size_t num_unnoted;
};

/** Free the texts. */
void weir_fault_list_deinit(struct weir_fault_list *l);
/**
 * Count a fault, and note it when it is the first of its text.
 *
 * @return WEIR_OK, also when it is only counted | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_fault_list_add(struct weir_fault_list *l,
                                                const struct weir_fault_place *at, const char *fmt,
                                                va_list args) WEIR_PRINTF(3, 0);
/** Append a line for each, in the order of their first places. */
void weir_fault_list_write(const struct weir_fault_list *l, struct weir_strbuf *out);

#endif
