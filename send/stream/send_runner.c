/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that runs a send stream. */
#include <speadline/send.h>

#include <speadi/thread.h>

#include "send_stream.h"

static int body(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct spead_send_stream *stream = arg;
    int ret = spead_send_stream_start(stream, err);

    if (ret < 0)
        return ret;
    speadi_runner_ready(self);
    return speadi_send_stream_loop(stream);
}

/* A struct spead_send_runner is in fact a struct speadi_runner. The name spead_send_runner exists only for the public
 * header. */
int spead_send_runner_start(struct spead_send_runner **out, struct spead_send_stream *stream,
                            int cpu, struct spead_err *err)
{
    struct speadi_runner *runner;
    int ret = speadi_runner_start(&runner, "spead-send", cpu, body, stream, err);

    if (ret == 0)
        *out = (struct spead_send_runner *)runner;
    return ret;
}

int spead_send_runner_join(struct spead_send_runner *runner, uint64_t *cpu_ns)
{
    return speadi_runner_join((struct speadi_runner *)runner, cpu_ns);
}
