/* SPDX-License-Identifier: Apache-2.0
 *
 * An SDP offer or answer (RFC 8866, 8829) read into a plain, bounded struct:
 * what WHIP, WHEP and the vehicle need of it, and nothing else. An unknown
 * attribute is ignored; a known one that is wrong is an error that names the
 * line and says what would be right, for the developer at the other end.
 *
 * Invariants of a BlSdp: all strings are NUL-terminated and printable ASCII;
 * counts are within the arrays; no payload type stands twice in one m-line, no
 * mid twice in the session; extension ids are 1..14 or 16..255.
 * Pure functions; any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "rtc/rtpext.h"
#include "signal/candidate.h"

/* The name of repair packets (rtc/fec.h) in a=rtpmap. */
#define BL_SDP_FEC_NAME "x-bluelight-fec"

#define BL_SDP_MAX_BYTES      65536
#define BL_SDP_MAX_MEDIA      16
#define BL_SDP_MAX_CODECS     96 /* Chromium 156 offers 50 in one m-line */
#define BL_SDP_MAX_SSRCS      16 /* in one m-line; further ones are ignored */
#define BL_SDP_MAX_CANDIDATES 32 /* in one m-line; further ones are ignored */

#define BL_SDP_MID_SIZE     33
#define BL_SDP_UFRAG_SIZE   257 /* RFC 8839 section 5.4: at most 256 */
#define BL_SDP_PWD_SIZE     257
#define BL_SDP_CNAME_SIZE   65
#define BL_SDP_MSID_SIZE    65
#define BL_SDP_SHA256_BYTES 32

#define BL_SDP_ERROR (bl_sdp_error_quark ())
GQuark bl_sdp_error_quark (void);

typedef enum {
  BL_SDP_ERROR_MALFORMED,      /* not SDP, or an attribute is wrong: 400 */
  BL_SDP_ERROR_NOT_ACCEPTABLE, /* well-formed, but no call can come of it: 406
                                */
  BL_SDP_ERROR_TOO_LARGE,      /* more than BL_SDP_MAX_BYTES: 413 */
} BlSdpError;

/* The HTTP status that an error of this domain should become (above). */
unsigned bl_sdp_error_http_status (const GError *error);

typedef enum {
  BL_MEDIA_AUDIO,
  BL_MEDIA_VIDEO,
  BL_MEDIA_APPLICATION, /* a data channel */
  BL_MEDIA_OTHER,
} BlMediaKind;

typedef enum {
  BL_DIRECTION_INACTIVE = 0,
  BL_DIRECTION_SENDONLY = 1,
  BL_DIRECTION_RECVONLY = 2,
  BL_DIRECTION_SENDRECV = 3, /* bit 0: sends, bit 1: receives */
} BlDirection;

typedef enum {
  BL_SETUP_NONE, /* not given */
  BL_SETUP_ACTPASS,
  BL_SETUP_ACTIVE,
  BL_SETUP_PASSIVE,
  BL_SETUP_HOLDCONN,
} BlSetup;

/* a=rtcp-fb (RFC 4585, 5104, draft transport-cc, RFC 8888), as a bit set. */
typedef enum {
  BL_FEEDBACK_NACK = 1 << 0,
  BL_FEEDBACK_PLI = 1 << 1, /* nack pli */
  BL_FEEDBACK_FIR = 1 << 2, /* ccm fir */
  BL_FEEDBACK_TRANSPORT_CC = 1 << 3,
  BL_FEEDBACK_CCFB = 1 << 4, /* ack ccfb */
  BL_FEEDBACK_REMB = 1 << 5, /* goog-remb; known so that it can be ignored */
} BlFeedback;

typedef struct {
  uint8_t pt;
  char name[24]; /* as written; compare without case */
  uint32_t clock_rate;
  uint8_t channels;  /* 1 if not given */
  uint32_t feedback; /* BlFeedback, with those of a=rtcp-fb:* */
  int16_t apt;       /* for rtx; -1 if not given */
  int16_t red_of;    /* for red: what all its blocks are; -1 if not told */
  /* H.264, RFC 6184 section 8.1; the fallbacks are those of the RFC. */
  uint32_t profile_level_id; /* 24 bits; 0x42000a if not given */
  bool has_profile_level_id;
  uint8_t packetization_mode; /* 0 if not given */
  bool has_packetization_mode;
  bool level_asymmetry_allowed;
  /* Opus, RFC 7587 section 6.1 */
  bool useinbandfec;
  bool stereo;
  uint16_t minptime_ms; /* 0 if not given */
} BlSdpCodec;

typedef struct {
  uint32_t ssrc;
  uint32_t rtx_ssrc; /* by a=ssrc-group:FID; 0 if none */
  uint32_t fec_ssrc; /* by a=ssrc-group:FEC-FR; 0 if none */
  char cname[BL_SDP_CNAME_SIZE];
} BlSdpSsrc;

typedef struct {
  char ufrag[BL_SDP_UFRAG_SIZE]; /* "" if not given */
  char pwd[BL_SDP_PWD_SIZE];
  bool has_fingerprint; /* a sha-256 one; weaker and other ones are ignored */
  uint8_t fingerprint[BL_SDP_SHA256_BYTES];
  bool other_fingerprint; /* there was one, but not of sha-256 */
  BlSetup setup;
} BlSdpTransport;

typedef struct {
  BlMediaKind kind;
  char kind_text[24];    /* "audio", "video", "application", … */
  char protocol[32];     /* "UDP/TLS/RTP/SAVPF" */
  char first_format[24]; /* of the m= line, to echo in a rejection */
  uint16_t port;         /* 0 and not bundle_only: the m-line is not offered */
  bool bundle_only;      /* RFC 9143 section 6 */
  bool bundled;          /* its mid stands in the BUNDLE group */
  char mid[BL_SDP_MID_SIZE]; /* "" if not given */
  BlDirection direction;
  bool rtcp_mux;
  bool rtcp_rsize;
  bool rcvr_rtt;            /* a=rtcp-xr:rcvr-rtt (RFC 3611 section 5.1) */
  BlSdpTransport transport; /* with the session's values filled in */
  BlRtpExtMap extensions;
  char msid_stream[BL_SDP_MSID_SIZE]; /* "" if not given */
  char msid_track[BL_SDP_MSID_SIZE];
  uint16_t n_codecs;
  BlSdpCodec codecs[BL_SDP_MAX_CODECS]; /* in the m-line's order */
  uint16_t n_ssrcs;
  BlSdpSsrc ssrcs[BL_SDP_MAX_SSRCS]; /* without those that repair others */
  uint16_t n_candidates;
  BlCandidate candidates[BL_SDP_MAX_CANDIDATES];
  bool end_of_candidates;
} BlSdpMedia;

typedef struct {
  bool has_bundle;
  bool ice_lite;
  bool ice_trickle;      /* a=ice-options */
  bool ice_renomination; /* the same */
  /* What stands above the first m-line, read as if it were one of its own:
   * the values that the m-lines start from. */
  BlSdpMedia session;
  uint16_t n_media;
  /* Every m-line, in order; nothing is behind the last. */
  BlSdpMedia media[BL_SDP_MAX_MEDIA];
} BlSdp;

/* Reads `length` bytes (no NUL needed). NULL and `error` on the first thing
 * wrong. The struct is large: it lives on the heap. */
BlSdp *bl_sdp_parse (const char *text, gsize length, GError **error);

/* The same for a fragment (RFC 8840 section 9), which has no v=. */
BlSdp *bl_sdp_parse_fragment (const char *text, gsize length, GError **error);

void bl_sdp_free (BlSdp *sdp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlSdp, bl_sdp_free)

/* The codec with this payload type, or NULL. */
const BlSdpCodec *bl_sdp_codec (const BlSdpMedia *media, uint8_t pt);

/* The codec that is rtx for `apt`, or NULL. */
const BlSdpCodec *bl_sdp_rtx (const BlSdpMedia *media, uint8_t apt);

/* The one that is redundancy (RFC 2198) of `codec` alone, or NULL. */
const BlSdpCodec *bl_sdp_red (const BlSdpMedia *media, const BlSdpCodec *codec);

/* The codec that is our forward error correction (rtc/fec.h), or NULL. */
const BlSdpCodec *bl_sdp_fec (const BlSdpMedia *media);

/* Is there any way to speak over this m-line? */
static inline bool
bl_sdp_media_offered (const BlSdpMedia *media)
{
  return media->port != 0 || media->bundle_only;
}
