/* SPDX-License-Identifier: Apache-2.0
 *
 * args_test.c - command lines that are right, and the messages for those that are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/cli/args.h"
#include "node/cli/command.h"
#include "tests/support/failalloc.h"

#define WORDS_MAX 16

/** One command line, read. */
struct line {
    struct weir_cli cli;
    enum weir_exit code;
    char *text; /* what was written as an error */
    size_t text_len;
    char words[512];
    char *argv[WORDS_MAX + 1];
};

/* Words are parted by single blanks; "_" stands for an empty word. */
static void line_read(struct line *l, const char *text)
{
    int argc = 1;
    memset(l, 0, sizeof(*l));
    snprintf(l->words, sizeof(l->words), "%s", text);
    l->argv[0] = (char *)"weir";
    for (char *at = l->words; *at != '\0'; at += strlen(at) + 1) {
        char *blank = strchr(at, ' ');
        assert_in_range(argc, 1, WORDS_MAX - 1);
        l->argv[argc++] = strcmp(at, "_") == 0 ? (char *)"" : at;
        if (blank == NULL)
            break;
        *blank = '\0';
    }
    l->cli.err = open_memstream(&l->text, &l->text_len);
    l->cli.out = stdout;
    assert_non_null(l->cli.err);
    l->code = weir_args_parse(&l->cli, argc, l->argv);
    fclose(l->cli.err);
}

static void line_free(struct line *l)
{
    weir_args_deinit(&l->cli);
    free(l->text);
}

static void assert_good(struct line *l, const char *text, const char *command)
{
    line_read(l, text);
    if (l->code != WEIR_EXIT_OK)
        print_error("%s: %s", text, l->text);
    assert_int_equal(l->code, WEIR_EXIT_OK);
    assert_string_equal(l->text, "");
    assert_string_equal(l->cli.command->name, command);
}

static void flags_may_stand_anywhere(void **state)
{
    static const char *const lines[] = {
        "get tenant shop -o json --node unix:/x --no-headers",
        "-o json --node unix:/x --no-headers get tenant shop",
        "get -ojson tenant --node=unix:/x shop --no-headers",
        "--node unix:/x get --output json --no-headers -- tenant shop",
        "get --output=yaml -o json tenant shop --node unix:/y --node unix:/x --no-headers",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct line l;
        assert_good(&l, lines[i], "get");
        assert_int_equal(l.cli.options.output, WEIR_OUTPUT_JSON);
        assert_string_equal(l.cli.options.node, "unix:/x");
        assert_true(l.cli.options.no_headers);
        assert_int_equal(l.cli.num_args, 2);
        assert_string_equal(l.cli.args[0], "tenant");
        assert_string_equal(l.cli.args[1], "shop");
        line_free(&l);
    }
}

static void values_are_read(void **state)
{
    struct line l;
    assert_good(&l, "apply -f a.yaml -f - --wait all --timeout 1m --if-revision 7 --dry-run -owide",
                "apply");
    assert_int_equal(l.cli.options.num_files, 2);
    assert_string_equal(l.cli.options.files[0], "a.yaml");
    assert_string_equal(l.cli.options.files[1], "-");
    assert_int_equal(l.cli.options.wait, WEIR_WAIT_ALL);
    assert_int_equal(l.cli.options.timeout_ms, 60000);
    assert_true(l.cli.options.has_if_revision);
    assert_int_equal(l.cli.options.if_revision, 7);
    assert_true(l.cli.options.dry_run);
    assert_int_equal(l.cli.options.output, WEIR_OUTPUT_WIDE);
    line_free(&l);

    assert_good(&l, "logs -f --tenant shop", "logs"); /* -f is another flag here */
    assert_true(l.cli.options.follow);
    assert_string_equal(l.cli.options.tenant, "shop");
    assert_int_equal(l.cli.options.num_files, 0);
    line_free(&l);

    assert_good(&l, "drain --deadline 500ms", "drain");
    assert_int_equal(l.cli.options.deadline_ms, 500);
    line_free(&l);

    assert_good(&l, "fmt -w -- -x", "fmt");
    assert_true(l.cli.options.write);
    assert_string_equal(l.cli.args[0], "-x");
    line_free(&l);

    assert_good(&l, "fmt -", "fmt"); /* a dash alone is no flag */
    assert_string_equal(l.cli.args[0], "-");
    line_free(&l);
}

static void node_comes_from_the_flag_then_the_environment_then_the_default(void **state)
{
    struct line l;
    assert_int_equal(unsetenv("WEIR_NODE"), 0);
    assert_good(&l, "status", "status");
    assert_string_equal(l.cli.options.node, "unix:/run/weir/admin.sock");
    line_free(&l);
    assert_int_equal(setenv("WEIR_NODE", "unix:/env", 1), 0);
    assert_good(&l, "status", "status");
    assert_string_equal(l.cli.options.node, "unix:/env");
    line_free(&l);
    assert_good(&l, "status --node unix:/flag", "status");
    assert_string_equal(l.cli.options.node, "unix:/flag");
    line_free(&l);
    assert_int_equal(setenv("WEIR_NODE", "", 1), 0);
    assert_good(&l, "status", "status");
    assert_string_equal(l.cli.options.node, "unix:/run/weir/admin.sock");
    line_free(&l);
    assert_int_equal(unsetenv("WEIR_NODE"), 0);
}

static void line_without_a_command_is_no_error(void **state)
{
    static const char *const lines[] = { "", "--help", "-h" };
    for (size_t i = 0; i < 3; i++) {
        struct line l;
        line_read(&l, lines[i]);
        assert_int_equal(l.code, WEIR_EXIT_OK);
        assert_null(l.cli.command);
        line_free(&l);
    }
}

static void help_needs_no_arguments(void **state)
{
    struct line l;
    assert_good(&l, "rollback --help", "rollback");
    assert_true(l.cli.options.help);
    line_free(&l);
}

static void slips_are_named_with_what_was_meant(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "aply", "weir: unknown command \"aply\", did you mean \"apply\"? See weir --help\n" },
        { "bogus", "weir: unknown command \"bogus\". See weir --help\n" },
        { "export -o table", "weir export: -o takes yaml or json here. See weir export --help\n" },
        { "export -o name", "weir export: -o takes yaml or json here. See weir export --help\n" },
        { "export --digest -o json", "weir export: -o means nothing with --digest, which writes "
                                     "one line. See weir export --help\n" },
        { "import -o json", "weir import: -o takes table, for the summary, or name, for none, "
                            "here. See weir import --help\n" },
        { "zzzzzz", "weir: unknown command \"zzzzzz\". See weir --help\n" },
        { "_", "weir: unknown command \"\". See weir --help\n" },
        { "blacklist", "weir blacklist: not supported by this version\n" },
        { "health", "weir health: not supported by this version\n" },
        { "-o json node", "weir: flags of node stand behind it: weir node --config FILE. See weir "
                          "--help\n" },
        { "apply --fil x",
          "weir apply: unknown flag --fil, did you mean --file? See weir apply --help\n" },
        { "apply --zzzzzz", "weir apply: unknown flag --zzzzzz. See weir apply --help\n" },
        { "--nod x get", "weir: unknown flag --nod, did you mean --node? See weir --help\n" },
        { "get -z", "weir get: unknown flag -z. See weir get --help\n" },
        { "get --no-headers=1", "weir get: --no-headers takes no value. See weir get --help\n" },
        { "get -o", "weir get: --output: FORM is missing. See weir get --help\n" },
        { "get -o tabel", "weir get: --output: \"tabel\" is unknown, did you mean \"table\"? See "
                          "weir get --help\n" },
        { "apply --wait qorum",
          "weir apply: --wait: \"qorum\" is unknown, did you mean \"quorum\"? "
          "See weir apply --help\n" },
        { "status --timeout 5x", "weir status: --timeout: \"5x\" is not a duration; write 500ms, "
                                 "5s, 15m or 24h. See weir status --help\n" },
        { "status --timeout 25h",
          "weir status: --timeout: \"25h\" is out of range 0s..24h. See weir status --help\n" },
        { "apply --if-revision -1",
          "weir apply: --if-revision: \"-1\" is not a number. See weir apply --help\n" },
        { "apply --if-revision 99999999999999999999",
          "weir apply: --if-revision: \"99999999999999999999\" is not a number. See weir apply "
          "--help\n" },
        { "apply -f _", "weir apply: --file: a name is missing. See weir apply --help\n" },
        { "fmt --wait all x", "weir fmt: --wait means nothing here. See weir fmt --help\n" },
        { "--dry-run get", "weir get: --dry-run means nothing here. See weir get --help\n" },
        { "route test",
          "weir route: an argument is missing: weir route test URL. See weir route --help\n" },
        { "-f x apply", "weir: -f means something else for each command; write it behind the "
                        "command. See weir --help\n" },
        { "-w get", "weir: -w means something else for each command; write it behind the command. "
                    "See weir --help\n" },
        { "get --sort hots", "weir get: --sort: \"hots\" is unknown, did you mean \"hosts\"? See "
                             "weir get --help\n" },
        { "get --limit 0", "weir get: --limit: \"0\" is out of range 1..1000000000. See weir get "
                           "--help\n" },
        { "get --limit -1", "weir get: --limit: \"-1\" is not a number. See weir get --help\n" },
        { "rollback tenant shop 3 4",
          "weir rollback: \"4\" is one argument too many. See weir rollback --help\n" },
        { "get --\033[2J", "weir get: unknown flag --\\u001b[2J. See weir get --help\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line l;
        line_read(&l, cases[i].line);
        assert_int_equal(l.code, WEIR_EXIT_USAGE);
        assert_string_equal(l.text, cases[i].text);
        line_free(&l);
    }
}

static void flags_that_cannot_apply_are_refused(void **state)
{
    static const char *const lines[] = {
        "status --token x",
        "get --ca x --node unix:/x",
        "get -w -o yaml",
        "status --watch -o yaml",
        "fmt --drop-comments x",
        "validate -f x --node unix:/x",
        "diff -f x -o json",
        "drain --dry-run",
        "logs -o json",
        "history tenant/a --prefix a",
        "route test http://a/ --tenant a",
        "redirect test http://a/ --tenant a --client ::1",
        "status --tenant a",
        "edit tenant/a --if-revision 3",
        "version --node unix:/x",
        "help --yes",
        "completion bash -o json",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct line l;
        line_read(&l, lines[i]);
        if (l.code != WEIR_EXIT_USAGE)
            print_error("%s\n", lines[i]);
        assert_int_equal(l.code, WEIR_EXIT_USAGE);
        assert_non_null(strstr(l.text, "--help\n"));
        line_free(&l);
    }
    struct line good;
    assert_good(&good, "get --token x --node https://edge:7400", "get");
    line_free(&good);
    assert_good(&good, "get -w -o json", "get");
    line_free(&good);
}

static void files_are_bounded(void **state)
{
    size_t num = 2 + 2 * (WEIR_CLI_FILES_MAX + 1);
    char **argv = calloc(num, sizeof(*argv));
    assert_non_null(argv);
    argv[0] = (char *)"weir";
    argv[1] = (char *)"apply";
    for (size_t i = 2; i < num; i += 2) {
        argv[i] = (char *)"-f";
        argv[i + 1] = (char *)"x";
    }
    for (size_t extra = 0; extra < 2; extra++) {
        struct weir_cli cli = { .out = stdout };
        char *text = NULL;
        size_t len = 0;
        cli.err = open_memstream(&text, &len);
        assert_non_null(cli.err);
        enum weir_exit code = weir_args_parse(&cli, (int)(num - 2 + 2 * extra), argv);
        fclose(cli.err);
        assert_int_equal(code, extra == 0 ? WEIR_EXIT_OK : WEIR_EXIT_USAGE);
        assert_int_equal(cli.options.num_files, WEIR_CLI_FILES_MAX);
        if (extra > 0)
            assert_non_null(strstr(text, "more than 1024 of --file"));
        weir_args_deinit(&cli);
        free(text);
    }
    free(argv);
}

static void no_memory_is_reported(void **state)
{
    char *argv[] = { (char *)"weir", (char *)"status", NULL };
    char text[64] = "";
    struct weir_cli cli = { .out = stdout, .err = fmemopen(text, sizeof(text), "w") };
    assert_non_null(cli.err);
    setvbuf(cli.err, NULL, _IONBF, 0);
    weir_failalloc_once(1);
    enum weir_exit code = weir_args_parse(&cli, 2, argv);
    weir_failalloc_once(-1);
    fclose(cli.err);
    assert_int_equal(code, WEIR_EXIT_FAILED);
    assert_string_equal(text, "weir: out of memory\n");
    weir_args_deinit(&cli);
}

/* What a page shows comes from these tables. */
static void every_command_can_explain_itself(void **state)
{
    size_t num = 0;
    const struct weir_command *all = weir_command_all(&num);
    assert_true(num > 10);
    for (size_t i = 0; i < num; i++) {
        assert_ptr_equal(weir_command_find(all[i].name), &all[i]);
        assert_false(weir_command_is_planned(all[i].name));
        assert_true(all[i].num_args_min <= all[i].num_args_max);
        assert_non_null(all[i].run);
        assert_true(strlen(all[i].summary) > 10 && strlen(all[i].summary) < 64);
        assert_non_null(strstr(all[i].examples, "weir "));
        assert_non_null(strstr(all[i].exits, "2  the command line is wrong\n"));
        for (unsigned k = 0; k < WEIR_FLAG_COUNT; k++)
            for (unsigned m = 0; m < k; m++)
                if ((all[i].flags & WEIR_FLAG_BIT(k)) && (all[i].flags & WEIR_FLAG_BIT(m)) &&
                    weir_args_flag(k)->letter != 0)
                    assert_int_not_equal(weir_args_flag(k)->letter, weir_args_flag(m)->letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(node_comes_from_the_flag_then_the_environment_then_the_default),
        cmocka_unit_test(line_without_a_command_is_no_error),
        cmocka_unit_test(help_needs_no_arguments),
        cmocka_unit_test(slips_are_named_with_what_was_meant),
        cmocka_unit_test(flags_that_cannot_apply_are_refused),
        cmocka_unit_test(files_are_bounded),
        cmocka_unit_test(no_memory_is_reported),
        cmocka_unit_test(every_command_can_explain_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
