/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_names.c - the words of HTTP/1: methods, field names, reasons, and the names of faults. Tables
 * and their lookups. A field name is found by its length and first letter, in a slot that no two
 * known names share, and one comparison. Ref: RFC 9110 sections 9.3, 15 and 18.4.
 */
#include <string.h>

#include "node/wire/h1.h"

struct known_field {
    struct weir_span name;
    enum weir_field_id id;
};

/* 45 is the least factor that gives each known name a slot of its own; two in one slot would not
 * compile. */
#define FIELD_SLOTS            64U
#define FIELD_SLOT(len, first) (((unsigned)(len)*45U + (unsigned)(first)) % FIELD_SLOTS)
#define FIELD(first, name, id) [FIELD_SLOT(sizeof(name) - 1, first)] = { WEIR_SPAN_LIT(name), id }

static const struct known_field known_fields[FIELD_SLOTS] = {
    FIELD('h', "host", WEIR_FIELD_HOST),
    FIELD('c', "content-length", WEIR_FIELD_CONTENT_LENGTH),
    FIELD('t', "transfer-encoding", WEIR_FIELD_TRANSFER_ENCODING),
    FIELD('c', "connection", WEIR_FIELD_CONNECTION),
    FIELD('k', "keep-alive", WEIR_FIELD_KEEP_ALIVE),
    FIELD('p', "proxy-connection", WEIR_FIELD_PROXY_CONNECTION),
    FIELD('u', "upgrade", WEIR_FIELD_UPGRADE),
    FIELD('t', "te", WEIR_FIELD_TE),
    FIELD('t', "trailer", WEIR_FIELD_TRAILER),
    FIELD('e', "expect", WEIR_FIELD_EXPECT),
    FIELD('h', "http2-settings", WEIR_FIELD_HTTP2_SETTINGS),
    FIELD('p', "proxy-authenticate", WEIR_FIELD_PROXY_AUTHENTICATE),
    FIELD('p', "proxy-authorization", WEIR_FIELD_PROXY_AUTHORIZATION),
    FIELD('x', "x-forwarded-for", WEIR_FIELD_X_FORWARDED_FOR),
    FIELD('x', "x-forwarded-proto", WEIR_FIELD_X_FORWARDED_PROTO),
    FIELD('x', "x-forwarded-host", WEIR_FIELD_X_FORWARDED_HOST),
    FIELD('x', "x-real-ip", WEIR_FIELD_X_REAL_IP),
    FIELD('x', "x-request-id", WEIR_FIELD_X_REQUEST_ID),
    FIELD('f', "forwarded", WEIR_FIELD_FORWARDED),
    FIELD('v', "via", WEIR_FIELD_VIA),
    FIELD('c', "cdn-loop", WEIR_FIELD_CDN_LOOP),
    FIELD('d', "date", WEIR_FIELD_DATE),
    FIELD('m', "max-forwards", WEIR_FIELD_MAX_FORWARDS),
    FIELD('p', "proxy", WEIR_FIELD_PROXY),
    FIELD('c', "client-cert", WEIR_FIELD_CLIENT_CERT),
    FIELD('c', "client-cert-chain", WEIR_FIELD_CLIENT_CERT_CHAIN),
};
_Static_assert(WEIR_FIELD_COUNT == 27, "a new field id needs a line in known_fields");

#define EACH_BYTE 0x0101010101010101ULL

/*
 * Eight bytes of a name against eight of a lower-case one. Bit 5 makes a letter lower, and leaves
 * "-" and digits as they are; but it would also make CR a "-". So one of the bits 5 and 6, which no
 * control byte has, must be there.
 */
static bool eight_are(const uint8_t *at, const uint8_t *lower)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, at, 8);
    memcpy(&b, lower, 8);
    return (a | 0x20 * EACH_BYTE) == b && ((a | a << 1) & 0x40 * EACH_BYTE) == 0x40 * EACH_BYTE;
}

static bool name_is(struct weir_span name, struct weir_span lower)
{
    size_t at = 0;
    if (name.len < 8)
        return weir_span_eq_nocase(name, lower);
    for (; at + 8 < name.len; at += 8)
        if (!eight_are(name.at + at, lower.at + at))
            return false;
    return eight_are(name.at + name.len - 8, lower.at + name.len - 8);
}

enum weir_field_id weir_field_id_of(struct weir_span name)
{
    if (name.len == 0)
        return WEIR_FIELD_OTHER;
    const struct known_field *known = &known_fields[FIELD_SLOT(name.len, name.at[0] | 0x20)];
    if (known->name.len != name.len || !name_is(name, known->name))
        return WEIR_FIELD_OTHER;
    return known->id;
}

static const struct weir_span methods[] = {
    [WEIR_METHOD_OTHER] = { NULL, 0 },
    [WEIR_METHOD_GET] = WEIR_SPAN_LIT("GET"),
    [WEIR_METHOD_HEAD] = WEIR_SPAN_LIT("HEAD"),
    [WEIR_METHOD_POST] = WEIR_SPAN_LIT("POST"),
    [WEIR_METHOD_PUT] = WEIR_SPAN_LIT("PUT"),
    [WEIR_METHOD_DELETE] = WEIR_SPAN_LIT("DELETE"),
    [WEIR_METHOD_OPTIONS] = WEIR_SPAN_LIT("OPTIONS"),
    [WEIR_METHOD_TRACE] = WEIR_SPAN_LIT("TRACE"),
    [WEIR_METHOD_CONNECT] = WEIR_SPAN_LIT("CONNECT"),
    [WEIR_METHOD_PATCH] = WEIR_SPAN_LIT("PATCH"),
};

enum weir_method weir_method_of(struct weir_span name)
{
    for (size_t m = WEIR_METHOD_GET; m < WEIR_ARRAY_LEN(methods); m++)
        if (weir_span_eq(name, methods[m]))
            return (enum weir_method)m;
    return WEIR_METHOD_OTHER;
}

bool weir_method_is_idempotent(enum weir_method m)
{
    switch (m) {
    case WEIR_METHOD_GET:
    case WEIR_METHOD_HEAD:
    case WEIR_METHOD_PUT:
    case WEIR_METHOD_DELETE:
    case WEIR_METHOD_OPTIONS:
    case WEIR_METHOD_TRACE:
        return true;
    case WEIR_METHOD_OTHER:
    case WEIR_METHOD_POST:
    case WEIR_METHOD_CONNECT:
    case WEIR_METHOD_PATCH:
        return false;
    }
    WEIR_UNREACHABLE();
}

struct fault_response {
    const char *name;
    uint16_t status;
};

static const struct fault_response faults[] = {
    [WEIR_FAULT_NONE] = { "none", 400 },
    [WEIR_FAULT_METHOD] = { "method", 400 },
    [WEIR_FAULT_TARGET] = { "target", 400 },
    [WEIR_FAULT_VERSION] = { "version", 400 },
    [WEIR_FAULT_STATUS_LINE] = { "status_line", 400 },
    [WEIR_FAULT_LINE_END] = { "line_end", 400 },
    [WEIR_FAULT_OBS_FOLD] = { "obs_fold", 400 },
    [WEIR_FAULT_FIELD_NAME] = { "field_name", 400 },
    [WEIR_FAULT_FIELD_VALUE] = { "field_value", 400 },
    [WEIR_FAULT_HEAD_TOO_BIG] = { "head_too_big", 431 },
    [WEIR_FAULT_TARGET_TOO_LONG] = { "target_too_long", 414 },
    [WEIR_FAULT_TOO_MANY_FIELDS] = { "too_many_fields", 431 },
    [WEIR_FAULT_HOST_MISSING] = { "host_missing", 400 },
    [WEIR_FAULT_HOST_REPEATED] = { "host_repeated", 400 },
    [WEIR_FAULT_HOST_INVALID] = { "host_invalid", 400 },
    [WEIR_FAULT_CONTENT_LENGTH] = { "content_length", 400 },
    [WEIR_FAULT_LENGTH_AND_CODING] = { "length_and_coding", 400 },
    [WEIR_FAULT_TRANSFER_ENCODING] = { "transfer_encoding", 400 },
    [WEIR_FAULT_CONNECTION] = { "connection", 400 },
    [WEIR_FAULT_EXPECT] = { "expect", 417 },
    [WEIR_FAULT_UPGRADE] = { "upgrade", 400 },
    [WEIR_FAULT_VERSION_UNSUPPORTED] = { "version_unsupported", 505 },
    [WEIR_FAULT_MAX_FORWARDS] = { "max_forwards", 400 },
    [WEIR_FAULT_METHOD_TOO_LONG] = { "method_too_long", 501 },
    [WEIR_FAULT_FIELD_NAME_TOO_LONG] = { "field_name_too_long", 431 },
};
_Static_assert(WEIR_ARRAY_LEN(faults) == WEIR_FAULT_COUNT, "each fault has a name and a status");

const char *weir_h1_fault_name(enum weir_h1_fault fault)
{
    WEIR_ASSERT((unsigned)fault < WEIR_FAULT_COUNT);
    return faults[fault].name;
}

uint16_t weir_h1_fault_status(enum weir_h1_fault fault)
{
    WEIR_ASSERT((unsigned)fault < WEIR_FAULT_COUNT);
    return faults[fault].status;
}

#define REASON(status, text) [(status)-100] = WEIR_SPAN_LIT(text)

/* As in the IANA registry of status codes. */
static const struct weir_span reasons[] = {
    REASON(100, "Continue"),
    REASON(101, "Switching Protocols"),
    REASON(102, "Processing"),
    REASON(103, "Early Hints"),
    REASON(200, "OK"),
    REASON(201, "Created"),
    REASON(202, "Accepted"),
    REASON(203, "Non-Authoritative Information"),
    REASON(204, "No Content"),
    REASON(205, "Reset Content"),
    REASON(206, "Partial Content"),
    REASON(207, "Multi-Status"),
    REASON(208, "Already Reported"),
    REASON(226, "IM Used"),
    REASON(300, "Multiple Choices"),
    REASON(301, "Moved Permanently"),
    REASON(302, "Found"),
    REASON(303, "See Other"),
    REASON(304, "Not Modified"),
    REASON(305, "Use Proxy"),
    REASON(307, "Temporary Redirect"),
    REASON(308, "Permanent Redirect"),
    REASON(400, "Bad Request"),
    REASON(401, "Unauthorized"),
    REASON(402, "Payment Required"),
    REASON(403, "Forbidden"),
    REASON(404, "Not Found"),
    REASON(405, "Method Not Allowed"),
    REASON(406, "Not Acceptable"),
    REASON(407, "Proxy Authentication Required"),
    REASON(408, "Request Timeout"),
    REASON(409, "Conflict"),
    REASON(410, "Gone"),
    REASON(411, "Length Required"),
    REASON(412, "Precondition Failed"),
    REASON(413, "Content Too Large"),
    REASON(414, "URI Too Long"),
    REASON(415, "Unsupported Media Type"),
    REASON(416, "Range Not Satisfiable"),
    REASON(417, "Expectation Failed"),
    REASON(421, "Misdirected Request"),
    REASON(422, "Unprocessable Content"),
    REASON(423, "Locked"),
    REASON(424, "Failed Dependency"),
    REASON(425, "Too Early"),
    REASON(426, "Upgrade Required"),
    REASON(428, "Precondition Required"),
    REASON(429, "Too Many Requests"),
    REASON(431, "Request Header Fields Too Large"),
    REASON(451, "Unavailable For Legal Reasons"),
    REASON(500, "Internal Server Error"),
    REASON(501, "Not Implemented"),
    REASON(502, "Bad Gateway"),
    REASON(503, "Service Unavailable"),
    REASON(504, "Gateway Timeout"),
    REASON(505, "HTTP Version Not Supported"),
    REASON(506, "Variant Also Negotiates"),
    REASON(507, "Insufficient Storage"),
    REASON(508, "Loop Detected"),
    REASON(510, "Not Extended"),
    REASON(511, "Network Authentication Required"),
};

struct weir_span weir_h1_reason(uint16_t status)
{
    if (status < 100 || (size_t)status - 100 >= WEIR_ARRAY_LEN(reasons) ||
        reasons[status - 100].at == NULL)
        return WEIR_SPAN_LIT("");
    return reasons[status - 100];
}
