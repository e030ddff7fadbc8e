/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_run.c - the program weir-sim: simulated clusters, many seeds, one mutant at a time.
 * Exit 0: all hold; 1: one does not, and the last line names it and how to see it again; 2:
 * usage, or no resources.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/runner/jobs.h"
#include "tests/sim/runner/options.h"
#include "tests/sim/runner/scenario.h"

enum { EXIT_HOLDS = 0, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

#define SECONDS     60
#define SECONDS_MAX 86400

enum action {
    ACTION_RUN,
    ACTION_TRACE,
    ACTION_HASH,
    ACTION_SHRINK,
    ACTION_MUTANTS,
    ACTION_SCENARIO,
};

struct options {
    struct weir_sim_series series;
    enum action action;
    const struct weir_sim_scenario *scenario;
};

static const char usage[] =
    "usage: weir-sim [--seeds A..B | --seed N] [--seconds S] [--nodes N] [--mutant NAME]\n"
    "                [--off FEATURE,...] [--jobs J] [--until-failure] [--trace | --trace-hash]\n"
    "       weir-sim --all-mutants | --shrink N | --scenario NAME\n"
    "       weir-sim --list-mutants | --list-features | --list-scenarios\n"
    "\n"
    "  --seeds A..B     seeds to run (1..100)\n"
    "  --seed N         the same as --seeds N..N\n"
    "  --seconds S      virtual seconds before the healing, 1..86400 (60)\n"
    "  --nodes N        nodes of each cluster, 2..1000 (the seed chooses 3..9)\n"
    "  --mutant NAME    leave out a rule; a violation is then what should be found\n"
    "  --off F,...      leave out features that the seed would have\n"
    "  --jobs J         processes, 1..64 (1)\n"
    "  --until-failure  stop at the first violation\n"
    "  --trace          print every event of the one seed\n"
    "  --trace-hash     print the hash of everything that happened in the one seed\n"
    "  --all-mutants    find for each rule the first of the seeds that shows it is missing\n"
    "  --shrink N       make the failing seed smaller: nodes, seconds, features\n"
    "  --scenario NAME  measure one large cluster or store against its bar\n"
    "\n"
    "exit status: 0 all hold, 1 a violation (the last line replays it), 2 usage, or no resources\n";

/* -- actions -- */

static void print_score(const struct options *o, const struct weir_sim_score *s)
{
    const struct weir_sim_tally *t = &s->tally;

    printf("%" PRIu64 " run, %" PRIu64 " broken: %" PRIu64 " writes, %" PRIu64 " refused, %" PRIu64
           " faults, %" PRIu64 " purged, %" PRIu64 " resets, %" PRIu64 " conflicts, %" PRIu64
           " repaired; equal %" PRIu64 " ms after the healing\n",
           s->num_runs, s->num_broken, t->num_writes, t->num_refused, t->num_faults, t->num_purged,
           t->num_resets, t->num_conflicts, t->num_repaired,
           s->num_runs > 0 ? t->healed_us / 1000 / s->num_runs : 0);
    for (int i = WEIR_SIM_HOLDS + 1; i < WEIR_SIM_BROKEN_COUNT; i++)
        if (s->num_kinds[i] > 0)
            printf("%8" PRIu64 " %s\n", s->num_kinds[i],
                   weir_sim_broken_text((enum weir_sim_broken)i));
    if (s->num_broken > 0)
        weir_sim_jobs_print_broken(&o->series.wish, s);
}

static int run_all(const struct options *o)
{
    struct weir_sim_score score;

    weir_sim_jobs_run(&o->series, &score);
    print_score(o, &score);
    return score.num_broken > 0 ? EXIT_BROKEN : EXIT_HOLDS;
}

static int run_traced(const struct options *o)
{
    struct weir_sim_wish wish = o->series.wish;

    wish.seed = o->series.first;
    struct weir_sim_result r = weir_sim_run(&wish, o->action == ACTION_TRACE ? stdout : NULL);
    printf("%016" PRIx64 "\n", r.trace_hash);
    if (o->action == ACTION_HASH)
        return EXIT_HOLDS;
    if (r.finding.broken == WEIR_SIM_HOLDS)
        return EXIT_HOLDS;
    struct weir_sim_score score = {
        .num_broken = 1,
        .broken_seed = wish.seed,
        .finding = r.finding,
    };
    memcpy(score.where, r.where, sizeof(score.where));
    weir_sim_jobs_print_broken(&wish, &score);
    return EXIT_BROKEN;
}

static int run_shrink(const struct options *o)
{
    struct weir_sim_wish wish = o->series.wish;

    wish.seed = o->series.first;
    if (!weir_sim_jobs_shrink(&wish)) {
        printf("seed %" PRIu64 " holds\n", wish.seed);
        return EXIT_HOLDS;
    }
    weir_sim_jobs_command(&wish, stdout);
    putchar('\n');
    return EXIT_BROKEN;
}

/* Each rule in turn is left out; the seeds must show it. */
static int run_mutants(const struct options *o)
{
    struct options one = *o;
    unsigned num_alive = 0;

    one.series.until_failure = true;
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++) {
        enum weir_engine_rule rule = (enum weir_engine_rule)i;
        struct weir_sim_score score;
        one.series.wish.without = UINT32_C(1) << i;
        weir_sim_jobs_run(&one.series, &score);
        if (score.num_broken > 0)
            printf("%-12s seed %" PRIu64 ": %s\n", weir_engine_rule_name(rule), score.broken_seed,
                   score.has_died ? "the process died"
                                  : weir_sim_broken_text(score.finding.broken));
        else
            printf("%-12s not noticed: %s\n", weir_engine_rule_name(rule),
                   weir_engine_rule_text(rule));
        fflush(stdout);
        num_alive += score.num_broken == 0;
    }
    printf("%u of %u mutants were noticed\n", WEIR_RULE_COUNT - num_alive, WEIR_RULE_COUNT);
    return num_alive > 0 ? EXIT_BROKEN : EXIT_HOLDS;
}

static int run_scenario(const struct options *o)
{
    return o->scenario->run() ? EXIT_HOLDS : EXIT_BROKEN;
}

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

static int list_scenarios(void)
{
    size_t num;
    const struct weir_sim_scenario *all = weir_sim_scenarios(&num);

    for (size_t i = 0; i < num; i++)
        printf("%-12s %s\n", all[i].name, all[i].text);
    return EXIT_HOLDS;
}

/* -- options -- */

static bool parse_mutant(struct options *o, const char *name)
{
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++) {
        if (strcmp(weir_engine_rule_name((enum weir_engine_rule)i), name) != 0)
            continue;
        o->series.wish.without |= UINT32_C(1) << i;
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
        o->series.wish.off |= UINT64_C(1) << f;
        text += len + (text[len] == ',');
    }
    return true;
}

static bool parse_scenario(struct options *o, const char *name)
{
    size_t num;
    const struct weir_sim_scenario *all = weir_sim_scenarios(&num);

    o->action = ACTION_SCENARIO;
    for (size_t i = 0; i < num; i++) {
        if (strcmp(all[i].name, name) == 0)
            o->scenario = &all[i];
    }
    return o->scenario != NULL;
}

/* One option with its value. @return whether both are right */
static bool set_option(struct options *o, int letter, const char *value)
{
    switch (letter) {
    case 's':
        return weir_sim_option_seeds(value, &o->series.first, &o->series.last);
    case 'n':
        return weir_sim_option_seed(value, &o->series.first, &o->series.last);
    case 'S':
        return weir_sim_option_number(value, 1, SECONDS_MAX, &o->series.wish.seconds);
    case 'N':
        return weir_sim_option_number(value, 2, WEIR_SIM_NODES_MAX, &o->series.wish.num_nodes);
    case 'm':
        return parse_mutant(o, value);
    case 'o':
        return parse_off(o, value);
    case 'j':
        return weir_sim_option_number(value, 1, WEIR_SIM_JOBS_MAX, &o->series.jobs);
    case 'k':
        o->action = ACTION_SHRINK;
        return weir_sim_option_seed(value, &o->series.first, &o->series.last);
    case 'c':
        return parse_scenario(o, value);
    default:
        return false;
    }
}

/* An option without a value. @return whether it is one */
static bool set_flag(struct options *o, int letter)
{
    switch (letter) {
    case 'u':
        o->series.until_failure = true;
        return true;
    case 't':
        o->action = ACTION_TRACE;
        return true;
    case 'h':
        o->action = ACTION_HASH;
        return true;
    case 'a':
        o->action = ACTION_MUTANTS;
        return true;
    default:
        return false;
    }
}

/* An option that only prints something. @return -1: it is none of these */
static int print_list(int letter)
{
    switch (letter) {
    case 'M':
        return list_mutants();
    case 'F':
        return list_features();
    case 'C':
        return list_scenarios();
    case 'H':
        fputs(usage, stdout);
        return EXIT_HOLDS;
    default:
        return -1;
    }
}

static int run_action(const struct options *o)
{
    static int (*const actions[])(const struct options *o) = {
        [ACTION_RUN] = run_all,         [ACTION_TRACE] = run_traced,
        [ACTION_HASH] = run_traced,     [ACTION_SHRINK] = run_shrink,
        [ACTION_MUTANTS] = run_mutants, [ACTION_SCENARIO] = run_scenario,
    };
    return actions[o->action](o);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        { "seeds", required_argument, NULL, 's' },    { "seed", required_argument, NULL, 'n' },
        { "seconds", required_argument, NULL, 'S' },  { "nodes", required_argument, NULL, 'N' },
        { "mutant", required_argument, NULL, 'm' },   { "off", required_argument, NULL, 'o' },
        { "jobs", required_argument, NULL, 'j' },     { "shrink", required_argument, NULL, 'k' },
        { "scenario", required_argument, NULL, 'c' }, { "until-failure", no_argument, NULL, 'u' },
        { "trace", no_argument, NULL, 't' },          { "trace-hash", no_argument, NULL, 'h' },
        { "all-mutants", no_argument, NULL, 'a' },    { "list-mutants", no_argument, NULL, 'M' },
        { "list-features", no_argument, NULL, 'F' },  { "list-scenarios", no_argument, NULL, 'C' },
        { "help", no_argument, NULL, 'H' },           { NULL, 0, NULL, 0 },
    };
    struct options o = {
        .series = { .wish = { .seconds = SECONDS }, .first = 1, .last = 100, .jobs = 1 },
    };
    int letter;

    o.series.shows_progress = isatty(STDERR_FILENO) == 1;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        int listed = print_list(letter);
        if (listed >= 0)
            return listed;
        if (optarg != NULL ? set_option(&o, letter, optarg) : set_flag(&o, letter))
            continue;
        if (optarg != NULL)
            fprintf(stderr, "weir-sim: no such value: %s\n", optarg);
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    bool is_one = o.action == ACTION_TRACE || o.action == ACTION_HASH;
    if (optind != argc || (is_one && o.series.first != o.series.last)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return run_action(&o);
}
