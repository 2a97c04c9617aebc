/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the summary of spead-recv about what did not arrive, and about senders and endpoints that misbehave. */
#ifndef SPEADLINE_TOOLS_RECV_LOSSES_H
#define SPEADLINE_TOOLS_RECV_LOSSES_H

#include <stdio.h>

#include "recv_report.h"

/* Prints a line for each thing that went wrong: what happened, and what a user can do. Prints nothing for a clean
 * run. */
void recv_losses_print(FILE *to, const struct recv_report *report);

#endif
