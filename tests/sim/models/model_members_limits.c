/* SPDX-License-Identifier: Apache-2.0
 *
 * model_members_limits.c - a table of nodes that is full. One seed of three fills one: it takes as
 * long as all other models together.
 */
#include <string.h>

#include "sync/members/members.h"
#include "sync/version/num.h"
#include "tests/sim/models/model.h"

#define ONE_OF    3
#define NODES_MAX (WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX)

/* Ids ascend with the numbers. Static memory, of the last call. */
static const uint8_t *id_of(unsigned n)
{
    static uint8_t id[WEIR_NODE_ID_LEN];

    weir_num_write_be(id, n, WEIR_NODE_ID_LEN);
    return id;
}

static enum weir_err put_record(struct weir_members *m, unsigned n)
{
    uint8_t value[WEIR_MEMBER_LEN_MAX];
    struct weir_member rec = { .state = WEIR_MEMBER_JOINED, .schema_max = 1 };

    memcpy(rec.node, id_of(n), WEIR_NODE_ID_LEN);
    weir_member_pack(&rec, value);
    return weir_members_put(m, weir_span(rec.node, WEIR_NODE_ID_LEN),
                            weir_span(value, weir_member_packed_len(&rec)));
}

static enum weir_members_admission link_up(struct weir_members *m, unsigned n)
{
    static const uint8_t incarnation[WEIR_INCARNATION_LEN] = { 1 };
    uint8_t younger[WEIR_INCARNATION_LEN];

    return weir_members_link_up(m, id_of(n), incarnation, younger);
}

static void fill(struct weir_sim_exam *x, struct weir_members *m)
{
    unsigned n = 1;

    for (; n <= WEIR_MEMBERS_MAX; n++)
        WEIR_SIM_CLAIM(x, put_record(m, n) == WEIR_OK);
    WEIR_SIM_CLAIM(x, put_record(m, n) == WEIR_ELIMIT);
    WEIR_SIM_CLAIM(x, weir_members_find(m, id_of(n)) == NULL);
    for (; n <= NODES_MAX; n++)
        WEIR_SIM_CLAIM(x, link_up(m, n) == WEIR_MEMBERS_FINE);
    WEIR_SIM_CLAIM(x, link_up(m, n) == WEIR_MEMBERS_FULL);
    WEIR_SIM_CLAIM(x, put_record(m, NODES_MAX) == WEIR_ELIMIT);
    WEIR_SIM_CLAIM(x, weir_members_num(m) == NODES_MAX);
    WEIR_SIM_CLAIM(x, weir_members_joined(m) == WEIR_MEMBERS_MAX);
    WEIR_SIM_CLAIM(x, weir_members_count(m, WEIR_MEMBERS_STRANGER) == WEIR_STRANGERS_MAX);
}

/* A member that became a stranger has the last place that another member could have. */
static void exchange(struct weir_sim_exam *x, struct weir_members *m)
{
    unsigned n = 1 + (unsigned)weir_sim_draw(x, WEIR_MEMBERS_MAX);

    WEIR_SIM_CLAIM(x, put_record(m, n) == WEIR_OK);
    WEIR_SIM_CLAIM(x, link_up(m, n) == WEIR_MEMBERS_FINE);
    weir_members_remove(m, weir_span(id_of(n), WEIR_NODE_ID_LEN));
    WEIR_SIM_CLAIM(x, weir_members_num(m) == NODES_MAX);
    WEIR_SIM_CLAIM(x, put_record(m, NODES_MAX + 1) == WEIR_ELIMIT);
    WEIR_SIM_CLAIM(x, put_record(m, n) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_members_joined(m) == WEIR_MEMBERS_MAX);
    n = n == 1 ? 2 : n - 1;
    weir_members_remove(m, weir_span(id_of(n), WEIR_NODE_ID_LEN));
    WEIR_SIM_CLAIM(x, weir_members_num(m) == NODES_MAX - 1);
    WEIR_SIM_CLAIM(x, link_up(m, n) == WEIR_MEMBERS_FULL);
    WEIR_SIM_CLAIM(x, put_record(m, n) == WEIR_OK);
    WEIR_SIM_CLAIM(x, put_record(m, NODES_MAX) == WEIR_ELIMIT);
}

void weir_sim_model_members_limits(struct weir_sim_exam *x)
{
    struct weir_members_config cfg = { .schema_max = 1 };
    struct weir_members *m = NULL;

    if (weir_sim_draw(x, ONE_OF) != 0)
        return;
    memset(cfg.node, 0xff, sizeof(cfg.node));
    if (!WEIR_SIM_CLAIM(x, weir_members_new(&cfg, &m) == WEIR_OK))
        return;
    fill(x, m);
    exchange(x, m);
    weir_members_free(&m);
}
