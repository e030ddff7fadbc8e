/* SPDX-License-Identifier: Apache-2.0
 *
 * backtrace.c - the unwinder is glibc's; the names come from the symbol table of the program's own
 * file. backtrace_symbols_fd knows only exported functions, and exporting all of them (-rdynamic)
 * would keep link-time optimisation from inlining them.
 * Ref: System V ABI, chapters 4 and 5 (ELF).
 */
#include "node/base/internal/backtrace.h"

#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "node/base/internal/raw_text.h"

/* Set by the linker: the program as it lies in memory. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[];

/* The program's file, mapped. The zero state has no symbols. */
struct symbols {
    const uint8_t *file;
    size_t file_len;
    const ElfW(Sym) * table;
    size_t num;
    const char *names;
    size_t names_len;
};

static bool is_inside(const struct symbols *s, uint64_t at, uint64_t len)
{
    return at <= s->file_len && len <= s->file_len - at;
}

/* The table of symbols and the table of their names. The file is the running program, but a read
 * outside of it would hide the fault that is being reported. */
static void find_symbol_table(struct symbols *s)
{
    const ElfW(Ehdr) *head = (const void *)s->file;

    if (!is_inside(s, 0, sizeof(*head)) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_shentsize != sizeof(ElfW(Shdr)) ||
        !is_inside(s, head->e_shoff, (uint64_t)head->e_shnum * sizeof(ElfW(Shdr))))
        return;
    const ElfW(Shdr) *sections = (const void *)(s->file + head->e_shoff);
    for (size_t i = 0; i < head->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= head->e_shnum)
            continue;
        const ElfW(Shdr) *names = &sections[table->sh_link];
        if (!is_inside(s, table->sh_offset, table->sh_size) ||
            !is_inside(s, names->sh_offset, names->sh_size))
            continue;
        s->table = (const void *)(s->file + table->sh_offset);
        s->num = table->sh_size / sizeof(*s->table);
        s->names = (const char *)s->file + names->sh_offset;
        s->names_len = names->sh_size;
        return;
    }
}

static void open_symbols(struct symbols *s)
{
    struct stat st;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            s->file = map;
            s->file_len = (size_t)st.st_size;
            find_symbol_table(s);
        }
    }
    (void)close(fd);
}

/* The function that holds `at`, an address as the file counts them. @return NULL: not known */
static const char *find_symbol(const struct symbols *s, uint64_t at, uint64_t *ret_offset)
{
    for (size_t i = 0; i < s->num; i++) {
        const ElfW(Sym) *sym = &s->table[i];
        if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || sym->st_shndx == SHN_UNDEF ||
            at < sym->st_value || at - sym->st_value >= sym->st_size ||
            sym->st_name >= s->names_len)
            continue;
        *ret_offset = at - sym->st_value;
        return s->names + sym->st_name;
    }
    return NULL;
}

static void write_frame(const struct symbols *s, size_t number, void *frame, int fd)
{
    struct weir_raw_text line = { .len = 0 };
    uintptr_t start = (uintptr_t)__ehdr_start;
    uintptr_t at = (uintptr_t)frame;
    uint64_t offset = 0;

    weir_raw_str(&line, "  #");
    weir_raw_num(&line, number, 10);
    weir_raw_str(&line, " ");
    if (at < start || at >= (uintptr_t)etext) {
        weir_raw_flush(&line, fd);
        backtrace_symbols_fd(&frame, 1, fd); /* in a library: its exported names must do */
        return;
    }
    /* A return address is behind its call, which may be the last instruction of its function. */
    const char *name = find_symbol(s, at - start - 1, &offset);
    weir_raw_str(&line, name == NULL ? "?" : name);
    weir_raw_str(&line, "+");
    weir_raw_num(&line, name == NULL ? 0 : offset + 1, 16);
    weir_raw_str(&line, " at ");
    weir_raw_num(&line, at - start, 16);
    weir_raw_write(&line, fd);
}

void weir_backtrace_prepare(void)
{
    void *frame = NULL;
    (void)backtrace(&frame, 1); /* loads the unwinder */
}

void weir_backtrace_write(int fd)
{
    void *frames[WEIR_BACKTRACE_MAX];
    struct symbols symbols = { .file = NULL };
    struct weir_raw_text head = { .len = 0 };
    int num = backtrace(frames, WEIR_BACKTRACE_MAX);

    open_symbols(&symbols);
    weir_raw_str(&head, "backtrace, innermost first; addr2line -fie weir ADDRESS gives the line:");
    weir_raw_write(&head, fd);
    for (int i = 1; i < num; i++) /* not this function itself */
        write_frame(&symbols, (size_t)i - 1, frames[i], fd);
    if (symbols.file != NULL)
        (void)munmap((void *)(uintptr_t)symbols.file, symbols.file_len);
}
