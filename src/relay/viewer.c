/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/viewer.h"

#include "rtc/rtcp.h"
#include "rtc/twcc.h"

#define REPORT_US (1 * BL_SECOND)

/* What a young group of pictures says of the stream's rate is mostly the IDR's
 * own size; so count as if it were at least this old. */
#define MIN_RATE_SPAN_US (500 * BL_MS)

static const BlSessionRoleOps ops;

static void on_join_timer (void *owner, BlTime now);
static void on_report_timer (void *owner, BlTime now);

BlViewer *
bl_viewer_new (BlLoop *loop, BlSessionId id, BlSourceId source_id,
               const BlSessionSetup *setup, BlSource *source,
               BlTimer *source_timer)
{
  BlViewer *viewer = g_new0 (BlViewer, 1);
  viewer->loop = loop;
  viewer->source = source;
  viewer->source_timer = source_timer;
  viewer->join_timer = (BlTimer){ .run = on_join_timer, .owner = viewer };
  viewer->report_timer = (BlTimer){ .run = on_report_timer, .owner = viewer };
  viewer->repair_bytes = BL_REPAIR_BURST_BYTES;
  viewer->repair_at_us = loop->now;
  viewer->stats.session = id;
  viewer->stats.source = source_id;
  bl_out_track_init (&viewer->tracks[BL_TRACK_VIDEO], &setup->negotiated->video,
                     BL_TRACK_VIDEO);
  bl_out_track_init (&viewer->tracks[BL_TRACK_AUDIO], &setup->negotiated->audio,
                     BL_TRACK_AUDIO);
  viewer->session = bl_session_new (loop, id, source_id, setup, &ops, viewer);
  return viewer;
}

static void
on_ended (void *owner)
{
  BlViewer *viewer = owner;
  viewer->up = false;
  bl_timers_set (&viewer->loop->timers, &viewer->join_timer, BL_TIME_NEVER);
  bl_timers_set (&viewer->loop->timers, &viewer->report_timer, BL_TIME_NEVER);
}

/* ---- what goes out ---- */

static void
want_keyframe (BlViewer *viewer)
{
  bl_source_want_keyframe (viewer->source);
  bl_timers_hasten (&viewer->loop->timers, viewer->source_timer,
                    viewer->loop->now);
}

static void
send_entry (BlViewer *viewer, BlTrackKind kind, const BlHistoryEntry *entry)
{
  if (!bl_fanout_packet (viewer->session, &viewer->tracks[kind], entry,
                         &viewer->transport_seq))
    return;
  viewer->stats.packets++;
  viewer->stats.bytes += entry->meta.payload_length;
}

/* Sends what the pacer lets go now; LIVE once nothing is left. */
static void
go_on_joining (BlViewer *viewer)
{
  const BlHistory *history = &viewer->source->tracks[BL_TRACK_VIDEO].history;
  BlTime now = viewer->loop->now;
  uint64_t newest;

  while (bl_history_newest (history, &newest) && viewer->cursor <= newest) {
    if (bl_joinpacer_next_send (&viewer->pacer) > now) {
      bl_timers_set (&viewer->loop->timers, &viewer->join_timer,
                     bl_joinpacer_next_send (&viewer->pacer));
      return;
    }
    const BlHistoryEntry *entry = bl_history_get (history, viewer->cursor++);
    if (!entry)
      continue;
    send_entry (viewer, BL_TRACK_VIDEO, entry);
    bl_joinpacer_on_sent (&viewer->pacer, entry->meta.payload_length, now);
  }
  viewer->join = BL_JOIN_LIVE;
  bl_timers_set (&viewer->loop->timers, &viewer->join_timer, BL_TIME_NEVER);
}

static void
on_join_timer (void *owner, BlTime now)
{
  go_on_joining (owner);
}

static uint64_t
join_rate_bps (const BlHistory *history, uint64_t key_start, BlTime now)
{
  const BlHistoryEntry *key = bl_history_get (history, key_start);
  uint64_t span_us = MIN_RATE_SPAN_US;
  if (key && now - key->meta.received_us > MIN_RATE_SPAN_US)
    span_us = (uint64_t)(now - key->meta.received_us);
  uint64_t bits = bl_history_bytes_since (history, key_start) * 8;
  uint64_t rate_bps = bits * BL_JOIN_SPEED * 1000000 / span_us;
  return MAX (rate_bps, BL_JOIN_MIN_RATE_BPS);
}

/* From the last IDR on, if there is one. */
static bool
begin_join (BlViewer *viewer)
{
  const BlHistory *history = &viewer->source->tracks[BL_TRACK_VIDEO].history;
  BlTime now = viewer->loop->now;
  if (!bl_history_key_start (history, &viewer->cursor))
    return false;
  viewer->join = BL_JOIN_JOINING;
  bl_joinpacer_init (&viewer->pacer,
                     join_rate_bps (history, viewer->cursor, now), now);
  go_on_joining (viewer);
  return true;
}

/* A newer IDR makes what is still to be sent before it useless. */
static void
shorten_join (BlViewer *viewer)
{
  uint64_t key_start;
  if (!bl_history_key_start (&viewer->source->tracks[BL_TRACK_VIDEO].history,
                             &key_start)
      || key_start <= viewer->cursor)
    return;
  bl_viewer_line_skip_to (&viewer->tracks[BL_TRACK_VIDEO].line, key_start);
  viewer->cursor = key_start;
}

/* Has it begun with an IDR so old that a new one is the shorter way? */
static bool
is_long_join (const BlViewer *viewer)
{
  const BlHistory *history = &viewer->source->tracks[BL_TRACK_VIDEO].history;
  const BlHistoryEntry *key = NULL;
  uint64_t key_start;
  if (bl_history_key_start (history, &key_start))
    key = bl_history_get (history, key_start);
  return key && viewer->loop->now - key->meta.received_us > BL_JOIN_LONG_US;
}

static void
forward_video (BlViewer *viewer, const BlHistoryEntry *entry)
{
  if (viewer->join == BL_JOIN_WAITING)
    begin_join (viewer);
  else if (viewer->join == BL_JOIN_JOINING && entry->seq >= viewer->cursor) {
    shorten_join (viewer);
    bl_joinpacer_on_live (&viewer->pacer, entry->meta.payload_length);
    go_on_joining (viewer);
  } else
    send_entry (viewer, BL_TRACK_VIDEO, entry);
}

void
bl_viewer_forward (BlViewer *viewer)
{
  const BlSource *source = viewer->source;
  if (!viewer->up)
    return;
  for (unsigned i = 0; i < source->n_fresh; i++) {
    const BlFresh *fresh = &source->fresh[i];
    const BlHistoryEntry *entry
        = bl_history_get (&source->tracks[fresh->kind].history, fresh->seq);
    if (!entry || !viewer->tracks[fresh->kind].setup.present)
      continue;
    if (fresh->kind == BL_TRACK_VIDEO)
      forward_video (viewer, entry);
    else
      send_entry (viewer, BL_TRACK_AUDIO, entry);
  }
}

static size_t
write_report (BlViewer *viewer, bool bye, uint8_t out[BL_SESSION_RTCP_MAX])
{
  BlWriter w = bl_writer (out, BL_SESSION_RTCP_MAX);
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    const BlOutTrack *track = &viewer->tracks[kind];
    BlRtcpSenderInfo info;
    if (!track->setup.present
        || !bl_rtp_sender_stats_info (&track->sender, viewer->loop->ntp, &info))
      continue;
    bl_rtcp_write_sr (&w, track->line.ssrc, &info, NULL, 0);
    bl_rtcp_write_cname (&w, track->line.ssrc, track->setup.cname);
    if (viewer->rrtr_ssrc && track->setup.rcvr_rtt) {
      int64_t delay_us = viewer->loop->now - viewer->rrtr_at_us;
      BlRtcpDlrr dlrr = { .ssrc = viewer->rrtr_ssrc,
                          .lrr = viewer->rrtr_middle,
                          .dlrr = (uint32_t)(delay_us * 65536 / 1000000) };
      bl_rtcp_write_xr_dlrr (&w, track->line.ssrc, &dlrr, 1);
    }
    if (bye)
      bl_rtcp_write_bye (&w, track->line.ssrc);
  }
  return bl_writer_ok (&w) ? bl_writer_length (&w) : 0;
}

static void
on_report_timer (void *owner, BlTime now)
{
  BlViewer *viewer = owner;
  uint8_t report[BL_SESSION_RTCP_MAX];
  bl_session_send_rtcp (viewer->session, report,
                        write_report (viewer, false, report));
  bl_timers_set (&viewer->loop->timers, &viewer->report_timer, now + REPORT_US);
}

void
bl_viewer_free (BlViewer *viewer)
{
  uint8_t report[BL_SESSION_RTCP_MAX];
  if (!viewer)
    return;
  if (viewer->up)
    bl_session_send_rtcp (viewer->session, report,
                          write_report (viewer, true, report));
  on_ended (viewer);
  bl_session_free (viewer->session);
  g_free (viewer);
}

static void
on_up (void *owner)
{
  BlViewer *viewer = owner;
  viewer->up = true;
  /* The first report soon, so that sound and picture are aligned from the
   * beginning. */
  bl_timers_set (&viewer->loop->timers, &viewer->report_timer,
                 viewer->loop->now + REPORT_US / 10);
  if (viewer->tracks[BL_TRACK_VIDEO].setup.present
      && (!begin_join (viewer) || is_long_join (viewer)))
    want_keyframe (viewer);
}

/* ---- what the viewer says ---- */

static BlOutTrack *
by_ssrc (BlViewer *viewer, uint32_t ssrc)
{
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    BlOutTrack *track = &viewer->tracks[kind];
    if (track->setup.present && track->line.ssrc == ssrc)
      return track;
  }
  return NULL;
}

static void
on_reports (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpReportBlock block;
  for (unsigned i = 0; bl_rtcp_read_report (packet, i, &block); i++) {
    const BlOutTrack *track = by_ssrc (viewer, block.ssrc);
    int64_t rtt_us;
    if (!track)
      continue;
    if (bl_rtcp_round_trip_us (block.lsr, block.dlsr, viewer->loop->ntp,
                               &rtt_us))
      viewer->stats.rtt_us = (guint32)rtt_us;
    if (track != &viewer->tracks[BL_TRACK_VIDEO]
        && viewer->tracks[BL_TRACK_VIDEO].setup.present)
      continue;
    viewer->stats.fraction_lost = block.fraction_lost;
    viewer->stats.jitter_us
        = (guint32)((uint64_t)block.jitter * 1000000
                    / bl_track_clock_hz (
                        (BlTrackKind)(track - viewer->tracks)));
  }
}

static bool
take_from_bucket (BlViewer *viewer, uint16_t bytes)
{
  BlTime now = viewer->loop->now;
  BlTime elapsed_us = MIN (now - viewer->repair_at_us, BL_SECOND);
  uint64_t refill = (uint64_t)elapsed_us * BL_REPAIR_RATE_BPS / (8 * 1000000);
  viewer->repair_bytes
      = MIN (viewer->repair_bytes + refill, BL_REPAIR_BURST_BYTES);
  viewer->repair_at_us = now;
  if (bytes > viewer->repair_bytes)
    return false;
  viewer->repair_bytes -= bytes;
  return true;
}

static void
repair (BlViewer *viewer, BlOutTrack *track, const BlHistory *history,
        uint16_t viewer_seq)
{
  uint64_t seq;
  const BlHistoryEntry *entry = NULL;
  if (bl_viewer_line_unmap (&track->line, viewer_seq, &seq))
    entry = bl_history_get (history, seq);
  if (!entry) {
    bl_loop_drop (viewer->loop, BL_DROP_RTX_GONE);
    return;
  }
  if (!take_from_bucket (viewer, entry->meta.payload_length)) {
    bl_loop_drop (viewer->loop, BL_DROP_RTX_BUDGET);
    return;
  }
  if (!bl_fanout_repair (viewer->session, track, entry, &viewer->transport_seq))
    return;
  viewer->stats.rtx_sent++;
  viewer->loop->counters.rtx_sent++;
}

static void
on_nack (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpFeedback feedback;
  uint16_t seq;
  if (!bl_rtcp_read_feedback (packet, &feedback))
    return;
  BlOutTrack *track = by_ssrc (viewer, feedback.media_ssrc);
  /* Without RTX a number would have to be encrypted twice. */
  if (!track || track->setup.rtx_pt < 0 || track->setup.rtx_ssrc == 0)
    return;
  size_t kind = (size_t)(track - viewer->tracks);
  BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
  while (bl_rtcp_nack_next (&iter, &seq))
    repair (viewer, track, &viewer->source->tracks[kind].history, seq);
}

static void
on_keyframe_request (BlViewer *viewer)
{
  viewer->loop->counters.keyframe_requests_in++;
  want_keyframe (viewer);
}

static void
on_pli (BlViewer *viewer, const BlRtcpPacket *packet)
{
  on_keyframe_request (viewer);
}

static void
on_fir (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpFeedback feedback;
  uint32_t ssrc;
  uint8_t seq_nr;
  if (!bl_rtcp_read_feedback (packet, &feedback))
    return;
  for (unsigned i = 0; bl_rtcp_read_fir (&feedback, i, &ssrc, &seq_nr); i++) {
    /* The same number again is a repetition (RFC 5104 section 4.3.1.1). */
    if (!by_ssrc (viewer, ssrc)
        || (viewer->fir_seen && seq_nr == viewer->fir_seq_nr))
      continue;
    viewer->fir_seen = true;
    viewer->fir_seq_nr = seq_nr;
    on_keyframe_request (viewer);
  }
}

static void
on_xr (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpXr xr;
  if (!bl_rtcp_read_xr (packet, &xr) || !xr.has_rrtr)
    return;
  viewer->rrtr_ssrc = xr.ssrc;
  viewer->rrtr_middle = bl_ntp_middle (xr.rrtr);
  viewer->rrtr_at_us = viewer->loop->now;
}

static void
on_transport_cc (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpFeedback feedback;
  BlTwccFeedback statuses;
  BlTwccResult result;
  if (!bl_rtcp_read_feedback (packet, &feedback)
      || bl_twcc_parse (feedback.fci, feedback.fci_length, &statuses)
             != BL_TWCC_OK)
    return;
  while (bl_twcc_next (&statuses, &result))
    if (result.received)
      viewer->stats.transport_received++;
    else
      viewer->stats.transport_lost++;
}

/* BYE is not here: a browser also sends it when only a track goes. Its session
 * ends by DTLS close_notify, or by silence. */
static void (*const rtcp_handlers[]) (BlViewer *viewer,
                                      const BlRtcpPacket *packet)
    = {
        [BL_RTCP_KIND_SR] = on_reports,
        [BL_RTCP_KIND_RR] = on_reports,
        [BL_RTCP_KIND_NACK] = on_nack,
        [BL_RTCP_KIND_TRANSPORT_CC] = on_transport_cc,
        [BL_RTCP_KIND_PLI] = on_pli,
        [BL_RTCP_KIND_FIR] = on_fir,
        [BL_RTCP_KIND_XR] = on_xr,
      };

static void
on_rtcp (void *owner, const uint8_t *data, size_t length)
{
  BlViewer *viewer = owner;
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_rtcp_open (&iter, data, length) != BL_RTCP_OK) {
    bl_loop_drop (viewer->loop, BL_DROP_RTCP);
    return;
  }
  while (bl_rtcp_next (&iter, &packet))
    if (packet.kind < G_N_ELEMENTS (rtcp_handlers)
        && rtcp_handlers[packet.kind])
      rtcp_handlers[packet.kind](viewer, &packet);
}

static void
on_rtp (void *owner, BlPacket *packet)
{
  BlViewer *viewer = owner;
  bl_loop_drop (viewer->loop, BL_DROP_UNKNOWN_TRACK);
}

static const BlSessionRoleOps ops = {
  .on_up = on_up,
  .on_rtp = on_rtp,
  .on_rtcp = on_rtcp,
  .on_ended = on_ended,
};

void
bl_viewer_stats (const BlViewer *viewer, BlViewerStats *out_stats)
{
  *out_stats = viewer->stats;
  out_stats->connected = viewer->up;
}
