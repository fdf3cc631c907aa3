/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/viewer.h"

#include "relay/viewer_private.h"
#include "rtc/rtcp.h"

/* A report leaves with the first packets that come so shortly before it is due:
 * to wake and to fetch all of a viewer's state for it alone costs more than the
 * report (docs/adr/0006). */
#define REPORT_US       (1 * BL_SECOND)
#define REPORT_EARLY_US (100 * BL_MS)

static const BlSessionRoleOps ops;

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
  viewer->join_timer
      = (BlTimer){ .run = bl_viewer_on_join_timer, .owner = viewer };
  viewer->report_timer = (BlTimer){ .run = on_report_timer, .owner = viewer };
  bl_downlink_init (&viewer->link, loop->now);
  bl_thinner_init (&viewer->thinner, loop->now);
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

/* ---- what it is told ---- */

/* Where the viewer's timestamps stand now, by the source's newest packet. */
static void
set_clock (BlViewer *viewer, BlTrackKind kind)
{
  const BlHistory *history = &viewer->source->tracks[kind].history;
  BlOutTrack *track = &viewer->tracks[kind];
  uint64_t newest;
  if (!bl_history_newest (history, &newest))
    return;
  const BlHistoryEntry *entry = bl_history_get (history, newest);
  bl_rtp_sender_stats_set_clock (
      &track->sender,
      bl_viewer_line_timestamp (&track->line, entry->meta.timestamp),
      bl_fanout_reference_time (viewer->loop, entry));
}

static size_t
write_report (BlViewer *viewer, bool bye, uint8_t out[BL_SESSION_RTCP_MAX])
{
  BlWriter w = bl_writer (out, BL_SESSION_RTCP_MAX);
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    BlOutTrack *track = &viewer->tracks[kind];
    BlRtcpSenderInfo info;
    if (!track->setup.present)
      continue;
    set_clock (viewer, (BlTrackKind)kind);
    if (!bl_rtp_sender_stats_info (&track->sender, viewer->loop->ntp, &info))
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
bl_viewer_report_in_passing (BlViewer *viewer)
{
  BlTime now = viewer->loop->now;
  if (viewer->report_timer.due_us - now < REPORT_EARLY_US)
    on_report_timer (viewer, now);
}

/* ---- its life ---- */

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
  bl_viewer_begin (viewer);
}

static const BlSessionRoleOps ops = {
  .on_up = on_up,
  .on_rtcp = bl_viewer_on_rtcp,
  .on_ended = on_ended,
};

void
bl_viewer_stats (const BlViewer *viewer, BlViewerStats *out_stats)
{
  *out_stats = viewer->stats;
  out_stats->connected = viewer->up;
  out_stats->pictures = viewer->thinner.given;
  out_stats->transport_received = viewer->link.received;
  out_stats->transport_lost = viewer->link.lost;
}
