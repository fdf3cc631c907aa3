/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords of local accounts, hashed with yescrypt ("$y$") by libcrypt. A hash
 * takes tens of milliseconds and 16 MB on purpose: run it on GLib's task pool,
 * never on a main loop. Any thread.
 */
#pragma once

#include <glib.h>

/* In characters and in bytes. */
#define BL_PASSWORD_CHARACTERS_MIN 12
#define BL_PASSWORD_BYTES_MAX      256

#define BL_PASSWORD_ERROR (bl_password_error_quark ())
GQuark bl_password_error_quark (void);

typedef enum {
  BL_PASSWORD_ERROR_SHORT, /* too short, too long, not text: try another */
  BL_PASSWORD_ERROR_FAILED,
} BlPasswordError;

/* A new hash with a salt of its own, to be stored; NULL and `error` for a
 * password that breaks the rules, which the message states. */
char *bl_password_hash (const char *password, GError **error);

/* Whether `password` is the one behind `hash`. NULL as `hash` (no such user),
 * or one that is no hash, gives FALSE after the same work, so that time doesn't
 * tell who has an account. */
gboolean bl_password_verify (const char *hash, const char *password);
