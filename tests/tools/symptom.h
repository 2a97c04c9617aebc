/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a symptom of docs/troubleshooting.md: runs spead-recv, sends it packets that a test has built, and compares
 * what spead-recv says with that page. One receiver runs at a time, at 127.0.0.1:7148 in the network namespace of the
 * test. If an expectation of a function is not met, the function fails the test. */
#ifndef TESTS_TOOLS_SYMPTOM_H
#define TESTS_TOOLS_SYMPTOM_H

#include "packet_builder.h"
#include "tool_run.h"

#define SYMPTOM_ENDPOINT "127.0.0.1:7148"

/* The packet that symptom_send() sends. */
extern struct test_packet symptom_packet;

/* Opens a socket that sends from this address of the loopback interface. `port` 0 means any port. The end of the test
 * closes it. */
int symptom_from(const char *address, unsigned port);

/* Sends symptom_packet to the receiver. */
void symptom_send(int from);
/* Sends a packet without items: the range [offset, offset + bytes) of a heap of `length` bytes. */
void symptom_piece(int from, uint64_t counter, uint64_t length, uint64_t offset, size_t bytes);
/* Sends a heap of one packet of 8 bytes with an immediate item (identifier 0x1600). */
void symptom_stamped(int from, uint64_t counter, uint64_t value);
/* Sends a control heap with a start or stop item (enum spead_stream_control). */
void symptom_control(int from, uint64_t counter, uint64_t value);

/* Starts `spead-recv 127.0.0.1:7148 --json --ring-heaps 64` with further options, and returns when it listens. */
void symptom_begin(const char *options);
/* Makes the receivers that begin later load this shared library; NULL means none. */
void symptom_preload(const char *library);
/* Stops the receiver's process until symptom_awake(). Packets that are sent meanwhile wait in its socket. */
void symptom_asleep(void);
void symptom_awake(void);
/* Waits until the programs of this namespace have read `datagrams` datagrams since the test began. */
void symptom_await(unsigned datagrams);
/* These functions wait until the receiver has ended, and expect this exit status. symptom_interrupt() first interrupts
 * the receiver once, and symptom_interrupt_twice() twice. symptom_end_after() first calls symptom_await(), and then
 * interrupts the receiver once. */
void symptom_end(int status);
void symptom_interrupt(int status);
void symptom_interrupt_twice(int status);
void symptom_end_after(unsigned datagrams, int status);
/* Returns the JSON object of the receiver that has ended. It belongs to these functions. */
const json_t *symptom_object(void);
/* Returns what the receiver has said so far on standard error. It belongs to these functions. */
const char *symptom_said(void);

/* symptom_says() expects that the receiver has said this, and symptom_hides() that it has not. symptom_shows() expects
 * that the receiver has said this, and that the page quotes it. White space is compared as one space. */
void symptom_says(const char *text);
void symptom_hides(const char *text);
void symptom_shows(const char *text);
/* Expects that the page has this text. */
void symptom_page_has(const char *text);

#endif
