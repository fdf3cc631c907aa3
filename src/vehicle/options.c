/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/options.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>

#include "signal/iceurl.h"
#include "signal/link.h"

static const BlConfigKey keys[] = {
  { "vehicle", "unit", BL_CONFIG_STRING, "this ambulance",
    "what the crew's page calls this ambulance; the relay knows it by its"
    " certificate",
    0, 0, NULL },
  { "vehicle", "state_folder", BL_CONFIG_PATH, "/var/lib/bluelight-vehicle",
    "where a call's identity is kept, so that a restarted daemon resumes it", 0,
    0, NULL },
  { "relay", "url", BL_CONFIG_STRING, NULL,
    "the relay's address for vehicles, for example"
    " https://relay.hospital.example:8444",
    0, 0, NULL },
  { "relay", "ca", BL_CONFIG_PATH, "",
    "PEM file of the CA that signed the relay's certificate; empty: the"
    " system's CAs",
    0, 0, NULL },
  { "relay", "certificate", BL_CONFIG_PATH, "",
    "PEM file of this vehicle's certificate", 0, 0, NULL },
  { "relay", "key", BL_CONFIG_PATH, "", "PEM file of its private key", 0, 0,
    NULL },
  { "capture", "pipeline", BL_CONFIG_STRING, "v4l2",
    "the pipeline's name: test, v4l2, file, rtsp, shm, …", 0, 0, NULL },
  { "capture", "pipelines", BL_CONFIG_PATH, "",
    "the folder of the pipelines; empty: those that were installed", 0, 0,
    NULL },
  { "capture", "device", BL_CONFIG_PATH, "/dev/video0", "the camera", 0, 0,
    NULL },
  { "capture", "location", BL_CONFIG_STRING, "",
    "media file, rtsp:// address or shared-memory socket, for the pipelines"
    " that take one",
    0, 0, NULL },
  { "capture", "loop", BL_CONFIG_BOOL, "true",
    "play a media file again when it ends; false: the call goes on without a"
    " picture",
    0, 0, NULL },
  { "capture", "width", BL_CONFIG_INT, "1280", "of the picture, in pixels", 160,
    3840, NULL },
  { "capture", "height", BL_CONFIG_INT, "720", "of the picture, in pixels", 90,
    2160, NULL },
  { "capture", "fps", BL_CONFIG_INT, "30", "pictures a second", 5, 60, NULL },
  { "capture", "bitrate_kbps", BL_CONFIG_INT, "2500", "of the picture", 100,
    20000, NULL },
  { "capture", "sound", BL_CONFIG_CHOICE, "auto",
    "the microphone; auto: the system's default", 0, 0,
    BL_PIPELINE_SOUND_CHOICES },
  { "capture", "sound_device", BL_CONFIG_STRING, "default",
    "the microphone's name for sound = alsa or pulse", 0, 0, NULL },
  { "capture", "sound_bitrate_kbps", BL_CONFIG_INT, "32", "of the sound", 8,
    256, NULL },
  { "ice", "servers", BL_CONFIG_LIST, "",
    "stun:HOST:PORT, turn:USER:PASSWORD@HOST:PORT?transport=udp or tcp,"
    " turns:USER:PASSWORD@HOST:PORT (by TLS); the relay may name more",
    0, 0, NULL },
  { "ice", "ca", BL_CONFIG_PATH, "",
    "PEM file of the CA that signed the turns: servers' certificates; empty:"
    " the system's CAs",
    0, 0, NULL },
  { "ice", "interfaces", BL_CONFIG_LIST, "",
    "names or addresses of the network interfaces to use, at most four; empty:"
    " all",
    0, 0, NULL },
  { "ice", "paths", BL_CONFIG_CHOICE, "protect",
    "protect: the best network carries all, the second sound, keyframes and"
    " repairs too, padding now and then to find out what that one carries, and"
    " all while the first is in doubt; failover: only the best;"
    " duplicate: the two best carry all; single: the first, come what may",
    0, 0, BL_PATH_MODE_CHOICES },
  { "kiosk", "port", BL_CONFIG_INT, "8080",
    "the crew's page and API on loopback; 0: none", 0, 65535, NULL },
  { "eds", "list", BL_CONFIG_LIST, "",
    "departments that the crew may call from their page: north, south", 0, 0,
    NULL },
  { "log", "level", BL_CONFIG_CHOICE, "info", "what goes to standard error", 0,
    0, "error|warning|info|debug" },
  { "log", "health_s", BL_CONFIG_INT, "10",
    "seconds between two lines of health during a call; 0: none", 0, 3600,
    NULL },
};

gboolean
bl_vehicle_ed_is_valid (const char *ed)
{
  gsize length = strlen (ed);
  return length >= 1 && length <= 64 && ed[0] != '.'
         && strspn (ed, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == length;
}

static gboolean
is_loopback_name (const char *host)
{
  if (g_ascii_strcasecmp (host, "localhost") == 0)
    return TRUE;
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);
  return address && g_inet_address_get_is_loopback (address);
}

static const char *
text_or_null (const BlConfig *config, const char *section, const char *key)
{
  const char *text = bl_config_string (config, section, key);
  return *text ? text : NULL;
}

static gboolean
read_relay (BlVehicleOptions *o, GError **error)
{
  const BlConfig *c = o->config;
  const char *url = bl_config_string (c, "relay", "url");
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri ? g_uri_get_scheme (uri) : "";
  const char *host = uri ? g_uri_get_host (uri) : NULL;
  bool https = g_str_equal (scheme, "https");
  if (!host || !*host || (!https && !g_str_equal (scheme, "http"))
      || g_uri_get_query (uri) || g_uri_get_fragment (uri)
      || g_uri_get_userinfo (uri)) {
    bl_config_set_error (c, "relay", "url", error,
                         "“%s” is not an address like"
                         " https://relay.hospital.example:8444",
                         url);
    return FALSE;
  }
  o->relay_is_here = is_loopback_name (host);
  if (!https && !o->relay_is_here) {
    bl_config_set_error (c, "relay", "url", error,
                         "“%s” is not encrypted: http is for loopback only,"
                         " use https",
                         url);
    return FALSE;
  }
  o->owned_url = g_strdup (url);
  while (g_str_has_suffix (o->owned_url, "/"))
    o->owned_url[strlen (o->owned_url) - 1] = '\0';
  o->relay_url = o->owned_url;
  o->relay_ca = text_or_null (c, "relay", "ca");
  o->certificate = text_or_null (c, "relay", "certificate");
  o->key = text_or_null (c, "relay", "key");
  if (https && (!o->certificate || !o->key)) {
    bl_config_set_error (c, "relay", o->certificate ? "key" : "certificate",
                         error,
                         "is missing: the relay knows a vehicle by its"
                         " certificate");
    return FALSE;
  }
  return TRUE;
}

/* scheme:[user:password@]host[:port][?transport=…] */
static BlIceServer *
parse_server (const char *text)
{
  static const char *const schemes[] = { "stun:", "turn:", "turns:", NULL };
  const char *const *scheme = schemes;
  while (*scheme && !g_str_has_prefix (text, *scheme))
    scheme++;
  if (!*scheme)
    return NULL;
  const char *rest = text + strlen (*scheme);
  const char *at = strrchr (rest, '@');
  bool turn = scheme != schemes;
  if (turn != (at != NULL) || !(at ? at + 1 : rest)[0])
    return NULL;
  BlIceUrl parsed;
  if (!turn)
    return bl_ice_url_parse (text, &parsed)
               ? bl_ice_server_new (text, NULL, NULL)
               : NULL;
  g_autofree char *user = g_strndup (rest, (gsize)(at - rest));
  char *colon = strchr (user, ':');
  if (!colon)
    return NULL;
  *colon = '\0';
  g_autofree char *url = g_strconcat (*scheme, at + 1, NULL);
  return bl_ice_url_parse (url, &parsed)
             ? bl_ice_server_new (url, user, colon + 1)
             : NULL;
}

static gboolean
read_ice (BlVehicleOptions *o, GError **error)
{
  const char *const *servers = bl_config_list (o->config, "ice", "servers");
  for (; *servers; servers++) {
    BlIceServer *server = parse_server (*servers);
    if (!server) {
      bl_config_set_error (o->config, "ice", "servers", error,
                           "entry %u is neither stun:HOST:PORT nor"
                           " turn: or turns:USER:PASSWORD@HOST:PORT",
                           o->ice_servers->len + 1);
      return FALSE;
    }
    g_ptr_array_add (o->ice_servers, server);
  }
  o->ice_ca = text_or_null (o->config, "ice", "ca");
  o->ice_interfaces = bl_config_list (o->config, "ice", "interfaces");
  return bl_path_mode_parse (bl_config_string (o->config, "ice", "paths"),
                             &o->path_mode);
}

static gboolean
read_eds (BlVehicleOptions *o, GError **error)
{
  o->eds = bl_config_list (o->config, "eds", "list");
  for (const char *const *ed = o->eds; *ed; ed++) {
    if (bl_vehicle_ed_is_valid (*ed))
      continue;
    bl_config_set_error (o->config, "eds", "list", error,
                         "“%s” is no department's name: use a-z, 0-9, '-',"
                         " '_' and '.'",
                         *ed);
    return FALSE;
  }
  return TRUE;
}

/* A program in the build tree has its pipelines in the source tree. */
static const char *
pipelines_folder (const BlConfig *config)
{
  const char *folder = bl_config_string (config, "capture", "pipelines");
  if (*folder)
    return folder;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  return program && g_str_has_prefix (program, BL_BUILD_FOLDER)
             ? BL_SOURCE_PIPELINES
             : BL_PIPELINES_FOLDER;
}

static gboolean
read_capture (BlVehicleOptions *o, GError **error)
{
  const BlConfig *c = o->config;
  o->capture = (BlCaptureOptions){
    .folder = pipelines_folder (c),
    .pipeline = bl_config_string (c, "capture", "pipeline"),
    .device = bl_config_string (c, "capture", "device"),
    .location = bl_config_string (c, "capture", "location"),
    .loop = bl_config_bool (c, "capture", "loop"),
    .sound = bl_config_string (c, "capture", "sound"),
    .sound_device = bl_config_string (c, "capture", "sound_device"),
    .width = (int)bl_config_int (c, "capture", "width"),
    .height = (int)bl_config_int (c, "capture", "height"),
    .fps = (int)bl_config_int (c, "capture", "fps"),
    .bitrate_bps = 1000 * (int)bl_config_int (c, "capture", "bitrate_kbps"),
    .sound_bitrate_bps
    = 1000 * (int)bl_config_int (c, "capture", "sound_bitrate_kbps"),
  };
  /* I420 halves both sides. */
  const char *odd = o->capture.width % 2    ? "width"
                    : o->capture.height % 2 ? "height"
                                            : NULL;
  if (odd) {
    bl_config_set_error (c, "capture", odd, error, "must be an even number");
    return FALSE;
  }
  return TRUE;
}

static BlVehicleOptions *
read_options (BlConfig *config, GError **error)
{
  if (!config)
    return NULL;
  g_autoptr (BlVehicleOptions) o = g_new0 (BlVehicleOptions, 1);
  o->config = config;
  o->ice_servers
      = g_ptr_array_new_with_free_func ((GDestroyNotify)bl_ice_server_free);
  o->unit = bl_config_string (config, "vehicle", "unit");
  o->state_folder = bl_config_string (config, "vehicle", "state_folder");
  o->kiosk_port = (guint16)bl_config_int (config, "kiosk", "port");
  o->health_s = (guint)bl_config_int (config, "log", "health_s");
  o->log_level = bl_config_string (config, "log", "level");
  if (!read_relay (o, error) || !read_capture (o, error) || !read_ice (o, error)
      || !read_eds (o, error))
    return NULL;
  return g_steal_pointer (&o);
}

BlVehicleOptions *
bl_vehicle_options_load (const char *path, GError **error)
{
  return read_options (bl_config_load (path, keys, G_N_ELEMENTS (keys), error),
                       error);
}

BlVehicleOptions *
bl_vehicle_options_parse (const char *text, gsize length, const char *name,
                          GError **error)
{
  return read_options (
      bl_config_parse (text, length, name, keys, G_N_ELEMENTS (keys), error),
      error);
}

void
bl_vehicle_options_free (BlVehicleOptions *options)
{
  if (!options)
    return;
  g_ptr_array_unref (options->ice_servers);
  g_free (options->owned_url);
  g_free (options->owned_source);
  bl_config_free (options->config);
  g_free (options);
}

gboolean
bl_vehicle_options_set_source (BlVehicleOptions *options, const char *source,
                               GError **error)
{
  BlCaptureOptions *capture = &options->capture;
  g_free (options->owned_source);
  options->owned_source = g_strdup (source);
  if (g_str_has_prefix (source, "/dev/")) {
    capture->pipeline = "v4l2";
    capture->device = options->owned_source;
    return TRUE;
  }
  if (g_str_has_prefix (source, "rtsp://")
      || g_str_has_prefix (source, "rtsps://")) {
    capture->pipeline = "rtsp";
    capture->location = options->owned_source;
    return TRUE;
  }
  if (bl_pipeline_exists (capture->folder, source)) {
    capture->pipeline = options->owned_source;
    return TRUE;
  }
  if (g_file_test (source, G_FILE_TEST_IS_REGULAR)) {
    capture->pipeline = "file";
    capture->location = options->owned_source;
    return TRUE;
  }
  g_autofree char *names = bl_pipeline_list (capture->folder);
  g_set_error (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_FILE,
               "--source %s: there is no file and no pipeline of that name;"
               " give a media file, /dev/videoN, rtsp://… or one of: %s",
               source, *names ? names : "(none found)");
  return FALSE;
}

char *
bl_vehicle_options_describe (void)
{
  return bl_config_describe (keys, G_N_ELEMENTS (keys));
}
