/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/fanout.h"

#include "base/bytes.h"
#include "rtc/rtx.h"
#include "rtc/seq.h"

#define MARKER 0x80

static uint16_t
random_first_seq (void)
{
  /* The upper half is left out so that a loss at the very start can't be
   * mistaken for a wrap (RFC 3711 section 3.3.1). */
  return (uint16_t)(g_random_int () & 0x7fff);
}

/* ---- headers ---- */

static BlRtpExtValues
extensions (const BlNegotiatedTrack *setup, BlTrackKind kind)
{
  BlRtpExtValues ext
      = { .present = BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_SEND_TIME)
                     | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC)
                     | BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME) };
  if (strlen (setup->mid) <= BL_RTP_MID_MAX_BYTES) {
    ext.present |= BL_RTP_EXT_BIT (BL_RTP_EXT_MID);
    g_strlcpy (ext.mid, setup->mid, sizeof ext.mid);
  }
  /* 0 to 0 ms: show each picture as soon as it is whole. */
  if (kind == BL_TRACK_VIDEO)
    ext.present |= BL_RTP_EXT_BIT (BL_RTP_EXT_PLAYOUT_DELAY);
  return ext;
}

static BlHeaderTemplate
make_template (const BlNegotiatedTrack *setup, BlTrackKind kind, uint8_t pt,
               uint32_t ssrc)
{
  BlHeaderTemplate template = { 0 };
  BlRtp header = { .payload_type = pt, .ssrc = ssrc };
  BlRtpExtValues ext = extensions (setup, kind);
  BlWriter w = bl_writer (template.bytes, sizeof template.bytes);
  bl_rtp_ext_write (&w, &header, &setup->extensions, &ext, &template.at);
  g_assert (bl_writer_ok (&w));
  template.length = (uint16_t)bl_writer_length (&w);
  return template;
}

void
bl_out_track_init (BlOutTrack *track, const BlNegotiatedTrack *setup,
                   BlTrackKind kind)
{
  *track = (BlOutTrack){ .setup = *setup, .rtx_seq = random_first_seq () };
  bl_viewer_line_init (&track->line, setup->ssrc,
                       BL_SEQ_CYCLE + random_first_seq (), g_random_int ());
  bl_rtp_sender_stats_init (&track->sender, bl_track_clock_hz (kind));
  track->media = make_template (setup, kind, setup->pt, setup->ssrc);
  if (setup->rtx_pt >= 0)
    track->rtx
        = make_template (setup, kind, (uint8_t)setup->rtx_pt, setup->rtx_ssrc);
}

BlNtp
bl_fanout_reference_time (const BlLoop *loop, const BlHistoryEntry *entry)
{
  return entry->meta.capture
             ? entry->meta.capture
             : bl_ntp_add_us (loop->ntp, entry->meta.received_us - loop->now);
}

static void
write_header (uint8_t *at, const BlHeaderTemplate *template, const BlLoop *loop,
              const BlHistoryEntry *entry, uint16_t seq, uint32_t timestamp,
              uint16_t *transport_seq)
{
  const BlRtpExtOffsets *offsets = &template->at;
  memcpy (at, template->bytes, sizeof template->bytes);
  at[1] |= entry->meta.marker ? MARKER : 0;
  bl_put_be16 (at + 2, seq);
  bl_put_be32 (at + 4, timestamp);
  if (offsets->transport_seq)
    bl_put_be16 (at + offsets->transport_seq, (*transport_seq)++);
  if (offsets->abs_send_time)
    bl_put_be24 (at + offsets->abs_send_time, bl_rtp_abs_send_time (loop->ntp));
  if (offsets->abs_capture_time)
    bl_put_be64 (at + offsets->abs_capture_time,
                 bl_fanout_reference_time (loop, entry));
}

/* ---- packets ---- */

/* Of the largest header that a template can be, so that it may be copied as one
 * block of fixed size. */
static bool
fits (const BlHistoryEntry *entry)
{
  return entry->meta.payload_length
         <= BL_PACKET_CAPACITY - sizeof ((BlHeaderTemplate *)0)->bytes
                - BL_RTX_OSN_BYTES - BL_SRTP_TRAILER_MAX;
}

BlFanoutResult
bl_fanout_packet (BlSession *session, BlOutTrack *track,
                  const BlHistoryEntry *entry, uint16_t *transport_seq)
{
  const BlHistoryMeta *meta = &entry->meta;
  uint64_t seq;
  uint32_t timestamp;
  if (meta->payload_length == 0) {
    bl_viewer_line_skip (&track->line, entry->seq);
    return BL_FANOUT_PASSED_OVER;
  }
  uint8_t *at = bl_session_reserve (session);
  if (!at)
    return BL_FANOUT_BLOCKED;
  if (!bl_viewer_line_map (&track->line, entry->seq, meta->timestamp, &seq,
                           &timestamp)
      || !fits (entry))
    return BL_FANOUT_PASSED_OVER;

  const BlHeaderTemplate *header = &track->media;
  write_header (at, header, session->loop, entry, (uint16_t)seq, timestamp,
                transport_seq);
  memcpy (at + header->length, entry->packet->data + meta->payload_offset,
          meta->payload_length);
  bl_session_commit_rtp (session, at, header->length + meta->payload_length);
  bl_rtp_sender_stats_on_sent (&track->sender, meta->payload_length);
  return BL_FANOUT_SENT;
}

BlFanoutResult
bl_fanout_repair (BlSession *session, BlOutTrack *track,
                  const BlHistoryEntry *entry, uint16_t *transport_seq)
{
  const BlHistoryMeta *meta = &entry->meta;
  uint64_t seq;
  uint32_t timestamp;
  if (meta->payload_length == 0
      || !bl_viewer_line_map (&track->line, entry->seq, meta->timestamp, &seq,
                              &timestamp)
      || !fits (entry))
    return BL_FANOUT_PASSED_OVER;
  uint8_t *at = bl_session_reserve (session);
  if (!at)
    return BL_FANOUT_BLOCKED;

  const BlHeaderTemplate *header = &track->rtx;
  write_header (at, header, session->loop, entry, track->rtx_seq++, timestamp,
                transport_seq);
  BlWriter w = bl_writer (at + header->length,
                          BL_RTX_OSN_BYTES + (size_t)meta->payload_length);
  bl_rtx_write_payload (&w, (uint16_t)seq,
                        entry->packet->data + meta->payload_offset,
                        meta->payload_length);
  bl_session_commit_rtp (session, at, header->length + bl_writer_length (&w));
  return BL_FANOUT_SENT;
}
