/* SPDX-License-Identifier: Apache-2.0
 *
 * store_eph.h - the store of group E: automatic bans in `eph.mdb`, beside the settings' `conf.mdb`
 * in the same folder. A store as in store.h, with the same rows and readers, always driven, and
 * cheaper: a commit waits for no disk. It survives the end of the process, and a stop of the
 * host only after a clean close. A file that may be incomplete, or is damaged, is deleted with
 * a line in the log, since bans end by themselves and peers have them too.
 * Owner and limits: as store.h; class WEIR_CLASS_BAN alone.
 */
#ifndef WEIR_SYNC_STORE_STORE_EPH_H
#define WEIR_SYNC_STORE_STORE_EPH_H

#include "sync/store/store.h"

#define WEIR_BOOT_ID_LEN   16
#define WEIR_EPH_MAX_BYTES (UINT64_C(4) << 30) /* for max_bytes: room for some ten million bans */

/**
 * Open or create. `driven` need not be set, `index` and `revision` are not used. Ends with
 * weir_store_close, which waits for the disk.
 *
 * @param boot_id  names this boot of the host: /proc/sys/kernel/random/boot_id without its
 *                 dashes, as bytes. A file of another boot that was not closed is thrown away.
 * @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_eph_open(const struct weir_store_config *cfg,
                                          const uint8_t boot_id[WEIR_BOOT_ID_LEN],
                                          struct weir_store **ret);
/**
 * Wait until what was committed before the call is on the disk. To be called every 5 s, so that a
 * close is quick and the kernel never has much to write at once. Any thread except the one that
 * closes.
 * @return WEIR_OK | WEIR_EIO (logged by the caller) | WEIR_EFULL
 */
WEIR_MUST_USE enum weir_err weir_eph_sync(struct weir_store *s);

#endif
