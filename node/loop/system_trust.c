/* SPDX-License-Identifier: Apache-2.0
 *
 * system_trust.c - see system_trust.h.
 */
#include "node/loop/system_trust.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/log.h"

#define BYTES_MAX (16 << 20) /* far above any system's */

static struct weir_tls_trust *read_bytes(int fd, size_t len)
{
    struct weir_tls_trust *trust = NULL;
    uint8_t *at = malloc(len);
    ssize_t n = at != NULL ? read(fd, at, len) : -1;
    if (n <= 0 || weir_tls_trust_new_bundle(weir_span(at, (size_t)n), &trust) < 0)
        trust = NULL;
    free(at);
    return trust;
}

static struct weir_tls_trust *read_file(const char *file)
{
    struct stat st;
    struct weir_tls_trust *trust = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size <= BYTES_MAX)
        trust = read_bytes(fd, (size_t)st.st_size);
    if (fd >= 0)
        (void)close(fd);
    return trust;
}

const struct weir_tls_trust *weir_system_trust(struct weir_system_trust *s)
{
    static struct weir_log_limit limit;
    struct weir_tls_trust *trust = atomic_load_explicit(&s->trust, memory_order_acquire);
    uint32_t suppressed = 0;
    if (trust != NULL)
        return trust;
    const char *file = getenv("SSL_CERT_FILE");
    if (file == NULL || file[0] == '\0')
        file = WEIR_SYSTEM_TRUST_FILE;
    trust = read_file(file);
    if (trust == NULL) {
        if (weir_log_allowed(&limit, 10, &suppressed))
            log_warn("tls.no_system_authorities", "file=\"%s\" suppressed=%u", file, suppressed);
        return NULL;
    }
    struct weir_tls_trust *first = NULL;
    if (atomic_compare_exchange_strong_explicit(&s->trust, &first, trust, memory_order_acq_rel,
                                                memory_order_acquire)) {
        log_info("tls.system_authorities", "file=\"%s\" certificates=%zu", file,
                 weir_tls_trust_num(trust));
        return trust;
    }
    weir_tls_trust_unref(trust); /* another worker was faster */
    return first;
}

void weir_system_trust_deinit(struct weir_system_trust *s)
{
    weir_tls_trust_unref(atomic_load_explicit(&s->trust, memory_order_acquire));
    atomic_store_explicit(&s->trust, NULL, memory_order_relaxed);
}
