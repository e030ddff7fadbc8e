/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - frames as they are sent.
 */
#include "tests/sim/oracle/wire.h"

#include <string.h>

#include "sync/frame/frame.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/activation.h"

/* A heartbeat is made at the beginning of its turn; after a reset it is of the life before, and
 * after a wipe it states what was. */
static void check_heartbeat(struct weir_sim *s, const struct weir_sim_node *n,
                            const Weir__V1__Heartbeat *h)
{
    struct weir_ack ack;

    if (memcmp(h->incarnation.data, n->plane.incarnation, WEIR_INCARNATION_LEN) != 0 ||
        n->plane.num_wipes != s->check.views[n->index].num_wipes)
        return;
    for (size_t i = 0; i < h->n_ack; i++) {
        if (weir_ack_unpack(h->ack[i], &ack) == WEIR_OK)
            weir_sim_activation_published(s, n, &ack);
        else
            weir_sim_check_found(&s->check, WEIR_SIM_FRAME, n->index, WEIR_SIM_NO_NAME);
    }
}

void weir_sim_wire_sent(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_engine_out *out)
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    if (out->frame.at[0] != WEIR_FRAME_HEARTBEAT)
        return;
    if (weir_frame_decode(out->frame, &f, &fault) < 0) {
        weir_sim_check_found(&s->check, WEIR_SIM_FRAME, n->index, WEIR_SIM_NO_NAME);
        return;
    }
    check_heartbeat(s, n, f.msg.heartbeat);
    weir_frame_deinit(&f);
}
