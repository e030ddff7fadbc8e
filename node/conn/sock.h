/* SPDX-License-Identifier: Apache-2.0
 * sock.h - the socket calls of the data path, each once, with their errors translated. All are
 * non-blocking. Callers see only how many bytes were taken or given.
 */
#ifndef WEIR_NODE_CONN_SOCK_H
#define WEIR_NODE_CONN_SOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/addr.h"
#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/err.h"

/** The result of a socket call. Would-block is a step, not an error. */
enum weir_io {
    WEIR_IO_DONE,    /* all of it; for a read: some bytes */
    WEIR_IO_BLOCKED, /* part of it or nothing; subscribe and go on later */
    WEIR_IO_END,     /* a read: the peer closed its side */
    WEIR_IO_FAILED,  /* reset or timed out in the kernel: the connection is lost */
};

/** @param ret_len bytes read, set for DONE */
enum weir_io weir_sock_read(int fd, uint8_t *at, size_t len, size_t *ret_len);
/** Send the pieces. With p->hold the kernel holds the last bytes until the next write or the end of
 * the connection. @param ret_sent
 * bytes that the kernel took, also for BLOCKED. */
enum weir_io weir_sock_write(int fd, const struct weir_pieces *p, size_t *ret_sent);
/** Send one run of bytes, as weir_sock_write sends pieces. */
enum weir_io weir_sock_send(int fd, struct weir_span bytes, bool hold, size_t *ret_sent);
/** Send from the front of a queue and drop what was sent. DONE: the queue is empty. */
enum weir_io weir_sock_flush(int fd, struct weir_buffers *b, struct weir_outq *q, size_t *ret_sent);
/** Whether a parked connection is still open and has sent nothing. Takes no bytes. */
bool weir_sock_is_quiet(int fd);

/**
 * A listening socket: SO_REUSEADDR, SO_REUSEPORT, TCP_NODELAY (inherited), IPV6_V6ONLY,
 * close-on-exec.
 * @param client_speaks_first  also TCP_DEFER_ACCEPT, if there is one: a connection is accepted with
 * its first bytes, or after a second without any
 * @param ret_errno the system's reason on failure
 * @return WEIR_OK | WEIR_EINUSE | WEIR_EPERM | WEIR_EINVAL | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_sock_listen(const struct weir_addr *addr, bool client_speaks_first,
                                             int *ret_fd, int *ret_errno);
/** As weir_sock_listen, of an address that no other socket may share; no client speaks first. */
WEIR_MUST_USE enum weir_err weir_sock_listen_alone(const struct weir_addr *addr, int *ret_fd,
                                                   int *ret_errno);
/** Whether another socket already listens on the address. SO_REUSEPORT would share it silently. */
bool weir_sock_is_taken(const struct weir_addr *addr);
/** The bound local address of a socket. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_sock_local(int fd, struct weir_addr *ret);
/**
 * Whether clients are connected or connecting to the port of a listener and have sent nothing yet;
 * closing the listener now would reset them. Asks the kernel by sock_diag(7), on a drain only.
 * Counts other sockets of that port too. True also when the kernel cannot be asked.
 */
bool weir_sock_handshakes_wait(const struct weir_addr *addr);
/**
 * Let a listener ignore new clients (drop their SYN), or no longer. A client sends its SYN again
 * after a second and then reaches the listener that took over the address, or is refused. Best
 * effort: without it, a client that connects in the instant of the close is reset.
 */
void weir_sock_ignore_syns(int listener, bool on);
/** Accept a connection. @return WEIR_OK | WEIR_EBUSY (none waits) | WEIR_ELIMIT (no descriptor or
 * kernel memory) | WEIR_EIO (that connection is gone: accept the next) */
WEIR_MUST_USE enum weir_err weir_sock_accept(int listener, int *ret_fd, struct weir_addr *ret_peer);
/**
 * Begin to connect. @param ret_connected true when it is established at once
 * @return WEIR_OK | WEIR_ELIMIT (no descriptor or port) | WEIR_EIO (refused or unreachable at once)
 */
WEIR_MUST_USE enum weir_err weir_sock_dial(const struct weir_addr *addr, int *ret_fd,
                                           bool *ret_connected);
/** The result of a dial, once the socket is writable: 0 or the errno of the connect. */
int weir_sock_dial_result(int fd);
/** Bytes that the kernel holds and the peer has not confirmed yet. 0 when it cannot be asked. */
size_t weir_sock_unconfirmed(int fd);
/** Close so that the peer sees a reset, not an end. */
void weir_sock_abort(int fd);

#endif
