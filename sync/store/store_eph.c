/* SPDX-License-Identifier: Apache-2.0
 *
 * store_eph.c - see store_eph.h: what is different in the store of group E at open, sync and close.
 * The first commit after an open and the last one before a close wait for the disk; LMDB never
 * waits between them. So a file that is marked as closed is whole. One of this boot is whole too,
 * since the kernel still has what the process wrote. Owner: the opening thread, then the record
 * store's caller.
 */
#include "sync/store/store_eph.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sync/store/store_env.h"
#include "sync/store/store_meta.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"

enum weir_err weir_store_eph_wipe(struct weir_store *s, const char *why)
{
    static const char *const names[] = { "eph.mdb", "eph.mdb-lock" };

    log_error("store.bans_lost", "file=%s/%s why=\"%s\" doing=\"starting with none\"", s->folder,
              s->kind->file_name, why);
    weir_store_env_close(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (unlinkat(s->folder_fd, names[i], 0) != 0 && errno != ENOENT)
            return weir_store_err(errno);
    return WEIR_OK;
}

/* Write the row with the boot's id, durable before anything else changes: from now on the file is
 * no longer marked as closed. */
static enum weir_err write_boot_id(struct weir_store *s, const uint8_t *boot_id)
{
    struct store_txn t;

    enum weir_err err = weir_store_txn_begin(s, &t);
    if (err < 0)
        return err;
    err = weir_store_meta_put(&t, "boot_id", boot_id, STORE_BOOT_ID_LEN);
    if (err < 0) {
        weir_store_txn_abort(&t);
        return err;
    }
    return weir_store_txn_commit(&t);
}

enum weir_err weir_store_eph_start(struct weir_store *s, const uint8_t *boot_id)
{
    uint8_t was[STORE_BOOT_ID_LEN];

    enum weir_err err = weir_store_meta_find(s, "boot_id", was, sizeof(was));
    bool same = err == WEIR_OK && memcmp(was, boot_id, sizeof(was)) == 0;
    bool fresh = err == WEIR_ENOTFOUND;
    if (err == WEIR_ECORRUPT || (!same && !fresh && !s->clean)) {
        err = weir_store_eph_wipe(s, err < 0 ? "its own rows are damaged"
                                             : "the host stopped before it was closed");
        if (err == WEIR_OK)
            err = weir_store_open_database(s);
    } else {
        err = WEIR_OK;
    }
    if (err == WEIR_OK)
        err = write_boot_id(s, boot_id);
    if (err == WEIR_OK)
        err = weir_store_err(mdb_env_set_flags(s->env, MDB_NOSYNC, 1));
    return err;
}

void weir_store_eph_end(struct weir_store *s)
{
    int rc = mdb_env_set_flags(s->env, MDB_NOSYNC, 0);

    WEIR_ASSERT(rc == 0);
}

enum weir_err weir_eph_sync(struct weir_store *s)
{
    WEIR_ASSERT(s->magic == STORE_MAGIC);
    WEIR_ASSERT(!s->kind->durable);
    return weir_store_err(mdb_env_sync(s->env, 1));
}
