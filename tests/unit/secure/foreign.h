/* SPDX-License-Identifier: Apache-2.0
 *
 * A DTLS peer that is OpenSSL alone, set up as other stacks are. Its datagrams
 * come out record by record.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secure/cert.h"
#include "secure/dtls.h"

typedef struct {
  SSL_CTX *ctx;
  SSL *ssl;
} Foreign;

/* A client or a server with a certificate over `key` (taken), whose SHA-384
 * fingerprint it gives. The caller may set more on ctx before
 * foreign_start(). */
void foreign_init_with (Foreign *f, EVP_PKEY *key, BlFingerprint *out_print);

/* The same over a new key on P-256. */
void foreign_init (Foreign *f, BlFingerprint *out_print);

/* Begins the handshake. */
void foreign_start (Foreign *f, bool server);
void foreign_clear (Foreign *f);

/* One record, as a datagram of its own, up to 2048 bytes; 0 when there is
 * none. */
size_t foreign_next (Foreign *f, uint8_t *record);

/* Carries datagrams to and fro until neither end has more to say. */
void foreign_talk (Foreign *f, BlDtls *ours);
