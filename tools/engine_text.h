/* SPDX-License-Identifier: Apache-2.0 */
/* A survey of the engines as text for people. */
#ifndef SPEADLINE_TOOLS_ENGINE_TEXT_H
#define SPEADLINE_TOOLS_ENGINE_TEXT_H

#include <stdio.h>

#include "engine_survey.h"

/* Prints each engine with its device and its remedies. If there is no engine, it prints a sentence that says so. */
void survey_print(FILE *to, const struct survey *survey);

#endif
