/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/sdpfrag.h"

#include <string.h>

#include "signal/sdpwrite.h"

static bool
take_credentials (BlSdpFrag *frag, const BlSdpTransport *transport,
                  GError **error)
{
  if (!*transport->ufrag && !*transport->pwd)
    return true;
  if (!*transport->ufrag || !*transport->pwd) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_MALFORMED,
                 "a=ice-ufrag and a=ice-pwd go together, but the body has only "
                 "one of them");
    return false;
  }
  if (!*frag->ufrag) {
    g_strlcpy (frag->ufrag, transport->ufrag, sizeof frag->ufrag);
    g_strlcpy (frag->pwd, transport->pwd, sizeof frag->pwd);
  } else if (!g_str_equal (frag->ufrag, transport->ufrag)) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_MALFORMED,
                 "two m-lines have different a=ice-ufrag, but everything is "
                 "bundled: one set of credentials serves all");
    return false;
  }
  return true;
}

static void
take_candidates (BlSdpFrag *frag, const BlSdpMedia *media)
{
  for (guint i = 0; i < media->n_candidates; i++) {
    if (frag->n_candidates == BL_SDP_MAX_CANDIDATES)
      return;
    frag->candidates[frag->n_candidates++] = media->candidates[i];
  }
}

static bool
take_media (BlSdpFrag *frag, const BlSdpMedia *media, GError **error)
{
  if (!take_credentials (frag, &media->transport, error))
    return false;
  take_candidates (frag, media);
  if (!*frag->mid)
    g_strlcpy (frag->mid, media->mid, sizeof frag->mid);
  frag->end_of_candidates |= media->end_of_candidates;
  return true;
}

gboolean
bl_sdpfrag_parse (const char *text, gsize length, BlSdpFrag *out_frag,
                  GError **error)
{
  if (length > BL_SDPFRAG_MAX_BYTES) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_TOO_LARGE,
                 "the body has %" G_GSIZE_FORMAT " bytes; at most %d are read",
                 length, BL_SDPFRAG_MAX_BYTES);
    return FALSE;
  }
  g_autoptr (BlSdp) sdp = bl_sdp_parse_fragment (text, length, error);
  if (!sdp)
    return FALSE;
  BlSdpFrag frag = { .ice_lite = sdp->ice_lite };
  if (!take_media (&frag, &sdp->session, error))
    return FALSE;
  for (guint i = 0; i < sdp->n_media; i++) {
    if (!take_media (&frag, &sdp->media[i], error))
      return FALSE;
  }
  *out_frag = frag;
  return TRUE;
}

bool
bl_sdpfrag_is_restart (const BlSdpFrag *frag, const char *ufrag,
                       const char *pwd)
{
  /* RFC 8445 section 9 wants both changed; one is enough to be another. */
  return *frag->ufrag
         && (!g_str_equal (frag->ufrag, ufrag)
             || !g_str_equal (frag->pwd, pwd));
}

char *
bl_sdpfrag_build (const BlSdpFrag *frag)
{
  const char *mid = *frag->mid ? frag->mid : "0";
  GString *text = g_string_new (NULL);
  if (frag->ice_lite)
    g_string_append (text, "a=ice-lite\r\n");
  g_string_append_printf (text,
                          "a=ice-options:trickle\r\n"
                          "a=group:BUNDLE %s\r\n"
                          "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
                          "a=mid:%s\r\n",
                          mid, mid);
  if (*frag->ufrag)
    g_string_append_printf (text, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
                            frag->ufrag, frag->pwd);
  bl_sdpwrite_candidates (text, frag->candidates, frag->n_candidates);
  if (frag->end_of_candidates)
    g_string_append (text, "a=end-of-candidates\r\n");
  return g_string_free (text, FALSE);
}
