/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_publish.c - sync/engine/engine_write.c: how written records reach the peers, in batches by
 * lane, bytes and columns.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/engine_state.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define BANS_US      WEIR_ENGINE_BANS_US
#define SECOND       UINT64_C(1000000)
#define RECORD_FIXED 160 /* bytes that a record counts in a batch beside its key and value */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const Weir__V1__Batch *published(const struct weir_drill *d, enum weir_frame_topic topic,
                                        size_t nth)
{
    const struct weir_frame *f = weir_drill_sent(d, topic, WEIR_ENGINE_NO_LINK, nth);

    return f != NULL ? f->msg.batch : NULL;
}

static size_t num_published(const struct weir_drill *d)
{
    return weir_drill_num_sent(d, WEIR_FRAME_BATCH_C, WEIR_DRILL_ANY) +
           weir_drill_num_sent(d, WEIR_FRAME_BATCH_E, WEIR_DRILL_ANY);
}

static void claim_head(struct weir_drill *d, const Weir__V1__Batch *b, enum weir_group g,
                       uint64_t first)
{
    struct weir_store_meta meta = weir_drill_meta(d, g);

    CLAIM(b->lane.len == WEIR_LANE_LEN && memcmp(b->lane.data, meta.lane, WEIR_LANE_LEN) == 0);
    CLAIM(b->has_first && b->first == first);
    CLAIM(b->group == (unsigned)(g == WEIR_GROUP_C ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E));
    CLAIM(memcmp(b->incarnation.data, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) == 0);
    CLAIM(b->has_sent_ms && b->sent_ms == d->wall_ms + d->mono_us / 1000);
}

static void write_in_turn(struct weir_drill *d, const struct weir_engine_write *w)
{
    CLAIM(weir_engine_write(d->e, w) == WEIR_OK);
}

/* -- settings -- */

static void publish_settings_at_once(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "a", "1");

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_begin(d);
    write_in_turn(d, &w);
    w.key = WEIR_SPAN_LIT("b");
    w.delete = true;
    w.value = WEIR_SPAN_EMPTY;
    write_in_turn(d, &w);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_C, 0);
    if (!CLAIM(b != NULL && num_published(d) == 1) || !CLAIM(b->n_r == 2))
        return;
    claim_head(d, b, WEIR_GROUP_C, 1);
    CLAIM(b->r[0]->seq == 1 && b->r[1]->seq == 2 && b->bans == NULL);
    CLAIM(!b->r[0]->has_lane && b->r[1]->flags == 1 && !b->r[1]->has_value);
    CLAIM(b->r[0]->key.len == 1 && b->r[0]->key.data[0] == 'a');
    CLAIM(b->r[0]->value.len == 1 && b->r[0]->value.data[0] == '1');
    weir_drill_wait(d, 0);
    CLAIM(num_published(d) == 0);
    CLAIM(weir_drill_put(d, "c", "1") == WEIR_OK);
    b = published(d, WEIR_FRAME_BATCH_C, 0);
    if (CLAIM(b != NULL && num_published(d) == 1))
        CLAIM(b->n_r == 1 && b->first == 3);
    struct engine_pub *p = &d->e->group[WEIR_GROUP_C].pub;
    CLAIM(p->num == 0 && p->durable == 0 && p->arena.used == 0);
}

/* Without a link there is nobody to send it to, then or later. */
static void publish_to_nobody(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    weir_drill_wait(d, BANS_US);
    CLAIM(num_published(d) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 0);
    weir_drill_up(d, 0);
    weir_drill_wait(d, BANS_US);
    CLAIM(num_published(d) == 0);
}

/* Two records whose bytes are `over` beyond a batch. */
static void publish_two(struct weir_drill *d, size_t over)
{
    uint8_t *value = weir_drill_alloc(d, WEIR_ENGINE_BATCH_MAX);
    struct weir_engine_write w = weir_drill_make_write(d, "first", "1");
    size_t split = 1 + weir_sim_draw(d->x, 60000);
    size_t left = WEIR_ENGINE_BATCH_MAX + over - 2 * (RECORD_FIXED + 5) - split;
    uint64_t first = weir_drill_meta(d, WEIR_GROUP_C).seq + 1;

    memset(value, 'v', WEIR_ENGINE_BATCH_MAX);
    weir_drill_begin(d);
    w.value = weir_span(value, split);
    write_in_turn(d, &w);
    w.key = WEIR_SPAN_LIT("later");
    w.value = weir_span(value, left);
    write_in_turn(d, &w);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_C, 0);
    const Weir__V1__Batch *next = published(d, WEIR_FRAME_BATCH_C, 1);
    if (!CLAIM(b != NULL && num_published(d) == 1 + (over > 0)))
        return;
    claim_head(d, b, WEIR_GROUP_C, first);
    CLAIM(b->n_r == (over > 0 ? 1 : 2));
    CLAIM(b->r[0]->value.len == split);
    if (over == 0)
        return;
    claim_head(d, next, WEIR_GROUP_C, first + 1);
    CLAIM(next->n_r == 1 && next->r[0]->value.len == left && next->r[0]->seq == first + 1);
}

/* A record that is too large for a batch is announced; those around it are published. */
static void announce_a_large_one(struct weir_drill *d, size_t over)
{
    uint8_t *value = weir_drill_alloc(d, WEIR_ENGINE_BATCH_MAX);
    struct weir_engine_write w = weir_drill_make_write(d, "a", "1");
    uint64_t first = weir_drill_meta(d, WEIR_GROUP_C).seq + 1;

    memset(value, 'v', WEIR_ENGINE_BATCH_MAX);
    weir_drill_begin(d);
    write_in_turn(d, &w);
    w.key = WEIR_SPAN_LIT("b");
    w.value = weir_span(value, WEIR_ENGINE_BATCH_MAX - RECORD_FIXED - 1 + over);
    write_in_turn(d, &w);
    w.key = WEIR_SPAN_LIT("c");
    w.value = WEIR_SPAN_LIT("3");
    write_in_turn(d, &w);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    if (!CLAIM(num_published(d) == 3))
        return;
    for (size_t i = 0; i < 3; i++) {
        const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_C, i);
        claim_head(d, b, WEIR_GROUP_C, first + i);
        CLAIM(b->n_r == (i == 1 && over > 0 ? 0 : 1));
    }
}

static void publish_by_bytes(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    publish_two(d, 0);
    publish_two(d, 1);
    announce_a_large_one(d, 0);
    announce_a_large_one(d, 1);
}

/* A peer claims to know more of the lane, in the middle of a turn: a batch is of one lane. */
static void publish_by_lane(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "a", "1");

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    weir_drill_raise(&d->peer[0].seen, meta.lane, 9);
    Weir__V1__Hello *hello = weir_drill_make_hello(d, 0);
    uint8_t *bytes = weir_drill_alloc(d, weir_frame_packed_len(&hello->base));
    weir_frame_pack(WEIR_FRAME_HELLO, &hello->base, bytes);
    weir_drill_begin(d);
    write_in_turn(d, &w);
    w.key = WEIR_SPAN_LIT("b");
    write_in_turn(d, &w);
    weir_engine_receive(d->e, 0, weir_span(bytes, weir_frame_packed_len(&hello->base)));
    w.key = WEIR_SPAN_LIT("c");
    write_in_turn(d, &w);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_C, 0);
    const Weir__V1__Batch *next = published(d, WEIR_FRAME_BATCH_C, 1);
    if (!CLAIM(b != NULL && next != NULL && num_published(d) == 2))
        return;
    CLAIM(memcmp(b->lane.data, meta.lane, WEIR_LANE_LEN) == 0);
    CLAIM(b->first == 2 && b->n_r == 2 && b->r[1]->seq == 3);
    claim_head(d, next, WEIR_GROUP_C, 1);
    CLAIM(next->n_r == 1 && memcmp(next->lane.data, meta.lane, WEIR_LANE_LEN) != 0);
}

/* -- bans -- */

static void publish_bans_in_time(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_wait(d, SECOND);
    uint64_t began = d->mono_us;
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    CLAIM(weir_engine_deadline(d->e) == began + BANS_US);
    weir_drill_wait(d, BANS_US / 2);
    ban = weir_drill_make_ban(d, 2, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK); /* moves no ban */
    CLAIM(num_published(d) == 1);
    CLAIM(weir_engine_deadline(d->e) == began + BANS_US);
    weir_drill_wait(d, BANS_US / 2 - 1);
    CLAIM(num_published(d) == 0);
    weir_drill_wait(d, 1);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
    if (!CLAIM(b != NULL && num_published(d) == 1) || !CLAIM(b->bans != NULL))
        return;
    claim_head(d, b, WEIR_GROUP_E, 1);
    CLAIM(b->n_r == 0 && b->bans->reason.len == 2 && b->bans->reason.data[1] == 3);
    struct weir_frame_bans at;
    struct weir_frame_ban one;
    weir_frame_bans_begin(&at, b);
    for (uint8_t n = 1; n <= 2; n++) {
        CLAIM(weir_frame_bans_next(&at, &one));
        CLAIM(weir_span_eq(one.rec.key, weir_drill_ban_key(d, n)));
        struct weir_stored_record rec = weir_drill_find(d, WEIR_CLASS_BAN, one.rec.key);
        CLAIM(one.rec.version.hlc == rec.rec.version.hlc && one.rec.version.seq == n);
        CLAIM(one.rec.expires == rec.rec.expires);
    }
    weir_drill_wait(d, BANS_US);
    CLAIM(num_published(d) == 0);
    CLAIM(weir_engine_deadline(d->e) > d->mono_us);
    ban = weir_drill_make_ban(d, 3, 60);
    began = d->mono_us;
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK && num_published(d) == 0);
    CLAIM(weir_engine_deadline(d->e) == began + BANS_US);
}

/* A ban that is no column ends the columns; what follows it is sent as records, and each batch of
 * columns begins anew. */
static void publish_odd_bans_as_records(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_begin(d);
    for (uint8_t n = 1; n <= 5; n++) {
        struct weir_engine_write ban = weir_drill_make_ban(d, n, 60);
        ban.schema = n == 3;
        write_in_turn(d, &ban);
    }
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_drill_wait(d, BANS_US);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
    const Weir__V1__Batch *next = published(d, WEIR_FRAME_BATCH_E, 1);
    if (!CLAIM(b != NULL && next != NULL && num_published(d) == 2))
        return;
    claim_head(d, b, WEIR_GROUP_E, 1);
    CLAIM(b->n_r == 0 && b->bans != NULL && b->bans->reason.len == 2);
    claim_head(d, next, WEIR_GROUP_E, 3);
    if (CLAIM(next->n_r == 3 && next->bans == NULL))
        CLAIM(next->r[0]->schema == 1 && next->r[2]->seq == 5);
    struct weir_engine_write ban = weir_drill_make_ban(d, 6, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    weir_drill_wait(d, BANS_US);
    b = published(d, WEIR_FRAME_BATCH_E, 0);
    if (CLAIM(b != NULL && num_published(d) == 1) && CLAIM(b->bans != NULL))
        CLAIM(b->bans->reason.len == 1 && b->first == 6);
}

/* The clock jumps beyond what a message can state: the last moment that it can. */
static void publish_at_the_end_of_time(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    d->wall_ms = UINT64_C(1) << 50;
    weir_drill_wait(d, BANS_US);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
    if (CLAIM(b != NULL && num_published(d) == 1))
        CLAIM(b->sent_ms == WEIR_HLC_MS_MAX);
}

/* Many bans: the one that waits, so many times more. */
static void repeat_ban(struct weir_drill *d, size_t num)
{
    struct engine_pub *p = &d->e->group[WEIR_GROUP_E].pub;

    p->recs = realloc(p->recs, num * sizeof(struct weir_stored_record *));
    WEIR_ASSERT(p->recs != NULL);
    for (size_t i = 1; i < num; i++)
        p->recs[i] = p->recs[0];
    p->num = p->durable = p->cap = num;
}

static void publish_a_full_batch_at_once(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    repeat_ban(d, ENGINE_COLS - 1);
    weir_drill_wait(d, 0);
    CLAIM(num_published(d) == 0);
    repeat_ban(d, ENGINE_COLS);
    weir_drill_wait(d, 0);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
    if (CLAIM(b != NULL && num_published(d) == 1) && CLAIM(b->bans != NULL))
        CLAIM(b->bans->reason.len == ENGINE_COLS);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    repeat_ban(d, ENGINE_COLS + 1);
    weir_drill_wait(d, 0);
    const Weir__V1__Batch *next = published(d, WEIR_FRAME_BATCH_E, 1);
    if (CLAIM(next != NULL && num_published(d) == 2) && CLAIM(next->bans != NULL))
        CLAIM(next->bans->reason.len == 1);
}

/* A turn that fails takes its own bans with it, and not those that wait from before. */
static void publish_what_is_durable(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_E);
    ban = weir_drill_make_ban(d, 2, 60);
    weir_memory_fail_commit(d->store[WEIR_GROUP_E], 1, WEIR_ENOMEM);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_ENOMEM);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.num == 1);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.arena.used > 0);
    ban = weir_drill_make_ban(d, 3, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    weir_drill_wait(d, BANS_US);
    const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
    const Weir__V1__Batch *next = published(d, WEIR_FRAME_BATCH_E, 1);
    if (!CLAIM(b != NULL && next != NULL && num_published(d) == 2))
        return;
    CLAIM(memcmp(b->lane.data, meta.lane, WEIR_LANE_LEN) == 0 && b->bans->reason.len == 1);
    claim_head(d, next, WEIR_GROUP_E, 1);
    CLAIM(next->bans->reason.len == 1);
    weir_memory_fail_commit(d->store[WEIR_GROUP_E], 1, WEIR_ENOMEM);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_ENOMEM);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.num == 0);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.arena.used == 0);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    d->mono_us += BANS_US; /* they go out with a turn that fails: a pull brings them */
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_ENOMEM);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.num == 0);
}

/* Each allocation of a publication fails once: it is sent otherwise, or not at all. */
static void fail_an_allocation(struct weir_drill *d)
{
    for (long n = 1; n < WEIR_DRILL_ALLOCS && d->x->claim == NULL; n++) {
        struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
        weir_drill_start(d);
        weir_drill_meet(d, 0);
        weir_drill_wait(d, SECOND);
        CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
        d->mono_us += BANS_US;
        weir_failalloc_once(n);
        weir_drill_begin(d);
        CLAIM(weir_drill_end(d) == WEIR_OK || d->err == WEIR_ENOMEM);
        bool more = weir_sim_plenty();
        CLAIM(!more || n + 1 < WEIR_DRILL_ALLOCS);
        const Weir__V1__Batch *b = published(d, WEIR_FRAME_BATCH_E, 0);
        CLAIM(b != NULL || d->err == WEIR_ENOMEM ||
              weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 1);
        if (b != NULL)
            CLAIM(b->first == 1 && (b->n_r == 1 || (b->bans != NULL && b->bans->reason.len == 1)));
        CLAIM(more || (b != NULL && b->bans != NULL));
        CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
        weir_drill_wait(d, BANS_US);
        b = published(d, WEIR_FRAME_BATCH_E, 0);
        CLAIM(b != NULL && b->bans != NULL && num_published(d) == 1);
        weir_drill_renew(d);
        if (!more)
            return;
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    publish_settings_at_once,   publish_to_nobody,
    publish_by_bytes,           publish_by_lane,
    publish_bans_in_time,       publish_odd_bans_as_records,
    publish_at_the_end_of_time, publish_a_full_batch_at_once,
    publish_what_is_durable,    fail_an_allocation,
};

void weir_drill_publish(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
