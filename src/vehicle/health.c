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

char *
bl_health_line (const BlHealth *health, const BlSenderStats *stats)
{
  return g_strdup_printf (
      "bitrate_kbps=%" G_GUINT64_FORMAT " fps=%.1f rtt_ms=%.1f loss_pct=%.1f "
      "jitter_ms=%.1f rtx=%" G_GUINT64_FORMAT
      " keyframe_requests=%" G_GUINT64_FORMAT " dropped=%" G_GUINT64_FORMAT
      " queued=%u",
      health->bitrate_bps / 1000, health->fps, (double)health->rtt_us / 1000,
      health->loss * 100, (double)stats->jitter_us / 1000,
      (guint64)stats->rtx_packets, (guint64)stats->keyframe_requests,
      (guint64)stats->frames_dropped, stats->queued);
}

char *
bl_health_path_line (const char *interface, const BlFlowPath *path)
{
  return g_strdup_printf (
      "interface=%s state=%s rtt_ms=%.1f queue_ms=%.1f loss_pct=%u "
      "target_kbps=%" G_GUINT64_FORMAT,
      interface,
      path->in_doubt ? "doubt"
      : path->best   ? "best"
                     : "spare",
      (double)path->rtt_us / 1000, (double)path->queue_us / 1000,
      path->loss_percent, (guint64)(path->target_bps / 1000));
}
