/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster.c - engines side by side, without chance.
 */
#include "tests/support/engine/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/frame/frame_bans.h"
#include "sync/frame/member.h"

#define START_MS UINT64_C(1800000000000)

void cluster_init(struct cluster *c, unsigned num)
{
    assert_in_range(num, 1, CLUSTER_MAX);
    *c = (struct cluster){ .num = num, .wall_ms = START_MS, .exports = true };
    c->tail = &c->head;
    for (unsigned i = 0; i < num; i++)
        memset(c->node[i].id, (int)(i + 1), WEIR_NODE_ID_LEN);
}

static void forget(struct cluster *c, unsigned at)
{
    struct cluster_frame **f = &c->head;

    while (*f != NULL) {
        struct cluster_frame *it = *f;
        if (it->from != at && it->to != at) {
            f = &it->next;
            continue;
        }
        *f = it->next;
        free(it);
    }
    c->tail = f;
}

void cluster_deinit(struct cluster *c)
{
    for (unsigned i = 0; i < c->num; i++) {
        forget(c, i);
        weir_engine_free(&c->node[i].engine);
    }
}

void cluster_inject(struct cluster *c, unsigned from, unsigned to, struct weir_span frame)
{
    struct cluster_frame *f = malloc(sizeof(*f) + frame.len);

    assert_non_null(f);
    *f = (struct cluster_frame){ .from = from, .to = to, .len = frame.len };
    memcpy(f->bytes, frame.at, frame.len);
    *c->tail = f;
    c->tail = &f->next;
}

static bool is_batch(struct weir_span frame)
{
    return frame.at[0] == WEIR_FRAME_BATCH_C || frame.at[0] == WEIR_FRAME_BATCH_E;
}

static void send(struct cluster *c, unsigned from, unsigned to, struct weir_span frame)
{
    if (to == from || c->node[to].engine == NULL || c->cut[from][to] ||
        (c->deaf[to] && is_batch(frame)))
        return;
    cluster_inject(c, from, to, frame);
}

static void take_output(struct cluster *c, unsigned at, const struct weir_engine_out *out)
{
    struct cluster_node *n = &c->node[at];

    switch (out->what) {
    case WEIR_OUT_SEND:
        send(c, at, out->link, out->frame);
        return;
    case WEIR_OUT_PUBLISH:
        for (unsigned i = 0; i < c->num; i++)
            send(c, at, i, out->frame);
        return;
    case WEIR_OUT_ACKED:
        n->num_acked++;
        n->last_ack = out->err;
        n->last_version = out->version;
        return;
    case WEIR_OUT_CHANGED:
        n->num_changed++;
        return;
    case WEIR_OUT_EXPORT:
        n->wants_export = true;
        return;
    case WEIR_OUT_ALARM:
        n->num_alarms[out->alarm]++;
        return;
    case WEIR_OUT_PURGED:
        n->num_purged++;
        return;
    case WEIR_OUT_CUT:
        c->cut[at][out->link] = true;
        c->cut[out->link][at] = true;
        return;
    }
}

static enum weir_err commit(struct cluster *c, unsigned at)
{
    struct cluster_node *n = &c->node[at];
    struct weir_engine_out out;
    enum weir_err err = weir_engine_commit(n->engine);

    while (weir_engine_next(n->engine, &out))
        take_output(c, at, &out);
    return err;
}

static void tick(struct cluster *c, unsigned at)
{
    struct cluster_node *n = &c->node[at];

    weir_engine_tick(n->engine, c->mono_us, c->wall_ms + c->mono_us / 1000 + n->skew_ms);
}

static void deliver(struct cluster *c)
{
    while (c->head != NULL) {
        struct cluster_frame *f = c->head;
        c->head = f->next;
        if (c->head == NULL)
            c->tail = &c->head;
        if (c->node[f->to].engine != NULL && !c->cut[f->from][f->to]) {
            tick(c, f->to);
            weir_engine_receive(c->node[f->to].engine, f->from, weir_span(f->bytes, f->len));
            commit(c, f->to);
        }
        free(f);
    }
}

static void link(struct cluster *c, unsigned a, unsigned b)
{
    tick(c, a);
    assert_int_equal(weir_engine_link_up(c->node[a].engine, b, c->node[b].id), WEIR_OK);
    commit(c, a);
    tick(c, b);
    assert_int_equal(weir_engine_link_up(c->node[b].engine, a, c->node[a].id), WEIR_OK);
    commit(c, b);
}

void cluster_start(struct cluster *c, unsigned at)
{
    struct cluster_node *n = &c->node[at];
    struct weir_engine_config cfg = {
        .cluster = WEIR_SPAN_LIT("test"),
        .audit_key = { { 1, 2 } },
        .seed = ++c->seed,
        .records = { n->records[0], n->records[1] },
        .bootstrap = n->bootstrap,
        .schema_max = 1,
        .relay = n->relay,
        .compiled = n->compiled,
        .intervals = n->intervals,
    };

    memcpy(cfg.node, n->id, WEIR_NODE_ID_LEN);
    assert_int_equal(weir_engine_new(&cfg, &n->engine), WEIR_OK);
    tick(c, at);
    commit(c, at);
    for (unsigned i = 0; i < c->num; i++)
        if (i != at && c->node[i].engine != NULL && !c->cut[at][i])
            link(c, at, i);
    deliver(c);
}

static void unlink(struct cluster *c, unsigned at, unsigned peer)
{
    if (c->node[at].engine == NULL)
        return;
    weir_engine_link_down(c->node[at].engine, peer);
    commit(c, at);
}

void cluster_stop(struct cluster *c, unsigned at)
{
    forget(c, at);
    weir_engine_free(&c->node[at].engine);
    for (unsigned i = 0; i < c->num; i++)
        unlink(c, i, at);
}

void cluster_cut(struct cluster *c, unsigned a, unsigned b, bool cut)
{
    bool was_cut = c->cut[a][b];

    c->cut[a][b] = cut;
    c->cut[b][a] = cut;
    if (c->node[a].engine == NULL || c->node[b].engine == NULL || was_cut == cut)
        return;
    if (cut) {
        unlink(c, a, b);
        unlink(c, b, a);
    } else {
        link(c, a, b);
        deliver(c);
    }
}

static uint64_t next_deadline(const struct cluster *c)
{
    uint64_t at = UINT64_MAX;

    for (unsigned i = 0; i < c->num; i++) {
        uint64_t deadline =
            c->node[i].engine != NULL ? weir_engine_deadline(c->node[i].engine) : at;
        if (deadline < at)
            at = deadline;
    }
    return at;
}

static void step(struct cluster *c)
{
    for (unsigned i = 0; i < c->num; i++) {
        struct cluster_node *n = &c->node[i];
        if (n->engine == NULL)
            continue;
        tick(c, i);
        if (n->wants_export && c->exports)
            weir_engine_exported(n->engine, true);
        n->wants_export = n->wants_export && !c->exports;
        commit(c, i);
    }
    deliver(c);
}

void cluster_run(struct cluster *c, uint64_t us)
{
    uint64_t end = c->mono_us + us;

    deliver(c);
    while (c->mono_us < end) {
        uint64_t at = next_deadline(c);
        if (at <= c->mono_us)
            at = c->mono_us + 1000;
        c->mono_us = at < end ? at : end;
        step(c);
    }
}

static enum weir_err write_one(struct cluster *c, unsigned at, const struct weir_engine_write *w)
{
    tick(c, at);
    enum weir_err err = weir_engine_write(c->node[at].engine, w);
    enum weir_err committed = commit(c, at);
    deliver(c);
    return err < 0 ? err : committed;
}

enum weir_err cluster_write(struct cluster *c, unsigned at, enum weir_class class, const char *key,
                            const char *value)
{
    struct weir_engine_write w = {
        .class = class,
        .key = weir_span_cstr(key),
        .delete = value == NULL,
        .value = weir_span_cstr(value),
        .cookie = 7,
    };

    return write_one(c, at, &w);
}

enum weir_err cluster_ban(struct cluster *c, unsigned at, uint8_t addr, uint64_t ttl_s)
{
    uint8_t key[WEIR_BAN_KEY_LEN] = { [4] = 4, [5] = 10, [8] = addr, [21] = 32 };
    uint64_t now_s = (c->wall_ms + c->mono_us / 1000 + c->node[at].skew_ms) / 1000;
    struct weir_engine_write w = {
        .class = WEIR_CLASS_BAN,
        .key = weir_span(key, sizeof(key)),
        .value = WEIR_SPAN_LIT("x"),
        .expires = now_s + ttl_s,
    };

    return write_one(c, at, &w);
}

void cluster_member(struct cluster *c, unsigned at, unsigned of, unsigned state)
{
    struct weir_member m = { .state = (enum weir_member_state)state, .schema_max = 1 };
    uint8_t value[WEIR_MEMBER_LEN_MAX];

    memcpy(m.node, c->node[of].id, WEIR_NODE_ID_LEN);
    weir_member_pack(&m, value);
    struct weir_engine_write w = {
        .class = WEIR_CLASS_MEMBER,
        .key = weir_span(m.node, WEIR_NODE_ID_LEN),
        .value = weir_span(value, weir_member_packed_len(&m)),
    };
    assert_int_equal(write_one(c, at, &w), WEIR_OK);
}

bool cluster_has(struct cluster *c, unsigned at, enum weir_class class, const char *key,
                 const char *value)
{
    struct weir_record_store *records = c->node[at].records[class == WEIR_CLASS_BAN];
    struct weir_stored_record rec;

    assert_int_equal(records->ops->begin(records), WEIR_OK);
    enum weir_err err = records->ops->get(records, class, weir_span_cstr(key), &rec);
    bool is_there = err == WEIR_OK && !rec.rec.tombstone;
    bool has =
        value == NULL ? !is_there : is_there && weir_span_eq(rec.rec.value, weir_span_cstr(value));
    records->ops->abort(records);
    return has;
}
