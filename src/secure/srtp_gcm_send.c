/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_gcm_send.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prefetch.h"
#include "secure/srtp_gcm.h"
#include "secure/srtp_index.h"

typedef struct {
  uint32_t ssrc;
  uint32_t rtcp_index; /* the last one used; the first is 1, as libsrtp's */
  BlSrtpWindow rtp;
  uint64_t rtp_used[BL_SRTP_WINDOW / 64];
} Stream;

struct BlGcmSender {
  BlGcmCipher rtp, rtcp;
  unsigned n_streams;
  Stream streams[BL_SRTP_LOCAL_SSRCS_MAX];
};

BlGcmSender *
bl_gcm_sender_new (BlSrtpProfile profile, const uint8_t *master)
{
  BlGcmSender *sender = calloc (1, sizeof *sender);
  if (!sender)
    return NULL;
  if (bl_gcm_cipher_init (&sender->rtp, profile, master, BL_GCM_RTP,
                          BL_GCM_SEALS)
      && bl_gcm_cipher_init (&sender->rtcp, profile, master, BL_GCM_RTCP,
                             BL_GCM_SEALS))
    return sender;
  bl_gcm_sender_free (sender);
  return NULL;
}

void
bl_gcm_sender_free (BlGcmSender *sender)
{
  if (!sender)
    return;
  bl_gcm_cipher_clear (&sender->rtp);
  bl_gcm_cipher_clear (&sender->rtcp);
  free (sender);
}

/* The SSRC that sends first, video's or sound's, is among the first two. */
void
bl_gcm_sender_prefetch (const BlGcmSender *sender)
{
  bl_prefetch (sender, offsetof (BlGcmSender, streams[2]));
}

void
bl_gcm_sender_prefetch_cipher (const BlGcmSender *sender)
{
  bl_gcm_cipher_prefetch (&sender->rtp);
}

/* The stream of an SSRC, a new one if need be; NULL if there are too many. */
static Stream *
find_stream (BlGcmSender *sender, uint32_t ssrc)
{
  for (unsigned i = 0; i < sender->n_streams; i++)
    if (sender->streams[i].ssrc == ssrc)
      return &sender->streams[i];
  if (sender->n_streams == BL_SRTP_LOCAL_SSRCS_MAX)
    return NULL;
  Stream *stream = &sender->streams[sender->n_streams++];
  stream->ssrc = ssrc;
  stream->rtp.n_bits = BL_SRTP_WINDOW;
  stream->rtp.used = stream->rtp_used;
  return stream;
}

/* Takes the index of this sequence number out of use. */
static BlSrtpStatus
claim_rtp_index (Stream *stream, uint16_t seq, int64_t *out_index)
{
  int64_t index = bl_srtp_window_guess (&stream->rtp, seq);
  if (index > BL_SRTP_RTP_INDEX_LAST)
    return BL_SRTP_FAILED;
  if (!bl_srtp_window_is_fresh (&stream->rtp, index))
    return BL_SRTP_REPLAYED;
  bl_srtp_window_use (&stream->rtp, index);
  *out_index = index;
  return BL_SRTP_OK;
}

BlSrtpStatus
bl_gcm_sender_protect_rtp (BlGcmSender *sender, uint8_t *packet, size_t *length)
{
  size_t header = bl_gcm_rtp_header_bytes (packet, *length);
  if (header == 0)
    return BL_SRTP_SHORT;
  Stream *stream
      = find_stream (sender, bl_get_be32 (packet + BL_GCM_RTP_SSRC_AT));
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  int64_t index;
  BlSrtpStatus status = claim_rtp_index (
      stream, bl_get_be16 (packet + BL_GCM_RTP_SEQ_AT), &index);
  if (status != BL_SRTP_OK)
    return status;
  BlGcmCipher *cipher = &sender->rtp;
  if (!bl_gcm_begin (cipher, stream->ssrc, index)
      || !bl_gcm_authenticate (cipher, packet, header)
      || !bl_gcm_seal (cipher, packet + header, *length - header))
    return BL_SRTP_FAILED;
  *length += BL_GCM_TAG_BYTES;
  return BL_SRTP_OK;
}

BlSrtpStatus
bl_gcm_sender_protect_rtcp (BlGcmSender *sender, uint8_t *packet,
                            size_t *length)
{
  if (*length < BL_GCM_RTCP_HEADER_BYTES)
    return BL_SRTP_SHORT;
  Stream *stream
      = find_stream (sender, bl_get_be32 (packet + BL_GCM_RTCP_SSRC_AT));
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  if (stream->rtcp_index == BL_SRTP_RTCP_INDEX_LAST)
    return BL_SRTP_FAILED;
  uint32_t index = ++stream->rtcp_index;
  uint8_t trailer[BL_GCM_RTCP_TRAILER_BYTES];
  bl_put_be32 (trailer, BL_GCM_RTCP_ENCRYPTED_FLAG | index);
  BlGcmCipher *cipher = &sender->rtcp;
  if (!bl_gcm_begin (cipher, stream->ssrc, index)
      || !bl_gcm_authenticate (cipher, packet, BL_GCM_RTCP_HEADER_BYTES)
      || !bl_gcm_authenticate (cipher, trailer, sizeof trailer)
      || !bl_gcm_seal (cipher, packet + BL_GCM_RTCP_HEADER_BYTES,
                       *length - BL_GCM_RTCP_HEADER_BYTES))
    return BL_SRTP_FAILED;
  *length += BL_GCM_TAG_BYTES;
  memcpy (packet + *length, trailer, sizeof trailer);
  *length += sizeof trailer;
  return BL_SRTP_OK;
}
