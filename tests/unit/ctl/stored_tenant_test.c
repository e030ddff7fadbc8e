/* SPDX-License-Identifier: Apache-2.0
 *
 * stored_tenant_test.c - the next StoredTenant: revisions, preconditions, claims, and what counts
 * as no change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/ctl/stored_tenant.h"
#include "tests/support/failalloc.h"

/** A tenant with hosts, and its packed form. */
struct doc {
    Weir__V1__Tenant tenant;
    char *hosts[4];
    struct weir_strbuf packed;
};

static void doc_init(struct doc *d, const char *name, const char *host_a, const char *host_b)
{
    weir__v1__tenant__init(&d->tenant);
    d->tenant.name = (char *)name;
    d->hosts[0] = (char *)host_a;
    d->hosts[1] = (char *)host_b;
    d->tenant.hosts = d->hosts;
    d->tenant.n_hosts = (host_a != NULL ? 1 : 0) + (host_b != NULL ? 1 : 0);
    d->packed = WEIR_STRBUF_ZERO;
    weir_stored_tenant_pack(&d->tenant.base, &d->packed);
}

static struct weir_stored_tenant_change change_of(struct doc *d)
{
    return (struct weir_stored_tenant_change){ .tenant = &d->tenant,
                                               .packed = weir_span(d->packed.at, d->packed.len),
                                               .user = "ada",
                                               .why = "apply",
                                               .now_ms = 1000 };
}

/** The record as it stands, for the next change. */
struct latest {
    struct weir_strbuf value;
    struct weir_record record;
};

static void latest_set(struct latest *k, struct weir_strbuf *value)
{
    weir_strbuf_deinit(&k->value);
    k->value = *value;
    *value = WEIR_STRBUF_ZERO;
    k->record = (struct weir_record){ .class = WEIR_CLASS_TENANT,
                                      .value = weir_span(k->value.at, k->value.len) };
}

static void apply(struct latest *k, struct doc *d, uint64_t hlc, uint64_t revision)
{
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct weir_stored_tenant_change c = change_of(d);
    const struct weir_record *current = k->value.len > 0 ? &k->record : NULL;
    assert_int_equal(weir_stored_tenant_build(&c, current, hlc, &value), WEIR_OK);
    assert_int_equal(c.revision, revision);
    assert_int_equal(c.existed, current != NULL);
    latest_set(k, &value);
}

static uint64_t claim_since(const struct latest *k, const char *name)
{
    uint64_t since = 0;
    struct weir_arena arena;
    Weir__V1__StoredTenant *s = NULL;
    weir_stored_tenant_arena_init(&arena);
    assert_int_equal(weir_stored_tenant_read(k->record.value, &arena, &s), WEIR_OK);
    for (size_t i = 0; i < s->n_claims; i++)
        if (strcmp(s->claims[i]->name, name) == 0)
            since = s->claims[i]->since_hlc;
    weir_arena_deinit(&arena);
    return since;
}

static void the_first_revision_is_one_with_user_time_and_reason(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct doc d;
    struct weir_arena arena;
    Weir__V1__StoredTenant *s = NULL;
    doc_init(&d, "shop", "a.example", NULL);
    apply(&k, &d, 77, 1);
    weir_stored_tenant_arena_init(&arena);
    assert_int_equal(weir_stored_tenant_read(k.record.value, &arena, &s), WEIR_OK);
    assert_int_equal(s->revision, 1);
    assert_int_equal(s->applied_ms, 1000);
    assert_string_equal(s->applied_by, "ada");
    assert_string_equal(s->why, "apply");
    assert_string_equal(s->tenant->name, "shop");
    assert_int_equal(claim_since(&k, "a.example"), 77);
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&d.packed);
    weir_strbuf_deinit(&k.value);
}

static void a_name_keeps_its_stamp_while_it_is_claimed(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct doc one, two, three;
    doc_init(&one, "shop", "a.example", NULL);
    doc_init(&two, "shop", "a.example", "b.example");
    doc_init(&three, "shop", "b.example", NULL);
    apply(&k, &one, 10, 1);
    apply(&k, &two, 20, 2);
    assert_int_equal(claim_since(&k, "a.example"), 10);
    assert_int_equal(claim_since(&k, "b.example"), 20);
    apply(&k, &three, 30, 3);
    assert_int_equal(claim_since(&k, "a.example"), 0);
    assert_int_equal(claim_since(&k, "b.example"), 20);
    apply(&k, &two, 40, 4); /* given up and claimed again: the later stamp */
    assert_int_equal(claim_since(&k, "a.example"), 40);
    assert_int_equal(claim_since(&k, "b.example"), 20);
    weir_strbuf_deinit(&one.packed);
    weir_strbuf_deinit(&two.packed);
    weir_strbuf_deinit(&three.packed);
    weir_strbuf_deinit(&k.value);
}

static void the_same_document_is_no_change(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct doc d, same;
    doc_init(&d, "shop", "a.example", NULL);
    doc_init(&same, "shop", "a.example", NULL);
    apply(&k, &d, 10, 1);
    struct weir_stored_tenant_change c = change_of(&same);
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 20, &value), WEIR_EEXIST);
    assert_true(c.unchanged);
    assert_int_equal(c.revision, 1);
    assert_true(c.existed);
    assert_int_equal(value.len, 0);
    weir_strbuf_deinit(&d.packed);
    weir_strbuf_deinit(&same.packed);
    weir_strbuf_deinit(&k.value);
}

static void preconditions_hold_or_refuse(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct doc one, two;
    doc_init(&one, "shop", "a.example", NULL);
    doc_init(&two, "shop", "b.example", NULL);
    struct weir_stored_tenant_change c = change_of(&one);
    c.precondition = WEIR_IF_REVISION;
    c.expected = 1;
    assert_int_equal(weir_stored_tenant_build(&c, NULL, 5, &value), WEIR_ECONFLICT);
    c.precondition = WEIR_IF_ABSENT;
    assert_int_equal(weir_stored_tenant_build(&c, NULL, 5, &value), WEIR_OK);
    latest_set(&k, &value);
    c = change_of(&two);
    c.precondition = WEIR_IF_ABSENT;
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 6, &value), WEIR_EEXIST);
    assert_false(c.unchanged);
    c.precondition = WEIR_IF_REVISION;
    c.expected = 2;
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 6, &value), WEIR_ECONFLICT);
    assert_int_equal(c.revision, 1);
    assert_int_equal(value.len, 0);
    c.expected = 1;
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 6, &value), WEIR_OK);
    assert_int_equal(c.revision, 2);
    weir_strbuf_deinit(&value);
    weir_strbuf_deinit(&one.packed);
    weir_strbuf_deinit(&two.packed);
    weir_strbuf_deinit(&k.value);
}

static void a_delete_needs_a_record_and_notes_its_user(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct doc d;
    struct weir_stored_tenant_change c = { .user = "ada" };
    doc_init(&d, "shop", "a.example", NULL);
    assert_int_equal(weir_stored_tenant_build(&c, NULL, 5, &value), WEIR_ENOTFOUND);
    apply(&k, &d, 6, 1);
    c.now_ms = 77;
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 7, &value), WEIR_OK);
    assert_int_equal(c.revision, 1);
    struct weir_arena arena;
    Weir__V1__StoredTenant *stored = NULL;
    weir_stored_tenant_arena_init(&arena);
    assert_int_equal(weir_stored_tenant_read(weir_span(value.at, value.len), &arena, &stored),
                     WEIR_OK);
    assert_string_equal(stored->deleted_by, "ada");
    assert_int_equal(stored->deleted_ms, 77);
    assert_int_equal(stored->revision, 1);
    assert_string_equal(stored->tenant->hosts[0], "a.example");
    weir_arena_deinit(&arena);
    size_t len = value.len;
    c.precondition = WEIR_IF_REVISION;
    c.expected = 9;
    assert_int_equal(weir_stored_tenant_build(&c, &k.record, 7, &value), WEIR_ECONFLICT);
    assert_int_equal(value.len, len);
    weir_strbuf_deinit(&value);
    weir_strbuf_deinit(&d.packed);
    weir_strbuf_deinit(&k.value);
}

static void a_name_that_comes_back_goes_on_behind_its_last_revision(void **state)
{
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct weir_record tombstone = { .class = WEIR_CLASS_TENANT, .tombstone = true };
    struct doc d;
    doc_init(&d, "shop", "a.example", NULL);
    struct weir_stored_tenant_change c = change_of(&d);
    c.last_revision = 5;
    assert_int_equal(weir_stored_tenant_build(&c, NULL, 9, &value), WEIR_OK);
    assert_int_equal(c.revision, 6);
    assert_false(c.existed);
    assert_int_equal(weir_stored_tenant_build(&c, &tombstone, 9, &value), WEIR_OK);
    assert_int_equal(c.revision, 6);
    assert_false(c.existed);
    weir_strbuf_deinit(&value);
    weir_strbuf_deinit(&d.packed);
}

static void a_damaged_record_can_be_replaced_and_deleted(void **state)
{
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct weir_record damaged = { .class = WEIR_CLASS_TENANT,
                                   .value = WEIR_SPAN_LIT("\xff\xff\xff\xff") };
    struct doc d;
    doc_init(&d, "shop", "a.example", NULL);
    struct weir_stored_tenant_change c = change_of(&d);
    c.last_revision = 4;
    assert_int_equal(weir_stored_tenant_build(&c, &damaged, 9, &value), WEIR_OK);
    assert_int_equal(c.revision, 5);
    struct weir_stored_tenant_change gone = { .user = "ada" };
    assert_int_equal(weir_stored_tenant_build(&gone, &damaged, 9, &value), WEIR_OK);
    weir_strbuf_deinit(&value);
    weir_strbuf_deinit(&d.packed);
}

static void a_record_over_the_limit_is_refused(void **state)
{
    struct weir_strbuf value = WEIR_STRBUF_ZERO;
    struct doc d;
    Weir__V1__ErrorPage page = WEIR__V1__ERROR_PAGE__INIT;
    Weir__V1__Tenant__ErrorPagesEntry entry = WEIR__V1__TENANT__ERROR_PAGES_ENTRY__INIT;
    Weir__V1__Tenant__ErrorPagesEntry *list[] = { &entry };
    doc_init(&d, "shop", "a.example", NULL);
    page.has_body = 1;
    page.body.len = WEIR_RECORD_MAX;
    page.body.data = calloc(1, WEIR_RECORD_MAX);
    assert_non_null(page.body.data);
    entry.key = (char *)"502";
    entry.value = &page;
    d.tenant.error_pages = list;
    d.tenant.n_error_pages = 1;
    struct weir_stored_tenant_change c = change_of(&d);
    assert_int_equal(weir_stored_tenant_build(&c, NULL, 9, &value), WEIR_ELIMIT);
    assert_int_equal(value.len, 0);
    free(page.body.data);
    weir_strbuf_deinit(&d.packed);
}

static void names_are_hosts_addresses_and_ports_without_repetition(void **state)
{
    char *addresses[] = { (char *)"203.0.113.10", (char *)"2001:db8::1" };
    Weir__V1__TcpPort port = WEIR__V1__TCP_PORT__INIT;
    Weir__V1__TcpPort *ports[] = { &port };
    struct weir_arena arena;
    struct doc d;
    const char **names = NULL;
    size_t num = 0;
    weir_stored_tenant_arena_init(&arena);
    doc_init(&d, "shop", "a.example", "a.example");
    port.has_port = 1;
    port.port = 3306;
    d.tenant.tcp = ports;
    d.tenant.n_tcp = 1;
    assert_int_equal(weir_stored_tenant_names(&d.tenant, &arena, &names, &num), WEIR_OK);
    assert_int_equal(num, 2);
    assert_string_equal(names[0], "[::]:3306");
    assert_string_equal(names[1], "a.example");
    d.tenant.addresses = addresses;
    d.tenant.n_addresses = 2;
    assert_int_equal(weir_stored_tenant_names(&d.tenant, &arena, &names, &num), WEIR_OK);
    assert_int_equal(num, 5);
    assert_string_equal(names[0], "2001:db8::1");
    assert_string_equal(names[1], "203.0.113.10");
    assert_string_equal(names[2], "203.0.113.10:3306");
    assert_string_equal(names[3], "[2001:db8::1]:3306");
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&d.packed);
}

static void no_memory_leaves_the_record_as_it_is(void **state)
{
    struct latest k = { .value = WEIR_STRBUF_ZERO };
    struct doc one, two;
    doc_init(&one, "shop", "a.example", NULL);
    doc_init(&two, "shop", "a.example", "b.example");
    apply(&k, &one, 10, 1);
    enum weir_err err = WEIR_ENOMEM;
    for (long n = 1; err == WEIR_ENOMEM; n++) {
        struct weir_strbuf value = WEIR_STRBUF_ZERO;
        struct weir_stored_tenant_change c = change_of(&two);
        assert_true(n < 100);
        weir_failalloc_after(n);
        err = weir_stored_tenant_build(&c, &k.record, 20, &value);
        weir_failalloc_after(-1);
        weir_strbuf_deinit(&value);
    }
    assert_int_equal(err, WEIR_OK);
    weir_strbuf_deinit(&one.packed);
    weir_strbuf_deinit(&two.packed);
    weir_strbuf_deinit(&k.value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_revision_is_one_with_user_time_and_reason),
        cmocka_unit_test(a_name_keeps_its_stamp_while_it_is_claimed),
        cmocka_unit_test(the_same_document_is_no_change),
        cmocka_unit_test(preconditions_hold_or_refuse),
        cmocka_unit_test(a_delete_needs_a_record_and_notes_its_user),
        cmocka_unit_test(a_name_that_comes_back_goes_on_behind_its_last_revision),
        cmocka_unit_test(a_damaged_record_can_be_replaced_and_deleted),
        cmocka_unit_test(a_record_over_the_limit_is_refused),
        cmocka_unit_test(names_are_hosts_addresses_and_ports_without_repetition),
        cmocka_unit_test(no_memory_leaves_the_record_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
