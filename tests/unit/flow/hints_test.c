/* SPDX-License-Identifier: Apache-2.0
 *
 * hints_test.c - what is learned from responses and told to later requests: never what was meant
 * for one client, never for long, and never more than the table holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/hints.h"
#include "tests/support/failalloc.h"

#define STYLE "Link: </style.css>; rel=preload; as=style\r\n"

static const struct weir_siphash_key secret = { { 1, 2 } };

static struct weir_hints_key key_of(const struct weir_hints *h, const char *tenant,
                                    const char *path)
{
    struct weir_hints_page page = { .tenant = weir_span_cstr(tenant),
                                    .https = true,
                                    .host = WEIR_SPAN_LIT("shop.example"),
                                    .path = weir_span_cstr(path) };
    return weir_hints_key_of(h, &page);
}

static uint8_t *make_request(struct weir_h1_head *h, const char *first, const char *lines)
{
    char text[8192];
    int len = snprintf(text, sizeof(text), "%s\r\n%s\r\n", first, lines);
    uint8_t *bytes = malloc((size_t)len);
    assert_non_null(bytes);
    memcpy(bytes, text, (size_t)len);
    weir_h1_head_init(h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(h, weir_span(bytes, (size_t)len)), WEIR_STEP_DONE);
    return bytes;
}

/* With these lines, which it borrows. */
static struct weir_response_fields *make_response(uint16_t status, const char *lines)
{
    static struct weir_response_fields response;
    response.status = status;
    response.num = 0;
    while (*lines != '\0') {
        size_t name_len = strcspn(lines, ":");
        const char *value = lines + name_len + 2;
        size_t value_len = strcspn(value, "\r");
        response.fields[response.num++] =
            (struct weir_span_pair){ weir_span(lines, name_len), weir_span(value, value_len) };
        lines = value + value_len + 2;
    }
    return &response;
}

static void learn_status(struct weir_hints *h, const char *path, uint16_t status, const char *lines,
                         uint64_t now_ms)
{
    struct weir_hints_key key = key_of(h, "shop", path);
    weir_hints_learn(h, &key, make_response(status, lines), now_ms);
}

static void learn(struct weir_hints *h, const char *path, const char *lines, uint64_t now_ms)
{
    learn_status(h, path, 200, lines, now_ms);
}

static bool knows(struct weir_hints *h, const char *path, const char *text, uint64_t now_ms)
{
    struct weir_hints_key key = key_of(h, "shop", path);
    return weir_span_eq(weir_hints_find(h, &key, now_ms), weir_span_cstr(text));
}

static void a_path_is_told_what_it_linked(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    assert_true(knows(&h, "/", "", 0));
    learn(&h, "/",
          "Link: </style.css>; rel=preload; as=style, </next>; rel=next\r\n"
          "Link: <https://cdn.example/a.js>;rel=preload;nopush\r\n",
          1000);
    assert_true(knows(&h, "/",
                      "</style.css>; rel=preload; as=style, "
                      "<https://cdn.example/a.js>;rel=preload;nopush",
                      1000));
    assert_true(knows(&h, "/other", "", 1000));
    learn(&h, "/", "Link: </b>; rel=preload\r\n", 2000);
    assert_true(knows(&h, "/", "</b>; rel=preload", 2000));
    weir_hints_deinit(&h);
}

static void what_is_known_ages(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    learn(&h, "/", STYLE, 1000);
    learn(&h, "/", STYLE, 5000);
    assert_false(knows(&h, "/", "", 5000 + WEIR_HINT_AGE_MS - 1));
    assert_true(knows(&h, "/", "", 5000 + WEIR_HINT_AGE_MS));
    weir_hints_deinit(&h);
}

static void a_response_without_links_makes_a_path_forgotten(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    learn(&h, "/", STYLE, 1000);
    learn_status(&h, "/", 404, "", 1000);
    learn_status(&h, "/", 304, "", 1000);
    learn(&h, "/", "Set-Cookie: a=b\r\n", 1000);
    learn(&h, "/other", "", 1000);
    assert_false(knows(&h, "/", "", 1000));
    learn(&h, "/", "Link: </n>; rel=next\r\n", 1000);
    assert_true(knows(&h, "/", "", 1000));
    weir_hints_deinit(&h);
}

static void what_is_for_one_client_is_not_learned(void **state)
{
    static const char *const lines[] = {
        STYLE "Set-Cookie: session=1\r\n",
        "set-cookie: session=1\r\n" STYLE,
        STYLE "Cache-Control: private\r\n",
        STYLE "Cache-Control: max-age=1, Private=\"x\"\r\n",
        STYLE "Cache-Control: max-age=1\r\ncache-control: no-cache,no-store\r\n",
        "Link: <https://user:secret@cdn.example/a>; rel=preload\r\n",
        "Link: </a>; rel=preload; anchor=\"/b\"\r\n",
    };
    static const uint16_t statuses[] = { 201, 206, 304, 404, 500 };
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++)
        learn(&h, "/", lines[i], 1000);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(statuses); i++)
        learn_status(&h, "/", statuses[i], STYLE, 1000);
    assert_null(h.hints);
    learn(&h, "/", STYLE "Cache-Control: max-age=60, s-maxage=1, not-private\r\n", 1000);
    assert_false(knows(&h, "/", "", 1000));
    weir_hints_deinit(&h);
}

/* A query may be one client's alone, and so may what a response makes of it. */
static void queries_are_not_told_on(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    learn(&h, "/p?user=7", "Link: </a?user=7>; rel=preload, </b>; rel=preload\r\n", 1000);
    assert_true(knows(&h, "/p", "</b>; rel=preload", 1000));
    assert_true(knows(&h, "/p?user=8", "</b>; rel=preload", 1000));
    learn(&h, "/p", "Link: </a?v=1>; rel=preload\r\n", 1000);
    assert_true(knows(&h, "/p?user=8", "</a?v=1>; rel=preload", 1000));
    weir_hints_deinit(&h);
}

static bool is_public(const char *first, const char *lines)
{
    struct weir_h1_head head;
    uint8_t *bytes = make_request(&head, first, lines);
    bool result = weir_hints_request_is_public(&head, bytes);
    free(bytes);
    return result;
}

static void only_requests_without_credentials_teach(void **state)
{
    (void)state;
    assert_true(is_public("GET / HTTP/1.1", "Host: a\r\nAccept: b\r\n"));
    assert_false(is_public("HEAD / HTTP/1.1", "Host: a\r\n"));
    assert_false(is_public("POST / HTTP/1.1", "Host: a\r\n"));
    assert_false(is_public("GET / HTTP/1.1", "Host: a\r\ncookie: a=b\r\n"));
    assert_false(is_public("GET / HTTP/1.1", "Host: a\r\nAuthorization: Basic x\r\n"));
}

static void pages_do_not_share_a_key(void **state)
{
    struct weir_hints h;
    struct weir_hints_page pages[] = {
        { WEIR_SPAN_LIT("a"), true, WEIR_SPAN_LIT("h"), WEIR_SPAN_LIT("/p") },
        { WEIR_SPAN_LIT("b"), true, WEIR_SPAN_LIT("h"), WEIR_SPAN_LIT("/p") },
        { WEIR_SPAN_LIT("a"), false, WEIR_SPAN_LIT("h"), WEIR_SPAN_LIT("/p") },
        { WEIR_SPAN_LIT("a"), true, WEIR_SPAN_LIT("h/"), WEIR_SPAN_LIT("p") },
        { WEIR_SPAN_LIT("ah"), true, WEIR_SPAN_LIT(""), WEIR_SPAN_LIT("/p") },
        { WEIR_SPAN_LIT("a"), true, WEIR_SPAN_LIT("h"), WEIR_SPAN_LIT("/P") },
    };
    (void)state;
    weir_hints_init(&h, &secret);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pages); i++)
        for (size_t j = 0; j < i; j++) {
            struct weir_hints_key a = weir_hints_key_of(&h, &pages[i]);
            struct weir_hints_key b = weir_hints_key_of(&h, &pages[j]);
            assert_true(a.path.lo != b.path.lo && a.path.hi != b.path.hi);
        }
    weir_hints_deinit(&h);
}

static void a_value_has_a_limit(void **state)
{
    struct weir_hints h;
    char lines[4096];
    char all[WEIR_HINT_TEXT_MAX + 1];
    char target[WEIR_HINT_TEXT_MAX];
    (void)state;
    weir_hints_init(&h, &secret);
    memset(target, 'x', sizeof(target));
    /* </xxx>; rel=preload is as long as the limit, then one byte longer. */
    int room = WEIR_HINT_TEXT_MAX - (int)strlen("</>; rel=preload");
    (void)snprintf(lines, sizeof(lines), "Link: </%.*s>; rel=preload\r\n", room, target);
    learn(&h, "/", lines, 0);
    (void)snprintf(all, sizeof(all), "</%.*s>; rel=preload", room, target);
    assert_true(knows(&h, "/", all, 0));
    (void)snprintf(lines, sizeof(lines), "Link: </%.*s>; rel=preload, </a>; rel=preload\r\n",
                   room + 1, target);
    learn(&h, "/", lines, 0);
    assert_true(knows(&h, "/", "</a>; rel=preload", 0));
    (void)snprintf(lines, sizeof(lines), "Link: </a>; rel=preload, </%.*s>; rel=preload\r\n",
                   room - 19, target);
    learn(&h, "/", lines, 0);
    (void)snprintf(all, sizeof(all), "</a>; rel=preload, </%.*s>; rel=preload", room - 19, target);
    assert_true(knows(&h, "/", all, 0));
    weir_hints_deinit(&h);
}

static size_t count_known(struct weir_hints *h, const char *tenant, size_t num)
{
    size_t known = 0;
    for (size_t i = 0; i < num; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/%zu", i);
        struct weir_hints_key key = key_of(h, tenant, path);
        known += weir_hints_find(h, &key, 0).len > 0;
    }
    return known;
}

/* A tenant with very many paths fills its own part of the table and leaves the rest. */
static void the_paths_of_a_tenant_have_a_limit(void **state)
{
    enum { NUM = 20000 };
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    const struct weir_response_fields *response = make_response(200, STYLE);
    for (size_t i = 0; i < NUM; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/%zu", i);
        struct weir_hints_key key = key_of(&h, "greedy", path);
        weir_hints_learn(&h, &key, response, 0);
    }
    assert_int_equal(count_known(&h, "greedy", NUM), WEIR_HINTS_TENANT_SETS * WEIR_HINTS_WAYS);
    weir_hints_deinit(&h);
}

/* Second chance: a path that is asked for stays while others of its set come and go. */
static void a_path_that_is_asked_for_outlives_those_that_are_not(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    const struct weir_response_fields *response = make_response(200, STYLE);
    struct weir_hints_key busy = key_of(&h, "shop", "/busy");
    weir_hints_learn(&h, &busy, response, 0);
    for (uint64_t i = 0; i < 100; i++) {
        struct weir_hints_key other = { .path = { i, i }, .set = busy.set };
        assert_true(weir_hints_find(&h, &busy, 0).len > 0);
        weir_hints_learn(&h, &other, response, 0);
    }
    assert_true(weir_hints_find(&h, &busy, 0).len > 0);
    for (uint64_t i = 100; i < 100 + 2 * WEIR_HINTS_WAYS; i++) {
        struct weir_hints_key other = { .path = { i, i }, .set = busy.set };
        weir_hints_learn(&h, &other, response, 0);
    }
    assert_int_equal(weir_hints_find(&h, &busy, 0).len, 0);
    /* What has aged makes way first, wherever the hand is. */
    struct weir_hints_key young = { .path = { 200, 200 }, .set = busy.set };
    weir_hints_learn(&h, &young, response, WEIR_HINT_AGE_MS);
    for (uint64_t i = 201; i < 200 + WEIR_HINTS_WAYS; i++) {
        struct weir_hints_key other = { .path = { i, i }, .set = busy.set };
        weir_hints_learn(&h, &other, response, WEIR_HINT_AGE_MS);
        assert_true(weir_hints_find(&h, &young, WEIR_HINT_AGE_MS).len > 0);
    }
    weir_hints_deinit(&h);
}

static void without_memory_nothing_is_learned(void **state)
{
    struct weir_hints h;
    (void)state;
    weir_hints_init(&h, &secret);
    struct weir_hints_key key = key_of(&h, "shop", "/");
    const struct weir_response_fields *response = make_response(200, STYLE);
    weir_failalloc_after(1);
    weir_hints_learn(&h, &key, response, 0);
    weir_failalloc_after(-1);
    assert_int_equal(weir_hints_find(&h, &key, 0).len, 0);
    weir_hints_learn(&h, &key, response, 0);
    weir_failalloc_after(-1);
    weir_hints_learn(&h, &key, response, 0);
    assert_int_equal(weir_failalloc_count(), 0);
    assert_true(weir_hints_find(&h, &key, 0).len > 0);
    weir_hints_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_told_what_it_linked),
        cmocka_unit_test(what_is_known_ages),
        cmocka_unit_test(a_response_without_links_makes_a_path_forgotten),
        cmocka_unit_test(what_is_for_one_client_is_not_learned),
        cmocka_unit_test(queries_are_not_told_on),
        cmocka_unit_test(only_requests_without_credentials_teach),
        cmocka_unit_test(pages_do_not_share_a_key),
        cmocka_unit_test(a_value_has_a_limit),
        cmocka_unit_test(the_paths_of_a_tenant_have_a_limit),
        cmocka_unit_test(a_path_that_is_asked_for_outlives_those_that_are_not),
        cmocka_unit_test(without_memory_nothing_is_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
