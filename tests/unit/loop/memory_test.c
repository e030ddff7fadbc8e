/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - whole exchanges under the failing allocator: whichever allocation fails, the
 * client gets the right response, an error or a closed connection; and the next exchange is served.
 * What was not given back is caught by the pools' contracts and the leak check.
 */
#include "tests/support/failalloc.h"
#include "tests/support/origin.h"
#include "tests/unit/loop/loop_rig.h"

#define BIG 3000000

/* One way to ask, and what the server sends. */
struct story {
    const char *first; /* the client sends this, */
    const char *rest;  /* and after a moment this */
    enum weir_method method;
    const char *response;
    size_t len, split;
    size_t body_len;  /* of the right response */
    unsigned wait_ms; /* before the client reads */
    bool again;       /* the same once more on the same connection */
};

static char big_response[BIG + 256];

static struct story stories[] = {
    { .first = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
      .rest = "",
      .method = WEIR_METHOD_GET,
      .response = RIG_OK,
      .body_len = 2,
      .again = true },
    /* Heads of both sides in two pieces, interim responses, a body in chunks. */
    { .first = "POST /a?b HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nContent-Le",
      .rest = "ngth: 6\r\n\r\nabcdef",
      .method = WEIR_METHOD_POST,
      .response =
          "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
          "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      .split = 60,
      .body_len = 5 },
    /* More than the client's socket takes: queues on both sides of weir, by the codec. */
    { .first = "GET /big HTTP/1.1\r\nHost: shop.example\r\n\r\n",
      .rest = "",
      .method = WEIR_METHOD_GET,
      .response = big_response,
      .body_len = BIG,
      .wait_ms = 30 },
};

/* @return the status of the final response, 0 when the connection ended without a whole one */
static uint16_t ask(struct rig *r, const struct story *s)
{
    bool sent = peer_send_bytes(&r->client, s->first, strlen(s->first));
    if (sent && s->rest[0] != '\0') {
        (void)usleep(3000);
        sent = peer_send_bytes(&r->client, s->rest, strlen(s->rest));
    }
    (void)usleep(s->wait_ms * 1000);
    do {
        if (!peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response))
            return 0;
    } while (r->response.h.status < 200);
    return peer_try_body(&r->client, &r->response, s->method) ? r->response.h.status : 0;
}

static void dial(struct rig *r)
{
    int small = 65536;
    peer_close(&r->client);
    peer_dial(&r->client, &r->at);
    assert_int_equal(setsockopt(r->client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
}

/* One start, one exchange in which allocations fail as `arm` sets, one in which none does.
 * @return allocations of the first */
static unsigned long run_story(struct rig *r, const struct story *s, void (*arm)(long), long n)
{
    uint16_t status = 200;
    rig_start(r);
    dial(r);
    arm(n);
    for (int i = 0; i <= s->again && status == 200; i++) {
        status = ask(r, s);
        if (status == 200)
            assert_int_equal(r->response.body_len, s->body_len);
        else
            assert_true(status == 0 || status >= 500);
    }
    unsigned long count = weir_failalloc_count();
    arm(-1);
    dial(r);
    assert_int_equal(ask(r, s), 200);
    assert_int_equal(r->response.body_len, s->body_len);
    rig_stop(r);
    peer_close(&r->client);
    return count;
}

static void run_all(void (*arm)(long))
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(stories); i++) {
        struct story *s = &stories[i];
        struct rig *r = rig_new();
        struct origin o = { .response = s->response,
                            .len = strlen(s->response),
                            .split = s->split };
        long n = 1;
        origin_start(&o, r->origin);
        while (run_story(r, s, arm, n) >= (unsigned long)n)
            assert_true(++n < 1000);
        assert_true(n > 10); /* so many allocations can fail */
        origin_stop(&o);
        rig_free(r);
    }
}

static void one_failed_allocation_costs_at_most_its_exchange(void **state)
{
    run_all(weir_failalloc_once);
}

static void running_out_of_memory_costs_at_most_what_runs(void **state)
{
    run_all(weir_failalloc_after);
}

static int set_up(void **state)
{
    int len = snprintf(big_response, sizeof(big_response),
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", BIG);
    memset(big_response + len, 'b', BIG);
    memcpy(big_response + len + BIG, "\r\n0\r\n\r\n", 8);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failed_allocation_costs_at_most_its_exchange),
        cmocka_unit_test(running_out_of_memory_costs_at_most_what_runs),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
