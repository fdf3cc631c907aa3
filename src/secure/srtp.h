/* SPDX-License-Identifier: Apache-2.0
 *
 * SRTP and SRTCP (RFC 3711, RFC 7714) for one session, keyed by DTLS
 * (secure/dtls.h). AES-GCM is our own over OpenSSL (secure/srtp_gcm.h), and
 * does what libsrtp does; AES-CM is libsrtp's (secure/srtp_cm.h).
 *
 * A BlSrtp belongs to one thread at a time. Packets are changed in place.
 * There is no MKI and no encrypted header extension. Nothing is allocated per
 * packet under AES-GCM; the first authentic packet of an SSRC makes a stream
 * (under 0.5 KB; libsrtp's 1 KB), so the number of SSRCs a peer can make is
 * bounded.
 *
 * What goes out is never protected twice under one sequence number: a
 * retransmission is RTX, a stream of its own (RFC 4588). Begin sequence numbers
 * below 2^15, so that a loss at the very start can't be mistaken for a wrap
 * (RFC 3711 section 3.3.1), and leave no gap of 2^15 or more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which we prefer them; 0 is none. */
typedef enum {
  BL_SRTP_NONE,
  BL_SRTP_AEAD_AES_128_GCM,  /* RFC 7714, tag of 16 bytes */
  BL_SRTP_AES128_CM_SHA1_80, /* RFC 3711, tag of 10 bytes */
  BL_SRTP_AEAD_AES_256_GCM,  /* RFC 7714, tag of 16 bytes */
} BlSrtpProfile;

/* The longest master key with its salt: AES-256-GCM's, 32 + 12 bytes. */
#define BL_SRTP_MASTER_MAX 44

/* Master keys, each followed by its salt. Secret: clear after use. */
typedef struct {
  BlSrtpProfile profile;
  uint8_t local[BL_SRTP_MASTER_MAX];  /* for what we send */
  uint8_t remote[BL_SRTP_MASTER_MAX]; /* for what we receive */
} BlSrtpKeys;

/* Overwrites them with zeros. */
void bl_srtp_keys_clear (BlSrtpKeys *keys);

/* Bytes of a profile's master key and of its salt; 0 for BL_SRTP_NONE. */
size_t bl_srtp_key_bytes (BlSrtpProfile profile);
size_t bl_srtp_salt_bytes (BlSrtpProfile profile);

/* "AEAD_AES_128_GCM", as IANA's registry has it; "none". */
const char *bl_srtp_profile_name (BlSrtpProfile profile);

/* Protecting makes a packet longer by at most this: a tag of 16 bytes and, in
 * RTCP, an index of 4. */
#define BL_SRTP_TRAILER_MAX 20

typedef enum {
  BL_SRTP_OK,
  BL_SRTP_SHORT,      /* too short, or its header doesn't fit in it */
  BL_SRTP_AUTH,       /* not authentic: tampered with, or other keys */
  BL_SRTP_REPLAYED,   /* index used already or older than the window; of what
                         comes in, not proven to be authentic */
  BL_SRTP_COPY,       /* the same, and proven: RTP that comes in under AES-GCM
                         is told from a forgery even so */
  BL_SRTP_MANY_SSRCS, /* a new SSRC beyond the bound */
  BL_SRTP_NO_ROOM,    /* less than BL_SRTP_TRAILER_MAX behind the packet */
  BL_SRTP_FAILED,     /* anything else, for example keys used up */
} BlSrtpStatus;

/* How many packets behind the newest one may still come in or go out, once. */
#define BL_SRTP_WINDOW 2048

/* The most that `max_remote_ssrcs` may be. */
#define BL_SRTP_SSRCS_MAX 64

/* From how many SSRCs we may send. */
#define BL_SRTP_LOCAL_SSRCS_MAX 8

typedef struct BlSrtp BlSrtp;

/* Keys are copied (clear yours). `max_remote_ssrcs` (1..BL_SRTP_SSRCS_MAX):
 * how many SSRCs the peer may send from, RTX, RTCP and a few changes of mind
 * included. NULL if a library refuses (no memory). Any thread. */
BlSrtp *bl_srtp_new (const BlSrtpKeys *keys, unsigned max_remote_ssrcs);

/* Accepts NULL. */
void bl_srtp_free (BlSrtp *srtp);

/* Authenticates, decrypts, checks for replay; in place. `*length` in and out,
 * untouched on failure, when the packet's bytes are of no use any more. Bytes
 * straight from the network. */
BlSrtpStatus bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet,
                                    size_t *length);
BlSrtpStatus bl_srtp_unprotect_rtcp (BlSrtp *srtp, uint8_t *packet,
                                     size_t *length);

/* What the next RTP packet to be encrypted will need, in BL_SRTP_PREFETCH_STEPS
 * steps, from that number down to 1 (base/prefetch.h). */
#define BL_SRTP_PREFETCH_STEPS 3
void bl_srtp_prefetch (const BlSrtp *srtp, unsigned step);

/* Encrypts and appends the tag, in place. `capacity`: bytes that may be written
 * from `packet` on, at least *length + BL_SRTP_TRAILER_MAX; bytes behind that
 * are never touched. `*length` in and out, untouched on failure. */
BlSrtpStatus bl_srtp_protect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length,
                                  size_t capacity);
BlSrtpStatus bl_srtp_protect_rtcp (BlSrtp *srtp, uint8_t *packet,
                                   size_t *length, size_t capacity);
