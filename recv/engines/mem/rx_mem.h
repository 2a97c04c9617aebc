/* Knobs of the mem engine for tests: how it would behave as a NIC. */
#ifndef SPEADI_RX_MEM_H
#define SPEADI_RX_MEM_H

/* At most this many packets a poll (default SPEADI_RX_BURST_MAX): reservations then stay outstanding
 * over several polls. Before the first poll. */
void speadi_rx_mem_set_poll_max(void *self, unsigned packets);

/* At most this many reservations outstanding (default and most: SPEADI_RX_RESERVE_MAX). 0: none are
 * accepted. Before the first poll. */
void speadi_rx_mem_set_window(void *self, unsigned reservations);

#endif
