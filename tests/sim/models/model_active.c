/* SPDX-License-Identifier: Apache-2.0
 *
 * model_active.c - which records are active, against a table of all records that there are. Some
 * seeds fill it up first, so that there is no room for records and reasons, or for lanes.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/activation/active.h"
#include "sync/version/num.h"
#include "tests/sim/models/model.h"

#define LANES     4
#define SEQS      80 /* more than two full lists */
#define STEPS     170
#define FEW_STEPS 30 /* when it is full, each costs more */
#define READER    5
#define WHY_MAX   300

#define COMPILED UINT32_C(0x80000007) /* classes 0, 1, 2 and 31 */

struct dot {
    size_t lane;
    uint64_t seq;
};

struct record {
    enum weir_active_state state; /* LIVE: not tracked */
    struct dot by;                /* of REPLACED */
    char why[WEIR_ACK_WHY_MAX + 1];
};

struct lane {
    bool is_there;
    bool is_unreported;
    bool is_told; /* in this round */
    uint64_t changed_us;
    uint64_t lost_from;
    uint64_t durable;
    struct record record[SEQS + 1]; /* by number */
};

/* The fill-up: a lane of its own with the records first..end-1, of which those below end_rejected
 * are rejected and have reasons, the others stored; or many lanes without records. No vector covers
 * them. */
struct fill {
    bool is_there;
    uint64_t first;
    uint64_t end_rejected;
    uint64_t end;
    size_t num_lanes;
    uint64_t changed_us; /* of the lanes */
};

struct twin {
    struct weir_active *active;
    struct weir_vector vv;
    struct lane lane[LANES];
    struct fill fill;
    struct dot run; /* records of the last step, so many */
    uint64_t num_run;
    size_t next; /* behind the lane that was reported last */
    uint64_t now_us;
    bool is_loading;
    bool is_blind;
    bool is_lost;
    uint64_t num_dropped;
};

struct name {
    uint8_t at[WEIR_LANE_LEN];
};

static struct name lane_at(size_t i)
{
    struct name n = { { 1 } };

    n.at[1] = (uint8_t)(i / 2 * 100);
    n.at[WEIR_LANE_LEN - 1] = (uint8_t)(i % 2 * 85);
    return n;
}

/* Lanes of the fill-up, behind those above; ascending. */
static struct name fill_lane_at(uint64_t i)
{
    struct name n;

    memset(n.at, 0xff, sizeof(n.at));
    weir_num_write_be(n.at + 1, i, 8);
    return n;
}

/* -- the twin -- */

static struct record *record_at(struct twin *t, struct dot d)
{
    return &t->lane[d.lane].record[d.seq];
}

static bool is_dot(struct dot a, struct dot b)
{
    return a.lane == b.lane && a.seq == b.seq;
}

static size_t count_lane(const struct lane *l, enum weir_active_state state)
{
    size_t num = 0;

    for (uint64_t seq = 1; seq <= SEQS; seq++)
        num += l->record[seq].state == state;
    return num;
}

static size_t count(const struct twin *t, enum weir_active_state state)
{
    size_t num = 0;

    for (size_t i = 0; i < LANES; i++)
        num += count_lane(&t->lane[i], state);
    if (state == WEIR_ACTIVE_REJECTED)
        num += t->fill.end_rejected - t->fill.first;
    if (state == WEIR_ACTIVE_STORED)
        num += t->fill.end - t->fill.end_rejected;
    return num;
}

static size_t count_tracked(const struct twin *t)
{
    return LANES * SEQS - count(t, WEIR_ACTIVE_LIVE) + (t->fill.end - t->fill.first);
}

static size_t count_whys(const struct twin *t)
{
    size_t num = t->fill.end_rejected - t->fill.first;

    for (size_t i = 0; i < LANES; i++)
        for (uint64_t seq = 1; seq <= SEQS; seq++)
            num += t->lane[i].record[seq].why[0] != '\0';
    return num;
}

static size_t count_lanes(const struct twin *t)
{
    size_t num = t->fill.num_lanes;

    for (size_t i = 0; i < LANES; i++)
        num += t->lane[i].is_there;
    return num;
}

/* @return NULL: there is no room */
static struct lane *touch(struct twin *t, size_t i, bool is_change)
{
    struct lane *l = &t->lane[i];

    if (!l->is_there && count_lanes(t) == WEIR_LANES_MAX)
        return NULL;
    l->is_unreported = (l->is_there && l->is_unreported) || is_change;
    l->is_there = true;
    l->changed_us = t->now_us;
    return l;
}

static void move(struct record *r, enum weir_active_state state)
{
    r->state = state;
    r->why[0] = '\0';
}

/* The record is live, and what it replaced counts as that. */
static void become_live(struct twin *t, struct dot d)
{
    move(record_at(t, d), WEIR_ACTIVE_LIVE);
    for (size_t i = 0; i < LANES; i++)
        for (uint64_t seq = 1; seq <= SEQS; seq++) {
            struct record *r = &t->lane[i].record[seq];
            if (r->state != WEIR_ACTIVE_REPLACED || !is_dot(r->by, d))
                continue;
            move(r, WEIR_ACTIVE_LIVE);
            (void)touch(t, i, true);
        }
}

/* Text, cut before the last character that begins at or before the limit and ends behind it. */
static void text_of(struct weir_span why, char *ret)
{
    size_t len = 0;

    for (size_t end = 0; end <= why.len && end <= WEIR_ACK_WHY_MAX; end++)
        if (end == why.len || why.at[end] < 0x80 || why.at[end] > 0xbf)
            len = end;
    for (size_t i = 0; i < len; i++)
        ret[i] = why.at[i] <= 0x1f || why.at[i] == 0x7f ? ' ' : (char)why.at[i];
    ret[len] = '\0';
}

static void expect_ack(const struct twin *t, size_t lane, uint64_t durable, struct weir_ack *ack)
{
    const struct lane *l = &t->lane[lane];
    size_t *num[] = { &ack->num_held, &ack->num_refused };
    uint64_t *list[] = { ack->held, ack->refused };

    *ack = (struct weir_ack){ .durable = durable };
    memcpy(ack->lane, lane_at(lane).at, WEIR_LANE_LEN);
    for (uint64_t seq = 1; seq <= SEQS && seq <= durable; seq++)
        if (l->record[seq].state == WEIR_ACTIVE_REJECTED) {
            ack->rejected = seq;
            ack->why = weir_span_cstr(l->record[seq].why);
        }
    if (t->is_loading || t->is_blind)
        return;
    for (uint64_t seq = 1; seq <= durable; seq++, ack->active++) {
        enum weir_active_state state = seq <= SEQS ? l->record[seq].state : WEIR_ACTIVE_LIVE;
        bool is_refused = state == WEIR_ACTIVE_REJECTED;
        if (seq == l->lost_from || state == WEIR_ACTIVE_STORED || state == WEIR_ACTIVE_COMPILED ||
            state == WEIR_ACTIVE_STAGED)
            return;
        if (state == WEIR_ACTIVE_LIVE)
            continue;
        if (*num[is_refused] == WEIR_ACK_HOLES_MAX)
            return;
        list[is_refused][(*num[is_refused])++] = seq;
    }
}

/* -- inputs -- */

static void stored(struct twin *t, struct dot d, unsigned class, uint16_t min_reader)
{
    struct record *r = record_at(t, d);

    weir_active_stored(t->active, lane_at(d.lane).at, d.seq, (enum weir_class) class, min_reader);
    struct lane *l = touch(t, d.lane, true);
    if (class > 31 || (COMPILED >> class & 1) == 0 ||
        (l != NULL && r->state == WEIR_ACTIVE_REPLACED))
        return;
    if (l != NULL && (r->state != WEIR_ACTIVE_LIVE || count_tracked(t) < WEIR_ACTIVE_MAX)) {
        move(r, min_reader > READER ? WEIR_ACTIVE_HELD_SCHEMA : WEIR_ACTIVE_STORED);
        return;
    }
    t->num_dropped++;
    t->is_lost = true;
    if (l == NULL)
        t->is_blind = true;
    else if (l->lost_from == 0 || d.seq < l->lost_from)
        l->lost_from = d.seq;
}

static bool may_report(enum weir_active_state from, enum weir_active_state to)
{
    if (from == WEIR_ACTIVE_COMPILED)
        return to != WEIR_ACTIVE_COMPILED;
    if (from == WEIR_ACTIVE_STAGED)
        return to != WEIR_ACTIVE_COMPILED && to != WEIR_ACTIVE_STAGED;
    return to != WEIR_ACTIVE_STAGED &&
           (from == WEIR_ACTIVE_STORED || from == WEIR_ACTIVE_REJECTED || from == WEIR_ACTIVE_HELD);
}

static void report(struct weir_sim_exam *x, struct twin *t, struct dot d,
                   enum weir_active_state state, struct weir_span why)
{
    struct record *r = record_at(t, d);
    bool may = may_report(r->state, state);

    WEIR_SIM_CLAIM(x, weir_active_report(t->active, lane_at(d.lane).at, d.seq, state, why) == may);
    if (!may)
        return;
    (void)touch(t, d.lane, true);
    if (state == WEIR_ACTIVE_LIVE) {
        become_live(t, d);
        return;
    }
    move(r, state);
    if (state == WEIR_ACTIVE_REJECTED && count_whys(t) < WEIR_ACTIVE_WHYS_MAX)
        text_of(why, r->why);
}

static bool is_tracked(struct twin *t, struct dot d)
{
    const struct lane *l = &t->lane[d.lane];

    return record_at(t, d)->state != WEIR_ACTIVE_LIVE ||
           (l->lost_from > 0 && d.seq >= l->lost_from);
}

static void superseded(struct twin *t, struct dot d, struct dot by)
{
    struct record *r = record_at(t, d);

    weir_active_superseded(t->active, lane_at(d.lane).at, d.seq, lane_at(by.lane).at, by.seq);
    if (r->state == WEIR_ACTIVE_LIVE || r->state == WEIR_ACTIVE_REPLACED)
        return;
    (void)touch(t, d.lane, true);
    if (!is_tracked(t, by)) {
        become_live(t, d);
        return;
    }
    move(r, WEIR_ACTIVE_REPLACED);
    r->by = by;
    for (size_t i = 0; i < LANES; i++)
        for (uint64_t seq = 1; seq <= SEQS; seq++)
            if (is_dot(t->lane[i].record[seq].by, d))
                t->lane[i].record[seq].by = by;
}

static void forget_lane(struct lane *l)
{
    uint64_t durable = l->durable;

    memset(l, 0, sizeof(*l));
    l->durable = durable;
    for (uint64_t seq = 1; seq <= SEQS; seq++)
        l->record[seq].state = WEIR_ACTIVE_LIVE;
}

static void load(struct twin *t)
{
    weir_active_load(t->active);
    for (size_t i = 0; i < LANES; i++)
        forget_lane(&t->lane[i]);
    t->fill = (struct fill){ .is_there = false };
    t->is_loading = true;
    t->is_blind = t->is_lost = false;
}

static void loaded(struct twin *t)
{
    weir_active_loaded(t->active);
    t->is_loading = false;
    for (size_t i = 0; i < LANES; i++)
        if (t->lane[i].is_there)
            (void)touch(t, i, true);
    t->fill.changed_us = t->now_us;
}

/* -- outputs -- */

static bool is_old(const struct twin *t, uint64_t changed_us)
{
    return t->now_us > changed_us + WEIR_ACTIVE_REPORT_US;
}

static void sweep(struct twin *t)
{
    for (size_t i = 0; i < LANES; i++) {
        struct lane *l = &t->lane[i];
        l->is_told = false;
        if (is_old(t, l->changed_us) && l->lost_from == 0 &&
            count_lane(l, WEIR_ACTIVE_LIVE) == SEQS)
            forget_lane(l);
    }
    if (t->fill.first == t->fill.end && is_old(t, t->fill.changed_us))
        t->fill.num_lanes = 0;
}

static void check_ack(struct weir_sim_exam *x, const struct weir_ack *is,
                      const struct weir_ack *want)
{
    WEIR_SIM_CLAIM(x, memcmp(is->lane, want->lane, WEIR_LANE_LEN) == 0);
    WEIR_SIM_CLAIM(x, is->durable == want->durable);
    WEIR_SIM_CLAIM(x, is->active == want->active);
    WEIR_SIM_CLAIM(x, is->rejected == want->rejected);
    WEIR_SIM_CLAIM(x, weir_span_eq(is->why, want->why));
    if (!WEIR_SIM_CLAIM(x, is->num_held == want->num_held && is->num_refused == want->num_refused))
        return;
    WEIR_SIM_CLAIM(x, memcmp(is->held, want->held, is->num_held * sizeof(is->held[0])) == 0);
    WEIR_SIM_CLAIM(
        x, memcmp(is->refused, want->refused, is->num_refused * sizeof(is->refused[0])) == 0);
}

/* The next lane to report, in turn. @return NULL: there is none */
static struct lane *next_to_report(struct twin *t, bool is_unreported)
{
    for (size_t i = 0; i < LANES; i++) {
        struct lane *l = &t->lane[(t->next + i) % LANES];
        if (!l->is_there || l->is_told || l->durable == 0 || l->is_unreported != is_unreported ||
            (!is_unreported && is_old(t, l->changed_us)))
            continue;
        l->is_told = true;
        l->is_unreported = false;
        t->next = (t->next + i + 1) % LANES;
        return l;
    }
    return NULL;
}

static void check_acks(struct weir_sim_exam *x, struct twin *t)
{
    struct weir_ack acks[LANES + 1];
    size_t max = weir_sim_draw(x, LANES + 2);
    size_t num = weir_active_acks(t->active, &t->vv, acks, max);
    const struct lane *l;
    size_t i = 0;

    sweep(t);
    for (unsigned pass = 0; pass < 2; pass++)
        while (i < max && (l = next_to_report(t, pass == 0)) != NULL) {
            struct weir_ack want;
            expect_ack(t, (size_t)(l - t->lane), l->durable, &want);
            if (WEIR_SIM_CLAIM(x, i < num))
                check_ack(x, &acks[i], &want);
            i++;
        }
    WEIR_SIM_CLAIM(x, num == i);
}

static void check_lane(struct weir_sim_exam *x, const struct twin *t, size_t lane, uint64_t durable)
{
    struct weir_ack is;
    struct weir_ack want;

    expect_ack(t, lane, durable, &want);
    weir_active_lane(t->active, lane_at(lane).at, durable, &is);
    check_ack(x, &is, &want);
}

static void check_state(struct weir_sim_exam *x, const struct twin *t)
{
    const struct weir_active *a = t->active;
    size_t num_moving = 0;

    for (unsigned i = 0; i < WEIR_ACTIVE_NUM_STATES; i++) {
        enum weir_active_state state = (enum weir_active_state)i;
        size_t num = state == WEIR_ACTIVE_LIVE ? 0 : count(t, state);
        WEIR_SIM_CLAIM(x, weir_active_count(a, state) == num);
        if (state == WEIR_ACTIVE_STORED || state == WEIR_ACTIVE_COMPILED ||
            state == WEIR_ACTIVE_STAGED)
            num_moving += num;
    }
    WEIR_SIM_CLAIM(x,
                   weir_active_is_final(a) == (!t->is_loading && !t->is_lost && num_moving == 0));
    WEIR_SIM_CLAIM(x, weir_active_dropped(a) == t->num_dropped);
    WEIR_SIM_CLAIM(x, weir_active_wants_load(a) ==
                          (t->is_lost && 2 * count_tracked(t) <= WEIR_ACTIVE_MAX));
    for (size_t i = 0; i < LANES; i++)
        check_lane(x, t, i, weir_sim_draw(x, SEQS + 3));
}

static void check_all(struct weir_sim_exam *x, const struct twin *t)
{
    for (size_t i = 0; i < LANES; i++)
        for (uint64_t durable = 0; durable < SEQS + 3; durable++)
            check_lane(x, t, i, durable);
}

/* -- the steps -- */

static struct dot draw_dot(struct weir_sim_exam *x)
{
    return (struct dot){ weir_sim_draw(x, LANES), 1 + weir_sim_draw(x, SEQS) };
}

/* How many records from this one on are treated alike. Sometimes it is the whole lane. */
static uint64_t draw_run(struct weir_sim_exam *x, struct dot *d)
{
    uint64_t num = 1 + weir_sim_draw(x, 4);

    if (weir_sim_draw(x, 3) > 0)
        return num <= SEQS - d->seq ? num : 1;
    d->seq = 1 + weir_sim_draw(x, 2) * weir_sim_draw(x, SEQS);
    return SEQS + 1 - d->seq;
}

static void draw_stored(struct weir_sim_exam *x, struct twin *t, struct dot d, uint64_t num)
{
    static const unsigned classes[] = { 2, 2, 2, 2, 2, 31, 3, 32, 34 };
    unsigned class = classes[weir_sim_draw(x, WEIR_ARRAY_LEN(classes))];
    uint16_t min_reader = (uint16_t)(weir_sim_draw(x, 3) == 0 ? READER + weir_sim_draw(x, 2) : 0);

    for (; num > 0; num--, d.seq++)
        stored(t, d, class, min_reader);
}

static struct weir_span draw_why(struct weir_sim_exam *x, uint8_t *text)
{
    static const uint8_t bytes[] = { 'a',  0x00, 0x1f, 0x20, 0x7e, 0x7f,
                                     0x80, 0xbf, 0xbf, 0xc0, 0xc3, 0xff };
    bool is_broken = weir_sim_draw(x, 6) == 0; /* no character begins anywhere */

    for (size_t i = 0; i < WHY_MAX; i++)
        text[i] = is_broken ? 0x80 : bytes[weir_sim_draw(x, WEIR_ARRAY_LEN(bytes))];
    if (weir_sim_draw(x, 2) == 0)
        return weir_span(text, weir_sim_draw(x, 2) * weir_sim_draw(x, WHY_MAX));
    return weir_span(text, WEIR_ACK_WHY_MAX - 1 + weir_sim_draw(x, 4));
}

static void draw_report(struct weir_sim_exam *x, struct twin *t, struct dot d, uint64_t num)
{
    static const enum weir_active_state states[] = {
        WEIR_ACTIVE_COMPILED, WEIR_ACTIVE_STAGED,   WEIR_ACTIVE_LIVE, WEIR_ACTIVE_REJECTED,
        WEIR_ACTIVE_HELD,     WEIR_ACTIVE_REJECTED, WEIR_ACTIVE_HELD,
    };
    enum weir_active_state state = states[weir_sim_draw(x, WEIR_ARRAY_LEN(states))];
    enum weir_active_state from = record_at(t, d)->state;
    uint8_t text[WHY_MAX];
    struct weir_span why = draw_why(x, text);

    if (from == WEIR_ACTIVE_STORED && weir_sim_draw(x, 3) == 0)
        state = WEIR_ACTIVE_COMPILED;
    if (from == WEIR_ACTIVE_COMPILED && weir_sim_draw(x, 2) == 0)
        state = WEIR_ACTIVE_STAGED;
    for (; num > 0; num--, d.seq++)
        report(x, t, d, state, why);
}

static void draw_superseded(struct weir_sim_exam *x, struct twin *t, struct dot a, struct dot b)
{
    bool is_later = b.seq > a.seq || (b.seq == a.seq && b.lane > a.lane);

    if (is_dot(a, b))
        return;
    if (weir_sim_draw(x, 4) > 0)
        draw_stored(x, t, is_later ? b : a, 1);
    superseded(t, is_later ? a : b, is_later ? b : a);
}

/* By records of another lane, or of any. */
static void draw_all_superseded(struct weir_sim_exam *x, struct twin *t, struct dot d, uint64_t num)
{
    struct dot by = draw_dot(x);
    bool is_alike = weir_sim_draw(x, 2) == 0;

    for (; num > 0; num--, d.seq++) {
        by = is_alike ? (struct dot){ by.lane, d.seq } : draw_dot(x);
        draw_superseded(x, t, d, by);
    }
}

static void pass_time(struct twin *t, uint64_t us)
{
    t->now_us += us;
    weir_active_tick(t->active, t->now_us);
}

static void draw_tick(struct weir_sim_exam *x, struct twin *t)
{
    uint64_t end_us =
        t->lane[weir_sim_draw(x, LANES)].changed_us + WEIR_ACTIVE_REPORT_US + weir_sim_draw(x, 2);

    if (weir_sim_draw(x, 2) == 0 && end_us > t->now_us)
        pass_time(t, end_us - t->now_us);
    else
        pass_time(t, weir_sim_draw(x, WEIR_ACTIVE_REPORT_US / 2));
}

static void draw_durable(struct weir_sim_exam *x, struct twin *t, size_t lane)
{
    struct lane *l = &t->lane[lane];

    if (weir_sim_draw(x, 5) == 0) {
        weir_vector_forget(&t->vv, lane_at(lane).at);
        l->durable = 0;
        return;
    }
    uint64_t seq = weir_sim_draw(x, SEQS + 3);
    WEIR_SIM_CLAIM(x, weir_vector_raise(&t->vv, lane_at(lane).at, seq) == WEIR_OK);
    l->durable = seq > l->durable ? seq : l->durable;
    weir_active_durable(t->active, lane_at(lane).at);
    (void)touch(t, lane, true);
}

static void step(struct weir_sim_exam *x, struct twin *t)
{
    if (t->num_run == 0 || weir_sim_draw(x, 2) == 0) { /* else the same records once more */
        t->run = draw_dot(x);
        t->num_run = draw_run(x, &t->run);
    }
    struct dot d = t->run;
    uint64_t num = t->num_run;

    switch (weir_sim_draw(x, 22)) {
    case 0:
        draw_durable(x, t, d.lane);
        return;
    case 1:
        weir_active_repeat(t->active, lane_at(d.lane).at);
        (void)touch(t, d.lane, false);
        return;
    case 2:
    case 3:
        draw_tick(x, t);
        return;
    case 4:
        if (t->is_loading)
            loaded(t);
        else if (!t->fill.is_there && weir_sim_draw(x, 3) == 0)
            load(t);
        return;
    case 5:
    case 6:
    case 7:
        draw_all_superseded(x, t, d, num);
        return;
    case 8:
    case 9:
    case 21:
        check_acks(x, t);
        return;
    case 10:
    case 11:
    case 12:
    case 13:
        draw_stored(x, t, d, num);
        return;
    default:
        draw_report(x, t, d, num);
        return;
    }
}

static void run_steps(struct weir_sim_exam *x, struct twin *t, unsigned num)
{
    for (; num > 0; num--) {
        step(x, t);
        check_state(x, t);
    }
}

/* At first, what was reported while it was loading is reported again once it is loaded. */
static void compare_steps(struct weir_sim_exam *x, struct twin *t)
{
    const struct dot only = { 0, 1 };

    for (size_t i = 0; i < 2 * LANES; i++)
        draw_durable(x, t, i / 2);
    pass_time(t, 1);
    for (size_t i = 0; i < LANES; i++)
        check_acks(x, t);
    pass_time(t, WEIR_ACTIVE_REPORT_US - 1);
    check_acks(x, t);
    loaded(t);
    pass_time(t, 2);
    draw_durable(x, t, weir_sim_draw(x, LANES));
    check_acks(x, t);
    stored(t, only, WEIR_CLASS_TENANT, 0);
    report(x, t, only, WEIR_ACTIVE_COMPILED, WEIR_SPAN_EMPTY);
    check_state(x, t);
    report(x, t, only, WEIR_ACTIVE_STAGED, WEIR_SPAN_EMPTY);
    check_state(x, t);
    run_steps(x, t, STEPS);
}

/* -- fill-ups -- */

/* Records of the fill-up, until there is room for so few others; the first ones are rejected, until
 * there is room for so few reasons. */
static void fill_records(struct weir_sim_exam *x, struct twin *t, size_t num_free,
                         size_t num_whys_free)
{
    struct fill *f = &t->fill;
    struct name lane = fill_lane_at(0);

    f->is_there = true;
    f->num_lanes = 1;
    f->first = f->end_rejected = 1;
    f->end = 1 + WEIR_ACTIVE_MAX - num_free;
    for (uint64_t seq = 1; seq < f->end; seq++)
        weir_active_stored(t->active, lane.at, seq, WEIR_CLASS_TENANT, 0);
    for (; f->end_rejected <= WEIR_ACTIVE_WHYS_MAX - num_whys_free; f->end_rejected++)
        WEIR_SIM_CLAIM(x, weir_active_report(t->active, lane.at, f->end_rejected,
                                             WEIR_ACTIVE_REJECTED, WEIR_SPAN_LIT("full")));
}

/* The first records of the fill-up become live, until no more than so many are tracked. */
static void drop_fill(struct weir_sim_exam *x, struct twin *t, size_t most)
{
    struct fill *f = &t->fill;
    struct name lane = fill_lane_at(0);

    for (size_t num = count_tracked(t); num > most; num--)
        WEIR_SIM_CLAIM(x, weir_active_report(t->active, lane.at, f->first++, WEIR_ACTIVE_LIVE,
                                             WEIR_SPAN_EMPTY));
    f->end_rejected = f->end_rejected > f->first ? f->end_rejected : f->first;
}

static void reject_some(struct weir_sim_exam *x, struct twin *t)
{
    for (struct dot d = { 0, 1 }; d.lane < LANES; d.lane++)
        for (d.seq = 1; d.seq <= 4; d.seq++) {
            stored(t, d, WEIR_CLASS_TENANT, 0);
            report(x, t, d, d.seq == 2 ? WEIR_ACTIVE_HELD : WEIR_ACTIVE_REJECTED,
                   d.seq == 3 ? WEIR_SPAN_EMPTY : WEIR_SPAN_LIT("some"));
        }
    check_all(x, t);
}

/* There is no room; then for a few records and reasons; then half of it is free; then it is loaded
 * again, and there is room for a few. */
static void compare_records(struct weir_sim_exam *x, struct twin *t)
{
    const struct dot lost = { 0, SEQS / 2 };
    const struct dot before_lost = { 0, 2 };
    const struct dot tracked = { 1, 1 };

    fill_records(x, t, 0, weir_sim_draw(x, 8));
    loaded(t);
    stored(t, lost, WEIR_CLASS_TENANT, 0);
    pass_time(t, WEIR_ACTIVE_REPORT_US + 1);
    check_acks(x, t);
    check_state(x, t);
    drop_fill(x, t, WEIR_ACTIVE_MAX - 1 - weir_sim_draw(x, 8));
    stored(t, tracked, WEIR_CLASS_TENANT, 0);
    for (size_t i = 0; i < 3; i++)
        draw_durable(x, t, tracked.lane);
    pass_time(t, WEIR_ACTIVE_REPORT_US + 1);
    superseded(t, tracked, before_lost);
    for (size_t i = 0; i < LANES; i++)
        check_acks(x, t);
    check_all(x, t);
    run_steps(x, t, FEW_STEPS);
    drop_fill(x, t, WEIR_ACTIVE_MAX / 2 + weir_sim_draw(x, 3));
    run_steps(x, t, FEW_STEPS);
    reject_some(x, t);
    load(t);
    loaded(t);
    check_state(x, t);
    fill_records(x, t, 4 * LANES, weir_sim_draw(x, 4 * LANES));
    reject_some(x, t);
    run_steps(x, t, FEW_STEPS);
}

/* There is room for a few lanes more. */
static void compare_lanes(struct weir_sim_exam *x, struct twin *t)
{
    t->fill.num_lanes = WEIR_LANES_MAX - 1 - weir_sim_draw(x, LANES - 1);
    for (size_t i = 0; i < t->fill.num_lanes; i++)
        weir_active_durable(t->active, fill_lane_at(i).at);
    loaded(t);
    for (size_t i = 0; i < LANES; i++)
        stored(t, (struct dot){ i, 1 }, WEIR_CLASS_TENANT, 0);
    superseded(t, (struct dot){ 0, 1 }, (struct dot){ LANES - 1, 1 }); /* which has no lane */
    for (size_t i = 0; i < LANES; i++)
        report(x, t, (struct dot){ i, 1 }, WEIR_ACTIVE_LIVE, WEIR_SPAN_EMPTY);
    check_state(x, t);
    run_steps(x, t, FEW_STEPS);
    pass_time(t, WEIR_ACTIVE_REPORT_US + 1);
    check_acks(x, t);
    for (size_t i = 0; i < 3 * LANES; i++) {
        draw_durable(x, t, i / 3);
        check_acks(x, t);
    }
    load(t);
    loaded(t);
    check_state(x, t);
}

static void check_names(struct weir_sim_exam *x)
{
    static const char *const names[] = {
        "stored", "compiled",     "staged",   "active",  "rejected",
        "held",   "held, schema", "replaced", "unknown",
    };

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(names); i++)
        WEIR_SIM_CLAIM(x, strcmp(weir_active_state_name((enum weir_active_state)i), names[i]) == 0);
}

static void compare(struct weir_sim_exam *x, void (*steps)(struct weir_sim_exam *x, struct twin *t))
{
    static struct twin t;
    struct weir_active_config cfg = {
        .compiled = COMPILED,
        .reader = READER,
        .mono_us = weir_sim_draw(x, 10 * WEIR_ACTIVE_REPORT_US),
    };

    memset(&t, 0, sizeof(t));
    for (size_t i = 0; i < LANES; i++)
        forget_lane(&t.lane[i]);
    t.now_us = cfg.mono_us;
    t.is_loading = true;
    if (!WEIR_SIM_CLAIM(x, weir_active_new(&cfg, &t.active) == WEIR_OK))
        return;
    steps(x, &t);
    check_all(x, &t);
    weir_active_free(&t.active);
    WEIR_SIM_CLAIM(x, t.active == NULL);
    weir_active_free(&t.active); /* again, as nothing */
    weir_vector_deinit(&t.vv);
}

void weir_sim_model_active(struct weir_sim_exam *x)
{
    uint64_t fill = weir_sim_draw(x, 32); /* the first seeds draw both of the cases below */

    check_names(x);
    compare(x, compare_steps);
    switch (fill) {
    case 8:
    case 9:
        compare(x, compare_records);
        break;
    case 3:
        compare(x, compare_lanes);
        break;
    default:
        break;
    }
}
