/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/viewer_private.h"
#include "rtc/rtcp.h"
#include "rtc/twcc.h"

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

static bool
take (BlViewer *viewer, BlBudgetItem item, uint32_t units, BlDrop reason)
{
  if (bl_budget_take (&viewer->session->budget, item, units, viewer->loop->now))
    return true;
  bl_loop_drop (viewer->loop, reason);
  return false;
}

/* One that is on its way already costs nothing. */
static void
want_keyframe (BlViewer *viewer)
{
  if (bl_keyframe_is_wanted (&viewer->source->keyframe)
      || take (viewer, BL_BUDGET_KEYFRAMES, BL_BUDGET_KEYFRAME, BL_DROP_BUDGET))
    bl_viewer_want_keyframe (viewer);
}

/* The link's estimate has changed. */
static void
judge_link (BlViewer *viewer)
{
  BlThinner *thinner = &viewer->thinner;
  BlTime now = viewer->loop->now;
  if (!viewer->tracks[BL_TRACK_VIDEO].setup.present)
    return;
  bl_thinner_update (thinner, &viewer->link, &viewer->source->rates.last, now);
  if (!bl_thinner_waits_for_key (thinner)
      || thinner->wanted == BL_PICTURES_NONE)
    return;
  if (bl_thinner_wants_first_key (thinner, now))
    want_keyframe (viewer);
  else
    bl_source_want_keyframe_seldom (viewer->source, now);
}

static void
on_report (BlViewer *viewer, BlTrackKind kind, const BlRtcpReportBlock *block)
{
  int64_t rtt_us = 0;
  if (bl_rtcp_round_trip_us (block->lsr, block->dlsr, viewer->loop->ntp,
                             &rtt_us))
    viewer->stats.rtt_us = (guint32)rtt_us;
  if (kind != BL_TRACK_VIDEO && viewer->tracks[BL_TRACK_VIDEO].setup.present)
    return;
  viewer->stats.fraction_lost = block->fraction_lost;
  viewer->stats.jitter_us
      = (guint32)((uint64_t)block->jitter * 1000000 / bl_track_clock_hz (kind));
  bl_downlink_on_report (&viewer->link, block->fraction_lost, rtt_us,
                         viewer->loop->now);
  judge_link (viewer);
}

static void
on_reports (BlViewer *viewer, const BlRtcpPacket *packet)
{
  BlRtcpReportBlock block;
  for (unsigned i = 0; bl_rtcp_read_report (packet, i, &block); i++) {
    const BlOutTrack *track = by_ssrc (viewer, block.ssrc);
    if (track)
      on_report (viewer, (BlTrackKind)(track - viewer->tracks), &block);
  }
}

/* Where only keyframes are given, what is older than the last that was taken is
 * of no use; and of what is repaired before the first is, the queue that has to
 * drain for it would only become longer. */
static bool
is_given_up (const BlViewer *viewer, const BlOutTrack *track, uint64_t seq)
{
  return track == &viewer->tracks[BL_TRACK_VIDEO]
         && bl_thinner_waits_for_key (&viewer->thinner)
         && (!viewer->thinner.has_key || seq < viewer->key_seq);
}

static void
repair (BlViewer *viewer, BlOutTrack *track, const BlHistory *history,
        uint16_t viewer_seq)
{
  uint64_t seq;
  uint16_t transport_seq = viewer->transport_seq;
  const BlHistoryEntry *entry = NULL;
  if (bl_viewer_line_unmap (&track->line, viewer_seq, &seq)
      && !is_given_up (viewer, track, seq))
    entry = bl_history_get (history, seq);
  if (!entry) {
    bl_loop_drop (viewer->loop, BL_DROP_RTX_GONE);
    return;
  }
  if (!take (viewer, BL_BUDGET_REPAIRS, entry->meta.payload_length,
             BL_DROP_RTX_BUDGET))
    return;
  if (bl_fanout_repair (viewer->session, track, entry, &viewer->transport_seq)
      != BL_FANOUT_SENT)
    return;
  bl_downlink_on_sent (&viewer->link, transport_seq,
                       entry->meta.payload_length + BL_RATES_OVERHEAD_BYTES,
                       viewer->loop->now);
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
  /* What is asked for while the socket is full will be asked for again. */
  if (!bl_session_open (viewer->session))
    return;
  BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
  while (bl_rtcp_nack_next (&iter, &seq)
         && take (viewer, BL_BUDGET_NACKED, 1, BL_DROP_RTX_BUDGET)) {
    viewer->stats.nacks++;
    viewer->loop->counters.nacks_in++;
    repair (viewer, track, &viewer->source->tracks[kind].history, seq);
  }
}

static void
on_keyframe_request (BlViewer *viewer)
{
  viewer->loop->counters.keyframe_requests_in++;
  /* It gets them at its own pace. */
  if (!bl_thinner_waits_for_key (&viewer->thinner))
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
  if (!bl_rtcp_read_feedback (packet, &feedback)
      || bl_twcc_parse (feedback.fci, feedback.fci_length, &statuses)
             != BL_TWCC_OK
      || !take (viewer, BL_BUDGET_STATUSES, statuses.status_count,
                BL_DROP_BUDGET))
    return;
  bl_downlink_on_feedback (&viewer->link, &statuses, viewer->loop->now);
  judge_link (viewer);
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

void
bl_viewer_on_rtcp (void *owner, const uint8_t *data, size_t length)
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
