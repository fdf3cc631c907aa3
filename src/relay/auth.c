/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.auth"
#include "relay/auth.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/auth_private.h"
#include "secure/cert.h"
#include "store/tokens.h"

#define TOUCH_US (60 * BL_SECOND)

G_DEFINE_QUARK (bl_auth_error, bl_auth_error)

BlAuth *
bl_auth_new (BlDb *db, const BlOptions *options, GError **error)
{
  g_autoptr (BlAuth) auth = g_new0 (BlAuth, 1);
  auth->db = db;
  auth->options = options;
  /* A hospital may sit behind one address; a name belongs to one person. Who
   * guesses at a name from elsewhere must not lock that person out, so the
   * bound on a name from anywhere is loose. */
  auth->by_address = bl_throttle_new (60, 2 * BL_SECOND, 4096);
  auth->by_pair = bl_throttle_new (5, 30 * BL_SECOND, 4096);
  auth->by_name = bl_throttle_new (60, 10 * BL_SECOND, 4096);
  if (*options->vehicle_ca) {
    const char *crl = *options->vehicle_crl ? options->vehicle_crl : NULL;
    auth->verifier = bl_cert_verifier_new (options->vehicle_ca, crl, error);
    if (!auth->verifier)
      return NULL;
  }
  return g_steal_pointer (&auth);
}

void
bl_auth_free (BlAuth *auth)
{
  if (!auth)
    return;
  bl_throttle_free (auth->by_address);
  bl_throttle_free (auth->by_pair);
  bl_throttle_free (auth->by_name);
  bl_cert_verifier_free (auth->verifier);
  g_free (auth);
}

gboolean
bl_auth_is_idle (const BlAuth *auth)
{
  return auth->hashing == 0;
}

void
bl_who_clear (BlWho *who)
{
  g_free (who->name);
  g_free (who->display_name);
  g_free (who->owner);
  g_free (who->unit);
  g_free (who->subject);
  *who = (BlWho){ 0 };
}

static gboolean
fail_database (GError **error, GError *taken)
{
  g_autoptr (GError) why = taken;
  bl_error ("can't look a credential up: %s", why->message);
  g_set_error (error, BL_AUTH_ERROR, BL_AUTH_ERROR_FAILED,
               "the relay can't look credentials up; its log says why");
  return FALSE;
}

static gboolean
identify_vehicle (BlAuth *auth, const BlCredentials *credentials, gint64 now_us,
                  BlWho *who, GError **error)
{
  g_autoptr (GError) why = NULL;
  if (!credentials->certificate || !auth->verifier) {
    g_set_error (error, BL_AUTH_ERROR, BL_AUTH_ERROR_CERTIFICATE,
                 "no client certificate was shown; this port is for vehicles: "
                 "set [tls] certificate and key on the vehicle");
    return FALSE;
  }
  who->unit = bl_cert_verify_peer (auth->verifier, credentials->certificate,
                                   credentials->certificate_bytes,
                                   now_us / BL_SECOND, &why);
  if (!who->unit) {
    bl_warning ("a vehicle was refused: %s", why->message);
    g_set_error_literal (error, BL_AUTH_ERROR, BL_AUTH_ERROR_CERTIFICATE,
                         why->message);
    return FALSE;
  }
  who->roles |= BL_ROLE_VEHICLE;
  who->actor = BL_ACTOR_UNIT;
  who->name = g_strdup (who->unit);
  who->display_name = g_strdup (who->unit);
  who->owner = g_strdup_printf ("unit %s", who->unit);
  return TRUE;
}

static gboolean
identify_bearer (BlAuth *auth, const char *secret, gint64 now_us, BlWho *who,
                 GError **error)
{
  static const BlRole roles[] = {
    [BL_TOKEN_PUBLISH] = BL_ROLE_PUBLISHER,
    [BL_TOKEN_VIEW] = BL_ROLE_VIEWER,
    [BL_TOKEN_METRICS] = BL_ROLE_METRICS,
  };
  g_autoptr (GError) why = NULL;
  g_autoptr (BlToken) token = bl_tokens_find (auth->db, secret, now_us, &why);
  if (!token) {
    if (!g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND))
      return fail_database (error, g_steal_pointer (&why));
    g_set_error (error, BL_AUTH_ERROR, BL_AUTH_ERROR_TOKEN,
                 "the token is unknown, expired or revoked; ask the hospital's "
                 "IT for a new one");
    return FALSE;
  }
  who->roles |= roles[token->kind];
  who->actor = BL_ACTOR_TOKEN;
  who->token = token->id;
  who->subject = g_strdup (token->subject);
  who->name
      = g_strdup_printf ("%" G_GINT64_FORMAT " %s", token->id, token->label);
  g_strchomp (who->name);
  who->display_name
      = *token->label ? g_strdup (token->label)
                      : g_strdup_printf ("token %" G_GINT64_FORMAT, token->id);
  who->owner = g_strdup_printf ("token %" G_GINT64_FORMAT, token->id);
  return TRUE;
}

static gboolean
identify_cookie (BlAuth *auth, const char *cookie, gint64 now_us, BlWho *who,
                 GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (BlSignIn) sign_in
      = bl_users_find_sign_in (auth->db, cookie, now_us, &why);
  if (!sign_in) {
    if (!g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND))
      return fail_database (error, g_steal_pointer (&why));
    return TRUE; /* signed out meanwhile: nobody */
  }
  gint64 idle_us = auth->options->session_idle_s * BL_SECOND;
  if (now_us - sign_in->last_seen_us > TOUCH_US
      && !bl_users_touch_sign_in (auth->db, cookie, now_us, now_us + idle_us,
                                  &why))
    bl_warning ("a sign-in's use is not stored: %s", why->message);

  const BlUser *user = sign_in->user;
  who->roles |= user->role == BL_USER_IT ? BL_ROLE_IT : BL_ROLE_CLINICIAN;
  who->actor = BL_ACTOR_USER;
  who->name = g_strdup (user->name);
  who->display_name
      = g_strdup (user->display_name && *user->display_name ? user->display_name
                                                            : user->name);
  who->owner = g_strdup_printf ("user %" G_GINT64_FORMAT, user->id);
  who->user = user->id;
  who->user_role = user->role;
  who->by_cookie = TRUE;
  return TRUE;
}

/* The token68 behind "Bearer ", or NULL. */
static const char *
bearer_of (const char *authorization)
{
  static const char scheme[] = "Bearer ";
  if (!authorization
      || g_ascii_strncasecmp (authorization, scheme, sizeof scheme - 1) != 0)
    return NULL;
  const char *secret = authorization + sizeof scheme - 1;
  while (*secret == ' ')
    secret++;
  return secret;
}

gboolean
bl_auth_identify (BlAuth *auth, const BlCredentials *credentials, gint64 now_us,
                  BlWho *out_who, GError **error)
{
  BlWho *who = out_who;
  *who = (BlWho){ .roles = BL_ROLE_ANYBODY };
  if (credentials->door == BL_DOOR_VEHICLE)
    return identify_vehicle (auth, credentials, now_us, who, error);
  if (credentials->door == BL_DOOR_LOOPBACK)
    who->roles |= BL_ROLE_LOOPBACK;
  const char *bearer = bearer_of (credentials->authorization);
  if (bearer)
    return identify_bearer (auth, bearer, now_us, who, error);
  if (credentials->cookie)
    return identify_cookie (auth, credentials->cookie, now_us, who, error);
  return TRUE;
}

BlAuthDecision
bl_auth_decide (const BlRouteMatch *match, const BlWho *who)
{
  const BlRoute *route = match->route;
  if (!(route->roles & who->roles))
    return who->owner ? BL_AUTH_DENY : BL_AUTH_SIGN_IN;
  if (route->by_subject && who->subject
      && !g_str_equal (who->subject, match->args[0]))
    return BL_AUTH_DENY;
  return BL_AUTH_ALLOW;
}

gboolean
bl_auth_is_same_origin (const char *origin, const char *fetch_site,
                        const char *self)
{
  if (origin)
    return g_ascii_strcasecmp (origin, self) == 0;
  return g_strcmp0 (fetch_site, "same-origin") == 0;
}
