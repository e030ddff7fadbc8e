/* SPDX-License-Identifier: Apache-2.0
 *
 * handshake.c - load of TLS handshakes for the benchmark, over Debian's OpenSSL; one thread.
 *   handshake PORT SECONDS CONNECTIONS MODE HOSTS SEED
 * MODE: full    a full handshake on each connection, names drawn by Zipf's law from HOSTS hosts
 *       resume  the same, each resuming a session of its host, which is made before the time begins
 *       each    each of the HOSTS hosts once, in order; SECONDS is the most that may take
 * Each connection: connect, handshake, close_notify and FIN, then wait for the server's end, so
 * that the server has done its part of the handshake whatever it sends after it. Connections come
 * from many loopback addresses, so that neither ports nor a limit by address decide the figure.
 * Ends by printing: figures HANDSHAKES MICROSECONDS FAILED P50_US P99_US (of the handshake alone).
 * TLS 1.3, X25519, TLS_AES_128_GCM_SHA256; the certificate is not checked against a root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CONNECTIONS_MAX 256
#define TIMES_MAX       (1 << 20)
#define SOURCES         200

enum mode { MODE_FULL, MODE_RESUME, MODE_EACH };

struct conn {
    int fd; /* -1: not open */
    SSL *ssl;
    unsigned host;
    bool handshaken;
    bool asks; /* it makes a session: asks for a page, since some servers send tickets with data */
    bool asked;
    uint64_t begun_ns;
    uint64_t done_ns; /* the handshake; 0: not yet */
};

static struct {
    uint16_t port;
    enum mode mode;
    unsigned hosts;
    unsigned next_host; /* MODE_EACH, and while sessions are made */
    unsigned next_source;
    double *cumulated; /* Zipf's law over the hosts */
    SSL_SESSION **sessions;
    SSL_CTX *ctx;
    int epoll;
    uint64_t rng;
    bool counting;
    unsigned num_conns;
    struct conn conns[CONNECTIONS_MAX];
    uint64_t handshakes;
    uint64_t failed;
    uint32_t *times_us; /* of the first TIMES_MAX handshakes */
} load;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* xorshift64* */
static double draw(void)
{
    load.rng ^= load.rng >> 12;
    load.rng ^= load.rng << 25;
    load.rng ^= load.rng >> 27;
    return (double)((load.rng * 2685821657736338717U) >> 11) / (double)(1ULL << 53);
}

static unsigned draw_host(void)
{
    double wanted = draw() * load.cumulated[load.hosts - 1];
    unsigned low = 0;
    unsigned high = load.hosts - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (load.cumulated[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether there is one more host to begin with; *ret is it. */
static bool pick_host(unsigned *ret)
{
    bool in_order = load.mode == MODE_EACH || !load.counting;
    if (in_order && load.next_host == load.hosts)
        return false;
    *ret = in_order ? load.next_host++ : draw_host();
    return true;
}

static void watch(struct conn *c, uint32_t events, int op)
{
    struct epoll_event e = { .events = events, .data = { .ptr = c } };
    if (epoll_ctl(load.epoll, op, c->fd, &e) < 0)
        die("epoll_ctl");
}

static int connect_from_next_source(void)
{
    struct sockaddr_in from = { .sin_family = AF_INET };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(load.port) };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    from.sin_addr.s_addr = htonl(0x7f010001U + load.next_source++ % SOURCES);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
        die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
        die("connect");
    return fd;
}

static bool begin(struct conn *c)
{
    char name[64];
    if (!pick_host(&c->host))
        return false;
    c->fd = connect_from_next_source();
    c->ssl = SSL_new(load.ctx);
    if (c->ssl == NULL)
        die("SSL_new");
    snprintf(name, sizeof(name), "t%u.bench.example", c->host);
    SSL_set_tlsext_host_name(c->ssl, name);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    c->asks = load.mode == MODE_RESUME && !load.counting;
    if (load.mode == MODE_RESUME && load.counting)
        SSL_set_session(c->ssl, load.sessions[c->host]);
    c->handshaken = c->asked = false;
    c->done_ns = 0;
    c->begun_ns = now_ns();
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
    return true;
}

/* The session that the connection leaves is the one to resume, if it can be. */
static void store_session(struct conn *c)
{
    SSL_SESSION *session = SSL_get1_session(c->ssl);
    SSL_SESSION_free(load.sessions[c->host]);
    load.sessions[c->host] = session;
}

static void end(struct conn *c, bool good)
{
    if (good && load.mode == MODE_RESUME && load.counting)
        good = SSL_session_reused(c->ssl);
    if (good && c->asks)
        store_session(c);
    if (load.counting && good) {
        if (load.handshakes < TIMES_MAX)
            load.times_us[load.handshakes] = (uint32_t)((c->done_ns - c->begun_ns) / 1000);
        load.handshakes++;
    } else if (!good) {
        load.failed++;
    }
    /* OpenSSL resumes no session of a connection that it thinks was cut. */
    SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(c->ssl);
    close(c->fd);
    c->fd = -1;
    ERR_clear_error();
}

static void wait_for(struct conn *c, int result)
{
    bool wants_write = SSL_get_error(c->ssl, result) == SSL_ERROR_WANT_WRITE;
    watch(c, wants_write ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static bool is_blocked(struct conn *c, int result)
{
    int error = SSL_get_error(c->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* What follows a handshake. @return false: the connection failed */
static bool handshaken(struct conn *c)
{
    c->handshaken = true;
    c->done_ns = now_ns();
    if (!c->asks) {
        SSL_shutdown(c->ssl);
        return shutdown(c->fd, SHUT_WR) == 0;
    }
    char request[128];
    int len = snprintf(request, sizeof(request),
                       "GET /1k HTTP/1.1\r\nHost: t%u.bench.example\r\nConnection: close\r\n\r\n",
                       c->host);
    return SSL_write(c->ssl, request, len) == len;
}

/* Read what comes until the server ends. @return false: it has not ended yet */
static bool read_all(struct conn *c)
{
    char bytes[16384];
    if (c->asks) {
        int result = 0;
        while ((result = SSL_read(c->ssl, bytes, sizeof(bytes))) > 0)
            continue;
        return !is_blocked(c, result);
    }
    ssize_t len = 0;
    while ((len = read(c->fd, bytes, sizeof(bytes))) > 0)
        continue;
    return len == 0 || errno != EAGAIN;
}

static void move(struct conn *c)
{
    if (!c->handshaken) {
        int result = SSL_do_handshake(c->ssl);
        if (result != 1) {
            if (is_blocked(c, result))
                wait_for(c, result);
            else
                end(c, false);
            return;
        }
        if (!handshaken(c)) {
            end(c, false);
            return;
        }
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
    if (read_all(c))
        end(c, true);
}

/* Run until there is nothing more to begin, or the time is over; what is open then is dropped. */
static void run(uint64_t until_ns)
{
    unsigned open = 0;
    for (unsigned i = 0; i < load.num_conns; i++)
        open += begin(&load.conns[i]);
    while (open > 0 && now_ns() < until_ns) {
        struct epoll_event events[CONNECTIONS_MAX];
        int num = epoll_wait(load.epoll, events, CONNECTIONS_MAX, 100);
        if (num < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < num; i++) {
            struct conn *c = events[i].data.ptr;
            move(c);
            if (c->fd < 0 && !begin(c))
                open--;
        }
    }
    for (unsigned i = 0; i < load.num_conns; i++)
        if (load.conns[i].fd >= 0) {
            SSL_set_shutdown(load.conns[i].ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            SSL_free(load.conns[i].ssl);
            close(load.conns[i].fd);
            load.conns[i].fd = -1;
        }
}

static void set_up(void)
{
    double sum = 0;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.ctx = SSL_CTX_new(TLS_client_method());
    load.cumulated = calloc(load.hosts, sizeof(*load.cumulated));
    load.sessions = calloc(load.hosts, sizeof(SSL_SESSION *));
    load.times_us = calloc(TIMES_MAX, sizeof(*load.times_us));
    if (load.epoll < 0 || !load.ctx || !load.cumulated || !load.sessions || !load.times_us)
        die("set up");
    SSL_CTX_set_min_proto_version(load.ctx, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(load.ctx, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(load.ctx, "X25519");
    SSL_CTX_set_session_cache_mode(load.ctx, SSL_SESS_CACHE_OFF);
    for (unsigned i = 0; i < load.hosts; i++)
        load.cumulated[i] = sum += 1.0 / (i + 1);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        load.conns[i].fd = -1;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: handshake PORT SECONDS CONNECTIONS full|resume|each HOSTS SEED\n");
        return 2;
    }
    load.port = (uint16_t)strtoul(argv[1], NULL, 10);
    uint64_t run_ns = strtoul(argv[2], NULL, 10) * 1000000000U;
    load.num_conns = (unsigned)strtoul(argv[3], NULL, 10);
    load.mode = strcmp(argv[4], "full") == 0     ? MODE_FULL
                : strcmp(argv[4], "resume") == 0 ? MODE_RESUME
                                                 : MODE_EACH;
    load.hosts = (unsigned)strtoul(argv[5], NULL, 10);
    load.rng = strtoul(argv[6], NULL, 10) * 2654435761U + 1;
    if (load.num_conns == 0 || load.num_conns > CONNECTIONS_MAX || load.hosts == 0)
        return 2;
    set_up();
    if (load.mode == MODE_RESUME) {
        run(now_ns() + 60000000000U);
        if (load.failed > 0 || load.next_host < load.hosts) {
            fprintf(stderr, "no session of every host\n");
            return 1;
        }
    }
    load.counting = true;
    uint64_t begun_ns = now_ns();
    run(begun_ns + run_ns);
    uint64_t took_us = (now_ns() - begun_ns) / 1000;
    size_t num = load.handshakes < TIMES_MAX ? load.handshakes : TIMES_MAX;
    qsort(load.times_us, num, sizeof(*load.times_us), compare);
    printf("figures %llu %llu %llu %u %u\n", (unsigned long long)load.handshakes,
           (unsigned long long)took_us, (unsigned long long)load.failed,
           num > 0 ? load.times_us[num / 2] : 0, num > 0 ? load.times_us[num * 99 / 100] : 0);
    return 0;
}
