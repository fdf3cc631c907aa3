/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.options"
#include "relay/options.h"

#include <gio/gio.h>
#include <string.h>

#include "base/log.h"

static const BlConfigKey keys[] = {
  { "http", "listen", BL_CONFIG_STRING, "",
    "address that the HTTPS ports listen on; empty for all", 0, 0, NULL },
  { "http", "port", BL_CONFIG_INT, "8443",
    "TCP port of pages, API, WHEP and WHIP with tokens", 1, 65535, NULL },
  { "http", "vehicle_port", BL_CONFIG_INT, "8444",
    "TCP port of vehicles, which show a client certificate; 0 for none", 0,
    65535, NULL },
  { "http", "loopback_port", BL_CONFIG_INT, "0",
    "TCP port without TLS, for this machine alone; 0 for none", 0, 65535,
    NULL },
  { "http", "session_idle_s", BL_CONFIG_INT, "43200",
    "a person is signed out after so many seconds without a request", 60,
    604800, NULL },
  { "tls", "certificate", BL_CONFIG_PATH, "",
    "the relay's certificate and chain (PEM); needed but for loopback alone", 0,
    0, NULL },
  { "tls", "key", BL_CONFIG_PATH, "", "the certificate's private key (PEM)", 0,
    0, NULL },
  { "tls", "vehicle_ca", BL_CONFIG_PATH, "",
    "certificates of the authority that signs vehicles' certificates (PEM)", 0,
    0, NULL },
  { "tls", "vehicle_crl", BL_CONFIG_PATH, "",
    "that authority's revocation list (PEM)", 0, 0, NULL },
  { "media", "listen", BL_CONFIG_STRING, "",
    "address that the media ports listen on; empty for all", 0, 0, NULL },
  { "media", "port", BL_CONFIG_INT, "50000",
    "UDP port of the first worker; the others follow", 0, 65535, NULL },
  { "media", "workers", BL_CONFIG_INT, "0",
    "media threads, each with its own port; 0 for one a core", 0,
    BL_OPTIONS_MAX_WORKERS, NULL },
  { "media", "advertise", BL_CONFIG_LIST, "",
    "addresses at which vehicles and viewers reach the media ports, for a "
    "relay behind NAT; empty for this machine's own",
    0, 0, NULL },
  { "media", "ice", BL_CONFIG_CHOICE, "lite",
    "lite: clients reach the media ports by themselves; full: the relay finds "
    "a way to them with STUN and TURN, for a site that lets no UDP in",
    0, 0, "lite|full" },
  { "media", "ice_servers", BL_CONFIG_LIST, "",
    "with ice = full: STUN and TURN servers that the relay itself uses, as in "
    "[ice] servers; empty for those",
    0, 0, NULL },
  { "ice", "servers", BL_CONFIG_LIST, "",
    "STUN and TURN servers to tell clients of: stun:HOST[:PORT] or "
    "turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]",
    0, 0, NULL },
  { "calls", "eds", BL_CONFIG_LIST, NULL,
    "short names of the emergency departments, such as north, south", 0, 0,
    NULL },
  { "calls", "grace_s", BL_CONFIG_INT, "300",
    "a call whose vehicle is out of reach longer than this ends", 5, 86400,
    NULL },
  { "calls", "max", BL_CONFIG_INT, "64", "calls at a time", 1, 512, NULL },
  { "calls", "max_viewers", BL_CONFIG_INT, "1000",
    "viewers of one call, all on one worker", 1, BL_OPTIONS_MAX_VIEWERS, NULL },
  { "store", "folder", BL_CONFIG_PATH, "/var/lib/bluelight",
    "folder of the database and the recordings", 0, 0, NULL },
  { "log", "level", BL_CONFIG_CHOICE, "info", "how much to log", 0, 0,
    "error|warning|info|debug" },
};

char *
bl_options_describe (void)
{
  return bl_config_describe (keys, G_N_ELEMENTS (keys));
}

static gboolean
is_ed_name (const char *name)
{
  gsize length = strlen (name);
  if (length == 0 || length > 32 || !g_ascii_isalnum (name[0]))
    return FALSE;
  for (const char *c = name; *c; c++) {
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && *c != '-')
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_eds (const BlConfig *config, GError **error)
{
  const char *const *eds = bl_config_list (config, "calls", "eds");
  if (!eds[0]) {
    bl_config_set_error (config, "calls", "eds", error,
                         "is empty; name at least one department");
    return FALSE;
  }
  for (guint i = 0; eds[i]; i++) {
    if (!is_ed_name (eds[i])) {
      bl_config_set_error (config, "calls", "eds", error,
                           "“%s” is not a short name; use up to 32 of a-z, "
                           "0-9 and -, such as north",
                           eds[i]);
      return FALSE;
    }
    for (guint j = 0; j < i; j++) {
      if (g_str_equal (eds[i], eds[j])) {
        bl_config_set_error (config, "calls", "eds", error,
                             "“%s” is given twice", eds[i]);
        return FALSE;
      }
    }
  }
  return TRUE;
}

static gboolean
check_address (const BlConfig *config, const char *section, const char *key,
               const char *address, gboolean may_be_any, GError **error)
{
  g_autoptr (GInetAddress) parsed = g_inet_address_new_from_string (address);
  if (!parsed) {
    bl_config_set_error (config, section, key, error,
                         "“%s” is not an IPv4 or IPv6 address; host names are "
                         "not looked up",
                         address);
    return FALSE;
  }
  if (may_be_any)
    return TRUE;
  if (g_inet_address_get_is_any (parsed)
      || g_inet_address_get_is_multicast (parsed)) {
    bl_config_set_error (config, section, key, error,
                         "nobody can send to “%s”; give the address at which "
                         "clients reach this relay",
                         address);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_addresses (const BlConfig *config, GError **error)
{
  static const char *const sections[] = { "http", "media" };
  for (guint i = 0; i < G_N_ELEMENTS (sections); i++) {
    const char *listen = bl_config_string (config, sections[i], "listen");
    if (*listen
        && !check_address (config, sections[i], "listen", listen, TRUE, error))
      return FALSE;
  }
  const char *const *advertise = bl_config_list (config, "media", "advertise");
  for (guint i = 0; advertise[i]; i++) {
    if (!check_address (config, "media", "advertise", advertise[i], FALSE,
                        error))
      return FALSE;
    if (i == BL_OPTIONS_MAX_ADDRESSES) {
      bl_config_set_error (config, "media", "advertise", error,
                           "has more than %d addresses",
                           BL_OPTIONS_MAX_ADDRESSES);
      return FALSE;
    }
  }
  return TRUE;
}

/* turn:USER:PASSWORD@HOST… or stun:HOST…; NULL if it is neither. */
static BlIceServer *
parse_ice_server (const char *text)
{
  g_auto (GStrv) scheme = g_strsplit (text, ":", 2);
  if (g_strv_length (scheme) != 2)
    return NULL;
  gboolean turn
      = g_str_equal (scheme[0], "turn") || g_str_equal (scheme[0], "turns");
  gboolean stun
      = g_str_equal (scheme[0], "stun") || g_str_equal (scheme[0], "stuns");
  char *at = strrchr (scheme[1], '@');
  if (stun && !at && *scheme[1])
    return bl_ice_server_new (text, NULL, NULL);
  if (!turn || !at || !at[1])
    return NULL;
  *at = '\0';
  g_auto (GStrv) who = g_strsplit (scheme[1], ":", 2);
  if (g_strv_length (who) != 2 || !*who[0] || !*who[1])
    return NULL;
  g_autofree char *url = g_strdup_printf ("%s:%s", scheme[0], at + 1);
  return bl_ice_server_new (url, who[0], who[1]);
}

static GPtrArray *
read_ice_servers (const BlConfig *config, const char *section, const char *key,
                  GError **error)
{
  g_autoptr (GPtrArray) servers
      = g_ptr_array_new_with_free_func ((GDestroyNotify)bl_ice_server_free);
  const char *const *texts = bl_config_list (config, section, key);
  for (guint i = 0; texts[i]; i++) {
    BlIceServer *server = parse_ice_server (texts[i]);
    if (!server) {
      /* The text may hold a password: name its place, not itself. */
      bl_config_set_error (config, section, key, error,
                           "server %u is neither stun:HOST[:PORT] nor "
                           "turn:USER:PASSWORD@HOST[:PORT]",
                           i + 1);
      return NULL;
    }
    g_ptr_array_add (servers, server);
  }
  return g_steal_pointer (&servers);
}

static gboolean
read_all_ice_servers (BlOptions *o, const BlConfig *config, GError **error)
{
  o->ice_servers = read_ice_servers (config, "ice", "servers", error);
  if (!o->ice_servers)
    return FALSE;
  o->own_ice_servers
      = *bl_config_list (config, "media", "ice_servers")
            ? read_ice_servers (config, "media", "ice_servers", error)
            : g_ptr_array_ref (o->ice_servers);
  return o->own_ice_servers != NULL;
}

static gboolean
check_pairs (const BlConfig *config, GError **error)
{
  gboolean certificate = *bl_config_string (config, "tls", "certificate") != 0;
  gboolean key = *bl_config_string (config, "tls", "key") != 0;
  gint64 loopback = bl_config_int (config, "http", "loopback_port");
  gint64 vehicles = bl_config_int (config, "http", "vehicle_port");

  if (certificate != key) {
    bl_config_set_error (config, "tls", key ? "certificate" : "key", error,
                         "is missing; certificate and key belong together");
    return FALSE;
  }
  if (!certificate && loopback == 0) {
    bl_config_set_error (config, "tls", "certificate", error,
                         "is missing; certs/README.md says how to make one");
    return FALSE;
  }
  if (certificate && vehicles != 0
      && !*bl_config_string (config, "tls", "vehicle_ca")) {
    bl_config_set_error (config, "tls", "vehicle_ca", error,
                         "is missing; give it, or [http] vehicle_port = 0 if "
                         "there are no vehicles");
    return FALSE;
  }
  gint64 port = bl_config_int (config, "http", "port");
  if (port == vehicles || port == loopback
      || (vehicles && vehicles == loopback)) {
    bl_config_set_error (config, "http", "port", error,
                         "port, vehicle_port and loopback_port must differ");
    return FALSE;
  }
  gint64 media = bl_config_int (config, "media", "port");
  gint64 workers = bl_config_int (config, "media", "workers");
  if (media + MAX (workers, 1) - 1 > 65535) {
    bl_config_set_error (
        config, "media", "port", error,
        "leaves no room for %" G_GINT64_FORMAT " workers below 65536", workers);
    return FALSE;
  }
  return TRUE;
}

static char *
get_string (const BlConfig *config, const char *section, const char *key)
{
  return g_strdup (bl_config_string (config, section, key));
}

static void
fill (BlOptions *o, const BlConfig *config)
{
  o->http_listen = get_string (config, "http", "listen");
  o->http_port = (guint16)bl_config_int (config, "http", "port");
  o->vehicle_port = (guint16)bl_config_int (config, "http", "vehicle_port");
  o->loopback_port = (guint16)bl_config_int (config, "http", "loopback_port");
  o->has_loopback = o->loopback_port != 0;
  o->session_idle_s = (guint)bl_config_int (config, "http", "session_idle_s");
  o->certificate = get_string (config, "tls", "certificate");
  o->key = get_string (config, "tls", "key");
  o->vehicle_ca = get_string (config, "tls", "vehicle_ca");
  o->has_vehicles = o->vehicle_port != 0 && *o->certificate;
  o->vehicle_crl = get_string (config, "tls", "vehicle_crl");
  o->media_listen = get_string (config, "media", "listen");
  o->media_port = (guint16)bl_config_int (config, "media", "port");
  o->workers = (guint)bl_config_int (config, "media", "workers");
  if (o->workers == 0)
    o->workers = MIN (g_get_num_processors (), BL_OPTIONS_MAX_WORKERS);
  o->advertise
      = g_strdupv ((char **)bl_config_list (config, "media", "advertise"));
  o->full_ice = g_str_equal (bl_config_string (config, "media", "ice"), "full");
  o->eds = g_strdupv ((char **)bl_config_list (config, "calls", "eds"));
  o->grace_s = (guint)bl_config_int (config, "calls", "grace_s");
  o->max_calls = (guint)bl_config_int (config, "calls", "max");
  o->max_viewers = (guint)bl_config_int (config, "calls", "max_viewers");
  o->folder = get_string (config, "store", "folder");
  BlLogLevel level = BL_LOG_INFO;
  bl_log_level_from_string (bl_config_string (config, "log", "level"), &level);
  o->log_level = (int)level;
}

/* Takes `config`; NULL passes an earlier error on. */
static BlOptions *
from_config (BlConfig *taken, GError **error)
{
  g_autoptr (BlConfig) config = taken;
  g_autoptr (BlOptions) options = NULL;

  if (!config || !check_eds (config, error) || !check_addresses (config, error)
      || !check_pairs (config, error))
    return NULL;
  options = g_new0 (BlOptions, 1);
  if (!read_all_ice_servers (options, config, error))
    return NULL;
  fill (options, config);
  return g_steal_pointer (&options);
}

BlOptions *
bl_options_load (const char *path, GError **error)
{
  return from_config (bl_config_load (path, keys, G_N_ELEMENTS (keys), error),
                      error);
}

BlOptions *
bl_options_parse (const char *text, gsize length, const char *name,
                  GError **error)
{
  return from_config (
      bl_config_parse (text, length, name, keys, G_N_ELEMENTS (keys), error),
      error);
}

void
bl_options_free (BlOptions *options)
{
  if (!options)
    return;
  g_free (options->http_listen);
  g_free (options->certificate);
  g_free (options->key);
  g_free (options->vehicle_ca);
  g_free (options->vehicle_crl);
  g_free (options->media_listen);
  g_strfreev (options->advertise);
  g_clear_pointer (&options->ice_servers, g_ptr_array_unref);
  g_clear_pointer (&options->own_ice_servers, g_ptr_array_unref);
  g_strfreev (options->eds);
  g_free (options->folder);
  g_free (options);
}

gboolean
bl_options_has_ed (const BlOptions *options, const char *ed)
{
  return g_strv_contains ((const char *const *)options->eds, ed);
}
