/* SPDX-License-Identifier: Apache-2.0
 *
 * The vehicle's offer for WHIP (RFC 9725): one sendonly m-line of Opus, with
 * redundancy (RFC 2198) and NACK, and one
 * of H.264 constrained baseline (42e01f), and the reading of the answer to it.
 * The same for a viewer (recvonly), for our own tests and tools.
 * Pure functions; any thread.
 */
#pragma once

#include "signal/negotiated.h"

/* Payload types and extension ids that our offers use. */
#define BL_OFFER_PT_OPUS 111
#define BL_OFFER_PT_RED  63
#define BL_OFFER_PT_H264 96
#define BL_OFFER_PT_RTX  97
#define BL_OFFER_PT_FEC  98

typedef struct {
  bool audio;
  bool video;
  bool view; /* recvonly: we are a viewer; else sendonly */
} BlOfferShape;

/* The offer's text, with setup:actpass and trickle; free with g_free. At least
 * one track. */
char *bl_offer_build (const BlOfferShape *shape, const BlSdpLocal *local);

/* Checks `answer` against the offer that bl_offer_build() made of the same
 * arguments. FALSE and an error of BL_SDP_ERROR if the answer breaks the rules
 * (RFC 3264, 8829) or leaves us no track. */
gboolean bl_offer_read_answer (const BlOfferShape *shape,
                               const BlSdpLocal *local, const BlSdp *answer,
                               BlNegotiated *out_negotiated, GError **error);
