/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - all models, one after another.
 */
#include "tests/sim/models/model.h"

#include <stdio.h>
#include <string.h>

#include "node/base/contract.h"
#include "tests/support/failalloc.h"

static const struct weir_sim_model models[] = {
    { "vector", weir_sim_model_vector },
    { "ack", weir_sim_model_ack },
    { "acks", weir_sim_model_acks },
    { "active", weir_sim_model_active },
    { "overlay", weir_sim_model_overlay },
    { "members", weir_sim_model_members },
    { "members_limits", weir_sim_model_members_limits },
    { "member", weir_sim_model_member },
    { "scan", weir_sim_model_scan },
    { "frame", weir_sim_model_frame },
    { "bans", weir_sim_model_bans },
    { "record", weir_sim_model_record },
    { "sums", weir_sim_model_sums },
    { "num", weir_sim_model_num },
};

bool weir_sim_claim(struct weir_sim_exam *x, bool holds, const char *claim, const char *file,
                    unsigned line)
{
    if (!holds && x->claim == NULL) {
        x->claim = claim;
        x->file = file;
        x->line = line;
    }
    return holds;
}

bool weir_sim_is_untouched(const void *at, const void *before, size_t len)
{
    return memcmp(at, before, len) == 0;
}

void weir_sim_draw_bytes(struct weir_sim_exam *x, void *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)at)[i] = (uint8_t)weir_sim_draw(x, 256);
}

void weir_sim_scarce(struct weir_sim_exam *x, uint64_t most)
{
    weir_failalloc_once(1 + (long)weir_sim_draw(x, 2 * most));
}

bool weir_sim_plenty(void)
{
    (void)weir_failalloc_pause();
    return weir_failalloc_has_failed();
}

bool weir_sim_exams_hold(const struct weir_sim_model *all, size_t num, uint64_t seed, char *ret,
                         size_t len)
{
    ret[0] = '\0';
    for (size_t i = 0; i < num; i++) {
        struct weir_sim_exam x = { .claim = NULL };
        weir_rng_init(&x.rng, seed);
        all[i].compare(&x);
        if (x.claim == NULL)
            continue;
        snprintf(ret, len, " of %s: %s (%s:%u)", all[i].name, x.claim, x.file, x.line);
        return false;
    }
    return true;
}

bool weir_sim_models_hold(uint64_t seed, char *ret, size_t len)
{
    return weir_sim_exams_hold(models, WEIR_ARRAY_LEN(models), seed, ret, len);
}
