/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.c - a peer that is no engine.
 */
#include "tests/sim/hostile.h"
#include "tests/sim/sim.h"
void weir_sim_hostile_init(struct weir_sim *s)
{
    (void)s;
}
void weir_sim_hostile_deinit(struct weir_sim_hostile *h)
{
    (void)h;
}
void weir_sim_hostile_on_news(struct weir_sim *s, const struct weir_sim_net_news *news)
{
    (void)s;
    (void)news;
}
void weir_sim_hostile_write(struct weir_sim *s)
{
    (void)s;
}
void weir_sim_hostile_act(struct weir_sim *s)
{
    (void)s;
}
