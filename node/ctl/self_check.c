/* SPDX-License-Identifier: Apache-2.0
 *
 * self_check.c - see self_check.h. The addresses of this host are asked for only when an endpoint
 * has the port of a listener on a wildcard address.
 */
#include "node/ctl/self_check.h"

#include <string.h>

#include "node/wire/uri.h"

static const struct weir_addr loopback_v4 = { { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 }, 0 };
static const struct weir_addr loopback_v6 = { { [15] = 1 }, 0 };

void weir_self_check_init(struct weir_self_check *c)
{
    *c = (struct weir_self_check){ .num = 0 };
}

void weir_self_check_deinit(struct weir_self_check *c)
{
    if (c->local != NULL)
        freeifaddrs(c->local);
    c->local = NULL;
}

static bool is_unspecified(const struct weir_addr *a)
{
    static const uint8_t zero[16];
    return weir_addr_is_v4(a) ? memcmp(a->ip + 12, zero, 4) == 0 : memcmp(a->ip, zero, 16) == 0;
}

static bool is_same_ip(const struct weir_addr *a, const struct weir_addr *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static bool is_local(struct weir_self_check *c, const struct weir_addr *a)
{
    if (weir_addr_is_loopback(a))
        return true;
    if (!c->is_read && getifaddrs(&c->local) < 0)
        c->local = NULL; /* nothing more can be seen */
    c->is_read = true;
    for (const struct ifaddrs *i = c->local; i != NULL; i = i->ifa_next) {
        struct weir_addr own;
        if (i->ifa_addr == NULL ||
            (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
            continue;
        weir_addr_from_sockaddr(i->ifa_addr, &own);
        if (is_same_ip(&own, a))
            return true;
    }
    return false;
}

static const struct weir_addr *find_listener(struct weir_self_check *c, struct weir_addr a)
{
    if (is_unspecified(&a)) /* connect(2) takes it for this host */
        memcpy(a.ip, weir_addr_is_v4(&a) ? loopback_v4.ip : loopback_v6.ip, sizeof(a.ip));
    for (size_t i = 0; i < c->num; i++) {
        const struct weir_addr *l = &c->listeners[i];
        if (weir_addr_overlaps(l, &a) && (is_same_ip(l, &a) || is_local(c, &a)))
            return l;
    }
    return NULL;
}

const struct weir_addr *weir_self_check_endpoint(struct weir_self_check *c,
                                                 struct weir_span endpoint)
{
    struct weir_authority a;
    if (weir_authority_parse(endpoint, &a) < 0)
        return NULL;
    struct weir_addr addr = a.is_ip ? a.addr : loopback_v4;
    addr.port = a.port;
    if (a.is_ip)
        return find_listener(c, addr);
    if (!weir_span_eq(weir_span(a.host, a.host_len), WEIR_SPAN_LIT("localhost")))
        return NULL;
    const struct weir_addr *found = find_listener(c, addr);
    addr = loopback_v6;
    addr.port = a.port;
    return found != NULL ? found : find_listener(c, addr);
}
