/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay's answers to a WHIP offer (RFC 9725: we receive) and to a WHEP
 * offer (we send). We are ICE-lite, and DTLS-passive unless the offer is
 * passive itself (FFmpeg's); everything is bundled onto one address, and all
 * our candidates are in the answer.
 *
 * Taken: the first m-line of sound with Opus/48000/2 and the first of pictures
 * with H.264 packetization-mode=1, or with none named, or, of publishers alone,
 * with 0. All other m-lines (data channels too) are
 * answered with port 0, in their place. A publisher's redundancy of sound (RFC
 * 2198) is taken, and preferred: browsers then send it. Of extensions and
 * feedback only what was offered and is known, with the offered ids. Pure
 * functions; any thread.
 */
#pragma once

#include "signal/negotiated.h"

typedef struct {
  bool audio;                /* the call has sound */
  bool video;                /* the call has pictures */
  uint32_t profile_level_id; /* from the real SPS; 0: not known yet */
} BlAnswerSource;

/* The answer's text (free with g_free) and what was agreed, or NULL and an
 * error of BL_SDP_ERROR whose message may be sent to the other end.
 * `local`'s ssrcs are not used. */
char *bl_answer_whip (const BlSdp *offer, const BlSdpLocal *local,
                      BlNegotiated *out_negotiated, GError **error);

/* The same for a viewer of `source`. A track that the source does not have
 * (yet) is still negotiated if it was offered, so that it can start later:
 * set both flags unless it is certain that there is none. */
char *bl_answer_whep (const BlSdp *offer, const BlSdpLocal *local,
                      const BlAnswerSource *source,
                      BlNegotiated *out_negotiated, GError **error);
