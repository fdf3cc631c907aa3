/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of our own offers and answers, from what is to stand in them. For
 * answer.c and offer.c alone.
 */
#pragma once

#include "signal/negotiated.h"

typedef struct {
  BlMediaKind kind;
  const char *protocol;
  const BlNegotiatedTrack *track;
  bool h264_asymmetry; /* level-asymmetry-allowed=1 */
  int8_t h264_mode;    /* packetization-mode; -1: nothing is said of it */
  bool h264_profile;   /* the track's profile-level-id is said */
  bool opus_stereo;
  const char *setup;
  bool candidates;        /* the m-line that carries the bundle's candidates */
  bool end_of_candidates; /* and all of them */
} BlSdpSection;

/* v= to a=ice-options. `bundle` holds mids between spaces, or "". */
void bl_sdpwrite_session (GString *text, const BlSdpLocal *local,
                          const char *bundle, bool ice_lite);

/* A whole m-line of ours with its attributes. */
void bl_sdpwrite_section (GString *text, const BlSdpLocal *local,
                          const BlSdpSection *section);

/* An m-line with port 0, in the place of one that is not taken. It says nothing
 * by the transport and the codec that it names; but GStreamer's webrtcbin
 * refuses an answer with an m-line that lacks the one, werift the other. */
void bl_sdpwrite_rejected (GString *text, const BlSdpLocal *local,
                           const char *setup, const BlSdpMedia *offered);

/* a=candidate lines. */
void bl_sdpwrite_candidates (GString *text, const BlCandidate *candidates,
                             gsize n_candidates);
