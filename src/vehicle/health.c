/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/health.h"

void
bl_health_reset (BlHealth *health)
{
  *health = (BlHealth){ 0 };
}

void
bl_health_update (BlHealth *health, const BlSenderStats *stats, BlTime now)
{
  BlTime span = now - health->at_us;
  gboolean first = health->at_us == 0 || span <= 0;
  gboolean renewed
      = stats->bytes < health->bytes || stats->frames < health->frames;
  if (!first && !renewed) {
    health->bitrate_bps
        = (stats->bytes - health->bytes) * 8 * 1000000 / (guint64)span;
    health->fps = (double)(stats->frames - health->frames) * 1e6 / (double)span;
  }
  health->rtt_us = stats->rtt_us;
  health->loss = (double)stats->fraction_lost / 256;
  health->at_us = now;
  health->bytes = stats->bytes;
  health->frames = stats->frames;
  health->updates++;
}

void
bl_health_hear (BlHealth *health, const BlHealthPath *paths, guint n_paths,
                BlTime now)
{
  for (guint i = 0; i < n_paths; i++)
    health->heard_us = MAX (health->heard_us, now - paths[i].flow.silent_us);
}

BlConnection
bl_health_connection (const BlHealth *health, const BlHealthPath *paths,
                      guint n_paths, guint64 video_bps, BlTime now)
{
  BlConnectionFigures figures = {
    .silent_us
    = health->heard_us > 0 ? now - health->heard_us : BL_CONNECTION_LOST_US,
    /* The report is of what came without repair; of that, what is sent once
     * more is lost as often. */
    .loss = health->loss * health->loss,
    .video_bps = (gint64)video_bps,
  };
  for (guint i = 0; i < n_paths; i++)
    if (paths[i].flow.best)
      figures.queue_us = paths[i].flow.queue_us;
  return bl_connection_judge (&figures);
}

const char *
bl_health_path_state (const BlFlowPath *path)
{
  if (path->silent_us > BL_PATHPLAN_SILENT_US)
    return "silent";
  if (path->in_doubt)
    return "doubt";
  return path->best ? "best" : path->second ? "second" : "spare";
}

char *
bl_health_line (const BlHealth *health, const BlSenderStats *stats,
                const BlHealthEncoder *encoder)
{
  return g_strdup_printf (
      "bitrate_kbps=%" G_GUINT64_FORMAT " target_kbps=%" G_GUINT64_FORMAT
      " size=%ux%u fps=%.1f rtt_ms=%.1f loss_pct=%.1f jitter_ms=%.1f"
      " rtx=%" G_GUINT64_FORMAT " keyframe_requests=%" G_GUINT64_FORMAT
      " dropped=%" G_GUINT64_FORMAT " late=%" G_GUINT64_FORMAT
      " sound_kept_back=%" G_GUINT64_FORMAT " skipped=%" G_GUINT64_FORMAT
      " queued=%u",
      health->bitrate_bps / 1000, (guint64)stats->target_bps / 1000,
      encoder->settings.width, encoder->settings.height, health->fps,
      (double)health->rtt_us / 1000, health->loss * 100,
      (double)stats->jitter_us / 1000, (guint64)stats->rtx_packets,
      (guint64)stats->keyframe_requests, (guint64)stats->frames_dropped,
      (guint64)stats->late_drops, (guint64)stats->sound_kept_back,
      encoder->skipped, stats->queued);
}

char *
bl_health_path_line (const BlHealthPath *path)
{
  const BlFlowPath *flow = &path->flow;
  return g_strdup_printf (
      "interface=%s state=%s rtt_ms=%.1f queue_ms=%.1f loss_pct=%u "
      "target_kbps=%" G_GUINT64_FORMAT,
      path->interface, bl_health_path_state (flow), (double)flow->rtt_us / 1000,
      (double)flow->queue_us / 1000, flow->loss_percent,
      (guint64)(flow->target_bps / 1000));
}
