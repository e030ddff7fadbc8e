/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_notes.c - see cert_notes.h.
 */
#include "tenants/certs/cert_notes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

void weir_cert_notes_init(struct weir_cert_notes *n)
{
    n->num = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(n->counts); i++)
        n->counts[i] = 0;
}

void weir_cert_note(struct weir_cert_notes *n, enum weir_cert_gravity gravity, const char *fmt, ...)
{
    va_list args;

    n->counts[gravity]++;
    if (n->num == WEIR_CERT_NOTES_MAX)
        return;
    struct weir_cert_note *note = &n->items[n->num++];
    note->gravity = gravity;
    va_start(args, fmt);
    (void)vsnprintf(note->text, sizeof(note->text), fmt, args);
    va_end(args);
    /* ASCII alone: these texts meet terminals and logs, and may have been cut inside a character.
     */
    for (char *at = note->text; *at != '\0'; at++)
        if ((uint8_t)*at < 0x20 || (uint8_t)*at > 0x7e)
            *at = '?';
}

bool weir_cert_notes_refuse(const struct weir_cert_notes *n, bool force)
{
    return n->counts[WEIR_CERT_FAULT] > 0 || (!force && n->counts[WEIR_CERT_DOUBT] > 0);
}
