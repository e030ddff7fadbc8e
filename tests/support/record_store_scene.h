/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_scene.h - private to tests/support/record_store_suite*.c: a scene with one
 * record store, builders of records and lanes, and the picture of all that a record store shows.
 */
#ifndef WEIR_TESTS_SUPPORT_RECORD_STORE_SCENE_H
#define WEIR_TESTS_SUPPORT_RECORD_STORE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/strbuf.h"
#include "tests/support/record_store_suite.h"

#define RECORD_STORE_DAY_MS    UINT64_C(86400000)
#define RECORD_STORE_STORED_MS (20000 * RECORD_STORE_DAY_MS) /* when records of rs_rec came */
#define RECORD_STORE_EXPIRES   (RECORD_STORE_STORED_MS / 1000 + 3600)

/** What a test finds in *state: an empty record store, no transaction open. */
struct scene {
    const struct rs_maker *maker;
    enum weir_group group;
    void *home;
    struct weir_record_store *k;
};

enum {
    RECORD_STORE_IN_C = 1,
    RECORD_STORE_IN_E = 2,
    RECORD_STORE_IN_BOTH = 3,
};

struct rs_test {
    const char *name;
    void (*fn)(void **state);
    unsigned groups;
};
#define RECORD_STORE_TEST(fn, groups)                                                              \
    {                                                                                              \
#fn, fn, groups                                                                            \
    }

/** The tests of each file, ended by a row without a name. */
extern const struct rs_test record_store_suite_records[];
extern const struct rs_test record_store_suite_queues[];
extern const struct rs_test record_store_suite_tables[];
extern const struct rs_test record_store_suite_twin[];

/** Open a transaction. */
void scene_begin(struct scene *s);
/** Commit it, which succeeds. */
void scene_commit(struct scene *s);
/** Commit, close, open and begin again. */
void scene_reopen(struct scene *s);

/** The class of most tests: TENANT or BAN. */
enum weir_class rs_class(const struct scene *s);
/** A lane; they are ordered as their numbers. @param id  1.. */
void rs_lane(uint8_t id, uint8_t out[WEIR_LANE_LEN]);
/** A live record with a value; in group E it expires at RECORD_STORE_EXPIRES. @param key  borrowed
 * by it */
struct weir_stored_record rs_rec(const struct scene *s, const char *key, uint8_t lane,
                                 uint64_t seq);
/** The same as a tombstone that came at stored_ms, without expiry. */
struct weir_stored_record rs_tomb(const struct scene *s, const char *key, uint64_t seq,
                                  uint64_t stored_ms);

/** Put, which succeeds. */
void rs_put(struct scene *s, const struct weir_stored_record *rec);
/** Drop by the scene's class and key, which succeeds. */
void rs_drop(struct scene *s, const char *key);
/** All fields agree, or the test fails. */
void rs_same(const struct weir_stored_record *got, const struct weir_stored_record *want);
/** rs_rec's key, or the test fails. */
void rs_has_key(const struct weir_stored_record *got, const char *key);
/** What get finds under a key of the scene's class is this record; NULL: nothing. */
void rs_expect(struct scene *s, const char *key, const struct weir_stored_record *want);
/** The record of a dot is under this key; NULL: next_dot finds nothing behind `after`. */
void rs_expect_dot(struct scene *s, uint8_t lane, uint64_t after, const char *key);

/**
 * All that a record store shows, as text: records by key and by dot, both queues, lanes, numbers,
 * conflicts. In the open transaction, which must be aborted then: the queues are emptied by it.
 * @param ret  zero; the caller's
 */
void rs_picture(struct weir_record_store *k, enum weir_group group, struct weir_strbuf *ret);
/** A picture in a transaction of its own. */
void scene_picture(struct scene *s, struct weir_strbuf *ret);
/** The pictures agree. Frees both. */
void rs_same_picture(struct weir_strbuf *a, struct weir_strbuf *b);

#endif
