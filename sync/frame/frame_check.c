/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_check.c - the check of an unpacked message: what the scan of single fields cannot see.
 */
#include <string.h>

#include "sync/frame/frame_bans.h"
#include "sync/frame/frame_checks.h"
#include "sync/version/record.h"
#include "sync/version/stored_record.h"

#define FLAG_TOMBSTONE 1
#define VARINT_MAX     5 /* bytes of a field's number */

/* Fields of a later version are stored with the record: they have a limit of their own. */
static bool is_extra_small(const ProtobufCMessage *msg)
{
    size_t len = 0;

    for (unsigned i = 0; i < msg->n_unknown_fields; i++)
        len += VARINT_MAX + msg->unknown_fields[i].len;
    return len <= WEIR_STORED_EXTRA_MAX;
}

static enum weir_frame_fault check_record(const Weir__V1__Record *r)
{
    if (!is_extra_small(&r->base))
        return WEIR_FRAME_BAD_UNKNOWN;
    if (weir_frame_group(r->class_) == 0)
        return WEIR_FRAME_BAD_CLASS;
    if ((r->flags & FLAG_TOMBSTONE) != 0 && r->value.len > 0)
        return WEIR_FRAME_BAD_TOMBSTONE;
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault check_lanes(Weir__V1__Lv *const *lanes, size_t num)
{
    for (size_t i = 1; i < num; i++)
        if (memcmp(lanes[i - 1]->lane.data, lanes[i]->lane.data, WEIR_LANE_LEN) >= 0)
            return WEIR_FRAME_BAD_ORDER;
    return WEIR_FRAME_OK;
}

/* R15: is each of these lanes within what the sender states to have? */
static enum weir_frame_fault check_claim(Weir__V1__Lv *const *lanes, size_t num,
                                         Weir__V1__Lv *const *vv, size_t num_vv)
{
    size_t at = 0;

    for (size_t i = 0; i < num; i++) {
        const uint8_t *lane = lanes[i]->lane.data;
        while (at < num_vv && memcmp(vv[at]->lane.data, lane, WEIR_LANE_LEN) < 0)
            at++;
        bool has = at < num_vv && memcmp(vv[at]->lane.data, lane, WEIR_LANE_LEN) == 0;
        /* A lane of bans that has no record is left out of the vector. */
        if ((has && lanes[i]->seq > vv[at]->seq) ||
            (!has && lane[WEIR_NODE_ID_LEN] != WEIR_FRAME_BATCH_E))
            return WEIR_FRAME_BAD_CLAIM;
    }
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault first_of(enum weir_frame_fault a, enum weir_frame_fault b)
{
    return a != WEIR_FRAME_OK ? a : b;
}

static enum weir_frame_fault check_batch(enum weir_frame_topic topic, const Weir__V1__Batch *b)
{
    if (b->group != (uint32_t)topic)
        return WEIR_FRAME_BAD_GROUP;
    if (b->bans != NULL)
        return topic == WEIR_FRAME_BATCH_E && b->n_r == 0 && weir_frame_bans_ok(b)
                   ? WEIR_FRAME_OK
                   : WEIR_FRAME_BAD_BANS;
    for (size_t i = 0; i < b->n_r; i++) {
        const Weir__V1__Record *r = b->r[i];
        enum weir_frame_fault fault = check_record(r);
        if (fault != WEIR_FRAME_OK)
            return fault;
        if (r->has_lane)
            return WEIR_FRAME_BAD_LANE;
        if (r->seq != b->first + i)
            return WEIR_FRAME_BAD_SEQ;
        if (weir_frame_group(r->class_) != b->group)
            return WEIR_FRAME_BAD_CLASS;
    }
    return WEIR_FRAME_OK;
}

static bool is_group(uint32_t group)
{
    return group == WEIR_FRAME_BATCH_C || group == WEIR_FRAME_BATCH_E;
}

static enum weir_frame_fault check_pull_req(const Weir__V1__PullReq *p)
{
    for (size_t i = 0; i < p->n_groups; i++)
        if (!is_group(p->groups[i]))
            return WEIR_FRAME_BAD_GROUP;
    for (size_t i = 0; i < p->n_force_keys; i++)
        if (weir_frame_group(p->force_keys[i].data[0]) == 0)
            return WEIR_FRAME_BAD_CLASS;
    return first_of(
        check_lanes(p->beyond, p->n_beyond),
        first_of(check_lanes(p->cursor, p->n_cursor), check_lanes(p->floor, p->n_floor)));
}

static enum weir_frame_fault check_pull_rep(const Weir__V1__PullRep *p)
{
    for (size_t i = 0; i < p->n_r; i++) {
        enum weir_frame_fault fault = check_record(p->r[i]);
        if (fault != WEIR_FRAME_OK)
            return fault;
        if (!p->r[i]->has_lane)
            return WEIR_FRAME_BAD_LANE;
    }
    enum weir_frame_fault fault =
        first_of(first_of(check_lanes(p->cursor, p->n_cursor), check_lanes(p->beyond, p->n_beyond)),
                 first_of(check_lanes(p->vv, p->n_vv), check_lanes(p->floor, p->n_floor)));
    if (fault != WEIR_FRAME_OK || !p->complete)
        return fault;
    return first_of(check_claim(p->cursor, p->n_cursor, p->vv, p->n_vv),
                    check_claim(p->floor, p->n_floor, p->vv, p->n_vv));
}

static enum weir_frame_fault check_hello(const Weir__V1__Hello *h)
{
    if (h->wire_min > h->wire_max)
        return WEIR_FRAME_BAD_FIELD;
    enum weir_frame_fault fault =
        first_of(check_lanes(h->seen, h->n_seen),
                 first_of(check_lanes(h->vv, h->n_vv), check_lanes(h->floor, h->n_floor)));
    return first_of(fault, check_claim(h->floor, h->n_floor, h->vv, h->n_vv));
}

static enum weir_frame_fault check_heartbeat(const Weir__V1__Heartbeat *h)
{
    for (size_t i = 0; i < h->n_sum; i++) {
        if (weir_frame_group(h->sum[i].data[0]) == 0)
            return WEIR_FRAME_BAD_CLASS;
        if (i > 0 && h->sum[i - 1].data[0] >= h->sum[i].data[0])
            return WEIR_FRAME_BAD_ORDER;
    }
    for (size_t i = 0; i < h->n_own; i++)
        if (memcmp(h->own[i]->lane.data, h->node.data, WEIR_NODE_ID_LEN) != 0)
            return WEIR_FRAME_BAD_CLAIM;
    return check_lanes(h->own, h->n_own);
}

static enum weir_frame_fault check_audit(const Weir__V1__Audit *a)
{
    if (weir_frame_group(a->class_) == 0)
        return WEIR_FRAME_BAD_CLASS;
    for (size_t i = 1; i < a->n_bad; i++)
        if (a->bad[i - 1] >= a->bad[i])
            return WEIR_FRAME_BAD_ORDER;
    return WEIR_FRAME_OK;
}

enum weir_frame_fault weir_frame_check(const struct weir_frame *f)
{
    switch (f->topic) {
    case WEIR_FRAME_BATCH_C:
    case WEIR_FRAME_BATCH_E:
        return check_batch(f->topic, f->msg.batch);
    case WEIR_FRAME_HEARTBEAT:
        return check_heartbeat(f->msg.heartbeat);
    case WEIR_FRAME_HELLO:
        return check_hello(f->msg.hello);
    case WEIR_FRAME_PULL_REQ:
        return check_pull_req(f->msg.pull_req);
    case WEIR_FRAME_PULL_REP:
        return check_pull_rep(f->msg.pull_rep);
    case WEIR_FRAME_AUDIT:
        return check_audit(f->msg.audit);
    }
    WEIR_UNREACHABLE();
}
