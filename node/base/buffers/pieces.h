/* SPDX-License-Identifier: Apache-2.0
 *
 * pieces.h - the runs of bytes that leave with one write, borrowed from wherever they are. Owner:
 * one thread.
 */
#ifndef WEIR_NODE_BASE_BUFFERS_PIECES_H
#define WEIR_NODE_BASE_BUFFERS_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "node/base/contract.h"
#include "node/base/span.h"

#define WEIR_PIECES_FRAMING_LEN 18 /* a chunk's size in hex and CRLF */

/** Pieces of one write. 3 of them are reserved for chunk framing. */
#define WEIR_PIECES_MAX 32
/** Bytes of copies of short runs in one write: the 20,000 chunks of one byte that one read can
 * bring, with room to spare. */
#define WEIR_PIECES_FLAT 32768

/** Pieces may point into framing and flat: do not move the struct. */
struct weir_pieces {
    struct iovec iov[WEIR_PIECES_MAX];
    int num;
    size_t len; /* bytes in all */
    bool hold;  /* the connection ends behind these: its FIN may travel with them */
    uint8_t framing[WEIR_PIECES_FRAMING_LEN];
    size_t flat_len;
    uint8_t flat[WEIR_PIECES_FLAT];
};

static inline void weir_pieces_reset(struct weir_pieces *p)
{
    p->num = 0;
    p->len = 0;
    p->hold = false;
    p->flat_len = 0;
}

/** Add a run; empty runs are left out. The caller makes sure that there is room (contract). */
static inline void weir_pieces_add(struct weir_pieces *p, struct weir_span s)
{
    if (s.len == 0)
        return;
    WEIR_ASSERT_CMP(p->num, <, WEIR_PIECES_MAX);
    p->iov[p->num].iov_base = (void *)(uintptr_t)s.at;
    p->iov[p->num].iov_len = s.len;
    p->num++;
    p->len += s.len;
}

#endif
