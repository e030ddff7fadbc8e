/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_watch.h - which certificates of the store have expired or soon will: counted in passes over
 * the store, slice by slice, so that no number of them holds up the loop. One that a newer one of
 * the same kind stands in for at all its names does not count. Owner: control.
 * Limits: WEIR_CERT_WATCH_SLICE records a step; a pass begins when something changed, and every
 * WEIR_CERT_WATCH_EACH_S.
 */
#ifndef WEIR_NODE_CTL_CERT_WATCH_H
#define WEIR_NODE_CTL_CERT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/strbuf.h"
#include "sync/store/store.h"
#include "tenants/cert_record.h"

#define WEIR_CERT_WATCH_SLICE  1000
#define WEIR_CERT_WATCH_EACH_S 300
#define WEIR_CERT_WATCH_SHOWN  8 /* certificates that a warning names */
#define WEIR_CERT_EXPIRING_S   (14 * 86400)

/** What a pass found. */
struct weir_cert_counts {
    uint64_t num; /* all certificates */
    uint64_t expired, expiring;
    uint64_t damaged; /* records that cannot be read */
    bool has_soonest;
    int64_t soonest_s; /* Unix seconds: when the first one expires, or has expired */
};

struct weir_cert_watch {
    struct weir_cert_counts counts;       /* of the last whole pass */
    struct weir_strbuf expired, expiring; /* own; names of some, for a warning */
    bool counted;                         /* there was a whole pass */
    /* private: the pass that runs */
    struct weir_cert_counts now;
    struct weir_strbuf now_expired, now_expiring;
    uint8_t after[WEIR_CERT_KEY_MAX];
    size_t after_len;
    bool running;
    bool again;        /* something changed meanwhile */
    uint64_t next_s;   /* when the next pass begins by itself */
    uint64_t logged_s; /* when what has expired was last logged */
    uint64_t now_s;
};

/** Allocates nothing. */
void weir_cert_watch_init(struct weir_cert_watch *w);
void weir_cert_watch_deinit(struct weir_cert_watch *w);
/** A certificate changed: what was counted is old. */
void weir_cert_watch_changed(struct weir_cert_watch *w);
/**
 * The next slice, if there is something to do. Outside begin/end.
 *
 * Logs what has expired after the first pass, and once a day.
 *
 * @param wall_s Unix seconds
 */
void weir_cert_watch_step(struct weir_cert_watch *w, struct weir_store_reader *reader,
                          uint64_t wall_s);

#endif
