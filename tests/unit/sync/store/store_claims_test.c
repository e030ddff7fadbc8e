/* SPDX-License-Identifier: Apache-2.0
 *
 * store_claims_test.c - names below a domain, and what a write may search while it is built.
 */
#include <semaphore.h>

#include "node/base/rng.h"
#include "sync/store/store_claims.h"
#include "tests/support/store_kit.h"

static int setup(void **state)
{
    static struct kit k;
    *state = &k;
    kit_init(&k);
    kit_open(&k);
    return 0;
}

static int teardown(void **state)
{
    kit_deinit(*state);
    return 0;
}

static void lines_join(char lines[][512], size_t num, char *out, size_t max)
{
    size_t len = 0;
    qsort(lines, num, sizeof(lines[0]), (int (*)(const void *, const void *))strcmp);
    out[0] = '\0';
    for (size_t i = 0; i < num && len < max; i++)
        len += (size_t)snprintf(out + len, max - len, "%s", lines[i]);
}

/* The names below a domain with their owners, sorted: "a.example=t1 b.example=t2 ". */
static void names_below(struct kit *k, const char *domain, char *out, size_t max)
{
    struct weir_claim_found at = { .row_len = 0 };
    char lines[64][512];
    size_t num = 0;
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    while (weir_store_index_below(k->r, weir_span_cstr(domain), &at) == WEIR_OK) {
        assert_true(num < WEIR_ARRAY_LEN(lines));
        snprintf(lines[num++], sizeof(lines[0]), "%.253s=%.*s ", at.name, (int)at.owner.len,
                 (const char *)at.owner.at);
    }
    weir_store_read_end(k->r);
    lines_join(lines, num, out, max);
}

static void expect_below(struct kit *k, const char *domain, const char *want)
{
    char got[4096];
    names_below(k, domain, got, sizeof(got));
    assert_string_equal(got, want);
}

static void names_below_a_domain_are_found_with_their_owners(void **state)
{
    struct kit *k = *state;
    assert_int_equal(kit_put(k, "t1", "x|1shop.example@1;2shop.example@1"), WEIR_OK);
    assert_int_equal(kit_put(k, "t2", "x|1pay.shop.example@2;1b.a.shop.example@2"), WEIR_OK);
    assert_int_equal(kit_put(k, "t3", "x|1myshop.example@3;1pay.shop.example@3"), WEIR_OK);
    expect_below(k, "shop.example",
                 "*.shop.example=t1 b.a.shop.example=t2 pay.shop.example=t2 pay.shop.example=t3 ");
    expect_below(k, "a.shop.example", "b.a.shop.example=t2 ");
    expect_below(k, "pay.shop.example", "");
    expect_below(k, "hop.example", "");
    expect_below(k, "other", "");
    assert_int_equal(kit_delete(k, "t2"), WEIR_OK);
    expect_below(k, "shop.example", "*.shop.example=t1 pay.shop.example=t3 ");
}

static void a_name_with_two_claims_is_one_conflict(void **state)
{
    struct kit *k = *state;
    struct weir_store_stats stats;
    assert_int_equal(kit_put(k, "t1", "x|1shop.example@1"), WEIR_OK);
    assert_int_equal(kit_put(k, "t2", "x|1shop.example@2"), WEIR_OK);
    assert_int_equal(weir_store_stats(k->r, &stats), WEIR_OK);
    assert_int_equal(stats.num_conflicts, 1);
    assert_int_equal(kit_delete(k, "t1"), WEIR_OK);
    assert_int_equal(weir_store_stats(k->r, &stats), WEIR_OK);
    assert_int_equal(stats.num_conflicts, 0);
}

/* Names of one to three labels of one to three letters out of two: many have a common end. */
static void name_draw(struct weir_rng *rng, char *out)
{
    size_t num_labels = 1 + weir_rng_below(rng, 3);
    char *at = out;
    for (size_t i = 0; i < num_labels; i++) {
        size_t len = 1 + weir_rng_below(rng, 3);
        if (i > 0)
            *at++ = '.';
        for (size_t j = 0; j < len; j++)
            *at++ = (char)('a' + weir_rng_below(rng, 2));
    }
    *at = '\0';
}

static bool is_below(const char *name, const char *domain)
{
    size_t len = strlen(name);
    size_t end = strlen(domain);
    return len > end + 1 && name[len - end - 1] == '.' && strcmp(name + len - end, domain) == 0;
}

static void names_below_are_those_that_a_naive_twin_finds(void **state)
{
    struct kit *k = *state;
    struct weir_rng rng;
    char names[40][32];
    weir_rng_init(&rng, 7);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        char key[8];
        char value[64];
        name_draw(&rng, names[i]);
        snprintf(key, sizeof(key), "t%02zu", i);
        snprintf(value, sizeof(value), "x|1%s@%zu", names[i], i + 1);
        assert_int_equal(kit_put(k, key, value), WEIR_OK);
    }
    for (size_t round = 0; round < 200; round++) {
        char domain[32];
        char want[4096];
        char lines[64][512];
        size_t num = 0;
        name_draw(&rng, domain);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
            if (is_below(names[i], domain))
                snprintf(lines[num++], sizeof(lines[0]), "%s=t%02zu ", names[i], i);
        lines_join(lines, num, want, sizeof(want));
        expect_below(k, domain, want);
    }
}

/* -- inside build -- */

/** A write that searches claims while it is built. */
struct searching {
    struct weir_write write;
    sem_t done;
    char owner[32];
    char value[32];
    char below[64];
};

static enum weir_err search_inside(struct weir_write *w, const struct weir_record *current,
                                   uint64_t hlc, struct weir_strbuf *value)
{
    struct searching *l = weir_container_of(w, struct searching, write);
    struct weir_claim_found at = { .row_len = 0 };
    struct weir_span owner;
    struct weir_span found;
    if (weir_write_index_owner(w, WEIR_INDEX_HOST, WEIR_SPAN_LIT("a.example"), &owner) == WEIR_OK) {
        snprintf(l->owner, sizeof(l->owner), "%.*s", (int)owner.len, (const char *)owner.at);
        if (weir_write_get(w, WEIR_CLASS_TENANT, owner, &found) == WEIR_OK)
            snprintf(l->value, sizeof(l->value), "%.*s", (int)found.len, (const char *)found.at);
    }
    while (weir_write_index_below(w, WEIR_SPAN_LIT("example"), &at) == WEIR_OK)
        snprintf(l->below + strlen(l->below), sizeof(l->below) - strlen(l->below), "%s ", at.name);
    return WEIR_EPERM;
}

static void search_done(struct weir_write *w)
{
    struct searching *l = weir_container_of(w, struct searching, write);
    sem_post(&l->done);
}

static void a_build_sees_claims_and_records_and_may_refuse(void **state)
{
    struct kit *k = *state;
    struct searching l = { .write = { .class = WEIR_CLASS_TENANT,
                                      .key = WEIR_SPAN_LIT("t9"),
                                      .build = search_inside,
                                      .done = search_done } };
    assert_int_equal(sem_init(&l.done, 0, 0), 0);
    assert_int_equal(kit_put(k, "t1", "x|1a.example@1;2example@4"), WEIR_OK);
    assert_int_equal(weir_store_submit(k->s, &l.write), WEIR_OK);
    assert_int_equal(sem_wait(&l.done), 0);
    assert_int_equal(l.write.err, WEIR_EPERM);
    assert_string_equal(l.owner, "t1");
    assert_string_equal(l.value, "x|1a.example@1;2example@4");
    assert_string_equal(l.below, "*.example a.example ");
    sem_destroy(&l.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_below_a_domain_are_found_with_their_owners, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_with_two_claims_is_one_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(names_below_are_those_that_a_naive_twin_finds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_build_sees_claims_and_records_and_may_refuse, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
