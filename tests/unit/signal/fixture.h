/* SPDX-License-Identifier: Apache-2.0
 *
 * Real offers and what our side brings, for the tests of signal/.
 */
#pragma once

#include <string.h>

#include "run_suite.h"
#include "signal/negotiated.h"

static const uint8_t fixture_fingerprint[BL_SDP_SHA256_BYTES]
    = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

static const BlCandidate fixture_candidates[] = {
  { .foundation = "1",
    .component = 1,
    .priority = 2130706431,
    .address = "192.0.2.7",
    .port = 50000,
    .type = BL_CANDIDATE_HOST },
  { .foundation = "2",
    .component = 1,
    .priority = 2130706175,
    .address = "2001:db8::7",
    .port = 50000,
    .type = BL_CANDIDATE_HOST },
};

static const BlSdpLocal fixture_local = {
  .ufrag = "ourUfrag",
  .pwd = "ourPasswordOf24Characters",
  .fingerprint = fixture_fingerprint,
  .candidates = fixture_candidates,
  .n_candidates = G_N_ELEMENTS (fixture_candidates),
  .session_id = 4611686018427387905,
  .cname = "ourCname",
  .msid = "ourStream",
  .audio_ssrc = 1001,
  .video_ssrc = 1002,
  .video_rtx_ssrc = 1003,
};

static inline char *
fixture_text (const char *name)
{
  g_autofree char *path
      = g_strdup_printf (BL_TEST_DATA G_DIR_SEPARATOR_S "%s.sdp", name);
  char *text = NULL;
  ck_assert_msg (g_file_get_contents (path, &text, NULL, NULL), "%s", path);
  return text;
}

static inline BlSdp *
fixture_parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  BlSdp *sdp = bl_sdp_parse (text, strlen (text), &error);
  ck_assert_msg (sdp != NULL, "%s", error ? error->message : "no error set");
  return sdp;
}

static inline BlSdp *
fixture_offer (const char *name)
{
  g_autofree char *text = fixture_text (name);
  return fixture_parse (text);
}

/* `text` with each `from` made `to`; there must be one. Takes `text`. */
static inline char *
fixture_replace (char *text, const char *from, const char *to)
{
  g_autofree char *before = text;
  ck_assert_msg (strstr (before, from) != NULL, "no “%s” to replace", from);
  GString *after = g_string_new (before);
  g_string_replace (after, from, to, 0);
  return g_string_free (after, FALSE);
}
