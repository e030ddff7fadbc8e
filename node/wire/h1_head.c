/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_head.c - drives the head parser: the loop over field lines, the limits, and the questions
 * asked of a complete head. Owner: one worker.   Limits: max_head bytes, max_fields fields,
 * WEIR_H1_OPTIONS_MAX Connection options. Ref: RFC 9112 sections 2 to 6 and 9.3.
 */
#include <string.h>

#include "node/wire/bytes.h"
#include "node/wire/h1.h"
#include "node/wire/h1_private.h"
#include "node/wire/scan.h"

_Static_assert(WEIR_HEAD_MAX <= UINT16_MAX, "offsets into a head are 16 bits");
_Static_assert(WEIR_FIELDS_MAX <= UINT16_MAX, "num_fields is 16 bits");

void weir_h1_head_init(struct weir_h1_head *h, enum weir_h1_kind kind, uint32_t max_head)
{
    WEIR_ASSERT_CMP(max_head, >=, 64);
    WEIR_ASSERT_CMP(max_head, <=, WEIR_HEAD_MAX);
    memset(h, 0, offsetof(struct weir_h1_head, fields));
    h->kind = kind;
    h->max_head = max_head;
    h->max_fields = WEIR_FIELDS_MAX;
    h->state = WEIR_H1_AT_START;
}

WEIR_COLD enum weir_step weir_h1_stop(struct weir_h1_head *h, struct weir_span head, size_t at,
                                      enum weir_h1_fault fault)
{
    WEIR_ASSERT_CMP(at, <, head.len);
    if (head.at[at] == '\n')
        return weir_h1_fail(h, WEIR_FAULT_LINE_END);
    if (head.at[at] == '\r') {
        if (at + 1 == head.len)
            return WEIR_STEP_MORE;
        if (head.at[at + 1] != '\n')
            return weir_h1_fail(h, WEIR_FAULT_LINE_END);
    }
    return weir_h1_fail(h, fault);
}

/* The first byte of a line decides: the end of the head, a fold, or a field. */
static enum weir_step feed_line_start(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = h->scan_at;
    if (at == head.len)
        return WEIR_STEP_MORE;
    uint8_t first = head.at[at];
    if (first == '\r') {
        if (at + 1 == head.len)
            return WEIR_STEP_MORE;
        if (head.at[at + 1] != '\n')
            return weir_h1_fail(h, WEIR_FAULT_LINE_END);
        enum weir_h1_fault fault = weir_h1_head_judge(h, head.at);
        if (fault != WEIR_FAULT_NONE)
            return weir_h1_fail(h, fault);
        h->head_len = (uint32_t)at + 2;
        h->scan_at = h->head_len;
        h->state = WEIR_H1_AT_END;
        return WEIR_STEP_DONE;
    }
    if (first == ' ' || first == '\t')
        return weir_h1_fail(h, WEIR_FAULT_OBS_FOLD);
    if (h->num_fields >= h->max_fields)
        return weir_h1_fail(h, WEIR_FAULT_TOO_MANY_FIELDS);
    struct weir_h1_field *f = &h->fields[h->num_fields];
    f->name_at = (uint16_t)at;
    f->underscore = false;
    h->state = WEIR_H1_AT_NAME;
    return WEIR_STEP_SOME;
}

/* A name that does not end in a colon at `at`, or is empty or too long; or whose end is not there.
 */
WEIR_COLD static enum weir_step stop_name(struct weir_h1_head *h, struct weir_span head, size_t at)
{
    if (at - h->fields[h->num_fields].name_at > WEIR_FIELD_NAME_MAX)
        return weir_h1_fail(h, WEIR_FAULT_FIELD_NAME_TOO_LONG);
    return at == head.len ? WEIR_STEP_MORE : weir_h1_stop(h, head, at, WEIR_FAULT_FIELD_NAME);
}

static enum weir_step feed_name(struct weir_h1_head *h, struct weir_span head)
{
    struct weir_h1_field *f = &h->fields[h->num_fields];
    size_t at = weir_scan_name(head.at, h->scan_at, head.len, &f->underscore);
    h->scan_at = (uint32_t)at;
    size_t name_len = at - f->name_at;
    if (WEIR_UNLIKELY(at == head.len || head.at[at] != ':' || name_len - 1 >= WEIR_FIELD_NAME_MAX))
        return stop_name(h, head, at);
    f->name_len = (uint16_t)name_len;
    f->value_at = (uint16_t)(at + 1);
    h->scan_at = (uint32_t)at + 1;
    h->state = WEIR_H1_AT_VALUE;
    return WEIR_STEP_SOME;
}

/* The field whose value ends at `end`, before a CRLF. */
static inline enum weir_step finish_field(struct weir_h1_head *h, const uint8_t *head, size_t end)
{
    struct weir_h1_field *f = &h->fields[h->num_fields];
    struct weir_span value = weir_bytes_trim(weir_span(head + f->value_at, end - f->value_at));
    f->value_at = (uint16_t)(value.at - head);
    f->value_len = (uint16_t)value.len;
    f->id = (uint8_t)weir_field_id_of(weir_h1_name(head, f));
    f->hop = false;
    if (f->id != WEIR_FIELD_OTHER) {
        enum weir_h1_fault fault = weir_h1_field_judge(h, head, f);
        if (WEIR_UNLIKELY(fault != WEIR_FAULT_NONE))
            return weir_h1_fail(h, fault);
    }
    h->num_fields++;
    h->scan_at = (uint32_t)end + 2;
    h->state = WEIR_H1_AT_LINE;
    return WEIR_STEP_SOME;
}

static enum weir_step feed_value(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = weir_scan_value(head.at, h->scan_at, head.len);
    h->scan_at = (uint32_t)at;
    if (at == head.len)
        return WEIR_STEP_MORE;
    if (WEIR_UNLIKELY(head.at[at] != '\r' || at + 1 == head.len || head.at[at + 1] != '\n'))
        return weir_h1_stop(h, head, at, WEIR_FAULT_FIELD_VALUE);
    return finish_field(h, head.at, at);
}

/* A whole field line in one go, as nearly all come. @return SOME: read | FAIL | MORE: nothing was
 * read, since it is not there whole, is no ordinary field, or is one too many */
static inline enum weir_step feed_whole_line(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = h->scan_at;
    bool underscore = false;
    size_t colon = weir_scan_name(head.at, at, head.len, &underscore);
    size_t name_len = colon - at;
    if (name_len - 1 >= WEIR_FIELD_NAME_MAX || colon == head.len || head.at[colon] != ':' ||
        h->num_fields == h->max_fields)
        return WEIR_STEP_MORE;
    size_t end = weir_scan_value(head.at, colon + 1, head.len);
    if (WEIR_UNLIKELY(head.len - end < 2 || head.at[end] != '\r' || head.at[end + 1] != '\n'))
        return WEIR_STEP_MORE;
    struct weir_h1_field *f = &h->fields[h->num_fields];
    f->name_at = (uint16_t)at;
    f->name_len = (uint16_t)name_len;
    f->value_at = (uint16_t)(colon + 1);
    f->underscore = underscore;
    return finish_field(h, head.at, end);
}

static enum weir_step feed_fields(struct weir_h1_head *h, struct weir_span head)
{
    enum weir_step step = WEIR_STEP_SOME;
    while (step == WEIR_STEP_SOME) {
        if (h->state == WEIR_H1_AT_LINE) {
            do
                step = feed_whole_line(h, head);
            while (step == WEIR_STEP_SOME);
            if (step == WEIR_STEP_FAIL)
                break;
            step = feed_line_start(h, head);
            if (step != WEIR_STEP_SOME)
                break;
        }
        if (h->state == WEIR_H1_AT_NAME) {
            step = feed_name(h, head);
            if (step != WEIR_STEP_SOME)
                break;
        }
        step = feed_value(h, head);
    }
    return step;
}

enum weir_step weir_h1_head_feed(struct weir_h1_head *h, struct weir_span bytes)
{
    WEIR_ASSERT_CMP(h->state, <=, WEIR_H1_AT_FAULT);
    if (WEIR_UNLIKELY(h->state >= WEIR_H1_AT_END))
        return h->state == WEIR_H1_AT_END ? WEIR_STEP_DONE : WEIR_STEP_FAIL;
    WEIR_ASSERT_CMP(bytes.len, >=, h->scan_at);
    WEIR_ASSERT_CMP(h->max_fields, <=, WEIR_FIELDS_MAX);

    /* Bytes over the limit are not read: the result must not depend on how many arrived. */
    struct weir_span head = bytes;
    if (head.len > h->max_head)
        head.len = h->max_head;

    enum weir_step step = WEIR_STEP_SOME;
    if (h->state < WEIR_H1_AT_LINE)
        step = weir_h1_start_feed(h, head);
    if (step == WEIR_STEP_SOME)
        step = feed_fields(h, head);
    if (step == WEIR_STEP_MORE && head.len == h->max_head) {
        bool first_line = h->kind == WEIR_H1_REQUEST && h->state < WEIR_H1_AT_LINE;
        return weir_h1_fail(h, first_line ? WEIR_FAULT_TARGET_TOO_LONG : WEIR_FAULT_HEAD_TOO_BIG);
    }
    return step;
}

const struct weir_h1_field *weir_h1_find(const struct weir_h1_head *h, enum weir_field_id id)
{
    WEIR_ASSERT_CMP(h->num_fields, <=, WEIR_FIELDS_MAX);
    for (size_t i = 0; i < h->num_fields; i++)
        if (h->fields[i].id == id)
            return &h->fields[i];
    return NULL;
}

enum weir_h1_body weir_h1_body_of(const struct weir_h1_head *h, enum weir_method request_method)
{
    WEIR_ASSERT(h->state == WEIR_H1_AT_END);
    if (h->kind == WEIR_H1_RESPONSE) {
        if (request_method == WEIR_METHOD_HEAD)
            return WEIR_BODY_NONE;
        if (h->status < 200 || h->status == 204 || h->status == 304)
            return WEIR_BODY_NONE;
        if (!h->chunked && !h->has_content_length)
            return WEIR_BODY_CLOSE;
    }
    if (h->chunked)
        return WEIR_BODY_CHUNKED;
    return h->content_length > 0 ? WEIR_BODY_LENGTH : WEIR_BODY_NONE;
}

bool weir_h1_keeps_alive(const struct weir_h1_head *h)
{
    WEIR_ASSERT(h->state == WEIR_H1_AT_END);
    if (h->connection_close)
        return false;
    /* Its sender has not understood that it has no body, and may send chunks behind it. */
    if (h->kind == WEIR_H1_RESPONSE && h->status == 204 && h->chunked)
        return false;
    return h->minor == 1 || h->connection_keep_alive;
}

void weir_h1_head_move(struct weir_h1_head *to, const struct weir_h1_head *from)
{
    WEIR_ASSERT(to != from);
    WEIR_ASSERT_CMP(from->num_fields, <=, WEIR_FIELDS_MAX);
    /* One more than num_fields: the name of the field whose value is incomplete is stored there. */
    size_t num = from->num_fields < WEIR_FIELDS_MAX ? from->num_fields + 1u : WEIR_FIELDS_MAX;
    memcpy(to, from, offsetof(struct weir_h1_head, fields) + num * sizeof(from->fields[0]));
    if (from->authority_len > 0)
        to->authority = from->authority;
}
