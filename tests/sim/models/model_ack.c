/* SPDX-License-Identifier: Apache-2.0
 *
 * model_ack.c - acks in messages against a table of what each number is, and messages that
 * contradict themselves.
 */
#include <string.h>

#include "sync/frame/ack.h"
#include "tests/sim/models/model.h"

#define SEQS   90 /* room for two full lists and more */
#define ROUNDS 24
#define LIST   (WEIR_ACK_HOLES_MAX + 1)

/* A message whose fields may be edited. */
struct draft {
    Weir__V1__Ack msg;
    uint8_t lane[WEIR_LANE_LEN + 1];
    uint64_t held[LIST];
    uint64_t refused[LIST];
    char why[WEIR_ACK_WHY_MAX + 2];
};

/* An ack in which state[seq] is true of each number, its lists as full as the draw likes. */
static void draw_ack(struct weir_sim_exam *x, struct weir_ack *a, enum weir_ack_state *state,
                     char *why)
{
    uint64_t density = 1 + weir_sim_draw(x, 99);

    weir_sim_draw_bytes(x, a, sizeof(*a)); /* nothing counts that is beyond the lists */
    for (size_t i = 0; i < WEIR_ACK_HOLES_MAX; i++)
        a->held[i] = a->refused[i] = 1 + weir_sim_draw(x, SEQS);
    a->durable = weir_sim_draw(x, SEQS);
    a->active = weir_sim_draw(x, a->durable + 1);
    a->rejected = weir_sim_draw(x, 3) > 0 ? weir_sim_draw(x, a->durable + 1) : 0;
    a->num_held = a->num_refused = 0;
    for (uint64_t seq = 1; seq <= SEQS; seq++) {
        bool is_hole = seq <= a->active && weir_sim_draw(x, 100) < density;
        state[seq] = seq <= a->active ? WEIR_ACK_ACTIVE : WEIR_ACK_WAITING;
        if (is_hole && weir_sim_draw(x, 2) == 0 && a->num_held < WEIR_ACK_HOLES_MAX) {
            a->held[a->num_held++] = seq;
            state[seq] = WEIR_ACK_WAITING;
        } else if (is_hole && a->num_refused < WEIR_ACK_HOLES_MAX) {
            a->refused[a->num_refused++] = seq;
            state[seq] = WEIR_ACK_REJECTED;
        }
        if (seq == a->rejected)
            state[seq] = WEIR_ACK_REJECTED;
        if (seq > a->durable)
            state[seq] = WEIR_ACK_ABSENT;
    }
    a->why = weir_span(why, weir_sim_draw(x, 2) * weir_sim_draw(x, WEIR_ACK_WHY_MAX + 1));
    memset(why, 'w', a->why.len);
}

static bool is_same(const struct weir_ack *a, const struct weir_ack *b)
{
    return memcmp(a->lane, b->lane, WEIR_LANE_LEN) == 0 && a->durable == b->durable &&
           a->active == b->active && a->rejected == b->rejected && weir_span_eq(a->why, b->why) &&
           a->num_held == b->num_held && a->num_refused == b->num_refused &&
           memcmp(a->held, b->held, a->num_held * sizeof(a->held[0])) == 0 &&
           memcmp(a->refused, b->refused, a->num_refused * sizeof(a->refused[0])) == 0;
}

/* To the bytes of a message and back. */
static void check_packed(struct weir_sim_exam *x, const struct weir_ack *a)
{
    struct weir_ack_message m;
    struct weir_ack again = { .durable = 0 };
    uint8_t bytes[2048];

    memset(&m, 0xee, sizeof(m));
    weir_ack_pack(a, &m);
    WEIR_SIM_CLAIM(x, m.msg.has_lane == true && m.msg.has_durable == true);
    WEIR_SIM_CLAIM(x, m.msg.has_active == true);
    WEIR_SIM_CLAIM(x, m.msg.has_rejected == (a->rejected != 0));
    WEIR_SIM_CLAIM(x, (m.msg.why == m.why) == (a->why.len > 0));
    size_t len = weir__v1__ack__pack(&m.msg, bytes);
    Weir__V1__Ack *msg = weir__v1__ack__unpack(NULL, len, bytes);
    if (!WEIR_SIM_CLAIM(x, msg != NULL))
        return;
    WEIR_SIM_CLAIM(x, msg->has_lane && msg->has_durable && msg->has_active);
    WEIR_SIM_CLAIM(x, weir_ack_unpack(msg, &again) == WEIR_OK);
    WEIR_SIM_CLAIM(x, is_same(a, &again));
    weir__v1__ack__free_unpacked(msg, NULL);
}

static void draft_of(const struct weir_ack *a, struct draft *d)
{
    weir__v1__ack__init(&d->msg);
    memcpy(d->lane, a->lane, WEIR_LANE_LEN);
    memcpy(d->held, a->held, sizeof(a->held));
    memcpy(d->refused, a->refused, sizeof(a->refused));
    memset(d->why, 0, sizeof(d->why));
    memset(d->why, 'd', a->why.len);
    d->lane[WEIR_LANE_LEN] = 0;
    d->msg.lane = (ProtobufCBinaryData){ WEIR_LANE_LEN, d->lane };
    d->msg.durable = a->durable;
    d->msg.active = a->active;
    d->msg.rejected = a->rejected;
    d->msg.why = d->why;
    d->msg.n_held = a->num_held;
    d->msg.held = d->held;
    d->msg.n_refused = a->num_refused;
    d->msg.refused = d->refused;
}

static void fill_list(struct draft *d, uint64_t *list, size_t *num, size_t other)
{
    d->msg.durable = d->msg.active = SEQS;
    for (uint64_t i = 0; i < LIST; i++)
        list[i] = other + i + 1;
    *num = LIST;
}

/* One edit; most make no valid message. */
static void edit(struct weir_sim_exam *x, struct draft *d)
{
    uint64_t *list = weir_sim_draw(x, 2) == 0 ? d->held : d->refused;
    size_t *num = list == d->held ? &d->msg.n_held : &d->msg.n_refused;

    switch (weir_sim_draw(x, 10)) {
    case 0:
        d->msg.lane.len += weir_sim_draw(x, 2) == 0 ? 1 : (size_t)-1;
        return;
    case 1:
        memset(d->why, 'e', WEIR_ACK_WHY_MAX + weir_sim_draw(x, 2));
        return;
    case 2:
        d->msg.active = d->msg.durable + weir_sim_draw(x, 2);
        return;
    case 3:
        d->msg.rejected = d->msg.durable + weir_sim_draw(x, 2);
        return;
    case 4:
        fill_list(d, list, num, 0);
        d->msg.n_held -= list != d->held ? d->msg.n_held : 0;
        d->msg.n_refused -= list != d->refused ? d->msg.n_refused : 0;
        *num -= weir_sim_draw(x, 2);
        return;
    case 5:
        if (*num > 0)
            list[*num - 1] = d->msg.active + weir_sim_draw(x, 2);
        return;
    case 6:
        if (*num > 1)
            list[1] = list[0] + weir_sim_draw(x, 2);
        return;
    case 7:
        if (*num > 0)
            list[0] = weir_sim_draw(x, 2);
        return;
    case 8:
        if (d->msg.n_held > 0 && d->msg.n_refused > 0)
            d->refused[d->msg.n_refused - 1] = d->held[weir_sim_draw(x, d->msg.n_held)];
        return;
    default: /* both lists full */
        fill_list(d, d->held, &d->msg.n_held, 0);
        fill_list(d, d->refused, &d->msg.n_refused, WEIR_ACK_HOLES_MAX);
        d->msg.n_held = d->msg.n_refused = WEIR_ACK_HOLES_MAX;
        return;
    }
}

static bool is_list(const uint64_t *list, size_t num, uint64_t most, unsigned *times)
{
    if (num > WEIR_ACK_HOLES_MAX)
        return false;
    for (size_t i = 0; i < num; i++) {
        if (list[i] == 0 || list[i] > most || (i > 0 && list[i] <= list[i - 1]))
            return false;
        times[list[i]]++;
    }
    return true;
}

static bool is_valid(const Weir__V1__Ack *m)
{
    unsigned times[2 * SEQS] = { 0 };

    if (m->lane.len != WEIR_LANE_LEN || strlen(m->why) > WEIR_ACK_WHY_MAX)
        return false;
    if (m->active > m->durable || m->rejected > m->durable)
        return false;
    if (!is_list(m->held, m->n_held, m->active, times) ||
        !is_list(m->refused, m->n_refused, m->active, times))
        return false;
    for (size_t seq = 0; seq < WEIR_ARRAY_LEN(times); seq++)
        if (times[seq] > 1)
            return false;
    return true;
}

static void check_draft(struct weir_sim_exam *x, const struct draft *d)
{
    struct weir_ack ack;
    struct weir_ack before;
    bool is_ok = is_valid(&d->msg);

    memset(&ack, 0xee, sizeof(ack));
    before = ack;
    WEIR_SIM_CLAIM(x, weir_ack_unpack(&d->msg, &ack) == (is_ok ? WEIR_OK : WEIR_EPROTO));
    WEIR_SIM_CLAIM(x, is_ok || memcmp(&ack, &before, sizeof(ack)) == 0);
    WEIR_SIM_CLAIM(x,
                   !is_ok || (ack.num_held == d->msg.n_held &&
                              memcmp(ack.held, d->held, ack.num_held * sizeof(ack.held[0])) == 0));
}

static void check_names(struct weir_sim_exam *x)
{
    static const char *const names[] = { "absent", "waiting", "active", "rejected", "unknown" };

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(names); i++)
        WEIR_SIM_CLAIM(x, strcmp(weir_ack_state_name((enum weir_ack_state)i), names[i]) == 0);
}

void weir_sim_model_ack(struct weir_sim_exam *x)
{
    enum weir_ack_state state[SEQS + 1];
    char why[WEIR_ACK_WHY_MAX];
    struct weir_ack a;
    struct draft d;

    check_names(x);
    for (unsigned i = 0; i < ROUNDS; i++) {
        draw_ack(x, &a, state, why);
        for (uint64_t seq = 1; seq <= SEQS; seq++)
            WEIR_SIM_CLAIM(x, weir_ack_of(&a, seq) == state[seq]);
        check_packed(x, &a);
        draft_of(&a, &d);
        check_draft(x, &d);
        edit(x, &d);
        check_draft(x, &d);
    }
}
