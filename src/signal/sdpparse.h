/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of SDP from inside: sdp.c walks the lines and reads what belongs
 * to the session and the m-lines, sdpcodec.c what belongs to payload types.
 */
#pragma once

#include "signal/sdp.h"

typedef struct {
  BlSdp *sdp;
  BlSdpMedia *media; /* the m-line we are in, or sdp->session */
  char bundle[BL_SDP_MAX_MEDIA * BL_SDP_MID_SIZE];
  guint line;
  const char *text; /* of the line, for messages */
  GError **error;
} BlSdpParser;

/* An attribute's reader. `value` is what stands behind the colon, "" if
 * nothing; it may be written to. False: the error is set. */
typedef bool (*BlSdpRead) (BlSdpParser *p, char *value);

/* Sets the error to line, quotation and `format`; gives false. */
bool bl_sdp_fail (BlSdpParser *p, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The next word of `*inout`, ended in place, or "". */
char *bl_sdp_next_word (char **inout);

bool bl_sdp_read_uint (const char *text, guint64 minimum, guint64 maximum,
                       guint64 *out_number);

/* Printable ASCII without spaces, at least one character; false, and `out`
 * untouched, if it is not or doesn't fit. */
bool bl_sdp_copy_word (const char *word, char *out, size_t size);

BlSdpCodec *bl_sdp_find_codec (BlSdpMedia *media, guint64 pt);

bool bl_sdp_read_rtpmap (BlSdpParser *p, char *value);
bool bl_sdp_read_fmtp (BlSdpParser *p, char *value);
bool bl_sdp_read_rtcp_fb (BlSdpParser *p, char *value);
