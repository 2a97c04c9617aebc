/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a graph, in the language of Graphviz. */
#ifndef SPEADI_GRAPHVIZ_H
#define SPEADI_GRAPHVIZ_H

#include "graph_parts.h"
#include "report.h"

void speadi_graphviz(struct speadi_report *report, const struct spead_graph *graph);

#endif
