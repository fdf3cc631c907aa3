/* SPDX-License-Identifier: Apache-2.0
 *
 * What both halves of SRTP with AES-GCM (RFC 7714) share: a keyed cipher, the
 * nonce of a packet, and where things lie in one. For srtp_gcm_send.c and
 * srtp_gcm_receive.c alone. Why it is ours, with figures:
 * docs/adr/0007-media-protection.md.
 *
 * A session key comes from the master key by AES-CM (RFC 3711 section 4.3, key
 * derivation rate 0). A cipher is keyed once and serves all SSRCs.
 *
 * A packet: bl_gcm_begin(), then bl_gcm_authenticate() for each piece in the
 * clear, then either bl_gcm_seal() or bl_gcm_open(). Each is false if OpenSSL
 * refuses. Nothing is allocated, and nothing of one packet is left for the
 * next.
 */
#pragma once

#include "secure/gcm_provider.h"
#include "secure/srtp.h"

#define BL_GCM_NONCE_BYTES 12 /* of the salt too */
#define BL_GCM_TAG_BYTES   16

#define BL_GCM_RTP_HEADER_BYTES  12
#define BL_GCM_RTP_SEQ_AT        2
#define BL_GCM_RTP_SSRC_AT       8
#define BL_GCM_RTCP_HEADER_BYTES 8
#define BL_GCM_RTCP_SSRC_AT      4

/* E flag and index, behind the tag of an SRTCP packet. */
#define BL_GCM_RTCP_TRAILER_BYTES  4
#define BL_GCM_RTCP_ENCRYPTED_FLAG 0x80000000u

typedef enum { BL_GCM_RTP, BL_GCM_RTCP } BlGcmKind;
typedef enum { BL_GCM_OPENS, BL_GCM_SEALS } BlGcmDirection;

typedef struct {
  const BlGcmProvider *gcm;
  void *ctx;
  BlGcmDirection direction;
  uint8_t salt[BL_GCM_NONCE_BYTES];
} BlGcmCipher;

/* `master` is the profile's key followed by its salt, and is not kept. False if
 * OpenSSL refuses (no memory); clear it then, too. */
bool bl_gcm_cipher_init (BlGcmCipher *cipher, BlSrtpProfile profile,
                         const uint8_t *master, BlGcmKind kind,
                         BlGcmDirection direction);

/* Also of one that is all zero. */
void bl_gcm_cipher_clear (BlGcmCipher *cipher);

bool bl_gcm_begin (BlGcmCipher *cipher, uint32_t ssrc, int64_t index);
bool bl_gcm_authenticate (BlGcmCipher *cipher, const uint8_t *data,
                          size_t length);

/* The context, before it is needed. */
void bl_gcm_cipher_prefetch (const BlGcmCipher *cipher);

/* Encrypts in place; the tag goes behind. */
bool bl_gcm_seal (BlGcmCipher *cipher, uint8_t *data, size_t length);

/* Decrypts in place, then checks the tag that lies behind. False if it is not
 * authentic: the data is then of no use. */
bool bl_gcm_open (BlGcmCipher *cipher, uint8_t *data, size_t length);

/* Bytes of an RTP packet before its payload: CSRCs and extension are sent in
 * the clear. 0 if they don't fit in `length`. */
size_t bl_gcm_rtp_header_bytes (const uint8_t *packet, size_t length);
