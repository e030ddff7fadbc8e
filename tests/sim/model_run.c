/* SPDX-License-Identifier: Apache-2.0
 *
 * model_run.c - the program weir-sim-model: random histories of the model, many seeds, one mutant
 * at a time. Exit 0: all hold; 1: one does not, and the last line says which and how to see it
 * again; 2: usage, or no resources.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/base/contract.h"
#include "tests/sim/runner/options.h"
#include "tests/sim/play.h"

#define JOBS_MAX   64
#define BLOCK_SIZE 2048 /* seeds between two looks at what the jobs found */

enum { EXIT_HOLDS = 0, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

struct options {
    uint64_t first;
    uint64_t last;
    enum weir_mutant mutant;
    const struct weir_regime *regime;
    uint32_t jobs;
    bool trace_hash;
    bool until_failure;
};

/* What one job found in its share of a block, or all of them so far. */
struct tally {
    uint64_t num_runs;
    uint64_t num_broken;
    uint64_t num_by_kind[WEIR_FINDING_COUNT];
    uint64_t num_resets;
    uint64_t first_broken; /* a seed; meaningful if num_broken > 0 */
    struct weir_finding finding;
};

static const char usage[] =
    "usage: weir-sim-model [--seeds A..B | --seed N] [--mutant NAME] [--regime NAME]\n"
    "                      [--jobs J] [--until-failure] [--trace-hash] [--list-mutants]\n"
    "\n"
    "  --seeds A..B     seeds to play (1..1000)\n"
    "  --seed N         the same as --seeds N..N\n"
    "  --mutant NAME    leave out a rule; a violation is then what should be found\n"
    "  --regime NAME    how histories are drawn; by default the one that suits the mutant\n"
    "  --jobs J         processes, 1..64 (1)\n"
    "  --until-failure  stop at the first violation\n"
    "  --trace-hash     print the hash of everything that happened in the one seed\n"
    "  --list-mutants   names, regimes and rules\n"
    "\n"
    "exit status: 0 all hold, 1 a violation (the last line replays it), 2 usage, or no resources\n";

static void tally_add(struct tally *all, const struct tally *more)
{
    if (more->num_broken > 0 && (all->num_broken == 0 || more->first_broken < all->first_broken)) {
        all->first_broken = more->first_broken;
        all->finding = more->finding;
    }
    for (size_t i = 0; i < WEIR_FINDING_COUNT; i++)
        all->num_by_kind[i] += more->num_by_kind[i];
    all->num_runs += more->num_runs;
    all->num_broken += more->num_broken;
    all->num_resets += more->num_resets;
}

/* Play seeds first, first + step, ... up to last. */
static struct tally play_share(const struct options *o, uint64_t first, uint64_t last,
                               uint64_t step)
{
    struct tally all = { 0 };
    struct weir_play *play = weir_play_new();

    if (play == NULL) {
        fprintf(stderr, "weir-sim-model: no memory\n");
        exit(EXIT_USAGE);
    }
    for (uint64_t seed = first; seed <= last; seed += step) {
        struct weir_play_result result = weir_play_run(play, seed, o->mutant, o->regime);
        bool broken = result.finding.kind != WEIR_FINDING_OK;
        struct tally one = {
            .num_runs = 1,
            .num_broken = broken,
            .num_resets = result.num_resets,
            .first_broken = seed,
            .finding = result.finding,
        };
        one.num_by_kind[result.finding.kind] = 1;
        tally_add(&all, &one);
        if (broken && o->until_failure)
            break;
        if (last - seed < step)
            break; /* seeds end at the last number there is */
    }
    weir_play_free(&play);
    return all;
}

/* Start one job; it writes its tally into the pipe and ends. @return the end to read from */
static int job_start(const struct options *o, uint64_t first, uint64_t last, pid_t *ret_pid)
{
    int ends[2];

    if (pipe(ends) < 0) {
        perror("weir-sim-model: pipe");
        exit(EXIT_USAGE);
    }
    *ret_pid = fork();
    if (*ret_pid < 0) {
        perror("weir-sim-model: fork");
        exit(EXIT_USAGE);
    }
    if (*ret_pid == 0) {
        struct tally found = play_share(o, first, last, o->jobs);
        ssize_t written = write(ends[1], &found, sizeof(found)); /* below PIPE_BUF: whole */
        _exit(written == (ssize_t)sizeof(found) ? 0 : 1);
    }
    close(ends[1]);
    return ends[0];
}

static struct tally play_block(const struct options *o, uint64_t first, uint64_t last)
{
    struct tally all = { 0 };
    pid_t pids[JOBS_MAX];
    int from[JOBS_MAX];
    uint32_t num_jobs = 0;

    if (o->jobs == 1)
        return play_share(o, first, last, 1);
    fflush(NULL);
    for (; num_jobs < o->jobs && num_jobs <= last - first; num_jobs++)
        from[num_jobs] = job_start(o, first + num_jobs, last, &pids[num_jobs]);
    for (uint32_t i = 0; i < num_jobs; i++) {
        struct tally found;
        int status;
        ssize_t got = read(from[i], &found, sizeof(found));
        close(from[i]);
        if (waitpid(pids[i], &status, 0) < 0 || status != 0 || got != (ssize_t)sizeof(found)) {
            printf("a job ended without a response; again: weir-sim-model --seeds %" PRIu64
                   "..%" PRIu64 " --mutant %s --regime %s\n",
                   first, last, weir_mutant_name(o->mutant), o->regime->name);
            exit(EXIT_BROKEN);
        }
        tally_add(&all, &found);
    }
    return all;
}

static void print_broken(const struct options *o, const struct tally *all)
{
    const struct weir_finding *f = &all->finding;

    printf("seed %" PRIu64 ": %s (node %zu, key %" PRIu32 ", dot %" PRIu32 ":%" PRIu64
           "); replay: weir-sim-model --seed %" PRIu64 " --mutant %s --regime %s\n",
           all->first_broken, weir_finding_text(f->kind), f->node, f->key, f->dot.lane, f->dot.seq,
           all->first_broken, weir_mutant_name(o->mutant), o->regime->name);
}

static int play_all(const struct options *o)
{
    struct tally all = { 0 };
    bool is_terminal = isatty(STDERR_FILENO) == 1;

    for (uint64_t first = o->first; first <= o->last;) {
        uint64_t last = o->last - first < BLOCK_SIZE ? o->last : first + BLOCK_SIZE - 1;
        struct tally found = play_block(o, first, last);
        tally_add(&all, &found);
        if (is_terminal)
            fprintf(stderr, "\r%" PRIu64 " played, %" PRIu64 " broken ", all.num_runs,
                    all.num_broken);
        if (last == o->last || (all.num_broken > 0 && o->until_failure))
            break;
        first = last + 1;
    }
    if (is_terminal)
        fputc('\n', stderr);
    printf("%s, %s: %" PRIu64 " played, %" PRIu64 " broken, %" PRIu64 " resets of stale nodes\n",
           weir_mutant_name(o->mutant), o->regime->name, all.num_runs, all.num_broken,
           all.num_resets);
    if (all.num_broken == 0)
        return EXIT_HOLDS;
    for (int i = WEIR_FINDING_OK + 1; i < WEIR_FINDING_COUNT; i++) {
        if (all.num_by_kind[i] > 0)
            printf("%8" PRIu64 " %s\n", all.num_by_kind[i],
                   weir_finding_text((enum weir_finding_kind)i));
    }
    print_broken(o, &all);
    return EXIT_BROKEN;
}

static int print_trace_hash(const struct options *o)
{
    struct weir_play *play = weir_play_new();

    if (play == NULL) {
        fprintf(stderr, "weir-sim-model: no memory\n");
        return EXIT_USAGE;
    }
    struct weir_play_result result = weir_play_run(play, o->first, o->mutant, o->regime);
    weir_play_free(&play);
    printf("%016" PRIx64 "\n", result.trace_hash);
    return EXIT_HOLDS;
}

static int list_mutants(void)
{
    for (int i = WEIR_MUTANT_NONE + 1; i < WEIR_MUTANT_COUNT; i++) {
        enum weir_mutant mutant = (enum weir_mutant)i;
        printf("%-12s %-11s %s\n", weir_mutant_name(mutant), weir_trial_of(mutant)->regime,
               weir_mutant_rule(mutant));
    }
    return EXIT_HOLDS;
}

/* One option with its value. @return whether both are right */
static bool take_option(struct options *o, int letter, const char *value)
{
    switch (letter) {
    case 's':
        return weir_sim_option_seeds(value, &o->first, &o->last);
    case 'n':
        return weir_sim_option_seed(value, &o->first, &o->last);
    case 'm':
        return weir_mutant_by_name(value, &o->mutant);
    case 'r':
        o->regime = weir_regime_by_name(value);
        return o->regime != NULL;
    case 'j':
        return weir_sim_option_number(value, 1, JOBS_MAX, &o->jobs);
    case 'u':
        o->until_failure = true;
        return true;
    case 't':
        o->trace_hash = true;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        { "seeds", required_argument, NULL, 's' },  { "seed", required_argument, NULL, 'n' },
        { "mutant", required_argument, NULL, 'm' }, { "regime", required_argument, NULL, 'r' },
        { "jobs", required_argument, NULL, 'j' },   { "until-failure", no_argument, NULL, 'u' },
        { "trace-hash", no_argument, NULL, 't' },   { "list-mutants", no_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    struct options o = { .first = 1, .last = 1000, .jobs = 1 };
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'l')
            return list_mutants();
        if (letter == 'h') {
            fputs(usage, stdout);
            return EXIT_HOLDS;
        }
        if (!take_option(&o, letter, optarg)) {
            if (letter != '?')
                fprintf(stderr, "weir-sim-model: no such value: %s\n", optarg);
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc || (o.trace_hash && o.first != o.last)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (o.regime == NULL)
        o.regime = weir_regime_by_name(weir_trial_of(o.mutant)->regime);
    WEIR_ASSERT(o.regime != NULL);
    return o.trace_hash ? print_trace_hash(&o) : play_all(&o);
}
