/* SPDX-License-Identifier: Apache-2.0
 *
 * token_test.c - texts, scopes and records of tokens, and what judging them comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/ctl/access/token.h"
#include "node/wire/tls_hash.h"
#include "tests/support/failalloc.h"

static void scopes_are_read_and_written_back(void **state)
{
    static const char *const good[] = {
        "admin", "read", "tenant:shop", "tenant:a-1",
        "tenant:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaa"
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct weir_grant g;
        char text[WEIR_TOKEN_SCOPE_MAX];
        assert_int_equal(weir_grant_parse(weir_span_cstr(good[i]), &g), WEIR_OK);
        weir_grant_text(&g, text);
        assert_string_equal(text, good[i]);
    }
}

static void other_scopes_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "Admin",
        "admin ",
        "reader",
        "tenant",
        "tenant:",
        "tenant:Shop",
        "tenant:a b",
        "tenants:",
        "tenant:a\"b",
        "tenant:a/b",
        "tenant:a\xc3",
        "tenant:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaa"
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct weir_grant g = { .scope = WEIR_GRANT_NONE };
        assert_int_equal(weir_grant_parse(weir_span_cstr(bad[i]), &g), WEIR_EINVAL);
        assert_int_equal(g.scope, WEIR_GRANT_NONE);
    }
}

static void each_token_is_another_one(void **state)
{
    char a[WEIR_TOKEN_TEXT_LEN + 1];
    char b[WEIR_TOKEN_TEXT_LEN + 1];
    struct weir_span id_a;
    struct weir_span id_b;
    (void)state;
    assert_int_equal(weir_token_make(a), WEIR_OK);
    assert_int_equal(weir_token_make(b), WEIR_OK);
    assert_int_equal(strlen(a), WEIR_TOKEN_TEXT_LEN);
    assert_int_equal(strncmp(a, "weir_", 5), 0);
    assert_true(weir_token_id_of(weir_span_cstr(a), &id_a));
    assert_true(weir_token_id_of(weir_span_cstr(b), &id_b));
    assert_true(weir_token_id_is_valid(id_a));
    assert_false(weir_span_eq(id_a, id_b));
    assert_string_not_equal(a + 18, b + 18);
}

static void a_text_with_any_byte_changed_or_missing_is_no_token_or_another(void **state)
{
    char text[WEIR_TOKEN_TEXT_LEN + 2];
    struct weir_span id;
    (void)state;
    assert_int_equal(weir_token_make(text), WEIR_OK);
    for (size_t len = 0; len < WEIR_TOKEN_TEXT_LEN; len++)
        assert_false(weir_token_id_of(weir_span(text, len), &id));
    text[WEIR_TOKEN_TEXT_LEN] = '0';
    assert_false(weir_token_id_of(weir_span(text, WEIR_TOKEN_TEXT_LEN + 1), &id));
    for (size_t i = 0; i < WEIR_TOKEN_TEXT_LEN; i++) {
        char was = text[i];
        text[i] = 'X'; /* in no place of a token */
        assert_false(weir_token_id_of(weir_span(text, WEIR_TOKEN_TEXT_LEN), &id));
        text[i] = was;
    }
}

/** A token and its record. */
struct issued {
    char text[WEIR_TOKEN_TEXT_LEN + 1];
    char id[WEIR_TOKEN_ID_LEN + 1];
    uint8_t hash[WEIR_SHA256_LEN];
    Weir__V1__AccessToken stored;
};

static void issue(struct issued *t, const char *scope)
{
    struct weir_span id;
    assert_int_equal(weir_token_make(t->text), WEIR_OK);
    assert_true(weir_token_id_of(weir_span_cstr(t->text), &id));
    snprintf(t->id, sizeof(t->id), "%.*s", (int)id.len, (const char *)id.at);
    weir_sha256(weir_span_cstr(t->text), t->hash);
    weir__v1__access_token__init(&t->stored);
    t->stored.id = t->id;
    t->stored.has_hash = 1;
    t->stored.hash = (ProtobufCBinaryData){ sizeof(t->hash), t->hash };
    t->stored.scope = (char *)scope;
}

static enum weir_token_outcome check(const struct issued *t, uint64_t now_ms, struct weir_grant *g)
{
    return weir_token_check(weir_span_cstr(t->text), &t->stored, now_ms, g);
}

static void a_good_token_grants_its_scope(void **state)
{
    struct issued t;
    struct weir_grant g;
    (void)state;
    issue(&t, "tenant:shop");
    assert_int_equal(check(&t, 1000, &g), WEIR_TOKEN_GOOD);
    assert_int_equal(g.scope, WEIR_GRANT_TENANT);
    assert_string_equal(g.tenant, "shop");
}

static void a_token_expires_at_its_time(void **state)
{
    struct issued t;
    struct weir_grant g;
    (void)state;
    issue(&t, "read");
    t.stored.has_expires_ms = 1;
    t.stored.expires_ms = 1000;
    assert_int_equal(check(&t, 999, &g), WEIR_TOKEN_GOOD);
    assert_int_equal(check(&t, 1000, &g), WEIR_TOKEN_EXPIRED);
    t.text[WEIR_TOKEN_TEXT_LEN - 1] ^= 1; /* 0-1, 2-3 .. 8-9, b-c ..: still a digit, or none */
    assert_true(check(&t, 1000, &g) != WEIR_TOKEN_EXPIRED);
}

static void any_other_secret_is_unknown(void **state)
{
    struct issued t;
    struct weir_grant g = { .scope = WEIR_GRANT_NONE };
    (void)state;
    issue(&t, "admin");
    for (size_t i = 18; i < WEIR_TOKEN_TEXT_LEN; i++) {
        char was = t.text[i];
        t.text[i] = was == '0' ? '1' : '0';
        assert_int_equal(check(&t, 1, &g), WEIR_TOKEN_UNKNOWN);
        t.text[i] = was;
    }
    assert_int_equal(weir_token_check(weir_span_cstr(t.text), NULL, 1, &g), WEIR_TOKEN_UNKNOWN);
    assert_int_equal(weir_token_check(WEIR_SPAN_LIT("secret"), &t.stored, 1, &g),
                     WEIR_TOKEN_MALFORMED);
    assert_int_equal(g.scope, WEIR_GRANT_NONE);
}

/* Above all a record without a hash must not be equal to anything. */
static void a_damaged_record_grants_nothing(void **state)
{
    struct issued t;
    struct weir_grant g;
    (void)state;
    issue(&t, "admin");
    t.stored.has_hash = 0;
    assert_int_equal(check(&t, 1, &g), WEIR_TOKEN_DAMAGED);
    issue(&t, "admin");
    t.stored.hash.len = 31;
    assert_int_equal(check(&t, 1, &g), WEIR_TOKEN_DAMAGED);
    issue(&t, "root");
    assert_int_equal(check(&t, 1, &g), WEIR_TOKEN_DAMAGED);
    issue(&t, NULL);
    assert_int_equal(check(&t, 1, &g), WEIR_TOKEN_DAMAGED);
}

static void records_are_unpacked_within_bounds(void **state)
{
    static uint8_t bytes[WEIR_TOKEN_RECORD_MAX + 1];
    struct issued t;
    struct weir_arena arena;
    Weir__V1__AccessToken *back = NULL;
    (void)state;
    issue(&t, "admin");
    size_t len = weir__v1__access_token__pack(&t.stored, bytes);
    weir_token_arena_init(&arena);
    assert_int_equal(weir_token_read(weir_span(bytes, len), &arena, &back), WEIR_OK);
    assert_string_equal(back->scope, "admin");
    assert_int_equal(weir_token_read(weir_span(bytes, len - 1), &arena, &back), WEIR_ECORRUPT);
    assert_int_equal(weir_token_read(weir_span(bytes, 0), &arena, &back), WEIR_ECORRUPT);
    /* Legal, but larger than any token: field 15 with 4093 bytes of nothing. */
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\x7a\xfd\x1f", 3);
    assert_int_equal(weir_token_read(weir_span(bytes, sizeof(bytes) - 1), &arena, &back), WEIR_OK);
    assert_int_equal(weir_token_read(weir_span(bytes, sizeof(bytes)), &arena, &back),
                     WEIR_ECORRUPT);
    weir_arena_deinit(&arena);
}

static void no_memory_is_not_taken_for_damage(void **state)
{
    uint8_t bytes[512];
    struct issued t;
    struct weir_arena arena;
    Weir__V1__AccessToken *back = NULL;
    (void)state;
    issue(&t, "admin");
    size_t len = weir__v1__access_token__pack(&t.stored, bytes);
    weir_token_arena_init(&arena);
    weir_failalloc_once(1);
    enum weir_err err = weir_token_read(weir_span(bytes, len), &arena, &back);
    weir_failalloc_once(-1);
    assert_int_equal(err, WEIR_ENOMEM);
    weir_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_are_read_and_written_back),
        cmocka_unit_test(other_scopes_are_refused),
        cmocka_unit_test(each_token_is_another_one),
        cmocka_unit_test(a_text_with_any_byte_changed_or_missing_is_no_token_or_another),
        cmocka_unit_test(a_good_token_grants_its_scope),
        cmocka_unit_test(a_token_expires_at_its_time),
        cmocka_unit_test(any_other_secret_is_unknown),
        cmocka_unit_test(a_damaged_record_grants_nothing),
        cmocka_unit_test(records_are_unpacked_within_bounds),
        cmocka_unit_test(no_memory_is_not_taken_for_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
