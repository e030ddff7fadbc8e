/* SPDX-License-Identifier: Apache-2.0
 *
 * history.c - the oracle.
 */
#include "tests/sim/oracle/history.h"

#include <string.h>

#include "node/base/hash.h"

static const char *const texts[] = {
    [WEIR_FINDING_OK] = "ok",
    [WEIR_FINDING_DIVERGED] = "diverged: live records differ",
    [WEIR_FINDING_VECTORS] = "vectors differ",
    [WEIR_FINDING_RESURRECTED] = "resurrected: older than a covered delete, and visible",
    [WEIR_FINDING_LOST] = "lost: covered, gone, and nothing accounts for it",
    [WEIR_FINDING_REUSED] = "reused: one dot names two writes",
    [WEIR_FINDING_STRANGE] = "strange: a purge or an export that no write explains",
    [WEIR_FINDING_FULL] = "history full, no finding",
};
_Static_assert(WEIR_ARRAY_LEN(texts) == WEIR_FINDING_COUNT, "each finding has a text");

const char *weir_finding_text(enum weir_finding_kind kind)
{
    WEIR_ASSERT(kind < WEIR_FINDING_COUNT);
    return texts[kind];
}

void weir_history_init(struct weir_history *h, struct weir_history_write *writes, uint32_t *slots,
                       unsigned max_log2)
{
    WEIR_ASSERT(max_log2 < 29);
    *h = (struct weir_history){
        .writes = writes,
        .writes_max = (size_t)1 << max_log2,
        .slots = slots,
        .num_slots = WEIR_HISTORY_SLOTS(max_log2),
    };
    memset(slots, 0, h->num_slots * sizeof(*slots));
}

/* <0, 0, >0 as a is older than, equal to, newer than b. */
static int version_compare(struct weir_history_version a, struct weir_history_version b)
{
    if (a.hlc != b.hlc)
        return a.hlc < b.hlc ? -1 : 1;
    if (a.tie != b.tie)
        return a.tie < b.tie ? -1 : 1;
    return 0;
}

static bool dot_equal(struct weir_history_dot a, struct weir_history_dot b)
{
    return a.lane == b.lane && a.seq == b.seq;
}

/* The slot of a dot: the write that has it, or the free one where it belongs. */
static uint32_t *slot_of_dot(const struct weir_history *h, struct weir_history_dot dot)
{
    uint32_t half = h->num_slots / 2;
    uint32_t at = (uint32_t)weir_mix64(dot.lane ^ weir_mix64(dot.seq)) & (half - 1);

    while (h->slots[at] != 0 && !dot_equal(h->writes[h->slots[at] - 1].dot, dot))
        at = (at + 1) & (half - 1);
    return &h->slots[at];
}

/* The slot of a key: its last write. */
static uint32_t *slot_of_key(const struct weir_history *h, uint32_t key)
{
    uint32_t half = h->num_slots / 2;
    uint32_t *keys = h->slots + half;
    uint32_t at = (uint32_t)weir_mix64(key) & (half - 1);

    while (keys[at] != 0 && h->writes[keys[at] - 1].key != key)
        at = (at + 1) & (half - 1);
    return &keys[at];
}

void weir_history_note_write(struct weir_history *h, struct weir_history_dot dot, uint32_t key,
                             struct weir_history_version version, bool deleted)
{
    if (h->num_writes == h->writes_max) {
        h->full = true;
        return;
    }
    uint32_t *by_dot = slot_of_dot(h, dot);
    uint32_t *by_key = slot_of_key(h, key);
    h->writes[h->num_writes] = (struct weir_history_write){
        .dot = dot,
        .version = version,
        .key = key,
        .deleted = deleted,
        .reused = *by_dot != 0,
        .before = *by_key,
    };
    h->num_writes++;
    *by_dot = (uint32_t)h->num_writes;
    *by_key = (uint32_t)h->num_writes;
}

void weir_history_note_exported(struct weir_history *h, struct weir_history_dot dot)
{
    uint32_t at = *slot_of_dot(h, dot);

    if (at == 0)
        h->strange = true;
    else
        h->writes[at - 1].exported = true;
}

void weir_history_note_purged(struct weir_history *h, struct weir_history_dot dot)
{
    uint32_t at = *slot_of_dot(h, dot);

    if (at == 0 || !h->writes[at - 1].deleted)
        h->strange = true;
    else
        h->writes[at - 1].purged = true;
}

static uint64_t number_of(const struct weir_history_node *node, uint32_t lane)
{
    return lane < node->num_lanes ? node->vv[lane] : 0;
}

/* Live on both with the same write, or live on neither. */
static bool records_equal(const struct weir_history_record *a, const struct weir_history_record *b)
{
    bool a_live = a->present && !a->deleted;
    bool b_live = b->present && !b->deleted;

    if (!a_live || !b_live)
        return a_live == b_live;
    return version_compare(a->version, b->version) == 0 && dot_equal(a->dot, b->dot) &&
           a->value == b->value;
}

static struct weir_finding judge_converged(const struct weir_history_final *final)
{
    for (size_t n = 1; n < final->num_nodes; n++) {
        for (uint32_t key = 0; key < final->num_keys; key++) {
            if (!records_equal(&final->nodes[n].records[key], &final->nodes[0].records[key]))
                return (struct weir_finding){
                    .kind = WEIR_FINDING_DIVERGED,
                    .node = n,
                    .key = key,
                };
        }
    }
    return (struct weir_finding){ .kind = WEIR_FINDING_OK };
}

static struct weir_finding judge_vectors(const struct weir_history_final *final)
{
    const struct weir_history_node *first = &final->nodes[0];

    for (size_t n = 1; n < final->num_nodes; n++) {
        const struct weir_history_node *node = &final->nodes[n];
        uint32_t num_lanes =
            node->num_lanes > first->num_lanes ? node->num_lanes : first->num_lanes;
        for (uint32_t lane = 0; lane < num_lanes; lane++) {
            if (number_of(node, lane) != number_of(first, lane))
                return (struct weir_finding){
                    .kind = WEIR_FINDING_VECTORS,
                    .node = n,
                    .dot = { lane, number_of(node, lane) },
                };
        }
    }
    return (struct weir_finding){ .kind = WEIR_FINDING_OK };
}

/* Whether a node still holds a newer delete of the same key, or purged one. */
static bool delete_accounts(const struct weir_history *h, const struct weir_history_final *final,
                            const struct weir_history_write *w)
{
    for (size_t n = 0; n < final->num_nodes; n++) {
        const struct weir_history_record *r = &final->nodes[n].records[w->key];
        if (r->present && r->deleted && version_compare(r->version, w->version) > 0)
            return true;
    }
    for (uint32_t at = *slot_of_key(h, w->key); at != 0; at = h->writes[at - 1].before) {
        const struct weir_history_write *other = &h->writes[at - 1];
        if (other->purged && version_compare(other->version, w->version) > 0)
            return true;
    }
    return false;
}

static enum weir_finding_kind judge_write(const struct weir_history *h,
                                          const struct weir_history_final *final,
                                          const struct weir_history_write *w)
{
    const struct weir_history_record *r = &final->nodes[0].records[w->key];
    bool live = r->present && !r->deleted;

    WEIR_ASSERT(w->key < final->num_keys);
    if (number_of(&final->nodes[0], w->dot.lane) < w->dot.seq)
        return WEIR_FINDING_OK;
    if (live && version_compare(r->version, w->version) >= 0)
        return WEIR_FINDING_OK;
    if (w->deleted)
        return live && !w->exported ? WEIR_FINDING_RESURRECTED : WEIR_FINDING_OK;
    if (delete_accounts(h, final, w) || w->exported)
        return WEIR_FINDING_OK;
    return WEIR_FINDING_LOST;
}

static enum weir_finding_kind judge_notes(const struct weir_history *h)
{
    if (h->full)
        return WEIR_FINDING_FULL;
    return h->strange ? WEIR_FINDING_STRANGE : WEIR_FINDING_OK;
}

struct weir_finding weir_history_judge(const struct weir_history *h,
                                       const struct weir_history_final *final)
{
    struct weir_finding found;

    WEIR_ASSERT(final->num_nodes > 0);
    found = judge_converged(final);
    if (found.kind == WEIR_FINDING_OK)
        found = judge_vectors(final);
    for (size_t i = 0; i < h->num_writes && found.kind == WEIR_FINDING_OK; i++) {
        const struct weir_history_write *w = &h->writes[i];
        found.kind = judge_write(h, final, w);
        found.key = w->key;
        found.dot = w->dot;
    }
    for (size_t i = 0; i < h->num_writes && found.kind == WEIR_FINDING_OK; i++) {
        found.key = h->writes[i].key;
        found.dot = h->writes[i].dot;
        if (h->writes[i].reused)
            found.kind = WEIR_FINDING_REUSED;
    }
    if (found.kind == WEIR_FINDING_OK)
        found = (struct weir_finding){ .kind = judge_notes(h) };
    return found;
}
