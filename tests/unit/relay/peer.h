/* SPDX-License-Identifier: Apache-2.0
 *
 * The other end of a session, for tests: a small publisher or viewer over a
 * PeerLink (tests/peer). Without sockets: what it sends goes to a function,
 * what it is to receive is given to it.
 */
#pragma once

#include "link.h"
#include "relay/worker.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "secure/cert.h"

#define PEER_MAX_RECEIVED 4096
#define PEER_KEPT         512

/* Payload types and extension ids of all tests. */
enum {
  PT_VIDEO = 102,
  PT_RTX = 103,
  PT_AUDIO = 111,
};

typedef struct {
  uint32_t ssrc;
  uint8_t payload_type;
  bool marker;
  uint16_t seq;
  uint32_t timestamp;
  uint16_t original_seq; /* RTX */
  uint32_t number;       /* what the publisher wrote into the payload */
  bool key;              /* it is of an IDR */
  uint32_t payload_length;
  BlRtpExtValues ext;
} PeerRtp;

typedef struct {
  uint16_t seq;
  uint32_t timestamp;
  bool marker;
  size_t length;
  uint8_t payload[1200];
} PeerKept;

typedef struct Peer Peer;
struct Peer {
  BlSessionRole role;
  BlNegotiated negotiated; /* as the relay's answer has it */
  char ufrag[16], pwd[32]; /* the relay's */
  void (*send) (void *data, Peer *peer, const uint8_t *bytes, size_t length);
  void *send_data;
  BlFingerprint relay_fingerprint;

  BlCert *cert;
  BlDtlsContext *context;
  PeerLink link;

  /* Publisher. */
  uint32_t video_ssrc, rtx_ssrc, audio_ssrc;
  uint16_t video_seq, rtx_seq, audio_seq, transport_seq;
  uint32_t video_timestamp, audio_timestamp;
  uint32_t number; /* of the next video packet, counted over publishers */
  bool answers_nack;
  bool drop_next; /* the next video packet is numbered but not sent */
  BlNtp capture;  /* written as abs-capture-time unless 0 */
  PeerKept kept[PEER_KEPT];

  /* What came in. */
  unsigned n_rtp;
  PeerRtp rtp[PEER_MAX_RECEIVED];
  unsigned n_plis, n_firs, n_nacks, n_receiver_reports, n_sender_reports;
  unsigned n_transport_feedback, n_byes, n_rrtrs;
  bool has_two_ways;          /* see world.h */
  unsigned way;               /* by which this came */
  unsigned n_path_reports[2]; /* RFC 8888, by which way */
  uint16_t reported_seq[2];   /* video's last one in them */
  uint32_t sr_ssrc, sr_timestamp;
  BlNtp sr_ntp;
  uint32_t relay_ssrc; /* of the last receiver report */
  BlNtp rrtr;
};

/* `id` tells peers apart: it is in the SSRCs, ufrag and password. */
Peer *peer_new (BlSessionRole role, unsigned id, const BlCert *relay_cert,
                void (*send) (void *, Peer *, const uint8_t *, size_t),
                void *send_data);
void peer_free (Peer *peer);

/* What to give to bl_worker_add_session(); borrows from the peer. */
BlSessionSetup peer_setup (Peer *peer);

/* Sends a connectivity check. */
void peer_check (Peer *peer, bool nominate);
/* Begins the handshake. */
void peer_start_dtls (Peer *peer);
bool peer_is_up (const Peer *peer);
void peer_close (Peer *peer);
void peer_receive (Peer *peer, const uint8_t *data, size_t length);
/* Retransmissions of DTLS, in real time. */
void peer_on_time (Peer *peer, BlTime now);

/* Publisher: a picture of `n_packets`, 33 ms after the one before; the first
 * packet of a key picture holds SPS and PPS. */
void peer_send_picture (Peer *peer, bool key, unsigned n_packets);
void peer_send_audio (Peer *peer);
void peer_send_sr (Peer *peer, BlNtp ntp);
/* DLRR in answer to the last RRTR, with our clock at `ntp`. */
void peer_send_xr (Peer *peer, BlNtp ntp, uint32_t delay_65536);

/* Any RTCP compound; encrypts it. */
void peer_send_rtcp (Peer *peer, const uint8_t *data, size_t length);
void peer_send_nack (Peer *peer, uint32_t ssrc, uint16_t seq);
void peer_send_pli (Peer *peer, uint32_t ssrc);
void peer_send_bye (Peer *peer);
