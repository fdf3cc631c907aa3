/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/sdpparse.h"

#include <string.h>

GQuark
bl_sdp_error_quark (void)
{
  return g_quark_from_static_string ("bl-sdp-error-quark");
}

unsigned
bl_sdp_error_http_status (const GError *error)
{
  static const unsigned statuses[] = {
    [BL_SDP_ERROR_MALFORMED] = 400,
    [BL_SDP_ERROR_NOT_ACCEPTABLE] = 406,
    [BL_SDP_ERROR_TOO_LARGE] = 413,
  };
  g_assert (error->domain == BL_SDP_ERROR);
  return statuses[error->code];
}

bool
bl_sdp_fail (BlSdpParser *p, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *start = g_strndup (p->text, 100);
  g_autofree char *quoted = g_utf8_make_valid (start, -1);
  g_set_error (p->error, BL_SDP_ERROR, BL_SDP_ERROR_MALFORMED,
               "SDP line %u, “%s”: %s", p->line, quoted, why);
  return false;
}

char *
bl_sdp_next_word (char **inout)
{
  char *word = *inout + strspn (*inout, " ");
  char *end = word + strcspn (word, " ");
  *inout = *end ? end + 1 : end;
  *end = '\0';
  return word;
}

bool
bl_sdp_read_uint (const char *text, guint64 minimum, guint64 maximum,
                  guint64 *out_number)
{
  return g_ascii_string_to_unsigned (text, 10, minimum, maximum, out_number,
                                     NULL);
}

bool
bl_sdp_copy_word (const char *word, char *out, size_t size)
{
  size_t length = strlen (word);
  if (length == 0 || length >= size)
    return false;
  for (size_t i = 0; i < length; i++) {
    if (!g_ascii_isgraph (word[i]))
      return false;
  }
  memcpy (out, word, length + 1);
  return true;
}

BlSdpCodec *
bl_sdp_find_codec (BlSdpMedia *media, guint64 pt)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    if (media->codecs[i].pt == pt)
      return &media->codecs[i];
  }
  return NULL;
}

/* --- session and transport --- */

static bool
read_group (BlSdpParser *p, char *value)
{
  if (!g_str_equal (bl_sdp_next_word (&value), "BUNDLE") || p->sdp->has_bundle)
    return true;
  p->sdp->has_bundle = true;
  if (g_strlcpy (p->bundle, value, sizeof p->bundle) >= sizeof p->bundle)
    return bl_sdp_fail (p, "the BUNDLE group is too long");
  return true;
}

static bool
read_ice_lite (BlSdpParser *p, char *value)
{
  p->sdp->ice_lite = true;
  return true;
}

static bool
read_ice_options (BlSdpParser *p, char *value)
{
  g_strdelimit (value, ",", ' '); /* libdatachannel's */
  for (char *word = bl_sdp_next_word (&value); *word;
       word = bl_sdp_next_word (&value)) {
    if (g_str_equal (word, "trickle"))
      p->sdp->ice_trickle = true;
    else if (g_str_equal (word, "renomination"))
      p->sdp->ice_renomination = true;
  }
  return true;
}

static bool
read_ice_chars (BlSdpParser *p, const char *value, size_t minimum, char *out,
                size_t size)
{
  /* RFC 8839 knows no - _ and =, but some stacks do. */
  static const char ice_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz"
                                  "0123456789+/-_=";
  size_t length = strlen (value);
  bool good = length >= minimum && length < size
              && strspn (value, ice_chars) == length;
  if (!good)
    return bl_sdp_fail (p,
                        "expected %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
                        " letters, digits, + or / (RFC 8839 section 5.4)",
                        minimum, size - 1);
  memcpy (out, value, length + 1);
  return true;
}

static bool
read_ice_ufrag (BlSdpParser *p, char *value)
{
  return read_ice_chars (p, value, 4, p->media->transport.ufrag,
                         BL_SDP_UFRAG_SIZE);
}

static bool
read_ice_pwd (BlSdpParser *p, char *value)
{
  return read_ice_chars (p, value, 22, p->media->transport.pwd,
                         BL_SDP_PWD_SIZE);
}

static bool
read_fingerprint (BlSdpParser *p, char *value)
{
  BlSdpTransport *transport = &p->media->transport;
  if (g_ascii_strcasecmp (bl_sdp_next_word (&value), "sha-256") != 0) {
    transport->other_fingerprint = true;
    return true;
  }
  const char *hex = bl_sdp_next_word (&value);
  bool good = strlen (hex) == BL_SDP_SHA256_BYTES * 3 - 1;
  for (size_t i = 0; good && i < BL_SDP_SHA256_BYTES; i++) {
    int high = g_ascii_xdigit_value (hex[3 * i]);
    int low = g_ascii_xdigit_value (hex[3 * i + 1]);
    good = high >= 0 && low >= 0
           && (i + 1 == BL_SDP_SHA256_BYTES || hex[3 * i + 2] == ':');
    if (good)
      transport->fingerprint[i] = (uint8_t)(high << 4 | low);
  }
  if (!good)
    return bl_sdp_fail (p, "expected “sha-256” and 32 bytes in hexadecimal, "
                           "separated by colons (RFC 8122 section 5)");
  transport->has_fingerprint = true;
  return true;
}

static bool
read_setup (BlSdpParser *p, char *value)
{
  static const char *const names[] = {
    [BL_SETUP_NONE] = "",
    [BL_SETUP_ACTPASS] = "actpass",
    [BL_SETUP_ACTIVE] = "active",
    [BL_SETUP_PASSIVE] = "passive",
    [BL_SETUP_HOLDCONN] = "holdconn",
  };
  for (int i = BL_SETUP_ACTPASS; i <= BL_SETUP_HOLDCONN; i++) {
    if (g_str_equal (value, names[i])) {
      p->media->transport.setup = (BlSetup)i;
      return true;
    }
  }
  return bl_sdp_fail (p, "expected actpass, active, passive or holdconn "
                         "(RFC 4145 section 4)");
}

static bool
read_candidate (BlSdpParser *p, char *value)
{
  BlSdpMedia *media = p->media;
  if (media->n_candidates == BL_SDP_MAX_CANDIDATES)
    return true;
  BlCandidate *candidate = &media->candidates[media->n_candidates];
  const char *text = p->text;
  BlCandidateResult result
      = bl_candidate_parse (text, strlen (text), candidate);
  switch (result) {
  case BL_CANDIDATE_OK:
    media->n_candidates++;
    return true;
  case BL_CANDIDATE_TRANSPORT:
  case BL_CANDIDATE_ADDRESS: /* of a kind to come, or with a zone: no use */
  case BL_CANDIDATE_TYPE:
    return true;
  default:
    if (!*value) /* how a browser says the end of its candidates */
      return true;
    return bl_sdp_fail (p, "the candidate %s (RFC 8839 section 5.1)",
                        bl_candidate_result_text (result));
  }
}

static bool
read_end_of_candidates (BlSdpParser *p, char *value)
{
  p->media->end_of_candidates = true;
  return true;
}

/* --- one m-line --- */

static bool
read_mid (BlSdpParser *p, char *value)
{
  if (!bl_sdp_copy_word (value, p->media->mid, BL_SDP_MID_SIZE))
    return bl_sdp_fail (p,
                        "expected a mid of 1 to %d characters without spaces",
                        BL_SDP_MID_SIZE - 1);
  for (guint i = 0; i < p->sdp->n_media; i++) {
    BlSdpMedia *other = &p->sdp->media[i];
    if (other != p->media && g_str_equal (other->mid, p->media->mid))
      return bl_sdp_fail (p, "two m-lines have this mid; each needs its own");
  }
  return true;
}

static bool
read_sendonly (BlSdpParser *p, char *value)
{
  p->media->direction = BL_DIRECTION_SENDONLY;
  return true;
}

static bool
read_recvonly (BlSdpParser *p, char *value)
{
  p->media->direction = BL_DIRECTION_RECVONLY;
  return true;
}

static bool
read_sendrecv (BlSdpParser *p, char *value)
{
  p->media->direction = BL_DIRECTION_SENDRECV;
  return true;
}

static bool
read_inactive (BlSdpParser *p, char *value)
{
  p->media->direction = BL_DIRECTION_INACTIVE;
  return true;
}

static bool
read_rtcp_mux (BlSdpParser *p, char *value)
{
  p->media->rtcp_mux = true;
  return true;
}

static bool
read_rtcp_rsize (BlSdpParser *p, char *value)
{
  p->media->rtcp_rsize = true;
  return true;
}

static bool
read_rtcp_xr (BlSdpParser *p, char *value)
{
  for (char *word = bl_sdp_next_word (&value); *word;
       word = bl_sdp_next_word (&value)) {
    if (g_str_has_prefix (word, "rcvr-rtt="))
      p->media->rcvr_rtt = true;
  }
  return true;
}

static bool
read_bundle_only (BlSdpParser *p, char *value)
{
  p->media->bundle_only = true;
  return true;
}

static bool
read_msid (BlSdpParser *p, char *value)
{
  /* Labels for people and pages: too long a one is no reason to refuse. */
  if (*p->media->msid_stream)
    return true;
  if (bl_sdp_copy_word (bl_sdp_next_word (&value), p->media->msid_stream,
                        BL_SDP_MSID_SIZE))
    (void)bl_sdp_copy_word (bl_sdp_next_word (&value), p->media->msid_track,
                            BL_SDP_MSID_SIZE);
  return true;
}

static bool
read_extmap (BlSdpParser *p, char *value)
{
  BlRtpExtMap *map = &p->media->extensions;
  char *id_text = bl_sdp_next_word (&value);
  const char *uri = bl_sdp_next_word (&value);
  char *slash = strchr (id_text, '/');
  if (slash)
    *slash = '\0';
  guint64 id;
  if (!bl_sdp_read_uint (id_text, 1, 65535, &id) || !*uri)
    return bl_sdp_fail (
        p, "expected an id, a space and a URI (RFC 8285 section 5)");
  BlRtpExtKind kind;
  if (id == 15 || id > 255 || !bl_rtp_ext_kind_from_uri (uri, &kind))
    return true;
  for (guint i = 0; i < BL_RTP_EXT_N; i++) {
    if (map->id[i] == id && i != (guint)kind)
      return bl_sdp_fail (p, "extension id %u stands for “%s” already",
                          (guint)id, bl_rtp_ext_uri ((BlRtpExtKind)i));
  }
  map->id[kind] = (uint8_t)id;
  return true;
}

/* --- SSRCs --- */

/* The entry of `ssrc`, added if there is room; NULL if there is none. */
static BlSdpSsrc *
take_ssrc (BlSdpMedia *media, uint32_t ssrc)
{
  for (guint i = 0; i < media->n_ssrcs; i++) {
    if (media->ssrcs[i].ssrc == ssrc)
      return &media->ssrcs[i];
  }
  if (media->n_ssrcs == BL_SDP_MAX_SSRCS)
    return NULL;
  BlSdpSsrc *entry = &media->ssrcs[media->n_ssrcs++];
  entry->ssrc = ssrc;
  return entry;
}

static void
drop_ssrc (BlSdpMedia *media, uint32_t ssrc)
{
  guint kept = 0;
  for (guint i = 0; i < media->n_ssrcs; i++) {
    if (media->ssrcs[i].ssrc != ssrc)
      media->ssrcs[kept++] = media->ssrcs[i];
  }
  media->n_ssrcs = (uint16_t)kept;
}

static bool
read_ssrc (BlSdpParser *p, char *value)
{
  guint64 ssrc;
  if (!bl_sdp_read_uint (bl_sdp_next_word (&value), 0, UINT32_MAX, &ssrc))
    return bl_sdp_fail (p, "expected an SSRC from 0 to 4294967295");
  BlSdpSsrc *entry = take_ssrc (p->media, (uint32_t)ssrc);
  if (entry && g_str_has_prefix (value, "cname:"))
    (void)bl_sdp_copy_word (value + strlen ("cname:"), entry->cname,
                            BL_SDP_CNAME_SIZE);
  return true;
}

static bool
read_ssrc_group (BlSdpParser *p, char *value)
{
  const char *semantics = bl_sdp_next_word (&value);
  bool rtx = g_str_equal (semantics, "FID");
  if (!rtx && !g_str_equal (semantics, "FEC-FR"))
    return true;
  guint64 ssrc, repair;
  if (!bl_sdp_read_uint (bl_sdp_next_word (&value), 0, UINT32_MAX, &ssrc)
      || !bl_sdp_read_uint (bl_sdp_next_word (&value), 0, UINT32_MAX, &repair)
      || ssrc == repair)
    return bl_sdp_fail (p,
                        "expected two different SSRCs (RFC 5576 section 4.2)");
  drop_ssrc (p->media, (uint32_t)repair);
  BlSdpSsrc *entry = take_ssrc (p->media, (uint32_t)ssrc);
  if (entry && rtx)
    entry->rtx_ssrc = (uint32_t)repair;
  else if (entry)
    entry->fec_ssrc = (uint32_t)repair;
  return true;
}

/* --- lines --- */

static const struct {
  const char *name;
  int pass; /* 2: builds on what the first found, wherever that stands */
  BlSdpRead read;
} attributes[] = {
  { "group", 1, read_group },
  { "ice-lite", 1, read_ice_lite },
  { "ice-options", 1, read_ice_options },
  { "ice-ufrag", 1, read_ice_ufrag },
  { "ice-pwd", 1, read_ice_pwd },
  { "fingerprint", 1, read_fingerprint },
  { "setup", 1, read_setup },
  { "candidate", 1, read_candidate },
  { "end-of-candidates", 1, read_end_of_candidates },
  { "mid", 1, read_mid },
  { "sendonly", 1, read_sendonly },
  { "recvonly", 1, read_recvonly },
  { "sendrecv", 1, read_sendrecv },
  { "inactive", 1, read_inactive },
  { "rtcp-mux", 1, read_rtcp_mux },
  { "rtcp-mux-only", 1, read_rtcp_mux },
  { "rtcp-rsize", 1, read_rtcp_rsize },
  { "rtcp-xr", 1, read_rtcp_xr },
  { "bundle-only", 1, read_bundle_only },
  { "msid", 1, read_msid },
  { "extmap", 1, read_extmap },
  { "rtpmap", 1, bl_sdp_read_rtpmap },
  { "rtcp-fb", 1, bl_sdp_read_rtcp_fb },
  { "ssrc", 1, read_ssrc },
  { "fmtp", 2, bl_sdp_read_fmtp },
  { "ssrc-group", 2, read_ssrc_group },
};

static bool
read_attribute (BlSdpParser *p, int pass)
{
  const char *name = p->text + 2;
  size_t length = strcspn (name, ":");
  for (guint i = 0; i < G_N_ELEMENTS (attributes); i++) {
    if (attributes[i].pass != pass || strlen (attributes[i].name) != length
        || strncmp (attributes[i].name, name, length) != 0)
      continue;
    g_autofree char *value = g_strdup (name[length] ? name + length + 1 : "");
    return attributes[i].read (p, value);
  }
  return true;
}

static BlMediaKind
kind_from_text (const char *text)
{
  static const struct {
    const char *text;
    BlMediaKind kind;
  } kinds[] = {
    { "audio", BL_MEDIA_AUDIO },
    { "video", BL_MEDIA_VIDEO },
    { "application", BL_MEDIA_APPLICATION },
  };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_str_equal (kinds[i].text, text))
      return kinds[i].kind;
  }
  return BL_MEDIA_OTHER;
}

static bool
read_formats (BlSdpParser *p, char *formats)
{
  BlSdpMedia *media = p->media;
  for (char *word = bl_sdp_next_word (&formats); *word;
       word = bl_sdp_next_word (&formats)) {
    guint64 pt;
    if (!bl_sdp_read_uint (word, 0, 127, &pt))
      return bl_sdp_fail (p, "“%s” is no payload type from 0 to 127", word);
    if (bl_sdp_find_codec (media, pt))
      return bl_sdp_fail (p, "payload type %u stands there twice", (guint)pt);
    if (media->n_codecs == BL_SDP_MAX_CODECS)
      return bl_sdp_fail (p, "more than %d payload types", BL_SDP_MAX_CODECS);
    media->codecs[media->n_codecs++] = (BlSdpCodec){
      .pt = (uint8_t)pt,
      .channels = 1,
      .apt = -1,
      .red_of = -1,
      .profile_level_id = 0x42000a,
    };
  }
  return true;
}

static bool
start_media (BlSdpParser *p)
{
  static const char expected[] = "expected “m=KIND PORT PROTOCOL FORMAT…” "
                                 "(RFC 8866 section 5.14)";
  if (p->sdp->n_media == BL_SDP_MAX_MEDIA)
    return bl_sdp_fail (p, "more than %d m-lines", BL_SDP_MAX_MEDIA);
  BlSdpMedia *media = p->media = &p->sdp->media[p->sdp->n_media++];
  const BlSdpMedia *session = &p->sdp->session;
  *media = (BlSdpMedia){ .direction = session->direction,
                         .transport = session->transport,
                         .extensions = session->extensions,
                         .rcvr_rtt = session->rcvr_rtt };

  g_autofree char *copy = g_strdup (p->text + 2);
  char *rest = copy;
  const char *kind = bl_sdp_next_word (&rest);
  char *port_text = bl_sdp_next_word (&rest);
  const char *protocol = bl_sdp_next_word (&rest);
  g_autofree char *formats = g_strdup (rest);
  char *slash = strchr (port_text, '/');
  if (slash)
    *slash = '\0';
  guint64 port;
  if (!bl_sdp_copy_word (kind, media->kind_text, sizeof media->kind_text)
      || !bl_sdp_read_uint (port_text, 0, 65535, &port)
      || !bl_sdp_copy_word (protocol, media->protocol, sizeof media->protocol)
      || !bl_sdp_copy_word (bl_sdp_next_word (&rest), media->first_format,
                            sizeof media->first_format))
    return bl_sdp_fail (p, "%s", expected);
  media->kind = kind_from_text (kind);
  media->port = (uint16_t)port;
  return !strstr (protocol, "RTP/") || read_formats (p, formats);
}

static bool
read_lines (BlSdpParser *p, const GPtrArray *lines, int pass)
{
  p->media = &p->sdp->session;
  guint next_media = 0;
  for (guint i = 0; i < lines->len; i++) {
    p->line = i + 1;
    p->text = lines->pdata[i];
    bool good = true;
    if (p->text[0] == 'm' && pass == 1)
      good = start_media (p);
    else if (p->text[0] == 'm')
      p->media = &p->sdp->media[next_media++];
    else if (p->text[0] == 'a')
      good = read_attribute (p, pass);
    if (!good)
      return false;
  }
  return true;
}

/* A mid that no m-line has is passed over: FFmpeg's offers always name two. */
static void
apply_bundle (BlSdpParser *p)
{
  char *rest = p->bundle;
  for (char *mid = bl_sdp_next_word (&rest); *mid;
       mid = bl_sdp_next_word (&rest)) {
    for (guint i = 0; i < p->sdp->n_media; i++)
      p->sdp->media[i].bundled |= g_str_equal (p->sdp->media[i].mid, mid);
  }
}

/* Cuts `text` into its lines, in place. */
static bool
split_lines (BlSdpParser *p, char *text, size_t length, GPtrArray *lines)
{
  char *at = text, *end = text + length;
  while (at < end) {
    char *next = memchr (at, '\n', (size_t)(end - at));
    char *stop = next ? next : end;
    if (stop > at && stop[-1] == '\r')
      stop[-1] = '\0';
    *stop = '\0';
    p->line++;
    p->text = at;
    for (char *c = at; *c; c++) {
      if (g_ascii_iscntrl (*c) && *c != '\t')
        return bl_sdp_fail (p, "there is a control character in this line");
    }
    if (strlen (at) + 1 < (size_t)(stop - at))
      return bl_sdp_fail (p, "there is a NUL byte in this line");
    /* An empty line is passed over: some clients end with one. */
    if (*at && (!g_ascii_islower (at[0]) || at[1] != '='))
      return bl_sdp_fail (p, "expected a letter and “=” (RFC 8866 section 5)");
    g_ptr_array_add (lines, at);
    at = stop + 1;
  }
  return true;
}

static bool
check_start (BlSdpParser *p, const GPtrArray *lines)
{
  p->line = 1;
  p->text = lines->len > 0 ? lines->pdata[0] : "";
  if (!g_str_equal (p->text, "v=0"))
    return bl_sdp_fail (p, "SDP starts with the line “v=0”");
  return true;
}

static BlSdp *
parse (const char *text, gsize length, bool fragment, GError **error)
{
  if (length > BL_SDP_MAX_BYTES) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_TOO_LARGE,
                 "the SDP has %" G_GSIZE_FORMAT " bytes; at most %d are read",
                 length, BL_SDP_MAX_BYTES);
    return NULL;
  }
  g_autofree char *copy = g_malloc (length + 1);
  memcpy (copy, length > 0 ? text : "", length);
  copy[length] = '\0';
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  /* Room for the most m-lines there may be; to fill it with zeros, and to have
   * its pages for the first time, took longer than to read an offer of two. */
  g_autoptr (BlSdp) sdp = g_new (BlSdp, 1);
  memset (sdp, 0, offsetof (BlSdp, media));
  sdp->session.direction = BL_DIRECTION_SENDRECV;
  BlSdpParser parser = { .sdp = sdp, .error = error };
  if (!split_lines (&parser, copy, length, lines)
      || (!fragment && !check_start (&parser, lines))
      || !read_lines (&parser, lines, 1) || !read_lines (&parser, lines, 2))
    return NULL;
  apply_bundle (&parser);
  return g_steal_pointer (&sdp);
}

BlSdp *
bl_sdp_parse (const char *text, gsize length, GError **error)
{
  return parse (text, length, false, error);
}

BlSdp *
bl_sdp_parse_fragment (const char *text, gsize length, GError **error)
{
  return parse (text, length, true, error);
}

void
bl_sdp_free (BlSdp *sdp)
{
  g_free (sdp);
}

const BlSdpCodec *
bl_sdp_codec (const BlSdpMedia *media, uint8_t pt)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    if (media->codecs[i].pt == pt)
      return &media->codecs[i];
  }
  return NULL;
}

const BlSdpCodec *
bl_sdp_rtx (const BlSdpMedia *media, uint8_t apt)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    const BlSdpCodec *codec = &media->codecs[i];
    if (codec->apt == apt && g_ascii_strcasecmp (codec->name, "rtx") == 0)
      return codec;
  }
  return NULL;
}

const BlSdpCodec *
bl_sdp_red (const BlSdpMedia *media, const BlSdpCodec *codec)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    const BlSdpCodec *red = &media->codecs[i];
    if (g_ascii_strcasecmp (red->name, "red") == 0 && red->red_of == codec->pt
        && red->clock_rate == codec->clock_rate)
      return red;
  }
  return NULL;
}

const BlSdpCodec *
bl_sdp_fec (const BlSdpMedia *media)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    const BlSdpCodec *codec = &media->codecs[i];
    if (codec->clock_rate == 90000
        && g_ascii_strcasecmp (codec->name, BL_SDP_FEC_NAME) == 0)
      return codec;
  }
  return NULL;
}
