/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP headers of WHIP and WHEP: Link with rel="ice-server" (RFC 9725 section
 * 4.6, grammar of RFC 8288), and strong entity tags with If-Match (RFC 9110
 * sections 8.8.3 and 13.1.1). Pure functions; any thread.
 */
#pragma once

#include <glib.h>

typedef struct {
  char *url;        /* "turn:turn.example.org:3478?transport=udp" */
  char *username;   /* NULL for STUN */
  char *credential; /* NULL for STUN */
} BlIceServer;

#define BL_LINK_MAX_SERVERS 16
#define BL_LINK_MAX_BYTES   8192

BlIceServer *bl_ice_server_new (const char *url, const char *username,
                                const char *credential);
void bl_ice_server_free (BlIceServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlIceServer, bl_ice_server_free)

/* The value of one Link header; free with g_free. */
char *bl_link_build (const BlIceServer *server);

/* The ICE servers (BlIceServer, owned by the array) among the links of a Link
 * header's value, or of several joined with commas. Links of other relations,
 * malformed ones, ones whose URL is not stun:, stuns:, turn: or turns:, and
 * those after BL_LINK_MAX_SERVERS are left out: a header that we can't read
 * must not stop a call. NULL gives an empty array. */
GPtrArray *bl_link_parse (const char *value);

typedef enum {
  BL_IF_MATCH_MISSING,   /* no header: 428 */
  BL_IF_MATCH_MALFORMED, /* 400 */
  BL_IF_MATCH_ANY,       /* "*": WHIP's ICE restart */
  BL_IF_MATCH_SAME,      /* the session's current tag is among them */
  BL_IF_MATCH_DIFFERENT, /* it is not: 412 */
} BlIfMatch;

/* Compares the header's value (NULL if there is none) with the current tag,
 * given without its quotes. Weak tags never match. */
BlIfMatch bl_etag_if_match (const char *value, const char *tag);

/* The tag in its quotes, for ETag; free with g_free. */
char *bl_etag_quote (const char *tag);

/* The tag of an ETag header without its quotes, or NULL if the value is not one
 * strong tag; free with g_free. */
char *bl_etag_unquote (const char *value);
