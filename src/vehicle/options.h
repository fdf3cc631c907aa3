/* SPDX-License-Identifier: Apache-2.0
 *
 * The vehicle's configuration: the table of keys, and what can only be judged
 * across keys (an address with https needs certificates, a server of [ice] must
 * be a STUN or TURN URL).
 */
#pragma once

#include <glib.h>

#include "base/config.h"
#include "vehicle/pathplan.h"
#include "vehicle/pipeline.h"

/* Strings are owned by the configuration, unless said otherwise. */
typedef struct {
  BlConfig *config;
  const char *unit;
  const char *state_folder;
  const char *relay_url;  /* without a slash at its end */
  gboolean relay_is_here; /* the url names this machine's loopback */
  const char *relay_ca;   /* NULL: the system's CAs */
  const char *certificate;
  const char *key; /* both NULL only for http on loopback */
  BlCaptureOptions capture;
  GPtrArray *ice_servers; /* of BlIceServer */
  const char *ice_ca;     /* NULL: the system's CAs */
  const char *const *ice_interfaces;
  BlPathMode path_mode;
  guint16 kiosk_port;
  const char *const *eds; /* names, as in the relay's configuration */
  guint health_s;
  const char *log_level;
  char *owned_url;
  char *owned_source; /* what --source put into `capture` */
} BlVehicleOptions;

/* NULL and an error that names file, line and key. */
BlVehicleOptions *bl_vehicle_options_load (const char *path, GError **error);
BlVehicleOptions *bl_vehicle_options_parse (const char *text, gsize length,
                                            const char *name, GError **error);
void bl_vehicle_options_free (BlVehicleOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlVehicleOptions, bl_vehicle_options_free)

/* What --source stands for: the name of a pipeline, /dev/… (a camera), rtsp://…
 * (a network camera) or a media file. */
gboolean bl_vehicle_options_set_source (BlVehicleOptions *options,
                                        const char *source, GError **error);

/* Is this an ED's name: 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with
 * a dot? What an ED is called decides the relay. */
gboolean bl_vehicle_ed_is_valid (const char *ed);

/* The reference for --help-config; free with g_free. */
char *bl_vehicle_options_describe (void);
