/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/fanout.h"

#include "rtc/rtx.h"
#include "rtc/seq.h"

static uint16_t
random_first_seq (void)
{
  /* The upper half is left out so that a loss at the very start can't be
   * mistaken for a wrap (RFC 3711 section 3.3.1). */
  return (uint16_t)(g_random_int () & 0x7fff);
}

void
bl_out_track_init (BlOutTrack *track, const BlNegotiatedTrack *setup,
                   BlTrackKind kind)
{
  *track = (BlOutTrack){ .setup = *setup, .rtx_seq = random_first_seq () };
  bl_viewer_line_init (&track->line, setup->ssrc,
                       BL_SEQ_CYCLE + random_first_seq (), g_random_int ());
  bl_rtp_sender_stats_init (&track->sender, bl_track_clock_hz (kind));

  BlRtpExtValues *ext = &track->ext;
  ext->present = BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_SEND_TIME)
                 | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC)
                 | BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME);
  if (strlen (setup->mid) <= BL_RTP_MID_MAX_BYTES) {
    ext->present |= BL_RTP_EXT_BIT (BL_RTP_EXT_MID);
    g_strlcpy (ext->mid, setup->mid, sizeof ext->mid);
  }
  /* 0 to 0 ms: show each picture as soon as it is whole. */
  if (kind == BL_TRACK_VIDEO)
    ext->present |= BL_RTP_EXT_BIT (BL_RTP_EXT_PLAYOUT_DELAY);
}

/* When it was captured; where nothing tells, when it arrived: too young by the
 * way here, like all times of a publisher whose clock can't be measured. */
static BlNtp
reference_time (const BlLoop *loop, const BlHistoryEntry *entry)
{
  return entry->meta.capture
             ? entry->meta.capture
             : bl_ntp_add_us (loop->ntp, entry->meta.received_us - loop->now);
}

static void
fill_ext (BlOutTrack *track, const BlLoop *loop, const BlHistoryEntry *entry,
          uint16_t *transport_seq)
{
  BlRtpExtValues *ext = &track->ext;
  ext->abs_send_time = bl_rtp_abs_send_time (loop->ntp);
  if (track->setup.extensions.id[BL_RTP_EXT_TRANSPORT_CC])
    ext->transport_seq = (*transport_seq)++;
  ext->capture_ntp = reference_time (loop, entry);
}

static bool
write_packet (BlSession *session, BlOutTrack *track, const BlRtp *header,
              const uint16_t *original_seq, const BlHistoryEntry *entry,
              uint16_t *transport_seq)
{
  uint8_t *at = bl_session_reserve (session);
  if (!at)
    return false;
  const uint8_t *payload = entry->packet->data + entry->meta.payload_offset;
  uint16_t length = entry->meta.payload_length;
  BlWriter w = bl_writer (at, BL_PACKET_CAPACITY - BL_SRTP_TRAILER_MAX);

  fill_ext (track, session->loop, entry, transport_seq);
  bl_rtp_ext_write (&w, header, &track->setup.extensions, &track->ext, NULL);
  if (original_seq)
    bl_rtx_write_payload (&w, *original_seq, payload, length);
  else
    bl_writer_bytes (&w, payload, length);
  if (!bl_writer_ok (&w)) {
    bl_loop_drop (session->loop, BL_DROP_PROTECT);
    return false;
  }
  return bl_session_commit_rtp (session, at, bl_writer_length (&w));
}

bool
bl_fanout_packet (BlSession *session, BlOutTrack *track,
                  const BlHistoryEntry *entry, uint16_t *transport_seq)
{
  uint64_t seq;
  uint32_t timestamp;
  if (entry->meta.payload_length == 0) {
    bl_viewer_line_skip (&track->line, entry->seq);
    return false;
  }
  if (!bl_viewer_line_map (&track->line, entry->seq, entry->meta.timestamp,
                           &seq, &timestamp))
    return false;
  BlRtp header = { .payload_type = track->setup.pt,
                   .marker = entry->meta.marker,
                   .seq = (uint16_t)seq,
                   .timestamp = timestamp,
                   .ssrc = track->line.ssrc };
  if (!write_packet (session, track, &header, NULL, entry, transport_seq))
    return false;
  bl_rtp_sender_stats_on_sent (&track->sender, entry->meta.payload_length);
  bl_rtp_sender_stats_set_clock (&track->sender, timestamp,
                                 reference_time (session->loop, entry));
  return true;
}

bool
bl_fanout_repair (BlSession *session, BlOutTrack *track,
                  const BlHistoryEntry *entry, uint16_t *transport_seq)
{
  uint64_t seq;
  uint32_t timestamp;
  if (entry->meta.payload_length == 0
      || !bl_viewer_line_map (&track->line, entry->seq, entry->meta.timestamp,
                              &seq, &timestamp))
    return false;
  uint16_t original_seq = (uint16_t)seq;
  BlRtp header = { .payload_type = (uint8_t)track->setup.rtx_pt,
                   .marker = entry->meta.marker,
                   .seq = track->rtx_seq++,
                   .timestamp = timestamp,
                   .ssrc = track->setup.rtx_ssrc };
  return write_packet (session, track, &header, &original_seq, entry,
                       transport_seq);
}
