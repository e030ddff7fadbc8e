/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_form.c - the forms of text fields. What the data path parses is checked by the parsers of
 * the data path. Ref: RFC 1035 2.3.1 (labels), RFC 3986 3.3 (paths), RFC 9110 5.1, 5.5 (fields),
 * RFC 5952 (addresses).
 */
#include "tenants/schema/schema_form.h"

#include <stdio.h>
#include <string.h>

#include "node/base/addr.h"
#include "node/wire/bytes.h"
#include "node/wire/uri.h"
#include "tenants/schema/schema_text.h"
#include "tenants/tls_words.h"

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(struct weir_span s)
{
    if (s.len == 0 || s.len > WEIR_TENANT_NAME_MAX || s.at[0] == '-' || s.at[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_lower_or_digit(s.at[i]) && s.at[i] != '-')
            return false;
    return true;
}

static bool is_upstream_name(struct weir_span s)
{
    if (s.len == 0 || s.len > WEIR_TENANT_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_lower_or_digit(s.at[i]) && s.at[i] != '-' && s.at[i] != '_')
            return false;
    return true;
}

/* What shows in one line. */
static bool is_printable(struct weir_span s)
{
    while (s.len > 0) {
        uint32_t point;
        size_t len = weir_schema_text_next(s, &point);
        if (len == 0 || !weir_schema_text_is_shown(point))
            return false;
        s = weir_span_from(s, len);
    }
    return true;
}

static void spelling_set(struct weir_form_text *ret, const void *at, size_t len)
{
    WEIR_ASSERT(len <= sizeof(ret->buf));
    memcpy(ret->buf, at, len);
    ret->text = weir_span(ret->buf, len);
}

/* A name or an address literal, as an authority has it. */
static bool respell_authority(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_authority a;

    if (weir_authority_parse(s, &a) < 0 || !weir_authority_is_host(&a))
        return false;
    spelling_set(ret, a.host, a.host_len);
    return true;
}

static bool respell_host(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_authority a;

    if (weir_authority_parse(s, &a) < 0 || a.is_ip || !weir_authority_is_host(&a))
        return false;
    spelling_set(ret, a.host, a.host_len);
    return true;
}

static bool respell_host_or_wildcard(struct weir_span s, struct weir_form_text *ret)
{
    if (!weir_span_starts(s, WEIR_SPAN_LIT("*.")))
        return respell_host(s, ret);
    if (!respell_host(weir_span_from(s, 2), ret))
        return false;
    memmove(ret->buf + 2, ret->buf, ret->text.len);
    ret->buf[0] = '*';
    ret->buf[1] = '.';
    ret->text.len += 2;
    return true;
}

/* What a tenant may claim: "*.com" would claim every site of a registry. */
static bool respell_claimed_host(struct weir_span s, struct weir_form_text *ret)
{
    if (!weir_span_starts(s, WEIR_SPAN_LIT("*.")))
        return respell_authority(s, ret);
    if (!respell_host_or_wildcard(s, ret))
        return false;
    return memchr(ret->buf + 2, '.', ret->text.len - 2) != NULL;
}

static bool respell_ip(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_addr a;
    char text[WEIR_ADDR_TEXT_MAX];

    if (weir_addr_parse_ip(s, &a) < 0)
        return false;
    spelling_set(ret, text, weir_addr_ip_text(&a, text));
    return true;
}

static bool respell_endpoint(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_addr addr;
    struct weir_authority a;
    char text[WEIR_FORM_TEXT_MAX];

    if (weir_addr_parse(s, &addr) == WEIR_OK) {
        spelling_set(ret, text, weir_addr_text(&addr, text));
        return true;
    }
    if (weir_authority_parse(s, &a) < 0 || a.is_ip || a.port == 0)
        return false;
    int len =
        snprintf(text, sizeof(text), "%.*s:%u", (int)a.host_len, (const char *)a.host, a.port);
    spelling_set(ret, text, (size_t)len);
    return true;
}

enum weir_err weir_form_parse_listen(struct weir_span text, struct weir_addr *ret)
{
    char other[WEIR_ADDR_TEXT_MAX];

    /* The strict parser knows no port 0: it reads the same address with port 1 instead. */
    if (!weir_span_ends(text, WEIR_SPAN_LIT(":0")))
        return weir_addr_parse(text, ret);
    if (text.len >= sizeof(other))
        return WEIR_EINVAL;
    struct weir_addr a;
    memcpy(other, text.at, text.len);
    other[text.len - 1] = '1';
    if (weir_addr_parse(weir_span(other, text.len), &a) < 0)
        return WEIR_EINVAL;
    a.port = 0;
    *ret = a;
    return WEIR_OK;
}

static bool respell_listener(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_addr a;
    char text[WEIR_ADDR_TEXT_MAX];

    if (weir_form_parse_listen(s, &a) < 0)
        return false;
    spelling_set(ret, text, weir_addr_text(&a, text));
    return true;
}

static bool is_prefix(struct weir_span s)
{
    struct weir_prefix p;

    return weir_prefix_parse(s, &p) == WEIR_OK;
}

/* Bytes of a path and nothing else, in the one spelling that requests are compared in. */
static bool is_path(struct weir_span s)
{
    uint8_t buf[WEIR_PATH_NORMAL_MAX(WEIR_PATH_MAX)];
    struct weir_span normal;

    if (s.len == 0 || s.len > WEIR_PATH_MAX || !weir_bytes_all(s, WEIR_BYTE_PATH))
        return false;
    return weir_path_normalise(s, buf, &normal) == WEIR_OK && weir_span_eq(s, normal);
}

static bool is_rule_path(struct weir_span s)
{
    return is_path(weir_span_from(s, weir_span_starts(s, WEIR_SPAN_LIT("=")) ? 1 : 0));
}

static bool is_field_value(struct weir_span s)
{
    if (weir_bytes_trim(s).len != s.len || weir_bytes_value_end(s) != s.len)
        return false;
    return weir_schema_text_is_utf8(s);
}

static bool is_media_type(struct weir_span s)
{
    const uint8_t *slash = s.len > 0 ? memchr(s.at, '/', s.len) : NULL;

    if (slash == NULL || !is_field_value(s))
        return false;
    size_t type_len = (size_t)(slash - s.at);
    size_t end = type_len + 1;
    while (end < s.len && weir_byte_is(s.at[end], WEIR_BYTE_TOKEN))
        end++;
    return weir_bytes_all(weir_span(s.at, type_len), WEIR_BYTE_TOKEN) && end > type_len + 1 &&
           (end == s.len || s.at[end] == ';' || s.at[end] == ' ');
}

/* Fields for the length of a message, the life of a connection, or the identity of the client. Only
 * weir writes their values. */
static const char *const own_fields[] = {
    "cdn-loop",         "connection", "content-length", "expect",
    "forwarded",        "host",       "http2-settings", "keep-alive",
    "proxy-connection", "te",         "trailer",        "transfer-encoding",
    "upgrade",          "via",        "x-real-ip",      "x-request-id",
};

/* Fields without which a request is read differently, or goes round in a circle unseen. */
static const char *const needed_fields[] = {
    "cdn-loop", "connection",     "content-length",    "expect",
    "host",     "http2-settings", "keep-alive",        "proxy-connection",
    "te",       "trailer",        "transfer-encoding", "upgrade",
};

static bool is_one_of(struct weir_span s, const char *const *names, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (weir_span_eq_nocase(s, weir_span_cstr(names[i])))
            return true;
    return false;
}

static bool is_needed_field(struct weir_span s)
{
    return is_one_of(s, needed_fields, WEIR_ARRAY_LEN(needed_fields));
}

/* A pseudonym that looks like a switch is a mistake. */
static bool is_via(struct weir_span s)
{
    static const char *const switches[] = { "on", "off", "true", "false", "yes", "no" };

    if (weir_span_eq(s, WEIR_SPAN_LIT("on")) || weir_span_eq(s, WEIR_SPAN_LIT("off")))
        return true;
    return weir_bytes_all(s, WEIR_BYTE_TOKEN) && !is_one_of(s, switches, WEIR_ARRAY_LEN(switches));
}

static bool is_own_field(struct weir_span s)
{
    struct weir_span forwarded = WEIR_SPAN_LIT("x-forwarded-");

    if (s.len >= forwarded.len && weir_span_eq_nocase(weir_span(s.at, forwarded.len), forwarded))
        return true;
    return is_one_of(s, own_fields, WEIR_ARRAY_LEN(own_fields));
}

static bool is_name_server(struct weir_span s)
{
    struct weir_addr a;
    return weir_addr_parse(s, &a) == WEIR_OK || weir_addr_parse_ip(s, &a) == WEIR_OK;
}

static bool is_file(struct weir_span s)
{
    return s.len > 0 && s.at[0] == '/' && is_printable(s);
}

static bool is_status(struct weir_span s)
{
    return s.len == 3 && (s.at[0] == '4' || s.at[0] == '5') && weir_bytes_all(s, WEIR_BYTE_DIGIT);
}

static bool is_workers(struct weir_span s)
{
    uint64_t n;

    _Static_assert(WEIR_WORKERS_MAX == 64, "as in the name of the form");
    if (weir_span_eq(s, WEIR_SPAN_LIT("auto")))
        return true;
    if (!weir_bytes_content_length(s, &n) || s.at[0] == '0')
        return false;
    return n >= 1 && n <= WEIR_WORKERS_MAX;
}

static bool is_access(struct weir_span s)
{
    return weir_span_eq(s, WEIR_SPAN_LIT("stdout")) || weir_span_eq(s, WEIR_SPAN_LIT("off")) ||
           is_file(s);
}

static bool is_pin(struct weir_span s)
{
    uint8_t pin[WEIR_TLS_PIN_LEN];
    return weir_tls_pin_parse(s, pin);
}

/* The forms that are respelled. */
static bool respell_text(enum weir_form form, struct weir_span s, struct weir_form_text *ret)
{
    if (form == WEIR_FORM_HOST)
        return respell_claimed_host(s, ret);
    if (form == WEIR_FORM_HOST_OR_IP)
        return respell_host_or_wildcard(s, ret) || respell_authority(s, ret);
    if (form == WEIR_FORM_TARGET_HOST)
        return respell_authority(s, ret);
    if (form == WEIR_FORM_NODE_NAME)
        return respell_host(s, ret);
    if (form == WEIR_FORM_IP)
        return respell_ip(s, ret);
    if (form == WEIR_FORM_ENDPOINT || form == WEIR_FORM_PEER)
        return respell_endpoint(s, ret);
    return respell_listener(s, ret);
}

static bool form_holds(enum weir_form form, struct weir_span s, struct weir_form_text *ret)
{
    switch (form) {
    case WEIR_FORM_ANY:
        return is_printable(s);
    case WEIR_FORM_LINES:
        return weir_schema_text_is_utf8(s);
    case WEIR_FORM_CHOICE:
    case WEIR_FORM_NUM:
        return true;
    case WEIR_FORM_LABEL:
        return is_label(s);
    case WEIR_FORM_UPSTREAM:
        return is_upstream_name(s);
    case WEIR_FORM_NODE_NAME:
    case WEIR_FORM_HOST:
    case WEIR_FORM_HOST_OR_IP:
    case WEIR_FORM_TARGET_HOST:
    case WEIR_FORM_IP:
    case WEIR_FORM_ENDPOINT:
    case WEIR_FORM_PEER:
    case WEIR_FORM_LISTEN:
        return respell_text(form, s, ret);
    case WEIR_FORM_NAME_SERVER:
        return is_name_server(s);
    case WEIR_FORM_PREFIX:
        return is_prefix(s);
    case WEIR_FORM_RULE_PATH:
        return is_rule_path(s);
    case WEIR_FORM_PATH:
        return is_path(s);
    case WEIR_FORM_TOKEN:
        return weir_bytes_all(s, WEIR_BYTE_TOKEN);
    case WEIR_FORM_VIA:
        return is_via(s);
    case WEIR_FORM_FIELD_GONE:
        return weir_bytes_all(s, WEIR_BYTE_TOKEN) && !is_needed_field(s);
    case WEIR_FORM_FIELD_NAME:
        return weir_bytes_all(s, WEIR_BYTE_TOKEN) && !is_own_field(s);
    case WEIR_FORM_FIELD_VALUE:
        return is_field_value(s);
    case WEIR_FORM_MEDIA_TYPE:
        return is_media_type(s);
    case WEIR_FORM_FILE:
        return is_file(s);
    case WEIR_FORM_STATUS:
        return is_status(s);
    case WEIR_FORM_WORKERS:
        return is_workers(s);
    case WEIR_FORM_ACCESS:
        return is_access(s);
    case WEIR_FORM_PIN:
        return is_pin(s);
    case WEIR_FORM_CIPHER:
        return weir_tls_cipher_find(s) != NULL;
    }
    WEIR_UNREACHABLE();
}

/** The name of a form, and the message for a text that does not have it. */
struct form_words {
    const char *name;
    const char *why;
};

static const struct form_words words[] = {
    [WEIR_FORM_ANY] = { "text", "holds control characters or is not UTF-8" },
    [WEIR_FORM_LINES] = { "text", "is not UTF-8" },
    [WEIR_FORM_CHOICE] = { "text", "is not one of the allowed values" },
    [WEIR_FORM_LABEL] = { "name of 1..63 a-z 0-9 \"-\"",
                          "is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its ends" },
    [WEIR_FORM_NODE_NAME] = { "host name", "is not a host name" },
    [WEIR_FORM_UPSTREAM] = { "name of 1..63 a-z 0-9 \"-\" \"_\"",
                             "is not a name: 1..63 of a-z, 0-9, \"-\" and \"_\"" },
    [WEIR_FORM_HOST] = { "host name, or \"*.\" and a host name",
                         "is not a host name like shop.example.com or \"*.example.com\"" },
    [WEIR_FORM_HOST_OR_IP] = { "host name, \"*.\" and a host name, or address",
                               "is not a host name, \"*.\" and a host name, or an address" },
    [WEIR_FORM_TARGET_HOST] = { "host name or address", "is not a host name or an address" },
    [WEIR_FORM_IP] = { "IP address", "is not an IP address without a port" },
    [WEIR_FORM_PREFIX] = { "IP address or prefix",
                           "is not an IP address or prefix like 10.0.0.0/8, bits behind it 0" },
    [WEIR_FORM_ENDPOINT] = { "ip:port, [v6]:port or name:port",
                             "is not ip:port, [v6]:port or name:port" },
    [WEIR_FORM_LISTEN] = { "ip:port or [v6]:port, port 0 = any free one",
                           "is not ip:port or [v6]:port" },
    [WEIR_FORM_PEER] = { "ip:port, [v6]:port or name:port",
                         "is not ip:port, [v6]:port or name:port" },
    [WEIR_FORM_NAME_SERVER] = { "ip, ip:port or [v6]:port",
                                "is not the address of a server: ip, ip:port or [v6]:port" },
    [WEIR_FORM_RULE_PATH] = { "path prefix, or \"=\" and a path",
                              "is not a path in normal form: \"/\" or \"=/\" in front, no dot "
                              "segments, escapes like %2F only where needed" },
    [WEIR_FORM_PATH] = { "path", "is not a path in normal form: \"/\" in front, no dot segments, "
                                 "escapes like %2F only where needed" },
    [WEIR_FORM_TOKEN] = { "word of letters, digits and \"-._\"",
                          "is not a word of letters, digits and \"-._\"" },
    [WEIR_FORM_VIA] = { "on, off or word of letters, digits and \"-._\"",
                        "is not on, off, or a pseudonym of letters, digits and \"-._\"" },
    [WEIR_FORM_FIELD_GONE] = { "header name", "is not a header name" },
    [WEIR_FORM_FIELD_NAME] = { "header name",
                               "is not a header name, or one that only weir writes" },
    [WEIR_FORM_FIELD_VALUE] = { "header value",
                                "is not a header value: no control characters, no space at its "
                                "ends, UTF-8" },
    [WEIR_FORM_MEDIA_TYPE] = { "media type", "is not a media type like \"text/html\"" },
    [WEIR_FORM_FILE] = { "absolute path of a file", "is not an absolute path" },
    [WEIR_FORM_STATUS] = { "status 400..599", "is not a status 400..599" },
    [WEIR_FORM_WORKERS] = { "auto or number 1..64", "is not auto or a number 1..64" },
    [WEIR_FORM_ACCESS] = { "stdout, off or absolute path of a file",
                           "is not stdout, off or an absolute path" },
    [WEIR_FORM_PIN] = { "\"sha256/\" and base64",
                        "is not a pin: sha256/ and the base64 of the SHA-256 of a public key" },
    [WEIR_FORM_CIPHER] = { "name of a cipher suite, as OpenSSL has it",
                           "is not a cipher suite of TLS 1.0 to 1.2 by its OpenSSL name" },
};
_Static_assert(WEIR_ARRAY_LEN(words) == WEIR_FORM_NUM, "one row a form");

/* -- why not -- */

/* The number behind the last ":", when it is no port. @return the reason, in ret->buf, or NULL */
static const char *explain_port(struct weir_span s, unsigned lowest, struct weir_form_text *ret)
{
    const uint8_t *colon = s.len > 0 ? memrchr(s.at, ':', s.len) : NULL;
    struct weir_span port = colon != NULL ? weir_span_from(s, (size_t)(colon - s.at) + 1) : s;
    unsigned long n = 0;

    if (colon == NULL || port.len == 0 || !weir_bytes_all(port, WEIR_BYTE_DIGIT))
        return NULL;
    for (size_t i = 0; i < port.len && n <= UINT16_MAX; i++)
        n = 10 * n + (port.at[i] - '0');
    if (n >= lowest && n <= UINT16_MAX)
        return NULL;
    snprintf((char *)ret->buf, sizeof(ret->buf), "has port %.*s, a port is %u..65535",
             (int)(port.len < 20 ? port.len : 20), (const char *)port.at, lowest);
    return (const char *)ret->buf;
}

/* The length behind the "/" of a prefix. @return whether it is a number up to `max` */
static bool prefix_len(struct weir_span s, unsigned max, unsigned *ret)
{
    unsigned n = 0;

    if (s.len == 0 || s.len > 3 || !weir_bytes_all(s, WEIR_BYTE_DIGIT))
        return false;
    for (size_t i = 0; i < s.len; i++)
        n = 10 * n + (s.at[i] - '0');
    *ret = n;
    return n <= max;
}

/* Which prefix was meant by an address and a length. @return the reason, in ret->buf, or NULL */
static const char *explain_prefix(struct weir_span s, struct weir_form_text *ret)
{
    const uint8_t *slash = s.len > 0 ? memchr(s.at, '/', s.len) : NULL;
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_addr a;
    unsigned len = 0;

    if (slash == NULL || weir_addr_parse_ip(weir_span(s.at, (size_t)(slash - s.at)), &a) < 0)
        return NULL;
    unsigned max = weir_addr_is_v4(&a) ? 32 : 128;
    if (!prefix_len(weir_span_from(s, (size_t)(slash - s.at) + 1), max, &len)) {
        snprintf((char *)ret->buf, sizeof(ret->buf), "has no length behind the \"/\" of 0..%u bits",
                 max);
        return (const char *)ret->buf;
    }
    for (unsigned bit = 128 - max + len; bit < 128; bit++)
        a.ip[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    size_t text_len = weir_addr_ip_text(&a, text);
    snprintf((char *)ret->buf, sizeof(ret->buf),
             "has bits set behind the prefix, did you mean \"%.*s/%u\"?", (int)text_len, text, len);
    return (const char *)ret->buf;
}

/* The suite that was meant. @return the reason, in ret->buf, or NULL */
static const char *explain_cipher(struct weir_span s, struct weir_form_text *ret)
{
    struct weir_suggest suggest = weir_suggest_begin(s);
    size_t num;
    const struct weir_tls_cipher *all = weir_tls_ciphers(&num);

    for (size_t i = 0; i < num; i++)
        weir_suggest_offer(&suggest, weir_span_cstr(all[i].name));
    if (suggest.best.len == 0)
        return NULL;
    snprintf((char *)ret->buf, sizeof(ret->buf), "is not a cipher suite%s",
             weir_suggest_text(&suggest).text);
    return (const char *)ret->buf;
}

/* A reason better than that of the form; NULL: there is none. */
static const char *explain(enum weir_form form, struct weir_span s, struct weir_form_text *ret)
{
    if (form == WEIR_FORM_FIELD_NAME && weir_bytes_all(s, WEIR_BYTE_TOKEN))
        return "is a header that only weir writes or removes";
    if (form == WEIR_FORM_FIELD_GONE && weir_bytes_all(s, WEIR_BYTE_TOKEN))
        return "is a header that a request needs: for its host, its length, its connection, or to "
               "end circles";
    if (form == WEIR_FORM_ENDPOINT || form == WEIR_FORM_PEER)
        return explain_port(s, 1, ret);
    if (form == WEIR_FORM_LISTEN)
        return explain_port(s, 0, ret);
    if (form == WEIR_FORM_CIPHER)
        return explain_cipher(s, ret);
    return form == WEIR_FORM_PREFIX ? explain_prefix(s, ret) : NULL;
}

bool weir_form_check(enum weir_form form, struct weir_span text, struct weir_form_text *ret,
                     const char **ret_why)
{
    ret->text = text;
    /* A C string ends at its first NUL: what stands behind it would be accepted and lost. */
    if (form != WEIR_FORM_LINES && text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
        *ret_why = "holds a NUL";
        return false;
    }
    if (form_holds(form, text, ret))
        return true;
    const char *why = explain(form, text, ret);
    *ret_why = why != NULL ? why : words[form].why;
    return false;
}

const char *weir_form_name(enum weir_form form)
{
    WEIR_ASSERT(form < WEIR_FORM_NUM);
    return words[form].name;
}

bool weir_form_is_numeric(enum weir_form form)
{
    return form == WEIR_FORM_WORKERS || form == WEIR_FORM_STATUS;
}
