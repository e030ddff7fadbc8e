/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_node.c - processes, their turns, and what comes of them.
 */
#include "tests/sim/cluster/sim_node.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/cluster/mistakes.h"
#include "tests/sim/cluster/plane.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/activation.h"
#include "tests/sim/oracle/barred.h"
#include "tests/sim/oracle/behind.h"
#include "tests/sim/oracle/counted.h"
#include "tests/sim/oracle/said.h"
#include "tests/sim/oracle/sent.h"
#include "tests/sim/oracle/told.h"
#include "tests/support/failalloc.h"

#define RETRY_US    WEIR_SIM_SECOND_US /* a start that failed */
#define TURN_MIN_US 200                /* between two turns that nothing came for */
#define OPERATOR_US (3 * WEIR_SIM_SECOND_US)
#define HEAP_EVERY  16 /* turns; to look is slow */
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

/* Memory is often short when a process starts. The first node of a cluster has another first start
 * than the next. */
static void draw_scarce_start(struct weir_sim *s, struct weir_sim_node *n, bool bootstrap)
{
    struct weir_rng *rng = &s->fault_rng[WEIR_SIM_FAULT_MEMORY];

    if (bootstrap || s->is_healing || !weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_MEMORY))
        return;
    if (weir_rng_below(rng, 3) == 0)
        weir_sim_scarce_draw(&n->scarce, rng);
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
    draw_scarce_start(s, n, bootstrap);
    memset(n->barred_us, 0, s->num_nodes * sizeof(*n->barred_us));
    weir_sim_check_turn(&s->check, n->index, weir_sim_node_wall(s, n));
    weir_sim_scarce_begin(&n->scarce);
    enum weir_err err = weir_engine_new(&cfg, &n->engine);
    weir_sim_scarce_end(&n->scarce);
    if (err < 0) {
        weir_sim_events_add(&s->events, s->events.now_us + RETRY_US, WEIR_SIM_EVENT_START, n->index,
                            n->life);
        return;
    }
    n->state = weir_engine_state(n->engine);
    n->num_failed = 0;
    n->is_told = false;
    weir_sim_said_start(n);
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
        /* The first schema of bans is that of columns. */
        .schema = op->class == WEIR_CLASS_BAN ? n->schema - 1 : n->schema,
        .min_reader =
            op->class != WEIR_CLASS_BAN && n->schema > 1 && op->token % 3 == 0 ? n->schema : 0,
        .expires = op->ttl_s > 0 ? weir_sim_node_wall(s, n) / 1000 + op->ttl_s : 0,
        .cookie = op->token,
    };
    enum weir_err err = weir_engine_write(n->engine, &w);
    bool counted = weir_failalloc_pause();
    n->num_refused += err < 0;
    if (err < 0)
        weir_sim_counted_note(n, WEIR_COUNT_WRITES_REFUSED);
    if (err == WEIR_OK)
        weir_sim_told_asked(&s->check, n->index, &w);
    weir_sim_barred_wrote(s, n, op->class, err);
    trace_node(s, n, WEIR_SIM_LINE_WRITE, (uint64_t)(int64_t)err);
    weir_failalloc_resume(counted);
}

static void apply_mistake(struct weir_sim *s, struct weir_sim_node *n, enum weir_sim_mistake what)
{
    enum weir_err err = weir_sim_mistake_write(n->engine, what, weir_sim_node_wall(s, n));

    trace_node(s, n, WEIR_SIM_LINE_WRITE, (uint64_t)(int64_t)err);
    weir_sim_counted_note(n, WEIR_COUNT_WRITES_REFUSED);
    if (err == WEIR_OK)
        weir_sim_check_found(&s->check, WEIR_SIM_MISTAKEN, n->index, WEIR_SIM_NO_NAME);
}

static uint64_t num_rejected_frames(const struct weir_engine *e)
{
    return weir_engine_counter(e, WEIR_COUNT_FRAMES_BAD) +
           weir_engine_counter(e, WEIR_COUNT_FRAMES_STRANGE);
}

static void apply_frame(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_sim_input *input)
{
    struct weir_span frame = weir_span(input->parcel->bytes, input->parcel->len);

    trace_node(s, n, WEIR_SIM_LINE_FRAME,
               (uint64_t)frame.len << 8 | (frame.len > 0 ? frame.at[0] : (uint8_t)'-'));
    weir_sim_trace_bytes(&s->trace, frame);
    uint64_t num_rejected = num_rejected_frames(n->engine);
    weir_engine_receive(n->engine, input->slot, frame);
    weir_sim_counted_note(n, WEIR_COUNT_FRAMES);
    if (input->parcel->is_malformed && num_rejected_frames(n->engine) == num_rejected &&
        !weir_sim_scarce_has_struck(&n->scarce))
        weir_sim_check_found(&s->check, WEIR_SIM_MALFORMED, n->index, WEIR_SIM_NO_NAME);
}

/* A number that changes when a record moves from one state to another. */
static uint64_t count_active(const struct weir_sim_node *n)
{
    const struct weir_active *active = weir_engine_active(n->engine);
    uint64_t sum = 0;

    for (unsigned i = 0; active != NULL && i < WEIR_ACTIVE_NUM_STATES; i++)
        sum += (uint64_t)weir_active_count(active, (enum weir_active_state)i) << 4 * i;
    return sum;
}

static void apply_report(struct weir_sim *s, struct weir_sim_node *n,
                         const struct weir_sim_input *input)
{
    const struct weir_sim_write *w = &s->check.writes[input->write];
    struct weir_version v = { .hlc = w->hlc, .seq = w->seq };

    memcpy(v.lane, weir_sim_names_at(&s->check.lanes, w->lane).at, WEIR_LANE_LEN);
    uint64_t before = count_active(n);
    uint64_t deadline_us = weir_engine_deadline(n->engine);
    weir_engine_activated(n->engine, &v, input->state, WEIR_SPAN_LIT("as simulated"));
    n->hastened_us = s->events.now_us;
    if (weir_engine_deadline(n->engine) > deadline_us)
        weir_sim_check_found(&s->check, WEIR_SIM_LATE, n->index, WEIR_SIM_NO_NAME);
    if (count_active(n) != before)
        weir_sim_activation_changed(s, n);
}

static const uint8_t *id_of(const struct weir_sim *s, uint32_t peer)
{
    return peer < s->num_nodes ? s->nodes[peer].id : s->hostile.id;
}

/* Whatever is up behind the slot now; what the engine hears of it is in order. */
static void close_link(struct weir_sim *s, struct weir_sim_node *n, uint32_t slot)
{
    const struct weir_sim_input down = { .kind = WEIR_SIM_INPUT_DOWN, .slot = slot };

    if (!weir_sim_net_is_up(&s->net, n->index, slot))
        return; /* it knows, or will soon */
    weir_sim_net_close(&s->net, n->index, slot);
    weir_sim_node_give(s, n, &down);
}

/* Without memory for it the process closes the link, and connects again later. */
static void apply_up(struct weir_sim *s, struct weir_sim_node *n,
                     const struct weir_sim_input *input)
{
    enum weir_err err = weir_engine_link_up(n->engine, input->slot, id_of(s, input->peer));
    bool counted = weir_failalloc_pause();

    if (err == WEIR_OK)
        weir_sim_said_link(n, input->slot, true);
    else
        close_link(s, n, input->slot);
    weir_failalloc_resume(counted);
}

/* What a link that is down can still bring, and one that never was up. */
static void apply_strays(struct weir_sim_node *n, uint32_t slot)
{
    static const uint32_t never = WEIR_ENGINE_LINKS_MAX - 1;

    weir_engine_receive(n->engine, slot, WEIR_SPAN_LIT("C"));
    weir_engine_receive(n->engine, never, WEIR_SPAN_LIT("C"));
    weir_sim_counted_note(n, WEIR_COUNT_FRAMES);
    weir_sim_counted_note(n, WEIR_COUNT_FRAMES);
    weir_engine_link_down(n->engine, slot);
    weir_engine_link_down(n->engine, never);
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
        apply_up(s, n, input);
        return;
    case WEIR_SIM_INPUT_DOWN:
        trace_node(s, n, WEIR_SIM_LINE_DOWN, input->peer);
        weir_engine_link_down(n->engine, input->slot);
        weir_sim_said_link(n, input->slot, false);
        if (weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_STRAYS))
            apply_strays(n, input->slot);
        return;
    case WEIR_SIM_INPUT_WRITE:
        apply_write(s, n, &input->op);
        return;
    case WEIR_SIM_INPUT_MISTAKE:
        apply_mistake(s, n, (enum weir_sim_mistake)input->slot);
        return;
    case WEIR_SIM_INPUT_EXPORTED:
        trace_node(s, n, WEIR_SIM_LINE_EXPORT, 0);
        weir_sim_check_exported(&s->check, n->index);
        weir_engine_exported(n->engine, true);
        return;
    case WEIR_SIM_INPUT_UNSAVED:
        trace_node(s, n, WEIR_SIM_LINE_EXPORT, 1);
        weir_engine_exported(n->engine, false);
        return;
    case WEIR_SIM_INPUT_GIVE_UP:
        n->is_told = true;
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

static void changed(struct weir_sim *s, struct weir_sim_node *n, const struct weir_engine_out *out)
{
    weir_sim_plane_stored(s, n, out);
    weir_sim_activation_changed(s, n);
}

static void collect(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    struct weir_engine_out out;

    while (weir_engine_next(n->engine, &out)) {
        if (s->checks)
            weir_sim_told_output(&s->check, n->index, &out, err);
        if (s->checks && out.frame.len > 0)
            weir_sim_sent_check(s, n, &out);
        else if (s->checks)
            weir_sim_said_output(s, n, &out, NULL);
        if ((out.what == WEIR_OUT_CHANGED || out.what == WEIR_OUT_PURGED) &&
            out.class != WEIR_CLASS_BAN)
            n->hastened_us = s->events.now_us;
        struct weir_span bytes = out.frame.len > 0 ? out.frame : out.key;
        bool is_changed =
            out.what == WEIR_OUT_CHANGED && s->checks && weir_sim_plane_compiles(s, out.class);
        if (is_changed)
            changed(s, n, &out);
        else if (out.what == WEIR_OUT_CHANGED || out.what == WEIR_OUT_PURGED)
            continue; /* the stores' hooks report more */
        struct weir_sim_output *o = outbox_add(n);
        o->out = out;
        n->is_told = n->is_told || (out.what == WEIR_OUT_ALARM && out.alarm == WEIR_ALARM_AUDIT);
        o->parcel = bytes.len > 0 ? weir_sim_parcel_new(bytes.at, bytes.len) : NULL;
        o->out.frame = WEIR_SPAN_EMPTY;
        o->out.key =
            o->parcel != NULL ? weir_span(o->parcel->bytes, o->parcel->len) : WEIR_SPAN_EMPTY;
    }
    if (!s->checks)
        return;
    weir_sim_said_end(s, n, err);
    weir_sim_counted_end(s, n, err);
    weir_sim_told_end(&s->check, n->index);
    weir_sim_plane_turned(s, n);
}

/* The peer that is no engine is behind the last slot of each node. */
static bool is_foreign_link(const struct weir_sim *s, const struct weir_sim_node *n, uint32_t slot)
{
    return s->hostile.is_there && slot == n->num_links;
}

static void alarmed(struct weir_sim *s, struct weir_sim_node *n, const struct weir_engine_out *out)
{
    trace_node(s, n, WEIR_SIM_LINE_ALARM, out->alarm);
    /* What a lie covers of the lanes of an evicted node, nodes that believed it claim to it. */
    if (out->alarm == WEIR_ALARM_FALSE_CLAIM && s->checks && !is_foreign_link(s, n, out->link) &&
        !(s->check.is_lied_to && s->check.views[n->index].is_evicted))
        weir_sim_check_found(&s->check, WEIR_SIM_ACCUSED, n->index, WEIR_SIM_NO_NAME);
    s->is_floor_disputed = s->is_floor_disputed || out->alarm == WEIR_ALARM_FLOOR;
    if ((out->alarm == WEIR_ALARM_BOTH_STALE || out->alarm == WEIR_ALARM_FLOOR) &&
        !s->is_operator_called) {
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

static void export_ends(struct weir_sim *s, const struct weir_sim_node *n, uint64_t after_us,
                        enum weir_sim_input_kind how)
{
    weir_sim_events_add(&s->events, s->events.now_us + after_us, WEIR_SIM_EVENT_INPUT, n->index,
                        n->life << 8 | how);
}

/* Where exports fail the first of a node does; a later one is reported twice. */
static void export(struct weir_sim *s, struct weir_sim_node *n)
{
    bool fail = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_EXPORTS);

    n->num_exports++;
    if (fail && n->num_exports == 1 && !s->is_healing) {
        export_ends(s, n, EXPORT_US, WEIR_SIM_INPUT_UNSAVED);
        return;
    }
    export_ends(s, n, EXPORT_US, WEIR_SIM_INPUT_EXPORTED);
    if (fail)
        export_ends(s, n, 2 * EXPORT_US, WEIR_SIM_INPUT_EXPORTED);
}

static void release_one(struct weir_sim *s, struct weir_sim_node *n, struct weir_sim_output *o)
{
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
        export(s, n);
        return;
    case WEIR_OUT_ALARM:
        alarmed(s, n, &o->out);
        return;
    case WEIR_OUT_CUT:
        close_link(s, n, o->out.link);
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

/* In one life of its database a node draws a lane for each group, another after a turn that failed,
 * and one more when a peer claims to know more of it. */
static void check_lanes(struct weir_sim *s, const struct weir_sim_node *n)
{
    uint64_t num_lives = 1 + weir_engine_counter(n->engine, WEIR_COUNT_RESETS);

    if (weir_engine_counter(n->engine, WEIR_COUNT_LANES) >
        WEIR_GROUP_COUNT * (1 + num_lives + n->num_failed))
        weir_sim_check_found(&s->check, WEIR_SIM_LANES, n->index, WEIR_SIM_NO_NAME);
}

/* R15, after the turn. */
static void check_claims(struct weir_sim *s, struct weir_sim_node *n, bool was_stale)
{
    const struct weir_vector *floor = weir_engine_floor(n->engine, WEIR_GROUP_C);
    const struct weir_vector *folded = weir_engine_folded(n->engine);
    uint64_t hash = weir_vector_hash(floor) ^ weir_mix64(weir_vector_hash(folded));

    if (hash != n->floor_hash) {
        weir_sim_check_floor(&s->check, floor);
        weir_sim_check_floor(&s->check, folded);
    }
    n->floor_hash = hash;
    if (n->state == WEIR_ENGINE_STALE && !was_stale && !n->is_told)
        weir_sim_check_stale(&s->check, n->index, n->engine);
    check_lanes(s, n);
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
    weir_sim_said_turn(n);
    weir_sim_counted_turn(n);
    weir_sim_scarce_begin(&n->scarce);
    weir_engine_tick(n->engine, s->events.now_us, wall_ms);
    while (n->inbox_num > 0) {
        struct weir_sim_input input = n->inbox[n->inbox_head];
        n->inbox_head = (n->inbox_head + 1) % n->inbox_cap;
        n->inbox_num--;
        apply_input(s, n, &input);
    }
    if (n->dies_at == WEIR_SIM_STEP_INPUTS)
        weir_sim_scarce_end(&n->scarce);
    if (dies(s, n, WEIR_SIM_STEP_INPUTS))
        return;
    bool was_stale = n->state == WEIR_ENGINE_STALE;
    enum weir_err err = weir_engine_commit(n->engine);
    n->was_scarce = weir_sim_scarce_has_struck(&n->scarce);
    weir_sim_scarce_end(&n->scarce);
    n->num_failed += err < 0;
    trace_turn(s, n, err);
    if (s->checks) {
        weir_sim_check_turned(&s->check, n->index, n->store[WEIR_GROUP_C]);
        weir_sim_behind_turn(s, n);
    }
    collect(s, n, err);
    check_mirror(s, n, err);
    if (s->checks)
        check_claims(s, n, was_stale);
    n->is_told = false;
}

size_t weir_sim_heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Behind a turn: what it leaves for its outputs is still there. */
static void measure_turn(struct weir_sim *s, uint64_t began_ns)
{
    struct weir_sim_turns *t = &s->turns;
    uint64_t ns = cpu_ns() - began_ns;
    size_t known = t->base_bytes;

    if (ns > t->longest_ns)
        t->longest_ns = ns;
    if (t->num++ % HEAP_EVERY != 0)
        return;
    for (uint32_t i = 0; i < s->num_nodes; i++)
        known += weir_memory_counts(s->nodes[i].store[WEIR_GROUP_C]).num_records * t->record_bytes;
    size_t bytes = weir_sim_heap_bytes();
    if (bytes > known && bytes - known > t->peak_bytes)
        t->peak_bytes = bytes - known;
}

void weir_sim_node_on_turn(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us)
{
    if (n->engine == NULL || at_us != n->wake_us || n->is_busy || n->is_paused)
        return;
    n->wake_us = WEIR_SIM_NEVER;
    uint64_t began_ns = s->turns.is_measured ? cpu_ns() : 0;
    turn(s, n);
    if (s->turns.is_measured)
        measure_turn(s, began_ns);
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
