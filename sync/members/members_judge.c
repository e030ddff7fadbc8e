/* SPDX-License-Identifier: Apache-2.0
 *
 * members_judge.c - what follows from silence, and from the clocks of others. One walk over all
 * nodes, four times a second.
 */
#include "sync/members/members_judge.h"

#include "sync/members/members_table.h"

/* By how much is this node itself to blame for the silence? Nodes that were down before do not
 * count, or a cluster that lost half its nodes for good would be slow to notice for ever. */
static unsigned silence_factor(const struct weir_members *m)
{
    size_t num = 0;
    size_t num_silent = 0;

    for (size_t i = 0; i < m->num; i++) {
        const struct members_entry *e = &m->entry[i];
        if (e->item.life != WEIR_MEMBERS_ALIVE && e->item.life != WEIR_MEMBERS_SUSPECT)
            continue;
        if (weir_members_entry_is_me(m, e))
            continue;
        num++;
        num_silent += m->now_us - e->direct_us >= WEIR_MEMBERS_SUSPECT_US;
    }
    if (num < 2 || num_silent * 2 <= num)
        return 1;
    if (num_silent == num)
        return 8;
    return num_silent * 4 > num * 3 ? 4 : 2;
}

/* The number of members that seem alive, other than this node and e: they can vouch for e. */
static size_t num_others(const struct weir_members *m, const struct members_entry *e)
{
    size_t num = m->count[WEIR_MEMBERS_ALIVE] - (e->item.life == WEIR_MEMBERS_ALIVE);
    const struct weir_members_item *me = weir_members_find(m, m->cfg.node);

    return num - (me != NULL && me->life == WEIR_MEMBERS_ALIVE);
}

/* When it was last heard, by the reports of two others, or of the only other; 0: never. */
static uint64_t vouched_us(const struct weir_members *m, const struct members_entry *e)
{
    return e->report[num_others(m, e) > 1 ? 1 : 0].heard_us;
}

static enum weir_members_life life_by_silence(const struct weir_members *m, uint64_t silent_us)
{
    if (silent_us >= WEIR_MEMBERS_LOST_US)
        return WEIR_MEMBERS_LOST;
    if (silent_us >= WEIR_MEMBERS_DOWN_US * m->factor)
        return WEIR_MEMBERS_DOWN;
    return silent_us >= WEIR_MEMBERS_SUSPECT_US * m->factor ? WEIR_MEMBERS_SUSPECT
                                                            : WEIR_MEMBERS_ALIVE;
}

static void judge_by_silence(struct weir_members *m, struct members_entry *e)
{
    uint64_t reported_us = vouched_us(m, e);
    bool is_newer = reported_us > e->item.heard_us;

    if (is_newer)
        e->item.heard_us = reported_us;
    enum weir_members_life life = life_by_silence(m, m->now_us - e->item.heard_us);
    if (is_newer || life > e->item.life) /* a larger factor alone makes no node alive again */
        weir_members_entry_move(m, e, life);
}

static void drop_strangers(struct weir_members *m)
{
    for (size_t i = m->num; i > 0; i--) {
        struct members_entry *e = &m->entry[i - 1];
        if (!e->recorded && e->item.num_links == 0 &&
            m->now_us - e->direct_us >= WEIR_MEMBERS_DOWN_US)
            weir_members_entry_drop(m, e);
    }
}

static void sift_down(int64_t *a, size_t num, size_t at)
{
    for (size_t child = 2 * at + 1; child < num; child = 2 * at + 1) {
        if (child + 1 < num && a[child + 1] > a[child])
            child++;
        if (a[child] <= a[at])
            return;
        int64_t larger = a[child];
        a[child] = a[at];
        a[at] = larger;
        at = child;
    }
}

/* Heapsort: the C library's sort may ask for memory. */
static void sort_offsets(int64_t *a, size_t num)
{
    for (size_t at = num / 2; at > 0; at--)
        sift_down(a, num, at - 1);
    for (size_t end = num; end > 1; end--) {
        int64_t largest = a[0];
        a[0] = a[end - 1];
        a[end - 1] = largest;
        sift_down(a, end - 1, 0);
    }
}

static void gather_offsets(struct weir_members *m)
{
    m->num_offsets = 0;
    for (size_t i = 0; i < m->num; i++) {
        const struct members_entry *e = &m->entry[i];
        if (e->item.life == WEIR_MEMBERS_ALIVE && e->measured &&
            m->now_us - e->measured_us <= WEIR_CLOCK_KEPT_US)
            m->offset[m->num_offsets++] = e->offset_ms;
    }
    sort_offsets(m->offset, m->num_offsets);
}

void weir_members_scan(struct weir_members *m)
{
    if (m->now_us < m->scan_us)
        return;
    m->scan_us = m->now_us + WEIR_MEMBERS_SCAN_US;
    m->factor = silence_factor(m);
    for (size_t i = 0; i < m->num; i++)
        if (weir_members_entry_kind(m, &m->entry[i]) == WEIR_MEMBERS_SUSPECT)
            judge_by_silence(m, &m->entry[i]);
    drop_strangers(m);
    gather_offsets(m);
}

bool weir_members_clock_offset(const struct weir_members *m, int64_t *ret_ms)
{
    if (m->num_offsets == 0)
        return false;
    int64_t low = m->offset[(m->num_offsets - 1) / 2];
    int64_t high = m->offset[m->num_offsets / 2];
    *ret_ms = low > 0 ? low : high < 0 ? high : 0;
    return true;
}

bool weir_members_clock_off(const struct weir_members *m)
{
    int64_t offset_ms = 0;
    const struct weir_members_item *me = weir_members_find(m, m->cfg.node);
    size_t num_peers =
        m->count[WEIR_MEMBERS_ALIVE] - (me != NULL && me->life == WEIR_MEMBERS_ALIVE);

    if (m->num_offsets < 2 && num_peers > 1)
        return false;
    (void)weir_members_clock_offset(m, &offset_ms); /* none: not off */
    return offset_ms > WEIR_CLOCK_OFF_MS || offset_ms < -WEIR_CLOCK_OFF_MS;
}

bool weir_members_level(const struct weir_members *m, uint16_t *ret_schema)
{
    uint16_t least = m->cfg.schema_max;

    for (size_t i = 0; i < m->num; i++) {
        const struct weir_members_item *item = &m->entry[i].item;
        if (item->life < WEIR_MEMBERS_ALIVE || item->life >= WEIR_MEMBERS_LOST)
            continue;
        if (item->schema_max == 0)
            return false;
        least = item->schema_max < least ? item->schema_max : least;
    }
    *ret_schema = least;
    return true;
}
