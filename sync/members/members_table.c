/* SPDX-License-Identifier: Apache-2.0
 *
 * members_table.c - the table of nodes, ascending by id, and the one place where a life changes.
 */
#include "sync/members/members_table.h"

#include <stdlib.h>
#include <string.h>

#include "sync/version/sorted.h"

#define CAP_MIN   8
#define NODES_MAX (WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX)

#define BIT(life) (1u << (life))

/* The lives that a record of a node, or its removal, can lead to. */
#define BY_RECORD                                                                                  \
    (BIT(WEIR_MEMBERS_STRANGER) | BIT(WEIR_MEMBERS_ALIVE) | BIT(WEIR_MEMBERS_SUSPECT) |            \
     BIT(WEIR_MEMBERS_LEFT) | BIT(WEIR_MEMBERS_EVICTED))
/* The lives that the silence of a node, or the end of it, can lead to. */
#define BY_SILENCE                                                                                 \
    (BIT(WEIR_MEMBERS_ALIVE) | BIT(WEIR_MEMBERS_SUSPECT) | BIT(WEIR_MEMBERS_DOWN) |                \
     BIT(WEIR_MEMBERS_LOST))

/* From each life to where a node may move, and itself. Only members are judged by
 * their silence. */
static const unsigned moves[] = {
    [WEIR_MEMBERS_STRANGER] = BY_RECORD,
    [WEIR_MEMBERS_ALIVE] = BY_RECORD | BY_SILENCE,
    [WEIR_MEMBERS_SUSPECT] = BY_RECORD | BY_SILENCE,
    [WEIR_MEMBERS_DOWN] = BY_RECORD | BY_SILENCE,
    [WEIR_MEMBERS_LOST] = BY_RECORD | BY_SILENCE,
    [WEIR_MEMBERS_LEFT] = BY_RECORD,
    [WEIR_MEMBERS_EVICTED] = BY_RECORD,
};
_Static_assert(WEIR_ARRAY_LEN(moves) == WEIR_MEMBERS_NUM_LIVES, "each life has its moves");

enum weir_err weir_members_new(const struct weir_members_config *cfg, struct weir_members **ret)
{
    struct weir_members *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return WEIR_ENOMEM;
    m->cfg = *cfg;
    m->now_us = cfg->mono_us;
    m->scan_us = m->now_us + WEIR_MEMBERS_SCAN_US;
    m->factor = 1;
    *ret = m;
    return WEIR_OK;
}

void weir_members_free(struct weir_members **m)
{
    if (*m != NULL) {
        free((*m)->entry);
        free((*m)->offset);
    }
    free(*m);
    *m = NULL;
}

/* Position of the first entry that is not below `node`. */
size_t weir_members_entry_position(const struct weir_members *m,
                                   const uint8_t node[WEIR_NODE_ID_LEN])
{
    return weir_sorted_position(m->entry, m->num, sizeof(m->entry[0]), node, WEIR_NODE_ID_LEN);
}

struct members_entry *weir_members_entry_find(const struct weir_members *m,
                                              const uint8_t node[WEIR_NODE_ID_LEN])
{
    size_t at = weir_members_entry_position(m, node);
    bool there = at < m->num && memcmp(m->entry[at].item.node, node, WEIR_NODE_ID_LEN) == 0;

    return there ? &m->entry[at] : NULL;
}

static enum weir_err reserve_entry(struct weir_members *m)
{
    size_t cap = m->cap > 0 ? 2 * m->cap : CAP_MIN;

    if (m->num >= NODES_MAX)
        return WEIR_ELIMIT;
    if (m->num < m->cap)
        return WEIR_OK;
    struct members_entry *entry = realloc(m->entry, cap * sizeof(*entry));
    if (entry == NULL)
        return WEIR_ENOMEM;
    m->entry = entry;
    int64_t *offset = realloc(m->offset, cap * sizeof(*offset));
    if (offset == NULL)
        return WEIR_ENOMEM;
    m->offset = offset;
    m->cap = cap;
    return WEIR_OK;
}

/* A new entry: a stranger, met now. */
enum weir_err weir_members_entry_add(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN],
                                     struct members_entry **ret)
{
    enum weir_err err = reserve_entry(m);
    if (err < 0)
        return err;
    size_t at = weir_members_entry_position(m, node);
    struct members_entry *e = &m->entry[at];
    memmove(e + 1, e, (m->num - at) * sizeof(*e));
    *e = (struct members_entry){
        .item = { .life = WEIR_MEMBERS_STRANGER, .heard_us = m->now_us },
        .direct_us = m->now_us,
    };
    memcpy(e->item.node, node, WEIR_NODE_ID_LEN);
    m->num++;
    m->count[WEIR_MEMBERS_STRANGER]++;
    *ret = e;
    return WEIR_OK;
}

void weir_members_entry_drop(struct weir_members *m, struct members_entry *e)
{
    size_t at = (size_t)(e - m->entry);

    WEIR_ASSERT(!e->recorded);
    m->count[WEIR_MEMBERS_STRANGER]--;
    m->num--;
    memmove(e, e + 1, (m->num - at) * sizeof(*e));
}

bool weir_members_entry_is_me(const struct weir_members *m, const struct members_entry *e)
{
    return memcmp(e->item.node, m->cfg.node, WEIR_NODE_ID_LEN) == 0;
}

enum weir_members_life weir_members_entry_kind(const struct weir_members *m,
                                               const struct members_entry *e)
{
    if (!e->recorded)
        return WEIR_MEMBERS_STRANGER;
    if (e->state == WEIR_MEMBER_LEFT)
        return WEIR_MEMBERS_LEFT;
    if (e->state == WEIR_MEMBER_EVICTED)
        return WEIR_MEMBERS_EVICTED;
    return weir_members_entry_is_me(m, e) ? WEIR_MEMBERS_ALIVE : WEIR_MEMBERS_SUSPECT;
}

void weir_members_entry_move(struct weir_members *m, struct members_entry *e,
                             enum weir_members_life life)
{
    WEIR_ASSERT((size_t)e->item.life < WEIR_ARRAY_LEN(moves));
    WEIR_ASSERT((moves[e->item.life] & BIT(life)) != 0);
    WEIR_ASSERT(m->count[e->item.life] > 0);
    m->count[e->item.life]--;
    m->count[life]++;
    e->item.life = life;
}

const struct weir_members_item *weir_members_at(const struct weir_members *m, size_t i)
{
    WEIR_ASSERT(i < m->num);
    return &m->entry[i].item;
}

size_t weir_members_num(const struct weir_members *m)
{
    return m->num;
}

const struct weir_members_item *weir_members_find(const struct weir_members *m,
                                                  const uint8_t node[WEIR_NODE_ID_LEN])
{
    const struct members_entry *e = weir_members_entry_find(m, node);

    return e != NULL ? &e->item : NULL;
}

size_t weir_members_count(const struct weir_members *m, enum weir_members_life life)
{
    WEIR_ASSERT(life < WEIR_MEMBERS_NUM_LIVES);
    return m->count[life];
}

size_t weir_members_joined(const struct weir_members *m)
{
    return m->count[WEIR_MEMBERS_ALIVE] + m->count[WEIR_MEMBERS_SUSPECT] +
           m->count[WEIR_MEMBERS_DOWN] + m->count[WEIR_MEMBERS_LOST];
}

unsigned weir_members_factor(const struct weir_members *m)
{
    return m->factor;
}

uint64_t weir_members_deadline(const struct weir_members *m)
{
    return m->scan_us;
}
