/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_suite.c - the rules of replication, each by what its users would see.
 */
#include "tests/support/engine/engine_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/activation/acks.h"
#include "sync/frame/frame.h"
#include "sync/frame/member.h"
#include "sync/members/members.h"
#include "tests/support/engine/engine_suite_bed.h"

#define DAY_MS UINT64_C(86400000)

const struct rs_maker *engine_suite_maker;

/* Tenants, and whatever else is of class `class`, tombstones too. */
static unsigned num_records(struct bed *b, unsigned at, enum weir_class class)
{
    struct weir_record_store *k = b->c.node[at].records[class == WEIR_CLASS_BAN];
    struct weir_stored_record rec;
    uint8_t key[400];
    size_t len = 0;
    unsigned num = 0;

    assert_int_equal(k->ops->begin(k), WEIR_OK);
    while (k->ops->next_key(k, class, weir_span(key, len), &rec) == WEIR_OK) {
        len = rec.rec.key.len;
        memcpy(key, rec.rec.key.at, len);
        num++;
    }
    k->ops->abort(k);
    return num;
}

static unsigned num_conflicts(struct bed *b, unsigned at, const char *loser)
{
    struct weir_record_store *k = b->c.node[at].records[WEIR_GROUP_C];
    struct weir_conflict x;
    unsigned num = 0;

    assert_int_equal(k->ops->begin(k), WEIR_OK);
    while (k->ops->get_conflict(k, num, &x) == WEIR_OK) {
        assert_true(weir_span_eq(x.loser.rec.value, weir_span_cstr(loser)));
        num++;
    }
    k->ops->abort(k);
    return num;
}

/* -- R1, R2 -- */

static void a_write_is_on_all_nodes_at_once(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(put_tenant(&b, 1, "a", "one"), WEIR_OK);
    assert_int_equal(b.c.node[1].num_acked, 1);
    assert_int_equal(b.c.node[1].last_ack, WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_true(has(&b, i, "a", "one"));
    assert_int_equal(put_tenant(&b, 2, "a", NULL), WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_true(has(&b, i, "a", NULL));
    assert_equal(&b);
    bed_deinit(&b);
}

static void a_lost_batch_is_pulled_after_the_next(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    b.c.deaf[1] = true;
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_true(has(&b, 1, "a", NULL));
    b.c.deaf[1] = false;
    assert_int_equal(put_tenant(&b, 0, "b", "two"), WEIR_OK);
    assert_true(has(&b, 1, "a", "one"));
    assert_true(has(&b, 1, "b", "two"));
    assert_int_equal(count(&b, 1, WEIR_COUNT_PARKED), 1);
    bed_deinit(&b);
}

static void a_lost_batch_is_pulled_after_a_heartbeat(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    b.c.deaf[1] = true;
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_int_equal(cluster_ban(&b.c, 0, 1, 600), WEIR_OK);
    cluster_run(&b.c, 2 * SECOND);
    assert_true(has(&b, 1, "a", "one"));
    assert_int_equal(num_records(&b, 1, WEIR_CLASS_BAN), 1);
    bed_deinit(&b);
}

static void a_document_too_large_for_a_batch_is_announced_and_pulled(void **state)
{
    struct bed b;
    static char large[200001];

    bed_init(&b, 2);
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(put_tenant(&b, 0, "large", large), WEIR_OK);
    cluster_run(&b.c, 10000);
    assert_true(has(&b, 1, "large", large));
    assert_int_equal(count(&b, 1, WEIR_COUNT_PARKED), 0);
    bed_deinit(&b);
}

static void a_wrong_write_is_refused_and_changes_nothing(void **state)
{
    static char large[WEIR_RECORD_MAX + 2];
    struct bed b;

    bed_init(&b, 2);
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(put_tenant(&b, 0, "", "v"), WEIR_EINVAL);
    assert_int_equal(put_tenant(&b, 0, "a", large), WEIR_EINVAL);
    assert_int_equal(cluster_write(&b.c, 0, (enum weir_class)12, "a", "v"), WEIR_EINVAL);
    assert_int_equal(cluster_ban(&b.c, 0, 1, 0), WEIR_EINVAL);
    assert_int_equal(cluster_ban(&b.c, 0, 1, WEIR_BAN_TTL_MAX + 1), WEIR_EINVAL);
    assert_int_equal(count(&b, 0, WEIR_COUNT_WRITES_REFUSED), 5);
    assert_int_equal(b.c.node[0].num_acked, 0);
    assert_int_equal(num_records(&b, 1, WEIR_CLASS_TENANT), 0);
    bed_deinit(&b);
}

/* -- versions and conflicts -- */

static void a_concurrent_loser_is_stored_as_a_conflict(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    assert_int_equal(put_tenant(&b, 0, "a", "base"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 1, "a", "seen"), WEIR_OK);
    assert_int_equal(num_conflicts(&b, 0, ""), 0);
    cluster_cut(&b.c, 0, 1, true);
    assert_int_equal(put_tenant(&b, 0, "a", "left"), WEIR_OK);
    cluster_run(&b.c, 5000);
    assert_int_equal(put_tenant(&b, 1, "a", "right"), WEIR_OK);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_true(has(&b, i, "a", "right"));
    assert_int_equal(num_conflicts(&b, 0, "left"), 1);
    bed_deinit(&b);
}

static void a_later_write_wins_over_a_clock_that_is_ahead(void **state)
{
    struct bed b;

    bed_make(&b, 2);
    b.c.node[0].skew_ms = 10 * 365 * DAY_MS;
    bed_start(&b);
    assert_int_equal(put_tenant(&b, 0, "a", "from the future"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 1, "a", "later"), WEIR_OK);
    for (unsigned i = 0; i < 2; i++)
        assert_true(has(&b, i, "a", "later"));
    /* and the stamp of another key follows its own clock alone (I9) */
    assert_int_equal(put_tenant(&b, 1, "b", "now"), WEIR_OK);
    assert_in_range(b.c.node[1].last_version.hlc >> 16, b.c.wall_ms, b.c.wall_ms + DAY_MS);
    bed_deinit(&b);
}

static void a_clock_that_is_off_takes_bans_but_no_settings(void **state)
{
    struct bed b;

    bed_make(&b, 3);
    b.c.node[2].skew_ms = 5000;
    bed_start(&b);
    for (unsigned i = 0; i < 3; i++)
        cluster_member(&b.c, 0, i, 0);
    cluster_run(&b.c, 5 * SECOND);
    assert_int_equal(put_tenant(&b, 2, "a", "one"), WEIR_EPERM);
    assert_int_equal(put_tenant(&b, 1, "a", "one"), WEIR_OK);
    assert_int_equal(cluster_ban(&b.c, 2, 1, 600), WEIR_OK);
    bed_deinit(&b);
}

/* -- R4, R5 -- */

static void many_records_come_in_chunks(void **state)
{
    struct bed b;
    char key[16];

    bed_make(&b, 2);
    b.c.node[0].intervals.chunk_bytes = b.c.node[1].intervals.chunk_bytes = 8192;
    bed_start(&b);
    cluster_cut(&b.c, 0, 1, true);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "t%04u", i);
        assert_int_equal(put_tenant(&b, i % 2, key, "0123456789"), WEIR_OK);
    }
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(num_records(&b, i, WEIR_CLASS_TENANT), 1000);
    assert_equal(&b);
    bed_deinit(&b);
}

static void an_unfinished_session_claims_nothing(void **state)
{
    struct bed b;
    char key[16];

    bed_make(&b, 2);
    b.c.node[0].intervals.chunk_bytes = b.c.node[1].intervals.chunk_bytes = 2000;
    b.c.node[1].intervals.pull_bytes_per_s =
        4000; /* so slow that it can be cut off in the middle */
    bed_start(&b);
    cluster_cut(&b.c, 0, 1, true);
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof(key), "t%04u", i);
        assert_int_equal(put_tenant(&b, 0, key, "0123456789"), WEIR_OK);
    }
    uint64_t before = weir_vector_hash(weir_engine_vv(b.c.node[1].engine, WEIR_GROUP_C));
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    assert_in_range(num_records(&b, 1, WEIR_CLASS_TENANT), 1, 299);
    assert_int_equal(weir_vector_hash(weir_engine_vv(b.c.node[1].engine, WEIR_GROUP_C)), before);
    cluster_cut(&b.c, 0, 1, true);
    assert_int_equal(weir_vector_hash(weir_engine_vv(b.c.node[1].engine, WEIR_GROUP_C)), before);
    b.c.node[1].intervals.pull_bytes_per_s = 0;
    restart(&b, 1);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, 2 * SECOND);
    assert_int_equal(num_records(&b, 1, WEIR_CLASS_TENANT), 300);
    assert_equal(&b);
    bed_deinit(&b);
}

/* -- R6, R7, R8, R9 -- */

static void a_node_that_is_joining_takes_no_writes(void **state)
{
    struct bed b;

    bed_make(&b, 2);
    cluster_start(&b.c, 1);
    cluster_run(&b.c, SECOND);
    assert_int_equal(weir_engine_state(b.c.node[1].engine), WEIR_ENGINE_JOINING);
    assert_int_equal(put_tenant(&b, 1, "a", "one"), WEIR_EBUSY);
    cluster_start(&b.c, 0);
    cluster_run(&b.c, SECOND);
    assert_int_equal(put_tenant(&b, 1, "a", "one"), WEIR_OK);
    assert_true(has(&b, 0, "a", "one"));
    bed_deinit(&b);
}

static void a_node_beyond_a_purge_resets_and_comes_back(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    cluster_stop(&b.c, 2);
    assert_int_equal(put_tenant(&b, 0, "a", NULL), WEIR_OK);
    b.c.wall_ms += 402 * DAY_MS;
    cluster_run(&b.c, 120 * SECOND);
    assert_int_equal(b.c.node[0].num_purged, 1);
    assert_int_equal(num_records(&b, 0, WEIR_CLASS_TENANT), 0);
    cluster_start(&b.c, 2);
    cluster_run(&b.c, 5 * SECOND);
    assert_int_equal(count(&b, 2, WEIR_COUNT_RESETS), 1);
    assert_int_equal(weir_engine_state(b.c.node[2].engine), WEIR_ENGINE_LIVE);
    for (unsigned i = 0; i < 3; i++)
        assert_true(has(&b, i, "a", NULL));
    assert_equal(&b);
    bed_deinit(&b);
}

static void a_write_to_a_purged_key_is_newer_than_what_was_purged(void **state)
{
    struct bed b;

    bed_make(&b, 2);
    b.c.node[0].skew_ms = 500 * DAY_MS;
    bed_start(&b);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 0, "a", NULL), WEIR_OK);
    struct weir_version gone = b.c.node[0].last_version;
    b.c.wall_ms += 402 * DAY_MS;
    cluster_run(&b.c, 120 * SECOND);
    assert_int_equal(num_records(&b, 1, WEIR_CLASS_TENANT), 0);
    assert_int_equal(put_tenant(&b, 1, "a", "again"), WEIR_OK);
    assert_true(b.c.node[1].last_version.hlc > gone.hlc);
    assert_true(has(&b, 0, "a", "again"));
    bed_deinit(&b);
}

static void when_both_are_beyond_the_other_the_operator_decides(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 1, "b", "one"), WEIR_OK);
    cluster_cut(&b.c, 0, 1, true);
    assert_int_equal(put_tenant(&b, 0, "a", NULL), WEIR_OK);
    assert_int_equal(put_tenant(&b, 1, "b", NULL), WEIR_OK);
    b.c.wall_ms += 402 * DAY_MS;
    cluster_run(&b.c, 120 * SECOND);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(b.c.node[i].num_alarms[WEIR_ALARM_BOTH_STALE], 1);
        assert_int_equal(weir_engine_state(b.c.node[i].engine), WEIR_ENGINE_LIVE);
        assert_int_equal(count(&b, i, WEIR_COUNT_RESETS), 0);
    }
    weir_engine_give_up(b.c.node[1].engine);
    cluster_run(&b.c, 5 * SECOND);
    assert_int_equal(count(&b, 1, WEIR_COUNT_RESETS), 1);
    assert_equal(&b);
    bed_deinit(&b);
}

/* -- R10, R13 -- */

static void an_old_lane_goes_on_only_when_all_members_confirm_it(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init(&b, 3);
    for (unsigned i = 0; i < 3; i++)
        cluster_member(&b.c, 0, i, 0);
    assert_int_equal(put_tenant(&b, 1, "a", "one"), WEIR_OK);
    memcpy(lane, b.c.node[1].last_version.lane, WEIR_LANE_LEN);
    restart(&b, 1);
    cluster_run(&b.c, SECOND);
    assert_int_equal(put_tenant(&b, 1, "a", "two"), WEIR_OK);
    assert_memory_equal(lane, b.c.node[1].last_version.lane, WEIR_LANE_LEN);
    assert_int_equal(b.c.node[1].last_version.seq, 2);
    cluster_stop(&b.c, 2); /* what it has is not known any more */
    restart(&b, 1);
    cluster_run(&b.c, SECOND);
    assert_int_equal(put_tenant(&b, 1, "a", "three"), WEIR_OK);
    assert_memory_not_equal(lane, b.c.node[1].last_version.lane, WEIR_LANE_LEN);
    assert_true(has(&b, 0, "a", "three"));
    memcpy(lane, b.c.node[1].last_version.lane, WEIR_LANE_LEN);
    cluster_member(&b.c, 0, 2, WEIR_MEMBER_LEFT); /* nor can it be asked when it has left */
    restart(&b, 1);
    cluster_run(&b.c, SECOND);
    assert_int_equal(put_tenant(&b, 1, "a", "four"), WEIR_OK);
    assert_memory_not_equal(lane, b.c.node[1].last_version.lane, WEIR_LANE_LEN);
    bed_deinit(&b);
}

static void a_node_that_was_evicted_is_cut_off(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    for (unsigned i = 0; i < 3; i++)
        cluster_member(&b.c, 0, i, 0);
    cluster_member(&b.c, 0, 2, 2);
    cluster_run(&b.c, SECOND);
    assert_true(b.c.cut[0][2]);
    assert_true(b.c.cut[1][2]);
    assert_true(b.c.node[0].num_alarms[WEIR_ALARM_EVICTED] > 0);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_true(has(&b, 1, "a", "one"));
    assert_true(has(&b, 2, "a", NULL));
    bed_deinit(&b);
}

static void a_node_with_this_nodes_id_is_refused(void **state)
{
    struct bed b;

    bed_make(&b, 2);
    memcpy(b.c.node[1].id, b.c.node[0].id, WEIR_NODE_ID_LEN);
    cluster_start(&b.c, 0);
    cluster_start(&b.c, 1);
    cluster_run(&b.c, SECOND);
    assert_true(b.c.cut[0][1]);
    assert_true(b.c.node[0].num_alarms[WEIR_ALARM_DUPLICATE] > 0);
    bed_deinit(&b);
}

/* -- R12 -- */

static void a_record_that_vanished_is_found_missing_and_fetched(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    cluster_stop(&b.c, 1);
    struct weir_record_store *k = b.c.node[1].records[WEIR_GROUP_C];
    assert_int_equal(k->ops->begin(k), WEIR_OK);
    assert_int_equal(k->ops->drop(k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")), WEIR_OK);
    assert_int_equal(k->ops->commit(k), WEIR_OK);
    cluster_start(&b.c, 1);
    assert_true(has(&b, 1, "a", NULL));
    cluster_run(&b.c, 20 * SECOND);
    assert_true(has(&b, 1, "a", "one"));
    assert_true(count(&b, 1, WEIR_COUNT_AUDITS) > 0);
    assert_true(count(&b, 1, WEIR_COUNT_REPAIRED) > 0);
    bed_deinit(&b);
}

/* Behind the engine's back: a record that no other node has, of a dot that all vectors cover. */
static void plant(struct bed *b, unsigned at)
{
    struct weir_stored_record rec;

    cluster_stop(&b->c, at);
    struct weir_record_store *k = b->c.node[at].records[WEIR_GROUP_C];
    assert_int_equal(k->ops->begin(k), WEIR_OK);
    assert_int_equal(k->ops->get(k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"), &rec), WEIR_OK);
    struct weir_stored_record zombie = { .rec = {
                                             .class = WEIR_CLASS_TENANT,
                                             .key = WEIR_SPAN_LIT("zombie"),
                                             .value = WEIR_SPAN_LIT("brains"),
                                             .version = rec.rec.version,
                                         } };
    zombie.rec.version.seq = 1; /* of a record that was replaced */
    assert_int_equal(k->ops->put(k, &zombie), WEIR_OK);
    assert_int_equal(k->ops->commit(k), WEIR_OK);
}

/* The `num_bad` nodes after the first have it; they reset, and no other does. */
static void minority_resets(unsigned num_nodes, unsigned num_bad)
{
    struct bed b;

    bed_init(&b, num_nodes);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 0, "a", "two"), WEIR_OK);
    for (unsigned i = 1; i <= num_bad; i++)
        plant(&b, i);
    for (unsigned i = 1; i <= num_bad; i++)
        cluster_start(&b.c, i);
    cluster_run(&b.c, 60 * SECOND);
    for (unsigned i = 0; i < num_nodes; i++) {
        assert_true(has(&b, i, "zombie", NULL));
        assert_true(has(&b, i, "a", "two"));
        assert_int_equal(count(&b, i, WEIR_COUNT_RESETS), i >= 1 && i <= num_bad);
    }
    bed_deinit(&b);
}

static void a_node_with_records_that_two_others_have_not_resets(void **state)
{
    minority_resets(3, 1);
}

static void two_nodes_that_agree_reset_before_three_that_do(void **state)
{
    minority_resets(5, 2);
}

/* -- bans -- */

static void bans_travel_and_expire(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(cluster_ban(&b.c, 0, i, 5), WEIR_OK);
    cluster_run(&b.c, SECOND);
    assert_int_equal(num_records(&b, 1, WEIR_CLASS_BAN), 10);
    cluster_run(&b.c, 7 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(num_records(&b, i, WEIR_CLASS_BAN), 0);
    bed_deinit(&b);
}

/* -- mixed versions, relays, activation -- */

/* Node 0 of a later version writes a record with a field that no node here knows. */
static void inject_later_version(struct bed *b, unsigned to, uint8_t *data, size_t len)
{
    static uint8_t lane[WEIR_LANE_LEN] = { 1, 1, 1, 1, 1, 1, 1, 1, 'C', 9 }; /* of node 0 */
    uint8_t frame[512];
    ProtobufCMessageUnknownField field = {
        .tag = 1000,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = len,
        .data = data,
    };
    Weir__V1__Record r;
    Weir__V1__Record *list = &r;
    Weir__V1__Batch m;

    weir__v1__record__init(&r);
    r.has_class_ = r.has_key = r.has_seq = r.has_hlc = 1;
    r.class_ = WEIR_CLASS_TENANT;
    r.key = (ProtobufCBinaryData){ .len = 5, .data = (uint8_t *)(uintptr_t) "later" };
    r.seq = 1;
    r.hlc = b->c.wall_ms << 16;
    r.base.unknown_fields = &field;
    r.base.n_unknown_fields = 1;
    weir__v1__batch__init(&m);
    m.has_lane = m.has_first = m.has_group = m.has_incarnation = 1;
    m.lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = lane };
    m.first = 1;
    m.group = 'C';
    m.incarnation = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = lane };
    m.r = &list;
    m.n_r = 1;
    size_t size = weir_frame_packed_len(&m.base);
    assert_in_range(size, 1, sizeof(frame));
    weir_frame_pack(WEIR_FRAME_BATCH_C, &m.base, frame);
    cluster_inject(&b->c, 0, to, weir_span(frame, size));
}

static void fields_of_a_later_version_reach_nodes_that_can_read_them(void **state)
{
    uint8_t data[] = { 5, 'n', 'e', 'w', 0, 0xff }; /* its length, and so many bytes */
    struct bed b;
    struct weir_stored_record rec;

    bed_init(&b, 3);
    cluster_cut(&b.c, 1, 2, true);
    cluster_cut(&b.c, 0, 2, true);
    inject_later_version(&b, 1, data, sizeof(data));
    cluster_run(&b.c, SECOND);
    cluster_cut(&b.c, 1, 2, false); /* node 2 gets it by a pull, out of node 1's store */
    cluster_run(&b.c, SECOND);
    struct weir_record_store *k = b.c.node[2].records[WEIR_GROUP_C];
    assert_int_equal(k->ops->begin(k), WEIR_OK);
    assert_int_equal(k->ops->get(k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("later"), &rec), WEIR_OK);
    assert_int_equal(rec.extra.len, 2 + sizeof(data)); /* number and type take two bytes */
    assert_memory_equal(rec.extra.at + 2, data, sizeof(data));
    k->ops->abort(k);
    bed_deinit(&b);
}

static void in_an_overlay_what_is_new_goes_on(void **state)
{
    struct bed b;

    bed_make(&b, 3);
    b.c.cut[0][2] = b.c.cut[2][0] = true;
    for (unsigned i = 0; i < 3; i++)
        b.c.node[i].relay = true;
    bed_start(&b);
    uint64_t pulls = count(&b, 2, WEIR_COUNT_PULLS);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_true(has(&b, 2, "a", "one"));
    assert_int_equal(count(&b, 2, WEIR_COUNT_PULLS), pulls);
    bed_deinit(&b);
}

static void what_two_peers_have_is_pulled_after_one_heartbeat(void **state)
{
    struct bed b;

    bed_make(&b, 4);
    b.c.cut[0][3] = b.c.cut[3][0] = true; /* the writer is no peer: no heartbeat names its lane */
    for (unsigned i = 0; i < 4; i++) {
        b.c.node[i].relay = true;
        b.c.node[i].intervals.pull_us = 600 * SECOND; /* not by chance */
    }
    bed_start(&b);
    cluster_run(&b.c, 4 * SECOND); /* all handshakes are done */
    b.c.deaf[3] = true;
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_true(has(&b, 1, "a", "one"));
    assert_true(has(&b, 2, "a", "one"));
    assert_true(has(&b, 3, "a", NULL));
    cluster_run(&b.c, SECOND + SECOND / 5);
    assert_true(has(&b, 3, "a", "one"));
    bed_deinit(&b);
}

static void durable_is_not_active(void **state)
{
    struct bed b;
    struct weir_acks_count n;

    bed_make(&b, 2);
    for (unsigned i = 0; i < 2; i++)
        b.c.node[i].compiled = 1 << WEIR_CLASS_TENANT;
    bed_start(&b);
    for (unsigned i = 0; i < 2; i++)
        cluster_member(&b.c, 0, i, 0);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    struct weir_version v = b.c.node[0].last_version;
    cluster_run(&b.c, 2 * SECOND);
    assert_true(weir_engine_acks(b.c.node[0].engine, &v, &n));
    assert_int_equal(n.durable, 2);
    assert_int_equal(n.active, 0);
    weir_engine_activated(b.c.node[0].engine, &v, WEIR_ACTIVE_COMPILED, WEIR_SPAN_EMPTY);
    weir_engine_activated(b.c.node[0].engine, &v, WEIR_ACTIVE_LIVE, WEIR_SPAN_EMPTY);
    weir_engine_activated(b.c.node[1].engine, &v, WEIR_ACTIVE_REJECTED, WEIR_SPAN_LIT("no"));
    cluster_run(&b.c, 2 * SECOND);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(weir_engine_acks(b.c.node[i].engine, &v, &n));
        assert_int_equal(n.members, 2);
        assert_int_equal(n.durable, 2);
        assert_int_equal(n.active, 1);
        assert_int_equal(n.rejected, 1);
    }
    bed_deinit(&b);
}

static void what_is_here_is_here_after_a_restart(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    assert_int_equal(put_tenant(&b, 0, "a", "one"), WEIR_OK);
    assert_int_equal(put_tenant(&b, 1, "b", NULL), WEIR_OK);
    cluster_cut(&b.c, 0, 1, true);
    uint64_t hash = weir_vector_hash(weir_engine_vv(b.c.node[1].engine, WEIR_GROUP_C));
    restart(&b, 1);
    assert_int_equal(weir_engine_state(b.c.node[1].engine), WEIR_ENGINE_LIVE);
    assert_int_equal(weir_vector_hash(weir_engine_vv(b.c.node[1].engine, WEIR_GROUP_C)), hash);
    assert_true(has(&b, 1, "a", "one"));
    assert_int_equal(put_tenant(&b, 1, "a", "two"), WEIR_OK);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    assert_true(has(&b, 0, "a", "two"));
    assert_equal(&b);
    bed_deinit(&b);
}

int engine_suite_run(const struct rs_maker *of)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_on_all_nodes_at_once),
        cmocka_unit_test(a_lost_batch_is_pulled_after_the_next),
        cmocka_unit_test(a_lost_batch_is_pulled_after_a_heartbeat),
        cmocka_unit_test(a_document_too_large_for_a_batch_is_announced_and_pulled),
        cmocka_unit_test(a_wrong_write_is_refused_and_changes_nothing),
        cmocka_unit_test(a_concurrent_loser_is_stored_as_a_conflict),
        cmocka_unit_test(a_later_write_wins_over_a_clock_that_is_ahead),
        cmocka_unit_test(a_clock_that_is_off_takes_bans_but_no_settings),
        cmocka_unit_test(many_records_come_in_chunks),
        cmocka_unit_test(an_unfinished_session_claims_nothing),
        cmocka_unit_test(a_node_that_is_joining_takes_no_writes),
        cmocka_unit_test(a_node_beyond_a_purge_resets_and_comes_back),
        cmocka_unit_test(a_write_to_a_purged_key_is_newer_than_what_was_purged),
        cmocka_unit_test(when_both_are_beyond_the_other_the_operator_decides),
        cmocka_unit_test(an_old_lane_goes_on_only_when_all_members_confirm_it),
        cmocka_unit_test(a_node_that_was_evicted_is_cut_off),
        cmocka_unit_test(a_node_with_this_nodes_id_is_refused),
        cmocka_unit_test(a_record_that_vanished_is_found_missing_and_fetched),
        cmocka_unit_test(a_node_with_records_that_two_others_have_not_resets),
        cmocka_unit_test(two_nodes_that_agree_reset_before_three_that_do),
        cmocka_unit_test(what_two_peers_have_is_pulled_after_one_heartbeat),
        cmocka_unit_test(bans_travel_and_expire),
        cmocka_unit_test(fields_of_a_later_version_reach_nodes_that_can_read_them),
        cmocka_unit_test(in_an_overlay_what_is_new_goes_on),
        cmocka_unit_test(durable_is_not_active),
        cmocka_unit_test(what_is_here_is_here_after_a_restart),
    };

    engine_suite_maker = of;
    return cmocka_run_group_tests_name(of->name, tests, NULL, NULL) + engine_suite_lanes_run();
}
