/* SPDX-License-Identifier: Apache-2.0
 *
 * What both ends agreed on, as plain values: all that a media worker or the
 * vehicle's uplink needs to know of an offer and its answer.
 *
 * Invariants: at most one audio and one video track; the extension ids are in
 * both the offer and the answer; pt, rtx_pt and fec_pt differ between the
 * tracks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "signal/sdp.h"

/* What our side brings to an offer or an answer. Everything is borrowed for
 * the length of the call it is given to. */
typedef struct {
  const char *ufrag;             /* 4 to 256 ice-chars */
  const char *pwd;               /* 22 to 256 ice-chars */
  const uint8_t *fingerprint;    /* BL_SDP_SHA256_BYTES of our certificate */
  const BlCandidate *candidates; /* may be NULL */
  gsize n_candidates;
  bool full_ice;       /* an answer is not ICE-lite's */
  uint64_t session_id; /* for o=; below 2^63 */
  const char *cname;   /* one for both tracks, so that they are in sync */
  const char *msid;    /* the stream's id */
  uint32_t audio_ssrc; /* these four: when we send */
  uint32_t video_ssrc;
  uint32_t video_rtx_ssrc;
  uint32_t video_fec_ssrc;
} BlSdpLocal;

typedef struct {
  bool present; /* false: no such track, and nothing below counts */
  char mid[BL_SDP_MID_SIZE];
  bool sends; /* we send it; else we receive it */
  uint8_t pt;
  int16_t rtx_pt; /* -1: no retransmission by RTX */
  uint8_t red_pt; /* sound: 0: no redundancy (RFC 2198) */
  uint8_t fec_pt; /* 0: no repair packets (rtc/fec.h) */
  uint32_t clock_rate;
  uint32_t feedback; /* BlFeedback: what both ends know */
  bool rcvr_rtt;     /* both ends speak RTCP XR RRTR/DLRR */
  bool rtcp_rsize;   /* reduced-size RTCP may be sent */
  BlRtpExtMap extensions;
  uint32_t profile_level_id; /* video: of the answer */
  uint32_t ssrc; /* the sender's: ours if sends, else the remote's; 0: not told,
                  * take it from the first packet with this mid or pt */
  uint32_t rtx_ssrc;             /* likewise */
  uint32_t fec_ssrc;             /* likewise */
  char cname[BL_SDP_CNAME_SIZE]; /* the sender's */
} BlNegotiatedTrack;

typedef struct {
  char remote_ufrag[BL_SDP_UFRAG_SIZE];
  char remote_pwd[BL_SDP_PWD_SIZE];
  uint8_t remote_fingerprint[BL_SDP_SHA256_BYTES];
  bool dtls_client; /* we are: the other end is passive */
  bool remote_ice_lite;
  bool remote_renomination;
  BlNegotiatedTrack audio;
  BlNegotiatedTrack video;
  /* The other end offered video, but none of its codecs is H.264 with
   * packetization-mode=1 (Firefox as Debian packages it): sound only. */
  bool video_refused;
  /* The source's H.264 profile is none that the viewer says it decodes. Most
   * decoders manage; worth a log line and a counter. */
  bool profile_mismatch;
} BlNegotiated;
