/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_test.c - overlaps of host claims, by the rules one at a time and against a naive twin
 * that compares every claim with every other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "tenants/overlap.h"
#include "tenants/overlap_set.h"
#include "tests/support/failalloc.h"

#define FOUND_MAX 64

static struct weir_host_claim claim_of(const char *owner, const char *text)
{
    bool wildcard = text[0] == '*';

    return (struct weir_host_claim){ .host = weir_span_cstr(text + (wildcard ? 2 : 0)),
                                     .wildcard = wildcard,
                                     .owner = weir_span_cstr(owner) };
}

/** Claims as pairs of owner and name, NULL at the end. */
static void set_make(struct weir_overlap_set *s, const char *const *pairs)
{
    *s = WEIR_OVERLAP_SET_ZERO;
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        struct weir_host_claim claim = claim_of(pairs[i], pairs[i + 1]);
        assert_int_equal(weir_overlap_set_add(s, &claim, i / 2), WEIR_OK);
    }
    weir_overlap_set_sort(s);
}

/** "under *.b.c of shop; over x.b.c of blog": what is found, in words. */
static const char *found_text(const struct weir_overlaps *found)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < found->len; i++) {
        const struct weir_overlap *o = &found->items[i];
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s%.*s of %.*s",
                                i > 0 ? "; " : "", o->other_is_wider ? "under" : "over",
                                o->other_wildcard ? "*." : "", o->other_len, (const char *)o->other,
                                o->owner_len, (const char *)o->owner);
        assert_true(len < sizeof(text));
    }
    return text;
}

static void assert_found(const char *const *pairs, const char *owner, const char *name,
                         const char *expected)
{
    struct weir_overlap items[FOUND_MAX];
    struct weir_overlaps found = { .items = items, .max = FOUND_MAX };
    struct weir_host_claim claim = claim_of(owner, name);
    struct weir_overlap_set set;

    set_make(&set, pairs);
    struct weir_overlap_names names = weir_overlap_set_names(&set);
    assert_int_equal(weir_overlap_find(&names, &claim, &found), WEIR_OK);
    assert_string_equal(found_text(&found), expected);
    assert_int_equal(found.total, found.len);
    weir_overlap_set_deinit(&set);
}

static void an_exact_name_under_another_tenants_wildcard_is_found(void **state)
{
    static const char *const pairs[] = { "shop", "*.shop.example.com", NULL };

    (void)state;
    assert_found(pairs, "evil", "pay.shop.example.com", "under *.shop.example.com of shop");
    assert_found(pairs, "evil", "a.b.shop.example.com", "under *.shop.example.com of shop");
    assert_found(pairs, "shop", "pay.shop.example.com", "");
    assert_found(pairs, "evil", "shop.example.com", "");
    assert_found(pairs, "evil", "myshop.example.com", "");
    assert_found(pairs, "evil", "pay.x-shop.example.com", "");
}

static void a_wildcard_under_another_tenants_wildcard_is_found(void **state)
{
    static const char *const pairs[] = { "shop", "*.example.com", NULL };

    (void)state;
    assert_found(pairs, "evil", "*.pay.example.com", "under *.example.com of shop");
    assert_found(pairs, "evil", "*.example.com", "");
}

static void a_wildcard_over_names_of_other_tenants_is_found(void **state)
{
    static const char *const pairs[] = {
        "blog", "blog.example.com", "shop", "*.shop.example.com", "me", "me.example.com",
        "x",    "example.com",      "x",    "my-example.com",     "x",  "a.my-example.com",
        "x",    "other.com",        NULL,
    };

    (void)state;
    assert_found(pairs, "me", "*.example.com",
                 "over blog.example.com of blog; over *.shop.example.com of shop");
    assert_found(pairs, "me", "*.nothing.example.com", "");
}

static void the_nearest_wildcard_alone_loses_requests(void **state)
{
    static const char *const pairs[] = { "all", "*.example.com", "shop", "*.shop.example.com",
                                         NULL };

    (void)state;
    assert_found(pairs, "evil", "pay.shop.example.com", "under *.shop.example.com of shop");
    assert_found(pairs, "shop", "pay.shop.example.com", "");
    assert_found(pairs, "shop", "*.shop.example.com", "under *.example.com of all");
    assert_found(pairs, "all", "pay.shop.example.com", "under *.shop.example.com of shop");
}

static void the_first_of_two_claims_of_one_name_owns_it(void **state)
{
    static const char *const pairs[] = { "b", "*.example.com", "a", "*.example.com",
                                         "d", "x.example.com", "c", "x.example.com",
                                         NULL };

    (void)state;
    assert_found(pairs, "evil", "y.example.com", "under *.example.com of b");
    assert_found(pairs, "evil", "*.com", "over *.example.com of b; over x.example.com of d");
}

static void what_does_not_fit_is_counted(void **state)
{
    static const char *const pairs[] = { "a", "a.example.com", "b", "b.example.com",
                                         "c", "c.example.com", NULL };
    struct weir_overlap items[2];
    struct weir_overlaps found = { .items = items, .max = 2 };
    struct weir_host_claim claim = claim_of("me", "*.example.com");
    struct weir_overlap_set set;

    (void)state;
    set_make(&set, pairs);
    struct weir_overlap_names names = weir_overlap_set_names(&set);
    assert_int_equal(weir_overlap_find(&names, &claim, &found), WEIR_OK);
    assert_int_equal(found.len, 2);
    assert_int_equal(found.total, 3);
    weir_overlap_set_deinit(&set);
}

static void an_empty_set_has_no_overlaps(void **state)
{
    static const char *const none[] = { NULL };

    (void)state;
    assert_found(none, "shop", "*.example.com", "");
    assert_found(none, "shop", "a.example.com", "");
}

/* -- lookups that fail -- */

static enum weir_err owner_fails(void *arg, struct weir_span suffix, struct weir_span *ret_owner)
{
    (void)suffix;
    (void)ret_owner;
    return *(enum weir_err *)arg;
}

static enum weir_err next_fails(void *arg, struct weir_span suffix,
                                const struct weir_host_claim *after, struct weir_host_claim *ret)
{
    (void)arg;
    (void)suffix;
    (void)after;
    (void)ret;
    return WEIR_EIO;
}

static void a_lookup_that_fails_ends_the_search_and_leaves_the_result(void **state)
{
    enum weir_err err = WEIR_ECORRUPT;
    struct weir_overlap_names names = { &err, owner_fails, next_fails };
    struct weir_overlaps found = { .len = 7, .total = 9 };
    struct weir_host_claim claim = claim_of("shop", "*.example.com");

    (void)state;
    assert_int_equal(weir_overlap_find(&names, &claim, &found), WEIR_ECORRUPT);
    err = WEIR_ENOTFOUND;
    assert_int_equal(weir_overlap_find(&names, &claim, &found), WEIR_EIO);
    assert_int_equal(found.len, 7);
    assert_int_equal(found.total, 9);
}

static void a_set_without_memory_is_as_before(void **state)
{
    struct weir_overlap_set set = WEIR_OVERLAP_SET_ZERO;
    struct weir_host_claim claim = claim_of("shop", "*.example.com");

    (void)state;
    weir_failalloc_once(1);
    assert_int_equal(weir_overlap_set_add(&set, &claim, 0), WEIR_ENOMEM);
    weir_failalloc_once(-1);
    assert_int_equal(set.len, 0);
    assert_int_equal(weir_overlap_set_add(&set, &claim, 5), WEIR_OK);
    weir_overlap_set_sort(&set);
    assert_int_equal(weir_overlap_set_find(&set, claim.host, true)->tag, 5);
    assert_null(weir_overlap_set_find(&set, claim.host, false));
    weir_overlap_set_deinit(&set);
}

/* -- claims as tenants write them -- */

static void a_claim_is_read_in_its_normal_form(void **state)
{
    uint8_t buf[WEIR_HOST_MAX];
    struct weir_host_claim claim;

    (void)state;
    assert_int_equal(weir_host_claim_parse(WEIR_SPAN_LIT("*.Shop.Example.com"), buf, &claim),
                     WEIR_OK);
    assert_true(claim.wildcard);
    assert_true(weir_span_eq(claim.host, WEIR_SPAN_LIT("shop.example.com")));
    assert_int_equal(weir_host_claim_parse(WEIR_SPAN_LIT("[::1]"), buf, &claim), WEIR_OK);
    assert_false(claim.wildcard);
    assert_int_equal(weir_host_claim_parse(WEIR_SPAN_LIT("a b"), buf, &claim), WEIR_EINVAL);
    assert_int_equal(weir_host_claim_parse(WEIR_SPAN_EMPTY, buf, &claim), WEIR_EINVAL);
}

static void an_owner_allows_those_that_it_lists(void **state)
{
    Weir__V1__Tenant t = WEIR__V1__TENANT__INIT;
    char *allowed[] = { (char *)"pay", (char *)"blog" };

    (void)state;
    assert_false(weir_overlap_is_allowed(&t, WEIR_SPAN_LIT("pay")));
    t.allow_overlap = allowed;
    t.n_allow_overlap = 2;
    assert_true(weir_overlap_is_allowed(&t, WEIR_SPAN_LIT("blog")));
    assert_false(weir_overlap_is_allowed(&t, WEIR_SPAN_LIT("blo")));
}

/* -- the naive twin -- */

#define NAMES_MAX 40

struct names {
    char text[NAMES_MAX][64];
    char owner[NAMES_MAX][2];
    size_t num;
};

static void names_draw(struct names *n, struct weir_rng *rng)
{
    static const char *const labels[] = { "a", "b", "a-b", "-", "ab" };

    n->num = weir_rng_below(rng, NAMES_MAX) + 1;
    for (size_t i = 0; i < n->num; i++) {
        size_t num_labels = weir_rng_below(rng, 4) + 1;
        size_t len = (size_t)snprintf(n->text[i], sizeof(n->text[i]), "%s",
                                      weir_rng_below(rng, 2) == 0 ? "*." : "");
        for (size_t k = 0; k < num_labels; k++)
            len += (size_t)snprintf(n->text[i] + len, sizeof(n->text[i]) - len, "%s%s",
                                    k > 0 ? "." : "", labels[weir_rng_below(rng, 5)]);
        snprintf(n->owner[i], sizeof(n->owner[i]), "%c", (char)('p' + weir_rng_below(rng, 3)));
    }
}

/** Whether name `i` is the first of its spelling: it owns it. */
static bool is_owner(const struct names *n, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(n->text[k], n->text[i]) == 0)
            return false;
    return true;
}

/** What is found for name `i`, by comparing it with all names. */
static size_t naive_count(const struct names *n, size_t i)
{
    const char *nearest = NULL;
    size_t nearest_at = 0, num = 0;
    struct weir_host_claim claim = claim_of(n->owner[i], n->text[i]);

    for (size_t k = 0; k < n->num; k++) {
        struct weir_host_claim other = claim_of(n->owner[k], n->text[k]);
        if (!is_owner(n, k))
            continue;
        if (other.wildcard && weir_overlap_is_below(claim.host, other.host) &&
            (nearest == NULL || other.host.len > strlen(nearest))) {
            nearest = n->text[k] + 2;
            nearest_at = k;
        }
        if (claim.wildcard && weir_overlap_is_below(other.host, claim.host) &&
            !weir_span_eq(other.owner, claim.owner))
            num++;
    }
    return num + (nearest != NULL && strcmp(n->owner[nearest_at], n->owner[i]) != 0);
}

static void overlaps_are_those_of_a_naive_search(void **state)
{
    struct weir_rng rng;
    struct weir_overlap items[NAMES_MAX];

    (void)state;
    weir_rng_init(&rng, 20261130);
    for (size_t round = 0; round < 2000; round++) {
        struct names n;
        struct weir_overlap_set set = WEIR_OVERLAP_SET_ZERO;
        names_draw(&n, &rng);
        for (size_t i = 0; i < n.num; i++) {
            struct weir_host_claim claim = claim_of(n.owner[i], n.text[i]);
            assert_int_equal(weir_overlap_set_add(&set, &claim, i), WEIR_OK);
        }
        weir_overlap_set_sort(&set);
        struct weir_overlap_names names = weir_overlap_set_names(&set);
        for (size_t i = 0; i < n.num; i++) {
            struct weir_host_claim claim = claim_of(n.owner[i], n.text[i]);
            struct weir_overlaps found = { .items = items, .max = NAMES_MAX };
            assert_int_equal(weir_overlap_find(&names, &claim, &found), WEIR_OK);
            assert_int_equal(found.total, naive_count(&n, i));
        }
        weir_overlap_set_deinit(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_name_under_another_tenants_wildcard_is_found),
        cmocka_unit_test(a_wildcard_under_another_tenants_wildcard_is_found),
        cmocka_unit_test(a_wildcard_over_names_of_other_tenants_is_found),
        cmocka_unit_test(the_nearest_wildcard_alone_loses_requests),
        cmocka_unit_test(the_first_of_two_claims_of_one_name_owns_it),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(an_empty_set_has_no_overlaps),
        cmocka_unit_test(a_lookup_that_fails_ends_the_search_and_leaves_the_result),
        cmocka_unit_test(a_set_without_memory_is_as_before),
        cmocka_unit_test(a_claim_is_read_in_its_normal_form),
        cmocka_unit_test(an_owner_allows_those_that_it_lists),
        cmocka_unit_test(overlaps_are_those_of_a_naive_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
