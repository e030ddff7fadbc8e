/* SPDX-License-Identifier: Apache-2.0
 * sock.c - see sock.h.
 */
#include "node/conn/sock.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG    4096
#define FLUSH_IOV         16
#define GATHER_MAX        4096
#define DEFER_S           1 /* WEIR_DRAIN_LISTEN_MS is a little longer */
#define DIAG_RESPONSE_MAX 8192
#define TCP_FLAGS_AT      13 /* RFC 9293 section 3.1 */
#define TCP_FLAG_SYN_BIT  0x02
#define TCP_FLAG_ACK_BIT  0x10

enum weir_io weir_sock_read(int fd, uint8_t *at, size_t len, size_t *ret_len)
{
    WEIR_ASSERT(len > 0); /* a read of 0 bytes would pass for the end of the stream */
    ssize_t n;
    do {
        n = recv(fd, at, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        *ret_len = (size_t)n;
        return WEIR_IO_DONE;
    }
    if (n == 0)
        return WEIR_IO_END;
    return errno == EAGAIN || errno == EWOULDBLOCK ? WEIR_IO_BLOCKED : WEIR_IO_FAILED;
}

static enum weir_io send_iov(int fd, struct iovec *iov, int num, int flags, size_t *ret_sent)
{
    ssize_t n;
    do {
        if (num == 1) {
            n = send(fd, iov[0].iov_base, iov[0].iov_len, flags);
        } else {
            struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)num };
            n = sendmsg(fd, &msg, flags);
        }
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        *ret_sent = 0;
        return errno == EAGAIN || errno == EWOULDBLOCK ? WEIR_IO_BLOCKED : WEIR_IO_FAILED;
    }
    *ret_sent = (size_t)n;
    return WEIR_IO_DONE;
}

/* One more copy of a short message is cheaper than a list of pieces for the kernel. */
static size_t gather(const struct weir_pieces *p, uint8_t *out)
{
    size_t len = 0;
    for (int i = 0; i < p->num; i++) {
        memcpy(out + len, p->iov[i].iov_base, p->iov[i].iov_len);
        len += p->iov[i].iov_len;
    }
    return len;
}

enum weir_io weir_sock_write(int fd, const struct weir_pieces *p, size_t *ret_sent)
{
    struct iovec *iov = (struct iovec *)(uintptr_t)p->iov;
    struct iovec one;
    int num = p->num;
    uint8_t flat[GATHER_MAX];
    *ret_sent = 0;
    if (p->len == 0)
        return WEIR_IO_DONE;
    if (num > 1 && p->len <= sizeof(flat)) {
        one = (struct iovec){ .iov_base = flat, .iov_len = gather(p, flat) };
        iov = &one;
        num = 1;
    }
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (p->hold ? MSG_MORE : 0);
    enum weir_io io = send_iov(fd, iov, num, flags, ret_sent);
    if (io == WEIR_IO_DONE && *ret_sent < p->len)
        return WEIR_IO_BLOCKED;
    return io;
}

enum weir_io weir_sock_send(int fd, struct weir_span bytes, bool hold, size_t *ret_sent)
{
    struct iovec one = { .iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.len };
    *ret_sent = 0;
    if (bytes.len == 0)
        return WEIR_IO_DONE;
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (hold ? MSG_MORE : 0);
    enum weir_io io = send_iov(fd, &one, 1, flags, ret_sent);
    return io == WEIR_IO_DONE && *ret_sent < bytes.len ? WEIR_IO_BLOCKED : io;
}

enum weir_io weir_sock_flush(int fd, struct weir_buffers *b, struct weir_outq *q, size_t *ret_sent)
{
    *ret_sent = 0;
    while (q->len > 0) {
        struct iovec iov[FLUSH_IOV];
        int num = 0;
        size_t want = 0;
        struct weir_stash *s = q->last;
        do {
            s = s->next;
            iov[num].iov_base = s->bytes + s->at;
            iov[num].iov_len = s->len - s->at;
            want += iov[num].iov_len;
            num++;
        } while (s != q->last && num < FLUSH_IOV);
        size_t sent = 0;
        enum weir_io io = send_iov(fd, iov, num, MSG_NOSIGNAL | MSG_DONTWAIT, &sent);
        if (io != WEIR_IO_DONE)
            return io;
        weir_outq_use(b, q, sent);
        *ret_sent += sent;
        if (sent < want)
            return WEIR_IO_BLOCKED;
    }
    return WEIR_IO_DONE;
}

bool weir_sock_is_quiet(int fd)
{
    uint8_t byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static enum weir_err translate_bind(int e)
{
    switch (e) {
    case EADDRINUSE:
        return WEIR_EINUSE;
    case EACCES:
    case EPERM:
        return WEIR_EPERM;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return WEIR_EINVAL;
    default:
        return WEIR_EIO;
    }
}

static int open_bound(const struct weir_addr *addr, bool share, int *ret_errno)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = weir_addr_to_sockaddr(addr, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *ret_errno = errno;
        return -1;
    }
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (ok && share)
        ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
    if (ok && sa.ss_family == AF_INET6)
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
    if (ok)
        ok = bind(fd, (struct sockaddr *)&sa, sa_len) == 0;
    if (!ok) {
        *ret_errno = errno;
        close(fd);
        return -1;
    }
    return fd;
}

enum weir_err weir_sock_listen(const struct weir_addr *addr, bool client_speaks_first, int *ret_fd,
                               int *ret_errno)
{
    int on = 1;
    int defer_s = DEFER_S;
    int fd = open_bound(addr, true, ret_errno);
    if (fd < 0)
        return translate_bind(*ret_errno);
    /* TCP_DEFER_ACCEPT is optional: the kernel hands a connection over with its first bytes, so
     * that most connections are accepted, read and served without epoll. Accepted sockets inherit
     * TCP_NODELAY, which saves a system call for each. */
    if (client_speaks_first)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s));
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0) {
        *ret_errno = errno;
        close(fd);
        return translate_bind(*ret_errno);
    }
    *ret_fd = fd;
    return WEIR_OK;
}

enum weir_err weir_sock_listen_alone(const struct weir_addr *addr, int *ret_fd, int *ret_errno)
{
    int on = 1;
    int fd = open_bound(addr, false, ret_errno);
    if (fd < 0)
        return translate_bind(*ret_errno);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0) {
        *ret_errno = errno;
        close(fd);
        return translate_bind(*ret_errno);
    }
    *ret_fd = fd;
    return WEIR_OK;
}

bool weir_sock_is_taken(const struct weir_addr *addr)
{
    int e = 0;
    int fd = open_bound(addr, false, &e);
    if (fd < 0)
        return e == EADDRINUSE;
    bool taken = listen(fd, 1) < 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

enum weir_err weir_sock_local(int fd, struct weir_addr *ret)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return WEIR_EIO;
    weir_addr_from_sockaddr((struct sockaddr *)&sa, ret);
    return WEIR_OK;
}

/* Asks for one dump of the sockets in SYN_RECV with this local port. The kernel has made it when
 * send returns. If the first message is NLMSG_DONE, there are none. */
bool weir_sock_handshakes_wait(const struct weir_addr *addr)
{
    struct sockaddr_storage sa;
    union {
        struct nlmsghdr head;
        uint8_t bytes[DIAG_RESPONSE_MAX];
    } response;
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } ask = { 0 };
    (void)weir_addr_to_sockaddr(addr, &sa);
    ask.head.nlmsg_len = sizeof(ask);
    ask.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    ask.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    ask.body.sdiag_family = (uint8_t)sa.ss_family;
    ask.body.sdiag_protocol = IPPROTO_TCP;
    ask.body.idiag_states = 1u << TCP_SYN_RECV;
    ask.body.id.idiag_sport = htons(addr->port);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return true;
    ssize_t n = -1;
    if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
        n = recv(fd, &response, sizeof(response), 0);
    close(fd);
    return n < (ssize_t)sizeof(response.head) || response.head.nlmsg_type != NLMSG_DONE;
}

void weir_sock_ignore_syns(int listener, bool on)
{
    /* A socket filter of a listener sees each segment from its TCP header on. */
    struct sock_filter drop_syns[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_FLAG_SYN_BIT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = { WEIR_ARRAY_LEN(drop_syns), drop_syns };
    if (on)
        (void)setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    else
        (void)setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int));
}

enum weir_err weir_sock_accept(int listener, int *ret_fd, struct weir_addr *ret_peer)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return WEIR_EBUSY;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return WEIR_ELIMIT;
        return WEIR_EIO;
    }
    weir_addr_from_sockaddr((struct sockaddr *)&sa, ret_peer);
    *ret_fd = fd;
    return WEIR_OK;
}

enum weir_err weir_sock_dial(const struct weir_addr *addr, int *ret_fd, bool *ret_connected)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = weir_addr_to_sockaddr(addr, &sa);
    int on = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM
                   ? WEIR_ELIMIT
                   : WEIR_EIO;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&sa, sa_len) == 0) {
        *ret_connected = true;
    } else if (errno == EINPROGRESS) {
        *ret_connected = false;
    } else {
        enum weir_err err = errno == EADDRNOTAVAIL || errno == EAGAIN ? WEIR_ELIMIT : WEIR_EIO;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return WEIR_OK;
}

int weir_sock_dial_result(int fd)
{
    int e = 0;
    socklen_t len = sizeof(e);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
        return errno;
    return e;
}

size_t weir_sock_unconfirmed(int fd)
{
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void weir_sock_abort(int fd)
{
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
}
