/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides.h - the two sides of an exchange as tables of memory: a client that sends what a
 * test gives it and takes bytes when the test lets it, and origin connections of the same kind. No
 * socket, no loop: what would be an event is a call of the test. Checks of what went through are in
 * memory_sides_check.h, the surroundings in memory_sides_steps.h.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_H

#include "node/exchange/exchange.h"
#include "tests/support/naive_http.h"
#include "tests/support/store_stand_in.h"

#define MEMORY_ORIGINS 6      /* origin connections at once */
#define MEMORY_BYTES   16384  /* of each stream, without an allocation */
#define MEMORY_OUT_LEN 393216 /* as a worker's */
#define MEMORY_ALL     SIZE_MAX

struct sides;

/** What a client sees of its connection, and what it has sent. */
struct memory_client {
    struct weir_client_side side;
    struct sides *sides;
    struct weir_h1_head head; /* of the next request, while it comes in */
    bool in_head;
    bool eof_handled;
    bool woken;
    bool lost;        /* sends fail */
    bool full;        /* there is no memory to queue what is sent */
    bool room_wanted; /* bytes wait in a pipe to it */
    bool ended;
    enum weir_client_end how;
    unsigned served;            /* exchanges that ended */
    struct bytes gave;          /* all that it sent */
    size_t used;                /* of that */
    struct bytes out;           /* all that was sent to it */
    size_t out_at;              /* where the current exchange's part begins */
    size_t room;                /* bytes that it takes before it blocks */
    size_t queued;              /* of out, not taken yet */
    uint64_t given;             /* bytes that it has taken */
    size_t body_at;             /* of gave: where the current request's body begins */
    struct weir_h1_head asked;  /* the current request's head */
    bool head_passed;           /* a final response of an origin has begun to go out */
    struct memory_origin *from; /* which gave it; NULL: it was released, see source */
    struct bytes source;        /* what it gave */
    bool source_ended;          /* in order, after all of it */
};

enum memory_origin_state {
    MEMORY_ORIGIN_NONE,
    MEMORY_ORIGIN_CONNECTING,
    MEMORY_ORIGIN_BUSY,
    MEMORY_ORIGIN_PARKED,
    MEMORY_ORIGIN_HELD
};

struct memory_origin {
    struct weir_origin_side side;
    struct sides *sides;
    enum memory_origin_state state;
    uint64_t endpoint;
    bool resumed;
    bool deaf;        /* sends fail */
    bool full;        /* there is no memory to queue what is sent */
    bool ends, clean; /* it ends its connection after what it gave */
    struct bytes got; /* all that was sent to it */
    size_t got_at;    /* where the current request begins */
    size_t room, queued;
    struct bytes gave; /* all that it sent */
    size_t gave_at;    /* where the current response begins */
    size_t seen, used; /* of gave: read, and of that used */
    size_t piece;      /* most bytes of one read; 0: any number */
    bool pipe;         /* the rest of the body goes past the codec */
    uint64_t pipe_left;
    size_t pipe_held;
};

/** What acquire does next. */
enum memory_acquire {
    ACQUIRE_READY,
    ACQUIRE_CONNECTING,
    ACQUIRE_QUEUED,
    ACQUIRE_REFUSED,
    ACQUIRE_FULL
};

struct sides {
    struct weir_exchange_env env;
    struct weir_store store;
    struct weir_turn now;
    struct weir_wheel wheel;
    struct weir_buffers buffers;
    struct weir_metrics metrics;
    struct weir_rng rng;
    struct weir_addr peer, local;
    struct memory_client client;
    struct memory_origin origins[MEMORY_ORIGINS];
    bool http10;                    /* the servers have shown to be of HTTP/1.0 */
    struct memory_origin *dialling; /* for x->dial */
    uint8_t acquires[16];           /* enum memory_acquire; then READY */
    size_t num_acquires, acquire_at;
    unsigned acquired;       /* calls of acquire */
    struct weir_access last; /* the last access record; texts only where copied */
    char fault[32];
    unsigned records;
    bool remembers; /* the version of the last response, in http10, for all endpoints together */
    bool pipes;     /* new origin connections pass bodies by a pipe where they may */
    uint8_t out[MEMORY_OUT_LEN];
    char date[WEIR_HTTP_DATE_LEN + 1];
};

/* -- streams -- */

static inline void bytes_free(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){ 0 };
}

static inline struct weir_span bytes_from(const struct bytes *b, size_t at)
{
    return weir_span(b->at + at, b->len - at);
}

static inline void bytes_add_pieces(struct bytes *b, const struct weir_pieces *p)
{
    size_t len = 0;
    for (int i = 0; i < p->num; i++) {
        bytes_add(b, p->iov[i].iov_base, p->iov[i].iov_len);
        len += p->iov[i].iov_len;
    }
    MUST(len == p->len && len > 0);
}

/** Let a stream take `len` more bytes. @return of them, what waits */
static inline size_t take_room(size_t *room, size_t len)
{
    size_t now = len < *room ? len : *room;
    if (*room != MEMORY_ALL)
        *room -= now;
    return len - now;
}

/** What a call gets of a stream: a copy of exactly its length, so that a sanitizer sees a read past
 * the end. To be freed. Not of the failing allocator. */
static inline uint8_t *input_copy(struct weir_span in)
{
    uint8_t *copy = aligned_alloc(1, in.len > 0 ? in.len : 1);
    MUST(copy != NULL);
    if (in.len > 0)
        memcpy(copy, in.at, in.len);
    return copy;
}

static inline struct memory_client *memory_client_of(const struct weir_client_side *c)
{
    return (struct memory_client *)(uintptr_t)c;
}

static inline struct memory_origin *memory_origin_of(const struct weir_origin_side *o)
{
    return (struct memory_origin *)(uintptr_t)o;
}

#endif
