/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_push_test.c - server push and early hints on a running worker: what is promised and what is
 * not, in which order, and how a client refuses it.
 */
#include "tests/support/failalloc.h"
#include "tests/unit/loop/h2_rig.h"

#define PAGE_HEAD(links) "HTTP/1.1 200 OK\r\n" links "Content-Length: 4\r\n\r\n"
#define STYLE            "Link: </style.css>; as=style; rel=preload\r\n"

/* A client that takes so many pushes at once. */
static struct h2_rig *rig_taking(uint32_t pushes)
{
    nghttp2_settings_entry entries[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 },
                                         { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, pushes } };
    struct h2_rig *r = h2_rig_new(65535);
    h2_begin_settings(&r->c, &r->rig->at, entries, 2);
    return r;
}

/* A page is asked for and its head has come to the client; the connection of its endpoint is
 * returned, on which the body has yet to be sent. */
static struct peer ask_page(struct h2_rig *r, const char *path, const char *head,
                            struct h2_stream **ret)
{
    struct h2_stream *t = h2_ask(&r->c, "GET", path, NULL);
    h2_rig_read_request(r);
    struct peer page = r->rig->server;
    r->rig->server.fd = -1;
    peer_send(&page, head);
    while (t->status == 0)
        assert_true(h2_read(&r->c, 5000));
    *ret = t;
    return page;
}

/* The rest of the page; its connection ends. */
static void finish_page(struct h2_rig *r, struct peer *page, struct h2_stream *t)
{
    peer_send(page, "page");
    h2_await_end(&r->c, t);
    peer_close(page);
}

static struct h2_stream *pushed(struct h2_rig *r, int nth)
{
    for (int i = 0; i < r->c.num; i++)
        if (r->c.streams[i].pushed && nth-- == 0)
            return &r->c.streams[i];
    return NULL;
}

static int num_pushed(const struct h2_rig *r)
{
    int num = 0;
    for (int i = 0; i < r->c.num; i++)
        num += r->c.streams[i].pushed;
    return num;
}

/* The head of page `nth`, with `links` links that no other page has. */
static const char *many_links(int nth, int links)
{
    static char head[4096];
    int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nLink: <x>");
    for (int i = 0; i < links; i++)
        len += snprintf(head + len, sizeof(head) - (size_t)len, ",</%d-%d>;rel=preload", nth, i);
    (void)snprintf(head + len, sizeof(head) - (size_t)len, "\r\n\r\n");
    return head;
}

/* Serve the next request of the origin, on a connection of its own, and end that. */
static void serve_push(struct h2_rig *r, const char *path, const char *response)
{
    char line[256];
    h2_rig_read_request(r);
    (void)snprintf(line, sizeof(line), "GET %s HTTP/1.1", path);
    assert_string_equal(h2_rig_request_line(r), line);
    peer_send(&r->rig->server, response);
    peer_close(&r->rig->server);
}

static void a_linked_resource_is_promised_and_pushed(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/index.html", PAGE_HEAD(STYLE), &t);
    assert_int_equal(num_pushed(r), 1);
    struct h2_stream *p = pushed(r, 0);
    /* RFC 9113 8.4.1: before any frame that refers to what is promised. */
    assert_string_equal(r->c.frames, "P2 H1 ");
    assert_string_equal(p->promise, ":method: GET\n:scheme: http\n:authority: shop.example\n"
                                    ":path: /style.css\n");
    serve_push(r, "/style.css", RIG_OK);
    h2_await_end(&r->c, p);
    assert_int_equal(p->status, 200);
    assert_true(h2_body_is(p, "ok"));
    finish_page(r, &page, t);
    assert_true(h2_has_field(t, "link: </style.css>; as=style; rel=preload"));
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES), 1);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_CUT), 0);
    rig_stop(r->rig);
    assert_int_equal(rig_log_count(r->rig, "\"path\":\"/style.css\""), 1);
    h2_rig_free(r);
}

static void several_links_are_pushed_and_others_left_out(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page =
        ask_page(r, "/dir/index.html",
                 PAGE_HEAD("Link: <a.js>; rel=preload, </nopush>; rel=preload; nopush, "
                           "</next>; rel=next, <http://shop.example/b?c>; rel=\"x preload\"\r\n"
                           "Link: <http://other.example/d>; rel=preload, <../e>; rel=preload\r\n"
                           "Link: </dir/a.js>; rel=preload, </dir/index.html>; rel=preload\r\n"
                           "Link: </\xc3\xa4>; rel=preload, <ftp:x>; rel=preload\r\n"),
                 &t);
    static const char *const paths[] = { "/dir/a.js", "/b?c", "/e" };
    assert_string_equal(r->c.frames, "P2 P4 P6 H1 ");
    for (int i = 0; i < 3; i++) {
        char field[64];
        (void)snprintf(field, sizeof(field), ":path: %s\n", paths[i]);
        assert_non_null(strstr(pushed(r, i)->promise, field));
        h2_rig_read_request(r);
        peer_send(&r->rig->server, RIG_OK);
        peer_close(&r->rig->server);
    }
    for (int i = 0; i < 3; i++)
        h2_await_end(&r->c, pushed(r, i));
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 3);
    h2_rig_free(r);
}

static void a_push_repeats_what_decides_about_its_response(void **state)
{
    struct h2_rig *r = rig_taking(100);
    const char *fields[] = { ":method",
                             "GET",
                             ":scheme",
                             "http",
                             ":authority",
                             "shop.example",
                             ":path",
                             "/",
                             "accept",
                             "text/html",
                             "accept-encoding",
                             "gzip, br",
                             "accept-language",
                             "de",
                             "user-agent",
                             "test/1",
                             "authorization",
                             "Basic eDp5",
                             "cookie",
                             "a=1",
                             "cookie",
                             "b=2",
                             "if-none-match",
                             "\"x\"",
                             NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_rig_read_request(r);
    struct peer page = r->rig->server;
    r->rig->server.fd = -1;
    peer_send(&page, PAGE_HEAD(STYLE));
    h2_rig_read_request(r);
    const struct message *m = &r->rig->request;
    assert_true(weir_span_eq(message_field(m, "accept-encoding"), WEIR_SPAN_LIT("gzip, br")));
    assert_true(weir_span_eq(message_field(m, "accept-language"), WEIR_SPAN_LIT("de")));
    assert_true(weir_span_eq(message_field(m, "user-agent"), WEIR_SPAN_LIT("test/1")));
    assert_true(weir_span_eq(message_field(m, "cookie"), WEIR_SPAN_LIT("a=1; b=2")));
    assert_int_equal(message_field(m, "authorization").len, 0);
    assert_int_equal(message_field(m, "if-none-match").len, 0);
    peer_send(&r->rig->server, RIG_OK);
    finish_page(r, &page, t);
    struct h2_stream *p = pushed(r, 0);
    h2_await_end(&r->c, p);
    assert_non_null(strstr(p->promise, "cookie: a=1; b=2\n"));
    assert_non_null(strstr(p->promise, "accept-encoding: gzip, br\n"));
    assert_null(strstr(p->promise, "authorization"));
    h2_rig_free(r);
}

static void a_path_is_pushed_once_on_a_connection(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    serve_push(r, "/style.css", RIG_OK);
    finish_page(r, &page, t);
    page = ask_page(r, "/", PAGE_HEAD(STYLE "Link: </own>; rel=preload\r\n"), &t);
    serve_push(r, "/own", RIG_OK);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 2);
    /* What the client asked for itself it has. */
    page = ask_page(r, "/asked", PAGE_HEAD(""), &t);
    finish_page(r, &page, t);
    page = ask_page(r, "/", PAGE_HEAD("Link: </asked>; rel=preload\r\n"), &t);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 2);
    h2_rig_free(r);
}

/* A pushed response's own links are passed on, and not pushed. */
static void pushes_are_not_pushed_for(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    serve_push(r, "/style.css",
               "HTTP/1.1 200 OK\r\nLink: </font>; rel=preload\r\nContent-Length: 2\r\n\r\nok");
    struct h2_stream *p = pushed(r, 0);
    h2_await_end(&r->c, p);
    assert_true(h2_has_field(p, "link: </font>; rel=preload"));
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 1);
    h2_rig_free(r);
}

static void only_get_and_head_are_pushed_for(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = h2_ask(&r->c, "POST", "/", "body");
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    assert_int_equal(num_pushed(r), 0);
    t = h2_ask(&r->c, "HEAD", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_int_equal(num_pushed(r), 1);
    h2_rig_respond(r, RIG_OK);
    h2_await_end(&r->c, pushed(r, 0));
    h2_rig_free(r);
}

static void a_client_that_takes_no_pushes_gets_none(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 0);
    assert_true(h2_has_field(t, "link: </style.css>; as=style; rel=preload"));
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_LEFT_OUT), 0);
    h2_rig_free(r);

    r = rig_taking(0);
    page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 0);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_LEFT_OUT), 1);
    h2_rig_free(r);
}

/* SETTINGS that come later count from then on. */
static void a_client_may_stop_taking_pushes(void **state)
{
    struct h2_rig *r = rig_taking(100);
    nghttp2_settings_entry off = { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    serve_push(r, "/style.css", RIG_OK);
    finish_page(r, &page, t);
    assert_int_equal(nghttp2_submit_settings(r->c.session, NGHTTP2_FLAG_NONE, &off, 1), 0);
    page = ask_page(r, "/", PAGE_HEAD("Link: </b>; rel=preload\r\n"), &t);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 1);
    h2_rig_free(r);
}

static void no_more_is_pushed_than_the_client_takes_at_once(void **state)
{
    struct h2_rig *r = rig_taking(2);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(
        r, "/", PAGE_HEAD("Link: </a>;rel=preload,</b>;rel=preload,</c>;rel=preload\r\n"), &t);
    assert_int_equal(num_pushed(r), 2);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_LEFT_OUT), 1);
    serve_push(r, "/a", RIG_OK);
    serve_push(r, "/b", RIG_OK);
    finish_page(r, &page, t);
    h2_await_end(&r->c, pushed(r, 0));
    h2_await_end(&r->c, pushed(r, 1));
    page = ask_page(r, "/", PAGE_HEAD("Link: </a>;rel=preload,</c>;rel=preload\r\n"), &t);
    serve_push(r, "/c", RIG_OK);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 3);
    h2_rig_free(r);
}

static void the_pushes_of_a_response_and_of_a_connection_are_bounded(void **state)
{
    struct h2_rig *r = rig_taking(1000);
    struct peer pages[3];
    struct h2_stream *t = NULL;
    for (int k = 0; k < 3; k++) {
        pages[k] = ask_page(r, "/", many_links(k, 20), &t);
        /* Their requests come on connections that the next page must not be asked on. */
        for (int i = 0; i < 16 && k < 2; i++) {
            h2_rig_read_request(r);
            r->rig->server.fd = -1; /* it is never responded to */
        }
    }
    assert_int_equal(num_pushed(r), 32);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_LEFT_OUT), 1);
    for (int k = 0; k < 3; k++)
        peer_close(&pages[k]);
    h2_rig_free(r);
}

/* RFC 9113 8.4.2: a client that does not want a push resets it. */
static void a_refused_push_ends_its_request(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    h2_rig_read_request(r);
    assert_int_equal(nghttp2_submit_rst_stream(r->c.session, 0, pushed(r, 0)->id, NGHTTP2_CANCEL),
                     0);
    h2_flush(&r->c);
    assert_true(peer_receive(&r->rig->server) <= 0);
    peer_close(&r->rig->server);
    finish_page(r, &page, t);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_PUSHES_CUT), 1);
    h2_rig_free(r);
}

/* What failed is not stored by a client that has not asked for it. */
static void a_push_without_success_is_cancelled(void **state)
{
    static const char *const responses[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    };
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    for (int i = 0; i < 4; i++) {
        char head[256], path[16];
        (void)snprintf(path, sizeof(path), "/%d", i);
        (void)snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nLink: <%s>;rel=preload\r\nContent-Length: 4\r\n\r\n",
                       path);
        struct peer page = ask_page(r, "/", head, &t);
        serve_push(r, path, responses[i]);
        struct h2_stream *p = pushed(r, i);
        h2_await(&r->c, &p->closed);
        assert_int_equal(p->code, NGHTTP2_CANCEL);
        assert_int_equal(p->status, i == 3 ? 200 : 0);
        finish_page(r, &page, t);
    }
    rig_await(r->rig, WEIR_M_H2_PUSHES_CUT, 4);
    h2_rig_free(r);
}

/* Interim responses to a push are dropped: it is the final one that was promised. */
static void a_push_has_no_interim_response(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    serve_push(r, "/style.css",
               "HTTP/1.1 103 Early Hints\r\nLink: </x>;rel=preload\r\n\r\n" RIG_OK);
    h2_await_end(&r->c, pushed(r, 0));
    assert_int_equal(pushed(r, 0)->num_interims, 0);
    finish_page(r, &page, t);
    h2_rig_free(r);
}

static void a_client_that_resets_pushes_gets_fewer(void **state)
{
    struct h2_rig *r = rig_taking(1000);
    struct h2_stream *t = NULL;
    for (int i = 0; i < 5; i++) {
        int before = num_pushed(r);
        struct peer page = ask_page(r, "/", many_links(i, 16), &t);
        int now = num_pushed(r);
        for (int k = before; k < now; k++)
            assert_int_equal(
                nghttp2_submit_rst_stream(r->c.session, 0, pushed(r, k)->id, NGHTTP2_CANCEL), 0);
        h2_flush(&r->c);
        finish_page(r, &page, t);
        while (peer_ready(r->rig->origin, 50)) { /* those that were begun and given up */
            struct peer given_up;
            peer_accept(&given_up, r->rig->origin);
            peer_close(&given_up);
        }
    }
    assert_true(num_pushed(r) >= 48 && num_pushed(r) < 80);
    assert_int_equal(r->c.goaways, 0);
    h2_rig_free(r);
}

static void a_tenant_can_turn_pushes_off(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct stored s;
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    (void)rig_site(r->rig, &s, "shop", "shop.example");
    http.has_server_push = 1;
    http.server_push = 0;
    s.t.http = &http;
    rig_push(r->rig, &s);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
    finish_page(r, &page, t);
    assert_int_equal(num_pushed(r), 0);
    h2_rig_free(r);
}

/* Links to other places do not use up what a response may push; but not any number is read. */
static void foreign_links_stand_in_no_ones_way(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    char head[8192];
    for (int num = 63; num <= 64; num++) {
        int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nLink: ");
        for (int i = 0; i < num; i++)
            len += snprintf(head + len, sizeof(head) - (size_t)len,
                            "<//cdn.example/%d>;rel=preload,", i);
        (void)snprintf(head + len, sizeof(head) - (size_t)len, "</own-%d>;rel=preload\r\n\r\n",
                       num);
        struct peer page = ask_page(r, "/", head, &t);
        if (num == 63)
            serve_push(r, "/own-63", RIG_OK);
        finish_page(r, &page, t);
    }
    assert_int_equal(num_pushed(r), 1);
    h2_rig_free(r);
}

/* One connection may serve several hosts of a tenant. */
static void each_host_has_its_own_paths(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct stored s;
    (void)rig_site(r->rig, &s, "shop", "shop.example");
    stored_host(&s, "www.shop.example");
    rig_push(r->rig, &s);
    for (int i = 0; i < 2; i++) {
        const char *fields[] = { ":method",    "GET",
                                 ":scheme",    "http",
                                 ":authority", i == 0 ? "shop.example" : "www.shop.example",
                                 ":path",      "/",
                                 NULL };
        struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
        h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
        h2_await_end(&r->c, t);
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, pushed(r, i));
        assert_non_null(
            strstr(pushed(r, i)->promise, i == 0 ? "authority: shop" : "authority: www.shop"));
    }
    h2_rig_free(r);
}

/* A client that goes away between promise and response takes all with it. */
static void promises_end_with_their_connection(void **state)
{
    struct h2_rig *r = rig_taking(100);
    struct h2_stream *t = NULL;
    struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE "Link: </b>;rel=preload\r\n"), &t);
    peer_close(&r->c.peer);
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    peer_close(&page);
    h2_rig_free(r);
}

/* Respond to what comes on the connection that there is, or on others. */
static void serve_all(struct h2_rig *r)
{
    do {
        h2_rig_accept(r);
        while (peer_ready(r->rig->server.fd, 50) &&
               peer_try_head(&r->rig->server, WEIR_H1_REQUEST, &r->rig->request))
            peer_send(&r->rig->server, RIG_OK);
        peer_close(&r->rig->server);
    } while (peer_ready(r->rig->origin, 50));
}

/* Whatever has no memory, the page or the connection is all that may be lost. */
static void a_push_may_have_no_memory(void **state)
{
    unsigned long num = 1;
    for (unsigned long n = 1; n <= num; n++) {
        struct h2_rig *r = rig_taking(100);
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_read_request(r);
        weir_failalloc_once((long)n);
        peer_send(&r->rig->server, PAGE_HEAD(STYLE) "page");
        while (!t->closed && h2_read(&r->c, 1000))
            continue;
        serve_all(r);
        struct h2_stream *p = pushed(r, 0);
        while (p != NULL && !p->closed && h2_read(&r->c, 1000))
            continue;
        num = weir_failalloc_count() > num ? weir_failalloc_count() : num;
        weir_failalloc_after(-1);
        assert_true(t->closed || r->c.gone);
        assert_true(p == NULL || p->closed || r->c.gone);
        h2_end(&r->c);
        h2_rig_connect(r);
        t = h2_ask(&r->c, "GET", "/after", NULL);
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, t);
        assert_int_equal(t->status, 200);
        h2_rig_free(r);
    }
    assert_in_range(num, 2, 50);
}

/* -- early hints -- */

static void earlier_links_are_hinted(void **state)
{
    struct h2_rig *r = h2_rig_running();
    for (int i = 0; i < 2; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", i == 0 ? "/page" : "/page?x", NULL);
        h2_rig_read_request(r);
        while (i == 1 && t->num_interims == 0) /* before the endpoint has responded */
            assert_true(h2_read(&r->c, 5000));
        assert_int_equal(t->interim, i == 0 ? 0 : 103);
        if (i == 1)
            assert_true(h2_has_field(t, "link: </style.css>; as=style; rel=preload"));
        peer_send(&r->rig->server, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
        h2_await_end(&r->c, t);
        assert_int_equal(t->num_interims, i);
    }
    assert_int_equal(rig_metric(r->rig, WEIR_M_EARLY_HINTS), 1);
    /* Without links, it is forgotten. */
    for (int i = 0; i < 2; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/page", NULL);
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, t);
        assert_int_equal(t->num_interims, 1 - i);
    }
    h2_rig_free(r);
}

static void what_is_one_clients_is_not_hinted_to_another(void **state)
{
    struct h2_rig *r = h2_rig_running();
    const char *fields[] = { ":method", "GET",   ":scheme", "http", ":authority", "shop.example",
                             ":path",   "/page", "cookie",  "a=1",  NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    t = h2_ask(&r->c, "GET", "/page", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Set-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    t = h2_ask(&r->c, "GET", "/page", NULL);
    h2_rig_respond(r, RIG_OK);
    h2_await_end(&r->c, t);
    assert_int_equal(rig_metric(r->rig, WEIR_M_EARLY_HINTS), 0);
    h2_rig_free(r);
}

/* weir's own response, which is there at once, needs no hints. */
static void a_response_that_is_there_at_once_is_not_hinted(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct stored s;
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    Weir__V1__Upstream *u = rig_site(r->rig, &s, "shop", "shop.example");
    u->endpoints[0]->has_weight = 1;
    u->endpoints[0]->weight = 0;
    rig_push(r->rig, &s);
    t = h2_ask(&r->c, "GET", "/", NULL);
    h2_await_end(&r->c, t);
    assert_true(t->status >= 500);
    assert_int_equal(t->num_interims, 0);
    assert_int_equal(r->c.goaways, 0);
    assert_int_equal(rig_metric(r->rig, WEIR_M_EARLY_HINTS), 0);
    h2_rig_free(r);
}

static void a_tenant_can_turn_hints_off(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct stored s;
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    (void)rig_site(r->rig, &s, "shop", "shop.example");
    http.has_early_hints = 1;
    http.early_hints = 0;
    s.t.http = &http;
    rig_push(r->rig, &s);
    for (int i = 0; i < 2; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_respond(r, "HTTP/1.1 200 OK\r\n" STYLE "Content-Length: 2\r\n\r\nok");
        h2_await_end(&r->c, t);
        assert_int_equal(t->num_interims, 0);
    }
    h2_rig_free(r);
}

/* A client that takes pushes is pushed to instead; with pushes off, it gets hints. */
static void a_client_that_takes_pushes_gets_no_hints(void **state)
{
    struct h2_rig *r = rig_taking(100);
    for (int i = 0; i < 2; i++) {
        struct h2_stream *t = NULL;
        struct peer page = ask_page(r, "/", PAGE_HEAD(STYLE), &t);
        if (i == 0)
            serve_push(r, "/style.css", RIG_OK);
        finish_page(r, &page, t);
        assert_int_equal(t->num_interims, 0);
    }
    h2_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linked_resource_is_promised_and_pushed),
        cmocka_unit_test(several_links_are_pushed_and_others_left_out),
        cmocka_unit_test(a_push_repeats_what_decides_about_its_response),
        cmocka_unit_test(a_path_is_pushed_once_on_a_connection),
        cmocka_unit_test(pushes_are_not_pushed_for),
        cmocka_unit_test(only_get_and_head_are_pushed_for),
        cmocka_unit_test(a_client_that_takes_no_pushes_gets_none),
        cmocka_unit_test(a_client_may_stop_taking_pushes),
        cmocka_unit_test(no_more_is_pushed_than_the_client_takes_at_once),
        cmocka_unit_test(the_pushes_of_a_response_and_of_a_connection_are_bounded),
        cmocka_unit_test(a_refused_push_ends_its_request),
        cmocka_unit_test(a_push_without_success_is_cancelled),
        cmocka_unit_test(a_push_has_no_interim_response),
        cmocka_unit_test(a_client_that_resets_pushes_gets_fewer),
        cmocka_unit_test(a_tenant_can_turn_pushes_off),
        cmocka_unit_test(foreign_links_stand_in_no_ones_way),
        cmocka_unit_test(each_host_has_its_own_paths),
        cmocka_unit_test(promises_end_with_their_connection),
        cmocka_unit_test(a_push_may_have_no_memory),
        cmocka_unit_test(earlier_links_are_hinted),
        cmocka_unit_test(what_is_one_clients_is_not_hinted_to_another),
        cmocka_unit_test(a_response_that_is_there_at_once_is_not_hinted),
        cmocka_unit_test(a_tenant_can_turn_hints_off),
        cmocka_unit_test(a_client_that_takes_pushes_gets_no_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
