/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a receiving socket as the configuration of the stream says. */
#include "udp_source.h"

int speadi_udp_source_open(struct speadi_udp_socket *socket, struct speadi_interface_watch *watch,
                           const struct speadi_rx_config *config, uint32_t i, struct spead_err *err)
{
    const struct speadi_udp_receive_options options = {
        .interface = speadi_rx_interface(config, i),
        .sender = config->sender,
        .buffer_bytes = config->socket_buffer_bytes,
        .gro = true,
        .log = config->log,
    };
    int ret = speadi_udp_open_receive(socket, &config->addresses[i], &options, err);

    if (ret == 0)
        speadi_interface_watch_receiver(watch, socket, &config->addresses[i], config->sender,
                                        config->log);
    return ret;
}
