/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_watch_test.c - what has expired and what soon will, over the real store.
 */
#include "node/ctl/cert_watch.h"
#include "tenants/tenant.h"
#include "tests/support/store_kit.h"

#define NOW UINT64_C(1800000000)
#define DAY UINT64_C(86400)

struct world {
    struct kit kit;
    struct weir_cert_watch watch;
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    kit_init_quick(&w->kit);
    w->kit.cfg.index = weir_tenant_index;
    kit_open(&w->kit);
    weir_cert_watch_init(&w->watch);
}

static void world_deinit(struct world *w)
{
    weir_cert_watch_deinit(&w->watch);
    kit_deinit(&w->kit);
}

/** A record of tenant "t" whose ID is made of `number`. */
static void cert_put(struct world *w, unsigned number, const char *name, uint64_t not_before,
                     uint64_t not_after)
{
    Weir__V1__Certificate m = WEIR__V1__CERTIFICATE__INIT;
    ProtobufCBinaryData chain = { 1, (uint8_t *)(uintptr_t) "x" };
    char *names[1] = { (char *)(uintptr_t)name };
    uint8_t bytes[512];
    char key[WEIR_CERT_KEY_MAX + 1];
    struct kit_write kw;

    m.n_chain = 1;
    m.chain = &chain;
    m.has_sealed_key = m.has_key_kind = m.has_not_before = m.has_not_after = 1;
    m.sealed_key = chain;
    m.key_kind = WEIR_TLS_KEY_P256;
    m.n_names = 1;
    m.names = names;
    m.not_before = not_before;
    m.not_after = not_after;
    assert_true(weir__v1__certificate__get_packed_size(&m) <= sizeof(bytes));
    size_t len = weir__v1__certificate__pack(&m, bytes);
    snprintf(key, sizeof(key), "t/%032x", number);
    kit_write_init(&kw, weir_span_cstr(key), weir_span(bytes, len));
    kw.w.class = WEIR_CLASS_CERT;
    assert_int_equal(kit_run(&w->kit, &kw), WEIR_OK);
    weir_cert_watch_changed(&w->watch);
}

static void step(struct world *w, uint64_t at)
{
    weir_cert_watch_step(&w->watch, w->kit.r, at);
}

static void an_empty_store_has_nothing_to_say(void **state)
{
    struct world w;

    world_init(&w);
    step(&w, NOW);
    assert_true(w.watch.counted);
    assert_int_equal(w.watch.counts.num, 0);
    assert_false(w.watch.counts.has_soonest);
    world_deinit(&w);
}

static void expired_and_expiring_are_counted_and_named(void **state)
{
    struct world w;

    weir_log_set_level(WEIR_LOG_ERROR);
    world_init(&w);
    cert_put(&w, 1, "old.example", NOW - 90 * DAY, NOW - DAY);
    cert_put(&w, 2, "soon.example", NOW - 80 * DAY, NOW + 14 * DAY - 1);
    cert_put(&w, 3, "later.example", NOW - 70 * DAY, NOW + 14 * DAY);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.num, 3);
    assert_int_equal(w.watch.counts.expired, 1);
    assert_int_equal(w.watch.counts.expiring, 1);
    assert_int_equal(w.watch.counts.soonest_s, (int64_t)(NOW - DAY));
    assert_non_null(strstr(w.watch.expired.at, "t/000000000000 (old.example, 2027-01-14)"));
    assert_non_null(strstr(w.watch.expiring.at, "soon.example"));
    world_deinit(&w);
}

static void one_that_a_newer_one_stands_in_for_does_not_count(void **state)
{
    struct world w;

    world_init(&w);
    cert_put(&w, 1, "a.example", NOW - 90 * DAY, NOW - DAY);
    cert_put(&w, 2, "a.example", NOW - 2 * DAY, NOW + 80 * DAY);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.num, 2);
    assert_int_equal(w.watch.counts.expired, 0);
    assert_int_equal(w.watch.counts.soonest_s, (int64_t)(NOW + 80 * DAY));
    /* One that is not valid yet stands in for nobody. */
    cert_put(&w, 3, "b.example", NOW - 90 * DAY, NOW - DAY);
    cert_put(&w, 4, "b.example", NOW + DAY, NOW + 80 * DAY);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.expired, 1);
    world_deinit(&w);
}

static void a_pass_is_made_when_something_changed_or_time_has_passed(void **state)
{
    struct world w;

    world_init(&w);
    cert_put(&w, 1, "a.example", NOW - 90 * DAY, NOW + 10);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.expiring, 1);
    step(&w, NOW + 20);
    assert_int_equal(w.watch.counts.expired, 0); /* not yet looked at again */
    step(&w, NOW + WEIR_CERT_WATCH_EACH_S);
    assert_int_equal(w.watch.counts.expired, 1);
    cert_put(&w, 2, "b.example", NOW - 90 * DAY, NOW + 10);
    step(&w, NOW + WEIR_CERT_WATCH_EACH_S + 1);
    assert_int_equal(w.watch.counts.expired, 2);
    world_deinit(&w);
}

static void many_certificates_are_counted_slice_by_slice(void **state)
{
    enum { NUM = 2 * WEIR_CERT_WATCH_SLICE };
    struct world w;

    world_init(&w);
    for (unsigned i = 0; i < NUM; i++)
        cert_put(&w, i, "a.example", NOW - DAY - i, NOW + 50 * DAY);
    step(&w, NOW);
    assert_false(w.watch.counted);
    step(&w, NOW);
    step(&w, NOW);
    assert_true(w.watch.counted);
    assert_int_equal(w.watch.counts.num, NUM);
    world_deinit(&w);
}

/* Records of peers may have any times. */
static void times_beyond_all_calendars_are_survived(void **state)
{
    struct world w;

    world_init(&w);
    cert_put(&w, 1, "a.example", 0, UINT64_MAX);
    cert_put(&w, 2, "b.example", UINT64_MAX, 0);
    cert_put(&w, 3, "c.example", UINT64_MAX, UINT64_MAX);
    cert_put(&w, 4, "d.example", 0, 0);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.num, 4);
    assert_int_equal(w.watch.counts.expired, 2);
    assert_int_equal(w.watch.counts.soonest_s, 0);
    step(&w, UINT64_MAX / 1000);
    assert_true(w.watch.counted);
    world_deinit(&w);
}

static void damaged_records_are_counted(void **state)
{
    struct world w;
    struct kit_write kw;

    world_init(&w);
    kit_write_init(&kw, WEIR_SPAN_LIT("t/00000000000000000000000000000001"), WEIR_SPAN_LIT("\xff"));
    kw.w.class = WEIR_CLASS_CERT;
    assert_int_equal(kit_run(&w.kit, &kw), WEIR_OK);
    step(&w, NOW);
    assert_int_equal(w.watch.counts.damaged, 1);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_has_nothing_to_say),
        cmocka_unit_test(expired_and_expiring_are_counted_and_named),
        cmocka_unit_test(one_that_a_newer_one_stands_in_for_does_not_count),
        cmocka_unit_test(a_pass_is_made_when_something_changed_or_time_has_passed),
        cmocka_unit_test(many_certificates_are_counted_slice_by_slice),
        cmocka_unit_test(times_beyond_all_calendars_are_survived),
        cmocka_unit_test(damaged_records_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
