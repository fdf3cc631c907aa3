/* SPDX-License-Identifier: Apache-2.0
 *
 * Congestion experienced (RFC 3168), written into a packet that says its ends
 * understand it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks an IPv4 or IPv6 packet that is ECT(0) or ECT(1); false and no change
 * for any other. */
bool impair_ecn_mark (uint8_t *packet, size_t length);
