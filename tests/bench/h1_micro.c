/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_micro.c - what the wire layer costs by itself: nanoseconds per head, authority and path, the
 * best of several rounds. Not part of the build. From the top folder: cc -std=gnu17 -O2
 * -D_GNU_SOURCE -I. tests/bench/h1_micro.c node/wire/*.c
 *      node/base/{addr,contract,trace}.c node/base/internal/backtrace.c
 *      -o /tmp/h1_micro && /tmp/h1_micro
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/wire/h1.h"
#include "node/wire/uri.h"

#define ROUNDS 20
#define TURNS  100000

static const struct weir_span browser = WEIR_SPAN_LIT(
    "GET /static/js/app.3f2a91.js?v=20240611 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=6f1f3b0c9a7e4d52; theme=dark\r\n"
    "Referer: http://shop.example.com/\r\n"
    "\r\n");
static const struct weir_span load_tool = WEIR_SPAN_LIT("GET /1k.bin HTTP/1.1\r\n"
                                                        "Host: 127.0.0.1:8080\r\n"
                                                        "User-Agent: load/1.0\r\n"
                                                        "Accept: */*\r\n"
                                                        "\r\n");
static const struct weir_span response =
    WEIR_SPAN_LIT("HTTP/1.1 200 OK\r\n"
                  "Server: origin/1.0\r\n"
                  "Date: Tue, 11 Jun 2024 10:00:00 GMT\r\n"
                  "Content-Type: application/octet-stream\r\n"
                  "Content-Length: 1024\r\n"
                  "Last-Modified: Mon, 10 Jun 2024 09:00:00 GMT\r\n"
                  "Connection: keep-alive\r\n"
                  "ETag: \"6666c7a0-400\"\r\n"
                  "Accept-Ranges: bytes\r\n"
                  "\r\n");

static uint64_t now_ns(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        abort();
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void head_turn(enum weir_h1_kind kind, struct weir_span bytes)
{
    static struct weir_h1_head h;
    weir_h1_head_init(&h, kind, WEIR_HEAD_MAX);
    if (weir_h1_head_feed(&h, bytes) != WEIR_STEP_DONE)
        abort();
}

static void turn(unsigned what)
{
    static struct weir_authority a;
    static uint8_t out[64];
    struct weir_span path;
    switch (what) {
    case 0:
        head_turn(WEIR_H1_REQUEST, browser);
        break;
    case 1:
        head_turn(WEIR_H1_REQUEST, load_tool);
        break;
    case 2:
        head_turn(WEIR_H1_RESPONSE, response);
        break;
    case 3:
        if (weir_authority_parse(WEIR_SPAN_LIT("shop.example.com"), &a) < 0)
            abort();
        break;
    default:
        if (weir_path_normalise(WEIR_SPAN_LIT("/static/js/app.3f2a91.js?v=20240611"), out, &path) <
            0)
            abort();
        break;
    }
}

int main(void)
{
    static const char *const names[] = { "request, 8 fields", "request, 3 fields",
                                         "response, 8 fields", "authority", "path" };
    for (unsigned what = 0; what < WEIR_ARRAY_LEN(names); what++) {
        uint64_t best = UINT64_MAX;
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint64_t start = now_ns();
            for (unsigned i = 0; i < TURNS; i++)
                turn(what);
            uint64_t spent = now_ns() - start;
            best = spent < best ? spent : best;
        }
        printf("%-20s %6.1f ns\n", names[what], (double)best / TURNS);
    }
    return 0;
}
