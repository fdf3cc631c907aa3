/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiving half of SRTP and SRTCP with AES-GCM (RFC 7714), for
 * secure/srtp.c alone: it takes what libsrtp takes (secure/srtp_gcm.h). Of RTP
 * that it refuses it says more: a number that came before is looked at like any
 * other, for what comes over a second path is a copy, and tells that this path
 * is alive; a forgery doesn't.
 *
 * Invariant: only an authentic packet changes anything. An index is used up
 * behind decryption (RFC 3711 section 3.3); a stream is made, and memory taken,
 * when the first packet of an SSRC has proven authentic, and again when the
 * first of RTP has. From then on a packet allocates nothing.
 *
 * SRTCP whose E flag is off is authenticated without being encrypted (RFC 7714
 * section 9.3), and taken as well.
 */
#pragma once

#include "secure/srtp.h"

/* How many reports behind the newest one may still come in, as in libsrtp. */
#define BL_GCM_RTCP_WINDOW 128

typedef struct BlGcmReceiver BlGcmReceiver;

/* `profile` is one of the two of GCM; `master` is its key followed by its salt,
 * and is copied. `max_ssrcs` bounds the streams. NULL if OpenSSL refuses (no
 * memory). */
BlGcmReceiver *bl_gcm_receiver_new (BlSrtpProfile profile,
                                    const uint8_t *master, unsigned max_ssrcs);

/* Accepts NULL. */
void bl_gcm_receiver_free (BlGcmReceiver *receiver);

/* Of any length up to UINT16_MAX. `*length` in and out; on failure it is
 * untouched, and the packet's bytes are of no use any more. */
BlSrtpStatus bl_gcm_receiver_unprotect_rtp (BlGcmReceiver *receiver,
                                            uint8_t *packet, size_t *length);
BlSrtpStatus bl_gcm_receiver_unprotect_rtcp (BlGcmReceiver *receiver,
                                             uint8_t *packet, size_t *length);
