/* SPDX-License-Identifier: Apache-2.0 */
#include "ends.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "base/reader.h"
#include "relay/pathfeedback.h"
#include "relay/source.h"
#include "rtc/framegate.h"
#include "rtc/ladder.h"
#include "sim_random.h"
#include "vehicle/sender.h"

#define TICK_US     500
#define FPS         30
#define HEIGHT      720
#define FRAME_US    (BL_SECOND / FPS)
#define WARM_UP_US  (5 * BL_SECOND)
#define FREEZE_US   (183 * BL_MS)
#define FRAMES      32768
#define TRAVELLING  8192
#define RTCP_BYTES  1200
#define OVERHEAD    56 /* IP, UDP, SRTP */
#define SOUND_BYTES 80
#define RELAY_SSRC  99
#define POOL        8192

enum { VIDEO_SSRC = 1, RTX_SSRC, AUDIO_SSRC, FEC_SSRC, N_SSRCS };

/* On the way, either way. */
typedef struct {
  BlTime at_us;
  unsigned path;
  bool rtcp;
  uint16_t length;
  uint8_t data[RTCP_BYTES + 100];
} Datagram;

typedef struct {
  Datagram datagrams[TRAVELLING];
  unsigned head, tail;
} Way;

typedef struct {
  EndsOptions o;
  BlTime now_us;
  SimRandom random;
  SimLink links[ENDS_PATHS];
  Way up[ENDS_PATHS], down[ENDS_PATHS];
  uint64_t sent, lost;

  BlSender *sender;
  uint64_t video_bps;
  BlLadder ladder;
  bool want_keyframe, recover;
  BlTime next_frame_us, next_sound_us;
  BlTime at_gate_us, next_look_us; /* of a picture that waits */
  uint8_t access_unit[1 << 20];
  uint32_t sizes[FRAMES]; /* by number of the picture */
  unsigned n_frames, n_keyframes;

  BlPacketPool *pool;
  BlSource source;
  BlPathFeedback arrivals;
  bool seen[N_SSRCS][65536];

  /* The viewer. */
  bool begun;
  uint64_t next_seq;
  bool has_first;
  uint32_t first_timestamp; /* the publisher's, of the picture of time 0 */
  BlTime last_shown_us;
  BlTime delays[FRAMES];
  unsigned n_shown, n_freezes;
  BlTime frozen_us;
  uint64_t shown_bytes;
} Ends;

EndsOptions
ends_options (void)
{
  SimLinkOptions link = { .rate_bps = 8000000,
                          .delay_us = 25 * BL_MS,
                          .queue_bytes = 300000,
                          .seed = 1 };
  return (EndsOptions){ .n_paths = 1,
                        .links = { link, link },
                        .mode = BL_PATH_MODE_PROTECT,
                        .fec = true,
                        .duration_us = 40 * BL_SECOND,
                        .max_video_bps = 6000000,
                        .seed = 1 };
}

void
ends_set_bursts (SimLinkOptions *link, double share, double length)
{
  link->bad_loss_ppm = 1000000;
  link->to_good_ppm = (uint32_t)(1000000 / length);
  link->to_bad_ppm = (uint32_t)(share / (1 - share) * 1000000 / length);
}

static BlNtp
wall (BlTime now)
{
  return bl_ntp_from_unix_us (1700000000 * BL_SECOND + now);
}

static Datagram *
put (Way *way, BlTime at_us, unsigned path, bool rtcp, const uint8_t *data,
     size_t length)
{
  bl_assert (way->tail - way->head < TRAVELLING);
  Datagram *d = &way->datagrams[way->tail++ % TRAVELLING];
  bl_assert (length <= sizeof d->data);
  *d = (Datagram){
    .at_us = at_us, .path = path, .rtcp = rtcp, .length = (uint16_t)length
  };
  memcpy (d->data, data, length);
  return d;
}

static const Datagram *
take (Way *way, BlTime now)
{
  if (way->head == way->tail
      || way->datagrams[way->head % TRAVELLING].at_us > now)
    return NULL;
  return &way->datagrams[way->head++ % TRAVELLING];
}

/* --- the vehicle ---
 */

static void
on_send (uint8_t *packet, size_t length, size_t capacity, unsigned paths,
         bool rtcp, void *user_data)
{
  Ends *e = user_data;
  BlRtp rtp;
  if (!e->has_first && !rtcp && bl_rtp_parse (packet, length, &rtp) == BL_RTP_OK
      && rtp.ssrc == VIDEO_SSRC) {
    e->has_first = true;
    e->first_timestamp = rtp.timestamp;
  }
  for (unsigned i = 0; i < e->o.n_paths; i++) {
    BlTime at_us;
    bool marked;
    if (!(paths >> i & 1))
      continue;
    e->sent++;
    if (sim_link_put (&e->links[i], (uint32_t)length + OVERHEAD, e->now_us,
                      &at_us, &marked))
      put (&e->up[i], at_us, i, rtcp, packet, length);
    else
      e->lost++;
  }
}

static void
on_rate (uint64_t video_bps, void *user_data)
{
  Ends *e = user_data;
  uint16_t height = bl_ladder_rung (&e->ladder)->height;
  if (e->video_bps == 0)
    bl_ladder_init (&e->ladder, HEIGHT, FPS, video_bps);
  else if (bl_ladder_on_rate (&e->ladder, video_bps, e->now_us)
           && bl_ladder_rung (&e->ladder)->height != height)
    e->want_keyframe = true; /* of an encoder that begins anew */
  e->video_bps = video_bps;
}

static void
on_keyframe (void *user_data)
{
  ((Ends *)user_data)->want_keyframe = true;
}

static void
on_bye (void *user_data)
{
}

static void
on_sound (const BlSoundSettings *settings, void *user_data)
{
}

static void
on_lost (uint64_t picture, void *user_data)
{
  ((Ends *)user_data)->recover = true;
}

static const BlSenderCallbacks callbacks = { .send = on_send,
                                             .rate = on_rate,
                                             .sound = on_sound,
                                             .lost = on_lost,
                                             .keyframe = on_keyframe,
                                             .bye = on_bye };

/* Pictures of three quarters to five quarters of the mean, keyframes of 1.7
 * times that, as ADR 13 has it. */
static size_t
make_access_unit (Ends *e, bool keyframe)
{
  static const uint8_t parameter_sets[] = { 0,    0,    0,    1,   0x67, 0x42,
                                            0xc0, 0x1f, 0x8c, 0,   0,    0,
                                            1,    0x68, 0xce, 0x3c };
  uint64_t bytes = e->video_bps / 8 / bl_ladder_rung (&e->ladder)->fps;
  bytes = bytes * (75 + sim_random_below (&e->random, 51)) / 100;
  bytes = bytes * (keyframe ? 17 : 10) / 10 + 200;
  BlWriter w = bl_writer (e->access_unit, sizeof e->access_unit);
  if (keyframe)
    bl_writer_bytes (&w, parameter_sets, sizeof parameter_sets);
  bl_writer_be32 (&w, 1);
  bl_writer_u8 (&w, keyframe ? 0x65 : 0x41);
  uint8_t *slice = bl_writer_reserve (&w, bytes);
  bl_assert (slice);
  memset (slice, 0x55, bytes);
  return bl_writer_length (&w);
}

/* Of a camera's picture, taken `taken`: waits at the gate, as vehicle/capture
 * has it, which hears of it each 5 ms. */
static void
on_picture (Ends *e, BlTime taken)
{
  bool open = bl_sender_may_encode (e->sender, e->now_us);
  e->at_gate_us = open ? 0 : taken;
  e->next_look_us = e->now_us + BL_FRAMEGATE_ASK_US;
  if (!open || e->video_bps == 0)
    return;
  bool keyframe = e->want_keyframe;
  size_t length = make_access_unit (e, keyframe);
  e->want_keyframe = false;
  e->n_keyframes += keyframe;
  e->sizes[taken / FRAME_US % FRAMES] = (uint32_t)length;
  BlSenderPicture picture = { .data = e->access_unit,
                              .length = length,
                              .number = e->n_frames,
                              .keyframe = keyframe,
                              .recovers = e->recover,
                              .captured_us = taken,
                              .captured_ntp = wall (taken) };
  e->recover = false;
  bl_sender_video (e->sender, &picture, e->now_us, wall (e->now_us));
}

static void
vehicle_step (Ends *e)
{
  BlTime now = e->now_us;
  const Datagram *d;
  for (unsigned i = 0; i < e->o.n_paths; i++)
    while ((d = take (&e->down[i], now)))
      bl_sender_on_rtcp (e->sender, i, d->data, d->length, now, wall (now));
  if (now >= e->next_sound_us) {
    uint8_t sound[SOUND_BYTES] = { 0xfc };
    e->next_sound_us += 20 * BL_MS;
    bl_sender_audio (e->sender, sound, sizeof sound, now, wall (now), now,
                     wall (now));
  }
  if (now >= e->next_frame_us) {
    e->next_frame_us += FRAME_US;
    e->n_frames++;
    if (e->n_frames % (FPS / bl_ladder_rung (&e->ladder)->fps) == 0)
      on_picture (e, now);
  } else if (e->at_gate_us > 0 && e->next_look_us <= now
             && now - e->at_gate_us <= BL_FRAMEGATE_PATIENCE_US) {
    on_picture (e, e->at_gate_us);
  }
  if (bl_sender_deadline (e->sender) <= now)
    bl_sender_on_deadline (e->sender, now, wall (now));
}

/* --- the relay ---
 */

static void
on_arrival (Ends *e, const Datagram *d)
{
  BlReader r = bl_reader (d->data, d->length);
  BlArrival arrival = { .ecn = BL_ECN_NOT_ECT };
  bl_reader_skip (&r, 2);
  arrival.seq = bl_reader_be16 (&r);
  bl_reader_skip (&r, 4);
  arrival.ssrc = bl_reader_be32 (&r);
  bl_assert (arrival.ssrc < N_SSRCS);
  bool *seen = e->seen[arrival.ssrc];
  bool copy = seen[arrival.seq];
  seen[arrival.seq] = true;
  seen[(uint16_t)(arrival.seq + 0x8000)] = false;
  BlPath path = { 0 };
  path.peer.in4.sin_family = AF_INET;
  path.peer.in4.sin_port = htons ((uint16_t)(d->path + 1));
  path.peer.length = sizeof path.peer.in4;
  BlTime lag_us
      = bl_pathfeedback_on_arrival (&e->arrivals, &path, &arrival, e->now_us);
  if (lag_us >= 0)
    bl_source_on_copy (&e->source, arrival.ssrc, lag_us, e->now_us);
  if (copy)
    return;
  BlPacket *packet = bl_packet_new (e->pool);
  bl_assert (packet);
  memcpy (packet->data, d->data, d->length);
  packet->length = d->length;
  bl_source_on_rtp (&e->source, packet, e->now_us, wall (e->now_us));
  bl_packet_unref (&packet);
}

static void
send_back (Ends *e, unsigned path, const uint8_t *data, size_t length)
{
  put (&e->down[path], e->now_us + e->o.links[path].delay_us, path, true, data,
       length);
}

static void
relay_step (Ends *e)
{
  const Datagram *d;
  uint8_t compound[BL_SOURCE_RTCP_BYTES];
  size_t length;
  for (unsigned i = 0; i < e->o.n_paths; i++)
    while ((d = take (&e->up[i], e->now_us))) {
      if (d->rtcp)
        bl_source_on_rtcp (&e->source, d->data, d->length, e->now_us,
                           wall (e->now_us));
      else
        on_arrival (e, d);
    }
  while ((length = bl_source_write_rtcp (&e->source, e->now_us,
                                         wall (e->now_us), compound))
         > 0)
    for (unsigned i = 0; i < e->o.n_paths; i++)
      send_back (e, i, compound, length);
  for (const BlPath *path;;) {
    BlWriter w = bl_writer (compound, sizeof compound);
    bl_source_open_compound (&e->source, &w);
    path = bl_pathfeedback_write (&e->arrivals, &w, RELAY_SSRC, e->now_us);
    if (!path)
      return;
    send_back (e, bl_address_port (&path->peer) - 1u, compound,
               bl_writer_length (&w));
  }
}

/* --- the viewer ---
 */

static bool
is_measured (const Ends *e)
{
  return e->now_us >= WARM_UP_US;
}

static void
show (Ends *e, uint32_t timestamp)
{
  uint32_t offset = e->source.tracks[BL_TRACK_VIDEO].line.timestamp_offset;
  BlTime captured_us
      = (BlTime)(timestamp - offset - e->first_timestamp) * 100 / 9;
  BlTime gap_us = e->now_us - e->last_shown_us;
  if (is_measured (e) && e->last_shown_us >= WARM_UP_US) {
    e->delays[e->n_shown++ % FRAMES] = e->now_us - captured_us;
    e->shown_bytes
        += e->sizes[(captured_us + FRAME_US / 2) / FRAME_US % FRAMES];
    if (gap_us > FREEZE_US) {
      e->n_freezes++;
      e->frozen_us += gap_us - FRAME_US;
    }
    if (gap_us > FREEZE_US && e->o.log_us > 0)
      printf ("%8.3f s: %3" PRId64 " ms frozen, picture of %.3f s\n",
              (double)e->now_us / BL_SECOND, gap_us / BL_MS,
              (double)captured_us / BL_SECOND);
  }
  e->last_shown_us = e->now_us;
}

static void
show_in_order (Ends *e)
{
  const BlHistory *history = &e->source.tracks[BL_TRACK_VIDEO].history;
  const BlHistoryEntry *entry;
  while ((entry = bl_history_get (history, e->next_seq))) {
    e->next_seq++;
    if (entry->meta.marker)
      show (e, entry->meta.timestamp);
  }
}

/* Is the newest keyframe whole? Then the viewer can go on from there. */
static bool
find_keyframe (const Ends *e, uint64_t *out_start)
{
  const BlHistory *history = &e->source.tracks[BL_TRACK_VIDEO].history;
  if (!bl_history_key_start (history, out_start))
    return false;
  for (uint64_t seq = *out_start;; seq++) {
    const BlHistoryEntry *entry = bl_history_get (history, seq);
    if (!entry)
      return false;
    if (entry->meta.marker)
      return true;
  }
}

static void
viewer_step (Ends *e)
{
  uint64_t start;
  if (e->begun)
    show_in_order (e);
  else
    bl_source_want_keyframe (&e->source);
  if (!find_keyframe (e, &start) || (e->begun && start <= e->next_seq))
    return;
  e->begun = true;
  e->next_seq = start;
  show_in_order (e);
}

/* --- all of it ---
 */

static void
begin (Ends *e)
{
  const BlRtpExtMap extensions
      = { .id = { [BL_RTP_EXT_MID] = 1,
                  [BL_RTP_EXT_ABS_SEND_TIME] = 3,
                  [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4 } };
  BlNegotiated n = {
    .video
    = { .present = true,
        .mid = "1",
        .sends = true,
        .pt = 96,
        .rtx_pt = 97,
        .fec_pt = e->o.fec ? 98 : 0,
        .clock_rate = 90000,
        .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_CCFB,
        .rcvr_rtt = true,
        .rtcp_rsize = true,
        .extensions = extensions,
        .ssrc = VIDEO_SSRC,
        .rtx_ssrc = RTX_SSRC,
        .fec_ssrc = e->o.fec ? FEC_SSRC : 0 },
    .audio = { .present = true,
               .mid = "0",
               .sends = true,
               .pt = 111,
               .rtx_pt = -1,
               .clock_rate = 48000,
               .feedback = BL_FEEDBACK_CCFB,
               .rcvr_rtt = true,
               .rtcp_rsize = true,
               .extensions = extensions,
               .ssrc = AUDIO_SSRC },
  };
  BlSenderOptions options = { .cname = "ends",
                              .seed = e->o.seed,
                              .max_video_bps = e->o.max_video_bps,
                              .sound_bps = 32000,
                              .path_mode = e->o.mode };
  e->sender = bl_sender_new (&n, &options, &callbacks, e);
  e->pool = bl_packet_pool_new (POOL);
  bl_assert (e->sender && e->pool && bl_source_init (&e->source, RELAY_SSRC));
  n.video.sends = n.audio.sends = false;
  bl_source_set_publisher (&e->source, &n, 0);
  bl_pathfeedback_init (&e->arrivals, 0, wall (0));
  for (unsigned i = 0; i < e->o.n_paths; i++) {
    sim_link_init (&e->links[i], &e->o.links[i]);
    bl_sender_add_path (e->sender, i);
  }
  bl_sender_set_open (e->sender, true, 0);
}

static int
compare_times (const void *a, const void *b)
{
  BlTime x = *(const BlTime *)a, y = *(const BlTime *)b;
  return (x > y) - (x < y);
}

static EndsResult
summarise (Ends *e)
{
  BlSenderStats sender = bl_sender_stats (e->sender);
  const BlTrack *video = &e->source.tracks[BL_TRACK_VIDEO];
  unsigned n = e->n_shown < FRAMES ? e->n_shown : FRAMES;
  const SimTrace *trace = e->o.links[0].trace;
  BlTime own_us
      = trace ? sim_trace_gaps (trace, e->o.duration_us, FREEZE_US - FRAME_US)
              : 0;
  EndsResult r = {
    .own = (double)own_us / (double)e->o.duration_us,
    .frozen = (double)e->frozen_us / (double)e->o.duration_us,
    .pictures = e->n_frames,
    .shown = n,
    .freezes = e->n_freezes,
    .keyframes = e->n_keyframes,
    .shown_bps = e->shown_bytes * 8 * BL_SECOND / (uint64_t)e->o.duration_us,
    .sent_packets = e->sent,
    .lost_packets = e->lost,
    .rtx_packets = sender.rtx_packets,
    .fec_packets = sender.fec_packets,
    .recovered = video->nack.recovered,
    .fec_recovered = video->stats.fec_recovered,
    .fec_steps = video->fec ? video->fec->steps : 0,
    .given_up = video->nack.lost,
  };
  if (n > 0) {
    qsort (e->delays, n, sizeof *e->delays, compare_times);
    r.delay_p50_us = e->delays[n / 2];
    r.delay_p95_us = e->delays[n * 95 / 100];
    r.delay_p99_us = e->delays[n * 99 / 100];
  }
  return r;
}

static void
log_state (const Ends *e)
{
  for (unsigned i = 0; i < e->o.n_paths; i++) {
    BlFlowPath path = bl_sender_path (e->sender, i, e->now_us);
    printf ("%8.3f s: path %u%s%s target %5" PRIu64 " kb/s, encoder %5" PRIu64
            " kb/s, rtt %" PRId64 " ms, queue %" PRId64 " ms, loss %u %%\n",
            (double)e->now_us / BL_SECOND, i, path.best ? " best" : "",
            path.in_doubt ? " in doubt" : "", path.target_bps / 1000,
            e->video_bps / 1000, path.rtt_us / BL_MS, path.queue_us / BL_MS,
            path.loss_percent);
  }
}

EndsResult
ends_run (const EndsOptions *options)
{
  Ends *e = calloc (1, sizeof *e);
  bl_assert (e);
  e->o = *options;
  e->random.state = options->seed;
  begin (e);
  BlTime end_us = WARM_UP_US + options->duration_us;
  for (; e->now_us < end_us; e->now_us += TICK_US) {
    relay_step (e);
    viewer_step (e);
    vehicle_step (e);
    if (options->log_us > 0 && e->now_us % options->log_us == 0)
      log_state (e);
  }
  EndsResult result = summarise (e);
  bl_sender_free (e->sender);
  bl_pathfeedback_clear (&e->arrivals);
  bl_source_clear (&e->source);
  bl_packet_pool_free (e->pool);
  free (e);
  return result;
}
