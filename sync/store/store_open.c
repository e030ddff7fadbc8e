/* SPDX-License-Identifier: Apache-2.0
 *
 * store_open.c - opens and closes the store: folder, lock, check, rescue, LMDB, writer. Nothing at
 * open depends on the number of records, except the check of a small file, of one that is shorter
 * than it should be, and of one in which a damaged page was found, and the first open after an
 * older program wrote the file (store_upgrade.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/layout/store_file.h"
#include "sync/store/store.h"
#include "sync/store/store_env.h"
#include "sync/store/store_eph.h"
#include "sync/store/store_index.h"
#include "sync/store/store_meta.h"
#include "sync/store/store_publish.h"
#include "sync/store/store_records_ops.h"
#include "sync/store/store_steps.h"

_Static_assert(WEIR_BOOT_ID_LEN == STORE_BOOT_ID_LEN, "one length");

static const struct store_kind kind_e = {
    .group = 'E',
    .num_trees = STORE_NUM_TREES,
    .durable = false,
    .file_name = "eph.mdb",
    .new_name = NULL,
    .suspect_name = "eph.mdb.suspect",
    .lock_name = "eph.lock",
};

static const struct store_kind kind_c = {
    .group = 'C',
    .num_trees = STORE_NUM_TREES_C,
    .durable = true,
    .file_name = "conf.mdb",
    .new_name = "conf.mdb.new",
    .suspect_name = "conf.mdb.suspect",
    .lock_name = "lock",
};

static enum weir_err log_errno(const char *event, const char *path)
{
    int code = errno;

    log_error(event, "path=%s err=\"%s\"", path, strerror(code));
    return weir_store_err(code);
}

static enum weir_err open_folder(struct weir_store *s)
{
    if (mkdir(s->folder, 0700) != 0 && errno != EEXIST)
        return log_errno("store.folder_failed", s->folder);
    s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0)
        return log_errno("store.folder_failed", s->folder);
    return WEIR_OK;
}

/* One process at a time. The lock belongs to this open file, so that it also keeps out a second
 * store in this process, and ends with it however it ends. */
static enum weir_err lock_folder(struct weir_store *s)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    s->lock_fd = openat(s->folder_fd, s->kind->lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return log_errno("store.lock_failed", s->folder);
    if (fcntl(s->lock_fd, F_OFD_SETLK, &whole) == 0)
        return WEIR_OK;
    if (errno != EAGAIN && errno != EACCES)
        return log_errno("store.lock_failed", s->folder);
    log_error("store.in_use", "folder=%s reason=\"another process has it open\"", s->folder);
    return WEIR_EINUSE;
}

/* The lock file holds a byte once a store was made here. So a data file that is lost or emptied
 * is distinguished from a first start, and from a first start that was cut off. */
static bool was_in_use(const struct weir_store *s)
{
    struct stat st;

    return fstat(s->lock_fd, &st) == 0 && st.st_size > 0;
}

/* On a full disk the byte is left for the next start: nothing else depends on it. */
static void mark_in_use(struct weir_store *s)
{
    if (was_in_use(s) || (pwrite(s->lock_fd, "1", 1, 0) == 1 && fsync(s->lock_fd) == 0))
        return;
    log_warn("store.unmarked", "folder=%s err=\"%s\"", s->folder, strerror(errno));
}

/* There is no data file, or an empty one. A rescue that was cut off may have left a complete one;
 * otherwise what was stored here is lost, which must not pass for a first start. */
static void handle_missing_file(struct weir_store *s)
{
    struct stat st;

    if (!s->kind->durable)
        return;
    weir_store_salvage_tidy(s, false);
    if (fstatat(s->folder_fd, s->kind->file_name, &st, 0) == 0 && st.st_size > 0)
        return;
    if (was_in_use(s))
        log_error("store.damaged",
                  "file=%s/%s why=\"it is missing or empty, and was in use before\" "
                  "effect=\"nothing could be read\" doing=\"starting with a new store\"",
                  s->folder, s->kind->file_name);
}

/* Rescue a damaged file; group E's is deleted instead, since bans end by themselves. */
static enum weir_err rescue_or_wipe(struct weir_store *s, const char *why)
{
    return s->kind->durable ? weir_store_salvage(s, why) : weir_store_eph_wipe(s, why);
}

/* Make sure that the data file is sound or missing, so that LMDB can be given it. */
static enum weir_err prepare_file(struct weir_store *s)
{
    struct store_file f = STORE_FILE_ZERO;
    bool suspect = faccessat(s->folder_fd, s->kind->suspect_name, F_OK, 0) == 0;

    enum weir_err err = weir_store_file_open(s->folder_fd, s->kind->file_name, &f);
    if (err == WEIR_ENOTFOUND) {
        handle_missing_file(s);
        err = WEIR_OK;
    } else if (err == WEIR_OK) {
        f.num_trees = s->kind->num_trees;
        err = weir_store_file_check(&f, suspect);
        if (err == WEIR_OK && s->kind->durable)
            weir_store_salvage_tidy(s, true);
        else if (err == WEIR_EUNSUPPORTED)
            log_error("store.unsupported", "file=%s/%s why=\"%s\"", s->folder, s->kind->file_name,
                      f.why);
        const char *why = f.why;
        weir_store_file_close(&f);
        if (err == WEIR_ECORRUPT)
            err = rescue_or_wipe(s, why);
    }
    if (err == WEIR_OK && suspect)
        (void)unlinkat(s->folder_fd, s->kind->suspect_name, 0);
    return err;
}

static enum weir_err alloc_writer(struct weir_store *s)
{
    s->group = calloc(WEIR_WRITE_GROUP_MAX, sizeof(struct weir_write *));
    s->changes = calloc(WEIR_WRITE_GROUP_MAX, sizeof(*s->changes));
    /* Room for the largest value at once: a builder's append can then only fail by passing it. */
    s->value = WEIR_STRBUF_ZERO;
    s->value.at = malloc(WEIR_RECORD_MAX + 1);
    if (s->group == NULL || s->changes == NULL || s->value.at == NULL)
        return WEIR_ENOMEM;
    s->value.at[0] = '\0';
    s->value.cap = WEIR_RECORD_MAX + 1;
    s->value.max = WEIR_RECORD_MAX;
    return WEIR_OK;
}

static void destroy_store(struct weir_store *s)
{
    weir_store_env_close(s);
    weir_store_records_free(s);
    weir_store_index_rows_deinit(&s->old_rows);
    weir_store_index_rows_deinit(&s->new_rows);
    weir_strbuf_deinit(&s->value);
    free(s->group);
    free(s->changes);
    free(s->lanes);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->folder_fd >= 0)
        close(s->folder_fd);
    free(s->folder);
    WEIR_ASSERT(pthread_mutex_destroy(&s->shared_lock) == 0);
    s->magic = 0;
    free(s);
}

static enum weir_err start_store(struct weir_store *s, const uint8_t *boot_id)
{
    enum weir_err err = open_folder(s);
    if (err == WEIR_OK)
        err = lock_folder(s);
    if (err == WEIR_OK)
        err = s->driven ? weir_store_records_new(s) : alloc_writer(s);
    if (err == WEIR_OK)
        err = prepare_file(s);
    if (err == WEIR_OK)
        err = weir_store_open_database(s);
    if (err == WEIR_ECORRUPT) {
        /* The pages are sound, but their rows contradict each other. */
        weir_store_env_close(s);
        err = rescue_or_wipe(s, "its own rows are damaged");
        if (err == WEIR_OK)
            err = weir_store_open_database(s);
    }
    if (err == WEIR_OK && !s->kind->durable)
        err = weir_store_eph_start(s, boot_id);
    if (err == WEIR_OK && s->driven)
        err = weir_store_records_load(s);
    if (err < 0)
        return err == WEIR_ECORRUPT ? WEIR_EIO : err;
    if (s->kind->durable)
        mark_in_use(s);
    weir_store_publish(s);
    log_info("store.open",
             "folder=%s file=%s tenants=%" PRIu64 " seq=%" PRIu64 " used=%" PRIu64 " max=%" PRIu64,
             s->folder, s->kind->file_name, s->tally.live[WEIR_CLASS_TENANT], s->tally.seq,
             s->shared.used_bytes, s->cfg.max_bytes);
    return s->driven ? WEIR_OK : weir_store_writer_start(s);
}

static enum weir_err open_kind(const struct weir_store_config *cfg, const struct store_kind *kind,
                               const uint8_t *boot_id, struct weir_store **ret)
{
    if (cfg->max_bytes < STORE_MAX_BYTES_MIN || cfg->max_bytes > STORE_RESERVE_MAX) {
        log_error("store.bad_limit", "max_bytes=%" PRIu64 " range=%" PRIu64 "..%" PRIu64,
                  cfg->max_bytes, STORE_MAX_BYTES_MIN, STORE_RESERVE_MAX);
        return WEIR_EINVAL;
    }
    struct weir_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return WEIR_ENOMEM;
    s->folder = strdup(cfg->folder);
    if (s->folder == NULL || pthread_mutex_init(&s->shared_lock, NULL) != 0) {
        free(s->folder);
        free(s);
        return WEIR_ENOMEM;
    }
    s->magic = STORE_MAGIC;
    s->kind = kind;
    s->cfg = *cfg;
    s->driven = cfg->driven;
    s->cfg.folder = s->folder;
    s->folder_fd = s->lock_fd = s->file_fd = -1;
    atomic_store(&s->max_bytes, cfg->max_bytes);
    enum weir_err err = start_store(s, boot_id);
    if (err < 0) {
        destroy_store(s);
        return err;
    }
    *ret = s;
    return WEIR_OK;
}

enum weir_err weir_store_open(const struct weir_store_config *cfg, struct weir_store **ret)
{
    WEIR_ASSERT(cfg->folder != NULL);
    return open_kind(cfg, &kind_c, NULL, ret);
}

enum weir_err weir_eph_open(const struct weir_store_config *cfg,
                            const uint8_t boot_id[WEIR_BOOT_ID_LEN], struct weir_store **ret)
{
    struct weir_store_config mine = *cfg;

    mine.driven = true;
    mine.index = NULL;
    mine.revision = NULL;
    return open_kind(&mine, &kind_e, boot_id, ret);
}

void weir_store_close(struct weir_store **s)
{
    if (*s == NULL)
        return;
    WEIR_ASSERT((*s)->magic == STORE_MAGIC);
    WEIR_ASSERT(atomic_load(&(*s)->num_readers) == 0);
    weir_store_writer_stop(*s);
    if ((*s)->driven)
        weir_store_records_end(*s);
    destroy_store(*s);
    *s = NULL;
}

enum weir_err weir_store_set_max(struct weir_store *s, uint64_t max_bytes)
{
    WEIR_ASSERT(s->magic == STORE_MAGIC);
    if (max_bytes < STORE_MAX_BYTES_MIN)
        return WEIR_EINVAL;
    if (max_bytes > s->map_len)
        return WEIR_ELIMIT;
    atomic_store(&s->max_bytes, max_bytes);
    return WEIR_OK;
}
