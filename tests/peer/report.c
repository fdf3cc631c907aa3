/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>

#include "base/json.h"
#include "secure/srtp.h"

/* null for a time that never was. */
static void
add_ms (JsonBuilder *b, const char *name, BlTime us, BlTime since)
{
  bl_json_known (b, name, us != BL_TIME_NEVER, (us - since) / 1000);
}

/* A second, rounded. */
static void
add_rate (JsonBuilder *b, const char *name, uint64_t count, BlTime us)
{
  int64_t doubled = us > 0 ? (int64_t)count * 2 * BL_SECOND / us : 0;
  bl_json_int (b, name, (doubled + 1) / 2);
}

static void
print_line (JsonBuilder *b)
{
  g_autoptr (JsonNode) root = json_builder_get_root (b);
  g_autofree char *text = json_to_string (root, FALSE);
  puts (text);
  fflush (stdout);
}

static void
add_age_p95 (JsonBuilder *b, const char *name, const PeerFigures *f)
{
  add_ms (b, name, f->ages ? peer_figures_age_p95_us (f) : BL_TIME_NEVER, 0);
}

void
peer_report_take (PeerReported *r, BlTime now)
{
  r->video = peer_track_take_figures (&r->viewer->video, now);
  r->audio = peer_track_take_figures (&r->viewer->audio, now);
  peer_figures_add (&r->video_total, &r->video);
  peer_figures_add (&r->audio_total, &r->audio);
}

void
peer_report_interval (const PeerReported *viewers, unsigned count,
                      BlTime elapsed_us, BlTime interval_us)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  PeerFigures video = { 0 }, audio = { 0 };
  uint64_t frames_min = UINT64_MAX, sounds_min = UINT64_MAX;
  unsigned connected = 0, closed = 0, failed = 0;
  for (unsigned i = 0; i < count; i++) {
    const PeerReported *r = &viewers[i];
    peer_figures_add (&video, &r->video);
    peer_figures_add (&audio, &r->audio);
    frames_min = MIN (frames_min, r->video.frames);
    sounds_min = MIN (sounds_min, r->audio.frames);
    closed += r->viewer->session.link.closed;
    failed += r->error != NULL;
    connected += peer_session_is_up (&r->viewer->session);
  }
  json_builder_begin_object (b);
  bl_json_int (b, "at_ms", elapsed_us / 1000);
  bl_json_int (b, "connected", connected);
  bl_json_int (b, "closed", closed);
  bl_json_int (b, "failed", failed);
  add_rate (b, "fps_min", frames_min, interval_us);
  add_rate (b, "fps_mean", video.frames / MAX (count, 1), interval_us);
  add_rate (b, "sounds_min", sounds_min, interval_us);
  bl_json_int (b, "keyframes", (int64_t)video.keyframes);
  bl_json_int (b, "lost", (int64_t)(video.lost + audio.lost));
  bl_json_int (b, "repaired", (int64_t)video.repaired);
  bl_json_int (b, "ssrc_changes",
               (int64_t)(video.ssrc_changes + audio.ssrc_changes));
  bl_json_int (b, "jumps", (int64_t)(video.jumps + audio.jumps));
  add_ms (b, "gap_ms", video.gap_max_us, 0);
  add_ms (b, "age_ms", video.ages ? video.age_max_us : BL_TIME_NEVER, 0);
  add_ms (b, "sound_gap_ms", audio.gap_max_us, 0);
  add_age_p95 (b, "sound_age_p95_ms", &audio);
  json_builder_end_object (b);
  print_line (b);
}

static void
add_track (JsonBuilder *b, const char *name, const PeerTrack *track,
           const PeerFigures *f, BlTime started_us)
{
  bl_json_begin_object (b, name);
  bl_json_int (b, "ssrc", track->ssrc);
  bl_json_int (b, "packets", (int64_t)f->packets);
  bl_json_int (b, "frames", (int64_t)f->frames);
  add_rate (b, "fps", f->frames > 0 ? f->frames - 1 : 0,
            track->last_frame_us - track->first_keyframe_us);
  bl_json_int (b, "keyframes", (int64_t)f->keyframes);
  add_ms (b, "first_ms", track->first_keyframe_us, started_us);
  bl_json_int (b, "lost_after_repair", (int64_t)f->lost);
  bl_json_int (b, "repaired", (int64_t)f->repaired);
  bl_json_int (b, "duplicates", (int64_t)f->duplicates);
  bl_json_int (b, "sequence_jumps", (int64_t)f->jumps);
  bl_json_int (b, "timestamp_regressions", (int64_t)f->regressions);
  bl_json_int (b, "ssrc_changes", (int64_t)f->ssrc_changes);
  add_ms (b, "gap_ms", f->gap_max_us, 0);
  add_ms (b, "age_ms",
          f->ages ? f->age_sum_us / (int64_t)f->ages : BL_TIME_NEVER, 0);
  add_age_p95 (b, "age_p95_ms", f);
  add_ms (b, "age_max_ms", f->ages ? f->age_max_us : BL_TIME_NEVER, 0);
  if (track->video) {
    bl_json_int (b, "width", track->width);
    bl_json_int (b, "height", track->height);
  }
  json_builder_end_object (b);
}

static void
add_viewer (JsonBuilder *b, const PeerReported *r)
{
  const PeerViewer *v = r->viewer;
  json_builder_begin_object (b);
  bl_json_string (b, "error", r->error);
  add_ms (b, "connected_ms", v->session.connected_us, v->session.started_us);
  add_ms (b, "closed_ms", v->session.closed_us, v->session.started_us);
  bl_json_int (b, "byes", v->n_byes);
  bl_json_int (b, "unauthentic", v->n_unauthentic);
  add_track (b, "video", &v->video, &r->video_total, v->session.started_us);
  add_track (b, "audio", &v->audio, &r->audio_total, v->session.started_us);
  json_builder_end_object (b);
}

void
peer_report_end (const PeerReported *viewers, unsigned count, BlTime elapsed_us)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  bl_json_int (b, "at_ms", elapsed_us / 1000);
  bl_json_begin_array (b, "viewers");
  for (unsigned i = 0; i < count; i++)
    add_viewer (b, &viewers[i]);
  json_builder_end_array (b);
  json_builder_end_object (b);
  print_line (b);
}
