#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    uint64_t a = strtoull(argv[1], NULL, 10), b = strtoull(argv[2], NULL, 10);
    uint32_t without = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 0;
    int bad = 0;
    uint64_t w = 0, h = 0, p = 0, r = 0, cf = 0, rep = 0, ev = 0;
    for (uint64_t i = a; i <= b; i++) {
        struct weir_sim_wish wish = { .seed = i, .seconds = 60, .without = without };
        struct weir_sim_result res = weir_sim_run(&wish, argc > 4 ? stdout : NULL);
        w += res.tally.num_writes;
        h += res.tally.healed_us;
        p += res.tally.num_purged;
        r += res.tally.num_resets;
        cf += res.tally.num_conflicts;
        rep += res.tally.num_repaired;
        ev += res.tally.num_events;
        if (res.finding.broken) {
            bad++;
            printf("seed %" PRIu64 ": %s: %s\n", i, weir_sim_broken_text(res.finding.broken),
                   res.where);
            fflush(stdout);
        }
        if (a == b)
            printf("hash %016" PRIx64 "\n", res.trace_hash);
    }
    printf("%d bad; writes %" PRIu64 " healed %" PRIu64 " ms purged %" PRIu64 " resets %" PRIu64
           " conflicts %" PRIu64 " repaired %" PRIu64 " events %" PRIu64 "\n",
           bad, w, h / 1000, p, r, cf, rep, ev);
    return bad > 0;
}
