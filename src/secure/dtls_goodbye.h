/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left of a DTLS session when the handshake can't be asked for again:
 * saying goodbye, and hearing it. A few hundred bytes in the place of OpenSSL's
 * 70 KiB. For secure/dtls.c alone.
 *
 * Our close_notify is sealed in advance by OpenSSL itself. Of what comes in,
 * alerts are opened here (DTLS 1.2 records with AEAD ciphers: RFC 6347 section
 * 4.1, RFC 5246 section 6.2.3.3, RFC 5288, RFC 7905); all else is nobody's.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A close_notify of ours: header, explicit nonce, alert and tag. */
#define BL_DTLS_GOODBYE_MAX 48

typedef struct {
  const EVP_CIPHER *cipher;
  uint8_t key[32], iv[12]; /* what the peer writes with; secret */
  size_t iv_bytes;         /* 12, or 4: the rest is in each record */
  size_t sealed_bytes;
  uint8_t sealed[BL_DTLS_GOODBYE_MAX];
} BlDtlsGoodbye;

typedef enum {
  BL_DTLS_HEARD_NOTHING, /* no alert, not authentic, or a warning */
  BL_DTLS_HEARD_CLOSE,   /* close_notify */
  BL_DTLS_HEARD_FATAL,   /* a fatal alert */
} BlDtlsHeard;

/* Derives the keys of a session that is up. False if it can't. */
bool bl_dtls_goodbye_init (BlDtlsGoodbye *goodbye, SSL *ssl,
                           bool peer_is_client);

/* Overwrites the keys. */
void bl_dtls_goodbye_clear (BlDtlsGoodbye *goodbye);

/* Bytes straight from the network. */
BlDtlsHeard bl_dtls_goodbye_hear (const BlDtlsGoodbye *goodbye,
                                  const uint8_t *datagram, size_t length);
