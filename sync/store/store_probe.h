/* SPDX-License-Identifier: Apache-2.0
 *
 * store_probe.h - asks from outside whether a data folder is in use; opens and changes nothing.
 */
#ifndef WEIR_SYNC_STORE_STORE_PROBE_H
#define WEIR_SYNC_STORE_STORE_PROBE_H

#include "node/base/contract.h"
#include "node/base/err.h"

/**
 * Whether a process has the store of this folder open.
 *
 * @param folder  may be missing: then none has
 * @return WEIR_OK (none has) | WEIR_EINUSE | WEIR_EPERM (the folder cannot be read) | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_store_probe_lock(const char *folder);

#endif
