/* SPDX-License-Identifier: Apache-2.0
 *
 * member_fuzz.c - the value of a MEMBER record. What unpacks must be within its limits, pack to the
 * same bytes, and be what the generated code reads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/frame/member.h"
#include "weir/v1/record.pb-c.h"

static void check(int holds)
{
    if (!holds)
        abort();
}

static void same_as_generated(const struct weir_member *m, struct weir_span value)
{
    Weir__V1__Member *g = weir__v1__member__unpack(NULL, value.len, value.at);

    check(g != NULL);
    check(g->n_address == m->num_addresses && g->roles == m->roles);
    check(g->state == (Weir__V1__Member__State)m->state && g->schema_max == m->schema_max);
    for (size_t i = 0; i < g->n_address; i++)
        check(weir_span_eq(weir_span_cstr(g->address[i]), m->address[i]));
    check(weir_span_eq(weir_span_cstr(g->zone), m->zone));
    weir__v1__member__free_unpacked(g, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct weir_span value = weir_span(data, len);
    struct weir_span key = weir_span(len >= 10 ? data + 2 : data, WEIR_NODE_ID_LEN);
    struct weir_member m;

    if (len < 10 || weir_member_unpack(key, value, &m) < 0)
        return 0;
    check(m.state < WEIR_MEMBER_NUM_STATES && m.num_addresses <= WEIR_MEMBER_ADDRESSES_MAX);
    check(m.zone.len <= WEIR_MEMBER_ZONE_MAX);
    check(weir_member_packed_len(&m) == len);
    uint8_t *again = malloc(len);
    if (again == NULL)
        return 0;
    weir_member_pack(&m, again);
    check(memcmp(again, data, len) == 0);
    free(again);
    same_as_generated(&m, value);
    return 0;
}
