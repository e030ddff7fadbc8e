/* SPDX-License-Identifier: Apache-2.0
 *
 * store_stand_in.h - the reading side of sync/store/store.h over two small arrays, for tests that
 * count what is asked of the store and let it fail. Include it in one file of a program: it defines
 * the store's functions.
 */
#ifndef WEIR_TESTS_SUPPORT_STORE_STAND_IN_H
#define WEIR_TESTS_SUPPORT_STORE_STAND_IN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/addr.h"
#include "sync/store/store.h"
#include "tests/support/tenant_values.h"

#define RECORDS_MAX 64
#define ROWS_MAX    256

struct record {
    char name[80];
    uint8_t value[2048];
    size_t len;
    uint64_t version; /* 0: no record */
};

struct row {
    enum weir_index index;
    uint8_t key[256];
    size_t len;
    char owner[80];
};

struct weir_store {
    struct record records[RECORDS_MAX];
    struct row rows[ROWS_MAX];
    size_t num_rows;
    uint64_t clock;
    enum weir_err begin_err, get_err;
    unsigned begins, gets, lookups; /* asked so far */
    int readers;
    bool reading;
};

struct weir_store_reader {
    struct weir_store *store;
};

static struct weir_store_reader the_reader;

/** As sync/store/store.h; counts readers. */
enum weir_err weir_store_reader_new(struct weir_store *s, struct weir_store_reader **ret)
{
    s->readers++;
    the_reader.store = s;
    *ret = &the_reader;
    return WEIR_OK;
}

/** As sync/store/store.h. */
void weir_store_reader_free(struct weir_store_reader **r)
{
    (*r)->store->readers--;
    *r = NULL;
}

/** As sync/store/store.h, or fails with begin_err. */
enum weir_err weir_store_read_begin(struct weir_store_reader *r)
{
    assert_false(r->store->reading);
    if (r->store->begin_err < 0)
        return r->store->begin_err;
    r->store->reading = true;
    r->store->begins++;
    return WEIR_OK;
}

/** As sync/store/store.h; a read that was not begun is a failed test. */
void weir_store_read_end(struct weir_store_reader *r)
{
    assert_true(r->store->reading);
    r->store->reading = false;
}

/** As sync/store/store.h, or fails with get_err. */
enum weir_err weir_store_get(struct weir_store_reader *r, enum weir_class class,
                             struct weir_span key, struct weir_record *ret)
{
    assert_true(r->store->reading);
    assert_int_equal(class, WEIR_CLASS_TENANT);
    r->store->gets++;
    if (r->store->get_err < 0)
        return r->store->get_err;
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        const struct record *rec = &r->store->records[i];

        if (rec->version != 0 && weir_span_eq(weir_span_cstr(rec->name), key)) {
            *ret = (struct weir_record){ .class = class,
                                         .key = key,
                                         .value = weir_span(rec->value, rec->len) };
            ret->version.hlc = rec->version;
            return WEIR_OK;
        }
    }
    return WEIR_ENOTFOUND;
}

/** As sync/store/store.h; there is one claim a key. */
enum weir_err weir_store_index_owner(struct weir_store_reader *r, enum weir_index index,
                                     struct weir_span key, struct weir_span *ret_owner)
{
    assert_true(r->store->reading);
    r->store->lookups++;
    for (size_t i = 0; i < r->store->num_rows; i++) {
        const struct row *row = &r->store->rows[i];

        if (row->index == index && weir_span_eq(weir_span(row->key, row->len), key)) {
            *ret_owner = weir_span_cstr(row->owner);
            return WEIR_OK;
        }
    }
    return WEIR_ENOTFOUND;
}

/** As sync/store/store.h. */
uint64_t weir_store_index_count(struct weir_store_reader *r, enum weir_index index)
{
    uint64_t num = 0;

    assert_true(r->store->reading);
    for (size_t i = 0; i < r->store->num_rows; i++)
        num += r->store->rows[i].index == index;
    return num;
}

/* -- writing to it -- */

/** The record of a name, made when it is not there. */
static inline struct record *record_of(struct weir_store *s, const char *name)
{
    struct record *unused = NULL;

    for (size_t i = 0; i < RECORDS_MAX; i++) {
        if (strcmp(s->records[i].name, name) == 0)
            return &s->records[i];
        if (!unused && s->records[i].name[0] == '\0')
            unused = &s->records[i];
    }
    assert_non_null(unused);
    snprintf(unused->name, sizeof(unused->name), "%s", name);
    return unused;
}

/** A new version of a record. */
static inline void put_value(struct weir_store *s, const char *name, struct weir_span value)
{
    struct record *rec = record_of(s, name);

    assert_true(value.len <= sizeof(rec->value));
    memcpy(rec->value, value.at, value.len);
    rec->len = value.len;
    rec->version = ++s->clock;
}

/** A record that compiles, distinguished from others by its revision. */
static inline void put_named(struct weir_store *s, const char *key, const char *name,
                             uint64_t revision)
{
    struct stored stored;

    stored_init_small(&stored, name, "h.example");
    stored.m.revision = revision;
    put_value(s, key, stored_pack(&stored));
    stored_deinit(&stored);
}

/** A record that compiles, under its own name. */
static inline void put_tenant(struct weir_store *s, const char *name, uint64_t revision)
{
    put_named(s, name, name, revision);
}

/** A new version that does not unpack. */
static inline void put_bad(struct weir_store *s, const char *name)
{
    put_value(s, name, WEIR_SPAN_LIT("\xff\xff\xff"));
}

/** Its rows go with it. */
static inline void delete_tenant(struct weir_store *s, const char *name)
{
    size_t stored_record = 0;

    record_of(s, name)->version = 0;
    for (size_t i = 0; i < s->num_rows; i++)
        if (strcmp(s->rows[i].owner, name) != 0)
            s->rows[stored_record++] = s->rows[i];
    s->num_rows = stored_record;
}

/** Let `name` own a key, whichever tenant had it. */
static inline void own_bytes(struct weir_store *s, enum weir_index index, struct weir_span key,
                             const char *name)
{
    struct row *row = NULL;

    for (size_t i = 0; i < s->num_rows; i++)
        if (s->rows[i].index == index &&
            weir_span_eq(weir_span(s->rows[i].key, s->rows[i].len), key))
            row = &s->rows[i];
    if (!row) {
        assert_true(s->num_rows < ROWS_MAX);
        row = &s->rows[s->num_rows++];
    }
    row->index = index;
    row->len = key.len;
    memcpy(row->key, key.at, key.len);
    snprintf(row->owner, sizeof(row->owner), "%s", name);
}

/** As own_bytes, for a text. */
static inline void own(struct weir_store *s, enum weir_index index, const char *key,
                       const char *name)
{
    own_bytes(s, index, weir_span_cstr(key), name);
}

/** Let `name` own a destination address. */
static inline void own_address(struct weir_store *s, const char *ip, const char *name)
{
    struct weir_addr a;

    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(ip), &a), WEIR_OK);
    own_bytes(s, WEIR_INDEX_ADDRESS, weir_span(a.ip, sizeof(a.ip)), name);
}

#endif
