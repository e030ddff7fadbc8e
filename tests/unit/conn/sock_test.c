/* SPDX-License-Identifier: Apache-2.0
 *
 * sock_test.c - the socket calls over real sockets: what would block, what ended, what failed, and
 * that no byte is lost or sent twice between a write and the queue behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/conn/sock.h"

static struct weir_addr loopback(const char *ip)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(ip), &a), WEIR_OK);
    return a;
}

static int listen_on(struct weir_addr *addr)
{
    int fd = -1, sys_errno = 0;
    assert_int_equal(weir_sock_listen(addr, true, &fd, &sys_errno), WEIR_OK);
    assert_int_equal(weir_sock_local(fd, addr), WEIR_OK);
    assert_true(addr->port > 0);
    return fd;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    assert_int_equal(poll(&p, 1, 10000), 1);
}

/* A connected pair over TCP: [0] dialled, [1] accepted. */
static void open_tcp(int fds[2])
{
    struct weir_addr addr = loopback("127.0.0.1"), peer;
    bool connected = false;
    int listener = listen_on(&addr), at_once = 0;
    (void)setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &at_once, sizeof(at_once));
    assert_int_equal(weir_sock_dial(&addr, &fds[0], &connected), WEIR_OK);
    wait_for(listener, POLLIN);
    assert_int_equal(weir_sock_accept(listener, &fds[1], &peer), WEIR_OK);
    wait_for(fds[0], POLLOUT);
    assert_int_equal(weir_sock_dial_result(fds[0]), 0);
    assert_true(weir_addr_is_loopback(&peer));
    close(listener);
}

static void reads_distinguish_bytes_silence_and_the_end(void **state)
{
    int fds[2];
    uint8_t in[8];
    size_t n = 99;
    open_tcp(fds);
    assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_BLOCKED);
    assert_int_equal(n, 99);
    assert_int_equal(send(fds[0], "0123456789", 10, 0), 10);
    wait_for(fds[1], POLLIN);
    assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_DONE);
    assert_int_equal(n, 8);
    assert_memory_equal(in, "01234567", 8);
    assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_DONE);
    assert_int_equal(n, 2);
    assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
    wait_for(fds[1], POLLIN);
    assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_END);
    weir_sock_abort(fds[0]);
    close(fds[1]);
}

static void a_reset_is_a_failure_and_not_an_end(void **state)
{
    int fds[2];
    uint8_t in[8];
    size_t n = 0;
    open_tcp(fds);
    weir_sock_abort(fds[0]);
    wait_for(fds[1], POLLIN);
    assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_FAILED);
    close(fds[1]);
}

static void writing_to_a_closed_peer_fails_without_a_signal(void **state)
{
    int fds[2];
    struct weir_pieces p;
    size_t sent = 0;
    enum weir_io io = WEIR_IO_DONE;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    open_tcp(fds);
    weir_sock_abort(fds[0]);
    weir_pieces_reset(&p);
    weir_pieces_add(&p, WEIR_SPAN_LIT("x"));
    for (int i = 0; i < 1000 && io == WEIR_IO_DONE; i++)
        io = weir_sock_write(fds[1], &p, &sent);
    assert_int_equal(io, WEIR_IO_FAILED);
    assert_int_equal(sent, 0);
    close(fds[1]);
}

static void an_empty_write_is_done(void **state)
{
    struct weir_pieces p;
    size_t sent = 7;
    weir_pieces_reset(&p);
    assert_int_equal(weir_sock_write(-1, &p, &sent), WEIR_IO_DONE);
    assert_int_equal(sent, 0);
}

/* Small enough to be gathered, and too large for it. */
static void pieces_arrive_in_order_whatever_their_size(void **state)
{
    static uint8_t in[65536], out[65536];
    static const size_t lens[] = { 1, 3, 4095, 4096, 4097, 30000 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lens); i++) {
        for (int num = 1; num <= WEIR_PIECES_MAX; num += 31) {
            int fds[2];
            struct weir_pieces p;
            size_t sent = 0, got = 0, n = 0;
            open_tcp(fds);
            weir_pieces_reset(&p);
            for (size_t k = 0; k < lens[i]; k++)
                out[k] = (uint8_t)(k * 31 + (size_t)num);
            for (int k = 0; k < num; k++) {
                size_t from = lens[i] * (size_t)k / (size_t)num;
                size_t to = lens[i] * (size_t)(k + 1) / (size_t)num;
                weir_pieces_add(&p, weir_span(out + from, to - from));
            }
            assert_int_equal(weir_sock_write(fds[0], &p, &sent), WEIR_IO_DONE);
            assert_int_equal(sent, lens[i]);
            while (got < lens[i]) {
                wait_for(fds[1], POLLIN);
                assert_int_equal(weir_sock_read(fds[1], in + got, sizeof(in) - got, &n),
                                 WEIR_IO_DONE);
                got += n;
            }
            assert_int_equal(got, lens[i]);
            assert_memory_equal(in, out, got);
            close(fds[0]);
            close(fds[1]);
        }
    }
}

/* Fill the socket, queue the rest, drain both: the stream is whole. */
static void what_the_socket_does_not_take_leaves_by_the_queue(void **state)
{
    static uint8_t out[WEIR_IO_CHUNK], in[WEIR_IO_CHUNK];
    struct weir_buffers b;
    struct weir_outq q = { NULL, 0 };
    struct weir_rng rng;
    size_t given = 0, got = 0, sent = 0;
    int fds[2];
    bool blocked = false;
    weir_buffers_init(&b, 64u << 20);
    weir_rng_init(&rng, 3);
    open_tcp(fds);
    while (given < 16u << 20) {
        size_t len = 1 + weir_rng_below(&rng, sizeof(out));
        struct weir_pieces p;
        for (size_t i = 0; i < len; i++)
            out[i] = (uint8_t)((given + i) % 251);
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_span(out, len / 2));
        weir_pieces_add(&p, weir_span(out + len / 2, len - len / 2));
        sent = 0;
        if (q.len == 0) {
            enum weir_io io = weir_sock_write(fds[0], &p, &sent);
            assert_true(io == WEIR_IO_DONE || io == WEIR_IO_BLOCKED);
            assert_int_equal(io == WEIR_IO_DONE, sent == len);
        }
        assert_int_equal(weir_outq_add(&b, &q, &p, sent), WEIR_OK);
        given += len;
        blocked = blocked || q.len > 0;
        if (q.len > 4u << 20 || given >= 16u << 20) { /* the reader wakes up */
            while (got < given) {
                size_t n = 0, queued = q.len;
                enum weir_io io = weir_sock_flush(fds[0], &b, &q, &sent);
                assert_int_equal(io, q.len > 0 ? WEIR_IO_BLOCKED : WEIR_IO_DONE);
                assert_int_equal(queued - q.len, sent);
                wait_for(fds[1], POLLIN);
                assert_int_equal(weir_sock_read(fds[1], in, sizeof(in), &n), WEIR_IO_DONE);
                for (size_t i = 0; i < n; i++)
                    assert_int_equal(in[i], (got + i) % 251);
                got += n;
            }
        }
    }
    assert_true(blocked);
    assert_int_equal(got, given);
    close(fds[0]);
    close(fds[1]);
    weir_buffers_deinit(&b);
}

static void a_check_of_a_parked_connection_reads_nothing(void **state)
{
    int fds[2];
    uint8_t in[8];
    size_t n = 0;
    open_tcp(fds);
    assert_true(weir_sock_is_quiet(fds[0]));
    assert_int_equal(send(fds[1], "x", 1, 0), 1);
    wait_for(fds[0], POLLIN);
    assert_false(weir_sock_is_quiet(fds[0]));
    assert_int_equal(weir_sock_read(fds[0], in, sizeof(in), &n), WEIR_IO_DONE);
    assert_int_equal(n, 1);
    assert_true(weir_sock_is_quiet(fds[0]));
    close(fds[1]);
    wait_for(fds[0], POLLIN);
    assert_false(weir_sock_is_quiet(fds[0]));
    close(fds[0]);
}

static void a_taken_port_is_noticed_although_it_could_be_shared(void **state)
{
    struct weir_addr addr = loopback("127.0.0.1");
    int first = listen_on(&addr), second = -1, sys_errno = 0;
    assert_true(weir_sock_is_taken(&addr));
    assert_int_equal(weir_sock_listen(&addr, true, &second, &sys_errno),
                     WEIR_OK); /* as workers do */
    close(first);
    assert_true(weir_sock_is_taken(&addr));
    close(second);
    assert_false(weir_sock_is_taken(&addr));
}

static void an_address_of_one_socket_alone_is_shared_with_none(void **state)
{
    struct weir_addr addr = loopback("127.0.0.1");
    int first = -1, second = -1, sys_errno = 0;
    assert_int_equal(weir_sock_listen_alone(&addr, &first, &sys_errno), WEIR_OK);
    assert_int_equal(weir_sock_local(first, &addr), WEIR_OK);
    assert_int_equal(weir_sock_listen_alone(&addr, &second, &sys_errno), WEIR_EINUSE);
    assert_int_equal(weir_sock_listen(&addr, false, &second, &sys_errno), WEIR_EINUSE);
    assert_int_equal(sys_errno, EADDRINUSE);
    close(first);
    assert_int_equal(weir_sock_listen_alone(&addr, &second, &sys_errno), WEIR_OK);
    close(second);
}

static void a_connection_comes_up_with_its_first_bytes(void **state)
{
    struct weir_addr addr = loopback("127.0.0.1"), peer;
    bool connected = false;
    int dialled = -1, accepted = -1, listener = listen_on(&addr);
    assert_false(weir_sock_handshakes_wait(&addr));
    assert_int_equal(weir_sock_dial(&addr, &dialled, &connected), WEIR_OK);
    wait_for(dialled, POLLOUT);
    assert_int_equal(weir_sock_accept(listener, &accepted, &peer), WEIR_EBUSY);
    assert_true(weir_sock_handshakes_wait(&addr));
    assert_int_equal(send(dialled, "G", 1, MSG_NOSIGNAL), 1);
    wait_for(listener, POLLIN);
    assert_int_equal(weir_sock_accept(listener, &accepted, &peer), WEIR_OK);
    assert_false(weir_sock_handshakes_wait(&addr));
    close(accepted);
    close(dialled);
    close(listener);
}

static void listening_reports_why_it_failed(void **state)
{
    struct weir_addr addr = loopback("192.0.2.77"); /* TEST-NET-1: on no host */
    struct weir_addr plain = loopback("127.0.0.1");
    int fd = -1, sys_errno = 0;
    assert_int_equal(weir_sock_listen(&addr, true, &fd, &sys_errno), WEIR_EINVAL);
    assert_int_equal(sys_errno, EADDRNOTAVAIL);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(&plain, &sa);
    assert_int_equal(bind(other, (struct sockaddr *)&sa, len), 0); /* without SO_REUSEPORT */
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(weir_sock_local(other, &plain), WEIR_OK);
    assert_int_equal(weir_sock_listen(&plain, true, &fd, &sys_errno), WEIR_EINUSE);
    assert_int_equal(sys_errno, EADDRINUSE);
    assert_int_equal(fd, -1);
    close(other);
}

static void ipv6_is_listened_on_and_dialled_like_ipv4(void **state)
{
    struct weir_addr addr = loopback("::1"), peer;
    bool connected = false;
    int client = -1, server = -1;
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(&addr, &sa);
    bool has_v6 = probe >= 0 && bind(probe, (struct sockaddr *)&sa, len) == 0;
    if (probe >= 0)
        close(probe);
    if (!has_v6) {
        print_message("skipped: this host has no IPv6 loopback address\n");
        skip();
    }
    int listener = listen_on(&addr);
    assert_int_equal(weir_sock_dial(&addr, &client, &connected), WEIR_OK);
    wait_for(listener, POLLIN);
    assert_int_equal(weir_sock_accept(listener, &server, &peer), WEIR_OK);
    assert_false(weir_addr_is_v4(&peer));
    close(client);
    close(server);
    close(listener);
}

static void accepted_sockets_do_not_block_delay_or_leak_into_children(void **state)
{
    int fds[2], on = 0;
    socklen_t len = sizeof(on);
    open_tcp(fds);
    for (int i = 0; i < 2; i++) {
        assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        assert_int_equal(getsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
        assert_true(on);
        close(fds[i]);
    }
}

static void accepting_distinguishes_no_client_from_no_descriptor(void **state)
{
    struct weir_addr addr = loopback("127.0.0.1"), peer;
    struct rlimit before, none;
    int listener = listen_on(&addr), client = -1, server = -1;
    bool connected = false;
    assert_int_equal(weir_sock_accept(listener, &server, &peer), WEIR_EBUSY);
    assert_int_equal(weir_sock_dial(&addr, &client, &connected), WEIR_OK);
    wait_for(listener, POLLIN);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum weir_err accepted = weir_sock_accept(listener, &server, &peer);
    int fd = -1;
    enum weir_err dialled = weir_sock_dial(&addr, &fd, &connected);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(accepted, WEIR_ELIMIT);
    assert_int_equal(dialled, WEIR_ELIMIT);
    assert_int_equal(weir_sock_accept(listener, &server, &peer), WEIR_OK); /* it waited */
    close(server);
    close(client);
    close(listener);
}

static void a_refused_dial_is_reported_at_once_or_by_its_result(void **state)
{
    struct weir_addr addr = loopback("127.0.0.1");
    int listener = listen_on(&addr), fd = -1;
    bool connected = false;
    close(listener);
    enum weir_err err = weir_sock_dial(&addr, &fd, &connected);
    if (err == WEIR_OK) {
        wait_for(fd, POLLOUT);
        assert_int_equal(weir_sock_dial_result(fd), ECONNREFUSED);
        close(fd);
    } else {
        assert_int_equal(err, WEIR_EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_distinguish_bytes_silence_and_the_end),
        cmocka_unit_test(a_reset_is_a_failure_and_not_an_end),
        cmocka_unit_test(writing_to_a_closed_peer_fails_without_a_signal),
        cmocka_unit_test(an_empty_write_is_done),
        cmocka_unit_test(pieces_arrive_in_order_whatever_their_size),
        cmocka_unit_test(what_the_socket_does_not_take_leaves_by_the_queue),
        cmocka_unit_test(a_check_of_a_parked_connection_reads_nothing),
        cmocka_unit_test(a_taken_port_is_noticed_although_it_could_be_shared),
        cmocka_unit_test(an_address_of_one_socket_alone_is_shared_with_none),
        cmocka_unit_test(a_connection_comes_up_with_its_first_bytes),
        cmocka_unit_test(listening_reports_why_it_failed),
        cmocka_unit_test(ipv6_is_listened_on_and_dialled_like_ipv4),
        cmocka_unit_test(accepted_sockets_do_not_block_delay_or_leak_into_children),
        cmocka_unit_test(accepting_distinguishes_no_client_from_no_descriptor),
        cmocka_unit_test(a_refused_dial_is_reported_at_once_or_by_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
