/* SPDX-License-Identifier: Apache-2.0
 *
 * model_vector.c - vectors against a table of all lanes that there are.
 */
#include <string.h>

#include "sync/version/vector.h"
#include "tests/sim/models/model.h"

#define LANES   20
#define SEQS    5
#define STEPS   60
#define VECTORS 3
#define CAP_MIN 8     /* entries for which there is room at first */
#define MOST    65536 /* lanes of a vector */

/* The lanes differ in their first byte, in their last, or in both. */
static const uint8_t *lane_at(uint64_t i)
{
    static uint8_t lanes[LANES][WEIR_LANE_LEN];

    lanes[i][0] = (uint8_t)(i / 4 * 60);
    lanes[i][WEIR_LANE_LEN - 1] = (uint8_t)(i % 4 * 85);
    return lanes[i];
}

struct pair {
    struct weir_vector vector;
    uint64_t seq[LANES];
    size_t most; /* entries that it ever had */
    bool grew;   /* in a call that failed later on */
};

static bool dominates(const struct pair *a, const struct pair *b)
{
    for (size_t i = 0; i < LANES; i++)
        if (a->seq[i] < b->seq[i])
            return false;
    return true;
}

/* Room is doubled until there is enough, and never given back. */
static size_t cap_of(size_t most)
{
    size_t cap = CAP_MIN;

    while (cap < most)
        cap *= 2;
    return most == 0 ? 0 : cap;
}

static void check_entries(struct weir_sim_exam *x, struct pair *p)
{
    const struct weir_vector *v = &p->vector;
    size_t num = 0;

    p->most = v->num > p->most ? v->num : p->most;
    for (size_t i = 0; i < LANES; i++) {
        num += p->seq[i] > 0;
        WEIR_SIM_CLAIM(x, weir_vector_get(v, lane_at(i)) == p->seq[i]);
        for (uint64_t seq = 0; seq <= SEQS; seq++)
            WEIR_SIM_CLAIM(x, weir_vector_covers(v, lane_at(i), seq) == (seq <= p->seq[i]));
    }
    WEIR_SIM_CLAIM(x, v->num == num);
    WEIR_SIM_CLAIM(x, p->grew ? v->cap >= cap_of(p->most) : v->cap == cap_of(p->most));
    for (size_t i = 1; i < v->num; i++)
        WEIR_SIM_CLAIM(x, memcmp(v->items[i - 1].lane, v->items[i].lane, WEIR_LANE_LEN) < 0);
}

/* The same entries have the same hash, by whatever way they came. */
static void check_hash(struct weir_sim_exam *x, const struct pair *p)
{
    struct weir_vector again = WEIR_VECTOR_ZERO;

    for (size_t i = LANES; i > 0; i--)
        WEIR_SIM_CLAIM(x, weir_vector_raise(&again, lane_at(i - 1), p->seq[i - 1]) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_hash(&again) == weir_vector_hash(&p->vector));
    WEIR_SIM_CLAIM(x, weir_vector_eq(&again, &p->vector));
    uint64_t i = weir_sim_draw(x, LANES);
    WEIR_SIM_CLAIM(x, weir_vector_raise(&again, lane_at(i), p->seq[i] + 1) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_hash(&again) != weir_vector_hash(&p->vector));
    WEIR_SIM_CLAIM(x, !weir_vector_eq(&again, &p->vector));
    weir_vector_deinit(&again);
    WEIR_SIM_CLAIM(x, again.items == NULL && again.num == 0 && again.cap == 0 && again.hash == 0);
}

static void check_two(struct weir_sim_exam *x, const struct pair *a, const struct pair *b)
{
    const struct weir_vector *v = &a->vector;
    const struct weir_vector *w = &b->vector;

    WEIR_SIM_CLAIM(x, weir_vector_dominates(v, w) == dominates(a, b));
    WEIR_SIM_CLAIM(x, weir_vector_is_stale(v, w) == !dominates(a, b));
    WEIR_SIM_CLAIM(x, weir_vector_eq(v, w) == (memcmp(a->seq, b->seq, sizeof(a->seq)) == 0));
}

static void merge(struct pair *a, const struct pair *b)
{
    for (size_t i = 0; i < LANES; i++)
        a->seq[i] = b->seq[i] > a->seq[i] ? b->seq[i] : a->seq[i];
}

/* What was called fails with WEIR_ENOMEM if an allocation did, and only then. @return is it done?
 */
static bool is_done(struct weir_sim_exam *x, struct pair *a, enum weir_err err)
{
    bool has_failed = weir_sim_plenty();

    WEIR_SIM_CLAIM(x, err == (has_failed ? WEIR_ENOMEM : WEIR_OK));
    a->grew = a->grew || has_failed;
    return err == WEIR_OK;
}

static void raise_one(struct weir_sim_exam *x, struct pair *a, uint64_t i, uint64_t seq)
{
    weir_sim_scarce(x, 1);
    if (is_done(x, a, weir_vector_raise(&a->vector, lane_at(i), seq)) && seq > a->seq[i])
        a->seq[i] = seq;
}

/* A call that fails leaves the vector as it was: the table too. */
static void step(struct weir_sim_exam *x, struct pair *a, const struct pair *b)
{
    uint64_t i = weir_sim_draw(x, LANES);
    uint64_t seq = weir_sim_draw(x, SEQS);

    switch (weir_sim_draw(x, 12)) {
    case 0:
        weir_vector_forget(&a->vector, lane_at(i));
        a->seq[i] = 0;
        return;
    case 1:
        weir_sim_scarce(x, 1);
        if (is_done(x, a, weir_vector_merge(&a->vector, &b->vector)))
            merge(a, b);
        return;
    case 2:
        weir_sim_scarce(x, 1);
        if (is_done(x, a, weir_vector_copy(&a->vector, &b->vector)))
            memmove(a->seq, b->seq, sizeof(a->seq));
        return;
    case 3:
        weir_vector_deinit(&a->vector);
        memset(a->seq, 0, sizeof(a->seq));
        a->most = 0;
        a->grew = false;
        return;
    case 4:
        weir_vector_reset(&a->vector);
        memset(a->seq, 0, sizeof(a->seq));
        return;
    case 5:
        for (i = 0; i < LANES; i++)
            raise_one(x, a, i, 1);
        return;
    default:
        raise_one(x, a, i, seq);
        return;
    }
}

/* A vector of as many lanes as there may be, with one more in reach. */
static void check_limit(struct weir_sim_exam *x)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;
    struct weir_vector one = WEIR_VECTOR_ZERO;
    struct weir_vector copy = WEIR_VECTOR_ZERO;
    uint8_t lane[WEIR_LANE_LEN] = { 0 };

    for (uint32_t i = 0; i < MOST; i++) {
        lane[3] = (uint8_t)(i >> 8);
        lane[9] = (uint8_t)i;
        WEIR_SIM_CLAIM(x, weir_vector_raise(&v, lane, 1 + i) == WEIR_OK);
    }
    WEIR_SIM_CLAIM(x, v.num == MOST && v.cap == MOST);
    WEIR_SIM_CLAIM(x, weir_vector_raise(&v, lane, MOST + 1) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_merge(&v, &v) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_copy(&copy, &v) == WEIR_OK);
    lane[0] = 1;
    WEIR_SIM_CLAIM(x, weir_vector_raise(&one, lane, 1) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_raise(&v, lane, 1) == WEIR_ELIMIT);
    WEIR_SIM_CLAIM(x, weir_vector_merge(&v, &one) == WEIR_ELIMIT);
    WEIR_SIM_CLAIM(x, weir_vector_eq(&v, &copy));
    WEIR_SIM_CLAIM(x, weir_vector_hash(&v) == weir_vector_hash(&copy));
    weir_vector_deinit(&v);
    weir_vector_deinit(&one);
    weir_vector_deinit(&copy);
}

void weir_sim_model_vector(struct weir_sim_exam *x)
{
    struct pair pairs[VECTORS];

    if (weir_sim_draw(x, 16) == 0) /* it takes its time */
        check_limit(x);
    memset(pairs, 0, sizeof(pairs));
    for (unsigned i = 0; i < STEPS; i++) {
        struct pair *a = &pairs[weir_sim_draw(x, VECTORS)];
        struct pair *b = &pairs[weir_sim_draw(x, VECTORS)];
        step(x, a, b);
        check_entries(x, a);
        check_hash(x, a);
        check_two(x, a, b);
        check_two(x, b, a);
    }
    for (unsigned i = 0; i < VECTORS; i++)
        weir_vector_deinit(&pairs[i].vector);
}
