/* SPDX-License-Identifier: Apache-2.0
 *
 * SRTP and SRTCP with AES-CM and HMAC-SHA1 (RFC 3711), by libsrtp, both ways;
 * for secure/srtp.c alone. Where libsrtp is built on NSS, as Debian's is, its
 * ciphers allocate and free inside for each packet.
 */
#pragma once

#include "secure/srtp.h"

typedef struct BlCm BlCm;

/* Keys are copied. NULL if libsrtp refuses (no memory). Any thread. */
BlCm *bl_cm_new (const BlSrtpKeys *keys, unsigned max_remote_ssrcs);

/* Accepts NULL. */
void bl_cm_free (BlCm *cm);

/* In place, of any length up to UINT16_MAX; to protect there is room:
 * BL_SRTP_TRAILER_MAX. `*length` in and out, untouched on failure. */
BlSrtpStatus bl_cm_unprotect_rtp (BlCm *cm, uint8_t *packet, size_t *length);
BlSrtpStatus bl_cm_unprotect_rtcp (BlCm *cm, uint8_t *packet, size_t *length);
BlSrtpStatus bl_cm_protect_rtp (BlCm *cm, uint8_t *packet, size_t *length);
BlSrtpStatus bl_cm_protect_rtcp (BlCm *cm, uint8_t *packet, size_t *length);
