/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_claims_test.c - what the tenants of one run claim from each other, over one and several
 * files.
 */
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"

#define DOC(name, rest) "apiVersion: weir/v1\nkind: Tenant\nname: " name "\n" rest

#define FILES_MAX 4

/** The files of one run, read. */
struct run {
    struct weir_docs docs[FILES_MAX];
    struct weir_run_doc all[16];
    size_t num;
    struct weir_diags diags;
};

/** @param texts  of "a.yaml", "b.yaml"...; NULL at the end */
static void run_read(struct run *r, const char *const *texts)
{
    static const char *const names[FILES_MAX] = { "a.yaml", "b.yaml", "c.yaml", "d.yaml" };

    r->num = 0;
    weir_diags_init(&r->diags);
    for (size_t i = 0; i < FILES_MAX; i++)
        weir_docs_init(&r->docs[i]);
    for (size_t i = 0; texts[i] != NULL; i++) {
        struct weir_schema_source src = { .text = weir_span_cstr(texts[i]), .file = names[i] };
        assert_int_equal(weir_schema_read(&src, &r->docs[i], &r->diags), WEIR_OK);
        for (size_t k = 0; k < r->docs[i].len; k++)
            r->all[r->num++] = (struct weir_run_doc){ names[i], r->docs[i].items[k] };
    }
}

static void run_end(struct run *r)
{
    weir_diags_deinit(&r->diags);
    for (size_t i = 0; i < FILES_MAX; i++)
        weir_docs_deinit(&r->docs[i]);
}

static void assert_claims(const char *const *texts, enum weir_err err, const char *expected)
{
    struct run r = { .num = 0 };
    struct weir_strbuf out = WEIR_STRBUF_ZERO;

    run_read(&r, texts);
    assert_int_equal(weir_schema_check_claims(r.all, r.num, &r.diags), err);
    weir_diags_write(&r.diags, &out);
    assert_string_equal(out.len > 0 ? out.at : "", expected);
    weir_strbuf_deinit(&out);
    run_end(&r);
}

static void a_host_in_two_documents_is_found_with_both_places(void **state)
{
    (void)state;
    assert_claims((const char *const[]){ DOC("shop", "hosts: [x.test, a.test]\n"),
                                         "# later\n" DOC("blog", "hosts:\n- b.test\n- A.test\n"),
                                         NULL },
                  WEIR_EINVAL,
                  "b.yaml:7:3: hosts[1]: \"a.test\" is claimed by tenant shop as well, at "
                  "a.yaml:4:17\n");
    assert_claims((const char *const[]){ DOC("shop", "hosts: [\"*.a.test\"]\n---\n")
                                             DOC("blog", "hosts: [\"*.a.test\"]\n---\n")
                                                 DOC("news", "hosts: [\"*.a.test\"]\n"),
                                         NULL },
                  WEIR_EINVAL,
                  "a.yaml:9:9: hosts[0]: \"*.a.test\" is claimed by tenant shop as well, at "
                  "a.yaml:4:9\n"
                  "a.yaml:14:9: hosts[0]: \"*.a.test\" is claimed by tenant shop as well, at "
                  "a.yaml:4:9\n");
}

static void an_address_in_two_documents_is_found_with_both_places(void **state)
{
    (void)state;
    assert_claims(
        (const char *const[]){ DOC("shop", "addresses: [192.0.2.1, \"2001:db8::1\"]\n"),
                               DOC("blog", "addresses: [\"2001:DB8:0::1\"]\n"), NULL },
        WEIR_EINVAL,
        "b.yaml:4:13: addresses[0]: \"2001:db8::1\" is claimed by tenant shop as well, at "
        "a.yaml:4:24\n");
    /* The host of an address literal is no dedicated address. */
    assert_claims((const char *const[]){ DOC("shop", "addresses: [192.0.2.1]\n"),
                                         DOC("blog", "hosts: [192.0.2.1]\n"), NULL },
                  WEIR_OK, "");
}

static void a_host_under_the_wildcard_of_another_document_is_warned_of(void **state)
{
    (void)state;
    assert_claims((const char *const[]){ DOC("pay", "hosts: [pay.shop.test, shop.test]\n"),
                                         DOC("shop", "hosts: [\"*.shop.test\", a.shop.test]\n"),
                                         NULL },
                  WEIR_OK,
                  "a.yaml:4:9: warning: hosts[0]: \"pay.shop.test\" takes requests from "
                  "\"*.shop.test\" of tenant shop, at b.yaml:4:9: if that is wanted, list pay in "
                  "allow_overlap there\n");
    assert_claims((const char *const[]){ DOC("pay", "hosts: [\"*.pay.shop.test\"]\n"),
                                         DOC("shop", "hosts: [\"*.shop.test\"]\n"), NULL },
                  WEIR_OK,
                  "a.yaml:4:9: warning: hosts[0]: \"*.pay.shop.test\" takes requests from "
                  "\"*.shop.test\" of tenant shop, at b.yaml:4:9: if that is wanted, list pay in "
                  "allow_overlap there\n");
}

static void an_overlap_that_the_owner_allows_is_not_warned_of(void **state)
{
    (void)state;
    assert_claims(
        (const char *const[]){
            DOC("pay", "hosts: [pay.shop.test]\n"),
            DOC("shop", "hosts: [\"*.shop.test\"]\nallow_overlap: [blog, pay]\n"), NULL },
        WEIR_OK, "");
}

static void tenants_of_one_name_claim_nothing_from_each_other(void **state)
{
    (void)state;
    assert_claims((const char *const[]){ DOC("shop", "hosts: [\"*.shop.test\", a.test]\n"),
                                         DOC("shop", "hosts: [b.shop.test, a.test]\n"), NULL },
                  WEIR_OK, "");
    assert_claims((const char *const[]){ "apiVersion: weir/v1\nkind: Node\n", NULL }, WEIR_OK, "");
}

static void no_memory_for_claims_is_reported(void **state)
{
    struct run r = { .num = 0 };
    enum weir_err err = WEIR_ENOMEM;

    (void)state;
    run_read(&r, (const char *const[]){ DOC("a", "hosts: [\"*.x.test\", y.test]\n"),
                                        DOC("b", "hosts: [a.x.test, y.test]\n"
                                                 "addresses: [192.0.2.1]\n"),
                                        NULL });
    for (long n = 1; err == WEIR_ENOMEM; n++) {
        assert_true(n < 100);
        weir_diags_deinit(&r.diags);
        weir_diags_init(&r.diags);
        weir_failalloc_once(n);
        err = weir_schema_check_claims(r.all, r.num, &r.diags);
        weir_failalloc_once(-1);
    }
    assert_int_equal(err, WEIR_EINVAL);
    assert_int_equal(r.diags.total, 2);
    run_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_in_two_documents_is_found_with_both_places),
        cmocka_unit_test(an_address_in_two_documents_is_found_with_both_places),
        cmocka_unit_test(a_host_under_the_wildcard_of_another_document_is_warned_of),
        cmocka_unit_test(an_overlap_that_the_owner_allows_is_not_warned_of),
        cmocka_unit_test(tenants_of_one_name_claim_nothing_from_each_other),
        cmocka_unit_test(no_memory_for_claims_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
