/* SPDX-License-Identifier: Apache-2.0
 *
 * rig_resolve.h - stands in for the node's resolver in the tests of workers.
 */
#ifndef WEIR_TESTS_UNIT_LOOP_RIG_RESOLVE_H
#define WEIR_TESTS_UNIT_LOOP_RIG_RESOLVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/loop/resolve.h"

/** Knows localhost alone, and responds at once. */
static inline enum weir_err rig_resolve(void *arg, struct weir_lookup *l)
{
    l->result = WEIR_RESOLVED_NONE;
    l->ttl_ms = 1000;
    l->num_addrs = 0;
    if (strcmp(l->host, "localhost") == 0) {
        l->result = WEIR_RESOLVED_FOUND;
        l->num_addrs = 1;
        assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &l->addrs[0]), WEIR_OK);
    }
    assert_int_equal(weir_inbox_push(l->reply, &l->msg), WEIR_OK);
    return WEIR_OK;
}

#endif
