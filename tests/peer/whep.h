/* SPDX-License-Identifier: Apache-2.0
 *
 * A WHIP or WHEP client's HTTP: POST an offer, DELETE the session.
 * Asynchronous, in the thread's default main context.
 */
#pragma once

#include <gio/gio.h>

typedef struct PeerWhep PeerWhep;

/* `ca`: PEM, or NULL for the system's. `token`: Bearer, or NULL. */
PeerWhep *peer_whep_new (const char *url, const char *ca, const char *token,
                         GError **error);
void peer_whep_free (PeerWhep *whep);

/* With an answer of status 201: its body and the session's absolute URL;
 * else NULL and what the relay said. Both belong to the callee. */
typedef void (*PeerWhepAnswer) (char *answer, char *session_url, GError *error,
                                gpointer user_data);
void peer_whep_post (PeerWhep *whep, const char *offer, PeerWhepAnswer answered,
                     gpointer user_data);

/* The call that the relay named in its last answer to a publisher; "" if it
 * named none. Borrowed until the next answer. */
const char *peer_whep_call (const PeerWhep *whep);

/* `done` is called whatever comes of it. */
void peer_whep_delete (PeerWhep *whep, const char *session_url,
                       void (*done) (gpointer user_data), gpointer user_data);
