/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_faults.c - one fault at a time.
 */
#include "tests/sim/cluster/hostile_faults.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/frame/frame.h"
#include "sync/version/record.h"
#include "sync/version/stored_record.h"
#include "sync/version/sums.h"
#include "tests/sim/cluster/sim_state.h"

#define AT_ONCE      4  /* faults of one act */
#define CLASS_NONE   12 /* between the classes of the two groups */
#define UNKNOWN_TAG  1000
#define UNKNOWN_MOST 65 /* fields; a record may have one less */
#define NO_PLEN      0xff

/* What a faulty message borrows. */
struct scrap {
    Weir__V1__BanCols cols;
    Weir__V1__Record record;
    Weir__V1__Record *records[1];
    Weir__V1__Ack ack;
    Weir__V1__Ack *acks[1];
    Weir__V1__Audit audit;
    Weir__V1__Lv *lanes[2];
    char why[2];
    ProtobufCBinaryData bytes[2];
    uint32_t numbers[2];
    ProtobufCMessageUnknownField fields[UNKNOWN_MOST];
    uint8_t zeros[WEIR_STORED_EXTRA_MAX];
};

/* One thing that no frame may have. `make` changes a message that has come.
 * @return false: it has not what the fault is about */
struct fault {
    enum weir_frame_topic topic;
    bool (*make)(struct weir_frame *f, struct scrap *scrap);
};

/* -- of lists of lanes -- */

static bool twice(size_t *num, Weir__V1__Lv ***list, struct scrap *scrap)
{
    if (*num == 0)
        return false;
    scrap->lanes[0] = scrap->lanes[1] = (*list)[0];
    *list = scrap->lanes;
    *num = 2;
    return true;
}

static bool hello_vv_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.hello->n_vv, &f->msg.hello->vv, scrap);
}

static bool hello_floor_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.hello->n_floor, &f->msg.hello->floor, scrap);
}

static bool hello_seen_twice(struct weir_frame *f, struct scrap *scrap)
{
    f->msg.hello->seen = f->msg.hello->vv;
    f->msg.hello->n_seen = f->msg.hello->n_vv;
    return twice(&f->msg.hello->n_seen, &f->msg.hello->seen, scrap);
}

static bool hello_wire(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    f->msg.hello->wire_min = f->msg.hello->wire_max + 1;
    return true;
}

static bool heartbeat_own_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.heartbeat->n_own, &f->msg.heartbeat->own, scrap);
}

static bool req_cursor_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.pull_req->n_cursor, &f->msg.pull_req->cursor, scrap);
}

static bool req_beyond_twice(struct weir_frame *f, struct scrap *scrap)
{
    f->msg.pull_req->beyond = f->msg.pull_req->cursor;
    f->msg.pull_req->n_beyond = f->msg.pull_req->n_cursor;
    return twice(&f->msg.pull_req->n_beyond, &f->msg.pull_req->beyond, scrap);
}

static bool rep_vv_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.pull_rep->n_vv, &f->msg.pull_rep->vv, scrap);
}

static bool rep_cursor_twice(struct weir_frame *f, struct scrap *scrap)
{
    return twice(&f->msg.pull_rep->n_cursor, &f->msg.pull_rep->cursor, scrap);
}

/* -- of records -- */

static Weir__V1__Record *record_of(struct weir_frame *f)
{
    if (f->topic == WEIR_FRAME_PULL_REP)
        return f->msg.pull_rep->n_r > 0 ? f->msg.pull_rep->r[0] : NULL;
    return f->msg.batch->n_r > 0 ? f->msg.batch->r[0] : NULL;
}

static bool record_class(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r != NULL)
        r->class_ = CLASS_NONE;
    return r != NULL;
}

static bool record_group(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r != NULL)
        r->class_ = WEIR_CLASS_BAN;
    return r != NULL;
}

static bool record_tombstone(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r == NULL || r->value.len == 0)
        return false;
    r->has_flags = 1;
    r->flags = 1;
    return true;
}

static bool record_key(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r != NULL)
        r->key.len = 0;
    return r != NULL;
}

/* Fields of a later version: more bytes than a store has room for. */
static bool record_extra(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    if (r == NULL)
        return false;
    for (unsigned i = 0; i < 2; i++)
        scrap->fields[i] = (ProtobufCMessageUnknownField){
            .tag = UNKNOWN_TAG,
            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
            .len = sizeof(scrap->zeros) / 2 + 2,
            .data = scrap->zeros,
        };
    scrap->zeros[0] = 0x80; /* as many bytes as follow: WEIR_STORED_EXTRA_MAX / 2 */
    scrap->zeros[1] = 0x10;
    r->base.n_unknown_fields = 2;
    r->base.unknown_fields = scrap->fields;
    return true;
}

/* More fields of a later version than a message within another may have. */
static bool record_unknown(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    if (r == NULL)
        return false;
    for (unsigned i = 0; i < UNKNOWN_MOST; i++)
        scrap->fields[i] = (ProtobufCMessageUnknownField){
            .tag = UNKNOWN_TAG + i,
            .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT,
            .len = 1,
            .data = scrap->zeros,
        };
    r->base.n_unknown_fields = UNKNOWN_MOST;
    r->base.unknown_fields = scrap->fields;
    return true;
}

static bool record_has_lane(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r == NULL)
        return false;
    r->has_lane = 1;
    r->lane = f->msg.batch->lane;
    return true;
}

static bool record_no_lane(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r != NULL)
        r->has_lane = 0;
    return r != NULL;
}

static bool record_seq(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = record_of(f);

    (void)scrap;
    if (r == NULL)
        return false;
    r->has_seq = 1;
    r->seq = f->msg.batch->first + 1;
    return true;
}

static bool batch_group(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    f->msg.batch->group = f->topic == WEIR_FRAME_BATCH_C ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;
    return true;
}

/* -- of bans -- */

static bool bans_of_c(struct weir_frame *f, struct scrap *scrap)
{
    weir__v1__ban_cols__init(&scrap->cols);
    scrap->cols.has_plen = scrap->cols.has_reason = 1;
    scrap->cols.plen = scrap->cols.reason = (ProtobufCBinaryData){ .len = 1, .data = scrap->zeros };
    f->msg.batch->bans = &scrap->cols;
    return true;
}

static bool bans_and_records(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Record *r = &scrap->record;

    weir__v1__record__init(r);
    r->has_class_ = r->has_key = r->has_hlc = r->has_seq = 1;
    r->class_ = WEIR_CLASS_BAN;
    r->key = (ProtobufCBinaryData){ .len = 1, .data = scrap->zeros };
    r->seq = f->msg.batch->first;
    scrap->records[0] = r;
    f->msg.batch->r = scrap->records;
    f->msg.batch->n_r = 1;
    return f->msg.batch->bans != NULL;
}

static bool bans_short(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    if (f->msg.batch->bans == NULL)
        return false;
    f->msg.batch->bans->n_scope--;
    return true;
}

static bool bans_undated(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    f->msg.batch->has_sent_ms = 0;
    return f->msg.batch->bans != NULL;
}

static bool bans_last(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    f->msg.batch->first = WEIR_RECORD_SEQ_MAX;
    return f->msg.batch->bans != NULL && f->msg.batch->bans->plen.len > 1;
}

static bool bans_plen(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    if (f->msg.batch->bans == NULL)
        return false;
    f->msg.batch->bans->plen.data[0] = NO_PLEN;
    return true;
}

static bool bans_bits(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__BanCols *c = f->msg.batch->bans;

    (void)scrap;
    if (c == NULL || c->n_v4 == 0 || c->plen.data[0] != 32)
        return false;
    c->plen.data[0] = 31;
    c->v4[0] |= 1;
    return true;
}

static bool bans_ttl(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    if (f->msg.batch->bans == NULL)
        return false;
    f->msg.batch->bans->ttl_d[0] = WEIR_BAN_TTL_MAX + 1;
    return true;
}

static bool bans_ended(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    if (f->msg.batch->bans == NULL)
        return false;
    f->msg.batch->bans->ttl_d[0] = -1;
    return true;
}

static bool bans_reason(struct weir_frame *f, struct scrap *scrap)
{
    (void)scrap;
    if (f->msg.batch->bans == NULL)
        return false;
    f->msg.batch->bans->ttl_d[0] = 0;
    f->msg.batch->bans->reason.data[0] = 1;
    return true;
}

/* -- of requests, heartbeats and audits -- */

static bool req_group(struct weir_frame *f, struct scrap *scrap)
{
    scrap->numbers[0] = WEIR_FRAME_BATCH_C + 1;
    f->msg.pull_req->groups = scrap->numbers;
    f->msg.pull_req->n_groups = 1;
    return true;
}

static bool req_key(struct weir_frame *f, struct scrap *scrap)
{
    scrap->zeros[0] = CLASS_NONE;
    scrap->bytes[0] = (ProtobufCBinaryData){ .len = 2, .data = scrap->zeros };
    f->msg.pull_req->force_keys = scrap->bytes;
    f->msg.pull_req->n_force_keys = 1;
    return true;
}

static bool heartbeat_sums(struct weir_frame *f, struct scrap *scrap, uint8_t class)
{
    scrap->zeros[0] = class;
    scrap->bytes[0] = scrap->bytes[1] =
        (ProtobufCBinaryData){ .len = 1 + WEIR_SUM_LEN, .data = scrap->zeros };
    f->msg.heartbeat->sum = scrap->bytes;
    f->msg.heartbeat->n_sum = 2;
    return true;
}

static bool heartbeat_sum_class(struct weir_frame *f, struct scrap *scrap)
{
    return heartbeat_sums(f, scrap, CLASS_NONE);
}

static bool heartbeat_sum_twice(struct weir_frame *f, struct scrap *scrap)
{
    return heartbeat_sums(f, scrap, WEIR_CLASS_SETTING);
}

/* A rejection whose reason is no text. */
static bool heartbeat_why(struct weir_frame *f, struct scrap *scrap, char letter)
{
    weir__v1__ack__init(&scrap->ack);
    scrap->ack.has_lane = 1;
    scrap->ack.lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = scrap->zeros };
    scrap->why[0] = letter;
    scrap->ack.why = scrap->why;
    scrap->acks[0] = &scrap->ack;
    f->msg.heartbeat->ack = scrap->acks;
    f->msg.heartbeat->n_ack = 1;
    return true;
}

static bool heartbeat_why_newline(struct weir_frame *f, struct scrap *scrap)
{
    return heartbeat_why(f, scrap, '\n');
}

static bool heartbeat_why_delete(struct weir_frame *f, struct scrap *scrap)
{
    return heartbeat_why(f, scrap, '\x7f');
}

/* Made from nothing: nodes seldom audit one another. */
static Weir__V1__Audit *audit_init(struct weir_frame *f, struct scrap *scrap)
{
    weir__v1__audit__init(&scrap->audit);
    scrap->audit.has_class_ = 1;
    scrap->audit.class_ = WEIR_CLASS_SETTING;
    f->topic = WEIR_FRAME_AUDIT;
    f->msg.audit = &scrap->audit;
    return &scrap->audit;
}

static bool audit_class(struct weir_frame *f, struct scrap *scrap)
{
    audit_init(f, scrap)->class_ = CLASS_NONE;
    return true;
}

static bool audit_bad_twice(struct weir_frame *f, struct scrap *scrap)
{
    Weir__V1__Audit *m = audit_init(f, scrap);

    m->bad = scrap->numbers;
    m->n_bad = 2;
    return true;
}

static const struct fault faults[] = {
    { WEIR_FRAME_HELLO, hello_vv_twice },
    { WEIR_FRAME_HELLO, hello_floor_twice },
    { WEIR_FRAME_HELLO, hello_seen_twice },
    { WEIR_FRAME_HELLO, hello_wire },
    { WEIR_FRAME_HEARTBEAT, heartbeat_own_twice },
    { WEIR_FRAME_HEARTBEAT, heartbeat_sum_class },
    { WEIR_FRAME_HEARTBEAT, heartbeat_sum_twice },
    { WEIR_FRAME_HEARTBEAT, heartbeat_why_newline },
    { WEIR_FRAME_HEARTBEAT, heartbeat_why_delete },
    { WEIR_FRAME_HEARTBEAT, audit_class },
    { WEIR_FRAME_HEARTBEAT, audit_bad_twice },
    { WEIR_FRAME_PULL_REQ, req_cursor_twice },
    { WEIR_FRAME_PULL_REQ, req_beyond_twice },
    { WEIR_FRAME_PULL_REQ, req_group },
    { WEIR_FRAME_PULL_REQ, req_key },
    { WEIR_FRAME_PULL_REP, rep_vv_twice },
    { WEIR_FRAME_PULL_REP, rep_cursor_twice },
    { WEIR_FRAME_PULL_REP, record_class },
    { WEIR_FRAME_PULL_REP, record_no_lane },
    { WEIR_FRAME_BATCH_C, batch_group },
    { WEIR_FRAME_BATCH_C, bans_of_c },
    { WEIR_FRAME_BATCH_C, record_class },
    { WEIR_FRAME_BATCH_C, record_group },
    { WEIR_FRAME_BATCH_C, record_tombstone },
    { WEIR_FRAME_BATCH_C, record_key },
    { WEIR_FRAME_BATCH_C, record_extra },
    { WEIR_FRAME_BATCH_C, record_unknown },
    { WEIR_FRAME_BATCH_C, record_has_lane },
    { WEIR_FRAME_BATCH_C, record_seq },
    { WEIR_FRAME_BATCH_E, batch_group },
    { WEIR_FRAME_BATCH_E, bans_and_records },
    { WEIR_FRAME_BATCH_E, bans_short },
    { WEIR_FRAME_BATCH_E, bans_undated },
    { WEIR_FRAME_BATCH_E, bans_last },
    { WEIR_FRAME_BATCH_E, bans_plen },
    { WEIR_FRAME_BATCH_E, bans_bits },
    { WEIR_FRAME_BATCH_E, bans_ttl },
    { WEIR_FRAME_BATCH_E, bans_ended },
    { WEIR_FRAME_BATCH_E, bans_reason },
};

/* -- sending -- */

/* A frame of the topic that came, the last such one first. */
static const struct weir_sim_parcel *find_replay(const struct weir_sim_hostile *h,
                                                 enum weir_frame_topic topic)
{
    for (uint32_t back = 1; back <= WEIR_SIM_REPLAYS_MAX && back <= h->num_replays; back++) {
        const struct weir_sim_parcel *p =
            h->replays[(h->num_replays - back) % WEIR_SIM_REPLAYS_MAX];
        if (p->len > 0 && p->bytes[0] == (uint8_t)topic)
            return p;
    }
    return NULL;
}

static void send(struct weir_sim *s, const struct weir_frame *f)
{
    size_t len = weir_frame_packed_len(f->msg.any);
    uint8_t *bytes = malloc(len);

    WEIR_ASSERT(bytes != NULL);
    weir_frame_pack(f->topic, f->msg.any, bytes);
    struct weir_sim_parcel *p = weir_sim_parcel_new(bytes, len);
    p->is_malformed = true;
    weir_sim_net_publish(&s->net, s->hostile.node, p);
    weir_sim_parcel_drop(&p);
    free(bytes);
}

static void send_fault(struct weir_sim *s, const struct fault *fault)
{
    const struct weir_sim_parcel *p = find_replay(&s->hostile, fault->topic);
    struct scrap *scrap = calloc(1, sizeof(*scrap));
    struct weir_frame f;
    enum weir_frame_fault why;

    WEIR_ASSERT(scrap != NULL);
    if (p != NULL && weir_frame_decode(weir_span(p->bytes, p->len), &f, &why) == WEIR_OK) {
        if (fault->make(&f, scrap))
            send(s, &f);
        weir_frame_deinit(&f);
    }
    free(scrap);
}

void weir_sim_hostile_malformed(struct weir_sim *s)
{
    for (unsigned i = 0; i < AT_ONCE; i++)
        send_fault(s, &faults[s->hostile.num_faults++ % WEIR_ARRAY_LEN(faults)]);
}
