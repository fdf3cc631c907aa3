/* SPDX-License-Identifier: Apache-2.0
 *
 * People who may sign in, one-time sign-in codes and sign-in sessions. A code
 * or cookie is stored only as its SHA-256: they are random and long, so that a
 * slow hash would add nothing. Passwords are hashed by the caller
 * (secure/password), away from this thread.
 */
#pragma once

#include "store/db.h"

typedef enum {
  BL_USER_CLINICIAN,
  BL_USER_IT,
} BlUserRole;

/* "clinician" or "it". */
const char *bl_user_role_name (BlUserRole role);
gboolean bl_user_role_from_name (const char *name, BlUserRole *out_role);

typedef struct {
  gint64 id;
  char *name; /* what is typed to sign in; compared without case */
  char *display_name;
  BlUserRole role;
  char *password_hash; /* yescrypt string, or NULL: codes only */
  gboolean disabled;
  gint64 created_us;
} BlUser;

void bl_user_free (BlUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlUser, bl_user_free)

/* Names are 1-64 of a-z A-Z 0-9 . _ - @. EXISTS, VALUE. */
gboolean bl_users_add (BlDb *db, const char *name, const char *display_name,
                       BlUserRole role, const char *password_hash,
                       gint64 now_us, gint64 *out_id, GError **error);

/* NULL with NOT_FOUND if there is none. */
BlUser *bl_users_find (BlDb *db, const char *name, GError **error);
BlUser *bl_users_get (BlDb *db, gint64 id, GError **error);

/* All, by name: (element-type BlUser), with free function. */
GPtrArray *bl_users_list (BlDb *db, GError **error);

/* Also ends the user's sign-ins and voids the codes. */
gboolean bl_users_set_password (BlDb *db, gint64 id, const char *password_hash,
                                GError **error);
/* Disabling also ends the user's sign-ins and voids the codes. */
gboolean bl_users_set_disabled (BlDb *db, gint64 id, gboolean disabled,
                                GError **error);

/* ---- one-time codes ---- */

/* Stores the hash of `code` (the caller made it at random and shows it once).
 */
gboolean bl_users_add_code (BlDb *db, gint64 user, const char *code,
                            gint64 now_us, gint64 expires_us, GError **error);

/* Takes the code out, so that it works once, and gives its user. NOT_FOUND if
 * it is unknown, used or expired, or its user disabled. */
BlUser *bl_users_use_code (BlDb *db, const char *code, gint64 now_us,
                           GError **error);

/* ---- sign-ins ---- */

typedef struct {
  BlUser *user;
  gint64 created_us, last_seen_us, expires_us;
} BlSignIn;

void bl_sign_in_free (BlSignIn *sign_in);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlSignIn, bl_sign_in_free)

/* Remembers the hash of a new random cookie. */
gboolean bl_users_sign_in (BlDb *db, gint64 user, const char *cookie,
                           gint64 now_us, gint64 expires_us, GError **error);

/* Whose cookie it is. NOT_FOUND if unknown, expired, or its user disabled. */
BlSignIn *bl_users_find_sign_in (BlDb *db, const char *cookie, gint64 now_us,
                                 GError **error);

/* Notes use and moves the expiry. */
gboolean bl_users_touch_sign_in (BlDb *db, const char *cookie, gint64 now_us,
                                 gint64 expires_us, GError **error);

/* TRUE also if it was unknown. */
gboolean bl_users_sign_out (BlDb *db, const char *cookie, GError **error);

/* Forgets expired codes and sign-ins. */
gboolean bl_users_expire (BlDb *db, gint64 now_us, GError **error);
