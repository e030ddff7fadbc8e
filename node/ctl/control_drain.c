/* SPDX-License-Identifier: Apache-2.0
 *
 * control_drain.c - how a node stops accepting work, and how that is undone. A drain ends the node
 * when the workers have drained or the deadline has passed; until then it can be undone. A later
 * drain moves the deadline, either way.
 */
#include "node/base/log.h"
#include "node/ctl/control_state.h"
#include "node/ctl/node_facts.h"

#define SIGNAL_DRAIN_MS 30000 /* for a signal; the admin API may set another */
#define POLL_MS         20
#define GRACE_MS        2000 /* beyond the deadline, for the workers to cut what is left */
#define WATCHERS_MS     1000 /* for those that watch the drain to take its last line */

/* Those that follow the drain get its outcome before the node stops to listen to them. */
static void on_drain_poll(uv_timer_t *timer)
{
    struct weir_control *c = timer->data;
    struct weir_node *node = &c->node;
    uint64_t now = uv_now(&c->loop);
    bool late = now > node->drain_until_ms + GRACE_MS;
    if (!node->drain_over) {
        if (!late && !weir_workers_drained(node->workers))
            return;
        node->drain_over = true;
        c->over_until_ms = now + WATCHERS_MS;
    }
    if (node->num_drain_followers == 0 || now >= c->over_until_ms)
        weir_control_stop(c);
}

void weir_control_drain(struct weir_node *node, uint64_t deadline_ms)
{
    struct weir_control *c = weir_control_of(node);
    bool first = node->state != WEIR_NODE_DRAINING;
    if (c->stopping || node->drain_over)
        return;
    node->state = WEIR_NODE_DRAINING;
    node->drain_until_ms = uv_now(&c->loop) + deadline_ms;
    log_info("node.draining", "deadline_ms=%llu moved=%s", (unsigned long long)deadline_ms,
             first ? "no" : "yes");
    weir_workers_drain(node->workers, deadline_ms);
    if (first && uv_timer_start(&c->drain, on_drain_poll, POLL_MS, POLL_MS) < 0)
        weir_control_stop(c);
}

enum weir_err weir_control_undrain(struct weir_node *node, struct weir_strbuf *why)
{
    struct weir_control *c = weir_control_of(node);
    struct weir_workers_error fault = { .sys_errno = 0 };
    if (node->state != WEIR_NODE_DRAINING)
        return WEIR_OK;
    if (c->stopping || node->drain_over || uv_now(&c->loop) >= node->drain_until_ms) {
        weir_strbuf_puts(why, "the node is ending already: its drain is over; start it again");
        return WEIR_ECLOSED;
    }
    enum weir_err err = weir_workers_undrain(node->workers, &fault);
    if (err == WEIR_OK) {
        node->state = WEIR_NODE_SERVING;
        c->num_stop_signals = 0;
        (void)uv_timer_stop(&c->drain);
        log_info("node.undrained", "name=%s", c->config.name);
    } else if (err == WEIR_EBUSY) {
        weir_strbuf_puts(why, "the workers are busy with the change before; try again in a second");
    } else if (fault.listener.port != 0) {
        weir_explain_listener(fault.field, &fault.listener, err, fault.sys_errno, why);
    } else {
        weir_strbuf_printf(why, "the listeners cannot be opened again: %s", weir_err_name(err));
    }
    return err;
}

void weir_control_stop_signal(struct weir_control *c)
{
    struct weir_node *node = &c->node;
    uint64_t now = uv_now(&c->loop);
    uint64_t deadline_ms = SIGNAL_DRAIN_MS;
    if (node->state == WEIR_NODE_DRAINING && node->drain_until_ms < now + deadline_ms)
        deadline_ms = node->drain_until_ms > now ? node->drain_until_ms - now : 0;
    /* The second one means that the operator does not want to wait. */
    if (c->num_stop_signals++ > 0)
        deadline_ms = 0;
    weir_control_drain(node, deadline_ms);
}
