/* SPDX-License-Identifier: Apache-2.0
 *
 * A relay's control side in this process, on free ports, with media that does
 * nothing; certificates of a site minted once for the program; and a client.
 */
#pragma once

#include <check.h>
#include <libsoup/soup.h>

#include "fake_media.h"
#include "relay/http.h"
#include "store/tokens.h"

typedef struct {
  char *folder; /* of the store */
  BlOptions *options;
  BlDb *db;
  BlAuth *auth;
  BlRegistry *registry;
  BlMedia *media;
  BlHttp *http;
  /* For the next start; 0: as it is for operators. */
  guint request_s, max_connections;
} Site;

extern Site site;

/* Mints; once, before the suite. FALSE if it can't. */
gboolean site_mint (void);
void site_unmint (void);

/* A path in the minted folder: "ca/RTW-1.pem"; free with g_free. */
char *site_cert (const char *name);

void site_setup (void);
void site_teardown (void);

/* Takes the registry and HTTP down and up again, as a restart does. */
void site_restart (void);

/* A user; the password is "correct horse battery". */
gint64 site_add_user (const char *name, BlUserRole role);

/* A signed-in user's Cookie header for the loopback door. */
char *site_cookie (const char *name, BlUserRole role);

/* A token's secret; `from_now_s` may lie in the past. */
char *site_token (BlTokenKind kind, const char *subject, gint64 from_now_s);

typedef struct {
  BlDoor door; /* 0: loopback */
  const char *method, *path;
  const char *type, *body;
  gsize body_bytes; /* 0: strlen (body) */
  const char *bearer, *cookie, *origin, *if_match, *call, *range, *host;
  const char *certificate; /* name of a vehicle's: "ca/RTW-1" */
} Ask;

typedef struct {
  guint status;
  char *body;
  gsize body_bytes;
  SoupMessageHeaders *headers;
} Reply;

/* Asks and waits. Fails the test if nothing comes back. */
void site_ask (const Ask *ask, Reply *out_reply);
void reply_clear (Reply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reply, reply_clear)

const char *reply_header (const Reply *reply, const char *name);

/* The status alone. */
guint site_status (const Ask *ask);

/* Offers of a publisher and of a viewer; free with g_free. */
char *offer_whip (void);
char *offer_whep (void);

/* Writes bytes to a door's port as they are and gives all that comes back
 * until the relay closes. Fails the test if it does not within `wait_s`. */
char *site_raw (BlDoor door, const char *bytes, gsize length, guint wait_s);
