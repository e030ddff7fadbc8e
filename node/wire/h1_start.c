/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_start.c - the first line of a head: method, target and version, or version, status and reason.
 * One space between two parts and nothing else; the target is checked byte by byte and by its form.
 * Ref: RFC 9112 sections 2.2, 3 and 4; RFC 3986 appendix A.
 */
#include <string.h>

#include "node/wire/bytes.h"
#include "node/wire/h1_private.h"
#include "node/wire/scan.h"
#include "node/wire/target.h"
#include "node/wire/uri.h"

#define VERSION_LEN 8  /* HTTP/1.1 */
#define STATUS_LEN  12 /* HTTP/1.1 200 */

static enum weir_step feed_start(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = 0;
    if (head.len == 0)
        return WEIR_STEP_MORE;
    if (h->kind == WEIR_H1_RESPONSE) {
        h->state = WEIR_H1_AT_STATUS;
        return WEIR_STEP_SOME;
    }
    if (head.at[0] == '\r') {
        if (head.len == 1)
            return WEIR_STEP_MORE;
        if (head.at[1] != '\n')
            return weir_h1_fail(h, WEIR_FAULT_LINE_END);
        at = WEIR_LEADING_CRLF_MAX;
    }
    h->method_at = (uint16_t)at;
    h->scan_at = (uint32_t)at;
    h->state = WEIR_H1_AT_METHOD;
    return WEIR_STEP_SOME;
}

static enum weir_step feed_method(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = h->scan_at;
    size_t end = (size_t)h->method_at + WEIR_METHOD_MAX + 1;
    while (at < head.len && at < end && weir_byte_is(head.at[at], WEIR_BYTE_TOKEN))
        at++;
    h->scan_at = (uint32_t)at;
    if (WEIR_UNLIKELY(at == end))
        return weir_h1_fail(h, WEIR_FAULT_METHOD_TOO_LONG);
    if (at == head.len)
        return WEIR_STEP_MORE;
    if (head.at[at] != ' ' || at == h->method_at)
        return weir_h1_stop(h, head, at, WEIR_FAULT_METHOD);
    h->method_len = (uint16_t)(at - h->method_at);
    h->method = weir_method_of(weir_span(head.at + h->method_at, h->method_len));
    h->target_at = (uint16_t)(at + 1);
    h->scan_at = (uint32_t)at + 1;
    h->state = WEIR_H1_AT_TARGET;
    return WEIR_STEP_SOME;
}

/* Walk a path and its query from `at` to the first byte that cannot belong to them, or of which
 * that is not known yet, or the end. Sets query_at. */
static size_t scan_path(struct weir_h1_head *h, struct weir_span head, size_t at, bool whole)
{
    for (;;) {
        at = weir_scan_path(head.at, at, head.len);
        if (at == head.len)
            return at;
        if (head.at[at] == '?' && h->query_at == 0) {
            h->query_at = (uint16_t)at;
            at++;
            continue;
        }
        size_t len = weir_target_step(weir_span_from(head, at), h->query_at != 0, whole);
        if (len == 0)
            return at;
        at += len;
    }
}

/* http://host:port/path?query. The path may be missing, also in front of a query. */
static bool parse_absolute_target(struct weir_h1_head *h, struct weir_span head)
{
    static const struct weir_span schemes[] = { WEIR_SPAN_LIT("http://"),
                                                WEIR_SPAN_LIT("https://") };
    size_t end = (size_t)h->target_at + h->target_len;
    size_t authority_at = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(schemes); i++) {
        size_t len = schemes[i].len;
        if (h->target_len > len &&
            weir_span_eq_nocase(weir_span(head.at + h->target_at, len), schemes[i])) {
            authority_at = h->target_at + len;
            h->absolute_https = i == 1;
        }
    }
    if (authority_at == 0)
        return false;

    size_t path_at = authority_at;
    while (path_at < end && head.at[path_at] != '/' && head.at[path_at] != '?')
        path_at++;
    struct weir_span text = weir_span(head.at + authority_at, path_at - authority_at);
    if (weir_authority_parse(text, &h->authority) < 0)
        return false;
    if (scan_path(h, weir_span(head.at, end), path_at, true) != end)
        return false;
    h->authority_at = (uint16_t)authority_at;
    h->authority_len = (uint16_t)(text.len - h->authority.port_empty);
    h->path_at = (uint16_t)path_at;
    h->path_len = (uint16_t)(end - path_at);
    h->form = WEIR_TARGET_ABSOLUTE;
    return true;
}

/* The form of a complete target. A reverse proxy does not serve CONNECT, whatever its target. */
static bool judge_target(struct weir_h1_head *h, struct weir_span head)
{
    if (h->method == WEIR_METHOD_CONNECT)
        return false;
    if (head.at[h->target_at] == '/') {
        h->form = WEIR_TARGET_ORIGIN;
        h->path_at = h->target_at;
        h->path_len = h->target_len;
        return true;
    }
    if (h->target_len == 1 && head.at[h->target_at] == '*') {
        h->form = WEIR_TARGET_ASTERISK;
        h->path_at = h->target_at;
        h->path_len = h->target_len;
        return h->method == WEIR_METHOD_OPTIONS;
    }
    return parse_absolute_target(h, head);
}

static enum weir_step feed_target(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = h->scan_at;
    if (at == head.len)
        return WEIR_STEP_MORE;
    bool is_path = head.at[h->target_at] == '/';
    if (is_path)
        at = scan_path(h, head, at, false);
    else /* judged as a whole */
        while (at < head.len && (weir_byte_is(head.at[at], WEIR_BYTE_QUERY) || head.at[at] >= 0x80))
            at++;
    h->scan_at = (uint32_t)at;
    if (at == head.len ||
        (is_path && weir_target_is_cut(weir_span_from(head, at), h->query_at != 0)))
        return WEIR_STEP_MORE;

    uint8_t b = head.at[at];
    if (b != ' ' || at == h->target_at) {
        bool no_version = b == '\r' && at > h->target_at;
        return weir_h1_stop(h, head, at, no_version ? WEIR_FAULT_VERSION : WEIR_FAULT_TARGET);
    }
    h->target_len = (uint16_t)(at - h->target_at);
    if (!judge_target(h, head))
        return weir_h1_fail(h, WEIR_FAULT_TARGET);
    h->scan_at = (uint32_t)at + 1;
    h->state = WEIR_H1_AT_VERSION;
    return WEIR_STEP_SOME;
}

/* Bytes of `text` that agree with HTTP/digit.digit, 0..VERSION_LEN. */
static size_t match_version(struct weir_span text)
{
    static const char form[] = "HTTP/0.0";
    size_t i = 0;
    while (i < VERSION_LEN && i < text.len) {
        bool digit = form[i] == '0';
        if (digit ? !weir_byte_is(text.at[i], WEIR_BYTE_DIGIT) : text.at[i] != (uint8_t)form[i])
            break;
        i++;
    }
    return i;
}

static bool version_is_ours(const uint8_t *at)
{
    return at[5] == '1' && (at[7] == '0' || at[7] == '1');
}

static enum weir_step feed_version(struct weir_h1_head *h, struct weir_span head)
{
    struct weir_span text = weir_span_from(head, h->scan_at);
    if (WEIR_LIKELY(text.len >= VERSION_LEN + 2 && memcmp(text.at, "HTTP/1.1\r\n", 10) == 0)) {
        h->minor = 1;
    } else {
        size_t match = match_version(text);
        if (match == text.len)
            return WEIR_STEP_MORE;
        if (match < VERSION_LEN || text.at[match] != '\r' || text.len == VERSION_LEN + 1)
            return weir_h1_stop(h, head, h->scan_at + match, WEIR_FAULT_VERSION);
        if (text.at[match + 1] != '\n')
            return weir_h1_fail(h, WEIR_FAULT_LINE_END);
        if (!version_is_ours(text.at))
            return weir_h1_fail(h, WEIR_FAULT_VERSION_UNSUPPORTED);
        h->minor = (uint8_t)(text.at[VERSION_LEN - 1] - '0');
    }
    h->scan_at += VERSION_LEN + 2;
    h->state = WEIR_H1_AT_LINE;
    return WEIR_STEP_SOME;
}

/* Bytes of `text` that agree with "HTTP/d.d ddd", 0..STATUS_LEN, the status in 100..599. */
static size_t match_status(struct weir_span text)
{
    size_t i = match_version(text);
    if (i < VERSION_LEN)
        return i;
    if (i < text.len && text.at[i] == ' ')
        i++;
    while (i > VERSION_LEN && i < STATUS_LEN && i < text.len) {
        if (!weir_byte_is(text.at[i], WEIR_BYTE_DIGIT))
            break;
        if (i == VERSION_LEN + 1 && (text.at[i] < '1' || text.at[i] > '5'))
            break;
        i++;
    }
    return i;
}

/*
 * "HTTP/1.1 200" and what follows it: a space and the reason, or at once the end of the line. RFC
 * 9112 section 4 demands the space even before an empty reason; many servers leave it out and
 * nothing else can be meant, so it may be missing.
 */
static enum weir_step feed_status(struct weir_h1_head *h, struct weir_span head)
{
    size_t match = match_status(head);
    if (match >= VERSION_LEN && !version_is_ours(head.at))
        return weir_h1_fail(h, WEIR_FAULT_VERSION_UNSUPPORTED);
    if (match == head.len)
        return WEIR_STEP_MORE;
    if (match < STATUS_LEN)
        return weir_h1_stop(h, head, match, WEIR_FAULT_STATUS_LINE);
    uint8_t next = head.at[STATUS_LEN];
    if (next != ' ' && next != '\r')
        return weir_h1_stop(h, head, STATUS_LEN, WEIR_FAULT_STATUS_LINE);
    h->minor = (uint8_t)(head.at[VERSION_LEN - 1] - '0');
    h->status = (uint16_t)((head.at[9] - '0') * 100 + (head.at[10] - '0') * 10 + head.at[11] - '0');
    h->reason_at = (uint16_t)(STATUS_LEN + (next == ' '));
    h->scan_at = h->reason_at;
    h->state = WEIR_H1_AT_REASON;
    return WEIR_STEP_SOME;
}

static enum weir_step feed_reason(struct weir_h1_head *h, struct weir_span head)
{
    size_t at = weir_scan_value(head.at, h->scan_at, head.len);
    h->scan_at = (uint32_t)at;
    if (at == head.len)
        return WEIR_STEP_MORE;
    if (head.at[at] != '\r' || at + 1 == head.len || head.at[at + 1] != '\n')
        return weir_h1_stop(h, head, at, WEIR_FAULT_STATUS_LINE);
    h->reason_len = (uint16_t)(at - h->reason_at);
    h->scan_at = (uint32_t)at + 2;
    h->state = WEIR_H1_AT_LINE;
    return WEIR_STEP_SOME;
}

enum weir_step weir_h1_start_feed(struct weir_h1_head *h, struct weir_span head)
{
    enum weir_step step = WEIR_STEP_SOME;
    WEIR_ASSERT_CMP(h->state, <, WEIR_H1_AT_LINE);
    if (h->state == WEIR_H1_AT_START)
        step = feed_start(h, head);
    if (h->state == WEIR_H1_AT_METHOD)
        step = feed_method(h, head);
    if (h->state == WEIR_H1_AT_TARGET)
        step = feed_target(h, head);
    if (h->state == WEIR_H1_AT_VERSION)
        step = feed_version(h, head);
    if (h->state == WEIR_H1_AT_STATUS)
        step = feed_status(h, head);
    if (h->state == WEIR_H1_AT_REASON)
        step = feed_reason(h, head);
    return step;
}
