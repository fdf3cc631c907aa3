/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_gcm_receive.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "secure/srtp_gcm.h"
#include "secure/srtp_index.h"

typedef struct Stream Stream;

struct Stream {
  Stream *next;
  uint32_t ssrc;
  BlSrtpWindow rtcp;
  uint64_t rtcp_used[BL_GCM_RTCP_WINDOW / 64];
  BlSrtpWindow rtp; /* has its bits once there is RTP: a viewer sends none */
};

struct BlGcmReceiver {
  BlGcmCipher rtp, rtcp;
  Stream *streams;
  unsigned n_streams, max_streams;
};

/* Of an SSRC that was not heard yet. */
static const Stream unheard;

BlGcmReceiver *
bl_gcm_receiver_new (BlSrtpProfile profile, const uint8_t *master,
                     unsigned max_ssrcs)
{
  BlGcmReceiver *receiver = calloc (1, sizeof *receiver);
  if (!receiver)
    return NULL;
  receiver->max_streams = max_ssrcs;
  if (bl_gcm_cipher_init (&receiver->rtp, profile, master, BL_GCM_RTP,
                          BL_GCM_OPENS)
      && bl_gcm_cipher_init (&receiver->rtcp, profile, master, BL_GCM_RTCP,
                             BL_GCM_OPENS))
    return receiver;
  bl_gcm_receiver_free (receiver);
  return NULL;
}

void
bl_gcm_receiver_free (BlGcmReceiver *receiver)
{
  if (!receiver)
    return;
  for (Stream *next, *stream = receiver->streams; stream; stream = next) {
    next = stream->next;
    free (stream->rtp.used);
    free (stream);
  }
  bl_gcm_cipher_clear (&receiver->rtp);
  bl_gcm_cipher_clear (&receiver->rtcp);
  free (receiver);
}

/* --- streams -------------------------------------------------------------- */

/* NULL: a new SSRC beyond the bound. Not to be written to: it may be
 * `unheard`. */
static const Stream *
look_up (const BlGcmReceiver *receiver, uint32_t ssrc)
{
  for (const Stream *stream = receiver->streams; stream; stream = stream->next)
    if (stream->ssrc == ssrc)
      return stream;
  return receiver->n_streams < receiver->max_streams ? &unheard : NULL;
}

/* Of an SSRC that look_up() found or has room for, and that has just sent
 * something authentic. NULL if there is no memory. */
static Stream *
find_or_add (BlGcmReceiver *receiver, uint32_t ssrc)
{
  for (Stream *stream = receiver->streams; stream; stream = stream->next)
    if (stream->ssrc == ssrc)
      return stream;
  Stream *stream = calloc (1, sizeof *stream);
  if (!stream)
    return NULL;
  stream->ssrc = ssrc;
  stream->rtcp.n_bits = BL_GCM_RTCP_WINDOW;
  stream->rtcp.used = stream->rtcp_used;
  stream->next = receiver->streams;
  receiver->streams = stream;
  receiver->n_streams++;
  return stream;
}

static BlSrtpStatus
use_rtp_index (BlGcmReceiver *receiver, uint32_t ssrc, int64_t index)
{
  Stream *stream = find_or_add (receiver, ssrc);
  if (!stream)
    return BL_SRTP_FAILED;
  if (!stream->rtp.used) {
    stream->rtp.used = calloc (BL_SRTP_WINDOW / 64, sizeof *stream->rtp.used);
    if (!stream->rtp.used)
      return BL_SRTP_FAILED;
    stream->rtp.n_bits = BL_SRTP_WINDOW;
  }
  bl_srtp_window_use (&stream->rtp, index);
  return BL_SRTP_OK;
}

static BlSrtpStatus
use_rtcp_index (BlGcmReceiver *receiver, uint32_t ssrc, int64_t index)
{
  Stream *stream = find_or_add (receiver, ssrc);
  if (!stream)
    return BL_SRTP_FAILED;
  bl_srtp_window_use (&stream->rtcp, index);
  return BL_SRTP_OK;
}

/* --- packets -------------------------------------------------------------- */

/* There is nothing before ROC 0: what seems to be, is further on in it. A wrong
 * guess can't do harm, for the index is part of the nonce. */
static int64_t
guess_rtp_index (const Stream *stream, uint16_t seq)
{
  int64_t index = bl_srtp_window_guess (&stream->rtp, seq);
  return index < 0 ? seq : index;
}

BlSrtpStatus
bl_gcm_receiver_unprotect_rtp (BlGcmReceiver *receiver, uint8_t *packet,
                               size_t *length)
{
  size_t header = bl_gcm_rtp_header_bytes (packet, *length);
  if (header == 0 || *length - header < BL_GCM_TAG_BYTES)
    return BL_SRTP_SHORT;
  uint32_t ssrc = bl_get_be32 (packet + BL_GCM_RTP_SSRC_AT);
  const Stream *stream = look_up (receiver, ssrc);
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  int64_t index
      = guess_rtp_index (stream, bl_get_be16 (packet + BL_GCM_RTP_SEQ_AT));
  if (index > BL_SRTP_RTP_INDEX_LAST)
    return BL_SRTP_FAILED;

  BlGcmCipher *cipher = &receiver->rtp;
  size_t clear_length = *length - BL_GCM_TAG_BYTES;
  if (!bl_gcm_begin (cipher, ssrc, index)
      || !bl_gcm_authenticate (cipher, packet, header))
    return BL_SRTP_FAILED;
  if (!bl_gcm_open (cipher, packet + header, clear_length - header))
    return BL_SRTP_AUTH;
  if (!bl_srtp_window_is_fresh (&stream->rtp, index))
    return BL_SRTP_COPY;
  BlSrtpStatus status = use_rtp_index (receiver, ssrc, index);
  if (status == BL_SRTP_OK)
    *length = clear_length;
  return status;
}

BlSrtpStatus
bl_gcm_receiver_unprotect_rtcp (BlGcmReceiver *receiver, uint8_t *packet,
                                size_t *length)
{
  if (*length
      < BL_GCM_RTCP_HEADER_BYTES + BL_GCM_TAG_BYTES + BL_GCM_RTCP_TRAILER_BYTES)
    return BL_SRTP_SHORT;
  bl_gcm_cipher_prefetch (&receiver->rtcp); /* while the stream is looked up */
  uint32_t ssrc = bl_get_be32 (packet + BL_GCM_RTCP_SSRC_AT);
  const Stream *stream = look_up (receiver, ssrc);
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  const uint8_t *trailer = packet + *length - BL_GCM_RTCP_TRAILER_BYTES;
  uint32_t flag_and_index = bl_get_be32 (trailer);
  int64_t index = flag_and_index & ~BL_GCM_RTCP_ENCRYPTED_FLAG;
  if (!bl_srtp_window_is_fresh (&stream->rtcp, index))
    return BL_SRTP_REPLAYED;

  BlGcmCipher *cipher = &receiver->rtcp;
  size_t clear_length = *length - BL_GCM_TAG_BYTES - BL_GCM_RTCP_TRAILER_BYTES;
  size_t in_clear = flag_and_index & BL_GCM_RTCP_ENCRYPTED_FLAG
                        ? BL_GCM_RTCP_HEADER_BYTES
                        : clear_length;
  if (!bl_gcm_begin (cipher, ssrc, index)
      || !bl_gcm_authenticate (cipher, packet, in_clear)
      || !bl_gcm_authenticate (cipher, trailer, BL_GCM_RTCP_TRAILER_BYTES))
    return BL_SRTP_FAILED;
  if (!bl_gcm_open (cipher, packet + in_clear, clear_length - in_clear))
    return BL_SRTP_AUTH;
  BlSrtpStatus status = use_rtcp_index (receiver, ssrc, index);
  if (status == BL_SRTP_OK)
    *length = clear_length;
  return status;
}
