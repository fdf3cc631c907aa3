/* SPDX-License-Identifier: Apache-2.0
 *
 * Offers: what can be read is answered, both as a publisher's and as a
 * viewer's, and an answer of ours must always be readable.
 */
#include <string.h>

#include "base/blassert.h"
#include "signal/answer.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const uint8_t fingerprint[BL_SDP_SHA256_BYTES] = { 1 };
  static const BlSdpLocal local = {
    .ufrag = "ufrag",
    .pwd = "passwordpasswordpassword",
    .fingerprint = fingerprint,
    .cname = "cname",
    .msid = "msid",
    .audio_ssrc = 1,
    .video_ssrc = 2,
    .video_rtx_ssrc = 3,
  };
  static const BlAnswerSource source = { true, true, 0x42c01f };
  g_autoptr (BlSdp) offer = bl_sdp_parse ((const char *)data, size, NULL);
  if (!offer)
    return 0;
  for (int view = 0; view < 2; view++) {
    BlNegotiated negotiated;
    g_autofree char *text
        = view ? bl_answer_whep (offer, &local, &source, &negotiated, NULL)
               : bl_answer_whip (offer, &local, &negotiated, NULL);
    if (!text)
      continue;
    g_autoptr (BlSdp) answer = bl_sdp_parse (text, strlen (text), NULL);
    bl_assert (answer && answer->n_media == offer->n_media);
  }
  return 0;
}
