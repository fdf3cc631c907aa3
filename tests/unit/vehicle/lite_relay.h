/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: the media side of a relay on a loopback port, ICE-lite and DTLS
 * server for one peer. Runs in the default main context.
 */
#pragma once

#include <glib.h>

#include "base/address.h"
#include "secure/dtls.h"
#include "signal/candidate.h"

typedef struct {
  int socket;
  guint16 port;
  GSource *source;
  BlCert *cert;
  BlDtlsContext *context;
  BlFingerprint fingerprint; /* its own */
  BlFingerprint peer;        /* what it expects; set before connecting */
  BlDtls *dtls;
  BlSrtp *srtp;
  BlAddress address; /* of the peer; from the last nominated check */
  char ufrag[16], pwd[32];
  bool deaf; /* drops all that comes */
  guint nominations, addresses;
  guint rtp, rtcp, bad;
  guint8 last[2048]; /* the last RTP packet, in clear */
  gsize last_length;
} LiteRelay;

LiteRelay *lite_relay_new (void);
void lite_relay_free (LiteRelay *relay);

/* New credentials, as after an ICE restart. */
void lite_relay_renew (LiteRelay *relay);

BlCandidate lite_relay_candidate (const LiteRelay *relay);

/* Protects and sends; `packet` has room for the tag. */
void lite_relay_send_rtcp (LiteRelay *relay, guint8 *packet, gsize length,
                           gsize capacity);
