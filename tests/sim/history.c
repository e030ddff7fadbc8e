/* SPDX-License-Identifier: Apache-2.0
 *
 * history.c - the oracle.
 */
#include "tests/sim/history.h"

static const char *const texts[] = {
    [WEIR_VERDICT_OK] = "ok",
    [WEIR_VERDICT_DIVERGED] = "diverged: live records differ",
    [WEIR_VERDICT_VECTORS] = "vectors differ",
    [WEIR_VERDICT_RESURRECTED] = "resurrected: older than a covered delete, and visible",
    [WEIR_VERDICT_LOST] = "lost: covered, gone, and nothing accounts for it",
    [WEIR_VERDICT_UNDONE] = "undone: a store holds again what it purged",
    [WEIR_VERDICT_REUSED] = "reused: one dot names two writes",
    [WEIR_VERDICT_STRANGE] = "strange: a purge or an export that no write explains",
    [WEIR_VERDICT_FULL] = "history full, no verdict",
};
_Static_assert(WEIR_ARRAY_LEN(texts) == WEIR_VERDICT_COUNT, "each verdict has a text");

const char *weir_verdict_text(enum weir_verdict verdict)
{
    WEIR_ASSERT(verdict < WEIR_VERDICT_COUNT);
    return texts[verdict];
}

void weir_history_init(struct weir_history *h, struct weir_history_write *writes, size_t max)
{
    *h = (struct weir_history){ .writes = writes, .writes_max = max };
}

static bool dot_equal(struct weir_dot a, struct weir_dot b)
{
    return a.lane == b.lane && a.seq == b.seq;
}

void weir_history_note_write(struct weir_history *h, struct weir_dot dot, uint32_t key,
                             struct weir_model_version version, bool deleted)
{
    if (h->num_writes == h->writes_max) {
        h->full = true;
        return;
    }
    h->writes[h->num_writes++] = (struct weir_history_write){
        .dot = dot,
        .version = version,
        .key = key,
        .deleted = deleted,
    };
}

void weir_history_note_exported(struct weir_history *h, struct weir_dot dot)
{
    bool found = false;

    for (size_t i = 0; i < h->num_writes; i++) {
        if (dot_equal(h->writes[i].dot, dot)) {
            h->writes[i].exported = true;
            found = true;
        }
    }
    if (!found)
        h->strange = true;
}

void weir_history_note_purged(struct weir_history *h, struct weir_dot dot)
{
    bool found = false;

    for (size_t i = 0; i < h->num_writes; i++) {
        if (h->writes[i].deleted && dot_equal(h->writes[i].dot, dot)) {
            h->writes[i].purged = true;
            found = true;
        }
    }
    if (!found)
        h->strange = true;
}

static uint64_t number_of(const struct weir_history_node *node, uint32_t lane)
{
    return lane < node->num_lanes ? node->vv[lane] : 0;
}

/* Live on both with the same write, or live on neither. */
static bool looks_equal(const struct weir_model_record *a, const struct weir_model_record *b)
{
    bool a_live = a->present && !a->deleted;
    bool b_live = b->present && !b->deleted;

    if (!a_live || !b_live)
        return a_live == b_live;
    return weir_model_version_compare(a->version, b->version) == 0 && dot_equal(a->dot, b->dot) &&
           a->value == b->value;
}

static struct weir_finding judge_converged(const struct weir_history_final *final)
{
    for (size_t n = 1; n < final->num_nodes; n++) {
        for (uint32_t key = 0; key < final->num_keys; key++) {
            if (!looks_equal(&final->nodes[n].records[key], &final->nodes[0].records[key]))
                return (struct weir_finding){
                    .verdict = WEIR_VERDICT_DIVERGED,
                    .node = n,
                    .key = key,
                };
        }
    }
    return (struct weir_finding){ .verdict = WEIR_VERDICT_OK };
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
                    .verdict = WEIR_VERDICT_VECTORS,
                    .node = n,
                    .dot = { lane, number_of(node, lane) },
                };
        }
    }
    return (struct weir_finding){ .verdict = WEIR_VERDICT_OK };
}

/* Whether a newer delete of the same key is still held somewhere, or was purged by somebody. */
static bool delete_accounts(const struct weir_history *h, const struct weir_history_final *final,
                            const struct weir_history_write *w)
{
    for (size_t n = 0; n < final->num_nodes; n++) {
        const struct weir_model_record *r = &final->nodes[n].records[w->key];
        if (r->present && r->deleted && weir_model_version_compare(r->version, w->version) > 0)
            return true;
    }
    for (size_t i = 0; i < h->num_writes; i++) {
        const struct weir_history_write *other = &h->writes[i];
        if (other->purged && other->key == w->key &&
            weir_model_version_compare(other->version, w->version) > 0)
            return true;
    }
    return false;
}

static enum weir_verdict judge_write(const struct weir_history *h,
                                     const struct weir_history_final *final,
                                     const struct weir_history_write *w)
{
    const struct weir_model_record *r = &final->nodes[0].records[w->key];
    bool live = r->present && !r->deleted;

    WEIR_ASSERT(w->key < final->num_keys);
    if (number_of(&final->nodes[0], w->dot.lane) < w->dot.seq)
        return WEIR_VERDICT_OK;
    if (live && weir_model_version_compare(r->version, w->version) >= 0)
        return WEIR_VERDICT_OK;
    if (w->deleted)
        return live ? WEIR_VERDICT_RESURRECTED : WEIR_VERDICT_OK;
    if (delete_accounts(h, final, w) || w->exported)
        return WEIR_VERDICT_OK;
    return WEIR_VERDICT_LOST;
}

static enum weir_verdict judge_notes(const struct weir_history *h)
{
    if (h->full)
        return WEIR_VERDICT_FULL;
    return h->strange ? WEIR_VERDICT_STRANGE : WEIR_VERDICT_OK;
}

/* Writes of a lane come in order of seq, so a number that does not rise has been used before. */
static bool is_reused(const struct weir_history *h, size_t at)
{
    for (size_t i = at; i-- > 0;) {
        if (h->writes[i].dot.lane == h->writes[at].dot.lane)
            return h->writes[i].dot.seq >= h->writes[at].dot.seq;
    }
    return false;
}

struct weir_finding weir_history_judge(const struct weir_history *h,
                                       const struct weir_history_final *final)
{
    struct weir_finding found;

    WEIR_ASSERT(final->num_nodes > 0);
    found = judge_converged(final);
    if (found.verdict == WEIR_VERDICT_OK)
        found = judge_vectors(final);
    for (size_t i = 0; i < h->num_writes && found.verdict == WEIR_VERDICT_OK; i++) {
        const struct weir_history_write *w = &h->writes[i];
        found.verdict = judge_write(h, final, w);
        found.key = w->key;
        found.dot = w->dot;
    }
    for (size_t i = 0; i < h->num_writes && found.verdict == WEIR_VERDICT_OK; i++) {
        found.key = h->writes[i].key;
        found.dot = h->writes[i].dot;
        if (is_reused(h, i))
            found.verdict = WEIR_VERDICT_REUSED;
    }
    if (found.verdict == WEIR_VERDICT_OK)
        found = (struct weir_finding){ .verdict = judge_notes(h) };
    return found;
}
