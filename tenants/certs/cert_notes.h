/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_notes.h - what was found about a certificate, in plain words, all of it at once. Owner: the
 * caller.   Limits: WEIR_CERT_NOTES_MAX notes; texts are printable and cut to their room.
 */
#ifndef WEIR_TENANTS_CERTS_CERT_NOTES_H
#define WEIR_TENANTS_CERTS_CERT_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"

#define WEIR_CERT_NOTES_MAX     32
#define WEIR_CERT_NOTE_TEXT_MAX 320 /* bytes with the NUL */

enum weir_cert_gravity {
    WEIR_CERT_FAULT,   /* it is refused */
    WEIR_CERT_DOUBT,   /* it is refused, unless whoever adds it insists */
    WEIR_CERT_WARNING, /* it is added */
};

struct weir_cert_notes {
    struct weir_cert_note {
        enum weir_cert_gravity gravity;
        char text[WEIR_CERT_NOTE_TEXT_MAX];
    } items[WEIR_CERT_NOTES_MAX];
    size_t num;
    size_t counts[WEIR_CERT_WARNING + 1]; /* of all notes, also of those that had no room */
};

/** Begin with none. */
void weir_cert_notes_init(struct weir_cert_notes *n);
/** Add one. Bytes of other people in it are made printable. */
void weir_cert_note(struct weir_cert_notes *n, enum weir_cert_gravity gravity, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/** Whether the certificate is refused. @param force doubts do not count */
bool weir_cert_notes_refuse(const struct weir_cert_notes *n, bool force);

#endif
