/* SPDX-License-Identifier: Apache-2.0
 *
 * What an Opus packet says of itself (RFC 6716 section 3.1).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Opus counts time in 48 kHz, whatever it encodes (RFC 7587 section 4.1). */
#define BL_OPUS_CLOCK_HZ 48000

/* How long it lasts; 0 if it is malformed, or longer than the 120 ms that there
 * may be. */
uint32_t bl_opus_ticks (const uint8_t *packet, size_t length);
