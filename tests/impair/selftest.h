/* SPDX-License-Identifier: Apache-2.0
 *
 * The link measures itself: UDP through two TUN devices in two network
 * namespaces that nobody else sees, by the clock. Prints a line a claim.
 */
#pragma once

#include <stdbool.h>

/* `loaded`: judges only what a machine without time to spare can't spoil
 * (nothing comes early, faster or against the draw). True: all held. Without
 * root it says so, and that is no failure. */
bool impair_selftest_run (bool loaded);
