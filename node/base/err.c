/* SPDX-License-Identifier: Apache-2.0
 *
 * err.c - the names of the error numbers.
 */
#include "node/base/err.h"

const char *weir_err_name(enum weir_err err)
{
    switch (err) {
    case WEIR_OK:
        return "ok";
    case WEIR_ENOMEM:
        return "out of memory";
    case WEIR_ELIMIT:
        return "limit reached";
    case WEIR_EPROTO:
        return "protocol error";
    case WEIR_EINVAL:
        return "invalid";
    case WEIR_ENOTFOUND:
        return "not found";
    case WEIR_EEXIST:
        return "already exists";
    case WEIR_ECONFLICT:
        return "revision conflict";
    case WEIR_EIO:
        return "input/output error";
    case WEIR_EFULL:
        return "no room left";
    case WEIR_ECORRUPT:
        return "corrupt";
    case WEIR_EUNSUPPORTED:
        return "not supported";
    case WEIR_EBUSY:
        return "busy";
    case WEIR_EPERM:
        return "not permitted";
    case WEIR_EINUSE:
        return "in use";
    case WEIR_ECLOSED:
        return "closed";
    case WEIR_ETIMEOUT:
        return "timed out";
    }
    return "unknown error";
}
