/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_run.c - the program weir-sim: simulated clusters, many seeds, one rule left out at a time.
 * Exit 0: all hold; 1: something does not, and the last line shows it again; 2: usage, or no
 * resources.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/base/contract.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim.h"

#define JOBS_MAX    64
#define BLOCK_SIZE  32 /* seeds of each job between two looks at what the jobs found */
#define SECONDS     60
#define SECONDS_MAX 86400
#define NODES_MIN   2
#define COMMAND_MAX 1024

enum { EXIT_HOLDS = 0, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

struct options {
    uint64_t first;
    uint64_t last;
    struct weir_sim_wish wish; /* its seed is not used */
    const char *mutant;        /* NULL: none */
    const char *scenario;
    uint32_t jobs;
    bool trace;
    bool trace_hash;
    bool shrink;
    bool until_failure;
};

/* What one job found in its share of a block, or all of them so far. */
struct found {
    uint64_t num_runs;
    uint64_t num_broken;
    struct weir_sim_tally tally;
    uint64_t first_broken; /* a seed; meaningful if num_broken > 0 */
    enum weir_sim_broken broken;
    char where[160];
};

static const char usage[] =
    "usage: weir-sim [--seeds A..B | --seed N] [--seconds S] [--nodes N] [--jobs J]\n"
    "                [--mutant NAME] [--off FEATURE,...] [--until-failure]\n"
    "       weir-sim --seed N --trace | --trace-hash\n"
    "       weir-sim --shrink N [--seconds S] [--nodes N] [--mutant NAME]\n"
    "       weir-sim --scenario NAME\n"
    "       weir-sim --list-mutants | --list-features | --list-scenarios\n"
    "\n"
    "Clusters of the real engine in virtual time, with whatever may go wrong; each seed\n"
    "draws its own kinds of trouble. Then all trouble ends, and the nodes must agree.\n"
    "\n"
    "  --seeds A..B     seeds to run (1..100)\n"
    "  --seed N         the same as --seeds N..N\n"
    "  --seconds S      virtual time of trouble, 1..86400 (60)\n"
    "  --nodes N        2..1000 (drawn by the seed)\n"
    "  --jobs J         processes, 1..64 (1)\n"
    "  --mutant NAME    leave out a rule; a violation is then what should be found\n"
    "  --off FEATURE,.. kinds of trouble that are not wanted\n"
    "  --until-failure  stop at the first violation\n"
    "  --trace          tell everything that happens in the one seed\n"
    "  --trace-hash     print the hash of all that\n"
    "  --shrink N       look for the smallest cluster in which seed N still fails\n"
    "  --scenario NAME  one measured run instead of random ones\n"
    "\n"
    "exit status: 0 all hold, 1 a violation (the last line replays it), 2 usage, or no resources\n";

/* -- what was found -- */

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

static void found_add(struct found *all, const struct found *more)
{
    if (more->num_broken > 0 && (all->num_broken == 0 || more->first_broken < all->first_broken)) {
        all->first_broken = more->first_broken;
        all->broken = more->broken;
        memcpy(all->where, more->where, sizeof(all->where));
    }
    all->num_runs += more->num_runs;
    all->num_broken += more->num_broken;
    tally_add(&all->tally, &more->tally);
}

static struct found run_one(const struct options *o, uint64_t seed, FILE *trace, uint64_t *ret_hash)
{
    struct weir_sim_wish wish = o->wish;

    wish.seed = seed;
    struct weir_sim_result r = weir_sim_run(&wish, trace);
    struct found one = {
        .num_runs = 1,
        .num_broken = r.finding.broken != WEIR_SIM_HOLDS,
        .tally = r.tally,
        .first_broken = seed,
        .broken = r.finding.broken,
    };
    memcpy(one.where, r.where, sizeof(one.where));
    *ret_hash = r.trace_hash;
    return one;
}

/* -- jobs -- */

/* Seeds first, first + step, ... up to last. */
static struct found run_share(const struct options *o, uint64_t first, uint64_t last)
{
    struct found all = { 0 };
    uint64_t hash;

    for (uint64_t seed = first; seed <= last; seed += o->jobs) {
        struct found one = run_one(o, seed, NULL, &hash);
        found_add(&all, &one);
        if (all.num_broken > 0 && o->until_failure)
            break;
        if (last - seed < o->jobs)
            break; /* seeds end at the last number there is */
    }
    return all;
}

/* Start one job; it writes what it found into the pipe and ends. @return the end to read from */
static int job_start(const struct options *o, uint64_t first, uint64_t last, pid_t *ret_pid)
{
    int ends[2];

    if (pipe(ends) < 0) {
        perror("weir-sim: pipe");
        exit(EXIT_USAGE);
    }
    *ret_pid = fork();
    if (*ret_pid < 0) {
        perror("weir-sim: fork");
        exit(EXIT_USAGE);
    }
    if (*ret_pid == 0) {
        struct found found = run_share(o, first, last);
        ssize_t written = write(ends[1], &found, sizeof(found)); /* below PIPE_BUF: whole */
        _exit(written == (ssize_t)sizeof(found) ? 0 : 1);
    }
    close(ends[1]);
    return ends[0];
}

static void job_end(int end, pid_t pid, struct found *all)
{
    struct found found;
    int status;
    ssize_t len = read(end, &found, sizeof(found));

    close(end);
    if (waitpid(pid, &status, 0) != pid || status != 0 || len != (ssize_t)sizeof(found)) {
        fprintf(stderr, "weir-sim: a job died; its seeds are among those being run\n");
        exit(EXIT_BROKEN);
    }
    found_add(all, &found);
}

static struct found run_block(const struct options *o, uint64_t first, uint64_t last)
{
    struct found all = { 0 };
    pid_t pids[JOBS_MAX];
    int ends[JOBS_MAX];
    uint32_t num = 0;

    if (o->jobs == 1)
        return run_share(o, first, last);
    for (; num < o->jobs && first + num <= last; num++)
        ends[num] = job_start(o, first + num, last, &pids[num]);
    for (uint32_t i = 0; i < num; i++)
        job_end(ends[i], pids[i], &all);
    return all;
}

/* -- what is printed -- */

static size_t add_off(char *out, size_t len, uint64_t off)
{
    const char *before = " --off ";

    for (unsigned f = 0; f < WEIR_SIM_FEATURES && len < COMMAND_MAX; f++) {
        if ((off >> f & 1) == 0)
            continue;
        len += (size_t)snprintf(out + len, COMMAND_MAX - len, "%s%s", before,
                                weir_sim_feature_name((enum weir_sim_feature)f));
        before = ",";
    }
    return len;
}

/* The command that shows one seed again. */
static void print_command(const struct options *o, const struct weir_sim_wish *wish)
{
    char text[COMMAND_MAX];
    size_t len = (size_t)snprintf(text, sizeof(text), "weir-sim --seed %" PRIu64 " --seconds %u",
                                  wish->seed, wish->seconds);

    if (wish->num_nodes > 0)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " --nodes %u", wish->num_nodes);
    if (o->mutant != NULL)
        len += (size_t)snprintf(text + len, sizeof(text) - len, " --mutant %s", o->mutant);
    (void)add_off(text, len, wish->off);
    printf("%s\n", text);
}

static void print_found(const struct options *o, const struct found *all)
{
    const struct weir_sim_tally *t = &all->tally;

    printf("%s: %" PRIu64 " seeds, %" PRIu64 " broken; %" PRIu64 " events, %" PRIu64
           " writes, %" PRIu64 " conflicts, %" PRIu64 " purged, %" PRIu64 " resets, %" PRIu64
           " repaired; equal after %" PRIu64 " ms on average\n",
           o->mutant != NULL ? o->mutant : "all rules", all->num_runs, all->num_broken,
           t->num_events, t->num_writes, t->num_conflicts, t->num_purged, t->num_resets,
           t->num_repaired, all->num_runs > 0 ? t->healed_us / 1000 / all->num_runs : 0);
}

static void print_broken(const struct options *o, const struct found *all)
{
    struct weir_sim_wish wish = o->wish;

    wish.seed = all->first_broken;
    printf("seed %" PRIu64 ": %s: %s\n", all->first_broken, weir_sim_broken_text(all->broken),
           all->where);
    print_command(o, &wish);
}

static int run_all(const struct options *o)
{
    struct found all = { 0 };
    bool is_terminal = isatty(STDERR_FILENO);
    uint64_t block = (uint64_t)BLOCK_SIZE * o->jobs;

    for (uint64_t first = o->first; first <= o->last;) {
        uint64_t last = o->last - first < block ? o->last : first + block - 1;
        struct found some = run_block(o, first, last);
        found_add(&all, &some);
        if (is_terminal)
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " broken ", all.num_runs,
                    o->last - o->first + 1, all.num_broken);
        if (last == o->last || (all.num_broken > 0 && o->until_failure))
            break;
        first = last + 1;
    }
    if (is_terminal)
        fputc('\n', stderr);
    print_found(o, &all);
    if (all.num_broken == 0)
        return EXIT_HOLDS;
    print_broken(o, &all);
    return EXIT_BROKEN;
}

static int run_seed(const struct options *o)
{
    uint64_t hash = 0;
    struct found one = run_one(o, o->first, o->trace ? stdout : NULL, &hash);

    if (o->trace_hash) {
        printf("%016" PRIx64 "\n", hash);
        return EXIT_HOLDS;
    }
    print_found(o, &one);
    if (one.num_broken == 0)
        return EXIT_HOLDS;
    print_broken(o, &one);
    return EXIT_BROKEN;
}

/* -- shrinking -- */

static bool fails(const struct weir_sim_wish *wish, uint32_t *ret_num_nodes)
{
    struct weir_sim_plan plan;
    struct weir_sim_result r = weir_sim_run(wish, NULL);

    weir_sim_plan_draw(wish, &plan);
    *ret_num_nodes = plan.num_nodes;
    return r.finding.broken != WEIR_SIM_HOLDS;
}

/* Try a smaller wish; keep it if it still fails. */
static bool keep(struct weir_sim_wish *best, const struct weir_sim_wish *smaller)
{
    uint32_t num_nodes;

    if (!fails(smaller, &num_nodes))
        return false;
    *best = *smaller;
    return true;
}

static bool shrink_once(struct weir_sim_wish *best, uint32_t num_nodes)
{
    struct weir_sim_wish smaller = *best;
    bool has_shrunk = false;

    smaller.seconds = best->seconds / 2;
    has_shrunk |= best->seconds > 1 && keep(best, &smaller);
    smaller = *best;
    smaller.num_nodes = (best->num_nodes > 0 ? best->num_nodes : num_nodes) - 1;
    has_shrunk |= smaller.num_nodes >= NODES_MIN && keep(best, &smaller);
    for (unsigned f = 0; f < WEIR_SIM_FEATURES; f++) {
        smaller = *best;
        smaller.off |= UINT64_C(1) << f;
        if (smaller.off != best->off && keep(best, &smaller))
            has_shrunk = true;
    }
    return has_shrunk;
}

static int shrink(const struct options *o)
{
    struct weir_sim_wish best = o->wish;
    uint32_t num_nodes = 0;

    best.seed = o->first;
    if (!fails(&best, &num_nodes)) {
        printf("seed %" PRIu64 " holds: nothing to shrink\n", o->first);
        return EXIT_HOLDS;
    }
    while (shrink_once(&best, num_nodes)) {
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%u s, %u nodes ", best.seconds, best.num_nodes);
    }
    struct weir_sim_result r = weir_sim_run(&best, NULL);
    printf("seed %" PRIu64 ": %s: %s\n", best.seed, weir_sim_broken_text(r.finding.broken),
           r.where);
    print_command(o, &best);
    return EXIT_BROKEN;
}

/* -- options -- */

static int list_mutants(void)
{
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++)
        printf("%-12s %s\n", weir_engine_rule_name((enum weir_engine_rule)i),
               weir_engine_rule_text((enum weir_engine_rule)i));
    return EXIT_HOLDS;
}

static int list_features(void)
{
    for (unsigned i = 0; i < WEIR_SIM_FEATURES; i++)
        printf("%s\n", weir_sim_feature_name((enum weir_sim_feature)i));
    return EXIT_HOLDS;
}

/* A number in decimal; `*ret_end` is what follows it. @return whether there was one */
static bool parse_number(const char *text, uint64_t *ret_number, const char **ret_end)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    *ret_number = number;
    *ret_end = end;
    return true;
}

static bool parse_seeds(struct options *o, const char *text)
{
    uint64_t first;
    uint64_t last;
    const char *end;

    if (!parse_number(text, &first, &end) || strncmp(end, "..", 2) != 0)
        return false;
    if (!parse_number(end + 2, &last, &end) || *end != '\0' || last < first)
        return false;
    o->first = first;
    o->last = last;
    return true;
}

static bool parse_seed(struct options *o, const char *text)
{
    const char *end;

    if (!parse_number(text, &o->first, &end) || *end != '\0')
        return false;
    o->last = o->first;
    return true;
}

static bool parse_in(const char *text, uint64_t least, uint64_t most, uint32_t *ret)
{
    uint64_t number;
    const char *end;

    if (!parse_number(text, &number, &end) || *end != '\0' || number < least || number > most)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool parse_mutant(struct options *o, const char *text)
{
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++) {
        if (strcmp(text, weir_engine_rule_name((enum weir_engine_rule)i)) != 0)
            continue;
        o->mutant = weir_engine_rule_name((enum weir_engine_rule)i);
        o->wish.without = UINT32_C(1) << i;
        return true;
    }
    return false;
}

static bool parse_off(struct options *o, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        enum weir_sim_feature f;
        if (!weir_sim_feature_by_name(weir_span(text, len), &f))
            return false;
        o->wish.off |= UINT64_C(1) << f;
        text += len + (text[len] == ',');
    }
    return true;
}

/* One option with its value. @return whether both are right */
static bool take_option(struct options *o, int letter, const char *value)
{
    switch (letter) {
    case 's':
        return parse_seeds(o, value);
    case 'n':
        return parse_seed(o, value);
    case 'S':
        return parse_in(value, 1, SECONDS_MAX, &o->wish.seconds);
    case 'N':
        return parse_in(value, NODES_MIN, WEIR_SIM_NODES_MAX, &o->wish.num_nodes);
    case 'j':
        return parse_in(value, 1, JOBS_MAX, &o->jobs);
    case 'm':
        return parse_mutant(o, value);
    case 'o':
        return parse_off(o, value);
    case 'k':
        o->shrink = true;
        return parse_seed(o, value);
    case 'c':
        o->scenario = value;
        return weir_sim_has_scenario(value);
    default:
        break;
    }
    o->until_failure = o->until_failure || letter == 'u';
    o->trace = o->trace || letter == 'T';
    o->trace_hash = o->trace_hash || letter == 't';
    return letter == 'u' || letter == 'T' || letter == 't';
}

static int bad_usage(const char *value)
{
    if (value != NULL)
        fprintf(stderr, "weir-sim: no such value: %s\n", value);
    fputs(usage, stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        { "seeds", required_argument, NULL, 's' },
        { "seed", required_argument, NULL, 'n' },
        { "seconds", required_argument, NULL, 'S' },
        { "nodes", required_argument, NULL, 'N' },
        { "jobs", required_argument, NULL, 'j' },
        { "mutant", required_argument, NULL, 'm' },
        { "off", required_argument, NULL, 'o' },
        { "shrink", required_argument, NULL, 'k' },
        { "scenario", required_argument, NULL, 'c' },
        { "until-failure", no_argument, NULL, 'u' },
        { "trace", no_argument, NULL, 'T' },
        { "trace-hash", no_argument, NULL, 't' },
        { "list-mutants", no_argument, NULL, 'l' },
        { "list-features", no_argument, NULL, 'f' },
        { "list-scenarios", no_argument, NULL, 'L' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .first = 1, .last = 100, .jobs = 1, .wish = { .seconds = SECONDS } };
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'l')
            return list_mutants();
        if (letter == 'f')
            return list_features();
        if (letter == 'L')
            return weir_sim_list_scenarios(stdout), EXIT_HOLDS;
        if (letter == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_USAGE : EXIT_HOLDS;
        if (!take_option(&o, letter, optarg))
            return bad_usage(letter != '?' ? optarg : NULL);
    }
    if (optind != argc || ((o.trace || o.trace_hash) && o.first != o.last))
        return bad_usage(NULL);
    if (o.scenario != NULL)
        return weir_sim_scenario(o.scenario, stdout) ? EXIT_HOLDS : EXIT_BROKEN;
    if (o.shrink)
        return shrink(&o);
    return o.first == o.last ? run_seed(&o) : run_all(&o);
}
