/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of type application/trickle-ice-sdpfrag (RFC 8840 section 9), as WHIP
 * uses them in PATCH (RFC 9725 section 4.3): candidates that trickle in, or
 * new credentials, which ask for an ICE restart and are answered with ours.
 * Everything is bundled, so one set of credentials serves all m-lines.
 * Pure functions; any thread.
 */
#pragma once

#include "signal/sdp.h"

#define BL_SDPFRAG_MAX_BYTES 16384

#define BL_SDPFRAG_TYPE "application/trickle-ice-sdpfrag"

typedef struct {
  char ufrag[BL_SDP_UFRAG_SIZE]; /* "" if not given */
  char pwd[BL_SDP_PWD_SIZE];
  bool ice_lite;
  bool end_of_candidates;
  char mid[BL_SDP_MID_SIZE]; /* of the first m-line that has one */
  uint16_t n_candidates;
  BlCandidate candidates[BL_SDP_MAX_CANDIDATES];
} BlSdpFrag;

/* Errors are those of BL_SDP_ERROR. `out_frag` is untouched on failure. */
gboolean bl_sdpfrag_parse (const char *text, gsize length, BlSdpFrag *out_frag,
                           GError **error);

/* Does it ask for an ICE restart: are there credentials, and other ones than
 * these of the session as it stands? */
bool bl_sdpfrag_is_restart (const BlSdpFrag *frag, const char *ufrag,
                            const char *pwd);

/* The body; free with g_free. */
char *bl_sdpfrag_build (const BlSdpFrag *frag);
