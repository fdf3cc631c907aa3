/* SPDX-License-Identifier: Apache-2.0
 *
 * One viewer of a load: a session, its socket, its feedback, and a judge of
 * what it gets. Packets are told by their clear headers; decrypted and
 * authenticated are all of a viewer that is a sample, and of the others those
 * up to the first keyframe, one in LG_DECRYPT_EACH after it, all
 * retransmissions, and what the header doesn't explain. One thread.
 */
#pragma once

#include "feedback.h"
#include "judge.h"
#include "loop.h"

#define LG_SAMPLE_EACH  20 /* viewers */
#define LG_DECRYPT_EACH 64 /* packets; a power of two */

/* What all viewers share. */
typedef struct {
  LgLoop *loop;
  const LgSent *sent;
  const BlCert *cert;
  const BlDtlsContext *context;
  int64_t real_less_mono_us; /* what CLOCK_REALTIME is ahead */

  /* The source's packets from..to (not included) are measured. */
  uint64_t from, to;
  uint64_t delivered, repaired;
  LgHistogram latency;

  /* Since the start. */
  uint64_t packets, retransmissions, reordered, doubles;
  uint64_t authentic, refused; /* of those decrypted */
  uint64_t unknown, remapped, overflows;
} LgShared;

typedef struct {
  /* For the caller to read. */
  PeerSession session;
  LgJudge judge;
  int64_t asked_ns;     /* its POST; CLOCK_REALTIME */
  int64_t answered_ns;  /* the other's SDP is here; LG_NEVER */
  int64_t connected_ns; /* it has keys; LG_NEVER */
  int64_t own_ns;       /* of the time to there, what it or its queue took */
  unsigned n_byes;

  /* Its own. */
  LgShared *shared;
  bool sample;
  uint32_t ssrc; /* of the video that comes; 0: none yet */
  LgSocket socket;
  int64_t idle_ns; /* since when it waits for the server */
  PeerFeedback feedback;
  BlNack nack;
  BlRtpReceiverStats report;
} LgMember;

LgMember *lg_member_new (unsigned index, LgShared *shared);
/* What it saw goes into the shared sums. */
void lg_member_free (LgMember *member);

/* WHEP: the offer (free it), and what comes of the answer. */
char *lg_member_offer (LgMember *member);
bool lg_member_answer (LgMember *member, const char *answer, GError **error);

/* Where the server offers: the answer (free it), reached at the address from
 * which `server` is; NULL and `error`. `lg_member_ask()` begins its time. */
void lg_member_ask (LgMember *member);
char *lg_member_accept (LgMember *member, const char *offer,
                        const BlAddress *server, GError **error);

/* About every 10 ms. */
void lg_member_on_time (LgMember *member, BlTime now);
