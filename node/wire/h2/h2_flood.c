/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_flood.c - see h2_flood.h. All buckets are filled at one time, in steps of 100 ms, so that one
 * time is enough for all of them.
 */
#include "node/wire/h2/h2_flood.h"

#define STEP_MS 100

/* What a client of good will does not reach: a browser resets the streams of a page that is left
 * (about a hundred at most), gRPC pings with each window of bytes, some send a WINDOW_UPDATE for
 * each DATA frame, which those earn. A step of 100 ms adds a tenth of the rate. */
static const struct {
    const char *name;
    uint16_t burst;
    uint16_t per_step;
} kinds[] = {
    [WEIR_H2_FLOOD_RESETS] = { "resets", 100, 2 },
    [WEIR_H2_FLOOD_PINGS] = { "pings", 100, 2 },
    [WEIR_H2_FLOOD_SETTINGS] = { "settings", 32, 1 },
    [WEIR_H2_FLOOD_PRIORITIES] = { "priorities", 1000, 20 },
    [WEIR_H2_FLOOD_WINDOWS] = { "windows", 2000, 50 },
    [WEIR_H2_FLOOD_EMPTY] = { "empty", 100, 2 },
    [WEIR_H2_FLOOD_UNKNOWN] = { "unknown", 100, 2 },
    [WEIR_H2_FLOOD_HEADERS] = { "headers", 0, 0 },
    [WEIR_H2_FLOOD_ACKS] = { "acks", 0, 0 },
    [WEIR_H2_FLOOD_REFUSED] = { "refused", 120, 2 },
};
_Static_assert(WEIR_ARRAY_LEN(kinds) == WEIR_H2_FLOOD_KINDS, "a row for each kind");

void weir_h2_flood_init(struct weir_h2_flood *f, uint64_t now_ms)
{
    f->filled_ms = now_ms;
    for (size_t i = 0; i < WEIR_H2_FLOOD_KINDS; i++)
        f->tokens[i] = kinds[i].burst;
}

static void fill(struct weir_h2_flood *f, uint64_t now_ms)
{
    WEIR_DCHECK(now_ms >= f->filled_ms);
    uint64_t steps = (now_ms - f->filled_ms) / STEP_MS;
    if (steps == 0)
        return;
    f->filled_ms += steps * STEP_MS;
    for (size_t i = 0; i < WEIR_H2_FLOOD_KINDS; i++) {
        if (f->tokens[i] >= kinds[i].burst)
            continue;
        uint64_t more = f->tokens[i] + steps * kinds[i].per_step;
        f->tokens[i] = more < kinds[i].burst ? (uint32_t)more : kinds[i].burst;
    }
}

bool weir_h2_flood_take(struct weir_h2_flood *f, enum weir_h2_flood_kind kind, uint64_t now_ms)
{
    WEIR_ASSERT_CMP(kind, <, WEIR_H2_FLOOD_KINDS);
    fill(f, now_ms);
    if (f->tokens[kind] == 0)
        return false;
    f->tokens[kind]--;
    return true;
}

void weir_h2_flood_earn(struct weir_h2_flood *f, enum weir_h2_flood_kind kind, uint32_t n)
{
    WEIR_ASSERT_CMP(kind, <, WEIR_H2_FLOOD_KINDS);
    uint32_t most = 2u * kinds[kind].burst;
    uint32_t room = f->tokens[kind] < most ? most - f->tokens[kind] : 0;
    f->tokens[kind] += n < room ? n : room;
}

uint32_t weir_h2_flood_debt(struct weir_h2_flood *f, enum weir_h2_flood_kind kind, uint64_t now_ms)
{
    WEIR_ASSERT_CMP(kind, <, WEIR_H2_FLOOD_KINDS);
    fill(f, now_ms);
    return f->tokens[kind] < kinds[kind].burst ? kinds[kind].burst - f->tokens[kind] : 0;
}

const char *weir_h2_flood_name(enum weir_h2_flood_kind kind)
{
    WEIR_ASSERT_CMP(kind, <, WEIR_H2_FLOOD_KINDS);
    return kinds[kind].name;
}
