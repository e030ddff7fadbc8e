/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_secret_test.c - the secret in its files, what is derived from it, and sealed keys.
 */
#include <errno.h>
#include <fcntl.h>
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

#include "node/base/buffers/secret_pages.h"
#include "node/base/contract.h"
#include "tenants/cert_seal.h"
#include "tenants/cert_secret.h"
#include "tests/support/failalloc.h"

struct room {
    char folder[64];
    char file[96];
    struct weir_secret secret;
    struct weir_secret_found found;
};

static void room_init(struct room *r)
{
    memset(r, 0, sizeof(*r));
    snprintf(r->folder, sizeof(r->folder), "/tmp/weir-secret-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->file, sizeof(r->file), "%s/file", r->folder);
}

static void room_deinit(struct room *r)
{
    char path[96];

    (void)unlink(r->file);
    snprintf(path, sizeof(path), "%s/secret", r->folder);
    (void)unlink(path);
    assert_int_equal(rmdir(r->folder), 0); /* nothing else was left behind */
}

static void file_put(struct room *r, const char *bytes, size_t len, mode_t mode)
{
    (void)unlink(r->file);
    int fd = open(r->file, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static enum weir_err load(struct room *r, const char *file)
{
    return weir_secret_load(file, r->folder, &r->secret, &r->found);
}

static void a_node_makes_its_secret_once(void **state)
{
    struct room r;
    struct stat st;

    room_init(&r);
    assert_int_equal(load(&r, NULL), WEIR_OK);
    assert_true(r.found.made);
    assert_int_equal(stat(r.found.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct weir_secret first = r.secret;
    memset(&r.secret, 0, sizeof(r.secret));
    assert_int_equal(load(&r, NULL), WEIR_OK);
    assert_false(r.found.made);
    assert_memory_equal(&first, &r.secret, sizeof(first));
    /* Its file can become that of a cluster. */
    char path[sizeof(r.found.path)];
    memcpy(path, r.found.path, sizeof(path));
    memset(&r.secret, 0, sizeof(r.secret));
    assert_int_equal(load(&r, path), WEIR_OK);
    assert_memory_equal(&first, &r.secret, sizeof(first));
    room_deinit(&r);
}

static void two_nodes_make_different_secrets(void **state)
{
    struct room a;
    struct room b;

    room_init(&a);
    room_init(&b);
    assert_int_equal(load(&a, NULL), WEIR_OK);
    assert_int_equal(load(&b, NULL), WEIR_OK);
    assert_memory_not_equal(&a.secret, &b.secret, sizeof(a.secret));
    room_deinit(&a);
    room_deinit(&b);
}

static void an_interrupted_start_does_not_stop_the_next(void **state)
{
    struct room r;
    char path[96];

    room_init(&r);
    snprintf(path, sizeof(path), "%s/secret.new", r.folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(load(&r, NULL), WEIR_OK);
    assert_true(r.found.made);
    room_deinit(&r);
}

static void white_space_at_the_end_of_a_file_does_not_count(void **state)
{
    static const char *const same[] = { "0123456789abcdef", "0123456789abcdef\n",
                                        "0123456789abcdef \t\r\n\n" };
    struct room r;
    struct weir_secret first;

    room_init(&r);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(same); i++) {
        file_put(&r, same[i], strlen(same[i]), 0600);
        assert_int_equal(load(&r, r.file), WEIR_OK);
        if (i == 0)
            first = r.secret;
        assert_memory_equal(&first, &r.secret, sizeof(first));
    }
    file_put(&r, "0123456789abcdeg", 16, 0600);
    assert_int_equal(load(&r, r.file), WEIR_OK);
    assert_memory_not_equal(&first, &r.secret, sizeof(first));
    room_deinit(&r);
}

static void a_file_that_others_may_use_is_refused(void **state)
{
    static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0777 };
    struct room r;

    room_init(&r);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(modes); i++) {
        file_put(&r, "0123456789abcdef", 16, modes[i]);
        assert_int_equal(load(&r, r.file), WEIR_EPERM);
        assert_int_equal(r.found.sys_errno, 0);
        assert_string_equal(r.found.path, r.file);
    }
    file_put(&r, "0123456789abcdef", 16, 0400);
    assert_int_equal(load(&r, r.file), WEIR_OK);
    room_deinit(&r);
}

static void a_file_of_no_useful_length_is_refused(void **state)
{
    static char many[WEIR_SECRET_FILE_MAX + 1];
    struct room r;

    room_init(&r);
    memset(many, 'x', sizeof(many));
    file_put(&r, "", 0, 0600);
    assert_int_equal(load(&r, r.file), WEIR_EINVAL);
    file_put(&r, many, WEIR_SECRET_FILE_MIN - 1, 0600);
    assert_int_equal(load(&r, r.file), WEIR_EINVAL);
    file_put(&r, "123456789012345\n\n\n", 18, 0600);
    assert_int_equal(load(&r, r.file), WEIR_EINVAL);
    file_put(&r, many, WEIR_SECRET_FILE_MAX, 0600);
    assert_int_equal(load(&r, r.file), WEIR_OK);
    file_put(&r, many, sizeof(many), 0600);
    assert_int_equal(load(&r, r.file), WEIR_EINVAL);
    room_deinit(&r);
}

static void what_is_no_file_is_refused(void **state)
{
    struct room r;

    room_init(&r);
    assert_int_equal(load(&r, r.file), WEIR_ENOTFOUND);
    assert_int_equal(r.found.sys_errno, ENOENT);
    assert_int_equal(load(&r, r.folder), WEIR_EINVAL);
    assert_int_equal(mkfifo(r.file, 0600), 0);
    assert_int_equal(load(&r, r.file), WEIR_EINVAL); /* and it does not wait for a writer */
    assert_int_equal(weir_secret_load(NULL, "/nowhere/at/all", &r.secret, &r.found), WEIR_EIO);
    assert_int_equal(weir_secret_load(NULL, "/proc", &r.secret, &r.found) < 0, true);
    room_deinit(&r);
}

static void derived_keys_differ_by_label_and_by_secret(void **state)
{
    struct weir_secret a = { { 1 } };
    struct weir_secret b = { { 2 } };
    uint8_t out[4][WEIR_SECRET_LEN];

    weir_secret_derive(&a, WEIR_SPAN_LIT("x"), out[0]);
    weir_secret_derive(&a, WEIR_SPAN_LIT("y"), out[1]);
    weir_secret_derive(&b, WEIR_SPAN_LIT("x"), out[2]);
    weir_secret_derive(&a, WEIR_SPAN_LIT("x"), out[3]);
    assert_memory_equal(out[0], out[3], WEIR_SECRET_LEN);
    assert_memory_not_equal(out[0], out[1], WEIR_SECRET_LEN);
    assert_memory_not_equal(out[0], out[2], WEIR_SECRET_LEN);
    weir_secret_deinit(&a);
    static const struct weir_secret zero;
    assert_memory_equal(&a, &zero, sizeof(a));
}

/* The file is read by every later version: what it comes to must never change. */
static void a_secret_comes_to_the_same_keys_for_ever(void **state)
{
    static const uint8_t wanted[WEIR_SECRET_LEN] = {
        0x9a, 0x96, 0x1d, 0xe8, 0xe8, 0x03, 0x3e, 0x23, 0x1e, 0x0f, 0xb4,
        0x4b, 0xb0, 0x21, 0x8e, 0x09, 0x30, 0x4e, 0x78, 0x29, 0xee, 0x23,
        0x10, 0x83, 0x25, 0xce, 0x14, 0x44, 0xfd, 0x3d, 0x17, 0x1a,
    };
    uint8_t key[WEIR_SECRET_LEN];
    struct room r;

    room_init(&r);
    file_put(&r, "correct horse battery staple\n", 29, 0600);
    assert_int_equal(load(&r, r.file), WEIR_OK);
    weir_secret_derive(&r.secret, WEIR_SPAN_LIT("weir/v1/seal-key"), key);
    assert_memory_equal(key, wanted, sizeof(key));
    room_deinit(&r);
}

/* -- sealed keys -- */

static uint8_t opened[WEIR_SEAL_PLAIN_MAX];

static enum weir_err open_bytes(const struct weir_secret *s, const char *id, const uint8_t *sealed,
                                size_t len, size_t *ret_len)
{
    return weir_cert_open(s, weir_span_cstr(id), weir_span(sealed, len), opened, ret_len);
}

static void what_was_sealed_opens_again(void **state)
{
    static uint8_t plain[WEIR_SEAL_PLAIN_MAX];
    static uint8_t sealed[WEIR_SEAL_MAX];
    static const size_t lens[] = { 1, 2, 138, 1218, WEIR_SEAL_PLAIN_MAX };
    struct weir_secret s = { { 7 } };
    size_t len = 0;

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7 + 3);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lens); i++) {
        assert_int_equal(
            weir_cert_seal(&s, WEIR_SPAN_LIT("t/1"), weir_span(plain, lens[i]), sealed), WEIR_OK);
        assert_int_equal(open_bytes(&s, "t/1", sealed, lens[i] + WEIR_SEAL_OVERHEAD, &len),
                         WEIR_OK);
        assert_int_equal(len, lens[i]);
        assert_memory_equal(opened, plain, len);
    }
}

static void each_seal_has_a_nonce_of_its_own(void **state)
{
    struct weir_secret s = { { 7 } };
    uint8_t a[3 + WEIR_SEAL_OVERHEAD];
    uint8_t b[3 + WEIR_SEAL_OVERHEAD];

    assert_int_equal(weir_cert_seal(&s, WEIR_SPAN_LIT("t/1"), WEIR_SPAN_LIT("abc"), a), WEIR_OK);
    assert_int_equal(weir_cert_seal(&s, WEIR_SPAN_LIT("t/1"), WEIR_SPAN_LIT("abc"), b), WEIR_OK);
    assert_memory_equal(a, b, 5); /* version and mark */
    assert_memory_not_equal(a + 5, b + 5, 12);
    assert_memory_not_equal(a + 17, b + 17, 3);
}

static void any_changed_bit_any_cut_and_another_id_are_found(void **state)
{
    struct weir_secret s = { { 7 } };
    uint8_t sealed[16 + WEIR_SEAL_OVERHEAD];
    size_t len = 0;

    assert_int_equal(
        weir_cert_seal(&s, WEIR_SPAN_LIT("t/1"), WEIR_SPAN_LIT("0123456789abcdef"), sealed),
        WEIR_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum weir_err err = open_bytes(&s, "t/1", sealed, sizeof(sealed), &len);
        if (bit < 8)
            assert_int_equal(err, WEIR_EUNSUPPORTED);
        else
            assert_int_equal(err, bit < 40 ? WEIR_EPERM : WEIR_ECORRUPT);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < sizeof(sealed); cut++)
        assert_int_equal(open_bytes(&s, "t/1", sealed, cut, &len), WEIR_ECORRUPT);
    assert_int_equal(open_bytes(&s, "t/2", sealed, sizeof(sealed), &len), WEIR_ECORRUPT);
    assert_int_equal(open_bytes(&s, "t/1", sealed, sizeof(sealed), &len), WEIR_OK);
}

static void another_secret_is_told_from_damage(void **state)
{
    struct weir_secret a = { { 7 } };
    struct weir_secret b = { { 8 } };
    uint8_t sealed[3 + WEIR_SEAL_OVERHEAD];
    size_t len = 0;

    assert_int_equal(weir_cert_seal(&a, WEIR_SPAN_LIT("t/1"), WEIR_SPAN_LIT("abc"), sealed),
                     WEIR_OK);
    assert_int_equal(open_bytes(&b, "t/1", sealed, sizeof(sealed), &len), WEIR_EPERM);
}

static void without_memory_a_seal_fails_cleanly(void **state)
{
    struct weir_secret s = { { 7 } };
    uint8_t sealed[3 + WEIR_SEAL_OVERHEAD];
    size_t len = 0;
    unsigned fails = 0;

    for (long n = 1; n < 20; n++) {
        weir_failalloc_after(n);
        enum weir_err err = weir_cert_seal(&s, WEIR_SPAN_LIT("t/1"), WEIR_SPAN_LIT("abc"), sealed);
        if (err == WEIR_OK)
            err = open_bytes(&s, "t/1", sealed, sizeof(sealed), &len);
        weir_failalloc_after(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
        fails += err < 0;
        if (err == WEIR_OK)
            break;
        assert_true(n < 19);
    }
    (void)fails; /* BoringSSL may need no memory for this */
}

/* -- secret pages -- */

/* Whether the pages at `at` have a flag in /proc/self/smaps: "dd" is left out of core dumps. */
static bool has_flag(const void *at, const char *flag)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool inside = false;
    bool found = false;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)at >= from && (uintptr_t)at < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(f);
    return found;
}

static void secret_pages_are_in_no_core_dump(void **state)
{
    void *at = weir_secret_pages_new(32);

    assert_non_null(at);
    assert_true(has_flag(at, " dd"));
    memset(at, 1, 32);
    weir_secret_pages_free(&at, 32);
    assert_null(at);
    weir_secret_pages_free(&at, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_makes_its_secret_once),
        cmocka_unit_test(two_nodes_make_different_secrets),
        cmocka_unit_test(an_interrupted_start_does_not_stop_the_next),
        cmocka_unit_test(white_space_at_the_end_of_a_file_does_not_count),
        cmocka_unit_test(a_file_that_others_may_use_is_refused),
        cmocka_unit_test(a_file_of_no_useful_length_is_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(derived_keys_differ_by_label_and_by_secret),
        cmocka_unit_test(a_secret_comes_to_the_same_keys_for_ever),
        cmocka_unit_test(what_was_sealed_opens_again),
        cmocka_unit_test(each_seal_has_a_nonce_of_its_own),
        cmocka_unit_test(any_changed_bit_any_cut_and_another_id_are_found),
        cmocka_unit_test(another_secret_is_told_from_damage),
        cmocka_unit_test(without_memory_a_seal_fails_cleanly),
        cmocka_unit_test(secret_pages_are_in_no_core_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
