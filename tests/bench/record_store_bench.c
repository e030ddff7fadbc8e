/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_bench.c - what the stores cost under the replication engine: records a second
 * through the store in batches, and bytes on the disk. It does for each record what the engine
 * does, a read of the key and a put, and for each batch a vector's entry and a commit. Settings
 * wait for the disk. Then the same settings come as a peer's batches through the engine; what it
 * costs beyond the store is the difference. record_store_bench FOLDER [NUM_RECORDS [NUM_BANS]]
 * FOLDER is made and its stores stay there. Exit 1: a bar was missed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "node/base/clock.h"
#include "node/base/hash.h"
#include "node/base/log.h"
#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "sync/store/store_eph.h"
#include "sync/store/store_records.h"
#include "sync/version/num.h"

#define BATCH             500
#define NUM_RECORDS       1000000
#define NUM_BANS          1000000
#define NUM_IDLE          20000
#define RATE_BAR          150000 /* settings a second, in the order of their keys */
#define BAN_BAR           300    /* bytes on the disk */
#define ENGINE_BAR        1.0    /* us of CPU a record, beyond the store */
#define SETTING_KEY_LEN   20
#define SETTING_VALUE_LEN 60
#define BAN_KEY_LEN       22
#define MAX_BYTES         (UINT64_C(4) << 30)

/* One pass over a store. */
struct pass {
    const char *name;
    enum weir_class class;
    bool shuffled;
    uint64_t num;
    uint64_t first_seq;
};

/* Fails where it is called: a benchmark has no caller that could handle an error. */
static void must(enum weir_err err, const char *what)
{
    if (err == WEIR_OK)
        return;
    (void)fprintf(stderr, "record_store_bench: %s: %s\n", what, weir_err_name(err));
    exit(2);
}

static double seconds(void)
{
    return (double)weir_clock_mono_ns() / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) / 1e6;
}

static void make_record(const struct pass *p, uint64_t i, uint8_t *key, uint8_t *value,
                        struct weir_stored_record *ret)
{
    size_t key_len = p->class == WEIR_CLASS_BAN ? BAN_KEY_LEN : SETTING_KEY_LEN;
    uint64_t seq = p->first_seq + i;
    uint64_t name = p->shuffled ? weir_mix64(i) : i;

    memset(key, '-', key_len);
    weir_num_write_be(key + 4, name, 8);
    memset(value, (int)(seq & 0x7f), SETTING_VALUE_LEN);
    *ret = (struct weir_stored_record){
        .rec = {
            .class = p->class,
            .key = weir_span(key, key_len),
            .version = { .hlc = seq << 16, .lane = { 1, [8] = 'C' }, .seq = seq },
            .schema = 1,
            .min_reader = 1,
            .value = weir_span(value, p->class == WEIR_CLASS_BAN ? 1 : SETTING_VALUE_LEN),
        },
        .stored_ms = UINT64_C(1800000000000) + seq,
    };
    if (p->class == WEIR_CLASS_BAN)
        ret->rec.expires = UINT64_C(1800000000) + weir_mix64(seq) % 86400;
}

static void batch(struct weir_record_store *k, const struct pass *p, uint64_t from, uint64_t num)
{
    uint8_t key[BAN_KEY_LEN];
    uint8_t value[SETTING_VALUE_LEN];
    struct weir_stored_record rec;
    struct weir_stored_record before;

    must(k->ops->begin(k), "begin");
    for (uint64_t i = from; i < from + num; i++) {
        make_record(p, i, key, value, &rec);
        enum weir_err err = k->ops->get(k, rec.rec.class, rec.rec.key, &before);
        if (err != WEIR_ENOTFOUND)
            must(err, "get");
        must(k->ops->put(k, &rec), "put");
    }
    struct weir_lane_row lane = { .vv = rec.rec.version.seq };
    memcpy(lane.lane, rec.rec.version.lane, WEIR_LANE_LEN);
    must(k->ops->put_lane(k, &lane), "put_lane");
    must(k->ops->commit(k), "commit");
}

/* @return records a second; *ret_cpu_us of CPU each */
static double run_cpu(struct weir_record_store *k, const struct pass *p, double *ret_cpu_us)
{
    double cpu = cpu_seconds();
    double wall = seconds();

    for (uint64_t i = 0; i < p->num; i += BATCH)
        batch(k, p, i, p->num - i < BATCH ? p->num - i : BATCH);
    wall = seconds() - wall;
    cpu = cpu_seconds() - cpu;
    (void)printf("%-28s %9" PRIu64 " records %10.0f /s %7.2f us of CPU each\n", p->name, p->num,
                 (double)p->num / wall, cpu / (double)p->num * 1e6);
    *ret_cpu_us = cpu / (double)p->num * 1e6;
    return (double)p->num / wall;
}

static double run(struct weir_record_store *k, const struct pass *p)
{
    double cpu_us;

    return run_cpu(k, p, &cpu_us);
}

/* Turns that read and change nothing: what an engine pays when nothing happens. */
static void run_idle(struct weir_record_store *k)
{
    struct weir_store_meta meta;
    double wall = seconds();

    for (uint64_t i = 0; i < NUM_IDLE; i++) {
        must(k->ops->begin(k), "begin");
        must(k->ops->get_meta(k, &meta), "get_meta");
        must(k->ops->commit(k), "commit");
    }
    wall = seconds() - wall;
    (void)printf("%-28s %9.2f us each\n", "  turns without a change", wall / NUM_IDLE * 1e6);
}

/* Blocks that a file takes on the disk, as bytes for each of `num` records. */
static double bytes_each(const char *folder, const char *name, uint64_t num)
{
    char path[4096];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (stat(path, &st) != 0)
        must(WEIR_EIO, path);
    double each = (double)st.st_blocks * 512 / (double)num;
    (void)printf("%-28s %9.0f bytes on the disk each\n", name, each);
    return each;
}

static struct weir_store *open_settings(const char *folder)
{
    struct weir_store_config cfg = { .folder = folder, .max_bytes = MAX_BYTES, .driven = true };
    struct weir_store *s = NULL;

    must(weir_store_open(&cfg, &s), "open conf.mdb");
    return s;
}

/* -- through the engine -- */

struct peer {
    struct weir_engine *engine;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint8_t life[WEIR_INCARNATION_LEN];
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t now_us;
    double cpu;
};

static double thread_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One turn of the engine with one frame, and its outputs. */
static void turn(struct peer *p, enum weir_frame_topic topic, const ProtobufCMessage *msg)
{
    size_t len = weir_frame_packed_len(msg);
    uint8_t *frame = malloc(len);
    struct weir_engine_out out;

    if (frame == NULL)
        must(WEIR_ENOMEM, "frame");
    weir_frame_pack(topic, msg, frame);
    double cpu = thread_seconds();
    weir_engine_tick(p->engine, p->now_us, UINT64_C(1800000000000) + p->now_us / 1000);
    weir_engine_receive(p->engine, 0, weir_span(frame, len));
    must(weir_engine_commit(p->engine), "commit");
    while (weir_engine_next(p->engine, &out))
        continue;
    p->cpu += thread_seconds() - cpu;
    p->now_us += 1000;
    free(frame);
}

static ProtobufCBinaryData bytes_of(struct weir_span s)
{
    return (ProtobufCBinaryData){ .len = s.len, .data = (uint8_t *)(uintptr_t)s.at };
}

static void send_hello(struct peer *p)
{
    Weir__V1__Hello m;

    weir__v1__hello__init(&m);
    m.has_cluster = m.has_node = m.has_incarnation = m.has_wire_min = m.has_wire_max = 1;
    m.cluster = bytes_of(WEIR_SPAN_LIT("bench"));
    m.node = bytes_of(weir_span(p->id, sizeof(p->id)));
    m.incarnation = bytes_of(weir_span(p->life, sizeof(p->life)));
    m.wire_min = m.wire_max = WEIR_FRAME_VERSION;
    m.has_live = 1;
    m.live = 1;
    turn(p, WEIR_FRAME_HELLO, &m.base);
}

static void send_batch(struct peer *p, const struct pass *pass, uint64_t from, uint64_t num)
{
    static uint8_t keys[BATCH][BAN_KEY_LEN];
    static uint8_t values[BATCH][SETTING_VALUE_LEN];
    static Weir__V1__Record records[BATCH];
    Weir__V1__Record *list[BATCH];
    Weir__V1__Batch m;

    weir__v1__batch__init(&m);
    m.has_lane = m.has_first = m.has_group = m.has_incarnation = 1;
    m.lane = bytes_of(weir_span(p->lane, sizeof(p->lane)));
    m.first = pass->first_seq + from;
    m.group = WEIR_FRAME_BATCH_C;
    m.incarnation = bytes_of(weir_span(p->life, sizeof(p->life)));
    for (uint64_t i = 0; i < num; i++) {
        struct weir_stored_record rec;
        make_record(pass, from + i, keys[i], values[i], &rec);
        Weir__V1__Record *r = list[i] = &records[i];
        weir__v1__record__init(r);
        r->has_class_ = r->has_key = r->has_seq = r->has_hlc = r->has_value = 1;
        r->class_ = (uint32_t)rec.rec.class;
        r->key = bytes_of(rec.rec.key);
        r->seq = rec.rec.version.seq;
        r->hlc = rec.rec.version.hlc;
        r->value = bytes_of(rec.rec.value);
        r->has_schema = r->has_min_reader = 1;
        r->schema = r->min_reader = 1;
    }
    m.r = list;
    m.n_r = num;
    turn(p, WEIR_FRAME_BATCH_C, &m.base);
}

/* @return whether the bars hold */
static bool run_engine(struct weir_record_store *settings, struct weir_record_store *bans,
                       uint64_t num, double store_us)
{
    const struct pass pass = { "through the engine", WEIR_CLASS_SETTING, false, num, 1 };
    struct peer p = { .id = { 2 }, .life = { 3 }, .lane = { 2, [8] = 'C' }, .now_us = 1 };
    struct weir_engine_config cfg = {
        .node = { 1 },
        .cluster = WEIR_SPAN_LIT("bench"),
        .seed = 1,
        .records = { settings, bans },
        .bootstrap = true,
        .schema_max = 1,
    };

    must(weir_engine_new(&cfg, &p.engine), "engine");
    must(weir_engine_link_up(p.engine, 0, p.id), "link");
    send_hello(&p);
    p.cpu = 0;
    double wall = seconds();
    for (uint64_t i = 0; i < num; i += BATCH)
        send_batch(&p, &pass, i, num - i < BATCH ? num - i : BATCH);
    wall = seconds() - wall;
    if (weir_engine_counter(p.engine, WEIR_COUNT_APPLIED) != num)
        must(WEIR_ECORRUPT, "not all were applied");
    weir_engine_free(&p.engine);
    double each_us = p.cpu / (double)num * 1e6;
    (void)printf("%-28s %9" PRIu64
                 " records %10.0f /s %7.2f us of CPU each, %.2f beyond the store\n",
                 pass.name, num, (double)num / wall, each_us, each_us - store_us);
    return (double)num / wall >= RATE_BAR && each_us - store_us < ENGINE_BAR;
}

static bool engine(const char *folder, uint64_t num, double store_us)
{
    const uint8_t boot_id[WEIR_BOOT_ID_LEN] = { 1 };
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/engine", folder);
    struct weir_store *s = open_settings(path);
    struct weir_store_config cfg = { .folder = path, .max_bytes = WEIR_EPH_MAX_BYTES };
    struct weir_store *eph = NULL;
    must(weir_eph_open(&cfg, boot_id, &eph), "open eph.mdb");
    bool ok = run_engine(weir_store_records(s), weir_store_records(eph), num, store_us);
    weir_store_close(&eph);
    weir_store_close(&s);
    return ok;
}

static bool settings(const char *folder, const char *part, uint64_t num, bool shuffled)
{
    double cpu_us;
    char path[4096];
    struct pass p = { "settings, keys in order", WEIR_CLASS_SETTING, shuffled, num, 1 };

    if (shuffled)
        p.name = "settings, keys at random";
    (void)snprintf(path, sizeof(path), "%s/%s", folder, part);
    struct weir_store *s = open_settings(path);
    double rate = run_cpu(weir_store_records(s), &p, &cpu_us);
    (void)bytes_each(path, "conf.mdb", num);
    p.name = "  the same over again";
    p.first_seq += num;
    (void)run(weir_store_records(s), &p);
    run_idle(weir_store_records(s));
    weir_store_close(&s);
    return shuffled || (engine(folder, num, cpu_us) && rate >= RATE_BAR);
}

static bool bans(const char *folder, uint64_t num)
{
    const uint8_t boot_id[WEIR_BOOT_ID_LEN] = { 1 };
    struct weir_store_config cfg = { .folder = folder, .max_bytes = WEIR_EPH_MAX_BYTES };
    struct pass p = { "bans, keys at random", WEIR_CLASS_BAN, true, num, 1 };
    struct weir_store *s = NULL;

    must(weir_eph_open(&cfg, boot_id, &s), "open eph.mdb");
    (void)run(weir_store_records(s), &p);
    double each = bytes_each(folder, "eph.mdb", num);
    double wall = seconds();
    must(weir_eph_sync(s), "sync");
    (void)printf("%-28s %9.2f s\n", "  sync of all of them", seconds() - wall);
    p.name = "  the same over again";
    p.first_seq += num;
    (void)run(weir_store_records(s), &p);
    (void)bytes_each(folder, "eph.mdb", num);
    weir_store_close(&s);
    return each <= BAN_BAR;
}

int main(int argc, char **argv)
{
    uint64_t num[2] = { NUM_RECORDS, NUM_BANS };

    if (argc < 2 || argc > 4) {
        (void)fprintf(stderr, "usage: record_store_bench FOLDER [NUM_RECORDS [NUM_BANS]]\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        num[i - 2] = strtoull(argv[i], NULL, 10);
    weir_log_init(WEIR_LOG_ERROR, 2);
    if (mkdir(argv[1], 0700) != 0)
        must(WEIR_EEXIST, argv[1]);
    bool ok = true;
    if (num[0] > 0) {
        ok = settings(argv[1], "ordered", num[0], false);
        ok = settings(argv[1], "shuffled", num[0], true) && ok;
    }
    if (num[1] > 0)
        ok = bans(argv[1], num[1]) && ok;
    (void)printf("bars: %s (settings in order >= %d /s, engine < %.1f us beyond the store, a ban "
                 "<= %d bytes)\n",
                 ok ? "met" : "MISSED", RATE_BAR, ENGINE_BAR, BAN_BAR);
    return ok ? 0 : 1;
}
