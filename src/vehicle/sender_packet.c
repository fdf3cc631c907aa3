/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/blassert.h"
#include "rtc/fec.h"
#include "rtc/h264.h"
#include "rtc/rtpext.h"
#include "rtc/rtx.h"
#include "vehicle/sender_private.h"

#define BUFFER_BYTES (BL_SENDER_MAX_RTP_BYTES + BL_SENDER_TAIL_BYTES)

typedef struct {
  const BlSenderTrack *track;
  uint32_t ssrc;
  uint8_t pt;
  uint16_t seq;
  uint32_t timestamp;
  bool marker;
  BlNtp capture; /* 0: not in this packet */
} Header;

/* One that is being written. */
typedef struct {
  uint8_t buffer[BUFFER_BYTES];
  BlWriter w;
  BlRtpExtOffsets offsets;
  const Header *header;
} Outgoing;

/* Writes the header; the payload follows. */
static void
begin (Outgoing *out, const Header *h, BlNtp wall)
{
  BlRtp rtp = {
    .payload_type = h->pt,
    .marker = h->marker,
    .seq = h->seq,
    .timestamp = h->timestamp,
    .ssrc = h->ssrc,
  };
  BlRtpExtValues values = {
    .present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID)
               | BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_SEND_TIME)
               | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC),
    .abs_send_time = bl_rtp_abs_send_time (wall),
    .capture_ntp = h->capture,
  };
  const BlNegotiatedTrack *negotiated = &h->track->negotiated;
  memcpy (values.mid, negotiated->mid,
          strnlen (negotiated->mid, BL_RTP_MID_MAX_BYTES));
  if (h->capture)
    values.present |= BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME);
  out->w = bl_writer (out->buffer, BL_SENDER_MAX_RTP_BYTES);
  out->header = h;
  bl_rtp_ext_write (&out->w, &rtp, &negotiated->extensions, &values,
                    &out->offsets);
}

/* Gives the packet its transport-wide number and lets it go. */
static void
let_go (BlSender *s, Outgoing *out, unsigned paths, BlTime now)
{
  const Header *h = out->header;
  bl_assert (bl_writer_ok (&out->w));
  uint32_t length = (uint32_t)bl_writer_length (&out->w);
  uint16_t number = bl_twcc_sender_on_sent (&s->twcc, length, now);
  if (out->offsets.transport_seq)
    bl_rtp_ext_patch_transport_seq (out->buffer, &out->offsets, number);
  bl_flow_on_sent (s->flow, paths, h->ssrc, h->seq, length, now);
  s->sender_stats.packets++;
  s->sender_stats.bytes += length;
  s->callbacks->send (out->buffer, length, BUFFER_BYTES, paths, false,
                      s->user_data);
}

/* The same for video, which the pacer spaces. */
static void
let_go_paced (BlSender *s, Outgoing *out, unsigned paths, BlTime now)
{
  bl_pacer_on_sent (&s->pacer, (uint32_t)bl_writer_length (&out->w), now);
  let_go (s, out, paths, now);
}

void
bl_sender_send_payload (BlSender *s, const BlQueuedPayload *payload,
                        uint64_t seq, unsigned paths, BlTime now, BlNtp wall)
{
  const BlHistoryMeta *meta = &payload->meta;
  Outgoing out;
  Header header = {
    .track = &s->video,
    .ssrc = s->video.negotiated.ssrc,
    .pt = s->video.negotiated.pt,
    .seq = (uint16_t)seq,
    .timestamp = meta->timestamp,
    .marker = meta->marker,
    .capture = meta->capture,
  };
  begin (&out, &header, wall);
  bl_writer_bytes (&out.w, payload->packet->data, meta->payload_length);
  bl_rtp_sender_stats_on_sent (&s->video.stats, meta->payload_length);
  let_go_paced (s, &out, paths, now);
}

void
bl_sender_send_rtx (BlSender *s, const BlHistoryEntry *entry, unsigned paths,
                    BlTime now, BlNtp wall)
{
  const BlHistoryMeta *meta = &entry->meta;
  Outgoing out;
  Header header = {
    .track = &s->video,
    .ssrc = s->video.negotiated.rtx_ssrc,
    .pt = (uint8_t)s->video.negotiated.rtx_pt,
    .seq = (uint16_t)s->rtx_next_seq++,
    .timestamp = meta->timestamp,
    .marker = meta->marker,
    .capture = meta->capture,
  };
  begin (&out, &header, wall);
  bl_rtx_write_payload (&out.w, (uint16_t)entry->seq, entry->packet->data,
                        meta->payload_length);
  let_go_paced (s, &out, paths, now);
}

static bool
find_source (void *user_data, uint64_t seq, BlFecSource *out)
{
  const BlSender *s = user_data;
  const BlHistoryEntry *entry = bl_history_get (&s->history, seq);
  if (!entry || entry->meta.payload_length > BL_FEC_PAYLOAD_MOST)
    return false;
  *out = (BlFecSource){ .timestamp = entry->meta.timestamp,
                        .marker = entry->meta.marker,
                        .payload = entry->packet->data,
                        .length = entry->meta.payload_length };
  return true;
}

void
bl_sender_send_fec (BlSender *s, uint64_t first, unsigned paths, BlTime now,
                    BlNtp wall)
{
  Outgoing out;
  Header header = {
    .track = &s->video,
    .ssrc = s->video.negotiated.fec_ssrc,
    .pt = s->video.negotiated.fec_pt,
    .seq = (uint16_t)s->fec_next_seq++,
    .timestamp = s->video.last_timestamp,
  };
  begin (&out, &header, wall);
  size_t before = bl_writer_length (&out.w);
  bool written
      = bl_fec_write (&out.w, header.seq, first,
                      (unsigned)(s->video.next_seq - first), find_source, s);
  bl_assert (written);
  s->repair_bytes += bl_writer_length (&out.w) - before;
  let_go_paced (s, &out, paths, now);
}

void
bl_sender_send_probe (BlSender *s, unsigned paths, BlTime now, BlNtp wall)
{
  Outgoing out;
  Header header = {
    .track = &s->video,
    .ssrc = s->video.negotiated.rtx_ssrc,
    .pt = (uint8_t)s->video.negotiated.rtx_pt,
    .seq = (uint16_t)s->rtx_next_seq++,
    .timestamp = s->video.last_timestamp,
  };
  begin (&out, &header, wall);
  let_go (s, &out, paths, now);
}

void
bl_sender_send_sound (BlSender *s, uint64_t seq, uint32_t timestamp, bool first,
                      BlNtp captured_ntp, BlTime now, BlNtp wall)
{
  BlSenderTrack *track = &s->audio;
  uint8_t payload[BL_SENDER_MAX_PAYLOAD];
  unsigned paths = bl_flow_choose (s->flow, BL_USE_SOUND, 0, now);
  if (paths == 0) {
    s->sender_stats.sound_kept_back++;
    return;
  }
  BlWriter content = bl_writer (payload, sizeof payload);
  uint8_t pt = bl_sound_write (&s->sound, &content, sizeof payload);
  uint32_t length = (uint32_t)bl_writer_length (&content);
  Outgoing out;
  Header header = {
    .track = track,
    .ssrc = track->negotiated.ssrc,
    .pt = pt,
    .seq = (uint16_t)seq,
    .timestamp = timestamp,
    .marker = first, /* RFC 3551 section 4.1: a talkspurt begins */
    .capture = captured_ntp,
  };
  begin (&out, &header, wall);
  bl_writer_bytes (&out.w, payload, length);
  bl_rtp_sender_stats_on_sent (&track->stats, length);
  let_go (s, &out, paths, now);
}

void
bl_sender_send_rtcp (BlSender *s, uint8_t *compound, size_t length,
                     size_t capacity, BlTime now)
{
  unsigned paths
      = bl_flow_choose (s->flow, BL_USE_REPORT, (uint32_t)length, now);
  s->callbacks->send (compound, length, capacity, paths, true, s->user_data);
}
