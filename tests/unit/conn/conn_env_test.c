/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_env_test.c - the run list and the ready list: what runs when, in which order, how much in
 * one turn, and that no pump runs in another.
 */
#include "tests/support/death.h"
#include "tests/unit/conn/conn_rig.h"

/* A task that notes when it ran, and may ask to run again. */
struct job {
    struct weir_task task;
    struct weir_conn_env *env;
    unsigned runs;
    unsigned at; /* its place among all runs */
    bool again, defers;
};

static unsigned num_runs;

static void run_job(struct weir_task *t)
{
    struct job *j = weir_container_of(t, struct job, task);
    j->runs++;
    j->at = ++num_runs;
    if (j->again && j->runs < 10 * WEIR_RUN_BUDGET) /* a test that fails must end */
        weir_task_queue(j->env, t);
    if (j->defers)
        weir_task_defer(j->env, t);
}

static const struct weir_task_kind job_kind = { .run = run_job };

static void job_init(struct job *j, struct rig *r)
{
    *j = (struct job){ .env = &r->env };
    weir_task_init(&j->task, &job_kind);
    num_runs = 0;
}

static void tasks_run_once_in_their_order(void **state)
{
    struct rig *r = rig_new();
    struct job a, b, c;
    job_init(&a, r);
    job_init(&b, r);
    job_init(&c, r);
    weir_task_queue(&r->env, &b.task);
    weir_task_queue(&r->env, &a.task);
    weir_task_queue(&r->env, &b.task);
    weir_task_queue(&r->env, &c.task);
    weir_task_cancel(&c.task);
    assert_int_equal(num_runs, 0); /* never at once */
    weir_conn_env_leave(&r->env);
    assert_int_equal(b.at, 1);
    assert_int_equal(a.at, 2);
    assert_int_equal(num_runs, 2);
    rig_free(r);
}

static void deferred_tasks_wait_for_the_next_turn_and_run_behind_the_others(void **state)
{
    struct rig *r = rig_new();
    struct job soon, later;
    job_init(&soon, r);
    job_init(&later, r);
    weir_task_defer(&r->env, &later.task);
    weir_task_queue(&r->env, &later.task); /* it is queued already */
    weir_conn_env_leave(&r->env);
    assert_int_equal(later.runs, 0);
    weir_task_queue(&r->env, &soon.task);
    rig_turn(r);
    assert_int_equal(soon.at, 1);
    assert_int_equal(later.at, 2);
    rig_free(r);
}

/* Bytes above a socket keep a task on the list; the loop must neither wait nor stand still. */
static void a_task_that_defers_itself_runs_once_in_each_turn(void **state)
{
    struct rig *r = rig_new();
    struct job j;
    job_init(&j, r);
    rig_turn(r);
    assert_true(rig_would_wait(r));
    j.defers = true;
    weir_task_defer(&r->env, &j.task);
    for (unsigned turn = 1; turn <= 3; turn++) {
        uint32_t turns = r->env.turns;
        rig_turn(r);
        assert_int_equal(r->env.turns, turns + 1);
        assert_int_equal(j.runs, turn);
        assert_false(rig_would_wait(r));
    }
    j.defers = false;
    rig_turn(r);
    assert_int_equal(j.runs, 4);
    assert_true(rig_would_wait(r));
    rig_free(r);
}

static void the_run_list_has_a_budget(void **state)
{
    struct rig *r = rig_new();
    struct job j;
    job_init(&j, r);
    j.again = true;
    weir_task_queue(&r->env, &j.task);
    weir_conn_env_leave(&r->env);
    assert_int_equal(j.runs, WEIR_RUN_BUDGET);
    rig_turn(r);
    assert_int_equal(j.runs, 2 * WEIR_RUN_BUDGET);
    assert_false(rig_would_wait(r));
    j.again = false;
    rig_turn(r);
    assert_int_equal(j.runs, 2 * WEIR_RUN_BUDGET + 1);
    assert_true(rig_would_wait(r));
    rig_free(r);
}

static void many_deferred_tasks_run_over_turns_and_in_order(void **state)
{
    static struct job jobs[WEIR_RUN_BUDGET + 10];
    struct rig *r = rig_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(jobs); i++) {
        job_init(&jobs[i], r);
        weir_task_defer(&r->env, &jobs[i].task);
    }
    rig_turn(r);
    assert_int_equal(num_runs, WEIR_RUN_BUDGET);
    rig_turn(r);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(jobs); i++)
        assert_int_equal(jobs[i].at, i + 1);
    rig_free(r);
}

static void a_turn_has_a_time_of_its_own(void **state)
{
    struct rig *r = rig_new();
    r->now.ns = 7;
    rig_turn(r);
    assert_int_equal(r->now.ns, 0); /* it is read again when it is asked for */
    assert_int_equal(r->now.ms, uv_now(&r->loop));
    r->now.ms = 0;
    weir_conn_env_enter(&r->env);
    assert_int_equal(r->now.ms, uv_now(&r->loop));
    rig_free(r);
}

static void stopping_runs_nothing_that_is_left(void **state)
{
    struct rig *r = rig_new();
    struct job soon, later;
    job_init(&soon, r);
    job_init(&later, r);
    weir_task_queue(&r->env, &soon.task);
    weir_task_defer(&r->env, &later.task);
    weir_conn_env_stop(&r->env);
    weir_conn_env_stop(&r->env);
    assert_int_equal(num_runs, 0);
    assert_true(weir_list_empty(&soon.task.link) && weir_list_empty(&later.task.link));
    rig_free(r);
}

/* -- contracts -- */

static void pump_in_pump(void *arg)
{
    struct rig *r = arg;
    int a, b;
    weir_pump_begin(&r->env, &a);
    weir_pump_begin(&r->env, &b);
}

static void pump_in_itself(void *arg)
{
    struct rig *r = arg;
    int a;
    weir_pump_begin(&r->env, &a);
    weir_pump_begin(&r->env, &a);
}

static void end_of_another(void *arg)
{
    struct rig *r = arg;
    int a, b;
    weir_pump_begin(&r->env, &a);
    weir_pump_end(&r->env, &b);
}

static void tasks_in_pump(void *arg)
{
    struct rig *r = arg;
    int a;
    weir_pump_begin(&r->env, &a);
    weir_conn_env_leave(&r->env);
}

static void no_pump_runs_in_another(void **state)
{
    struct rig *r = rig_new();
    int a, b;
    weir_pump_begin(&r->env, &a);
    weir_pump_end(&r->env, &a);
    weir_pump_begin(&r->env, &b);
    weir_pump_end(&r->env, &b);
    assert_true(weir_death_by_contract(pump_in_pump, r, "running == NULL"));
    assert_true(weir_death_by_contract(pump_in_itself, r, "running == NULL"));
    assert_true(weir_death_by_contract(end_of_another, r, "running == who"));
    assert_true(weir_death_by_contract(tasks_in_pump, r, "running == NULL"));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once_in_their_order),
        cmocka_unit_test(deferred_tasks_wait_for_the_next_turn_and_run_behind_the_others),
        cmocka_unit_test(a_task_that_defers_itself_runs_once_in_each_turn),
        cmocka_unit_test(the_run_list_has_a_budget),
        cmocka_unit_test(many_deferred_tasks_run_over_turns_and_in_order),
        cmocka_unit_test(a_turn_has_a_time_of_its_own),
        cmocka_unit_test(stopping_runs_nothing_that_is_left),
        cmocka_unit_test(no_pump_runs_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
