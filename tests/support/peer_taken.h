/* SPDX-License-Identifier: Apache-2.0
 *
 * peer_taken.h - waits until the other side of a peer's connection (peer.h) has read all that the
 * peer sent, by the queues that the kernel shows. Header only.
 */
#ifndef WEIR_TESTS_SUPPORT_PEER_TAKEN_H
#define WEIR_TESTS_SUPPORT_PEER_TAKEN_H

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>

#include "node/base/clock.h"
#include "tests/support/peer.h"

/** Bytes in a queue of the kernel of the connection from one port of 127.0.0.1 to another. */
static inline unsigned long peer_queued(unsigned from, unsigned to, bool received)
{
    char line[512];
    unsigned long ret = ULONG_MAX;
    FILE *f = fopen("/proc/net/tcp", "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned local, remote;
        unsigned long out, in;
        if (sscanf(line, " %*u: %*x:%x %*x:%x %*x %lx:%lx", &local, &remote, &out, &in) == 4 &&
            local == from && remote == to)
            ret = received ? in : out;
    }
    assert_int_equal(fclose(f), 0);
    return ret;
}

/** Bytes that one port sent to the other and that are not read yet. ULONG_MAX: not known. */
static inline unsigned long peer_unread(unsigned from, unsigned to)
{
    unsigned long out = peer_queued(from, to, false);
    unsigned long in = peer_queued(to, from, true);

    return out == ULONG_MAX || in == ULONG_MAX ? ULONG_MAX : out + in;
}

/** Wait until the other side, on this machine and over IPv4, has read all that was sent but this.
 */
static inline void peer_await_taken(const struct peer *p, unsigned long rest)
{
    struct sockaddr_in own, other;
    socklen_t len = sizeof(own);
    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(getpeername(p->fd, (struct sockaddr *)&other, &len), 0);
    unsigned from = ntohs(own.sin_port), to = ntohs(other.sin_port);
    uint64_t until = weir_clock_mono_ns() + PEER_WAIT_S * UINT64_C(1000000000);
    while (peer_unread(from, to) > rest) {
        if (weir_clock_mono_ns() > until)
            fail_msg("%lu bytes were not read", peer_unread(from, to));
        (void)usleep(1000);
    }
}

#endif
