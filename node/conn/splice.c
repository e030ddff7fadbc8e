/* SPDX-License-Identifier: Apache-2.0
 *
 * splice.c - see splice.h. The kernel itself holds segments back while the pipe has more for them;
 * it must not be told so when the rest is only expected, or a live stream waits 200 ms for it.
 */
#include "node/conn/splice.h"

#include <errno.h>
#include <fcntl.h>

bool weir_splice_can(const struct weir_conn *from, const struct weir_conn *to)
{
    return from->layer == NULL && to->layer == NULL;
}

static ssize_t splice_bytes(int from, int to, size_t len, unsigned flags)
{
    ssize_t n;
    do {
        n = splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | flags);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* @return true: the pipe is empty */
static bool drain_pipe(struct weir_pipe *p, struct weir_conn *to, unsigned flags,
                       enum weir_splice *ret)
{
    while (p->held > 0) {
        ssize_t n = splice_bytes(p->fd[0], to->watch.fd, p->held, flags);
        if (n <= 0) {
            bool blocked = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
            to->room_wanted = blocked;
            *ret = blocked ? WEIR_SPLICE_BLOCKED : WEIR_SPLICE_FAILED;
            return false;
        }
        p->held -= (size_t)n;
        to->given += (uint64_t)n;
    }
    return true;
}

static enum weir_splice move_bytes(struct weir_pipe *p, struct weir_conn *from,
                                   struct weir_conn *to, bool more)
{
    enum weir_splice outcome = WEIR_SPLICE_MORE;
    unsigned flags = more ? SPLICE_F_MORE : 0;
    for (int i = 0; i < WEIR_SPLICE_ONCE; i++) {
        if (!drain_pipe(p, to, flags, &outcome))
            return outcome;
        if (p->left == 0)
            return WEIR_SPLICE_DONE;
        size_t want = p->left < WEIR_SPLICE_LEN ? (size_t)p->left : WEIR_SPLICE_LEN;
        ssize_t n = splice_bytes(from->watch.fd, p->fd[1], want, 0);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WEIR_SPLICE_MORE
                                                                      : WEIR_SPLICE_END;
        p->held += (size_t)n;
        p->left -= (uint64_t)n;
    }
    return drain_pipe(p, to, flags, &outcome) && p->left == 0 ? WEIR_SPLICE_DONE : outcome;
}

enum weir_splice weir_splice_move(struct weir_pipe *p, struct weir_conn *from, struct weir_conn *to,
                                  bool more, struct weir_spliced *ret)
{
    WEIR_ASSERT(p->open);
    WEIR_ASSERT(to->out.len == 0);
    WEIR_ASSERT(weir_splice_can(from, to));
    uint64_t left = p->left;
    uint64_t given = to->given;
    enum weir_splice outcome = move_bytes(p, from, to, more);
    ret->taken = left - p->left;
    ret->given = to->given - given;
    from->received += ret->taken;
    return outcome;
}
