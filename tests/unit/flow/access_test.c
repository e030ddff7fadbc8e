/* SPDX-License-Identifier: Apache-2.0
 *
 * access_test.c - access records: their fields, their escapes, and that any content fits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/flow/access.h"

/** The record as text, written into room that ends right behind WEIR_ACCESS_MAX. */
static char *written(const struct weir_access *a)
{
    uint8_t *room = malloc(WEIR_ACCESS_MAX);
    char *text = malloc(WEIR_ACCESS_MAX + 1);

    assert_non_null(room);
    assert_non_null(text);
    size_t len = weir_access_write(a, room, WEIR_ACCESS_MAX);
    assert_in_range(len, 1, WEIR_ACCESS_MAX);
    memcpy(text, room, len);
    text[len] = '\0';
    free(room);
    return text;
}

static void a_record_is_one_line_with_every_field(void **state)
{
    struct weir_access a = {
        .wall_ms = 1795233351123ull,
        .tenant = WEIR_SPAN_LIT("shop"),
        .client = WEIR_SPAN_LIT("198.51.100.7"),
        .client_port = 40000,
        .local = WEIR_SPAN_LIT("192.0.2.1:80"),
        .scheme = WEIR_SPAN_LIT("http"),
        .host = WEIR_SPAN_LIT("shop.example.com"),
        .method = WEIR_SPAN_LIT("GET"),
        .path = WEIR_SPAN_LIT("/a?b=c"),
        .protocol = WEIR_SPAN_LIT("HTTP/1.1"),
        .status = 200,
        .outcome = WEIR_OUTCOME_UPSTREAM_CUT,
        .fault = WEIR_SPAN_LIT("status_line"),
        .upstream = WEIR_SPAN_LIT("web"),
        .endpoint = WEIR_SPAN_LIT("10.0.0.1:8080"),
        .reused = true,
        .tries = 1,
        .request_bytes = 10,
        .response_bytes = 18446744073709551615ull,
        .queue_us = 1,
        .connect_us = 22,
        .first_byte_us = 333,
        .total_us = 4444,
        .request_id = WEIR_SPAN_LIT("0123456789abcdef"),
        .user_agent = WEIR_SPAN_LIT("curl/8"),
        .referer = WEIR_SPAN_LIT("https://ref.example/"),
    };
    char *text = written(&a);

    (void)state;
    assert_string_equal(
        text,
        "{\"time\":\"2026-11-21T03:55:51.123Z\",\"tenant\":\"shop\",\"client\":\"198.51.100.7\","
        "\"client_port\":40000,\"local\":\"192.0.2.1:80\",\"scheme\":\"http\","
        "\"host\":\"shop.example.com\",\"method\":\"GET\",\"path\":\"/a?b=c\","
        "\"protocol\":\"HTTP/1.1\",\"status\":200,\"outcome\":\"upstream_cut\","
        "\"fault\":\"status_line\",\"upstream\":\"web\",\"endpoint\":\"10.0.0.1:8080\","
        "\"reused\":true,\"tries\":1,\"request_bytes\":10,"
        "\"response_bytes\":18446744073709551615,\"queue_us\":1,\"connect_us\":22,"
        "\"first_byte_us\":333,\"total_us\":4444,\"request_id\":\"0123456789abcdef\","
        "\"user_agent\":\"curl/8\",\"referer\":\"https://ref.example/\"}\n");
    free(text);
}

static void what_carries_nothing_is_left_out(void **state)
{
    struct weir_access a = { .outcome = WEIR_OUTCOME_CLIENT_GONE };
    char *text = written(&a);

    (void)state;
    assert_string_equal(
        text,
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"outcome\":\"client_gone\",\"total_us\":0}\n");
    free(text);
}

static void the_local_address_is_the_right_one_whatever_was_before(void **state)
{
    static const char *const texts[] = { "192.0.2.1:80", "192.0.2.1:80", "192.0.2.1:8080",
                                         "[2001:db8::1]:80", "192.0.2.1:80" };
    struct weir_access_local last = { .len = 0 };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        struct weir_addr a;
        assert_int_equal(weir_addr_parse(weir_span_cstr(texts[i]), &a), WEIR_OK);
        assert_true(weir_span_eq(weir_access_local_text(&last, &a), weir_span_cstr(texts[i])));
    }
}

/** The value of a field as it is written, without its quotes. */
static char *value_of(const char *text, const char *name)
{
    char begin[64];

    snprintf(begin, sizeof(begin), "\"%s\":\"", name);
    const char *at = strstr(text, begin);
    assert_non_null(at);
    at += strlen(begin);
    char *value = strndup(at, strcspn(at, "\""));
    assert_non_null(value);
    return value;
}

/** The form that a byte must have in a record. */
static size_t naive_escape(uint8_t b, char out[7])
{
    if (b >= 0x20 && b <= 0x7e && b != '"' && b != '\\')
        return (size_t)snprintf(out, 7, "%c", b);
    return (size_t)snprintf(out, 7, "\\u%04x", b);
}

static void assert_written_as_naive(struct weir_span s)
{
    char expected[300], one[7];
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        size_t n = naive_escape(s.at[i], one);
        memcpy(expected + len, one, n);
        len += n;
    }
    expected[len] = '\0';
    struct weir_access a = { .user_agent = s };
    char *text = written(&a), *value = value_of(text, "user_agent");
    assert_string_equal(value, expected);
    free(value);
    free(text);
}

static void every_byte_is_written_right_at_every_place(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 256; b++)
        for (size_t len = 1; len <= 20; len++)
            for (size_t at = 0; at < len; at++) {
                uint8_t *bytes = malloc(len); /* its own block: a byte read behind it is seen */
                assert_non_null(bytes);
                memset(bytes, 'a', len);
                bytes[at] = (uint8_t)b;
                assert_written_as_naive(weir_span(bytes, len));
                free(bytes);
            }
}

static void records_of_one_writer_share_the_text_of_their_time(void **state)
{
    static const uint64_t times[] = { 0, 0, 1, 1, 1795233351123ull, 1795233351123ull, 999, 0 };
    struct weir_access_time last = { .wall_ms = 0 };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(times); i++) {
        struct weir_access alone = { .wall_ms = times[i] };
        struct weir_access a = { .wall_ms = times[i], .last_time = &last };
        char *expected = written(&alone), *text = written(&a);
        assert_string_equal(text, expected);
        assert_int_equal(last.wall_ms, times[i]);
        free(text);
        free(expected);
    }
}

static void random_bytes_are_written_as_a_naive_writer_does(void **state)
{
    char expected[WEIR_ACCESS_PATH_MAX + 8], one[7];
    uint8_t bytes[1200];
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 6);
    for (unsigned turn = 0; turn < 2000; turn++) {
        size_t num = weir_rng_below(&rng, sizeof(bytes)), len = 0, i = 0;
        for (size_t k = 0; k < num; k++)
            bytes[k] = (uint8_t)(turn % 3 == 0   ? weir_rng_next(&rng)
                                 : turn % 3 == 1 ? 'a' + weir_rng_below(&rng, 26)
                                                 : 0x1e + weir_rng_below(&rng, 99));
        for (; i < num; i++) {
            size_t n = naive_escape(bytes[i], one);
            if (len + n > WEIR_ACCESS_PATH_MAX)
                break;
            memcpy(expected + len, one, n);
            len += n;
        }
        memcpy(expected + len, i < num ? "..." : "", i < num ? 4 : 1);
        if (num == 0)
            continue;
        struct weir_access a = { .path = weir_span(bytes, num) };
        char *text = written(&a), *value = value_of(text, "path");
        assert_string_equal(value, expected);
        free(value);
        free(text);
    }
}

static void texts_are_whole_at_their_limit_and_marked_one_beyond(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        size_t max;
    } fields[] = {
        { "path", offsetof(struct weir_access, path), WEIR_ACCESS_PATH_MAX },
        { "user_agent", offsetof(struct weir_access, user_agent), WEIR_ACCESS_LONG_MAX },
        { "referer", offsetof(struct weir_access, referer), WEIR_ACCESS_LONG_MAX },
        { "host", offsetof(struct weir_access, host), WEIR_ACCESS_LONG_MAX },
        { "endpoint", offsetof(struct weir_access, endpoint), WEIR_ACCESS_LONG_MAX },
        { "tenant", offsetof(struct weir_access, tenant), WEIR_ACCESS_TEXT_MAX },
        { "method", offsetof(struct weir_access, method), WEIR_ACCESS_TEXT_MAX },
        { "request_id", offsetof(struct weir_access, request_id), WEIR_ACCESS_TEXT_MAX },
    };
    char bytes[2000];

    (void)state;
    memset(bytes, 'm', sizeof(bytes));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++)
        for (size_t beyond = 0; beyond < 3; beyond++) {
            struct weir_access a = { .status = 200 };
            struct weir_span s = weir_span(bytes, fields[i].max + beyond);
            memcpy((char *)&a + fields[i].at, &s, sizeof(s));
            char *text = written(&a), *value = value_of(text, fields[i].name);
            assert_int_equal(strlen(value), fields[i].max + (beyond ? 3 : 0));
            assert_int_equal(strspn(value, "m"), fields[i].max);
            free(value);
            free(text);
        }
}

static void the_worst_record_fits_and_less_room_is_refused(void **state)
{
    uint8_t bytes[4000], room[WEIR_ACCESS_MAX];
    struct weir_span s = weir_span(bytes, sizeof(bytes));
    struct weir_access a = {
        .wall_ms = UINT64_MAX,
        .tenant = s,
        .client = s,
        .client_port = 65535,
        .local = s,
        .scheme = s,
        .host = s,
        .method = s,
        .path = s,
        .protocol = s,
        .status = 65535,
        .outcome = WEIR_OUTCOME_UPSTREAM_MALFORMED,
        .fault = s,
        .upstream = s,
        .endpoint = s,
        .reused = true,
        .tries = 255,
        .request_bytes = UINT64_MAX,
        .response_bytes = UINT64_MAX,
        .queue_us = UINT64_MAX,
        .connect_us = UINT64_MAX,
        .first_byte_us = UINT64_MAX,
        .total_us = UINT64_MAX,
        .request_id = s,
        .user_agent = s,
        .referer = s,
    };

    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        memset(bytes, (int)b, sizeof(bytes));
        free(written(&a));
    }
    assert_int_equal(weir_access_write(&a, room, WEIR_ACCESS_MAX - 1), 0);
    assert_int_equal(weir_access_write(&a, room, 0), 0);
}

static void every_outcome_has_its_own_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WEIR_OUTCOME_COUNT; i++) {
        const char *name = weir_access_outcome_name((enum weir_access_outcome)i);

        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(name, weir_access_outcome_name((enum weir_access_outcome)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_line_with_every_field),
        cmocka_unit_test(what_carries_nothing_is_left_out),
        cmocka_unit_test(every_byte_is_written_right_at_every_place),
        cmocka_unit_test(the_local_address_is_the_right_one_whatever_was_before),
        cmocka_unit_test(records_of_one_writer_share_the_text_of_their_time),
        cmocka_unit_test(random_bytes_are_written_as_a_naive_writer_does),
        cmocka_unit_test(texts_are_whole_at_their_limit_and_marked_one_beyond),
        cmocka_unit_test(the_worst_record_fits_and_less_room_is_refused),
        cmocka_unit_test(every_outcome_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
