/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs.c - processes that run seeds.
 */
#include "tests/sim/runner/jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_SIZE  128 /* seeds between two collections of what the jobs found */
#define EXIT_USAGE  2
#define NODES_LEAST 2

/* What a job leaves behind: its share of a block so far. Lies in memory that outlives it. */
struct desk {
    uint64_t seed; /* the one that it is at */
    struct weir_sim_score score;
};

static void stop(const char *what)
{
    fprintf(stderr, "weir-sim: ");
    perror(what);
    exit(EXIT_USAGE);
}

static void tally_add(struct weir_sim_tally *all, const struct weir_sim_tally *more)
{
    all->num_events += more->num_events;
    all->num_writes += more->num_writes;
    all->num_refused += more->num_refused;
    all->num_faults += more->num_faults;
    all->num_purged += more->num_purged;
    all->num_resets += more->num_resets;
    all->num_conflicts += more->num_conflicts;
    all->num_repaired += more->num_repaired;
    all->healed_us += more->healed_us;
}

static void score_add(struct weir_sim_score *all, const struct weir_sim_score *more)
{
    if (more->num_broken > 0 && (all->num_broken == 0 || more->broken_seed < all->broken_seed)) {
        all->broken_seed = more->broken_seed;
        all->has_died = more->has_died;
        all->finding = more->finding;
        memcpy(all->where, more->where, sizeof(all->where));
    }
    for (size_t i = 0; i < WEIR_SIM_BROKEN_COUNT; i++)
        all->num_kinds[i] += more->num_kinds[i];
    all->num_runs += more->num_runs;
    all->num_broken += more->num_broken;
    tally_add(&all->tally, &more->tally);
}

static void run_one(const struct weir_sim_series *s, struct desk *d)
{
    struct weir_sim_wish wish = s->wish;

    wish.seed = d->seed;
    struct weir_sim_result r = weir_sim_run(&wish, NULL);
    struct weir_sim_score one = {
        .num_runs = 1,
        .num_broken = r.finding.broken != WEIR_SIM_HOLDS,
        .tally = r.tally,
        .broken_seed = d->seed,
        .finding = r.finding,
    };
    one.num_kinds[r.finding.broken] = 1;
    memcpy(one.where, r.where, sizeof(one.where));
    score_add(&d->score, &one);
}

static void run_share(const struct weir_sim_series *s, struct desk *d, uint64_t first,
                      uint64_t last)
{
    for (d->seed = first; d->seed <= last; d->seed += s->jobs) {
        run_one(s, d);
        if (s->until_failure && d->score.num_broken > 0)
            break;
        if (last - d->seed < s->jobs)
            break; /* seeds end at the last number there is */
    }
}

static pid_t start(const struct weir_sim_series *s, struct desk *d, uint64_t first, uint64_t last)
{
    memset(d, 0, sizeof(*d));
    pid_t pid = fork();
    if (pid < 0)
        stop("fork");
    if (pid == 0) {
        run_share(s, d, first, last);
        exit(0); /* not _exit: leaks are looked for, and counts of coverage written, at exit */
    }
    return pid;
}

static void finish(pid_t pid, struct desk *d)
{
    int status;

    if (waitpid(pid, &status, 0) < 0)
        stop("waitpid");
    if (status == 0)
        return;
    struct weir_sim_score died = {
        .num_runs = 1,
        .num_broken = 1,
        .broken_seed = d->seed,
        .has_died = true,
    };
    score_add(&d->score, &died);
}

static void run_block(const struct weir_sim_series *s, uint64_t first, uint64_t last,
                      struct weir_sim_score *all)
{
    size_t len = WEIR_SIM_JOBS_MAX * sizeof(struct desk);
    struct desk *desks = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[WEIR_SIM_JOBS_MAX];
    uint32_t num = 0;

    if (desks == MAP_FAILED)
        stop("mmap");
    fflush(NULL);
    for (; num < s->jobs && num <= last - first; num++)
        pids[num] = start(s, &desks[num], first + num, last);
    for (uint32_t i = 0; i < num; i++) {
        finish(pids[i], &desks[i]);
        score_add(all, &desks[i].score);
    }
    munmap(desks, len);
}

void weir_sim_jobs_run(const struct weir_sim_series *s, struct weir_sim_score *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (uint64_t first = s->first; first <= s->last;) {
        uint64_t last = s->last - first < BLOCK_SIZE ? s->last : first + BLOCK_SIZE - 1;
        run_block(s, first, last, ret);
        if (s->shows_progress)
            fprintf(stderr, "\r%" PRIu64 " run, %" PRIu64 " broken ", ret->num_runs,
                    ret->num_broken);
        if (last == s->last || (ret->num_broken > 0 && s->until_failure))
            break;
        first = last + 1;
    }
    if (s->shows_progress)
        fputc('\n', stderr);
}

/* -- one failing seed -- */

void weir_sim_jobs_command(const struct weir_sim_wish *wish, FILE *out)
{
    char before = ' ';

    fprintf(out, "weir-sim --seed %" PRIu64 " --seconds %" PRIu32, wish->seed, wish->seconds);
    if (wish->num_nodes > 0)
        fprintf(out, " --nodes %" PRIu32, wish->num_nodes);
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++)
        if ((wish->without >> i & 1) != 0)
            fprintf(out, " --mutant %s", weir_engine_rule_name((enum weir_engine_rule)i));
    if (wish->off != 0)
        fprintf(out, " --off");
    for (unsigned i = 0; i < WEIR_SIM_FEATURES; i++) {
        if ((wish->off >> i & 1) == 0)
            continue;
        fprintf(out, "%c%s", before, weir_sim_feature_name((enum weir_sim_feature)i));
        before = ',';
    }
}

void weir_sim_jobs_print_broken(const struct weir_sim_wish *wish,
                                const struct weir_sim_score *score)
{
    struct weir_sim_wish again = *wish;

    again.seed = score->broken_seed;
    printf("seed %" PRIu64 ": %s%s; replay: ", score->broken_seed,
           score->has_died ? "the process died" : weir_sim_broken_text(score->finding.broken),
           score->where);
    weir_sim_jobs_command(&again, stdout);
    putchar('\n');
}

static bool fails(const struct weir_sim_wish *wish)
{
    struct weir_sim_series series = {
        .wish = *wish,
        .first = wish->seed,
        .last = wish->seed,
        .jobs = 1,
    };
    struct weir_sim_score score;

    weir_sim_jobs_run(&series, &score);
    return score.num_broken > 0;
}

/* Try a smaller wish. @return whether it still fails; then it is the wish */
static bool try_smaller(struct weir_sim_wish *wish, const struct weir_sim_wish *smaller)
{
    if (!fails(smaller))
        return false;
    *wish = *smaller;
    weir_sim_jobs_command(wish, stdout);
    putchar('\n');
    fflush(stdout);
    return true;
}

static bool shrink_numbers(struct weir_sim_wish *wish, uint32_t num_nodes)
{
    struct weir_sim_wish smaller = *wish;
    bool any = false;

    smaller.num_nodes = num_nodes / 2 > NODES_LEAST ? num_nodes / 2 : NODES_LEAST;
    if (smaller.num_nodes < num_nodes)
        any = try_smaller(wish, &smaller);
    smaller = *wish;
    smaller.num_nodes = num_nodes - 1;
    if (!any && smaller.num_nodes >= NODES_LEAST)
        any = try_smaller(wish, &smaller);
    smaller = *wish;
    smaller.seconds /= 2;
    if (smaller.seconds > 0)
        any = try_smaller(wish, &smaller) || any;
    return any;
}

static bool shrink_features(struct weir_sim_wish *wish, uint64_t features)
{
    bool any = false;

    for (unsigned i = 0; i < WEIR_SIM_FEATURES; i++) {
        struct weir_sim_wish smaller = *wish;
        smaller.off |= UINT64_C(1) << i;
        if ((features >> i & 1) != 0)
            any = try_smaller(wish, &smaller) || any;
    }
    return any;
}

bool weir_sim_jobs_shrink(struct weir_sim_wish *wish)
{
    struct weir_sim_plan plan;
    bool any = true;

    if (!fails(wish))
        return false;
    while (any) {
        weir_sim_plan_draw(wish, &plan);
        any = shrink_features(wish, plan.features);
        any = shrink_numbers(wish, plan.num_nodes) || any;
    }
    return true;
}
