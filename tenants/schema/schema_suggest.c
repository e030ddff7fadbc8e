/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_suggest.c - "did you mean": the name that is fewest slips away from what was written.
 * A slip is a letter left out, added, changed, or two swapped. Case and "-" for "_" are no
 * slips. Limits: words of up to WORD_MAX bytes; longer ones have no suggestion.
 */
#include <stdio.h>

#include "tenants/schema/schema_text.h"

#define WORD_MAX 64

static uint8_t letter_fold(uint8_t c)
{
    return c == '-' ? '_' : weir_ascii_lower(c);
}

static size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both at most WORD_MAX bytes. */
static size_t word_distance(struct weir_span a, struct weir_span b)
{
    uint8_t rows[3][WORD_MAX + 1]; /* a distance is at most WORD_MAX */
    uint8_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t k = 0; k <= b.len; k++)
        above[k] = before[k] = (uint8_t)k;
    for (size_t i = 1; i <= a.len; i++) {
        uint8_t ca = letter_fold(a.at[i - 1]);

        row[0] = (uint8_t)i;
        for (size_t k = 1; k <= b.len; k++) {
            uint8_t cb = letter_fold(b.at[k - 1]);
            size_t d =
                size_min(size_min(above[k], row[k - 1]) + 1u, above[k - 1] + (size_t)(ca != cb));

            if (i > 1 && k > 1 && ca == letter_fold(b.at[k - 2]) && cb == letter_fold(a.at[i - 2]))
                d = size_min(d, before[k - 2] + 1u);
            row[k] = (uint8_t)d;
        }
        uint8_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.len];
}

/* How many slips one makes in a word of this length without meaning another. */
static size_t slips_max(size_t len)
{
    return len <= 4 ? 1 : len <= 7 ? 2 : 3;
}

struct weir_suggest weir_suggest_begin(struct weir_span word)
{
    return (struct weir_suggest){ .word = word, .best_distance = slips_max(word.len) + 1 };
}

void weir_suggest_offer(struct weir_suggest *s, struct weir_span name)
{
    if (s->word.len > WORD_MAX || name.len > WORD_MAX || s->word.len == 0 || name.len == 0)
        return;
    size_t d = word_distance(s->word, name);

    if (d > slips_max(size_min(s->word.len, name.len)))
        return; /* of a short name, two letters are half */
    /* A name that shares no letter at its place with the word was not meant. */
    if (d < s->best_distance && d < name.len && d < s->word.len) {
        s->best_distance = d;
        s->best = name;
    }
}

struct weir_shown weir_suggest_text(const struct weir_suggest *s)
{
    struct weir_shown shown = { "" };

    if (s->best.len > 0)
        snprintf(shown.text, sizeof(shown.text), ", did you mean \"%.*s\"?", (int)s->best.len,
                 (const char *)s->best.at);
    return shown;
}
