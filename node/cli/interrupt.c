/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.c - the handler only takes a note. Signals are blocked between the check and the sleep,
 * so that none is missed there.
 */
#include "node/cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/select.h>

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

/* Without SA_RESTART: a signal ends the wait for a response. */
void weir_interrupt_begin(struct weir_cli *cli)
{
    struct sigaction sa = { .sa_handler = on_signal };
    sigemptyset(&sa.sa_mask);
    signalled = 0;
    cli->client.interrupted = &signalled;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

bool weir_interrupt_has_come(void)
{
    return signalled != 0;
}

void weir_interrupt_sleep(uint64_t ms)
{
    struct timespec time = { .tv_sec = (time_t)(ms / 1000),
                             .tv_nsec = (long)(ms % 1000) * 1000000 };
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    if (signalled == 0)
        pselect(0, NULL, NULL, NULL, &time, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
