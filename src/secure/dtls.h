/* SPDX-License-Identifier: Apache-2.0
 *
 * DTLS 1.2 with use_srtp (RFC 6347, RFC 5764) without sockets: datagrams go in
 * one by one, datagrams come out of a bounded queue, keys for secure/srtp.h
 * come out when it is up. The relay is the server (a=setup:passive) and chooses
 * the SRTP profile; the vehicle is the client.
 *
 * The peer is who its certificate's fingerprint in SDP says it is: any
 * certificate that matches one is right, any other ends the handshake with a
 * bad_certificate alert.
 *
 * A BlDtlsContext may be used by all threads at once. A BlDtls belongs to one
 * thread at a time.
 *
 * Time: OpenSSL reads the real clock for its retransmission timer, and only for
 * that. So `now` translates its timer into the caller's time, and a caller
 * with a virtual clock gets retransmissions only as real time passes.
 *
 * Shape of use:
 *   in:    bl_dtls_receive (d, datagram, n);     then drain and look at state
 *   out:   while ((n = bl_dtls_next_output (d, buffer, sizeof buffer)) > 0)
 *            send (buffer, n);
 *   timer: if (bl_dtls_deadline (d, now) <= now)
 *            bl_dtls_on_deadline (d);            then drain and look at state
 *   once the peer has proved that it is up, too: bl_dtls_settle (d);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "secure/cert.h"
#include "secure/srtp.h"

/* Bytes of UDP payload that no datagram of ours exceeds. */
#define BL_DTLS_MTU_BYTES 1200

/* How many fingerprints of the peer count; SDP has one or two. */
#define BL_DTLS_FINGERPRINTS_MAX 4

/* Certificate, ciphers, curves and profiles: one for a process. */
typedef struct BlDtlsContext BlDtlsContext;

/* Borrows nothing: takes references of its own to what is in `cert`. */
BlDtlsContext *bl_dtls_context_new (const BlCert *cert, GError **error);

/* Accepts NULL. Sessions made from it may outlive it. */
void bl_dtls_context_free (BlDtlsContext *context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlDtlsContext, bl_dtls_context_free)

typedef enum {
  BL_DTLS_SERVER,
  BL_DTLS_CLIENT,
} BlDtlsRole;

/* Goes only downwards in this list. */
typedef enum {
  BL_DTLS_CONNECTING,
  BL_DTLS_UP,     /* keys can be had */
  BL_DTLS_CLOSED, /* by close_notify from the peer, or bl_dtls_close() */
  BL_DTLS_FAILED, /* bl_dtls_failure() says why */
} BlDtlsState;

typedef enum {
  BL_DTLS_FAILURE_NONE,
  BL_DTLS_FAILURE_FINGERPRINT, /* a certificate that SDP doesn't name */
  BL_DTLS_FAILURE_PROFILE,     /* no SRTP profile in common */
  BL_DTLS_FAILURE_TIMEOUT,     /* no answer to 12 retransmissions, about 17 s */
  BL_DTLS_FAILURE_ALERT,       /* the peer ended it with a fatal alert */
  BL_DTLS_FAILURE_PROTOCOL,    /* anything else: see bl_dtls_failure_text() */
} BlDtlsFailure;

typedef struct {
  uint32_t datagrams_in;
  uint32_t datagrams_out;
  uint32_t output_dropped;    /* the queue was full: the caller didn't drain */
  uint32_t application_bytes; /* data of the peer that nobody here wants */
} BlDtlsStats;

typedef struct BlDtls BlDtls;

/* `fingerprints` of the peer are copied, 1..BL_DTLS_FINGERPRINTS_MAX of them.
 * A client's first datagram is in the queue at once. NULL if there is no
 * memory. */
BlDtls *bl_dtls_new (const BlDtlsContext *context, BlDtlsRole role,
                     const BlFingerprint *fingerprints, size_t count);

/* Accepts NULL. Tells the peer nothing: bl_dtls_close() does. */
void bl_dtls_free (BlDtls *dtls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlDtls, bl_dtls_free)

/* One whole datagram from the network (first byte 20..63, RFC 7983), not
 * changed, not kept. Gives the state after it. What is no DTLS record, or not
 * authentic once there are keys, is ignored. Before that nothing is
 * authentic: a forged alert or handshake message ends the session, so pass on
 * only what comes from an address that ICE has checked. */
BlDtlsState bl_dtls_receive (BlDtls *dtls, const uint8_t *datagram,
                             size_t length);

/* Takes the oldest datagram of the queue; its length, or 0 when there is none.
 * `capacity` is at least BL_DTLS_MTU_BYTES. */
size_t bl_dtls_next_output (BlDtls *dtls, uint8_t *buffer, size_t capacity);

/* When bl_dtls_on_deadline() is due; BL_TIME_NEVER when no timer runs. It
 * moves with each datagram. Times out first after 100 ms, then after twice the
 * time before, up to 2 s. */
BlTime bl_dtls_deadline (const BlDtls *dtls, BlTime now);

/* Sends the last flight again if its time has come, else does nothing. */
BlDtlsState bl_dtls_on_deadline (BlDtls *dtls);

/* Puts close_notify in the queue if it is up; CLOSED unless FAILED. */
void bl_dtls_close (BlDtls *dtls);

BlDtlsState bl_dtls_state (const BlDtls *dtls);
BlDtlsFailure bl_dtls_failure (const BlDtls *dtls);

/* A sentence for the log, "" while nothing has failed. Borrowed. */
const char *bl_dtls_failure_text (const BlDtls *dtls);

const BlDtlsStats *bl_dtls_stats (const BlDtls *dtls);

/* The peer has its keys (something of it was authentic under them), so it won't
 * ask for our last flight again: lets go of the handshake, which takes some
 * 90 KiB until then. Closing, by either end, works on. Does nothing unless UP
 * and drained; may be called again. Whether it has settled. */
bool bl_dtls_settle (BlDtls *dtls);

/* The profile and master keys (RFC 5764 section 4.2), local and remote already
 * told apart by role. False, and nothing written, unless UP and not settled.
 * The caller clears them. */
bool bl_dtls_keys (BlDtls *dtls, BlSrtpKeys *out_keys);
