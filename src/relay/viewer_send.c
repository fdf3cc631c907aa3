/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prefetch.h"
#include "relay/viewer_private.h"

/* What a young group of pictures says of the stream's rate is mostly the IDR's
 * own size; so count as if it were at least this old. */
#define MIN_RATE_SPAN_US (500 * BL_MS)

/* Behind its keyframe a join sends what so much time allows in one go: a packet
 * by itself costs as much as a run. Within what the pacer lets catch up. */
#define GATHER_US (8 * BL_MS)
_Static_assert(GATHER_US <= BL_JOINPACER_BURST_US, "the rate is kept");

/* When a join that found the socket full, or the turn's share used up, looks
 * again. */
#define RETRY_US (1 * BL_MS)

static const BlHistory *
history_of (const BlViewer *viewer, BlTrackKind kind)
{
  return &viewer->source->tracks[kind].history;
}

void
bl_viewer_want_keyframe (BlViewer *viewer)
{
  bl_source_want_keyframe (viewer->source);
  bl_timers_hasten (&viewer->loop->timers, viewer->source_timer,
                    viewer->loop->now);
}

/* ---- where video goes on ---- */

static void
set_join_timer (BlViewer *viewer, BlTime due)
{
  bl_timers_set (&viewer->loop->timers, &viewer->join_timer, due);
}

static uint64_t
join_rate_bps (const BlHistory *history, const BlHistoryEntry *key,
               uint64_t arrival, BlTime now)
{
  uint64_t span_us
      = (uint64_t)MAX (now - key->meta.received_us, (BlTime)MIN_RATE_SPAN_US);
  uint64_t bits = bl_history_bytes_since (history, arrival) * 8;
  uint64_t rate_bps = bits * BL_JOIN_SPEED * 1000000 / span_us;
  return MAX (rate_bps, BL_JOIN_MIN_RATE_BPS);
}

/* The IDR, as far as it is here. */
static uint32_t
first_bytes (const BlHistory *history, const BlHistoryEntry *key)
{
  uint32_t bytes = 0;
  const BlHistoryEntry *entry = key;
  for (uint64_t seq = key->seq;
       entry && entry->meta.timestamp == key->meta.timestamp
       && bytes < BL_JOIN_FIRST_BYTES;
       entry = bl_history_get (history, ++seq))
    bytes += entry->meta.payload_length;
  return MIN (bytes, BL_JOIN_FIRST_BYTES);
}

/* Nothing below the IDR at `key` that isn't sent yet will be. */
static void
move_to_key (BlViewer *viewer, const BlHistoryEntry *key, uint64_t arrival)
{
  BlOutTrack *track = &viewer->tracks[BL_TRACK_VIDEO];
  uint64_t seq;
  uint32_t timestamp;
  if (track->line.started)
    bl_viewer_line_skip_to (&track->line, key->seq);
  else /* It begins here, even if another packet of the IDR came first. */
    bl_viewer_line_map (&track->line, key->seq, key->meta.timestamp, &seq,
                        &timestamp);
  track->cursor = arrival;
  viewer->key_seq = key->seq;
  viewer->key_timestamp = key->meta.timestamp;
}

/* The last IDR and the arrival to join at; NULL if there is none. */
static const BlHistoryEntry *
find_key (const BlHistory *history, uint64_t *out_arrival)
{
  uint64_t key_start;
  if (!bl_history_key_start (history, &key_start)
      || !bl_history_join_point (history, key_start, out_arrival))
    return NULL;
  return bl_history_get (history, key_start);
}

static void
begin_join (BlViewer *viewer)
{
  const BlHistory *history = history_of (viewer, BL_TRACK_VIDEO);
  BlTime now = viewer->loop->now;
  uint64_t arrival;
  const BlHistoryEntry *key = find_key (history, &arrival);
  if (!key || arrival < viewer->tracks[BL_TRACK_VIDEO].cursor)
    return;
  move_to_key (viewer, key, arrival);
  viewer->join = BL_JOIN_JOINING;
  viewer->paced = bl_history_next_arrival (history);
  bl_downlink_pardon (&viewer->link, now + BL_JOIN_PARDON_US);
  viewer->join_rate_bps = join_rate_bps (history, key, arrival, now);
  bl_joinpacer_init (&viewer->pacer, BL_JOIN_KEY_RATE_BPS,
                     first_bytes (history, key), now);
}

/* The packet at its cursor is gone: it waits for the next IDR, or joins at the
 * last. */
static void
lose_way (BlViewer *viewer)
{
  BlOutTrack *video = &viewer->tracks[BL_TRACK_VIDEO];
  viewer->loop->counters.viewers_lost_way++;
  video->cursor
      = bl_history_oldest_arrival (history_of (viewer, BL_TRACK_VIDEO));
  viewer->join = BL_JOIN_WAITING;
  begin_join (viewer);
  if (viewer->join == BL_JOIN_WAITING)
    bl_viewer_want_keyframe (viewer);
}

static bool
is_late (const BlViewer *viewer)
{
  const BlHistory *history = history_of (viewer, BL_TRACK_VIDEO);
  uint64_t cursor = viewer->tracks[BL_TRACK_VIDEO].cursor;
  if (cursor == bl_history_next_arrival (history))
    return false;
  const BlHistoryEntry *entry = bl_history_arrival (history, cursor);
  return entry
         && viewer->loop->now - entry->meta.received_us > BL_VIEWER_LATE_US;
}

/* A newer IDR makes what is still to be sent before it useless, to one who is
 * behind. */
static void
go_on_from_newer_key (BlViewer *viewer)
{
  const BlHistory *history = history_of (viewer, BL_TRACK_VIDEO);
  uint64_t key_start, arrival;
  if (!bl_history_key_start (history, &key_start)
      || key_start <= viewer->key_seq
      || (viewer->join == BL_JOIN_LIVE && !is_late (viewer)))
    return;
  viewer->key_seq = key_start;
  const BlHistoryEntry *key = find_key (history, &arrival);
  if (key && arrival > viewer->tracks[BL_TRACK_VIDEO].cursor)
    move_to_key (viewer, key, arrival);
}

/* While the link is too small for more: to the next keyframe that it has room
 * for, at the link's own pace. One that isn't old yet may have waited for that
 * room. */
static void
go_on_to_next_key (BlViewer *viewer)
{
  const BlHistory *history = history_of (viewer, BL_TRACK_VIDEO);
  const BlOutTrack *track = &viewer->tracks[BL_TRACK_VIDEO];
  BlThinner *thinner = &viewer->thinner;
  BlTime now = viewer->loop->now;
  uint64_t key_start, arrival;
  /* What was sent once can't be sent again under its number. */
  if (!bl_history_key_start (history, &key_start)
      || key_start <= track->line.newest_source)
    return;
  const BlHistoryEntry *key = bl_history_get (history, key_start);
  if (!key || now - key->meta.received_us > BL_VIEWER_KEY_OLD_US
      || !bl_history_join_point (history, key_start, &arrival)
      || !bl_thinner_takes_key (thinner, key->meta.timestamp, now))
    return;
  move_to_key (viewer, key, arrival);
  viewer->join = BL_JOIN_JOINING;
  viewer->paced = bl_history_next_arrival (history);
  viewer->join_rate_bps = bl_thinner_pace_bps (thinner);
  bl_joinpacer_init (&viewer->pacer, viewer->join_rate_bps, 0, now);
}

/* What has arrived meanwhile lets out as many bytes; but not of a keyframe that
 * is all that the link has room for. */
static void
tell_pacer (BlViewer *viewer)
{
  const BlHistory *history = history_of (viewer, BL_TRACK_VIDEO);
  if (bl_thinner_waits_for_key (&viewer->thinner))
    viewer->paced = bl_history_next_arrival (history);
  for (; viewer->paced < bl_history_next_arrival (history); viewer->paced++) {
    const BlHistoryEntry *entry = bl_history_arrival (history, viewer->paced);
    if (entry)
      bl_joinpacer_on_live (&viewer->pacer, entry->meta.payload_length);
  }
}

/* Before a visit: makes sure that the cursors point at something. False if
 * there is nothing to send. */
static bool
find_way (BlViewer *viewer, BlTrackKind kind)
{
  const BlHistory *history = history_of (viewer, kind);
  BlOutTrack *track = &viewer->tracks[kind];
  bool gone = track->cursor < bl_history_oldest_arrival (history);
  if (kind == BL_TRACK_AUDIO) {
    if (gone)
      track->cursor = bl_history_oldest_arrival (history);
    return track->cursor < bl_history_next_arrival (history);
  }
  if (viewer->join == BL_JOIN_WAITING)
    begin_join (viewer);
  else if (bl_thinner_waits_for_key (&viewer->thinner)) {
    track->cursor = MAX (track->cursor, bl_history_oldest_arrival (history));
    go_on_to_next_key (viewer);
  } else if (gone)
    lose_way (viewer);
  else
    go_on_from_newer_key (viewer);
  if (viewer->join == BL_JOIN_JOINING)
    tell_pacer (viewer);
  return viewer->join != BL_JOIN_WAITING
         && track->cursor < bl_history_next_arrival (history);
}

/* ---- a visit ---- */

typedef enum {
  PASS,
  PASS_LEFT_OUT,  /* never: it takes no number */
  PASS_UNTIL_KEY, /* nor do those after it, up to the next keyframe */
  PASS_LATER,     /* nor may what follows it; a timer is set */
} Pass;

/* May this packet go to this viewer, and now? */
static Pass
may_pass (BlViewer *viewer, BlTrackKind kind, const BlHistoryEntry *entry)
{
  if (kind == BL_TRACK_AUDIO)
    return PASS;
  if (!bl_thinner_takes (&viewer->thinner, entry->meta.timestamp,
                         entry->meta.h264))
    return bl_thinner_waits_for_key (&viewer->thinner) ? PASS_UNTIL_KEY
                                                       : PASS_LEFT_OUT;
  if (viewer->join == BL_JOIN_LIVE)
    return PASS;
  bool behind_key = entry->meta.timestamp != viewer->key_timestamp;
  if (behind_key)
    bl_joinpacer_set_rate (&viewer->pacer, viewer->join_rate_bps);
  BlTime due = bl_joinpacer_next_send (&viewer->pacer);
  if (due <= viewer->loop->now)
    return PASS;
  set_join_timer (viewer, behind_key ? due + GATHER_US : due);
  return PASS_LATER;
}

static void
note_sent (BlViewer *viewer, BlTrackKind kind, const BlHistoryEntry *entry,
           uint16_t transport_seq)
{
  uint16_t bytes = entry->meta.payload_length;
  bl_downlink_on_sent (&viewer->link, transport_seq,
                       bytes + BL_RATES_OVERHEAD_BYTES, viewer->loop->now);
  viewer->stats.packets++;
  viewer->stats.bytes += bytes;
  if (kind == BL_TRACK_VIDEO && viewer->join == BL_JOIN_JOINING)
    bl_joinpacer_on_sent (&viewer->pacer, bytes, viewer->loop->now);
}

/* Sends the packet at the cursor and moves on; false if that must wait. */
static bool
send_next (BlViewer *viewer, BlTrackKind kind, unsigned *n)
{
  BlOutTrack *track = &viewer->tracks[kind];
  uint16_t transport_seq = viewer->transport_seq;
  const BlHistoryEntry *entry
      = bl_history_arrival (history_of (viewer, kind), track->cursor);
  switch (entry ? may_pass (viewer, kind, entry) : PASS_LEFT_OUT) {
  case PASS_LATER:
    return false;
  case PASS_LEFT_OUT:
    if (entry)
      bl_viewer_line_skip (&track->line, entry->seq);
    break;
  case PASS_UNTIL_KEY:
    break;
  case PASS:
    switch (bl_fanout_packet (viewer->session, track, entry,
                              &viewer->transport_seq)) {
    case BL_FANOUT_BLOCKED:
      return false;
    case BL_FANOUT_PASSED_OVER:
      break;
    case BL_FANOUT_SENT:
      note_sent (viewer, kind, entry, transport_seq);
      ++*n;
    }
  }
  track->cursor++;
  return true;
}

/* From one member up to, without, another. */
#define PREFETCH_SPAN(object, first, end)                                      \
  bl_prefetch (&(object)->first, (size_t)((const char *)&(object)->end         \
                                          - (const char *)&(object)->first))

void
bl_viewer_prefetch (const BlViewer *viewer, BlTrackKind kind, unsigned step)
{
  const BlOutTrack *track = &viewer->tracks[kind];
  if (step < BL_VIEWER_PREFETCH_STEPS) {
    bl_session_prefetch (viewer->session, step);
    return;
  }
  PREFETCH_SPAN (viewer, loop, tracks);
  PREFETCH_SPAN (track, setup, line.runs[1]);
  PREFETCH_SPAN (track, line.n_runs, rtx);
  PREFETCH_SPAN (viewer, transport_seq, link.sent);
  PREFETCH_SPAN (viewer, thinner, report_timer);
  PREFETCH_SPAN (viewer, stats, stats.nacks);
}

unsigned
bl_viewer_serve (BlViewer *viewer, BlTrackKind kind, bool *out_more)
{
  const BlHistory *history = history_of (viewer, kind);
  const BlOutTrack *track = &viewer->tracks[kind];
  unsigned n = 0;
  *out_more = false;
  if (!viewer->up || !track->setup.present || !find_way (viewer, kind))
    return 0;
  if (!bl_session_open (viewer->session)) {
    *out_more = bl_sender_blocked (&viewer->loop->sender);
    return 0;
  }
  while (track->cursor < bl_history_next_arrival (history)) {
    if (n == BL_VIEWER_VISIT_PACKETS) {
      *out_more = true;
      return n;
    }
    if (!send_next (viewer, kind, &n)) {
      *out_more = bl_sender_blocked (&viewer->loop->sender);
      return n;
    }
  }
  /* The rest of a keyframe that comes alone is paced as well. */
  if (kind == BL_TRACK_VIDEO && viewer->join == BL_JOIN_JOINING
      && !bl_thinner_waits_for_key (&viewer->thinner)) {
    viewer->join = BL_JOIN_LIVE;
    set_join_timer (viewer, BL_TIME_NEVER);
  }
  if (n > 0)
    bl_viewer_report_in_passing (viewer);
  return n;
}

/* ---- joining ---- */

/* All joins together have a share of each turn, so that many at once are no
 * burden to those who watch already. */
void
bl_viewer_on_join_timer (void *owner, BlTime now)
{
  BlViewer *viewer = owner;
  BlLoop *loop = viewer->loop;
  bool more = true;
  if (loop->join_packets_left > 0) {
    unsigned n = bl_viewer_serve (viewer, BL_TRACK_VIDEO, &more);
    loop->join_packets_left -= MIN (n, loop->join_packets_left);
  }
  if (bl_sender_blocked (&loop->sender))
    set_join_timer (viewer, now + RETRY_US);
  else if (more)
    set_join_timer (viewer, now);
}

/* Has it begun with an IDR so old that a new one is the shorter way? */
static bool
is_long_join (const BlViewer *viewer)
{
  const BlHistoryEntry *key
      = bl_history_get (history_of (viewer, BL_TRACK_VIDEO), viewer->key_seq);
  return key && viewer->loop->now - key->meta.received_us > BL_JOIN_LONG_US;
}

void
bl_viewer_begin (BlViewer *viewer)
{
  viewer->tracks[BL_TRACK_AUDIO].cursor
      = bl_history_next_arrival (history_of (viewer, BL_TRACK_AUDIO));
  if (!viewer->tracks[BL_TRACK_VIDEO].setup.present)
    return;
  begin_join (viewer);
  if (viewer->join == BL_JOIN_WAITING || is_long_join (viewer))
    bl_viewer_want_keyframe (viewer);
  if (viewer->join == BL_JOIN_JOINING)
    set_join_timer (viewer, viewer->loop->now);
}
