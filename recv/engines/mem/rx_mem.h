/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the mem engine for tests. With them the engine behaves as a NIC does. A test must call these functions
 * before the first poll. */
#ifndef SPEADI_RX_MEM_H
#define SPEADI_RX_MEM_H

/* Lets a poll lend at most this many packets (default: SPEADI_RX_BURST_MAX), so that reservations stay outstanding over
 * several polls. */
void speadi_rx_mem_set_poll_max(void *self, unsigned packets);

/* Lets at most this many reservations be outstanding (default and maximum: SPEADI_RX_RESERVE_USUAL). With 0 the engine
 * accepts no reservation. */
void speadi_rx_mem_set_window(void *self, unsigned reservations);

#endif
