/* SPDX-License-Identifier: Apache-2.0
 *
 * sends_test.c - how many system calls a body takes. The program has its own recv, send and
 * sendmsg, which count what the worker's thread does.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "tests/unit/loop/loop_rig.h"

#define NUM_CHUNKS 20000

#define FLUSHES_MAX 50 /* a peer that reads slowly takes what waits in parts */

static _Thread_local bool is_tests_own;
static atomic_uint num_reads, num_sends;

static void count(atomic_uint *calls, ssize_t n)
{
    if (n > 0 && !is_tests_own)
        atomic_fetch_add(calls, 1);
}

ssize_t recv(int fd, void *at, size_t len, int flags)
{
    ssize_t n = syscall(SYS_recvfrom, fd, at, len, flags, NULL, NULL);
    count(&num_reads, n);
    return n;
}

ssize_t send(int fd, const void *at, size_t len, int flags)
{
    ssize_t n = syscall(SYS_sendto, fd, at, len, flags, NULL, 0);
    count(&num_sends, n);
    return n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t n = syscall(SYS_sendmsg, fd, msg, flags);
    count(&num_sends, n);
    return n;
}

/* A head, NUM_CHUNKS chunks of one byte, the last chunk. */
static const char *chunked_message(const char *head)
{
    static char text[NUM_CHUNKS * 6 + 256];
    int len = snprintf(text, 256, "%sTransfer-Encoding: chunked\r\n\r\n", head);
    for (int i = 0; i < NUM_CHUNKS; i++, len += 6)
        memcpy(text + len, "1\r\nx\r\n", 6);
    memcpy(text + len, "0\r\n\r\n", 6);
    return text;
}

static void *send_message(void *arg)
{
    struct rig *r = arg;
    is_tests_own = true;
    peer_send(&r->client, chunked_message("POST / HTTP/1.1\r\nHost: shop.example\r\n"));
    return NULL;
}

/* What came with one read leaves with one send, however many chunks it was. */
static void check_calls(void)
{
    unsigned reads = atomic_load(&num_reads), sends = atomic_load(&num_sends);
    assert_in_range(reads, 2, 200); /* the test saw the calls, and reads are large */
    if (sends > reads + FLUSHES_MAX)
        fail_msg("%u sends for what came with %u reads", sends, reads);
}

static void a_response_of_20000_chunks_takes_few_sends(void **state)
{
    (void)state;
    struct rig *r = rig_running();
    atomic_store(&num_reads, 0);
    atomic_store(&num_sends, 0);
    rig_get(r, "/", chunked_message("HTTP/1.1 200 OK\r\n"));
    assert_int_equal(r->response.body_len, NUM_CHUNKS);
    check_calls();
    rig_free(r);
}

static void a_request_of_20000_chunks_takes_few_sends(void **state)
{
    (void)state;
    struct rig *r = rig_running();
    pthread_t client;
    atomic_store(&num_reads, 0);
    atomic_store(&num_sends, 0);
    peer_dial(&r->client, &r->at);
    assert_int_equal(pthread_create(&client, NULL, send_message, r), 0);
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    assert_int_equal(pthread_join(client, NULL), 0);
    assert_int_equal(r->request.body_len, NUM_CHUNKS);
    check_calls();
    rig_free(r);
}

int main(void)
{
    is_tests_own = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_of_20000_chunks_takes_few_sends),
        cmocka_unit_test(a_request_of_20000_chunks_takes_few_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
