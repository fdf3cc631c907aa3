/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker counts, as plain numbers. The worker writes its counters
 * without a lock; control sees a copy in the BL_WORKER_STATS event.
 */
#pragma once

#include <glib.h>

#include "base/bltime.h"
#include "base/histogram.h"

/* Everything a worker drops, by reason. */
typedef enum {
  BL_DROP_GARBAGE,         /* neither STUN, DTLS, RTP nor RTCP */
  BL_DROP_TRUNCATED,       /* longer than a packet buffer */
  BL_DROP_UNKNOWN_ADDRESS, /* no session owns the sender's address */
  BL_DROP_STUN,            /* malformed, unknown ufrag or wrong password */
  BL_DROP_DTLS,            /* after the session was lost, or malformed */
  BL_DROP_NO_KEYS,         /* SRTP before the handshake was done */
  BL_DROP_AUTH,            /* SRTP or SRTCP authentication failed */
  BL_DROP_REPLAY,          /* seen already, or older than the window */
  BL_DROP_RTP,             /* malformed after decryption */
  BL_DROP_RTCP,            /* malformed after decryption */
  BL_DROP_UNKNOWN_TRACK,   /* neither SSRC, mid nor payload type fits */
  BL_DROP_PADDING,         /* RTX without a packet in it: a probe of the path */
  BL_DROP_BEFORE_KEY,      /* video of a publisher before its first keyframe */
  BL_DROP_DUPLICATE,       /* this sequence number is already in the history */
  BL_DROP_STALE,           /* older than the history */
  BL_DROP_TAP,             /* the recorder fell behind */
  BL_DROP_PROTECT,         /* SRTP refused to encrypt */
  BL_DROP_SEND_FULL,       /* the socket's buffer was full (EAGAIN) */
  BL_DROP_SEND_ERROR,      /* the kernel refused the send */
  BL_DROP_RTX_BUDGET,      /* a viewer asked for more than its token bucket */
  BL_DROP_RTX_GONE,        /* a viewer asked for what the history has not */
  BL_DROP_BUDGET,          /* more of it than a peer may send or ask for */
  BL_N_DROPS,
} BlDrop;

/* "garbage", "unknown_address", …: for health and metrics. */
const char *bl_drop_name (BlDrop drop);

typedef struct {
  guint64 packets_in, bytes_in;
  guint64 packets_out, bytes_out;
  guint64 sends; /* system calls; packets_out / sends is the run length */
  guint64 keyframe_requests_in, keyframe_requests_out;
  guint64 nacks_in;         /* packets that viewers asked for again */
  guint64 nacks_out;        /* packets asked of publishers again */
  guint64 rtx_sent;         /* repairs to viewers */
  guint64 blocked_sends;    /* sends that found the socket's buffer full */
  guint64 failed_sends;     /* sends that the kernel refused */
  guint64 viewers_lost_way; /* so far behind that they had to join anew */
  guint64 drops[BL_N_DROPS];
  BlHistogram receive_batch; /* datagrams of a receive call that gave any */
  BlHistogram send_batch;    /* datagrams of a send call */
  /* From a media packet's arrival until the last copy of it is with the kernel
   * or, for want of room there, waits: what the relay adds. */
  BlHistogram queue_us;
} BlWorkerCounters;

/* Without a packet for so long, a source (or a track of it) is not live. */
#define BL_MEDIA_SILENCE_US (2 * BL_SECOND)

typedef enum {
  BL_TRACK_VIDEO,
  BL_TRACK_AUDIO,
  BL_N_TRACKS,
} BlTrackKind;

/* Since the source was added. Control derives rates from two snapshots. */
typedef struct {
  guint64 packets, bytes; /* received, repairs included; bytes of payload */
  guint64 frames;         /* RTP marker bits seen (video) */
  guint64 keyframes;
  guint64 lost;          /* never arrived */
  guint64 recovered;     /* arrived by RTX or as redundancy */
  guint64 repairs;       /* packets of forward error correction that came */
  guint64 fec_recovered; /* brought back by them */
  guint32 jitter_us;
  gboolean live; /* media within BL_MEDIA_SILENCE_US */
} BlTrackStats;

typedef struct {
  guint64 source;    /* BlSourceId */
  guint64 publisher; /* BlSessionId, 0 if there is none now */
  gboolean live;
  guint viewers;          /* connected ones */
  guint32 rtt_us;         /* to the publisher; 0 if unknown */
  gboolean clock_known;   /* clock_offset_us has been measured */
  gint64 clock_offset_us; /* relay's wall clock minus the publisher's */
  gint64 capture_age_us;  /* capture to arrival of the last picture; -1 */
  BlTrackStats tracks[BL_N_TRACKS];
  guint64 copies; /* packets that came once more, over another path */
  /* To all viewers, those who left included; bytes of payload. */
  guint64 packets_out, bytes_out, rtx_sent;
  guint64 nacks_in;  /* packets that viewers asked for again */
  guint64 nacks_out; /* packets asked of the publishers again */
} BlSourceStats;

/* What a viewer is given of the pictures, by what its link carries; more is
 * worse (relay/thinner.h). */
typedef enum {
  BL_PICTURES_ALL,
  BL_PICTURES_REFERENCED, /* all but those that no other refers to */
  BL_PICTURES_KEYFRAMES,
  BL_PICTURES_NONE,
} BlPictures;

/* "all", "referenced", "keyframes", "none": for the API. */
const char *bl_pictures_name (BlPictures pictures);

typedef struct {
  guint64 session, source; /* BlSessionId, BlSourceId */
  gboolean connected;
  BlPictures pictures;
  guint64 packets, bytes; /* sent */
  guint64 rtx_sent;
  guint64 nacks;        /* packets asked for again */
  guint8 fraction_lost; /* of 256, by the last receiver report (video) */
  guint32 rtt_us;       /* 0 if unknown */
  guint32 jitter_us;
  guint64 transport_received, transport_lost; /* by its transport-cc feedback */
} BlViewerStats;

typedef struct {
  BlTime at_us;
  BlWorkerCounters counters;
  guint n_sources, n_viewers;
  BlSourceStats *sources; /* n_sources */
  BlViewerStats *viewers; /* n_viewers */
} BlWorkerStats;

/* Accepts NULL. */
void bl_worker_stats_free (BlWorkerStats *stats);
