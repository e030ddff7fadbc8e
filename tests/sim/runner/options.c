/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - numbers and ranges of seeds.
 */
#include "tests/sim/runner/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A number in decimal; `*ret_end` is what follows it. @return whether there was one */
static bool parse_number(const char *text, uint64_t *ret_number, const char **ret_end)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    *ret_number = number;
    *ret_end = end;
    return true;
}

bool weir_sim_option_number(const char *text, uint64_t least, uint64_t most, uint32_t *ret)
{
    uint64_t number;
    const char *end;

    if (!parse_number(text, &number, &end) || *end != '\0' || number < least || number > most)
        return false;
    *ret = (uint32_t)number;
    return true;
}

bool weir_sim_option_seeds(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t first;
    uint64_t last;
    const char *end;

    if (!parse_number(text, &first, &end) || strncmp(end, "..", 2) != 0)
        return false;
    if (!parse_number(end + 2, &last, &end) || *end != '\0' || last < first)
        return false;
    *ret_first = first;
    *ret_last = last;
    return true;
}

bool weir_sim_option_seed(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t seed;
    const char *end;

    if (!parse_number(text, &seed, &end) || *end != '\0')
        return false;
    *ret_first = seed;
    *ret_last = seed;
    return true;
}
