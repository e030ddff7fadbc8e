/* SPDX-License-Identifier: Apache-2.0
 *
 * contract.c - the end of a process whose code broke its own promise, and of one that a fault of
 * the processor ends. Allocation-free and lock-free once the handlers are installed, so that it
 * also works from a broken heap or under a held lock.
 */
#include "node/base/contract.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/base/internal/backtrace.h"
#include "node/base/internal/raw_text.h"
#include "node/base/trace.h"

/* 64 KiB: the unwinder and the frames of the report. */
#define REPORT_STACK_LEN 65536

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Whether this thread is writing its report: a fault inside of it must not begin another. */
static _Thread_local volatile sig_atomic_t is_reporting;

static void write_stack_and_trace(void)
{
    weir_backtrace_write(STDERR_FILENO);
    weir_trace_dump(STDERR_FILENO);
}

/* The first line of a report. */
static void write_site(const struct weir_contract_site *site)
{
    struct weir_raw_text line = { .len = 0 };

    if (is_reporting)
        abort();
    is_reporting = 1;
    weir_raw_str(&line, "contract broken: ");
    weir_raw_str(&line, site->what);
    weir_raw_str(&line, " at ");
    weir_raw_str(&line, site->file);
    weir_raw_str(&line, ":");
    weir_raw_num(&line, (uint64_t)site->line, 10);
    weir_raw_str(&line, " in ");
    weir_raw_str(&line, site->function);
    weir_raw_write(&line, STDERR_FILENO);
}

void weir_contract_broken(const struct weir_contract_site *site)
{
    write_site(site);
    write_stack_and_trace();
    abort();
}

void weir_contract_broken_cmp(const struct weir_contract_site *site, uint64_t left, uint64_t right)
{
    struct weir_raw_text line = { .len = 0 };

    write_site(site);
    weir_raw_str(&line, "  left=");
    weir_raw_value(&line, left);
    weir_raw_str(&line, " right=");
    weir_raw_value(&line, right);
    weir_raw_write(&line, STDERR_FILENO);
    write_stack_and_trace();
    abort();
}

void weir_contract_broken_state(const struct weir_contract_site *site, const char *state,
                                const char *to)
{
    struct weir_raw_text line = { .len = 0 };

    write_site(site);
    weir_raw_str(&line, "  state=");
    weir_raw_str(&line, state);
    if (to != NULL) {
        weir_raw_str(&line, " to=");
        weir_raw_str(&line, to);
    }
    weir_raw_write(&line, STDERR_FILENO);
    write_stack_and_trace();
    abort();
}

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
static const char *const fatal_names[] = { "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE" };
_Static_assert(WEIR_ARRAY_LEN(fatal_signals) == WEIR_ARRAY_LEN(fatal_names), "a name for each");

static const char *signal_name(int sig)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fatal_signals); i++)
        if (fatal_signals[i] == sig)
            return fatal_names[i];
    return "a signal";
}

/* The disposition is the default one again by now (SA_RESETHAND). */
static void on_fatal_signal(int sig, siginfo_t *si, void *ucontext)
{
    struct weir_raw_text line = { .len = 0 };

    if (!is_reporting) {
        is_reporting = 1;
        weir_raw_str(&line, "fatal signal: ");
        weir_raw_str(&line, signal_name(sig));
        weir_raw_str(&line, " code=");
        weir_raw_value(&line, (uint64_t)(int64_t)si->si_code);
        weir_raw_str(&line, " address=");
        weir_raw_num(&line, (uint64_t)(uintptr_t)si->si_addr, 16);
        weir_raw_write(&line, STDERR_FILENO);
        write_stack_and_trace();
    }
    /* A fault of the processor comes again at the same instruction when this returns, and the core
     * shows it there. One that was sent (code <= 0) would not. */
    if (si->si_code <= 0)
        (void)raise(sig);
}

void weir_contract_install_handlers(void)
{
    static uint8_t stack[REPORT_STACK_LEN];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction action = { .sa_sigaction = on_fatal_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND };

    weir_backtrace_prepare();
    if (SANITIZED)
        return;
    /* Without one of these the process ends as it would have, only without its report. */
    (void)sigaltstack(&alternate, NULL);
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fatal_signals); i++)
        (void)sigaction(fatal_signals[i], &action, NULL);
}
