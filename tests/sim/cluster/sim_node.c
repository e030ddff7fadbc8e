/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_node.c - processes, their turns, and what comes of them.
 */
#include "tests/sim/cluster/sim_node.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster/plane.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/barred.h"
#include "tests/sim/oracle/told.h"
#include "tests/sim/oracle/wire.h"

#define RETRY_US    WEIR_SIM_SECOND_US /* a start that failed */
#define TURN_MIN_US 200                /* between two turns that nothing came for */
#define OPERATOR_US (3 * WEIR_SIM_SECOND_US)
#define EXPORT_US   50000
#define PAUSED_US   10000
#define VALUE_MAX   262144

static void trace_node(struct weir_sim *s, const struct weir_sim_node *n, enum weir_sim_line line,
                       uint64_t value)
{
    weir_sim_trace(&s->trace, s->events.now_us, line, n->index, value);
}

/* -- life and death -- */

void weir_sim_node_init(struct weir_sim *s, struct weir_sim_node *n, uint32_t index)
{
    uint64_t id = weir_sim_seed_of(s, UINT64_C(0x69640000) + index);
    struct weir_memory_hooks hooks = weir_sim_check_hooks(&s->check, index);

    *n = (struct weir_sim_node){ .index = index, .wake_us = WEIR_SIM_NEVER, .schema = 1 };
    memcpy(n->id, &id, sizeof(id));
    n->barred_us = calloc(s->num_nodes, sizeof(*n->barred_us));
    WEIR_ASSERT(n->barred_us != NULL);
    memcpy(s->check.views[index].id, &id, sizeof(id));
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        enum weir_err err = weir_memory_new((enum weir_group)g, &n->store[g]);
        WEIR_ASSERT(err == WEIR_OK);
        if (s->checks)
            weir_memory_watch(n->store[g], &hooks);
    }
}

static void drop_inputs(struct weir_sim_node *n)
{
    while (n->inbox_num > 0) {
        struct weir_sim_input *i = &n->inbox[n->inbox_head];
        if (i->parcel != NULL)
            weir_sim_parcel_drop(&i->parcel);
        n->inbox_head = (n->inbox_head + 1) % n->inbox_cap;
        n->inbox_num--;
    }
}

static void drop_outputs(struct weir_sim_node *n, uint32_t from)
{
    for (uint32_t i = from; i < n->outbox_num; i++)
        if (n->outbox[i].parcel != NULL)
            weir_sim_parcel_drop(&n->outbox[i].parcel);
    n->outbox_num = 0;
}

void weir_sim_node_deinit(struct weir_sim_node *n)
{
    weir_engine_free(&n->engine);
    drop_inputs(n);
    drop_outputs(n, 0);
    if (n->heartbeat != NULL)
        weir_sim_parcel_drop(&n->heartbeat);
    free(n->inbox);
    free(n->outbox);
    weir_sim_plane_deinit(&n->plane);
    free(n->barred_us);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        weir_memory_free(&n->store[g]);
        weir_memory_free(&n->backup[g]);
    }
}

uint64_t weir_sim_node_wall(const struct weir_sim *s, const struct weir_sim_node *n)
{
    int64_t now_us = (int64_t)s->events.now_us;
    int64_t drift_us = now_us / (int64_t)WEIR_SIM_SECOND_US * n->drift_ppm;

    return (uint64_t)((int64_t)WEIR_SIM_EPOCH_MS + (now_us + drift_us) / 1000 + n->skew_ms);
}

bool weir_sim_node_is_up(const struct weir_sim_node *n)
{
    return n->engine != NULL && !n->has_left;
}

void weir_sim_node_poke(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us)
{
    if (n->engine == NULL || n->is_busy || n->is_paused || at_us >= n->wake_us)
        return;
    n->wake_us = at_us > s->events.now_us ? at_us : s->events.now_us;
    weir_sim_events_add(&s->events, n->wake_us, WEIR_SIM_EVENT_TURN, n->index, 0);
}

void weir_sim_node_start(struct weir_sim *s, struct weir_sim_node *n, bool bootstrap)
{
    struct weir_engine_config cfg = {
        .cluster = WEIR_SPAN_LIT("simulated"),
        .audit_key = s->audit_key,
        .seed = weir_sim_seed_of(s, (uint64_t)n->index << 32 | n->life),
        .records = { weir_memory_record_store(n->store[WEIR_GROUP_C]),
                     weir_memory_record_store(n->store[WEIR_GROUP_E]) },
        .bootstrap = bootstrap,
        .relay = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_OVERLAY),
        .schema_max = n->schema,
        .compiled = s->plan.compiled,
        .intervals = s->plan.intervals,
        .without = s->plan.without,
    };

    WEIR_ASSERT(n->engine == NULL);
    memcpy(cfg.node, n->id, WEIR_NODE_ID_LEN);
    n->life++;
    n->has_joined = true;
    memset(n->barred_us, 0, s->num_nodes * sizeof(*n->barred_us));
    weir_sim_check_turn(&s->check, n->index, weir_sim_node_wall(s, n));
    if (weir_engine_new(&cfg, &n->engine) < 0) {
        weir_sim_events_add(&s->events, s->events.now_us + RETRY_US, WEIR_SIM_EVENT_START, n->index,
                            n->life);
        return;
    }
    n->state = weir_engine_state(n->engine);
    trace_node(s, n, WEIR_SIM_LINE_START, n->life);
    weir_sim_net_start(&s->net, n->index);
    weir_sim_node_poke(s, n, s->events.now_us);
}

void weir_sim_node_kill(struct weir_sim *s, struct weir_sim_node *n, bool whole)
{
    if (n->engine == NULL)
        return;
    trace_node(s, n, WEIR_SIM_LINE_CRASH, whole);
    s->tally.num_resets += weir_engine_counter(n->engine, WEIR_COUNT_RESETS);
    s->tally.num_purged += weir_engine_counter(n->engine, WEIR_COUNT_PURGED);
    s->tally.num_conflicts += weir_engine_counter(n->engine, WEIR_COUNT_CONFLICTS);
    s->tally.num_repaired += weir_engine_counter(n->engine, WEIR_COUNT_REPAIRED);
    weir_engine_free(&n->engine);
    weir_sim_net_stop(&s->net, n->index);
    drop_inputs(n);
    drop_outputs(n, 0);
    n->life++;
    n->is_busy = false;
    n->is_paused = false;
    n->wake_us = WEIR_SIM_NEVER;
    n->dies_at = WEIR_SIM_STEP_NONE;
    if (n->heartbeat != NULL)
        weir_sim_parcel_drop(&n->heartbeat);
    if (!whole)
        return;
    weir_memory_crash(n->store[WEIR_GROUP_C]);
    weir_memory_crash(n->store[WEIR_GROUP_E]);
    if (s->checks)
        weir_sim_check_reload(&s->check, n->index, WEIR_GROUP_E, n->store[WEIR_GROUP_E]);
}

void weir_sim_node_pause(struct weir_sim *s, struct weir_sim_node *n, bool on)
{
    n->is_paused = on;
    n->wake_us = WEIR_SIM_NEVER;
    if (!on)
        weir_sim_node_poke(s, n, s->events.now_us);
}

/* -- inputs -- */

/* A full inbox drops its oldest hint; what is no hint always finds room. */
static bool drop_hint(struct weir_sim_node *n)
{
    for (uint32_t i = 0; i < n->inbox_num; i++) {
        uint32_t at = (n->inbox_head + i) % n->inbox_cap;
        if (n->inbox[at].kind != WEIR_SIM_INPUT_HINT)
            continue;
        weir_sim_parcel_drop(&n->inbox[at].parcel);
        for (; i + 1 < n->inbox_num; i++) {
            uint32_t next = (n->inbox_head + i + 1) % n->inbox_cap;
            n->inbox[at] = n->inbox[next];
            at = next;
        }
        n->inbox_num--;
        return true;
    }
    return false;
}

static void inbox_grow(struct weir_sim_node *n)
{
    uint32_t cap = n->inbox_cap == 0 ? 16 : 2 * n->inbox_cap;
    struct weir_sim_input *inbox = calloc(cap, sizeof(*inbox));

    WEIR_ASSERT(inbox != NULL);
    WEIR_ASSERT(n->inbox_num <= n->inbox_cap);
    for (uint32_t i = 0; i < n->inbox_num; i++)
        inbox[i] = n->inbox[(n->inbox_head + i) % n->inbox_cap];
    free(n->inbox);
    n->inbox = inbox;
    n->inbox_cap = cap;
    n->inbox_head = 0;
}

void weir_sim_node_give(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_sim_input *input)
{
    struct weir_sim_parcel *parcel = input->parcel;
    bool is_hint = input->kind == WEIR_SIM_INPUT_HINT;

    if (n->engine == NULL || (is_hint && n->inbox_num >= WEIR_SIM_INBOX_MAX && !drop_hint(n))) {
        if (parcel != NULL)
            weir_sim_parcel_drop(&parcel);
        return;
    }
    if (n->inbox_num == n->inbox_cap)
        inbox_grow(n);
    n->inbox[(n->inbox_head + n->inbox_num++) % n->inbox_cap] = *input;
    weir_sim_node_poke(s, n, s->events.now_us);
}

static void apply_write(struct weir_sim *s, struct weir_sim_node *n, const struct weir_sim_op *op)
{
    static uint8_t value[VALUE_MAX];
    uint8_t key[WEIR_SIM_KEY_NAME_MAX];
    const uint8_t *member = op->class == WEIR_CLASS_MEMBER ? s->nodes[op->key].id : NULL;
    size_t key_len = weir_sim_op_key(op, member, key);

    WEIR_ASSERT(op->value_len <= VALUE_MAX);
    weir_sim_op_value(op, member, value);
    struct weir_engine_write w = {
        .class = op->class,
        .key = weir_span(key, key_len),
        .delete = op->delete,
        .value = weir_span(value, op->value_len),
        .schema = n->schema,
        .min_reader = n->schema > 1 && op->token % 3 == 0 ? n->schema : 0,
        .expires = op->ttl_s > 0 ? weir_sim_node_wall(s, n) / 1000 + op->ttl_s : 0,
        .cookie = op->token,
    };
    enum weir_err err = weir_engine_write(n->engine, &w);
    n->num_refused += err < 0;
    if (err == WEIR_OK)
        weir_sim_told_asked(&s->check, n->index, &w);
    weir_sim_barred_wrote(s, n, op->class, err);
    trace_node(s, n, WEIR_SIM_LINE_WRITE, (uint64_t)(int64_t)err);
}

static void apply_frame(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_sim_input *input)
{
    struct weir_span frame = weir_span(input->parcel->bytes, input->parcel->len);

    trace_node(s, n, WEIR_SIM_LINE_FRAME,
               (uint64_t)frame.len << 8 | (frame.len > 0 ? frame.at[0] : (uint8_t)'-'));
    weir_sim_trace_bytes(&s->trace, frame);
    weir_engine_receive(n->engine, input->slot, frame);
}

static void apply_report(struct weir_sim *s, struct weir_sim_node *n,
                         const struct weir_sim_input *input)
{
    const struct weir_sim_write *w = &s->check.writes[input->write];
    struct weir_version v = { .hlc = w->hlc, .seq = w->seq };

    memcpy(v.lane, weir_sim_names_at(&s->check.lanes, w->lane).at, WEIR_LANE_LEN);
    weir_engine_activated(n->engine, &v, input->state, WEIR_SPAN_LIT("as simulated"));
}

static const uint8_t *id_of(const struct weir_sim *s, uint32_t peer)
{
    return peer < s->num_nodes ? s->nodes[peer].id : s->hostile.id;
}

static void apply_input(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_input *input)
{
    switch (input->kind) {
    case WEIR_SIM_INPUT_HINT:
    case WEIR_SIM_INPUT_FRAME:
        apply_frame(s, n, input);
        weir_sim_parcel_drop(&input->parcel);
        return;
    case WEIR_SIM_INPUT_UP:
        trace_node(s, n, WEIR_SIM_LINE_UP, input->peer);
        weir_engine_link_up(n->engine, input->slot, id_of(s, input->peer));
        return;
    case WEIR_SIM_INPUT_DOWN:
        trace_node(s, n, WEIR_SIM_LINE_DOWN, input->peer);
        weir_engine_link_down(n->engine, input->slot);
        return;
    case WEIR_SIM_INPUT_WRITE:
        apply_write(s, n, &input->op);
        return;
    case WEIR_SIM_INPUT_EXPORTED:
        trace_node(s, n, WEIR_SIM_LINE_EXPORT, 0);
        weir_sim_check_exported(&s->check, n->index);
        weir_engine_exported(n->engine, true);
        return;
    case WEIR_SIM_INPUT_GIVE_UP:
        weir_engine_give_up(n->engine);
        return;
    case WEIR_SIM_INPUT_ACTIVATED:
        apply_report(s, n, input);
        return;
    }
    WEIR_UNREACHABLE();
}

/* -- outputs -- */

static struct weir_sim_output *outbox_add(struct weir_sim_node *n)
{
    if (n->outbox_num == n->outbox_cap) {
        n->outbox_cap = n->outbox_cap == 0 ? 16 : 2 * n->outbox_cap;
        n->outbox = realloc(n->outbox, n->outbox_cap * sizeof(*n->outbox));
        WEIR_ASSERT(n->outbox != NULL);
    }
    return &n->outbox[n->outbox_num++];
}

static void collect(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    struct weir_engine_out out;

    while (weir_engine_next(n->engine, &out)) {
        if (s->checks)
            weir_sim_told_output(&s->check, n->index, &out, err);
        if (s->checks && out.frame.len > 0)
            weir_sim_wire_sent(s, n, &out);
        struct weir_span bytes = out.frame.len > 0 ? out.frame : out.key;
        bool is_changed =
            out.what == WEIR_OUT_CHANGED && s->checks && weir_sim_plane_compiles(s, out.class);
        if (is_changed)
            weir_sim_plane_stored(s, n, &out);
        else if (out.what == WEIR_OUT_CHANGED || out.what == WEIR_OUT_PURGED)
            continue; /* the stores' hooks report more */
        struct weir_sim_output *o = outbox_add(n);
        o->out = out;
        o->parcel = bytes.len > 0 ? weir_sim_parcel_new(bytes.at, bytes.len) : NULL;
        o->out.frame = WEIR_SPAN_EMPTY;
        o->out.key =
            o->parcel != NULL ? weir_span(o->parcel->bytes, o->parcel->len) : WEIR_SPAN_EMPTY;
    }
    if (!s->checks)
        return;
    weir_sim_told_end(&s->check, n->index);
    weir_sim_plane_turned(s, n);
}

static void alarmed(struct weir_sim *s, struct weir_sim_node *n, const struct weir_engine_out *out)
{
    trace_node(s, n, WEIR_SIM_LINE_ALARM, out->alarm);
    if (out->alarm == WEIR_ALARM_BOTH_STALE && !s->is_operator_called) {
        s->is_operator_called = true;
        weir_sim_events_add(&s->events, s->events.now_us + OPERATOR_US, WEIR_SIM_EVENT_OPERATOR, 0,
                            0);
    }
}

static void publish(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_parcel *p)
{
    weir_sim_net_publish(&s->net, n->index, p);
    if (p->bytes[0] != 'H')
        return;
    if (n->heartbeat != NULL)
        weir_sim_parcel_drop(&n->heartbeat);
    n->heartbeat = weir_sim_parcel_ref(p);
}

static void acked(struct weir_sim *s, struct weir_sim_node *n, const struct weir_engine_out *out)
{
    trace_node(s, n, WEIR_SIM_LINE_ACK,
               out->err < 0 ? (uint64_t)(int64_t)out->err : out->version.seq);
    if (out->err < 0) {
        n->num_refused++;
        return;
    }
    n->num_acked++;
    if (out->cookie == n->last_token) {
        n->has_last = true;
        n->last = out->version;
    }
    if (s->checks)
        weir_sim_check_acked(&s->check, n->index, out);
}

static void release_one(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_output *o)
{
    const struct weir_sim_input down = { .kind = WEIR_SIM_INPUT_DOWN, .slot = o->out.link };

    switch (o->out.what) {
    case WEIR_OUT_SEND:
        weir_sim_net_send(&s->net, n->index, o->out.link, o->parcel);
        return;
    case WEIR_OUT_PUBLISH:
        publish(s, n, o->parcel);
        return;
    case WEIR_OUT_ACKED:
        acked(s, n, &o->out);
        return;
    case WEIR_OUT_EXPORT:
        weir_sim_events_add(&s->events, s->events.now_us + EXPORT_US, WEIR_SIM_EVENT_INPUT,
                            n->index, n->life << 8 | WEIR_SIM_INPUT_EXPORTED);
        return;
    case WEIR_OUT_ALARM:
        alarmed(s, n, &o->out);
        return;
    case WEIR_OUT_CUT:
        if (!weir_sim_net_is_up(&s->net, n->index, o->out.link))
            return; /* it knows, or will soon */
        weir_sim_net_close(&s->net, n->index, o->out.link);
        weir_sim_node_give(s, n, &down);
        return;
    case WEIR_OUT_CHANGED:
        weir_sim_plane_changed(s, n, &o->out);
        return;
    case WEIR_OUT_PURGED:
        break;
    }
    WEIR_UNREACHABLE();
}

static void release(struct weir_sim *s, struct weir_sim_node *n)
{
    uint32_t num = n->outbox_num;

    if (n->dies_at == WEIR_SIM_STEP_OUTPUTS)
        num /= 2;
    for (uint32_t i = 0; i < num; i++)
        release_one(s, n, &n->outbox[i]);
    drop_outputs(n, 0);
}

/* -- turns -- */

static uint64_t commits_of(const struct weir_sim_node *n)
{
    return weir_memory_counts(n->store[WEIR_GROUP_C]).num_commits +
           weir_memory_counts(n->store[WEIR_GROUP_E]).num_commits;
}

/* Does the process die here? Then it has. */
static bool dies(struct weir_sim *s, struct weir_sim_node *n, enum weir_sim_step step)
{
    if (n->dies_at != step)
        return false;
    weir_sim_node_kill(s, n, n->dies_whole);
    return true;
}

static void after(struct weir_sim *s, struct weir_sim_node *n)
{
    uint64_t now_us = s->events.now_us;
    uint64_t wake_us = weir_engine_deadline(n->engine);

    if (n->inbox_num > 0)
        weir_sim_node_poke(s, n, now_us);
    weir_sim_node_poke(s, n, wake_us > now_us + TURN_MIN_US ? wake_us : now_us + TURN_MIN_US);
}

static void trace_turn(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    enum weir_engine_state state = weir_engine_state(n->engine);

    if (err < 0)
        trace_node(s, n, WEIR_SIM_LINE_COMMIT, (uint64_t)(int64_t)err);
    else if (commits_of(n) != n->num_commits && s->checks)
        trace_node(s, n, WEIR_SIM_LINE_COMMIT, weir_memory_hash(n->store[WEIR_GROUP_C]));
    if (state != n->state)
        trace_node(s, n, WEIR_SIM_LINE_STATE, state);
    n->state = state;
    n->was_live = n->was_live || state == WEIR_ENGINE_LIVE;
}

/* After a turn that failed, once the disk works again: what was read again, and what was not
 * undone.
 */
static void check_mirror(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    bool is_readonly = weir_engine_state(n->engine) == WEIR_ENGINE_READONLY;

    n->has_failed = n->has_failed || err < 0;
    if (!n->has_failed || is_readonly || !s->checks)
        return;
    weir_sim_told_mirror(&s->check, n->index, n->engine, n->store);
    n->has_failed = false;
}

static void turn(struct weir_sim *s, struct weir_sim_node *n)
{
    uint64_t wall_ms = weir_sim_node_wall(s, n);

    n->num_commits = commits_of(n);
    n->state_before = weir_engine_state(n->engine);
    memcpy(n->incarnation, weir_engine_incarnation(n->engine), WEIR_INCARNATION_LEN);
    weir_sim_check_turn(&s->check, n->index, wall_ms);
    weir_engine_tick(n->engine, s->events.now_us, wall_ms);
    while (n->inbox_num > 0) {
        struct weir_sim_input input = n->inbox[n->inbox_head];
        n->inbox_head = (n->inbox_head + 1) % n->inbox_cap;
        n->inbox_num--;
        apply_input(s, n, &input);
    }
    if (dies(s, n, WEIR_SIM_STEP_INPUTS))
        return;
    enum weir_err err = weir_engine_commit(n->engine);
    trace_turn(s, n, err);
    if (s->checks)
        weir_sim_check_turned(&s->check, n->index, n->store[WEIR_GROUP_C]);
    collect(s, n, err);
    check_mirror(s, n, err);
}

void weir_sim_node_on_turn(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us)
{
    if (n->engine == NULL || at_us != n->wake_us || n->is_busy || n->is_paused)
        return;
    n->wake_us = WEIR_SIM_NEVER;
    turn(s, n);
    if (n->engine == NULL)
        return;
    uint64_t delay_us = 0;
    if (commits_of(n) != n->num_commits)
        delay_us = weir_sim_delay_draw(&s->plan.commit, &s->node_rng);
    if (at_us - n->synced_us >= (uint64_t)s->plan.sync_ms * 1000) {
        weir_memory_sync(n->store[WEIR_GROUP_E]);
        n->synced_us = at_us;
    }
    if (dies(s, n, WEIR_SIM_STEP_COMMIT))
        return;
    n->is_busy = true;
    if (delay_us == 0)
        weir_sim_node_on_done(s, n, n->life);
    else
        weir_sim_events_add(&s->events, at_us + delay_us, WEIR_SIM_EVENT_DONE, n->index, n->life);
}

void weir_sim_node_on_done(struct weir_sim *s, struct weir_sim_node *n, uint64_t life)
{
    if (n->engine == NULL || n->life != life)
        return;
    if (n->is_paused) { /* the disk is done; the process notices when it goes on */
        weir_sim_events_add(&s->events, s->events.now_us + PAUSED_US, WEIR_SIM_EVENT_DONE, n->index,
                            life);
        return;
    }
    release(s, n);
    if (dies(s, n, WEIR_SIM_STEP_OUTPUTS))
        return;
    n->is_busy = false;
    after(s, n);
}
