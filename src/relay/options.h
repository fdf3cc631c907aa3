/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay's configuration: the table of its keys, and their values checked
 * as far as that can be done without touching the system.
 */
#pragma once

#include "base/config.h"
#include "signal/link.h"

#define BL_OPTIONS_MAX_WORKERS   64
#define BL_OPTIONS_MAX_ADDRESSES 8
#define BL_OPTIONS_MAX_VIEWERS   2000 /* fewer than a worker's sessions */

typedef struct {
  char *http_listen; /* "" for all addresses */
  guint16 http_port;
  gboolean has_vehicles, has_loopback; /* are there such doors? */
  guint16 vehicle_port;
  guint16 loopback_port;
  char *certificate; /* "" if there is none: then loopback only */
  char *key;
  char *vehicle_ca; /* "" if there is none */
  char *vehicle_crl;
  char *media_listen; /* "" for all addresses */
  guint16 media_port; /* of worker 0; 0: any */
  guint workers;
  char **advertise;       /* "" to find them on this machine */
  GPtrArray *ice_servers; /* of BlIceServer, for clients */
  gboolean full_ice;
  GPtrArray *own_ice_servers; /* of BlIceServer, for the relay itself */
  char **eds;
  guint grace_s;
  guint max_calls;
  guint max_viewers; /* of one call */
  char *folder;
  guint session_idle_s;
  int log_level; /* BlLogLevel */
} BlOptions;

/* Reads and checks. NULL and `error` (BL_CONFIG_ERROR) that names file, line
 * and key. */
BlOptions *bl_options_load (const char *path, GError **error);

/* The same from text; see bl_config_parse(). */
BlOptions *bl_options_parse (const char *text, gsize length, const char *name,
                             GError **error);
void bl_options_free (BlOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlOptions, bl_options_free)

gboolean bl_options_has_ed (const BlOptions *options, const char *ed);

/* For --help-config; free with g_free. */
char *bl_options_describe (void);
