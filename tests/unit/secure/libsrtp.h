/* SPDX-License-Identifier: Apache-2.0
 *
 * libsrtp with AES-GCM as the reference for ours, and random packets to compare
 * them by. For tests/unit/secure/test_srtp_gcm_*.c.
 */
#pragma once

#include <srtp2/srtp.h>

#include "secure/srtp.h"

/* For a packet with its trailer; libsrtp wants it aligned. */
#define ROOM 2048

/* Starts the random numbers anew. */
void seed (int number);

/* 0..sides - 1 */
unsigned roll (unsigned sides);

/* Of one of the profiles of GCM: random keys, the same for both directions. */
BlSrtpKeys random_keys (BlSrtpProfile profile);

/* A context for any SSRC that goes out or comes in, with these keys. */
srtp_t open_libsrtp (const BlSrtpKeys *keys, srtp_ssrc_type_t direction,
                     srtp_sec_serv_t rtcp_services);

/* Random but for its numbers: CSRCs, an extension, a payload or none; shorter
 * than `most` + 160. */
size_t make_rtp (uint8_t *packet, uint32_t ssrc, uint16_t seq, unsigned most);
size_t make_rtcp (uint8_t *packet, uint32_t ssrc);
