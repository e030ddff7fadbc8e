/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_files.c - see cert_files.h.
 */
#include "node/cli/certs/cert_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/wire/tls_hash.h"

#define CHUNK        16384
#define PASSWORD_MAX 1024 /* bytes */

static enum weir_err fd_read(int fd, struct weir_strbuf *out, const char **ret_why)
{
    uint8_t chunk[CHUNK];
    ssize_t len = 0;

    out->secret = true;
    out->max = WEIR_CERT_FILE_MAX + 1;
    while ((len = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        weir_strbuf_add(out, weir_span(chunk, (size_t)len));
    *ret_why = len < 0 ? strerrordesc_np(errno) : "is larger than 512 KiB";
    weir_wipe(chunk, sizeof(chunk));
    if (len < 0)
        return WEIR_EIO;
    return out->failed || out->len > WEIR_CERT_FILE_MAX ? WEIR_ELIMIT : WEIR_OK;
}

enum weir_err weir_cert_file_read(const char *name, struct weir_strbuf *out, const char **ret_why)
{
    struct stat st;

    if (strcmp(name, "-") == 0)
        return fd_read(STDIN_FILENO, out, ret_why);
    /* A FIFO, as of <(...), is read; O_NONBLOCK alone would take one without a writer for empty. */
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *ret_why = strerrordesc_np(errno);
        return WEIR_EIO;
    }
    enum weir_err err = WEIR_OK;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        *ret_why = "is a folder";
        err = WEIR_EINVAL;
    } else {
        err = fd_read(fd, out, ret_why);
    }
    close(fd);
    return err;
}

enum weir_err weir_cert_file_add(struct weir_cert_reader *r, const char *name, const char *password,
                                 struct weir_cert_notes *notes)
{
    struct weir_strbuf bytes = WEIR_STRBUF_ZERO;
    const char *why = NULL;

    enum weir_err err = weir_cert_file_read(name, &bytes, &why);
    if (err == WEIR_OK) {
        struct weir_cert_file file = { .name = name,
                                       .bytes = weir_span(bytes.at, bytes.len),
                                       .password = password };
        err = weir_cert_reader_add(r, &file, notes);
    } else if (err != WEIR_ENOMEM) {
        weir_cert_note(notes, WEIR_CERT_FAULT, "%s: %s", name, why);
        err = WEIR_OK;
    }
    weir_strbuf_deinit(&bytes);
    return err;
}

enum weir_exit weir_cert_password_read(struct weir_cli *cli, struct weir_strbuf *out)
{
    const char *why = NULL;
    const char *name = cli->options.password_file;

    if (name == NULL)
        return WEIR_EXIT_OK;
    enum weir_err err = weir_cert_file_read(name, out, &why);
    if (err == WEIR_ENOMEM)
        return weir_cli_no_memory(cli);
    if (err < 0) {
        weir_cli_error(cli, "--password-file: %s: %s", name, why);
        return WEIR_EXIT_FAILED;
    }
    const uint8_t *end = out->len > 0 ? memchr(out->at, '\n', out->len) : NULL;
    if (end != NULL)
        out->len = (size_t)(end - (const uint8_t *)out->at);
    if (out->len > 0 && out->at[out->len - 1] == '\r')
        out->len--;
    if (out->len == 0 || out->len > PASSWORD_MAX || memchr(out->at, '\0', out->len) != NULL) {
        weir_cli_error(cli, "--password-file: %s: its first line is no password of 1..%d bytes",
                       name, PASSWORD_MAX);
        return WEIR_EXIT_FAILED;
    }
    out->at[out->len] = '\0';
    return WEIR_EXIT_OK;
}

void weir_cert_notes_show(struct weir_cli *cli, const char *label,
                          const struct weir_cert_notes *notes)
{
    for (size_t i = 0; i < notes->num; i++) {
        const struct weir_cert_note *n = &notes->items[i];
        bool doubt = n->gravity == WEIR_CERT_DOUBT;

        weir_cli_error(
            cli, "%s%s%s%s%s", label != NULL ? label : "", label != NULL ? ": " : "",
            n->gravity == WEIR_CERT_WARNING || (doubt && cli->options.force) ? "warning: " : "",
            n->text, doubt && !cli->options.force ? " (--force adds it all the same)" : "");
    }
    size_t all = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(notes->counts); i++)
        all += notes->counts[i];
    if (all > notes->num)
        weir_cli_error(cli, "and %zu more", all - notes->num);
}
