/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/source.h"

#include "rtc/rtcp.h"

/* What one NACK packet asks for at most; the rest is asked for in the next. */
#define NACK_SEQS 64

static const char cname[] = "bluelight";

/* How often a new format is told: each costs control an event and a line of the
 * log. What is told is the last one. */
static const BlBucketLimit format_limit = { .per_second = 1, .burst = 5 };

bool
bl_source_init (BlSource *source, uint32_t own_ssrc)
{
  *source = (BlSource){ .own_ssrc = own_ssrc,
                        .rtt_us = -1,
                        .report_due_us = BL_TIME_NEVER,
                        .feedback_due_us = BL_TIME_NEVER };
  bl_keyframe_init (&source->keyframe);
  bl_clock_offset_init (&source->offset);
  bl_twcc_receiver_init (&source->twcc);
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    if (!bl_track_init (&source->tracks[kind], kind)) {
      while (kind-- > 0)
        bl_track_clear (&source->tracks[kind]);
      return false;
    }
  return true;
}

void
bl_source_clear (BlSource *source)
{
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    bl_track_clear (&source->tracks[kind]);
}

static void
stop (BlSource *source)
{
  if (source->live)
    source->news |= BL_SOURCE_STOPPED;
  source->live = false;
}

void
bl_source_set_publisher (BlSource *source, const BlNegotiated *negotiated,
                         BlTime now)
{
  bl_track_set_publisher (&source->tracks[BL_TRACK_VIDEO],
                          negotiated ? &negotiated->video : NULL);
  bl_track_set_publisher (&source->tracks[BL_TRACK_AUDIO],
                          negotiated ? &negotiated->audio : NULL);
  bl_clock_offset_init (&source->offset);
  bl_twcc_receiver_init (&source->twcc);
  bl_keyframe_on_new_publisher (&source->keyframe);
  source->has_publisher = negotiated != NULL;
  source->rtt_us = -1;
  source->feedback_due_us = BL_TIME_NEVER;
  source->report_due_us
      = negotiated ? now + BL_SOURCE_FEEDBACK_US : BL_TIME_NEVER;
  if (!negotiated)
    stop (source);
}

static BlTrack *
by_ssrc (BlSource *source, uint32_t ssrc)
{
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    if (bl_track_owns_ssrc (&source->tracks[kind], ssrc))
      return &source->tracks[kind];
  return NULL;
}

/* The extensions of one RTP session have the same ids in all m-lines that are
 * bundled, so the first track's map reads every packet (RFC 9143 section 9.2).
 */
static const BlRtpExtMap *
extensions (const BlSource *source)
{
  const BlTrack *video = &source->tracks[BL_TRACK_VIDEO];
  const BlTrack *audio = &source->tracks[BL_TRACK_AUDIO];
  return video->setup.present ? &video->setup.extensions
                              : &audio->setup.extensions;
}

static BlTrack *
find_track (BlSource *source, const BlRtp *rtp, BlRtpExtValues *out_ext)
{
  BlTrack *track = by_ssrc (source, rtp->ssrc);
  /* What can't be read is not present, and costs no packet. */
  (void)bl_rtp_ext_parse (
      rtp, track ? &track->setup.extensions : extensions (source), out_ext);
  for (unsigned kind = 0; !track && kind < BL_N_TRACKS; kind++)
    if (bl_track_owns_mid (&source->tracks[kind], out_ext))
      track = &source->tracks[kind];
  for (unsigned kind = 0; !track && kind < BL_N_TRACKS; kind++)
    if (bl_track_owns_pt (&source->tracks[kind], rtp->payload_type))
      track = &source->tracks[kind];
  return track;
}

static void
note_transport_seq (BlSource *source, const BlTrack *track,
                    const BlRtpExtValues *ext, BlTime now)
{
  if (!bl_rtp_ext_has (ext, BL_RTP_EXT_TRANSPORT_CC)
      || !(track->setup.feedback & BL_FEEDBACK_TRANSPORT_CC))
    return;
  bl_twcc_receiver_on_packet (&source->twcc, ext->transport_seq, now);
  if (source->feedback_due_us == BL_TIME_NEVER)
    source->feedback_due_us = now + BL_SOURCE_FEEDBACK_US;
}

/* What has entered the history since `arrival`: one packet can bring several.
 */
static void
note_taken (BlSource *source, const BlTrack *track, uint64_t arrival)
{
  for (; arrival < bl_history_next_arrival (&track->history); arrival++) {
    const BlHistoryEntry *entry = bl_history_arrival (&track->history, arrival);
    if (!entry)
      continue;
    if (entry->meta.h264 & BL_H264_HAS_IDR)
      bl_keyframe_on_arrival (&source->keyframe, entry->meta.received_us);
    bl_rates_on_packet (&source->rates, &entry->meta);
    if (!source->live)
      source->news |= BL_SOURCE_STARTED;
    source->live = true;
  }
}

unsigned
bl_source_on_rtp (BlSource *source, BlPacket *packet, BlTime now, BlNtp ntp)
{
  BlRtp rtp;
  if (bl_rtp_parse (packet->data, packet->length, &rtp) != BL_RTP_OK)
    return BL_DROP_RTP;

  BlRtpExtValues ext;
  BlTrack *track = find_track (source, &rtp, &ext);
  if (!track)
    return BL_DROP_UNKNOWN_TRACK;
  note_transport_seq (source, track, &ext, now);

  uint64_t arrival = bl_history_next_arrival (&track->history);
  unsigned result
      = bl_track_receive (track, packet, &rtp, &ext, &source->offset, now, ntp);
  if (result == BL_DROP_BEFORE_KEY)
    bl_source_want_keyframe (source);
  bl_track_take_recovered (track, packet->pool, &source->offset, now);
  note_taken (source, track, arrival);
  if (track->new_sps
      && bl_bucket_take (&source->formats, &format_limit, 1, now)) {
    track->new_sps = false;
    source->news |= BL_SOURCE_FORMAT;
  }
  return result;
}

void
bl_source_on_copy (BlSource *source, uint32_t ssrc, BlTime lag_us, BlTime now)
{
  BlTrack *track = by_ssrc (source, ssrc);
  if (track && ssrc == track->ssrc)
    bl_nack_on_copy (&track->nack, lag_us, now);
}

/* ---- RTCP from the publisher ---- */

typedef struct {
  BlTime now;
  BlNtp ntp;
  unsigned byes; /* bit set by BlTrackKind */
  bool has_remote;
  BlNtp remote; /* the publisher's clock when it sent this compound */
} Compound;

static void
on_sr (BlSource *source, const BlRtcpPacket *packet, Compound *compound)
{
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  if (!bl_rtcp_read_sr (packet, &ssrc, &info))
    return;
  compound->has_remote = true;
  compound->remote = info.ntp;
  BlTrack *track = by_ssrc (source, ssrc);
  if (!track || ssrc != track->ssrc)
    return;
  bl_track_on_sr (track, &info, compound->now);
  bl_clock_offset_on_one_way (&source->offset, info.ntp, compound->ntp,
                              compound->now);
}

static void
on_bye (BlSource *source, const BlRtcpPacket *packet, Compound *compound)
{
  uint32_t ssrc;
  for (unsigned i = 0; bl_rtcp_read_bye (packet, i, &ssrc); i++) {
    BlTrack *track = by_ssrc (source, ssrc);
    if (track && ssrc == track->ssrc)
      compound->byes |= 1u << track->kind;
  }
}

static void
on_xr (BlSource *source, const BlRtcpPacket *packet, Compound *compound)
{
  BlRtcpXr xr;
  BlRtcpDlrr dlrr;
  if (!bl_rtcp_read_xr (packet, &xr))
    return;
  if (xr.has_rrtr) {
    compound->has_remote = true;
    compound->remote = xr.rrtr;
  }
  for (unsigned i = 0; bl_rtcp_read_dlrr (&xr, i, &dlrr); i++) {
    int64_t rtt_us;
    if (dlrr.ssrc != source->own_ssrc
        || !bl_rtcp_round_trip_us (dlrr.lrr, dlrr.dlrr, compound->ntp, &rtt_us))
      continue;
    source->rtt_us = rtt_us;
    for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
      bl_nack_set_rtt (&source->tracks[kind].nack, rtt_us);
    if (compound->has_remote)
      bl_clock_offset_on_round_trip (&source->offset, compound->remote,
                                     compound->ntp, rtt_us, compound->now);
  }
}

typedef void (*RtcpHandler) (BlSource *source, const BlRtcpPacket *packet,
                             Compound *compound);

static const RtcpHandler rtcp_handlers[] = {
  [BL_RTCP_KIND_SR] = on_sr,
  [BL_RTCP_KIND_BYE] = on_bye,
  [BL_RTCP_KIND_XR] = on_xr,
};

BlSourceRtcp
bl_source_on_rtcp (BlSource *source, const void *data, size_t length,
                   BlTime now, BlNtp ntp)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_rtcp_open (&iter, data, length) != BL_RTCP_OK)
    return BL_SOURCE_RTCP_MALFORMED;

  Compound compound = { .now = now, .ntp = ntp };
  while (bl_rtcp_next (&iter, &packet)) {
    RtcpHandler handler = packet.kind < G_N_ELEMENTS (rtcp_handlers)
                              ? rtcp_handlers[packet.kind]
                              : NULL;
    if (handler)
      handler (source, &packet, &compound);
  }
  unsigned begun = 0;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    if (source->tracks[kind].seqs.started)
      begun |= 1u << kind;
  return compound.byes && compound.byes == begun ? BL_SOURCE_RTCP_BYE
                                                 : BL_SOURCE_RTCP_OK;
}

/* ---- RTCP to the publisher ---- */

void
bl_source_want_keyframe (BlSource *source)
{
  bl_keyframe_want (&source->keyframe);
}

void
bl_source_want_report (BlSource *source, BlTime now)
{
  if (source->has_publisher && source->report_due_us > now)
    source->report_due_us = now;
}

void
bl_source_want_keyframe_seldom (BlSource *source, BlTime now)
{
  bl_keyframe_want_seldom (&source->keyframe, now);
}

static void
write_report (BlSource *source, BlWriter *w, BlTime now, BlNtp ntp)
{
  BlRtcpReportBlock blocks[BL_N_TRACKS];
  size_t n = 0;
  bool rcvr_rtt = false;

  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    BlTrack *track = &source->tracks[kind];
    rcvr_rtt |= track->setup.rcvr_rtt;
    if (bl_rtp_receiver_stats_report (&track->receiver, track->ssrc, now,
                                      &blocks[n]))
      n++;
  }
  bl_rtcp_write_rr (w, source->own_ssrc, blocks, n);
  bl_rtcp_write_cname (w, source->own_ssrc, cname);
  if (rcvr_rtt)
    bl_rtcp_write_xr_rrtr (w, source->own_ssrc, ntp);
}

void
bl_source_open_compound (BlSource *source, BlWriter *w)
{
  if (bl_writer_length (w) > 0)
    return;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    if (source->tracks[kind].setup.rtcp_rsize)
      return;
  bl_rtcp_write_rr (w, source->own_ssrc, NULL, 0);
  bl_rtcp_write_cname (w, source->own_ssrc, cname);
}

static void
write_nacks (BlSource *source, BlWriter *w, BlTime now)
{
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    BlTrack *track = &source->tracks[kind];
    uint16_t seqs[NACK_SEQS];
    size_t n = bl_nack_poll (&track->nack, now, seqs, NACK_SEQS);
    if (bl_nack_take_gave_up (&track->nack) && kind == BL_TRACK_VIDEO)
      bl_source_want_keyframe (source);
    if (n == 0 || !(track->setup.feedback & BL_FEEDBACK_NACK))
      continue;
    source->nacked_packets += (uint32_t)n;
    bl_source_open_compound (source, w);
    bl_rtcp_write_nack (w, source->own_ssrc, track->ssrc, seqs, n);
  }
}

static void
write_keyframe_request (BlSource *source, BlWriter *w, BlTime now)
{
  const BlTrack *video = &source->tracks[BL_TRACK_VIDEO];
  /* A publisher whose SSRC isn't known yet hasn't sent anything. */
  if (bl_keyframe_due (&source->keyframe) > now || !video->ssrc_known)
    return;
  bl_keyframe_on_sent (&source->keyframe, now);
  if (!(video->setup.feedback & (BL_FEEDBACK_PLI | BL_FEEDBACK_FIR)))
    return;
  source->keyframe_requests++;
  bl_source_open_compound (source, w);
  if (video->setup.feedback & BL_FEEDBACK_PLI)
    bl_rtcp_write_pli (w, source->own_ssrc, video->ssrc);
  else
    bl_rtcp_write_fir (w, source->own_ssrc, video->ssrc, source->fir_seq_nr++);
}

static void
write_feedback (BlSource *source, BlWriter *w, BlTime now)
{
  if (source->feedback_due_us > now)
    return;
  const BlTrack *video = &source->tracks[BL_TRACK_VIDEO];
  const BlTrack *audio = &source->tracks[BL_TRACK_AUDIO];
  bl_source_open_compound (source, w);
  bl_twcc_receiver_write (&source->twcc, w, source->own_ssrc,
                          video->ssrc_known ? video->ssrc : audio->ssrc);
  /* What didn't fit goes in the next compound, which is due at once. */
  if (!bl_twcc_receiver_has_news (&source->twcc))
    source->feedback_due_us = BL_TIME_NEVER;
}

size_t
bl_source_write_rtcp (BlSource *source, BlTime now, BlNtp ntp,
                      uint8_t out_data[BL_SOURCE_RTCP_BYTES])
{
  BlWriter w = bl_writer (out_data, BL_SOURCE_RTCP_BYTES);
  if (!source->has_publisher)
    return 0;
  if (source->report_due_us <= now) {
    write_report (source, &w, now, ntp);
    source->report_due_us = now + BL_SOURCE_REPORT_US;
  }
  write_nacks (source, &w, now);
  write_keyframe_request (source, &w, now);
  write_feedback (source, &w, now);
  g_assert (bl_writer_ok (&w));
  return bl_writer_length (&w);
}

size_t
bl_source_write_bye (BlSource *source, uint8_t out_data[BL_SOURCE_RTCP_BYTES])
{
  BlWriter w = bl_writer (out_data, BL_SOURCE_RTCP_BYTES);
  bl_rtcp_write_rr (&w, source->own_ssrc, NULL, 0);
  bl_rtcp_write_cname (&w, source->own_ssrc, cname);
  bl_rtcp_write_bye (&w, source->own_ssrc);
  return bl_writer_length (&w);
}

static BlTime
newest_at (const BlSource *source)
{
  BlTime newest = INT64_MIN;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    BlTime at = source->tracks[kind].newest_at_us;
    if (at != BL_TIME_NEVER && at > newest)
      newest = at;
  }
  return newest;
}

static BlTime
earlier (BlTime a, BlTime b)
{
  return a < b ? a : b;
}

BlTime
bl_source_next_deadline (const BlSource *source)
{
  if (!source->has_publisher)
    return BL_TIME_NEVER;
  BlTime due = earlier (source->report_due_us, source->feedback_due_us);
  if (source->live)
    due = earlier (due, newest_at (source) + BL_MEDIA_SILENCE_US);
  if (source->tracks[BL_TRACK_VIDEO].ssrc_known)
    due = earlier (due, bl_keyframe_due (&source->keyframe));
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    due = earlier (due, bl_nack_next_deadline (&source->tracks[kind].nack));
  return due;
}

void
bl_source_check_live (BlSource *source, BlTime now)
{
  if (source->live && now - newest_at (source) >= BL_MEDIA_SILENCE_US)
    stop (source);
}

uint32_t
bl_source_take_news (BlSource *source)
{
  uint32_t news = source->news;
  source->news = 0;
  return news;
}
