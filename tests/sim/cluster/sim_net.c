/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net.c - links, their streams of frames, and how they break and come back. A link's epoch
 * rises whenever it breaks or connects, so that events of an older connection are known and
 * ignored.
 */
#include "tests/sim/cluster/sim_net.h"

#include <stdlib.h>
#include <string.h>

#define MILLION_US UINT64_C(1000000)

enum { STREAM_PUBLISHED, STREAM_SENT, STREAMS };

/* Frames in order; a ring that grows. */
struct ring {
    struct weir_sim_parcel **at; /* owns the array and one reference each */
    uint32_t cap;                /* a power of two, or 0 */
    uint32_t head;
    uint32_t num;
};

/* What one end of a link sends. */
struct direction {
    struct ring waiting[STREAMS]; /* for the wire */
    struct ring flying[STREAMS];
    uint64_t last_arrival_us[STREAMS]; /* the next arrives no earlier */
    uint64_t wire_free_us;
    bool wire_pending; /* an event will come */
    bool is_cut;
    uint32_t run_left; /* published frames that are still to be lost in a row */
};

struct weir_sim_net_link {
    uint32_t node[2];
    uint32_t slot[2];
    bool is_up[2]; /* what each end believes */
    bool is_open;
    bool dial_pending;
    uint32_t epoch;
    struct direction from[2];
};

struct weir_sim_net_node {
    uint32_t *links; /* owns; by slot */
    uint32_t num_links;
    uint32_t cap_links;
    uint32_t group;
    bool runs;
};

/* -- parcels and rings -- */

struct weir_sim_parcel *weir_sim_parcel_new(const void *bytes, size_t len)
{
    struct weir_sim_parcel *p = malloc(sizeof(*p) + len);

    WEIR_ASSERT(p != NULL);
    WEIR_ASSERT(len <= UINT32_MAX);
    *p = (struct weir_sim_parcel){ .refs = 1, .len = (uint32_t)len };
    if (len > 0)
        memcpy(p->bytes, bytes, len);
    return p;
}

void weir_sim_parcel_drop(struct weir_sim_parcel **p)
{
    WEIR_ASSERT((*p)->refs > 0);
    if (--(*p)->refs == 0)
        free(*p);
    *p = NULL;
}

static void ring_push(struct ring *r, struct weir_sim_parcel *p)
{
    if (r->num == r->cap) {
        uint32_t cap = r->cap == 0 ? 4 : 2 * r->cap;
        struct weir_sim_parcel **at = calloc(cap, sizeof(struct weir_sim_parcel *));
        WEIR_ASSERT(at != NULL);
        for (uint32_t i = 0; i < r->num; i++)
            at[i] = r->at[(r->head + i) & (r->cap - 1)];
        free(r->at);
        r->at = at;
        r->cap = cap;
        r->head = 0;
    }
    r->at[(r->head + r->num++) & (r->cap - 1)] = p;
}

static struct weir_sim_parcel *ring_pop(struct ring *r)
{
    WEIR_ASSERT(r->num > 0);
    struct weir_sim_parcel *p = r->at[r->head];
    r->head = (r->head + 1) & (r->cap - 1);
    r->num--;
    return p;
}

static void ring_lose(struct weir_sim_net *n, struct ring *r)
{
    while (r->num > 0) {
        struct weir_sim_parcel *p = ring_pop(r);
        weir_sim_parcel_drop(&p);
        n->num_lost++;
    }
}

/* -- making -- */

void weir_sim_net_init(struct weir_sim_net *n, uint32_t num_nodes, struct weir_sim_events *events,
                       struct weir_rng *rng)
{
    *n = (struct weir_sim_net){ .events = events, .rng = rng, .num_nodes = num_nodes };
    n->cfg = (struct weir_sim_net_config){ .loss_run = 1, .queue = WEIR_SIM_NET_QUEUE_MAX };
    n->nodes = calloc(num_nodes, sizeof(*n->nodes));
    WEIR_ASSERT(n->nodes != NULL);
}

void weir_sim_net_deinit(struct weir_sim_net *n)
{
    for (uint32_t i = 0; i < n->num_links; i++) {
        for (unsigned side = 0; side < 2; side++) {
            struct direction *d = &n->links[i].from[side];
            for (unsigned s = 0; s < STREAMS; s++) {
                ring_lose(n, &d->waiting[s]);
                ring_lose(n, &d->flying[s]);
                free(d->waiting[s].at);
                free(d->flying[s].at);
            }
        }
    }
    for (uint32_t i = 0; i < n->num_nodes; i++)
        free(n->nodes[i].links);
    free(n->links);
    free(n->nodes);
    *n = (struct weir_sim_net){ 0 };
}

static uint32_t add_slot(struct weir_sim_net_node *node, uint32_t link)
{
    if (node->num_links == node->cap_links) {
        uint32_t cap = node->cap_links == 0 ? 8 : 2 * node->cap_links;
        uint32_t *links = realloc(node->links, cap * sizeof(*links));
        WEIR_ASSERT(links != NULL);
        node->links = links;
        node->cap_links = cap;
    }
    node->links[node->num_links] = link;
    return node->num_links++;
}

uint32_t weir_sim_net_join(struct weir_sim_net *n, uint32_t a, uint32_t b)
{
    WEIR_ASSERT(a < n->num_nodes);
    WEIR_ASSERT(b < n->num_nodes);
    WEIR_ASSERT(a != b);
    if (n->num_links == n->cap_links) {
        uint32_t cap = n->cap_links == 0 ? 16 : 2 * n->cap_links;
        struct weir_sim_net_link *links = realloc(n->links, cap * sizeof(*links));
        WEIR_ASSERT(links != NULL);
        n->links = links;
        n->cap_links = cap;
    }
    struct weir_sim_net_link *l = &n->links[n->num_links];
    *l = (struct weir_sim_net_link){ .node = { a, b } };
    l->slot[0] = add_slot(&n->nodes[a], n->num_links);
    l->slot[1] = add_slot(&n->nodes[b], n->num_links);
    return n->num_links++;
}

uint32_t weir_sim_net_link_of(const struct weir_sim_net *n, uint32_t node, uint32_t slot)
{
    const struct weir_sim_net_node *of = &n->nodes[node];

    return slot < of->num_links ? of->links[slot] : UINT32_MAX;
}

void weir_sim_net_ends(const struct weir_sim_net *n, uint32_t link, uint32_t ret_ends[2])
{
    WEIR_ASSERT(link < n->num_links);
    ret_ends[0] = n->links[link].node[0];
    ret_ends[1] = n->links[link].node[1];
}

/* -- connecting and breaking -- */

static bool is_path(const struct weir_sim_net *n, const struct weir_sim_net_link *l)
{
    const struct weir_sim_net_node *a = &n->nodes[l->node[0]];
    const struct weir_sim_net_node *b = &n->nodes[l->node[1]];

    return a->runs && b->runs && a->group == b->group;
}

static uint64_t in(const struct weir_sim_net *n, const struct weir_sim_delay *delay)
{
    return n->events->now_us + weir_sim_delay_draw(delay, n->rng);
}

/* Dial when there is a way; what makes one calls this. */
static void dial_later(struct weir_sim_net *n, uint32_t link)
{
    struct weir_sim_net_link *l = &n->links[link];

    if (l->is_open || l->dial_pending || !is_path(n, l))
        return;
    l->dial_pending = true;
    weir_sim_events_add(n->events, in(n, &n->cfg.redial), WEIR_SIM_NET_DIAL, link, 0);
}

static void notify_side(struct weir_sim_net *n, uint32_t link, unsigned side, bool up,
                        uint64_t at_us)
{
    uint64_t arg = (uint64_t)n->links[link].epoch << 2 | (uint64_t)up << 1 | side;

    weir_sim_events_add(n->events, at_us, WEIR_SIM_NET_SIDE, link, arg);
}

/* What is under way is gone, and nothing goes on until the next dial. */
static void lose_all(struct weir_sim_net *n, struct weir_sim_net_link *l)
{
    l->is_open = false;
    l->epoch++;
    for (unsigned side = 0; side < 2; side++) {
        struct direction *d = &l->from[side];
        for (unsigned s = 0; s < STREAMS; s++) {
            ring_lose(n, &d->waiting[s]);
            ring_lose(n, &d->flying[s]);
            d->last_arrival_us[s] = 0;
        }
        d->wire_free_us = 0;
        d->wire_pending = false;
        d->run_left = 0;
    }
}

void weir_sim_net_break(struct weir_sim_net *n, uint32_t link)
{
    struct weir_sim_net_link *l = &n->links[link];

    if (!l->is_open)
        return;
    lose_all(n, l);
    for (unsigned side = 0; side < 2; side++) {
        uint64_t at_us = in(n, &n->cfg.notice);
        if (l->is_up[side])
            notify_side(n, link, side, false, at_us);
    }
    dial_later(n, link);
}

static unsigned side_of(const struct weir_sim_net_link *l, uint32_t node)
{
    return l->node[1] == node;
}

void weir_sim_net_close(struct weir_sim_net *n, uint32_t node, uint32_t slot)
{
    uint32_t link = weir_sim_net_link_of(n, node, slot);

    if (link == UINT32_MAX)
        return;
    n->links[link].is_up[side_of(&n->links[link], node)] = false;
    weir_sim_net_break(n, link);
}

void weir_sim_net_start(struct weir_sim_net *n, uint32_t node)
{
    struct weir_sim_net_node *of = &n->nodes[node];

    of->runs = true;
    for (uint32_t i = 0; i < of->num_links; i++)
        dial_later(n, of->links[i]);
}

void weir_sim_net_stop(struct weir_sim_net *n, uint32_t node)
{
    struct weir_sim_net_node *of = &n->nodes[node];

    of->runs = false;
    for (uint32_t i = 0; i < of->num_links; i++) {
        struct weir_sim_net_link *l = &n->links[of->links[i]];
        l->is_up[side_of(l, node)] = false;
        weir_sim_net_break(n, of->links[i]);
    }
}

void weir_sim_net_part(struct weir_sim_net *n, const uint32_t *groups)
{
    for (uint32_t i = 0; i < n->num_nodes; i++)
        n->nodes[i].group = groups[i];
    for (uint32_t link = 0; link < n->num_links; link++) {
        if (!is_path(n, &n->links[link]))
            weir_sim_net_break(n, link);
        else
            dial_later(n, link);
    }
}

void weir_sim_net_cut(struct weir_sim_net *n, uint32_t link, unsigned side, bool on)
{
    struct direction *d = &n->links[link].from[side];

    if (d->is_cut && !on)
        weir_sim_net_break(n, link);
    d->is_cut = on;
}

static void dial(struct weir_sim_net *n, uint32_t link)
{
    struct weir_sim_net_link *l = &n->links[link];

    l->dial_pending = false;
    if (l->is_open || !is_path(n, l))
        return;
    l->is_open = true;
    l->epoch++;
    for (unsigned side = 0; side < 2; side++) {
        uint64_t at_us = in(n, &n->cfg.dial);
        if (l->is_up[side]) /* it was half-open until now */
            notify_side(n, link, side, false, n->events->now_us);
        notify_side(n, link, side, true, at_us);
    }
}

/* -- frames -- */

static void fly(struct weir_sim_net *n, uint32_t link, unsigned side, unsigned stream,
                struct weir_sim_parcel *p)
{
    struct weir_sim_net_link *l = &n->links[link];
    struct direction *d = &l->from[side];
    uint64_t start_us = n->events->now_us;

    if (n->cfg.bytes_per_s > 0) {
        start_us += (p->len * MILLION_US + n->cfg.bytes_per_s - 1) / n->cfg.bytes_per_s;
        d->wire_free_us = start_us;
    }
    uint64_t arrival_us = start_us + weir_sim_delay_draw(&n->cfg.delay, n->rng);
    if (arrival_us < d->last_arrival_us[stream])
        arrival_us = d->last_arrival_us[stream];
    d->last_arrival_us[stream] = arrival_us;
    ring_push(&d->flying[stream], p);
    weir_sim_events_add(n->events, arrival_us, WEIR_SIM_NET_ARRIVES, link,
                        (uint64_t)l->epoch << 2 | stream << 1 | side);
}

static void wire_later(struct weir_sim_net *n, uint32_t link, unsigned side)
{
    struct direction *d = &n->links[link].from[side];

    if (d->wire_pending)
        return;
    d->wire_pending = true;
    weir_sim_events_add(n->events, d->wire_free_us, WEIR_SIM_NET_WIRE, link,
                        (uint64_t)n->links[link].epoch << 2 | side);
}

/* To the wire if it is free, else into the queue; a full one drops its oldest. */
static void queue(struct weir_sim_net *n, uint32_t link, unsigned side, unsigned stream,
                  struct weir_sim_parcel *p)
{
    struct direction *d = &n->links[link].from[side];

    if (d->wire_free_us <= n->events->now_us && !d->wire_pending) {
        fly(n, link, side, stream, p);
        return;
    }
    if (stream == STREAM_PUBLISHED && d->waiting[stream].num >= n->cfg.queue) {
        struct weir_sim_parcel *oldest = ring_pop(&d->waiting[stream]);
        weir_sim_parcel_drop(&oldest);
        n->num_lost++;
    }
    ring_push(&d->waiting[stream], p);
    wire_later(n, link, side);
}

static bool draws(struct weir_sim_net *n, uint32_t of_million)
{
    return of_million > 0 && weir_rng_below(n->rng, WEIR_SIM_MILLION) < of_million;
}

static bool is_lost(struct weir_sim_net *n, struct direction *d, unsigned stream)
{
    if (d->is_cut)
        return true;
    if (stream == STREAM_SENT)
        return draws(n, n->cfg.unanswered);
    if (d->run_left > 0 && n->cfg.loss > 0) { /* once nothing is lost any more, runs end too */
        d->run_left--;
        return true;
    }
    if (!draws(n, n->cfg.loss))
        return false;
    d->run_left = n->cfg.loss_run - 1;
    return true;
}

static void queue_unless_lost(struct weir_sim_net *n, uint32_t link, uint32_t node, unsigned stream,
                              struct weir_sim_parcel *p)
{
    struct weir_sim_net_link *l = &n->links[link];
    unsigned side = side_of(l, node);

    if (!l->is_open || !l->is_up[side] || is_lost(n, &l->from[side], stream)) {
        n->num_lost++;
        return;
    }
    queue(n, link, side, stream, weir_sim_parcel_ref(p));
    if (draws(n, n->cfg.doubled))
        queue(n, link, side, stream, weir_sim_parcel_ref(p));
}

void weir_sim_net_send(struct weir_sim_net *n, uint32_t node, uint32_t slot,
                       struct weir_sim_parcel *p)
{
    uint32_t link = weir_sim_net_link_of(n, node, slot);

    if (link != UINT32_MAX)
        queue_unless_lost(n, link, node, STREAM_SENT, p);
}

void weir_sim_net_publish(struct weir_sim_net *n, uint32_t node, struct weir_sim_parcel *p)
{
    const struct weir_sim_net_node *of = &n->nodes[node];

    for (uint32_t i = 0; i < of->num_links; i++)
        queue_unless_lost(n, of->links[i], node, STREAM_PUBLISHED, p);
}

/* -- events -- */

static struct weir_sim_net_event event_of(const struct weir_sim_net_link *l, unsigned side)
{
    return (struct weir_sim_net_event){
        .node = l->node[side],
        .slot = l->slot[side],
        .peer = l->node[1 - side],
    };
}

static struct weir_sim_net_event arrives(struct weir_sim_net *n, struct weir_sim_net_link *l,
                                         unsigned side, unsigned stream)
{
    struct weir_sim_net_event event = event_of(l, 1 - side);
    struct weir_sim_parcel *p = ring_pop(&l->from[side].flying[stream]);

    if (!l->is_up[1 - side]) {
        weir_sim_parcel_drop(&p);
        n->num_lost++;
        return event;
    }
    n->num_carried++;
    n->num_bytes += p->len;
    event.what = WEIR_SIM_NET_FRAME;
    event.is_published = stream == STREAM_PUBLISHED;
    event.parcel = p;
    return event;
}

/* The wire is free: first what was sent to this peer, then what was published. */
static void wire(struct weir_sim_net *n, uint32_t link, unsigned side)
{
    struct direction *d = &n->links[link].from[side];
    unsigned stream = d->waiting[STREAM_SENT].num > 0 ? STREAM_SENT : STREAM_PUBLISHED;

    d->wire_pending = false;
    if (d->waiting[stream].num == 0)
        return;
    fly(n, link, side, stream, ring_pop(&d->waiting[stream]));
    if (d->waiting[STREAM_SENT].num + d->waiting[STREAM_PUBLISHED].num > 0)
        wire_later(n, link, side);
}

static struct weir_sim_net_event side_hears(struct weir_sim_net_link *l, unsigned side, bool up)
{
    struct weir_sim_net_event event = event_of(l, side);

    if (l->is_up[side] != up)
        event.what = up ? WEIR_SIM_NET_UP : WEIR_SIM_NET_DOWN;
    l->is_up[side] = up;
    return event;
}

struct weir_sim_net_event weir_sim_net_step(struct weir_sim_net *n,
                                            const struct weir_sim_event *event)
{
    uint32_t link = event->subject;
    struct weir_sim_net_link *l = &n->links[link];
    unsigned side = event->arg & 1;

    WEIR_ASSERT(link < n->num_links);
    if (event->kind == WEIR_SIM_NET_DIAL)
        dial(n, link);
    else if (event->arg >> 2 != l->epoch)
        return (struct weir_sim_net_event){ 0 }; /* of a connection that is no more */
    else if (event->kind == WEIR_SIM_NET_ARRIVES)
        return arrives(n, l, side, event->arg >> 1 & 1);
    else if (event->kind == WEIR_SIM_NET_SIDE)
        return side_hears(l, side, (event->arg >> 1 & 1) != 0);
    else if (event->kind == WEIR_SIM_NET_WIRE)
        wire(n, link, side);
    return (struct weir_sim_net_event){ 0 };
}

bool weir_sim_net_is_up(const struct weir_sim_net *n, uint32_t node, uint32_t slot)
{
    uint32_t link = weir_sim_net_link_of(n, node, slot);

    return link != UINT32_MAX && n->links[link].is_up[side_of(&n->links[link], node)];
}
