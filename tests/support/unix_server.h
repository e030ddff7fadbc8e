/* SPDX-License-Identifier: Apache-2.0
 *
 * unix_server.h - a server on a Unix socket that sends what a test wrote down: one response for
 * each request, byte for byte, in pieces of any size. A thread of its own. Limits:
 * UNIX_SERVER_REQUESTS_MAX requests, 4 MiB each.
 */
#ifndef WEIR_TESTS_SUPPORT_UNIX_SERVER_H
#define WEIR_TESTS_SUPPORT_UNIX_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define UNIX_SERVER_REQUESTS_MAX 256

/** One response. */
struct unix_response {
    const char *bytes;
    size_t len;      /* 0: up to the NUL */
    size_t split;    /* bytes of a piece, a millisecond between two; 0: all at once */
    bool early;      /* respond and close when the head is there, without reading the body */
    bool close;      /* close the connection behind it */
    bool hold;       /* then send nothing until the client has closed */
    unsigned repeat; /* give it that many times more */
};

struct unix_server {
    char folder[64]; /* of its own, for the test's other files as well */
    char path[96];   /* of the socket */
    char node[104];  /* "unix:" and the path */
    int fd;
    pthread_t thread;
    const struct unix_response *responses;
    size_t num_responses;
    size_t num_connections;
    size_t num_requests;
    char *requests[UNIX_SERVER_REQUESTS_MAX]; /* as received, head and body, with a NUL behind */
};

/** Begin to listen. @param responses  borrowed until stop; the test fails when they run out */
void unix_server_start(struct unix_server *s, const struct unix_response *responses,
                       size_t num_responses);
/** Wait for the clients to close, and end. The requests stay until unix_server_remove. */
void unix_server_stop(struct unix_server *s);
/** Free the requests; remove the socket and the folder, which must hold nothing else. */
void unix_server_remove(struct unix_server *s);

#endif
