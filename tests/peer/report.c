/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "secure/srtp.h"

static void
add (JsonBuilder *b, const char *name, int64_t value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, value);
}

/* null for a time that never was. */
static void
add_ms (JsonBuilder *b, const char *name, BlTime us, BlTime since)
{
  json_builder_set_member_name (b, name);
  if (us == BL_TIME_NEVER)
    json_builder_add_null_value (b);
  else
    json_builder_add_int_value (b, (us - since) / 1000);
}

/* A second, rounded. */
static void
add_rate (JsonBuilder *b, const char *name, uint64_t count, BlTime us)
{
  int64_t doubled = us > 0 ? (int64_t)count * 2 * BL_SECOND / us : 0;
  add (b, name, (doubled + 1) / 2);
}

static void
print_line (JsonBuilder *b)
{
  g_autoptr (JsonNode) root = json_builder_get_root (b);
  g_autofree char *text = json_to_string (root, FALSE);
  puts (text);
  fflush (stdout);
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
  add (b, "at_ms", elapsed_us / 1000);
  add (b, "connected", connected);
  add (b, "closed", closed);
  add (b, "failed", failed);
  add_rate (b, "fps_min", frames_min, interval_us);
  add_rate (b, "fps_mean", video.frames / MAX (count, 1), interval_us);
  add_rate (b, "sounds_min", sounds_min, interval_us);
  add (b, "keyframes", (int64_t)video.keyframes);
  add (b, "lost", (int64_t)(video.lost + audio.lost));
  add (b, "repaired", (int64_t)video.repaired);
  add (b, "ssrc_changes", (int64_t)(video.ssrc_changes + audio.ssrc_changes));
  add (b, "jumps", (int64_t)(video.jumps + audio.jumps));
  add_ms (b, "gap_ms", video.gap_max_us, 0);
  add_ms (b, "age_ms", video.ages ? video.age_max_us : BL_TIME_NEVER, 0);
  json_builder_end_object (b);
  print_line (b);
}

static void
add_track (JsonBuilder *b, const char *name, const PeerTrack *track,
           const PeerFigures *f, BlTime started_us)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_object (b);
  add (b, "ssrc", track->ssrc);
  add (b, "packets", (int64_t)f->packets);
  add (b, "frames", (int64_t)f->frames);
  add_rate (b, "fps", f->frames > 0 ? f->frames - 1 : 0,
            track->last_frame_us - track->first_keyframe_us);
  add (b, "keyframes", (int64_t)f->keyframes);
  add_ms (b, "first_ms", track->first_keyframe_us, started_us);
  add (b, "lost_after_repair", (int64_t)f->lost);
  add (b, "repaired", (int64_t)f->repaired);
  add (b, "duplicates", (int64_t)f->duplicates);
  add (b, "sequence_jumps", (int64_t)f->jumps);
  add (b, "timestamp_regressions", (int64_t)f->regressions);
  add (b, "ssrc_changes", (int64_t)f->ssrc_changes);
  add_ms (b, "gap_ms", f->gap_max_us, 0);
  add_ms (b, "age_ms",
          f->ages ? f->age_sum_us / (int64_t)f->ages : BL_TIME_NEVER, 0);
  add_ms (b, "age_max_ms", f->ages ? f->age_max_us : BL_TIME_NEVER, 0);
  if (track->video) {
    add (b, "width", track->width);
    add (b, "height", track->height);
  }
  json_builder_end_object (b);
}

static void
add_viewer (JsonBuilder *b, const PeerReported *r)
{
  const PeerViewer *v = r->viewer;
  json_builder_begin_object (b);
  json_builder_set_member_name (b, "error");
  if (r->error)
    json_builder_add_string_value (b, r->error);
  else
    json_builder_add_null_value (b);
  add_ms (b, "connected_ms", v->session.connected_us, v->session.started_us);
  add_ms (b, "closed_ms", v->session.closed_us, v->session.started_us);
  add (b, "byes", v->n_byes);
  add (b, "unauthentic", v->n_unauthentic);
  add_track (b, "video", &v->video, &r->video_total, v->session.started_us);
  add_track (b, "audio", &v->audio, &r->audio_total, v->session.started_us);
  json_builder_end_object (b);
}

void
peer_report_end (const PeerReported *viewers, unsigned count, BlTime elapsed_us)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  add (b, "at_ms", elapsed_us / 1000);
  json_builder_set_member_name (b, "viewers");
  json_builder_begin_array (b);
  for (unsigned i = 0; i < count; i++)
    add_viewer (b, &viewers[i]);
  json_builder_end_array (b);
  json_builder_end_object (b);
  print_line (b);
}
