/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.call"
#include "vehicle/callfile.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/log.h"
#include "secure/token.h"
#include "vehicle/options.h"

#define NAME  "call"
#define GROUP "call"

void
bl_call_file_clear (BlCallFile *call)
{
  g_clear_pointer (&call->ed, g_free);
  g_clear_pointer (&call->id, g_free);
  call->started_unix_s = 0;
}

gboolean
bl_call_file_prepare (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0700) == 0 && access (folder, W_OK) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
               "can't write to the state folder %s (%s): make it for this"
               " user, or set [vehicle] state_folder",
               folder, g_strerror (errno));
  return FALSE;
}

gboolean
bl_call_file_save (const char *folder, const BlCallFile *call, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_key_file_set_string (file, GROUP, "ed", call->ed);
  g_key_file_set_string (file, GROUP, "id", call->id);
  g_key_file_set_int64 (file, GROUP, "started", call->started_unix_s);
  gsize length;
  g_autofree char *text = g_key_file_to_data (file, &length, NULL);
  g_autofree char *path = g_build_filename (folder, NAME, NULL);
  return g_file_set_contents_full (path, text, (gssize)length,
                                   G_FILE_SET_CONTENTS_CONSISTENT
                                       | G_FILE_SET_CONTENTS_DURABLE,
                                   0600, error);
}

gboolean
bl_call_file_load (const char *folder, BlCallFile *out_call, GError **error)
{
  g_autofree char *path = g_build_filename (folder, NAME, NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return FALSE;
  g_autoptr (GKeyFile) file = g_key_file_new ();
  BlCallFile call = { 0 };
  if (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL)) {
    call.ed = g_key_file_get_string (file, GROUP, "ed", NULL);
    call.id = g_key_file_get_string (file, GROUP, "id", NULL);
    call.started_unix_s = g_key_file_get_int64 (file, GROUP, "started", NULL);
  }
  if (call.ed && bl_vehicle_ed_is_valid (call.ed) && call.id
      && bl_id_is_valid (call.id)) {
    *out_call = call;
    return TRUE;
  }
  bl_call_file_clear (&call);
  g_autofree char *aside = g_strconcat (path, ".bad", NULL);
  g_rename (path, aside);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
               "%s does not name a call: put aside as %s, and no call is"
               " resumed",
               path, aside);
  return FALSE;
}

void
bl_call_file_forget (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, NAME, NULL);
  if (g_unlink (path) != 0 && errno != ENOENT)
    bl_warning ("can't delete %s (%s): delete it by hand, or the next start"
                " resumes a call that was hung up",
                path, g_strerror (errno));
}
