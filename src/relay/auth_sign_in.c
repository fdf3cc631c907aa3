/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.auth"
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/auth_private.h"
#include "secure/password.h"
#include "secure/token.h"

/* Each check takes 16 MB and a core for tens of milliseconds. */
#define MAX_HASHING 4
#define BUSY_US     (2 * BL_SECOND)

typedef struct {
  char *name, *password, *address;
  char *hash;   /* what the password is checked against; NULL: no such user */
  BlUser *user; /* NULL: no such user */
  BlTime wait_us;
} Try;

static void
free_try (Try *try)
{
  g_free (try->name);
  if (try->password)
    explicit_bzero (try->password, strlen (try->password));
  g_free (try->password);
  g_free (try->address);
  g_free (try->hash);
  g_clear_pointer (&try->user, bl_user_free);
  g_free (try);
}

static void
return_failed (GTask *task, GError *taken, const char *what)
{
  g_autoptr (GError) why = taken;
  bl_error ("%s: %s", what, why ? why->message : "unknown error");
  g_task_return_new_error (task, BL_AUTH_ERROR, BL_AUTH_ERROR_FAILED,
                           "signing in failed at the relay; its log says why");
}

static void
return_wrong (BlAuth *auth, GTask *task)
{
  const Try *try = g_task_get_task_data (task);
  g_autoptr (GError) why = NULL;
  g_autofree char *from = g_strdup_printf ("from %s", try->address);

  /* A name that is nobody's may be a password typed in the wrong field. */
  if (!bl_audit_add (auth->db, bl_clock_unix_us (), BL_ACTOR_USER,
                     try->user ? try->user->name : "unknown",
                     BL_AUDIT_SIGN_IN_FAILED, NULL, from, &why)) {
    return_failed (task, g_steal_pointer (&why), "auditing a sign-in");
    return;
  }
  g_task_return_new_error (
      task, BL_AUTH_ERROR, BL_AUTH_ERROR_WRONG,
      try->password ? "name or password is wrong"
                    : "the code is wrong, used or expired; ask for a new one");
}

/* No name has a space in it. */
static char *
pair_key (const char *name, const char *address)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);
  return g_strconcat (lower, " ", address, NULL);
}

static void
return_right (BlAuth *auth, GTask *task)
{
  const Try *try = g_task_get_task_data (task);
  g_autoptr (GError) why = NULL;
  g_autofree char *cookie = bl_token_new ();
  g_autofree char *from = g_strdup_printf ("from %s", try->address);
  gint64 now_us = bl_clock_unix_us ();
  gint64 idle_us = auth->options->session_idle_s * BL_SECOND;

  if (!bl_audit_add (auth->db, now_us, BL_ACTOR_USER, try->user->name,
                     BL_AUDIT_SIGN_IN, NULL, from, &why)
      || !bl_users_sign_in (auth->db, try->user->id, cookie, now_us,
                            now_us + idle_us, &why)) {
    return_failed (task, g_steal_pointer (&why), "storing a sign-in");
    return;
  }
  g_autofree char *pair = pair_key (try->user->name, try->address);
  bl_throttle_forget (auth->by_pair, pair);
  bl_info ("%s signed in %s", try->user->name, from);
  g_task_return_pointer (task, g_steal_pointer (&cookie), g_free);
}

static void
check_password (GTask *task, gpointer source, gpointer data,
                GCancellable *cancellable)
{
  const Try *try = data;
  g_task_return_boolean (task, bl_password_verify (try->hash, try->password));
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BlAuth *auth = g_object_get_data (G_OBJECT (task), "auth");
  const Try *try = g_task_get_task_data (task);
  gboolean right = g_task_propagate_boolean (G_TASK (result), NULL);

  auth->hashing--;
  if (right && try->user && !try->user->disabled)
    return_right (auth, task);
  else
    return_wrong (auth, task);
}

static void
start_password (BlAuth *auth, GTask *task)
{
  Try *try = g_task_get_task_data (task);
  g_autoptr (GError) why = NULL;

  try->user = bl_users_find (auth->db, try->name, &why);
  if (!try->user && !g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND)
      && !g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_VALUE)) {
    return_failed (task, g_steal_pointer (&why), "looking a user up");
    return;
  }
  if (try->user)
    try->hash = g_strdup (try->user->password_hash);
  /* Its own task, so that the pool's thread touches neither the database nor
   * the outer task. `try` outlives it: the outer task is its user_data. */
  g_autoptr (GTask) check
      = g_task_new (NULL, NULL, on_checked, g_object_ref (task));
  g_task_set_task_data (check, try, NULL);
  auth->hashing++;
  g_task_run_in_thread (check, check_password);
}

static void
start_code (BlAuth *auth, GTask *task, const char *typed)
{
  Try *try = g_task_get_task_data (task);
  g_autoptr (GError) why = NULL;
  g_autofree char *code = bl_code_normalise (typed);

  if (code)
    try->user = bl_users_use_code (auth->db, code, bl_clock_unix_us (), &why);
  if (try->user)
    return_right (auth, task);
  else if (!code || g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND))
    return_wrong (auth, task);
  else
    return_failed (task, g_steal_pointer (&why), "looking a code up");
}

static BlTime
throttle (BlAuth *auth, const BlSignInTry *try)
{
  BlTime now = bl_clock_now ();
  BlTime wait = bl_throttle_take (auth->by_address, try->address, now);
  if (wait == 0 && try->name) {
    g_autofree char *pair = pair_key (try->name, try->address);
    g_autofree char *name = g_ascii_strdown (try->name, -1);
    wait = bl_throttle_take (auth->by_pair, pair, now);
    if (wait == 0)
      wait = bl_throttle_take (auth->by_name, name, now);
  }
  if (wait == 0 && try->name && auth->hashing >= MAX_HASHING)
    wait = BUSY_US;
  return wait;
}

void
bl_auth_sign_in_async (BlAuth *auth, const BlSignInTry *given,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Try *try = g_new0 (Try, 1);

  try->name = g_strdup (given->name);
  try->password = g_strdup (given->password);
  try->address = g_strdup (given->address);
  g_task_set_task_data (task, try, (GDestroyNotify)free_try);
  g_object_set_data (G_OBJECT (task), "auth", auth);
  try->wait_us = throttle (auth, given);
  if (try->wait_us > 0)
    g_task_return_new_error (task, BL_AUTH_ERROR, BL_AUTH_ERROR_THROTTLED,
                             "too many tries; wait %u s and try again",
                             (guint)(try->wait_us / BL_SECOND) + 1);
  else if (given->code)
    start_code (auth, task, given->code);
  else
    start_password (auth, task);
}

char *
bl_auth_sign_in_finish (BlAuth *auth, GAsyncResult *result, BlUser **out_user,
                        BlTime *out_wait_us, GError **error)
{
  Try *try = g_task_get_task_data (G_TASK (result));
  char *cookie = g_task_propagate_pointer (G_TASK (result), error);
  *out_wait_us = try->wait_us;
  *out_user = cookie ? g_steal_pointer (&try->user) : NULL;
  return cookie;
}

gboolean
bl_auth_sign_out (BlAuth *auth, const BlWho *who, const char *cookie,
                  GError **error)
{
  return bl_users_sign_out (auth->db, cookie, error)
         && bl_audit_add (auth->db, bl_clock_unix_us (), who->actor, who->name,
                          BL_AUDIT_SIGN_OUT, NULL, NULL, error);
}
