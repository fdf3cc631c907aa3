/* SPDX-License-Identifier: Apache-2.0
 *
 * STUN and TURN URIs (RFC 7064, RFC 7065): scheme:host[:port][?transport=…].
 * Pure; any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define BL_ICE_HOST_SIZE 256

typedef enum {
  BL_ICE_STUN,
  BL_ICE_TURN_UDP,
  BL_ICE_TURN_TCP,
  BL_ICE_TURN_TLS,
} BlIceUrlKind;

typedef struct {
  BlIceUrlKind kind;
  char host[BL_ICE_HOST_SIZE]; /* a name or an address, without brackets */
  guint16 port;                /* 3478, or 5349 for TLS, if not given */
} BlIceUrl;

/* False, nothing written, for any other text (stuns: and DTLS too: libnice has
 * neither). */
bool bl_ice_url_parse (const char *url, BlIceUrl *out_url);
