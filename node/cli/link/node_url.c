/* SPDX-License-Identifier: Apache-2.0
 *
 * node_url.c - see node_url.h.
 */
#include "node/cli/link/node_url.h"

#include <stdio.h>
#include <string.h>

#include "node/base/span.h"

#define HOST_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

static enum weir_err parse_unix(struct weir_span path, struct weir_node_url *u)
{
    if (path.len == 0)
        return WEIR_EINVAL;
    if (path.len >= sizeof(u->socket.sun_path))
        return WEIR_ELIMIT;
    u->kind = WEIR_NODE_URL_UNIX;
    u->socket.sun_family = AF_UNIX;
    memcpy(u->socket.sun_path, path.at, path.len);
    return WEIR_OK;
}

/* 1..65535, without leading zeros. */
static bool parse_port(struct weir_span s, uint16_t *ret)
{
    uint32_t port = 0;
    if (s.len == 0 || s.len > 5 || s.at[0] == '0')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(s.at[i] - '0');
    }
    *ret = (uint16_t)port;
    return port <= UINT16_MAX;
}

/* Cuts "[v6]" or what stands before ":" off `rest`. */
static bool cut_host(struct weir_span *rest, struct weir_span *ret)
{
    bool bracketed = rest->len > 0 && rest->at[0] == '[';
    const uint8_t *end = rest->len > 0 ? memchr(rest->at, bracketed ? ']' : ':', rest->len) : NULL;
    if (bracketed && end == NULL)
        return false;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    *ret = bracketed ? weir_span(rest->at + 1, len - 1) : weir_span(rest->at, len);
    *rest = weir_span_from(*rest, bracketed ? len + 1 : len);
    return true;
}

static enum weir_err parse_https(struct weir_span text, struct weir_node_url *u)
{
    struct weir_span host;
    if (weir_span_ends(text, WEIR_SPAN_LIT("/")))
        text.len--;
    bool bracketed = text.len > 0 && text.at[0] == '[';
    if (!cut_host(&text, &host) || host.len == 0 || host.len > WEIR_HOST_MAX)
        return WEIR_EINVAL;
    u->is_ip = weir_addr_parse_ip(host, &u->ip) == WEIR_OK;
    if (bracketed && (!u->is_ip || weir_addr_is_v4(&u->ip)))
        return WEIR_EINVAL;
    snprintf(u->host, sizeof(u->host), "%.*s", (int)host.len, (const char *)host.at);
    if (!u->is_ip && strspn(u->host, HOST_BYTES) != host.len)
        return WEIR_EINVAL;
    u->port = WEIR_NODE_URL_PORT;
    if (text.len > 0 && (text.at[0] != ':' || !parse_port(weir_span_from(text, 1), &u->port)))
        return WEIR_EINVAL;
    u->kind = WEIR_NODE_URL_HTTPS;
    return WEIR_OK;
}

enum weir_err weir_node_url_parse(const char *text, struct weir_node_url *ret)
{
    struct weir_span s = weir_span_cstr(text);
    struct weir_node_url u = { .kind = WEIR_NODE_URL_NONE };
    enum weir_err err = WEIR_EINVAL;
    if (weir_span_starts(s, WEIR_SPAN_LIT("unix:")))
        err = parse_unix(weir_span_from(s, 5), &u);
    else if (weir_span_starts(s, WEIR_SPAN_LIT("https://")))
        err = parse_https(weir_span_from(s, 8), &u);
    *ret = err == WEIR_OK ? u : (struct weir_node_url){ .kind = WEIR_NODE_URL_NONE };
    return err;
}
