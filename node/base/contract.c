/* SPDX-License-Identifier: Apache-2.0
 *
 * contract.c - the end of a process whose code broke its own promise.
 * Allocation-free and lock-free, so that it also works from a broken heap or under a held lock.
 */
#include "node/base/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void weir_contract_broken(const char *what, const char *file, int line)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "contract broken: %s at %s:%d\n", what, file, line);
    size_t num = len < 0 ? 0 : (size_t)len;
    if (num >= sizeof(text))
        num = sizeof(text) - 1;
    /* The process ends here whether or not the line could be written. */
    if (write(STDERR_FILENO, text, num) < 0)
        abort();
    abort();
}
