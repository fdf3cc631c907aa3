/* SPDX-License-Identifier: Apache-2.0
 *
 * What came of a load, for machines and for people. docs/bench.md defines the
 * figures.
 */
#pragma once

#include "options.h"
#include "swarm.h"

/* One line of JSON on stdout; a summary on stderr unless quiet. Sorts the
 * times in `result`. */
void lg_report_print (const LgOptions *options, LgResult *result);
