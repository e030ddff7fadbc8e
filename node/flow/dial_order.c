/* SPDX-License-Identifier: Apache-2.0
 *
 * dial_order.c - see dial_order.h.
 */
#include "node/flow/dial_order.h"

#include <stdbool.h>

#include "node/base/contract.h"

uint16_t weir_dial_order_find(const struct weir_addr *addrs, uint16_t num,
                              const struct weir_addr *a)
{
    uint16_t at = 0;
    while (at < num && !weir_addr_eq(&addrs[at], a))
        at++;
    return at;
}

/* The first that is not taken yet, of the family if one of it is left. */
static uint16_t next_of_family(const struct weir_addr *addrs, uint16_t num, const bool *taken,
                               bool v4)
{
    uint16_t other = num;
    for (uint16_t i = 0; i < num; i++) {
        if (taken[i])
            continue;
        if (weir_addr_is_v4(&addrs[i]) == v4)
            return i;
        if (other == num)
            other = i;
    }
    return other;
}

void weir_dial_order(const struct weir_addr *addrs, uint16_t num, const struct weir_addr *good,
                     struct weir_addr out[WEIR_RESOLVE_MAX])
{
    bool taken[WEIR_RESOLVE_MAX] = { false };
    WEIR_ASSERT(num > 0 && num <= WEIR_RESOLVE_MAX);
    uint16_t at = good != NULL ? weir_dial_order_find(addrs, num, good) : 0;
    if (at == num)
        at = 0;
    for (uint16_t i = 0; i < num; i++) {
        taken[at] = true;
        out[i] = addrs[at];
        at = next_of_family(addrs, num, taken, !weir_addr_is_v4(&addrs[at]));
    }
}
