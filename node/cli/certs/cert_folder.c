/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_folder.c - weir cert add --dir: every file below a folder is looked at once; what belongs
 * together is found by content: a certificate and its key by their public key, issuers by name.
 * Then each certificate that has a key is read again, checked and sent. What fails is listed, the
 * rest goes on. Limits: PARTS_MAX certificates and keys; one file and one batch are held at a time,
 * beside the issuers.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/cli/api.h"
#include "node/cli/certs/cert_add.h"
#include "node/cli/certs/cert_files.h"
#include "node/cli/certs/cert_upload.h"
#include "node/cli/docs/visited.h"
#include "node/cli/interrupt.h"
#include "node/cli/text/render.h"
#include "node/wire/tls_hash.h"

#define PARTS_MAX     1000000
#define DEPTH_MAX     16  /* folders within folders */
#define FAULTS_SHOWN  200 /* lines of what failed */
#define PROGRESS_EACH 32

/** A certificate or a key of some file. */
struct part {
    uint8_t pair[32];
    uint8_t subject[32], issuer[32];
    uint8_t id[32]; /* of a certificate: a hash of it */
    char *file;     /* the list's */
    uint8_t *der;   /* owns; of a certificate */
    size_t der_len;
    bool is_ca;
    bool used; /* of a key: some certificate is its own; of a CA: it signed another one */
};

struct parts {
    struct part *items; /* owns */
    size_t num, max;
};

/** One run. */
struct folder {
    struct weir_cli *cli;
    struct weir_cert_reader *reader;
    struct weir_cert_notes notes;
    struct weir_strbuf password;
    struct weir_cert_uploads uploads;
    struct weir_visited visited;
    struct parts certs, keys;
    char **files; /* owns, each */
    size_t num_files, max_files;
    uint64_t num_done; /* certificates that were sent or failed */
    uint64_t num_failed;
    uint64_t num_shown;
    uint64_t start_ns;
    enum weir_exit code; /* of what ends the run */
};

static void failed_memory(struct folder *f)
{
    if (f->code == WEIR_EXIT_OK)
        f->code = weir_cli_no_memory(f->cli);
}

static bool grow(void *items, size_t *max, size_t num, size_t size)
{
    void **at = items;

    if (num < *max)
        return true;
    size_t more = *max > 0 ? *max * 2 : 256;
    void *bigger = num < PARTS_MAX ? realloc(*at, more * size) : NULL;
    if (bigger == NULL)
        return false;
    *at = bigger;
    *max = more;
    return true;
}

/* -- what is said -- */

static void progress_show(const struct folder *f, bool force)
{
    if (!isatty(fileno(f->cli->err)) || (!force && f->num_done % PROGRESS_EACH != 0))
        return;
    fprintf(f->cli->err, "\r\033[K%llu of %zu certificates", (unsigned long long)f->num_done,
            f->certs.num);
    fflush(f->cli->err);
}

static void progress_clear(const struct folder *f)
{
    if (isatty(fileno(f->cli->err)))
        fputs("\r\033[K", f->cli->err);
}

static void failure_show(struct folder *f, const char *label, const char *text)
{
    if (f->num_shown++ >= FAULTS_SHOWN)
        return;
    progress_clear(f);
    weir_cli_error(f->cli, "%s: %s", label, text);
}

static void notes_show(struct folder *f, const char *label, bool warnings)
{
    for (size_t i = 0; i < f->notes.num; i++) {
        const struct weir_cert_note *n = &f->notes.items[i];
        char text[WEIR_CERT_NOTE_TEXT_MAX + 48];
        bool is_warning = n->gravity == WEIR_CERT_WARNING;

        if (is_warning && !warnings)
            continue;
        snprintf(text, sizeof(text), "%s%s%s", is_warning ? "warning: " : "", n->text,
                 n->gravity == WEIR_CERT_DOUBT ? " (--force adds it all the same)" : "");
        failure_show(f, label, text);
    }
}

static void on_result(void *arg, const Weir__V1__CertificateResult *r)
{
    struct folder *f = arg;

    for (size_t i = 0; i < r->n_faults; i++)
        failure_show(f, r->label != NULL ? r->label : "?", r->faults[i]);
}

/* -- the first look -- */

static bool part_add(struct folder *f, const struct weir_cert_part *p, char *file)
{
    struct parts *list = p->is_key ? &f->keys : &f->certs;

    if (!grow(&list->items, &list->max, list->num, sizeof(*list->items)))
        return false;
    struct part *to = &list->items[list->num];
    *to = (struct part){ .file = file, .is_ca = p->is_ca, .der_len = p->der.len };
    memcpy(to->pair, p->pair, sizeof(to->pair));
    memcpy(to->subject, p->subject, sizeof(to->subject));
    memcpy(to->issuer, p->issuer, sizeof(to->issuer));
    if (!p->is_key) {
        weir_sha256(p->der, to->id);
        to->der = malloc(p->der.len + 1);
        if (to->der == NULL)
            return false;
        memcpy(to->der, p->der.at, p->der.len);
    }
    list->num++;
    return true;
}

/* Folders have other files, too: one that holds nothing of ours counts only when its name says that
 * it should. */
static bool is_named_so(const char *name)
{
    static const char *const tails[] = { ".pem", ".crt", ".cer", ".der", ".key",
                                         ".p7b", ".p7c", ".p12", ".pfx", ".chain" };
    struct weir_span s = weir_span_cstr(name);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(tails); i++) {
        size_t len = strlen(tails[i]);
        if (s.len > len &&
            weir_span_eq_nocase(weir_span_from(s, s.len - len), weir_span_cstr(tails[i])))
            return true;
    }
    return false;
}

static void file_look(struct folder *f, char *name)
{
    struct weir_cert_part part;
    size_t num = 0;

    weir_cert_reader_reset(f->reader);
    weir_cert_notes_init(&f->notes);
    if (weir_cert_file_add(f->reader, name, f->password.at, &f->notes) < 0) {
        failed_memory(f);
        return;
    }
    for (; weir_cert_reader_part(f->reader, num, &part); num++)
        if ((!part.is_key && part.der.len == 0) || !part_add(f, &part, name)) {
            failed_memory(f);
            return;
        }
    if (f->notes.counts[WEIR_CERT_FAULT] == 0 || (num == 0 && !is_named_so(name)))
        return;
    f->num_failed++;
    for (size_t i = 0; i < f->notes.num; i++) /* they begin with the name */
        if (f->notes.items[i].gravity == WEIR_CERT_FAULT && f->num_shown++ < FAULTS_SHOWN)
            weir_cli_error(f->cli, "%s", f->notes.items[i].text);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_candidate(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void folder_walk(struct folder *f, const char *path, unsigned depth);

static void entry_look(struct folder *f, const char *folder, const char *name, unsigned depth)
{
    struct stat st;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        failed_memory(f);
        return;
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (weir_visited_add(&f->visited, &st) == WEIR_OK)
            folder_walk(f, path, depth + 1);
    } else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        if (!grow(&f->files, &f->max_files, f->num_files, sizeof(*f->files))) {
            free(path);
            failed_memory(f);
            return;
        }
        f->files[f->num_files++] = path;
        file_look(f, path);
        return; /* parts name it */
    }
    free(path);
}

static void folder_walk(struct folder *f, const char *path, unsigned depth)
{
    struct dirent **entries = NULL;
    int num = depth > DEPTH_MAX ? -1 : scandir(path, &entries, is_candidate, by_name);

    if (num < 0) {
        f->num_failed++;
        failure_show(f, path,
                     depth > DEPTH_MAX ? "too many folders within each other"
                                       : strerrordesc_np(errno));
        return;
    }
    for (int i = 0; i < num; i++) {
        if (f->code == WEIR_EXIT_OK && !weir_interrupt_has_come())
            entry_look(f, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
}

/* -- what belongs together -- */

static int by_pair(const void *a, const void *b)
{
    return memcmp(((const struct part *)a)->pair, ((const struct part *)b)->pair, 32);
}

/* The first key of this public key; keys are sorted. */
static struct part *key_find(struct folder *f, const uint8_t pair[32])
{
    struct part wanted;

    memcpy(wanted.pair, pair, 32);
    return f->keys.num > 0 ? bsearch(&wanted, f->keys.items, f->keys.num, sizeof(wanted), by_pair)
                           : NULL;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct part *)a)->id, ((const struct part *)b)->id, 32);
}

static void part_free(struct part *p)
{
    free(p->der);
    p->der = NULL;
}

/* One certificate may be in many files. The first by name stays. */
static void certs_dedup(struct folder *f)
{
    size_t num = 0;

    if (f->certs.num == 0)
        return;
    qsort(f->certs.items, f->certs.num, sizeof(struct part), by_id);
    for (size_t i = 0; i < f->certs.num; i++) {
        struct part *p = &f->certs.items[i];
        if (num > 0 && by_id(&f->certs.items[num - 1], p) == 0) {
            if (strcmp(p->file, f->certs.items[num - 1].file) < 0)
                f->certs.items[num - 1].file = p->file;
            part_free(p);
        } else {
            f->certs.items[num++] = *p;
        }
    }
    f->certs.num = num;
}

static int by_file(const void *a, const void *b)
{
    const struct part *x = a;
    const struct part *y = b;
    int c = strcmp(x->file, y->file);

    return c != 0 ? c : by_id(a, b);
}

static int by_subject(const void *a, const void *b)
{
    return memcmp((*(struct part *const *)a)->subject, (*(struct part *const *)b)->subject, 32);
}

/** Certificates that may sign others, by subject. */
struct issuers {
    struct part **items; /* owns */
    size_t num;
};

static bool issuers_fill(struct folder *f, struct issuers *ret)
{
    ret->items = calloc(f->certs.num + 1, sizeof(struct part *));
    if (ret->items == NULL)
        return false;
    for (size_t i = 0; i < f->certs.num; i++)
        if (f->certs.items[i].is_ca)
            ret->items[ret->num++] = &f->certs.items[i];
    if (ret->num > 1)
        qsort(ret->items, ret->num, sizeof(struct part *), by_subject);
    return true;
}

/* The first of this subject; *ret_num of them. */
static struct part **issuers_find(const struct issuers *all, const uint8_t subject[32],
                                  size_t *ret_num)
{
    size_t low = 0;
    size_t high = all->num;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(all->items[mid]->subject, subject, 32) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (*ret_num = 0; low + *ret_num < all->num &&
                       memcmp(all->items[low + *ret_num]->subject, subject, 32) == 0;)
        ++*ret_num;
    return all->items + low;
}

/* -- one certificate -- */

static enum weir_err der_add(struct folder *f, const struct part *p)
{
    struct weir_cert_file file = { .name = p->file, .bytes = weir_span(p->der, p->der_len) };

    return weir_cert_reader_add(f->reader, &file, &f->notes);
}

/* The issuers of a certificate, and theirs. */
static enum weir_err issuers_add(struct folder *f, const struct issuers *all,
                                 const struct part *leaf)
{
    const uint8_t *wanted = leaf->issuer;
    enum weir_err err = WEIR_OK;

    for (unsigned level = 0; level < WEIR_TLS_CHAIN_MAX && err == WEIR_OK; level++) {
        size_t num = 0;
        struct part **found = issuers_find(all, wanted, &num);
        for (size_t i = 0; i < num && i < 8 && err == WEIR_OK; i++)
            if (found[i] != leaf)
                err = der_add(f, found[i]);
        if (num == 0 || memcmp(found[0]->issuer, found[0]->subject, 32) == 0)
            break;
        wanted = found[0]->issuer;
    }
    return err;
}

static void bundle_send(struct folder *f, const struct weir_cert_bundle *b, const char *label)
{
    Weir__V1__CertificateUpload in = WEIR__V1__CERTIFICATE_UPLOAD__INIT;

    in.tenant = (char *)(uintptr_t)f->cli->options.tenant;
    in.label = (char *)(uintptr_t)label;
    f->code = weir_cert_uploads_add(&f->uploads, &in, b);
}

static void cert_send(struct folder *f, const struct issuers *all, const struct part *leaf,
                      const struct part *key)
{
    struct weir_cert_bundle bundle;
    struct weir_cert_rules rules = { .now_s = weir_clock_wall_ms() / 1000,
                                     .force = f->cli->options.force };

    weir_cert_reader_reset(f->reader);
    weir_cert_notes_init(&f->notes);
    enum weir_err err = der_add(f, leaf);
    if (err == WEIR_OK)
        err = weir_cert_file_add(f->reader, key->file, f->password.at, &f->notes);
    if (err == WEIR_OK)
        err = issuers_add(f, all, leaf);
    if (err == WEIR_OK)
        err = weir_cert_reader_finish(f->reader, &rules, &f->notes, &bundle);
    if (err == WEIR_ENOMEM) {
        failed_memory(f);
    } else if (err < 0) {
        f->num_failed++;
        notes_show(f, leaf->file, false);
    } else {
        if (f->cli->options.output == WEIR_OUTPUT_WIDE)
            notes_show(f, leaf->file, true);
        bundle_send(f, &bundle, leaf->file);
    }
}

/* "shop.crt" and "shop.key" are meant to be one pair. */
static bool is_sibling(const char *a, const char *b)
{
    const char *dot = strrchr(a, '.');
    size_t len = dot != NULL ? (size_t)(dot - a) : strlen(a);

    return strncmp(a, b, len) == 0 && b[len] == '.';
}

/* Keys that belong to no certificate. */
static void keys_judge(struct folder *f)
{
    for (size_t i = 0; i < f->keys.num; i++) {
        const struct part *k = &f->keys.items[i];
        const struct part *first = key_find(f, k->pair);
        if (k->used || (first != NULL && first->used))
            continue;
        f->num_failed++;
        failure_show(f, k->file, "the private key belongs to no certificate in the folder");
    }
}

static const char *sibling_key(const struct folder *f, const struct part *leaf)
{
    for (size_t i = 0; i < f->keys.num; i++)
        if (is_sibling(leaf->file, f->keys.items[i].file))
            return f->keys.items[i].file;
    return NULL;
}

/* A certificate without a key is a failure unless it is an issuer. */
static void cert_judge(struct folder *f, const struct part *leaf)
{
    char text[512];
    const char *sibling = sibling_key(f, leaf);

    if (leaf->is_ca)
        return;
    f->num_failed++;
    if (sibling != NULL)
        snprintf(text, sizeof(text), "the key in %s is of another certificate", sibling);
    else
        snprintf(text, sizeof(text), "no private key for it is in the folder");
    failure_show(f, leaf->file, text);
}

static void issuers_mark(struct folder *f, const struct issuers *all)
{
    for (size_t i = 0; i < f->certs.num; i++) {
        size_t num = 0;
        struct part **found = issuers_find(all, f->certs.items[i].issuer, &num);
        for (size_t k = 0; k < num; k++)
            if (found[k] != &f->certs.items[i])
                found[k]->used = true;
    }
}

static void certs_send(struct folder *f)
{
    struct issuers all = { .num = 0 };

    certs_dedup(f);
    if (f->certs.num > 0)
        qsort(f->certs.items, f->certs.num, sizeof(struct part), by_file);
    if (f->keys.num > 0)
        qsort(f->keys.items, f->keys.num, sizeof(struct part), by_pair);
    if (!issuers_fill(f, &all)) {
        failed_memory(f);
        return;
    }
    issuers_mark(f, &all);
    for (size_t i = 0; i < f->certs.num; i++) {
        struct part *leaf = &f->certs.items[i];
        struct part *key = leaf->is_ca && leaf->used ? NULL : key_find(f, leaf->pair);

        if (f->code != WEIR_EXIT_OK || weir_interrupt_has_come())
            break;
        if (key != NULL) {
            key->used = true;
            cert_send(f, &all, leaf, key);
        } else {
            cert_judge(f, leaf);
        }
        f->num_done++;
        progress_show(f, false);
    }
    free(all.items);
}

/* -- the whole -- */

static enum weir_exit summary_show(struct folder *f)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    uint64_t refused = f->num_failed + f->uploads.counts[WEIR_CERT_REFUSED];
    double seconds = (double)(weir_clock_mono_ns() - f->start_ns) / 1e9;

    progress_clear(f);
    if (f->num_shown > FAULTS_SHOWN)
        weir_cli_error(f->cli, "and %llu lines more",
                       (unsigned long long)f->num_shown - FAULTS_SHOWN);
    if (f->cli->options.output != WEIR_OUTPUT_NAME) {
        weir_cert_uploads_summary(&f->uploads, &out);
        weir_strbuf_printf(&out, "%s, in %.*f s\n", f->cli->options.dry_run ? " (dry run)" : "",
                           seconds < 1 ? 2 : 1, seconds);
    }
    enum weir_exit code = weir_render_out(f->cli, &out);
    if (refused == 0)
        return code;
    weir_cli_error(f->cli, "%llu failed; the others are added", (unsigned long long)refused);
    return WEIR_EXIT_FAILED;
}

static enum weir_exit folder_run(struct folder *f)
{
    struct stat st;
    const char *name = f->cli->options.dir;

    if (stat(name, &st) != 0 || !S_ISDIR(st.st_mode)) {
        weir_cli_error(f->cli, "--dir: %s: %s", name,
                       errno != 0 && stat(name, &st) != 0 ? strerrordesc_np(errno)
                                                          : "is no folder");
        return WEIR_EXIT_FAILED;
    }
    if (weir_visited_add(&f->visited, &st) < 0)
        failed_memory(f);
    else
        folder_walk(f, name, 1);
    if (f->code == WEIR_EXIT_OK)
        certs_send(f);
    if (f->code == WEIR_EXIT_OK && !weir_interrupt_has_come()) {
        keys_judge(f);
        f->code = weir_cert_uploads_send(&f->uploads);
    }
    if (f->code == WEIR_EXIT_OK && f->certs.num + f->keys.num + f->num_failed == 0) {
        weir_cli_error(f->cli, "--dir: %s: no certificate is in it", name);
        return WEIR_EXIT_FAILED;
    }
    if (f->code != WEIR_EXIT_OK || weir_interrupt_has_come()) {
        progress_clear(f);
        weir_cli_error(f->cli, "ended early. Run it again: what is there stays unchanged");
        return f->code != WEIR_EXIT_OK ? f->code : WEIR_EXIT_FAILED;
    }
    return summary_show(f);
}

static void parts_free(struct parts *p)
{
    for (size_t i = 0; i < p->num; i++)
        part_free(&p->items[i]);
    free(p->items);
}

enum weir_exit weir_cert_add_folder(struct weir_cli *cli)
{
    struct folder *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return weir_cli_no_memory(cli);
    f->cli = cli;
    f->password = WEIR_STRBUF_ZERO;
    f->start_ns = weir_clock_mono_ns();
    weir_visited_init(&f->visited);
    weir_cert_uploads_init(&f->uploads, cli, on_result, f);
    enum weir_exit code = weir_cert_password_read(cli, &f->password);
    if (code == WEIR_EXIT_OK && weir_cert_reader_new(&f->reader) < 0)
        code = weir_cli_no_memory(cli);
    if (code == WEIR_EXIT_OK)
        code = weir_api_begin(cli);
    if (code == WEIR_EXIT_OK) {
        weir_interrupt_begin(cli);
        code = folder_run(f);
    }
    weir_cert_uploads_deinit(&f->uploads);
    weir_cert_reader_free(&f->reader);
    weir_strbuf_deinit(&f->password);
    weir_visited_deinit(&f->visited);
    parts_free(&f->certs);
    parts_free(&f->keys);
    for (size_t i = 0; i < f->num_files; i++)
        free(f->files[i]);
    free(f->files);
    free(f);
    return code;
}
