/* SPDX-License-Identifier: Apache-2.0
 *
 * store_kit.h - for the store's tests: a folder of its own, writes that wait for their end, and a
 * small language of index rows. Header only, so that only tests of sync/ link it.
 * A value is "any bytes|1name@7;2name@9": behind the bar its rows, index, name, since.
 */
#ifndef WEIR_TESTS_SUPPORT_STORE_KIT_H
#define WEIR_TESTS_SUPPORT_STORE_KIT_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/log.h"
#include "sync/store/store.h"

#define KIT_MAX_BYTES (UINT64_C(64) << 20)

struct kit {
    char folder[128];
    struct weir_store_config cfg;
    struct weir_store *s;
    struct weir_store_reader *r;
};

static inline enum weir_err kit_index(enum weir_class class, struct weir_span key,
                                      struct weir_span value, struct weir_index_rows *rows)
{
    (void)class;
    (void)key;
    if (weir_span_starts(value, WEIR_SPAN_LIT("!corrupt")))
        return WEIR_ECORRUPT;
    const uint8_t *bar = value.len ? memchr(value.at, '|', value.len) : NULL;
    const uint8_t *end = value.at + value.len;
    const uint8_t *at = bar != NULL ? bar + 1 : end;
    while (at < end) {
        const uint8_t *stop = memchr(at, ';', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const uint8_t *mark = memchr(at, '@', (size_t)(stop - at));
        if (mark == NULL || *at < '1' || (*at > '5' && *at != '7'))
            return WEIR_ECORRUPT;
        uint64_t since = 0;
        for (const uint8_t *d = mark + 1; d < stop; d++)
            since = since * 10 + (uint64_t)(*d - '0');
        enum weir_err err = weir_index_rows_add(rows, (enum weir_index)(*at - '0'),
                                                weir_span(at + 1, (size_t)(mark - at - 1)), since);
        if (err < 0)
            return err;
        at = stop + 1;
    }
    return WEIR_OK;
}

static inline void kit_remove_folder(const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL)
        return;
    struct dirent *e;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    (void)rmdir(folder);
}

/* A fresh folder below `base`; the store is not open yet. */
static inline void kit_init_in(struct kit *k, const char *base)
{
    memset(k, 0, sizeof(*k));
    (void)snprintf(k->folder, sizeof(k->folder), "%s/weir-store-XXXXXX", base);
    assert_non_null(mkdtemp(k->folder));
    k->cfg = (struct weir_store_config){
        .folder = k->folder,
        .max_bytes = KIT_MAX_BYTES,
        .index = kit_index,
    };
}

static inline void kit_init(struct kit *k)
{
    const char *tmp = getenv("TMPDIR");

    kit_init_in(k, tmp ? tmp : "/tmp");
}

/* In memory where there is such a place: for tests with many files that do not test fsync. */
static inline void kit_init_quick(struct kit *k)
{
    access("/dev/shm", W_OK) == 0 ? kit_init_in(k, "/dev/shm") : kit_init(k);
}

static inline void kit_open(struct kit *k)
{
    assert_int_equal(weir_store_open(&k->cfg, &k->s), WEIR_OK);
    assert_int_equal(weir_store_reader_new(k->s, &k->r), WEIR_OK);
}

static inline void kit_close(struct kit *k)
{
    weir_store_reader_free(&k->r);
    weir_store_close(&k->s);
}

static inline void kit_deinit(struct kit *k)
{
    kit_close(k);
    kit_remove_folder(k->folder);
}

/* Nothing but errors that a test is about is worth printing; WEIR_TEST_LOG shows all. */
static inline void kit_quiet(void)
{
    weir_log_init(WEIR_LOG_ERROR, getenv("WEIR_TEST_LOG") ? 2 : open("/dev/null", O_WRONLY));
}

/* One write and the waiting for it. */
struct kit_write {
    struct weir_write w;
    struct weir_span value;
    enum weir_err err; /* what build returns */
    uint64_t revision;
    bool must_exist;
    bool saw_current;
    uint64_t saw_hlc; /* of the current record */
    unsigned num_builds;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static inline enum weir_err kit_build(struct weir_write *w, const struct weir_record *current,
                                      uint64_t hlc, struct weir_strbuf *value)
{
    struct kit_write *kw = weir_container_of(w, struct kit_write, w);

    (void)hlc;
    kw->num_builds++;
    kw->saw_current = current != NULL;
    kw->saw_hlc = current ? current->version.hlc : 0;
    if (kw->err < 0)
        return kw->err;
    if (kw->must_exist && current == NULL)
        return WEIR_ENOTFOUND;
    if (!w->delete)
        weir_strbuf_add(value, kw->value);
    w->revision = kw->revision;
    return WEIR_OK;
}

static inline void kit_done(struct weir_write *w)
{
    struct kit_write *kw = weir_container_of(w, struct kit_write, w);

    pthread_mutex_lock(&kw->lock);
    kw->finished = true;
    pthread_cond_signal(&kw->cond);
    pthread_mutex_unlock(&kw->lock);
}

static inline void kit_write_init(struct kit_write *kw, struct weir_span key,
                                  struct weir_span value)
{
    memset(kw, 0, sizeof(*kw));
    kw->w.class = WEIR_CLASS_TENANT;
    kw->w.key = key;
    kw->w.build = kit_build;
    kw->w.done = kit_done;
    kw->value = value;
    pthread_mutex_init(&kw->lock, NULL);
    pthread_cond_init(&kw->cond, NULL);
}

static inline enum weir_err kit_wait(struct kit_write *kw)
{
    pthread_mutex_lock(&kw->lock);
    while (!kw->finished)
        pthread_cond_wait(&kw->cond, &kw->lock);
    pthread_mutex_unlock(&kw->lock);
    pthread_mutex_destroy(&kw->lock);
    pthread_cond_destroy(&kw->cond);
    return kw->w.err;
}

static inline enum weir_err kit_run(struct kit *k, struct kit_write *kw)
{
    assert_int_equal(weir_store_submit(k->s, &kw->w), WEIR_OK);
    return kit_wait(kw);
}

static inline enum weir_err kit_put(struct kit *k, const char *key, const char *value)
{
    struct kit_write kw;
    kit_write_init(&kw, weir_span_cstr(key), weir_span_cstr(value));
    return kit_run(k, &kw);
}

static inline enum weir_err kit_delete(struct kit *k, const char *key)
{
    struct kit_write kw;
    kit_write_init(&kw, weir_span_cstr(key), WEIR_SPAN_EMPTY);
    kw.w.delete = true;
    kw.must_exist = true;
    return kit_run(k, &kw);
}

/* The value under a key compared in a snapshot of its own. NULL: must be absent. */
static inline void kit_expect(struct kit *k, const char *key, const char *value)
{
    struct weir_record rec;

    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    enum weir_err err = weir_store_get(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
    assert_int_equal(err, value ? WEIR_OK : WEIR_ENOTFOUND);
    if (value != NULL) {
        assert_true(weir_span_eq(rec.value, weir_span_cstr(value)));
        assert_true(weir_span_eq(rec.key, weir_span_cstr(key)));
    }
    weir_store_read_end(k->r);
}

static inline void kit_expect_owner(struct kit *k, enum weir_index index, const char *name,
                                    const char *owner)
{
    struct weir_span got;

    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    enum weir_err err = weir_store_index_owner(k->r, index, weir_span_cstr(name), &got);
    assert_int_equal(err, owner ? WEIR_OK : WEIR_ENOTFOUND);
    if (owner != NULL)
        assert_true(weir_span_eq(got, weir_span_cstr(owner)));
    weir_store_read_end(k->r);
}

#endif
