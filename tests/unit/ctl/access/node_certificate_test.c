/* SPDX-License-Identifier: Apache-2.0
 *
 * node_certificate_test.c - the certificate of admin.listen in files: made once, found again, made
 * anew before it ends, the operator's own, and what is wrong with files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/log.h"
#include "node/ctl/access/node_certificate.h"
#include "tests/support/failalloc.h"

static char folder[64];
static char own[96], copy[96], given[96], key[96];
static struct weir_config config;
static int64_t now_s;

static int setup(void **state)
{
    (void)state;
    weir_log_init(WEIR_LOG_ERROR, STDERR_FILENO);
    snprintf(folder, sizeof(folder), "/tmp/weir-cert-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(own, sizeof(own), "%s/admin.pem", folder);
    snprintf(copy, sizeof(copy), "%s/admin.crt", folder);
    snprintf(given, sizeof(given), "%s/given.crt", folder);
    snprintf(key, sizeof(key), "%s/given.key", folder);
    weir_config_init(&config);
    config.name = "test-1";
    config.data = folder;
    config.has_admin = true;
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("0.0.0.0:7400"), &config.admin), WEIR_OK);
    now_s = (int64_t)time(NULL);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    weir_config_deinit(&config);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

/* @param want  NULL: it succeeds; else what the reason has */
static enum weir_err load(struct weir_tls_pem *p, const char *want)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    memset(p, 0, sizeof(*p));
    enum weir_err err = weir_node_certificate_load(&config, now_s, p, &why);
    if (err < 0 && (want == NULL || why.len == 0 || strstr(why.at, want) == NULL))
        fail_msg("%s", why.len > 0 ? why.at : "no reason");
    assert_true(err < 0 || want == NULL);
    if (err == WEIR_OK)
        weir_tls_identity_unref(p->identity);
    weir_strbuf_deinit(&why);
    return err;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static bool has(const char *path, const char *text)
{
    char command[256];
    snprintf(command, sizeof(command), "grep -q -- '%s' %s", text, path);
    return system(command) == 0;
}

/* The node's own, as if an operator had given it. */
static void give(void)
{
    char command[1024];
    struct weir_tls_pem p;
    assert_int_equal(load(&p, NULL), WEIR_OK);
    snprintf(command, sizeof(command), "cp %s %s && cp %s %s && chmod 600 %s && rm %s", copy, given,
             own, key, key, own);
    assert_int_equal(system(command), 0);
    config.admin_certificate = given;
    config.admin_key = key;
}

static void it_is_made_once_and_found_again(void **state)
{
    struct weir_tls_pem a;
    struct weir_tls_pem b;
    (void)state;
    assert_int_equal(load(&a, NULL), WEIR_OK);
    assert_int_equal(mode_of(own), 0600);
    assert_int_equal(mode_of(copy), 0644);
    assert_true(has(own, "PRIVATE KEY"));
    assert_false(has(copy, "PRIVATE KEY"));
    assert_int_equal(load(&b, NULL), WEIR_OK);
    assert_memory_equal(a.fingerprint, b.fingerprint, sizeof(a.fingerprint));
}

static void it_is_made_anew_before_it_ends(void **state)
{
    struct weir_tls_pem a;
    struct weir_tls_pem b;
    (void)state;
    assert_int_equal(load(&a, NULL), WEIR_OK);
    now_s = a.not_after_s - WEIR_NODE_CERTIFICATE_LEAST_S;
    assert_int_equal(load(&b, NULL), WEIR_OK);
    assert_memory_equal(a.fingerprint, b.fingerprint, sizeof(a.fingerprint));
    now_s++;
    assert_int_equal(load(&b, NULL), WEIR_OK);
    assert_memory_not_equal(a.fingerprint, b.fingerprint, sizeof(a.fingerprint));
}

static void a_check_makes_nothing(void **state)
{
    struct weir_tls_pem p;
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    (void)state;
    assert_int_equal(weir_node_certificate_check(&config, now_s, &p, &why), WEIR_ENOTFOUND);
    assert_int_equal(why.len, 0);
    assert_int_not_equal(access(own, F_OK), 0);
}

/* Whatever is there is never replaced unseen: an operator may have put it there. */
static void a_damaged_one_is_named_and_stays(void **state)
{
    struct weir_tls_pem p;
    (void)state;
    assert_int_equal(load(&p, NULL), WEIR_OK);
    assert_int_equal(truncate(own, 300), 0);
    assert_int_equal(load(&p, "remove it, and the node makes a new one"), WEIR_EINVAL);
    struct stat st;
    assert_int_equal(stat(own, &st), 0);
    assert_int_equal(st.st_size, 300);
}

static void the_operators_own_is_taken(void **state)
{
    struct weir_tls_pem p;
    (void)state;
    give();
    assert_int_equal(load(&p, NULL), WEIR_OK);
    assert_int_not_equal(access(own, F_OK), 0); /* and none is made beside it */
}

static void what_is_wrong_with_files_is_named(void **state)
{
    struct weir_tls_pem p;
    (void)state;
    give();
    assert_int_equal(chmod(key, 0604), 0);
    assert_int_equal(load(&p, "admin.tls.key: "), WEIR_EINVAL);
    assert_int_equal(chmod(key, 0640), 0);
    assert_int_equal(load(&p, NULL), WEIR_OK);
    config.admin_key = given;
    assert_int_equal(chmod(given, 0600), 0);
    assert_int_equal(load(&p, "no private key"), WEIR_EINVAL);
    config.admin_key = "/nowhere";
    assert_int_equal(load(&p, "admin.tls.key: /nowhere does not exist"), WEIR_EINVAL);
    config.admin_certificate = folder;
    assert_int_equal(load(&p, "is not a regular file"), WEIR_EINVAL);
    config.admin_certificate = "/nowhere";
    assert_int_equal(load(&p, "admin.tls.certificate: /nowhere does not exist"), WEIR_EINVAL);
    assert_int_equal(truncate(given, WEIR_NODE_CERTIFICATE_MAX + 1), 0);
    config.admin_certificate = given;
    assert_int_equal(load(&p, "larger than 256 KiB"), WEIR_EINVAL);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    struct weir_tls_pem p;
    char command[256];
    (void)state;
    give();
    config.admin_certificate = NULL;
    assert_int_equal(load(&p, NULL), WEIR_OK); /* a new one */
    snprintf(command, sizeof(command), "cp %s %s", own, key);
    assert_int_equal(system(command), 0);
    config.admin_certificate = given;
    assert_int_equal(load(&p, "does not belong to the certificate"), WEIR_EINVAL);
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
    struct weir_tls_pem p;
    (void)state;
    config.data = "/nowhere";
    assert_int_equal(load(&p, "admin.listen: /nowhere/admin.crt cannot be written"), WEIR_EIO);
}

static void no_memory_at_any_point_is_survived(void **state)
{
    struct weir_tls_pem p;
    (void)state;
    for (long n = 1;; n++) {
        struct weir_strbuf why = WEIR_STRBUF_ZERO;
        (void)unlink(own);
        weir_failalloc_once(n);
        enum weir_err err = weir_node_certificate_load(&config, now_s, &p, &why);
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        weir_strbuf_deinit(&why);
        if (err == WEIR_OK)
            weir_tls_identity_unref(p.identity);
        assert_true(!over || err == WEIR_OK);
        if (over)
            break;
    }
    assert_int_equal(mode_of(own), 0600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_once_and_found_again),
        TEST(it_is_made_anew_before_it_ends),
        TEST(a_check_makes_nothing),
        TEST(a_damaged_one_is_named_and_stays),
        TEST(the_operators_own_is_taken),
        TEST(what_is_wrong_with_files_is_named),
        TEST(a_key_of_another_certificate_is_refused),
        TEST(a_folder_that_cannot_be_written_is_named),
        TEST(no_memory_at_any_point_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
