/* SPDX-License-Identifier: Apache-2.0
 *
 * node_counters.c - sums over the blocks of the workers, of control and of the store's writer.
 */
#include "node/ctl/node_counters.h"

size_t weir_node_blocks(const struct weir_node *node, const struct weir_metrics **out)
{
    size_t num = 0;
    size_t num_workers = 0;
    const struct weir_metrics *const *workers =
        node->workers != NULL ? weir_workers_metrics(node->workers, &num_workers) : NULL;
    WEIR_ASSERT(num_workers <= WEIR_WORKERS_MAX);
    for (size_t i = 0; i < num_workers; i++)
        out[num++] = workers[i];
    out[num++] = node->metrics;
    out[num++] = node->store_metrics;
    return num;
}

uint64_t weir_node_sum(const struct weir_node *node, enum weir_metric which)
{
    const struct weir_metrics *blocks[WEIR_BLOCKS_MAX];
    size_t num = weir_node_blocks(node, blocks);
    return weir_metrics_sum(blocks, num, which);
}

uint64_t weir_node_requests(const struct weir_node *node)
{
    return weir_node_sum(node, WEIR_M_REQUESTS_2XX) + weir_node_sum(node, WEIR_M_REQUESTS_3XX) +
           weir_node_sum(node, WEIR_M_REQUESTS_4XX) + weir_node_sum(node, WEIR_M_REQUESTS_5XX) +
           weir_node_sum(node, WEIR_M_REQUESTS_CUT);
}

void weir_rate_sample(struct weir_rate *rate, uint64_t now_ns, uint64_t total)
{
    uint32_t at = rate->num % WEIR_RATE_SAMPLES;
    rate->at_ns[at] = now_ns;
    rate->total[at] = total;
    rate->num++;
}

double weir_rate_per_s(const struct weir_rate *rate)
{
    if (rate->num < 2)
        return 0;
    uint32_t newest = (rate->num - 1) % WEIR_RATE_SAMPLES;
    uint32_t oldest = rate->num > WEIR_RATE_SAMPLES ? rate->num % WEIR_RATE_SAMPLES : 0;
    uint64_t ns = rate->at_ns[newest] - rate->at_ns[oldest];
    if (ns == 0)
        return 0;
    return (double)(rate->total[newest] - rate->total[oldest]) * 1e9 / (double)ns;
}
