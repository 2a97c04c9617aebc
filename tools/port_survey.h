/* SPDX-License-Identifier: Apache-2.0 */
/* What spead-info says about the port of a device: its place in the host, its interrupts, multicast loopback, and the
 * MTU of interfaces whose frames reach the same port. */
#ifndef SPEADLINE_TOOLS_PORT_SURVEY_H
#define SPEADLINE_TOOLS_PORT_SURVEY_H

#include <jansson.h>
#include <stdio.h>

#include "engine_survey.h"

/* Fills engine->place, and adds the remedies for the port. The report of the engine must name an interface. */
void port_survey_take(struct survey_engine *engine);

/* Prints a line for each thing that is known about the port, or that is not known. */
void port_survey_print(FILE *to, const struct speadi_port_place *place);

/* Returns what is known as a JSON object; what is not known is null. Its key `notes` has the lines of
 * port_survey_print(). Returns NULL when out of memory. */
json_t *port_survey_json(const struct speadi_port_place *place);

#endif
