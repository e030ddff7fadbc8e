/* SPDX-License-Identifier: Apache-2.0
 *
 * err.h - the error numbers that cross module borders. 0 is success, every error is negative.
 * Each function names in its header which of these it can return and what the caller should do.
 */
#ifndef WEIR_NODE_BASE_ERR_H
#define WEIR_NODE_BASE_ERR_H

enum weir_err {
    WEIR_OK = 0,
    WEIR_ENOMEM = -1,        /* no memory, or a pool or arena is at its cap */
    WEIR_ELIMIT = -2,        /* a documented limit is reached */
    WEIR_EPROTO = -3,        /* a peer sent something that its protocol forbids */
    WEIR_EINVAL = -4,        /* input from an operator or a file is not valid */
    WEIR_ENOTFOUND = -5,     /* no such thing */
    WEIR_EEXIST = -6,        /* already there */
    WEIR_ECONFLICT = -7,     /* the revision asked for is not the current one */
    WEIR_EIO = -8,           /* disk or socket failed; errno was logged */
    WEIR_EFULL = -9,         /* the store or the disk has no room */
    WEIR_ECORRUPT = -10,     /* a checksum or an invariant of stored data is violated */
    WEIR_EUNSUPPORTED = -11, /* known by name, not in this version */
    WEIR_EBUSY = -12,        /* a bounded queue is full: try again later */
    WEIR_EPERM = -13,        /* the system refuses: rights */
    WEIR_EINUSE = -14,       /* address or lock is taken */
    WEIR_ECLOSED = -15,      /* the other side is gone, or shutting down */
    WEIR_ETIMEOUT = -16,     /* an absolute limit of time has passed */
};

/** How far a resumable parser or state machine came with the bytes it was given. Not an error
 * number. */
enum weir_step {
    WEIR_STEP_MORE = 0, /* all given bytes are used up; needs more to go on */
    WEIR_STEP_SOME = 1, /* produced something; call again with the rest */
    WEIR_STEP_DONE = 2, /* complete; bytes after what was used belong to what follows */
    WEIR_STEP_FAIL = 3, /* can never become valid; the object has the fault */
};

/** A short lower-case name, for example "out of memory". Never NULL, also for unknown numbers. */
const char *weir_err_name(enum weir_err err);

#endif
