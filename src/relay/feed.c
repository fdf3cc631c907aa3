/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/feed.h"

static const BlSessionRoleOps publisher_ops;

static void on_timer (void *owner, BlTime now);
static void mend_rounds (BlFeed *feed);

BlFeed *
bl_feed_new (BlLoop *loop, BlSourceId id, BlTap *tap, guint64 recording)
{
  BlFeed *feed = g_new0 (BlFeed, 1);
  if (!bl_source_init (&feed->source, g_random_int ())) {
    g_free (feed);
    return NULL;
  }
  feed->loop = loop;
  feed->id = id;
  feed->tap = tap;
  feed->recording = recording;
  feed->timer = (BlTimer){ .run = on_timer, .owner = feed };
  feed->publishers = g_ptr_array_new ();
  feed->viewers = g_ptr_array_new ();
  return feed;
}

/* ---- tap ---- */

static bool
write_tap (BlFeed *feed, BlTapRecord *record, const uint8_t *payload)
{
  record->recording = feed->recording;
  if (bl_tap_write (feed->tap, record, payload))
    return true;
  bl_loop_drop (feed->loop, BL_DROP_TAP);
  return false;
}

/* False if it found no room. */
static bool
mark_tap (BlFeed *feed, BlTapKind kind)
{
  BlTapRecord record = { .kind = (uint8_t)kind,
                         .arrival_us = bl_ntp_to_unix_us (feed->loop->ntp) };
  if (kind == BL_TAP_START) {
    record.has_video = feed->tap_tracks[BL_TRACK_VIDEO];
    record.has_audio = feed->tap_tracks[BL_TRACK_AUDIO];
  }
  return !feed->tap || write_tap (feed, &record, NULL);
}

/* A publisher is there: the recording begins, or its tracks have changed. */
static void
start_tap (BlFeed *feed)
{
  bool changed = !feed->tap_begun;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    bool present = feed->source.tracks[kind].setup.present;
    changed |= present != feed->tap_tracks[kind];
    feed->tap_tracks[kind] = present;
  }
  feed->tap_begun = true;
  /* Without it the recorder would take nothing of this call, ever. */
  if (changed)
    feed->tap_owed = !mark_tap (feed, BL_TAP_START);
}

static void
tap_entry (BlFeed *feed, BlTrackKind kind, const BlHistoryEntry *entry)
{
  const BlHistoryMeta *meta = &entry->meta;
  BlTapRecord record
      = { .kind = BL_TAP_PACKET,
          .arrival_us = bl_ntp_to_unix_us (feed->loop->ntp),
          .track = (uint8_t)kind,
          .marker = meta->marker,
          .keyframe = (meta->h264 & BL_H264_HAS_IDR) != 0,
          .length = meta->payload_length,
          .sequence = entry->seq,
          .rtp_time = bl_ts_unwrap (&feed->tap_times[kind], meta->timestamp),
          .capture_us = meta->capture ? bl_ntp_to_unix_us (meta->capture)
                                      : BL_TAP_TIME_UNKNOWN };
  write_tap (feed, &record, entry->packet->data + meta->payload_offset);
}

/* ---- news ---- */

static void
emit (BlFeed *feed, BlWorkerEventKind kind)
{
  const BlH264Sps *sps = &feed->source.tracks[BL_TRACK_VIDEO].sps;
  BlWorkerEvent event = { .kind = kind, .source = feed->id };
  if (kind == BL_WORKER_SOURCE_FORMAT) {
    event.profile_level_id = bl_h264_sps_profile_level_id (sps);
    event.width = sps->width;
    event.height = sps->height;
  }
  feed->loop->emit (feed->loop->emit_data, &event);
}

/* Before the packets that belong to it are passed on. */
static void
tell_news (BlFeed *feed)
{
  uint32_t news = bl_source_take_news (&feed->source);
  if (news & BL_SOURCE_STOPPED) {
    emit (feed, BL_WORKER_SOURCE_STOPPED);
    mark_tap (feed, BL_TAP_LOST);
    feed->tap_lost = true;
  }
  if (news & BL_SOURCE_STARTED) {
    emit (feed, BL_WORKER_SOURCE_STARTED);
    if (feed->tap_lost)
      mark_tap (feed, BL_TAP_BACK);
    feed->tap_lost = false;
  }
  if (news & BL_SOURCE_FORMAT)
    emit (feed, BL_WORKER_SOURCE_FORMAT);
}

/* ---- publisher ---- */

static void
send_rtcp (BlFeed *feed)
{
  const BlLoop *loop = feed->loop;
  uint8_t compound[BL_SOURCE_RTCP_BYTES];
  size_t length;
  while ((length = bl_source_write_rtcp (&feed->source, loop->now, loop->ntp,
                                         compound))
         > 0)
    bl_session_send_rtcp_widely (feed->publisher->session, compound, length);
  feed->loop->counters.keyframe_requests_out += feed->source.keyframe_requests;
  feed->loop->counters.nacks_out += feed->source.nacked_packets;
  feed->nacks_out += feed->source.nacked_packets;
  feed->source.keyframe_requests = feed->source.nacked_packets = 0;
}

/* What is known of each path, over that path. */
static void
send_arrivals (BlFeed *feed)
{
  BlPublisher *publisher = feed->publisher;
  const BlPath *path;
  uint8_t compound[BL_SOURCE_RTCP_BYTES];
  if (!publisher || !publisher->by_path)
    return;
  do {
    BlWriter w = bl_writer (compound, sizeof compound);
    bl_source_open_compound (&feed->source, &w);
    path = bl_pathfeedback_write (&publisher->arrivals, &w,
                                  feed->source.own_ssrc, feed->loop->now);
    if (path)
      bl_session_send_rtcp_over (publisher->session, path, compound,
                                 bl_writer_length (&w));
  } while (path);
}

static void
update_timer (BlFeed *feed)
{
  BlTime due = bl_source_next_deadline (&feed->source);
  if (feed->publisher && feed->publisher->by_path)
    due = MIN (due, bl_pathfeedback_due (&feed->publisher->arrivals));
  bl_timers_set (&feed->loop->timers, &feed->timer, due);
}

static void
on_timer (void *owner, BlTime now)
{
  BlFeed *feed = owner;
  bl_source_check_live (&feed->source, now);
  send_rtcp (feed);
  send_arrivals (feed);
  tell_news (feed);
  update_timer (feed);
}

static void
set_publisher (BlFeed *feed, BlPublisher *publisher)
{
  feed->publisher = publisher;
  bl_source_set_publisher (&feed->source,
                           publisher ? &publisher->negotiated : NULL,
                           feed->loop->now);
  tell_news (feed);
  if (publisher)
    start_tap (feed);
  update_timer (feed);
}

static void
say_bye (BlPublisher *publisher)
{
  uint8_t compound[BL_SOURCE_RTCP_BYTES];
  size_t length = bl_source_write_bye (&publisher->feed->source, compound);
  bl_session_send_rtcp_widely (publisher->session, compound, length);
}

static void
on_publisher_up (void *owner)
{
  BlPublisher *publisher = owner;
  BlFeed *feed = publisher->feed;
  BlPublisher *before = feed->publisher;
  /* The source stays live: it only changes hands. What was lost between the
   * two has no sequence numbers, so the recorder must be told. */
  feed->publisher = publisher;
  if (before && feed->tap_begun && !feed->tap_lost)
    mark_tap (feed, BL_TAP_BACK);
  if (before) {
    say_bye (before);
    bl_session_end (before->session, BL_LOST_REPLACED);
  }
  set_publisher (feed, publisher);
}

static void
on_publisher_ended (void *owner)
{
  BlPublisher *publisher = owner;
  BlFeed *feed = publisher->feed;
  if (feed->publisher == publisher)
    set_publisher (feed, NULL);
}

static void
on_publisher_arrival (void *owner, const BlPath *path, const BlArrival *arrival,
                      bool copy)
{
  BlPublisher *publisher = owner;
  BlFeed *feed = publisher->feed;
  BlTime now = feed->loop->now;
  feed->copies += copy;
  if (!publisher->by_path)
    return;
  BlTime lag_us
      = bl_pathfeedback_on_arrival (&publisher->arrivals, path, arrival, now);
  if (lag_us >= 0)
    bl_source_on_copy (&feed->source, arrival->ssrc, lag_us, now);
  feed->dirty = true;
}

static void
on_publisher_rtp (void *owner, BlPacket *packet)
{
  BlFeed *feed = ((BlPublisher *)owner)->feed;
  BlLoop *loop = feed->loop;
  unsigned result
      = bl_source_on_rtp (&feed->source, packet, loop->now, loop->ntp);
  if (result < BL_N_DROPS)
    bl_loop_drop (loop, (BlDrop)result);
  feed->dirty = true;
}

static void
on_publisher_rtcp (void *owner, const uint8_t *data, size_t length)
{
  BlPublisher *publisher = owner;
  BlFeed *feed = publisher->feed;
  BlLoop *loop = feed->loop;
  feed->dirty = true;
  switch (
      bl_source_on_rtcp (&feed->source, data, length, loop->now, loop->ntp)) {
  case BL_SOURCE_RTCP_OK:
    break;
  case BL_SOURCE_RTCP_MALFORMED:
    bl_loop_drop (loop, BL_DROP_RTCP);
    break;
  case BL_SOURCE_RTCP_BYE:
    bl_session_end (publisher->session, BL_LOST_NONE);
    break;
  }
}

/* By a report it knows that its path is back. */
static void
on_publisher_knock (void *owner)
{
  BlPublisher *publisher = owner;
  if (publisher->feed->publisher != publisher)
    return;
  bl_source_want_report (&publisher->feed->source, publisher->feed->loop->now);
  publisher->feed->dirty = true;
}

static const BlSessionRoleOps publisher_ops = {
  .on_up = on_publisher_up,
  .on_arrival = on_publisher_arrival,
  .on_rtp = on_publisher_rtp,
  .on_rtcp = on_publisher_rtcp,
  .on_knock = on_publisher_knock,
  .on_ended = on_publisher_ended,
};

/* ---- sessions ---- */

BlSession *
bl_feed_add_publisher (BlFeed *feed, BlSessionId id,
                       const BlSessionSetup *setup)
{
  BlPublisher *publisher = g_new0 (BlPublisher, 1);
  publisher->feed = feed;
  publisher->negotiated = *setup->negotiated;
  publisher->by_path = ((publisher->negotiated.video.feedback
                         | publisher->negotiated.audio.feedback)
                        & BL_FEEDBACK_CCFB)
                       != 0;
  bl_pathfeedback_init (&publisher->arrivals, feed->loop->now, feed->loop->ntp);
  publisher->session = bl_session_new (feed->loop, id, feed->id, setup,
                                       &publisher_ops, publisher);
  g_ptr_array_add (feed->publishers, publisher);
  return publisher->session;
}

BlSession *
bl_feed_add_viewer (BlFeed *feed, BlSessionId id, const BlSessionSetup *setup)
{
  BlViewer *viewer = bl_viewer_new (feed->loop, id, feed->id, setup,
                                    &feed->source, &feed->timer);
  g_ptr_array_add (feed->viewers, viewer);
  return viewer->session;
}

static void
free_publisher (BlPublisher *publisher)
{
  BlFeed *feed = publisher->feed;
  if (feed->publisher == publisher) {
    say_bye (publisher);
    set_publisher (feed, NULL);
  }
  bl_session_free (publisher->session);
  bl_pathfeedback_clear (&publisher->arrivals);
  g_free (publisher);
}

static void
add_viewer (BlViewerStats *sum, const BlViewerStats *viewer)
{
  sum->packets += viewer->packets;
  sum->bytes += viewer->bytes;
  sum->rtx_sent += viewer->rtx_sent;
  sum->nacks += viewer->nacks;
}

void
bl_feed_remove_session (BlFeed *feed, BlSession *session)
{
  if (session->role == BL_SESSION_VIEWER) {
    const BlViewer *viewer = session->owner;
    add_viewer (&feed->left, &viewer->stats);
    g_ptr_array_remove_fast (feed->viewers, session->owner);
    mend_rounds (feed);
    bl_viewer_free (session->owner);
  } else {
    g_ptr_array_remove_fast (feed->publishers, session->owner);
    free_publisher (session->owner);
  }
}

void
bl_feed_free (BlFeed *feed)
{
  if (!feed)
    return;
  for (guint i = 0; i < feed->publishers->len; i++)
    free_publisher (g_ptr_array_index (feed->publishers, i));
  for (guint i = 0; i < feed->viewers->len; i++)
    bl_viewer_free (g_ptr_array_index (feed->viewers, i));
  if (feed->tap_begun)
    mark_tap (feed, BL_TAP_STOP);
  bl_timers_set (&feed->loop->timers, &feed->timer, BL_TIME_NEVER);
  g_ptr_array_unref (feed->publishers);
  g_ptr_array_unref (feed->viewers);
  bl_source_clear (&feed->source);
  g_free (feed);
}

/* ---- forwarding ---- */

void
bl_feed_want_keyframe (BlFeed *feed)
{
  bl_source_want_keyframe (&feed->source);
  update_timer (feed);
}

static unsigned
take_in_track (BlFeed *feed, BlTrackKind kind)
{
  const BlHistory *history = &feed->source.tracks[kind].history;
  uint64_t next = bl_history_next_arrival (history);
  uint64_t *cursor = &feed->tap_cursors[kind];
  unsigned fresh = (unsigned)(next - *cursor);
  for (; *cursor < next; ++*cursor) {
    const BlHistoryEntry *entry = bl_history_arrival (history, *cursor);
    if (feed->tap && entry)
      tap_entry (feed, kind, entry);
  }
  if (fresh > 0)
    feed->rounds[kind].again = true;
  return fresh;
}

unsigned
bl_feed_take_in (BlFeed *feed)
{
  unsigned fresh = 0;
  if (feed->tap_owed)
    feed->tap_owed = !mark_tap (feed, BL_TAP_START);
  tell_news (feed);
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    fresh += take_in_track (feed, (BlTrackKind)kind);
  feed->dirty = false;
  update_timer (feed);
  return fresh;
}

static bool
is_due (const BlRound *round)
{
  return round->left > 0 || round->again;
}

bool
bl_feed_is_busy (const BlFeed *feed)
{
  return is_due (&feed->rounds[BL_TRACK_AUDIO])
         || is_due (&feed->rounds[BL_TRACK_VIDEO]);
}

static void
begin_round (BlRound *round, guint n_viewers)
{
  round->again = false;
  round->left = n_viewers;
  round->first = n_viewers > 0 ? (round->first + 1) % n_viewers : 0;
  round->next = round->first;
}

/* Those whose turn comes next: the nearest are farthest on their way. */
static void
look_ahead (const BlFeed *feed, const BlRound *round, BlTrackKind kind)
{
  guint n = feed->viewers->len;
  for (unsigned step = 1; step <= MIN (BL_VIEWER_PREFETCH_STEPS, n - 1); step++)
    bl_viewer_prefetch (
        g_ptr_array_index (feed->viewers, (round->next + step) % n), kind,
        step);
}

unsigned
bl_feed_serve (BlFeed *feed)
{
  BlTrackKind kind = is_due (&feed->rounds[BL_TRACK_AUDIO]) ? BL_TRACK_AUDIO
                                                            : BL_TRACK_VIDEO;
  BlRound *round = &feed->rounds[kind];
  bool more;
  if (round->left == 0)
    begin_round (round, feed->viewers->len);
  if (round->left == 0)
    return 0;
  look_ahead (feed, round, kind);
  unsigned n = bl_viewer_serve (g_ptr_array_index (feed->viewers, round->next),
                                kind, &more);
  if (bl_sender_blocked (&feed->loop->sender))
    return n;
  round->again |= more;
  round->left--;
  round->next = (round->next + 1) % feed->viewers->len;
  return n;
}

/* Another stands in the place of a viewer that is gone. */
static void
mend_rounds (BlFeed *feed)
{
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    feed->rounds[kind].again |= feed->rounds[kind].left > 0;
    feed->rounds[kind].left = 0;
  }
}

void
bl_feed_stats (const BlFeed *feed, BlSourceStats *out_stats)
{
  const BlSource *source = &feed->source;
  const BlTrack *video = &source->tracks[BL_TRACK_VIDEO];
  *out_stats = (BlSourceStats){
    .source = feed->id,
    .publisher = feed->publisher ? feed->publisher->session->id : 0,
    .live = source->live,
    .rtt_us = source->rtt_us > 0 ? (guint32)source->rtt_us : 0,
    .clock_known
    = bl_clock_offset_kind (&source->offset) != BL_CLOCK_OFFSET_NONE,
    .clock_offset_us = -bl_clock_offset_us (&source->offset, feed->loop->now),
    .capture_age_us = -1,
    .copies = feed->copies,
    .nacks_out = feed->nacks_out,
  };
  if (video->newest_capture)
    out_stats->capture_age_us
        = bl_ntp_diff_us (feed->loop->ntp, video->newest_capture);
  BlViewerStats sum = feed->left;
  for (guint i = 0; i < feed->viewers->len; i++) {
    const BlViewer *viewer = g_ptr_array_index (feed->viewers, i);
    out_stats->viewers += viewer->up;
    add_viewer (&sum, &viewer->stats);
  }
  out_stats->packets_out = sum.packets;
  out_stats->bytes_out = sum.bytes;
  out_stats->rtx_sent = sum.rtx_sent;
  out_stats->nacks_in = sum.nacks;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    bl_track_stats (&source->tracks[kind], feed->loop->now,
                    &out_stats->tracks[kind]);
}
