/* SPDX-License-Identifier: Apache-2.0
 *
 * store_twin_test.c - random writes, overwrites, deletions and restarts against a model in memory:
 * records, owners of names, counts of index rows and conflicts, lists and revisions must agree.
 */
#include <inttypes.h>

#include "node/base/rng.h"
#include "tests/support/store_kit.h"

#define NUM_KEYS  40
#define NUM_NAMES 12
#define CLAIMS    5
#define STEPS     1200

struct claim {
    int index;
    int name;
    uint64_t since;
};

struct twin {
    bool live;
    char value[2600];
    struct claim claims[CLAIMS];
    int num_claims;
    uint64_t revisions[WEIR_REVISIONS_KEPT];
    int num_revisions;
    uint64_t last_revision;
};

static struct twin twins[NUM_KEYS];

static void key_of(int i, char out[16])
{
    /* Keys that are prefixes of one another. */
    (void)snprintf(out, 16, "t%.*s%d", i % 4, "aaaa", i / 4);
}

static void name_of(int n, char out[16])
{
    (void)snprintf(out, 16, "n%.*s%d", n % 3, "...", n / 3);
}

/* A random value with claims; the model has the earliest of a name's. */
static void random_value(struct weir_rng *rng, struct twin *t)
{
    size_t pad =
        weir_rng_below(rng, 8) == 0 ? 2000 + weir_rng_below(rng, 400) : weir_rng_below(rng, 60);
    size_t len = 0;

    for (; len < pad; len++)
        t->value[len] = (char)('a' + weir_rng_below(rng, 26));
    t->value[len++] = '|';
    t->num_claims = 0;
    int num = (int)weir_rng_below(rng, CLAIMS + 1);
    for (int i = 0; i < num; i++) {
        struct claim c = { 1 + (int)weir_rng_below(rng, 5), (int)weir_rng_below(rng, NUM_NAMES),
                           1 + weir_rng_below(rng, 6) };
        char name[16];
        name_of(c.name, name);
        len += (size_t)snprintf(t->value + len, sizeof(t->value) - len, "%s%d%s@%" PRIu64,
                                i ? ";" : "", c.index, name, c.since);
        int same = 0;
        while (same < t->num_claims &&
               (t->claims[same].index != c.index || t->claims[same].name != c.name))
            same++;
        if (same == t->num_claims)
            t->claims[t->num_claims++] = c;
        else if (c.since < t->claims[same].since)
            t->claims[same].since = c.since;
    }
    t->value[len] = '\0';
}

static void step(struct kit *k, struct weir_rng *rng)
{
    int i = (int)weir_rng_below(rng, NUM_KEYS);
    struct twin *t = &twins[i];
    struct kit_write kw;
    char key[16];

    key_of(i, key);
    if (weir_rng_below(rng, 4) == 0) {
        assert_int_equal(kit_delete(k, key), t->live ? WEIR_OK : WEIR_ENOTFOUND);
        t->live = false;
        t->num_claims = 0;
        return;
    }
    /* Every third overwrite leaves the rows as they are. */
    if (!t->live || weir_rng_below(rng, 3) != 0)
        random_value(rng, t);
    else
        t->value[0] = t->value[0] == '|' ? '|' : 'Z';
    kit_write_init(&kw, weir_span_cstr(key), weir_span_cstr(t->value));
    if (weir_rng_below(rng, 2) == 0) {
        kw.revision = ++t->last_revision;
        if (t->num_revisions == WEIR_REVISIONS_KEPT)
            memmove(t->revisions, t->revisions + 1,
                    (size_t)--t->num_revisions * sizeof(t->revisions[0]));
        t->revisions[t->num_revisions++] = kw.revision;
    }
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    t->live = true;
}

/* Find the owner of a name by the model. @return the number of claims */
static int owner_of(int index, int name, char owner[16])
{
    uint64_t since = UINT64_MAX;
    int num = 0;

    for (int at = 0; at < NUM_KEYS * CLAIMS; at++) {
        const struct twin *t = &twins[at / CLAIMS];
        const struct claim *c = &t->claims[at % CLAIMS];
        char key[16];
        if (at % CLAIMS >= t->num_claims || c->index != index || c->name != name)
            continue;
        key_of(at / CLAIMS, key);
        if (num == 0 || c->since < since || (c->since == since && strcmp(key, owner) < 0)) {
            since = c->since;
            memcpy(owner, key, sizeof(key));
        }
        num++;
    }
    return num;
}

static void compare_names(struct kit *k, uint64_t *ret_conflicts)
{
    uint64_t rows[6] = { 0 };

    for (int at = 0; at < 5 * NUM_NAMES; at++) {
        int index = 1 + at / NUM_NAMES;
        struct weir_span got;
        char name[16];
        char owner[16];
        int num = owner_of(index, at % NUM_NAMES, owner);
        rows[index] += (uint64_t)num;
        *ret_conflicts += num > 1;
        name_of(at % NUM_NAMES, name);
        enum weir_err err =
            weir_store_index_owner(k->r, (enum weir_index)index, weir_span_cstr(name), &got);
        assert_int_equal(err, num ? WEIR_OK : WEIR_ENOTFOUND);
        if (num)
            assert_true(weir_span_eq(got, weir_span_cstr(owner)));
    }
    for (int index = 1; index <= 5; index++)
        assert_int_equal(weir_store_index_count(k->r, (enum weir_index)index), rows[index]);
}

struct expect {
    const struct twin *t;
    int at;
};

static bool see_revision(void *arg, uint64_t revision, struct weir_span value)
{
    struct expect *e = arg;

    (void)value;
    assert_true(e->at > 0);
    assert_int_equal(revision, e->t->revisions[--e->at]);
    return true;
}

static bool see_record(void *arg, const struct weir_record *rec)
{
    uint64_t *num = arg;

    (*num)++;
    for (int i = 0; i < NUM_KEYS; i++) {
        char key[16];
        key_of(i, key);
        if (weir_span_eq(rec->key, weir_span_cstr(key))) {
            assert_true(twins[i].live);
            assert_true(weir_span_eq(rec->value, weir_span_cstr(twins[i].value)));
            return true;
        }
    }
    fail_msg("a record that was never written");
    return false;
}

static void compare(struct kit *k)
{
    struct weir_store_stats st;
    uint64_t num_live = 0;
    uint64_t num_listed = 0;
    uint64_t num_conflicts = 0;

    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    for (int i = 0; i < NUM_KEYS; i++) {
        struct weir_record rec;
        struct expect e = { &twins[i], twins[i].num_revisions };
        char key[16];
        key_of(i, key);
        enum weir_err err = weir_store_get(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
        assert_int_equal(err, twins[i].live ? WEIR_OK : WEIR_ENOTFOUND);
        if (twins[i].live)
            assert_true(weir_span_eq(rec.value, weir_span_cstr(twins[i].value)));
        num_live += twins[i].live;
        assert_int_equal(weir_store_revision_list(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key),
                                                  see_revision, &e),
                         WEIR_OK);
        assert_int_equal(e.at, 0);
    }
    compare_names(k, &num_conflicts);
    assert_int_equal(weir_store_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, SIZE_MAX, see_record,
                                     &num_listed),
                     WEIR_OK);
    weir_store_read_end(k->r);
    assert_int_equal(num_listed, num_live);
    assert_int_equal(weir_store_stats(k->r, &st), WEIR_OK);
    assert_int_equal(st.num_tenants, num_live);
    assert_int_equal(st.num_records, num_live);
    assert_int_equal(st.num_conflicts, num_conflicts);
    assert_int_equal(st.num_corrupt, 0);
    assert_false(st.damaged);
}

static void store_agrees_with_its_twin_through_random_writes_and_restarts(void **state)
{
    const char *seed = getenv("WEIR_TWIN_SEED");
    struct weir_rng rng;
    struct kit k;

    (void)state;
    weir_rng_init(&rng, seed ? strtoull(seed, NULL, 10) : 20261121);
    kit_init(&k);
    kit_open(&k);
    for (int i = 0; i < STEPS; i++) {
        step(&k, &rng);
        if (weir_rng_below(&rng, 100) == 0) {
            kit_close(&k);
            kit_open(&k);
        }
        if (weir_rng_below(&rng, 10) == 0)
            compare(&k);
    }
    compare(&k);
    kit_deinit(&k);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_agrees_with_its_twin_through_random_writes_and_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
