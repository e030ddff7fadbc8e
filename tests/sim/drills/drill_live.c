/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_live.c - sync/engine/engine_live.c: batches that come in order, late, twice, too early,
 * from the wrong peer or at the wrong time, and those that wait for others.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_state.h"
#include "sync/frame/frame_bans.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define WRITER   0 /* a peer with a lane */
#define OTHER    2
#define RELAY_US 50000
#define RECS_MAX 8

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- batches -- */

/* What is to come: records `first` to `last` of a lane; last 0: an announcement of `first`. */
struct span {
    const uint8_t *lane;
    uint64_t first;
    uint64_t last;
};

static struct weir_span key_of(struct weir_drill *d, enum weir_group g, uint64_t seq)
{
    uint8_t key[] = { 'k', (uint8_t)seq };

    return g == WEIR_GROUP_E ? weir_drill_ban_key(d, (uint8_t)seq)
                             : weir_span(weir_drill_bytes(d, key, 2).data, 2);
}

static enum weir_group group_of(const uint8_t lane[WEIR_LANE_LEN])
{
    return lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;
}

static enum weir_frame_topic topic_of(enum weir_group g)
{
    return g == WEIR_GROUP_E ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;
}

static Weir__V1__Batch *make_batch(struct weir_drill *d, uint32_t link, struct span s)
{
    enum weir_group g = group_of(s.lane);
    Weir__V1__Record **recs = weir_drill_alloc(d, RECS_MAX * sizeof(*recs));
    size_t num = 0;

    for (uint64_t seq = s.first; seq <= s.last; seq++) {
        recs[num] = weir_drill_make_record(
            d, &(struct weir_drill_rec){ .class = g == WEIR_GROUP_E ? WEIR_CLASS_BAN : 0,
                                         .key = key_of(d, g, seq),
                                         .value = "v",
                                         .seq = seq });
        num++;
    }
    Weir__V1__Batch *m = weir_drill_make_batch(d, link, s.lane, recs, num);
    m->first = s.first;
    return m;
}

static struct weir_span pack_batch(struct weir_drill *d, const Weir__V1__Batch *m)
{
    size_t len = weir_frame_packed_len(&m->base);
    uint8_t *bytes = weir_drill_alloc(d, len);

    weir_frame_pack((enum weir_frame_topic)m->group, &m->base, bytes);
    return weir_span(bytes, len);
}

static struct weir_span send(struct weir_drill *d, uint32_t link, struct span s)
{
    struct weir_span frame = pack_batch(d, make_batch(d, link, s));

    weir_drill_receive_bytes(d, link, frame);
    return frame;
}

/* -- peers -- */

static void meet(struct weir_drill *d, uint32_t link)
{
    weir_drill_meet(d, link);
    weir_drill_respond(d, link);
    CLAIM(d->e->links[link]->want_us[WEIR_GROUP_C] == ENGINE_NEVER);
    CLAIM(d->e->links[link]->want_us[WEIR_GROUP_E] == ENGINE_NEVER);
}

/* One engine, the writer, and a lane of the writer. */
static enum weir_group begin(struct weir_drill *d, uint8_t lane[WEIR_LANE_LEN])
{
    enum weir_group g = weir_drill_draw_group(d);

    weir_drill_lane(d->peer[WRITER].node, g, 1, lane);
    weir_drill_start(d);
    meet(d, WRITER);
    return g;
}

static uint64_t reach(const struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    return weir_engine_durable(d->e, group_of(lane), lane);
}

/* What a batch led to. */
static void claim_applied(struct weir_drill *d, const uint8_t *lane, uint64_t num, uint64_t end)
{
    CLAIM(d->err == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == num);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == num);
    CLAIM(reach(d, lane) == end);
    CLAIM(weir_drill_row(d, group_of(lane), lane).vv == end);
}

/* Sessions that begin for it: of `link`, in this group alone. */
static void claim_pulled(struct weir_drill *d, uint32_t link, enum weir_group g, bool is_pulled)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, 0);

    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == is_pulled);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS) == is_pulled);
    if (is_pulled && CLAIM(f != NULL))
        CLAIM(f->msg.pull_req->groups[0] ==
              (g == WEIR_GROUP_E ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C));
    CLAIM(d->e->links[link]->want_us[g] == ENGINE_NEVER);
}

static void claim_waiting(struct weir_drill *d, size_t num, size_t frames_len)
{
    CLAIM(d->e->num_parked == num);
    CLAIM(d->e->waiting_len == num * sizeof(struct engine_waiting_batch) + frames_len);
    CLAIM((d->e->waiting == NULL) == (num == 0));
}

static void claim_dropped(struct weir_drill *d, uint64_t num_strange, uint64_t num_refused)
{
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == num_strange);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == num_refused);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    CLAIM(d->e->num_parked == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_num(d, WEIR_OUT_CHANGED) == 0);
}

/* -- in order -- */

static void apply_in_order(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    send(d, WRITER, (struct span){ lane, 1, 3 });
    claim_applied(d, lane, 3, 3);
    claim_pulled(d, WRITER, g, false);
    send(d, WRITER, (struct span){ lane, 1, 3 }); /* again */
    claim_applied(d, lane, 0, 3);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 3);
    claim_pulled(d, WRITER, g, false);
    send(d, WRITER, (struct span){ lane, 2, 5 }); /* a part of it again */
    claim_applied(d, lane, 2, 5);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    claim_pulled(d, WRITER, g, false);
    send(d, WRITER, (struct span){ lane, 6, 6 });
    claim_applied(d, lane, 1, 6);
    CLAIM(weir_drill_num(d, WEIR_OUT_PUBLISH) ==
          weir_drill_num_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK));
    claim_waiting(d, 0, 0);
}

/* What is too large to publish is announced, and pulled; what is here already is not. */
static void pull_announced(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);
    uint64_t gap = weir_sim_draw(d->x, 2);

    send(d, WRITER, (struct span){ lane, 1, 2 });
    send(d, WRITER, (struct span){ lane, 2, 0 });
    claim_applied(d, lane, 0, 2);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    claim_pulled(d, WRITER, g, false);
    send(d, WRITER, (struct span){ lane, 3 + gap, 0 });
    claim_applied(d, lane, 0, 2);
    claim_pulled(d, WRITER, g, true);
    claim_waiting(d, 0, 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WAITING_DROPPED) == 0);
}

/* Columns of bans: from the first that is new. */
static void apply_columns(struct weir_drill *d)
{
    struct weir_frame_cols *cols;
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t reason = 1;
    uint64_t wall_ms;

    weir_drill_start(d);
    meet(d, WRITER);
    wall_ms = d->wall_ms + d->mono_us / 1000;
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_E, 1, lane);
    send(d, WRITER, (struct span){ lane, 1, 2 });
    WEIR_ASSERT(weir_frame_cols_new(16, &cols) == WEIR_OK);
    weir_frame_cols_reset(cols, wall_ms);
    for (uint64_t seq = 1; seq <= 4; seq++)
        WEIR_ASSERT(weir_frame_cols_add(
                        cols, &(struct weir_record){ .class = WEIR_CLASS_BAN,
                                                     .key = key_of(d, WEIR_GROUP_E, 10 + seq),
                                                     .version = { .hlc = weir_hlc_of_ms(wall_ms) },
                                                     .expires = wall_ms / 1000 + 60,
                                                     .value = weir_span(&reason, 1) }) == WEIR_OK);
    Weir__V1__Batch *m = weir_drill_make_batch(d, WRITER, lane, NULL, 0);
    m->bans = weir_frame_cols_msg(cols);
    m->sent_ms = wall_ms;
    struct weir_span frame = pack_batch(d, m);
    weir_drill_receive_bytes(d, WRITER, frame);
    claim_applied(d, lane, 2, 4);
    claim_pulled(d, WRITER, WEIR_GROUP_E, false);
    struct weir_stored_record rec;
    CLAIM(weir_memory_find(d->store[WEIR_GROUP_E], WEIR_CLASS_BAN, key_of(d, WEIR_GROUP_E, 12),
                           &rec) == WEIR_ENOTFOUND);
    CLAIM(weir_memory_find(d->store[WEIR_GROUP_E], WEIR_CLASS_BAN, key_of(d, WEIR_GROUP_E, 13),
                           &rec) == WEIR_OK);
    CLAIM(rec.stored_ms == wall_ms && rec.rec.version.seq == 3);
    weir_drill_receive_bytes(d, WRITER, frame);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 4);
    m->first = 9; /* they wait as records do */
    frame = pack_batch(d, m);
    weir_drill_receive_bytes(d, WRITER, frame);
    claim_waiting(d, 1, frame.len);
    CLAIM(d->e->waiting->first == 9 && d->e->waiting->last == 12);
    claim_pulled(d, WRITER, WEIR_GROUP_E, true);
    weir_frame_cols_free(&cols);
}

/* -- too early -- */

static void wait_for_those_before(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t second[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    weir_drill_lane(d->peer[WRITER].node, g, 2, second);
    struct weir_span frame = send(d, WRITER, (struct span){ lane, 3, 4 });
    claim_applied(d, lane, 0, 0);
    claim_pulled(d, WRITER, g, true);
    claim_waiting(d, 1, frame.len);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == 1);
    const struct engine_waiting_batch *p = d->e->waiting;
    CLAIM(p->group == g && p->first == 3 && p->last == 4 && p->len == frame.len);
    CLAIM(memcmp(p->lane, lane, WEIR_LANE_LEN) == 0 && memcmp(p->frame, frame.at, p->len) == 0);
    send(d, WRITER, (struct span){ lane, 3, 4 }); /* it waits once */
    claim_waiting(d, 1, frame.len);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == 0);
    size_t len = frame.len + send(d, WRITER, (struct span){ second, 3, 3 }).len;
    claim_waiting(d, 2, len);
    len += send(d, WRITER, (struct span){ lane, 6, 7 }).len;
    len += send(d, WRITER, (struct span){ lane, 5, 5 }).len;
    claim_waiting(d, 4, len);
    CLAIM(weir_engine_memory(d->e) >= d->e->waiting_len);
    send(d, WRITER, (struct span){ lane, 1, 1 }); /* not yet */
    claim_applied(d, lane, 1, 1);
    claim_waiting(d, 4, len);
    send(d, WRITER, (struct span){ lane, 2, 2 }); /* now all of the lane */
    claim_applied(d, lane, 6, 7);
    CLAIM(weir_drill_num_sent(d, topic_of(g), WEIR_DRILL_ANY) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    CLAIM(d->e->num_parked == 1 && memcmp(d->e->waiting->lane, second, WEIR_LANE_LEN) == 0);
    CLAIM(!d->e->waiting_ready);
}

/* What waits is covered meanwhile: in part, or as a whole; then no neighbour needs it. */
static void wait_in_vain(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.relay = true;
    enum weir_group g = begin(d, lane);
    send(d, WRITER, (struct span){ lane, 3, 4 });
    size_t len = send(d, WRITER, (struct span){ lane, 7, 8 }).len;
    send(d, WRITER, (struct span){ lane, 1, 4 });
    claim_applied(d, lane, 4, 4);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    claim_waiting(d, 1, len);
    CLAIM(weir_drill_num_sent(d, topic_of(g), WEIR_ENGINE_NO_LINK) == 1);
    send(d, WRITER, (struct span){ lane, 5, 7 });
    claim_applied(d, lane, 4, 8);
    CLAIM(weir_drill_num_sent(d, topic_of(g), WEIR_ENGINE_NO_LINK) == 2);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 0);
    claim_waiting(d, 0, 0);
}

/* So many may wait, of so many bytes; the others are pulled. */
static void wait_within_limits(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    bool is_over = weir_sim_draw(d->x, 2) == 0;
    bool is_number = weir_sim_draw(d->x, 2) == 0;

    enum weir_group g = begin(d, lane);
    struct weir_span frame = pack_batch(d, make_batch(d, WRITER, (struct span){ lane, 3, 4 }));
    size_t len = sizeof(struct engine_waiting_batch) + frame.len;
    size_t num_was = is_number ? ENGINE_WAITING_NUM - 1 + is_over : 0;
    size_t len_was = is_number ? 0 : WEIR_ENGINE_WAITING_MAX - len + is_over;
    d->e->num_parked = num_was;
    d->e->waiting_len = len_was;
    weir_drill_receive_bytes(d, WRITER, frame);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WAITING_DROPPED) == is_over);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == !is_over);
    CLAIM(d->e->num_parked == num_was + !is_over);
    CLAIM(d->e->waiting_len == len_was + (is_over ? 0 : len));
    claim_pulled(d, WRITER, g, true);
    d->e->num_parked -= num_was;
    d->e->waiting_len -= len_was;
}

/* A reset forgets what waits. */
static void forget_waiting(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    (void)begin(d, lane);
    send(d, WRITER, (struct span){ lane, 3, 4 });
    send(d, WRITER, (struct span){ lane, 6, 6 });
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
    CLAIM(d->e->num_parked == 2);
    weir_drill_begin(d);
    weir_engine_exported(d->e, true);
    (void)weir_drill_end(d);
    claim_waiting(d, 0, 0);
}

/* -- from whom, and when -- */

static void refuse_strangers(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = weir_drill_draw_group(d);

    weir_drill_lane(d->peer[WRITER].node, g, 1, lane);
    weir_drill_start(d);
    weir_drill_up(d, WRITER);
    send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_dropped(d, 1, 0);
    weir_drill_hello(d, WRITER, true);
    weir_drill_respond(d, WRITER);
    meet(d, OTHER);
    send(d, OTHER, (struct span){ lane, 1, 1 }); /* not a lane of its own */
    claim_dropped(d, 1, 0);
    send(d, OTHER, (struct span){ lane, 9, 0 });
    claim_dropped(d, 1, 0);
    claim_pulled(d, OTHER, g, false);
    Weir__V1__Batch *m = make_batch(d, WRITER, (struct span){ lane, 1, 1 });
    uint8_t wrong[WEIR_LANE_LEN];
    weir_drill_lane(d->peer[WRITER].node, g == WEIR_GROUP_C ? WEIR_GROUP_E : WEIR_GROUP_C, 1,
                    wrong);
    m->lane = weir_drill_bytes(d, wrong, WEIR_LANE_LEN); /* a lane of the other group */
    weir_drill_receive_bytes(d, WRITER, pack_batch(d, m));
    claim_dropped(d, 1, 0);
    send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_applied(d, lane, 1, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
}

static void apply_nothing_while_joining(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = weir_drill_draw_group(d);

    d->cfg.bootstrap = false;
    weir_drill_lane(d->peer[WRITER].node, g, 1, lane);
    weir_drill_start(d);
    weir_drill_meet(d, WRITER);
    send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_dropped(d, 0, 0);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
}

static void apply_nothing_while_readonly(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    weir_memory_fail_op(d->store[WEIR_GROUP_C], 1, WEIR_EIO);
    (void)weir_drill_put(d, "a", "1");
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_dropped(d, 0, 0);
    CLAIM(d->e->links[WRITER]->want_us[g] == ENGINE_NEVER);
}

/* R6: of a peer that may have missed purges nothing of group C is applied. */
static void refuse_stale(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    bool is_stale = weir_sim_draw(d->x, 2) == 0;

    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, lane);
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_E, 1, bans);
    weir_drill_start(d);
    meet(d, WRITER);
    d->e->links[WRITER]->stale = is_stale;
    d->e->links[WRITER]->behind = !is_stale || weir_sim_draw(d->x, 2) == 0;
    send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_dropped(d, 0, 1);
    claim_pulled(d, WRITER, WEIR_GROUP_C, !is_stale);
    send(d, WRITER, (struct span){ bans, 1, 1 });
    claim_applied(d, bans, 1, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
}

/* R9: an absent key with a stamp at or below what was purged is for a session, and what was applied
 * before it stays. */
static void stop_at_old_stamp(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t old = weir_sim_draw(d->x, 2);

    weir_drill_seed_meta(
        d, WEIR_GROUP_C,
        &(struct weir_store_meta){ .live = true, .hlc_floor = weir_drill_stamp(d) - 5 });
    d->cfg.relay = weir_sim_draw(d->x, 2) == 0;
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, lane);
    weir_drill_start(d);
    meet(d, WRITER);
    Weir__V1__Batch *m = make_batch(d, WRITER, (struct span){ lane, 1, 3 });
    m->r[old]->hlc = weir_drill_stamp(d) - 5;
    weir_drill_receive_bytes(d, WRITER, pack_batch(d, m));
    claim_applied(d, lane, old, old);
    claim_pulled(d, WRITER, WEIR_GROUP_C, true);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_BATCH_C, WEIR_DRILL_ANY) == 0);
    m->r[old]->hlc++;
    weir_drill_receive_bytes(d, WRITER, pack_batch(d, m));
    claim_applied(d, lane, 3 - old, 3);
}

/* R10: a batch of this node's own lane comes back from an overlay. */
static void meet_own_lane(struct weir_drill *d)
{
    enum weir_group g = weir_drill_draw_group(d);
    struct weir_lane_row row = { .vv = 3, .seen = 3 };
    struct weir_store_meta meta = { .live = true, .seq = 5 };
    uint64_t last = 3 + weir_sim_draw(d->x, 4);

    d->cfg.relay = true;
    weir_drill_lane(d->cfg.node, g, 1, row.lane);
    memcpy(meta.lane, row.lane, WEIR_LANE_LEN);
    weir_drill_seed_row(d, g, &row);
    weir_drill_seed_meta(d, g, &meta);
    weir_drill_start(d);
    meet(d, WRITER);
    send(d, WRITER, (struct span){ row.lane, last, last });
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WRITER) ==
          (last > 5 && g == WEIR_GROUP_C ? 1 : 0));
    static const uint8_t none[WEIR_LANE_LEN];
    CLAIM(memcmp(weir_memory_meta(d->store[g]).lane, last > 5 ? none : row.lane, WEIR_LANE_LEN) ==
          0);
    CLAIM(weir_memory_meta(d->store[g]).seq == (last > 5 ? 0 : 5));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == (last == 3));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 0 && d->e->num_parked == 0);
    claim_pulled(d, WRITER, g, false);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_BATCH_C, WEIR_DRILL_ANY) == 0);
}

/* -- overlay -- */

static void claim_relayed(struct weir_drill *d, enum weir_group g, size_t num,
                          struct weir_span frame)
{
    enum weir_frame_topic topic = topic_of(g);

    CLAIM(weir_drill_num_sent(d, topic, WEIR_ENGINE_NO_LINK) == num);
    CLAIM(weir_drill_num_sent(d, topic, WEIR_DRILL_ANY) == num);
    for (size_t i = 0; i < d->num_outs && num == 1; i++)
        if (d->outs[i].out.what == WEIR_OUT_PUBLISH && d->outs[i].frame.topic == topic)
            CLAIM(weir_span_eq(d->outs[i].out.frame, frame));
}

/* What is new goes on to the neighbours, of whomever it is; once, and as it came. */
static void relay_what_is_new(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.relay = true;
    enum weir_group g = begin(d, lane);
    meet(d, OTHER);
    struct weir_span frame = send(d, OTHER, (struct span){ lane, 1, 1 });
    claim_applied(d, lane, 1, 1);
    claim_relayed(d, g, 1, frame);
    frame = send(d, WRITER, (struct span){ lane, 1, 1 });
    claim_relayed(d, g, 0, frame);
    struct weir_span early = send(d, WRITER, (struct span){ lane, 3, 3 });
    claim_relayed(d, g, 0, early);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(d->e->links[WRITER]->want_us[g] == d->mono_us + RELAY_US);
    CLAIM(weir_engine_deadline(d->e) <= d->mono_us + RELAY_US);
    claim_waiting(d, 1, early.len);
    weir_drill_begin(d);
    weir_engine_receive(d->e, OTHER,
                        pack_batch(d, make_batch(d, OTHER, (struct span){ lane, 2, 2 })));
    (void)weir_drill_end(d);
    claim_applied(d, lane, 2, 3);
    claim_relayed(d, g, 2, early);
    claim_waiting(d, 0, 0);
    weir_drill_wait(d, RELAY_US - 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WRITER) == 1);
    send(d, OTHER, (struct span){ lane, 9, 0 }); /* announced: no copy of it will overtake */
    CLAIM(d->e->links[OTHER]->want_us[g] == d->mono_us + RELAY_US);
    send(d, OTHER, (struct span){ lane, 4, 0 });
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, OTHER) == 1);
}

/* -- faults -- */

static struct weir_span next;
static uint8_t fault_lane[WEIR_LANE_LEN];

static void prepare_chain(struct weir_drill *d)
{
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, fault_lane);
    weir_drill_start(d);
    meet(d, WRITER);
    send(d, WRITER, (struct span){ fault_lane, 3, 4 });
    weir_drill_respond(d, WRITER);
    send(d, WRITER, (struct span){ fault_lane, 6, 6 }); /* waits on */
    weir_drill_respond(d, WRITER);
    next = pack_batch(d, make_batch(d, WRITER, (struct span){ fault_lane, 1, 2 }));
}

static void prepare_gap(struct weir_drill *d)
{
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, fault_lane);
    weir_drill_start(d);
    meet(d, WRITER);
    next = pack_batch(d, make_batch(d, WRITER, (struct span){ fault_lane, 3, 4 }));
}

static void receive(struct weir_drill *d)
{
    weir_engine_receive(d->e, WRITER, next);
}

/* The vector never covers what the store has not. */
static void check_chain(struct weir_drill *d, bool failed)
{
    uint64_t end = reach(d, fault_lane);

    CLAIM(end == weir_memory_counts(d->store[WEIR_GROUP_C]).num_records);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, fault_lane).vv == end);
    CLAIM(failed || end == 4);
    CLAIM(end == 0 || end == 2 || end == 4);
    CLAIM(d->err == WEIR_OK || end == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == end);
    CLAIM(d->e->num_parked == (d->e->waiting->first == 3 ? 2 : 1));
}

static void check_gap(struct weir_drill *d, bool failed)
{
    CLAIM(failed || d->e->num_parked == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == d->e->num_parked);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) +
              weir_drill_counted(d, WEIR_COUNT_WAITING_DROPPED) <=
          1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 0);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    apply_in_order,
    pull_announced,
    apply_columns,
    wait_for_those_before,
    wait_in_vain,
    wait_within_limits,
    wait_within_limits,
    wait_within_limits,
    forget_waiting,
    refuse_strangers,
    apply_nothing_while_joining,
    apply_nothing_while_readonly,
    refuse_stale,
    refuse_stale,
    stop_at_old_stamp,
    meet_own_lane,
    meet_own_lane,
    relay_what_is_new,
};

void weir_drill_live(struct weir_sim_exam *x)
{
    static const struct weir_drill_scene chain = { prepare_chain, receive, check_chain };
    static const struct weir_drill_scene gap = { prepare_gap, receive, check_gap };

    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
    weir_drill_fail_allocs(x, &chain);
    weir_drill_fail_ops(x, WEIR_GROUP_C, &chain);
    weir_drill_fail_allocs(x, &gap);
}
