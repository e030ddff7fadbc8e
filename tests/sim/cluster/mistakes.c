/* SPDX-License-Identifier: Apache-2.0
 *
 * mistakes.c - one thing wrong about each.
 */
#include "tests/sim/cluster/mistakes.h"

#include "node/base/limits.h"
#include "sync/version/record.h"

enum weir_err weir_sim_mistake_write(struct weir_engine *e, enum weir_sim_mistake what,
                                     uint64_t wall_ms)
{
    static const uint8_t zeros[WEIR_RECORD_MAX + 1];
    const struct weir_engine_write setting = {
        .class = WEIR_CLASS_SETTING,
        .key = WEIR_SPAN_LIT("mistake"),
        .value = WEIR_SPAN_LIT("value"),
    };
    const struct weir_engine_write ban = {
        .class = WEIR_CLASS_BAN,
        .key = WEIR_SPAN_LIT("mistake"),
        .expires = wall_ms / 1000,
    };
    struct weir_engine_write writes[WEIR_SIM_MISTAKES];

    for (unsigned i = 0; i < WEIR_SIM_MISTAKES; i++)
        writes[i] = i < WEIR_SIM_MISTAKE_BAN_OVER ? setting : ban;
    writes[WEIR_SIM_MISTAKE_CLASS].class = (enum weir_class)(WEIR_CLASS_LANE + 1);
    writes[WEIR_SIM_MISTAKE_NO_KEY].key = WEIR_SPAN_EMPTY;
    writes[WEIR_SIM_MISTAKE_KEY].key = weir_span(zeros, WEIR_KEY_MAX + 1);
    writes[WEIR_SIM_MISTAKE_VALUE].value = weir_span(zeros, sizeof(zeros));
    writes[WEIR_SIM_MISTAKE_DELETE].delete = true;
    writes[WEIR_SIM_MISTAKE_EXPIRES].expires = WEIR_RECORD_EXPIRES_MAX + 1;
    writes[WEIR_SIM_MISTAKE_BAN_LONG].expires += WEIR_BAN_TTL_MAX + 1;
    WEIR_ASSERT((unsigned)what < WEIR_SIM_MISTAKES);
    return weir_engine_write(e, &writes[what]);
}
