/* SPDX-License-Identifier: Apache-2.0
 *
 * One recording as it runs: from ordered packets to samples, placed on the
 * recording's timeline, cut into fragments, in parts. The recorder's thread
 * only; time is the records' arrival time.
 *
 * The timeline starts at the first sample. Sound is its clock: packets follow
 * each other by their RTP times. `skew_us` is how far the timeline has moved
 * against capture time by that; pictures are placed by capture time plus skew.
 *
 * A part begins with an IDR picture, or, when none comes for
 * BL_RECORDER_PICTURE_WAIT_US, with sound alone, until there is one.
 */
#pragma once

#include "relay/recorder.h"
#include "relay/recorder_clock.h"
#include "relay/recorder_cutter.h"
#include "relay/recorder_part.h"
#include "relay/reorder.h"
#include "rtc/h264_depay.h"

/* Waits for the first picture this long before it records sound alone. */
#define BL_RECORDER_PICTURE_WAIT_US (1 * BL_SECOND)

/* What all recordings of a recorder share. */
typedef struct {
  BlDb *db;
  BlTap *tap;
  char *folder;
  guint64 reserve_bytes;
  guint64 (*free_bytes) (const char *path, gpointer user_data);
  void (*post) (gpointer data, BlRecorderEventKind kind, gint64 recording,
                const char *message);
  gpointer user_data; /* of free_bytes */
  gpointer post_data; /* of post */
  BlRecorderStats stats;
} BlRecorderShared;

typedef struct {
  BlRecorderShared *shared;
  gint64 id;
  gboolean has[BL_N_TRACKS];
  gboolean known;    /* where it ends so far: asked of the database */
  gboolean started;  /* STARTED was posted */
  gboolean resuming; /* RESUMED is to be posted */

  BlReorder order[BL_N_TRACKS];
  BlRecorderClock clock[BL_N_TRACKS];
  BlH264Depay depay;
  BlCutter cutter;
  BlRecorderPart part;
  guint32 part_parameters; /* depay.parameter_changes at the part's start */

  gint64 now_us;              /* arrival of the newest record */
  gint64 origin_us;           /* capture time of the timeline's 0 */
  gboolean placed;            /* origin_us is known */
  gint64 skew_us;             /* timeline minus (capture time minus origin) */
  gint64 floor_us;            /* end of the part before */
  gint64 end_us[BL_N_TRACKS]; /* of what is recorded */
  const char *gap_reason[BL_N_TRACKS]; /* why the next sample comes late */
  gint64 waiting_since_us;             /* for a picture; 0: does not */
  gint64 collecting_since_us; /* the fragment's first sample's arrival */

  gboolean damaged; /* the picture lacks what it refers to */
  gint64 damaged_since_us;
  gint64 keyframe_asked_us;

  gboolean audio_placed; /* audio_base is known */
  gint64 audio_base;     /* RTP time minus the part's ticks */
  gint64 audio_seen_us;  /* arrival of the last packet */

  gboolean stopped; /* by a full disk or another error */
  gint64 retry_us;
} BlRecorderStream;

/* NULL without memory. */
BlRecorderStream *bl_recorder_stream_new (BlRecorderShared *shared,
                                          const BlTapRecord *start);

/* All is written and the part closed; with `end` the recording, too. */
void bl_recorder_stream_finish (BlRecorderStream *stream, gboolean end);
void bl_recorder_stream_free (BlRecorderStream *stream);

/* A START (again), LOST, BACK or PACKET of this recording. */
void bl_recorder_stream_take (BlRecorderStream *stream,
                              const BlTapRecord *record, const guint8 *payload);

/* What is due by time alone; call some times a second. */
void bl_recorder_stream_tick (BlRecorderStream *stream, gint64 now_us);

/* ---- between recorder_stream.c and recorder_media.c ---- */

void bl_recorder_stream_on_video (BlRecorderStream *stream,
                                  const BlTapRecord *record,
                                  const guint8 *payload, guint64 lost);
void bl_recorder_stream_on_audio (BlRecorderStream *stream,
                                  const BlTapRecord *record,
                                  const guint8 *payload, guint64 lost);

/* Begins a part at this place of the timeline. Without `picture`, for sound
 * alone. FALSE if it can't be; the stream may then be stopped. */
gboolean bl_recorder_stream_begin_part (BlRecorderStream *stream, gint64 at_us,
                                        gboolean picture);
void bl_recorder_stream_end_part (BlRecorderStream *stream);

/* Writes what is collected; not a picture that lasts. */
void bl_recorder_stream_cut (BlRecorderStream *stream);

/* The same, because it is time to: the last picture, whose next one has not
 * come, is kept for the next fragment; not a second time. */
void bl_recorder_stream_cut_in_time (BlRecorderStream *stream);

/* Asks for a keyframe, at most once a second. */
void bl_recorder_stream_want_keyframe (BlRecorderStream *stream);

/* If something was missing before the sample at `at_us`, lists the gap. */
void bl_recorder_stream_note_gap (BlRecorderStream *stream, BlTrackKind track,
                                  gint64 at_us);
