/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "signal/sdpparse.h"

/* The payload type that starts `*inout`. `*out_codec` is NULL if the m-line
 * doesn't list it: then the attribute is a left-over that means nothing. */
static bool
read_pt (BlSdpParser *p, char **inout, BlSdpCodec **out_codec)
{
  guint64 pt;
  if (!bl_sdp_read_uint (bl_sdp_next_word (inout), 0, 127, &pt))
    return bl_sdp_fail (p, "expected a payload type from 0 to 127");
  *out_codec = bl_sdp_find_codec (p->media, pt);
  return true;
}

bool
bl_sdp_read_rtpmap (BlSdpParser *p, char *value)
{
  BlSdpCodec *codec;
  if (!read_pt (p, &value, &codec))
    return false;
  if (!codec)
    return true;
  if (codec->clock_rate > 0)
    return bl_sdp_fail (p, "payload type %u has two a=rtpmap", codec->pt);
  g_auto (GStrv) parts = g_strsplit (bl_sdp_next_word (&value), "/", 3);
  guint n_parts = g_strv_length (parts);
  guint64 rate, channels = 1;
  if (n_parts < 2
      || !bl_sdp_copy_word (parts[0], codec->name, sizeof codec->name)
      || !bl_sdp_read_uint (parts[1], 1, 10000000, &rate)
      || (n_parts == 3 && !bl_sdp_read_uint (parts[2], 1, 255, &channels)))
    return bl_sdp_fail (p, "expected “PAYLOAD-TYPE NAME/CLOCK-RATE” or "
                           "“PAYLOAD-TYPE NAME/CLOCK-RATE/CHANNELS”");
  codec->clock_rate = (uint32_t)rate;
  codec->channels = (uint8_t)channels;
  return true;
}

static bool
fmtp_flag (BlSdpParser *p, BlSdpCodec *codec, const char *value, bool *out_flag)
{
  guint64 number;
  if (!bl_sdp_read_uint (value, 0, 1, &number))
    return bl_sdp_fail (p, "“%s” should be 0 or 1", value);
  *out_flag = number == 1;
  return true;
}

static bool
fmtp_asymmetry (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  return fmtp_flag (p, codec, value, &codec->level_asymmetry_allowed);
}

static bool
fmtp_inbandfec (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  return fmtp_flag (p, codec, value, &codec->useinbandfec);
}

static bool
fmtp_stereo (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  return fmtp_flag (p, codec, value, &codec->stereo);
}

static bool
fmtp_profile (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  guint64 number;
  if (strlen (value) != 6
      || !g_ascii_string_to_unsigned (value, 16, 0, 0xffffff, &number, NULL))
    return bl_sdp_fail (
        p, "profile-level-id should be six hexadecimal digits, like "
           "42e01f (RFC 6184 section 8.1)");
  codec->profile_level_id = (uint32_t)number;
  codec->has_profile_level_id = true;
  return true;
}

static bool
fmtp_packetization (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  guint64 number;
  if (!bl_sdp_read_uint (value, 0, 2, &number))
    return bl_sdp_fail (p, "packetization-mode should be 0, 1 or 2 "
                           "(RFC 6184 section 8.1)");
  codec->packetization_mode = (uint8_t)number;
  codec->has_packetization_mode = true;
  return true;
}

static bool
fmtp_minptime (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  guint64 number;
  if (!bl_sdp_read_uint (value, 0, 1000, &number))
    return bl_sdp_fail (p, "minptime should be a number of milliseconds");
  codec->minptime_ms = (uint16_t)number;
  return true;
}

static bool
fmtp_apt (BlSdpParser *p, BlSdpCodec *codec, const char *value)
{
  guint64 number;
  if (!bl_sdp_read_uint (value, 0, 127, &number))
    return bl_sdp_fail (p,
                        "apt should be a payload type (RFC 4588 section 8.1)");
  codec->apt = (int16_t)number;
  return true;
}

/* red's "111/111": a payload type for each block. */
static bool
fmtp_red (BlSdpParser *p, BlSdpCodec *codec, char *value)
{
  g_auto (GStrv) blocks = g_strsplit (value, "/", -1);
  guint64 pt, first = 0;
  for (guint i = 0; blocks[i]; i++) {
    if (!bl_sdp_read_uint (g_strstrip (blocks[i]), 0, 127, &pt))
      return bl_sdp_fail (p, "expected payload types from 0 to 127 between "
                             "slashes (RFC 2198 section 5)");
    codec->red_of = i == 0 || pt == first ? (int16_t)pt : -1;
    if (codec->red_of < 0)
      return true; /* of several codecs */
    first = pt;
  }
  return true;
}

static const struct {
  const char *codec;
  const char *name;
  bool (*read) (BlSdpParser *p, BlSdpCodec *codec, const char *value);
} fmtp_parameters[] = {
  { "H264", "profile-level-id", fmtp_profile },
  { "H264", "packetization-mode", fmtp_packetization },
  { "H264", "level-asymmetry-allowed", fmtp_asymmetry },
  { "rtx", "apt", fmtp_apt },
  { "opus", "minptime", fmtp_minptime },
  { "opus", "useinbandfec", fmtp_inbandfec },
  { "opus", "stereo", fmtp_stereo },
};

static bool
read_fmtp_parameter (BlSdpParser *p, BlSdpCodec *codec, char *parameter)
{
  char *equals = strchr (parameter, '=');
  if (!equals && g_ascii_strcasecmp (codec->name, "red") == 0)
    return fmtp_red (p, codec, parameter);
  if (!equals)
    return true; /* telephone-event's "0-15" */
  *equals = '\0';
  const char *name = g_strstrip (parameter), *value = g_strstrip (equals + 1);
  for (guint i = 0; i < G_N_ELEMENTS (fmtp_parameters); i++) {
    if (g_ascii_strcasecmp (fmtp_parameters[i].codec, codec->name) == 0
        && g_ascii_strcasecmp (fmtp_parameters[i].name, name) == 0)
      return fmtp_parameters[i].read (p, codec, value);
  }
  return true;
}

bool
bl_sdp_read_fmtp (BlSdpParser *p, char *value)
{
  BlSdpCodec *codec;
  if (!read_pt (p, &value, &codec))
    return false;
  while (codec && *value) {
    char *parameter = value;
    value += strcspn (value, ";");
    if (*value)
      *value++ = '\0';
    if (!read_fmtp_parameter (p, codec, parameter))
      return false;
  }
  return true;
}

static uint32_t
feedback_bit (const char *type, const char *parameter)
{
  static const struct {
    const char *type;
    const char *parameter;
    BlFeedback bit;
  } known[] = {
    { "nack", "", BL_FEEDBACK_NACK },
    { "nack", "pli", BL_FEEDBACK_PLI },
    { "ccm", "fir", BL_FEEDBACK_FIR },
    { "transport-cc", "", BL_FEEDBACK_TRANSPORT_CC },
    { "ack", "ccfb", BL_FEEDBACK_CCFB },
    { "goog-remb", "", BL_FEEDBACK_REMB },
  };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (g_str_equal (known[i].type, type)
        && g_str_equal (known[i].parameter, parameter))
      return known[i].bit;
  }
  return 0;
}

bool
bl_sdp_read_rtcp_fb (BlSdpParser *p, char *value)
{
  BlSdpCodec *codec = NULL;
  bool all = value[0] == '*' && (value[1] == ' ' || value[1] == '\0');
  if (all)
    (void)bl_sdp_next_word (&value);
  else if (!read_pt (p, &value, &codec))
    return false;
  const char *type = bl_sdp_next_word (&value);
  uint32_t bit = feedback_bit (type, bl_sdp_next_word (&value));
  if (codec)
    codec->feedback |= bit;
  for (guint i = 0; all && i < p->media->n_codecs; i++)
    p->media->codecs[i].feedback |= bit;
  return true;
}
