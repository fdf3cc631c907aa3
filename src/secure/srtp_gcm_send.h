/* SPDX-License-Identifier: Apache-2.0
 *
 * The sending half of SRTP and SRTCP with AES-GCM (RFC 7714), for secure/srtp.c
 * alone: what libsrtp does, at the cost of the cipher (secure/srtp_gcm.h).
 *
 * Invariant: no nonce is used twice. A nonce is SSRC and packet index, and a
 * stream gives each index away once, before anything is encrypted under it:
 * RTP's 48-bit index is guessed from the sequence number as a receiver does
 * (RFC 3711 section 3.3.1) and used up in a window; RTCP's counts up. When an
 * index would wrap, the keys are used up: BL_SRTP_FAILED.
 */
#pragma once

#include "secure/srtp.h"

typedef struct BlGcmSender BlGcmSender;

/* `profile` is one of the two of GCM; `master` is its key followed by its salt,
 * and is copied. NULL if OpenSSL refuses (no memory). */
BlGcmSender *bl_gcm_sender_new (BlSrtpProfile profile, const uint8_t *master);

/* Accepts NULL. */
void bl_gcm_sender_free (BlGcmSender *sender);

/* What the next RTP packet will need: first what lies in the sender itself,
 * then the cipher, which it leads to (base/prefetch.h). */
void bl_gcm_sender_prefetch (const BlGcmSender *sender);
void bl_gcm_sender_prefetch_cipher (const BlGcmSender *sender);

/* Encrypts in place and appends the tag (RTCP: tag and index), for which there
 * is room: BL_SRTP_TRAILER_MAX. `*length` in and out, untouched on failure. */
BlSrtpStatus bl_gcm_sender_protect_rtp (BlGcmSender *sender, uint8_t *packet,
                                        size_t *length);
BlSrtpStatus bl_gcm_sender_protect_rtcp (BlGcmSender *sender, uint8_t *packet,
                                         size_t *length);
