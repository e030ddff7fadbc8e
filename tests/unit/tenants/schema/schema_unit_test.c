/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_unit_test.c - durations, sizes, rates and plain numbers: one reading each, and the way
 * back.
 */
#include "node/base/rng.h"
#include "tenants/schema/schema_unit.h"
#include "tests/support/schemas.h"

struct example {
    enum weir_unit unit;
    const char *text;
    uint64_t value;
    const char *shortest; /* NULL: the text itself */
};

static void texts_with_units_are_read_and_written_back(void **state)
{
    static const struct example examples[] = {
        { WEIR_UNIT_MS, "0", 0, NULL },
        { WEIR_UNIT_MS, "0s", 0, "0" },
        { WEIR_UNIT_MS, "500ms", 500, NULL },
        { WEIR_UNIT_MS, "5s", 5000, NULL },
        { WEIR_UNIT_MS, "15m", 900000, NULL },
        { WEIR_UNIT_MS, "24h", 86400000, NULL },
        { WEIR_UNIT_MS, "1m30s", 90000, "90s" },
        { WEIR_UNIT_MS, "1d2h3m4s5ms", 93784005, "93784005ms" },
        { WEIR_UNIT_MS, "60s", 60000, "1m" },
        { WEIR_UNIT_MS, "1500ms", 1500, NULL },
        { WEIR_UNIT_MS, "2d", 172800000, "48h" },
        { WEIR_UNIT_BYTES, "0", 0, NULL },
        { WEIR_UNIT_BYTES, "512", 512, NULL },
        { WEIR_UNIT_BYTES, "512B", 512, "512" },
        { WEIR_UNIT_BYTES, "64KiB", 65536, NULL },
        { WEIR_UNIT_BYTES, "65536", 65536, "64KiB" },
        { WEIR_UNIT_BYTES, "1GiB", 1u << 30, NULL },
        { WEIR_UNIT_BYTES, "1024MiB", 1u << 30, "1GiB" },
        { WEIR_UNIT_BYTES, "3TiB", 3ull << 40, NULL },
        { WEIR_UNIT_BYTES, "18446744073709551615", UINT64_MAX, NULL },
        { WEIR_UNIT_BYTES_PER_S, "0", 0, NULL },
        { WEIR_UNIT_BYTES_PER_S, "500B/s", 500, NULL },
        { WEIR_UNIT_BYTES_PER_S, "2KiB/s", 2048, NULL },
        { WEIR_UNIT_BYTES_PER_S, "2048B/s", 2048, "2KiB/s" },
        { WEIR_UNIT_PER_S, "50/s", 50, NULL },
        { WEIR_UNIT_PER_S, "0/s", 0, "0" },
        { WEIR_UNIT_NONE, "70000", 70000, NULL },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];
        uint64_t value = 77;
        assert_int_equal(weir_unit_parse(e->unit, weir_span_cstr(e->text), &value), WEIR_OK);
        assert_int_equal(value, e->value);
        assert_string_equal(weir_unit_text(e->unit, value).text,
                            e->shortest != NULL ? e->shortest : e->text);
    }
}

static void other_texts_are_refused_and_leave_the_result_alone(void **state)
{
    static const struct example bad[] = {
        { WEIR_UNIT_MS, "", 0, NULL },
        { WEIR_UNIT_MS, "5", 0, NULL },
        { WEIR_UNIT_MS, "5 s", 0, NULL },
        { WEIR_UNIT_MS, " 5s", 0, NULL },
        { WEIR_UNIT_MS, "5s ", 0, NULL },
        { WEIR_UNIT_MS, "-5s", 0, NULL },
        { WEIR_UNIT_MS, "+5s", 0, NULL },
        { WEIR_UNIT_MS, "05s", 0, NULL },
        { WEIR_UNIT_MS, "1.5s", 0, NULL },
        { WEIR_UNIT_MS, "5S", 0, NULL },
        { WEIR_UNIT_MS, "30s1m", 0, NULL },
        { WEIR_UNIT_MS, "1s1s", 0, NULL },
        { WEIR_UNIT_MS, "s", 0, NULL },
        { WEIR_UNIT_MS, "1s2", 0, NULL },
        { WEIR_UNIT_MS, "5us", 0, NULL },
        { WEIR_UNIT_BYTES, "64KB", 0, NULL },
        { WEIR_UNIT_BYTES, "64kib", 0, NULL },
        { WEIR_UNIT_BYTES, "64 KiB", 0, NULL },
        { WEIR_UNIT_BYTES, "64K", 0, NULL },
        { WEIR_UNIT_BYTES, "1MiB1KiB", 0, NULL },
        { WEIR_UNIT_BYTES, "0x10", 0, NULL },
        { WEIR_UNIT_BYTES_PER_S, "500", 0, NULL },
        { WEIR_UNIT_BYTES_PER_S, "500/s", 0, NULL },
        { WEIR_UNIT_BYTES_PER_S, "500B", 0, NULL },
        { WEIR_UNIT_BYTES_PER_S, "/s", 0, NULL },
        { WEIR_UNIT_PER_S, "50", 0, NULL },
        { WEIR_UNIT_PER_S, "50/m", 0, NULL },
        { WEIR_UNIT_NONE, "", 0, NULL },
        { WEIR_UNIT_NONE, "1e3", 0, NULL },
        { WEIR_UNIT_NONE, "007", 0, NULL },
        { WEIR_UNIT_NONE, "1_000", 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        uint64_t value = 77;
        assert_int_equal(weir_unit_parse(bad[i].unit, weir_span_cstr(bad[i].text), &value),
                         WEIR_EINVAL);
        assert_int_equal(value, 77);
    }
}

static void what_does_not_fit_64_bits_has_an_error_of_its_own(void **state)
{
    static const struct example big[] = {
        { WEIR_UNIT_NONE, "18446744073709551616", 0, NULL },
        { WEIR_UNIT_NONE, "99999999999999999999999999999999", 0, NULL },
        { WEIR_UNIT_MS, "18446744073709552s", 0, NULL },
        { WEIR_UNIT_MS, "18446744073709551s616ms", 0, NULL },
        { WEIR_UNIT_BYTES, "16777216TiB", 0, NULL },
        { WEIR_UNIT_BYTES, "18446744073709551616", 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(big); i++) {
        uint64_t value = 77;
        assert_int_equal(weir_unit_parse(big[i].unit, weir_span_cstr(big[i].text), &value),
                         WEIR_ELIMIT);
        assert_int_equal(value, 77);
        if (big[i].unit == WEIR_UNIT_MS)
            assert_int_equal(weir_schema_parse_duration(weir_span_cstr(big[i].text), &value),
                             WEIR_EINVAL);
    }
}

static void every_value_comes_back_from_its_text(void **state)
{
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = weir_rng_next(&rng) >> weir_rng_below(&rng, 64);
        uint64_t back = 0;
        enum weir_unit unit = (enum weir_unit)weir_rng_below(&rng, WEIR_UNIT_PER_S + 1);

        value <<= weir_rng_below(&rng, 2) ? weir_rng_below(&rng, 40) : 0;
        struct weir_unit_text text = weir_unit_text(unit, value);
        assert_int_equal(weir_unit_parse(unit, weir_span_cstr(text.text), &back), WEIR_OK);
        assert_true(back == value);
        /* Cut anywhere, it is another value or none, and nothing is read beyond its end. */
        for (size_t len = 0; len < strlen(text.text); len++) {
            char *cut = malloc(len + 1);
            memcpy(cut, text.text, len);
            if (weir_unit_parse(unit, weir_span(cut, len), &back) == WEIR_OK)
                assert_true(value == 0 || back != value);
            free(cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_with_units_are_read_and_written_back),
        cmocka_unit_test(other_texts_are_refused_and_leave_the_result_alone),
        cmocka_unit_test(what_does_not_fit_64_bits_has_an_error_of_its_own),
        cmocka_unit_test(every_value_comes_back_from_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
