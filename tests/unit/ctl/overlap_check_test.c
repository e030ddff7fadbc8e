/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_check_test.c - names below and over those of other tenants: refused, allowed, warned of.
 */
#include "tests/unit/ctl/admin_client.h"

#define ALLOW "?allow_overlap=true"

static void write_tenant(const char *name, const char *hosts, const char *query, struct want want)
{
    char target[128];
    snprintf(target, sizeof(target), "/v1/tenants/%s%s", name, query);
    expect("PUT", target, YAML, yaml_tenant(name, hosts), want);
}

/* A tenant that lets others have names below its wildcards. */
static void write_allowing(const char *name, const char *hosts, const char *allowed)
{
    char target[128];
    char text[1024];
    snprintf(target, sizeof(target), "/v1/tenants/%s", name);
    snprintf(text, sizeof(text), "%sallow_overlap: [%s]\n", yaml_tenant(name, hosts), allowed);
    expect("PUT", target, YAML, text, (struct want){ 201, "created" });
}

static void a_name_below_anothers_wildcard_is_refused(void **state)
{
    write_tenant("shop", "\"*.shop.example.com\"", "", (struct want){ 201, NULL });
    write_tenant(
        "thief", "pay.shop.example.com", "",
        (struct want){ 409, "host pay.shop.example.com of tenant thief is below "
                            "*.shop.example.com of tenant shop: requests for pay.shop.example.com "
                            "go to thief, and shop keeps the rest" });
    write_tenant("thief", "a.b.shop.example.com", "", (struct want){ 409, "\"overlap\"" });
    write_tenant("thief", "\"*.b.shop.example.com\"", "", (struct want){ 409, "\"overlap\"" });
    expect("GET", "/v1/tenants/thief", "", NULL, (struct want){ 404, NULL });
    write_tenant("thief", "shop.example.com, myshop.example.com", "", (struct want){ 201, NULL });
}

static void a_wildcard_over_anothers_names_is_refused(void **state)
{
    write_tenant("pay", "pay.shop.example.com", "", (struct want){ 201, NULL });
    write_tenant(
        "wide", "\"*.shop.example.com\"", "",
        (struct want){ 409, "host *.shop.example.com of tenant wide is over pay.shop.example.com "
                            "of tenant pay: requests for pay.shop.example.com stay with pay, and "
                            "wide gets the rest" });
    write_tenant("wide", "\"*.example.com\"", "", (struct want){ 409, "\"overlap\"" });
    write_tenant("wide", "\"*.hop.example.com\"", "", (struct want){ 201, NULL });
    write_tenant("pay", "pay.shop.example.com, \"*.shop.example.com\"", "",
                 (struct want){ 200, "changed" });
}

static void an_overlap_that_is_asked_for_is_written_and_warned_of(void **state)
{
    write_tenant("shop", "\"*.shop.example.com\"", "", (struct want){ 201, NULL });
    write_tenant(
        "pay", "pay.shop.example.com", ALLOW,
        (struct want){ 201, "\"warnings\":[\"host pay.shop.example.com of tenant pay is below" });
    write_tenant("pay", "pay.shop.example.com", "",
                 (struct want){ 200, "is below *.shop.example.com" });
    write_tenant("pay", "pay.shop.example.com, other.example.com", "",
                 (struct want){ 200, "changed" });
    write_tenant("pay", "pay.shop.example.com, b.shop.example.com", "",
                 (struct want){ 409, "b.shop" });
    expect("PUT", "/v1/tenants/pay?allow_overlap=maybe", YAML, "{}", (struct want){ 400, "0, 1" });
}

static void the_owner_of_a_wildcard_may_allow_a_tenant_below_it(void **state)
{
    write_allowing("shop", "\"*.shop.example.com\"", "pay");
    write_tenant("pay", "pay.shop.example.com", "",
                 (struct want){ 201, "is below *.shop.example.com" });
    write_tenant("else", "else.shop.example.com", "", (struct want){ 409, "\"overlap\"" });
    write_tenant("late", "a.late.example", "", (struct want){ 201, NULL });
    write_allowing("over", "\"*.late.example\"", "late");
}

static void of_two_overlapping_documents_in_one_push_the_later_is_refused(void **state)
{
    char text[2048];
    int len = snprintf(text, sizeof(text), "%s---\n", yaml_tenant("one", "\"*.a.example\""));
    snprintf(text + len, sizeof(text) - (size_t)len, "%s", yaml_tenant("two", "x.a.example"));
    expect("POST", "/v1/apply?dry_run=1", YAML, text, (struct want){ 200, NULL });
    expect("POST", "/v1/apply", YAML, text,
           (struct want){ 200, "\"name\":\"two\",\"outcome\":\"refused\"" });
    expect("GET", "/v1/tenants/one", "", NULL, (struct want){ 200, NULL });
    expect("GET", "/v1/tenants/two", "", NULL, (struct want){ 404, NULL });
}

static void a_dry_run_refuses_what_the_run_would(void **state)
{
    write_tenant("shop", "\"*.shop.example.com\"", "", (struct want){ 201, NULL });
    write_tenant("thief", "pay.shop.example.com", "?dry_run=1",
                 (struct want){ 409, "\"overlap\"" });
    write_tenant("thief", "pay.shop.example.com", "?dry_run=1&allow_overlap=1",
                 (struct want){ 200, NULL });
}

static void an_equal_claim_stays_a_conflict_and_no_overlap(void **state)
{
    write_tenant("one", "\"*.a.example\", b.example", "", (struct want){ 201, NULL });
    write_tenant("two", "\"*.a.example\", b.example", "",
                 (struct want){ 201, "claimed earlier by tenant one" });
}

static void a_rollback_into_an_overlap_is_refused(void **state)
{
    write_tenant("pay", "pay.shop.example.com", "", (struct want){ 201, NULL });
    write_tenant("pay", "other.example.com", "", (struct want){ 200, NULL });
    write_tenant("shop", "\"*.shop.example.com\"", "", (struct want){ 201, NULL });
    expect("POST", "/v1/tenants/pay/rollback?revision=1", "", "", (struct want){ 409, "overlap" });
    expect("POST", "/v1/tenants/pay/rollback?revision=1&allow_overlap=1", "", "",
           (struct want){ 200, "changed" });
}

static void an_overlap_is_a_warning_of_status_and_of_the_doctor(void **state)
{
    write_tenant("shop", "\"*.shop.example.com\", a.shop.example.com", "",
                 (struct want){ 201, NULL });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, "no name lies below another" });
    write_tenant("pay", "pay.shop.example.com", ALLOW, (struct want){ 201, NULL });
    const char *text = "1 name lies below wildcards of other tenants, for example "
                       "pay.shop.example.com of tenant pay below *.shop.example.com of tenant shop";
    expect("GET", "/v1/status", "", NULL, (struct want){ 200, text });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, text });
    expect("DELETE", "/v1/tenants/shop", "", NULL, (struct want){ 200, NULL });
    write_allowing("shop", "\"*.shop.example.com\"", "pay");
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, "no name lies below another" });
}

/* The record of a wildcard's owner is read once for all names below it, and not for the next one.
 */
static void each_wildcards_owner_is_asked_for_its_own_names(void **state)
{
    write_allowing("shop", "\"*.shop.example.com\"", "pay, mail");
    write_allowing("bank", "\"*.bank.example.com\"", "mail");
    write_tenant("pay", "a.shop.example.com, b.shop.example.com", "", (struct want){ 201, NULL });
    write_tenant("mail", "m.shop.example.com, m.bank.example.com", "", (struct want){ 201, NULL });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, "no name lies below another" });
    write_tenant("pay", "a.shop.example.com, z.bank.example.com", ALLOW,
                 (struct want){ 200, NULL });
    expect("GET", "/v1/doctor", "", NULL,
           (struct want){ 200, "1 name lies below wildcards of other tenants, for example "
                               "z.bank.example.com of tenant pay below *.bank.example.com" });
    write_tenant("thief", "t.shop.example.com", ALLOW, (struct want){ 201, NULL });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, "2 names lie below wildcards" });
}

/* Each "warn" and "fail" of the doctor's checks of the node is a warning of status, and no other.
 */
static void the_doctor_and_status_warn_of_the_same(void **state)
{
    rig.node.descriptors = 64;
    write_tenant("one", "a.example", "", (struct want){ 201, NULL });
    write_tenant("two", "a.example", "", (struct want){ 201, NULL });
    const char *few = "and limits.connections 100 needs";
    const char *conflict = "1 names claimed by more than one tenant";
    expect("GET", "/v1/status", "", NULL, (struct want){ 200, few });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, few });
    expect("GET", "/v1/status", "", NULL, (struct want){ 200, conflict });
    expect("GET", "/v1/doctor", "", NULL, (struct want){ 200, conflict });
}

static uint64_t counted(enum weir_metric which)
{
    return atomic_load(&rig.store_metrics.cells[which]);
}

/* A refusal is the client's affair: it is counted once, by its reason, and is no fault. */
static void refusals_are_counted_by_reason_and_not_as_write_errors(void **state)
{
    write_tenant("shop", "\"*.shop.example.com\"", "", (struct want){ 201, NULL });
    write_tenant("thief", "pay.shop.example.com", "", (struct want){ 409, NULL });
    expect("PUT", "/v1/tenants/shop", YAML "If-Match: \"9\"\r\n", yaml_tenant("shop", "a.b"),
           (struct want){ 412, NULL });
    expect("DELETE", "/v1/tenants/none", "", NULL, (struct want){ 404, NULL });
    expect("DELETE", "/v1/tenants/none", "", NULL, (struct want){ 404, NULL });
    expect("PUT", "/v1/tenants/shop", YAML "If-None-Match: *\r\n", yaml_tenant("shop", "a.b"),
           (struct want){ 412, NULL });
    assert_int_equal(counted(WEIR_M_STORE_WRITES), 1);
    assert_int_equal(counted(WEIR_M_STORE_WRITE_ERRORS), 0);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_OVERLAP), 1);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_PRECONDITION), 1);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_NOT_FOUND), 2);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_EXISTS), 1);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_INVALID), 0);
    assert_int_equal(counted(WEIR_M_STORE_REFUSED_FULL), 0);
}

/* An apply that is repeated is a success: no counter of refusals or of faults moves by it. */
static void an_unchanged_document_counts_neither_as_refusal_nor_as_fault(void **state)
{
    write_tenant("shop", "a.example", "", (struct want){ 201, NULL });
    for (int i = 0; i < 3; i++)
        write_tenant("shop", "a.example", "", (struct want){ 200, "unchanged" });
    assert_int_equal(counted(WEIR_M_STORE_WRITES), 1);
    for (int c = WEIR_M_STORE_WRITE_ERRORS; c <= WEIR_M_STORE_REFUSED_FULL; c++)
        assert_int_equal(counted((enum weir_metric)c), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_below_anothers_wildcard_is_refused),
        TEST(a_wildcard_over_anothers_names_is_refused),
        TEST(an_overlap_that_is_asked_for_is_written_and_warned_of),
        TEST(the_owner_of_a_wildcard_may_allow_a_tenant_below_it),
        TEST(of_two_overlapping_documents_in_one_push_the_later_is_refused),
        TEST(a_dry_run_refuses_what_the_run_would),
        TEST(an_equal_claim_stays_a_conflict_and_no_overlap),
        TEST(a_rollback_into_an_overlap_is_refused),
        TEST(an_overlap_is_a_warning_of_status_and_of_the_doctor),
        TEST(each_wildcards_owner_is_asked_for_its_own_names),
        TEST(the_doctor_and_status_warn_of_the_same),
        TEST(refusals_are_counted_by_reason_and_not_as_write_errors),
        TEST(an_unchanged_document_counts_neither_as_refusal_nor_as_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
